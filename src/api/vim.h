/*
 * The vSphere API at run time: what a type, a field, a method and a managed object type are.
 *
 * schema/ declares the API; the generator writes one C struct per data object, request and result
 * (vim_types.h, vim_methods.h) and one descriptor for each. Everything that handles values without
 * knowing them (SOAP, JSON, property collector, copies, comparisons) walks the descriptors, so a
 * new type or method needs no code there.
 *
 * Ownership: values live in the arena of the request, or in static memory; nothing here frees
 * one. Descriptors are const and may be used by any thread.
 *
 * Values: `has_NAME` goes with an optional number, boolean or time. Absent is: `has_NAME` false, a
 * NULL pointer, an enumeration of 0, a reference or binary whose pointer is NULL, an array of 0.
 */
#ifndef API_VIM_H
#define API_VIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum vim_kind {
    VIM_KIND_VOID = 0,
    VIM_KIND_BOOLEAN,  /* bool */
    VIM_KIND_BYTE,     /* int8_t */
    VIM_KIND_SHORT,    /* int16_t */
    VIM_KIND_INT,      /* int32_t */
    VIM_KIND_LONG,     /* int64_t */
    VIM_KIND_FLOAT,    /* float */
    VIM_KIND_DOUBLE,   /* double */
    VIM_KIND_DATETIME, /* int64_t, microseconds since 1970-01-01 UTC */
    VIM_KIND_STRING,   /* const char *, UTF-8; also URIs, type names, property paths */
    VIM_KIND_BINARY,   /* struct vim_binary */
    VIM_KIND_ANY,      /* struct vim_any * */
    VIM_KIND_REF,      /* struct vim_ref */
    VIM_KIND_ENUM,     /* int, one of enum vim_NAME */
    VIM_KIND_DATA,     /* struct vim_NAME *, which may point at a derived type */
};

struct vim_type;
struct vim_mo_type;

/* Index into the list of releases; a greater one is newer. */
typedef uint16_t vim_version;

/* Every data object starts with this. */
struct vim_object {
    const struct vim_type *type;
};

/* A data object type that the schema names without its fields: seen, but not understood. */
struct vim_opaque {
    struct vim_object base;
    bool has_content; /* the client put something inside */
};

struct vim_ref {
    const char *type;  /* managed object type, "VirtualMachine" */
    const char *value; /* object id; NULL = unset */
};

struct vim_binary {
    size_t size;
    const uint8_t *data; /* NULL = unset */
};

struct vim_array {
    size_t count;
    void *items;
};

struct vim_any {
    const struct vim_type *type; /* of the value, or of the items of an array */
    bool is_array;
    union {
        bool boolean;
        int8_t byte_;
        int16_t short_;
        int32_t int_;
        int64_t long_;
        float float_;
        double double_;
        int64_t datetime;
        const char *string;
        struct vim_binary binary;
        struct vim_ref ref;
        int enumeration;
        struct vim_object *object;
        struct vim_any *any; /* never set; an array of anyType has pointers as items */
        struct vim_array array;
    } v;
};

struct vim_array_boolean {
    size_t count;
    bool *items;
};
struct vim_array_byte {
    size_t count;
    int8_t *items;
};
struct vim_array_short {
    size_t count;
    int16_t *items;
};
struct vim_array_int {
    size_t count;
    int32_t *items;
};
struct vim_array_long {
    size_t count;
    int64_t *items;
};
struct vim_array_float {
    size_t count;
    float *items;
};
struct vim_array_double {
    size_t count;
    double *items;
};
struct vim_array_dateTime {
    size_t count;
    int64_t *items;
};
struct vim_array_string {
    size_t count;
    const char **items;
};
struct vim_array_binary {
    size_t count;
    struct vim_binary *items;
};
struct vim_array_ref {
    size_t count;
    struct vim_ref *items;
};
struct vim_array_any {
    size_t count;
    struct vim_any **items;
};

enum vim_field_flags {
    VIM_FIELD_OPTIONAL = 1u << 0,
    VIM_FIELD_ARRAY = 1u << 1,
    /* Required by the API, but clients leave it out: decoded as false, 0, "" or an empty object. */
    VIM_FIELD_DEFAULT = 1u << 2,
    /* A password or the like: cleared after use, never logged. */
    VIM_FIELD_SECRET = 1u << 3,
    /* An array of objects with the fields key (a string) and value; in JSON an object. */
    VIM_FIELD_MAP = 1u << 4,
};

