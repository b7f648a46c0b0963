/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The configured objects' part of Status: zones, load balancers, listeners, target groups.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "status.h"

static json_t *address(bool present, const struct lb_ip *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (!present)
		return json_null();
	cp_ip_format(ip, text, sizeof(text));
	return json_string(text);
}

/* ---- zones ---- */

struct zone_sums {
	json_int_t subnets, addresses, targets, healthy;
};

static void count_targets(const struct cp_target_group *group, struct zone_sums *sums)
{
	for (const struct cp_target *target = group->targets; target; target = target->hh.next) {
		enum lb_target_state state;
		enum cp_reason reason;

		if (target->zone >= CP_MAX_ZONES)
			continue;
		cp_target_shown_state(target, &state, &reason);
		sums[target->zone].targets++;
		sums[target->zone].healthy += state == LB_TARGET_HEALTHY;
	}
}

static void add_prefix(json_t *rows, const struct cp_subnet *subnet, const struct cp_range *range)
{
	char ip[INET6_ADDRSTRLEN], prefix[INET6_ADDRSTRLEN + 8];

	if (!range->present)
		return;
	cp_ip_format(&range->prefix, ip, sizeof(ip));
	snprintf(prefix, sizeof(prefix), "%s/%u", ip, range->prefix_len);
	json_array_append_new(
	        rows, json_pack("{s:s, s:s, s:s, s:s}", "subnet", subnet->id, "prefix", prefix,
	                      "interface", subnet->interface, "scheme",
	                      subnet->internal ? "internal" : "internet-facing"));
}

/* So that a client can tell where an address belongs. */
static json_t *zone_prefixes(const struct cp_model *live, uint32_t zone)
{
	json_t *rows = json_array();

	for (const struct cp_subnet *subnet = live->subnets; subnet; subnet = subnet->hh.next)
		if (subnet->zone == zone) {
			add_prefix(rows, subnet, &subnet->v4);
			add_prefix(rows, subnet, &subnet->v6);
		}
	return rows;
}

json_t *cp_status_zones(const struct cp_model *live)
{
	struct zone_sums sums[CP_MAX_ZONES] = {{0}};
	json_t *rows = json_array();

	for (const struct cp_subnet *subnet = live->subnets; subnet; subnet = subnet->hh.next)
		sums[subnet->zone].subnets++;
	for (const struct cp_load_balancer *lb = live->lbs; lb; lb = lb->hh.next)
		for (size_t i = 0; i < lb->nb_zones; i++)
			sums[lb->zones[i].zone].addresses +=
			        lb->zones[i].has_v4 + lb->zones[i].has_v6;
	for (const struct cp_target_group *group = live->groups; group; group = group->hh.next)
		count_targets(group, sums);
	for (uint32_t i = 0; i < live->nb_zones; i++)
		json_array_append_new(
		        rows, json_pack("{s:s, s:o, s:I, s:I, s:I, s:I}", "name",
		                      live->zone_names[i], "prefixes", zone_prefixes(live, i),
		                      "subnets", sums[i].subnets, "addresses", sums[i].addresses,
		                      "targets", sums[i].targets, "healthy", sums[i].healthy));
	return rows;
}

/* ---- load balancers ---- */

static json_t *lb_zones(const struct cp_load_balancer *lb)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < lb->nb_zones; i++) {
		const struct cp_lb_zone *zone = &lb->zones[i];

		json_array_append_new(
		        rows, json_pack("{s:s, s:s, s:o, s:o}", "name", zone->zone_name, "subnet",
		                      zone->subnet_id, "ipv4", address(zone->has_v4, &zone->v4),
		                      "ipv6", address(zone->has_v6, &zone->v6)));
	}
	return rows;
}

