/* SPDX-License-Identifier: BSD-3-Clause
 *
 * New flows in bursts: they are made together, and it must not show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <rte_tcp.h>

#include "pipeline_rig.h"

static struct rig *rig;

static struct rte_mbuf *packet(const struct frame_spec *s)
{
	struct frame f;

	frame_build(&f, s);
	return rig_mbuf(rig, f.bytes, f.len);
}

/* The TCP source port tells the packets apart. */
static uint16_t port_of(const struct rte_mbuf *m)
{
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14 + 20);

	return (uint16_t)(l4[0] << 8 | l4[1]);
}

static void verdicts_are_each_packet_s_own(void **state)
{
	struct frame_spec specs[8];
	struct rte_mbuf *pkts[8];

	for (uint32_t i = 0; i < 8; i++)
		specs[i] = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, i * 200);
	specs[1].dst_port = 999;
	specs[2].src = frame_ip("127.0.0.1");
	specs[3].ttl = 1;
	specs[4].tcp_flags = RTE_TCP_RST_FLAG;
	specs[5].dst_port = 82; /* without a target */
	specs[6].dst = frame_ip("10.90.0.11");
	for (uint32_t i = 0; i < 8; i++)
		pkts[i] = packet(&specs[i]);
	dp_pipeline_run(&rig->ctx, pkts, 8, 0);
	assert_int_equal(rig->ctx.out[1].n, 3);
	assert_int_equal(port_of(rig->ctx.out[1].pkts[0]), specs[0].src_port);
	assert_int_equal(port_of(rig->ctx.out[1].pkts[1]), specs[6].src_port);
	assert_int_equal(port_of(rig->ctx.out[1].pkts[2]), specs[7].src_port);
	assert_int_equal(rig->stats.drops[LB_DROP_NO_LISTENER], 1);
	assert_int_equal(rig->stats.drops[LB_DROP_IP_BAD_SOURCE], 1);
	assert_int_equal(rig->stats.drops[LB_DROP_TTL_EXPIRED], 1);
	assert_int_equal(rig->stats.drops[LB_DROP_TCP_NO_FLOW], 1);
	assert_int_equal(rig->stats.drops[LB_DROP_NO_TARGET], 1);
	assert_int_equal(rig->stats.counters[LB_COUNTER_FLOWS_NEW], 3);
	assert_int_equal(rig->listener_stats[0].flows_new, 2);
	assert_int_equal(rig->listener_stats[4].flows_new, 1);
	assert_int_equal(rig->listener_stats[0].drops, 2);
	assert_int_equal(rig->listener_stats[3].drops, 1);
	assert_true(rig_conserves(rig));
}

/* Whole bursts of new flows, each of them twice: every one goes where it would go alone, in order,
 * and the burst's second packet of it too. */
static void a_burst_s_flows_go_where_each_would_alone(void **state)
{
	for (uint32_t round = 0; round < 50; round++) {
		struct frame_spec specs[DP_BURST];
		struct rte_mbuf *pkts[DP_BURST];

		for (uint32_t i = 0; i < DP_BURST; i++) {
			specs[i] = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 0);
			specs[i].src_port = (uint16_t)(1000 + round * 16 + i % 16);
			pkts[i] = packet(&specs[i]);
		}
		dp_pipeline_run(&rig->ctx, pkts, DP_BURST, 0);
		assert_int_equal(rig->ctx.out[1].n, DP_BURST);
		for (uint32_t i = 0; i < DP_BURST; i++) {
			const struct rte_mbuf *m = rig->ctx.out[1].pkts[i];
			const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14);
			struct lb_ip target = rig_target(rig_slot(&specs[i]));

			assert_int_equal(port_of(m), specs[i].src_port);
			assert_memory_equal(ip + 16, target.bytes + 12, 4);
		}
		rig_clear(rig);
	}
	assert_int_equal(rig->stats.counters[LB_COUNTER_FLOWS_NEW], 50 * 16);
	assert_true(rig_conserves(rig));
}

/* Two flows of one client's port in one burst, through two virtual addresses, to the same target:
 * the second one gets another. */
static void a_collision_inside_a_burst_takes_the_next_target(void **state)
{
	struct frame_spec a = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 0), b = a;
	struct rte_mbuf *pkts[2];

	b.dst = frame_ip("10.90.0.11");
	while (rig_slot(&a) != rig_slot(&b))
		a.src_port = ++b.src_port;
	pkts[0] = packet(&a);
	pkts[1] = packet(&b);
	dp_pipeline_run(&rig->ctx, pkts, 2, 0);
	assert_int_equal(rig->ctx.out[1].n, 2);
	assert_int_equal(rig->stats.counters[LB_COUNTER_FLOWS_RESELECTED], 1);
	assert_memory_not_equal(rte_pktmbuf_mtod_offset(rig->ctx.out[1].pkts[0], void *, 14 + 16),
	        rte_pktmbuf_mtod_offset(rig->ctx.out[1].pkts[1], void *, 14 + 16), 4);
}

static int set_up(void **state)
{
	struct rig_config config = {.flows = 2048, .packets = 255};

	rig = rig_open(&config);
	return 0;
}

static int tear_down(void **state)
{
	rig_clear(rig); /* what the tests looked at */
	assert_int_equal(rig_close(rig), 0);
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(verdicts_are_each_packet_s_own),
	        CASE(a_burst_s_flows_go_where_each_would_alone),
	        CASE(a_collision_inside_a_burst_takes_the_next_target),
	};

	return cmocka_run_group_tests_name("miss", tests, NULL, NULL);
}
