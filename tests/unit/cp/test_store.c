/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The store: what is durable when, shared commits, failures, deaths, and files that are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store.h"
#include "temp_dir.h"

struct fixture {
	struct temp_dir dir;
	uv_loop_t loop;
	struct cp_store *store;
	sqlite3 *other; /* another process's look into the file */
	char why[512];
};

static struct cp_store *reopen(struct fixture *f)
{
	f->store = cp_store_open(&f->loop, f->dir.file, f->why, sizeof(f->why));
	return f->store;
}

static void close_store(struct fixture *f)
{
	if (f->store)
		cp_store_close(f->store);
	f->store = NULL;
	uv_run(&f->loop, UV_RUN_DEFAULT);
}

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (temp_dir_make(&f->dir) < 0 || uv_loop_init(&f->loop) < 0)
		return -1;
	return reopen(f) ? 0 : -1;
}

static int free_fixture(void **state)
{
	struct fixture *f = *state;

	sqlite3_close(f->other);
	close_store(f);
	uv_loop_close(&f->loop);
	temp_dir_remove(&f->dir);
	free(f);
	return 0;
}

/* Runs SQL as another process would; returns the first column of the first row as a number. */
static int64_t sql(struct fixture *f, const char *text)
{
	sqlite3_stmt *statement = NULL;
	int64_t value = -1;
	int code;

	if (!f->other)
		assert_int_equal(sqlite3_open(f->dir.file, &f->other), SQLITE_OK);
	sqlite3_busy_timeout(f->other, 5000);
	assert_int_equal(sqlite3_prepare_v2(f->other, text, -1, &statement, NULL), SQLITE_OK);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	assert_true(code == SQLITE_ROW || code == SQLITE_DONE);
	sqlite3_finalize(statement);
	return value;
}

/* ---- writes ---- */

struct outcome {
	int calls, status;
	int order; /* how many were called before it */
	char why[512];
	struct fixture *f;
	struct outcome *then; /* written from within this one's callback */
};

static int nb_outcomes;

static struct cp_journal_entry *entry(const char *id, json_t *row)
{
	struct cp_journal_entry *made = calloc(1, sizeof(*made));

	made->kind = CP_KIND_TG;
	snprintf(made->id, sizeof(made->id), "%s", id);
	made->row = row;
	return made;
}

static void on_done(void *arg, int status, const char *why);

static void write_journal(struct fixture *f, struct cp_journal_entry *journal, uint64_t revision,
        struct outcome *outcome)
{
	struct cp_audit audit = {.time_ms = 1,
	        .uid = 2,
	        .pid = 3,
	        .method = strdup("Test"),
	        .params = strdup("{}"),
	        .result = strdup("ok")};

	outcome->f = f;
	cp_store_write(f->store, journal, revision, &audit, on_done, outcome);
}

static void on_done(void *arg, int status, const char *why)
{
	struct outcome *outcome = arg;

	outcome->calls++;
	outcome->status = status;
	outcome->order = nb_outcomes++;
	snprintf(outcome->why, sizeof(outcome->why), "%s", why ? why : "");
	if (outcome->then)
		write_journal(outcome->f, entry("then", json_integer(1)), 9, outcome->then);
}

static void wait_for(struct fixture *f, const struct outcome *outcome)
{
	while (outcome->calls == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void test_a_change_is_in_the_file_when_done_is_called(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};

	write_journal(f, entry("a", json_pack("{s:i}", "x", 1)), 5, &outcome);
	wait_for(f, &outcome);
	assert_int_equal(outcome.status, 0);
	assert_int_equal(sql(f, "SELECT json_extract(body, '$.x') FROM object WHERE id = 'a'"), 1);
	assert_int_equal(sql(f, "SELECT value FROM meta WHERE key = 'revision'"), 5);
	assert_int_equal(sql(f, "SELECT count(*) FROM audit WHERE uid = 2 AND pid = 3"), 1);
}

static void test_a_deletion_takes_the_row_away(void **state)
{
	struct fixture *f = *state;
	struct outcome made = {0}, gone = {0};

	write_journal(f, entry("a", json_integer(1)), 1, &made);
	write_journal(f, entry("a", NULL), 2, &gone);
	wait_for(f, &gone);
	assert_int_equal(gone.status, 0);
	assert_int_equal(sql(f, "SELECT count(*) FROM object"), 0);
}

static void test_a_changed_row_keeps_its_place(void **state)
{
	struct fixture *f = *state;
	struct outcome outcomes[3] = {{0}};

	write_journal(f, entry("first", json_integer(1)), 1, &outcomes[0]);
	write_journal(f, entry("second", json_integer(1)), 2, &outcomes[1]);
	write_journal(f, entry("first", json_integer(2)), 3, &outcomes[2]);
	wait_for(f, &outcomes[2]);
	assert_int_equal(
	        sql(f, "SELECT id = 'first' AND body = '2' FROM object ORDER BY kind, rowid"), 1);
}

static void test_audit_alone_changes_no_revision(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};

	write_journal(f, NULL, 77, &outcome);
	wait_for(f, &outcome);
	assert_int_equal(outcome.status, 0);
	assert_int_equal(sql(f, "SELECT count(*) FROM audit"), 1);
	assert_int_equal(sql(f, "SELECT count(*) FROM meta WHERE key = 'revision'"), 0);
}

