/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow table's file after a crash, or with anything else in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "flow_file_fixture.h"
#include "flow_vip.h"

/* The line of 'bucket', or an overflow line, within the file. */
static uint64_t line_at(uint32_t line, size_t field)
{
	return FLOW_VIPS_AT + flow_vips_size(FLOW_FILE_FLOWS) * sizeof(struct flow_vip) +
	       (uint64_t)line * sizeof(struct flow_line) + field;
}

#define AT(field) offsetof(struct flow_line, field)

/* The bucket of the client port with ten flows: it has two lines. */
static uint32_t crowded_bucket(const struct dp_flow_table *t)
{
	struct spec s = flow_file_flow(0);
	struct dp_flow_key key = flow_key(&s, DP_TO_TARGET);

	return flow_bucket(t, flow_hash(t, &key));
}

struct damage {
	const char *name;
	size_t field;
	uint32_t value;
	uint8_t size;
};

static const struct damage damages[] = {
        {"ref beyond the entries", AT(refs[3]), 2 * FLOW_FILE_FLOWS + 1, 4},
        {"ref far beyond", AT(refs[0]), UINT32_MAX, 4},
        {"ref to an unused entry", AT(refs[2]), FLOW_FILE_FLOWS, 4},
        {"hole in the line", AT(refs[4]), 0, 4},
        {"tag of another", AT(tags[0]), 0x55aa, 2},
        {"next beyond the lines", AT(next), 9999, 4},
        {"version odd and nobody held it", AT(version), 77, 4},
};

static void damaged_bucket_starts_empty(void **state)
{
	for (uint32_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *d = &damages[i];
		struct dp_flow_table *t = flow_file_fill(flow_file_path, 30);
		uint32_t bucket = crowded_bucket(t);

		dp_flow_close(t);
		print_message("%s\n", d->name);
		flow_file_write_at(flow_file_path, line_at(bucket, d->field), &d->value, d->size);
		flow_file_assert_starts_empty(flow_file_path);
		unlink(flow_file_path);
	}
}

static void cycle_of_lines_starts_empty(void **state)
{
	struct dp_flow_table *t = flow_file_fill(flow_file_path, 30);
	uint32_t nb_buckets = t->nb_buckets, own = t->lines[crowded_bucket(t)].next;

	assert_in_range(own, 1, t->nb_overflow);
	dp_flow_close(t);
	flow_file_write_at(
	        flow_file_path, line_at(nb_buckets + own - 1, AT(next)), &own, sizeof(own));
	flow_file_assert_starts_empty(flow_file_path);
}

static void entry_in_two_buckets_starts_empty(void **state)
{
	struct dp_flow_table *t = flow_file_fill(flow_file_path, 30);
	uint32_t bucket = crowded_bucket(t), other = (bucket + 1) % t->nb_buckets;
	uint32_t ref = t->lines[bucket].refs[0];

	dp_flow_close(t);
	flow_file_write_at(flow_file_path, line_at(other, AT(refs[0])), &ref, sizeof(ref));
	flow_file_assert_starts_empty(flow_file_path);
}

/* The same damage where a worker held the bucket: only flows of this bucket may go. */
static void damage_in_a_held_bucket_is_repaired(void **state)
{
	for (uint32_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *d = &damages[i];
		struct dp_flow_table *t = flow_file_fill(flow_file_path, 30);
		uint32_t bucket = crowded_bucket(t), lost = 0;
		uint64_t hold = bucket + 1;
		bool kept = false;

		dp_flow_close(t);
		print_message("%s\n", d->name);
		flow_file_write_at(flow_file_path, line_at(bucket, d->field), &d->value, d->size);
		flow_file_write_at(flow_file_path, FLOW_HOLD_AT + 3 * sizeof(struct flow_hold),
		        &hold, sizeof(hold));
		t = flow_file_open(flow_file_path, &kept);
		assert_true(kept);
		for (uint16_t k = 0; k < 30; k++) {
			struct spec s = flow_file_flow(k);
			struct dp_flow_key key = flow_key(&s, DP_TO_TARGET);

			if (flow_wrong(t, &s) == NULL)
				continue;
			lost++;
			assert_int_equal(flow_bucket(t, flow_hash(t, &key)), bucket);
		}
		assert_int_equal(flow_used(t), 30 - lost);
		assert_in_range(lost, 0, d->field == AT(next) ? 30 : 1);
		assert_int_equal(t->lines[bucket].version % 2, 0);
		flow_file_assert_counted(t);
		for (uint16_t k = 0; k < 30; k++) {
			struct spec s = flow_file_flow(k);

			(void)flow_put(t, 0, &s, TCP_SYN, 1);
		}
		flow_file_assert_flows(t, 30);
		flow_file_assert_counted(t);
		assert_int_equal(flow_used(t), 30);
		dp_flow_close(t);
		unlink(flow_file_path);
	}
}

/* ---- a process that dies at any instruction ---- */

struct crash {
	void (*act)(struct dp_flow_table *t);
	uint16_t nb_before; /* flows 0 .. nb_before-1 stand before */
	uint16_t changed;   /* the one that 'act' changes: may be there or not, but whole */
};

