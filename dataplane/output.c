/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Next hops, Ethernet headers, queues. A queued packet carries in mbuf->hash.usr the counter that
 * counted it, for dp_pipeline_unsent().
 */
#include "output.h"

#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_tcp.h>

#include "stats.h"

static void enqueue(struct dp_out *out, struct rte_mbuf *m, enum lb_counter counter)
{
	m->hash.usr = counter;
	out->pkts[out->n++] = m;
}

void dp_output_kernel(struct dp_worker_ctx *ctx, struct rte_mbuf *m, uint16_t port)
{
	dp_count(ctx, LB_COUNTER_KERNEL, 1);
	if (ctx->ports[port].to_kernel_is_copy)
		rte_pktmbuf_free(m);
	else
		enqueue(&ctx->kernel[port], m, LB_COUNTER_KERNEL);
}

void dp_output_drop(
        struct dp_worker_ctx *ctx, const struct dp_burst *b, uint32_t i, enum lb_drop_reason reason)
{
	if (b->pkts[i].direction == DP_TO_TARGET)
		dp_count_listener_drop(ctx, b->flows[i].listener);
	dp_drop(ctx, b->pkts[i].mbuf, reason);
}

/* Ethernet pads short frames; what is past the IP packet goes no further. Padding fits into one
 * segment: a longer tail of a chain travels on, and counts against the MTU. */
static void trim_padding(const struct dp_pkt *p)
{
	uint32_t extra = rte_pktmbuf_pkt_len(p->mbuf) - p->l2_len - p->ip_len;

	if (unlikely(extra > 0) && p->mbuf->nb_segs == 1)
		rte_pktmbuf_trim(p->mbuf, (uint16_t)extra);
}

/* A translated packet to this host itself can only be given to a kernel that has no copy of the
 * untranslated one. */
static dp_verdict judge_local(const struct dp_worker_ctx *ctx, uint16_t port)
{
	return ctx->ports[port].to_kernel_is_copy ? (dp_verdict)LB_DROP_NO_PORT : DP_GO_ON;
}

static dp_verdict judge(struct dp_worker_ctx *ctx, const struct dp_pkt *p, const struct lb_ip *hop,
        const struct dp_adj *adj, uint16_t port)
{
	switch ((enum dp_adj_kind)adj->kind) {
	case DP_ADJ_FORWARD:
		if (unlikely(rte_pktmbuf_pkt_len(p->mbuf) - p->l2_len > adj->mtu))
			return LB_DROP_TOO_BIG;
		return likely(adj->port < DP_MAX_PORTS) ? DP_GO_ON : (dp_verdict)LB_DROP_NO_PORT;
	case DP_ADJ_LOCAL:
		return judge_local(ctx, port);
	case DP_ADJ_UNRESOLVED:
		dp_fib_want(ctx->fib, hop, adj->ifindex);
		return LB_DROP_NO_NEIGHBOUR;
	case DP_ADJ_FOREIGN:
		return LB_DROP_NO_PORT;
	case DP_ADJ_NONE:
		break;
	}
	return LB_DROP_NO_ROUTE;
}

void dp_output_route(struct dp_worker_ctx *ctx, struct dp_burst *b)
{
	uint32_t kept = 0;

	if (b->nb_live == 0)
		return;
	dp_fib_lookup(ctx->fib, b->hops, b->nb_live, b->adjs);
	for (uint32_t k = 0; k < b->nb_live; k++) {
		uint32_t i = b->live[k];
		dp_verdict v;

		trim_padding(&b->pkts[i]);
		v = judge(ctx, &b->pkts[i], &b->hops[k], b->adjs[k], b->port);
		if (unlikely(v != DP_GO_ON)) {
			dp_output_drop(ctx, b, i, (enum lb_drop_reason)v);
			continue;
		}
		b->live[kept] = (uint8_t)i;
		b->adjs[kept++] = b->adjs[k];
	}
	b->nb_live = kept;
}

