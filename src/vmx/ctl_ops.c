/* The operations of docs/control-protocol.md, one row each. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "vmx/ctl.h"
#include "vmx/ctl_args.h"
#include "vmx/ctl_snapshot.h"
#include "vmx/datasets.h"
#include "vmx/gueststore.h"
#include "vmx/relay.h"
#include "vmx/snapshot.h"
#include "vmx/tools.h"
#include "vmx/transfer.h"
#include "wire/ctl.h"
#include "wire/vix.h"
#include "wire/vix_describe.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_proplist.h"

static void hello(struct ctl_request *rq)
{
    struct vm *vm = rq->vm;
    static const char *const last[] = {
        [POWER_OFF] = "poweredOff", [POWER_ON] = "poweredOn", [POWER_SUSPENDED] = "suspended"};
    json_t *o;

    if (int_arg(rq, "protocol", 0) != CTL_PROTOCOL) {
        ctl_fail(rq, "vmx", -EPROTONOSUPPORT, 0, "this vmx speaks protocol 1");
        return;
    }
    o = json_pack("{s:i, s:i, s:s, s:s, s:s, s:o, s:O, s:o}", "protocol", CTL_PROTOCOL, "pid",
                  (int)getpid(), "version", INGUEST_VERSION, "power", power_name(vm->power),
                  "lastPower", last[vm->last_power], "config", vmconfig_json(&vm->config), "guest",
                  vm->guest.json, "bootTime", ctl_boot_time(vm));
    if (o)
        ctl_reply(rq, o, NULL, 0);
    else
        ctl_fail(rq, "vmx", -ENOMEM, 0, NULL);
}

/* --- power ---------------------------------------------------------------------------------- */

static uint64_t power_vix(int code)
{
    return code == -EALREADY || code == -EINVAL ? VIX_E_VM_NOT_RUNNING
           : code == -EBUSY                     ? VIX_E_OBJECT_IS_BUSY
           : code == -ENOTCONN                  ? VIX_E_TOOLS_NOT_RUNNING
           : code == -EOPNOTSUPP                ? VIX_E_NOT_SUPPORTED
                                                : VIX_E_FAIL;
}

static void machine_over(const struct error *err, void *arg)
{
    struct ctl_request *rq = arg;

    if (err)
        ctl_fail(rq, "machine", err->code, power_vix(err->code), error_text(err));
    else
        ctl_reply(rq, NULL, NULL, 0);
}

static void agent_over(const struct error *err, void *arg)
{
    struct ctl_request *rq = arg;

    if (err)
        ctl_fail(rq, "agent", err->code, power_vix(err->code), error_text(err));
    else
        ctl_reply(rq, NULL, NULL, 0);
}

static void power(struct ctl_request *rq)
{
    static const struct {
        const char *name;
        int agent; /* enum tools_statechange, 0 = by the machine */
        enum power_action action;
    } actions[] = {{"on", 0, POWER_DO_ON},       {"off", 0, POWER_DO_OFF},
                   {"reset", 0, POWER_DO_RESET}, {"suspend", 0, POWER_DO_SUSPEND},
                   {"shutdown", TOOLS_HALT, 0},  {"reboot", TOOLS_REBOOT, 0},
                   {"standby", TOOLS_SUSPEND, 0}};
    const char *name = text_arg(rq, "action");
    struct error err = {0};
    int r = 1;

    for (size_t i = 0; name && i < ARRAY_SIZE(actions); i++) {
        if (strcmp(actions[i].name, name))
            continue;
        rq->what = mem_printf("power %s by %.*s", name, WORDS_MAX, text_arg(rq, "user") ?: "host");
        if (!actions[i].agent)
            r = power_request(rq->vm->power, actions[i].action, POWER_BY_API, machine_over, rq,
                              &err);
        else if (power_get(rq->vm->power) != POWER_ON)
            r = error_set(&err, -EINVAL, "not possible while the VM is %s",
                          power_name(rq->vm->power));
        else
            r = tools_power(rq->vm->tools, (enum tools_statechange)actions[i].agent, agent_over, rq,
                            &err);
        if (r)
            ctl_fail(rq, actions[i].agent && r != -EINVAL ? "agent" : "vmx", r, power_vix(r),
                     error_text(&err));
        return;
    }
    ctl_fail(rq, "vmx", -EINVAL, VIX_E_INVALID_ARG, "there is no such power action");
}

