/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Methods of target groups: defaults, ranges, errors, idempotence, attributes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rpc_fixture.h"

#define WEB "'Name': 'web', 'Protocol': 'TCP', 'Port': 80"

/* The one group of an answer, owned by it. */
static json_t *only(const json_t *result)
{
	json_t *list = json_object_get(result, "TargetGroups");

	assert_int_equal(json_array_size(list), 1);
	return json_array_get(list, 0);
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (value == NULL)
		fail_msg("there is no text '%s'", key);
	return value;
}

static long number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		fail_msg("there is no integer '%s'", key);
	return (long)json_integer_value(value);
}

static void test_create_fills_in_elbv2_defaults(void **state)
{
	json_t *result = rpc_result(*state, "CreateTargetGroup", "{" WEB "}");
	const json_t *group = only(result);

	assert_string_equal(text(group, "TargetGroupName"), "web");
	assert_int_equal(strncmp(text(group, "TargetGroupArn"), "arn:", 4), 0);
	assert_non_null(strstr(text(group, "TargetGroupArn"), ":targetgroup/web/"));
	assert_string_equal(text(group, "Protocol"), "TCP");
	assert_int_equal(number(group, "Port"), 80);
	assert_string_equal(text(group, "TargetType"), "ip");
	assert_string_equal(text(group, "IpAddressType"), "ipv4");
	assert_string_equal(text(group, "HealthCheckProtocol"), "TCP");
	assert_string_equal(text(group, "HealthCheckPort"), "traffic-port");
	assert_true(json_is_true(json_object_get(group, "HealthCheckEnabled")));
	assert_int_equal(number(group, "HealthCheckIntervalSeconds"), 30);
	assert_int_equal(number(group, "HealthCheckTimeoutSeconds"), 10);
	assert_int_equal(number(group, "HealthyThresholdCount"), 5);
	assert_int_equal(number(group, "UnhealthyThresholdCount"), 2);
	assert_int_equal(json_array_size(json_object_get(group, "LoadBalancerArns")), 0);
	assert_null(json_object_get(group, "VpcId"));
	assert_null(json_object_get(group, "HealthCheckPath"));
	assert_null(json_object_get(group, "Matcher"));
	json_decref(result);
}

static void test_http_defaults_differ_from_https(void **state)
{
	static const struct {
		const char *protocol;
		int timeout_s;
	} cases[] = {{"TCP", 10}, {"HTTP", 6}, {"HTTPS", 10}};

	for (size_t i = 0; i < 3; i++) {
		json_t *result = rpc_result(*state, "CreateTargetGroup",
		        "{'Name': 'g%zu', 'Protocol': 'TCP', 'Port': 80, 'HealthCheckProtocol': "
		        "'%s'}",
		        i, cases[i].protocol);
		const json_t *group = only(result);

		assert_int_equal(number(group, "HealthCheckTimeoutSeconds"), cases[i].timeout_s);
		if (i > 0) {
			assert_string_equal(text(group, "HealthCheckPath"), "/");
			assert_string_equal(
			        text(json_object_get(group, "Matcher"), "HttpCode"), "200-399");
		}
		json_decref(result);
	}
}

