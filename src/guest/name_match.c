#include "guest/name_match.h"

#include <errno.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

int name_match_init(struct name_match *m, const char *pattern)
{
    pcre2_match_context *context;
    int code;
    size_t at;

    *m = (struct name_match){0};
    if (!*pattern)
        return 0;
    m->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                            PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (!m->code)
        return -EINVAL;
    m->data = pcre2_match_data_create_from_pattern(m->code, NULL);
    m->context = context = pcre2_match_context_create(NULL);
    if (!m->data || !context) {
        name_match_free(m);
        return -ENOMEM;
    }
    pcre2_set_match_limit(context, NAME_MATCH_STEPS_MAX);
    pcre2_set_depth_limit(context, NAME_MATCH_DEPTH_MAX);
    return 0;
}

void name_match_free(struct name_match *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_code_free(m->code);
    *m = (struct name_match){0};
}

int name_match_test(const struct name_match *m, const char *name)
{
    int r;

    if (!m->code)
        return 1;
    r = pcre2_match(m->code, (PCRE2_SPTR)name, PCRE2_ZERO_TERMINATED, 0, 0, m->data, m->context);
    return r >= 0 ? 1 : r == PCRE2_ERROR_NOMATCH ? 0 : -EINVAL;
}
