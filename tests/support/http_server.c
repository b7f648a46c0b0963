/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See http_server.h.
 */
#include "http_server.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct connection {
	uv_tcp_t tcp;
	uv_write_t write;
	struct test_server *server;
	char request[4096];
	size_t len;
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void connection_close(struct connection *conn)
{
	if (!uv_is_closing((uv_handle_t *)&conn->tcp))
		uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

static void connection_say(struct connection *conn, const char *text);

static void on_written(uv_write_t *write, int status)
{
	struct connection *conn = write->data;

	if (status != 0 || conn->server->forever == NULL)
		connection_close(conn);
	else
		connection_say(conn, conn->server->forever);
}

static void connection_say(struct connection *conn, const char *text)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));

	conn->write.data = conn;
	assert_int_equal(uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, on_written), 0);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct connection *conn = handle->data;

	*buf = uv_buf_init(
	        conn->request + conn->len, (unsigned)(sizeof(conn->request) - 1 - conn->len));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct connection *conn = stream->data;
	struct test_server *server = conn->server;

	if (len < 0) {
		server->ended_by_client++;
		if (len == UV_ECONNRESET)
			server->resets++;
		connection_close(conn);
		return;
	}
	conn->len += (size_t)len;
	conn->request[conn->len] = '\0';
	if (strstr(conn->request, "\r\n\r\n") == NULL)
		return;
	memcpy(server->request, conn->request, conn->len + 1);
	conn->len = 0;
	server->requests++;
	if (server->reply != NULL)
		connection_say(conn, server->reply);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct test_server *server = listener->data;
	struct connection *conn = calloc(1, sizeof(*conn));

	assert_int_equal(status, 0);
	assert_non_null(conn);
	conn->server = server;
	uv_tcp_init(listener->loop, &conn->tcp);
	conn->tcp.data = conn;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&conn->tcp), 0);
	server->connections++;
	uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
}

void test_server_start(uv_loop_t *loop, struct test_server *server)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(server->port)};
	int len = sizeof(any);

	uv_tcp_init(loop, &server->listener);
	server->listener.data = server;
	assert_int_equal(uv_tcp_bind(&server->listener, (struct sockaddr *)&any, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&server->listener, 4096, on_connection), 0);
	assert_int_equal(uv_tcp_getsockname(&server->listener, (struct sockaddr *)&any, &len), 0);
	server->port = ntohs(any.sin_port);
}

void test_server_stop(struct test_server *server)
{
	uv_close((uv_handle_t *)&server->listener, NULL);
}
