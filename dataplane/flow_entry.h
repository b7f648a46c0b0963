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

static inline __attribute__((always_inline)) bool flow_client_is(
        const uint64_t *e, bool is_v6, const uint64_t words[3])
{
	if (!is_v6)
		return flow_load(&e[0]) == words[0];
	return flow_load(&e[0]) == words[0] && flow_load(&e[1]) == words[1] &&
	       flow_load(&e[2]) == words[2];
}

/* 'words' are those of struct dp_flow_keys' other side. */
static inline __attribute__((always_inline)) bool flow_side_is(
        const uint64_t *e, bool is_v6, uint32_t side, const uint64_t words[3])
{
	if (!is_v6)
		return (flow_load(&e[1 + side]) ^ words[0]) << 16 == 0;
	return flow_load(&e[3 + 2 * side]) == words[0] && flow_load(&e[4 + 2 * side]) == words[1] &&
	       (uint16_t)(flow_load(&e[7]) >> 16 * side) == words[2];
}

static inline __attribute__((always_inline)) void flow_side_get(
        const uint64_t *e, bool is_v6, uint32_t side, uint64_t words[3])
{
	if (!is_v6) {
		words[0] = flow_load(&e[1 + side]);
		return;
	}
	words[0] = flow_load(&e[3 + 2 * side]);
	words[1] = flow_load(&e[4 + 2 * side]);
	words[2] = (uint16_t)(flow_load(&e[7]) >> 16 * side);
}

static inline uint16_t flow_idle_timeout(const uint64_t *e, bool is_v6)
{
	return is_v6 ? (uint16_t)(flow_load(&e[7]) >> 32) : (uint16_t)(flow_load(&e[1]) >> 48);
}

static inline uint64_t flow_slot_epoch(const uint64_t *e, bool is_v6)
{
	return flow_load(&e[FLOW_VALUES(is_v6)]);
}

/* The two sums of the packets that are matched by 'side'. */
static inline uint32_t flow_delta(const uint64_t *e, bool is_v6, uint32_t side)
{
	return (uint32_t)(flow_load(&e[FLOW_DELTA_AT(is_v6)]) >> 32 * side);
}

static inline uint32_t flow_listener(const uint64_t *e, bool is_v6)
{
	return (uint32_t)flow_load(&e[FLOW_VALUES(is_v6) + 1]);
}

/* All of 'flow' but the index; by 'side', where its packets go. Of an IPv4 word only the address
 * and port mean something. */
static inline __attribute__((always_inline)) void flow_copy(
        const uint64_t *e, bool is_v6, uint64_t live, uint32_t side, struct dp_flow *flow)
{
	uint32_t delta = flow_delta(e, is_v6, 1 - side);

	flow->live = live;
	flow->slot_epoch = flow_slot_epoch(e, is_v6);
	flow_side_get(e, is_v6, side, flow->to);
	memcpy(&flow->ip_delta, &delta, sizeof(delta));
	flow->listener = flow_listener(e, is_v6);
}

/* Whether 'live' is of the same flow as 'before', which was alive. Another flag than LIVE may have
 * changed: then this is false though it need not be. */
static inline bool flow_same_life(uint64_t live, uint64_t before)
{
	return (live ^ before) >> 40 == 0;
}

/* If entry 'e' is the flow of the key 'words': copies it, all but the index. */
static inline __attribute__((always_inline)) bool flow_read(
        const uint64_t *e, bool is_v6, const struct flow_words *words, struct dp_flow *flow)
{
	uint64_t live = flow_load(&e[FLOW_LIVE_AT(is_v6)]);

	if (!flow_live_is(live) || !flow_client_is(e, is_v6, words->client) ||
	        !flow_side_is(e, is_v6, words->direction, words->other))
		return false;
	flow_copy(e, is_v6, live, 1 - words->direction, flow);
	return flow_same_life(flow_load(&e[FLOW_LIVE_AT(is_v6)]), live);
}

/* Seconds that the flow may be idle. */
static inline uint32_t flow_timeout(
        const struct dp_flow_table *t, const uint64_t *e, bool is_v6, uint64_t live)
{
	uint32_t timeout = t->timeouts_s[flow_live_state(live) & DP_TCP_STATE_MASK];

	return timeout != FLOW_OWN_TIMEOUT ? timeout : flow_idle_timeout(e, is_v6);
}

/* Times are truncated to seconds: only with one more than the timeout between them has all of it
 * passed. Another worker's clock may be ahead of 'now'. */
static inline bool flow_is_expired(
        const struct dp_flow_table *t, const uint64_t *e, bool is_v6, uint64_t live, uint32_t now)
{
	return (int64_t)now - flow_live_seen(live) > flow_timeout(t, e, is_v6, live);
}

/* What a full table gives up first; FLOW_KEEP never. */
enum flow_rank { FLOW_EXPIRED, FLOW_HALF_OPEN, FLOW_CLOSING, FLOW_ANSWERED, FLOW_KEEP };

static inline enum flow_rank flow_rank(
        const struct dp_flow_table *t, const uint64_t *e, bool is_v6, uint64_t live, uint32_t now)
{
	if (flow_is_expired(t, e, is_v6, live, now))
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
