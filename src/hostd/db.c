#include "hostd/db.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"

#define SCHEMA_VERSION  1
#define BUSY_TIMEOUT_MS 5000

struct db {
    sqlite3 *sql;
};

static const char schema[] =
    "CREATE TABLE user (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " description TEXT NOT NULL, hash TEXT NOT NULL);"
    "CREATE TABLE user_group (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " description TEXT NOT NULL);"
    "CREATE TABLE member (user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,"
    " group_id INTEGER NOT NULL REFERENCES user_group(id) ON DELETE CASCADE,"
    " PRIMARY KEY (user_id, group_id));"
    "CREATE TABLE role (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " privileges TEXT NOT NULL);"
    "CREATE TABLE permission (type TEXT NOT NULL, object TEXT NOT NULL, principal TEXT NOT NULL,"
    " is_group INTEGER NOT NULL, role_id INTEGER NOT NULL, propagate INTEGER NOT NULL,"
    " PRIMARY KEY (object, principal, is_group));"
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);";

static int prepare_schema(struct db *db, bool *ret_new, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(db->sql, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        version = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    if (version < 0)
        return error_set(err, -EIO, "the database cannot be read: %s", sqlite3_errmsg(db->sql));
    if (version > SCHEMA_VERSION)
        return error_set(err, -EPROTO, "the database was written by a newer hostd (%d)", version);
    *ret_new = version == 0;
    if (version == SCHEMA_VERSION)
        return 0;
    char *text = sqlite3_mprintf("BEGIN;%sPRAGMA user_version=%d;COMMIT;", schema, SCHEMA_VERSION);
    int rc = text ? sqlite3_exec(db->sql, text, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    if (rc != SQLITE_OK)
        return error_set(err, -EIO, "the database's tables cannot be made: %s",
                         sqlite3_errmsg(db->sql));
    return 0;
}

int db_open(const char *path, struct db **ret, bool *ret_new, struct error *err)
{
    struct db *db = mem_calloc(1, sizeof(*db));
    if (!db)
        return error_set(err, -ENOMEM, "no memory for the database");
    mode_t old = umask(0077);
    int rc = sqlite3_open_v2(
        path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);
    umask(old);
    int code = 0;
    if (rc != SQLITE_OK)
        code = error_set(err, -EIO, "the database %s cannot be opened: %s", path,
                         db->sql ? sqlite3_errmsg(db->sql) : "no memory");
    if (code == 0) {
        sqlite3_busy_timeout(db->sql, BUSY_TIMEOUT_MS);
        rc = sqlite3_exec(db->sql,
                          "PRAGMA journal_mode=DELETE;PRAGMA synchronous=FULL;"
                          "PRAGMA foreign_keys=ON;PRAGMA mmap_size=0;PRAGMA trusted_schema=OFF;",
                          NULL, NULL, NULL);
        code = rc == SQLITE_OK ? prepare_schema(db, ret_new, err)
                               : error_set(err, -EIO, "the database %s cannot be set up: %s", path,
                                           sqlite3_errmsg(db->sql));
    }
    if (code != 0) {
        db_close(db);
        return code;
    }
    *ret = db;
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    sqlite3_close(db->sql);
    mem_free(db);
}

static sqlite3_stmt *prepare(struct db *db, const char *sql, const char *types, va_list ap)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db->sql, sql, -1, &stmt, NULL) != SQLITE_OK)
        return NULL;
    for (int i = 0; types && types[i]; i++) {
        int rc = SQLITE_MISUSE;
        if (types[i] == 'i')
            rc = sqlite3_bind_int64(stmt, i + 1, va_arg(ap, int64_t));
        else if (types[i] == 'b')
            rc = sqlite3_bind_int(stmt, i + 1, va_arg(ap, int) != 0);
        else if (types[i] == 's')
            rc = sqlite3_bind_text(stmt, i + 1, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
        if (rc != SQLITE_OK) {
            sqlite3_finalize(stmt);
            return NULL;
        }
    }
    return stmt;
}

/* Never logs the statement's values, which may hold a password's hash. */
static int failed(struct db *db, const char *sql)
{
    int rc = sqlite3_errcode(db->sql);
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        return -EEXIST;
    log_error("db: %s: %s", sql, sqlite3_errmsg(db->sql));
    return rc == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

static int query(struct db *db, int (*row)(sqlite3_stmt *row, void *arg), void *arg,
                 const char *sql, const char *types, va_list ap)
{
    sqlite3_stmt *stmt = prepare(db, sql, types, ap);
    if (!stmt)
        return failed(db, sql);
    int rc, code = 0;
    while (code == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        code = row ? row(stmt, arg) : 0;
    if (code == 0 && rc != SQLITE_DONE)
        code = failed(db, sql);
    sqlite3_finalize(stmt);
    return code;
}

int db_run(struct db *db, const char *sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    int code = query(db, NULL, NULL, sql, types, ap);
    va_end(ap);
    return code;
}

int db_query(struct db *db, int (*row)(sqlite3_stmt *row, void *arg), void *arg, const char *sql,
             const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    int code = query(db, row, arg, sql, types, ap);
    va_end(ap);
    return code;
}

int64_t db_last_id(struct db *db)
{
    return sqlite3_last_insert_rowid(db->sql);
}

int db_changes(struct db *db)
{
    return sqlite3_changes(db->sql);
}

int db_begin(struct db *db)
{
    return db_run(db, "BEGIN IMMEDIATE", NULL);
}

int db_end(struct db *db, int code)
{
    if (code == 0)
        code = db_run(db, "COMMIT", NULL);
    if (code != 0 && !sqlite3_get_autocommit(db->sql))
        db_run(db, "ROLLBACK", NULL);
    return code;
}
