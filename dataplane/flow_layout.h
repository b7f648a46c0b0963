/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow table in memory; private to flow*.c.
 *
 *   +0        struct flow_header          written at creation, ro afterwards
 *   +4096     struct flow_hold [LB_MAX_WORKERS + 1]
 *   +16384    struct flow_vip [nb_vips]          IPv6 virtual addresses, by number: flow_vip.c
 *             struct flow_line [nb_buckets]      a bucket's first line
 *             struct flow_line [nb_overflow]     more lines, hung on a bucket by 'next'
 *             entries, 64 bytes each             IPv4: indices 0 .. ipv4_flows - 1; IPv6: the
 *                      128 with counters         ipv6_flows that follow
 *
 *   a line, 64 bytes       an IPv4 entry                     an IPv6 entry
 *   +0  version  next      +0  client ip   port proto        +0  client ip
 *   +8  tags 0..3          +8  virtual ip  port
 *   +16 tags 4..7          +16 target ip   port              +16 target ip
 *   +24 tag 8  refs 0..8   +24 checksum changes
 *                          +32 -                             +32 client port proto, other ports
 *                          both: +40  slot  epoch
 *                                +48  live
 *                                +56  IPv6: vip, checksum change; both: idle, listener
 *   with counters, both:   +64 packets, +72 bytes to the target
 *                          +80 packets, +88 bytes to the client
 *
 * A ref is an index plus one; 0 is none. Used slots of a bucket are dense: first line first.
 *
 * Who may read and write. A bucket's lines are written by the holder of its lock: the version of
 * its first line, odd while held. An entry is written only while no bucket refers to it, except for
 * its live word: last-seen time, state and flags are changed by anybody, by compare-and-swap, while
 * the holder of the bucket alone ends its life, with a plain store; and for its counts, which
 * anybody adds to (flow_count.c).
 *
 * How a reader knows that what it copied was one flow. The live word carries the entry's life, a
 * count that a removal raises (and LIVE, that it clears) before the entry can be written again. A
 * reader loads it before and after all else: the same life, alive, both times, and everything
 * between belongs to that flow. All loads acquire (IPv6 addresses two words at once: flow_pair.h)
 * and all stores release, which on x86 costs nothing, so the order of the words is the order in
 * which a writer stored them. (The count wraps at 65,536 lives, all within one copy of 64 bytes: it
 * does not happen.) So a hit needs no look at the bucket again, and a worker that is preempted with
 * a bucket held stops no packet of an established flow. A miss needs the bucket's version: even and
 * the same before and after, since a removal moves another ref into the hole.
 *
 * Layout rule: any change here, to the hash, or to the numbers of enum dp_tcp_state or enum
 * dp_flow_flags, raises FLOW_LAYOUT; a file of another layout is made anew.
 */
#ifndef DP_FLOW_LAYOUT_H
#define DP_FLOW_LAYOUT_H

#include <rte_branch_prediction.h>
#include <rte_pause.h>

#include "flow.h"
#include "once.h"
#include "prefetch.h"
#include "siphash.h"

/* The plain forms of flow_line.h and flow_pair.h everywhere: for the thread sanitizer, which takes
 * a vector for what is no shared word. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define FLOW_PLAIN
#endif
#endif
#if defined(__SANITIZE_THREAD__) && !defined(FLOW_PLAIN)
#define FLOW_PLAIN
#endif

#define FLOW_MAGIC  UINT64_C(0x574f4c464152424e)
#define FLOW_LAYOUT 6

#define FLOW_LINE_SLOTS 9
/* Lines of one bucket, the first included. */
#define FLOW_MAX_LINES        16
#define FLOW_MAX_CLIENT_LIMIT 128
static_assert(
        FLOW_MAX_CLIENT_LIMIT < FLOW_MAX_LINES * FLOW_LINE_SLOTS, "one client fills a bucket");

#define FLOW_NB_CALLERS (LB_MAX_WORKERS + 1)
#define FLOW_HOLD_AT    4096
#define FLOW_VIPS_AT    16384

struct flow_header {
	uint64_t magic; /* written last: a file without it was never finished */
	uint32_t layout;
	uint32_t nb_vips, nb_buckets, nb_overflow;
	uint32_t capacity[2]; /* [is_v6] */
	uint32_t counters;    /* 1: entries have counts */
	uint32_t zero;
	uint64_t size; /* bytes, what follows the last entry not included */
	uint64_t secret[2];
	uint64_t clock_base_ms; /* CLOCK_BOOTTIME at second 0 */
	uint8_t boot_id[16];    /* of the boot that CLOCK_BOOTTIME counts from */
};
LB_ASSERT_SIZE(struct flow_header, 88);

