/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The keys of the configuration file, and their defaults.
 */
#include "config.h"

#include <stddef.h>

#include "config_check.h"
#include "kernel/probe_link.h"
#include "flow.h"
#include "schema.h"

#define AT(type, field) .at = offsetof(type, field), .size = sizeof(((type *)0)->field)

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
        {"kernel", DP_FIELD_CHOICE, PORT(kernel), .choices = dp_kernel_modes,
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
                .help = "count packets and bytes of each flow, which no command shows yet; a flow "
                        "takes 64 bytes more, a packet a tenth more time where few flows are "
                        "busy, and up to half as much again where many thousand are; a change "
                        "forgets all flows"},
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

int dp_config_load(const char *path, struct dp_config *config, char *error, size_t error_size)
{
	*config = presets;
	if (dp_schema_read(path, config_fields, config, error, error_size) < 0)
		return -1;
	return dp_config_check(path, config, error, error_size);
}
