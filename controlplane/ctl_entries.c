/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A client's requests: admitted, started, answered, sent, in order.
 */
#include <stdlib.h>
#include <utlist.h>

#include "ctl_client.h"
#include "log.h"

struct cp_client_entry {
	struct cp_client *client;
	struct cp_request request;
	const struct cp_method *method; /* NULL: answered by an error already */
	enum { ENTRY_WAITING, ENTRY_RUNNING, ENTRY_DONE } state;
	char *reply; /* NULL with ENTRY_DONE: a notification's */
	size_t reply_len;
	size_t bytes;
	struct cp_client_entry *prev, *next;
};

struct reply_write {
	uv_write_t write;
	char *line;
};

/* ---- entries ---- */

static void entry_free(struct cp_client_entry *entry)
{
	struct cp_client *client = entry->client;

	DL_DELETE(client->entries, entry);
	client->nb_entries--;
	client->entry_bytes -= entry->bytes;
	cp_request_clear(&entry->request);
	free(entry->reply);
	free(entry);
}

static void entry_fail(struct cp_client_entry *entry, const struct cp_error *error)
{
	/* A line that is no request at all has no id, but is no notification either. */
	if (entry->request.id || !entry->request.method)
		entry->reply = cp_jsonrpc_error(entry->request.id, error, &entry->reply_len);
	entry->state = ENTRY_DONE;
}

static void entry_succeed(struct cp_client_entry *entry, const json_t *result)
{
	if (entry->request.id)
		entry->reply = cp_jsonrpc_result(entry->request.id, result, &entry->reply_len);
	entry->state = ENTRY_DONE;
}

static int entry_permit(struct cp_client_entry *entry, struct cp_error *error)
{
	struct cp_client *client = entry->client;

	if (client->right == CP_RIGHT_CHANGE ||
	        (client->right == CP_RIGHT_READ && entry->method && entry->method->read))
		return 0;
	if (client->right == CP_RIGHT_READ && entry->method)
		cp_apply_denied(client->ctl->backend.apply, entry->method->name,
		        entry->request.params, &client->caller);
	return cp_fail(error, "AccessDenied", "%s", client->refusal);
}

/* Fills in the entry's method, or the error that it is answered with. */
static int entry_admit(
        struct cp_client_entry *entry, const char *line, size_t len, struct cp_error *error)
{
	bool stranger = entry->client->right == CP_RIGHT_NONE;
	int rc = cp_jsonrpc_parse(line, len, &entry->request, error);

	if (stranger)
		return entry_permit(entry, error);
	if (rc < 0)
		return rc;
	entry->method = cp_method_find(entry->request.method);
	if (!entry->method)
		return cp_jsonrpc_fail(error, LB_RPC_METHOD_NOT_FOUND,
		        "there is no method \"%.64s\"; names are those of the ELBv2 API, such as "
		        "DescribeTargetGroups",
		        entry->request.method);
	return entry_permit(entry, error);
}

static struct cp_client_entry *entry_create(struct cp_client *client, size_t bytes)
{
	struct cp_client_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->client = client;
	entry->bytes = bytes;
	DL_APPEND(client->entries, entry);
	client->nb_entries++;
	client->entry_bytes += bytes;
	return entry;
}

/* ---- replies ---- */

static void on_written(uv_write_t *write, int status)
{
	struct reply_write *reply = (struct reply_write *)write;

	free(reply->line);
	free(reply);
}

/* Takes ownership of the entry's reply. */
static int reply_send(struct cp_client *client, struct cp_client_entry *entry)
{
	struct reply_write *reply = malloc(sizeof(*reply));
	uv_buf_t buf = uv_buf_init(entry->reply, (unsigned int)entry->reply_len);

	if (!reply)
		return UV_ENOMEM;
	reply->line = entry->reply;
	entry->reply = NULL;
	if (uv_write(&reply->write, (uv_stream_t *)&client->pipe, &buf, 1, on_written) < 0) {
		free(reply->line);
		free(reply);
		return UV_EPIPE;
	}
	if (uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe) <= LB_RPC_MAX_UNREAD)
		return 0;
	cp_log(CP_LOG_WARNING,
	        "control socket: process %lld leaves more than %u bytes unread and is disconnected",
	        (long long)client->caller.pid, LB_RPC_MAX_UNREAD);
	return UV_ENOBUFS;
}

