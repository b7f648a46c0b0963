/* SPDX-License-Identifier: BSD-3-Clause
 *
 * libcurl's multi interface driven by libuv. All callbacks of libcurl here only start and stop
 * handles; transfers are added, removed and finished outside of them.
 */
#include "http_loop.h"

#include <errno.h>
#include <stdlib.h>

struct cp_http {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
};

struct http_socket {
	uv_poll_t poll;
	curl_socket_t fd;
	struct cp_http *http;
};

static void finish_done(struct cp_http *http)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(http->multi, &left)) != NULL) {
		const CURLcode code = msg->data.result;
		CURL *easy = msg->easy_handle;
		struct cp_http_transfer *transfer;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
		curl_multi_remove_handle(http->multi, easy);
		transfer->finished(transfer->arg, code);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct cp_http *http = timer->data;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish_done(http);
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *arg)
{
	struct cp_http *http = arg;

	if (timeout_ms < 0)
		uv_timer_stop(&http->timer);
	else
		uv_timer_start(&http->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct http_socket *sock = poll->data;
	struct cp_http *http = sock->http;
	int flags = 0, running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(http->multi, sock->fd, flags, &running);
	finish_done(http);
}

static void on_socket_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct http_socket *socket_create(struct cp_http *http, curl_socket_t fd)
{
	struct http_socket *sock = calloc(1, sizeof(*sock));

	if (sock == NULL)
		return NULL;
	if (uv_poll_init_socket(http->loop, &sock->poll, fd) != 0) {
		free(sock);
		return NULL;
	}
	sock->poll.data = sock;
	sock->fd = fd;
	sock->http = http;
	return sock;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct cp_http *http = arg;
	struct http_socket *sock = socket_arg;
	int events = 0;

	if (what == CURL_POLL_REMOVE) {
		if (sock != NULL)
			uv_close((uv_handle_t *)&sock->poll, on_socket_closed);
		curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (sock == NULL)
		sock = socket_create(http, fd);
	if (sock == NULL)
		return 0; /* this transfer will time out; an error would end all of them for good */
	curl_multi_assign(http->multi, fd, sock);
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	uv_poll_start(&sock->poll, events, on_ready);
	return 0;
}

struct cp_http *cp_http_create(uv_loop_t *loop)
{
	struct cp_http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		goto no_curl;
	http->multi = curl_multi_init();
	if (http->multi == NULL)
		goto no_multi;
	http->loop = loop;
	uv_timer_init(loop, &http->timer);
	http->timer.data = http;
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	return http;

no_multi:
	curl_global_cleanup();
no_curl:
	free(http);
	return NULL;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void cp_http_free(struct cp_http *http)
{
	if (http == NULL)
		return;
	curl_multi_cleanup(http->multi);
	curl_global_cleanup();
	uv_close((uv_handle_t *)&http->timer, on_timer_closed);
}

int cp_http_add(struct cp_http *http, struct cp_http_transfer *transfer)
{
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	return curl_multi_add_handle(http->multi, transfer->easy) == CURLM_OK ? 0 : -ENOMEM;
}

void cp_http_remove(struct cp_http *http, struct cp_http_transfer *transfer)
{
	curl_multi_remove_handle(http->multi, transfer->easy);
}
