#include "hostd/gueststore_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "hostd/supervise.h"
#include "wire/ctl.h"

#define RETRY_MS     200u
#define RETRY_MAX_MS 10000u

struct pending {
    struct pending *next;
    uint64_t id;
    uint64_t until_ms;
    gueststore_link_cb cb;
    void *arg;
};

struct gueststore_link {
    struct host *host;
    const struct gueststore_link_ops *ops;
    void *arg;
    struct channel *channel;
    bool up;
    unsigned failures;
    uint64_t last_id;
    struct pending *first, **end; /* in the order in which they were sent */
    unsigned open;
    uv_timer_t retry, deadline;
    unsigned handles;
    char problem[ERROR_TEXT_MAX]; /* what `configure` was refused with; "" = not refused */
};

static void connect_now(struct gueststore_link *l);
static void drop(struct gueststore_link *l, const char *why);

/* ---- requests ---- */

static void on_deadline(uv_timer_t *timer)
{
    drop(timer->data, "gstored does not answer");
}

static void watch_oldest(struct gueststore_link *l)
{
    if (!l->first) {
        uv_timer_stop(&l->deadline);
        return;
    }
    uint64_t now = uv_now(l->host->loop);
    uv_timer_start(&l->deadline, on_deadline,
                   l->first->until_ms > now ? l->first->until_ms - now : 0, 0);
}

static void answer_all(struct gueststore_link *l, const char *why)
{
    while (l->first) {
        struct pending *p = l->first;
        l->first = p->next;
        if (!l->first)
            l->end = &l->first;
        l->open--;
        if (p->cb)
            p->cb(NULL, why, p->arg);
        mem_free(p);
    }
    uv_timer_stop(&l->deadline);
}

static int send_now(struct gueststore_link *l, const char *op, json_t *args, int fd,
                    gueststore_link_cb cb, void *arg)
{
    AUTO_BUF struct buf b = BUF_INIT(CTL_BODY_MAX);
    struct pending *p = mem_calloc(1, sizeof(*p));
    int rc = p && args && json_object_set_new(args, "op", json_string(op)) == 0
                 ? ctl_encode(&b, args, NULL, 0)
                 : -ENOMEM;
    if (rc == 0 && l->open >= GUESTSTORE_LINK_OPEN_MAX)
        rc = -EBUSY;
    json_decref(args);
    if (rc == 0) {
        struct iovec part = {b.data, b.len};
        int out = TAKE_FD(fd);
        rc = channel_send(l->channel, CTL_REQUEST, ++l->last_id, &part, 1, &out, out >= 0);
    }
    if (fd >= 0)
        close(fd);
    if (rc < 0) {
        mem_free(p);
        return rc;
    }
    *p = (struct pending){.id = l->last_id,
                          .until_ms = uv_now(l->host->loop) + GUESTSTORE_LINK_ANSWER_MS,
                          .cb = cb,
                          .arg = arg};
    *l->end = p;
    l->end = &p->next;
    l->open++;
    watch_oldest(l);
    return 0;
}

int gueststore_link_send(struct gueststore_link *l, const char *op, json_t *args, int fd,
                         gueststore_link_cb cb, void *arg)
{
    if (l && l->up)
        return send_now(l, op, args, fd, cb, arg);
    json_decref(args);
    if (fd >= 0)
        close(fd);
    return -ENOTCONN;
}

static void take_reply(struct gueststore_link *l, uint64_t id, const json_t *body)
{
    for (struct pending **at = &l->first; *at; at = &(*at)->next) {
        struct pending *p = *at;
        if (p->id != id)
            continue;
        *at = p->next;
        if (l->end == &p->next)
            l->end = at;
        l->open--;
        watch_oldest(l);
        const json_t *error = json_object_get(body, "error");
        const char *why = json_string_value(json_object_get(error, "text"));
        if (error)
            log_warn("gueststore: gstored says: %s", why ? why : "no");
        if (p->cb)
            p->cb(error ? NULL : json_object_get(body, "result"), why ? why : "gstored refused",
                  p->arg);
        mem_free(p);
        return;
    }
}

