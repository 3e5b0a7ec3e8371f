/*
 * Two processes. The supervisor is the one that was started; as root it stays root, reads nothing
 * that comes from a client or a guest, and serves exactly the requests below to the worker, which
 * does everything else as an unprivileged user. Requests name VMs and folders; which path, which
 * program and which user ids that means is decided here. When the worker dies the supervisor starts
 * it again; when the supervisor dies the worker ends; the vmx processes go on in both cases and are
 * found again.
 *
 * The user ids of a VM are the 65536 from `base`; vmx itself is base + 65535 and owns the VM's
 * folder, so the folder's owner is the record of the range.
 *
 * Over base/channel.h: a request has a type below and an id chosen by the worker; strings are u16
 * LE length and bytes. The reply has the same id: i32 LE code (0 or negative errno), string.
 */
#ifndef HOSTD_SUPERVISE_H
#define HOSTD_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "hostd/hostd.h"

#define SUPERVISE_BODY_MAX  (1u << 20)
#define SUPERVISE_QUEUE_MAX (16u << 20)
#define SUPERVISE_NAME_MAX  100

#define SUPERVISE_IDS 65536u
#define SUPERVISE_UID_FIRST                                               \
    0x10000000u /* of the first VM's range; outside what Debian hands out \
                 */
#define SUPERVISE_UID_LAST 0x6fff0000u
/* The users where "inguest" and "inguest-gstored" do not exist. */
#define SUPERVISE_WORKER_UID  64117u
#define SUPERVISE_GSTORED_UID 64118u
#define SUPERVISE_GSTORED_CTL "gstored.ctl" /* in RUN: gstored's socket for the worker */

enum supervise_type {
    SUPERVISE_CREATE = 1,  /* folder, config, u32 LE length and text of the .vmx file */
    SUPERVISE_DELETE = 2,  /* folder */
    SUPERVISE_START = 3,   /* id, folder, config; answered when vmx listens */
    SUPERVISE_KILL = 4,    /* id */
    SUPERVISE_QUIT = 5,    /* no body: the worker ends on purpose; do not start it again */
    SUPERVISE_GSTORED = 6, /* u8: 1 keep gstored running, 0 end it; RUN/gstored.ctl is its socket */
    SUPERVISE_CLONE = 7,   /* folder to copy from, folder, config, u32 LE length and text of the
                              .vmx file, u16 LE number of pairs of file names, from and to */
    SUPERVISE_REPLY = 16,
    SUPERVISE_EXITED = 17 /* id 0: string VM id, string what happened */
};

/* Names of VM folders, .vmx files and ids: 1 to SUPERVISE_NAME_MAX bytes, no '/', no control
 * character, no leading '.' . */
bool supervise_name_valid(const char *name);

/* --- the worker's end; loop thread --- */

struct supervise;

typedef void (*supervise_cb)(struct host *host, int code, const char *text, void *arg);

int supervise_new(struct host *host, int fd, struct supervise **ret);
void supervise_free(struct supervise *sup); /* open requests are answered -ECANCELED */

/* Called when a vmx that the supervisor started has ended. */
void supervise_on_exit(struct supervise *sup,
                       void (*cb)(struct host *host, const char *id, const char *text));
/* Called when the supervisor is gone. */
void supervise_on_lost(struct supervise *sup, void (*cb)(struct host *host));

int supervise_create(struct supervise *sup, const char *folder, const char *config,
                     const void *text, size_t len, supervise_cb cb, void *arg);
/* What a new folder shall hold. The files are copied while `from_folder` is held still; one that is
 * not there is left out. */
#define SUPERVISE_CLONE_FILES_MAX 8u
struct supervise_clone {
    const char *from_folder;
    const char *folder, *config;
    const void *text; /* of the .vmx file */
    size_t len;
    unsigned file_count;
    struct {
        const char *from, *to;
    } files[SUPERVISE_CLONE_FILES_MAX];
};
int supervise_clone(struct supervise *sup, const struct supervise_clone *clone, supervise_cb cb,
                    void *arg);
int supervise_delete(struct supervise *sup, const char *folder, supervise_cb cb, void *arg);
int supervise_start(struct supervise *sup, const char *id, const char *folder, const char *config,
                    supervise_cb cb, void *arg);
int supervise_kill(struct supervise *sup, const char *id, supervise_cb cb, void *arg);
/* Keep gstored running, or end it. */
int supervise_gstored(struct supervise *sup, bool run, supervise_cb cb, void *arg);
/* Sent without waiting. */
void supervise_quit(struct supervise *sup);

/* --- the supervisor --- */

struct supervisor_options {
    const char *state_dir, *run_dir; /* absolute, made already */
    const char *vmx_path;            /* program */
    const char *gstored_path;        /* program */
    const char *agent_dir;           /* handed to vmx; NULL = its default */
    const char *program_dir;         /* same */
    char **worker_argv;              /* how to start the worker; NULL-terminated */
    /* Passed on as descriptors 4, 5 and 6; the last two may be -1. */
    int listen_fd, ready_fd, password_fd;
    bool stop_vms; /* on SIGTERM and SIGINT also end the vmx processes */
    bool root;     /* may switch users */
    uid_t worker_uid;
    gid_t worker_gid;
};

#define SUPERVISE_CHANNEL_FD  3
#define SUPERVISE_LISTEN_FD   4
#define SUPERVISE_READY_FD    5
#define SUPERVISE_PASSWORD_FD 6

/* Runs until told to stop; returns the process's exit status. */
int supervisor_run(const struct supervisor_options *options);

#endif
