#include "hostd/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/event.h"
#include "hostd/guest_process_wait.h"
#include "hostd/inventory_internal.h"
#include "hostd/task.h"
#include "hostd/vm_snapshot.h"

#define IDLE_MS         10000 /* vmx of a machine that is off is kept this long */
#define PENDING_MAX     64    /* callbacks that wait for one vmx */
#define GUESTINFO_MAX   1024  /* volatile keys kept */
#define GUESTINFO_BYTES 65536 /* of one value */

struct vm_pending {
    struct vm_pending *next;
    vm_ready_cb cb;
    void *arg;
};

/* ---- look-up ---- */

struct vm *vm_cast(struct mo *mo)
{
    return mo && mo->info->class == &vm_class ? (struct vm *)(void *)mo : NULL;
}

struct vm *vm_find(struct host *host, struct vim_ref ref)
{
    return ref.value ? vm_cast(mo_find(host->registry, ref.value)) : NULL;
}

struct vm *vm_of(struct call *call)
{
    struct vm *vm = vm_find(call->host, call->self);

    if (!vm)
        call_fault_object_not_found(call, call->self);
    return vm;
}

int vm_power_state(const struct vm *vm)
{
    static const int states[] = {
        [VM_POWER_OFF] = VIM_VirtualMachinePowerState_poweredOff,
        [VM_POWER_ON] = VIM_VirtualMachinePowerState_poweredOn,
        [VM_POWER_SUSPENDED] = VIM_VirtualMachinePowerState_suspended,
    };

    return states[vm->power];
}

/* ---- what changed ---- */

