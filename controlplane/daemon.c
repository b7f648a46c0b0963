/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Starts, wires and stops the parts of anabranchd.
 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "notify.h"

#define WHY_LEN 512

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP};

static uint64_t wall_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void cp_daemon_stats(const struct cp_daemon *daemon, struct cp_stats_view *view)
{
	cp_stats_view_init(view, cp_publisher_stats(daemon->publisher),
	        cp_publisher_stats_size(daemon->publisher));
}

/* ---- wires ---- */

static void on_verdict(void *arg, struct cp_target *target)
{
	struct cp_daemon *daemon = arg;

	cp_publish(daemon->publisher, true, NULL, NULL);
}

static void on_live(void *arg)
{
	struct cp_daemon *daemon = arg;

	cp_health_sync(daemon->health);
}

static void on_attach(void *arg)
{
	struct cp_daemon *daemon = arg;
	struct cp_stats_view view;

	cp_daemon_stats(daemon, &view);
	if (view.stats && strncmp(view.stats->instance, daemon->config.instance,
	                          sizeof(view.stats->instance)) != 0)
		cp_log(CP_LOG_WARNING,
		        "%s is the dataplane of instance \"%.15s\", and this file says \"%s\": set "
		        "\"instance\" or \"dataplane_socket\" in %s",
		        daemon->config.dataplane_socket, view.stats->instance,
		        daemon->config.instance, daemon->config.file);
	cp_log(CP_LOG_INFO, "attached to the dataplane at %s", daemon->config.dataplane_socket);
	daemon->attached = true;
	/* Adoption has brought verdicts along, and perhaps slots. */
	if (daemon->apply)
		cp_apply_follow_slots(daemon->apply);
	if (daemon->health)
		cp_health_sync(daemon->health);
}

static struct cp_model *empty_model(void *arg)
{
	struct cp_daemon *daemon = arg;
	char why[WHY_LEN];

	return cp_config_model(&daemon->config, why, sizeof(why));
}

static void log_detachment(struct cp_daemon *daemon)
{
	struct cp_publisher_status status;

	cp_publisher_status(daemon->publisher, &status);
	if (daemon->attached && !status.attached)
		cp_log(CP_LOG_WARNING, "not attached to the dataplane: %s", status.why);
	daemon->attached = status.attached;
}

static void on_second(uv_timer_t *timer)
{
	struct cp_daemon *daemon = timer->data;
	struct cp_stats_view view;

	log_detachment(daemon);
	cp_daemon_stats(daemon, &view);
	cp_sampler_take(daemon->sampler, &view, daemon->live, uv_now(&daemon->loop));
	cp_drain_round(daemon->drain, &view, wall_clock_ms());
}

/* ---- stopping ---- */

