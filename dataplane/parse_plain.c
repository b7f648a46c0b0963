/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parse of nearly every packet there is: untagged, addressed to the port, IPv4 without options
 * or IPv6 without extension headers, no fragment, all headers in the first buffer segment, nothing
 * wrong. First the words that matter are collected from frames that begin as such a packet does
 * (parse_plain_collect.c), then all packets of the burst are judged side by side: loops without
 * branches, which the compiler turns into vectors. Whatever is not plain is dp_parse()'s to judge.
 * Where both judge, they agree: a test holds the one against the other.
 */
#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "column.h"
#include "csum.h"
#include "output.h"
#include "parse_ip.h"
#include "parse_plain.h"
#include "stats.h"

#define ETHER   ((uint32_t)sizeof(struct rte_ether_hdr))
#define IP4_LEN ((uint32_t)sizeof(struct rte_ipv4_hdr))
#define IP6_LEN ((uint32_t)sizeof(struct rte_ipv6_hdr))
#define TCP_LEN ((uint32_t)sizeof(struct rte_tcp_hdr))
#define UDP_LEN ((uint32_t)sizeof(struct rte_udp_hdr))

static inline lanes swap16(lanes x)
{
	return (x & 0xff) << 8 | (x >> 8 & 0xff);
}

/* What a plain packet has none of. */
#define NOT_PLAIN                                                             \
	(uint32_t)(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_IP_CKSUM_BAD | \
	           RTE_MBUF_F_RX_L4_CKSUM_BAD)

/* Sets of the packets of a family. */
struct sets {
	uint64_t plain, quiet, udp;
	uint64_t exact; /* without bytes behind the IP packet */
};

/* Adds those of 16 packets from 'i' on whose lane is 0. */
static inline __attribute__((always_inline)) void add_zeros(uint64_t *set, uint32_t i, lanes x)
{
	*set |= (uint64_t)dp_column_zero_lanes(x) << i;
}

/* What 16 packets' headers say. */
struct headers {
	lanes odd; /* of IP, not 0: not plain */
	lanes len; /* of the IP packet */
	lanes protocol, ttl;
	lanes ports, after, tcp; /* of TCP or UDP: the words 0 and 1, and TCP's word 3 */
};

/* Judges 16 packets from 'i' on. */
static inline __attribute__((always_inline)) void judge(
        struct plain *s, struct sets *sets, uint32_t i, const struct headers *h, bool is_v6)
{
	const uint32_t l3_len = is_v6 ? IP6_LEN : IP4_LEN;
	lanes len = h->len - l3_len, ports = h->ports;
	lanes is_tcp = (lanes)(h->protocol == IPPROTO_TCP);
	lanes is_udp = (lanes)(h->protocol == IPPROTO_UDP);
	lanes header = (h->tcp & 0xf0) >> 2, flags = h->tcp >> 8 & 0xff;
	lanes syn = flags >> 1 & 1, fin_or_rst = (flags | flags >> 2) & 1;
	lanes tcp_bad = (lanes)(header < TCP_LEN) | (lanes)(header > len) |
	                (lanes)((flags & 0x3f) == 0) | (syn & fin_or_rst);
	lanes udp_bad = (lanes)(swap16(h->after) != len) | (lanes)(len < UDP_LEN);
	const lanes *mbuf = (const lanes *)&s->words.rows[ROW_MBUF][i];
	lanes in_frame = WORD(mbuf, 3) - ETHER;

	if (is_v6)
		udp_bad |= (lanes)(h->after >> 16 == 0);
	add_zeros(&sets->plain, i,
	        h->odd | (lanes)(len > in_frame - l3_len) | (WORD(mbuf, 0) & NOT_PLAIN) |
	                (lanes)((ports & 0xffff) == 0) | (lanes)(ports >> 16 == 0) |
	                (is_tcp & tcp_bad) | (is_udp & udp_bad) | ~(is_tcp | is_udp));
	add_zeros(&sets->quiet, i, (lanes)(h->ttl <= 1) | (is_tcp & (syn | fin_or_rst)));
	add_zeros(&sets->exact, i, h->len ^ in_frame);
	add_zeros(&sets->udp, i, is_tcp);
	*(lanes *)&s->ports[i] = ports;
	*(lanes *)&s->b->ip_len[i] = h->len;
	*(octets *)&s->b->tcp_flags[i] = __builtin_convertvector(flags & is_tcp, octets);
	*(octets *)&s->b->protocol[i] = __builtin_convertvector(h->protocol, octets);
	*(octets *)&s->b->ttl[i] = __builtin_convertvector(h->ttl, octets);
	*(shorts *)&s->b->l2_len[i] = (shorts){0} + (uint16_t)ETHER;
	*(shorts *)&s->b->l3_len[i] = (shorts){0} + (uint16_t)l3_len;
}

/* The 16-bit words of 'x', added. */
static inline lanes sum16(lanes x)
{
	return (x & 0xffff) + (x >> 16);
}

