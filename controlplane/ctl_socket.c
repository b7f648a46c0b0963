/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The listener of the control socket: who comes in, how many, and who is sent away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "ctl_client.h"
#include "ctl_listen.h"
#include "log.h"

#define STRANGER_CHECK_MS 200

/* ---- clients ---- */

static void ctl_free_if_done(struct cp_ctl *ctl)
{
	if (!ctl->freeing || ctl->nb_handles > 0 || ctl->nb_connections > 0)
		return;
	free(ctl->path);
	free(ctl);
}

void cp_ctl_gone(struct cp_client *client)
{
	struct cp_ctl *ctl = client->ctl;

	DL_DELETE(ctl->clients, client);
	ctl->nb_connections--;
	ctl_free_if_done(ctl);
}

void cp_ctl_leaves(struct cp_client *client)
{
	struct cp_ctl *ctl = client->ctl;

	if (!client->admitted)
		return;
	ctl->nb_clients--;
	if (client->right == CP_RIGHT_NONE)
		ctl->nb_strangers--;
	if (ctl->nb_strangers == 0)
		uv_timer_stop(&ctl->strangers);
}

void cp_ctl_forgotten(struct cp_client *client)
{
	free(client);
}

static void on_turn(uv_timer_t *timer)
{
	struct cp_ctl *ctl = timer->data;
	struct cp_client *client, *next;

	/* A client that is closed meanwhile leaves the list later, when the loop closes it. */
	DL_FOREACH_SAFE(ctl->clients, client, next)
	if (client->yielded && !client->closing)
		cp_client_run(client);
}

void cp_ctl_yield(struct cp_ctl *ctl)
{
	if (!uv_is_active((uv_handle_t *)&ctl->turn))
		uv_timer_start(&ctl->turn, on_turn, 0, 0);
}

/* Strangers hold a place each: those that say nothing lose it. */
static void on_strangers(uv_timer_t *timer)
{
	struct cp_ctl *ctl = timer->data;
	struct cp_client *client, *next;

	DL_FOREACH_SAFE(ctl->clients, client, next)
	if (client->right == CP_RIGHT_NONE &&
	        uv_now(ctl->loop) >= client->since_ms + CP_CTL_STRANGER_MS)
		cp_client_close(client);
}

/* ---- arrivals ---- */

/* One line, if it fits the socket's buffer, which is empty. */
static void say(struct cp_client *client, const struct cp_error *error)
{
	size_t len = 0;
	char *line = cp_jsonrpc_error(NULL, error, &len);
	uv_buf_t buf = uv_buf_init(line, (unsigned int)len);

	if (line)
		uv_try_write((uv_stream_t *)&client->pipe, &buf, 1);
	free(line);
}

static int client_identify(struct cp_client *client)
{
	const struct cp_rights *rights = client->ctl->backend.rights;
	struct cp_peer peer;
	uv_os_fd_t fd;
	int rc;

	if (uv_fileno((uv_handle_t *)&client->pipe, &fd) < 0)
		return UV_EBADF;
	rc = cp_peer_read(fd, &peer);
	if (rc < 0)
		return rc;
	client->right = cp_rights_of(rights, &peer);
	client->caller = (struct cp_caller){.uid = peer.uid, .pid = peer.pid};
	cp_rights_advice(rights, &peer,
	        client->right == CP_RIGHT_NONE ? CP_RIGHT_READ : CP_RIGHT_CHANGE, client->refusal,
	        sizeof(client->refusal));
	cp_peer_clear(&peer);
	return 0;
}

