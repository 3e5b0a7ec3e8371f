/* The envelope: which element of it is what, on the way in. The values are soap_reader's. */
#include <errno.h>
#include <string.h>

#include "api/soap.h"
#include "api/soap_reader.h"
#include "api/vim_types.h"
#include "base/mem.h"

#define ENVELOPE_SPACE "http://schemas.xmlsoap.org/soap/envelope/"

enum outer {
    OUTER_ENVELOPE = 1,
    OUTER_HEADER,
    OUTER_BODY,
    OUTER_UNKNOWN_METHOD,
    OUTER_FAULT,
    OUTER_DETAIL,
};

struct soap_decoder {
    struct soap_reader reader;
    struct soap_request request;
    const char *method_name; /* of a method that nobody knows */
    bool has_body_child;

    /* Decoding an answer. */
    const struct vim_method *expected;
    void *result;
    bool is_fault;
    const char *fault_text;
    struct vim_object *fault_detail;
};

static bool in_space(const char *name, const char *space)
{
    size_t len = strlen(space);

    return strncmp(name, space, len) == 0 && name[len] == '\x1f';
}

/* Methods live in the API's namespace, an older or internal one, or in none. */
static bool method_space(const char *name)
{
    return !strchr(name, '\x1f') || in_space(name, "urn:vim25") || in_space(name, "urn:vim2") ||
           in_space(name, "urn:internalvim25");
}

static void set_outer(struct soap_frame *frame, enum outer outer)
{
    frame->kind = FRAME_OUTER;
    frame->outer = (int)outer;
}

static void start_header_field(struct soap_decoder *d, const char *local, struct soap_frame *frame)
{
    if (strcmp(local, "operationID") == 0)
        soap_reader_text(frame, &d->request.operation_id);
    else if (strcmp(local, "vcSessionCookie") == 0)
        soap_reader_text(frame, &d->request.vc_session_cookie);
}

static void start_method(struct soap_decoder *d, const char *name, const char *local,
                         struct soap_frame *frame)
{
    struct soap_reader *r = &d->reader;
    const struct vim_method *method = method_space(name) ? vim_method_find(local) : NULL;

    if (!method) {
        d->method_name = arena_strdup(r->arena, local);
        if (!d->method_name)
            soap_reader_stop(r, -ENOMEM, "no memory for a method name");
        set_outer(frame, OUTER_UNKNOWN_METHOD);
        return;
    }
    d->request.method = method;
    d->request.args = arena_alloc(r->arena, method->request->size);
    if (!d->request.args) {
        soap_reader_stop(r, -ENOMEM, "no memory for the parameters of %s", method->name);
        return;
    }
    soap_reader_struct(frame, method->request, d->request.args);
    frame->required_this = true;
}

static bool is_response_name(const char *local, const char *method)
{
    size_t len = strlen(method);

    return strncmp(local, method, len) == 0 && strcmp(local + len, "Response") == 0;
}

static void start_answer(struct soap_decoder *d, const char *local, struct soap_frame *frame)
{
    struct soap_reader *r = &d->reader;

    if (strcmp(local, "Fault") == 0) {
        d->is_fault = true;
        set_outer(frame, OUTER_FAULT);
        return;
    }
    if (!is_response_name(local, d->expected->name)) {
        soap_reader_stop(r, -EBADMSG, "the answer to %s is a \"%.80s\"", d->expected->name, local);
        return;
    }
    d->result = arena_alloc(r->arena, d->expected->result->size);
    if (!d->result)
        soap_reader_stop(r, -ENOMEM, "no memory for the result of %s", d->expected->name);
    else
        soap_reader_struct(frame, d->expected->result, d->result);
}

/* The child of <detail>: the fault type is its xsi:type, or its name without "Fault". */
static void start_detail(struct soap_decoder *d, const char *local,
                         const struct soap_attributes *attributes, struct soap_frame *frame)
{
    struct soap_reader *r = &d->reader;
    const struct vim_type *type = attributes->type ? vim_type_find(attributes->type) : NULL;
    size_t len = strlen(local);
    char *name;

    if (d->fault_detail)
        return;
    if (!type && len > strlen("Fault")) {
        name = arena_strndup(r->arena, local, len - strlen("Fault"));
        type = name ? vim_type_find(name) : NULL;
    }
    if (!type || !(type->flags & VIM_TYPE_FAULT))
        type = &vim_type_MethodFault;
    d->fault_detail = vim_new(r->arena, type);
    if (!d->fault_detail)
        soap_reader_stop(r, -ENOMEM, "no memory for a fault");
    else
        soap_reader_struct(frame, type, d->fault_detail);
}

static void start_body_child(struct soap_decoder *d, const char *name, const char *local,
                             struct soap_frame *frame)
{
    if (d->has_body_child) {
        soap_reader_refuse(&d->reader, &vim_type_InvalidRequest, NULL,
                           "the SOAP body has more than one element");
        return;
    }
    d->has_body_child = true;
    if (d->expected)
        start_answer(d, local, frame);
    else
        start_method(d, name, local, frame);
}

static void start_envelope(struct soap_decoder *d, const char *name, const char *local,
                           struct soap_frame *frame)
{
    if (strcmp(local, "Envelope") != 0 || !in_space(name, ENVELOPE_SPACE))
        soap_reader_refuse(&d->reader, &vim_type_InvalidRequest, NULL,
                           "the message is no SOAP 1.1 envelope");
    else
        set_outer(frame, OUTER_ENVELOPE);
}

