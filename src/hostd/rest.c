/*
 * REST requests: find the operation, check the session, decode path, query and body, run the
 * handler, write the answer in the request's dialect.
 *
 * The dialect of /rest is translated where it differs: the path, the names of filters, and the
 * wrapping of answers. Its handlers are those of /api.
 */
#include "hostd/rest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/json_codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/auth.h"
#include "hostd/dispatch.h"
#include "hostd/json_endpoint.h"
#include "hostd/property_select.h"
#include "hostd/rest_route.h"
#include "hostd/session.h"

#define ANSWER_MAX (64u << 20)
#define TEXT_MAX   1024
#define REALM      "Basic realm=\"inguest\""

/* What an error answer says. */
struct rest_problem {
    enum rest_error error;
    const char *id, *text;
    const char *arg;    /* NULL: none */
    const char *params; /* a JSON object; NULL: none */
    bool challenge;     /* a host login is what is missing */
};

static const struct rest_row *const row_lists[] = {
    rest_session_rows, rest_vm_rows,      rest_power_rows,      rest_guest_rows,
    rest_file_rows,    rest_process_rows, rest_gueststore_rows, rest_dataset_rows,
};

/* ---- answers ---- */

static void rest_free(struct rest *rest)
{
    if (rest->session)
        session_unref(rest->session);
    if (rest->body)
        vim_wipe_secrets(rest->op->body, (void *)(uintptr_t)rest->body);
    arena_free(&rest->arena);
    mem_free(rest);
}

/* A handler may look at its request, though not answer it again, until it returns. */
static void rest_enter(struct rest *rest)
{
    rest->inside++;
}

static void rest_leave(struct rest *rest)
{
    if (--rest->inside == 0 && rest->over)
        rest_free(rest);
}

/* False: it has been answered before, which is a programming error; the first answer stays. */
static bool rest_end(struct rest *rest)
{
    if (rest->over) {
        log_error("rest: second answer to %s", rest->op->name);
        return false;
    }
    rest->over = true;
    http_on_gone(rest->req, NULL, NULL);
    return true;
}

/* Sends the buffer, or that it could not be written. Takes its bytes. */
static void send_json(struct http_request *req, unsigned status, struct buf *b)
{
    size_t len;
    uint8_t *bytes = buf_error(b) ? NULL : buf_steal(b, &len);
    if (bytes)
        http_respond_take(req, status, JSON_CONTENT_TYPE, bytes, len);
    else
        http_respond_text(req, 500, "The answer cannot be written.\n");
}

void rest_return(struct rest *rest, const void *result)
{
    AUTO_BUF struct buf b = BUF_INIT(ANSWER_MAX);
    static const struct vim_type nothing = {.name = "nothing"};
    const struct vim_type *type = rest->op->result ? rest->op->result : &nothing;
    unsigned status = rest->compat ? 200 : rest->op->status;
    bool empty = true;
    rest_enter(rest);
    if (!rest_end(rest)) {
        rest_leave(rest);
        return;
    }
    if (rest->old && rest->op->result)
        buf_put_str(&b, "{\"value\":");
    int rc = json_encode_result(&b, JSON_REST, type, result, vim_version_advertised, &empty);
    if (rest->old && rest->op->result)
        buf_put_str(&b, empty ? "null}" : "}");
    else if (empty && rest->op->result)
        buf_put_str(&b, "null");
    if (rc != 0)
        http_respond_text(rest->req, 500, "The answer is too large.\n");
    else if (!rest->op->result)
        http_respond(rest->req, status, NULL, "", 0);
    else
        send_json(rest->req, status, &b);
    rest_leave(rest);
}

static void stream_end(struct http_request *req, bool whole, void *arg)
{
    const struct rest_writer *writer = arg;
    http_respond_fd_end(req, whole && writer->whole(writer->arg));
}

/* An answer is over; only one that is a stream has data. */
static void on_ended(struct http_request *req, bool complete)
{
    struct rest_writer *writer = http_data(req);
    (void)complete;
    if (!writer)
        return;
    writer->over(writer->arg);
    mem_free(writer);
}

