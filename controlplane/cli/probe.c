/* SPDX-License-Identifier: BSD-3-Clause
 *
 * "anabranch probe": a client of a virtual address, on the load balancer's own host.
 */
#include <stdio.h>
#include <string.h>

#include "probe_try.h"
#include "run.h"
#include "show.h"
#include "table.h"
#include "value.h"

#define TIMEOUT_MS  2000
#define TIMEOUT_MAX 60000
#define COUNT_MAX   1000

static const char *const result_names[] = {
        [CLI_PROBE_ANSWERED] = "answered",
        [CLI_PROBE_RESET] = "reset",
        [CLI_PROBE_SILENT] = "no-answer",
};

/* What is to be done, and how it goes. */
struct probe {
	const struct cli_call *call;
	json_t *target;      /* {"Id", "Port"} */
	const char *address; /* in 'target' */
	char interface[32];
	bool http;
	int64_t timeout_us;
	json_int_t count;
	struct cli_client *client; /* NULL: --interface made the daemon needless */
	json_t *before;            /* its status, likewise */
	struct cli_wire wire;
	json_t *attempts;
	size_t nb_answered, nb_silent;
};

static bool flag(const struct probe *p, const char *name)
{
	return json_is_true(json_object_get(p->call->params, name));
}

static const char *text(const struct probe *p, const char *name)
{
	return json_string_value(json_object_get(p->call->params, name));
}

/* A number of the command line, 'preset' if it is not there; false if it is out of range. */
static bool number(const struct probe *p, const char *name, json_int_t preset, json_int_t max,
        json_int_t *value)
{
	const json_t *given = json_object_get(p->call->params, name);

	*value = given != NULL ? json_integer_value(given) : preset;
	return *value >= 1 && *value <= max;
}

/* 0 or an exit code. */
static int read_call(struct probe *p)
{
	const struct cli_call *call = p->call;
	const char *payload = text(p, "Payload");
	json_int_t ms;

	if (call->nb_words != 1)
		return cli_usage(call, "give one ADDRESS:PORT to probe");
	p->target = cli_target_parse(call->words[0]);
	p->address = json_string_value(json_object_get(p->target, "Id"));
	p->wire.remote_port = (uint16_t)json_integer_value(json_object_get(p->target, "Port"));
	if (p->address == NULL || p->wire.remote_port == 0)
		return cli_usage(call, "'%s' is nothing to probe: ADDRESS:PORT or [IPV6]:PORT is",
		        call->words[0]);
	if (!number(p, "TimeoutMs", TIMEOUT_MS, TIMEOUT_MAX, &ms))
		return cli_usage(call, "--timeout: 1 to %d milliseconds", TIMEOUT_MAX);
	if (!number(p, "Count", 1, COUNT_MAX, &p->count))
		return cli_usage(call, "--count: 1 to %d", COUNT_MAX);
	p->timeout_us = ms * 1000;
	p->wire.is_tcp = !flag(p, "Udp");
	p->http = flag(p, "Http");
	if (p->http && !p->wire.is_tcp)
		return cli_usage(call, "--http and --udp exclude each other");
	if (payload != NULL && (p->wire.is_tcp || strlen(payload) > CLI_WIRE_PAYLOAD))
		return cli_usage(call, "--payload goes with --udp, and has up to %d bytes",
		        CLI_WIRE_PAYLOAD);
	return 0;
}

/* The probe port's interface: given, or from the daemon. 0 or an exit code. */
static int find_interface(struct probe *p)
{
	struct cli_error error;
	const json_t *port;
	size_t i;

	snprintf(p->interface, sizeof(p->interface), "%s",
	        text(p, "Interface") != NULL ? text(p, "Interface") : "");
	if (p->interface[0] != '\0')
		return 0;
	p->client = cli_connect(p->call);
	if (p->client == NULL)
		return CLI_EXIT_UNREACHABLE;
	p->before = cli_client_call(p->client, "Status", NULL, &error);
	if (p->before == NULL)
		return cli_report(p->call, &error);
	json_array_foreach (
	        json_object_get(json_object_get(p->before, "dataplane"), "ports"), i, port) {
		const char *driver = json_string_value(json_object_get(port, "driver"));

		char number[32];

		if (driver != NULL && strcmp(driver, "probe") == 0)
			snprintf(p->interface, sizeof(p->interface), "%s",
			        cli_field(port, "interface", number, sizeof(number)));
	}
	if (p->interface[0] != '\0')
		return 0;
	fprintf(stderr,
	        "anabranch probe: the data plane has no probe port: it does not run, or its "
	        "configuration has \"probe\": {\"enabled\": false}; its log says more\n");
	return CLI_EXIT_UNREACHABLE;
}

