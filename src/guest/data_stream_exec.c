/*
 * Raw streams of live programs and of connections to the guest's loopback: exec_program.h joins
 * what they are with the stream's socket, in frames of wire/exec_frame.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/data_stream.h"
#include "guest/exec_program.h"

#define SPEC_ARENA_MAX (256u * 1024u)

struct exec_state {
    struct arena arena;
    struct exec_spec spec;
    uint16_t port;
    int peer;                     /* a connection until it is joined; else -1 */
    struct exec_program *program; /* NULL: none, or over */
    struct exec_connection *connection;
};

static struct exec_state *new_state(struct data_stream *s, struct vixop *op)
{
    struct exec_state *e = mem_calloc(1, sizeof(*e));

    if (!e) {
        vixop_fail(op, VIX_E_OUT_OF_MEMORY);
        return NULL;
    }
    e->arena = ARENA_INIT(SPEC_ARENA_MAX);
    e->peer = -1;
    s->state = e;
    return e;
}

static void over(void *arg)
{
    struct data_stream *s = arg;
    struct exec_state *e = s->state;

    e->program = NULL;
    e->connection = NULL;
    data_stream_over(s, 0);
}

/* The stream's own descriptor stays with it. */
static int socket_of(const struct data_stream *s)
{
    int fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

static void close_state(struct data_stream *s)
{
    struct exec_state *e = TAKE_PTR(s->state);

    if (!e)
        return;
    if (e->peer >= 0)
        close(e->peer);
    arena_free(&e->arena);
    mem_free(e);
}

/* ---- programs ---- */

static void program_prepare(struct data_stream *s, struct vixop *op)
{
    const struct vix_stream_open *o = &op->body.stream_open;
    struct exec_state *e = new_state(s, op);
    int r = e ? exec_spec_decode(o->body, o->len, &e->arena, &e->spec) : 0;

    if (r < 0)
        vixop_fail(op, vix_error_from_decode(r));
}

static void program_start(struct data_stream *s, struct vixop *op)
{
    struct exec_state *e = s->state;
    int fd = socket_of(s);
    int r = fd < 0 ? fd : exec_program_start(op->ctx, &e->spec, fd, over, s, &e->program);

    if (r < 0)
        vixop_fail_errno(op, r);
}

static void program_stop(struct data_stream *s)
{
    struct exec_state *e = s->state;

    if (e->program)
        exec_program_leave(TAKE_PTR(e->program));
}

const struct data_stream_kind data_stream_exec = {
    .kind = VIX_STREAM_EXEC,
    .prepare = program_prepare,
    .start = program_start,
    .stop = program_stop,
    .close = close_state,
};

/* ---- connections ---- */

static void connection_prepare(struct data_stream *s, struct vixop *op)
{
    const struct vix_stream_open *o = &op->body.stream_open;
    struct exec_state *e = new_state(s, op);
    int r = e ? exec_connect_decode(o->body, o->len, &e->port) : 0;

    if (r < 0)
        vixop_fail(op, vix_error_from_decode(r));
}

static void connection_open(struct data_stream *s, struct vixop *op)
{
    struct exec_state *e = s->state;

    (void)op;
    e->peer =
        exec_connect(e->port); /* an error is told in the stream, where there are words for it */
}

static void connection_start(struct data_stream *s, struct vixop *op)
{
    struct exec_state *e = s->state;
    int fd = socket_of(s);
    int r =
        fd < 0 ? fd : exec_connection_start(op->ctx, TAKE_FD(e->peer), fd, over, s, &e->connection);

    if (r < 0)
        vixop_fail_errno(op, r);
}

static void connection_stop(struct data_stream *s)
{
    struct exec_state *e = s->state;

    if (e->connection)
        exec_connection_leave(TAKE_PTR(e->connection));
}

const struct data_stream_kind data_stream_connect = {
    .kind = VIX_STREAM_CONNECT,
    .prepare = connection_prepare,
    .open = connection_open,
    .start = connection_start,
    .stop = connection_stop,
    .close = close_state,
};
