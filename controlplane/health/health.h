/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Health checks of all targets in use: when (schedule.c), how (probe_tcp.c, probe_http.c), and what
 * a result means (../health_state.c, pure). Thousands of targets, no blocking call, starts spread
 * over the interval.
 */
#ifndef CP_HEALTH_H
#define CP_HEALTH_H

#include <uv.h>

#include "model/model.h"

struct cp_health;

/* 'live' is not owned. 'on_verdict' is called on the loop after a target's state changed; it must
 * not change 'live'. NULL without memory. */
struct cp_health *cp_health_create(uv_loop_t *loop, struct cp_model *live,
        void (*on_verdict)(void *arg, struct cp_target *target), void *arg);
/* Cancels everything at once; the loop must turn once more before it can be closed. */
void cp_health_free(struct cp_health *health);

/* To be called after each change of 'live': starts, changes and stops checks to fit it. Changes
 * within a few milliseconds share the work. */
void cp_health_sync(struct cp_health *health);

struct cp_health_status {
	uint64_t probes, failures;
	uint32_t targets, in_flight;
	uint64_t postponed; /* starts put off: no descriptor, port or memory was left for them */
};
void cp_health_status(const struct cp_health *health, struct cp_health_status *status);

/* What a probe found. CP_PROBE_NOT_TRIED: this host could not try (no local port, no memory);
 * it says nothing about the target. */
enum cp_probe_outcome {
	CP_PROBE_PASSED,
	CP_PROBE_FAILED,
	CP_PROBE_TIMED_OUT,
	CP_PROBE_BAD_CODE,
	CP_PROBE_NOT_TRIED,
};
struct cp_probe_result {
	enum cp_probe_outcome outcome;
	char detail[96]; /* "Connection refused", "404": for people */
};

/* One way of probing: a file each. 'done' is called once, on the loop, never from within start().
 * The schedule cancels a probe that takes longer than its timeout. */
struct cp_probe_ops {
	const char *name;
	/* NULL when it could not be started (no descriptor left): counted as nothing, tried again.
	 */
	void *(*start)(struct cp_health *health, const struct cp_health_settings *settings,
	        const struct lb_ip *ip, uint16_t port,
	        void (*done)(void *arg, const struct cp_probe_result *result), void *arg);
	void (*cancel)(void *probe); /* 'done' is not called any more */
};
extern const struct cp_probe_ops cp_probe_tcp, cp_probe_http, cp_probe_https;

#endif
