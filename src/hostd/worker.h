/* The process that does hostd's work: started by the supervisor, without rights. */
#ifndef HOSTD_WORKER_H
#define HOSTD_WORKER_H

#include "hostd/options.h"

/* Runs until SIGTERM, SIGINT or the supervisor's end; returns the process's exit status. */
int worker_run(const struct options *options);

/* The worker's user and group: those of `name`, or fixed ones when there is no such user. */
void worker_ids(const char *name, uid_t *ret_uid, gid_t *ret_gid);

#endif
