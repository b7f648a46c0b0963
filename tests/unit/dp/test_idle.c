/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What an idle worker does next. The clock is passed in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "idle.h"

#define POLLS 32
#define MS    (1000 * US)
#define US    idle.cycles_per_us

static struct dp_idle idle;

static void begin(enum dp_idle_mode mode, bool slow)
{
	uint32_t us;

	dp_idle_init(&idle, mode, slow);
	for (uint32_t i = 0; i < POLLS; i++)
		assert_int_equal(dp_idle_next(&idle, 0, 0, &us), DP_IDLE_POLL_ON);
}

/* The step at 'tsc', and how long it takes. */
static enum dp_idle_step step(uint64_t tsc, uint32_t *us)
{
	*us = 0;
	return dp_idle_next(&idle, 0, tsc, us);
}

static void poll_never_waits(void **state)
{
	uint32_t us;

	begin(DP_IDLE_POLL, true);
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(step(i * MS, &us), DP_IDLE_POLL_ON);
}

static void pause_grows_to_10_us_and_never_sleeps(void **state)
{
	uint32_t us;

	begin(DP_IDLE_PAUSE, true);
	for (uint32_t i = 1; i <= 1000; i++) {
		assert_int_equal(step(i * MS, &us), DP_IDLE_WAIT_IN_CPU);
		assert_int_equal(us, i < 10 ? i : 10);
	}
}

static void sleep_grows_to_100_us(void **state)
{
	uint32_t us;

	begin(DP_IDLE_SLEEP, false);
	for (uint32_t i = 1; i <= 1000; i++) {
		assert_int_equal(step(i * US, &us), DP_IDLE_WAIT_IN_KERNEL);
		assert_int_equal(us, i < 100 ? i : 100);
	}
}

static void auto_pauses_and_sleeps_after_10_ms(void **state)
{
	uint64_t first = 77 * MS;
	uint32_t us;

	begin(DP_IDLE_AUTO, false);
	assert_int_equal(step(first, &us), DP_IDLE_WAIT_IN_CPU);
	assert_int_equal(step(first + 10 * MS - 1, &us), DP_IDLE_WAIT_IN_CPU);
	assert_int_equal(step(first + 10 * MS, &us), DP_IDLE_WAIT_IN_KERNEL);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(step(first + 11 * MS, &us), DP_IDLE_WAIT_IN_KERNEL);
	assert_int_equal(us, 100);
}

static void auto_sleeps_at_once_where_a_poll_costs_others(void **state)
{
	uint32_t us;

	begin(DP_IDLE_AUTO, true);
	assert_int_equal(step(1, &us), DP_IDLE_WAIT_IN_KERNEL);
	assert_int_equal(us, 1);
}

static void a_packet_begins_it_all_again(void **state)
{
	static const enum dp_idle_mode modes[] = {DP_IDLE_AUTO, DP_IDLE_PAUSE, DP_IDLE_SLEEP};

	for (uint32_t m = 0; m < 3; m++) {
		uint32_t us;

		begin(modes[m], false);
		for (uint32_t i = 0; i < 300; i++)
			step(i * MS, &us);
		assert_true(us >= 10);
		assert_int_equal(dp_idle_next(&idle, 1, 300 * MS, &us), DP_IDLE_POLL_ON);
		for (uint32_t i = 0; i < POLLS; i++)
			assert_int_equal(step(300 * MS, &us), DP_IDLE_POLL_ON);
		assert_int_equal(step(300 * MS, &us),
		        modes[m] == DP_IDLE_SLEEP ? DP_IDLE_WAIT_IN_KERNEL : DP_IDLE_WAIT_IN_CPU);
		assert_int_equal(us, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(poll_never_waits),
	        cmocka_unit_test(pause_grows_to_10_us_and_never_sleeps),
	        cmocka_unit_test(sleep_grows_to_100_us),
	        cmocka_unit_test(auto_pauses_and_sleeps_after_10_ms),
	        cmocka_unit_test(auto_sleeps_at_once_where_a_poll_costs_others),
	        cmocka_unit_test(a_packet_begins_it_all_again),
	};

	return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
