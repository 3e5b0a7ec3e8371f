#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/soap_reader.h"
#include "api/vim_name.h"
#include "api/vim_text.h"
#include "api/vim_types.h"

#define PATH_MAX_LEN 256

/* ---- what is wrong with a value ---- */

/* "spec.programPath": where in the parameters the element is that `frame` and `last` describe. */
static const char *value_path(struct soap_reader *r, const struct soap_frame *frame,
                              const struct vim_field *last)
{
    char path[PATH_MAX_LEN] = "";
    size_t len = 0;

    for (const struct soap_frame *f = r->frames; f <= frame; f++)
        if (f->field && len < sizeof(path))
            len += (size_t)snprintf(path + len, sizeof(path) - len, "%s%s", len ? "." : "",
                                    f->field->name);
    if (last && len < sizeof(path))
        snprintf(path + len, sizeof(path) - len, "%s%s", len ? "." : "", last->name);
    return arena_strdup(r->arena, path);
}

static void refuse_argument(struct soap_reader *r, const struct soap_frame *frame,
                            const char *value)
{
    struct vim_InvalidArgument *fault = VIM_NEW(r->arena, InvalidArgument);
    const char *path = value_path(r, frame, NULL);

    if (!fault || !path) {
        soap_reader_out_of_memory(r);
        return;
    }
    fault->invalidProperty = path;
    soap_reader_refuse(r, NULL, &fault->base,
                       "A specified parameter was not correct: %s (%s has no value \"%.60s\")",
                       path, frame->type->name, value);
}

static void refuse_type(struct soap_reader *r, const struct soap_frame *parent,
                        const struct vim_field *field, const char *name)
{
    struct vim_InvalidType *fault = VIM_NEW(r->arena, InvalidType);
    const char *path = value_path(r, parent, field);

    if (!fault || !path) {
        soap_reader_out_of_memory(r);
        return;
    }
    fault->argument = path;
    soap_reader_refuse(r, NULL, &fault->base, "%s cannot be of type \"%.60s\"", path, name);
}

static void refuse_value(struct soap_reader *r, const struct soap_frame *frame, const char *what)
{
    const char *path = value_path(r, frame, NULL);

    if (!path)
        soap_reader_out_of_memory(r);
    else
        soap_reader_refuse(r, &vim_type_InvalidRequest, NULL, "%s: %s %s", path, frame->type->name,
                           what);
}

/* ---- where a value goes ---- */

static size_t item_size(const struct vim_type *type)
{
    return type->kind == VIM_KIND_DATA ? sizeof(void *) : type->size;
}

/* Room for one more item. The capacity follows from the count: 4, 8, 16, ... */
static void *array_grow(struct soap_reader *r, const struct vim_type *type, struct vim_array *array)
{
    size_t size = item_size(type);
    size_t count = array->count;
    void *items = array->items;

    if (count == 0 || (count >= 4 && (count & (count - 1)) == 0)) {
        items = arena_calloc(r->arena, count ? count * 2 : 4, size);
        if (!items) {
            soap_reader_out_of_memory(r);
            return NULL;
        }
        if (count)
            memcpy(items, array->items, count * size);
        array->items = items;
    }
    array->count = count + 1;
    return (char *)items + count * size;
}

/* The place for one value of `field` in `parent`, which it marks as set, or, without a field, for
 * one more item of the array that `parent` reads. */
static void *value_place(struct soap_reader *r, struct soap_frame *parent,
                         const struct vim_field *field)
{
    size_t index;

    if (!field)
        return array_grow(r, parent->any->type, &parent->any->v.array);
    index = (size_t)(field - parent->type->fields);
    parent->seen[index / 64] |= UINT64_C(1) << index % 64;
    if (field->flags & VIM_FIELD_ARRAY)
        return array_grow(r, field->type, (void *)((char *)parent->container + field->offset));
    if (field->has_offset != VIM_NO_HAS)
        *(bool *)((char *)parent->container + field->has_offset) = true;
    return (char *)parent->container + field->offset;
}

/* ---- elements begin ---- */

void soap_reader_struct(struct soap_frame *frame, const struct vim_type *type, void *container)
{
    frame->kind = type->flags & VIM_TYPE_OPAQUE ? FRAME_OPAQUE : FRAME_STRUCT;
    frame->type = type;
    frame->container = container;
}

void soap_reader_text(struct soap_frame *frame, const char **to)
{
    frame->kind = FRAME_TEXT;
    frame->type = &vim_type_string;
    frame->text = to;
}

