/*
 * Puts a host together: opens the database, makes what struct host points at, starts the modules;
 * and takes it apart again. main.c runs it as a program, tests without HTTP and supervisor.
 */
#ifndef HOSTD_CORE_H
#define HOSTD_CORE_H

#include "hostd/hostd.h"

struct core_options {
    struct host_options host;
    const char *db_path;
    /* First start only: the administrator's password, NULL = a random one. */
    const char *administrator_password;
};

/* Fills *host, whose `loop` (and `sup`, when there is one) is set. A password that was made up
 * now goes to `ret_password` (RANDOM_PASSWORD_SIZE; "" = none was made; clear it after use). */
int core_start(struct host *host, const struct core_options *options, char *ret_password,
               struct error *err);
/* Cancels calls, ends sessions, stops the modules. http must be stopped after the calls were
 * cancelled and before this frees what handlers use: pass it here. The loop must run once more. */
void core_stop(struct host *host);

#endif
