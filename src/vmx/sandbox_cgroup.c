#include "vmx/sandbox_cgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"

#define CGROUP_WAIT_MS    2000u
#define CGROUP_EVENTS_MAX 4096
#define PROC_FILE_MAX     1048576u
#define TREE_PASSES_MAX   64
#define TREE_PIDS_MAX     (65536u * 12u)

static int write_file(int dirfd, const char *name, const char *text)
{
    AUTO_CLOSE int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    return fs_write_all(fd, text, strlen(text));
}

/* procfs files have no size: read to the end. */
static int read_proc(const char *path, struct buf *b)
{
    return fs_read_file(AT_FDCWD, path, b, NULL);
}

/* Where the cgroup2 file system is mounted, from mountinfo's "ID PARENT DEV ROOT POINT ... - TYPE".
 */
static int find_mount(char *text, char *out, size_t size)
{
    char *line;

    while ((line = strsep(&text, "\n"))) {
        char *type = strstr(line, " - ");
        char root[256], point[256];

        if (!type || strncmp(type + 3, "cgroup2 ", 8) != 0)
            continue;
        if (sscanf(line, "%*s %*s %*s %255s %255s", root, point) == 2 && strcmp(root, "/") == 0) {
            snprintf(out, size, "%s", point);
            return 0;
        }
    }
    return -ENOENT;
}

