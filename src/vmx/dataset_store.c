#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "vmx/dataset_internal.h"

/* What the database's own disk or memory did; a request cannot cause it by its content. */
int dataset_noted(struct dataset_store *s, int code)
{
    if (code == -EIO || code == -ENOSPC || code == DATASET_E_DAMAGED)
        s->doubtful = true;
    return code;
}

bool dataset_text_valid(const char *text, size_t len, size_t max)
{
    return len <= max && !memchr(text, 0, len) && utf8_valid(text, len);
}

bool dataset_store_doubtful(const struct dataset_store *s)
{
    return s->doubtful;
}

bool dataset_store_has_file(const struct dataset_store *s, enum dataset_kind kind)
{
    return s->files[kind];
}

void dataset_store_interrupt(struct dataset_store *s)
{
    for (int k = 0; k < DATASET_KINDS; k++)
        if (s->files[k])
            dataset_file_interrupt(s->files[k]);
}

/* --- finding -------------------------------------------------------------------------------- */

static int find_in(struct dataset_file *f, const char *name, struct dataset_row *ret,
                   struct error *err)
{
    sqlite3_stmt *q = dataset_file_statement(f, STATEMENT_SET_FIND);
    int rc, r;

    if (!q)
        return dataset_file_failed(f, err);
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    rc = sqlite3_step(q);
    r = rc == SQLITE_ROW    ? dataset_file_row(f, q, ret, err)
        : rc == SQLITE_DONE ? DATASET_E_NO_SET
                            : dataset_file_failed(f, err);
    sqlite3_reset(q);
    return r;
}

int dataset_find(struct dataset_store *s, const char *name, struct dataset_place *ret,
                 struct error *err)
{
    for (int k = 0; k < DATASET_KINDS; k++) {
        int r = s->files[k] ? find_in(s->files[k], name, &ret->row, err) : DATASET_E_NO_SET;

        if (r == DATASET_E_NO_SET)
            continue;
        ret->file = s->files[k];
        ret->kind = (enum dataset_kind)k;
        return dataset_noted(s, r);
    }
    return error_set(err, DATASET_E_NO_SET, "There is no data set '%s'.", name);
}

int dataset_totals(struct dataset_store *s, int64_t *ret_used, int64_t *ret_sets, struct error *err)
{
    int64_t used = 0, sets = 0;

    for (int k = 0; k < DATASET_KINDS; k++) {
        sqlite3_stmt *q;

        if (!s->files[k])
            continue;
        q = dataset_file_statement(s->files[k], STATEMENT_TOTALS);
        if (!q || sqlite3_step(q) != SQLITE_ROW)
            return dataset_noted(s, dataset_file_failed(s->files[k], err));
        used += sqlite3_column_int64(q, 0);
        sets += sqlite3_column_int64(q, 1);
        sqlite3_reset(q);
    }
    *ret_used = used;
    *ret_sets = sets;
    return 0;
}

/* --- opening -------------------------------------------------------------------------------- */

/* Ends what a kill left half done: a data set that was coming in is here if it is gone there. */
static int settle(struct dataset_store *s, enum dataset_kind k, struct error *err)
{
    static const enum dataset_statement drop[] = {STATEMENT_ENTRY_DROP, STATEMENT_SET_DROP};
    static const enum dataset_statement keep[] = {STATEMENT_SET_ARRIVED};
    struct dataset_file *f = s->files[k], *other = s->files[!k];

    for (;;) {
        sqlite3_stmt *q = dataset_file_statement(f, STATEMENT_SET_INCOMING);
        int rc = q ? sqlite3_step(q) : SQLITE_ERROR, r;
        AUTO_FREE char *name =
            rc == SQLITE_ROW ? mem_strdup((const char *)sqlite3_column_text(q, 0)) : NULL;
        struct dataset_row row;
        const enum dataset_statement *steps;
        size_t count;

        if (q)
            sqlite3_reset(q);
        if (rc == SQLITE_DONE)
            return 0;
        if (rc != SQLITE_ROW)
            return dataset_file_failed(f, err);
        if (!name)
            return error_set(err, -ENOMEM, "no memory for the store");
        r = other ? find_in(other, name, &row, err) : DATASET_E_NO_SET;
        if (r && r != DATASET_E_NO_SET)
            return r;
        steps = r ? keep : drop;
        count = r ? ARRAY_SIZE(keep) : ARRAY_SIZE(drop);
        r = dataset_file_begin(f, err);
        for (size_t i = 0; !r && i < count; i++) {
            q = dataset_file_statement(f, steps[i]);
            if (q)
                sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
            r = dataset_file_run(f, q, err);
        }
        r = dataset_file_end(f, r, err);
        if (r)
            return r;
    }
}

