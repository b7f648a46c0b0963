/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packet buffers: one pool on each NUMA node that has ports, so that a device writes into memory of
 * its own node. A port receives into its node's pool, one of an unknown node into the first. What
 * it sends may come from any, so each pool has buffers for all transmit queues, rings to and from
 * the kernel, and workers' caches.
 *
 * How many buffers that are is said here alone: of open ports, to make them, and of ports that are
 * yet to be opened, to know beforehand how much memory EAL is to have (memory.h).
 */
#ifndef DP_POOLS_H
#define DP_POOLS_H

#include <rte_mempool.h>

#include "kind.h"
#include "lb/types.h"
#include "queues.h"

#define DP_POOL_CACHE  256  /* buffers that a worker keeps for itself, from each pool */
#define DP_POOL_SPARE  4096 /* for whatever is on its way */
#define DP_POOL_KERNEL 1536 /* what the rings to and from the kernel hold, of each port */

/* What counts of a port. */
struct dp_pool_port {
	const struct dp_port_config *config;
	const struct dp_port_kind *kind;
	int node; /* of its device; SOCKET_ID_ANY: unknown */
	struct dp_port_queues queues;
	uint16_t mtu;
};

struct dp_pool {
	int node; /* SOCKET_ID_ANY, where that of no port is known */
	uint32_t nb_mbufs;
	struct rte_mempool *pool;
};

/* No more than one for each port. main lcore: makes them before the ports start. */
struct dp_pools {
	uint32_t n;
	uint16_t room; /* bytes of a frame that a buffer takes, headroom included */
	struct dp_pool pools[LB_MAX_PORTS];
};

/* Which pools are needed and how large, for at least one port and one worker. 'nb_mbufs' is what
 * each is to have; 0: as many as the ports can hold at once, and workers and rings beside them. */
void dp_pools_plan(struct dp_pools *pools, const struct dp_pool_port *ports, uint32_t nb_ports,
        uint32_t nb_workers, uint32_t nb_mbufs);

/* The memory that those planned take, in pages of so many bytes. */
uint64_t dp_pools_bytes(const struct dp_pools *pools, uint32_t page);

/* Makes those planned. One that its node has no memory for comes from any, with a warning. 0 or
 * -errno, after having logged why and what would be right. */
int dp_pools_make(struct dp_pools *pools);
void dp_pools_free(struct dp_pools *pools);

/* The pool on a node, or the first where there is none. */
struct rte_mempool *dp_pools_on(const struct dp_pools *pools, int node);

#endif
