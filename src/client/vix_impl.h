/*
 * Inside libvix: what its files share.
 *
 * Objects are behind handles (vix_handle.c) and counted. A session (vix_session.c) is a connection
 * to a host: login, clients, worker threads, queue. A job (vix_job.c) is one operation (struct
 * vix_op) with its arguments, run by a worker with a context (struct vix_ctx); a synchronous
 * function makes a context of its own.
 *
 * Locks: the handle table's, a session's, a VM's and a job's; none is held while another is taken,
 * nor while the host is asked, nor during a callback.
 */
#ifndef CLIENT_VIX_IMPL_H
#define CLIENT_VIX_IMPL_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/vim_client.h"
#include "client/vix_connect.h"
#include "inguest/vix.h"

#define VIX_HANDLES_MAX 65535u   /* open at once in a program */
#define VIX_WORKERS_MAX 32u      /* operations of a host handle that run at once */
#define VIX_CLIENTS_MAX 64u      /* connections of a host handle */
#define VIX_QUEUE_MAX   4096u    /* jobs of a host handle that wait */
#define VIX_LIST_MAX    1000000u /* results of one job */
#define VIX_TASK_MS     (30u * 60 * 1000)
#define VIX_FOREVER_MS  (UINT64_MAX / 4)

struct vix_session;
struct vix_job;

/* --- objects and handles --- */

struct vix_object {
    VixHandleType type;
    VixHandle handle; /* 0: has none */
    atomic_int refs;
    struct vix_session *session; /* one use of it; NULL: none */
    void (*destroy)(struct vix_object *o);
};

/* A new object of `size` bytes with one reference; takes one use of the session. */
void *vix_object_new(size_t size, VixHandleType type, struct vix_session *session,
                     void (*destroy)(struct vix_object *o));
void vix_object_ref(struct vix_object *o);
void vix_object_unref(struct vix_object *o); /* NULL is fine */

/* Gives the object a handle with one reference of the application's. The handle takes over the
 * caller's reference to the object, also on failure. */
VixError vix_handle_new(struct vix_object *o, VixHandle *ret);
/* A reference to the object behind a handle; type NONE: any. */
VixError vix_handle_get(VixHandle handle, VixHandleType type, struct vix_object **ret);
/* Makes the handles of hosts, VMs and snapshots of a session invalid. */
void vix_handle_end_session(const struct vix_session *session);

/* --- properties --- */

struct vix_prop {
    VixPropertyID id;
    VixPropertyType type;
    union {
        int integer; /* and bool */
        int64 int64;
        VixHandle handle;
        struct {
            char *bytes; /* strings with a NUL behind */
            int size;
        } text;
    } v;
};

struct vix_props {
    struct vix_prop *items;
    size_t count;
};

VixError vix_props_int(struct vix_props *p, VixPropertyID id, int v);
VixError vix_props_bool(struct vix_props *p, VixPropertyID id, bool v);
VixError vix_props_int64(struct vix_props *p, VixPropertyID id, int64 v);
VixError vix_props_string(struct vix_props *p, VixPropertyID id, const char *v);
VixError vix_props_blob(struct vix_props *p, VixPropertyID id, const void *data, size_t size);
/* Takes over the caller's reference to the handle. */
VixError vix_props_handle(struct vix_props *p, VixPropertyID id, VixHandle v);
const struct vix_prop *vix_props_find(const struct vix_props *p, VixPropertyID id);
void vix_props_free(struct vix_props *p);
/* VixPropertyType of an id, ANY when there is no such property. */
VixPropertyType vix_property_type(VixPropertyID id);
/* Writes the values of an id list to the pointers beside them. */
VixError vix_props_read(const struct vix_props *p, VixPropertyID first, va_list *ap);
VixError vix_property_list_new(struct vix_session *s, struct vix_props *props, VixHandle *ret);
struct vix_props *vix_property_list_props(struct vix_object *list);

/* --- virtual machines and snapshots --- */

