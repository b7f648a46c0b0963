/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The times from changes to everybody running them: which samples are made, and their summary.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "publish/latency.h"

#define US UINT64_C(1000)

static struct cp_latency_summary summary_of(const struct cp_latency *latency)
{
	struct cp_latency_summary summary;

	cp_latency_summarize(latency, &summary);
	return summary;
}

/* One change at 'begun_us', acknowledged 'us' later. */
static void change(struct cp_latency *latency, uint64_t revision, uint64_t begun_us, uint64_t us)
{
	cp_latency_begin(latency, begun_us * US);
	cp_latency_built(latency, revision);
	cp_latency_acknowledged(latency, revision, (begun_us + us) * US);
}

static void test_without_samples_all_is_zero(void **state)
{
	struct cp_latency latency = {0};
	struct cp_latency_summary summary = summary_of(&latency);

	assert_int_equal(summary.count, 0);
	assert_int_equal(summary.median_us, 0);
	assert_int_equal(summary.p99_us, 0);
	assert_int_equal(summary.max_us, 0);
}

static void test_a_generation_counts_from_its_oldest_change(void **state)
{
	struct cp_latency latency = {0};

	cp_latency_begin(&latency, 1000 * US);
	cp_latency_begin(&latency, 1400 * US);
	cp_latency_built(&latency, 5);
	cp_latency_acknowledged(&latency, 4, 1500 * US);
	assert_int_equal(summary_of(&latency).count, 0);
	cp_latency_acknowledged(&latency, 5, 1700 * US);
	cp_latency_acknowledged(&latency, 5, 1800 * US);
	assert_int_equal(summary_of(&latency).count, 1);
	assert_int_equal(summary_of(&latency).max_us, 700);
}

static void test_generations_of_others_make_no_sample(void **state)
{
	struct cp_latency latency = {0};

	cp_latency_built(&latency, 5);
	cp_latency_acknowledged(&latency, 5, 1700 * US);
	assert_int_equal(summary_of(&latency).count, 0);
}

static void test_one_acknowledgement_may_end_several(void **state)
{
	struct cp_latency latency = {0};

	for (uint64_t i = 1; i <= 3; i++) {
		cp_latency_begin(&latency, i * 100 * US);
		cp_latency_built(&latency, i);
	}
	cp_latency_acknowledged(&latency, 2, 1000 * US);
	assert_int_equal(summary_of(&latency).count, 2);
	assert_int_equal(summary_of(&latency).median_us, 800);
	assert_int_equal(summary_of(&latency).max_us, 900);
	cp_latency_acknowledged(&latency, 3, 1100 * US);
	assert_int_equal(summary_of(&latency).count, 3);
}

/* Somebody is silent for a hundred generations: what does not fit is never told shorter. */
static void test_more_under_way_than_fit_are_not_understated(void **state)
{
	struct cp_latency latency = {0};

	for (uint64_t i = 1; i <= 100; i++) {
		cp_latency_begin(&latency, i * US);
		cp_latency_built(&latency, i);
	}
	cp_latency_acknowledged(&latency, 99, 1000 * US);
	assert_int_equal(summary_of(&latency).count, CP_LATENCY_UNDER_WAY - 1);
	cp_latency_acknowledged(&latency, 100, 2000 * US);
	assert_int_equal(summary_of(&latency).count, CP_LATENCY_UNDER_WAY);
	assert_int_equal(summary_of(&latency).max_us, 2000 - CP_LATENCY_UNDER_WAY);
}

static void test_what_was_lost_makes_no_sample(void **state)
{
	struct cp_latency latency = {0};

	cp_latency_begin(&latency, 1000 * US);
	cp_latency_built(&latency, 1);
	cp_latency_begin(&latency, 1100 * US);
	cp_latency_lost(&latency);
	cp_latency_built(&latency, 2);
	cp_latency_acknowledged(&latency, 2, 9000 * US);
	assert_int_equal(summary_of(&latency).count, 0);
	change(&latency, 3, 10000, 30);
	assert_int_equal(summary_of(&latency).max_us, 30);
}

static void test_the_summary_is_of_ranks(void **state)
{
	struct cp_latency latency = {0};

	for (uint64_t i = 1; i <= 100; i++)
		change(&latency, i, i * 1000, 1 + i * 37 % 101);
	assert_int_equal(summary_of(&latency).median_us, 51);
	assert_int_equal(summary_of(&latency).p99_us, 100);
	assert_int_equal(summary_of(&latency).max_us, 101);
}

static void test_only_the_newest_are_summarized(void **state)
{
	struct cp_latency latency = {0};

	change(&latency, 1, 1, 5000000);
	assert_int_equal(summary_of(&latency).max_us, 5000000);
	for (uint64_t i = 2; i <= CP_LATENCY_KEPT + 1; i++)
		change(&latency, i, i, 7);
	assert_int_equal(summary_of(&latency).max_us, 7);
	assert_int_equal(summary_of(&latency).count, CP_LATENCY_KEPT + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_without_samples_all_is_zero),
	        cmocka_unit_test(test_a_generation_counts_from_its_oldest_change),
	        cmocka_unit_test(test_generations_of_others_make_no_sample),
	        cmocka_unit_test(test_one_acknowledgement_may_end_several),
	        cmocka_unit_test(test_more_under_way_than_fit_are_not_understated),
	        cmocka_unit_test(test_what_was_lost_makes_no_sample),
	        cmocka_unit_test(test_the_summary_is_of_ranks),
	        cmocka_unit_test(test_only_the_newest_are_summarized),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
