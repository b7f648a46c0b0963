/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A new flow. What has to go for it when there is no room: flow_evict.c.
 */
#include <netinet/in.h>

#include "csum.h"
#include "flow_bucket.h"
#include "flow_count.h"
#include "flow_evict.h"
#include "flow_line.h"
#include "flow_pool.h"
#include "flow_vip.h"
#include "lb/counters.h"

struct insertion {
	struct dp_flow_table *t;
	uint32_t worker, bucket;
	uint32_t now;
	uint16_t tag, vip;
	const struct dp_flow_new *new;
	struct flow_key_at key;
	uint64_t target_words[3]; /* of the target, as a side */
	struct dp_flow *flow;
	struct dp_flow_ended *ended;
	uint32_t *nb_ended;
};

/* Not for callers: the bucket has room, but there is no free entry. */
#define NEEDS_ENTRY ((enum dp_flow_result) - 1)

/* The folded sum of the way back. Zero has two forms: nothing at all, and 0xffff. */
static uint32_t reverse(uint32_t delta)
{
	return delta == 0xffff ? delta : 0xffff - delta;
}

/* What it changes that the words 'from' become 'to', unfolded. */
static uint64_t delta64(uint64_t from, uint64_t to)
{
	return dp_csum_delta32((uint32_t)from, (uint32_t)to) +
	       dp_csum_delta32((uint32_t)(from >> 32), (uint32_t)(to >> 32));
}

/* The word at FLOW_DELTAS_AT: what it changes that 'from' becomes 'to', and the other way round. */
static inline __attribute__((always_inline)) uint64_t deltas4(uint64_t from, uint64_t to)
{
	uint64_t sum = dp_csum_delta32((uint32_t)from, (uint32_t)to);
	uint32_t ip_there = dp_csum_fold(sum + DP_CSUM_TTL_DELTA);
	uint32_t ip_back = dp_csum_fold(reverse(dp_csum_fold(sum)) + DP_CSUM_TTL_DELTA);
	uint32_t there = dp_csum_fold(delta64(from, to));

	return ip_there | there << 16 | (uint64_t)ip_back << 32 | (uint64_t)reverse(there) << 48;
}

/* See flow_copy(). */
static inline __attribute__((always_inline)) uint16_t delta6(
        const struct flow_key_at *from, const uint64_t to[3])
{
	uint32_t there = dp_csum_fold(delta64(from->other[0], to[0]) +
	                              delta64(from->other[from->stride], to[1]) +
	                              delta64(from->other[2 * from->stride], to[2]));

	return there != 0xffff ? (uint16_t)there : 0;
}

static inline uint8_t protocol(const struct flow_key_at *key, bool is_v6)
{
	return (uint8_t)(is_v6 ? key->client[2 * key->stride] >> 16 : key->client[0] >> 48);
}

/* Fills a free entry. Its live word, which is the result, comes last. */
static inline __attribute__((always_inline)) uint64_t entry_write(
        const struct insertion *in, uint64_t *e, bool is_v6)
{
	const struct dp_flow_target *to = &in->new->target;
	const struct flow_key_at *key = &in->key;
	uint8_t state = protocol(key, is_v6) == IPPROTO_TCP ? dp_tcp_first(in->new->tcp_flags)
	                                                    : DP_TCP_NONE;
	uint32_t idle_s = RTE_MIN(to->idle_timeout_s, (uint16_t)FLOW_MAX_IDLE_S);
	uint16_t life = flow_live_life(flow_load(&e[FLOW_LIVE_AT])), delta = 0;
	uint64_t live = flow_live_make(in->now, state, DP_FLOW_LIVE, life);

	flow_store(&e[0], key->client[0]);
	if (!is_v6) {
		flow_store(&e[1], key->other[0]);
		flow_store(&e[2], in->target_words[0]);
		flow_store(&e[FLOW_DELTAS_AT], deltas4(key->other[0], in->target_words[0]));
	} else {
		flow_store(&e[1], key->client[key->stride]);
		flow_store(&e[FLOW_TARGET6_AT], in->target_words[0]);
		flow_store(&e[FLOW_TARGET6_AT + 1], in->target_words[1]);
		flow_store(&e[FLOW_PORTS6_AT], key->client[2 * key->stride] |
		                                       key->other[2 * key->stride] << 32 |
		                                       in->target_words[2] << 48);
		delta = delta6(key, in->target_words);
	}
	flow_store(&e[FLOW_SLOT_AT], to->slot_epoch);
	flow_store(&e[FLOW_REST_AT], flow_rest_make(in->vip, delta, to->listener, idle_s));
	flow_count_begin(in->t, e, life);
	flow_store(&e[FLOW_LIVE_AT], live);
	return live;
}

