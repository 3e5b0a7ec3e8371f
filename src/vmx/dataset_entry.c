/* Entries of data sets. */
#include <string.h>

#include "vmx/dataset_internal.h"

#define SHOWN_MAX 64 /* of a key, in an error's text */

static int find(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                enum dataset_access need, struct dataset_place *ret, struct error *err)
{
    int r = dataset_find(s, name, ret, err);

    if (r)
        return r;
    if (need == DATASET_READ_WRITE && who->suspended)
        return error_set(err, DATASET_E_SUSPENDED,
                         "Data sets cannot be changed while the virtual machine is suspended.");
    if ((who->guest ? ret->row.guest : ret->row.host) < need)
        return error_set(err, DATASET_E_ACCESS, "The %s access of the data set '%s' is %s.",
                         who->guest ? "guest" : "host", name,
                         dataset_access_name(who->guest ? ret->row.guest : ret->row.host));
    return 0;
}

static int check_key(struct dataset_text key, struct error *err)
{
    return key.len && dataset_text_valid(key.text, key.len, DATASET_KEY_MAX)
               ? 0
               : error_set(err, DATASET_E_KEY, "A key is not text of 1 to %u bytes.",
                           DATASET_KEY_MAX);
}

static int no_entry(struct dataset_text key, struct error *err)
{
    return error_set(err, DATASET_E_NO_ENTRY, "There is no entry '%.*s'%s.",
                     (int)(key.len > SHOWN_MAX ? 0 : key.len), key.text,
                     key.len > SHOWN_MAX ? " (the key is long)" : "");
}

static void bind_key(sqlite3_stmt *q, int64_t id, struct dataset_text key)
{
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_text(q, 2, key.text, (int)key.len, SQLITE_STATIC);
}

int dataset_keys(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                 const struct dataset_text *after, int64_t offset,
                 int (*each)(const char *key, size_t len, void *arg), void *arg, struct error *err)
{
    struct dataset_place place;
    sqlite3_stmt *q;
    int rc = SQLITE_ERROR;
    int r = find(s, who, name, DATASET_READ_ONLY, &place, err);

    if (r)
        return r;
    q = dataset_file_statement(place.file,
                               after ? STATEMENT_ENTRY_KEYS : STATEMENT_ENTRY_KEYS_FROM);
    if (q && after) {
        bind_key(q, place.row.id, *after);
    } else if (q) {
        sqlite3_bind_int64(q, 1, place.row.id);
        sqlite3_bind_int64(q, 2, offset);
    }
    while (q && !r && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(q, 0);

        r = key ? each(key, (size_t)sqlite3_column_bytes(q, 0), arg) : -ENOMEM;
    }
    if (!r && rc != SQLITE_DONE)
        r = dataset_file_failed(place.file, err);
    if (q)
        sqlite3_reset(q);
    return r > 0 ? 0 : dataset_noted(s, r);
}

int dataset_entry_get(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                      struct dataset_text key, struct buf *ret, struct error *err)
{
    struct dataset_place place;
    sqlite3_stmt *q;
    int rc, r = find(s, who, name, DATASET_READ_ONLY, &place, err);

    if (!r)
        r = check_key(key, err);
    if (r)
        return r;
    q = dataset_file_statement(place.file, STATEMENT_ENTRY_GET);
    if (!q)
        return dataset_noted(s, dataset_file_failed(place.file, err));
    bind_key(q, place.row.id, key);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        const void *value = sqlite3_column_text(q, 0);

        r = value ? buf_put(ret, value, (size_t)sqlite3_column_bytes(q, 0)) : -ENOMEM;
    } else {
        r = rc == SQLITE_DONE ? no_entry(key, err) : dataset_file_failed(place.file, err);
    }
    sqlite3_reset(q);
    return dataset_noted(s, r);
}

/* Bytes of the value that is there; -1 when there is none, less on failure. */
static int64_t value_size(struct dataset_file *f, int64_t id, struct dataset_text key,
                          struct error *err)
{
    sqlite3_stmt *q = dataset_file_statement(f, STATEMENT_ENTRY_SIZE);
    int64_t size = -1;
    int rc;

    if (!q)
        return dataset_file_failed(f, err);
    bind_key(q, id, key);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        size = sqlite3_column_int64(q, 0);
    else if (rc != SQLITE_DONE)
        size = dataset_file_failed(f, err);
    sqlite3_reset(q);
    return size;
}

