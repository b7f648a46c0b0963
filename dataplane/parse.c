/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ethernet, 0 to 2 VLAN tags, IPv4 or IPv6, TCP or UDP: in this order, and length before content at
 * each. parse_ip6.c follows the extension headers.
 */
#include "parse.h"

#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_ether.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "csum.h"
#include "parse_ip.h"

static bool is_vlan(rte_be16_t ether_type)
{
	return ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN) ||
	       ether_type == RTE_BE16(RTE_ETHER_TYPE_QINQ);
}

/* Sets l2_len and l3; '*ether_type' is what follows the tags. */
static dp_verdict parse_ethernet(
        const struct dp_port *port, struct dp_pkt *p, rte_be16_t *ether_type)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->mbuf, struct rte_ether_hdr *);
	uint32_t len = sizeof(*eth);

	if (unlikely(rte_pktmbuf_data_len(p->mbuf) < len))
		return dp_parse_short(p->mbuf, len, LB_DROP_L2_TRUNCATED);
	if (!rte_is_same_ether_addr(&eth->dst_addr, &port->mac))
		return DP_TO_KERNEL;
	*ether_type = eth->ether_type;
	for (uint32_t tags = 0; unlikely(is_vlan(*ether_type)); tags++) {
		const struct rte_vlan_hdr *tag =
		        rte_pktmbuf_mtod_offset(p->mbuf, struct rte_vlan_hdr *, len);

		if (tags == 2)
			return LB_DROP_L2_TOO_MANY_TAGS;
		len += sizeof(*tag);
		if (rte_pktmbuf_data_len(p->mbuf) < len)
			return dp_parse_short(p->mbuf, len, LB_DROP_L2_TRUNCATED);
		*ether_type = tag->eth_proto;
	}
	p->l2_len = (uint16_t)len;
	p->l3 = rte_pktmbuf_mtod_offset(p->mbuf, uint8_t *, len);
	return DP_GO_ON;
}

/* RFC 791 section 3.1: a source route would take the packet past us. */
static bool ip4_options_sound(const uint8_t *options, uint32_t len)
{
	enum { END = 0, NOP = 1, LOOSE_ROUTE = 131, STRICT_ROUTE = 137 };

	for (uint32_t at = 0; at < len && options[at] != END;) {
		if (options[at] == NOP) {
			at++;
			continue;
		}
		if (options[at] == LOOSE_ROUTE || options[at] == STRICT_ROUTE)
			return false;
		if (at + 2 > len || options[at + 1] < 2 || options[at + 1] > len - at)
			return false;
		at += options[at + 1];
	}
	return true;
}

static bool ip4_checksum_right(const struct rte_mbuf *m, const void *header, uint32_t len)
{
	uint64_t flag = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	if (flag == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		return true;
	return flag != RTE_MBUF_F_RX_IP_CKSUM_BAD && dp_csum_ip4_right(header, len);
}

static void set_addresses(const struct dp_tables *tables, struct dp_pkt *p, struct dp_flow_key *key,
        lb_be32 src, lb_be32 dst)
{
	struct lb_ip ip = lb_ip_from_v4(dst);
	bool to_target = dp_parse_to_target(tables, p, &ip);

	lb_ip_set_v4(&key->client, to_target ? src : dst);
	lb_ip_set_v4(&key->other, to_target ? dst : src);
}

static dp_verdict parse_ip4(
        const struct dp_tables *tables, struct dp_pkt *p, struct dp_flow_key *key)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)p->l3;
	uint32_t in_frame = rte_pktmbuf_pkt_len(p->mbuf) - p->l2_len;
	uint32_t len;

	if (unlikely(!dp_parse_has(p, sizeof(*ip))))
		return dp_parse_short(p->mbuf, p->l2_len + sizeof(*ip), LB_DROP_IP4_TRUNCATED);
	len = (ip->version_ihl & 15u) * 4;
	if (unlikely(ip->version_ihl >> 4 != 4 || len < sizeof(*ip)))
		return LB_DROP_IP4_BAD_HEADER;
	if (unlikely(!dp_parse_has(p, len)))
		return dp_parse_short(p->mbuf, p->l2_len + len, LB_DROP_IP4_TRUNCATED);
	p->ip_len = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(p->ip_len < len || p->ip_len > in_frame))
		return LB_DROP_IP4_BAD_LENGTH;
	if (unlikely(!ip4_checksum_right(p->mbuf, ip, len)))
		return LB_DROP_IP4_BAD_CHECKSUM;

	set_addresses(tables, p, key, ip->src_addr, ip->dst_addr);
	key->is_v6 = 0;
	p->l3_len = (uint16_t)len;
	p->protocol = ip->next_proto_id;
	p->ttl = ip->time_to_live;
	if (unlikely(len > sizeof(*ip)) &&
	        !ip4_options_sound(p->l3 + sizeof(*ip), len - sizeof(*ip)))
		return dp_parse_odd(p, LB_DROP_IP4_BAD_OPTION);
	if (unlikely(ip->fragment_offset &
	             RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)))
		return dp_parse_odd(p, LB_DROP_FRAGMENT);
	return DP_GO_ON;
}

