/*
 * Guest operations as the agent's monitor sees them: one VIX request message in, one reply out,
 * some time later.
 *
 * The service checks the message, looks the opcode up in its table, checks the guest user's name
 * and password (in a helper program), and has the work done by a worker process that runs with that
 * user's rights. Nothing here blocks on a guest user's files, on a login or on a program: the
 * monitor goes on answering pings whatever a worker does.
 *
 * One thread: the loop's. A reply comes from the loop, never from inside vix_service_request, and
 * exactly once per request, also when the worker dies, the deadline passes or the request is
 * cancelled. After vix_service_free no reply comes any more.
 */
#ifndef GUEST_VIX_SERVICE_H
#define GUEST_VIX_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

/* A request message as a whole (header, body, credentials). The wire's own limit for stock hosts
 * is 64 KiB; our own host may send larger HGFS packets when the agent has said so. */
#define VIX_SERVICE_REQUEST_MAX (1024u * 1024u)
/* What fits a stock host's TCLO reply, and the most that a caller may allow with `max_result`. */
#define VIX_SERVICE_RESULT_DEFAULT 65444u
#define VIX_SERVICE_RESULT_MAX     (1024u * 1024u)
/* Requests in work at once, over all users; one more is answered VIX_E_OBJECT_IS_BUSY. */
#define VIX_SERVICE_REQUESTS_MAX 1024u
#define VIX_SERVICE_DEADLINE_MS  60000u

struct vix_service;
struct vix_service_request;

struct vix_service_reply {
    uint64_t err;        /* VixError, 0 = success */
    uint32_t additional; /* the guest's errno that led to `err`; 0 on success */
    int binary;          /* `data` is raw bytes and goes behind a '#'; otherwise it is text */
    const void *data;    /* valid during the callback; no trailing NUL counted */
    size_t len;
};

typedef void (*vix_service_done)(void *arg, const struct vix_service_reply *reply);

/* The outcome of an authenticator: 0 = the password is right and the account may be used,
 * -EACCES = refused, anything else = the check could not be made. `user` is the account name that
 * the worker runs as (an authenticator may map names); NULL = the name that was given. */
typedef void (*vix_authenticator_done)(void *done_arg, int result, const char *user);

/* Replaces the built-in login check. `check` must call `done` exactly once, at once or later, from
 * the loop's thread. `password` is cleared after `check` has returned. */
struct vix_authenticator {
    void (*check)(void *arg, const char *user, const char *password, vix_authenticator_done done,
                  void *done_arg);
    void *arg;
};

/* What GET_TOOLS_STATE reports about this machine; NULL fields are left out. Strings need to live
 * until the `tools_state` callback is called again or the loop turns. */
struct vix_service_state {
    const char *os_full_name;  /* "Debian GNU/Linux 12 (bookworm)" */
    const char *os_short_name; /* guest id style: "debian12-64" */
    const char *product_name;
    const char *version;
    const char *host_name;
    const char *power_off_script, *resume_script, *power_on_script, *suspend_script;
};

struct vix_service_config {
    /* Programs; NULL = where they are installed. The environment variables TOOLBOX_WORKER and
     * TOOLBOX_AUTH override NULL, for running from a build tree. */
    const char *worker_path;
    const char *auth_path;
    const char *link_dir; /* folder of the host's sockets, for streams; NULL = none */
    /* PAM service names are tried in this order; the first that has a file in /etc/pam.d is used,
     * and with none the shadow file is read. NULL = "inguest", "vmtoolsd". */
    const char *pam_service;
    const char *shadow_path; /* NULL = "/etc/shadow" */
    struct vix_authenticator authenticator;
    /* Milliseconds; 0 = the default (60 s). */
    uint32_t worker_idle_ms;
    uint32_t auth_cache_ms;
    /* tools.conf, group guestoperations: is this key ("disabled", "StartProgramInGuest.disabled")
     * true? NULL = nothing is disabled. */
    int (*disabled)(void *arg, const char *key);
    void (*tools_state)(void *arg, struct vix_service_state *ret);
    /* A program that was started by a request has ended. NULL = nobody asks. */
    void (*program_ended)(void *arg, int64_t pid, int32_t code, int64_t start, int64_t end);
    void *arg;
};

int vix_service_new(uv_loop_t *loop, const struct vix_service_config *config,
                    struct vix_service **ret, struct error *err);

/* Ends workers and helpers, drops what is in work without replies. NULL is fine. The loop has to
 * run until its handles are closed (uv_run) before it may be closed itself. Programs that were
 * started in the guest go on. */
void vix_service_free(struct vix_service *svc);

/* Takes a copy of the message and of `origin`, who asks, for the log (NULL: not known). Bad
 * messages are answered like any other (by `done`). `max_result` is the room for result bytes (0 =
 * VIX_SERVICE_RESULT_DEFAULT), `deadline_ms` the time from now after which the answer is
 * VIX_E_TIMEOUT_WAITING_FOR_TOOLS (0 = VIX_SERVICE_DEADLINE_MS). `ret`, which may be NULL, is valid
 * until `done`. Errors: -ENOMEM, -EMSGSIZE; then `done` is not called. */
int vix_service_request(struct vix_service *svc, const char *origin, const void *message,
                        size_t len, size_t max_result, uint32_t deadline_ms, vix_service_done done,
                        void *arg, struct vix_service_request **ret);

/* While frozen (quiesced snapshot) every request is answered VIX_E_OBJECT_IS_BUSY. */
void vix_service_set_frozen(struct vix_service *svc, bool frozen);

#endif
