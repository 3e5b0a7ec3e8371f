#include "guest/exec_link.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sock.h"

#define CONTROL_MAX 2048u /* STARTED, STDOUT_EOF, CREDIT_MORE and EXIT together */
/* Blocks that one event moves before others have their turn. */
#define ROUNDS 16
/* Credit is given back in pieces of this size, and when all input has been taken. */
#define CREDIT_STEP (EXEC_CREDIT / 4)

/* A descriptor and what libuv watches it with. */
struct end {
    int fd; /* -1: closed */
    uv_poll_t *poll;
    int events; /* that are watched */
};

enum { OUTPUT, ERRORS, OUTPUTS };

struct exec_link {
    const struct exec_link_ops *ops;
    void *arg;
    uv_loop_t *loop;
    struct end socket, input, outputs[OUTPUTS];
    bool input_is_socket;
    int eof_char;

    uint8_t *received; /* EXEC_FRAME_MAX bytes: what is not yet a frame */
    size_t received_len;
    struct buf queue; /* input that has not been taken, from `queue_at` on */
    size_t queue_at;
    bool input_ended; /* by the client */
    bool input_over;  /* and nothing of it is left, or nobody takes it */
    uint32_t taken;   /* input that no CREDIT_MORE has told of */

    uint8_t *frame; /* EXEC_FRAME_MAX bytes: one frame of output under way */
    size_t frame_at, frame_len;
    struct buf control; /* goes out when no frame is under way */
    unsigned next_output;

    bool finishing, told;
    bool over;     /* no callbacks any more */
    unsigned busy; /* callbacks that run */
    enum exec_end finish_end;
    uint32_t finish_value;
    char *finish_text;
};

static void watch(struct exec_link *l);

/* ---- descriptors ---- */

static void poll_closed(uv_handle_t *h)
{
    mem_free(h);
}

static void end_close(struct end *e)
{
    if (e->poll)
        uv_close((uv_handle_t *)TAKE_PTR(e->poll), poll_closed);
    if (e->fd >= 0)
        close(TAKE_FD(e->fd));
}

static int end_open(struct exec_link *l, struct end *e)
{
    int r;

    if (e->fd < 0)
        return 0;
    r = sock_set_nonblocking(e->fd, 1);
    if (r < 0)
        return r;
    e->poll = mem_calloc(1, sizeof(*e->poll));
    if (!e->poll)
        return -ENOMEM;
    r = uv_poll_init(l->loop, e->poll, e->fd);
    if (r < 0) {
        mem_free(TAKE_PTR(e->poll));
        return r;
    }
    e->poll->data = l;
    return 0;
}

static void free_link(struct exec_link *l)
{
    end_close(&l->socket);
    end_close(&l->input);
    for (int i = 0; i < OUTPUTS; i++)
        end_close(&l->outputs[i]);
    mem_free(l->received);
    mem_free(l->frame);
    mem_free(l->finish_text);
    buf_free(&l->queue);
    buf_free(&l->control);
    mem_free(l);
}

static void leave(struct exec_link *l)
{
    if (--l->busy == 0) {
        if (l->over)
            free_link(l);
        else
            watch(l);
    }
}

void exec_link_close(struct exec_link *l)
{
    if (!l)
        return;
    l->busy++;
    l->over = true;
    leave(l);
}

static void end_link(struct exec_link *l, void (*tell)(void *arg))
{
    if (l->over)
        return;
    l->over = true;
    /* Before anybody is told: the program sees the end at once. */
    end_close(&l->socket);
    end_close(&l->input);
    for (int i = 0; i < OUTPUTS; i++)
        end_close(&l->outputs[i]);
    tell(l->arg);
}

/* ---- input ---- */

/* Nothing more goes that way; what the client still sends is thrown away. */
static void close_input(struct exec_link *l)
{
    if (l->input_over)
        return;
    l->input_over = true;
    /* The other half of a socket goes on being read. */
    if (l->input.fd >= 0 && l->input_is_socket)
        shutdown(l->input.fd, SHUT_WR);
    end_close(&l->input);
    if (l->ops->input_ended)
        l->ops->input_ended(l->arg);
}

static void end_input(struct exec_link *l)
{
    char c = (char)l->eof_char;

    if (l->eof_char < 0)
        close_input(l);
    else if (!l->input_over && l->input.fd >= 0)
        /* A terminal that takes no more has a reader that does not wait for this. */
        l->input_over = write(l->input.fd, &c, 1) == 1;
}

static void give_credit(struct exec_link *l)
{
    struct exec_frame f = {.type = EXEC_CREDIT_MORE, .value = l->taken};

    if (l->taken < CREDIT_STEP && (l->taken == 0 || l->queue.len != l->queue_at))
        return;
    /* One at a time: what comes meanwhile is added up. */
    if (l->control.len || l->told)
        return;
    if (exec_frame_put(&l->control, &f) == 0)
        l->taken = 0;
}

