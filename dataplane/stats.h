/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Counting. Each counter has one writer, its worker, so a relaxed load and store are enough, and
 * readers in the other process see whole numbers.
 */
#ifndef DP_STATS_H
#define DP_STATS_H

#include <rte_branch_prediction.h>

#include "pipeline.h"

static inline void dp_stats_add(uint64_t *counter, uint64_t n)
{
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
	/* what the two below would be if the compiler were allowed to put them together */
	__asm__("addq %1, %0" : "+m"(*counter) : "er"(n));
#else
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
#endif
}

static inline void dp_count(struct dp_worker_ctx *ctx, enum lb_counter counter, uint64_t n)
{
	dp_stats_add(&ctx->stats->counters[counter], n);
}

/* The counters of a target slot or a listener id. Both come from shared memory: out of range is
 * counted nowhere. */
static inline struct lb_target_stats *dp_target_stats(struct dp_worker_ctx *ctx, uint32_t slot)
{
	return slot < ctx->max_targets ? &ctx->target_stats[slot] : NULL;
}

static inline struct lb_listener_stats *dp_listener_stats(struct dp_worker_ctx *ctx, uint32_t id)
{
	return id < ctx->max_listeners ? &ctx->listener_stats[id] : NULL;
}

/* 'stats' begins with packets and bytes of the client's direction, then the target's, as targets'
 * and listeners' do. */
static inline void dp_count_traffic(
        void *stats, uint32_t direction, uint64_t packets, uint64_t bytes)
{
	uint64_t *traffic = (uint64_t *)stats + 2u * direction;

	dp_stats_add(&traffic[0], packets);
	dp_stats_add(&traffic[1], bytes);
}
LB_ASSERT_AT(struct lb_target_stats, packets_in, 0);
LB_ASSERT_AT(struct lb_target_stats, bytes_in, 8);
LB_ASSERT_AT(struct lb_target_stats, packets_out, 16);
LB_ASSERT_AT(struct lb_listener_stats, packets_in, 0);
LB_ASSERT_AT(struct lb_listener_stats, bytes_in, 8);
LB_ASSERT_AT(struct lb_listener_stats, packets_out, 16);

/* A packet is on its way to or from the target in 'slot': 'bytes' from the IP header on. */
static inline void dp_count_target(
        const struct dp_worker_ctx *ctx, uint32_t slot, uint32_t direction, uint64_t bytes)
{
	if (likely(slot < ctx->max_targets))
		dp_count_traffic(&ctx->target_stats[slot], direction, 1, bytes);
}

/* A packet to a listener's address and port is dropped. */
static inline void dp_count_listener_drop(struct dp_worker_ctx *ctx, uint32_t id)
{
	struct lb_listener_stats *stats = dp_listener_stats(ctx, id);

	if (stats != NULL)
		dp_stats_add(&stats->drops, 1);
}

/* Frees 'm' and counts why. */
static inline void dp_drop(
        struct dp_worker_ctx *ctx, struct rte_mbuf *m, enum lb_drop_reason reason)
{
	dp_stats_add(&ctx->stats->drops[reason], 1);
	rte_pktmbuf_free(m);
}

#endif
