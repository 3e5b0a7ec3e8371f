#include "api/vim_name.h"

#include <stdio.h>
#include <string.h>

#define ARRAY_OF "ArrayOf"

struct array_name {
    const char *name; /* after ArrayOf */
    const struct vim_type *item;
};

/* Arrays of the language's own types are capitalised. */
static const struct array_name array_names[] = {
    {"String", &vim_type_string},
    {"Boolean", &vim_type_boolean},
    {"Byte", &vim_type_byte},
    {"Short", &vim_type_short},
    {"Int", &vim_type_int},
    {"Long", &vim_type_long},
    {"Float", &vim_type_float},
    {"Double", &vim_type_double},
    {"DateTime", &vim_type_dateTime},
    {"Base64Binary", &vim_type_base64Binary},
    {"AnyType", &vim_type_anyType},
    {"AnyURI", &vim_type_anyURI},
    {"TypeName", &vim_type_typeName},
    {"MethodName", &vim_type_methodName},
    {"PropertyPath", &vim_type_propertyPath},
};

#define ARRAY_NAMES (sizeof(array_names) / sizeof(array_names[0]))

const struct vim_type *vim_array_item_type(const char *name)
{
    const struct vim_type *type;

    if (strncmp(name, ARRAY_OF, strlen(ARRAY_OF)) != 0)
        return NULL;
    name += strlen(ARRAY_OF);
    for (size_t i = 0; i < ARRAY_NAMES; i++)
        if (strcmp(array_names[i].name, name) == 0)
            return array_names[i].item;
    type = vim_type_find(name);
    if (type && type->kind != VIM_KIND_DATA && type->kind != VIM_KIND_ENUM &&
        type->kind != VIM_KIND_REF)
        return NULL;
    return type;
}

/* Clients know no array type for names and paths: those are strings. */
static const struct vim_type *plain(const struct vim_type *type)
{
    return type->kind == VIM_KIND_STRING ? &vim_type_string : type;
}

const char *vim_array_type_name(const struct vim_type *item, char ret[VIM_ARRAY_NAME_MAX])
{
    const char *name = item->name;

    item = plain(item);
    for (size_t i = 0; i < ARRAY_NAMES; i++)
        if (array_names[i].item == item)
            name = array_names[i].name;
    snprintf(ret, VIM_ARRAY_NAME_MAX, ARRAY_OF "%s", name);
    return ret;
}

const char *vim_array_item_name(const struct vim_type *item)
{
    return plain(item)->name;
}

const struct vim_type *vim_known_type(const struct vim_type *type, const struct vim_type *declared,
                                      vim_version version)
{
    while (type && type != declared && type->since > version)
        type = type->base;
    return type;
}

const char *vim_known_mo_name(const char *name, vim_version version)
{
    const struct vim_mo_type *mo = vim_mo_type_find(name);

    while (mo && mo->since > version && mo->base)
        mo = mo->base;
    return mo ? mo->name : name;
}

bool vim_known_enum(const struct vim_type *type, int value, vim_version version)
{
    return vim_enum_name(type, value) && type->values[value - 1].since <= version;
}
