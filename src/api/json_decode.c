/*
 * JSON to values: a tree from jansson, walked by descriptor. The tree's depth was limited before it
 * was built, so the walk may recurse.
 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/json_codec.h"
#include "api/vim_name.h"
#include "api/vim_text.h"
#include "api/vim_types.h"

#define FIELDS_MAX   256 /* that one struct may have; the generated tables are far below */
#define PATH_MAX_LEN 256

/* Where in the body the walk is: a list from the inside to the outside. */
struct place {
    const struct place *up;
    const char *name; /* of the field; NULL: an item, or the body itself */
};

struct reader {
    struct arena *arena;
    vim_version version;
    bool plain; /* JSON_REST */
    int code;   /* 0 or why the walk stopped */
    struct json_fault fault;
    struct error err;
};

static void read_struct(struct reader *r, const struct place *at, const struct vim_type *type,
                        json_t *json, void *container);

/* ---- errors ---- */

static void out_of_memory(struct reader *r)
{
    if (!r->code)
        r->code = error_set(&r->err, -ENOMEM, "the message needs more memory than it may have");
}

static void refuse(struct reader *r, const void *detail, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* `detail` NULL: there was no memory for it. */
static void refuse(struct reader *r, const void *detail, const char *fmt, ...)
{
    va_list ap;

    if (r->code)
        return;
    va_start(ap, fmt);
    r->fault.text = arena_vprintf(r->arena, fmt, ap);
    va_end(ap);
    r->fault.detail = detail;
    if (!r->fault.text || !detail)
        out_of_memory(r);
    else
        r->code = error_set(&r->err, -EBADMSG, "%s", r->fault.text);
}

static size_t put_path(char *path, size_t size, const struct place *at)
{
    size_t len;
    int n;

    if (!at)
        return 0;
    len = put_path(path, size, at->up);
    if (!at->name || len >= size)
        return len;
    n = snprintf(path + len, size - len, "%s%s", len ? "." : "", at->name);
    return n < 0 ? len : len + (size_t)n;
}

/* "spec.programPath" */
static const char *path_of(struct reader *r, const struct place *at)
{
    char path[PATH_MAX_LEN] = "";
    const char *copy;

    put_path(path, sizeof(path), at);
    copy = arena_strdup(r->arena, *path ? path : "the body");
    return copy ? copy : "the body";
}

static void refuse_request(struct reader *r, const struct place *at, const char *what)
{
    refuse(r, VIM_NEW(r->arena, InvalidRequest), "%s %s", path_of(r, at), what);
}

static void refuse_type(struct reader *r, const struct place *at, const char *name)
{
    struct vim_InvalidType *fault = VIM_NEW(r->arena, InvalidType);
    const char *path = path_of(r, at);

    if (fault)
        fault->argument = path;
    refuse(r, fault, "%s cannot be of type \"%.60s\"", path, name);
}

static void refuse_enum(struct reader *r, const struct place *at, const struct vim_type *type,
                        const char *value)
{
    struct vim_InvalidArgument *fault = VIM_NEW(r->arena, InvalidArgument);
    const char *path = path_of(r, at);

    if (fault)
        fault->invalidProperty = path;
    refuse(r, fault, "A specified parameter was not correct: %s (%s has no value \"%.60s\")", path,
           type->name, value);
}

/* ---- scalars ---- */

/* From text; false: there is no value, or it was refused. */
static bool read_text(struct reader *r, const struct place *at, const struct vim_type *type,
                      const json_t *json, void *to)
{
    int code;

    if (!json_is_string(json)) {
        refuse_request(r, at, "must be a string");
        return false;
    }
    code = vim_text_parse(type, json_string_value(json), json_string_length(json), r->arena, to);
    if (code == -ENOMEM)
        out_of_memory(r);
    else if (code == -ENOENT)
        refuse_enum(r, at, type, json_string_value(json));
    else if (code == -EINVAL)
        refuse_request(r, at, "has no such value");
    return code == 0;
}

static bool read_integer(struct reader *r, const struct place *at, const struct vim_type *type,
                         const json_t *json, void *to)
{
    static const struct {
        int64_t min, max;
    } ranges[] = {
        [VIM_KIND_BYTE] = {INT8_MIN, INT8_MAX},
        [VIM_KIND_SHORT] = {INT16_MIN, INT16_MAX},
        [VIM_KIND_INT] = {INT32_MIN, INT32_MAX},
        [VIM_KIND_LONG] = {INT64_MIN, INT64_MAX},
    };
    int64_t n;

    if (!json_is_integer(json)) {
        refuse_request(r, at, "must be a whole number");
        return false;
    }
    n = json_integer_value(json);
    if (n < ranges[type->kind].min || n > ranges[type->kind].max) {
        refuse_request(r, at, "is out of range");
        return false;
    }
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_BYTE:
        *(int8_t *)to = (int8_t)n;
        break;
    case VIM_KIND_SHORT:
        *(int16_t *)to = (int16_t)n;
        break;
    case VIM_KIND_INT:
        *(int32_t *)to = (int32_t)n;
        break;
    default:
        *(int64_t *)to = n;
    }
    return true;
}

