/*
 * Quiesced snapshots, the agent's part: before the host copies the disk the guest's programs are
 * told to come to rest, afterwards that they may go on. (Guest RPC protocol, "Quiesced snapshots".)
 *
 * The administrator's scripts are the executables of QUIESCE_SCRIPT_DIR. Each is called with
 * `freeze`, in the order of their names; when the snapshot has been taken with `thaw`, in reverse;
 * when it comes to nothing, those that had begun with `freezeFail`, in reverse. A second argument
 * is tools.conf, group vmbackup, scriptArg, or what the host says. They run as the agent's user.
 * File systems are synced, not frozen: a host that insists on frozen ones is refused.
 *
 * It always ends: a script that takes longer than QUIESCE_SCRIPT_MS is killed, and when the host
 * says nothing until the time is up (vmbackup/timeout, seconds), cannot be told, or is gone, the
 * guest goes on by itself.
 *
 * One thread, the loop's.
 */
#ifndef GUEST_QUIESCE_H
#define GUEST_QUIESCE_H

#include <stdbool.h>
#include <uv.h>

#include "guest/conf.h"
#include "inguest/toolbox.h"

#define QUIESCE_SCRIPT_DIR  "backupScripts.d" /* beside tools.conf */
#define QUIESCE_SCRIPT_MS   120000
#define QUIESCE_SCRIPTS_MAX 64

struct quiesce;

struct quiesce_config {
    uv_loop_t *loop;
    struct toolbox *tb;
    const struct conf *conf;
    const char *conf_path; /* of tools.conf: the scripts lie beside it */
    /* The guest is at rest (and nothing should be begun in it), or not any more. */
    void (*frozen)(void *arg, bool on);
    void *arg;
};

/* Registers itself for the host's requests. */
int quiesce_new(const struct quiesce_config *config, struct quiesce **ret);
void quiesce_set_conf(struct quiesce *q, const struct conf *conf);
/* The host is gone, or has begun anew: whatever it asked for is over. */
void quiesce_host_gone(struct quiesce *q);
/* The loop has to turn until the handles are closed. NULL is fine. Programs that were told to come
 * to rest are not told anything more. */
void quiesce_free(struct quiesce *q);

#endif
