#include "fill.h"

#include <stdlib.h>

#include "api/vim_types.h"

#define FILL_DEPTH_MAX 12

static uint64_t draw(struct fill *f, uint64_t below)
{
    /* splitmix64 */
    uint64_t z = f->seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static const char *fill_string(struct fill *f)
{
    static const char *const strings[] = {
        "",
        "a",
        " spaces  kept ",
        "<&>\"'",
        "tab\tline\nreturn\r",
        "\xc3\xa4\xe2\x82\xac",
        "\xf0\x9f\x98\x80",
        "]]>",
        "true",
        "a longer text that is not to be cut anywhere",
    };
    uint64_t n = draw(f, 11);

    return n == 10 ? must(arena_printf(f->arena, "%llu", (unsigned long long)f->seed)) : strings[n];
}

/* A type that a field of the declared type may hold: itself, or any derived one. */
static const struct vim_type *fill_type(struct fill *f, const struct vim_type *declared)
{
    const struct vim_type *choice = NULL;
    uint64_t seen = 0;

    for (size_t i = 0; i < vim_type_count; i++)
        if (vim_type_is_a(vim_types[i], declared) && !(vim_types[i]->flags & VIM_TYPE_ABSTRACT) &&
            draw(f, ++seen) == 0)
            choice = vim_types[i];
    return must((void *)(uintptr_t)choice);
}

static void fill_value(struct fill *f, const struct vim_type *type, void *place)
{
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_BOOLEAN:
        *(bool *)place = draw(f, 2);
        break;
    case VIM_KIND_BYTE:
        *(int8_t *)place = (int8_t)draw(f, 256);
        break;
    case VIM_KIND_SHORT:
        *(int16_t *)place = (int16_t)draw(f, 65536);
        break;
    case VIM_KIND_INT:
        *(int32_t *)place = (int32_t)draw(f, UINT32_MAX);
        break;
    case VIM_KIND_LONG:
        *(int64_t *)place = (int64_t)draw(f, UINT64_MAX);
        break;
    case VIM_KIND_FLOAT:
        *(float *)place = (float)draw(f, 1000000) / 3;
        break;
    case VIM_KIND_DOUBLE:
        *(double *)place = (double)draw(f, UINT64_MAX) / 7;
        break;
    case VIM_KIND_DATETIME:
        *(int64_t *)place =
            (int64_t)draw(f, UINT64_C(4000000000000000)) - INT64_C(1000000000000000);
        break;
    case VIM_KIND_STRING:
        *(const char **)place = fill_string(f);
        break;
    case VIM_KIND_BINARY: {
        struct vim_binary *b = place;
        uint8_t *bytes = must(arena_alloc(f->arena, 8));

        b->size = 1 + draw(f, 7);
        for (size_t i = 0; i < b->size; i++)
            bytes[i] = (uint8_t)draw(f, 256);
        b->data = bytes;
        break;
    }
    case VIM_KIND_REF:
        *(struct vim_ref *)place =
            vim_ref_make(draw(f, 2) ? "VirtualMachine" : "Folder", draw(f, 2) ? "vm-1" : "x&y");
        break;
    case VIM_KIND_ENUM:
        *(int *)place = 1 + (int)draw(f, type->value_count);
        break;
    case VIM_KIND_ANY:
        *(struct vim_any **)place = fill_any(f);
        break;
    case VIM_KIND_DATA:
        *(struct vim_object **)place = fill_object(f, fill_type(f, type));
        break;
    case VIM_KIND_VOID:
        abort();
    }
}

static void fill_array(struct fill *f, const struct vim_type *type, struct vim_array *array)
{
    size_t size = type->kind == VIM_KIND_DATA ? sizeof(void *) : type->size;

    array->count = draw(f, f->depth > 3 ? 2 : 6);
    array->items = must(arena_calloc(f->arena, array->count ? array->count : 1, size));
    for (size_t i = 0; i < array->count; i++)
        fill_value(f, type, (char *)array->items + i * size);
}

struct vim_any *fill_any(struct fill *f)
{
    static const struct vim_type *const types[] = {
        &vim_type_boolean,      &vim_type_byte,     &vim_type_short,
        &vim_type_int,          &vim_type_long,     &vim_type_float,
        &vim_type_double,       &vim_type_dateTime, &vim_type_string,
        &vim_type_base64Binary, &vim_type_ref,      &vim_type_VirtualMachinePowerState,
        &vim_type_GuestNicInfo, &vim_type_anyType,
    };
    struct vim_any *any = must(ARENA_NEW(f->arena, struct vim_any));

    f->depth++;
    any->type = types[draw(f, f->depth > 4 ? 12 : 14)];
    any->is_array = any->type == &vim_type_anyType || draw(f, 3) == 0;
    if (any->is_array)
        fill_array(f, any->type, &any->v.array);
    else
        fill_value(f, any->type, &any->v);
    f->depth--;
    return any;
}

void fill_struct(struct fill *f, const struct vim_type *type, void *container)
{
    f->depth++;
    if (f->depth > FILL_DEPTH_MAX)
        abort();
    for (size_t i = 0; i < type->field_count; i++) {
        const struct vim_field *field = &type->fields[i];
        void *place = (char *)container + field->offset;
        bool deep = field->type->kind == VIM_KIND_DATA || field->type->kind == VIM_KIND_ANY;
        bool wanted = deep && f->depth > 2 ? false : draw(f, 4) != 0;

        if (field->flags & VIM_FIELD_ARRAY) {
            if (wanted)
                fill_array(f, field->type, place);
            continue;
        }
        if (field->flags & VIM_FIELD_OPTIONAL && !wanted)
            continue;
        if (field->has_offset != VIM_NO_HAS)
            *(bool *)((char *)container + field->has_offset) = true;
        fill_value(f, field->type, place);
    }
    f->depth--;
}

struct vim_object *fill_object(struct fill *f, const struct vim_type *type)
{
    struct vim_object *o = must(vim_new(f->arena, type));

    fill_struct(f, type, o);
    return o;
}
