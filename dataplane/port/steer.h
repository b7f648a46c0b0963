/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The steering program of an AF_XDP port: attached before the port exists, through a link that is
 * pinned in bpffs and so outlives the process. What it steers is set by kernel/ with each
 * generation, in maps that all ports of an instance share.
 *
 *     <bpffs>/anabranch/<instance>/ports/<interface>   the link
 *     <bpffs>/anabranch/<instance>/maps/<name>         the maps (bpf/steer.h)
 *
 * A '.' in an interface's name is a ',' in its path: bpffs reserves dots.
 */
#ifndef DP_STEER_H
#define DP_STEER_H

#include <stddef.h>

#include "lb/types.h"

/* Attaches the steering program to 'interface', or puts this version of it in the place of the one
 * that an earlier start of the same instance left pinned under 'bpffs' (mounted if it is missing).
 * To be called before the port's net_af_xdp device is made, which then adopts the program. 0, or
 * -errno with the reason, and what would be right, in 'error'. */
int dp_steer_attach(const char *interface, const char *instance, const char *bpffs, char *error,
        size_t error_size);

/* Detaches it again and removes its pin. 0 also if there was none; -errno. */
int dp_steer_detach(const char *interface, const char *instance, const char *bpffs);

/* The maps of an instance, open. */
struct dp_steer;

/* NULL with errno set: ENOENT when no port of the instance was ever attached. */
struct dp_steer *dp_steer_open(const char *instance, const char *bpffs);
void dp_steer_close(struct dp_steer *steer);

/* Each call below makes one map hold exactly 'n' entries: what is missing is added before what is
 * surplus is removed, so an entry that stays is never absent. 0, or the first -errno; the rest is
 * done all the same. */
int dp_steer_set_vips(struct dp_steer *steer, const struct lb_ip *ips, uint32_t n);
int dp_steer_set_locals(struct dp_steer *steer, const struct lb_ip *ips, uint32_t n);

/* Where targets answer from. */
struct dp_steer_endpoint {
	struct lb_ip ip;
	lb_be16 port;
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
};
int dp_steer_set_targets(
        struct dp_steer *steer, const struct dp_steer_endpoint *targets, uint32_t n);

#endif
