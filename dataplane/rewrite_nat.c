/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Forwarding mode nat. To target: destination becomes the target. To client: source becomes the
 * virtual address. The TTL or hop limit falls by one in both directions, as through any router.
 *
 * Checksums are always corrected here and never left to the port: see csum.h.
 */
#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "csum.h"
#include "rewrite.h"

/* Lowers the TTL, which is not 0, and returns what that changes in the header's checksum. The word
 * is not read again: it would have to wait for the byte that was just written. */
static dp_csum_delta lower_ttl(struct rte_ipv4_hdr *ip)
{
	static_assert(offsetof(struct rte_ipv4_hdr, time_to_live) % 2 == 0,
	        "the TTL is the first byte of its word");
	ip->time_to_live--;
	return dp_csum_delta16(RTE_BE16(0x0100), 0);
}

/* Returns what the new address changes in a checksum over the pseudo header. */
static dp_csum_delta rewrite_ip4(const struct dp_pkt *p, const struct dp_flow *flow)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p->l3;
	uint8_t *at =
	        p->l3 + (p->direction == DP_TO_TARGET ? offsetof(struct rte_ipv4_hdr, dst_addr)
	                                              : offsetof(struct rte_ipv4_hdr, src_addr));
	lb_be32 from, to = lb_ip_v4(&flow->to);
	dp_csum_delta delta;

	memcpy(&from, at, sizeof(from));
	memcpy(at, &to, sizeof(to));
	delta = dp_csum_delta32(from, to);
	ip->hdr_checksum = dp_csum_update(ip->hdr_checksum, delta + lower_ttl(ip));
	return delta;
}

static dp_csum_delta rewrite_ip6(const struct dp_pkt *p, const struct dp_flow *flow)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)p->l3;
	uint8_t *at = p->direction == DP_TO_TARGET ? ip->dst_addr : ip->src_addr;
	struct lb_ip from;

	memcpy(&from, at, sizeof(from));
	memcpy(at, &flow->to, sizeof(flow->to));
	ip->hop_limits--;
	return dp_csum_delta_ip6(&from, &flow->to);
}

static void rewrite_l4(const struct dp_pkt *p, const struct dp_flow *flow, dp_csum_delta delta)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)p->l4;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)p->l4;
	uint8_t *at =
	        p->l4 + (p->direction == DP_TO_TARGET ? offsetof(struct rte_udp_hdr, dst_port)
	                                              : offsetof(struct rte_udp_hdr, src_port));
	lb_be16 from;

	memcpy(&from, at, sizeof(from));
	memcpy(at, &flow->to_port, sizeof(flow->to_port));
	delta += dp_csum_delta16(from, flow->to_port);
	if (p->protocol == IPPROTO_TCP)
		tcp->cksum = dp_csum_update(tcp->cksum, delta);
	else
		udp->dgram_cksum = dp_csum_update_udp(udp->dgram_cksum, delta);
}

static void rewrite(const struct dp_burst *b)
{
	for (uint32_t k = 0; k < b->nb_live; k++) {
		const struct dp_pkt *p = &b->pkts[b->live[k]];
		const struct dp_flow *flow = &b->flows[b->live[k]];

		rewrite_l4(p, flow, p->is_v6 ? rewrite_ip6(p, flow) : rewrite_ip4(p, flow));
	}
}

const struct dp_rewrite_ops dp_rewrite_nat = {.rewrite = rewrite};
