#include "hostd/rest_error.h"

#include "api/vim_types.h"
#include "base/mem.h"

static const struct {
    const char *name;
    unsigned status;
} errors[REST_ERROR_COUNT] = {
    [REST_ERROR] = {"ERROR", 500},
    [REST_ALREADY_EXISTS] = {"ALREADY_EXISTS", 400},
    [REST_ALREADY_IN_DESIRED_STATE] = {"ALREADY_IN_DESIRED_STATE", 400},
    [REST_CANCELED] = {"CANCELED", 500},
    [REST_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", 400},
    [REST_INVALID_REQUEST] = {"INVALID_REQUEST", 400},
    [REST_NOT_ALLOWED_IN_CURRENT_STATE] = {"NOT_ALLOWED_IN_CURRENT_STATE", 400},
    [REST_NOT_FOUND] = {"NOT_FOUND", 404},
    [REST_OPERATION_NOT_FOUND] = {"OPERATION_NOT_FOUND", 404},
    [REST_RESOURCE_BUSY] = {"RESOURCE_BUSY", 500},
    [REST_RESOURCE_INACCESSIBLE] = {"RESOURCE_INACCESSIBLE", 500},
    [REST_RESOURCE_IN_USE] = {"RESOURCE_IN_USE", 400},
    [REST_SERVICE_UNAVAILABLE] = {"SERVICE_UNAVAILABLE", 503},
    [REST_TIMED_OUT] = {"TIMED_OUT", 504},
    [REST_UNABLE_TO_ALLOCATE_RESOURCE] = {"UNABLE_TO_ALLOCATE_RESOURCE", 500},
    [REST_UNAUTHENTICATED] = {"UNAUTHENTICATED", 401},
    [REST_UNAUTHORIZED] = {"UNAUTHORIZED", 403},
    [REST_UNSUPPORTED] = {"UNSUPPORTED", 400},
};

/* The first row whose type the fault is, or derives from, decides: derived types come first. */
static const struct {
    const struct vim_type *type;
    enum rest_error error;
} faults[] = {
    {&vim_type_InvalidGuestLogin, REST_UNAUTHENTICATED},
    {&vim_type_InvalidLogin, REST_UNAUTHENTICATED},
    {&vim_type_NotAuthenticated, REST_UNAUTHENTICATED},
    {&vim_type_GuestPermissionDenied, REST_UNAUTHORIZED},
    {&vim_type_CannotAccessFile, REST_UNAUTHORIZED},
    {&vim_type_NoPermission, REST_UNAUTHORIZED},
    {&vim_type_GuestOperationsUnavailable, REST_SERVICE_UNAVAILABLE},
    {&vim_type_ToolsUnavailable, REST_SERVICE_UNAVAILABLE},
    {&vim_type_TaskInProgress, REST_RESOURCE_BUSY},
    {&vim_type_OperationNotSupportedByGuest, REST_UNSUPPORTED},
    {&vim_type_GuestComponentsOutOfDate, REST_UNSUPPORTED},
    {&vim_type_OperationDisabledByGuest, REST_UNSUPPORTED},
    {&vim_type_NotSupported, REST_UNSUPPORTED},
    {&vim_type_NotImplemented, REST_UNSUPPORTED},
    {&vim_type_FileAlreadyExists, REST_ALREADY_EXISTS},
    {&vim_type_DuplicateName, REST_ALREADY_EXISTS},
    {&vim_type_AlreadyExists, REST_ALREADY_EXISTS},
    {&vim_type_FileNotFound, REST_NOT_FOUND},
    {&vim_type_GuestProcessNotFound, REST_NOT_FOUND},
    {&vim_type_ManagedObjectNotFound, REST_NOT_FOUND},
    {&vim_type_NotFound, REST_NOT_FOUND},
    {&vim_type_InvalidArgument, REST_INVALID_ARGUMENT},
    {&vim_type_NotAFile, REST_INVALID_ARGUMENT},
    {&vim_type_NotADirectory, REST_INVALID_ARGUMENT},
    {&vim_type_FileNameTooLong, REST_INVALID_ARGUMENT},
    {&vim_type_InvalidName, REST_INVALID_ARGUMENT},
    {&vim_type_InvalidType, REST_INVALID_ARGUMENT},
    {&vim_type_InvalidRequest, REST_INVALID_REQUEST},
    {&vim_type_NoDiskSpace, REST_UNABLE_TO_ALLOCATE_RESOURCE},
    {&vim_type_RequestCanceled, REST_CANCELED},
    {&vim_type_InvalidState, REST_NOT_ALLOWED_IN_CURRENT_STATE},
};

const char *rest_error_name(enum rest_error error)
{
    return errors[error].name;
}

unsigned rest_error_status(enum rest_error error)
{
    return errors[error].status;
}

enum rest_error rest_error_of(const struct vim_object *fault)
{
    const struct vim_InvalidPowerState *power = VIM_CAST(fault, InvalidPowerState);
    if (power && power->requestedState == power->existingState)
        return REST_ALREADY_IN_DESIRED_STATE;
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
        if (vim_is_a(fault, faults[i].type))
            return faults[i].error;
    return REST_ERROR;
}
