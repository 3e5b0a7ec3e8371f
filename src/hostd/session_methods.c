/*
 * SessionManager. A login is judged in the thread pool and answered late when it was wrong; until
 * then it is a call like any other that runs.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/call.h"
#include "hostd/session.h"
#include "hostd/session_methods.h"
#include "hostd/throttle.h"
#include "hostd/ticket.h"
#include "hostd/users.h"

#define MESSAGE_MAX 4096 /* bytes of the service message */

struct login {
    struct host *host;
    struct call *call; /* NULL: cancelled */
    bool judging;      /* in the thread pool */
    uv_timer_t timer;
    char source[SESSION_SOURCE_MAX];
};

/* --- what others read of sessions --- */

struct vim_UserSession *session_describe(const struct session *s, struct arena *arena)
{
    struct vim_UserSession *u = VIM_NEW(arena, UserSession);
    if (!u)
        return NULL;
    u->key = arena_strdup(arena, s->key);
    u->userName = arena_strdup(arena, s->user);
    u->fullName = u->userName;
    u->loginTime = s->login_time;
    u->lastActiveTime = s->last_active_time;
    u->locale = arena_strdup(arena, s->locale);
    u->messageLocale = u->locale;
    u->extensionSession = false;
    u->ipAddress = arena_strdup(arena, s->source);
    u->userAgent = arena_strdup(arena, s->user_agent);
    u->callCount = (int64_t)s->call_count;
    return u->userName && u->key && u->locale ? u : NULL;
}

static const char *service_message(struct host *host)
{
    return host->service_message ? host->service_message : "";
}

const char *session_service_message(struct host *host)
{
    return service_message(host);
}

/* --- Login --- */

static void fault_invalid_login(struct call *call)
{
    call_fault(call, VIM_NEW(call->arena, InvalidLogin),
               "Cannot complete login due to an incorrect user name or password.");
}

/* Makes the session and answers with it. All results of this kind look like Login's. */
static void log_in(struct call *call, const struct user *user, const char *locale)
{
    struct session *s;
    char cookie[SESSION_COOKIE_SIZE];
    int rc = session_create(call->host->sessions, user->id, user->name, locale, call->source,
                            call->user_agent, &s, cookie);
    if (rc < 0) {
        call_fault_errno(call, rc, "no session can be made");
        return;
    }
    log_info("session: %s logged in from %s", s->user, s->source);
    struct vim_Login_result r = {.value = session_describe(s, call->arena)};
    if (!r.value) {
        session_end(s);
        call_fault_errno(call, -ENOMEM, "login");
        return;
    }
    call_set_cookie(call, cookie);
    explicit_bzero(cookie, sizeof(cookie));
    call_return(call, &r);
}

static void free_login(uv_handle_t *h)
{
    mem_free(h->data);
}

static void login_over(struct login *l)
{
    throttle_end(l->host->throttle, l->source);
    uv_close((uv_handle_t *)&l->timer, free_login);
}

static void on_late(uv_timer_t *timer)
{
    struct login *l = timer->data;
    struct call *call = l->call;
    login_over(l);
    fault_invalid_login(call);
}

/* Nobody waits any more. The attempt is judged and counts all the same. */
static void on_login_cancel(struct call *call, void *arg)
{
    struct login *l = arg;
    l->call = NULL;
    if (!l->judging)
        login_over(l);
    call_fault_request_canceled(call);
}

static void answer_late(struct login *l)
{
    uint64_t delay = throttle_judge(l->host->throttle, l->source, false);
    log_warn("session: bad login from %s; answered in %llu ms", l->source,
             (unsigned long long)delay);
    if (l->call)
        uv_timer_start(&l->timer, on_late, delay, 0);
    else
        login_over(l);
}

static void on_judged(int code, bool matches, void *arg)
{
    struct login *l = arg;
    struct call *call = l->call;
    struct user user;
    l->judging = false;
    if (code < 0) {
        login_over(l);
        if (call)
            call_fault_errno(call, code, "login");
        return;
    }
    /* Looked up again: the user may have been removed meanwhile. */
    const struct vim_Login_request *req = call ? call->req : NULL;
    if (!matches || (call && users_find(l->host->db, req->userName, false, &user) < 0)) {
        answer_late(l);
        return;
    }
    throttle_judge(l->host->throttle, l->source, true);
    login_over(l);
    if (!call)
        return;
    log_in(call, &user, req->locale);
    explicit_bzero(&user, sizeof(user));
}

static void login(struct call *call)
{
    const struct vim_Login_request *req = call->req;
    struct host *host = call->host;
    if (!throttle_begin(host->throttle, call->source)) {
        log_warn("session: too many logins at once from %s", call->source);
        fault_invalid_login(call);
        return;
    }
    struct login *l = mem_calloc(1, sizeof(*l));
    if (!l) {
        throttle_end(host->throttle, call->source);
        call_fault_errno(call, -ENOMEM, "login");
        return;
    }
    l->host = host;
    l->call = call;
    call_on_cancel(call, on_login_cancel, l);
    snprintf(l->source, sizeof(l->source), "%s", call->source);
    uv_timer_init(host->loop, &l->timer);
    l->timer.data = l;

    struct user user = {0};
    int rc = users_find(host->db, req->userName, false, &user);
    const char *password = req->password ? req->password : "";
    if (rc == 0 && ticket_redeem(host, req->userName, password)) {
        throttle_judge(host->throttle, l->source, true);
        login_over(l);
        log_in(call, &user, req->locale);
    } else {
        rc = password_match_async(host->loop, password, user.hash, on_judged, l);
        l->judging = rc == 0;
        if (rc == -EINVAL) {
            answer_late(l);
        } else if (rc < 0) {
            login_over(l);
            call_fault_errno(call, rc, "login");
        }
    }
    explicit_bzero(&user, sizeof(user));
}

