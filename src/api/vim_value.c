/* Walks values by their descriptors: copy, compare, check, wipe. */
#include <errno.h>
#include <string.h>

#include "api/vim.h"
#include "base/mem.h"

/* Values are as deep as the structs nest, which only linked lists of the same type make
 * unbounded (faultCause, parent); nobody legitimately goes near this. */
#define VALUE_DEPTH_MAX 128

static const void *at(const void *container, uint32_t offset)
{
    return (const char *)container + offset;
}

static bool scalar_is_set(const struct vim_type *type, const void *p)
{
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_STRING:
    case VIM_KIND_ANY:
    case VIM_KIND_DATA:
        return *(void *const *)p != NULL;
    case VIM_KIND_REF:
        return ((const struct vim_ref *)p)->value != NULL;
    case VIM_KIND_BINARY:
        return ((const struct vim_binary *)p)->data != NULL;
    case VIM_KIND_ENUM:
        return *(const int *)p != 0;
    default:
        return true;
    }
}

bool vim_field_is_set(const struct vim_field *field, const void *container)
{
    if (field->flags & VIM_FIELD_ARRAY)
        return ((const struct vim_array *)at(container, field->offset))->count > 0;
    if (field->has_offset != VIM_NO_HAS)
        return *(const bool *)at(container, field->has_offset);
    return scalar_is_set(field->type, at(container, field->offset));
}

/* Bytes of one value in C, also of one item of an array. */
static size_t item_size(const struct vim_type *type)
{
    return type->kind == VIM_KIND_DATA ? sizeof(void *) : type->size;
}

/* The place inside `any` that holds a single value of its type. */
static void *any_place(struct vim_any *any)
{
    return &any->v;
}

int vim_fill_default(struct arena *a, const struct vim_field *field, void *container)
{
    void *to = (char *)container + field->offset;

    switch ((enum vim_kind)field->type->kind) {
    case VIM_KIND_STRING:
        *(const char **)to = "";
        return 1;
    case VIM_KIND_DATA:
        if (field->type->flags & VIM_TYPE_ABSTRACT)
            return 0;
        *(struct vim_object **)to = vim_new(a, field->type);
        return *(struct vim_object **)to ? 1 : -ENOMEM;
    case VIM_KIND_ENUM:
    case VIM_KIND_REF:
    case VIM_KIND_ANY:
    case VIM_KIND_BINARY:
        return 0;
    default:
        return 1; /* false, 0 */
    }
}

struct vim_any *vim_any_field(struct arena *a, const struct vim_field *field, const void *container)
{
    const void *p = at(container, field->offset);
    struct vim_any *any;

    if (!(field->flags & VIM_FIELD_ARRAY) && !vim_field_is_set(field, container))
        return NULL;
    if (field->type->kind == VIM_KIND_ANY && !(field->flags & VIM_FIELD_ARRAY))
        return *(struct vim_any *const *)p;
    any = ARENA_NEW(a, struct vim_any);
    if (!any)
        return NULL;
    any->type = field->type;
    any->is_array = field->flags & VIM_FIELD_ARRAY;
    if (any->is_array)
        memcpy(&any->v.array, p, sizeof(any->v.array));
    else
        memcpy(any_place(any), p, item_size(field->type));
    if (!any->is_array && field->type->kind == VIM_KIND_DATA)
        any->type = any->v.object->type;
    return any;
}

/* ---- copy ---- */

static bool copy_struct(struct arena *a, const struct vim_type *type, void *to, const void *from,
                        unsigned depth);
static struct vim_any *copy_any(struct arena *a, const struct vim_any *any, unsigned depth);

static struct vim_object *copy_object(struct arena *a, const struct vim_object *from,
                                      unsigned depth)
{
    struct vim_object *to;

    if (!from || depth > VALUE_DEPTH_MAX)
        return NULL;
    to = vim_new(a, from->type);
    if (!to || !copy_struct(a, from->type, to, from, depth))
        return NULL;
    if (from->type->flags & VIM_TYPE_OPAQUE)
        ((struct vim_opaque *)to)->has_content = ((const struct vim_opaque *)from)->has_content;
    return to;
}

static bool copy_string(struct arena *a, const char **to, const char *from)
{
    *to = arena_strdup(a, from);
    return *to || !from;
}

/* `to` and `from` are places that hold one value of the type. */
static bool copy_value(struct arena *a, const struct vim_type *type, void *to, const void *from,
                       unsigned depth)
{
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_STRING:
        return copy_string(a, to, *(const char *const *)from);
    case VIM_KIND_BINARY: {
        const struct vim_binary *b = from;
        struct vim_binary *copy = to;

        *copy = *b;
        if (b->data)
            copy->data = arena_memdup(a, b->data, b->size);
        return copy->data || !b->data;
    }
    case VIM_KIND_REF: {
        const struct vim_ref *r = from;
        struct vim_ref *copy = to;

        return copy_string(a, &copy->type, r->type) && copy_string(a, &copy->value, r->value);
    }
    case VIM_KIND_ANY: {
        struct vim_any *const *any = from;

        *(struct vim_any **)to = copy_any(a, *any, depth + 1);
        return *(struct vim_any **)to || !*any;
    }
    case VIM_KIND_DATA: {
        struct vim_object *const *object = from;

        *(struct vim_object **)to = copy_object(a, *object, depth + 1);
        return *(struct vim_object **)to || !*object;
    }
    default:
        memcpy(to, from, type->size);
        return true;
    }
}

