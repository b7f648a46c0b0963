/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the stages know of the packets of one burst. It lives on the worker's stack for the time of
 * a burst; each field is written by the stage that is named at it.
 */
#ifndef DP_PKT_H
#define DP_PKT_H

#include <rte_mbuf.h>

#include "fib.h"
#include "flow.h"
#include "lb/counters.h"
#include "once.h"
#include "pipeline.h"

/* What a stage says of a packet: one of these, or a drop reason (enum lb_drop_reason, 0 and up). */
#define DP_GO_ON     (-1)
#define DP_TO_KERNEL (-2)
#define DP_NEW_FLOW  (-3) /* it waits for the burst's other new flows: miss.h */
typedef int dp_verdict;

/* One packet, as dp_parse() found it. 'mbuf' and all offsets stay valid until output changes the
 * Ethernet header. */
struct dp_pkt {
	struct rte_mbuf *mbuf;
	uint8_t *l3;       /* IP header */
	uint32_t ip_len;   /* bytes from the IP header on, without Ethernet padding */
	uint16_t l2_len;   /* Ethernet header with its tags */
	uint16_t l3_len;   /* IP header with options or extension headers */
	uint8_t protocol;  /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t tcp_flags; /* 0 for UDP */
	uint8_t ttl;       /* TTL or hop limit */
	uint8_t direction; /* enum dp_direction: is the destination a virtual address? */
};

/* The TCP or UDP header, in the same buffer segment. */
static inline uint8_t *dp_pkt_l4(const struct dp_pkt *p)
{
	return p->l3 + p->l3_len;
}

/* The packets of one family in a burst. What the stages know of them stands in columns, by packet,
 * so that a loop over packets can be a loop over vectors; who is meant is said by one bit a packet.
 * A stage that settles a packet takes it out of 'live'; columns of packets that are not there may
 * hold anything. What is in a column: see struct dp_pkt. */
struct dp_burst {
	uint32_t n;
	uint16_t port; /* that received them */
	bool is_v6;
	uint64_t live;   /* parse: TCP or UDP; flow: that has a flow */
	uint64_t simple; /* parse: Ethernet without tags, IP without options or extension headers:
	                    all stands where it mostly does; output: and that ends with it */
	uint64_t padded; /* parse: of the simple ones, those with bytes behind the IP packet */
	uint64_t quiet;  /* parse: neither SYN, FIN nor RST, and a TTL above 1 */
	uint64_t udp;    /* parse: UDP, not TCP */
	uint64_t ready;  /* rewrite: complete, and counted for their targets */
	bool one_port, one_listener; /* rewrite: all packets are ready, and have the same one */

	struct rte_mbuf *mbufs[DP_BURST]; /* all of these: parse */
	uint8_t *l3[DP_BURST];
	uint32_t ip_len[DP_BURST] __attribute__((aligned(64)));
	uint16_t l2_len[DP_BURST] __attribute__((aligned(64)));
	uint16_t l3_len[DP_BURST];
	uint8_t protocol[DP_BURST];
	uint8_t tcp_flags[DP_BURST];
	uint8_t ttl[DP_BURST];
	struct dp_flow_keys keys; /* parse; the hashes in it: flow. The directions stand here */

	struct dp_flow flows[DP_BURST]; /* flow: found; or miss: made */

	const struct dp_adj *adjs[DP_BURST]; /* next hop: of live packets */
};
static_assert(DP_BURST <= DP_FLOW_BURST && DP_BURST <= DP_FIB_BURST, "one look-up a burst");

/* The first 'n' packets, at most 64. */
static inline uint64_t dp_all(uint32_t n)
{
	return n == 0 ? 0 : UINT64_MAX >> (64 - n);
}

/* Takes the first packet out of a set that is not empty. */
static inline uint32_t dp_first(uint64_t *set)
{
	uint32_t i = (uint32_t)__builtin_ctzll(*set);

	*set &= *set - 1;
	return i;
}

#endif
