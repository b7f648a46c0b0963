/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel's routes, of the tables local and main: the ones that its default rules look at.
 */
#ifndef DP_KERNEL_ROUTES_H
#define DP_KERNEL_ROUTES_H

#include "list.h"
#include "netlink.h"

enum dp_route_kind {
	DP_ROUTE_LOCAL,  /* this host, or a group or broadcast address of a link */
	DP_ROUTE_REFUSE, /* blackhole, unreachable, prohibit */
	DP_ROUTE_VIA,    /* by a gateway */
	DP_ROUTE_LINK,   /* directly on an interface's link */
};

struct dp_route {
	struct lb_ip prefix;
	uint8_t depth; /* in the family's own bits */
	uint8_t kind;  /* enum dp_route_kind */
	uint8_t rank;  /* table local before table main */
	uint32_t metric;
	uint32_t ifindex;
	struct lb_ip gateway;
};

/* One route for each prefix, the one that the kernel would use. Of a multipath route this is the
 * first path that is alive: the same on every look-up, and one way only. */
struct dp_routes {
	DP_LIST(struct dp_route) list; /* by prefix and depth */
	uint64_t depths[2][3];         /* [is_v6]: bit n: there are routes of depth n */
};

int dp_routes_read(struct dp_routes *routes, struct dp_netlink *nl);

/* The longest match, NULL if there is none. */
const struct dp_route *dp_routes_lookup(const struct dp_routes *routes, const struct lb_ip *ip);

#endif