void vm_changed(struct vm *vm, unsigned what)
{
    static const struct {
        unsigned what;
        const char *path;
    } table[] = {
        {VM_CHANGED_POWER, "runtime"},
        {VM_CHANGED_POWER, "summary"},
        {VM_CHANGED_POWER, "guest"},
        {VM_CHANGED_POWER, "config.hardware.device"},
        {VM_CHANGED_POWER | VM_CHANGED_GUEST, "guestHeartbeatStatus"},
        {VM_CHANGED_GUEST, "guest"},
        {VM_CHANGED_GUEST, "summary.guest"},
        {VM_CHANGED_GUEST, "summary.quickStats"},
        {VM_CHANGED_GUEST, "config.tools"},
        {VM_CHANGED_CONFIG, "config"},
        {VM_CHANGED_CONFIG, "summary"},
        {VM_CHANGED_CONFIG, "runtime"},
        {VM_CHANGED_CONFIG, "guest.hwVersion"},
        {VM_CHANGED_CONFIG, "guest.net"},
        {VM_CHANGED_CONFIG, "guest.guestOperationsReady"},
        {VM_CHANGED_CONFIG, "layout"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (table[i].what & what)
            mo_changed(&vm->e.mo, table[i].path);
    }
}

void vm_set_power(struct vm *vm, enum vm_power power)
{
    if (vm->power == power)
        return;
    vm->power = power;
    if (power == VM_POWER_ON) {
        vm->boot_time = clock_wall_us();
        vm->clean_off = false;
    }
    if (power == VM_POWER_SUSPENDED)
        vm->suspend_time = clock_wall_us();
    if (power != VM_POWER_ON)
        vm->heartbeat = VIM_ManagedEntityStatus_gray;
    vm_changed(vm, VM_CHANGED_POWER);
}

static bool power_named(const char *s, enum vm_power *ret)
{
    static const char *const names[] = {"poweredOff", "poweredOn", "suspended"};

    for (size_t i = 0; s && i < ARRAY_SIZE(names); i++) {
        if (!strcmp(s, names[i])) {
            *ret = (enum vm_power)i;
            return true;
        }
    }
    return false;
}

/* The name that clients see follows displayName. */
static void update_name(struct vm *vm)
{
    const char *display = vm_config_get(vm, "displayName");
    AUTO_FREE char *name = NULL;

    if (!display || !inventory_name_valid(display))
        return;
    name = inventory_escape(display);
    if (name && (!vm->e.name || strcmp(name, vm->e.name)))
        entity_rename(&vm->e, name);
}

void vm_config_apply(struct vm *vm, const json_t *set)
{
    const char *key;
    json_t *value;

    if (!vm->config)
        return;
    json_object_foreach((json_t *)set, key, value)
    {
        const char *s = json_string_value(value);
        int r = s ? vmxfile_set(vm->config, key, s) : vmxfile_remove(vm->config, key);

        if (r < 0 && r != -ENOENT)
            log_warn("vm %s: key of the configuration not taken over (%s)", vm->e.mo.id,
                     strerror(-r));
    }
    vm->modified = clock_wall_us();
    vm->change_number++;
    update_name(vm);
    vm_changed(vm, VM_CHANGED_CONFIG);
}

/* ---- vmx says ---- */

static void take_guest(struct vm *vm, const json_t *guest)
{
    if (!json_is_object(guest))
        return;
    json_decref(vm->guest);
    vm->guest = json_incref((json_t *)guest);
    vm_changed(vm, VM_CHANGED_GUEST);
}

/* Keeps the volatile values that the guest or a client has set. */
static void take_guestinfo(struct vm *vm, const json_t *set)
{
    const char *key;
    json_t *value;

    if (!vm->guestinfo)
        vm->guestinfo = json_object();
    json_object_foreach((json_t *)set, key, value)
    {
        if (!json_is_string(value))
            json_object_del(vm->guestinfo, key);
        else if (json_object_size(vm->guestinfo) < GUESTINFO_MAX &&
                 json_string_length(value) <= GUESTINFO_BYTES)
            json_object_set(vm->guestinfo, key, value);
    }
    mo_changed(&vm->e.mo, "config.extraConfig");
}

static void on_guestinfo(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct vm *vm = arg;
    const json_t *values = reply->code == 0 ? json_object_get(reply->result, "values") : NULL;

    (void)link;
    if (!json_is_object(values))
        return;
    json_decref(vm->guestinfo);
    vm->guestinfo = NULL;
    take_guestinfo(vm, values);
}

static int heartbeat_named(const char *s)
{
    int v = s ? vim_enum_find(&vim_type_ManagedEntityStatus, s) : 0;

    return v ? v : VIM_ManagedEntityStatus_gray;
}

/* "2026-11-21T11:38:04.123Z" */
static int64_t parse_time(const char *s)
{
    struct tm tm = {0};
    const char *rest = s ? strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    double part = rest && *rest == '.' ? strtod(rest, NULL) : 0;

    return rest ? (int64_t)timegm(&tm) * 1000000 + (int64_t)(part * 1000 + 0.5) * 1000 : 0;
}

/* Since when it runs: vmx knows, however often hostd starts anew. */
static void take_boot_time(struct vm *vm, const json_t *body)
{
    int64_t boot = parse_time(json_string_value(json_object_get(body, "bootTime")));

    if (boot && vm->power == VM_POWER_ON)
        vm->boot_time = boot;
}

static void on_power_event(struct vm *vm, const json_t *body)
{
    struct event_log *log = vm->e.inv->events;
    const char *reason = json_string_value(json_object_get(body, "reason"));
    const char *text = json_string_value(json_object_get(body, "text"));
    const char *user = vm->task ? task_user(vm->task) : "";
    bool api = reason && !strcmp(reason, "api");
    enum vm_power power;

    if (!power_named(json_string_value(json_object_get(body, "power")), &power))
        return;
    if (power == VM_POWER_OFF && vm->power != VM_POWER_OFF)
        vm->clean_off = reason && !strcmp(reason, "guest");
    vm_set_power(vm, power);
    take_boot_time(vm, body);
    if (power == VM_POWER_ON)
        EVENT_VM(log, &vm->e, VmPoweredOnEvent, user, "%s is powered on", vm->e.name);
    else if (power == VM_POWER_OFF)
        EVENT_VM(log, &vm->e, VmPoweredOffEvent, user, "%s is powered off%s%.200s", vm->e.name,
                 api || !text || !text[0] ? "" : ": ", api || !text ? "" : text);
    else
        EVENT_VM(log, &vm->e, VmSuspendedEvent, user, "%s is suspended", vm->e.name);
}

static void on_event(struct vmlink *link, const char *name, const json_t *body, void *arg)
{
    struct vm *vm = arg;

    (void)link;
    if (!strcmp(name, "power")) {
        on_power_event(vm, body);
    } else if (!strcmp(name, "guest")) {
        take_guest(vm, json_object_get(body, "guest"));
    } else if (!strcmp(name, "config")) {
        vm_config_apply(vm, json_object_get(body, "set"));
    } else if (!strcmp(name, "guestinfo")) {
        take_guestinfo(vm, json_object_get(body, "set"));
    } else if (!strcmp(name, "programExit")) {
        process_wait_ended(vm->e.inv->host, vm->e.mo.id,
                           json_integer_value(json_object_get(body, "pid")));
    } else if (!strcmp(name, "heartbeat")) {
        int status = heartbeat_named(json_string_value(json_object_get(body, "status")));

        if (status != vm->heartbeat) {
            vm->heartbeat = status;
            mo_changed(&vm->e.mo, "guestHeartbeatStatus");
            mo_changed(&vm->e.mo, "summary.quickStats");
        }
    }
}

/* ---- vmx comes and goes ---- */

static void pending_run(struct vm *vm, int code, const char *why)
{
    /* A callback may ask again; that goes on a new list. */
    struct vm_pending *list = vm->pending;

    vm->pending = NULL;
    while (list) {
        struct vm_pending *p = list;

        list = p->next;
        p->cb(vm, code, why, p->arg);
        mem_free(p);
    }
}

static void on_idle(uv_timer_t *timer)
{
    struct vm *vm = timer->data;

    if (vm->power == VM_POWER_OFF && !vm->task && !vm->pending &&
        vmlink_state(vm->link) == VMLINK_UP)
        vmlink_stop(vm->link, false);
}

void vm_idle(struct vm *vm)
{
    if (vm->power == VM_POWER_OFF)
        uv_timer_start(vm->idle, on_idle, IDLE_MS, 0);
}

static void take_config(struct vm *vm, const json_t *config)
{
    struct vmxfile *f = NULL;
    const char *key;
    json_t *value;

    if (!json_is_object(config) || vmxfile_new(&f) < 0)
        return;
    json_object_foreach((json_t *)config, key, value)
    {
        if (json_is_string(value))
            vmxfile_set(f, key, json_string_value(value));
    }
    vmxfile_free(vm->config);
    vm->config = f;
    mem_free(vm->problem);
    vm->problem = NULL;
    update_name(vm);
    vm_changed(vm, VM_CHANGED_CONFIG);
}

static void on_up(struct vm *vm, const json_t *hello)
{
    enum vm_power power = VM_POWER_OFF;

    take_config(vm, json_object_get(hello, "config"));
    vm_snapshots_load(vm); /* it may have finished what its predecessor began */
    if (power_named(json_string_value(json_object_get(hello, "power")), &power))
        vm_set_power(vm, power);
    take_boot_time(vm, hello);
    gueststore_vm_up(vm);
    take_guest(vm, json_object_get(hello, "guest"));
    vm->heartbeat = heartbeat_named(
        json_string_value(json_object_get(json_object_get(hello, "guest"), "heartbeat")));
    vmlink_request(vm->link, "guestinfo.get", NULL, NULL, 0, NULL, 0, 5000, on_guestinfo, vm, NULL);
    pending_run(vm, 0, NULL);
    vm_idle(vm);
}

static void on_state(struct vmlink *link, enum vmlink_state state, const json_t *hello,
                     const char *why, void *arg)
{
    struct vm *vm = arg;

    (void)link;
    if (state == VMLINK_UP) {
        on_up(vm, hello);
        return;
    }
    gueststore_vm_down(vm);
    if (vm->guest && json_is_true(json_object_get(vm->guest, "toolsRunning"))) {
        /* Whatever the guest said, nobody hears it now. */
        json_t *guest = json_deep_copy(vm->guest);

        json_object_set_new(guest, "toolsRunning", json_false());
        take_guest(vm, guest);
        json_decref(guest);
    }
    if (state == VMLINK_STOPPED && vm->halted) {
        void (*halted)(struct vm * vm, void *arg) = vm->halted;

        vm->halted = NULL;
        halted(vm, vm->halted_arg); /* the VM may be gone now */
        return;
    }
    if (why && vm->pending)
        pending_run(vm, -EIO, why);
    if (why && vm->power == VM_POWER_OFF && !vm->pending && state == VMLINK_STARTING)
        vmlink_stop(link, true); /* nobody needs it: no further attempts */
}

static const struct vmlink_ops link_ops = {.state = on_state, .event = on_event};

int vm_ready(struct vm *vm, vm_ready_cb cb, void *arg)
{
    struct vm_pending *p, **at = &vm->pending;
    size_t n = 0;

    if (vmlink_state(vm->link) == VMLINK_UP) {
        cb(vm, 0, NULL, arg);
        return 0;
    }
    for (; *at; at = &(*at)->next)
        n++;
    if (n >= PENDING_MAX)
        return -EBUSY;
    p = mem_calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->cb = cb;
    p->arg = arg;
    *at = p;
    vmlink_start(vm->link);
    return 0;
}

void vm_halt(struct vm *vm, void (*cb)(struct vm *vm, void *arg), void *arg)
{
    if (vmlink_state(vm->link) == VMLINK_STOPPED) {
        cb(vm, arg);
        return;
    }
    vm->halted = cb;
    vm->halted_arg = arg;
    vmlink_stop(vm->link, true);
}

/* ---- life ---- */

static void timer_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

static void vm_free(struct vm *vm)
{
    vmlink_free(vm->link);
    if (vm->idle)
        uv_close((uv_handle_t *)vm->idle, timer_closed);
    vmxfile_free(vm->config);
    json_decref(vm->guest);
    json_decref(vm->guestinfo);
    mem_free(vm->gueststore.grant);
    mem_free(vm->gueststore.deny);
    mem_free(vm->folder);
    mem_free(vm->file);
    mem_free(vm->problem);
    mem_free(vm);
}

/* Was a vmx of this VM left running when hostd went? */
static bool may_be_running(const struct vm *vm)
{
    AUTO_FREE char *path =
        mem_printf("%s/vm/%s/ctl", vm->e.inv->host->options.run_dir, vm->e.mo.id);
    struct stat st;

    return path && stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

int vm_add(struct inventory *inv, const char *id, const char *folder, const char *file,
           struct folder *parent, struct vm **ret)
{
    struct vm *vm;
    int r = -ENOMEM;

    if (inv->vm_count >= INVENTORY_VMS_MAX)
        return -ENOSPC;
    vm = mem_calloc(1, sizeof(*vm));
    if (!vm)
        return -ENOMEM;
    vm->e.inv = inv;
    vm->folder = mem_strdup(folder);
    vm->file = mem_strdup(file);
    vm->idle = mem_calloc(1, sizeof(*vm->idle));
    vm->heartbeat = VIM_ManagedEntityStatus_gray;
    vm->modified = clock_wall_us();
    if (vm->idle) {
        uv_timer_init(inv->host->loop, vm->idle);
        uv_unref((uv_handle_t *)vm->idle);
        vm->idle->data = vm;
    }
    if (vm->folder && vm->file && vm->idle)
        r = vmlink_new(inv->host, id, folder, file, &link_ops, vm, &vm->link);
    if (r == 0)
        r = entity_add(inv, &vm->e, &vm_class, id, folder, &parent->e.mo);
    if (r < 0) {
        vm_free(vm);
        return r;
    }
    vm_load_config(vm);
    vm_snapshots_load(vm);
    gueststore_vm_known(vm);
    update_name(vm);
    r = folder_insert(parent, &vm->e.mo);
    if (r < 0) {
        vm_snapshots_free(vm);
        entity_remove(&vm->e);
        vm_free(vm);
        return r;
    }
    vm->next = inv->vms;
    vm->link_in_list = &inv->vms;
    if (vm->next)
        vm->next->link_in_list = &vm->next;
    inv->vms = vm;
    inv->vm_count++;
    mo_changed(&inv->host_system.mo, "vm");
    mo_changed(&inv->pool.mo, "vm");
    mo_changed(&inv->datastore.mo, "vm");
    mo_changed(&inv->network.mo, "vm");
    if (may_be_running(vm))
        vmlink_start(vm->link);
    *ret = vm;
    return 0;
}

void vm_remove(struct vm *vm)
{
    struct inventory *inv = vm->e.inv;
    struct folder *parent = folder_cast(vm->e.mo.parent);

    pending_run(vm, -ENOENT, "the virtual machine was removed");
    gueststore_vm_gone(vm);
    if (parent)
        folder_remove(parent, &vm->e.mo);
    *vm->link_in_list = vm->next;
    if (vm->next)
        vm->next->link_in_list = vm->link_in_list;
    inv->vm_count--;
    vm_snapshots_free(vm);
    entity_remove(&vm->e);
    vm_free(vm);
    mo_changed(&inv->host_system.mo, "vm");
    mo_changed(&inv->pool.mo, "vm");
    mo_changed(&inv->datastore.mo, "vm");
    mo_changed(&inv->network.mo, "vm");
}

/* ---- properties ---- */

static const struct vm *shown(struct mo *mo)
{
    return (const struct vm *)(void *)mo;
}

static int get_config(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    if (!shown(mo)->config)
        return 0;
    return mo_value(vim_any_object(r->arena, vm_config_info(shown(mo), r->arena)), ret);
}

static int get_guest(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_guest_info(shown(mo), r->arena)), ret);
}

