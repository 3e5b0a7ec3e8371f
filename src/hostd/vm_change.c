/* Reconfigure, rename, unregister, destroy. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/auth.h"
#include "hostd/event.h"
#include "hostd/inventory_internal.h"
#include "hostd/session.h"
#include "hostd/task.h"
#include "hostd/vm.h"

#define WRITE_MS 30000

/* ---- writing keys ---- */

struct write {
    struct vm *vm;
    json_t *set;
    char user[SESSION_USER_MAX];
    vmlink_reply_cb cb;
    void *arg;
};

static void write_end(struct write *w, const struct vmlink_reply *reply)
{
    w->cb(w->vm->link, reply, w->arg);
    json_decref(w->set);
    mem_free(w);
}

static void on_written(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct write *w = arg;

    (void)link;
    if (reply->code == 0) {
        vm_config_apply(w->vm, w->set);
        gueststore_vm_keys(w->vm, w->set);
    }
    write_end(w, reply);
}

static void on_write_ready(struct vm *vm, int code, const char *why, void *arg)
{
    struct write *w = arg;
    json_t *args = NULL;
    int r = code;

    if (r == 0) {
        args = json_pack("{s:O, s:s}", "set", w->set, "user", w->user);
        r = args ? vmlink_request(vm->link, "config.set", args, NULL, 0, NULL, 0, WRITE_MS,
                                  on_written, w, NULL)
                 : -ENOMEM;
        json_decref(args);
    }
    if (r < 0)
        write_end(
            w, &(struct vmlink_reply){.code = r, .hop = "hostd", .text = why ? why : strerror(-r)});
}

int vm_write_keys(struct vm *vm, json_t *set, const char *user, vmlink_reply_cb cb, void *arg)
{
    struct write *w = mem_calloc(1, sizeof(*w));
    int r;

    if (!w)
        return -ENOMEM;
    *w = (struct write){.vm = vm, .set = json_incref(set), .cb = cb, .arg = arg};
    snprintf(w->user, sizeof(w->user), "%s", user);
    r = vm_ready(vm, on_write_ready, w);
    if (r < 0) {
        json_decref(w->set);
        mem_free(w);
    }
    return r;
}

/* ---- reconfigure ---- */

/* The configuration of a task's VM has been written, or not. */
static void on_reconfigured(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct vm *vm = arg;
    AUTO_ARENA struct arena a = ARENA_INIT(EVENT_ARENA_MAX);
    struct vim_VmReconfiguredEvent *e;

    (void)link;
    if (reply->code < 0) {
        vm_op_fail(vm, reply, 0);
        return;
    }
    /* What was asked for may hold secrets, so the event has an empty spec. */
    e = VIM_NEW(&a, VmReconfiguredEvent);
    if (e && (e->configSpec = VIM_NEW(&a, VirtualMachineConfigSpec))) {
        e->fullFormattedMessage = arena_printf(&a, "Reconfigured %s", vm->e.name);
        event_post(vm->e.inv->events, (struct vim_Event *)(void *)e, &vm->e, task_user(vm->task));
    }
    task_succeed(vm->task, NULL);
    vm_op_end(vm);
}

/* Is another child of the folder named so? */
static struct mo *name_taken(const struct vm *vm, const char *name)
{
    AUTO_FREE char *escaped = inventory_escape(name);
    struct folder *parent = folder_cast(vm->e.mo.parent);
    struct mo *there = escaped && parent ? folder_child(parent, escaped) : NULL;

    return there == &vm->e.mo ? NULL : there;
}

static void reconfigure(struct call *call)
{
    const struct vim_ReconfigVM_Task_request *req = call->req;
    struct vm *vm = vm_of(call);
    struct spec_fault fault = {0};
    json_t *set;
    struct task *t;
    int r;

    if (!vm || !vm_spec_allowed(call, req->spec))
        return;
    t = vm_op_begin(call, vm, "ReconfigVM_Task", "VirtualMachine.reconfigure");
    if (!t)
        return;
    set = json_object();
    r = set ? vm_spec_keys(task_arena(t), req->spec, vm, set, &fault) : -ENOMEM;
    if (r == 0 && req->spec->name && name_taken(vm, req->spec->name)) {
        spec_fail_duplicate(task_arena(t), req->spec->name, name_taken(vm, req->spec->name),
                            &fault);
        r = -EINVAL;
    }
    task_return(call, t);
    if (r == 0 && json_object_size(set) == 0) {
        task_succeed(t, NULL);
        vm_op_end(vm);
    } else if (r == 0) {
        r = vm_write_keys(vm, set, task_user(t), on_reconfigured, vm);
    }
    json_decref(set);
    if (r < 0) {
        task_fail(t, fault.fault, "%s", fault.text ? fault.text : strerror(-r));
        vm_op_end(vm);
    }
}

