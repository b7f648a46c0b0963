/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading one entry; private to flow*.c. 'is_v6' is a constant where it matters, so each function
 * becomes two without branches.
 */
#ifndef DP_FLOW_ENTRY_H
#define DP_FLOW_ENTRY_H

#include "flow_layout.h"
#include "flow_pair.h"

/* The sides of an entry. A packet to the target is matched by the virtual side and gets the
 * target's; the other way round in the other direction. */
enum flow_side { FLOW_VIRTUAL, FLOW_TARGET };
static_assert((int)FLOW_VIRTUAL == (int)DP_TO_TARGET, "a direction is the side it is matched by");

/* Parts of an entry's words, by their place in it. */
typedef uint16_t flow_half __attribute__((may_alias));
typedef uint32_t flow_quarter __attribute__((may_alias));
#define flow_load16(e, at) flow_load((const flow_half *)(e) + (at))
#define flow_load32(e, at) flow_load((const flow_quarter *)(e) + (at))
#define FLOW_VIP_AT16      (4 * FLOW_REST_AT)
#define FLOW_DELTA_AT16    (4 * FLOW_REST_AT + 1)
#define FLOW_PORTS_AT16    (4 * FLOW_PORTS6_AT + 2)

/* The client's words, as they were hashed. */
static inline void flow_client_get(const uint64_t *e, bool is_v6, uint64_t words[3])
{
	words[0] = flow_load(&e[0]);
	if (!is_v6)
		return;
	words[1] = flow_load(&e[1]);
	words[2] = flow_load32(e, 2 * FLOW_PORTS6_AT);
}

static inline __attribute__((always_inline)) bool flow_client_is(
        const uint64_t *e, bool is_v6, const struct flow_key_at *key)
{
	if (!is_v6)
		return flow_load(&e[0]) == key->client[0];
	return flow_pair_is_zero(flow_load_pair(e) ^ flow_key_pair(key->client, key->stride)) &&
	       flow_load32(e, 2 * FLOW_PORTS6_AT) == key->client[2 * key->stride];
}

/* The addresses of an IPv6 entry: of a side, and of the other one. */
struct flow_sides {
	flow_pair this, other;
};

/* Without a branch: there is no telling which side is asked for. The virtual address' number is
 * masked: nothing outside is read, whatever it says. */
static inline __attribute__((always_inline)) struct flow_sides flow_sides(
        const struct dp_flow_table *t, const uint64_t *e, bool is_v6, uint32_t side)
{
	static_assert(FLOW_VIRTUAL == 0 && FLOW_TARGET == 1, "negated, a side is a mask");
	uint64_t which = -(uint64_t)side;
	flow_pair virtual, differ, this;

	if (!is_v6)
		return (struct flow_sides){{0}, {0}};
	virtual = flow_load_pair(t->vips[flow_load16(e, FLOW_VIP_AT16) & t->vip_mask].words);
	differ = virtual ^ flow_load_pair(&e[FLOW_TARGET6_AT]);
	this = virtual ^ (differ & (flow_pair){which, which});
	return (struct flow_sides){this, this ^ differ};
}

/* Whether 'side' is the key's other side; 'address' is that side's. */
static inline __attribute__((always_inline)) bool flow_side_is(const uint64_t *e, bool is_v6,
        uint32_t side, flow_pair address, const struct flow_key_at *key)
{
	if (!is_v6)
		return flow_load(&e[1 + side]) == key->other[0];
	return flow_pair_is_zero(address ^ flow_key_pair(key->other, key->stride)) &&
	       flow_load16(e, FLOW_PORTS_AT16 + side) == key->other[2 * key->stride];
}

static inline __attribute__((always_inline)) void flow_side_get(
        const uint64_t *e, bool is_v6, uint32_t side, flow_pair address, uint64_t words[3])
{
	if (!is_v6) {
		words[0] = flow_load(&e[1 + side]);
		return;
	}
	memcpy(words, &address, sizeof(address));
	words[2] = flow_load16(e, FLOW_PORTS_AT16 + side);
}

/* All of 'flow' but the index; by 'side', where its packets go, whose address is 'address'. An IPv6
 * entry has the change of checksums to the target alone, never 0xffff, which is another zero. The
 * way back is the complement. */
