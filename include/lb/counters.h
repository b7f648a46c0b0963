/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Counters and drop reasons, each written once here with its help text, and the stats segment.
 *
 * Every received packet ends in exactly one of: forwarded, answered, kernel, a drop reason, or is
 * held. When nothing is in flight,
 *     received = forwarded + answered + kernel + dropped + held
 * where dropped is the sum of the drop reasons. Packets that we make count in 'generated' alone.
 */
#ifndef LB_COUNTERS_H
#define LB_COUNTERS_H

#include "shm.h"

/* X(symbol, name, help) */
#define LB_COUNTERS(X)                                                                       \
	X(RECEIVED, "received", "packets received from the ports")                           \
	X(RECEIVED_BYTES, "received_bytes", "bytes received, without the Ethernet checksum") \
	X(TO_TARGET, "to_target", "packets forwarded from a client to a target")             \
	X(TO_CLIENT, "to_client", "packets forwarded from a target to a client")             \
	X(FORWARDED_BYTES, "forwarded_bytes", "bytes forwarded, in both directions")         \
	X(ANSWERED, "answered", "packets that were answered by the load balancer itself")    \
	X(KERNEL, "kernel", "packets given to the kernel: not ours")                         \
	X(HELD, "held", "packets held now, waiting for more of the same datagram")           \
	X(GENERATED, "generated", "packets made by the load balancer, answers included")     \
	X(FLOWS_NEW, "flows_new", "flows put into the flow table")                           \
	X(FLOWS_ADOPTED, "flows_adopted", "of these: begun in the middle, without a SYN")    \
	X(FLOWS_ENDED, "flows_ended", "flows taken out of the flow table, for any reason")   \
	X(FLOWS_EXPIRED, "flows_expired", "of these: idle for longer than their timeout")    \
	X(FLOWS_EVICTED, "flows_evicted", "of these: made room for another in a full table") \
	X(FLOWS_TARGET_GONE, "flows_target_gone", "of these: their target ended")            \
	X(FLOWS_RESELECTED, "flows_reselected",                                              \
	        "new flows that took their second choice: the first would have collided")    \
	X(GENERATIONS, "generations", "table generations taken over")                        \
	X(MESSAGES_REFUSED, "messages_refused",                                              \
	        "commands from the control plane that were refused")                         \
	X(POLLS, "polls", "polls of all queues")                                             \
	X(POLLS_EMPTY, "polls_empty", "of these: found nothing")                             \
	X(FROM_KERNEL, "from_kernel", "frames of the kernel that were sent for its twin")    \
	X(FROM_KERNEL_LOST, "from_kernel_lost",                                              \
	        "frames of the kernel that a port's transmit queue had no room for")         \
	X(FLOWS_KEPT, "flows_kept",                                                          \
	        "of the new flows: taken over with the table from an earlier start")         \
	X(SPREAD, "spread", "packets handed to another worker, by software spreading")

