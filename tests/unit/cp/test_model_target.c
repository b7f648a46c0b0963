/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Methods of targets: registering, states, draining, slots.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rpc_fixture.h"

/* Groups "web" (TCP, IPv4, port 80) and "web6" (IPv6, port 8080). */
static int setup(void **state)
{
	rpc_setup(state);
	rpc_ok(*state, "CreateTargetGroup", "{'Name': 'web', 'Protocol': 'TCP', 'Port': 80}");
	rpc_ok(*state, "CreateTargetGroup",
	        "{'Name': 'web6', 'Protocol': 'TCP', 'Port': 8080, 'IpAddressType': 'ipv6'}");
	return 0;
}

static void add(struct rpc_rig *rig, const char *target)
{
	rpc_ok(rig, "RegisterTargets", "{'TargetGroupArn': 'web', 'Targets': [%s]}", target);
}

static void take_off(struct rpc_rig *rig, const char *target)
{
	rpc_ok(rig, "DeregisterTargets", "{'TargetGroupArn': 'web', 'Targets': [%s]}", target);
}

static void refuse(struct rpc_rig *rig, const char *code, const char *target)
{
	rpc_refused(
	        rig, code, "RegisterTargets", "{'TargetGroupArn': 'web', 'Targets': [%s]}", target);
}

/* A load balancer in zone a alone, with a listener for "web". */
static void serve(struct rpc_rig *rig)
{
	rpc_ok(rig, "CreateLoadBalancer", "{'Name': 'lb', 'Subnets': ['front-a']}");
	rpc_ok(rig, "CreateListener",
	        "{'LoadBalancerArn': 'lb', 'Protocol': 'TCP', 'Port': 80, 'DefaultActions': "
	        "[{'Type': 'forward', 'TargetGroupArn': 'web'}]}");
}

static struct cp_target *find(struct rpc_rig *rig, const char *key)
{
	struct cp_target *target = cp_target_find(cp_group_find(rig->model, "web"), key);

	assert_non_null(target);
	return target;
}

static uint32_t nb_registered(struct rpc_rig *rig)
{
	return cp_group_find(rig->model, "web")->nb_registered;
}

/* The description at 'i' of an answer of DescribeTargetHealth, owned by it. */
static json_t *described(const json_t *result, size_t i)
{
	return json_array_get(json_object_get(result, "TargetHealthDescriptions"), i);
}

static size_t nb_described(const json_t *result)
{
	return json_array_size(json_object_get(result, "TargetHealthDescriptions"));
}

static void assert_health(
        struct rpc_rig *rig, const char *target, const char *state, const char *reason)
{
	json_t *result = rpc_result(rig, "DescribeTargetHealth",
	        "{'TargetGroupArn': 'web', 'Targets': ['%s']}", target);
	const json_t *health;
	const char *found;

	assert_int_equal(nb_described(result), 1);
	health = json_object_get(described(result, 0), "TargetHealth");
	assert_string_equal(json_string_value(json_object_get(health, "State")), state);
	found = json_string_value(json_object_get(health, "Reason"));
	if (reason != NULL)
		assert_string_equal(found, reason);
	else
		assert_null(found);
	assert_int_equal(json_object_get(health, "Description") != NULL, reason != NULL);
	json_decref(result);
}

