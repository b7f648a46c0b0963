/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow table as each packet uses it: look up a burst, note what was seen. flow_layout.h has the
 * memory and the rules of its sharing.
 */
#include <rte_common.h>

#include "flow_bucket.h"
#include "flow_line.h"
#include "flow_pool.h"

/* How often a miss is tried again when the bucket changed or is held (about 50 us). A flow that is
 * in the bucket is found whether it is held or not: this bounds what a new flow waits for a worker
 * that is preempted there. It then counts as a miss, and the insert that follows waits for the
 * lock and finds the flow if it is there. */
#define MISS_RETRIES 1024

void dp_flow_keys_set(struct dp_flow_keys *keys, uint32_t i, const struct dp_flow_key *key)
{
	struct flow_words words = flow_words(key);

	for (uint32_t w = 0; w < FLOW_HASH_WORDS(key->is_v6); w++) {
		keys->client[w][i] = words.client[w];
		keys->other[w][i] = words.other[w];
	}
	keys->direction[i] = key->direction;
}

/* What the way to an entry needs of the table: a copy, which nothing that is written meanwhile can
 * be part of. */
struct reach {
	const struct flow_line *lines;
	const uint64_t *entries;
	uint32_t shift, first, capacity; /* of the family's entries */
};

static inline struct reach reach(const struct dp_flow_table *t, bool is_v6)
{
	return (struct reach){
	        t->lines, t->entries, t->shift, is_v6 ? t->capacity[0] : 0, t->capacity[is_v6]};
}

/* False for any ref but one of the family's. */
static inline bool reaches(const struct reach *r, uint32_t ref)
{
	return ref - 1 - r->first < r->capacity;
}

static inline const uint64_t *reach_entry(const struct reach *r, uint32_t ref)
{
	return r->entries + ((uint64_t)(ref - 1) << r->shift);
}

/* One pass over all candidates of a bucket. */
static inline __attribute__((always_inline)) bool find_in_bucket(const struct dp_flow_table *t,
        const struct flow_key_at *key, bool is_v6, uint64_t hash, struct dp_flow *flow)
{
	const struct flow_line *line = &t->lines[flow_bucket(t, hash)];
	const struct reach r = reach(t, is_v6);

	for (uint32_t i = 0; i < FLOW_MAX_LINES && line != NULL; i++) {
		uint64_t bits = flow_candidates(line, flow_tag(hash));

		for (; bits != 0; bits &= bits - 1) {
			uint32_t ref = flow_load(&line->refs[flow_candidate_slot(bits)]);

			flow->index = ref - 1;
			if (reaches(&r, ref) &&
			        flow_read(t, reach_entry(&r, ref), is_v6, key, flow))
				return true;
		}
		line = flow_line_next(t, line);
	}
	return false;
}

/* What the burst's short way did not settle: a second candidate, overflow lines, a writer. */
static __attribute__((noinline)) bool find(const struct dp_flow_table *t,
        const struct dp_flow_keys *keys, uint32_t at, bool is_v6, struct dp_flow *flow)
{
	const struct flow_key_at key = flow_key_at(keys, at);
	uint64_t hash = keys->hash[at];
	const uint32_t *version = &t->lines[flow_bucket(t, hash)].version;

	for (uint32_t i = 0; i < MISS_RETRIES; i++) {
		uint32_t before = flow_load(version);
		bool found = is_v6 ? find_in_bucket(t, &key, true, hash, flow)
		                   : find_in_bucket(t, &key, false, hash, flow);

		if (found)
			return true;
		if (before % 2 == 0 && flow_load(version) == before)
			return false;
		rte_pause();
	}
	return false;
}

/* Where the keys of a look-up may be found. */
struct places {
	uint32_t buckets[DP_FLOW_BURST] __attribute__((aligned(32)));
	uint32_t tags[DP_FLOW_BURST] __attribute__((aligned(32)));
	const uint64_t *entries[DP_FLOW_BURST];
};

/* The buckets of the next eight keys, or, if there are fewer, of the last 'n'. */
static inline __attribute__((always_inline)) void fetch_buckets(
        const struct dp_flow_table *t, const uint32_t *buckets, uint32_t n)
{
	if (likely(n >= DP_SIPHASH_LANES)) {
#pragma GCC unroll 8
		for (uint32_t i = 0; i < DP_SIPHASH_LANES; i++)
			dp_prefetch_l2(&t->lines[buckets[i]]);
	} else {
		for (uint32_t i = 0; i < n; i++)
			dp_prefetch_l2(&t->lines[buckets[i]]);
	}
}

