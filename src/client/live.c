#include "client/live.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* A pipe that poll calls writable takes this much without blocking. */
#define WRITE_SAFE 4096u
#define READ_SIZE  32768u

struct live {
    const struct live_options *o;
    struct vim_stream *stream;

    uint8_t in[EXEC_FRAME_MAX]; /* from the stream, not yet a frame */
    size_t in_len;
    struct exec_frame pending; /* output under way; data points into `in` */
    size_t pending_at, pending_head;

    struct buf out; /* to the stream */
    uint64_t credit;
    bool input_ended;
    bool window;
    uint16_t rows, columns;
    uint32_t signals; /* bit n: signal n waits to be sent */

    bool stream_ended, told;
    struct live_result *result;
    struct error *err;
};

void live_window(struct live *l, uint16_t rows, uint16_t columns)
{
    l->window = true;
    l->rows = rows;
    l->columns = columns;
}

void live_signal(struct live *l, int number)
{
    if (number > 0 && number <= (int)EXEC_SIGNAL_LAST)
        l->signals |= 1u << number;
}

/* ---- from the stream ---- */

static bool has_output(const struct live *l)
{
    return l->pending_at < l->pending.len;
}

/* What was taken off the front of `in` is not needed any more. */
static void consume(struct live *l, size_t n)
{
    memmove(l->in, l->in + n, l->in_len - n);
    l->in_len -= n;
}

static int take_frame(struct live *l, const struct exec_frame *f)
{
    switch (f->type) {
    case EXEC_STDOUT:
    case EXEC_STDERR:
        l->pending = *f;
        l->pending_at = 0;
        break;
    case EXEC_STDOUT_EOF:
        if (l->o->socket)
            shutdown(l->o->output, SHUT_WR);
        break;
    case EXEC_CREDIT_MORE:
        l->credit += f->value;
        break;
    case EXEC_EXIT:
        l->told = true;
        l->result->end = f->end;
        l->result->value = (uint32_t)f->value;
        memcpy(l->result->text, f->data, f->len);
        l->result->text[f->len] = '\0';
        break;
    default:
        break;
    }
    return 0;
}

/* Frames until one has output that must be written first. */
static int take_frames(struct live *l)
{
    while (!has_output(l) && !l->told) {
        struct cursor c = CURSOR_INIT(l->in, l->in_len);
        struct exec_frame f;
        int r;

        if (l->pending_head) {
            consume(l, l->pending_head);
            l->pending_head = 0;
            c = CURSOR_INIT(l->in, l->in_len);
        }
        r = exec_frame_next(&c, EXEC_TO_CLIENT, &f);
        if (r < 0)
            return error_set(l->err, -EPROTO, "what comes from the guest is no stream");
        if (r == 0)
            return 0;
        l->pending_head = l->in_len - c.left;
        take_frame(l, &f);
    }
    return 0;
}

static int receive(struct live *l)
{
    while (!l->stream_ended && !has_output(l) && !l->told) {
        ssize_t n = vim_stream_receive(l->stream, l->in + l->in_len, sizeof(l->in) - l->in_len);
        int r;

        if (n == -EAGAIN)
            return 0;
        if (n <= 0) {
            l->stream_ended = true;
            return 0;
        }
        l->in_len += (size_t)n;
        r = take_frames(l);
        if (r < 0)
            return r;
    }
    return 0;
}

