/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What to do at attach: find what the consumers run, adopt it into the model, and keep its memory
 * until nobody runs it any more.
 */
#ifndef CP_TAKEOVER_H
#define CP_TAKEOVER_H

#include "publish/attach_client.h"
#include "build/scope.h"

/* A predecessor's memory: tables among it are shared by content with what is built now. */
struct cp_legacy {
	struct cp_extent *extents; /* one reference to a blob in the scopes each */
	uint32_t nb_extents;
	uint64_t revision; /* the highest that anybody was told of */
};

/* 'heap' and 'scopes' are new and empty. 0 with 'legacy' to be given back; -ENOMEM. A generation
 * that is not readable is passed over with a text in 'why'; otherwise that is empty. */
int cp_takeover(const struct cp_attachment *attachment, struct cp_model *model,
        struct cp_scopes *scopes, struct cp_legacy *legacy, char *why, size_t why_len);

/* Nobody runs a predecessor's generation any more: its memory is free. */
void cp_legacy_release(struct cp_legacy *legacy, struct cp_scopes *scopes);

/* The segment is gone. */
void cp_legacy_fini(struct cp_legacy *legacy);

#endif