/* One per caller, written by it alone. Bucket plus one that it is about to hold, holds or held just
 * now; 0: none. Set before the lock is taken, cleared after it is given back, so that every held
 * bucket stands here. */
struct flow_hold {
	uint64_t bucket;
	uint64_t zero[7];
};
LB_ASSERT_SIZE(struct flow_hold, 64);
static_assert(FLOW_HOLD_AT + FLOW_NB_CALLERS * sizeof(struct flow_hold) <= FLOW_VIPS_AT,
        "hold words overlap the addresses");
static_assert(FLOW_VIPS_AT % 16 == 0, "addresses are loaded whole: flow_pair.h");

/* An IPv6 virtual address that flows have or had, as the first two words of a side; zeros: free. */
struct flow_vip {
	uint64_t words[2];
};
LB_ASSERT_SIZE(struct flow_vip, 16);

struct flow_line {
	uint32_t version; /* of the bucket, in its first line; odd: held */
	uint32_t next;    /* ref of an overflow line */
	uint64_t tags[2]; /* 16 bits each, from the low end; 0: the slot is free */
	uint32_t tag8;
	uint32_t refs[FLOW_LINE_SLOTS];
} __attribute__((aligned(LB_CACHE_LINE))); /* it is read as a whole: flow_line.h */
LB_ASSERT_SIZE(struct flow_line, 64);
LB_ASSERT_AT(struct flow_line, refs, 28);

/* Words of an entry that both families have. */
#define FLOW_SLOT_AT 5 /* slot | epoch << 32 */
#define FLOW_LIVE_AT 6
#define FLOW_REST_AT 7
/* Of IPv4 entries: what the translation changes in checksums, four folded sums from the low end: of
 * the IPv4 header and of TCP or UDP, to the target; the same to the client. */
#define FLOW_DELTAS_AT 3
/* Of IPv6 entries: where the target's address begins, and the ports: client port | protocol << 16 |
 * virtual port << 32 | target port << 48. */
#define FLOW_TARGET6_AT 2
#define FLOW_PORTS6_AT  4
static_assert(FLOW_TARGET6_AT % 2 == 0, "an address is loaded whole: flow_pair.h");
/* While an entry is free: its place in the pool. */
#define FLOW_LINK_AT 7

/* Packets and bytes of a direction, two directions. The upper 16 bits of each are the entry's life
 * again. */
#define FLOW_COUNTS_AT 8

/* rest: vip | change of the TCP or UDP checksum to the target << 16 | idle << 32 | listener << 46.
 * The first two are IPv6's. */
#define FLOW_MAX_IDLE_S 16383
static_assert(LB_MAX_LISTENERS <= UINT32_C(1) << 18, "a listener id has 18 bits");

static inline uint64_t flow_rest_make(
        uint16_t vip, uint16_t delta, uint32_t listener, uint32_t idle_timeout_s)
{
	return vip | (uint64_t)delta << 16 | (uint64_t)idle_timeout_s << 32 |
	       (uint64_t)listener << 46;
}

static inline uint16_t flow_rest_vip(uint64_t rest)
{
	return (uint16_t)rest;
}

static inline uint32_t flow_rest_listener(uint64_t rest)
{
	return (uint32_t)(rest >> 46);
}

static inline uint32_t flow_rest_idle(uint64_t rest)
{
	return (uint32_t)(rest >> 32) & FLOW_MAX_IDLE_S;
}

/* live: last_seen | state << 32 | flags << 40 | life << 48 */
static inline uint64_t flow_live_make(
        uint32_t last_seen, uint8_t state, uint8_t flags, uint16_t life)
{
	return last_seen | (uint64_t)state << 32 | (uint64_t)flags << 40 | (uint64_t)life << 48;
}

static inline uint32_t flow_live_seen(uint64_t live)
{
	return (uint32_t)live;
}

static inline uint8_t flow_live_state(uint64_t live)
{
	return (uint8_t)(live >> 32);
}

static inline uint8_t flow_live_flags(uint64_t live)
{
	return (uint8_t)(live >> 40);
}

static inline uint16_t flow_live_life(uint64_t live)
{
	return (uint16_t)(live >> 48);
}

static inline bool flow_live_is(uint64_t live)
{
	static_assert(DP_FLOW_LIVE == 0x80, "the sign, when the life is shifted out");
	return (int64_t)(live << 16) < 0;
}

