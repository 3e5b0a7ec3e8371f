#include "guest/vix_service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "guest/auth.h"
#include "guest/auth_ticket.h"
#include "guest/stream_owners.h"
#include "guest/vix_audit.h"
#include "guest/vix_gate.h"
#include "guest/vix_state.h"
#include "guest/worker_pool.h"
#include "wire/vix.h"
#include "wire/vix_auth.h"
#include "wire/vix_body.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_proplist.h"

#define WORKER_IDLE_MS 60000u
#define AUTH_CACHE_MS  60000u
#define ORIGIN_MAX     128u

struct vix_service_request {
    struct vix_service_request *next, **prev;
    struct vix_service *svc;
    uv_timer_t timer; /* the deadline, or the moment of an answer that is already known */
    vix_service_done done;
    void *arg;
    char *origin;
    uint64_t begun_ms;
    uint8_t *message;
    size_t len;
    struct vix_request rq; /* points into `message` */
    const struct vix_gate *gate;
    size_t max_result;
    uint64_t err; /* of a known answer */
    uint32_t additional;
    struct buf result; /* of a known answer */
    struct auth_waiter *waiter;
    struct worker_job *job;
};

struct vix_service {
    uv_loop_t *loop;
    struct vix_service_config config;
    char *worker_path, *auth_path, *shadow_path, *pam_service;
    struct auth *auth;
    struct auth_tickets *tickets;
    struct worker_pool *pool;
    struct vix_service_request *requests;
    struct vix_audit audit;
    struct stream_owners streams;
    unsigned count;
    bool frozen;
};

static void request_closed(uv_handle_t *h)
{
    struct vix_service_request *r = h->data;

    /* Credentials were in both. */
    mem_free_secret(r->result.data, r->result.size);
    mem_free_secret(r->message, r->len);
    mem_free(r->origin);
    mem_free(r);
}

/* Takes the request out of work; what was started for it will not call back. */
static void detach(struct vix_service_request *r)
{
    if (r->waiter)
        auth_forget(r->waiter);
    if (r->job)
        worker_job_forget(r->job);
    r->waiter = NULL;
    r->job = NULL;
    *r->prev = r->next;
    if (r->next)
        r->next->prev = r->prev;
    r->svc->count--;
    uv_close((uv_handle_t *)&r->timer, request_closed);
}

static void log_operation(struct vix_service_request *r, uint64_t err, uint32_t additional,
                          const void *data, size_t len)
{
    const struct vix_audit_outcome outcome = {.origin = r->origin,
                                              .begun_ms = r->begun_ms,
                                              .err = err,
                                              .additional = additional,
                                              .data = data,
                                              .len = len};

    if (r->gate && r->gate->place != VIX_GATE_STATE && r->gate->place != VIX_GATE_NOTHING)
        vix_audit_log(&r->svc->audit, &r->rq, &outcome);
}

static void answer(struct vix_service_request *r, uint64_t err, uint32_t additional,
                   const void *data, size_t len)
{
    struct vix_service_reply reply = {.err = err, .additional = err ? additional : 0};

    if (err == VIX_OK) {
        reply.binary = (r->rq.common_flags & VIX_COMMON_BINARY) != 0;
        reply.data = data;
        reply.len = len;
    }
    log_operation(r, err, additional, data, len);
    detach(r);
    if (r->done)
        r->done(r->arg, &reply);
}

static void known_answer(uv_timer_t *timer)
{
    struct vix_service_request *r = timer->data;

    answer(r, r->err, r->additional, r->result.data, r->result.len);
}

/* The answer is known already, but comes from the loop. */
static void answer_soon(struct vix_service_request *r, uint64_t err, uint32_t additional)
{
    if (r->waiter)
        auth_forget(r->waiter);
    if (r->job)
        worker_job_forget(r->job);
    r->waiter = NULL;
    r->job = NULL;
    r->err = err;
    r->additional = additional;
    uv_timer_start(&r->timer, known_answer, 0, 0);
}

