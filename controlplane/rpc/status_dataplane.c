/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dataplane's part of Status. Texts in the stats segment may be anything: they are copied,
 * ended and made ASCII.
 */
#include <stdio.h>
#include <time.h>

#include "status.h"

struct text {
	char bytes[160];
};

static struct text text_of(const char *bytes, size_t len)
{
	struct text text = {""};

	if (len > sizeof(text.bytes) - 1)
		len = sizeof(text.bytes) - 1;
	for (size_t i = 0; i < len && bytes[i]; i++) {
		unsigned char c = (unsigned char)bytes[i];

		text.bytes[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	return text;
}

#define TEXT(array) text_of(array, sizeof(array)).bytes

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static json_int_t ago(uint64_t now_ms, uint64_t then_ms)
{
	return then_ms > now_ms ? 0 : (json_int_t)(now_ms - then_ms);
}

static uint64_t forwarded(const uint64_t *counters)
{
	return counters[LB_COUNTER_TO_TARGET] + counters[LB_COUNTER_TO_CLIENT];
}

/* Of the polls of the last second, those that found something. */
static json_int_t busy_percent(const struct cp_sampler *sampler, uint32_t worker)
{
	uint64_t polls = cp_sampler_worker_rate(sampler, worker, LB_COUNTER_POLLS);
	uint64_t empty = cp_sampler_worker_rate(sampler, worker, LB_COUNTER_POLLS_EMPTY);

	return polls > 0 && empty <= polls ? (json_int_t)((polls - empty) * 100 / polls) : 0;
}

static json_t *worker_row(const struct cp_sampler *sampler, const struct cp_stats_view *view,
        uint32_t i, uint64_t now_ms)
{
	const struct lb_worker_stats *worker =
	        lb_worker_stats((struct lb_stats *)(uintptr_t)view->stats, i);
	uint64_t dropped = 0;

	for (int reason = 0; reason < LB_DROP_COUNT; reason++)
		dropped += worker->drops[reason];
	return json_pack(
	        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
	        "worker", (json_int_t)i, "lcore", (json_int_t)worker->lcore, "cpu",
	        (json_int_t)worker->cpu, "revision", (json_int_t)worker->running_revision,
	        "alive_ms_ago", ago(now_ms, worker->alive_ms), "received",
	        (json_int_t)worker->counters[LB_COUNTER_RECEIVED], "forwarded",
	        (json_int_t)forwarded(worker->counters), "to_target",
	        (json_int_t)worker->counters[LB_COUNTER_TO_TARGET], "to_client",
	        (json_int_t)worker->counters[LB_COUNTER_TO_CLIENT], "dropped", (json_int_t)dropped,
	        "spread", (json_int_t)worker->counters[LB_COUNTER_SPREAD], "received_per_s",
	        (json_int_t)cp_sampler_worker_rate(sampler, i, LB_COUNTER_RECEIVED),
	        "forwarded_per_s",
	        (json_int_t)(cp_sampler_worker_rate(sampler, i, LB_COUNTER_TO_TARGET) +
	                     cp_sampler_worker_rate(sampler, i, LB_COUNTER_TO_CLIENT)),
	        "polls_per_s", (json_int_t)cp_sampler_worker_rate(sampler, i, LB_COUNTER_POLLS),
	        "busy_percent", busy_percent(sampler, i));
}

static json_t *workers(const struct cp_sampler *sampler, const struct cp_stats_view *view)
{
	uint64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	json_t *rows = json_array();

	for (uint32_t i = 0; i < view->nb_workers; i++)
		json_array_append_new(rows, worker_row(sampler, view, i, now_ms));
	return rows;
}

static json_t *rss_functions(uint8_t bits)
{
	static const char *const names[] = {"ipv4", "ipv6", "tcp", "udp"};
	json_t *list = json_array();

	static_assert(LB_RSS_IPV4 == 1 && LB_RSS_UDP == 8, "names[] are in the order of LB_RSS_*");
	for (int i = 0; i < 4; i++) {
		if (bits & 1 << i)
			json_array_append_new(list, json_string(names[i]));
	}
	return list;
}

static json_t *ports(const struct cp_sampler *sampler, const struct cp_stats_view *view)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < view->nb_ports; i++) {
		const struct lb_port_info *port = &view->stats->ports[i];
		char mac[18];

		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", port->mac[0],
		        port->mac[1], port->mac[2], port->mac[3], port->mac[4], port->mac[5]);
		json_array_append_new(rows,
		        json_pack(
		                "{s:s, s:s, s:s, s:s, s:i, s:o, s:i, s:b, s:i, s:b, s:I, s:I, s:I}",
		                "name", TEXT(port->name), "interface", TEXT(port->interface),
		                "driver", TEXT(port->driver), "mac", mac, "queues",
		                (int)port->queues, "rss", rss_functions(port->rss), "reta_size",
		                (int)port->reta_size, "spread", port->spread != 0, "mtu",
		                (int)port->mtu, "link_up", port->link_up != 0, "rx_missed",
		                (json_int_t)port->rx_missed, "rx_missed_per_s",
		                (json_int_t)cp_sampler_missed_rate(sampler, i), "tx_errors",
		                (json_int_t)port->tx_errors));
	}
	return rows;
}

static const struct {
	const char *name, *help;
} counter_texts[] =
        {
#define X(symbol, name, help) {name, help},
                LB_COUNTERS(X)
#undef X
},
  drop_texts[] = {
#define X(symbol, name, help) {name, help},
          LB_DROP_REASONS(X)
#undef X
};

