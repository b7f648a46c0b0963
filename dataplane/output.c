/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ethernet headers, queues.
 */
#include "output.h"

#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_tcp.h>

#include "column.h"
#include "hops.h"
#include "simple.h"
#include "stats.h"

static void enqueue(struct dp_out *out, struct rte_mbuf *m, uint8_t direction)
{
	out->directions[out->n] = direction;
	out->pkts[out->n++] = m;
}

/* All packets of a burst. */
static void enqueue_burst(struct dp_out *out, const struct dp_burst *b)
{
	memcpy(&out->directions[out->n], b->keys.direction, b->n * sizeof(out->directions[0]));
	memcpy(&out->pkts[out->n], b->mbufs, b->n * sizeof(out->pkts[0]));
	out->n = (uint16_t)(out->n + b->n);
}

void dp_output_kernel(struct dp_worker_ctx *ctx, struct rte_mbuf *m, uint16_t port)
{
	dp_count(ctx, LB_COUNTER_KERNEL, 1);
	if (ctx->ports[port].to_kernel_is_copy)
		rte_pktmbuf_free(m);
	else
		enqueue(&ctx->kernel[port], m, 0);
}

void dp_output_settle(
        struct dp_worker_ctx *ctx, struct rte_mbuf *m, uint16_t port, dp_verdict verdict)
{
	if (verdict == DP_TO_KERNEL)
		dp_output_kernel(ctx, m, port);
	else
		dp_drop(ctx, m, (enum lb_drop_reason)verdict);
}

void dp_output_drop(
        struct dp_worker_ctx *ctx, const struct dp_burst *b, uint32_t i, enum lb_drop_reason reason)
{
	if (b->keys.direction[i] == DP_TO_TARGET)
		dp_count_listener_drop(ctx, b->flows[i].listener);
	dp_drop(ctx, b->mbufs[i], reason);
}

/* Bytes from the IP header on. Ethernet pads short frames; what is past the IP packet goes no
 * further. Padding fits into one segment: a longer tail of a chain travels on, and counts. */
static uint32_t trim_padding(const struct dp_burst *b, uint32_t i)
{
	struct rte_mbuf *m = b->mbufs[i];
	uint32_t len = rte_pktmbuf_pkt_len(m) - b->l2_len[i];

	if (len == b->ip_len[i] || m->nb_segs > 1)
		return len;
	rte_pktmbuf_trim(m, (uint16_t)(len - b->ip_len[i]));
	return b->ip_len[i];
}

/* A translated packet to this host itself can only be given to a kernel that has no copy of the
 * untranslated one. */
static dp_verdict judge_local(const struct dp_worker_ctx *ctx, uint16_t port)
{
	return ctx->ports[port].to_kernel_is_copy ? LB_DROP_NO_PORT : DP_TO_KERNEL;
}

/* What becomes of packet 'i', of 'len' bytes, by its next hop. */
static dp_verdict judge(
        const struct dp_worker_ctx *ctx, const struct dp_burst *b, uint32_t i, uint32_t len)
{
	const struct dp_adj *adj = b->adjs[i];
	struct lb_ip hop;

	switch ((enum dp_adj_kind)adj->kind) {
	case DP_ADJ_FORWARD:
		if (len > adj->mtu)
			return LB_DROP_TOO_BIG;
		return adj->port < DP_MAX_PORTS ? DP_GO_ON : (dp_verdict)LB_DROP_NO_PORT;
	case DP_ADJ_LOCAL:
		return judge_local(ctx, b->port);
	case DP_ADJ_UNRESOLVED:
		hop = dp_hop_ip(b, i);
		dp_fib_want(ctx->fib, &hop, adj->ifindex);
		return LB_DROP_NO_NEIGHBOUR;
	case DP_ADJ_FOREIGN:
		return LB_DROP_NO_PORT;
	case DP_ADJ_NONE:
		break;
	}
	return LB_DROP_NO_ROUTE;
}

