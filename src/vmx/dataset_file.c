#include "vmx/dataset_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define APPLICATION_ID 0x69674473 /* "igDs" */
#define NEW_SUFFIX     ".new"     /* a store that is being made */
#define CACHE_KIB      2048
/* A row holds a key and a value; nothing of ours is larger. */
#define LENGTH_MAX (DATASET_VALUE_MAX + DATASET_KEY_MAX + 4096)

struct dataset_file {
    sqlite3 *sql;
    char *name, *path;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

#define SQL_DATASET                                                                       \
    "CREATE TABLE dataset(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, description" \
    " TEXT NOT NULL, host INTEGER NOT NULL, guest INTEGER NOT NULL, used INTEGER NOT"     \
    " NULL, incoming INTEGER NOT NULL)"
#define SQL_ENTRY                                                                      \
    "CREATE TABLE entry(dataset INTEGER NOT NULL REFERENCES dataset(id), key TEXT NOT" \
    " NULL, value TEXT NOT NULL, PRIMARY KEY(dataset, key))"

/* All that the file may have, in the order of names. What has no SQL belongs to a table. */
static const struct {
    const char *name, *sql;
} schema[] = {
    {"dataset", SQL_DATASET},
    {"entry", SQL_ENTRY},
    {"sqlite_autoindex_dataset_1", NULL},
    {"sqlite_autoindex_entry_1", NULL},
};

#define ROW "SELECT id, name, description, host, guest, used FROM dataset"

static const char *const statements[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_TOTALS] = "SELECT ifnull(sum(used), 0), count(*) FROM dataset WHERE incoming=0",
    [STATEMENT_SET_FIND] = ROW " WHERE name=? AND incoming=0",
    [STATEMENT_SET_LIST] = ROW " WHERE name>? AND incoming=0 ORDER BY name",
    [STATEMENT_SET_INSERT] = "INSERT INTO dataset(name, description, host, guest, used, incoming)"
                             " VALUES(?,?,?,?,?,?)",
    [STATEMENT_SET_UPDATE] = "UPDATE dataset SET description=?, host=?, guest=? WHERE id=?",
    [STATEMENT_SET_ADD_USED] = "UPDATE dataset SET used=used+? WHERE id=?",
    [STATEMENT_SET_DELETE] = "DELETE FROM dataset WHERE id=?",
    [STATEMENT_SET_INCOMING] = "SELECT name FROM dataset WHERE incoming<>0",
    [STATEMENT_SET_ARRIVED] = "UPDATE dataset SET incoming=0 WHERE name=?",
    [STATEMENT_SET_DROP] = "DELETE FROM dataset WHERE name=? AND incoming<>0",
    [STATEMENT_ENTRY_DROP] = "DELETE FROM entry WHERE dataset IN"
                             " (SELECT id FROM dataset WHERE name=? AND incoming<>0)",
    [STATEMENT_ENTRY_KEYS] = "SELECT key FROM entry WHERE dataset=? AND key>? ORDER BY key",
    [STATEMENT_ENTRY_KEYS_FROM] = "SELECT key FROM entry WHERE dataset=? ORDER BY key"
                                  " LIMIT -1 OFFSET ?",
    [STATEMENT_ENTRY_GET] = "SELECT value FROM entry WHERE dataset=? AND key=?",
    [STATEMENT_ENTRY_SIZE] = "SELECT length(CAST(value AS BLOB)) FROM entry"
                             " WHERE dataset=? AND key=?",
    [STATEMENT_ENTRY_SET] = "INSERT INTO entry(dataset, key, value) VALUES(?,?,?)"
                            " ON CONFLICT DO UPDATE SET value=excluded.value",
    [STATEMENT_ENTRY_APPEND] = "INSERT INTO entry(dataset, key, value) VALUES(?,?,?)"
                               " ON CONFLICT DO UPDATE SET value=value||excluded.value",
    [STATEMENT_ENTRY_DELETE] = "DELETE FROM entry WHERE dataset=? AND key=?",
    [STATEMENT_ENTRY_DELETE_ALL] = "DELETE FROM entry WHERE dataset=?",
    [STATEMENT_ENTRY_ALL] = "SELECT key, value FROM entry WHERE dataset=?",
};

