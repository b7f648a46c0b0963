/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What becomes of a packet that belongs to no flow.
 */
#ifndef DP_MISS_H
#define DP_MISS_H

#include "pkt.h"

/* Makes the flows of the packets to virtual addresses whose bits 'missed' has, in burst->flows[],
 * together and in their order: of two packets of one new flow, the second finds the first's. A SYN
 * or a UDP packet begins one; any other TCP packet without a flow is adopted with the choice that
 * all nodes make, so that connections survive a lost table or a move between nodes. Each one's
 * 'verdicts' becomes DP_GO_ON or a drop reason. */
void dp_miss(
        struct dp_worker_ctx *ctx, struct dp_burst *burst, uint64_t missed, dp_verdict *verdicts);

/* Counts a flow that left the table. 'reason': LB_COUNTER_FLOWS_EXPIRED, _EVICTED or _TARGET_GONE,
 * or LB_COUNTER_FLOWS_ENDED for none of these. */
void dp_count_ended(
        struct dp_worker_ctx *ctx, uint32_t slot, uint32_t listener, enum lb_counter reason);

#endif
