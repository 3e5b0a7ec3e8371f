#include "vmx/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "vmx/ctl.h"
#include "vmx/datasets.h"
#include "vmx/gueststore.h"
#include "vmx/quiesce.h"
#include "vmx/relay.h"
#include "vmx/rpci.h"
#include "vmx/snapshot.h"
#include "vmx/stream.h"
#include "vmx/tclo.h"
#include "vmx/tools.h"
#include "vmx/transfer.h"

#define CONFIG_SUFFIX   ".vmx"
#define DEFAULT_MACHINE "sandbox"

int vm_peer_is_root(struct vm *vm, int fd)
{
    struct ucred peer;

    return !sock_peer(fd, &peer) && vm->machine_ops->peer_is_root(vm->machine, peer.uid);
}

/* --- power ---------------------------------------------------------------------------------- */

static void power_changed(enum power_state state, enum power_reason reason, const char *text,
                          void *arg)
{
    struct vm *vm = arg;
    struct error err = {0};

    log_info("power: %s (%s)%s%s", power_name(vm->power), power_reason_name(reason),
             text && *text ? ": " : "", text ? text : "");
    vm->last_power = POWER_OFF; /* it counts no more */
    if (vmconfig_set(&vm->config, VMCONFIG_POWER_STATE, power_name(vm->power), &err))
        log_error("power: the state could not be kept: %s", error_text(&err));
    /* The guest has its users now. */
    if (state == POWER_ON && vmconfig_forget_secrets(&vm->config, &err))
        log_error("config: %s", error_text(&err));
    vm->boot_us = state == POWER_ON ? clock_wall_us() : 0;
    if (vm->ctl)
        ctl_power(vm->ctl, power_name(vm->power), reason, text);
    if (state == POWER_OFF && vm->stopping && vm->ended)
        vm->ended(vm->ended_arg);
}

static void starting(void *arg)
{
    struct vm *vm = arg;

    tools_machine_starts(vm->tools, false);
}

static void resuming(void *arg)
{
    struct vm *vm = arg;

    /* Agents come back with fresh channels, and are told of the resume. */
    tclo_drop_all(vm->tclo);
    gueststore_drop(vm->gueststore);
    tools_machine_starts(vm->tools, true);
}

static void gone(void *arg)
{
    struct vm *vm = arg;

    tclo_drop_all(vm->tclo);
    rpci_drop_all(vm->rpci);
    streams_drop_strangers(vm->streams);
    gueststore_drop(vm->gueststore);
    guestvars_clear(&vm->vars);
    tools_machine_gone(vm->tools);
}

static const struct power_ops power_ops = {power_changed, starting, resuming, gone};

static void machine_done(struct machine *m, const struct error *err, void *arg)
{
    struct vm *vm = arg;

    (void)m;
    power_done(vm->power, err);
}

static void machine_stopped(struct machine *m, enum machine_stop_reason reason, const char *text,
                            void *arg)
{
    struct vm *vm = arg;

    (void)m;
    power_stopped(vm->power, reason, text);
}

/* Whoever needs the VM starts another vmx, with a machine that works. */
static void machine_lost(struct machine *m, const char *why, void *arg)
{
    struct vm *vm = arg;

    (void)m;
    log_error("machine: %s: vmx ends", why);
    if (vm->ended)
        vm->ended(vm->ended_arg);
}

static const struct machine_events machine_events = {machine_done, machine_stopped, machine_lost};

static const char *machine_config(const char *key, void *arg)
{
    struct vm *vm = arg;

    return vmconfig_get(&vm->config, key);
}

static int open_machine(struct vm *vm, const struct vm_options *o, struct error *err)
{
    const char *name = vmconfig_get(&vm->config, "inguest.machine");
    struct machine_config config = {.loop = vm->loop,
                                    .folder_fd = vm->folder_fd,
                                    .name = vm->name,
                                    .launcher_fd = o->launcher_fd,
                                    .uid_base = o->uid_base,
                                    .config_get = machine_config,
                                    .config_arg = vm,
                                    .events = &machine_events,
                                    .arg = vm};

    vm->machine_ops = o->machine ? o->machine : machine_find(name ? name : DEFAULT_MACHINE);
    if (!vm->machine_ops)
        return error_set(err, -EINVAL, "inguest.machine = \"%s\": there is no such machine", name);
    return vm->machine_ops->open(&config, &vm->machine, err);
}

/* --- opening and closing -------------------------------------------------------------------- */

static int set_name(struct vm *vm, const char *config, struct error *err)
{
    size_t len = strlen(config), suffix = strlen(CONFIG_SUFFIX);

    if (len <= suffix || strcmp(config + len - suffix, CONFIG_SUFFIX) != 0)
        return error_set(err, -EINVAL, "the configuration \"%s\" is not called NAME.vmx", config);
    if (len - suffix > VM_NAME_MAX)
        return error_set(err, -ENAMETOOLONG, "the VM's name is longer than %u bytes", VM_NAME_MAX);
    memcpy(vm->name, config, len - suffix);
    return 0;
}

static void read_last_power(struct vm *vm)
{
    const char *last = vmconfig_get(&vm->config, VMCONFIG_POWER_STATE);

    vm->last_power = !last                        ? POWER_OFF
                     : !strcmp(last, "poweredOn") ? POWER_ON
                     : !strcmp(last, "suspended") ? POWER_SUSPENDED
                                                  : POWER_OFF;
    /* A machine lives no longer than its vmx. */
    if (vm->last_power != POWER_OFF)
        log_warn("power: the VM was %s when the last vmx ended", last);
}

