/*
 * VIX error codes (VixError), their names, and where they come from.
 *
 * A VixError is 64 bits; the low 16 are the code, and on Linux the only part in use. 0 is success.
 */
#ifndef WIRE_VIX_ERROR_H
#define WIRE_VIX_ERROR_H

#include <stdint.h>

#define VIX_ERROR_CODE(err) ((uint32_t)((err)&0xffffu))

/* X(code, name without VIX_E_, what it means to a person) */
#define VIX_ERROR_LIST(X)                                                                       \
    X(1, FAIL, "unknown error")                                                                 \
    X(2, OUT_OF_MEMORY, "out of memory")                                                        \
    X(3, INVALID_ARG, "invalid argument")                                                       \
    X(4, FILE_NOT_FOUND, "file not found")                                                      \
    X(5, OBJECT_IS_BUSY, "busy, try again")                                                     \
    X(6, NOT_SUPPORTED, "not supported")                                                        \
    X(7, FILE_ERROR, "file error")                                                              \
    X(8, DISK_FULL, "no space left")                                                            \
    X(9, INCORRECT_FILE_TYPE, "wrong kind of file")                                             \
    X(10, CANCELLED, "cancelled")                                                               \
    X(11, FILE_READ_ONLY, "file is read-only")                                                  \
    X(12, FILE_ALREADY_EXISTS, "file exists already")                                           \
    X(13, FILE_ACCESS_ERROR, "no permission for this file")                                     \
    X(14, REQUIRES_LARGE_FILES, "file system without large files")                              \
    X(15, FILE_ALREADY_LOCKED, "file is locked")                                                \
    X(16, VMDB, "database error")                                                               \
    X(20, NOT_SUPPORTED_ON_REMOTE_OBJECT, "not supported on a remote object")                   \
    X(21, FILE_TOO_BIG, "file too large")                                                       \
    X(22, FILE_NAME_INVALID, "file name not valid")                                             \
    X(23, ALREADY_EXISTS, "exists already")                                                     \
    X(24, BUFFER_TOOSMALL, "buffer too small")                                                  \
    X(25, OBJECT_NOT_FOUND, "object not found")                                                 \
    X(26, HOST_NOT_CONNECTED, "host not connected")                                             \
    X(27, INVALID_UTF8_STRING, "text is not UTF-8")                                             \
    X(29, UNFINISHED_JOB, "job not finished")                                                   \
    X(30, NEED_KEY, "a key is needed")                                                          \
    X(31, OPERATION_ALREADY_IN_PROGRESS, "operation in progress already")                       \
    X(32, LICENSE, "licence error")                                                             \
    X(34, VM_HOST_DISCONNECTED, "host of the VM disconnected")                                  \
    X(35, AUTHENTICATION_FAIL, "authentication failed")                                         \
    X(36, HOST_CONNECTION_LOST, "connection to the host lost")                                  \
    X(41, DUPLICATE_NAME, "name in use")                                                        \
    X(44, ARGUMENT_TOO_BIG, "argument too large")                                               \
    X(1000, INVALID_HANDLE, "handle not valid")                                                 \
    X(1001, NOT_SUPPORTED_ON_HANDLE_TYPE, "not supported on this handle")                       \
    X(1002, TOO_MANY_HANDLES, "too many handles")                                               \
    X(2000, NOT_FOUND, "not found")                                                             \
    X(2001, TYPE_MISMATCH, "wrong type")                                                        \
    X(2002, INVALID_XML, "XML not valid")                                                       \
    X(3000, TIMEOUT_WAITING_FOR_TOOLS, "guest tools did not answer in time")                    \
    X(3001, UNRECOGNIZED_COMMAND, "unknown command")                                            \
    X(3003, OP_NOT_SUPPORTED_ON_GUEST, "not supported by this guest system")                    \
    X(3004, PROGRAM_NOT_STARTED, "program could not be started")                                \
    X(3005, CANNOT_START_READ_ONLY_VM, "cannot start a read-only VM")                           \
    X(3006, VM_NOT_RUNNING, "VM not running")                                                   \
    X(3007, VM_IS_RUNNING, "VM is running")                                                     \
    X(3008, CANNOT_CONNECT_TO_VM, "cannot connect to the VM")                                   \
    X(3009, POWEROP_SCRIPTS_NOT_AVAILABLE, "power scripts not available")                       \
    X(3010, NO_GUEST_OS_INSTALLED, "no guest system found")                                     \
    X(3011, VM_INSUFFICIENT_HOST_MEMORY, "host short of memory")                                \
    X(3012, SUSPEND_ERROR, "suspend failed")                                                    \
    X(3013, VM_NOT_ENOUGH_CPUS, "not enough CPUs")                                              \
    X(3014, HOST_USER_PERMISSIONS, "no permission on the host")                                 \
    X(3015, GUEST_USER_PERMISSIONS, "no permission in the guest")                               \
    X(3016, TOOLS_NOT_RUNNING, "guest tools not running")                                       \
    X(3017, GUEST_OPERATIONS_PROHIBITED, "guest operations prohibited")                         \
    X(3018, ANON_GUEST_OPERATIONS_PROHIBITED, "anonymous guest operations prohibited")          \
    X(3019, ROOT_GUEST_OPERATIONS_PROHIBITED, "guest operations as root prohibited")            \
    X(3023, MISSING_ANON_GUEST_ACCOUNT, "no anonymous guest account")                           \
    X(3024, CANNOT_AUTHENTICATE_WITH_GUEST, "cannot authenticate with the guest")               \
    X(3025, UNRECOGNIZED_COMMAND_IN_GUEST, "guest agent does not know the command")             \
    X(3026, CONSOLE_GUEST_OPERATIONS_PROHIBITED, "guest operations of console user prohibited") \
    X(3027, MUST_BE_CONSOLE_USER, "only for the console user")                                  \
    X(3028, VMX_MSG_DIALOG_AND_NO_UI, "a question waits and nobody can answer it")              \
    X(3031, OPERATION_NOT_ALLOWED_FOR_LOGIN_TYPE, "not allowed for this kind of login")         \
    X(3032, LOGIN_TYPE_NOT_SUPPORTED, "kind of login not supported")                            \
    X(3033, EMPTY_PASSWORD_NOT_ALLOWED_IN_GUEST, "empty password not allowed")                  \
    X(3034, INTERACTIVE_SESSION_NOT_PRESENT, "no interactive session")                          \
    X(3035, INTERACTIVE_SESSION_USER_MISMATCH, "interactive session of another user")           \
    X(3038, OP_NOT_SUPPORTED_ON_NON_VMWARE_VM, "not supported on this kind of VM")              \
    X(3041, CANNOT_POWER_ON_VM, "VM could not be powered on")                                   \
    X(3043, NO_DISPLAY_SERVER, "no display server")                                             \
    X(3046, TOO_MANY_LOGONS, "too many logins")                                                 \
    X(3047, INVALID_AUTHENTICATION_SESSION, "authentication session not valid")                 \
    X(3048, VI_OP_NOT_SUPPORTED_ON_GUEST, "operation not supported by the guest agent")         \
    X(3050, INVALID_LOGIN_CREDENTIALS, "user name or password wrong")                           \
    X(3051, GUEST_AUTHTYPE_DISABLED, "kind of guest authentication disabled")                   \
    X(4000, VM_NOT_FOUND, "VM not found")                                                       \
    X(4001, NOT_SUPPORTED_FOR_VM_VERSION, "not supported by this version of VM")                \
    X(4002, CANNOT_READ_VM_CONFIG, "cannot read the VM's configuration")                        \
    X(4003, TEMPLATE_VM, "VM is a template")                                                    \
    X(4004, VM_ALREADY_LOADED, "VM loaded already")                                             \
    X(4006, VM_ALREADY_UP_TO_DATE, "VM up to date already")                                     \
    X(4011, VM_UNSUPPORTED_GUEST, "guest system not supported")                                 \
    X(6000, UNRECOGNIZED_PROPERTY, "unknown property")                                          \
    X(6001, INVALID_PROPERTY_VALUE, "property value not valid")                                 \
    X(6002, READ_ONLY_PROPERTY, "property is read-only")                                        \
    X(6003, MISSING_REQUIRED_PROPERTY, "property missing")                                      \
    X(6004, INVALID_SERIALIZED_DATA, "property list not valid")                                 \
    X(6005, PROPERTY_TYPE_MISMATCH, "property of another type")                                 \
    X(8000, BAD_VM_INDEX, "VM index not valid")                                                 \
    X(10000, INVALID_MESSAGE_HEADER, "message header not valid")                                \
    X(10001, INVALID_MESSAGE_BODY, "message body not valid")                                    \
    X(20000, GUEST_VOLUMES_NOT_FROZEN, "guest volumes are not frozen")                          \
    X(20001, NOT_A_FILE, "not a file")                                                          \
    X(20002, NOT_A_DIRECTORY, "not a directory")                                                \
    X(20003, NO_SUCH_PROCESS, "no such process")                                                \
    X(20004, FILE_NAME_TOO_LONG, "file name too long")                                          \
    X(20005, OPERATION_DISABLED, "operation disabled in the guest")                             \
    X(20006, DIRECTORY_NOT_EMPTY, "directory not empty")                                        \
    X(20007, GUEST_AUTH_MULIPLE_MAPPINGS, "credential maps to several users")                   \
    X(20008, REG_KEY_INVALID, "registry key not valid")                                         \
    X(20009, REG_KEY_HAS_SUBKEYS, "registry key has subkeys")                                   \
    X(20010, REG_VALUE_NOT_FOUND, "registry value not found")                                   \
    X(20011, REG_KEY_ALREADY_EXISTS, "registry key exists already")                             \
    X(20012, REG_KEY_PARENT_VOLATILE, "parent registry key is volatile")                        \
    X(20050, HGFS_MOUNT_FAIL, "shared folders could not be mounted")                            \
    X(25000, REG_INCORRECT_VALUE_TYPE, "registry value of another type")

enum vix_error {
    VIX_OK = 0,
#define VIX_ERROR_ENUM(code, name, text) VIX_E_##name = (code),
    VIX_ERROR_LIST(VIX_ERROR_ENUM)
#undef VIX_ERROR_ENUM
};

/* "VIX_E_FILE_NOT_FOUND"; "VIX_OK" for 0; "VIX_E_UNKNOWN" for codes not in the list. */
const char *vix_error_name(uint64_t err);
/* In words, for logs and faults. Never NULL. */
const char *vix_error_text(uint64_t err);

/* The POSIX agents' table; takes a positive or negative errno. 0 gives FAIL, as an agent that fails
 * without a reason does. */
enum vix_error vix_error_from_errno(int err);

/* What the decoders of this folder return, as the error an agent answers: -EPROTO 10000, -EILSEQ
 * 27, -ENOMEM 2, -EOPNOTSUPP 3025, anything else 10001. */
enum vix_error vix_error_from_decode(int err);

#endif
