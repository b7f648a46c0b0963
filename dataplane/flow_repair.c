/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A walk over all buckets at open, bounded by the table's size whatever the file says. Every entry
 * must belong where it stands, and stand nowhere else. In a bucket that a worker held when it died,
 * what does not is dropped; anywhere else it means that the file is damaged.
 */
#include <errno.h>
#include <stdlib.h>

#include "flow_bucket.h"
#include "flow_pool.h"
#include "flow_repair.h"
#include "flow_vip.h"

/* Buckets ahead of the walk whose lines, and half as many whose entries, are fetched. */
#define AHEAD 16

struct repair {
	struct dp_flow_table *t;
	uint32_t now;
	uint8_t *entries_used; /* one bit each */
	uint8_t *lines_used;
	uint8_t *vips_used;
	uint32_t bucket; /* the one that is walked */
	bool was_held;
};

static bool bit_take(uint8_t *bits, uint32_t at)
{
	uint8_t bit = (uint8_t)(1u << at % 8);
	bool was = bits[at / 8] & bit;

	bits[at / 8] |= bit;
	return !was;
}

static uint64_t entry_hash(const struct dp_flow_table *t, uint32_t index)
{
	bool is_v6 = flow_index_is_v6(t, index);
	const uint64_t *e = flow_entry(t, index);
	uint64_t words[3];

	flow_client_get(e, is_v6, words);
	return flow_hash_words(t, words, is_v6);
}

/* Whether the entry's virtual address is one. It then stays. */
static bool vip_is_good(struct repair *r, uint32_t index)
{
	uint16_t vip = flow_rest_vip(flow_entry(r->t, index)[FLOW_REST_AT]);

	if (!flow_index_is_v6(r->t, index))
		return true;
	if (!flow_vip_is_good(r->t, vip))
		return false;
	bit_take(r->vips_used, vip);
	return true;
}

/* Whether what a slot refers to is a whole flow of this bucket, seen for the first time. */
static bool ref_is_good(struct repair *r, uint32_t ref)
{
	struct dp_flow_table *t = r->t;
	uint64_t live, hash;

	if (!flow_ref_ok(t, ref))
		return false;
	live = *flow_live(t, ref - 1);
	hash = entry_hash(t, ref - 1);
	return flow_live_is(live) && flow_live_state(live) < DP_TCP_STATES &&
	       flow_bucket(t, hash) == r->bucket && vip_is_good(r, ref - 1) &&
	       bit_take(r->entries_used, ref - 1);
}

/* A last-seen time that is still to come would keep a flow for ever. */
static void clamp_last_seen(struct dp_flow_table *t, uint32_t index, uint32_t now)
{
	uint64_t *live = flow_live(t, index);

	if (flow_live_seen(*live) > now)
		*live = flow_live_make(
		        now, flow_live_state(*live), flow_live_flags(*live), flow_live_life(*live));
}

/* The good refs of a chain, in order, and its lines. */
struct chain {
	struct flow_line *lines[FLOW_MAX_LINES];
	uint32_t nb_lines;
	uint32_t refs[FLOW_MAX_LINES * FLOW_LINE_SLOTS];
	uint32_t nb_refs;
};

/* Takes a good ref into the chain. Returns false if the slot is not as its writers leave it:
 * 'ended' says that a free slot came before it. */
static bool slot_read(
        struct repair *r, struct chain *c, const struct flow_line *line, uint32_t slot, bool *ended)
{
	uint32_t ref = line->refs[slot];

	if (ref == 0) {
		*ended = true;
		return flow_tag_at(line, slot) == 0;
	}
	if (!ref_is_good(r, ref))
		return false;
	c->refs[c->nb_refs++] = ref;
	return !*ended && flow_tag_at(line, slot) == flow_tag(entry_hash(r->t, ref - 1));
}

/* Returns false if anything about the chain is not as its writers leave it. */
static bool chain_read(struct repair *r, struct chain *c)
{
	struct dp_flow_table *t = r->t;
	struct flow_line *line = &t->lines[r->bucket];
	bool good = line->version % 2 == 0, ended = false;

	c->nb_lines = c->nb_refs = 0;
	for (;;) {
		c->lines[c->nb_lines++] = line;
		for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++)
			good = slot_read(r, c, line, slot, &ended) && good;
		if (line->next == 0)
			return good;
		if (c->nb_lines == FLOW_MAX_LINES || line->next > t->nb_overflow ||
		        !bit_take(r->lines_used, line->next - 1))
			return false;
		line = &t->lines[(uint64_t)t->nb_buckets + line->next - 1];
		good = good && !ended && line->refs[0] != 0;
	}
}

