/*
 * CloneVM_Task, and templates.
 *
 * A clone is a full copy, whatever way of moving disks was asked for: where the file system can
 * share blocks it takes no room. Its source is held still while it is copied (disk.hold of
 * docs/control-protocol.md); a running guest stands still for that long. A clone of a snapshot
 * disturbs nobody.
 *
 * The steps: vmx of the source comes up, holds; the supervisor copies; vmx lets go, and confirms
 * that it had held all the time; only then the clone counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/event.h"
#include "hostd/inventory_internal.h"
#include "hostd/session.h"
#include "hostd/task.h"
#include "hostd/vm_create.h"
#include "hostd/vm_snapshot.h"

#define POWER_MS 120000

struct cloning {
    struct vm *source; /* its task is ours, so it stays */
    uint32_t snapshot;
    char *folder; /* id of the one that the clone goes into */
    char *name;
    bool power_on;
    json_t *changes; /* keys that the spec sets */
    char *made;      /* id of the clone */
};

static void cloning_free(struct cloning *c)
{
    mem_free(c->folder);
    mem_free(c->name);
    mem_free(c->made);
    json_decref(c->changes);
    mem_free(c);
}

static void fail(struct cloning *c, const void *fault, const char *text)
{
    struct vm *source = c->source;

    task_fail(source->task, fault, "%s", text);
    cloning_free(c);
    vm_op_end(source);
}

static struct vm *made(const struct cloning *c)
{
    return vm_cast(mo_find(c->source->e.inv->host->registry, c->made));
}

/* ---- the last steps ---- */

static void succeed(struct cloning *c)
{
    struct vm *source = c->source, *vm = made(c);

    if (!vm) {
        fail(c, NULL, "the clone has been removed");
        return;
    }
    task_succeed(source->task, vim_any_ref(task_arena(source->task), mo_ref(&vm->e.mo)));
    cloning_free(c);
    vm_op_end(source);
}

static void on_powered(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct cloning *c = arg;
    struct vim_GenericVmConfigFault *f;

    (void)link;
    if (reply->code == 0) {
        succeed(c);
        return;
    }
    f = VIM_NEW(task_arena(c->source->task), GenericVmConfigFault);
    if (f)
        f->reason = arena_strdup(task_arena(c->source->task), reply->text);
    fail(c, f, reply->text);
}

static void on_made_ready(struct vm *vm, int code, const char *why, void *arg)
{
    struct cloning *c = arg;
    json_t *args = json_pack("{s:s, s:s}", "action", "on", "user", task_user(c->source->task));
    int r = code;

    if (r == 0)
        r = vmlink_request(vm->link, "power", args, NULL, 0, NULL, 0, POWER_MS, on_powered, c,
                           NULL);
    json_decref(args);
    if (r < 0)
        fail(c, NULL, why ? why : strerror(-r));
}

static void post_event(const struct cloning *c, const struct vm *vm)
{
    AUTO_ARENA struct arena a = ARENA_INIT(EVENT_ARENA_MAX);
    struct vim_VmClonedEvent *e = VIM_NEW(&a, VmClonedEvent);

    if (!e || !(e->sourceVm = VIM_NEW(&a, VmEventArgument)))
        return;
    e->sourceVm->name = c->source->e.name;
    e->sourceVm->vm = mo_ref(&c->source->e.mo);
    e->fullFormattedMessage =
        arena_printf(&a, "Clone of %s completed: %s", c->source->e.name, vm->e.name);
    event_post(vm->e.inv->events, (struct vim_Event *)(void *)e, &vm->e,
               task_user(c->source->task));
}

static void on_discarded(struct host *host, int code, const char *text, void *arg)
{
    (void)host;
    (void)arg;
    if (code < 0)
        log_error("a clone that was not completed remains: %s", text ? text : strerror(-code));
}

/* A clone whose source moved meanwhile. */
static void discard(struct vm *vm)
{
    struct host *host = vm->e.inv->host;
    AUTO_FREE char *folder = mem_strdup(vm->folder);

    vm_store_forget(vm->e.inv, vm->folder);
    vm_remove(vm);
    if (!folder || vmlink_delete_folder(host, folder, on_discarded, NULL) < 0)
        log_error("a clone that was not completed remains");
}

