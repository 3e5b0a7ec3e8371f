/*
 * /sdk: SOAP over HTTP. Takes the envelope apart, finds the session, runs the call, and writes the
 * answer: 200 with a result, 500 with a fault, whatever went wrong.
 */
#include "hostd/soap_endpoint.h"

#include <errno.h>
#include <string.h>

#include "api/soap.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/dispatch.h"
#include "hostd/http.h"
#include "hostd/session.h"

#define ANSWER_MAX (64u << 20)

static void answer_fault(struct http_request *req, const struct soap_fault *fault,
                         vim_version version)
{
    AUTO_BUF struct buf b = BUF_INIT(ANSWER_MAX);
    if (soap_encode_fault(&b, fault, version) != 0) {
        http_respond_text(req, 500, "The fault cannot be written.\n");
        return;
    }
    size_t len;
    uint8_t *bytes = buf_steal(&b, &len);
    http_respond_take(req, 500, SOAP_CONTENT_TYPE, bytes, len);
}

static void answer_text(struct http_request *req, const char *text, vim_version version)
{
    const struct vim_RuntimeFault detail = {.base = {&vim_type_RuntimeFault}};
    struct soap_fault f = {.text = text, .detail = &detail.base};
    answer_fault(req, &f, version);
}

static void on_fault(struct call *call, const struct vim_object *fault, const char *text, void *arg)
{
    struct soap_fault f = {.text = text, .detail = fault};
    http_on_gone(arg, NULL, NULL);
    answer_fault(arg, &f, call->version);
}

static void on_result(struct call *call, const void *result, void *arg)
{
    static const char none[sizeof(void *)];
    struct http_request *req = arg;
    AUTO_BUF struct buf b = BUF_INIT(ANSWER_MAX);
    http_on_gone(req, NULL, NULL);
    if (soap_encode_response(&b, call->method, result ? result : none, call->version) != 0) {
        log_error("soap: the answer to %s cannot be written", call->method->name);
        answer_text(req, "The answer is too large.", call->version);
        return;
    }
    if (call_cookie(call)) {
        char header[SESSION_COOKIE_SIZE + 80];
        snprintf(header, sizeof(header), "vmware_soap_session=\"%s\"; Path=/; HttpOnly; Secure",
                 call_cookie(call));
        http_add_header(req, "Set-Cookie", header);
        explicit_bzero(header, sizeof(header));
    }
    size_t len;
    uint8_t *bytes = buf_steal(&b, &len);
    http_respond_take(req, 200, SOAP_CONTENT_TYPE, bytes, len);
}

static const struct dispatch_sink sink = {on_result, on_fault};

static void on_gone(struct http_request *req, void *arg)
{
    (void)req;
    dispatch_cancel(arg);
}

static struct session *find_session(struct http_request *req, const struct soap_request *soap)
{
    struct sessions *all = http_host(req)->sessions;
    char cookie[128];
    struct session *s = NULL;
    if (http_cookie(req, "vmware_soap_session", cookie, sizeof(cookie)))
        s = session_by_cookie(all, cookie);
    explicit_bzero(cookie, sizeof(cookie));
    return s ? s : session_by_cookie(all, soap->vc_session_cookie);
}

static void handle_sdk(struct http_request *req)
{
    struct host *host = http_host(req);
    vim_version version = vim_version_find(http_header(req, "SOAPAction"));
    struct arena arena = ARENA_INIT(CALL_ARENA_MAX);
    struct soap_request soap;
    struct soap_fault fault;
    struct error err = {0};
    const void *body;
    size_t len;
    http_body(req, &body, &len);
    int rc =
        soap_decode_request(body, len, &SOAP_LIMITS_DEFAULT, version, &arena, &soap, &fault, &err);
    if (rc < 0) {
        log_warn("soap: %s: bad request: %s", http_source(req), error_text(&err));
        if (rc == -EBADMSG)
            answer_fault(req, &fault, version);
        else if (rc == -EPROTO)
            http_respond_text(req, 400, "A document type declaration is not accepted.\n");
        else
            answer_text(req, "The server is out of memory.", version);
        arena_free(&arena);
        return;
    }
    struct dispatch_params params = {
        .method = soap.method,
        .self = soap.self,
        .req = soap.args,
        .arena = &arena,
        .version = version,
        .session = find_session(req, &soap),
        .source = http_source(req),
        .user_agent = http_header(req, "User-Agent"),
        .sink = &sink,
        .arg = req,
    };
    struct call *call;
    rc = dispatch_call(host, &params, &call);
    arena_free(&arena); /* emptied by dispatch_call unless it failed */
    if (rc < 0)
        answer_text(req, "The server is out of memory.", version);
    else if (call)
        http_on_gone(req, on_gone, call);
}

static void handle_versions(struct http_request *req)
{
    AUTO_BUF struct buf b = BUF_INIT(64u << 10);
    buf_put_str(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<namespaces version=\"1.0\">\n"
                    " <namespace>\n  <name>urn:vim25</name>\n");
    buf_printf(&b, "  <version>%s</version>\n  <priorVersions>\n",
               vim_version_names[vim_version_advertised]);
    for (size_t i = vim_version_advertised; i-- > 0;)
        if (strcmp(vim_version_names[i], "2.0") != 0) /* urn:vim2, another namespace */
            buf_printf(&b, "   <version>%s</version>\n", vim_version_names[i]);
    buf_put_str(&b, "  </priorVersions>\n </namespace>\n</namespaces>\n");
    if (buf_error(&b))
        http_respond_text(req, 500, "Out of memory.\n");
    else
        http_respond(req, 200, "text/xml", b.data, b.len);
}

static void handle_root(struct http_request *req)
{
    static const char page[] = "<!DOCTYPE html>\n<html><head><title>inguest</title></head><body>"
                               "<h1>inguest</h1><p>The vSphere API is at <code>/sdk</code>.</p>"
                               "</body></html>\n";
    http_respond(req, 200, "text/html; charset=utf-8", page, sizeof(page) - 1);
}

static const struct http_route routes[] = {
    {.path = "/sdk", .methods = HTTP_POST, .handler = handle_sdk},
    {.path = "/sdk/", .methods = HTTP_POST, .handler = handle_sdk},
    {.path = "/sdk/vimService", .methods = HTTP_POST, .handler = handle_sdk},
    {.path = "/sdk/vimServiceVersions.xml",
     .methods = HTTP_GET | HTTP_HEAD,
     .handler = handle_versions},
    {.path = "/", .methods = HTTP_GET | HTTP_HEAD, .handler = handle_root},
    {.path = NULL},
};

const struct host_module soap_module = {.name = "soap", .routes = routes};
