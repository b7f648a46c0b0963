/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow table's races, all of them. A reader races with a writer that acts between two of its
 * loads, whichever two. A writer is stopped at every one of its instructions while readers go on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void before_load(void);
#define FLOW_PLAIN
#define flow_load(p) (before_load(), __atomic_load_n((p), __ATOMIC_ACQUIRE))
/* The look-up under test, with these loads. */
#include "flow.c"

#include "flow_fixture.h"
#include "log.h"

static char path[] = "/tmp/anabranch-race-XXXXXX";

/* What the child's 'act' returned; in memory that both see. */
static volatile int *returned;

static int make_file(void **state)
{
	int fd = mkstemp(path);

	dp_log_set_level(DP_LOG_ERROR);
	returned = mmap(
	        NULL, sizeof(*returned), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (returned == MAP_FAILED)
		return -1;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	return unlink(path);
}

/* Flows of one bucket, in the order of its slots, 9 to a line: those of one client port, which have
 * one tag; or those of many, in a table of a single bucket. */
static bool one_client = true;

static struct spec flow_number(uint16_t i)
{
	return (struct spec){one_client ? 1 : 1u + i, 4000, i, i, 0, false};
}

/* An empty table in shared memory. */
static struct dp_flow_table *open_empty(uint32_t ipv4_flows, uint32_t ipv6_flows)
{
	struct dp_flow_config config = flow_small(ipv4_flows, ipv6_flows);

	config.path = path;
	assert_int_equal(truncate(path, 0), 0);
	return flow_table_open(&config, NULL);
}

/* One with the first 'n' flows open. */
static struct dp_flow_table *fill(uint16_t n)
{
	struct dp_flow_table *t = open_empty(one_client ? 20 : 5, 0);

	for (uint16_t i = 0; i < n; i++) {
		struct spec s = flow_number(i);

		assert_true(flow_open(t, 0, &s, 1));
	}
	return t;
}

/* What happens before the reader's load number 'load'; 0: the next one. */
static struct {
	struct dp_flow_table *t;
	void (*act)(struct dp_flow_table *t);
	uint32_t load;
	bool acted;
} meanwhile;

static void before_load(void)
{
	void (*act)(struct dp_flow_table * t) = meanwhile.act;

	if (act == NULL || meanwhile.load-- != 0)
		return;
	meanwhile.act = NULL; /* it loads, too */
	meanwhile.acted = true;
	act(meanwhile.t);
}

/* Looks 'key' up with 'act' before its load number 'k', for every k. 'check' gets what was found: a
 * flow or NULL. */
static void race(struct dp_flow_table *(*make)(void), const struct spec *s,
        enum dp_direction direction, void (*act)(struct dp_flow_table *t),
        void (*check)(const struct dp_flow *flow))
{
	struct dp_flow_key key = flow_key(s, direction);
	uint32_t k = 0;

	do {
		struct dp_flow_table *t = make();
		struct dp_flow flow;
		uint64_t hash;
		bool found;

		meanwhile.t = t;
		meanwhile.load = k++;
		meanwhile.acted = false;
		meanwhile.act = act;
		found = flow_lookup(t, &key, 1, &hash, &flow) == 1;
		meanwhile.act = NULL;
		check(found ? &flow : NULL);
		dp_flow_close(t);
	} while (meanwhile.acted);
	print_message("%u points\n", k - 1);
	assert_in_range(k, 10, 200);
}

/* ---- a reader, and a flow that moves to another slot meanwhile ---- */

/* The last one of the bucket takes its place. */
static void remove_first(struct dp_flow_table *t)
{
	struct spec s = flow_number(0);
	struct dp_flow flow;

	assert_true(flow_get(t, &s, DP_TO_TARGET, &flow));
	assert_true(dp_flow_remove(t, 0, &flow));
}

static uint16_t last;

/* The reader's flow is the last, which is the one that will move. */
static struct dp_flow_table *fill_to_last(void)
{
	return fill(last + 1);
}

static void is_last(const struct dp_flow *flow)
{
	assert_non_null(flow);
	assert_int_equal(flow->slot, last);
}

static void reader_finds_a_flow_that_moves(void **state)
{
	const uint16_t lasts[] = {4, 8, 9}; /* in a line, in its odd slot, in the second line */

	for (uint32_t i = 0; i < sizeof(lasts) / sizeof(lasts[0]); i++) {
		struct spec s = flow_number(lasts[i]);

		last = lasts[i];
		race(fill_to_last, &s, DP_TO_CLIENT, remove_first, is_last);
	}
}

static void reader_finds_a_flow_that_moves_past_other_tags(void **state)
{
	struct spec s;

	one_client = false;
	last = 4;
	s = flow_number(last);
	race(fill_to_last, &s, DP_TO_CLIENT, remove_first, is_last);
	one_client = true;
}

/* ---- a reader, and an entry that becomes another flow's meanwhile ---- */

static struct spec old_life = {7, 4000, 3, 7, 0, false};
static struct spec new_life = {7, 4000, 3, 9, 0, false}; /* the port is used again */

static struct dp_flow_table *fill_old_life(void)
{
	struct dp_flow_table *t = open_empty(5, 5);

	assert_true(flow_open(t, 0, &old_life, 1));
	return t;
}

static void replace(struct dp_flow_table *t)
{
	struct dp_flow flow;
	uint32_t index;

	assert_true(flow_get(t, &old_life, DP_TO_TARGET, &flow));
	index = flow.index;
	assert_true(dp_flow_remove(t, 0, &flow));
	assert_int_equal(flow_put(t, 0, &new_life, TCP_SYN, 2).result, DP_FLOW_INSERTED);
	assert_true(flow_get(t, &old_life, DP_TO_TARGET, &flow));
	assert_int_equal(flow.index, index);
}

static uint32_t nb_old, nb_new;

static void is_whole(const struct dp_flow *flow)
{
	bool old = flow != NULL && flow->state == DP_TCP_ESTABLISHED;
	const struct spec *s = old ? &old_life : &new_life;
	struct dp_flow_target target = flow_target(s);
	struct lb_ip to;

	assert_non_null(flow);
	to = flow_to_ip(flow, s->is_v6);
	assert_int_equal(flow->state, old ? DP_TCP_ESTABLISHED : DP_TCP_SYN_SENT);
	assert_int_equal(flow->last_seen, old ? 1 : 2);
	assert_int_equal(flow->slot, target.slot);
	assert_int_equal(flow->epoch, target.epoch);
	assert_memory_equal(&to, &target.ip, sizeof(target.ip));
	nb_old += old;
	nb_new += !old;
}

static void reader_never_mixes_two_lives(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		old_life.is_v6 = new_life.is_v6 = v6;
		nb_old = nb_new = 0;
		race(fill_old_life, &old_life, DP_TO_TARGET, replace, is_whole);
		assert_in_range(nb_old, 1, 50);
		assert_in_range(nb_new, 4, 50);
	}
}

