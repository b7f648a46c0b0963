/* SPDX-License-Identifier: BSD-3-Clause
 *
 * parse_plain*.c beside parse.c: bursts of good, odd and broken frames of both families, through
 * both. Whatever the one says of a packet, the other must say; with few virtual addresses and with
 * many, which parse_plain_keys.c tells by different means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <rte_tcp.h>

#include "column.h"
#include "parse.h"
#include "parse_plain.h"
#include "pipeline_rig.h"

#define BURSTS 20000

static struct rig *rig;
static unsigned int seed = 1;

static uint32_t below(uint32_t n)
{
	return (uint32_t)rand_r(&seed) % n;
}

static struct frame_spec random_spec(void)
{
	static const char *const vips[] = {"10.90.0.10", "10.90.0.11", "fd00:90::10"};
	static const uint8_t flags[] = {RTE_TCP_SYN_FLAG, RTE_TCP_ACK_FLAG, RTE_TCP_RST_FLAG,
	        RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG, RTE_TCP_PSH_FLAG | RTE_TCP_ACK_FLAG};
	struct frame_spec s =
	        rig_to_vip(vips[below(3)], 80, below(3) ? IPPROTO_TCP : IPPROTO_UDP, below(1000));
	struct lb_ip ip = s.src;

	if (below(2) == 0) { /* the other direction */
		s.src = s.dst;
		s.dst = ip;
	}
	s.tcp_flags = flags[below(RTE_DIM(flags))];
	s.payload = (uint16_t)below(40);
	s.ttl = (uint8_t)(below(8) == 0 ? below(2) : 64);
	s.padding = (uint16_t)(below(4) == 0 ? below(20) : 0);
	s.nb_tags = below(12) == 0;
	s.tpid[0] = 0x8100;
	return s;
}

/* Ten in a hundred frames are damaged, somewhere behind the addresses of Ethernet. */
static struct rte_mbuf *random_packet(void)
{
	static const uint64_t flags[] = {0, 0, RTE_MBUF_F_RX_IP_CKSUM_GOOD,
	        RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD,
	        RTE_MBUF_F_RX_IP_CKSUM_BAD, RTE_MBUF_F_RX_IP_CKSUM_NONE, RTE_MBUF_F_RX_L4_CKSUM_BAD,
	        RTE_MBUF_F_RX_L4_CKSUM_NONE, RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED};
	struct frame_spec s = random_spec();
	const struct lb_ip mapped = frame_ip("10.90.0.10");
	uint32_t len, split;
	struct rte_mbuf *m;
	struct frame f;

	frame_build(&f, &s);
	if (below(10) == 0)
		for (uint32_t n = below(3) + 1; n > 0; n--)
			f.bytes[below(20) == 0 ? below(12) : 12 + below(70)] ^=
			        (uint8_t)(1u << below(8));
	if (below(3) == 0 && f.bytes[f.l3] >> 4 == 4)
		frame_fix_ip4(&f);
	if (below(20) == 0 && f.bytes[f.l3] >> 4 == 6) /* an IPv4 address in an IPv6 header */
		memcpy(f.bytes + f.l3 + 24, &mapped, sizeof(mapped));
	len = below(20) == 0 ? 1 + below(f.len) : f.len;
	split = below(20) == 0 ? 1 + below(len) : len;
	m = rig_mbuf(rig, f.bytes, split);
	if (split < len)
		rte_pktmbuf_chain(m, rig_mbuf(rig, f.bytes + split, len - split));
	m->ol_flags |= flags[below(RTE_DIM(flags))];
	m->vlan_tci = 5;
	return m;
}

/* What dp_parse() says of a copy. */
struct verdict {
	dp_verdict verdict;
	bool plain; /* of one that goes on: vectors must judge it */
	struct dp_pkt pkt;
	struct dp_flow_key key;
};

/* What the device says that is not plain: a tag that it took away, a checksum that is bad or, which
 * is another number with the same bit, left out. */
static bool has_odd_flags(const struct rte_mbuf *m)
{
	return (m->ol_flags & (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_IP_CKSUM_BAD |
	                              RTE_MBUF_F_RX_L4_CKSUM_BAD)) != 0;
}

