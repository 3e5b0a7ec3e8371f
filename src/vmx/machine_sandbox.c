#include "vmx/machine_sandbox.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/cursor.h"
#include "base/mem.h"
#include "vmx/launcher.h"

#define PROCESSES_DEFAULT  2048u
#define PROCESSES_MAX      65536u
#define MEMORY_MAX_MIB     (1u << 20)
#define HOST_NAME_MAX_SIZE 63u
#define TEXT_MAX           511u
/* The launcher gives up a start after 10 s; this is for a launcher that hangs. */
#define OPERATION_MS 20000u

struct machine {
    struct machine_config config;
    struct channel *channel;
    uv_timer_t timer;
    uint64_t next_id;
    uint64_t pending;        /* id of the request under way, 0 = none */
    enum launcher_type what; /* of the request under way */
    struct error failed;     /* code not 0: what `later` shall report */
    uv_timer_t later;        /* reports `failed` from the loop */
    uv_timer_t disk_later;   /* reports that the disk could not be asked for */
    uint64_t disk_pending;   /* id of the request for the disk, 0 = none */
    machine_disk_cb disk_cb;
    void *disk_arg;
    int on;
    int closing;
    unsigned open_handles;
};

static void report_done(struct machine *m, const struct error *err)
{
    m->pending = 0;
    uv_timer_stop(&m->timer);
    m->config.events->done(m, err, m->config.arg);
}

static void report_stopped(struct machine *m, enum machine_stop_reason reason, const char *text)
{
    if (!m->on)
        return;
    m->on = 0;
    m->config.events->stopped(m, reason, text, m->config.arg);
}

static void report_disk(struct machine *m, const struct error *err)
{
    machine_disk_cb cb = m->disk_cb;

    m->disk_pending = 0;
    m->disk_cb = NULL;
    if (cb)
        cb(err, m->disk_arg);
}

static void on_later(uv_timer_t *timer)
{
    struct machine *m = timer->data;
    struct error err = m->failed;

    m->failed.code = 0;
    report_done(m, &err);
}

/* An operation that cannot even begin. */
static void fail_later(struct machine *m, int code, const char *what)
{
    error_errno(&m->failed, code, "%s", what);
    uv_timer_start(&m->later, on_later, 0, 0);
}

static void lose_launcher(struct machine *m, const char *why)
{
    struct error err;

    error_set(&err, -EPIPE, "%s", why);
    channel_close(m->channel);
    m->channel = NULL;
    /* Without a launcher there is no guest: it takes the guest with it. */
    report_stopped(m, MACHINE_STOP_FAILURE, why);
    if (m->disk_pending && !m->closing)
        report_disk(m, &err);
    if (m->pending && !m->closing)
        report_done(m, &err);
    if (!m->closing && m->config.events->lost)
        m->config.events->lost(m, why, m->config.arg);
}

static void on_timer(uv_timer_t *timer)
{
    lose_launcher(timer->data, "the launcher does not answer");
}

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct machine *m = arg;
    struct cursor c = CURSOR_INIT(msg->body, msg->len);
    struct error err = {0};
    uint32_t code;

    (void)ch;
    if (cursor_le32(&c, &code))
        return;
    /* The channel ends the body with a NUL. */
    if (msg->type == LAUNCHER_STOPPED) {
        report_stopped(m, code > MACHINE_STOP_FAILURE ? MACHINE_STOP_FAILURE : code,
                       (const char *)c.p);
        return;
    }
    if (msg->type == LAUNCHER_REPLY && msg->id && msg->id == m->disk_pending) {
        if (code)
            error_set(&err, (int32_t)code, "%.*s", (int)TEXT_MAX, (const char *)c.p);
        report_disk(m, &err);
        return;
    }
    if (msg->type != LAUNCHER_REPLY || msg->id != m->pending || !m->pending)
        return;
    if ((int32_t)code < 0) {
        error_set(&err, (int32_t)code, "%.*s", (int)TEXT_MAX, (const char *)c.p);
        report_done(m, &err);
        return;
    }
    if (m->what == LAUNCHER_START)
        m->on = 1;
    report_done(m, NULL);
}

