/*
 * The data sets of one VM: two stores on disk, one for those that go along with snapshots and
 * clones and one for those that do not, and the operations on both with their limits and access
 * modes. (DataSets, "Model and limits", "Stores on disk", "Consistency rules".)
 *
 * A change is durable when its function returns 0; when it returns anything else, nothing has
 * changed. A file is made with the first data set of its kind. A data set whose kind changes moves
 * to the other file, and is in exactly one of them whenever the process may be killed.
 *
 * One thread at a time, and every function may wait for the disk; dataset_store_interrupt may be
 * called from another thread. Errors are those of wire/dataset.h, and -ENOSPC, -ENOMEM, -EIO.
 */
#ifndef VMX_DATASET_STORE_H
#define VMX_DATASET_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "vmx/dataset_file.h"

/* Which of the files; also the value of omit_from_snapshot_and_clone. */
enum dataset_kind { DATASET_DISK, DATASET_VM, DATASET_KINDS };

struct dataset_store;

/* Who asks. Only the host may create, change and delete data sets. */
struct dataset_caller {
    bool guest;
    bool suspended; /* the VM is: changes are refused */
};

struct dataset_spec {
    const char *name;
    const char *description;
    enum dataset_access host, guest;
    bool omit;
};

/* What is not set stays as it is. */
struct dataset_update {
    const char *description; /* NULL = not set */
    bool has_host, has_guest, has_omit;
    enum dataset_access host, guest;
    bool omit;
};

struct dataset_info {
    struct dataset_row row;
    bool omit;
};

struct dataset_text {
    const char *text; /* not NUL-terminated */
    size_t len;
};

struct dataset_change {
    struct dataset_text key, value;
    bool append; /* to the value that is there, if there is one */
};

/* `folder` is absolute, without symbolic links; `names` are the names of the files in it, by kind.
 * Files that are not there are made when they are needed. What a kill left is put in order. */
int dataset_store_open(const char *folder, const char *const names[DATASET_KINDS],
                       struct dataset_store **ret, struct error *err);
/* NULL is fine. */
void dataset_store_close(struct dataset_store *s);
/* Whatever runs in the other thread ends soon, with -ECANCELED. */
void dataset_store_interrupt(struct dataset_store *s);

bool dataset_store_has_file(const struct dataset_store *s, enum dataset_kind kind);
/* Something went wrong on the disk: close the store and open it again, so that it is looked at
 * anew. */
bool dataset_store_doubtful(const struct dataset_store *s);

/* --- data sets --- */

int dataset_create(struct dataset_store *s, const struct dataset_caller *who,
                   const struct dataset_spec *spec, struct error *err);
int dataset_get(struct dataset_store *s, const char *name, struct dataset_info *ret,
                struct error *err);
int dataset_change(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                   const struct dataset_update *update, struct error *err);
int dataset_delete(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                   bool force, struct error *err);
/* Whether the caller could change the data set, or (NULL) make one, as far as the VM goes. */
int dataset_check(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                  struct error *err);
/* In the order of names, those after `after` ("" = all). `each` ends the list by returning a
 * positive number, and lets it fail by returning a negative one. */
int dataset_list(struct dataset_store *s, const char *after,
                 int (*each)(const struct dataset_row *row, void *arg), void *arg,
                 struct error *err);

/* --- entries --- */

/* In the order of keys, from behind the key `after` (NULL = from the first) or from the
 * `offset`th on. */
int dataset_keys(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                 const struct dataset_text *after, int64_t offset,
                 int (*each)(const char *key, size_t len, void *arg), void *arg, struct error *err);
/* Appends the value to `ret`. */
int dataset_entry_get(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                      struct dataset_text key, struct buf *ret, struct error *err);
/* DATASET_E_NO_ENTRY names the first that is missing. */
int dataset_entries_exist(struct dataset_store *s, const struct dataset_caller *who,
                          const char *name, const struct dataset_text *keys, size_t count,
                          struct error *err);
/* All of them, in order, or none. */
int dataset_entries_set(struct dataset_store *s, const struct dataset_caller *who, const char *name,
                        const struct dataset_change *changes, size_t count, struct error *err);
int dataset_entries_delete(struct dataset_store *s, const struct dataset_caller *who,
                           const char *name, const struct dataset_text *keys, size_t count,
                           struct error *err);

#endif
