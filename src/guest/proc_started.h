/*
 * Programs that this worker started: started here, waited for here, remembered for a while after
 * their end, so that whoever asks in time learns the exit code. A process id is not given to
 * another program of ours as long as the record of the first is kept.
 *
 * One thread: the loop's.
 */
#ifndef GUEST_PROC_STARTED_H
#define GUEST_PROC_STARTED_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "guest/stream.h"

/* Records are kept this long after the program's end (VIX guest command protocol, process manager
 * semantics), unless there are more than PROC_RECORDS_MAX: then the oldest ended ones go first. */
#define PROC_KEEP_MS     300000u
#define PROC_RECORDS_MAX 16384u
/* Programs whose standard streams are held, ended ones among them: the oldest of those lose their
 * unread output first. */
#define PROC_STREAMS_MAX 64u

struct proc_started;

struct proc_record {
    int64_t pid;
    const char *name;    /* base name of the program; both live as long as the record */
    const char *command; /* whole command line */
    int64_t start;       /* Unix seconds */
    int64_t end;         /* Unix seconds; 0 = running */
    int32_t exit_code;   /* 128 + signal when a signal ended it; 0 while it runs */
    int32_t exit_signal; /* that signal, else 0 */
};

struct proc_command {
    const char *name;
    const char *display; /* command line as listed */
    const char *line;    /* what the shell gets */
    const char *cwd;
    char **env;       /* NULL = the worker's own */
    const char *file; /* run this program with `args` in place of the shell; NULL = the shell */
    char **args;
    bool streams;     /* standard input, output and error are streams, not the null device */
    const int *stdio; /* without `streams`: three descriptors for them; the caller's */
    bool terminal;    /* stdio[0] is a terminal: it becomes that of the session */
    /* Optional: called once, at the end of the program, if it has started. */
    void (*ended)(void *arg, const struct proc_record *r);
    void *ended_arg;
};

/* `changed` is called when records came or went. */
int proc_started_new(uv_loop_t *loop, void (*changed)(void *arg), void *arg,
                     struct proc_started **ret);

/* `fn` is called at the end of every program. */
void proc_started_on_end(struct proc_started *ps,
                         void (*fn)(void *arg, const struct proc_record *r), void *arg);

/* Runs a command, in a session of its own. 0 and the pid, or a negative errno code: nothing
 * runs. */
int proc_started_start(struct proc_started *ps, const struct proc_command *c, int64_t *ret_pid);

/* Standard stream `fd` (0, 1, 2) of a program that was started with streams; NULL = no such. The
 * list keeps its reference. */
struct stream *proc_started_stream(const struct proc_started *ps, int64_t pid, int fd);

unsigned proc_started_count(const struct proc_started *ps);

/* Calls `each` for every record, newest last, until it returns non-zero, which is returned. */
int proc_started_walk(const struct proc_started *ps,
                      int (*each)(void *arg, const struct proc_record *r), void *arg);

#endif
