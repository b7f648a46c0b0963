/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The main lcore's loop. It sleeps in epoll; what arrives by shared memory (commands, frames for
 * the kernel) rings no bell, so it looks after it every millisecond while there may be some.
 */
#include "host.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define BUSY_WAIT_MS 1
#define IDLE_WAIT_MS 100
#define KERNEL_MS    10 /* dp_kernel_run() this often, or as often as the loop wakes up */
#define REFRESH_MS   1000
#define PROBE_MS     2 /* no sleep for so long after a probe: its time is the workers', not ours */

/* What an epoll event is about: one of these, or FIRST_TWIN and the number of the port. */
enum source { SIGNALS, ATTACH, KERNEL, PROBE, FIRST_TWIN };

struct loop {
	struct dp_host *host;
	int epoll, signals;
	bool has_twins, stopping;
	struct dp_tables tables; /* the generation that the kernel was told */
	uint64_t refused;
	uint64_t kernel_ms, refresh_ms; /* when each was served last */
	uint64_t probe_ms;
};

static int watch(const struct loop *l, int fd, uint32_t source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_all(struct loop *l)
{
	struct dp_host *host = l->host;
	int rc = watch(l, l->signals, SIGNALS);

	if (rc == 0)
		rc = watch(l, dp_attach_fd(host->attach), ATTACH);
	if (rc == 0)
		rc = watch(l, dp_kernel_fd(host->kernel), KERNEL);
	if (rc == 0 && host->probe.fd >= 0)
		rc = watch(l, host->probe.fd, PROBE);
	for (uint32_t i = 0; i < host->nb_ports && rc == 0; i++) {
		if (host->twins[i].fd < 0)
			continue;
		l->has_twins = true;
		rc = watch(l, host->twins[i].fd, FIRST_TWIN + i);
	}
	return rc;
}

static void hear_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof(info)) == sizeof(info)) {
		dp_log_info("%s: stopping", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
		l->stopping = true;
	}
}

/* Serves what epoll reported. Returns how many frames moved, and says by '*stuck' whether the
 * kernel has frames that nobody has room for. */
static uint32_t serve(
        struct loop *l, const struct epoll_event *events, int n, uint64_t now_ms, bool *stuck)
{
	uint32_t moved = 0;

	for (int i = 0; i < n; i++) {
		uint32_t source = events[i].data.u32, taken;

		if (source == SIGNALS) {
			hear_signals(l);
		} else if (source == KERNEL) {
			l->kernel_ms = 0;
		} else if (source >= PROBE) {
			taken = dp_twin_take(source == PROBE
			                             ? &l->host->probe
			                             : &l->host->twins[source - FIRST_TWIN]);
			if (source == PROBE)
				l->probe_ms = now_ms;
			*stuck |= taken == 0;
			moved += taken;
		}
	}
	return moved;
}

static uint32_t give_to_kernel(struct dp_host *host)
{
	uint32_t moved = 0;

	for (uint32_t i = 0; i < host->nb_ports; i++) {
		if (host->twins[i].fd >= 0)
			moved += dp_twin_give(&host->twins[i]);
	}
	return moved + (host->probe.fd >= 0 ? dp_twin_give(&host->probe) : 0);
}

/* The main lcore is the consumer behind the workers. It acknowledges when the kernel is done. */
static void take_commands(struct loop *l)
{
	struct dp_host *host = l->host;
	struct lb_stats *stats = host->segments.stats;
	struct lb_msg answer;
	uint64_t refused = l->refused;
	int rc;

	if (!dp_tables_take(&l->tables, host->segments.rings, host->nb_workers,
	            host->segments.tables, host->segments.sizes[LB_SEGMENT_TABLES], &l->refused,
	            &answer)) {
		if (l->refused != refused && refused == 0)
			dp_log_error("the main command ring is corrupt: restart the dataplane");
		return;
	}
	if (answer.type == LB_MSG_RUNNING) {
		rc = dp_kernel_apply(host->kernel, &l->tables);
		if (rc < 0)
			dp_log_warning("generation %llu: the kernel refused a part of it: %s",
			        (unsigned long long)l->tables.revision, strerror(-rc));
		stats->main_running_offset = l->tables.offset;
		__atomic_store_n(
		        &stats->main_running_revision, l->tables.revision, __ATOMIC_RELEASE);
	} else {
		dp_log_warning(
		        "a command of the control plane was refused: reason %u", answer.reason);
	}
	dp_tables_answer(host->segments.rings, host->nb_workers, &answer);
}

static void refresh_flow_usage(const struct dp_host *host)
{
	struct lb_flow_usage *flows = host->segments.stats->flows;
	struct dp_flow_usage usage;

	dp_flow_usage(host->flows, &usage);
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		__atomic_store_n(&flows[is_v6].capacity, usage.capacity[is_v6], __ATOMIC_RELAXED);
		__atomic_store_n(&flows[is_v6].used, usage.used[is_v6], __ATOMIC_RELAXED);
	}
}

static void keep_house(struct loop *l, uint64_t now_ms)
{
	struct dp_host *host = l->host;

	__atomic_store_n(&host->segments.stats->main_alive_ms, now_ms, __ATOMIC_RELAXED);
	if (now_ms - l->kernel_ms >= KERNEL_MS) {
		dp_kernel_run(host->kernel, now_ms);
		l->kernel_ms = now_ms;
	}
	if (now_ms - l->refresh_ms < REFRESH_MS)
		return;
	l->refresh_ms = now_ms;
	for (uint32_t i = 0; i < host->nb_ports; i++)
		dp_port_refresh(&host->nics[i], &host->segments.stats->ports[i]);
	refresh_flow_usage(host);
}

static int wait_ms(const struct loop *l, uint32_t moved, uint64_t now_ms)
{
	if (moved > 0 || now_ms - l->probe_ms < PROBE_MS)
		return 0;
	return l->has_twins || dp_attach_held(l->host->attach) ? BUSY_WAIT_MS : IDLE_WAIT_MS;
}

static void run(struct loop *l)
{
	struct epoll_event events[LB_MAX_PORTS + FIRST_TWIN];
	uint64_t now_ms = dp_clock_ms();
	uint32_t moved = 0;

	while (!l->stopping) {
		int n = epoll_wait(
		        l->epoll, events, LB_MAX_PORTS + FIRST_TWIN, wait_ms(l, moved, now_ms));
		bool stuck = false;

		now_ms = dp_clock_ms();
		moved = serve(l, events, n, now_ms, &stuck);
		moved += give_to_kernel(l->host);
		dp_attach_run(l->host->attach, now_ms);
		take_commands(l);
		keep_house(l, now_ms);
		if (stuck)
			usleep(100);
	}
}

int dp_host_loop(struct dp_host *host, int signals)
{
	struct loop l = {.host = host, .signals = signals};
	int rc;

	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l.epoll < 0)
		return -errno;
	rc = watch_all(&l);
	if (rc == 0)
		run(&l);
	else
		dp_log_error("the main loop can't watch its descriptors: %s", strerror(-rc));
	close(l.epoll);
	return rc;
}
