/* SPDX-License-Identifier: BSD-3-Clause
 *
 * "anabranch status": what is wrong first, then health and traffic at a glance.
 */
#include <stdio.h>
#include <string.h>

#include "problems.h"
#include "run.h"
#include "show.h"
#include "table.h"

#define NUMBER_LEN CLI_NUMBER_LEN

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *duration(json_int_t s, char text[NUMBER_LEN])
{
	if (s < 120)
		snprintf(text, NUMBER_LEN, "%d s", (int)s);
	else if (s < 7200)
		snprintf(text, NUMBER_LEN, "%d min", (int)(s / 60));
	else if (s < 48 * 3600)
		snprintf(text, NUMBER_LEN, "%d h", (int)(s / 3600));
	else
		snprintf(text, NUMBER_LEN, "%" JSON_INTEGER_FORMAT " days", s / 86400);
	return text;
}

static void show_processes(const json_t *status)
{
	const json_t *daemon = json_object_get(status, "daemon");
	const json_t *dataplane = json_object_get(status, "dataplane");
	char a[NUMBER_LEN], b[NUMBER_LEN], c[NUMBER_LEN];

	printf("control plane  %s, process %d, up %s, configuration %s\n",
	        cli_field(daemon, "version", a, sizeof(a)), (int)number(daemon, "pid"),
	        duration(number(daemon, "uptime_s"), b),
	        cli_field(daemon, "revision", c, sizeof(c)));
	if (!json_is_true(json_object_get(dataplane, "attached")))
		return;
	printf("data plane     %s, process %d, up %s, %zu workers, huge pages: %s\n",
	        cli_field(dataplane, "version", a, sizeof(a)), (int)number(dataplane, "pid"),
	        duration(number(dataplane, "uptime_s"), b),
	        json_array_size(json_object_get(dataplane, "workers")),
	        json_is_true(json_object_get(dataplane, "hugepages")) ? "yes" : "none");
}

static void show_flow_table(const json_t *dataplane)
{
	const json_t *table = json_object_get(dataplane, "flow_table");
	const json_t *v4 = json_object_get(table, "ipv4"), *v6 = json_object_get(table, "ipv6");
	const json_int_t evicted = number(json_object_get(dataplane, "rates"), "flows_evicted");
	char a[NUMBER_LEN], b[NUMBER_LEN], c[NUMBER_LEN], d[NUMBER_LEN];

	printf("flow table     %s of %s IPv4 flows, %s of %s IPv6 flows",
	        cli_short_number(number(v4, "used"), a),
	        cli_short_number(number(v4, "capacity"), b),
	        cli_short_number(number(v6, "used"), c),
	        cli_short_number(number(v6, "capacity"), d));
	if (evicted > 0)
		printf("; %s a second made room for others", cli_short_number(evicted, a));
	putchar('\n');
}

static void show_traffic(const json_t *dataplane)
{
	const json_t *rates = json_object_get(dataplane, "rates");
	const json_t *drop;
	char a[NUMBER_LEN], b[NUMBER_LEN], c[NUMBER_LEN], d[NUMBER_LEN], e[NUMBER_LEN];
	json_int_t dropped = 0;
	size_t i;

	if (rates == NULL)
		return;
	json_array_foreach (json_object_get(dataplane, "drops"), i, drop)
		dropped += number(drop, "packets_per_s");
	printf("traffic        per second: %s packets received, %s to targets, %s to clients, "
	       "%s dropped, %s new flows\n",
	        cli_short_number(number(rates, "received"), a),
	        cli_short_number(number(rates, "to_target"), b),
	        cli_short_number(number(rates, "to_client"), c), cli_short_number(dropped, d),
	        cli_short_number(number(rates, "flows_new"), e));
	show_flow_table(dataplane);
}

static void show_zones(const json_t *zones)
{
	struct cli_table *table;
	const json_t *zone;
	size_t i;

	if (json_array_size(zones) == 0)
		return;
	table = cli_table_create(
	        (const char *[]){"ZONE", ">ADDRESSES", ">TARGETS", ">HEALTHY", NULL});
	json_array_foreach (zones, i, zone) {
		char a[NUMBER_LEN], b[NUMBER_LEN], c[NUMBER_LEN], d[NUMBER_LEN];

		cli_table_row(table, (const char *[]){cli_field(zone, "name", a, sizeof(a)),
		                             cli_field(zone, "addresses", b, sizeof(b)),
		                             cli_field(zone, "targets", c, sizeof(c)),
		                             cli_field(zone, "healthy", d, sizeof(d))});
	}
	putchar('\n');
	cli_table_print(table);
}

/* Packets, bits and new flows a second, the last three columns. */
struct rates {
	char packets[NUMBER_LEN], bits[NUMBER_LEN], flows[NUMBER_LEN];
};

static void rates_of(const json_t *row, struct rates *rates)
{
	cli_short_number(number(row, "packets_per_s"), rates->packets);
	cli_short_number(number(row, "bytes_per_s") * 8, rates->bits);
	cli_short_number(number(row, "flows_new_per_s"), rates->flows);
}

static void join(const json_t *list, char *text, size_t len)
{
	const json_t *item;
	size_t i;

	text[0] = '\0';
	json_array_foreach (list, i, item) {
		const size_t used = strlen(text);

		snprintf(text + used, len - used, "%s%s", i > 0 ? ", " : "",
		        json_is_string(item) ? json_string_value(item) : "?");
	}
}

