/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Load balancers as a caller sees them: defaults, addresses, errors, idempotence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "rpc_fixture.h"

#define CREATE(rest) "{'Name': 'web', " rest "}"

static const char *text(const json_t *from, const char *key)
{
	const char *value = json_string_value(json_object_get(from, key));

	assert_non_null(value);
	return value;
}

/* The address of a family in the i-th zone of a result's only load balancer. */
static const char *address(const json_t *result, size_t i, const char *key)
{
	const json_t *lb = json_array_get(json_object_get(result, "LoadBalancers"), 0);
	const json_t *zone = json_array_get(json_object_get(lb, "AvailabilityZones"), i);

	return text(json_array_get(json_object_get(zone, "LoadBalancerAddresses"), 0), key);
}

static void assert_address(
        struct rpc_rig *rig, const char *params, size_t zone, const char *key, const char *wanted)
{
	json_t *result = rpc_result(rig, "CreateLoadBalancer", "%s", params);

	assert_string_equal(address(result, zone, key), wanted);
	json_decref(result);
}

static void the_least_that_it_needs_is_name_and_subnets(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *result = rpc_result(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));
	const json_t *lb = json_array_get(json_object_get(result, "LoadBalancers"), 0);

	assert_string_equal(text(lb, "LoadBalancerName"), "web");
	assert_string_equal(text(lb, "Scheme"), "internet-facing");
	assert_string_equal(text(lb, "Type"), "network");
	assert_string_equal(text(lb, "IpAddressType"), "ipv4");
	assert_string_equal(text(lb, "CreatedTime"), "2023-11-14T22:13:20.000000+00:00");
	assert_string_equal(text(json_object_get(lb, "State"), "Code"), "active");
	assert_null(json_object_get(lb, "VpcId"));
	assert_string_equal(address(result, 0, "IpAddress"), "10.90.0.10");
	json_decref(result);
}

