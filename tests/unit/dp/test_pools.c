/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packet buffers by NUMA node.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_lcore.h>

#include "pipeline_rig.h"
#include "port/pools.h"

static void one_node_has_one_pool_of_all(void **state)
{
	static const struct dp_pool_port ports[] = {{0, 100, 10}, {0, 200, 20}, {0, 400, 40}};
	struct dp_pools pools = {0};

	dp_pools_plan(&pools, ports, 3, 1000);
	assert_int_equal(pools.n, 1);
	assert_int_equal(pools.pools[0].node, 0);
	assert_int_equal(pools.pools[0].nb_mbufs, 1000 + 700 + 70);
}

/* What is received is of the port's own node; what is sent or on its way, of any. */
static void each_node_with_ports_has_a_pool(void **state)
{
	static const struct dp_pool_port ports[] = {{1, 100, 10}, {3, 200, 20}, {1, 400, 40}};
	struct dp_pools pools = {0};

	dp_pools_plan(&pools, ports, 3, 1000);
	assert_int_equal(pools.n, 2);
	assert_int_equal(pools.pools[0].node, 1);
	assert_int_equal(pools.pools[0].nb_mbufs, 1000 + 500 + 70);
	assert_int_equal(pools.pools[1].node, 3);
	assert_int_equal(pools.pools[1].nb_mbufs, 1000 + 200 + 70);
}

static void a_port_finds_its_nodes_pool(void **state)
{
	struct rte_mempool *a = (void *)0x1000, *b = (void *)0x2000;
	const struct dp_pools pools = {
	        .n = 2, .pools = {{.node = 1, .pool = a}, {.node = 3, .pool = b}}};

	assert_ptr_equal(dp_pools_on(&pools, 1), a);
	assert_ptr_equal(dp_pools_on(&pools, 3), b);
	assert_ptr_equal(dp_pools_on(&pools, 0), a);
}

static void pools_are_made_where_planned(void **state)
{
	struct dp_pool_port port = {.nb_rx = 300, .nb_any = 100};
	struct dp_pools pools = {0};

	rig_eal(false);
	port.node = (int)rte_socket_id();
	dp_pools_plan(&pools, &port, 1, 111);
	assert_int_equal(dp_pools_make(&pools, 2176), 0);
	assert_int_equal(pools.pools[0].pool->size, 511);
	assert_ptr_equal(dp_pools_on(&pools, port.node), pools.pools[0].pool);
	dp_pools_free(&pools);
	assert_int_equal(pools.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_node_has_one_pool_of_all),
	        cmocka_unit_test(each_node_with_ports_has_a_pool),
	        cmocka_unit_test(a_port_finds_its_nodes_pool),
	        cmocka_unit_test(pools_are_made_where_planned),
	};

	return cmocka_run_group_tests_name("pools", tests, NULL, NULL);
}
