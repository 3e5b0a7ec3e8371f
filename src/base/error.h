/*
 * What went wrong, in words, for the person who reads the log or the fault.
 *
 * A function that can fail returns 0 or a negative errno code and takes an optional
 * `struct error *`. It fills the error only on failure, and either logs or returns it,
 * never both. The text says which step failed, what was expected and, where somebody
 * can act on it, what to do.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#define ERROR_TEXT_MAX 512

struct error {
    int code; /* negative errno, 0 = none */
    char text[ERROR_TEXT_MAX];
};

/* Sets code and text; returns code. `err` may be NULL. */
int error_set(struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, with ": " and strerror(-code) appended. */
int error_errno(struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "fmt: " in front of the text that a failing function has set; returns `code`, which that
 * function returned. */
int error_prefix(struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The text, or strerror of the code when there is no text. Never NULL. */
const char *error_text(const struct error *err);

/* The analyzer cannot see into error.c: what comes back is the code, which is negative. */
#ifdef __clang_analyzer__
#define ERROR_CODE_(call, err, code, ...)      \
    ({                                         \
        int code_ = (code);                    \
        (void)(call)(err, code_, __VA_ARGS__); \
        if (code_ >= 0)                        \
            __builtin_unreachable();           \
        code_;                                 \
    })
#define error_set(err, code, ...)    ERROR_CODE_(error_set, err, code, __VA_ARGS__)
#define error_errno(err, code, ...)  ERROR_CODE_(error_errno, err, code, __VA_ARGS__)
#define error_prefix(err, code, ...) ERROR_CODE_(error_prefix, err, code, __VA_ARGS__)
#endif

#endif