static int check_names(const struct dataset_row *row, void *arg)
{
    char *last = arg;

    if (!strcmp(last, row->name))
        return DATASET_E_DAMAGED;
    memcpy(last, row->name, sizeof(row->name));
    return 0;
}

/* A name that both files have: whoever copied them here did not mean that, and neither is right. */
static int check_both(struct dataset_store *s, struct error *err)
{
    char last[DATASET_NAME_MAX + 1] = "";
    int r = s->files[DATASET_DISK] && s->files[DATASET_VM]
                ? dataset_list(s, "", check_names, last, err)
                : 0;

    if (r == DATASET_E_DAMAGED && last[0])
        return error_set(err, r,
                         "the stores %s and %s both have a data set '%s'; they are left as they"
                         " are",
                         s->names[DATASET_DISK], s->names[DATASET_VM], last);
    return r;
}

int dataset_store_open(const char *folder, const char *const names[DATASET_KINDS],
                       struct dataset_store **ret, struct error *err)
{
    struct dataset_store *s = mem_calloc(1, sizeof(*s));
    int r = 0;

    if (s)
        s->folder = mem_strdup(folder);
    if (!s || !s->folder)
        r = error_set(err, -ENOMEM, "no memory for the stores");
    for (int k = 0; !r && k < DATASET_KINDS; k++) {
        s->names[k] = mem_strdup(names[k]);
        if (!s->names[k])
            r = error_set(err, -ENOMEM, "no memory for the stores");
        else
            r = dataset_file_open(folder, names[k], &s->files[k], err);
        if (r == -ENOENT)
            r = 0;
    }
    for (int k = 0; !r && k < DATASET_KINDS; k++)
        if (s->files[k])
            r = settle(s, (enum dataset_kind)k, err);
    if (!r)
        r = check_both(s, err);
    if (r)
        dataset_store_close(s);
    else
        *ret = s;
    return r;
}

void dataset_store_close(struct dataset_store *s)
{
    if (!s)
        return;
    for (int k = 0; k < DATASET_KINDS; k++) {
        dataset_file_close(s->files[k]);
        mem_free(s->names[k]);
    }
    mem_free(s->folder);
    mem_free(s);
}

static int need_file(struct dataset_store *s, enum dataset_kind k, struct error *err)
{
    return s->files[k]
               ? 0
               : dataset_noted(s, dataset_file_create(s->folder, s->names[k], &s->files[k], err));
}

/* --- data sets ------------------------------------------------------------------------------ */

static int refuse_suspended(const struct dataset_caller *who, struct error *err)
{
    return who->suspended ? error_set(err, DATASET_E_SUSPENDED,
                                      "Data sets cannot be changed while the virtual machine is"
                                      " suspended.")
                          : 0;
}

static int check_description(const char *description, struct error *err)
{
    return dataset_text_valid(description, strlen(description), DATASET_DESCRIPTION_MAX)
               ? 0
               : error_set(err, DATASET_E_DESCRIPTION,
                           "The description is not text of at most %u bytes.",
                           DATASET_DESCRIPTION_MAX);
}

int dataset_check(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                  struct error *err)
{
    struct dataset_place place;
    int r = name ? dataset_find(s, name, &place, err) : 0;

    return r ? r : refuse_suspended(who, err);
}

static int insert(struct dataset_file *f, const char *name, const char *description,
                  const struct dataset_row *row, bool incoming, struct error *err)
{
    sqlite3_stmt *q = dataset_file_statement(f, STATEMENT_SET_INSERT);

    if (q) {
        sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 2, description, -1, SQLITE_STATIC);
        sqlite3_bind_int(q, 3, row->host);
        sqlite3_bind_int(q, 4, row->guest);
        sqlite3_bind_int64(q, 5, row->used);
        sqlite3_bind_int(q, 6, incoming);
    }
    return dataset_file_run(f, q, err);
}

