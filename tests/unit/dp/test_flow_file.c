/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow table's file: found again with its flows, or refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "clock.h"
#include "flow_file_fixture.h"

static void reopened_table_has_its_flows(void **state)
{
	struct dp_flow_table *t = flow_file_fill(flow_file_path, 30);
	struct dp_flow_config config = flow_file_config(flow_file_path);
	struct dp_flow flow;
	struct stat st;
	bool kept = false;
	struct spec s = flow_file_flow(5);

	assert_true(flow_get(t, &s, DP_TO_TARGET, &flow));
	assert_true(dp_flow_remove(t, 0, &flow));
	dp_flow_close(t);
	assert_int_equal(stat(flow_file_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	config.nb_workers = 7; /* another number of workers: the same table */
	t = flow_table_open(&config, &kept);
	assert_true(kept);
	assert_int_equal(flow_used(t), 29);
	assert_non_null(flow_wrong(t, &s));
	assert_int_equal(flow_put(t, 7, &s, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	flow_file_assert_flows(t, 30);
	dp_flow_close(t);
}

/* All that was free before is free afterwards, and can be used. */
static void reopened_table_can_be_filled(void **state)
{
	struct dp_flow_table *t;

	dp_flow_close(flow_file_fill(flow_file_path, 30));
	t = flow_file_open(flow_file_path, NULL);
	for (uint16_t i = 0; i < 2 * FLOW_FILE_FLOWS - 30; i++) {
		struct spec s = {1000u + i, 1, 1, 1, 0, i >= FLOW_FILE_FLOWS - 20};
		struct inserted in = flow_put(t, 0, &s, TCP_SYN, 1);

		assert_int_equal(in.result, DP_FLOW_INSERTED);
		assert_int_equal(in.nb_ended, 0);
	}
	assert_int_equal(flow_used(t), 2 * FLOW_FILE_FLOWS);
	flow_file_assert_flows(t, 30);
	dp_flow_close(t);
}

static void clock_goes_on(void **state)
{
	struct dp_flow_table *t = flow_file_open(flow_file_path, NULL);
	uint64_t later = dp_clock_boot_ms() + 5000;
	uint32_t now = dp_flow_now(t, later);

	assert_in_range(now, 5, 60);
	assert_int_equal(dp_flow_now(t, later + 2000), now + 2);
	assert_int_equal(dp_flow_now(t, 0), 0);
	dp_flow_close(t);
	t = flow_file_open(flow_file_path, NULL);
	assert_int_equal(dp_flow_now(t, later), now);
	dp_flow_close(t);
}

static void table_in_use_is_busy(void **state)
{
	struct dp_flow_table *t = flow_file_fill(flow_file_path, 10), *other;
	struct dp_flow_config config = flow_file_config(flow_file_path);

	assert_int_equal(dp_flow_open(&config, &other, NULL), -EBUSY);
	flow_file_assert_flows(t, 10);
	dp_flow_close(t);
}

static void what_is_no_file_is_refused(void **state)
{
	struct dp_flow_config config = flow_file_config(flow_file_path);
	struct dp_flow_table *t;

	assert_int_equal(symlink("/etc/passwd", flow_file_path), 0);
	assert_int_equal(dp_flow_open(&config, &t, NULL), -ELOOP);
	config.path = flow_file_directory;
	assert_int_equal(dp_flow_open(&config, &t, NULL), -EISDIR);
	config.path = "/nonexistent/flows";
	assert_int_equal(dp_flow_open(&config, &t, NULL), -ENOENT);
}

#define HEADER_CASE(field)                                                                      \
	do {                                                                                    \
		uint64_t other = UINT64_C(0x123456789abcdef);                                   \
		dp_flow_close(flow_file_fill(flow_file_path, 30));                              \
		flow_file_write_at(flow_file_path, offsetof(struct flow_header, field), &other, \
		        sizeof(((struct flow_header *)0)->field) < 8                            \
		                ? sizeof(((struct flow_header *)0)->field)                      \
		                : 8);                                                           \
		flow_file_assert_starts_empty(flow_file_path);                                  \
		unlink(flow_file_path);                                                         \
	} while (0)

static void another_header_starts_empty(void **state)
{
	HEADER_CASE(magic);
	HEADER_CASE(layout);
	HEADER_CASE(nb_buckets);
	HEADER_CASE(nb_overflow);
	HEADER_CASE(capacity);
	HEADER_CASE(size);
	HEADER_CASE(boot_id);
	HEADER_CASE(secret);
}

static void another_size_starts_empty(void **state)
{
	struct dp_flow_config config = flow_file_config(flow_file_path);
	bool kept = true;

	dp_flow_close(flow_file_fill(flow_file_path, 30));
	config.ipv4_flows++;
	dp_flow_close(flow_table_open(&config, &kept));
	assert_false(kept);
	assert_int_equal(truncate(flow_file_path, 5000), 0);
	flow_file_assert_starts_empty(flow_file_path);
}

static void flow_from_the_future_is_aged(void **state)
{
	struct dp_flow_table *t = flow_file_open(flow_file_path, NULL);
	struct spec s = flow_file_flow(1);
	struct dp_flow flow;

	assert_int_equal(flow_put(t, 0, &s, TCP_SYN, 4000000000u).result, DP_FLOW_INSERTED);
	dp_flow_close(t);
	t = flow_file_open(flow_file_path, NULL);
	assert_true(flow_get(t, &s, DP_TO_TARGET, &flow));
	assert_in_range(flow.last_seen, 0, 60);
	dp_flow_close(t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, flow_file_remove)
	const struct CMUnitTest tests[] = {
	        TEST(reopened_table_has_its_flows),
	        TEST(reopened_table_can_be_filled),
	        TEST(clock_goes_on),
	        TEST(table_in_use_is_busy),
	        TEST(what_is_no_file_is_refused),
	        TEST(another_header_starts_empty),
	        TEST(another_size_starts_empty),
	        TEST(flow_from_the_future_is_aged),
	};

	return cmocka_run_group_tests_name("flow_file", tests, flow_file_setup, flow_file_teardown);
}
