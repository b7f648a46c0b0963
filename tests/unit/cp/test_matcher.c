/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Matcher.HttpCode: what is one, and what it matches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/matcher.h"

static void accepts_codes_lists_and_ranges(void **state)
{
	static const char *const good[] = {"200", "599", "200,202", "200-399", "200-200",
	        "200-299,401", "200,201,202,301-302,404", "200-599"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!cp_matcher_valid(good[i]))
			fail_msg("'%s' was refused", good[i]);
}

static void refuses_everything_else(void **state)
{
	static const char *const bad[] = {"", "2", "20", "2000", "199", "600", "100-200", "200-600",
	        "399-200", "200,", ",200", "200,,202", "200-", "-200", "200-299-301", " 200",
	        "200 ", "200, 202", "2xx", "200;202", "0x1", "+20", "200\n"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (cp_matcher_valid(bad[i]))
			fail_msg("'%s' was accepted", bad[i]);
		assert_false(cp_matcher_match(bad[i], 200));
	}
}

static void matches_exactly_what_it_says(void **state)
{
	const char *text = "200,202,301-303,599";

	for (long code = -1; code < 1200; code++) {
		bool says =
		        code == 200 || code == 202 || (code >= 301 && code <= 303) || code == 599;

		if (cp_matcher_match(text, code) != says)
			fail_msg("%ld: %s", code, says ? "should match" : "should not match");
	}
}

static void range_agrees_with_the_codes_written_out(void **state)
{
	for (long low = CP_MATCHER_MIN; low <= CP_MATCHER_MAX; low += 7) {
		for (long high = low; high <= CP_MATCHER_MAX; high += 31) {
			char text[16];

			snprintf(text, sizeof(text), "%ld-%ld", low, high);
			assert_false(cp_matcher_match(text, low - 1));
			assert_true(cp_matcher_match(text, low));
			assert_true(cp_matcher_match(text, high));
			assert_false(cp_matcher_match(text, high + 1));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(accepts_codes_lists_and_ranges),
	        cmocka_unit_test(refuses_everything_else),
	        cmocka_unit_test(matches_exactly_what_it_says),
	        cmocka_unit_test(range_agrees_with_the_codes_written_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
