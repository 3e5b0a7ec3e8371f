/*
 * A sandbox VM: the guest's init, in user, pid, mount, uts, ipc, net and cgroup namespaces of its
 * own, over the VM's private persistent root.
 *
 * How one comes to life, with the rights of each process:
 *
 *   launcher   root. Opens what the guest shall see (open_tree), forks the builder, maps the
 *              user ids, puts init into the VM's cgroup.
 *   builder    root, in a mount namespace of its own: makes the root from those trees, leaves the
 *              host's file tree (pivot_root), clones init into the other namespaces, mounts
 *              /proc for it, ends.
 *   init       root of the guest's user namespace only: completes the files of its root, takes a
 *              locked copy of the mounts, limits itself and executes the init program.
 *
 * Nobody with host rights ever follows a name in the guest's persistent root while a part of the
 * host's tree can still be reached.
 *
 * All of this is called in the launcher, on its only thread. sandbox_start blocks, for
 * milliseconds usually, SANDBOX_START_MS at most.
 */
#ifndef VMX_SANDBOX_H
#define VMX_SANDBOX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cursor.h"
#include "base/error.h"
#include "vmx/launcher.h"
#include "vmx/machine.h"
#include "vmx/sandbox_cgroup.h"

#define SANDBOX_START_MS      10000
#define SANDBOX_IDS           65535u
#define SANDBOX_HOST_NAME_MAX 63
#define SANDBOX_USER_NAME_MAX 32
#define SANDBOX_HASH_MAX      256
#define SANDBOX_PROCESSES_MAX 65536u

/* What the launcher was started with. */
struct sandbox_place {
    int folder_fd;
    const char *name;
    const char *link_path;
    const char *agent_dir;
    unsigned uid_base;
    int init_fd; /* the init program: executable but not readable, so that the guest's root, who
                    may trace its own processes, cannot trace this one */
};

struct sandbox_user {
    char name[SANDBOX_USER_NAME_MAX + 1];
    char hash[SANDBOX_HASH_MAX + 1];
};

/* What a START request asks for; every field checked. */
struct sandbox_request {
    uint32_t memory_mib;
    uint32_t processes;
    char host_name[SANDBOX_HOST_NAME_MAX + 1];
    unsigned user_count;
    struct sandbox_user users[LAUNCHER_USERS_MAX];
};

struct sandbox {
    pid_t pid; /* of init, in the launcher's pid namespace; 0 = not running */
    int pidfd;
    struct sandbox_cgroup cgroup;
};

/* -EINVAL when the body is not a START body or a name in it is not allowed. */
int sandbox_request_decode(struct cursor *c, struct sandbox_request *ret, struct error *err);

/* Opens the init program and keeps a private copy of it. Returns the descriptor. */
int sandbox_init_open(const char *path, struct error *err);

/* err says which step failed. On failure nothing is left behind. */
int sandbox_start(const struct sandbox_place *place, const struct sandbox_request *request,
                  struct sandbox *ret, struct error *err);

/* Kills everything; the end shows on pidfd. */
int sandbox_kill(struct sandbox *s);

/* Stops and continues every process. */
int sandbox_freeze(struct sandbox *s, int frozen, struct error *err);

/* After pidfd became readable: reaps init and says why it ended. Releases what `s` holds. `asked`:
 * sandbox_kill was called. */
enum machine_stop_reason sandbox_reap(struct sandbox *s, int asked, struct error *ret_text);

/* sandbox_net.c: in init, lo and an interface eth0 that leads nowhere. */
int sandbox_net_up(unsigned uid_base, struct error *err);

/* sandbox_mounts.c: what of the host the guest will see. */
enum sandbox_source {
    SANDBOX_ROOT,
    SANDBOX_USR,
    SANDBOX_LINK,
    SANDBOX_AGENT,
    SANDBOX_DEV_FIRST,
    SANDBOX_SOURCES = SANDBOX_DEV_FIRST + 6,
};
struct sandbox_sources {
    int tree[SANDBOX_SOURCES]; /* detached mounts; -1 = not needed */
};
int sandbox_sources_open(const struct sandbox_place *place, struct sandbox_sources *ret,
                         struct error *err);
void sandbox_sources_close(struct sandbox_sources *s);
/* In the builder: makes the new root, and it alone, the file tree of this process. */
int sandbox_enter_root(const struct sandbox_place *place, struct sandbox_sources *s,
                       struct error *err);

/* sandbox_root.c: files that the guest gets copies of, and the root's own files. */
struct sandbox_host_files {
    int fd[3];
    int alternatives_fd;
};
void sandbox_host_files_open(struct sandbox_host_files *ret);
void sandbox_host_files_close(struct sandbox_host_files *f);
/* As the guest's root, in the root: makes what is missing. */
int sandbox_root_complete(const struct sandbox_request *request,
                          const struct sandbox_host_files *files, struct error *err);

/* sandbox_calls.c: system calls that the guest does not get. */
int sandbox_limit_calls(struct error *err);

#endif
