/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Stored rows: what a restart makes of them, and what it says to rows that nobody wrote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "rpc_fixture.h"

#define LISTENER(lb, port, group)                                             \
	"{'LoadBalancerArn': '" lb "', 'Protocol': 'TCP', 'Port': " port ", " \
	"'DefaultActions': [{'Type': 'forward', 'TargetGroupArn': '" group "'}]}"

/* One of everything. */
static const char *const CHANGES[][2] = {
        {"CreateLoadBalancer", "{'Name': 'web', 'IpAddressType': 'dualstack', 'VpcId': 'vpc-1', "
                               "'Subnets': ['front-a', 'front-b']}"},
        {"ModifyLoadBalancerAttributes", "{'LoadBalancerArn': 'web', 'Attributes': [{'Key': "
                                         "'load_balancing.cross_zone.enabled', 'Value': 'true'}]}"},
        {"CreateTargetGroup", "{'Name': 'four', 'Protocol': 'TCP', 'Port': 80, "
                              "'HealthCheckProtocol': 'HTTP', 'HealthCheckPath': '/up', "
                              "'HealthCheckPort': '8080', 'Matcher': {'HttpCode': '200,204'}}"},
        {"ModifyTargetGroupAttributes",
                "{'TargetGroupArn': 'four', 'Attributes': [{'Key': "
                "'anabranch.health_check.interval_ms', 'Value': '250'}, {'Key': "
                "'stickiness.enabled', 'Value': 'true'}]}"},
        {"CreateTargetGroup", "{'Name': 'six', 'Protocol': 'TCP_UDP', 'Port': 53, "
                              "'IpAddressType': 'ipv6'}"},
        {"RegisterTargets", "{'TargetGroupArn': 'four', 'Targets': ['10.1.0.1', '10.2.0.1:81', "
                            "{'Id': '192.0.2.1', 'AvailabilityZone': 'all', "
                            "'anabranch.Weight': 7}]}"},
        {"RegisterTargets", "{'TargetGroupArn': 'six', 'Targets': ['[fd01::1]:53']}"},
        {"DeregisterTargets", "{'TargetGroupArn': 'four', 'Targets': ['10.2.0.1:81']}"},
        {"CreateListener", LISTENER("web", "80", "four")},
        {"CreateListener", LISTENER("web", "53", "six")},
};

static void make_everything(struct rpc_rig *rig)
{
	for (size_t i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++)
		rpc_ok(rig, CHANGES[i][0], "%s", CHANGES[i][1]);
}

static void a_restart_makes_the_same_model(void **state)
{
	struct rpc_rig *rig = *state;
	struct cp_model *again;

	make_everything(rig);
	again = rpc_reload(rig);
	rpc_equal(rig->model, again);
	assert_null(cp_model_take_journal(again));
	cp_model_free(again);
}

static void changes_after_a_restart_come_out_the_same(void **state)
{
	struct rpc_rig *rig = *state, other;
	struct cp_model *again;
	json_t *one, *two;

	make_everything(rig);
	rpc_rig_make(&other, 64, 16);
	again = rpc_reload(rig);
	cp_model_free(other.model);
	other.model = again;
	for (int i = 0; i < 2; i++) {
		struct rpc_rig *at = i ? &other : rig;

		rpc_ok(at, "RegisterTargets",
		        "{'TargetGroupArn': 'six', 'Targets': ['fd01::2', 'fd02::2']}");
		rpc_ok(at, "CreateLoadBalancer", "{'Name': 'x', 'Subnets': ['front-a']}");
	}
	one = rpc_dump(rig->model);
	two = rpc_dump(other.model);
	assert_true(json_equal(one, two));
	json_decref(one);
	json_decref(two);
	rpc_rig_free(&other);
}

static void a_free_slot_keeps_its_epoch_over_a_restart(void **state)
{
	struct rpc_rig *rig = *state;
	struct cp_model *again;
	uint32_t epoch;

	rpc_ok(rig, "CreateTargetGroup", "{'Name': 'g', 'Protocol': 'TCP', 'Port': 80}");
	rpc_ok(rig, "RegisterTargets", "{'TargetGroupArn': 'g', 'Targets': ['10.1.0.1']}");
	epoch = rig->model->groups->targets->epoch;
	rpc_ok(rig, "DeleteTargetGroup", "{'TargetGroupArn': 'g'}");
	again = rpc_reload(rig);
	assert_true(again->slot_epoch[0] > epoch);
	cp_model_free(again);
}

/* The last row of each object, in the order of loading. */
struct rows {
	struct cp_journal_entry *journal, *at[64];
	size_t nb;
};

static bool is_last(const struct cp_journal_entry *entry)
{
	for (const struct cp_journal_entry *at = entry->next; at != NULL; at = at->next)
		if (at->kind == entry->kind && strcmp(at->id, entry->id) == 0)
			return false;
	return true;
}

