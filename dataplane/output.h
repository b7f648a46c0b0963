/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The end of a packet's way: Ethernet header, queue, counters.
 */
#ifndef DP_OUTPUT_H
#define DP_OUTPUT_H

#include "pkt.h"

/* Puts those of the live packets, rewritten, that their next hops take into the queues of the ports
 * they leave by; drops the others. */
void dp_output_run(struct dp_worker_ctx *ctx, struct dp_burst *burst);

/* Gives the kernel a frame as 'port' received it. */
void dp_output_kernel(struct dp_worker_ctx *ctx, struct rte_mbuf *m, uint16_t port);

/* Does with a packet that 'port' received what 'verdict' says: DP_TO_KERNEL, or a drop reason. */
void dp_output_settle(
        struct dp_worker_ctx *ctx, struct rte_mbuf *m, uint16_t port, dp_verdict verdict);

/* Drops packet 'i', which has a flow. */
void dp_output_drop(struct dp_worker_ctx *ctx, const struct dp_burst *burst, uint32_t i,
        enum lb_drop_reason reason);

/* The addresses of a next hop, into a frame. */
static inline void dp_output_address(uint8_t *frame, const struct dp_adj *adj)
{
	static_assert(offsetof(struct rte_ether_hdr, src_addr) ==
	                      offsetof(struct dp_adj, src) - offsetof(struct dp_adj, dst),
	        "both addresses are copied at once");
	memcpy(frame, &adj->dst, sizeof(adj->dst) + sizeof(adj->src));
}

#endif
