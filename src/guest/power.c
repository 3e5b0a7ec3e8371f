#include "guest/power.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "guest/scripts.h"

#define SANDBOX_MARK "/run/inguest/link"

static const struct event_row {
    enum toolbox_power_event event;
    const char *command, *conf_key, *script, *option;
} rows[] = {
    {TOOLBOX_POWER_HALT, "OS_Halt", "poweroff-script", "poweroff-vm-default",
     "toolScripts.beforePowerOff"},
    {TOOLBOX_POWER_REBOOT, "OS_Reboot", "poweroff-script", "poweroff-vm-default",
     "toolScripts.beforePowerOff"},
    {TOOLBOX_POWER_ON, "OS_PowerOn", "poweron-script", "poweron-vm-default",
     "toolScripts.afterPowerOn"},
    {TOOLBOX_POWER_RESUME, "OS_Resume", "resume-script", "resume-vm-default",
     "toolScripts.afterResume"},
    {TOOLBOX_POWER_SUSPEND, "OS_Suspend", "suspend-script", "suspend-vm-default",
     "toolScripts.beforeSuspend"},
};

struct power {
    struct toolbox *tb;
    uv_loop_t *loop;
    const struct conf *conf;
    uv_timer_t timer; /* of the script, or of the action */
    uv_process_t *child;
    bool enabled[ARRAY_SIZE(rows)];
    const struct event_row *row; /* under way */
    char *scripts[POWER_SCRIPTS_MAX];
    unsigned nscripts, next;
    bool reboot;
    unsigned step; /* of the action */
    char script_path[PATH_MAX];
};

static const struct event_row *row_of(enum toolbox_power_event event)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].event == event)
            return &rows[i];
    }
    return NULL;
}

static void scripts_clear(struct power *p)
{
    for (unsigned i = 0; i < p->nscripts; i++)
        mem_free(p->scripts[i]);
    p->nscripts = p->next = 0;
}

/* The script configured or present for an event, for the tools state; NULL = none. The text lives
 * until the next call. */
static const char *power_script(struct power *p, enum toolbox_power_event event)
{
    const struct event_row *row = row_of(event);
    const char *set = row ? conf_get(p->conf, "powerops", row->conf_key) : NULL;
    int n;
    if (!row)
        return NULL;
    if (set && !*set)
        return NULL; /* set to nothing: no script */
    if (set)
        n = snprintf(p->script_path, sizeof(p->script_path), "%s%s",
                     *set == '/' ? "" : POWER_CONF_DIR "/", set);
    else
        n = snprintf(p->script_path, sizeof(p->script_path), POWER_CONF_DIR "/%s", row->script);
    if (n < 0 || (size_t)n >= sizeof(p->script_path))
        return NULL;
    return set || access(p->script_path, X_OK) == 0 ? p->script_path : NULL;
}

static int scripts_find(struct power *p)
{
    const char *one = power_script(p, p->row->event);
    scripts_clear(p);
    if (one) {
        p->scripts[0] = mem_strdup(one);
        p->nscripts = p->scripts[0] ? 1 : 0;
        return p->scripts[0] ? 0 : -ENOMEM;
    }
    if (conf_get(p->conf, "powerops", p->row->conf_key))
        return 0;
    char dir[PATH_MAX];
    snprintf(dir, sizeof(dir), POWER_CONF_DIR "/scripts/%s.d", p->row->script);
    int n = scripts_list(dir, p->scripts, POWER_SCRIPTS_MAX);
    if (n > 0)
        p->nscripts = (unsigned)n;
    return n < 0 ? n : 0;
}

static void on_child_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

static int spawn(struct power *p, const char *const argv[], uv_exit_cb done)
{
    uv_process_t *child = mem_calloc(1, sizeof(*child));
    if (!child)
        return -ENOMEM;
    uv_process_options_t o = {
        .exit_cb = done,
        .file = argv[0],
        .args = (char **)argv,
        .cwd = "/",
        .flags = UV_PROCESS_DETACHED, /* a group of its own, so that a timeout ends all of it */
    };
    int r = uv_spawn(p->loop, child, &o);
    child->data = p;
    if (r < 0) {
        uv_close((uv_handle_t *)child, on_child_closed);
        return r;
    }
    p->child = child;
    return 0;
}

static void on_told(struct toolbox *tb, enum toolbox_power_event event, bool success, void *arg);

static void finish(struct power *p, bool success)
{
    scripts_clear(p);
    uv_timer_stop(&p->timer);
    log_info("state change %s: %s", p->row->command, success ? "done" : "failed");
    int r = toolbox_power_report(p->tb, success, on_told, p);
    if (r < 0) {
        log_error("state change %s: cannot tell the host: %s", p->row->command, strerror(-r));
        on_told(p->tb, p->row->event, success, p);
    }
}

static void run_next(struct power *p);

static void on_script_exit(uv_process_t *child, int64_t status, int signal)
{
    struct power *p = child->data;
    uv_close((uv_handle_t *)child, on_child_closed);
    if (!p)
        return;
    p->child = NULL;
    bool ok = status == 0 && signal == 0;
    log_info("script %s: exit code %lld, signal %d", p->scripts[p->next], (long long)status,
             signal);
    toolbox_rpci_text(p->tb, NULL, NULL, "log Script exit code: %lld, success = %d",
                      (long long)(signal ? 128 + signal : status), ok);
    p->next++;
    if (!ok)
        finish(p, false);
    else
        run_next(p);
}