static void on_released(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct cloning *c = arg;
    struct vm *vm = made(c);

    (void)link;
    if (reply->code < 0) {
        if (vm)
            discard(vm);
        fail(c, NULL, reply->text);
        return;
    }
    if (vm)
        post_event(c, vm);
    if (!vm || !c->power_on) {
        succeed(c);
        return;
    }
    if (vm_ready(vm, on_made_ready, c) < 0)
        fail(c, NULL, "the clone cannot be started");
}

/* The copy failed: the source goes on; why has been said. */
static void on_let_go(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct vm *source = arg;

    (void)link;
    (void)reply;
    vm_op_end(source);
}

static void let_go(struct cloning *c, const void *fault, const char *text)
{
    struct vm *source = c->source;

    task_fail(source->task, fault, "%s", text);
    cloning_free(c);
    if (vmlink_request(source->link, "disk.release", NULL, NULL, 0, NULL, 0, SNAPSHOT_MS, on_let_go,
                       source, NULL) < 0)
        vm_op_end(source);
}

static void on_made(struct host *host, struct vm *vm, const struct vim_object *fault,
                    const char *text, void *arg)
{
    struct cloning *c = arg;

    (void)host;
    if (!vm) {
        let_go(c, fault, text);
        return;
    }
    c->made = mem_strdup(vm->e.mo.id);
    if (!c->made || vmlink_request(c->source->link, "disk.release", NULL, NULL, 0, NULL, 0,
                                   SNAPSHOT_MS, on_released, c, NULL) < 0) {
        discard(vm);
        let_go(c, NULL, "the source of the clone went away");
    }
}

/* ---- what the clone will be ---- */

/* "ethernet0.generatedAddress" */
static bool is_generated_address(const char *key)
{
    static const char ending[] = ".generatedAddress";
    size_t n = strlen(key);

    return n >= sizeof(ending) && !strcasecmp(key + n - sizeof(ending) + 1, ending);
}

/* What is of one VM only. */
static bool is_own(const char *key)
{
    static const char *const keys[] = {"uuid.bios",
                                       "uuid.location",
                                       "vc.uuid",
                                       "inguest.powerState",
                                       "inguest.template",
                                       "dataSetsMgr.vmStoreFile",
                                       "dataSetsMgr.diskStoreFile"};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (!strcasecmp(keys[i], key))
            return true;
    return false;
}

