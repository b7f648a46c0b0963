/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The rows of a generation but for the targets, made from the model in private memory.
 */
#ifndef CP_ROWS_H
#define CP_ROWS_H

#include "build/scope.h"

struct cp_rows {
	struct lb_vip *vips;
	struct lb_listener *listeners;
	struct lb_group *groups; /* in the model's order */
	uint32_t nb_vips, nb_listeners, nb_groups;
	struct cp_scope **scopes; /* those that the listeners refer to, a reference each */
	uint32_t nb_scopes;
};

/* 0, or -errno with 'why' filled in and nothing held. */
int cp_rows_make(struct cp_rows *rows, const struct cp_model *model, struct cp_scopes *scopes,
        uint32_t max_listeners, char *why, size_t why_len);

/* Frees the rows, and gives the scopes' references back where 'scopes' is not NULL. */
void cp_rows_fini(struct cp_rows *rows, struct cp_scopes *scopes);

#endif