json_t *cp_status_load_balancers(const struct cp_model *live)
{
	json_t *rows = json_array();
	size_t left = CP_STATUS_MAX_ROWS;

	for (const struct cp_load_balancer *lb = live->lbs; lb && left > 0; lb = lb->hh.next) {
		json_int_t listeners = 0;

		for (const struct cp_listener *at = lb->listeners; at; at = at->next)
			listeners++;
		json_array_append_new(rows,
		        json_pack("{s:s, s:s, s:s, s:I, s:o}", "name", lb->name, "arn", lb->arn,
		                "scheme", lb->internal ? "internal" : "internet-facing",
		                "listeners", listeners, "zones", lb_zones(lb)));
		left--;
	}
	return rows;
}

/* ---- listeners ---- */

static const char *protocol_name(enum cp_protocol protocol)
{
	static const char *const names[] = {
	        [CP_TCP] = "TCP", [CP_UDP] = "UDP", [CP_TCP_UDP] = "TCP_UDP"};

	return names[protocol];
}

static json_t *listener_addresses(const struct cp_listener *listener)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < listener->lb->nb_zones; i++) {
		const struct lb_ip *ip = cp_listener_vip(listener, i);

		if (ip)
			json_array_append_new(rows, address(true, ip));
	}
	return rows;
}

static json_t *listener_row(
        const struct cp_status_objects *objects, const struct cp_listener *listener)
{
	struct cp_listener_sample sample;

	cp_sampler_listener(objects->sampler, listener, &sample);
	return json_pack(
	        "{s:s, s:s, s:s, s:i, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
	        "s:I}",
	        "arn", listener->arn, "load_balancer", listener->lb->name, "protocol",
	        protocol_name(listener->protocol), "port", (int)listener->port, "target_group",
	        listener->group->name, "addresses", listener_addresses(listener), "packets_in",
	        (json_int_t)sample.total.packets_in, "packets_out",
	        (json_int_t)sample.total.packets_out, "bytes_in", (json_int_t)sample.total.bytes_in,
	        "bytes_out", (json_int_t)sample.total.bytes_out, "flows_new",
	        (json_int_t)sample.total.flows_new, "drops", (json_int_t)sample.total.drops,
	        "fail_open_flows", (json_int_t)sample.total.fail_open_flows, "packets_per_s",
	        (json_int_t)sample.packets_per_s, "bytes_per_s", (json_int_t)sample.bytes_per_s,
	        "flows_new_per_s", (json_int_t)sample.flows_new_per_s, "drops_per_s",
	        (json_int_t)sample.drops_per_s);
}

json_t *cp_status_listeners(const struct cp_status_objects *objects)
{
	json_t *rows = json_array();
	size_t left = CP_STATUS_MAX_ROWS;

	for (const struct cp_listener *at = objects->live->listeners; at && left > 0;
	        at = at->hh.next, left--)
		json_array_append_new(rows, listener_row(objects, at));
	return rows;
}

/* ---- target groups ---- */

struct group_sums {
	json_int_t states[LB_TARGET_UNAVAILABLE + 1];
	uint64_t packets_per_s, bytes_per_s, flows_new_per_s;
	int64_t flows; /* -1: not known */
	json_int_t omitted;
};

static json_t *flows_or_null(int64_t flows)
{
	return flows < 0 ? json_null() : json_integer(flows);
}

static json_t *target_row(const struct cp_target *target, const struct cp_target_sample *sample,
        int64_t flows, enum lb_target_state state, enum cp_reason reason)
{
	const struct lb_target_stats *total = &sample->total;
	const char *detail = target->health.detail;
	char ip[INET6_ADDRSTRLEN];

	cp_ip_format(&target->ip, ip, sizeof(ip));
	return json_pack("{s:s, s:i, s:s, s:i, s:s, s:s, s:s, s:I, s:I, s:o, s:I, s:I, s:I, s:I, "
	                 "s:I, s:I, s:I, s:I, s:I, s:I}",
	        "id", ip, "port", (int)target->port, "zone", target->zone_name, "weight",
	        (int)target->weight, "state", cp_target_state_text(state), "reason",
	        cp_reason_code(reason), "description",
	        state == LB_TARGET_UNHEALTHY && *detail ? detail : cp_reason_text(reason),
	        "since_ms", (json_int_t)target->health.changed_ms, "slot", (json_int_t)target->slot,
	        "flows", flows_or_null(flows), "packets_in", (json_int_t)total->packets_in,
	        "packets_out", (json_int_t)total->packets_out, "bytes_in",
	        (json_int_t)total->bytes_in, "bytes_out", (json_int_t)total->bytes_out, "flows_new",
	        (json_int_t)total->flows_new, "resets_client", (json_int_t)total->resets_client,
	        "resets_target", (json_int_t)total->resets_target, "packets_per_s",
	        (json_int_t)sample->packets_per_s, "bytes_per_s", (json_int_t)sample->bytes_per_s,
	        "flows_new_per_s", (json_int_t)sample->flows_new_per_s);
}

