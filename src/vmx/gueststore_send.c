#include "vmx/gueststore_send.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define PIECE      (1u << 20)
#define COPY_PIECE 65536u
/* A stream that is full is waited for on the thread this long, then on the loop. */
#define FULL_MS 5

struct sender {
    struct sender_config config;
    int stream; /* a descriptor of its own: the caller may close the other one */
    uv_work_t work;
    uv_poll_t poll;
    bool working, freed, over;
    struct stat as_opened;
    int64_t allowed, told;
    /* the thread's while it works */
    atomic_bool stop;
    int64_t offset, goal;
    int result; /* 0, -EAGAIN (the stream is full), or why it failed */
};

static bool changed(const struct sender *s)
{
    struct stat now;

    return s->config.watch &&
           (fstat(s->config.file, &now) < 0 || now.st_size != s->as_opened.st_size ||
            now.st_mtim.tv_sec != s->as_opened.st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != s->as_opened.st_mtim.tv_nsec ||
            now.st_ctim.tv_sec != s->as_opened.st_ctim.tv_sec ||
            now.st_ctim.tv_nsec != s->as_opened.st_ctim.tv_nsec);
}

/* Up to `max` bytes from the offset on; 0 = the file is shorter than it should be. */
static ssize_t send_piece(struct sender *s, size_t max)
{
    off_t offset = s->offset;
    uint8_t bytes[COPY_PIECE];
    ssize_t n;

    if (s->config.size - s->offset > (int64_t)SENDER_TAIL) {
        int64_t head = s->config.size - s->offset - (int64_t)SENDER_TAIL;

        if ((int64_t)max > head)
            max = (size_t)head;
        return sendfile(s->stream, s->config.file, &offset, max < PIECE ? max : PIECE);
    }
    n = pread(s->config.file, bytes, max < COPY_PIECE ? max : COPY_PIECE, offset);
    return n <= 0 ? n : send(s->stream, bytes, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* On a thread. */
static void send_some(uv_work_t *work)
{
    struct sender *s = work->data;
    uint64_t end = clock_ms() + SENDER_TURN_MS;
    struct pollfd room = {.fd = s->stream, .events = POLLOUT};

    s->result = 0;
    while (s->offset < s->goal && !atomic_load(&s->stop) && clock_ms() < end) {
        bool last = s->offset == s->config.size - 1;
        int64_t to = last || s->goal < s->config.size ? s->goal : s->config.size - 1;
        ssize_t n;

        if (last && changed(s)) {
            s->result = -ESTALE;
            return;
        }
        n = send_piece(s, (size_t)(to - s->offset));
        if (n > 0) {
            s->offset += n;
        } else if (n == 0) {
            s->result = -ENODATA;
            return;
        } else if (errno == EAGAIN) {
            if (poll(&room, 1, FULL_MS) == 0) {
                s->result = -EAGAIN;
                return;
            }
        } else if (errno != EINTR) {
            s->result = -errno;
            return;
        }
    }
}

static void handle_gone(uv_handle_t *handle)
{
    struct sender *s = handle->data;

    close(s->stream);
    close(s->config.file);
    mem_free(s);
}

static void start(struct sender *s);

static void room(uv_poll_t *poll, int status, int events)
{
    struct sender *s = poll->data;

    (void)status; /* the next attempt to send finds out */
    (void)events;
    uv_poll_stop(poll);
    start(s);
}

static void worked(uv_work_t *work, int status)
{
    struct sender *s = work->data;
    bool moved = s->offset > s->told;

    (void)status;
    s->told = s->offset;
    s->working = false;
    if (s->freed) {
        uv_close((uv_handle_t *)&s->poll, handle_gone);
        return;
    }
    if (s->result == 0 && s->offset == s->config.size) {
        s->over = true;
        s->config.ops->over(0, s->config.arg);
    } else if (s->result == 0 || s->result == -EAGAIN) {
        if (s->result)
            uv_poll_start(&s->poll, UV_WRITABLE, room);
        else
            start(s);
        if (moved)
            s->config.ops->moved(s->config.arg);
    } else {
        s->over = true;
        s->config.ops->over(s->result, s->config.arg);
    }
}

static void start(struct sender *s)
{
    if (s->working || s->over || s->freed || s->offset >= s->allowed)
        return;
    s->goal = s->allowed;
    s->working = uv_queue_work(s->config.loop, &s->work, send_some, worked) == 0;
}

int sender_new(const struct sender_config *config, struct sender **ret)
{
    struct sender *s = mem_calloc(1, sizeof(*s));
    int r = s ? 0 : -ENOMEM;

    if (!r) {
        s->config = *config;
        s->work.data = s->poll.data = s;
        s->stream = fcntl(config->stream, F_DUPFD_CLOEXEC, 0);
        if (s->stream < 0 || fstat(config->file, &s->as_opened) < 0)
            r = -errno;
    }
    if (!r)
        r = uv_poll_init(config->loop, &s->poll, s->stream);
    if (r) {
        if (s && s->stream >= 0)
            close(s->stream);
        close(config->file);
        mem_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void sender_allow(struct sender *s, int64_t limit)
{
    if (limit > s->config.size)
        limit = s->config.size;
    if (limit > s->allowed)
        s->allowed = limit;
    if (!uv_is_active((uv_handle_t *)&s->poll))
        start(s);
}

void sender_free(struct sender *s)
{
    if (!s || s->freed)
        return;
    s->freed = true;
    atomic_store(&s->stop, true);
    uv_poll_stop(&s->poll);
    if (s->working)
        shutdown(s->stream, SHUT_RDWR);
    else
        uv_close((uv_handle_t *)&s->poll, handle_gone);
}