/* Gives the client its place: 0, or -1 with what to tell it before it is sent away. */
static int client_admit(struct cp_client *client, struct cp_error *error)
{
	struct cp_ctl *ctl = client->ctl;

	if (ctl->nb_clients >= LB_RPC_MAX_CLIENTS) {
		cp_fail(error, "ThrottlingException",
		        "%u clients are connected, the most: close one, or try again later",
		        LB_RPC_MAX_CLIENTS);
		return -1;
	}
	if (client->right == CP_RIGHT_NONE && ctl->nb_strangers >= CP_CTL_MAX_STRANGERS) {
		cp_fail(error, "AccessDenied", "%s", client->refusal);
		return -1;
	}
	client->admitted = true;
	ctl->nb_clients++;
	if (client->right == CP_RIGHT_NONE && ctl->nb_strangers++ == 0)
		uv_timer_start(&ctl->strangers, on_strangers, STRANGER_CHECK_MS, STRANGER_CHECK_MS);
	return 0;
}

static struct cp_client *client_create(struct cp_ctl *ctl)
{
	struct cp_client *client = calloc(1, sizeof(*client));

	if (!client || uv_pipe_init(ctl->loop, &client->pipe, 0) < 0) {
		free(client);
		return NULL;
	}
	client->ctl = ctl;
	client->pipe.data = client;
	client->since_ms = uv_now(ctl->loop);
	DL_APPEND(ctl->clients, client);
	ctl->nb_connections++;
	return client;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct cp_ctl *ctl = listener->data;
	struct cp_client *client = status == 0 ? client_create(ctl) : NULL;
	struct cp_error error;

	if (!client) {
		cp_log(CP_LOG_WARNING, "control socket: cannot accept: %s",
		        status < 0 ? uv_strerror(status) : "out of memory");
		return;
	}
	if (uv_accept(listener, (uv_stream_t *)&client->pipe) < 0 || client_identify(client) < 0) {
		cp_client_close(client);
		return;
	}
	if (client_admit(client, &error) < 0) {
		say(client, &error);
		cp_client_close(client);
		return;
	}
	cp_client_start(client);
}

/* ---- life ---- */

static void on_own_closed(uv_handle_t *handle)
{
	struct cp_ctl *ctl = handle->data;

	ctl->nb_handles--;
	ctl_free_if_done(ctl);
}

struct cp_ctl *cp_ctl_create(uv_loop_t *loop, const char *path,
        const struct cp_ctl_backend *backend, char *why, size_t why_len)
{
	int fd = cp_ctl_listen(path, why, why_len);
	struct cp_ctl *ctl;

	if (fd < 0)
		return NULL;
	ctl = calloc(1, sizeof(*ctl));
	if (!ctl || !(ctl->path = strdup(path))) {
		snprintf(why, why_len, "out of memory");
		free(ctl);
		close(fd);
		return NULL;
	}
	ctl->loop = loop;
	ctl->backend = *backend;
	uv_timer_init(loop, &ctl->turn);
	uv_timer_init(loop, &ctl->strangers);
	uv_pipe_init(loop, &ctl->listener, 0);
	ctl->turn.data = ctl->strangers.data = ctl->listener.data = ctl;
	ctl->nb_handles = 3;
	if (uv_pipe_open(&ctl->listener, fd) == 0 &&
	        uv_listen((uv_stream_t *)&ctl->listener, SOMAXCONN, on_connection) == 0)
		return ctl;
	snprintf(why, why_len, "%s: cannot listen", path);
	cp_ctl_free(ctl);
	return NULL;
}

void cp_ctl_stop(struct cp_ctl *ctl)
{
	if (ctl->stopped)
		return;
	ctl->stopped = true;
	cp_ctl_unlink(ctl->path);
	uv_close((uv_handle_t *)&ctl->listener, on_own_closed);
}

void cp_ctl_free(struct cp_ctl *ctl)
{
	struct cp_client *client, *next;

	cp_ctl_stop(ctl);
	ctl->freeing = true;
	DL_FOREACH_SAFE(ctl->clients, client, next)
	cp_client_close(client);
	uv_close((uv_handle_t *)&ctl->turn, on_own_closed);
	uv_close((uv_handle_t *)&ctl->strangers, on_own_closed);
}

uint32_t cp_ctl_nb_clients(const struct cp_ctl *ctl)
{
	return ctl->nb_clients;
}