static json_t *group_targets(struct cp_status_objects *objects, const struct cp_target_group *group,
        struct group_sums *sums)
{
	json_t *rows = json_array();

	for (const struct cp_target *target = group->targets; target; target = target->hh.next) {
		int64_t flows = cp_stats_target_flows(objects->view, target->slot);
		struct cp_target_sample sample;
		enum lb_target_state state;
		enum cp_reason reason;

		cp_sampler_target(objects->sampler, target, &sample);
		cp_target_shown_state(target, &state, &reason);
		sums->states[state]++;
		sums->packets_per_s += sample.packets_per_s;
		sums->bytes_per_s += sample.bytes_per_s;
		sums->flows_new_per_s += sample.flows_new_per_s;
		sums->flows = flows < 0 ? -1 : sums->flows + flows;
		if (objects->rows_left == 0) {
			sums->omitted++;
			continue;
		}
		objects->rows_left--;
		json_array_append_new(rows, target_row(target, &sample, flows, state, reason));
	}
	return rows;
}

static json_t *states(const struct group_sums *sums)
{
	json_t *counts = json_object();

	for (int state = LB_TARGET_INITIAL; state <= LB_TARGET_UNAVAILABLE; state++)
		json_object_set_new(
		        counts, cp_target_state_text(state), json_integer(sums->states[state]));
	return counts;
}

/* Every registered target is unhealthy: all of them get traffic. */
static bool fails_open(const struct cp_target_group *group, const struct group_sums *sums)
{
	return group->nb_registered > 0 &&
	       sums->states[LB_TARGET_UNHEALTHY] == (json_int_t)group->nb_registered;
}

static json_t *group_row(struct cp_status_objects *objects, const struct cp_target_group *group)
{
	struct group_sums sums = {0};
	json_t *targets = group_targets(objects, group, &sums);

	return json_pack("{s:s, s:s, s:s, s:i, s:s?, s:I, s:o, s:b, s:I, s:I, s:I, s:o, s:I, s:o}",
	        "name", group->name, "arn", group->arn, "protocol", protocol_name(group->protocol),
	        "port", (int)group->port, "load_balancer", group->lb ? group->lb->name : NULL,
	        "registered", (json_int_t)group->nb_registered, "states", states(&sums),
	        "fail_open", (int)fails_open(group, &sums), "packets_per_s",
	        (json_int_t)sums.packets_per_s, "bytes_per_s", (json_int_t)sums.bytes_per_s,
	        "flows_new_per_s", (json_int_t)sums.flows_new_per_s, "flows",
	        flows_or_null(sums.flows), "targets_omitted", sums.omitted, "targets", targets);
}

static bool is_asked_for(const json_t *wanted, const struct cp_target_group *group)
{
	const json_t *name;
	size_t i;

	if (!wanted)
		return true;
	json_array_foreach (wanted, i, name) {
		const char *text = json_string_value(name);

		if (strcmp(text, group->name) == 0 || strcmp(text, group->arn) == 0)
			return true;
	}
	return false;
}

json_t *cp_status_groups(struct cp_status_objects *objects)
{
	json_t *rows = json_array();

	for (const struct cp_target_group *group = objects->live->groups; group;
	        group = group->hh.next)
		if (is_asked_for(objects->groups, group))
			json_array_append_new(rows, group_row(objects, group));
	return rows;
}