/* All columns, eight keys to a vector; buckets are fetched while the next are hashed. */
static inline __attribute__((always_inline)) void hash_keys(const struct dp_flow_table *t,
        struct dp_flow_keys *keys, bool is_v6, uint32_t n, struct places *places)
{
	typedef uint32_t lanes32 __attribute__((vector_size(4 * DP_SIPHASH_LANES), may_alias));
	const uint32_t nb_words = FLOW_HASH_WORDS(is_v6);
	const uint64_t secret[2] = {t->secret[0], t->secret[1]}, nb_buckets = t->nb_buckets;

	static_assert(DP_FLOW_BURST % DP_SIPHASH_LANES == 0, "the last vector ends in a column");
	for (uint32_t i = 0; i < n; i += DP_SIPHASH_LANES) {
		dp_siphash_lanes words[3], hash, tag;

		for (uint32_t w = 0; w < nb_words; w++)
			words[w] = *(const dp_siphash_lanes *)&keys->client[w][i];
		words[nb_words - 1] |= flow_hash_last_word(0, is_v6);
		dp_siphash13(secret, words, nb_words, &hash);
		*(dp_siphash_lanes *)&keys->hash[i] = hash;
		/* flow_bucket() and flow_tag() */
		tag = hash & 0xffff;
		tag |= (dp_siphash_lanes)(tag == 0) & 1;
		*(lanes32 *)&places->buckets[i] =
		        __builtin_convertvector((hash >> 32) * nb_buckets >> 32, lanes32);
		*(lanes32 *)&places->tags[i] = __builtin_convertvector(tag, lanes32);
		fetch_buckets(t, &places->buckets[i], n - i);
	}
}

/* Takes the first candidate in a line for key 'i': its number is in flows[], its entry is fetched.
 * False: there is none, or the line is damaged. */
static inline __attribute__((always_inline)) bool take_candidate(const struct reach *r,
        struct places *places, uint32_t i, const struct flow_line *line, struct dp_flow *flows)
{
	uint64_t bits = flow_candidates(line, (uint16_t)places->tags[i]);
	uint32_t ref;

	if (unlikely(bits == 0))
		return false;
	ref = flow_load(&line->refs[flow_candidate_slot(bits)]);
	if (unlikely(!reaches(r, ref)))
		return false;
	flows[i].index = ref - 1;
	places->entries[i] = reach_entry(r, ref);
	dp_prefetch_l2(places->entries[i]);
	return true;
}

/* Whether a bucket of one line, which had no candidate just now, has none for certain. */
static inline bool has_none(const struct flow_line *line, uint16_t tag)
{
	uint32_t version = flow_load(&line->version);

	return version % 2 == 0 && flow_candidates(line, tag) == 0 && flow_load(&line->next) == 0 &&
	       flow_load(&line->version) == version;
}

/* The first pass over the tags. Keys that it finds a candidate for. 'next' are those whose bucket
 * has more lines, 'ask' are keys for find(), and what is in no set has no flow. */
static inline __attribute__((always_inline)) uint64_t scan(const struct dp_flow_table *t,
        struct places *places, bool is_v6, uint32_t n, struct dp_flow *flows, uint64_t *next,
        uint64_t *ask)
{
	const struct reach r = reach(t, is_v6);
	uint64_t without = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct flow_line *line = &r.lines[places->buckets[i]], *more;

		if (likely(take_candidate(&r, places, i, line, flows)))
			continue;
		without |= UINT64_C(1) << i;
		more = flow_line_next(t, line);
		if (more != NULL) {
			dp_prefetch_l2(more);
			*next |= UINT64_C(1) << i;
		} else if (!has_none(line, (uint16_t)places->tags[i])) {
			*ask |= UINT64_C(1) << i;
		}
	}
	return ~without;
}

/* The same for 'set' in the buckets' second lines, which are on their way all together by now. The
 * others are left to find(). */
static __attribute__((noinline)) uint64_t scan_next(const struct dp_flow_table *t,
        struct places *places, bool is_v6, uint64_t set, struct dp_flow *flows)
{
	const struct reach r = reach(t, is_v6);
	uint64_t found = 0;

	for (uint64_t left = set; left != 0; left &= left - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(left);
		const struct flow_line *line = flow_line_next(t, &t->lines[places->buckets[i]]);

		if (line != NULL && take_candidate(&r, places, i, line, flows))
			found |= left & -left;
	}
	return found;
}