static void vpc_id_is_echoed(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *result = rpc_result(
	        rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a'], 'VpcId': 'vpc-1'"));

	assert_string_equal(
	        text(json_array_get(json_object_get(result, "LoadBalancers"), 0), "VpcId"),
	        "vpc-1");
	json_decref(result);
}

static void the_address_is_the_lowest_free_one(void **state)
{
	struct rpc_rig *rig = *state;

	assert_address(rig, "{'Name': 'a', 'Subnets': ['front-a']}", 0, "IpAddress", "10.90.0.10");
	assert_address(rig, "{'Name': 'b', 'Subnets': ['front-a']}", 0, "IpAddress", "10.90.0.11");
	assert_address(rig, "{'Name': 'c', 'Subnets': ['front-a']}", 0, "IpAddress", "10.90.0.12");
	rpc_refused(rig, "InvalidSubnet", "CreateLoadBalancer",
	        "{'Name': 'd', 'Subnets': ['front-a']}");
	rpc_ok(rig, "DeleteLoadBalancer", "{'LoadBalancerArn': 'b'}");
	rpc_ok(rig, "DeleteLoadBalancer", "{'LoadBalancerArn': 'a'}");
	assert_address(rig, "{'Name': 'd', 'Subnets': ['front-a']}", 0, "IpAddress", "10.90.0.10");
}

static void a_named_address_is_skipped_by_the_free_range(void **state)
{
	struct rpc_rig *rig = *state;

	assert_address(rig,
	        "{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'PrivateIPv4Address': "
	        "'10.90.0.10'}]}",
	        0, "IpAddress", "10.90.0.10");
	assert_address(rig, "{'Name': 'b', 'Subnets': ['front-a']}", 0, "IpAddress", "10.90.0.11");
	rpc_refused(rig, "InvalidConfigurationRequest", "CreateLoadBalancer",
	        "{'Name': 'c', 'SubnetMappings': [{'SubnetId': 'front-a', 'PrivateIPv4Address': "
	        "'10.90.0.11'}]}");
}

static void a_static_address_goes_to_who_names_it(void **state)
{
	struct rpc_rig *rig = *state;
	const char *params = "{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', "
	                     "'AllocationId': 'alloc-a4'}]}";

	assert_address(rig, params, 0, "IpAddress", "10.90.0.200");
	assert_address(rig, params, 0, "AllocationId", "alloc-a4");
	rpc_refused(rig, "InvalidConfigurationRequest", "CreateLoadBalancer",
	        "{'Name': 'b', 'SubnetMappings': [{'SubnetId': 'front-a', 'AllocationId': "
	        "'alloc-a4'}]}");
	rpc_refused(rig, "AllocationIdNotFound", "CreateLoadBalancer",
	        "{'Name': 'b', 'SubnetMappings': [{'SubnetId': 'front-a', 'AllocationId': "
	        "'alloc-z'}]}");
	rpc_refused(rig, "AllocationIdNotFound", "CreateLoadBalancer",
	        "{'Name': 'b', 'SubnetMappings': [{'SubnetId': 'front-b', 'AllocationId': "
	        "'alloc-a4'}]}");
}

static void a_static_ipv6_address_leaves_ipv4_to_the_free_range(void **state)
{
	struct rpc_rig *rig = *state;
	const char *params = CREATE("'IpAddressType': 'dualstack', 'SubnetMappings': "
	                            "[{'SubnetId': 'front-a', 'AllocationId': 'alloc-a6'}]");

	assert_address(rig, params, 0, "IPv6Address", "fd90::200");
	assert_address(rig, params, 0, "IpAddress", "10.90.0.10");
}

static void dualstack_has_an_address_of_each_family(void **state)
{
	struct rpc_rig *rig = *state;
	const char *params = CREATE("'Subnets': ['front-a', 'front-b'], "
	                            "'IpAddressType': 'dualstack'");

	assert_address(rig, params, 0, "IpAddress", "10.90.0.10");
	assert_address(rig, params, 0, "IPv6Address", "fd90::10");
	assert_address(rig, params, 1, "IpAddress", "10.90.1.10");
	assert_address(rig, params, 1, "IPv6Address", "fd91::10");
}

static void an_ipv6_address_can_be_named(void **state)
{
	struct rpc_rig *rig = *state;
	assert_address(rig,
	        CREATE("'IpAddressType': 'dualstack', 'SubnetMappings': [{'SubnetId': 'front-a', "
	               "'IPv6Address': 'fd90::99'}]"),
	        0, "IPv6Address", "fd90::99");
}

static void an_internal_subnet_makes_it_internal(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *result = rpc_result(rig, "CreateLoadBalancer", CREATE("'Subnets': ['inside']"));

	assert_string_equal(
	        text(json_array_get(json_object_get(result, "LoadBalancers"), 0), "Scheme"),
	        "internal");
	json_decref(result);
	rpc_refused(rig, "InvalidSubnet", "CreateLoadBalancer",
	        "{'Name': 'b', 'Scheme': 'internet-facing', 'Subnets': ['inside']}");
}

static void a_name_must_fit(void **state)
{
	struct rpc_rig *rig = *state;
	static const char *const wrong[] = {"''", "'-a'", "'a-'", "'a_b'", "'internal-a'", "'a b'",
	        "'\u00e4'", "'abcdefghijklmnopqrstuvwxyzabcdefg'", "7", "null", "['a']"};
	char params[160];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(params, sizeof(params), "{'Name': %s, 'Subnets': ['front-a']}", wrong[i]);
		rpc_refused(rig, "ValidationError", "CreateLoadBalancer", "%s", params);
	}
	rpc_ok(rig, "CreateLoadBalancer",
	        "{'Name': 'abcdefghijklmnopqrstuvwxyzABCD90', 'Subnets': ['front-a']}");
}

