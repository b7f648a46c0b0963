/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See show.h.
 */
#include "show.h"

#include <stdio.h>
#include <string.h>

#include "table.h"

const char *cli_field(const json_t *object, const char *path, char *text, size_t len)
{
	size_t step = strcspn(path, ".");

	while (path[step] == '.' && json_object_get(object, path) == NULL) {
		object = json_object_getn(object, path, step);
		path += step + 1;
		step = strcspn(path, ".");
	}
	object = json_object_get(object, path);
	if (json_is_string(object))
		return json_string_value(object);
	text[0] = '\0';
	if (json_is_integer(object))
		snprintf(text, len, "%" JSON_INTEGER_FORMAT, json_integer_value(object));
	else if (json_is_real(object))
		snprintf(text, len, "%.0f", json_real_value(object));
	else if (json_is_boolean(object))
		snprintf(text, len, "%s", json_is_true(object) ? "true" : "false");
	return text;
}

const char *cli_short_number(json_int_t value, char text[CLI_NUMBER_LEN])
{
	static const char units[] = "kMGTP";
	double scaled = (double)value;
	int unit = -1;

	while (scaled >= (unit < 0 ? 9999.5 : 999.95) && units[unit + 1] != '\0') {
		scaled /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(text, CLI_NUMBER_LEN, "%.0f", scaled);
	else
		snprintf(text, CLI_NUMBER_LEN, "%.1f %c", scaled, units[unit]);
	return text;
}

void cli_arn_name(const char *arn, char *name, size_t len)
{
	const char *at = strstr(arn, ":targetgroup/");

	if (at != NULL) {
		at = strchr(at, '/') + 1;
	} else if ((at = strstr(arn, "/net/")) != NULL) {
		at += 5;
	} else {
		at = arn;
	}
	snprintf(name, len, "%.*s", (int)strcspn(at, "/"), at);
}

void cli_target_text(const json_t *target, char *text, size_t len)
{
	char id_text[32], port_text[32];
	const char *id = cli_field(target, "Id", id_text, sizeof(id_text));
	const char *port = cli_field(target, "Port", port_text, sizeof(port_text));

	if (port[0] == '\0')
		snprintf(text, len, "%s", id);
	else
		snprintf(text, len, strchr(id, ':') != NULL ? "[%s]:%s" : "%s:%s", id, port);
}

static void append(char *text, size_t len, const char *more)
{
	const size_t used = strlen(text);

	if (more[0] != '\0')
		snprintf(text + used, len - used, "%s%s", used > 0 ? ", " : "", more);
}

static void zone_addresses(const json_t *zone, char *text, size_t len)
{
	const json_t *addresses = json_object_get(zone, "LoadBalancerAddresses"), *address;
	size_t i;

	text[0] = '\0';
	json_array_foreach (addresses, i, address) {
		char number[32];
		const char *v4 = cli_field(address, "IpAddress", number, sizeof(number));

		if (v4[0] == '\0')
			v4 = cli_field(address, "PrivateIPv4Address", number, sizeof(number));
		append(text, len, v4);
		append(text, len, cli_field(address, "IPv6Address", number, sizeof(number)));
	}
}

static void load_balancer_rows(struct cli_table *table, const json_t *lb)
{
	const json_t *zones = json_object_get(lb, "AvailabilityZones"), *zone;
	char text[32], addresses[256];
	size_t i;

	json_array_foreach (zones, i, zone) {
		zone_addresses(zone, addresses, sizeof(addresses));
		cli_table_row(table,
		        (const char *[]){cli_field(lb, "LoadBalancerName", text, sizeof(text)),
		                cli_field(lb, "State.Code", text, sizeof(text)),
		                cli_field(lb, "Scheme", text, sizeof(text)),
		                cli_field(zone, "ZoneName", text, sizeof(text)),
		                cli_field(zone, "SubnetId", text, sizeof(text)), addresses});
	}
}

/* The array of the result, or a line that says that it is empty. */
static const json_t *list_of(const json_t *result, const char *field, const char *what)
{
	const json_t *list = json_object_get(result, field);

	if (json_array_size(list) > 0)
		return list;
	printf("no %s\n", what);
	return NULL;
}

void cli_show_load_balancers(const json_t *result)
{
	const json_t *list = list_of(result, "LoadBalancers", "load balancers"), *lb;
	struct cli_table *table;
	size_t i;

	if (list == NULL)
		return;
	table = cli_table_create((const char *[]){
	        "LOAD BALANCER", "STATE", "SCHEME", "ZONE", "SUBNET", "ADDRESS", NULL});
	json_array_foreach (list, i, lb)
		load_balancer_rows(table, lb);
	cli_table_print(table);
}

/* The target group of the default action, in either of ELBv2's two places. */
static const char *action_group(const json_t *listener)
{
	const json_t *action = json_array_get(json_object_get(listener, "DefaultActions"), 0);
	const json_t *groups =
	        json_object_get(json_object_get(action, "ForwardConfig"), "TargetGroups");
	const json_t *arn = json_object_get(action, "TargetGroupArn");

	if (arn == NULL)
		arn = json_object_get(json_array_get(groups, 0), "TargetGroupArn");
	return json_is_string(arn) ? json_string_value(arn) : "";
}

void cli_show_listeners(const json_t *result)
{
	const json_t *list = list_of(result, "Listeners", "listeners"), *listener;
	struct cli_table *table;
	size_t i;

	if (list == NULL)
		return;
	table = cli_table_create((const char *[]){"LISTENER", "PROTOCOL", "TARGET GROUP", NULL});
	json_array_foreach (list, i, listener) {
		char text[32], name[64], handle[96], group[64];

		cli_arn_name(cli_field(listener, "LoadBalancerArn", text, sizeof(text)), name,
		        sizeof(name));
		snprintf(handle, sizeof(handle), "%s:%s", name,
		        cli_field(listener, "Port", text, sizeof(text)));
		cli_arn_name(action_group(listener), group, sizeof(group));
		cli_table_row(
		        table, (const char *[]){handle,
		                       cli_field(listener, "Protocol", text, sizeof(text)), group});
	}
	cli_table_print(table);
}

/* "HTTP traffic-port /healthz 200-399" */
static void check_text(const json_t *group, char *text, size_t len)
{
	char a[32], b[32];
	const char *protocol = cli_field(group, "HealthCheckProtocol", a, sizeof(a));

	snprintf(text, len, "%s %s", protocol, cli_field(group, "HealthCheckPort", b, sizeof(b)));
	if (strncmp(protocol, "HTTP", 4) == 0) {
		const size_t used = strlen(text);

		snprintf(text + used, len - used, " %s %s",
		        cli_field(group, "HealthCheckPath", a, sizeof(a)),
		        cli_field(group, "Matcher.HttpCode", b, sizeof(b)));
	}
}

static void group_users(const json_t *group, char *text, size_t len)
{
	const json_t *arns = json_object_get(group, "LoadBalancerArns"), *arn;
	size_t i;

	text[0] = '\0';
	json_array_foreach (arns, i, arn) {
		char name[64];

		cli_arn_name(json_is_string(arn) ? json_string_value(arn) : "", name, sizeof(name));
		append(text, len, name);
	}
}

static void target_group_row(struct cli_table *table, const json_t *group)
{
	char port[32], interval[40], timeout[40], thresholds[80], a[32], b[32];
	char check[256], users[256];

	check_text(group, check, sizeof(check));
	group_users(group, users, sizeof(users));
	snprintf(interval, sizeof(interval), "%s s",
	        cli_field(group, "HealthCheckIntervalSeconds", a, sizeof(a)));
	snprintf(timeout, sizeof(timeout), "%s s",
	        cli_field(group, "HealthCheckTimeoutSeconds", a, sizeof(a)));
	snprintf(thresholds, sizeof(thresholds), "%s/%s",
	        cli_field(group, "HealthyThresholdCount", a, sizeof(a)),
	        cli_field(group, "UnhealthyThresholdCount", b, sizeof(b)));
	cli_table_row(table, (const char *[]){cli_field(group, "TargetGroupName", a, sizeof(a)),
	                             cli_field(group, "Protocol", a, sizeof(a)),
	                             cli_field(group, "Port", port, sizeof(port)),
	                             cli_field(group, "IpAddressType", a, sizeof(a)), check,
	                             interval, timeout, thresholds, users});
}

void cli_show_target_groups(const json_t *result)
{
	const json_t *list = list_of(result, "TargetGroups", "target groups"), *group;
	struct cli_table *table;
	size_t i;

	if (list == NULL)
		return;
	table = cli_table_create((const char *[]){"TARGET GROUP", "PROTOCOL", ">PORT", "FAMILY",
	        "CHECK", ">EVERY", ">TIMEOUT", "UP/DOWN AFTER", "USED BY", NULL});
	json_array_foreach (list, i, group)
		target_group_row(table, group);
	cli_table_print(table);
}

void cli_show_attributes(const json_t *result)
{
	const json_t *list = list_of(result, "Attributes", "attributes"), *attribute;
	struct cli_table *table;
	size_t i;

	if (list == NULL)
		return;
	table = cli_table_create((const char *[]){"ATTRIBUTE", "VALUE", NULL});
	json_array_foreach (list, i, attribute) {
		char text[32];

		cli_table_row(
		        table, (const char *[]){cli_field(attribute, "Key", text, sizeof(text)),
		                       cli_field(attribute, "Value", text, sizeof(text))});
	}
	cli_table_print(table);
}

void cli_show_target_health(const json_t *result)
{
	const json_t *list = list_of(result, "TargetHealthDescriptions", "targets"), *item;
	struct cli_table *table;
	size_t i;

	if (list == NULL)
		return;
	table = cli_table_create(
	        (const char *[]){"TARGET", "ZONE", "STATE", "REASON", "DESCRIPTION", NULL});
	json_array_foreach (list, i, item) {
		char text[32], target[96];

		cli_target_text(json_object_get(item, "Target"), target, sizeof(target));
		cli_table_row(table,
		        (const char *[]){target,
		                cli_field(item, "Target.AvailabilityZone", text, sizeof(text)),
		                cli_field(item, "TargetHealth.State", text, sizeof(text)),
		                cli_field(item, "TargetHealth.Reason", text, sizeof(text)),
		                cli_field(item, "TargetHealth.Description", text, sizeof(text))});
	}
	cli_table_print(table);
}
