/* Methods of VirtualMachine and VirtualMachineSnapshot: taking, going back, removing, renaming. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/inventory_internal.h"
#include "hostd/session.h"
#include "hostd/task.h"
#include "hostd/vm_snapshot.h"

/* VirtualMachineGuestQuiesceSpec.timeout. */
#define QUIESCE_MINUTES_MIN 5
#define QUIESCE_MINUTES_MAX 240

/* What is asked of vmx, and how its end shows. */
struct operation {
    struct vm *vm;
    const char *op; /* of docs/control-protocol.md */
    json_t *args;
    void (*done)(struct vm *vm, const struct vmlink_reply *reply);
    uint64_t request;
};

static void operation_free(struct operation *o)
{
    json_decref(o->args);
    mem_free(o);
}

/* ---- faults ---- */

static const void *fault_for(struct task *t, const struct vm *vm, const struct vmlink_reply *reply)
{
    struct arena *a = task_arena(t);
    struct vim_NoDiskSpace *full;
    struct vim_GenericVmConfigFault *other;

    switch (reply->code) {
    case -EINVAL: {
        struct vim_InvalidName *f = VIM_NEW(a, InvalidName);

        if (f)
            f->name = "";
        return f;
    }
    case -ELOOP:
        return VIM_NEW(a, TooManySnapshotLevels);
    case -ENOENT:
        return VIM_NEW(a, NotFound);
    case -EOPNOTSUPP:
        return VIM_NEW(a, NotSupported);
    case -ECANCELED:
        return VIM_NEW(a, RequestCanceled);
    case -EBUSY:
        return VIM_NEW(a, InvalidState);
    case -ENOTCONN: /* nobody in the guest who could bring it to rest */
        return VIM_NEW(a, ToolsUnavailable);
    case -EREMOTEIO:
        return VIM_NEW(a, ApplicationQuiesceFault);
    case -ETIME:
        return VIM_NEW(a, FilesystemQuiesceFault);
    case -ENOSPC:
    case -EDQUOT:
        full = VIM_NEW(a, NoDiskSpace);
        if (full) {
            full->datastore = DATASTORE_NAME;
            full->file = vm_path(vm, "", a);
        }
        return full;
    default:
        other = VIM_NEW(a, GenericVmConfigFault);
        if (other)
            other->reason = arena_strdup(a, reply->text);
        return other;
    }
}

static void fail(struct vm *vm, const struct vmlink_reply *reply)
{
    task_fail(vm->task, fault_for(vm->task, vm, reply), "%s", reply->text);
    vm_op_end(vm);
}

/* ---- the way to vmx ---- */

static void on_done(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct operation *o = arg;
    struct vm *vm = o->vm;
    void (*done)(struct vm *, const struct vmlink_reply *) = o->done;

    (void)link;
    operation_free(o);
    task_set_cancel(vm->task, NULL, NULL);
    vm_snapshots_load(vm);
    if (reply->code < 0)
        fail(vm, reply);
    else
        done(vm, reply);
}

static void on_cancel(struct task *task, void *arg)
{
    const struct operation *o = arg;

    (void)task;
    vmlink_cancel(o->vm->link, o->request);
}

static void on_ready(struct vm *vm, int code, const char *why, void *arg)
{
    struct operation *o = arg;
    int r = code;

    if (r == 0)
        r = vmlink_request(vm->link, o->op, o->args, NULL, 0, NULL, 0, SNAPSHOT_MS, on_done, o,
                           &o->request);
    if (r == 0) {
        task_set_cancel(vm->task, on_cancel, o);
        return;
    }
    operation_free(o);
    fail(vm,
         &(struct vmlink_reply){.code = -EIO, .hop = "hostd", .text = why ? why : strerror(-r)});
}

/* Takes `args`. The VM's task has begun and been returned. */
static void ask(struct vm *vm, const char *op, json_t *args,
                void (*done)(struct vm *vm, const struct vmlink_reply *reply))
{
    struct operation *o = mem_calloc(1, sizeof(*o));
    int r = o && args ? 0 : -ENOMEM;

    if (r == 0) {
        *o = (struct operation){.vm = vm, .op = op, .args = args, .done = done};
        r = vm_ready(vm, on_ready, o);
    }
    if (r < 0) {
        json_decref(args);
        mem_free(o);
        fail(vm, &(struct vmlink_reply){.code = r, .hop = "hostd", .text = strerror(-r)});
    }
}

/* ---- taking one ---- */

static void created(struct vm *vm, const struct vmlink_reply *reply)
{
    json_int_t uid = json_integer_value(json_object_get(reply->result, "uid"));
    const struct vm_snapshot *s = vm_snapshot_find(vm, (uint32_t)uid);

    if (s)
        task_succeed(vm->task, vim_any_ref(task_arena(vm->task), mo_ref(&s->mo)));
    else
        task_fail(vm->task, NULL, "the snapshot has been taken and cannot be read");
    vm_op_end(vm);
}

