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

struct cp_apply_hooks {
	/* A model with the daemon's zones and nothing else; NULL: no memory. */
	struct cp_model *(*empty_model)(void *arg);
	/* 'live' changed, by one change or by several that became durable together. */
	void (*on_live)(void *arg);
	void *arg;
};

/* Loads 'working' from the store; 'live' holds the same and is not owned. 'publisher' NULL: there
 * is none, changes answer as pending. NULL with 'why' on failure. */
struct cp_apply *cp_apply_create(struct cp_store *store, struct cp_model *live,
        struct cp_publisher *publisher, const struct cp_apply_hooks *hooks, char *why,
        size_t why_len);
/* After the store is closed and the publisher freed. Changes that still wait for workers are
 * answered as pending. */
void cp_apply_free(struct cp_apply *apply);

/* 'params' is borrowed (a reference is taken). 'reply' is called exactly once, never from within
 * this call unless the change was refused by validation. */
void cp_apply_change(struct cp_apply *apply, const char *method, cp_change_fn change,
        json_t *params, const struct cp_caller *caller, cp_reply_fn reply, void *arg);

/* To be called when an adoption gave targets of 'live' other slots: validation and the store follow
 * them. */
void cp_apply_follow_slots(struct cp_apply *apply);

/* The audit row of a change that the caller has no right to; some of them when there are very many.
 */
void cp_apply_denied(
        struct cp_apply *apply, const char *method, json_t *params, const struct cp_caller *caller);

struct cp_apply_status {
	uint64_t changes;  /* durable */
	uint64_t refused;  /* by validation */
	uint64_t failed;   /* not stored */
	uint32_t waiting;  /* not answered yet */
	char problem[256]; /* the store's last failure, until a change is stored again; empty: none
	                    */
};
void cp_apply_status(const struct cp_apply *apply, struct cp_apply_status *status);

#endif