static json_t *drops(const struct cp_sampler *sampler, const uint64_t *packets)
{
	json_t *rows = json_array();

	for (int i = 0; i < LB_DROP_COUNT; i++)
		if (packets[i] > 0)
			json_array_append_new(
			        rows, json_pack("{s:s, s:s, s:I, s:I}", "reason",
			                      drop_texts[i].name, "help", drop_texts[i].help,
			                      "packets", (json_int_t)packets[i], "packets_per_s",
			                      (json_int_t)cp_sampler_drop_rate(sampler, i)));
	return rows;
}

static json_t *family_usage(const struct lb_flow_usage *usage)
{
	return json_pack("{s:I, s:I}", "capacity",
	        (json_int_t)__atomic_load_n(&usage->capacity, __ATOMIC_RELAXED), "used",
	        (json_int_t)__atomic_load_n(&usage->used, __ATOMIC_RELAXED));
}

/* Flows from before a restart of the dataplane end without having begun: never below 0. */
static json_t *flow_table(const struct cp_stats_view *view, const uint64_t *counters)
{
	int64_t used = (int64_t)(counters[LB_COUNTER_FLOWS_NEW] - counters[LB_COUNTER_FLOWS_ENDED]);

	return json_pack("{s:I, s:I, s:o, s:o}", "capacity", (json_int_t)view->stats->flow_capacity,
	        "used", (json_int_t)(used > 0 ? used : 0), "ipv4",
	        family_usage(&view->stats->flows[0]), "ipv6", family_usage(&view->stats->flows[1]));
}

/* Milliseconds, to a hundredth. */
static double ms_of(uint32_t us)
{
	return (double)(us / 10) / 100;
}

static json_t *latency(const struct cp_publisher *publisher, bool verdicts)
{
	struct cp_latency_summary summary;

	cp_publisher_latency(publisher, verdicts, &summary);
	return json_pack("{s:f, s:f, s:f, s:I}", "median", ms_of(summary.median_us), "p99",
	        ms_of(summary.p99_us), "max", ms_of(summary.max_us), "count",
	        (json_int_t)summary.count);
}

static json_t *publisher(
        const struct cp_publisher *source, const struct cp_publisher_status *status)
{
	json_t *silent = json_array();

	for (int i = 0; i < 32; i++)
		if (status->silent_consumers & UINT32_C(1) << i)
			json_array_append_new(silent, json_integer(i));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:s, s:{s:o, s:o}}",
	        "attachments", (json_int_t)status->attachments, "generations",
	        (json_int_t)status->generations, "revision", (json_int_t)status->revision,
	        "acknowledged", (json_int_t)status->acknowledged, "consumers",
	        (json_int_t)status->nb_consumers, "silent_consumers", silent, "table_bytes",
	        (json_int_t)status->table_bytes, "table_bytes_used",
	        (json_int_t)status->table_bytes_used, "problem", status->problem, "latency_ms",
	        "verdicts", latency(source, true), "changes", latency(source, false));
}

static void add_counters(
        json_t *dataplane, const struct cp_sampler *sampler, const struct cp_stats_view *view)
{
	uint64_t counters[LB_COUNTER_SLOTS], dropped[LB_DROP_SLOTS];
	json_t *values = json_object(), *rates = json_object();

	cp_stats_totals(view, counters, dropped);
	for (int i = 0; i < LB_COUNTER_COUNT; i++) {
		json_object_set_new(
		        values, counter_texts[i].name, json_integer((json_int_t)counters[i]));
		json_object_set_new(rates, counter_texts[i].name,
		        json_integer((json_int_t)cp_sampler_counter_rate(sampler, i)));
	}
	json_object_set_new(dataplane, "counters", values);
	json_object_set_new(dataplane, "rates", rates);
	json_object_set_new(dataplane, "drops", drops(sampler, dropped));
	json_object_set_new(dataplane, "flow_table", flow_table(view, counters));
}

static void add_process(json_t *dataplane, const struct cp_stats_view *view)
{
	const struct lb_stats *stats = view->stats;
	uint64_t monotonic_ms = clock_ms(CLOCK_MONOTONIC), now_ms = clock_ms(CLOCK_REALTIME);

	json_object_update_new(dataplane,
	        json_pack("{s:s, s:s, s:I, s:I, s:b, s:{s:I, s:I}, s:I, s:s}", "version",
	                TEXT(stats->version), "instance", TEXT(stats->instance), "started_ms",
	                (json_int_t)stats->started_ms, "uptime_s",
	                ago(now_ms, stats->started_ms) / 1000, "hugepages", stats->hugepages != 0,
	                "main", "revision", (json_int_t)stats->main_running_revision,
	                "alive_ms_ago", ago(monotonic_ms, stats->main_alive_ms), "kernel_errors",
	                (json_int_t)stats->kernel_errors, "kernel_error",
	                TEXT(stats->kernel_error)));
}

json_t *cp_status_dataplane(const struct cp_daemon *daemon, const struct cp_stats_view *view)
{
	struct cp_publisher_status status;
	json_t *dataplane;

	cp_publisher_status(daemon->publisher, &status);
	dataplane = json_pack("{s:b, s:s, s:s, s:o}", "attached", (int)status.attached, "why",
	        status.why, "problem", status.problem, "publisher",
	        publisher(daemon->publisher, &status));
	if (!dataplane || !view->stats)
		return dataplane;
	json_object_set_new(dataplane, "pid", json_integer(status.dataplane_pid));
	add_process(dataplane, view);
	json_object_set_new(dataplane, "workers", workers(daemon->sampler, view));
	json_object_set_new(dataplane, "ports", ports(daemon->sampler, view));
	add_counters(dataplane, daemon->sampler, view);
	return dataplane;
}
