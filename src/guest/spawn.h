/*
 * Starting a program whose process id its caller may refuse.
 *
 * The kernel gives process ids anew, while the exit code of the process that had one before is
 * still remembered and asked for. So the child waits at a gate until its id is known not to be one
 * of those; with a wrong one it ends before anything of the program has run, and another child is
 * made.
 */
#ifndef GUEST_SPAWN_H
#define GUEST_SPAWN_H

#include <stdbool.h>
#include <stdint.h>

/* Children made before giving up when all ids are refused. */
#define SPAWN_TRIES_MAX 256u
/* How long a child may take from its gate to its program; a folder or program on a file system that
 * hangs must not hold up the caller for good. */
#define SPAWN_EXEC_MS 5000u

struct spawn_options {
    const char *file; /* path of the program */
    char *const *args;
    char *const *env; /* NULL = the caller's own */
    const char *cwd;  /* NULL = the caller's own */
    int stdio[3];     /* -1 = the null device; the caller's to close */
    bool terminal;    /* stdio[0] is a terminal: it becomes that of the new session */
    bool (*taken)(void *arg, int64_t pid); /* true: not this id. NULL = any */
    void *arg;
};

/* The program runs in a session of its own, with default signal handling and no descriptors but its
 * standard ones (ours are all close-on-exec). 0, its pid and a pidfd (close-on-exec, readable when
 * the program has ended; the caller must wait for it), or a negative errno code: nothing runs.
 * -ENOENT and the like are those of chdir and execve; -EAGAIN: no id that is free. -ETIMEDOUT: the
 * child did not get to its program within SPAWN_EXEC_MS and has been sent SIGKILL; then the pidfd
 * is there, to wait for it. */
int spawn_process(const struct spawn_options *o, int64_t *ret_pid, int *ret_pidfd);

/* Takes the exit status of an ended child: 128 + signal when one ended it, and that signal or 0.
 * -EAGAIN: it still runs. */
int spawn_wait(int pidfd, int32_t *ret_code, int *ret_signal);

#endif
