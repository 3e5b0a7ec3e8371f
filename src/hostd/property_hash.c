/* A hash of a value, by its descriptors: what a property filter remembers instead of the value. */
#include <string.h>

#include "hostd/property_path.h"

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h ^ (h >> 31);
}

static uint64_t mix_text(uint64_t h, const char *s)
{
    return s ? mix(h, s, strlen(s) + 1) : mix(h, "\1", 2);
}

static uint64_t mix_any(uint64_t h, const struct vim_any *any);
static uint64_t mix_object(uint64_t h, const struct vim_object *object);

/* One value of a type, not an array, at `p`. */
static uint64_t mix_value(uint64_t h, const struct vim_type *type, const void *p)
{
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_STRING:
        return mix_text(h, *(const char *const *)p);
    case VIM_KIND_REF: {
        const struct vim_ref *ref = p;

        return mix_text(mix_text(h, ref->type), ref->value);
    }
    case VIM_KIND_BINARY: {
        const struct vim_binary *b = p;

        return mix(mix(h, &b->size, sizeof(b->size)), b->data, b->data ? b->size : 0);
    }
    case VIM_KIND_ANY:
        return mix_any(h, *(struct vim_any *const *)p);
    case VIM_KIND_DATA:
        return mix_object(h, *(struct vim_object *const *)p);
    case VIM_KIND_VOID:
        return h;
    default:
        return mix(h, p, type->size);
    }
}

static uint64_t mix_array(uint64_t h, const struct vim_type *type, const struct vim_array *array)
{
    bool pointers = type->kind == VIM_KIND_DATA || type->kind == VIM_KIND_ANY;
    size_t size = pointers ? sizeof(void *) : type->size;

    h = mix(h, &array->count, sizeof(array->count));
    for (size_t i = 0; i < array->count; i++)
        h = mix_value(h, type, (const uint8_t *)array->items + i * size);
    return h;
}

static uint64_t mix_object(uint64_t h, const struct vim_object *object)
{
    if (!object)
        return mix(h, "\2", 2);
    h = mix_text(h, object->type->name);
    for (size_t i = 0; i < object->type->field_count; i++) {
        const struct vim_field *field = &object->type->fields[i];
        const uint8_t *p = (const uint8_t *)object + field->offset;
        bool set = vim_field_is_set(field, object);

        h = mix(h, &set, sizeof(set));
        if (!set)
            continue;
        h = field->flags & VIM_FIELD_ARRAY
                ? mix_array(h, field->type, (const struct vim_array *)(const void *)p)
                : mix_value(h, field->type, p);
    }
    return h;
}

static uint64_t mix_any(uint64_t h, const struct vim_any *any)
{
    if (!any)
        return mix(h, "\3", 2);
    h = mix_text(h, any->type->name);
    if (any->is_array)
        return mix_array(h, any->type, &any->v.array);
    if (any->type->kind == VIM_KIND_ANY)
        return h;
    return mix_value(h, any->type, &any->v);
}

uint64_t property_hash(const struct vim_any *value)
{
    uint64_t h;

    if (!value)
        return 0;
    h = mix_any(0xcbf29ce484222325u, value);
    return h ? h : 1;
}
