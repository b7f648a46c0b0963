/* SPDX-License-Identifier: BSD-3-Clause
 *
 * "anabranch serve": a load balancer, a target group, its targets and a listener in one go. Steps
 * in order, each of which knows how to take back what it made; the first that fails takes back all.
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "serve.h"
#include "show.h"
#include "table.h"

struct serve {
	const struct cli_call *call;
	struct cli_client *client;
	struct cli_error error;
	struct cli_service plan;
	char subnet[64];
	json_t *listener_arn; /* owned */
	json_t *new_targets;  /* that were not registered before; owned */
	bool made_lb, made_group, made_listener, registered;
};

static int __attribute__((format(printf, 3, 4)))
refuse(struct serve *serve, const char *code, const char *format, ...)
{
	va_list args;

	snprintf(serve->error.code, sizeof(serve->error.code), "%s", code);
	va_start(args, format);
	vsnprintf(serve->error.message, sizeof(serve->error.message), format, args);
	va_end(args);
	return -1;
}

/* Takes ownership of 'params'. NULL: refused, serve->error says why. */
static json_t *ask(struct serve *serve, const char *method, json_t *params)
{
	json_t *result = cli_client_call(serve->client, method, params, &serve->error);

	json_decref(params);
	return result;
}

/* Whether the object is there. 'code' is what the daemon says when it is not. -1: neither known. */
static int exists(struct serve *serve, const char *method, const char *name, const char *code)
{
	json_t *result = ask(serve, method, json_pack("{s:[s]}", "Names", name));

	if (result != NULL) {
		json_decref(result);
		return 1;
	}
	return strcmp(serve->error.code, code) == 0 ? 0 : -1;
}

/* Bits that two addresses share, from the first one on. */
static bool in_prefix(const char *address, const char *prefix)
{
	unsigned char a[16] = {0}, b[16] = {0};
	const int family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	char text[64];
	unsigned bits;

	if (sscanf(prefix, "%63[^/]/%u", text, &bits) != 2 || bits > 128 ||
	        inet_pton(family, address, a) != 1 || inet_pton(family, text, b) != 1)
		return false;
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8) == 0;
}

/* How many of the subnets that Status lists hold the address; the last one's name in 'found'. */
static unsigned subnets_of(const json_t *status, const char *address, char *found, size_t len)
{
	const json_t *zone, *row;
	unsigned nb = 0;
	size_t i, j;

	json_array_foreach (json_object_get(status, "zones"), i, zone) {
		json_array_foreach (json_object_get(zone, "prefixes"), j, row) {
			const char *id = json_string_value(json_object_get(row, "subnet"));
			const char *prefix = json_string_value(json_object_get(row, "prefix"));

			if (id == NULL || prefix == NULL || !in_prefix(address, prefix))
				continue;
			nb++;
			snprintf(found, len, "%s", id);
		}
	}
	return nb;
}

/* The subnet of the virtual address, and the zone of targets that are in none. */
static int find_places(struct serve *serve)
{
	const char *given = json_string_value(json_object_get(serve->call->params, "Subnet"));
	json_t *status = ask(serve, "Status", NULL), *target;
	char subnet[64];
	unsigned nb;
	size_t i;

	if (status == NULL)
		return -1;
	nb = subnets_of(status, serve->plan.address, serve->subnet, sizeof(serve->subnet));
	json_array_foreach (serve->plan.targets, i, target) {
		const char *id = json_string_value(json_object_get(target, "Id"));

		if (subnets_of(status, id, subnet, sizeof(subnet)) == 0)
			json_object_set_new(target, "AvailabilityZone", json_string("all"));
	}
	json_decref(status);
	if (given != NULL)
		snprintf(serve->subnet, sizeof(serve->subnet), "%s", given);
	if (given != NULL || nb == 1)
		return 0;
	return refuse(serve, "SubnetNotFound",
	        nb == 0 ? "no subnet of anabranchd's file holds %s: add one there, or serve an "
	                  "address of one that it has"
	                : "several subnets hold %s: choose one with --subnet",
	        serve->plan.address);
}

static int make_load_balancer(struct serve *serve)
{
	const int there =
	        exists(serve, "DescribeLoadBalancers", serve->plan.lb, "LoadBalancerNotFound");
	json_t *result;

	if (there < 0 || find_places(serve) != 0)
		return -1;
	result = ask(serve, "CreateLoadBalancer",
	        json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "Name", serve->plan.lb, "IpAddressType",
	                serve->plan.vip_v6 ? "dualstack" : "ipv4", "SubnetMappings", "SubnetId",
	                serve->subnet, serve->plan.vip_v6 ? "IPv6Address" : "PrivateIPv4Address",
	                serve->plan.address));
	serve->made_lb = result != NULL && there == 0;
	json_decref(result);
	return result != NULL ? 0 : -1;
}

