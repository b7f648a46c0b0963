/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A flow table's file with known flows in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "flow_file_fixture.h"
#include "log.h"

char flow_file_directory[] = "/tmp/anabranch-flow-XXXXXX";
char flow_file_path[64], flow_file_copy[64];

int flow_file_setup(void **state)
{
	dp_log_set_level(DP_LOG_ERROR);
	if (mkdtemp(flow_file_directory) == NULL)
		return -1;
	snprintf(flow_file_path, sizeof(flow_file_path), "%s/flows", flow_file_directory);
	snprintf(flow_file_copy, sizeof(flow_file_copy), "%s/copy", flow_file_directory);
	return 0;
}

int flow_file_remove(void **state)
{
	unlink(flow_file_path);
	unlink(flow_file_copy);
	return 0;
}

int flow_file_teardown(void **state)
{
	flow_file_remove(state);
	return rmdir(flow_file_directory);
}

struct dp_flow_config flow_file_config(const char *file)
{
	struct dp_flow_config config = flow_small(FLOW_FILE_FLOWS, FLOW_FILE_FLOWS);

	config.path = file;
	return config;
}

struct dp_flow_table *flow_file_open(const char *file, bool *kept)
{
	struct dp_flow_config config = flow_file_config(file);

	return flow_table_open(&config, kept);
}

static void count_visit(void *arg, const struct dp_flow_key *key, const struct dp_flow *flow)
{
	++*(uint32_t *)arg;
}

uint32_t flow_file_count(const struct dp_flow_table *t)
{
	uint32_t visited = 0;

	dp_flow_walk(t, count_visit, &visited);
	return visited;
}

void flow_file_assert_counted(const struct dp_flow_table *t)
{
	assert_int_equal(flow_file_count(t), flow_used(t));
}

struct spec flow_file_flow(uint16_t i)
{
	if (i < 10)
		return (struct spec){1, 4000, i, i, 0, false};
	return (struct spec){100u + i, 4000, 1, i, 0, i % 2};
}

struct dp_flow_table *flow_file_fill(const char *file, uint16_t n)
{
	struct dp_flow_table *t = flow_file_open(file, NULL);

	for (uint16_t i = 0; i < n; i++) {
		struct spec s = flow_file_flow(i);

		assert_true(flow_open(t, 0, &s, 1));
	}
	return t;
}

void flow_file_assert_flows(const struct dp_flow_table *t, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct spec s = flow_file_flow(i);

		assert_null(flow_wrong(t, &s));
	}
}

void flow_file_write_at(const char *file, uint64_t offset, const void *bytes, size_t n)
{
	int fd = open(file, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, (off_t)offset), n);
	close(fd);
}

void flow_file_assert_starts_empty(const char *file)
{
	bool kept = true;
	struct dp_flow_table *t = flow_file_open(file, &kept);
	struct spec s = flow_file_flow(1);

	assert_false(kept);
	assert_int_equal(flow_used(t), 0);
	assert_true(flow_open(t, 0, &s, 1));
	assert_null(flow_wrong(t, &s));
	dp_flow_close(t);
}

void flow_file_write_copy(const uint8_t *bytes, size_t n)
{
	int fd = open(flow_file_copy, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}