static inline void judge4(struct plain *s, struct sets *sets, uint32_t i)
{
	const lanes *first = (const lanes *)&s->words.rows[ROW_IP4][i];
	const lanes *second = (const lanes *)&s->words.rows[ROW_AFTER4][i];
	const lanes *mbuf = (const lanes *)&s->words.rows[ROW_MBUF][i];
	lanes begin = WORD(first, 0), id = WORD(first, 1), middle = WORD(first, 2);
	lanes source = WORD(first, 3), destination = WORD(second, 0);
	/* RFC 1071: all of a right header adds up to 0xffff */
	lanes sum = sum16(sum16(
	        sum16(begin) + sum16(id) + sum16(middle) + sum16(source) + sum16(destination)));
	lanes unchecked = (lanes)((WORD(mbuf, 0) & RTE_MBUF_F_RX_IP_CKSUM_GOOD) == 0);
	/* more fragments, and the offset */
	lanes fragment = id >> 16 & RTE_BE16(0x3fff);
	const struct headers h = {.odd = fragment | (unchecked & (sum ^ 0xffff)),
	        .len = swap16(begin >> 16),
	        .protocol = middle >> 8 & 0xff,
	        .ttl = middle & 0xff,
	        .ports = WORD(second, 1),
	        .after = WORD(second, 2),
	        .tcp = *(const lanes *)&s->words.word[i]};

	*(lanes *)&s->source[i] = source;
	*(lanes *)&s->destination[i] = destination;
	judge(s, sets, i, &h, false);
}

/* ::ffff:a.b.c.d is how this program writes IPv4; on the wire it is no address. Not 0 for those of
 * eight packets that go to one. */
static inline __attribute__((always_inline)) wide is_mapped(const struct plain *s, uint32_t i)
{
	const uint64_t(*to)[2] = &s->words.halves[ROW_DESTINATION6][i];
	wide first = HALVES(to, 0), second = HALVES(to, 1);

	return (wide)(first == 0) & (wide)(second << 32 == UINT64_C(0xffff) << 48);
}

static inline void judge6(struct plain *s, struct sets *sets, uint32_t i)
{
	const lanes *l4 = (const lanes *)&s->words.rows[ROW_L46][i];
	lanes word = *(const lanes *)&s->words.word[i];
	const struct headers h = {.odd = LOWER(is_mapped(s, i), is_mapped(s, i + LANES / 2)),
	        .len = swap16(word) + IP6_LEN,
	        .protocol = word >> 16 & 0xff,
	        .ttl = word >> 24,
	        .ports = WORD(l4, 0),
	        .after = WORD(l4, 1),
	        .tcp = WORD(l4, 3)};

	judge(s, sets, i, &h, true);
}

/* Judges all packets whose words were collected. */
static void judge_all(struct plain *s, bool is_v6)
{
	struct sets sets = {0};
	uint64_t set;

	for (uint32_t i = 0; i < s->b->n; i += LANES) {
		if (is_v6)
			judge6(s, &sets, i);
		else
			judge4(s, &sets, i);
	}
	set = s->set & sets.plain;
	s->b->live = s->b->simple = set;
	s->b->quiet = set & sets.quiet;
	s->b->padded = set & ~sets.exact;
	s->b->udp = set & sets.udp;
}

static void place(
        struct dp_burst *b, uint32_t i, const struct dp_pkt *p, const struct dp_flow_key *key)
{
	b->live |= UINT64_C(1) << i;
	if (p->ttl > 1 &&
	        !(p->tcp_flags & (RTE_TCP_FIN_FLAG | RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG)))
		b->quiet |= UINT64_C(1) << i;
	b->udp |= (uint64_t)(p->protocol == IPPROTO_UDP) << i;
	b->mbufs[i] = p->mbuf;
	b->l3[i] = p->l3;
	b->ip_len[i] = p->ip_len;
	b->l2_len[i] = p->l2_len;
	b->l3_len[i] = p->l3_len;
	b->protocol[i] = p->protocol;
	b->tcp_flags[i] = p->tcp_flags;
	b->ttl[i] = p->ttl;
	dp_flow_keys_set(&b->keys, i, key);
}

/* What is not plain: of bursts[is_v6] all that is not live. Tagged IPv6 goes from its place among
 * IPv4 to the end of its family: all packets of a flow are tagged, or none is. */
static void parse_odd(struct dp_worker_ctx *ctx, struct dp_burst bursts[2], bool is_v6)
{
	struct dp_burst *b = &bursts[is_v6];
	uint64_t set = ~b->live & dp_all(b->n);

	while (set != 0) {
		uint32_t i = dp_first(&set);
		struct dp_flow_key key;
		struct dp_pkt p;
		dp_verdict v = dp_parse(&ctx->tables, &ctx->ports[b->port], b->mbufs[i], &p, &key);

		if (v != DP_GO_ON)
			dp_output_settle(ctx, b->mbufs[i], b->port, v);
		else if (key.is_v6 == is_v6)
			place(b, i, &p, &key);
		else
			place(&bursts[key.is_v6], bursts[key.is_v6].n++, &p, &key);
	}
}

void dp_parse_burst(
        struct dp_worker_ctx *ctx, struct rte_mbuf **pkts, uint32_t n, struct dp_burst bursts[2])
{
	const struct dp_port *port = &ctx->ports[bursts[0].port];
	struct plain s[2];
	uint64_t bytes;

	for (uint32_t v6 = 0; v6 < 2; v6++) {
		s[v6].b = &bursts[v6];
		bursts[v6].live = bursts[v6].quiet = bursts[v6].simple = 0;
		bursts[v6].padded = bursts[v6].udp = 0;
	}
#pragma GCC unroll 8
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	bytes = plain_collect(s, &port->mac, pkts, n);
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		if (s[v6].set == 0)
			continue;
		judge_all(&s[v6], v6);
		plain_keys(&s[v6], &ctx->tables, v6);
	}
	/* IPv6 first: what is left of IPv4 may come behind it */
	if (unlikely(bursts[1].live != dp_all(bursts[1].n)))
		parse_odd(ctx, bursts, true);
	if (unlikely(bursts[0].live != dp_all(bursts[0].n)))
		parse_odd(ctx, bursts, false);
	dp_count(ctx, LB_COUNTER_RECEIVED, n);
	dp_count(ctx, LB_COUNTER_RECEIVED_BYTES, bytes);
}
