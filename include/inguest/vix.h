/*
 * The VIX API: programs that were written for VIX 1.x talk to an inguest host (or any vSphere
 * server) by it, over HTTPS.
 *
 * Functions, constants and their values are those of VIX 1.13. docs/vix.md tells what each one
 * does here.
 *
 * Handles. A function that gives a handle gives one reference to it; Vix_ReleaseHandle drops one.
 * A handle that is dead, invented or of the wrong type gives an error, never a crash.
 *
 * Threads. Every function may be called from any thread. Callbacks run on a thread of the library.
 *
 * Memory. Strings and blobs that a function gives out are freed with Vix_FreeBuffer, except the
 * text of Vix_GetErrorText. Strings are UTF-8.
 *
 * Jobs. Functions that take a callback return at once with the handle of a job, never 0 while
 * there is memory; errors, also of the parameters, are the job's result.
 */
#ifndef VIX_H_
#define VIX_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t int32;
typedef uint32_t uint32;
typedef int64_t int64;
typedef uint64_t uint64;
typedef char Bool;

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

typedef int VixHandle;
typedef int VixHandleType;
typedef uint64 VixError;
typedef int VixPropertyType;
typedef int VixPropertyID;
typedef int VixEventType;
typedef int VixHostOptions;
typedef int VixServiceProvider;
typedef int VixFindItemType;
typedef int VixVMOpenOptions;
typedef int VixPumpEventsOptions;
typedef int VixVMPowerOpOptions;
typedef int VixVMDeleteOptions;
typedef int VixPowerState;
typedef int VixToolsState;
typedef int VixRunProgramOptions;
typedef int VixRemoveSnapshotOptions;
typedef int VixCreateSnapshotOptions;
typedef int VixMsgSharedFolderOptions;
typedef int VixCloneType;

#define VIX_INVALID_HANDLE 0

/* The codes are in the low 16 bits; this library leaves the others 0. */
#define VIX_ERROR_CODE(err) ((err)&0xFFFF)
#define VIX_SUCCEEDED(err)  (VIX_OK == (err))
#define VIX_FAILED(err)     (VIX_OK != (err))

enum {
    VIX_HANDLETYPE_NONE = 0,
    VIX_HANDLETYPE_HOST = 2,
    VIX_HANDLETYPE_VM = 3,
    VIX_HANDLETYPE_NETWORK = 5,
    VIX_HANDLETYPE_JOB = 6,
    VIX_HANDLETYPE_SNAPSHOT = 7,
    VIX_HANDLETYPE_PROPERTY_LIST = 9,
    VIX_HANDLETYPE_METADATA_CONTAINER = 11
};

