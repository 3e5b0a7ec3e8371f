/*
 * inguest up: a host in the foreground. hostd is our child; we wait for its word that it serves,
 * run the demo when asked to, and pass on the signals that end it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/fs.h"
#include "base/mem.h"

static const char usage[] =
    "usage: inguest [--state DIR] [--run DIR] up [--listen ADDRESS:PORT] [--persona NAME]\n"
    "                                            [--demo [--once]] [-- HOSTD-OPTION...]\n"
    "\n"
    "Runs inguest-hostd in the foreground until Ctrl-C. VMs go on running when it ends and are\n"
    "found again when it comes back.\n"
    "\n"
    "  --listen ADDRESS:PORT  where to serve (127.0.0.1:8989); port 0 takes a free one\n"
    "  --persona NAME         answer as an ESXi host (host, the default) or a vCenter (center)\n"
    "  --demo                 make a VM named demo, do the main job with it, print how to go on;\n"
    "                         at the end the VM is powered off\n"
    "  --once                 end after the demo\n";

#define HOSTD_ARGS_MAX 64

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
    ending = number;
}

/* The program's own folder tells installed (bin/) from built (src/admin/). */
static int hostd_path(char out[PATH_MAX], struct error *err)
{
    static const char *const places[] = {"/../hostd/inguest-hostd",
                                         "/../libexec/inguest/inguest-hostd", "/inguest-hostd"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (n < 0)
        return error_errno(err, -errno, "cannot find out where inguest is");
    self[n] = '\0';
    slash = strrchr(self, '/');
    *slash = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (snprintf(out, PATH_MAX, "%s%s", self, places[i]) < PATH_MAX && access(out, X_OK) == 0)
            return 0;
    return error_set(err, -ENOENT, "inguest-hostd is not installed beside inguest (%s)", self);
}

static pid_t start_hostd(const struct admin *ad, const char *listen, const char *persona,
                         const char *log, char **more, int *ret_ready, struct error *err)
{
    char path[PATH_MAX], ready[32];
    const char *args[HOSTD_ARGS_MAX];
    int fds[2], n = 0;
    pid_t pid;

    if (hostd_path(path, err))
        return -1;
    if (pipe2(fds, O_CLOEXEC) < 0) {
        error_errno(err, -errno, "pipe");
        return -1;
    }
    snprintf(ready, sizeof(ready), "%d", fds[1]);
    args[n++] = path;
    args[n++] = "--state";
    args[n++] = ad->state;
    args[n++] = "--run";
    args[n++] = ad->run;
    args[n++] = "--listen";
    args[n++] = listen;
    args[n++] = "--persona";
    args[n++] = persona;
    args[n++] = "--print-ready";
    args[n++] = ready;
    if (log) {
        args[n++] = "--log";
        args[n++] = log;
        args[n++] = "--stop-vms";
    }
    while (more && *more && n < HOSTD_ARGS_MAX - 1)
        args[n++] = *more++;
    args[n] = NULL;
    pid = fork();
    if (pid == 0) {
        /* A process group of its own, so that Ctrl-C reaches it through us, in order. */
        setpgid(0, 0);
        fcntl(fds[1], F_SETFD, 0);
        execv(path, (char **)args);
        _exit(127);
    }
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        error_errno(err, -errno, "fork");
        return -1;
    }
    *ret_ready = fds[0];
    return pid;
}

/* Waits for the line "ready URL"; the end of the pipe means that hostd is gone. */
static int wait_ready(int fd, struct error *err)
{
    char out[256];
    size_t n = 0;
    ssize_t got = 0;

    while (n < 255 && !memchr(out, '\n', n) && (got = read(fd, out + n, 255 - n)) != 0) {
        if (got < 0 && errno == EINTR && !ending)
            continue;
        if (got < 0)
            return error_errno(err, -errno, "waiting for inguest-hostd");
        n += (size_t)got;
    }
    return n > 6 && !memcmp(out, "ready ", 6)
               ? 0
               : error_set(err, -ECHILD, "inguest-hostd ended before it was ready");
}

static int stop_hostd(pid_t pid)
{
    int status = 0;

    kill(pid, SIGTERM);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int serve(struct admin *ad, pid_t pid, const char *address, bool demo, bool once)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct error err = {0};
    struct vim_ref vm;
    int r = ADMIN_OK, status = 0;

    if (!demo)
        printf("inguest serves https://%s/sdk (Ctrl-C ends it)\n", address);
    else if (admin_demo(ad, &err))
        r = admin_fail(&err);
    fflush(stdout);
    if (!(demo && (once || r)))
        while (!ending && waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    if (demo && !admin_vm_find(ad, "demo", &a, &vm, NULL) && admin_vm_stop(ad, vm, false, &err))
        r = admin_fail(&err);
    vim_client_free(ad->client);
    ad->client = NULL;
    if (kill(pid, 0) < 0 && !ending && !once) {
        fprintf(stderr, "inguest: inguest-hostd ended with status %d\n",
                WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
        return ADMIN_FAILED;
    }
    return stop_hostd(pid) && !r ? ADMIN_FAILED : r;
}

int admin_up(struct admin *ad, int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_signal};
    const char *listen = "127.0.0.1:8989", *persona = "host";
    bool demo = false, once = false, bad = false;
    char address[256];
    AUTO_FREE char *log = NULL;
    char **more = NULL;
    struct error err = {0};
    int ready = -1;
    pid_t pid;

    for (int i = 1; i < argc && !bad && !more; i++) {
        const char *v;

        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            fputs(usage, stdout);
            return ADMIN_OK;
        }
        if (!strcmp(argv[i], "--"))
            more = argv + i + 1;
        else if (!strcmp(argv[i], "--demo"))
            demo = true;
        else if (!strcmp(argv[i], "--once"))
            once = true;
        else if ((v = admin_option(argc, argv, &i, "--listen", &bad)))
            listen = v;
        else if ((v = admin_option(argc, argv, &i, "--persona", &bad)))
            persona = v;
        else
            bad = true;
    }
    if (bad || (once && !demo)) {
        fputs(usage, stderr);
        return ADMIN_USAGE;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (fs_mkdirs(ad->state, 0755, &err) || fs_mkdirs(ad->run, 0755, &err))
        return admin_fail(&err);
    /* The demo's steps are easier to read without the log between them, and nothing of it stays
     * behind. */
    log = demo ? mem_printf("%s/hostd.log", ad->state) : NULL;
    pid = start_hostd(ad, listen, persona, log, more, &ready, &err);
    if (pid < 0)
        return admin_fail(&err);
    if (wait_ready(ready, &err) || admin_address(ad, address, &err)) {
        close(ready);
        stop_hostd(pid);
        return admin_fail(&err);
    }
    close(ready);
    return serve(ad, pid, address, demo, once);
}