static void deadline_passed(uv_timer_t *timer)
{
    struct vix_service_request *r = timer->data;

    log_warn("%s: no answer in time", vix_op_name(r->rq.opcode));
    answer(r, VIX_E_TOOLS_NOT_RUNNING, ETIMEDOUT, NULL, 0);
}

/* --- whose streams there are --- */

static bool stream_token(const struct vix_request *rq, uint8_t ret[VIX_STREAM_TOKEN_SIZE])
{
    union vix_body body;

    if (vix_body_decode(rq->opcode, rq->body, rq->body_len, &body) < 0)
        return false;
    memcpy(ret, rq->opcode == VIX_OP_STREAM_OPEN ? body.stream_open.token : body.stream_end.token,
           VIX_STREAM_TOKEN_SIZE);
    return true;
}

/* Before the worker is asked: an opening that is late has to be given up, too. A body that cannot
 * be understood is the worker's to refuse. */
static int own_stream(struct vix_service_request *r, const char *account)
{
    uint8_t token[VIX_STREAM_TOKEN_SIZE];

    return r->rq.opcode == VIX_OP_STREAM_OPEN && stream_token(&r->rq, token)
               ? stream_owners_add(&r->svc->streams, token, account)
               : 0;
}

/* After the worker's answer: one that was not opened, or has ended, is nobody's. */
static void disown_stream(struct vix_service_request *r, bool ok, uint32_t vix_error)
{
    uint8_t token[VIX_STREAM_TOKEN_SIZE];
    bool gone = r->rq.opcode == VIX_OP_STREAM_OPEN
                    ? !ok
                    : r->gate->place == VIX_GATE_STREAM && vix_error != VIX_E_OBJECT_IS_BUSY;

    if (gone && stream_token(&r->rq, token))
        stream_owners_remove(&r->svc->streams, token);
}

static void worker_answered(void *arg, int err, uint32_t vix_error, uint32_t additional,
                            const void *data, size_t len)
{
    struct vix_service_request *r = arg;

    r->job = NULL;
    disown_stream(r, !err && vix_error == VIX_OK, vix_error);
    if (err == -EACCES)
        answer(r, vix_gate_login_error(r->gate), EACCES, NULL, 0);
    else if (err < 0)
        answer(r, VIX_E_FAIL, (uint32_t)-err, NULL, 0);
    else if (vix_error == VIX_OK && len > r->max_result)
        answer(r, VIX_E_OUT_OF_MEMORY, EMSGSIZE, NULL, 0);
    else
        answer(r, vix_error, additional, data, len);
}

/* ACQUIRE_CREDENTIALS: the answer is a property list with the ticket in it. */
static void give_ticket(struct vix_service_request *r, const char *account)
{
    struct buf ticket = BUF_INIT(VIX_PROPLIST_MAX), list = BUF_INIT(VIX_PROPLIST_MAX);
    int err = auth_ticket_issue(r->svc->tickets, account, &ticket);

    if (!err)
        err = vix_proplist_put_string(&list, VIX_PROP_SESSION_TICKET, buf_text(&ticket));
    r->result = BUF_INIT(r->max_result);
    if (!err)
        err = vix_proplist_to_text(&r->result, list.data, list.len);
    mem_free_secret(ticket.data, ticket.size);
    mem_free_secret(list.data, list.size);
    if (err == -EUSERS)
        answer_soon(r, VIX_E_TOO_MANY_LOGONS, EUSERS);
    else
        answer_soon(r, err < 0 ? VIX_E_FAIL : VIX_OK, (uint32_t)-err);
}

