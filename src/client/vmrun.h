/*
 * vmrun: one command on one virtual machine, as a program of libvix. What its files share.
 *
 * A command returns the exit status. Everything, errors too, goes to standard output, as scripts
 * expect of vmrun; questions, progress and hints go to the terminal or standard error.
 */
#ifndef CLIENT_VMRUN_H
#define CLIENT_VMRUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "client/vix_connect.h"

enum { VMRUN_OK = 0, VMRUN_FAILED = 255 };

struct vmrun {
    struct vix_connect connect;
    bool local;
    const char *guest_user;
    struct buf host_password, guest_password;
    const char *password_file, *guest_password_file;
    bool has_guest_password;
    bool accept_new;
    unsigned timeout_s; /* of the whole run; 0: none */
    uint64_t end_ms;
    VixHandle host, vm;
    const char *path; /* of the VM, as it was given */
    int argc;         /* what follows the VM */
    char **argv;
};

enum vmrun_flags {
    VMRUN_HOST = 1u << 0,    /* no VM: the arguments follow the command */
    VMRUN_GUEST = 1u << 1,   /* needs a login in the guest */
    VMRUN_NOTHING = 1u << 2, /* not supported: no host is asked */
};

struct vmrun_command {
    const char *name, *parameters, *help;
    int min, max; /* parameters after the VM */
    unsigned flags;
    int (*run)(struct vmrun *v);
};

const struct vmrun_command *vmrun_find(const char *name);
void vmrun_usage(void);
void vmrun_version(void);

/* Waits for a job, for no longer than the run may take, and releases it. */
VixError vmrun_wait(struct vmrun *v, VixHandle job);
/* The same, and the string that is its result, to be freed with Vix_FreeBuffer. */
VixError vmrun_wait_string(struct vmrun *v, VixHandle job, VixPropertyID id, char **ret);
/* Waits, but does not release. */
VixError vmrun_wait_keep(struct vmrun *v, VixHandle job);
/* Prints "Error: TEXT" and gives VMRUN_FAILED; VMRUN_OK for VIX_OK. */
int vmrun_end(struct vmrun *v, VixError error);
int vmrun_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* vmrun_end(vmrun_wait(job)). */
int vmrun_job(struct vmrun *v, VixHandle job);
/* A job whose progress is drawn on a terminal. */
void vmrun_progress(VixHandle handle, VixEventType type, VixHandle info, void *data);
void vmrun_progress_end(void);

/* Logs in in the guest; -interactive: at its desktop. */
int vmrun_guest_login(struct vmrun *v, bool interactive);
/* Is the VM powered on with its tools running? Else the error is printed. */
int vmrun_guest_ready(struct vmrun *v);

/* vmrun_power.c */
int vmrun_start(struct vmrun *v);
int vmrun_stop(struct vmrun *v);
int vmrun_reset(struct vmrun *v);
int vmrun_suspend(struct vmrun *v);
int vmrun_pause(struct vmrun *v);
int vmrun_unpause(struct vmrun *v);
/* vmrun_snapshot.c */
int vmrun_list_snapshots(struct vmrun *v);
int vmrun_snapshot(struct vmrun *v);
int vmrun_delete_snapshot(struct vmrun *v);
int vmrun_revert(struct vmrun *v);
int vmrun_clone(struct vmrun *v);
/* vmrun_guest.c */
int vmrun_run_program(struct vmrun *v);
int vmrun_run_script(struct vmrun *v);
int vmrun_file_exists(struct vmrun *v);
int vmrun_directory_exists(struct vmrun *v);
int vmrun_list_processes(struct vmrun *v);
int vmrun_kill(struct vmrun *v);
int vmrun_delete_file(struct vmrun *v);
int vmrun_create_directory(struct vmrun *v);
int vmrun_delete_directory(struct vmrun *v);
int vmrun_create_temp(struct vmrun *v);
int vmrun_list_directory(struct vmrun *v);
int vmrun_copy_to(struct vmrun *v);
int vmrun_copy_from(struct vmrun *v);
int vmrun_rename(struct vmrun *v);
int vmrun_capture_screen(struct vmrun *v);
int vmrun_read_variable(struct vmrun *v);
int vmrun_write_variable(struct vmrun *v);
int vmrun_guest_address(struct vmrun *v);
/* vmrun_host.c */
int vmrun_list(struct vmrun *v);
int vmrun_list_registered(struct vmrun *v);
int vmrun_register(struct vmrun *v);
int vmrun_unregister(struct vmrun *v);
int vmrun_upgrade(struct vmrun *v);
int vmrun_install_tools(struct vmrun *v);
int vmrun_check_tools(struct vmrun *v);
int vmrun_delete_vm(struct vmrun *v);
int vmrun_connect_device(struct vmrun *v);
int vmrun_disconnect_device(struct vmrun *v);
int vmrun_unsupported(struct vmrun *v);

#endif
