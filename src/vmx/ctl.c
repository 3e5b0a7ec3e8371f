#include "vmx/ctl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "vmx/listener.h"
#include "vmx/snapshot.h"
#include "vmx/stream.h"
#include "vmx/transfer.h"
#include "wire/ctl.h"
#include "wire/vmxfile.h"

#define EVENT_MS (1000u / CTL_EVENTS_PER_SECOND)
/* Changes that come together go out together. */
#define GATHER_MS 5u
/* Events wait while hostd has not taken this many bytes yet. */
#define QUEUE_HIGH (8u << 20)

struct ctl {
    struct vm *vm;
    struct listener *listener;
    int peer_uid;
    struct channel *channel; /* NULL = hostd is not connected */
    struct ctl_request *requests;
    unsigned open;
    uv_timer_t events;
    uint64_t allowed_ms; /* time up to which the allowance of events is used */
    bool guest_dirty;
    json_t *vars;   /* guestinfo.* keys that changed */
    json_t *config; /* keys of the configuration that the guest has set, not yet written */
};

/* Takes the descriptor; -1 = none. */
static int send_json(struct ctl *c, uint16_t type, uint64_t id, json_t *object, const void *blob,
                     size_t blob_len, int fd)
{
    AUTO_BUF struct buf body = BUF_INIT(CTL_BODY_MAX);
    AUTO_CLOSE int own = fd;
    struct iovec part;
    int r;

    if (!c->channel)
        return 0;
    r = ctl_encode(&body, object, blob, blob_len);
    part = (struct iovec){body.data, body.len};
    if (!r) {
        r = channel_send(c->channel, type, id, &part, 1, &own, own >= 0);
        own = -1;
    }
    return r == -EPIPE ? 0 : r;
}

/* Takes the reference. */
static int send_event(struct ctl *c, json_t *event)
{
    int r = event ? send_json(c, CTL_EVENT, 0, event, NULL, 0, -1) : -ENOMEM;

    json_decref(event);
    return r;
}

static void log_end(const struct ctl_request *rq, const char *result)
{
    if (rq->what)
        log_info("%s: %s (%llu ms)", rq->what, result,
                 (unsigned long long)(clock_ms() - rq->started_ms));
    vmlog_check_size(&rq->vm->log);
}

static void request_over(struct ctl_request *rq)
{
    struct ctl *c = rq->ctl;

    for (struct ctl_request **p = &c->requests; *p; p = &(*p)->next)
        if (*p == rq) {
            *p = rq->next;
            c->open--;
            break;
        }
    if (rq->fd >= 0)
        close(rq->fd);
    json_decref(rq->args);
    if (rq->audit.what)
        audit_failed(&rq->audit, &rq->vm->log, "vmx", 0, "given up");
    mem_free(rq->what);
    mem_free(rq);
}

/* Takes the reply and the descriptor. */
static void answer(struct ctl_request *rq, json_t *reply, const void *blob, size_t blob_len, int fd)
{
    AUTO_CLOSE int own = fd;
    int r = 0;

    if (rq->id != CTL_REQUEST_ID_NONE)
        r = reply ? send_json(rq->ctl, CTL_REPLY, rq->id, reply, blob, blob_len, TAKE_FD(own))
                  : -ENOMEM;
    json_decref(reply);
    if (r) {
        /* hostd waits for an answer: one that surely fits says why there is no other. */
        log_error("ctl: an answer to hostd could not be sent: %s", strerror(-r));
        reply = json_pack("{s:{s:s, s:i, s:i, s:s}}", "error", "hop", "vmx", "errno", -r, "vix", 0,
                          "text", "the answer could not be sent");
        if (!reply || send_json(rq->ctl, CTL_REPLY, rq->id, reply, NULL, 0, -1))
            log_error("ctl: nor could the error");
        json_decref(reply);
    }
    request_over(rq);
}

void ctl_reply_fd(struct ctl_request *rq, json_t *result, const void *blob, size_t blob_len, int fd)
{
    log_end(rq, "done");
    answer(rq, json_pack("{s:o}", "result", result ? result : json_object()), blob, blob_len, fd);
}

void ctl_reply(struct ctl_request *rq, json_t *result, const void *blob, size_t blob_len)
{
    ctl_reply_fd(rq, result, blob, blob_len, -1);
}

void ctl_fail(struct ctl_request *rq, const char *hop, int code, uint64_t vix, const char *text)
{
    if (!text)
        text = strerror(-code);
    log_end(rq, text);
    answer(rq,
           json_pack("{s:{s:s, s:i, s:I, s:s}}", "error", "hop", hop, "errno", -code, "vix",
                     (json_int_t)vix, "text", text),
           NULL, 0, -1);
}

/* --- events --------------------------------------------------------------------------------- */