/* In a write-ahead log, the last frame of each commit says how long the database then is. */
static int nb_commits(struct fixture *f)
{
	enum { LOG_HEADER = 32, FRAME_HEADER = 24, PAGE = 4096 };
	uint8_t frame[FRAME_HEADER];
	char path[128];
	int commits = 0, fd;

	snprintf(path, sizeof(path), "%s-wal", f->dir.file);
	fd = open(path, O_RDONLY);
	if (fd < 0 && errno == ENOENT)
		return 0;
	assert_true(fd >= 0);
	for (off_t at = LOG_HEADER; pread(fd, frame, sizeof(frame), at) == FRAME_HEADER;
	        at += FRAME_HEADER + PAGE)
		commits += memcmp(frame + 4, "\0\0\0\0", 4) != 0;
	close(fd);
	return commits;
}

static void test_what_waits_shares_a_commit(void **state)
{
	enum { NB = 300 };
	struct fixture *f = *state;
	struct outcome outcomes[NB] = {{0}};
	int before = nb_commits(f);

	/* The thread waits for the file, with at most what it has taken already. */
	sql(f, "BEGIN IMMEDIATE");
	nb_outcomes = 0;
	for (int i = 0; i < NB; i++) {
		char id[16];

		snprintf(id, sizeof(id), "g%d", i);
		write_journal(f, entry(id, json_integer(i)), (uint64_t)i, &outcomes[i]);
	}
	sql(f, "ROLLBACK");
	wait_for(f, &outcomes[NB - 1]);
	for (int i = 0; i < NB; i++) {
		assert_int_equal(outcomes[i].calls, 1);
		assert_int_equal(outcomes[i].status, 0);
		assert_int_equal(outcomes[i].order, i);
	}
	assert_int_equal(sql(f, "SELECT count(*) FROM object"), NB);
	assert_in_range(nb_commits(f) - before, 1, 3);
}

/* ---- failures ---- */

static void break_writes(struct fixture *f)
{
	sql(f, "CREATE TRIGGER broken BEFORE INSERT ON object WHEN NEW.id = 'bad'"
	       " BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END");
}

static void test_a_failure_takes_all_that_was_queued_with_it(void **state)
{
	struct fixture *f = *state;
	struct outcome bad = {0}, after = {0}, fresh = {0};

	break_writes(f);
	write_journal(f, entry("bad", json_integer(1)), 1, &bad);
	write_journal(f, entry("after", json_integer(1)), 2, &after);
	wait_for(f, &after);
	assert_true(bad.status < 0);
	assert_non_null(strstr(bad.why, "on fire"));
	assert_true(after.status < 0);
	assert_int_equal(sql(f, "SELECT count(*) FROM object"), 0);
	assert_int_equal(sql(f, "SELECT count(*) FROM audit"), 0);
	write_journal(f, entry("fresh", json_integer(1)), 3, &fresh);
	wait_for(f, &fresh);
	assert_int_equal(fresh.status, 0);
	assert_int_equal(sql(f, "SELECT count(*) FROM object"), 1);
}

