/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The truth table of a target's health, for every pair of thresholds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health_state.h"

static const struct cp_probe_result passed = {.outcome = CP_PROBE_PASSED};
static const struct cp_probe_result refused = {CP_PROBE_FAILED, "Connection refused"};
static const struct cp_probe_result timed_out = {.outcome = CP_PROBE_TIMED_OUT};
static const struct cp_probe_result code_404 = {CP_PROBE_BAD_CODE, "404"};
static const struct cp_probe_result code_503 = {CP_PROBE_BAD_CODE, "503"};
static const struct cp_probe_result not_tried = {CP_PROBE_NOT_TRIED, "Too many open files"};

static struct cp_health_settings thresholds(uint8_t healthy, uint8_t unhealthy)
{
	return (struct cp_health_settings){
	        .healthy_threshold = healthy, .unhealthy_threshold = unhealthy};
}

static struct cp_target_health registered(void)
{
	return (struct cp_target_health){.state = LB_TARGET_INITIAL,
	        .reason = CP_REASON_REGISTRATION_IN_PROGRESS,
	        .changed_ms = 1};
}

/* The same result several times in a row. */
static void settle(struct cp_target_health *health, const struct cp_health_settings *settings,
        const struct cp_probe_result *result, int times)
{
	while (times-- > 0)
		cp_health_step(health, settings, result, 2);
}

/* ELBv2 allows 2 to 10 of each. */
#define FOR_ALL_THRESHOLDS(healthy, unhealthy)              \
	for (uint8_t healthy = 2; healthy <= 10; healthy++) \
		for (uint8_t unhealthy = 2; unhealthy <= 10; unhealthy++)

static void first_pass_makes_a_new_target_healthy(void **state)
{
	FOR_ALL_THRESHOLDS(healthy, unhealthy)
	{
		const struct cp_health_settings settings = thresholds(healthy, unhealthy);
		struct cp_target_health health = registered();

		assert_true(cp_health_step(&health, &settings, &passed, 77));
		assert_int_equal(health.state, LB_TARGET_HEALTHY);
		assert_int_equal(health.reason, CP_REASON_NONE);
		assert_int_equal(health.changed_ms, 77);
		assert_false(cp_health_step(&health, &settings, &passed, 78));
		assert_int_equal(health.changed_ms, 77);
	}
}

static void first_pass_counts_after_failures_too(void **state)
{
	FOR_ALL_THRESHOLDS(healthy, unhealthy)
	{
		const struct cp_health_settings settings = thresholds(healthy, unhealthy);

		for (int failures = 1; failures <= unhealthy + 1; failures++) {
			struct cp_target_health health = registered();

			settle(&health, &settings, &refused, failures);
			assert_true(cp_health_step(&health, &settings, &passed, 5));
			assert_int_equal(health.state, LB_TARGET_HEALTHY);
		}
	}
}

static void new_target_becomes_unhealthy_at_the_threshold(void **state)
{
	FOR_ALL_THRESHOLDS(healthy, unhealthy)
	{
		const struct cp_health_settings settings = thresholds(healthy, unhealthy);
		struct cp_target_health health = registered();

		/* the first failure replaces the reason: checks have begun */
		assert_true(cp_health_step(&health, &settings, &refused, 3));
		assert_int_equal(health.state, LB_TARGET_INITIAL);
		assert_int_equal(health.reason, CP_REASON_INITIAL_HEALTH_CHECKING);
		for (int i = 1; i < unhealthy - 1; i++)
			assert_false(cp_health_step(&health, &settings, &refused, 3));
		assert_int_equal(health.changed_ms, 1);
		assert_true(cp_health_step(&health, &settings, &refused, 4));
		assert_int_equal(health.state, LB_TARGET_UNHEALTHY);
		assert_int_equal(health.reason, CP_REASON_FAILED_HEALTH_CHECKS);
		assert_int_equal(health.changed_ms, 4);
	}
}

static void healthy_target_falls_at_the_threshold(void **state)
{
	FOR_ALL_THRESHOLDS(healthy, unhealthy)
	{
		const struct cp_health_settings settings = thresholds(healthy, unhealthy);
		struct cp_target_health health = registered();

		settle(&health, &settings, &passed, 1);
		for (int i = 1; i < unhealthy; i++) {
			assert_false(cp_health_step(&health, &settings, &refused, 9));
			assert_int_equal(health.state, LB_TARGET_HEALTHY);
			assert_int_equal(health.reason, CP_REASON_NONE);
		}
		assert_true(cp_health_step(&health, &settings, &refused, 9));
		assert_int_equal(health.state, LB_TARGET_UNHEALTHY);
	}
}

