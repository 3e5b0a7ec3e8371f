#include "guest/quiesce.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "guest/scripts.h"
#include "wire/vmbackup.h"

#define REQUEST_MAX 8192u

enum state { IDLE, FREEZING, SYNCING, FROZEN, THAWING };

struct quiesce {
    struct quiesce_config config;
    enum state state;
    uv_timer_t keep_alive, limit, script_limit;
    unsigned open_timers;
    uv_process_t *child;
    struct sync *sync; /* under way */
    char *scripts[QUIESCE_SCRIPTS_MAX];
    unsigned count, begun; /* scripts; how many of them were told to come to rest */
    unsigned next;         /* THAWING: those before it are to be told */
    char *script_arg;
    const char *word;          /* `thaw` or `freezeFail` */
    enum vmbackup_event event; /* at the end, before VMBACKUP_OVER; VMBACKUP_OVER: none */
    enum vmbackup_code code;
    const char *text;
    unsigned untold; /* events that the host has not answered */
    unsigned stale;  /* the first so many of them are of an earlier operation */
    bool muted;      /* the host does not listen */
};

struct sync {
    uv_work_t work;
    struct quiesce *owner; /* NULL: nobody waits */
};

static void give_up(struct quiesce *q, enum vmbackup_event event, enum vmbackup_code code,
                    const char *text);

/* ---- events ---- */

static void not_heard(struct quiesce *q)
{
    if (q->state == IDLE || q->muted)
        return;
    log_warn("quiesce: the host does not take an event");
    q->muted = true;
    give_up(q, VMBACKUP_ABORTED, VMBACKUP_REMOTE_ABORT, "");
}

/* Answers come in the order of the events. */
static void on_told(struct toolbox *tb, int status, const uint8_t *data, size_t len, void *arg)
{
    struct quiesce *q = arg;

    (void)tb;
    (void)data;
    (void)len;
    q->untold--;
    if (q->stale > 0)
        q->stale--;
    else if (status <= 0 && status != -ECANCELED)
        not_heard(q);
}

static void on_keep_alive(uv_timer_t *timer);

static void tell(struct quiesce *q, enum vmbackup_event event, enum vmbackup_code code,
                 const char *text)
{
    AUTO_BUF struct buf b = BUF_INIT(REQUEST_MAX);

    if (q->muted)
        return;
    if (vmbackup_event_encode(&b, event, code, text) ||
        toolbox_rpci(q->config.tb, b.data, b.len, on_told, q) < 0) {
        not_heard(q);
        return;
    }
    q->untold++;
    if (event != VMBACKUP_OVER)
        uv_timer_start(&q->keep_alive, on_keep_alive, VMBACKUP_KEEP_ALIVE_MS, 0);
}

static void on_keep_alive(uv_timer_t *timer)
{
    tell(timer->data, VMBACKUP_KEEP_ALIVE, VMBACKUP_OK, "");
}

/* ---- scripts ---- */

static void scripts_clear(struct quiesce *q)
{
    for (unsigned i = 0; i < q->count; i++)
        mem_free(q->scripts[i]);
    q->count = q->begun = q->next = 0;
    mem_free(q->script_arg);
    q->script_arg = NULL;
}

static int scripts_find(struct quiesce *q)
{
    const char *slash = strrchr(q->config.conf_path, '/');
    AUTO_FREE char *dir =
        mem_printf("%.*s" QUIESCE_SCRIPT_DIR, slash ? (int)(slash + 1 - q->config.conf_path) : 0,
                   q->config.conf_path);
    int n = dir ? scripts_list(dir, q->scripts, QUIESCE_SCRIPTS_MAX) : -ENOMEM;

    if (n > 0)
        q->count = (unsigned)n;
    return n < 0 ? n : 0;
}

static void on_child_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

static void on_script_limit(uv_timer_t *timer)
{
    struct quiesce *q = timer->data;

    log_warn("quiesce: a script has not ended after %d s and is killed", QUIESCE_SCRIPT_MS / 1000);
    if (q->child)
        kill(-q->child->pid, SIGKILL);
}

