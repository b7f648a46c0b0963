/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See ref_table.h.
 */
#include "ref_table.h"

#include <rte_branch_prediction.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "packets.h"
#include "pipeline.h"
#include "prefetch.h"
#include "siphash.h"

#define SLOTS     8
#define HUGE_PAGE (UINT64_C(2) << 20)

typedef uint16_t tag_lanes __attribute__((vector_size(2 * SLOTS)));

struct ref_bucket {
	tag_lanes tags; /* 0: free; used slots come first */
	uint32_t refs[SLOTS];
	uint8_t rest[16];
};
LB_ASSERT_SIZE(struct ref_bucket, 64);

#define ENTRY_WORDS 8u
static_assert(PACKET_KEY_WORDS(true) < ENTRY_WORDS, "a key and a word of its flow's");

void *memory_map(uint64_t size, bool huge)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | (huge ? MAP_HUGETLB : 0);
	void *memory =
	        mmap(NULL, LB_ALIGN_UP(size, HUGE_PAGE), PROT_READ | PROT_WRITE, flags, -1, 0);

	return memory != MAP_FAILED ? memory : NULL;
}

static uint32_t buckets_for(uint32_t capacity)
{
	return (capacity + 4) / 5;
}

uint64_t ref_table_size(uint32_t capacity)
{
	return (uint64_t)buckets_for(capacity) * sizeof(struct ref_bucket) +
	       (uint64_t)capacity * ENTRY_WORDS * sizeof(uint64_t);
}

bool ref_table_open(struct ref_table *t, bool is_v6, uint32_t capacity, bool huge)
{
	*t = (struct ref_table){.is_v6 = is_v6,
	        .nb_buckets = buckets_for(capacity),
	        .capacity = capacity,
	        .size = LB_ALIGN_UP(ref_table_size(capacity), HUGE_PAGE)};
	t->buckets = memory_map(t->size, huge);
	if (t->buckets == NULL)
		return false;
	t->entries = (uint64_t *)(t->buckets + t->nb_buckets);
	return getrandom(t->secret, sizeof(t->secret), 0) == sizeof(t->secret);
}

void ref_table_close(struct ref_table *t)
{
	if (t->buckets != NULL)
		munmap(t->buckets, t->size);
	t->buckets = NULL;
}

/* The hashes of eight keys: of the client's address, port and protocol, as the flow table pads
 * them. */
static inline __attribute__((always_inline)) void hash_keys(
        const struct ref_table *t, bool is_v6, const uint64_t *keys, dp_siphash_lanes *hashes)
{
	const uint32_t nb_words = is_v6 ? 3 : 1, stride = PACKET_KEY_WORDS(is_v6);
	dp_siphash_lanes words[3] = {{0}};

	for (uint32_t i = 0; i < DP_SIPHASH_LANES; i++) {
		const uint64_t *key = keys + i * stride;

		if (is_v6) {
			words[0][i] = key[0];
			words[1][i] = key[1];
			words[2][i] = (uint32_t)key[2] | UINT64_C(19) << 56;
		} else {
			words[0][i] = key[0] | UINT64_C(7) << 56;
		}
	}
	dp_siphash13(t->secret, words, nb_words, hashes);
}

static inline uint32_t bucket_of(const struct ref_table *t, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * t->nb_buckets >> 32);
}

static inline uint16_t tag_of(uint64_t hash)
{
	return (uint16_t)hash != 0 ? (uint16_t)hash : 1;
}

/* The first slot with the tag; SLOTS: none. */
static inline uint32_t slot_of(const struct ref_bucket *bucket, uint16_t tag)
{
	tag_lanes equal = (tag_lanes)(bucket->tags == tag);
	uint64_t halves[2];

	memcpy(halves, &equal, sizeof(halves));
	if (halves[0] != 0)
		return (uint32_t)__builtin_ctzll(halves[0]) / 16;
	return halves[1] != 0 ? 4 + (uint32_t)__builtin_ctzll(halves[1]) / 16 : SLOTS;
}

