/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changing one bucket; private to flow*.c. A caller holds one bucket at a time.
 */
#ifndef DP_FLOW_BUCKET_H
#define DP_FLOW_BUCKET_H

#include "flow_entry.h"

static inline void flow_bucket_lock(struct dp_flow_table *t, uint32_t worker, uint32_t bucket)
{
	uint32_t *version = &t->lines[bucket].version;

	flow_store(&t->holds[worker].bucket, (uint64_t)bucket + 1);
	for (;;) {
		uint32_t seen = __atomic_load_n(version, __ATOMIC_RELAXED);

		/* Acquire pairs with the release in flow_bucket_unlock(); release keeps the hold
		 * word before it. */
		if (seen % 2 == 0 && __atomic_compare_exchange_n(version, &seen, seen + 1, true,
		                             __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return;
		rte_pause();
	}
}

/* Locks the bucket if its version still is 'seen', an even one: then all of it is what it was when
 * that was read. */
static inline bool flow_bucket_lock_seen(
        struct dp_flow_table *t, uint32_t worker, uint32_t bucket, uint32_t seen)
{
	bool locked;

	flow_store(&t->holds[worker].bucket, (uint64_t)bucket + 1);
	/* as in flow_bucket_lock() */
	locked = __atomic_compare_exchange_n(&t->lines[bucket].version, &seen, seen + 1, false,
	        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	if (unlikely(!locked))
		flow_store(&t->holds[worker].bucket, 0);
	return locked;
}

static inline void flow_bucket_unlock(struct dp_flow_table *t, uint32_t worker, uint32_t bucket)
{
	uint32_t *version = &t->lines[bucket].version;

	flow_store(version, __atomic_load_n(version, __ATOMIC_RELAXED) + 1);
	flow_store(&t->holds[worker].bucket, 0);
}

/* The next used slot of a held bucket: of '*at' zeroed before the first call. False after the last.
 */
static inline bool flow_bucket_next(
        const struct dp_flow_table *t, uint32_t bucket, struct flow_place *at)
{
	uint32_t ref;

	if (at->line == NULL) {
		at->line = &t->lines[bucket];
		at->slot = 0;
	}
	if (at->slot == FLOW_LINE_SLOTS) {
		at->line = flow_line_next(t, at->line);
		at->slot = 0;
		if (at->line == NULL)
			return false;
	}
	ref = flow_load(&at->line->refs[at->slot]);
	if (!flow_ref_ok(t, ref))
		return false;
	at->index = ref - 1;
	return true;
}

/* Puts a written entry in, at the end. False: no line is left, or the bucket has all it may have.
 */
bool flow_bucket_add(struct dp_flow_table *t, uint32_t bucket, uint32_t index, uint16_t tag);

/* Takes the flow at 'place' out; its entry then is the caller's. The bucket's last flow moves to
 * its slot, so a loop over the bucket goes on with the same place. */
void flow_bucket_drop(struct dp_flow_table *t, uint32_t bucket, const struct flow_place *place);

/* Takes the flow that has 'index' out of a held bucket, if it is there and the bits 'mask' of its
 * live word still are those of 'live': FLOW_LIFE_MASK if it is that flow, UINT64_MAX if nothing was
 * seen of it either. */
bool flow_bucket_take_held(
        struct dp_flow_table *t, uint32_t bucket, uint32_t index, uint64_t live, uint64_t mask);

/* The same of a bucket that it holds meanwhile. */
bool flow_bucket_take(struct dp_flow_table *t, uint32_t worker, uint32_t bucket, uint32_t index,
        uint64_t live, uint64_t mask);

/* Ends an entry's life: whoever still knows it leaves it alone from here on. For the holder of its
 * bucket, or the owner of an entry that is in none. A plain store, since there is but one of these:
 * what anybody else notes in the word just before is of a flow that ends, and later there is
 * another life. */
static inline void flow_entry_end(struct dp_flow_table *t, uint32_t index)
{
	uint64_t *live = flow_live(t, index), old = flow_load(live);

	flow_store(live, flow_live_make(flow_live_seen(old), flow_live_state(old), 0,
	                         (uint16_t)(flow_live_life(old) + 1)));
}

/* A line's tags, 16 bits each, follow each other. */
#define FLOW_TAGS_AT16 4
LB_ASSERT_AT(struct flow_line, tags, 2 * FLOW_TAGS_AT16);
LB_ASSERT_AT(struct flow_line, tag8, 2 * (FLOW_TAGS_AT16 + 8));

static inline uint16_t flow_tag_at(const struct flow_line *line, uint32_t slot)
{
	return flow_load16(line, FLOW_TAGS_AT16 + slot);
}

/* Of a slot in a line that is held, or not yet shared. */
static inline void flow_slot_set(struct flow_line *line, uint32_t slot, uint32_t ref, uint16_t tag)
{
	flow_store(&line->refs[slot], ref);
	flow_store((flow_half *)line + FLOW_TAGS_AT16 + slot, tag);
}

/* Describes an entry that the caller, 'worker', took out. */
void flow_ended_set(struct dp_flow_table *t, uint32_t worker, uint32_t index, uint8_t reason,
        struct dp_flow_ended *ended);

#endif