static void judge(struct rte_mbuf *m, struct verdict *v)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, rig->pool, 0, UINT32_MAX);

	assert_non_null(copy);
	copy->ol_flags = m->ol_flags;
	v->verdict = DP_GO_ON;
	if (rte_pktmbuf_data_len(m) != rte_pktmbuf_pkt_len(m)) {
		/* a copy has one segment: chain it as the original is */
		struct rte_mbuf *rest =
		        rte_pktmbuf_copy(m, rig->pool, rte_pktmbuf_data_len(m), UINT32_MAX);

		rte_pktmbuf_trim(copy, (uint16_t)rte_pktmbuf_pkt_len(rest));
		rte_pktmbuf_chain(copy, rest);
	}
	v->verdict = dp_parse(&rig->ctx.tables, &rig->ports[0], copy, &v->pkt, &v->key);
	v->plain = v->verdict == DP_GO_ON && v->pkt.l2_len == 14 &&
	           v->pkt.l3_len == (v->key.is_v6 ? 40 : 20) &&
	           rte_pktmbuf_data_len(m) >= 14 + v->pkt.l3_len + 20 && !has_odd_flags(m);
	rte_pktmbuf_free(copy);
}

static void assert_column(const struct dp_burst *b, uint32_t i, const struct verdict *v)
{
	static struct dp_flow_keys want;
	bool quiet = v->pkt.ttl > 1 &&
	             !(v->pkt.tcp_flags & (RTE_TCP_FIN_FLAG | RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG));

	assert_int_equal(b->is_v6, v->key.is_v6);
	dp_flow_keys_set(&want, i, &v->key);
	assert_int_equal(b->keys.direction[i], want.direction[i]);
	for (uint32_t w = 0; w < (b->is_v6 ? 3 : 1); w++) {
		assert_int_equal(b->keys.client[w][i], want.client[w][i]);
		assert_int_equal(b->keys.other[w][i], want.other[w][i]);
	}
	assert_int_equal(b->l3[i] - rte_pktmbuf_mtod(b->mbufs[i], uint8_t *), v->pkt.l2_len);
	assert_int_equal(b->ip_len[i], v->pkt.ip_len);
	assert_int_equal(b->l2_len[i], v->pkt.l2_len);
	assert_int_equal(b->l3_len[i], v->pkt.l3_len);
	assert_int_equal(b->protocol[i], v->pkt.protocol);
	assert_int_equal(b->tcp_flags[i], v->pkt.tcp_flags);
	assert_int_equal(b->ttl[i], v->pkt.ttl);
	assert_int_equal(b->quiet >> i & 1, quiet);
	assert_int_equal(b->udp >> i & 1, v->pkt.protocol == IPPROTO_UDP);
	assert_int_equal(b->simple >> i & 1, v->plain);
	if (v->plain) {
		assert_int_equal(
		        b->padded >> i & 1, rte_pktmbuf_pkt_len(b->mbufs[i]) - 14 != v->pkt.ip_len);
	}
}

/* The place of a packet in the bursts; UINT32_MAX: it is in none. */
static uint32_t place_of(const struct dp_burst bursts[2], const struct rte_mbuf *m, bool *v6)
{
	for (uint32_t f = 0; f < 2; f++)
		for (uint32_t i = 0; i < bursts[f].n; i++)
			if ((bursts[f].live >> i & 1) && bursts[f].mbufs[i] == m) {
				*v6 = f;
				return i;
			}
	return UINT32_MAX;
}

static void assert_settled(const struct verdict *verdicts, uint32_t n)
{
	uint64_t drops[LB_DROP_COUNT] = {0}, kernel = 0;

	for (uint32_t k = 0; k < n; k++) {
		if (verdicts[k].verdict == DP_TO_KERNEL)
			kernel++;
		else if (verdicts[k].verdict != DP_GO_ON)
			drops[verdicts[k].verdict]++;
	}
	assert_int_equal(rig->stats.counters[LB_COUNTER_KERNEL], kernel);
	for (uint32_t r = 0; r < LB_DROP_COUNT; r++)
		assert_int_equal(rig->stats.drops[r], drops[r]);
}

static uint64_t simple_seen;