static void test_every_setting_comes_back(void **state)
{
	json_t *result = rpc_result(*state, "CreateTargetGroup",
	        "{'Name': 'all', 'Protocol': 'TCP_UDP', 'Port': 53, 'VpcId': 'vpc-1', "
	        "'TargetType': 'ip', 'IpAddressType': 'ipv6', 'HealthCheckProtocol': 'HTTPS', "
	        "'HealthCheckPort': '8443', 'HealthCheckEnabled': true, 'HealthCheckPath': "
	        "'/ready?x=1', 'HealthCheckIntervalSeconds': 300, 'HealthCheckTimeoutSeconds': "
	        "120, 'HealthyThresholdCount': 10, 'UnhealthyThresholdCount': 9, 'Matcher': "
	        "{'HttpCode': '200,301-302'}}");
	const json_t *group = only(result);

	assert_string_equal(text(group, "Protocol"), "TCP_UDP");
	assert_string_equal(text(group, "VpcId"), "vpc-1");
	assert_string_equal(text(group, "IpAddressType"), "ipv6");
	assert_string_equal(text(group, "HealthCheckProtocol"), "HTTPS");
	assert_string_equal(text(group, "HealthCheckPort"), "8443");
	assert_string_equal(text(group, "HealthCheckPath"), "/ready?x=1");
	assert_int_equal(number(group, "HealthCheckIntervalSeconds"), 300);
	assert_int_equal(number(group, "HealthCheckTimeoutSeconds"), 120);
	assert_int_equal(number(group, "HealthyThresholdCount"), 10);
	assert_int_equal(number(group, "UnhealthyThresholdCount"), 9);
	assert_string_equal(text(json_object_get(group, "Matcher"), "HttpCode"), "200,301-302");
	json_decref(result);
}

/* Each of the values that is right makes a group; each that is wrong is refused with the code. */
static void try_values(struct rpc_rig *rig, const char *key, const char *const right[],
        const char *const wrong[], const char *code)
{
	static int nb;

	for (; *right != NULL; right++)
		rpc_ok(rig, "CreateTargetGroup",
		        "{'Name': 'g%d', 'Protocol': 'TCP', 'Port': 80, 'HealthCheckProtocol': "
		        "'HTTP', '%s': %s}",
		        nb++, key, *right);
	for (; *wrong != NULL; wrong++)
		rpc_refused(rig, code, "CreateTargetGroup",
		        "{'Name': 'bad', 'Protocol': 'TCP', 'Port': 80, 'HealthCheckProtocol': "
		        "'HTTP', '%s': %s}",
		        key, *wrong);
}

static void test_health_check_ranges_end_where_elbv2_says(void **state)
{
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
	static const char bad[] = "ValidationError";

	try_values(*state, "HealthCheckIntervalSeconds", LIST("5", "300"),
	        LIST("4", "301", "0", "-5", "30.0", "'30'", "true", "null", "99999999999999"), bad);
	try_values(*state, "HealthCheckTimeoutSeconds", LIST("2", "120"),
	        LIST("1", "121", "-2", "'2'", "{}"), bad);
	try_values(*state, "HealthyThresholdCount", LIST("2", "10"), LIST("1", "11", "[]"), bad);
	try_values(*state, "UnhealthyThresholdCount", LIST("2", "10"), LIST("1", "11", "258"), bad);
	try_values(*state, "HealthCheckPort", LIST("'1'", "'65535'", "'traffic-port'"),
	        LIST("'0'", "'65536'", "'65616'", "'-1'", "'080'", "' 80'", "'80 '", "'+80'",
	                "'0x50'", "''", "80", "'http'", "'4294967376'", "'18446744073709551696'"),
	        bad);
	try_values(*state, "Matcher",
	        LIST("{'HttpCode': '200'}", "{'HttpCode': '599'}", "{'HttpCode': '200-599'}"),
	        LIST("{'HttpCode': '199'}", "{'HttpCode': '600'}", "{'HttpCode': '399-200'}",
	                "{'HttpCode': ''}", "{'HttpCode': '200,'}", "{'HttpCode': 200}", "'200'",
	                "{'Other': '200'}"),
	        bad);
	try_values(*state, "HealthCheckPath", LIST("'/'", "'/a/b?c=d'"),
	        LIST("''", "'a'", "'/a b'", "'/a\\r\\nX: y'", "'/\\u00e9'", "'/a\\u0000b'",
	                "{'deep': {'deeper': [[[[{}]]]]}}"),
	        bad);
	rpc_refused(*state, "MissingParameter", "CreateTargetGroup",
	        "{" WEB ", 'HealthCheckProtocol': 'HTTP', 'Matcher': {}}");
}

