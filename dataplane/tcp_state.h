/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The state of a TCP connection as one in the middle sees it (RFC 9293 section 3.3.2), from flags
 * alone: sequence numbers are not followed, so every state that a third party could force by a
 * guess is one that costs little and that the real ends undo by going on. One const transition
 * table, one step function; the classes say how long a state may be idle and what a full table
 * gives up first.
 *
 *   SYN_SENT -> SYN_RECEIVED -> ESTABLISHED -> CLIENT_FIN -> CLIENT_CLOSED     the client closed
 *                    ADOPTED ------^      \--> TARGET_FIN -> TARGET_CLOSED     the target closed
 *   any -> CLIENT_RESET or TARGET_RESET, by who sent the RST
 *
 * UDP has no handshake, but a client that goes on after an answer has seen it, most likely:
 *
 *   NONE -> UDP_ANSWERED -> UDP_OPEN
 */
#ifndef DP_TCP_STATE_H
#define DP_TCP_STATE_H

#include <rte_tcp.h>

#include "lb/types.h"

enum dp_direction { DP_TO_TARGET, DP_TO_CLIENT };

/* In memory that outlives the program: a change of these numbers is a change of the flow table's
 * layout version. */
enum dp_tcp_state {
	DP_TCP_NONE, /* no TCP: UDP, which the client alone has sent so far */
	DP_TCP_SYN_SENT,
	DP_TCP_SYN_RECEIVED, /* the target answered, the client has not yet */
	DP_TCP_ADOPTED,      /* begun in the middle, and the target has not answered yet */
	DP_TCP_ESTABLISHED,
	DP_TCP_CLIENT_FIN, /* the client closed its side; the target may send for long yet */
	DP_TCP_TARGET_FIN,
	DP_TCP_CLIENT_CLOSED, /* both sides closed, the client first */
	DP_TCP_TARGET_CLOSED,
	DP_TCP_CLIENT_RESET,
	DP_TCP_TARGET_RESET,
	DP_UDP_ANSWERED, /* asked and answered: a spoofed source gets as far as this */
	DP_UDP_OPEN,     /* the client went on after the answer */
	DP_TCP_STATES
};

/* What the flags of a packet say; the first that applies. */
enum dp_tcp_event {
	DP_TCP_ON_RST,
	DP_TCP_ON_SYN,
	DP_TCP_ON_SYN_ACK,
	DP_TCP_ON_FIN,
	DP_TCP_ON_OTHER, /* ACK, data */
	DP_TCP_EVENTS
};

/* What a state is worth. */
enum dp_tcp_class {
	DP_TCP_CLASS_NONE, /* UDP */
	DP_TCP_CLASS_HALF_OPEN,
	DP_TCP_CLASS_OPEN,   /* established, half-closed included: the listener's idle timeout */
	DP_TCP_CLASS_CLOSING /* over but for stragglers: a SYN of the client begins anew */
};

/* Seconds. A SYN's second retransmission comes after 3 s, its fourth after 15 s (RFC 6298 with an
 * initial timeout of 1 s). A closing flow waits for a lost last ACK, not for old duplicates: those
 * are the ends' care. */
#define DP_TCP_HALF_OPEN_TIMEOUT_S 30
#define DP_TCP_CLOSING_TIMEOUT_S   15

/* Both sized for any byte read from shared memory, masked. */
#define DP_TCP_STATE_MASK 15
#define DP_TCP_FLAGS_MASK \
	(RTE_TCP_FIN_FLAG | RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG)

extern const uint8_t dp_tcp_events[DP_TCP_FLAGS_MASK + 1];
extern const uint8_t dp_tcp_steps[2][DP_TCP_STATE_MASK + 1][DP_TCP_EVENTS];
extern const uint8_t dp_tcp_classes[DP_TCP_STATE_MASK + 1];

static_assert(DP_TCP_STATES <= DP_TCP_STATE_MASK + 1, "more TCP states than a masked byte reaches");

/* The state after a packet with 'flags' (as on the wire; 0 for UDP). */
static inline uint8_t dp_tcp_step(uint8_t state, enum dp_direction direction, uint8_t flags)
{
	uint8_t event = dp_tcp_events[flags & DP_TCP_FLAGS_MASK];

	return dp_tcp_steps[direction & 1][state & DP_TCP_STATE_MASK][event];
}

/* The state of a flow that begins with this packet of its client. */
static inline uint8_t dp_tcp_first(uint8_t flags)
{
	static const uint8_t first[DP_TCP_EVENTS] = {
	        [DP_TCP_ON_RST] = DP_TCP_CLIENT_RESET,
	        [DP_TCP_ON_SYN] = DP_TCP_SYN_SENT,
	        [DP_TCP_ON_SYN_ACK] = DP_TCP_ADOPTED,
	        [DP_TCP_ON_FIN] = DP_TCP_ADOPTED,
	        [DP_TCP_ON_OTHER] = DP_TCP_ADOPTED,
	};

	return first[dp_tcp_events[flags & DP_TCP_FLAGS_MASK]];
}

static inline enum dp_tcp_class dp_tcp_class(uint8_t state)
{
	return (enum dp_tcp_class)dp_tcp_classes[state & DP_TCP_STATE_MASK];
}

#endif