static void handle_close(void *handle)
{
	if (uv_handle_get_type(handle) != UV_UNKNOWN_HANDLE && !uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* In this order: no new requests, no new verdicts; what is asked for becomes durable; who waits for
 * workers is answered; everybody is disconnected. */
static void daemon_stop(struct cp_daemon *daemon)
{
	if (daemon->stopping)
		return;
	daemon->stopping = true;
	cp_notify("STOPPING=1");
	handle_close(&daemon->second);
	for (size_t i = 0; i < 3; i++)
		handle_close(&daemon->signals[i]);
	if (daemon->ctl)
		cp_ctl_stop(daemon->ctl);
	if (daemon->health)
		cp_health_free(daemon->health);
	daemon->health = NULL;
	if (daemon->store)
		cp_store_close(daemon->store);
	if (daemon->publisher)
		cp_publisher_free(daemon->publisher);
	if (daemon->apply)
		cp_apply_free(daemon->apply);
	if (daemon->drain)
		cp_drain_timer_free(daemon->drain);
	if (daemon->ctl)
		cp_ctl_free(daemon->ctl);
}

static void daemon_fini(struct cp_daemon *daemon)
{
	daemon_stop(daemon);
	uv_run(&daemon->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&daemon->loop) < 0)
		cp_log(CP_LOG_WARNING, "the event loop had handles left");
	if (daemon->sampler)
		cp_sampler_free(daemon->sampler);
	if (daemon->live)
		cp_model_free(daemon->live);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct cp_daemon *daemon = handle->data;

	if (number == SIGHUP) {
		cp_log(CP_LOG_INFO, "SIGHUP: there is nothing to reload; restart anabranchd for a "
		                    "changed file, "
		                    "forwarding goes on meanwhile");
		return;
	}
	cp_log(CP_LOG_INFO, "stopping: %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
	daemon_stop(daemon);
}

/* ---- starting ---- */

/* A probe is a descriptor, and there may be thousands. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		cp_log(CP_LOG_WARNING, "the limit of open files stays at its soft value");
}

static void process_prepare(struct cp_daemon *daemon)
{
	signal(SIGPIPE, SIG_IGN);
	umask(0077);
	raise_file_limit();
	cp_log_set_level(daemon->config.log_level);
	cp_rights_resolve(&daemon->rights);
	if (!daemon->rights.read.known)
		cp_log(CP_LOG_WARNING,
		        "there is no group \"%s\": only uid 0 and this daemon's user may read; "
		        "\"groupadd --system %s\" and a restart change that",
		        daemon->rights.read.name, daemon->rights.read.name);
	if (!daemon->rights.admin.known)
		cp_log(CP_LOG_INFO, "there is no group \"%s\": only uid 0 may change",
		        daemon->rights.admin.name);
}

static int start_store(struct cp_daemon *daemon, char *why)
{
	daemon->live = cp_config_model(&daemon->config, why, WHY_LEN);
	if (!daemon->live)
		return -1;
	daemon->store = cp_store_open(&daemon->loop, daemon->config.database, why, WHY_LEN);
	if (!daemon->store)
		return -1;
	return cp_store_load(daemon->store, daemon->live, why, WHY_LEN);
}

static int start_parts(struct cp_daemon *daemon, char *why)
{
	const struct cp_apply_hooks hooks = {empty_model, on_live, daemon};

	snprintf(why, WHY_LEN, "out of memory");
	daemon->sampler = cp_sampler_create();
	if (!daemon->sampler)
		return -1;
	daemon->publisher = cp_publisher_create(
	        &daemon->loop, daemon->config.dataplane_socket, daemon->live, on_attach, daemon);
	if (!daemon->publisher)
		return -1;
	daemon->health = cp_health_create(&daemon->loop, daemon->live, on_verdict, daemon);
	if (!daemon->health)
		return -1;
	daemon->apply = cp_apply_create(
	        daemon->store, daemon->live, daemon->publisher, &hooks, why, WHY_LEN);
	if (!daemon->apply)
		return -1;
	snprintf(why, WHY_LEN, "out of memory");
	daemon->drain = cp_drain_timer_create(daemon->live, daemon->apply);
	return daemon->drain ? 0 : -1;
}

static int start_socket(struct cp_daemon *daemon, char *why)
{
	const struct cp_ctl_backend backend = {
	        daemon->apply, daemon->live, daemon, &daemon->rights};

	daemon->ctl =
	        cp_ctl_create(&daemon->loop, daemon->config.control_socket, &backend, why, WHY_LEN);
	return daemon->ctl ? 0 : -1;
}

static void start_timers(struct cp_daemon *daemon)
{
	uv_timer_init(&daemon->loop, &daemon->second);
	daemon->second.data = daemon;
	uv_timer_start(&daemon->second, on_second, 1000, 1000);
	for (size_t i = 0; i < 3; i++) {
		uv_signal_init(&daemon->loop, &daemon->signals[i]);
		daemon->signals[i].data = daemon;
		uv_signal_start(&daemon->signals[i], on_signal, signal_numbers[i]);
	}
}

int cp_daemon_run(struct cp_daemon *daemon)
{
	char why[WHY_LEN];
	int rc;

	process_prepare(daemon);
	daemon->started_ms = wall_clock_ms();
	if (uv_loop_init(&daemon->loop) < 0) {
		cp_log(CP_LOG_ERROR, "cannot make an event loop");
		return 1;
	}
	rc = start_store(daemon, why);
	if (rc == 0)
		rc = start_parts(daemon, why);
	if (rc == 0)
		rc = start_socket(daemon, why);
	if (rc < 0) {
		cp_log(CP_LOG_ERROR, "cannot start: %s", why);
		daemon_fini(daemon);
		return 1;
	}
	start_timers(daemon);
	if (!daemon->attached)
		cp_log(CP_LOG_INFO,
		        "not attached to %s yet: changes are stored and wait for the dataplane",
		        daemon->config.dataplane_socket);
	cp_health_sync(daemon->health);
	cp_publish(daemon->publisher, false, NULL, NULL);
	cp_log(CP_LOG_INFO,
	        "anabranchd %s serves %s: configuration revision %llu, %u load balancers, %u "
	        "target "
	        "groups",
	        LB_VERSION, daemon->config.control_socket,
	        (unsigned long long)daemon->live->revision, HASH_COUNT(daemon->live->lbs),
	        HASH_COUNT(daemon->live->groups));
	cp_notify("READY=1");
	uv_run(&daemon->loop, UV_RUN_DEFAULT);
	daemon_fini(daemon);
	cp_log(CP_LOG_INFO, "stopped");
	return 0;
}
