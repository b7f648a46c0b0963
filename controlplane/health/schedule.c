/* SPDX-License-Identifier: BSD-3-Clause
 *
 * When targets are probed. Each check has a phase, taken from its target's identity, and probes
 * once in every interval at that phase: ten thousand checks are as evenly spread after a restart
 * as before. A target without a verdict is probed at once instead, new targets a tenth of a
 * millisecond apart.
 *
 * One timer a check serves for its next start and, while a probe is under way, for its timeout.
 * libuv keeps timers in a heap within the handles: starting one costs about 14 comparisons with
 * 10,000 checks and allocates nothing, and an idle loop sleeps until the next one is due. The
 * system calls of a probe cost a hundred times that.
 *
 * 'live' may change at any time between two callbacks; whoever is about to follow a target pointer
 * refreshes first if it did.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "health_state.h"
#include "http_loop.h"
#include "probe.h"

#define REFRESH_MS    5   /* changes within this time share a walk over the model */
#define RAMP_US       100 /* between the first probes of new targets */
#define POSTPONE_MS   50  /* before a start is tried again that this host could not make */
#define OTHER_FILES   256 /* descriptors left to the rest of the process */
#define MIN_IN_FLIGHT 16

struct cp_check {
	uint64_t identity;
	struct cp_health *health;
	struct cp_target *target;
	const struct cp_probe_ops *ops;
	void *probe; /* under way, or NULL */
	uv_timer_t timer;
	uint64_t started_ms, deadline_ms; /* of the probe, on uv_now()'s clock */
	uint64_t settings;                /* their digest: what the schedule was made for */
	uint64_t round;                   /* of the refresh that saw the target last */
	bool extended;                    /* the probe's timeout */
	bool dropped;                     /* its timer is being closed */
	UT_hash_handle hh;
};

static const struct cp_probe_ops *const ops_of[] = {
        [CP_PROBE_TCP] = &cp_probe_tcp,
        [CP_PROBE_HTTP] = &cp_probe_http,
        [CP_PROBE_HTTPS] = &cp_probe_https,
};

static void on_timer(uv_timer_t *timer);

