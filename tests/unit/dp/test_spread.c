/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Software spreading: which worker a packet belongs to, and that it gets there, once and in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <rte_mbuf.h>
#include <string.h>

#include "pipeline_rig.h"
#include "spread.h"

#define WORKERS 4
#define PACKETS 4096

static struct rig *rig;
static struct dp_spread workers[WORKERS];

static void connect_all(void)
{
	memset(workers, 0, sizeof(workers));
	for (uint32_t w = 0; w < WORKERS; w++) {
		workers[w].worker = w;
		workers[w].nb_workers = WORKERS;
		for (uint32_t i = 0; i < DP_SPREAD_WORDS; i++)
			workers[w].key[i] = 0x9e3779b9u * (i + 1);
	}
	for (uint32_t w = 1; w < WORKERS; w++)
		assert_int_equal(dp_spread_connect(&workers[0], &workers[w], SOCKET_ID_ANY), 0);
}

static int set_up(void **state)
{
	static const struct rig_config config = {.flows = 64, .packets = PACKETS + 512};

	rig = rig_open(&config);
	connect_all();
	return 0;
}

static int tear_down(void **state)
{
	for (uint32_t w = 0; w < WORKERS; w++)
		dp_spread_disconnect(&workers[w]);
	assert_int_equal(rig_close(rig), 0);
	return 0;
}

static struct rte_mbuf *packet(const struct frame_spec *spec)
{
	struct frame frame;

	frame_build(&frame, spec);
	return rig_mbuf(rig, frame.bytes, frame.len);
}

static uint32_t worker_of(const struct frame_spec *spec)
{
	struct rte_mbuf *m = packet(spec);
	uint32_t worker = dp_spread_worker(&workers[0], m, false);

	rte_pktmbuf_free(m);
	return worker;
}

/* What arrived at a worker, by all its rings. */
static uint32_t take_all(uint32_t worker, struct rte_mbuf **pkts, uint32_t max)
{
	uint32_t n = 0, got;

	for (uint32_t from = 0; from < workers[worker].nb_from; from++) {
		do {
			assert_true(n + DP_BURST <= max);
			got = dp_spread_take(&workers[worker], from, pkts + n);
			n += got;
		} while (got > 0);
	}
	return n;
}

static void check_even(const char *vip)
{
	uint32_t shares[WORKERS] = {0};

	for (uint32_t i = 0; i < PACKETS; i++) {
		struct frame_spec s = rig_to_vip(vip, 80, IPPROTO_TCP, 1);

		s.src_port = (uint16_t)(1024 + i);
		shares[worker_of(&s)]++;
	}
	for (uint32_t w = 0; w < WORKERS; w++) {
		if (shares[w] < PACKETS / WORKERS * 8 / 10 ||
		        shares[w] > PACKETS / WORKERS * 12 / 10)
			fail_msg("%s: worker %u has %u of %u flows", vip, w, shares[w], PACKETS);
	}
}

static void flows_are_shared_out_evenly(void **state)
{
	check_even("10.90.0.10");
	check_even("fd00:90::10");
}

/* Another length, other flags, other tags: the same flow. */
static void a_flow_belongs_to_one_worker(void **state)
{
	for (uint32_t client = 0; client < 64; client++) {
		struct frame_spec s = rig_to_vip(
		        client % 2 ? "fd00:90::10" : "10.90.0.10", 80, IPPROTO_TCP, client);
		uint32_t worker = worker_of(&s);

		s.tcp_flags ^= 0x12;
		s.payload = 900;
		assert_int_equal(worker_of(&s), worker);
		s.nb_tags = 2;
		s.tpid[0] = 0x88a8;
		s.tpid[1] = 0x8100;
		s.tci[0] = (uint16_t)client;
		assert_int_equal(worker_of(&s), worker);
		if (client % 2 == 0) {
			s.nb_between = 4; /* an IPv4 header with options */
			memset(s.between, 1, 4);
			assert_int_equal(worker_of(&s), worker);
		}
	}
}

static void each_part_of_the_5_tuple_counts(void **state)
{
	uint32_t others[5] = {0};

	for (uint32_t client = 0; client < 64; client++) {
		struct frame_spec s = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, client), t;
		uint32_t worker = worker_of(&s);

		t = s, t.src.bytes[14]++;
		others[0] += worker_of(&t) != worker;
		t = s, t.dst.bytes[15]++;
		others[1] += worker_of(&t) != worker;
		t = s, t.src_port++;
		others[2] += worker_of(&t) != worker;
		t = s, t.dst_port++;
		others[3] += worker_of(&t) != worker;
		t = s, t.protocol = IPPROTO_UDP;
		others[4] += worker_of(&t) != worker;
	}
	for (uint32_t i = 0; i < 5; i++)
		assert_in_range(others[i], 64 / 2, 64);
}

