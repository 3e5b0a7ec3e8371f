/*
 * JSON without a library: strings out, and a reader that walks a text in place, for programs that
 * have only libc. The text may be hostile: whatever is not JSON is -EBADMSG, nesting ends at
 * JSON_TEXT_DEPTH, nothing is allocated but what is put into the caller's buffer.
 */
#ifndef WIRE_JSON_TEXT_H
#define WIRE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define JSON_TEXT_DEPTH 16u

/* A quoted string of UTF-8 text; control characters, quotes and backslashes are escaped. */
int json_text_put(struct buf *b, const char *text, size_t len);
int json_text_put_str(struct buf *b, const char *text);

struct json_text {
    const char *p, *end;
};

enum json_text_kind {
    JSON_TEXT_OBJECT,
    JSON_TEXT_ARRAY,
    JSON_TEXT_STRING,
    JSON_TEXT_NUMBER,
    JSON_TEXT_TRUE,
    JSON_TEXT_FALSE,
    JSON_TEXT_NULL
};

/* Inside: call after "{" or "[" has been entered. 1: a member or an item follows (the name of a
 * member has been put to `name`, which is cleared first); 0: the object or array has ended. `first`
 * is the caller's, true before the first call. */
int json_text_enter(struct json_text *t, char bracket);
int json_text_next(struct json_text *t, char closing, bool *first);
int json_text_member(struct json_text *t, bool *first, struct buf *name);
/* A string, unescaped and appended. U+0000 is refused. */
int json_text_string(struct json_text *t, struct buf *ret);
int json_text_integer(struct json_text *t, int64_t *ret);
int json_text_bool(struct json_text *t, bool *ret);
/* Any value, thrown away. */
int json_text_skip(struct json_text *t);
/* Nothing but blanks is left. */
bool json_text_at_end(struct json_text *t);

#endif