static uint64_t unix_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t digest(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Of the settings that a probe or its time depends on. */
static uint64_t settings_digest(const struct cp_health_settings *settings)
{
	const uint32_t numbers[] = {
	        settings->probe, settings->port, settings->interval_ms, settings->timeout_ms};
	uint64_t hash = digest(UINT64_C(0xcbf29ce484222325), numbers, sizeof(numbers));

	hash = digest(hash, settings->path, strlen(settings->path) + 1);
	return digest(hash, settings->matcher, strlen(settings->matcher));
}

/* Milliseconds from 'now' to the check's phase, strictly after 'earliest'. */
static uint64_t until_phase(const struct cp_check *check, uint64_t now, uint64_t earliest)
{
	const uint64_t interval = check->target->group->check.interval_ms;
	uint64_t due = earliest - earliest % interval + check->identity % interval;

	if (due <= earliest)
		due += interval;
	return due - now;
}

/* A target without a verdict: at once, in its turn. */
static uint64_t until_turn(struct cp_health *health, uint64_t now)
{
	if (health->ramp_us < now * 1000)
		health->ramp_us = now * 1000;
	health->ramp_us += RAMP_US;
	return health->ramp_us / 1000 - now;
}

static void schedule_first(struct cp_check *check)
{
	const uint64_t now = uv_now(check->health->loop);
	const bool fresh = check->target->health.state == LB_TARGET_INITIAL;

	uv_timer_start(&check->timer, on_timer,
	        fresh ? until_turn(check->health, now) : until_phase(check, now, now), 0);
}

/* After a probe: at least half an interval after its start, for a first one was out of phase. */
static void schedule_next(struct cp_check *check)
{
	const uint64_t now = uv_now(check->health->loop);
	const uint64_t half = check->started_ms + check->target->group->check.interval_ms / 2;

	uv_timer_start(
	        &check->timer, on_timer, until_phase(check, now, half > now ? half : now), 0);
}

static void schedule_again(struct cp_check *check)
{
	check->health->status.postponed++;
	uv_timer_start(&check->timer, on_timer, POSTPONE_MS + check->identity % POSTPONE_MS, 0);
}

static void probe_cancel(struct cp_check *check)
{
	if (check->probe == NULL)
		return;
	check->ops->cancel(check->probe);
	check->probe = NULL;
	check->health->status.in_flight--;
}

static void check_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void check_drop(struct cp_check *check)
{
	probe_cancel(check);
	check->dropped = true;
	HASH_DEL(check->health->checks, check);
	uv_close((uv_handle_t *)&check->timer, check_closed);
}

static struct cp_check *check_create(struct cp_health *health, uint64_t identity)
{
	struct cp_check *check = calloc(1, sizeof(*check));

	if (check == NULL)
		return NULL;
	check->identity = identity;
	check->health = health;
	uv_timer_init(health->loop, &check->timer);
	check->timer.data = check;
	HASH_ADD(hh, health->checks, identity, sizeof(check->identity), check);
	return check;
}

static bool target_is_checked(const struct cp_target *target)
{
	enum lb_target_state state;
	enum cp_reason reason;

	if (!target->group->check.enabled)
		return false;
	cp_target_shown_state(target, &state, &reason);
	return state == LB_TARGET_INITIAL || state == LB_TARGET_HEALTHY ||
	       state == LB_TARGET_UNHEALTHY;
}

/* Out of use, a target's verdict grows old: it begins anew when it is used again. */
static void verdict_forget(struct cp_target *target)
{
	if (!target->draining)
		target->health = (struct cp_target_health){.state = LB_TARGET_INITIAL,
		        .reason = CP_REASON_INITIAL_HEALTH_CHECKING,
		        .changed_ms = unix_ms()};
}

static int target_sync(struct cp_health *health, struct cp_target *target, uint64_t settings)
{
	const bool wanted = target_is_checked(target);
	struct cp_check *check;
	bool same;

	HASH_FIND(hh, health->checks, &target->identity, sizeof(target->identity), check);
	if (!wanted) {
		if (check != NULL)
			verdict_forget(target);
		return 0;
	}
	same = check != NULL && check->settings == settings;
	if (check == NULL)
		check = check_create(health, target->identity);
	if (check == NULL)
		return -ENOMEM;
	check->target = target;
	check->round = health->round;
	if (same)
		return 0;
	probe_cancel(check);
	check->settings = settings;
	check->ops = ops_of[target->group->check.probe];
	schedule_first(check);
	return 0;
}

static void on_refresh(uv_timer_t *timer);

static void refresh(struct cp_health *health)
{
	struct cp_target_group *group;
	struct cp_check *check, *next;
	int rc = 0;

	health->stale = false;
	health->round++;
	for (group = health->live->groups; group != NULL; group = group->hh.next) {
		const uint64_t settings = settings_digest(&group->check);
		struct cp_target *target;

		for (target = group->targets; target != NULL; target = target->hh.next)
			if (target_sync(health, target, settings) != 0)
				rc = -ENOMEM;
	}
	HASH_ITER(hh, health->checks, check, next)
	if (check->round != health->round)
		check_drop(check);
	if (rc != 0)
		cp_health_sync(health);
}

static void on_refresh(uv_timer_t *timer)
{
	struct cp_health *health = timer->data;

	if (health->stale)
		refresh(health);
}

/* False: the model changed, and this check with it; what it was about to do is no more to be done.
 */
static bool check_is_current(struct cp_check *check)
{
	if (check->health->stale)
		refresh(check->health);
	return !check->dropped && !uv_is_active((uv_handle_t *)&check->timer);
}

static void probe_finish(struct cp_check *check, const struct cp_probe_result *result)
{
	struct cp_health *health = check->health;
	struct cp_target *target = check->target;

	health->status.probes++;
	if (result->outcome != CP_PROBE_PASSED)
		health->status.failures++;
	schedule_next(check);
	if (cp_health_step(&target->health, &target->group->check, result, unix_ms()))
		health->on_verdict(health->arg, target);
}

static void on_done(void *arg, const struct cp_probe_result *result)
{
	struct cp_check *check = arg;

	check->probe = NULL;
	check->health->status.in_flight--;
	uv_timer_stop(&check->timer);
	if (!check_is_current(check))
		return;
	if (result->outcome == CP_PROBE_NOT_TRIED)
		schedule_again(check);
	else
		probe_finish(check, result);
}

static void probe_start(struct cp_check *check)
{
	struct cp_health *health = check->health;
	const struct cp_health_settings *settings = &check->target->group->check;
	const uint16_t port = settings->port != 0 ? settings->port : check->target->port;

	if (health->status.in_flight < health->most_in_flight)
		check->probe = check->ops->start(
		        health, settings, &check->target->ip, port, on_done, check);
	if (check->probe == NULL) {
		schedule_again(check);
		return;
	}
	health->status.in_flight++;
	/* A loop that was busy has an old time: the probe would lose what that took. */
	uv_update_time(health->loop);
	check->started_ms = uv_now(health->loop);
	check->deadline_ms = check->started_ms + settings->timeout_ms;
	check->extended = false;
	uv_timer_start(&check->timer, on_timer, settings->timeout_ms, 0);
}

/* Timers run before descriptors: an answer may be waiting that the loop was too busy to read. The
 * time that the loop was away, at least one turn of it, is not the target's. */
static void probe_expire(struct cp_check *check)
{
	const struct cp_probe_result result = {.outcome = CP_PROBE_TIMED_OUT};
	const uint64_t late_ms = uv_now(check->health->loop) - check->deadline_ms;

	if (!check->extended) {
		check->extended = true;
		uv_timer_start(&check->timer, on_timer, late_ms > 0 ? late_ms : 1, 0);
		return;
	}
	probe_cancel(check);
	probe_finish(check, &result);
}

static void on_timer(uv_timer_t *timer)
{
	struct cp_check *check = timer->data;

	if (!check_is_current(check))
		return;
	if (check->probe != NULL)
		probe_expire(check);
	else
		probe_start(check);
}

static uint32_t most_in_flight(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur < OTHER_FILES + MIN_IN_FLIGHT)
		return MIN_IN_FLIGHT;
	return files.rlim_cur - OTHER_FILES < UINT32_MAX ? (uint32_t)files.rlim_cur - OTHER_FILES
	                                                 : UINT32_MAX;
}

