/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow table's memory on NUMA nodes: on those that are asked for, and nothing else changes. On
 * a machine with one node there is one to be asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "flow_file_fixture.h"
#include "log.h"

#define PAGE 4096

/* Nodes that this thread may have memory of; 0 where the kernel does not say, and errno why. */
static uint64_t nodes_allowed(void)
{
	uint64_t nodes[16] = {0};

	if (syscall(SYS_get_mempolicy, NULL, nodes, 16 * 64, NULL, MPOL_F_MEMS_ALLOWED) != 0)
		return 0;
	return nodes[0];
}

/* Of this thread; -1 where the kernel does not say. */
static int policy(void)
{
	int mode = -1;

	return syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) == 0 ? mode : -1;
}

/* How many of the table's pages lie on each node. */
static void count_pages(const struct dp_flow_table *t, uint32_t counts[64])
{
	for (uint64_t at = 0; at < t->map_size; at += PAGE) {
		void *page = (uint8_t *)t->header + at;
		int node = -1;

		assert_int_equal(syscall(SYS_move_pages, 0, 1UL, &page, NULL, &node, 0), 0);
		if (node >= 0 && node < 64)
			counts[node]++;
	}
}

static void pages_alternate_between_the_nodes(void **state)
{
	const char *files[] = {NULL, flow_file_path};
	int before = policy();
	uint64_t nodes = nodes_allowed();

	if (nodes == 0) {
		print_message("SKIPPED: get_mempolicy: %s: this kernel knows no NUMA nodes, or "
		              "tells this process nothing of them\n",
		        strerror(errno));
		skip();
	}
	assert_true(before >= 0);
	print_message("nodes 0x%llx\n", (unsigned long long)nodes);
	for (uint32_t i = 0; i < 2; i++) {
		struct dp_flow_config config = {.path = files[i],
		        .ipv4_flows = 1000000,
		        .nb_workers = 1,
		        .numa_nodes = nodes};
		struct dp_flow_table *t = flow_table_open(&config, NULL);
		uint32_t counts[64] = {0}, total = 0;

		assert_int_equal(policy(), before);
		count_pages(t, counts);
		for (uint32_t node = 0; node < 64; node++)
			total += counts[node];
		assert_int_equal(total, (t->map_size + PAGE - 1) / PAGE);
		for (uint32_t node = 0; node < 64; node++) {
			uint32_t share = total / (uint32_t)__builtin_popcountll(nodes);

			if (nodes >> node & 1)
				assert_in_range(counts[node], share * 8 / 10, share * 12 / 10);
			else
				assert_int_equal(counts[node], 0);
		}
		dp_flow_close(t);
	}
}

static void a_node_that_is_not_there_changes_nothing(void **state)
{
	int before = policy();
	struct dp_flow_config config = {
	        .ipv4_flows = 100, .nb_workers = 1, .numa_nodes = UINT64_C(1) << 63};
	struct dp_flow_table *t = flow_table_open(&config, NULL);
	struct spec s = {1, 4000, 1, 7, 0, false};

	assert_int_equal(policy(), before);
	assert_true(flow_open(t, 0, &s, 1));
	assert_null(flow_wrong(t, &s));
	dp_flow_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(pages_alternate_between_the_nodes, flow_file_remove),
	        cmocka_unit_test(a_node_that_is_not_there_changes_nothing),
	};

	dp_log_set_level(DP_LOG_ERROR);
	return cmocka_run_group_tests_name("flow_numa", tests, flow_file_setup, flow_file_teardown);
}