/* ---- rename ---- */

static void rename_vm(struct call *call, struct vm *vm, const char *name)
{
    struct spec_fault fault = {0};
    json_t *set;
    struct task *t;
    int r = 0;

    if (!call_check_privilege(call, call->self, "VirtualMachine.Config.Rename"))
        return;
    t = vm_op_begin(call, vm, "Rename_Task", "ManagedEntity.rename");
    if (!t)
        return;
    if (!inventory_name_valid(name)) {
        spec_fail_name(task_arena(t), name ? name : "", &fault);
        r = -EINVAL;
    } else if (name_taken(vm, name)) {
        spec_fail_duplicate(task_arena(t), arena_strdup(task_arena(t), name), name_taken(vm, name),
                            &fault);
        r = -EINVAL;
    }
    set = json_pack("{s:s}", "displayName", name ? name : "");
    task_return(call, t);
    if (r == 0)
        r = set ? vm_write_keys(vm, set, task_user(t), vm_op_replied, vm) : -ENOMEM;
    json_decref(set);
    if (r < 0) {
        task_fail(t, fault.fault, "%s", fault.text ? fault.text : strerror(-r));
        vm_op_end(vm);
    }
}

static void rename_folder(struct call *call, struct folder *f, const char *name)
{
    AUTO_FREE char *escaped = NULL;
    struct spec_fault fault = {0};
    struct mo *there;
    struct task *t;
    int r;

    if (!call_check_privilege(call, call->self, "Folder.Rename"))
        return;
    t = task_begin(call, &f->e, "Rename_Task", "ManagedEntity.rename");
    if (!t)
        return;
    task_start(t);
    escaped = inventory_name_valid(name) ? inventory_escape(name) : NULL;
    there = escaped ? folder_child(folder_cast(f->e.mo.parent), escaped) : NULL;
    if (!escaped) {
        spec_fail_name(task_arena(t), name ? name : "", &fault);
        task_fail(t, fault.fault, "%s", fault.text);
    } else if (there && there != &f->e.mo) {
        spec_fail_duplicate(task_arena(t), arena_strdup(task_arena(t), name), there, &fault);
        task_fail(t, fault.fault, "%s", fault.text);
    } else if ((r = folder_rename(f, escaped)) < 0) {
        task_fail(t, NULL, "renaming a folder: %s", strerror(-r));
    } else {
        task_succeed(t, NULL);
    }
    task_return(call, t);
}

static void rename_entity(struct call *call)
{
    const struct vim_Rename_Task_request *req = call->req;
    struct mo *mo = mo_find(call->host->registry, call->self.value);
    struct folder *f = folder_cast(mo);

    if (vm_cast(mo))
        rename_vm(call, vm_cast(mo), req->newName);
    else if (f && f->made_by_client)
        rename_folder(call, f, req->newName);
    else
        call_fault_not_supported(call);
}

/* ---- unregister ---- */

static void on_unregister_halted(struct vm *vm, void *arg)
{
    struct call *call = arg;
    int r = vm_store_unregister(vm);

    if (r < 0) {
        vm->busy = false;
        call_fault_errno(call, r, "unregistering a virtual machine");
        return;
    }
    log_info("vm %s (%s) is unregistered by %s", vm->e.mo.id, vm->folder, call->session->user);
    authz_forget(call->host, mo_ref(&vm->e.mo));
    EVENT_VM(vm->e.inv->events, &vm->e, VmRemovedEvent, call->session->user,
             "Removed %s from the inventory", vm->e.name);
    call_return(call, NULL);
    vm_remove(vm);
}

static void unregister(struct call *call)
{
    struct vm *vm = vm_of(call);

    if (!vm || !vm_op_direct(call, vm))
        return;
    vm->busy = true;
    vm_halt(vm, on_unregister_halted, call);
}

/* ---- destroy ---- */

/* The folder of a VM that is being destroyed is gone, or not. The VM may not: nothing else may
 * remove it while its task runs, except the end of hostd. */