/* --- errors --------------------------------------------------------------------------------- */

static int damaged(const struct dataset_file *f, struct error *err, const char *what)
{
    return error_set(err, DATASET_E_DAMAGED,
                     "the store %s is damaged, or was not written by this host (%s); it is left as"
                     " it is",
                     f->name, what);
}

int dataset_file_failed(struct dataset_file *f, struct error *err)
{
    int code;

    switch (sqlite3_errcode(f->sql) & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
        return damaged(f, err, sqlite3_errmsg(f->sql));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        code = DATASET_E_LOCKED;
        break;
    case SQLITE_FULL:
        code = -ENOSPC;
        break;
    case SQLITE_NOMEM:
        code = -ENOMEM;
        break;
    case SQLITE_INTERRUPT:
        code = -ECANCELED;
        break;
    default:
        code = -EIO;
    }
    return error_set(err, code, "the store %s: %s", f->name, sqlite3_errmsg(f->sql));
}

/* --- statements ----------------------------------------------------------------------------- */

sqlite3_stmt *dataset_file_statement(struct dataset_file *f, enum dataset_statement which)
{
    sqlite3_stmt **s = &f->statements[which];

    if (!*s && sqlite3_prepare_v3(f->sql, statements[which], -1, SQLITE_PREPARE_PERSISTENT, s,
                                  NULL) != SQLITE_OK)
        return NULL;
    sqlite3_reset(*s);
    sqlite3_clear_bindings(*s);
    return *s;
}

int dataset_file_run(struct dataset_file *f, sqlite3_stmt *s, struct error *err)
{
    int rc = s ? sqlite3_step(s) : SQLITE_ERROR;
    int code = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : dataset_file_failed(f, err);

    if (s)
        sqlite3_reset(s);
    return code;
}

int dataset_file_begin(struct dataset_file *f, struct error *err)
{
    return dataset_file_run(f, dataset_file_statement(f, STATEMENT_BEGIN), err);
}

int dataset_file_end(struct dataset_file *f, int code, struct error *err)
{
    if (!code)
        code = dataset_file_run(f, dataset_file_statement(f, STATEMENT_COMMIT), err);
    if (!sqlite3_get_autocommit(f->sql))
        dataset_file_run(f, dataset_file_statement(f, STATEMENT_ROLLBACK), NULL);
    return code;
}

int64_t dataset_file_last_id(struct dataset_file *f)
{
    return sqlite3_last_insert_rowid(f->sql);
}

static bool take_text(sqlite3_stmt *s, int column, char *to, size_t max)
{
    const unsigned char *text = sqlite3_column_text(s, column);
    int len = sqlite3_column_bytes(s, column);

    if (!text || len < 0 || (size_t)len > max || memchr(text, 0, (size_t)len))
        return false;
    memcpy(to, text, (size_t)len);
    to[len] = '\0';
    return true;
}

static bool take_access(sqlite3_stmt *s, int column, enum dataset_access *ret)
{
    int v = sqlite3_column_int(s, column);

    *ret = (enum dataset_access)v;
    return v >= DATASET_NONE && v <= DATASET_READ_WRITE;
}

int dataset_file_row(struct dataset_file *f, sqlite3_stmt *s, struct dataset_row *ret,
                     struct error *err)
{
    ret->id = sqlite3_column_int64(s, 0);
    ret->used = sqlite3_column_int64(s, 5);
    if (!take_text(s, 1, ret->name, DATASET_NAME_MAX) || !ret->name[0] ||
        !take_text(s, 2, ret->description, DATASET_DESCRIPTION_MAX) ||
        !take_access(s, 3, &ret->host) || !take_access(s, 4, &ret->guest))
        return damaged(f, err, "a data set's row");
    return 0;
}

/* --- opening -------------------------------------------------------------------------------- */

