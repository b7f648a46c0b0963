/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See client.h.
 */
#include "client.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lb/rpc.h"

#define ANSWER_MS 30000 /* a daemon that says nothing for so long is stuck */

struct cli_client {
	int fd;
	json_int_t next_id;
	char *line; /* LB_RPC_MAX_LINE bytes, for answers */
};

/* Whose group may use the socket: of the first directory that keeps us out, else the socket's. */
static void advise_group(const char *path, char *text, size_t len)
{
	char part[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const struct group *group;
	struct stat st;
	char *slash;

	snprintf(part, sizeof(part), "%s", path);
	while (stat(part, &st) != 0 && (slash = strrchr(part, '/')) != NULL && slash != part)
		*slash = '\0';
	group = getgrgid(st.st_gid);
	if (group != NULL && group->gr_gid != 0)
		snprintf(text, len,
		        "%s is open to the group %s: 'usermod -aG %s USER', then log in again",
		        part, group->gr_name, group->gr_name);
	else
		snprintf(text, len, "%s is open to root alone: use sudo", part);
}

static void explain_connect(const char *path, int error, char *why, size_t why_len)
{
	char advice[256];

	switch (error) {
	case ENOENT:
		snprintf(why, why_len,
		        "no control socket at %s: start anabranchd ('systemctl start anabranchd'), "
		        "or say where its socket is with --socket or ANABRANCH_SOCKET",
		        path);
		break;
	case ECONNREFUSED:
		snprintf(why, why_len,
		        "nobody listens at %s: anabranchd is not running any more; start it "
		        "('systemctl start anabranchd')",
		        path);
		break;
	case EACCES:
		advise_group(path, advice, sizeof(advice));
		snprintf(why, why_len, "no permission to use %s: %s", path, advice);
		break;
	default:
		snprintf(why, why_len, "cannot connect to %s: %s", path, strerror(error));
	}
}

struct cli_client *cli_client_open(const char *path, char *why, size_t why_len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct cli_client *client;

	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(why, why_len, "%s: the path of a socket has at most %zu characters", path,
		        sizeof(address.sun_path) - 1);
		return NULL;
	}
	strcpy(address.sun_path, path);
	client = calloc(1, sizeof(*client));
	if (client == NULL || (client->line = malloc(LB_RPC_MAX_LINE)) == NULL)
		goto no_memory;
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd >= 0 &&
	        connect(client->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return client;
	explain_connect(path, errno, why, why_len);
	cli_client_close(client);
	return NULL;

no_memory:
	free(client);
	snprintf(why, why_len, "no memory");
	return NULL;
}

void cli_client_close(struct cli_client *client)
{
	if (client == NULL)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client->line);
	free(client);
}

static json_t *__attribute__((format(printf, 2, 3)))
lost(struct cli_error *error, const char *format, ...)
{
	va_list args;

	error->code[0] = '\0';
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return NULL;
}

static int send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		data += sent;
		len -= (size_t)sent;
	}
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One line, without its newline: its length, or -1 with 'error' filled in. */
static ssize_t read_line(struct cli_client *client, struct cli_error *error)
{
	const int64_t deadline = now_ms() + ANSWER_MS;
	size_t len = 0;

	while (len < LB_RPC_MAX_LINE) {
		struct pollfd ready = {.fd = client->fd, .events = POLLIN};
		const int64_t left = deadline - now_ms();
		char *newline;
		ssize_t got;

		if (left <= 0 || poll(&ready, 1, (int)left) == 0) {
			lost(error, "anabranchd accepted the request but has not answered for %d s",
			        ANSWER_MS / 1000);
			return -1;
		}
		got = recv(client->fd, client->line + len, LB_RPC_MAX_LINE - len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			lost(error, "anabranchd closed the connection before it answered: %s",
			        got < 0 ? strerror(errno) : "see its log");
			return -1;
		}
		newline = memchr(client->line + len, '\n', (size_t)got);
		len += (size_t)got;
		if (newline != NULL)
			return newline - client->line;
	}
	lost(error, "the answer is longer than %u bytes: this is no anabranchd", LB_RPC_MAX_LINE);
	return -1;
}

static const char *rpc_code_name(json_int_t code)
{
	switch (code) {
	case LB_RPC_PARSE_ERROR:
		return "ParseError";
	case LB_RPC_INVALID_REQUEST:
		return "InvalidRequest";
	case LB_RPC_METHOD_NOT_FOUND:
		return "MethodNotFound";
	case LB_RPC_INVALID_PARAMS:
		return "InvalidParams";
	case LB_RPC_INTERNAL_ERROR:
		return "InternalError";
	default:
		return "Error";
	}
}

static json_t *refused(const json_t *answer, struct cli_error *error)
{
	const json_t *about = json_object_get(answer, "error");
	const char *code =
	        json_string_value(json_object_get(json_object_get(about, "data"), "Code"));
	const char *message = json_string_value(json_object_get(about, "message"));

	if (!json_is_object(about))
		return lost(error, "the answer has neither a result nor an error: this is no "
		                   "anabranchd");
	if (code == NULL)
		code = rpc_code_name(json_integer_value(json_object_get(about, "code")));
	snprintf(error->code, sizeof(error->code), "%s", code);
	snprintf(error->message, sizeof(error->message), "%s", message != NULL ? message : "");
	return NULL;
}

static json_t *receive(struct cli_client *client, json_int_t id, struct cli_error *error)
{
	const ssize_t len = read_line(client, error);
	json_t *answer, *result;
	json_error_t where;

	if (len < 0)
		return NULL;
	answer = json_loadb(client->line, (size_t)len, JSON_DECODE_ANY, &where);
	if (answer == NULL)
		return lost(error, "the answer is no JSON (%s): this is no anabranchd", where.text);
	result = json_object_get(answer, "result");
	if (result == NULL)
		refused(answer, error);
	else if (json_integer_value(json_object_get(answer, "id")) != id)
		result = lost(error, "the answer is for another request: this is no anabranchd");
	json_incref(result);
	json_decref(answer);
	return result;
}

json_t *cli_client_call(struct cli_client *client, const char *method, const json_t *params,
        struct cli_error *error)
{
	const json_int_t id = ++client->next_id;
	json_t *request =
	        json_pack("{s:s, s:I, s:s}", "jsonrpc", "2.0", "id", id, "method", method);
	char *line;
	size_t len;
	int rc;

	if (request == NULL)
		return lost(error, "the method's name is not UTF-8");
	if (params != NULL)
		json_object_set(request, "params", (json_t *)(uintptr_t)params);
	line = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	len = line != NULL ? strlen(line) : 0;
	if (len + 1 > LB_RPC_MAX_LINE) {
		free(line);
		return lost(error, "the request has %zu bytes, %u are the most", len + 1,
		        LB_RPC_MAX_LINE);
	}
	line[len] = '\n';
	rc = send_all(client->fd, line, len + 1);
	free(line);
	/* A daemon that refuses the connection says why before it closes it. */
	if (rc != 0 && rc != -EPIPE)
		return lost(error, "anabranchd closed the connection: %s", strerror(-rc));
	return receive(client, id, error);
}
