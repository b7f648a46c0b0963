/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The publisher against a stand-in for the dataplane: who runs what, who is told, what is freed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <time.h>
#include <unistd.h>

#include "dataplane_standin.h"
#include "generation_reader.h"
#include "model_fixture.h"
#include "publish.h"

struct bench {
	uv_loop_t loop;
	struct cp_model *model;
	struct cp_load_balancer *lb;
	struct cp_target_group *group;
	struct cp_target *targets[4];
	struct standin *standin;
	struct cp_publisher *publisher;
	uint32_t attached; /* calls of on_attach */
};

struct told {
	uint32_t calls;
	bool pending;
};

static void on_done(void *arg, bool pending)
{
	struct told *told = arg;

	told->calls++;
	told->pending = pending;
}

static void on_attach(void *arg)
{
	((struct bench *)arg)->attached++;
}

/* One listener, a group of four healthy targets. 'reversed': registered in the other order. */
static void make_model(struct bench *b, bool reversed)
{
	b->model = fixture_model(4096);
	b->lb = fixture_lb(b->model, 1, 1);
	b->group = fixture_group(b->model, "web", CP_TCP, false);
	for (uint8_t i = 0; i < 4; i++) {
		uint8_t n = reversed ? 3 - i : i;

		b->targets[n] = fixture_target(b->model, b->group, 1, n, 0, 1);
	}
	fixture_listener(b->model, b->lb, b->group, CP_TCP, 80);
}

static int set_up(void **state)
{
	struct standin_options options = standin_defaults();
	struct bench *b = calloc(1, sizeof(*b));

	uv_loop_init(&b->loop);
	make_model(b, false);
	fixture_all_healthy(b->group);
	b->standin = standin_create(&options, NULL);
	*state = b;
	return 0;
}

static void start_publisher(struct bench *b)
{
	b->publisher = cp_publisher_create(&b->loop, b->standin->path, b->model, on_attach, b);
	assert_non_null(b->publisher);
}

static void end_publisher(struct bench *b)
{
	cp_publisher_free(b->publisher);
	b->publisher = NULL;
	uv_run(&b->loop, UV_RUN_DEFAULT); /* ends when all handles are closed */
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	if (b->publisher)
		end_publisher(b);
	if (uv_loop_close(&b->loop) != 0)
		return -1;
	standin_free(b->standin, false);
	cp_model_free(b->model);
	free(b);
	return 0;
}

static struct cp_publisher_status status_of(struct bench *b)
{
	struct cp_publisher_status status;

	cp_publisher_status(b->publisher, &status);
	return status;
}

typedef bool (*condition_fn)(struct bench *b, void *arg);

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Runs the loop until the condition holds; the test fails if it never does. */
static void run_until(struct bench *b, condition_fn condition, void *arg)
{
	uint64_t deadline_ms = now_ms() + 20000;

	while (!condition(b, arg)) {
		if (now_ms() > deadline_ms) {
			struct cp_publisher_status s = status_of(b);

			fail_msg("waited in vain; why \"%s\", problem \"%s\"", s.why, s.problem);
		}
		uv_run(&b->loop, UV_RUN_NOWAIT);
		usleep(100);
	}
}

static bool is_told(struct bench *b, void *arg)
{
	(void)b;
	return ((struct told *)arg)->calls > 0;
}

/* Everybody runs the newest, and it is one later than 'arg' where that is not NULL. */
static bool is_settled(struct bench *b, void *arg)
{
	struct cp_publisher_status s = status_of(b);

	return s.attached && s.revision > (arg ? *(uint64_t *)arg : 0) &&
	       s.acknowledged == s.revision;
}

static bool is_detached(struct bench *b, void *arg)
{
	(void)arg;
	return !status_of(b).attached;
}

static bool has_problem(struct bench *b, void *arg)
{
	return strstr(status_of(b).problem, arg) != NULL;
}

static bool has_no_problem(struct bench *b, void *arg)
{
	(void)arg;
	return status_of(b).problem[0] == '\0';
}

static bool is_silent(struct bench *b, void *arg)
{
	return status_of(b).silent_consumers == *(uint32_t *)arg;
}

static bool runs_at_least(struct bench *b, uint32_t consumer, uint64_t revision)
{
	return standin_running(b->standin, consumer) >= revision;
}

static bool worker_0_runs(struct bench *b, void *arg)
{
	return runs_at_least(b, 0, *(uint64_t *)arg);
}