static void pass_in_between_starts_the_failures_anew(void **state)
{
	FOR_ALL_THRESHOLDS(healthy, unhealthy)
	{
		const struct cp_health_settings settings = thresholds(healthy, unhealthy);
		struct cp_target_health health = registered();

		settle(&health, &settings, &passed, 1);
		for (int round = 0; round < 5; round++) {
			settle(&health, &settings, &refused, unhealthy - 1);
			settle(&health, &settings, &passed, 1);
			assert_int_equal(health.state, LB_TARGET_HEALTHY);
		}
	}
}

static void unhealthy_target_returns_at_the_threshold(void **state)
{
	FOR_ALL_THRESHOLDS(healthy, unhealthy)
	{
		const struct cp_health_settings settings = thresholds(healthy, unhealthy);
		struct cp_target_health health = registered();

		settle(&health, &settings, &passed, 1);
		settle(&health, &settings, &refused, unhealthy);
		for (int i = 1; i < healthy; i++) {
			assert_false(cp_health_step(&health, &settings, &passed, 9));
			assert_int_equal(health.state, LB_TARGET_UNHEALTHY);
		}
		assert_true(cp_health_step(&health, &settings, &passed, 10));
		assert_int_equal(health.state, LB_TARGET_HEALTHY);
		assert_string_equal(health.detail, "");
		assert_int_equal(health.changed_ms, 10);
	}
}

static void failure_in_between_starts_the_passes_anew(void **state)
{
	FOR_ALL_THRESHOLDS(healthy, unhealthy)
	{
		const struct cp_health_settings settings = thresholds(healthy, unhealthy);
		struct cp_target_health health = registered();

		settle(&health, &settings, &passed, 1);
		settle(&health, &settings, &refused, unhealthy);
		for (int round = 0; round < 5; round++) {
			settle(&health, &settings, &passed, healthy - 1);
			settle(&health, &settings, &refused, 1);
			assert_int_equal(health.state, LB_TARGET_UNHEALTHY);
		}
	}
}

static void reason_and_description_say_what_failed_last(void **state)
{
	const struct cp_health_settings settings = thresholds(5, 2);
	struct cp_target_health health = registered();

	settle(&health, &settings, &refused, 2);
	assert_string_equal(health.detail, "Health checks failed");
	assert_true(cp_health_step(&health, &settings, &timed_out, 8));
	assert_int_equal(health.reason, CP_REASON_TIMEOUT);
	assert_string_equal(health.detail, "Request timed out");
	assert_int_equal(health.changed_ms, 2); /* of the state, not of the reason */
	assert_true(cp_health_step(&health, &settings, &code_404, 8));
	assert_int_equal(health.reason, CP_REASON_RESPONSE_CODE_MISMATCH);
	assert_string_equal(health.detail, "Health checks failed with these codes: [404]");
	assert_false(cp_health_step(&health, &settings, &code_503, 8));
	assert_string_equal(health.detail, "Health checks failed with these codes: [503]");
}

static void adopted_healthy_target_keeps_its_state(void **state)
{
	const struct cp_health_settings settings = thresholds(5, 2);
	struct cp_target_health health = {.state = LB_TARGET_HEALTHY};

	assert_false(cp_health_step(&health, &settings, &refused, 9));
	assert_int_equal(health.state, LB_TARGET_HEALTHY);
	assert_false(cp_health_step(&health, &settings, &passed, 9));
	assert_int_equal(health.state, LB_TARGET_HEALTHY);
}

static void probe_that_was_not_made_changes_nothing(void **state)
{
	const struct cp_health_settings settings = thresholds(2, 2);
	struct cp_target_health health = registered();

	settle(&health, &settings, &passed, 1);
	settle(&health, &settings, &refused, 1);
	for (int i = 0; i < 20; i++)
		assert_false(cp_health_step(&health, &settings, &not_tried, 9));
	assert_int_equal(health.state, LB_TARGET_HEALTHY);
	assert_int_equal(health.failed, 1);
}

static void counters_saturate(void **state)
{
	const struct cp_health_settings settings = thresholds(10, 10);
	struct cp_target_health health = registered();

	settle(&health, &settings, &passed, 300);
	assert_int_equal(health.passed, 255);
	settle(&health, &settings, &refused, 300);
	assert_int_equal(health.failed, 255);
	assert_int_equal(health.state, LB_TARGET_UNHEALTHY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(first_pass_makes_a_new_target_healthy),
	        cmocka_unit_test(first_pass_counts_after_failures_too),
	        cmocka_unit_test(new_target_becomes_unhealthy_at_the_threshold),
	        cmocka_unit_test(healthy_target_falls_at_the_threshold),
	        cmocka_unit_test(pass_in_between_starts_the_failures_anew),
	        cmocka_unit_test(unhealthy_target_returns_at_the_threshold),
	        cmocka_unit_test(failure_in_between_starts_the_passes_anew),
	        cmocka_unit_test(reason_and_description_say_what_failed_last),
	        cmocka_unit_test(adopted_healthy_target_keeps_its_state),
	        cmocka_unit_test(probe_that_was_not_made_changes_nothing),
	        cmocka_unit_test(counters_saturate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