static void test_every_way_to_write_a_target(void **state)
{
	struct rpc_rig *rig = *state;

	add(rig, "'10.1.0.11', '10.1.0.12:8080', {'Id': '10.1.0.13'}, {'Id': '10.1.0.14', 'Port': "
	         "81}, {'Id': '10.1.0.15:82'}, {'Id': '10.1.0.16:83', 'Port': 83}");
	assert_int_equal(nb_registered(rig), 6);
	assert_int_equal(find(rig, "10.1.0.11:80")->weight, 1);
	find(rig, "10.1.0.12:8080");
	find(rig, "10.1.0.13:80");
	find(rig, "10.1.0.14:81");
	find(rig, "10.1.0.15:82");
	find(rig, "10.1.0.16:83");
	rpc_ok(rig, "RegisterTargets",
	        "{'TargetGroupArn': 'web6', 'Targets': ['fd01::11', '[fd01::12]', "
	        "'[fd01:0:0::0013]:9000']}");
	assert_non_null(cp_target_find(cp_group_find(rig->model, "web6"), "[fd01::11]:8080"));
	assert_non_null(cp_target_find(cp_group_find(rig->model, "web6"), "[fd01::12]:8080"));
	assert_non_null(cp_target_find(cp_group_find(rig->model, "web6"), "[fd01::13]:9000"));
}

static void test_what_is_no_target_is_refused(void **state)
{
	static const char *const addresses[] = {"", "10.1.0", "10.1.0.256", "10.1.0.1:", "host",
	        "10.1.0.1:0", "10.1.0.1:65536", "10.1.0.1:080", "10.1.0.1:80x", "[10.1.0.1]:80",
	        "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "fd01::11",
	        "::", "::ffff:10.1.0.1", "10.1.0.1 ", "10.1.0.1/32", "010.1.0.1"};
	char target[128];

	for (size_t i = 1; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		snprintf(target, sizeof(target), "'%s'", addresses[i]);
		refuse(*state, "InvalidTarget", target);
		snprintf(target, sizeof(target), "{'Id': '%s'}", addresses[i]);
		refuse(*state, "InvalidTarget", target);
	}
	rpc_refused(*state, "InvalidTarget", "RegisterTargets",
	        "{'TargetGroupArn': 'web6', 'Targets': ['10.1.0.1']}");
	rpc_refused(*state, "InvalidTarget", "RegisterTargets",
	        "{'TargetGroupArn': 'web6', 'Targets': ['fe80::1']}");
	refuse(*state, "InvalidTarget", "{'Id': '10.1.0.1:80', 'Port': 81}");
	refuse(*state, "ValidationError", "{'Id': ''}");
	refuse(*state, "InvalidTarget", "''");
	refuse(*state, "ValidationError", "'10.1.0.1\\u0000.example'");
	refuse(*state, "ValidationError", "{'Id': '10.1.0.1\\u0000'}");
	refuse(*state, "ValidationError", "{'Id': 7}");
	refuse(*state, "MissingParameter", "{'Port': 80}");
	refuse(*state, "ValidationError", "{'Id': '10.1.0.1', 'Port': 0}");
	refuse(*state, "ValidationError", "{'Id': '10.1.0.1', 'Port': 65536}");
	refuse(*state, "ValidationError", "{'Id': '10.1.0.1', 'Port': '80'}");
	refuse(*state, "ValidationError", "{'Id': '10.1.0.1', 'anabranch.Weight': 1000}");
	refuse(*state, "ValidationError", "{'Id': '10.1.0.1', 'anabranch.Weight': -1}");
	refuse(*state, "ValidationError", "{'Id': '10.1.0.1', 'Colour': 'red'}");
	refuse(*state, "InvalidConfigurationRequest", "{'Id': '10.1.0.1', 'QuicServerId': '0x0'}");
	refuse(*state, "ValidationError", "null");
	refuse(*state, "ValidationError", "[['10.1.0.1']]");
}

static void test_a_huge_text_is_refused(void **state)
{
	struct rpc_rig *rig = *state;
	char *huge = malloc(100001);

	memset(huge, '1', 100000);
	huge[100000] = '\0';
	rpc_refused(rig, "InvalidTarget", "RegisterTargets",
	        "{'TargetGroupArn': 'web', 'Targets': ['%s']}", huge);
	rpc_refused(rig, "ValidationError", "RegisterTargets",
	        "{'TargetGroupArn': 'web', 'Targets': [{'Id': '%s'}]}", huge);
	rpc_refused(rig, "ValidationError", "RegisterTargets",
	        "{'TargetGroupArn': '%s', 'Targets': ['10.1.0.1']}", huge);
	rpc_refused(rig, "ValidationError", "RegisterTargets", "{'%s': 1}", huge);
	assert_true(strlen(rig->error.message) < sizeof(rig->error.message));
	free(huge);
}

