/* SPDX-License-Identifier: BSD-3-Clause
 *
 * On which NUMA nodes the flow table's memory comes to lie; private to flow*.c.
 */
#ifndef DP_FLOW_NUMA_H
#define DP_FLOW_NUMA_H

#include <stdbool.h>
#include <stdint.h>

/* What the calling thread's memory policy was. */
struct flow_numa {
	bool changed;
	int mode;
	uint64_t nodes[16];
};

/* From here on, pages that the calling thread brings in alternate between 'nodes' (a bit each; 0:
 * nothing is changed). Every worker reads every part of the table, so none should have all of it
 * far away, nor one node's memory all of the load. Where the kernel refuses, it says so in the log
 * and pages lie where the kernel likes. */
void flow_numa_begin(struct flow_numa *was, uint64_t nodes);
void flow_numa_end(const struct flow_numa *was);

#endif