static void test_path_has_at_most_1024_characters(void **state)
{
	char path[1026];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[1025] = '\0';
	rpc_refused(*state, "ValidationError", "CreateTargetGroup",
	        "{" WEB ", 'HealthCheckProtocol': 'HTTP', 'HealthCheckPath': '%s'}", path);
	path[1024] = '\0';
	rpc_ok(*state, "CreateTargetGroup",
	        "{" WEB ", 'HealthCheckProtocol': 'HTTP', 'HealthCheckPath': '%s'}", path);
}

static void test_path_and_matcher_need_http(void **state)
{
	rpc_refused(*state, "InvalidConfigurationRequest", "CreateTargetGroup",
	        "{" WEB ", 'HealthCheckPath': '/x'}");
	rpc_refused(*state, "InvalidConfigurationRequest", "CreateTargetGroup",
	        "{" WEB ", 'Matcher': {'HttpCode': '200'}}");
}

static void test_names_follow_elbv2_rules(void **state)
{
	static const char *const wrong[] = {"", "-a", "a-", "a_b", "a b", "a.b", "\\u00e4",
	        "web\\u0000x", "123456789012345678901234567890123"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		rpc_refused(*state, "ValidationError", "CreateTargetGroup",
		        "{'Name': '%s', 'Protocol': 'TCP', 'Port': 80}", wrong[i]);
	rpc_ok(*state, "CreateTargetGroup",
	        "{'Name': '12345678901234567890123456789012', 'Protocol': 'TCP', 'Port': 80}");
	rpc_ok(*state, "CreateTargetGroup", "{'Name': 'a', 'Protocol': 'TCP', 'Port': 80}");
}

static void test_create_names_what_is_wrong(void **state)
{
	rpc_refused(*state, "MissingParameter", "CreateTargetGroup", "{}");
	rpc_refused(
	        *state, "MissingParameter", "CreateTargetGroup", "{'Protocol': 'TCP', 'Port': 80}");
	rpc_refused(*state, "MissingParameter", "CreateTargetGroup", "{'Name': 'a', 'Port': 80}");
	rpc_refused(*state, "MissingParameter", "CreateTargetGroup",
	        "{'Name': 'a', 'Protocol': 'TCP'}");
	rpc_refused(*state, "UnsupportedProtocol", "CreateTargetGroup",
	        "{'Name': 'a', 'Protocol': 'TLS', 'Port': 80}");
	rpc_refused(*state, "UnsupportedProtocol", "CreateTargetGroup",
	        "{'Name': 'a', 'Protocol': 'tcp', 'Port': 80}");
	rpc_refused(*state, "ValidationError", "CreateTargetGroup",
	        "{'Name': 'a', 'Protocol': 'TCP', 'Port': 0}");
	rpc_refused(*state, "ValidationError", "CreateTargetGroup",
	        "{'Name': 'a', 'Protocol': 'TCP', 'Port': 65536}");
	rpc_refused(*state, "ValidationError", "CreateTargetGroup",
	        "{" WEB ", 'IpAddressType': 'dualstack'}");
	rpc_refused(*state, "InvalidConfigurationRequest", "CreateTargetGroup",
	        "{" WEB ", 'TargetType': 'instance'}");
	rpc_refused(*state, "InvalidConfigurationRequest", "CreateTargetGroup",
	        "{" WEB ", 'HealthCheckProtocol': 'UDP'}");
	rpc_refused(*state, "InvalidConfigurationRequest", "CreateTargetGroup",
	        "{" WEB ", 'HealthCheckEnabled': false}");
	rpc_refused(*state, "InvalidConfigurationRequest", "CreateTargetGroup",
	        "{" WEB ", 'Tags': []}");
	rpc_refused(*state, "ValidationError", "CreateTargetGroup", "{" WEB ", 'Colour': 'red'}");
	rpc_refused(*state, "ValidationError", "CreateTargetGroup", "[]");
	rpc_refused(*state, "ValidationError", "CreateTargetGroup", "'web'");
	assert_non_null(strstr(((struct rpc_rig *)*state)->error.message, "CreateTargetGroup"));
}

static void test_create_is_idempotent(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *first, *again;

	first = rpc_result(rig, "CreateTargetGroup", "{" WEB "}");
	rig->now_ms += 5000;
	rpc_same(rig, "CreateTargetGroup", "{" WEB "}");
	again = rpc_result(rig, "CreateTargetGroup",
	        "{" WEB ", 'TargetType': 'ip', 'HealthCheckIntervalSeconds': 30}");
	assert_true(json_equal(first, again));
	json_decref(first);
	json_decref(again);
	rpc_refused(rig, "DuplicateTargetGroupName", "CreateTargetGroup",
	        "{'Name': 'web', 'Protocol': 'TCP', 'Port': 81}");
	rpc_refused(rig, "DuplicateTargetGroupName", "CreateTargetGroup",
	        "{" WEB ", 'HealthCheckIntervalSeconds': 31}");
	rpc_refused(rig, "DuplicateTargetGroupName", "CreateTargetGroup",
	        "{" WEB ", 'IpAddressType': 'ipv6'}");
	rpc_refused(rig, "DuplicateTargetGroupName", "CreateTargetGroup",
	        "{" WEB ", 'VpcId': 'vpc-1'}");
}

static void test_any_other_setting_makes_a_duplicate(void **state)
{
	static const char *const others[] = {"'Port': 81", "'Protocol': 'UDP'", "'VpcId': 'vpc-1'",
	        "'IpAddressType': 'ipv6'", "'HealthCheckProtocol': 'HTTPS'",
	        "'HealthCheckPort': '80'", "'HealthCheckPath': '/x'",
	        "'HealthCheckIntervalSeconds': 31", "'HealthCheckTimeoutSeconds': 7",
	        "'HealthyThresholdCount': 4", "'UnhealthyThresholdCount': 3",
	        "'Matcher': {'HttpCode': '200'}"};
	struct rpc_rig *rig = *state;

	rpc_ok(rig, "CreateTargetGroup", "{" WEB ", 'HealthCheckProtocol': 'HTTP'}");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		/* Of two parameters of one name, the reader takes the second. */
		rpc_refused(rig, "DuplicateTargetGroupName", "CreateTargetGroup",
		        "{" WEB ", 'HealthCheckProtocol': 'HTTP', 'HealthCheckTimeoutSeconds': 6, "
		        "%s}",
		        others[i]);
	}
}