static void test_register_names_what_is_wrong(void **state)
{
	rpc_refused(*state, "MissingParameter", "RegisterTargets", "{'TargetGroupArn': 'web'}");
	rpc_refused(*state, "MissingParameter", "RegisterTargets", "{'Targets': ['10.1.0.1']}");
	rpc_refused(*state, "ValidationError", "RegisterTargets",
	        "{'TargetGroupArn': 'web', 'Targets': []}");
	rpc_refused(*state, "ValidationError", "RegisterTargets",
	        "{'TargetGroupArn': 'web', 'Targets': '10.1.0.1'}");
	rpc_refused(*state, "TargetGroupNotFound", "RegisterTargets",
	        "{'TargetGroupArn': 'none', 'Targets': ['10.1.0.1']}");
	rpc_refused(*state, "TargetGroupNotFound", "DeregisterTargets",
	        "{'TargetGroupArn': 'none', 'Targets': ['10.1.0.1']}");
	rpc_refused(*state, "TargetGroupNotFound", "DescribeTargetHealth",
	        "{'TargetGroupArn': 'none'}");
	rpc_refused(*state, "InvalidConfigurationRequest", "DescribeTargetHealth",
	        "{'TargetGroupArn': 'web', 'Include': ['All']}");
}

static void test_register_is_all_or_nothing(void **state)
{
	rpc_refused(*state, "InvalidTarget", "RegisterTargets",
	        "{'TargetGroupArn': 'web', 'Targets': ['10.1.0.11', '10.1.0.12', 'nonsense']}");
	assert_non_null(strstr(((struct rpc_rig *)*state)->error.message, "Targets[2]"));
	assert_int_equal(nb_registered(*state), 0);
}

static void test_register_is_idempotent(void **state)
{
	struct rpc_rig *rig = *state;

	add(rig, "'10.1.0.11', {'Id': '10.1.0.12', 'anabranch.Weight': 5}");
	rig->now_ms += 1000;
	rpc_same(rig, "RegisterTargets",
	        "{'TargetGroupArn': 'web', 'Targets': ['10.1.0.11:80', {'Id': '10.1.0.12', 'Port': "
	        "80, 'anabranch.Weight': 5}]}");
}

static void test_a_target_twice_in_a_call_is_one(void **state)
{
	struct rpc_rig *rig = *state;

	add(rig, "'10.1.0.11', '10.1.0.11:80', {'Id': '10.1.0.11', 'AvailabilityZone': 'a'}");
	assert_int_equal(nb_registered(rig), 1);
	assert_int_equal(cp_slots_free(rig->model), 63);
	refuse(rig, "ValidationError",
	        "'10.1.0.12', {'Id': '10.1.0.12:80', 'anabranch.Weight': 2}");
	refuse(rig, "ValidationError",
	        "'10.1.0.12', {'Id': '10.1.0.12:80', 'AvailabilityZone': 'all'}");
	take_off(rig, "'10.1.0.11', '10.1.0.11', {'Id': '10.1.0.11', 'anabranch.Weight': 3}");
	assert_int_equal(nb_registered(rig), 0);
}

