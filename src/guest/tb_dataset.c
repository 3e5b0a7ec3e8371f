/*
 * Data sets: the guest's commands as functions. (DataSets, "Guest side: commands".)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "inguest/toolbox.h"
#include "wire/dataset.h"
#include "wire/json_text.h"
#include "wire/rpc.h"

#define TEXT_MAX  (DATASET_VALUE_MAX + 1u)
#define TAIL_ROOM 64u /* what ends a set-entry request after its value */

/* What a reply's array holds: one item is read by `item`, which returns 0, a negative errno code,
 * or what the caller's function has ended it with. */
struct reader {
    const char *array; /* the member's name; NULL = none */
    int (*item)(struct json_text *t, void *arg);
    void *arg;
    int ended;        /* by the caller's function */
    char context[32]; /* "" = that was all */
    struct toolbox_dataset_info *info;
};

static int refused(struct toolbox_dataset_error *err, const char *text)
{
    if (err)
        snprintf(err->text, sizeof(err->text), "%s", text);
    return !strcmp(text, RPC_PERMISSION_DENIED) ? -EACCES
           : !strcmp(text, RPC_UNKNOWN_COMMAND) ? -EOPNOTSUPP
                                                : -EREMOTEIO;
}

static int read_into(struct json_text *t, char *to, size_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(TEXT_MAX);
    int r = json_text_string(t, &b);

    if (!r)
        snprintf(to, size, "%s", buf_text(&b));
    return r;
}

static int read_items(struct json_text *t, struct reader *reader)
{
    bool first = true;
    int r = json_text_enter(t, '[');

    while (!r && (r = json_text_next(t, ']', &first)) == 1) {
        r = reader->item(t, reader->arg);
        if (r > 0)
            reader->ended = r;
    }
    return r;
}

static int read_info(struct json_text *t, struct toolbox_dataset_info *info)
{
    AUTO_BUF struct buf name = BUF_INIT(TEXT_MAX);
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {{"name", info->name, sizeof(info->name)},
                 {"description", info->description, sizeof(info->description)},
                 {"host-access", info->host_access, sizeof(info->host_access)},
                 {"guest-access", info->guest_access, sizeof(info->guest_access)}};
    bool first = true;
    int r = json_text_enter(t, '{');

    while (!r && (r = json_text_member(t, &first, &name)) == 1) {
        const char *member = buf_text(&name);
        size_t i = 0;

        while (i < ARRAY_SIZE(texts) && strcmp(texts[i].name, member) != 0)
            i++;
        r = i < ARRAY_SIZE(texts)     ? read_into(t, texts[i].to, texts[i].size)
            : !strcmp(member, "used") ? json_text_integer(t, &info->used)
            : !strcmp(member, "omit-from-snapshot-and-clone")
                ? json_text_bool(t, &info->omit_from_snapshot_and_clone)
                : json_text_skip(t);
    }
    return r;
}

static int read_reply(const char *text, size_t len, struct reader *reader,
                      struct toolbox_dataset_error *err)
{
    AUTO_BUF struct buf name = BUF_INIT(TEXT_MAX);
    struct toolbox_dataset_error ignored;
    struct json_text t = {text, text + len};
    bool first = true, good = false;
    int r = json_text_enter(&t, '{');

    if (!err)
        err = &ignored;
    while (!r && (r = json_text_member(&t, &first, &name)) == 1) {
        const char *member = buf_text(&name);

        if (!strcmp(member, "result"))
            r = json_text_bool(&t, &good);
        else if (reader->array && !strcmp(member, reader->array))
            r = read_items(&t, reader);
        else if (!strcmp(member, "context"))
            r = read_into(&t, reader->context, sizeof(reader->context));
        else if (!strcmp(member, "error-id"))
            r = read_into(&t, err->id, sizeof(err->id));
        else if (!strcmp(member, "error-message"))
            r = read_into(&t, err->text, sizeof(err->text));
        else if (reader->info && !strcmp(member, "info"))
            r = read_info(&t, reader->info);
        else
            r = json_text_skip(&t);
    }
    if (r)
        return r;
    if (!json_text_at_end(&t))
        return -EBADMSG;
    return good ? 0 : -EREMOTEIO;
}

