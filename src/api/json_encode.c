/* Values to JSON. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "api/json_codec.h"
#include "api/vim_name.h"
#include "api/vim_text.h"
#include "api/vim_types.h"
#include "base/utf8.h"

#define VALUE_DEPTH_MAX 128
#define REPLACEMENT     "\xef\xbf\xbd"
#define SEQUENCE_MAX    4 /* bytes of a code point in UTF-8 */

struct encoder {
    struct buf *out;
    vim_version version;
    bool plain; /* JSON_REST */
    int err;    /* -ELOOP */
    unsigned depth;
};

#define PUT(e, literal) buf_put((e)->out, literal, sizeof(literal) - 1)

/* ---- strings ---- */

static size_t sequence(const char *p)
{
    size_t left = strnlen(p, SEQUENCE_MAX);

    for (size_t n = 1; n <= left; n++)
        if (utf8_valid(p, n))
            return n;
    return 0;
}

static void put_escape(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        buf_put_str(out, "\\\"");
        break;
    case '\\':
        buf_put_str(out, "\\\\");
        break;
    case '\n':
        buf_put_str(out, "\\n");
        break;
    case '\r':
        buf_put_str(out, "\\r");
        break;
    case '\t':
        buf_put_str(out, "\\t");
        break;
    default:
        buf_printf(out, "\\u%04x", c);
    }
}

int json_put_string(struct buf *out, const char *s)
{
    const char *run = s;

    buf_put_u8(out, '"');
    while (*s) {
        unsigned char c = (unsigned char)*s;
        bool escape = c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
        size_t n = escape ? 0 : c < 0x80 ? 1 : sequence(s);

        if (n) {
            s += n;
            continue;
        }
        buf_put(out, run, (size_t)(s - run));
        if (escape)
            put_escape(out, c);
        else
            buf_put_str(out, REPLACEMENT);
        run = ++s;
    }
    buf_put(out, run, (size_t)(s - run));
    return buf_put_u8(out, '"');
}

/* ---- values ---- */

static void put_object(struct encoder *e, const struct vim_type *declared,
                       const struct vim_object *object);
static void put_any(struct encoder *e, const struct vim_any *any);

static void put_key(struct encoder *e, const char *name, bool *first)
{
    if (!*first)
        PUT(e, ",");
    *first = false;
    json_put_string(e->out, name);
    PUT(e, ":");
}

/* Names of the language's types where they differ from the schema's. */
static const char *box_name(const struct vim_type *type)
{
    if (type == &vim_type_base64Binary)
        return "binary";
    if (type == &vim_type_anyURI)
        return "URI";
    return type->name;
}

/* Is there something to send that the client's release knows? */
static bool sendable(const struct encoder *e, const struct vim_type *type,
                     const struct vim_type *declared, const void *place)
{
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_DATA: {
        const struct vim_object *object = *(struct vim_object *const *)place;

        return object && (e->plain || vim_known_type(object->type, declared, e->version));
    }
    case VIM_KIND_ANY: {
        const struct vim_any *any = *(struct vim_any *const *)place;

        if (!any || !vim_known_type(any->type, NULL, e->version))
            return false;
        return any->is_array ||
               (any->type->kind != VIM_KIND_ANY && sendable(e, any->type, NULL, &any->v));
    }
    case VIM_KIND_ENUM:
        return vim_known_enum(type, *(const int *)place, e->version);
    case VIM_KIND_REF:
        return ((const struct vim_ref *)place)->value != NULL;
    case VIM_KIND_BINARY:
        return ((const struct vim_binary *)place)->data != NULL;
    case VIM_KIND_FLOAT:
        return isfinite(*(const float *)place); /* JSON has no other numbers */
    case VIM_KIND_DOUBLE:
        return isfinite(*(const double *)place);
    default:
        return true;
    }
}

static void put_ref(struct encoder *e, const struct vim_ref *ref)
{
    const char *type = ref->type ? ref->type : "ManagedObject";

    PUT(e, "{\"_typeName\":\"ManagedObjectReference\",\"type\":");
    json_put_string(e->out, vim_known_mo_name(type, e->version));
    PUT(e, ",\"value\":");
    json_put_string(e->out, ref->value);
    PUT(e, "}");
}