int dataset_entries_exist(struct dataset_store *s, const struct dataset_caller *who,
                          const char *name, const struct dataset_text *keys, size_t count,
                          struct error *err)
{
    struct dataset_place place;
    int r = find(s, who, name, DATASET_READ_ONLY, &place, err);

    for (size_t i = 0; !r && i < count; i++)
        r = check_key(keys[i], err);
    for (size_t i = 0; !r && i < count; i++) {
        int64_t size = value_size(place.file, place.row.id, keys[i], err);

        if (size < 0)
            r = size == -1 ? no_entry(keys[i], err) : (int)size;
    }
    return dataset_noted(s, r);
}

static int too_large(struct error *err)
{
    return error_set(err, DATASET_E_VALUE, "A value is not text of at most %u bytes.",
                     DATASET_VALUE_MAX);
}

/* What one change adds to the bytes in use. */
static int apply(struct dataset_file *f, int64_t id, const struct dataset_change *c,
                 int64_t *ret_added, struct error *err)
{
    int64_t old = value_size(f, id, c->key, err);
    int64_t size = (int64_t)c->value.len + (c->append && old > 0 ? old : 0);
    sqlite3_stmt *q;

    if (old < -1)
        return (int)old;
    if (size > DATASET_VALUE_MAX)
        return too_large(err);
    *ret_added = size - (old < 0 ? -(int64_t)c->key.len : old);
    q = dataset_file_statement(f, c->append ? STATEMENT_ENTRY_APPEND : STATEMENT_ENTRY_SET);
    if (q) {
        bind_key(q, id, c->key);
        sqlite3_bind_text(q, 3, c->value.text, (int)c->value.len, SQLITE_STATIC);
    }
    return dataset_file_run(f, q, err);
}

static int add_used(struct dataset_file *f, int64_t id, int64_t added, struct error *err)
{
    sqlite3_stmt *q = dataset_file_statement(f, STATEMENT_SET_ADD_USED);

    if (q) {
        sqlite3_bind_int64(q, 1, added);
        sqlite3_bind_int64(q, 2, id);
    }
    return dataset_file_run(f, q, err);
}

int dataset_entries_set(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                        const struct dataset_change *changes, size_t count, struct error *err)
{
    struct dataset_place place;
    int64_t total, sets, added = 0;
    int r = find(s, who, name, DATASET_READ_WRITE, &place, err);

    for (size_t i = 0; !r && i < count; i++) {
        r = check_key(changes[i].key, err);
        if (!r &&
            !dataset_text_valid(changes[i].value.text, changes[i].value.len, DATASET_VALUE_MAX))
            r = too_large(err);
    }
    if (!r)
        r = dataset_totals(s, &total, &sets, err);
    if (r || !count)
        return r;
    r = dataset_file_begin(place.file, err);
    for (size_t i = 0; !r && i < count; i++) {
        int64_t more = 0;

        r = apply(place.file, place.row.id, &changes[i], &more, err);
        added += more;
        if (!r && more > 0 && total + added > (int64_t)DATASET_TOTAL_MAX)
            r = error_set(err, DATASET_E_FULL, "The data sets of a virtual machine hold %u bytes.",
                          DATASET_TOTAL_MAX);
    }
    if (!r)
        r = add_used(place.file, place.row.id, added, err);
    return dataset_noted(s, dataset_file_end(place.file, r, err));
}

int dataset_entries_delete(struct dataset_store *s, const struct dataset_caller *who,
                           const char *name, const struct dataset_text *keys, size_t count,
                           struct error *err)
{
    struct dataset_place place;
    int64_t added = 0;
    int r = find(s, who, name, DATASET_READ_WRITE, &place, err);

    for (size_t i = 0; !r && i < count; i++)
        r = check_key(keys[i], err);
    if (r || !count)
        return r;
    r = dataset_file_begin(place.file, err);
    for (size_t i = 0; !r && i < count; i++) {
        int64_t size = value_size(place.file, place.row.id, keys[i], err);
        sqlite3_stmt *q;

        if (size < 0) {
            r = size == -1 ? no_entry(keys[i], err) : (int)size;
            break;
        }
        added -= size + (int64_t)keys[i].len;
        q = dataset_file_statement(place.file, STATEMENT_ENTRY_DELETE);
        if (q)
            bind_key(q, place.row.id, keys[i]);
        r = dataset_file_run(place.file, q, err);
    }
    if (!r)
        r = add_used(place.file, place.row.id, added, err);
    return dataset_noted(s, dataset_file_end(place.file, r, err));
}
