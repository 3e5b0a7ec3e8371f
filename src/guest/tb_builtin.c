/*
 * TCLO commands that every agent has: reset, ping, Capabilities_Register, Set_Option and the OS_*
 * power commands. (Guest RPC protocol, "Form and handshake", "Capabilities", "Set_Option", "Power
 * state changes".)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "guest/toolbox_impl.h"
#include "wire/rpc.h"

static void reply_text(struct toolbox_request *req, bool ok, const char *text)
{
    toolbox_reply(req, ok, text, strlen(text));
}

static void cmd_reset(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args,
                      size_t len, void *arg)
{
    (void)args;
    (void)len;
    (void)arg;
    char answer[APP_NAME_MAX + 8];
    tb->tclo.failures = 0;
    toolbox_rpci_text(tb, NULL, NULL, "vmx.capability.unified_loop %s", tb->app_name);
    snprintf(answer, sizeof(answer), "ATR %s", tb->app_name);
    if (toolbox_reply(req, true, answer, strlen(answer)) == 0)
        state_set(tb, TOOLBOX_READY);
}

static void cmd_ping(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args,
                     size_t len, void *arg)
{
    (void)tb;
    (void)args;
    (void)len;
    (void)arg;
    reply_text(req, true, "");
}

/* ---- capabilities ---- */

static void capabilities_done(struct toolbox *tb, int status, const uint8_t *data, size_t len,
                              void *arg)
{
    (void)tb;
    (void)status; /* the host asked; that it does not like an answer changes nothing here */
    (void)data;
    (void)len;
    reply_text(arg, true, "");
}

static void version_done(struct toolbox *tb, int status, const uint8_t *data, size_t len, void *arg)
{
    if (status == 0 &&
        toolbox_rpci_text(tb, capabilities_done, arg, "tools.set.version %u", tb->version) == 0)
        return;
    capabilities_done(tb, status, data, len, arg);
}

/* The answer leaves when the host has taken the last line, so that it knows all when it has it. */
static void cmd_capabilities(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args,
                             size_t len, void *arg)
{
    (void)args;
    (void)len;
    (void)arg;
    int r = 0;
    if (tb->power_fn) {
        static const char *const power[] = {"tools.capability.statechange ",
                                            "tools.capability.softpowerop_retry "};
        for (unsigned i = 0; i < ARRAY_SIZE(power) && r == 0; i++)
            r = toolbox_rpci(tb, power[i], strlen(power[i]), NULL, NULL);
    }
    for (unsigned i = 0; i < tb->ncapabilities && r == 0; i++)
        r = toolbox_rpci_text(tb, NULL, NULL, "%s", tb->capabilities[i]);
    if (r == 0)
        r = toolbox_rpci_text(tb, version_done, req, "tools.set.versiontype %u %u", tb->version,
                              tb->version_type);
    if (r < 0)
        reply_text(req, false, "Out of memory.");
}

int toolbox_add_capability(struct toolbox *tb, const char *line)
{
    if (tb->ncapabilities == CAPABILITIES_MAX)
        return -ENOSPC;
    char *copy = mem_strdup(line);
    if (!copy)
        return -ENOMEM;
    tb->capabilities[tb->ncapabilities++] = copy;
    return 0;
}

void toolbox_set_version(struct toolbox *tb, uint32_t version, unsigned type)
{
    tb->version = version;
    tb->version_type = type;
}

/* ---- options ---- */

static void cmd_set_option(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args,
                           size_t len, void *arg)
{
    (void)arg;
    AUTO_FREE char *text = mem_strndup((const char *)args, len);
    if (!text) {
        reply_text(req, false, "Out of memory.");
        return;
    }
    char *name = text;
    while (*name == ' ')
        name++;
    char *value = strchr(name, ' ');
    if (value) {
        *value++ = '\0';
        while (*value == ' ')
            value++;
    }
    if (!*name || !value || !*value ||
        (tb->option_fn && tb->option_fn(tb, name, value, tb->option_arg) < 0))
        reply_text(req, false, "Unknown or invalid option");
    else
        reply_text(req, true, "");
}

void toolbox_set_option_hook(struct toolbox *tb, toolbox_option_fn fn, void *arg)
{
    tb->option_fn = fn;
    tb->option_arg = arg;
}

/* ---- power ---- */

static const struct power_command {
    const char *name;
    enum toolbox_power_event event;
    bool forced_after_failure;
} power_commands[] = {
    {"OS_Halt", TOOLBOX_POWER_HALT, true},        {"OS_Reboot", TOOLBOX_POWER_REBOOT, true},
    {"OS_PowerOn", TOOLBOX_POWER_ON, false},      {"OS_Resume", TOOLBOX_POWER_RESUME, false},
    {"OS_Suspend", TOOLBOX_POWER_SUSPEND, false},
};

static void cmd_power(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args,
                      size_t len, void *arg)
{
    (void)args;
    (void)len;
    const struct power_command *c = arg;
    if (!tb->power_fn) {
        reply_text(req, false, RPC_TCLO_UNKNOWN);
        return;
    }
    if (tb->power_open) {
        reply_text(req, false, "State change already in progress");
        return;
    }
    tb->power_open = c->event;
    if (tb->power_fn(tb, c->event, tb->power_arg) < 0) {
        tb->power_open = 0;
        reply_text(req, false, "Error starting script");
        return;
    }
    reply_text(req, true, "");
}

void toolbox_set_power_hook(struct toolbox *tb, toolbox_power_fn fn, void *arg)
{
    tb->power_fn = fn;
    tb->power_arg = arg;
}

static void power_told(struct toolbox *tb, int status, const uint8_t *data, size_t len, void *arg)
{
    (void)status; /* a host that cannot be told must not keep a guest from halting */
    (void)data;
    (void)len;
    (void)arg;
    enum toolbox_power_event event = (enum toolbox_power_event)tb->power_open;
    toolbox_power_done_fn fn = tb->power_done_fn;
    tb->power_open = 0;
    tb->power_done_fn = NULL;
    if (fn)
        fn(tb, event, tb->power_report_ok, tb->power_done_arg);
}

int toolbox_power_report(struct toolbox *tb, bool success, toolbox_power_done_fn fn, void *arg)
{
    if (!tb->power_open || tb->power_done_fn)
        return -EINVAL;
    const struct power_command *c = NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(power_commands); i++) {
        if ((int)power_commands[i].event == tb->power_open)
            c = &power_commands[i];
    }
    int failed = 0;
    if (!success && c && c->forced_after_failure) {
        if (tb->power_failed == tb->power_open)
            success = true;
        else
            failed = tb->power_open;
    }
    int r = toolbox_rpci_text(tb, power_told, NULL, "tools.os.statechange.status %d %d", success,
                              tb->power_open);
    if (r < 0)
        return r;
    tb->power_failed = failed;
    tb->power_report_ok = success;
    tb->power_done_fn = fn;
    tb->power_done_arg = arg;
    return 0;
}

int builtin_register(struct toolbox *tb)
{
    static const struct {
        const char *name;
        toolbox_tclo_fn fn;
    } commands[] = {
        {"reset", cmd_reset},
        {"ping", cmd_ping},
        {"Set_Option", cmd_set_option},
        {"Capabilities_Register", cmd_capabilities},
        {"Vix_1_Relayed_Command", vix_command},
    };
    int r = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(commands) && r == 0; i++)
        r = toolbox_on_tclo(tb, commands[i].name, commands[i].fn, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(power_commands) && r == 0; i++)
        r = toolbox_on_tclo(tb, power_commands[i].name, cmd_power, (void *)&power_commands[i]);
    return r;
}