static void put_value(struct encoder *e, const struct vim_type *type,
                      const struct vim_type *declared, const void *place)
{
    char text[VIM_TEXT_MAX];
    const char *s;
    size_t n;

    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_DATA:
        put_object(e, declared, *(struct vim_object *const *)place);
        break;
    case VIM_KIND_ANY:
        put_any(e, *(struct vim_any *const *)place);
        break;
    case VIM_KIND_REF:
        put_ref(e, place);
        break;
    case VIM_KIND_STRING:
        s = *(const char *const *)place;
        json_put_string(e->out, s ? s : "");
        break;
    case VIM_KIND_ENUM:
        json_put_string(e->out, vim_enum_name(type, *(const int *)place));
        break;
    case VIM_KIND_BINARY: {
        const struct vim_binary *b = place;

        PUT(e, "\"");
        vim_text_put_base64(e->out, b->data, b->size);
        PUT(e, "\"");
        break;
    }
    default:
        n = vim_text_format(type, place, text);
        if (type->kind == VIM_KIND_DATETIME)
            PUT(e, "\"");
        buf_put(e->out, text, n);
        if (type->kind == VIM_KIND_DATETIME)
            PUT(e, "\"");
    }
}

static void put_items(struct encoder *e, const struct vim_type *type, const struct vim_array *array)
{
    size_t size = type->kind == VIM_KIND_DATA ? sizeof(void *) : type->size;
    bool first = true;

    PUT(e, "[");
    for (size_t i = 0; i < array->count; i++) {
        const void *place = (const char *)array->items + i * size;

        if (!sendable(e, type, type, place))
            continue;
        if (!first)
            PUT(e, ",");
        first = false;
        put_value(e, type, type, place);
    }
    PUT(e, "]");
}

/* Items of a map are objects with the fields key and value. */
static void put_map(struct encoder *e, const struct vim_type *type, const struct vim_array *array)
{
    const struct vim_field *key = &type->fields[0];
    const struct vim_field *value = &type->fields[1];
    bool first = true;

    PUT(e, "{");
    for (size_t i = 0; i < array->count; i++) {
        const char *item = ((char *const *)array->items)[i];
        const char *name = item ? *(const char *const *)(item + key->offset) : NULL;

        if (!name || !sendable(e, value->type, value->type, item + value->offset))
            continue;
        put_key(e, name, &first);
        put_value(e, value->type, value->type, item + value->offset);
    }
    PUT(e, "}");
}

static void put_field_value(struct encoder *e, const struct vim_field *field, const void *place)
{
    if (field->flags & VIM_FIELD_MAP)
        put_map(e, field->type, place);
    else if (field->flags & VIM_FIELD_ARRAY)
        put_items(e, field->type, place);
    else
        put_value(e, field->type, field->type, place);
}

static bool field_sendable(const struct encoder *e, const struct vim_field *field,
                           const void *container)
{
    const void *place = (const char *)container + field->offset;

    if (field->flags & VIM_FIELD_ARRAY) {
        /* In REST a list that must be there is there, if only to be empty. */
        if (e->plain && !(field->flags & VIM_FIELD_OPTIONAL))
            return true;
        return ((const struct vim_array *)place)->count != 0;
    }
    if (!vim_field_is_set(field, container)) /* a string that must be there is at least empty */
        return field->type->kind == VIM_KIND_STRING && !(field->flags & VIM_FIELD_OPTIONAL);
    return sendable(e, field->type, field->type, place);
}

static void put_fields(struct encoder *e, const struct vim_type *type, const void *container,
                       bool *first)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct vim_field *field = &type->fields[i];

        if (field->since > e->version || !field_sendable(e, field, container))
            continue;
        put_key(e, field->name, first);
        put_field_value(e, field, (const char *)container + field->offset);
    }
}

static void put_type_name(struct encoder *e, const char *name, bool *first)
{
    put_key(e, "_typeName", first);
    json_put_string(e->out, name);
}