static void write_input(struct exec_link *l)
{
    while (l->queue_at < l->queue.len) {
        size_t n = l->queue.len - l->queue_at;
        ssize_t put =
            l->input.fd < 0 ? (ssize_t)n : write(l->input.fd, l->queue.data + l->queue_at, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN)
            break;
        if (put < 0) {
            close_input(l);
            continue;
        }
        l->queue_at += (size_t)put;
        l->taken += (uint32_t)put;
    }
    if (l->queue_at == l->queue.len) {
        buf_clear(&l->queue);
        l->queue_at = 0;
        if (l->input_ended)
            end_input(l);
    } else if (l->queue_at > EXEC_CREDIT / 2) {
        buf_consume(&l->queue, l->queue_at);
        l->queue_at = 0;
    }
    give_credit(l);
}

/* False: the client does not keep to the rules. */
static bool take_frame(struct exec_link *l, const struct exec_frame *f)
{
    switch (f->type) {
    case EXEC_STDIN:
        if (l->input_ended || l->queue.len - l->queue_at + l->taken + f->len > EXEC_CREDIT)
            return false;
        if (buf_put(&l->queue, f->data, f->len))
            return false;
        write_input(l);
        return true;
    case EXEC_STDIN_EOF:
        if (!l->input_ended) {
            l->input_ended = true;
            if (l->queue_at == l->queue.len)
                end_input(l);
        }
        return true;
    case EXEC_WINDOW:
        if (l->ops->window)
            l->ops->window(l->arg, f->rows, f->columns);
        return true;
    case EXEC_SIGNAL:
        if (l->ops->signal)
            l->ops->signal(l->arg, (int)f->value);
        return true;
    default:
        return false;
    }
}

static bool take_frames(struct exec_link *l)
{
    struct cursor c = CURSOR_INIT(l->received, l->received_len);
    struct exec_frame f;
    int r;

    while ((r = exec_frame_next(&c, EXEC_TO_WORKER, &f)) == 1)
        if (!take_frame(l, &f))
            return false;
    memmove(l->received, c.p, c.left);
    l->received_len = c.left;
    return r == 0;
}

static void on_client(struct exec_link *l)
{
    for (int i = 0; i < ROUNDS && !l->over; i++) {
        ssize_t n =
            recv(l->socket.fd, l->received + l->received_len, EXEC_FRAME_MAX - l->received_len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            end_link(l, l->ops->gone);
            return;
        }
        l->received_len += (size_t)n;
        if (!take_frames(l)) {
            end_link(l, l->ops->gone);
            return;
        }
    }
}

/* ---- output ---- */

/* Whether all that was under way has been sent. */
static bool flush(struct exec_link *l)
{
    for (;;) {
        bool frame = l->frame_at < l->frame_len;
        const uint8_t *from = frame ? l->frame + l->frame_at : l->control.data;
        size_t len = frame ? l->frame_len - l->frame_at : l->control.len;
        ssize_t n;

        if (!len)
            return true;
        n = send(l->socket.fd, from, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                end_link(l, l->ops->gone);
            return false;
        }
        if (frame)
            l->frame_at += (size_t)n;
        else
            buf_consume(&l->control, (size_t)n);
    }
}

static void output_eof(struct exec_link *l, int which, int err)
{
    struct exec_frame eof = {.type = EXEC_STDOUT_EOF};

    end_close(&l->outputs[which]);
    /* Of a program only the end is told. */
    if (l->input_is_socket && which == OUTPUT && !l->finishing)
        exec_frame_put(&l->control, &eof);
    if (l->outputs[OUTPUT].fd < 0 && l->outputs[ERRORS].fd < 0 && !l->finishing &&
        l->ops->output_ended)
        l->ops->output_ended(l->arg, err);
}

/* Reads one block of one of the outputs into the frame. False: nothing there now. */
static bool read_output(struct exec_link *l)
{
    for (int i = 0; i < OUTPUTS; i++) {
        int which = (int)(l->next_output++ % OUTPUTS);
        struct end *e = &l->outputs[which];
        ssize_t n;

        if (e->fd < 0)
            continue;
        do
            n = read(e->fd, l->frame + EXEC_FRAME_HEAD, EXEC_DATA_MAX);
        while (n < 0 && errno == EINTR);
        if (n > 0) {
            exec_frame_head(l->frame, which == OUTPUT ? EXEC_STDOUT : EXEC_STDERR, (size_t)n);
            l->frame_at = 0;
            l->frame_len = EXEC_FRAME_HEAD + (size_t)n;
            return true;
        }
        /* EIO: a terminal that no process has open any more. */
        if (n == 0 || errno != EAGAIN)
            output_eof(l, which, n < 0 ? errno : 0);
    }
    return false;
}

static void tell_end(struct exec_link *l)
{
    struct exec_frame f = {.type = EXEC_EXIT,
                           .end = l->finish_end,
                           .value = l->finish_value,
                           .data = (const uint8_t *)l->finish_text,
                           .len = l->finish_text ? strlen(l->finish_text) : 0};

    if (f.len > EXEC_REASON_MAX)
        f.len = EXEC_REASON_MAX;
    l->told = true;
    exec_frame_put(&l->control, &f);
}