/* See dp_flow_lookup(). */
static inline bool is_settled(const struct dp_flow_view *view, const struct dp_flow *flow)
{
	const uint32_t spoken = (uint32_t)(DP_FLOW_LIVE | DP_FLOW_ANSWERED) << 8;
	/* one read of each word, for all that stands in it */
	uint64_t live = flow->live, slot_epoch = flow->slot_epoch;
	uint32_t slot = (uint32_t)slot_epoch;
	uint16_t state_flags = (uint16_t)(live >> 32);

	return (state_flags == (DP_TCP_ESTABLISHED | spoken) ||
	               state_flags == (DP_UDP_OPEN | spoken)) &&
	       (uint32_t)live >= view->now && slot < view->nb_slots &&
	       view->epochs[slot] == (uint32_t)(slot_epoch >> 32);
}

static inline __attribute__((always_inline)) uint64_t lookup(const struct dp_flow_table *t,
        struct dp_flow_keys *keys, bool is_v6, uint64_t set, const struct dp_flow_view *view,
        struct dp_flow *flows, uint64_t *settled)
{
	const uint32_t n = 64 - (uint32_t)__builtin_clzll(set);
	uint64_t left, next = 0, ask = 0, odd = 0, hits;
	struct places places;

	hash_keys(t, keys, is_v6, n, &places);
	hits = set & scan(t, &places, is_v6, n, flows, &next, &ask);
	next &= set;
	if (unlikely(next != 0)) {
		hits |= scan_next(t, &places, is_v6, next, flows);
		ask |= next & ~hits;
	}
	for (left = hits; left != 0; left &= left - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(left);
		const struct flow_key_at key = flow_key_at(keys, i);
		struct dp_flow *flow = &flows[i];

		if (unlikely(!flow_read(t, places.entries[i], is_v6, &key, flow)))
			ask |= left & -left;
		else if (unlikely(!is_settled(view, flow)))
			odd |= left & -left;
	}
	hits &= ~ask;
	*settled = hits & ~odd;
	for (left = set & ask; unlikely(left != 0); left &= left - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(left);

		if (find(t, keys, i, is_v6, &flows[i]))
			hits |= left & -left;
	}
	return hits;
}

uint64_t dp_flow_lookup(const struct dp_flow_table *t, struct dp_flow_keys *keys, bool is_v6,
        uint64_t set, const struct dp_flow_view *view, struct dp_flow *flows, uint64_t *settled)
{
	*settled = 0;
	if (set == 0)
		return 0;
	return is_v6 ? lookup(t, keys, true, set, view, flows, settled)
	             : lookup(t, keys, false, set, view, flows, settled);
}

void dp_flow_note(struct dp_flow_table *t, const struct dp_flow *flow, enum dp_direction direction,
        uint8_t tcp_flags, uint32_t now)
{
	uint8_t answered = dp_flow_answered(direction);
	uint64_t *live, old, new;

	if (flow->index >= t->capacity[0] + t->capacity[1])
		return;
	live = flow_live(t, flow->index);
	old = flow_load(live);
	do {
		if (!flow_live_is(old) || flow_live_life(old) != flow->life)
			return;
		new = flow_live_make(RTE_MAX(flow_live_seen(old), now),
		        dp_tcp_step(flow_live_state(old), direction, tcp_flags),
		        flow_live_flags(old) | answered, flow_live_life(old));
	} while (old != new && !__atomic_compare_exchange_n(
	                               live, &old, new, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

bool dp_flow_remove(struct dp_flow_table *t, uint32_t worker, const struct dp_flow *flow)
{
	bool is_v6 = flow_index_is_v6(t, flow->index);
	const uint64_t *e;
	uint64_t words[3];

	if (!flow_ref_ok(t, flow->index + 1))
		return false;
	e = flow_entry(t, flow->index);
	/* another flow's by now, perhaps: then it is not in that bucket with this life */
	flow_client_get(e, is_v6, words);
	if (!flow_bucket_take(t, worker, flow_bucket(t, flow_hash_words(t, words, is_v6)),
	            flow->index, flow->live, FLOW_LIFE_MASK))
		return false;
	flow_pool_give(t, worker, flow->index + 1);
	return true;
}

uint32_t dp_flow_now(const struct dp_flow_table *t, uint64_t boottime_ms)
{
	return boottime_ms > t->clock_base_ms ? (uint32_t)((boottime_ms - t->clock_base_ms) / 1000)
	                                      : 0;
}
