#include "vmx/tools.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "vmx/ctl.h"
#include "vmx/gueststore.h"
#include "vmx/quiesce.h"
#include "vmx/relay.h"
#include "wire/vix_proplist.h"

#define AGENT        "toolbox"
#define OPTION_MAX   128
#define RETRY_MS     5000u
#define PROPLIST_MAX (VIX_PROPLIST_MAX)

struct tools {
    struct vm *vm;
    uv_timer_t heartbeat, scripts, retry, power_timer;
    int handles;
    bool up, ready, alive_ever;
    bool offers;            /* the agent has told that it takes guest operations */
    bool asking, ask_again; /* for the tools state */
    uint64_t alive_ms;
    size_t step;
    enum tools_statechange boot; /* still to be told to the agent; 0 = nothing */
    bool statechange;
    bool streams;
    char reason[ERROR_TEXT_MAX]; /* "HOP: why guest operations are not possible" */
    /* One power request to the agent. */
    enum tools_statechange asked; /* 0 = none */
    tools_power_cb *power_cb;
    void *power_arg;
};

#define GUESTSTORE_OPTION "enableGuestStoreAccess"

/* Options sent after each reset; the value may come from the configuration. The last one's does
 * not: it is whether there is content for the guest. */
static const struct option {
    const char *name, *key, *fallback;
} options[] = {
    {"synctime", "tools.syncTime", "0"},
    {"time.synchronize.tools.startup.backward", "time.synchronize.tools.startup.backward", "0"},
    {"toolScripts.afterPowerOn", "toolScripts.afterPowerOn", "1"},
    {"toolScripts.afterResume", "toolScripts.afterResume", "1"},
    {"toolScripts.beforeSuspend", "toolScripts.beforeSuspend", "1"},
    {"toolScripts.beforePowerOff", "toolScripts.beforePowerOff", "1"},
    {"broadcastIP", NULL, "1"},
    {GUESTSTORE_OPTION, NULL, NULL},
};

static const struct change {
    const char *command, *words, *state;
} changes[] = {
    [TOOLS_HALT] = {"OS_Halt", "shutdown", "shuttingDown"},
    [TOOLS_REBOOT] = {"OS_Reboot", "reboot", "resetting"},
    [TOOLS_POWER_ON] = {"OS_PowerOn", "power-on scripts", "running"},
    [TOOLS_RESUME] = {"OS_Resume", "resume scripts", "running"},
    [TOOLS_SUSPEND] = {"OS_Suspend", "standby", "standby"},
};

static void next_step(struct tools *t);
static void heartbeat_due(uv_timer_t *timer);
static void ask_state(struct tools *t);

static void tell_unready(struct tools *t, const char *why)
{
    t->ready = false;
    snprintf(t->reason, sizeof(t->reason), "%s", why);
    guest_state_set_bool(&t->vm->guest, "guestOps", false);
    guest_state_set_string(&t->vm->guest, "guestOpsReason", why);
    tools_changed(t);
}

static void set_unready(struct tools *t, const char *why)
{
    t->offers = false;
    guest_state_remove(&t->vm->guest, "guestOpsDisabled");
    tell_unready(t, why);
}

void tools_config_changed(struct tools *t)
{
    if (!t->offers)
        return;
    if (!vmconfig_get_bool(&t->vm->config, "guest.commands.enabled", true)) {
        tell_unready(t, "vmx: guest operations are disabled by guest.commands.enabled of the VM");
        return;
    }
    t->ready = true;
    guest_state_set_bool(&t->vm->guest, "guestOps", true);
    guest_state_remove(&t->vm->guest, "guestOpsReason");
    tools_changed(t);
}

const char *tools_unready(const struct tools *t)
{
    const char *colon = strstr(t->reason, ": ");

    return t->ready ? NULL : colon ? colon + 2 : t->reason;
}

void tools_changed(struct tools *t)
{
    if (t->vm->ctl && t->vm->guest.changed)
        ctl_guest_changed(t->vm->ctl);
}

static void set_heartbeat(struct tools *t, const char *status)
{
    const char *old = guest_state_get(&t->vm->guest, "heartbeat");

    if (old && !strcmp(old, status))
        return;
    guest_state_set_string(&t->vm->guest, "heartbeat", status);
    if (t->vm->ctl)
        ctl_heartbeat(t->vm->ctl, status);
    tools_changed(t);
}

static void set_running(struct tools *t, bool running)
{
    struct guest_state *g = &t->vm->guest;

    guest_state_set_bool(g, "toolsRunning", running);
    guest_state_set_string(g, "powerState", running ? "running" : "notRunning");
    tools_changed(t);
}

