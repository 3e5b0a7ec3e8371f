/*
 * A vSphere client for our own programs: one HTTPS connection, one session, typed calls.
 *
 * Blocking, one thread per client; only vim_client_cancel may come from another. Several clients
 * may share a session (vim_client_join). Values that a call returns live in the caller's arena.
 * The server is always verified: by the certificates of a file (for a server on this machine its
 * own certificate, whatever the name in it), by its public key (vim_trust.h), or by the system's
 * authorities.
 *
 * Errors: 0 or a negative errno code with words in `err`. -EREMOTEIO: the server answered with a
 * fault; vim_client_fault has it until the next call. vim_client_failure says which step of the
 * last call failed.
 */
#ifndef CLIENT_VIM_CLIENT_H
#define CLIENT_VIM_CLIENT_H

#include <stdint.h>

#include "api/vim.h"
#include "api/vim_methods.h"
#include "api/vim_types.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define VIM_CLIENT_ANSWER_MAX (64u << 20) /* bytes of one answer */
#define VIM_CLIENT_ARENA_MAX  (128u << 20)
#define VIM_CLIENT_CONNECT_S  10  /* default for TCP and TLS */
#define VIM_CLIENT_TIMEOUT_S  120 /* default for one call; for a transfer: without a byte moving */
#define VIM_CLIENT_URL_MAX    512
#define VIM_CLIENT_COOKIE_MAX 256

struct vim_client;

struct vim_client_options {
    const char *address; /* "HOST:PORT" */
    /* PEM file with the certificates to trust; NULL = the system's authorities. With `own` the
     * file is the server's own certificate, and the name in it does not matter. */
    const char *certificates;
    int own;
    const char *certificate_dir; /* of hashed PEM files, as well; NULL = none */
    /* "sha256//BASE64" of the server's public key: trusts its holder and nobody else. */
    const char *pin;
    const char *user_agent;        /* NULL = "inguest" */
    unsigned connect_s, timeout_s; /* 0 = the defaults above */
};

enum vim_client_failure {
    VIM_CLIENT_FINE = 0,
    VIM_CLIENT_RESOLVE,   /* no address for the server's name */
    VIM_CLIENT_CONNECT,   /* nobody answers there */
    VIM_CLIENT_TIMEOUT,   /* connected, but no answer in time */
    VIM_CLIENT_TLS,       /* not TLS, or no version in common */
    VIM_CLIENT_UNTRUSTED, /* the certificate is not trusted */
    VIM_CLIENT_HTTP,      /* an HTTP status that is no answer */
    VIM_CLIENT_PROTOCOL,  /* not what a vSphere server answers */
    VIM_CLIENT_LOST,      /* the connection ended in the middle */
    VIM_CLIENT_CANCELLED, /* vim_client_cancel */
    VIM_CLIENT_LOCAL,     /* a file on this machine */
    VIM_CLIENT_FAULT,     /* the server answered with a fault */
};

/* Prepares libcurl and what it is built on, once. These keep something for the thread that does
 * it, until that thread ends: best one that will not end just when the program does.
 * vim_client_alloc does it for who has not. */
void vim_client_init(void);

/* Checks the options and connects nowhere. */
int vim_client_alloc(const struct vim_client_options *options, struct vim_client **ret,
                     struct error *err);
/* Connects and reads the service content. */
int vim_client_open(struct vim_client *c, struct error *err);
/* Both at once. */
int vim_client_new(const struct vim_client_options *options, struct vim_client **ret,
                   struct error *err);
/* A further client of the same server and session, for another thread. It uses the service content
 * of `first`, which must live longer. It never logs out. */
int vim_client_join(struct vim_client *first, struct vim_client **ret, struct error *err);
/* Logs out when it logged in. NULL is fine. */
void vim_client_free(struct vim_client *c);

/* Ends the call that runs, and every later one, with -ECANCELED. From any thread. */
void vim_client_cancel(struct vim_client *c);
/* Takes a cancel back, when no call runs. */
void vim_client_revive(struct vim_client *c);
/* Of the last call. */
enum vim_client_failure vim_client_failure(const struct vim_client *c);

const struct vim_ServiceContent *vim_client_content(const struct vim_client *c);

int vim_client_login(struct vim_client *c, const char *user, const char *password,
                     struct error *err);
