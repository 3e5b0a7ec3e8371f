/*
 * A vSphere client for our own programs: one HTTPS connection, one session, typed calls.
 *
 * Blocking, one thread per client. Values that a call returns live in the caller's arena. The
 * server is always verified: by the certificates of a file (for a server on this machine its own
 * certificate, whatever the name in it), or by the system's authorities.
 *
 * Errors: 0 or a negative errno code with words in `err`. -EREMOTEIO: the server answered with a
 * fault; vim_client_fault has it until the next call.
 */
#ifndef CLIENT_VIM_CLIENT_H
#define CLIENT_VIM_CLIENT_H

#include <stdint.h>

#include "api/vim.h"
#include "api/vim_methods.h"
#include "api/vim_types.h"
#include "base/arena.h"
#include "base/error.h"

#define VIM_CLIENT_ANSWER_MAX (64u << 20) /* bytes of one answer */
#define VIM_CLIENT_ARENA_MAX  (128u << 20)
#define VIM_CLIENT_CONNECT_S  10
#define VIM_CLIENT_TIMEOUT_S  120
#define VIM_CLIENT_URL_MAX    512

struct vim_client;

struct vim_client_options {
    const char *address; /* "HOST:PORT" */
    /* PEM file with the certificates to trust; NULL = the system's authorities. With `own` the
     * file is the server's own certificate, and the name in it does not matter. */
    const char *certificates;
    int own;
};

/* Connects and reads the service content. */
int vim_client_new(const struct vim_client_options *options, struct vim_client **ret,
                   struct error *err);
/* Logs out when logged in. NULL is fine. */
void vim_client_free(struct vim_client *c);

const struct vim_ServiceContent *vim_client_content(const struct vim_client *c);

int vim_client_login(struct vim_client *c, const char *user, const char *password,
                     struct error *err);
/* For root on the server's own machine: by a one-time password in a file that only root and the
 * server can read (SessionManager.AcquireLocalTicket). */
int vim_client_login_local(struct vim_client *c, const char *user, struct error *err);

/* `req` is a struct vim_METHOD_request, *ret_result a struct vim_METHOD_result (ret_result may be
 * NULL). */
int vim_client_call(struct vim_client *c, const struct vim_method *method, const void *req,
                    struct arena *arena, void **ret_result, struct error *err);
/* The typed fault of the last call that returned -EREMOTEIO; NULL when it had none. */
const struct vim_object *vim_client_fault(const struct vim_client *c);

/* One property; *ret is NULL when it is unset. */
int vim_client_property(struct vim_client *c, struct vim_ref object, const char *path,
                        struct arena *arena, struct vim_any **ret, struct error *err);

/* Waits until `done` (given the value, NULL = unset) returns non-zero; -ETIMEDOUT after
 * `timeout_ms`. Event driven: the server holds the request until something changes. */
int vim_client_wait(struct vim_client *c, struct vim_ref object, const char *path,
                    int (*done)(const struct vim_any *value, void *arg), void *arg,
                    uint64_t timeout_ms, struct error *err);

/* Waits for a task to end; its error becomes ours. *ret (may be NULL) is its result. */
int vim_client_wait_task(struct vim_client *c, struct vim_ref task, uint64_t timeout_ms,
                         struct arena *arena, struct vim_any **ret, struct error *err);

/* Moves a file by a transfer URL ('*' in it is replaced by the server's name). */
int vim_client_get(struct vim_client *c, const char *url, int fd, struct error *err);
int vim_client_put(struct vim_client *c, const char *url, int fd, uint64_t size, struct error *err);

#endif
