/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The configuration file: what is filled in, and what each mistake is answered with, word for word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

static char path[] = "/tmp/test_config.XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_file(void **state)
{
	return unlink(path);
}

static int load(const char *text, struct dp_config *config, char *error, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	error[0] = '\0';
	return dp_config_load(path, config, error, size);
}

/* 'text' must be refused with the file's name and then exactly 'message'. */
static void refuses(const char *text, const char *message)
{
	static struct dp_config config;
	char error[512];

	if (load(text, &config, error, sizeof(error)) == 0)
		fail_msg("taken: %s", text);
	if (strncmp(error, path, strlen(path)) != 0)
		fail_msg("no file name in: %s", error);
	assert_string_equal(error + strlen(path), message);
}

static void accepts(const char *text, struct dp_config *config)
{
	char error[512];

	if (load(text, config, error, sizeof(error)) != 0)
		fail_msg("refused: %s", error);
}

#define XDP "{\"device\":\"net_af_xdp,iface=eth1\"}"

static void test_least_configuration_is_filled_in(void **state)
{
	static struct dp_config c;

	accepts("{\"ports\":[" XDP "]}", &c);
	assert_string_equal(c.instance, "main");
	assert_string_equal(c.run_dir, "/run/anabranch");
	assert_string_equal(c.flow_table.path, "/run/anabranch/flows");
	assert_string_equal(c.kernel.bpffs, "/sys/fs/bpf");
	assert_true(c.kernel.guard);
	assert_true(c.kernel.addresses);
	assert_int_equal(c.nb_ports, 1);
	assert_string_equal(c.ports[0].name, "port0");
	assert_string_equal(c.ports[0].interface, "eth1");
	assert_int_equal(c.ports[0].kernel, DP_KERNEL_TAP);
	assert_int_equal(c.ports[0].queues, 0);
	assert_int_equal(c.workers.idle, DP_IDLE_AUTO);
	assert_int_equal(c.memory.huge, DP_HUGE_AUTO);
	assert_int_equal(c.tables.max_targets, 65536);
	assert_true(c.probe.enabled);
	assert_string_equal(c.probe.interface, "abp-main");
	assert_int_equal(c.probe.subnet, 0);
}

static void test_every_key_is_read(void **state)
{
	static struct dp_config c;

	accepts("{\"instance\":\"a-1\",\"run_dir\":\"/run/x\",\"group\":\"lb\",\"ports\":[{"
	        "\"name\":\"up\",\"device\":\"0000:03:00.0\",\"interface\":\"lan0\",\"queues\":4,"
	        "\"rx_descriptors\":512,\"tx_descriptors\":256,\"mtu\":9000,\"kernel\":\"twin\","
	        "\"spread\":true}],"
	        "\"workers\":{\"cores\":\"1-3,5\",\"idle\":\"poll\"},"
	        "\"memory\":{\"huge\":false,\"megabytes\":512,\"mbufs\":8192},"
	        "\"flow_table\":{\"path\":\"/dev/hugepages/"
	        "f\",\"ipv4_flows\":64,\"ipv6_flows\":65,\"counters\":true},"
	        "\"tables\":{\"megabytes\":3,\"max_targets\":7,\"max_listeners\":8},"
	        "\"kernel\":{\"guard\":false,\"addresses\":false,\"bpffs\":\"/b\","
	        "\"max_routes\":100},"
	        "\"probe\":{\"enabled\":false,\"interface\":\"p0\",\"subnet\":16383}}",
	        &c);
	assert_string_equal(c.instance, "a-1");
	assert_string_equal(c.run_dir, "/run/x");
	assert_string_equal(c.group, "lb");
	assert_string_equal(c.ports[0].name, "up");
	assert_string_equal(c.ports[0].device, "0000:03:00.0");
	assert_string_equal(c.ports[0].interface, "lan0");
	assert_int_equal(c.ports[0].queues, 4);
	assert_int_equal(c.ports[0].rx_descriptors, 512);
	assert_int_equal(c.ports[0].tx_descriptors, 256);
	assert_int_equal(c.ports[0].mtu, 9000);
	assert_int_equal(c.ports[0].kernel, DP_KERNEL_TWIN);
	assert_true(c.ports[0].spread);
	assert_string_equal(c.workers.cores, "1-3,5");
	assert_int_equal(c.workers.idle, DP_IDLE_POLL);
	assert_int_equal(c.memory.huge, DP_HUGE_FALSE);
	assert_int_equal(c.memory.megabytes, 512);
	assert_int_equal(c.memory.mbufs, 8192);
	assert_string_equal(c.flow_table.path, "/dev/hugepages/f");
	assert_int_equal(c.flow_table.ipv4_flows, 64);
	assert_int_equal(c.flow_table.ipv6_flows, 65);
	assert_true(c.flow_table.counters);
	assert_int_equal(c.tables.megabytes, 3);
	assert_int_equal(c.tables.max_targets, 7);
	assert_int_equal(c.tables.max_listeners, 8);
	assert_false(c.kernel.guard);
	assert_false(c.kernel.addresses);
	assert_string_equal(c.kernel.bpffs, "/b");
	assert_int_equal(c.kernel.max_routes, 100);
	assert_false(c.probe.enabled);
	assert_string_equal(c.probe.interface, "p0");
	assert_int_equal(c.probe.subnet, 16383);
}

