/*
 * How vmx gives up its rights, in named stages, before it reads a byte from a guest:
 *
 *   identity  own uid and gid, no groups, no capabilities, no way to gain any (no_new_privs)
 *   limits    memory locked, core files, processes, descriptors
 *   files     Landlock: the VM's folder and its run folder, nothing else can be opened
 *   calls     seccomp: what vmx needs; what no honest vmx ever does ends the process
 *
 * Call from the only thread, after the launcher is started and every listening socket is there.
 * Stages cannot be undone.
 */
#ifndef VMX_CONFINE_H
#define VMX_CONFINE_H

#include "base/error.h"

struct confine_options {
    unsigned uid, gid;      /* become these; uid 0 = stay who we are (not started as root) */
    const char *folder;     /* the VM's folder, read and written */
    const char *run_folder; /* sockets; read and written; may be NULL */
};

/* All stages. On failure the process is in an undefined middle and must end. */
int confine_vmx(const struct confine_options *options, struct error *err);

#endif
