/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What memory is wanted, and what there is.
 */
#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <rte_memory.h>
#include <unistd.h>

#include "log.h"
#include "port/ask.h"
#include "port/node.h"
#include "port/pools.h"
#include "port/port.h"

/* Memory beside the packets: EAL's own, the fixed parts of the forwarding tables, and what a route
 * takes in all of them, measured with 64 to a million routes. */
#define BASE_MEGABYTES 320
#define ROUTE_BYTES    1640

static struct dp_pool_port expect(
        const struct dp_port_config *port, uint32_t nb_workers, const char *sysfs)
{
	const struct dp_port_kind *kind = dp_port_kind_of(port->device);
	uint32_t queues =
	        RTE_MIN(dp_port_ask_queues(port, nb_workers), (uint32_t)DP_PORT_MAX_QUEUES);

	return (struct dp_pool_port){.config = port,
	        .kind = kind,
	        .node = dp_port_node(port, sysfs),
	        .queues.nb_rx = (uint16_t)queues,
	        .queues.nb_tx = (uint16_t)(kind->paired_queues ? queues : nb_workers),
	        .mtu = dp_port_ask_mtu(port)};
}

uint32_t dp_memory_megabytes(
        const struct dp_config *config, uint32_t nb_workers, const char *sysfs, bool huge)
{
	struct dp_pool_port ports[LB_MAX_PORTS];
	struct dp_pools pools;
	uint64_t bytes;

	if (config->memory.megabytes != 0)
		return config->memory.megabytes;
	for (uint32_t i = 0; i < config->nb_ports; i++)
		ports[i] = expect(&config->ports[i], nb_workers, sysfs);
	dp_pools_plan(&pools, ports, config->nb_ports, nb_workers, config->memory.mbufs);
	bytes = dp_pools_bytes(&pools, huge ? RTE_PGSIZE_2M : (uint32_t)sysconf(_SC_PAGESIZE)) +
	        (uint64_t)config->kernel.max_routes * ROUTE_BYTES;
	return BASE_MEGABYTES + (uint32_t)(bytes >> 20);
}

/* Free huge pages of all sizes, in megabytes. */
static uint64_t free_huge_megabytes(void)
{
	static const char top[] = "/sys/kernel/mm/hugepages";
	uint64_t total = 0;
	struct dirent *entry;
	DIR *dir = opendir(top);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		unsigned long kilobytes, pages;
		char path[320];
		FILE *file;

		if (sscanf(entry->d_name, "hugepages-%lukB", &kilobytes) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", top, entry->d_name);
		file = fopen(path, "re");
		if (file != NULL && fscanf(file, "%lu", &pages) == 1)
			total += pages * kilobytes / 1024;
		if (file != NULL)
			fclose(file);
	}
	if (dir != NULL)
		closedir(dir);
	return total;
}

int dp_memory_choose(const struct dp_config *config, uint32_t nb_workers, struct dp_memory *memory)
{
	uint32_t want = dp_memory_megabytes(config, nb_workers, "/sys", true);
	uint64_t have = free_huge_megabytes();

	if (config->memory.huge == DP_HUGE_TRUE && have < want) {
		dp_log_error("memory: %u MB in huge pages are wanted, %" PRIu64
		             " MB are free: write %u to /proc/sys/vm/nr_hugepages, or set "
		             "memory.huge to \"auto\"",
		        want, have, want / 2 + want % 2);
		return -ENOMEM;
	}
	memory->huge = config->memory.huge != DP_HUGE_FALSE && have >= want;
	memory->megabytes = dp_memory_megabytes(config, nb_workers, "/sys", memory->huge);
	if (memory->huge)
		dp_log_info("memory: in huge pages, %" PRIu64 " MB of them free", have);
	else
		dp_log_info("memory: %u MB in ordinary pages%s", memory->megabytes,
		        config->memory.huge == DP_HUGE_AUTO ? ", because fewer huge pages are free"
		                                            : "");
	return 0;
}