static dp_verdict parse_tcp(struct dp_pkt *p)
{
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)dp_pkt_l4(p);
	uint32_t len = (tcp->data_off >> 4) * 4u;
	uint8_t flags = tcp->tcp_flags;

	if (unlikely(len < sizeof(*tcp) || len > p->ip_len - p->l3_len))
		return LB_DROP_TCP_BAD_HEADER;
	if (unlikely(!dp_parse_tcp_flags_sound(flags)))
		return LB_DROP_TCP_BAD_FLAGS;
	p->tcp_flags = flags;
	return DP_GO_ON;
}

static dp_verdict parse_udp(struct dp_pkt *p, bool is_v6)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)dp_pkt_l4(p);

	if (unlikely(rte_be_to_cpu_16(udp->dgram_len) != p->ip_len - p->l3_len))
		return LB_DROP_UDP_BAD_LENGTH;
	/* RFC 8200 section 8.1 */
	if (unlikely(is_v6 && udp->dgram_cksum == 0))
		return LB_DROP_UDP_BAD_CHECKSUM;
	p->tcp_flags = 0;
	return DP_GO_ON;
}

/* The device's word on the TCP or UDP checksum. Without one nothing is checked: see csum.h. */
static dp_verdict check_l4_checksum(struct dp_pkt *p, const struct dp_flow_key *key)
{
	uint64_t flag = p->mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	bool tcp = p->protocol == IPPROTO_TCP;
	lb_be16 *csum;

	if (likely(flag == RTE_MBUF_F_RX_L4_CKSUM_GOOD || flag == RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN))
		return DP_GO_ON;
	csum = tcp ? &((struct rte_tcp_hdr *)dp_pkt_l4(p))->cksum
	           : &((struct rte_udp_hdr *)dp_pkt_l4(p))->dgram_cksum;
	if (!tcp && *csum == 0)
		return DP_GO_ON;
	if (flag == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return tcp ? LB_DROP_TCP_BAD_CHECKSUM : LB_DROP_UDP_BAD_CHECKSUM;
	*csum = 0;
	*csum = dp_csum_l4(p->mbuf, p->l2_len + p->l3_len, p->ip_len - p->l3_len, &key->client,
	        &key->other, p->protocol);
	if (!tcp && *csum == 0)
		*csum = UINT16_MAX;
	return DP_GO_ON;
}

/* TCP and UDP begin alike, with the two ports. */
static dp_verdict parse_l4(struct dp_pkt *p, struct dp_flow_key *key)
{
	bool tcp = p->protocol == IPPROTO_TCP;
	uint32_t need = tcp ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr);
	const struct rte_udp_hdr *l4;
	dp_verdict v;

	if (unlikely(p->ip_len - p->l3_len < need))
		return LB_DROP_L4_TRUNCATED;
	if (unlikely(!dp_parse_has(p, p->l3_len + need)))
		return LB_DROP_SEGMENTED;
	l4 = (const struct rte_udp_hdr *)dp_pkt_l4(p);
	if (unlikely(l4->src_port == 0 || l4->dst_port == 0))
		return LB_DROP_PORT_ZERO;
	key->client_port = p->direction == DP_TO_TARGET ? l4->src_port : l4->dst_port;
	key->other_port = p->direction == DP_TO_TARGET ? l4->dst_port : l4->src_port;
	key->protocol = p->protocol;
	key->direction = p->direction;
	key->zero = 0;
	v = tcp ? parse_tcp(p) : parse_udp(p, key->is_v6);
	return v == DP_GO_ON ? check_l4_checksum(p, key) : v;
}

dp_verdict dp_parse(const struct dp_tables *tables, const struct dp_port *port, struct rte_mbuf *m,
        struct dp_pkt *pkt, struct dp_flow_key *key)
{
	rte_be16_t ether_type = 0;
	dp_verdict v;

	if (unlikely(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) && rte_vlan_insert(&m) != 0)
		return LB_DROP_NO_MBUF;
	pkt->mbuf = m;
	v = parse_ethernet(port, pkt, &ether_type);
	if (unlikely(v != DP_GO_ON))
		return v;
	if (likely(ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4)))
		v = parse_ip4(tables, pkt, key);
	else if (ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		v = dp_parse_ip6(tables, pkt, key);
	else
		return DP_TO_KERNEL;
	if (unlikely(v != DP_GO_ON))
		return v;
	if (unlikely(pkt->protocol != IPPROTO_TCP && pkt->protocol != IPPROTO_UDP))
		return DP_TO_KERNEL;
	v = parse_l4(pkt, key);
	return likely(v == DP_GO_ON) ? v : dp_parse_odd(pkt, v);
}
