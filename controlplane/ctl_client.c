/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A client's connection: bytes in, lines out of them, its share of the loop, its end.
 */
#include "ctl_client.h"

#include <stdlib.h>
#include <string.h>

/* More than these wait nowhere but in the client's own socket buffer. */
#define MAX_ENTRIES     512
#define MAX_ENTRY_BYTES LB_RPC_MAX_LINE

/* What one client may take of one turn of the loop: health checks and other clients wait for it. */
#define TURN_NS UINT64_C(2000000)

static void client_read_on(struct cp_client *client);

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
	struct cp_client *client = shutdown->data;

	cp_client_close(client);
}

/* Closes a client that sends no more, when it has been answered and has read it all. */
static void client_finish(struct cp_client *client)
{
	if (!client->ended || client->entries || client->shutting_down || client->closing)
		return;
	client->shutting_down = true;
	client->shutdown.data = client;
	if (uv_shutdown(&client->shutdown, (uv_stream_t *)&client->pipe, on_shutdown) < 0)
		cp_client_close(client);
}

/* ---- lines ---- */

static bool client_full(const struct cp_client *client)
{
	return client->nb_entries >= MAX_ENTRIES || client->entry_bytes >= MAX_ENTRY_BYTES;
}

/* Makes entries of the whole lines that have come, as many as may wait. */
static void client_take_lines(struct cp_client *client)
{
	size_t max = client->right == CP_RIGHT_NONE ? CP_CTL_STRANGER_LINE : LB_RPC_MAX_LINE;
	char *start = client->input.bytes, *newline;
	size_t left = client->input.len, scanned = client->input.scanned;

	while (!client->ended && !client_full(client) && left > scanned &&
	        !cp_client_over_turn(client) &&
	        (newline = memchr(start + scanned, '\n', left - scanned))) {
		size_t len = (size_t)(newline - start);

		if (len >= max)
			break;
		cp_client_take_line(client, start, len);
		start += len + 1;
		left -= len + 1;
		scanned = 0;
	}
	if (start != client->input.bytes)
		memmove(client->input.bytes, start, left);
	client->input.len = left;
	if (client_full(client) || client->yielded || client->ctl->stopped) {
		client->input.scanned = scanned;
		return;
	}
	client->input.scanned = left;
	if (!client->ended && left >= max) {
		client->input.len = client->input.scanned = 0;
		cp_client_refuse_line(client, max);
	}
	/* A line without its newline is no request: the client died, or stopped half way. */
	client->ended = client->ended || client->eof;
}

static int input_append(struct cp_client *client, const char *bytes, size_t len)
{
	size_t needed = client->input.len + len, capacity = client->input.capacity;
	char *grown;

	if (needed > capacity) {
		while (capacity < needed)
			capacity = capacity ? capacity * 2 : 4096;
		grown = realloc(client->input.bytes, capacity);
		if (!grown)
			return UV_ENOMEM;
		client->input.bytes = grown;
		client->input.capacity = capacity;
	}
	memcpy(client->input.bytes + client->input.len, bytes, len);
	client->input.len += len;
	return 0;
}

/* A client that once sent a long line does not keep its memory. */
static void input_shrink(struct cp_client *client)
{
	if (client->input.len > 0 || client->input.capacity <= 65536)
		return;
	free(client->input.bytes);
	client->input.bytes = NULL;
	client->input.capacity = client->input.scanned = 0;
}

void cp_client_run(struct cp_client *client)
{
	uint32_t before;

	client->yielded = false;
	client->turn_until = uv_hrtime() + TURN_NS;
	do {
		client_take_lines(client);
		before = client->nb_entries;
		cp_client_start_entries(client);
		cp_client_flush(client);
	} while (!client->closing && !client->yielded && client->input.len > 0 &&
	         client->nb_entries < before);
	if (client->closing)
		return;
	input_shrink(client);
	client_read_on(client);
	client_finish(client);
}

/* ---- the pipe ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct cp_client *client = handle->data;

	*buf = uv_buf_init(client->ctl->chunk, sizeof(client->ctl->chunk));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct cp_client *client = stream->data;

	if (len == 0)
		return;
	if (len == UV_EOF) {
		client->eof = true;
		cp_client_run(client);
		return;
	}
	if (len < 0 || input_append(client, buf->base, (size_t)len) < 0) {
		cp_client_close(client);
		return;
	}
	cp_client_run(client);
}

static void client_read_on(struct cp_client *client)
{
	bool wanted = !client->ended && !client->eof && !client->yielded && !client_full(client);

	if (wanted == client->reading)
		return;
	client->reading = wanted;
	if (!wanted)
		uv_read_stop((uv_stream_t *)&client->pipe);
	else if (uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) < 0)
		cp_client_close(client);
}

void cp_client_start(struct cp_client *client)
{
	client->pipe.data = client;
	client_read_on(client);
}

static void on_closed(uv_handle_t *handle)
{
	struct cp_client *client = handle->data;

	client->closed = true;
	cp_ctl_gone(client);
	if (!client->entries)
		cp_ctl_forgotten(client);
}

void cp_client_close(struct cp_client *client)
{
	if (client->closing)
		return;
	client->closing = true;
	cp_ctl_leaves(client);
	uv_close((uv_handle_t *)&client->pipe, on_closed);
	free(client->input.bytes);
	memset(&client->input, 0, sizeof(client->input));
	cp_client_drop_entries(client);
}
