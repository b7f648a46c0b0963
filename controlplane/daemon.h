/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parts of a running anabranchd, and how they hang together: daemon.c starts, wires and stops
 * them, rpc/status.c looks at them.
 *
 *   control socket -> apply -> store            (durable)
 *                      |-----> live -> publisher -> dataplane
 *                               ^-- health (verdicts), drain timer (ends of drains)
 */
#ifndef CP_DAEMON_H
#define CP_DAEMON_H

#include <uv.h>

#include "apply.h"
#include "config.h"
#include "ctl_socket.h"
#include "drain_timer.h"
#include "health/health.h"
#include "publish.h"
#include "rights.h"
#include "stats_reader.h"
#include "store.h"

struct cp_daemon {
	uv_loop_t loop;
	struct cp_config config;
	struct cp_rights rights;
	uint64_t started_ms; /* Unix time */
	struct cp_model *live;
	struct cp_store *store;
	struct cp_publisher *publisher;
	struct cp_health *health;
	struct cp_apply *apply;
	struct cp_ctl *ctl;
	struct cp_sampler *sampler;
	struct cp_drain_timer *drain;
	uv_timer_t second;
	uv_signal_t signals[3];
	bool attached; /* when it was last looked at, for the log */
	bool stopping;
};

/* Runs until SIGTERM or SIGINT. 'daemon' holds the configuration and nothing else. 0, or 1 after an
 * error that is in the log. */
int cp_daemon_run(struct cp_daemon *daemon);

/* A view of the counters of the dataplane that is attached now. */
void cp_daemon_stats(const struct cp_daemon *daemon, struct cp_stats_view *view);

#endif
