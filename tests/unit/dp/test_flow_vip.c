/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Virtual addresses of IPv6 flows, of which the table keeps a list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "flow_entry.h"
#include "flow_file_fixture.h"
#include "flow_vip.h"

static struct spec flow_of_vip(uint16_t i)
{
	return (struct spec){
	        .client = 100u + i, .port = 4000, .vip = i, .target = 7, .is_v6 = true};
}

static uint32_t nb_used(const struct dp_flow_table *t)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->nb_vips; i++)
		n += (t->vips[i].words[0] | t->vips[i].words[1]) != 0;
	return n;
}

static void sizes_are_powers_of_two(void **state)
{
	const uint32_t flows[] = {0, 1, 5, 64, 1000, 2000, 16383, 16384, DP_FLOW_MAX};
	const uint32_t sizes[] = {4, 4, 32, 4096, 4096, 8192, 65536, 65536, 65536};

	for (uint32_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		assert_int_equal(flow_vips_size(flows[i]), sizes[i]);
}

static void flows_of_one_address_share_a_place(void **state)
{
	struct dp_flow_table *t = flow_table(0, 100);

	for (uint16_t i = 0; i < 50; i++) {
		struct spec s = {i, 4000, i % 2, i, 0, true};

		assert_true(flow_open(t, 0, &s, 1));
	}
	assert_int_equal(nb_used(t), 2);
	for (uint16_t i = 0; i < 50; i++) {
		struct spec s = {i, 4000, i % 2, i, 0, true};

		assert_null(flow_wrong(t, &s));
	}
	dp_flow_close(t);
}

/* More addresses than there are places: a flow is refused, and those that stand are as they were.
 * IPv4 knows no such limit. */
static void addresses_without_a_place_are_refused(void **state)
{
	struct dp_flow_table *t = flow_table(2000, 8);
	uint16_t refused = 0;

	for (uint16_t i = 0; i < 200; i++) {
		struct spec s = flow_of_vip(i);
		struct inserted in = flow_put(t, 0, &s, TCP_SYN, 1);
		struct dp_flow gone;

		if (in.result == DP_FLOW_VIP_LIMIT) {
			refused++;
			continue;
		}
		assert_int_equal(in.result, DP_FLOW_INSERTED);
		assert_null(flow_wrong(t, &s));
		assert_true(flow_get(t, &s, DP_TO_TARGET, &gone));
		assert_true(dp_flow_remove(t, 0, &gone));
	}
	assert_int_equal(refused, 200 - t->nb_vips);
	assert_int_equal(nb_used(t), t->nb_vips);
	for (uint16_t i = 0; i < 200; i++) {
		struct spec s = flow_of_vip(i);

		s.is_v6 = false;
		assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	}
	dp_flow_close(t);
}

/* The number of an address, which flow_vip_number() must have a place for. */
static uint16_t number_of(struct dp_flow_table *t, const struct lb_ip *ip)
{
	uint64_t words[2];
	uint16_t number;

	memcpy(words, ip, sizeof(words));
	assert_true(flow_vip_number(t, words, &number));
	assert_memory_equal(t->vips[number].words, ip, sizeof(*ip));
	return number;
}

/* Addresses that differ in two bytes alone, whichever, as the networks of a plan do. */
static void networks_of_any_plan_have_places(void **state)
{
	for (uint32_t byte = 0; byte < 15; byte++) {
		struct dp_flow_table *t = flow_table(0, 1 << 18);
		struct lb_ip ip = {.bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

		for (uint32_t i = 0; i < 4096; i++) {
			ip.bytes[byte] = (uint8_t)(0x20 + i);
			ip.bytes[byte + 1] = (uint8_t)(i >> 8);
			number_of(t, &ip);
		}
		assert_int_equal(nb_used(t), 4096);
		dp_flow_close(t);
	}
}

/* As many as three quarters of the places. */
static void most_places_can_be_taken(void **state)
{
	struct dp_flow_table *t = flow_table(0, 1 << 18);
	struct lb_ip ip = {.bytes = {0x20, 0x01, 0x0d, 0xb8}};

	srandom(1);
	for (uint32_t i = 0; i < t->nb_vips / 4 * 3; i++) {
		for (uint32_t byte = 4; byte < 16; byte++)
			ip.bytes[byte] = (uint8_t)random();
		number_of(t, &ip);
	}
	dp_flow_close(t);
}

/* Half an address looks like none that can be asked for, and ::/64 has no places. */
static void half_an_address_is_nobodys(void **state)
{
	struct dp_flow_table *t = flow_table(0, 1); /* four places, all of which are looked at */
	const uint64_t network[2] = {UINT64_C(0x0100b80d0120), 0}, upper_zero[2] = {0, 5};
	uint16_t number;

	t->vips[2].words[1] = 5; /* of an address of that network, which somebody is writing */
	assert_true(flow_vip_number(t, network, &number));
	assert_int_not_equal(number, 2);
	assert_false(flow_vip_number(t, (const uint64_t[2]){0, 0}, &number));
	t->vips[2].words[1] = 0;
	assert_false(flow_vip_number(t, upper_zero, &number));
	dp_flow_close(t);
}

static void opening_frees_what_no_flow_has(void **state)
{
	struct dp_flow_table *t = flow_file_open(flow_file_path, NULL);
	bool kept = false;

	for (uint16_t i = 0; i < 20; i++) {
		struct spec s = flow_of_vip(i);
		struct dp_flow gone;

		assert_true(flow_open(t, 0, &s, 1));
		if (i % 2 == 0)
			continue;
		assert_true(flow_get(t, &s, DP_TO_TARGET, &gone));
		assert_true(dp_flow_remove(t, 0, &gone));
	}
	assert_int_equal(nb_used(t), 20);
	dp_flow_close(t);
	t = flow_file_open(flow_file_path, &kept);
	assert_true(kept);
	assert_int_equal(nb_used(t), 10);
	for (uint16_t i = 0; i < 20; i += 2) {
		struct spec s = flow_of_vip(i);

		assert_null(flow_wrong(t, &s));
	}
	dp_flow_close(t);
}

/* A process that dies between the two words leaves the second one. */
static void half_written_address_is_forgotten(void **state)
{
	struct dp_flow_table *t = flow_file_open(flow_file_path, NULL);
	struct spec s = flow_of_vip(1);
	bool kept = false;

	assert_true(flow_open(t, 0, &s, 1));
	for (uint32_t i = 0; i < t->nb_vips; i++)
		if (t->vips[i].words[0] == 0)
			t->vips[i].words[1] = 1 + i;
	dp_flow_close(t);
	t = flow_file_open(flow_file_path, &kept);
	assert_true(kept);
	assert_int_equal(nb_used(t), 1);
	assert_null(flow_wrong(t, &s));
	dp_flow_close(t);
}

/* A flow whose address is gone is damage. */
static void damaged_addresses_start_empty(void **state)
{
	struct dp_flow_table *t = flow_file_open(flow_file_path, NULL);
	struct spec s = flow_of_vip(1);

	assert_true(flow_open(t, 0, &s, 1));
	for (uint32_t i = 0; i < t->nb_vips; i++)
		t->vips[i] = (struct flow_vip){{0, 0}};
	dp_flow_close(t);
	flow_file_assert_starts_empty(flow_file_path);
}

/* And so is an address far from where it is looked for, and one of ::/64. */
static void addresses_out_of_place_are_bad(void **state)
{
	struct dp_flow_table *t = flow_table(0, 1 << 18);
	struct lb_ip ip = {.bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	uint16_t number = number_of(t, &ip), far = (uint16_t)(number + 1000);

	assert_true(flow_vip_is_good(t, number));
	assert_false(flow_vip_is_good(t, far));
	t->vips[far] = t->vips[number];
	assert_false(flow_vip_is_good(t, far));
	t->vips[number].words[0] = 0;
	assert_false(flow_vip_is_good(t, number));
	dp_flow_close(t);
}

/* The memory is shared, and files get damaged. */
static void a_damaged_number_leads_nowhere(void **state)
{
	struct dp_flow_table *t = flow_table(0, 1);
	struct spec s = flow_of_vip(0);
	struct inserted in = flow_put(t, 0, &s, TCP_SYN, 1);
	struct dp_flow flow;
	flow_half *number;

	assert_int_equal(in.result, DP_FLOW_INSERTED);
	assert_true(t->map_size < UINT16_MAX * sizeof(t->vips[0]));
	number = (flow_half *)flow_entry(t, in.flow.index) + FLOW_VIP_AT16;
	*number = (uint16_t) ~*number;
	assert_false(flow_get(t, &s, DP_TO_TARGET, &flow));
	dp_flow_close(t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, flow_file_remove)
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sizes_are_powers_of_two),
	        cmocka_unit_test(flows_of_one_address_share_a_place),
	        cmocka_unit_test(addresses_without_a_place_are_refused),
	        cmocka_unit_test(networks_of_any_plan_have_places),
	        cmocka_unit_test(most_places_can_be_taken),
	        cmocka_unit_test(half_an_address_is_nobodys),
	        TEST(opening_frees_what_no_flow_has),
	        TEST(half_written_address_is_forgotten),
	        TEST(damaged_addresses_start_empty),
	        cmocka_unit_test(addresses_out_of_place_are_bad),
	        cmocka_unit_test(a_damaged_number_leads_nowhere),
	};

	return cmocka_run_group_tests_name("flow_vip", tests, flow_file_setup, flow_file_teardown);
}
