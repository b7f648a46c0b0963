/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow table: one table, shared by all workers, one entry for both directions of a flow.
 * flow_layout.h has the layout. Reading takes no lock; inserting and removing lock one bucket.
 */
#ifndef DP_FLOW_H
#define DP_FLOW_H

#include <stddef.h>

#include "lb/types.h"
#include "tcp_state.h"

/* A packet as the table sees it. The client's side chooses the bucket in both directions; the other
 * side is the virtual address (to target) or the target (to client). No padding: it is compared and
 * hashed as bytes. */
struct dp_flow_key {
	struct lb_ip client;
	struct lb_ip other;
	lb_be16 client_port;
	lb_be16 other_port;
	uint8_t protocol;
	uint8_t direction; /* enum dp_direction */
	uint8_t is_v6;
	uint8_t zero;
};
LB_ASSERT_SIZE(struct dp_flow_key, 40);

enum dp_flow_flags {
	DP_FLOW_ANSWERED = 1 << 0, /* a packet of the target was seen */
	DP_FLOW_LIVE = 1 << 7,     /* always set in a flow that was found */
};

/* What a look-up copies out of an entry, consistent at one moment. Two words of the entry are
 * copied whole and read in parts. */
struct dp_flow {
	union {
		uint64_t live;
		struct {
			uint32_t last_seen; /* seconds on the table's clock */
			uint8_t state;      /* enum dp_tcp_state */
			uint8_t flags;      /* enum dp_flow_flags */
			uint16_t life; /* of the entry: its next flow has another one. A flow that
			                  was removed since, all calls know by that and leave
			                  alone */
		};
	};
	union {
		uint64_t slot_epoch;
		struct {
			uint32_t slot;  /* target slot */
			uint32_t epoch; /* of the slot when the flow was made */
		};
	};
	/* What the packet's other side becomes, target or virtual address, in the words of struct
	 * dp_flow_keys. */
	uint64_t to[3];
	/* What that changes in checksums, folded: of the IPv4 header, the TTL's lowering included;
	 * and of TCP or UDP. */
	uint16_t ip_delta;
	uint16_t l4_delta;
	uint32_t listener; /* listener id, for the counters */
	uint32_t index;    /* of the entry */
} __attribute__((aligned(64)));

/* Keys that one look-up takes at most. */
#define DP_FLOW_BURST 64

/* The keys of one look-up, all of one family, as the table hashes and compares them: columns of
 * 64-bit words, as they stand in an entry (flow_layout.h). For IPv4 the first column alone is used
 * of each side:
 *
 *   client[0]      IPv4 address | port << 32 | protocol << 48
 *   other[0]       IPv4 address | port << 32
 *
 *   client[0..2]   IPv6 address, its two halves; then port | protocol << 16
 *   other[0..2]    IPv6 address, its two halves; then port
 *
 * 'hash' is filled by the look-up, for dp_flow_insert(). Places after the last key may hold
 * anything. */
struct dp_flow_keys {
	uint64_t client[3][DP_FLOW_BURST] __attribute__((aligned(64)));
	uint64_t other[3][DP_FLOW_BURST] __attribute__((aligned(64)));
	uint64_t hash[DP_FLOW_BURST] __attribute__((aligned(64)));
	uint8_t direction[DP_FLOW_BURST] __attribute__((aligned(8))); /* enum dp_direction */
};

/* Puts 'key' at place 'i' of the keys of its family. */
void dp_flow_keys_set(struct dp_flow_keys *keys, uint32_t i, const struct dp_flow_key *key);

/* Of the key at place 'i': the address of a side, keys->client or ->other ... */
static inline struct lb_ip dp_flow_keys_ip(
        const uint64_t side[3][DP_FLOW_BURST], uint32_t i, bool is_v6)
{
	const uint64_t words[2] = {side[0][i], is_v6 ? side[1][i] : 0};
	struct lb_ip ip;

	if (is_v6)
		memcpy(&ip, words, sizeof(ip));
	else
		lb_ip_set_v4(&ip, (lb_be32)words[0]);
	return ip;
}

/* ... and its port. */
static inline lb_be16 dp_flow_keys_port(
        const uint64_t side[3][DP_FLOW_BURST], uint32_t i, bool is_v6)
{
	return (lb_be16)(is_v6 ? side[2][i] : side[0][i] >> 32);
}

/* Where a new flow goes. */
struct dp_flow_target {
	struct lb_ip ip;
	lb_be16 port;
	uint16_t idle_timeout_s; /* at most 16,383; more counts as that */
	uint32_t listener;
	union {
		uint64_t slot_epoch;
		struct {
			uint32_t slot, epoch;
		};
	};
};

