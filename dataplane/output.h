/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The end of a packet's way: next hop, Ethernet header, queue, counters.
 */
#ifndef DP_OUTPUT_H
#define DP_OUTPUT_H

#include "pkt.h"

/* Looks up the next hops of the live packets; drops those that have none or do not fit. */
void dp_output_route(struct dp_worker_ctx *ctx, struct dp_burst *burst);

/* Puts the live packets, rewritten, into the queues of the ports they leave by. */
void dp_output_send(struct dp_worker_ctx *ctx, struct dp_burst *burst);

/* Gives the kernel a frame as 'port' received it. */
void dp_output_kernel(struct dp_worker_ctx *ctx, struct rte_mbuf *m, uint16_t port);

/* Drops packet 'i', which has a flow. */
void dp_output_drop(struct dp_worker_ctx *ctx, const struct dp_burst *burst, uint32_t i,
        enum lb_drop_reason reason);

#endif
