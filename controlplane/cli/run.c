/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Commands that are one method of the daemon.
 */
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/rpc.h"
#include "table.h"

struct cli_client *cli_connect(const struct cli_call *call)
{
	const char *socket = call->socket != NULL ? call->socket : getenv("ANABRANCH_SOCKET");
	struct cli_client *client;
	char why[512];

	if (socket == NULL || socket[0] == '\0')
		socket = LB_CONTROL_SOCKET;
	client = cli_client_open(socket, why, sizeof(why));
	if (client == NULL)
		fprintf(stderr, "anabranch %s: %s\n", call->command->name, why);
	return client;
}

int cli_report(const struct cli_call *call, const struct cli_error *error)
{
	fprintf(stderr, "anabranch %s: ", call->command->name);
	cli_print_clean(stderr, error->code);
	fputs(error->code[0] != '\0' ? ": " : "", stderr);
	cli_print_clean(stderr, error->message);
	fputc('\n', stderr);
	return error->code[0] != '\0' ? CLI_EXIT_REFUSED : CLI_EXIT_UNREACHABLE;
}

int cli_usage(const struct cli_call *call, const char *format, ...)
{
	const char *name = call->command != NULL ? call->command->name : NULL;
	va_list args;

	fprintf(stderr, "anabranch%s%s: ", name != NULL ? " " : "", name != NULL ? name : "");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n'anabranch %s%s--help' says more.\n", name != NULL ? name : "",
	        name != NULL ? " " : "");
	return CLI_EXIT_USAGE;
}

void cli_print_json(const json_t *result)
{
	json_dumpf(result, stdout, JSON_INDENT(4) | JSON_ENCODE_ANY);
	putchar('\n');
}

static json_t *listener_find(const json_t *result, long port, const char *protocol)
{
	json_t *listeners = json_object_get(result, "Listeners"), *listener, *found = NULL;
	size_t i;

	json_array_foreach (listeners, i, listener) {
		const char *its = json_string_value(json_object_get(listener, "Protocol"));

		if (json_integer_value(json_object_get(listener, "Port")) != port || its == NULL)
			continue;
		if (protocol[0] == '\0' || strcasecmp(protocol, its) == 0)
			found = found == NULL ? json_object_get(listener, "ListenerArn")
			                      : json_null();
	}
	return found;
}

json_t *cli_listener_resolve(struct cli_client *client, const char *text, struct cli_error *error)
{
	char name[64], protocol[16] = "";
	json_t *params, *result, *arn;
	long port;

	if (strncmp(text, "arn:", 4) == 0)
		return json_string(text);
	snprintf(error->code, sizeof(error->code), "ListenerNotFound");
	if (sscanf(text, "%63[^:]:%5ld/%15s", name, &port, protocol) < 2) {
		snprintf(error->message, sizeof(error->message),
		        "'%s' is no listener: LOAD-BALANCER:PORT, LOAD-BALANCER:PORT/PROTOCOL or "
		        "an ARN is",
		        text);
		return NULL;
	}
	params = json_pack("{s:s}", "LoadBalancerArn", name);
	result = cli_client_call(client, "DescribeListeners", params, error);
	json_decref(params);
	if (result == NULL)
		return NULL;
	arn = listener_find(result, port, protocol);
	if (!json_is_string(arn)) {
		snprintf(error->message, sizeof(error->message),
		        arn == NULL ? "load balancer '%s' has no listener at port %ld%s%s"
		                    : "load balancer '%s' has several listeners at port %ld%s%s: "
		                      "%sgive an ARN of 'anabranch describe-listeners --json'",
		        name, port, protocol[0] != '\0' ? "/" : "", protocol,
		        protocol[0] == '\0' ? "add /TCP or /UDP, or " : "");
		arn = NULL;
	}
	json_incref(arn);
	json_decref(result);
	return arn;
}

/* Replaces names of listeners by ARNs: the API has no names for them. */
static int listeners_resolve(struct cli_client *client, json_t *params, struct cli_error *error)
{
	json_t *one = json_object_get(params, "ListenerArn");
	json_t *list = json_object_get(params, "ListenerArns"), *item, *arn;
	size_t i;

	if (one != NULL) {
		arn = cli_listener_resolve(client, json_string_value(one), error);
		if (arn == NULL || json_object_set_new(params, "ListenerArn", arn) != 0)
			return -1;
	}
	json_array_foreach (list, i, item) {
		arn = cli_listener_resolve(client, json_string_value(item), error);
		if (arn == NULL || json_array_set_new(list, i, arn) != 0)
			return -1;
	}
	return 0;
}

static void result_print(const struct cli_call *call, const json_t *result)
{
	if (call->json) {
		cli_print_json(result);
		return;
	}
	if (call->command->show != NULL)
		call->command->show(result);
	else
		puts("done");
	if (json_is_true(json_object_get(result, "anabranch.Pending")))
		fputs("The change is stored, but not every worker of the data plane runs it yet: "
		      "'anabranch status' says why.\n",
		        stderr);
}

int cli_run_method(const struct cli_call *call)
{
	struct cli_client *client = cli_connect(call);
	struct cli_error error = {0};
	json_t *result = NULL;

	if (client == NULL)
		return CLI_EXIT_UNREACHABLE;
	if (listeners_resolve(client, call->params, &error) == 0)
		result = cli_client_call(client, call->command->method, call->params, &error);
	cli_client_close(client);
	if (result == NULL)
		return cli_report(call, &error);
	result_print(call, result);
	json_decref(result);
	return CLI_EXIT_OK;
}

int cli_run_rpc(const struct cli_call *call)
{
	struct cli_client *client;
	struct cli_error error;
	json_error_t where;
	json_t *params = NULL, *result;

	if (call->nb_words < 1 || call->nb_words > 2)
		return cli_usage(call, "give a METHOD and, if it takes any, its parameters as one "
		                       "JSON object");
	if (call->nb_words == 2) {
		params = json_loads(call->words[1], JSON_REJECT_DUPLICATES, &where);
		if (!json_is_object(params)) {
			json_decref(params);
			return cli_usage(call, "the parameters are no JSON object: %s",
			        params == NULL ? where.text : "another kind of value");
		}
	}
	client = cli_connect(call);
	result = client != NULL ? cli_client_call(client, call->words[0], params, &error) : NULL;
	json_decref(params);
	cli_client_close(client);
	if (result == NULL)
		return client != NULL ? cli_report(call, &error) : CLI_EXIT_UNREACHABLE;
	cli_print_json(result);
	json_decref(result);
	return CLI_EXIT_OK;
}