/* --- configuration -------------------------------------------------------------------------- */

static void config_set(struct ctl_request *rq)
{
    json_t *set = json_object_get(rq->args, "set"), *volatile_keys = NULL, *value;
    const char *key;
    struct error err = {0};
    void *next;
    int r = 0;

    if (!json_is_object(set)) {
        ctl_fail(rq, "vmx", -EINVAL, VIX_E_INVALID_ARG, "\"set\" is not an object");
        return;
    }
    if (json_object_get(set, VMCONFIG_POWER_STATE)) {
        ctl_fail(rq, "vmx", -EPERM, VIX_E_INVALID_ARG, VMCONFIG_POWER_STATE " is not for setting");
        return;
    }
    r = vmconfig_update(&rq->vm->config, set, &err);
    if (r) {
        ctl_fail(rq, "vmx", r, 0, error_text(&err));
        return;
    }
    (void)volatile_keys;
    /* The administrator's value takes the place of one that the guest had set. */
    json_object_foreach_safe(set, next, key, value) guestvars_remove(&rq->vm->vars, key);
    tools_config_changed(rq->vm->tools);
    log_info("config: %zu keys set", json_object_size(set));
    gueststore_config_changed(rq->vm->gueststore);
    ctl_reply(rq, NULL, NULL, 0);
}

static void guestinfo_get(struct ctl_request *rq)
{
    const struct guestvars *v = &rq->vm->vars;
    json_t *values = json_object();

    for (size_t i = 0; values && i < v->count; i++) {
        json_t *value = json_stringn(v->vars[i].value, v->vars[i].value_len);

        if (value)
            json_object_set_new(values, v->vars[i].key, value);
    }
    ctl_reply(rq, json_pack("{s:o}", "values", values), NULL, 0);
}

/* --- guest operations ----------------------------------------------------------------------- */

static void relayed(const struct relay_result *result, void *arg)
{
    struct ctl_request *rq = arg;

    rq->cancel = NULL;
    if (!result->err)
        audit_ok(&rq->audit, &rq->vm->log, result->len,
                 vix_result_is_partial(rq->opcode, result->data, result->len));
    else
        audit_failed(&rq->audit, &rq->vm->log, result->hop, result->vix, result->text);
    /* The agent has answered: its error is the operation's result, not a failure to relay. */
    if (result->err && !result->vix) {
        ctl_fail(rq, result->hop, result->err, result->vix, result->text);
        return;
    }
    if (result->err && strcmp(result->hop, "worker")) {
        ctl_fail(rq, result->hop, result->err, result->vix, result->text);
        return;
    }
    ctl_reply(rq,
              json_pack("{s:I, s:I}", "vix", (json_int_t)result->vix, "guestOsError",
                        (json_int_t)result->guest_error),
              result->data, result->len);
}

static void cancel_relayed(struct ctl_request *rq)
{
    relay_cancel(rq->work);
}

static void vix(struct ctl_request *rq)
{
    struct relay_request *work = NULL;
    struct vix_request message;
    struct error err = {0};
    uint32_t vix_error = 0;
    int r;

    if (vix_request_decode(rq->blob, rq->blob_len, &message)) {
        ctl_fail(rq, "vmx", -EBADMSG, VIX_E_INVALID_MESSAGE_HEADER, "not a VIX request");
        return;
    }
    rq->opcode = message.opcode;
    audit_begin(&rq->audit, text_arg(rq, "user"), text_arg(rq, "source"), &message);
    rq->cancel = cancel_relayed;
    r = relay_send_for(rq->vm->relay, rq->audit.origin, rq->blob, rq->blob_len, deadline_arg(rq),
                       relayed, rq, &work, &vix_error, &err);
    if (r) {
        audit_failed(&rq->audit, &rq->vm->log, "agent", 0, error_text(&err));
        ctl_fail(rq, "agent", r, vix_error, error_text(&err));
    } else {
        rq->work = work;
    }
}