enum {
    VIX_OK = 0,
    VIX_E_FAIL = 1,
    VIX_E_OUT_OF_MEMORY = 2,
    VIX_E_INVALID_ARG = 3,
    VIX_E_FILE_NOT_FOUND = 4,
    VIX_E_OBJECT_IS_BUSY = 5,
    VIX_E_NOT_SUPPORTED = 6,
    VIX_E_FILE_ERROR = 7,
    VIX_E_DISK_FULL = 8,
    VIX_E_INCORRECT_FILE_TYPE = 9,
    VIX_E_CANCELLED = 10,
    VIX_E_FILE_READ_ONLY = 11,
    VIX_E_FILE_ALREADY_EXISTS = 12,
    VIX_E_FILE_ACCESS_ERROR = 13,
    VIX_E_REQUIRES_LARGE_FILES = 14,
    VIX_E_FILE_ALREADY_LOCKED = 15,
    VIX_E_VMDB = 16,
    VIX_E_NOT_SUPPORTED_ON_REMOTE_OBJECT = 20,
    VIX_E_FILE_TOO_BIG = 21,
    VIX_E_FILE_NAME_INVALID = 22,
    VIX_E_ALREADY_EXISTS = 23,
    VIX_E_BUFFER_TOOSMALL = 24,
    VIX_E_OBJECT_NOT_FOUND = 25,
    VIX_E_HOST_NOT_CONNECTED = 26,
    VIX_E_INVALID_UTF8_STRING = 27,
    VIX_E_OPERATION_ALREADY_IN_PROGRESS = 31,
    VIX_E_UNFINISHED_JOB = 29,
    VIX_E_NEED_KEY = 30,
    VIX_E_LICENSE = 32,
    VIX_E_VM_HOST_DISCONNECTED = 34,
    VIX_E_AUTHENTICATION_FAIL = 35,
    VIX_E_HOST_CONNECTION_LOST = 36,
    VIX_E_DUPLICATE_NAME = 41,
    VIX_E_ARGUMENT_TOO_BIG = 44,
    VIX_E_INVALID_HANDLE = 1000,
    VIX_E_NOT_SUPPORTED_ON_HANDLE_TYPE = 1001,
    VIX_E_TOO_MANY_HANDLES = 1002,
    VIX_E_NOT_FOUND = 2000,
    VIX_E_TIMEOUT_WAITING_FOR_TOOLS = 3000,
    VIX_E_UNRECOGNIZED_COMMAND = 3001,
    VIX_E_OP_NOT_SUPPORTED_ON_GUEST = 3003,
    VIX_E_PROGRAM_NOT_STARTED = 3004,
    VIX_E_CANNOT_START_READ_ONLY_VM = 3005,
    VIX_E_VM_NOT_RUNNING = 3006,
    VIX_E_VM_IS_RUNNING = 3007,
    VIX_E_CANNOT_CONNECT_TO_VM = 3008,
    VIX_E_POWEROP_SCRIPTS_NOT_AVAILABLE = 3009,
    VIX_E_NO_GUEST_OS_INSTALLED = 3010,
    VIX_E_VM_INSUFFICIENT_HOST_MEMORY = 3011,
    VIX_E_SUSPEND_ERROR = 3012,
    VIX_E_VM_NOT_ENOUGH_CPUS = 3013,
    VIX_E_HOST_USER_PERMISSIONS = 3014,
    VIX_E_GUEST_USER_PERMISSIONS = 3015,
    VIX_E_TOOLS_NOT_RUNNING = 3016,
    VIX_E_GUEST_OPERATIONS_PROHIBITED = 3017,
    VIX_E_ANON_GUEST_OPERATIONS_PROHIBITED = 3018,
    VIX_E_ROOT_GUEST_OPERATIONS_PROHIBITED = 3019,
    VIX_E_MISSING_ANON_GUEST_ACCOUNT = 3023,
    VIX_E_CANNOT_AUTHENTICATE_WITH_GUEST = 3024,
    VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST = 3025,
    VIX_E_CONSOLE_GUEST_OPERATIONS_PROHIBITED = 3026,
    VIX_E_MUST_BE_CONSOLE_USER = 3027,
    VIX_E_VMX_MSG_DIALOG_AND_NO_UI = 3028,
    VIX_E_OPERATION_NOT_ALLOWED_FOR_LOGIN_TYPE = 3031,
    VIX_E_LOGIN_TYPE_NOT_SUPPORTED = 3032,
    VIX_E_EMPTY_PASSWORD_NOT_ALLOWED_IN_GUEST = 3033,
    VIX_E_INTERACTIVE_SESSION_NOT_PRESENT = 3034,
    VIX_E_INTERACTIVE_SESSION_USER_MISMATCH = 3035,
    VIX_E_CANNOT_POWER_ON_VM = 3041,
    VIX_E_NO_DISPLAY_SERVER = 3043,
    VIX_E_TOO_MANY_LOGONS = 3046,
    VIX_E_INVALID_AUTHENTICATION_SESSION = 3047,
    VIX_E_VM_NOT_FOUND = 4000,
    VIX_E_NOT_SUPPORTED_FOR_VM_VERSION = 4001,
    VIX_E_CANNOT_READ_VM_CONFIG = 4002,
    VIX_E_TEMPLATE_VM = 4003,
    VIX_E_VM_ALREADY_LOADED = 4004,
    VIX_E_VM_ALREADY_UP_TO_DATE = 4006,
    VIX_E_VM_UNSUPPORTED_GUEST = 4011,
    VIX_E_UNRECOGNIZED_PROPERTY = 6000,
    VIX_E_INVALID_PROPERTY_VALUE = 6001,
    VIX_E_READ_ONLY_PROPERTY = 6002,
    VIX_E_MISSING_REQUIRED_PROPERTY = 6003,
    VIX_E_PROPERTY_TYPE_MISMATCH = 6005,
    VIX_E_BAD_VM_INDEX = 8000,
    VIX_E_INVALID_MESSAGE_HEADER = 10000,
    VIX_E_INVALID_MESSAGE_BODY = 10001,
    VIX_E_SNAPSHOT_INVAL = 13000,
    VIX_E_SNAPSHOT_DUMPER = 13001,
    VIX_E_SNAPSHOT_DISKLIB = 13002,
    VIX_E_SNAPSHOT_NOTFOUND = 13003,
    VIX_E_SNAPSHOT_EXISTS = 13004,
    VIX_E_SNAPSHOT_VERSION = 13005,
    VIX_E_SNAPSHOT_NOPERM = 13006,
    VIX_E_SNAPSHOT_CONFIG = 13007,
    VIX_E_SNAPSHOT_NOCHANGE = 13008,
    VIX_E_SNAPSHOT_CHECKPOINT = 13009,
    VIX_E_SNAPSHOT_LOCKED = 13010,
    VIX_E_SNAPSHOT_INCONSISTENT = 13011,
    VIX_E_SNAPSHOT_NAMETOOLONG = 13012,
    VIX_E_SNAPSHOT_VIXFILE = 13013,
    VIX_E_SNAPSHOT_DISKLOCKED = 13014,
    VIX_E_SNAPSHOT_DUPLICATEDDISK = 13015,
    VIX_E_SNAPSHOT_INDEPENDENTDISK = 13016,
    VIX_E_SNAPSHOT_NONUNIQUE_NAME = 13017,
    VIX_E_SNAPSHOT_MEMORY_ON_INDEPENDENT_DISK = 13018,
    VIX_E_SNAPSHOT_MAXSNAPSHOTS = 13019,
    VIX_E_SNAPSHOT_MIN_FREE_SPACE = 13020,
    VIX_E_SNAPSHOT_HIERARCHY_TOODEEP = 13021,
    VIX_E_SNAPSHOT_RRSUSPEND = 13022,
    VIX_E_SNAPSHOT_NOT_REVERTABLE = 13024,
    VIX_E_CRYPTO_NEED_PASSWORD = 17004,
    VIX_E_CRYPTO_BAD_PASSWORD = 17005,
    VIX_E_CANNOT_CONNECT_TO_HOST = 18000,
    VIX_E_NOT_FOR_REMOTE_HOST = 18001,
    VIX_E_INVALID_HOSTNAME_SPECIFICATION = 18002,
    VIX_E_SCREEN_CAPTURE_ERROR = 19000,
    VIX_E_SCREEN_CAPTURE_BAD_FORMAT = 19001,
    VIX_E_SCREEN_CAPTURE_COMPRESSION_FAIL = 19002,
    VIX_E_SCREEN_CAPTURE_LARGE_DATA = 19003,
    VIX_E_NOT_A_FILE = 20001,
    VIX_E_NOT_A_DIRECTORY = 20002,
    VIX_E_NO_SUCH_PROCESS = 20003,
    VIX_E_FILE_NAME_TOO_LONG = 20004,
    VIX_E_OPERATION_DISABLED = 20005,
    VIX_E_TOOLS_INSTALL_NO_IMAGE = 21000,
    VIX_E_TOOLS_INSTALL_IMAGE_INACCESIBLE = 21001,
    VIX_E_TOOLS_INSTALL_NO_DEVICE = 21002,
    VIX_E_TOOLS_INSTALL_DEVICE_NOT_CONNECTED = 21003,
    VIX_E_TOOLS_INSTALL_CANCELLED = 21004,
    VIX_E_TOOLS_INSTALL_INIT_FAILED = 21005,
    VIX_E_TOOLS_INSTALL_AUTO_NOT_SUPPORTED = 21006,
    VIX_E_TOOLS_INSTALL_GUEST_NOT_READY = 21007,
    VIX_E_TOOLS_INSTALL_SIG_CHECK_FAILED = 21008,
    VIX_E_TOOLS_INSTALL_ERROR = 21009,
    VIX_E_TOOLS_INSTALL_ALREADY_UP_TO_DATE = 21010,
    VIX_E_TOOLS_INSTALL_IN_PROGRESS = 21011,
    VIX_E_TOOLS_INSTALL_IMAGE_COPY_FAILED = 21012,
    VIX_E_WRAPPER_WORKSTATION_NOT_INSTALLED = 22001,
    VIX_E_WRAPPER_VERSION_NOT_FOUND = 22002,
    VIX_E_WRAPPER_SERVICEPROVIDER_NOT_FOUND = 22003,
    VIX_E_WRAPPER_PLAYER_NOT_INSTALLED = 22004,
    VIX_E_WRAPPER_RUNTIME_NOT_INSTALLED = 22005,
    VIX_E_WRAPPER_MULTIPLE_SERVICEPROVIDERS = 22006,
    VIX_E_NET_HTTP_UNSUPPORTED_PROTOCOL = 30001,
    VIX_E_NET_HTTP_URL_MALFORMAT = 30003,
    VIX_E_NET_HTTP_COULDNT_RESOLVE_PROXY = 30005,
    VIX_E_NET_HTTP_COULDNT_RESOLVE_HOST = 30006,
    VIX_E_NET_HTTP_COULDNT_CONNECT = 30007,
    VIX_E_NET_HTTP_HTTP_RETURNED_ERROR = 30022,
    VIX_E_NET_HTTP_OPERATION_TIMEDOUT = 30028,
    VIX_E_NET_HTTP_SSL_CONNECT_ERROR = 30035,
    VIX_E_NET_HTTP_TOO_MANY_REDIRECTS = 30047,
    VIX_E_NET_HTTP_TRANSFER = 30200,
    VIX_E_NET_HTTP_SSL_SECURITY = 30201,
    VIX_E_NET_HTTP_GENERIC = 30202
};

