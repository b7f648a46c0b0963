/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A connection to the control socket.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>

struct cli_client;

/* NULL with what is wrong, and what to do, in 'why'. */
struct cli_client *cli_client_open(const char *socket, char *why, size_t why_len);
void cli_client_close(struct cli_client *client);

struct cli_error {
	char code[64]; /* ELBv2's, or JSON-RPC's in words; empty: the daemon did not answer */
	char message[1024];
};

/* Calls a method; 'params' is borrowed, NULL: none. A new reference, or NULL with 'error'. */
json_t *cli_client_call(struct cli_client *client, const char *method, const json_t *params,
        struct cli_error *error);

#endif
