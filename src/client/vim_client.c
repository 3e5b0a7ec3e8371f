#include "client/vim_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "api/soap.h"
#include "base/fs.h"
#include "base/mem.h"
#include "client/vim_client_impl.h"

#define TICKET_MAX     4096u
#define SESSION_COOKIE "vmware_soap_session"

/* One POST; the answer's bytes are in `answer`. */
static int post(struct vim_client *c, const struct buf *request, struct buf *answer,
                long *ret_status, struct error *err)
{
    char url[VIM_CLIENT_URL_MAX];

    snprintf(url, sizeof(url), "https://%s/sdk", c->address);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, buf_text(request));
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, vim_http_take);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, (long)c->timeout_s);
    return vim_http_perform(c, url, ret_status, err);
}

static int call_once(struct vim_client *c, const struct vim_method *method, const void *req,
                     struct arena *arena, void **ret_result, struct error *err)
{
    struct buf request = BUF_INIT(VIM_CLIENT_ANSWER_MAX);
    AUTO_BUF struct buf answer = BUF_INIT(VIM_CLIENT_ANSWER_MAX);
    struct soap_fault fault = {0};
    void *result = NULL;
    long status = 0;
    int r;

    c->fault = NULL;
    arena_free(&c->fault_arena);
    r = soap_encode_request(&request, method, req, NULL, c->version);
    if (r)
        error_errno(err, r, "cannot write the request %s", method->name);
    else
        r = post(c, &request, &answer, &status, err);
    if (request.data)
        explicit_bzero(request.data, request.len); /* there may be a password in it */
    buf_free(&request);
    if (r)
        return error_prefix(err, r, "%s", method->name);
    if (status != 200 && status != 500) {
        c->failure = VIM_CLIENT_HTTP;
        return error_set(err, -EPROTO, "%s: %s answered HTTP status %ld", method->name, c->address,
                         status);
    }
    r = soap_decode_response(answer.data, answer.len, &SOAP_LIMITS_DEFAULT, method,
                             status == 500 ? &c->fault_arena : arena, &result, &fault, err);
    if (r == -EREMOTEIO) {
        c->fault = fault.detail;
        c->failure = VIM_CLIENT_FAULT;
        return error_set(err, r, "%s: %s%s%s", method->name, fault.text, fault.detail ? " / " : "",
                         fault.detail ? fault.detail->type->name : "");
    }
    if (r) {
        c->failure = VIM_CLIENT_PROTOCOL;
        return error_prefix(err, r, "%s", method->name);
    }
    if (ret_result)
        *ret_result = result;
    return 0;
}

int vim_client_call(struct vim_client *c, const struct vim_method *method, const void *req,
                    struct arena *arena, void **ret_result, struct error *err)
{
    int r = call_once(c, method, req, arena, ret_result, err);

    if (r != -EREMOTEIO || !c->renew || c->renewing || !VIM_IS_A(c->fault, NotAuthenticated))
        return r;
    c->renewing = 1; /* the login is a call as well */
    r = c->renew(c, c->renew_arg);
    c->renewing = 0;
    return r ? r : call_once(c, method, req, arena, ret_result, err);
}

void vim_client_on_expired(struct vim_client *c, int (*renew)(struct vim_client *c, void *arg),
                           void *arg)
{
    c->renew = renew;
    c->renew_arg = arg;
}

enum vim_client_failure vim_client_failure(const struct vim_client *c)
{
    return c->failure;
}

const struct vim_object *vim_client_fault(const struct vim_client *c)
{
    return c->fault;
}

const struct vim_ServiceContent *vim_client_content(const struct vim_client *c)
{
    return c->content;
}

int vim_client_alloc(const struct vim_client_options *options, struct vim_client **ret,
                     struct error *err)
{
    struct vim_client *c = mem_calloc(1, sizeof(*c));
    int r;