static void put_object(struct encoder *e, const struct vim_type *declared,
                       const struct vim_object *object)
{
    const struct vim_type *type = object->type;
    bool first = true;

    if (!e->plain)
        type = vim_known_type(type, declared, e->version);
    if (++e->depth > VALUE_DEPTH_MAX) {
        e->err = -ELOOP;
        PUT(e, "null");
    } else {
        PUT(e, "{");
        if (!e->plain)
            put_type_name(e, type->name, &first);
        put_fields(e, type, object, &first);
        PUT(e, "}");
    }
    e->depth--;
}

static void put_any(struct encoder *e, const struct vim_any *any)
{
    char array_name[VIM_ARRAY_NAME_MAX];
    bool first = true;

    if (!any->is_array && (any->type->kind == VIM_KIND_DATA || any->type->kind == VIM_KIND_REF)) {
        put_value(e, any->type, NULL, &any->v);
        return;
    }
    if (++e->depth > VALUE_DEPTH_MAX) {
        e->err = -ELOOP;
        e->depth--;
        PUT(e, "null");
        return;
    }
    PUT(e, "{");
    if (any->is_array) {
        const struct vim_type *type = vim_known_type(any->type, NULL, e->version);

        put_type_name(e, vim_array_type_name(type, array_name), &first);
        put_key(e, "_value", &first);
        put_items(e, type, &any->v.array);
    } else {
        put_type_name(e, box_name(any->type), &first);
        put_key(e, "_value", &first);
        put_value(e, any->type, NULL, &any->v);
    }
    PUT(e, "}");
    e->depth--;
}

/* ---- whole values ---- */

static int finish(const struct encoder *e)
{
    return e->err ? e->err : buf_error(e->out);
}

int json_encode_result(struct buf *out, enum json_dialect dialect, const struct vim_type *result,
                       const void *container, vim_version version, bool *ret_empty)
{
    struct encoder e = {.out = out, .version = version, .plain = dialect == JSON_REST};
    const struct vim_field *field = result->field_count ? &result->fields[0] : NULL;
    bool empty = !field || !container;

    if (!empty && !(field->flags & VIM_FIELD_ARRAY))
        empty = !field_sendable(&e, field, container);
    if (!empty)
        put_field_value(&e, field, (const char *)container + field->offset);
    *ret_empty = empty;
    return finish(&e);
}

int json_encode_property(struct buf *out, const struct vim_field *property,
                         const struct vim_any *value, vim_version version, bool *ret_empty)
{
    struct encoder e = {.out = out, .version = version};
    bool empty = !value || !sendable(&e, &vim_type_anyType, NULL, &value);

    if (!empty) {
        if (property->type->kind == VIM_KIND_ANY && !(property->flags & VIM_FIELD_ARRAY))
            put_any(&e, value);
        else if (value->is_array)
            put_items(&e, value->type, &value->v.array);
        else
            put_value(&e, value->type, NULL, &value->v);
    }
    *ret_empty = empty;
    return finish(&e);
}

int json_encode_fault(struct buf *out, const struct json_fault *fault, vim_version version)
{
    static const struct vim_object unknown = {&vim_type_MethodFault};
    struct encoder e = {.out = out, .version = version};
    const struct vim_object *detail = fault->detail ? fault->detail : &unknown;
    const struct vim_type *type = vim_known_type(detail->type, &vim_type_MethodFault, version);
    bool first = true;

    if (!type)
        type = &vim_type_MethodFault;
    PUT(&e, "{");
    put_type_name(&e, type->name, &first);
    if (detail != &unknown)
        put_fields(&e, type, detail, &first);
    put_key(&e, "faultstring", &first);
    json_put_string(out, fault->text && *fault->text ? fault->text : type->name);
    PUT(&e, "}");
    return finish(&e);
}

int json_encode_args(struct buf *out, enum json_dialect dialect, const struct vim_type *type,
                     const void *args, vim_version version)
{
    struct encoder e = {.out = out, .version = version, .plain = dialect == JSON_REST};
    bool first = true;

    PUT(&e, "{");
    put_fields(&e, type, args, &first);
    PUT(&e, "}");
    return finish(&e);
}
