/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The hash, the shares, the rings.
 *
 * The hash is NH (Black, Halevi, Krawczyk, Krovetz, Rogaway: "UMAC: Fast and Secure Message
 * Authentication", CRYPTO 1999) with a key drawn at start: for any two flows that were chosen
 * without knowing the key, the chance of one value is 2^-32. Who learns the key by timing can aim
 * flows at one worker, which one flow of many packets does as well. Toeplitz costs forty times as
 * much in software.
 */
#include "spread.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_prefetch.h>

#include "near.h"
#include "stats.h"

static_assert(
        offsetof(struct rte_ipv4_hdr, dst_addr) == offsetof(struct rte_ipv4_hdr, src_addr) + 4 &&
                offsetof(struct rte_ipv6_hdr, dst_addr) ==
                        offsetof(struct rte_ipv6_hdr, src_addr) + 16,
        "both addresses are read at once");

int dp_spread_connect(struct dp_spread *from, struct dp_spread *to, int socket)
{
	ssize_t size = rte_ring_get_memsize(DP_SPREAD_ROOM);
	struct rte_ring *ring = dp_alloc_near("spread", (size_t)size, socket);

	if (ring == NULL)
		return -ENOMEM;
	(void)rte_ring_init(ring, "spread", DP_SPREAD_ROOM, RING_F_SP_ENQ | RING_F_SC_DEQ);
	from->to[to->worker].ring = ring;
	to->from[to->nb_from++] = ring;
	return 0;
}

void dp_spread_disconnect(struct dp_spread *s)
{
	while (s->nb_from > 0)
		rte_free(s->from[--s->nb_from]);
}

/* Where the frame's IP header begins, or 0 if it holds none in its first segment. */
static uint32_t find_ip(const uint8_t *frame, uint32_t len, rte_be16_t *ether_type)
{
	uint32_t at = sizeof(struct rte_ether_hdr);

	for (uint32_t tags = 0; tags <= 2; tags++, at += sizeof(struct rte_vlan_hdr)) {
		if (unlikely(len < at))
			return 0;
		memcpy(ether_type, frame + at - sizeof(*ether_type), sizeof(*ether_type));
		if (*ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN) &&
		        *ether_type != RTE_BE16(RTE_ETHER_TYPE_QINQ))
			return at;
	}
	return 0;
}

/* Adds ports and protocol to a flow's words, where a whole TCP or UDP packet has them. */
static void add_ports(
        const uint8_t *frame, uint32_t l4, uint32_t len, uint8_t protocol, uint32_t words[2])
{
	words[0] = 0;
	words[1] = protocol;
	if (likely(protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) && likely(l4 + 4 <= len))
		memcpy(words, frame + l4, 4);
}

/* The words that name the packet's flow; returns how many, 0 if it is no IP. */
static uint32_t find_flow(const struct rte_mbuf *m, uint32_t words[DP_SPREAD_WORDS])
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(m), at;
	rte_be16_t type = 0;

	at = find_ip(frame, len, &type);
	if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) && at != 0 &&
	        len >= at + sizeof(struct rte_ipv4_hdr)) {
		const struct rte_ipv4_hdr *ip = (const void *)(frame + at);
		bool whole = (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG |
		                                             RTE_IPV4_HDR_OFFSET_MASK)) == 0;
		uint32_t l4 = whole ? at + rte_ipv4_hdr_len(ip) : len;

		memcpy(words, &ip->src_addr, 8);
		add_ports(frame, l4, len, ip->next_proto_id, words + 2);
		return 4;
	}
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && at != 0 &&
	        len >= at + sizeof(struct rte_ipv6_hdr)) {
		const struct rte_ipv6_hdr *ip = (const void *)(frame + at);

		memcpy(words, ip->src_addr, 32);
		add_ports(frame, at + (uint32_t)sizeof(*ip), len, ip->proto, words + 8);
		return 10;
	}
	return 0;
}

static uint32_t hash(const uint32_t key[DP_SPREAD_WORDS], const uint32_t *words, uint32_t nb)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nb; i += 2)
		sum += (uint64_t)(words[i] + key[i]) * (words[i + 1] + key[i + 1]);
	/* the upper half of a sum of products is not even: mix */
	sum ^= sum >> 32;
	return (uint32_t)((sum * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

uint32_t dp_spread_worker(const struct dp_spread *s, const struct rte_mbuf *m, bool device_hash)
{
	uint32_t words[DP_SPREAD_WORDS], nb, value;

	if (device_hash && (m->ol_flags & RTE_MBUF_F_RX_RSS_HASH)) {
		value = m->hash.rss;
	} else {
		nb = find_flow(m, words);
		if (unlikely(nb == 0))
			return s->worker;
		value = hash(s->key, words, nb);
	}
	/* by the upper bits: the lower ones chose the queue */
	return (uint32_t)((uint64_t)value * s->nb_workers >> 32);
}

static void hand_over(struct dp_worker_ctx *ctx, struct dp_spread_share *share)
{
	uint16_t done = (uint16_t)rte_ring_sp_enqueue_burst(
	        share->ring, (void **)share->pkts, share->n, NULL);

	dp_count(ctx, LB_COUNTER_SPREAD, done);
	for (; done < share->n; done++) {
		dp_count(ctx, LB_COUNTER_RECEIVED, 1);
		dp_count(ctx, LB_COUNTER_RECEIVED_BYTES, rte_pktmbuf_pkt_len(share->pkts[done]));
		dp_drop(ctx, share->pkts[done], LB_DROP_SPREAD_FULL);
	}
	share->n = 0;
}

uint16_t dp_spread_run(struct dp_worker_ctx *ctx, struct dp_spread *s, struct rte_mbuf **pkts,
        uint16_t n, uint16_t port, bool device_hash)
{
	uint16_t own = 0;

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		uint32_t worker = dp_spread_worker(s, pkts[i], device_hash);
		struct dp_spread_share *share = &s->to[worker];

		if (worker == s->worker) {
			pkts[own++] = pkts[i];
			continue;
		}
		pkts[i]->port = port; /* not every driver writes it */
		share->pkts[share->n++] = pkts[i];
		if (share->n == DP_BURST)
			hand_over(ctx, share);
	}
	for (uint32_t w = 0; w < s->nb_workers; w++) {
		if (s->to[w].n > 0)
			hand_over(ctx, &s->to[w]);
	}
	return own;
}

uint16_t dp_spread_take(struct dp_spread *s, uint32_t from, struct rte_mbuf **pkts)
{
	uint16_t n =
	        (uint16_t)rte_ring_sc_dequeue_burst(s->from[from], (void **)pkts, DP_BURST, NULL);

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(pkts[i]);
	return n;
}
