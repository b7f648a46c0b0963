/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sweep: each worker goes through its own share of the buckets, a slice at a time, and takes
 * out flows that are idle for too long or whose target's slot has passed to another life. A slice
 * is done in three loops, so that memory is waited for once and not for each flow: list the flows
 * and fetch their entries; look at these; take out what has to go. Only the last one locks.
 *
 * Buckets are gone through in their order. That of entries would be quicker to read, but an entry
 * that the sweep frees has its next flow at once: with the sweep coming by again after a fixed
 * time, whole stretches of entries would fall into step, all to expire in one round and none in the
 * next. A flow's bucket has nothing to do with the time it came.
 */
#include <rte_common.h>

#include "flow_bucket.h"
#include "flow_count.h"
#include "flow_pool.h"
#include "lb/counters.h"

/* Flows that go through the loops together: so many, and the rest of the last bucket. */
#define AGE_BATCH     96
#define AGE_MAX_BATCH (AGE_BATCH + FLOW_MAX_LINES * FLOW_LINE_SLOTS)
/* Buckets that the fetching of first lines, and of the lines next to them, is ahead. It goes on
 * from slice to slice. */
#define AGE_LINES_AHEAD 20
#define AGE_NEXT_AHEAD  10
static_assert(AGE_NEXT_AHEAD < AGE_LINES_AHEAD, "a first line is there when its 'next' is read");

struct sweep {
	struct dp_flow_table *t;
	uint32_t worker, now;
	const uint32_t *epochs;
	uint32_t nb_slots;
};

/* Flows and where they stand. */
struct listed {
	uint32_t n;
	uint32_t indices[AGE_MAX_BATCH], buckets[AGE_MAX_BATCH];
	/* Of those that have to go: the live word when that was seen, and whether they are idle for
	 * too long; if not, the target's slot is another's. */
	uint64_t lives[AGE_MAX_BATCH];
	bool expired[AGE_MAX_BATCH];
};

/* How many of a line's slots are used, nobody can predict: so there is no branch on it. */
static inline uint32_t list_line(const struct dp_flow_table *t, uint32_t bucket,
        const struct flow_line *line, struct listed *all, uint32_t n)
{
#pragma GCC unroll 9
	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++) {
		uint32_t ref = flow_load(&line->refs[slot]);
		uint32_t ok = flow_ref_ok(t, ref);
		uint32_t index = (ref - 1) & -ok; /* 'ok ? ... : 0' becomes a branch */

		dp_prefetch_l2(flow_live(t, index));
		all->indices[n] = index;
		all->buckets[n] = bucket;
		n += ok;
	}
	return n;
}

/* Fetches the second line of a bucket, or once more its first: few buckets have one. */
static inline void fetch_next(const struct dp_flow_table *t, uint32_t bucket)
{
	const struct flow_line *line = &t->lines[RTE_MIN(bucket, t->nb_buckets - 1)];
	const struct flow_line *next = flow_line_next(t, line);

	dp_prefetch_l2(next != NULL ? next : line);
}

/* The flows of the buckets from 'begin' on, to 'end' at most. Returns the bucket after the last. */
static uint32_t list(
        const struct dp_flow_table *t, uint32_t begin, uint32_t end, struct listed *all)
{
	uint32_t bucket, n = 0;

	for (bucket = begin; bucket < end && n < AGE_BATCH; bucket++) {
		const struct flow_line *line = &t->lines[bucket];

		dp_prefetch_l2(line + AGE_LINES_AHEAD);
		fetch_next(t, bucket + AGE_NEXT_AHEAD);
		n = list_line(t, bucket, line, all, n);
		line = flow_line_next(t, line);
		for (uint32_t i = 1; unlikely(line != NULL) && i < FLOW_MAX_LINES; i++) {
			n = list_line(t, bucket, line, all, n);
			line = flow_line_next(t, line);
		}
	}
	all->n = n;
	return bucket;
}

/* Keeps those that have to go. Without a branch on it either. */
static void look(const struct sweep *s, struct listed *all)
{
	const struct dp_flow_table *t = s->t;
	const uint32_t *epochs = s->epochs;
	uint32_t nb_slots = s->nb_slots, now = s->now, nb = all->n, n = 0;

	for (uint32_t i = 0; i < nb; i++) {
		uint32_t index = all->indices[i], bucket = all->buckets[i];
		const uint64_t *e = flow_entry(t, index);
		uint64_t live = flow_load(&e[FLOW_LIVE_AT]);
		uint64_t slot_epoch = flow_load(&e[FLOW_SLOT_AT]);
		bool expired = flow_is_expired(t, e, live, now);
		bool gone = epochs != NULL &&
		            ((uint32_t)slot_epoch >= nb_slots ||
		                    __atomic_load_n(&epochs[(uint32_t)slot_epoch],
		                            __ATOMIC_RELAXED) != (uint32_t)(slot_epoch >> 32));

		all->indices[n] = index;
		all->buckets[n] = bucket;
		all->lives[n] = live;
		all->expired[n] = expired;
		n += flow_live_is(live) & (expired | gone);
	}
	all->n = n;
}

/* Takes out, of the flows from 'i' on that stand in one bucket, those of which nothing was seen
 * since they were looked at; one whose entry another flow has by now is left alone. So are all of a
 * bucket that somebody holds: the next round comes to it, and no packet waits. Returns how many,
 * 'room' at most, and '*next' is the first that it has not come to. */
static uint32_t take(const struct sweep *s, const struct listed *all, uint32_t i,
        struct dp_flow_ended *ended, uint32_t room, uint32_t *next)
{
	struct dp_flow_table *t = s->t;
	uint32_t bucket = all->buckets[i], n = 0;
	uint32_t seen = flow_load(&t->lines[bucket].version);
	bool held = seen % 2 == 0 && flow_bucket_lock_seen(t, s->worker, bucket, seen);

	for (; i < all->n && all->buckets[i] == bucket && n < room; i++) {
		uint32_t index = all->indices[i];

		if (!held || !flow_bucket_take_held(t, bucket, index, all->lives[i], UINT64_MAX))
			continue;
		flow_ended_set(t, s->worker, index,
		        all->expired[i] ? LB_COUNTER_FLOWS_EXPIRED : LB_COUNTER_FLOWS_TARGET_GONE,
		        &ended[n++]);
		flow_pool_give(t, s->worker, index + 1);
	}
	if (held)
		flow_bucket_unlock(t, s->worker, bucket);
	*next = i;
	return n;
}

uint32_t dp_flow_age(struct dp_flow_table *t, uint32_t worker, uint32_t nb_buckets, uint32_t now,
        const uint32_t *epochs, uint32_t nb_slots, struct dp_flow_ended *ended, uint32_t room)
{
	const struct sweep s = {t, worker, now, epochs, nb_slots};
	struct flow_worker *me = &t->workers[worker];
	uint32_t left = RTE_MIN(nb_buckets, me->age_end - me->age_begin), n = 0;

	while (left > 0 && n < room) {
		uint32_t begin = me->age_at, i = 0;
		struct listed all;
		uint32_t end = list(t, begin, RTE_MIN(begin + left, me->age_end), &all);

		look(&s, &all);
		while (i < all.n && n < room)
			n += take(&s, &all, i, &ended[n], room - n, &i);
		if (i < all.n)
			end = all.buckets[i];
		left -= end - begin;
		me->age_at = end < me->age_end ? end : me->age_begin;
	}
	flow_count_age(t, worker, now);
	return n;
}
