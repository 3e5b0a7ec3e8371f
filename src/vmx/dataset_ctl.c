/* hostd's operations on data sets (docs/control-protocol.md): from the control socket to the thread
 * and back. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "vmx/ctl.h"
#include "vmx/datasets.h"

#define LIST_SETS  100u         /* data sets in one answer */
#define LIST_BYTES (512u << 10) /* of keys in one answer */
#define WORDS_MAX  200          /* of what hostd says for the log */

struct host_job {
    struct dataset_job job; /* first */
    struct ctl_request *rq;
    const struct dataset_op *op;
    struct dataset_caller who;
    json_t *result; /* NULL = {} */
    struct buf blob;
    unsigned count;
    bool more;
    int code;
    struct error err;
    size_t len;
    char value[];
};

struct dataset_op {
    const char *name;
    bool logged; /* changes that do not happen often */
    bool reads;  /* and changes nothing */
    int (*run)(struct host_job *h, struct dataset_store *store, struct error *err);
};

static const char *text(const struct host_job *h, const char *name)
{
    return json_string_value(json_object_get(h->rq->args, name));
}

static struct dataset_text key_arg(const struct host_job *h, const char *name)
{
    const json_t *v = json_object_get(h->rq->args, name);

    return (struct dataset_text){json_string_value(v) ?: "", json_string_length(v)};
}

static bool flag(const struct host_job *h, const char *name)
{
    return json_is_true(json_object_get(h->rq->args, name));
}

static int bad_argument(struct error *err, const char *name)
{
    return error_set(err, DATASET_E_ARGUMENT, "The argument \"%s\" is not right.", name);
}

static int create(struct host_job *h, struct dataset_store *store, struct error *err)
{
    struct dataset_spec spec = {.name = text(h, "name"),
                                .description = text(h, "description") ?: "",
                                .omit = flag(h, "omit")};

    if (!spec.name)
        return bad_argument(err, "name");
    if (dataset_access_find(text(h, "host"), &spec.host))
        return bad_argument(err, "host");
    if (dataset_access_find(text(h, "guest"), &spec.guest))
        return bad_argument(err, "guest");
    return dataset_create(store, &h->who, &spec, err);
}

static int put_set(const struct dataset_row *row, void *arg)
{
    struct host_job *h = arg;

    if (h->count == LIST_SETS) {
        h->more = true;
        return 1;
    }
    h->count++;
    return json_array_append_new(h->result, json_pack("{s:s, s:s}", "name", row->name,
                                                      "description", row->description))
               ? -EIO
               : 0;
}

static int list(struct host_job *h, struct dataset_store *store, struct error *err)
{
    int r;

    h->result = json_array();
    r = h->result ? dataset_list(store, text(h, "after") ?: "", put_set, h, err) : -ENOMEM;
    h->result = json_pack("{s:o, s:b}", "sets", h->result, "more", h->more);
    return r;
}

static int get(struct host_job *h, struct dataset_store *store, struct error *err)
{
    struct dataset_info info;
    int r = dataset_get(store, text(h, "name"), &info, err);

    if (r)
        return r;
    h->result = json_pack("{s:s, s:s, s:s, s:s, s:I, s:b}", "name", info.row.name, "description",
                          info.row.description, "host", dataset_access_name(info.row.host), "guest",
                          dataset_access_name(info.row.guest), "used", (json_int_t)info.row.used,
                          "omit", info.omit);
    return h->result ? 0 : error_set(err, -EIO, "a data set's text is not UTF-8");
}

static int change(struct host_job *h, struct dataset_store *store, struct error *err)
{
    struct dataset_update u = {.description = text(h, "description"),
                               .has_host = json_object_get(h->rq->args, "host"),
                               .has_guest = json_object_get(h->rq->args, "guest"),
                               .has_omit = json_object_get(h->rq->args, "omit"),
                               .omit = flag(h, "omit")};

    if (u.has_host && dataset_access_find(text(h, "host"), &u.host))
        return bad_argument(err, "host");
    if (u.has_guest && dataset_access_find(text(h, "guest"), &u.guest))
        return bad_argument(err, "guest");
    return dataset_change(store, &h->who, text(h, "name"), &u, err);
}

static int delete (struct host_job *h, struct dataset_store *store, struct error *err)
{
    return dataset_delete(store, &h->who, text(h, "name"), flag(h, "force"), err);
}

static int check(struct host_job *h, struct dataset_store *store, struct error *err)
{
    return dataset_check(store, &h->who, text(h, "name"), err);
}

static int put_key(const char *key, size_t len, void *arg)
{
    struct host_job *h = arg;

    if (h->count && h->blob.len + 4 + len > LIST_BYTES) {
        h->more = true;
        return 1;
    }
    h->count++;
    buf_put_le32(&h->blob, (uint32_t)len);
    return buf_put(&h->blob, key, len);
}

static int keys(struct host_job *h, struct dataset_store *store, struct error *err)
{
    struct dataset_text after = key_arg(h, "after");
    int r = dataset_keys(store, &h->who, text(h, "name"), &after, 0, put_key, h, err);

    h->result = json_pack("{s:b}", "more", h->more);
    return r;
}

static int entry_get(struct host_job *h, struct dataset_store *store, struct error *err)
{
    return dataset_entry_get(store, &h->who, text(h, "name"), key_arg(h, "key"), &h->blob, err);
}

