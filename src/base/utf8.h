/*
 * Is this text UTF-8? Overlong forms, surrogates and code points over 0x10ffff are not.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const void *text, size_t len);

/* Replaces, in place, every byte that is not part of valid UTF-8, and every control byte except
 * tab, newline and return, by '?'. */
void utf8_clean(char *text);

#endif
