/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Start and stop, step by step: each step names itself when it fails.
 */
#include "host.h"

#include <errno.h>
#include <linux/magic.h>
#include <rte_alarm.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "host_workers.h"
#include "kernel/probe_link.h"
#include "log.h"
#include "privileges.h"
#include "run_dir.h"

static int start_run_dir(struct dp_host *host)
{
	int rc = dp_run_dir_group(host->config->group, DP_GROUP_DEFAULT, &host->gid);

	if (rc < 0)
		return rc;
	host->run_dir = dp_run_dir_lock(host->config->run_dir, host->gid);
	return host->run_dir < 0 ? host->run_dir : 0;
}

static int start_eal(struct dp_host *host)
{
	int rc;
	bool pci = false;

	for (uint32_t i = 0; i < host->config->nb_ports; i++)
		pci |= dp_port_kind_of(host->config->ports[i].device) == &dp_port_pci;
	rc = dp_privileges_limit(pci);
	if (rc < 0)
		dp_log_warning("capabilities can't be given up: %s", strerror(-rc));
	rc = dp_eal_start(host->config, &host->eal);
	host->eal_runs = rc == 0;
	host->nb_workers = host->eal.nb_workers;
	return rc;
}

static int make_pools(struct dp_host *host)
{
	struct dp_pool_port ports[LB_MAX_PORTS];

	for (uint32_t i = 0; i < host->nb_ports; i++) {
		const struct dp_nic *nic = &host->nics[i];

		ports[i] = (struct dp_pool_port){.config = nic->config,
		        .kind = nic->kind,
		        .node = nic->node,
		        .queues = nic->queues,
		        .mtu = nic->mtu};
	}
	dp_pools_plan(
	        &host->pools, ports, host->nb_ports, host->nb_workers, host->config->memory.mbufs);
	return dp_pools_make(&host->pools);
}

static int start_twin(struct dp_host *host, uint32_t i)
{
	const struct dp_nic *nic = &host->nics[i];
	bool twin = nic->config->kernel == DP_KERNEL_TWIN;
	struct dp_twin_config config = {.port = nic->config->name,
	        .interface = twin ? nic->config->interface : NULL,
	        .mac = nic->seen.mac,
	        .mtu = nic->mtu,
	        .pool = dp_pools_on(&host->pools, nic->node)};
	int rc;

	if (!twin && nic->config->kernel != DP_KERNEL_TAP)
		return 0;
	rc = dp_twin_open(&host->twins[i], &config);
	if (rc == 0)
		dp_log_info("port %s: %s TAP %s", nic->config->name, twin ? "twin" : "exception",
		        host->twins[i].interface);
	return rc;
}

static int start_ports(struct dp_host *host)
{
	struct dp_ports_config config = {.ports = host->config->ports,
	        .nb_ports = host->config->nb_ports,
	        .nb_workers = host->nb_workers,
	        .instance = host->config->instance,
	        .bpffs = host->config->kernel.bpffs};
	int rc = dp_ports_open(&config, host->nics);

	host->nb_ports = host->config->nb_ports;
	if (rc == 0)
		rc = make_pools(host);
	for (uint32_t i = 0; i < host->nb_ports && rc == 0; i++) {
		rc = dp_port_start(&host->nics[i], dp_pools_on(&host->pools, host->nics[i].node));
		if (rc == 0)
			rc = start_twin(host, i);
		if (rc == 0)
			host->ports[host->nics[i].port] = host->nics[i].seen;
	}
	return rc;
}

/* Without it everything else works: what is wrong is a warning. */
static int start_probe(struct dp_host *host)
{
	const struct dp_config *config = host->config;
	struct dp_twin_config twin = {.port = "probe",
	        .interface = config->probe.interface,
	        .probe = true,
	        .mac = dp_probe_port_mac,
	        .mtu = RTE_ETHER_MTU,
	        .pool = dp_pools_on(&host->pools, (int)rte_socket_id())};
	int rc;

	if (!config->probe.enabled || host->nb_ports == LB_MAX_PORTS)
		return 0;
	rc = dp_twin_open(&host->probe, &twin);
	if (rc == 0)
		rc = dp_probe_link_set_up(config->probe.interface, config->probe.subnet);
	if (rc < 0) {
		dp_log_warning("'anabranch probe' won't work: %s; \"probe\": {\"enabled\": false} "
		               "does without it",
		        strerror(-rc));
		dp_twin_close(&host->probe);
		return 0;
	}
	/* what is no probe has no kernel to go to: its way ends here */
	host->ports[DP_PORT_PROBE] = (struct dp_port){.mac = dp_probe_port_mac,
	        .port = DP_PORT_PROBE,
	        .present = true,
	        .to_kernel_is_copy = true};
	dp_log_info("probe port: TAP %s", host->probe.interface);
	return 0;
}