/* Makes the Ethernet header as long as the adjacency's tags ask, and writes the tags. */
static bool replace_tags(const struct dp_burst *b, uint32_t i, const struct dp_adj *adj)
{
	uint32_t nb_tags = RTE_MIN(adj->nb_tags, (uint8_t)RTE_DIM(adj->tci));
	uint32_t len = sizeof(struct rte_ether_hdr) + nb_tags * sizeof(struct rte_vlan_hdr);
	struct rte_mbuf *m = b->mbufs[i];
	rte_be16_t type;
	uint8_t *at;

	memcpy(&type, b->l3[i] - sizeof(type), sizeof(type));
	if (len <= b->l2_len[i])
		rte_pktmbuf_adj(m, (uint16_t)(b->l2_len[i] - len));
	else if (rte_pktmbuf_prepend(m, (uint16_t)(len - b->l2_len[i])) == NULL)
		return false;
	at = rte_pktmbuf_mtod_offset(m, uint8_t *, 2 * sizeof(struct rte_ether_addr));
	for (uint32_t tag = 0; tag < nb_tags; tag++) {
		memcpy(at, &adj->tpid[tag], sizeof(adj->tpid[tag]));
		memcpy(at + 2, &adj->tci[tag], sizeof(adj->tci[tag]));
		at += 4;
	}
	memcpy(at, &type, sizeof(type));
	return true;
}

/* Packets of one direction, in a row of one listener: counted together. */
struct run {
	uint64_t packets, bytes; /* bytes from the IP header on */
	uint32_t listener;
};

/* Counts a run, adds it to what was sent, and begins one of 'listener'. */
static __attribute__((noinline)) void run_end(struct dp_worker_ctx *ctx, struct run *run,
        uint32_t direction, uint32_t listener, struct run *sent)
{
	if (run->listener < ctx->max_listeners && run->packets > 0)
		dp_count_traffic(
		        &ctx->listener_stats[run->listener], direction, run->packets, run->bytes);
	sent[direction].packets += run->packets;
	sent[direction].bytes += run->bytes;
	*run = (struct run){.listener = listener};
}

/* The two below: of packets that were sent. */
static void count_flows(struct dp_worker_ctx *ctx, const struct dp_burst *b, uint64_t sent)
{
	while (sent != 0) {
		uint32_t i = dp_first(&sent);

		dp_flow_count(ctx->tally, &b->flows[i], b->keys.direction[i], b->ip_len[i],
		        b->tcp_flags[i]);
	}
}

static void count_resets(struct dp_worker_ctx *ctx, const struct dp_burst *b, uint64_t sent)
{
	for (uint64_t left = sent & ~b->quiet; unlikely(left != 0);) {
		uint32_t i = dp_first(&left);
		struct lb_target_stats *ts = dp_target_stats(ctx, b->flows[i].slot);

		if (ts != NULL && (b->tcp_flags[i] & RTE_TCP_RST_FLAG))
			dp_stats_add(b->keys.direction[i] == DP_TO_TARGET ? &ts->resets_client
			                                                  : &ts->resets_target,
			        1);
	}
}

/* What the packets of a burst that were sent so far add up to. */
struct sums {
	struct run runs[2], totals[2]; /* [enum dp_direction] */
	uint64_t l2_bytes;             /* of odd packets: tags, and tails of chains */
};

/* Makes packet 'i', which is not simple or has no simple way on, ready to be sent. False: it is
 * settled. */
static bool prepare_odd(struct dp_worker_ctx *ctx, const struct dp_burst *b, uint32_t i)
{
	const struct dp_adj *adj = b->adjs[i];
	dp_verdict v = judge(ctx, b, i, trim_padding(b, i));

	if (v == DP_GO_ON && adj->nb_tags != DP_ADJ_KEEP_TAGS &&
	        (adj->nb_tags != 0 || b->l2_len[i] != sizeof(struct rte_ether_hdr)) &&
	        !replace_tags(b, i, adj))
		v = LB_DROP_NO_MBUF;
	if (v == DP_TO_KERNEL)
		dp_output_kernel(ctx, b->mbufs[i], b->port);
	else if (v != DP_GO_ON)
		dp_output_drop(ctx, b, i, (enum lb_drop_reason)v);
	else
		dp_output_address(rte_pktmbuf_mtod(b->mbufs[i], uint8_t *), adj);
	return v == DP_GO_ON;
}