static void test_modify_changes_every_setting(void **state)
{
	static const char *const settings[] = {"'HealthCheckProtocol': 'HTTPS'",
	        "'HealthCheckPort': '80'", "'HealthCheckPath': '/x'",
	        "'HealthCheckIntervalSeconds': 31", "'HealthCheckTimeoutSeconds': 7",
	        "'HealthyThresholdCount': 4", "'UnhealthyThresholdCount': 3",
	        "'Matcher': {'HttpCode': '200'}"};
	struct rpc_rig *rig = *state;

	rpc_ok(rig, "CreateTargetGroup", "{" WEB ", 'HealthCheckProtocol': 'HTTP'}");
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		uint64_t revision = rig->model->revision;

		rpc_ok(rig, "ModifyTargetGroup", "{'TargetGroupArn': 'web', %s}", settings[i]);
		assert_int_equal(rig->model->revision, revision + 1);
		rpc_same(rig, "ModifyTargetGroup", "{'TargetGroupArn': 'web', %s}", settings[i]);
	}
}

static void test_modify_changes_what_it_names_alone(void **state)
{
	static const char *const changed[] = {
	        "HealthCheckProtocol", "HealthCheckPath", "UnhealthyThresholdCount", "Matcher"};
	json_t *before, *after;

	rpc_ok(*state, "CreateTargetGroup", "{" WEB ", 'HealthCheckTimeoutSeconds': 7}");
	before = rpc_result(*state, "DescribeTargetGroups", "{}");
	after = rpc_result(*state, "ModifyTargetGroup",
	        "{'TargetGroupArn': 'web', 'HealthCheckProtocol': 'HTTP', 'HealthCheckPath': "
	        "'/up', 'UnhealthyThresholdCount': 3}");
	assert_int_equal(number(only(after), "HealthCheckTimeoutSeconds"), 7);
	assert_string_equal(text(only(after), "HealthCheckPath"), "/up");
	assert_int_equal(number(only(after), "UnhealthyThresholdCount"), 3);
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
		json_object_del(only(before), changed[i]);
		json_object_del(only(after), changed[i]);
	}
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

