/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Methods of listeners: places, protocols, families, actions, attributes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rpc_fixture.h"

#define FORWARD(group) "'DefaultActions': [{'Type': 'forward', 'TargetGroupArn': '" group "'}]"
#define ARN_LEN        192

/* Load balancers "lb" (two zones, IPv4), "dual" (one zone, dualstack), "other"; a group of each
 * protocol and family: tcp4, udp4, both4, tcp6, udp6, both6, and "spare4" (TCP). */
static int setup(void **state)
{
	static const char *const names[] = {"tcp", "udp", "both"};
	static const char *const protocols[] = {"TCP", "UDP", "TCP_UDP"};

	rpc_setup(state);
	rpc_ok(*state, "CreateLoadBalancer", "{'Name': 'lb', 'Subnets': ['front-a', 'front-b']}");
	rpc_ok(*state, "CreateLoadBalancer",
	        "{'Name': 'dual', 'Subnets': ['front-a'], 'IpAddressType': 'dualstack'}");
	rpc_ok(*state, "CreateLoadBalancer", "{'Name': 'other', 'Subnets': ['front-a']}");
	for (size_t i = 0; i < 6; i++)
		rpc_ok(*state, "CreateTargetGroup",
		        "{'Name': '%s%d', 'Protocol': '%s', 'Port': 80, 'IpAddressType': '%s'}",
		        names[i / 2], i % 2 ? 6 : 4, protocols[i / 2], i % 2 ? "ipv6" : "ipv4");
	rpc_ok(*state, "CreateTargetGroup", "{'Name': 'spare4', 'Protocol': 'TCP', 'Port': 80}");
	return 0;
}

/* Copies the ARN of the one listener of an answer, which it releases. */
static void take_arn(json_t *result, char arn[ARN_LEN])
{
	const json_t *list = json_object_get(result, "Listeners");
	const char *text =
	        json_string_value(json_object_get(json_array_get(list, 0), "ListenerArn"));

	assert_int_equal(json_array_size(list), 1);
	snprintf(arn, ARN_LEN, "%s", text);
	json_decref(result);
}

static void make(struct rpc_rig *rig, const char *lb, const char *protocol, int port,
        const char *group, char arn[ARN_LEN])
{
	take_arn(rpc_result(rig, "CreateListener",
	                 "{'LoadBalancerArn': '%s', 'Protocol': '%s', 'Port': %d, "
	                 "'DefaultActions': [{'Type': 'forward', 'TargetGroupArn': '%s'}]}",
	                 lb, protocol, port, group),
	        arn);
}

static void refuse_make(struct rpc_rig *rig, const char *code, const char *lb, const char *protocol,
        int port, const char *group)
{
	rpc_refused(rig, code, "CreateListener",
	        "{'LoadBalancerArn': '%s', 'Protocol': '%s', 'Port': %d, 'DefaultActions': "
	        "[{'Type': 'forward', 'TargetGroupArn': '%s'}]}",
	        lb, protocol, port, group);
}

static const struct cp_listener *find(struct rpc_rig *rig, const char *arn)
{
	const struct cp_listener *listener = cp_listener_find(rig->model, arn);

	assert_non_null(listener);
	return listener;
}

static const struct cp_target_group *group(struct rpc_rig *rig, const char *name)
{
	return cp_group_find(rig->model, name);
}