static bool copy_array(struct arena *a, const struct vim_type *type, struct vim_array *to,
                       const struct vim_array *from, unsigned depth)
{
    size_t size = item_size(type);

    to->count = 0;
    to->items = NULL;
    if (from->count == 0)
        return true;
    to->items = arena_calloc(a, from->count, size);
    if (!to->items)
        return false;
    to->count = from->count;
    for (size_t i = 0; i < from->count; i++)
        if (!copy_value(a, type, (char *)to->items + i * size, (const char *)from->items + i * size,
                        depth))
            return false;
    return true;
}

static struct vim_any *copy_any(struct arena *a, const struct vim_any *any, unsigned depth)
{
    struct vim_any *copy;

    if (!any || depth > VALUE_DEPTH_MAX)
        return NULL;
    copy = ARENA_NEW(a, struct vim_any);
    if (!copy)
        return NULL;
    copy->type = any->type;
    copy->is_array = any->is_array;
    if (any->is_array ? !copy_array(a, any->type, &copy->v.array, &any->v.array, depth)
                      : !copy_value(a, any->type, &copy->v, &any->v, depth))
        return NULL;
    return copy;
}

static bool copy_struct(struct arena *a, const struct vim_type *type, void *to, const void *from,
                        unsigned depth)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct vim_field *f = &type->fields[i];
        void *p = (char *)to + f->offset;
        const void *q = at(from, f->offset);

        if (f->has_offset != VIM_NO_HAS)
            *((bool *)((char *)to + f->has_offset)) = *(const bool *)at(from, f->has_offset);
        if (f->flags & VIM_FIELD_ARRAY ? !copy_array(a, f->type, p, q, depth)
                                       : !copy_value(a, f->type, p, q, depth))
            return false;
    }
    return true;
}

struct vim_object *vim_copy(struct arena *a, const void *object)
{
    return copy_object(a, object, 0);
}

struct vim_any *vim_any_copy(struct arena *a, const struct vim_any *any)
{
    return copy_any(a, any, 0);
}

/* ---- comparison ---- */

static bool equal_struct(const struct vim_type *type, const void *a, const void *b, unsigned depth);
static bool equal_any(const struct vim_any *a, const struct vim_any *b, unsigned depth);

static bool equal_string(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool equal_object(const struct vim_object *a, const struct vim_object *b, unsigned depth)
{
    if (a == b)
        return true;
    if (!a || !b || a->type != b->type || depth > VALUE_DEPTH_MAX)
        return false;
    if (a->type->flags & VIM_TYPE_OPAQUE &&
        ((const struct vim_opaque *)a)->has_content != ((const struct vim_opaque *)b)->has_content)
        return false;
    return equal_struct(a->type, a, b, depth);
}

static bool equal_binary(const struct vim_binary *a, const struct vim_binary *b)
{
    if (!a->data || !b->data)
        return a->data == b->data;
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static bool equal_value(const struct vim_type *type, const void *a, const void *b, unsigned depth)
{
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_STRING:
        return equal_string(*(const char *const *)a, *(const char *const *)b);
    case VIM_KIND_BINARY:
        return equal_binary(a, b);
    case VIM_KIND_REF:
        return vim_ref_equal(*(const struct vim_ref *)a, *(const struct vim_ref *)b);
    case VIM_KIND_ANY:
        return equal_any(*(struct vim_any *const *)a, *(struct vim_any *const *)b, depth + 1);
    case VIM_KIND_DATA:
        return equal_object(*(struct vim_object *const *)a, *(struct vim_object *const *)b,
                            depth + 1);
    default:
        return memcmp(a, b, type->size) == 0;
    }
}

static bool equal_array(const struct vim_type *type, const struct vim_array *a,
                        const struct vim_array *b, unsigned depth)
{
    size_t size = item_size(type);

    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!equal_value(type, (const char *)a->items + i * size, (const char *)b->items + i * size,
                         depth))
            return false;
    return true;
}

static bool equal_any(const struct vim_any *a, const struct vim_any *b, unsigned depth)
{
    if (a == b)
        return true;
    if (!a || !b || a->type != b->type || a->is_array != b->is_array || depth > VALUE_DEPTH_MAX)
        return false;
    if (a->is_array)
        return equal_array(a->type, &a->v.array, &b->v.array, depth);
    return equal_value(a->type, &a->v, &b->v, depth);
}