static void test_modify_of_the_same_changes_nothing(void **state)
{
	rpc_ok(*state, "CreateTargetGroup", "{" WEB "}");
	rpc_same(*state, "ModifyTargetGroup", "{'TargetGroupArn': 'web'}");
	rpc_same(*state, "ModifyTargetGroup",
	        "{'TargetGroupArn': 'web', 'HealthCheckIntervalSeconds': 30, "
	        "'HealthCheckProtocol': 'TCP', 'HealthCheckPort': 'traffic-port'}");
}

static void test_modify_is_all_or_nothing(void **state)
{
	rpc_ok(*state, "CreateTargetGroup", "{" WEB "}");
	rpc_refused(*state, "ValidationError", "ModifyTargetGroup",
	        "{'TargetGroupArn': 'web', 'HealthCheckProtocol': 'HTTP', 'HealthCheckPort': "
	        "'81', 'Matcher': {'HttpCode': '7'}}");
	rpc_refused(*state, "InvalidConfigurationRequest", "ModifyTargetGroup",
	        "{'TargetGroupArn': 'web', 'HealthyThresholdCount': 4, 'HealthCheckEnabled': "
	        "false}");
	rpc_refused(*state, "ValidationError", "ModifyTargetGroup",
	        "{'TargetGroupArn': 'web', 'Port': 81}");
	rpc_refused(*state, "TargetGroupNotFound", "ModifyTargetGroup",
	        "{'TargetGroupArn': 'other', 'HealthyThresholdCount': 4}");
	rpc_refused(*state, "MissingParameter", "ModifyTargetGroup", "{}");
}

static void test_timeout_in_force_never_exceeds_the_interval(void **state)
{
	struct rpc_rig *rig = *state;
	const struct cp_target_group *group;

	rpc_ok(rig, "CreateTargetGroup",
	        "{" WEB ", 'HealthCheckIntervalSeconds': 5, 'HealthCheckTimeoutSeconds': 120}");
	group = cp_group_find(rig->model, "web");
	assert_int_equal(group->check.timeout_s, 120);
	assert_int_equal(group->check.timeout_ms, 5000);
	rpc_ok(rig, "ModifyTargetGroup",
	        "{'TargetGroupArn': 'web', 'HealthCheckIntervalSeconds': 200}");
	assert_int_equal(group->check.timeout_ms, 120000);
	rpc_ok(rig, "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [{'Key': "
	        "'anabranch.health_check.interval_ms', 'Value': '100'}]}");
	assert_int_equal(group->check.interval_ms, 100);
	assert_int_equal(group->check.timeout_ms, 100);
}

static void test_the_latest_word_on_the_interval_counts(void **state)
{
	struct rpc_rig *rig = *state;
	const struct cp_target_group *group;
	json_t *result;

	rpc_ok(rig, "CreateTargetGroup", "{" WEB "}");
	group = cp_group_find(rig->model, "web");
	assert_int_equal(group->check.interval_ms, 30000);
	rpc_ok(rig, "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [{'Key': "
	        "'anabranch.health_check.interval_ms', 'Value': '250'}]}");
	rpc_ok(rig, "ModifyTargetGroup", "{'TargetGroupArn': 'web', 'HealthyThresholdCount': 3}");
	assert_int_equal(group->check.interval_ms, 250);
	rpc_ok(rig, "ModifyTargetGroup",
	        "{'TargetGroupArn': 'web', 'HealthCheckIntervalSeconds': 20}");
	assert_int_equal(group->check.interval_ms, 20000);
	result = rpc_result(rig, "DescribeTargetGroupAttributes", "{'TargetGroupArn': 'web'}");
	assert_string_equal(rpc_attribute(result, "anabranch.health_check.interval_ms"), "20000");
	json_decref(result);
}

