/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel's neighbours (ARP and ND), and asking it to look for one.
 */
#ifndef DP_KERNEL_NEIGHBOURS_H
#define DP_KERNEL_NEIGHBOURS_H

#include <linux/neighbour.h>
#include <rte_ether.h>

#include "list.h"
#include "netlink.h"

struct dp_neighbour {
	struct lb_ip ip;
	uint32_t ifindex;
	uint16_t state; /* NUD_... */
	struct rte_ether_addr mac;
};

struct dp_neighbours {
	DP_LIST(struct dp_neighbour) list; /* by interface and address */
};

int dp_neighbours_read(struct dp_neighbours *neighbours, struct dp_netlink *nl);
const struct dp_neighbour *dp_neighbours_find(
        const struct dp_neighbours *neighbours, uint32_t ifindex, const struct lb_ip *ip);

/* Whether its link address may be sent to. */
static inline bool dp_neighbour_usable(const struct dp_neighbour *n)
{
	return (n->state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT |
	                           NUD_NOARP)) != 0;
}

/* Whether the kernel should be asked to look: it is not known, failed, or was not confirmed for a
 * while. A kernel that is looking already is left alone. */
static inline bool dp_neighbour_needs_probe(const struct dp_neighbour *n)
{
	return n == NULL || n->state == NUD_NONE || (n->state & (NUD_FAILED | NUD_STALE)) != 0;
}

/* Has the kernel look for a neighbour, as if it had a packet for it; one that was set by hand is
 * left alone. 0 or -errno. */
int dp_neighbour_probe(struct dp_netlink *nl, uint32_t ifindex, const struct lb_ip *ip);

#endif
