/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sweep: each worker looks at its own share of the buckets, a slice at a time, and takes out
 * what is idle for too long or whose target's slot has passed to another life. Looking takes no
 * lock; a bucket is held only when something has to go, once for all of a line's flows.
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

/* What a look at one line's flows said: a bit for each slot. */
struct looked {
	uint32_t ended;                 /* they have to go */
	uint32_t expired;               /* of these: because they are idle for too long */
	uint64_t live[FLOW_LINE_SLOTS]; /* their live words, as they were then */
};

/* Without the lock, and without branches, as far as can be: which of a bucket's flows have to go,
 * nobody can predict. */
static inline __attribute__((always_inline)) void look(
        const struct sweep *s, const struct flow_line *line, struct looked *looked)
{
	const struct dp_flow_table *t = s->t;
	const uint32_t *epochs = s->epochs;
	uint32_t nb_slots = s->nb_slots, now = s->now, all_ended = 0, all_expired = 0;

	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++) {
		uint32_t ref = flow_load(&line->refs[slot]);
		uint64_t live, slot_epoch;
		bool expired, gone;
		const uint64_t *e;

		if (!flow_ref_ok(t, ref))
			break;
		e = flow_entry(t, ref - 1);
		live = flow_load(&e[FLOW_LIVE_AT]);
		slot_epoch = flow_load(&e[FLOW_SLOT_AT]);
		expired = flow_is_expired(t, e, live, now);
		gone = epochs != NULL &&
		       ((uint32_t)slot_epoch >= nb_slots ||
		               __atomic_load_n(&epochs[(uint32_t)slot_epoch], __ATOMIC_RELAXED) !=
		                       (uint32_t)(slot_epoch >> 32));
		looked->live[slot] = live;
		all_expired |= (uint32_t)expired << slot;
		all_ended |= (uint32_t)(flow_live_is(live) & (expired | gone)) << slot;
	}
	looked->ended = all_ended;
	looked->expired = all_expired;
}

/* Takes out of a held bucket those flows of one of its lines that had to go and of which nothing
 * was seen since. From the last one on, since the bucket's last flow moves to where one is taken
 * out. */
static void end_held(
        struct sweep *s, uint32_t bucket, struct flow_line *line, const struct looked *looked)
{
	uint32_t slots = looked->ended;

	while (slots != 0 && s->nb_ended < s->room) {
		uint32_t slot = 31 - (uint32_t)__builtin_clz(slots);
		struct flow_place at = {line, slot, flow_load(&line->refs[slot]) - 1};

		slots ^= 1u << slot;
		if (flow_load(flow_live(s->t, at.index)) != looked->live[slot])
			continue;
		flow_bucket_drop(s->t, bucket, &at);
		flow_ended_set(s->t, s->worker, at.index,
		        looked->expired >> slot & 1 ? LB_COUNTER_FLOWS_EXPIRED
		                                    : LB_COUNTER_FLOWS_TARGET_GONE,
		        &s->ended[s->nb_ended++]);
		flow_pool_give(s->t, s->worker, at.index + 1);
	}
}

/* Line by line; one into which flows of the last line may have moved is looked at again. What
 * somebody else changes meanwhile is left to the next round. False: there is no more room. */
static bool sweep_bucket(struct sweep *s, uint32_t bucket)
{
	struct flow_line *line = &s->t->lines[bucket];
	uint32_t seen = flow_load(&line->version);

	for (uint32_t i = 0; i < FLOW_MAX_LINES && line != NULL;) {
		struct flow_line *next = flow_line_next(s->t, line);
		struct looked looked;

		look(s, line, &looked);
		if (looked.ended == 0) {
			line = next;
			i++;
			continue;
		}
		if (s->nb_ended == s->room)
			return false;
		if (seen % 2 != 0 || !flow_bucket_lock_seen(s->t, s->worker, bucket, seen))
			break;
		end_held(s, bucket, line, &looked);
		flow_bucket_unlock(s->t, s->worker, bucket);
		if (next == NULL)
			break;
		seen += 2;
	}
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
			flow_prefetch(&t->lines[at + AGE_LINES_AHEAD]);
		if (left > AGE_ENTRIES_AHEAD)
			flow_bucket_prefetch(t, at + AGE_ENTRIES_AHEAD);
		if (!sweep_bucket(&s, at))
			break;
		me->age_at = left > 1 ? at + 1 : me->age_begin;
	}
	flow_count_age(t, worker, now);
	return s.nb_ended;
}
