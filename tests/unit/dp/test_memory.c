/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How much memory is asked for before any port is open, in differences between configurations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <rte_memory.h>
#include <stdio.h>

#include "fake_sysfs.h"
#include "memory.h"
#include "port/pools.h"
#include "spread.h"

#define MEGABYTE   (1024.0 * 1024)
#define MBUF_BYTES (128 + 2176) /* and what stands before it in its pool, and its place there */
#define MBUF_MOST  (MBUF_BYTES + 256)

static struct temp_dir sysfs;

static int set_up(void **state)
{
	return temp_dir_make(&sysfs) < 0 ||
	       fake_sysfs_node(&sysfs, "bus/pci/devices/0000:01:00.0", "0") < 0 ||
	       fake_sysfs_node(&sysfs, "bus/pci/devices/0000:02:00.0", "0") < 0 ||
	       fake_sysfs_node(&sysfs, "bus/pci/devices/0000:81:00.0", "1") < 0;
}

static int tear_down(void **state)
{
	temp_dir_remove(&sysfs);
	return 0;
}

static struct dp_port_config port(const char *device)
{
	struct dp_port_config p = {.kernel = DP_KERNEL_NONE};

	snprintf(p.device, sizeof(p.device), "%s", device);
	return p;
}

/* In huge pages. */
static uint32_t megabytes(const struct dp_config *config, uint32_t nb_workers)
{
	return dp_memory_megabytes(config, nb_workers, sysfs.path, true);
}

/* 'more' is what so many buffers take, to a megabyte. */
static void check_mbufs(uint32_t more, uint32_t nb_mbufs)
{
	assert_in_range(more, (uint32_t)(nb_mbufs * (MBUF_BYTES / MEGABYTE)),
	        (uint32_t)(nb_mbufs * (MBUF_MOST / MEGABYTE)) + 1);
}

static void what_is_configured_is_taken(void **state)
{
	struct dp_config config = {.memory.megabytes = 777, .memory.mbufs = 1000000};

	config.ports[config.nb_ports++] = port("net_null0");
	assert_int_equal(megabytes(&config, 4), 777);
}

static void a_configured_number_of_buffers_is_that_of_each_node(void **state)
{
	struct dp_config none = {.memory.mbufs = 1}, one = {.memory.mbufs = 100000}, two;

	none.ports[none.nb_ports++] = port("0000:01:00.0");
	one.ports[one.nb_ports++] = port("0000:01:00.0");
	one.ports[one.nb_ports++] = port("02:00.0");
	two = one;
	two.ports[two.nb_ports++] = port("0000:81:00.0");
	check_mbufs(megabytes(&one, 4) - megabytes(&none, 4), 100000);
	check_mbufs(megabytes(&two, 4) - megabytes(&none, 4), 2 * 100000);
}

static void each_queue_counts(void **state)
{
	static const char *const devices[] = {
	        "net_null0", "net_tap0", "net_af_packet0,iface=none", "0000:01:00.0"};

	for (size_t i = 0; i < RTE_DIM(devices); i++) {
		struct dp_config few = {.nb_ports = 1}, many;

		few.ports[0] = port(devices[i]);
		few.ports[0].queues = 2;
		few.ports[0].rx_descriptors = few.ports[0].tx_descriptors = 8192;
		many = few;
		many.ports[0].queues = 16;
		/* 20 workers have as many transmit queues, where they are no pairs */
		check_mbufs(megabytes(&many, 20) - megabytes(&few, 20),
		        14 * 8192 * (dp_port_kind_of(devices[i])->paired_queues ? 2 : 1));
	}
}

static void the_queues_of_a_device_argument_count(void **state)
{
	struct dp_config by_key = {.nb_ports = 1}, by_argument = {.nb_ports = 1};

	by_key.ports[0] = port("net_af_packet0,iface=none");
	by_key.ports[0].queues = 32;
	by_argument.ports[0] = port("net_af_packet0,iface=none,qpairs=32");
	assert_int_equal(megabytes(&by_argument, 2), megabytes(&by_key, 2));
}

