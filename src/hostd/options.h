/* The command line of inguest-hostd. */
#ifndef HOSTD_OPTIONS_H
#define HOSTD_OPTIONS_H

#include <stdbool.h>

#include "hostd/hostd.h"

struct options {
    const char *listen, *state_dir, *run_dir, *name;
    const char *vmx_path, *agent_dir, *program_dir;
    const char *log_file, *user, *password_file;
    enum host_persona persona;
    unsigned session_idle_seconds, guest_op_seconds;
    bool guest_ops_off, rest_compat;
    int ready_fd; /* -1: none */
    bool stop_vms, debug;
    bool worker; /* started by the supervisor */
};

/* 0; 1: done (help, version); -EINVAL, said on stderr. */
int options_parse(int argc, char **argv, struct options *ret);

#endif
