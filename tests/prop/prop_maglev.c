/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Maglev bases against a naive twin, and tables against what they promise, for random members.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "build/maglev.h"

#define MAX_MEMBERS 40
#define NB_RUNS     300

static const uint32_t sizes[] = {53, 211, 1021, 4093};

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state += UINT64_C(0x9e3779b97f4a7c15);
	return lb_mix(random_state);
}

/* Sorted, with at least one member that is eligible and has a weight. */
static uint32_t members_make(struct cp_maglev_member *members)
{
	static const uint32_t heaviest[] = {1, 3, 10, 999};
	uint32_t nb = 1 + random_next() % MAX_MEMBERS, limit = heaviest[random_next() % 4];

	for (uint32_t i = 0; i < nb; i++) {
		members[i] = (struct cp_maglev_member){.identity = random_next(),
		        .slot = 1000 + i,
		        .weight = (uint16_t)(random_next() % (limit + 1))};
		members[i].eligible = members[i].weight > 0 && random_next() % 3 != 0;
	}
	members[0].weight += members[0].weight == 0;
	members[0].eligible = 1;
	cp_maglev_sort(members, nb);
	return nb;
}

/* The next turn of each member, chosen by looking at all of them. */
struct turn {
	uint64_t k, round, order;
	uint32_t at;
};

static uint32_t naive_next(
        const struct cp_maglev_member *members, const struct turn *turns, uint32_t nb)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < nb; i++) {
		if (members[i].weight == 0)
			continue;
		if (best == UINT32_MAX || turns[i].round < turns[best].round ||
		        (turns[i].round == turns[best].round && turns[i].order < turns[best].order))
			best = i;
	}
	return best;
}

static void naive_base(
        uint32_t *base, uint32_t size, const struct cp_maglev_member *members, uint32_t nb)
{
	struct turn turns[MAX_MEMBERS];
	uint64_t max_weight = 0, order = 0;

	for (uint32_t e = 0; e < size; e++)
		base[e] = UINT32_MAX;
	for (uint32_t i = 0; i < nb; i++) {
		turns[i] = (struct turn){
		        .order = order++, .at = (uint32_t)(lb_mix(members[i].identity) % size)};
		if (members[i].weight > max_weight)
			max_weight = members[i].weight;
	}
	for (uint32_t left = size; left > 0; left--) {
		uint32_t i = naive_next(members, turns, nb);
		struct turn *t = &turns[i];

		while (base[t->at] != UINT32_MAX)
			t->at = (uint32_t)((t->at + 1 + lb_mix(~members[i].identity) % (size - 1)) %
			                   size);
		base[t->at] = i;
		t->round = ++t->k * max_weight / members[i].weight;
		t->order = order++;
	}
}

static void test_the_base_is_the_naive_one(void **state)
{
	struct cp_maglev_member members[MAX_MEMBERS];

	(void)state;
	for (uint32_t run = 0; run < NB_RUNS; run++) {
		uint32_t size = sizes[run % 4], base[4093], naive[4093], nb;

		random_state = run;
		nb = members_make(members);
		assert_int_equal(cp_maglev_base(base, size, members, nb), 0);
		naive_base(naive, size, members, nb);
		assert_memory_equal(base, naive, size * sizeof(*base));
	}
}

static void check_table(const uint32_t *table, const uint32_t *base, uint32_t size,
        const struct cp_maglev_member *members, uint32_t nb)
{
	uint32_t shares[MAX_MEMBERS] = {0};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nb; i++)
		sum += members[i].eligible ? members[i].weight : 0;
	for (uint32_t e = 0; e < size; e++) {
		const struct cp_maglev_member *owner = NULL;

		for (uint32_t i = 0; i < nb; i++)
			if (members[i].slot == table[e])
				owner = &members[i];
		assert_non_null(owner);
		assert_true(owner->eligible);
		if (members[base[e]].eligible)
			assert_ptr_equal(owner, &members[base[e]]);
		shares[owner - members]++;
	}
	for (uint32_t i = 0; i < nb; i++) {
		double fair = members[i].eligible ? (double)size * members[i].weight / sum : 0;

		/* a thirty-second above, and a place for each turn that is rounded up */
		assert_true(shares[i] <= fair * 33 / 32 + nb + 1);
	}
}

static void test_a_table_keeps_eligible_places_and_gives_the_rest_to_eligible_members(void **state)
{
	struct cp_maglev_member members[MAX_MEMBERS];

	(void)state;
	for (uint32_t run = 0; run < NB_RUNS; run++) {
		uint32_t size = sizes[run % 4], base[4093], table[4093], nb;

		random_state = 1000 + run;
		nb = members_make(members);
		assert_int_equal(cp_maglev_base(base, size, members, nb), 0);
		assert_int_equal(cp_maglev_table(table, base, size, members, nb), 0);
		check_table(table, base, size, members, nb);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_base_is_the_naive_one),
	        cmocka_unit_test(
	                test_a_table_keeps_eligible_places_and_gives_the_rest_to_eligible_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