static int run(struct quiesce *q, const char *script, const char *word, uv_exit_cb done)
{
    const char *argv[] = {script, word, q->script_arg && *q->script_arg ? q->script_arg : NULL,
                          NULL};
    uv_process_t *child = mem_calloc(1, sizeof(*child));
    uv_process_options_t o = {
        .exit_cb = done,
        .file = script,
        .args = (char **)argv,
        .cwd = "/",
        .flags = UV_PROCESS_DETACHED, /* a group of its own, so that the limit ends all of it */
    };
    int r = child ? uv_spawn(q->config.loop, child, &o) : -ENOMEM;

    log_info("quiesce: %s %s%s%s", script, word, r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
    if (!child)
        return r;
    child->data = q;
    if (r < 0) {
        uv_close((uv_handle_t *)child, on_child_closed);
        return r;
    }
    q->child = child;
    uv_timer_start(&q->script_limit, on_script_limit, QUIESCE_SCRIPT_MS, 0);
    return 0;
}

/* False: nobody waits for it any more. */
static bool script_over(uv_process_t *child, int64_t status, int signal)
{
    struct quiesce *q = child->data;

    uv_close((uv_handle_t *)child, on_child_closed);
    if (!q)
        return false;
    q->child = NULL;
    uv_timer_stop(&q->script_limit);
    if (status || signal)
        log_warn("quiesce: the script's exit code is %lld, signal %d", (long long)status, signal);
    return true;
}

/* ---- going on ---- */

static void finish(struct quiesce *q)
{
    log_info("quiesce: over");
    uv_timer_stop(&q->limit);
    scripts_clear(q);
    q->state = IDLE;
    if (q->event != VMBACKUP_OVER)
        tell(q, q->event, q->code, q->text);
    uv_timer_stop(&q->keep_alive);
    tell(q, VMBACKUP_OVER, VMBACKUP_OK, "");
}

static void thaw_next(struct quiesce *q);

static void on_thaw_exit(uv_process_t *child, int64_t status, int signal)
{
    struct quiesce *q = child->data;

    if (script_over(child, status, signal))
        thaw_next(q);
}

/* Every script is told, whatever the others say. */
static void thaw_next(struct quiesce *q)
{
    while (q->next > 0)
        if (run(q, q->scripts[--q->next], q->word, on_thaw_exit) == 0)
            return;
    finish(q);
}

static void go_on(struct quiesce *q, const char *word)
{
    enum state was = q->state;

    q->state = THAWING;
    q->word = word;
    q->next = q->begun;
    if (q->sync) {
        q->sync->owner = NULL;
        q->sync = NULL;
    }
    if (was == FROZEN)
        q->config.frozen(q->config.arg, false);
    /* The script that runs is the last one that was told: when it has ended it is told this. */
    if (q->child)
        kill(-q->child->pid, SIGKILL);
    else
        thaw_next(q);
}

static void give_up(struct quiesce *q, enum vmbackup_event event, enum vmbackup_code code,
                    const char *text)
{
    if (q->state == IDLE || q->state == THAWING)
        return;
    log_warn("quiesce: given up%s%s", *text ? ": " : "", text);
    q->event = event;
    q->code = code;
    q->text = text;
    go_on(q, "freezeFail");
}

static void on_limit(uv_timer_t *timer)
{
    give_up(timer->data, VMBACKUP_ABORTED, VMBACKUP_REMOTE_ABORT, "Quiesce canceled.");
}

/* ---- coming to rest ---- */

static void sync_work(uv_work_t *work)
{
    (void)work;
    sync();
}

static void sync_done(uv_work_t *work, int status)
{
    struct sync *s = work->data;
    struct quiesce *q = s->owner;

    (void)status;
    mem_free(s);
    if (!q)
        return;
    q->sync = NULL;
    q->state = FROZEN;
    log_info("quiesce: at rest");
    q->config.frozen(q->config.arg, true);
    tell(q, VMBACKUP_COMMIT, VMBACKUP_OK, "");
}

static void freeze_next(struct quiesce *q);

static void on_freeze_exit(uv_process_t *child, int64_t status, int signal)
{
    struct quiesce *q = child->data;

    if (!script_over(child, status, signal))
        return;
    if (q->state != FREEZING)
        thaw_next(q); /* it was given up meanwhile */
    else if (status || signal)
        give_up(q, VMBACKUP_ERROR, VMBACKUP_SCRIPT_ERROR, "Custom quiesce script failed.");
    else
        freeze_next(q);
}

static void freeze_next(struct quiesce *q)
{
    struct sync *s;

    if (q->begun < q->count) {
        unsigned i = q->begun++;

        if (run(q, q->scripts[i], "freeze", on_freeze_exit) < 0)
            give_up(q, VMBACKUP_ERROR, VMBACKUP_SCRIPT_ERROR,
                    "Error when starting custom quiesce scripts.");
        return;
    }
    s = mem_calloc(1, sizeof(*s));
    if (s) {
        s->work.data = s;
        s->owner = q;
    }
    if (!s || uv_queue_work(q->config.loop, &s->work, sync_work, sync_done)) {
        mem_free(s);
        give_up(q, VMBACKUP_ERROR, VMBACKUP_SYNC_ERROR, "Error when enabling the sync provider.");
        return;
    }
    q->state = SYNCING;
    q->sync = s;
}

/* ---- the host's requests ---- */

static void refuse(struct toolbox_request *req, const char *text)
{
    toolbox_reply(req, false, text, strlen(text));
}

static void begin(struct quiesce *q, struct toolbox_request *req, bool scripts, const char *arg,
                  uint32_t timeout_s)
{
    const struct conf *conf = q->config.conf;
    long seconds = timeout_s ? (long)timeout_s
                             : conf_number(conf, "vmbackup", "timeout", VMBACKUP_LIMIT_MS / 1000, 1,
                                           VMBACKUP_LIMIT_MAX_S);

    q->script_arg = arg ? mem_strdup(arg) : NULL;
    if ((arg && !q->script_arg) || (scripts && scripts_find(q) < 0)) {
        scripts_clear(q);
        refuse(req, "Error initializing quiesce operation.");
        return;
    }
    q->state = FREEZING;
    q->muted = false;
    q->stale = q->untold;
    q->event = VMBACKUP_OVER;
    uv_timer_start(&q->limit, on_limit, (uint64_t)seconds * 1000, 0);
    tell(q, VMBACKUP_RESET, VMBACKUP_OK, "");
    toolbox_reply(req, true, NULL, 0);
    if (q->state == FREEZING)
        freeze_next(q);
}

static bool is_free(const struct quiesce *q, struct toolbox_request *req)
{
    if (q->state != IDLE)
        refuse(req, "Quiesce operation already in progress.");
    return q->state == IDLE;
}

static void on_start(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args,
                     size_t len, void *arg)
{
    struct quiesce *q = arg;
    const struct conf *conf = q->config.conf;

    (void)tb;
    (void)args; /* whether there should be a manifest, and which volumes: all, and none */
    (void)len;
    if (is_free(q, req))
        begin(q, req, conf_bool(conf, "vmbackup", "execScripts", true),
              conf_get(conf, "vmbackup", "scriptArg"), 0);
}

static void on_start_with(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args,
                          size_t len, void *arg)
{
    AUTO_ARENA struct arena a = ARENA_INIT(REQUEST_MAX);
    struct quiesce *q = arg;
    struct vmbackup_options o;
    int r;

    (void)tb;
    if (!is_free(q, req))
        return;
    r = vmbackup_options_decode(args, len, &a, &o);
    if (r == -EPROTONOSUPPORT)
        refuse(req, "Incompatible quiesce parameter version");
    else if (r < 0)
        refuse(req, "XDR deserialization failed.");
    else if (o.quiesce_fs || o.quiesce_apps || o.timeout_s > VMBACKUP_LIMIT_MAX_S)
        refuse(req, "Error initializing quiesce operation.");
    else
        begin(q, req, o.exec_scripts, o.script_arg, o.timeout_s);
}

static void on_snapshot_done(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args,
                             size_t len, void *arg)
{
    struct quiesce *q = arg;

    (void)tb;
    (void)args;
    (void)len;
    if (q->state == IDLE) {
        refuse(req, "Error: no quiesce operation in progress");
    } else if (q->state != FROZEN) {
        refuse(req, "Error: unexpected state for quiesce done message.");
    } else {
        toolbox_reply(req, true, NULL, 0);
        go_on(q, "thaw");
    }
}

static void on_abort(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args,
                     size_t len, void *arg)
{
    struct quiesce *q = arg;

    (void)tb;
    (void)args;
    (void)len;
    if (q->state == IDLE) {
        refuse(req, "Error: no quiesce operation in progress");
        return;
    }
    toolbox_reply(req, true, NULL, 0);
    give_up(q, VMBACKUP_ABORTED, VMBACKUP_REMOTE_ABORT, "Quiesce canceled.");
}

/* ---- life ---- */

void quiesce_host_gone(struct quiesce *q)
{
    q->muted = true;
    give_up(q, VMBACKUP_ABORTED, VMBACKUP_REMOTE_ABORT, "the host is gone");
}

void quiesce_set_conf(struct quiesce *q, const struct conf *conf)
{
    q->config.conf = conf;
}

static int register_all(struct quiesce *q)
{
    static const struct {
        const char *name;
        toolbox_tclo_fn fn;
    } rows[] = {{VMBACKUP_START, on_start},
                {VMBACKUP_START_WITH, on_start_with},
                {VMBACKUP_DONE, on_snapshot_done},
                {VMBACKUP_ABORT, on_abort}};
    int r = 0;

    for (size_t i = 0; !r && i < ARRAY_SIZE(rows); i++)
        r = toolbox_on_tclo(q->config.tb, rows[i].name, rows[i].fn, q);
    return r;
}

int quiesce_new(const struct quiesce_config *config, struct quiesce **ret)
{
    struct quiesce *q = mem_calloc(1, sizeof(*q));
    int r;

    if (!q)
        return -ENOMEM;
    q->config = *config;
    r = register_all(q);
    if (r < 0) {
        mem_free(q);
        return r;
    }
    uv_timer_t *const timers[] = {&q->keep_alive, &q->limit, &q->script_limit};
    for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
        uv_timer_init(config->loop, timers[i]);
        timers[i]->data = q;
        q->open_timers++;
    }
    *ret = q;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct quiesce *q = handle->data;

    if (--q->open_timers == 0)
        mem_free(q);
}

void quiesce_free(struct quiesce *q)
{
    if (!q)
        return;
    if (q->sync)
        q->sync->owner = NULL;
    if (q->child) {
        /* A script goes on by itself; only our interest in it ends. */
        q->child->data = NULL;
        uv_unref((uv_handle_t *)q->child);
        uv_close((uv_handle_t *)q->child, on_child_closed);
    }
    scripts_clear(q);
    uv_close((uv_handle_t *)&q->keep_alive, on_timer_closed);
    uv_close((uv_handle_t *)&q->limit, on_timer_closed);
    uv_close((uv_handle_t *)&q->script_limit, on_timer_closed);
}