static int entry_set(struct host_job *h, struct dataset_store *store, struct error *err)
{
    struct dataset_change c = {key_arg(h, "key"), {h->value, h->len}, flag(h, "append")};

    return dataset_entries_set(store, &h->who, text(h, "name"), &c, 1, err);
}

static int entry_delete(struct host_job *h, struct dataset_store *store, struct error *err)
{
    struct dataset_text key = key_arg(h, "key");

    return dataset_entries_delete(store, &h->who, text(h, "name"), &key, 1, err);
}

/* All but dataset.create and dataset.list, and dataset.check if it likes, name a data set. */
static const struct dataset_op ops[] = {
    {"dataset.create", true, false, create},
    {"dataset.list", false, true, list},
    {"dataset.get", false, true, get},
    {"dataset.update", true, false, change},
    {"dataset.delete", true, false, delete},
    {"dataset.check", false, true, check},
    {"dataset.keys", false, true, keys},
    {"dataset.entry.get", false, true, entry_get},
    {"dataset.entry.set", false, false, entry_set},
    {"dataset.entry.delete", false, false, entry_delete},
};

static bool needs_name(const struct dataset_op *op)
{
    return op->run != list && op->run != check;
}

static void free_job(struct host_job *h)
{
    buf_free(&h->job.name);
    buf_free(&h->blob);
    mem_free(h);
}

static void run(struct dataset_job *job, struct dataset_store *store, const struct error *broken)
{
    struct host_job *h = (struct host_job *)job;

    if (!store)
        h->err = *broken;
    h->code = store ? h->op->run(h, store, &h->err) : broken->code;
    if (!h->code && buf_error(&h->blob))
        h->code = buf_error(&h->blob);
}

static void done(struct dataset_job *job, bool ran)
{
    struct host_job *h = (struct host_job *)job;

    h->rq->cancel = NULL;
    if (ran && !h->code)
        datasets_keep(&h->job, h->blob.data, h->blob.len);
    if (!ran)
        ctl_fail(h->rq, "vmx", -ECANCELED, 0, "vmx ends");
    else if (h->code)
        ctl_fail(h->rq, "vmx", h->code, 0, h->err.code ? error_text(&h->err) : NULL);
    else
        ctl_reply(h->rq, TAKE_PTR(h->result), h->blob.data, h->blob.len);
    json_decref(h->result);
    free_job(h);
}

static void cancel(struct ctl_request *rq)
{
    struct host_job *h = rq->work;

    if (!datasets_withdraw(rq->vm->datasets, &h->job))
        return;
    ctl_fail(rq, "vmx", -ECANCELED, 0, NULL);
    free_job(h);
}

/* What the value of an entry is known by. */
static int put_name(struct buf *name, const struct ctl_request *rq)
{
    const json_t *set = json_object_get(rq->args, "name"), *key = json_object_get(rq->args, "key");

    if (!json_is_string(set) || !json_is_string(key))
        return -EINVAL;
    buf_put_u8(name, 'H');
    buf_put_u8(name, datasets_suspended(rq->vm));
    buf_put(name, json_string_value(set), json_string_length(set) + 1);
    buf_put(name, json_string_value(key), json_string_length(key));
    return buf_error(name);
}

static bool answer_known(struct ctl_request *rq, const struct buf *name)
{
    size_t len;
    const void *known = datasets_known(rq->vm->datasets, name, &len);

    if (known)
        ctl_reply(rq, NULL, known, len);
    return known;
}

void dataset_ctl(struct ctl_request *rq)
{
    const struct dataset_op *op = ops;
    AUTO_BUF struct buf name = BUF_INIT(DATASET_ANSWER_SIZE);
    struct host_job *h;
    bool named;
    int r;

    while (strcmp(op->name, rq->op->name))
        op++; /* every row that leads here is in the table */
    if (!datasets_supported(rq->vm)) {
        ctl_fail(rq, "vmx", DATASET_E_HARDWARE, 0, "the virtual hardware is too old");
        return;
    }
    named = op->run == entry_get && put_name(&name, rq) == 0;
    if (named && answer_known(rq, &name))
        return;
    h = mem_calloc(1, sizeof(*h) + rq->blob_len);
    if (!h) {
        ctl_fail(rq, "vmx", -ENOMEM, 0, NULL);
        return;
    }
    h->job = (struct dataset_job){.reads = op->reads, .run = run, .done = done};
    h->rq = rq;
    h->op = op;
    h->who = (struct dataset_caller){.suspended = datasets_suspended(rq->vm)};
    h->blob = BUF_INIT(DATASET_VALUE_MAX + LIST_BYTES);
    if (named) {
        h->job.name = name;
        name = BUF_INIT(0); /* it is the job's now */
    }
    h->len = rq->blob_len;
    if (rq->blob_len)
        memcpy(h->value, rq->blob, rq->blob_len);
    if (op->logged)
        rq->what = mem_printf("%s of %.*s: %.*s", op->name, WORDS_MAX, text(h, "user") ?: "host",
                              WORDS_MAX, text(h, "name") ?: "");
    rq->work = h;
    rq->cancel = cancel;
    r = needs_name(op) && !text(h, "name") ? DATASET_E_ARGUMENT
                                           : datasets_submit(rq->vm->datasets, &h->job);
    if (r) {
        ctl_fail(rq, "vmx", r == -EBUSY ? DATASET_E_LOCKED : r, 0, NULL);
        free_job(h);
    }
}