struct vix_vm {
    struct vix_object obj;
    char *path; /* as it was opened */
    char *id;   /* of the managed object */
    pthread_mutex_t lock;
    bool busy;             /* runs a job; the session's lock */
    char *user, *password; /* of the login in the guest; NULL = none */
    bool interactive;
};

struct vix_snapshot {
    struct vix_object obj;
    char *id, *vm_id;
    char *name, *description;
    int power_state; /* VixPowerState */
};

static inline struct vim_ref vix_vm_ref(const struct vix_vm *vm)
{
    return vim_ref_make("VirtualMachine", vm->id);
}

VixError vix_vm_new(struct vix_session *s, struct vim_ref ref, const char *path, VixHandle *ret);
/* Forgets the login in the guest. */
void vix_vm_logout(struct vix_vm *vm);

/* --- operations --- */

enum vix_manager { VIX_MANAGER_AUTH, VIX_MANAGER_FILE, VIX_MANAGER_PROCESS, VIX_MANAGER_COUNT };

struct vix_ctx {
    struct vix_session *session;
    struct vix_vm *vm;                           /* NULL: an operation of the host */
    struct vix_job *job;                         /* NULL: a synchronous function */
    struct vim_client *c;                        /* borrowed */
    struct vim_NamePasswordAuthentication *auth; /* its password is cleared at the end */
    unsigned flags;                              /* enum vix_op_flags */
    struct vim_ref managers[VIX_MANAGER_COUNT];  /* of guest operations, once asked for */
    struct arena arena;
    struct error err;
};

struct vix_args {
    char *a, *b;
    int64 n;
    int options;
    VixHandle list; /* must be VIX_INVALID_HANDLE */
    struct vix_snapshot *snapshot;
};

enum vix_op_flags {
    VIX_OP_NEEDS_A = 1u << 0, /* the string must be there */
    VIX_OP_NEEDS_B = 1u << 1,
    VIX_OP_LOGIN = 1u << 2,      /* after VixVM_LoginInGuest only */
    VIX_OP_SOFT_POWER = 1u << 3, /* through the guest: its absence has an error of its own */
    VIX_OP_LOGGING_IN = 1u << 4,
    VIX_OP_REGISTER = 1u << 5,
    VIX_OP_SNAPSHOT = 1u << 6,
    VIX_OP_MUST_BE_OFF = 1u << 7,
    VIX_OP_LIST_OK = 1u << 8, /* a property list may be given */
    VIX_OP_CONNECT = 1u << 9, /* there is no connection yet */
    VIX_OP_TOOLS = 1u << 10,  /* tools that do not run cannot be upgraded: an error of its own */
};

struct vix_op {
    VixError (*run)(struct vix_ctx *x, const struct vix_args *a);
    unsigned flags;
};

/* Starts a job on a host, VM or snapshot handle. Copies the strings of `args`. Never 0 while there
 * is memory: what is wrong is the job's error. */
VixHandle vix_job_start(VixHandle handle, VixHandleType type, const struct vix_op *op,
                        const struct vix_args *args, VixEventProc *callback, void *data);
/* The same, of a session that has no handle yet; takes over the caller's use of it. */
VixHandle vix_job_start_session(struct vix_session *s, VixError error, const struct vix_op *op,
                                const struct vix_args *args, VixEventProc *callback, void *data);
/* A job that has failed already. */
VixHandle vix_job_fail(VixError error, VixEventProc *callback, void *data);
/* As VixJob_Wait without properties, but for `timeout_ms` at most: VIX_E_UNFINISHED_JOB then. */
VixError vix_job_wait(VixHandle job, uint64_t timeout_ms);

/* The results; `set` counts from 0. NULL when memory is short or the list is too long. */
struct vix_props *vix_job_set(struct vix_job *job, size_t set);
/* Calls the callback with an event; takes over the properties. */
void vix_job_event(struct vix_job *job, VixEventType type, struct vix_props *props);
void vix_job_progress(int percent, void *job);
/* What Vix_GetProperties reads of a job that has ended; the job keeps it. */
VixError vix_job_props(struct vix_object *job, struct vix_props *ret);
/* Run by the workers of vix_pool.c. */
void vix_job_run(struct vix_job *job);
void vix_job_end(struct vix_job *job, VixError error, const char *extra);
struct vix_vm *vix_job_vm(struct vix_job *job);
struct vix_job **vix_job_next(struct vix_job *job);

