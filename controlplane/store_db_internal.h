/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What store_db.c and store_open.c share.
 */
#ifndef CP_STORE_DB_INTERNAL_H
#define CP_STORE_DB_INTERNAL_H

#include <sqlite3.h>

#include "store_db.h"

enum cp_db_statement {
	CP_DB_BEGIN,
	CP_DB_COMMIT,
	CP_DB_PUT,
	CP_DB_DELETE,
	CP_DB_AUDIT,
	CP_DB_PRUNE,
	CP_DB_REVISION,
	CP_DB_STATEMENTS
};

struct cp_store_db {
	char *path;
	int lock_fd;
	sqlite3 *sqlite;
	sqlite3_stmt *statements[CP_DB_STATEMENTS];
};

/* Compiles the statements: the schema is there. 0 or -EIO, with SQLite's message still to be
 * read. */
int cp_store_db_prepare(struct cp_store_db *db);

#endif
