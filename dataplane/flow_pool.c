/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Free entries. Each worker has a list and a reserve batch of its own and trades whole batches with
 * the shared pool, in a few instructions under its lock (magazines: Bonwick and Adams, "Magazines
 * and Vmem", USENIX 2001). A free entry's link word is
 *
 *   next in its list or batch | next batch << 32      (refs; the second in a batch's first entry)
 *
 * and the word after it, in a batch's first entry, the number of entries in the batch.
 */
#include <rte_common.h>

#include "flow_pool.h"

static uint64_t *link_word(const struct dp_flow_table *t, uint32_t ref)
{
	return flow_entry(t, ref - 1) + FLOW_LINK_AT(flow_index_is_v6(t, ref - 1));
}

static void pool_lock(struct flow_pool *pool)
{
	while (__atomic_exchange_n(&pool->lock, 1, __ATOMIC_ACQUIRE) != 0)
		while (__atomic_load_n(&pool->lock, __ATOMIC_RELAXED) != 0)
			rte_pause();
}

/* Pairs with the acquire in pool_lock(). */
static void pool_unlock(struct flow_pool *pool)
{
	__atomic_store_n(&pool->lock, 0, __ATOMIC_RELEASE);
}

/* Counts have one writer each, or the pool's lock; readers are dp_flow_usage()'s. */
static void count_set(uint32_t *count, uint32_t value)
{
	__atomic_store_n(count, value, __ATOMIC_RELAXED);
}

static void pool_push(struct dp_flow_table *t, struct flow_pool *pool, uint32_t batch, uint32_t n)
{
	uint64_t *word = link_word(t, batch);

	pool_lock(pool);
	flow_store(&word[1], n);
	flow_store(&word[0], (uint32_t)flow_load(&word[0]) | (uint64_t)pool->head << 32);
	pool->head = batch;
	count_set(&pool->nb_free, pool->nb_free + n);
	pool_unlock(pool);
}

/* Entries that were never used become a batch. They are the caller's alone. */
static uint32_t link_fresh(struct dp_flow_table *t, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		flow_store(link_word(t, i + 1), i + 1 < first + n ? i + 2 : 0);
	return first + 1;
}

/* A batch of '*n' entries, or 0. */
static uint32_t pool_pop(struct dp_flow_table *t, struct flow_pool *pool, uint32_t *n)
{
	uint32_t batch, fresh = 0;

	pool_lock(pool);
	batch = pool->head;
	if (batch != 0) {
		uint64_t *word = link_word(t, batch);

		pool->head = (uint32_t)(flow_load(&word[0]) >> 32);
		*n = (uint32_t)flow_load(&word[1]);
	} else {
		*n = RTE_MIN(pool->batch, pool->end - pool->fresh);
		fresh = pool->fresh;
		pool->fresh += *n;
	}
	count_set(&pool->nb_free, pool->nb_free - *n);
	pool_unlock(pool);
	if (batch == 0 && *n != 0)
		batch = link_fresh(t, fresh, *n);
	return batch;
}

uint32_t flow_pool_take(struct dp_flow_table *t, uint32_t worker, bool is_v6)
{
	struct flow_cache *cache = &t->workers[worker].cache[is_v6];
	uint32_t ref, n;

	if (cache->n == 0) {
		cache->head = cache->reserve;
		n = cache->nb_reserve;
		cache->reserve = 0;
		count_set(&cache->nb_reserve, 0);
		if (n == 0)
			cache->head = pool_pop(t, &t->pools[is_v6], &n);
		count_set(&cache->n, n);
		if (n == 0)
			return 0;
	}
	ref = cache->head;
	cache->head = (uint32_t)flow_load(link_word(t, ref));
	count_set(&cache->n, cache->n - 1);
	return ref;
}

void flow_pool_give(struct dp_flow_table *t, uint32_t worker, uint32_t ref)
{
	bool is_v6 = flow_index_is_v6(t, ref - 1);
	struct flow_cache *cache = &t->workers[worker].cache[is_v6];
	struct flow_pool *pool = &t->pools[is_v6];

	if (cache->n >= pool->batch) {
		if (cache->nb_reserve != 0)
			pool_push(t, pool, cache->reserve, cache->nb_reserve);
		cache->reserve = cache->head;
		count_set(&cache->nb_reserve, cache->n);
		cache->head = 0;
		count_set(&cache->n, 0);
	}
	flow_store(link_word(t, ref), cache->head);
	cache->head = ref;
	count_set(&cache->n, cache->n + 1);
}

void flow_pool_link(struct dp_flow_table *t, uint32_t ref, uint32_t next)
{
	flow_store(link_word(t, ref), next);
}

void flow_pool_seed(struct dp_flow_table *t, uint32_t first, uint32_t n)
{
	pool_push(t, &t->pools[flow_index_is_v6(t, first - 1)], first, n);
}

uint32_t flow_line_take(struct dp_flow_table *t)
{
	struct flow_pool *pool = &t->overflow;
	uint32_t ref;

	pool_lock(pool);
	ref = pool->head;
	if (ref != 0)
		pool->head = flow_load(&t->lines[(uint64_t)t->nb_buckets + ref - 1].next);
	else if (pool->fresh < pool->end)
		ref = ++pool->fresh;
	if (ref != 0)
		count_set(&pool->nb_free, pool->nb_free - 1);
	pool_unlock(pool);
	if (ref != 0)
		flow_store(&t->lines[(uint64_t)t->nb_buckets + ref - 1].next, 0);
	return ref;
}

void flow_line_give(struct dp_flow_table *t, uint32_t ref)
{
	struct flow_pool *pool = &t->overflow;

	pool_lock(pool);
	flow_store(&t->lines[(uint64_t)t->nb_buckets + ref - 1].next, pool->head);
	pool->head = ref;
	count_set(&pool->nb_free, pool->nb_free + 1);
	pool_unlock(pool);
}

uint32_t flow_pool_nb_free(const struct dp_flow_table *t, bool is_v6)
{
	uint32_t n = __atomic_load_n(&t->pools[is_v6].nb_free, __ATOMIC_RELAXED);

	for (uint32_t w = 0; w < t->nb_callers; w++) {
		const struct flow_cache *cache = &t->workers[w].cache[is_v6];

		n += __atomic_load_n(&cache->n, __ATOMIC_RELAXED) +
		     __atomic_load_n(&cache->nb_reserve, __ATOMIC_RELAXED);
	}
	return n;
}