static int exchange(const struct toolbox_options *options, const struct buf *request,
                    struct reader *reader, struct toolbox_dataset_error *err)
{
    char *reply = NULL;
    size_t len;
    int r;

    if (err)
        *err = (struct toolbox_dataset_error){0};
    if (buf_error(request))
        return buf_error(request) == -ENOBUFS ? -EMSGSIZE : buf_error(request);
    r = toolbox_rpci_once(options, request->data, request->len, TOOLBOX_RPCI_TIMEOUT_MS, &reply,
                          &len);
    if (r == 0)
        r = refused(err, reply);
    else if (r == 1)
        r = read_reply(reply, len, reader, err);
    toolbox_free(reply);
    return r;
}

/* `command {"dataset":NAME`, to be gone on with. */
static void begin(struct buf *b, const char *command, const char *name)
{
    *b = BUF_INIT(DATASET_GUEST_REQUEST_MAX);
    buf_printf(b, "%s {\"dataset\":", command);
    json_text_put_str(b, name);
}

static void put_keys(struct buf *b, const char *const *keys, size_t count)
{
    buf_put_str(b, ",\"keys\":[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_put_u8(b, ',');
        json_text_put_str(b, keys[i]);
    }
    buf_put_u8(b, ']');
}

/* Asks until the host has said everything; `keys` may be NULL. */
static int ask_all(const struct toolbox_options *options, const char *command, const char *name,
                   const char *const *keys, size_t count, struct reader *reader,
                   struct toolbox_dataset_error *err)
{
    int r;

    do {
        AUTO_BUF struct buf request;

        begin(&request, command, name);
        if (keys)
            put_keys(&request, keys, count);
        if (reader->context[0]) {
            buf_put_str(&request, ",\"context\":");
            json_text_put_str(&request, reader->context);
        }
        buf_put_u8(&request, '}');
        reader->context[0] = '\0';
        r = exchange(options, &request, reader, err);
    } while (!r && reader->context[0]);
    return reader->ended ? reader->ended : r;
}

/* ---- lists ---- */

struct list {
    int (*each)(const char *name, const char *description, void *arg);
    void *arg;
};

static int list_item(struct json_text *t, void *arg)
{
    AUTO_BUF struct buf member = BUF_INIT(TEXT_MAX), name = BUF_INIT(TEXT_MAX),
                        description = BUF_INIT(TEXT_MAX);
    const struct list *list = arg;
    bool first = true;
    int r = json_text_enter(t, '{');

    while (!r && (r = json_text_member(t, &first, &member)) == 1)
        r = !strcmp(buf_text(&member), "name")          ? json_text_string(t, &name)
            : !strcmp(buf_text(&member), "description") ? json_text_string(t, &description)
                                                        : json_text_skip(t);
    return r ? r : list->each(buf_text(&name), buf_text(&description), list->arg);
}

int toolbox_dataset_list(const struct toolbox_options *options,
                         int (*each)(const char *name, const char *description, void *arg),
                         void *arg, struct toolbox_dataset_error *err)
{
    struct list list = {each, arg};
    struct reader reader = {.array = "datasets", .item = list_item, .arg = &list};
    AUTO_BUF struct buf request = BUF_INIT(64);
    int r;

    buf_put_str(&request, "datasets-list");
    r = exchange(options, &request, &reader, err);
    return reader.ended ? reader.ended : r;
}

int toolbox_dataset_query(const struct toolbox_options *options, const char *name,
                          struct toolbox_dataset_info *ret, struct toolbox_dataset_error *err)
{
    struct toolbox_dataset_info info = {0};
    struct reader reader = {.info = &info};
    int r = ask_all(options, "datasets-query", name, NULL, 0, &reader, err);