static void on_deleted(struct host *host, int code, const char *text, void *arg)
{
    struct vm *vm = vm_cast(mo_find(host->registry, arg));
    struct task *t = vm ? vm->task : NULL;

    mem_free(arg);
    if (!t)
        return;
    if (code < 0) {
        struct vim_CannotDeleteFile *f = VIM_NEW(task_arena(t), CannotDeleteFile);

        if (f)
            f->file = vm_path(vm, "", task_arena(t));
        task_fail(t, f, "The files of the virtual machine cannot be deleted: %s",
                  text ? text : strerror(-code));
        vm_op_end(vm);
        return;
    }
    vm_store_forget(vm->e.inv, vm->folder);
    authz_forget(host, mo_ref(&vm->e.mo));
    EVENT_VM(vm->e.inv->events, &vm->e, VmRemovedEvent, task_user(t), "Removed %s", vm->e.name);
    task_succeed(t, NULL);
    vm->task = NULL;
    vm_remove(vm);
}

static void on_destroy_halted(struct vm *vm, void *arg)
{
    char *id = mem_strdup(vm->e.mo.id);
    int r = id ? vmlink_delete_folder(vm->e.inv->host, vm->folder, on_deleted, id) : -ENOMEM;

    (void)arg;
    if (r < 0) {
        mem_free(id);
        task_fail(vm->task, NULL, "deleting the files: %s", strerror(-r));
        vm_op_end(vm);
    }
}

static void destroy_vm(struct call *call, struct vm *vm)
{
    struct task *t;

    if (!call_check_privilege(call, call->self, "VirtualMachine.Inventory.Delete"))
        return;
    t = vm_op_begin(call, vm, "Destroy_Task", "VirtualMachine.destroy");
    if (!t)
        return;
    task_return(call, t);
    if (vm->power != VM_POWER_OFF) {
        vm_fail_power_state(t, vm, VIM_VirtualMachinePowerState_poweredOff);
        vm_op_end(vm);
        return;
    }
    vm_halt(vm, on_destroy_halted, NULL);
}

static void destroy_folder(struct call *call, struct folder *f)
{
    struct task *t;
    int r;

    if (!call_check_privilege(call, call->self, "Folder.Delete"))
        return;
    t = task_begin(call, &f->e, "Destroy_Task", "Folder.destroy");
    if (!t)
        return;
    task_start(t);
    r = folder_delete(f);
    if (r == -ENOTEMPTY)
        task_fail(t, VIM_NEW(task_arena(t), InvalidState), "The folder is not empty.");
    else if (r < 0)
        task_fail(t, NULL, "deleting a folder: %s", strerror(-r));
    else
        task_succeed(t, NULL);
    task_return(call, t);
}

static void destroy(struct call *call)
{
    struct mo *mo = mo_find(call->host->registry, call->self.value);
    struct folder *f = folder_cast(mo);

    if (vm_cast(mo))
        destroy_vm(call, vm_cast(mo));
    else if (f && f->made_by_client)
        destroy_folder(call, f);
    else
        call_fault_not_supported(call);
}

/* ---- small ones ---- */

static void reload(struct call *call)
{
    struct mo *mo = mo_find(call->host->registry, call->self.value);
    struct vm *vm = vm_cast(mo);

    if (vm && vmlink_state(vm->link) == VMLINK_STOPPED) {
        vm_load_config(vm);
        gueststore_vm_reloaded(vm);
        vm_changed(vm, VM_CHANGED_CONFIG);
    }
    call_return(call, NULL);
}

static void refresh_storage(struct call *call)
{
    struct vm *vm = vm_of(call);

    if (!vm)
        return;
    mo_changed(&vm->e.mo, "storage");
    mo_changed(&vm->e.mo, "layoutEx");
    mo_changed(&vm->e.mo, "summary.storage");
    call_return(call, NULL);
}

static void reset_guest_information(struct call *call)
{
    struct vm *vm = vm_of(call);

    if (!vm)
        return;
    if (vm->power != VM_POWER_OFF) {
        call_fault_invalid_state(call);
        return;
    }
    json_decref(vm->guest);
    vm->guest = NULL;
    vm_changed(vm, VM_CHANGED_GUEST);
    call_return(call, NULL);
}

const struct call_row vm_change_calls[] = {
    {&vim_method_ReconfigVM_Task, reconfigure},
    {&vim_method_Rename_Task, rename_entity},
    {&vim_method_UnregisterVM, unregister},
    {&vim_method_Destroy_Task, destroy},
    {&vim_method_Reload, reload},
    {&vim_method_RefreshStorageInfo, refresh_storage},
    {&vim_method_ResetGuestInformation, reset_guest_information},
    {NULL, NULL},
};
