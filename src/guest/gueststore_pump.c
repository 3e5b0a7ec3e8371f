#include "guest/gueststore_pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

struct pump {
    int pipe[2];     /* -1 = copying */
    uint8_t *buffer; /* copying */
    size_t held, offset;
};

static int start_copying(struct pump *p)
{
    for (unsigned i = 0; i < 2; i++) {
        if (p->pipe[i] >= 0)
            close(p->pipe[i]);
        p->pipe[i] = -1;
    }
    p->buffer = mem_alloc(PUMP_BUFFER_SIZE);
    return p->buffer ? 0 : -ENOMEM;
}

int pump_new(struct pump **ret)
{
    struct pump *p = mem_calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->pipe[0] = p->pipe[1] = -1;
    if (pipe2(p->pipe, O_CLOEXEC | O_NONBLOCK) == 0) {
        fcntl(p->pipe[0], F_SETPIPE_SZ, PUMP_PIPE_SIZE);
    } else if (start_copying(p) < 0) {
        mem_free(p);
        return -ENOMEM;
    }
    *ret = p;
    return 0;
}

void pump_free(struct pump *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < 2; i++)
        if (p->pipe[i] >= 0)
            close(p->pipe[i]);
    mem_free(p->buffer);
    mem_free(p);
}

static ssize_t take(struct pump *p, int from, size_t max)
{
    ssize_t n;

    if (!p->buffer) {
        size_t want = max < PUMP_PIPE_SIZE ? max : PUMP_PIPE_SIZE;

        n = splice(from, NULL, p->pipe[1], NULL, want, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (n >= 0 || errno != EINVAL)
            return n;
        if (start_copying(p) < 0) {
            errno = ENOMEM;
            return -1;
        }
    }
    return recv(from, p->buffer, max < PUMP_BUFFER_SIZE ? max : PUMP_BUFFER_SIZE, MSG_DONTWAIT);
}

static ssize_t give(struct pump *p, int to)
{
    if (p->buffer)
        return send(to, p->buffer + p->offset, p->held, MSG_DONTWAIT | MSG_NOSIGNAL);
    /* The output is the client's local socket, which can always be spliced to. */
    return splice(p->pipe[0], NULL, to, NULL, p->held, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
}

enum pump_result pump_run(struct pump *p, int from, int to, int64_t *left, int64_t *ret_moved)
{
    int64_t moved = 0;
    ssize_t n;

    *ret_moved = 0;
    while (*left > 0 && moved < (int64_t)PUMP_TURN) {
        if (!p->held) {
            n = take(p, from, *left < (int64_t)PUMP_PIPE_SIZE ? (size_t)*left : PUMP_PIPE_SIZE);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0 && errno == EAGAIN)
                return PUMP_WANT_INPUT;
            if (n <= 0)
                return PUMP_INPUT_FAILED;
            p->held = (size_t)n;
            p->offset = 0;
        }
        n = give(p, to);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return PUMP_WANT_ROOM;
        if (n <= 0)
            return PUMP_OUTPUT_FAILED;
        p->held -= (size_t)n;
        p->offset += (size_t)n;
        *left -= n;
        moved += n;
        *ret_moved = moved;
    }
    return *left > 0 ? PUMP_MORE : PUMP_DONE;
}
