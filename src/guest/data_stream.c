#include "guest/data_stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "guest/stream_link.h"

#define SWEEP_MS     10000u
#define THREAD_STACK (128u * 1024u)

struct data_streams {
    struct worker_ctx *ctx;
    struct data_stream *first;
    unsigned count; /* those that are being opened, too */
    uv_timer_t sweep;
    uv_async_t wake;
    uv_mutex_t lock;
    struct data_stream *ended; /* under lock: their threads are through */
};

static const struct data_stream_kind *const kinds[] = {
    &data_stream_file_read,
    &data_stream_file_write,
    &data_stream_exec,
    &data_stream_connect,
};

static const struct data_stream_kind *find_kind(uint32_t kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (kinds[i]->kind == kind)
            return kinds[i];
    return NULL;
}

static void counted(struct data_streams *all, int change)
{
    all->count += (unsigned)change;
    all->ctx->stay_changed(all->ctx);
}

/* Of one that is not in the list. */
static void release(struct data_stream *s)
{
    if (s->kind->close)
        s->kind->close(s);
    if (s->fd >= 0)
        close(s->fd);
    buf_free(&s->extra);
    counted(s->all, -1);
    mem_free(s);
}

static void unlist(struct data_stream *s)
{
    for (struct data_stream **p = &s->all->first; *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            break;
        }
}

/* It goes: now, or when its thread has noticed that there is no connection any more. */
static void drop(struct data_stream *s)
{
    s->dropped = true;
    shutdown(s->fd, SHUT_RDWR);
    if (!s->over && s->kind->stop)
        s->kind->stop(s);
    if (s->running)
        return;
    unlist(s);
    release(s);
}

static struct data_stream *find(const struct data_streams *all, const uint8_t *token)
{
    for (struct data_stream *s = all->first; s; s = s->next)
        if (!s->dropped && vix_stream_token_equal(s->token, token))
            return s;
    return NULL;
}

/* --- moving --------------------------------------------------------------------------------- */

static void run(void *arg)
{
    struct data_stream *s = arg;
    struct data_streams *all = s->all;

    s->result = s->fn(s);
    uv_mutex_lock(&all->lock);
    s->next_ended = all->ended;
    all->ended = s;
    uv_mutex_unlock(&all->lock);
    uv_async_send(&all->wake);
}

static void ran(struct data_stream *s)
{
    uv_thread_join(&s->thread);
    s->running = false;
    if (s->dropped)
        drop(s);
    else if (s->kind->ran)
        s->kind->ran(s, s->result);
    else
        data_stream_over(s, s->result);
}

static void on_wake(uv_async_t *wake)
{
    struct data_streams *all = wake->data;
    struct data_stream *s, *next;

    uv_mutex_lock(&all->lock);
    s = TAKE_PTR(all->ended);
    uv_mutex_unlock(&all->lock);
    for (; s; s = next) {
        next = s->next_ended;
        ran(s);
    }
}

int data_stream_run(struct data_stream *s, int (*fn)(struct data_stream *s))
{
    const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE,
                                         .stack_size = THREAD_STACK};
    int r;

    s->fn = fn;
    r = uv_thread_create_ex(&s->thread, &options, run, s);
    s->running = r == 0;
    return r;
}

/* --- the end -------------------------------------------------------------------------------- */

static void finish(struct data_stream *s)
{
    struct vixop *op = TAKE_PTR(s->end);

    s->busy = true;
    if (s->error)
        vixop_fail_errno(op, s->error);
    if (op->error == VIX_OK && s->kind->finish)
        s->kind->finish(s, op);
    else
        data_stream_finished(s, op);
}

void data_stream_finished(struct data_stream *s, struct vixop *op)
{
    const struct vix_stream_ended ended = {.bytes = s->bytes};

    if (op->error == VIX_OK)
        vix_stream_ended_encode(&op->result, &ended);
    drop(s);
    vixop_done(op);
}

/* The host still holds its end, and may not have read what is on its way. */
static bool connected(const struct data_stream *s)
{
    struct pollfd p = {.fd = s->fd};

    return !s->error && poll(&p, 1, 0) == 0;
}

static void sweep(uv_timer_t *timer)
{
    struct data_streams *all = timer->data;
    uint64_t now = clock_ms();
    struct data_stream *next;
    bool some = false;

    for (struct data_stream *s = all->first; s; s = next) {
        next = s->next;
        if (!s->over || s->busy || s->dropped)
            continue;
        if (connected(s))
            s->over_ms = now;
        if (now - s->over_ms >= DATA_STREAM_KEEP_MS)
            drop(s);
        else
            some = true;
    }
    if (!some)
        uv_timer_stop(timer);
}

