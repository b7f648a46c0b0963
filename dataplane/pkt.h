/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the stages know of the packets of one burst. It lives on the worker's stack for the time of
 * a burst; each field is written once, by the stage that is named at it.
 */
#ifndef DP_PKT_H
#define DP_PKT_H

#include <rte_mbuf.h>

#include "fib.h"
#include "flow.h"
#include "lb/counters.h"
#include "pipeline.h"

/* What a stage says of a packet: one of these, or a drop reason (enum lb_drop_reason, 0 and up). */
#define DP_GO_ON     (-1)
#define DP_TO_KERNEL (-2)
typedef int dp_verdict;

/* One packet, as parse found it. 'mbuf' and all offsets stay valid until output changes the
 * Ethernet header. */
struct dp_pkt {
	struct rte_mbuf *mbuf;
	uint8_t *l3;       /* IP header */
	uint8_t *l4;       /* TCP or UDP header, in the same buffer segment */
	uint32_t ip_len;   /* bytes from the IP header on, without Ethernet padding */
	uint16_t l2_len;   /* Ethernet header with its tags */
	uint16_t l3_len;   /* IP header with options or extension headers */
	uint8_t protocol;  /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t tcp_flags; /* 0 for UDP */
	uint8_t ttl;       /* TTL or hop limit */
	uint8_t is_v6;
	uint8_t direction; /* enum dp_direction: is the destination a virtual address? */
};

/* The packets of a burst that are TCP or UDP. Arrays are by packet, but for those below nb_live,
 * which are packed: a stage that drops closes the gap. */
struct dp_burst {
	uint16_t port;                     /* parse: that received them */
	uint32_t n;                        /* parse */
	struct dp_pkt pkts[DP_BURST];      /* parse */
	struct dp_flow_key keys[DP_BURST]; /* parse */
	uint64_t hashes[DP_BURST];         /* flow: of keys[] */
	struct dp_flow flows[DP_BURST];    /* flow: found; or miss: made */

	uint32_t nb_live;
	uint8_t live[DP_BURST];              /* flow: packets with a flow; route: and a next hop */
	struct lb_ip hops[DP_BURST];         /* flow: destinations of live[] */
	const struct dp_adj *adjs[DP_BURST]; /* route: next hops of live[] */
};

#endif
