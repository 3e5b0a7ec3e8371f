#include "hostd/guest_live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/guest_op.h"
#include "hostd/guest_stream.h"
#include "hostd/http.h"
#include "hostd/random.h"
#include "hostd/session.h"
#include "wire/exec_spec.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"

#define TOKEN_SIZE 65 /* 256 bits as hex digits, and NUL */
#define SWEEP_MS   5000u
#define PATH       "/guestStream"

struct live {
    struct live *next;
    struct guest_lives *all;
    uint64_t id;
    char token[TOKEN_SIZE];
    char *vm, *user;
    const char *what; /* the method's name */
    int fd;           /* -1: joined */
    int64_t handle;
    uint64_t expires; /* clock_ms; until somebody comes */
    uint64_t begun;
};

struct guest_lives {
    struct host *host;
    struct live *list;
    size_t count;
    uint64_t last_id;
    uv_timer_t sweep;
};

/* A kind's body, in the call's arena; guest_op.data. */
struct body {
    uint32_t kind;
    const void *bytes;
    size_t len;
};

/* ---- offers ---- */

/* Tells the guest, whatever it is at. */
static void live_drop(struct live *l)
{
    struct live **at = &l->all->list;

    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->all->count--;
    if (l->fd >= 0)
        close(l->fd);
    guest_stream_close(l->all->host, vim_ref_make("VirtualMachine", l->vm), l->handle);
    explicit_bzero(l->token, sizeof(l->token));
    mem_free(l->vm);
    mem_free(l->user);
    mem_free(l);
}

static void on_sweep(uv_timer_t *timer)
{
    struct guest_lives *all = timer->data;
    struct live *next;
    bool offered = false;

    for (struct live *l = all->list; l; l = next) {
        next = l->next;
        if (l->fd >= 0 && clock_ms() >= l->expires) {
            log_info("guest stream: %s on %s: nobody came for it", l->what, l->vm);
            live_drop(l);
        } else {
            offered |= l->fd >= 0;
        }
    }
    if (!offered)
        uv_timer_stop(timer);
}