/* Targets of all zones serve the address: it stands in one zone, and all of them were named. */
static int set_cross_zone(struct serve *serve)
{
	json_t *result = ask(serve, "ModifyTargetGroupAttributes",
	        json_pack("{s:s, s:[{s:s, s:s}]}", "TargetGroupArn", serve->plan.group,
	                "Attributes", "Key", "load_balancing.cross_zone.enabled", "Value", "true"));

	json_decref(result);
	return result != NULL ? 0 : -1;
}

static int make_group(struct serve *serve)
{
	const struct cli_service *plan = &serve->plan;
	const int there = exists(serve, "DescribeTargetGroups", plan->group, "TargetGroupNotFound");
	const json_t *port = json_object_get(json_array_get(plan->targets, 0), "Port");
	json_t *result;

	if (there != 0)
		return there > 0 ? 0 : -1;
	result = ask(serve, "CreateTargetGroup",
	        json_pack("{s:s, s:s, s:I, s:s}", "Name", plan->group, "Protocol", plan->protocol,
	                "Port", json_integer_value(port), "IpAddressType",
	                plan->targets_v6 ? "ipv6" : "ipv4"));
	serve->made_group = result != NULL;
	json_decref(result);
	return serve->made_group ? set_cross_zone(serve) : -1;
}

static bool is_registered(const json_t *health, const json_t *target)
{
	const json_t *list = json_object_get(health, "TargetHealthDescriptions"), *item;
	char wanted[96], text[96];
	size_t i;

	cli_target_text(target, wanted, sizeof(wanted));
	json_array_foreach (list, i, item) {
		char number[32];

		if (strcmp(cli_field(item, "TargetHealth.State", number, sizeof(number)),
		            "draining") == 0)
			continue;
		cli_target_text(json_object_get(item, "Target"), text, sizeof(text));
		if (strcmp(wanted, text) == 0)
			return true;
	}
	return false;
}

static int register_targets(struct serve *serve)
{
	json_t *health = ask(serve, "DescribeTargetHealth",
	        json_pack("{s:s}", "TargetGroupArn", serve->plan.group));
	json_t *target, *result;
	size_t i;

	if (health == NULL)
		return -1;
	serve->new_targets = json_array();
	json_array_foreach (serve->plan.targets, i, target)
		if (!is_registered(health, target))
			json_array_append(serve->new_targets, target);
	json_decref(health);
	if (json_array_size(serve->new_targets) == 0)
		return 0;
	result = ask(serve, "RegisterTargets",
	        json_pack("{s:s, s:O}", "TargetGroupArn", serve->plan.group, "Targets",
	                serve->new_targets));
	serve->registered = result != NULL;
	json_decref(result);
	return result != NULL ? 0 : -1;
}

static bool forwards_to(const json_t *listener, const char *group)
{
	const json_t *action = json_array_get(json_object_get(listener, "DefaultActions"), 0);
	const char *arn = json_string_value(json_object_get(action, "TargetGroupArn"));
	char name[64];

	cli_arn_name(arn != NULL ? arn : "", name, sizeof(name));
	return strcmp(name, group) == 0;
}

/* The listener at our port that is there; NULL: none. */
static json_t *listener_there(const struct serve *serve, const json_t *result)
{
	json_t *list = json_object_get(result, "Listeners"), *listener;
	size_t i;

	json_array_foreach (list, i, listener) {
		char text[32];

		if (json_integer_value(json_object_get(listener, "Port")) == serve->plan.port &&
		        strcmp(cli_field(listener, "Protocol", text, sizeof(text)),
		                serve->plan.protocol) == 0)
			return listener;
	}
	return NULL;
}

static int make_listener(struct serve *serve)
{
	json_t *result = ask(
	        serve, "DescribeListeners", json_pack("{s:s}", "LoadBalancerArn", serve->plan.lb));
	json_t *listener = listener_there(serve, result);
	const bool there = listener != NULL,
	           ours = there && forwards_to(listener, serve->plan.group);

	if (result == NULL)
		return -1;
	if (there && !ours) {
		json_decref(result);
		return refuse(serve, "DuplicateListener",
		        "load balancer '%s' has a listener at port %d/%s that forwards to another "
		        "target group",
		        serve->plan.lb, (int)serve->plan.port, serve->plan.protocol);
	}
	if (!there) {
		json_decref(result);
		result = ask(serve, "CreateListener",
		        json_pack("{s:s, s:s, s:I, s:[{s:s, s:s}]}", "LoadBalancerArn",
		                serve->plan.lb, "Protocol", serve->plan.protocol, "Port",
		                serve->plan.port, "DefaultActions", "Type", "forward",
		                "TargetGroupArn", serve->plan.group));
		listener = json_array_get(json_object_get(result, "Listeners"), 0);
		serve->made_listener = result != NULL;
	}
	serve->listener_arn = json_incref(json_object_get(listener, "ListenerArn"));
	json_decref(result);
	return result != NULL ? 0 : -1;
}

