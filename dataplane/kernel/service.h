/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a generation asks of the kernel, and the order in which it gets it:
 *
 *     guard -> steering maps -> address on        address off -> steering maps -> guard
 *
 * so that the kernel never answers for a virtual address. What could not be done is tried again:
 * everything here says a whole state, compared with what the kernel has.
 */
#ifndef DP_KERNEL_SERVICE_H
#define DP_KERNEL_SERVICE_H

#include "addresses.h"
#include "generation.h"
#include "mirror.h"

struct dp_service {
	const struct dp_kernel_config *config;
	struct lb_stats *stats;
	struct dp_netlink *nl;
	const struct dp_links *links;
	struct dp_guard *guard; /* NULL: none is kept */
	struct dp_steer *steer; /* NULL: no port is steered */
	struct dp_service_wants wants;
	bool known;         /* a generation has arrived */
	dp_ip_list guarded; /* sorted; what guard and steering maps hold: the generation's
	                       addresses, and earlier ones that are on interfaces still */
	dp_address_list on; /* by address and interface: what is on interfaces */
};

/* Takes over what the guard has held since an earlier run. 0 or -errno. */
int dp_service_adopt(struct dp_service *service);

/* Takes over a generation's addresses and targets; '*changed' says whether they differ. 0 or
 * -ENOMEM: the old ones stay. */
int dp_service_take(struct dp_service *service, const struct dp_tables *tables, bool *changed);

/* Makes the kernel agree. 0 or the first -errno, each having been reported. */
int dp_service_apply(struct dp_service *service);

/* This host's addresses, for the steering programs. 0 or -errno. */
int dp_service_locals(struct dp_service *service, const struct dp_routes *routes);

void dp_service_free(struct dp_service *service);

#endif