/* X(symbol, name, help) */
#define LB_DROP_REASONS(X)                                                                         \
	X(L2_TRUNCATED, "l2_truncated", "frame too short for its Ethernet header or tags")         \
	X(L2_TOO_MANY_TAGS, "l2_too_many_tags", "more than two VLAN tags")                         \
	X(IP4_TRUNCATED, "ip4_truncated", "frame ends within the IPv4 header")                     \
	X(IP4_BAD_HEADER, "ip4_bad_header", "IPv4 version or header length is wrong")              \
	X(IP4_BAD_LENGTH, "ip4_bad_length",                                                        \
	        "IPv4 total length is shorter than its header or longer than the frame")           \
	X(IP4_BAD_CHECKSUM, "ip4_bad_checksum", "IPv4 header checksum is wrong")                   \
	X(IP4_BAD_OPTION, "ip4_bad_option", "IPv4 option is malformed, or a source route")         \
	X(IP6_TRUNCATED, "ip6_truncated", "frame ends within the IPv6 headers")                    \
	X(IP6_BAD_HEADER, "ip6_bad_header", "IPv6 version is wrong")                               \
	X(IP6_BAD_LENGTH, "ip6_bad_length", "IPv6 payload length is longer than the frame")        \
	X(IP6_BAD_EXTENSION, "ip6_bad_extension",                                                  \
	        "IPv6 extension headers are malformed, too many, or a routing header with "        \
	        "segments left")                                                                   \
	X(IP_BAD_SOURCE, "ip_bad_source",                                                          \
	        "source address is a multicast, broadcast, loopback, unspecified or virtual "      \
	        "address")                                                                         \
	X(FRAGMENT, "fragment", "fragment to a virtual address: not yet reassembled")              \
	X(L4_TRUNCATED, "l4_truncated", "packet ends within its TCP or UDP header")                \
	X(TCP_BAD_HEADER, "tcp_bad_header", "TCP data offset is wrong")                            \
	X(TCP_BAD_FLAGS, "tcp_bad_flags",                                                          \
	        "TCP flags that no stack sends: none at all, SYN with FIN, SYN with RST")          \
	X(TCP_BAD_CHECKSUM, "tcp_bad_checksum", "TCP checksum is wrong")                           \
	X(UDP_BAD_LENGTH, "udp_bad_length", "UDP length differs from what the packet holds")       \
	X(UDP_BAD_CHECKSUM, "udp_bad_checksum", "UDP checksum is wrong, or missing on IPv6")       \
	X(PORT_ZERO, "port_zero", "TCP or UDP port 0")                                             \
	X(TTL_EXPIRED, "ttl_expired", "TTL or hop limit is used up")                               \
	X(NO_LISTENER, "no_listener", "no listener at this address, protocol and port")            \
	X(NO_TARGET, "no_target", "the listener's target group has no registered target")          \
	X(TARGET_GONE, "target_gone", "the flow's target was taken away")                          \
	X(FLOW_COLLISION, "flow_collision",                                                        \
	        "every target tried already has a flow from this client address and port through " \
	        "another virtual address")                                                         \
	X(FLOW_TABLE_FULL, "flow_table_full",                                                      \
	        "no room for a new flow, and nothing that may be evicted")                         \
	X(FLOW_CLIENT_LIMIT, "flow_client_limit", "too many flows of one client address and port") \
	X(NO_ROUTE, "no_route", "no route to the next hop in the kernel's tables")                 \
	X(NO_NEIGHBOUR, "no_neighbour",                                                            \
	        "the next hop's link address is not known yet; the kernel is asked")               \
	X(NO_PORT, "no_port", "the route leads out of an interface that is no port of ours")       \
	X(TOO_BIG, "too_big", "longer than the MTU of the port it would leave by")                 \
	X(TX_FULL, "tx_full", "the port's transmit queue stayed full")                             \
	X(KERNEL_FULL, "kernel_full", "the way to the kernel stayed full")                         \
	X(NO_MBUF, "no_mbuf", "no packet buffer was left")                                         \
	X(SEGMENTED, "segmented", "headers are spread over several buffer segments")               \
	X(NO_TABLES, "no_tables", "no configuration has arrived from the control plane yet")       \
	X(TCP_NO_FLOW, "tcp_no_flow", "TCP RST or SYN-ACK that belongs to no flow")                \
	X(SPREAD_FULL, "spread_full", "the worker that software spreading chose did not keep up")  \
	X(FLOW_VIP_LIMIT, "flow_vip_limit",                                                        \
	        "the flow table has no room for another IPv6 virtual address: it keeps all "       \
	        "that had flows until a restart")

enum lb_counter {
#define X(symbol, name, help) LB_COUNTER_##symbol,
	LB_COUNTERS(X)
#undef X
	        LB_COUNTER_COUNT
};

enum lb_drop_reason {
#define X(symbol, name, help) LB_DROP_##symbol,
	LB_DROP_REASONS(X)
#undef X
	        LB_DROP_COUNT
};

#define LB_COUNTER_SLOTS 64
#define LB_DROP_SLOTS    64
static_assert(LB_COUNTER_COUNT <= LB_COUNTER_SLOTS, "more counters than slots");
static_assert(LB_DROP_COUNT <= LB_DROP_SLOTS, "more drop reasons than slots");

/* One per worker. Its worker: writes (relaxed, one writer). Everybody else: ro. Aligned so that no
 * two workers write one line. */
struct lb_worker_stats {
	uint64_t running_offset; /* generation that this worker runs; 0 before the first */
	uint64_t running_revision;
	uint64_t alive_ms; /* CLOCK_MONOTONIC, written at most once a millisecond */
	uint32_t lcore, cpu;
	uint64_t reserved[4];
	uint64_t counters[LB_COUNTER_SLOTS];
	uint64_t drops[LB_DROP_SLOTS];
};
LB_ASSERT_SIZE(struct lb_worker_stats, 64 + 2 * 512);

/* Per worker and target slot. They rise for ever, over all lives of a slot: a reader who cares for
 * one target remembers where they stood when it got the slot. */
struct lb_target_stats {
	uint64_t packets_in, bytes_in;   /* client to target; bytes from the IP header on */
	uint64_t packets_out, bytes_out; /* target to client */
	uint64_t flows_new, flows_ended;
	uint64_t resets_client, resets_target; /* TCP RST forwarded, by who sent it */
};
LB_ASSERT_SIZE(struct lb_target_stats, 64);

/* Per worker and listener id. */
struct lb_listener_stats {
	uint64_t packets_in, bytes_in, packets_out, bytes_out;
	uint64_t flows_new, flows_ended;
	uint64_t drops; /* packets to this listener that were dropped, for any reason after its
	                   look-up */
	uint64_t fail_open_flows;
};
LB_ASSERT_SIZE(struct lb_listener_stats, 64);