static void assert_survived(const struct crash *c)
{
	bool kept = false;
	struct dp_flow_table *t = flow_file_open(flow_file_copy, &kept);
	struct spec changed = flow_file_flow(c->changed);
	struct dp_flow flow;
	uint32_t n = 0;

	assert_true(kept);
	for (uint16_t i = 0; i < c->nb_before; i++) {
		struct spec s = flow_file_flow(i);

		if (i == c->changed)
			continue;
		assert_null(flow_wrong(t, &s));
		n++;
	}
	if (flow_get(t, &changed, DP_TO_TARGET, &flow)) {
		assert_null(flow_wrong(t, &changed));
		n++;
	}
	assert_int_equal(flow_used(t), n);
	flow_file_assert_counted(t);
	dp_flow_close(t);
}

/* Runs 'act' in a child, one instruction at a time; whenever the file has changed, a copy of it
 * as it is then must open with everything in it. Returns how many such moments there were. */
static uint32_t crash_everywhere(const struct crash *c)
{
	struct dp_flow_table *t = flow_file_fill(flow_file_path, c->nb_before);
	size_t size = t->map_size;
	uint8_t *before = malloc(size), *now;
	uint32_t moments = 0;
	int status = 0, fd = open(flow_file_path, O_RDONLY);
	pid_t child;

	now = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(now != MAP_FAILED);
	close(fd);
	memcpy(before, now, size);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		c->act(t);
		raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	do {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSTOPPED(status));
		if (memcmp(before, now, size) == 0)
			continue;
		memcpy(before, now, size);
		flow_file_write_copy(before, size);
		assert_survived(c);
		moments++;
	} while (WSTOPSIG(status) == SIGTRAP);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	munmap(now, size);
	free(before);
	dp_flow_close(t);
	return moments;
}

static void act_insert_ninth(struct dp_flow_table *t)
{
	struct spec s = flow_file_flow(8);

	flow_put(t, 0, &s, TCP_SYN, 1);
}

static void act_insert_tenth(struct dp_flow_table *t)
{
	struct spec s = flow_file_flow(9);

	flow_put(t, 0, &s, TCP_SYN, 1);
}

static void act_insert_ipv6(struct dp_flow_table *t)
{
	struct spec s = flow_file_flow(29);

	flow_put(t, 0, &s, TCP_SYN, 1);
}

static void act_remove_third(struct dp_flow_table *t)
{
	struct spec s = flow_file_flow(2);
	struct dp_flow flow;

	if (flow_get(t, &s, DP_TO_TARGET, &flow))
		dp_flow_remove(t, 0, &flow);
}

static void death_at_any_instruction_is_repaired(void **state)
{
	const struct crash crashes[] = {
	        {act_insert_ninth, 8, 8},  /* into a line */
	        {act_insert_tenth, 9, 9},  /* with a new line */
	        {act_insert_ipv6, 29, 29}, /* an entry of two lines */
	        {act_remove_third, 10, 2}, /* the tenth moves, its line goes */
	        {act_remove_third, 30, 2}, /* the same beside others */
	};

	for (uint32_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
		uint32_t moments = crash_everywhere(&crashes[i]);

		print_message("%u moments\n", moments);
		assert_in_range(moments, 8, 100);
		flow_file_remove(NULL);
	}
}

/* ---- whatever the file holds ---- */

/* Every operation, on a table of unknown contents. */
static void use_everything(struct dp_flow_table *t)
{
	struct dp_flow_ended ended[8];

	for (uint16_t i = 0; i < 90; i++) {
		struct spec s = flow_file_flow(i);

		(void)flow_see(t, &s, DP_TO_CLIENT, TCP_ACK, 5);
		(void)flow_put(t, 0, &s, TCP_SYN, 5);
	}
	assert_in_range(flow_file_count(t), 1, 2 * FLOW_FILE_FLOWS);
	for (uint32_t i = 0; i < 100; i++)
		(void)dp_flow_age(t, 0, 100, 100000, NULL, 0, ended, 8);
	assert_int_equal(flow_used(t), 0);
}

/* Random bytes in random places, with a hold word now and then: open and use never crash, hang or
 * lose count (the sanitizers watch). */
static void random_damage_is_survived(void **state)
{
	struct dp_flow_table *t = flow_file_fill(flow_file_path, 30);
	size_t size = t->map_size, from = FLOW_VIPS_AT;
	uint8_t *good = malloc(size), *bad = malloc(size);
	uint32_t nb_kept = 0;

	memcpy(good, t->header, size);
	dp_flow_close(t);
	srandom(1);
	for (uint32_t round = 0; round < 1500; round++) {
		uint64_t hold = (uint64_t)(random() % 20);
		bool kept = false;

		memcpy(bad, good, size);
		if (round % 2 == 0)
			memcpy(bad + FLOW_HOLD_AT, &hold, sizeof(hold));
		for (long n = 1 + random() % 6; n > 0; n--)
			bad[from + (size_t)random() % (size - from)] = (uint8_t)random();
		flow_file_write_copy(bad, size);
		t = flow_file_open(flow_file_copy, &kept);
		nb_kept += kept;
		use_everything(t);
		dp_flow_close(t);
	}
	assert_in_range(nb_kept, 100, 1400); /* both ways were taken */
	free(good);
	free(bad);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, flow_file_remove)
	const struct CMUnitTest tests[] = {
	        TEST(damaged_bucket_starts_empty),
	        TEST(cycle_of_lines_starts_empty),
	        TEST(entry_in_two_buckets_starts_empty),
	        TEST(damage_in_a_held_bucket_is_repaired),
	        TEST(death_at_any_instruction_is_repaired),
	        TEST(random_damage_is_survived),
	};

	return cmocka_run_group_tests_name(
	        "flow_repair", tests, flow_file_setup, flow_file_teardown);
}