/* Which life a live word is of, and that it has not ended. */
#define FLOW_LIFE_SHIFT 47
#define FLOW_LIFE_MASK  (UINT64_MAX << FLOW_LIFE_SHIFT)

/* Entries that pass between a worker and the pool at once, at most, and that a worker keeps: what
 * some bursts take, so that one burst's new flows get what the sweep freed after another, and the
 * pool is left alone. */
#define FLOW_MAX_BATCH 11
#define FLOW_MAX_CACHE 128

/* Free entries of one family, shared. Batches hang on 'head' by their first entries' link words;
 * everything from 'fresh' on was never used. Private memory: rebuilt at open. */
struct flow_pool {
	uint32_t lock;
	uint32_t head;      /* ref of the first batch's first entry */
	uint32_t fresh;     /* index */
	uint32_t end;       /* index after the family's last */
	uint32_t batch;     /* entries in a batch, at most */
	uint32_t cache_max; /* entries that a worker keeps, at most; twice a batch at least */
	uint32_t nb_free;
} __attribute__((aligned(LB_CACHE_LINE)));

/* A worker's own free entries of one family, in a ring: 'n' of them from 'first', modulo the ring,
 * on; the last of them came last. */
struct flow_cache {
	uint32_t n, first;
	uint32_t refs[FLOW_MAX_CACHE];
};
static_assert((FLOW_MAX_CACHE & (FLOW_MAX_CACHE - 1)) == 0, "'first' wraps at 2^32 without a jump");

/* Flows that a search found and that can be spared, best first. Each may be gone by now. */
#define FLOW_MAX_VICTIMS 36
struct flow_victim {
	uint32_t bucket, ref;
	uint16_t life;
};
struct flow_victims {
	uint32_t next, n;
	struct flow_victim list[FLOW_MAX_VICTIMS];
};

struct flow_worker {
	struct flow_cache cache[2]; /* [is_v6] */
	struct flow_victims victims[2];
	uint32_t age_at;    /* bucket: where the next slice of the sweep begins */
	uint32_t age_begin; /* the worker's share */
	uint32_t age_end;
	uint32_t evict_at;
} __attribute__((aligned(LB_CACHE_LINE)));

#define FLOW_OWN_TIMEOUT 0

/* A process's handle. */
struct dp_flow_table {
	struct flow_line *lines; /* [nb_buckets], then [nb_overflow] */
	uint64_t *entries;
	uint32_t shift; /* of an index to words */
	uint32_t nb_buckets, nb_overflow;
	struct flow_vip *vips;
	uint32_t nb_vips, vip_mask; /* a power of two; less one */
	uint32_t capacity[2];
	uint64_t secret[2];
	uint64_t clock_base_ms;
	uint16_t client_limit;
	/* Seconds that a flow in a state (enum dp_tcp_state) may be idle; FLOW_OWN_TIMEOUT: the
	 * entry says. */
	uint32_t timeouts_s[DP_TCP_STATE_MASK + 1];

	struct flow_header *header;
	struct flow_hold *holds;
	uint64_t map_size;
	int fd; /* locked as long as the table is open; -1: anonymous */
	uint32_t nb_callers;
	bool counters;
	struct dp_flow_tally *tallies[FLOW_NB_CALLERS]; /* owned; NULL: no counters */
	struct flow_pool pools[2];
	struct flow_pool overflow;
	uint32_t vips_lock; /* for new ones */
	struct flow_worker workers[FLOW_NB_CALLERS];
};

/* Shared words. A load pairs with the store of the same word, see above. A test of the races puts
 * its own load in place of this one. */
#ifndef flow_load
#define flow_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#endif
#define flow_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

static inline bool flow_index_is_v6(const struct dp_flow_table *t, uint32_t index)
{
	return index >= t->capacity[0];
}

/* 'index' is below the two capacities' sum. */
static inline uint64_t *flow_entry(const struct dp_flow_table *t, uint32_t index)
{
	return t->entries + ((uint64_t)index << t->shift);
}

static inline uint64_t *flow_live(const struct dp_flow_table *t, uint32_t index)
{
	return flow_entry(t, index) + FLOW_LIVE_AT;
}

/* False for 0 and for what lies outside the table: a damaged ref. */
static inline bool flow_ref_ok(const struct dp_flow_table *t, uint32_t ref)
{
	return ref - 1 < t->capacity[0] + t->capacity[1];
}