static struct reader reader_of(struct bench *b, uint32_t consumer)
{
	return reader_open(
	        b->standin->maps[LB_SEGMENT_TABLES], standin_running_offset(b->standin, consumer));
}

static void attach(struct bench *b)
{
	standin_start(b->standin);
	start_publisher(b);
	run_until(b, is_settled, NULL);
}

static void test_everybody_runs_what_was_published(void **state)
{
	struct bench *b = *state;
	struct lb_ip ip = fixture_ip(false, 200, 1);
	struct cp_publisher_status s;
	struct told told = {0};

	attach(b);
	assert_int_equal(b->attached, 1);
	fixture_listener(b->model, b->lb, b->group, CP_TCP, 81);
	cp_publish(b->publisher, false, on_done, &told);
	assert_int_equal(told.calls, 0);
	run_until(b, is_told, &told);
	assert_false(told.pending);
	s = status_of(b);
	assert_int_equal(s.generations, 2);
	assert_int_equal(s.nb_consumers, 3);
	assert_int_equal(s.dataplane_pid, 4711);
	assert_string_equal(s.why, "");
	assert_string_equal(s.problem, "");
	for (uint32_t i = 0; i < 3; i++) {
		struct reader reader = reader_of(b, i);

		assert_int_equal(standin_running(b->standin, i), s.revision);
		assert_non_null(reader_listener(&reader, &ip, 6, 81));
	}
	assert_int_equal(b->standin->bad, 0);
	assert_non_null(cp_publisher_stats(b->publisher));
	assert_int_equal(cp_publisher_stats_size(b->publisher), lb_stats_size(2, 4096, 4096));
}

static void test_without_a_dataplane_a_change_is_pending_and_told_once(void **state)
{
	struct bench *b = *state;
	struct told told = {0};

	start_publisher(b);
	cp_publish(b->publisher, false, on_done, &told);
	run_until(b, is_told, &told);
	assert_true(told.pending);
	assert_non_null(strstr(status_of(b).why, "is anabranch-dataplane running?"));
	assert_null(cp_publisher_stats(b->publisher));
	standin_start(b->standin);
	run_until(b, is_settled, NULL);
	assert_int_equal(told.calls, 1);
}

static void test_a_verdict_is_announced_before_the_call_returns(void **state)
{
	struct bench *b = *state;
	uint64_t revision;

	attach(b);
	revision = status_of(b).revision;
	fixture_unhealthy(b->targets[0]);
	cp_publish(b->publisher, true, NULL, NULL);
	assert_int_equal(status_of(b).revision, revision + 1);
	run_until(b, is_settled, &revision);
}

static void test_changes_of_one_turn_share_a_generation(void **state)
{
	struct bench *b = *state;
	struct told told[3] = {{0}};
	uint64_t revision;

	attach(b);
	revision = status_of(b).revision;
	for (uint32_t i = 0; i < 3; i++)
		cp_publish(b->publisher, false, on_done, &told[i]);
	run_until(b, is_settled, &revision);
	assert_int_equal(status_of(b).revision, revision + 1);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(told[i].calls == 1 && !told[i].pending);
}

static void test_a_thousand_verdicts_in_one_turn_make_two_generations(void **state)
{
	struct bench *b = *state;
	struct told told = {0};
	uint64_t revision;

	attach(b);
	revision = status_of(b).revision;
	for (uint32_t i = 0; i < 999; i++)
		cp_publish(b->publisher, true, NULL, NULL);
	cp_publish(b->publisher, true, on_done, &told);
	run_until(b, is_told, &told);
	assert_int_equal(status_of(b).revision, revision + 2);
}

/* A turn of the loop that takes longer than anybody's patience: no answer is read in it. */
static void test_verdicts_build_nothing_while_everybody_owes_an_answer(void **state)
{
	struct bench *b = *state;
	struct told told = {0};
	uint64_t revision;

	attach(b);
	standin_silence(b->standin, 7);
	cp_publish(b->publisher, true, NULL, NULL);
	revision = status_of(b).revision;
	usleep(20000);
	uv_update_time(&b->loop);
	for (uint32_t i = 0; i < 100; i++)
		cp_publish(b->publisher, true, i == 99 ? on_done : NULL, &told);
	assert_int_equal(status_of(b).revision, revision);
	standin_silence(b->standin, 0);
	run_until(b, is_told, &told);
	assert_false(told.pending);
	assert_int_equal(status_of(b).revision, revision + 1);
}

