/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The next hops of a burst.
 */
#ifndef DP_HOPS_H
#define DP_HOPS_H

#include "pipeline.h"
#include "pkt.h"

/* Where live packet 'i', which has a flow, goes: its target or its client. */
struct lb_ip dp_hop_ip(const struct dp_burst *b, uint32_t i);

/* Fills 'adjs' of the live packets of a burst that is not empty. */
void dp_hops_find(struct dp_worker_ctx *ctx, struct dp_burst *b);

#endif