    if (!r)
        *ret = info;
    return r;
}

struct keys {
    int (*each)(const char *key, void *arg);
    void *arg;
};

static int key_item(struct json_text *t, void *arg)
{
    AUTO_BUF struct buf key = BUF_INIT(TEXT_MAX);
    const struct keys *keys = arg;
    int r = json_text_string(t, &key);

    return r ? r : keys->each(buf_text(&key), keys->arg);
}

int toolbox_dataset_keys(const struct toolbox_options *options, const char *name,
                         int (*each)(const char *key, void *arg), void *arg,
                         struct toolbox_dataset_error *err)
{
    struct keys keys = {each, arg};
    struct reader reader = {.array = "keys", .item = key_item, .arg = &keys};

    return ask_all(options, "datasets-list-keys", name, NULL, 0, &reader, err);
}

/* ---- entries ---- */

struct entries {
    int (*each)(const char *key, const char *value, size_t len, void *arg);
    void *arg;
};

static int entry_item(struct json_text *t, void *arg)
{
    AUTO_BUF struct buf key = BUF_INIT(TEXT_MAX), value = BUF_INIT(TEXT_MAX);
    const struct entries *entries = arg;
    bool first = true;
    int r = json_text_enter(t, '{');

    while (!r && (r = json_text_member(t, &first, &key)) == 1) {
        buf_clear(&value);
        r = json_text_string(t, &value);
        if (!r)
            r = entries->each(buf_text(&key), buf_text(&value), value.len, entries->arg);
    }
    return r;
}

int toolbox_dataset_get(const struct toolbox_options *options, const char *name,
                        const char *const *keys, size_t count,
                        int (*each)(const char *key, const char *value, size_t len, void *arg),
                        void *arg, struct toolbox_dataset_error *err)
{
    struct entries entries = {each, arg};
    struct reader reader = {.array = "entries", .item = entry_item, .arg = &entries};

    return ask_all(options, "datasets-get-entry", name, keys, count, &reader, err);
}

/* How many bytes of the value fit into `room` bytes as JSON, ending between characters. */
static size_t piece(const char *value, size_t len, size_t room)
{
    size_t used = 2, i = 0, end = 0;

    while (i < len) {
        unsigned char c = (unsigned char)value[i];

        used += c == '"' || c == '\\' ? 2 : c < 0x20 ? 6 : 1;
        if (used > room)
            return end;
        i++;
        /* a continuation byte belongs to what is before it */
        if (i == len || ((unsigned char)value[i] & 0xc0) != 0x80)
            end = i;
    }
    return end;
}

int toolbox_dataset_set(const struct toolbox_options *options, const char *name, const char *key,
                        const char *value, size_t len, bool append,
                        struct toolbox_dataset_error *err)
{
    size_t sent = 0;

    do {
        AUTO_BUF struct buf request;
        struct reader reader = {0};
        size_t n = 0;
        int r;

        begin(&request, "datasets-set-entry", name);
        buf_put_str(&request, ",\"entries\":[{\"key\":");
        json_text_put_str(&request, key);
        buf_put_str(&request, ",\"value\":");
        if (!buf_error(&request) && request.len + TAIL_ROOM < request.max)
            n = piece(value + sent, len - sent, request.max - request.len - TAIL_ROOM);
        if (len && !n)
            return -EMSGSIZE;
        json_text_put(&request, value + sent, n);
        buf_printf(&request, ",\"append\":%s}]}", append ? "true" : "false");
        r = exchange(options, &request, &reader, err);
        if (r)
            return r;
        sent += n;
        append = true;
    } while (sent < len);
    return 0;
}

int toolbox_dataset_delete(const struct toolbox_options *options, const char *name,
                           const char *const *keys, size_t count, struct toolbox_dataset_error *err)
{
    struct reader reader = {0};

    return ask_all(options, "datasets-delete-entry", name, keys, count, &reader, err);
}