static void rows_make(struct rows *rows)
{
	struct rpc_rig rig;

	rpc_rig_make(&rig, 64, 16);
	for (size_t i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++) {
		const struct cp_change_context context = {.now_ms = 1};
		struct cp_error error;
		char text[512];
		json_t *params, *result;

		snprintf(text, sizeof(text), "%s", CHANGES[i][1]);
		for (char *at = text; *at != '\0'; at++)
			*at = *at == '\'' ? '"' : *at;
		params = json_loads(text, 0, NULL);
		assert_non_null(params);
		assert_int_equal(cp_method_find(CHANGES[i][0])
		                         ->change(rig.model, &context, params, &result, &error),
		        0);
		json_decref(params);
		json_decref(result);
	}
	rows->journal = cp_model_take_journal(rig.model);
	rows->nb = 0;
	for (int kind = CP_KIND_LB; kind <= CP_KIND_META; kind++)
		for (struct cp_journal_entry *at = rows->journal; at != NULL; at = at->next)
			if ((int)at->kind == kind && is_last(at))
				rows->at[rows->nb++] = at;
	rpc_rig_free(&rig);
}

/* Loads all rows, but 'row' in the place of the i-th. 0, or -EINVAL with a text in 'why'. */
static int load_with(const struct rows *rows, size_t i, const json_t *row, char *why, size_t len)
{
	struct rpc_rig rig;
	int rc = 0;

	rpc_rig_make(&rig, 64, 16);
	for (size_t k = 0; k < rows->nb && rc == 0; k++)
		rc = cp_model_load_row(rig.model, rows->at[k]->kind, rows->at[k]->id,
		        k == i ? row : rows->at[k]->row, why, len);
	/* What was taken in must be fit to be shown, and to be freed. */
	json_decref(rpc_dump(rig.model));
	rpc_rig_free(&rig);
	return rc;
}

static void rows_without_a_key_are_refused(void **state)
{
	struct rows rows;
	char why[256];

	rows_make(&rows);
	assert_int_equal(load_with(&rows, SIZE_MAX, NULL, why, sizeof(why)), 0);
	for (size_t i = 0; i < rows.nb; i++) {
		const char *key;
		json_t *value;

		json_object_foreach (rows.at[i]->row, key, value) {
			json_t *row = json_deep_copy(rows.at[i]->row);

			json_object_del(row, key);
			why[0] = '\0';
			if (load_with(&rows, i, row, why, sizeof(why)) == 0)
				fail_msg("row %s is taken without '%s'", rows.at[i]->id, key);
			assert_string_not_equal(why, "");
			json_decref(row);
		}
	}
	cp_journal_free(rows.journal);
}

static json_t *hostile_value(size_t n)
{
	static char longest[6000];

	memset(longest, 'x', sizeof(longest) - 1);
	switch (n) {
	case 0:
		return json_null();
	case 1:
		return json_integer(-1);
	case 2:
		return json_integer(INT64_MAX);
	case 3:
		return json_integer(UINT32_MAX);
	case 4:
		return json_string("");
	case 5:
		return json_string(longest);
	case 6:
		return json_array();
	case 7:
		return json_pack("{s:s}", "a", "b");
	case 8:
		return json_true();
	case 9:
		return json_pack("[n]");
	case 10:
		return json_string("%n%s\n");
	case 11:
		return json_pack("{s:[[[[]]]]}", "deletion_protection.enabled");
	default:
		return NULL;
	}
}

static void hostile_values_in_rows_are_refused_or_harmless(void **state)
{
	struct rows rows;
	size_t refused = 0, tried = 0;
	char why[256];

	rows_make(&rows);
	for (size_t i = 0; i < rows.nb; i++) {
		const char *key;
		json_t *old, *value;

		json_object_foreach (rows.at[i]->row, key, old) {
			for (size_t n = 0; (value = hostile_value(n)) != NULL; n++) {
				json_t *row = json_deep_copy(rows.at[i]->row);
				const bool other_type =
				        json_typeof(value) != json_typeof(old) &&
				        !(json_is_boolean(value) && json_is_boolean(old));

				json_object_set_new(row, key, value);
				why[0] = '\0';
				tried++;
				if (load_with(&rows, i, row, why, sizeof(why)) != 0) {
					assert_string_not_equal(why, "");
					refused++;
				} else if (other_type) {
					fail_msg("row %s is taken with %zu in '%s'", rows.at[i]->id,
					        n, key);
				}
				json_decref(row);
			}
		}
	}
	assert_in_range(refused, tried / 2, tried);
	cp_journal_free(rows.journal);
}