enum {
    VIX_PROPERTYTYPE_ANY = 0,
    VIX_PROPERTYTYPE_INTEGER = 1, /* int */
    VIX_PROPERTYTYPE_STRING = 2,  /* char *, to be freed */
    VIX_PROPERTYTYPE_BOOL = 3,    /* Bool: one byte is written */
    VIX_PROPERTYTYPE_HANDLE = 4,  /* VixHandle, one reference */
    VIX_PROPERTYTYPE_INT64 = 5,   /* int64 */
    VIX_PROPERTYTYPE_BLOB = 6     /* int *, then unsigned char **, to be freed */
};

enum {
    VIX_PROPERTY_NONE = 0, /* ends a list */
    VIX_PROPERTY_META_DATA_CONTAINER = 2,
    VIX_PROPERTY_HOST_HOSTTYPE = 50,
    VIX_PROPERTY_HOST_API_VERSION = 51,
    VIX_PROPERTY_VM_NUM_VCPUS = 101,
    VIX_PROPERTY_VM_VMX_PATHNAME = 103,
    VIX_PROPERTY_VM_VMTEAM_PATHNAME = 105,
    VIX_PROPERTY_VM_MEMORY_SIZE = 106,
    VIX_PROPERTY_VM_READ_ONLY = 107,
    VIX_PROPERTY_VM_NAME = 108,
    VIX_PROPERTY_VM_GUESTOS = 109,
    VIX_PROPERTY_VM_IN_VMTEAM = 128,
    VIX_PROPERTY_VM_POWER_STATE = 129,
    VIX_PROPERTY_VM_TOOLS_STATE = 152,
    VIX_PROPERTY_VM_IS_RUNNING = 196,
    VIX_PROPERTY_VM_SUPPORTED_FEATURES = 197,
    VIX_PROPERTY_VM_SSL_ERROR = 293,
    VIX_PROPERTY_JOB_RESULT_ERROR_CODE = 3000,
    VIX_PROPERTY_JOB_RESULT_VM_IN_GROUP = 3001,
    VIX_PROPERTY_JOB_RESULT_USER_MESSAGE = 3002,
    VIX_PROPERTY_JOB_RESULT_EXIT_CODE = 3004,
    VIX_PROPERTY_JOB_RESULT_COMMAND_OUTPUT = 3005,
    VIX_PROPERTY_JOB_RESULT_HANDLE = 3010,
    VIX_PROPERTY_JOB_RESULT_GUEST_OBJECT_EXISTS = 3011,
    VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_ELAPSED_TIME = 3017,
    VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_EXIT_CODE = 3018,
    VIX_PROPERTY_JOB_RESULT_ITEM_NAME = 3035,
    VIX_PROPERTY_JOB_RESULT_FOUND_ITEM_DESCRIPTION = 3036,
    VIX_PROPERTY_JOB_RESULT_SHARED_FOLDER_COUNT = 3046,
    VIX_PROPERTY_JOB_RESULT_SHARED_FOLDER_HOST = 3048,
    VIX_PROPERTY_JOB_RESULT_SHARED_FOLDER_FLAGS = 3049,
    VIX_PROPERTY_JOB_RESULT_PROCESS_ID = 3051,
    VIX_PROPERTY_JOB_RESULT_PROCESS_OWNER = 3052,
    VIX_PROPERTY_JOB_RESULT_PROCESS_COMMAND = 3053,
    VIX_PROPERTY_JOB_RESULT_FILE_FLAGS = 3054,
    VIX_PROPERTY_JOB_RESULT_PROCESS_START_TIME = 3055,
    VIX_PROPERTY_JOB_RESULT_VM_VARIABLE_STRING = 3056,
    VIX_PROPERTY_JOB_RESULT_PROCESS_BEING_DEBUGGED = 3057,
    VIX_PROPERTY_JOB_RESULT_SCREEN_IMAGE_SIZE = 3058,
    VIX_PROPERTY_JOB_RESULT_SCREEN_IMAGE_DATA = 3059,
    VIX_PROPERTY_JOB_RESULT_FILE_SIZE = 3061,
    VIX_PROPERTY_JOB_RESULT_FILE_MOD_TIME = 3062,
    VIX_PROPERTY_JOB_RESULT_EXTRA_ERROR_INFO = 3084,
    VIX_PROPERTY_FOUND_ITEM_LOCATION = 4010,
    VIX_PROPERTY_SNAPSHOT_DISPLAYNAME = 4200,
    VIX_PROPERTY_SNAPSHOT_DESCRIPTION = 4201,
    VIX_PROPERTY_SNAPSHOT_POWERSTATE = 4205,
    VIX_PROPERTY_GUEST_SHAREDFOLDERS_SHARES_PATH = 4525,
    VIX_PROPERTY_VM_ENCRYPTION_PASSWORD = 7001
};

