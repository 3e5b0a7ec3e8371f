/*
 * hostd's own database, STATE/hostd/hostd.db: users, groups, roles, permissions, and what the
 * inventory must remember over a restart. SQLite with a rollback journal and full synchronisation,
 * since the folder may lie on NFS. Loop thread only; statements are short.
 */
#ifndef HOSTD_DB_H
#define HOSTD_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct db;

/* Opens or makes the file; ":memory:" for tests. *ret_new: it was made now. */
int db_open(const char *path, struct db **ret, bool *ret_new, struct error *err);
void db_close(struct db *db);

/* One statement. `types` has a letter for each '?': i int64_t, s const char * (may be NULL), b bool
 * (int). -EEXIST when a constraint forbids it, -EIO otherwise (logged). */
int db_run(struct db *db, const char *sql, const char *types, ...);

/* As db_run for a SELECT; `row` for each row, until it returns non-zero, which is returned. */
int db_query(struct db *db, int (*row)(sqlite3_stmt *row, void *arg), void *arg, const char *sql,
             const char *types, ...);

int64_t db_last_id(struct db *db);
int db_changes(struct db *db); /* rows that the last db_run changed */

/* Transactions; they do not nest. db_end commits when code is 0, else rolls back; returns code, or
 * what the commit failed with. */
int db_begin(struct db *db);
int db_end(struct db *db, int code);

#endif
