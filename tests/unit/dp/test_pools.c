/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packet buffers by NUMA node: how many, and that they are there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pipeline_rig.h"
#include "port/pools.h"
#include "spread.h"

/* Shared by all: spare buffers, the probe port's rings, caches and bursts of 'workers'. */
#define SHARED(workers) (4096 + 1536 + (workers) * (2 * 256 + 128))
#define RING            (1024 + 64) /* and what waits for it */
#define NODE_UNHEARD_OF 100         /* beyond all that EAL knows, with huge pages and without */

static const struct dp_port_kind plain = {0}, greedy = {.extra_mbufs = 6144};
static const struct dp_port_config alone = {0}, spread = {.spread = true},
                                   deep = {.rx_descriptors = 4096, .tx_descriptors = 512};

static struct dp_pool_port port_on(
        int node, const struct dp_port_config *config, uint16_t nb_rx, uint16_t nb_tx)
{
	return (struct dp_pool_port){.config = config,
	        .kind = &plain,
	        .node = node,
	        .queues = {nb_rx, nb_tx},
	        .mtu = 1500};
}

static void one_node_has_one_pool_of_all(void **state)
{
	struct dp_pool_port ports[] = {
	        port_on(0, &alone, 4, 2), port_on(0, &deep, 2, 3), port_on(0, &alone, 1, 1)};
	struct dp_pools pools;

	ports[2].kind = &greedy;
	dp_pools_plan(&pools, ports, 3, 4, 0);
	assert_int_equal(pools.n, 1);
	assert_int_equal(pools.pools[0].node, 0);
	assert_int_equal(pools.pools[0].nb_mbufs, SHARED(4) + 3 * 1536 + 4 * 1024 + 2 * 1024 +
	                                                  2 * 4096 + 3 * 512 + (1024 + 6144) +
	                                                  1024);
}

/* What is received is of the port's own node; what is sent or on its way, of any. */
static void each_node_with_ports_has_a_pool(void **state)
{
	const struct dp_pool_port ports[] = {
	        port_on(1, &alone, 1, 2), port_on(3, &alone, 2, 2), port_on(1, &alone, 4, 2)};
	uint32_t anywhere = SHARED(2) + 3 * 1536 + 6 * 1024;
	struct dp_pools pools;

	dp_pools_plan(&pools, ports, 3, 2, 0);
	assert_int_equal(pools.n, 2);
	assert_int_equal(pools.pools[0].node, 1);
	assert_int_equal(pools.pools[0].nb_mbufs, anywhere + 5 * 1024);
	assert_int_equal(pools.pools[1].node, 3);
	assert_int_equal(pools.pools[1].nb_mbufs, anywhere + 2 * 1024);
}

static void a_port_of_an_unknown_node_joins_the_first_known_one(void **state)
{
	const struct dp_pool_port ports[] = {port_on(SOCKET_ID_ANY, &alone, 1, 1),
	        port_on(2, &alone, 2, 1), port_on(SOCKET_ID_ANY, &alone, 4, 1)};
	struct dp_pools pools;

	dp_pools_plan(&pools, ports, 3, 1, 0);
	assert_int_equal(pools.n, 1);
	assert_int_equal(pools.pools[0].node, 2);
	assert_int_equal(pools.pools[0].nb_mbufs, SHARED(1) + 3 * (1536 + 1024) + 7 * 1024);
	dp_pools_plan(&pools, ports, 1, 1, 0);
	assert_int_equal(pools.n, 1);
	assert_int_equal(pools.pools[0].node, SOCKET_ID_ANY);
}

static uint32_t spread_to_rings(uint16_t nb_queues, uint32_t nb_workers)
{
	struct dp_pool_port port = port_on(0, &alone, nb_queues, 1);
	struct dp_pools with, without;

	dp_pools_plan(&without, &port, 1, nb_workers, 0);
	port.config = &spread;
	dp_pools_plan(&with, &port, 1, nb_workers, 0);
	return with.pools[0].nb_mbufs - without.pools[0].nb_mbufs;
}

/* Of each worker that polls a spread queue, one ring to each other worker. */
static void rings_of_spread_queues_can_be_full(void **state)
{
	assert_int_equal(spread_to_rings(1, 1), 0);
	assert_int_equal(spread_to_rings(1, 4), 3 * RING);
	assert_int_equal(spread_to_rings(3, 4), 3 * 3 * RING);
	assert_int_equal(spread_to_rings(4, 4), 4 * 3 * RING);
	assert_int_equal(spread_to_rings(9, 4), 4 * 3 * RING); /* there are no more workers */
	assert_int_equal(spread_to_rings(8, 32), 8 * 31 * RING);
}

/* A ring holds packets of the pool that its queues receive into, and queues of several ports add
 * up. */
static void rings_count_on_the_node_that_they_are_filled_from(void **state)
{
	const struct dp_pool_port ports[] = {
	        port_on(0, &spread, 1, 1), port_on(1, &alone, 1, 1), port_on(0, &spread, 2, 1)};
	uint32_t anywhere = SHARED(8) + 3 * (1536 + 1024);
	struct dp_pools pools;

	dp_pools_plan(&pools, ports, 3, 8, 0);
	assert_int_equal(pools.pools[0].nb_mbufs, anywhere + 3 * 1024 + 3 * 7 * RING);
	assert_int_equal(pools.pools[1].nb_mbufs, anywhere + 1024);
}

static void a_configured_number_is_that_of_each_pool(void **state)
{
	const struct dp_pool_port ports[] = {port_on(0, &spread, 1, 1), port_on(1, &deep, 1, 1)};
	struct dp_pools pools;

	dp_pools_plan(&pools, ports, 2, 4, 1234);
	assert_int_equal(pools.pools[0].nb_mbufs, 1234);
	assert_int_equal(pools.pools[1].nb_mbufs, 1234);
}

