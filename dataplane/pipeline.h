/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The packet's way on a worker: parse -> flow -> [listener -> select -> insert] -> next hop ->
 * rewrite -> output. pipeline.c shows it on one page.
 */
#ifndef DP_PIPELINE_H
#define DP_PIPELINE_H

#include <rte_mbuf.h>

#include "fib.h"
#include "flow.h"
#include "lb/counters.h"
#include "tables.h"

/* Packets that are worked on together, and lines of the flow table that are on their way together:
 * with 32 a look-up in a large table waits half as long again. At most 64, the bits of a set. */
#define DP_BURST     64
#define DP_MAX_PORTS DP_FIB_PORTS
/* The probe port: no device of DPDK's, its frames travel by rings to and from the main lcore. */
#define DP_PORT_PROBE LB_MAX_PORTS

/* What the pipeline needs to know of a port. main lcore: writes before the workers start. */
struct dp_port {
	struct rte_ether_addr mac;
	uint16_t port;        /* DPDK's number; the place in ports[] too */
	uint64_t tx_offloads; /* RTE_ETH_TX_OFFLOAD_* that are switched on */
	uint64_t rx_offloads; /* RTE_ETH_RX_OFFLOAD_* that are switched on */
	bool present;
	bool to_kernel_is_copy; /* the kernel has its own copy of each frame (AF_PACKET): to hand
	                           one over is to free it */
};

/* Packets on their way out of a port, or to the kernel. */
struct dp_out {
	uint16_t n;
	uint8_t directions[2 * DP_BURST]; /* enum dp_direction; to the kernel: nothing is said */
	struct rte_mbuf *pkts[2 * DP_BURST];
};

/* What such a packet to a port was counted as. */
static inline enum lb_counter dp_out_counted(uint8_t direction)
{
	static_assert(LB_COUNTER_TO_CLIENT - LB_COUNTER_TO_TARGET == DP_TO_CLIENT - DP_TO_TARGET,
	        "a direction is a counter's distance");
	return (enum lb_counter)(LB_COUNTER_TO_TARGET + direction);
}

/* Everything of one worker. Written by its worker alone, but for what the pointers lead to. */
struct dp_worker_ctx {
	uint32_t worker;
	uint32_t nb_workers;
	struct dp_tables tables; /* the generation that this worker runs */
	struct dp_flow_table *flows;
	struct dp_flow_tally *tally; /* this worker's; NULL: flows are not counted */
	struct dp_fib *fib;
	const struct dp_port *ports; /* [DP_MAX_PORTS] */
	struct lb_worker_stats *stats;
	struct lb_target_stats *target_stats;     /* [max_targets], this worker's */
	struct lb_listener_stats *listener_stats; /* [max_listeners], this worker's */
	uint32_t max_targets, max_listeners;
	uint32_t now; /* seconds on the flow table's clock; set once in a few polls */
	struct dp_out out[DP_MAX_PORTS];
	struct dp_out kernel[DP_MAX_PORTS]; /* for the kernel, by the port that it came from */
	struct dp_fib_memo memo;            /* of targets' next hops, by slot */
};

/* Takes 'n' (at most DP_BURST) packets that 'port' received, and ownership of them: each ends in an
 * out[] or kernel[] queue or is freed with a drop reason counted. RECEIVED and the verdicts are
 * counted here; the caller sends the queues, and counts TX_FULL and KERNEL_FULL for what it can't
 * send with dp_pipeline_unsent(). The queues must have room for n packets each. */
void dp_pipeline_run(struct dp_worker_ctx *ctx, struct rte_mbuf **pkts, uint16_t n, uint16_t port);

/* Turns a packet that was counted as forwarded (LB_COUNTER_TO_TARGET or _TO_CLIENT), or given to
 * the kernel (LB_COUNTER_KERNEL), into a drop, and frees it. */
void dp_pipeline_unsent(struct dp_worker_ctx *ctx, struct rte_mbuf *pkt, enum lb_counter counted,
        enum lb_drop_reason reason);

/* A slice of the flow table's ageing: to be called between bursts. */
void dp_pipeline_age(struct dp_worker_ctx *ctx, uint32_t nb_buckets);

#endif
