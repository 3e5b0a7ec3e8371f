#include "vmx/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sock.h"

#define FIRST_FREE_FD 10 /* above those that the launcher finds open */

/* Our programs lie beside the running one (in a build folder too) or in libexec. */
static char *find_program(const char *dir, const char *name)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash, *path;

    if (dir)
        return mem_printf("%s/%s", dir, name);
    if (n > 0) {
        self[n] = '\0';
        slash = strrchr(self, '/');
        path = mem_printf("%.*s/%s", (int)(slash - self), self, name);
        if (path && access(path, X_OK) == 0)
            return path;
        mem_free(path);
    }
    return mem_printf("%s/%s", INGUEST_LIBEXECDIR, name);
}

/* Between fork and exec: only calls that are safe there. */
static _Noreturn void become_launcher(int channel, int folder, char *const argv[])
{
    char *envp[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    int ch = fcntl(channel, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    int fo = fcntl(folder, F_DUPFD_CLOEXEC, FIRST_FREE_FD);

    if (ch >= 0 && fo >= 0 && dup2(ch, LAUNCHER_CHANNEL_FD) >= 0 &&
        dup2(fo, LAUNCHER_FOLDER_FD) >= 0 && close_range(LAUNCHER_FOLDER_FD + 1, ~0U, 0) == 0)
        execve(argv[0], argv, envp);
    _exit(127);
}

int launcher_spawn(const struct launcher_options *options, int *ret_fd, int *ret_pid,
                   struct error *err)
{
    AUTO_FREE char *program = find_program(options->program_dir, "inguest-launcher");
    AUTO_FREE char *init = find_program(options->program_dir, "inguest-init");
    AUTO_FREE char *disk = find_program(options->program_dir, "inguest-disk");
    AUTO_CLOSE int mine = -1;
    AUTO_CLOSE int theirs = -1;
    char uid[16];
    char *argv[] = {program,
                    (char *)options->name,
                    uid,
                    (char *)options->link_path,
                    (char *)(options->agent_dir ? options->agent_dir : INGUEST_LIBEXECDIR),
                    init,
                    disk,
                    NULL};
    int pair[2];
    pid_t pid;
    int r;

    if (!program || !init || !disk)
        return error_errno(err, -ENOMEM, "cannot start the launcher");
    if (access(program, X_OK) < 0)
        return error_errno(err, -errno, "cannot start the launcher %s", program);
    snprintf(uid, sizeof(uid), "%u", options->uid_base);
    r = sock_pair(pair);
    if (r < 0)
        return error_errno(err, r, "cannot make a socket pair");
    mine = pair[0];
    theirs = pair[1];
    pid = fork();
    if (pid < 0)
        return error_errno(err, -errno, "cannot start the launcher");
    if (pid == 0)
        become_launcher(theirs, options->folder_fd, argv);
    *ret_fd = TAKE_FD(mine);
    if (ret_pid)
        *ret_pid = pid;
    return 0;
}
