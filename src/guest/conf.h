/*
 * tools.conf: groups of `key = value` lines, as agents for VMware hosts read it.
 *
 *     [powerops]
 *     poweron-script = /etc/vmware-tools/poweron-vm-default
 *
 * '#' and ';' begin a comment line. Group names are case-sensitive, keys too. The last of two equal
 * keys wins. A value loses the blanks around it; `\s`, `\t`, `\n`, `\\` stand for what they usually
 * do. A line that cannot be read is skipped with a warning. Owner: whoever loaded it.
 */
#ifndef GUEST_CONF_H
#define GUEST_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define CONF_FILE_MAX    (256u * 1024u)
#define CONF_ENTRIES_MAX 1024u
#define CONF_PATH        "/etc/vmware-tools/tools.conf"

struct conf;

/* A file that is not there gives an empty configuration. -ENOMEM, -EFBIG, what reading gives. */
int conf_load(const char *path, struct conf **ret, struct error *err);
int conf_parse(const char *text, size_t len, struct conf **ret);
/* -EBADMSG when a line cannot be read, or a key stands before the first group. */
int conf_parse_strict(const char *text, size_t len, struct conf **ret);
void conf_free(struct conf *c);

/* The same keys with the same values. */
bool conf_equal(const struct conf *a, const struct conf *b);
/* Adds what `from` has and `c` has not. -EFBIG, -ENOMEM. */
int conf_add_missing(struct conf *c, const struct conf *from);
/* Appends the text of a configuration, group by group, without comments. */
int conf_put(struct buf *b, const struct conf *c);
/* Appends a configuration's text with one key set to `value`; every other line stays as it is. */
int conf_edit(struct buf *b, const char *text, size_t len, const char *group, const char *key,
              const char *value);

/* NULL when not set. `c` may be NULL. */
const char *conf_get(const struct conf *c, const char *group, const char *key);
/* "true" and "1", "false" and "0"; anything else is the default. */
bool conf_bool(const struct conf *c, const char *group, const char *key, bool def);
/* A decimal number within the limits; anything else is the default. */
long conf_number(const struct conf *c, const char *group, const char *key, long def, long min,
                 long max);

#endif