static void send_to_worker(struct vix_service_request *r, const char *account)
{
    struct worker_request w = {.opcode = r->rq.opcode,
                               .flags = r->rq.flags,
                               .max_result = (uint32_t)r->max_result,
                               .body = r->rq.body,
                               .len = r->rq.body_len};
    int err = own_stream(r, account);

    if (err == -EEXIST) {
        answer_soon(r, VIX_E_OBJECT_IS_BUSY, EEXIST);
        return;
    }
    if (!err)
        err = worker_pool_send(r->svc->pool, account, &w, worker_answered, r, &r->job);
    if (err)
        disown_stream(r, false, VIX_E_OBJECT_IS_BUSY); /* an end can be asked for again */
    if (err == -EUSERS)
        answer_soon(r, VIX_E_TOO_MANY_LOGONS, EUSERS);
    else if (err == -EBUSY)
        answer_soon(r, VIX_E_OBJECT_IS_BUSY, EBUSY);
    else if (err < 0)
        answer_soon(r, VIX_E_FAIL, (uint32_t)-err);
}

/* The user may log in: the work begins, or, where the login is all, ends. */
static void run_as(struct vix_service_request *r, const char *account)
{
    if (r->gate->place == VIX_GATE_LOGIN_ONLY)
        answer_soon(r, VIX_OK, 0);
    else if (r->gate->place == VIX_GATE_ACQUIRE)
        give_ticket(r, account);
    else
        send_to_worker(r, account);
}

/* The worker must be the one that has the stream: a new one would be started without a login. */
static void end_stream(struct vix_service_request *r)
{
    uint8_t token[VIX_STREAM_TOKEN_SIZE];
    const char *account = NULL;

    if (!stream_token(&r->rq, token)) {
        answer_soon(r, VIX_E_INVALID_MESSAGE_BODY, 0);
        return;
    }
    account = stream_owners_find(&r->svc->streams, token);
    if (account && worker_pool_has(r->svc->pool, account)) {
        send_to_worker(r, account);
        return;
    }
    stream_owners_remove(&r->svc->streams, token);
    answer_soon(r, VIX_E_INVALID_HANDLE, 0);
}

static void authenticated(void *arg, int result, const char *account)
{
    struct vix_service_request *r = arg;

    r->waiter = NULL;
    if (result == 0)
        run_as(r, account);
    else if (result == -EACCES)
        answer(r, vix_gate_login_error(r->gate), EACCES, NULL, 0);
    else
        answer(r, VIX_E_FAIL, (uint32_t)-result, NULL, 0);
}

static void log_in(struct vix_service_request *r, const struct vix_credential *cred)
{
    struct auth *auth = r->svc->auth;
    const char *account = auth_check_cached(auth, cred->name, cred->password);
    int err;

    if (account) {
        run_as(r, account);
        return;
    }
    err = auth_check(auth, cred->name, cred->password, authenticated, r, &r->waiter);
    if (err == -ENAMETOOLONG)
        answer_soon(r, vix_gate_login_error(r->gate), EACCES);
    else if (err == -EBUSY)
        answer_soon(r, VIX_E_OBJECT_IS_BUSY, EBUSY);
    else if (err < 0)
        answer_soon(r, vix_error_from_errno(err), (uint32_t)-err);
}

/* A ticket of this agent's. It cannot be exchanged for another one: that would make it last. */
static void take_ticket(struct vix_service_request *r, const char *ticket)
{
    struct auth_tickets *tickets = r->svc->tickets;
    const char *account;

    if (r->gate->place == VIX_GATE_ACQUIRE) {
        answer_soon(r, VIX_E_INVALID_ARG, 0);
        return;
    }
    if (r->gate->place == VIX_GATE_RELEASE) {
        answer_soon(r,
                    auth_ticket_release(tickets, ticket) ? vix_gate_login_error(r->gate) : VIX_OK,
                    EKEYEXPIRED);
        return;
    }
    account = auth_ticket_use(tickets, ticket);
    if (account)
        run_as(r, account);
    else
        answer_soon(r, vix_gate_login_error(r->gate), EKEYEXPIRED);
}

