/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From a device argument to a running port. What a device can't do, it is not asked for.
 */
#include "port.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <stdio.h>

#include "ask.h"
#include "interface.h"
#include "log.h"
#include "node.h"

#define RX_OFFLOADS RTE_ETH_RX_OFFLOAD_CHECKSUM
#define TX_OFFLOADS                                                     \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | \
	        RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

#define NO_PORT UINT16_MAX

/* The EAL name of a virtual device: its driver's, which ends in a number that tells two apart. */
static void device_name(const struct dp_port_config *config, uint32_t i, char *name, size_t size)
{
	size_t len = strcspn(config->device, ",");

	if (config->device[len - 1] >= '0' && config->device[len - 1] <= '9')
		snprintf(name, size, "%.*s", (int)len, config->device);
	else
		snprintf(name, size, "%.*s%u", (int)len, config->device, i);
}

/* What follows the device's name, with the number of queues added where the device wants it. */
static void device_arguments(const struct dp_nic *nic, uint32_t nb_workers, char *args, size_t size)
{
	const struct dp_port_config *config = nic->config;
	const char *comma = strchr(config->device, ','), *key = nic->kind->queue_argument;
	char value[16];

	snprintf(args, size, "%s", comma != NULL ? comma + 1 : "");
	if (key == NULL || dp_port_argument(config->device, key, value, sizeof(value)))
		return;
	snprintf(args + strlen(args), size - strlen(args), "%s%s=%u", args[0] != '\0' ? "," : "",
	        key, dp_port_ask_queues(config, nb_workers));
}

static int make_device(struct dp_nic *nic, const struct dp_ports_config *ports, uint32_t i)
{
	char name[64], args[DP_PORT_DEVICE + 32];
	int rc;

	device_name(nic->config, i, name, sizeof(name));
	device_arguments(nic, ports->nb_workers, args, sizeof(args));
	rc = rte_eal_hotplug_add("vdev", name, args);
	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(name, &nic->port);
	if (rc == 0)
		return 0;
	dp_log_error("port %s: the device \"%s,%s\" can't be made: %s; EAL's own message stands "
	             "before this one",
	        nic->config->name, name, args,
	        rc == -ENOENT ? "no such driver is installed"
	        : rc == -1    ? "its driver refuses it"
	                      : rte_strerror(-rc));
	return rc;
}

/* PCI devices were probed when EAL started. */
static int find_device(struct dp_nic *nic)
{
	char name[DP_PORT_PCI_NAME];

	dp_port_pci_name(nic->config->device, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, &nic->port) == 0)
		return 0;
	dp_log_error("port %s: EAL found no usable NIC at %s: is it there, and bound to vfio-pci "
	             "(dpdk-devbind.py --status), and are huge pages free on its NUMA node "
	             "(/sys/bus/pci/devices/%s/numa_node)?",
	        nic->config->name, name, name);
	return -ENODEV;
}

static int check_interface(const struct dp_nic *nic)
{
	int mtu = dp_interface_mtu(nic->config->interface);

	if (mtu >= 0)
		return 0;
	dp_log_error("port %s: interface %s: %s", nic->config->name, nic->config->interface,
	        mtu == -ENODEV ? "there is none of that name here: make it first, or change the "
	                         "port's \"device\""
	                       : strerror(-mtu));
	return mtu;
}

static int prepare(const struct dp_nic *nic, const struct dp_ports_config *ports)
{
	char error[256] = "";
	int rc;

	if (nic->kind->prepare == NULL)
		return 0;
	rc = nic->kind->prepare(nic->config, ports->instance, ports->bpffs, error, sizeof(error));
	if (rc < 0)
		dp_log_error("port %s: %s", nic->config->name, error);
	return rc;
}

