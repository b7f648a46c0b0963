/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel's routes and neighbours as the workers' FIB.
 *
 *     route by a gateway      -> the gateway's neighbour
 *     route on a link         -> unresolved, and a host route for each neighbour known there
 *     another interface       -> foreign
 *     table local             -> this host
 *     blackhole, unreachable  -> none, before any shorter prefix
 *
 * Each change reads what changed whole and compares the outcome with what the FIB has.
 */
#ifndef DP_KERNEL_MIRROR_H
#define DP_KERNEL_MIRROR_H

#include "links.h"
#include "neighbours.h"
#include "routes.h"

struct dp_mirror_entry {
	struct lb_ip prefix;
	uint8_t depth;
	struct dp_adj adj;
};

struct dp_mirror {
	const struct dp_kernel_port *ports;
	uint32_t nb_ports;
	struct dp_fib *fib;
	struct dp_links links;
	struct dp_routes routes;
	struct dp_neighbours neighbours;
	DP_LIST(struct dp_mirror_entry) installed; /* by prefix and depth */
};

/* Reads what 'changes' (enum dp_netlink_changes) names. 0 or -errno: -EINTR when it changed under
 * the reader's eyes. */
int dp_mirror_read(struct dp_mirror *mirror, struct dp_netlink *nl, unsigned changes);

/* Makes the FIB say what was read. 'all' says it anew also where it seems to be the same. 0 or
 * dp_fib_set()'s or dp_fib_commit()'s first -errno. */
int dp_mirror_commit(struct dp_mirror *mirror, bool all);

/* The neighbour that packets to 'ip' go to; false if they leave by no port of ours. */
bool dp_mirror_next_hop(const struct dp_mirror *mirror, const struct lb_ip *ip, struct lb_ip *hop,
        uint32_t *ifindex);

void dp_mirror_free(struct dp_mirror *mirror);

#endif
