/*
 * /sdk/vim25/{release}/{type}/{id}/{name}: POST calls a method, GET reads a property (through the
 * method Fetch, which checks what a reader may see). The path says which object and which release;
 * the body holds the parameters. The answer is 200 with the value, 204 when there is none, 500 with
 * the fault.
 */
#include "hostd/json_endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/json_codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/dispatch.h"
#include "hostd/session.h"

#define ANSWER_MAX  (64u << 20)
#define PATH_PREFIX "/sdk/vim25/"

/* Parts of the path; they point into a copy in the call's arena. */
struct target {
    const char *release;
    const char *type;
    const char *id;
    const char *name;
};

struct session *json_session(struct http_request *req)
{
    struct sessions *all = http_host(req)->sessions;
    const char *header = http_header(req, JSON_SESSION_HEADER);
    char cookie[128];
    struct session *s;
    if (header)
        return session_by_cookie(all, header);
    s = http_cookie(req, JSON_SESSION_HEADER, cookie, sizeof(cookie))
            ? session_by_cookie(all, cookie)
            : NULL;
    explicit_bzero(cookie, sizeof(cookie));
    return s;
}

bool json_content_type_ok(const struct http_request *req)
{
    const char *type = http_header(req, "Content-Type");
    const void *body;
    size_t len;
    http_body(req, &body, &len);
    if (!type) /* govmomi names none */
        return true;
    size_t n = strcspn(type, "; \t");
    return len == 0 ||
           (n == strlen(JSON_CONTENT_TYPE) && strncasecmp(type, JSON_CONTENT_TYPE, n) == 0);
}

/* ---- answers ---- */

static void answer_fault(struct http_request *req, const struct json_fault *fault,
                         vim_version version)
{
    AUTO_BUF struct buf b = BUF_INIT(ANSWER_MAX);
    if (json_encode_fault(&b, fault, version) != 0) {
        http_respond_text(req, 500, "The fault cannot be written.\n");
        return;
    }
    size_t len;
    uint8_t *bytes = buf_steal(&b, &len);
    http_respond_take(req, 500, JSON_CONTENT_TYPE, bytes, len);
}

static void answer_text(struct http_request *req, const char *text, vim_version version)
{
    const struct vim_RuntimeFault detail = {.base = {&vim_type_RuntimeFault}};
    answer_fault(req, &(struct json_fault){text, &detail.base}, version);
}

static void on_fault(struct call *call, const struct vim_object *fault, const char *text, void *arg)
{
    http_on_gone(arg, NULL, NULL);
    answer_fault(arg, &(struct json_fault){text, fault}, call->version);
}

/* Sends what was encoded with outcome `rc`. */
static void answer_value(struct http_request *req, struct call *call, int rc, struct buf *b,
                         bool empty)
{
    http_on_gone(req, NULL, NULL);
    if (rc != 0) {
        log_error("json: the answer to %s cannot be written", call->method->name);
        answer_text(req, "The answer is too large.", call->version);
        return;
    }
    if (call_cookie(call))
        http_add_header(req, JSON_SESSION_HEADER, call_cookie(call));
    if (empty) {
        http_respond(req, 204, NULL, "", 0);
        return;
    }
    size_t len;
    uint8_t *bytes = buf_steal(b, &len);
    http_respond_take(req, 200, JSON_CONTENT_TYPE, bytes, len);
}

static void on_result(struct call *call, const void *result, void *arg)
{
    AUTO_BUF struct buf b = BUF_INIT(ANSWER_MAX);
    bool empty = true;
    int rc = json_encode_result(&b, JSON_VIM, call->method->result, result, call->version, &empty);
    answer_value(arg, call, rc, &b, empty);
}

/* Fetch has found the property, so the object and its type are there. */
static void on_property(struct call *call, const void *result, void *arg)
{
    AUTO_BUF struct buf b = BUF_INIT(ANSWER_MAX);
    const struct vim_Fetch_result *r = result;
    const struct vim_Fetch_request *req = call->req;
    const struct vim_mo_type *type = about_type_of(call->host, call->self);
    const struct vim_field *property = type ? vim_property_find(type, req->prop) : NULL;
    bool empty = true;
    int rc = 0;
    if (property && property->since <= call->version)
        rc = json_encode_property(&b, property, r->value, call->version, &empty);
    answer_value(arg, call, rc, &b, empty);
}

static const struct dispatch_sink method_sink = {on_result, on_fault};
static const struct dispatch_sink property_sink = {on_property, on_fault};

static void on_gone(struct http_request *req, void *arg)
{
    (void)req;
    dispatch_cancel(arg);
}

/* ---- requests ---- */