/* The first has ports, the others have not. */
static void fragments_of_a_datagram_meet(void **state)
{
	uint32_t seen = 0;

	for (uint32_t client = 0; client < 64; client++) {
		struct frame_spec s = rig_to_vip("10.90.0.10", 53, IPPROTO_UDP, client);
		uint32_t worker;

		s.fragment = 0x2000;
		worker = worker_of(&s);
		seen |= 1u << worker;
		s.src_port++;
		assert_int_equal(worker_of(&s), worker);
		s.fragment = 0x2000 | 185;
		assert_int_equal(worker_of(&s), worker);
		s.fragment = 370;
		assert_int_equal(worker_of(&s), worker);
	}
	assert_int_equal(seen, (1u << WORKERS) - 1);
}

static void what_is_no_ip_stays(void **state)
{
	struct frame_spec s = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 1);
	struct frame frame;

	frame_build(&frame, &s);
	for (uint32_t w = 0; w < WORKERS; w++) {
		struct rte_mbuf *m = rig_mbuf(rig, frame.bytes, frame.len);
		uint8_t *type = rte_pktmbuf_mtod_offset(m, uint8_t *, 12);

		type[0] = 0x08, type[1] = 0x06;
		assert_int_equal(dp_spread_worker(&workers[w], m, false), w);
		rte_pktmbuf_free(m);
	}
}

/* Every length of a frame up to its ports is judged by what is there. */
static void frames_cut_short_have_a_worker(void **state)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		struct frame_spec s =
		        rig_to_vip(v6 ? "fd00:90::10" : "10.90.0.10", 80, IPPROTO_TCP, 1);
		struct frame frame;

		s.nb_tags = 2;
		s.tpid[0] = s.tpid[1] = 0x8100;
		frame_build(&frame, &s);
		for (uint32_t len = 0; len <= frame.l4 + 4; len++) {
			struct rte_mbuf *m = rig_mbuf(rig, frame.bytes, len);
			uint32_t worker = dp_spread_worker(&workers[3], m, false);

			assert_true(worker < WORKERS);
			if (len < frame.l4)
				assert_int_equal(worker, 3);
			rte_pktmbuf_free(m);
		}
	}
}

static void the_devices_hash_is_taken_where_it_can_be_trusted(void **state)
{
	struct frame_spec s = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 1);
	struct rte_mbuf *m = packet(&s);
	uint32_t in_software = dp_spread_worker(&workers[0], m, false);

	m->hash.rss = 0x40000000u * ((in_software + 1) % WORKERS);
	assert_int_equal(dp_spread_worker(&workers[0], m, true), in_software); /* it is no hash */
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	for (uint32_t w = 0; w < WORKERS; w++) {
		m->hash.rss = 0x40000000u * w + 0x3fffffffu;
		assert_int_equal(dp_spread_worker(&workers[0], m, true), w);
		assert_int_equal(dp_spread_worker(&workers[0], m, false), in_software);
	}
	rte_pktmbuf_free(m);
}

/* A device whose hash is always the same would give all flows to one worker. */
static void packets_go_by_the_hash_that_their_queue_is_trusted_with(void **state)
{
	for (uint32_t trusted = 0; trusted < 2; trusted++) {
		struct rte_mbuf *pkts[DP_SPREAD_BURST], *got[DP_SPREAD_BURST + DP_BURST];
		uint32_t shares[WORKERS];

		rig_forget(rig);
		for (uint32_t i = 0; i < DP_SPREAD_BURST; i++) {
			struct frame_spec s = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, i);

			pkts[i] = packet(&s);
			pkts[i]->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
			pkts[i]->hash.rss = 0xffffffffu;
		}
		shares[0] =
		        dp_spread_run(&rig->ctx, &workers[0], pkts, DP_SPREAD_BURST, 1, trusted);
		rte_pktmbuf_free_bulk(pkts, shares[0]);
		for (uint32_t w = 1; w < WORKERS; w++) {
			shares[w] = take_all(w, got, RTE_DIM(got));
			rte_pktmbuf_free_bulk(got, shares[w]);
		}
		for (uint32_t w = 0; w < WORKERS && !trusted; w++)
			assert_in_range(shares[w], DP_SPREAD_BURST / WORKERS / 2,
			        DP_SPREAD_BURST / WORKERS * 2);
		if (trusted)
			assert_int_equal(shares[WORKERS - 1], DP_SPREAD_BURST);
	}
}

