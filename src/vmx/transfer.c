#include "vmx/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "vmx/relay.h"
#include "vmx/tclo.h"
#include "vmx/tools.h"
#include "vmx/transfer_internal.h"
#include "wire/hgfs_name.h"
#include "wire/vix.h"
#include "wire/vix_body.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"

#define AGENT "toolbox"
/* Sizes above this are no sizes: an agent that makes up a file as it goes says 2^63-1. */
#define SIZE_UNKNOWN (INT64_MAX / 2)
/* Of a packet, for headers and arguments. */
#define PACKET_HEADERS 2048u
#define CLEANUP_MS     30000u
/* A new file belongs to its owner alone until all of it is there. */
#define OWNER_READ_WRITE 6

static void opened_session(const struct hgfs_answer *answer, void *arg);

/* --- life ----------------------------------------------------------------------------------- */

int transfers_new(struct vm *vm, struct transfers **ret)
{
    struct transfers *ts = mem_calloc(1, sizeof(*ts));

    if (!ts)
        return -ENOMEM;
    ts->vm = vm;
    *ret = ts;
    return 0;
}

static void handle_gone(uv_handle_t *h)
{
    struct transfer *t = h->data;

    if (--t->handles)
        return;
    mem_free((void *)t->open.path);
    mem_free_secret((void *)t->open.credential, t->open.credential_len);
    buf_free(&t->name);
    mem_free(t);
}

static void release(struct transfer *t)
{
    struct transfers *ts = t->ts;

    audit_failed(&t->audit, &ts->vm->log, "vmx", 0, "given up");
    transfer_data_end(t);
    for (unsigned i = 0; i < TRANSFER_DEPTH; i++)
        mem_free(TAKE_PTR(t->slots[i].data));
    for (struct transfer **p = &ts->list; *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            ts->count--;
            break;
        }
    uv_close((uv_handle_t *)&t->timer, handle_gone);
    uv_close((uv_handle_t *)&t->keep, handle_gone);
}

uint64_t transfer_handle(const struct transfer *t)
{
    return t->handle;
}

struct transfer *transfer_find(struct transfers *ts, uint64_t handle)
{
    for (struct transfer *t = ts->list; t; t = t->next)
        if (t->handle == handle && t->state == TRANSFER_OPEN)
            return t;
    /* A running one can only be closed. */
    for (struct transfer *t = ts->list; t; t = t->next)
        if (t->handle == handle && t->state == TRANSFER_RUNNING)
            return t;
    return NULL;
}

void transfers_abort_all(struct transfers *ts)
{
    struct transfer *next;

    for (struct transfer *t = ts->list; t; t = next) {
        next = t->next;
        if (t->state == TRANSFER_ENDING)
            continue;
        transfer_abort(t);
        next = ts->list; /* the callback may have changed the list */
    }
}

void transfers_free(struct transfers *ts)
{
    mem_free(ts);
}

/* --- packets -------------------------------------------------------------------------------- */

static int control(struct transfer *t, uint32_t op, const union hgfs_request *request, hgfs_cb *cb)
{
    int r = hgfs_client_send(&t->hgfs, op, request, CLEANUP_MS, cb, t, NULL);

    if (r)
        return r;
    t->controls++;
    t->sent_ms = clock_ms();
    return 0;
}

static void control_over(struct transfer *t)
{
    t->controls--;
}

static void keep_answered(const struct hgfs_answer *answer, void *arg)
{
    struct transfer *t = arg;

    (void)answer;
    control_over(t);
    transfer_settle(t);
}

/* An agent forgets handles that are not used for a while. */
static void keep_due(uv_timer_t *timer)
{
    struct transfer *t = timer->data;
    union hgfs_request rq = {.file = {.name = {buf_text(&t->name), t->name.len}}};

    if ((t->state == TRANSFER_OPEN || t->state == TRANSFER_RUNNING) &&
        clock_ms() - t->sent_ms >= TRANSFER_KEEP_MS && !t->controls)
        control(t, HGFS_GETATTR_V2, &rq, keep_answered);
}

