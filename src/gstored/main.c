/*
 * inguest-gstored: the content daemon of GuestStore. Started and watched over by the supervisor of
 * inguest-hostd with the socket for hostd at GSTORED_LISTEN_FD and the credentials file, if there
 * is one, at GSTORED_CREDENTIALS_FD.
 *
 * Rights go in stages: as soon as it runs it is an unprivileged user of its own; when it knows the
 * repository it gives up all files but that, its own folder and what names and certificates need,
 * and all system calls that it does not use (confine.c). Only then comes the first VM.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "gstored/confine.h"
#include "gstored/control.h"
#include "gstored/request_log.h"

#define LISTEN_FD      3
#define CREDENTIALS_FD 4

static const char usage[] =
    "usage: inguest-gstored --state DIR [option...]\n"
    "\n"
    "The content daemon of GuestStore. inguest-hostd starts it when there is a repository.\n"
    "\n"
    "  --state DIR        holds the cache and gstored.log\n"
    "  --uid N, --gid N   started as root: become these\n"
    "  --peer-uid N       who may connect to the socket, descriptor 3\n"
    "  --credentials      descriptor 4 is the file with the keys of an S3 repository\n"
    "  --parent PID       end with the process that started this one\n"
    "  -h, --help         this text\n"
    "  --version          version\n";

struct arguments {
    const char *state;
    unsigned uid, gid, peer_uid;
    unsigned parent; /* 0: none */
    bool credentials;
};

static int number(const char *text, unsigned *ret)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno || end == text || *end || n > 0x7fffffff)
        return -EINVAL;
    *ret = (unsigned)n;
    return 0;
}

/* 0; 1: done; -EINVAL, said on stderr. */
static int parse(int argc, char **argv, struct arguments *a)
{
    static const struct option longs[] = {
        {"state", 1, NULL, 's'},    {"uid", 1, NULL, 'u'},         {"gid", 1, NULL, 'g'},
        {"peer-uid", 1, NULL, 'p'}, {"credentials", 0, NULL, 'c'}, {"parent", 1, NULL, 'P'},
        {"version", 0, NULL, 'V'},  {"help", 0, NULL, 'h'},        {0},
    };
    int opt, rc = 0;
    while (rc == 0 && (opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (opt) {
        case 's':
            a->state = optarg;
            break;
        case 'u':
            rc = number(optarg, &a->uid);
            break;
        case 'g':
            rc = number(optarg, &a->gid);
            break;
        case 'p':
            rc = number(optarg, &a->peer_uid);
            break;
        case 'c':
            a->credentials = true;
            break;
        case 'P':
            rc = number(optarg, &a->parent);
            break;
        case 'h':
        case 'V':
            fputs(opt == 'h' ? usage : "inguest-gstored " INGUEST_VERSION "\n", stdout);
            return 1;
        default:
            rc = -EINVAL;
        }
    }
    if (rc < 0 || optind != argc || !a->state) {
        fputs("try inguest-gstored --help\n", stderr);
        return -EINVAL;
    }
    return 0;
}

static void on_signal(uv_signal_t *signal, int number)
{
    log_info("ending (signal %d)", number);
    uv_stop(signal->loop);
}

static int start(const struct arguments *a, uv_loop_t *loop, struct control **ret,
                 struct error *err)
{
    int rc = confine_identity(a->uid, a->gid, err);
    /* Now, since a change of user takes it back; and it may have gone already. */
    if (rc == 0 && a->parent &&
        (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != (pid_t)a->parent))
        rc = error_set(err, -ESRCH, "the supervisor has gone");
    if (rc < 0)
        return rc;
#ifndef __SANITIZE_ADDRESS__            /* its leak check could not look at us */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* there may be keys in memory */
#endif
    int dir = open(a->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return error_errno(err, -errno, "cannot open %s", a->state);
    rc = request_log_open(dir, "gstored.log", err);
    struct control_options o = {
        .listen_fd = LISTEN_FD,
        .credentials_fd = a->credentials ? CREDENTIALS_FD : -1,
        .peer_uid = a->peer_uid,
        .state_dir = dir,
        .state_path = a->state,
        .confine = confine_gstored,
    };
    return rc < 0 ? rc : control_new(loop, &o, ret, err);
}

int main(int argc, char **argv)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    static const struct rlimit no_core = {0, 0};
    struct arguments a = {0};
    struct error err = {0};
    struct control *control = NULL;
    uv_signal_t signals[ARRAY_SIZE(numbers)];
    uv_loop_t loop;
    int rc = parse(argc, argv, &a);

    if (rc)
        return rc > 0 ? EXIT_SUCCESS : 2;
    signal(SIGPIPE, SIG_IGN);
    umask(0077);
    setrlimit(RLIMIT_CORE, &no_core);
    mallopt(M_ARENA_MAX, 2);
    log_open_fd(-1, "gstored");
    fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC);
    if (a.credentials)
        fcntl(CREDENTIALS_FD, F_SETFD, FD_CLOEXEC);
    uv_loop_init(&loop);
    if (start(&a, &loop, &control, &err) < 0) {
        log_error("%s", error_text(&err));
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        uv_signal_init(&loop, &signals[i]);
        uv_signal_start(&signals[i], on_signal, numbers[i]);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    control_free(control);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        uv_close((uv_handle_t *)&signals[i], NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return EXIT_SUCCESS;
}
