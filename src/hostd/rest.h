/*
 * REST: /api/... and, for a few older clients, /rest/... . An operation comes typed out of its
 * request (path variables, query, body) and goes to its handler, which runs the same API methods
 * as a SOAP client would (rest_call) or reads the same properties (rest_vm_property), and ends the
 * request with one of rest_return, rest_fail and rest_fault.
 *
 * Memory: `room` is where a handler builds things. Once it has called rest_call all that belongs
 * to the call and is there until `done` returns. The request itself is there until the handler
 * returns, answered or not; a second answer is refused. Loop thread only.
 */
#ifndef HOSTD_REST_H
#define HOSTD_REST_H

#include "api/rest_operation.h"
#include "hostd/call.h"
#include "hostd/http.h"
#include "hostd/rest_error.h"

struct mo;

#define REST_ID_MAX 128

struct rest {
    struct host *host;
    struct http_request *req;
    const struct rest_operation *op;
    struct session *session; /* NULL only for a login */
    bool old;                /* the dialect of /rest */
    struct arena *room;
    const char *vars[REST_VARIABLES_MAX]; /* of the path, in order */
    char vm[REST_ID_MAX];                 /* the first variable, for as long as the request lives */
    const void *query;                    /* struct rest_OPERATION_query */
    const void *body;                     /* struct of the operation's body type */

    struct arena arena;
    struct call *call; /* that runs */
    void (*done)(struct rest *rest, struct call *call, const void *result);
    unsigned inside;            /* handlers that run */
    bool over;                  /* answered */
    const char *problem_arg;    /* for an error's message: what it is about */
    const char *problem_params; /* the same by names: a JSON object */
    void *data;                 /* the handler's */
    bool compat;                /* answer as the published simulator does */
    bool empty_error;           /* ... which has no words for this error */
    bool guest_refused;         /* it is the guest that wants another login */
};

struct rest_row {
    enum rest_operation_id id;
    void (*handler)(struct rest *rest);
};

/* Rows of the parts; each ends with a row whose handler is NULL. */
extern const struct rest_row rest_session_rows[];
extern const struct rest_row rest_vm_rows[];
extern const struct rest_row rest_power_rows[];
extern const struct rest_row rest_guest_rows[];
extern const struct rest_row rest_file_rows[];
extern const struct rest_row rest_process_rows[];
extern const struct rest_row rest_gueststore_rows[];
extern const struct rest_row rest_dataset_rows[];

extern const struct host_module rest_module;

/* Answers with a struct rest_OPERATION_result; NULL for an operation without result. */
void rest_return(struct rest *rest, const void *result);
/* Whoever writes an answer that is read from a descriptor. */
struct rest_writer {
    /* The descriptor's end was read: was that all of it? If not, the connection ends so that the
     * client notices. */
    bool (*whole)(void *arg);
    /* The last call, always: nobody reads any more. Perhaps before rest_return_stream returns. */
    void (*over)(void *arg);
    void *arg;
};

/* Answers with JSON text that is read from `fd` (taken) until its end. */
void rest_return_stream(struct rest *rest, int fd, const struct rest_writer *writer);
void rest_fail(struct rest *rest, enum rest_error error, const char *id, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void rest_no_memory(struct rest *rest);
/* Answers with what the table makes of a fault. */
void rest_fault(struct rest *rest, const struct vim_object *fault, const char *text);

/* The body of an operation that reads it late: a struct of its type. With `strict` it may have no
 * members that the type does not have. -EBADMSG with a reason (in `room`), -ENOMEM. */
int rest_late_body(struct rest *rest, bool strict, const void **ret, const char **ret_why);
/* The same where it is a bare string. */
int rest_late_string(struct rest *rest, const char **ret, size_t *ret_len, const char **ret_why);

/* Runs a method of the API; `args` (struct vim_METHOD_request without this_) lies in `room`. `done`
 * gets the result while the call exists; a fault is answered without it. */
void rest_call(struct rest *rest, const struct vim_method *method, struct vim_ref self, void *args,
               void (*done)(struct rest *rest, struct call *call, const void *result));
/* A `done` for operations without result. */
void rest_done(struct rest *rest, struct call *call, const void *result);

/* The virtual machine that the path names. NULL: the request has been answered. */
struct mo *rest_vm(struct rest *rest);
struct vim_ref rest_vm_ref(const struct rest *rest);
/* One of its data object properties, in `room`, as the session's user may see it. NULL: unset, or
 * *ret_failed: the request has been answered. */
void *rest_vm_property(struct rest *rest, struct mo *vm, const char *name, bool *ret_failed);

/* enum vim_VirtualMachinePowerState as enum rest_PowerState. */
enum rest_PowerState rest_power_state(int vim_power_state);
/* A name of the API as one of REST's: "guestToolsCurrent" without its prefix -> "CURRENT",
 * "shuttingDown" -> "SHUTTING_DOWN". 0 when the enumeration has no such value, or for NULL. */
int rest_enum(const struct vim_type *type, const char *prefix, const char *name);
/* Guest id in REST spelling: "debian12_64Guest" -> "DEBIAN_12_64". */
const char *rest_guest_os(struct arena *a, const char *guest_id);

/* Credentials of a body as the API's. NULL: the request has been answered. */
struct vim_GuestAuthentication *rest_credentials(struct rest *rest,
                                                 const struct rest_Credentials *in);

#endif
