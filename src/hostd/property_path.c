#include "hostd/property_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NAME_MAX_BYTES 96

/* One step: a name, or a key in brackets. */
struct step {
    bool is_key;
    char name[NAME_MAX_BYTES]; /* a name */
    const char *key;           /* a key, without its quotes */
    size_t key_len;
};

/* 1: a step was taken, 0: the end, -EINVAL: not a path. */
static int take_key(const char **p, struct step *ret)
{
    const char *s = *p + 1, *end;

    if (*s == '"') {
        end = strstr(s + 1, "\"]");
        if (!end)
            return -EINVAL;
        *ret = (struct step){.is_key = true, .key = s + 1, .key_len = (size_t)(end - s - 1)};
        *p = end + 2;
        return 1;
    }
    end = strchr(s, ']');
    if (!end || end == s)
        return -EINVAL;
    *ret = (struct step){.is_key = true, .key = s, .key_len = (size_t)(end - s)};
    *p = end + 1;
    return 1;
}

static int take_step(const char **p, bool first, struct step *ret)
{
    size_t n;

    if (!first && **p == '[')
        return take_key(p, ret);
    if (!first && !**p)
        return 0;
    if (!first) {
        if (**p != '.')
            return -EINVAL;
        (*p)++;
    }
    n = strcspn(*p, ".[");
    if (n == 0 || n >= sizeof(ret->name))
        return -EINVAL;
    ret->is_key = false;
    memcpy(ret->name, *p, n);
    ret->name[n] = '\0';
    *p += n;
    return 1;
}

const struct vim_field *property_path_root(const struct vim_mo_type *type, const char *path)
{
    struct step step;

    return take_step(&path, true, &step) == 1 ? vim_property_find(type, step.name) : NULL;
}

/* The field as the declared type has it, or else as some type derived from it has it. */
static const struct vim_field *field_of(const struct vim_type *declared, const char *name)
{
    const struct vim_field *field = vim_field_find(declared, name);

    for (size_t i = 0; !field && i < vim_type_count; i++) {
        if (vim_types[i]->kind == VIM_KIND_DATA && vim_type_is_a(vim_types[i], declared))
            field = vim_field_find(vim_types[i], name);
    }
    return field;
}

const struct vim_field *property_path_check(const struct vim_mo_type *type, const char *path)
{
    const struct vim_field *root, *at;
    struct step step;
    bool array;
    int r;

    if (strlen(path) > PROPERTY_PATH_MAX || take_step(&path, true, &step) != 1)
        return NULL;
    root = at = vim_property_find(type, step.name);
    array = at && (at->flags & VIM_FIELD_ARRAY);
    while (at && (r = take_step(&path, false, &step)) != 0) {
        if (r < 0 || step.is_key != array)
            return NULL;
        if (step.is_key) {
            array = false;
            continue;
        }
        if (at->type->kind == VIM_KIND_ANY)
            return root; /* only the value knows */
        if (at->type->kind != VIM_KIND_DATA)
            return NULL;
        at = field_of(at->type, step.name);
        array = at && (at->flags & VIM_FIELD_ARRAY);
    }
    return at ? root : NULL;
}

static bool key_is(const struct step *step, const char *text)
{
    return text && strlen(text) == step->key_len && !memcmp(text, step->key, step->key_len);
}

static bool key_is_number(const struct step *step, int64_t n)
{
    char text[24], *end;

    if (step->key_len == 0 || step->key_len >= sizeof(text))
        return false;
    memcpy(text, step->key, step->key_len);
    text[step->key_len] = '\0';
    errno = 0;
    return strtoll(text, &end, 10) == n && !*end && !errno;
}

/* Is this element the one with the step's key? */
static bool has_key(struct arena *a, const struct vim_any *element, const struct step *step)
{
    const struct vim_field *field;
    const struct vim_any *key;

    switch (element->type->kind) {
    case VIM_KIND_STRING:
        return key_is(step, element->v.string);
    case VIM_KIND_REF:
        return key_is(step, element->v.ref.value);
    case VIM_KIND_INT:
        return key_is_number(step, element->v.int_);
    case VIM_KIND_DATA:
        field = vim_field_find(element->v.object->type, "key");
        key = field ? vim_any_field(a, field, element->v.object) : NULL;
        return key && !key->is_array && key->type->kind != VIM_KIND_DATA && has_key(a, key, step);
    default:
        return false;
    }
}

/* Element i of an array, boxed. */
static int element_of(struct arena *a, const struct vim_any *array, size_t i,
                      const struct vim_any **ret)
{
    const uint8_t *item = (const uint8_t *)array->v.array.items + i * array->type->size;
    struct vim_any *any;

    if (array->type->kind == VIM_KIND_ANY) {
        *ret = ((struct vim_any **)array->v.array.items)[i];
        return 0;
    }
    any = ARENA_NEW(a, struct vim_any);
    if (!any)
        return -ENOMEM;
    any->type = array->type;
    if (array->type->kind == VIM_KIND_DATA) {
        any->v.object = ((struct vim_object **)array->v.array.items)[i];
        any->type = any->v.object->type;
    } else {
        memcpy(&any->v, item, array->type->size);
    }
    *ret = any;
    return 0;
}

static int find_element(struct arena *a, const struct vim_any *array, const struct step *step,
                        const struct vim_any **ret)
{
    *ret = NULL;
    for (size_t i = 0; i < array->v.array.count; i++) {
        const struct vim_any *element;
        int r = element_of(a, array, i, &element);

        if (r < 0)
            return r;
        if (element && !element->is_array && has_key(a, element, step)) {
            *ret = element;
            return 0;
        }
    }
    return 0;
}

int property_path_follow(struct arena *a, const struct vim_any *value, const char *path,
                         const struct vim_any **ret)
{
    struct step step;

    if (take_step(&path, true, &step) != 1)
        return -EINVAL;
    while (value && take_step(&path, false, &step) == 1) {
        if (step.is_key) {
            int r = value->is_array ? find_element(a, value, &step, &value) : (value = NULL, 0);

            if (r < 0)
                return r;
        } else if (value->is_array || value->type->kind != VIM_KIND_DATA) {
            value = NULL;
        } else {
            const struct vim_field *field = vim_field_find(value->v.object->type, step.name);

            if (!field || !vim_field_is_set(field, value->v.object)) {
                value = NULL;
            } else {
                value = vim_any_field(a, field, value->v.object);
                if (!value)
                    return -ENOMEM;
            }
        }
    }
    *ret = value;
    return 0;
}

bool property_path_related(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    if (!*a)
        return !*b || *b == '.' || *b == '[';
    return !*b && (*a == '.' || *a == '[');
}