/* ---- the connection ---- */

static void on_retry(uv_timer_t *timer)
{
    connect_now(timer->data);
}

static void drop(struct gueststore_link *l, const char *why)
{
    bool was_up = l->up;
    uint64_t wait = RETRY_MS;

    channel_close(TAKE_PTR(l->channel));
    l->up = false;
    answer_all(l, why);
    for (unsigned i = 0; i < l->failures && wait < RETRY_MAX_MS; i++)
        wait *= 2;
    l->failures++;
    uv_timer_start(&l->retry, on_retry, was_up ? 0 : wait, 0);
    if (was_up) {
        log_warn("gueststore: %s", why);
        l->ops->down(l->arg);
    }
}

static void configured(const json_t *result, const char *why, void *arg)
{
    struct gueststore_link *l = arg;

    /* Either gstored ends now and with it the connection, or it waits for other settings. */
    snprintf(l->problem, sizeof(l->problem), "%s", result ? "" : why);
    if (!result)
        return;
    l->up = true;
    l->failures = 0;
    l->ops->up(json_object_get(result, "attached"), l->arg);
}

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct gueststore_link *l = arg;
    const uint8_t *blob;
    size_t blob_len;
    json_t *body;

    (void)ch;
    if (msg->type != CTL_REPLY || ctl_decode(msg->body, msg->len, &body, &blob, &blob_len) < 0) {
        drop(l, "gstored sent what is no answer");
        return;
    }
    take_reply(l, msg->id, body);
    json_decref(body);
}

static void on_closed(struct channel *ch, int reason, void *arg)
{
    (void)ch;
    (void)reason;
    drop(arg, "the connection to gstored has ended");
}

static void connect_now(struct gueststore_link *l)
{
    static const struct channel_ops ops = {.message = on_message, .closed = on_closed};
    AUTO_FREE char *path = mem_printf("%s/" SUPERVISE_GSTORED_CTL, l->host->options.run_dir);
    int fd = path ? sock_connect_unix(path, NULL) : -ENOMEM;
    int rc =
        fd < 0 ? fd
               : channel_new(l->host->loop, fd, CTL_BODY_MAX, CTL_QUEUE_MAX, &ops, l, &l->channel);
    if (rc < 0 && fd >= 0)
        close(fd);
    if (rc == 0)
        rc = send_now(l, "configure", l->ops->settings(l->arg), -1, configured, l);
    if (rc < 0)
        drop(l, "gstored cannot be reached");
}

int gueststore_link_new(struct host *host, const struct gueststore_link_ops *ops, void *arg,
                        struct gueststore_link **ret)
{
    struct gueststore_link *l = mem_calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    l->host = host;
    l->ops = ops;
    l->arg = arg;
    l->end = &l->first;
    uv_timer_init(host->loop, &l->retry);
    uv_timer_init(host->loop, &l->deadline);
    l->retry.data = l->deadline.data = l;
    l->handles = 2;
    uv_timer_start(&l->retry, on_retry, 0, 0);
    *ret = l;
    return 0;
}

static void timer_closed(uv_handle_t *handle)
{
    struct gueststore_link *l = handle->data;
    if (--l->handles == 0)
        mem_free(l);
}

void gueststore_link_free(struct gueststore_link *l)
{
    if (!l)
        return;
    channel_close(TAKE_PTR(l->channel));
    l->up = false;
    answer_all(l, "the host has no GuestStore now");
    uv_close((uv_handle_t *)&l->retry, timer_closed);
    uv_close((uv_handle_t *)&l->deadline, timer_closed);
}

const char *gueststore_link_problem(const struct gueststore_link *l)
{
    return l->problem[0] ? l->problem : "gstored is starting";
}

bool gueststore_link_up(const struct gueststore_link *l)
{
    return l && l->up;
}