/* --- contexts --- */

/* VIX_OK, or why no client is to be had. */
VixError vix_ctx_begin(struct vix_ctx *x, struct vix_session *s, struct vix_vm *vm, unsigned flags);
void vix_ctx_end(struct vix_ctx *x);
/* The error of a vim_client function; VIX_OK for 0. */
VixError vix_ctx_error(struct vix_ctx *x, int r);
VixError vix_call(struct vix_ctx *x, const struct vim_method *method, const void *req,
                  void **ret_result);
/* Calls a method whose answer is a task, and follows the task to its end. */
VixError vix_call_task(struct vix_ctx *x, const struct vim_method *method, const void *req,
                       struct vim_any **ret);
VixError vix_property(struct vix_ctx *x, struct vim_ref object, const char *path,
                      struct vim_any **ret);
/* Sleeps unless the session ends; the error then. */
VixError vix_ctx_sleep(struct vix_ctx *x, unsigned ms);
/* The credentials of the login, in the context's arena. */
VixError vix_guest_auth(struct vix_ctx *x, struct vim_GuestAuthentication **ret);

/* What a fault, or the failure of a call, means to a VIX program: vix_fault.c. */
VixError vix_error_of_fault(const struct vim_object *fault, unsigned flags);
VixError vix_error_of_failure(enum vim_client_failure failure, bool connecting);

/* VixVM_Clone with a display name (NULL: by the path). */
VixHandle vix_clone_start(VixHandle vm, VixHandle snapshot, VixCloneType type, const char *path,
                          const char *name, VixHandle list, VixEventProc *callback, void *data);

/* --- paths of virtual machines: vix_path.c --- */

VixError vix_path_find(struct vix_ctx *x, const char *path, struct vim_ref *ret);
/* "[datastore] dir/x.vmx" of any form that a host knows; in the context's arena. */
VixError vix_path_datastore(struct vix_ctx *x, const char *path, const char **ret_datacenter,
                            const char **ret);
/* The form that VixHost_FindItems gives. */
const char *vix_path_location(struct vix_ctx *x, const char *datastore_path);
/* enum vim_VirtualMachinePowerState of the context's VM. */
VixError vix_power_state(struct vix_ctx *x, int *ret);
VixError vix_path_register(struct vix_ctx *x, const char *path, struct vim_ref *ret);
VixError vix_first_object(struct vix_ctx *x, const char *type, const char *path,
                          struct vim_ref *ret);

/* --- sessions --- */

struct vix_session *vix_session_new(const struct vix_connect *o, VixError *ret_error);
void vix_session_use(struct vix_session *s);
void vix_session_unuse(struct vix_session *s); /* the last one ends it */
/* Connects and logs in: vix_login.c. */
VixError vix_session_connect(struct vix_session *s, struct error *err);
/* Ends everything with `reason` for what still runs, and logs out. */
void vix_session_end(struct vix_session *s, VixError reason);
VixError vix_session_queue(struct vix_session *s, struct vix_job *job);
/* A VM is free again: its next job can run. */
void vix_session_vm_free(struct vix_session *s, struct vix_vm *vm);
VixError vix_session_borrow(struct vix_session *s, struct vim_client **ret, struct error *err);
void vix_session_return(struct vix_session *s, struct vim_client *c);
VixError vix_session_reason(struct vix_session *s);
VixError vix_session_sleep(struct vix_session *s, unsigned ms);
const struct vix_connect *vix_session_options(const struct vix_session *s);
bool vix_session_is_local(const struct vix_session *s);
/* Whether the host may have WaitForProcessInGuest (a method of ours only): until it has said no. */
bool vix_session_has_process_wait(const struct vix_session *s);
void vix_session_lacks_process_wait(struct vix_session *s);

#endif