/* The single number that `sql` gives; -1 when it gives none. */
static int64_t number(struct dataset_file *f, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t v = -1;

    if (sqlite3_prepare_v2(f->sql, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        v = sqlite3_column_int64(s, 0);
    if (sqlite3_finalize(s) != SQLITE_OK)
        v = -1;
    return v;
}

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* Tables of somebody else could mean anything: ours are compared to the letter. */
static int check_schema(struct dataset_file *f, struct error *err)
{
    sqlite3_stmt *s = NULL;
    size_t i = 0;
    bool good = true;
    int rc = sqlite3_prepare_v2(f->sql, "SELECT name, sql FROM sqlite_schema ORDER BY name", -1, &s,
                                NULL);

    if (rc != SQLITE_OK)
        return dataset_file_failed(f, err);
    while (good && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        good = i < ARRAY_SIZE(schema) &&
               same((const char *)sqlite3_column_text(s, 0), schema[i].name) &&
               same((const char *)sqlite3_column_text(s, 1), schema[i].sql);
        i++;
    }
    if (good && rc != SQLITE_DONE) {
        rc = dataset_file_failed(f, err);
        sqlite3_finalize(s);
        return rc;
    }
    sqlite3_finalize(s);
    return good && i == ARRAY_SIZE(schema) ? 0 : damaged(f, err, "its tables");
}

static int check_zero(struct dataset_file *f, const char *sql, struct error *err)
{
    int64_t n = number(f, sql);

    return n < 0 ? dataset_file_failed(f, err) : n ? damaged(f, err, "its entries") : 0;
}

/* The database's own check, and what our tables promise: sizes, and that `used` is what it says.
 * Reads every page once. */
static int check_content(struct dataset_file *f, struct error *err)
{
    static const char bad_entries[] =
        "SELECT count(*) FROM entry WHERE typeof(key)<>'text' OR typeof(value)<>'text'"
        " OR length(CAST(key AS BLOB)) NOT BETWEEN 1 AND ?1"
        " OR length(CAST(value AS BLOB)) > ?2";
    static const char bad_used[] =
        "SELECT count(*) FROM dataset d LEFT JOIN (SELECT dataset, sum(length(CAST(key AS BLOB)) +"
        " length(CAST(value AS BLOB))) AS bytes FROM entry GROUP BY dataset) e ON e.dataset=d.id"
        " WHERE d.used<>ifnull(e.bytes, 0)";
    static const char lost[] =
        "SELECT count(*) FROM entry WHERE dataset NOT IN (SELECT id FROM dataset)";
    sqlite3_stmt *s = NULL;
    const char *word = NULL;
    bool good = false;

    if (sqlite3_prepare_v2(f->sql, "PRAGMA quick_check(1)", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
        word = (const char *)sqlite3_column_text(s, 0);
        good = word && !strcmp(word, "ok");
    }
    if (!good) {
        int code = word ? damaged(f, err, word) : dataset_file_failed(f, err);

        sqlite3_finalize(s);
        return code;
    }
    sqlite3_finalize(s);
    if (sqlite3_prepare_v2(f->sql, bad_entries, -1, &s, NULL) != SQLITE_OK)
        return dataset_file_failed(f, err);
    sqlite3_bind_int64(s, 1, DATASET_KEY_MAX);
    sqlite3_bind_int64(s, 2, DATASET_VALUE_MAX);
    good = sqlite3_step(s) == SQLITE_ROW && sqlite3_column_int64(s, 0) == 0;
    if (sqlite3_finalize(s) != SQLITE_OK)
        return dataset_file_failed(f, err);
    if (!good)
        return damaged(f, err, "its entries");
    return check_zero(f, bad_used, err) ?: check_zero(f, lost, err);
}

static int check(struct dataset_file *f, struct error *err)
{
    int r = check_schema(f, err);

    if (!r && (number(f, "PRAGMA user_version") != DATASET_FILE_VERSION ||
               number(f, "PRAGMA application_id") != APPLICATION_ID))
        r = damaged(f, err, "its version");
    return r ? r : check_content(f, err);
}

static int set_up(struct dataset_file *f, struct error *err)
{
    /* EXTRA: the removal of the journal, which is what commits, reaches the disk too. */
    static const char pragmas[] = "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;"
                                  "PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
                                  "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                                  "PRAGMA secure_delete=ON;";
    AUTO_FREE char *cache = mem_printf("PRAGMA cache_size=-%d", CACHE_KIB);

    sqlite3_busy_timeout(f->sql, DATASET_FILE_BUSY_MS);
    sqlite3_limit(f->sql, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
    sqlite3_limit(f->sql, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_db_config(f->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(f->sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(f->sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    if (!cache)
        return error_set(err, -ENOMEM, "no memory for the store %s", f->name);
    if (sqlite3_exec(f->sql, pragmas, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(f->sql, cache, NULL, NULL, NULL) != SQLITE_OK)
        return dataset_file_failed(f, err);
    return 0;
}

static int open_database(const char *folder, const char *name, int flags, struct dataset_file **ret,
                         struct error *err)
{
    struct dataset_file *f = mem_calloc(1, sizeof(*f));
    int r = 0;

    if (!f)
        return error_set(err, -ENOMEM, "no memory for a store");
    f->name = mem_strdup(name);
    f->path = mem_printf("%s/%s", folder, name);
    if (!f->name || !f->path)
        r = error_set(err, -ENOMEM, "no memory for a store");
    else if (sqlite3_open_v2(f->path, &f->sql,
                             flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE,
                             NULL) != SQLITE_OK)
        r = f->sql ? dataset_file_failed(f, err)
                   : error_set(err, -ENOMEM, "no memory for the store %s", name);
    if (!r)
        r = set_up(f, err);
    if (r)
        dataset_file_close(f);
    else
        *ret = f;
    return r;
}

int dataset_file_open(const char *folder, const char *name, struct dataset_file **ret,
                      struct error *err)
{
    AUTO_FREE char *path = mem_printf("%s/%s", folder, name);
    struct dataset_file *f;
    struct stat st;
    int r;

    if (!path)
        return error_set(err, -ENOMEM, "no memory for the store %s", name);
    if (lstat(path, &st) < 0)
        return error_errno(err, -errno, "the store %s", name);
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return error_set(err, DATASET_E_DAMAGED, "the store %s is %s; it is left as it is", name,
                         S_ISREG(st.st_mode) ? "empty" : "no file");
    r = open_database(folder, name, 0, &f, err);
    if (r)
        return r;
    r = check(f, err);
    if (r)
        dataset_file_close(f);
    else
        *ret = f;
    return r;
}

static int sync_folder(const char *folder)
{
    AUTO_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int dataset_file_create(const char *folder, const char *name, struct dataset_file **ret,
                        struct error *err)
{
    AUTO_FREE char *fresh = mem_printf("%s" NEW_SUFFIX, name);
    AUTO_FREE char *from = mem_printf("%s/%s" NEW_SUFFIX, folder, name);
    AUTO_FREE char *journal = mem_printf("%s/%s" NEW_SUFFIX "-journal", folder, name);
    AUTO_FREE char *to = mem_printf("%s/%s", folder, name);
    AUTO_FREE char *sql = mem_printf("BEGIN;" SQL_DATASET ";" SQL_ENTRY
                                     ";PRAGMA user_version=%d;PRAGMA application_id=%d;COMMIT;",
                                     DATASET_FILE_VERSION, APPLICATION_ID);
    struct dataset_file *f;
    int r;

    if (!fresh || !from || !journal || !to || !sql)
        return error_set(err, -ENOMEM, "no memory for the store %s", name);
    /* What an earlier attempt left. */
    unlink(journal);
    unlink(from);
    r = open_database(folder, fresh, SQLITE_OPEN_CREATE, &f, err);
    if (r)
        return r;
    if (sqlite3_exec(f->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
        r = dataset_file_failed(f, err);
    dataset_file_close(f);
    if (!r && (rename(from, to) < 0 || sync_folder(folder) < 0))
        r = error_errno(err, -errno, "cannot make the store %s", name);
    if (r) {
        unlink(from);
        return r;
    }
    return dataset_file_open(folder, name, ret, err);
}

void dataset_file_close(struct dataset_file *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(f->statements[i]);
    sqlite3_close(f->sql);
    mem_free(f->name);
    mem_free(f->path);
    mem_free(f);
}

void dataset_file_interrupt(struct dataset_file *f)
{
    sqlite3_interrupt(f->sql);
}