/* A descriptor of the group that this process is in. */
static int open_own_group(void)
{
    AUTO_BUF struct buf mounts = BUF_INIT(PROC_FILE_MAX), own = BUF_INIT(PROC_FILE_MAX);
    char point[256];
    char path[1024];
    char *group;
    int r, fd;

    r = read_proc("/proc/self/mountinfo", &mounts);
    if (r == 0)
        r = read_proc("/proc/self/cgroup", &own);
    if (r == 0)
        r = mounts.data && own.data ? find_mount((char *)mounts.data, point, sizeof(point))
                                    : -ENOENT;
    if (r < 0)
        return r;
    group = strncmp((char *)own.data, "0::", 3) == 0 ? (char *)own.data
                                                     : strstr((char *)own.data, "\n0::");
    if (!group)
        return -ENOENT;
    group += *group == '\n' ? 4 : 3;
    group[strcspn(group, "\n")] = '\0';
    r = snprintf(path, sizeof(path), "%s%s", point, group);
    if (r < 0 || (size_t)r >= sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Waits until cgroup.events has the line "what"; the kernel wakes us by POLLPRI. */
static int wait_event(struct sandbox_cgroup *cg, const char *what)
{
    AUTO_CLOSE int fd = openat(cg->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    uint64_t end = clock_ms() + CGROUP_WAIT_MS;

    if (fd < 0)
        return -errno;
    for (;;) {
        char text[CGROUP_EVENTS_MAX];
        struct pollfd p = {fd, POLLPRI, 0};
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
        uint64_t now = clock_ms();

        if (n < 0)
            return -errno;
        text[n] = '\0';
        if (strstr(text, what))
            return 0;
        if (now >= end)
            return -ETIMEDOUT;
        poll(&p, 1, (int)(end - now));
    }
}

void sandbox_cgroup_open(int folder_fd, struct sandbox_cgroup *ret)
{
    struct sandbox_cgroup cg = {.parent_fd = -1, .fd = -1};
    struct stat st;

    /* Named by the folder's identity, so that no other VM of this machine, of whichever host, has
     * the same name and is taken for what this one left behind. */
    if (fstat(folder_fd, &st) == 0) {
        snprintf(cg.name, sizeof(cg.name), "inguest-%llx-%llx", (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino);
        cg.parent_fd = open_own_group();
    }
    if (cg.parent_fd >= 0) {
        int old = mkdirat(cg.parent_fd, cg.name, 0755) < 0;

        if (!old || errno == EEXIST)
            cg.fd = openat(cg.parent_fd, cg.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (old && cg.fd >= 0) {
            /* What a launcher that was killed could have left. */
            write_file(cg.fd, "cgroup.freeze", "0");
            write_file(cg.fd, "cgroup.kill", "1");
            if (wait_event(&cg, "populated 0") < 0) {
                close(cg.fd);
                cg.fd = -1;
            }
        }
    }
    *ret = cg;
}

void sandbox_cgroup_limit(struct sandbox_cgroup *cg, uint32_t memory_mib, uint32_t processes)
{
    char text[32];

    if (cg->fd < 0)
        return;
    /* Refused, harmlessly, where the parent has processes of its own or lacks the controllers. */
    write_file(cg->parent_fd, "cgroup.subtree_control", "+memory");
    write_file(cg->parent_fd, "cgroup.subtree_control", "+pids");
    snprintf(text, sizeof(text), "%llu", (unsigned long long)memory_mib << 20);
    cg->limits_memory = memory_mib && write_file(cg->fd, "memory.max", text) == 0;
    if (cg->limits_memory)
        write_file(cg->fd, "memory.swap.max", "0");
    snprintf(text, sizeof(text), "%u", processes);
    cg->limits_processes = write_file(cg->fd, "pids.max", text) == 0;
}

int sandbox_cgroup_enter(struct sandbox_cgroup *cg, pid_t pid)
{
    char text[16];

    if (cg->fd < 0)
        return -ENOENT;
    snprintf(text, sizeof(text), "%d", (int)pid);
    return write_file(cg->fd, "cgroup.procs", text);
}

int sandbox_cgroup_freeze(struct sandbox_cgroup *cg, int frozen)
{
    int r;

    if (cg->fd < 0)
        return -ENOENT;
    r = write_file(cg->fd, "cgroup.freeze", frozen ? "1" : "0");
    return r < 0 ? r : wait_event(cg, frozen ? "frozen 1" : "frozen 0");
}

void sandbox_cgroup_close(struct sandbox_cgroup *cg)
{
    if (cg->fd >= 0) {
        close(cg->fd);
        unlinkat(cg->parent_fd, cg->name, AT_REMOVEDIR);
    }
    if (cg->parent_fd >= 0)
        close(cg->parent_fd);
    cg->fd = cg->parent_fd = -1;
}

/* Appends the children of every thread of `pid` to `found`, as text. */
static int list_children(const char *pid, struct buf *found)
{
    char path[64];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%s/task", pid);
    dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? 0 : -errno;
    while ((entry = readdir(dir))) {
        char name[300];

        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(name, sizeof(name), "/proc/%s/task/%s/children", pid, entry->d_name);
        read_proc(name, found); /* a thread that has ended has no children */
    }
    closedir(dir);
    return buf_error(found);
}

/* Signals the tree once; *ret_running is how many were not yet stopped (or were, for SIGCONT). */
static int signal_tree(pid_t root, int sig, unsigned *ret_count)
{
    AUTO_BUF struct buf pids = BUF_INIT(TREE_PIDS_MAX);
    unsigned count = 0;
    size_t at = 0;

    buf_printf(&pids, "%d ", (int)root);
    while (!buf_error(&pids) && at < pids.len) {
        const char *text = (const char *)pids.data + at;
        size_t len = strcspn(text, " ");
        char pid[16];

        if (len == 0 || len >= sizeof(pid))
            return -EBADMSG;
        memcpy(pid, text, len);
        pid[len] = '\0';
        at += len + 1;
        kill((pid_t)strtol(pid, NULL, 10), sig);
        count++;
        list_children(pid, &pids);
    }
    *ret_count = count;
    return buf_error(&pids);
}

int sandbox_tree_stop(pid_t root, int stopped)
{
    unsigned before = 0, now = 0;

    /* A process may fork between being listed and being stopped: again until a pass finds no more
     * than the one before. */
    for (int pass = 0; pass < TREE_PASSES_MAX; pass++) {
        int r = signal_tree(root, stopped ? SIGSTOP : SIGCONT, &now);

        if (r < 0)
            return r;
        if (!stopped || now == before)
            return 0;
        before = now;
    }
    return -EBUSY;
}