static void test_a_zone_is_that_of_the_longest_subnet(void **state)
{
	struct rpc_rig *rig = *state;

	add(rig, "'10.1.0.11', '10.2.0.11', '10.1.5.11', {'Id': '10.1.0.12', 'AvailabilityZone': "
	         "'all'}, {'Id': '192.0.2.1', 'AvailabilityZone': 'c'}, {'Id': '192.0.2.2', "
	         "'AvailabilityZone': 'all'}");
	assert_int_equal(find(rig, "10.1.0.11:80")->zone, 0);
	assert_int_equal(find(rig, "10.2.0.11:80")->zone, 1);
	assert_int_equal(find(rig, "10.1.5.11:80")->zone, 1);
	assert_int_equal(find(rig, "10.1.0.12:80")->zone, CP_ZONE_ALL);
	assert_int_equal(find(rig, "192.0.2.1:80")->zone, 2);
	assert_int_equal(find(rig, "192.0.2.2:80")->zone, CP_ZONE_ALL);
	refuse(rig, "ValidationError", "'192.0.2.3'");
	refuse(rig, "ValidationError", "{'Id': '10.1.0.13', 'AvailabilityZone': 'b'}");
	refuse(rig, "AvailabilityZoneNotSupported",
	        "{'Id': '10.1.0.13', 'AvailabilityZone': 'nowhere'}");
	refuse(rig, "ValidationError", "{'Id': '10.1.0.13', 'AvailabilityZone': ''}");
}

static void test_a_virtual_address_is_no_target(void **state)
{
	serve(*state);
	refuse(*state, "InvalidTarget", "'10.90.0.10'");
	refuse(*state, "InvalidTarget", "'10.90.0.10:9999'");
	add(*state, "'10.90.0.99'");
}

static void test_settings_of_a_registered_target_change_in_place(void **state)
{
	struct rpc_rig *rig = *state;
	uint32_t slot, epoch;

	add(rig, "'10.1.0.10', '10.1.0.11'");
	slot = find(rig, "10.1.0.11:80")->slot;
	epoch = find(rig, "10.1.0.11:80")->epoch;
	find(rig, "10.1.0.11:80")->health.state = LB_TARGET_HEALTHY;
	add(rig, "{'Id': '10.1.0.11', 'anabranch.Weight': 0, 'AvailabilityZone': 'all'}");
	assert_int_equal(find(rig, "10.1.0.11:80")->weight, 0);
	assert_int_equal(find(rig, "10.1.0.11:80")->zone, CP_ZONE_ALL);
	assert_int_equal(find(rig, "10.1.0.11:80")->slot, slot);
	assert_int_equal(find(rig, "10.1.0.11:80")->epoch, epoch);
	assert_int_equal(find(rig, "10.1.0.11:80")->health.state, LB_TARGET_HEALTHY);
	assert_int_equal(nb_registered(rig), 2);
}

static void test_the_instance_has_room_for_so_many(void **state)
{
	struct rpc_rig *rig = *state;
	char target[32];

	for (int i = 0; i < 63; i++) {
		snprintf(target, sizeof(target), "'10.1.1.%d'", i + 1);
		add(rig, target);
	}
	refuse(rig, "TooManyTargets", "'10.1.2.1', '10.1.2.2'");
	add(rig, "'10.1.2.1', '10.1.1.1', '10.1.2.1'");
	refuse(rig, "TooManyTargets", "'10.1.2.2'");
	take_off(rig, "'10.1.2.1'");
	refuse(rig, "TooManyTargets", "'10.1.2.2'");
	add(rig, "'10.1.2.1'");
}

static void test_a_group_has_at_most_1000_targets(void **state)
{
	struct rpc_rig rig;
	char *list = malloc(64 * 1024);
	size_t at = 0;

	(void)state;
	rpc_rig_make(&rig, 4096, 16);
	rpc_ok(&rig, "CreateTargetGroup", "{'Name': 'web', 'Protocol': 'TCP', 'Port': 80}");
	for (int i = 0; i < 1001; i++)
		at += (size_t)sprintf(
		        list + at, "%s'10.1.%d.%d'", i ? "," : "", 100 + i / 250, i % 250 + 1);
	refuse(&rig, "TooManyTargets", list);
	*strrchr(list, ',') = '\0';
	add(&rig, list);
	assert_int_equal(nb_registered(&rig), 1000);
	refuse(&rig, "TooManyTargets", "'10.1.0.1'");
	take_off(&rig, "'10.1.100.1'");
	add(&rig, "'10.1.0.1'");
	/* The one that drains doesn't count, but would if it came back. */
	refuse(&rig, "TooManyTargets", "'10.1.100.1'");
	free(list);
	rpc_rig_free(&rig);
}

