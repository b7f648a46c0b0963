/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Full flow tables: how much fits in how much memory, and who has to go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "flow_fixture.h"

static void nine_tenths_fit_before_the_first_eviction(void **state)
{
	const uint32_t sizes[] = {10, 1000, 100000};

	for (uint32_t k = 0; k < 3; k++) {
		struct dp_flow_config config = flow_small(sizes[k], sizes[k] / 2);
		struct dp_flow_table *t;

		config.nb_workers = 3;
		t = flow_table_open(&config, NULL);
		for (uint32_t i = 0; i < sizes[k] * 9 / 10; i++) {
			struct spec s = {i, (uint16_t)i, 1, 7, 0, false};
			/* All entries come from one worker's way here; see below for three. */
			struct inserted in =
			        flow_put(t, sizes[k] < 1000 ? 0 : i % 3, &s, TCP_SYN, 1);

			assert_int_equal(in.result, DP_FLOW_INSERTED);
			assert_int_equal(in.nb_ended, 0);
		}
		for (uint32_t i = 0; i < sizes[k] / 2 * 9 / 10; i++) {
			struct spec s = {i, (uint16_t)i, 1, 7, 0, true};
			struct inserted in = flow_put(t, 0, &s, TCP_SYN, 1);

			assert_int_equal(in.result, DP_FLOW_INSERTED);
			assert_int_equal(in.nb_ended, 0);
		}
		dp_flow_close(t);
	}
}

static void memory_is_at_most_80_bytes_a_flow(void **state)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		struct dp_flow_table *t = flow_table(v6 ? 0 : 1000000, v6 ? 1000000 : 0);
		struct dp_flow_usage usage;

		dp_flow_usage(t, &usage);
		assert_int_equal(usage.capacity[v6], 1000000);
		/* and once a MiB of IPv6 virtual addresses */
		assert_in_range(usage.memory + sizeof(*t), 64 * 1000000, 80 * 1000000 + (v6 << 20));
		dp_flow_close(t);
	}
}

/* Fills a table of 40 with: 10 open TCP, 10 half-open, 10 closing, 10 UDP whose client went on
 * after the answer. */
static void fill_mixed(struct dp_flow_table *t)
{
	for (uint16_t i = 0; i < 40; i++) {
		struct spec s = {i, 4000, 1, i, i < 30 ? 0 : IPPROTO_UDP, false};

		if (i < 10) {
			assert_true(flow_open(t, 0, &s, 1));
		} else {
			assert_int_equal(flow_put(t, 0, &s, i < 30 ? TCP_SYN : 0, 1).result,
			        DP_FLOW_INSERTED);
		}
		if (i >= 20)
			assert_true(flow_see(t, &s, DP_TO_CLIENT, i < 30 ? TCP_RST : 0, 1));
		if (i >= 30)
			assert_true(flow_see(t, &s, DP_TO_TARGET, 0, 1));
	}
}

static void eviction_order_is_half_open_closing_never_open(void **state)
{
	struct dp_flow_table *t = flow_table(40, 0);
	uint32_t refused = 0;

	fill_mixed(t);
	for (uint16_t i = 0; i < 40; i++) {
		struct spec s = {1000u + i, 5000, 1, 100, 0, false};
		struct inserted in;

		if (i >= 20) {
			in = flow_put(t, 0, &s, TCP_SYN, 1);
			refused += in.result == DP_FLOW_FULL;
			assert_int_equal(in.nb_ended, 0);
			continue;
		}
		/* The new ones are opened, or they would be the next to go. */
		in = flow_put(t, 0, &s, TCP_SYN, 1);
		assert_int_equal(in.result, DP_FLOW_INSERTED);
		assert_int_equal(in.nb_ended, 1);
		assert_int_equal(in.ended[0].reason, LB_COUNTER_FLOWS_EVICTED);
		assert_in_range(in.ended[0].slot, i < 10 ? 10 : 20, i < 10 ? 19 : 29);
		assert_true(flow_see(t, &s, DP_TO_CLIENT, TCP_SYN | TCP_ACK, 1));
		assert_true(flow_see(t, &s, DP_TO_TARGET, TCP_ACK, 1));
	}
	assert_int_equal(refused, 20);
	for (uint16_t i = 0; i < 40; i++) {
		struct spec s = {i, 4000, 1, i, i < 30 ? 0 : IPPROTO_UDP, false};

		if (i < 10 || i >= 30)
			assert_null(flow_wrong(t, &s));
		else
			assert_non_null(flow_wrong(t, &s));
	}
	dp_flow_close(t);
}

