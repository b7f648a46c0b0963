/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The choice of a target: the hash that all nodes share, and the walk along a Maglev table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "frame.h"
#include "select.h"

#define PLACES 128

struct table {
	uint8_t segment[4096];
	uint32_t maglev[PLACES];
	uint32_t epochs[8];
	struct dp_tables view;
	struct lb_listener listener;
};

static struct dp_flow_key key_of(const char *client, uint16_t client_port)
{
	return (struct dp_flow_key){.client = frame_ip(client),
	        .other = frame_ip("10.90.0.10"),
	        .client_port = htons(client_port),
	        .other_port = htons(80),
	        .protocol = IPPROTO_TCP};
}

/* A table over the slots 0..nb-1 in turn, all alive. */
static void table_init(struct table *t, uint32_t nb)
{
	memset(t, 0, sizeof(*t));
	for (uint32_t i = 0; i < PLACES; i++)
		t->maglev[i] = i % nb;
	for (uint32_t i = 0; i < 8; i++)
		t->epochs[i] = i + 1;
	memcpy(t->segment + 1024, t->maglev, sizeof(t->maglev));
	t->view = (struct dp_tables){.segment = t->segment,
	        .segment_size = sizeof(t->segment),
	        .nb_slots = 8,
	        .epochs = t->epochs};
	t->listener = (struct lb_listener){.maglev_offset = 1024, .maglev_size = PLACES};
}

static uint32_t hash_of(const struct dp_flow_key *key, bool client_only)
{
	const uint32_t at = 13;
	struct dp_select_hashes hashes;
	struct dp_flow_keys keys;

	memset(&keys, 0x5a, sizeof(keys));
	dp_flow_keys_set(&keys, at, key);
	dp_select_hash(&keys, key->is_v6, UINT64_C(1) << at, &hashes);
	return client_only ? hashes.client[at] : hashes.flow[at];
}

/* One key alone, word by word as select.h says it. */
static uint32_t plain_hash(const struct dp_flow_key *key, bool client_only)
{
	uint64_t words[5], h = UINT64_C(0x9e3779b97f4a7c15);

	memcpy(words, &key->client, 16);
	memcpy(words + 2, &key->other, 16);
	words[4] = (uint64_t)key->client_port | (uint64_t)key->other_port << 16 |
	           (uint64_t)key->protocol << 32;
	for (uint32_t i = 0; i < (client_only ? 2 : 5); i++)
		h = lb_mix(h ^ words[i]);
	return (uint32_t)(h >> 32);
}

static struct lb_ip random_ip(bool is_v6)
{
	struct lb_ip ip = lb_ip_from_v4((lb_be32)rand());

	for (uint32_t i = 0; is_v6 && i < sizeof(ip.bytes); i++)
		ip.bytes[i] = (uint8_t)rand();
	return ip;
}

/* Sets of all sizes, at all places. */
static void many_keys_have_the_hashes_of_each_alone(void **state)
{
	srand(1);
	for (uint32_t round = 0; round < 1000; round++) {
		uint64_t set = (uint64_t)rand() << 40 ^ (uint64_t)rand() << 20 ^ (uint64_t)rand();
		bool is_v6 = round % 2;
		struct dp_flow_key all[DP_FLOW_BURST];
		struct dp_select_hashes hashes;
		struct dp_flow_keys keys;

		set >>= round % DP_FLOW_BURST;
		for (uint32_t i = 0; i < DP_FLOW_BURST; i++) {
			all[i] = (struct dp_flow_key){.client = random_ip(is_v6),
			        .other = random_ip(is_v6),
			        .client_port = (lb_be16)rand(),
			        .other_port = (lb_be16)rand(),
			        .protocol = (uint8_t)rand(),
			        .is_v6 = is_v6};
			dp_flow_keys_set(&keys, i, &all[i]);
		}
		dp_select_hash(&keys, is_v6, set, &hashes);
		for (uint32_t i = 0; i < DP_FLOW_BURST; i++) {
			if (!(set >> i & 1))
				continue;
			assert_int_equal(hashes.flow[i], plain_hash(&all[i], false));
			assert_int_equal(hashes.client[i], plain_hash(&all[i], true));
		}
	}
}

/* Numbers computed once from the definition in select.h by another program. A change of them moves
 * flows between nodes of different releases. */
