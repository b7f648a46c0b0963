/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parse of nearly every packet there is: untagged, addressed to the port, IPv4 without options
 * or IPv6 without extension headers, no fragment, all headers in the first buffer segment, nothing
 * wrong. First the words that matter are collected from the frames, then all packets of the burst
 * are judged side by side: loops without branches, which the compiler turns into vectors. Whatever
 * is not plain is dp_parse()'s to judge. Where both judge, they agree: a test holds the one against
 * the other.
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

/* Nothing but what the device found good, or did not look at. */
static inline bool flags_plain(uint64_t ol_flags)
{
	return (ol_flags & (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_IP_CKSUM_BAD |
	                           RTE_MBUF_F_RX_L4_CKSUM_BAD)) == 0;
}

/* The three below copy what must be read from memory, after the checks that decide whether it may
 * be. */
static inline void collect4(struct words *w, uint32_t i, const uint8_t *ip)
{
	memcpy(w->first[i], ip, sizeof(w->first[i]));
	memcpy(w->second[i], ip + 16, sizeof(w->second[i]));
	memcpy(&w->tcp[i], ip + IP4_LEN + 12, sizeof(w->tcp[i]));
}

static inline void collect6(struct words *w, uint32_t i, const uint8_t *ip)
{
	memcpy(&w->first[i][0], ip + 4, sizeof(w->first[i][0]));
	memcpy(w->source[i], ip + 8, sizeof(w->source[i]));
	memcpy(w->destination[i], ip + 24, sizeof(w->destination[i]));
	memcpy(w->second[i], ip + IP6_LEN, sizeof(w->second[i]));
}

/* Packet 'm' at place 'i'. */
static inline void keep(
        struct plain *s, uint32_t i, struct rte_mbuf *m, uint8_t *frame, uint32_t len, bool plain)
{
	s->b->mbufs[i] = m;
	s->b->l3[i] = frame + ETHER;
	s->words.in_frame[i] = len - ETHER;
	if (unlikely(!plain))
		s->set &= ~(UINT64_C(1) << i);
}

/* Gives each packet its place: what is untagged IPv6 in the burst of that family, all else in that
 * of IPv4. 'mac' is the port's, as the low six bytes of a word. Returns the bytes of all. */
static uint64_t collect(struct plain s[2], uint64_t mac, struct rte_mbuf **pkts, uint32_t nb)
{
	uint32_t n[2] = {0, 0};
	uint64_t bytes = 0;

	for (uint32_t k = 0; k < nb; k++) {
		struct rte_mbuf *m = pkts[k];
		uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
		uint32_t len = rte_pktmbuf_pkt_len(m), in_segment = rte_pktmbuf_data_len(m);
		uint64_t start = ~mac;
		uint32_t type = 0, i;
		bool plain;

		bytes += len;
		if (likely(in_segment >= ETHER + IP4_LEN + TCP_LEN)) {
			memcpy(&start, frame, sizeof(start));
			memcpy(&type, frame + offsetof(struct rte_ether_hdr, ether_type),
			        sizeof(type));
		}
		plain = (start ^ mac) << 16 == 0 && flags_plain(m->ol_flags);
		if (likely((uint16_t)type != RTE_BE16(RTE_ETHER_TYPE_IPV6))) {
			i = n[0]++;
			plain = plain && (type & RTE_BE32(0xffffff00)) == RTE_BE32(0x08004500);
			if (likely(plain))
				collect4(&s[0].words, i, frame + ETHER);
			if (!(m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_GOOD))
				s[0].unchecked |= UINT64_C(1) << i;
			keep(&s[0], i, m, frame, len, plain);
		} else {
			i = n[1]++;
			plain = plain && (type & RTE_BE32(0x0000f000)) == RTE_BE32(0x00006000) &&
			        in_segment >= ETHER + IP6_LEN + TCP_LEN;
			if (likely(plain))
				collect6(&s[1].words, i, frame + ETHER);
			keep(&s[1], i, m, frame, len, plain);
		}
	}
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		s[v6].b->n = n[v6];
		s[v6].set &= dp_all(n[v6]);
	}
	return bytes;
}

/* Word 'k' of each of sixteen packets, whose four words stand together in memory. */
#define EVERY_FOURTH(a, b, k)                                                                      \
	__builtin_shufflevector(a, b, k, (k) + 4, (k) + 8, (k) + 12, (k) + 16, (k) + 20, (k) + 24, \
	        (k) + 28, -1, -1, -1, -1, -1, -1, -1, -1)
#define WORD(v, k)                                                                                \
	__builtin_shufflevector(EVERY_FOURTH((v)[0], (v)[1], k), EVERY_FOURTH((v)[2], (v)[3], k), \
	        0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)

/* Judges TCP or UDP headers of 16 packets from 'i' on, which have 'len' bytes from them on. Of the
 * headers: the words 0 and 1, and TCP's word 3. */