static void expired_goes_before_half_open(void **state)
{
	struct dp_flow_table *t = flow_table(5, 0);
	struct spec s = {1, 4000, 1, 1, 0, false};
	uint32_t later = 2 + flow_target(&s).idle_timeout_s;
	struct inserted in;

	assert_true(flow_open(t, 0, &s, 1));
	in = flow_put(t, 0, &(struct spec){2, 4000, 1, 2, 0, false}, TCP_SYN, later);
	for (uint16_t i = 3; i < 6; i++)
		in = flow_put(t, 0, &(struct spec){i, 4000, 1, i, 0, false}, TCP_SYN, later);
	assert_int_equal(in.result, DP_FLOW_INSERTED);
	in = flow_put(t, 0, &(struct spec){9, 4000, 1, 9, 0, false}, TCP_SYN, later);
	assert_int_equal(in.result, DP_FLOW_INSERTED);
	assert_int_equal(in.nb_ended, 1);
	assert_int_equal(in.ended[0].slot, 1);
	assert_int_equal(in.ended[0].reason, LB_COUNTER_FLOWS_EXPIRED);
	dp_flow_close(t);
}

/* One search finds several that can be spared. Those that open before their turn are kept. */
static void flow_that_opened_since_the_search_is_kept(void **state)
{
	struct dp_flow_table *t = flow_table(5, 0);
	struct inserted in = {0};
	uint32_t gone;

	for (uint16_t i = 0; i < 6; i++)
		in = flow_put(t, 0, &(struct spec){i, 4000, 1, i, 0, false}, TCP_SYN, 1);
	assert_int_equal(in.result, DP_FLOW_INSERTED);
	assert_int_equal(in.nb_ended, 1);
	gone = in.ended[0].slot;
	for (uint16_t i = 0; i < 5; i++) {
		struct spec s = {i, 4000, 1, i, 0, false};

		assert_int_equal(flow_see(t, &s, DP_TO_CLIENT, TCP_SYN | TCP_ACK, 1), i != gone);
		assert_int_equal(flow_see(t, &s, DP_TO_TARGET, TCP_ACK, 1), i != gone);
	}
	in = flow_put(t, 0, &(struct spec){6, 4000, 1, 6, 0, false}, TCP_SYN, 1);
	assert_int_equal(in.result, DP_FLOW_INSERTED);
	assert_int_equal(in.nb_ended, 1);
	assert_int_equal(in.ended[0].slot, 5);
	assert_true(flow_see(
	        t, &(struct spec){6, 4000, 1, 6, 0, false}, DP_TO_CLIENT, TCP_SYN | TCP_ACK, 1));
	assert_true(flow_see(t, &(struct spec){6, 4000, 1, 6, 0, false}, DP_TO_TARGET, TCP_ACK, 1));
	in = flow_put(t, 0, &(struct spec){7, 4000, 1, 7, 0, false}, TCP_SYN, 1);
	assert_int_equal(in.result, DP_FLOW_FULL);
	dp_flow_close(t);
}

/* Entries pass between two workers by the shared pool: one makes flows, the other ends them. */
static void entries_come_back_from_another_worker(void **state)
{
	struct dp_flow_config config = flow_small(10000, 3000);
	struct dp_flow_table *t;
	struct dp_flow flow;

	config.nb_workers = 2;
	t = flow_table_open(&config, NULL);
	for (uint32_t i = 0; i < 60000; i++) {
		struct spec s = {i, 4000, 1, 7, 0, i % 4 == 0};
		struct spec old = {i - 8000, 4000, 1, 7, 0, i % 4 == 0};
		struct inserted in = flow_put(t, 0, &s, TCP_SYN, 1);

		assert_int_equal(in.result, DP_FLOW_INSERTED);
		assert_int_equal(in.nb_ended, 0);
		if (i < 8000)
			continue;
		assert_true(flow_get(t, &old, DP_TO_TARGET, &flow));
		assert_true(dp_flow_remove(t, 1, &flow));
		assert_int_equal(flow_used(t), 8000);
	}
	dp_flow_close(t);
}