static void what_does_not_work_is_refused(void **state)
{
	struct rpc_rig *rig = *state;
	static const struct {
		const char *params, *code;
	} wrong[] = {
	        {"{}", "MissingParameter"},
	        {"{'Name': 'a'}", "MissingParameter"},
	        {"{'Subnets': ['front-a']}", "MissingParameter"},
	        {"{'Name': 'a', 'Subnets': []}", "ValidationError"},
	        {"{'Name': 'a', 'Subnets': 'front-a'}", "ValidationError"},
	        {"{'Name': 'a', 'Subnets': [7]}", "ValidationError"},
	        {"{'Name': 'a', 'Subnets': [['front-a']]}", "ValidationError"},
	        {"{'Name': 'a', 'Subnets': ['subnet-z']}", "SubnetNotFound"},
	        {"{'Name': 'a', 'Subnets': ['front-a', 'front-a']}", "InvalidConfigurationRequest"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a'}, {'SubnetId': "
	         "'back-a', 'PrivateIPv4Address': '10.1.0.5'}]}",
	                "InvalidConfigurationRequest"},
	        {"{'Name': 'a', 'Subnets': ['front-a', 'inside']}", "InvalidSubnet"},
	        {"{'Name': 'a', 'Subnets': ['back-a']}", "InvalidSubnet"},
	        {"{'Name': 'a', 'Subnets': ['front-a'], 'SubnetMappings': [{'SubnetId': "
	         "'front-b'}]}",
	                "InvalidParameterCombination"},
	        {"{'Name': 'a', 'SubnetMappings': [{}]}", "MissingParameter"},
	        {"{'Name': 'a', 'SubnetMappings': ['front-a']}", "ValidationError"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'Foo': 1}]}",
	                "ValidationError"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'SourceNatIpv6Prefix': "
	         "'x'}]}",
	                "InvalidConfigurationRequest"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'PrivateIPv4Address': "
	         "'10.90.0.256'}]}",
	                "ValidationError"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'PrivateIPv4Address': "
	         "'fd90::1'}]}",
	                "ValidationError"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'PrivateIPv4Address': "
	         "'10.91.0.1'}]}",
	                "InvalidSubnet"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'PrivateIPv4Address': "
	         "'10.90.0.255'}]}",
	                "InvalidSubnet"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'PrivateIPv4Address': "
	         "'10.90.0.0'}]}",
	                "InvalidSubnet"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'IPv6Address': "
	         "'fd90::1'}]}",
	                "InvalidConfigurationRequest"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'AllocationId': "
	         "'alloc-a4', 'PrivateIPv4Address': '10.90.0.10'}]}",
	                "InvalidParameterCombination"},
	        {"{'Name': 'a', 'SubnetMappings': [{'SubnetId': 'front-a', 'AllocationId': "
	         "'alloc-a6'}]}",
	                "InvalidConfigurationRequest"},
	        {"{'Name': 'a', 'IpAddressType': 'dualstack', 'Subnets': ['front-c']}",
	                "InvalidSubnet"},
	        {"{'Name': 'a', 'Subnets': ['front-a'], 'Type': 'application'}",
	                "InvalidConfigurationRequest"},
	        {"{'Name': 'a', 'Subnets': ['front-a'], 'Type': 'gateway'}",
	                "InvalidConfigurationRequest"},
	        {"{'Name': 'a', 'Subnets': ['front-a'], 'Scheme': 'public'}", "ValidationError"},
	        {"{'Name': 'a', 'Subnets': ['front-a'], 'Scheme': 'internal'}", "InvalidSubnet"},
	        {"{'Name': 'a', 'Subnets': ['front-a'], 'IpAddressType': 'ipv6'}",
	                "ValidationError"},
	        {"{'Name': 'a', 'Subnets': ['front-a'], 'Tags': []}",
	                "InvalidConfigurationRequest"},
	        {"{'Name': 'a', 'Subnets': ['front-a'], 'SecurityGroups': ['sg-1']}",
	                "InvalidConfigurationRequest"},
	        {"{'Name': 'a', 'Subnets': ['front-a'], 'Foo': 1}", "ValidationError"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		rpc_refused(rig, wrong[i].code, "CreateLoadBalancer", "%s", wrong[i].params);
	assert_int_equal(HASH_COUNT(rig->model->lbs), 0);
	assert_int_equal(HASH_COUNT(rig->model->vips), 0);
}

static void the_same_again_is_the_same_one(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *first = rpc_result(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));
	json_t *again = rpc_result(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));

	assert_true(json_equal(first, again));
	json_decref(first);
	json_decref(again);
	rpc_same(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));
}

static void other_settings_under_the_same_name_are_refused(void **state)
{
	struct rpc_rig *rig = *state;
	static const char *const others[] = {
	        CREATE("'Subnets': ['front-b']"),
	        CREATE("'Subnets': ['front-a', 'front-b']"),
	        CREATE("'Subnets': ['front-a', 'front-a']"),
	        CREATE("'Subnets': ['front-a'], 'IpAddressType': 'dualstack'"),
	        CREATE("'Subnets': ['front-a'], 'Scheme': 'internal'"),
	        CREATE("'Subnets': ['front-a'], 'VpcId': 'vpc-1'"),
	        CREATE("'SubnetMappings': [{'SubnetId': 'front-a', 'PrivateIPv4Address': "
	               "'10.90.0.77'}]"),
	        CREATE("'SubnetMappings': [{'SubnetId': 'front-a', 'AllocationId': 'alloc-a4'}]"),
	};

	rpc_ok(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		rpc_refused(
		        rig, "DuplicateLoadBalancerName", "CreateLoadBalancer", "%s", others[i]);
}

static void one_made_anew_has_another_arn(void **state)
{
	struct rpc_rig *rig = *state;
	char before[CP_ARN_LEN];

	rpc_ok(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));
	snprintf(before, sizeof(before), "%s", rig->model->lbs->arn);
	rpc_ok(rig, "DeleteLoadBalancer", "{'LoadBalancerArn': 'web'}");
	rpc_ok(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));
	assert_string_not_equal(rig->model->lbs->arn, before);
}