struct quiesce_wish {
    bool wanted;
    uint64_t limit_ms; /* 0: the protocol's */
};

static void create(struct call *call, const char *method, const char *id, const char *name,
                   const char *description, struct quiesce_wish quiesce)
{
    struct vm *vm = vm_of(call);
    struct task *t;
    json_t *args;

    if (!vm)
        return;
    t = vm_op_begin(call, vm, method, id);
    if (!t)
        return;
    if (!name || !vmsd_name_valid(name)) {
        struct vim_InvalidName *f = VIM_NEW(task_arena(t), InvalidName);

        if (f) {
            f->name = name ? arena_strdup(task_arena(t), name) : "";
            f->entity = mo_ref(&vm->e.mo);
        }
        task_return(call, t);
        task_fail(t, f, "The name of the snapshot is not valid.");
        vm_op_end(vm);
        return;
    }
    args = json_pack("{s:s, s:s, s:b, s:I, s:s}", "name", name, "description",
                     description ? description : "", "quiesce", quiesce.wanted, "quiesceMs",
                     (json_int_t)quiesce.limit_ms, "user", task_user(t));
    task_return(call, t); /* the request is gone from here on, and its strings */
    ask(vm, "snapshot.create", args, created);
}

/* A snapshot never has memory, whatever was asked for: capability.memorySnapshotsSupported. */
static void create_snapshot(struct call *call)
{
    const struct vim_CreateSnapshot_Task_request *req = call->req;

    create(call, "CreateSnapshot_Task", "VirtualMachine.createSnapshot", req->name,
           req->description, (struct quiesce_wish){.wanted = req->quiesce});
}

static void create_snapshot_ex(struct call *call)
{
    const struct vim_CreateSnapshotEx_Task_request *req = call->req;

    const struct vim_VirtualMachineGuestQuiesceSpec *spec = req->quiesceSpec;
    struct quiesce_wish wish = {.wanted = spec};

    if (spec && spec->has_timeout && spec->timeout) {
        if (spec->timeout < QUIESCE_MINUTES_MIN || spec->timeout > QUIESCE_MINUTES_MAX) {
            call_fault_invalid_argument(call, "quiesceSpec.timeout");
            return;
        }
        wish.limit_ms = (uint64_t)spec->timeout * 60000;
    }
    create(call, "CreateSnapshotEx_Task", "VirtualMachine.createSnapshotEx", req->name,
           req->description, wish);
}

/* ---- going back ---- */

static void reverted(struct vm *vm, const struct vmlink_reply *reply)
{
    (void)reply;
    /* It is the VM of then: even its guest's words mean nothing any more. */
    vm_load_config(vm);
    vm->change_number++;
    vm_changed(vm, VM_CHANGED_CONFIG);
    task_succeed(vm->task, NULL);
    vm_op_end(vm);
}

static void revert(struct call *call, struct vm *vm, const char *method, const char *id,
                   uint32_t uid)
{
    struct task *t = vm_op_begin(call, vm, method, id);

    if (!t)
        return;
    task_return(call, t);
    if (!uid) {
        task_fail(t, VIM_NEW(task_arena(t), NotFound),
                  "The virtual machine has no current snapshot.");
        vm_op_end(vm);
        return;
    }
    ask(vm, "snapshot.revert",
        json_pack("{s:I, s:s}", "uid", (json_int_t)uid, "user", task_user(t)), reverted);
}

static void revert_to_current(struct call *call)
{
    struct vm *vm = vm_of(call);

    if (vm)
        revert(call, vm, "RevertToCurrentSnapshot_Task", "VirtualMachine.revertToCurrentSnapshot",
               vm_snapshot_current(vm));
}

/* The snapshot that a call is made on; ends the call when it is gone. */
static struct vm_snapshot *snapshot_of(struct call *call)
{
    struct vm_snapshot *s = vm_snapshot_cast(mo_find(call->host->registry, call->self.value));

    if (!s)
        call_fault_object_not_found(call, call->self);
    return s;
}

static void revert_to_snapshot(struct call *call)
{
    const struct vm_snapshot *s = snapshot_of(call);

    if (s)
        revert(call, s->vm, "RevertToSnapshot_Task", "vm.Snapshot.revert", s->uid);
}

/* ---- removing ---- */

static void removed(struct vm *vm, const struct vmlink_reply *reply)
{
    (void)reply;
    task_succeed(vm->task, NULL);
    vm_op_end(vm);
}

