/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow table as each packet uses it: look up a burst, note what was seen. flow_layout.h has the
 * memory and the rules of its sharing.
 */
#include <rte_common.h>

#include "flow_bucket.h"
#include "flow_pool.h"

#define MAX_BURST 64

/* How often a miss is tried again when the bucket changed or is held (about 50 us). A flow that is
 * in the bucket is found whether it is held or not: this bounds what a new flow waits for a worker
 * that is preempted there. It then counts as a miss, and the insert that follows waits for the
 * lock and finds the flow if it is there. */
#define MISS_RETRIES 1024

/* What the first pass over the tags found. */
struct scan {
	uint32_t ref; /* the first slot with the key's tag */
	bool missed;  /* for certain */
};

/* Words to be hashed, eight keys to a vector. */
union column {
	uint64_t word[MAX_BURST];
	dp_siphash_lanes lanes[MAX_BURST / DP_SIPHASH_LANES];
};

/* The keys of one family in a burst. */
struct family {
	union column words[3];
	uint8_t at[MAX_BURST]; /* the key's place in the burst */
	uint32_t n;
};

/* 0x8000 in each 16-bit lane that is 0. A lane above one that is 0 may be marked wrongly, so this
 * finds candidates only. */
static inline uint64_t zero_lanes(uint64_t x)
{
	return (x - UINT64_C(0x0001000100010001)) & ~x & UINT64_C(0x8000800080008000);
}

/* Slots whose tag may be 'tag', one bit each; candidate_slot() says which. */
static inline uint64_t candidates(const struct flow_line *line, uint16_t tag)
{
	uint64_t lanes = tag * UINT64_C(0x0001000100010001);
	uint64_t low = flow_load(&line->tags[0]) ^ lanes;
	uint64_t high = flow_load(&line->tags[1]) ^ lanes;
	uint64_t last = (uint16_t)flow_load(&line->tag8) == tag;

	return zero_lanes(low) >> 15 | zero_lanes(high) >> 14 | last << 2;
}

static inline uint32_t candidate_slot(uint64_t bits)
{
	uint32_t at = (uint32_t)__builtin_ctzll(bits);

	return at / 16 + at % 16 * 4;
}

static inline __attribute__((always_inline)) bool read_flow(const struct dp_flow_table *t,
        uint32_t index, const struct dp_flow_key *key, struct dp_flow *flow)
{
	uint64_t words[3];

	flow_client_words(key, words);
	if (key->is_v6)
		return flow_read(t, index, key, true, words, flow);
	return flow_read(t, index, key, false, words, flow);
}

static inline void scan_first_line(const struct dp_flow_table *t, uint64_t hash, struct scan *scan)
{
	const struct flow_line *line = &t->lines[flow_bucket(t, hash)];
	uint32_t version = flow_load(&line->version);
	uint64_t bits = candidates(line, flow_tag(hash));

	scan->ref = 0;
	scan->missed = false;
	if (likely(bits != 0)) {
		scan->ref = flow_load(&line->refs[candidate_slot(bits)]);
		if (unlikely(!flow_ref_ok(t, scan->ref)))
			scan->ref = 0;
	} else {
		scan->missed = flow_load(&line->next) == 0 && version % 2 == 0 &&
		               flow_load(&line->version) == version;
	}
}

/* One pass over all candidates of a bucket. */
static bool find_in_bucket(const struct dp_flow_table *t, const struct dp_flow_key *key,
        uint64_t hash, struct dp_flow *flow)
{
	const struct flow_line *line = &t->lines[flow_bucket(t, hash)];

	for (uint32_t i = 0; i < FLOW_MAX_LINES && line != NULL; i++) {
		uint64_t bits = candidates(line, flow_tag(hash));

		for (; bits != 0; bits &= bits - 1) {
			uint32_t ref = flow_load(&line->refs[candidate_slot(bits)]);

			if (flow_ref_ok(t, ref) && read_flow(t, ref - 1, key, flow))
				return true;
		}
		line = flow_line_next(t, line);
	}
	return false;
}

