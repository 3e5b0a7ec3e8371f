#include "trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/soap.h"

static void on_result(struct call *call, const void *result, void *arg)
{
    struct trace *t = arg;

    assert_false(t->done);
    t->done = true;
    assert_int_equal(soap_encode_response(&t->out, call->method, result, t->version), 0);
}

static void on_fault(struct call *call, const struct vim_object *fault, const char *text, void *arg)
{
    struct trace *t = arg;

    (void)call;
    assert_false(t->done);
    t->done = t->fault = true;
    assert_int_equal(
        soap_encode_fault(&t->out, &(struct soap_fault){.text = text, .detail = fault}, t->version),
        0);
}

static const struct dispatch_sink sink = {on_result, on_fault};

void trace_start(struct fixture *f, struct session *s, const char *version, const char *body,
                 struct trace *t)
{
    AUTO_BUF struct buf in = BUF_INIT(1u << 20);
    struct arena arena = ARENA_INIT(CALL_ARENA_MAX);
    struct soap_request soap;
    struct soap_fault fault;
    struct error err = {0};

    *t = (struct trace){.out = BUF_INIT(16u << 20), .version = vim_version_find(version)};
    buf_printf(&in,
               "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\""
               " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\""
               " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns=\"urn:vim25\">"
               "<soapenv:Body>%s</soapenv:Body></soapenv:Envelope>",
               body);
    if (soap_decode_request(in.data, in.len, &SOAP_LIMITS_DEFAULT, t->version, &arena, &soap,
                            &fault, &err) < 0)
        fail_msg("%s: %s", body, error_text(&err));
    const struct dispatch_params p = {
        .method = soap.method,
        .self = soap.self,
        .req = soap.args,
        .arena = &arena,
        .version = t->version,
        .session = s,
        .source = "192.0.2.1",
        .user_agent = "trace",
        .sink = &sink,
        .arg = t,
    };
    assert_int_equal(dispatch_call(&f->host, &p, &t->call), 0);
}

const char *trace_call(struct fixture *f, struct session *s, const char *body, struct trace *t)
{
    trace_start(f, s, "urn:vim25/8.0.2.0", body, t);
    fixture_wait(f, &t->done);
    if (t->fault)
        fail_msg("%s\nanswered %s", body, buf_text(&t->out));
    return buf_text(&t->out);
}

const char *trace_fault(struct fixture *f, struct session *s, const char *body, struct trace *t)
{
    trace_start(f, s, "urn:vim25/8.0.2.0", body, t);
    fixture_wait(f, &t->done);
    if (!t->fault)
        fail_msg("%s\nanswered %s", body, buf_text(&t->out));
    return buf_text(&t->out);
}

void trace_free(struct trace *t)
{
    buf_free(&t->out);
}

const char *trace_between(const struct trace *t, const char *before, const char *after)
{
    static char out[512];
    const char *p = strstr(buf_text(&t->out), before), *end = NULL;

    if (p)
        end = strstr(p + strlen(before), after);
    if (!end)
        fail_msg("no %s...%s in %s", before, after, buf_text(&t->out));
    p += strlen(before);
    snprintf(out, sizeof(out), "%.*s", (int)(end - p), p);
    return out;
}

void assert_has(const struct trace *t, const char *text)
{
    if (!strstr(buf_text(&t->out), text))
        fail_msg("no %s in %s", text, buf_text(&t->out));
}

void assert_has_not(const struct trace *t, const char *text)
{
    if (strstr(buf_text(&t->out), text))
        fail_msg("%s in %s", text, buf_text(&t->out));
}

size_t count_of(const struct trace *t, const char *text)
{
    size_t n = 0;

    for (const char *p = buf_text(&t->out); (p = strstr(p, text)); p++)
        n++;
    return n;
}