static const char *ref_type(struct soap_reader *r, const struct soap_attributes *attributes,
                            const char *declared)
{
    if (attributes->ref)
        return arena_strdup(r->arena, attributes->ref);
    return declared ? declared : "ManagedObject";
}

int soap_reader_ref(struct soap_reader *r, struct soap_frame *frame, struct vim_ref *to,
                    const struct soap_attributes *attributes)
{
    frame->kind = FRAME_TEXT;
    frame->type = &vim_type_ref;
    frame->container = to;
    frame->ref_type = ref_type(r, attributes, NULL);
    if (frame->ref_type)
        return 0;
    soap_reader_out_of_memory(r);
    return -ENOMEM;
}

/* The type that an element of the declared type has; NULL when it was refused. */
static const struct vim_type *data_type(struct soap_reader *r, const struct soap_frame *parent,
                                        const struct vim_field *field,
                                        const struct vim_type *declared, const char *name)
{
    const struct vim_type *type = name ? vim_type_find(name) : declared;

    if (declared->flags & VIM_TYPE_OPAQUE)
        return declared;
    if (!type || type->kind != VIM_KIND_DATA || !vim_type_is_a(type, declared)) {
        if (r->lenient)
            return declared;
        refuse_type(r, parent, field, name);
        return NULL;
    }
    if (!name && type->flags & VIM_TYPE_ABSTRACT && !r->lenient) {
        const char *path = value_path(r, parent, field);

        soap_reader_refuse(r, &vim_type_InvalidRequest, NULL, "%s needs an xsi:type",
                           path ? path : "a parameter");
        return NULL;
    }
    return type;
}

/* Sets up `frame` for a data object and hooks the object into its place. */
static void start_data(struct soap_reader *r, struct soap_frame *parent,
                       const struct vim_field *field, const struct vim_type *type,
                       struct soap_frame *frame)
{
    struct vim_object *object = vim_new(r->arena, type);
    void *place;

    if (!object) {
        soap_reader_out_of_memory(r);
        return;
    }
    if (frame->any) {
        frame->any->v.object = object;
        frame->any = NULL;
    } else {
        place = value_place(r, parent, field);
        if (!place)
            return;
        *(struct vim_object **)place = object;
    }
    soap_reader_struct(frame, type, object);
}

/* An element of type anyType: its xsi:type says what is in it. */
static void start_any(struct soap_reader *r, struct soap_frame *parent,
                      const struct vim_field *field, const struct soap_attributes *attributes,
                      struct soap_frame *frame)
{
    const struct vim_type *type = &vim_type_string;
    bool is_array = false;
    struct vim_any *any;
    struct vim_any **place;

    if (attributes->type) {
        type = vim_type_find(attributes->type);
        if (!type) {
            type = vim_array_item_type(attributes->type);
            is_array = type != NULL;
        }
        if (!type && !r->lenient) {
            refuse_type(r, parent, field, attributes->type);
            return;
        }
        if (!type || type->kind == VIM_KIND_ANY)
            type = is_array ? &vim_type_anyType : &vim_type_string;
    }
    any = ARENA_NEW(r->arena, struct vim_any);
    if (!any) {
        soap_reader_out_of_memory(r);
        return;
    }
    any->type = type;
    any->is_array = is_array;
    frame->any = any;
    if (type->kind == VIM_KIND_DATA || is_array) {
        place = value_place(r, parent, field);
        if (!place)
            return;
        *place = any;
    }
    if (is_array) {
        frame->kind = FRAME_ITEMS;
        frame->type = type;
    } else if (type->kind == VIM_KIND_DATA) {
        start_data(r, parent, field, type, frame);
    } else {
        frame->kind = FRAME_TEXT;
        frame->type = type;
        if (type->kind == VIM_KIND_REF) {
            frame->ref_type = ref_type(r, attributes, NULL);
            if (!frame->ref_type)
                soap_reader_out_of_memory(r);
        }
    }
}

static void start_value(struct soap_reader *r, struct soap_frame *parent,
                        const struct vim_field *field, const struct vim_type *declared,
                        const struct soap_attributes *attributes, struct soap_frame *frame)
{
    const struct vim_type *type;

    frame->field = field;
    switch ((enum vim_kind)declared->kind) {
    case VIM_KIND_ANY:
        start_any(r, parent, field, attributes, frame);
        break;
    case VIM_KIND_DATA:
        type = data_type(r, parent, field, declared, attributes->type);
        if (type)
            start_data(r, parent, field, type, frame);
        break;
    case VIM_KIND_REF:
        frame->kind = FRAME_TEXT;
        frame->type = declared;
        frame->ref_type = ref_type(r, attributes, field ? field->mo : NULL);
        if (!frame->ref_type)
            soap_reader_out_of_memory(r);
        break;
    default:
        frame->kind = FRAME_TEXT;
        frame->type = declared;
    }
}