static void test_states_follow_use_and_health(void **state)
{
	struct rpc_rig *rig = *state;
	struct cp_target *target;

	add(rig, "'10.1.0.11', '10.2.0.11', {'Id': '10.1.0.12', 'AvailabilityZone': 'all'}");
	assert_health(rig, "10.1.0.11", "unused", "Target.NotInUse");
	serve(rig);
	assert_health(rig, "10.1.0.11", "initial", "Elb.RegistrationInProgress");
	target = find(rig, "10.1.0.11:80");
	target->health.reason = CP_REASON_INITIAL_HEALTH_CHECKING;
	assert_health(rig, "10.1.0.11", "initial", "Elb.InitialHealthChecking");
	target->health.state = LB_TARGET_HEALTHY;
	target->health.reason = CP_REASON_NONE;
	assert_health(rig, "10.1.0.11", "healthy", NULL);
	target->health.state = LB_TARGET_UNHEALTHY;
	target->health.reason = CP_REASON_FAILED_HEALTH_CHECKS;
	assert_health(rig, "10.1.0.11", "unhealthy", "Target.FailedHealthChecks");
	take_off(rig, "'10.1.0.11'");
	assert_health(rig, "10.1.0.11", "draining", "Target.DeregistrationInProgress");
	assert_health(rig, "10.1.0.99", "unused", "Target.NotRegistered");
}

static void test_a_zone_without_an_address_leaves_targets_unused(void **state)
{
	struct rpc_rig *rig = *state;

	add(rig, "'10.1.0.11', '10.2.0.11', {'Id': '10.2.0.12', 'AvailabilityZone': 'all'}");
	serve(rig);
	assert_health(rig, "10.2.0.11", "unused", "Target.NotInUse");
	assert_health(rig, "10.2.0.12", "initial", "Elb.RegistrationInProgress");
	rpc_ok(rig, "ModifyLoadBalancerAttributes",
	        "{'LoadBalancerArn': 'lb', 'Attributes': [{'Key': "
	        "'load_balancing.cross_zone.enabled', 'Value': 'true'}]}");
	assert_health(rig, "10.2.0.11", "initial", "Elb.RegistrationInProgress");
	rpc_ok(rig, "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [{'Key': "
	        "'load_balancing.cross_zone.enabled', 'Value': 'false'}]}");
	assert_health(rig, "10.2.0.11", "unused", "Target.NotInUse");
}

static void test_describe_has_elbv2s_shape(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *result, *expected;

	add(rig, "{'Id': '10.1.0.11', 'Port': 8080, 'anabranch.Weight': 3}");
	serve(rig);
	find(rig, "10.1.0.11:8080")->health.state = LB_TARGET_UNHEALTHY;
	find(rig, "10.1.0.11:8080")->health.reason = CP_REASON_RESPONSE_CODE_MISMATCH;
	strcpy(find(rig, "10.1.0.11:8080")->health.detail,
	        "Health checks failed with these codes: [404]");
	result = rpc_result(rig, "DescribeTargetHealth", "{'TargetGroupArn': 'web'}");
	expected = json_pack("{s:[{s:{s:s, s:i, s:s, s:i}, s:s, s:{s:s, s:s, s:s}, s:{s:s, s:s, "
	                     "s:s}}]}",
	        "TargetHealthDescriptions", "Target", "Id", "10.1.0.11", "Port", 8080,
	        "AvailabilityZone", "a", "anabranch.Weight", 3, "HealthCheckPort", "8080",
	        "TargetHealth", "State", "unhealthy", "Reason", "Target.ResponseCodeMismatch",
	        "Description", "Health checks failed with these codes: [404]",
	        "AdministrativeOverride", "State", "no_override", "Reason",
	        "AdministrativeOverride.NoOverride", "Description",
	        "No override is currently active on target");
	assert_true(json_equal(result, expected));
	json_decref(result);
	json_decref(expected);
}

