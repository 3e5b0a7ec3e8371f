/* The supervisor's main: the worker's life, and the table of what it may ask for. */
#include "hostd/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "hostd/supervise_internal.h"

#define RESTART_MS     500u
#define RESTART_MAX_MS 30000u
#define STABLE_MS      60000u

static void start_worker(struct supervisor *s);

/* --- requests --- */

void supervisor_reply(struct supervisor *s, uint64_t id, int code, const char *text)
{
    if (!s->channel || !id)
        return;
    AUTO_BUF struct buf b = BUF_INIT(4096);
    size_t n = strnlen(text ? text : "", 1000);
    buf_put_le32(&b, (uint32_t)code);
    buf_put_le16(&b, (uint16_t)n);
    buf_put(&b, text ? text : "", n);
    struct iovec part = {.iov_base = b.data, .iov_len = b.len};
    if (buf_error(&b) || channel_send(s->channel, SUPERVISE_REPLY, id, &part, 1, NULL, 0) < 0)
        log_error("supervisor: a reply could not be sent");
}

void supervisor_send_exited(struct supervisor *s, const char *id, const char *text)
{
    if (!s->channel)
        return;
    AUTO_BUF struct buf b = BUF_INIT(4096);
    const char *const strings[] = {id, text};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strnlen(strings[i], 1000);
        buf_put_le16(&b, (uint16_t)n);
        buf_put(&b, strings[i], n);
    }
    struct iovec part = {.iov_base = b.data, .iov_len = b.len};
    if (!buf_error(&b))
        channel_send(s->channel, SUPERVISE_EXITED, 0, &part, 1, NULL, 0);
}

static int get_name(struct cursor *c, char out[SUPERVISE_NAME_MAX + 1])
{
    uint16_t n;
    const uint8_t *p;
    if (cursor_le16(c, &n) < 0 || cursor_bytes(c, n, &p) < 0 || n > SUPERVISE_NAME_MAX ||
        memchr(p, '\0', n))
        return -EBADMSG;
    memcpy(out, p, n);
    out[n] = '\0';
    return supervise_name_valid(out) ? 0 : -EINVAL;
}

/* A handler answers with what it returns; 1: it answers later. */
static int handle_create(struct supervisor *s, uint64_t id, struct cursor *c, struct error *err)
{
    char folder[SUPERVISE_NAME_MAX + 1], config[SUPERVISE_NAME_MAX + 1];
    uint32_t len;
    const uint8_t *text;
    (void)id;
    if (get_name(c, folder) < 0 || get_name(c, config) < 0 || cursor_le32(c, &len) < 0 ||
        cursor_bytes(c, len, &text) < 0)
        return error_set(err, -EINVAL, "bad request");
    return supervisor_vm_create(s, folder, config, text, len, err);
}

static int handle_delete(struct supervisor *s, uint64_t id, struct cursor *c, struct error *err)
{
    char folder[SUPERVISE_NAME_MAX + 1];
    if (get_name(c, folder) < 0)
        return error_set(err, -EINVAL, "bad request");
    int rc = supervisor_vm_delete(s, id, folder, err);
    return rc ? rc : 1;
}

static int handle_clone(struct supervisor *s, uint64_t id, struct cursor *c, struct error *err)
{
    char from[SUPERVISE_NAME_MAX + 1], folder[SUPERVISE_NAME_MAX + 1],
        config[SUPERVISE_NAME_MAX + 1];
    char names[SUPERVISE_CLONE_FILES_MAX][2][SUPERVISE_NAME_MAX + 1];
    struct supervise_clone clone = {.from_folder = from, .folder = folder, .config = config};
    uint32_t len;
    uint16_t count;
    const uint8_t *text;
    if (get_name(c, from) < 0 || get_name(c, folder) < 0 || get_name(c, config) < 0 ||
        cursor_le32(c, &len) < 0 || cursor_bytes(c, len, &text) < 0 || cursor_le16(c, &count) < 0 ||
        count > SUPERVISE_CLONE_FILES_MAX)
        return error_set(err, -EINVAL, "bad request");
    for (unsigned i = 0; i < count; i++) {
        if (get_name(c, names[i][0]) < 0 || get_name(c, names[i][1]) < 0)
            return error_set(err, -EINVAL, "bad request");
        clone.files[i].from = names[i][0];
        clone.files[i].to = names[i][1];
    }
    clone.file_count = count;
    clone.text = text;
    clone.len = len;
    int rc = supervisor_vm_clone(s, id, &clone, err);
    return rc ? rc : 1;
}

static int handle_start(struct supervisor *s, uint64_t id, struct cursor *c, struct error *err)
{
    char vm[SUPERVISE_NAME_MAX + 1], folder[SUPERVISE_NAME_MAX + 1], config[SUPERVISE_NAME_MAX + 1];
    if (get_name(c, vm) < 0 || get_name(c, folder) < 0 || get_name(c, config) < 0)
        return error_set(err, -EINVAL, "bad request");
    int rc = supervisor_vm_start(s, id, vm, folder, config, err);
    return rc ? rc : 1;
}