void rest_return_stream(struct rest *rest, int fd, const struct rest_writer *writer)
{
    struct rest_writer *own = mem_alloc(sizeof(*own));
    if (!own) {
        close(fd);
        writer->over(writer->arg);
        rest_no_memory(rest);
        return;
    }
    *own = *writer;
    rest_enter(rest);
    if (rest_end(rest)) {
        http_set_data(rest->req, own);
        http_respond_fd(rest->req, rest->compat ? 200 : rest->op->status, JSON_CONTENT_TYPE, fd, -1,
                        stream_end, own);
    } else {
        close(fd);
        writer->over(writer->arg);
        mem_free(own);
    }
    rest_leave(rest);
}

static void put_messages(struct buf *b, const struct rest_problem *problem)
{
    buf_put_str(b, "\"messages\":[{\"id\":");
    json_put_string(b, problem->id);
    buf_put_str(b, ",\"default_message\":");
    json_put_string(b, problem->text);
    buf_put_str(b, ",\"args\":[");
    if (problem->arg)
        json_put_string(b, problem->arg);
    buf_put_str(b, "],\"localized\":");
    json_put_string(b, problem->text);
    buf_printf(b, ",\"params\":%s}]", problem->params ? problem->params : "{}");
}

static void respond_error(struct http_request *req, bool old, const struct rest_problem *problem)
{
    AUTO_BUF struct buf b = BUF_INIT(ANSWER_MAX);
    if (old) {
        char lower[64];
        size_t n = 0;
        for (const char *p = rest_error_name(problem->error); *p && n < sizeof(lower) - 1; p++)
            lower[n++] = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
        lower[n] = '\0';
        buf_printf(&b, "{\"type\":\"com.vmware.vapi.std.errors.%s\",\"value\":{", lower);
        put_messages(&b, problem);
        buf_put_str(&b, "}}");
    } else {
        buf_printf(&b, "{\"error_type\":\"%s\",", rest_error_name(problem->error));
        put_messages(&b, problem);
        buf_put_str(&b, ",\"data\":null,\"challenge\":");
        if (problem->challenge)
            json_put_string(&b, REALM);
        else
            buf_put_str(&b, "null");
        buf_put_str(&b, "}");
    }
    if (problem->challenge)
        http_add_header(req, "WWW-Authenticate", REALM);
    send_json(req, rest_error_status(problem->error), &b);
}

/* The published simulator's errors have no words, and what is forbidden is a bad request. */
static void respond_simulated(struct rest *rest, enum rest_error error)
{
    unsigned status = error == REST_UNAUTHORIZED ? 400 : rest_error_status(error);
    char text[128];
    int n = rest->empty_error
                ? 0
                : snprintf(text, sizeof(text), "{\"error_type\":\"%s\", \"messages\":[]}",
                           rest_error_name(error));
    http_respond(rest->req, status, n ? JSON_CONTENT_TYPE : NULL, text, (size_t)n);
}

void rest_fail(struct rest *rest, enum rest_error error, const char *id, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    const struct rest_problem problem = {error,
                                         id,
                                         text,
                                         rest->problem_arg,
                                         rest->problem_params,
                                         error == REST_UNAUTHENTICATED && !rest->guest_refused};
    rest_enter(rest);
    if (rest_end(rest)) {
        log_debug("rest: %s: %s: %s: %s", http_source(rest->req), rest->op->name,
                  rest_error_name(error), text);
        if (rest->compat && error != REST_UNAUTHENTICATED)
            respond_simulated(rest, error);
        else
            respond_error(rest->req, rest->old, &problem);
    }
    rest_leave(rest);
}

void rest_no_memory(struct rest *rest)
{
    rest_fail(rest, REST_ERROR, "com.vmware.vapi.std.errors.error", "The server is out of memory.");
}

void rest_fault(struct rest *rest, const struct vim_object *fault, const char *text)
{
    char id[128];
    snprintf(id, sizeof(id), "com.vmware.vim.fault.%s", fault->type->name);
    rest->guest_refused = VIM_IS_A(fault, InvalidGuestLogin);
    rest_fail(rest, rest_error_of(fault), id, "%s", text);
}

/* ---- calls ---- */

static void on_result(struct call *call, const void *result, void *arg)
{
    struct rest *rest = arg;
    http_on_gone(rest->req, NULL, NULL);
    rest->call = NULL;
    rest->room = call->arena;
    rest_enter(rest);
    rest->done(rest, call, result);
    rest->room = &rest->arena; /* the call goes */
    rest_leave(rest);
}

