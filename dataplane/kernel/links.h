/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel's interfaces, and which port of ours each stands for.
 */
#ifndef DP_KERNEL_LINKS_H
#define DP_KERNEL_LINKS_H

#include "kernel.h"
#include "list.h"
#include "netlink.h"

struct dp_link {
	uint32_t ifindex;
	uint32_t parent; /* of a VLAN interface */
	char name[LB_IFNAME_LEN];
	struct rte_ether_addr mac;
	uint16_t mtu;
	bool is_vlan;
	uint16_t vlan_id;
	lb_be16 vlan_type;
};

struct dp_links {
	DP_LIST(struct dp_link) list; /* by ifindex */
};

int dp_links_read(struct dp_links *links, struct dp_netlink *nl);
const struct dp_link *dp_links_find(const struct dp_links *links, uint32_t ifindex);
/* 0 if there is none. */
uint32_t dp_links_index(const struct dp_links *links, const char *name);

/* Fills all of 'adj' but kind and destination for packets that leave by interface 'ifindex': a
 * port's, or a VLAN interface (or two, stacked) on a port's. False if it is neither. */
bool dp_links_adjacency(const struct dp_links *links, const struct dp_kernel_port *ports,
        uint32_t nb_ports, uint32_t ifindex, struct dp_adj *adj);

#endif
