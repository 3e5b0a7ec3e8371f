/* REST operations on data sets and their entries. */
#include "hostd/rest_dataset.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "hostd/rest.h"
#include "hostd/session.h"

/* A variable of the path as JSON; what is no UTF-8 names nothing. */
static json_t *text_json(const char *text)
{
    return json_string(text && utf8_valid(text, strlen(text)) ? text : "");
}

static json_t *set_args(struct rest *rest)
{
    return json_pack("{s:o, s:s}", "name", text_json(rest->vars[1]), "user", rest->session->user);
}

static json_t *entry_args(struct rest *rest)
{
    return json_pack("{s:o, s:o}", "name", text_json(rest->vars[1]), "key",
                     text_json(rest->vars[2]));
}

static void fail(struct rest *rest, int code, const struct vmlink_reply *reply)
{
    dataset_fail(rest, code, reply && reply->text && *reply->text ? reply->text : NULL);
}

static void done(struct rest *rest, int code, const struct vmlink_reply *reply)
{
    if (code)
        fail(rest, code, reply);
    else
        rest_return(rest, NULL);
}

/* ---- bodies that are not right ---- */

/* It is the last thing to be wrong: that the data set is there, and may be changed, comes first. */
static void checked(struct rest *rest, int code, const struct vmlink_reply *reply)
{
    const char *why = rest->problem_arg;

    rest->problem_arg = NULL;
    /* The simulator looks at the body before the machine. */
    if (code && !(rest->compat && code == DATASET_E_SUSPENDED))
        fail(rest, code, reply);
    else
        dataset_fail(rest, DATASET_E_ARGUMENT, why);
}

static void bad_body(struct rest *rest, int code, const char *why, bool syntax)
{
    if (code == -ENOMEM) {
        rest_no_memory(rest);
        return;
    }
    rest->problem_arg = why;
    rest->empty_error = rest->compat && syntax;
    dataset_ask(rest, "dataset.check", rest->vars[1] ? set_args(rest) : json_object(), NULL, 0,
                checked);
}

/* The request's body; NULL: it is wrong, and the request ends. */
static const void *late_body(struct rest *rest)
{
    const void *body;
    const char *why;
    int r = rest_late_body(rest, !rest->compat, &body, &why);

    if (r)
        bad_body(rest, r, why, true);
    return r ? NULL : body;
}

/* Puts an access mode; false: it is none. */
static bool put_access(json_t *args, const char *member, const char *value)
{
    enum dataset_access access;

    return !value || (!dataset_access_find(value, &access) &&
                      !json_object_set_new(args, member, json_string(value)));
}

/* ---- data sets ---- */

static void created(struct rest *rest, int code, const struct vmlink_reply *reply)
{
    struct rest_data_sets_create_result r = {.value = rest->problem_arg};

    if (code)
        fail(rest, code, reply);
    else
        rest_return(rest, &r);
}

static void create(struct rest *rest)
{
    const struct rest_DataSetsCreateSpec *spec;
    json_t *args;

    if (!dataset_allowed(rest, "DataSetCreate"))
        return;
    spec = late_body(rest);
    if (!spec)
        return;
    args = json_pack("{s:s, s:s, s:b, s:s}", "name", spec->name, "description", spec->description,
                     "omit",
                     spec->has_omit_from_snapshot_and_clone && spec->omit_from_snapshot_and_clone,
                     "user", rest->session->user);
    if (!spec->host || !spec->guest || !put_access(args, "host", spec->host) ||
        !put_access(args, "guest", spec->guest)) {
        json_decref(args);
        bad_body(rest, -EBADMSG, "host and guest must be NONE, READ_ONLY or READ_WRITE.", false);
        return;
    }
    rest->problem_arg = spec->name;
    dataset_ask(rest, "dataset.create", args, NULL, 0, created);
}