static void on_fault(struct call *call, const struct vim_object *fault, const char *text, void *arg)
{
    struct rest *rest = arg;
    (void)call;
    rest->call = NULL;
    rest_fault(rest, fault, text);
}

static const struct dispatch_sink sink = {on_result, on_fault};

static void on_gone(struct http_request *req, void *arg)
{
    struct rest *rest = arg;
    (void)req;
    if (rest->call)
        dispatch_cancel(rest->call);
}

void rest_call(struct rest *rest, const struct vim_method *method, struct vim_ref self, void *args,
               void (*done)(struct rest *rest, struct call *call, const void *result))
{
    struct http_request *req = rest->req;
    struct call *call;
    if (!args) {
        rest_no_memory(rest);
        return;
    }
    *(struct vim_ref *)args = self;
    rest->done = done;
    const struct dispatch_params params = {
        .method = method,
        .self = self,
        .req = args,
        .arena = &rest->arena,
        .version = vim_version_advertised,
        .session = rest->session,
        .source = http_source(req),
        .user_agent = http_header(req, "User-Agent"),
        .sink = &sink,
        .arg = rest,
    };
    /* The body lies in the call's arena now; its secrets are the arguments', wiped with them. */
    const void *body = TAKE_PTR(rest->body);
    int rc = dispatch_call(rest->host, &params, &call);
    if (rc < 0) {
        rest->body = body;
        rest_no_memory(rest);
    } else if (call) {
        rest->call = call;
        http_on_gone(req, on_gone, rest);
    }
}

void rest_done(struct rest *rest, struct call *call, const void *result)
{
    (void)call;
    (void)result;
    rest_return(rest, NULL);
}

/* ---- virtual machines ---- */

struct vim_ref rest_vm_ref(const struct rest *rest)
{
    return vim_ref_make("VirtualMachine", rest->vm);
}

struct mo *rest_vm(struct rest *rest)
{
    struct mo *mo = mo_find_for(rest->host->registry, rest->vm, rest->session);
    if (mo && mo_is_a(mo, "VirtualMachine"))
        return mo;
    rest->problem_arg = rest->vm;
    rest_fail(rest, REST_NOT_FOUND, "com.vmware.api.vcenter.vm.not_found",
              "Virtual machine with identifier %s was not found.", rest->vm);
    return NULL;
}

void *rest_vm_property(struct rest *rest, struct mo *vm, const char *name, bool *ret_failed)
{
    struct mo_reader reader = {rest->host, rest->session, rest->room};
    const struct vim_field *field = vim_property_find(vm->info->type, name);
    struct vim_any *value = NULL;
    *ret_failed = true;
    if (!select_allowed(&reader, vm, field->privilege)) {
        rest_fail(rest, REST_UNAUTHORIZED, "com.vmware.api.vcenter.vm.unauthorized",
                  "The privilege %s on the virtual machine is needed.", field->privilege);
        return NULL;
    }
    if (mo_get(vm, name, &reader, &value) == -ENOMEM) {
        rest_no_memory(rest);
        return NULL;
    }
    *ret_failed = false;
    return value && value->type->kind == VIM_KIND_DATA && !value->is_array ? value->v.object : NULL;
}

/* ---- requests ---- */

static void (*handler_of(enum rest_operation_id id))(struct rest *)
{
    for (size_t i = 0; i < ARRAY_SIZE(row_lists); i++)
        for (const struct rest_row *row = row_lists[i]; row->handler; row++)
            if (row->id == id)
                return row->handler;
    return NULL;
}

/* False: answered. */
static bool read_body(struct rest *rest)
{
    struct json_fault fault;
    struct error err = {0};
    const void *bytes;
    size_t len;
    void *body = NULL;
    http_body(rest->req, &bytes, &len);
    int rc = json_decode(bytes, len, &JSON_LIMITS_DEFAULT, JSON_REST, rest->op->body,
                         vim_version_advertised, rest->room, &body, &fault, &err);
    if (rc == 0) {
        rest->body = body;
        return true;
    }
    log_warn("rest: %s: %s: bad request: %s", http_source(rest->req), rest->op->name,
             error_text(&err));
    if (rc == -EBADMSG)
        rest_fail(rest, REST_INVALID_ARGUMENT, "com.vmware.vapi.rest.invalid_body", "%s",
                  fault.text);
    else
        rest_no_memory(rest);
    return false;
}