/* What the burst's short way did not settle: a second candidate, overflow lines, a writer. */
static __attribute__((noinline)) bool find(const struct dp_flow_table *t,
        const struct dp_flow_key *key, uint64_t hash, struct dp_flow *flow)
{
	const uint32_t *version = &t->lines[flow_bucket(t, hash)].version;

	for (uint32_t i = 0; i < MISS_RETRIES; i++) {
		uint32_t before = flow_load(version);

		if (find_in_bucket(t, key, hash, flow))
			return true;
		if (before % 2 == 0 && flow_load(version) == before)
			return false;
		rte_pause();
	}
	return false;
}

static inline __attribute__((always_inline)) void family_add(
        struct family *f, const struct dp_flow_key *key, uint32_t at, bool is_v6)
{
	const uint32_t last = FLOW_HASH_WORDS(is_v6) - 1;
	uint64_t words[3];

	flow_client_words(key, words);
	for (uint32_t w = 0; w < last; w++)
		f->words[w].word[f->n] = words[w];
	f->words[last].word[f->n] = flow_hash_last_word(words[last], is_v6);
	f->at[f->n++] = (uint8_t)at;
}

static inline __attribute__((always_inline)) void family_hash(
        const struct dp_flow_table *t, struct family *f, bool is_v6, uint64_t *hashes)
{
	const uint32_t nb_words = FLOW_HASH_WORDS(is_v6);
	union column out;

	for (uint32_t i = f->n; i % DP_SIPHASH_LANES != 0; i++)
		for (uint32_t w = 0; w < nb_words; w++)
			f->words[w].word[i] = 0;
	for (uint32_t i = 0; i * DP_SIPHASH_LANES < f->n; i++) {
		dp_siphash_lanes words[3];

		for (uint32_t w = 0; w < nb_words; w++)
			words[w] = f->words[w].lanes[i];
		dp_siphash13(t->secret, words, nb_words, &out.lanes[i]);
	}
	for (uint32_t i = 0; i < f->n; i++)
		hashes[f->at[i]] = out.word[i];
}

static void hash_burst(
        const struct dp_flow_table *t, const struct dp_flow_key *keys, uint32_t n, uint64_t *hashes)
{
	struct family v4, v6;

	v4.n = v6.n = 0;
	for (uint32_t i = 0; i < n; i++)
		if (keys[i].is_v6)
			family_add(&v6, &keys[i], i, true);
		else
			family_add(&v4, &keys[i], i, false);
	family_hash(t, &v4, false, hashes);
	family_hash(t, &v6, true, hashes);
}

uint64_t dp_flow_lookup(const struct dp_flow_table *t, const struct dp_flow_key *keys, uint32_t n,
        uint64_t *hashes, struct dp_flow *flows)
{
	struct scan scans[MAX_BURST];
	uint64_t hits = 0;

	n = RTE_MIN(n, (uint32_t)MAX_BURST);
	hash_burst(t, keys, n, hashes);
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(&t->lines[flow_bucket(t, hashes[i])]);
	for (uint32_t i = 0; i < n; i++) {
		const uint64_t *e;

		scan_first_line(t, hashes[i], &scans[i]);
		if (unlikely(scans[i].ref == 0))
			continue;
		e = flow_entry(t, scans[i].ref - 1);
		rte_prefetch0(e);
		if (keys[i].is_v6)
			rte_prefetch0(e + FLOW_VALUES(true));
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct scan *scan = &scans[i];

		if (scan->missed)
			continue;
		flows[i].bucket = flow_bucket(t, hashes[i]);
		if ((likely(scan->ref != 0 && read_flow(t, scan->ref - 1, &keys[i], &flows[i]))) ||
		        find(t, &keys[i], hashes[i], &flows[i]))
			hits |= UINT64_C(1) << i;
	}
	return hits;
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
	if (flow->bucket >= t->nb_buckets ||
	        !flow_bucket_take(t, worker, flow->bucket, flow->index, (uint16_t)flow->life))
		return false;
	flow_pool_give(t, worker, flow->index + 1);
	return true;
}

uint32_t dp_flow_now(const struct dp_flow_table *t, uint64_t boottime_ms)
{
	return boottime_ms > t->clock_base_ms ? (uint32_t)((boottime_ms - t->clock_base_ms) / 1000)
	                                      : 0;
}
