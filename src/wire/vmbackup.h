/*
 * Quiesced snapshots: the host asks the agent to bring the guest's programs and file systems to
 * rest, the agent tells by events how far it is. (Guest RPC protocol, "Quiesced snapshots".)
 */
#ifndef WIRE_VMBACKUP_H
#define WIRE_VMBACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/* TCLO */
#define VMBACKUP_START      "vmbackup.start"
#define VMBACKUP_START_WITH "vmbackup.startWithOpts"
#define VMBACKUP_DONE       "vmbackup.snapshotDone"
#define VMBACKUP_ABORT      "vmbackup.abort"
/* RPCI */
#define VMBACKUP_EVENT "vmbackup.eventSet"

#define VMBACKUP_KEEP_ALIVE_MS 2500u   /* the agent says something at least this often */
#define VMBACKUP_SILENCE_MS    15000u  /* the host gives an agent up that says nothing */
#define VMBACKUP_LIMIT_MS      900000u /* an operation as a whole */
#define VMBACKUP_LIMIT_MAX_S   (24u * 60u * 60u)
#define VMBACKUP_TEXT_MAX      4096u /* of an event */

enum vmbackup_event {
    VMBACKUP_RESET,
    VMBACKUP_PREPARE,
    VMBACKUP_COMMIT, /* at rest: now */
    VMBACKUP_PROVIDER_ABORT,
    VMBACKUP_KEEP_ALIVE,
    VMBACKUP_MANIFEST,
    VMBACKUP_GENERIC_MANIFEST,
    VMBACKUP_WRITER_ERROR,
    VMBACKUP_ERROR,
    VMBACKUP_ABORTED,
    VMBACKUP_OVER,
};

enum vmbackup_code {
    VMBACKUP_OK,
    VMBACKUP_INVALID_STATE,
    VMBACKUP_SCRIPT_ERROR,
    VMBACKUP_SYNC_ERROR,
    VMBACKUP_REMOTE_ABORT,
    VMBACKUP_UNEXPECTED,
};

/* The whole request, with its closing NUL. */
int vmbackup_event_encode(struct buf *b, enum vmbackup_event event, unsigned code,
                          const char *text);
/* `args` is what follows the command. *ret_text points into `args` and has no NUL. -EBADMSG: no
 * event that is known, or not of this form. */
int vmbackup_event_decode(const void *args, size_t len, enum vmbackup_event *ret_event,
                          unsigned *ret_code, const char **ret_text, size_t *ret_text_len);

/* Of startWithOpts, version 1. */
struct vmbackup_options {
    bool create_manifest, quiesce_apps, quiesce_fs, writable_snapshot, exec_scripts;
    const char *script_arg; /* at most VMBACKUP_SCRIPT_ARG_MAX bytes */
    uint32_t timeout_s;     /* 0: the agent's own */
    const char *volumes;    /* separated by blanks, may be empty */
};
#define VMBACKUP_SCRIPT_ARG_MAX 256u
#define VMBACKUP_VOLUMES_MAX    3200u

int vmbackup_options_encode(struct buf *b, const struct vmbackup_options *o);
/* Texts lie in the arena. -EPROTONOSUPPORT: another version; -EBADMSG; -ENOMEM. */
int vmbackup_options_decode(const void *data, size_t len, struct arena *a,
                            struct vmbackup_options *ret);

#endif