void data_stream_over(struct data_stream *s, int error)
{
    s->over = true;
    s->error = error;
    s->over_ms = clock_ms();
    /* The host has had the last byte, or the last that there will be. */
    shutdown(s->fd, error ? SHUT_RDWR : SHUT_WR);
    if (s->end)
        finish(s);
    else if (!uv_is_active((uv_handle_t *)&s->all->sweep))
        uv_timer_start(&s->all->sweep, sweep, SWEEP_MS, SWEEP_MS);
}

enum vixop_step vixop_stream_end(struct vixop *op)
{
    const struct vix_stream_end *e = &op->body.stream_end;
    struct data_stream *s = find(op->ctx->streams, e->token);

    if (!s) {
        vixop_fail(op, VIX_E_INVALID_HANDLE);
        return VIXOP_NEXT;
    }
    if (s->busy || s->end) {
        vixop_fail(op, VIX_E_OBJECT_IS_BUSY);
        return VIXOP_NEXT;
    }
    if (e->outcome == VIX_STREAM_ABORT) {
        drop(s);
        return VIXOP_NEXT;
    }
    s->end = op;
    if (s->over)
        finish(s);
    return VIXOP_LATER;
}

/* --- the beginning -------------------------------------------------------------------------- */

static void free_opening(void *state)
{
    release(state);
}

enum vixop_step vixop_stream_prepare(struct vixop *op)
{
    const struct vix_stream_open *o = &op->body.stream_open;
    struct data_streams *all = op->ctx->streams;
    const struct data_stream_kind *kind = find_kind(o->kind);
    struct data_stream *s;

    if (!kind || all->count >= DATA_STREAMS_MAX || find(all, o->token)) {
        vixop_fail(op, kind ? VIX_E_OBJECT_IS_BUSY : VIX_E_NOT_SUPPORTED);
        return VIXOP_NEXT;
    }
    s = mem_calloc(1, sizeof(*s));
    if (!s) {
        vixop_fail(op, VIX_E_OUT_OF_MEMORY);
        return VIXOP_NEXT;
    }
    s->all = all;
    s->kind = kind;
    s->fd = -1;
    s->size = VIX_STREAM_SIZE_UNKNOWN;
    s->extra = BUF_INIT(DATA_STREAM_EXTRA_MAX);
    memcpy(s->token, o->token, sizeof(s->token));
    counted(all, 1);
    op->state = s;
    op->free_state = free_opening;
    kind->prepare(s, op);
    return VIXOP_NEXT;
}

void vixop_stream_open(struct vixop *op)
{
    struct data_stream *s = op->state;

    if (s->kind->open)
        s->kind->open(s, op);
    if (op->error != VIX_OK)
        return;
    s->fd = stream_link_connect(op->ctx->link_dir, s->token);
    if (s->fd < 0)
        vixop_fail(op, VIX_E_NOT_SUPPORTED); /* this host cannot be reached so */
}

enum vixop_step vixop_stream_start(struct vixop *op)
{
    struct data_stream *s = op->state;
    struct vix_stream_opened opened;

    s->kind->start(s, op);
    if (op->error != VIX_OK)
        return VIXOP_NEXT;
    opened = (struct vix_stream_opened){s->size, s->extra.data, s->extra.len};
    vix_stream_opened_encode(&op->result, &opened);
    op->state = NULL;
    if (s->fd < 0) {
        release(s);
        return VIXOP_NEXT;
    }
    s->next = s->all->first;
    s->all->first = s;
    return VIXOP_NEXT;
}

/* --- life ----------------------------------------------------------------------------------- */

int data_streams_new(struct worker_ctx *ctx, struct data_streams **ret)
{
    struct data_streams *all = mem_calloc(1, sizeof(*all));
    int r;

    if (!all)
        return -ENOMEM;
    all->ctx = ctx;
    r = uv_mutex_init(&all->lock);
    if (r == 0)
        r = uv_async_init(ctx->loop, &all->wake, on_wake);
    if (r < 0) {
        mem_free(all);
        return r;
    }
    uv_timer_init(ctx->loop, &all->sweep);
    all->wake.data = all->sweep.data = all;
    *ret = all;
    return 0;
}

struct worker_ctx *data_stream_worker(const struct data_stream *s)
{
    return s->all->ctx;
}

unsigned data_streams_count(const struct data_streams *all)
{
    return all->count;
}

void data_streams_abandon(struct data_streams *all)
{
    for (struct data_stream *s = all->first; s; s = s->next)
        if (s->kind->abandon)
            s->kind->abandon(s);
}
