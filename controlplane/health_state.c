/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A target's health, one step per probe result:
 *
 *   state      result   in a row                      becomes
 *   initial    pass     first                         healthy
 *   initial    failure  fewer than unhealthy          initial (Elb.InitialHealthChecking)
 *   initial    failure  unhealthy threshold reached   unhealthy
 *   healthy    pass     any                           healthy
 *   healthy    failure  fewer than unhealthy          healthy
 *   healthy    failure  unhealthy threshold reached   unhealthy
 *   unhealthy  pass     first of its life             healthy
 *   unhealthy  pass     fewer than healthy            unhealthy
 *   unhealthy  pass     healthy threshold reached     healthy
 *   unhealthy  failure  any                           unhealthy, with the new reason
 *   any        not tried                              the same: it says nothing about the target
 */
#include "health_state.h"

#include <stdio.h>

static const enum cp_reason reason_of[] = {
        [CP_PROBE_FAILED] = CP_REASON_FAILED_HEALTH_CHECKS,
        [CP_PROBE_TIMED_OUT] = CP_REASON_TIMEOUT,
        [CP_PROBE_BAD_CODE] = CP_REASON_RESPONSE_CODE_MISMATCH,
};

static void detail_write(struct cp_target_health *health, const struct cp_probe_result *result)
{
	if (result->outcome == CP_PROBE_BAD_CODE)
		snprintf(health->detail, sizeof(health->detail),
		        "Health checks failed with these codes: [%.32s]", result->detail);
	else
		snprintf(health->detail, sizeof(health->detail), "%s",
		        result->outcome == CP_PROBE_TIMED_OUT ? "Request timed out"
		                                              : "Health checks failed");
}

static void count(uint8_t *counter, uint8_t *other)
{
	*other = 0;
	if (*counter < UINT8_MAX)
		(*counter)++;
}

static void pass(struct cp_target_health *health, const struct cp_health_settings *settings)
{
	bool first = !health->ever_passed;

	count(&health->passed, &health->failed);
	health->ever_passed = true;
	if (health->state == LB_TARGET_UNHEALTHY && !first &&
	        health->passed < settings->healthy_threshold)
		return;
	health->state = LB_TARGET_HEALTHY;
	health->reason = CP_REASON_NONE;
	health->detail[0] = '\0';
}

static void fail(struct cp_target_health *health, const struct cp_health_settings *settings,
        const struct cp_probe_result *result)
{
	count(&health->failed, &health->passed);
	if (health->state == LB_TARGET_UNHEALTHY ||
	        health->failed >= settings->unhealthy_threshold) {
		health->state = LB_TARGET_UNHEALTHY;
		health->reason = reason_of[result->outcome];
		detail_write(health, result);
	} else if (health->state == LB_TARGET_INITIAL) {
		health->reason = CP_REASON_INITIAL_HEALTH_CHECKING;
	}
}

bool cp_health_step(struct cp_target_health *health, const struct cp_health_settings *settings,
        const struct cp_probe_result *result, uint64_t now_ms)
{
	const enum lb_target_state state = health->state;
	const enum cp_reason reason = health->reason;

	if (result->outcome == CP_PROBE_NOT_TRIED)
		return false;
	if (result->outcome == CP_PROBE_PASSED)
		pass(health, settings);
	else
		fail(health, settings, result);
	if (health->state != state)
		health->changed_ms = now_ms;
	return health->state != state || health->reason != reason;
}
