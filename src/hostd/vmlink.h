/*
 * hostd's end of one VM's vmx process: starts it (through the supervisor), speaks the control
 * protocol (docs/control-protocol.md) with it, notices its death and brings it back.
 *
 * A link is wanted up from vmlink_start until vmlink_stop. While it is wanted, a vmx that is found
 * running (hostd was restarted) is attached to, one that is missing is started, one that dies is
 * started again: at once the first time, then after 1, 2, 4 ... 60 seconds, from the start again
 * when it has stayed up for a minute. If its machine was powered on when it died, the machine is
 * powered on again.
 * Loop thread only. Callbacks come from the loop, never from inside the function that was called.
 */
#ifndef HOSTD_VMLINK_H
#define HOSTD_VMLINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hostd/hostd.h"

struct vmlink;

enum vmlink_state {
    VMLINK_STOPPED,  /* not wanted */
    VMLINK_STARTING, /* wanted; no hello yet, or waiting to start it again */
    VMLINK_UP,       /* hello answered: requests go out */
    VMLINK_STOPPING
};

/* An answer. Everything in it is valid during the callback only. */
struct vmlink_reply {
    int code; /* 0: `result`; else a negative errno code: */
    const char
        *hop; /* "hostd" (link down, deadline), "vmx", "machine", "link", "agent", "worker" */
    int vix;  /* VIX error code, 0 = none */
    const char *text; /* for people, never NULL when code != 0 */
    const json_t *result;
    const void *blob;
    size_t blob_len;
    int *fd; /* beside the answer, NULL = none; who keeps it puts -1 in its place */
};

typedef void (*vmlink_reply_cb)(struct vmlink *link, const struct vmlink_reply *reply, void *arg);

struct vmlink_ops {
    /* The state changed. On VMLINK_UP `hello` is the result of `hello`; on VMLINK_STARTING after a
     * failure `why` says what happened. All open requests have been answered (-ENOTCONN) before. */
    void (*state)(struct vmlink *link, enum vmlink_state state, const json_t *hello,
                  const char *why, void *arg);
    /* An event of docs/control-protocol.md; `body` is the whole object. */
    void (*event)(struct vmlink *link, const char *name, const json_t *body, void *arg);
};

/* `id` is the VM's managed object id (names RUN/vm/ID), `folder` the name of the folder beneath
 * STATE/vms, `config` the name of the .vmx file in it. Strings are copied. Starts nothing. */
int vmlink_new(struct host *host, const char *id, const char *folder, const char *config,
               const struct vmlink_ops *ops, void *arg, struct vmlink **ret);

void vmlink_start(struct vmlink *link);

/* For a link that was started because an earlier hostd had left a vmx: when that vmx has died with
 * a running machine, too, the machine is powered on again. */
void vmlink_restore_last(struct vmlink *link);

/* Asks vmx to exit (op `shutdown`, refused by vmx while the machine is on) and ends the link:
 * VMLINK_STOPPED follows. `force`: also kills it when it does not. */
void vmlink_stop(struct vmlink *link, bool force);

/* Ends the link at once, without a word to vmx, which goes on running. Open requests are answered
 * (-ECANCELED) first. NULL is fine. */
void vmlink_free(struct vmlink *link);

enum vmlink_state vmlink_state(const struct vmlink *link);

/* Sends {"op": op, ...args}. `args` may be NULL; a reference to it is not kept. `fds` are taken, on
 * failure too. After `deadline_ms` without an answer `cb` gets -ETIMEDOUT (and vmx a CANCEL);
 * 0 = no deadline of hostd's. `cb` (may be NULL) is called exactly once, unless this returns an
 * error: -ENOTCONN (not up), -EBUSY (too many open), -ENOBUFS (vmx does not read), -ENOMEM,
 * -EINVAL. *ret_id (may be NULL) is for vmlink_cancel. */
int vmlink_request(struct vmlink *link, const char *op, const json_t *args, const void *blob,
                   size_t blob_len, const int *fds, unsigned nfds, uint64_t deadline_ms,
                   vmlink_reply_cb cb, void *arg, uint64_t *ret_id);

/* Tells vmx that nobody waits for the answer any more. The callback still comes. */
void vmlink_cancel(struct vmlink *link, uint64_t id);

/* --- through the supervisor: folders of VMs. --- */

typedef void (*vmlink_done_cb)(struct host *host, int code, const char *text, void *arg);

/* Makes STATE/vms/FOLDER, owned by a uid range of its own, with CONFIG holding `text`. -EEXIST when
 * the folder is there. Names: 1 to 100 bytes, no '/', no leading '.', no control characters. */
int vmlink_create_folder(struct host *host, const char *folder, const char *config,
                         const void *text, size_t len, vmlink_done_cb cb, void *arg);

/* The same with files of another VM's folder (supervise.h). */
struct supervise_clone;
int vmlink_clone_folder(struct host *host, const struct supervise_clone *clone, vmlink_done_cb cb,
                        void *arg);

/* Removes STATE/vms/FOLDER and all in it. -EBUSY while a vmx of it runs. */
int vmlink_delete_folder(struct host *host, const char *folder, vmlink_done_cb cb, void *arg);

extern const struct host_module vmlink_module;

#endif
