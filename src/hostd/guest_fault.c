#include "hostd/guest_fault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "wire/vix_error.h"

enum fault_form {
    FORM_PLAIN,     /* no fields */
    FORM_FILE,      /* field file */
    FORM_DIRECTORY, /* field file, the directory of the subject */
    FORM_ARGUMENT,  /* field invalidProperty */
    FORM_PROCESS,   /* field pid */
    FORM_POWER,     /* InvalidPowerState */
};

struct fault_row {
    uint32_t code;
    const struct vim_type *type;
    enum fault_form form;
    const char *text; /* %s: the file, once. NULL: by form */
};

static const struct fault_row rows[] = {
    {VIX_E_INVALID_ARG, &vim_type_InvalidArgument, FORM_ARGUMENT, NULL},
    {VIX_E_INCORRECT_FILE_TYPE, &vim_type_InvalidArgument, FORM_ARGUMENT, NULL},
    {VIX_E_FILE_NAME_INVALID, &vim_type_InvalidArgument, FORM_ARGUMENT, NULL},
    {VIX_E_INVALID_UTF8_STRING, &vim_type_InvalidArgument, FORM_ARGUMENT, NULL},
    {VIX_E_FILE_NOT_FOUND, &vim_type_FileNotFound, FORM_FILE, "File %s was not found"},
    {VIX_E_FILE_ALREADY_EXISTS, &vim_type_FileAlreadyExists, FORM_FILE,
     "Cannot complete the operation because the file or folder %s already exists"},
    {VIX_E_ALREADY_EXISTS, &vim_type_FileAlreadyExists, FORM_FILE,
     "Cannot complete the operation because the file or folder %s already exists"},
    {VIX_E_FILE_ACCESS_ERROR, &vim_type_CannotAccessFile, FORM_FILE, "Unable to access file %s"},
    {VIX_E_FILE_READ_ONLY, &vim_type_CannotAccessFile, FORM_FILE, "Unable to access file %s"},
    {VIX_E_FILE_ERROR, &vim_type_FileFault, FORM_FILE, "Error on file %s"},
    {VIX_E_REQUIRES_LARGE_FILES, &vim_type_FileFault, FORM_FILE, "Error on file %s"},
    {VIX_E_FILE_ALREADY_LOCKED, &vim_type_FileLocked, FORM_FILE, "File %s is locked"},
    {VIX_E_FILE_TOO_BIG, &vim_type_FileTooLarge, FORM_FILE, "File %s is too large"},
    {VIX_E_DISK_FULL, &vim_type_NoDiskSpace, FORM_FILE, "No space is left for file %s"},
    {VIX_E_NOT_A_FILE, &vim_type_NotAFile, FORM_FILE, "%s is not a file"},
    {VIX_E_NOT_A_DIRECTORY, &vim_type_NotADirectory, FORM_DIRECTORY, "%s is not a directory"},
    {VIX_E_FILE_NAME_TOO_LONG, &vim_type_FileNameTooLong, FORM_FILE, "The name %s is too long"},
    {VIX_E_DIRECTORY_NOT_EMPTY, &vim_type_DirectoryNotEmpty, FORM_FILE,
     "The directory %s is not empty"},
    {VIX_E_NO_SUCH_PROCESS, &vim_type_GuestProcessNotFound, FORM_PROCESS, NULL},
    {VIX_E_GUEST_USER_PERMISSIONS, &vim_type_GuestPermissionDenied, FORM_PLAIN,
     "Permission to perform this operation was denied in the guest."},
    {VIX_E_EMPTY_PASSWORD_NOT_ALLOWED_IN_GUEST, &vim_type_InvalidGuestLogin, FORM_PLAIN, NULL},
    {VIX_E_INVALID_LOGIN_CREDENTIALS, &vim_type_InvalidGuestLogin, FORM_PLAIN, NULL},
    {VIX_E_AUTHENTICATION_FAIL, &vim_type_InvalidGuestLogin, FORM_PLAIN, NULL},
    {VIX_E_CANNOT_AUTHENTICATE_WITH_GUEST, &vim_type_InvalidGuestLogin, FORM_PLAIN, NULL},
    {VIX_E_INTERACTIVE_SESSION_NOT_PRESENT, &vim_type_InvalidGuestLogin, FORM_PLAIN, NULL},
    {VIX_E_INTERACTIVE_SESSION_USER_MISMATCH, &vim_type_InvalidGuestLogin, FORM_PLAIN, NULL},
    {VIX_E_OPERATION_DISABLED, &vim_type_OperationDisabledByGuest, FORM_PLAIN,
     "The operation is disabled in the guest."},
    {VIX_E_NOT_SUPPORTED, &vim_type_OperationNotSupportedByGuest, FORM_PLAIN,
     "The operation is not supported by the guest."},
    {VIX_E_OP_NOT_SUPPORTED_ON_GUEST, &vim_type_OperationNotSupportedByGuest, FORM_PLAIN,
     "The operation is not supported by the guest."},
    {VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST, &vim_type_GuestComponentsOutOfDate, FORM_PLAIN,
     "The guest agent is out of date."},
    {VIX_E_VI_OP_NOT_SUPPORTED_ON_GUEST, &vim_type_GuestComponentsOutOfDate, FORM_PLAIN,
     "The guest agent is out of date."},
    {VIX_E_TOO_MANY_LOGONS, &vim_type_TooManyGuestLogons, FORM_PLAIN,
     "Too many users are logged on to the guest."},
    {VIX_E_GUEST_AUTH_MULIPLE_MAPPINGS, &vim_type_GuestMultipleMappings, FORM_PLAIN,
     "The credential maps to several guest users."},
    {VIX_E_VM_NOT_RUNNING, &vim_type_InvalidPowerState, FORM_POWER, NULL},
    {VIX_E_VM_IS_RUNNING, &vim_type_InvalidPowerState, FORM_POWER, NULL},
};

