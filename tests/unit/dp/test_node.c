/* SPDX-License-Identifier: BSD-3-Clause
 *
 * NUMA nodes of ports, from a made-up sysfs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_sysfs.h"
#include "port/node.h"

static struct temp_dir sysfs;

static int set_up(void **state)
{
	return temp_dir_make(&sysfs) < 0 ||
	       fake_sysfs_node(&sysfs, "bus/pci/devices/0000:03:00.0", "1") < 0 ||
	       fake_sysfs_node(&sysfs, "bus/pci/devices/0001:03:00.0", "2") < 0 ||
	       fake_sysfs_node(&sysfs, "bus/pci/devices/0000:04:00.0", "-1") < 0 ||
	       fake_sysfs_node(&sysfs, "bus/pci/devices/0000:05:00.0", "none") < 0 ||
	       fake_sysfs_node(&sysfs, "class/net/eth1/device", "3") < 0;
}

static int tear_down(void **state)
{
	temp_dir_remove(&sysfs);
	return 0;
}

static int node_of(const char *device, const char *interface)
{
	struct dp_port_config port = {0};

	snprintf(port.device, sizeof(port.device), "%s", device);
	snprintf(port.interface, sizeof(port.interface), "%s", interface);
	return dp_port_node(&port, sysfs.path);
}

static void a_nic_has_the_node_of_its_slot(void **state)
{
	assert_int_equal(node_of("0000:03:00.0", ""), 1);
	assert_int_equal(node_of("03:00.0,some=argument", ""), 1);
	assert_int_equal(node_of("0001:03:00.0", ""), 2);
}

static void an_interface_has_the_node_of_the_nic_below_it(void **state)
{
	assert_int_equal(node_of("net_af_xdp,iface=eth1", "eth1"), 3);
	assert_int_equal(node_of("net_af_packet0,iface=eth1", "eth1"), 3);
}

static void what_is_unknown_is_no_node(void **state)
{
	assert_int_equal(node_of("0000:04:00.0", ""), -1);
	assert_int_equal(node_of("0000:05:00.0", ""), -1);
	assert_int_equal(node_of("0000:06:00.0", ""), -1);
	assert_int_equal(node_of("net_af_xdp,iface=veth0", "veth0"), -1);
	assert_int_equal(node_of("net_tap0,iface=wire0", "eth1"), -1); /* its twin's name */
	assert_int_equal(node_of("net_null0", ""), -1);
}

static void only_known_nodes_are_far_from_each_other(void **state)
{
	assert_true(dp_node_is_far(0, 1));
	assert_true(dp_node_is_far(1, 0));
	assert_false(dp_node_is_far(1, 1));
	assert_false(dp_node_is_far(-1, 0));
	assert_false(dp_node_is_far(-1, 1));
	assert_false(dp_node_is_far(1, -1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_nic_has_the_node_of_its_slot),
	        cmocka_unit_test(an_interface_has_the_node_of_the_nic_below_it),
	        cmocka_unit_test(what_is_unknown_is_no_node),
	        cmocka_unit_test(only_known_nodes_are_far_from_each_other),
	};

	return cmocka_run_group_tests_name("node", tests, set_up, tear_down);
}