static void test_kernel_mode_follows_the_kind_of_port(void **state)
{
	static struct dp_config c;

	accepts("{\"ports\":[" XDP ",{\"device\":\"net_af_packet,iface=eth2,qpairs=4\"},"
	        "{\"device\":\"net_tap,iface=t0\"},{\"device\":\"03:00.1\",\"name\":\"lan\"},"
	        "{\"device\":\"net_pcap,rx_pcap=a,tx_pcap=b\"}]}",
	        &c);
	assert_int_equal(c.ports[0].kernel, DP_KERNEL_TAP);
	assert_int_equal(c.ports[1].kernel, DP_KERNEL_COPY);
	assert_string_equal(c.ports[1].interface, "eth2");
	assert_int_equal(c.ports[2].kernel, DP_KERNEL_NONE);
	assert_string_equal(c.ports[2].interface, "");
	assert_int_equal(c.ports[3].kernel, DP_KERNEL_TWIN);
	assert_string_equal(c.ports[3].interface, "lan");
	assert_int_equal(c.ports[4].kernel, DP_KERNEL_NONE);
}

static void test_syntax_errors_name_the_line(void **state)
{
	refuses("{\n\"ports\": [\n}", ":3:1: not valid JSON: unexpected token near '}'");
	refuses("", ":1:0: not valid JSON: '[' or '{' expected near end of file");
	refuses("{\"ports\":[" XDP "],\n\"ports\":[]}",
	        ":2:7: not valid JSON: duplicate object key near '\"ports\"'");
	refuses("{\"instance\": \"a\\u0000b\"}",
	        ":1:23: not valid JSON: \\u0000 is not allowed without JSON_ALLOW_NUL near "
	        "'\"a\\u0000b\"'");
}

static void test_a_missing_file_is_named(void **state)
{
	static struct dp_config config;
	char error[512];

	assert_int_equal(dp_config_load("/nonexistent/x.json", &config, error, sizeof(error)), -1);
	assert_string_equal(error, "unable to open /nonexistent/x.json: No such file or directory");
}

static void test_unknown_keys(void **state)
{
	refuses("{\"ports\":[" XDP "],\"port\":1}",
	        ": port: unknown key; expected one of: instance, run_dir, group, ports, workers, "
	        "memory, flow_table, tables, kernel, probe");
	refuses("{\"ports\":[{\"device\":\"net_null\",\"speed\":1}]}",
	        ": ports[0].speed: unknown key; expected one of: name, device, interface, queues, "
	        "rx_descriptors, tx_descriptors, mtu, kernel, "
	        "spread");
	refuses("{\"ports\":[" XDP "],\"kernel\":{\"Guard\":true}}",
	        ": kernel.Guard: unknown key; expected one of: guard, addresses, bpffs, "
	        "max_routes");
}