int dataset_create(struct dataset_store *s, const struct dataset_caller *who,
                   const struct dataset_spec *spec, struct error *err)
{
    const struct dataset_row row = {.host = spec->host, .guest = spec->guest};
    enum dataset_kind k = spec->omit ? DATASET_VM : DATASET_DISK;
    struct dataset_place place;
    int64_t used = 0, sets = 0;
    int r = refuse_suspended(who, err);

    if (r)
        return r;
    if (!spec->name[0] || !dataset_text_valid(spec->name, strlen(spec->name), DATASET_NAME_MAX))
        return error_set(err, DATASET_E_NAME, "The name is not text of 1 to %u bytes.",
                         DATASET_NAME_MAX);
    r = check_description(spec->description, err);
    if (r)
        return r;
    r = dataset_find(s, spec->name, &place, err);
    if (!r)
        return error_set(err, DATASET_E_EXISTS, "There is a data set '%s' already.", spec->name);
    if (r != DATASET_E_NO_SET)
        return r;
    r = dataset_totals(s, &used, &sets, err);
    if (r)
        return r;
    if (sets >= DATASET_SETS_MAX)
        return error_set(err, DATASET_E_FULL, "There are %u data sets, and may be no more.",
                         DATASET_SETS_MAX);
    r = need_file(s, k, err);
    if (!r)
        r = dataset_noted(s, insert(s->files[k], spec->name, spec->description, &row, false, err));
    return r;
}

int dataset_get(struct dataset_store *s, const char *name, struct dataset_info *ret,
                struct error *err)
{
    struct dataset_place place;
    int r = dataset_find(s, name, &place, err);

    if (!r)
        *ret = (struct dataset_info){place.row, place.kind == DATASET_VM};
    return r;
}

static int copy_entries(struct dataset_file *from, int64_t from_id, struct dataset_file *to,
                        int64_t to_id, struct error *err)
{
    sqlite3_stmt *q = dataset_file_statement(from, STATEMENT_ENTRY_ALL);
    int r = 0, rc = SQLITE_ERROR;

    if (q)
        sqlite3_bind_int64(q, 1, from_id);
    while (!r && q && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        sqlite3_stmt *in = dataset_file_statement(to, STATEMENT_ENTRY_SET);

        if (in) {
            sqlite3_bind_int64(in, 1, to_id);
            sqlite3_bind_value(in, 2, sqlite3_column_value(q, 0));
            sqlite3_bind_value(in, 3, sqlite3_column_value(q, 1));
        }
        r = dataset_file_run(to, in, err);
    }
    if (!r && rc != SQLITE_DONE)
        r = dataset_file_failed(from, err);
    if (q)
        sqlite3_reset(q);
    return r;
}

static int remove_set(struct dataset_file *f, int64_t id, struct error *err)
{
    static const enum dataset_statement steps[] = {STATEMENT_ENTRY_DELETE_ALL,
                                                   STATEMENT_SET_DELETE};
    int r = dataset_file_begin(f, err);

    for (size_t i = 0; !r && i < ARRAY_SIZE(steps); i++) {
        sqlite3_stmt *q = dataset_file_statement(f, steps[i]);

        if (q)
            sqlite3_bind_int64(q, 1, id);
        r = dataset_file_run(f, q, err);
    }
    return dataset_file_end(f, r, err);
}

/* To the other file, in three steps, each of them whole: a copy that does not count yet, the end of
 * the original, the copy counts. `settle` goes on from wherever a kill leaves this. */