static void remove_snapshot(struct call *call)
{
    const struct vim_RemoveSnapshot_Task_request *req = call->req;
    const struct vm_snapshot *s = snapshot_of(call);
    struct vm *vm = s ? s->vm : NULL;
    struct task *t = s ? vm_op_begin(call, vm, "RemoveSnapshot_Task", "vm.Snapshot.remove") : NULL;
    json_t *args;

    if (!t)
        return;
    args = json_pack("{s:I, s:b, s:s}", "uid", (json_int_t)s->uid, "children", req->removeChildren,
                     "user", task_user(t));
    task_return(call, t); /* the request is gone from here on */
    ask(vm, "snapshot.remove", args, removed);
}

static void remove_all(struct call *call)
{
    struct vm *vm = vm_of(call);
    struct task *t =
        vm ? vm_op_begin(call, vm, "RemoveAllSnapshots_Task", "VirtualMachine.removeAllSnapshots")
           : NULL;

    if (!t)
        return;
    task_return(call, t);
    if (!vm_snapshot_list(vm)->count) {
        task_succeed(t, NULL);
        vm_op_end(vm);
        return;
    }
    ask(vm, "snapshot.remove", json_pack("{s:b, s:s}", "all", true, "user", task_user(t)), removed);
}

/* A disk is never spread over several files here. */
static void consolidate(struct call *call)
{
    struct vm *vm = vm_of(call);
    struct task *t =
        vm ? vm_op_begin(call, vm, "ConsolidateVMDisks_Task", "VirtualMachine.consolidateDisks")
           : NULL;

    if (!t)
        return;
    task_return(call, t);
    task_succeed(t, NULL);
    vm_op_end(vm);
}

/* ---- renaming, which is not a task ---- */

struct renaming {
    struct call *call;
    struct vm *vm;
    json_t *args;
};

static void rename_end(struct renaming *w)
{
    w->vm->busy = false;
    json_decref(w->args);
    mem_free(w);
}

static void on_renamed(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct renaming *w = arg;
    struct call *call = w->call;
    const struct vim_RenameSnapshot_request *req = call->req;
    struct vim_InvalidName *f;

    (void)link;
    vm_snapshots_load(w->vm);
    rename_end(w);
    switch (reply->code) {
    case 0:
        call_return(call, NULL);
        return;
    case -EINVAL:
        f = VIM_NEW(call->arena, InvalidName);
        if (f)
            f->name = req->name ? req->name : "";
        call_fault(call, f, "The name or description of the snapshot is not valid.");
        return;
    case -ENOENT:
        call_fault_object_not_found(call, call->self);
        return;
    case -EBUSY:
        call_fault_invalid_state(call);
        return;
    default:
        call_fault_system(call, "%s: %s", reply->hop, reply->text);
    }
}

static void on_rename_ready(struct vm *vm, int code, const char *why, void *arg)
{
    struct renaming *w = arg;
    struct call *call = w->call;
    int r = code;

    if (r == 0)
        r = vmlink_request(vm->link, "snapshot.rename", w->args, NULL, 0, NULL, 0, 30000,
                           on_renamed, w, NULL);
    if (r == 0)
        return;
    rename_end(w);
    call_fault_system(call, "the virtual machine's process: %s", why ? why : strerror(-r));
}

static void rename_snapshot(struct call *call)
{
    const struct vim_RenameSnapshot_request *req = call->req;
    const struct vm_snapshot *s = snapshot_of(call);
    struct renaming *w;
    int r;

    if (!s || !vm_op_direct(call, s->vm))
        return;
    w = mem_calloc(1, sizeof(*w));
    if (w) {
        *w =
            (struct renaming){.call = call,
                              .vm = s->vm,
                              .args = json_pack("{s:I, s:s*, s:s*, s:s}", "uid", (json_int_t)s->uid,
                                                "name", req->name, "description", req->description,
                                                "user", call->session->user)};
        s->vm->busy = true; /* nobody takes it out meanwhile */
    }
    r = w && w->args ? vm_ready(s->vm, on_rename_ready, w) : -ENOMEM;
    if (r < 0) {
        if (w)
            rename_end(w);
        call_fault_errno(call, r, "renaming a snapshot");
    }
}

const struct call_row vm_snapshot_calls[] = {
    {&vim_method_CreateSnapshot_Task, create_snapshot},
    {&vim_method_CreateSnapshotEx_Task, create_snapshot_ex},
    {&vim_method_RevertToCurrentSnapshot_Task, revert_to_current},
    {&vim_method_RevertToSnapshot_Task, revert_to_snapshot},
    {&vim_method_RemoveSnapshot_Task, remove_snapshot},
    {&vim_method_RemoveAllSnapshots_Task, remove_all},
    {&vim_method_ConsolidateVMDisks_Task, consolidate},
    {&vim_method_RenameSnapshot, rename_snapshot},
    {NULL, NULL},
};
