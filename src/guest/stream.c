#include "guest/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sock.h"
#include "guest/pseudo_file.h"

/* A pipe tells its end and its first byte, but not how full it is. */
#define LOOK_MS 50u

struct wait {
    struct wait *next;
    struct stream *stream;
    enum stream_event event;
    uint64_t until;
    void (*fn)(void *arg);
    void *arg;
    uv_timer_t timer;
};

struct stream {
    uv_loop_t *loop;
    enum stream_way way;
    unsigned refs;
    int fd; /* -1: closed */
    int size;
    bool taken;
    uv_poll_t *poll; /* allocated: libuv lets go of it later than we do */
    struct wait *waits;
};

static void set_events(struct stream *s);

int stream_new(uv_loop_t *loop, enum stream_way way, struct stream **ret, int *ret_child_fd)
{
    AUTO_FREE struct stream *s = mem_calloc(1, sizeof(*s));
    AUTO_CLOSE int ours = -1, theirs = -1;
    int fds[2], r;

    if (!s)
        return -ENOMEM;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    ours = fds[way == STREAM_OUT ? 0 : 1];
    theirs = fds[way == STREAM_OUT ? 1 : 0];
    s->size = fcntl(ours, F_SETPIPE_SZ, STREAM_PIPE_BYTES);
    if (s->size < 0)
        s->size = fcntl(ours, F_GETPIPE_SZ);
    r = sock_set_nonblocking(ours, 1);
    if (r < 0 || s->size < 0)
        return r < 0 ? r : -errno;
    s->loop = loop;
    s->way = way;
    s->refs = 1;
    s->fd = TAKE_FD(ours);
    *ret_child_fd = TAKE_FD(theirs);
    *ret = TAKE_PTR(s);
    return 0;
}

struct stream *stream_ref(struct stream *s)
{
    s->refs++;
    return s;
}

void stream_unref(struct stream *s)
{
    if (!s || --s->refs)
        return;
    stream_close(s);
    mem_free(s);
}

enum stream_way stream_way(const struct stream *s)
{
    return s->way;
}

int stream_dup(const struct stream *s)
{
    int fd = s->fd < 0 ? -1 : fcntl(s->fd, F_DUPFD_CLOEXEC, 0);

    if (s->fd < 0)
        return -EBADF;
    return fd < 0 ? -errno : fd;
}

bool stream_take(struct stream *s)
{
    if (s->taken)
        return false;
    s->taken = true;
    return true;
}

void stream_give_back(struct stream *s)
{
    s->taken = false;
}

static void poll_closed(uv_handle_t *h)
{
    mem_free(h);
}

void stream_close(struct stream *s)
{
    if (s->poll)
        uv_close((uv_handle_t *)TAKE_PTR(s->poll), poll_closed);
    if (s->fd >= 0)
        close(TAKE_FD(s->fd));
    stream_wake(s);
}

/* Whether every writer has closed its end. */
static bool writers_gone(int fd)
{
    struct pollfd p = {.fd = fd};

    return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

bool stream_settled(struct stream *s, int64_t *ret_size)
{
    int there = 0;
    bool ended;

    *ret_size = 0;
    if (s->way == STREAM_IN || s->fd < 0)
        return true;
    /* In this order: what is written between the two is seen. */
    ended = writers_gone(s->fd);
    if (ioctl(s->fd, FIONREAD, &there) < 0)
        return true;
    if (ended) {
        *ret_size = there;
        return true;
    }
    *ret_size = SIZE_NOT_KNOWN;
    /* Pages are not always filled up: a pipe can be full with little more than half its size. */
    return there >= s->size / 2;
}

ssize_t stream_read(struct stream *s, void *out, size_t size)
{
    size_t got = 0;

    while (got < size && s->fd >= 0) {
        ssize_t n = read(s->fd, (char *)out + got, size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return got ? (ssize_t)got : -errno;
        if (n == 0)
            stream_close(s);
        else
            got += (size_t)n;
    }
    return (ssize_t)got;
}

ssize_t stream_write(struct stream *s, const void *data, size_t size)
{
    ssize_t n;

    if (s->fd < 0)
        return -EPIPE;
    do
        n = write(s->fd, data, size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* ---- waiting ---- */

static void timer_closed(uv_handle_t *h)
{
    struct wait *w = h->data;

    stream_unref(w->stream);
    mem_free(w);
}

static void end_wait(struct wait *w)
{
    struct wait **at = &w->stream->waits;

    while (*at && *at != w)
        at = &(*at)->next;
    if (!*at)
        return; /* has ended */
    *at = w->next;
    uv_close((uv_handle_t *)&w->timer, timer_closed);
    w->fn(w->arg);
}

static void on_timer(uv_timer_t *timer)
{
    struct wait *w = timer->data;
    struct stream *s = stream_ref(w->stream);
    int64_t size;

    if (clock_ms() >= w->until || (w->event == STREAM_EVENT_SETTLED && stream_settled(s, &size)))
        end_wait(w);
    set_events(s);
    stream_unref(s);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct stream *s = poll->data;
    struct wait *w = s->waits, *next;

    stream_ref(s);
    /* Those that began before now; the callbacks may begin others, in front of them. */
    for (; w; w = next) {
        next = w->next;
        if (w->event == STREAM_EVENT_IO || status < 0 || events & UV_DISCONNECT)
            end_wait(w);
    }
    set_events(s);
    stream_unref(s);
}

static void set_events(struct stream *s)
{
    int events = 0;

    if (s->fd < 0)
        return;
    for (const struct wait *w = s->waits; w; w = w->next)
        events |= w->event == STREAM_EVENT_SETTLED ? UV_DISCONNECT
                  : s->way == STREAM_OUT           ? UV_READABLE
                                                   : UV_WRITABLE;
    if (events && !s->poll) {
        s->poll = mem_calloc(1, sizeof(*s->poll));
        if (s->poll && uv_poll_init(s->loop, s->poll, s->fd) < 0)
            mem_free(TAKE_PTR(s->poll));
        if (!s->poll)
            return; /* the waits end by time */
        s->poll->data = s;
    }
    if (events)
        uv_poll_start(s->poll, events, on_event);
    else if (s->poll)
        uv_poll_stop(s->poll);
}

int stream_wait(struct stream *s, enum stream_event event, unsigned ms, void (*fn)(void *arg),
                void *arg)
{
    struct wait *w = mem_calloc(1, sizeof(*w));
    unsigned look = event == STREAM_EVENT_SETTLED ? LOOK_MS : ms;

    if (!w)
        return -ENOMEM;
    *w = (struct wait){.stream = stream_ref(s), .event = event, .fn = fn, .arg = arg};
    w->until = clock_ms() + ms;
    uv_timer_init(s->loop, &w->timer);
    w->timer.data = w;
    /* A closed stream has nothing to wait for. */
    uv_timer_start(&w->timer, on_timer, s->fd < 0 ? 0 : look, look);
    if (s->fd < 0)
        w->until = 0;
    w->next = s->waits;
    s->waits = w;
    set_events(s);
    return 0;
}

void stream_wake(struct stream *s)
{
    for (struct wait *w = s->waits; w; w = w->next) {
        w->until = 0;
        uv_timer_start(&w->timer, on_timer, 0, 0);
    }
}
