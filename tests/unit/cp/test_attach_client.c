/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The handshake with a dataplane that is honest, strange or hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane_standin.h"
#include "publish/attach_client.h"

static char why[160];

static int count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int nb = 0;

	assert_non_null(directory);
	while (readdir(directory))
		nb++;
	closedir(directory);
	return nb;
}

/* One whole attempt. */
static int attach(struct standin *standin, struct cp_attachment *attachment)
{
	struct pollfd pfd = {.events = POLLIN};
	int rc;

	why[0] = '\0';
	pfd.fd = cp_attach_connect(standin->path, why, sizeof(why));
	if (pfd.fd < 0)
		return pfd.fd;
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	rc = cp_attach_receive(pfd.fd, attachment, why, sizeof(why));
	close(pfd.fd);
	return rc;
}

static void test_an_honest_dataplane_is_mapped(void **state)
{
	struct standin_options options = standin_defaults();
	struct standin *standin = standin_create(&options, NULL);
	struct cp_attachment a;

	(void)state;
	standin_start(standin);
	assert_int_equal(attach(standin, &a), 0);
	assert_int_equal(a.nb_workers, 2);
	assert_int_equal(a.nb_consumers, 3);
	assert_int_equal(a.max_targets, 4096);
	assert_int_equal(a.dataplane_pid, 4711);
	assert_int_equal(a.tables_size, options.tables_size);
	a.tables[LB_TABLES_HEAP_OFFSET] = 0x5a;
	assert_int_equal(
	        ((uint8_t *)standin->maps[LB_SEGMENT_TABLES])[LB_TABLES_HEAP_OFFSET], 0x5a);
	cp_attach_fini(&a);
	standin_free(standin, false);
}

static void test_statistics_are_mapped_read_only(void **state)
{
	struct standin_options options = standin_defaults();
	struct standin *standin = standin_create(&options, NULL);
	char line[256], address[32];
	struct cp_attachment a;
	bool found = false;
	FILE *maps;

	(void)state;
	standin_start(standin);
	assert_int_equal(attach(standin, &a), 0);
	snprintf(address, sizeof(address), "%lx-", (unsigned long)(uintptr_t)a.stats);
	maps = fopen("/proc/self/maps", "r");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		if (strncmp(line, address, strlen(address)) == 0) {
			found = true;
			assert_non_null(strstr(line, " r--s "));
		}
	fclose(maps);
	assert_true(found);
	cp_attach_fini(&a);
	standin_free(standin, false);
}

static void test_no_dataplane_is_said_so(void **state)
{
	struct standin_options options = standin_defaults();
	struct standin *standin = standin_create(&options, NULL);
	struct cp_attachment a;

	(void)state;
	assert_int_equal(attach(standin, &a), -ENOENT);
	assert_non_null(strstr(why, "is anabranch-dataplane running?"));
	standin_free(standin, false);
}

static void test_too_long_a_path_is_refused(void **state)
{
	char path[300];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(cp_attach_connect(path, why, sizeof(why)), -ENAMETOOLONG);
	assert_non_null(strstr(why, "longer than 107"));
}

static void wrong_magic(struct standin *s)
{
	((struct lb_segment *)s->maps[LB_SEGMENT_TABLES])->magic = 1;
}

static void wrong_version(struct standin *s)
{
	((struct lb_segment *)s->maps[LB_SEGMENT_RINGS])->abi_version = 99;
}

static void wrong_kind(struct standin *s)
{
	((struct lb_segment *)s->maps[LB_SEGMENT_TABLES])->kind = LB_SEGMENT_RINGS;
}

static void wrong_size(struct standin *s)
{
	((struct lb_segment *)s->maps[LB_SEGMENT_STATS])->size = UINT64_C(1) << 40;
}

static void wrong_session(struct standin *s)
{
	((struct lb_segment *)s->maps[LB_SEGMENT_RINGS])->session ^= 1;
}

static void no_workers(struct standin *s)
{
	s->stats->nb_workers = 0;
}

static void too_many_workers(struct standin *s)
{
	s->stats->nb_workers = UINT32_MAX;
}

static void another_worker(struct standin *s)
{
	s->stats->nb_workers = 3;
}

static void too_many_targets(struct standin *s)
{
	s->stats->max_targets = LB_MAX_TARGET_SLOTS;
	s->stats->listeners_offset = lb_stats_listeners_offset(2, LB_MAX_TARGET_SLOTS);
}

static void targets_above_the_limit(struct standin *s)
{
	s->stats->max_targets = UINT32_MAX;
}

static void other_offset(struct standin *s)
{
	s->stats->targets_offset += 4096;
}

