/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every method with every parameter set to what nobody means: a clear error that changes nothing,
 * or a success that a restart survives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rpc_fixture.h"

/* Right parameters for each method, on what make() makes. */
static const struct {
	const char *method, *params;
} CALLS[] = {
        {"CreateLoadBalancer",
                "{'Name': 'new', 'SubnetMappings': [{'SubnetId': 'front-a', "
                "'PrivateIPv4Address': '10.90.0.99', 'IPv6Address': 'fd90::99'}], 'Scheme': "
                "'internet-facing', 'Type': 'network', 'IpAddressType': 'dualstack', 'VpcId': "
                "'v'}"},
        {"DescribeLoadBalancers", "{'Names': ['web']}"},
        {"DeleteLoadBalancer", "{'LoadBalancerArn': 'web'}"},
        {"ModifyLoadBalancerAttributes", "{'LoadBalancerArn': 'web', 'Attributes': [{'Key': "
                                         "'load_balancing.cross_zone.enabled', 'Value': 'true'}]}"},
        {"DescribeLoadBalancerAttributes", "{'LoadBalancerArn': 'web'}"},
        {"CreateTargetGroup",
                "{'Name': 'new', 'Protocol': 'TCP', 'Port': 80, 'VpcId': 'v', 'TargetType': "
                "'ip', 'IpAddressType': 'ipv4', 'HealthCheckProtocol': 'HTTP', "
                "'HealthCheckPort': '80', 'HealthCheckEnabled': true, 'HealthCheckPath': '/', "
                "'HealthCheckIntervalSeconds': 30, 'HealthCheckTimeoutSeconds': 6, "
                "'HealthyThresholdCount': 3, 'UnhealthyThresholdCount': 3, 'Matcher': "
                "{'HttpCode': '200'}}"},
        {"DescribeTargetGroups", "{'TargetGroupArns': ['g'], 'LoadBalancerArn': 'web'}"},
        {"ModifyTargetGroup",
                "{'TargetGroupArn': 'g', 'HealthCheckProtocol': 'HTTPS', 'HealthCheckPort': "
                "'80', 'HealthCheckEnabled': true, 'HealthCheckPath': '/', "
                "'HealthCheckIntervalSeconds': 30, 'HealthCheckTimeoutSeconds': 6, "
                "'HealthyThresholdCount': 3, 'UnhealthyThresholdCount': 3, 'Matcher': "
                "{'HttpCode': '200'}}"},
        {"DeleteTargetGroup", "{'TargetGroupArn': 'spare'}"},
        {"ModifyTargetGroupAttributes", "{'TargetGroupArn': 'g', 'Attributes': [{'Key': "
                                        "'anabranch.health_check.interval_ms', 'Value': '100'}]}"},
        {"DescribeTargetGroupAttributes", "{'TargetGroupArn': 'g'}"},
        {"RegisterTargets", "{'TargetGroupArn': 'g', 'Targets': [{'Id': '10.1.0.9', 'Port': 80, "
                            "'AvailabilityZone': 'a', 'anabranch.Weight': 2}]}"},
        {"DeregisterTargets", "{'TargetGroupArn': 'g', 'Targets': ['10.1.0.1']}"},
        {"DescribeTargetHealth", "{'TargetGroupArn': 'g', 'Targets': ['10.1.0.1']}"},
        {"CreateListener",
                "{'LoadBalancerArn': 'web', 'Protocol': 'TCP', 'Port': 81, 'DefaultActions': "
                "[{'Type': 'forward', 'ForwardConfig': {'TargetGroups': [{'TargetGroupArn': "
                "'g', 'Weight': 1}]}}]}"},
        {"DescribeListeners", "{'LoadBalancerArn': 'web'}"},
        {"ModifyListener", "{'ListenerArn': '%s', 'Protocol': 'TCP', 'Port': 82, 'DefaultActions': "
                           "[{'Type': 'forward', 'TargetGroupArn': 'g', 'Order': 1}]}"},
        {"DeleteListener", "{'ListenerArn': '%s'}"},
        {"ModifyListenerAttributes",
                "{'ListenerArn': '%s', 'Attributes': [{'Key': 'tcp.idle_timeout.seconds', "
                "'Value': '60'}]}"},
        {"DescribeListenerAttributes", "{'ListenerArn': '%s'}"},
};

static struct rpc_rig rig;

static void make(void)
{
	rpc_rig_make(&rig, 8, 4);
	rpc_ok(&rig, "CreateLoadBalancer", "{'Name': 'web', 'Subnets': ['front-a']}");
	rpc_ok(&rig, "CreateTargetGroup", "{'Name': 'g', 'Protocol': 'TCP', 'Port': 80}");
	rpc_ok(&rig, "CreateTargetGroup", "{'Name': 'spare', 'Protocol': 'TCP', 'Port': 80}");
	rpc_ok(&rig, "RegisterTargets", "{'TargetGroupArn': 'g', 'Targets': ['10.1.0.1']}");
	rpc_ok(&rig, "CreateListener",
	        "{'LoadBalancerArn': 'web', 'Protocol': 'TCP', 'Port': 80, 'DefaultActions': "
	        "[{'Type': 'forward', 'TargetGroupArn': 'g'}]}");
}

