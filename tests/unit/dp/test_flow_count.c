/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packets and bytes of each flow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "flow_file_fixture.h"
#include "log.h"

static struct dp_flow_table *open_with_counters(
        const char *file, uint32_t ipv4_flows, uint32_t ipv6_flows)
{
	struct dp_flow_config config = {.path = file,
	        .ipv4_flows = ipv4_flows,
	        .ipv6_flows = ipv6_flows,
	        .nb_workers = 2,
	        .counters = true};

	return flow_table_open(&config, NULL);
}

static struct dp_flow look_up(const struct dp_flow_table *t, const struct spec *s)
{
	struct dp_flow flow;

	assert_true(flow_get(t, s, DP_TO_TARGET, &flow));
	return flow;
}

static void count(struct dp_flow_table *t, uint32_t worker, const struct spec *s,
        enum dp_direction direction, uint32_t packets, uint32_t bytes)
{
	struct dp_flow flow = look_up(t, s);

	for (uint32_t i = 0; i < packets; i++)
		dp_flow_count(dp_flow_tally(t, worker), &flow, direction, bytes, TCP_ACK);
}

/* As a worker's loop does in second 'now'. */
static void add_up(struct dp_flow_table *t, uint32_t now)
{
	for (uint32_t i = 0; i < 32; i++)
		for (uint32_t w = 0; w < 3; w++)
			dp_flow_age(t, w, 0, now, NULL, 0, NULL, 1);
}

static struct dp_flow_counts counts_of(const struct dp_flow_table *t, const struct spec *s)
{
	struct dp_flow flow = look_up(t, s);
	struct dp_flow_counts counts;

	assert_true(dp_flow_counts(t, &flow, &counts));
	return counts;
}

static void assert_counts(struct dp_flow_counts c, uint64_t packets_in, uint64_t bytes_in,
        uint64_t packets_out, uint64_t bytes_out)
{
	assert_int_equal(c.packets[DP_TO_TARGET], packets_in);
	assert_int_equal(c.bytes[DP_TO_TARGET], bytes_in);
	assert_int_equal(c.packets[DP_TO_CLIENT], packets_out);
	assert_int_equal(c.bytes[DP_TO_CLIENT], bytes_out);
}

static void each_direction_is_counted_by_its_worker(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct dp_flow_table *t = open_with_counters(NULL, 100, 100);
		struct spec s = {1, 4000, 1, 7, 0, v6}, other = {2, 4000, 1, 7, 0, v6};

		assert_true(flow_open(t, 0, &s, 1));
		assert_true(flow_open(t, 0, &other, 1));
		count(t, 0, &s, DP_TO_TARGET, 3, 1500);
		count(t, 1, &s, DP_TO_CLIENT, 5, 40);
		count(t, 1, &other, DP_TO_TARGET, 1, 60);
		add_up(t, 2);
		assert_counts(counts_of(t, &s), 3, 4500, 5, 200);
		assert_counts(counts_of(t, &other), 1, 60, 0, 0);
		count(t, 1, &s, DP_TO_TARGET, 1, 100);
		add_up(t, 2); /* not twice in a second */
		assert_counts(counts_of(t, &s), 3, 4500, 5, 200);
		add_up(t, 3);
		assert_counts(counts_of(t, &s), 4, 4600, 5, 200);
		assert_null(flow_wrong(t, &s));
		assert_null(flow_wrong(t, &other));
		dp_flow_close(t);
	}
}

/* Many more flows than the tally has places, and some of them elephants: a naive twin agrees. */
static void what_is_displaced_is_added(void **state)
{
	enum { FLOWS = 5000 };
	static struct dp_flow_counts twin[FLOWS];
	struct dp_flow_table *t = open_with_counters(NULL, 6000, 6000);

	memset(twin, 0, sizeof(twin));
	srandom(5);
	for (uint32_t i = 0; i < FLOWS; i++)
		assert_int_equal(
		        flow_put(t, 0, &(struct spec){i, 4000, 1, 7, 0, i % 3 == 0}, TCP_SYN, 1)
		                .result,
		        DP_FLOW_INSERTED);
	for (uint32_t k = 0; k < 200000; k++) {
		uint32_t i = (uint32_t)random() % (k % 2 ? FLOWS : 10), d = k / 2 % 2;
		uint32_t bytes = 40 + (uint32_t)random() % 65000;
		struct spec s = {i, 4000, 1, 7, 0, i % 3 == 0};

		count(t, k / 4 % 2, &s, d, 1, bytes);
		twin[i].packets[d]++;
		twin[i].bytes[d] += bytes;
	}
	add_up(t, 2);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct spec s = {i, 4000, 1, 7, 0, i % 3 == 0};

		assert_counts(counts_of(t, &s), twin[i].packets[0], twin[i].bytes[0],
		        twin[i].packets[1], twin[i].bytes[1]);
	}
	dp_flow_close(t);
}

