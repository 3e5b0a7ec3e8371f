#include "gstored/request_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"

#define NAME_SIZE 64
#define LINE_SIZE 2048

static int log_dir = -1;
static char log_name[NAME_SIZE];
static int current = -1; /* the log's own; never closed here */

static int begin(struct error *err)
{
    int fd =
        openat(log_dir, log_name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

    if (fd < 0)
        return error_errno(err, -errno, "cannot open the log %s", log_name);
    log_open_fd(fd, "gstored");
    current = fd;
    return 0;
}

int request_log_open(int dirfd, const char *name, struct error *err)
{
    log_dir = dirfd;
    snprintf(log_name, sizeof(log_name), "%s", name);
    return begin(err);
}

static void rotate(void)
{
    char old[NAME_SIZE + 2];
    struct stat st;

    if (current < 0 || fstat(current, &st) < 0 || st.st_size < (off_t)REQUEST_LOG_MAX)
        return;
    snprintf(old, sizeof(old), "%s.1", log_name);
    if (renameat(log_dir, log_name, log_dir, old) == 0)
        begin(NULL); /* on failure the old file goes on */
}

void request_log(const char *fmt, ...)
{
    char line[LINE_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    log_info("%s", line);
    rotate();
}