static void describe_lists_what_is_asked_for(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *result;

	rpc_ok(rig, "CreateLoadBalancer", "{'Name': 'a', 'Subnets': ['front-a']}");
	rpc_ok(rig, "CreateLoadBalancer", "{'Name': 'b', 'Subnets': ['front-a']}");
	result = rpc_result(rig, "DescribeLoadBalancers", "{}");
	assert_int_equal(json_array_size(json_object_get(result, "LoadBalancers")), 2);
	json_decref(result);
	result = rpc_result(rig, "DescribeLoadBalancers", "{'Names': ['b']}");
	assert_int_equal(json_array_size(json_object_get(result, "LoadBalancers")), 1);
	assert_string_equal(text(json_array_get(json_object_get(result, "LoadBalancers"), 0),
	                            "LoadBalancerName"),
	        "b");
	json_decref(result);
	rpc_refused(rig, "LoadBalancerNotFound", "DescribeLoadBalancers", "{'Names': ['b', 'c']}");
	rpc_refused(rig, "InvalidParameterCombination", "DescribeLoadBalancers",
	        "{'Names': ['b'], 'LoadBalancerArns': ['b']}");
	rpc_refused(rig, "ValidationError", "DescribeLoadBalancers", "{'Names': [1]}");
	rpc_refused(rig, "InvalidConfigurationRequest", "DescribeLoadBalancers", "{'PageSize': 1}");
}

static void deleting_what_is_not_there_succeeds(void **state)
{
	rpc_same(*state, "DeleteLoadBalancer", "{'LoadBalancerArn': 'web'}");
}

static void protection_keeps_it_from_deletion(void **state)
{
	struct rpc_rig *rig = *state;

	rpc_ok(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));
	rpc_ok(rig, "ModifyLoadBalancerAttributes",
	        "{'LoadBalancerArn': 'web', 'Attributes': [{'Key': 'deletion_protection.enabled', "
	        "'Value': 'true'}]}");
	rpc_refused(
	        rig, "OperationNotPermitted", "DeleteLoadBalancer", "{'LoadBalancerArn': 'web'}");
	rpc_ok(rig, "ModifyLoadBalancerAttributes",
	        "{'LoadBalancerArn': 'web', 'Attributes': [{'Key': 'deletion_protection.enabled', "
	        "'Value': 'false'}]}");
	rpc_ok(rig, "DeleteLoadBalancer", "{'LoadBalancerArn': 'web'}");
	assert_null(rig->model->lbs);
}

static void deletion_takes_its_listeners_along(void **state)
{
	struct rpc_rig *rig = *state;

	rpc_ok(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));
	rpc_ok(rig, "CreateTargetGroup", "{'Name': 'g', 'Protocol': 'TCP', 'Port': 80}");
	rpc_ok(rig, "CreateListener",
	        "{'LoadBalancerArn': 'web', 'Protocol': 'TCP', 'Port': 80, 'DefaultActions': "
	        "[{'Type': 'forward', 'TargetGroupArn': 'g'}]}");
	rpc_ok(rig, "DeleteLoadBalancer", "{'LoadBalancerArn': 'web'}");
	assert_null(rig->model->listeners);
	assert_int_equal(rig->model->groups->nb_listeners, 0);
	assert_null(rig->model->groups->lb);
	assert_int_equal(HASH_COUNT(rig->model->vips), 0);
}

#define ATTRIBUTES(list) "{'LoadBalancerArn': 'web', 'Attributes': " list "}"

static void attributes_have_defaults_and_are_all_or_nothing(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *before, *after;

	rpc_ok(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));
	before = rpc_result(rig, "DescribeLoadBalancerAttributes", "{'LoadBalancerArn': 'web'}");
	assert_int_equal(json_array_size(json_object_get(before, "Attributes")), 2);
	assert_string_equal(
	        cp_lb_attribute(rig->model->lbs, "deletion_protection.enabled"), "false");
	assert_string_equal(
	        cp_lb_attribute(rig->model->lbs, "load_balancing.cross_zone.enabled"), "false");
	rpc_refused(rig, "InvalidConfigurationRequest", "ModifyLoadBalancerAttributes",
	        ATTRIBUTES("[{'Key': 'load_balancing.cross_zone.enabled', 'Value': 'true'}, "
	                   "{'Key': 'zonal_shift.config.enabled', 'Value': 'true'}]"));
	after = rpc_result(rig, "DescribeLoadBalancerAttributes", "{'LoadBalancerArn': 'web'}");
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	after = rpc_result(rig, "ModifyLoadBalancerAttributes",
	        ATTRIBUTES("[{'Key': 'load_balancing.cross_zone.enabled', 'Value': 'true'}]"));
	assert_int_equal(json_array_size(json_object_get(after, "Attributes")), 2);
	assert_string_equal(
	        cp_lb_attribute(rig->model->lbs, "load_balancing.cross_zone.enabled"), "true");
	json_decref(after);
}

