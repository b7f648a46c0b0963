/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What parse.c and parse_ip6.c share.
 */
#ifndef DP_PARSE_IP_H
#define DP_PARSE_IP_H

#include <rte_tcp.h>

#include "parse.h"

/* Whether the first buffer segment holds 'len' bytes from the IP header on. */
static inline bool dp_parse_has(const struct dp_pkt *p, uint32_t len)
{
	return rte_pktmbuf_data_len(p->mbuf) >= p->l2_len + len;
}

/* A header ends at 'end', beyond the first buffer segment: is it further on, or nowhere? */
static inline dp_verdict dp_parse_short(
        const struct rte_mbuf *m, uint32_t end, enum lb_drop_reason truncated)
{
	return rte_pktmbuf_pkt_len(m) >= end ? (dp_verdict)LB_DROP_SEGMENTED
	                                     : (dp_verdict)truncated;
}

/* A packet whose addresses are known is odd: dropped on its way to a virtual address, otherwise
 * the kernel's to judge. */
static inline dp_verdict dp_parse_odd(const struct dp_pkt *p, dp_verdict reason)
{
	return p->direction == DP_TO_TARGET ? reason : DP_TO_KERNEL;
}

/* Some flag that moves a connection, and no SYN beside a FIN or RST: one bit for each combination
 * of the six flags. */
static inline bool dp_parse_tcp_flags_sound(uint8_t flags)
{
	const uint64_t sound = UINT64_C(0x3737373737373736);

	static_assert((RTE_TCP_FIN_FLAG | RTE_TCP_SYN_FLAG << 4 | RTE_TCP_RST_FLAG << 8) == 0x421,
	        "the mask is made for these numbers");
	return sound >> (flags & 63) & 1;
}

/* Decides the direction. True: to target, the source is the client. The addresses are put into the
 * key where they are to stay: a copy of what was written in parts just now waits for the stores. */
static inline bool dp_parse_to_target(
        const struct dp_tables *tables, struct dp_pkt *p, const struct lb_ip *dst)
{
	bool to_target = dp_tables_vip(tables, dst) != NULL;

	p->direction = to_target ? DP_TO_TARGET : DP_TO_CLIENT;
	return to_target;
}

/* The IPv6 header at p->l3 and its extension headers: sets ip_len, l3_len, protocol, ttl, direction
 * and the key's family and addresses. */
dp_verdict dp_parse_ip6(const struct dp_tables *tables, struct dp_pkt *p, struct dp_flow_key *key);

#endif
