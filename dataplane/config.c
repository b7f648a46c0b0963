/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The keys of the configuration file, their defaults, and the checks that concern several of them.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/probe_link.h"
#include "flow.h"
#include "schema.h"

#define AT(type, field) .at = offsetof(type, field), .size = sizeof(((type *)0)->field)

static const char *const kernel_modes[] = {"auto", "twin", "tap", "copy", "none", NULL};
static const char *const idle_modes[] = {"auto", "poll", "pause", "sleep", NULL};
static const char *const huge_modes[] = {"auto", "true", "false", NULL};

#define PORT(field) AT(struct dp_port_config, field)
static const struct dp_field port_fields[] = {
        {"name", DP_FIELD_STRING, PORT(name), .preset = "port0, port1, ...",
                .help = "name of the port in logs and status"},
        {"device", DP_FIELD_STRING, PORT(device), .required = true,
                .help = "EAL device argument (net_af_xdp,iface=eth1) or PCI address "
                        "(0000:03:00.0)"},
        {"interface", DP_FIELD_STRING, PORT(interface),
                .preset = "iface= of AF_XDP and AF_PACKET; a twin's is the port's name",
                .help = "kernel interface that the port stands for: its routes lead out of the "
                        "port"},
        {"queues", DP_FIELD_NUMBER, PORT(queues), .min = 1, .max = 128,
                .preset = "one a worker where the device can", .help = "receive queues"},
        {"rx_descriptors", DP_FIELD_NUMBER, PORT(rx_descriptors), .min = 32, .max = 32768,
                .preset = "1024", .help = "descriptors of a receive queue"},
        {"tx_descriptors", DP_FIELD_NUMBER, PORT(tx_descriptors), .min = 32, .max = 32768,
                .preset = "1024", .help = "descriptors of a transmit queue"},
        {"mtu", DP_FIELD_NUMBER, PORT(mtu), .min = 1280, .max = 9600,
                .preset = "the interface's, else 1500",
                .help = "longest IP packet that the port sends"},
        {"kernel", DP_FIELD_CHOICE, PORT(kernel), .choices = kernel_modes,
                .preset = "auto: tap for AF_XDP, copy for AF_PACKET, twin for PCI, else none",
                .help = "the way to the kernel for frames that are not ours"},
        {"spread", DP_FIELD_FLAG, PORT(spread),
                .preset = "false: handing over costs more than it "
                          "gains where queues suffice",
                .help = "spread packets over all workers by flow, in software: for a device with "
                        "fewer queues than workers"},
        {0},
};

#define CONFIG(field) AT(struct dp_config, field)
static const struct dp_field worker_fields[] = {
        {"cores", DP_FIELD_STRING, CONFIG(workers.cores),
                .preset = "all CPUs but the first that the process may run on",
                .help = "CPUs with one worker each, as in 1-3,5"},
        {"lcores", DP_FIELD_STRING, CONFIG(workers.lcores),
                .help = "instead of cores: EAL's --lcores, as in (0-4)@(0-1); the lowest is the "
                        "main lcore, the others are workers"},
        {"idle", DP_FIELD_CHOICE, CONFIG(workers.idle), .choices = idle_modes,
                .preset = "auto: sleep where workers share a CPU or a poll is a system call, else "
                          "pause, and sleep after 10 ms without a packet",
                .help = "what a worker does that finds nothing; poll: nothing else, pause: up to "
                        "10 us in the CPU, sleep: up to 100 us in the kernel"},
        {0},
};

static const struct dp_field memory_fields[] = {
        {"huge", DP_FIELD_CHOICE, CONFIG(memory.huge), .choices = huge_modes, .preset = "auto",
                .help = "packet memory in huge pages; auto: when enough of them are free"},
        {"megabytes", DP_FIELD_NUMBER, CONFIG(memory.megabytes), .min = 64, .max = 1048576,
                .preset = "what is needed", .help = "packet memory and forwarding tables"},
        {"mbufs", DP_FIELD_NUMBER, CONFIG(memory.mbufs), .min = 1024, .max = 16777216,
                .preset = "what the queues need",
                .help = "packet buffers on each NUMA node that has ports"},
        {0},
};

static const struct dp_field flow_fields[] = {
        {"path", DP_FIELD_STRING, CONFIG(flow_table.path), .preset = "RUN_DIR/flows",
                .help = "file of the flow table, on hugetlbfs or tmpfs: a restart finds its flows "
                        "there"},
        {"ipv4_flows", DP_FIELD_NUMBER, CONFIG(flow_table.ipv4_flows), .min = 64,
                .max = DP_FLOW_MAX, .preset = "1048576", .help = "flows that fit, 80 bytes each"},
        {"ipv6_flows", DP_FIELD_NUMBER, CONFIG(flow_table.ipv6_flows), .min = 64,
                .max = DP_FLOW_MAX, .preset = "262144", .help = "flows that fit, 80 bytes each"},
        {"counters", DP_FIELD_FLAG, CONFIG(flow_table.counters), .preset = "false",
                .help = "count packets and bytes of each flow: 64 bytes more for each; a "
                        "table with them is not one without them, so a change forgets all flows"},
        {0},
};