/* A flood of SYNs, spoofed ACKs and UDP through a table with open flows. */
static void flood_moves_no_open_flow(void **state)
{
	struct dp_flow_table *t = flow_table(1000, 0);
	uint32_t inserted = 0;

	for (uint32_t i = 0; i < 500; i++)
		assert_true(flow_open(t, 0, &(struct spec){i, 4000, 1, 7, 0, false}, 1));
	for (uint32_t i = 0; i < 20000; i++) {
		struct spec s = {100000 + i, (uint16_t)i, 1, 9, i % 3 ? 0 : IPPROTO_UDP, false};

		inserted += flow_put(t, 0, &s, i % 3 == 1 ? TCP_SYN : TCP_ACK, 1).result ==
		            DP_FLOW_INSERTED;
		(void)flow_see(t, &s, DP_TO_TARGET, TCP_ACK, 1);
	}
	assert_in_range(inserted, 19900, 20000);
	for (uint32_t i = 0; i < 500; i++)
		assert_null(flow_wrong(t, &(struct spec){i, 4000, 1, 7, 0, false}));
	assert_int_equal(flow_used(t), 1000);
	dp_flow_close(t);
}

/* A flood of UDP from spoofed sources, each datagram answered by its target. */
static void answered_flood_refuses_nobody(void **state)
{
	struct dp_flow_table *t = flow_table(1000, 0);
	uint32_t evicted = 0;

	for (uint32_t i = 0; i < 100; i++) {
		struct spec s = {i, 4000, 1, 7, IPPROTO_UDP, false};

		assert_int_equal(flow_put(t, 0, &s, 0, 1).result, DP_FLOW_INSERTED);
		assert_true(flow_see(t, &s, DP_TO_CLIENT, 0, 1));
		assert_true(flow_see(t, &s, DP_TO_TARGET, 0, 1));
	}
	for (uint32_t i = 0; i < 20000; i++) {
		struct spec s = {100000 + i, (uint16_t)i, 1, 9, IPPROTO_UDP, false};
		struct inserted in = flow_put(t, 0, &s, 0, 1);

		assert_int_equal(in.result, DP_FLOW_INSERTED);
		assert_true(flow_see(t, &s, DP_TO_CLIENT, 0, 1));
		evicted += in.nb_ended;
	}
	assert_int_equal(evicted, 20000 - 900);
	for (uint32_t i = 0; i < 100; i++)
		assert_null(flow_wrong(t, &(struct spec){i, 4000, 1, 7, IPPROTO_UDP, false}));
	dp_flow_close(t);
}

/* Half-open before closing before answered, wherever in the table they stand. */
static void answered_udp_goes_after_half_open_and_closing(void **state)
{
	static const uint8_t expected[] = {1, 2, 0};
	struct dp_flow_table *t = flow_table(4, 0);
	const struct spec flows[] = {{1, 4000, 1, 0, IPPROTO_UDP, false}, {2, 4000, 1, 1, 0, false},
	        {3, 4000, 1, 2, 0, false}, {4, 4000, 1, 3, 0, false}};

	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(
		        flow_put(t, 0, &flows[i], i ? TCP_SYN : 0, 1).result, DP_FLOW_INSERTED);
	assert_true(flow_see(t, &flows[0], DP_TO_CLIENT, 0, 1));
	assert_true(flow_see(t, &flows[2], DP_TO_CLIENT, TCP_RST, 1));
	assert_true(flow_see(t, &flows[3], DP_TO_CLIENT, TCP_SYN | TCP_ACK, 1));
	assert_true(flow_see(t, &flows[3], DP_TO_TARGET, TCP_ACK, 1));
	for (uint32_t i = 0; i < 3; i++) {
		struct spec s = {10 + i, 5000, 1, 100, 0, false};
		struct inserted in = flow_put(t, 0, &s, TCP_ACK, 1);

		assert_int_equal(in.result, DP_FLOW_INSERTED);
		assert_int_equal(in.nb_ended, 1);
		assert_int_equal(in.ended[0].slot, expected[i]);
		assert_true(flow_see(t, &s, DP_TO_CLIENT, TCP_ACK, 1));
	}
	assert_int_equal(
	        flow_put(t, 0, &(struct spec){20, 5000, 1, 100, 0, false}, TCP_SYN, 1).result,
	        DP_FLOW_FULL);
	assert_null(flow_wrong(t, &flows[3]));
	dp_flow_close(t);
}

/* A client far away needs time to confirm its connection: the oldest half-open flows go first, more
 * or less. Were it chance, a third of them would be left when half of their number is evicted. */
