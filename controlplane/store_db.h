/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The database file, without threads: SQLite (WAL, synchronous=FULL).
 *
 *   object(kind INTEGER, id TEXT, body TEXT, PRIMARY KEY (kind, id))   body: JSON, the object whole
 *   audit(seq INTEGER PRIMARY KEY, time_ms, uid, pid, method, params, result)
 *   meta(key TEXT PRIMARY KEY, value)   schema version, revision
 *
 * Rows of 'object' keep the order in which they were made; the audit trail keeps its newest
 * CP_AUDIT_ROWS rows.
 */
#ifndef CP_STORE_DB_H
#define CP_STORE_DB_H

#include "store.h"

#define CP_STORE_SCHEMA 1
#define CP_AUDIT_ROWS   200000

struct cp_store_db;

/* Takes the lock beside the file ("PATH.lock"), opens or creates the file, checks it. NULL with
 * 'why' on failure. */
struct cp_store_db *cp_store_db_open(const char *path, char *why, size_t why_len);
void cp_store_db_close(struct cp_store_db *db);

int cp_store_db_load(struct cp_store_db *db, struct cp_model *model, char *why, size_t why_len);

/* One transaction. After a failure of begin, put or commit nothing of it is in the file; put
 * and commit may not be called before the next begin. 0 or -errno with 'why'. */
int cp_store_db_begin(struct cp_store_db *db, char *why, size_t why_len);
int cp_store_db_put(struct cp_store_db *db, const struct cp_journal_entry *journal,
        uint64_t revision, const struct cp_audit *audit, char *why, size_t why_len);
int cp_store_db_commit(struct cp_store_db *db, char *why, size_t why_len);

#endif
