/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How much memory EAL is to have, and whether in huge pages: decided before EAL starts, so before
 * any port is open.
 */
#ifndef DP_MEMORY_H
#define DP_MEMORY_H

#include "config.h"

struct dp_memory {
	bool huge;
	uint32_t megabytes;
};

/* For packets, forwarding tables and EAL itself: as configured; else for the pools that ports need
 * which get all the queues and the MTU that they ask for. 'sysfs' tells their NUMA nodes. */
uint32_t dp_memory_megabytes(
        const struct dp_config *config, uint32_t nb_workers, const char *sysfs, bool huge);

/* Decides, by what is free. 0; -ENOMEM: huge pages are a must and can't be had, after having logged
 * what would be right. */
int dp_memory_choose(const struct dp_config *config, uint32_t nb_workers, struct dp_memory *memory);

#endif