/* By SessionManager.CloneSession. */
int vim_client_login_clone(struct vim_client *c, const char *ticket, struct error *err);
/* For root on the server's own machine: by a one-time password in a file that only root and the
 * server can read (SessionManager.AcquireLocalTicket). */
int vim_client_login_local(struct vim_client *c, const char *user, struct error *err);

/* The session's cookie, a secret; "" without one. -ENOBUFS when it does not fit. */
int vim_client_cookie(struct vim_client *c, char out[VIM_CLIENT_COOKIE_MAX]);
/* Goes on with a session that this client did not open, and does not end. -EINVAL: no cookie. */
int vim_client_set_cookie(struct vim_client *c, const char *cookie);
/* The session outlives the client: vim_client_free does not log out. */
void vim_client_keep_session(struct vim_client *c);
/* `renew` is called when the server no longer knows the session; when it returns 0 (it has logged
 * in again, or set a new cookie) the call is made once more. */
void vim_client_on_expired(struct vim_client *c, int (*renew)(struct vim_client *c, void *arg),
                           void *arg);

/* `req` is a struct vim_METHOD_request, *ret_result a struct vim_METHOD_result (ret_result may be
 * NULL). */
int vim_client_call(struct vim_client *c, const struct vim_method *method, const void *req,
                    struct arena *arena, void **ret_result, struct error *err);
/* The typed fault of the last call that returned -EREMOTEIO; NULL when it had none. */
const struct vim_object *vim_client_fault(const struct vim_client *c);

/* One property; *ret is NULL when it is unset. */
int vim_client_property(struct vim_client *c, struct vim_ref object, const char *path,
                        struct arena *arena, struct vim_any **ret, struct error *err);
/* Several of one object: ret[i] for paths[i], NULL for what is unset. */
int vim_client_properties(struct vim_client *c, struct vim_ref object, size_t count,
                          const char *const *paths, struct arena *arena, struct vim_any **ret,
                          struct error *err);
/* All objects of a type beneath the root folder with the named properties, in the arena. */
int vim_client_objects(struct vim_client *c, const char *type, size_t count,
                       const char *const *paths, struct arena *arena,
                       struct vim_array_ObjectContent *ret, struct error *err);
/* The value of a path in an object's content; NULL when it has none. */
const struct vim_any *vim_client_value(const struct vim_ObjectContent *object, const char *path);

/* Waits until `done` (given the value, NULL = unset) returns non-zero; -ETIMEDOUT after
 * `timeout_ms`. Event driven: the server holds the request until something changes. */
int vim_client_wait(struct vim_client *c, struct vim_ref object, const char *path,
                    int (*done)(const struct vim_any *value, void *arg), void *arg,
                    uint64_t timeout_ms, struct error *err);

/* How long one call may be held by the server, seconds: its answer must come before the call's own
 * time is over. */
unsigned vim_client_hold_s(const struct vim_client *c);

/* Waits for a task to end; its error becomes ours, with vim_client_fault. *ret (may be NULL) is its
 * result. `progress` (may be NULL) is called with percents. */
int vim_client_wait_task(struct vim_client *c, struct vim_ref task, uint64_t timeout_ms,
                         struct arena *arena, struct vim_any **ret, struct error *err);
int vim_client_follow_task(struct vim_client *c, struct vim_ref task, uint64_t timeout_ms,
                           void (*progress)(int percent, void *arg), void *arg, struct arena *arena,
                           struct vim_any **ret, struct error *err);

/* One request to the host's REST API, in the session of the calls above. `body` (JSON text) may be
 * NULL; the answer's JSON is appended to `ret`. -EREMOTEIO: the server answered with an error,
 * whose text is in `err`. */
int vim_client_rest(struct vim_client *c, const char *verb, const char *path, const char *body,
                    struct buf *ret, struct error *err);

/* Bytes moved so far and in all (0 = not known). */
typedef void vim_client_progress(uint64_t done, uint64_t total, void *arg);
/* Called for all transfers of this client; NULL = nobody. */
void vim_client_on_progress(struct vim_client *c, vim_client_progress *progress, void *arg);

/* Moves a file by a transfer URL ('*' in it is replaced by the server's name). */
int vim_client_get(struct vim_client *c, const char *url, int fd, struct error *err);
int vim_client_put(struct vim_client *c, const char *url, int fd, uint64_t size, struct error *err);

#endif