static const struct dp_field table_fields[] = {
        {"megabytes", DP_FIELD_NUMBER, CONFIG(tables.megabytes), .min = 1, .max = 65536,
                .preset = "512", .help = "room for generations and Maglev tables"},
        {"max_targets", DP_FIELD_NUMBER, CONFIG(tables.max_targets), .min = 1,
                .max = LB_MAX_TARGET_SLOTS, .preset = "65536", .help = "target slots"},
        {"max_listeners", DP_FIELD_NUMBER, CONFIG(tables.max_listeners), .min = 1,
                .max = LB_MAX_LISTENERS, .preset = "16384", .help = "listeners"},
        {0},
};

static const struct dp_field kernel_fields[] = {
        {"guard", DP_FIELD_FLAG, CONFIG(kernel.guard), .preset = "true",
                .help = "keep an nftables guard, so that the kernel never answers for a virtual "
                        "address"},
        {"addresses", DP_FIELD_FLAG, CONFIG(kernel.addresses), .preset = "true",
                .help = "put virtual addresses on kernel interfaces, and take them off"},
        {"bpffs", DP_FIELD_STRING, CONFIG(kernel.bpffs), .preset = "/sys/fs/bpf",
                .help = "where steering programs are pinned"},
        {"max_routes", DP_FIELD_NUMBER, CONFIG(kernel.max_routes), .min = 64, .max = 4194304,
                .preset = "65536", .help = "routes and neighbours that are mirrored, per family"},
        {0},
};

static const struct dp_field probe_fields[] = {
        {"enabled", DP_FIELD_FLAG, CONFIG(probe.enabled), .preset = "true",
                .help = "let 'anabranch probe' try virtual addresses from this host"},
        {"interface", DP_FIELD_STRING, CONFIG(probe.interface), .preset = "abp-INSTANCE",
                .help = "kernel interface that is made for it"},
        {"subnet", DP_FIELD_NUMBER, CONFIG(probe.subnet), .max = DP_PROBE_SUBNETS - 1,
                .preset = "0: 198.18.0.0/30 and 2001:2::/126",
                .help = "which /30 of 198.18.0.0/16 and /126 of 2001:2::/112 it uses: instances "
                        "on one host need one each"},
        {0},
};

static const struct dp_field config_fields[] = {
        {"instance", DP_FIELD_STRING, CONFIG(instance), .preset = "main",
                .help = "name of this dataplane among others on the host"},
        {"run_dir", DP_FIELD_STRING, CONFIG(run_dir), .preset = "/run/anabranch",
                .help = "directory of the attach socket dataplane.sock; one an instance"},
        {"group", DP_FIELD_STRING, CONFIG(group), .preset = DP_GROUP_DEFAULT " if it exists",
                .help = "group that may attach: the control plane's"},
        {"ports", DP_FIELD_LIST, .at = offsetof(struct dp_config, ports),
                .size = sizeof(struct dp_port_config), .min = 1, .max = LB_MAX_PORTS,
                .count_at = offsetof(struct dp_config, nb_ports), .required = true,
                .fields = port_fields, .help = "network ports"},
        {"workers", DP_FIELD_OBJECT, .fields = worker_fields, .help = "packet workers"},
        {"memory", DP_FIELD_OBJECT, .fields = memory_fields, .help = "memory of packets"},
        {"flow_table", DP_FIELD_OBJECT, .fields = flow_fields, .help = "flows"},
        {"tables", DP_FIELD_OBJECT, .fields = table_fields,
                .help = "what the control plane configures"},
        {"kernel", DP_FIELD_OBJECT, .fields = kernel_fields, .help = "the host's kernel"},
        {"probe", DP_FIELD_OBJECT, .fields = probe_fields, .help = "the probe port"},
        {0},
};

static const struct dp_config presets = {
        .instance = "main",
        .run_dir = "/run/anabranch",
        .flow_table = {.ipv4_flows = 1u << 20, .ipv6_flows = 1u << 18},
        .tables = {.megabytes = 512, .max_targets = 65536, .max_listeners = 16384},
        .kernel = {.guard = true, .addresses = true, .bpffs = "/sys/fs/bpf", .max_routes = 65536},
        .probe = {.enabled = true},
};

void dp_config_help(FILE *out)
{
	dp_schema_help(out, config_fields);
}