/* Kinds of login that are not offered. */
static void login_refused(struct call *call)
{
    fault_invalid_login(call);
}

static void logout(struct call *call)
{
    if (call->session) {
        log_info("session: %s from %s logged out", call->session->user, call->session->source);
        session_end(call->session);
    }
    call_return(call, NULL);
}

/* --- tickets --- */

static void acquire_clone_ticket(struct call *call)
{
    char text[TICKET_SIZE];
    ticket_make(call->host, TICKET_CLONE, call->session->user, text);
    struct vim_AcquireCloneTicket_result r = {.value = arena_strdup(call->arena, text)};
    explicit_bzero(text, sizeof(text));
    call_return(call, &r);
}

static void clone_session(struct call *call)
{
    const struct vim_CloneSession_request *req = call->req;
    char name[USERS_NAME_MAX + 1];
    struct user user;
    if (!ticket_redeem_clone(call->host, req->cloneTicket, name, sizeof(name)) ||
        users_find(call->host->db, name, false, &user) < 0) {
        fault_invalid_login(call);
        return;
    }
    log_in(call, &user, NULL);
    explicit_bzero(&user, sizeof(user));
}

static void acquire_local_ticket(struct call *call)
{
    const struct vim_AcquireLocalTicket_request *req = call->req;
    struct user user;
    char path[TICKET_PATH_MAX];
    if (users_find(call->host->db, req->userName, false, &user) < 0) {
        fault_invalid_login(call);
        return;
    }
    explicit_bzero(&user, sizeof(user));
    int rc = ticket_make_local(call->host, req->userName, path);
    if (rc < 0) {
        call_fault_errno(call, rc, "no ticket can be written");
        return;
    }
    struct vim_AcquireLocalTicket_result r = {.value =
                                                  VIM_NEW(call->arena, SessionManagerLocalTicket)};
    if (r.value) {
        r.value->userName = req->userName;
        r.value->passwordFilePath = arena_strdup(call->arena, path);
    }
    if (r.value && r.value->passwordFilePath)
        call_return(call, &r);
    else
        call_fault_errno(call, -ENOMEM, "ticket");
}

/* --- other sessions --- */

static void impersonate_user(struct call *call)
{
    const struct vim_ImpersonateUser_request *req = call->req;
    struct user user;
    if (users_find(call->host->db, req->userName, false, &user) < 0) {
        fault_invalid_login(call);
        return;
    }
    log_info("session: %s acts as %s", call->session->user, user.name);
    log_in(call, &user, req->locale);
    explicit_bzero(&user, sizeof(user));
}

static void session_is_active(struct call *call)
{
    const struct vim_SessionIsActive_request *req = call->req;
    const struct session *s = session_by_key(call->host->sessions, req->sessionID);
    struct vim_SessionIsActive_result r = {.value = s && strcmp(s->user, req->userName) == 0};
    call_return(call, &r);
}

static void terminate_session(struct call *call)
{
    const struct vim_TerminateSession_request *req = call->req;
    for (size_t i = 0; i < req->sessionId.count; i++) {
        const struct session *s = session_by_key(call->host->sessions, req->sessionId.items[i]);
        if (!s) {
            call_fault_not_found(call);
            return;
        }
        if (s == call->session) {
            call_fault_invalid_argument(call, "sessionId");
            return;
        }
    }
    for (size_t i = 0; i < req->sessionId.count; i++) {
        struct session *s = session_by_key(call->host->sessions, req->sessionId.items[i]);
        if (!s)
            continue; /* named twice */
        log_info("session: %s ended that of %s from %s", call->session->user, s->user, s->source);
        session_end(s);
    }
    call_return(call, NULL);
}

static void set_locale(struct call *call)
{
    const struct vim_SetLocale_request *req = call->req;
    snprintf(call->session->locale, sizeof(call->session->locale), "%s", req->locale);
    call_return(call, NULL);
}

static void update_service_message(struct call *call)
{
    const struct vim_UpdateServiceMessage_request *req = call->req;
    if (strlen(req->message) > MESSAGE_MAX) {
        call_fault_invalid_argument(call, "message");
        return;
    }
    char *text = mem_strdup(req->message);
    if (!text) {
        call_fault_errno(call, -ENOMEM, "message");
        return;
    }
    mem_free(call->host->service_message);
    call->host->service_message = text;
    call_return(call, NULL);
}

static const struct call_row calls[] = {
    {&vim_method_Login, login},
    {&vim_method_Logout, logout},
    {&vim_method_LoginByToken, login_refused},
    {&vim_method_LoginBySSPI, login_refused},
    {&vim_method_LoginExtensionByCertificate, login_refused},
    {&vim_method_LoginExtensionBySubjectName, login_refused},
    {&vim_method_AcquireCloneTicket, acquire_clone_ticket},
    {&vim_method_CloneSession, clone_session},
    {&vim_method_AcquireLocalTicket, acquire_local_ticket},
    {&vim_method_ImpersonateUser, impersonate_user},
    {&vim_method_SessionIsActive, session_is_active},
    {&vim_method_TerminateSession, terminate_session},
    {&vim_method_SetLocale, set_locale},
    {&vim_method_UpdateServiceMessage, update_service_message},
    {NULL, NULL},
};

const struct host_module session_module = {.name = "session", .calls = calls};