/* The line after 'line' in its bucket, or NULL. */
static inline struct flow_line *flow_line_next(
        const struct dp_flow_table *t, const struct flow_line *line)
{
	uint32_t ref = flow_load(&line->next);

	return ref - 1 < t->nb_overflow ? &t->lines[(uint64_t)t->nb_buckets + ref - 1] : NULL;
}

/* One key as words: those of struct dp_flow_keys. */
struct flow_words {
	uint64_t client[3], other[3];
	uint32_t direction;
};

/* The words of a key where they stand: 'stride' words lie between one and the next. */
struct flow_key_at {
	const uint64_t *client, *other;
	uint32_t stride, direction;
};

static inline struct flow_key_at flow_key_at(const struct dp_flow_keys *keys, uint32_t i)
{
	const uint64_t *client = &keys->client[0][i];

	DP_ONCE(client);
	return (struct flow_key_at){client, client + (&keys->other[0][0] - &keys->client[0][0]),
	        DP_FLOW_BURST, keys->direction[i]};
}

/* An address and port as the words of one side. */
static inline void flow_side_words(
        const struct lb_ip *ip, lb_be16 port, bool is_v6, uint64_t words[3])
{
	if (!is_v6) {
		words[0] = lb_ip_v4(ip) | (uint64_t)port << 32;
		return;
	}
	memcpy(&words[0], &ip->bytes[0], sizeof(words[0]));
	memcpy(&words[1], &ip->bytes[8], sizeof(words[1]));
	words[2] = port;
}

/* Of IPv4 keys, the first word of each side alone is more than 0. */
static inline struct flow_words flow_words(const struct dp_flow_key *key)
{
	struct flow_words words = {.direction = key->direction & 1};

	flow_side_words(&key->client, key->client_port, key->is_v6, words.client);
	words.client[key->is_v6 ? 2 : 0] |= (uint64_t)key->protocol << (key->is_v6 ? 16 : 48);
	flow_side_words(&key->other, key->other_port, key->is_v6, words.other);
	return words;
}

/* The way back. */
static inline void flow_words_key(
        const struct flow_words *words, bool is_v6, struct dp_flow_key *key)
{
	uint64_t client = words->client[is_v6 ? 2 : 0] >> (is_v6 ? 0 : 32);
	uint64_t other = words->other[is_v6 ? 2 : 0] >> (is_v6 ? 0 : 32);

	*key = (struct dp_flow_key){
	        .client_port = (lb_be16)client,
	        .other_port = (lb_be16)other,
	        .protocol = (uint8_t)(client >> 16),
	        .direction = (uint8_t)words->direction,
	        .is_v6 = is_v6,
	};
	if (is_v6) {
		memcpy(&key->client, words->client, sizeof(key->client));
		memcpy(&key->other, words->other, sizeof(key->other));
	} else {
		lb_ip_set_v4(&key->client, (lb_be32)words->client[0]);
		lb_ip_set_v4(&key->other, (lb_be32)words->other[0]);
	}
}

/* The hash's input: the client's words, 7 or 19 bytes of them, so no IPv4 input is an IPv6 one. */
#define FLOW_HASH_WORDS(is_v6) ((is_v6) ? 3u : 1u)

static inline uint64_t flow_hash_last_word(uint64_t word, bool is_v6)
{
	return word | (is_v6 ? UINT64_C(19) : UINT64_C(7)) << 56;
}

/* One alone, for where no packet waits. */
static inline uint64_t flow_hash_words(
        const struct dp_flow_table *t, const uint64_t words[3], bool is_v6)
{
	uint32_t n = FLOW_HASH_WORDS(is_v6);
	dp_siphash_lanes input[3] = {{0}}, hashes;

	for (uint32_t i = 0; i < n; i++)
		input[i][0] = i + 1 < n ? words[i] : flow_hash_last_word(words[i], is_v6);
	dp_siphash13(t->secret, input, n, &hashes);
	return hashes[0];
}

static inline uint64_t flow_hash(const struct dp_flow_table *t, const struct dp_flow_key *key)
{
	struct flow_words words = flow_words(key);

	return flow_hash_words(t, words.client, key->is_v6);
}

/* Multiply and shift: no power of two, no division. The tag is of other bits. */
static inline uint32_t flow_bucket(const struct dp_flow_table *t, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * t->nb_buckets >> 32);
}

static inline uint16_t flow_tag(uint64_t hash)
{
	uint16_t tag = (uint16_t)hash;

	return tag != 0 ? tag : 1;
}

#endif
