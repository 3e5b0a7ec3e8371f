/* REST sessions: the same sessions as SOAP's, by another door. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "hostd/about.h"
#include "hostd/json_endpoint.h"
#include "hostd/rest.h"
#include "hostd/session.h"

#define CREDENTIALS_MAX 1024 /* bytes of "user:password" */

/* "Basic dXNlcjpwdw==": the decoded text is in `b`, NUL-terminated, the password behind the
 * returned colon. NULL: no such header. */
static char *basic_credentials(const char *header, struct buf *b)
{
    static const char scheme[] = "Basic ";
    if (!header || strncasecmp(header, scheme, strlen(scheme)) != 0)
        return NULL;
    header += strlen(scheme);
    if (base64_decode(b, header, strlen(header)) < 0 || memchr(b->data, '\0', b->len))
        return NULL;
    return b->data ? strchr((char *)b->data, ':') : NULL;
}

static void logged_in(struct rest *rest, struct call *call, const void *result)
{
    struct rest_session_create_result r = {.value = call_cookie(call)};
    char cookie[SESSION_COOKIE_SIZE + 120];
    (void)result;
    http_add_header(rest->req, JSON_SESSION_HEADER, r.value);
    if (rest->old && !http_header(rest->req, "vmware-use-header-authn")) {
        snprintf(cookie, sizeof(cookie),
                 JSON_SESSION_HEADER "=%s; Path=/; HttpOnly; Secure; SameSite=Strict", r.value);
        http_add_header(rest->req, "Set-Cookie", cookie);
        explicit_bzero(cookie, sizeof(cookie));
    }
    /* Both operations that log in have a result of one string. */
    _Static_assert(sizeof(r) == sizeof(struct rest_cis_session_create_result), "one string");
    rest_return(rest, &r);
}

static void create(struct rest *rest)
{
    struct buf b = BUF_INIT(CREDENTIALS_MAX);
    char *colon = basic_credentials(http_header(rest->req, "Authorization"), &b);
    struct vim_Login_request *args = ARENA_NEW(rest->room, struct vim_Login_request);
    if (colon && args) {
        *colon = '\0';
        args->userName = arena_strdup(rest->room, (char *)b.data);
        args->password = arena_strdup(rest->room, colon + 1);
        if (!args->userName || !args->password)
            args = NULL;
    }
    if (b.data)
        explicit_bzero(b.data, b.len);
    buf_free(&b);
    if (args && !colon)
        rest_fail(rest, REST_UNAUTHENTICATED,
                  "com.vmware.vapi.endpoint.method.authentication.required",
                  "A name and a password are needed (Basic authentication).");
    else
        rest_call(rest, &vim_method_Login, about_ref(rest->host, "sessionManager"), args,
                  logged_in);
}

static void get(struct rest *rest)
{
    const struct session *s = rest->session;
    struct rest_session_get_result r = {.value = REST_NEW(rest->room, SessionInfo)};
    if (!r.value) {
        rest_no_memory(rest);
        return;
    }
    r.value->user = s->user;
    r.value->created_time = s->login_time;
    r.value->last_accessed_time = s->last_active_time;
    _Static_assert(sizeof(r) == sizeof(struct rest_cis_session_get_result), "one object");
    rest_return(rest, &r);
}

static void end(struct rest *rest)
{
    rest_call(rest, &vim_method_Logout, about_ref(rest->host, "sessionManager"),
              ARENA_NEW(rest->room, struct vim_Logout_request), rest_done);
}

const struct rest_row rest_session_rows[] = {
    {REST_OP_session_create, create},
    {REST_OP_session_get, get},
    {REST_OP_session_delete, end},
    {REST_OP_cis_session_create, create},
    {REST_OP_cis_session_get, get},
    {REST_OP_cis_session_delete, end},
    {0, NULL},
};
