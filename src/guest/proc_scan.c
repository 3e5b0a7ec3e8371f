#include "guest/proc_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"

#define STAT_TEXT_MAX    4096u
#define START_TIME_FIELD 22

/* Up to size - 1 bytes of a small /proc file, NUL-terminated. */
static ssize_t read_text(int dir, const char *name, char *out, size_t size)
{
    AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    size_t got = 0;

    if (fd < 0)
        return -errno;
    while (got < size - 1) {
        ssize_t n = read(fd, out + got, size - 1 - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    out[got] = '\0';
    return (ssize_t)got;
}

/* The time of boot by the wall clock, the same for every process of one scan. */
static int64_t boot_time(void)
{
    char text[16384];
    const char *p;
    AUTO_CLOSE int dir = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct timespec now, up;

    if (dir >= 0 && read_text(dir, "stat", text, sizeof(text)) > 0) {
        p = strstr(text, "\nbtime ");
        if (p)
            return strtoll(p + 7, NULL, 10);
    }
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    return now.tv_sec - up.tv_sec;
}

/* The fields of /proc/PID/stat after the command name, which is in parentheses and may contain
 * anything, parentheses too. */
static int parse_stat(char *text, struct proc_info *p)
{
    char *open = strchr(text, '('), *close = strrchr(text, ')'), *at;

    if (!open || !close || close < open)
        return -EBADMSG;
    *close = '\0';
    snprintf(p->name, sizeof(p->name), "%s", open + 1);
    at = close + 1;
    /* `at` is before field 3. */
    for (int field = 3; field <= START_TIME_FIELD; field++) {
        at += strspn(at, " ");
        if (field == START_TIME_FIELD)
            break;
        at += strcspn(at, " ");
    }
    if (*at < '0' || *at > '9')
        return -EBADMSG;
    p->start_ticks = strtoull(at, NULL, 10);
    return 0;
}

static void read_command(int dir, struct proc_info *p)
{
    char exe[4096];
    ssize_t n = read_text(dir, "cmdline", p->command, sizeof(p->command));
    const char *from = NULL, *slash;
    size_t len;

    if (n <= 0) {
        /* A kernel thread, or a process whose end has not been read: only the name is left. */
        snprintf(p->command, sizeof(p->command), "%s", p->name);
        return;
    }
    while (n > 0 && p->command[n - 1] == '\0')
        n--;
    for (ssize_t i = 0; i < n; i++)
        if (p->command[i] == '\0')
            p->command[i] = ' ';
    p->command[n] = '\0';
    len = (size_t)readlinkat(dir, "exe", exe, sizeof(exe) - 1);
    if ((ssize_t)len > 0) {
        exe[len] = '\0';
        from = exe;
    } else {
        from = p->command;
        len = strcspn(from, " ");
    }
    slash = memrchr(from, '/', len);
    if (slash) {
        len -= (size_t)(slash + 1 - from);
        from = slash + 1;
    }
    /* The kernel marks a program whose file was replaced. */
    if (from != p->command && len > 10 && memcmp(from + len - 10, " (deleted)", 10) == 0)
        len -= 10;
    if (len)
        snprintf(p->name, sizeof(p->name), "%.*s", (int)(len < 4096 ? len : 4096), from);
}

static int read_one(int proc, const char *name, int64_t boot, struct proc_info *p)
{
    AUTO_CLOSE int dir = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char text[STAT_TEXT_MAX];
    struct stat st;
    ssize_t n;
    int r;

    if (dir < 0 || fstat(dir, &st) < 0)
        return -errno;
    n = read_text(dir, "stat", text, sizeof(text));
    if (n < 0)
        return (int)n;
    p->pid = strtoll(name, NULL, 10);
    p->uid = st.st_uid;
    r = parse_stat(text, p);
    if (r < 0)
        return r;
    p->start = boot + (int64_t)(p->start_ticks / (uint64_t)sysconf(_SC_CLK_TCK));
    read_command(dir, p);
    utf8_clean(p->name);
    utf8_clean(p->command);
    return 0;
}

int proc_scan(int (*each)(void *arg, const struct proc_info *info), void *arg)
{
    AUTO_FREE struct proc_info *p = mem_calloc(1, sizeof(*p));
    int64_t boot = boot_time();
    struct dirent *e;
    DIR *d = opendir("/proc");
    int r = 0;

    if (!d)
        return -errno;
    while (p && r == 0 && (e = readdir(d))) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9' ||
            strspn(e->d_name, "0123456789") != strlen(e->d_name))
            continue;
        if (read_one(dirfd(d), e->d_name, boot, p) == 0)
            r = each(arg, p);
    }
    closedir(d);
    return p ? r : -ENOMEM;
}

int proc_read(int64_t pid, struct proc_info *ret)
{
    AUTO_CLOSE int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char name[24];
    int r;

    if (proc < 0)
        return -errno;
    if (pid <= 0)
        return -ESRCH;
    snprintf(name, sizeof(name), "%lld", (long long)pid);
    r = read_one(proc, name, boot_time(), ret);
    return r == -ENOENT ? -ESRCH : r;
}