static int add_page(struct rest *rest, struct rest_array_DataSetsSummary *all, const json_t *page)
{
    size_t count = all->count + json_array_size(page), i;
    struct rest_DataSetsSummary **items =
        arena_calloc(rest->room, count ? count : 1, sizeof(struct rest_DataSetsSummary *));
    json_t *item;

    if (!items)
        return -ENOMEM;
    if (all->count)
        memcpy(items, all->items, all->count * sizeof(struct rest_DataSetsSummary *));
    all->items = items;
    json_array_foreach((json_t *)page, i, item)
    {
        struct rest_DataSetsSummary *s = REST_NEW(rest->room, DataSetsSummary);

        if (!s)
            return -ENOMEM;
        s->name = arena_strdup(rest->room, json_string_value(json_object_get(item, "name")) ?: "");
        s->description =
            arena_strdup(rest->room, json_string_value(json_object_get(item, "description")) ?: "");
        s->data_set = s->name;
        if (!s->name || !s->description)
            return -ENOMEM;
        items[all->count++] = s;
    }
    return 0;
}

static void listed(struct rest *rest, int code, const struct vmlink_reply *reply)
{
    /* Between pages the list so far waits in the request's memory. */
    struct rest_data_sets_list_result *r = rest->data;
    const json_t *page = reply ? reply->result : NULL;

    if (code) {
        fail(rest, code, reply);
        return;
    }
    if (add_page(rest, &r->value, json_object_get(page, "sets"))) {
        rest_no_memory(rest);
        return;
    }
    if (json_is_true(json_object_get(page, "more")) && r->value.count)
        dataset_ask(rest, "dataset.list",
                    json_pack("{s:s}", "after", r->value.items[r->value.count - 1]->name), NULL, 0,
                    listed);
    else
        rest_return(rest, r);
}

static void list(struct rest *rest)
{
    if (!dataset_allowed(rest, "DataSetList"))
        return;
    rest->data = arena_alloc(rest->room, sizeof(struct rest_data_sets_list_result));
    if (rest->data)
        dataset_ask(rest, "dataset.list", json_object(), NULL, 0, listed);
    else
        rest_no_memory(rest);
}

static void got(struct rest *rest, int code, const struct vmlink_reply *reply)
{
    struct rest_data_sets_get_result r = {0};
    const char *name, *description, *host, *guest;
    json_int_t used;
    int omit;

    if (code) {
        fail(rest, code, reply);
        return;
    }
    r.value = REST_NEW(rest->room, DataSetsInfo);
    if (!r.value) {
        rest_no_memory(rest);
        return;
    }
    if (json_unpack((json_t *)reply->result, "{s:s, s:s, s:s, s:s, s:I, s:b}", "name", &name,
                    "description", &description, "host", &host, "guest", &guest, "used", &used,
                    "omit", &omit)) {
        dataset_fail(rest, -EIO, NULL);
        return;
    }
    r.value->name = name;
    r.value->description = description;
    r.value->host = vim_enum_find(&rest_type_DataSetsAccess, host);
    r.value->guest = vim_enum_find(&rest_type_DataSetsAccess, guest);
    r.value->used = used;
    r.value->omit_from_snapshot_and_clone = omit;
    rest_return(rest, &r);
}

static void get(struct rest *rest)
{
    if (dataset_allowed(rest, "DataSetGet"))
        dataset_ask(rest, "dataset.get", set_args(rest), NULL, 0, got);
}

static void update(struct rest *rest)
{
    const struct rest_DataSetsUpdateSpec *spec;
    json_t *args;

    if (!dataset_allowed(rest, "DataSetUpdate"))
        return;
    spec = late_body(rest);
    if (!spec)
        return;
    args = set_args(rest);
    if (spec->description)
        json_object_set_new(args, "description", json_string(spec->description));
    if (spec->has_omit_from_snapshot_and_clone)
        json_object_set_new(args, "omit", json_boolean(spec->omit_from_snapshot_and_clone));
    if (!put_access(args, "host", spec->host) || !put_access(args, "guest", spec->guest)) {
        json_decref(args);
        bad_body(rest, -EBADMSG, "host and guest must be NONE, READ_ONLY or READ_WRITE.", false);
        return;
    }
    dataset_ask(rest, "dataset.update", args, NULL, 0, done);
}

static void delete (struct rest *rest)
{
    const struct rest_data_sets_delete_query *query = rest->query;
    json_t *args;

    if (!dataset_allowed(rest, "DataSetDelete"))
        return;
    args = set_args(rest);
    json_object_set_new(args, "force",
                        json_boolean(query->force && !strcasecmp(query->force, "true")));
    dataset_ask(rest, "dataset.delete", args, NULL, 0, done);
}