static struct cp_latency_summary latency_of(struct bench *b, bool verdicts)
{
	struct cp_latency_summary summary;

	cp_publisher_latency(b->publisher, verdicts, &summary);
	return summary;
}

static void test_verdicts_and_changes_are_timed_apart_until_everybody_runs_them(void **state)
{
	struct bench *b = *state;
	struct told told = {0};
	uint64_t revision, begun_ns;

	attach(b);
	assert_int_equal(latency_of(b, true).count + latency_of(b, false).count, 0);
	standin_silence(b->standin, 1 << 1);
	revision = status_of(b).revision;
	begun_ns = uv_hrtime();
	cp_publish(b->publisher, true, NULL, NULL);
	for (uint32_t i = 0; i < 20; i++) {
		uv_run(&b->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(latency_of(b, true).count, 0);
	standin_silence(b->standin, 0);
	run_until(b, is_settled, &revision);
	assert_int_equal(latency_of(b, true).count, 1);
	assert_true(latency_of(b, true).median_us >= 20000);
	assert_true(latency_of(b, true).max_us <= (uv_hrtime() - begun_ns) / 1000);
	assert_int_equal(latency_of(b, false).count, 0);
	cp_publish(b->publisher, false, on_done, &told);
	run_until(b, is_told, &told);
	assert_int_equal(latency_of(b, false).count, 1);
	assert_int_equal(latency_of(b, true).count, 1);
}

static void test_what_was_published_without_a_dataplane_is_not_timed(void **state)
{
	struct bench *b = *state;

	start_publisher(b);
	cp_publish(b->publisher, true, NULL, NULL);
	cp_publish(b->publisher, false, NULL, NULL);
	standin_start(b->standin);
	run_until(b, is_settled, NULL);
	assert_int_equal(latency_of(b, true).count + latency_of(b, false).count, 0);
}

static void test_a_silent_worker_is_named_and_delays_nobody(void **state)
{
	struct bench *b = *state;
	uint32_t worker_1 = 1 << 1;
	struct told told = {0};
	uint64_t revision, used;

	attach(b);
	revision = status_of(b).revision;
	used = status_of(b).table_bytes_used;
	standin_silence(b->standin, worker_1);
	cp_publish(b->publisher, true, on_done, &told);
	run_until(b, is_told, &told);
	assert_true(told.pending);
	run_until(b, is_silent, &worker_1);
	for (uint32_t i = 0; i < 20; i++) {
		uint64_t next = status_of(b).revision + 1;

		fixture_unhealthy(b->targets[i % 4]);
		cp_publish(b->publisher, true, NULL, NULL);
		run_until(b, worker_0_runs, &next);
		fixture_healthy(b->targets[i % 4]);
	}
	assert_int_equal(status_of(b).acknowledged, revision);
	assert_int_equal(standin_running(b->standin, 1), revision);
	/* what the silent one runs and was told of, what the others run and the newest */
	assert_true(status_of(b).table_bytes_used < 5 * used);
	standin_silence(b->standin, 0);
	cp_publish(b->publisher, false, NULL, NULL);
	revision = status_of(b).revision;
	run_until(b, is_settled, &revision);
	assert_int_equal(status_of(b).silent_consumers, 0);
	assert_int_equal(status_of(b).table_bytes_used, used);
	assert_int_equal(b->standin->bad, 0);
}

static void test_a_refused_generation_is_reported_with_who_and_why(void **state)
{
	struct bench *b = *state;
	struct told told = {0};
	uint64_t revision;

	attach(b);
	b->standin->refuses = 1 << 2;
	cp_publish(b->publisher, true, on_done, &told);
	run_until(b, has_problem, "the main core refused revision 2: an array in it is out of");
	run_until(b, is_told, &told);
	assert_true(told.pending);
	b->standin->refuses = 0;
	revision = status_of(b).revision;
	cp_publish(b->publisher, true, NULL, NULL);
	run_until(b, is_settled, &revision);
	assert_string_equal(status_of(b).problem, "");
}

static void test_a_full_ring_is_reported_and_used_again_when_it_has_room(void **state)
{
	struct bench *b = *state;
	struct lb_msg noise = {.type = LB_MSG_NONE};

	standin_silence(b->standin, 1 << 0);
	while (lb_ring_send(lb_command_ring(b->standin->rings, 0), &noise) == 0)
		;
	standin_start(b->standin);
	start_publisher(b);
	run_until(b, has_problem, "the command ring of worker 0 is full");
	assert_int_equal(standin_running(b->standin, 0), 0);
	standin_silence(b->standin, 0);
	run_until(b, is_settled, NULL);
	run_until(b, has_no_problem, NULL);
}

static void test_a_ring_corrupted_while_in_use_is_left_alone_and_reported(void **state)
{
	struct bench *b = *state;
	uint32_t worker_0 = 1 << 0;
	struct told told = {0};

	attach(b);
	standin_silence(b->standin, worker_0);
	lb_command_ring(b->standin->rings, 0)->size = 7;
	cp_publish(b->publisher, true, on_done, &told);
	run_until(b, has_problem, "a ring of worker 0 is corrupt: restart the dataplane");
	run_until(b, is_told, &told);
	assert_true(told.pending);
	assert_true(runs_at_least(b, 1, 2));
	assert_true(is_silent(b, &worker_0));
}

static void test_answers_to_nothing_are_ignored(void **state)
{
	struct bench *b = *state;
	uint64_t revision;

	attach(b);
	revision = status_of(b).revision;
	standin_silence(b->standin, 1 << 0);
	for (uint32_t seq = 0; seq < 200; seq++) {
		struct lb_msg noise = {.type = LB_MSG_RUNNING,
		        .seq = seq,
		        .revision = UINT64_MAX - seq,
		        .offset = seq * 64};

		(void)lb_ring_send(lb_ack_ring(b->standin->rings, 0), &noise);
	}
	cp_publish(b->publisher, true, NULL, NULL);
	revision++;
	run_until(b, worker_0_runs, &(uint64_t){1});
	for (uint32_t i = 0; i < 50; i++) {
		uv_run(&b->loop, UV_RUN_NOWAIT);
		usleep(100);
	}
	assert_int_equal(status_of(b).acknowledged, revision - 1);
	standin_silence(b->standin, 0);
	run_until(b, is_settled, &(uint64_t){revision - 1});
}

static void test_a_new_dataplane_is_attached_and_given_everything_by_itself(void **state)
{
	struct bench *b = *state;
	struct standin_options options = standin_defaults();
	struct standin *next;
	struct told told = {0};
	uint64_t revision;

	attach(b);
	standin_silence(b->standin, 7);
	revision = status_of(b).revision;
	cp_publish(b->publisher, true, on_done, &told);
	next = standin_create(&options, b->standin);
	standin_free(b->standin, true);
	b->standin = next;
	run_until(b, is_detached, NULL);
	assert_null(cp_publisher_stats(b->publisher));
	standin_start(next);
	run_until(b, is_told, &told);
	assert_false(told.pending);
	assert_int_equal(b->attached, 2);
	assert_int_equal(status_of(b).attachments, 2);
	assert_true(status_of(b).revision > revision + 1);
	run_until(b, is_settled, NULL);
	assert_int_equal(told.calls, 1);
}

/* The process of the control plane dies, the dataplane goes on; a new one has the configuration,
 * registered in another order, and no verdict. */
static void replace_control_plane(struct bench *b)
{
	end_publisher(b);
	cp_model_free(b->model);
	make_model(b, true);
	start_publisher(b);
}

static void test_a_new_control_plane_adopts_slots_epochs_and_verdicts(void **state)
{
	struct bench *b = *state;
	uint32_t slots[4], epochs[4];
	uint64_t revision, used;

	fixture_unhealthy(b->targets[2]);
	attach(b);
	revision = status_of(b).revision;
	used = status_of(b).table_bytes_used;
	for (uint32_t i = 0; i < 4; i++) {
		slots[i] = b->targets[i]->slot;
		epochs[i] = b->targets[i]->epoch;
	}
	replace_control_plane(b);
	assert_int_not_equal(b->targets[0]->slot, slots[0]);
	run_until(b, is_settled, &revision);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(b->targets[i]->slot, slots[i]);
		assert_int_equal(b->targets[i]->epoch, epochs[i]);
		assert_int_equal(b->targets[i]->health.state,
		        i == 2 ? LB_TARGET_UNHEALTHY : LB_TARGET_HEALTHY);
	}
	assert_int_equal(b->targets[2]->health.reason, CP_REASON_TIMEOUT);
	assert_int_equal(status_of(b).revision, revision + 1);
	assert_int_equal(status_of(b).table_bytes_used, used);
	assert_int_equal(b->standin->bad, 0);
}

static void test_a_new_control_plane_takes_unchanged_tables_over(void **state)
{
	struct bench *b = *state;
	struct lb_ip ip = fixture_ip(false, 200, 1);
	struct reader reader;
	uint64_t offset, revision;

	attach(b);
	revision = status_of(b).revision;
	reader = reader_of(b, 0);
	offset = reader_listener(&reader, &ip, 6, 80)->maglev_offset;
	for (uint32_t i = 0; i < 3; i++) {
		replace_control_plane(b);
		run_until(b, is_settled, &revision);
		revision = status_of(b).revision;
		reader = reader_of(b, 0);
		assert_int_equal(reader_listener(&reader, &ip, 6, 80)->maglev_offset, offset);
	}
}

static void test_a_slot_that_runs_for_another_target_gets_a_new_epoch(void **state)
{
	struct bench *b = *state;
	uint64_t revision;
	uint32_t slot, epoch;

	attach(b);
	slot = b->targets[0]->slot;
	epoch = b->targets[0]->epoch;
	revision = status_of(b).revision;
	end_publisher(b);
	cp_model_free(b->model);
	b->model = fixture_model(4096);
	b->group = fixture_group(b->model, "web", CP_TCP, false);
	b->targets[0] = fixture_target(b->model, b->group, 9, 9, 0, 1);
	assert_int_equal(b->targets[0]->slot, slot);
	start_publisher(b);
	run_until(b, is_settled, &revision);
	assert_int_equal(b->targets[0]->slot, slot);
	assert_true(b->targets[0]->epoch > epoch);
	assert_int_equal(b->targets[0]->health.state, LB_TARGET_INITIAL);
}

static void test_what_a_stopped_worker_still_runs_is_not_overwritten(void **state)
{
	struct bench *b = *state;
	uint64_t revision, offset, used;
	struct lb_generation before;

	attach(b);
	used = status_of(b).table_bytes_used;
	offset = standin_running_offset(b->standin, 1);
	standin_silence(b->standin, 1 << 1);
	replace_control_plane(b);
	memcpy(&before, (uint8_t *)b->standin->maps[LB_SEGMENT_TABLES] + offset, sizeof(before));
	for (uint32_t i = 0; i < 10; i++) {
		revision = standin_running(b->standin, 0) + 1;
		cp_publish(b->publisher, true, NULL, NULL);
		run_until(b, worker_0_runs, &revision);
	}
	assert_memory_equal(
	        &before, (uint8_t *)b->standin->maps[LB_SEGMENT_TABLES] + offset, sizeof(before));
	standin_silence(b->standin, 0);
	cp_publish(b->publisher, true, NULL, NULL);
	revision = status_of(b).revision;
	run_until(b, is_settled, NULL);
	assert_int_equal(status_of(b).table_bytes_used, used);
}

static void test_a_nonsense_generation_is_reported_and_replaced(void **state)
{
	struct bench *b = *state;

	lb_worker_stats(b->standin->stats, 0)->running_offset = 8192;
	lb_worker_stats(b->standin->stats, 0)->running_revision = 77;
	standin_silence(b->standin, 1);
	standin_start(b->standin);
	start_publisher(b);
	run_until(b, has_problem, "not adopted");
	assert_non_null(
	        strstr(status_of(b).problem, "generation 77 at offset 8192 is not adopted"));
	standin_silence(b->standin, 0);
	run_until(b, is_settled, &(uint64_t){77});
	run_until(b, has_no_problem, NULL);
}

static void test_a_full_segment_leaves_the_old_generation_in_force(void **state)
{
	struct bench *b = *state;
	struct standin_options options = standin_defaults();
	struct told told = {0}, again = {0};
	struct cp_target *added[9];

	standin_free(b->standin, false);
	options.tables_size = 16384;
	b->standin = standin_create(&options, NULL);
	attach(b);
	for (uint8_t i = 0; i < 9; i++)
		added[i] = fixture_target(b->model, b->group, 2, i, 0, 1);
	cp_publish(b->publisher, false, on_done, &told);
	run_until(b, is_told, &told);
	assert_true(told.pending);
	assert_non_null(strstr(status_of(b).problem, "the tables segment"));
	assert_int_equal(standin_running(b->standin, 0), 1);
	for (uint8_t i = 0; i < 9; i++)
		cp_target_remove(b->model, added[i]);
	cp_publish(b->publisher, false, on_done, &again);
	run_until(b, is_told, &again);
	assert_false(again.pending);
	assert_string_equal(status_of(b).problem, "");
}

/* 200 changes a second, in half a megabyte. */
static void test_a_thousand_changes_leak_nothing(void **state)
{
	struct bench *b = *state;
	struct told told[1000] = {{0}};
	struct standin_options options = standin_defaults();
	uint64_t used;

	standin_free(b->standin, false);
	options.tables_size = 65536;
	b->standin = standin_create(&options, NULL);
	attach(b);
	used = status_of(b).table_bytes_used;
	for (uint32_t i = 0; i < 1000; i++) {
		struct cp_target *target = b->targets[i % 4];
		struct cp_target *extra = NULL;

		if (i % 3 == 0)
			extra = fixture_target(b->model, b->group, 3, (uint8_t)(i % 5), 0, 1);
		else
			fixture_unhealthy(target);
		cp_publish(b->publisher, i % 2, on_done, &told[i]);
		uv_run(&b->loop, UV_RUN_NOWAIT);
		if (i % 50 == 0)
			run_until(b, is_told, &told[i]);
		fixture_healthy(target);
		if (extra)
			cp_target_remove(b->model, extra);
		cp_publish(b->publisher, true, NULL, NULL);
	}
	run_until(b, is_told, &told[999]);
	run_until(b, is_settled, NULL);
	for (uint32_t i = 0; i < 1000; i++)
		assert_true(told[i].calls == 1 && !told[i].pending);
	assert_string_equal(status_of(b).problem, "");
	assert_int_equal(status_of(b).table_bytes_used, used);
	assert_int_equal(b->standin->bad, 0);
}

static void test_whoever_waits_at_the_end_is_told(void **state)
{
	struct bench *b = *state;
	struct told told = {0};

	start_publisher(b);
	cp_publish(b->publisher, false, on_done, &told);
	end_publisher(b);
	assert_int_equal(told.calls, 1);
	assert_true(told.pending);
}

static bool says_why(struct bench *b, void *arg)
{
	return strstr(status_of(b).why, arg) != NULL;
}

static void test_a_dataplane_that_never_answers_is_named(void **state)
{
	struct bench *b = *state;

	b->standin->options.mute = true;
	standin_start(b->standin);
	start_publisher(b);
	run_until(b, says_why, "no answer within 1000 ms");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_everybody_runs_what_was_published),
	        TEST(test_without_a_dataplane_a_change_is_pending_and_told_once),
	        TEST(test_a_verdict_is_announced_before_the_call_returns),
	        TEST(test_changes_of_one_turn_share_a_generation),
	        TEST(test_a_thousand_verdicts_in_one_turn_make_two_generations),
	        TEST(test_verdicts_build_nothing_while_everybody_owes_an_answer),
	        TEST(test_verdicts_and_changes_are_timed_apart_until_everybody_runs_them),
	        TEST(test_what_was_published_without_a_dataplane_is_not_timed),
	        TEST(test_a_silent_worker_is_named_and_delays_nobody),
	        TEST(test_a_refused_generation_is_reported_with_who_and_why),
	        TEST(test_a_full_ring_is_reported_and_used_again_when_it_has_room),
	        TEST(test_a_ring_corrupted_while_in_use_is_left_alone_and_reported),
	        TEST(test_answers_to_nothing_are_ignored),
	        TEST(test_a_new_dataplane_is_attached_and_given_everything_by_itself),
	        TEST(test_a_new_control_plane_adopts_slots_epochs_and_verdicts),
	        TEST(test_a_new_control_plane_takes_unchanged_tables_over),
	        TEST(test_a_slot_that_runs_for_another_target_gets_a_new_epoch),
	        TEST(test_what_a_stopped_worker_still_runs_is_not_overwritten),
	        TEST(test_a_nonsense_generation_is_reported_and_replaced),
	        TEST(test_a_full_segment_leaves_the_old_generation_in_force),
	        TEST(test_a_thousand_changes_leak_nothing),
	        TEST(test_whoever_waits_at_the_end_is_told),
	        TEST(test_a_dataplane_that_never_answers_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