static void test_create_has_elbv2s_shape(void **state)
{
	struct rpc_rig *rig = *state;
	const char *lb = cp_lb_find(rig->model, "lb")->arn, *tcp = group(rig, "tcp4")->arn;
	json_t *result = rpc_result(rig, "CreateListener",
	        "{'LoadBalancerArn': '%s', 'Protocol': 'TCP', 'Port': 80, 'DefaultActions': "
	        "[{'Type': 'forward', 'TargetGroupArn': '%s', 'Order': 1}]}",
	        lb, tcp);
	json_t *item = json_array_get(json_object_get(result, "Listeners"), 0), *expected;
	const char *arn = json_string_value(json_object_get(item, "ListenerArn"));

	assert_non_null(strstr(arn, ":listener/net/lb/"));
	expected = json_pack("{s:s, s:s, s:i, s:s, s:[{s:s, s:s, s:i, s:{s:[{s:s, s:i}]}}]}",
	        "ListenerArn", arn, "LoadBalancerArn", lb, "Port", 80, "Protocol", "TCP",
	        "DefaultActions", "Type", "forward", "TargetGroupArn", tcp, "Order", 1,
	        "ForwardConfig", "TargetGroups", "TargetGroupArn", tcp, "Weight", 1);
	assert_true(json_equal(item, expected));
	json_decref(expected);
	json_decref(result);
}

static void test_create_names_what_is_wrong(void **state)
{
	rpc_refused(*state, "MissingParameter", "CreateListener",
	        "{'Protocol': 'TCP', 'Port': 80, " FORWARD("tcp4") "}");
	rpc_refused(*state, "MissingParameter", "CreateListener",
	        "{'LoadBalancerArn': 'lb', 'Port': 80, " FORWARD("tcp4") "}");
	rpc_refused(*state, "MissingParameter", "CreateListener",
	        "{'LoadBalancerArn': 'lb', 'Protocol': 'TCP', " FORWARD("tcp4") "}");
	rpc_refused(*state, "MissingParameter", "CreateListener",
	        "{'LoadBalancerArn': 'lb', 'Protocol': 'TCP', 'Port': 80}");
	refuse_make(*state, "ValidationError", "lb", "TCP", 0, "tcp4");
	refuse_make(*state, "ValidationError", "lb", "TCP", 65536, "tcp4");
	refuse_make(*state, "ValidationError", "lb", "TCP", -1, "tcp4");
	refuse_make(*state, "UnsupportedProtocol", "lb", "TLS", 80, "tcp4");
	refuse_make(*state, "UnsupportedProtocol", "lb", "QUIC", 80, "tcp4");
	refuse_make(*state, "LoadBalancerNotFound", "none", "TCP", 80, "tcp4");
	refuse_make(*state, "TargetGroupNotFound", "lb", "TCP", 80, "none");
	rpc_refused(*state, "InvalidConfigurationRequest", "CreateListener",
	        "{'LoadBalancerArn': 'lb', 'Protocol': 'TCP', 'Port': 80, 'Certificates': "
	        "[], " FORWARD("tcp4") "}");
}

static void refuse_actions(struct rpc_rig *rig, const char *code, const char *actions)
{
	rpc_refused(rig, code, "CreateListener",
	        "{'LoadBalancerArn': 'lb', 'Protocol': 'TCP', 'Port': 80, 'DefaultActions': %s}",
	        actions);
}

static void test_one_forward_action_alone_is_right(void **state)
{
#define TO_TCP4 "{'Type': 'forward', 'TargetGroupArn': 'tcp4'}"
	refuse_actions(*state, "ValidationError", "[]");
	refuse_actions(*state, "ValidationError", "[" TO_TCP4 ", " TO_TCP4 "]");
	refuse_actions(*state, "ValidationError", TO_TCP4);
	refuse_actions(*state, "ValidationError", "['tcp4']");
	refuse_actions(*state, "ValidationError", "[[[[[[]]]]]]");
	refuse_actions(*state, "MissingParameter", "[{'TargetGroupArn': 'tcp4'}]");
	refuse_actions(*state, "MissingParameter", "[{'Type': 'forward'}]");
	refuse_actions(*state, "InvalidConfigurationRequest",
	        "[{'Type': 'redirect', 'TargetGroupArn': 'tcp4'}]");
	refuse_actions(*state, "InvalidConfigurationRequest",
	        "[{'Type': 'forward', 'TargetGroupArn': 'tcp4', 'Order': 2}]");
	refuse_actions(*state, "ValidationError",
	        "[{'Type': 'forward', 'TargetGroupArn': 'tcp4', 'RedirectConfig': {}}]");
	refuse_actions(*state, "ValidationError",
	        "[{'Type': 'forward', 'TargetGroupArn': 'tcp4\\u0000'}]");
}