struct complaint {
	const char *file;
	char *error;
	size_t size;
};

static int complain(const struct complaint *c, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static int complain(const struct complaint *c, const char *format, ...)
{
	int n = snprintf(c->error, c->size, "%s: ", c->file);
	va_list args;

	if (n < 0 || (size_t)n >= c->size)
		return -1;
	va_start(args, format);
	vsnprintf(c->error + n, c->size - (size_t)n, format, args);
	va_end(args);
	return -1;
}

/* One number of a CPU list; '*at' moves behind it. -EINVAL if there is none. */
static int read_cpu(const char **at)
{
	int cpu = 0, digits = 0;

	for (; isdigit((unsigned char)**at) && digits < 4; (*at)++, digits++)
		cpu = cpu * 10 + (**at - '0');
	return digits > 0 && digits < 4 ? cpu : -EINVAL;
}

static bool has_cpu(const uint16_t *cpus, uint32_t n, int cpu)
{
	for (uint32_t i = 0; i < n; i++) {
		if (cpus[i] == cpu)
			return true;
	}
	return false;
}

int dp_config_cpus(const char *list, uint16_t *cpus, uint32_t max)
{
	uint32_t n = 0;

	for (const char *at = list;; at++) {
		int first = read_cpu(&at), last = first;

		if (first >= 0 && *at == '-') {
			at++;
			last = read_cpu(&at);
		}
		if (first < 0 || last < first)
			return -EINVAL;
		for (int cpu = first; cpu <= last; cpu++) {
			if (n == max || has_cpu(cpus, n, cpu))
				return -EINVAL;
			cpus[n++] = (uint16_t)cpu;
		}
		if (*at == '\0')
			return (int)n;
		if (*at != ',')
			return -EINVAL;
	}
}

static bool is_name(const char *text)
{
	for (; *text != '\0'; text++) {
		if (!isalnum((unsigned char)*text) && strchr("-_", *text) == NULL)
			return false;
	}
	return true;
}

/* As the kernel takes an interface's name. */
static bool is_interface(const char *text)
{
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (; *text != '\0'; text++) {
		if (*text == '/' || *text == ':' || !isgraph((unsigned char)*text))
			return false;
	}
	return true;
}

static int check_interface(const struct complaint *c, struct dp_port_config *port,
        const struct dp_port_kind *kind, uint32_t i)
{
	char iface[LB_IFNAME_LEN] = "";

	if (kind->on_interface && !dp_port_argument(port->device, "iface", iface, sizeof(iface)))
		return complain(c,
		        "ports[%u].device: expected an interface, as in \"%s,iface=eth1\"", i,
		        kind->driver);
	if (kind->on_interface && port->interface[0] != '\0' && strcmp(port->interface, iface) != 0)
		return complain(c,
		        "ports[%u].interface: expected \"%s\", the interface of its device, found "
		        "\"%s\"",
		        i, iface, port->interface);
	if (kind->on_interface)
		memcpy(port->interface, iface, sizeof(iface));
	if (port->kernel == DP_KERNEL_TWIN && port->interface[0] == '\0')
		memcpy(port->interface, port->name, sizeof(port->interface));
	if (!is_interface(port->interface))
		return complain(c,
		        "ports[%u].interface: expected the name of a kernel interface, found "
		        "\"%s\"",
		        i, port->interface);
	return 0;
}

static int check_kernel_mode(const struct complaint *c, struct dp_port_config *port,
        const struct dp_port_kind *kind, uint32_t i)
{
	char modes[64] = "";

	if (port->kernel == DP_KERNEL_AUTO)
		port->kernel = kind->kernel;
	if (kind->kernel_modes & 1u << port->kernel)
		return 0;
	for (int mode = DP_KERNEL_TWIN; mode <= DP_KERNEL_NONE; mode++) {
		if (kind->kernel_modes & 1u << mode) {
			strcat(modes, modes[0] == '\0' ? "\"" : " or \"");
			strcat(strcat(modes, kernel_modes[mode]), "\"");
		}
	}
	return complain(c, "ports[%u].kernel: expected %s for a port of kind %s, found \"%s\"", i,
	        modes, kind->name, kernel_modes[port->kernel]);
}

static int check_port(const struct complaint *c, struct dp_config *config, uint32_t i)
{
	struct dp_port_config *port = &config->ports[i];
	const struct dp_port_kind *kind = dp_port_kind_of(port->device);

	if (port->name[0] == '\0')
		snprintf(port->name, sizeof(port->name), "port%u", i);
	if (!is_name(port->name))
		return complain(c,
		        "ports[%u].name: expected letters, digits, '-' and '_', found \"%s\"", i,
		        port->name);
	if (kind == NULL)
		return complain(c,
		        "ports[%u].device: expected an EAL device argument such as "
		        "\"net_af_xdp,iface=eth1\" or a PCI address such as \"0000:03:00.0\", "
		        "found \"%s\"",
		        i, port->device);
	if (check_kernel_mode(c, port, kind, i) < 0 || check_interface(c, port, kind, i) < 0)
		return -1;
	for (uint32_t j = 0; j < i; j++) {
		const struct dp_port_config *other = &config->ports[j];

		if (strcmp(other->name, port->name) == 0)
			return complain(c, "ports[%u].name: \"%s\" is the name of ports[%u] too", i,
			        port->name, j);
		if (strcmp(other->device, port->device) == 0)
			return complain(
			        c, "ports[%u].device: it is the device of ports[%u] too", i, j);
		if (port->interface[0] != '\0' && strcmp(other->interface, port->interface) == 0)
			return complain(c,
			        "ports[%u].interface: ports[%u] stands for \"%s\" already", i, j,
			        port->interface);
	}
	return 0;
}

static int check_workers(const struct complaint *c, const struct dp_config *config)
{
	uint16_t cpus[LB_MAX_WORKERS];
	const char *lcores = config->workers.lcores;

	if (config->workers.cores[0] != '\0' && lcores[0] != '\0')
		return complain(c, "workers: expected either cores or lcores, found both");
	if (config->workers.cores[0] != '\0' &&
	        dp_config_cpus(config->workers.cores, cpus, LB_MAX_WORKERS) < 0)
		return complain(c,
		        "workers.cores: expected a list of up to %d different CPUs, as in "
		        "\"1-3,5\", found \"%s\"",
		        LB_MAX_WORKERS, config->workers.cores);
	if (lcores[strspn(lcores, "0123456789@(),-")] != '\0')
		return complain(c,
		        "workers.lcores: expected EAL's notation, as in \"(0-4)@(0-1)\", found "
		        "\"%s\"",
		        lcores);
	return 0;
}

static int check_probe(const struct complaint *c, struct dp_config *config)
{
	if (config->probe.interface[0] == '\0')
		snprintf(config->probe.interface, sizeof(config->probe.interface), "abp-%.11s",
		        config->instance);
	if (!is_interface(config->probe.interface))
		return complain(c,
		        "probe.interface: expected the name of a kernel interface, found \"%s\"",
		        config->probe.interface);
	for (uint32_t i = 0; i < config->nb_ports; i++) {
		if (strcmp(config->ports[i].interface, config->probe.interface) == 0)
			return complain(c, "probe.interface: ports[%u] stands for \"%s\" already",
			        i, config->probe.interface);
	}
	return 0;
}

static int check(const struct complaint *c, struct dp_config *config)
{
	if (!is_name(config->instance))
		return complain(c, "instance: expected letters, digits, '-' and '_', found \"%s\"",
		        config->instance);
	if (config->run_dir[0] != '/')
		return complain(
		        c, "run_dir: expected an absolute path, found \"%s\"", config->run_dir);
	if (strlen(config->run_dir) > DP_CONFIG_PATH_LEN - sizeof("/dataplane.sock"))
		return complain(c, "run_dir: expected at most %zu characters, found %zu",
		        DP_CONFIG_PATH_LEN - sizeof("/dataplane.sock"), strlen(config->run_dir));
	if (config->flow_table.path[0] == '\0')
		snprintf(config->flow_table.path, sizeof(config->flow_table.path), "%.80s/flows",
		        config->run_dir);
	if (config->flow_table.path[0] != '/')
		return complain(c, "flow_table.path: expected an absolute path, found \"%s\"",
		        config->flow_table.path);
	if ((uint64_t)config->flow_table.ipv4_flows + config->flow_table.ipv6_flows > DP_FLOW_MAX)
		return complain(c,
		        "flow_table: expected at most %u flows in ipv4_flows and ipv6_flows "
		        "together, found %u and %u",
		        DP_FLOW_MAX, config->flow_table.ipv4_flows, config->flow_table.ipv6_flows);
	if (config->kernel.bpffs[0] != '/')
		return complain(c, "kernel.bpffs: expected an absolute path, found \"%s\"",
		        config->kernel.bpffs);
	for (uint32_t i = 0; i < config->nb_ports; i++) {
		if (check_port(c, config, i) < 0)
			return -1;
	}
	if (check_probe(c, config) < 0)
		return -1;
	return check_workers(c, config);
}

int dp_config_load(const char *path, struct dp_config *config, char *error, size_t error_size)
{
	struct complaint c = {path, error, error_size};

	*config = presets;
	if (dp_schema_read(path, config_fields, config, error, error_size) < 0)
		return -1;
	return check(&c, config);
}
