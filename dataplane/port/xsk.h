/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The AF_XDP sockets of this process, found by what they are: their driver keeps them to itself,
 * and leaves out of its statistics what the kernel dropped because a receive ring was full, which
 * is the first that a flood does.
 */
#ifndef DP_PORT_XSK_H
#define DP_PORT_XSK_H

#include <stdint.h>

#define DP_XSK_MAX 512

struct dp_xsk_set {
	uint32_t n;
	int fds[DP_XSK_MAX];
};

/* All that are open, DP_XSK_MAX at most. */
void dp_xsk_list(struct dp_xsk_set *set);

/* Leaves in 'set' what is not in 'before'. */
void dp_xsk_keep_new(struct dp_xsk_set *set, const struct dp_xsk_set *before);

/* Packets dropped because a socket's receive ring was full, since it was opened. */
uint64_t dp_xsk_ring_full(const struct dp_xsk_set *set);

#endif
