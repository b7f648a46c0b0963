/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The connection to the dataplane: made, and made again, for as long as this object lives.
 */
#ifndef CP_LINK_H
#define CP_LINK_H

#include <uv.h>

#include "publish/attach_client.h"

struct cp_link;

struct cp_link_events {
	/* Attached; 'attachment' is valid until 'down' has returned. Nonzero: not usable, with
	 * 'why'; the link is dropped without 'down' and tried again. */
	int (*up)(void *arg, const struct cp_attachment *attachment, char *why, size_t why_len);
	void (*down)(void *arg);
};

/* 'path' is copied; 'events' must outlive the link. The first attempt is made at once. NULL: out of
 * memory. */
struct cp_link *cp_link_create(
        uv_loop_t *loop, const char *path, const struct cp_link_events *events, void *arg);

/* Calls 'down' if it is up. */
void cp_link_free(struct cp_link *link);

/* Why it is not up, and what would help; empty while it is. */
const char *cp_link_why(const struct cp_link *link);

#endif
