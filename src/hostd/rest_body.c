/* Bodies that a handler reads itself, after checks of its own. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "api/json_codec.h"
#include "hostd/rest.h"

/* NULL, with the reason: the text is over a limit or no JSON. Drop the value. */
static json_t *load(struct rest *rest, const char **ret_why)
{
    json_error_t where;
    const void *bytes;
    size_t len;

    http_body(rest->req, &bytes, &len);
    *ret_why = "The body is too large.";
    if (json_check_limits(bytes, len, &JSON_LIMITS_DEFAULT, NULL))
        return NULL;
    *ret_why = "The body is no JSON.";
    return json_loadb(len ? bytes : "", len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
}

int rest_late_string(struct rest *rest, const char **ret, size_t *ret_len, const char **ret_why)
{
    json_t *value = load(rest, ret_why);
    size_t len = json_string_length(value);
    char *text;

    if (!json_is_string(value)) {
        if (value)
            *ret_why = "The body is no string.";
        json_decref(value);
        return -EBADMSG;
    }
    text = arena_strndup(rest->room, json_string_value(value), len);
    json_decref(value);
    if (!text)
        return -ENOMEM;
    *ret = text;
    *ret_len = len;
    return 0;
}

static int check_members(struct rest *rest, const char **ret_why)
{
    json_t *value = load(rest, ret_why);
    const char *name;
    json_t *member;
    int r = json_is_object(value) ? 0 : -EBADMSG;

    if (value && r)
        *ret_why = "The body is no object.";
    json_object_foreach(value, name, member)
    {
        (void)member;
        if (vim_field_find(rest->op->body, name))
            continue;
        *ret_why = arena_printf(rest->room, "The body has the unknown member %.64s.", name);
        r = *ret_why ? -EBADMSG : -ENOMEM;
        break;
    }
    json_decref(value);
    return r;
}

int rest_late_body(struct rest *rest, bool strict, const void **ret, const char **ret_why)
{
    struct json_fault fault;
    struct error err = {0};
    const void *bytes;
    void *body;
    size_t len;
    int r = strict ? check_members(rest, ret_why) : 0;

    if (r)
        return r;
    http_body(rest->req, &bytes, &len);
    r = json_decode(bytes, len, &JSON_LIMITS_DEFAULT, JSON_REST, rest->op->body,
                    vim_version_advertised, rest->room, &body, &fault, &err);
    if (r == -EBADMSG)
        *ret_why = fault.text;
    if (!r)
        *ret = body;
    return r;
}
