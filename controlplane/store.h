/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Durable configuration and audit trail: SQLite (store_db.h), written by a thread of its own. All
 * changes that wait when it gets to them share one commit, so a slow disk costs latency of
 * changes, never a health verdict.
 */
#ifndef CP_STORE_H
#define CP_STORE_H

#include <uv.h>

#include "model/model.h"

struct cp_store;

struct cp_audit {
	uint64_t time_ms;
	int64_t uid, pid;
	char *method; /* owned */
	char *params; /* JSON text, owned */
	char *result; /* "ok" or the error code, owned */
};

/* Opens or creates the file and starts the thread; refuses a file that another process holds,
 * another schema version, and a file that SQLite calls damaged, with a text in 'why'. NULL on
 * failure. */
struct cp_store *cp_store_open(uv_loop_t *loop, const char *path, char *why, size_t why_len);

/* Writes what is queued, calls what 'done' is owed, then closes; the memory goes with the loop's
 * next round. */
void cp_store_close(struct cp_store *store);

/* Loads everything into an empty model. Not while a write is waiting. 0 or -errno with 'why'. */
int cp_store_load(struct cp_store *store, struct cp_model *model, char *why, size_t why_len);

typedef void (*cp_store_done_fn)(void *arg, int status, const char *why);

/* Queues one change. Takes ownership of 'journal' and of what 'audit' points to. 'done' is called
 * on the loop's thread, in order: status 0 when it is durable, -errno with a text when it is not;
 * then nothing of the change is in the file, nor of any change queued before 'done' is called.
 * 'journal' NULL: audit only. */
void cp_store_write(struct cp_store *store, struct cp_journal_entry *journal, uint64_t revision,
        const struct cp_audit *audit, cp_store_done_fn done, void *arg);

/* 'delivered' is called after the last 'done' of those that came together, before anything else
 * of the loop runs: for work that many changes share. */
void cp_store_on_delivered(struct cp_store *store, void (*delivered)(void *arg), void *arg);

#endif
