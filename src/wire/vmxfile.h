/*
 * A VM's configuration text (NAME.vmx): lines `key = "value"`.
 *
 * Keys are compared without case; the case of the first writer is kept. Order, comments, blank
 * lines and lines that are not understood are kept. In a value `|XX` (two hex digits) stands for a
 * byte; quote, bar and control bytes are written so. Of a key that occurs twice the first counts;
 * set and remove leave one or none. The struct is owned by whoever made it; not thread-safe.
 */
#ifndef WIRE_VMXFILE_H
#define WIRE_VMXFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define VMXFILE_SIZE_MAX  (1u << 20) /* text, bytes */
#define VMXFILE_LINES_MAX 4096u
#define VMXFILE_KEY_MAX   256u
#define VMXFILE_VALUE_MAX 65536u /* bytes, unescaped */

struct vmxfile;

int vmxfile_new(struct vmxfile **ret); /* an empty one */
/* -EMSGSIZE over a limit, -ENOMEM. A NUL in the text is -EBADMSG. Lines that are no assignment are
 * kept and otherwise ignored. */
int vmxfile_parse(const void *text, size_t len, struct vmxfile **ret, struct error *err);
void vmxfile_free(struct vmxfile *f);
int vmxfile_write(const struct vmxfile *f, struct buf *b);

/* NULL when the key is not there. Valid until the next change. */
const char *vmxfile_get(const struct vmxfile *f, const char *key);
/* TRUE/FALSE, yes/no, on/off, 1/0 in any case; anything else is the fallback. */
bool vmxfile_get_bool(const struct vmxfile *f, const char *key, bool fallback);
int64_t vmxfile_get_int(const struct vmxfile *f, const char *key, int64_t fallback);

/* -EINVAL: a key that is empty, too long or has bytes other than letters, digits and -._:+; a value
 * too long. -EMSGSIZE: the file would get too large. */
int vmxfile_set(struct vmxfile *f, const char *key, const char *value);
int vmxfile_remove(struct vmxfile *f, const char *key); /* -ENOENT, -ENOMEM */

/* Assignments in file order: *pos begins at 0; false at the end. Duplicates are skipped. */
bool vmxfile_next(const struct vmxfile *f, size_t *pos, const char **ret_key,
                  const char **ret_value);

#endif
