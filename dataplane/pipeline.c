/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The packet's way, a burst at a time:
 *
 *     1 parse     frame -> flow key and direction             parse_plain*.c parse.c parse_ip6.c
 *     2 flow      found: is it still good?                    here, flow.c
 *       miss      listener -> select -> insert                miss.c listener.c select.c
 *     3 next hop  of its target or client                     hops.c fib.c
 *     4 rewrite   addresses, ports, TTL, checksums; if it is  rewrite_nat.c
 *                 simple, Ethernet addresses too              simple.h
 *     5 output    the others' Ethernet header; queue          output.c
 *
 * From parse on the two families go apart: a burst is of one.
 *
 * At each stage a packet may leave for the kernel (it is not ours) or be dropped for one counted
 * reason.
 */
#include "pipeline.h"

#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_tcp.h>

#include "hops.h"
#include "miss.h"
#include "output.h"
#include "parse.h"
#include "rewrite.h"
#include "stats.h"

static bool begins_flow(const struct dp_burst *b, uint32_t i)
{
	return b->keys.direction[i] == DP_TO_TARGET &&
	       (b->protocol[i] == IPPROTO_UDP ||
	               (b->tcp_flags[i] & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) ==
	                       RTE_TCP_SYN_FLAG);
}

static void end_flow(struct dp_worker_ctx *ctx, const struct dp_flow *flow, enum lb_counter reason)
{
	if (dp_flow_remove(ctx->flows, ctx->worker, flow))
		dp_count_ended(ctx, flow->slot, flow->listener, reason);
}

/* The drop of a packet that has a flow, and so a listener. */
static dp_verdict refuse(
        struct dp_worker_ctx *ctx, const struct dp_burst *b, uint32_t i, enum lb_drop_reason reason)
{
	if (b->keys.direction[i] == DP_TO_TARGET)
		dp_count_listener_drop(ctx, b->flows[i].listener);
	return (dp_verdict)reason;
}

/* Packet 'i' has a flow: is it still good? A slot with another epoch is not its target's any more:
 * what can begin a flow does so at once, with another target. As long as there are no tables nobody
 * knows about targets, and no flow ends. */
static dp_verdict hit(struct dp_worker_ctx *ctx, struct dp_burst *b, uint32_t i)
{
	const struct dp_flow *flow = &b->flows[i];
	uint8_t tcp_flags = b->tcp_flags[i];

	if (ctx->tables.segment == NULL)
		return LB_DROP_NO_TABLES;
	if (dp_tables_epoch(&ctx->tables, flow->slot) != flow->epoch) {
		end_flow(ctx, flow, LB_COUNTER_FLOWS_TARGET_GONE);
		return begins_flow(b, i) ? DP_NEW_FLOW : refuse(ctx, b, i, LB_DROP_TARGET_GONE);
	}
	if ((tcp_flags & RTE_TCP_SYN_FLAG) && begins_flow(b, i) &&
	        dp_flow_is_over(flow, tcp_flags)) {
		end_flow(ctx, flow, LB_COUNTER_FLOWS_ENDED);
		return DP_NEW_FLOW;
	}
	if (b->ttl[i] <= 1)
		return refuse(ctx, b, i, LB_DROP_TTL_EXPIRED);
	dp_flow_touch(ctx->flows, flow, b->keys.direction[i], tcp_flags, ctx->now);
	return DP_GO_ON;
}

/* The packets of 'odd' one by one, but for new flows, which are made together. Those that are
 * settled leave 'live'. */
static void follow_odd(struct dp_worker_ctx *ctx, struct dp_burst *b, uint64_t found, uint64_t odd)
{
	dp_verdict verdicts[DP_BURST];
	uint64_t missed = 0;

	for (uint64_t left = odd; left != 0;) {
		uint64_t bit = left & -left;
		uint32_t i = dp_first(&left);

		if (found & bit)
			verdicts[i] = hit(ctx, b, i);
		else
			verdicts[i] =
			        b->keys.direction[i] == DP_TO_TARGET ? DP_NEW_FLOW : DP_TO_KERNEL;
		missed |= verdicts[i] == DP_NEW_FLOW ? bit : 0;
	}
	if (missed != 0)
		dp_miss(ctx, b, missed, verdicts);
	while (odd != 0) {
		uint64_t bit = odd & -odd;
		uint32_t i = dp_first(&odd);

		if (verdicts[i] == DP_GO_ON)
			continue;
		dp_output_settle(ctx, b->mbufs[i], b->port, verdicts[i]);
		b->live &= ~bit;
	}
}

/* Of a packet that says nothing new of a settled flow, hit() would say DP_GO_ON, and do nothing. */
static void follow(struct dp_worker_ctx *ctx, struct dp_burst *b)
{
	const struct dp_flow_view view = {.epochs = ctx->tables.epochs,
	        .nb_slots = ctx->tables.segment != NULL ? ctx->tables.nb_slots : 0,
	        .now = ctx->now};
	uint64_t settled, found = dp_flow_lookup(ctx->flows, &b->keys, b->is_v6, b->live, &view,
	                          b->flows, &settled);
	uint64_t odd = b->live & ~(settled & b->quiet);

	if (unlikely(odd != 0))
		follow_odd(ctx, b, found, odd);
}

void dp_pipeline_run(struct dp_worker_ctx *ctx, struct rte_mbuf **pkts, uint16_t n, uint16_t port)
{
	struct dp_burst bursts[2];

	for (uint32_t v6 = 0; v6 < 2; v6++) {
		bursts[v6].port = port;
		bursts[v6].is_v6 = v6;
	}
	dp_parse_burst(ctx, pkts, n, bursts);
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		struct dp_burst *b = &bursts[v6];

		if (b->live == 0)
			continue;
		follow(ctx, b);
		dp_hops_find(ctx, b);
		dp_rewrite_nat.rewrite(ctx, b);
		dp_output_run(ctx, b);
	}
}

void dp_pipeline_unsent(struct dp_worker_ctx *ctx, struct rte_mbuf *pkt, enum lb_counter counted,
        enum lb_drop_reason reason)
{
	/* a reader may see the higher figure for a moment, never a wrong sum when all is quiet */
	dp_count(ctx, counted, UINT64_MAX);
	if (counted != LB_COUNTER_KERNEL)
		dp_count(ctx, LB_COUNTER_FORWARDED_BYTES, -(uint64_t)rte_pktmbuf_pkt_len(pkt));
	dp_drop(ctx, pkt, reason);
}

void dp_pipeline_age(struct dp_worker_ctx *ctx, uint32_t nb_buckets)
{
	/* More than a burst can make, or a sweep that fell behind would never catch up. */
	struct dp_flow_ended ended[2 * DP_BURST];
	bool known = ctx->tables.segment != NULL;
	uint32_t n = dp_flow_age(ctx->flows, ctx->worker, nb_buckets, ctx->now,
	        known ? ctx->tables.epochs : NULL, ctx->tables.nb_slots, ended, RTE_DIM(ended));

	for (uint32_t i = 0; i < n; i++)
		dp_count_ended(ctx, ended[i].slot, ended[i].listener, ended[i].reason);
}