static void outer_start(struct soap_reader *r, const struct soap_frame *parent, const char *name,
                        const char *local, const struct soap_attributes *attributes,
                        struct soap_frame *frame)
{
    struct soap_decoder *d = r->owner;

    if (!parent) {
        start_envelope(d, name, local, frame);
        return;
    }
    switch ((enum outer)parent->outer) {
    case OUTER_ENVELOPE:
        if (in_space(name, ENVELOPE_SPACE) && strcmp(local, "Header") == 0)
            set_outer(frame, OUTER_HEADER);
        else if (in_space(name, ENVELOPE_SPACE) && strcmp(local, "Body") == 0)
            set_outer(frame, OUTER_BODY);
        break;
    case OUTER_HEADER:
        start_header_field(d, local, frame);
        break;
    case OUTER_BODY:
        start_body_child(d, name, local, frame);
        break;
    case OUTER_UNKNOWN_METHOD:
        if (strcmp(local, "_this") == 0)
            soap_reader_ref(r, frame, &d->request.self, attributes);
        break;
    case OUTER_FAULT:
        if (strcmp(local, "faultstring") == 0)
            soap_reader_text(frame, &d->fault_text);
        else if (strcmp(local, "detail") == 0)
            set_outer(frame, OUTER_DETAIL);
        break;
    case OUTER_DETAIL:
        start_detail(d, local, attributes, frame);
        break;
    }
}

static struct soap_decoder *decoder_new(const struct soap_limits *limits, vim_version version,
                                        struct arena *arena, const struct vim_method *expected)
{
    struct soap_decoder *d = mem_calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    if (soap_reader_open(&d->reader, limits, version, arena) < 0) {
        mem_free(d);
        return NULL;
    }
    d->reader.outer_start = outer_start;
    d->reader.owner = d;
    d->reader.lenient = expected != NULL;
    d->expected = expected;
    return d;
}

struct soap_decoder *soap_decoder_new(const struct soap_limits *limits, vim_version version,
                                      struct arena *arena)
{
    return decoder_new(limits, version, arena, NULL);
}

void soap_decoder_free(struct soap_decoder *d)
{
    if (!d)
        return;
    soap_reader_close(&d->reader);
    mem_free(d);
}

void soap_decoder_feed(struct soap_decoder *d, const void *bytes, size_t size)
{
    soap_reader_feed(&d->reader, bytes, size, false);
}

static void refuse_method(struct soap_decoder *d)
{
    struct soap_reader *r = &d->reader;
    struct vim_MethodNotFound *fault = VIM_NEW(r->arena, MethodNotFound);

    if (!fault) {
        soap_reader_stop(r, -ENOMEM, "no memory for a fault");
        return;
    }
    fault->receiver = d->request.self;
    if (!fault->receiver.value)
        fault->receiver = vim_ref_make("ManagedObject", "");
    fault->method = d->method_name;
    soap_reader_refuse(r, NULL, &fault->base, "Method not found.");
}

int soap_decoder_finish(struct soap_decoder *d, struct soap_request *ret,
                        struct soap_fault *ret_fault, struct error *err)
{
    struct soap_reader *r = &d->reader;

    soap_reader_feed(r, NULL, 0, true);
    if (!r->code && d->method_name)
        refuse_method(d);
    if (!r->code && !d->request.method)
        soap_reader_refuse(r, &vim_type_InvalidRequest, NULL, "the SOAP message has no method");
    if (r->code) {
        if (r->code == -EBADMSG)
            *ret_fault = r->fault;
        return error_set(err, r->code, "%s", r->err.text);
    }
    d->request.self = *(const struct vim_ref *)d->request.args;
    *ret = d->request;
    return 0;
}

int soap_decode_request(const void *bytes, size_t size, const struct soap_limits *limits,
                        vim_version version, struct arena *arena, struct soap_request *ret,
                        struct soap_fault *ret_fault, struct error *err)
{
    struct soap_decoder *d = soap_decoder_new(limits, version, arena);
    int r;

    if (!d)
        return error_set(err, -ENOMEM, "no memory for a SOAP decoder");
    soap_decoder_feed(d, bytes, size);
    r = soap_decoder_finish(d, ret, ret_fault, err);
    soap_decoder_free(d);
    return r;
}

static int finish_answer(struct soap_decoder *d, void **ret_result, struct soap_fault *ret_fault,
                         struct error *err)
{
    struct soap_reader *r = &d->reader;

    if (!r->code && !d->result && !d->is_fault)
        soap_reader_stop(r, -EBADMSG, "the answer to %s is empty", d->expected->name);
    if (r->code)
        return error_set(err, r->code, "%s", r->err.text);
    if (d->result) {
        *ret_result = d->result;
        return 0;
    }
    ret_fault->client = false;
    ret_fault->text = d->fault_text && *d->fault_text ? d->fault_text : "The call failed.";
    ret_fault->detail = d->fault_detail;
    return error_set(err, -EREMOTEIO, "%s: %s", d->expected->name, ret_fault->text);
}

int soap_decode_response(const void *bytes, size_t size, const struct soap_limits *limits,
                         const struct vim_method *method, struct arena *arena, void **ret_result,
                         struct soap_fault *ret_fault, struct error *err)
{
    struct soap_decoder *d = decoder_new(limits, vim_version_advertised, arena, method);
    int r;

    if (!d)
        return error_set(err, -ENOMEM, "no memory for a SOAP decoder");
    soap_reader_feed(&d->reader, bytes, size, true);
    r = finish_answer(d, ret_result, ret_fault, err);
    soap_decoder_free(d);
    return r;
}
