/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A server on the test's own event loop that says to every request what the test wants said.
 */
#ifndef TEST_HTTP_SERVER_H
#define TEST_HTTP_SERVER_H

#include <stdbool.h>
#include <uv.h>

struct test_server {
	uv_tcp_t listener;
	uint16_t port;
	const char *reply;   /* to each request; NULL: says nothing, ever */
	const char *forever; /* repeated after the reply until the client goes; NULL: closes */
	char request[4096];  /* the last one whole */
	unsigned connections, requests, ended_by_client, resets;
};

/* Listens on 0.0.0.0. */
void test_server_start(uv_loop_t *loop, struct test_server *server);
void test_server_stop(struct test_server *server);

#endif
