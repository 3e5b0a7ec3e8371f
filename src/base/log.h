/*
 * One log a process: a line is "TIME LEVEL(PID) IDENT| TEXT". Control characters in the
 * text, which may come from a stranger, are written as \xNN, so that nobody can forge a line.
 * Until log_open_* is called lines go to stderr. Never log a secret or file contents.
 * Thread-safe: a line is one write(2).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include "base/error.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_LINE_MAX 4096

/* `ident` must stay valid. The descriptor becomes the log's; -1 means stderr. */
void log_open_fd(int fd, const char *ident);
/* Opens `path` for append, mode 0600. */
int log_open_file(const char *path, const char *ident, struct error *err);
/* A log that was opened as `path` and has `max` bytes or more becomes `path`.1, in the place of an
 * earlier one, and a new one is begun. Not while another thread logs. */
void log_limit_file(const char *path, uint64_t max);
void log_set_level(enum log_level max);
enum log_level log_get_level(void);

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                               \
    do {                                             \
        if (log_get_level() >= LOG_LEVEL_DEBUG)      \
            log_write(LOG_LEVEL_DEBUG, __VA_ARGS__); \
    } while (0)

#endif