static void test_wrong_types(void **state)
{
	refuses("[]", ": expected an object, found a list");
	refuses("{\"instance\":1}", ": instance: expected a string, found a whole number");
	refuses("{\"ports\":{}}", ": ports: expected a list of objects, found an object");
	refuses("{\"ports\":[1]}", ": ports[0]: expected an object, found a whole number");
	refuses("{\"ports\":[" XDP ",{\"device\":\"net_null\",\"queues\":\"4\"}]}",
	        ": ports[1].queues: expected a whole number from 1 to 128, found a string");
	refuses("{\"workers\":{\"cores\":3}}",
	        ": workers.cores: expected a string, found a whole number");
	refuses("{\"memory\":{\"megabytes\":1.5}}",
	        ": memory.megabytes: expected a whole number from 64 to 1048576, found a fraction");
	refuses("{\"kernel\":{\"guard\":\"yes\"}}",
	        ": kernel.guard: expected true or false, found a string");
	refuses("{\"kernel\":{\"guard\":null}}",
	        ": kernel.guard: expected true or false, found null");
	refuses("{\"memory\":true}", ": memory: expected an object, found true");
}

static void test_values_out_of_range(void **state)
{
	refuses("{\"ports\":[{\"device\":\"net_null\",\"queues\":0}]}",
	        ": ports[0].queues: expected a whole number from 1 to 128, found 0");
	refuses("{\"ports\":[{\"device\":\"net_null\",\"mtu\":-1}]}",
	        ": ports[0].mtu: expected a whole number from 1280 to 9600, found -1");
	refuses("{\"flow_table\":{\"ipv4_flows\":4294967360}}",
	        ": flow_table.ipv4_flows: expected a whole number from 64 to 1073741824, found "
	        "4294967360");
	refuses("{\"instance\":\"\"}",
	        ": instance: expected a string of 1 to 15 characters, found 0");
	refuses("{\"instance\":\"0123456789abcdef\"}",
	        ": instance: expected a string of 1 to 15 characters, found 16");
	refuses("{\"ports\":[]}", ": ports: expected 1 to 32 elements, found 0");
	refuses("{\"workers\":{\"idle\":\"spin\"}}", ": workers.idle: expected \"auto\", \"poll\", "
	                                             "\"pause\" or \"sleep\", found \"spin\"");
	refuses("{\"memory\":{\"huge\":\"true\"}}",
	        ": memory.huge: expected \"auto\", true or false, found \"true\"");
	refuses("{\"memory\":{\"huge\":1}}",
	        ": memory.huge: expected \"auto\", true or false, found a whole number");
}

static void test_the_probe_ports_interface(void **state)
{
	static struct dp_config c;

	accepts("{\"instance\":\"0123456789abcde\",\"ports\":[" XDP "]}", &c);
	assert_string_equal(c.probe.interface, "abp-0123456789a");
	refuses("{\"probe\":{\"interface\":\"a/b\"},\"ports\":[" XDP "]}",
	        ": probe.interface: expected the name of a kernel interface, found \"a/b\"");
	refuses("{\"probe\":{\"interface\":\"eth1\"},\"ports\":[" XDP "]}",
	        ": probe.interface: ports[0] stands for \"eth1\" already");
	refuses("{\"probe\":{\"subnet\":16384}}",
	        ": probe.subnet: expected a whole number from 0 to 16383, found 16384");
}

static void test_missing_keys(void **state)
{
	refuses("{}", ": the key \"ports\" is missing");
	refuses("{\"ports\":[{\"name\":\"a\"}]}", ": ports[0]: the key \"device\" is missing");
}