static bool read_real(struct reader *r, const struct place *at, const struct vim_type *type,
                      const json_t *json, void *to)
{
    if (!json_is_number(json)) {
        refuse_request(r, at, "must be a number");
        return false;
    }
    if (type->kind == VIM_KIND_FLOAT)
        *(float *)to = (float)json_number_value(json);
    else
        *(double *)to = json_number_value(json);
    return true;
}

static bool read_boolean(struct reader *r, const struct place *at, const json_t *json, bool *to)
{
    if (!json_is_boolean(json)) {
        refuse_request(r, at, "must be true or false");
        return false;
    }
    *to = json_is_true(json);
    return true;
}

/* ---- references, objects, boxes ---- */

static bool read_ref(struct reader *r, const struct place *at, const char *declared,
                     const json_t *json, struct vim_ref *to)
{
    const json_t *type = json_object_get(json, "type");
    const json_t *value = json_object_get(json, "value");
    const char *name;

    if (!json_is_string(value) || (type && !json_is_string(type))) {
        refuse_request(r, at, "must be a reference: an object with type and value");
        return false;
    }
    if (json_string_length(value) == 0)
        return false;
    name = type ? json_string_value(type) : declared ? declared : "ManagedObject";
    to->type = arena_strdup(r->arena, name);
    to->value = arena_strdup(r->arena, json_string_value(value));
    if (!to->type || !to->value) {
        out_of_memory(r);
        return false;
    }
    return true;
}

/* The name that an object gives itself, NULL for none. */
static const char *type_name(const struct reader *r, const json_t *json)
{
    return r->plain ? NULL : json_string_value(json_object_get(json, "_typeName"));
}

static bool read_data(struct reader *r, const struct place *at, const struct vim_type *declared,
                      json_t *json, struct vim_object **to)
{
    const char *name = type_name(r, json);
    const struct vim_type *type = declared;
    struct vim_object *object;

    if (!json_is_object(json)) {
        refuse_request(r, at, "must be an object");
        return false;
    }
    if (name && !(declared->flags & VIM_TYPE_OPAQUE)) {
        type = vim_type_find(name);
        if (!type || type->kind != VIM_KIND_DATA || !vim_type_is_a(type, declared)) {
            refuse_type(r, at, name);
            return false;
        }
    }
    if (type->flags & VIM_TYPE_ABSTRACT) {
        refuse_request(r, at, "needs the _typeName of a type that is not abstract");
        return false;
    }
    object = vim_new(r->arena, type);
    if (!object) {
        out_of_memory(r);
        return false;
    }
    *to = object;
    if (type->flags & VIM_TYPE_OPAQUE)
        ((struct vim_opaque *)object)->has_content = json_object_size(json) > (name ? 1 : 0);
    else
        read_struct(r, at, type, json, object);
    return true;
}

static bool read_any(struct reader *r, const struct place *at, json_t *json, struct vim_any **to);

static bool read_value(struct reader *r, const struct place *at, const struct vim_type *type,
                       const char *mo, json_t *json, void *to)
{
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_BOOLEAN:
        return read_boolean(r, at, json, to);
    case VIM_KIND_BYTE:
    case VIM_KIND_SHORT:
    case VIM_KIND_INT:
    case VIM_KIND_LONG:
        return read_integer(r, at, type, json, to);
    case VIM_KIND_FLOAT:
    case VIM_KIND_DOUBLE:
        return read_real(r, at, type, json, to);
    case VIM_KIND_REF:
        return read_ref(r, at, mo, json, to);
    case VIM_KIND_DATA:
        return read_data(r, at, type, json, to);
    case VIM_KIND_ANY:
        return read_any(r, at, json, to);
    default:
        return read_text(r, at, type, json, to);
    }
}

/* ---- arrays ---- */

