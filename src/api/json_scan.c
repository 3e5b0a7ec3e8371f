/* The limits of a JSON text, checked before anything is built from it. */
#include <errno.h>

#include "api/json_codec.h"

struct scan {
    size_t depth;
    size_t values;
    size_t token; /* bytes of the string, number or word that is being read */
    bool in_string;
    bool escaped;
};

static void scan_string(struct scan *s, char c)
{
    s->token++;
    if (s->escaped)
        s->escaped = false;
    else if (c == '\\')
        s->escaped = true;
    else if (c == '"')
        s->in_string = false;
}

static void scan_mark(struct scan *s, char c)
{
    switch (c) {
    case '"':
        s->in_string = true;
        s->token = 0;
        break;
    case '{':
    case '[':
        s->depth++;
        s->values++;
        s->token = 0;
        break;
    case '}':
    case ']':
        s->depth -= s->depth > 0;
        s->token = 0;
        break;
    case ',':
        s->values++;
        s->token = 0;
        break;
    case ' ':
    case '\t':
    case '\n':
    case '\r':
    case ':':
        s->token = 0;
        break;
    default:
        s->token++;
    }
}

int json_check_limits(const void *bytes, size_t size, const struct json_limits *limits,
                      struct error *err)
{
    const char *p = bytes;
    struct scan s = {.values = 1};

    if (size > limits->bytes)
        return error_set(err, -EMSGSIZE, "the message is larger than %zu bytes", limits->bytes);
    for (size_t i = 0; i < size; i++) {
        if (s.in_string)
            scan_string(&s, p[i]);
        else
            scan_mark(&s, p[i]);
        if (s.depth > limits->depth)
            return error_set(err, -EMSGSIZE, "values are nested deeper than %zu", limits->depth);
        if (s.values > limits->values)
            return error_set(err, -EMSGSIZE, "there are more than %zu values", limits->values);
        /* A string's closing quote is counted too. */
        if (s.token > limits->text + 1)
            return error_set(err, -EMSGSIZE, "a string is longer than %zu bytes", limits->text);
    }
    return 0;
}