static void write_config(struct ctl *c)
{
    struct error err = {0};
    json_t *set = c->config;

    if (!set)
        return;
    c->config = NULL;
    if (vmconfig_update(&c->vm->config, set, &err)) {
        log_error("config: %s", error_text(&err));
        json_decref(set);
        return;
    }
    send_event(c, json_pack("{s:s, s:o}", "event", "config", "set", set));
}

void ctl_config_changed(struct ctl *c, json_t *set)
{
    send_event(c, json_pack("{s:s, s:O}", "event", "config", "set", set));
}

static void send_vars(struct ctl *c)
{
    json_t *vars = c->vars, *value;
    const char *key;

    c->vars = NULL;
    if (!vars)
        return;
    /* Too much for one message goes key by key; one that is too long alone stays untold. */
    if (send_event(c, json_pack("{s:s, s:O}", "event", "guestinfo", "set", vars)))
        json_object_foreach(vars, key,
                            value) if (send_event(c, json_pack("{s:s, s:{s:O}}", "event",
                                                               "guestinfo", "set", key, value)))
            log_warn("guest: the value of %s is too long for hostd", key);
    json_decref(vars);
}

static void send_guest(struct ctl *c)
{
    if (!c->guest_dirty)
        return;
    c->guest_dirty = false;
    c->vm->guest.changed = false;
    if (send_event(c, json_pack("{s:s, s:O}", "event", "guest", "guest", c->vm->guest.json)))
        log_error("ctl: the guest's state could not be sent");
}

static void send_events(uv_timer_t *timer)
{
    struct ctl *c = timer->data;

    if (c->channel && channel_queued(c->channel) > QUEUE_HIGH) {
        uv_timer_start(timer, send_events, EVENT_MS, 0);
        return;
    }
    write_config(c);
    send_guest(c);
    send_vars(c);
}

/* At most CTL_EVENTS_PER_SECOND in a second, the first ones without delay. */
static void schedule(struct ctl *c)
{
    uint64_t now = clock_ms(), wait = GATHER_MS;

    if (uv_is_active((uv_handle_t *)&c->events))
        return;
    if (c->allowed_ms + 1000 < now)
        c->allowed_ms = now - 1000;
    c->allowed_ms += EVENT_MS;
    if (c->allowed_ms > now)
        wait += c->allowed_ms - now;
    uv_timer_start(&c->events, send_events, wait, 0);
}

void ctl_guest_changed(struct ctl *c)
{
    c->guest_dirty = true;
    schedule(c);
}

void ctl_guestinfo_changed(struct ctl *c, const char *key)
{
    const struct guestvar *var = guestvars_get(&c->vm->vars, key);
    json_t *value = var ? json_stringn(var->value, var->value_len) : NULL;

    if (!c->vars)
        c->vars = json_object();
    /* A value that is not UTF-8 stays in the guest's reach only. */
    if (c->vars)
        json_object_set_new(c->vars, var ? var->key : key, value ? value : json_null());
    schedule(c);
}

void ctl_heartbeat(struct ctl *c, const char *status)
{
    send_event(c, json_pack("{s:s, s:s}", "event", "heartbeat", "status", status));
}

void ctl_program_exit(struct ctl *c, int64_t pid, int64_t code, int64_t start, int64_t end)
{
    send_event(c, json_pack("{s:s, s:I, s:I, s:I, s:I}", "event", "programExit", "pid",
                            (json_int_t)pid, "code", (json_int_t)code, "start", (json_int_t)start,
                            "end", (json_int_t)end));
}

json_t *ctl_boot_time(const struct vm *vm)
{
    char when[CLOCK_RFC3339_SIZE];

    return vm->boot_us ? json_string(clock_rfc3339(vm->boot_us, when)) : json_null();
}

void ctl_power(struct ctl *c, const char *power, enum power_reason reason, const char *text)
{
    /* Who hears that the machine runs again must not take the guest before for the one that comes.
     */
    send_guest(c);
    send_event(c, json_pack("{s:s, s:s, s:s, s:s, s:o}", "event", "power", "power", power, "reason",
                            power_reason_name(reason), "text", text ? text : "", "bootTime",
                            ctl_boot_time(c->vm)));
}

int ctl_guest_config(struct ctl *c, const char *key, const char *value, size_t len)
{
    json_t *text = len <= VMXFILE_VALUE_MAX ? json_stringn(value, len) : NULL;

    if (!text)
        return -EINVAL;
    if (!c->config)
        c->config = json_object();
    if (!c->config || json_object_set_new(c->config, key, text))
        return -ENOMEM;
    schedule(c);
    return 0;
}

const char *ctl_guest_config_get(const struct ctl *c, const char *key)
{
    return c->config ? json_string_value(json_object_get(c->config, key)) : NULL;
}

/* --- requests ------------------------------------------------------------------------------- */