/* Queued when the thread has failed, and the loop does not know yet. */
static void test_a_write_queued_before_the_failure_is_told_fails(void **state)
{
	struct fixture *f = *state;
	struct outcome bad = {0}, unknowing = {0};
	struct pollfd told = {.fd = uv_backend_fd(&f->loop), .events = POLLIN};

	break_writes(f);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	write_journal(f, entry("bad", json_integer(1)), 1, &bad);
	assert_int_equal(poll(&told, 1, 10000), 1);
	assert_int_equal(bad.calls, 0);
	write_journal(f, entry("unknowing", json_integer(1)), 2, &unknowing);
	wait_for(f, &unknowing);
	assert_true(bad.status < 0);
	assert_true(unknowing.status < 0);
	assert_int_equal(sql(f, "SELECT count(*) FROM object"), 0);
}

static void test_a_write_queued_when_the_failure_is_told_succeeds(void **state)
{
	struct fixture *f = *state;
	struct outcome then = {0}, bad = {.then = &then};

	break_writes(f);
	write_journal(f, entry("bad", json_integer(1)), 1, &bad);
	wait_for(f, &then);
	assert_true(bad.status < 0);
	assert_int_equal(then.status, 0);
	assert_int_equal(sql(f, "SELECT count(*) FROM object WHERE id = 'then'"), 1);
}

static void test_closing_writes_what_is_queued(void **state)
{
	struct fixture *f = *state;
	struct outcome outcomes[50] = {{0}};

	for (int i = 0; i < 50; i++) {
		char id[16];

		snprintf(id, sizeof(id), "g%d", i);
		write_journal(f, entry(id, json_integer(i)), (uint64_t)i, &outcomes[i]);
	}
	close_store(f);
	for (int i = 0; i < 50; i++)
		assert_int_equal(outcomes[i].calls, 1);
	assert_int_equal(sql(f, "SELECT count(*) FROM object"), 50);
}

/* ---- deaths ---- */

/* Each change is one row that counts and one that says what the count was. */
static void write_until_killed(const char *path, int ready)
{
	struct outcome outcomes[8] = {{0}};
	struct fixture f = {0};
	uint64_t n = 0;

	uv_loop_init(&f.loop);
	snprintf(f.dir.file, sizeof(f.dir.file), "%s", path);
	if (!reopen(&f) || write(ready, "r", 1) != 1)
		_exit(1);
	for (;;) {
		memset(outcomes, 0, sizeof(outcomes));
		for (int i = 0; i < 8; i++) {
			struct cp_journal_entry *journal =
			        entry("one", json_integer((json_int_t)++n));

			journal->next = entry("other", json_integer((json_int_t)n));
			write_journal(&f, journal, n, &outcomes[i]);
		}
		wait_for(&f, &outcomes[7]);
		if (outcomes[7].status < 0)
			_exit(1);
	}
}

static void test_killed_while_writing_the_file_is_old_or_new(void **state)
{
	struct fixture *f = *state;
	int64_t former = 0;

	close_store(f);
	for (int round = 0; round < 10; round++) {
		int64_t revision;
		int fds[2], status;
		pid_t child;
		char byte;

		assert_int_equal(pipe(fds), 0);
		child = fork();
		if (child == 0)
			write_until_killed(f->dir.file, fds[1]);
		assert_int_equal(read(fds[0], &byte, 1), 1);
		usleep(3000 + (useconds_t)round * 1700);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		close(fds[0]);
		close(fds[1]);

		assert_non_null(reopen(f));
		close_store(f);
		revision =
		        sql(f, "SELECT coalesce(max(value), 0) FROM meta WHERE key = 'revision'");
		assert_int_equal(sql(f, "SELECT count(*) FROM object WHERE CAST(body AS INTEGER) = "
		                        "(SELECT value"
		                        " FROM meta WHERE key = 'revision')"),
		        revision > 0 ? 2 : 0);
		assert_true(revision >= 0);
		former += revision > 0;
		sqlite3_close(f->other);
		f->other = NULL;
	}
	assert_true(former > 0);
}

/* ---- files ---- */

static void expect_refused(struct fixture *f, const char *says)
{
	assert_null(reopen(f));
	if (!strstr(f->why, says))
		print_error("\"%s\" does not say \"%s\"\n", f->why, says);
	assert_non_null(strstr(f->why, says));
	assert_non_null(strstr(f->why, f->dir.file));
	uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void overwrite(struct fixture *f, off_t from, size_t len)
{
	char garbage[4096];
	int fd = open(f->dir.file, O_WRONLY);

	memset(garbage, 0xa5, sizeof(garbage));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, garbage, len, from), len);
	close(fd);
}

