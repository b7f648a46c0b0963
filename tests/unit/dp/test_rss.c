/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a device is asked for, and which device's hash is good enough to spread flows over workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_dev.h>
#include <string.h>

#include "lb/counters.h"
#include "pipeline_rig.h"
#include "port/rss.h"

static const struct dp_rss good = {.on = true,
        .hash = true,
        .confirmed = true,
        .key = DP_RSS_KEY_DRAWN,
        .by_ports = true,
        .functions = LB_RSS_IPV4 | LB_RSS_IPV6 | LB_RSS_TCP | LB_RSS_UDP};

static void a_confirmed_hash_by_ports_with_the_drawn_key_spreads(void **state)
{
	struct dp_rss rss = good;

	assert_true(dp_rss_spreads(&rss));
	rss.functions = LB_RSS_TCP | LB_RSS_UDP; /* what has no ports gets no hash */
	assert_true(dp_rss_spreads(&rss));
}

static void each_condition_is_needed(void **state)
{
	struct dp_rss rss;

	rss = good, rss.on = false;
	assert_false(dp_rss_spreads(&rss));
	rss = good, rss.hash = false;
	assert_false(dp_rss_spreads(&rss));
	rss = good, rss.confirmed = false;
	assert_false(dp_rss_spreads(&rss));
	rss = good, rss.key = DP_RSS_KEY_OF_DRIVER;
	assert_false(dp_rss_spreads(&rss));
	rss = good, rss.key = DP_RSS_KEY_UNKNOWN;
	assert_false(dp_rss_spreads(&rss));
	rss = good, rss.by_ports = false;
	assert_false(dp_rss_spreads(&rss));
}

/* A device that can't hash one of the four by its ports puts all flows of a client to one address
 * on one worker. */
static void ports_count_in_both_families_and_protocols(void **state)
{
	const uint64_t all[] = {RTE_ETH_RSS_NONFRAG_IPV4_TCP, RTE_ETH_RSS_NONFRAG_IPV4_UDP,
	        RTE_ETH_RSS_NONFRAG_IPV6_TCP, RTE_ETH_RSS_NONFRAG_IPV6_UDP};

	for (uint32_t missing = 0; missing <= RTE_DIM(all); missing++) {
		struct rte_eth_dev_info info = {.rx_offload_capa = RTE_ETH_RX_OFFLOAD_RSS_HASH,
		        .flow_type_rss_offloads = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6};
		struct rte_eth_conf conf = {0};
		struct dp_rss rss;

		for (uint32_t i = 0; i < RTE_DIM(all); i++)
			info.flow_type_rss_offloads |= i == missing ? 0 : all[i];
		dp_rss_ask(&rss, &info, 4, true, &conf);
		assert_int_equal(rss.by_ports, missing == RTE_DIM(all));
	}
}

/* Configures a device with 'nb_queues' as a port is, and starts it. */
static struct dp_rss settle(const char *driver, uint16_t nb_queues)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	struct dp_rss rss;
	uint16_t port;

	rig_eal(false);
	assert_int_equal(rte_eal_hotplug_add("vdev", driver, ""), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(driver, &port), 0);
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	dp_rss_ask(&rss, &info, nb_queues, true, &conf);
	assert_int_equal(rte_eth_dev_configure(port, nb_queues, nb_queues, &conf), 0);
	dp_rss_settle(&rss, port, &info, nb_queues);
	assert_int_equal(rte_eth_dev_close(port), 0);
	return rss;
}

/* net_null takes all that it is asked for but gives no hash. */
static void a_driver_that_takes_all_spreads_if_it_gives_the_hash(void **state)
{
	struct dp_rss rss = settle("net_null0", 4);

	assert_true(rss.on && rss.confirmed);
	assert_int_equal(rss.key, DP_RSS_KEY_DRAWN);
	assert_false(dp_rss_spreads(&rss));
	rss.hash = true;
	assert_true(dp_rss_spreads(&rss));
}

static void a_driver_without_rss_does_not(void **state)
{
	struct dp_rss rss = settle("net_ring0", 4);

	assert_false(rss.on);
	assert_false(dp_rss_spreads(&rss));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_confirmed_hash_by_ports_with_the_drawn_key_spreads),
	        cmocka_unit_test(each_condition_is_needed),
	        cmocka_unit_test(ports_count_in_both_families_and_protocols),
	        cmocka_unit_test(a_driver_that_takes_all_spreads_if_it_gives_the_hash),
	        cmocka_unit_test(a_driver_without_rss_does_not),
	};

	return cmocka_run_group_tests_name("rss", tests, NULL, NULL);
}
