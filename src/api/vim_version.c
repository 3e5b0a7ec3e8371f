#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/vim_types.h"

/* What a client that names no release gets. */
#define VERSION_UNNAMED VIM_VERSION_5_5

#define VERSION_PARTS    4
#define VERSION_TEXT_MAX 64

struct version_key {
    unsigned long parts[VERSION_PARTS];
    const char *rest; /* what follows the numbers: "u2", "u2server" */
    size_t rest_len;
};

/* "8.0.2.0" as numbers, so that releases that are not in the list can be ordered too. */
static bool key_parse(const char *text, size_t len, struct version_key *ret)
{
    struct version_key key = {.rest = ""};
    const char *end = text + len;
    size_t part = 0;

    if (len == 0 || len > VERSION_TEXT_MAX || *text < '0' || *text > '9')
        return false;
    while (part < VERSION_PARTS && text < end && *text >= '0' && *text <= '9') {
        unsigned long n = 0;

        for (; text < end && *text >= '0' && *text <= '9'; text++)
            if (n < 1000000)
                n = n * 10 + (unsigned long)(*text - '0');
        key.parts[part++] = n;
        if (text < end && *text == '.')
            text++;
    }
    key.rest = text;
    key.rest_len = (size_t)(end - text);
    *ret = key;
    return true;
}

static int key_compare(const struct version_key *a, const struct version_key *b)
{
    size_t shared = a->rest_len < b->rest_len ? a->rest_len : b->rest_len;
    int order;

    for (size_t i = 0; i < VERSION_PARTS; i++)
        if (a->parts[i] != b->parts[i])
            return a->parts[i] < b->parts[i] ? -1 : 1;
    order = memcmp(a->rest, b->rest, shared);
    if (order != 0)
        return order;
    return a->rest_len < b->rest_len ? -1 : a->rest_len > b->rest_len;
}

vim_version vim_version_find(const char *text)
{
    struct version_key wanted;
    const char *slash;
    size_t len;

    if (!text)
        return VERSION_UNNAMED;
    slash = strrchr(text, '/');
    if (slash)
        text = slash + 1;
    text += strspn(text, "\"' \t");
    len = strcspn(text, "\"' \t;");
    if (!key_parse(text, len, &wanted))
        return VERSION_UNNAMED;
    for (size_t i = vim_version_count; i-- > 0;) {
        struct version_key known;

        if (key_parse(vim_version_names[i], strlen(vim_version_names[i]), &known) &&
            key_compare(&known, &wanted) <= 0)
            return (vim_version)i;
    }
    return 0; /* older than all: the oldest */
}