/* What a device hashes by when it spreads packets over its queues. */
#define LB_RSS_IPV4 1u
#define LB_RSS_IPV6 2u
#define LB_RSS_TCP  4u
#define LB_RSS_UDP  8u

struct lb_port_info {
	char name[32];                 /* DPDK's */
	char interface[LB_IFNAME_LEN]; /* the kernel's interface with the same addresses; may be
	                                  empty */
	char driver[32];
	uint8_t mac[6];
	uint16_t queues;
	uint16_t mtu;
	uint16_t link_up;
	uint16_t reta_size;            /* places of the RETA; 0: it has none */
	uint8_t rss;                   /* LB_RSS_* */
	uint8_t spread;                /* 1: over all workers in software */
	uint64_t rx_missed, tx_errors; /* of the device, refreshed every second */
};
LB_ASSERT_SIZE(struct lb_port_info, 112);

/* Of the flow table, per family: room, and what of it is taken, refreshed every second. */
struct lb_flow_usage {
	uint64_t capacity, used;
};
LB_ASSERT_SIZE(struct lb_flow_usage, 16);

/* Header of the stats segment. dataplane: rw. control plane: ro. */
struct lb_stats {
	struct lb_segment segment;
	char instance[LB_INSTANCE_LEN];
	char version[24];
	uint64_t started_ms; /* Unix time */
	int32_t pid;
	uint32_t nb_workers, nb_ports;
	uint32_t nb_counters, nb_drops; /* how many of the slots mean something here */
	uint32_t max_targets;           /* target slots are 0 .. max_targets-1 */
	uint32_t max_listeners;         /* listener ids are 0 .. max_listeners-1 */
	uint32_t hugepages;             /* 1: packet memory is in huge pages */
	uint64_t flow_capacity;         /* of both families */
	uint64_t tables_size;           /* of the tables segment */
	/* the main lcore's state, as it is to a generation and to the kernel */
	uint64_t main_running_offset, main_running_revision, main_alive_ms;
	uint64_t kernel_errors; /* netlink, nftables or steering requests that the kernel refused */
	char kernel_error[128]; /* the last of them, and what to do; NUL-terminated */
	uint64_t workers_offset, targets_offset, listeners_offset;
	struct lb_flow_usage flows[2]; /* IPv4, IPv6 */
	uint8_t reserved[8];
	struct lb_port_info ports[LB_MAX_PORTS];
};
static_assert(offsetof(struct lb_stats, ports) % 8 == 0, "ports[] is not aligned");

static inline uint64_t lb_stats_workers_offset(void)
{
	return LB_ALIGN_UP((uint64_t)sizeof(struct lb_stats), 4096);
}

static inline uint64_t lb_stats_targets_offset(uint32_t nb_workers)
{
	return LB_ALIGN_UP(
	        lb_stats_workers_offset() + nb_workers * (uint64_t)sizeof(struct lb_worker_stats),
	        4096);
}

static inline uint64_t lb_stats_listeners_offset(uint32_t nb_workers, uint32_t max_targets)
{
	return lb_stats_targets_offset(nb_workers) +
	       LB_ALIGN_UP(
	               (uint64_t)nb_workers * max_targets * sizeof(struct lb_target_stats), 4096);
}

static inline uint64_t lb_stats_size(
        uint32_t nb_workers, uint32_t max_targets, uint32_t max_listeners)
{
	return lb_stats_listeners_offset(nb_workers, max_targets) +
	       LB_ALIGN_UP((uint64_t)nb_workers * max_listeners * sizeof(struct lb_listener_stats),
	               4096);
}

/* Both sides: the blocks of one worker. 'stats' was checked with lb_segment_refusal() and its
 * numbers against lb_stats_size() at attach. */
static inline struct lb_worker_stats *lb_worker_stats(struct lb_stats *stats, uint32_t worker)
{
	return (struct lb_worker_stats *)((uint8_t *)stats + lb_stats_workers_offset()) + worker;
}

static inline struct lb_target_stats *lb_target_stats(
        struct lb_stats *stats, uint32_t nb_workers, uint32_t max_targets, uint32_t worker)
{
	return (struct lb_target_stats *)((uint8_t *)stats + lb_stats_targets_offset(nb_workers)) +
	       (uint64_t)worker * max_targets;
}

static inline struct lb_listener_stats *lb_listener_stats(struct lb_stats *stats,
        uint32_t nb_workers, uint32_t max_targets, uint32_t max_listeners, uint32_t worker)
{
	return (struct lb_listener_stats *)((uint8_t *)stats +
	                                    lb_stats_listeners_offset(nb_workers, max_targets)) +
	       (uint64_t)worker * max_listeners;
}

#endif
