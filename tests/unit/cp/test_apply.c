/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The way of a change: validated, durable, on 'live', answered; and what a failing store takes
 * back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "apply.h"
#include "temp_dir.h"

struct fixture {
	struct temp_dir dir;
	uv_loop_t loop;
	struct cp_store *store;
	struct cp_model *live;
	struct cp_apply *apply;
	sqlite3 *other; /* another process's look into the file */
	int nb_on_live;
};

static struct cp_model *empty_model(void *arg)
{
	static const struct cp_model_limits limits = {64, 64};

	(void)arg;
	return cp_model_create("test", &limits);
}

static void on_live(void *arg)
{
	struct fixture *f = arg;

	f->nb_on_live++;
}

static void start(struct fixture *f)
{
	const struct cp_apply_hooks hooks = {empty_model, on_live, f};
	char why[512] = "";

	f->store = cp_store_open(&f->loop, f->dir.file, why, sizeof(why));
	assert_non_null(f->store);
	f->live = empty_model(f);
	assert_int_equal(cp_store_load(f->store, f->live, why, sizeof(why)), 0);
	f->apply = cp_apply_create(f->store, f->live, NULL, &hooks, why, sizeof(why));
	assert_non_null(f->apply);
}

static void stop(struct fixture *f)
{
	cp_store_close(f->store);
	cp_apply_free(f->apply);
	cp_model_free(f->live);
	uv_run(&f->loop, UV_RUN_DEFAULT);
}

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (temp_dir_make(&f->dir) < 0 || uv_loop_init(&f->loop) < 0)
		return -1;
	start(f);
	return 0;
}

static int free_fixture(void **state)
{
	struct fixture *f = *state;

	sqlite3_close(f->other);
	stop(f);
	uv_loop_close(&f->loop);
	temp_dir_remove(&f->dir);
	free(f);
	return 0;
}