enum {
    VIX_EVENTTYPE_JOB_COMPLETED = 2,
    VIX_EVENTTYPE_JOB_PROGRESS = 3,
    VIX_EVENTTYPE_FIND_ITEM = 8,
    VIX_EVENTTYPE_CALLBACK_SIGNALLED = 2 /* the old name of JOB_COMPLETED */
};

enum { VIX_API_VERSION = -1 };

enum {
    VIX_HOSTOPTION_USE_EVENT_PUMP = 0x0008, /* accepted; nothing needs pumping */
    VIX_HOSTOPTION_VERIFY_SSL_CERT = 0x4000
};

enum {
    VIX_SERVICEPROVIDER_DEFAULT = 1,
    VIX_SERVICEPROVIDER_VMWARE_SERVER = 2,
    VIX_SERVICEPROVIDER_VMWARE_WORKSTATION = 3,
    VIX_SERVICEPROVIDER_VMWARE_PLAYER = 4,
    VIX_SERVICEPROVIDER_VMWARE_VI_SERVER = 10,
    VIX_SERVICEPROVIDER_VMWARE_WORKSTATION_SHARED = 11
};

enum { VIX_FIND_RUNNING_VMS = 1, VIX_FIND_REGISTERED_VMS = 4 };
enum { VIX_VMOPEN_NORMAL = 0 };
enum { VIX_PUMPEVENTOPTION_NONE = 0 };

