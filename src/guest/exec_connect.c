/* TCP to the guest's loopback, as the guest's user; see exec_program.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sock.h"
#include "guest/exec_link.h"
#include "guest/exec_program.h"
#include "guest/vixops.h"

#define CONNECT_MS 10000u

/* ---- connecting ---- */

struct attempt {
    struct worker_ctx *w;
    uint16_t port;
    int fd;
    bool v6;
    int code; /* of the first failure */
    uv_poll_t *poll;
    uv_timer_t timer;
    void (*done)(void *arg, int fd);
    void *arg;
};

static void attempt_closed(uv_handle_t *h)
{
    mem_free(h->data);
}

static void poll_closed(uv_handle_t *h)
{
    mem_free(h);
}

static void attempt_end(struct attempt *a, int result)
{
    void (*done)(void *, int) = a->done;
    void *arg = a->arg;

    if (a->poll)
        uv_close((uv_handle_t *)TAKE_PTR(a->poll), poll_closed);
    if (result < 0 && a->fd >= 0)
        close(a->fd);
    uv_close((uv_handle_t *)&a->timer, attempt_closed);
    done(arg, result);
}

static int begin(struct attempt *a);

static void failed(struct attempt *a, int code)
{
    if (a->poll)
        uv_close((uv_handle_t *)TAKE_PTR(a->poll), poll_closed);
    if (a->fd >= 0)
        close(TAKE_FD(a->fd));
    if (!a->v6) {
        a->code = code;
        a->v6 = true;
        if (begin(a) == 0)
            return;
    }
    attempt_end(a, a->code);
}

static void on_connect(uv_poll_t *poll, int status, int events)
{
    struct attempt *a = poll->data;
    socklen_t len = sizeof(int);
    int err = 0;

    (void)events;
    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        err = errno;
    if (status < 0 || err)
        failed(a, err ? -err : status);
    else
        attempt_end(a, a->fd);
}

static int begin(struct attempt *a)
{
    const struct sockaddr_in v4 = {.sin_family = AF_INET,
                                   .sin_port = htons(a->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const struct sockaddr *to = a->v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    int r = 0;

    a->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->fd < 0)
        return -errno;
    if (connect(a->fd, to, a->v6 ? sizeof(v6) : sizeof(v4)) < 0 && errno != EINPROGRESS)
        r = -errno;
    if (r == 0) {
        a->poll = mem_calloc(1, sizeof(*a->poll));
        r = a->poll ? uv_poll_init(a->w->loop, a->poll, a->fd) : -ENOMEM;
        if (r < 0)
            mem_free(TAKE_PTR(a->poll));
    }
    if (r == 0) {
        a->poll->data = a;
        r = uv_poll_start(a->poll, UV_WRITABLE, on_connect);
    }
    if (r < 0) {
        if (a->poll)
            uv_close((uv_handle_t *)TAKE_PTR(a->poll), poll_closed);
        close(TAKE_FD(a->fd));
    }
    return r;
}

static void on_time(uv_timer_t *timer)
{
    struct attempt *a = timer->data;

    /* Without a connection under way the first address was refused at once. */
    if (a->fd < 0) {
        uv_timer_start(timer, on_time, CONNECT_MS, 0);
        failed(a, a->code);
    } else {
        attempt_end(a, -ETIMEDOUT);
    }
}

int exec_connect(struct worker_ctx *w, uint16_t port, void (*done)(void *arg, int fd), void *arg)
{
    struct attempt *a = mem_calloc(1, sizeof(*a));
    int r;

    if (!a)
        return -ENOMEM;
    a->w = w;
    a->port = port;
    a->fd = -1;
    a->done = done;
    a->arg = arg;
    uv_timer_init(w->loop, &a->timer);
    a->timer.data = a;
    r = begin(a);
    a->code = r;
    return uv_timer_start(&a->timer, on_time, r < 0 ? 0 : CONNECT_MS, 0);
}

/* ---- joining ---- */

struct connection {
    struct worker_ctx *w;
    struct exec_link *link;
    bool output_ended, input_ended;
};

static void over(void *arg)
{
    struct connection *c = arg;

    c->w->exec_live--;
    c->w->stay_changed(c->w);
    mem_free(c);
}

static void finish_if_both(struct connection *c)
{
    if (c->output_ended && c->input_ended)
        exec_link_finish(c->link, EXEC_END_CODE, 0, "");
}

static void on_output_ended(void *arg, int err)
{
    struct connection *c = arg;

    c->output_ended = true;
    if (err)
        exec_link_finish(c->link, EXEC_END_FAILED, (uint32_t)err, strerror(err));
    else
        finish_if_both(c);
}

static void on_input_ended(void *arg)
{
    struct connection *c = arg;

    c->input_ended = true;
    finish_if_both(c);
}

static const struct exec_link_ops ops = {
    .output_ended = on_output_ended, .input_ended = on_input_ended, .gone = over, .done = over};

int exec_connection_start(struct worker_ctx *w, int peer, int socket)
{
    AUTO_FREE struct connection *c = mem_calloc(1, sizeof(*c));
    struct exec_link_fds fds = {
        .socket = socket, .input = -1, .output = peer, .errors = -1, .eof_char = -1};
    int on = 1, r = c ? 0 : -ENOMEM;

    if (r == 0 && w->exec_live >= EXEC_LIVE_MAX)
        r = -EAGAIN;
    if (r == 0)
        fds.input = fcntl(peer, F_DUPFD_CLOEXEC, 0);
    if (r == 0 && fds.input < 0)
        r = -errno;
    if (r < 0) {
        close(peer);
        close(socket);
        return r;
    }
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->w = w;
    r = exec_link_new(w->loop, &fds, &ops, c, &c->link);
    if (r < 0)
        return r;
    exec_link_started(c->link, 0);
    w->exec_live++;
    w->stay_changed(w);
    (void)TAKE_PTR(c); /* its own from now on: `over` frees it */
    return 0;
}
