/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An address of two words: its plain and its vector form say the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_pair.h"

#define STRIDE 5

/* Words of which many are 0 or alike. */
static uint64_t some_word(unsigned int *seed)
{
	return (uint64_t)((uint32_t)rand_r(seed) % 3) << (uint32_t)rand_r(seed) % 63;
}

static bool same(flow_pair a, flow_pair b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static void forms_are_twins(void **state)
{
	uint64_t words[STRIDE + 2] __attribute__((aligned(16)));
	uint32_t zeros = 0, halves = 0;
	unsigned int seed = 1;

	for (uint32_t k = 0; k < 100000; k++) {
		flow_pair pair, differ;

		for (uint32_t i = 0; i < STRIDE + 2; i++)
			words[i] = some_word(&seed);
		pair = flow_load_pair(words);
		assert_true(same(pair, flow_load_pair_plain(words)));
		assert_true(pair[0] == words[0] && pair[1] == words[1]);
		assert_true(same(flow_key_pair(words, 1), pair));
		assert_true(same(
		        flow_key_pair(&words[1], STRIDE), flow_key_pair_plain(&words[1], STRIDE)));
		differ = pair ^ flow_key_pair(&words[2], 1);
		assert_int_equal(flow_pair_is_zero(differ), flow_pair_is_zero_plain(differ));
		assert_int_equal(
		        flow_pair_is_zero(differ), words[0] == words[2] && words[1] == words[3]);
		zeros += flow_pair_is_zero(differ);
		halves += (words[0] == words[2]) != (words[1] == words[3]);
	}
	assert_in_range(zeros, 1000, 50000);
	assert_in_range(halves, 1000, 90000);
}

/* What was stored just before, in the same function and as words. */
static void words_just_stored_are_seen(void **state)
{
	uint64_t words[2] __attribute__((aligned(16)));

	for (uint64_t k = 1; k < 100; k++) {
		words[0] = k;
		words[1] = k << 32;
		assert_true(same(flow_key_pair(words, 1), (flow_pair){k, k << 32}));
		assert_true(same(flow_load_pair(words), (flow_pair){k, k << 32}));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(forms_are_twins),
	        cmocka_unit_test(words_just_stored_are_seen),
	};

	return cmocka_run_group_tests_name("flow_pair", tests, NULL, NULL);
}