static json_t *properties_json(const struct relay_result *result)
{
    AUTO_BUF struct buf list = BUF_INIT(VIX_PROPLIST_MAX);
    struct vix_property prop;
    struct cursor c;
    json_t *o = json_object();

    if (vix_proplist_from_text(&list, (const char *)result->data, result->len))
        goto bad;
    c = CURSOR_INIT(list.data, list.len);
    for (;;) {
        int r = vix_proplist_next(&c, &prop);
        char id[16];

        if (r < 0)
            goto bad;
        if (r == 0)
            return o;
        snprintf(id, sizeof(id), "%d", prop.id);
        if (prop.type == VIX_PROP_STRING)
            json_object_set_new(o, id, json_string(prop.text));
        else if (prop.type == VIX_PROP_BOOL)
            json_object_set_new(o, id, json_boolean(prop.number));
        else if (prop.type != VIX_PROP_BLOB)
            json_object_set_new(o, id, json_integer(prop.number));
    }
bad:
    json_decref(o);
    return NULL;
}

static void state_answered(const struct relay_result *result, void *arg)
{
    struct ctl_request *rq = arg;
    json_t *o;

    if (result->err) {
        ctl_fail(rq, result->hop, result->err, result->vix, result->text);
        return;
    }
    o = properties_json(result);
    if (o)
        ctl_reply(rq, json_pack("{s:o}", "properties", o), NULL, 0);
    else
        ctl_fail(rq, "agent", -EBADMSG, VIX_E_INVALID_SERIALIZED_DATA,
                 "the agent's properties are not understood");
}

static void tools_state(struct ctl_request *rq)
{
    struct error err = {0};
    int r = relay_tools_state(rq->vm->relay, deadline_arg(rq), state_answered, rq, &err);

    if (r)
        ctl_fail(rq, "agent", r, VIX_E_TOOLS_NOT_RUNNING, error_text(&err));
}

/* --- files ---------------------------------------------------------------------------------- */

static void transfer_failed(struct ctl_request *rq, const struct transfer_error *e)
{
    ctl_fail(rq, e->hop, e->code, e->vix, e->text);
}

static void opened(struct transfer *t, int64_t value, const struct transfer_error *err, void *arg)
{
    struct ctl_request *rq = arg;

    rq->cancel = NULL;
    if (err)
        transfer_failed(rq, err);
    else
        ctl_reply(rq,
                  json_pack("{s:I, s:I}", "handle", (json_int_t)transfer_handle(t), "size",
                            (json_int_t)value),
                  NULL, 0);
}

static void ran(struct transfer *t, int64_t value, const struct transfer_error *err, void *arg)
{
    struct ctl_request *rq = arg;

    (void)t;
    rq->cancel = NULL;
    if (err)
        transfer_failed(rq, err);
    else
        ctl_reply(rq, json_pack("{s:I}", "bytes", (json_int_t)value), NULL, 0);
}

static void cancel_transfer(struct ctl_request *rq)
{
    transfer_abort(rq->work);
}

static void file_open(struct ctl_request *rq)
{
    const char *mode = text_arg(rq, "mode"), *path = text_arg(rq, "path");
    struct transfer_open o = {.path = path,
                              .overwrite = json_is_true(json_object_get(rq->args, "overwrite")),
                              .size = int_arg(rq, "size", -1),
                              .deadline_ms = deadline_arg(rq)};
    struct cursor c = CURSOR_INIT(rq->blob, rq->blob_len);
    struct transfer_error err = {0};
    struct transfer *t;

    o.write = mode && !strcmp(mode, "write");
    cursor_le32(&c, &o.credential_type);
    o.credential_len = c.left;
    cursor_bytes(&c, c.left, &o.credential);
    if (!path || !mode || (!o.write && strcmp(mode, "read")) || cursor_error(&c)) {
        ctl_fail(rq, "vmx", -EINVAL, VIX_E_INVALID_ARG, "bad arguments of file.open");
        return;
    }
    o.user = text_arg(rq, "user");
    o.source = text_arg(rq, "source");
    rq->cancel = cancel_transfer;
    if (transfer_open(rq->vm->transfers, &o, opened, rq, &t, &err))
        transfer_failed(rq, &err);
    else
        rq->work = t;
}

