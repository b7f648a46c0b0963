/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sweep: each worker looks at its own share of the buckets, a slice at a time, and takes out
 * what is idle for too long or whose target's slot has passed to another life. Looking takes no
 * lock; a bucket is held only when something has to go.
 */
#include <rte_common.h>

#include "flow_bucket.h"
#include "flow_pool.h"
#include "lb/counters.h"

/* Buckets whose lines, then entries, are fetched together. */
#define AGE_CHUNK 8

struct sweep {
	struct dp_flow_table *t;
	uint32_t worker, now;
	const uint32_t *epochs;
	uint32_t nb_slots;
	struct dp_flow_ended *ended;
	uint32_t nb_ended, room;
};

/* Why the flow has to go, as a counter; false: it stays. */
static bool is_ended(const struct sweep *s, const uint64_t *e, bool is_v6, uint8_t *reason)
{
	uint64_t live = flow_load(&e[FLOW_LIVE_AT(is_v6)]);
	uint64_t slot_epoch = flow_slot_epoch(e, is_v6);
	uint32_t slot = (uint32_t)slot_epoch;

	if (!flow_live_is(live))
		return false;
	if (flow_is_expired(s->t, e, is_v6, live, s->now)) {
		*reason = LB_COUNTER_FLOWS_EXPIRED;
		return true;
	}
	*reason = LB_COUNTER_FLOWS_TARGET_GONE;
	return s->epochs != NULL &&
	       (slot >= s->nb_slots || __atomic_load_n(&s->epochs[slot], __ATOMIC_RELAXED) !=
	                                       (uint32_t)(slot_epoch >> 32));
}

/* Without the lock: whether one of the bucket's flows has to go. */
static bool needs_sweep(const struct sweep *s, uint32_t bucket)
{
	const struct flow_line *line = &s->t->lines[bucket];
	uint8_t reason;

	for (uint32_t i = 0; i < FLOW_MAX_LINES && line != NULL; i++) {
		for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++) {
			uint32_t ref = flow_load(&line->refs[slot]);

			if (!flow_ref_ok(s->t, ref))
				return false;
			if (is_ended(s, flow_entry(s->t, ref - 1), flow_index_is_v6(s->t, ref - 1),
			            &reason))
				return true;
		}
		line = flow_line_next(s->t, line);
	}
	return false;
}

static void sweep_held(struct sweep *s, uint32_t bucket)
{
	struct flow_place at = {0};

	while (s->nb_ended < s->room && flow_bucket_next(s->t, bucket, &at)) {
		uint8_t reason;

		if (!is_ended(s, flow_entry(s->t, at.index), flow_index_is_v6(s->t, at.index),
		            &reason)) {
			at.slot++;
			continue;
		}
		flow_ended_set(s->t, at.index, reason, &s->ended[s->nb_ended++]);
		flow_bucket_drop(s->t, bucket, &at);
		flow_pool_give(s->t, s->worker, at.index + 1);
	}
}

static void prefetch_live(const struct dp_flow_table *t, uint32_t bucket)
{
	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++) {
		uint32_t ref = flow_load(&t->lines[bucket].refs[slot]);

		if (!flow_ref_ok(t, ref))
			return;
		rte_prefetch0(flow_live(t, ref - 1));
	}
}

/* Buckets [begin, end). Returns where to go on: before 'end' if there was no more room. */
static uint32_t sweep_chunk(struct sweep *s, uint32_t begin, uint32_t end)
{
	for (uint32_t b = begin; b < end; b++)
		rte_prefetch0(&s->t->lines[b]);
	for (uint32_t b = begin; b < end; b++)
		prefetch_live(s->t, b);
	for (uint32_t b = begin; b < end; b++) {
		if (!needs_sweep(s, b))
			continue;
		if (s->nb_ended == s->room)
			return b;
		flow_bucket_lock(s->t, s->worker, b);
		sweep_held(s, b);
		flow_bucket_unlock(s->t, s->worker, b);
		if (s->nb_ended == s->room)
			return b;
	}
	return end;
}

uint32_t dp_flow_age(struct dp_flow_table *t, uint32_t worker, uint32_t nb_buckets, uint32_t now,
        const uint32_t *epochs, uint32_t nb_slots, struct dp_flow_ended *ended, uint32_t room)
{
	struct sweep s = {t, worker, now, epochs, nb_slots, ended, 0, room};
	struct flow_worker *me = &t->workers[worker];

	nb_buckets = RTE_MIN(nb_buckets, me->age_end - me->age_begin);
	while (nb_buckets > 0 && s.nb_ended < room) {
		uint32_t left = RTE_MIN(nb_buckets, me->age_end - me->age_at);
		uint32_t n = RTE_MIN(left, (uint32_t)AGE_CHUNK);
		uint32_t end = sweep_chunk(&s, me->age_at, me->age_at + n);

		if (end != me->age_at + n) {
			me->age_at = end;
			break;
		}
		nb_buckets -= n;
		me->age_at = end == me->age_end ? me->age_begin : end;
	}
	return s.nb_ended;
}