struct cp_health *cp_health_create(uv_loop_t *loop, struct cp_model *live,
        void (*on_verdict)(void *arg, struct cp_target *target), void *arg)
{
	struct cp_health *health = calloc(1, sizeof(*health));

	if (health == NULL)
		return NULL;
	health->http = cp_http_create(loop);
	if (health->http == NULL) {
		free(health);
		return NULL;
	}
	health->loop = loop;
	health->live = live;
	health->on_verdict = on_verdict;
	health->arg = arg;
	health->most_in_flight = most_in_flight();
	uv_timer_init(loop, &health->refresh);
	health->refresh.data = health;
	cp_health_sync(health);
	return health;
}

static void health_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void cp_health_free(struct cp_health *health)
{
	struct cp_check *check, *next;

	if (health == NULL)
		return;
	HASH_ITER(hh, health->checks, check, next)
	check_drop(check);
	cp_http_free(health->http);
	uv_close((uv_handle_t *)&health->refresh, health_closed);
}

void cp_health_sync(struct cp_health *health)
{
	health->stale = true;
	if (!uv_is_active((uv_handle_t *)&health->refresh))
		uv_timer_start(&health->refresh, on_refresh, REFRESH_MS, 0);
}

void cp_health_status(const struct cp_health *health, struct cp_health_status *status)
{
	*status = health->status;
	status->targets = HASH_COUNT(health->checks);
}
