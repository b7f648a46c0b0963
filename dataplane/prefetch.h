/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bringing lines nearer that are read soon, where a burst asks for many.
 */
#ifndef DP_PREFETCH_H
#define DP_PREFETCH_H

#include <rte_prefetch.h>

/* Brings the line at 'p' as near as the second-level cache. Not nearer: the first level waits for
 * some 20 lines at a time and forgets what it is asked for beyond (AMD Zen 4: of 32 in a row seven
 * never came), and a burst wants one for each packet, and then another. The second level took 64
 * in a row. It also dropped them, all of them, while lines an even number of lines apart were read
 * besides, as the headers of packets may be: keep to DPDK's pools, which place buffers an odd
 * number apart. */
static inline void dp_prefetch_l2(const void *p)
{
	rte_prefetch1(p);
}

#endif
