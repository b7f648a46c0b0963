/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Whole packets, byte by byte, through the pipeline in both directions: what comes out is compared
 * with a frame that was built from scratch, every checksum included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "pipeline_rig.h"

static struct rig *rig;

/* Runs a packet and takes what comes out of 'port', where nothing else may come out. */
static struct rte_mbuf *pass(const struct frame_spec *in, uint16_t from, uint16_t to)
{
	struct rte_mbuf *m;
	uint16_t port = UINT16_MAX;
	bool kernel = true;
	struct frame f;

	frame_build(&f, in);
	rig_run(rig, &f, from);
	m = rig_take(rig, &port, &kernel);
	assert_non_null(m);
	assert_false(kernel);
	assert_int_equal(port, to);
	return m;
}

static void assert_packet(struct rte_mbuf *m, const struct frame_spec *want)
{
	struct frame f;

	frame_build(&f, want);
	assert_int_equal(rte_pktmbuf_pkt_len(m), f.len);
	assert_int_equal(rte_pktmbuf_data_len(m), f.len);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.bytes, f.len);
	rte_pktmbuf_free(m);
}

/* A packet to its target, and the target's answer back. */
static void assert_both_ways(const struct frame_spec *in)
{
	struct lb_ip target = rig_target(rig_slot(in));
	struct frame_spec forwarded = rig_forwarded(in, 1, &target, RIG_TARGET_PORT), answer, back;

	assert_packet(pass(in, 0, 1), &forwarded);
	answer = rig_answer(&forwarded);
	answer.padding = in->padding;
	back = rig_forwarded(&answer, 0, &in->dst, in->dst_port);
	assert_packet(pass(&answer, 1, 0), &back);
}

static void set_tags(struct frame_spec *s, uint32_t nb)
{
	s->nb_tags = nb;
	for (uint32_t i = 0; i < nb; i++) {
		s->tpid[i] = nb == 2 && i == 0 ? 0x88a8 : 0x8100;
		s->tci[i] = (uint16_t)(0xa005 + i);
	}
}

static void every_kind_of_packet_goes_both_ways_with_right_checksums(void **state)
{
	static const char *const vips[] = {"10.90.0.10", "fd00:90::10"};
	static const uint16_t payloads[] = {0, 1, 18, 1400};
	uint32_t client = 0;

	for (uint32_t v6 = 0; v6 < 2; v6++) {
		for (uint32_t tcp = 0; tcp < 2; tcp++) {
			for (uint32_t i = 0; i < RTE_DIM(payloads) * 3; i++) {
				struct frame_spec s = rig_to_vip(vips[v6], tcp ? 80 : 53,
				        tcp ? IPPROTO_TCP : IPPROTO_UDP, client++);

				s.payload = payloads[i / 3];
				set_tags(&s, i % 3);
				assert_both_ways(&s);
			}
		}
	}
	assert_true(rig_conserves(rig));
}

static void options_and_extension_headers_pass_untouched(void **state)
{
	struct frame_spec v4 = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 1000);
	struct frame_spec v6 = rig_to_vip("fd00:90::10", 53, IPPROTO_UDP, 1000);
	const uint8_t options[] = {7, 7, 4, 0, 0, 0, 0, 0};
	const uint8_t extensions[] = {IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0, IPPROTO_UDP, 0, 1, 4};

	v4.nb_between = sizeof(options);
	memcpy(v4.between, options, sizeof(options));
	assert_both_ways(&v4);
	v6.nb_between = 16;
	v6.next_header = IPPROTO_HOPOPTS;
	memcpy(v6.between, extensions, sizeof(extensions));
	assert_both_ways(&v6);
}

