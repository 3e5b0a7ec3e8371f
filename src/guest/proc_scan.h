/*
 * The operating system's processes, read from /proc. Blocks a little; thread-safe. Processes that
 * vanish during the scan are skipped.
 */
#ifndef GUEST_PROC_SCAN_H
#define GUEST_PROC_SCAN_H

#include <stdint.h>
#include <sys/types.h>

/* Of a command line. */
#define PROC_COMMAND_MAX 8192u
#define PROC_NAME_MAX    256u

struct proc_info {
    int64_t pid;
    uid_t uid;
    int64_t start;                  /* Unix seconds */
    uint64_t start_ticks;           /* since boot; together with pid names one process */
    char name[PROC_NAME_MAX];       /* base name of the program */
    char command[PROC_COMMAND_MAX]; /* whole command line; valid UTF-8, no control bytes */
};

/* Calls `each` per process until it returns non-zero, which is then returned. 0 at the end,
 * negative errno when /proc cannot be read. */
int proc_scan(int (*each)(void *arg, const struct proc_info *info), void *arg);

/* One process: 0, -ESRCH, or another negative errno. */
int proc_read(int64_t pid, struct proc_info *ret);

#endif
