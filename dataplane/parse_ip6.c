/* SPDX-License-Identifier: BSD-3-Clause
 *
 * IPv6 and its extension headers (RFC 8200 section 4), at most DP_PARSE_MAX_EXTENSIONS of them.
 */
#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_ip.h>

#include "parse_ip.h"

/* All extension headers that are followed begin so. Their length in bytes is (len + 1) * 8, but for
 * the fragment header, which has 8 and uses 'len' for nothing. */
struct extension {
	uint8_t next;
	uint8_t len;
	uint8_t routing_type;
	uint8_t segments_left;
	uint8_t rest[4];
};
static_assert(sizeof(struct extension) == 8, "an extension header is 8 bytes at least");

static bool is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_ROUTING || protocol == IPPROTO_FRAGMENT;
}

/* Offset and M flag both 0: an "atomic" fragment is a whole packet (RFC 6946). */
static bool is_whole(const struct extension *fragment)
{
	uint16_t offset_and_flags;

	memcpy(&offset_and_flags, &fragment->routing_type, sizeof(offset_and_flags));
	return (offset_and_flags & RTE_BE16(0xfff9)) == 0;
}

/* Judges one extension header and says in '*len' how long it is. */
static dp_verdict read_extension(
        const struct extension *ext, uint8_t type, bool first, uint32_t *len)
{
	*len = type == IPPROTO_FRAGMENT ? sizeof(*ext) : (ext->len + 1u) * 8;
	if (type == IPPROTO_FRAGMENT)
		return is_whole(ext) ? DP_GO_ON : (dp_verdict)LB_DROP_FRAGMENT;
	if (type == IPPROTO_ROUTING && ext->segments_left != 0)
		return LB_DROP_IP6_BAD_EXTENSION;
	if (type == IPPROTO_HOPOPTS && !first)
		return LB_DROP_IP6_BAD_EXTENSION;
	return DP_GO_ON;
}

/* Moves l3_len and protocol past the extension headers. */
static dp_verdict skip_extensions(struct dp_pkt *p)
{
	for (uint32_t n = 0; is_extension(p->protocol); n++) {
		const struct extension *ext = (const struct extension *)(p->l3 + p->l3_len);
		uint32_t len;
		dp_verdict v;

		if (n == DP_PARSE_MAX_EXTENSIONS)
			return LB_DROP_IP6_BAD_EXTENSION;
		if (p->ip_len - p->l3_len < sizeof(*ext))
			return LB_DROP_IP6_TRUNCATED;
		if (!dp_parse_has(p, p->l3_len + sizeof(*ext)))
			return LB_DROP_SEGMENTED;
		v = read_extension(ext, p->protocol, n == 0, &len);
		if (v != DP_GO_ON)
			return v;
		if (p->ip_len - p->l3_len < len)
			return LB_DROP_IP6_TRUNCATED;
		if (!dp_parse_has(p, p->l3_len + len))
			return LB_DROP_SEGMENTED;
		p->l3_len += (uint16_t)len;
		p->protocol = ext->next;
	}
	return DP_GO_ON;
}

dp_verdict dp_parse_ip6(const struct dp_tables *tables, struct dp_pkt *p, struct dp_flow_key *key)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)p->l3;
	uint32_t in_frame = rte_pktmbuf_pkt_len(p->mbuf) - p->l2_len;
	struct lb_ip dst;
	bool to_target;
	dp_verdict v;

	if (unlikely(!dp_parse_has(p, sizeof(*ip))))
		return dp_parse_short(p->mbuf, p->l2_len + sizeof(*ip), LB_DROP_IP6_TRUNCATED);
	if (unlikely(p->l3[0] >> 4 != 6))
		return LB_DROP_IP6_BAD_HEADER;
	p->ip_len = sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
	if (unlikely(p->ip_len > in_frame))
		return LB_DROP_IP6_BAD_LENGTH;

	memcpy(&dst, ip->dst_addr, sizeof(dst));
	/* ::ffff:a.b.c.d is how this program writes IPv4; on the wire it is no address (RFC 4291)
	 */
	if (unlikely(lb_ip_is_v4(&dst)))
		return DP_TO_KERNEL;
	to_target = dp_parse_to_target(tables, p, &dst);
	memcpy(&key->client, to_target ? ip->src_addr : ip->dst_addr, sizeof(key->client));
	memcpy(&key->other, to_target ? ip->dst_addr : ip->src_addr, sizeof(key->other));
	key->is_v6 = 1;
	p->l3_len = sizeof(*ip);
	p->protocol = ip->proto;
	p->ttl = ip->hop_limits;
	v = skip_extensions(p);
	return likely(v == DP_GO_ON) ? v : dp_parse_odd(p, v);
}