static void heartbeat_due(uv_timer_t *timer)
{
    struct tools *t = timer->data;
    uint64_t silent = clock_ms() - t->alive_ms;

    if (silent < TOOLS_YELLOW_MS) {
        uv_timer_start(timer, heartbeat_due, TOOLS_YELLOW_MS - silent, 0);
    } else if (silent < TOOLS_RED_MS) {
        set_heartbeat(t, "yellow");
        uv_timer_start(timer, heartbeat_due, TOOLS_RED_MS - silent, 0);
    } else {
        set_heartbeat(t, "red");
        set_running(t, false);
    }
}

static void alive(const char *name, void *arg)
{
    struct tools *t = arg;

    if (strcmp(name, AGENT))
        return;
    t->alive_ms = clock_ms();
    if (!uv_is_active((uv_handle_t *)&t->heartbeat) || !t->alive_ever) {
        t->alive_ever = true;
        uv_timer_start(&t->heartbeat, heartbeat_due, TOOLS_YELLOW_MS, 0);
    }
    set_heartbeat(t, "green");
    if (t->up && !guest_state_get_bool(&t->vm->guest, "toolsRunning"))
        set_running(t, true);
}

/* --- what is said after a reset ------------------------------------------------------------- */

static void step_answered(int result, const uint8_t *payload, size_t len, void *arg)
{
    struct tools *t = arg;

    (void)payload, (void)len;
    /* A refusal is harmless: the agent does not know that option. */
    if (t->up && result != -EPIPE && result != -ECANCELED)
        next_step(t);
}

static int say(struct tools *t, const char *text, tclo_cb *cb)
{
    struct iovec part = {(void *)text, strlen(text)};

    return tclo_request(t->vm->tclo, AGENT, TCLO_CONTROL, &part, 1, 0, cb, t, NULL);
}

static void scripts_over(uv_timer_t *timer)
{
    struct tools *t = timer->data;

    uv_timer_stop(timer);
    guest_state_remove(&t->vm->guest, "toolsExecutingScripts");
    tools_changed(t);
}

static int say_boot(struct tools *t)
{
    enum tools_statechange boot = t->boot;

    t->boot = 0;
    guest_state_set_bool(&t->vm->guest, "toolsExecutingScripts", true);
    uv_timer_start(&t->scripts, scripts_over, TOOLS_SCRIPT_MS, 0);
    tools_changed(t);
    return say(t, changes[boot].command, step_answered);
}

static int say_option(struct tools *t, const struct option *o)
{
    const char *value = o->key        ? vmconfig_get(&t->vm->config, o->key)
                        : o->fallback ? NULL
                        : gueststore_access(t->vm->gueststore) ? "1"
                                                               : "0";
    char text[OPTION_MAX];

    if (value && (!strcasecmp(value, "TRUE") || !strcmp(value, "1")))
        value = "1";
    else if (value)
        value = "0";
    snprintf(text, sizeof(text), "Set_Option %s %s", o->name, value ? value : o->fallback);
    return say(t, text, step_answered);
}

static void next_step(struct tools *t)
{
    size_t step = t->step++;
    int r = 0;

    if (step == 0) {
        r = say(t, "Capabilities_Register", step_answered);
    } else if (step <= ARRAY_SIZE(options)) {
        if (step == 1)
            ask_state(t);
        r = say_option(t, &options[step - 1]);
    } else if (t->boot && t->statechange) {
        r = say_boot(t);
    }
    if (r)
        log_warn("tools: cannot talk to the agent: %s", strerror(-r));
}

static void retry_due(uv_timer_t *timer)
{
    struct tools *t = timer->data;

    if (t->up)
        ask_state(t);
}

/* The flags of an agent that tells of every call whether it is switched off (VIX guest command
 * protocol, "Tools state"). The Go toolbox, which has no login calls, means the opposite by them.
 */
static bool all_switched_off(const struct buf *list)
{
    struct cursor c = CURSOR_INIT(list->data, list->len);
    struct vix_property prop;
    bool logins = false;

    while (vix_proplist_next(&c, &prop) == 1) {
        if (prop.id < VIX_PROP_API_FIRST || prop.id > VIX_PROP_API_LAST)
            continue;
        if (!prop.number)
            return false;
        logins = logins || prop.id == VIX_PROP_API_VALIDATE_CREDENTIALS;
    }
    return logins;
}

