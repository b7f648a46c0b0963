/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Maglev tables: shares, independence of order, and how many places a change moves that it did not
 * have to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "build/maglev.h"

#define MAX_MEMBERS 1000

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state += UINT64_C(0x9e3779b97f4a7c15);
	return lb_mix(random_state);
}

/* Members with slots 0 .. nb-1, random identities, weight 1, all eligible. */
static void members_make(struct cp_maglev_member *members, uint32_t nb, uint64_t seed)
{
	random_state = seed;
	for (uint32_t i = 0; i < nb; i++)
		members[i] = (struct cp_maglev_member){
		        .identity = random_next(), .slot = i, .weight = 1, .eligible = 1};
}

/* The table as a builder makes it; freed by the caller. */
static uint32_t *table_make(const struct cp_maglev_member *given, uint32_t nb, uint32_t size)
{
	struct cp_maglev_member *members = malloc(nb * sizeof(*members));
	uint32_t *base = malloc(size * sizeof(*base));
	uint32_t *table = malloc(size * sizeof(*table));

	assert_non_null(members);
	assert_non_null(base);
	assert_non_null(table);
	memcpy(members, given, nb * sizeof(*members));
	cp_maglev_sort(members, nb);
	assert_int_equal(cp_maglev_base(base, size, members, nb), 0);
	assert_int_equal(cp_maglev_table(table, base, size, members, nb), 0);
	free(base);
	free(members);
	return table;
}

static void count_shares(const uint32_t *table, uint32_t size, uint32_t *shares, uint32_t nb)
{
	memset(shares, 0, nb * sizeof(*shares));
	for (uint32_t e = 0; e < size; e++) {
		assert_in_range(table[e], 0, nb - 1);
		shares[table[e]]++;
	}
}

static void test_size_is_the_smallest_prime_with_100_places_a_target(void **state)
{
	static const struct {
		uint32_t nb, size;
	} expected[] = {{0, 0}, {1, 1021}, {10, 1021}, {11, 4093}, {40, 4093}, {41, 16381},
	        {163, 16381}, {164, 65537}, {655, 65537}, {656, 655373}, {6553, 655373},
	        {100000, 655373}};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(cp_maglev_size(expected[i].nb), expected[i].size);
}

static void test_equal_weights_share_evenly(void **state)
{
	static const uint32_t numbers[] = {1, 2, 3, 10, 99, 655};
	struct cp_maglev_member members[MAX_MEMBERS];
	uint32_t shares[MAX_MEMBERS];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint32_t nb = numbers[i], size = cp_maglev_size(nb), *table;

		members_make(members, nb, nb);
		table = table_make(members, nb, size);
		count_shares(table, size, shares, nb);
		for (uint32_t m = 0; m < nb; m++)
			assert_in_range(shares[m], size / nb, size / nb + 1);
		free(table);
	}
}

static void test_shares_follow_weights(void **state)
{
	static const uint16_t weights[] = {1, 2, 3, 10, 100, 999, 0, 7};
	const uint32_t nb = sizeof(weights) / sizeof(weights[0]), size = 16381;
	struct cp_maglev_member members[8];
	uint32_t shares[8], sum = 0, *table;

	(void)state;
	members_make(members, nb, 4);
	for (uint32_t i = 0; i < nb; i++) {
		members[i].weight = weights[i];
		members[i].eligible = weights[i] > 0;
		sum += weights[i];
	}
	table = table_make(members, nb, size);
	count_shares(table, size, shares, nb);
	for (uint32_t i = 0; i < nb; i++) {
		double fair = (double)size * weights[i] / sum;

		/* everybody's first turn comes at once, which the heavy ones pay for */
		assert_true(shares[i] >= fair - nb && shares[i] <= fair + 1);
	}
	assert_int_equal(shares[6], 0);
	free(table);
}

static void test_a_small_weight_among_large_ones_gets_a_place(void **state)
{
	struct cp_maglev_member members[10];
	uint32_t shares[10], *table;

	(void)state;
	members_make(members, 10, 5);
	for (uint32_t i = 1; i < 10; i++)
		members[i].weight = 999;
	table = table_make(members, 10, 1021);
	count_shares(table, 1021, shares, 10);
	assert_int_equal(shares[0], 1);
	free(table);
}

/* By identities, since slots are a node's own. */
static void test_any_order_and_any_slots_make_the_same_table(void **state)
{
	struct cp_maglev_member a[50], b[50];
	uint32_t *table_a, *table_b;

	(void)state;
	members_make(a, 50, 6);
	for (uint32_t i = 0; i < 50; i++) {
		a[i].weight = 1 + i % 5;
		a[i].eligible = i % 7 != 0;
		b[49 - i] = a[i];
		b[49 - i].slot = 49 - i;
	}
	table_a = table_make(a, 50, 16381);
	table_b = table_make(b, 50, 16381);
	for (uint32_t e = 0; e < 16381; e++)
		assert_true(a[table_a[e]].identity == b[table_b[e]].identity);
	free(table_a);
	free(table_b);
}

static void test_ineligible_members_get_nothing_and_the_rest_share_fairly(void **state)
{
	struct cp_maglev_member members[100];
	uint32_t shares[100], *table;
	double lowest = 1, highest = 1;

	(void)state;
	for (uint32_t nb_left = 1; nb_left < 100; nb_left += 7) {
		members_make(members, 100, 7);
		for (uint32_t i = nb_left; i < 100; i++)
			members[i].eligible = 0;
		table = table_make(members, 100, 16381);
		count_shares(table, 16381, shares, 100);
		for (uint32_t i = 0; i < nb_left; i++) {
			double share = (double)shares[i] * nb_left / 16381;

			lowest = share < lowest ? share : lowest;
			highest = share > highest ? share : highest;
		}
		for (uint32_t i = nb_left; i < 100; i++)
			assert_int_equal(shares[i], 0);
		free(table);
	}
	print_message("1 to 99 of 100 targets left: shares of %.3f to %.3f of the fair one\n",
	        lowest, highest);
	assert_true(lowest > 0.85 && highest < 1.06);
}

