/* What dataset_store.c (files, data sets) and dataset_entry.c (entries) share. */
#ifndef VMX_DATASET_INTERNAL_H
#define VMX_DATASET_INTERNAL_H

#include "vmx/dataset_store.h"

struct dataset_store {
    char *folder;
    char *names[DATASET_KINDS];
    struct dataset_file *files[DATASET_KINDS]; /* NULL = not there */
    bool doubtful;
};

/* Where a data set is. */
struct dataset_place {
    struct dataset_file *file;
    enum dataset_kind kind;
    struct dataset_row row;
};

int dataset_find(struct dataset_store *s, const char *name, struct dataset_place *ret,
                 struct error *err);
/* Over both files. */
int dataset_totals(struct dataset_store *s, int64_t *ret_used, int64_t *ret_sets,
                   struct error *err);
/* Takes note of failures that are not the request's fault; returns the code. */
int dataset_noted(struct dataset_store *s, int code);
/* Of a text from outside: at most `max` bytes of UTF-8 without NUL. */
bool dataset_text_valid(const char *text, size_t len, size_t max);

#endif
