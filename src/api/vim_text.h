/*
 * Scalar values as text, in the form that XML schema and JSON share: "true", "-12",
 * "2024-05-17T10:11:12.123456Z", base64 without line breaks.
 */
#ifndef API_VIM_TEXT_H
#define API_VIM_TEXT_H

#include "api/vim.h"
#include "base/buf.h"

/* Room for any number or time. */
#define VIM_TEXT_MAX 40

/* Formats a number, boolean or time at `value`; returns the length. Other kinds: 0. */
size_t vim_text_format(const struct vim_type *type, const void *value, char ret[VIM_TEXT_MAX]);

/* Appends base64; no line breaks. */
int vim_text_put_base64(struct buf *out, const void *data, size_t size);

/*
 * Parses the text of any scalar kind but references into `value` (its C form). White space around
 * anything but a string is ignored; strings are copied into the arena.
 * Returns 0, -ENODATA for the empty text of something that is not a string (which means unset),
 * -EINVAL for text that is no such value, -ENOENT for a name that the enumeration does not have,
 * -ENOMEM.
 */
int vim_text_parse(const struct vim_type *type, const char *text, size_t len, struct arena *arena,
                   void *value);

/* "2024-05-17T10:11:12.123456Z": UTC, fraction only when there is one. Returns the length. */
size_t vim_time_format(int64_t microseconds, char ret[VIM_TEXT_MAX]);
/* With or without fraction, with Z, an offset or neither (UTC). -EINVAL. */
int vim_time_parse(const char *text, size_t len, int64_t *ret);

#endif