enum dp_flow_result {
	DP_FLOW_INSERTED,
	DP_FLOW_EXISTS,    /* somebody was faster: the flow is theirs */
	DP_FLOW_COLLISION, /* another flow of this client's port goes to the same target address and
	                      port through another virtual address: the answers could not be told
	                      apart */
	DP_FLOW_CLIENT_LIMIT,
	DP_FLOW_FULL,
	DP_FLOW_VIP_LIMIT, /* more IPv6 virtual addresses had flows than the table has room for:
	                      flow_vip.h */
};

/* Flows of both families that a table can be made for. */
#define DP_FLOW_MAX (UINT32_C(1) << 30)

struct dp_flow_config {
	const char *path; /* file that holds the table (hugetlbfs, tmpfs); NULL: anonymous memory */
	uint32_t ipv4_flows; /* how many flows fit, per family */
	uint32_t ipv6_flows;
	uint32_t
	        nb_workers; /* worker numbers 0 .. nb_workers-1 call in, plus nb_workers for main */
	uint16_t client_limit;  /* flows of one client address, port and protocol, at most 128; 0:
	                           the default, 64 */
	uint16_t udp_timeout_s; /* 0: ELBv2's 120 */
	bool huge;              /* 'path' NULL: try huge pages first */
	bool counters;          /* packets and bytes of each flow */
	uint64_t numa_nodes;    /* that new memory alternates between, a bit each; 0: wherever */
};

struct dp_flow_table;
struct dp_flow_tally;

/* What was forwarded of a flow. Zeros in a table without counters. */
struct dp_flow_counts {
	uint64_t packets[2], bytes[2]; /* [enum dp_direction]; bytes from the IP header on */
};

/* Flows that a call took out of the table, for the caller's counters. */
struct dp_flow_ended {
	uint32_t slot, listener;
	uint8_t reason; /* enum lb_counter: LB_COUNTER_FLOWS_EXPIRED, _EVICTED or _TARGET_GONE */
	uint8_t state;  /* enum dp_tcp_state at the end: who closed, and how */
	struct dp_flow_counts counts;
};

/* Opens the table in config->path, made anew if the file is missing, has another layout version,
 * capacity or boot, or is damaged. A table that was in use is repaired: exactly the buckets that a
 * worker held when it died. '*kept' (may be NULL) says whether flows were taken over; another
 * number of workers keeps them. Not thread-safe; workers may use the table after it returns. All of
 * its memory is there then. 0 or -errno: -EINVAL (no flows or more than DP_FLOW_MAX, no workers, a
 * client_limit over 128, or the path is no regular file), -EBUSY (another process has it open),
 * -EPERM (another user's file), what the file system says. */
int dp_flow_open(const struct dp_flow_config *config, struct dp_flow_table **table, bool *kept);

/* Unmaps the table; its file stays. */
void dp_flow_close(struct dp_flow_table *table);

/* Seconds on the table's clock, which continues over restarts, for a CLOCK_BOOTTIME time in ms. */
uint32_t dp_flow_now(const struct dp_flow_table *table, uint64_t boottime_ms);

/* Whether a packet of the client begins a new connection over a flow that is over (closed by both
 * sides or reset): the port is used again. The caller removes the flow and goes on as if there were
 * none, so that the new connection gets a new target and new state. A SYN to a flow that is not
 * over is a retransmission, or a client that forgot; the target's answer settles it. */
static inline bool dp_flow_is_over(const struct dp_flow *flow, uint8_t tcp_flags)
{
	return dp_tcp_class(flow->state) == DP_TCP_CLASS_CLOSING &&
	       (tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG)) ==
	               RTE_TCP_SYN_FLAG;
}

/* What is known outside of the table when packets are looked up. */
struct dp_flow_view {
	const uint32_t *epochs; /* of target slots 0 .. nb_slots-1; 0 slots: not known, and no flow
	                           is settled */
	uint32_t nb_slots;
	uint32_t now; /* seconds on the table's clock */
};

/* Looks up the keys in 'set', one bit each, all of one family. The result is the set of those that
 * have a flow: flows[i] is that of key i. '*settled' are those of them of which nothing is to be
 * noted for a packet of either direction without SYN, FIN or RST: flows that are open, both of
 * whose ends have spoken, seen this second, to a slot with the epoch that they have. A flow that is
 * not among them may be settled after all. Any thread, no lock. */
uint64_t dp_flow_lookup(const struct dp_flow_table *table, struct dp_flow_keys *keys, bool is_v6,
        uint64_t set, const struct dp_flow_view *view, struct dp_flow *flows, uint64_t *settled);

