#include "vmx/dataset_guest.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json_text.h"

#define TAIL_ROOM 64 /* what ends a reply, with its context */

struct request {
    struct dataset_store *store;
    const struct dataset_caller *who;
    json_t *args; /* NULL: none were given */
    const char *dataset;
    int64_t from; /* the context; -1 = none */
    struct buf *reply;
    int64_t index; /* of the item that comes next */
    bool more;     /* the reply is full before the end */
};

/* The error identifiers of the guest. (DataSets, "Error identifiers".) */
static const char *error_id(int code)
{
    static const struct {
        int code;
        const char *id;
    } ids[] = {
        {DATASET_E_ARGUMENT, "invalid-argument"}, {DATASET_E_NAME, "invalid-argument"},
        {DATASET_E_KEY, "invalid-argument"},      {DATASET_E_VALUE, "invalid-argument"},
        {DATASET_E_NO_SET, "no-such-dataset"},    {DATASET_E_NO_ENTRY, "no-such-entry"},
        {DATASET_E_ACCESS, "access-denied"},      {DATASET_E_FULL, "resource-limit"},
        {DATASET_E_SUSPENDED, "not-allowed"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        if (ids[i].code == code)
            return ids[i].id;
    return "internal-error";
}

/* --- what is in a request ------------------------------------------------------------------- */

static bool is_text(const json_t *v)
{
    return json_is_string(v);
}

static bool is_texts(const json_t *v)
{
    size_t i;
    json_t *item;

    json_array_foreach((json_t *)v, i, item) if (!json_is_string(item)) return false;
    return json_is_array(v);
}

static bool is_changes(const json_t *v)
{
    size_t i;
    json_t *item;

    json_array_foreach((json_t *)v, i, item)
    {
        const json_t *append = json_object_get(item, "append");

        if (!json_is_string(json_object_get(item, "key")) ||
            !json_is_string(json_object_get(item, "value")) ||
            (append && !json_is_boolean(append)) || json_object_size(item) != (append ? 3 : 2))
            return false;
    }
    return json_is_array(v);
}

struct member {
    const char *name;
    bool (*fits)(const json_t *value);
    bool optional;
};

static const struct member dataset_members[] = {
    {"dataset", is_text, false}, {"context", is_text, true}, {NULL, NULL, false}};
static const struct member get_members[] = {{"dataset", is_text, false},
                                            {"keys", is_texts, false},
                                            {"context", is_text, true},
                                            {NULL, NULL, false}};
static const struct member set_members[] = {
    {"dataset", is_text, false}, {"entries", is_changes, false}, {NULL, NULL, false}};
static const struct member delete_members[] = {
    {"dataset", is_text, false}, {"keys", is_texts, false}, {NULL, NULL, false}};

/* Everything required is there, of its type, and nothing else is. */
static int check_members(const json_t *args, const struct member *members, struct error *err)
{
    size_t known = 0;

    for (const struct member *m = members; m->name; m++) {
        const json_t *v = json_object_get(args, m->name);

        if (!v && !m->optional)
            return error_set(err, DATASET_E_ARGUMENT, "The member \"%s\" is missing.", m->name);
        if (v && !m->fits(v))
            return error_set(err, DATASET_E_ARGUMENT, "The member \"%s\" is of the wrong type.",
                             m->name);
        known += v != NULL;
    }
    if (json_object_size(args) != known)
        return error_set(err, DATASET_E_ARGUMENT, "There is a member that is not known.");
    return 0;
}

/* The number of the first item to answer, as an earlier reply gave it. */
static int read_context(struct request *rq, struct error *err)
{
    const char *text = json_string_value(json_object_get(rq->args, "context"));
    int64_t v = 0;

    rq->from = -1;
    if (!text)
        return 0;
    for (const char *p = text; *p; p++)
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, *p - '0', &v))
            return error_set(err, DATASET_E_ARGUMENT, "The context is none of an earlier reply.");
    if (!*text)
        return error_set(err, DATASET_E_ARGUMENT, "The context is empty.");
    rq->from = v;
    return 0;
}

static struct dataset_text text_of(const json_t *v)
{
    return (struct dataset_text){json_string_value(v), json_string_length(v)};
}

/* A list of strings as texts, which stay the list's; mem_free. */
static struct dataset_text *texts_of(const json_t *array, size_t *ret_count)
{
    struct dataset_text *texts = mem_calloc(json_array_size(array) + 1, sizeof(*texts));

    for (size_t i = 0; texts && i < json_array_size(array); i++)
        texts[i] = text_of(json_array_get(array, i));
    *ret_count = json_array_size(array);
    return texts;
}

/* --- commands ------------------------------------------------------------------------------- */