static int get_runtime(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_runtime_info(shown(mo), r->arena)), ret);
}

static int get_summary(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_summary(shown(mo), r->arena)), ret);
}

static int get_layout(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_layout(shown(mo), r->arena)), ret);
}

static int get_layout_ex(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_layout_ex(shown(mo), r->arena)), ret);
}

static int get_storage(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_storage(shown(mo), r->arena)), ret);
}

static int get_heartbeat(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(VIM_ANY_ENUM(r->arena, ManagedEntityStatus, shown(mo)->heartbeat), ret);
}

static int get_capability(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_VirtualMachineCapability *c = VIM_NEW(r->arena, VirtualMachineCapability);

    (void)mo; /* every capability that is not offered is false */
    if (c) {
        c->snapshotOperationsSupported = c->multipleSnapshotsSupported = true;
        c->snapshotConfigSupported = c->poweredOffSnapshotsSupported = true;
        c->revertToSnapshotSupported = true;
    }
    return mo_value(vim_any_object(r->arena, c), ret);
}

static int get_resource_config(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_ResourceConfigSpec *c = VIM_NEW(r->arena, ResourceConfigSpec);

    if (!c)
        return -ENOMEM;
    c->entity = mo_ref(mo);
    c->cpuAllocation = resource_allocation(r->arena, false, 1000);
    c->memoryAllocation = resource_allocation(r->arena, false, 10240);
    if (!c->cpuAllocation || !c->memoryAllocation)
        return -ENOMEM;
    return mo_value(vim_any_object(r->arena, c), ret);
}

static const struct mo_property vm_properties[] = {
    {"capability", get_capability},
    {"config", get_config},
    {"layout", get_layout},
    {"layoutEx", get_layout_ex},
    {"storage", get_storage},
    {"environmentBrowser", inventory_get_environment},
    {"resourcePool", inventory_get_pool},
    {"resourceConfig", get_resource_config},
    {"runtime", get_runtime},
    {"guest", get_guest},
    {"summary", get_summary},
    {"datastore", inventory_get_datastores},
    {"network", inventory_get_networks},
    {"guestHeartbeatStatus", get_heartbeat},
    {"snapshot", vm_get_snapshot},
    {"rootSnapshot", vm_get_root_snapshot},
    {NULL, NULL},
};

const struct mo_class vm_class = {
    .type = "VirtualMachine", .base = &entity_class, .properties = vm_properties};