/* Whether packet 'i' needs nothing but new addresses; its padding is gone then. */
static inline bool is_simple(const struct dp_burst *b, uint32_t i)
{
	const uint64_t bit = UINT64_C(1) << i;

	return (b->simple & bit) && b->ip_len[i] <= b->adjs[i]->simple_mtu &&
	       (!(b->padded & bit) || dp_simple_trim(b->mbufs[i], b->ip_len[i]));
}

/* Makes packet 'i' ready to be sent, and counts it for its target. False: it is settled. */
static bool prepare(
        struct dp_worker_ctx *ctx, const struct dp_burst *b, uint32_t i, struct sums *sums)
{
	if (is_simple(b, i)) {
		dp_output_address(b->l3[i] - sizeof(struct rte_ether_hdr), b->adjs[i]);
	} else {
		if (!prepare_odd(ctx, b, i))
			return false;
		sums->l2_bytes += rte_pktmbuf_pkt_len(b->mbufs[i]) - b->ip_len[i] -
		                  sizeof(struct rte_ether_hdr);
	}
	dp_count_target(ctx, b->flows[i].slot, b->keys.direction[i], b->ip_len[i]);
	return true;
}

/* Puts the packets 'sent' into the queues of their ports; at once, if they are the whole burst and
 * all go to one. */
static void enqueue_sent(
        struct dp_worker_ctx *ctx, const struct dp_burst *b, uint64_t sent, bool one_port)
{
	if (likely(one_port)) {
		enqueue_burst(&ctx->out[b->adjs[0]->port], b);
		return;
	}
	while (sent != 0) {
		uint32_t i = dp_first(&sent);

		enqueue(&ctx->out[b->adjs[i]->port], b->mbufs[i], b->keys.direction[i]);
	}
}

/* Adds the packets 'sent' up; at once, if they are the whole burst and of one listener. */
static void sum_sent(struct dp_worker_ctx *ctx, const struct dp_burst *b, uint64_t sent,
        bool one_listener, struct sums *sums)
{
	if (likely(one_listener)) {
		uint32_t packets[2], bytes[2];

		dp_column_sums(b->ip_len, b->keys.direction, b->n, packets, bytes);
		for (uint32_t way = 0; way < 2; way++)
			sums->runs[way] =
			        (struct run){packets[way], bytes[way], b->flows[0].listener};
		return;
	}
	while (sent != 0) {
		uint32_t i = dp_first(&sent), direction = b->keys.direction[i];
		uint32_t listener = b->flows[i].listener;
		struct run *run = &sums->runs[direction];

		if (unlikely(listener != run->listener))
			run_end(ctx, run, direction, listener, sums->totals);
		run->packets++;
		run->bytes += b->ip_len[i];
	}
}

/* All live packets: the set of those that were sent. */
static uint64_t output_packets(
        struct dp_worker_ctx *ctx, const struct dp_burst *b, struct sums *sums)
{
	uint64_t sent = b->ready;

	for (uint64_t left = b->live & ~sent; unlikely(left != 0);) {
		uint64_t bit = left & -left;

		if (prepare(ctx, b, dp_first(&left), sums))
			sent |= bit;
	}
	enqueue_sent(ctx, b, sent, b->one_port);
	sum_sent(ctx, b, sent, b->one_listener, sums);
	return sent;
}

void dp_output_run(struct dp_worker_ctx *ctx, struct dp_burst *b)
{
	struct sums sums = {.runs = {{.listener = LB_NO_SLOT}, {.listener = LB_NO_SLOT}}};
	const struct run *totals = sums.totals;
	uint64_t sent;

	sent = output_packets(ctx, b, &sums);
	for (uint32_t direction = 0; direction < 2; direction++)
		run_end(ctx, &sums.runs[direction], direction, LB_NO_SLOT, sums.totals);
	count_resets(ctx, b, sent);
	if (ctx->tally != NULL)
		count_flows(ctx, b, sent);
	dp_count(ctx, LB_COUNTER_TO_TARGET, totals[DP_TO_TARGET].packets);
	dp_count(ctx, LB_COUNTER_TO_CLIENT, totals[DP_TO_CLIENT].packets);
	dp_count(ctx, LB_COUNTER_FORWARDED_BYTES,
	        totals[0].bytes + totals[1].bytes + sums.l2_bytes +
	                (totals[0].packets + totals[1].packets) * sizeof(struct rte_ether_hdr));
}