static void the_same_row_twice_is_refused(void **state)
{
	struct rows rows;
	struct rpc_rig rig;
	char why[256] = "";

	rows_make(&rows);
	rpc_rig_make(&rig, 64, 16);
	for (size_t i = 0; i < rows.nb; i++) {
		const struct cp_journal_entry *at = rows.at[i];

		assert_int_equal(
		        cp_model_load_row(rig.model, at->kind, at->id, at->row, why, sizeof(why)),
		        0);
		if (at->kind != CP_KIND_META)
			assert_int_not_equal(cp_model_load_row(rig.model, at->kind, at->id, at->row,
			                             why, sizeof(why)),
			        0);
	}
	rpc_rig_free(&rig);
	cp_journal_free(rows.journal);
}

static void rows_that_lead_nowhere_are_refused(void **state)
{
	struct rows rows;
	char why[256];

	rows_make(&rows);
	for (size_t i = 0; i < rows.nb; i++) {
		struct rpc_rig rig;

		if (rows.at[i]->kind != CP_KIND_TARGET && rows.at[i]->kind != CP_KIND_LISTENER)
			continue;
		rpc_rig_make(&rig, 64, 16);
		why[0] = '\0';
		assert_int_not_equal(cp_model_load_row(rig.model, rows.at[i]->kind, rows.at[i]->id,
		                             rows.at[i]->row, why, sizeof(why)),
		        0);
		assert_string_not_equal(why, "");
		rpc_rig_free(&rig);
	}
	cp_journal_free(rows.journal);
}

static void rows_with_another_id_are_refused(void **state)
{
	static const char *const ids[] = {"", " ", "arn:", "web", "arn:x:targetgroup/four/1",
	        "arn:x:loadbalancer/net/other/0123456789abcdef",
	        "arn:x:loadbalancer/net/web/0123456789abcdeF", "counts ", "slot ",
	        "slot 4294967296", "slot -1", "slot 1x"};
	struct rows rows;
	struct rpc_rig rig;
	char why[256];

	rows_make(&rows);
	rpc_rig_make(&rig, 64, 16);
	for (size_t i = 0; i < rows.nb; i++) {
		for (size_t k = 0; k < sizeof(ids) / sizeof(ids[0]); k++) {
			why[0] = '\0';
			if (cp_model_load_row(rig.model, rows.at[i]->kind, ids[k], rows.at[i]->row,
			            why, sizeof(why)) == 0)
				fail_msg("'%s' is taken for %s", ids[k], rows.at[i]->id);
			assert_string_not_equal(why, "");
		}
	}
	assert_int_not_equal(cp_model_load_row(rig.model, (enum cp_kind)99, "x", rows.at[0]->row,
	                             why, sizeof(why)),
	        0);
	rpc_rig_free(&rig);
	cp_journal_free(rows.journal);
}

static void an_instance_with_fewer_slots_says_so(void **state)
{
	struct cp_model_limits limits = {2, 16};
	struct cp_model *small = cp_model_create("test", &limits);
	struct rows rows;
	char why[256] = "";
	int rc = 0;

	rows_make(&rows);
	for (size_t i = 0; i < rows.nb && rc == 0; i++)
		if (rows.at[i]->kind == CP_KIND_TG || rows.at[i]->kind == CP_KIND_TARGET)
			rc = cp_model_load_row(small, rows.at[i]->kind, rows.at[i]->id,
			        rows.at[i]->row, why, sizeof(why));
	assert_int_not_equal(rc, 0);
	assert_non_null(strstr(why, "slot 2"));
	cp_model_free(small);
	cp_journal_free(rows.journal);
}

static void a_vanished_subnet_is_named(void **state)
{
	struct cp_model_limits limits = {64, 16};
	struct cp_model *bare = cp_model_create("test", &limits);
	struct rows rows;
	char why[256] = "";

	rows_make(&rows);
	assert_int_not_equal(cp_model_load_row(bare, rows.at[0]->kind, rows.at[0]->id,
	                             rows.at[0]->row, why, sizeof(why)),
	        0);
	assert_non_null(strstr(why, "front-a"));
	cp_model_free(bare);
	cp_journal_free(rows.journal);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rpc_setup, rpc_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_restart_makes_the_same_model),
	        TEST(changes_after_a_restart_come_out_the_same),
	        TEST(a_free_slot_keeps_its_epoch_over_a_restart),
	        cmocka_unit_test(rows_without_a_key_are_refused),
	        cmocka_unit_test(hostile_values_in_rows_are_refused_or_harmless),
	        cmocka_unit_test(the_same_row_twice_is_refused),
	        cmocka_unit_test(rows_that_lead_nowhere_are_refused),
	        cmocka_unit_test(rows_with_another_id_are_refused),
	        cmocka_unit_test(an_instance_with_fewer_slots_says_so),
	        cmocka_unit_test(a_vanished_subnet_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