static void read_items(struct reader *r, const struct place *up, const struct vim_type *type,
                       const char *mo, json_t *json, struct vim_array *to)
{
    const struct place at = {.up = up};
    size_t size = type->kind == VIM_KIND_DATA ? sizeof(void *) : type->size;
    size_t count = json_array_size(json);

    if (!json_is_array(json)) {
        refuse_request(r, up, "must be an array");
        return;
    }
    if (count == 0)
        return;
    to->items = arena_calloc(r->arena, count, size);
    if (!to->items) {
        out_of_memory(r);
        return;
    }
    for (size_t i = 0; i < count && !r->code; i++)
        if (read_value(r, &at, type, mo, json_array_get(json, i),
                       (char *)to->items + to->count * size))
            to->count++;
}

static void read_map(struct reader *r, const struct place *up, const struct vim_type *type,
                     json_t *json, struct vim_array *to)
{
    const struct vim_field *key = &type->fields[0];
    const struct vim_field *value = &type->fields[1];
    const struct place at = {.up = up};
    size_t count = json_object_size(json);
    const char *name;
    json_t *member;
    struct vim_object **items;

    if (!json_is_object(json)) {
        refuse_request(r, up, "must be an object");
        return;
    }
    if (count == 0)
        return;
    items = arena_calloc(r->arena, count, sizeof(*items));
    to->items = items;
    if (!items)
        out_of_memory(r);
    json_object_foreach(json, name, member)
    {
        struct vim_object *item = r->code ? NULL : vim_new(r->arena, type);
        const char *copy = item ? arena_strdup(r->arena, name) : NULL;

        if (!copy) {
            out_of_memory(r);
            return;
        }
        *(const char **)(void *)((char *)item + key->offset) = copy;
        if (read_value(r, &at, value->type, NULL, member, (char *)item + value->offset))
            items[to->count++] = item;
    }
}

/* ---- boxed values ---- */

/* What a `_typeName` means in a box; NULL when nobody knows it. */
static const struct vim_type *box_type(const char *name, bool *ret_array)
{
    const struct vim_type *type = NULL;

    *ret_array = false;
    if (strcmp(name, "binary") == 0)
        return &vim_type_base64Binary;
    if (strcmp(name, "URI") == 0)
        return &vim_type_anyURI;
    type = vim_type_find(name);
    if (!type) {
        type = vim_array_item_type(name);
        *ret_array = type != NULL;
    } else if (type->kind == VIM_KIND_ANY) {
        type = NULL;
    }
    return type;
}

/* A value that does not say what it is can only be one of JSON's own. */
static const struct vim_type *bare_type(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_STRING:
        return &vim_type_string;
    case JSON_TRUE:
    case JSON_FALSE:
        return &vim_type_boolean;
    case JSON_INTEGER:
        return json_integer_value(json) >= INT32_MIN && json_integer_value(json) <= INT32_MAX
                   ? &vim_type_int
                   : &vim_type_long;
    case JSON_REAL:
        return &vim_type_double;
    default:
        return NULL;
    }
}

static bool read_box(struct reader *r, const struct place *at, json_t *json, struct vim_any *any)
{
    const char *name = type_name(r, json);
    json_t *inside;

    if (!json_is_object(json)) {
        any->type = bare_type(json);
        if (!any->type) {
            refuse_request(r, at, "needs a _typeName");
            return false;
        }
        return read_value(r, at, any->type, NULL, json, &any->v);
    }
    if (!name) {
        refuse_request(r, at, "needs a _typeName");
        return false;
    }
    any->type = box_type(name, &any->is_array);
    if (!any->type) {
        refuse_type(r, at, name);
        return false;
    }
    if (!any->is_array && (any->type->kind == VIM_KIND_DATA || any->type->kind == VIM_KIND_REF))
        return read_value(r, at, any->type, NULL, json, &any->v);
    inside = json_object_get(json, "_value");
    if (any->is_array) {
        if (inside && !json_is_null(inside))
            read_items(r, at, any->type, NULL, inside, &any->v.array);
        return !r->code;
    }
    if (!inside) {
        refuse_request(r, at, "needs a _value");
        return false;
    }
    return read_value(r, at, any->type, NULL, inside, &any->v);
}

static bool read_any(struct reader *r, const struct place *at, json_t *json, struct vim_any **to)
{
    struct vim_any *any = ARENA_NEW(r->arena, struct vim_any);

    if (!any) {
        out_of_memory(r);
        return false;
    }
    if (!read_box(r, at, json, any))
        return false;
    *to = any;
    return true;
}

/* ---- structs ---- */