static void other_tables(struct standin *s)
{
	s->stats->tables_size += 4096;
}

static void fewer_rings(struct standin *s)
{
	s->rings->nb_consumers = 2;
}

static void other_stride(struct standin *s)
{
	s->rings->ring_stride = 1;
}

static void mangled_ring(struct standin *s)
{
	lb_ack_ring(s->rings, 2)->mask = UINT32_MAX;
}

static void unsealed_tables(struct standin *s)
{
	(void)s; /* see the option in the case */
}

static void held(struct standin *s)
{
	s->options.reply.status = LB_ATTACH_HELD;
	s->options.reply.holder_pid = 1234;
	s->options.nb_fds = 0;
}

static void other_abi(struct standin *s)
{
	s->options.reply.status = LB_ATTACH_BAD_VERSION;
	s->options.reply.abi_version = 77;
	s->options.nb_fds = 0;
}

static void refused(struct standin *s)
{
	s->options.reply.status = 1000;
	memset(s->options.reply.text, 'x', sizeof(s->options.reply.text));
}

static void two_descriptors(struct standin *s)
{
	s->options.nb_fds = 2;
}

static void four_descriptors(struct standin *s)
{
	s->options.nb_fds = 4;
}

static void short_reply(struct standin *s)
{
	s->options.reply_len = 20;
}

static void long_reply(struct standin *s)
{
	s->options.reply_len = sizeof(struct lb_attach_reply) + 1;
}

static void foreign_reply(struct standin *s)
{
	s->options.reply.magic = 0;
}

static const struct {
	void (*spoil)(struct standin *standin);
	int unsealed;
	const char *said; /* part of what is said about it */
} hostile[] = {
        {wrong_magic, -1, "tables segment: the segment is not anabranch's"},
        {wrong_version, -1, "rings segment: the segment has another ABI version"},
        {wrong_kind, -1, "another kind"},
        {wrong_size, -1, "size differs"},
        {wrong_session, -1, "another start"},
        {no_workers, -1, "above its limit"},
        {too_many_workers, -1, "above its limit"},
        {another_worker, -1, "not where 3 workers"},
        {too_many_targets, -1, "not where 2 workers"},
        {targets_above_the_limit, -1, "above its limit"},
        {other_offset, -1, "not where"},
        {other_tables, -1, "another tables segment"},
        {fewer_rings, -1, "does not hold 3 pairs"},
        {other_stride, -1, "does not hold 3 pairs"},
        {mangled_ring, -1, "ring 2 is corrupt"},
        {unsealed_tables, LB_SEGMENT_TABLES, "not sealed"},
        {held, -1, "held by another anabranchd, process 1234"},
        {other_abi, -1, "ABI version 77"},
        {refused, -1, "the dataplane refused: xxx"},
        {two_descriptors, -1, "2 descriptors"},
        {short_reply, -1, "no anabranch-dataplane"},
        {long_reply, -1, "no anabranch-dataplane"},
        {foreign_reply, -1, "no anabranch-dataplane"},
};

static void test_hostile_dataplanes_are_refused_with_their_fault_and_nothing_leaks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		struct standin_options options = standin_defaults();
		struct standin *standin;
		struct cp_attachment a;
		int nb_fds = count_fds();

		options.unsealed = hostile[i].unsealed;
		standin = standin_create(&options, NULL);
		hostile[i].spoil(standin);
		standin_start(standin);
		assert_true(attach(standin, &a) < 0);
		if (!strstr(why, hostile[i].said))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, why, hostile[i].said);
		standin_free(standin, false);
		assert_int_equal(count_fds(), nb_fds);
	}
}

static void test_descriptors_beyond_three_are_closed(void **state)
{
	struct standin_options options = standin_defaults();
	struct standin *standin = standin_create(&options, NULL);
	int nb_fds = count_fds();
	struct cp_attachment a;

	(void)state;
	four_descriptors(standin);
	standin_start(standin);
	assert_int_equal(attach(standin, &a), 0);
	cp_attach_fini(&a);
	standin_stop(standin);
	assert_int_equal(count_fds(), nb_fds);
	standin_free(standin, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_an_honest_dataplane_is_mapped),
	        cmocka_unit_test(test_statistics_are_mapped_read_only),
	        cmocka_unit_test(test_no_dataplane_is_said_so),
	        cmocka_unit_test(test_too_long_a_path_is_refused),
	        cmocka_unit_test(
	                test_hostile_dataplanes_are_refused_with_their_fault_and_nothing_leaks),
	        cmocka_unit_test(test_descriptors_beyond_three_are_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