static void report(struct probe *p, const struct cli_attempt *a)
{
	json_t *row = json_pack("{s:s, s:i}", "result", result_names[a->result], "source_port",
	        (int)p->wire.own_port);

	if (a->result != CLI_PROBE_SILENT)
		json_object_set_new(row, "ms", json_real(a->ms));
	if (p->http && a->result == CLI_PROBE_ANSWERED)
		json_object_set_new(row, "http_status", json_string(a->line));
	json_array_append_new(p->attempts, row);
	p->nb_answered += a->result == CLI_PROBE_ANSWERED;
	p->nb_silent += a->result == CLI_PROBE_SILENT;
	if (p->call->json)
		return;
	printf("%s %s from port %u: ", p->call->words[0], p->wire.is_tcp ? "TCP" : "UDP",
	        p->wire.own_port);
	if (a->result == CLI_PROBE_SILENT)
		printf("no answer within %.0f ms\n", (double)p->timeout_us / 1000);
	else
		printf("%s %.2f ms%s",
		        a->result == CLI_PROBE_RESET ? "reset by the target after" : "answered in",
		        a->ms, p->http && a->result == CLI_PROBE_ANSWERED ? ", " : "\n");
	if (p->http && a->result == CLI_PROBE_ANSWERED) {
		cli_print_clean(stdout, a->line[0] != '\0' ? a->line : "but nothing to GET /");
		putchar('\n');
	}
}

static json_int_t packets(const json_t *status, const char *reason)
{
	const json_t *drop;
	size_t i;

	json_array_foreach (
	        json_object_get(json_object_get(status, "dataplane"), "drops"), i, drop) {
		const char *its = json_string_value(json_object_get(drop, "reason"));

		if (its != NULL && strcmp(its, reason) == 0)
			return json_integer_value(json_object_get(drop, "packets"));
	}
	return 0;
}

/* What the data plane dropped meanwhile, of all traffic. */
static void tell_drops(const struct probe *p)
{
	struct cli_error error;
	json_t *after =
	        p->client != NULL ? cli_client_call(p->client, "Status", NULL, &error) : NULL;
	const json_t *drop;
	size_t i;

	json_array_foreach (
	        json_object_get(json_object_get(after, "dataplane"), "drops"), i, drop) {
		const char *reason = json_string_value(json_object_get(drop, "reason"));
		char help[24];
		json_int_t more;

		if (reason == NULL)
			continue;
		more = packets(after, reason) - packets(p->before, reason);
		if (more <= 0)
			continue;
		printf("  meanwhile the data plane dropped %" JSON_INTEGER_FORMAT " for ", more);
		cli_print_clean(stdout, reason);
		fputs(": ", stdout);
		cli_print_clean(stdout, cli_field(drop, "help", help, sizeof(help)));
		putchar('\n');
	}
	json_decref(after);
}

static void tell_why(const struct probe *p)
{
	char own[64] = "";

	if (p->call->json || p->nb_answered == json_array_size(p->attempts))
		return;
	tell_drops(p);
	if (p->nb_silent == 0) {
		printf("  Nothing listens at the target's port: does 'anabranch status' call it "
		       "healthy?\n");
		return;
	}
	cli_wire_own(&p->wire, own, sizeof(own));
	printf("  Does 'anabranch status' show a listener there, with a healthy target? "
	       "Does the target's route to %s lead back through this load balancer?%s\n",
	        own, p->wire.is_tcp ? "" : " Does the service answer such a datagram?");
}

/* 0 or an exit code. */
static int try_all(struct probe *p)
{
	const char *payload = text(p, "Payload");
	const struct cli_try try = {.wire = &p->wire,
	        .timeout_us = p->timeout_us,
	        .host = p->http ? p->call->words[0] : NULL,
	        .payload = payload != NULL ? payload : "anabranch probe\n"};

	for (json_int_t i = 0; i < p->count; i++) {
		struct cli_attempt attempt;
		int rc;

		p->wire.own_port = cli_probe_port((uint32_t)i);
		rc = cli_probe_try(&try, &attempt);
		if (rc < 0) {
			fprintf(stderr, "anabranch probe: %s takes no frame: %s\n", p->interface,
			        strerror(-rc));
			return CLI_EXIT_UNREACHABLE;
		}
		report(p, &attempt);
	}
	tell_why(p);
	return p->nb_answered == (size_t)p->count ? CLI_EXIT_OK : CLI_EXIT_REFUSED;
}

static void print_json(const struct probe *p)
{
	json_t *result = json_pack("{s:s, s:i, s:s, s:s, s:i, s:O}", "address", p->address, "port",
	        (int)p->wire.remote_port, "protocol", p->wire.is_tcp ? "TCP" : "UDP", "interface",
	        p->interface, "answered", (int)p->nb_answered, "attempts", p->attempts);

	cli_print_json(result);
	json_decref(result);
}

int cli_run_probe(const struct cli_call *call)
{
	struct probe p = {.call = call, .wire.fd = -1, .attempts = json_array()};
	char why[256];
	int rc = read_call(&p);

	if (rc == 0)
		rc = find_interface(&p);
	if (rc == 0 && cli_wire_open(&p.wire, p.interface, p.address, why, sizeof(why)) < 0) {
		fprintf(stderr, "anabranch probe: %s\n", why);
		rc = CLI_EXIT_UNREACHABLE;
	}
	if (rc == 0) {
		rc = try_all(&p);
		if (call->json && rc != CLI_EXIT_UNREACHABLE)
			print_json(&p);
	}
	cli_wire_close(&p.wire);
	cli_client_close(p.client);
	json_decref(p.before);
	json_decref(p.attempts);
	json_decref(p.target);
	return rc;
}