/* Name and password (types 4 and 1 are the same) and tickets of its own are the credentials that
 * this agent can check. The interactive user's own agent is another program. */
static void take_credential(struct vix_service_request *r)
{
    AUTO_VIX_CREDENTIAL struct vix_credential cred = {0};
    int err;

    switch (r->rq.credential_type) {
    case VIX_CRED_NAME_PASSWORD:
    case VIX_CRED_NAME_PASSWORD_OBFUSCATED:
    case VIX_CRED_TICKETED_SESSION:
        break;
    case VIX_CRED_INTERACTIVE_USER:
        answer_soon(r, VIX_E_FAIL, 0);
        return;
    default:
        answer_soon(r, VIX_E_NOT_SUPPORTED, 0);
        return;
    }
    err =
        vix_credential_decode(r->rq.credential_type, r->rq.credential, r->rq.credential_len, &cred);
    if (err < 0)
        answer_soon(r, vix_error_from_decode(err), 0);
    else if (cred.type == VIX_CRED_TICKETED_SESSION)
        take_ticket(r, cred.token);
    else if (r->gate->place == VIX_GATE_RELEASE)
        answer_soon(r, VIX_E_INVALID_ARG, 0);
    else if (!cred.name || !*cred.name)
        answer_soon(r, vix_gate_login_error(r->gate), EACCES);
    else
        log_in(r, &cred);
}

static void dispatch(struct vix_service_request *r)
{
    struct vix_service *svc = r->svc;
    int err = vix_request_decode(r->message, r->len, &r->rq);

    if (err < 0) {
        r->rq = (struct vix_request){0};
        answer_soon(r, VIX_E_INVALID_MESSAGE_HEADER, 0);
        return;
    }
    if (svc->frozen) {
        answer_soon(r, VIX_E_OBJECT_IS_BUSY, 0);
        return;
    }
    r->gate = vix_gate_find(r->rq.opcode);
    if (vix_gate_disabled(r->rq.opcode, svc->config.disabled, svc->config.arg) ||
        (r->rq.opcode == VIX_OP_STREAM_OPEN &&
         vix_gate_stream_disabled(r->rq.body, r->rq.body_len, svc->config.disabled,
                                  svc->config.arg))) {
        answer_soon(r, VIX_E_OPERATION_DISABLED, 0);
        return;
    }
    if (!r->gate) {
        answer_soon(r, VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST, 0);
        return;
    }
    switch (r->gate->place) {
    case VIX_GATE_STATE:
        r->result = BUF_INIT(r->max_result);
        err = vix_state_put(&r->result, &svc->config);
        answer_soon(r, err < 0 ? vix_error_from_errno(err) : VIX_OK, (uint32_t)-err);
        return;
    case VIX_GATE_NOTHING:
        answer_soon(r, VIX_OK, 0);
        return;
    case VIX_GATE_REFUSED:
        answer_soon(r, r->gate->refusal, 0);
        return;
    case VIX_GATE_LOGIN_ONLY:
    case VIX_GATE_ACQUIRE:
    case VIX_GATE_RELEASE:
    case VIX_GATE_WORKER:
        take_credential(r);
        return;
    case VIX_GATE_STREAM:
        end_stream(r);
        return;
    }
}