/* Makes the Ethernet header as long as the adjacency's tags ask, and writes the tags. */
static bool replace_tags(const struct dp_pkt *p, const struct dp_adj *adj)
{
	uint32_t nb_tags = RTE_MIN(adj->nb_tags, (uint8_t)RTE_DIM(adj->tci));
	uint32_t len = sizeof(struct rte_ether_hdr) + nb_tags * sizeof(struct rte_vlan_hdr);
	rte_be16_t type;
	uint8_t *at;

	memcpy(&type, p->l3 - sizeof(type), sizeof(type));
	if (len <= p->l2_len)
		rte_pktmbuf_adj(p->mbuf, (uint16_t)(p->l2_len - len));
	else if (rte_pktmbuf_prepend(p->mbuf, (uint16_t)(len - p->l2_len)) == NULL)
		return false;
	at = rte_pktmbuf_mtod_offset(p->mbuf, uint8_t *, 2 * sizeof(struct rte_ether_addr));
	for (uint32_t i = 0; i < nb_tags; i++) {
		memcpy(at, &adj->tpid[i], sizeof(adj->tpid[i]));
		memcpy(at + 2, &adj->tci[i], sizeof(adj->tci[i]));
		at += 4;
	}
	memcpy(at, &type, sizeof(type));
	return true;
}

static bool set_ethernet(const struct dp_pkt *p, const struct dp_adj *adj)
{
	struct rte_ether_hdr *eth;

	if (adj->nb_tags != DP_ADJ_KEEP_TAGS &&
	        unlikely(adj->nb_tags != 0 || p->l2_len != sizeof(*eth)) && !replace_tags(p, adj))
		return false;
	eth = rte_pktmbuf_mtod(p->mbuf, struct rte_ether_hdr *);
	static_assert(offsetof(struct rte_ether_hdr, src_addr) ==
	                      offsetof(struct dp_adj, src) - offsetof(struct dp_adj, dst),
	        "both addresses are copied at once");
	memcpy(&eth->dst_addr, &adj->dst, sizeof(adj->dst) + sizeof(adj->src));
	return true;
}

static void count_forwarded(
        struct dp_worker_ctx *ctx, const struct dp_pkt *p, const struct dp_flow *flow)
{
	struct lb_target_stats *ts = dp_target_stats(ctx, flow->slot);
	struct lb_listener_stats *ls = dp_listener_stats(ctx, flow->listener);
	bool in = p->direction == DP_TO_TARGET;

	if (likely(ts != NULL)) {
		dp_stats_add(in ? &ts->packets_in : &ts->packets_out, 1);
		dp_stats_add(in ? &ts->bytes_in : &ts->bytes_out, p->ip_len);
		if (unlikely(p->tcp_flags & RTE_TCP_RST_FLAG))
			dp_stats_add(in ? &ts->resets_client : &ts->resets_target, 1);
	}
	if (likely(ls != NULL)) {
		dp_stats_add(in ? &ls->packets_in : &ls->packets_out, 1);
		dp_stats_add(in ? &ls->bytes_in : &ls->bytes_out, p->ip_len);
	}
}

void dp_output_send(struct dp_worker_ctx *ctx, struct dp_burst *b)
{
	uint64_t sent[2] = {0, 0}, bytes = 0;

	for (uint32_t k = 0; k < b->nb_live; k++) {
		uint32_t i = b->live[k];
		const struct dp_pkt *p = &b->pkts[i];
		const struct dp_adj *adj = b->adjs[k];

		if (unlikely(adj->kind == DP_ADJ_LOCAL)) {
			dp_output_kernel(ctx, p->mbuf, b->port);
			continue;
		}
		if (unlikely(!set_ethernet(p, adj))) {
			dp_output_drop(ctx, b, i, LB_DROP_NO_MBUF);
			continue;
		}
		count_forwarded(ctx, p, &b->flows[i]);
		sent[p->direction]++;
		bytes += rte_pktmbuf_pkt_len(p->mbuf);
		enqueue(&ctx->out[adj->port], p->mbuf,
		        p->direction == DP_TO_TARGET ? LB_COUNTER_TO_TARGET : LB_COUNTER_TO_CLIENT);
	}
	dp_count(ctx, LB_COUNTER_TO_TARGET, sent[DP_TO_TARGET]);
	dp_count(ctx, LB_COUNTER_TO_CLIENT, sent[DP_TO_CLIENT]);
	dp_count(ctx, LB_COUNTER_FORWARDED_BYTES, bytes);
}
