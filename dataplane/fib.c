/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Two rte_fib and two rte_fib6: workers read one side, the main lcore changes the other.
 *
 *   commit:  pending -> changes on the idle side -> swap -> every reader has passed -> the same
 *            changes on the side that was read until now
 *
 * A reader that does not pass in time leaves the sides unequal: the changes wait in 'behind', and
 * nothing more becomes visible until it has passed. Adjacencies live as long as a route of either
 * side, or a change that waits, refers to them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_rib.h>
#include <rte_rib6.h>

#include "fib_private.h"

#define MAX_BURST 64
/* A worker passes once a burst, also when it is preempted for a scheduler's slice or two. The main
 * lcore has other things to do than to wait for one that stands still. */
#define WAIT_MS 100

#define NO_ROUTE 0

static uint32_t smaller(uint64_t a, uint32_t b)
{
	return a < b ? (uint32_t)a : b;
}

static int side_create(struct dp_fib_side *side, uint32_t max_routes)
{
	static uint32_t nb_made;
	struct rte_fib_conf v4 = {
	        .type = RTE_FIB_DIR24_8,
	        .default_nh = NO_ROUTE,
	        .max_routes = (int)max_routes,
	        .dir24_8 = {.nh_sz = RTE_FIB_DIR24_8_2B,
	                .num_tbl8 = smaller((uint64_t)max_routes + 16, DP_FIB_MAX_TBL8S)},
	};
	/* A host route in a /64 of its own takes 13 second-level tables, one beside others 8. */
	struct rte_fib6_conf v6 = {
	        .type = RTE_FIB6_TRIE,
	        .default_nh = NO_ROUTE,
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
	/* Either swap() sees this reader, or this reader sees swap()'s side. */
	atomic_thread_fence(memory_order_seq_cst);
}

static bool passed(const struct dp_fib *fib, uint64_t epoch)
{
	for (uint32_t i = 0; i < fib->nb_readers; i++) {
		uint64_t seen = atomic_load_explicit(&fib->readers[i].seen, memory_order_acquire);

		if (seen != 0 && seen < epoch)
			return false;
	}
	return true;
}

static uint64_t monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int wait_readers(const struct dp_fib *fib)
{
	const struct timespec nap = {.tv_nsec = 20000};
	uint64_t epoch = atomic_load_explicit(&fib->epoch, memory_order_relaxed);
	uint64_t deadline = monotonic_ms() + WAIT_MS;

	while (!passed(fib, epoch)) {
		if (monotonic_ms() > deadline)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
	}
	return 0;
}

static void swap(struct dp_fib *fib)
{
	uint32_t idle = 1 - atomic_load_explicit(&fib->active, memory_order_relaxed);

	atomic_store_explicit(&fib->active, idle, memory_order_release);
	atomic_fetch_add_explicit(&fib->epoch, 1, memory_order_release);
	/* Pairs with the fence in dp_fib_online(). */
	atomic_thread_fence(memory_order_seq_cst);
}

static int collect(struct dp_fib_changes *changes, const struct dp_fib_change *change)
{
	if (changes->n == changes->room) {
		uint32_t room = changes->room ? changes->room * 2 : 64;
		struct dp_fib_change *list = reallocarray(changes->list, room, sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		changes->list = list;
		changes->room = room;
	}
	changes->list[changes->n++] = *change;
	return 0;
}

static int make_change(struct dp_fib_change *change, const struct lb_ip *prefix, uint8_t depth)
{
	*change = (struct dp_fib_change){
	        .prefix = *prefix, .depth = depth, .is_v6 = !lb_ip_is_v4(prefix)};
	return depth <= (change->is_v6 ? 128 : 32) ? 0 : -EINVAL;
}

int dp_fib_set(
        struct dp_fib *fib, const struct lb_ip *prefix, uint8_t depth, const struct dp_adj *adj)
{
	struct dp_fib_change change;
	int ret = make_change(&change, prefix, depth);

	if (ret == 0)
		ret = dp_fib_adj_get(&fib->adjs, adj, &change.adj);
	if (ret != 0)
		return ret;
	ret = collect(&fib->pending, &change);
	if (ret != 0)
		dp_fib_adj_unref(&fib->adjs, change.adj);
	return ret;
}

int dp_fib_remove(struct dp_fib *fib, const struct lb_ip *prefix, uint8_t depth)
{
	struct dp_fib_change change;
	int ret = make_change(&change, prefix, depth);

	change.remove = true;
	return ret == 0 ? collect(&fib->pending, &change) : ret;
}

/* The adjacency of exactly this route on one side, 0 if it has none. */
static uint32_t installed(const struct dp_fib_side *side, const struct dp_fib_change *c)
{
	uint64_t hop = NO_ROUTE;

	if (c->is_v6) {
		struct rte_rib6_node *node = rte_rib6_lookup_exact(
		        rte_fib6_get_rib(side->v6), c->prefix.bytes, c->depth);

		if (node != NULL)
			rte_rib6_get_nh(node, &hop);
	} else {
		struct rte_rib_node *node = rte_rib_lookup_exact(rte_fib_get_rib(side->v4),
		        rte_be_to_cpu_32(lb_ip_v4(&c->prefix)), c->depth);

		if (node != NULL)
			rte_rib_get_nh(node, &hop);
	}
	return (uint32_t)hop;
}

static int change_side(struct dp_fib_side *side, const struct dp_fib_change *c)
{
	uint32_t v4 = rte_be_to_cpu_32(lb_ip_v4(&c->prefix));

	if (c->is_v6 && c->remove)
		return rte_fib6_delete(side->v6, c->prefix.bytes, c->depth);
	if (c->is_v6)
		return rte_fib6_add(side->v6, c->prefix.bytes, c->depth, c->adj);
	if (c->remove)
		return rte_fib_delete(side->v4, v4, c->depth);
	return rte_fib_add(side->v4, v4, c->depth, c->adj);
}

static int apply_to_side(
        struct dp_fib *fib, struct dp_fib_side *side, const struct dp_fib_changes *changes)
{
	int first_error = 0;

	for (uint32_t i = 0; i < changes->n; i++) {
		const struct dp_fib_change *c = &changes->list[i];
		uint32_t old = installed(side, c);
		int ret = c->remove && old == NO_ROUTE ? 0 : change_side(side, c);

		if (ret != 0) {
			/* rte_rib says ENOMEM when all of its nodes are in use. */
			ret = ret == -ENOMEM ? -ENOSPC : ret;
			first_error = first_error ? first_error : ret;
			continue;
		}
		dp_fib_adj_ref(&fib->adjs, c->adj);
		dp_fib_adj_unref(&fib->adjs, old);
	}
	return first_error;
}

/* Brings the idle side level with the active one, once no reader is on it. */
static int catch_up(struct dp_fib *fib)
{
	uint32_t idle = 1 - atomic_load_explicit(&fib->active, memory_order_relaxed);
	int ret = wait_readers(fib);

	if (ret != 0)
		return ret;
	ret = apply_to_side(fib, &fib->sides[idle], &fib->behind);
	for (uint32_t i = 0; i < fib->behind.n; i++)
		dp_fib_adj_unref(&fib->adjs, fib->behind.list[i].adj);
	fib->behind.n = 0;
	return ret;
}

int dp_fib_commit(struct dp_fib *fib)
{
	struct dp_fib_changes swapped;
	uint32_t idle;
	int ret, ret2;

	if (fib->behind.n > 0) {
		ret = catch_up(fib);
		if (ret != 0)
			return ret;
	}
	if (fib->pending.n == 0)
		return 0;
	idle = 1 - atomic_load_explicit(&fib->active, memory_order_relaxed);
	ret = apply_to_side(fib, &fib->sides[idle], &fib->pending);
	swapped = fib->behind;
	fib->behind = fib->pending;
	fib->pending = swapped;
	swap(fib);
	ret2 = catch_up(fib);
	return ret != 0 ? ret : ret2;
}
