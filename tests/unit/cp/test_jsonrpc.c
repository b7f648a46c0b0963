/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests and replies of the control socket, a line at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "jsonrpc.h"

static int parse(const char *line, struct cp_request *request, struct cp_error *error)
{
	return cp_jsonrpc_parse(line, strlen(line), request, error);
}

static void test_request_with_everything(void **state)
{
	struct cp_request request;
	struct cp_error error;

	assert_int_equal(parse("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"Status\",\"params\":{"
	                       "\"a\":1}}",
	                         &request, &error),
	        0);
	assert_string_equal(request.method, "Status");
	assert_int_equal(json_integer_value(request.id), 7);
	assert_int_equal(json_integer_value(json_object_get(request.params, "a")), 1);
	cp_request_clear(&request);
}

static void test_params_may_be_left_out(void **state)
{
	struct cp_request request;
	struct cp_error error;

	assert_int_equal(
	        parse("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"Status\"}", &request, &error),
	        0);
	assert_true(json_is_object(request.params));
	assert_int_equal(json_object_size(request.params), 0);
	cp_request_clear(&request);
}

static void test_without_id_it_is_a_notification(void **state)
{
	struct cp_request request;
	struct cp_error error;

	assert_int_equal(parse("{\"jsonrpc\":\"2.0\",\"method\":\"Status\"}", &request, &error), 0);
	assert_null(request.id);
	cp_request_clear(&request);
	assert_int_equal(
	        parse("{\"jsonrpc\":\"2.0\",\"method\":\"Status\",\"id\":null}", &request, &error),
	        0);
	assert_non_null(request.id);
	cp_request_clear(&request);
}

static const struct {
	const char *line;
	int code;
	const char *says;
	bool id_known;
} refused[] = {
        {"", LB_RPC_PARSE_ERROR, "not JSON", false},
        {"{", LB_RPC_PARSE_ERROR, "not JSON", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"M\"}", LB_RPC_PARSE_ERROR,
                "duplicate", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"M\"} x", LB_RPC_PARSE_ERROR, "not JSON",
                false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\u0000b\"}", LB_RPC_PARSE_ERROR, "not JSON",
                false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", LB_RPC_PARSE_ERROR, "not JSON",
                false},
        {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"M\"}]", LB_RPC_INVALID_REQUEST, "batches",
                false},
        {"[]", LB_RPC_INVALID_REQUEST, "batches", false},
        {"{\"id\":1,\"method\":\"M\"}", LB_RPC_INVALID_REQUEST, "jsonrpc", true},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"M\"}", LB_RPC_INVALID_REQUEST, "2.0", true},
        {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"M\"}", LB_RPC_INVALID_REQUEST, "2.0", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", LB_RPC_INVALID_REQUEST, "method", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", LB_RPC_INVALID_REQUEST, "method", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"M\"}", LB_RPC_INVALID_REQUEST, "id", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"M\"}", LB_RPC_INVALID_REQUEST, "id", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"M\",\"param\":{}}", LB_RPC_INVALID_REQUEST,
                "unknown member \"param\"", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"M\",\"params\":[1]}", LB_RPC_INVALID_PARAMS,
                "object", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"M\",\"params\":null}", LB_RPC_INVALID_PARAMS,
                "object", true},
};

static void test_bad_requests_say_what_would_be_right(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct cp_request request;
		struct cp_error error;

		assert_int_equal(parse(refused[i].line, &request, &error), -EINVAL);
		assert_int_equal(error.rpc, refused[i].code);
		assert_non_null(strstr(error.message, refused[i].says));
		assert_int_equal(request.id != NULL, refused[i].id_known);
		cp_request_clear(&request);
	}
}

static void test_zero_bytes_in_a_line_are_no_json(void **state)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\0\"id\":1,\"method\":\"M\"}";
	struct cp_request request;
	struct cp_error error;

	assert_int_equal(cp_jsonrpc_parse(line, sizeof(line) - 1, &request, &error), -EINVAL);
	assert_int_equal(error.rpc, LB_RPC_PARSE_ERROR);
	cp_request_clear(&request);
}