static void fill(struct fixture *f)
{
	struct outcome outcomes[200] = {{0}};

	for (int i = 0; i < 200; i++) {
		char id[16];

		snprintf(id, sizeof(id), "g%d", i);
		write_journal(f, entry(id, json_pack("{s:s}", "x", "a long enough row")), 1,
		        &outcomes[i]);
	}
	close_store(f);
}

static void test_a_damaged_page_is_refused(void **state)
{
	struct fixture *f = *state;

	fill(f);
	overwrite(f, 4096, 4096);
	expect_refused(f, "damaged");
}

static void test_a_damaged_header_is_refused(void **state)
{
	struct fixture *f = *state;

	fill(f);
	overwrite(f, 0, 100);
	expect_refused(f, "damaged, or no database");
}

static void test_a_damaged_file_is_left_as_it_is(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;

	fill(f);
	overwrite(f, 4096, 4096);
	assert_int_equal(stat(f->dir.file, &before), 0);
	expect_refused(f, "Nothing was changed");
	assert_int_equal(stat(f->dir.file, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void test_another_schema_is_refused_with_both_versions(void **state)
{
	struct fixture *f = *state;

	close_store(f);
	sql(f, "UPDATE meta SET value = 7 WHERE key = 'schema'");
	expect_refused(f, "schema version 7, and this anabranchd knows 1");
}

static void test_somebody_elses_database_is_refused(void **state)
{
	struct fixture *f = *state;

	close_store(f);
	sql(f, "DROP TABLE meta");
	expect_refused(f, "not anabranchd's");
}

static void test_a_second_daemon_is_told_who_holds_the_file(void **state)
{
	struct fixture *f = *state;
	struct cp_store *first = f->store;
	char holder[32];

	snprintf(holder, sizeof(holder), "process %d", (int)getpid());
	expect_refused(f, holder);
	f->store = first;
}

static void test_a_missing_directory_is_named(void **state)
{
	struct fixture *f = *state;

	close_store(f);
	snprintf(f->dir.file, sizeof(f->dir.file), "%s/none/anabranch.db", f->dir.path);
	expect_refused(f, "directory must exist");
}

static void test_nobody_else_may_read_the_file(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->dir.file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_rows_that_are_no_objects_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct cp_model_limits limits = {16, 16};
	struct cp_model *model = cp_model_create("test", &limits);
	char why[512] = "";

	sql(f, "INSERT INTO object VALUES(1, 'arn', 'no json')");
	assert_true(cp_store_load(f->store, model, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, "row \"arn\" of kind 1"));
	cp_model_free(model);
	model = cp_model_create("test", &limits);
	sql(f, "UPDATE object SET kind = 99, body = '{}'");
	assert_true(cp_store_load(f->store, model, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, "of kind 99"));
	cp_model_free(model);
	model = cp_model_create("test", &limits);
	sql(f, "UPDATE object SET kind = 1, body = '{}'");
	assert_true(cp_store_load(f->store, model, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, "does not fit"));
	cp_model_free(model);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, make_fixture, free_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_STORE(test_a_change_is_in_the_file_when_done_is_called),
	        WITH_STORE(test_a_deletion_takes_the_row_away),
	        WITH_STORE(test_a_changed_row_keeps_its_place),
	        WITH_STORE(test_audit_alone_changes_no_revision),
	        WITH_STORE(test_what_waits_shares_a_commit),
	        WITH_STORE(test_a_failure_takes_all_that_was_queued_with_it),
	        WITH_STORE(test_a_write_queued_before_the_failure_is_told_fails),
	        WITH_STORE(test_a_write_queued_when_the_failure_is_told_succeeds),
	        WITH_STORE(test_closing_writes_what_is_queued),
	        WITH_STORE(test_killed_while_writing_the_file_is_old_or_new),
	        WITH_STORE(test_a_damaged_page_is_refused),
	        WITH_STORE(test_a_damaged_header_is_refused),
	        WITH_STORE(test_a_damaged_file_is_left_as_it_is),
	        WITH_STORE(test_another_schema_is_refused_with_both_versions),
	        WITH_STORE(test_somebody_elses_database_is_refused),
	        WITH_STORE(test_a_second_daemon_is_told_who_holds_the_file),
	        WITH_STORE(test_a_missing_directory_is_named),
	        WITH_STORE(test_nobody_else_may_read_the_file),
	        WITH_STORE(test_rows_that_are_no_objects_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