enum {
    VIX_VMPOWEROP_NORMAL = 0,
    VIX_VMPOWEROP_FROM_GUEST = 0x0004,
    VIX_VMPOWEROP_SUPPRESS_SNAPSHOT_POWERON = 0x0080,
    VIX_VMPOWEROP_LAUNCH_GUI = 0x0200,
    VIX_VMPOWEROP_START_VM_PAUSED = 0x1000
};

enum { VIX_VMDELETE_DISK_FILES = 0x0002 };

enum {
    VIX_POWERSTATE_POWERING_OFF = 0x0001,
    VIX_POWERSTATE_POWERED_OFF = 0x0002,
    VIX_POWERSTATE_POWERING_ON = 0x0004,
    VIX_POWERSTATE_POWERED_ON = 0x0008,
    VIX_POWERSTATE_SUSPENDING = 0x0010,
    VIX_POWERSTATE_SUSPENDED = 0x0020,
    VIX_POWERSTATE_TOOLS_RUNNING = 0x0040,
    VIX_POWERSTATE_RESETTING = 0x0080,
    VIX_POWERSTATE_BLOCKED_ON_MSG = 0x0100,
    VIX_POWERSTATE_PAUSED = 0x0200,
    VIX_POWERSTATE_RESUMING = 0x0800
};

