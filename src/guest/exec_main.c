/*
 * toolbox-exec [-l] FOLDER PROGRAM [ARGUMENT...]: what is left to do in the process of a
 * program with live streams before it becomes that program. The worker has made it the leader of a
 * session.
 *
 *   -l   a login shell: its name gets a dash in front
 *
 * FOLDER is absolute; "" is the home folder. A process of its own, because entering a folder or
 * finding a program may take as long as a file system likes. When PROGRAM cannot be run the exit
 * status is that of a shell: 127 not found, 126 anything else, and standard error says why.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define STATUS_NOT_FOUND  127
#define STATUS_CANNOT_RUN 126

static int fail(const char *what, int err)
{
    fprintf(stderr, "%s: %s\n", what, strerror(err));
    return err == ENOENT || err == ENOTDIR ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}

static int enter(const char *folder)
{
    const char *home = getenv("HOME");

    if (*folder)
        return chdir(folder) < 0 ? -errno : 0;
    return home && *home && chdir(home) == 0 ? 0 : chdir("/") < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
    AUTO_FREE char *dashed = NULL;
    const char *program, *slash;
    bool login = false;
    int at = 1, r;

    if (argc > at && strcmp(argv[at], "-l") == 0) {
        login = true;
        at++;
    }
    if (argc - at < 2) {
        fprintf(stderr, "toolbox-exec is started by toolbox-worker, not by hand.\n");
        return STATUS_CANNOT_RUN;
    }
    program = argv[at + 1];
    r = enter(argv[at]);
    if (r < 0) {
        fail(argv[at], -r);
        return STATUS_CANNOT_RUN;
    }
    argv += at + 1;
    if (login) {
        slash = strrchr(program, '/');
        dashed = mem_printf("-%s", slash ? slash + 1 : program);
        if (dashed)
            argv[0] = dashed;
    }
    execvp(program, argv);
    return fail(program, errno);
}