static struct live *offer(struct guest_lives *all, const struct guest_op *op, struct vim_ref vm,
                          const struct guest_stream_opened *opened)
{
    struct live *l = mem_calloc(1, sizeof(*l));

    if (l) {
        l->vm = mem_strdup(vm.value);
        l->user = mem_strdup(op->call->session ? op->call->session->user : "");
    }
    if (!l || !l->vm || !l->user) {
        if (l) {
            mem_free(l->vm);
            mem_free(l->user);
        }
        mem_free(l);
        return NULL;
    }
    random_hex(l->token, TOKEN_SIZE - 1);
    l->all = all;
    l->id = ++all->last_id;
    l->what = op->call->method->name;
    l->fd = opened->fd;
    l->handle = opened->handle;
    l->begun = clock_ms();
    l->expires = l->begun + GUEST_LIVE_OFFER_MS;
    l->next = all->list;
    all->list = l;
    all->count++;
    uv_timer_start(&all->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    return l;
}

/* ---- methods ---- */

static struct vim_ref vm_of(const struct call *call)
{
    return ((const struct vim_ConnectToPortInGuest_request *)call->req)->vm;
}

/* False: the call has been ended. */
static bool set_body(struct guest_op *op, uint32_t kind, struct buf *b, int r, const char *argument)
{
    struct body *body = ARENA_NEW(op->call->arena, struct body);

    if (body && r == 0)
        *body = (struct body){kind, arena_memdup(op->call->arena, b->data, b->len), b->len};
    buf_free(b);
    op->data = body;
    if (r == -EINVAL || r == -ENOBUFS)
        guest_op_invalid(op, argument);
    else if (r || !body || !body->bytes)
        guest_op_no_memory(op);
    else
        return true;
    return false;
}

static bool program_build(struct guest_op *op)
{
    const struct vim_StartLiveProgramInGuest_request *rq = op->call->req;
    const struct exec_spec spec = {
        .flags = rq->terminal ? EXEC_TERMINAL : 0,
        .rows = rq->rows > 0 && rq->rows <= UINT16_MAX ? (uint16_t)rq->rows : 0,
        .columns = rq->columns > 0 && rq->columns <= UINT16_MAX ? (uint16_t)rq->columns : 0,
        .cwd = rq->workingDirectory ? rq->workingDirectory : "",
        .argc = rq->arguments.count,
        .args = rq->arguments.items,
        .envc = rq->envVariables.count,
        .env = rq->envVariables.items,
    };
    struct buf b = BUF_INIT(EXEC_SPEC_MAX);

    op->subject.argument = "arguments";
    op->subject.file = spec.argc ? spec.args[0] : "the login shell";
    op->subject.directory = spec.cwd;
    if (spec.cwd[0] && spec.cwd[0] != '/') {
        guest_op_invalid(op, "workingDirectory");
        return false;
    }
    return set_body(op, VIX_STREAM_EXEC, &b, exec_spec_encode(&b, &spec), "arguments");
}

static bool connect_build(struct guest_op *op)
{
    const struct vim_ConnectToPortInGuest_request *rq = op->call->req;
    uint16_t port = rq->port > 0 && rq->port <= UINT16_MAX ? (uint16_t)rq->port : 0;
    struct buf b = BUF_INIT(16);

    op->subject.argument = "port";
    return set_body(op, VIX_STREAM_CONNECT, &b, exec_connect_encode(&b, port), "port");
}

/* On the way to the guest; outlives the call when that is cancelled. */
struct opening {
    struct host *host;
    struct guest_op *op; /* NULL: nobody wants it any more */
    char *vm;
};

static void opening_free(struct opening *o)
{
    mem_free(o->vm);
    mem_free(o);
}

static void on_opened(const struct guest_stream_opened *opened, const struct vmlink_reply *failure,
                      void *arg)
{
    struct opening *o = arg;
    struct guest_op *op = o->op;
    struct guest_lives *all = o->host->guest_lives;
    struct vim_StartLiveProgramInGuest_result result = {0};
    struct live *l = NULL;

    if (op)
        call_on_cancel(op->call, NULL, NULL);
    if (!failure && op && all && all->count < GUEST_LIVE_MAX)
        l = offer(all, op, vm_of(op->call), opened);
    if (!failure && !l) {
        close(opened->fd);
        guest_stream_close(o->host, vim_ref_make("VirtualMachine", o->vm), opened->handle);
    }
    opening_free(o);
    if (!op)
        return;
    if (l)
        result.value =
            arena_printf(op->call->arena, PATH "?id=%" PRIu64 "&token=%s", l->id, l->token);
    if (failure) {
        guest_op_failed(op, failure);
    } else if (result.value) {
        log_info("guest stream: %s opened %s on %s", l->user, l->what, l->vm);
        guest_op_return(op, &result);
    } else {
        if (l)
            live_drop(l);
        guest_op_no_memory(op);
    }
}

static void on_cancel(struct call *call, void *arg)
{
    struct opening *o = arg;

    (void)call;
    guest_op_cancelled(TAKE_PTR(o->op));
}

static void send_open(struct guest_op *op)
{
    const struct body *body = op->data;
    const struct call *call = op->call;
    const struct guest_stream_request request = {
        .vm = vm_of(call),
        .kind = body->kind,
        .body = body->bytes,
        .len = body->len,
        .credential = &op->credential,
        .user = call->session ? call->session->user : "",
        .source = call->source,
        .deadline_ms = guest_op_deadline_ms(call->host),
    };
    struct opening *o = mem_calloc(1, sizeof(*o));
    int r = o && (o->vm = mem_strdup(request.vm.value)) ? 0 : -ENOMEM;

    if (r == 0) {
        o->host = call->host;
        o->op = op;
        r = guest_stream_open(call->host, &request, on_opened, o);
    }
    if (r == 0) {
        call_on_cancel(op->call, on_cancel, o);
        return;
    }
    if (o)
        opening_free(o);
    guest_op_not_sent(op, r);
}

static const struct guest_method methods[] = {
    {&vim_method_StartLiveProgramInGuest, VIX_OP_STREAM_OPEN, program_build, NULL, send_open},
    {&vim_method_ConnectToPortInGuest, VIX_OP_STREAM_OPEN, connect_build, NULL, send_open},
    {NULL, 0, NULL, NULL, NULL},
};

static void live_call(struct call *call)
{
    guest_op_start(call, methods);
}

/* ---- the URL ---- */

static struct live *find(struct guest_lives *all, const char *id, const char *token)
{
    struct live *l = all->list;
    char *end;
    unsigned long long number = strtoull(id ? id : "", &end, 10);

    while (l && l->id != number)
        l = l->next;
    return l && !*end && token && l->fd >= 0 && random_hex_equal(l->token, token) ? l : NULL;
}

static void on_over(void *arg, uint64_t received, uint64_t sent)
{
    struct live *l = arg;

    log_info("guest stream: %s of %s on %s is over: %" PRIu64 " bytes in, %" PRIu64
             " bytes out, %" PRIu64 " ms",
             l->what, l->user, l->vm, received, sent, clock_ms() - l->begun);
    live_drop(l);
}

static void handle(struct http_request *req)
{
    struct guest_lives *all = http_host(req)->guest_lives;
    struct live *l = all ? find(all, http_query(req, "id"), http_query(req, "token")) : NULL;

    if (!http_upgrade_wanted(req, GUEST_LIVE_PROTOCOL)) {
        http_add_header(req, "Upgrade", GUEST_LIVE_PROTOCOL);
        http_respond_text(req, 426, "This is for the protocol " GUEST_LIVE_PROTOCOL ".\n");
    } else if (!l) {
        http_respond_text(req, 404, "There is no such stream, or it has been taken.\n");
    } else {
        log_info("guest stream: %s on %s: joined with %s", l->what, l->vm, http_source(req));
        http_join_fd(req, GUEST_LIVE_PROTOCOL, TAKE_FD(l->fd), on_over, l);
    }
}

static const struct http_route routes[] = {
    {.path = PATH, .methods = HTTP_GET, .handler = handle},
    {.path = NULL},
};

/* ---- life ---- */

static int start(struct host *host, struct error *err)
{
    struct guest_lives *all = mem_calloc(1, sizeof(*all));

    if (!all)
        return error_set(err, -ENOMEM, "no memory for the table of live streams");
    all->host = host;
    uv_timer_init(host->loop, &all->sweep);
    all->sweep.data = all;
    host->guest_lives = all;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

/* The HTTP server has stopped. */
static void stop(struct host *host)
{
    struct guest_lives *all = TAKE_PTR(host->guest_lives);

    if (!all)
        return;
    while (all->list)
        live_drop(all->list);
    uv_close((uv_handle_t *)&all->sweep, on_closed);
}

static const struct call_row calls[] = {
    {&vim_method_StartLiveProgramInGuest, live_call},
    {&vim_method_ConnectToPortInGuest, live_call},
    {NULL, NULL},
};

const struct host_module guest_live_module = {"live streams of guests", start, stop, calls, routes};