enum {
    VIX_TOOLSSTATE_UNKNOWN = 0x0001,
    VIX_TOOLSSTATE_RUNNING = 0x0002,
    VIX_TOOLSSTATE_NOT_INSTALLED = 0x0004
};

enum {
    VIX_VM_SUPPORT_SHARED_FOLDERS = 0x0001,
    VIX_VM_SUPPORT_MULTIPLE_SNAPSHOTS = 0x0002,
    VIX_VM_SUPPORT_TOOLS_INSTALL = 0x0004,
    VIX_VM_SUPPORT_HARDWARE_UPGRADE = 0x0008
};

enum { VIX_LOGIN_IN_GUEST_REQUIRE_INTERACTIVE_ENVIRONMENT = 0x08 };
enum { VIX_RUNPROGRAM_RETURN_IMMEDIATELY = 0x0001, VIX_RUNPROGRAM_ACTIVATE_WINDOW = 0x0002 };

enum {
    VIX_VM_GUEST_VARIABLE = 1,
    VIX_VM_CONFIG_RUNTIME_ONLY = 2,
    VIX_GUEST_ENVIRONMENT_VARIABLE = 3
};

enum { VIX_FILE_ATTRIBUTES_DIRECTORY = 0x0001, VIX_FILE_ATTRIBUTES_SYMLINK = 0x0002 };
enum { VIX_SNAPSHOT_REMOVE_CHILDREN = 0x0001, VIX_SNAPSHOT_INCLUDE_MEMORY = 0x0002 };
enum { VIX_CLONETYPE_FULL = 0, VIX_CLONETYPE_LINKED = 1 };
enum { VIX_SHAREDFOLDER_WRITE_ACCESS = 0x04 };
enum { VIX_CAPTURESCREENFORMAT_PNG = 0x01, VIX_CAPTURESCREENFORMAT_PNG_NOCOMPRESS = 0x02 };

enum {
    VIX_INSTALLTOOLS_MOUNT_TOOLS_INSTALLER = 0,
    VIX_INSTALLTOOLS_AUTO_UPGRADE = 0x01,
    VIX_INSTALLTOOLS_RETURN_IMMEDIATELY = 0x02
};

/* `moreEventInfo` is the library's and valid during the call only. */
typedef void VixEventProc(VixHandle handle, VixEventType eventType, VixHandle moreEventInfo,
                          void *clientData);

/* --- handles, properties, texts --- */

const char *Vix_GetErrorText(VixError err, const char *locale);
void Vix_ReleaseHandle(VixHandle handle);
void Vix_AddRefHandle(VixHandle handle);
VixHandleType Vix_GetHandleType(VixHandle handle);
/* Pairs of an id and a pointer, ended by VIX_PROPERTY_NONE; likewise below. */
VixError Vix_GetProperties(VixHandle handle, VixPropertyID firstPropertyID, ...);
VixError Vix_GetPropertyType(VixHandle handle, VixPropertyID propertyID,
                             VixPropertyType *propertyType);
void Vix_FreeBuffer(void *p);
void Vix_PumpEvents(VixHandle hostHandle, VixPumpEventsOptions options);
VixError VixPropertyList_AllocPropertyList(VixHandle hostHandle, VixHandle *resultHandle,
                                           int firstPropertyID, ...);

/* --- jobs --- */

VixError VixJob_Wait(VixHandle jobHandle, VixPropertyID firstPropertyID, ...);
VixError VixJob_CheckCompletion(VixHandle jobHandle, Bool *complete);
VixError VixJob_GetError(VixHandle jobHandle);
int VixJob_GetNumProperties(VixHandle jobHandle, int resultPropertyID);
VixError VixJob_GetNthProperties(VixHandle jobHandle, int index, int propertyID, ...);

/* --- hosts --- */

VixHandle VixHost_Connect(int apiVersion, VixServiceProvider hostType, const char *hostName,
                          int hostPort, const char *userName, const char *password,
                          VixHostOptions options, VixHandle propertyListHandle,
                          VixEventProc *callbackProc, void *clientData);
