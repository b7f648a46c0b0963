/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Status: what an operator wants at a glance.
 *
 * Parameters: {"TargetGroups": [name or ARN, …]} limits "target_groups" to these; all are optional.
 *
 * Result; "_per_s" is over the last second, "_ms" and "_s" are durations, times are Unix
 * milliseconds:
 *
 *   daemon      version, pid, uptime_s, instance, cluster, database, control_socket, clients,
 *               revision (of the configuration), changes, refused, failed, waiting, problem ("")
 *   dataplane   attached, why (what is wrong when it is not), problem (with tables; "")
 *               when attached also:
 *               pid, version, instance, started_ms, uptime_s, hugepages
 *               workers[]  worker, lcore, cpu, revision, alive_ms_ago, received, forwarded,
 *               to_target, to_client, dropped, spread (handed to other workers),
 *               received_per_s, forwarded_per_s, polls_per_s, busy_percent
 *               main  revision, alive_ms_ago
 *               ports[]  name, interface, driver, mac, queues, rss[] (ipv4, ipv6, tcp, udp: what
 *               the device hashes by), reta_size (places), spread (in software), mtu, link_up,
 *               rx_missed (lost before the dataplane), rx_missed_per_s, tx_errors
 *               counters  {name: number}, as in lb/counters.h; sums of all workers
 *               rates  {name: number per second}
 *               drops[]  reason, help, packets, packets_per_s; those that are not 0
 *               flow_table  capacity, used, ipv4 and ipv6 (capacity, used; a second old)
 *               kernel_errors, kernel_error ("")
 *               publisher   attachments, generations, revision (newest announced), acknowledged,
 *                           consumers, silent_consumers[], table_bytes, table_bytes_used, problem
 *   zones[]     name, subnets, prefixes[] (subnet, prefix, interface, scheme), addresses
 *               (of load balancers),
 *               targets, healthy
 *   load_balancers[]  name, arn, scheme, listeners, zones[] (name, subnet, ipv4, ipv6)
 *   listeners[] arn, load_balancer, protocol, port, target_group, addresses[], packets_in,
 *               packets_out, bytes_in, bytes_out, flows_new, drops, fail_open_flows,
 *               packets_per_s, bytes_per_s, flows_new_per_s, drops_per_s
 *   target_groups[]  name, arn, protocol, port, load_balancer (or null), registered, states
 *               {state: number}, fail_open, packets_per_s, bytes_per_s, flows_new_per_s, flows,
 *               targets_omitted (rows left out: ask for the group by name),
 *               targets[] (id, port, zone, weight, state, reason, description, since_ms, slot,
 *               flows (null: not known), packets_in, packets_out, bytes_in, bytes_out, flows_new,
 *               resets_client, resets_target, packets_per_s, bytes_per_s, flows_new_per_s)
 *   health      targets, in_flight, probes, failures, postponed
 *   listeners_omitted   how many rows were left out
 */
#include "status.h"

#include <time.h>
#include <unistd.h>

static json_t *status_daemon(const struct cp_daemon *daemon, uint64_t now_ms)
{
	const struct cp_config *config = &daemon->config;
	struct cp_apply_status apply;

	cp_apply_status(daemon->apply, &apply);
	return json_pack("{s:s, s:i, s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
	        "version", LB_VERSION, "pid", (int)getpid(), "uptime_s",
	        (json_int_t)((now_ms - daemon->started_ms) / 1000), "instance", config->instance,
	        "cluster", config->cluster, "database", config->database, "control_socket",
	        config->control_socket, "clients", (json_int_t)cp_ctl_nb_clients(daemon->ctl),
	        "revision", (json_int_t)daemon->live->revision, "changes",
	        (json_int_t)apply.changes, "refused", (json_int_t)apply.refused, "failed",
	        (json_int_t)apply.failed, "waiting", (json_int_t)apply.waiting, "problem",
	        apply.problem);
}

static json_t *status_health(const struct cp_daemon *daemon)
{
	struct cp_health_status status;

	cp_health_status(daemon->health, &status);
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "targets", (json_int_t)status.targets,
	        "in_flight", (json_int_t)status.in_flight, "probes", (json_int_t)status.probes,
	        "failures", (json_int_t)status.failures, "postponed", (json_int_t)status.postponed);
}

static bool group_exists(const struct cp_model *live, const char *name)
{
	const struct cp_target_group *group;

	HASH_FIND_STR(live->groups, name, group);
	if (!group)
		HASH_FIND(hh_arn, live->groups_by_arn, name, strlen(name), group);
	return group != NULL;
}

static int check_params(const struct cp_model *live, const json_t *params, struct cp_error *error)
{
	const json_t *groups = json_object_get(params, "TargetGroups"), *name;
	size_t i;

	if (json_object_size(params) > (groups ? 1u : 0u))
		return cp_fail(error, "ValidationError",
		        "Status has one parameter, TargetGroups: a list of names or ARNs");
	if (groups && !json_is_array(groups))
		return cp_fail(
		        error, "ValidationError", "TargetGroups must be a list of names or ARNs");
	json_array_foreach (groups, i, name) {
		const char *text = json_string_value(name);

		if (!text || !group_exists(live, text))
			return cp_fail(error, "TargetGroupNotFound",
			        "TargetGroups[%zu]: there is no target group \"%.200s\"", i,
			        text ? text : "(not a string)");
	}
	return 0;
}

int cp_rpc_Status(const struct cp_model *live, struct cp_daemon *daemon, const json_t *params,
        json_t **result, struct cp_error *error)
{
	struct cp_stats_view view;
	struct cp_status_objects objects = {.live = live,
	        .sampler = daemon->sampler,
	        .view = &view,
	        .groups = json_object_get(params, "TargetGroups"),
	        .rows_left = CP_STATUS_MAX_ROWS};
	struct timespec now;
	json_t *listeners, *groups;

	if (check_params(live, params, error) < 0)
		return -EINVAL;
	clock_gettime(CLOCK_REALTIME, &now);
	cp_daemon_stats(daemon, &view);
	listeners = cp_status_listeners(&objects);
	groups = cp_status_groups(&objects);
	*result = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "daemon",
	        status_daemon(
	                daemon, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000),
	        "dataplane", cp_status_dataplane(daemon, &view), "zones", cp_status_zones(live),
	        "load_balancers", cp_status_load_balancers(live), "listeners", listeners,
	        "target_groups", groups, "health", status_health(daemon));
	if (!*result)
		return cp_fail(error, "InternalFailure", "out of memory");
	json_object_set_new(*result, "listeners_omitted",
	        json_integer(
	                (json_int_t)(HASH_COUNT(live->listeners) - json_array_size(listeners))));
	return 0;
}
