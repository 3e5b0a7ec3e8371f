#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __clang_analyzer__
#undef error_set
#undef error_errno
#undef error_prefix
#endif

int error_set(struct error *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return code;
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return code;
}

int error_errno(struct error *err, int code, const char *fmt, ...)
{
    va_list ap;
    size_t used;

    if (!err)
        return code;
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(-code));
    return code;
}

int error_prefix(struct error *err, int code, const char *fmt, ...)
{
    char tail[ERROR_TEXT_MAX];
    va_list ap;
    size_t used;

    if (!err)
        return code;
    snprintf(tail, sizeof(tail), "%s", error_text(err));
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", tail);
    return code;
}

const char *error_text(const struct error *err)
{
    if (!err)
        return "unknown error";
    return err->text[0] ? err->text : strerror(-err->code);
}