static int handle_kill(struct supervisor *s, uint64_t id, struct cursor *c, struct error *err)
{
    char vm[SUPERVISE_NAME_MAX + 1];
    (void)id;
    if (get_name(c, vm) < 0)
        return error_set(err, -EINVAL, "bad request");
    return supervisor_vm_kill(s, vm, SIGKILL, err);
}

static int handle_gstored(struct supervisor *s, uint64_t id, struct cursor *c, struct error *err)
{
    uint8_t run;
    (void)id;
    if (cursor_u8(c, &run) < 0 || run > 1)
        return error_set(err, -EINVAL, "bad request");
    return supervisor_gstored_want(s, run, err);
}

static int handle_quit(struct supervisor *s, uint64_t id, struct cursor *c, struct error *err)
{
    (void)id;
    (void)c;
    (void)err;
    s->quit = true;
    return 0;
}

static const struct {
    uint16_t type;
    const char *name;
    bool while_stopping;
    int (*handle)(struct supervisor *s, uint64_t id, struct cursor *c, struct error *err);
} requests[] = {
    {SUPERVISE_CREATE, "create", false, handle_create},
    {SUPERVISE_DELETE, "delete", false, handle_delete},
    {SUPERVISE_CLONE, "clone", false, handle_clone},
    {SUPERVISE_START, "start", false, handle_start},
    {SUPERVISE_KILL, "kill", true, handle_kill},
    {SUPERVISE_QUIT, "quit", true, handle_quit},
    {SUPERVISE_GSTORED, "gstored", false, handle_gstored},
};

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    (void)ch;
    struct supervisor *s = arg;
    struct cursor c = CURSOR_INIT(msg->body, msg->len);
    struct error err = {0};
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        if (requests[i].type != msg->type)
            continue;
        int rc = s->stopping && !requests[i].while_stopping
                     ? error_set(&err, -ESHUTDOWN, "the host is stopping")
                     : requests[i].handle(s, msg->id, &c, &err);
        if (rc <= 0) {
            if (rc < 0)
                log_warn("supervisor: %s refused: %s", requests[i].name, error_text(&err));
            supervisor_reply(s, msg->id, rc, rc < 0 ? error_text(&err) : "");
        }
        return;
    }
    log_error("supervisor: unknown request %u", msg->type);
    supervisor_reply(s, msg->id, -ENOSYS, "unknown request");
}

static void on_channel_closed(struct channel *ch, int reason, void *arg)
{
    (void)reason;
    struct supervisor *s = arg;
    if (s->channel == ch)
        s->channel = NULL;
    channel_close(ch);
}

/* --- the worker --- */

static void maybe_end(struct supervisor *s)
{
    if (s->stopping && !s->worker_runs && (!s->options.stop_vms || !s->vms))
        uv_stop(&s->loop);
}

void supervisor_vm_gone(struct supervisor *s)
{
    maybe_end(s);
}

static void on_restart(uv_timer_t *timer)
{
    struct supervisor *s = timer->data;
    if (!s->stopping)
        start_worker(s);
}

static void on_worker_exit(uv_process_t *process, int64_t status, int term_signal)
{
    struct supervisor *s = process->data;
    uv_close((uv_handle_t *)process, NULL);
    s->worker_runs = false;
    if (s->channel) {
        channel_close(s->channel);
        s->channel = NULL;
    }
    bool early = clock_ms() - s->worker_started_ms < STABLE_MS;
    if (s->quit || s->stopping) {
        s->exit_status = s->stopping && (term_signal || !status) ? 0 : (int)status;
        if (!s->stopping && s->options.stop_vms)
            supervisor_vm_stop_all(s);
        s->stopping = true;
        maybe_end(s);
        return;
    }
    s->restarts = early ? s->restarts + 1 : 0;
    uint64_t wait = RESTART_MS;
    for (unsigned i = 1; i < s->restarts && wait < RESTART_MAX_MS; i++)
        wait *= 2;
    log_error("supervisor: the worker ended (status %lld, signal %d); started again in %llu ms",
              (long long)status, term_signal, (unsigned long long)wait);
    uv_timer_start(&s->restart, on_restart, wait, 0);
}

