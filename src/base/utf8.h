/*
 * Is this text UTF-8? Overlong forms, surrogates and code points over 0x10ffff are not.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const void *text, size_t len);

#endif
