/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Room for a new flow in a full table.
 *
 * Eviction order, among the flows that a bounded search comes by: flows that are idle past their
 * timeout and not yet swept; half-open ones (TCP that the target has not confirmed, UDP that it has
 * not answered); closing ones; UDP whose client said nothing more after the answer. An open flow
 * never has to go for a new one: the new one is refused (DP_FLOW_FULL).
 *
 * In a flood every new flow needs a victim, so a search keeps all that it finds for the flows that
 * come next; each is judged again when its turn comes.
 */
#include <rte_common.h>

#include "flow_bucket.h"
#include "flow_evict.h"
#include "lb/counters.h"

/* Buckets that one search looks at, at most, from where the worker's last one ended: about 80 flows
 * in a full table, so that one tenth of half-open flows are found by all but one search in five
 * thousand. It ends after a chunk, fetched together, in which it found something. */
#define EVICT_BUCKETS 16
#define EVICT_CHUNK   4
#define EVICT_TRIES   2
static_assert(EVICT_CHUNK * FLOW_LINE_SLOTS <= FLOW_MAX_VICTIMS, "all first lines' can be kept");

static uint32_t wrap(const struct dp_flow_table *t, uint32_t bucket)
{
	return bucket < t->nb_buckets ? bucket : bucket - t->nb_buckets;
}

static void consider_line(const struct dp_flow_table *t, uint32_t bucket,
        const struct flow_line *line, bool is_v6, uint32_t now,
        struct flow_victims found[FLOW_KEEP])
{
	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++) {
		uint32_t ref = flow_load(&line->refs[slot]);
		const uint64_t *e;
		enum flow_rank rank;
		uint64_t live;

		if (!flow_ref_ok(t, ref))
			return;
		if (flow_index_is_v6(t, ref - 1) != is_v6)
			continue;
		e = flow_entry(t, ref - 1);
		live = flow_load(&e[FLOW_LIVE_AT]);
		rank = flow_rank(t, e, live, now);
		if (flow_live_is(live) && rank != FLOW_KEEP && found[rank].n < FLOW_MAX_VICTIMS)
			found[rank].list[found[rank].n++] =
			        (struct flow_victim){bucket, ref, flow_live_life(live)};
	}
}

/* Looks at the flows of one bucket without holding it: what it finds may be gone, or another
 * bucket's, when the bucket is locked. The whole chain, or what hangs behind full first lines would
 * stay for ever, and of a family that stands there alone nothing were found. */
static void consider(const struct dp_flow_table *t, uint32_t bucket, bool is_v6, uint32_t now,
        struct flow_victims found[FLOW_KEEP])
{
	const struct flow_line *line = &t->lines[bucket];

	for (uint32_t i = 0; i < FLOW_MAX_LINES && line != NULL; i++) {
		consider_line(t, bucket, line, is_v6, now, found);
		line = flow_line_next(t, line);
	}
}

static void prefetch_lines(const struct dp_flow_table *t, uint32_t begin, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		dp_prefetch_l2(&t->lines[wrap(t, begin + i)]);
}

/* The entries of a bucket's first line. */
static void prefetch_entries(const struct dp_flow_table *t, uint32_t bucket)
{
	for (uint32_t slot = 0; slot < FLOW_LINE_SLOTS; slot++) {
		uint32_t ref = flow_load(&t->lines[bucket].refs[slot]);

		if (!flow_ref_ok(t, ref))
			return;
		dp_prefetch_l2(flow_live(t, ref - 1));
	}
}

static void add(struct flow_victims *victims, const struct flow_victims *found)
{
	for (uint32_t i = 0; i < found->n && victims->n < FLOW_MAX_VICTIMS; i++)
		victims->list[victims->n++] = found->list[i];
}

/* Looks at buckets until a chunk of them has an expired or a half-open flow. */
static void look(struct dp_flow_table *t, struct flow_worker *me, bool is_v6, uint32_t now,
        struct flow_victims found[FLOW_KEEP])
{
	uint32_t chunk = RTE_MIN(t->nb_buckets, (uint32_t)EVICT_CHUNK);
	uint32_t left = RTE_MIN(t->nb_buckets, (uint32_t)EVICT_BUCKETS);

	for (uint32_t rank = 0; rank < FLOW_KEEP; rank++)
		found[rank].n = 0;
	while (left > 0 && found[FLOW_EXPIRED].n + found[FLOW_HALF_OPEN].n == 0) {
		uint32_t n = RTE_MIN(left, chunk);

		prefetch_lines(t, wrap(t, me->evict_at + n), n);
		for (uint32_t i = 0; i < n; i++)
			prefetch_entries(t, wrap(t, me->evict_at + i));
		for (uint32_t i = 0; i < n; i++)
			consider(t, wrap(t, me->evict_at + i), is_v6, now, found);
		me->evict_at = wrap(t, me->evict_at + n);
		left -= n;
	}
}

/* Fills the worker's empty list: with all that is expired or half-open, or with one alone of the
 * best rank after these, since for the next new flow there may be something better. If something is
 * left behind, the next search begins where the last of them stood: one victim from each stretch
 * that is looked at would leave the stretches' population to chance, and whole ones empty beside
 * full ones. */
static void search(struct dp_flow_table *t, struct flow_worker *me, bool is_v6, uint32_t now)
{
	struct flow_victims *victims = &me->victims[is_v6];
	struct flow_victims found[FLOW_KEEP];

	look(t, me, is_v6, now, found);
	victims->next = victims->n = 0;
	add(victims, &found[FLOW_EXPIRED]);
	add(victims, &found[FLOW_HALF_OPEN]);
	if (victims->n == FLOW_MAX_VICTIMS)
		me->evict_at = victims->list[victims->n - 1].bucket;
	for (uint32_t rank = FLOW_HALF_OPEN + 1; rank < FLOW_KEEP && victims->n == 0; rank++) {
		if (found[rank].n == 0)
			continue;
		victims->list[victims->n++] = found[rank].list[0];
		me->evict_at = victims->list[0].bucket;
	}
}

/* Ends the flow if it still is the one that was found, and can still be spared: nothing was seen of
 * it since that was decided. */
static bool take(struct dp_flow_table *t, uint32_t worker, const struct flow_victim *victim,
        bool is_v6, uint32_t now, struct dp_flow_ended *ended)
{
	const uint64_t *e = flow_entry(t, victim->ref - 1);
	uint64_t live = flow_load(&e[FLOW_LIVE_AT]);
	enum flow_rank rank = flow_rank(t, e, live, now);

	if (flow_live_life(live) != victim->life || rank == FLOW_KEEP ||
	        !flow_bucket_take(t, worker, victim->bucket, victim->ref - 1, live, UINT64_MAX))
		return false;
	flow_ended_set(t, worker, victim->ref - 1,
	        rank == FLOW_EXPIRED ? LB_COUNTER_FLOWS_EXPIRED : LB_COUNTER_FLOWS_EVICTED, ended);
	return true;
}

uint32_t flow_evict(struct dp_flow_table *t, uint32_t worker, bool is_v6, uint32_t now,
        struct dp_flow_ended *ended)
{
	struct flow_worker *me = &t->workers[worker];
	struct flow_victims *victims = &me->victims[is_v6];

	for (uint32_t try = 0; try <= EVICT_TRIES; try++) {
		while (victims->next < victims->n) {
			const struct flow_victim *victim = &victims->list[victims->next++];

			if (take(t, worker, victim, is_v6, now, ended))
				return victim->ref;
		}
		if (try < EVICT_TRIES)
			search(t, me, is_v6, now);
	}
	return 0;
}