static void test_health_check_port_is_the_groups_own_if_set(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *result;

	add(rig, "'10.1.0.11:8080'");
	rpc_ok(rig, "ModifyTargetGroup", "{'TargetGroupArn': 'web', 'HealthCheckPort': '9999'}");
	result = rpc_result(rig, "DescribeTargetHealth", "{'TargetGroupArn': 'web'}");
	assert_string_equal(
	        json_string_value(json_object_get(described(result, 0), "HealthCheckPort")),
	        "9999");
	json_decref(result);
}

static void test_describe_answers_for_those_it_is_asked_for(void **state)
{
	struct rpc_rig *rig = *state;
	json_t *result;

	add(rig, "'10.1.0.11', '10.1.0.12', '10.1.0.12:81', '10.1.0.13'");
	result = rpc_result(rig, "DescribeTargetHealth",
	        "{'TargetGroupArn': 'web', 'Targets': ['10.1.0.13', {'Id': '10.1.0.12', 'Port': "
	        "81}, '10.1.0.13:80', '10.1.0.99']}");
	assert_int_equal(nb_described(result), 3);
	assert_string_equal(json_string_value(json_object_get(
	                            json_object_get(described(result, 0), "Target"), "Id")),
	        "10.1.0.13");
	assert_int_equal(json_integer_value(json_object_get(
	                         json_object_get(described(result, 1), "Target"), "Port")),
	        81);
	assert_string_equal(json_string_value(json_object_get(
	                            json_object_get(described(result, 2), "Target"), "Id")),
	        "10.1.0.99");
	json_decref(result);
	result =
	        rpc_result(rig, "DescribeTargetHealth", "{'TargetGroupArn': 'web', 'Targets': []}");
	assert_int_equal(nb_described(result), 4);
	json_decref(result);
	rpc_refused(rig, "InvalidTarget", "DescribeTargetHealth",
	        "{'TargetGroupArn': 'web', 'Targets': ['10.1.0.11', 'nonsense']}");
}

static void test_deregistered_targets_drain_for_the_delay(void **state)
{
	struct rpc_rig *rig = *state;
	const struct cp_target *target;

	add(rig, "'10.1.0.11', '10.1.0.12'");
	rpc_ok(rig, "ModifyTargetGroupAttributes",
	        "{'TargetGroupArn': 'web', 'Attributes': [{'Key': "
	        "'deregistration_delay.timeout_seconds', 'Value': '3600'}]}");
	rig->now_ms = 1700000005000;
	take_off(rig, "'10.1.0.11'");
	target = find(rig, "10.1.0.11:80");
	assert_true(target->draining);
	assert_int_equal(target->drain_from_ms, 1700000005000);
	assert_int_equal(target->drain_deadline_ms, 1700003605000);
	assert_int_equal(nb_registered(rig), 1);
	rig->now_ms += 1000;
	rpc_same(rig, "DeregisterTargets", "{'TargetGroupArn': 'web', 'Targets': ['10.1.0.11']}");
	rpc_same(rig, "DeregisterTargets", "{'TargetGroupArn': 'web', 'Targets': ['10.1.0.99']}");
	rpc_refused(rig, "InvalidTarget", "DeregisterTargets",
	        "{'TargetGroupArn': 'web', 'Targets': ['10.1.0.12', 'x']}");
}