static inline __attribute__((always_inline)) void flow_copy(const uint64_t *e, bool is_v6,
        uint64_t live, uint32_t side, flow_pair address, struct dp_flow *flow)
{
	flow->live = live;
	flow->slot_epoch = flow_load(&e[FLOW_SLOT_AT]);
	flow_side_get(e, is_v6, side, address, flow->to);
	if (is_v6) {
		static_assert(FLOW_VIRTUAL == 0 && FLOW_TARGET == 1, "less one, a side is a mask");
		flow->l4_delta = (uint16_t)(flow_load16(e, FLOW_DELTA_AT16) ^ (side - 1));
	} else {
		uint32_t delta = flow_load32(e, 2 * FLOW_DELTAS_AT + 1 - side);

		memcpy(&flow->ip_delta, &delta, sizeof(delta));
	}
	flow->listener = flow_rest_listener(flow_load(&e[FLOW_REST_AT]));
}

/* Whether 'live' is of the same flow as 'before', which was alive. */
static inline bool flow_same_life(uint64_t live, uint64_t before)
{
	return (live ^ before) >> FLOW_LIFE_SHIFT == 0;
}

/* If entry 'e' is the flow of the key: copies it, all but the index. */
static inline __attribute__((always_inline)) bool flow_read(const struct dp_flow_table *t,
        const uint64_t *e, bool is_v6, const struct flow_key_at *key, struct dp_flow *flow)
{
	uint64_t live = flow_load(&e[FLOW_LIVE_AT]);
	const struct flow_sides sides = flow_sides(t, e, is_v6, key->direction);

	if (!flow_live_is(live) || !flow_client_is(e, is_v6, key) ||
	        !flow_side_is(e, is_v6, key->direction, sides.this, key))
		return false;
	flow_copy(e, is_v6, live, 1 - key->direction, sides.other, flow);
	return flow_same_life(flow_load(&e[FLOW_LIVE_AT]), live);
}

/* Seconds that the flow may be idle. */
static inline uint32_t flow_timeout(const struct dp_flow_table *t, const uint64_t *e, uint64_t live)
{
	uint32_t timeout = t->timeouts_s[flow_live_state(live) & DP_TCP_STATE_MASK];

	return timeout != FLOW_OWN_TIMEOUT ? timeout : flow_rest_idle(flow_load(&e[FLOW_REST_AT]));
}

/* Times are truncated to seconds: only with one more than the timeout between them has all of it
 * passed. Another worker's clock may be ahead of 'now'. */
static inline bool flow_is_expired(
        const struct dp_flow_table *t, const uint64_t *e, uint64_t live, uint32_t now)
{
	return (int64_t)now - flow_live_seen(live) > flow_timeout(t, e, live);
}

/* What a full table gives up first; FLOW_KEEP never. */
enum flow_rank { FLOW_EXPIRED, FLOW_HALF_OPEN, FLOW_CLOSING, FLOW_ANSWERED, FLOW_KEEP };

static inline enum flow_rank flow_rank(
        const struct dp_flow_table *t, const uint64_t *e, uint64_t live, uint32_t now)
{
	if (flow_is_expired(t, e, live, now))
		return FLOW_EXPIRED;
	switch (dp_tcp_class(flow_live_state(live))) {
	case DP_TCP_CLASS_HALF_OPEN:
		return FLOW_HALF_OPEN;
	case DP_TCP_CLASS_CLOSING:
		return FLOW_CLOSING;
	case DP_TCP_CLASS_OPEN:
		return FLOW_KEEP;
	case DP_TCP_CLASS_NONE:
		break;
	}
	switch (flow_live_state(live)) {
	case DP_UDP_OPEN:
		return FLOW_KEEP;
	case DP_UDP_ANSWERED:
		return FLOW_ANSWERED;
	default:
		return FLOW_HALF_OPEN;
	}
}

/* Where a flow stands: valid while its bucket is held, and until a slot of it is dropped. */
struct flow_place {
	struct flow_line *line;
	uint32_t slot;
	uint32_t index;
};

#endif
