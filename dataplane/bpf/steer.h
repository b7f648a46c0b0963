/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Keys of the steering maps, shared by the XDP program and the process that fills them. No padding:
 * they are hashed as bytes. Addresses as in struct lb_ip: IPv4 is v4-mapped.
 */
#ifndef DP_BPF_STEER_H
#define DP_BPF_STEER_H

#include <linux/types.h>

/* The maps' names in the object and in bpffs; all are hash maps with a __u8 value that means
 * nothing. */
#define DP_STEER_VIPS    "vips"    /* struct dp_steer_ip: virtual addresses */
#define DP_STEER_LOCALS  "locals"  /* struct dp_steer_ip: addresses of this host */
#define DP_STEER_TARGETS "targets" /* struct dp_steer_target */

struct dp_steer_ip {
	__u8 bytes[16];
};

/* Where a target answers from. A second entry with port 0 says that the address has a target of
 * this protocol at all: later fragments carry no port. */
struct dp_steer_target {
	struct dp_steer_ip ip;
	__u16 port; /* wire order */
	__u8 protocol;
	__u8 zero;
};

#endif