static void serve(struct ctl *c, struct channel_msg *msg)
{
    struct ctl_request *rq = mem_calloc(1, sizeof(*rq));
    const char *name;

    if (!rq) {
        log_error("ctl: no memory for a request");
        return;
    }
    *rq = (struct ctl_request){.next = c->requests,
                               .ctl = c,
                               .vm = c->vm,
                               .id = msg->id,
                               .fd = -1,
                               .started_ms = clock_ms()};
    c->requests = rq;
    c->open++;
    if (ctl_decode(msg->body, msg->len, &rq->args, &rq->blob, &rq->blob_len)) {
        ctl_fail(rq, "vmx", -EBADMSG, 0, "the request is not understood");
        return;
    }
    if (msg->nfds) {
        rq->fd = msg->fds[0];
        msg->fds[0] = -1;
    }
    name = json_string_value(json_object_get(rq->args, "op"));
    rq->op = name ? ctl_op_find(name) : NULL;
    if (!rq->op)
        ctl_fail(rq, "vmx", -ENOSYS, 0, "there is no such operation");
    else if (c->open > CTL_REQUESTS_MAX)
        ctl_fail(rq, "vmx", -EBUSY, 5, "too many requests are open");
    else
        rq->op->serve(rq);
}

static void message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct ctl *c = arg;

    (void)ch;
    if (msg->type == CTL_REQUEST && msg->id != CTL_REQUEST_ID_NONE) {
        serve(c, msg);
    } else if (msg->type == CTL_CANCEL) {
        for (struct ctl_request *rq = c->requests; rq; rq = rq->next)
            if (rq->id == msg->id) {
                if (rq->cancel)
                    rq->cancel(rq);
                break;
            }
    } else {
        log_warn("ctl: hostd sent a message of unknown type %u", msg->type);
    }
}

/* hostd is gone: nobody waits for the answers any more. */
static void hang_up(struct ctl *c)
{
    struct ctl_request *rq, *next;

    channel_close(c->channel);
    c->channel = NULL;
    for (rq = c->requests; rq; rq = rq->next)
        rq->id = CTL_REQUEST_ID_NONE;
    /* A cancel may end any request of the list, so begin again after each. */
    for (rq = c->requests; rq; rq = next) {
        void (*cancel)(struct ctl_request *) = rq->cancel;

        next = rq->next;
        if (!cancel)
            continue;
        rq->cancel = NULL;
        cancel(rq);
        next = c->requests;
    }
    if (c->vm->transfers)
        transfers_abort_all(c->vm->transfers);
    if (c->vm->snapshots)
        snapshots_hostd_gone(c->vm->snapshots);
    if (c->vm->streams)
        streams_abort_all(c->vm->streams);
}

static void closed(struct channel *ch, int reason, void *arg)
{
    (void)ch;
    if (reason)
        log_warn("ctl: the connection to hostd broke: %s", strerror(-reason));
    hang_up(arg);
}

static void accepted(int fd, void *arg)
{
    static const struct channel_ops ops = {message, closed, NULL};
    struct ctl *c = arg;
    struct channel *channel;
    struct ucred peer;

    if (sock_peer(fd, &peer) ||
        (peer.uid != 0 && peer.uid != getuid() && (int)peer.uid != c->peer_uid)) {
        log_warn("ctl: a connection of uid %u was refused", peer.uid);
        close(fd);
        return;
    }
    if (channel_new(c->vm->loop, fd, CTL_BODY_MAX, CTL_QUEUE_MAX, &ops, c, &channel)) {
        close(fd);
        return;
    }
    if (c->channel) {
        log_info("ctl: a new hostd takes the place of the old one");
        hang_up(c);
    }
    c->channel = channel;
}

int ctl_new(struct vm *vm, const char *path, int peer_uid, struct ctl **ret, struct error *err)
{
    AUTO_FREE struct ctl *c = mem_calloc(1, sizeof(*c));
    int r;

    if (!c)
        return error_set(err, -ENOMEM, "no memory for the control server");
    c->vm = vm;
    c->peer_uid = peer_uid;
    /* The group is hostd's; who may really speak is checked by uid. */
    r = listener_new(vm->loop, path, 0660, accepted, c, &c->listener, err);
    if (r)
        return r;
    uv_timer_init(vm->loop, &c->events);
    c->events.data = c;
    *ret = TAKE_PTR(c);
    return 0;
}

static void ctl_freed(uv_handle_t *h)
{
    mem_free(h->data);
}

void ctl_free(struct ctl *c)
{
    if (!c)
        return;
    write_config(c);
    hang_up(c);
    while (c->requests)
        request_over(c->requests);
    listener_free(c->listener);
    json_decref(c->vars);
    uv_close((uv_handle_t *)&c->events, ctl_freed);
}