static void take_back(struct serve *serve, const char *what, const char *method, json_t *params)
{
	json_t *result = ask(serve, method, params);

	if (result != NULL)
		fprintf(stderr, "%s: taken away again\n", what);
	else
		fprintf(stderr, "%s: could not be taken away again: %s: %s\n", what,
		        serve->error.code, serve->error.message);
	json_decref(result);
}

/* In reverse order. The error of the step that failed is kept. */
static void undo(struct serve *serve)
{
	const struct cli_error why = serve->error;

	if (serve->made_listener)
		take_back(serve, "listener", "DeleteListener",
		        json_pack("{s:O}", "ListenerArn", serve->listener_arn));
	if (serve->registered && !serve->made_group)
		take_back(serve, "targets", "DeregisterTargets",
		        json_pack("{s:s, s:O}", "TargetGroupArn", serve->plan.group, "Targets",
		                serve->new_targets));
	if (serve->made_group)
		take_back(serve, serve->plan.group, "DeleteTargetGroup",
		        json_pack("{s:s}", "TargetGroupArn", serve->plan.group));
	if (serve->made_lb)
		take_back(serve, serve->plan.lb, "DeleteLoadBalancer",
		        json_pack("{s:s}", "LoadBalancerArn", serve->plan.lb));
	serve->error = why;
}

static void print_people(const struct serve *serve)
{
	struct cli_table *table =
	        cli_table_create((const char *[]){"OBJECT", "NAME", "STATE", NULL});
	const size_t fresh = json_array_size(serve->new_targets);
	char listener[160], targets[64];

	snprintf(listener, sizeof(listener), "%s:%d/%s", serve->plan.lb, (int)serve->plan.port,
	        serve->plan.protocol);
	snprintf(targets, sizeof(targets), "%zu", json_array_size(serve->plan.targets));
	cli_table_row(table, (const char *[]){"load balancer", serve->plan.lb,
	                             serve->made_lb ? "made" : "was there"});
	cli_table_row(table, (const char *[]){"target group", serve->plan.group,
	                             serve->made_group ? "made" : "was there"});
	cli_table_row(table,
	        (const char *[]){"targets", targets, fresh > 0 ? "registered" : "were there"});
	cli_table_row(table, (const char *[]){"listener", listener,
	                             serve->made_listener ? "made" : "was there"});
	cli_table_print(table);
	printf("\nWhether the targets are healthy: "
	       "anabranch describe-target-health --target-group %s\n",
	        serve->plan.group);
	if (serve->made_group && strcmp(serve->plan.protocol, "UDP") == 0)
		printf("They are checked by TCP at the same port; where they don't answer it, name "
		       "one: "
		       "anabranch modify-target-group --target-group %s --health-check-port PORT\n",
		        serve->plan.group);
}

static void print_json(const struct serve *serve)
{
	json_t *result = json_pack("{s:s, s:s, s:O*, s:{s:b, s:b, s:b, s:O}}", "LoadBalancerName",
	        serve->plan.lb, "TargetGroupName", serve->plan.group, "ListenerArn",
	        serve->listener_arn, "Made", "LoadBalancer", serve->made_lb, "TargetGroup",
	        serve->made_group, "Listener", serve->made_listener, "Targets", serve->new_targets);

	cli_print_json(result);
	json_decref(result);
}

static int serve_steps(struct serve *serve)
{
	if (make_load_balancer(serve) == 0 && make_group(serve) == 0 &&
	        register_targets(serve) == 0 && make_listener(serve) == 0) {
		if (serve->call->json)
			print_json(serve);
		else
			print_people(serve);
		return CLI_EXIT_OK;
	}
	undo(serve);
	return cli_report(serve->call, &serve->error);
}

int cli_run_serve(const struct cli_call *call)
{
	struct serve serve = {.call = call};
	int rc = cli_service_read(&serve.plan, call);

	if (rc == 0) {
		serve.client = cli_connect(call);
		rc = serve.client != NULL ? serve_steps(&serve) : CLI_EXIT_UNREACHABLE;
	}
	cli_client_close(serve.client);
	cli_service_clear(&serve.plan);
	json_decref(serve.listener_arn);
	json_decref(serve.new_targets);
	return rc;
}
