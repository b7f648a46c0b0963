/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading one entry; private to flow*.c. 'is_v6' is a constant where it matters, so each function
 * becomes two without branches.
 */
#ifndef DP_FLOW_ENTRY_H
#define DP_FLOW_ENTRY_H

#include "flow_layout.h"

/* The sides of an entry. A packet to the target is matched by the virtual side and gets the
 * target's; the other way round in the other direction. */
enum flow_side { FLOW_VIRTUAL, FLOW_TARGET };
static_assert((int)FLOW_VIRTUAL == (int)DP_TO_TARGET, "a direction is the side it is matched by");

/* The client's words, as they were hashed. */
static inline void flow_client_get(const uint64_t *e, bool is_v6, uint64_t words[3])
{
	words[0] = flow_load(&e[0]);
	if (!is_v6)
		return;
	words[1] = flow_load(&e[1]);
	words[2] = flow_load(&e[FLOW_PORTS6_AT]) & 0xffffff;
}

static inline __attribute__((always_inline)) bool flow_client_is(
        const uint64_t *e, bool is_v6, const uint64_t words[3])
{
	if (!is_v6)
		return flow_load(&e[0]) == words[0];
	return flow_load(&e[0]) == words[0] && flow_load(&e[1]) == words[1] &&
	       (uint32_t)flow_load(&e[FLOW_PORTS6_AT]) == words[2];
}

/* The address of a side of an IPv6 entry, two words. The virtual one's number is masked: nothing
 * outside is read, whatever it says. */
static inline const uint64_t *flow_address6(
        const struct dp_flow_table *t, const uint64_t *e, uint32_t side)
{
	uint32_t vip = flow_rest_vip(flow_load(&e[FLOW_REST_AT])) & (t->nb_vips - 1);

	return side == FLOW_TARGET ? &e[FLOW_TARGET6_AT] : t->vips[vip].words;
}

static inline uint16_t flow_port6(const uint64_t *e, uint32_t side)
{
	return (uint16_t)(flow_load(&e[FLOW_PORTS6_AT]) >> (32 + 16 * side));
}

/* 'words' are those of struct dp_flow_keys' other side. */
static inline __attribute__((always_inline)) bool flow_side_is(const struct dp_flow_table *t,
        const uint64_t *e, bool is_v6, uint32_t side, const uint64_t words[3])
{
	const uint64_t *address;

	if (!is_v6)
		return flow_load(&e[1 + side]) == words[0];
	address = flow_address6(t, e, side);
	return flow_load(&address[0]) == words[0] && flow_load(&address[1]) == words[1] &&
	       flow_port6(e, side) == words[2];
}

static inline __attribute__((always_inline)) void flow_side_get(const struct dp_flow_table *t,
        const uint64_t *e, bool is_v6, uint32_t side, uint64_t words[3])
{
	const uint64_t *address;

	if (!is_v6) {
		words[0] = flow_load(&e[1 + side]);
		return;
	}
	address = flow_address6(t, e, side);
	words[0] = flow_load(&address[0]);
	words[1] = flow_load(&address[1]);
	words[2] = flow_port6(e, side);
}

/* What packets to 'side' change in checksums: of the IPv4 header, and of TCP or UDP << 16. The way
 * back is the complement; an IPv6 entry keeps one of the two alone, and never 0xffff, which is
 * another zero. */
static inline uint32_t flow_delta(const uint64_t *e, bool is_v6, uint32_t side)
{
	static_assert(FLOW_VIRTUAL == 0 && FLOW_TARGET == 1, "less one, a side is a mask");
	if (!is_v6)
		return (uint32_t)(flow_load(&e[FLOW_DELTAS_AT]) >> 32 * (1 - side));
	return (flow_rest_delta(flow_load(&e[FLOW_REST_AT])) ^ (side - 1)) << 16;
}

/* All of 'flow' but the index; by 'side', where its packets go. */
static inline __attribute__((always_inline)) void flow_copy(const struct dp_flow_table *t,
        const uint64_t *e, bool is_v6, uint64_t live, uint32_t side, struct dp_flow *flow)
{
	uint32_t delta = flow_delta(e, is_v6, side);

	flow->live = live;
	flow->slot_epoch = flow_load(&e[FLOW_SLOT_AT]);
	flow_side_get(t, e, is_v6, side, flow->to);
	memcpy(&flow->ip_delta, &delta, sizeof(delta));
	flow->listener = flow_rest_listener(flow_load(&e[FLOW_REST_AT]));
}

/* Whether 'live' is of the same flow as 'before', which was alive. Another flag than LIVE may have
 * changed: then this is false though it need not be. */
static inline bool flow_same_life(uint64_t live, uint64_t before)
{
	return (live ^ before) >> 40 == 0;
}

/* If entry 'e' is the flow of the key 'words': copies it, all but the index. */
static inline __attribute__((always_inline)) bool flow_read(const struct dp_flow_table *t,
        const uint64_t *e, bool is_v6, const struct flow_words *words, struct dp_flow *flow)
{
	uint64_t live = flow_load(&e[FLOW_LIVE_AT]);

	if (!flow_live_is(live) || !flow_client_is(e, is_v6, words->client) ||
	        !flow_side_is(t, e, is_v6, words->direction, words->other))
		return false;
	flow_copy(t, e, is_v6, live, 1 - words->direction, flow);
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
