/* SPDX-License-Identifier: BSD-3-Clause
 *
 * When a deregistered target is let go: the whole truth table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drain.h"

static const char *termination;

/* The group's attributes, as the test sets them. */
const char *cp_group_attribute(const struct cp_target_group *group, const char *key)
{
	assert_string_equal(key, "deregistration_delay.connection_termination.enabled");
	return termination;
}

static enum cp_drain_step decide(bool draining, uint64_t now_ms, int64_t flows)
{
	struct cp_target_group group = {.name = "web"};
	struct cp_target target = {.group = &group,
	        .draining = draining,
	        .drain_from_ms = 1000,
	        .drain_deadline_ms = 2000};

	return cp_drain_decide(&target, now_ms, flows);
}

static void waits_until_the_deadline_even_without_flows(void **state)
{
	static const int64_t flows[] = {-1, 0, 1, 1000000};

	for (int on = 0; on < 2; on++) {
		termination = on ? "true" : "false";
		for (size_t i = 0; i < 4; i++) {
			assert_int_equal(decide(true, 1000, flows[i]), CP_DRAIN_WAIT);
			assert_int_equal(decide(true, 1999, flows[i]), CP_DRAIN_WAIT);
		}
	}
}

static void releases_when_no_flow_is_left(void **state)
{
	termination = "false";
	assert_int_equal(decide(true, 2000, 0), CP_DRAIN_RELEASE);
	termination = "true";
	assert_int_equal(decide(true, 2000, 0), CP_DRAIN_RELEASE);
}

static void active_flows_outlive_the_deadline(void **state)
{
	termination = "false";
	assert_int_equal(decide(true, 2000, 1), CP_DRAIN_WAIT);
	assert_int_equal(decide(true, UINT64_MAX, 1), CP_DRAIN_WAIT);
}

static void unknown_flows_may_still_be_there(void **state)
{
	termination = "false";
	assert_int_equal(decide(true, UINT64_MAX, -1), CP_DRAIN_WAIT);
}

static void connection_termination_ends_what_is_left(void **state)
{
	termination = "true";
	assert_int_equal(decide(true, 2000, 1), CP_DRAIN_TERMINATE);
	assert_int_equal(decide(true, 2000, -1), CP_DRAIN_TERMINATE);
}

static void registered_target_is_never_let_go(void **state)
{
	termination = "true";
	assert_int_equal(decide(false, UINT64_MAX, 0), CP_DRAIN_WAIT);
	assert_int_equal(decide(false, UINT64_MAX, 5), CP_DRAIN_WAIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(waits_until_the_deadline_even_without_flows),
	        cmocka_unit_test(releases_when_no_flow_is_left),
	        cmocka_unit_test(active_flows_outlive_the_deadline),
	        cmocka_unit_test(unknown_flows_may_still_be_there),
	        cmocka_unit_test(connection_termination_ends_what_is_left),
	        cmocka_unit_test(registered_target_is_never_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