/* As dp_pools_plan() has it, for several queues of several ports. */
static void each_spread_queue_counts(void **state)
{
	struct dp_config config = {.nb_ports = 2}, spread;

	config.ports[0] = port("net_null0");
	config.ports[1] = port("net_null1");
	config.ports[0].queues = 2;
	config.ports[1].queues = 3;
	spread = config;
	spread.ports[0].spread = spread.ports[1].spread = true;
	check_mbufs(megabytes(&spread, 16) - megabytes(&config, 16),
	        5 * 15 * (DP_SPREAD_ROOM + DP_BURST));
	assert_int_equal(megabytes(&spread, 1), megabytes(&config, 1));
}

static void long_frames_count(void **state)
{
	struct dp_config config = {.nb_ports = 1, .memory.mbufs = 100000}, jumbo;

	config.ports[0] = port("net_null0");
	jumbo = config;
	jumbo.ports[0].mtu = 9000;
	assert_in_range(megabytes(&jumbo, 1) - megabytes(&config, 1),
	        (uint32_t)(100000 * (9000 - 2048) / MEGABYTE),
	        (uint32_t)(100000 * 7200 / MEGABYTE));
}

static void routes_count(void **state)
{
	struct dp_config few = {.nb_ports = 1, .kernel.max_routes = 64}, many;

	few.ports[0] = port("net_null0");
	many = few;
	many.kernel.max_routes = 1 << 20;
	assert_in_range(megabytes(&many, 1) - megabytes(&few, 1), 1500, 1700);
}

/* A buffer of 2.4 KB lies in a page of its own there. */
static void ordinary_pages_take_more(void **state)
{
	struct dp_config none = {.nb_ports = 1, .memory.mbufs = 1}, config;
	uint32_t more;

	none.ports[0] = port("net_null0");
	config = none;
	config.memory.mbufs = 100000;
	more = dp_memory_megabytes(&config, 1, sysfs.path, false) -
	       dp_memory_megabytes(&none, 1, sysfs.path, false);
	assert_in_range(
	        more, (uint32_t)(100000 * 4096 / MEGABYTE), (uint32_t)(100000 * 4160 / MEGABYTE));
}

static void huge_pages_are_taken_as_configured(void **state)
{
	struct dp_config config = {.nb_ports = 1, .memory.mbufs = 1024};
	struct dp_memory memory = {.huge = true};

	config.ports[0] = port("net_null0");
	config.memory.huge = DP_HUGE_FALSE;
	assert_int_equal(dp_memory_choose(&config, 1, &memory), 0);
	assert_false(memory.huge);
	assert_int_equal(memory.megabytes, dp_memory_megabytes(&config, 1, sysfs.path, false));
	config.memory.megabytes = UINT32_MAX; /* more than any machine has */
	config.memory.huge = DP_HUGE_AUTO;
	assert_int_equal(dp_memory_choose(&config, 1, &memory), 0);
	assert_false(memory.huge);
	assert_int_equal(memory.megabytes, UINT32_MAX);
	config.memory.huge = DP_HUGE_TRUE;
	assert_int_equal(dp_memory_choose(&config, 1, &memory), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_configured_is_taken),
	        cmocka_unit_test(a_configured_number_of_buffers_is_that_of_each_node),
	        cmocka_unit_test(each_queue_counts),
	        cmocka_unit_test(the_queues_of_a_device_argument_count),
	        cmocka_unit_test(each_spread_queue_counts),
	        cmocka_unit_test(long_frames_count),
	        cmocka_unit_test(routes_count),
	        cmocka_unit_test(ordinary_pages_take_more),
	        cmocka_unit_test(huge_pages_are_taken_as_configured),
	};

	return cmocka_run_group_tests_name("memory", tests, set_up, tear_down);
}
