/*
 * The VM's control group (cgroup v2), a child of the launcher's own: killing what an earlier
 * launcher left, freezing, and limits for memory and processes. Where it cannot be made all
 * functions do what is left to do without it and say so by their result.
 */
#ifndef VMX_SANDBOX_CGROUP_H
#define VMX_SANDBOX_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct sandbox_cgroup {
    int parent_fd, fd; /* -1: there is none */
    char name[48];
    int limits_memory, limits_processes;
};

/* Always leaves *ret usable; ret->fd is -1 when there is no control group. */
void sandbox_cgroup_open(int folder_fd, struct sandbox_cgroup *ret);
/* Limits are set where the controllers are there: limits_memory and limits_processes say so. */
void sandbox_cgroup_limit(struct sandbox_cgroup *cg, uint32_t memory_mib, uint32_t processes);
int sandbox_cgroup_enter(struct sandbox_cgroup *cg, pid_t pid);
int sandbox_cgroup_freeze(struct sandbox_cgroup *cg, int frozen);
/* Removes the group, which must have no process left. */
void sandbox_cgroup_close(struct sandbox_cgroup *cg);

/* Without a control group: SIGSTOP or SIGCONT for a process and all its descendants. */
int sandbox_tree_stop(pid_t root, int stopped);

#endif
