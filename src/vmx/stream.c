#include "vmx/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "vmx/audit.h"
#include "vmx/relay.h"
#include "vmx/stream_service.h"
#include "vmx/tools.h"
#include "wire/vix.h"
#include "wire/vix_auth.h"
#include "wire/vix_body.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"

enum stream_state {
    STREAM_OPENING, /* the guest is asked, or its connection is waited for */
    STREAM_OPEN,    /* hostd has it */
    STREAM_ENDING,  /* the guest is asked how it ended */
};

struct stream {
    struct stream *next;
    struct streams *all;
    struct stream_waiter waiter;
    enum stream_state state;
    uint64_t handle;
    struct relay_request *relay; /* under way, NULL = none */
    struct audit audit;
    int fd;        /* connected, and not yet hostd's */
    bool answered; /* the guest said yes */
    int64_t size;
    struct buf extra;
    stream_opened_cb *opened;
    stream_ended_cb *ended;
    void *arg;
    uv_timer_t *timer; /* for the connection; allocated, libuv lets go of it later */
};

struct streams {
    struct vm *vm;
    struct stream_service *service;
    struct stream *first;
    unsigned count;
    uint64_t last_handle;
};

static void timer_gone(uv_handle_t *h)
{
    mem_free(h);
}

static void release(struct stream *s)
{
    for (struct stream **p = &s->all->first; *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            s->all->count--;
            break;
        }
    stream_service_forget(s->all->service, &s->waiter);
    if (s->timer)
        uv_close((uv_handle_t *)s->timer, timer_gone);
    if (s->fd >= 0)
        close(s->fd);
    audit_failed(&s->audit, &s->all->vm->log, "vmx", 0, "given up");
    buf_free(&s->extra);
    explicit_bzero(s->waiter.token, sizeof(s->waiter.token));
    mem_free(s);
}

static int refuse(struct stream_error *err, int code, const char *hop, uint64_t vix,
                  const char *text)
{
    *err = (struct stream_error){code, hop, vix, text};
    return code;
}

/* `login` is who opens it; NULL: the token in the body is all that it takes to end it. */
static int ask(struct stream *s, uint32_t opcode, const struct stream_open *login,
               const union vix_body *body, unsigned deadline_ms, relay_cb *cb, void *arg,
               struct relay_request **ret, struct stream_error *ret_err)
{
    AUTO_BUF struct buf bytes = BUF_INIT(VIX_REQUEST_MAX);
    AUTO_BUF struct buf message = BUF_INIT(VIX_REQUEST_MAX);
    struct vix_request vix = {.common_flags = VIX_COMMON_BINARY,
                              .opcode = opcode,
                              .timeout = VIX_TIMEOUT_NONE,
                              .credential_type = VIX_CRED_NONE};
    struct error err = {0};
    uint32_t vix_error = VIX_E_INVALID_ARG;
    int r = vix_body_encode(&bytes, opcode, body);

    vix.body = bytes.data;
    vix.body_len = bytes.len;
    if (login) {
        vix.credential_type = login->credential_type;
        vix.credential = login->credential;
        vix.credential_len = login->credential_len;
    }
    if (!r)
        r = vix_request_encode(&message, &vix);
    if (r)
        return refuse(ret_err, r, "vmx", VIX_E_INVALID_ARG,
                      "the request or the credentials are too long");
    r = relay_send_for(s->all->vm->relay, s->audit.origin, message.data, message.len, deadline_ms,
                       cb, arg, ret, &vix_error, &err);
    explicit_bzero(message.data, message.len);
    return r ? refuse(ret_err, r, "agent", vix_error, "the agent cannot be reached") : 0;
}

/* --- giving up ------------------------------------------------------------------------------ */

static void aborted(const struct relay_result *result, void *arg)
{
    (void)result, (void)arg;
}

/* Tells the guest. Where that cannot be, the end of the connection does. */
static void tell_abort(struct stream *s)
{
    union vix_body body = {.stream_end = {.outcome = VIX_STREAM_ABORT}};
    struct stream_error err;

    memcpy(body.stream_end.token, s->waiter.token, sizeof(body.stream_end.token));
    ask(s, VIX_OP_STREAM_END, NULL, &body, STREAM_END_MS, aborted, NULL, NULL, &err);
}