static int make_parts(struct vm *vm, struct error *err)
{
    int r = guest_state_init(&vm->guest);

    if (!r)
        r = power_new(vm->loop, &power_ops, vm, &vm->power);
    if (!r)
        r = relay_new(vm, &vm->relay);
    if (!r)
        r = tools_new(vm, &vm->tools);
    if (!r)
        r = quiesce_new(vm, &vm->quiesce);
    if (!r)
        r = transfers_new(vm, &vm->transfers);
    return r ? error_errno(err, r, "cannot set up the VM") : 0;
}

static int open_sockets(struct vm *vm, const struct vm_options *o, struct error *err)
{
    AUTO_FREE char *link = mem_printf("%s/link", o->run);
    AUTO_FREE char *rpci = mem_printf("%s/link/976", o->run);
    AUTO_FREE char *tclo = mem_printf("%s/link/975", o->run);
    AUTO_FREE char *streams = mem_printf("%s/link/974", o->run);
    AUTO_FREE char *content = mem_printf("%s/link/" GUESTSTORE_LINK_SERVICE, o->run);
    AUTO_FREE char *ctl = mem_printf("%s/ctl", o->run);
    int r;

    if (!link || !rpci || !tclo || !streams || !content || !ctl)
        return error_set(err, -ENOMEM, "no memory for the sockets");
    r = fs_mkdirs(link, 0755, err);
    /* The guest's users are "others" to us, and the folder is all that they see. */
    if (!r && chmod(link, 0755) < 0)
        r = error_errno(err, -errno, "cannot open %s to the guest", link);
    if (!r)
        r = rpci_new(vm, rpci, &vm->rpci, err);
    if (!r)
        r = gueststore_new(vm, content, &vm->gueststore, err);
    if (!r)
        r = tclo_new(vm, tclo, &tools_tclo_ops, vm->tools, &vm->tclo, err);
    if (!r)
        r = streams_new(vm, streams, &vm->streams, err);
    if (!r)
        r = ctl_new(vm, ctl, o->peer_uid, &vm->ctl, err);
    return r;
}

int vm_open(const struct vm_options *o, struct vm **ret, struct error *err)
{
    struct vm *vm = mem_calloc(1, sizeof(*vm));
    int r;

    if (!vm)
        return error_set(err, -ENOMEM, "no memory for the VM");
    vm->loop = o->loop;
    vm->ended = o->ended;
    vm->ended_arg = o->ended_arg;
    vm->log.fd = -1;
    vm->folder_fd = open(o->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (vm->folder_fd < 0)
        r = error_errno(err, -errno, "cannot open the VM's folder %s", o->folder);
    else
        r = set_name(vm, o->config, err);
    if (!r)
        r = vmconfig_open(&vm->config, vm->folder_fd, o->config, err);
    if (!r)
        r = make_parts(vm, err);
    if (!r)
        r = datasets_new(vm, o->folder, &vm->datasets, err);
    if (!r)
        r = open_sockets(vm, o, err);
    if (!r && o->confine)
        r = o->confine(o->confine_arg, err);
    if (!r)
        r = vmlog_open(&vm->log, vm->folder_fd, err);
    if (!r)
        r = snapshots_new(vm, &vm->snapshots, err);
    if (!r)
        r = open_machine(vm, o, err);
    if (r) {
        vm_close(vm);
        return r;
    }
    power_set_machine(vm->power, vm->machine_ops, vm->machine);
    log_info("vmx %s for VM \"%s\", process %d", INGUEST_VERSION, vm->name, (int)getpid());
    read_last_power(vm);
    tools_machine_gone(vm->tools);
    snapshots_start(vm->snapshots);
    *ret = vm;
    return 0;
}

void vm_stop(struct vm *vm)
{
    struct error err = {0};

    if (vm->stopping)
        return;
    vm->stopping = 1;
    log_info("vmx is asked to end");
    if (power_get(vm->power) == POWER_OFF) {
        if (vm->ended)
            vm->ended(vm->ended_arg);
        return;
    }
    /* When another operation is under way the machine goes with vm_close. */
    if (power_request(vm->power, POWER_DO_OFF, POWER_BY_API, NULL, NULL, &err) && vm->ended)
        vm->ended(vm->ended_arg);
}

void vm_close(struct vm *vm)
{
    /* First whatever is under way ends, so that nobody is called back later. */
    datasets_free(TAKE_PTR(vm->datasets));
    if (vm->transfers)
        transfers_abort_all(vm->transfers);
    if (vm->streams)
        streams_abort_all(vm->streams);
    quiesce_free(TAKE_PTR(vm->quiesce));
    tclo_free(vm->tclo);
    transfers_free(vm->transfers);
    vm->transfers = NULL;
    if (vm->power)
        power_abandon(vm->power);
    if (vm->snapshots)
        snapshots_abandon(vm->snapshots);
    ctl_free(vm->ctl);
    vm->ctl = NULL;
    rpci_free(vm->rpci);
    streams_free(vm->streams);
    gueststore_free(vm->gueststore);
    if (vm->machine)
        vm->machine_ops->close(vm->machine);
    snapshots_free(vm->snapshots);
    power_free(vm->power);
    if (vm->tools)
        tools_free(vm->tools);
    relay_free(vm->relay);
    guest_state_free(&vm->guest);
    guestvars_clear(&vm->vars);
    if (vm->log.fd >= 0)
        log_info("vmx ends");
    vmlog_close(&vm->log);
    if (vm->config.text)
        vmconfig_close(&vm->config);
    if (vm->folder_fd >= 0)
        close(vm->folder_fd);
    mem_free(vm);
}