static json_t *params_of(size_t call)
{
	char text[1024];
	json_t *params;

	snprintf(text, sizeof(text), CALLS[call].params, rig.model->listeners->arn);
	for (char *at = text; *at != '\0'; at++)
		*at = *at == '\'' ? '"' : *at;
	params = json_loads(text, 0, NULL);
	assert_non_null(params);
	return params;
}

static json_t *nested(int depth)
{
	json_t *value = json_object();

	for (int i = 0; i < depth; i++)
		value = i % 2 ? json_pack("{s:o}", "a", value) : json_pack("[o]", value);
	return value;
}

static json_t *long_list(const char *item, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(item));
	return list;
}

static json_t *long_text(void)
{
	static char text[1 << 20];

	memset(text, '/', sizeof(text) - 1);
	return json_string(text);
}

/* NULL: no more. */
static json_t *hostile(size_t n)
{
	switch (n) {
	case 0:
		return json_null();
	case 1:
		return json_true();
	case 2:
		return json_false();
	case 3:
		return json_integer(0);
	case 4:
		return json_integer(-1);
	case 5:
		return json_integer(65536);
	case 6:
		return json_integer(INT64_MAX);
	case 7:
		return json_real(80.5);
	case 8:
		return json_string("");
	case 9:
		return long_text();
	case 10:
		return json_string("%s%n\t\n");
	case 11:
		return json_string("\xc3\xa4");
	case 12:
		return json_stringn("a\0b", 3);
	case 13:
		return json_array();
	case 14:
		return json_object();
	case 15:
		return nested(1000);
	case 16:
		return long_list("10.1.0.77", 20000);
	case 17:
		return json_pack("[n]");
	case 18:
		return json_pack("[{s:n}]", "Id");
	default:
		return NULL;
	}
}

static void assert_error_is_clear(const char *method)
{
	const struct cp_error *error = &rig.error;

	if (error->code[0] == '\0' || error->message[0] == '\0')
		fail_msg("%s: an error without a code or a text", method);
	for (const char *at = error->message; *at != '\0'; at++)
		assert_in_range(*at, ' ', '~');
}

/* Takes 'params' over. */
static void try(const char *method, json_t *params)
{
	json_t *before = rpc_dump(rig.model), *after, *result;
	struct cp_model *again;

	if (rpc_call(&rig, method, params, &result) != 0) {
		assert_error_is_clear(method);
		after = rpc_dump(rig.model);
		assert_true(json_equal(before, after));
		json_decref(after);
	} else {
		again = rpc_reload(&rig);
		rpc_equal(rig.model, again);
		cp_model_free(again);
		json_decref(result);
		rpc_rig_free(&rig);
		make();
	}
	json_decref(before);
	json_decref(params);
}

static void the_calls_are_right_without_hostile_values(void **state)
{
	make();
	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
		json_t *params = params_of(i), *result;

		if (rpc_call(&rig, CALLS[i].method, params, &result) != 0)
			fail_msg("%s: %s", CALLS[i].method, rig.error.message);
		json_decref(result);
		json_decref(params);
		rpc_rig_free(&rig);
		make();
	}
	rpc_rig_free(&rig);
}

static void every_method_of_the_table_is_tried(void **state)
{
	size_t found = 0;

#define X(name, right)                                                \
	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) \
		found += strcmp(CALLS[i].method, #name) == 0;         \
	found += strcmp("Status", #name) == 0;
	LB_RPC_METHODS(X)
#undef X
	assert_int_equal(found, sizeof(CALLS) / sizeof(CALLS[0]) + 1);
	assert_null(cp_method_find("NoSuchMethod"));
	assert_null(cp_method_find(""));
}

static void hostile_parameters_are_refused_or_harmless(void **state)
{
	make();
	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
		json_t *right = params_of(i), *old, *value, *params;
		const char *key;

		json_object_foreach (right, key, old) {
			for (size_t n = 0; (value = hostile(n)) != NULL; n++) {
				params = params_of(i);
				json_object_set_new(params, key, value);
				try(CALLS[i].method, params);
			}
		}
		json_decref(right);
	}
	rpc_rig_free(&rig);
}

/* The same, one level down: in the objects that lists hold. */
static void hostile_members_are_refused_or_harmless(void **state)
{
	make();
	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
		json_t *right = params_of(i), *list, *member, *value, *params;
		const char *key, *inner;

		json_object_foreach (right, key, list) {
			json_object_foreach (json_array_get(list, 0), inner, member) {
				for (size_t n = 0; (value = hostile(n)) != NULL; n++) {
					params = params_of(i);
					json_object_set_new(
					        json_array_get(json_object_get(params, key), 0),
					        inner, value);
					try(CALLS[i].method, params);
				}
			}
		}
		json_decref(right);
	}
	rpc_rig_free(&rig);
}

static void parameters_of_other_shapes_are_refused(void **state)
{
	make();
	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
		json_t *value, *params;

		for (size_t n = 0; (value = hostile(n)) != NULL; n++)
			try(CALLS[i].method, value);
		params = params_of(i);
		json_object_set_new(params, "NoSuchParameter", json_true());
		try(CALLS[i].method, params);
		assert_string_equal(rig.error.code, "ValidationError");
	}
	rpc_rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_calls_are_right_without_hostile_values),
	        cmocka_unit_test(every_method_of_the_table_is_tried),
	        cmocka_unit_test(hostile_parameters_are_refused_or_harmless),
	        cmocka_unit_test(hostile_members_are_refused_or_harmless),
	        cmocka_unit_test(parameters_of_other_shapes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
