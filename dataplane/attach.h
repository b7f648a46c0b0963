/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The attach socket (lb/attach.h), the dataplane's end: hands the segments to one control plane at
 * a time.
 */
#ifndef DP_ATTACH_H
#define DP_ATTACH_H

#include <sys/types.h>

#include "segments.h"

struct dp_attach;

#define DP_ATTACH_ANY_GROUP ((gid_t)-1)

/* Listens on 'path' with mode 0660 and group 'gid' (DP_ATTACH_ANY_GROUP: the process's own). A
 * socket file that is there already is replaced: the caller made sure that nobody else serves it.
 * 'segments' must outlive the result. NULL with errno set, after having logged why. */
struct dp_attach *dp_attach_create(
        const char *path, gid_t gid, const char *instance, const struct dp_segments *segments);

/* Closes all connections and removes the socket file. */
void dp_attach_destroy(struct dp_attach *attach);

/* Becomes readable when dp_attach_run() has something to do. Stays 'attach's. */
int dp_attach_fd(const struct dp_attach *attach);

/* Serves what is ready, and ends connections that never sent a request. To be called when the
 * descriptor is readable and every second at the latest. 'now_ms' is CLOCK_MONOTONIC. */
void dp_attach_run(struct dp_attach *attach, uint64_t now_ms);

/* Whether a control plane is attached. */
bool dp_attach_held(const struct dp_attach *attach);

#endif
