/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See probe_try.h.
 */
#include "probe_try.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define RESEND_US  500000 /* a lost SYN is no lost service */
#define FIRST_PORT 32768
#define NB_PORTS   28232 /* up to 60999: those of Linux's own clients */

static uint32_t random_number(void)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), 0);
	return n;
}

/* The first line of the answer to "GET /". Returns up to where the target's bytes were taken. */
static uint32_t ask_http(const struct cli_try *t, struct cli_attempt *a, struct cli_segment at)
{
	char request[256];
	const int64_t deadline = cli_wire_now() + t->timeout_us;
	struct cli_segment s;

	at.flags = CLI_TCP_PSH | CLI_TCP_ACK;
	at.data = (const uint8_t *)request;
	at.len = (size_t)snprintf(
	        request, sizeof(request), "GET / HTTP/1.0\r\nHost: %.128s\r\n\r\n", t->host);
	if (cli_wire_send(t->wire, &at) < 0)
		return at.seq;
	while (cli_wire_receive(t->wire, deadline, &s)) {
		if (s.flags & CLI_TCP_RST || (s.len > 0 && s.seq == at.ack)) {
			snprintf(a->line, sizeof(a->line), "%.*s",
			        (int)(s.len < CLI_PROBE_LINE ? s.len : CLI_PROBE_LINE),
			        (const char *)s.data);
			a->line[strcspn(a->line, "\r\n")] = '\0';
			break;
		}
	}
	return at.seq + (uint32_t)at.len;
}

/* The connection is made: it is acknowledged, used if that is wanted, and reset. */
static void finish_tcp(
        const struct cli_try *t, struct cli_attempt *a, const struct cli_segment *answer)
{
	struct cli_segment s = {.flags = CLI_TCP_ACK, .seq = answer->ack, .ack = answer->seq + 1};

	(void)cli_wire_send(t->wire, &s);
	if (t->host != NULL)
		s.seq = ask_http(t, a, s);
	s.flags = CLI_TCP_RST | CLI_TCP_ACK;
	(void)cli_wire_send(t->wire, &s);
}

/* A SYN, sent again when it seems to be lost; the time is that from the last one on. */
static int try_tcp(const struct cli_try *t, struct cli_attempt *a)
{
	struct cli_segment syn = {.flags = CLI_TCP_SYN, .seq = random_number()}, s;
	const int64_t deadline = cli_wire_now() + t->timeout_us;
	int64_t sent, next;

	while ((sent = cli_wire_now()) < deadline) {
		int rc = cli_wire_send(t->wire, &syn);

		if (rc < 0)
			return rc;
		next = sent + RESEND_US < deadline ? sent + RESEND_US : deadline;
		while (cli_wire_receive(t->wire, next, &s)) {
			a->ms = (double)(cli_wire_now() - sent) / 1000;
			if (!(s.flags & CLI_TCP_ACK) || s.ack != syn.seq + 1)
				continue;
			a->result = s.flags & CLI_TCP_RST ? CLI_PROBE_RESET : CLI_PROBE_ANSWERED;
			if (a->result == CLI_PROBE_ANSWERED)
				finish_tcp(t, a, &s);
			return 0;
		}
	}
	return 0;
}

static int try_udp(const struct cli_try *t, struct cli_attempt *a)
{
	struct cli_segment s = {.data = (const uint8_t *)t->payload, .len = strlen(t->payload)};
	const int64_t sent = cli_wire_now();
	int rc;

	rc = cli_wire_send(t->wire, &s);
	if (rc == 0 && cli_wire_receive(t->wire, sent + t->timeout_us, &s)) {
		a->result = CLI_PROBE_ANSWERED;
		a->ms = (double)(cli_wire_now() - sent) / 1000;
	}
	return rc;
}

uint16_t cli_probe_port(uint32_t n)
{
	static uint32_t first = NB_PORTS;

	if (first == NB_PORTS)
		first = random_number() % NB_PORTS;
	return (uint16_t)(FIRST_PORT + (first + n) % NB_PORTS);
}

int cli_probe_try(const struct cli_try *t, struct cli_attempt *attempt)
{
	*attempt = (struct cli_attempt){.result = CLI_PROBE_SILENT};
	return t->wire->is_tcp ? try_tcp(t, attempt) : try_udp(t, attempt);
}