/* A flow that nobody will miss; not counted as evicted. */
static bool is_over(const struct insertion *in, uint32_t index)
{
	const uint64_t *e = flow_entry(in->t, index);
	uint64_t live = flow_load(&e[FLOW_LIVE_AT]);
	enum flow_rank rank = flow_rank(in->t, e, live, in->now);

	return rank == FLOW_EXPIRED || rank == FLOW_CLOSING;
}

static void drop(const struct insertion *in, const struct flow_place *at, uint8_t reason)
{
	flow_bucket_drop(in->t, in->bucket, at);
	flow_ended_set(in->t, in->worker, at->index, reason, &in->ended[(*in->nb_ended)++]);
	flow_pool_give(in->t, in->worker, at->index + 1);
}

/* One client is one hash, and so one tag: other entries' memory is left alone. */
static inline bool has_no_client(const struct insertion *in)
{
	const struct flow_line *line = &in->t->lines[in->bucket];

	return flow_candidates(line, in->tag) == 0 && flow_load(&line->next) == 0;
}

/* Looks at the flows of the key's client side: their number, the key's own flow, one that goes to
 * the same target, which must be over to make way. */
static __attribute__((noinline)) enum dp_flow_result check_client(
        const struct insertion *in, bool is_v6)
{
	const struct flow_key_at target = {NULL, in->target_words, 1, DP_TO_CLIENT};
	struct flow_place at = {0}, over = {0}, collision = {0};
	uint32_t n = 0;

	for (; flow_bucket_next(in->t, in->bucket, &at); at.slot++) {
		const uint64_t *e = flow_entry(in->t, at.index);
		struct flow_sides sides;

		if (flow_tag_at(at.line, at.slot) != in->tag)
			continue;
		if (flow_index_is_v6(in->t, at.index) != is_v6 ||
		        !flow_client_is(e, is_v6, &in->key))
			continue;
		in->flow->index = at.index;
		if (flow_read(in->t, e, is_v6, &in->key, in->flow))
			return DP_FLOW_EXISTS;
		n++;
		if (is_over(in, at.index))
			over = at;
		sides = flow_sides(in->t, e, is_v6, FLOW_TARGET);
		if (flow_side_is(e, is_v6, FLOW_TARGET, sides.this, &target))
			collision = at;
	}
	if (collision.line != NULL) {
		if (!is_over(in, collision.index))
			return DP_FLOW_COLLISION;
		drop(in, &collision, LB_COUNTER_FLOWS_EXPIRED);
	} else if (n >= in->t->client_limit) {
		if (over.line == NULL)
			return DP_FLOW_CLIENT_LIMIT;
		drop(in, &over, LB_COUNTER_FLOWS_EXPIRED);
	}
	return DP_FLOW_INSERTED;
}

/* The bucket has no slot and gets no line: the worst of its own flows has to go. */
static bool evict_from_bucket(const struct insertion *in)
{
	struct flow_place at = {0}, worst = {0};
	enum flow_rank worst_rank = FLOW_KEEP;

	for (; flow_bucket_next(in->t, in->bucket, &at); at.slot++) {
		const uint64_t *e = flow_entry(in->t, at.index);
		enum flow_rank rank = flow_rank(in->t, e, flow_load(&e[FLOW_LIVE_AT]), in->now);

		if (rank < worst_rank) {
			worst_rank = rank;
			worst = at;
		}
	}
	if (worst.line == NULL)
		return false;
	drop(in, &worst,
	        worst_rank == FLOW_EXPIRED ? LB_COUNTER_FLOWS_EXPIRED : LB_COUNTER_FLOWS_EVICTED);
	return true;
}

static inline __attribute__((always_inline)) void insertion_set(struct insertion *in,
        struct dp_flow_table *t, uint32_t worker, const struct dp_flow_new *new, bool is_v6,
        uint16_t vip, struct dp_flow *flow, struct dp_flow_ended *ended, uint32_t *nb_ended)
{
	uint64_t hash = new->keys->hash[new->at];

	in->t = t;
	in->worker = worker;
	in->bucket = flow_bucket(t, hash);
	in->now = new->now;
	in->tag = flow_tag(hash);
	in->vip = vip;
	in->new = new;
	in->key = flow_key_at(new->keys, new->at);
	flow_side_words(&new->target.ip, new->target.port, is_v6, in->target_words);
	in->flow = flow;
	in->ended = ended;
	in->nb_ended = nb_ended;
}

