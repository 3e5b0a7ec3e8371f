#include "hostd/guest_fault.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/guest_op.h"
#include "hostd/guest_target.h"
#include "wire/vix_auth.h"
#include "wire/vix_error.h"

enum fault_form {
    FORM_PLAIN,     /* no fields */
    FORM_LOGIN,     /* no fields; the reason depends on the credential */
    FORM_RIGHTS,    /* no fields; the guest's kernel says no */
    FORM_FILE,      /* field file */
    FORM_EXISTING,  /* field file, the existing one of the subject */
    FORM_DIRECTORY, /* field file, the directory of the subject */
    FORM_ARGUMENT,  /* field invalidProperty */
    FORM_PROCESS,   /* field pid */
    FORM_POWER,     /* InvalidPowerState */
};

struct fault_row {
    uint32_t code;
    const struct vim_type *type;
    enum fault_form form;
    const char *text;   /* %s: the file, once. NULL: by form */
    const char *reason; /* NULL: what the guest's errno says, or else the VIX error */
};

#define EXISTS "Cannot complete the operation because the file or folder %s already exists"
#define BAD_LOGIN \
    "Failed to authenticate with the guest operating system using the supplied credentials."
#define DENIED   "Permission to perform this operation was denied in the guest."
#define DISABLED "The operation is disabled in the guest."
#define NO_SUCH  "The operation is not supported by the guest."
#define TOO_OLD  "The guest agent is out of date."

static const struct fault_row rows[] = {
    {VIX_E_INVALID_ARG, &vim_type_InvalidArgument, FORM_ARGUMENT, NULL, NULL},
    {VIX_E_INCORRECT_FILE_TYPE, &vim_type_InvalidArgument, FORM_ARGUMENT, NULL, NULL},
    {VIX_E_FILE_NAME_INVALID, &vim_type_InvalidArgument, FORM_ARGUMENT, NULL, NULL},
    {VIX_E_INVALID_UTF8_STRING, &vim_type_InvalidArgument, FORM_ARGUMENT, NULL, NULL},
    {VIX_E_FILE_NOT_FOUND, &vim_type_FileNotFound, FORM_FILE, "File %s was not found", NULL},
    {VIX_E_FILE_ALREADY_EXISTS, &vim_type_FileAlreadyExists, FORM_EXISTING, EXISTS, NULL},
    {VIX_E_ALREADY_EXISTS, &vim_type_FileAlreadyExists, FORM_EXISTING, EXISTS, NULL},
    {VIX_E_FILE_ACCESS_ERROR, &vim_type_CannotAccessFile, FORM_FILE, "Unable to access file %s",
     NULL},
    {VIX_E_FILE_READ_ONLY, &vim_type_CannotAccessFile, FORM_FILE, "Unable to access file %s", NULL},
    {VIX_E_FILE_ERROR, &vim_type_FileFault, FORM_FILE, "Error on file %s", NULL},
    {VIX_E_REQUIRES_LARGE_FILES, &vim_type_FileFault, FORM_FILE, "Error on file %s", NULL},
    {VIX_E_FILE_ALREADY_LOCKED, &vim_type_FileLocked, FORM_FILE, "File %s is locked", NULL},
    {VIX_E_FILE_TOO_BIG, &vim_type_FileTooLarge, FORM_FILE, "File %s is too large", NULL},
    {VIX_E_DISK_FULL, &vim_type_NoDiskSpace, FORM_FILE, "No space is left for file %s", NULL},
    {VIX_E_NOT_A_FILE, &vim_type_NotAFile, FORM_FILE, "%s is not a file", NULL},
    {VIX_E_NOT_A_DIRECTORY, &vim_type_NotADirectory, FORM_DIRECTORY, "%s is not a directory", NULL},
    {VIX_E_FILE_NAME_TOO_LONG, &vim_type_FileNameTooLong, FORM_FILE, "The name %s is too long",
     NULL},
    {VIX_E_DIRECTORY_NOT_EMPTY, &vim_type_DirectoryNotEmpty, FORM_FILE,
     "The directory %s is not empty", NULL},
    {VIX_E_NO_SUCH_PROCESS, &vim_type_GuestProcessNotFound, FORM_PROCESS, NULL, NULL},
    {VIX_E_GUEST_USER_PERMISSIONS, &vim_type_GuestPermissionDenied, FORM_RIGHTS, DENIED, NULL},
    {VIX_E_EMPTY_PASSWORD_NOT_ALLOWED_IN_GUEST, &vim_type_InvalidGuestLogin, FORM_PLAIN, BAD_LOGIN,
     "the guest does not accept an empty password"},
    {VIX_E_INVALID_LOGIN_CREDENTIALS, &vim_type_InvalidGuestLogin, FORM_LOGIN, BAD_LOGIN, NULL},
    {VIX_E_AUTHENTICATION_FAIL, &vim_type_InvalidGuestLogin, FORM_LOGIN, BAD_LOGIN, NULL},
    {VIX_E_CANNOT_AUTHENTICATE_WITH_GUEST, &vim_type_InvalidGuestLogin, FORM_LOGIN, BAD_LOGIN,
     NULL},
    {VIX_E_INTERACTIVE_SESSION_NOT_PRESENT, &vim_type_InvalidGuestLogin, FORM_PLAIN, BAD_LOGIN,
     "nobody is logged in at the guest's desktop"},
    {VIX_E_INTERACTIVE_SESSION_USER_MISMATCH, &vim_type_InvalidGuestLogin, FORM_PLAIN, BAD_LOGIN,
     "somebody else is logged in at the guest's desktop"},
    {VIX_E_OPERATION_DISABLED, &vim_type_OperationDisabledByGuest, FORM_PLAIN, DISABLED,
     "switched off by the guest's tools.conf, [guestoperations] disabled or %s.disabled"},
    {VIX_E_NOT_SUPPORTED, &vim_type_OperationNotSupportedByGuest, FORM_PLAIN, NO_SUCH,
     "it knows neither this operation nor this kind of credential"},
    {VIX_E_OP_NOT_SUPPORTED_ON_GUEST, &vim_type_OperationNotSupportedByGuest, FORM_PLAIN, NO_SUCH,
     "the guest's operating system does not have it"},
    {VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST, &vim_type_GuestComponentsOutOfDate, FORM_PLAIN, TOO_OLD,
     "it does not know %s"},
    {VIX_E_VI_OP_NOT_SUPPORTED_ON_GUEST, &vim_type_GuestComponentsOutOfDate, FORM_PLAIN, TOO_OLD,
     "it does not know %s"},
    {VIX_E_TIMEOUT_WAITING_FOR_TOOLS, &vim_type_GuestOperationsUnavailable, FORM_PLAIN,
     "The guest operations agent could not be contacted.", NULL},
    {VIX_E_TOO_MANY_LOGONS, &vim_type_TooManyGuestLogons, FORM_PLAIN,
     "Too many users are logged on to the guest.", "no more guest users or tickets are possible"},
    {VIX_E_GUEST_AUTH_MULIPLE_MAPPINGS, &vim_type_GuestMultipleMappings, FORM_PLAIN,
     "The credential maps to several guest users.", NULL},
    {VIX_E_VM_NOT_RUNNING, &vim_type_InvalidPowerState, FORM_POWER, NULL, NULL},
    {VIX_E_VM_IS_RUNNING, &vim_type_InvalidPowerState, FORM_POWER, NULL, NULL},
};