/* Puts one item; 1 when the reply is full and it is left for the next one. */
static int put_item(struct request *rq, const struct buf *item)
{
    if (buf_error(item))
        return buf_error(item);
    if (rq->index > (rq->from < 0 ? 0 : rq->from) &&
        rq->reply->len + item->len + TAIL_ROOM > DATASET_GUEST_REPLY) {
        rq->more = true;
        return 1;
    }
    if (rq->index > (rq->from < 0 ? 0 : rq->from))
        buf_put_u8(rq->reply, ',');
    rq->index++;
    return buf_put(rq->reply, item->data, item->len);
}

static void end_items(struct request *rq)
{
    buf_put_str(rq->reply, "]");
    if (rq->more)
        buf_printf(rq->reply, ",\"context\":\"%" PRId64 "\"", rq->index);
}

static int put_set(const struct dataset_row *row, void *arg)
{
    struct request *rq = arg;

    if (rq->index++)
        buf_put_u8(rq->reply, ',');
    buf_put_str(rq->reply, "{\"name\":");
    json_text_put_str(rq->reply, row->name);
    buf_put_str(rq->reply, ",\"description\":");
    json_text_put_str(rq->reply, row->description);
    return buf_put_u8(rq->reply, '}');
}

static int list(struct request *rq, struct error *err)
{
    int r;

    buf_put_str(rq->reply, ",\"datasets\":[");
    r = dataset_list(rq->store, "", put_set, rq, err);
    buf_put_u8(rq->reply, ']');
    return r;
}

static int query(struct request *rq, struct error *err)
{
    struct dataset_info info;
    int r = dataset_get(rq->store, rq->dataset, &info, err);

    if (r)
        return r;
    buf_put_str(rq->reply, ",\"info\":{\"name\":");
    json_text_put_str(rq->reply, info.row.name);
    buf_put_str(rq->reply, ",\"description\":");
    json_text_put_str(rq->reply, info.row.description);
    buf_printf(rq->reply,
               ",\"used\":%" PRId64 ",\"host-access\":\"%s\",\"guest-access\":\"%s\","
               "\"omit-from-snapshot-and-clone\":%s}",
               info.row.used, dataset_access_name(info.row.host),
               dataset_access_name(info.row.guest), info.omit ? "true" : "false");
    return 0;
}

static int put_key(const char *key, size_t len, void *arg)
{
    struct request *rq = arg;
    AUTO_BUF struct buf item = BUF_INIT(6 * DATASET_KEY_MAX + 2);

    json_text_put(&item, key, len);
    return put_item(rq, &item);
}

static int beyond_end(struct error *err)
{
    return error_set(err, DATASET_E_ARGUMENT, "The context lies beyond the end.");
}

static int list_keys(struct request *rq, struct error *err)
{
    int r;

    buf_put_str(rq->reply, ",\"keys\":[");
    rq->index = rq->from < 0 ? 0 : rq->from;
    r = dataset_keys(rq->store, rq->who, rq->dataset, NULL, rq->index, put_key, rq, err);
    if (!r && rq->from >= 0 && rq->index == rq->from)
        r = beyond_end(err);
    end_items(rq);
    return r;
}

static int put_entry(struct request *rq, struct dataset_text key, struct error *err)
{
    AUTO_BUF struct buf value = BUF_INIT(DATASET_VALUE_MAX);
    AUTO_BUF struct buf item = BUF_INIT(DATASET_GUEST_REPLY_MAX);
    int r = dataset_entry_get(rq->store, rq->who, rq->dataset, key, &value, err);

    if (r)
        return r;
    buf_put_u8(&item, '{');
    json_text_put(&item, key.text, key.len);
    buf_put_u8(&item, ':');
    json_text_put(&item, buf_text(&value), value.len);
    buf_put_u8(&item, '}');
    return put_item(rq, &item);
}

static int get_entry(struct request *rq, struct error *err)
{
    size_t count;
    AUTO_FREE struct dataset_text *keys = texts_of(json_object_get(rq->args, "keys"), &count);
    int r;

    if (!keys)
        return error_set(err, -ENOMEM, "Out of memory.");
    buf_put_str(rq->reply, ",\"entries\":[");
    rq->index = rq->from < 0 ? 0 : rq->from;
    /* The whole request fails when a key is missing, also one whose turn comes later. */
    r = dataset_entries_exist(rq->store, rq->who, rq->dataset, keys, count, err);
    if (!r && rq->from >= 0 && (size_t)rq->from >= count)
        r = beyond_end(err);
    while (!r && (size_t)rq->index < count)
        r = put_entry(rq, keys[rq->index], err);
    end_items(rq);
    return r > 0 ? 0 : r;
}

