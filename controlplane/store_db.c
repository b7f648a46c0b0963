/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Transactions and rows of the database. Opening and checking the file is in store_open.c.
 */
#include "store_db_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const statements[CP_DB_STATEMENTS] = {
        [CP_DB_BEGIN] = "BEGIN IMMEDIATE",
        [CP_DB_COMMIT] = "COMMIT",
        [CP_DB_PUT] = "INSERT INTO object(kind, id, body) VALUES(?1, ?2, ?3)"
                      " ON CONFLICT(kind, id) DO UPDATE SET body = excluded.body",
        [CP_DB_DELETE] = "DELETE FROM object WHERE kind = ?1 AND id = ?2",
        [CP_DB_AUDIT] = "INSERT INTO audit(time_ms, uid, pid, method, params, result)"
                        " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        [CP_DB_PRUNE] = "DELETE FROM audit WHERE seq <= ?1",
        [CP_DB_REVISION] = "INSERT INTO meta(key, value) VALUES('revision', ?1)"
                           " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
};

int cp_store_db_prepare(struct cp_store_db *db)
{
	for (int i = 0; i < CP_DB_STATEMENTS; i++)
		if (sqlite3_prepare_v3(db->sqlite, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
		            &db->statements[i], NULL) != SQLITE_OK)
			return -EIO;
	return 0;
}

static int db_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static const char *db_advice(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return ": make room on its file system";
	case SQLITE_BUSY:
		return ": another process holds the file; end it";
	case SQLITE_READONLY:
		return ": make the file and its directory writable for anabranchd";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ": the file was damaged; restore a backup";
	default:
		return "";
	}
}

/* Says why and takes back what the transaction has done so far. */
static int db_fail(struct cp_store_db *db, char *why, size_t why_len)
{
	int code = sqlite3_errcode(db->sqlite);

	snprintf(why, why_len, "%s: %s%s", db->path, sqlite3_errmsg(db->sqlite), db_advice(code));
	if (!sqlite3_get_autocommit(db->sqlite))
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
	return db_errno(code);
}

/* Runs a statement that returns no rows. */
static int db_step(struct cp_store_db *db, enum cp_db_statement which)
{
	sqlite3_stmt *statement = db->statements[which];
	int code = sqlite3_step(statement);

	/* Its return value repeats the step's. The error's text stays until the next call. */
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? 0 : -EIO;
}