/* The file as it is now: hostd's own copy lacks what vmx does not tell. */
static int read_config(const struct vm *vm, struct vmxfile **ret)
{
    AUTO_BUF struct buf b = BUF_INIT(VMXFILE_SIZE_MAX);
    AUTO_CLOSE int dir =
        fs_open_beneath(vm->e.inv->vms_dir, vm->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    int r = dir < 0 ? dir : fs_read_file(dir, vm->file, &b, NULL);

    return r < 0 ? r : vmxfile_parse(buf_text(&b), b.len, ret, NULL);
}

static int clone_keys(const struct cloning *c, const struct vmxfile *config, json_t *keys)
{
    const char *key, *value;
    char mac[VM_MAC_SIZE];
    size_t pos = 0;
    int r = 0;

    while (r == 0 && vmxfile_next(config, &pos, &key, &value))
        /* A value that is not UTF-8 cannot be kept in an object; nobody set it through the API. */
        if (!is_own(key) &&
            json_object_set_new(
                keys, key, json_string(is_generated_address(key) ? vm_generate_mac(mac) : value)) <
                0)
            log_warn("clone of %s: the value of %s is left out", c->source->e.name, key);
    if (json_object_update(keys, c->changes) < 0 ||
        json_object_set_new(keys, "displayName", json_string(c->name)) < 0)
        r = -ENOMEM;
    return r < 0 ? r : vm_spec_defaults(keys);
}

static int begin_copy(struct cloning *c, struct spec_fault *fault)
{
    struct vm *source = c->source;
    struct vm_snapshot *s = c->snapshot ? vm_snapshot_find(source, c->snapshot) : NULL;
    AUTO_FREE char *files = vm_files_name(source);
    struct vm_origin origin = {.snapshot = c->snapshot};
    struct vm_making m = {.task = source->task,
                          .parent = folder_cast(mo_find(source->e.inv->host->registry, c->folder)),
                          .name = c->name,
                          .keys = json_object(),
                          .origin = &origin,
                          .done = on_made,
                          .arg = c};
    struct vmxfile *own = NULL;
    const struct vmxfile *config = s ? vm_snapshot_config(s) : NULL;
    const char *store;
    int r = m.parent && files && m.keys ? 0 : -ENOENT;

    if (r == 0 && !s) {
        r = read_config(source, &own);
        config = own;
    }
    if (r == 0 && !config)
        r = -EIO;
    if (r == 0)
        r = clone_keys(c, config, m.keys);
    if (r == 0) {
        store = vmxfile_get(config, "dataSetsMgr.diskStoreFile");
        snprintf(origin.disk_store, sizeof(origin.disk_store), "%s", store ? store : "");
        snprintf(origin.folder, sizeof(origin.folder), "%s", source->folder);
        snprintf(origin.name, sizeof(origin.name), "%s", files);
        r = vm_make(source->e.inv, &m, fault);
    }
    vmxfile_free(own);
    json_decref(m.keys);
    return r;
}

static void on_held(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct cloning *c = arg;
    struct spec_fault fault = {0};
    int r;

    (void)link;
    if (reply->code < 0) {
        fail(c, NULL, reply->text);
        return;
    }
    r = begin_copy(c, &fault);
    if (r < 0)
        let_go(c, fault.fault, fault.text ? fault.text : strerror(-r));
}

static void on_ready(struct vm *vm, int code, const char *why, void *arg)
{
    struct cloning *c = arg;
    json_t *args = json_pack("{s:I, s:I, s:s}", "uid", (json_int_t)c->snapshot, "deadlineMs",
                             (json_int_t)SNAPSHOT_MS, "user", task_user(vm->task));
    int r = code;

    if (r == 0)
        r = vmlink_request(vm->link, "disk.hold", args, NULL, 0, NULL, 0, POWER_MS, on_held, c,
                           NULL);
    json_decref(args);
    if (r < 0)
        fail(c, NULL, why ? why : strerror(-r));
}

/* ---- CloneVM_Task ---- */

static bool location_allowed(struct call *call, const struct vim_VirtualMachineRelocateSpec *l)
{
    if (!l)
        return true;
    if (l->datastore.value &&
        (!call_check_object(call, l->datastore, vim_mo_type_find("Datastore"),
                            "spec.location.datastore") ||
         !call_check_privilege(call, l->datastore, "Datastore.AllocateSpace")))
        return false;
    if (l->service || l->deviceChange.count || l->cryptoSpec) {
        call_fault_not_supported(call);
        return false;
    }
    return vm_check_host_and_pool(call, l->pool, l->host);
}

bool vm_is_template(const struct vm *vm)
{
    return vm_config_bool(vm, "inguest.template", false);
}

static bool allowed(struct call *call, const struct vm *vm, struct vim_ref folder,
                    const struct vim_VirtualMachineCloneSpec *spec)
{
    const char *privilege = vm_is_template(vm) ? spec->template
                                                     ? "VirtualMachine.Provisioning.CloneTemplate"
                                                     : "VirtualMachine.Provisioning.DeployTemplate"
                            : spec->template   ? "VirtualMachine.Provisioning.CreateTemplateFromVM"
                                               : "VirtualMachine.Provisioning.Clone";

    return call_check_privilege(call, call->self, privilege) &&
           call_check_privilege(call, folder, "VirtualMachine.Inventory.CreateFromExisting") &&
           (!spec->powerOn ||
            call_check_privilege(call, folder, "VirtualMachine.Interact.PowerOn")) &&
           (!spec->config || vm_spec_allowed(call, spec->config)) &&
           location_allowed(call, spec->location);
}

/* The uid of the snapshot to clone, 0 = none was named; false: the call has been ended. */
static bool find_snapshot(struct call *call, const struct vm *vm, struct vim_ref ref, uint32_t *ret)
{
    const struct vm_snapshot *s;

    *ret = 0;
    if (!ref.value)
        return true;
    if (!call_check_object(call, ref, vim_mo_type_find("VirtualMachineSnapshot"), "spec.snapshot"))
        return false;
    s = vm_snapshot_cast(mo_find(call->host->registry, ref.value));
    if (!s || s->vm != vm) {
        call_fault_invalid_argument(call, "spec.snapshot");
        return false;
    }
    *ret = s->uid;
    return true;
}

static int set_up(struct cloning *c, struct vm *vm, const struct vim_CloneVM_Task_request *req,
                  struct folder *parent, struct spec_fault *fault)
{
    const struct vim_VirtualMachineConfigSpec *config = req->spec->config;
    struct vm then = *vm;
    int r = vm_check_name(vm->task, parent, req->name, fault);

    c->source = vm;
    c->power_on = req->spec->powerOn;
    c->folder = mem_strdup(parent->e.mo.id);
    c->name = r == 0 ? mem_strdup(req->name) : NULL;
    c->changes = json_object();
    if (r == 0 && (!c->folder || !c->name || !c->changes))
        r = -ENOMEM;
    then.power = VM_POWER_OFF; /* as the clone will be */
    if (r == 0 && config)
        r = vm_spec_keys(task_arena(vm->task), config, &then, c->changes, fault);
    if (r == 0 && req->spec->template)
        r = json_object_set_new(c->changes, "inguest.template", json_string("TRUE"));
    return r;
}

static void clone_vm(struct call *call)
{
    const struct vim_CloneVM_Task_request *req = call->req;
    const struct vim_VirtualMachineCloneSpec *spec = req->spec;
    struct vm *vm = vm_of(call);
    struct spec_fault fault = {0};
    struct folder *parent;
    struct cloning *c;
    uint32_t snapshot;
    int r;

    if (!vm)
        return;
    if (spec->customization || (spec->template && spec->powerOn)) {
        call_fault_invalid_argument(call,
                                    spec->customization ? "spec.customization" : "spec.powerOn");
        return;
    }
    parent = vm_folder_for(call, req->folder);
    if (!parent || !allowed(call, vm, req->folder, spec) ||
        !find_snapshot(call, vm, spec->snapshot, &snapshot) ||
        !vm_op_begin(call, vm, "CloneVM_Task", "VirtualMachine.clone"))
        return;
    c = mem_calloc(1, sizeof(*c));
    r = c ? set_up(c, vm, req, parent, &fault) : -ENOMEM;
    task_return(call, vm->task);
    if (r == 0) {
        c->snapshot = snapshot;
        r = vm_ready(vm, on_ready, c);
    }
    if (r == 0)
        return;
    task_fail(vm->task, fault.fault, "%s", fault.text ? fault.text : strerror(-r));
    if (c)
        cloning_free(c);
    vm_op_end(vm);
}

/* ---- templates ---- */

struct marking {
    struct call *call;
    struct vm *vm;
};

static void on_marked(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct marking *m = arg;
    struct call *call = m->call;

    (void)link;
    m->vm->busy = false;
    mem_free(m);
    if (reply->code < 0)
        call_fault_system(call, "%s: %s", reply->hop, reply->text);
    else
        call_return(call, NULL);
}

static void mark(struct call *call, struct vm *vm, const char *value)
{
    json_t *set = json_pack("{s:s?}", "inguest.template", value);
    struct marking *m = NULL;
    int r = set ? 0 : -ENOMEM;

    if (vm->task || vm->busy || vm->power != VM_POWER_OFF || vm_is_template(vm) == !!value) {
        json_decref(set);
        call_fault_invalid_state(call);
        return;
    }
    if (r == 0)
        m = mem_calloc(1, sizeof(*m));
    if (m) {
        *m = (struct marking){call, vm};
        vm->busy = true;
        r = vm_write_keys(vm, set, call->session->user, on_marked, m);
    }
    json_decref(set);
    if (m && r == 0)
        return;
    vm->busy = false;
    mem_free(m);
    call_fault_errno(call, r < 0 ? r : -ENOMEM, "marking a virtual machine");
}

static void mark_as_template(struct call *call)
{
    struct vm *vm = vm_of(call);

    if (vm)
        mark(call, vm, "TRUE");
}

static void mark_as_vm(struct call *call)
{
    const struct vim_MarkAsVirtualMachine_request *req = call->req;
    struct vm *vm = vm_of(call);

    if (vm && vm_check_host_and_pool(call, req->pool, req->host))
        mark(call, vm, NULL);
}

const struct call_row vm_clone_calls[] = {
    {&vim_method_CloneVM_Task, clone_vm},
    {&vim_method_MarkAsTemplate, mark_as_template},
    {&vim_method_MarkAsVirtualMachine, mark_as_vm},
    {NULL, NULL},
};