static void fail_opening(struct stream *s, const struct stream_error *err)
{
    stream_opened_cb *cb = s->opened;
    void *arg = s->arg;

    audit_failed(&s->audit, &s->all->vm->log, err->hop, err->vix, err->text);
    release(s);
    cb(NULL, NULL, err, arg);
}

/* --- opening -------------------------------------------------------------------------------- */

static void check_open(struct stream *s)
{
    struct stream_opened opened = {
        .handle = s->handle, .size = s->size, .extra = s->extra.data, .extra_len = s->extra.len};

    if (!s->answered || s->fd < 0)
        return;
    if (s->timer)
        uv_close((uv_handle_t *)TAKE_PTR(s->timer), timer_gone);
    opened.fd = TAKE_FD(s->fd);
    s->state = STREAM_OPEN;
    s->opened(s, &opened, NULL, s->arg);
}

static void connected(struct stream_waiter *w, int fd)
{
    struct stream *s = CONTAINER_OF(w, struct stream, waiter);

    s->fd = fd;
    check_open(s);
}

static void no_connection(uv_timer_t *timer)
{
    static const struct stream_error err = {-ETIMEDOUT, "link", VIX_E_TOOLS_NOT_RUNNING,
                                            "the guest did not connect its stream"};
    struct stream *s = timer->data;

    tell_abort(s);
    fail_opening(s, &err);
}

static int wait_connection(struct stream *s)
{
    s->timer = mem_calloc(1, sizeof(*s->timer));
    if (!s->timer)
        return -ENOMEM;
    uv_timer_init(s->all->vm->loop, s->timer);
    s->timer->data = s;
    uv_timer_start(s->timer, no_connection, STREAM_CONNECT_MS, 0);
    return 0;
}

static void open_answered(const struct relay_result *result, void *arg)
{
    struct stream *s = arg;
    struct stream_error err = {result->err, result->hop, result->vix, result->text};
    struct vix_stream_opened opened;
    int r = result->err;

    s->relay = NULL;
    if (!r && vix_stream_opened_decode(result->data, result->len, &opened))
        r = refuse(&err, -EBADMSG, "agent", VIX_E_INVALID_MESSAGE_BODY,
                   "the agent's answer is not understood");
    if (!r && buf_put(&s->extra, opened.extra, opened.len))
        r = refuse(&err, -ENOMEM, "vmx", VIX_E_OUT_OF_MEMORY, "no memory for a stream");
    if (!r && s->fd < 0 && wait_connection(s))
        r = refuse(&err, -ENOMEM, "vmx", VIX_E_OUT_OF_MEMORY, "no memory for a stream");
    if (r) {
        /* An agent that has not said no may have it. */
        if (!result->err || !result->vix || strcmp(result->hop, "worker"))
            tell_abort(s);
        fail_opening(s, &err);
        return;
    }
    s->size = opened.size;
    s->answered = true;
    check_open(s);
}

static void begin_audit(struct stream *s, const struct stream_open *open,
                        const union vix_body *body)
{
    AUTO_BUF struct buf bytes = BUF_INIT(VIX_REQUEST_MAX);
    struct vix_request rq = {.opcode = VIX_OP_STREAM_OPEN,
                             .credential_type = open->credential_type,
                             .credential = open->credential,
                             .credential_len = open->credential_len};

    if (!vix_body_encode(&bytes, VIX_OP_STREAM_OPEN, body)) {
        rq.body = bytes.data;
        rq.body_len = bytes.len;
    }
    audit_begin(&s->audit, open->user, open->source, &rq);
}

int stream_open(struct streams *ss, const struct stream_open *open, stream_opened_cb *cb, void *arg,
                struct stream **ret, struct stream_error *ret_err)
{
    union vix_body body = {
        .stream_open = {.kind = open->kind, .body = open->body, .len = open->body_len}};
    struct stream *s;
    int r;