/* The NUMA nodes that have workers. */
static uint64_t worker_nodes(void)
{
	uint64_t nodes = 0;
	unsigned int lcore;

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		unsigned int node = rte_lcore_to_socket_id(lcore);

		if (node < 64)
			nodes |= UINT64_C(1) << node;
	}
	return nodes;
}

static int open_flows(struct dp_host *host)
{
	struct dp_flow_config config = {.path = host->config->flow_table.path,
	        .ipv4_flows = host->config->flow_table.ipv4_flows,
	        .ipv6_flows = host->config->flow_table.ipv6_flows,
	        .nb_workers = host->nb_workers,
	        .counters = host->config->flow_table.counters,
	        .numa_nodes = worker_nodes()};
	struct dp_flow_usage usage;
	struct statfs fs;
	bool kept = false;
	int rc = dp_flow_open(&config, &host->flows, &kept);

	if (rc < 0) {
		dp_log_error("flow table %s: %s: is there room for it, and may it be written?",
		        config.path, strerror(-rc));
		return rc;
	}
	dp_flow_usage(host->flows, &usage);
	dp_log_info("flow table %s: %s, %llu IPv4 and %llu IPv6 flows of %llu and %llu, %llu MB",
	        config.path, kept ? "kept" : "new", (unsigned long long)usage.used[0],
	        (unsigned long long)usage.used[1], (unsigned long long)usage.capacity[0],
	        (unsigned long long)usage.capacity[1], (unsigned long long)(usage.memory >> 20));
	if (statfs(config.path, &fs) == 0 && fs.f_type != TMPFS_MAGIC &&
	        fs.f_type != HUGETLBFS_MAGIC && fs.f_type != RAMFS_MAGIC)
		dp_log_warning(
		        "flow_table.path %s is on a disk, which will be written to: expected "
		        "tmpfs or hugetlbfs",
		        config.path);
	return 0;
}

static void describe_probe(const struct dp_host *host, struct lb_port_info *info)
{
	snprintf(info->name, sizeof(info->name), "probe");
	snprintf(info->interface, sizeof(info->interface), "%s", host->probe.interface);
	snprintf(info->driver, sizeof(info->driver), "probe");
	memcpy(info->mac, &dp_probe_port_mac, sizeof(info->mac));
	info->mtu = RTE_ETHER_MTU;
	info->link_up = 1;
}

static int make_segments(struct dp_host *host)
{
	const struct dp_config *config = host->config;
	struct dp_segments_config segments = {.instance = config->instance,
	        .nb_workers = host->nb_workers,
	        .max_targets = config->tables.max_targets,
	        .max_listeners = config->tables.max_listeners,
	        .tables_size = (uint64_t)config->tables.megabytes << 20,
	        .flow_capacity =
	                (uint64_t)config->flow_table.ipv4_flows + config->flow_table.ipv6_flows,
	        .huge = host->eal.huge};
	int rc = dp_segments_create(&host->segments, &segments);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < host->nb_ports; i++) {
		const struct dp_nic *nic = &host->nics[i];
		struct lb_port_info *info = &host->segments.stats->ports[i];
		const char *interface = nic->config->interface;

		snprintf(info->name, sizeof(info->name), "%s", nic->config->name);
		snprintf(info->interface, sizeof(info->interface), "%s", interface);
		snprintf(info->driver, sizeof(info->driver), "%s", nic->driver);
		memcpy(info->mac, &nic->seen.mac, sizeof(info->mac));
		info->queues = nic->queues.nb_rx;
		info->rss = nic->rss.functions;
		info->reta_size = nic->rss.reta_size;
		info->spread = nic->config->spread && host->nb_workers > 1;
		info->mtu = nic->mtu;
		dp_port_refresh(nic, info);
	}
	host->segments.stats->nb_ports = host->nb_ports;
	if (host->probe.fd >= 0)
		describe_probe(
		        host, &host->segments.stats->ports[host->segments.stats->nb_ports++]);
	return 0;
}