static void compare_burst(uint32_t n)
{
	struct verdict verdicts[DP_BURST];
	struct rte_mbuf *pkts[DP_BURST];
	struct dp_burst bursts[2];
	uint32_t live = 0, next[2] = {0};
	uint64_t bytes = 0;

	for (uint32_t k = 0; k < n; k++) {
		pkts[k] = random_packet();
		bytes += rte_pktmbuf_pkt_len(pkts[k]);
		judge(pkts[k], &verdicts[k]);
	}
	memset(bursts, 0x5a, sizeof(bursts));
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		bursts[v6].port = 0;
		bursts[v6].is_v6 = v6;
	}
	dp_parse_burst(&rig->ctx, pkts, n, bursts);
	assert_int_equal(rig->stats.counters[LB_COUNTER_RECEIVED], n);
	assert_int_equal(rig->stats.counters[LB_COUNTER_RECEIVED_BYTES], bytes);
	for (uint32_t k = 0; k < n; k++) {
		bool v6 = false;
		uint32_t i = place_of(bursts, pkts[k], &v6);

		assert_int_equal(i != UINT32_MAX, verdicts[k].verdict == DP_GO_ON);
		if (i == UINT32_MAX)
			continue;
		assert_int_equal(v6, verdicts[k].key.is_v6);
		assert_column(&bursts[v6], i, &verdicts[k]);
		if (verdicts[k].pkt.l2_len == 14) { /* packets of a flow stay in order */
			assert_true(i >= next[v6]);
			next[v6] = i + 1;
		}
		simple_seen += bursts[v6].simple >> i & 1;
		live++;
	}
	assert_int_equal(
	        __builtin_popcountll(bursts[0].live) + __builtin_popcountll(bursts[1].live), live);
	assert_settled(verdicts, n);
	for (uint32_t v6 = 0; v6 < 2; v6++)
		for (uint64_t left = bursts[v6].live; left != 0;)
			rte_pktmbuf_free(bursts[v6].mbufs[dp_first(&left)]);
	rig_clear(rig);
	memset(&rig->stats, 0, sizeof(rig->stats));
}

static void both_say_the_same_of_every_packet(void **state)
{
	/* half of them as if there were many virtual addresses */
	assert_true(rig->ctx.tables.has_few);
	for (uint32_t k = 0; k < BURSTS; k++) {
		rig->ctx.tables.has_few = k % 2;
		compare_burst(1 + below(DP_BURST));
	}
	rig->ctx.tables.has_few = true;
	assert_true(simple_seen > BURSTS); /* the vectors did judge something */
}

static void zeros_of_a_column_are_the_twin_s(void **state)
{
	for (uint32_t k = 0; k < 10000; k++) {
		uint32_t column[DP_BURST] __attribute__((aligned(64)));

		for (uint32_t i = 0; i < DP_BURST; i++)
			column[i] = below(2) ? 0 : 1u << below(32);
		for (uint32_t i = 0; i < DP_BURST; i += DP_COLUMN_LANES) {
			lanes some = *(const lanes *)&column[i];

			assert_int_equal(
			        dp_column_zero_lanes(some), dp_column_zero_lanes_plain(some));
		}
		assert_int_equal(dp_column_zero_octets((const uint8_t *)column + 1),
		        dp_column_zero_octets_plain((const uint8_t *)column + 1));
	}
}

static void heads_are_the_twin_s(void **state)
{
	uint32_t same = 0;

	for (uint32_t k = 0; k < 10000; k++) {
		uint8_t frame[17];
		struct head head;
		bool is;

		for (uint32_t i = 0; i < sizeof(head.bytes); i++) {
			head.bytes[i] = (uint8_t)below(256);
			head.mask[i] = (uint8_t)(below(4) ? below(2) * 0xff : below(256));
			frame[i + 1] = head.bytes[i] ^ (below(4) ? 0 : (uint8_t)~head.mask[i]);
		}
		if (below(2))
			frame[1 + below(16)] ^= (uint8_t)(1u << below(8));
		is = head_is(&head, frame + 1);
		assert_int_equal(is, head_is_twin(&head, frame + 1));
		same += is;
	}
	assert_in_range(same, 5000, 9999); /* and both answers were given */
}

static void sums_of_a_column_are_the_twin_s(void **state)
{
	for (uint32_t k = 0; k < 10000; k++) {
		uint32_t column[DP_BURST] __attribute__((aligned(64)));
		uint32_t counts[2], sums[2], plain_counts[2], plain_sums[2];
		uint8_t which[DP_BURST];
		uint32_t n = 1 + below(DP_BURST);

		for (uint32_t i = 0; i < DP_BURST; i++) {
			column[i] = below(65536);
			which[i] = (uint8_t)below(2);
		}
		dp_column_sums(column, which, n, counts, sums);
		dp_column_sums_plain(column, which, n, plain_counts, plain_sums);
		assert_memory_equal(counts, plain_counts, sizeof(counts));
		assert_memory_equal(sums, plain_sums, sizeof(sums));
	}
}

static int set_up(void **state)
{
	struct rig_config config = {.flows = 64, .packets = 255};

	rig = rig_open(&config);
	memset(&rig->stats, 0, sizeof(rig->stats));
	return 0;
}

static int tear_down(void **state)
{
	assert_int_equal(rig_close(rig), 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(both_say_the_same_of_every_packet),
	        cmocka_unit_test(zeros_of_a_column_are_the_twin_s),
	        cmocka_unit_test(heads_are_the_twin_s),
	        cmocka_unit_test(sums_of_a_column_are_the_twin_s),
	};

	return cmocka_run_group_tests_name("parse plain", tests, set_up, tear_down);
}
