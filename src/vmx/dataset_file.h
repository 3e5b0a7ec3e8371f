/*
 * One store of data sets: a SQLite database in the VM's folder, with a rollback journal and full
 * synchronisation, so that whatever was committed is there after a loss of power, and what was not
 * is not. The file may lie on NFS, and may come from anywhere: a file whose tables are not exactly
 * ours, or that fails the database's own check, is refused and left as it is.
 *
 * A data set that moves here from the other store is "incoming", and invisible, until it is gone
 * there.
 *
 * One thread at a time; dataset_file_interrupt may be called from another one. Errors are those of
 * wire/dataset.h, and -ENOSPC, -ENOMEM, -EIO; `err` names the file.
 */
#ifndef VMX_DATASET_FILE_H
#define VMX_DATASET_FILE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/dataset.h"

#define DATASET_FILE_VERSION 1
#define DATASET_FILE_BUSY_MS 5000 /* wait for another process that has it locked */

struct dataset_file;

/* A data set as its row says. */
struct dataset_row {
    int64_t id;
    char name[DATASET_NAME_MAX + 1];
    char description[DATASET_DESCRIPTION_MAX + 1];
    enum dataset_access host, guest;
    int64_t used; /* bytes of keys and values */
};

/* Opens `folder`/`name` and checks all of it. -ENOENT when there is no such file. `folder` is
 * absolute and has no symbolic link in it. */
int dataset_file_open(const char *folder, const char *name, struct dataset_file **ret,
                      struct error *err);
/* Makes an empty store, in one step, where there is none, and opens it. */
int dataset_file_create(const char *folder, const char *name, struct dataset_file **ret,
                        struct error *err);
/* NULL is fine. */
void dataset_file_close(struct dataset_file *f);
void dataset_file_interrupt(struct dataset_file *f);

/* Changes come in pairs of these; `dataset_file_end` commits when `code` is 0 and otherwise undoes
 * all since the beginning. It returns `code`, or why the commit failed. */
int dataset_file_begin(struct dataset_file *f, struct error *err);
int dataset_file_end(struct dataset_file *f, int code, struct error *err);

/* --- statements: prepared once, by number --- */

enum dataset_statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_TOTALS,          /* -> sum of used, number of data sets */
    STATEMENT_SET_FIND,        /* name -> row */
    STATEMENT_SET_LIST,        /* after name -> rows */
    STATEMENT_SET_INSERT,      /* name, description, host, guest, used, incoming */
    STATEMENT_SET_UPDATE,      /* description, host, guest, id */
    STATEMENT_SET_ADD_USED,    /* change, id */
    STATEMENT_SET_DELETE,      /* id */
    STATEMENT_SET_INCOMING,    /* -> names that are coming in */
    STATEMENT_SET_ARRIVED,     /* name */
    STATEMENT_SET_DROP,        /* name of one that was coming in */
    STATEMENT_ENTRY_DROP,      /* its entries */
    STATEMENT_ENTRY_KEYS,      /* id, after key -> keys */
    STATEMENT_ENTRY_KEYS_FROM, /* id, offset -> keys */
    STATEMENT_ENTRY_GET,       /* id, key -> value */
    STATEMENT_ENTRY_SIZE,      /* id, key -> bytes of the value */
    STATEMENT_ENTRY_SET,       /* id, key, value */
    STATEMENT_ENTRY_APPEND,    /* id, key, value */
    STATEMENT_ENTRY_DELETE,    /* id, key */
    STATEMENT_ENTRY_DELETE_ALL /* id */,
    STATEMENT_ENTRY_ALL, /* id -> key, value */
    STATEMENT_COUNT
};

/* Ready to be bound; NULL when it cannot be prepared (then dataset_file_failed tells why). */
sqlite3_stmt *dataset_file_statement(struct dataset_file *f, enum dataset_statement which);
/* Runs one that has no rows to look at. */
int dataset_file_run(struct dataset_file *f, sqlite3_stmt *s, struct error *err);
/* What the last call's failure means. */
int dataset_file_failed(struct dataset_file *f, struct error *err);
/* The columns of STATEMENT_SET_FIND and _LIST. DATASET_E_DAMAGED when they cannot be. */
int dataset_file_row(struct dataset_file *f, sqlite3_stmt *s, struct dataset_row *ret,
                     struct error *err);
int64_t dataset_file_last_id(struct dataset_file *f);

#endif