static void assert_all_checksums(struct frame_spec *s)
{
	uint32_t zeros = 0;

	s->payload = 2;
	for (uint32_t salt = 0; salt <= UINT16_MAX; salt++) {
		struct lb_ip target = rig_target(rig_slot(s));
		struct frame_spec want;
		struct frame f;

		s->salt = (uint16_t)salt;
		assert_both_ways(s);
		want = rig_forwarded(s, 1, &target, RIG_TARGET_PORT);
		frame_build(&f, &want);
		zeros += s->protocol == IPPROTO_UDP
		                 ? f.bytes[f.l4 + 6] == 0xff && f.bytes[f.l4 + 7] == 0xff
		                 : f.bytes[f.l4 + 16] == 0 && f.bytes[f.l4 + 17] == 0;
	}
	assert_in_range(zeros, 1, 2);
}

/* Two payload bytes in all their 65,536 values give each value that the checksum can have. */
static void every_value_of_a_checksum_comes_out_right(void **state)
{
	struct frame_spec udp4 = rig_to_vip("10.90.0.10", 53, IPPROTO_UDP, 1100);
	struct frame_spec tcp4 = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 1100);
	struct frame_spec udp6 = rig_to_vip("fd00:90::10", 53, IPPROTO_UDP, 1100);

	assert_all_checksums(&udp4);
	assert_all_checksums(&tcp4);
	assert_all_checksums(&udp6);
}

static void udp_over_ip4_may_have_no_checksum(void **state)
{
	struct frame_spec s = rig_to_vip("10.90.0.10", 53, IPPROTO_UDP, 1200);

	s.without_udp_checksum = true;
	assert_both_ways(&s);
}

static void ethernet_padding_goes_no_further(void **state)
{
	struct frame_spec s = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 1300);

	s.payload = 0;
	s.padding = 6;
	assert_both_ways(&s);
	s.padding = 1000;
	assert_both_ways(&s);
}

/* A corrupt payload arrives as it would have without us: with a checksum that shows it. */
static void a_wrong_l4_checksum_stays_wrong(void **state)
{
	struct frame_spec s = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 1400), want;
	struct lb_ip target = rig_target(rig_slot(&s));
	struct rte_mbuf *m;
	struct frame f, g;
	uint16_t port;
	bool kernel;

	frame_build(&f, &s);
	f.bytes[f.len - 1] ^= 0x40;
	rig_run(rig, &f, 0);
	m = rig_take(rig, &port, &kernel);
	want = rig_forwarded(&s, 1, &target, RIG_TARGET_PORT);
	frame_build(&g, &want);
	g.bytes[g.len - 1] ^= 0x40;
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), g.bytes, g.len);
	rte_pktmbuf_free(m);
}

static void payload_may_lie_in_further_segments(void **state)
{
	struct frame_spec s = rig_to_vip("fd00:90::10", 80, IPPROTO_TCP, 1500), want;
	struct lb_ip target = rig_target(rig_slot(&s));
	struct rte_mbuf *m, *out;
	uint8_t flat[FRAME_ROOM];
	struct frame f, g;
	uint16_t port;
	bool kernel;

	s.payload = 1200;
	frame_build(&f, &s);
	m = rig_mbuf(rig, f.bytes, f.l4 + 20);
	rte_pktmbuf_chain(m, rig_mbuf(rig, f.bytes + f.l4 + 20, 600));
	rte_pktmbuf_chain(m, rig_mbuf(rig, f.bytes + f.l4 + 620, 600));
	dp_pipeline_run(&rig->ctx, &m, 1, 0);
	out = rig_take(rig, &port, &kernel);
	assert_ptr_equal(out, m);
	want = rig_forwarded(&s, 1, &target, RIG_TARGET_PORT);
	frame_build(&g, &want);
	assert_int_equal(rte_pktmbuf_pkt_len(m), g.len);
	assert_memory_equal(rte_pktmbuf_read(m, 0, g.len, flat), g.bytes, g.len);
	rte_pktmbuf_free(m);
}

/* Bytes behind the IP packet in a further segment travel on: they count, and have to fit. Alone in
 * its burst a packet is simple; beside one that is for nobody it is not looked at as such. */