static struct transfer *handle_arg(struct ctl_request *rq)
{
    struct transfer *t = transfer_find(rq->vm->transfers, (uint64_t)int_arg(rq, "handle", 0));

    if (!t)
        ctl_fail(rq, "vmx", -EBADF, VIX_E_INVALID_HANDLE, "there is no such handle");
    return t;
}

static void file_run(struct ctl_request *rq)
{
    int64_t stall = int_arg(rq, "stallMs", TRANSFER_STALL_MS);
    struct transfer *t = handle_arg(rq);
    int r;

    if (!t)
        return;
    if (rq->fd < 0 || stall < 1 || stall > RELAY_DEADLINE_MAX_MS) {
        ctl_fail(rq, "vmx", -EINVAL, VIX_E_INVALID_ARG, "bad arguments of file.run");
        return;
    }
    rq->cancel = cancel_transfer;
    rq->work = t;
    r = transfer_run(t, TAKE_FD(rq->fd), (unsigned)stall, ran, rq);
    if (r)
        ctl_fail(rq, "vmx", r, VIX_E_OBJECT_IS_BUSY, "the transfer runs already");
}

static void file_close(struct ctl_request *rq)
{
    struct transfer *t = handle_arg(rq);

    if (!t)
        return;
    transfer_abort(t);
    ctl_reply(rq, NULL, NULL, 0);
}

static void gueststore_attached(struct ctl_request *rq)
{
    const json_t *enabled = json_object_get(rq->args, "enabled");
    int r;

    if (!json_is_boolean(enabled)) {
        ctl_fail(rq, "vmx", -EINVAL, VIX_E_INVALID_ARG, "bad arguments of gueststore.attach");
        return;
    }
    r = gueststore_attach(rq->vm->gueststore, TAKE_FD(rq->fd), json_is_true(enabled));
    if (r)
        ctl_fail(rq, "vmx", r, 0, NULL);
    else
        ctl_reply(rq, NULL, NULL, 0);
}

static void end(struct ctl_request *rq)
{
    struct vm *vm = rq->vm;

    if (power_get(vm->power) != POWER_OFF) {
        ctl_fail(rq, "vmx", -EBUSY, VIX_E_VM_IS_RUNNING, "the VM is not powered off");
        return;
    }
    if (snapshots_busy(vm->snapshots)) {
        ctl_fail(rq, "vmx", -EBUSY, VIX_E_OBJECT_IS_BUSY, "the VM's disk is being worked on");
        return;
    }
    ctl_reply(rq, NULL, NULL, 0);
    vm_stop(vm);
}

static const struct ctl_op ops[] = {
    {"hello", hello},
    {"power", power},
    {"config.set", config_set},
    {"guestinfo.get", guestinfo_get},
    {"vix", vix},
    {"tools.state", tools_state},
    {"file.open", file_open},
    {"file.run", file_run},
    {"file.close", file_close},
    {"snapshot.create", ctl_snapshot_create},
    {"snapshot.revert", ctl_snapshot_revert},
    {"snapshot.remove", ctl_snapshot_remove},
    {"snapshot.rename", ctl_snapshot_rename},
    {"disk.hold", ctl_disk_hold},
    {"disk.release", ctl_disk_release},
    {"dataset.create", dataset_ctl},
    {"dataset.list", dataset_ctl},
    {"dataset.get", dataset_ctl},
    {"dataset.update", dataset_ctl},
    {"dataset.delete", dataset_ctl},
    {"dataset.check", dataset_ctl},
    {"dataset.keys", dataset_ctl},
    {"dataset.entry.get", dataset_ctl},
    {"dataset.entry.set", dataset_ctl},
    {"dataset.entry.delete", dataset_ctl},
    {"stream.open", ctl_stream_open},
    {"stream.finish", ctl_stream_finish},
    {"stream.close", ctl_stream_close},
    {"gueststore.attach", gueststore_attached},
    {"shutdown", end},
};

const struct ctl_op *ctl_op_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        if (!strcmp(ops[i].name, name))
            return &ops[i];
    return NULL;
}
