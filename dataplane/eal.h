/* SPDX-License-Identifier: BSD-3-Clause
 *
 * DPDK's environment: memory and lcores, started from the configuration.
 */
#ifndef DP_EAL_H
#define DP_EAL_H

#include "config.h"

struct dp_eal {
	bool huge;           /* memory is in huge pages */
	bool shared_cpus;    /* some lcores run on one CPU */
	uint32_t nb_workers; /* lcores but the main one */
};

/* Starts it; the calling thread becomes the main lcore. Once in a process. 0 or -errno, after
 * having logged why and what would be right. */
int dp_eal_start(const struct dp_config *config, struct dp_eal *eal);
void dp_eal_stop(void);

#endif