static void test_names_that_can_be_no_path(void **state)
{
	refuses("{\"instance\":\"a/b\",\"ports\":[" XDP "]}",
	        ": instance: expected letters, digits, '-' and '_', found \"a/b\"");
	refuses("{\"run_dir\":\"run\",\"ports\":[" XDP "]}",
	        ": run_dir: expected an absolute path, found \"run\"");
	refuses("{\"run_dir\":\"/"
	        "123456789012345678901234567890123456789012345678901234567890123456789012345678901"
	        "\",\"ports\":[" XDP "]}",
	        ": run_dir: expected at most 80 characters, found 82");
	refuses("{\"flow_table\":{\"ipv4_flows\":1000000000,\"ipv6_flows\":100000000},\"ports\":"
	        "[" XDP "]}",
	        ": flow_table: expected at most 1073741824 flows in ipv4_flows and ipv6_flows "
	        "together, found 1000000000 and 100000000");
	refuses("{\"flow_table\":{\"path\":\"f\"},\"ports\":[" XDP "]}",
	        ": flow_table.path: expected an absolute path, found \"f\"");
	refuses("{\"kernel\":{\"bpffs\":\"bpf\"},\"ports\":[" XDP "]}",
	        ": kernel.bpffs: expected an absolute path, found \"bpf\"");
}

static void test_devices(void **state)
{
	refuses("{\"ports\":[{\"device\":\"eth1\"}]}",
	        ": ports[0].device: expected an EAL device argument such as "
	        "\"net_af_xdp,iface=eth1\" or a PCI address such as \"0000:03:00.0\", found "
	        "\"eth1\"");
	refuses("{\"ports\":[{\"device\":\"0000:03:00\"}]}",
	        ": ports[0].device: expected an EAL device argument such as "
	        "\"net_af_xdp,iface=eth1\" or a PCI address such as \"0000:03:00.0\", found "
	        "\"0000:03:00\"");
	refuses("{\"ports\":[{\"device\":\"net_af_xdp\"}]}",
	        ": ports[0].device: expected an interface, as in \"net_af_xdp,iface=eth1\"");
	refuses("{\"ports\":[{\"device\":\"net_af_packet,iface=\"}]}",
	        ": ports[0].device: expected an interface, as in \"net_af_packet,iface=eth1\"");
	refuses("{\"ports\":[{\"device\":\"net_af_xdp,iface=eth1\",\"interface\":\"eth2\"}]}",
	        ": ports[0].interface: expected \"eth1\", the interface of its device, found "
	        "\"eth2\"");
	refuses("{\"ports\":[{\"device\":\"net_null\",\"interface\":\"a/b\"}]}",
	        ": ports[0].interface: expected the name of a kernel interface, found \"a/b\"");
	refuses("{\"ports\":[{\"device\":\"net_af_xdp,iface=eth1\",\"kernel\":\"copy\"}]}",
	        ": ports[0].kernel: expected \"tap\" or \"none\" for a port of kind af_xdp, found "
	        "\"copy\"");
	refuses("{\"ports\":[{\"device\":\"net_af_packet,iface=eth1\",\"kernel\":\"twin\"}]}",
	        ": ports[0].kernel: expected \"copy\" for a port of kind af_packet, found "
	        "\"twin\"");
}

static void test_ports_that_are_in_each_others_way(void **state)
{
	refuses("{\"ports\":[" XDP "," XDP "]}",
	        ": ports[1].device: it is the device of ports[0] too");
	refuses("{\"ports\":[" XDP ",{\"device\":\"net_null\",\"name\":\"port0\"}]}",
	        ": ports[1].name: \"port0\" is the name of ports[0] too");
	refuses("{\"ports\":[" XDP ",{\"device\":\"net_null\",\"interface\":\"eth1\"}]}",
	        ": ports[1].interface: ports[0] stands for \"eth1\" already");
}