static void test_attribute_defaults_are_elbv2s(void **state)
{
	static const struct {
		const char *key, *tcp, *udp;
	} defaults[] = {
	        {"deregistration_delay.timeout_seconds", "300", "300"},
	        {"deregistration_delay.connection_termination.enabled", "false", "true"},
	        {"preserve_client_ip.enabled", "true", "true"},
	        {"proxy_protocol_v2.enabled", "false", "false"},
	        {"stickiness.enabled", "false", "false"},
	        {"stickiness.type", "source_ip", "source_ip"},
	        {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration",
	                "use_load_balancer_configuration"},
	        {"anabranch.health_check.interval_ms", "30000", "30000"},
	};
	static const char *const protocols[] = {"TCP", "UDP", "TCP_UDP"};

	for (size_t p = 0; p < 3; p++) {
		json_t *result;

		rpc_ok(*state, "CreateTargetGroup",
		        "{'Name': 'g%zu', 'Protocol': '%s', 'Port': 80}", p, protocols[p]);
		result = rpc_result(
		        *state, "DescribeTargetGroupAttributes", "{'TargetGroupArn': 'g%zu'}", p);
		for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
			assert_string_equal(rpc_attribute(result, defaults[i].key),
			        p == 0 ? defaults[i].tcp : defaults[i].udp);
		json_decref(result);
	}
}

static void modify(struct rpc_rig *rig, const char *key, const char *value)
{
	json_t *result = rpc_result(rig, "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [{'Key': '%s', 'Value': '%s'}]}", key,
	        value);
	json_t *all = rpc_result(rig, "DescribeTargetGroupAttributes", "{'TargetGroupArn': 'web'}");

	assert_true(json_equal(result, all));
	assert_string_equal(rpc_attribute(all, key), value);
	json_decref(result);
	json_decref(all);
}

static void test_attributes_take_their_whole_range_and_no_more(void **state)
{
	static const struct {
		const char *key;
		const char *right[4], *wrong[9];
	} cases[] = {
	        {"deregistration_delay.timeout_seconds", {"0", "3600"},
	                {"-1", "3601", "", "1.5", " 1", "01", "abc", "99999999999999999999"}},
	        {"deregistration_delay.connection_termination.enabled", {"true", "false"},
	                {"True", "1", "yes", ""}},
	        {"preserve_client_ip.enabled", {"true"}, {"false", ""}},
	        {"proxy_protocol_v2.enabled", {"false"}, {"true"}},
	        {"stickiness.enabled", {"true", "false"}, {"on"}},
	        {"stickiness.type", {"source_ip"}, {"source_ip_dest_ip", "lb_cookie"}},
	        {"load_balancing.cross_zone.enabled",
	                {"true", "false", "use_load_balancer_configuration"}, {"inherit"}},
	        {"anabranch.health_check.interval_ms", {"100", "300000"}, {"99", "300001", "0"}},
	        {"slow_start.duration_seconds", {NULL}, {"30"}},
	        {"no.such.key", {NULL}, {"true"}},
	        {"", {NULL}, {"true"}},
	};

	rpc_ok(*state, "CreateTargetGroup", "{" WEB "}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t k = 0; k < 4 && cases[i].right[k] != NULL; k++)
			modify(*state, cases[i].key, cases[i].right[k]);
		for (size_t k = 0; k < 9 && cases[i].wrong[k] != NULL; k++)
			rpc_refused(*state,
			        cases[i].key[0] ? "InvalidConfigurationRequest" : "ValidationError",
			        "ModifyTargetGroupAttributes",
			        "{'TargetGroupArn': 'web', 'Attributes': [{'Key': '%s', 'Value': "
			        "'%s'}]}",
			        cases[i].key, cases[i].wrong[k]);
	}
}