static void show_listeners(const json_t *status)
{
	const json_t *list = json_object_get(status, "listeners"), *listener;
	struct cli_table *table;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	table = cli_table_create((const char *[]){"LISTENER", "PROTOCOL", "TARGET GROUP",
	        ">PACKETS/S", ">BITS/S", ">NEW FLOWS/S", ">DROPPED/S", "ADDRESSES", NULL});
	json_array_foreach (list, i, listener) {
		char text[NUMBER_LEN], handle[96], addresses[256], drops[NUMBER_LEN];
		struct rates rates;

		snprintf(handle, sizeof(handle), "%s:%d",
		        cli_field(listener, "load_balancer", text, sizeof(text)),
		        (int)number(listener, "port"));
		join(json_object_get(listener, "addresses"), addresses, sizeof(addresses));
		rates_of(listener, &rates);
		cli_table_row(
		        table, (const char *[]){handle,
		                       cli_field(listener, "protocol", text, sizeof(text)),
		                       cli_field(listener, "target_group", text, sizeof(text)),
		                       rates.packets, rates.bits, rates.flows,
		                       cli_short_number(number(listener, "drops_per_s"), drops),
		                       addresses});
	}
	putchar('\n');
	cli_table_print(table);
	if (number(status, "listeners_omitted") > 0)
		printf("… and %d more: anabranch describe-listeners\n",
		        (int)number(status, "listeners_omitted"));
}

static void group_row(struct cli_table *table, const json_t *group)
{
	char text[NUMBER_LEN], flows[NUMBER_LEN], healthy[64], name[96];
	struct rates rates;

	rates_of(group, &rates);
	snprintf(name, sizeof(name), "%s", cli_field(group, "name", text, sizeof(text)));
	snprintf(healthy, sizeof(healthy), "%d of %d healthy",
	        (int)number(json_object_get(group, "states"), "healthy"),
	        (int)number(group, "registered"));
	cli_table_row(
	        table, (const char *[]){name, NULL, healthy,
	                       cli_short_number(number(group, "flows"), flows), rates.packets,
	                       rates.bits, rates.flows,
	                       json_is_null(json_object_get(group, "load_balancer")) ? "not in use"
	                                                                             : NULL});
}

static void target_row(struct cli_table *table, const json_t *target)
{
	const json_t *flows = json_object_get(target, "flows");
	char a[NUMBER_LEN], id[NUMBER_LEN], flows_text[NUMBER_LEN], name[96];
	const char *address = cli_field(target, "id", id, sizeof(id));
	const char *why = cli_field(target, "description", a, sizeof(a));
	struct rates rates;

	rates_of(target, &rates);
	snprintf(name, sizeof(name), strchr(address, ':') != NULL ? "  [%s]:%d" : "  %s:%d",
	        address, (int)number(target, "port"));
	cli_table_row(table,
	        (const char *[]){name, cli_field(target, "zone", a, sizeof(a)),
	                cli_field(target, "state", a, sizeof(a)),
	                json_is_integer(flows)
	                        ? cli_short_number(json_integer_value(flows), flows_text)
	                        : "",
	                rates.packets, rates.bits, rates.flows, why[0] != '\0' ? why : NULL});
}

static void show_groups(const json_t *groups)
{
	struct cli_table *table;
	const json_t *group, *target;
	size_t i, j;

	if (json_array_size(groups) == 0) {
		puts("\nno target groups yet: 'anabranch serve --help' shows the shortest way");
		return;
	}
	table = cli_table_create((const char *[]){"TARGET GROUP", "ZONE", "STATE", ">FLOWS",
	        ">PACKETS/S", ">BITS/S", ">NEW FLOWS/S", "WHY", NULL});
	json_array_foreach (groups, i, group) {
		char more[64];

		group_row(table, group);
		json_array_foreach (json_object_get(group, "targets"), j, target)
			target_row(table, target);
		if (number(group, "targets_omitted") == 0)
			continue;
		snprintf(more, sizeof(more), "  … and %d more",
		        (int)number(group, "targets_omitted"));
		cli_table_row(table, (const char *[]){more, NULL, NULL, NULL, NULL, NULL, NULL,
		                             "see describe-target-health"});
	}
	putchar('\n');
	cli_table_print(table);
}

static void show_drops(const json_t *drops)
{
	struct cli_table *table;
	const json_t *drop;
	size_t i;

	if (json_array_size(drops) == 0)
		return;
	table = cli_table_create(
	        (const char *[]){"DROPPED FOR", ">PACKETS", ">PACKETS/S", "MEANS", NULL});
	json_array_foreach (drops, i, drop) {
		char a[NUMBER_LEN], b[NUMBER_LEN], c[NUMBER_LEN];

		cli_table_row(table, (const char *[]){cli_field(drop, "reason", a, sizeof(a)),
		                             cli_short_number(number(drop, "packets"), b),
		                             cli_short_number(number(drop, "packets_per_s"), c),
		                             cli_field(drop, "help", a, sizeof(a))});
	}
	putchar('\n');
	cli_table_print(table);
}

static void show_status(const json_t *status)
{
	const json_t *dataplane = json_object_get(status, "dataplane");

	cli_problems_print(status);
	show_processes(status);
	show_traffic(dataplane);
	show_zones(json_object_get(status, "zones"));
	show_listeners(status);
	show_groups(json_object_get(status, "target_groups"));
	show_drops(json_object_get(dataplane, "drops"));
}

int cli_run_status(const struct cli_call *call)
{
	struct cli_client *client = cli_connect(call);
	struct cli_error error;
	json_t *result;

	if (client == NULL)
		return CLI_EXIT_UNREACHABLE;
	result = cli_client_call(client, "Status", call->params, &error);
	cli_client_close(client);
	if (result == NULL)
		return cli_report(call, &error);
	if (call->json)
		cli_print_json(result);
	else
		show_status(result);
	json_decref(result);
	return CLI_EXIT_OK;
}
