#include "vmx/stream_service.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "vmx/listener.h"

struct stranger {
    struct stranger *next;
    struct stream_service *service;
    uv_poll_t poll;
    uv_timer_t timer;
    int handles;
    int fd; /* -1: handed over */
    uid_t uid;
    uint8_t greeting[VIX_STREAM_GREETING_SIZE];
    size_t have;
};

struct stream_service {
    struct vm *vm;
    struct listener *listener;
    struct stranger *strangers;
    unsigned count;
    struct stream_waiter *waiters;
};

static void handle_gone(uv_handle_t *h)
{
    struct stranger *c = h->data;

    if (--c->handles)
        return;
    if (c->fd >= 0)
        close(c->fd);
    mem_free(c);
}

static void drop(struct stranger *c)
{
    for (struct stranger **p = &c->service->strangers; *p; p = &(*p)->next)
        if (*p == c) {
            *p = c->next;
            c->service->count--;
            break;
        }
    uv_poll_stop(&c->poll);
    uv_close((uv_handle_t *)&c->poll, handle_gone);
    uv_close((uv_handle_t *)&c->timer, handle_gone);
}

static void late(uv_timer_t *timer)
{
    drop(timer->data);
}

/* Every waiter is looked at, so that time tells nothing about which tokens there are. */
static struct stream_waiter *find(struct stream_service *s, const uint8_t *token)
{
    struct stream_waiter *found = NULL;

    for (struct stream_waiter *w = s->waiters; w; w = w->next)
        if (vix_stream_token_equal(w->token, token))
            found = w;
    return found;
}

static void greeted(struct stranger *c)
{
    struct stream_service *s = c->service;
    struct stream_waiter *w = NULL;
    const uint8_t *token;
    int fd;

    if (!vix_stream_greeting_decode(c->greeting, &token))
        w = find(s, token);
    if (!w) {
        vmlog_guest(&s->vm->log, "a stream that nobody waits for was refused", 42);
        drop(c);
        return;
    }
    stream_service_forget(s, w);
    fd = TAKE_FD(c->fd);
    drop(c);
    w->connected(w, fd);
}

static void ready(uv_poll_t *poll, int status, int events)
{
    struct stranger *c = poll->data;
    ssize_t n = 0;

    (void)events;
    /* Exactly the greeting: what follows it belongs to the stream. */
    if (status == 0)
        n = recv(c->fd, c->greeting + c->have, sizeof(c->greeting) - c->have, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(c);
        return;
    }
    c->have += (size_t)n;
    if (c->have == sizeof(c->greeting))
        greeted(c);
}

static bool full(const struct stream_service *s, uid_t uid)
{
    unsigned same = 0;

    for (const struct stranger *c = s->strangers; c; c = c->next)
        same += c->uid == uid;
    return s->count >= STREAM_SERVICE_MAX || same >= STREAM_SERVICE_USER_MAX;
}

static void accepted(int fd, void *arg)
{
    struct stream_service *s = arg;
    struct stranger *c;
    struct ucred peer;

    if (sock_peer(fd, &peer) || full(s, peer.uid)) {
        vmlog_guest(&s->vm->log, "too many stream connections, one refused", 40);
        close(fd);
        return;
    }
    c = mem_calloc(1, sizeof(*c));
    if (!c || uv_poll_init(s->vm->loop, &c->poll, fd)) {
        mem_free(c);
        close(fd);
        return;
    }
    uv_timer_init(s->vm->loop, &c->timer);
    c->poll.data = c->timer.data = c;
    c->handles = 2;
    c->service = s;
    c->fd = fd;
    c->uid = peer.uid;
    c->next = s->strangers;
    s->strangers = c;
    s->count++;
    uv_timer_start(&c->timer, late, STREAM_SERVICE_MS, 0);
    uv_poll_start(&c->poll, UV_READABLE, ready);
}

int stream_service_wait(struct stream_service *s, struct stream_waiter *w)
{
    if (getrandom(w->token, sizeof(w->token), 0) != (ssize_t)sizeof(w->token))
        return -EIO;
    w->waiting = true;
    w->next = s->waiters;
    s->waiters = w;
    return 0;
}

void stream_service_forget(struct stream_service *s, struct stream_waiter *w)
{
    if (!w->waiting)
        return;
    w->waiting = false;
    for (struct stream_waiter **p = &s->waiters; *p; p = &(*p)->next)
        if (*p == w) {
            *p = w->next;
            return;
        }
}

int stream_service_new(struct vm *vm, const char *path, struct stream_service **ret,
                       struct error *err)
{
    AUTO_FREE struct stream_service *s = mem_calloc(1, sizeof(*s));
    int r;

    if (!s)
        return error_set(err, -ENOMEM, "no memory for the stream service");
    s->vm = vm;
    r = listener_new(vm->loop, path, 0666, accepted, s, &s->listener, err);
    if (!r)
        *ret = TAKE_PTR(s);
    return r;
}

void stream_service_drop_all(struct stream_service *s)
{
    while (s->strangers)
        drop(s->strangers);
}

void stream_service_free(struct stream_service *s)
{
    if (!s)
        return;
    stream_service_drop_all(s);
    listener_free(s->listener);
    mem_free(s);
}