    if (!tools_streams(ss->vm->tools))
        return refuse(ret_err, -EOPNOTSUPP, "agent", VIX_E_NOT_SUPPORTED,
                      "the agent has no streams");
    if (ss->count >= STREAM_HANDLES_MAX)
        return refuse(ret_err, -EMFILE, "vmx", VIX_E_OBJECT_IS_BUSY, "too many streams are open");
    s = mem_calloc(1, sizeof(*s));
    if (!s)
        return refuse(ret_err, -ENOMEM, "vmx", VIX_E_OUT_OF_MEMORY, "no memory for a stream");
    s->all = ss;
    s->fd = -1;
    s->handle = ++ss->last_handle;
    s->extra = BUF_INIT(VIX_STREAM_BODY_MAX);
    s->opened = cb;
    s->arg = arg;
    s->waiter.connected = connected;
    s->next = ss->first;
    ss->first = s;
    ss->count++;
    r = stream_service_wait(ss->service, &s->waiter);
    if (r) {
        release(s);
        return refuse(ret_err, r, "vmx", VIX_E_FAIL, "no random numbers");
    }
    memcpy(body.stream_open.token, s->waiter.token, sizeof(body.stream_open.token));
    begin_audit(s, open, &body);
    r = ask(s, VIX_OP_STREAM_OPEN, open, &body, open->deadline_ms, open_answered, s, &s->relay,
            ret_err);
    if (r) {
        audit_failed(&s->audit, &ss->vm->log, ret_err->hop, 0, ret_err->text);
        release(s);
    } else {
        *ret = s;
    }
    return r;
}

/* --- ending --------------------------------------------------------------------------------- */

static void end_answered(const struct relay_result *result, void *arg)
{
    struct stream *s = arg;
    struct stream_error err = {result->err, result->hop, result->vix, result->text};
    struct vix_stream_ended ended = {0};
    stream_ended_cb *cb = s->ended;
    void *cb_arg = s->arg;
    int r = result->err;

    s->relay = NULL;
    if (!r && vix_stream_ended_decode(result->data, result->len, &ended))
        r = refuse(&err, -EBADMSG, "agent", VIX_E_INVALID_MESSAGE_BODY,
                   "the agent's answer is not understood");
    /* Late, or cancelled: what is not known to be complete shall not stay. */
    if (r && strcmp(err.hop, "worker"))
        tell_abort(s);
    if (r)
        audit_failed(&s->audit, &s->all->vm->log, err.hop, err.vix, err.text);
    else
        audit_ok(&s->audit, &s->all->vm->log, ended.bytes, false);
    release(s);
    cb(ended.bytes, r ? &err : NULL, cb_arg);
}

struct stream *stream_find(struct streams *ss, uint64_t handle)
{
    for (struct stream *s = ss->first; s; s = s->next)
        if (s->handle == handle && s->state == STREAM_OPEN)
            return s;
    return NULL;
}

int stream_finish(struct stream *s, uint64_t bytes, unsigned deadline_ms, stream_ended_cb *cb,
                  void *arg, struct stream_error *ret_err)
{
    union vix_body body = {.stream_end = {.outcome = VIX_STREAM_FINISH, .bytes = bytes}};
    int r;

    memcpy(body.stream_end.token, s->waiter.token, sizeof(body.stream_end.token));
    s->state = STREAM_ENDING;
    s->ended = cb;
    s->arg = arg;
    r = ask(s, VIX_OP_STREAM_END, NULL, &body, deadline_ms, end_answered, s, &s->relay, ret_err);
    if (r) {
        tell_abort(s);
        release(s);
    }
    return r;
}

void stream_abort(struct stream *s)
{
    static const struct stream_error err = {-ECANCELED, "vmx", VIX_E_CANCELLED, "cancelled"};

    /* Its callback comes now, and does the rest. */
    if (s->relay) {
        relay_cancel(s->relay);
        return;
    }
    tell_abort(s);
    if (s->state == STREAM_OPENING)
        fail_opening(s, &err);
    else
        release(s);
}

void streams_abort_all(struct streams *ss)
{
    while (ss->first)
        stream_abort(ss->first);
}

void streams_drop_strangers(struct streams *ss)
{
    stream_service_drop_all(ss->service);
}

/* --- life ----------------------------------------------------------------------------------- */

int streams_new(struct vm *vm, const char *path, struct streams **ret, struct error *err)
{
    AUTO_FREE struct streams *ss = mem_calloc(1, sizeof(*ss));
    int r;

    if (!ss)
        return error_set(err, -ENOMEM, "no memory for streams");
    ss->vm = vm;
    r = stream_service_new(vm, path, &ss->service, err);
    if (!r)
        *ret = TAKE_PTR(ss);
    return r;
}

void streams_free(struct streams *ss)
{
    if (!ss)
        return;
    stream_service_free(ss->service);
    mem_free(ss);
}