/* More bytes than the tally's word has room for. */
static void a_second_at_full_speed_does_not_wrap(void **state)
{
	struct dp_flow_table *t = open_with_counters(NULL, 10, 0);
	struct spec s = {1, 4000, 1, 7, 0, false};

	assert_true(flow_open(t, 0, &s, 1));
	count(t, 0, &s, DP_TO_TARGET, 200000, 65535);
	add_up(t, 2);
	assert_counts(counts_of(t, &s), 200000, UINT64_C(200000) * 65535, 0, 0);
	dp_flow_close(t);
}

static void a_fin_or_rst_is_added_at_once(void **state)
{
	const uint8_t flags[] = {TCP_FIN | TCP_ACK, TCP_RST};

	for (uint32_t i = 0; i < 2; i++) {
		struct dp_flow_table *t = open_with_counters(NULL, 10, 0);
		struct spec s = {1, 4000, 1, 7, 0, false};
		struct dp_flow flow;

		assert_true(flow_open(t, 0, &s, 1));
		count(t, 0, &s, DP_TO_TARGET, 2, 100);
		flow = look_up(t, &s);
		dp_flow_count(dp_flow_tally(t, 0), &flow, DP_TO_TARGET, 40, flags[i]);
		assert_counts(counts_of(t, &s), 3, 240, 0, 0);
		dp_flow_close(t);
	}
}

struct end_case {
	enum dp_direction first, second;
	uint8_t first_flags, second_flags; /* 0: none */
	uint8_t state;
};

/* A flow that ends hands out its counts, who closed, and how. */
static void an_ended_flow_says_what_it_was(void **state)
{
	const struct end_case cases[] = {
	        {DP_TO_TARGET, DP_TO_CLIENT, TCP_FIN, TCP_FIN, DP_TCP_CLIENT_CLOSED},
	        {DP_TO_CLIENT, DP_TO_TARGET, TCP_FIN, TCP_FIN, DP_TCP_TARGET_CLOSED},
	        {DP_TO_TARGET, DP_TO_TARGET, TCP_RST, 0, DP_TCP_CLIENT_RESET},
	        {DP_TO_CLIENT, DP_TO_CLIENT, TCP_RST, 0, DP_TCP_TARGET_RESET},
	        {DP_TO_TARGET, DP_TO_TARGET, TCP_FIN, 0, DP_TCP_CLIENT_FIN},
	        {DP_TO_TARGET, DP_TO_TARGET, 0, 0, DP_TCP_ESTABLISHED},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct end_case *c = &cases[i];
		struct dp_flow_table *t = open_with_counters(NULL, 10, 10);
		struct spec s = {1, 4000, 1, 7, 0, i % 2};
		struct dp_flow_ended ended[2];

		assert_true(flow_open(t, 0, &s, 1));
		count(t, 0, &s, DP_TO_TARGET, 2, 1000);
		count(t, 1, &s, DP_TO_CLIENT, 1, 10);
		add_up(t, 2);
		if (c->first_flags != 0)
			assert_true(flow_see(t, &s, c->first, c->first_flags | TCP_ACK, 1));
		if (c->second_flags != 0)
			assert_true(flow_see(t, &s, c->second, c->second_flags | TCP_ACK, 1));
		assert_int_equal(dp_flow_age(t, 0, t->nb_buckets, 1000, NULL, 0, ended, 2) +
		                         dp_flow_age(t, 2, t->nb_buckets, 1000, NULL, 0, ended, 2),
		        1);
		assert_int_equal(ended[0].state, c->state);
		assert_int_equal(ended[0].slot, 7);
		assert_counts(ended[0].counts, 2, 2000, 1, 10);
		dp_flow_close(t);
	}
}

