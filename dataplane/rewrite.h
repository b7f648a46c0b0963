/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Forwarding modes: what is done to a packet so that it reaches its target, and the target's answer
 * its client. One file per mode exports one struct of operations.
 */
#ifndef DP_REWRITE_H
#define DP_REWRITE_H

#include "pkt.h"

struct dp_rewrite_ops {
	/* Rewrites the live packets of a burst by their flows: from the IP header on, all checksums
	 * right afterwards if they were right before. TTLs are above 1, and next hops are known.
	 * What ends a simple packet's way is part of the loop (simple.h): dp_simple_done(), or
	 * dp_simple_none(), says which packets are complete. */
	void (*rewrite)(struct dp_worker_ctx *ctx, struct dp_burst *burst);
};

/* LB_MODE_NAT: the other side of the packet changes its address and port, the client's does not. */
extern const struct dp_rewrite_ops dp_rewrite_nat;

/* Whether a group's mode is one that this dataplane knows. */
static inline bool dp_rewrite_mode_known(uint8_t mode)
{
	return mode == LB_MODE_NAT;
}

#endif