static void test_weights_hold_when_a_member_fails(void **state)
{
	struct cp_maglev_member members[4];
	uint32_t shares[4], *table;

	(void)state;
	members_make(members, 4, 8);
	for (uint32_t i = 0; i < 4; i++)
		members[i].weight = (uint16_t)(i + 1);
	members[3].eligible = 0;
	table = table_make(members, 4, 4093);
	count_shares(table, 4093, shares, 4);
	for (uint32_t i = 0; i < 3; i++) {
		double fair = 4093.0 * (i + 1) / 6;

		assert_true(shares[i] > fair * 0.95 && shares[i] < fair * 1.05);
	}
	free(table);
}

/* Of the places of members that are in use before and after a change: the share, in percent of all
 * places, that moved although its owner stayed. */
static double needless(const struct cp_maglev_member *before, const struct cp_maglev_member *after,
        uint32_t nb, uint32_t size)
{
	uint32_t *a = table_make(before, nb, size), *b = table_make(after, nb, size), moved = 0;

	for (uint32_t e = 0; e < size; e++)
		moved += a[e] != b[e] && after[a[e]].eligible && before[b[e]].eligible;
	free(a);
	free(b);
	return 100.0 * moved / size;
}

static const struct {
	uint32_t nb, fail, size;
	double plain; /* percent, of plain Maglev dealt anew, simulated over 200 runs */
} measures[] = {
        {10, 1, 16381, 0.53},
        {100, 1, 16381, 1.34},
        {100, 1, 65537, 0.57},
        {1000, 1, 65537, 0.58},
        {1000, 1, 655373, 0.33},
        {1000, 10, 65537, 2.34},
        {1000, 10, 655373, 0.58},
};
#define NB_MEASURES (sizeof(measures) / sizeof(measures[0]))

static void test_failing_from_health_moves_nothing_needlessly(void **state)
{
	struct cp_maglev_member before[MAX_MEMBERS], after[MAX_MEMBERS];

	(void)state;
	for (size_t i = 0; i < NB_MEASURES; i++) {
		members_make(before, measures[i].nb, i);
		memcpy(after, before, sizeof(before));
		for (uint32_t k = 0; k < measures[i].fail; k++)
			after[k * 7].eligible = 0;
		assert_true(needless(before, after, measures[i].nb, measures[i].size) == 0);
		assert_true(needless(after, before, measures[i].nb, measures[i].size) == 0);
	}
}

/* One more fails, or comes back, while others are down: not nothing, but less than plain Maglev
 * moves with everybody well. */
static void test_failing_beside_other_failures_moves_less_than_plain_maglev(void **state)
{
	struct cp_maglev_member before[MAX_MEMBERS], after[MAX_MEMBERS];
	const uint32_t nb_runs = 5;

	(void)state;
	for (size_t i = 0; i < NB_MEASURES; i++) {
		double sum = 0;

		for (uint32_t run = 0; run < nb_runs; run++) {
			members_make(before, measures[i].nb, 100 * run + i);
			for (uint32_t k = 0; k < measures[i].nb / 10 + 1; k++)
				before[measures[i].nb - 1 - k].eligible = 0;
			memcpy(after, before, sizeof(before));
			for (uint32_t k = 0; k < measures[i].fail; k++)
				after[k * 7].eligible = 0;
			sum += needless(before, after, measures[i].nb, measures[i].size);
		}
		print_message("%u targets, %u fail beside others, %u places: %.3f %% moved "
		              "needlessly (plain Maglev %.2f %%)\n",
		        measures[i].nb, measures[i].fail, measures[i].size, sum / nb_runs,
		        measures[i].plain);
		assert_true(sum / nb_runs < measures[i].plain);
	}
}

/* A target that is deregistered is no member any more: this is plain Maglev. */
static void test_deregistering_moves_about_what_plain_maglev_moves(void **state)
{
	struct cp_maglev_member members[MAX_MEMBERS];
	const uint32_t nb_runs = 5;

	(void)state;
	for (size_t i = 0; i < NB_MEASURES; i++) {
		uint32_t nb = measures[i].nb, gone = measures[i].fail, size = measures[i].size;
		uint64_t moved = 0;

		for (uint32_t run = 0; run < nb_runs; run++) {
			uint32_t *a, *b;

			members_make(members, nb, 1000 * run + i);
			a = table_make(members, nb, size);
			b = table_make(members + gone, nb - gone, size);
			for (uint32_t e = 0; e < size; e++)
				moved += a[e] >= gone && a[e] != b[e];
			free(a);
			free(b);
		}
		assert_true(100.0 * moved / nb_runs / size < measures[i].plain * 1.3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_size_is_the_smallest_prime_with_100_places_a_target),
	        cmocka_unit_test(test_equal_weights_share_evenly),
	        cmocka_unit_test(test_shares_follow_weights),
	        cmocka_unit_test(test_a_small_weight_among_large_ones_gets_a_place),
	        cmocka_unit_test(test_any_order_and_any_slots_make_the_same_table),
	        cmocka_unit_test(test_ineligible_members_get_nothing_and_the_rest_share_fairly),
	        cmocka_unit_test(test_weights_hold_when_a_member_fails),
	        cmocka_unit_test(test_failing_from_health_moves_nothing_needlessly),
	        cmocka_unit_test(test_failing_beside_other_failures_moves_less_than_plain_maglev),
	        cmocka_unit_test(test_deregistering_moves_about_what_plain_maglev_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
