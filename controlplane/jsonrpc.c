/* SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON-RPC 2.0: requests by name, no batches.
 */
#include "jsonrpc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An id is repeated in the reply: one that is longer than this is no id. */
#define ID_MAX_LEN 256

int cp_jsonrpc_fail(struct cp_error *error, enum lb_rpc_error rpc, const char *format, ...)
{
	va_list args;

	memset(error, 0, sizeof(*error));
	error->rpc = rpc;
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return -EINVAL;
}

static int take_id(struct cp_request *request, struct cp_error *error)
{
	const json_t *id = json_object_get(request->root, "id");

	if (!id)
		return 0;
	if (!json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return cp_jsonrpc_fail(
		        error, LB_RPC_INVALID_REQUEST, "\"id\" must be a string, a number or null");
	if (json_is_string(id) && json_string_length(id) > ID_MAX_LEN)
		return cp_jsonrpc_fail(error, LB_RPC_INVALID_REQUEST,
		        "\"id\" is longer than %d bytes", ID_MAX_LEN);
	request->id = id;
	return 0;
}

static int check_members(const json_t *root, struct cp_error *error)
{
	static const char *const known[] = {"jsonrpc", "method", "params", "id"};
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)root, key, value) {
		size_t i = 0;

		while (i < 4 && strcmp(key, known[i]) != 0)
			i++;
		if (i == 4)
			return cp_jsonrpc_fail(error, LB_RPC_INVALID_REQUEST,
			        "unknown member \"%.64s\": a request has jsonrpc, method, params "
			        "and id",
			        key);
	}
	return 0;
}

static int take_method(struct cp_request *request, struct cp_error *error)
{
	const char *version = json_string_value(json_object_get(request->root, "jsonrpc"));
	const json_t *method = json_object_get(request->root, "method");

	if (!version || strcmp(version, "2.0") != 0)
		return cp_jsonrpc_fail(
		        error, LB_RPC_INVALID_REQUEST, "\"jsonrpc\" must be the string \"2.0\"");
	if (!json_is_string(method))
		return cp_jsonrpc_fail(error, LB_RPC_INVALID_REQUEST,
		        "\"method\" must be a string, such as \"DescribeTargetGroups\"");
	request->method = json_string_value(method);
	return 0;
}

static int take_params(struct cp_request *request, struct cp_error *error)
{
	json_t *params = json_object_get(request->root, "params");

	if (params && !json_is_object(params))
		return cp_jsonrpc_fail(error, LB_RPC_INVALID_PARAMS,
		        "\"params\" must be an object: parameters are given by name");
	request->params = params ? json_incref(params) : json_object();
	return request->params ? 0 : cp_jsonrpc_fail(error, LB_RPC_INTERNAL_ERROR, "out of memory");
}

int cp_jsonrpc_parse(
        const char *line, size_t len, struct cp_request *request, struct cp_error *error)
{
	json_error_t json_error;
	int rc;

	memset(request, 0, sizeof(*request));
	request->root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &json_error);
	if (!request->root)
		return cp_jsonrpc_fail(error, LB_RPC_PARSE_ERROR, "not JSON: %s, at byte %d",
		        json_error.text, json_error.position);
	if (json_is_array(request->root))
		return cp_jsonrpc_fail(error, LB_RPC_INVALID_REQUEST,
		        "batches are not supported: send one object a line, as many lines as you "
		        "like");
	if (!json_is_object(request->root))
		return cp_jsonrpc_fail(error, LB_RPC_INVALID_REQUEST, "a request is an object");
	rc = take_id(request, error);
	if (rc == 0)
		rc = check_members(request->root, error);
	if (rc == 0)
		rc = take_method(request, error);
	if (rc == 0)
		rc = take_params(request, error);
	return rc;
}

void cp_request_clear(struct cp_request *request)
{
	json_decref(request->params);
	json_decref(request->root);
	memset(request, 0, sizeof(*request));
}

/* Takes ownership of 'reply'. */
static char *reply_line(json_t *reply, size_t *len)
{
	char *line = NULL;
	size_t size;

	if (!reply)
		return NULL;
	size = json_dumpb(reply, NULL, 0, JSON_COMPACT);
	if (size > 0)
		line = malloc(size + 1);
	if (line && json_dumpb(reply, line, size, JSON_COMPACT) != size) {
		free(line);
		line = NULL;
	}
	if (line) {
		line[size] = '\n';
		*len = size + 1;
	}
	json_decref(reply);
	return line;
}

char *cp_jsonrpc_result(const json_t *id, const json_t *result, size_t *len)
{
	struct cp_error error;
	char *line = reply_line(
	        json_pack("{s:s, s:O?, s:O}", "jsonrpc", "2.0", "id", id, "result", result), len);

	if (!line || *len <= LB_RPC_MAX_LINE)
		return line;
	cp_jsonrpc_fail(&error, LB_RPC_INTERNAL_ERROR,
	        "the reply would have %zu bytes, and %u is the limit: ask for less, by name or "
	        "ARN",
	        *len, LB_RPC_MAX_LINE);
	free(line);
	return cp_jsonrpc_error(id, &error, len);
}

/* A message may quote what a client sent, cut within a character: then it is made ASCII. */
static json_t *message_text(const struct cp_error *error)
{
	char ascii[sizeof(error->message)];
	json_t *text = json_string(error->message);

	if (text)
		return text;
	memcpy(ascii, error->message, sizeof(ascii));
	ascii[sizeof(ascii) - 1] = '\0';
	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(ascii);
}

char *cp_jsonrpc_error(const json_t *id, const struct cp_error *error, size_t *len)
{
	json_t *body = json_pack("{s:i, s:o}", "code", error->rpc, "message", message_text(error));

	if (body && error->rpc == LB_RPC_ELB)
		json_object_set_new(body, "data", json_pack("{s:s}", "Code", error->code));
	return reply_line(
	        json_pack("{s:s, s:O?, s:o}", "jsonrpc", "2.0", "id", id, "error", body), len);
}
