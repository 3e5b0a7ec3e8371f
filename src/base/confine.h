/*
 * How a process that reads what strangers send gives up its rights, stage by stage. What a program
 * needs it says itself (src/vmx/confine.c, src/gstored/confine.c). Stages cannot be undone; they
 * hold for the calling thread and the threads it makes afterwards, so call them from the only one.
 */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Becomes uid and gid, without groups and capabilities and without a way to gain any. uid 0: stays
 * who it is (not started as root). */
int confine_identity(unsigned uid, unsigned gid, struct error *err);

struct confine_path {
    const char *path;
    bool writable; /* with everything beneath it; else only readable */
    bool optional; /* when it is not there, it is left out */
};

/* Landlock: from now on only files beneath these paths, and what libc reads in passing, can be
 * opened. 0 also where the kernel has no Landlock. */
int confine_files(const struct confine_path *paths, size_t count, struct error *err);

/* seccomp: an allow-list of system calls. Of what is not on it, the calls that no honest process of
 * ours makes end the process, the others fail. `network`: Internet sockets, too, not only Unix. */
int confine_calls(bool network, struct error *err);

#endif
