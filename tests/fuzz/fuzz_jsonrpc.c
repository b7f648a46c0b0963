/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fuzz target: one line on the control socket. Whatever it holds, it is a request with a method and
 * an object of parameters, or an error of JSON-RPC; and what is answered is one line of JSON that
 * carries the request's id.
 */
#include <stdlib.h>

#include "jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_reply(char *line, size_t len, const json_t *id)
{
	json_t *reply;

	must(line && len > 0 && len <= LB_RPC_MAX_LINE && line[len - 1] == '\n');
	must(memchr(line, '\n', len - 1) == NULL);
	reply = json_loadb(line, len, 0, NULL);
	must(json_is_object(reply));
	if (id)
		must(json_equal(json_object_get(reply, "id"), id));
	else
		must(json_is_null(json_object_get(reply, "id")));
	json_decref(reply);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cp_request request;
	struct cp_error error;
	size_t len = 0;
	char *line;

	if (cp_jsonrpc_parse((const char *)data, size, &request, &error) == 0) {
		must(request.method != NULL && json_is_object(request.params));
		line = cp_jsonrpc_result(request.id, request.params, &len);
	} else {
		must(error.rpc == LB_RPC_INVALID_REQUEST || error.rpc == LB_RPC_INVALID_PARAMS ||
		        error.rpc == LB_RPC_PARSE_ERROR);
		must(error.message[0] != '\0');
		line = cp_jsonrpc_error(request.id, &error, &len);
	}
	check_reply(line, len, request.id);
	cp_request_clear(&request);
	return 0;
}