static int choose_queues(struct dp_nic *nic, const struct rte_eth_dev_info *info, uint32_t workers)
{
	const struct dp_port_config *config = nic->config;
	uint32_t max = RTE_MIN((uint32_t)info->max_rx_queues, (uint32_t)DP_PORT_MAX_QUEUES);
	uint32_t max_tx = RTE_MIN((uint32_t)info->max_tx_queues, (uint32_t)DP_PORT_MAX_QUEUES);
	uint32_t queues = config->queues;

	if (nic->kind->queue_argument != NULL && queues != 0 && queues != max) {
		dp_log_error("port %s: expected \"queues\" to be %u, as %s= of its device says, "
		             "found %u",
		        config->name, max, nic->kind->queue_argument, queues);
		return -EINVAL;
	}
	if (queues > max) {
		dp_log_error("port %s: \"queues\" is %u, but its device has at most %u",
		        config->name, queues, max);
		return -EINVAL;
	}
	if (queues == 0)
		queues = nic->kind->queue_argument != NULL
		                 ? max
		                 : RTE_MIN(nic->kind->default_queues(config, workers), max);
	if (queues == 0 || max_tx == 0) {
		dp_log_error("port %s: its device can't %s", config->name,
		        queues == 0 ? "receive" : "send");
		return -ENOTSUP;
	}
	nic->queues.nb_rx = (uint16_t)queues;
	nic->queues.nb_tx =
	        (uint16_t)(nic->kind->paired_queues ? queues : RTE_MIN(workers, max_tx));
	return 0;
}

static void choose_mtu(struct dp_nic *nic, const struct rte_eth_dev_info *info)
{
	uint32_t mtu = dp_port_ask_mtu(nic->config);

	if (info->max_mtu != 0 && mtu > info->max_mtu)
		mtu = info->max_mtu;
	if (nic->config->mtu > mtu)
		dp_log_warning("port %s: \"mtu\" is %u, but its device takes %u: set to that",
		        nic->config->name, nic->config->mtu, mtu);
	nic->mtu = (uint16_t)mtu;
}

static int open_port(struct dp_nic *nic, const struct dp_ports_config *ports, uint32_t i)
{
	struct rte_eth_dev_info info;
	int rc = dp_port_has_interface(nic->config) ? check_interface(nic) : 0;

	if (rc == 0)
		rc = prepare(nic, ports);
	if (rc == 0)
		rc = nic->kind->driver != NULL ? make_device(nic, ports, i) : find_device(nic);
	if (rc < 0)
		return rc;
	rc = nic->port < LB_MAX_PORTS ? rte_eth_dev_info_get(nic->port, &info) : -ENOSPC;
	if (rc == 0)
		rc = rte_eth_macaddr_get(nic->port, &nic->seen.mac);
	if (rc < 0) {
		dp_log_error("port %s: %s", nic->config->name, rte_strerror(-rc));
		return rc;
	}
	snprintf(nic->driver, sizeof(nic->driver), "%s", info.driver_name);
	nic->node = dp_port_node(nic->config, "/sys");
	choose_mtu(nic, &info);
	return choose_queues(nic, &info, ports->nb_workers);
}

int dp_ports_open(const struct dp_ports_config *ports, struct dp_nic *nics)
{
	int rc = 0;

	for (uint32_t i = 0; i < ports->nb_ports; i++)
		nics[i].port = NO_PORT;
	for (uint32_t i = 0; i < ports->nb_ports && rc == 0; i++) {
		nics[i].config = &ports->ports[i];
		nics[i].kind = dp_port_kind_of(ports->ports[i].device);
		rc = open_port(&nics[i], ports, i);
	}
	return rc;
}

static int configure(struct dp_nic *nic, const struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf = {.rxmode.mtu = nic->mtu};
	int rc;

	if (!nic->kind->soft_offloads) {
		conf.rxmode.offloads = info->rx_offload_capa & RX_OFFLOADS;
		conf.txmode.offloads = info->tx_offload_capa & TX_OFFLOADS;
	}
	dp_rss_ask(&nic->rss, info, nic->queues.nb_rx, nic->config->spread, &conf);
	nic->seen.port = nic->port;
	nic->seen.present = true;
	nic->seen.rx_offloads = conf.rxmode.offloads;
	nic->seen.tx_offloads = conf.txmode.offloads;
	nic->seen.to_kernel_is_copy = nic->config->kernel == DP_KERNEL_COPY;
	nic->prepare = conf.txmode.offloads != 0;
	rc = rte_eth_dev_configure(nic->port, nic->queues.nb_rx, nic->queues.nb_tx, &conf);
	if (rc < 0 && conf.rx_adv_conf.rss_conf.rss_key != NULL) {
		dp_rss_leave_key(&nic->rss, &conf);
		rc = rte_eth_dev_configure(nic->port, nic->queues.nb_rx, nic->queues.nb_tx, &conf);
	}
	return rc;
}