static void test_a_draining_target_that_comes_back_keeps_its_slot(void **state)
{
	struct rpc_rig *rig = *state;
	uint32_t slot, epoch;

	serve(rig);
	add(rig, "'10.1.0.11', '10.1.0.12'");
	slot = find(rig, "10.1.0.12:80")->slot;
	epoch = find(rig, "10.1.0.12:80")->epoch;
	find(rig, "10.1.0.12:80")->health.state = LB_TARGET_HEALTHY;
	take_off(rig, "'10.1.0.12'");
	add(rig, "'10.1.0.12'");
	assert_false(find(rig, "10.1.0.12:80")->draining);
	assert_int_equal(find(rig, "10.1.0.12:80")->slot, slot);
	assert_int_equal(find(rig, "10.1.0.12:80")->epoch, epoch);
	assert_int_equal(find(rig, "10.1.0.12:80")->drain_deadline_ms, 0);
	assert_int_equal(nb_registered(rig), 2);
	assert_health(rig, "10.1.0.12", "initial", "Elb.RegistrationInProgress");
}

#define DRAINED "{'TargetGroupArn': 'web', 'Target': '10.1.0.11:80', 'Epoch': 1"

static void test_a_drained_target_gives_its_slot_back(void **state)
{
	struct rpc_rig *rig = *state;
	uint32_t slot, epoch;

	add(rig, "'10.1.0.11', '10.1.0.12'");
	slot = find(rig, "10.1.0.11:80")->slot;
	epoch = find(rig, "10.1.0.11:80")->epoch;
	rpc_refused(rig, "InvalidTarget", "TargetDrained", DRAINED "}");
	take_off(rig, "'10.1.0.11'");
	rig->now_ms += 299999;
	rpc_refused(rig, "InvalidTarget", "TargetDrained", DRAINED "}");
	rig->now_ms += 1;
	rpc_ok(rig, "TargetDrained", DRAINED "}");
	assert_null(cp_target_find(cp_group_find(rig->model, "web"), "10.1.0.11:80"));
	rpc_refused(rig, "InvalidTarget", "TargetDrained", DRAINED "}");
	assert_int_equal(cp_slots_free(rig->model), 63);
	add(rig, "'10.1.0.13'");
	assert_int_equal(find(rig, "10.1.0.13:80")->slot, slot);
	assert_true(find(rig, "10.1.0.13:80")->epoch > epoch);
}

static void test_termination_lets_go_too(void **state)
{
	struct rpc_rig *rig = *state;

	add(rig, "'10.1.0.11'");
	take_off(rig, "'10.1.0.11'");
	rig->now_ms += 300000;
	rpc_refused(rig, "ValidationError", "TargetDrained", DRAINED ", 'Terminate': 1}");
	rpc_ok(rig, "TargetDrained", DRAINED ", 'Terminate': true}");
	assert_int_equal(cp_slots_free(rig->model), 64);
}

static void test_the_wait_of_a_target_that_came_back_begins_anew(void **state)
{
	struct rpc_rig *rig = *state;

	add(rig, "'10.1.0.11'");
	take_off(rig, "'10.1.0.11'");
	rig->now_ms += 250000;
	add(rig, "'10.1.0.11'");
	take_off(rig, "'10.1.0.11'");
	rig->now_ms += 60000; /* the first deadline has passed, the second has not */
	rpc_refused(rig, "InvalidTarget", "TargetDrained", DRAINED "}");
}

/* "Drained" is decided on 'live', which may have adopted other epochs than 'working' knows. */
static void test_adopted_epochs_do_not_keep_a_target_from_going(void **state)
{
	struct rpc_rig *rig = *state;

	add(rig, "'10.1.0.11'");
	take_off(rig, "'10.1.0.11'");
	assert_int_equal(cp_target_adopt_slot(rig->model, find(rig, "10.1.0.11:80"), 9, 77), 0);
	rig->now_ms += 300000;
	rpc_ok(rig, "TargetDrained", DRAINED "}");
}