static void on_closed(struct channel *ch, int reason, void *arg)
{
    (void)ch;
    (void)reason;
    lose_launcher(arg, "the launcher is gone");
}

static const struct channel_ops channel_ops = {on_message, on_closed, NULL};

static void ask(struct machine *m, enum launcher_type type, const struct buf *body)
{
    struct iovec part = {body ? body->data : NULL, body ? body->len : 0};
    int r = -EPIPE;

    if (m->pending) {
        fail_later(m, -EBUSY, "another operation is under way");
        return;
    }
    m->pending = ++m->next_id;
    m->what = type;
    if (m->channel)
        r = channel_send(m->channel, (uint16_t)type, m->pending, &part, 1, NULL, 0);
    if (r < 0)
        fail_later(m, r, "cannot ask the launcher");
    else
        uv_timer_start(&m->timer, on_timer, OPERATION_MS, 0);
}

static const char *config_get(struct machine *m, const char *key)
{
    return m->config.config_get ? m->config.config_get(key, m->config.config_arg) : NULL;
}

static uint32_t config_number(struct machine *m, const char *key, uint32_t fallback, uint32_t max)
{
    const char *text = config_get(m, key);
    unsigned long v;
    char *end;

    if (!text || !isdigit((unsigned char)*text))
        return fallback;
    errno = 0;
    v = strtoul(text, &end, 10);
    if (*end || errno)
        return fallback;
    return v > max ? max : (uint32_t)v;
}

static void put_string(struct buf *b, const char *s, size_t len)
{
    buf_put_le16(b, (uint16_t)(len > UINT16_MAX ? UINT16_MAX : len));
    buf_put(b, s, len > UINT16_MAX ? UINT16_MAX : len);
}

/* A host name like the VM's name: what is not allowed in one becomes '-'. */
static void put_host_name(struct buf *b, const char *name)
{
    char out[HOST_NAME_MAX_SIZE + 1];
    size_t n = 0;

    for (; name[n] && n < HOST_NAME_MAX_SIZE; n++) {
        unsigned char c = (unsigned char)name[n];

        out[n] = c < 0x80 && (isalnum(c) || (n && (c == '.' || c == '-'))) ? (char)c : '-';
    }
    if (n == 0 || out[0] == '-') {
        out[0] = 'g';
        n = n ? n : 1;
    }
    put_string(b, out, n);
}

static unsigned put_users(struct machine *m, struct buf *b)
{
    unsigned count = 0;

    for (; count < LAUNCHER_USERS_MAX; count++) {
        char key[64];
        const char *name, *hash;

        snprintf(key, sizeof(key), "inguest.sandbox.user.%u.name", count);
        name = config_get(m, key);
        if (!name)
            break;
        snprintf(key, sizeof(key), "inguest.sandbox.user.%u.passwordHash", count);
        put_string(b, name, strlen(name));
        hash = config_get(m, key);
        put_string(b, hash ? hash : "", hash ? strlen(hash) : 0);
    }
    return count;
}

static void sandbox_machine_start(struct machine *m)
{
    AUTO_BUF struct buf body = BUF_INIT(LAUNCHER_BODY_MAX), users = BUF_INIT(LAUNCHER_BODY_MAX);
    uint32_t processes = config_number(m, "inguest.sandbox.maxProcesses", 0, PROCESSES_MAX);
    unsigned count = put_users(m, &users);

    buf_put_le32(&body, config_number(m, "memsize", 0, MEMORY_MAX_MIB));
    buf_put_le32(&body, processes ? processes : PROCESSES_DEFAULT);
    put_host_name(&body, m->config.name);
    buf_put_le16(&body, (uint16_t)count);
    if (users.len)
        buf_put(&body, users.data, users.len);
    if (buf_error(&users) || buf_error(&body)) {
        fail_later(m, -ENOBUFS, "the guest's users do not fit into a request to start");
        return;
    }
    ask(m, LAUNCHER_START, &body);
}

static void sandbox_machine_stop(struct machine *m)
{
    ask(m, LAUNCHER_STOP, NULL);
}

static void sandbox_machine_suspend(struct machine *m)
{
    ask(m, LAUNCHER_SUSPEND, NULL);
}

static void sandbox_machine_resume(struct machine *m)
{
    ask(m, LAUNCHER_RESUME, NULL);
}

