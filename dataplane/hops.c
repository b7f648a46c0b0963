/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The next hops of a burst. Targets are few and are asked for again and again: a worker remembers
 * theirs. Clients are looked up.
 */
#include "hops.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>

#include "column.h"

struct lb_ip dp_hop_ip(const struct dp_burst *b, uint32_t i)
{
	bool to_target = b->keys.direction[i] == DP_TO_TARGET;
	struct lb_ip ip = dp_flow_keys_ip(b->keys.client, i, b->is_v6);

	if (to_target && b->is_v6)
		memcpy(&ip, b->flows[i].to, sizeof(ip));
	else if (to_target)
		ip = lb_ip_from_v4((lb_be32)b->flows[i].to[0]);
	return ip;
}

/* An address by the first two words of a side, as struct dp_flow_keys has them. All of IPv4 is in
 * the first; nobody wrote the second. */
static inline __attribute__((always_inline)) void ips_set(union dp_fib_ips *ips, uint32_t at,
        bool is_v6, const uint64_t *first, const uint64_t *second)
{
	if (is_v6) {
		ips->words[at][0] = *first;
		ips->words[at][1] = *second;
	} else {
		ips->v4[at] = rte_be_to_cpu_32((lb_be32)*first);
	}
}

/* Packets of 'set', all to targets, get their next hops as far as they are remembered. The others
 * are the result. */
static inline __attribute__((always_inline)) uint64_t recall(const struct dp_worker_ctx *ctx,
        struct dp_burst *b, bool is_v6, uint64_t set, uint64_t epoch)
{
	uint64_t unknown = 0;

	for (uint64_t left = set; left != 0;) {
		uint32_t i = dp_first(&left);
		const struct dp_flow *flow = &b->flows[i];
		const struct dp_adj *adj =
		        dp_fib_recall(&ctx->memo, flow->slot, flow->to, is_v6, epoch);

		b->adjs[i] = adj;
		if (unlikely(adj == NULL))
			unknown |= UINT64_C(1) << i;
	}
	return unknown;
}

/* Looks up the addresses of all packets, which go to clients: each stays at its place. */
static inline __attribute__((always_inline)) void ask_clients(
        const struct dp_worker_ctx *ctx, struct dp_burst *b, bool is_v6)
{
	union dp_fib_ips ips;

	for (uint32_t i = 0; i < b->n; i++)
		ips_set(&ips, i, is_v6, &b->keys.client[0][i], &b->keys.client[1][i]);
	dp_fib_lookup(ctx->fib, &ips, is_v6, b->n, b->adjs);
}

/* Looks up those of the packets in 'set', which is not empty, all to targets or all to clients;
 * remembers targets. */
static inline __attribute__((always_inline)) void ask(struct dp_worker_ctx *ctx, struct dp_burst *b,
        bool is_v6, bool to_targets, uint64_t set, uint64_t epoch)
{
	const struct dp_adj *adjs[DP_BURST];
	union dp_fib_ips ips;
	uint32_t n = 0;

	for (uint64_t left = set; left != 0; n++) {
		uint32_t i = dp_first(&left);

		ips_set(&ips, n, is_v6, to_targets ? &b->flows[i].to[0] : &b->keys.client[0][i],
		        to_targets ? &b->flows[i].to[1] : &b->keys.client[1][i]);
	}
	dp_fib_lookup(ctx->fib, &ips, is_v6, n, adjs);
	n = 0;
	for (uint64_t left = set; left != 0; n++) {
		uint32_t i = dp_first(&left);
		const struct dp_flow *flow = &b->flows[i];

		b->adjs[i] = adjs[n];
		if (to_targets)
			dp_fib_remember(&ctx->memo, flow->slot, flow->to, is_v6, epoch, adjs[n]);
	}
}

static inline __attribute__((always_inline)) void find(
        struct dp_worker_ctx *ctx, struct dp_burst *b, bool is_v6)
{
	/* before anything is looked up: dp_fib_epoch() */
	const uint64_t epoch = dp_fib_epoch(ctx->fib);
	const uint64_t targets = b->live & dp_column_zero_octets(b->keys.direction);
	const uint64_t clients = b->live & ~targets;
	uint64_t unknown;

	static_assert(DP_TO_TARGET == 0, "zeros of a column");
	if (clients == dp_all(b->n)) {
		ask_clients(ctx, b, is_v6);
		return;
	}
	unknown = recall(ctx, b, is_v6, targets, epoch);
	if (clients != 0)
		ask(ctx, b, is_v6, false, clients, epoch);
	if (unlikely(unknown != 0))
		ask(ctx, b, is_v6, true, unknown, epoch);
}

void dp_hops_find(struct dp_worker_ctx *ctx, struct dp_burst *b)
{
	if (b->is_v6)
		find(ctx, b, true);
	else
		find(ctx, b, false);
}