static int move(struct dataset_store *s, const struct dataset_place *place, const char *description,
                const struct dataset_row *row, struct error *err)
{
    enum dataset_kind k = place->kind == DATASET_VM ? DATASET_DISK : DATASET_VM;
    struct dataset_file *to;
    sqlite3_stmt *q;
    int r = need_file(s, k, err);

    if (r)
        return r;
    to = s->files[k];
    r = dataset_file_begin(to, err);
    if (!r)
        r = insert(to, row->name, description, row, true, err);
    if (!r)
        r = copy_entries(place->file, row->id, to, dataset_file_last_id(to), err);
    r = dataset_file_end(to, r, err);
    if (r)
        return r;
    r = remove_set(place->file, row->id, err);
    if (r) {
        s->doubtful = true; /* the copy goes when the store is opened anew */
        return r;
    }
    q = dataset_file_statement(to, STATEMENT_SET_ARRIVED);
    if (q)
        sqlite3_bind_text(q, 1, row->name, -1, SQLITE_STATIC);
    if (dataset_file_run(to, q, NULL))
        s->doubtful = true; /* it has moved: the copy counts when the store is opened anew */
    return 0;
}

int dataset_change(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                   const struct dataset_update *update, struct error *err)
{
    struct dataset_place place;
    struct dataset_row row;
    const char *description;
    sqlite3_stmt *q;
    int r = dataset_find(s, name, &place, err);

    if (!r)
        r = refuse_suspended(who, err);
    if (!r && update->description)
        r = check_description(update->description, err);
    if (r)
        return r;
    row = place.row;
    description = update->description ? update->description : row.description;
    if (update->has_host)
        row.host = update->host;
    if (update->has_guest)
        row.guest = update->guest;
    if (update->has_omit && update->omit != (place.kind == DATASET_VM))
        return dataset_noted(s, move(s, &place, description, &row, err));
    q = dataset_file_statement(place.file, STATEMENT_SET_UPDATE);
    if (q) {
        sqlite3_bind_text(q, 1, description, -1, SQLITE_STATIC);
        sqlite3_bind_int(q, 2, row.host);
        sqlite3_bind_int(q, 3, row.guest);
        sqlite3_bind_int64(q, 4, row.id);
    }
    return dataset_noted(s, dataset_file_run(place.file, q, err));
}

int dataset_delete(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                   bool force, struct error *err)
{
    struct dataset_place place = {0};
    int r = dataset_find(s, name, &place, err);

    if (!r)
        r = refuse_suspended(who, err);
    if (r)
        return r;
    /* No key is empty, so whatever has entries uses something. */
    if (!force && place.row.used)
        return error_set(err, DATASET_E_NOT_EMPTY, "The data set '%s' is not empty.", name);
    return dataset_noted(s, remove_set(place.file, place.row.id, err));
}

/* --- lists ---------------------------------------------------------------------------------- */

/* A list of one file, one row ahead. */
struct reader {
    struct dataset_file *file;
    sqlite3_stmt *q;
    struct dataset_row row;
    bool there;
};

static int next(struct reader *r, struct error *err)
{
    int rc = sqlite3_step(r->q);

    r->there = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW)
        return dataset_file_row(r->file, r->q, &r->row, err);
    return rc == SQLITE_DONE ? 0 : dataset_file_failed(r->file, err);
}

int dataset_list(struct dataset_store *s, const char *after,
                 int (*each)(const struct dataset_row *row, void *arg), void *arg,
                 struct error *err)
{
    struct reader readers[DATASET_KINDS] = {0};
    int r = 0;

    for (int k = 0; !r && k < DATASET_KINDS; k++) {
        if (!s->files[k])
            continue;
        readers[k].file = s->files[k];
        readers[k].q = dataset_file_statement(s->files[k], STATEMENT_SET_LIST);
        if (!readers[k].q) {
            r = dataset_file_failed(s->files[k], err);
            break;
        }
        sqlite3_bind_text(readers[k].q, 1, after, -1, SQLITE_STATIC);
        r = next(&readers[k], err);
    }
    while (!r && (readers[DATASET_DISK].there || readers[DATASET_VM].there)) {
        struct reader *a = &readers[DATASET_DISK], *b = &readers[DATASET_VM];
        struct reader *first =
            !a->there || (b->there && strcmp(b->row.name, a->row.name) < 0) ? b : a;

        r = each(&first->row, arg);
        if (!r)
            r = next(first, err);
    }
    for (int k = 0; k < DATASET_KINDS; k++)
        if (readers[k].q)
            sqlite3_reset(readers[k].q);
    return r > 0 ? 0 : dataset_noted(s, r);
}