static void on_script_timeout(uv_timer_t *timer)
{
    struct power *p = timer->data;
    log_warn("script %s: no end after %d s, killed", p->scripts[p->next], POWER_SCRIPT_MS / 1000);
    if (p->child)
        kill(-p->child->pid, SIGKILL);
}

static void run_next(struct power *p)
{
    if (p->next == p->nscripts) {
        finish(p, true);
        return;
    }
    const char *argv[] = {p->scripts[p->next], NULL};
    int r = spawn(p, argv, on_script_exit);
    if (r < 0) {
        log_error("script %s: %s", argv[0], strerror(-r));
        finish(p, false);
        return;
    }
    uv_timer_start(&p->timer, on_script_timeout, POWER_SCRIPT_MS, 0);
}

static int on_event(struct toolbox *tb, enum toolbox_power_event event, void *arg)
{
    struct power *p = arg;
    p->row = row_of(event);
    if (!p->row)
        return -EINVAL;
    scripts_clear(p);
    if (p->enabled[p->row - rows]) {
        int r = scripts_find(p);
        if (r < 0)
            return r;
    }
    if (p->nscripts > 0)
        toolbox_rpci_text(tb, NULL, NULL, "log Executing script for state change '%s'.",
                          p->row->command);
    run_next(p);
    return 0;
}

/* ---- turning off ---- */

/* A shutdown(8) that only talks to an init which is not there does nothing, or hangs. */
static bool shutdown_works(void)
{
    char target[PATH_MAX];
    if (access("/run/systemd/system", F_OK) == 0)
        return access("/sbin/shutdown", X_OK) == 0;
    if (!realpath("/sbin/shutdown", target))
        return false;
    const char *base = strrchr(target, '/');
    return base && strcmp(base, "/systemctl") != 0 && access(target, X_OK) == 0;
}

static void act(struct power *p);

static void on_action_exit(uv_process_t *child, int64_t status, int signal)
{
    struct power *p = child->data;
    uv_close((uv_handle_t *)child, on_child_closed);
    if (!p)
        return;
    p->child = NULL;
    if (status == 0 && signal == 0)
        return; /* under way; the timer stays */
    log_warn("shutdown: exit code %lld, signal %d", (long long)status, signal);
    act(p);
}

static void on_action_timeout(uv_timer_t *timer)
{
    struct power *p = timer->data;
    log_warn("the guest is still running; trying the next way");
    act(p);
}

static int shutdown_with(struct power *p, const char *program)
{
    const char *argv[] = {program, p->reboot ? "-r" : "-h", "now", NULL};
    return spawn(p, argv, on_action_exit);
}

/* The next way of turning off, until one works. */
static void act(struct power *p)
{
    const char *set = conf_get(p->conf, "powerops", "shutdown-command");
    uv_timer_start(&p->timer, on_action_timeout, POWER_ACTION_MS, 0);
    for (;;) {
        switch (p->step++) {
        case 0:
            if (set && shutdown_with(p, set) == 0)
                return;
            break;
        case 1:
            if (!set && access(SANDBOX_MARK, F_OK) == 0 && getpid() != 1 &&
                kill(1, p->reboot ? SIGINT : SIGTERM) == 0)
                return;
            break;
        case 2:
            if (!set && shutdown_works() && shutdown_with(p, "/sbin/shutdown") == 0)
                return;
            break;
        case 3:
            if (set)
                break; /* the administrator said how; going round that is not ours to decide */
            sync();
            if (reboot(p->reboot ? RB_AUTOBOOT : RB_POWER_OFF) == 0)
                return;
            log_error("cannot turn the guest off: %s", strerror(errno));
            break;
        default:
            uv_timer_stop(&p->timer);
            return;
        }
    }
}

static void on_told(struct toolbox *tb, enum toolbox_power_event event, bool success, void *arg)
{
    struct power *p = arg;
    if (!success || (event != TOOLBOX_POWER_HALT && event != TOOLBOX_POWER_REBOOT))
        return;
    p->reboot = event == TOOLBOX_POWER_REBOOT;
    p->step = 0;
    log_info("initiating %s", p->reboot ? "reboot" : "halt");
    toolbox_rpci_text(tb, NULL, NULL, "log Initiating %s.", p->reboot ? "reboot" : "halt");
    act(p);
}

int power_option(struct power *p, const char *name, const char *value)
{
    int r = -ENOENT;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (strcmp(name, rows[i].option) != 0)
            continue;
        if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
            return -EINVAL;
        p->enabled[i] = *value == '1';
        r = 0;
    }
    return r;
}

void power_set_conf(struct power *p, const struct conf *conf)
{
    p->conf = conf;
}

int power_new(uv_loop_t *loop, struct toolbox *tb, const struct conf *conf, struct power **ret)
{
    struct power *p = mem_calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->loop = loop;
    p->tb = tb;
    p->conf = conf;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        p->enabled[i] = true;
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    toolbox_set_power_hook(tb, on_event, p);
    *ret = p;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void power_free(struct power *p)
{
    if (!p)
        return;
    if (p->child) {
        /* A script goes on by itself; only our interest in it ends. */
        p->child->data = NULL;
        uv_unref((uv_handle_t *)p->child);
        uv_close((uv_handle_t *)p->child, on_child_closed);
        p->child = NULL;
    }
    scripts_clear(p);
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}