static int write_output(struct live *l)
{
    int fd = l->pending.type == EXEC_STDOUT ? l->o->output : l->o->errors;
    size_t n = l->pending.len - l->pending_at;
    struct stat st;
    ssize_t put;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        n = n < WRITE_SAFE ? n : WRITE_SAFE;
    put = write(fd, l->pending.data + l->pending_at, n);
    if (put < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (put < 0)
        return error_errno(l->err, -EPIPE, "the output cannot be written");
    l->pending_at += (size_t)put;
    return has_output(l) ? 0 : take_frames(l);
}

/* ---- to the stream ---- */

static void put_control(struct live *l)
{
    for (int n = 1; n <= (int)EXEC_SIGNAL_LAST && l->signals; n++)
        if (l->signals & 1u << n) {
            exec_frame_put(&l->out,
                           &(struct exec_frame){.type = EXEC_SIGNAL, .value = (uint64_t)n});
            l->signals &= ~(1u << n);
        }
    if (l->window)
        exec_frame_put(&l->out, &(struct exec_frame){
                                    .type = EXEC_WINDOW, .rows = l->rows, .columns = l->columns});
    l->window = false;
}

static int read_input(struct live *l)
{
    size_t size = l->credit < READ_SIZE ? (size_t)l->credit : READ_SIZE;
    uint8_t block[READ_SIZE];
    struct exec_frame f = {.type = EXEC_STDIN, .data = block};
    ssize_t n = read(l->o->input, block, size);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0) { /* an error, a terminal's hang-up for one, ends the input, too */
        l->input_ended = true;
        f = (struct exec_frame){.type = EXEC_STDIN_EOF};
    } else {
        f.len = (size_t)n;
        l->credit -= (uint64_t)n;
    }
    return exec_frame_put(&l->out, &f);
}

static int send_out(struct live *l)
{
    while (l->out.len) {
        ssize_t n = vim_stream_send(l->stream, l->out.data, l->out.len);

        if (n == -EAGAIN)
            return 0;
        if (n < 0) { /* what the guest said last may still be there */
            buf_clear(&l->out);
            l->input_ended = true;
            return 0;
        }
        buf_consume(&l->out, (size_t)n);
    }
    return 0;
}

/* ---- the loop ---- */

enum { STREAM, INPUT, OUTPUT, EVENTS, POLLS };

static int round_of(struct live *l)
{
    bool wants_input = !l->input_ended && l->credit && !l->out.len;
    struct pollfd p[POLLS] = {
        [STREAM] = {.fd = vim_stream_fd(l->stream)},
        [INPUT] = {.fd = wants_input ? l->o->input : -1, .events = POLLIN},
        [OUTPUT] = {.fd = -1, .events = POLLOUT},
        [EVENTS] = {.fd = l->o->event ? l->o->events : -1, .events = POLLIN},
    };
    int r = 0;

    if (has_output(l))
        p[OUTPUT].fd = l->pending.type == EXEC_STDOUT ? l->o->output : l->o->errors;
    else
        p[STREAM].events = POLLIN;
    if (l->out.len)
        p[STREAM].events |= POLLOUT;
    if (!p[STREAM].events)
        p[STREAM].fd = -1;
    if (poll(p, POLLS, -1) < 0)
        return errno == EINTR ? 0 : error_errno(l->err, -errno, "poll");
    if (l->o->event && p[EVENTS].revents)
        l->o->event(l->o->arg, l);
    if (p[OUTPUT].revents)
        r = write_output(l);
    if (r == 0 && p[INPUT].revents)
        r = read_input(l);
    if (r == 0)
        put_control(l);
    if (r == 0)
        r = send_out(l);
    return r ? r : receive(l);
}

int live_run(struct vim_stream *s, const struct live_options *o, struct live_result *ret,
             struct error *err)
{
    AUTO_FREE struct live *l = mem_calloc(1, sizeof(*l));
    int r;

    if (!l)
        return error_set(err, -ENOMEM, "out of memory");
    l->o = o;
    l->stream = s;
    l->out = BUF_INIT(2 * EXEC_FRAME_MAX);
    l->credit = EXEC_CREDIT;
    l->input_ended = o->input < 0;
    l->result = ret;
    l->err = err;
    if (l->input_ended)
        exec_frame_put(&l->out, &(struct exec_frame){.type = EXEC_STDIN_EOF});
    r = receive(l); /* what came along with the answer */
    while (r == 0 && !l->told && !(l->stream_ended && !has_output(l)))
        r = round_of(l);
    buf_free(&l->out);
    if (r == 0 && !l->told)
        r = error_set(err, -ECONNRESET,
                      "the connection to the guest broke before the end was told");
    return r;
}