static void timer_due(uv_timer_t *timer)
{
    struct transfer *t = timer->data;

    if (t->state == TRANSFER_OPENING)
        transfer_fail_text(t, -ETIMEDOUT, "agent", VIX_E_TOOLS_NOT_RUNNING,
                           "the file was not opened in time");
    else if (t->state == TRANSFER_OPEN)
        transfer_fail_text(t, -ETIMEDOUT, "vmx", VIX_E_CANCELLED, "the handle was not used");
    else if (t->state == TRANSFER_RUNNING)
        transfer_fail_text(t, -ETIMEDOUT, t->busy ? "agent" : "vmx", VIX_E_CANCELLED,
                           "the transfer stood still");
}

void transfer_progress(struct transfer *t)
{
    if (t->state == TRANSFER_RUNNING)
        uv_timer_start(&t->timer, timer_due, t->stall_ms, 0);
}

/* --- the end -------------------------------------------------------------------------------- */

static void tell(struct transfer *t, int64_t value, const struct transfer_error *err)
{
    transfer_cb *cb = t->cb;

    t->cb = NULL;
    if (cb)
        cb(t, value, err, t->arg);
}

static void cleaned(const struct hgfs_answer *answer, void *arg)
{
    struct transfer *t = arg;

    (void)answer;
    control_over(t);
    transfer_settle(t);
}

static void file_closed(const struct hgfs_answer *answer, void *arg)
{
    struct transfer *t = arg;
    struct transfer_error err = {0};

    control_over(t);
    if (t->finished && answer->err) {
        /* The guest's file system may only tell now that it has no space. */
        err = (struct transfer_error){answer->err, answer->hop, answer->vix, ""};
        snprintf(err.text, sizeof(err.text), "closing the file: %s", answer->text);
        t->finished = false;
        t->remove = t->write && !t->undo;
    }
    if (t->finished) {
        audit_ok(&t->audit, &t->ts->vm->log, t->moved, false);
        tell(t, (int64_t)t->moved, NULL);
    } else if (err.code) {
        audit_failed(&t->audit, &t->ts->vm->log, err.hop, err.vix, err.text);
        tell(t, 0, &err);
    }
    transfer_settle(t);
}

static void removed(const struct relay_result *result, void *arg)
{
    struct transfer *t = arg;

    if (result->err && result->vix != VIX_E_FILE_NOT_FOUND)
        log_warn("file handle %" PRIu64 ": the unfinished file stays in the guest: %s", t->handle,
                 result->text);
    control_over(t);
    transfer_settle(t);
}

static int remove_partial(struct transfer *t)
{
    struct vix_path path = {.path = t->open.path};
    AUTO_BUF struct buf body = BUF_INIT(VIX_REQUEST_MAX);
    AUTO_BUF struct buf message = BUF_INIT(VIX_REQUEST_MAX);
    struct vix_request vix = {.opcode = VIX_OP_DELETE_GUEST_FILE_EX,
                              .timeout = VIX_TIMEOUT_NONE,
                              .credential_type = t->open.credential_type,
                              .credential = t->open.credential,
                              .credential_len = t->open.credential_len};
    union vix_body b = {.path = path};
    int r = vix_body_encode(&body, VIX_OP_DELETE_GUEST_FILE_EX, &b);

    vix.body = body.data;
    vix.body_len = body.len;
    if (!r)
        r = vix_request_encode(&message, &vix);
    if (!r)
        r = relay_send(t->ts->vm->relay, message.data, message.len, CLEANUP_MS, removed, t, NULL,
                       NULL, NULL);
    if (message.len)
        explicit_bzero(message.data, message.len);
    if (!r)
        t->controls++;
    return r;
}

void transfer_settle(struct transfer *t)
{
    union hgfs_request rq = {0};

    if (t->state != TRANSFER_ENDING || t->busy || t->controls)
        return;
    if (t->have_file) {
        t->have_file = false;
        rq.close.handle = t->file;
        if (!control(t, HGFS_CLOSE, &rq, file_closed))
            return;
        if (t->finished) {
            struct transfer_error err = {-EPIPE, "agent", VIX_E_TOOLS_NOT_RUNNING,
                                         "the agent went away before the file was closed"};

            t->finished = false;
            audit_failed(&t->audit, &t->ts->vm->log, err.hop, err.vix, err.text);
            tell(t, 0, &err);
        }
    }
    if (t->remove) {
        t->remove = false;
        if (!remove_partial(t))
            return;
    }
    if (t->have_session) {
        t->have_session = false;
        if (!control(t, HGFS_DESTROY_SESSION_V4, &rq, cleaned))
            return;
    }
    release(t);
}

