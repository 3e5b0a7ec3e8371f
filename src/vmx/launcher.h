/*
 * The launcher: the one process of a VM that keeps root rights, because it makes namespaces, maps
 * users and mounts. vmx starts it first of all, while nothing from a guest has been read, and
 * tells it there which VM it serves; later requests, which a hostile guest might have brought vmx
 * to send, cannot name another folder, another user range or another program.
 *
 * Protocol, over base/channel.h (vmx is the asking end, one request at a time):
 *
 *   request  type LAUNCHER_*   id chosen by vmx   body below
 *   reply    LAUNCHER_REPLY    same id            i32 LE code (0 or negative errno), text
 *   event    LAUNCHER_STOPPED  id 0               u32 LE enum machine_stop_reason, text
 *
 * START body: u32 LE memory in MiB (0 = no limit), u32 LE processes at most, string host name,
 * u16 LE number of users, for each string name and string password hash (empty = locked); a string
 * is u16 LE length and bytes. The users are made when the root has none yet, so at the first start.
 * The other bodies are empty. QUERY answers with text "stopped", "running" or "suspended".
 *
 * DISK body: u32 LE enum launcher_disk, u32 LE number. The disk is the folder NAME.root. What is
 * copied replaces what is there; a disk that does not exist has a copy that does not exist. One at
 * a time; while the disk is being copied the guest may be stopped, but neither started nor resumed.
 * DISK_CANCEL ends it; its reply, then -EINTR, still comes.
 *
 * The launcher ends, and kills the guest before that, when the channel closes. When it is killed
 * itself the kernel kills the guest's init (parent death signal), and with it the guest.
 */
#ifndef VMX_LAUNCHER_H
#define VMX_LAUNCHER_H

#include "base/error.h"

enum launcher_type {
    LAUNCHER_START = 1,
    LAUNCHER_STOP = 2,
    LAUNCHER_SUSPEND = 3,
    LAUNCHER_RESUME = 4,
    LAUNCHER_DISK = 5,
    LAUNCHER_QUERY = 6,
    LAUNCHER_DISK_CANCEL = 7,
    LAUNCHER_REPLY = 16,
    LAUNCHER_STOPPED = 17,
};

/* N is the number in the request. */
enum launcher_disk {
    LAUNCHER_DISK_SAVE = 1,        /* NAME.root to NAME-SnapshotN.root; guest off or suspended */
    LAUNCHER_DISK_LOAD,            /* NAME-SnapshotN.root to NAME-Revert.root */
    LAUNCHER_DISK_REMOVE_SNAPSHOT, /* NAME-SnapshotN.root */
    LAUNCHER_DISK_REMOVE_REVERT,   /* NAME-Revert.root */
    LAUNCHER_DISK_REMOVE_TRASH,    /* NAME-TrashN.root */
};

#define LAUNCHER_BODY_MAX  16384u
#define LAUNCHER_QUEUE_MAX 65536u
#define LAUNCHER_USERS_MAX 32u

/* The descriptors that the launcher program finds open. */
#define LAUNCHER_CHANNEL_FD 3
#define LAUNCHER_FOLDER_FD  4

struct launcher_options {
    int folder_fd;           /* the VM's folder; stays the caller's */
    const char *name;        /* of the VM: the root is the folder NAME.root */
    const char *link_path;   /* folder of the link sockets, absolute */
    const char *agent_dir;   /* folder with toolboxd; NULL = the installed one */
    const char *program_dir; /* folder with our programs; NULL = beside the caller, or libexec */
    unsigned uid_base;       /* guest ids 0..65534 become uid_base.. on the host; not 0 */
};

/* How many host ids a VM has: the guest's 65535 and the last one, which is vmx's own. */
#define LAUNCHER_IDS 65536u

/* Starts the launcher program. Needs root; call it before threads exist. On success *ret_fd is the
 * channel's descriptor (non-blocking); closing it ends the launcher. *ret_pid, when asked for, is
 * its process, a child of the caller. */
int launcher_spawn(const struct launcher_options *options, int *ret_fd, int *ret_pid,
                   struct error *err);

#endif