static void test_attributes_are_all_or_nothing(void **state)
{
	rpc_ok(*state, "CreateTargetGroup", "{" WEB "}");
#define STICKY "{'Key': 'stickiness.enabled', 'Value': 'true'}"
	rpc_refused(*state, "InvalidConfigurationRequest", "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [" STICKY
	        ", {'Key': 'no.such', 'Value': ''}]}");
	rpc_refused(*state, "InvalidConfigurationRequest", "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [" STICKY ", " STICKY "]}");
	rpc_refused(*state, "ValidationError", "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [" STICKY ", 7]}");
	rpc_refused(*state, "ValidationError", "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [{'Key': 'stickiness.enabled', 'Value': "
	        "true}]}");
	rpc_refused(*state, "MissingParameter", "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [" STICKY ", {'Key': 'a'}]}");
	rpc_refused(*state, "ValidationError", "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': []}");
	rpc_refused(*state, "TargetGroupNotFound", "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'none', 'Attributes': [" STICKY "]}");
	rpc_refused(*state, "TargetGroupNotFound", "DescribeTargetGroupAttributes",
	        "{'TargetGroupArn': 'none'}");
	rpc_ok(*state, "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [" STICKY "]}");
	rpc_same(*state, "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [" STICKY "]}");
}

static void test_at_most_20_attributes_in_a_call(void **state)
{
	char list[2048] = "";
	size_t at = 0;

	rpc_ok(*state, "CreateTargetGroup", "{" WEB "}");
	for (int i = 0; i < 21; i++)
		at += (size_t)snprintf(
		        list + at, sizeof(list) - at, "%s{'Key': 'k', 'Value': 'v'}", i ? "," : "");
	rpc_refused(*state, "ValidationError", "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [%s]}", list);
}

static void test_describe_filters_by_name_arn_and_load_balancer(void **state)
{
	json_t *result;

	rpc_ok(*state, "CreateTargetGroup", "{" WEB "}");
	result = rpc_result(
	        *state, "CreateTargetGroup", "{'Name': 'dns', 'Protocol': 'UDP', 'Port': 53}");
	rpc_ok(*state, "CreateLoadBalancer", "{'Name': 'lb', 'Subnets': ['front-a']}");
	rpc_ok(*state, "CreateListener",
	        "{'LoadBalancerArn': 'lb', 'Protocol': 'TCP', 'Port': 80, 'DefaultActions': "
	        "[{'Type': 'forward', 'TargetGroupArn': 'web'}]}");
	json_decref(rpc_result(*state, "DescribeTargetGroups", "{'TargetGroupArns': ['%s']}",
	        text(only(result), "TargetGroupArn")));
	json_decref(result);
	result = rpc_result(*state, "DescribeTargetGroups", "{'Names': ['dns']}");
	assert_string_equal(text(only(result), "TargetGroupName"), "dns");
	json_decref(result);
	result = rpc_result(*state, "DescribeTargetGroups", "{'LoadBalancerArn': 'lb'}");
	assert_string_equal(text(only(result), "TargetGroupName"), "web");
	assert_int_equal(json_array_size(json_object_get(only(result), "LoadBalancerArns")), 1);
	json_decref(result);
	result = rpc_result(*state, "DescribeTargetGroups", "{'Names': ['dns', 'web']}");
	assert_int_equal(json_array_size(json_object_get(result, "TargetGroups")), 2);
	json_decref(result);
	rpc_refused(*state, "TargetGroupNotFound", "DescribeTargetGroups",
	        "{'Names': ['dns', 'none']}");
	rpc_refused(*state, "LoadBalancerNotFound", "DescribeTargetGroups",
	        "{'LoadBalancerArn': 'none'}");
	rpc_refused(*state, "ValidationError", "DescribeTargetGroups", "{'Names': [7]}");
	rpc_refused(*state, "ValidationError", "DescribeTargetGroups", "{'Names': 'dns'}");
	rpc_refused(
	        *state, "InvalidConfigurationRequest", "DescribeTargetGroups", "{'Marker': 'x'}");
}