static void state_answered(const struct relay_result *result, void *arg)
{
    struct tools *t = arg;
    AUTO_BUF struct buf list = BUF_INIT(PROPLIST_MAX);
    struct vix_property prop;
    int r = result->err;

    t->asking = false;
    if (!t->up || r == -EPIPE || r == -ECANCELED)
        return;
    if (t->ask_again) {
        ask_state(t);
        return;
    }
    if (!r)
        r = vix_proplist_from_text(&list, (const char *)result->data, result->len);
    if (!r)
        r = vix_proplist_get(list.data, list.len, VIX_PROP_API_START_PROGRAM, &prop);
    if (r) {
        set_unready(t, r == -ENOENT ? "agent: it does not offer guest operations"
                                    : "agent: it does not tell what it offers");
        log_warn("tools: %s", t->reason);
        if (r != -ENOENT)
            uv_timer_start(&t->retry, retry_due, RETRY_MS, 0);
        return;
    }
    t->offers = true;
    guest_state_set_bool(&t->vm->guest, "guestOpsDisabled", all_switched_off(&list));
    log_info("tools: the agent takes guest operations%s",
             guest_state_get_bool(&t->vm->guest, "guestOpsDisabled") ? ", and refuses them all"
                                                                     : "");
    tools_config_changed(t);
}

static void ask_state(struct tools *t)
{
    struct error err = {0};

    t->ask_again = t->asking;
    if (t->asking)
        return;
    t->asking = true;
    if (relay_tools_state(t->vm->relay, TOOLS_STATE_MS, state_answered, t, &err)) {
        t->asking = false;
        log_warn("tools: %s", error_text(&err));
    }
}

void tools_state_changed(struct tools *t)
{
    if (t->offers)
        ask_state(t);
}

static void up(const char *name, void *arg)
{
    struct tools *t = arg;

    if (strcmp(name, AGENT))
        return;
    t->up = true;
    t->step = 0;
    t->statechange = false;
    t->streams = false;
    guest_state_set_string(&t->vm->guest, "appName", name);
    set_running(t, true);
    set_unready(t, "agent: it has just started");
    alive(name, t);
    next_step(t);
}

/* --- power by way of the agent -------------------------------------------------------------- */

static void power_over(struct tools *t, const struct error *err)
{
    tools_power_cb *cb = t->power_cb;

    uv_timer_stop(&t->power_timer);
    if (!err && t->asked) {
        guest_state_set_string(&t->vm->guest, "powerState", changes[t->asked].state);
        tools_changed(t);
    }
    t->asked = 0;
    t->power_cb = NULL;
    if (cb)
        cb(err, t->power_arg);
}

static void power_failed(struct tools *t, int code, const char *why)
{
    struct error err = {0};

    error_set(&err, code, "%s: %s", changes[t->asked].words, why);
    power_over(t, &err);
}

static void power_late(uv_timer_t *timer)
{
    power_failed(timer->data, -ETIMEDOUT, "the agent did not answer in time");
}

static void power_answered(int result, const uint8_t *payload, size_t len, void *arg)
{
    struct tools *t = arg;
    char text[128];

    if (!t->asked)
        return;
    if (result == 0)
        power_over(t, NULL);
    else if (result == -EPIPE && t->asked != TOOLS_SUSPEND)
        power_over(t, NULL); /* it is on its way down */
    else if (result == -EREMOTEIO) {
        snprintf(text, sizeof(text), "the agent refused (%.*s)", (int)(len > 64 ? 64 : len),
                 (const char *)payload);
        power_failed(t, -EREMOTEIO, text);
    } else {
        power_failed(t, result, "the agent did not answer");
    }
}

int tools_power(struct tools *t, enum tools_statechange what, tools_power_cb *cb, void *arg,
                struct error *err)
{
    int r;

    if (!t->up)
        return error_set(err, -ENOTCONN, "the agent in the guest is not running");
    if (!t->statechange)
        return error_set(err, -EOPNOTSUPP, "the agent does not offer power operations");
    if (t->asked)
        return error_set(err, -EBUSY, "the agent is busy with a %s already",
                         changes[t->asked].words);
    t->asked = what;
    t->power_cb = cb;
    t->power_arg = arg;
    uv_timer_start(&t->power_timer, power_late, TOOLS_POWER_MS, 0);
    r = say(t, changes[what].command, power_answered);
    if (!r)
        return 0;
    t->asked = 0;
    t->power_cb = NULL;
    uv_timer_stop(&t->power_timer);
    return error_errno(err, r, "the agent cannot be reached");
}

void tools_on_statechange_status(struct tools *t, bool ok, int id)
{
    log_info("tools: state change %d returned status %d", id, ok);
    if (id == TOOLS_POWER_ON || id == TOOLS_RESUME) {
        scripts_over(&t->scripts);
        return;
    }
    if (t->asked == (enum tools_statechange)id) {
        if (ok)
            power_over(t, NULL);
        else
            power_failed(t, -EREMOTEIO, "a script in the guest failed");
    }
    if (ok) {
        guest_state_set_string(&t->vm->guest, "powerState", changes[id].state);
        tools_changed(t);
    }
    /* The guest is ready to be suspended: that is what standby means to it. */
    if (ok && id == TOOLS_SUSPEND)
        power_request(t->vm->power, POWER_DO_SUSPEND, POWER_BY_GUEST, NULL, NULL, NULL);
}

