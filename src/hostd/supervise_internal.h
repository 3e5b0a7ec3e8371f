/* Inside of the supervisor: its state, and what its two files share. */
#ifndef HOSTD_SUPERVISE_INTERNAL_H
#define HOSTD_SUPERVISE_INTERNAL_H

#include <uv.h>

#include "base/channel.h"
#include "hostd/supervise.h"

struct supervisor;

/* A vmx that this supervisor started and that has not ended. */
struct supervised {
    struct supervisor *sup;
    struct supervised *next, **link;
    char id[SUPERVISE_NAME_MAX + 1];
    char folder[SUPERVISE_NAME_MAX + 1];
    uv_process_t process;
    uv_pipe_t ready;
    uint64_t request;  /* START to be answered; 0: answered */
    bool ready_open;   /* the pipe's handle is open */
    bool process_open; /* the process's handle is open */
};

/* gstored, while the worker wants one. */
struct supervised_gstored {
    uv_process_t process;
    uv_timer_t restart;
    bool wanted, runs;
    unsigned failures; /* in a row */
    uint64_t started_ms;
    int listen_fd; /* -1: none yet; the same for every gstored, so that no connection is lost */
};

struct supervisor {
    struct supervisor_options options;
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_timer_t restart;
    uv_process_t worker;
    bool worker_runs, stopping, quit;
    unsigned restarts; /* in a row, quick ones */
    uint64_t worker_started_ms;
    struct channel *channel; /* to the worker; NULL: none */
    struct supervised *vms;
    struct supervised_gstored gstored;
    int null_fd, state_dir, vms_dir, run_vm_dir, record_dir;
    int exit_status;
    char *disk_program; /* inguest-disk */
};

/* --- supervise.c --- */
void supervisor_reply(struct supervisor *s, uint64_t id, int code, const char *text);
void supervisor_send_exited(struct supervisor *s, const char *id, const char *text);
void supervisor_vm_gone(struct supervisor *s); /* one less; while stopping the last one ends it */

/* --- supervise_vm.c --- */
int supervisor_vm_create(struct supervisor *s, const char *folder, const char *config,
                         const void *text, size_t len, struct error *err);
int supervisor_vm_delete(struct supervisor *s, uint64_t request, const char *folder,
                         struct error *err); /* answered later unless it fails */
int supervisor_vm_start(struct supervisor *s, uint64_t request, const char *id, const char *folder,
                        const char *config, struct error *err); /* same */
int supervisor_vm_kill(struct supervisor *s, const char *id, int signal, struct error *err);
/* The range of a folder's owner; -EPERM when the owner is not a vmx of ours. */
int supervisor_range_of(uid_t owner, uint32_t *ret_base);
/* A range that no folder has. */
int supervisor_free_range(struct supervisor *s, uint32_t *ret_base, struct error *err);
/* Removes a folder on another thread; nobody is told. */
void supervisor_remove_later(struct supervisor *s, const char *folder);
/* Tells every vmx, also those of an earlier supervisor, to end. */
void supervisor_vm_stop_all(struct supervisor *s);

/* --- supervise_gstored.c --- */
void supervisor_gstored_init(struct supervisor *s);
int supervisor_gstored_want(struct supervisor *s, bool run, struct error *err);

/* --- supervise_clone.c --- */
int supervisor_vm_clone(struct supervisor *s, uint64_t request, const struct supervise_clone *clone,
                        struct error *err); /* answered later unless it fails */
/* A folder that somebody has copied, owners and all, shares its user ids with another VM's: gives
 * it ids of its own, then starts its vmx (supervisor_vm_start). */
int supervisor_vm_adopt(struct supervisor *s, uint64_t request, const char *id, const char *folder,
                        const char *config, uint32_t from_base, struct error *err);
/* What a supervisor that was killed left half copied. */
void supervisor_forget_clones(struct supervisor *s);

#endif
