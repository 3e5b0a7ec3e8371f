#include "hostd/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <uv.h>

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

/* ---- what vmx says ---- */

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

/* ---- it comes and goes ---- */

void vm_ready_run(struct vm *vm, int code, const char *why)
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
    vm_update_name(vm);
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
    vm_ready_run(vm, 0, NULL);
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
        vm_ready_run(vm, -EIO, why);
    if (why && vm->power == VM_POWER_OFF && !vm->pending && state == VMLINK_STARTING)
        vmlink_stop(link, true); /* nobody needs it: no further attempts */
}

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

static const struct vmlink_ops link_ops = {.state = on_state, .event = on_event};

static void timer_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

int vm_vmx_new(struct vm *vm, const char *id)
{
    struct host *host = vm->e.inv->host;

    vm->idle = mem_calloc(1, sizeof(*vm->idle));
    if (!vm->idle)
        return -ENOMEM;
    uv_timer_init(host->loop, vm->idle);
    uv_unref((uv_handle_t *)vm->idle);
    vm->idle->data = vm;
    return vmlink_new(host, id, vm->folder, vm->file, &link_ops, vm, &vm->link);
}

void vm_vmx_free(struct vm *vm)
{
    vmlink_free(vm->link);
    if (vm->idle)
        uv_close((uv_handle_t *)vm->idle, timer_closed);
}

void vm_vmx_adopt(struct vm *vm)
{
    AUTO_FREE char *path =
        mem_printf("%s/vm/%s/ctl", vm->e.inv->host->options.run_dir, vm->e.mo.id);
    struct stat st;

    if (path && stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        vmlink_start(vm->link);
}