static void wrong_attributes_are_refused(void **state)
{
	struct rpc_rig *rig = *state;
	static const struct {
		const char *params, *code;
	} wrong[] = {
	        {ATTRIBUTES("[]"), "ValidationError"},
	        {ATTRIBUTES("{}"), "ValidationError"},
	        {ATTRIBUTES("[1]"), "ValidationError"},
	        {ATTRIBUTES("[{'Key': 'deletion_protection.enabled'}]"), "MissingParameter"},
	        {ATTRIBUTES("[{'Key': 'deletion_protection.enabled', 'Value': true}]"),
	                "ValidationError"},
	        {ATTRIBUTES("[{'Key': 'deletion_protection.enabled', 'Value': 'True'}]"),
	                "InvalidConfigurationRequest"},
	        {ATTRIBUTES("[{'Key': 'no.such', 'Value': 'x'}]"), "InvalidConfigurationRequest"},
	        {ATTRIBUTES("[{'Key': 'access_logs.s3.enabled', 'Value': 'true'}]"),
	                "InvalidConfigurationRequest"},
	        {ATTRIBUTES("[{'Key': 'deletion_protection.enabled', 'Value': 'true'}, {'Key': "
	                    "'deletion_protection.enabled', 'Value': 'true'}]"),
	                "InvalidConfigurationRequest"},
	        {"{'LoadBalancerArn': 'x', 'Attributes': [{'Key': 'a', 'Value': 'b'}]}",
	                "LoadBalancerNotFound"},
	};

	rpc_ok(rig, "CreateLoadBalancer", CREATE("'Subnets': ['front-a']"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		rpc_refused(
		        rig, wrong[i].code, "ModifyLoadBalancerAttributes", "%s", wrong[i].params);
}

static void arns_hang_on_cluster_and_name_alone(void **state)
{
	struct rpc_rig *rig = *state, other;

	rpc_rig_make(&other, 16, 16);
	other.now_ms++;
	rpc_ok(rig, "CreateLoadBalancer", "{'Name': 'a', 'Subnets': ['front-a']}");
	rpc_ok(rig, "CreateLoadBalancer", "{'Name': 'b', 'Subnets': ['front-b']}");
	rpc_ok(&other, "CreateLoadBalancer", "{'Name': 'b', 'Subnets': ['front-b']}");
	rpc_ok(&other, "CreateLoadBalancer", "{'Name': 'a', 'Subnets': ['front-a']}");
	assert_string_equal(cp_lb_find(rig->model, "a")->arn, cp_lb_find(other.model, "a")->arn);
	assert_string_equal(cp_lb_find(rig->model, "b")->arn, cp_lb_find(other.model, "b")->arn);
	rpc_rig_free(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rpc_setup, rpc_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(the_least_that_it_needs_is_name_and_subnets),
	        TEST(vpc_id_is_echoed),
	        TEST(the_address_is_the_lowest_free_one),
	        TEST(a_named_address_is_skipped_by_the_free_range),
	        TEST(a_static_address_goes_to_who_names_it),
	        TEST(a_static_ipv6_address_leaves_ipv4_to_the_free_range),
	        TEST(dualstack_has_an_address_of_each_family),
	        TEST(an_ipv6_address_can_be_named),
	        TEST(an_internal_subnet_makes_it_internal),
	        TEST(a_name_must_fit),
	        TEST(what_does_not_work_is_refused),
	        TEST(the_same_again_is_the_same_one),
	        TEST(other_settings_under_the_same_name_are_refused),
	        TEST(one_made_anew_has_another_arn),
	        TEST(describe_lists_what_is_asked_for),
	        TEST(deleting_what_is_not_there_succeeds),
	        TEST(protection_keeps_it_from_deletion),
	        TEST(deletion_takes_its_listeners_along),
	        TEST(attributes_have_defaults_and_are_all_or_nothing),
	        TEST(wrong_attributes_are_refused),
	        TEST(arns_hang_on_cluster_and_name_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
