/* What the supervisor does for VMs: folders with a user id range, and vmx processes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/supervise_internal.h"

#define RECORD_MAX 256
#define READY_FD   "3"

/* --- user id ranges --- */

int supervisor_range_of(uid_t owner, uint32_t *ret_base)
{
    uint32_t base = (uint32_t)owner - (SUPERVISE_IDS - 1);
    if (base < SUPERVISE_UID_FIRST || base > SUPERVISE_UID_LAST || base % SUPERVISE_IDS)
        return -EPERM;
    *ret_base = base;
    return 0;
}

int supervisor_free_range(struct supervisor *s, uint32_t *ret_base, struct error *err)
{
    enum { RANGES = (SUPERVISE_UID_LAST - SUPERVISE_UID_FIRST) / SUPERVISE_IDS + 1 };
    AUTO_FREE unsigned char *used = mem_calloc(RANGES, 1);
    int fd = openat(s->vms_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir || !used) {
        if (dir)
            closedir(dir);
        else if (fd >= 0)
            close(fd);
        return error_set(err, -ENOMEM, "the folder of the VMs cannot be read");
    }
    const struct dirent *e;
    while ((e = readdir(dir)) != NULL) {
        struct stat st;
        uint32_t base;
        if (fstatat(s->vms_dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            supervisor_range_of(st.st_uid, &base) == 0)
            used[(base - SUPERVISE_UID_FIRST) / SUPERVISE_IDS] = 1;
    }
    closedir(dir);
    /* Not always from the first: two hosts on one machine (a trial beside the real one) should not
     * give their guests the same ids. */
    struct stat self;
    uint32_t start = fstat(s->vms_dir, &self) == 0
                         ? (uint32_t)((self.st_ino * 2654435761u ^ self.st_dev) % RANGES)
                         : 0;
    for (uint32_t i = 0; i < RANGES; i++)
        if (!used[(start + i) % RANGES]) {
            *ret_base = SUPERVISE_UID_FIRST + (start + i) % RANGES * SUPERVISE_IDS;
            return 0;
        }
    return error_set(err, -ENOSPC, "all user id ranges are in use");
}

/* --- folders --- */

static int open_vm(struct supervisor *s, const char *folder)
{
    int fd = openat(s->vms_dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The file is written while the folder is still ours alone. */
static int fill_folder(struct supervisor *s, const char *folder, const char *config,
                       const void *text, size_t len, struct error *err)
{
    uint32_t base = 0;
    int rc = s->options.root ? supervisor_free_range(s, &base, err) : 0;
    if (rc < 0)
        return rc;
    AUTO_CLOSE int fd = open_vm(s, folder);
    if (fd < 0)
        return error_errno(err, fd, "the folder %s cannot be opened", folder);
    rc = fs_write_file(fd, config, text, len, 0640, err);
    if (rc < 0 || !s->options.root)
        return rc;
    uid_t uid = base + SUPERVISE_IDS - 1;
    if (fchownat(fd, config, uid, s->options.worker_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchown(fd, uid, s->options.worker_gid) < 0)
        return error_errno(err, -errno, "the folder %s cannot be given to its user", folder);
    return 0;
}

int supervisor_vm_create(struct supervisor *s, const char *folder, const char *config,
                         const void *text, size_t len, struct error *err)
{
    if (mkdirat(s->vms_dir, folder, 0750) < 0)
        return error_errno(err, -errno, "the folder %s cannot be made", folder);
    int rc = fill_folder(s, folder, config, text, len, err);
    if (rc < 0)
        fs_remove_tree(s->vms_dir, folder, NULL);
    return rc;
}

struct removal {
    uv_work_t work;
    struct supervisor *s;
    uint64_t request;
    char folder[NAME_MAX + 1];
    int code;
    struct error err;
};

static void remove_work(uv_work_t *w)
{
    struct removal *r = w->data;
    r->code = fs_remove_tree(r->s->vms_dir, r->folder, &r->err);
}

static void remove_done(uv_work_t *w, int status)
{
    struct removal *r = w->data;
    int code = status < 0 ? status : r->code;
    if (r->request)
        supervisor_reply(r->s, r->request, code, code < 0 ? error_text(&r->err) : "");
    else if (code < 0)
        log_error("supervisor: %s remains: %s", r->folder, error_text(&r->err));
    mem_free(r);
}

/* `request` 0: nobody is told. */
static int remove_folder(struct supervisor *s, uint64_t request, const char *folder,
                         struct error *err)
{
    struct removal *r = mem_calloc(1, sizeof(*r));
    if (!r)
        return error_set(err, -ENOMEM, "no memory");
    r->s = s;
    r->request = request;
    r->work.data = r;
    snprintf(r->folder, sizeof(r->folder), "%s", folder);
    int rc = uv_queue_work(&s->loop, &r->work, remove_work, remove_done);
    if (rc < 0)
        mem_free(r);
    return rc < 0 ? error_set(err, rc, "no thread") : 0;
}

void supervisor_remove_later(struct supervisor *s, const char *folder)
{
    struct error err = {0};
    if (remove_folder(s, 0, folder, &err) < 0)
        log_error("supervisor: %s remains: %s", folder, error_text(&err));
}

/* --- records of running vmx processes, which outlive a supervisor --- */

/* Field 22 of /proc/PID/stat: when the process was started; tells a pid from its reuse. */
static unsigned long long start_time(pid_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *p = strrchr(text, ')'); /* the name before it may hold anything */
    if (p && strncmp(p, ") Z", 3) == 0)
        return 0; /* dead, not yet waited for */
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p ? strtoull(p + 1, NULL, 10) : 0;
}

static void write_record(struct supervisor *s, const char *id, pid_t pid, const char *folder)
{
    char text[RECORD_MAX];
    struct error err = {0};
    int n = snprintf(text, sizeof(text), "%d %llu %s\n", (int)pid, start_time(pid), folder);
    if (fs_write_file(s->record_dir, id, text, (size_t)n, 0600, &err) < 0)
        log_warn("supervisor: %s: no record of its vmx: %s", id, error_text(&err));
}

/* The process of a record as a pidfd, or -ESRCH when it runs no more (the record goes then). */
static int open_record(struct supervisor *s, const char *id, char folder[SUPERVISE_NAME_MAX + 1])
{
    AUTO_BUF struct buf b = BUF_INIT(RECORD_MAX);
    int pid = 0, used = 0;
    unsigned long long started = 0;
    if (fs_read_file(s->record_dir, id, &b, NULL) < 0)
        return -ESRCH;
    if (sscanf(buf_text(&b), "%d %llu %n", &pid, &started, &used) < 2 || pid <= 1)
        return -ESRCH;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0u);
    /* After the open: what we look at now is what the descriptor means. */
    if (fd < 0 || !started || start_time(pid) != started) {
        if (fd >= 0)
            close(fd);
        unlinkat(s->record_dir, id, 0);
        return -ESRCH;
    }
    snprintf(folder, SUPERVISE_NAME_MAX + 1, "%.*s", (int)strcspn(buf_text(&b) + used, "\n"),
             buf_text(&b) + used);
    return fd;
}

/* Does a vmx run on the folder? */
static bool folder_busy(struct supervisor *s, const char *folder)
{
    int fd = openat(s->record_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    bool busy = false;
    const struct dirent *e;
    if (!dir)
        return false;
    while (!busy && (e = readdir(dir)) != NULL) {
        char other[SUPERVISE_NAME_MAX + 1];
        int pidfd = supervise_name_valid(e->d_name) ? open_record(s, e->d_name, other) : -1;
        if (pidfd >= 0) {
            close(pidfd);
            busy = strcmp(other, folder) == 0;
        }
    }
    closedir(dir);
    return busy;
}

int supervisor_vm_delete(struct supervisor *s, uint64_t request, const char *folder,
                         struct error *err)
{
    if (folder_busy(s, folder))
        return error_set(err, -EBUSY, "the VM in %s runs", folder);
    return remove_folder(s, request, folder, err);
}

/* --- vmx processes --- */

static void free_when_closed(struct supervised *v)
{
    if (v->ready_open || v->process_open)
        return;
    mem_free(v);
}

static void on_ready_closed(uv_handle_t *h)
{
    struct supervised *v = h->data;
    v->ready_open = false;
    free_when_closed(v);
}

static void on_process_closed(uv_handle_t *h)
{
    struct supervised *v = h->data;
    v->process_open = false;
    free_when_closed(v);
}

static void on_ready(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct supervised *v = stream->data;
    (void)buf;
    if (n >= 0)
        return;
    uv_close((uv_handle_t *)stream, on_ready_closed);
    /* A vmx that failed closes it too; on_exit, which may come later, answers only what is left. A
     * worker that is told "ready" and cannot connect hears of the end right after. */
    char path[SUPERVISE_NAME_MAX + 8];
    snprintf(path, sizeof(path), "%s/ctl", v->id);
    if (v->request && faccessat(v->sup->run_vm_dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        supervisor_reply(v->sup, v->request, 0, "");
        v->request = 0;
    }
}

static void ready_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    static char bytes[64];
    (void)h;
    (void)size;
    *buf = uv_buf_init(bytes, sizeof(bytes));
}

static void on_exit_cb(uv_process_t *process, int64_t status, int term_signal)
{
    struct supervised *v = process->data;
    struct supervisor *s = v->sup;
    char text[128];
    if (term_signal)
        snprintf(text, sizeof(text), "vmx was ended by signal %d", term_signal);
    else
        snprintf(text, sizeof(text), "vmx ended with status %lld", (long long)status);
    log_info("supervisor: %s: %s", v->id, text);
    /* Removes the record of a dead process, but not that of a successor. */
    char folder[SUPERVISE_NAME_MAX + 1];
    int successor = open_record(s, v->id, folder);
    if (successor >= 0)
        close(successor);
    else
        fs_remove_tree(s->run_vm_dir, v->id, NULL);
    if (v->request)
        supervisor_reply(s, v->request, -ECHILD, text);
    /* Where a successor runs already, its predecessor's end is no news: whoever asked for the
     * successor knew, and would take it for the end of that. */
    if (successor < 0)
        supervisor_send_exited(s, v->id, text);
    *v->link = v->next;
    if (v->next)
        v->next->link = v->link;
    uv_close((uv_handle_t *)process, on_process_closed);
    if (v->ready_open && !uv_is_closing((uv_handle_t *)&v->ready))
        uv_close((uv_handle_t *)&v->ready, on_ready_closed);
    supervisor_vm_gone(s);
}

/* RUN/vm/ID, fresh: what a vmx that was killed left there goes. */
static int make_run_folder(struct supervisor *s, const char *id, uid_t uid, struct error *err)
{
    int rc = fs_remove_tree(s->run_vm_dir, id, err);
    if (rc < 0)
        return rc;
    if (mkdirat(s->run_vm_dir, id, 0750) < 0)
        return error_errno(err, -errno, "the run folder of %s cannot be made", id);
    if (s->options.root &&
        fchownat(s->run_vm_dir, id, uid, s->options.worker_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, -errno, "the run folder of %s cannot be given to its user", id);
    return 0;
}

struct vmx_args {
    char folder[PATH_MAX], run[PATH_MAX], base[16], gid[16], peer[16];
    char *argv[24];
};

static void build_args(struct supervisor *s, struct vmx_args *a, const char *id, const char *folder,
                       const char *config, uint32_t base)
{
    const struct supervisor_options *o = &s->options;
    unsigned n = 0;
    const char *argv[ARRAY_SIZE(a->argv)] = {
        "inguest-vmx", "--folder", a->folder, "--config", config,       "--run", a->run,
        "--ready-fd",  READY_FD,   "--gid",   a->gid,     "--peer-uid", a->peer};
    snprintf(a->folder, sizeof(a->folder), "%s/vms/%s", o->state_dir, folder);
    snprintf(a->run, sizeof(a->run), "%s/vm/%s", o->run_dir, id);
    snprintf(a->base, sizeof(a->base), "%u", base);
    snprintf(a->gid, sizeof(a->gid), "%u", (unsigned)o->worker_gid);
    snprintf(a->peer, sizeof(a->peer), "%u", (unsigned)o->worker_uid);
    while (argv[n])
        n++;
    if (base) {
        argv[n++] = "--uid-base";
        argv[n++] = a->base;
    }
    if (o->agent_dir) {
        argv[n++] = "--agent-dir";
        argv[n++] = o->agent_dir;
    }
    if (o->program_dir) {
        argv[n++] = "--program-dir";
        argv[n++] = o->program_dir;
    }
    for (unsigned i = 0; i <= n; i++)
        a->argv[i] = (char *)(uintptr_t)argv[i];
}

static int spawn(struct supervisor *s, struct supervised *v, char **argv)
{
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&v->ready},
    };
    char *env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL};
    uv_process_options_t o = {
        .exit_cb = on_exit_cb,
        .file = s->options.vmx_path,
        .args = argv,
        .env = env,
        .flags = UV_PROCESS_DETACHED, /* a Ctrl-C for the supervisor is not for the VMs */
        .stdio = stdio,
        .stdio_count = ARRAY_SIZE(stdio),
    };
    uv_pipe_init(&s->loop, &v->ready, 0);
    v->ready.data = v->process.data = v;
    v->ready_open = v->process_open = true;
    return uv_spawn(&s->loop, &v->process, &o);
}

/* Does another folder have the same owner? */
static bool range_shared(struct supervisor *s, const char *folder, uid_t owner)
{
    int fd = openat(s->vms_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    bool shared = false;
    const struct dirent *e;
    if (!dir)
        return true;
    while (!shared && (e = readdir(dir)) != NULL) {
        struct stat st;
        shared = e->d_name[0] != '.' && strcmp(e->d_name, folder) &&
                 fstatat(s->vms_dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                 S_ISDIR(st.st_mode) && st.st_uid == owner;
    }
    closedir(dir);
    return shared;
}

int supervisor_vm_start(struct supervisor *s, uint64_t request, const char *id, const char *folder,
                        const char *config, struct error *err)
{
    char other[SUPERVISE_NAME_MAX + 1];
    struct stat st;
    uint32_t base = 0;
    int running = open_record(s, id, other);
    if (running >= 0) {
        close(running);
        return error_set(err, -EEXIST, "a vmx of %s runs", id);
    }
    if (folder_busy(s, folder))
        return error_set(err, -EBUSY, "another vmx runs on %s", folder);
    AUTO_CLOSE int fd = open_vm(s, folder);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(err, fd < 0 ? fd : -errno, "the folder %s cannot be opened", folder);
    if (s->options.root && supervisor_range_of(st.st_uid, &base) < 0)
        return error_set(err, -EPERM, "the folder %s has no user id range (owner %u)", folder,
                         (unsigned)st.st_uid);
    if (s->options.root && range_shared(s, folder, st.st_uid))
        return supervisor_vm_adopt(s, request, id, folder, config, base, err);
    int rc = make_run_folder(s, id, st.st_uid, err);
    if (rc < 0)
        return rc;
    struct supervised *v = mem_calloc(1, sizeof(*v));
    AUTO_FREE struct vmx_args *args = mem_calloc(1, sizeof(*args));
    if (!v || !args) {
        mem_free(v);
        return error_set(err, -ENOMEM, "no memory");
    }
    v->sup = s;
    snprintf(v->id, sizeof(v->id), "%s", id);
    snprintf(v->folder, sizeof(v->folder), "%s", folder);
    build_args(s, args, id, folder, config, base);
    rc = spawn(s, v, args->argv);
    if (rc < 0) {
        uv_close((uv_handle_t *)&v->process, on_process_closed);
        uv_close((uv_handle_t *)&v->ready, on_ready_closed);
        return error_errno(err, rc, "%s cannot be started", s->options.vmx_path);
    }
    v->request = request;
    v->next = s->vms;
    v->link = &s->vms;
    if (v->next)
        v->next->link = &v->next;
    s->vms = v;
    write_record(s, id, v->process.pid, folder);
    log_info("supervisor: %s: vmx is process %d, ids from %u", id, v->process.pid, base);
    uv_read_start((uv_stream_t *)&v->ready, ready_alloc, on_ready);
    return 0;
}

int supervisor_vm_kill(struct supervisor *s, const char *id, int signal, struct error *err)
{
    char folder[SUPERVISE_NAME_MAX + 1];
    AUTO_CLOSE int fd = open_record(s, id, folder);
    if (fd < 0)
        return error_set(err, -ESRCH, "no vmx of %s runs", id);
    if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0u) < 0)
        return error_errno(err, -errno, "the vmx of %s cannot be ended", id);
    return 0;
}

void supervisor_vm_stop_all(struct supervisor *s)
{
    int fd = openat(s->record_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;
    if (!dir)
        return;
    while ((e = readdir(dir)) != NULL)
        if (supervise_name_valid(e->d_name))
            supervisor_vm_kill(s, e->d_name, SIGTERM, NULL);
    closedir(dir);
}