static inline uint64_t *entry_at(const struct ref_table *t, uint32_t ref)
{
	return t->entries + (uint64_t)(ref - 1) * ENTRY_WORDS;
}

static inline bool key_is(const uint64_t *entry, bool is_v6, const uint64_t *key)
{
	uint64_t differ = 0;

	for (uint32_t i = 0; i < PACKET_KEY_WORDS(is_v6); i++)
		differ |= entry[i] ^ key[i];
	return differ == 0;
}

void ref_table_add(struct ref_table *t, const uint64_t *key)
{
	const uint32_t words = PACKET_KEY_WORDS(t->is_v6);
	uint64_t eight[DP_SIPHASH_LANES * PACKET_KEY_WORDS(true)] = {0}, *entry;
	dp_siphash_lanes hashes;
	uint32_t at;

	memcpy(eight, key, words * sizeof(*key));
	hash_keys(t, t->is_v6, eight, &hashes);
	for (at = bucket_of(t, hashes[0]); t->buckets[at].tags[SLOTS - 1] != 0;)
		at = at + 1 < t->nb_buckets ? at + 1 : 0;
	entry = entry_at(t, ++t->used);
	memcpy(entry, key, words * sizeof(*key));
	entry[ENTRY_WORDS - 1] = 1;
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if (t->buckets[at].tags[slot] != 0)
			continue;
		t->buckets[at].tags[slot] = tag_of(hashes[0]);
		t->buckets[at].refs[slot] = t->used;
		break;
	}
}

/* What the first candidate did not settle. */
static __attribute__((noinline)) uint64_t find(
        const struct ref_table *t, bool is_v6, const uint64_t *key, uint64_t hash)
{
	for (uint32_t at = bucket_of(t, hash);; at = at + 1 < t->nb_buckets ? at + 1 : 0) {
		const struct ref_bucket *bucket = &t->buckets[at];

		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			const uint64_t *entry;

			if (bucket->tags[slot] == 0)
				return 0;
			if (bucket->tags[slot] != tag_of(hash))
				continue;
			entry = entry_at(t, bucket->refs[slot]);
			if (key_is(entry, is_v6, key))
				return entry[ENTRY_WORDS - 1];
		}
	}
}

static inline __attribute__((always_inline)) void look_up(
        struct ref_table *t, bool is_v6, const uint64_t *keys)
{
	const uint32_t words = PACKET_KEY_WORDS(is_v6), last = ENTRY_WORDS - 1;
	dp_siphash_lanes hashes[DP_BURST / DP_SIPHASH_LANES];
	const uint64_t *hash = (const uint64_t *)hashes;
	const uint64_t *entries[DP_BURST];

	for (uint32_t i = 0; i < RTE_DIM(hashes); i++)
		hash_keys(t, is_v6, keys + i * DP_SIPHASH_LANES * words, &hashes[i]);
	for (uint32_t i = 0; i < DP_BURST; i++)
		dp_prefetch_l2(&t->buckets[bucket_of(t, hash[i])]);
	for (uint32_t i = 0; i < DP_BURST; i++) {
		const struct ref_bucket *bucket = &t->buckets[bucket_of(t, hash[i])];
		uint32_t slot = slot_of(bucket, tag_of(hash[i]));

		entries[i] = NULL;
		if (unlikely(slot == SLOTS))
			continue;
		entries[i] = entry_at(t, bucket->refs[slot]);
		dp_prefetch_l2(entries[i]);
	}
	for (uint32_t i = 0; i < DP_BURST; i++) {
		const uint64_t *key = keys + i * words;

		if (likely(entries[i] != NULL && key_is(entries[i], is_v6, key)))
			t->found += entries[i][last];
		else
			t->found += find(t, is_v6, key, hash[i]);
	}
}

void ref_table_burst(void *arg, uint32_t at)
{
	struct ref_table *t = arg;

	if (t->is_v6)
		look_up(t, true, t->keys + at * PACKET_KEY_WORDS(true));
	else
		look_up(t, false, t->keys + at * PACKET_KEY_WORDS(false));
}
