/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changing what workers look up in: two rte_fib and two rte_fib6, of which they read one side.
 *
 *   commit:  pending -> changes on the idle side -> swap -> every reader has passed -> the same
 *            changes on the side that was read until now
 *
 * A reader that does not pass in time leaves the sides unequal: the changes wait in 'behind', and
 * nothing more becomes visible until it has passed. Adjacencies live as long as a route of either
 * side, or a change that waits, refers to them.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <rte_byteorder.h>
#include <rte_rib.h>
#include <rte_rib6.h>

#include "clock.h"
#include "fib_private.h"

/* A worker passes after each poll, also when it is preempted for a scheduler's slice or two. The
 * main lcore has other things to do than to wait for one that stands still. */
#define WAIT_MS 100

static bool passed(const struct dp_fib *fib, uint64_t epoch)
{
	for (uint32_t i = 0; i < fib->nb_readers; i++) {
		uint64_t seen = atomic_load_explicit(&fib->readers[i].seen, memory_order_acquire);

		if (seen != 0 && seen < epoch)
			return false;
	}
	return true;
}

static int wait_readers(const struct dp_fib *fib)
{
	const struct timespec nap = {.tv_nsec = 20000};
	uint64_t epoch = atomic_load_explicit(&fib->epoch, memory_order_relaxed);
	uint64_t deadline = dp_clock_ms() + WAIT_MS;

	while (!passed(fib, epoch)) {
		if (dp_clock_ms() > deadline)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
	}
	return 0;
}

static void swap(struct dp_fib *fib)
{
	uint32_t idle = 1 - atomic_load_explicit(&fib->active, memory_order_relaxed);

	atomic_store_explicit(&fib->active, idle, memory_order_release);
	/* Pairs with dp_fib_quiescent() and with dp_fib_online()'s addition. */
	atomic_fetch_add_explicit(&fib->epoch, 1, memory_order_acq_rel);
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
	uint64_t hop = DP_FIB_NO_ROUTE;

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
		int ret = c->remove && old == DP_FIB_NO_ROUTE ? 0 : change_side(side, c);

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
