#include "hostd/rest_route.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/vim_text.h"
#include "base/mem.h"

#define OLD_PREFIX   "/rest/vcenter/"
#define NEW_PREFIX   "/api/vcenter/"
#define NAME_MAX_LEN 64 /* of a query parameter */

/* ---- paths ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Percent-decoded once, in place. What is no escape stays; U+0000, which no name has, makes the
 * value empty. */
static void decode(char *value)
{
    char *to = value;
    for (const char *p = value; *p; p++) {
        int high = *p == '%' ? hex_digit(p[1]) : -1;
        int low = high >= 0 ? hex_digit(p[2]) : -1;
        if (low < 0) {
            *to++ = *p;
            continue;
        }
        if (high == 0 && low == 0) {
            *value = '\0';
            return;
        }
        *to++ = (char)(high << 4 | low);
        p += 2;
    }
    *to = '\0';
}

/* The length of the value at `path` for the variable that ends at `after`; 0: none. */
static size_t value_length(const char *name, const char *after, const char *path)
{
    size_t n = strlen(REST_REST_OF_PATH);
    if (*after == '\0' && strncmp(name, REST_REST_OF_PATH "}", n + 1) == 0)
        return strlen(path);
    return strcspn(path, "/");
}

int rest_path_match(const char *pattern, const char *path, struct arena *arena,
                    const char *ret_vars[REST_VARIABLES_MAX])
{
    const char *vars[REST_VARIABLES_MAX] = {NULL};
    size_t lengths[REST_VARIABLES_MAX];
    size_t count = 0;
    while (*pattern) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return 0;
            continue;
        }
        const char *after = strchr(pattern, '}') + 1;
        size_t n = value_length(pattern + 1, after, path);
        if (n == 0 || count == REST_VARIABLES_MAX)
            return 0;
        vars[count] = path;
        lengths[count++] = n;
        path += n;
        pattern = after;
    }
    if (*path)
        return 0;
    for (size_t i = 0; i < count; i++) {
        char *value = arena_strndup(arena, vars[i], lengths[i]);
        if (!value)
            return -ENOMEM;
        decode(value);
        if (!*value)
            return 0;
        ret_vars[i] = value;
    }
    return 1;
}

static int find(enum rest_verb verb, const char *path, const char *action, struct arena *arena,
                const struct rest_operation **ret, const char *ret_vars[REST_VARIABLES_MAX])
{
    for (size_t i = 0; i < REST_OPERATION_COUNT; i++) {
        const struct rest_operation *op = &rest_operations[i];
        if (op->verb != verb || !op->action != !action ||
            (action && strcmp(op->action, action) != 0))
            continue;
        int rc = rest_path_match(op->path, path, arena, ret_vars);
        if (rc < 0)
            return rc;
        if (rc) {
            *ret = op;
            return 0;
        }
    }
    return -ENOENT;
}

int rest_operation_find(enum rest_verb verb, const char *path, const char *action, bool old,
                        struct arena *arena, const struct rest_operation **ret,
                        const char *ret_vars[REST_VARIABLES_MAX])
{
    char *copy;
    if (!old || strncmp(path, OLD_PREFIX, strlen(OLD_PREFIX)) != 0)
        return find(verb, path, action, arena, ret, ret_vars);
    copy = arena_printf(arena, NEW_PREFIX "%s", path + strlen(OLD_PREFIX));
    if (!copy)
        return -ENOMEM;
    int rc = find(verb, copy, action, arena, ret, ret_vars);
    char *last = strrchr(copy, '/');
    if (rc != -ENOENT || action || verb != REST_POST || !last)
        return rc;
    *last = '\0';
    return find(verb, copy, last + 1, arena, ret, ret_vars);
}

/* Also takes the paths of `simulated` operations with a slash at the end, as published examples
 * have them, and tells a path that is only known with other verbs: -ENOSYS. */