    if (!c)
        return error_set(err, -ENOMEM, "out of memory");
    c->arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    c->fault_arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    r = vim_http_setup(c, options, err);
    if (r) {
        vim_client_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

int vim_client_open(struct vim_client *c, struct error *err)
{
    const struct vim_RetrieveServiceContent_request req = {
        .this_ = vim_ref_make("ServiceInstance", "ServiceInstance")};
    struct vim_RetrieveServiceContent_result *result = NULL;
    int r = vim_client_call(c, &vim_method_RetrieveServiceContent, &req, &c->arena,
                            (void **)&result, err);

    if (!r)
        c->content = result->value;
    return r;
}

int vim_client_new(const struct vim_client_options *options, struct vim_client **ret,
                   struct error *err)
{
    struct vim_client *c = NULL;
    int r = vim_client_alloc(options, &c, err);

    if (!r)
        r = vim_client_open(c, err);
    if (r) {
        vim_client_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

int vim_client_join(struct vim_client *first, struct vim_client **ret, struct error *err)
{
    const struct vim_client_options options = {.address = first->address,
                                               .certificates = first->certificates,
                                               .own = first->own,
                                               .certificate_dir = first->certificate_dir,
                                               .pin = first->pin,
                                               .user_agent = first->user_agent,
                                               .connect_s = first->connect_s,
                                               .timeout_s = first->timeout_s};
    int r = vim_client_alloc(&options, ret, err);

    if (!r)
        (*ret)->content = first->content;
    return r;
}

void vim_client_free(struct vim_client *c)
{
    if (!c)
        return;
    if (c->logged_in) {
        const struct vim_Logout_request req = {.this_ = c->content->sessionManager};

        /* The session would time out by itself. */
        vim_client_call(c, &vim_method_Logout, &req, &c->fault_arena, NULL, NULL);
    }
    vim_http_close(c);
    arena_free(&c->arena);
    arena_free(&c->fault_arena);
    mem_free(c);
}

int vim_client_login(struct vim_client *c, const char *user, const char *password,
                     struct error *err)
{
    const struct vim_Login_request req = {
        .this_ = c->content->sessionManager, .userName = user, .password = password};
    AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    int r = vim_client_call(c, &vim_method_Login, &req, &arena, NULL, err);

    c->logged_in = !r;
    return r;
}

int vim_client_login_clone(struct vim_client *c, const char *ticket, struct error *err)
{
    const struct vim_CloneSession_request req = {.this_ = c->content->sessionManager,
                                                 .cloneTicket = ticket};
    AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    int r = vim_client_call(c, &vim_method_CloneSession, &req, &arena, NULL, err);

    c->logged_in = !r;
    return r;
}

int vim_client_login_local(struct vim_client *c, const char *user, struct error *err)
{
    const struct vim_AcquireLocalTicket_request req = {.this_ = c->content->sessionManager,
                                                       .userName = user};
    struct vim_AcquireLocalTicket_result *ticket = NULL;
    AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct buf password = BUF_INIT(TICKET_MAX);
    int r = vim_client_call(c, &vim_method_AcquireLocalTicket, &req, &arena, (void **)&ticket, err);

    if (r)
        return r;
    r = fs_read_file(AT_FDCWD, ticket->value->passwordFilePath, &password, err);
    if (r) {
        error_prefix(err, r, "cannot read the local ticket (only root on the host's machine can)");
    } else {
        while (password.len && password.data[password.len - 1] == '\n')
            password.data[--password.len] = '\0';
        r = vim_client_login(c, ticket->value->userName, buf_text(&password), err);
    }
    if (password.data)
        explicit_bzero(password.data, password.len);
    buf_free(&password);
    return r;
}

/* --- the session's cookie --- */

int vim_client_cookie(struct vim_client *c, char out[VIM_CLIENT_COOKIE_MAX])
{
    struct curl_slist *cookies = NULL;
    int r = 0;

    out[0] = '\0';
    curl_easy_getinfo(c->curl, CURLINFO_COOKIELIST, &cookies);
    for (struct curl_slist *i = cookies; i; i = i->next) {
        /* Netscape's form: seven fields between tabs; name and value are the last two. */
        char *name = strstr(i->data, "\t" SESSION_COOKIE "\t");
        const char *value = name ? name + sizeof("\t" SESSION_COOKIE "\t") - 1 : NULL;

        if (value && strlen(value) < VIM_CLIENT_COOKIE_MAX)
            snprintf(out, VIM_CLIENT_COOKIE_MAX, "%s", value);
        else if (value)
            r = -ENOBUFS;
        explicit_bzero(i->data, strlen(i->data));
    }
    curl_slist_free_all(cookies);
    return r;
}

int vim_client_set_cookie(struct vim_client *c, const char *cookie)
{
    char line[VIM_CLIENT_COOKIE_MAX + 512];
    const char *colon = strrchr(c->address, ':');
    int host = colon ? (int)(colon - c->address) : (int)strlen(c->address);

    if (!*cookie || strlen(cookie) >= VIM_CLIENT_COOKIE_MAX || strpbrk(cookie, "\t\r\n; "))
        return -EINVAL;
    snprintf(line, sizeof(line), "%.*s\tFALSE\t/\tTRUE\t0\t" SESSION_COOKIE "\t%s", host,
             c->address, cookie);
    curl_easy_setopt(c->curl, CURLOPT_COOKIELIST, "ALL"); /* forget */
    curl_easy_setopt(c->curl, CURLOPT_COOKIELIST, line);
    explicit_bzero(line, sizeof(line));
    c->logged_in = 0;
    return 0;
}

void vim_client_keep_session(struct vim_client *c)
{
    c->logged_in = 0;
}
