/*
 * REST operations as the schema has them: verb, path, what goes in, what comes out. The types
 * (api/rest_types.h, generated) use the descriptors of the API, under names of their own.
 */
#ifndef API_REST_OPERATION_H
#define API_REST_OPERATION_H

#include <stdbool.h>
#include <stddef.h>

#include "api/rest_types.h"

enum rest_verb { REST_GET = 1, REST_POST, REST_PUT, REST_PATCH, REST_DELETE };

#define REST_VARIABLES_MAX 4 /* in a path */
/* The variable of this name, at the end of a path, takes the rest of it, slashes and all. */
#define REST_REST_OF_PATH "path"

struct rest_operation {
    const char *name;
    enum rest_verb verb;
    const char *path;              /* "/api/vcenter/vm/{vm}/power" */
    const char *action_name;       /* query parameter that holds the action */
    const char *action;            /* NULL: none */
    const struct vim_type *query;  /* struct rest_NAME_query; NULL: no parameters */
    const struct vim_type *body;   /* NULL: none */
    const struct vim_type *result; /* struct rest_NAME_result with the field value; NULL: none */
    unsigned status;               /* HTTP status of success */
    bool login;                    /* takes a name and password instead of a session */
    bool late;                     /* the handler reads the body, after checks of its own */
    bool simulated;                /* the published simulator answers it in a way of its own */
};

/* By enum rest_operation_id. */
extern const struct rest_operation rest_operations[REST_OPERATION_COUNT];

/* The OpenAPI document, JSON text without a NUL. */
extern const unsigned char rest_openapi[];
extern const size_t rest_openapi_size;

#define REST_NEW(arena, name) ((struct rest_##name *)vim_new((arena), &rest_type_##name))

#endif