int vix_service_request(struct vix_service *svc, const char *origin, const void *message,
                        size_t len, size_t max_result, uint32_t deadline_ms, vix_service_done done,
                        void *arg, struct vix_service_request **ret)
{
    struct vix_service_request *r;

    if (len > VIX_SERVICE_REQUEST_MAX || max_result > VIX_SERVICE_RESULT_MAX)
        return -EMSGSIZE;
    r = mem_calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->message = mem_memdup(message, len ? len : 1);
    if (!r->message) {
        mem_free(r);
        return -ENOMEM;
    }
    r->origin = origin ? mem_strndup(origin, ORIGIN_MAX) : NULL;
    r->begun_ms = clock_ms();
    r->len = len;
    r->svc = svc;
    r->done = done;
    r->arg = arg;
    r->max_result = max_result ? max_result : VIX_SERVICE_RESULT_DEFAULT;
    uv_timer_init(svc->loop, &r->timer);
    r->timer.data = r;
    r->next = svc->requests;
    r->prev = &svc->requests;
    if (r->next)
        r->next->prev = &r->next;
    svc->requests = r;
    uv_timer_start(&r->timer, deadline_passed, deadline_ms ? deadline_ms : VIX_SERVICE_DEADLINE_MS,
                   0);
    if (svc->count++ >= VIX_SERVICE_REQUESTS_MAX)
        answer_soon(r, VIX_E_OBJECT_IS_BUSY, EBUSY);
    else
        dispatch(r);
    if (ret)
        *ret = r;
    return 0;
}

void vix_service_set_frozen(struct vix_service *svc, bool frozen)
{
    svc->frozen = frozen;
}

/* The configured program, the one that the environment names (unless this runs with more rights
 * than its caller), or the installed one. */
static char *program(const char *configured, const char *variable, const char *installed)
{
    const char *from_env = secure_getenv(variable);

    return mem_strdup(configured ? configured : from_env ? from_env : installed);
}

static int make_parts(struct vix_service *svc)
{
    const struct vix_service_config *c = &svc->config;
    struct auth_config auth = {.cache_ms = c->auth_cache_ms ? c->auth_cache_ms : AUTH_CACHE_MS,
                               .hook = c->authenticator};
    int r;

    svc->worker_path = program(c->worker_path, "TOOLBOX_WORKER", TOOLBOX_WORKER_PATH);
    svc->auth_path = program(c->auth_path, "TOOLBOX_AUTH", TOOLBOX_AUTH_PATH);
    svc->shadow_path = mem_strdup(c->shadow_path ? c->shadow_path : "/etc/shadow");
    svc->pam_service = c->pam_service ? mem_strdup(c->pam_service) : NULL;
    if (!svc->worker_path || !svc->auth_path || !svc->shadow_path ||
        (c->pam_service && !svc->pam_service))
        return -ENOMEM;
    auth.auth_path = svc->auth_path;
    auth.shadow_path = svc->shadow_path;
    auth.pam_service = svc->pam_service;
    r = auth_new(svc->loop, &auth, &svc->auth);
    if (r == 0)
        r = auth_tickets_new(svc->shadow_path, &svc->tickets);
    if (r < 0)
        return r;
    r = worker_pool_new(svc->loop, svc->worker_path, c->link_dir,
                        c->worker_idle_ms ? c->worker_idle_ms : WORKER_IDLE_MS, &svc->pool);
    if (r == 0)
        worker_pool_on_end(svc->pool, c->program_ended, c->arg);
    return r;
}

int vix_service_new(uv_loop_t *loop, const struct vix_service_config *config,
                    struct vix_service **ret, struct error *err)
{
    struct vix_service *svc = mem_calloc(1, sizeof(*svc));
    int r = -ENOMEM;

    if (svc) {
        svc->loop = loop;
        svc->config = *config;
        r = make_parts(svc);
    }
    if (r < 0) {
        vix_service_free(svc);
        return error_errno(err, r, "cannot prepare guest operations");
    }
    *ret = svc;
    return 0;
}

void vix_service_free(struct vix_service *svc)
{
    if (!svc)
        return;
    while (svc->requests) {
        struct vix_service_request *r = svc->requests;

        r->done = NULL;
        detach(r);
    }
    worker_pool_free(svc->pool);
    auth_free(svc->auth);
    auth_tickets_free(svc->tickets);
    vix_audit_free(&svc->audit);
    stream_owners_clear(&svc->streams);
    mem_free(svc->worker_path);
    mem_free(svc->auth_path);
    mem_free(svc->shadow_path);
    mem_free(svc->pam_service);
    mem_free(svc);
}
