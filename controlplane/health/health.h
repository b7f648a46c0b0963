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

/* 'live' is not owned. 'on_verdict' is called on the loop after a target's state changed. */
struct cp_health *cp_health_create(uv_loop_t *loop, struct cp_model *live,
        void (*on_verdict)(void *arg, struct cp_target *target), void *arg);
void cp_health_free(struct cp_health *health);

/* To be called after each change of 'live': starts, changes and stops checks to fit it. */
void cp_health_sync(struct cp_health *health);

struct cp_health_status {
	uint64_t probes, failures;
	uint32_t targets, in_flight;
};
void cp_health_status(const struct cp_health *health, struct cp_health_status *status);

/* What a probe found. */
enum cp_probe_outcome { CP_PROBE_PASSED, CP_PROBE_FAILED, CP_PROBE_TIMED_OUT, CP_PROBE_BAD_CODE };
struct cp_probe_result {
	enum cp_probe_outcome outcome;
	char detail[96]; /* "connection refused", "404": for people */
};

/* One way of probing: a file each. 'done' is called once, on the loop, never from within start().
 */
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
