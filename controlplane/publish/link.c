/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See link.h. One timer serves both waits: for the next attempt, and for the dataplane's reply.
 */
#include "publish/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 1000
#define REPLY_MS     1000

/* A connection's poll handle; libuv frees it in its own time, so a new attempt gets a new one. */
struct watch {
	uv_poll_t poll;
	struct cp_link *link;
};

struct cp_link {
	uv_loop_t *loop;
	uv_timer_t timer;
	const struct cp_link_events *events;
	void *arg;
	char *path;
	char why[160];
	uint32_t retry_ms;
	int fd; /* -1: not connected */
	struct watch *watch;
	bool up;
	struct cp_attachment attachment;
};

static void try_connect(struct cp_link *link);

static void free_watch(uv_handle_t *handle)
{
	free(handle->data);
}

static void hang_up(struct cp_link *link)
{
	if (link->watch) {
		uv_poll_stop(&link->watch->poll);
		link->watch->link = NULL;
		uv_close((uv_handle_t *)&link->watch->poll, free_watch);
		link->watch = NULL;
	}
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	if (link->up)
		link->events->down(link->arg);
	link->up = false;
	cp_attach_fini(&link->attachment);
}

static void on_timer(uv_timer_t *timer)
{
	struct cp_link *link = timer->data;

	if (link->fd >= 0)
		snprintf(link->why, sizeof(link->why),
		        "%s: no answer within %d ms: is the dataplane's main core stuck?",
		        link->path, REPLY_MS);
	hang_up(link);
	try_connect(link);
}

/* 'why' says what happened. */
static void retry_later(struct cp_link *link)
{
	hang_up(link);
	uv_timer_start(&link->timer, on_timer, link->retry_ms, 0);
	link->retry_ms *= 2;
	if (link->retry_ms > RETRY_MAX_MS)
		link->retry_ms = RETRY_MAX_MS;
}

static void on_reply(struct cp_link *link)
{
	int rc = cp_attach_receive(link->fd, &link->attachment, link->why, sizeof(link->why));

	if (rc == -EAGAIN)
		return;
	if (rc == 0)
		rc = link->events->up(link->arg, &link->attachment, link->why, sizeof(link->why));
	if (rc < 0) {
		retry_later(link);
		return;
	}
	uv_timer_stop(&link->timer);
	link->retry_ms = RETRY_MIN_MS;
	link->why[0] = '\0';
	link->up = true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	struct cp_link *link = watch->link;

	if (!link->up && status == 0) {
		on_reply(link);
		return;
	}
	/* Nothing is ever sent after the reply: this is the end of the dataplane, or of its
	 * manners. */
	snprintf(link->why, sizeof(link->why),
	        "%s: the dataplane ended: it is attached again when it is back", link->path);
	link->retry_ms = RETRY_MIN_MS;
	retry_later(link);
}

static void try_connect(struct cp_link *link)
{
	link->fd = cp_attach_connect(link->path, link->why, sizeof(link->why));
	if (link->fd < 0) {
		link->fd = -1;
		retry_later(link);
		return;
	}
	link->watch = calloc(1, sizeof(*link->watch));
	if (!link->watch || uv_poll_init(link->loop, &link->watch->poll, link->fd) < 0) {
		snprintf(link->why, sizeof(link->why), "out of memory to wait for the dataplane");
		free(link->watch);
		link->watch = NULL;
		retry_later(link);
		return;
	}
	link->watch->link = link;
	link->watch->poll.data = link->watch;
	uv_poll_start(&link->watch->poll, UV_READABLE | UV_DISCONNECT, on_readable);
	uv_timer_start(&link->timer, on_timer, REPLY_MS, 0);
	/* what went wrong last stays until it is right */
	if (link->why[0] == '\0')
		snprintf(link->why, sizeof(link->why), "%s: waiting for its answer", link->path);
}

struct cp_link *cp_link_create(
        uv_loop_t *loop, const char *path, const struct cp_link_events *events, void *arg)
{
	struct cp_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->loop = loop;
	link->events = events;
	link->arg = arg;
	link->retry_ms = RETRY_MIN_MS;
	link->fd = -1;
	link->path = strdup(path);
	if (!link->path) {
		free(link);
		return NULL;
	}
	uv_timer_init(loop, &link->timer);
	link->timer.data = link;
	try_connect(link);
	return link;
}

static void free_link(uv_handle_t *handle)
{
	struct cp_link *link = handle->data;

	free(link->path);
	free(link);
}

void cp_link_free(struct cp_link *link)
{
	if (!link)
		return;
	hang_up(link);
	uv_timer_stop(&link->timer);
	uv_close((uv_handle_t *)&link->timer, free_link);
}

const char *cp_link_why(const struct cp_link *link)
{
	return link->why;
}