static void begin_end(struct transfer *t)
{
    t->state = TRANSFER_ENDING;
    uv_timer_stop(&t->timer);
    uv_timer_stop(&t->keep);
    transfer_data_end(t);
}

/* Ends a transfer that goes wrong: tells the caller, cleans up in the guest. */
static void transfer_fail(struct transfer *t, const struct transfer_error *err)
{
    if (t->state == TRANSFER_ENDING)
        return;
    begin_end(t);
    /* To close the file would be to say that it is complete. */
    if (t->undo && t->write)
        t->have_file = false;
    t->remove = t->write && t->have_file;
    audit_failed(&t->audit, &t->ts->vm->log, err->hop, err->vix, err->text);
    tell(t, 0, err);
    transfer_settle(t);
}

void transfer_fail_text(struct transfer *t, int code, const char *hop, uint64_t vix,
                        const char *text)
{
    struct transfer_error err = {.code = code, .hop = hop, .vix = vix};

    snprintf(err.text, sizeof(err.text), "%s", text);
    transfer_fail(t, &err);
}

void transfer_fail_answer(struct transfer *t, const struct hgfs_answer *answer)
{
    transfer_fail_text(t, answer->err, answer->hop, answer->vix, answer->text);
}

void transfer_complete(struct transfer *t)
{
    begin_end(t);
    t->finished = true;
    transfer_settle(t);
}

void transfer_abort(struct transfer *t)
{
    transfer_fail_text(t, -ECANCELED, "vmx", VIX_E_CANCELLED, "cancelled");
}

/* --- opening -------------------------------------------------------------------------------- */

static void opened(struct transfer *t)
{
    /* What has no size is made as it is read, in order: no piece can be asked for ahead. */
    if (!t->write && t->size < 0)
        t->depth = 1;
    t->state = TRANSFER_OPEN;
    uv_timer_start(&t->timer, timer_due, TRANSFER_IDLE_MS, 0);
    uv_timer_start(&t->keep, keep_due, TRANSFER_KEEP_MS, TRANSFER_KEEP_MS);
    tell(t, t->size, NULL);
}

/* Whether the answer to an opening step lets it go on; otherwise the transfer is failed. */
static bool goes_on(struct transfer *t, const struct hgfs_answer *answer)
{
    control_over(t);
    if (t->state != TRANSFER_OPENING) {
        transfer_settle(t);
        return false;
    }
    if (answer->err) {
        transfer_fail_answer(t, answer);
        return false;
    }
    return true;
}

static void step(struct transfer *t, uint32_t op, const union hgfs_request *rq, hgfs_cb *cb)
{
    int r = control(t, op, rq, cb);

    if (r)
        transfer_fail_text(t, r, "agent", VIX_E_TOOLS_NOT_RUNNING,
                           r == -EMSGSIZE ? "the path or the credentials are too long"
                                          : "the agent in the guest is not running");
}

static void first_read(const struct hgfs_answer *answer, void *arg)
{
    struct transfer *t = arg;

    if (!goes_on(t, answer))
        return;
    if (answer->reply.io.size > t->chunk) {
        transfer_fail_text(t, -EBADMSG, "agent", VIX_E_FAIL, "the agent sent more than was asked");
        return;
    }
    /* Such a file is really empty, or made up by the guest as it is read. */
    t->size = answer->reply.io.size ? -1 : 0;
    if (answer->reply.io.size)
        transfer_data_keep_first(t, answer->reply.io.data, answer->reply.io.size);
    opened(t);
}

static void opened_file(const struct hgfs_answer *answer, void *arg)
{
    struct transfer *t = arg;
    union hgfs_request rq = {0};

    if (!answer->err) {
        t->file = answer->reply.opened.handle;
        t->have_file = true;
    }
    if (!goes_on(t, answer))
        return;
    if (t->write || t->size != 0) {
        opened(t);
        return;
    }
    rq.io.handle = t->file;
    rq.io.size = t->chunk;
    step(t, HGFS_READ_V3, &rq, first_read);
}