static int find_lenient(enum rest_verb verb, const char *path, const char *action, bool old,
                        struct arena *arena, const struct rest_operation **ret,
                        const char *ret_vars[REST_VARIABLES_MAX])
{
    size_t len = strlen(path);
    bool known = false;
    int rc = rest_operation_find(verb, path, action, old, arena, ret, ret_vars);
    if (rc != -ENOENT)
        return rc;
    char *plain = arena_strndup(arena, path, len && path[len - 1] == '/' ? len - 1 : len);
    if (!plain)
        return -ENOMEM;
    for (enum rest_verb v = REST_GET; v <= REST_DELETE; v++) {
        const struct rest_operation *op;
        rc = rest_operation_find(v, plain, NULL, old, arena, &op, ret_vars);
        if (rc == -ENOMEM)
            return rc;
        if (rc == 0 && op->simulated && v == verb) {
            *ret = op;
            return 0;
        }
        if (rc == 0 && op->simulated)
            known = true;
    }
    return known ? -ENOSYS : -ENOENT;
}

int rest_route_find(struct http_request *req, bool old, struct arena *arena,
                    const struct rest_operation **ret, const char *ret_vars[REST_VARIABLES_MAX])
{
    static const struct {
        enum http_method method;
        enum rest_verb verb;
    } verbs[] = {
        {HTTP_GET, REST_GET},     {HTTP_POST, REST_POST},     {HTTP_PUT, REST_PUT},
        {HTTP_PATCH, REST_PATCH}, {HTTP_DELETE, REST_DELETE},
    };
    const char *action = http_query(req, "action");
    if (!action && old)
        action = http_query(req, "~action");
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        if (verbs[i].method == http_method(req))
            return find_lenient(verbs[i].verb, http_raw_path(req), action, old, arena, ret,
                                ret_vars);
    return -ENOENT;
}

/* ---- query ---- */

/* "filter.names.1" is "names" in the old dialect. */
static void plain_name(const char *name, bool old, char ret[NAME_MAX_LEN])
{
    static const char filter[] = "filter.";
    if (old && strncmp(name, filter, strlen(filter)) == 0)
        name += strlen(filter);
    snprintf(ret, NAME_MAX_LEN, "%s", name);
    if (old)
        ret[strcspn(ret, ".")] = '\0';
}

int rest_query_put(const struct vim_type *type, bool old, const char *name, const char *value,
                   struct arena *arena, void *query)
{
    char plain[NAME_MAX_LEN];
    union {
        int64_t number;
        const char *string;
    } scalar = {0};
    plain_name(name, old, plain);
    const struct vim_field *field = vim_field_find(type, plain);
    if (!field)
        return 0;
    int rc = vim_text_parse(field->type, value, strlen(value), arena, &scalar);
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0 || field->type->size > sizeof(scalar))
        return -EINVAL;
    char *to = (char *)query + field->offset;
    if (field->flags & VIM_FIELD_ARRAY) {
        struct vim_array *array = (void *)to;
        size_t size = field->type->size;
        if ((array->count & (array->count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
            char *items = arena_calloc(arena, array->count ? array->count * 2 : 1, size);
            if (!items)
                return -ENOMEM;
            if (array->count)
                memcpy(items, array->items, array->count * size);
            array->items = items;
        }
        memcpy((char *)array->items + array->count++ * size, &scalar, size);
        return 0;
    }
    memcpy(to, &scalar, field->type->size);
    if (field->has_offset != VIM_NO_HAS)
        *(bool *)((char *)query + field->has_offset) = true;
    return 0;
}

struct query_read {
    const struct vim_type *type;
    bool old;
    struct arena *arena;
    void *query;
    int rc;
    const char *bad;
};

static void read_one(const char *name, const char *value, void *arg)
{
    struct query_read *q = arg;
    if (q->rc == 0) {
        q->rc = rest_query_put(q->type, q->old, name, value, q->arena, q->query);
        if (q->rc == -EINVAL)
            q->bad = name;
    }
}

int rest_query_read(struct http_request *req, bool old, const struct vim_type *type,
                    struct arena *arena, void **ret, const char **ret_bad)
{
    struct query_read q = {type, old, arena, arena_alloc(arena, type->size), 0, NULL};
    if (!q.query)
        return -ENOMEM;
    http_query_each(req, read_one, &q);
    if (q.rc == 0)
        *ret = q.query;
    else
        *ret_bad = q.bad;
    return q.rc;
}