#define VIM_NO_HAS UINT32_MAX

/* A field of a data object, a parameter, the value of a result, or a property (offsets unused). */
struct vim_field {
    const char *name; /* on the wire */
    const struct vim_type *type;
    const char *mo;        /* references: declared managed object type, NULL = any */
    const char *privilege; /* parameters: needed on the object referred to; properties: to read */
    uint32_t offset;
    uint32_t has_offset; /* of `has_NAME`, or VIM_NO_HAS */
    vim_version since;
    uint8_t flags; /* enum vim_field_flags */
};

struct vim_enum_value {
    const char *name;
    vim_version since;
};

enum vim_type_flags {
    VIM_TYPE_ABSTRACT = 1u << 0, /* a value must say which derived type it is */
    VIM_TYPE_FAULT = 1u << 1,
    VIM_TYPE_OPAQUE = 1u << 2, /* struct vim_opaque */
};

struct vim_type {
    const char *name; /* as the API spells it: "GuestInfo", "string", "ManagedObjectReference" */
    const char *xsd;  /* name in XML schema, NULL unless it is one of its types: "int" */
    const struct vim_type *base; /* data objects */
    const struct vim_field *fields;
    const struct vim_enum_value *values; /* value i of the C enumeration is values[i - 1] */
    uint32_t size;                       /* of the struct, or of one value of any other kind */
    uint16_t field_count;                /* with the inherited ones, which come first */
    uint16_t value_count;
    vim_version since;
    uint8_t kind; /* enum vim_kind */
    uint8_t flags;
};

struct vim_mo_type {
    const char *name;
    const struct vim_mo_type *base; /* NULL only for ManagedObject */
    const struct vim_field *properties;
    uint16_t property_count; /* with the inherited ones, which come first */
    vim_version since;
};

enum vim_method_flags {
    VIM_METHOD_NEEDS_SESSION = 1u << 0,
    VIM_METHOD_TASK = 1u << 1,   /* the result is a reference to a Task */
    VIM_METHOD_HIDDEN = 1u << 2, /* in no WSDL */
};

struct vim_method {
    const char *name; /* on the wire */
    const struct vim_mo_type *mo;
    /* struct vim_NAME_request: `struct vim_ref this_` and then what the fields describe. */
    const struct vim_type *request;
    /* struct vim_NAME_result: no field, or one named "returnval" whose member is `value`. */
    const struct vim_type *result;
    const struct vim_type *task_result; /* what Task.info.result will hold; NULL = nothing */
    const char *task_result_mo;
    const char *privilege;                /* on this_; NULL = none stated */
    const struct vim_type *const *faults; /* declared ones, ends with NULL */
    vim_version since;
    uint8_t flags;
};

/* Types of the language, by the names that the schema uses. */
extern const struct vim_type vim_type_boolean, vim_type_byte, vim_type_short, vim_type_int,
    vim_type_long, vim_type_float, vim_type_double, vim_type_dateTime, vim_type_string,
    vim_type_anyURI, vim_type_typeName, vim_type_methodName, vim_type_propertyPath,
    vim_type_base64Binary, vim_type_anyType, vim_type_ref;

/* ---- look-up, NULL when there is none ---- */

/* By the API's own name, or by XML schema's ("string", "ManagedObjectReference", "GuestInfo"). */
const struct vim_type *vim_type_find(const char *name);
const struct vim_method *vim_method_find(const char *name);
const struct vim_mo_type *vim_mo_type_find(const char *name);
const struct vim_field *vim_field_find(const struct vim_type *type, const char *name);
const struct vim_field *vim_property_find(const struct vim_mo_type *type, const char *name);
/* 0 when the name is none of the enumeration's. */
int vim_enum_find(const struct vim_type *type, const char *name);
/* NULL for 0 and for numbers out of range. */
const char *vim_enum_name(const struct vim_type *type, int value);

/* All types, methods and managed object types, sorted by name. */
extern const struct vim_type *const vim_types[];
extern const size_t vim_type_count;
extern const struct vim_method *const vim_methods[];
extern const size_t vim_method_count;
extern const struct vim_mo_type *const vim_mo_types[];
extern const size_t vim_mo_type_count;

/* ---- releases ---- */

extern const char *const vim_version_names[]; /* oldest first */
extern const size_t vim_version_count;
extern const vim_version vim_version_advertised;