static void open_file(struct transfer *t)
{
    union hgfs_request rq = {
        .open = {.mask = HGFS_OPEN_MODE | HGFS_OPEN_FLAGS | HGFS_OPEN_FILE_NAME | HGFS_OPEN_LOCK,
                 .mode = HGFS_MODE_READ,
                 .flags = HGFS_OPEN_EXISTING,
                 .name = {buf_text(&t->name), t->name.len}}};

    if (t->write) {
        rq.open.mask |= HGFS_OPEN_OWNER_PERMS | HGFS_OPEN_GROUP_PERMS | HGFS_OPEN_OTHER_PERMS;
        rq.open.mode = HGFS_MODE_WRITE;
        rq.open.flags = t->overwrite ? HGFS_OPEN_CREATE_EMPTY : HGFS_OPEN_CREATE_SAFE;
        rq.open.owner_perms = OWNER_READ_WRITE;
    }
    step(t, HGFS_OPEN_V3, &rq, opened_file);
}

static void got_attributes(const struct hgfs_answer *answer, void *arg)
{
    struct transfer *t = arg;
    const struct hgfs_attr *a = &answer->reply.entry.attr;

    if (!goes_on(t, answer))
        return;
    if (a->mask & HGFS_ATTR_TYPE && a->type == HGFS_TYPE_DIRECTORY) {
        transfer_fail_text(t, -EISDIR, "worker", VIX_E_NOT_A_FILE, "a directory, not a file");
        return;
    }
    t->size = a->mask & HGFS_ATTR_SIZE && a->size <= (uint64_t)SIZE_UNKNOWN ? (int64_t)a->size : -1;
    open_file(t);
}

static void opened_session(const struct hgfs_answer *answer, void *arg)
{
    struct transfer *t = arg;
    const struct hgfs_session *s = &answer->reply.session;
    union hgfs_request rq = {.file = {.name = {buf_text(&t->name), t->name.len}}};
    size_t packet_max, request_max;

    if (!answer->err) {
        t->hgfs.session_id = s->session_id;
        t->have_session = true;
        t->undo = (s->flags & HGFS_SESSION_UNDO) != 0;
    }
    if (!goes_on(t, answer))
        return;
    packet_max =
        s->max_packet && s->max_packet < HGFS_PACKET_LARGE ? s->max_packet : HGFS_PACKET_LARGE;
    /* A write also carries the credential, and all of it must fit one VIX message. */
    request_max = VIX_REQUEST_MAX - VIX_REQUEST_SIZE - 8 - HGFS_WRITE_OVERHEAD;
    if (packet_max <= PACKET_HEADERS || t->open.credential_len >= request_max) {
        transfer_fail_text(t, -EMSGSIZE, "agent", VIX_E_FAIL, "packets are too small for data");
        return;
    }
    t->chunk = (uint32_t)(packet_max - PACKET_HEADERS);
    if (t->write && t->chunk > request_max - t->open.credential_len)
        t->chunk = (uint32_t)(request_max - t->open.credential_len);
    if (t->write)
        open_file(t);
    else
        step(t, HGFS_GETATTR_V2, &rq, got_attributes);
}

/* HGFS names know no closing slash, which to agents that pack folders into archives (docs/
 * guest-rpc-extensions.md) says that one is meant. */
static int put_name(struct buf *name, const char *path)
{
    size_t len = strlen(path);
    AUTO_FREE char *archive = NULL;

    if (len > TRANSFER_PATH_MAX)
        return -ENAMETOOLONG;
    if (len < 2 || path[0] != '/' || path[len - 1] != '/')
        return hgfs_name_from_path(name, path);
    archive = mem_printf("/archive:%s", path);
    return archive ? hgfs_name_from_path(name, archive) : -ENOMEM;
}

