/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Durable configuration and audit trail: SQLite (WAL, synchronous=FULL), written by a thread of its
 * own. All changes that wait when it gets to them share one commit, so a slow disk costs latency of
 * changes, never a health verdict.
 *
 *   object(kind INTEGER, id TEXT, body TEXT, PRIMARY KEY (kind, id))   body: JSON, the object whole
 *   audit(seq INTEGER PRIMARY KEY, time_ms, uid, pid, method, params, result)
 *   meta(key TEXT PRIMARY KEY, value)   schema version, revision, incarnation
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

/* Opens or creates the file; refuses another schema version, and a file that SQLite calls damaged,
 * with a text in 'why'. NULL on failure. */
struct cp_store *cp_store_open(uv_loop_t *loop, const char *path, char *why, size_t why_len);
/* Waits for what is queued, then closes. */
void cp_store_close(struct cp_store *store);

/* Loads everything into an empty model. */
int cp_store_load(struct cp_store *store, struct cp_model *model, char *why, size_t why_len);

/* Queues one change. Takes ownership of 'journal' and of what 'audit' points to. 'done' is called
 * on the loop's thread, in order: status 0 when it is durable, -errno with a text when it is not;
 * then nothing of the change is in the file, nor of any change queued before 'done' returns.
 * 'journal' NULL: audit only. */
void cp_store_write(struct cp_store *store, struct cp_journal_entry *journal, uint64_t revision,
        const struct cp_audit *audit, void (*done)(void *arg, int status, const char *why),
        void *arg);

#endif