static const enum launcher_disk disk_requests[] = {
    [MACHINE_DISK_SAVE] = LAUNCHER_DISK_SAVE,
    [MACHINE_DISK_LOAD] = LAUNCHER_DISK_LOAD,
    [MACHINE_DISK_REMOVE_SNAPSHOT] = LAUNCHER_DISK_REMOVE_SNAPSHOT,
    [MACHINE_DISK_REMOVE_REVERT] = LAUNCHER_DISK_REMOVE_REVERT,
    [MACHINE_DISK_REMOVE_TRASH] = LAUNCHER_DISK_REMOVE_TRASH,
};

static void on_disk_later(uv_timer_t *timer)
{
    struct machine *m = timer->data;
    struct error err = {0};

    error_set(&err, -EPIPE, "cannot ask the launcher");
    report_disk(m, &err);
}

/* No deadline: how long it takes is a matter of how much there is, and whoever asks can cancel. */
static void sandbox_machine_disk(struct machine *m, enum machine_disk what, unsigned number,
                                 machine_disk_cb cb, void *arg)
{
    AUTO_BUF struct buf body = BUF_INIT(8);
    struct iovec part;

    buf_put_le32(&body, disk_requests[what]);
    buf_put_le32(&body, number);
    part = (struct iovec){body.data, body.len};
    m->disk_pending = ++m->next_id;
    m->disk_cb = cb;
    m->disk_arg = arg;
    if (buf_error(&body) || !m->channel ||
        channel_send(m->channel, LAUNCHER_DISK, m->disk_pending, &part, 1, NULL, 0) < 0)
        uv_timer_start(&m->disk_later, on_disk_later, 0, 0);
}

static void sandbox_machine_disk_cancel(struct machine *m)
{
    struct iovec none = {NULL, 0};

    if (m->disk_pending && m->channel)
        channel_send(m->channel, LAUNCHER_DISK_CANCEL, ++m->next_id, &none, 1, NULL, 0);
}

static int peer_is_root(struct machine *m, unsigned uid)
{
    return uid == m->config.uid_base;
}

static int sandbox_machine_open(const struct machine_config *config, struct machine **ret,
                                struct error *err)
{
    struct machine *m;
    int r;

    if (config->launcher_fd < 0 || config->uid_base == 0)
        return error_set(err, -EPERM,
                         "a sandbox needs a launcher and a range of user ids: start vmx as root");
    m = mem_calloc(1, sizeof(*m));
    if (!m)
        return error_errno(err, -ENOMEM, "cannot open the sandbox");
    m->config = *config;
    r = channel_new(config->loop, config->launcher_fd, LAUNCHER_BODY_MAX, LAUNCHER_QUEUE_MAX,
                    &channel_ops, m, &m->channel);
    if (r < 0) {
        mem_free(m);
        return error_errno(err, r, "cannot talk to the launcher");
    }
    uv_timer_init(config->loop, &m->timer);
    uv_timer_init(config->loop, &m->later);
    uv_timer_init(config->loop, &m->disk_later);
    m->timer.data = m->later.data = m->disk_later.data = m;
    m->open_handles = 3;
    *ret = m;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct machine *m = handle->data;

    if (--m->open_handles == 0)
        mem_free(m);
}

/* The launcher stops the guest when the channel closes. */
static void sandbox_machine_close(struct machine *m)
{
    m->closing = 1;
    channel_close(m->channel);
    m->channel = NULL;
    uv_close((uv_handle_t *)&m->timer, on_handle_closed);
    uv_close((uv_handle_t *)&m->later, on_handle_closed);
    uv_close((uv_handle_t *)&m->disk_later, on_handle_closed);
}

const struct machine_ops machine_sandbox = {
    .name = "sandbox",
    .open = sandbox_machine_open,
    .start = sandbox_machine_start,
    .stop = sandbox_machine_stop,
    .suspend = sandbox_machine_suspend,
    .resume = sandbox_machine_resume,
    .peer_is_root = peer_is_root,
    .close = sandbox_machine_close,
    .disk = sandbox_machine_disk,
    .disk_cancel = sandbox_machine_disk_cancel,
};