#define CONFIG(text) "[{'Type': 'forward', 'ForwardConfig': " text "}]"

static void test_forward_config_names_one_group(void **state)
{
	char arn[ARN_LEN];

	refuse_actions(*state, "MissingParameter", CONFIG("{}"));
	refuse_actions(*state, "ValidationError", CONFIG("{'TargetGroups': []}"));
	refuse_actions(*state, "ValidationError", CONFIG("{'TargetGroups': ['tcp4']}"));
	refuse_actions(*state, "MissingParameter", CONFIG("{'TargetGroups': [{'Weight': 1}]}"));
	refuse_actions(*state, "InvalidConfigurationRequest",
	        CONFIG("{'TargetGroups': [{'TargetGroupArn': 'tcp4', 'Weight': 1000}]}"));
	refuse_actions(*state, "InvalidConfigurationRequest",
	        CONFIG("{'TargetGroups': [{'TargetGroupArn': 'tcp4', 'Weight': 0}]}"));
	refuse_actions(*state, "InvalidConfigurationRequest",
	        CONFIG("{'TargetGroups': [{'TargetGroupArn': 'tcp4'}, {'TargetGroupArn': "
	               "'spare4'}]}"));
	refuse_actions(*state, "InvalidConfigurationRequest",
	        CONFIG("{'TargetGroups': [{'TargetGroupArn': 'tcp4'}], "
	               "'TargetGroupStickinessConfig': {'Enabled': true}}"));
	refuse_actions(*state, "InvalidConfigurationRequest",
	        "[{'Type': 'forward', 'TargetGroupArn': 'spare4', 'ForwardConfig': "
	        "{'TargetGroups': [{'TargetGroupArn': 'tcp4'}]}}]");
	take_arn(rpc_result(*state, "CreateListener",
	                 "{'LoadBalancerArn': 'lb', 'Protocol': 'TCP', 'Port': 80, "
	                 "'DefaultActions': [{'Type': 'forward', 'TargetGroupArn': 'tcp4', "
	                 "'ForwardConfig': {'TargetGroups': [{'TargetGroupArn': '%s', 'Weight': "
	                 "1}], 'TargetGroupStickinessConfig': {'Enabled': false}}}]}",
	                 group(*state, "tcp4")->arn),
	        arn);
	assert_ptr_equal(find(*state, arn)->group, group(*state, "tcp4"));
}

static void test_protocols_fit_as_elbv2s_table_says(void **state)
{
	static const struct {
		const char *protocol;
		bool tcp, udp, both; /* which groups fit */
	} cases[] = {{"TCP", true, false, true}, {"UDP", false, true, true},
	        {"TCP_UDP", false, false, true}};
	static const char *const groups[] = {"tcp4", "udp4", "both4"};

	for (int i = 0; i < 3; i++) {
		const bool fits[] = {cases[i].tcp, cases[i].udp, cases[i].both};
		char arn[ARN_LEN];

		for (int g = 0; g < 3; g++) {
			if (fits[g])
				make(*state, "lb", cases[i].protocol, 100 + 10 * i + g, groups[g],
				        arn);
			else
				refuse_make(*state, "IncompatibleProtocols", "lb",
				        cases[i].protocol, 100 + 10 * i + g, groups[g]);
		}
	}
}

static void test_create_is_idempotent(void **state)
{
	struct rpc_rig *rig = *state;
	char first[ARN_LEN], again[ARN_LEN];

	make(rig, "lb", "TCP", 80, "tcp4", first);
	rig->now_ms += 1000;
	rpc_same(rig, "CreateListener",
	        "{'LoadBalancerArn': 'lb', 'Protocol': 'TCP', 'Port': 80, " FORWARD("tcp4") "}");
	make(rig, "lb", "TCP", 80, "tcp4", again);
	assert_string_equal(first, again);
}

