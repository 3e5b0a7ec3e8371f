/*
 * Bytes written as hex text in a test: digits in pairs, blanks between them are skipped, text in
 * single quotes stands for itself. Private copies on the heap, of the exact size, so that a
 * sanitizer sees every read past the end.
 */
#ifndef TESTS_UNIT_WIRE_HEX_H
#define TESTS_UNIT_WIRE_HEX_H

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bytes {
    uint8_t *data;
    size_t len;
};

static inline void bytes_free(struct bytes *b)
{
    free(b->data);
    b->data = NULL;
}
#define AUTO_BYTES __attribute__((cleanup(bytes_free)))

static inline unsigned hex_digit_value(char c)
{
    assert_true(isxdigit((unsigned char)c));
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static inline struct bytes bytes_copy(const void *data, size_t len)
{
    struct bytes b = {.data = malloc(len ? len : 1), .len = len};

    assert_non_null(b.data);
    if (len)
        memcpy(b.data, data, len);
    return b;
}

static inline struct bytes hex(const char *text)
{
    uint8_t *out = malloc(strlen(text) + 1);
    struct bytes b;
    size_t n = 0;

    assert_non_null(out);
    while (*text) {
        if (*text == ' ' || *text == '\n') {
            text++;
        } else if (*text == '\'') {
            for (text++; *text != '\''; text++)
                out[n++] = (uint8_t)*text;
            text++;
        } else {
            out[n++] = (uint8_t)(hex_digit_value(text[0]) << 4 | hex_digit_value(text[1]));
            text += 2;
        }
    }
    b = bytes_copy(out, n);
    free(out);
    return b;
}

#define assert_hex(got, got_len, text)                   \
    do {                                                 \
        AUTO_BYTES struct bytes want_ = hex(text);       \
        assert_int_equal(got_len, want_.len);            \
        assert_memory_equal(got, want_.data, want_.len); \
    } while (0)

#define assert_text(got, got_len, text)               \
    do {                                              \
        assert_int_equal(got_len, strlen(text));      \
        assert_memory_equal(got, text, strlen(text)); \
    } while (0)

#endif
