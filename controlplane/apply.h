/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The only way the configuration changes:
 *
 *   validate and change 'working' -> journal and audit to the store -> durable: change 'live' ->
 *   publish -> every worker runs it -> reply
 *
 * A store that fails fails every change that waits for it; 'working' is then made anew from the
 * file.
 */
#ifndef CP_APPLY_H
#define CP_APPLY_H

#include "publish.h"
#include "rpc/rpc.h"
#include "store.h"

struct cp_apply;

struct cp_caller {
	int64_t uid, pid; /* of the peer; -1: the daemon itself */
};

/* 'error' NULL: done, 'result' is borrowed. A change that is durable but not acknowledged by the
 * workers within a second answers with its result and an added "anabranch.Pending": true. */
typedef void (*cp_reply_fn)(void *arg, const json_t *result, const struct cp_error *error);

/* Neither model is owned. 'on_live' is called after each change of 'live' (health checks follow
 * it). */
struct cp_apply *cp_apply_create(uv_loop_t *loop, struct cp_model *working, struct cp_model *live,
        struct cp_store *store, struct cp_publisher *publisher, void (*on_live)(void *arg),
        void *arg);
void cp_apply_free(struct cp_apply *apply);

/* 'params' is borrowed (a reference is taken). 'reply' is called exactly once, never from within
 * this call unless the change was refused by validation. */
void cp_apply_change(struct cp_apply *apply, const char *method, cp_change_fn change,
        json_t *params, const struct cp_caller *caller, cp_reply_fn reply, void *arg);

#endif