/* What dp_flow_touch() does when there is something to write. */
void dp_flow_note(struct dp_flow_table *table, const struct dp_flow *flow,
        enum dp_direction direction, uint8_t tcp_flags, uint32_t now);

static inline uint8_t dp_flow_answered(enum dp_direction direction)
{
	return direction == DP_TO_CLIENT ? DP_FLOW_ANSWERED : 0;
}

/* Notes a packet of a flow that was found: last-seen time (shared memory is written at most once a
 * second) and TCP state ('tcp_flags' as on the wire; 0 for UDP). Where the flow as it was looked up
 * says that there is nothing to write, shared memory is not even read. */
static inline void dp_flow_touch(struct dp_flow_table *table, const struct dp_flow *flow,
        enum dp_direction direction, uint8_t tcp_flags, uint32_t now)
{
	if (flow->last_seen < now || (dp_flow_answered(direction) & ~flow->flags) != 0 ||
	        dp_tcp_step(flow->state, direction, tcp_flags) != flow->state)
		dp_flow_note(table, flow, direction, tcp_flags, now);
}

/* A flow that is to be made. */
struct dp_flow_new {
	const struct dp_flow_keys *keys; /* that were looked up */
	uint32_t at;                     /* of its key in them, a DP_TO_TARGET key */
	uint32_t now;
	bool is_v6;
	uint8_t tcp_flags; /* of its packet, for the first state: no SYN makes an adopted flow,
	                      which ranks as half-open */
	struct dp_flow_target target;
};

/* Puts a flow in. 'flow' receives it, or the winner's with DP_FLOW_EXISTS. 'ended' (room for 4) and
 * '*nb_ended' say what had to go for it: in a full table expired flows, then half-open ones (UDP
 * that was never answered included), then closing ones, then UDP that went no further than one
 * answer; an open flow never. */
enum dp_flow_result dp_flow_insert(struct dp_flow_table *table, uint32_t worker,
        const struct dp_flow_new *new, struct dp_flow *flow, struct dp_flow_ended *ended,
        uint32_t *nb_ended);

/* Says that the worker is about to insert 'n' flows of a family: fetches the memory for them, as
 * far as it has entries at hand. */
void dp_flow_expect(struct dp_flow_table *table, uint32_t worker, bool is_v6, uint32_t n);

/* Removes the flow if it is still the one that was looked up. True if this call removed it. */
bool dp_flow_remove(struct dp_flow_table *table, uint32_t worker, const struct dp_flow *flow);

/* One slice of the worker's share of the sweep (worker nb_workers, main, has all of the table as
 * its share): looks at 'nb_buckets' and removes what is idle for too long, or whose slot has
 * another epoch now ('epochs' has nb_slots entries; NULL: not checked). Returns how many it
 * removed, at most 'room', described in 'ended'. */
uint32_t dp_flow_age(struct dp_flow_table *table, uint32_t worker, uint32_t nb_buckets,
        uint32_t now, const uint32_t *epochs, uint32_t nb_slots, struct dp_flow_ended *ended,
        uint32_t room);

/* Where the worker counts packets of flows; NULL: the table has no counters. */
struct dp_flow_tally *dp_flow_tally(const struct dp_flow_table *table, uint32_t worker);

/* Counts a packet of a flow that was found or inserted. Its worker alone may call this. What was
 * counted gets into the table within about a second of dp_flow_age() calls of the worker, with a
 * FIN or RST at once; what was not is lost if the process dies. */
void dp_flow_count(struct dp_flow_tally *tally, const struct dp_flow *flow,
        enum dp_direction direction, uint32_t bytes, uint8_t tcp_flags);

/* What the table has counted of a flow that was looked up or that a walk visits; false: it ended
 * meanwhile, or the table has no counters. Any thread. */
bool dp_flow_counts(const struct dp_flow_table *table, const struct dp_flow *flow,
        struct dp_flow_counts *counts);

struct dp_flow_usage {
	uint64_t capacity[2], used[2]; /* [is_v6] */
	uint64_t memory;               /* bytes, all in */
	uint64_t buckets;              /* that the sweep goes through */
	uint64_t overflow_lines, overflow_lines_used;
};
void dp_flow_usage(const struct dp_flow_table *table, struct dp_flow_usage *usage);

/* Calls 'visit' for each flow, with its DP_TO_TARGET key. Any thread; flows that come or go
 * meanwhile may be missed or seen. For tests, restart counting and the operator's listings. */
void dp_flow_walk(const struct dp_flow_table *table,
        void (*visit)(void *arg, const struct dp_flow_key *key, const struct dp_flow *flow),
        void *arg);

#endif