/* --- the channel and the machine ------------------------------------------------------------ */

static void down(const char *name, void *arg)
{
    struct tools *t = arg;

    if (strcmp(name, AGENT))
        return;
    t->up = false;
    t->statechange = false;
    t->streams = false;
    uv_timer_stop(&t->retry);
    guest_state_remove(&t->vm->guest, "toolsExecutingScripts");
    guest_state_remove(&t->vm->guest, "capabilities");
    guest_state_set_bool(&t->vm->guest, "toolsRunning", false);
    set_unready(t, "agent: no agent is running in the guest");
    if (t->vm->quiesce)
        quiesce_guest_gone(t->vm->quiesce);
}

const struct tclo_ops tools_tclo_ops = {up, down, alive};

void tools_machine_starts(struct tools *t, bool resumed)
{
    t->boot = resumed ? TOOLS_RESUME : TOOLS_POWER_ON;
    t->alive_ever = false;
    set_heartbeat(t, "gray");
    set_unready(t, "agent: no agent is running in the guest");
}

void tools_machine_gone(struct tools *t)
{
    uv_timer_stop(&t->heartbeat);
    uv_timer_stop(&t->scripts);
    t->boot = 0;
    if (t->asked)
        power_over(t, NULL);
    guest_state_powered_off(&t->vm->guest);
    guest_state_remove(&t->vm->guest, "toolsExecutingScripts");
    guest_state_set_bool(&t->vm->guest, "toolsRunning", false);
    guest_state_set_string(&t->vm->guest, "powerState", "notRunning");
    set_heartbeat(t, "gray");
    set_unready(t, "machine: the VM is powered off");
    quiesce_guest_gone(t->vm->quiesce);
}

void tools_on_statechange_capability(struct tools *t, bool on)
{
    t->statechange = on;
    guest_state_set_statechange(&t->vm->guest, on);
    tools_changed(t);
}

void tools_on_streams_capability(struct tools *t, bool on)
{
    t->streams = on;
}

bool tools_streams(const struct tools *t)
{
    return t->streams;
}

void tools_on_version(struct tools *t, uint32_t version, int type)
{
    static const char *const types[] = {"guestToolsTypeUnknown", "guestToolsTypeMSI",
                                        "guestToolsTypeTar", "guestToolsTypeOSP",
                                        "guestToolsTypeOpenVMTools"};
    struct guest_state *g = &t->vm->guest;
    char text[16];

    snprintf(text, sizeof(text), "%u", version);
    guest_state_set_string(g, "toolsVersion", text);
    if (type >= 0) {
        guest_state_set_int(g, "toolsVersionType", type);
        guest_state_set_string(g, "toolsInstallType",
                               types[type < (int)ARRAY_SIZE(types) ? type : 0]);
    }
    tools_changed(t);
}

static void ignored(int result, const uint8_t *payload, size_t len, void *arg)
{
    (void)result, (void)payload, (void)len, (void)arg;
}

void tools_on_nics(struct tools *t)
{
    /* The agent names its address only when asked; a new list may mean a new one. */
    if (t->up && t->step > ARRAY_SIZE(options))
        say(t, "Set_Option broadcastIP 1", ignored);
}

void tools_gueststore(struct tools *t, bool access)
{
    if (t->up && t->step > ARRAY_SIZE(options))
        say(t, access ? "Set_Option " GUESTSTORE_OPTION " 1" : "Set_Option " GUESTSTORE_OPTION " 0",
            ignored);
}

int tools_new(struct vm *vm, struct tools **ret)
{
    struct tools *t = mem_calloc(1, sizeof(*t));
    uv_timer_t *timers[4];

    if (!t)
        return -ENOMEM;
    timers[0] = &t->heartbeat;
    timers[1] = &t->scripts;
    timers[2] = &t->retry;
    timers[3] = &t->power_timer;
    t->vm = vm;
    for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
        uv_timer_init(vm->loop, timers[i]);
        timers[i]->data = t;
    }
    snprintf(t->reason, sizeof(t->reason), "machine: the VM is powered off");
    *ret = t;
    return 0;
}

static void handle_gone(uv_handle_t *h)
{
    struct tools *t = h->data;

    if (--t->handles == 0)
        mem_free(t);
}

void tools_free(struct tools *t)
{
    uv_timer_t *timers[] = {&t->heartbeat, &t->scripts, &t->retry, &t->power_timer};

    t->handles = ARRAY_SIZE(timers);
    for (size_t i = 0; i < ARRAY_SIZE(timers); i++)
        uv_close((uv_handle_t *)timers[i], handle_gone);
}
