/* SPDX-License-Identifier: BSD-3-Clause
 *
 * When a deregistered target is let go:
 *
 *   deadline  flows    connection termination   step
 *   ahead     any      any                      wait
 *   passed    none     any                      release
 *   passed    some     off                      wait: they go on for as long as they are active
 *   passed    unknown  off                      wait: the flow table outlives its dataplane
 *   passed    either   on                       terminate
 */
#include "drain.h"

static bool terminates(const struct cp_target_group *group)
{
	return strcmp(cp_group_attribute(
	                      group, "deregistration_delay.connection_termination.enabled"),
	               "true") == 0;
}

enum cp_drain_step cp_drain_decide(
        const struct cp_target *target, uint64_t now_ms, int64_t active_flows)
{
	if (!target->draining || now_ms < target->drain_deadline_ms)
		return CP_DRAIN_WAIT;
	if (active_flows == 0)
		return CP_DRAIN_RELEASE;
	return terminates(target->group) ? CP_DRAIN_TERMINATE : CP_DRAIN_WAIT;
}
