/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One bucket's lock, and what may be done under it. Every step leaves something that flow_repair.c
 * can put right if the process dies before the next: a slot whose tag is not its entry's, a flow in
 * two slots, an empty line, an entry or a line that nothing refers to.
 */
#include "flow_bucket.h"
#include "flow_count.h"
#include "flow_line.h"
#include "flow_pool.h"

bool flow_bucket_add(struct dp_flow_table *t, uint32_t bucket, uint32_t index, uint16_t tag)
{
	struct flow_line *line = &t->lines[bucket], *next;
	uint32_t nb_lines = 1, used, ref;

	for (; (next = flow_line_next(t, line)) != NULL; line = next)
		nb_lines++;
	used = flow_line_used(line);
	if (used < FLOW_LINE_SLOTS) {
		flow_slot_set(line, used, index + 1, tag);
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

void flow_bucket_drop(struct dp_flow_table *t, uint32_t bucket, const struct flow_place *place)
{
	struct flow_line *last = &t->lines[bucket], *before = NULL, *next;
	uint32_t slot;

	for (; (next = flow_line_next(t, last)) != NULL; last = next)
		before = last;
	slot = flow_line_used(last) - 1;
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

bool flow_bucket_take_held(
        struct dp_flow_table *t, uint32_t bucket, uint32_t index, uint64_t live, uint64_t mask)
{
	struct flow_place at = {.line = &t->lines[bucket], .index = index};

	for (uint32_t i = 0; i < FLOW_MAX_LINES && at.line != NULL; i++) {
		at.slot = flow_line_slot(at.line, index + 1);
		if (at.slot < FLOW_LINE_SLOTS) {
			if (((flow_load(flow_live(t, index)) ^ live) & mask) != 0)
				return false;
			flow_bucket_drop(t, bucket, &at);
			return true;
		}
		at.line = flow_line_next(t, at.line);
	}
	return false;
}

bool flow_bucket_take(struct dp_flow_table *t, uint32_t worker, uint32_t bucket, uint32_t index,
        uint64_t live, uint64_t mask)
{
	bool taken;

	flow_bucket_lock(t, worker, bucket);
	taken = flow_bucket_take_held(t, bucket, index, live, mask);
	flow_bucket_unlock(t, worker, bucket);
	return taken;
}

void flow_ended_set(struct dp_flow_table *t, uint32_t worker, uint32_t index, uint8_t reason,
        struct dp_flow_ended *ended)
{
	const uint64_t *e = flow_entry(t, index);

	ended->slot = (uint32_t)flow_load(&e[FLOW_SLOT_AT]);
	ended->listener = flow_rest_listener(flow_load(&e[FLOW_REST_AT]));
	ended->reason = reason;
	ended->state = flow_live_state(flow_load(&e[FLOW_LIVE_AT]));
	flow_count_end(t, worker, index, &ended->counts);
}
