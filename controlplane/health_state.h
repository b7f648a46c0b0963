/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A target's health, one step per probe result (ELBV2.md section 4). Pure; the truth table is in
 * the .c.
 */
#ifndef CP_HEALTH_STATE_H
#define CP_HEALTH_STATE_H

#include "health/health.h"

/* True if the state or its reason changed. A newly registered target is healthy after its first
 * pass, whatever the threshold; a first failure of an initial target counts as one towards
 * unhealthy. */
bool cp_health_step(struct cp_target_health *health, const struct cp_health_settings *settings,
        const struct cp_probe_result *result, uint64_t now_ms);

#endif