/* 0, -ENOENT: not a path of this form, -ENOMEM. An id may hold slashes. */
static int target_parse(const char *path, struct arena *arena, struct target *ret)
{
    char *text = arena_strdup(arena, path + strlen(PATH_PREFIX));
    if (!text)
        return -ENOMEM;
    char *type = strchr(text, '/');
    char *id = type ? strchr(type + 1, '/') : NULL;
    char *name = id ? strrchr(id + 1, '/') : NULL;
    if (!name || *text < '0' || *text > '9')
        return -ENOENT;
    *type = *id = *name = '\0';
    *ret = (struct target){.release = text, .type = type + 1, .id = id + 1, .name = name + 1};
    return *ret->id && *ret->name && vim_mo_type_find(ret->type) ? 0 : -ENOENT;
}

/* The parameters of the call, in the arena; false: answered. */
static bool read_args(struct http_request *req, const struct vim_method *method,
                      const struct target *target, struct dispatch_params *params)
{
    struct json_fault fault;
    struct error err = {0};
    const void *body;
    size_t len;
    void *args = NULL;
    http_body(req, &body, &len);
    int rc = json_decode(body, len, &JSON_LIMITS_DEFAULT, JSON_VIM, method->request,
                         params->version, params->arena, &args, &fault, &err);
    if (rc < 0) {
        log_warn("json: %s: %s: bad request: %s", http_source(req), method->name, error_text(&err));
        if (rc == -EBADMSG)
            answer_fault(req, &fault, params->version);
        else
            answer_text(req, "The server is out of memory.", params->version);
        return false;
    }
    *(struct vim_ref *)args = vim_ref_make(target->type, target->id);
    params->method = method;
    params->req = args;
    params->sink = &method_sink;
    return true;
}

static bool read_method(struct http_request *req, const struct target *target,
                        struct dispatch_params *params)
{
    const struct vim_method *method = vim_method_find(target->name);
    if (!json_content_type_ok(req)) {
        http_respond_text(req, 415, "The body must be " JSON_CONTENT_TYPE ".\n");
        return false;
    }
    if (!method) {
        const struct vim_MethodNotFound fault = {
            .base = {&vim_type_MethodNotFound}, .receiver = params->self, .method = target->name};
        answer_fault(req,
                     &(struct json_fault){"Method not found.", (const struct vim_object *)&fault},
                     params->version);
        return false;
    }
    return read_args(req, method, target, params);
}

static bool read_property(struct http_request *req, const struct target *target,
                          struct dispatch_params *params)
{
    struct vim_Fetch_request *fetch = ARENA_NEW(params->arena, struct vim_Fetch_request);
    if (!fetch) {
        answer_text(req, "The server is out of memory.", params->version);
        return false;
    }
    fetch->this_ = params->self;
    fetch->prop = target->name;
    params->method = &vim_method_Fetch;
    params->req = fetch;
    params->sink = &property_sink;
    return true;
}

/* The object of that id must be of the type in the path, or of one derived from it. Whoever has no
 * session is told that first. */
static bool check_type(struct http_request *req, const struct dispatch_params *params)
{
    const struct vim_mo_type *real = about_type_of(http_host(req), params->self);
    char text[256];
    if (!real || vim_mo_is_a(real, vim_mo_type_find(params->self.type)) || !params->session)
        return true;
    const struct vim_ManagedObjectNotFound fault = {.base = {&vim_type_ManagedObjectNotFound},
                                                    .obj = params->self};
    snprintf(text, sizeof(text), "The object '%s' is no %s", params->self.value, params->self.type);
    answer_fault(req, &(struct json_fault){text, (const struct vim_object *)&fault},
                 params->version);
    return false;
}

static void run(struct http_request *req, struct arena *arena)
{
    struct target target;
    int rc = target_parse(http_path(req), arena, &target);
    if (rc < 0) {
        http_respond_text(req, rc == -ENOENT ? 404 : 500,
                          rc == -ENOENT ? "Not found.\n" : "The server is out of memory.\n");
        return;
    }
    struct dispatch_params params = {
        .self = vim_ref_make(target.type, target.id),
        .arena = arena,
        .version = vim_version_find(target.release),
        .session = json_session(req),
        .source = http_source(req),
        .user_agent = http_header(req, "User-Agent"),
        .arg = req,
    };
    struct call *call;
    if (!check_type(req, &params) ||
        !(http_method(req) == HTTP_POST ? read_method(req, &target, &params)
                                        : read_property(req, &target, &params)))
        return;
    rc = dispatch_call(http_host(req), &params, &call);
    if (rc < 0) {
        vim_wipe_secrets(params.method->request, (void *)(uintptr_t)params.req);
        answer_text(req, "The server is out of memory.", params.version);
    } else if (call)
        http_on_gone(req, on_gone, call);
}

static void handle(struct http_request *req)
{
    struct arena arena = ARENA_INIT(CALL_ARENA_MAX);
    run(req, &arena);
    arena_free(&arena); /* emptied by dispatch_call unless it was not reached */
}

static const struct http_route routes[] = {
    {.path = PATH_PREFIX, .prefix = true, .methods = HTTP_GET | HTTP_POST, .handler = handle},
    {.path = NULL},
};

const struct host_module json_module = {.name = "json", .routes = routes};