/* What the agent's errno tells beyond its VIX error, in the terms of the method. */
static const struct {
    const struct vim_method *method;
    uint32_t code;
    int guest_errno;
    uint32_t becomes;
} finer[] = {
    {&vim_method_InitiateFileTransferToGuest, VIX_E_FILE_NAME_INVALID, ENOENT,
     VIX_E_FILE_NOT_FOUND},
    {&vim_method_InitiateFileTransferToGuest, VIX_E_FILE_NAME_INVALID, ENOTDIR,
     VIX_E_NOT_A_DIRECTORY},
    {&vim_method_ChangeFileAttributesInGuest, VIX_E_FILE_ACCESS_ERROR, EPERM,
     VIX_E_GUEST_USER_PERMISSIONS},
};

static uint64_t refine(const struct call *call, uint64_t error, uint32_t additional)
{
    for (size_t i = 0; i < ARRAY_SIZE(finer); i++)
        if (finer[i].method == call->method && finer[i].code == VIX_ERROR_CODE(error) &&
            finer[i].guest_errno == (int)additional)
            return finer[i].becomes;
    return error;
}

static const struct fault_row *find_row(uint64_t error)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].code == VIX_ERROR_CODE(error))
            return &rows[i];
    return NULL;
}

/* --- the parts of a fault --- */

static struct vim_KeyAnyValue *argument(struct arena *a, const char *key, const char *value)
{
    struct vim_KeyAnyValue *pair = VIM_NEW(a, KeyAnyValue);

    if (!pair)
        return NULL;
    pair->key = key;
    pair->value = vim_any_string(a, value);
    return pair->value ? pair : NULL;
}

