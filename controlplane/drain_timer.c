/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ends of drains.
 */
#include "drain_timer.h"

#include <stdlib.h>

#include "drain.h"
#include "log.h"

/* A mass deregistration ends in rounds, so that no turn of the loop is long. */
#define MAX_PER_ROUND 1000

struct cp_drain_timer {
	const struct cp_model *live;
	struct cp_apply *apply;
	uint32_t waiting; /* changes of the last round that are not answered yet */
};

struct cp_drain_timer *cp_drain_timer_create(const struct cp_model *live, struct cp_apply *apply)
{
	struct cp_drain_timer *timer = calloc(1, sizeof(*timer));

	if (timer) {
		timer->live = live;
		timer->apply = apply;
	}
	return timer;
}

void cp_drain_timer_free(struct cp_drain_timer *timer)
{
	free(timer);
}

/* An error is no surprise: the target may have been registered again meanwhile. */
static void on_let_go(void *arg, const json_t *result, const struct cp_error *error)
{
	struct cp_drain_timer *timer = arg;

	timer->waiting--;
	if (error)
		cp_log(CP_LOG_DEBUG, "a drained target was not let go: %s", error->message);
}

static void let_go(struct cp_drain_timer *timer, const struct cp_target *target)
{
	static const struct cp_caller self = {-1, -1};
	json_t *params = json_pack("{s:s, s:s, s:I}", "TargetGroupArn", target->group->arn,
	        "Target", target->key, "Epoch", (json_int_t)target->epoch);

	if (!params)
		return;
	timer->waiting++;
	cp_apply_change(timer->apply, "TargetDrained", cp_change_target_drained, params, &self,
	        on_let_go, timer);
	json_decref(params);
}

static void target_round(struct cp_drain_timer *timer, const struct cp_target *target,
        const struct cp_stats_view *stats, uint64_t now_ms)
{
	int64_t flows = cp_stats_target_flows(stats, target->slot);

	/* A slot that is given back ends the flows that it still has. */
	if (cp_drain_decide(target, now_ms, flows) != CP_DRAIN_WAIT)
		let_go(timer, target);
}

void cp_drain_round(
        struct cp_drain_timer *timer, const struct cp_stats_view *stats, uint64_t now_ms)
{
	const struct cp_target_group *group;
	const struct cp_target *target;

	if (timer->waiting > 0)
		return;
	for (group = timer->live->groups; group; group = group->hh.next)
		for (target = group->targets; target; target = target->hh.next)
			if (target->draining && timer->waiting < MAX_PER_ROUND)
				target_round(timer, target, stats, now_ms);
}
