/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Next hops as the workers see them: look-up, and passing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "fib_private.h"

#define MAX_BURST 64

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
	char name[32];

	/* different names: both kinds name a mempool after themselves */
	snprintf(name, sizeof(name), "dp_fib4_%u", nb_made);
	side->v4 = rte_fib_create(name, SOCKET_ID_ANY, &v4);
	if (side->v4 == NULL)
		return -rte_errno;
	snprintf(name, sizeof(name), "dp_fib6_%u", nb_made++);
	side->v6 = rte_fib6_create(name, SOCKET_ID_ANY, &v6);
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

/* The burst, sorted by family. */
struct split {
	uint32_t v4[MAX_BURST];
	uint8_t v6[MAX_BURST][16];
	uint8_t place4[MAX_BURST], place6[MAX_BURST];
	uint32_t n4, n6;
};

static void split_families(struct split *s, const struct lb_ip *ips, uint32_t n)
{
	s->n4 = s->n6 = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (likely(lb_ip_is_v4(&ips[i]))) {
			s->v4[s->n4] = rte_be_to_cpu_32(lb_ip_v4(&ips[i]));
			s->place4[s->n4++] = (uint8_t)i;
		} else {
			memcpy(s->v6[s->n6], ips[i].bytes, 16);
			s->place6[s->n6++] = (uint8_t)i;
		}
	}
}

void dp_fib_lookup(
        const struct dp_fib *fib, const struct lb_ip *ips, uint32_t n, const struct dp_adj **adjs)
{
	const struct dp_fib_side *side =
	        &fib->sides[atomic_load_explicit(&fib->active, memory_order_acquire)];
	uint64_t hops[MAX_BURST];
	struct split s;

	split_families(&s, ips, n);
	if (s.n4 > 0) {
		rte_fib_lookup_bulk(side->v4, s.v4, hops, (int)s.n4);
		for (uint32_t i = 0; i < s.n4; i++)
			adjs[s.place4[i]] = &fib->adjs.adjs[hops[i]];
	}
	if (s.n6 > 0) {
		rte_fib6_lookup_bulk(side->v6, s.v6, hops, (int)s.n6);
		for (uint32_t i = 0; i < s.n6; i++)
			adjs[s.place6[i]] = &fib->adjs.adjs[hops[i]];
	}
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
