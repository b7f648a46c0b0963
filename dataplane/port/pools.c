/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which nodes need a pool, and how many buffers each.
 */
#include "pools.h"

#include <inttypes.h>
#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <stdio.h>

#include "ask.h"
#include "log.h"
#include "spread.h"

#define FRAME_EXTRA 22 /* Ethernet header and two tags */

/* The pool of a node's ports: the first for those that have none of their own. */
static uint32_t index_of(const struct dp_pools *pools, int node)
{
	for (uint32_t i = 0; i < pools->n; i++) {
		if (pools->pools[i].node == node)
			return i;
	}
	return 0;
}

static void plan_nodes(struct dp_pools *pools, const struct dp_pool_port *ports, uint32_t nb_ports)
{
	pools->n = 0;
	for (uint32_t i = 0; i < nb_ports; i++) {
		int node = ports[i].node;

		if (node >= 0 &&
		        (pools->n == 0 || pools->pools[index_of(pools, node)].node != node))
			pools->pools[pools->n++] = (struct dp_pool){.node = node};
	}
	if (pools->n == 0)
		pools->pools[pools->n++] = (struct dp_pool){.node = SOCKET_ID_ANY};
}

/* Of one port, in the pool that it receives into. */
static uint32_t nb_received(const struct dp_pool_port *port)
{
	return port->queues.nb_rx *
	       (dp_port_ask_descriptors(port->config->rx_descriptors) + port->kind->extra_mbufs);
}

/* In any pool: what no port or each of them can hold, whatever pool it is from. */
static uint32_t nb_anywhere(
        const struct dp_pool_port *ports, uint32_t nb_ports, uint32_t nb_workers)
{
	uint32_t n = DP_POOL_SPARE + DP_POOL_KERNEL /* the probe port's */ +
	             nb_workers * (2 * DP_POOL_CACHE + DP_SPREAD_BURST);

	for (uint32_t i = 0; i < nb_ports; i++)
		n += DP_POOL_KERNEL +
		     ports[i].queues.nb_tx *
		             dp_port_ask_descriptors(ports[i].config->tx_descriptors);
	return n;
}

/* What the rings between workers hold, and what waits for them, if 'nb_queues' are spread: each
 * worker that polls one of these has a ring to each other worker. */
static uint32_t nb_spread(uint32_t nb_queues, uint32_t nb_workers)
{
	return RTE_MIN(nb_queues, nb_workers) * (nb_workers - 1) * (DP_SPREAD_ROOM + DP_BURST);
}

void dp_pools_plan(struct dp_pools *pools, const struct dp_pool_port *ports, uint32_t nb_ports,
        uint32_t nb_workers, uint32_t nb_mbufs)
{
	uint32_t spread[LB_MAX_PORTS] = {0}; /* queues that are, by pool */
	uint16_t mtu = 0;
	uint32_t room;

	plan_nodes(pools, ports, nb_ports);
	for (uint32_t i = 0; i < nb_ports; i++) {
		uint32_t p = index_of(pools, ports[i].node);

		mtu = RTE_MAX(mtu, ports[i].mtu);
		pools->pools[p].nb_mbufs += nb_received(&ports[i]);
		spread[p] += ports[i].config->spread ? ports[i].queues.nb_rx : 0;
	}
	for (uint32_t p = 0; p < pools->n; p++) {
		pools->pools[p].nb_mbufs +=
		        nb_anywhere(ports, nb_ports, nb_workers) + nb_spread(spread[p], nb_workers);
		if (nb_mbufs != 0)
			pools->pools[p].nb_mbufs = nb_mbufs;
	}
	/* an interface may claim more than a buffer can take */
	room = RTE_ALIGN_CEIL((uint32_t)mtu + FRAME_EXTRA + RTE_PKTMBUF_HEADROOM, 64);
	room = RTE_MAX(room, (uint32_t)RTE_MBUF_DEFAULT_BUF_SIZE);
	pools->room = (uint16_t)RTE_MIN(room, UINT32_C(0xffc0));
}

/* No buffer lies across the end of a page, unless it is longer than one; and each has a place in
 * the pool's ring, whose size is a power of two. */
static uint64_t pool_bytes(const struct dp_pool *pool, uint16_t room, uint32_t page)
{
	uint32_t mbuf = rte_mempool_calc_obj_size(sizeof(struct rte_mbuf) + room, 0, NULL);
	uint64_t ring = 2 * sizeof(void *) * (uint64_t)pool->nb_mbufs;

	if (mbuf > page)
		return ring + (uint64_t)pool->nb_mbufs * RTE_ALIGN_CEIL(mbuf, page);
	return ring + ((uint64_t)pool->nb_mbufs / (page / mbuf) + 1) * page;
}

uint64_t dp_pools_bytes(const struct dp_pools *pools, uint32_t page)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < pools->n; i++)
		bytes += pool_bytes(&pools->pools[i], pools->room, page);
	return bytes;
}

static void warn_far_pool(const struct dp_pool *pool, uint16_t room)
{
	uint64_t megabytes = (pool_bytes(pool, room, RTE_PGSIZE_2M) >> 20) + 1;

	dp_log_warning(
	        "memory: NUMA node %d has no %" PRIu64
	        " MB in huge pages free for the packets of its ports: other nodes' memory "
	        "is taken, and each packet crosses between them: add %" PRIu64
	        " to /sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages "
	        "before the start",
	        pool->node, megabytes, (megabytes + 1) / 2, pool->node);
}

static struct rte_mempool *make_on(const struct dp_pools *pools, uint32_t i, int node)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "packets%u", i);
	return rte_pktmbuf_pool_create(
	        name, pools->pools[i].nb_mbufs, DP_POOL_CACHE, 0, pools->room, node);
}

int dp_pools_make(struct dp_pools *pools)
{
	for (uint32_t i = 0; i < pools->n; i++) {
		struct dp_pool *pool = &pools->pools[i];
		int rc;

		pool->pool = make_on(pools, i, pool->node);
		if (pool->pool != NULL)
			continue;
		pool->pool = make_on(pools, i, SOCKET_ID_ANY);
		if (pool->pool != NULL) {
			warn_far_pool(pool, pools->room);
			continue;
		}
		rc = -rte_errno;
		dp_log_error("memory: %u packet buffers of %u bytes can't be had: %s: raise "
		             "memory.megabytes, or lower memory.mbufs or the ports' descriptors",
		        pool->nb_mbufs, pools->room, rte_strerror(-rc));
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
	return pools->pools[index_of(pools, node)].pool;
}
