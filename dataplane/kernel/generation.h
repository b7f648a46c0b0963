/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the kernel's side needs to know of a generation, copied out of shared memory.
 */
#ifndef DP_KERNEL_GENERATION_H
#define DP_KERNEL_GENERATION_H

#include "guard.h"
#include "tables.h"

struct dp_wanted_address {
	struct lb_ip ip;
	char interface[LB_IFNAME_LEN]; /* empty: somebody else puts it on */
	uint8_t prefix_len;
};

struct dp_service_wants {
	DP_LIST(struct dp_wanted_address) vips; /* by address, each once */
	dp_endpoint_list targets;               /* in dp_endpoint_compare()'s order, each once */
};

/* Fills 'wants', which is empty. 0 or -ENOMEM. */
int dp_service_wants_read(struct dp_service_wants *wants, const struct dp_tables *tables);
bool dp_service_wants_equal(const struct dp_service_wants *a, const struct dp_service_wants *b);
void dp_service_wants_free(struct dp_service_wants *wants);

/* NULL if it is none of them. */
const struct dp_wanted_address *dp_service_wants_find(
        const struct dp_service_wants *wants, const struct lb_ip *ip);

#endif
