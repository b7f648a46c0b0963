/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory of a NUMA node, if it can be had.
 */
#ifndef DP_NEAR_H
#define DP_NEAR_H

#include <rte_malloc.h>

/* Zeroed memory in whole cache lines, on 'node' if it has any left, else on another; for
 * rte_free(). NULL: nowhere. */
static inline void *dp_alloc_near(const char *type, size_t size, int node)
{
	void *memory = rte_zmalloc_socket(type, size, RTE_CACHE_LINE_SIZE, node);

	return memory != NULL ? memory : rte_zmalloc(type, size, RTE_CACHE_LINE_SIZE);
}

#endif
