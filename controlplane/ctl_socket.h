/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The control socket: accepts clients, reads their lines, answers in order (include/lb/rpc.h,
 * limits). One client is in ctl_client.c.
 */
#ifndef CP_CTL_SOCKET_H
#define CP_CTL_SOCKET_H

#include <uv.h>

#include "apply.h"
#include "rights.h"

struct cp_ctl;

/* What requests are answered with. Nothing is owned. */
struct cp_ctl_backend {
	struct cp_apply *apply;
	const struct cp_model *live;
	struct cp_daemon *daemon;
	const struct cp_rights *rights;
};

/* Listens at 'path'. NULL with 'why' on failure. */
struct cp_ctl *cp_ctl_create(uv_loop_t *loop, const char *path,
        const struct cp_ctl_backend *backend, char *why, size_t why_len);

/* Takes no more clients and removes the socket's file; clients are still answered. */
void cp_ctl_stop(struct cp_ctl *ctl);

/* Disconnects everybody; after cp_apply_free(), which answers what waits. The memory goes when the
 * loop has closed all handles. */
void cp_ctl_free(struct cp_ctl *ctl);

uint32_t cp_ctl_nb_clients(const struct cp_ctl *ctl);

#endif