static void test_adopting_a_slot_swaps_owners(void **state)
{
	struct rpc_rig *rig = *state;
	struct cp_target *first, *second;

	add(rig, "'10.1.0.11', '10.1.0.12'");
	first = find(rig, "10.1.0.11:80");
	second = find(rig, "10.1.0.12:80");
	assert_int_equal(cp_target_adopt_slot(rig->model, first, 1, 40), 0);
	assert_int_equal(first->slot, 1);
	assert_int_equal(first->epoch, 40);
	assert_int_equal(second->slot, 0);
	assert_true(second->epoch > 1); /* slot 0's flows are not its own */
	assert_ptr_equal(rig->model->slot_owner[0], second);
	assert_ptr_equal(rig->model->slot_owner[1], first);
	assert_int_equal(cp_slots_free(rig->model), 62);
	assert_int_equal(cp_target_adopt_slot(rig->model, first, 64, 1), -ERANGE);
	assert_int_equal(cp_target_adopt_slot(rig->model, first, 2, 0), -ERANGE);
	assert_int_equal(first->slot, 1);
}

static void test_adopting_a_free_slot_frees_the_old_one(void **state)
{
	struct rpc_rig *rig = *state;
	struct cp_target *target;

	add(rig, "'10.1.0.11'");
	target = find(rig, "10.1.0.11:80");
	assert_int_equal(cp_target_adopt_slot(rig->model, target, 63, UINT32_MAX), 0);
	assert_int_equal(cp_slots_free(rig->model), 63);
	add(rig, "'10.1.0.12'");
	assert_int_equal(find(rig, "10.1.0.12:80")->slot, 0);
	assert_int_equal(find(rig, "10.1.0.12:80")->epoch, 2);
}

static void test_identities_are_the_same_on_every_node(void **state)
{
	struct rpc_rig *rig = *state, other;

	rpc_rig_make(&other, 64, 16);
	rpc_ok(&other, "CreateTargetGroup", "{'Name': 'web', 'Protocol': 'TCP', 'Port': 80}");
	add(rig, "'10.1.0.11', '10.1.0.12'");
	add(&other, "'10.1.0.12'");
	assert_int_equal(
	        find(rig, "10.1.0.12:80")->identity, find(&other, "10.1.0.12:80")->identity);
	assert_int_not_equal(
	        find(rig, "10.1.0.11:80")->identity, find(rig, "10.1.0.12:80")->identity);
	rpc_rig_free(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rpc_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(test_every_way_to_write_a_target),
	        TEST(test_what_is_no_target_is_refused),
	        TEST(test_a_huge_text_is_refused),
	        TEST(test_register_names_what_is_wrong),
	        TEST(test_register_is_all_or_nothing),
	        TEST(test_register_is_idempotent),
	        TEST(test_a_target_twice_in_a_call_is_one),
	        TEST(test_a_zone_is_that_of_the_longest_subnet),
	        TEST(test_a_virtual_address_is_no_target),
	        TEST(test_settings_of_a_registered_target_change_in_place),
	        TEST(test_the_instance_has_room_for_so_many),
	        TEST(test_a_group_has_at_most_1000_targets),
	        TEST(test_states_follow_use_and_health),
	        TEST(test_a_zone_without_an_address_leaves_targets_unused),
	        TEST(test_describe_has_elbv2s_shape),
	        TEST(test_health_check_port_is_the_groups_own_if_set),
	        TEST(test_describe_answers_for_those_it_is_asked_for),
	        TEST(test_deregistered_targets_drain_for_the_delay),
	        TEST(test_a_draining_target_that_comes_back_keeps_its_slot),
	        TEST(test_a_drained_target_gives_its_slot_back),
	        TEST(test_termination_lets_go_too),
	        TEST(test_the_wait_of_a_target_that_came_back_begins_anew),
	        TEST(test_adopted_epochs_do_not_keep_a_target_from_going),
	        TEST(test_adopting_a_slot_swaps_owners),
	        TEST(test_adopting_a_free_slot_frees_the_old_one),
	        TEST(test_identities_are_the_same_on_every_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