/* ---- a writer that is preempted with the bucket held ---- */

/* Starts 'act' in a child, stopped just before. A trap instruction shows that it is done: no
 * library code is stepped through for it. */
static pid_t start(int (*act)(struct dp_flow_table *t), struct dp_flow_table *t)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		*returned = act(t);
		__builtin_trap();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status));
	return child;
}

/* One instruction on. False: 'act' is done. */
static bool step(pid_t child)
{
	int status;

	assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status));
	return WSTOPSIG(status) == SIGTRAP;
}

static int finish(pid_t child)
{
	int status;

	do {
		assert_int_equal(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSTOPPED(status));
	} while (WSTOPSIG(status) == SIGTRAP);
	assert_int_equal(WSTOPSIG(status), SIGILL);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	return *returned;
}

static int remove_first_act(struct dp_flow_table *t)
{
	remove_first(t);
	return 0;
}

static int insert_tenth_act(struct dp_flow_table *t)
{
	struct spec s = flow_number(9);

	return flow_put(t, 0, &s, TCP_SYN, 1).result == DP_FLOW_INSERTED ? 0 : 1;
}

/* Flows from 'first' to before 'end' are found at every instruction of 'act'. */
static void found_throughout(
        uint16_t nb_flows, int (*act)(struct dp_flow_table *t), uint16_t first, uint16_t end)
{
	struct dp_flow_table *t = fill(nb_flows);
	pid_t child = start(act, t);
	uint32_t held = 0;

	while (step(child)) {
		bool holds = t->holds[0].bucket != 0;

		held += holds;
		for (uint16_t i = first; holds && i < end; i++) {
			struct spec s = flow_number(i);

			assert_null(flow_wrong(t, &s));
		}
	}
	assert_int_equal(finish(child), 0);
	assert_true(held >= 20); /* it was looked at while the bucket was held */
	dp_flow_close(t);
}

static void preempted_writer_stops_no_flow(void **state)
{
	found_throughout(5, remove_first_act, 1, 5);
	found_throughout(10, remove_first_act, 1, 10);
	found_throughout(9, insert_tenth_act, 0, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reader_finds_a_flow_that_moves),
	        cmocka_unit_test(reader_finds_a_flow_that_moves_past_other_tags),
	        cmocka_unit_test(reader_never_mixes_two_lives),
	        cmocka_unit_test(preempted_writer_stops_no_flow),
	};

	return cmocka_run_group_tests_name("flow_race", tests, make_file, remove_file);
}
