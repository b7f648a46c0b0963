/* SPDX-License-Identifier: BSD-3-Clause
 *
 * NUMA nodes of ports. A virtual device's driver reports the node of the thread that made it, so
 * the kernel is asked instead: for a NIC, or for the NIC below an interface.
 */
#ifndef DP_NODE_H
#define DP_NODE_H

#include "kind.h"

/* The node of a port's device, or -1 (SOCKET_ID_ANY) where it has none that is known. 'sysfs' is
 * where that is mounted. */
int dp_port_node(const struct dp_port_config *port, const char *sysfs);

/* Whether packets of a device cross between nodes on their way to a worker. Not where one of the
 * nodes is unknown (-1). */
bool dp_node_is_far(int device, int worker);

#endif
