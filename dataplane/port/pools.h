/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packet buffers: one pool on each NUMA node that has ports, so that a device writes into memory of
 * its own node. A port receives into its node's pool; what it sends may come from any, so each pool
 * has buffers for all transmit queues, rings and workers' caches.
 */
#ifndef DP_POOLS_H
#define DP_POOLS_H

#include <rte_mempool.h>

#include "lb/types.h"

#define DP_POOL_CACHE 256 /* buffers that a worker keeps for itself, from each pool */

/* What one port holds at once, at most. */
struct dp_pool_port {
	int node;
	uint32_t nb_rx;  /* of its own node's pool */
	uint32_t nb_any; /* of all pools */
};

struct dp_pool {
	int node;
	uint32_t nb_mbufs;
	struct rte_mempool *pool;
};

/* No more than one for each port. main lcore: makes them before the ports start. */
struct dp_pools {
	uint32_t n;
	struct dp_pool pools[LB_MAX_PORTS];
};

/* Which pools are needed and how large, 'nb_shared' of each for what belongs to no port. At least
 * one port. */
void dp_pools_plan(struct dp_pools *pools, const struct dp_pool_port *ports, uint32_t nb_ports,
        uint32_t nb_shared);

/* Makes those planned, with 'room' bytes for a frame. 0 or -errno, after having logged why and what
 * would be right. */
int dp_pools_make(struct dp_pools *pools, uint16_t room);
void dp_pools_free(struct dp_pools *pools);

/* The pool on a node, or the first where there is none. */
struct rte_mempool *dp_pools_on(const struct dp_pools *pools, int node);

#endif
