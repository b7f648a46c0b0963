/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Model and health to one generation of the tables (lb/table.h). Pure: writes to the heap that it
 * is given and to nothing else.
 *
 * Rows: a virtual address for each address of each load balancer; a listener row for each listener,
 * wire protocol and address of its load balancer that has its target group's family; a row for each
 * target group; targets by slot, draining ones included.
 */
#ifndef CP_GENERATION_H
#define CP_GENERATION_H

#include "build/scope.h"

struct cp_generation {
	uint64_t offset, size; /* of the top level, in the tables segment */
	uint64_t revision;
	struct cp_scope **scopes; /* one reference each */
	uint32_t nb_scopes;
};

struct cp_build_order {
	uint64_t revision;
	uint32_t max_targets, max_listeners; /* of the instance, from the stats segment */
};

/* 0 and 'out', to be given back with cp_generation_free(); or -errno, with 'why' saying what is
 * wrong and what would be right: -ENOSPC the tables segment is full, -ERANGE the instance is too
 * small for the configuration, -ENOMEM. Nothing is allocated then. */
int cp_generation_build(const struct cp_model *model, struct cp_scopes *scopes,
        const struct cp_build_order *order, struct cp_generation **out, char *why, size_t why_len);

/* Nobody runs it any more. */
void cp_generation_free(struct cp_scopes *scopes, struct cp_generation *generation);

#endif