static void half_open_flow_outlives_many_evictions(void **state)
{
	const uint32_t size = 4096, nb_open = 2048, nb_young = 400;
	struct dp_flow_table *t = flow_table(size, 0);
	uint32_t left = 0, next = 100000;

	for (uint32_t i = 0; i < nb_open; i++)
		assert_true(flow_open(t, 0, &(struct spec){i, 4000, 1, 7, 0, false}, 1));
	for (uint32_t i = 0; i < 2 * size; i++)
		flow_put(t, 0, &(struct spec){next++, 1, 1, 9, 0, false}, TCP_SYN, 1);
	for (uint32_t i = 0; i < nb_young; i++)
		flow_put(t, 0, &(struct spec){50000 + i, 1, 1, 9, 0, false}, TCP_SYN, 1);
	for (uint32_t i = 0; i < (size - nb_open) / 2; i++)
		flow_put(t, 0, &(struct spec){next++, 1, 1, 9, 0, false}, TCP_SYN, 1);
	for (uint32_t i = 0; i < nb_young; i++)
		left += flow_wrong(t, &(struct spec){50000 + i, 1, 1, 9, 0, false}) == NULL;
	assert_in_range(left, nb_young / 2, nb_young);
	dp_flow_close(t);
}

/* Where one family's flows fill the buckets' first lines, the other's hang behind them. */
static void flood_of_one_family_leaves_room_for_the_other(void **state)
{
	struct dp_flow_table *t = flow_table(4096, 1024);
	uint32_t refused = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		struct spec s = {100000 + i, (uint16_t)i, 1, 9, 0, i >= 50000};

		refused += flow_put(t, 0, &s, TCP_SYN, 1).result != DP_FLOW_INSERTED;
	}
	assert_in_range(refused, 0, 100);
	dp_flow_close(t);
}

static void family_without_room_refuses(void **state)
{
	struct dp_flow_table *t = flow_table(10, 0);
	struct spec s = {1, 4000, 1, 7, 0, true};

	assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 1).result, DP_FLOW_FULL);
	dp_flow_close(t);
}

/* Two client ports in the one bucket of a tiny table fill its chain; what is half-open goes. */
static void full_bucket_evicts_from_itself(void **state)
{
	struct dp_flow_config config = flow_small(5, 400);
	struct dp_flow_table *t;
	struct spec s = {1, 0, 0, 0, 0, true};
	uint32_t evicted = 0, in_bucket = 0;

	config.client_limit = 128;
	t = flow_table_open(&config, NULL);
	for (uint32_t clients = 0; in_bucket < 200 && clients < 100000; clients++) {
		struct dp_flow_key key;

		s.client++;
		key = flow_key(&s, DP_TO_TARGET);
		if (flow_bucket(t, flow_hash(t, &key)) != 3)
			continue;
		for (s.vip = s.target = 0; s.vip < 100; s.vip++, s.target++, in_bucket++) {
			struct inserted in = flow_put(t, 0, &s, TCP_SYN, 1);

			assert_int_equal(in.result, DP_FLOW_INSERTED);
			evicted += in.nb_ended;
		}
	}
	/* 16 lines would hold 144; a table of 405 flows has 1 + 16 for the chain. */
	assert_int_equal(evicted, 200 - 144);
	assert_int_equal(flow_used(t), 144);
	dp_flow_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(nine_tenths_fit_before_the_first_eviction),
	        cmocka_unit_test(memory_is_at_most_80_bytes_a_flow),
	        cmocka_unit_test(eviction_order_is_half_open_closing_never_open),
	        cmocka_unit_test(expired_goes_before_half_open),
	        cmocka_unit_test(flow_that_opened_since_the_search_is_kept),
	        cmocka_unit_test(entries_come_back_from_another_worker),
	        cmocka_unit_test(flood_moves_no_open_flow),
	        cmocka_unit_test(answered_flood_refuses_nobody),
	        cmocka_unit_test(half_open_flow_outlives_many_evictions),
	        cmocka_unit_test(flood_of_one_family_leaves_room_for_the_other),
	        cmocka_unit_test(answered_udp_goes_after_half_open_and_closing),
	        cmocka_unit_test(family_without_room_refuses),
	        cmocka_unit_test(full_bucket_evicts_from_itself),
	};

	return cmocka_run_group_tests_name("flow_full", tests, NULL, NULL);
}