static void start_worker(struct supervisor *s)
{
    static const struct channel_ops ops = {.message = on_message, .closed = on_channel_closed};
    int pair[2] = {-1, -1};
    int rc = sock_pair(pair);
    if (rc == 0) {
        rc = channel_new(&s->loop, pair[0], SUPERVISE_BODY_MAX, SUPERVISE_QUEUE_MAX, &ops, s,
                         &s->channel);
        if (rc < 0)
            close(pair[0]);
    }
    if (rc == 0) {
        const struct supervisor_options *so = &s->options;
        /* Every number that the worker counts on is taken, so that it never means another file. */
        const int fds[] = {s->null_fd,
                           STDOUT_FILENO,
                           STDERR_FILENO,
                           pair[1],
                           so->listen_fd,
                           so->ready_fd >= 0 ? so->ready_fd : s->null_fd,
                           so->password_fd >= 0 ? so->password_fd : s->null_fd};
        uv_stdio_container_t stdio[ARRAY_SIZE(fds)];
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
            stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fds[i]};
        uv_process_options_t o = {
            .exit_cb = on_worker_exit,
            .file = "/proc/self/exe",
            .args = s->options.worker_argv,
            .stdio = stdio,
            .stdio_count = ARRAY_SIZE(stdio),
        };
        s->worker.data = s;
        rc = uv_spawn(&s->loop, &s->worker, &o);
    }
    if (pair[1] >= 0)
        close(pair[1]);
    /* For the first one only; whoever reads it also waits for its end. */
    if (s->options.ready_fd >= 0)
        close(TAKE_FD(s->options.ready_fd));
    if (rc < 0) {
        log_error("supervisor: the worker cannot be started: %s", strerror(-rc));
        if (s->channel)
            channel_close(s->channel);
        s->channel = NULL;
        s->exit_status = 1;
        uv_stop(&s->loop);
        return;
    }
    s->worker_runs = true;
    s->worker_started_ms = clock_ms();
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct supervisor *s = signal->data;
    log_info("supervisor: stopping (signal %d)", number);
    uv_timer_stop(&s->restart);
    if (s->worker_runs)
        uv_process_kill(&s->worker, SIGTERM);
    if (!s->stopping && s->options.stop_vms)
        supervisor_vm_stop_all(s);
    s->stopping = true;
    maybe_end(s);
}

/* --- folders --- */

static int open_folder(int at, const char *name, mode_t mode, gid_t gid, bool root, int *ret)
{
    if (mkdirat(at, name, mode) < 0 && errno != EEXIST)
        return -errno;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fchmod(fd, mode) < 0 || (root && fchown(fd, 0, gid) < 0)) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    *ret = fd;
    return 0;
}

static int open_folders(struct supervisor *s)
{
    const struct supervisor_options *o = &s->options;
    AUTO_CLOSE int run = open(o->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (s->null_fd < 0)
        return -errno;
    s->state_dir = open(o->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run < 0 || s->state_dir < 0)
        return -errno;
    int rc = open_folder(s->state_dir, "vms", 0750, o->worker_gid, o->root, &s->vms_dir);
    /* Guests' processes must pass through to their link folder's mount source; hostd lists it. */
    if (rc == 0)
        rc = open_folder(run, "vm", 0711, o->worker_gid, o->root, &s->run_vm_dir);
    if (rc == 0)
        rc = open_folder(run, "supervisor", 0700, 0, o->root, &s->record_dir);
    int own[2] = {-1, -1};
    /* The worker's own folders. */
    if (rc == 0)
        rc = open_folder(s->state_dir, "hostd", 0700, 0, false, &own[0]);
    if (rc == 0)
        rc = open_folder(run, "tickets", 0700, 0, false, &own[1]);
    for (int i = 0; i < 2; i++) {
        if (rc == 0 && o->root && fchown(own[i], o->worker_uid, o->worker_gid) < 0)
            rc = -errno;
        if (own[i] >= 0)
            close(own[i]);
    }
    return rc;
}

/* A program beside vmx's other ones. */
static char *sibling(const struct supervisor_options *o, const char *name)
{
    const char *slash = strrchr(o->vmx_path, '/');
    if (o->program_dir)
        return mem_printf("%s/%s", o->program_dir, name);
    return mem_printf("%.*s/%s", slash ? (int)(slash - o->vmx_path) : 1, slash ? o->vmx_path : ".",
                      name);
}

int supervisor_run(const struct supervisor_options *options)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    static struct supervisor s = {
        .state_dir = -1, .vms_dir = -1, .run_vm_dir = -1, .record_dir = -1};
    s.options = *options;
    int rc = open_folders(&s);
    if (rc < 0) {
        log_error("supervisor: the folders in %s and %s cannot be set up: %s", options->state_dir,
                  options->run_dir, strerror(-rc));
        return 1;
    }
    uv_loop_init(&s.loop);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        uv_signal_init(&s.loop, &s.signals[i]);
        s.signals[i].data = &s;
        uv_signal_start(&s.signals[i], on_signal, numbers[i]);
    }
    uv_timer_init(&s.loop, &s.restart);
    s.restart.data = &s;
    supervisor_gstored_init(&s);
    s.disk_program = sibling(options, "inguest-disk");
    supervisor_forget_clones(&s);
    start_worker(&s);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    return s.exit_status;
}
