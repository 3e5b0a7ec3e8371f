#include <errno.h>
#include <string.h>

#include "api/soap.h"
#include "api/vim_name.h"
#include "api/vim_text.h"
#include "api/xml_text.h"

#define VALUE_DEPTH_MAX 128

static const char envelope_head[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<soapenv:Envelope xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\""
    " xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\""
    " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\""
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n";
static const char body_head[] = "<soapenv:Body>\n";
static const char envelope_tail[] = "\n</soapenv:Body>\n</soapenv:Envelope>\n";

struct encoder {
    struct buf *out;
    vim_version version;
    int err; /* -ELOOP */
    unsigned depth;
};

#define PUT(e, literal) buf_put((e)->out, literal, sizeof(literal) - 1)

static void put_end(struct encoder *e, const char *name)
{
    PUT(e, "</");
    buf_put_str(e->out, name);
    PUT(e, ">");
}

/* ---- values ---- */

static void put_object(struct encoder *e, const char *name, const struct vim_type *declared,
                       const struct vim_object *object);
static void put_any(struct encoder *e, const char *name, const struct vim_any *any);

static void put_xsi_type(struct encoder *e, const struct vim_type *type)
{
    if (type->kind == VIM_KIND_STRING && !type->xsd)
        type = &vim_type_string;
    PUT(e, " xsi:type=\"");
    if (type->xsd)
        PUT(e, "xsd:");
    buf_put_str(e->out, type->xsd ? type->xsd : type->name);
    PUT(e, "\"");
}

static void put_scalar_text(struct encoder *e, const struct vim_type *type, const void *place)
{
    char text[VIM_TEXT_MAX];

    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_STRING: {
        const char *s = *(const char *const *)place;

        if (s)
            xml_put_text(e->out, s);
        break;
    }
    case VIM_KIND_BINARY: {
        const struct vim_binary *b = place;

        vim_text_put_base64(e->out, b->data, b->data ? b->size : 0);
        break;
    }
    case VIM_KIND_ENUM:
        buf_put_str(e->out, vim_enum_name(type, *(const int *)place));
        break;
    default:
        buf_put(e->out, text, vim_text_format(type, place, text));
    }
}

/* One value. `boxed`: inside anyType, where every element says its type. */
static void put_value(struct encoder *e, const char *name, const struct vim_type *type,
                      const void *place, bool boxed)
{
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_DATA:
        put_object(e, name, boxed ? NULL : type, *(struct vim_object *const *)place);
        return;
    case VIM_KIND_ANY:
        put_any(e, name, *(struct vim_any *const *)place);
        return;
    case VIM_KIND_ENUM:
        if (!vim_known_enum(type, *(const int *)place, e->version))
            return;
        break;
    case VIM_KIND_REF:
        if (!((const struct vim_ref *)place)->value)
            return;
        break;
    default:
        break;
    }
    PUT(e, "<");
    buf_put_str(e->out, name);
    if (type->kind == VIM_KIND_REF) {
        const struct vim_ref *ref = place;

        PUT(e, " type=\"");
        xml_put_text(e->out,
                     vim_known_mo_name(ref->type ? ref->type : "ManagedObject", e->version));
        PUT(e, "\"");
    }
    if (boxed)
        put_xsi_type(e, type);
    PUT(e, ">");
    if (type->kind == VIM_KIND_REF)
        xml_put_text(e->out, ((const struct vim_ref *)place)->value);
    else
        put_scalar_text(e, type, place);
    put_end(e, name);
}

static void put_items(struct encoder *e, const char *name, const struct vim_type *type,
                      const struct vim_array *array)
{
    size_t size = type->kind == VIM_KIND_DATA ? sizeof(void *) : type->size;

    for (size_t i = 0; i < array->count; i++)
        put_value(e, name, type, (const char *)array->items + i * size, false);
}

static void put_field(struct encoder *e, const char *name, const struct vim_field *field,
                      const void *container)
{
    const void *place = (const char *)container + field->offset;

    if (field->flags & VIM_FIELD_ARRAY) {
        put_items(e, name, field->type, place);
        return;
    }
    if (!vim_field_is_set(field, container)) {
        /* A string that must be there is at least empty. */
        if (field->type->kind != VIM_KIND_STRING || field->flags & VIM_FIELD_OPTIONAL)
            return;
    }
    put_value(e, name, field->type, place, false);
}

static void put_fields(struct encoder *e, const struct vim_type *type, const void *container)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].since <= e->version)
            put_field(e, type->fields[i].name, &type->fields[i], container);
}

