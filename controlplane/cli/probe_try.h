/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One attempt at a virtual address: a TCP connection, or a datagram.
 */
#ifndef CLI_PROBE_TRY_H
#define CLI_PROBE_TRY_H

#include "probe_wire.h"

#define CLI_PROBE_LINE 80 /* characters of an HTTP answer's first line */

enum cli_probe_result { CLI_PROBE_ANSWERED, CLI_PROBE_RESET, CLI_PROBE_SILENT };

struct cli_attempt {
	enum cli_probe_result result;
	double ms;                     /* unless it is silent */
	char line[CLI_PROBE_LINE + 1]; /* the first of an HTTP answer; or empty */
};

struct cli_try {
	struct cli_wire *wire; /* open, with both ports set */
	int64_t timeout_us;
	const char *host;    /* TCP: ask for "/" of this host by HTTP; NULL: connect alone */
	const char *payload; /* UDP */
};

/* The port that the attempt number 'n' of this process has as its own. */
uint16_t cli_probe_port(uint32_t n);

/* By the wire's protocol. 0, or -errno if the interface takes no frame. */
int cli_probe_try(const struct cli_try *t, struct cli_attempt *attempt);

#endif
