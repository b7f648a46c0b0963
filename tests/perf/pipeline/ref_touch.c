/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What testpmd's 5tswap does to a packet, and nothing else: the same walk over the headers, MAC
 * addresses, IP addresses and ports swapped; no mbuf field written, no checksum touched.
 */
#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_prefetch.h>

#include "bench.h"

static inline void swap(uint8_t *a, uint8_t *b, uint32_t len)
{
	uint8_t c[16];

	memcpy(c, a, len);
	memcpy(a, b, len);
	memcpy(b, c, len);
}

static inline void touch_packet(struct rte_mbuf *m)
{
	uint8_t *at = rte_pktmbuf_mtod(m, uint8_t *), protocol;
	rte_be16_t type;

	swap(at, at + 6, 6);
	memcpy(&type, at + 12, sizeof(type));
	at += sizeof(struct rte_ether_hdr);
	while (type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type == RTE_BE16(RTE_ETHER_TYPE_QINQ)) {
		memcpy(&type, at + 2, sizeof(type));
		at += sizeof(struct rte_vlan_hdr);
	}
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
		protocol = at[9];
		swap(at + 12, at + 16, 4);
		at += (at[0] & 15) * 4;
	} else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
		protocol = at[6];
		swap(at + 8, at + 24, 16);
		at += sizeof(struct rte_ipv6_hdr);
	} else {
		return;
	}
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)
		swap(at, at + 2, 2);
}

void touch_burst(void *arg, uint32_t at)
{
	struct worker *w = arg;

	for (uint32_t i = 0; i < DP_BURST; i++)
		rte_prefetch0(rte_pktmbuf_mtod(w->batch[at + i], void *));
	for (uint32_t i = 0; i < DP_BURST; i++)
		touch_packet(w->batch[at + i]);
}