/* Packets carry their numbers where spreading writes nothing. */
static void packets_arrive_once_and_in_order(void **state)
{
	struct rte_mbuf *pkts[DP_SPREAD_BURST], *got[PACKETS];
	uint32_t sent[WORKERS] = {0}, kept = 0, total = 0;

	rig_forget(rig);
	for (uint32_t round = 0; round < 4; round++) {
		uint16_t own;

		for (uint32_t i = 0; i < DP_SPREAD_BURST; i++) {
			struct frame_spec s = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, i % 16);

			pkts[i] = packet(&s);
			pkts[i]->port = 9;
			pkts[i]->hash.fdir.hi = total++;
		}
		own = dp_spread_run(&rig->ctx, &workers[0], pkts, DP_SPREAD_BURST, 1, false);
		for (uint32_t i = 0; i < own; i++) {
			assert_int_equal(dp_spread_worker(&workers[0], pkts[i], false), 0);
			assert_true(i == 0 || pkts[i]->hash.fdir.hi > pkts[i - 1]->hash.fdir.hi);
			rte_pktmbuf_free(pkts[i]);
		}
		kept += own;
	}
	for (uint32_t w = 1; w < WORKERS; w++) {
		sent[w] = take_all(w, got, PACKETS);
		for (uint32_t i = 0; i < sent[w]; i++) {
			assert_int_equal(dp_spread_worker(&workers[0], got[i], false), w);
			assert_int_equal(got[i]->port, 1);
			assert_true(i == 0 || got[i]->hash.fdir.hi > got[i - 1]->hash.fdir.hi);
			rte_pktmbuf_free(got[i]);
		}
	}
	assert_int_equal(kept + sent[1] + sent[2] + sent[3], total);
	assert_int_equal(rig->stats.counters[LB_COUNTER_SPREAD], total - kept);
	assert_int_equal(rig->stats.counters[LB_COUNTER_RECEIVED], 0);
	assert_int_equal(rte_mempool_in_use_count(rig->pool), 0);
}

static void what_a_full_ring_refuses_is_dropped_and_counted(void **state)
{
	struct frame_spec s = rig_to_vip("10.90.0.10", 80, IPPROTO_TCP, 0);
	struct rte_mbuf *pkts[DP_BURST], *got[PACKETS];
	uint32_t worker, taken, total = 2 * DP_SPREAD_ROOM;

	rig_forget(rig);
	while ((worker = worker_of(&s)) == 0)
		s.src_port++;
	for (uint32_t n = 0; n < total; n += DP_BURST) {
		for (uint32_t i = 0; i < DP_BURST; i++)
			pkts[i] = packet(&s);
		assert_int_equal(
		        dp_spread_run(&rig->ctx, &workers[0], pkts, DP_BURST, 0, false), 0);
	}
	assert_int_equal(rig->stats.counters[LB_COUNTER_SPREAD], DP_SPREAD_ROOM - 1);
	assert_int_equal(rig->stats.drops[LB_DROP_SPREAD_FULL], DP_SPREAD_ROOM + 1);
	assert_true(rig_conserves(rig));
	taken = take_all(worker, got, PACKETS);
	assert_int_equal(taken, DP_SPREAD_ROOM - 1);
	rte_pktmbuf_free_bulk(got, taken);
	assert_int_equal(rte_mempool_in_use_count(rig->pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(flows_are_shared_out_evenly),
	        cmocka_unit_test(a_flow_belongs_to_one_worker),
	        cmocka_unit_test(each_part_of_the_5_tuple_counts),
	        cmocka_unit_test(fragments_of_a_datagram_meet),
	        cmocka_unit_test(what_is_no_ip_stays),
	        cmocka_unit_test(frames_cut_short_have_a_worker),
	        cmocka_unit_test(the_devices_hash_is_taken_where_it_can_be_trusted),
	        cmocka_unit_test(packets_go_by_the_hash_that_their_queue_is_trusted_with),
	        cmocka_unit_test(packets_arrive_once_and_in_order),
	        cmocka_unit_test(what_a_full_ring_refuses_is_dropped_and_counted),
	};

	return cmocka_run_group_tests_name("spread", tests, set_up, tear_down);
}