static inline __attribute__((always_inline)) void judge_l4(struct plain *s, uint32_t i, lanes len,
        lanes protocol, lanes ports, lanes after, lanes tcp, bool is_v6)
{
	lanes is_tcp = (lanes)(protocol == IPPROTO_TCP), is_udp = (lanes)(protocol == IPPROTO_UDP);
	lanes header = (tcp & 0xf0) >> 2, flags = tcp >> 8 & 0xff;
	lanes syn = flags >> 1 & 1, fin_or_rst = (flags | flags >> 2) & 1;
	lanes tcp_bad = (lanes)(header < TCP_LEN) | (lanes)(header > len) |
	                (lanes)((flags & 0x3f) == 0) | (syn & fin_or_rst);
	lanes udp_bad = (lanes)(swap16(after) != len) | (lanes)(len < UDP_LEN);

	if (is_v6)
		udp_bad |= (lanes)(after >> 16 == 0);
	*(lanes *)&s->odd[i] |= (lanes)((ports & 0xffff) == 0) | (lanes)(ports >> 16 == 0) |
	                        (is_tcp & tcp_bad) | (is_udp & udp_bad) | ~(is_tcp | is_udp);
	*(lanes *)&s->news[i] |= is_tcp & (syn | fin_or_rst);
	*(lanes *)&s->tcp[i] = is_tcp;
	*(lanes *)&s->ports[i] = ports;
	*(octets *)&s->b->tcp_flags[i] = __builtin_convertvector(flags & is_tcp, octets);
	*(octets *)&s->b->protocol[i] = __builtin_convertvector(protocol, octets);
}

static inline void set_lengths(
        struct plain *s, uint32_t i, lanes ip_len, lanes ttl, uint32_t l3_len)
{
	*(lanes *)&s->news[i] = (lanes)(ttl <= 1);
	*(lanes *)&s->padded[i] = ip_len ^ *(const lanes *)&s->words.in_frame[i];
	*(lanes *)&s->b->ip_len[i] = ip_len;
	*(octets *)&s->b->ttl[i] = __builtin_convertvector(ttl, octets);
	*(shorts *)&s->b->l2_len[i] = (shorts){0} + (uint16_t)ETHER;
	*(shorts *)&s->b->l3_len[i] = (shorts){0} + (uint16_t)l3_len;
}

/* The 16-bit words of 'x', added. */
static inline lanes sum16(lanes x)
{
	return (x & 0xffff) + (x >> 16);
}

static void judge4(struct plain *s)
{
	const struct words *w = &s->words;

	for (uint32_t i = 0; i < s->b->n; i += LANES) {
		const lanes *first = (const lanes *)&w->first[i];
		const lanes *second = (const lanes *)&w->second[i];
		lanes in_frame = *(const lanes *)&w->in_frame[i];
		lanes begin = WORD(first, 0), id = WORD(first, 1), middle = WORD(first, 2);
		lanes source = WORD(first, 3), destination = WORD(second, 0);
		lanes len = swap16(begin >> 16);
		/* more fragments, and the offset */
		lanes fragment = id >> 16 & RTE_BE16(0x3fff);

		*(lanes *)&s->source[i] = source;
		*(lanes *)&s->destination[i] = destination;
		/* a length below 20 wraps, and is too long */
		*(lanes *)&s->odd[i] =
		        (lanes)(len - IP4_LEN > in_frame - IP4_LEN) | (lanes)(fragment != 0);
		/* RFC 1071: all of a right header adds up to 0xffff */
		*(lanes *)&s->damaged[i] = sum16(sum16(sum16(begin) + sum16(id) + sum16(middle) +
		                                       sum16(source) + sum16(destination))) ^
		                           0xffff;
		set_lengths(s, i, len, middle & 0xff, IP4_LEN);
		judge_l4(s, i, len - IP4_LEN, middle >> 8 & 0xff, WORD(second, 1), WORD(second, 2),
		        *(const lanes *)&w->tcp[i], false);
	}
}

/* ::ffff:a.b.c.d is how this program writes IPv4; on the wire it is no address. All bits for
 * packets to one. */
static inline lanes8 is_mapped(const struct words *w, uint32_t i)
{
	wide first = HALVES(w->destination[i], 0), second = HALVES(w->destination[i], 1);

	return __builtin_convertvector(
	        (wide)(first == 0) & (wide)(second << 32 == UINT64_C(0xffff) << 48), lanes8);
}

static void judge6(struct plain *s)
{
	const struct words *w = &s->words;

	for (uint32_t i = 0; i < s->b->n; i += LANES) {
		const lanes *second = (const lanes *)&w->second[i];
		lanes ip = WORD((const lanes *)&w->first[i], 0);
		lanes len = swap16(ip);

		*(lanes *)&s->odd[i] = (lanes)(len > *(const lanes *)&w->in_frame[i] - IP6_LEN);
		set_lengths(s, i, len + IP6_LEN, ip >> 24, IP6_LEN);
		judge_l4(s, i, len, ip >> 16 & 0xff, WORD(second, 0), WORD(second, 1),
		        WORD(second, 3), true);
		for (uint32_t half = i; half < i + LANES; half += LANES / 2)
			*(lanes8 *)&s->odd[half] |= is_mapped(w, half);
	}
}

/* What the judges left is plain. */
static void take(struct plain *s)
{
	uint64_t set = s->set & dp_column_zero(s->odd);

	if (s->unchecked != 0)
		set &= ~(s->unchecked & ~dp_column_zero(s->damaged));
	s->b->live = s->b->simple = set;
	s->b->quiet = set & dp_column_zero(s->news);
	s->b->padded = set & ~dp_column_zero(s->padded);
	s->b->udp = set & dp_column_zero(s->tcp);
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
	uint64_t bytes, mac = 0;

	memcpy(&mac, &port->mac, sizeof(port->mac));
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		s[v6].b = &bursts[v6];
		s[v6].set = UINT64_MAX;
		s[v6].unchecked = 0;
		bursts[v6].live = bursts[v6].quiet = bursts[v6].simple = 0;
		bursts[v6].padded = bursts[v6].udp = 0;
	}
#pragma GCC unroll 8
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	bytes = collect(s, mac, pkts, n);
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		if (s[v6].set == 0)
			continue;
		if (v6)
			judge6(&s[v6]);
		else
			judge4(&s[v6]);
		take(&s[v6]);
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
