/*
 * The agent's command line tools: one program, several names. Each tool takes its own arguments
 * (argv[0] is its name) and returns the exit code. Output and exit codes are those of the tools
 * whose names it answers to.
 */
#ifndef GUEST_CLI_H
#define GUEST_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A host that does not answer by then is as good as none. */
#define CLI_TIMEOUT_MS 30000

/* Is the first word after the command -h or --help? */
static inline bool cli_help_wanted(int argc, char **argv)
{
    return argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
}

int cli_toolbox(int argc, char **argv);     /* toolbox */
int cli_vmtoolsd(int argc, char **argv);    /* vmtoolsd: --cmd, --cmdfile, --version */
int cli_rpctool(int argc, char **argv);     /* vmware-rpctool */
int cli_toolbox_cmd(int argc, char **argv); /* vmware-toolbox-cmd */

/* Commands of vmware-toolbox-cmd; argv[1] is the command's name. `quiet`: -q was given. */
int cli_gueststore(int argc, char **argv, bool quiet);
int cli_globalconf(int argc, char **argv, bool quiet);
int cli_dataset(int argc, char **argv);            /* toolbox dataset */
int cli_toolbox_gueststore(int argc, char **argv); /* toolbox gueststore */

#endif