static int set_entry(struct request *rq, struct error *err)
{
    const json_t *entries = json_object_get(rq->args, "entries");
    size_t count = json_array_size(entries);
    AUTO_FREE struct dataset_change *changes = mem_calloc(count + 1, sizeof(*changes));

    if (!changes)
        return error_set(err, -ENOMEM, "Out of memory.");
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(entries, i);

        changes[i] = (struct dataset_change){text_of(json_object_get(item, "key")),
                                             text_of(json_object_get(item, "value")),
                                             json_is_true(json_object_get(item, "append"))};
    }
    return dataset_entries_set(rq->store, rq->who, rq->dataset, changes, count, err);
}

static int delete_entry(struct request *rq, struct error *err)
{
    size_t count;
    AUTO_FREE struct dataset_text *keys = texts_of(json_object_get(rq->args, "keys"), &count);

    return keys ? dataset_entries_delete(rq->store, rq->who, rq->dataset, keys, count, err)
                : error_set(err, -ENOMEM, "Out of memory.");
}

static const struct command {
    const char *name;
    bool changes;
    const struct member *members; /* NULL: no arguments at all */
    int (*run)(struct request *rq, struct error *err);
    const char *usage;      /* of its arguments */
    const char *on_failure; /* what else a reply of failure has */
} commands[] = {
    {"datasets-list", false, NULL, list, "", ",\"datasets\":[]"},
    {"datasets-query", false, dataset_members, query, " {\"dataset\":\"NAME\"}", ""},
    {"datasets-list-keys", false, dataset_members, list_keys, " {\"dataset\":\"NAME\"}", ""},
    {"datasets-get-entry", false, get_members, get_entry,
     " {\"dataset\":\"NAME\",\"keys\":[\"KEY\"]}", ""},
    {"datasets-set-entry", true, set_members, set_entry,
     " {\"dataset\":\"NAME\",\"entries\":[{\"key\":\"KEY\",\"value\":\"TEXT\",\"append\":false}]}",
     ""},
    {"datasets-delete-entry", true, delete_members, delete_entry,
     " {\"dataset\":\"NAME\",\"keys\":[\"KEY\"]}", ""},
};

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

bool dataset_guest_knows(const char *command)
{
    return find(command);
}

bool dataset_guest_reads(const char *command)
{
    return !find(command)->changes;
}

static int parse(struct request *rq, const struct command *c, const void *args, size_t len,
                 struct error *err)
{
    json_error_t where;
    int r;

    if (!c->members)
        return len ? error_set(err, DATASET_E_ARGUMENT, "There are no arguments.") : 0;
    rq->args = len ? json_loadb(args, len, JSON_REJECT_DUPLICATES, &where) : NULL;
    if (!json_is_object(rq->args))
        return error_set(err, DATASET_E_ARGUMENT, "The arguments are no JSON object%s%s.",
                         len && !rq->args ? ": " : "", len && !rq->args ? where.text : "");
    r = check_members(rq->args, c->members, err);
    if (!r)
        r = read_context(rq, err);
    rq->dataset = json_string_value(json_object_get(rq->args, "dataset"));
    if (!r && !rq->dataset[0])
        r = error_set(err, DATASET_E_ARGUMENT, "The name of the data set is empty.");
    return r;
}

static int put_failure(struct buf *reply, const struct command *c, const struct error *err)
{
    AUTO_BUF struct buf text = BUF_INIT(4096);

    buf_put_str(&text, error_text(err));
    if (err->code == DATASET_E_ARGUMENT)
        buf_printf(&text, " Usage: %s%s", c->name, c->usage);
    /* A name that was too long for the message may have been cut in the middle of a character. */
    if (text.data)
        utf8_clean((char *)text.data);
    buf_printf(reply, "{\"result\":false%s,\"error-id\":\"%s\",\"error-message\":", c->on_failure,
               error_id(err->code));
    json_text_put(reply, buf_text(&text), text.len);
    return buf_put_u8(reply, '}');
}

int dataset_guest_run(struct dataset_store *store, const struct error *broken,
                      const struct dataset_caller *who, const char *command, const void *args,
                      size_t len, struct buf *reply)
{
    AUTO_BUF struct buf good = BUF_INIT(reply->max);
    struct request rq = {.store = store, .who = who, .from = -1, .reply = &good};
    const struct command *c = find(command);
    struct error err = {0};
    int r = c ? parse(&rq, c, args, len, &err)
              : error_set(&err, DATASET_E_ARGUMENT, "There is no such command.");

    if (!c)
        c = &commands[0];
    if (!r && !store) {
        err = *broken;
        r = err.code;
    }
    if (!r) {
        buf_put_str(&good, "{\"result\":true");
        r = c->run(&rq, &err);
        if (r && !err.code)
            error_errno(&err, r, "%s", command);
    }
    json_decref(rq.args);
    if (r)
        return put_failure(reply, c, &err);
    buf_put_u8(&good, '}');
    return buf_error(&good) ? buf_error(&good) : buf_put(reply, good.data, good.len);
}
