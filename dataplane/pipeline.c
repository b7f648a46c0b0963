/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The packet's way, a burst at a time:
 *
 *     1 parse     frame -> flow key and direction             parse.c parse_ip6.c
 *     2 flow      found: is it still good?                    here, flow.c
 *       miss      listener -> select -> insert                miss.c listener.c select.c
 *     3 route     next hop of the new destination             output.c fib.c
 *     4 rewrite   addresses, ports, TTL, checksums            rewrite_nat.c
 *     5 send      Ethernet header, queue of the port          output.c
 *
 * At each stage a packet may leave for the kernel (it is not ours) or be dropped for one counted
 * reason.
 */
#include "pipeline.h"

#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <rte_tcp.h>

#include "miss.h"
#include "output.h"
#include "parse.h"
#include "rewrite.h"
#include "stats.h"

static void settle(struct dp_worker_ctx *ctx, struct rte_mbuf *m, uint16_t port, dp_verdict verdict)
{
	if (verdict == DP_TO_KERNEL)
		dp_output_kernel(ctx, m, port);
	else
		dp_drop(ctx, m, (enum lb_drop_reason)verdict);
}

static void parse(struct dp_worker_ctx *ctx, struct dp_burst *b, struct rte_mbuf **pkts, uint16_t n)
{
	const struct dp_port *port = &ctx->ports[b->port];
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	b->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		dp_verdict v;

		bytes += rte_pktmbuf_pkt_len(pkts[i]);
		v = dp_parse(&ctx->tables, port, pkts[i], &b->pkts[b->n], &b->keys[b->n]);
		if (likely(v == DP_GO_ON))
			b->n++;
		else
			settle(ctx, pkts[i], b->port, v);
	}
	dp_count(ctx, LB_COUNTER_RECEIVED, n);
	dp_count(ctx, LB_COUNTER_RECEIVED_BYTES, bytes);
}

static bool begins_flow(const struct dp_pkt *p)
{
	return p->direction == DP_TO_TARGET &&
	       (p->protocol == IPPROTO_UDP ||
	               (p->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG);
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
	if (b->pkts[i].direction == DP_TO_TARGET)
		dp_count_listener_drop(ctx, b->flows[i].listener);
	return (dp_verdict)reason;
}

/* Packet 'i' has a flow: is it still good? A slot with another epoch is not its target's any more:
 * what can begin a flow does so at once, with another target. As long as there are no tables nobody
 * knows about targets, and no flow ends. */
static dp_verdict hit(struct dp_worker_ctx *ctx, struct dp_burst *b, uint32_t i)
{
	const struct dp_pkt *p = &b->pkts[i];
	const struct dp_flow *flow = &b->flows[i];

	if (unlikely(ctx->tables.segment == NULL))
		return LB_DROP_NO_TABLES;
	if (unlikely(dp_tables_epoch(&ctx->tables, flow->slot) != flow->epoch)) {
		end_flow(ctx, flow, LB_COUNTER_FLOWS_TARGET_GONE);
		return begins_flow(p) ? dp_miss(ctx, b, i) : refuse(ctx, b, i, LB_DROP_TARGET_GONE);
	}
	if (unlikely(p->tcp_flags & RTE_TCP_SYN_FLAG) && begins_flow(p) &&
	        dp_flow_is_over(flow, p->tcp_flags)) {
		end_flow(ctx, flow, LB_COUNTER_FLOWS_ENDED);
		return dp_miss(ctx, b, i);
	}
	if (unlikely(p->ttl <= 1))
		return refuse(ctx, b, i, LB_DROP_TTL_EXPIRED);
	dp_flow_touch(ctx->flows, flow, p->direction, p->tcp_flags, ctx->now);
	return DP_GO_ON;
}

static void follow(struct dp_worker_ctx *ctx, struct dp_burst *b)
{
	uint64_t found;

	b->nb_live = 0;
	if (b->n == 0)
		return;
	found = dp_flow_lookup(ctx->flows, b->keys, b->n, b->hashes, b->flows);
	for (uint32_t i = 0; i < b->n; i++) {
		const struct dp_pkt *p = &b->pkts[i];
		dp_verdict v;

		if (likely(found >> i & 1))
			v = hit(ctx, b, i);
		else
			v = p->direction == DP_TO_TARGET ? dp_miss(ctx, b, i) : DP_TO_KERNEL;
		if (unlikely(v != DP_GO_ON)) {
			settle(ctx, p->mbuf, b->port, v);
			continue;
		}
		b->hops[b->nb_live] =
		        p->direction == DP_TO_TARGET ? b->flows[i].to : b->keys[i].client;
		b->live[b->nb_live++] = (uint8_t)i;
	}
}

void dp_pipeline_run(struct dp_worker_ctx *ctx, struct rte_mbuf **pkts, uint16_t n, uint16_t port)
{
	struct dp_burst burst;

	burst.port = port;
	parse(ctx, &burst, pkts, n);
	follow(ctx, &burst);
	dp_output_route(ctx, &burst);
	dp_rewrite_nat.rewrite(&burst);
	dp_output_send(ctx, &burst);
}

void dp_pipeline_unsent(struct dp_worker_ctx *ctx, struct rte_mbuf *pkt, enum lb_drop_reason reason)
{
	enum lb_counter counted = (enum lb_counter)pkt->hash.usr;

	/* a reader may see the higher figure for a moment, never a wrong sum when all is quiet */
	dp_count(ctx, counted, UINT64_MAX);
	if (counted != LB_COUNTER_KERNEL)
		dp_count(ctx, LB_COUNTER_FORWARDED_BYTES, -(uint64_t)rte_pktmbuf_pkt_len(pkt));
	dp_drop(ctx, pkt, reason);
}

void dp_pipeline_age(struct dp_worker_ctx *ctx, uint32_t nb_buckets)
{
	struct dp_flow_ended ended[DP_BURST];
	bool known = ctx->tables.segment != NULL;
	uint32_t n = dp_flow_age(ctx->flows, ctx->worker, nb_buckets, ctx->now,
	        known ? ctx->tables.epochs : NULL, ctx->tables.nb_slots, ended, DP_BURST);

	for (uint32_t i = 0; i < n; i++)
		dp_count_ended(ctx, ended[i].slot, ended[i].listener, ended[i].reason);
}
