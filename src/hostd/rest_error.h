/* The errors of REST, and which of them a fault of the API is. */
#ifndef HOSTD_REST_ERROR_H
#define HOSTD_REST_ERROR_H

#include "api/vim.h"

enum rest_error {
    REST_ERROR,
    REST_ALREADY_EXISTS,
    REST_ALREADY_IN_DESIRED_STATE,
    REST_CANCELED,
    REST_INVALID_ARGUMENT,
    REST_INVALID_REQUEST,
    REST_NOT_ALLOWED_IN_CURRENT_STATE,
    REST_NOT_FOUND,
    REST_OPERATION_NOT_FOUND,
    REST_RESOURCE_BUSY,
    REST_RESOURCE_INACCESSIBLE,
    REST_RESOURCE_IN_USE,
    REST_SERVICE_UNAVAILABLE,
    REST_TIMED_OUT,
    REST_UNABLE_TO_ALLOCATE_RESOURCE,
    REST_UNAUTHENTICATED,
    REST_UNAUTHORIZED,
    REST_UNSUPPORTED,
    REST_ERROR_COUNT
};

/* "NOT_FOUND" */
const char *rest_error_name(enum rest_error error);
unsigned rest_error_status(enum rest_error error);

/* REST_ERROR for what the table does not have. */
enum rest_error rest_error_of(const struct vim_object *fault);

#endif
