/* Operations of docs/control-protocol.md on snapshots. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "vmx/ctl_snapshot.h"
#include "vmx/snapshot.h"
#include "wire/vix_error.h"

#define WORDS_MAX 200 /* of what hostd says for the log */

static uint32_t uid_arg(const struct ctl_request *rq)
{
    json_int_t n = json_integer_value(json_object_get(rq->args, "uid"));

    return n > 0 && n <= INT32_MAX ? (uint32_t)n : 0;
}

static bool bool_arg(const struct ctl_request *rq, const char *name)
{
    return json_is_true(json_object_get(rq->args, name));
}

static const char *text_arg(const struct ctl_request *rq, const char *name)
{
    return json_string_value(json_object_get(rq->args, name));
}

static void fail(struct ctl_request *rq, const struct error *err)
{
    ctl_fail(rq, "vmx", err->code, err->code == -EBUSY ? VIX_E_OBJECT_IS_BUSY : VIX_E_FAIL,
             error_text(err));
}

static void over(const struct error *err, uint32_t uid, void *arg)
{
    struct ctl_request *rq = arg;

    if (err)
        fail(rq, err);
    else
        ctl_reply(rq, json_pack("{s:I}", "uid", (json_int_t)uid), NULL, 0);
}

static void cancel(struct ctl_request *rq)
{
    snapshot_cancel(rq->vm->snapshots);
}

static void describe(struct ctl_request *rq, const char *what)
{
    rq->what = mem_printf("snapshot %s by %.*s", what, WORDS_MAX, text_arg(rq, "user") ?: "host");
}

void ctl_snapshot_create(struct ctl_request *rq)
{
    const char *name = text_arg(rq, "name"), *description = text_arg(rq, "description");
    json_int_t ms = json_integer_value(json_object_get(rq->args, "quiesceMs"));
    const struct snapshot_quiesce wish = {ms > 0 ? (uint64_t)ms : 0};
    struct error err = {0};

    describe(rq, "create");
    rq->cancel = cancel;
    if (snapshot_create(rq->vm->snapshots, name ? name : "", description ? description : "",
                        bool_arg(rq, "quiesce") ? &wish : NULL, over, rq, &err))
        fail(rq, &err);
}

void ctl_snapshot_revert(struct ctl_request *rq)
{
    struct error err = {0};

    describe(rq, "revert");
    rq->cancel = cancel;
    if (snapshot_revert(rq->vm->snapshots, uid_arg(rq), over, rq, &err))
        fail(rq, &err);
}

void ctl_snapshot_remove(struct ctl_request *rq)
{
    struct error err = {0};
    int r;

    describe(rq, "remove");
    if (bool_arg(rq, "all"))
        r = snapshot_remove_all(rq->vm->snapshots, over, rq, &err);
    else
        r = snapshot_remove(rq->vm->snapshots, uid_arg(rq), bool_arg(rq, "children"), over, rq,
                            &err);
    if (r)
        fail(rq, &err);
}

void ctl_snapshot_rename(struct ctl_request *rq)
{
    struct error err = {0};

    describe(rq, "rename");
    if (snapshot_rename(rq->vm->snapshots, uid_arg(rq), text_arg(rq, "name"),
                        text_arg(rq, "description"), &err))
        fail(rq, &err);
    else
        ctl_reply(rq, NULL, NULL, 0);
}

void ctl_disk_hold(struct ctl_request *rq)
{
    json_int_t ms = json_integer_value(json_object_get(rq->args, "deadlineMs"));
    struct error err = {0};

    describe(rq, "hold");
    if (snapshot_hold(rq->vm->snapshots, uid_arg(rq), ms > 0 ? (uint64_t)ms : SNAPSHOT_HOLD_MAX_MS,
                      over, rq, &err))
        fail(rq, &err);
}

void ctl_disk_release(struct ctl_request *rq)
{
    struct error err = {0};

    describe(rq, "release");
    if (snapshot_release(rq->vm->snapshots, over, rq, &err))
        fail(rq, &err);
}
