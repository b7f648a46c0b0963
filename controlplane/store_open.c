/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Opening the database: one process at a time, the right schema, an undamaged file.
 */
#include "store_db_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* For another process's short look into the file, as with the sqlite3 program. */
#define BUSY_TIMEOUT_MS 2000

static void lock_held(int fd, const char *path, char *why, size_t why_len)
{
	char holder[16] = "";
	ssize_t len = pread(fd, holder, sizeof(holder) - 1, 0);

	holder[len > 0 ? strspn(holder, "0123456789") : 0] = '\0';
	snprintf(why, why_len,
	        "%s: in use by another anabranchd (process %s): stop that one, or give this one "
	        "a \"database\" of its own",
	        path, *holder ? holder : "unknown");
}

/* The lock ends with the process, however it ends. The file stays: removing it would let two
 * processes lock two files of one name. */
static int lock_take(const char *path, char *why, size_t why_len)
{
	char lock_path[4096], pid[16];
	int fd;

	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		snprintf(why, why_len,
		        "%s: %s: its directory must exist and be writable for anabranchd",
		        lock_path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		lock_held(fd, path, why, why_len);
		close(fd);
		return -1;
	}
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	/* The number is for an error message only. */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		return fd;
	return fd;
}

static int open_fail(struct cp_store_db *db, char *why, size_t why_len)
{
	int code = sqlite3_errcode(db->sqlite);

	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
		snprintf(why, why_len,
		        "%s: damaged, or no database (%s). Nothing was changed. Restore a backup, "
		        "or move it and its -wal and -shm files away to start with an empty "
		        "configuration; \"sqlite3 FILE .recover\" reads what is left",
		        db->path, sqlite3_errmsg(db->sqlite));
	else
		snprintf(why, why_len, "%s: %s", db->path, sqlite3_errmsg(db->sqlite));
	return -EIO;
}

/* The first column of a query's first row as text, "" when there is none. */
static int query_text(struct cp_store_db *db, const char *sql, char *text, size_t len)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL);
	const unsigned char *value = NULL;

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		value = sqlite3_column_text(statement, 0);
	snprintf(text, len, "%s", value ? (const char *)value : "");
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : -EIO;
}

static int schema_create(struct cp_store_db *db)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
	        "BEGIN IMMEDIATE;"
	        "CREATE TABLE object(kind INTEGER, id TEXT, body TEXT, PRIMARY KEY(kind, id));"
	        "CREATE TABLE audit(seq INTEGER PRIMARY KEY, time_ms INTEGER, uid INTEGER,"
	        " pid INTEGER, method TEXT, params TEXT, result TEXT);"
	        "CREATE TABLE meta(key TEXT PRIMARY KEY, value);"
	        "INSERT INTO meta VALUES('schema', %d);"
	        "COMMIT",
	        CP_STORE_SCHEMA);
	return sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

static int schema_check(struct cp_store_db *db, char *why, size_t why_len)
{
	char value[32];

	if (query_text(db, "SELECT count(*) FROM sqlite_master", value, sizeof(value)) < 0)
		return open_fail(db, why, why_len);
	if (strcmp(value, "0") == 0)
		return schema_create(db) == 0 ? 0 : open_fail(db, why, why_len);
	if (query_text(db, "SELECT value FROM meta WHERE key = 'schema'", value, sizeof(value)) <
	                0 ||
	        !*value) {
		snprintf(why, why_len,
		        "%s: a database, but not anabranchd's: give anabranchd a \"database\" of "
		        "its own",
		        db->path);
		return -EINVAL;
	}
	if (atoi(value) != CP_STORE_SCHEMA) {
		snprintf(why, why_len,
		        "%s: has schema version %s, and this anabranchd knows %d: use the release "
		        "that wrote it",
		        db->path, value, CP_STORE_SCHEMA);
		return -EINVAL;
	}
	return 0;
}

static int file_check(struct cp_store_db *db, char *why, size_t why_len)
{
	char value[256];

	if (query_text(db, "PRAGMA quick_check(1)", value, sizeof(value)) < 0)
		return open_fail(db, why, why_len);
	if (strcmp(value, "ok") == 0)
		return 0;
	snprintf(why, why_len,
	        "%s: damaged (%s). Nothing was changed. Restore a backup, or move it and its -wal "
	        "and -shm files away to start with an empty configuration; \"sqlite3 FILE "
	        ".recover\" reads what is left",
	        db->path, value);
	return -EIO;
}

static int set_pragmas(struct cp_store_db *db, char *why, size_t why_len)
{
	char mode[32];

	if (query_text(db, "PRAGMA journal_mode = WAL", mode, sizeof(mode)) < 0)
		return open_fail(db, why, why_len);
	if (strcmp(mode, "wal") != 0) {
		snprintf(why, why_len,
		        "%s: its file system cannot hold a write-ahead log (journal mode stays "
		        "\"%s\"): use a local file system",
		        db->path, mode);
		return -EIO;
	}
	if (sqlite3_exec(db->sqlite, "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
		return open_fail(db, why, why_len);
	return 0;
}

/* The file is made here, before SQLite would, for its mode: nobody else reads the configuration. */
static int file_open(struct cp_store_db *db, char *why, size_t why_len)
{
	int fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		snprintf(why, why_len, "%s: %s: it must be writable for anabranchd", db->path,
		        strerror(errno));
		return -EIO;
	}
	close(fd);
	if (sqlite3_open_v2(db->path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX,
	            NULL) != SQLITE_OK)
		return open_fail(db, why, why_len);
	sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MS);
	return 0;
}

struct cp_store_db *cp_store_db_open(const char *path, char *why, size_t why_len)
{
	struct cp_store_db *db = calloc(1, sizeof(*db));

	if (!db || !(db->path = strdup(path))) {
		snprintf(why, why_len, "out of memory");
		free(db);
		return NULL;
	}
	db->lock_fd = lock_take(path, why, why_len);
	if (db->lock_fd < 0 || file_open(db, why, why_len) < 0 ||
	        file_check(db, why, why_len) < 0 || schema_check(db, why, why_len) < 0 ||
	        set_pragmas(db, why, why_len) < 0)
		goto fail;
	if (cp_store_db_prepare(db) < 0) {
		open_fail(db, why, why_len);
		goto fail;
	}
	return db;

fail:
	cp_store_db_close(db);
	return NULL;
}

void cp_store_db_close(struct cp_store_db *db)
{
	for (int i = 0; i < CP_DB_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->sqlite);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	free(db->path);
	free(db);
}