/* The hop and its reason, for programs. Without memory the fault goes without them. */
static void add_message(struct call *call, void *object, const char *hop, const char *reason)
{
    struct vim_MethodFault *fault = object;
    struct vim_LocalizableMessage *message = VIM_NEW(call->arena, LocalizableMessage);
    struct vim_LocalizableMessage **list =
        ARENA_ARRAY(call->arena, 1, struct vim_LocalizableMessage *);
    struct vim_KeyAnyValue **pairs = ARENA_ARRAY(call->arena, 2, struct vim_KeyAnyValue *);

    if (!message || !list || !pairs)
        return;
    pairs[0] = argument(call->arena, "method", call->method->name);
    pairs[1] = argument(call->arena, "hop", hop);
    message->key = arena_printf(call->arena, "inguest.guestOperations.%s", hop);
    message->message = arena_strdup(call->arena, reason);
    if (!pairs[0] || !pairs[1] || !message->key || !message->message)
        return;
    message->arg.items = pairs;
    message->arg.count = 2;
    list[0] = message;
    fault->faultMessage.items = list;
    fault->faultMessage.count = 1;
}

/* Ends the call. `fault` NULL: there was no memory for it. */
static void __attribute__((format(printf, 5, 6)))
end(struct call *call, void *fault, const char *hop, const char *reason, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list ap;

    if (!fault) {
        call_fault_errno(call, -ENOMEM, "a fault");
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    add_message(call, fault, hop, reason);
    log_info("%s for %s failed: %s (%s: %s)", call->method->name, call->source, text, hop, reason);
    call_fault(call, fault, "%s (%s: %s)", text, hop, reason);
}

/* Clients compare `reason`, line feed and all, with the exact text of a real server; the words go
 * into the message only. */
static void system_error(struct call *call, uint64_t error, uint32_t additional, const char *hop,
                         const char *words)
{
    struct vim_SystemError *fault = VIM_NEW(call->arena, SystemError);

    if (fault)
        fault->reason = arena_printf(call->arena, "vix error codes = (%u, %u).\n",
                                     VIX_ERROR_CODE(error), additional);
    end(call, fault && fault->reason ? fault : NULL, hop, words,
        "A general system error occurred: vix error codes = (%u, %u).", VIX_ERROR_CODE(error),
        additional);
}

static void file_fault(struct call *call, const struct fault_row *row, const char *file,
                       const char *hop, const char *reason)
{
    struct vim_FileFault *fault = (struct vim_FileFault *)vim_new(call->arena, row->type);
    const char *mark = strstr(row->text, "%s");

    if (fault) {
        fault->file = file ? file : "";
        if (row->type == &vim_type_NoDiskSpace)
            ((struct vim_NoDiskSpace *)fault)->datastore = "";
        if (row->type == &vim_type_FileTooLarge)
            ((struct vim_FileTooLarge *)fault)->datastore = "";
    }
    end(call, fault, hop, reason, "%.*s%s%s", (int)(mark - row->text), row->text, file ? file : "",
        mark + 2);
}

static void argument_fault(struct call *call, const char *property, const char *hop,
                           const char *reason)
{
    struct vim_InvalidArgument *fault = VIM_NEW(call->arena, InvalidArgument);

    if (fault)
        fault->invalidProperty = property;
    end(call, fault, hop, reason, "A specified parameter was not correct: %s", property);
}

static void process_fault(struct call *call, int64_t pid, const char *hop, const char *reason)
{
    struct vim_GuestProcessNotFound *fault = VIM_NEW(call->arena, GuestProcessNotFound);

    if (fault)
        fault->pid = pid;
    end(call, fault, hop, reason, "No process with pid %lld.", (long long)pid);
}

/* --- by error --- */

static const char *login_reason(const struct guest_subject *subject)
{
    return subject->credential == VIX_CRED_TICKETED_SESSION
               ? "the ticket is not known, has expired or was released"
               : "the user name or the password is wrong, or the account is locked";
}

/* The monitor of the agent decides about logins and switches, a worker about the rest. */
static const char *hop_of(const struct fault_row *row)
{
    return row->form == FORM_PLAIN || row->form == FORM_LOGIN ? "agent" : "worker";
}

/* Of two paths the one with such a name is meant. */
static bool name_too_long(const char *path)
{
    size_t n;

    for (; *path; path += n + (path[n] == '/')) {
        n = strcspn(path, "/");
        if (n > NAME_MAX)
            return true;
    }
    return false;
}

/* `hop` and `reason` NULL: by the row. */
static void row_fault(struct call *call, const struct fault_row *row, uint32_t additional,
                      const struct guest_subject *subject, const char *hop, const char *reason)
{
    char words[ERROR_TEXT_MAX];
    const char *file;

    if (!hop)
        hop = hop_of(row);
    if (!reason && row->form == FORM_LOGIN)
        reason = login_reason(subject);
    if (!reason && row->reason) {
        const char *mark = strstr(row->reason, "%s");
        int before = mark ? (int)(mark - row->reason) : (int)strlen(row->reason);

        snprintf(words, sizeof(words), "%.*s%s%s", before, row->reason,
                 mark ? call->method->name : "", mark ? mark + 2 : "");
        reason = words;
    }
    if (!reason)
        reason = additional ? strerror((int)additional) : vix_error_text(row->code);
    switch (row->form) {
    case FORM_FILE:
        file = subject->file;
        if (row->code == VIX_E_FILE_NAME_TOO_LONG && subject->existing && !name_too_long(file) &&
            name_too_long(subject->existing))
            file = subject->existing;
        file_fault(call, row, file, hop, reason);
        return;
    case FORM_EXISTING:
        file_fault(call, row, subject->existing ? subject->existing : subject->file, hop, reason);
        return;
    case FORM_DIRECTORY:
        file_fault(call, row, subject->directory ? subject->directory : subject->file, hop, reason);
        return;
    case FORM_ARGUMENT:
        argument_fault(call, subject->argument ? subject->argument : "", hop, reason);
        return;
    case FORM_POWER:
        call_fault_invalid_power_state(call, VIM_VirtualMachinePowerState_poweredOn,
                                       guest_target_power(call->host, subject->vm));
        return;
    case FORM_PROCESS:
        process_fault(call, subject->pid, hop, reason);
        return;
    case FORM_PLAIN:
    case FORM_LOGIN:
    case FORM_RIGHTS:
        break;
    }
    end(call, vim_new(call->arena, row->type), hop, reason, "%s", row->text);
}

void guest_fault_vix(struct call *call, uint64_t error, uint32_t additional,
                     const struct guest_subject *subject)
{
    const struct fault_row *row = find_row(refine(call, error, additional));

    if (row)
        row_fault(call, row, additional, subject, NULL, NULL);
    else if (VIX_ERROR_CODE(error) == VIX_E_TOOLS_NOT_RUNNING && additional == ETIMEDOUT)
        system_error(call, error, 0, "worker",
                     arena_printf(call->arena, "the operation did not end within %u s",
                                  guest_op_deadline_ms(call->host) / 1000));
    else
        system_error(call, error, additional, "agent", vix_error_text(error));
}

static void unavailable(struct call *call, const char *hop, const char *why)
{
    end(call, VIM_NEW(call->arena, GuestOperationsUnavailable), hop, why,
        "The guest operations agent could not be contacted.");
}

void guest_fault_reply(struct call *call, const struct vmlink_reply *reply,
                       const struct guest_subject *subject)
{
    const char *hop = reply->hop ? reply->hop : "hostd";
    const char *words = reply->text ? reply->text : strerror(-reply->code);
    const struct fault_row *row = reply->vix ? find_row((uint64_t)reply->vix) : NULL;

    if (reply->code == -ECANCELED)
        call_fault_request_canceled(call);
    else if (reply->code == -ENOTCONN && reply->vix == VIX_E_TOOLS_NOT_RUNNING)
        unavailable(call, hop, words); /* nothing was sent: it could not be contacted */
    else if (row)
        row_fault(call, row, 0, subject, hop, words);
    else if (reply->vix)
        system_error(call, (uint64_t)reply->vix, 0, hop, words);
    else
        system_error(call, VIX_E_TOOLS_NOT_RUNNING, 0, hop, words);
}

void guest_fault_not_ready(struct call *call, struct vim_ref vm, int code, const char *why)
{
    struct vim_ref task = guest_target_task(call->host, vm);
    struct vim_TaskInProgress *busy;
    const char *colon = strstr(why, ": ");
    char hop[16];

    if (code == -ESHUTDOWN) {
        call_fault_invalid_power_state(call, VIM_VirtualMachinePowerState_poweredOn,
                                       guest_target_power(call->host, vm));
        return;
    }
    snprintf(hop, sizeof(hop), "%.*s", colon ? (int)(colon - why) : 5, colon ? why : "hostd");
    if (colon)
        why = colon + 2;
    if (code == -EINPROGRESS && task.value) {
        busy = VIM_NEW(call->arena, TaskInProgress);
        if (busy)
            busy->task = task;
        end(call, busy, hop, why, "Another task is already in progress.");
        return;
    }
    unavailable(call, hop, why);
}
