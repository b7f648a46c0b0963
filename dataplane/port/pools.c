/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which nodes need a pool, and how many buffers each.
 */
#include "pools.h"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <stdio.h>

#include "log.h"

static struct dp_pool *find(struct dp_pools *pools, int node)
{
	for (uint32_t i = 0; i < pools->n; i++) {
		if (pools->pools[i].node == node)
			return &pools->pools[i];
	}
	return NULL;
}

void dp_pools_plan(struct dp_pools *pools, const struct dp_pool_port *ports, uint32_t nb_ports,
        uint32_t nb_shared)
{
	pools->n = 0;
	for (uint32_t i = 0; i < nb_ports; i++) {
		nb_shared += ports[i].nb_any;
		if (find(pools, ports[i].node) == NULL)
			pools->pools[pools->n++] = (struct dp_pool){.node = ports[i].node};
	}
	for (uint32_t i = 0; i < pools->n; i++)
		pools->pools[i].nb_mbufs = nb_shared;
	for (uint32_t i = 0; i < nb_ports; i++)
		find(pools, ports[i].node)->nb_mbufs += ports[i].nb_rx;
}

int dp_pools_make(struct dp_pools *pools, uint16_t room)
{
	for (uint32_t i = 0; i < pools->n; i++) {
		struct dp_pool *pool = &pools->pools[i];
		char name[RTE_MEMPOOL_NAMESIZE];
		int rc;

		snprintf(name, sizeof(name), "packets%u", i);
		pool->pool = rte_pktmbuf_pool_create(
		        name, pool->nb_mbufs, DP_POOL_CACHE, 0, room, pool->node);
		if (pool->pool != NULL)
			continue;
		rc = -rte_errno;
		dp_log_error("memory: %u packet buffers of %u bytes can't be had on NUMA node %d: "
		             "%s: raise memory.megabytes, or lower memory.mbufs or the ports' "
		             "descriptors",
		        pool->nb_mbufs, room, pool->node, rte_strerror(-rc));
		return rc;
	}
	return 0;
}

void dp_pools_free(struct dp_pools *pools)
{
	for (uint32_t i = 0; i < pools->n; i++)
		rte_mempool_free(pools->pools[i].pool);
	pools->n = 0;
}

struct rte_mempool *dp_pools_on(const struct dp_pools *pools, int node)
{
	for (uint32_t i = 0; i < pools->n; i++) {
		if (pools->pools[i].node == node)
			return pools->pools[i].pool;
	}
	return pools->pools[0].pool;
}