static void test_delete_needs_a_group_without_listeners(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *result;

	rpc_ok(rig, "CreateTargetGroup", "{" WEB "}");
	rpc_ok(rig, "RegisterTargets", "{'TargetGroupArn': 'web', 'Targets': ['10.1.0.11']}");
	rpc_ok(rig, "CreateLoadBalancer", "{'Name': 'lb', 'Subnets': ['front-a']}");
	result = rpc_result(rig, "CreateListener",
	        "{'LoadBalancerArn': 'lb', 'Protocol': 'TCP', 'Port': 80, 'DefaultActions': "
	        "[{'Type': 'forward', 'TargetGroupArn': 'web'}]}");
	rpc_refused(rig, "ResourceInUse", "DeleteTargetGroup", "{'TargetGroupArn': 'web'}");
	rpc_ok(rig, "DeleteListener", "{'ListenerArn': '%s'}",
	        text(json_array_get(json_object_get(result, "Listeners"), 0), "ListenerArn"));
	json_decref(result);
	assert_int_equal(cp_slots_free(rig->model), 63);
	rpc_ok(rig, "DeleteTargetGroup", "{'TargetGroupArn': 'web'}");
	assert_int_equal(cp_slots_free(rig->model), 64);
	rpc_refused(rig, "TargetGroupNotFound", "DescribeTargetGroups", "{'Names': ['web']}");
	rpc_same(rig, "DeleteTargetGroup", "{'TargetGroupArn': 'web'}");
	rpc_refused(rig, "MissingParameter", "DeleteTargetGroup", "{}");
}

static void test_a_group_made_anew_has_another_arn(void **state)
{
	json_t *first = rpc_result(*state, "CreateTargetGroup", "{" WEB "}"), *second;

	rpc_ok(*state, "DeleteTargetGroup", "{'TargetGroupArn': '%s'}",
	        text(only(first), "TargetGroupArn"));
	second = rpc_result(*state, "CreateTargetGroup", "{" WEB "}");
	assert_string_not_equal(
	        text(only(first), "TargetGroupArn"), text(only(second), "TargetGroupArn"));
	json_decref(first);
	json_decref(second);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rpc_setup, rpc_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(test_create_fills_in_elbv2_defaults),
	        TEST(test_http_defaults_differ_from_https),
	        TEST(test_every_setting_comes_back),
	        TEST(test_health_check_ranges_end_where_elbv2_says),
	        TEST(test_path_has_at_most_1024_characters),
	        TEST(test_path_and_matcher_need_http),
	        TEST(test_names_follow_elbv2_rules),
	        TEST(test_create_names_what_is_wrong),
	        TEST(test_create_is_idempotent),
	        TEST(test_any_other_setting_makes_a_duplicate),
	        TEST(test_modify_changes_every_setting),
	        TEST(test_modify_changes_what_it_names_alone),
	        TEST(test_modify_of_the_same_changes_nothing),
	        TEST(test_modify_is_all_or_nothing),
	        TEST(test_timeout_in_force_never_exceeds_the_interval),
	        TEST(test_the_latest_word_on_the_interval_counts),
	        TEST(test_attribute_defaults_are_elbv2s),
	        TEST(test_attributes_take_their_whole_range_and_no_more),
	        TEST(test_attributes_are_all_or_nothing),
	        TEST(test_at_most_20_attributes_in_a_call),
	        TEST(test_describe_filters_by_name_arn_and_load_balancer),
	        TEST(test_delete_needs_a_group_without_listeners),
	        TEST(test_a_group_made_anew_has_another_arn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