/* ---- entries ---- */

bool dataset_key_next(const void *page, size_t len, size_t *at, const char **ret, size_t *ret_len)
{
    struct cursor c = CURSOR_INIT((const uint8_t *)page + *at, len - *at);
    const uint8_t *bytes;
    uint32_t n;

    if (*at >= len)
        return false;
    cursor_le32(&c, &n);
    cursor_bytes(&c, n, &bytes);
    if (cursor_error(&c))
        return false;
    *ret = (const char *)bytes;
    *ret_len = n;
    *at += 4 + (size_t)n;
    return true;
}

static void keys_listed(struct rest *rest, int code, const struct vmlink_reply *reply)
{
    struct rest_data_set_entries_list_result r = {0};
    const char *key;
    size_t len, at = 0, count = 0;

    if (code) {
        fail(rest, code, reply);
        return;
    }
    if (json_is_true(json_object_get(reply->result, "more"))) {
        dataset_keys_stream(rest, reply->blob, reply->blob_len);
        return;
    }
    while (dataset_key_next(reply->blob, reply->blob_len, &at, &key, &len))
        count++;
    r.value.items = arena_calloc(rest->room, count ? count : 1, sizeof(*r.value.items));
    for (at = 0; r.value.items && dataset_key_next(reply->blob, reply->blob_len, &at, &key, &len);)
        r.value.items[r.value.count++] = arena_strndup(rest->room, key, len);
    if (!r.value.items || (count && !r.value.items[count - 1]))
        rest_no_memory(rest);
    else
        rest_return(rest, &r);
}

static void keys(struct rest *rest)
{
    if (dataset_allowed(rest, "DataSetEntryList"))
        dataset_ask(rest, "dataset.keys", set_args(rest), NULL, 0, keys_listed);
}

/* A key that cannot be is one that is not there, unless it is to be made. */
static int key_code(int code)
{
    return code == DATASET_E_KEY ? DATASET_E_NO_ENTRY : code;
}

static void entry_got(struct rest *rest, int code, const struct vmlink_reply *reply)
{
    struct rest_data_set_entries_get_result r = {0};

    if (code) {
        fail(rest, key_code(code), reply);
        return;
    }
    r.value = arena_strndup(rest->room, reply->blob_len ? reply->blob : "", reply->blob_len);
    if (r.value)
        rest_return(rest, &r);
    else
        rest_no_memory(rest);
}

static void entry_get(struct rest *rest)
{
    if (dataset_allowed(rest, "DataSetEntryGet"))
        dataset_ask(rest, "dataset.entry.get", entry_args(rest), NULL, 0, entry_got);
}

static void entry_set(struct rest *rest)
{
    const char *value, *why;
    size_t len;
    int r;

    if (!dataset_allowed(rest, "DataSetEntrySet"))
        return;
    r = rest_late_string(rest, &value, &len, &why);
    if (r)
        bad_body(rest, r, why, true);
    else if (len > DATASET_VALUE_MAX) /* more than a message to vmx may hold, too */
        dataset_ask(rest, "dataset.entry.set", entry_args(rest), value, DATASET_VALUE_MAX + 1,
                    done);
    else
        dataset_ask(rest, "dataset.entry.set", entry_args(rest), value, len, done);
}

static void entry_deleted(struct rest *rest, int code, const struct vmlink_reply *reply)
{
    done(rest, key_code(code), reply);
}

static void entry_delete(struct rest *rest)
{
    if (dataset_allowed(rest, "DataSetEntryDelete"))
        dataset_ask(rest, "dataset.entry.delete", entry_args(rest), NULL, 0, entry_deleted);
}

const struct rest_row rest_dataset_rows[] = {
    {REST_OP_data_sets_list, list},
    {REST_OP_data_sets_create, create},
    {REST_OP_data_sets_get, get},
    {REST_OP_data_sets_update, update},
    {REST_OP_data_sets_delete, delete},
    {REST_OP_data_set_entries_list, keys},
    {REST_OP_data_set_entries_get, entry_get},
    {REST_OP_data_set_entries_set, entry_set},
    {REST_OP_data_set_entries_delete, entry_delete},
    {0, NULL},
};
