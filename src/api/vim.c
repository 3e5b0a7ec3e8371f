#include "api/vim.h"

#include <string.h>

/* ---- look-up ---- */

/* The tables are sorted by name; `name_of` reads the name of entry i. */
static size_t index_find(const void *table, size_t count,
                         const char *(*name_of)(const void *table, size_t i), const char *name)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(name, name_of(table, mid));

        if (order == 0)
            return mid;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return count;
}

static const char *type_name_at(const void *table, size_t i)
{
    return ((const struct vim_type *const *)table)[i]->name;
}

static const char *method_name_at(const void *table, size_t i)
{
    return ((const struct vim_method *const *)table)[i]->name;
}

static const char *mo_name_at(const void *table, size_t i)
{
    return ((const struct vim_mo_type *const *)table)[i]->name;
}

const struct vim_type *vim_type_find(const char *name)
{
    size_t i = index_find(vim_types, vim_type_count, type_name_at, name);

    return i < vim_type_count ? vim_types[i] : NULL;
}

const struct vim_method *vim_method_find(const char *name)
{
    size_t i = index_find(vim_methods, vim_method_count, method_name_at, name);

    return i < vim_method_count ? vim_methods[i] : NULL;
}

const struct vim_mo_type *vim_mo_type_find(const char *name)
{
    size_t i = index_find(vim_mo_types, vim_mo_type_count, mo_name_at, name);

    return i < vim_mo_type_count ? vim_mo_types[i] : NULL;
}

static const struct vim_field *field_find(const struct vim_field *fields, size_t count,
                                          const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

const struct vim_field *vim_field_find(const struct vim_type *type, const char *name)
{
    return field_find(type->fields, type->field_count, name);
}

const struct vim_field *vim_property_find(const struct vim_mo_type *type, const char *name)
{
    return field_find(type->properties, type->property_count, name);
}

int vim_enum_find(const struct vim_type *type, const char *name)
{
    for (int i = 0; i < type->value_count; i++)
        if (strcmp(type->values[i].name, name) == 0)
            return i + 1;
    return 0;
}

const char *vim_enum_name(const struct vim_type *type, int value)
{
    if (value < 1 || value > type->value_count)
        return NULL;
    return type->values[value - 1].name;
}

/* ---- types ---- */

bool vim_type_is_a(const struct vim_type *type, const struct vim_type *base)
{
    for (; type; type = type->base)
        if (type == base)
            return true;
    return false;
}

bool vim_mo_is_a(const struct vim_mo_type *type, const struct vim_mo_type *base)
{
    for (; type; type = type->base)
        if (type == base)
            return true;
    return false;
}

bool vim_mo_name_is_a(const char *type, const char *base)
{
    const struct vim_mo_type *t = vim_mo_type_find(type);
    const struct vim_mo_type *b = vim_mo_type_find(base);

    return t && b && vim_mo_is_a(t, b);
}

bool vim_is_a(const void *object, const struct vim_type *type)
{
    return object && vim_type_is_a(((const struct vim_object *)object)->type, type);
}

void *vim_cast(const void *object, const struct vim_type *type)
{
    return vim_is_a(object, type) ? (void *)(uintptr_t)object : NULL;
}

bool vim_ref_equal(struct vim_ref a, struct vim_ref b)
{
    if (!a.value || !b.value)
        return a.value == b.value;
    if (strcmp(a.value, b.value) != 0)
        return false;
    return a.type == b.type || (a.type && b.type && strcmp(a.type, b.type) == 0);
}

/* ---- making values ---- */

struct vim_object *vim_new(struct arena *a, const struct vim_type *type)
{
    struct vim_object *o = arena_alloc(a, type->size);

    if (o)
        o->type = type;
    return o;
}

static struct vim_any *any_new(struct arena *a, const struct vim_type *type)
{
    struct vim_any *any = ARENA_NEW(a, struct vim_any);

    if (any)
        any->type = type;
    return any;
}

#define ANY_MAKER(function, ctype, member, descriptor)   \
    struct vim_any *function(struct arena *a, ctype v)   \
    {                                                    \
        struct vim_any *any = any_new(a, &(descriptor)); \
                                                         \
        if (any)                                         \
            any->v.member = v;                           \
        return any;                                      \
    }

ANY_MAKER(vim_any_boolean, bool, boolean, vim_type_boolean)
ANY_MAKER(vim_any_int, int32_t, int_, vim_type_int)
ANY_MAKER(vim_any_long, int64_t, long_, vim_type_long)
ANY_MAKER(vim_any_datetime, int64_t, datetime, vim_type_dateTime)
ANY_MAKER(vim_any_ref, struct vim_ref, ref, vim_type_ref)

struct vim_any *vim_any_string(struct arena *a, const char *s)
{
    struct vim_any *any = s ? any_new(a, &vim_type_string) : NULL;

    if (any)
        any->v.string = s;
    return any;
}

struct vim_any *vim_any_enum(struct arena *a, const struct vim_type *type, int value)
{
    struct vim_any *any = any_new(a, type);

    if (any)
        any->v.enumeration = value;
    return any;
}

struct vim_any *vim_any_object(struct arena *a, const void *object)
{
    struct vim_any *any = NULL;

    if (object)
        any = any_new(a, ((const struct vim_object *)object)->type);
    if (any)
        any->v.object = (struct vim_object *)(uintptr_t)object;
    return any;
}

struct vim_any *vim_any_array(struct arena *a, const struct vim_type *item, size_t count,
                              const void *items)
{
    struct vim_any *any = any_new(a, item);

    if (any) {
        any->is_array = true;
        any->v.array.count = count;
        any->v.array.items = (void *)(uintptr_t)items;
    }
    return any;
}