static void a_tail_in_a_further_segment_counts(void **state)
{
	for (uint32_t k = 0; k < 4; k++) {
		bool alone = k & 1, fits = k & 2;
		struct frame_spec s = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 1900 + k);
		struct frame_spec nobodys = rig_to_vip("10.90.0.10", 999, IPPROTO_TCP, 1);
		uint64_t bytes = rig->stats.counters[LB_COUNTER_FORWARDED_BYTES];
		uint64_t big = rig->stats.drops[LB_DROP_TOO_BIG];
		struct dp_adj adj = rig_adj(1);
		struct rte_mbuf *pkts[2];
		struct frame f, g;
		uint16_t port;
		bool kernel;

		adj.mtu = (uint16_t)(40 + 1000 + (fits ? 100 : 99));
		rig_route(rig, "10.1.0.0", 16, &adj);
		s.payload = 1000;
		s.padding = 100;
		frame_build(&f, &s);
		frame_build(&g, &nobodys);
		pkts[0] = rig_mbuf(rig, f.bytes, f.l4 + 20);
		rte_pktmbuf_chain(pkts[0], rig_mbuf(rig, f.bytes + f.l4 + 20, 1100));
		pkts[1] = rig_mbuf(rig, g.bytes, g.len);
		if (alone)
			rte_pktmbuf_free(pkts[1]);
		dp_pipeline_run(&rig->ctx, pkts, alone ? 1 : 2, 0);
		assert_int_equal(rig->stats.drops[LB_DROP_TOO_BIG] - big, !fits);
		assert_int_equal(
		        rig->stats.counters[LB_COUNTER_FORWARDED_BYTES] - bytes, fits ? f.len : 0);
		if (!fits)
			continue;
		assert_ptr_equal(rig_take(rig, &port, &kernel), pkts[0]);
		assert_int_equal(rte_pktmbuf_pkt_len(pkts[0]), f.len);
		rte_pktmbuf_free(pkts[0]);
	}
}

/* The tags of the interface that a packet leaves by, whatever it came with. */
static void an_adjacency_with_tags_replaces_those_that_came(void **state)
{
	for (uint32_t came = 0; came <= 2; came++) {
		for (uint8_t leave = 0; leave <= 2; leave++) {
			struct frame_spec s =
			        rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 1600 + came * 3 + leave);
			struct lb_ip target = rig_target(rig_slot(&s));
			struct dp_adj adj = rig_adj(1);
			struct frame_spec want;

			adj.nb_tags = leave;
			adj.tpid[0] = RTE_BE16(leave == 2 ? 0x88a8 : 0x8100);
			adj.tpid[1] = RTE_BE16(0x8100);
			adj.tci[0] = RTE_BE16(0x0111);
			adj.tci[1] = RTE_BE16(0x0222);
			rig_route(rig, "10.1.0.0", 16, &adj);
			set_tags(&s, came);
			want = rig_forwarded(&s, 1, &target, RIG_TARGET_PORT);
			want.nb_tags = leave;
			want.tpid[0] = leave == 2 ? 0x88a8 : 0x8100;
			want.tpid[1] = 0x8100;
			want.tci[0] = 0x0111;
			want.tci[1] = 0x0222;
			assert_packet(pass(&s, 0, 1), &want);
		}
	}
}

static int set_up(void **state)
{
	struct rig_config config = {.flows = 1024, .packets = 63};

	rig = rig_open(&config);
	return 0;
}

static int tear_down(void **state)
{
	assert_true(rig_conserves(rig));
	assert_int_equal(rig_close(rig), 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_kind_of_packet_goes_both_ways_with_right_checksums),
	        cmocka_unit_test(options_and_extension_headers_pass_untouched),
	        cmocka_unit_test(every_value_of_a_checksum_comes_out_right),
	        cmocka_unit_test(udp_over_ip4_may_have_no_checksum),
	        cmocka_unit_test(ethernet_padding_goes_no_further),
	        cmocka_unit_test(a_wrong_l4_checksum_stays_wrong),
	        cmocka_unit_test(payload_may_lie_in_further_segments),
	        cmocka_unit_test(a_tail_in_a_further_segment_counts),
	        cmocka_unit_test(an_adjacency_with_tags_replaces_those_that_came),
	};

	return cmocka_run_group_tests_name("rewrite", tests, set_up, tear_down);
}