static void test_deep_nesting_is_refused(void **state)
{
	enum { DEPTH = 1000000 };
	char *line = malloc(DEPTH);
	struct cp_request request;
	struct cp_error error;

	assert_non_null(line);
	memset(line, '[', DEPTH);
	assert_int_equal(cp_jsonrpc_parse(line, DEPTH, &request, &error), -EINVAL);
	assert_int_equal(error.rpc, LB_RPC_PARSE_ERROR);
	cp_request_clear(&request);
	free(line);
}

/* Parses a reply line, which must be one line. */
static json_t *read_back(char *line, size_t len)
{
	json_t *reply;

	assert_non_null(line);
	assert_int_equal(line[len - 1], '\n');
	assert_null(memchr(line, '\n', len - 1));
	reply = json_loadb(line, len, 0, NULL);
	free(line);
	assert_non_null(reply);
	assert_string_equal(json_string_value(json_object_get(reply, "jsonrpc")), "2.0");
	return reply;
}

static void test_result_line(void **state)
{
	json_t *id = json_string("a\nb"), *result = json_pack("{s:i}", "x", 1), *reply;
	size_t len = 0;
	char *line = cp_jsonrpc_result(id, result, &len);

	reply = read_back(line, len);
	assert_true(json_equal(json_object_get(reply, "id"), id));
	assert_true(json_equal(json_object_get(reply, "result"), result));
	assert_null(json_object_get(reply, "error"));
	json_decref(reply);
	json_decref(result);
	json_decref(id);
}

static void test_elb_error_carries_its_code(void **state)
{
	struct cp_error error = {
	        .rpc = LB_RPC_ELB, .code = "TargetGroupNotFound", .message = "no such group"};
	size_t len = 0;
	char *line = cp_jsonrpc_error(NULL, &error, &len);
	json_t *reply = read_back(line, len), *body = json_object_get(reply, "error");

	assert_true(json_is_null(json_object_get(reply, "id")));
	assert_int_equal(json_integer_value(json_object_get(body, "code")), -32000);
	assert_string_equal(json_string_value(json_object_get(body, "message")), "no such group");
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(body, "data"), "Code")),
	        "TargetGroupNotFound");
	json_decref(reply);
}

static void test_rpc_error_has_no_data(void **state)
{
	struct cp_error error;
	size_t len = 0;
	json_t *reply;
	char *line;

	cp_jsonrpc_fail(&error, LB_RPC_METHOD_NOT_FOUND, "no method");
	line = cp_jsonrpc_error(NULL, &error, &len);
	reply = read_back(line, len);
	assert_null(json_object_get(json_object_get(reply, "error"), "data"));
	json_decref(reply);
}

static void test_message_cut_within_a_character_is_still_sent(void **state)
{
	struct cp_error error = {.rpc = LB_RPC_INTERNAL_ERROR, .message = "name \"\xc3"};
	size_t len = 0;
	char *line = cp_jsonrpc_error(NULL, &error, &len);
	json_t *reply = read_back(line, len);

	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(reply, "error"), "message")),
	        "name \"?");
	json_decref(reply);
}

static void test_reply_above_the_limit_becomes_an_error(void **state)
{
	char *text = malloc(LB_RPC_MAX_LINE + 1);
	json_t *result, *reply;
	size_t len = 0;
	char *line;

	assert_non_null(text);
	memset(text, 'x', LB_RPC_MAX_LINE);
	text[LB_RPC_MAX_LINE] = '\0';
	result = json_string(text);
	line = cp_jsonrpc_result(NULL, result, &len);
	assert_true(len < 1000);
	reply = read_back(line, len);
	assert_int_equal(
	        json_integer_value(json_object_get(json_object_get(reply, "error"), "code")),
	        LB_RPC_INTERNAL_ERROR);
	json_decref(reply);
	json_decref(result);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_request_with_everything),
	        cmocka_unit_test(test_params_may_be_left_out),
	        cmocka_unit_test(test_without_id_it_is_a_notification),
	        cmocka_unit_test(test_bad_requests_say_what_would_be_right),
	        cmocka_unit_test(test_zero_bytes_in_a_line_are_no_json),
	        cmocka_unit_test(test_deep_nesting_is_refused),
	        cmocka_unit_test(test_result_line),
	        cmocka_unit_test(test_elb_error_carries_its_code),
	        cmocka_unit_test(test_rpc_error_has_no_data),
	        cmocka_unit_test(test_message_cut_within_a_character_is_still_sent),
	        cmocka_unit_test(test_reply_above_the_limit_becomes_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