static void the_hash_is_the_one_that_select_h_defines(void **state)
{
	struct dp_flow_key v4 = key_of("192.0.2.1", 20000);
	struct dp_flow_key v6 = {.client = frame_ip("2001:db8::1"),
	        .other = frame_ip("fd00:90::10"),
	        .client_port = htons(65535),
	        .other_port = htons(53),
	        .protocol = IPPROTO_UDP,
	        .is_v6 = 1};

	assert_int_equal(hash_of(&v4, false), 0xd92d30fe);
	assert_int_equal(hash_of(&v4, true), 0x421e5c04);
	assert_int_equal(hash_of(&v6, false), 0xa16626a6);
	assert_int_equal(hash_of(&v6, true), 0x23ec5ced);
}

static void the_client_alone_decides_with_source_ip(void **state)
{
	struct dp_flow_key a = key_of("192.0.2.1", 20000), b = key_of("192.0.2.1", 20001);

	b.other_port = htons(443);
	b.other = frame_ip("10.90.0.11");
	assert_int_equal(hash_of(&a, true), hash_of(&b, true));
	assert_int_not_equal(hash_of(&a, false), hash_of(&b, false));
	b.client = frame_ip("192.0.2.2");
	assert_int_not_equal(hash_of(&a, true), hash_of(&b, true));
}

static void ports_of_one_client_spread_over_all_places(void **state)
{
	uint32_t hits[16] = {0};

	for (uint32_t port = 1; port <= 65535; port++) {
		struct dp_flow_key key = key_of("192.0.2.1", (uint16_t)port);

		hits[lb_maglev_entry(hash_of(&key, false), 16)]++;
	}
	/* 4,096 each, standard deviation 62 */
	for (uint32_t i = 0; i < 16; i++)
		assert_in_range(hits[i], 4096 - 6 * 62, 4096 + 6 * 62);
}

static void different_living_targets_are_offered(void **state)
{
	struct dp_select s;
	struct table t;

	table_init(&t, 6);
	t.epochs[1] = 0;
	assert_true(dp_select_start(&s, &t.view, &t.listener, 0));
	assert_int_equal(dp_select_next(&s), 0);
	assert_int_equal(dp_select_next(&s), 2);
	assert_int_equal(dp_select_next(&s), 3);
	assert_int_equal(dp_select_next(&s), 4);
	assert_int_equal(dp_select_next(&s), LB_NO_SLOT);
}

static void the_walk_wraps_and_ends(void **state)
{
	struct dp_select s;
	struct table t;

	table_init(&t, 2);
	assert_true(dp_select_start(&s, &t.view, &t.listener, UINT32_MAX));
	assert_int_equal(s.at, PLACES - 1);
	assert_int_equal(dp_select_next(&s), 1);
	assert_int_equal(dp_select_next(&s), 0);
	assert_int_equal(dp_select_next(&s), LB_NO_SLOT);
	assert_int_equal(s.places_left, 0);
}

static void slots_out_of_range_are_passed_over(void **state)
{
	uint32_t hostile[] = {UINT32_MAX, 8, LB_NO_SLOT, 1u << 31};
	struct dp_select s;
	struct table t;

	table_init(&t, 1);
	memcpy(t.segment + 1024, hostile, sizeof(hostile));
	assert_true(dp_select_start(&s, &t.view, &t.listener, 0));
	assert_int_equal(dp_select_next(&s), 0);
	assert_int_equal(s.at, RTE_DIM(hostile) + 1);
}

static void a_maglev_table_outside_of_the_segment_is_refused(void **state)
{
	struct dp_select s;
	struct table t;

	table_init(&t, 1);
	t.listener.maglev_size = 0;
	assert_false(dp_select_start(&s, &t.view, &t.listener, 1));
	t.listener.maglev_size = (4096 - 1024) / 4;
	assert_true(dp_select_start(&s, &t.view, &t.listener, 1));
	t.listener.maglev_size++;
	assert_false(dp_select_start(&s, &t.view, &t.listener, 1));
	t.listener.maglev_size = UINT32_MAX;
	assert_false(dp_select_start(&s, &t.view, &t.listener, 1));
	t.listener.maglev_size = PLACES;
	t.listener.maglev_offset = UINT64_MAX - 63;
	assert_false(dp_select_start(&s, &t.view, &t.listener, 1));
	t.listener.maglev_offset = 1028;
	assert_false(dp_select_start(&s, &t.view, &t.listener, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_hash_is_the_one_that_select_h_defines),
	        cmocka_unit_test(many_keys_have_the_hashes_of_each_alone),
	        cmocka_unit_test(the_client_alone_decides_with_source_ip),
	        cmocka_unit_test(ports_of_one_client_spread_over_all_places),
	        cmocka_unit_test(different_living_targets_are_offered),
	        cmocka_unit_test(the_walk_wraps_and_ends),
	        cmocka_unit_test(slots_out_of_range_are_passed_over),
	        cmocka_unit_test(a_maglev_table_outside_of_the_segment_is_refused),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
