/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One bucket's lock, and what may be done under it. Every step leaves something that flow_repair.c
 * can put right if the process dies before the next: a slot whose tag is not its entry's, a flow in
 * two slots, an empty line, an entry or a line that nothing refers to.
 */
#include "flow_bucket.h"
#include "flow_pool.h"

void flow_bucket_lock(struct dp_flow_table *t, uint32_t worker, uint32_t bucket)
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

void flow_bucket_unlock(struct dp_flow_table *t, uint32_t worker, uint32_t bucket)
{
	uint32_t *version = &t->lines[bucket].version;

	flow_store(version, __atomic_load_n(version, __ATOMIC_RELAXED) + 1);
	flow_store(&t->holds[worker].bucket, 0);
}

bool flow_bucket_next(const struct dp_flow_table *t, uint32_t bucket, struct flow_place *at)
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

void flow_slot_set(struct flow_line *line, uint32_t slot, uint32_t ref, uint16_t tag)
{
	uint32_t shift = slot % 4 * 16;
	uint64_t *tags = &line->tags[slot / 4 & 1];

	flow_store(&line->refs[slot], ref);
	if (slot == 8)
		flow_store(&line->tag8, tag);
	else
		flow_store(tags,
		        (flow_load(tags) & ~(UINT64_C(0xffff) << shift)) | (uint64_t)tag << shift);
}

bool flow_bucket_add(struct dp_flow_table *t, uint32_t bucket, uint32_t index, uint16_t tag)
{
	struct flow_line *line = &t->lines[bucket], *next;
	uint32_t nb_lines = 1, ref;

	for (; (next = flow_line_next(t, line)) != NULL; line = next)
		nb_lines++;
	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++)
		if (flow_load(&line->refs[slot]) == 0) {
			flow_slot_set(line, slot, index + 1, tag);
			return true;
		}
	if (nb_lines >= FLOW_MAX_LINES)
		return false;
	ref = flow_line_take(t);
	if (ref == 0)
		return false;
	flow_slot_set(&t->lines[(uint64_t)t->nb_buckets + ref - 1], 0, index + 1, tag);
	flow_store(&line->next, ref);
	return true;
}

void flow_entry_end(struct dp_flow_table *t, uint32_t index)
{
	uint64_t *live = flow_live(t, index);
	uint64_t old = flow_load(live);
	uint64_t ended;

	do
		ended = flow_live_make(flow_live_seen(old), flow_live_state(old), 0,
		        (uint16_t)(flow_live_life(old) + 1));
	while (!__atomic_compare_exchange_n(
	        live, &old, ended, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

void flow_bucket_drop(struct dp_flow_table *t, uint32_t bucket, const struct flow_place *place)
{
	struct flow_line *last = &t->lines[bucket], *before = NULL, *next;
	uint32_t slot = FLOW_LINE_SLOTS - 1;

	for (; (next = flow_line_next(t, last)) != NULL; last = next)
		before = last;
	while (slot > 0 && flow_load(&last->refs[slot]) == 0)
		slot--;
	flow_entry_end(t, place->index);
	if (place->line != last || place->slot != slot)
		flow_slot_set(place->line, place->slot, flow_load(&last->refs[slot]),
		        flow_tag_at(last, slot));
	flow_slot_set(last, slot, 0, 0);
	if (slot == 0 && before != NULL) {
		uint32_t ref = flow_load(&before->next);

		flow_store(&before->next, 0);
		flow_line_give(t, ref);
	}
}

bool flow_bucket_take(
        struct dp_flow_table *t, uint32_t worker, uint32_t bucket, uint32_t index, uint16_t life)
{
	struct flow_place at = {0};
	bool taken = false;

	flow_bucket_lock(t, worker, bucket);
	for (; flow_bucket_next(t, bucket, &at); at.slot++) {
		uint64_t live;

		if (at.index != index)
			continue;
		live = flow_load(flow_live(t, index));
		taken = flow_live_is(live) && flow_live_life(live) == life;
		if (taken)
			flow_bucket_drop(t, bucket, &at);
		break;
	}
	flow_bucket_unlock(t, worker, bucket);
	return taken;
}

void flow_ended_set(
        const struct dp_flow_table *t, uint32_t index, uint8_t reason, struct dp_flow_ended *ended)
{
	bool is_v6 = flow_index_is_v6(t, index);
	const uint64_t *e = flow_entry(t, index);

	ended->slot = (uint32_t)flow_slot_epoch(e, is_v6);
	ended->listener = flow_listener(e, is_v6);
	ended->reason = reason;
}
