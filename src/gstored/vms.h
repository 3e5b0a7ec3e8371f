/*
 * The VMs that may ask for content: for each its rules, its connection (src/wire/gstore.h), its
 * open requests and what it has had. Which VM a connection belongs to, and its rules, is hostd's
 * word.
 *
 * One line is logged for each request. Loop thread only.
 */
#ifndef GSTORED_VMS_H
#define GSTORED_VMS_H

#include <jansson.h>
#include <stdint.h>
#include <uv.h>

#include "gstored/repo.h"

#define VMS_MAX            8192u
#define VMS_ID_MAX         80u
#define VMS_OPEN_MS        60000u /* from a request to OPENED */
#define VMS_STALL_MS       60000u /* without more bytes after it */
#define VMS_STATUS_VMS_MAX 4096u

struct vms;

/* `repo` may be NULL (no repository): every request ends with -ENODEV. */
int vms_new(uv_loop_t *loop, struct repo *repo, struct vms **ret);
void vms_free(struct vms *v); /* requests are cancelled; run the loop once more afterwards */

/* Takes `fd`, on failure too. The connection that the VM had is closed. -EINVAL: bad id; -ENOSPC:
 * too many VMs; -ENOMEM. */
int vms_attach(struct vms *v, const char *id, const char *grant, const char *deny, int fd);
/* New rules for what is asked from now on. -ENOENT: there is no such VM. */
int vms_rules(struct vms *v, const char *id, const char *grant, const char *deny);
int vms_detach(struct vms *v, const char *id);

/* Ids of the VMs that have a connection: a new array. */
json_t *vms_attached(const struct vms *v);
/* Adds "requests", "denied", "missing", "failed", "served", "vms": [...] . */
void vms_status(const struct vms *v, json_t *object);

#endif
