/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Free entries and free overflow lines; private to flow*.c. No allocation, no system call: what is
 * free is written down in itself.
 */
#ifndef DP_FLOW_POOL_H
#define DP_FLOW_POOL_H

#include "flow_layout.h"

/* Counts have one writer each, or the pool's lock; readers are dp_flow_usage()'s. */
static inline void flow_count_set(uint32_t *count, uint32_t value)
{
	__atomic_store_n(count, value, __ATOMIC_RELAXED);
}

/* The place of the entry number 'i' in a cache. */
static inline uint32_t *flow_cache_at(struct flow_cache *cache, uint32_t i)
{
	return &cache->refs[(cache->first + i) % FLOW_MAX_CACHE];
}

/* A batch from the shared pool, if it has one, into a cache with room for it. And one back from a
 * full cache: what is there for the longest time. */
void flow_pool_fill(struct dp_flow_table *t, struct flow_cache *cache, bool is_v6);
void flow_pool_spill(struct dp_flow_table *t, struct flow_cache *cache, bool is_v6);

/* A free entry's ref, of which the caller then is the owner; 0: none is left for this worker. */
static inline uint32_t flow_pool_take(struct dp_flow_table *t, uint32_t worker, bool is_v6)
{
	struct flow_cache *cache = &t->workers[worker].cache[is_v6];

	if (cache->n <= t->pools[is_v6].cache_max / 8)
		flow_pool_fill(t, cache, is_v6);
	if (cache->n == 0)
		return 0;
	flow_count_set(&cache->n, cache->n - 1);
	return *flow_cache_at(cache, cache->n);
}

/* Takes ownership of an entry that no bucket refers to. */
static inline void flow_pool_give(struct dp_flow_table *t, uint32_t worker, uint32_t ref)
{
	bool is_v6 = flow_index_is_v6(t, ref - 1);
	struct flow_cache *cache = &t->workers[worker].cache[is_v6];

	if (cache->n >= t->pools[is_v6].cache_max)
		flow_pool_spill(t, cache, is_v6);
	*flow_cache_at(cache, cache->n) = ref;
	flow_count_set(&cache->n, cache->n + 1);
}

/* Gives a batch of at most FLOW_MAX_BATCH to the shared pool. */
void flow_pool_push(struct dp_flow_table *t, bool is_v6, const uint32_t *refs, uint32_t n);

/* An empty overflow line's ref, or 0. */
uint32_t flow_line_take(struct dp_flow_table *t);

/* Takes back a line without used slots. */
void flow_line_give(struct dp_flow_table *t, uint32_t ref);

/* Free entries of a family, in the pool and in all caches; exact when no worker is at it. */
uint32_t flow_pool_nb_free(const struct dp_flow_table *t, bool is_v6);

#endif