static void move_output(struct exec_link *l)
{
    for (int i = 0; i < ROUNDS && !l->over; i++) {
        if (!flush(l))
            return;
        if (l->told) {
            shutdown(l->socket.fd, SHUT_WR);
            end_link(l, l->ops->done);
            return;
        }
        give_credit(l);
        if (read_output(l))
            continue;
        /* What the program wrote before its end has been read: the descriptor had no more. What
         * others write later to what it left open nobody waits for. */
        if (l->finishing)
            tell_end(l);
        else if (!l->control.len)
            return;
    }
}

/* ---- events ---- */

/* libuv stops watching a descriptor that has an error; what can still be read is to be read. */
static void watch_again(struct exec_link *l, const uv_poll_t *poll)
{
    struct end *all[] = {&l->socket, &l->input, &l->outputs[OUTPUT], &l->outputs[ERRORS]};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i]->poll == poll)
            all[i]->events = 0;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct exec_link *l = poll->data;

    l->busy++;
    if (status < 0) {
        end_link(l, l->ops->gone); /* what it sent last nobody will see the effect of */
    } else {
        if (events & (UV_READABLE | UV_DISCONNECT))
            on_client(l);
        if (!l->over)
            move_output(l);
    }
    leave(l);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    struct exec_link *l = poll->data;

    (void)events;
    l->busy++;
    if (status < 0)
        close_input(l);
    write_input(l);
    move_output(l);
    leave(l);
}

static void on_output(uv_poll_t *poll, int status, int events)
{
    struct exec_link *l = poll->data;

    (void)events;
    l->busy++;
    if (status < 0)
        watch_again(l, poll);
    move_output(l);
    leave(l);
}

static void set_events(struct end *e, int events, uv_poll_cb cb)
{
    if (!e->poll || e->events == events)
        return;
    e->events = events;
    if (events)
        uv_poll_start(e->poll, events, cb); /* fails only for a handle that is closing */
    else
        uv_poll_stop(e->poll);
}

/* What is waited for follows from the state, and is set anew after everything that changes it. */
static void watch(struct exec_link *l)
{
    bool sending = l->frame_at < l->frame_len || l->control.len;

    set_events(&l->socket, UV_READABLE | (sending || l->finishing ? UV_WRITABLE : 0), on_socket);
    set_events(&l->input, l->queue_at < l->queue.len ? UV_WRITABLE : 0, on_input);
    for (int i = 0; i < OUTPUTS; i++)
        set_events(&l->outputs[i], sending || l->finishing ? 0 : UV_READABLE, on_output);
}

/* ---- life ---- */

int exec_link_new(uv_loop_t *loop, const struct exec_link_fds *fds, const struct exec_link_ops *ops,
                  void *arg, struct exec_link **ret)
{
    struct exec_link *l = mem_calloc(1, sizeof(*l));
    struct stat st;
    int r = l ? 0 : -ENOMEM;

    if (!l) {
        const int all[] = {fds->socket, fds->input, fds->output, fds->errors};

        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
            if (all[i] >= 0)
                close(all[i]);
        return r;
    }
    l->loop = loop;
    l->ops = ops;
    l->arg = arg;
    l->socket.fd = fds->socket;
    l->input.fd = fds->input;
    l->outputs[OUTPUT].fd = fds->output;
    l->outputs[ERRORS].fd = fds->errors;
    l->eof_char = fds->eof_char;
    l->input_is_socket = fds->input >= 0 && fstat(fds->input, &st) == 0 && S_ISSOCK(st.st_mode);
    l->queue = BUF_INIT(2 * EXEC_CREDIT);
    l->control = BUF_INIT(CONTROL_MAX);
    l->received = mem_alloc(EXEC_FRAME_MAX);
    l->frame = mem_alloc(EXEC_FRAME_MAX);
    if (!l->received || !l->frame)
        r = -ENOMEM;
    if (r == 0)
        r = end_open(l, &l->socket);
    if (r == 0)
        r = end_open(l, &l->input);
    for (int i = 0; i < OUTPUTS && r == 0; i++)
        r = end_open(l, &l->outputs[i]);
    if (r < 0) {
        free_link(l);
        return r;
    }
    watch(l);
    *ret = l;
    return 0;
}

void exec_link_started(struct exec_link *l, uint64_t pid)
{
    struct exec_frame f = {.type = EXEC_STARTED, .value = pid};

    exec_frame_put(&l->control, &f);
    watch(l);
}

void exec_link_finish(struct exec_link *l, enum exec_end end, uint32_t value, const char *text)
{
    if (l->finishing)
        return;
    l->finishing = true;
    l->finish_end = end;
    l->finish_value = value;
    l->finish_text = *text ? mem_strdup(text) : NULL;
    watch(l);
}
