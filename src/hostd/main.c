/*
 * inguest-hostd: the host daemon. This file is the supervisor's beginning: it reads the command
 * line, makes the folders, opens the listening socket (which may need root) and then only watches
 * over the worker (worker.c) and the VMs' processes (supervise.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/listen.h"
#include "hostd/options.h"
#include "hostd/supervise.h"
#include "hostd/worker.h"

/* A program that we start: beside us (installed), or in `room`, where the build puts it. */
static char *find_program(const char *room, const char *name)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n < 0)
        return NULL;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    for (int i = 0; i < 2; i++) {
        char *path =
            i == 0 ? mem_printf("%s/%s", self, name) : mem_printf("%s/../%s/%s", self, room, name);
        if (path && access(path, X_OK) == 0)
            return path;
        mem_free(path);
    }
    return mem_printf("%s/%s", INGUEST_LIBEXECDIR, name);
}

/* Where the guest's agent is: beside vmx (installed), or where the build puts it. NULL: leave it to
 * vmx. */
static char *find_agent_dir(const char *vmx_path)
{
    static const char *const places[] = {"", "/../guest"};
    const char *slash = strrchr(vmx_path, '/');
    for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
        AUTO_FREE char *dir = mem_printf("%.*s%s", (int)(slash - vmx_path), vmx_path, places[i]);
        AUTO_FREE char *agent = dir ? mem_printf("%s/toolboxd", dir) : NULL;
        if (agent && access(agent, X_OK) == 0)
            return realpath(dir, NULL);
    }
    return NULL;
}

static char *make_folder(const char *path, struct error *err)
{
    char full[PATH_MAX];
    /* 0755: the VMs' users must be able to pass through; what is private beneath says so itself. */
    int rc = fs_mkdirs(path, 0755, err);
    if (rc == 0 && !realpath(path, full))
        rc = error_errno(err, -errno, "%s", path);
    return rc == 0 ? mem_strdup(full) : NULL;
}

static int prepare(struct options *o, struct error *err)
{
    o->state_dir = make_folder(o->state_dir, err);
    if (o->state_dir)
        o->run_dir = make_folder(o->run_dir, err);
    if (!o->state_dir || !o->run_dir)
        return -EIO;
    if (!o->vmx_path)
        o->vmx_path = find_program("vmx", "inguest-vmx");
    if (!o->vmx_path)
        return error_set(err, -ENOMEM, "no memory");
    if (!o->agent_dir)
        o->agent_dir = find_agent_dir(o->vmx_path);
    if (o->log_file) {
        AUTO_CLOSE int fd =
            open(o->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
            return error_errno(err, -errno, "cannot open the log %s", o->log_file);
    }
    return 0;
}

/* RUN/address: where programs of this machine find the server, HOST:PORT. */
static int publish_address(const struct options *o, unsigned port, struct error *err)
{
    char text[300];
    const char *colon = strrchr(o->listen, ':');
    int len = colon ? (int)(colon - o->listen) : 0;
    bool any = len == 0 || !strncmp(o->listen, "0.0.0.0:", 8) || !strncmp(o->listen, "[::]:", 5);
    AUTO_CLOSE int dir = open(o->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return error_errno(err, -errno, "cannot open %s", o->run_dir);
    int n = any ? snprintf(text, sizeof(text), "127.0.0.1:%u\n", port)
                : snprintf(text, sizeof(text), "%.*s:%u\n", len, o->listen, port);
    return fs_write_file(dir, "address", text, (size_t)n, 0644, err);
}

static void raise_limits(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
    r = (struct rlimit){0, 0};
    setrlimit(RLIMIT_CORE, &r); /* a core file would hold secrets */
}

static int supervise(int argc, char **argv, struct options *o)
{
    struct error err = {0};
    unsigned port;
    int rc = prepare(o, &err);
    int listen_fd = rc == 0 ? listen_open(o->listen, &port, &err) : -1;
    if (listen_fd >= 0 && publish_address(o, port, &err)) {
        close(listen_fd);
        listen_fd = -1;
    }
    AUTO_CLOSE int password_fd = -1;
    if (listen_fd >= 0 && o->password_file) {
        password_fd = open(o->password_file, O_RDONLY | O_CLOEXEC);
        if (password_fd < 0)
            error_errno(&err, -errno, "cannot open the password file %s", o->password_file);
    }
    AUTO_FREE char **worker_argv = mem_calloc((size_t)argc + 2, sizeof(*worker_argv));
    if (listen_fd < 0 || (o->password_file && password_fd < 0) || !worker_argv) {
        log_error("hostd: %s", error_text(&err));
        return EXIT_FAILURE;
    }
    worker_argv[0] = argv[0];
    worker_argv[1] = (char[]){"--worker"};
    memcpy(worker_argv + 2, argv + 1, (size_t)(argc - 1) * sizeof(*argv));

    AUTO_FREE char *gstored_path = find_program("gstored", "inguest-gstored");
    if (!gstored_path)
        return EXIT_FAILURE;
    struct supervisor_options so = {
        .state_dir = o->state_dir,
        .run_dir = o->run_dir,
        .vmx_path = o->vmx_path,
        .gstored_path = gstored_path,
        .agent_dir = o->agent_dir,
        .program_dir = o->program_dir,
        .worker_argv = worker_argv,
        .listen_fd = listen_fd,
        .ready_fd = o->ready_fd,
        .password_fd = password_fd,
        .stop_vms = o->stop_vms,
        .root = geteuid() == 0,
        .worker_uid = geteuid(),
        .worker_gid = getegid(),
    };
    if (so.root)
        worker_ids(o->user, &so.worker_uid, &so.worker_gid);
    return supervisor_run(&so);
}

int main(int argc, char **argv)
{
    static struct options o; /* its strings live as long as the process */
    int rc = options_parse(argc, argv, &o);
    if (rc)
        return rc > 0 ? EXIT_SUCCESS : 2;
    signal(SIGPIPE, SIG_IGN);
    umask(0022);
    log_open_fd(-1, o.worker ? "hostd" : "supervisor");
    log_set_level(o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    raise_limits();
    if (o.worker) {
        static char full[2][PATH_MAX];
        if (realpath(o.state_dir, full[0]) && realpath(o.run_dir, full[1])) {
            o.state_dir = full[0];
            o.run_dir = full[1];
        }
        return worker_run(&o);
    }
    return supervise(argc, argv, &o);
}
