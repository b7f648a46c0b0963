/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parts of Status' result, a file each.
 */
#ifndef CP_RPC_STATUS_H
#define CP_RPC_STATUS_H

#include "daemon.h"

/* More rows than this are left out of a list, and counted in "…_omitted": a reply is one line of at
 * most LB_RPC_MAX_LINE. */
#define CP_STATUS_MAX_ROWS 4000

/* Each returns a new reference, or NULL without memory. */
json_t *cp_status_dataplane(const struct cp_daemon *daemon, const struct cp_stats_view *view);

struct cp_status_objects {
	const struct cp_model *live;
	const struct cp_sampler *sampler;
	const struct cp_stats_view *view;
	const json_t *groups; /* names or ARNs; NULL: all */
	size_t rows_left;     /* of targets */
};
json_t *cp_status_zones(const struct cp_model *live);
json_t *cp_status_load_balancers(const struct cp_model *live);
json_t *cp_status_listeners(const struct cp_status_objects *objects);
json_t *cp_status_groups(struct cp_status_objects *objects);

#endif