static bool read_query(struct rest *rest)
{
    const char *bad = NULL;
    void *query = NULL;
    int rc = rest_query_read(rest->req, rest->old, rest->op->query, rest->room, &query, &bad);
    if (rc == 0) {
        rest->query = query;
        return true;
    }
    if (rc == -EINVAL)
        rest_fail(rest, REST_INVALID_ARGUMENT, "com.vmware.vapi.rest.invalid_parameter",
                  "The parameter %s has no such value.", bad);
    else
        rest_no_memory(rest);
    return false;
}

static bool check_session(struct rest *rest)
{
    if (rest->op->login)
        return true;
    struct session *s = json_session(rest->req);
    if (!s) {
        rest_fail(rest, REST_UNAUTHENTICATED,
                  "com.vmware.vapi.endpoint.method.authentication.required",
                  "Authentication required.");
        return false;
    }
    rest->session = s;
    session_ref(s);
    return true;
}

static void run(struct rest *rest)
{
    void (*handler)(struct rest *) =
        handler_of((enum rest_operation_id)(rest->op - rest_operations));
    if (!check_session(rest))
        return;
    if (!handler) {
        rest_fail(rest, REST_UNSUPPORTED, "com.vmware.vapi.std.errors.unsupported",
                  "The operation is not supported.");
        return;
    }
    if (rest->op->body && !json_content_type_ok(rest->req)) {
        rest_fail(rest, REST_INVALID_REQUEST, "com.vmware.vapi.rest.unsupported_media_type",
                  "The body must be " JSON_CONTENT_TYPE ".");
        return;
    }
    if ((rest->op->query && !read_query(rest)) ||
        (rest->op->body && !rest->op->late && !read_body(rest)))
        return;
    handler(rest);
}

/* Operations that the published simulator answers in its own way. -ENOENT: not here. */
static int simulated(struct rest *rest)
{
    const char *path = http_raw_path(rest->req);
    rest->compat = rest->host->options.rest_compat;
    if (!rest->compat)
        return rest->old ? -ENOENT : 0;
    rest->old = false; /* it answers in one dialect */
    return path[strlen(path) - 1] == '/' ? -ENOENT : 0;
}

static void handle(struct http_request *req)
{
    bool old = strncmp(http_path(req), "/rest/", 6) == 0;
    struct rest *rest = mem_calloc(1, sizeof(*rest));
    if (!rest) {
        http_respond_text(req, 500, "The server is out of memory.\n");
        return;
    }
    rest->host = http_host(req);
    rest->req = req;
    rest->old = old;
    rest->arena = ARENA_INIT(CALL_ARENA_MAX);
    rest->room = &rest->arena;
    int rc = rest_route_find(req, old, rest->room, &rest->op, rest->vars);
    if (rc == 0 && rest->op->simulated)
        rc = simulated(rest);
    if (rc < 0) {
        arena_free(&rest->arena);
        mem_free(rest);
        if (rc == -ENOSYS) {
            http_respond_text(req, 405, "There is no such operation on this.\n");
            return;
        }
        const struct rest_problem problem = {
            .error = rc == -ENOENT ? REST_OPERATION_NOT_FOUND : REST_ERROR,
            .id = "com.vmware.vapi.rest.httpNotFound",
            .text = rc == -ENOENT ? "There is no such operation." : "Out of memory.",
        };
        respond_error(req, old, &problem);
        return;
    }
    if (rest->vars[0])
        snprintf(rest->vm, sizeof(rest->vm), "%s", rest->vars[0]);
    rest_enter(rest);
    run(rest);
    rest_leave(rest);
}

static void handle_openapi(struct http_request *req)
{
    http_respond(req, 200, JSON_CONTENT_TYPE, rest_openapi, rest_openapi_size);
}

#define ALL (HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_PATCH | HTTP_DELETE)

static const struct http_route routes[] = {
    {.path = "/api/", .prefix = true, .methods = ALL, .handler = handle, .ended = on_ended},
    {.path = "/rest/", .prefix = true, .methods = ALL, .handler = handle, .ended = on_ended},
    {.path = "/api/openapi.json", .methods = HTTP_GET | HTTP_HEAD, .handler = handle_openapi},
    {.path = NULL},
};

const struct host_module rest_module = {.name = "rest", .routes = routes};