static void test_a_place_has_one_listener(void **state)
{
	char arn[ARN_LEN];

	make(*state, "lb", "TCP", 80, "tcp4", arn);
	refuse_make(*state, "DuplicateListener", "lb", "TCP", 80, "spare4");
	refuse_make(*state, "DuplicateListener", "lb", "TCP_UDP", 80, "both4");
	make(*state, "lb", "UDP", 80, "both4", arn);
	refuse_make(*state, "DuplicateListener", "lb", "UDP", 80, "udp4");
	make(*state, "lb", "TCP_UDP", 81, "both4", arn);
	refuse_make(*state, "DuplicateListener", "lb", "TCP", 81, "both4");
	refuse_make(*state, "DuplicateListener", "lb", "UDP", 81, "both4");
}

static void test_dualstack_serves_a_port_in_both_families(void **state)
{
	struct rpc_rig *rig = *state;
	char v4[ARN_LEN], v6[ARN_LEN];

	make(rig, "dual", "TCP", 80, "tcp4", v4);
	make(rig, "dual", "TCP", 80, "tcp6", v6);
	assert_string_not_equal(v4, v6);
	assert_true(lb_ip_is_v4(cp_listener_vip(find(rig, v4), 0)));
	assert_false(lb_ip_is_v4(cp_listener_vip(find(rig, v6), 0)));
	refuse_make(rig, "InvalidConfigurationRequest", "lb", "TCP", 80, "both6");
}

static void test_a_group_belongs_to_one_load_balancer(void **state)
{
	struct rpc_rig *rig = *state;
	char arn[ARN_LEN], second[ARN_LEN];

	make(rig, "lb", "TCP", 80, "tcp4", arn);
	make(rig, "lb", "TCP", 81, "tcp4", second);
	assert_int_equal(group(rig, "tcp4")->nb_listeners, 2);
	refuse_make(rig, "TargetGroupAssociationLimit", "other", "TCP", 80, "tcp4");
	rpc_ok(rig, "DeleteListener", "{'ListenerArn': '%s'}", arn);
	refuse_make(rig, "TargetGroupAssociationLimit", "other", "TCP", 80, "tcp4");
	rpc_ok(rig, "DeleteListener", "{'ListenerArn': '%s'}", second);
	assert_null(group(rig, "tcp4")->lb);
	make(rig, "other", "TCP", 80, "tcp4", arn);
}

static void test_the_instance_has_room_for_so_many(void **state)
{
	char arn[ARN_LEN];

	for (int i = 0; i < 16; i++)
		make(*state, "lb", "TCP", 1000 + i, "tcp4", arn);
	refuse_make(*state, "TooManyListeners", "lb", "TCP", 2000, "tcp4");
	rpc_ok(*state, "DeleteListener", "{'ListenerArn': '%s'}", arn);
	make(*state, "lb", "TCP", 2000, "tcp4", arn);
}

static void test_the_tables_have_room_for_so_many_places(void **state)
{
	struct rpc_rig *rig = *state;
	char arn[ARN_LEN];

	make(rig, "lb", "TCP_UDP", 53, "both4", arn);
	assert_int_equal(rig->model->nb_rows, 4); /* two addresses, two protocols */
	rig->model->nb_rows = LB_MAX_LISTENERS - 1;
	refuse_make(rig, "TooManyListeners", "lb", "TCP", 80, "tcp4");
	/* A listener that moves gives its own places up. */
	rpc_ok(rig, "ModifyListener", "{'ListenerArn': '%s', 'Port': 54}", arn);
	rig->model->nb_rows = 4;
	rpc_ok(rig, "ModifyListener", "{'ListenerArn': '%s', 'Protocol': 'UDP'}", arn);
	assert_int_equal(rig->model->nb_rows, 2);
	rpc_ok(rig, "DeleteListener", "{'ListenerArn': '%s'}", arn);
	assert_int_equal(rig->model->nb_rows, 0);
}