static int fill(struct transfer *t, struct transfers *ts, const struct transfer_open *open)
{
    t->ts = ts;
    t->open = *open;
    t->open.user = t->open.source = NULL; /* the audit has them */
    audit_begin_transfer(&t->audit, open->user, open->source,
                         &(struct audit_transfer){open->write, open->path, open->credential_type,
                                                  open->credential, open->credential_len});
    t->write = open->write;
    t->overwrite = open->overwrite;
    t->size = open->write ? open->size : -1;
    t->fd = -1;
    t->name = BUF_INIT(HGFS_NAME_MAX);
    t->open.path = mem_strdup(open->path);
    t->open.credential = mem_memdup(open->credential, open->credential_len);
    t->hgfs = (struct hgfs_client){.relay = ts->vm->relay,
                                   .session_id = HGFS_NO_SESSION,
                                   .credential_type = open->credential_type,
                                   .credential = t->open.credential,
                                   .credential_len = open->credential_len};
    for (unsigned i = 0; i < TRANSFER_DEPTH; i++)
        t->slots[i].t = t;
    if (!t->open.path || (open->credential_len && !t->open.credential))
        return -ENOMEM;
    return put_name(&t->name, open->path);
}

static int refuse(struct transfer_error *err, int code, const char *hop, uint64_t vix,
                  const char *text)
{
    *err = (struct transfer_error){.code = code, .hop = hop, .vix = vix};
    snprintf(err->text, sizeof(err->text), "%s", text);
    return code;
}

int transfer_open(struct transfers *ts, const struct transfer_open *open, transfer_cb *cb,
                  void *arg, struct transfer **ret, struct transfer_error *ret_err)
{
    union hgfs_request rq = {
        .session = {.max_packet = HGFS_PACKET_LARGE, .flags = HGFS_SESSION_MAX_PACKET_VALID}};
    const char *unready = tools_unready(ts->vm->tools);
    struct transfer *t;
    int r;

    if (power_get(ts->vm->power) == POWER_OFF)
        return refuse(ret_err, -ENOTCONN, "vmx", VIX_E_VM_NOT_RUNNING, "the VM is powered off");
    if (unready)
        return refuse(ret_err, -ENOTCONN, "agent", VIX_E_TOOLS_NOT_RUNNING, unready);
    if (ts->count >= TRANSFER_HANDLES_MAX)
        return refuse(ret_err, -EMFILE, "vmx", VIX_E_OBJECT_IS_BUSY, "too many files are open");
    t = mem_calloc(1, sizeof(*t));
    if (!t)
        return refuse(ret_err, -ENOMEM, "vmx", VIX_E_OUT_OF_MEMORY, "no memory");
    r = fill(t, ts, open);
    uv_timer_init(ts->vm->loop, &t->timer);
    uv_timer_init(ts->vm->loop, &t->keep);
    t->timer.data = t->keep.data = t;
    t->handles = 2;
    t->handle = ++ts->last_handle;
    t->depth = tclo_is_tagged(ts->vm->tclo, AGENT) ? TRANSFER_DEPTH : 1;
    t->next = ts->list;
    ts->list = t;
    ts->count++;
    if (!r)
        r = control(t, HGFS_CREATE_SESSION_V4, &rq, opened_session);
    if (r) {
        release(t);
        return refuse(ret_err, r, r == -ENOTCONN ? "agent" : "vmx",
                      r == -ENOTCONN ? VIX_E_TOOLS_NOT_RUNNING : VIX_E_INVALID_ARG,
                      r == -ENOTCONN ? "the agent in the guest is not running"
                                     : "the path or the credentials cannot be");
    }
    uv_timer_start(&t->timer, timer_due, open->deadline_ms, 0);
    t->cb = cb;
    t->arg = arg;
    *ret = t;
    return 0;
}

int transfer_run(struct transfer *t, int fd, unsigned stall_ms, transfer_cb *cb, void *arg)
{
    int r;

    if (t->state != TRANSFER_OPEN) {
        close(fd);
        return -EBUSY;
    }
    t->state = TRANSFER_RUNNING;
    t->stall_ms = stall_ms;
    t->cb = cb;
    t->arg = arg;
    transfer_progress(t);
    r = transfer_data_begin(t, fd);
    if (r)
        transfer_fail_text(t, r, "vmx", VIX_E_INVALID_ARG, "the descriptor is not a stream");
    return 0;
}
