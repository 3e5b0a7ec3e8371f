/* Requests to a vmx: sent, answered, out of time. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/vmlink_internal.h"
#include "wire/ctl.h"

struct vmlink_open {
    struct vmlink_open *next;
    struct vmlink *link;
    uint64_t id;
    vmlink_reply_cb cb;
    void *arg;
    uint64_t deadline_ms; /* from its start */
    uv_timer_t timer;
};

static void free_open(uv_handle_t *h)
{
    mem_free(h->data);
}

static struct vmlink_open *take(struct vmlink *link, uint64_t id)
{
    for (struct vmlink_open **p = &link->buckets[id % VMLINK_BUCKETS]; *p; p = &(*p)->next)
        if ((*p)->id == id) {
            struct vmlink_open *r = *p;
            *p = r->next;
            link->open--;
            return r;
        }
    return NULL;
}

/* Ends it: `r` is out of the table already. */
static void answer(struct vmlink_open *r, const struct vmlink_reply *reply)
{
    uv_timer_stop(&r->timer);
    if (r->cb) {
        struct vmlink *link = r->link;
        link->in_callback++;
        r->cb(link, reply, r->arg);
        vmlink_leave_callback(link);
    }
    uv_close((uv_handle_t *)&r->timer, free_open);
}

static void send_cancel(struct vmlink *link, uint64_t id)
{
    AUTO_BUF struct buf b = BUF_INIT(64);
    json_t *none = json_object();
    if (none && ctl_encode(&b, none, NULL, 0) == 0 && link->channel) {
        struct iovec part = {.iov_base = b.data, .iov_len = b.len};
        channel_send(link->channel, CTL_CANCEL, id, &part, 1, NULL, 0);
    }
    json_decref(none);
}

static void on_deadline(uv_timer_t *timer)
{
    struct vmlink_open *r = timer->data;
    struct vmlink *link = r->link;
    char text[64];
    const struct vmlink_reply reply = {.code = -ETIMEDOUT, .hop = "hostd", .text = text};

    snprintf(text, sizeof(text), "the VM's process did not answer within %llu s",
             (unsigned long long)r->deadline_ms / 1000);
    take(link, r->id);
    send_cancel(link, r->id);
    answer(r, &reply);
}

static int encode(struct buf *b, const char *op, const json_t *args, const void *blob,
                  size_t blob_len)
{
    json_t *object = args ? json_copy((json_t *)(uintptr_t)args) : json_object();
    int rc = object && json_object_set_new(object, "op", json_string(op)) == 0
                 ? ctl_encode(b, object, blob, blob_len)
                 : -ENOMEM;
    json_decref(object);
    return rc;
}

int vmlink_send(struct vmlink *link, const char *op, const json_t *args, const void *blob,
                size_t blob_len, const int *fds, unsigned nfds, uint64_t deadline_ms,
                vmlink_reply_cb cb, void *arg, uint64_t *ret_id)
{
    AUTO_BUF struct buf b = BUF_INIT(CTL_BODY_MAX);
    int rc = !link->channel ? -ENOTCONN : link->open >= CTL_REQUESTS_MAX ? -EBUSY : 0;
    struct vmlink_open *r = NULL;
    if (rc == 0)
        rc = encode(&b, op, args, blob, blob_len);
    if (rc == 0 && !(r = mem_calloc(1, sizeof(*r))))
        rc = -ENOMEM;
    if (rc < 0) {
        for (unsigned i = 0; i < nfds; i++)
            close(fds[i]);
        return rc;
    }
    *r = (struct vmlink_open){.link = link, .id = ++link->last_id, .cb = cb, .arg = arg};
    struct iovec part = {.iov_base = b.data, .iov_len = b.len};
    rc = channel_send(link->channel, CTL_REQUEST, r->id, &part, 1, fds, nfds);
    explicit_bzero(b.data, b.len); /* may hold a guest's password */
    if (rc < 0) {
        mem_free(r);
        return rc;
    }
    uv_timer_init(link->host->loop, &r->timer);
    r->timer.data = r;
    r->deadline_ms = deadline_ms;
    if (deadline_ms)
        uv_timer_start(&r->timer, on_deadline, deadline_ms, 0);
    struct vmlink_open **bucket = &link->buckets[r->id % VMLINK_BUCKETS];
    r->next = *bucket;
    *bucket = r;
    link->open++;
    if (ret_id)
        *ret_id = r->id;
    return 0;
}

int vmlink_request(struct vmlink *link, const char *op, const json_t *args, const void *blob,
                   size_t blob_len, const int *fds, unsigned nfds, uint64_t deadline_ms,
                   vmlink_reply_cb cb, void *arg, uint64_t *ret_id)
{
    if (link->state != VMLINK_UP) {
        for (unsigned i = 0; i < nfds; i++)
            close(fds[i]);
        return -ENOTCONN;
    }
    return vmlink_send(link, op, args, blob, blob_len, fds, nfds, deadline_ms, cb, arg, ret_id);
}

void vmlink_cancel(struct vmlink *link, uint64_t id)
{
    send_cancel(link, id);
}

static void read_error(const json_t *error, struct vmlink_reply *reply)
{
    json_int_t code = json_integer_value(json_object_get(error, "errno"));
    const char *hop = json_string_value(json_object_get(error, "hop"));
    const char *text = json_string_value(json_object_get(error, "text"));
    reply->code = code > 0 && code < 4096 ? -(int)code : -EIO;
    reply->hop = hop ? hop : "vmx";
    reply->vix = (int)json_integer_value(json_object_get(error, "vix"));
    reply->text = text ? text : "the VM's process gave no reason";
}

void vmlink_take_reply(struct vmlink *link, uint64_t id, const json_t *body, const uint8_t *blob,
                       size_t blob_len, int *fd)
{
    struct vmlink_open *r = take(link, id);
    if (!r)
        return; /* came after its deadline */
    struct vmlink_reply reply = {.hop = "vmx", .blob = blob, .blob_len = blob_len, .fd = fd};
    const json_t *error = json_object_get(body, "error");
    if (error)
        read_error(error, &reply);
    else
        reply.result = json_object_get(body, "result");
    if (!error && !json_is_object(reply.result)) {
        reply.code = -EBADMSG;
        reply.text = "the VM's process sent an answer without result";
    }
    answer(r, &reply);
}

void vmlink_fail_all(struct vmlink *link, int code, const char *text)
{
    const struct vmlink_reply reply = {.code = code, .hop = "hostd", .text = text};
    /* A callback may send new requests, but there is no channel now, so the table only empties. */
    for (unsigned i = 0; i < VMLINK_BUCKETS; i++)
        while (link->buckets[i])
            answer(take(link, link->buckets[i]->id), &reply);
}