static void test_modify_moves_a_listener(void **state)
{
	struct rpc_rig *rig = *state;
	char arn[ARN_LEN], other[ARN_LEN];
	uint32_t slot;

	make(rig, "lb", "TCP", 80, "tcp4", arn);
	make(rig, "lb", "TCP", 81, "spare4", other);
	slot = find(rig, arn)->slot;
	rpc_refused(rig, "DuplicateListener", "ModifyListener", "{'ListenerArn': '%s', 'Port': 81}",
	        arn);
	rpc_ok(rig, "ModifyListener", "{'ListenerArn': '%s', 'Port': 8080}", arn);
	assert_int_equal(find(rig, arn)->port, 8080);
	assert_int_equal(find(rig, arn)->slot, slot);
	/* The old place is free again, and who takes it is somebody else. */
	make(rig, "lb", "TCP", 80, "tcp4", other);
	assert_string_not_equal(arn, other);
}

static void test_modify_changes_protocol_and_group(void **state)
{
	struct rpc_rig *rig = *state;
	char arn[ARN_LEN];

	make(rig, "lb", "TCP", 53, "tcp4", arn);
	rpc_refused(rig, "IncompatibleProtocols", "ModifyListener",
	        "{'ListenerArn': '%s', 'Protocol': 'UDP'}", arn);
	rpc_ok(rig, "ModifyListener",
	        "{'ListenerArn': '%s', 'Protocol': 'TCP_UDP', " FORWARD("both4") "}", arn);
	assert_int_equal(find(rig, arn)->protocol, CP_TCP_UDP);
	assert_int_equal(group(rig, "tcp4")->nb_listeners, 0);
	assert_null(group(rig, "tcp4")->lb);
	assert_int_equal(group(rig, "both4")->nb_listeners, 1);
	rpc_ok(rig, "ModifyListener", "{'ListenerArn': '%s', 'Protocol': 'UDP'}", arn);
	refuse_make(rig, "DuplicateListener", "lb", "UDP", 53, "udp4");
	make(rig, "lb", "TCP", 53, "tcp4", arn);
}

static void test_modify_to_the_other_family(void **state)
{
	struct rpc_rig *rig = *state;
	char arn[ARN_LEN], v6[ARN_LEN];

	make(rig, "dual", "TCP", 80, "tcp4", arn);
	make(rig, "dual", "TCP", 80, "tcp6", v6);
	rpc_refused(rig, "DuplicateListener", "ModifyListener",
	        "{'ListenerArn': '%s', " FORWARD("both6") "}", arn);
	rpc_ok(rig, "DeleteListener", "{'ListenerArn': '%s'}", v6);
	rpc_ok(rig, "ModifyListener", "{'ListenerArn': '%s', " FORWARD("both6") "}", arn);
	assert_false(lb_ip_is_v4(cp_listener_vip(find(rig, arn), 0)));
	make(rig, "dual", "TCP", 80, "tcp4", v6);
	make(rig, "lb", "TCP", 80, "both4", v6);
	rpc_refused(rig, "InvalidConfigurationRequest", "ModifyListener",
	        "{'ListenerArn': '%s', " FORWARD("tcp6") "}", v6);
}

