/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Forwarding mode nat. To target: destination becomes the target. To client: source becomes the
 * virtual address. The TTL or hop limit falls by one in both directions, as through any router.
 *
 * Checksums are always corrected here and never left to the port: see csum.h.
 */
#include <rte_branch_prediction.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "csum.h"
#include "rewrite.h"
#include "simple.h"

/* The header's side that changes is the destination to the target, the source to the client, which
 * stands so many bytes before it. Directions are mixed in a burst, so this is arithmetic, not a
 * branch: all is written relative to a header, moved back by that. */
static inline uint8_t *back(uint8_t *header, uint32_t direction, ptrdiff_t distance)
{
	static_assert(DP_TO_TARGET == 0 && DP_TO_CLIENT == 1, "a direction is a factor");
	return header + -(ptrdiff_t)direction * distance;
}

static inline void rewrite_ip4(uint8_t *l3, uint32_t direction, const struct dp_flow *flow)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;

	memcpy(back(l3, direction, sizeof(ip->src_addr)) + offsetof(struct rte_ipv4_hdr, dst_addr),
	        &flow->to[0], sizeof(ip->dst_addr));
	ip->time_to_live--;
	ip->hdr_checksum = dp_csum_update(ip->hdr_checksum, flow->ip_delta);
}

static inline void rewrite_ip6(uint8_t *l3, uint32_t direction, const struct dp_flow *flow)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)l3;

	memcpy(back(l3, direction, sizeof(ip->src_addr)) + offsetof(struct rte_ipv6_hdr, dst_addr),
	        flow->to, sizeof(ip->dst_addr));
	ip->hop_limits--;
}

static inline __attribute__((always_inline)) void rewrite_l4(
        uint8_t *l4, bool is_udp, uint32_t direction, const struct dp_flow *flow, bool is_v6)
{
	const uint8_t *to_port = (const uint8_t *)&flow->to[is_v6 ? 2 : 0] + (is_v6 ? 0 : 4);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)l4;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)l4;

	memcpy(back(l4, direction, sizeof(udp->src_port)) + offsetof(struct rte_udp_hdr, dst_port),
	        to_port, sizeof(udp->dst_port));
	if (likely(!is_udp))
		tcp->cksum = dp_csum_update(tcp->cksum, flow->l4_delta);
	else
		udp->dgram_cksum = dp_csum_update_udp(udp->dgram_cksum, flow->l4_delta);
}

static inline __attribute__((always_inline)) void rewrite_packet(uint8_t *l3, uint32_t l3_len,
        bool is_udp, uint32_t direction, const struct dp_flow *flow, bool is_v6)
{
	if (is_v6)
		rewrite_ip6(l3, direction, flow);
	else
		rewrite_ip4(l3, direction, flow);
	rewrite_l4(l3 + l3_len, is_udp, direction, flow, is_v6);
}

static inline __attribute__((always_inline)) void rewrite_simple(
        struct dp_worker_ctx *ctx, struct dp_burst *b, uint64_t udp, uint64_t padded, bool is_v6)
{
	const uint32_t l3_len = is_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	struct dp_simple simple = dp_simple_begin(ctx, b);
	const uint32_t n = b->n;

	for (uint32_t i = 0; i < n; i++) {
		const struct dp_simple_packet p = dp_simple_packet(b, i);

		rewrite_packet(p.l3, l3_len, udp >> i & 1, p.direction, p.flow, is_v6);
		dp_simple_end(&simple, b, &p, i, padded >> i & 1);
	}
	dp_simple_done(&simple, b);
}

static inline __attribute__((always_inline)) void rewrite_each(struct dp_burst *b, bool is_v6)
{
	for (uint64_t left = b->live; left != 0;) {
		uint32_t i = dp_first(&left);

		rewrite_packet(b->l3[i], b->l3_len[i], b->udp >> i & 1, b->keys.direction[i],
		        &b->flows[i], is_v6);
	}
	dp_simple_none(b);
}

static inline __attribute__((always_inline)) void rewrite_family(
        struct dp_worker_ctx *ctx, struct dp_burst *b, bool is_v6)
{
	if (unlikely(!dp_simple_is(b)))
		rewrite_each(b, is_v6);
	else if (likely((b->udp | b->padded) == 0))
		rewrite_simple(ctx, b, 0, 0, is_v6);
	else
		rewrite_simple(ctx, b, b->udp, b->padded, is_v6);
}

static void rewrite(struct dp_worker_ctx *ctx, struct dp_burst *b)
{
	if (b->is_v6)
		rewrite_family(ctx, b, true);
	else
		rewrite_family(ctx, b, false);
}

const struct dp_rewrite_ops dp_rewrite_nat = {.rewrite = rewrite};
