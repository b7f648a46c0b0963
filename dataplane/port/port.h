/* SPDX-License-Identifier: BSD-3-Clause
 *
 * DPDK ports: made from their device arguments, configured for the workers, started.
 */
#ifndef DP_PORT_H
#define DP_PORT_H

#include <rte_ether.h>
#include <rte_mempool.h>
#include <rte_spinlock.h>

#include "kind.h"
#include "lb/counters.h"
#include "pipeline.h"
#include "queues.h"
#include "rss.h"
#include "xsk.h"

#define DP_PORT_MAX_QUEUES 128

/* A port that is open. main lcore: writes before the workers start. */
struct dp_nic {
	const struct dp_port_config *config;
	const struct dp_port_kind *kind;
	uint16_t port; /* DPDK's number */
	int node;      /* NUMA node of the device; SOCKET_ID_ANY: unknown */
	struct dp_port_queues queues;
	uint16_t mtu; /* of IP packets */
	struct dp_rss rss;
	bool prepare; /* packets pass rte_eth_tx_prepare() for the sake of checksum offloads */
	char driver[32];
	struct dp_xsk_set sockets;                   /* its AF_XDP sockets */
	struct dp_port seen;                         /* by the pipeline */
	rte_spinlock_t tx_locks[DP_PORT_MAX_QUEUES]; /* taken only where workers share a queue */
};

struct dp_ports_config {
	const struct dp_port_config *ports;
	uint32_t nb_ports, nb_workers;
	const char *instance, *bpffs;
};

/* Makes the devices; nothing runs yet. 0 or -errno, after having logged which port, why, and what
 * would be right. dp_ports_close() is due in either case. */
int dp_ports_open(const struct dp_ports_config *config, struct dp_nic *nics);

/* Configures and starts an open port, its buffers from 'pool'. Logs what was set. 0 or -errno,
 * likewise. */
int dp_port_start(struct dp_nic *nic, struct rte_mempool *pool);

/* Stops and closes those that are open. */
void dp_ports_close(struct dp_nic *nics, uint32_t nb_ports);

/* Refreshes link state and the device's own error counters. */
void dp_port_refresh(const struct dp_nic *nic, struct lb_port_info *info);

#endif