#define BAD_LOGIN \
    "Failed to authenticate with the guest operating system using the supplied credentials."

static const struct fault_row *find_row(uint64_t error)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].code == VIX_ERROR_CODE(error))
            return &rows[i];
    return NULL;
}

/* Clients compare `reason`, line feed and all, with the exact text of a real server; the words go
 * into the message only. */
static void system_error(struct call *call, uint64_t error, uint32_t additional, const char *words)
{
    struct vim_SystemError *fault = VIM_NEW(call->arena, SystemError);

    if (fault)
        fault->reason = arena_printf(call->arena, "vix error codes = (%u, %u).\n",
                                     VIX_ERROR_CODE(error), additional);
    if (!fault || !fault->reason) {
        call_fault_errno(call, -ENOMEM, "a fault");
        return;
    }
    call_fault(call, fault, "A general system error occurred: vix error codes = (%u, %u). %s",
               VIX_ERROR_CODE(error), additional, words);
}

static void file_fault(struct call *call, const struct fault_row *row, const char *file,
                       uint32_t additional)
{
    struct vim_FileFault *fault = (struct vim_FileFault *)vim_new(call->arena, row->type);
    const char *mark = strstr(row->text, "%s");

    if (!fault) {
        call_fault_errno(call, -ENOMEM, "a fault");
        return;
    }
    fault->file = file ? file : "";
    if (row->type == &vim_type_NoDiskSpace)
        ((struct vim_NoDiskSpace *)fault)->datastore = "";
    if (row->type == &vim_type_FileTooLarge)
        ((struct vim_FileTooLarge *)fault)->datastore = "";
    call_fault(call, fault, "%.*s%s%s%s%s%s", (int)(mark - row->text), row->text, fault->file,
               mark + 2, additional ? " (guest: " : "", additional ? strerror((int)additional) : "",
               additional ? ")" : "");
}

void guest_fault_vix(struct call *call, uint64_t error, uint32_t additional,
                     const struct guest_subject *subject)
{
    const struct fault_row *row = find_row(error);
    void *fault;

    if (!row) {
        log_info("%s for %s: the guest answered %s (%u)", call->method->name, call->source,
                 vix_error_name(error), additional);
        system_error(call, error, additional, vix_error_text(error));
        return;
    }
    switch (row->form) {
    case FORM_FILE:
        file_fault(call, row, subject->file, additional);
        return;
    case FORM_DIRECTORY:
        file_fault(call, row, subject->directory ? subject->directory : subject->file, additional);
        return;
    case FORM_ARGUMENT:
        call_fault_invalid_argument(call, subject->argument ? subject->argument : "");
        return;
    case FORM_POWER:
        call_fault_invalid_power_state(call, VIM_VirtualMachinePowerState_poweredOn,
                                       VIM_VirtualMachinePowerState_poweredOff);
        return;
    case FORM_PROCESS:
    case FORM_PLAIN:
        break;
    }
    fault = vim_new(call->arena, row->type);
    if (!fault) {
        call_fault_errno(call, -ENOMEM, "a fault");
        return;
    }
    if (row->form == FORM_PROCESS) {
        ((struct vim_GuestProcessNotFound *)fault)->pid = subject->pid;
        call_fault(call, fault, "No process with pid %lld.", (long long)subject->pid);
        return;
    }
    call_fault(call, fault, "%s", row->text ? row->text : BAD_LOGIN);
}

void guest_fault_reply(struct call *call, const struct vmlink_reply *reply,
                       const struct guest_subject *subject)
{
    char words[ERROR_TEXT_MAX + 64];

    if (reply->code == -ECANCELED) {
        call_fault_request_canceled(call);
        return;
    }
    if (reply->vix && reply->vix != VIX_E_TOOLS_NOT_RUNNING &&
        reply->vix != VIX_E_TIMEOUT_WAITING_FOR_TOOLS) {
        guest_fault_vix(call, (uint64_t)reply->vix, 0, subject);
        return;
    }
    snprintf(words, sizeof(words), "(%s: %s)", reply->hop ? reply->hop : "hostd",
             reply->text ? reply->text : strerror(-reply->code));
    log_info("%s for %s failed: %s", call->method->name, call->source, words);
    system_error(call, VIX_E_TOOLS_NOT_RUNNING, 0, words);
}

void guest_fault_unavailable(struct call *call, const char *why)
{
    void *fault = VIM_NEW(call->arena, GuestOperationsUnavailable);

    if (!fault) {
        call_fault_errno(call, -ENOMEM, "a fault");
        return;
    }
    call_fault(call, fault, "The guest operations agent could not be contacted. (%s)", why);
}