void VixHost_Disconnect(VixHandle hostHandle);
VixHandle VixHost_RegisterVM(VixHandle hostHandle, const char *vmxFilePath,
                             VixEventProc *callbackProc, void *clientData);
VixHandle VixHost_UnregisterVM(VixHandle hostHandle, const char *vmxFilePath,
                               VixEventProc *callbackProc, void *clientData);
VixHandle VixHost_FindItems(VixHandle hostHandle, VixFindItemType searchType,
                            VixHandle searchCriteria, int32 timeout, VixEventProc *callbackProc,
                            void *clientData);
VixHandle VixHost_OpenVM(VixHandle hostHandle, const char *vmxFilePathName,
                         VixVMOpenOptions options, VixHandle propertyListHandle,
                         VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_Open(VixHandle hostHandle, const char *vmxFilePathName, VixEventProc *callbackProc,
                     void *clientData);

/* --- power and life of a VM --- */

VixHandle VixVM_PowerOn(VixHandle vmHandle, VixVMPowerOpOptions powerOnOptions,
                        VixHandle propertyListHandle, VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_PowerOff(VixHandle vmHandle, VixVMPowerOpOptions powerOffOptions,
                         VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_Reset(VixHandle vmHandle, VixVMPowerOpOptions resetOptions,
                      VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_Suspend(VixHandle vmHandle, VixVMPowerOpOptions suspendOptions,
                        VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_Pause(VixHandle vmHandle, int options, VixHandle propertyList,
                      VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_Unpause(VixHandle vmHandle, int options, VixHandle propertyList,
                        VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_Delete(VixHandle vmHandle, VixVMDeleteOptions deleteOptions,
                       VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_UpgradeVirtualHardware(VixHandle vmHandle, int options, VixEventProc *callbackProc,
                                       void *clientData);
VixHandle VixVM_Clone(VixHandle vmHandle, VixHandle snapshotHandle, VixCloneType cloneType,
                      const char *destConfigPathName, int options, VixHandle propertyListHandle,
                      VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_InstallTools(VixHandle vmHandle, int options, const char *commandLineArgs,
                             VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_WaitForToolsInGuest(VixHandle vmHandle, int timeoutInSeconds,
                                    VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_CaptureScreenImage(VixHandle vmHandle, int captureType,
                                   VixHandle additionalProperties, VixEventProc *callbackProc,
                                   void *clientData);

/* --- snapshots --- */

VixHandle VixVM_CreateSnapshot(VixHandle vmHandle, const char *name, const char *description,
                               VixCreateSnapshotOptions options, VixHandle propertyListHandle,
                               VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_RevertToSnapshot(VixHandle vmHandle, VixHandle snapshotHandle,
                                 VixVMPowerOpOptions options, VixHandle propertyListHandle,
                                 VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_RemoveSnapshot(VixHandle vmHandle, VixHandle snapshotHandle,
                               VixRemoveSnapshotOptions options, VixEventProc *callbackProc,
                               void *clientData);
VixError VixVM_GetNumRootSnapshots(VixHandle vmHandle, int *result);
VixError VixVM_GetRootSnapshot(VixHandle vmHandle, int index, VixHandle *snapshotHandle);
VixError VixVM_GetCurrentSnapshot(VixHandle vmHandle, VixHandle *snapshotHandle);
VixError VixVM_GetNamedSnapshot(VixHandle vmHandle, const char *name, VixHandle *snapshotHandle);
VixError VixSnapshot_GetNumChildren(VixHandle parentSnapshotHandle, int *numChildSnapshots);
VixError VixSnapshot_GetChild(VixHandle parentSnapshotHandle, int index,
                              VixHandle *childSnapshotHandle);
VixError VixSnapshot_GetParent(VixHandle snapshotHandle, VixHandle *parentSnapshotHandle);

/* --- in the guest --- */

VixHandle VixVM_LoginInGuest(VixHandle vmHandle, const char *userName, const char *password,
                             int options, VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_LogoutFromGuest(VixHandle vmHandle, VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_RunProgramInGuest(VixHandle vmHandle, const char *guestProgramName,
                                  const char *commandLineArgs, VixRunProgramOptions options,
                                  VixHandle propertyListHandle, VixEventProc *callbackProc,
                                  void *clientData);
VixHandle VixVM_RunScriptInGuest(VixHandle vmHandle, const char *interpreter,
                                 const char *scriptText, VixRunProgramOptions options,
                                 VixHandle propertyListHandle, VixEventProc *callbackProc,
                                 void *clientData);
VixHandle VixVM_ListProcessesInGuest(VixHandle vmHandle, int options, VixEventProc *callbackProc,
                                     void *clientData);
VixHandle VixVM_KillProcessInGuest(VixHandle vmHandle, uint64 pid, int options,
                                   VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_CopyFileFromHostToGuest(VixHandle vmHandle, const char *hostPathName,
                                        const char *guestPathName, int options,
                                        VixHandle propertyListHandle, VixEventProc *callbackProc,
                                        void *clientData);
VixHandle VixVM_CopyFileFromGuestToHost(VixHandle vmHandle, const char *guestPathName,
                                        const char *hostPathName, int options,
                                        VixHandle propertyListHandle, VixEventProc *callbackProc,
                                        void *clientData);
VixHandle VixVM_DeleteFileInGuest(VixHandle vmHandle, const char *guestPathName,
                                  VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_FileExistsInGuest(VixHandle vmHandle, const char *guestPathName,
                                  VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_RenameFileInGuest(VixHandle vmHandle, const char *oldName, const char *newName,
                                  int options, VixHandle propertyListHandle,
                                  VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_CreateTempFileInGuest(VixHandle vmHandle, int options, VixHandle propertyListHandle,
                                      VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_GetFileInfoInGuest(VixHandle vmHandle, const char *pathName,
                                   VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_ListDirectoryInGuest(VixHandle vmHandle, const char *pathName, int options,
                                     VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_CreateDirectoryInGuest(VixHandle vmHandle, const char *pathName,
                                       VixHandle propertyListHandle, VixEventProc *callbackProc,
                                       void *clientData);
VixHandle VixVM_DeleteDirectoryInGuest(VixHandle vmHandle, const char *pathName, int options,
                                       VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_DirectoryExistsInGuest(VixHandle vmHandle, const char *pathName,
                                       VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_ReadVariable(VixHandle vmHandle, int variableType, const char *name, int options,
                             VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_WriteVariable(VixHandle vmHandle, int variableType, const char *valueName,
                              const char *value, int options, VixEventProc *callbackProc,
                              void *clientData);

/* --- what vSphere has no equivalent for, or VIX 1.11 removed: the job fails with
 * VIX_E_NOT_SUPPORTED --- */

VixHandle VixVM_OpenUrlInGuest(VixHandle vmHandle, const char *url, int windowState,
                               VixHandle propertyListHandle, VixEventProc *callbackProc,
                               void *clientData);
VixHandle VixVM_EnableSharedFolders(VixHandle vmHandle, Bool enabled, int options,
                                    VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_GetNumSharedFolders(VixHandle vmHandle, VixEventProc *callbackProc,
                                    void *clientData);
VixHandle VixVM_GetSharedFolderState(VixHandle vmHandle, int index, VixEventProc *callbackProc,
                                     void *clientData);
VixHandle VixVM_SetSharedFolderState(VixHandle vmHandle, const char *shareName,
                                     const char *hostPathName, VixMsgSharedFolderOptions flags,
                                     VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_AddSharedFolder(VixHandle vmHandle, const char *shareName, const char *hostPathName,
                                VixMsgSharedFolderOptions flags, VixEventProc *callbackProc,
                                void *clientData);
VixHandle VixVM_RemoveSharedFolder(VixHandle vmHandle, const char *shareName, int flags,
                                   VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_BeginRecording(VixHandle vmHandle, const char *name, const char *description,
                               int options, VixHandle propertyListHandle,
                               VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_EndRecording(VixHandle vmHandle, int options, VixHandle propertyListHandle,
                             VixEventProc *callbackProc, void *clientData);
VixHandle VixVM_BeginReplay(VixHandle vmHandle, VixHandle snapshotHandle, int options,
                            VixHandle propertyListHandle, VixEventProc *callbackProc,
                            void *clientData);
VixHandle VixVM_EndReplay(VixHandle vmHandle, int options, VixHandle propertyListHandle,
                          VixEventProc *callbackProc, void *clientData);

#ifdef __cplusplus
}
#endif

#endif