/* A buffer is 128 bytes, what a frame needs, and what stands before it in a pool. */
static void buffers_lie_in_pages(void **state)
{
	struct dp_pool_port ports[] = {port_on(0, &alone, 1, 1), port_on(1, &alone, 1, 1)};
	uint32_t each = 128 + RTE_MBUF_DEFAULT_BUF_SIZE;
	struct dp_pools pools;

	dp_pools_plan(&pools, ports, 2, 1, 10000);
	assert_in_range(
	        dp_pools_bytes(&pools, RTE_PGSIZE_2M), 2 * 10000 * each, 2 * 10000 * (each + 256));
	assert_in_range(dp_pools_bytes(&pools, 4096), 2 * 10000 * 4096, 2 * 10000 * (4096 + 32));
	ports[0].mtu = 4000;
	dp_pools_plan(&pools, ports, 2, 1, 10000);
	assert_in_range(dp_pools_bytes(&pools, 4096), 2 * 10000 * 8192, 2 * 10000 * (8192 + 32));
}

static void buffers_have_room_for_the_longest_frame(void **state)
{
	struct dp_pool_port ports[] = {port_on(0, &alone, 1, 1), port_on(0, &alone, 1, 1)};
	struct dp_pools pools;

	dp_pools_plan(&pools, ports, 2, 1, 1000);
	assert_int_equal(pools.room, RTE_MBUF_DEFAULT_BUF_SIZE);
	ports[1].mtu = 9000;
	dp_pools_plan(&pools, ports, 2, 1, 1000);
	assert_in_range(pools.room, 9000 + 14 + 2 * 4 + RTE_PKTMBUF_HEADROOM,
	        9000 + 14 + 2 * 4 + RTE_PKTMBUF_HEADROOM + 63);
	ports[1].mtu = 65535; /* what a veth may claim, and no buffer takes */
	dp_pools_plan(&pools, ports, 2, 1, 1000);
	assert_in_range(pools.room, 65535 - 63, 65535);
}

static void a_port_finds_its_nodes_pool(void **state)
{
	struct rte_mempool *a = (void *)0x1000, *b = (void *)0x2000;
	const struct dp_pools pools = {
	        .n = 2, .pools = {{.node = 1, .pool = a}, {.node = 3, .pool = b}}};

	assert_ptr_equal(dp_pools_on(&pools, 1), a);
	assert_ptr_equal(dp_pools_on(&pools, 3), b);
	assert_ptr_equal(dp_pools_on(&pools, 0), a);
	assert_ptr_equal(dp_pools_on(&pools, SOCKET_ID_ANY), a);
}

/* Makes a planned pool of 511 buffers for one port on a node, and what was said of it. */
static int make_one(struct dp_pools *pools, int node, char *said, size_t size)
{
	const struct dp_pool_port port = port_on(node, &alone, 1, 1);
	FILE *file = tmpfile();
	int rc, stderr_was = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(file);
	rig_eal(false);
	dp_pools_plan(pools, &port, 1, 1, 511);
	dup2(fileno(file), STDERR_FILENO);
	rc = dp_pools_make(pools);
	dup2(stderr_was, STDERR_FILENO);
	close(stderr_was);
	rewind(file);
	n = fread(said, 1, size - 1, file);
	said[n] = '\0';
	fclose(file);
	return rc;
}

static void pools_are_made_where_planned(void **state)
{
	struct dp_pools pools;
	char said[1024];
	int node;

	rig_eal(false);
	node = (int)rte_socket_id();
	assert_true(node >= 0);
	assert_int_equal(make_one(&pools, node, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	assert_int_equal(pools.pools[0].pool->size, 511);
	assert_int_equal(pools.pools[0].pool->socket_id, node);
	assert_int_equal(rte_pktmbuf_data_room_size(pools.pools[0].pool), pools.room);
	assert_ptr_equal(dp_pools_on(&pools, node), pools.pools[0].pool);
	dp_pools_free(&pools);
	assert_int_equal(pools.n, 0);
}

static void a_node_without_memory_is_warned_about_and_another_ones_is_taken(void **state)
{
	struct dp_pools pools;
	char said[1024];

	assert_int_equal(make_one(&pools, NODE_UNHEARD_OF, said, sizeof(said)), 0);
	assert_int_equal(pools.pools[0].pool->size, 511);
	assert_int_equal(pools.pools[0].pool->socket_id, SOCKET_ID_ANY);
	assert_ptr_equal(dp_pools_on(&pools, NODE_UNHEARD_OF), pools.pools[0].pool);
	assert_non_null(strstr(said, "memory: NUMA node 100 has no 3 MB in huge pages free"));
	assert_non_null(strstr(said, "add 2 to /sys/devices/system/node/node100/hugepages/"));
	dp_pools_free(&pools);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_node_has_one_pool_of_all),
	        cmocka_unit_test(each_node_with_ports_has_a_pool),
	        cmocka_unit_test(a_port_of_an_unknown_node_joins_the_first_known_one),
	        cmocka_unit_test(rings_of_spread_queues_can_be_full),
	        cmocka_unit_test(rings_count_on_the_node_that_they_are_filled_from),
	        cmocka_unit_test(a_configured_number_is_that_of_each_pool),
	        cmocka_unit_test(buffers_have_room_for_the_longest_frame),
	        cmocka_unit_test(buffers_lie_in_pages),
	        cmocka_unit_test(a_port_finds_its_nodes_pool),
	        cmocka_unit_test(pools_are_made_where_planned),
	        cmocka_unit_test(a_node_without_memory_is_warned_about_and_another_ones_is_taken),
	};

	return cmocka_run_group_tests_name("pools", tests, NULL, NULL);
}
