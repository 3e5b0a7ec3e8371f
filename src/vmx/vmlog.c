#include "vmx/vmlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#define VMLOG_NAME     "vmware.log"
#define VMLOG_NAME_MAX 32

static int open_file(struct vmlog *log, struct error *err)
{
    int fd = fs_open_beneath(log->folder_fd, VMLOG_NAME,
                             O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0640);

    if (fd < 0)
        return error_errno(err, fd, "cannot open %s", VMLOG_NAME);
    log->fd = fd;
    log_open_fd(fd, "vmx");
    return 0;
}

int vmlog_open(struct vmlog *log, int folder_fd, struct error *err)
{
    *log = (struct vmlog){.folder_fd = folder_fd, .fd = -1, .tokens = VMLOG_GUEST_BURST};
    log->tokens_ms = clock_ms();
    return open_file(log, err);
}

void vmlog_close(struct vmlog *log)
{
    if (log->fd >= 0)
        log_open_fd(-1, "vmx");
    log->fd = -1;
}

static void rotate(const struct vmlog *log)
{
    char from[VMLOG_NAME_MAX], to[VMLOG_NAME_MAX];

    for (int i = VMLOG_OLD_FILES; i > 1; i--) {
        snprintf(from, sizeof(from), "vmware-%d.log", i - 1);
        snprintf(to, sizeof(to), "vmware-%d.log", i);
        renameat(log->folder_fd, from, log->folder_fd, to);
    }
    renameat(log->folder_fd, VMLOG_NAME, log->folder_fd, "vmware-1.log");
}

void vmlog_check_size(struct vmlog *log)
{
    struct stat st;

    if (log->fd < 0 || fstat(log->fd, &st) < 0 || st.st_size < (off_t)VMLOG_FILE_MAX)
        return;
    rotate(log);
    /* When the new file cannot be opened the old one goes on: it has only changed its name. */
    open_file(log, NULL);
}

int vmlog_guest(struct vmlog *log, const char *text, unsigned len)
{
    uint64_t now = clock_ms();
    uint64_t earned = (now - log->tokens_ms) * VMLOG_GUEST_RATE / 1000;

    if (earned) {
        log->tokens = earned > VMLOG_GUEST_BURST - log->tokens ? VMLOG_GUEST_BURST
                                                               : log->tokens + (unsigned)earned;
        log->tokens_ms += earned * 1000 / VMLOG_GUEST_RATE;
    }
    if (!log->tokens) {
        log->dropped++;
        return -EAGAIN;
    }
    log->tokens--;
    if (log->dropped)
        log_warn("guest: %lu log lines dropped, there were too many", log->dropped);
    log->dropped = 0;
    log_info("guest: %.*s", (int)(len > VMLOG_GUEST_TEXT_MAX ? VMLOG_GUEST_TEXT_MAX : len), text);
    vmlog_check_size(log);
    return 0;
}