/* Fills the free entry 'ref', and 'in->flow' as a look-up would. */
static inline __attribute__((always_inline)) void make_flow(
        const struct insertion *in, uint32_t ref, bool is_v6)
{
	uint64_t *e = flow_entry(in->t, ref - 1), live = entry_write(in, e, is_v6);

	in->flow->index = ref - 1;
	flow_copy(e, is_v6, live, FLOW_TARGET, flow_key_pair(in->target_words, 1), in->flow);
}

/* With the bucket held. '*ref' is a free entry that is ours, or 0: none yet. */
static enum dp_flow_result insert_held(const struct insertion *in, uint32_t *ref)
{
	struct dp_flow_table *t = in->t;
	bool is_v6 = in->new->is_v6;
	enum dp_flow_result result = has_no_client(in) ? DP_FLOW_INSERTED : check_client(in, is_v6);

	if (result != DP_FLOW_INSERTED)
		return result;
	if (*ref == 0)
		*ref = flow_pool_take(t, in->worker, is_v6);
	if (*ref == 0)
		return NEEDS_ENTRY;
	make_flow(in, *ref, is_v6);
	if (!flow_bucket_add(t, in->bucket, *ref - 1, in->tag) &&
	        !(evict_from_bucket(in) && flow_bucket_add(t, in->bucket, *ref - 1, in->tag))) {
		flow_entry_end(t, *ref - 1);
		return DP_FLOW_FULL;
	}
	*ref = 0;
	return DP_FLOW_INSERTED;
}

/* What the short way did not settle: flows of the same client, a bucket of more lines, a full
 * table. */
static __attribute__((noinline)) enum dp_flow_result insert_slowly(
        const struct insertion *in, uint32_t ref)
{
	enum dp_flow_result result;

	for (;;) {
		flow_bucket_lock(in->t, in->worker, in->bucket);
		result = insert_held(in, &ref);
		flow_bucket_unlock(in->t, in->worker, in->bucket);
		if (result != NEEDS_ENTRY)
			break;
		ref = flow_evict(
		        in->t, in->worker, in->new->is_v6, in->now, &in->ended[*in->nb_ended]);
		if (ref == 0)
			return DP_FLOW_FULL;
		++*in->nb_ended;
	}
	if (ref != 0)
		flow_pool_give(in->t, in->worker, ref);
	return result;
}

/* In a bucket of one line with room and no flow of the client, and with a free entry at hand. All
 * that can be read is read before the lock: what comes after waits for it. */
static inline __attribute__((always_inline)) bool insert_shortly(
        const struct insertion *in, uint32_t ref, bool is_v6)
{
	struct flow_line *line = &in->t->lines[in->bucket];
	uint32_t seen = flow_load(&line->version), used = flow_line_used(line);

	if (seen % 2 != 0 || !has_no_client(in) || used == FLOW_LINE_SLOTS ||
	        !flow_bucket_lock_seen(in->t, in->worker, in->bucket, seen))
		return false;
	make_flow(in, ref, is_v6);
	flow_slot_set(line, used, ref, in->tag);
	flow_bucket_unlock(in->t, in->worker, in->bucket);
	return true;
}

static inline __attribute__((always_inline)) enum dp_flow_result insert(struct dp_flow_table *t,
        uint32_t worker, const struct dp_flow_new *new, bool is_v6, uint16_t vip,
        struct dp_flow *flow, struct dp_flow_ended *ended, uint32_t *nb_ended)
{
	uint32_t ref = flow_pool_take(t, worker, is_v6);
	struct insertion in, slow;

	/* two of them: one that nobody has a pointer to stays in registers */
	insertion_set(&in, t, worker, new, is_v6, vip, flow, ended, nb_ended);
	if (likely(ref != 0) && likely(insert_shortly(&in, ref, is_v6)))
		return DP_FLOW_INSERTED;
	slow = in;
	return insert_slowly(&slow, ref);
}

enum dp_flow_result dp_flow_insert(struct dp_flow_table *t, uint32_t worker,
        const struct dp_flow_new *new, struct dp_flow *flow, struct dp_flow_ended *ended,
        uint32_t *nb_ended)
{
	uint64_t virtual[2];
	uint16_t vip;

	*nb_ended = 0;
	if (!new->is_v6)
		return insert(t, worker, new, false, 0, flow, ended, nb_ended);
	virtual[0] = new->keys->other[0][new->at];
	virtual[1] = new->keys->other[1][new->at];
	if (!flow_vip_number(t, virtual, &vip))
		return DP_FLOW_VIP_LIMIT;
	return insert(t, worker, new, true, vip, flow, ended, nb_ended);
}
