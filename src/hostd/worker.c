#include "hostd/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "hostd/core.h"
#include "hostd/http_server.h"
#include "hostd/listen.h"
#include "hostd/modules.h"
#include "hostd/random.h"
#include "hostd/supervise.h"
#include "hostd/tls.h"
#include "hostd/users.h"

#define HOST_NAME_SIZE 256

struct worker {
    struct host host;
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct tls_identity identity;
    bool lost;
};

void worker_ids(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
    const struct passwd *pw = getpwnam(name);
    *ret_uid = pw && pw->pw_uid ? pw->pw_uid : SUPERVISE_WORKER_UID;
    *ret_gid = pw && pw->pw_uid ? pw->pw_gid : SUPERVISE_WORKER_UID;
}

/* For good: from here on this process is nobody special. */
static int give_up_rights(const struct options *o, struct error *err)
{
    uid_t uid;
    gid_t gid;
    if (geteuid() == 0) {
        worker_ids(o->user, &uid, &gid);
        if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
            return error_errno(err, -errno, "cannot become user %u", (unsigned)uid);
        if (setuid(0) == 0 || geteuid() == 0)
            return error_set(err, -EPERM, "root's rights could not be given up");
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return error_errno(err, -errno, "cannot confine this process");
    return 0;
}

/* From the descriptor that the supervisor opened. NULL: none given. */
static int read_password(char out[PASSWORD_MAX + 2], struct error *err)
{
    /* Not read(): a worker that is started again finds the same open file. */
    ssize_t n = pread(SUPERVISE_PASSWORD_FD, out, PASSWORD_MAX + 1, 0);
    if (n < 0)
        return error_errno(err, -errno, "the password file cannot be read");
    out[n] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    size_t len = strlen(out);
    if (len == 0 || len > PASSWORD_MAX)
        return error_set(err, -EINVAL, "the password file must hold one line of 1 to %d bytes",
                         PASSWORD_MAX);
    return 0;
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct worker *w = signal->data;
    log_info("hostd: stopping (signal %d)", number);
    uv_stop(&w->loop);
}

static void on_supervisor_lost(struct host *host)
{
    uv_stop(host->loop);
}

static void describe(struct core_options *co, const struct options *o, unsigned port,
                     const char *host_name)
{
    co->host = (struct host_options){
        .state_dir = o->state_dir,
        .run_dir = o->run_dir,
        .name = o->name ? o->name : host_name,
        .persona = o->persona,
        .port = port,
        .session_idle_seconds = o->session_idle_seconds,
        .guest_op_seconds = o->guest_op_seconds,
        .guest_ops_off = o->guest_ops_off,
        .rest_compat = o->rest_compat,
    };
}

static int start_core(struct worker *w, const struct options *o, unsigned port, struct error *err)
{
    static char host_name[HOST_NAME_SIZE];
    struct core_options co = {0};
    char given[PASSWORD_MAX + 2] = "", made[RANDOM_PASSWORD_SIZE];
    AUTO_FREE char *state = mem_printf("%s/hostd", o->state_dir);
    AUTO_FREE char *db = mem_printf("%s/hostd/hostd.db", o->state_dir);
    if (gethostname(host_name, sizeof(host_name) - 1) < 0 || !host_name[0])
        snprintf(host_name, sizeof(host_name), "localhost");
    if (!state || !db)
        return error_set(err, -ENOMEM, "no memory");
    int rc = o->password_file ? read_password(given, err) : 0;
    if (rc == 0) {
        AUTO_CLOSE int dir = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = dir < 0 ? error_errno(err, -errno,
                                   "%s cannot be opened (may the worker's user pass through the"
                                   " folders above it?)",
                                   state)
                     : tls_identity_load(dir, o->name ? o->name : host_name, &w->identity, err);
    }
    describe(&co, o, port, host_name);
    co.db_path = db;
    co.host.thumbprint = w->identity.thumbprint;
    co.administrator_password = o->password_file ? given : NULL;
    if (rc == 0)
        rc = core_start(&w->host, &co, made, err);
    if (rc == 0 && made[0]) {
        printf("The administrator's password, shown this once: user %s, password %s\n",
               USERS_ADMINISTRATOR, made);
        fflush(stdout);
    }
    explicit_bzero(given, sizeof(given));
    explicit_bzero(made, sizeof(made));
    return rc;
}

static void tell_ready(const struct options *o, unsigned port)
{
    const char *colon = strrchr(o->listen, ':');
    int n = colon ? (int)(colon - o->listen) : (int)strlen(o->listen);
    if (o->ready_fd >= 0)
        dprintf(SUPERVISE_READY_FD, "ready https://%.*s:%u/sdk\n", n, o->listen, port);
    log_info("hostd: serving https://%.*s:%u/sdk", n, o->listen, port);
    if (o->ready_fd >= 0)
        close(SUPERVISE_READY_FD);
}

static int start(struct worker *w, const struct options *o, struct error *err)
{
    int rc = give_up_rights(o, err);
    if (rc < 0)
        return rc;
    unsigned port = listen_port(SUPERVISE_LISTEN_FD);
    uv_loop_init(&w->loop);
    w->host.loop = &w->loop;
    rc = supervise_new(&w->host, SUPERVISE_CHANNEL_FD, &w->host.sup);
    if (rc < 0)
        return error_errno(err, rc, "the supervisor's channel is unusable");
    supervise_on_lost(w->host.sup, on_supervisor_lost);
    rc = start_core(w, o, port, err);
    if (rc == 0)
        rc = http_start(&w->host, SUPERVISE_LISTEN_FD, w->identity.cert_pem, w->identity.key_pem,
                        host_modules, &w->host.http, err);
    if (rc == 0)
        tell_ready(o, port);
    return rc;
}

static void close_inherited(const struct options *o)
{
    static const int fds[] = {SUPERVISE_CHANNEL_FD, SUPERVISE_LISTEN_FD};
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        sock_set_nonblocking(fds[i], 1);
    }
    if (o->ready_fd >= 0)
        fcntl(SUPERVISE_READY_FD, F_SETFD, FD_CLOEXEC);
}

int worker_run(const struct options *o)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    static struct worker w;
    struct error err = {0};
    mallopt(M_ARENA_MAX, 2);
    prctl(PR_SET_NAME, "hostd-worker"); /* the exec by descriptor has left "exe" */
    close_inherited(o);
    int rc = start(&w, o, &err);
    if (rc < 0) {
        log_error("hostd: %s", error_text(&err));
        if (w.host.sup)
            supervise_quit(w.host.sup); /* trying again would not help */
        if (w.host.loop)
            uv_run(&w.loop, UV_RUN_NOWAIT);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        uv_signal_init(&w.loop, &w.signals[i]);
        w.signals[i].data = &w;
        uv_signal_start(&w.signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&w.signals[i]);
    }
    uv_run(&w.loop, UV_RUN_DEFAULT);
    core_stop(&w.host);
    supervise_quit(w.host.sup);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    supervise_free(w.host.sup);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        uv_close((uv_handle_t *)&w.signals[i], NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    uv_loop_close(&w.loop);
    tls_identity_free(&w.identity);
    return EXIT_SUCCESS;
}