static void test_modify_is_all_or_nothing_and_idempotent(void **state)
{
	char arn[ARN_LEN];

	make(*state, "lb", "TCP", 80, "tcp4", arn);
	rpc_same(*state, "ModifyListener", "{'ListenerArn': '%s'}", arn);
	rpc_same(*state, "ModifyListener",
	        "{'ListenerArn': '%s', 'Protocol': 'TCP', 'Port': 80, " FORWARD("tcp4") "}", arn);
	rpc_refused(*state, "TargetGroupNotFound", "ModifyListener",
	        "{'ListenerArn': '%s', 'Port': 81, " FORWARD("none") "}", arn);
	rpc_refused(*state, "UnsupportedProtocol", "ModifyListener",
	        "{'ListenerArn': '%s', 'Port': 81, 'Protocol': 'TLS'}", arn);
	rpc_refused(*state, "ValidationError", "ModifyListener",
	        "{'ListenerArn': '%s', 'Port': 65536}", arn);
	rpc_refused(*state, "ListenerNotFound", "ModifyListener",
	        "{'ListenerArn': 'none', 'Port': 81}");
	rpc_refused(*state, "MissingParameter", "ModifyListener", "{'Port': 81}");
}

static void test_idle_timeout_goes_from_60_to_6000(void **state)
{
	char arn[ARN_LEN];
	static const char *const right[] = {"60", "6000", "350"};
	static const char *const wrong[] = {"59", "6001", "", "-60", "60.0", "0350"};

	make(*state, "lb", "TCP", 80, "tcp4", arn);
	for (size_t i = 0; i < 3; i++) {
		json_t *set = rpc_result(*state, "ModifyListenerAttributes",
		        "{'ListenerArn': '%s', 'Attributes': [{'Key': "
		        "'tcp.idle_timeout.seconds', 'Value': '%s'}]}",
		        arn, right[i]);
		json_t *got = rpc_result(
		        *state, "DescribeListenerAttributes", "{'ListenerArn': '%s'}", arn);

		assert_true(json_equal(set, got));
		assert_string_equal(rpc_attribute(got, "tcp.idle_timeout.seconds"), right[i]);
		json_decref(set);
		json_decref(got);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		rpc_refused(*state, "InvalidConfigurationRequest", "ModifyListenerAttributes",
		        "{'ListenerArn': '%s', 'Attributes': [{'Key': "
		        "'tcp.idle_timeout.seconds', 'Value': '%s'}]}",
		        arn, wrong[i]);
	rpc_refused(*state, "ListenerNotFound", "DescribeListenerAttributes",
	        "{'ListenerArn': 'none'}");
}

static void test_udp_has_no_idle_timeout_to_set(void **state)
{
	char arn[ARN_LEN];
	json_t *result;

	make(*state, "lb", "TCP", 53, "both4", arn);
#define IDLE_100 "'Attributes': [{'Key': 'tcp.idle_timeout.seconds', 'Value': '100'}]"
	rpc_ok(*state, "ModifyListenerAttributes", "{'ListenerArn': '%s', " IDLE_100 "}", arn);
	rpc_ok(*state, "ModifyListener", "{'ListenerArn': '%s', 'Protocol': 'UDP'}", arn);
	result = rpc_result(*state, "DescribeListenerAttributes", "{'ListenerArn': '%s'}", arn);
	assert_int_equal(json_array_size(json_object_get(result, "Attributes")), 0);
	json_decref(result);
	rpc_refused(*state, "InvalidConfigurationRequest", "ModifyListenerAttributes",
	        "{'ListenerArn': '%s', " IDLE_100 "}", arn);
	/* What was set for TCP is forgotten, not lying in wait. */
	rpc_ok(*state, "ModifyListener", "{'ListenerArn': '%s', 'Protocol': 'TCP_UDP'}", arn);
	result = rpc_result(*state, "DescribeListenerAttributes", "{'ListenerArn': '%s'}", arn);
	assert_string_equal(rpc_attribute(result, "tcp.idle_timeout.seconds"), "350");
	json_decref(result);
}

static size_t nb_listed(struct rpc_rig *rig, const char *key, const char *value)
{
	json_t *result = rpc_result(rig, "DescribeListeners", "{'%s': %s}", key, value);
	size_t n = json_array_size(json_object_get(result, "Listeners"));

	json_decref(result);
	return n;
}

static void test_describe_filters(void **state)
{
	struct rpc_rig *rig = *state;
	char arn[ARN_LEN], list[ARN_LEN + 8];

	make(rig, "lb", "TCP", 80, "tcp4", arn);
	make(rig, "lb", "UDP", 80, "udp4", arn);
	make(rig, "dual", "TCP", 80, "spare4", arn);
	snprintf(list, sizeof(list), "['%s']", arn);
	assert_int_equal(nb_listed(rig, "LoadBalancerArn", "'lb'"), 2);
	assert_int_equal(nb_listed(rig, "LoadBalancerArn", "'other'"), 0);
	assert_int_equal(nb_listed(rig, "ListenerArns", list), 1);
	rpc_refused(rig, "ListenerNotFound", "DescribeListeners", "{'ListenerArns': ['none']}");
	rpc_refused(rig, "ValidationError", "DescribeListeners", "{'ListenerArns': [{}]}");
	rpc_refused(
	        rig, "LoadBalancerNotFound", "DescribeListeners", "{'LoadBalancerArn': 'none'}");
	rpc_refused(rig, "InvalidConfigurationRequest", "DescribeListeners", "{'PageSize': 100}");
}

static void test_delete_frees_place_slot_and_group(void **state)
{
	struct rpc_rig *rig = *state;
	char arn[ARN_LEN], again[ARN_LEN];
	uint32_t slot;

	make(rig, "lb", "TCP", 80, "tcp4", arn);
	slot = find(rig, arn)->slot;
	rpc_ok(rig, "DeleteListener", "{'ListenerArn': '%s'}", arn);
	rpc_refused(rig, "ListenerNotFound", "DeleteListener", "{'ListenerArn': '%s'}", arn);
	assert_int_equal(group(rig, "tcp4")->nb_listeners, 0);
	make(rig, "lb", "TCP", 80, "tcp4", again);
	assert_int_equal(find(rig, again)->slot, slot);
	assert_string_not_equal(arn, again);
}

static void test_a_load_balancer_takes_its_listeners_along(void **state)
{
	struct rpc_rig *rig = *state;
	char arn[ARN_LEN];

	make(rig, "lb", "TCP", 80, "tcp4", arn);
	make(rig, "lb", "UDP", 80, "udp4", arn);
	make(rig, "lb", "TCP_UDP", 81, "both4", arn);
	make(rig, "dual", "TCP", 80, "spare4", arn);
	rpc_ok(rig, "DeleteLoadBalancer", "{'LoadBalancerArn': 'lb'}");
	assert_int_equal(HASH_COUNT(rig->model->listeners), 1);
	assert_int_equal(rig->model->nb_rows, 1);
	assert_null(group(rig, "tcp4")->lb);
	assert_null(group(rig, "udp4")->lb);
	assert_null(group(rig, "both4")->lb);
	make(rig, "other", "TCP_UDP", 81, "both4", arn);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rpc_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(test_create_has_elbv2s_shape),
	        TEST(test_create_names_what_is_wrong),
	        TEST(test_one_forward_action_alone_is_right),
	        TEST(test_forward_config_names_one_group),
	        TEST(test_protocols_fit_as_elbv2s_table_says),
	        TEST(test_create_is_idempotent),
	        TEST(test_a_place_has_one_listener),
	        TEST(test_dualstack_serves_a_port_in_both_families),
	        TEST(test_a_group_belongs_to_one_load_balancer),
	        TEST(test_the_instance_has_room_for_so_many),
	        TEST(test_the_tables_have_room_for_so_many_places),
	        TEST(test_modify_moves_a_listener),
	        TEST(test_modify_changes_protocol_and_group),
	        TEST(test_modify_to_the_other_family),
	        TEST(test_modify_is_all_or_nothing_and_idempotent),
	        TEST(test_idle_timeout_goes_from_60_to_6000),
	        TEST(test_udp_has_no_idle_timeout_to_set),
	        TEST(test_describe_filters),
	        TEST(test_delete_frees_place_slot_and_group),
	        TEST(test_a_load_balancer_takes_its_listeners_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
