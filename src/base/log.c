#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static int log_fd = -1;
static const char *log_ident = "inguest";
static enum log_level log_max = LOG_LEVEL_INFO;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_open_fd(int fd, const char *ident)
{
    if (log_fd >= 0 && log_fd != fd)
        close(log_fd);
    log_fd = fd;
    if (ident)
        log_ident = ident;
}

int log_open_file(const char *path, const char *ident, struct error *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return error_errno(err, -errno, "cannot open log %s", path);
    log_open_fd(fd, ident);
    return 0;
}

void log_limit_file(const char *path, uint64_t max)
{
    char old[PATH_MAX];
    struct stat st;

    if (log_fd < 0 || fstat(log_fd, &st) < 0 || (uint64_t)st.st_size < max)
        return;
    if (snprintf(old, sizeof(old), "%s.1", path) >= (int)sizeof(old) || rename(path, old) < 0)
        return;
    /* When there is no new file the old one goes on: it has only changed its name. */
    log_open_file(path, NULL, NULL);
}

void log_set_level(enum log_level max)
{
    log_max = max;
}

enum log_level log_get_level(void)
{
    return log_max;
}

/* The second byte of U+0080 to U+009F, which some terminals take for control characters. */
static int is_c1(unsigned char c)
{
    return c >= 0x80 && c <= 0x9f;
}

/* Copies text with control bytes made visible; returns the length used. */
static size_t copy_visible(char *out, size_t size, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;

    for (; *text && n + 5 < size; text++) {
        unsigned char c = (unsigned char)*text;

        if (c >= 0x20 && c != 0x7f && !(c == 0xc2 && is_c1((unsigned char)text[1]))) {
            out[n++] = (char)c;
        } else {
            out[n++] = '\\';
            out[n++] = 'x';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    return n;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    char text[LOG_LINE_MAX], line[LOG_LINE_MAX + 128], when[CLOCK_RFC3339_SIZE];
    va_list ap;
    int head;
    size_t n;
    ssize_t ignored;

    if (level > log_max)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    head = snprintf(line, sizeof(line), "%s %s(%d) %s| ", clock_rfc3339(clock_wall_us(), when),
                    level_names[level], (int)getpid(), log_ident);
    n = (size_t)head + copy_visible(line + head, sizeof(line) - (size_t)head - 1, text);
    line[n++] = '\n';
    ignored = write(log_fd >= 0 ? log_fd : STDERR_FILENO, line, n);
    (void)ignored;
}
