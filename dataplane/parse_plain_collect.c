/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Plain packets: the words that matter are collected from the frames. Bursts are mostly of one
 * family, so packets are taken in runs of one: each loop has one way on and one way out.
 */
#include <rte_branch_prediction.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "parse_plain.h"

#define ETHER   ((uint32_t)sizeof(struct rte_ether_hdr))
#define IP4_LEN ((uint32_t)sizeof(struct rte_ipv4_hdr))
#define IP6_LEN ((uint32_t)sizeof(struct rte_ipv6_hdr))
#define TCP_LEN ((uint32_t)sizeof(struct rte_tcp_hdr))

/* The head of a plain frame to the port with address 'mac'. */
static struct head make_head(const struct rte_ether_addr *mac, bool is_v6)
{
	const uint8_t type[2][3] = {{0x08, 0x00, 0x45}, {0x86, 0xdd, 0x60}};
	struct head head = {.mask = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 0xff, 0xff,
	                            is_v6 ? 0xf0 : 0xff}};

	memcpy(head.bytes, mac, sizeof(*mac));
	memcpy(&head.bytes[offsetof(struct rte_ether_hdr, ether_type)], type[is_v6],
	        sizeof(type[is_v6]));
	return head;
}

/* 'first' is the packet's place in row 0. */
static inline void copy_row(uint32_t (*first)[4], enum row row, const void *from)
{
	memcpy(first + row * DP_BURST, from, sizeof(*first));
}

/* The two below copy from the IP header at 'ip' on what must be read. */
static inline void collect4(uint32_t (*first)[4], uint32_t *word, const uint8_t *ip)
{
	copy_row(first, ROW_IP4, ip);
	copy_row(first, ROW_AFTER4, ip + 16);
	memcpy(word, ip + IP4_LEN + 12, sizeof(*word));
}

static inline void collect6(uint32_t (*first)[4], uint32_t *word, const uint8_t *ip)
{
	memcpy(word, ip + 4, sizeof(*word));
	copy_row(first, ROW_SOURCE6, ip + 8);
	copy_row(first, ROW_DESTINATION6, ip + 24);
	copy_row(first, ROW_L46, ip + IP6_LEN);
}

/* Takes packets up to one that can't be plain and of this family; returns how many. '*bytes' are
 * those of their frames, to be added to. */
static inline __attribute__((always_inline)) uint32_t take_run(
        struct plain *s, struct rte_mbuf **pkts, uint32_t nb, bool is_v6, uint32_t *bytes)
{
	const uint32_t len = ETHER + (is_v6 ? IP6_LEN : IP4_LEN) + TCP_LEN;
	const uint32_t n = s->b->n;
	const struct head head = s->head;
	struct rte_mbuf **mbufs = &s->b->mbufs[n];
	uint8_t **l3 = &s->b->l3[n];
	uint32_t *word = &s->words.word[n];
	uint32_t(*first)[4] = &s->words.rows[0][n];
	uint32_t sum = 0, i = 0;

	static_assert(offsetof(struct rte_mbuf, pkt_len) - offsetof(struct rte_mbuf, ol_flags) ==
	                      3 * sizeof(*word),
	        "a row holds what the device says of a packet");
	for (; i < nb; i++, first++) {
		struct rte_mbuf *m = pkts[i];
		uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

		if (unlikely(rte_pktmbuf_data_len(m) < len || !head_is(&head, frame)))
			break;
		DP_ONCE(first);
		if (is_v6)
			collect6(first, &word[i], frame + ETHER);
		else
			collect4(first, &word[i], frame + ETHER);
		copy_row(first, ROW_MBUF, (const uint8_t *)m + offsetof(struct rte_mbuf, ol_flags));
		mbufs[i] = m;
		l3[i] = frame + ETHER;
		sum += rte_pktmbuf_pkt_len(m);
	}
	s->set |= dp_all(n + i) & ~dp_all(n);
	s->b->n = n + i;
	*bytes += sum;
	return i;
}

/* A packet that is not plain; returns its bytes. Its family matters as far as plain packets of its
 * flow may be in the burst: they stay in order. */
static uint32_t take_odd(struct plain s[2], struct rte_mbuf *m)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	bool is_v6 = rte_pktmbuf_data_len(m) >= sizeof(*ether) &&
	             ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6);
	struct dp_burst *b = s[is_v6].b;

	b->mbufs[b->n++] = m;
	return rte_pktmbuf_pkt_len(m);
}

uint64_t plain_collect(
        struct plain s[2], const struct rte_ether_addr *mac, struct rte_mbuf **pkts, uint32_t nb)
{
	uint32_t bytes = 0;

	for (uint32_t v6 = 0; v6 < 2; v6++) {
		s[v6].head = make_head(mac, v6);
		s[v6].set = 0;
		s[v6].b->n = 0;
	}
	for (uint32_t i = 0, taken; i < nb; i += taken) {
		taken = take_run(&s[0], pkts + i, nb - i, false, &bytes);
		taken += take_run(&s[1], pkts + i + taken, nb - i - taken, true, &bytes);
		if (taken == 0)
			bytes += take_odd(s, pkts[i + taken++]);
	}
	return bytes;
}
