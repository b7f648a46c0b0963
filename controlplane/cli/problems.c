/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See problems.h. The gravest come first: a process that is missing, then what it complains of,
 * then targets.
 */
#include "problems.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "show.h"
#include "table.h"

#define STUCK_MS 2000 /* a worker that shows no life for so long */

static void __attribute__((format(printf, 2, 3))) problem(unsigned *nb, const char *format, ...)
{
	const char *mark = isatty(STDOUT_FILENO) ? "\033[31m!\033[0m" : "!";
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("%s ", mark);
	cli_print_clean(stdout, text);
	putchar('\n');
	(*nb)++;
}

/* A text of the daemon's that is empty while all is well. */
static void complaint(unsigned *nb, const json_t *object, const char *field, const char *who)
{
	char number[32];
	const char *text = cli_field(object, field, number, sizeof(number));

	if (text[0] != '\0')
		problem(nb, "%s: %s", who, text);
}

static void look_at_workers(unsigned *nb, const json_t *dataplane)
{
	const json_t *worker;
	size_t i;

	json_array_foreach (json_object_get(dataplane, "workers"), i, worker) {
		const json_int_t ago = json_integer_value(json_object_get(worker, "alive_ms_ago"));

		if (ago > STUCK_MS)
			problem(nb,
			        "worker %d of the data plane has shown no life for %d s: its log "
			        "says "
			        "why, or restart it ('systemctl restart anabranch-dataplane')",
			        (int)json_integer_value(json_object_get(worker, "worker")),
			        (int)(ago / 1000));
	}
}

static json_int_t integer(const json_t *object, const char *field)
{
	return json_integer_value(json_object_get(object, field));
}

static void look_at_missed(unsigned *nb, const json_t *port)
{
	const json_int_t missed = integer(port, "rx_missed_per_s");
	char text[CLI_NUMBER_LEN], name[32];

	if (missed > 0)
		problem(nb,
		        "port %s: %s packets a second are lost before the data plane: its workers "
		        "do not keep up",
		        cli_field(port, "name", name, sizeof(name)),
		        cli_short_number(missed, text));
}

static void look_at_ports(unsigned *nb, const json_t *dataplane)
{
	const json_t *port;
	size_t i;

	json_array_foreach (json_object_get(dataplane, "ports"), i, port) {
		const json_t *up = json_object_get(port, "link_up");
		char number[32];

		if (json_is_false(up) || (json_is_integer(up) && json_integer_value(up) == 0))
			problem(nb, "port %s has no link: look at its cable, and at the other end",
			        cli_field(port, "name", number, sizeof(number)));
		look_at_missed(nb, port);
	}
}

/* The listener with the most new flows a second, or NULL. */
static const json_t *busiest_listener(const json_t *status)
{
	const json_t *listener, *busiest = NULL;
	size_t i;

	json_array_foreach (json_object_get(status, "listeners"), i, listener)
		if (integer(listener, "flows_new_per_s") > integer(busiest, "flows_new_per_s"))
			busiest = listener;
	return busiest;
}

static json_int_t refused_per_s(const json_t *dataplane)
{
	const json_t *drop;
	size_t i;

	json_array_foreach (json_object_get(dataplane, "drops"), i, drop) {
		const char *reason = json_string_value(json_object_get(drop, "reason"));

		if (reason != NULL && strcmp(reason, "flow_table_full") == 0)
			return integer(drop, "packets_per_s");
	}
	return 0;
}

static bool is_full(const json_t *dataplane, const char *family)
{
	const json_t *usage = json_object_get(json_object_get(dataplane, "flow_table"), family);
	const json_int_t capacity = integer(usage, "capacity");

	return capacity > 0 && integer(usage, "used") >= capacity - capacity / 50;
}

/* A flood, or a table that is too small: who knows is the operator, so the line says where the new
 * flows come from. */
static void look_at_flow_table(unsigned *nb, const json_t *status)
{
	const json_t *dataplane = json_object_get(status, "dataplane");
	const json_t *listener = busiest_listener(status);
	const json_int_t evicted = integer(json_object_get(dataplane, "rates"), "flows_evicted");
	const json_int_t refused = refused_per_s(dataplane);
	const bool v4 = is_full(dataplane, "ipv4"), v6 = is_full(dataplane, "ipv6");
	char a[CLI_NUMBER_LEN], b[CLI_NUMBER_LEN], most[256] = "", text[32];

	if (evicted == 0 && refused == 0)
		return;
	if (listener != NULL)
		snprintf(most, sizeof(most),
		        "; most new flows come to %.128s:%d (%.16s), %s a second",
		        cli_field(listener, "load_balancer", text, sizeof(text)),
		        (int)integer(listener, "port"),
		        cli_field(listener, "protocol", text, sizeof(text)),
		        cli_short_number(integer(listener, "flows_new_per_s"), a));
	problem(nb,
	        "flow table: %s full: per second, %s half-open, closing or unconfirmed flows made "
	        "room "
	        "and %s new ones were refused; established flows stay%s",
	        v4 && v6 ? "IPv4 and IPv6 are"
	        : v4     ? "IPv4 is"
	        : v6     ? "IPv6 is"
	                 : "parts are",
	        cli_short_number(evicted, text), cli_short_number(refused, b), most);
}

static void look_at_dataplane(unsigned *nb, const json_t *status)
{
	const json_t *dataplane = json_object_get(status, "dataplane");
	const json_t *publisher = json_object_get(dataplane, "publisher");
	char number[32];

	if (!json_is_true(json_object_get(dataplane, "attached"))) {
		problem(nb, "data plane: not attached: %s",
		        cli_field(dataplane, "why", number, sizeof(number)));
		return;
	}
	complaint(nb, dataplane, "problem", "data plane");
	complaint(nb, dataplane, "kernel_error", "kernel");
	look_at_workers(nb, dataplane);
	look_at_ports(nb, dataplane);
	look_at_flow_table(nb, status);
	if (json_array_size(json_object_get(publisher, "silent_consumers")) > 0)
		problem(nb, "%zu of the data plane's cores have not taken over the newest tables",
		        json_array_size(json_object_get(publisher, "silent_consumers")));
}

static void look_at_groups(unsigned *nb, const json_t *status)
{
	const json_t *group;
	size_t i;

	json_array_foreach (json_object_get(status, "target_groups"), i, group) {
		const json_t *states = json_object_get(group, "states");
		const int unhealthy = (int)json_integer_value(json_object_get(states, "unhealthy"));
		const int registered =
		        (int)json_integer_value(json_object_get(group, "registered"));
		char number[32];
		const char *name = cli_field(group, "name", number, sizeof(number));

		if (json_is_true(json_object_get(group, "fail_open")))
			problem(nb,
			        "target group %s: no target is healthy; traffic goes to all of "
			        "them",
			        name);
		else if (unhealthy > 0)
			problem(nb, "target group %s: %d of %d targets are unhealthy", name,
			        unhealthy, registered);
		else if (registered == 0 && !json_is_null(json_object_get(group, "load_balancer")))
			problem(nb,
			        "target group %s has no targets: its listeners drop everything; "
			        "'anabranch register-targets --target-group %s --targets …'",
			        name, name);
	}
}

void cli_problems_print(const json_t *status)
{
	unsigned nb = 0;

	look_at_dataplane(&nb, status);
	complaint(&nb, json_object_get(status, "daemon"), "problem", "control plane");
	look_at_groups(&nb, status);
	if (nb > 0)
		putchar('\n');
}
