/*
 * The protocol between hostd and gstored (docs/gueststore.md): messages of base/channel with bodies
 * of wire/ctl on the listening socket that the supervisor made. One connection at a time; a new one
 * replaces the old, since hostd was started again then. VMs and their transfers go on without
 * hostd.
 *
 * The first request is `configure`, after which the process is confined to what was configured; a
 * later one with another revision ends the process, which the supervisor starts again. Loop thread.
 */
#ifndef GSTORED_CONTROL_H
#define GSTORED_CONTROL_H

#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"
#include "gstored/repo.h"
#include "gstored/settings.h"
#include "gstored/vms.h"

struct control_options {
    int listen_fd;      /* taken */
    int credentials_fd; /* -1: none; taken */
    uid_t peer_uid;     /* who may connect, besides root and ourselves */
    int state_dir;      /* holds the cache and the log */
    const char *state_path;
    /* Gives up everything that the settings do not need; before the first byte of a VM is read. */
    int (*confine)(const struct settings *settings, const char *state_path, struct error *err);
};

struct control;

/* Stops the loop (uv_stop) when the process shall end. */
int control_new(uv_loop_t *loop, const struct control_options *options, struct control **ret,
                struct error *err);
/* Run the loop afterwards until it is empty. */
void control_free(struct control *c);

#endif