void soap_value_item(struct soap_reader *r, struct soap_frame *parent,
                     const struct soap_attributes *attributes, struct soap_frame *frame)
{
    start_value(r, parent, NULL, parent->type, attributes, frame);
}

void soap_value_field(struct soap_reader *r, struct soap_frame *parent, const char *local,
                      const struct soap_attributes *attributes, struct soap_frame *frame)
{
    const struct vim_type *type = parent->type;

    if (parent->required_this && strcmp(local, "_this") == 0) {
        soap_reader_ref(r, frame, parent->container, attributes);
        return;
    }
    /* Clients send the fields in order, so the next one is nearly always right. */
    for (size_t i = 0; i < type->field_count; i++) {
        size_t at = (parent->next + i) % type->field_count;
        const struct vim_field *field = &type->fields[at];

        if (strcmp(field->name, local) == 0) {
            parent->next = (uint32_t)(field->flags & VIM_FIELD_ARRAY ? at : at + 1);
            if (!attributes->nil)
                start_value(r, parent, field, field->type, attributes, frame);
            return;
        }
    }
}

/* ---- elements end ---- */

union scalar {
    int64_t number;
    double real;
    const char *string;
    struct vim_binary binary;
    struct vim_ref ref;
};

/* Parses the collected text; false when there is no value or it was refused. */
static bool parse_scalar(struct soap_reader *r, const struct soap_frame *frame, union scalar *ret)
{
    static const char empty[1] = "";
    const char *text = r->text_len ? r->text : empty;
    int code;

    memset(ret, 0, sizeof(*ret));
    if (frame->type->kind == VIM_KIND_REF) {
        if (r->text_len == 0)
            return false;
        ret->ref.type = frame->ref_type;
        code = vim_text_parse(&vim_type_string, text, r->text_len, r->arena, &ret->ref.value);
    } else {
        code = vim_text_parse(frame->type, text, r->text_len, r->arena, ret);
    }
    if (code == 0)
        return true;
    if (code == -ENOMEM) {
        soap_reader_out_of_memory(r);
    } else if (code == -ENOENT && !r->lenient) {
        char *copy = arena_strndup(r->arena, text, r->text_len);

        refuse_argument(r, frame, copy ? copy : "");
    } else if (code == -EINVAL) {
        refuse_value(r, frame, "has no such value");
    }
    return false;
}

void soap_value_end_text(struct soap_reader *r, struct soap_frame *frame)
{
    struct soap_frame *parent = frame > r->frames ? frame - 1 : NULL;
    union scalar value;
    void *place;

    if (!parse_scalar(r, frame, &value))
        return;
    if (frame->text) {
        *frame->text = value.string;
        return;
    }
    if (frame->container) { /* a reference outside a value */
        *(struct vim_ref *)frame->container = value.ref;
        return;
    }
    place = parent ? value_place(r, parent, frame->field) : NULL;
    if (!place)
        return;
    if (frame->any) {
        memcpy(&frame->any->v, &value, frame->type->size);
        *(struct vim_any **)place = frame->any;
    } else {
        memcpy(place, &value, frame->type->size);
    }
}

void soap_value_end_struct(struct soap_reader *r, struct soap_frame *frame)
{
    const struct vim_type *type = frame->type;
    vim_version newest = r->version > type->since ? r->version : type->since;

    for (size_t i = 0; i < type->field_count && !r->code; i++) {
        const struct vim_field *field = &type->fields[i];
        bool forgiven = field->flags & VIM_FIELD_DEFAULT || field->since > newest || r->lenient;
        const char *path;
        int filled;

        if (field->flags & (VIM_FIELD_OPTIONAL | VIM_FIELD_ARRAY) ||
            frame->seen[i / 64] & UINT64_C(1) << i % 64)
            continue;
        filled = forgiven ? vim_fill_default(r->arena, field, frame->container) : 0;
        if (filled < 0)
            soap_reader_out_of_memory(r);
        if (filled || r->lenient)
            continue;
        path = value_path(r, frame, field);
        soap_reader_refuse(r, &vim_type_InvalidRequest, NULL, "required parameter %s is missing",
                           path ? path : field->name);
    }
    if (frame->required_this && !((const struct vim_ref *)frame->container)->value)
        soap_reader_refuse(r, &vim_type_InvalidRequest, NULL,
                           "required parameter _this is missing");
}
