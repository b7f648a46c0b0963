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

static inline bool flow_client_is(const uint64_t *e, bool is_v6, const uint64_t words[3])
{
	if (!is_v6)
		return flow_load(&e[0]) == words[0];
	return flow_load(&e[0]) == words[0] && flow_load(&e[1]) == words[1] &&
	       flow_load(&e[2]) == words[2];
}

static inline bool flow_side_is(
        const uint64_t *e, bool is_v6, uint32_t side, const struct lb_ip *ip, lb_be16 port)
{
	uint64_t half[2];

	if (!is_v6)
		return (flow_load(&e[1 + side]) & FLOW_MASK48) ==
		       (lb_ip_v4(ip) | (uint64_t)port << 32);
	memcpy(half, ip, sizeof(half));
	return flow_load(&e[3 + 2 * side]) == half[0] && flow_load(&e[4 + 2 * side]) == half[1] &&
	       (uint16_t)(flow_load(&e[7]) >> 16 * side) == port;
}

static inline void flow_side_get(
        const uint64_t *e, bool is_v6, uint32_t side, struct lb_ip *ip, lb_be16 *port)
{
	uint64_t half[2];

	if (!is_v6) {
		half[0] = flow_load(&e[1 + side]);
		lb_ip_set_v4(ip, (uint32_t)half[0]);
		*port = (uint16_t)(half[0] >> 32);
		return;
	}
	half[0] = flow_load(&e[3 + 2 * side]);
	half[1] = flow_load(&e[4 + 2 * side]);
	memcpy(ip, half, sizeof(*ip));
	*port = (uint16_t)(flow_load(&e[7]) >> 16 * side);
}

/* The protocol and client port as flow_pack() has them. */
static inline uint32_t flow_packed(const uint64_t *e, bool is_v6)
{
	return is_v6 ? (uint32_t)flow_load(&e[2]) : (uint32_t)(flow_load(&e[0]) >> 32);
}

static inline uint16_t flow_idle_timeout(const uint64_t *e, bool is_v6)
{
	return is_v6 ? (uint16_t)(flow_load(&e[7]) >> 32) : (uint16_t)(flow_load(&e[1]) >> 48);
}

static inline uint64_t flow_slot_epoch(const uint64_t *e, bool is_v6)
{
	return flow_load(&e[FLOW_VALUES(is_v6)]);
}

static inline uint32_t flow_listener(const uint64_t *e, bool is_v6)
{
	return (uint32_t)flow_load(&e[FLOW_VALUES(is_v6) + 1]);
}

/* All of 'flow' but the bucket and, by 'side', where its packets go. */
static inline __attribute__((always_inline)) void flow_copy(const uint64_t *e, bool is_v6,
        uint32_t index, uint64_t live, uint32_t side, struct dp_flow *flow)
{
	uint64_t slot_epoch = flow_slot_epoch(e, is_v6);

	flow->index = index;
	flow->life = flow_live_life(live);
	flow->slot = (uint32_t)slot_epoch;
	flow->epoch = (uint32_t)(slot_epoch >> 32);
	flow->listener = flow_listener(e, is_v6);
	flow->last_seen = flow_live_seen(live);
	flow->state = flow_live_state(live);
	flow->flags = flow_live_flags(live);
	flow->idle_timeout_s = flow_idle_timeout(e, is_v6);
	flow_side_get(e, is_v6, side, &flow->to, &flow->to_port);
}

/* Whether 'live' is of the same flow as 'before'. */
static inline bool flow_same_life(uint64_t live, uint64_t before)
{
	return flow_live_is(live) && flow_live_life(live) == flow_live_life(before);
}

/* If entry 'index' is the flow of 'key', whose client_words() are 'words': copies it, all but the
 * bucket. */
static inline __attribute__((always_inline)) bool flow_read(const struct dp_flow_table *t,
        uint32_t index, const struct dp_flow_key *key, bool is_v6, const uint64_t words[3],
        struct dp_flow *flow)
{
	const uint64_t *e = flow_entry(t, index);
	uint32_t side = key->direction & 1;
	uint64_t live;

	if (flow_index_is_v6(t, index) != is_v6)
		return false;
	live = flow_load(&e[FLOW_LIVE_AT(is_v6)]);
	if (!flow_live_is(live) || !flow_client_is(e, is_v6, words) ||
	        !flow_side_is(e, is_v6, side, &key->other, key->other_port))
		return false;
	flow_copy(e, is_v6, index, live, !side, flow);
	return flow_same_life(flow_load(&e[FLOW_LIVE_AT(is_v6)]), live);
}

/* Seconds that the flow may be idle. */
static inline uint32_t flow_timeout(
        const struct dp_flow_table *t, const uint64_t *e, bool is_v6, uint64_t live)
{
	switch (dp_tcp_class(flow_live_state(live))) {
	case DP_TCP_CLASS_HALF_OPEN:
		return DP_TCP_HALF_OPEN_TIMEOUT_S;
	case DP_TCP_CLASS_CLOSING:
		return DP_TCP_CLOSING_TIMEOUT_S;
	case DP_TCP_CLASS_OPEN:
		return flow_idle_timeout(e, is_v6);
	case DP_TCP_CLASS_NONE:
		break;
	}
	return t->udp_timeout_s;
}

/* Times are truncated to seconds: only with one more than the timeout between them has all of it
 * passed. Another worker's clock may be ahead of 'now'. */
static inline bool flow_is_expired(
        const struct dp_flow_table *t, const uint64_t *e, bool is_v6, uint64_t live, uint32_t now)
{
	uint32_t seen = flow_live_seen(live);

	return seen < now && now - seen > flow_timeout(t, e, is_v6, live);
}

/* What a full table gives up first; FLOW_KEEP never. */
enum flow_rank { FLOW_EXPIRED, FLOW_HALF_OPEN, FLOW_CLOSING, FLOW_KEEP };

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
	return flow_live_flags(live) & DP_FLOW_ANSWERED ? FLOW_KEEP : FLOW_HALF_OPEN;
}

/* Where a flow stands: valid while its bucket is held, and until a slot of it is dropped. */
struct flow_place {
	struct flow_line *line;
	uint32_t slot;
	uint32_t index;
};

#endif