void cp_client_flush(struct cp_client *client)
{
	struct cp_client_entry *entry;
	int rc = 0;

	while (!client->closing && (entry = client->entries) && entry->state == ENTRY_DONE) {
		if (entry->reply)
			rc = reply_send(client, entry);
		entry_free(entry);
		if (rc < 0)
			cp_client_close(client);
	}
}

/* ---- requests ---- */

static void on_change_reply(void *arg, const json_t *result, const struct cp_error *error)
{
	struct cp_client_entry *entry = arg;
	struct cp_client *client = entry->client;
	bool asynchronous = entry->state == ENTRY_RUNNING;

	if (error)
		entry_fail(entry, error);
	else
		entry_succeed(entry, result);
	if (client->closing) {
		entry_free(entry);
		if (client->closed && !client->entries)
			cp_ctl_forgotten(client);
		return;
	}
	if (asynchronous)
		cp_client_run(client);
}

/* The answer to a change that validation refuses comes from within cp_apply_change(). */
static void change_run(struct cp_client_entry *entry)
{
	struct cp_client *client = entry->client;

	cp_apply_change(client->ctl->backend.apply, entry->method->name, entry->method->change,
	        entry->request.params, &client->caller, on_change_reply, entry);
	if (entry->state == ENTRY_WAITING)
		entry->state = ENTRY_RUNNING;
}

static void read_run(struct cp_client_entry *entry)
{
	const struct cp_ctl_backend *backend = &entry->client->ctl->backend;
	struct cp_error error = {0};
	json_t *result = NULL;

	if (entry->method->read(
	            backend->live, backend->daemon, entry->request.params, &result, &error) < 0) {
		entry_fail(entry, &error);
		return;
	}
	entry_succeed(entry, result);
	json_decref(result);
}

bool cp_client_over_turn(struct cp_client *client)
{
	if (client->ctl->stopped)
		return true;
	if (!client->yielded && uv_hrtime() > client->turn_until) {
		client->yielded = true;
		cp_ctl_yield(client->ctl);
	}
	return client->yielded;
}

void cp_client_start_entries(struct cp_client *client)
{
	struct cp_client_entry *entry;
	bool running = false; /* a change before this entry is not answered */

	for (entry = client->entries; entry; entry = entry->next) {
		if (entry->state == ENTRY_WAITING) {
			if (entry->method->read && running)
				return;
			if (cp_client_over_turn(client))
				return;
			if (entry->method->change)
				change_run(entry);
			else
				read_run(entry);
		}
		running = running || entry->state == ENTRY_RUNNING;
	}
}

/* ---- lines ---- */

void cp_client_take_line(struct cp_client *client, const char *line, size_t len)
{
	struct cp_client_entry *entry;
	struct cp_error error = {0};

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len == 0)
		return;
	entry = entry_create(client, len);
	if (!entry) {
		client->ended = true;
		return;
	}
	if (entry_admit(entry, line, len, &error) < 0) {
		entry_fail(entry, &error);
		entry->method = NULL;
	}
	if (client->right == CP_RIGHT_NONE)
		client->ended = true;
}

void cp_client_refuse_line(struct cp_client *client, size_t max)
{
	struct cp_client_entry *entry = entry_create(client, 0);
	struct cp_error error;

	client->ended = true;
	if (!entry)
		return;
	cp_jsonrpc_fail(&error, LB_RPC_INVALID_REQUEST,
	        "a line of more than %zu bytes: send less at a time, for example fewer targets in "
	        "one RegisterTargets",
	        max);
	entry_fail(entry, &error);
}

/* Changes that are under way go on, and are nobody's to answer. */
void cp_client_drop_entries(struct cp_client *client)
{
	struct cp_client_entry *entry, *next;

	DL_FOREACH_SAFE(client->entries, entry, next)
	if (entry->state != ENTRY_RUNNING)
		entry_free(entry);
}