static int put_entry(struct cp_store_db *db, const struct cp_journal_entry *entry)
{
	enum cp_db_statement which = entry->row ? CP_DB_PUT : CP_DB_DELETE;
	sqlite3_stmt *statement = db->statements[which];
	char *body = entry->row ? json_dumps(entry->row, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	int rc;

	sqlite3_bind_int(statement, 1, entry->kind);
	sqlite3_bind_text(statement, 2, entry->id, -1, SQLITE_STATIC);
	if (body)
		sqlite3_bind_text(statement, 3, body, -1, SQLITE_STATIC);
	rc = entry->row && !body ? -ENOMEM : db_step(db, which);
	sqlite3_clear_bindings(statement);
	free(body);
	return rc;
}

static int put_audit(struct cp_store_db *db, const struct cp_audit *audit)
{
	sqlite3_stmt *statement = db->statements[CP_DB_AUDIT];
	int rc;

	sqlite3_bind_int64(statement, 1, (sqlite3_int64)audit->time_ms);
	sqlite3_bind_int64(statement, 2, audit->uid);
	sqlite3_bind_int64(statement, 3, audit->pid);
	sqlite3_bind_text(statement, 4, audit->method, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 5, audit->params, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 6, audit->result, -1, SQLITE_STATIC);
	rc = db_step(db, CP_DB_AUDIT);
	sqlite3_clear_bindings(statement);
	return rc;
}

static int put_revision(struct cp_store_db *db, uint64_t revision)
{
	sqlite3_bind_int64(db->statements[CP_DB_REVISION], 1, (sqlite3_int64)revision);
	return db_step(db, CP_DB_REVISION);
}

int cp_store_db_begin(struct cp_store_db *db, char *why, size_t why_len)
{
	return db_step(db, CP_DB_BEGIN) == 0 ? 0 : db_fail(db, why, why_len);
}

int cp_store_db_put(struct cp_store_db *db, const struct cp_journal_entry *journal,
        uint64_t revision, const struct cp_audit *audit, char *why, size_t why_len)
{
	int rc = 0;

	for (const struct cp_journal_entry *entry = journal; entry && rc == 0; entry = entry->next)
		rc = put_entry(db, entry);
	if (rc == 0 && journal)
		rc = put_revision(db, revision);
	if (rc == 0)
		rc = put_audit(db, audit);
	return rc == 0 ? 0 : db_fail(db, why, why_len);
}

int cp_store_db_commit(struct cp_store_db *db, char *why, size_t why_len)
{
	int rc;

	sqlite3_bind_int64(db->statements[CP_DB_PRUNE], 1,
	        sqlite3_last_insert_rowid(db->sqlite) - CP_AUDIT_ROWS);
	rc = db_step(db, CP_DB_PRUNE);
	if (rc == 0)
		rc = db_step(db, CP_DB_COMMIT);
	return rc == 0 ? 0 : db_fail(db, why, why_len);
}

static int load_row(struct cp_store_db *db, struct cp_model *model, sqlite3_stmt *statement,
        char *why, size_t why_len)
{
	int kind = sqlite3_column_int(statement, 0);
	const char *id = (const char *)sqlite3_column_text(statement, 1);
	const char *body = (const char *)sqlite3_column_text(statement, 2);
	json_error_t json_error = {.text = "missing"};
	char reason[256] = "";
	json_t *row;
	int rc;

	row = body ? json_loads(body, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &json_error) : NULL;
	if (!row || !id || kind < 0 || kind > CP_KIND_META) {
		snprintf(why, why_len,
		        "%s: row \"%.200s\" of kind %d is no object of anabranch's (%s): restore a "
		        "backup",
		        db->path, id ? id : "", kind, row ? "unknown kind or id" : json_error.text);
		json_decref(row);
		return -EINVAL;
	}
	rc = cp_model_load_row(model, (enum cp_kind)kind, id, row, reason, sizeof(reason));
	json_decref(row);
	if (rc < 0)
		snprintf(why, why_len,
		        "%s: row \"%.200s\" of kind %d does not fit: %s. If zones or subnets were "
		        "taken out of the configuration file, put them back; otherwise restore a "
		        "backup",
		        db->path, id, kind, reason);
	return rc;
}

static int load_revision(struct cp_store_db *db, struct cp_model *model, char *why, size_t why_len)
{
	sqlite3_stmt *statement = NULL;
	int code;

	if (sqlite3_prepare_v2(db->sqlite, "SELECT value FROM meta WHERE key = 'revision'", -1,
	            &statement, NULL) != SQLITE_OK)
		return db_fail(db, why, why_len);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		model->revision = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : db_fail(db, why, why_len);
}

int cp_store_db_load(struct cp_store_db *db, struct cp_model *model, char *why, size_t why_len)
{
	sqlite3_stmt *statement = NULL;
	int code, rc = 0;

	if (sqlite3_prepare_v2(db->sqlite, "SELECT kind, id, body FROM object ORDER BY kind, rowid",
	            -1, &statement, NULL) != SQLITE_OK)
		return db_fail(db, why, why_len);
	while (rc == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW)
		rc = load_row(db, model, statement, why, why_len);
	if (rc == 0 && code != SQLITE_DONE)
		rc = db_fail(db, why, why_len);
	sqlite3_finalize(statement);
	return rc == 0 ? load_revision(db, model, why, why_len) : rc;
}