static void test_workers(void **state)
{
	refuses("{\"ports\":[" XDP "],\"workers\":{\"cores\":\"1\",\"lcores\":\"0-1\"}}",
	        ": workers: expected either cores or lcores, found both");
	refuses("{\"ports\":[" XDP "],\"workers\":{\"cores\":\"3-1\"}}",
	        ": workers.cores: expected a list of up to 128 different CPUs, as in \"1-3,5\", "
	        "found \"3-1\"");
	refuses("{\"ports\":[" XDP "],\"workers\":{\"lcores\":\"(0-4)@{0}\"}}",
	        ": workers.lcores: expected EAL's notation, as in \"(0-4)@(0-1)\", found "
	        "\"(0-4)@{0}\"");
}

static void test_cpu_lists(void **state)
{
	static const char *const wrong[] = {"", ",", "1,", ",1", "1-", "-1", "2-1", "1,1", "1-3,2",
	        "a", "1 ", "1;2", "9999999"};
	uint16_t cpus[4];

	assert_int_equal(dp_config_cpus("1-3,0", cpus, 4), 4);
	assert_int_equal(cpus[0], 1);
	assert_int_equal(cpus[2], 3);
	assert_int_equal(cpus[3], 0);
	assert_int_equal(dp_config_cpus("7", cpus, 4), 1);
	assert_true(dp_config_cpus("0-4", cpus, 4) < 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (dp_config_cpus(wrong[i], cpus, 4) >= 0)
			fail_msg("taken: \"%s\"", wrong[i]);
	}
}

static void test_lcores_are_counted(void **state)
{
	static const char *const wrong[] = {"", ",", "0-4)", "(0-4", "(0-4)@", "@0", "0@0@0",
	        "0,,1", "(0-2)3", "()", "0-128,129", "0-1000"};

	assert_int_equal(dp_config_lcores("0"), 1);
	assert_int_equal(dp_config_lcores("0-4"), 5);
	assert_int_equal(dp_config_lcores("(0-4)@(0-1)"), 5);
	assert_int_equal(dp_config_lcores("(0-4)@(0-255)"), 5);
	assert_int_equal(dp_config_lcores("0@(0,2-3),1@5,2@6"), 3);
	assert_int_equal(dp_config_lcores("1,2@(5-7),(3-5)@(0,2),(0,6),7-8"), 9); /* EAL's own */
	assert_int_equal(dp_config_lcores("0-127,200"), LB_MAX_WORKERS + 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (dp_config_lcores(wrong[i]) >= 0)
			fail_msg("taken: \"%s\"", wrong[i]);
	}
}

static void test_help_names_every_key_once(void **state)
{
	static const char *const keys[] = {"instance", "ports[].device", "ports[].kernel",
	        "workers.lcores", "memory.huge", "flow_table.path", "tables.max_listeners",
	        "kernel.max_routes"};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	dp_config_help(out);
	fclose(out);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char line[64];
		const char *first;

		snprintf(line, sizeof(line), "\n  %s ", keys[i]);
		first = i == 0 ? text : strstr(text, line);
		if (first == NULL || strstr(first + 1, line) != NULL)
			fail_msg("%s is not in --help exactly once", keys[i]);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_least_configuration_is_filled_in),
	        cmocka_unit_test(test_every_key_is_read),
	        cmocka_unit_test(test_kernel_mode_follows_the_kind_of_port),
	        cmocka_unit_test(test_syntax_errors_name_the_line),
	        cmocka_unit_test(test_a_missing_file_is_named),
	        cmocka_unit_test(test_unknown_keys),
	        cmocka_unit_test(test_wrong_types),
	        cmocka_unit_test(test_values_out_of_range),
	        cmocka_unit_test(test_the_probe_ports_interface),
	        cmocka_unit_test(test_missing_keys),
	        cmocka_unit_test(test_names_that_can_be_no_path),
	        cmocka_unit_test(test_devices),
	        cmocka_unit_test(test_ports_that_are_in_each_others_way),
	        cmocka_unit_test(test_workers),
	        cmocka_unit_test(test_cpu_lists),
	        cmocka_unit_test(test_lcores_are_counted),
	        cmocka_unit_test(test_help_names_every_key_once),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