static void read_field(struct reader *r, const struct place *up, const struct vim_field *field,
                       json_t *json, void *container, bool *ret_set)
{
    const struct place at = {.up = up, .name = field->name};
    void *to = (char *)container + field->offset;

    if (field->flags & VIM_FIELD_MAP)
        read_map(r, &at, field->type, json, to);
    else if (field->flags & VIM_FIELD_ARRAY)
        read_items(r, &at, field->type, field->mo, json, to);
    else if (read_value(r, &at, field->type, field->mo, json, to)) {
        *ret_set = true;
        if (field->has_offset != VIM_NO_HAS)
            *(bool *)((char *)container + field->has_offset) = true;
    }
}

static void check_required(struct reader *r, const struct place *up, const struct vim_type *type,
                           void *container, const bool *set)
{
    vim_version newest = r->version > type->since ? r->version : type->since;

    for (size_t i = 0; i < type->field_count && !r->code; i++) {
        const struct vim_field *field = &type->fields[i];
        const struct place at = {.up = up, .name = field->name};
        bool forgiven = field->flags & VIM_FIELD_DEFAULT || field->since > newest;
        int filled;

        if (set[i] || field->flags & (VIM_FIELD_OPTIONAL | VIM_FIELD_ARRAY))
            continue;
        filled = forgiven ? vim_fill_default(r->arena, field, container) : 0;
        if (filled < 0)
            out_of_memory(r);
        else if (!filled)
            refuse(r, VIM_NEW(r->arena, InvalidRequest), "required parameter %s is missing",
                   path_of(r, &at));
    }
}

static void read_struct(struct reader *r, const struct place *at, const struct vim_type *type,
                        json_t *json, void *container)
{
    bool set[FIELDS_MAX] = {false};

    for (size_t i = 0; i < type->field_count && !r->code; i++) {
        json_t *value = json_object_get(json, type->fields[i].name);

        if (value && !json_is_null(value))
            read_field(r, at, &type->fields[i], value, container, &set[i]);
    }
    check_required(r, at, type, container, set);
}

/* ---- whole bodies ---- */

/* Passwords pass through the tree. */
static void wipe_strings(json_t *json)
{
    const char *name;
    json_t *value;
    size_t i;

    if (json_is_string(json)) {
        explicit_bzero((void *)(uintptr_t)json_string_value(json), json_string_length(json));
    } else if (json_is_array(json)) {
        json_array_foreach(json, i, value) wipe_strings(value);
    } else {
        json_object_foreach(json, name, value) wipe_strings(value);
    }
}

static bool is_blank(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r' && bytes[i] != '\n')
            return false;
    return true;
}

static json_t *load(struct reader *r, const void *bytes, size_t size)
{
    json_error_t error;
    json_t *tree;

    if (is_blank(bytes, size)) {
        tree = json_object();
        if (!tree)
            out_of_memory(r);
        return tree;
    }
    tree = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (tree)
        return tree;
    if (json_error_code(&error) == json_error_out_of_memory)
        out_of_memory(r);
    else
        /* The parser's own words may quote the body, passwords and all. */
        refuse(r, VIM_NEW(r->arena, InvalidRequest),
               "the message is not well-formed JSON: line %d, column %d", error.line, error.column);
    return NULL;
}

int json_decode(const void *bytes, size_t size, const struct json_limits *limits,
                enum json_dialect dialect, const struct vim_type *type, vim_version version,
                struct arena *arena, void **ret, struct json_fault *ret_fault, struct error *err)
{
    struct reader r = {.arena = arena, .version = version, .plain = dialect == JSON_REST};
    void *container = arena_alloc(arena, type->size);
    struct error why;
    json_t *tree = NULL;

    if (!container)
        out_of_memory(&r);
    else if (type->field_count > FIELDS_MAX)
        r.code = error_set(&r.err, -EINVAL, "%s has too many fields", type->name);
    else if (json_check_limits(bytes, size, limits, &why) < 0)
        refuse(&r, VIM_NEW(arena, InvalidRequest), "%s", why.text);
    else
        tree = load(&r, bytes, size);
    if (tree) {
        if (r.plain)
            ((struct vim_object *)container)->type = type;
        if (json_is_object(tree))
            read_struct(&r, NULL, type, tree, container);
        else
            refuse_request(&r, NULL, "must be an object");
        wipe_strings(tree);
        json_decref(tree);
    }
    if (r.code) {
        if (r.code == -EBADMSG)
            *ret_fault = r.fault;
        if (container)
            vim_wipe_secrets(type, container);
        return error_set(err, r.code, "%s", r.err.text);
    }
    *ret = container;
    return 0;
}
