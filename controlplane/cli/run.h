/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What commands do, and what they share in doing it.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "client.h"
#include "command.h"

int cli_run_method(const struct cli_call *call); /* any method: parameters in, a table out */
int cli_run_rpc(const struct cli_call *call);
int cli_run_help(const struct cli_call *call);
int cli_run_status(const struct cli_call *call);
int cli_run_serve(const struct cli_call *call);
int cli_run_probe(const struct cli_call *call);

/* A connection to the socket that the call or the environment names; NULL after a message. */
struct cli_client *cli_connect(const struct cli_call *call);
/* Prints why a call failed; the exit code that goes with it. */
int cli_report(const struct cli_call *call, const struct cli_error *error);
/* Prints to stderr what is wrong with the command line; CLI_EXIT_USAGE. */
int cli_usage(const struct cli_call *call, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void cli_print_json(const json_t *result);

/* The ARN of a listener from "LOAD-BALANCER:PORT" or "LOAD-BALANCER:PORT/PROTOCOL"; an ARN is given
 * back as it is. A new reference, or NULL with 'error'. */
json_t *cli_listener_resolve(struct cli_client *client, const char *text, struct cli_error *error);

#endif