static bool equal_struct(const struct vim_type *type, const void *a, const void *b, unsigned depth)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct vim_field *f = &type->fields[i];
        const void *p = at(a, f->offset);
        const void *q = at(b, f->offset);

        if (f->flags & VIM_FIELD_ARRAY) {
            if (!equal_array(f->type, p, q, depth))
                return false;
            continue;
        }
        if (f->has_offset != VIM_NO_HAS) {
            bool has = *(const bool *)at(a, f->has_offset);

            if (has != *(const bool *)at(b, f->has_offset))
                return false;
            if (!has)
                continue;
        }
        if (!equal_value(f->type, p, q, depth))
            return false;
    }
    return true;
}

bool vim_equal(const void *a, const void *b)
{
    return equal_object(a, b, 0);
}

bool vim_any_equal(const struct vim_any *a, const struct vim_any *b)
{
    return equal_any(a, b, 0);
}

bool vim_struct_equal(const struct vim_type *type, const void *a, const void *b)
{
    return equal_struct(type, a, b, 0);
}

/* ---- required fields ---- */

static const struct vim_field *missing_in_any(const struct vim_any *any, vim_version version,
                                              unsigned depth);

static const struct vim_field *missing_in_struct(const struct vim_type *type, const void *container,
                                                 vim_version version, unsigned depth);

static const struct vim_field *missing_in_value(const struct vim_type *type, const void *p,
                                                vim_version version, unsigned depth)
{
    if (depth > VALUE_DEPTH_MAX)
        return NULL;
    if (type->kind == VIM_KIND_ANY)
        return missing_in_any(*(struct vim_any *const *)p, version, depth + 1);
    if (type->kind == VIM_KIND_DATA) {
        const struct vim_object *o = *(struct vim_object *const *)p;

        return o ? missing_in_struct(o->type, o, version, depth + 1) : NULL;
    }
    return NULL;
}

static const struct vim_field *missing_in_array(const struct vim_type *type,
                                                const struct vim_array *array, vim_version version,
                                                unsigned depth)
{
    const struct vim_field *missing = NULL;

    if (type->kind != VIM_KIND_DATA && type->kind != VIM_KIND_ANY)
        return NULL;
    for (size_t i = 0; i < array->count && !missing; i++)
        missing =
            missing_in_value(type, (const char *)array->items + i * sizeof(void *), version, depth);
    return missing;
}

static const struct vim_field *missing_in_any(const struct vim_any *any, vim_version version,
                                              unsigned depth)
{
    if (!any)
        return NULL;
    return any->is_array ? missing_in_array(any->type, &any->v.array, version, depth)
                         : missing_in_value(any->type, &any->v, version, depth);
}

static const struct vim_field *missing_in_struct(const struct vim_type *type, const void *container,
                                                 vim_version version, unsigned depth)
{
    const struct vim_field *missing = NULL;

    for (size_t i = 0; i < type->field_count && !missing; i++) {
        const struct vim_field *f = &type->fields[i];
        const void *p = at(container, f->offset);

        if (f->since > version)
            continue;
        if (f->flags & VIM_FIELD_ARRAY)
            missing = missing_in_array(f->type, p, version, depth);
        else if (vim_field_is_set(f, container))
            missing = missing_in_value(f->type, p, version, depth);
        else if (!(f->flags & VIM_FIELD_OPTIONAL))
            missing = f;
    }
    return missing;
}

const struct vim_field *vim_missing_field(const struct vim_type *type, const void *container,
                                          vim_version version)
{
    return missing_in_struct(type, container, version, 0);
}

/* ---- secrets ---- */

static void wipe_any(struct vim_any *any, unsigned depth);
static void wipe_struct(const struct vim_type *type, void *container, unsigned depth);

static void wipe_string(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
}

static void wipe_value(const struct vim_type *type, void *p, unsigned depth)
{
    if (depth > VALUE_DEPTH_MAX)
        return;
    if (type->kind == VIM_KIND_ANY) {
        wipe_any(*(struct vim_any **)p, depth + 1);
    } else if (type->kind == VIM_KIND_DATA) {
        struct vim_object *o = *(struct vim_object **)p;

        if (o)
            wipe_struct(o->type, o, depth + 1);
    }
}

static void wipe_array(const struct vim_type *type, struct vim_array *array, unsigned depth)
{
    if (type->kind == VIM_KIND_ANY || type->kind == VIM_KIND_DATA)
        for (size_t i = 0; i < array->count; i++)
            wipe_value(type, (char *)array->items + i * sizeof(void *), depth);
}

static void wipe_any(struct vim_any *any, unsigned depth)
{
    if (!any)
        return;
    if (any->is_array)
        wipe_array(any->type, &any->v.array, depth);
    else
        wipe_value(any->type, &any->v, depth);
}

static void wipe_struct(const struct vim_type *type, void *container, unsigned depth)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct vim_field *f = &type->fields[i];
        void *p = (char *)container + f->offset;

        if (f->flags & VIM_FIELD_SECRET)
            wipe_string(*(char **)p);
        else if (f->flags & VIM_FIELD_ARRAY)
            wipe_array(f->type, p, depth);
        else
            wipe_value(f->type, p, depth);
    }
}

void vim_wipe_secrets(const struct vim_type *type, void *container)
{
    wipe_struct(type, container, 0);
}
