/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Free entries. Each worker has a ring of refs of its own and trades whole batches with the
 * shared pool, in a few instructions under its lock (magazines: Bonwick and Adams, "Magazines and
 * Vmem", USENIX 2001). A batch is written in its first entry, so that it costs one memory access
 * and not one for each of its entries:
 *
 *   words 0 .. 4     refs of the others, two to a word
 *   the link word    ref of the next batch | number of entries in this one << 32
 *
 * The worker takes what it was given last: that is in its processor's cache.
 */
#include <rte_common.h>

#include "flow_pool.h"

static_assert(FLOW_MAX_BATCH - 1 <= 2 * FLOW_LIVE_AT, "refs of a batch spare the live word");

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

void flow_pool_push(struct dp_flow_table *t, bool is_v6, const uint32_t *refs, uint32_t n)
{
	struct flow_pool *pool = &t->pools[is_v6];
	uint64_t *e = flow_entry(t, refs[0] - 1);

	for (uint32_t i = 1; i < n; i += 2)
		flow_store(&e[i / 2], refs[i] | (i + 1 < n ? (uint64_t)refs[i + 1] << 32 : 0));
	pool_lock(pool);
	flow_store(&e[FLOW_LINK_AT], pool->head | (uint64_t)n << 32);
	pool->head = refs[0];
	flow_count_set(&pool->nb_free, pool->nb_free + n);
	pool_unlock(pool);
}

static void prefetch_entry(const struct dp_flow_table *t, uint32_t ref)
{
	__builtin_prefetch(flow_entry(t, ref - 1), 1);
}

/* Takes a batch of at most FLOW_MAX_BATCH; returns how many. */
static uint32_t pool_pop(struct dp_flow_table *t, bool is_v6, uint32_t *refs)
{
	struct flow_pool *pool = &t->pools[is_v6];
	uint32_t head, next = 0, fresh, n;
	uint64_t *e = NULL;

	if (__atomic_load_n(&pool->nb_free, __ATOMIC_RELAXED) == 0)
		return 0;
	pool_lock(pool);
	head = pool->head;
	fresh = pool->fresh;
	if (head != 0) {
		uint64_t link;

		e = flow_entry(t, head - 1);
		link = flow_load(&e[FLOW_LINK_AT]);
		next = pool->head = (uint32_t)link;
		n = (uint32_t)(link >> 32);
	} else {
		n = RTE_MIN(pool->batch, pool->end - fresh);
		pool->fresh = fresh + n;
	}
	flow_count_set(&pool->nb_free, pool->nb_free - n);
	pool_unlock(pool);
	if (next != 0)
		__builtin_prefetch(flow_entry(t, next - 1), 1);
	refs[0] = head;
	for (uint32_t i = 1; head != 0 && i < n; i++)
		refs[i] = (uint32_t)(flow_load(&e[(i - 1) / 2]) >> (i - 1) % 2 * 32);
	for (uint32_t i = 0; head == 0 && i < n; i++)
		refs[i] = fresh + n - i;
	return n;
}

/* Below what the worker has: those are in its processor's cache, and these, in all but small
 * tables, are on their way by the time that it comes to them. */
void flow_pool_fill(struct dp_flow_table *t, struct flow_cache *cache, bool is_v6)
{
	uint32_t batch[FLOW_MAX_BATCH], n = pool_pop(t, is_v6, batch);

	cache->first -= n;
	flow_count_set(&cache->n, cache->n + n);
	for (uint32_t i = 0; i < n; i++) {
		*flow_cache_at(cache, i) = batch[i];
		prefetch_entry(t, batch[i]);
	}
}

void dp_flow_expect(struct dp_flow_table *t, uint32_t worker, bool is_v6, uint32_t n)
{
	struct flow_cache *cache = &t->workers[worker].cache[is_v6];

	for (uint32_t i = 1; i <= n && i <= cache->n; i++)
		prefetch_entry(t, *flow_cache_at(cache, cache->n - i));
}

void flow_pool_spill(struct dp_flow_table *t, struct flow_cache *cache, bool is_v6)
{
	uint32_t batch[FLOW_MAX_BATCH] = {0}, n = t->pools[is_v6].batch;

	for (uint32_t i = 0; i < n; i++)
		batch[i] = *flow_cache_at(cache, i);
	flow_pool_push(t, is_v6, batch, n);
	flow_count_set(&cache->n, cache->n - n);
	cache->first += n;
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
		flow_count_set(&pool->nb_free, pool->nb_free - 1);
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
	flow_count_set(&pool->nb_free, pool->nb_free + 1);
	pool_unlock(pool);
}

uint32_t flow_pool_nb_free(const struct dp_flow_table *t, bool is_v6)
{
	uint32_t n = __atomic_load_n(&t->pools[is_v6].nb_free, __ATOMIC_RELAXED);

	for (uint32_t w = 0; w < t->nb_callers; w++) {
		const struct flow_cache *cache = &t->workers[w].cache[is_v6];

		n += __atomic_load_n(&cache->n, __ATOMIC_RELAXED);
	}
	return n;
}