/* The release to answer in. Takes "8.0.2.0", "urn:vim25/8.0.2.0" and the quoted form. A release
 * newer than all known ones is the newest; one between known ones is the one below it; no release
 * at all (NULL, empty, no number) is 5.5. */
vim_version vim_version_find(const char *text);

/* ---- types ---- */

bool vim_type_is_a(const struct vim_type *type, const struct vim_type *base);
bool vim_mo_is_a(const struct vim_mo_type *type, const struct vim_mo_type *base);
/* By names; false when one of them is unknown. */
bool vim_mo_name_is_a(const char *type, const char *base);
/* False for NULL. */
bool vim_is_a(const void *object, const struct vim_type *type);
/* The object itself when it is of the type, else NULL. */
void *vim_cast(const void *object, const struct vim_type *type);

#define VIM_IS_A(object, name) vim_is_a((object), &vim_type_##name)
#define VIM_CAST(object, name) ((struct vim_##name *)vim_cast((object), &vim_type_##name))

/* ---- making values; NULL when the arena is exhausted ---- */

struct vim_object *vim_new(struct arena *a, const struct vim_type *type);
#define VIM_NEW(arena, name) ((struct vim_##name *)vim_new((arena), &vim_type_##name))

/* Strings and references are not copied; they must live as long as the arena. */
struct vim_any *vim_any_boolean(struct arena *a, bool v);
struct vim_any *vim_any_int(struct arena *a, int32_t v);
struct vim_any *vim_any_long(struct arena *a, int64_t v);
struct vim_any *vim_any_datetime(struct arena *a, int64_t microseconds);
struct vim_any *vim_any_string(struct arena *a, const char *s); /* NULL for NULL */
struct vim_any *vim_any_ref(struct arena *a, struct vim_ref ref);
struct vim_any *vim_any_enum(struct arena *a, const struct vim_type *type, int value);
struct vim_any *vim_any_object(struct arena *a, const void *object); /* NULL for NULL */
/* Boxes `items`, an array of `count` values of the type's C form (pointers for data objects). The
 * items are not copied. */
struct vim_any *vim_any_array(struct arena *a, const struct vim_type *item, size_t count,
                              const void *items);
/* Boxes the value of a field of `container`; NULL also when the field is unset. */
struct vim_any *vim_any_field(struct arena *a, const struct vim_field *field,
                              const void *container);

#define VIM_ANY_ENUM(arena, name, value) vim_any_enum((arena), &vim_type_##name, (value))
#define VIM_ANY_ARRAY(arena, name, array) \
    vim_any_array((arena), &vim_type_##name, (array).count, (array).items)

static inline struct vim_ref vim_ref_make(const char *type, const char *value)
{
    return (struct vim_ref){.type = type, .value = value};
}
bool vim_ref_equal(struct vim_ref a, struct vim_ref b);

/* ---- walking values ---- */

/* Is the field set in `container` (a data object, request or result)? A required field always
 * is, unless it is a pointer, reference or enumeration that nobody filled. */
bool vim_field_is_set(const struct vim_field *field, const void *container);

/* Deep copies into the arena; NULL for NULL or when the arena is exhausted. */
struct vim_object *vim_copy(struct arena *a, const void *object);
struct vim_any *vim_any_copy(struct arena *a, const struct vim_any *any);
#define VIM_COPY(arena, object) ((__typeof__(object))vim_copy((arena), (object)))

/* Deep comparison by run-time type and content; order matters in arrays. NULL equals NULL. */
bool vim_equal(const void *a, const void *b);
bool vim_any_equal(const struct vim_any *a, const struct vim_any *b);

/* Compares and copies the content of requests and results, which have no type of their own. */
bool vim_struct_equal(const struct vim_type *type, const void *a, const void *b);

/* What a required field gets that a client left out but need not send: false, 0, "" or an empty
 * object, in the zeroed `container`. 1: done; 0: the type has no such value; -ENOMEM. */
int vim_fill_default(struct arena *a, const struct vim_field *field, void *container);

/* The first required field, at any depth, that is not set: what a handler forgot. NULL when the
 * object is complete. For tests and for checking input; `version` leaves out newer fields. */
const struct vim_field *vim_missing_field(const struct vim_type *type, const void *container,
                                          vim_version version);

/* Overwrites the secret strings in a request, at any depth. */
void vim_wipe_secrets(const struct vim_type *type, void *container);

#endif