static int start_kernel(struct dp_host *host)
{
	const struct dp_config *config = host->config;
	struct dp_kernel_config kernel = {.instance = config->instance,
	        .bpffs = config->kernel.bpffs,
	        .max_routes = config->kernel.max_routes,
	        .guard = config->kernel.guard,
	        .addresses = config->kernel.addresses};
	struct dp_kernel_port ports[LB_MAX_PORTS] = {0};
	uint32_t nb_ports = host->nb_ports;

	host->fib = dp_fib_create(config->kernel.max_routes, host->nb_workers);
	if (host->fib == NULL) {
		dp_log_error("memory: forwarding tables for %u routes can't be had: raise "
		             "memory.megabytes or lower kernel.max_routes",
		        config->kernel.max_routes);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < host->nb_ports; i++) {
		const struct dp_nic *nic = &host->nics[i];

		ports[i].port = nic->port;
		ports[i].mac = nic->seen.mac;
		ports[i].mtu = nic->mtu;
		ports[i].steered = nic->kind == &dp_port_af_xdp;
		memcpy(ports[i].interface, nic->config->interface, sizeof(ports[i].interface));
	}
	if (host->probe.fd >= 0) {
		struct dp_kernel_port *port = &ports[nb_ports++];

		port->port = DP_PORT_PROBE;
		port->mac = dp_probe_port_mac;
		port->mtu = RTE_ETHER_MTU;
		memcpy(port->interface, host->probe.interface, sizeof(port->interface));
	}
	host->kernel = dp_kernel_create(&kernel, ports, nb_ports, host->fib, host->segments.stats);
	return host->kernel != NULL ? 0 : -errno;
}

static int start_attach(struct dp_host *host)
{
	char path[DP_CONFIG_PATH_LEN + 16];

	snprintf(path, sizeof(path), "%s/dataplane.sock", host->config->run_dir);
	host->attach = dp_attach_create(path, host->gid, host->config->instance, &host->segments);
	return host->attach != NULL ? 0 : -errno;
}

/* EAL's own thread, by an alarm that runs there. */
static void give_up_rights(void *unused)
{
	dp_privileges_drop_all();
}

int dp_host_start(struct dp_host *host, const struct dp_config *config)
{
	static int (*const steps[])(struct dp_host *) = {start_run_dir, start_eal, start_ports,
	        start_probe, open_flows, make_segments, dp_host_count_kept, start_kernel,
	        dp_host_start_workers, start_attach};
	int rc = 0;

	*host = (struct dp_host){.config = config, .run_dir = -1, .probe.fd = -1};
	for (uint32_t i = 0; i < LB_MAX_PORTS; i++)
		host->twins[i].fd = -1;
	for (int i = 0; i < LB_SEGMENT_KINDS; i++)
		host->segments.fds[i] = -1;
	for (size_t i = 0; i < RTE_DIM(steps) && rc == 0; i++)
		rc = steps[i](host);
	if (rc < 0)
		return rc;
	(void)rte_eal_alarm_set(1, give_up_rights, NULL);
	rc = dp_privileges_keep_network();
	if (rc < 0)
		dp_log_warning("capabilities can't be given up: %s", strerror(-rc));
	dp_log_info("instance %s runs: %u workers, attach at %s/dataplane.sock", config->instance,
	        host->nb_workers, config->run_dir);
	return 0;
}

void dp_host_stop(struct dp_host *host)
{
	dp_attach_destroy(host->attach);
	dp_host_stop_workers(host);
	if (host->kernel != NULL)
		dp_kernel_destroy(host->kernel);
	if (host->fib != NULL)
		dp_fib_free(host->fib);
	if (host->flows != NULL)
		dp_flow_close(host->flows);
	dp_segments_destroy(&host->segments);
	for (uint32_t i = 0; i < host->nb_ports; i++)
		dp_twin_close(&host->twins[i]);
	dp_twin_close(&host->probe);
	dp_ports_close(host->nics, host->nb_ports);
	dp_pools_free(&host->pools);
	if (host->eal_runs)
		dp_eal_stop();
	if (host->run_dir >= 0)
		close(host->run_dir);
}