static void put_object(struct encoder *e, const char *name, const struct vim_type *declared,
                       const struct vim_object *object)
{
    const struct vim_type *type;

    if (!object)
        return;
    type = vim_known_type(object->type, declared, e->version);
    if (!type)
        return;
    if (++e->depth > VALUE_DEPTH_MAX) {
        e->err = -ELOOP;
        e->depth--;
        return;
    }
    PUT(e, "<");
    buf_put_str(e->out, name);
    if (type != declared)
        put_xsi_type(e, type);
    PUT(e, ">");
    put_fields(e, type, object);
    put_end(e, name);
    e->depth--;
}

static void put_any(struct encoder *e, const char *name, const struct vim_any *any)
{
    const struct vim_type *type;
    char array_name[VIM_ARRAY_NAME_MAX];

    if (!any)
        return;
    type = vim_known_type(any->type, NULL, e->version);
    if (!type)
        return;
    if (++e->depth > VALUE_DEPTH_MAX) {
        e->err = -ELOOP;
    } else if (any->is_array) {
        PUT(e, "<");
        buf_put_str(e->out, name);
        PUT(e, " xsi:type=\"");
        buf_put_str(e->out, vim_array_type_name(type, array_name));
        PUT(e, "\">");
        put_items(e, vim_array_item_name(type), type, &any->v.array);
        put_end(e, name);
    } else {
        put_value(e, name, any->type, &any->v, true);
    }
    e->depth--;
}

/* ---- documents ---- */

static int finish(const struct encoder *e)
{
    return e->err ? e->err : buf_error(e->out);
}

int soap_encode_response(struct buf *out, const struct vim_method *method, const void *result,
                         vim_version version)
{
    struct encoder e = {.out = out, .version = version};

    PUT(&e, envelope_head);
    PUT(&e, body_head);
    PUT(&e, "<");
    buf_put_str(out, method->name);
    PUT(&e, "Response xmlns=\"urn:vim25\">");
    /* Whoever called the method expects its result, however old the rest of the client is. */
    if (method->result->field_count)
        put_field(&e, method->result->fields[0].name, &method->result->fields[0], result);
    PUT(&e, "</");
    buf_put_str(out, method->name);
    PUT(&e, "Response>");
    PUT(&e, envelope_tail);
    return finish(&e);
}

static void put_fault_detail(struct encoder *e, const struct vim_object *detail)
{
    const struct vim_type *type = vim_known_type(detail->type, NULL, e->version);

    if (!type)
        return;
    PUT(e, "<detail><");
    buf_put_str(e->out, type->name);
    PUT(e, "Fault xmlns=\"urn:vim25\" xsi:type=\"");
    buf_put_str(e->out, type->name);
    PUT(e, "\">");
    put_fields(e, type, detail);
    PUT(e, "</");
    buf_put_str(e->out, type->name);
    PUT(e, "Fault></detail>");
}

int soap_encode_fault(struct buf *out, const struct soap_fault *fault, vim_version version)
{
    struct encoder e = {.out = out, .version = version};
    const char *text = fault->text;

    if (!text || !*text)
        text = fault->detail ? fault->detail->type->name : "The call failed.";
    PUT(&e, envelope_head);
    PUT(&e, body_head);
    PUT(&e, "<soapenv:Fault><faultcode>");
    buf_put_str(out, fault->client ? "ClientFaultCode" : "ServerFaultCode");
    PUT(&e, "</faultcode><faultstring>");
    xml_put_text(out, text);
    PUT(&e, "</faultstring>");
    if (fault->detail)
        put_fault_detail(&e, fault->detail);
    PUT(&e, "</soapenv:Fault>");
    PUT(&e, envelope_tail);
    return finish(&e);
}

int soap_encode_request(struct buf *out, const struct vim_method *method, const void *args,
                        const char *operation_id, vim_version version)
{
    struct encoder e = {.out = out, .version = version};

    PUT(&e, envelope_head);
    if (operation_id) {
        PUT(&e, "<soapenv:Header><operationID xmlns=\"urn:vim25\">");
        xml_put_text(out, operation_id);
        PUT(&e, "</operationID></soapenv:Header>\n");
    }
    PUT(&e, body_head);
    PUT(&e, "<");
    buf_put_str(out, method->name);
    PUT(&e, " xmlns=\"urn:vim25\">");
    put_value(&e, "_this", &vim_type_ref, args, false);
    put_fields(&e, method->request, args);
    put_end(&e, method->name);
    PUT(&e, envelope_tail);
    return finish(&e);
}
