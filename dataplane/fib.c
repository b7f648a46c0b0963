/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Next hops as the workers see them: look-up, and passing.
 */
#define ALLOW_EXPERIMENTAL_API /* rte_vect_set_max_simd_bitwidth() */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_vect.h>

#include "fib_private.h"

static uint32_t smaller(uint64_t a, uint32_t b)
{
	return a < b ? (uint32_t)a : b;
}

static int side_create(struct dp_fib_side *side, uint32_t max_routes)
{
	static uint32_t nb_made;
	struct rte_fib_conf v4 = {
	        .type = RTE_FIB_DIR24_8,
	        .default_nh = DP_FIB_NO_ROUTE,
	        .max_routes = (int)max_routes,
	        .dir24_8 = {.nh_sz = RTE_FIB_DIR24_8_2B,
	                .num_tbl8 = smaller((uint64_t)max_routes + 16, DP_FIB_MAX_TBL8S)},
	};
	/* A host route in a /64 of its own takes 13 second-level tables, one beside others 8. */
	struct rte_fib6_conf v6 = {
	        .type = RTE_FIB6_TRIE,
	        .default_nh = DP_FIB_NO_ROUTE,
	        .max_routes = (int)max_routes,
	        .trie = {.nh_sz = RTE_FIB6_TRIE_2B,
	                .num_tbl8 = smaller((uint64_t)max_routes * 13 + 16, DP_FIB_MAX_TBL8S)},
	};
	uint16_t simd = rte_vect_get_max_simd_bitwidth();
	char name[32];

	/* Their vector look-ups need as much, which is more than EAL's default: drivers that mix
	 * short vector stretches into other work may be better without, this is all vectors. */
	rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_512);
	/* different names: both kinds name a mempool after themselves */
	snprintf(name, sizeof(name), "dp_fib4_%u", nb_made);
	side->v4 = rte_fib_create(name, SOCKET_ID_ANY, &v4);
	snprintf(name, sizeof(name), "dp_fib6_%u", nb_made++);
	if (side->v4 != NULL)
		side->v6 = rte_fib6_create(name, SOCKET_ID_ANY, &v6);
	rte_vect_set_max_simd_bitwidth(simd);
	return side->v6 != NULL ? 0 : -rte_errno;
}

struct dp_fib *dp_fib_create(uint32_t max_routes, uint32_t nb_readers)
{
	struct dp_fib *fib = rte_zmalloc("fib", sizeof(*fib), LB_CACHE_LINE);
	int ret = -ENOMEM;

	if (fib == NULL)
		goto fail;
	fib->nb_readers = nb_readers;
	fib->readers =
	        rte_zmalloc("fib readers", (nb_readers + 1) * sizeof(*fib->readers), LB_CACHE_LINE);
	if (fib->readers == NULL)
		goto fail;
	/* Twice: an adjacency that is replaced lives until the new one is in use. */
	ret = dp_fib_adjs_init(&fib->adjs, smaller((uint64_t)max_routes * 4 + 16, DP_FIB_MAX_ADJS));
	for (int i = 0; i < 2 && ret == 0; i++)
		ret = side_create(&fib->sides[i], max_routes);
	if (ret != 0)
		goto fail;
	fib->wants.second_tsc = rte_get_tsc_hz();
	atomic_store(&fib->epoch, 1);
	return fib;

fail:
	dp_fib_free(fib);
	rte_errno = -ret;
	return NULL;
}

void dp_fib_free(struct dp_fib *fib)
{
	if (fib == NULL)
		return;
	for (int i = 0; i < 2; i++) {
		rte_fib_free(fib->sides[i].v4);
		rte_fib6_free(fib->sides[i].v6);
	}
	dp_fib_adjs_fini(&fib->adjs);
	free(fib->pending.list);
	free(fib->behind.list);
	rte_free(fib->readers);
	rte_free(fib);
}

/* Whether a burst goes to one address, as that of a single busy flow does: each is the next one. */
static bool all_same(const union dp_fib_ips *ips, bool is_v6, uint32_t n)
{
	if (is_v6)
		return memcmp(&ips->v6[1], &ips->v6[0], (n - 1) * sizeof(ips->v6[0])) == 0;
	return memcmp(&ips->v4[1], &ips->v4[0], (n - 1) * sizeof(ips->v4[0])) == 0;
}

/* Eight pointers or numbers side by side, wherever they lie. */
typedef uint64_t eight __attribute__((vector_size(64), aligned(8), may_alias));

static void set_all(const struct dp_adj *adj, uint32_t n, const struct dp_adj **adjs)
{
	uint32_t i = 0;

	for (; i + 8 <= n; i += 8)
		*(eight *)&adjs[i] = (eight){0} + (uintptr_t)adj;
	for (; i < n; i++)
		adjs[i] = adj;
}

/* By their numbers. */
static void set_each(
        const struct dp_adj *all, const uint64_t *numbers, uint32_t n, const struct dp_adj **adjs)
{
	uint32_t i = 0;

	for (; i + 8 <= n; i += 8)
		*(eight *)&adjs[i] = *(const eight *)&numbers[i] * sizeof(*all) + (uintptr_t)all;
	for (; i < n; i++)
		adjs[i] = &all[numbers[i]];
}

void dp_fib_lookup(const struct dp_fib *fib, union dp_fib_ips *ips, bool is_v6, uint32_t n,
        const struct dp_adj **adjs)
{
	const struct dp_fib_side *side =
	        &fib->sides[atomic_load_explicit(&fib->active, memory_order_acquire)];
	const bool one = n > 1 && all_same(ips, is_v6, n);
	const int asked = one ? 1 : (int)n;
	uint64_t hops[DP_FIB_BURST];

	if (is_v6)
		rte_fib6_lookup_bulk(side->v6, (uint8_t(*)[16])ips->v6, hops, asked);
	else
		rte_fib_lookup_bulk(side->v4, ips->v4, hops, asked);
	if (one)
		set_all(&fib->adjs.adjs[hops[0]], n, adjs);
	else
		set_each(fib->adjs.adjs, hops, n, adjs);
}

uint64_t dp_fib_epoch(const struct dp_fib *fib)
{
	/* Who sees a new one sees the side that came with it: as in dp_fib_quiescent(). What is
	 * found on the new side under the old epoch is forgotten too early, which is no harm. */
	return atomic_load_explicit(&fib->epoch, memory_order_acquire);
}

void dp_fib_quiescent(struct dp_fib *fib, uint32_t reader)
{
	/* Who sees the new epoch sees the new side: the acquire pairs with the release in swap().
	 * The release lets what was read before be freed; it pairs with the acquire in passed(). */
	uint64_t epoch = atomic_load_explicit(&fib->epoch, memory_order_acquire);

	if (atomic_load_explicit(&fib->readers[reader].seen, memory_order_relaxed) != epoch)
		atomic_store_explicit(&fib->readers[reader].seen, epoch, memory_order_release);
}

void dp_fib_offline(struct dp_fib *fib, uint32_t reader)
{
	atomic_store_explicit(&fib->readers[reader].seen, 0, memory_order_release);
}

void dp_fib_online(struct dp_fib *fib, uint32_t reader)
{
	uint64_t epoch = atomic_load_explicit(&fib->epoch, memory_order_acquire);

	atomic_store_explicit(&fib->readers[reader].seen, epoch, memory_order_relaxed);
	/* This and swap()'s addition come one after the other: either swap() sees this reader, or
	 * this reader sees swap()'s side. */
	atomic_fetch_add_explicit(&fib->epoch, 0, memory_order_acq_rel);
}
