/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Virtual addresses of IPv6 flows, of which the table keeps a list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

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
		n += t->vips[i].words[0] != 0;
	return n;
}

static void sizes_are_powers_of_two(void **state)
{
	const uint32_t flows[] = {0, 1, 5, 1000, 16383, 16384, 100000, DP_FLOW_MAX};
	const uint32_t sizes[] = {4, 4, 32, 4096, 65536, 65536, 65536, 65536};

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

/* A process that dies between the two words leaves the first one. */
static void half_written_address_is_forgotten(void **state)
{
	struct dp_flow_table *t = flow_file_open(flow_file_path, NULL);
	struct spec s = flow_of_vip(1);
	bool kept = false;

	assert_true(flow_open(t, 0, &s, 1));
	for (uint32_t i = 0; i < t->nb_vips; i++)
		if (t->vips[i].words[0] == 0)
			t->vips[i].words[0] = 1 + i;
	dp_flow_close(t);
	t = flow_file_open(flow_file_path, &kept);
	assert_true(kept);
	assert_int_equal(nb_used(t), 1);
	assert_null(flow_wrong(t, &s));
	dp_flow_close(t);
}

/* An address that is not at its place, or a flow whose address is gone, is damage. */
static void damaged_addresses_start_empty(void **state)
{
	const struct flow_vip damages[] = {{{0, 0}}, {{UINT64_C(0x20), 1}}};

	for (uint32_t k = 0; k < 2; k++) {
		struct dp_flow_table *t = flow_file_open(flow_file_path, NULL);
		struct spec s = flow_of_vip(1);

		assert_true(flow_open(t, 0, &s, 1));
		for (uint32_t i = 0; i < t->nb_vips; i++)
			if (t->vips[i].words[0] != 0)
				t->vips[i] = damages[k];
		dp_flow_close(t);
		flow_file_assert_starts_empty(flow_file_path);
		unlink(flow_file_path);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, flow_file_remove)
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sizes_are_powers_of_two),
	        cmocka_unit_test(flows_of_one_address_share_a_place),
	        cmocka_unit_test(addresses_without_a_place_are_refused),
	        TEST(opening_frees_what_no_flow_has),
	        TEST(half_written_address_is_forgotten),
	        TEST(damaged_addresses_start_empty),
	};

	return cmocka_run_group_tests_name("flow_vip", tests, flow_file_setup, flow_file_teardown);
}