/* Descriptors where the packets are: the device's node may have no memory. */
static int set_up_queues(const struct dp_nic *nic, struct rte_mempool *pool)
{
	unsigned int node = (unsigned int)pool->socket_id;
	uint16_t rx = dp_port_ask_descriptors(nic->config->rx_descriptors);
	uint16_t tx = dp_port_ask_descriptors(nic->config->tx_descriptors);
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(nic->port, &rx, &tx);

	for (uint16_t q = 0; q < nic->queues.nb_rx && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(nic->port, q, rx, node, NULL, pool);
	for (uint16_t q = 0; q < nic->queues.nb_tx && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(nic->port, q, tx, node, NULL);
	return rc;
}

/* The names of offloads that are on, for the log. */
static const char *offload_names(
        uint64_t offloads, const char *(*name)(uint64_t), char *text, size_t size)
{
	size_t n = 0;

	for (uint64_t left = offloads; left != 0 && n < size; left &= left - 1)
		n += (size_t)snprintf(
		        text + n, size - n, "%s%s", n > 0 ? " " : "", name(left & -left));
	return offloads != 0 ? text : "none";
}

static void log_port(const struct dp_nic *nic)
{
	char rx[160], tx[160], rss[160], mac[RTE_ETHER_ADDR_FMT_SIZE];

	rte_ether_format_addr(mac, sizeof(mac), &nic->seen.mac);
	dp_rss_describe(&nic->rss, rss, sizeof(rss));
	dp_log_info("port %s: %s, %s, %u rx and %u tx queues, mtu %u, rx offloads %s, tx "
	            "offloads %s",
	        nic->config->name, nic->driver, mac, nic->queues.nb_rx, nic->queues.nb_tx, nic->mtu,
	        offload_names(nic->seen.rx_offloads, rte_eth_dev_rx_offload_name, rx, sizeof(rx)),
	        offload_names(nic->seen.tx_offloads, rte_eth_dev_tx_offload_name, tx, sizeof(tx)));
	dp_log_info("port %s: %s", nic->config->name, rss);
}

int dp_port_start(struct dp_nic *nic, struct rte_mempool *pool)
{
	struct rte_eth_dev_info info;
	struct dp_xsk_set before;
	const char *step = "be configured";
	int rc = rte_eth_dev_info_get(nic->port, &info);

	dp_xsk_list(&before);
	if (rc == 0)
		rc = configure(nic, &info);
	if (rc == 0) {
		step = "set up its queues";
		rc = set_up_queues(nic, pool);
	}
	if (rc == 0) {
		step = "start";
		rc = rte_eth_dev_start(nic->port);
	}
	if (rc < 0) {
		dp_log_error("port %s: it can't %s: %s%s", nic->config->name, step,
		        rte_strerror(-rc), rc == -EPERM ? ": run it as root" : "");
		return rc;
	}
	dp_xsk_list(&nic->sockets);
	dp_xsk_keep_new(&nic->sockets, &before);
	/* ND needs multicast; a device without the function receives all of it anyway */
	if (nic->config->kernel == DP_KERNEL_TWIN)
		(void)rte_eth_allmulticast_enable(nic->port);
	dp_rss_settle(&nic->rss, nic->port, &info, nic->queues.nb_rx);
	log_port(nic);
	return 0;
}

void dp_ports_close(struct dp_nic *nics, uint32_t nb_ports)
{
	/* its driver tries to detach the steering program, fails on the pinned link as it should,
	 * and would call that an error */
	rte_log_set_level_pattern("pmd.net.af_xdp", RTE_LOG_EMERG);
	for (uint32_t i = 0; i < nb_ports; i++) {
		if (nics[i].kind == NULL || nics[i].port == NO_PORT)
			continue;
		(void)rte_eth_dev_stop(nics[i].port);
		(void)rte_eth_dev_close(nics[i].port);
		nics[i].port = NO_PORT;
	}
}

void dp_port_refresh(const struct dp_nic *nic, struct lb_port_info *info)
{
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	if (rte_eth_link_get_nowait(nic->port, &link) == 0)
		info->link_up = link.link_status == RTE_ETH_LINK_UP;
	if (rte_eth_stats_get(nic->port, &stats) == 0) {
		info->rx_missed = stats.imissed + dp_xsk_ring_full(&nic->sockets);
		info->tx_errors = stats.oerrors;
	}
}
