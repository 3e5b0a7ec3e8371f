/* What the supervisor does for gstored: its folder, its socket, its user, its life. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "hostd/supervise_internal.h"

#define USER_NAME      "inguest-gstored"
#define FOLDER         "gstored"             /* in STATE: cache and log; gstored's own */
#define CREDENTIALS    "gstored.credentials" /* in STATE, which only root can write */
#define RESTART_MS     200u
#define RESTART_MAX_MS 5000u
#define STABLE_MS      10000u

static void start(struct supervisor *s);

static void gstored_ids(uid_t *ret_uid, gid_t *ret_gid)
{
    const struct passwd *pw = getpwnam(USER_NAME);
    *ret_uid = pw && pw->pw_uid ? pw->pw_uid : SUPERVISE_GSTORED_UID;
    *ret_gid = pw && pw->pw_uid ? pw->pw_gid : SUPERVISE_GSTORED_UID;
}

static void on_restart(uv_timer_t *timer)
{
    struct supervisor *s = timer->data;
    if (s->gstored.wanted && !s->gstored.runs && !s->stopping)
        start(s);
}

static void start_later(struct supervisor *s)
{
    uint64_t wait = s->gstored.failures ? RESTART_MS : 0;
    for (unsigned i = 1; i < s->gstored.failures && wait < RESTART_MAX_MS; i++)
        wait *= 2;
    uv_timer_start(&s->gstored.restart, on_restart, wait < RESTART_MAX_MS ? wait : RESTART_MAX_MS,
                   0);
}

static void on_closed(uv_handle_t *handle)
{
    struct supervisor *s = handle->data;
    s->gstored.runs = false;
    if (s->gstored.wanted && !s->stopping)
        start_later(s);
}

static void on_exit_cb(uv_process_t *process, int64_t status, int term_signal)
{
    struct supervisor *s = process->data;
    struct supervised_gstored *g = &s->gstored;
    bool clean = status == 0 && term_signal == 0;
    bool stable = clock_ms() - g->started_ms >= STABLE_MS;
    if (!clean)
        log_warn("supervisor: gstored ended (status %lld, signal %d)", (long long)status,
                 term_signal);
    /* An orderly end is one that it chose, to be started again with other settings. */
    g->failures = clean || stable ? 0 : g->failures + 1;
    uv_close((uv_handle_t *)process, on_closed);
}

/* The keys of an S3 repository; -1: there are none. */
static int open_credentials(const struct supervisor *s)
{
    struct stat st;
    int fd = openat(s->state_dir, CREDENTIALS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 077)) {
        log_error("supervisor: %s/%s must be a file of mode 0600 that belongs to the user of"
                  " inguest-hostd; it is not used",
                  s->options.state_dir, CREDENTIALS);
        close(fd);
        return -1;
    }
    return fd;
}

static int spawn(struct supervisor *s, uid_t uid, gid_t gid)
{
    AUTO_CLOSE int credentials = open_credentials(s);
    char state[PATH_MAX], user[16], group[16], peer[16], parent[16];
    char *env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    const char *argv[] = {"inguest-gstored",
                          "--state",
                          state,
                          "--uid",
                          user,
                          "--gid",
                          group,
                          "--peer-uid",
                          peer,
                          "--parent",
                          parent,
                          credentials >= 0 ? "--credentials" : NULL,
                          NULL};
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = s->gstored.listen_fd},
        {.flags = UV_INHERIT_FD, .data.fd = credentials >= 0 ? credentials : s->null_fd},
    };
    uv_process_options_t o = {
        .exit_cb = on_exit_cb,
        .file = s->options.gstored_path,
        .args = (char **)(uintptr_t)argv,
        .env = env,
        .flags = UV_PROCESS_DETACHED, /* a Ctrl-C is for the supervisor */
        .stdio = stdio,
        .stdio_count = ARRAY_SIZE(stdio),
    };
    snprintf(state, sizeof(state), "%s/" FOLDER, s->options.state_dir);
    snprintf(user, sizeof(user), "%u", (unsigned)uid);
    snprintf(group, sizeof(group), "%u", (unsigned)gid);
    snprintf(peer, sizeof(peer), "%u", (unsigned)s->options.worker_uid);
    snprintf(parent, sizeof(parent), "%d", (int)getpid());
    s->gstored.process.data = s;
    return uv_spawn(&s->loop, &s->gstored.process, &o);
}

static int make_folder(struct supervisor *s, uid_t uid, gid_t gid)
{
    if (mkdirat(s->state_dir, FOLDER, 0700) < 0 && errno != EEXIST)
        return -errno;
    AUTO_CLOSE int fd =
        openat(s->state_dir, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (s->options.root && fchown(fd, uid, gid) < 0))
        return -errno;
    return 0;
}

static void start(struct supervisor *s)
{
    struct supervised_gstored *g = &s->gstored;
    uid_t uid = 0; /* stays who it is */
    gid_t gid = 0;
    if (s->options.root)
        gstored_ids(&uid, &gid);
    g->started_ms = clock_ms();
    int rc = make_folder(s, uid, gid);
    if (rc == 0) {
        g->runs = true; /* until its handle is closed, also when the spawn fails */
        rc = spawn(s, uid, gid);
        if (rc == 0)
            return;
        uv_close((uv_handle_t *)&g->process, on_closed);
    }
    log_error("supervisor: gstored cannot be started: %s", strerror(-rc));
    g->failures++;
    if (!g->runs)
        start_later(s);
}

void supervisor_gstored_init(struct supervisor *s)
{
    s->gstored.listen_fd = -1;
    uv_timer_init(&s->loop, &s->gstored.restart);
    s->gstored.restart.data = s;
}

static int listen_once(struct supervisor *s, struct error *err)
{
    char path[PATH_MAX];
    if (s->gstored.listen_fd >= 0)
        return 0;
    snprintf(path, sizeof(path), "%s/" SUPERVISE_GSTORED_CTL, s->options.run_dir);
    int fd = sock_listen_unix(path, 0600, err);
    if (fd < 0)
        return fd;
    if (s->options.root && lchown(path, s->options.worker_uid, s->options.worker_gid) < 0) {
        int rc = error_errno(err, -errno, "%s cannot be given to the worker", path);
        close(fd);
        return rc;
    }
    s->gstored.listen_fd = fd;
    return 0;
}

int supervisor_gstored_want(struct supervisor *s, bool run, struct error *err)
{
    int rc = run ? listen_once(s, err) : 0;
    if (rc < 0)
        return rc;
    s->gstored.wanted = run;
    if (run && !s->gstored.runs) {
        s->gstored.failures = 0;
        start(s);
    } else if (!run && s->gstored.runs) {
        uv_process_kill(&s->gstored.process, SIGTERM);
    }
    return 0;
}