static void an_evicted_flow_hands_out_what_its_worker_counted(void **state)
{
	struct dp_flow_table *t = open_with_counters(NULL, 1, 0);
	struct spec a = {1, 4000, 1, 7, 0, false}, b = {2, 4000, 1, 8, 0, false};
	struct inserted in;

	assert_int_equal(flow_put(t, 0, &a, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	count(t, 0, &a, DP_TO_TARGET, 2, 60);
	in = flow_put(t, 0, &b, TCP_SYN, 1);
	assert_int_equal(in.nb_ended, 1);
	assert_int_equal(in.ended[0].state, DP_TCP_SYN_SENT);
	assert_counts(in.ended[0].counts, 2, 120, 0, 0);
	assert_counts(counts_of(t, &b), 0, 0, 0, 0);
	dp_flow_close(t);
}

/* Another worker counted for a flow whose entry has passed on since. */
static void late_counts_are_not_the_next_flow_s(void **state)
{
	struct dp_flow_table *t = open_with_counters(NULL, 1, 0);
	struct spec a = {1, 4000, 1, 7, 0, false}, b = {2, 4000, 1, 8, 0, false};
	struct dp_flow old;

	assert_int_equal(flow_put(t, 0, &a, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	count(t, 1, &a, DP_TO_TARGET, 2, 60);
	old = look_up(t, &a);
	assert_true(dp_flow_remove(t, 0, &old));
	assert_int_equal(flow_put(t, 0, &b, TCP_SYN, 1).result, DP_FLOW_INSERTED);
	count(t, 0, &b, DP_TO_TARGET, 1, 70);
	dp_flow_count(dp_flow_tally(t, 0), &old, DP_TO_TARGET, 60, TCP_RST);
	add_up(t, 2);
	assert_counts(counts_of(t, &b), 1, 70, 0, 0);
	dp_flow_close(t);
}

static void without_counters_nothing_is_counted(void **state)
{
	struct dp_flow_table *t = flow_table(10, 10);
	struct spec s = {1, 4000, 1, 7, 0, false};
	struct dp_flow_counts counts;
	struct dp_flow_ended ended;
	struct dp_flow flow;

	assert_null(dp_flow_tally(t, 0));
	assert_true(flow_open(t, 0, &s, 1));
	flow = look_up(t, &s);
	assert_false(dp_flow_counts(t, &flow, &counts));
	assert_int_equal(dp_flow_age(t, 0, t->nb_buckets, 1000, NULL, 0, &ended, 1), 1);
	assert_counts(ended.counts, 0, 0, 0, 0);
	dp_flow_close(t);
}

static void memory_is_at_most_144_bytes_a_flow(void **state)
{
	struct dp_flow_table *t = open_with_counters(NULL, 1000000, 0);
	struct dp_flow_usage usage;

	dp_flow_usage(t, &usage);
	assert_in_range(usage.memory + sizeof(*t), 128 * 1000000, 144 * 1000000);
	dp_flow_close(t);
}

/* ---- the file ---- */

static void counts_outlive_the_program(void **state)
{
	struct dp_flow_table *t = open_with_counters(flow_file_path, 40, 40);
	struct spec s = {1, 4000, 1, 7, 0, true};

	assert_true(flow_open(t, 0, &s, 1));
	count(t, 1, &s, DP_TO_CLIENT, 4, 25);
	dp_flow_close(t); /* adds up what is left */
	t = open_with_counters(flow_file_path, 40, 40);
	assert_counts(counts_of(t, &s), 0, 0, 4, 100);
	count(t, 0, &s, DP_TO_CLIENT, 1, 25);
	add_up(t, 2);
	assert_counts(counts_of(t, &s), 0, 0, 5, 125);
	dp_flow_close(t);
}

static void kill_keeps_what_was_added(void **state)
{
	struct dp_flow_table *t;
	struct spec s = {1, 4000, 1, 7, 0, false};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		t = open_with_counters(flow_file_path, 40, 40);
		if (!flow_open(t, 0, &s, 1))
			_exit(1);
		count(t, 0, &s, DP_TO_TARGET, 10, 100);
		add_up(t, 2);
		count(t, 0, &s, DP_TO_TARGET, 10, 100);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	t = open_with_counters(flow_file_path, 40, 40);
	assert_counts(counts_of(t, &s), 10, 1000, 0, 0);
	count(t, 0, &s, DP_TO_TARGET, 1, 100);
	add_up(t, 3);
	assert_counts(counts_of(t, &s), 11, 1100, 0, 0);
	dp_flow_close(t);
}

static void counters_switched_start_an_empty_table(void **state)
{
	for (int on = 0; on < 2; on++)
		for (int v4 = 0; v4 < 2; v4++) {
			struct dp_flow_config config = {.path = flow_file_path,
			        .ipv4_flows = v4 ? 40 : 0,
			        .ipv6_flows = 40,
			        .nb_workers = 1,
			        .counters = on};
			struct spec s = {1, 4000, 1, 7, 0, true};
			struct dp_flow_table *t = flow_table_open(&config, NULL);
			bool kept;

			assert_true(flow_open(t, 0, &s, 1));
			dp_flow_close(t);
			config.counters = !on;
			t = flow_table_open(&config, &kept);
			assert_false(kept);
			assert_int_equal(flow_used(t), 0);
			assert_true(flow_open(t, 0, &s, 1));
			dp_flow_close(t);
			t = flow_table_open(&config, &kept);
			assert_true(kept);
			assert_null(flow_wrong(t, &s));
			dp_flow_close(t);
			unlink(flow_file_path);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_direction_is_counted_by_its_worker),
	        cmocka_unit_test(what_is_displaced_is_added),
	        cmocka_unit_test(a_second_at_full_speed_does_not_wrap),
	        cmocka_unit_test(a_fin_or_rst_is_added_at_once),
	        cmocka_unit_test(an_ended_flow_says_what_it_was),
	        cmocka_unit_test(an_evicted_flow_hands_out_what_its_worker_counted),
	        cmocka_unit_test(late_counts_are_not_the_next_flow_s),
	        cmocka_unit_test(without_counters_nothing_is_counted),
	        cmocka_unit_test(memory_is_at_most_144_bytes_a_flow),
	        cmocka_unit_test_teardown(counts_outlive_the_program, flow_file_remove),
	        cmocka_unit_test_teardown(kill_keeps_what_was_added, flow_file_remove),
	        cmocka_unit_test_teardown(counters_switched_start_an_empty_table, flow_file_remove),
	};

	dp_log_set_level(DP_LOG_ERROR);
	return cmocka_run_group_tests_name(
	        "flow_count", tests, flow_file_setup, flow_file_teardown);
}
