/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sweep: each worker looks at its own share of the buckets, a slice at a time, and takes out
 * what is idle for too long or whose target's slot has passed to another life. Looking takes no
 * lock; a bucket is held only when something has to go.
 */
#include <rte_common.h>

#include "flow_bucket.h"
#include "flow_count.h"
#include "flow_pool.h"
#include "lb/counters.h"

/* Buckets that the fetching of entries and of lines is ahead of the sweep. It goes on from slice to
 * slice. */
#define AGE_ENTRIES_AHEAD 6
#define AGE_LINES_AHEAD   20

struct sweep {
	struct dp_flow_table *t;
	uint32_t worker, now;
	const uint32_t *epochs;
	uint32_t nb_slots;
	struct dp_flow_ended *ended;
	uint32_t nb_ended, room;
};

/* Why the flow has to go, as a counter; false: it stays. Without branches, as far as can be: which
 * of a bucket's flows have expired, nobody can predict. */
static inline bool entry_is_ended(const struct sweep *s, uint32_t index, uint8_t *reason)
{
	const uint64_t *e = flow_entry(s->t, index);
	uint64_t live = flow_load(&e[FLOW_LIVE_AT]);
	uint64_t slot_epoch = flow_load(&e[FLOW_SLOT_AT]);
	uint32_t slot = (uint32_t)slot_epoch;
	bool expired = flow_is_expired(s->t, e, live, s->now);
	bool gone = s->epochs != NULL &&
	            (slot >= s->nb_slots || __atomic_load_n(&s->epochs[slot], __ATOMIC_RELAXED) !=
	                                            (uint32_t)(slot_epoch >> 32));

	*reason = expired ? LB_COUNTER_FLOWS_EXPIRED : LB_COUNTER_FLOWS_TARGET_GONE;
	return flow_live_is(live) & (expired | gone);
}

/* Without the lock: which of a line's flows have to go, a bit each. */
static uint32_t ended_slots(const struct sweep *s, const struct flow_line *line)
{
	uint32_t slots = 0;
	uint8_t reason;

	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++) {
		uint32_t ref = flow_load(&line->refs[slot]);

		if (!flow_ref_ok(s->t, ref))
			break;
		slots |= (uint32_t)entry_is_ended(s, ref - 1, &reason) << slot;
	}
	return slots;
}

/* The same for all lines after the first: whether there is one. */
static bool chain_is_ended(const struct sweep *s, const struct flow_line *line)
{
	for (uint32_t i = 1; i < FLOW_MAX_LINES && (line = flow_line_next(s->t, line)) != NULL; i++)
		if (ended_slots(s, line) != 0)
			return true;
	return false;
}

/* Takes the flow at 'at' out of a held bucket if it has to go, still. */
static bool end_held(struct sweep *s, uint32_t bucket, const struct flow_place *at)
{
	uint8_t reason;

	if (!entry_is_ended(s, at->index, &reason))
		return false;
	flow_bucket_drop(s->t, bucket, at);
	flow_ended_set(s->t, s->worker, at->index, reason, &s->ended[s->nb_ended++]);
	flow_pool_give(s->t, s->worker, at->index + 1);
	return true;
}

static void sweep_chain_held(struct sweep *s, uint32_t bucket)
{
	struct flow_place at = {0};

	while (s->nb_ended < s->room && flow_bucket_next(s->t, bucket, &at))
		if (!end_held(s, bucket, &at))
			at.slot++;
}

/* The marked slots of a bucket of one line. From the last one on, since the line's last flow moves
 * to where one is taken out. */
static void sweep_line_held(struct sweep *s, uint32_t bucket, uint32_t slots)
{
	struct flow_place at = {.line = &s->t->lines[bucket]};

	while (slots != 0 && s->nb_ended < s->room) {
		uint32_t ref;

		at.slot = 31 - (uint32_t)__builtin_clz(slots);
		slots ^= 1u << at.slot;
		ref = flow_load(&at.line->refs[at.slot]);
		if (!flow_ref_ok(s->t, ref))
			continue;
		at.index = ref - 1;
		end_held(s, bucket, &at);
	}
}

/* False: there is no more room. */
static bool sweep_bucket(struct sweep *s, uint32_t bucket)
{
	struct flow_line *line = &s->t->lines[bucket];
	uint32_t slots = ended_slots(s, line);

	if (slots == 0 && (likely(flow_load(&line->next) == 0) || !chain_is_ended(s, line)))
		return true;
	if (s->nb_ended == s->room)
		return false;
	flow_bucket_lock(s->t, s->worker, bucket);
	if (likely(flow_load(&line->next) == 0))
		sweep_line_held(s, bucket, slots);
	else
		sweep_chain_held(s, bucket);
	flow_bucket_unlock(s->t, s->worker, bucket);
	return s->nb_ended < s->room;
}

uint32_t dp_flow_age(struct dp_flow_table *t, uint32_t worker, uint32_t nb_buckets, uint32_t now,
        const uint32_t *epochs, uint32_t nb_slots, struct dp_flow_ended *ended, uint32_t room)
{
	struct sweep s = {t, worker, now, epochs, nb_slots, ended, 0, room};
	struct flow_worker *me = &t->workers[worker];

	nb_buckets = RTE_MIN(nb_buckets, me->age_end - me->age_begin);
	for (uint32_t i = 0; i < nb_buckets && s.nb_ended < room; i++) {
		uint32_t at = me->age_at, left = me->age_end - at;

		if (left > AGE_LINES_AHEAD)
			rte_prefetch0(&t->lines[at + AGE_LINES_AHEAD]);
		if (left > AGE_ENTRIES_AHEAD)
			flow_bucket_prefetch(t, at + AGE_ENTRIES_AHEAD);
		if (!sweep_bucket(&s, at))
			break;
		me->age_at = left > 1 ? at + 1 : me->age_begin;
	}
	flow_count_age(t, worker, now);
	return s.nb_ended;
}