/* Writes the chain's good refs back, dense, and cuts off the lines that are left over. */
static void chain_write(struct repair *r, const struct chain *c)
{
	struct dp_flow_table *t = r->t;
	uint32_t keep = c->nb_refs == 0 ? 1 : (c->nb_refs - 1) / FLOW_LINE_SLOTS + 1;

	for (uint32_t at = 0; at < c->nb_lines * FLOW_LINE_SLOTS; at++) {
		uint32_t ref = at < c->nb_refs ? c->refs[at] : 0;

		flow_slot_set(c->lines[at / FLOW_LINE_SLOTS], at % FLOW_LINE_SLOTS, ref,
		        ref != 0 ? flow_tag(entry_hash(t, ref - 1)) : 0);
	}
	for (uint32_t i = keep; i < c->nb_lines; i++) {
		uint32_t line = (uint32_t)(c->lines[i] - t->lines) - t->nb_buckets;

		r->lines_used[line / 8] &= (uint8_t) ~(1u << line % 8);
	}
	c->lines[keep - 1]->next = 0;
	t->lines[r->bucket].version = (t->lines[r->bucket].version | 1) + 1;
}

static int repair_bucket(struct repair *r)
{
	struct chain chain;

	if (!chain_read(r, &chain)) {
		if (!r->was_held)
			return -EBADMSG;
		chain_write(r, &chain);
	}
	for (uint32_t i = 0; i < chain.nb_refs; i++)
		clamp_last_seen(r->t, chain.refs[i] - 1, r->now);
	return 0;
}

static bool is_held(const struct dp_flow_table *t, uint32_t bucket)
{
	for (uint32_t i = 0; i < FLOW_NB_CALLERS; i++)
		if (t->holds[i].bucket == (uint64_t)bucket + 1)
			return true;
	return false;
}

static void fetch_ahead(const struct dp_flow_table *t, uint32_t bucket)
{
	if (bucket + AHEAD < t->nb_buckets)
		dp_prefetch_l2(&t->lines[bucket + AHEAD]);
	if (bucket + AHEAD / 2 >= t->nb_buckets)
		return;
	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++) {
		uint32_t ref = t->lines[bucket + AHEAD / 2].refs[slot];

		if (!flow_ref_ok(t, ref))
			return;
		dp_prefetch_l2(flow_entry(t, ref - 1));
	}
}

static int repair_buckets(struct repair *r)
{
	struct dp_flow_table *t = r->t;
	uint32_t nb_held = 0;
	int rc = 0;

	for (uint32_t i = 0; i < FLOW_NB_CALLERS; i++)
		nb_held += t->holds[i].bucket != 0;
	for (r->bucket = 0; r->bucket < t->nb_buckets && rc == 0; r->bucket++) {
		fetch_ahead(t, r->bucket);
		r->was_held = nb_held != 0 && is_held(t, r->bucket);
		rc = repair_bucket(r);
	}
	for (uint32_t i = 0; i < FLOW_NB_CALLERS; i++)
		t->holds[i].bucket = 0;
	return rc;
}

static bool entry_is_used(const struct repair *r, uint32_t index)
{
	return r->entries_used[index / 8] >> index % 8 & 1;
}

/* Entries above the last used one stay as if never used; those between go to the pool. */
static void seed_pool(struct repair *r, bool is_v6)
{
	struct flow_pool *pool = &r->t->pools[is_v6];
	uint32_t begin = pool->fresh, refs[FLOW_MAX_BATCH], n = 0;

	for (uint32_t i = begin; i < pool->end; i++)
		if (entry_is_used(r, i))
			pool->fresh = i + 1;
	pool->nb_free = pool->end - pool->fresh;
	for (uint32_t i = begin; i < pool->fresh; i++) {
		if (entry_is_used(r, i))
			continue;
		flow_entry_end(r->t, i);
		refs[n++] = i + 1;
		if (n == pool->batch) {
			flow_pool_push(r->t, is_v6, refs, n);
			n = 0;
		}
	}
	if (n != 0)
		flow_pool_push(r->t, is_v6, refs, n);
}

/* A line that is no bucket's may hold what a dead worker had begun to write. */
static void seed_lines(struct repair *r)
{
	struct dp_flow_table *t = r->t;

	t->overflow.fresh = t->overflow.end;
	t->overflow.nb_free = 0;
	for (uint32_t i = t->nb_overflow; i > 0; i--)
		if (!(r->lines_used[(i - 1) / 8] >> (i - 1) % 8 & 1)) {
			memset(&t->lines[(uint64_t)t->nb_buckets + i - 1], 0,
			        sizeof(struct flow_line));
			flow_line_give(t, i);
		}
}

int flow_repair(struct dp_flow_table *t, uint32_t now)
{
	struct repair r = {.t = t, .now = now};
	int rc = -ENOMEM;

	r.entries_used = calloc((t->capacity[0] + t->capacity[1]) / 8 + 1, 1);
	r.lines_used = calloc(t->nb_overflow / 8 + 1, 1);
	r.vips_used = calloc(t->nb_vips / 8 + 1, 1);
	if (r.entries_used != NULL && r.lines_used != NULL && r.vips_used != NULL)
		rc = repair_buckets(&r);
	if (rc == 0) {
		seed_pool(&r, false);
		seed_pool(&r, true);
		seed_lines(&r);
		flow_vips_keep(t, r.vips_used);
	}
	free(r.entries_used);
	free(r.lines_used);
	free(r.vips_used);
	return rc;
}