static int64_t sql(struct fixture *f, const char *text)
{
	sqlite3_stmt *statement = NULL;
	int64_t value = -1;

	if (!f->other)
		assert_int_equal(sqlite3_open(f->dir.file, &f->other), SQLITE_OK);
	sqlite3_busy_timeout(f->other, 5000);
	assert_int_equal(sqlite3_prepare_v2(f->other, text, -1, &statement, NULL), SQLITE_OK);
	if (sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

/* ---- changes ---- */

struct answer {
	struct fixture *f;
	int calls, order;
	bool failed, pending;
	struct cp_error error;
	char name[CP_NAME_LEN];
	bool was_live;    /* the group was on 'live' when the answer came */
	const char *then; /* create this from within the answer */
	struct answer *then_answer;
};

static int nb_answers;

static struct cp_target_group *group_of(struct cp_model *model, const char *name)
{
	struct cp_target_group *group;

	HASH_FIND_STR(model->groups, name, group);
	return group;
}

static void create(
        struct fixture *f, const char *name, const char *protocol, struct answer *answer);

static void on_reply(void *arg, const json_t *result, const struct cp_error *error)
{
	struct answer *answer = arg;
	const json_t *group = json_array_get(json_object_get(result, "TargetGroups"), 0);

	answer->calls++;
	answer->order = nb_answers++;
	answer->failed = error != NULL;
	if (error)
		answer->error = *error;
	if (group)
		snprintf(answer->name, sizeof(answer->name), "%s",
		        json_string_value(json_object_get(group, "TargetGroupName")));
	answer->pending = json_is_true(json_object_get(result, "anabranch.Pending"));
	answer->was_live = group && group_of(answer->f->live, answer->name);
	if (answer->then)
		create(answer->f, answer->then, "TCP", answer->then_answer);
}

static void change(struct fixture *f, cp_change_fn run, json_t *params, struct answer *answer)
{
	static const struct cp_caller caller = {1000, 4711};

	answer->f = f;
	cp_apply_change(f->apply, "CreateTargetGroup", run, params, &caller, on_reply, answer);
	json_decref(params);
}

static void create(struct fixture *f, const char *name, const char *protocol, struct answer *answer)
{
	change(f, cp_rpc_CreateTargetGroup,
	        json_pack("{s:s, s:s, s:i}", "Name", name, "Protocol", protocol, "Port", 80),
	        answer);
}

static void wait_for(struct fixture *f, const struct answer *answer)
{
	while (answer->calls == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void test_an_answer_means_durable_and_live(void **state)
{
	struct fixture *f = *state;
	struct answer answer = {0};

	create(f, "web", "TCP", &answer);
	assert_int_equal(answer.calls, 0);
	assert_null(group_of(f->live, "web"));
	wait_for(f, &answer);
	assert_false(answer.failed);
	assert_string_equal(answer.name, "web");
	assert_true(answer.was_live);
	assert_true(answer.pending);
	assert_int_equal(sql(f, "SELECT count(*) FROM object WHERE kind = 1"), 1);
	assert_int_equal(sql(f, "SELECT count(*) FROM audit WHERE uid = 1000 AND pid = 4711"
	                        " AND method = 'CreateTargetGroup' AND result = 'ok'"),
	        1);
}

static void test_a_refused_change_is_answered_at_once_and_audited(void **state)
{
	struct fixture *f = *state;
	struct answer first = {0}, second = {0}, third = {0};

	create(f, "web", "TCP", &first);
	/* validated against what is not durable yet */
	create(f, "web", "UDP", &second);
	assert_int_equal(second.calls, 1);
	assert_string_equal(second.error.code, "DuplicateTargetGroupName");
	create(f, "other", "TCP", &third);
	wait_for(f, &third);
	assert_false(first.failed);
	assert_false(third.failed);
	assert_int_equal(
	        sql(f, "SELECT count(*) FROM audit WHERE result = 'DuplicateTargetGroupName'"), 1);
	assert_int_equal(HASH_COUNT(f->live->groups), 2);
}

static void test_many_changes_are_answered_in_order_and_share_work(void **state)
{
	enum { NB = 64 };
	struct fixture *f = *state;
	struct answer answers[NB] = {{0}};

	nb_answers = 0;
	sql(f, "BEGIN IMMEDIATE");
	for (int i = 0; i < NB; i++) {
		char name[16];

		snprintf(name, sizeof(name), "g%d", i);
		create(f, name, "TCP", &answers[i]);
	}
	sql(f, "ROLLBACK");
	wait_for(f, &answers[NB - 1]);
	for (int i = 0; i < NB; i++) {
		assert_false(answers[i].failed);
		assert_int_equal(answers[i].order, i);
	}
	/* two commits at most: what the thread had taken, and all the others */
	assert_in_range(f->nb_on_live, 1, 2);
}

static void break_writes(struct fixture *f)
{
	sql(f, "CREATE TRIGGER broken BEFORE INSERT ON object WHEN NEW.body LIKE '%\"bad\"%'"
	       " BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END");
}

static void test_a_failing_store_fails_all_that_wait_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct answer good = {0}, bad = {0}, after = {0}, again = {0};

	create(f, "good", "TCP", &good);
	wait_for(f, &good);
	break_writes(f);
	create(f, "bad", "TCP", &bad);
	create(f, "after", "TCP", &after);
	wait_for(f, &after);
	assert_string_equal(bad.error.code, "InternalFailure");
	assert_non_null(strstr(bad.error.message, "on fire"));
	assert_string_equal(after.error.code, "InternalFailure");
	assert_int_equal(HASH_COUNT(f->live->groups), 1);
	/* validation does not remember what failed: the same name with other settings is fine */
	create(f, "after", "UDP", &again);
	wait_for(f, &again);
	assert_false(again.failed);
	assert_int_equal(sql(f, "SELECT count(*) FROM object WHERE kind = 1"), 2);
}

static void test_a_change_from_within_a_failures_answer_succeeds(void **state)
{
	struct fixture *f = *state;
	struct answer then = {0}, bad = {.then = "then", .then_answer = &then};

	break_writes(f);
	create(f, "bad", "TCP", &bad);
	wait_for(f, &then);
	assert_true(bad.failed);
	assert_false(then.failed);
	assert_non_null(group_of(f->live, "then"));
}

static void test_status_remembers_the_failure_until_a_change_is_stored(void **state)
{
	struct fixture *f = *state;
	struct cp_apply_status status;
	struct answer bad = {0}, good = {0};

	break_writes(f);
	create(f, "bad", "TCP", &bad);
	wait_for(f, &bad);
	cp_apply_status(f->apply, &status);
	assert_int_equal(status.failed, 1);
	assert_non_null(strstr(status.problem, "on fire"));
	create(f, "good", "TCP", &good);
	wait_for(f, &good);
	cp_apply_status(f->apply, &status);
	assert_string_equal(status.problem, "");
	assert_int_equal(status.changes, 1);
}

static void test_denials_cannot_fill_the_audit_trail(void **state)
{
	static const struct cp_caller stranger = {65534, 1};
	struct fixture *f = *state;
	struct answer last = {0};
	char long_name[5000];
	json_t *params;

	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	params = json_pack("{s:s}", "Name", long_name);
	for (int i = 0; i < 1000; i++)
		cp_apply_denied(f->apply, "DeleteTargetGroup", params, &stranger);
	json_decref(params);
	create(f, "web", "TCP", &last);
	wait_for(f, &last);
	/* the minute may turn once in between */
	assert_in_range(
	        sql(f, "SELECT count(*) FROM audit WHERE result = 'AccessDenied'"), 60, 120);
	assert_int_equal(sql(f, "SELECT count(*) FROM audit WHERE length(params) > 1024"), 0);
}

static int works_once(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error)
{
	static int calls;

	(void)model;
	(void)context;
	(void)params;
	if (calls++ > 0)
		return cp_fail(error, "InvalidTarget", "not twice");
	*result = json_object();
	return 0;
}

static void test_a_change_that_live_refuses_asks_for_a_restart(void **state)
{
	struct fixture *f = *state;
	struct cp_apply_status status;
	struct answer answer = {0}, later = {0};

	change(f, works_once, json_object(), &answer);
	wait_for(f, &answer);
	assert_string_equal(answer.error.code, "InternalFailure");
	create(f, "later", "TCP", &later);
	wait_for(f, &later);
	cp_apply_status(f->apply, &status);
	assert_non_null(strstr(status.problem, "restart anabranchd"));
}

static void test_a_restart_loads_what_was_stored(void **state)
{
	struct fixture *f = *state;
	struct answer first = {0}, second = {0}, third = {0};
	uint64_t revision;

	create(f, "one", "TCP", &first);
	create(f, "two", "UDP", &second);
	wait_for(f, &second);
	revision = f->live->revision;
	stop(f);
	start(f);
	assert_non_null(group_of(f->live, "one"));
	assert_int_equal(group_of(f->live, "two")->protocol, CP_UDP);
	assert_int_equal(f->live->revision, revision);
	create(f, "three", "TCP", &third);
	wait_for(f, &third);
	assert_int_equal(f->live->revision, revision + 1);
}

#define WITH_APPLY(test) cmocka_unit_test_setup_teardown(test, make_fixture, free_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_APPLY(test_an_answer_means_durable_and_live),
	        WITH_APPLY(test_a_refused_change_is_answered_at_once_and_audited),
	        WITH_APPLY(test_many_changes_are_answered_in_order_and_share_work),
	        WITH_APPLY(test_a_failing_store_fails_all_that_wait_and_changes_nothing),
	        WITH_APPLY(test_a_change_from_within_a_failures_answer_succeeds),
	        WITH_APPLY(test_status_remembers_the_failure_until_a_change_is_stored),
	        WITH_APPLY(test_denials_cannot_fill_the_audit_trail),
	        WITH_APPLY(test_a_change_that_live_refuses_asks_for_a_restart),
	        WITH_APPLY(test_a_restart_loads_what_was_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
