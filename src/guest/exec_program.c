#include "guest/exec_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/exec_link.h"
#include "guest/proc_started.h"
#include "guest/vixops.h"

#define DISPLAY_MAX (64u * 1024u)
/* Larger than the default, so that program and client take turns less often. */
#define PIPE_BYTES (256 * 1024)

extern char **environ;

struct exec_program {
    struct worker_ctx *w;
    struct exec_link *link; /* NULL: the client has gone or has been told the end */
    int64_t pid;
    int terminal; /* our end, for its size; -1: pipes */
    bool running;
    uv_timer_t hangup;
    exec_over_cb over;
    void *arg;
};

/* The child's descriptors and ours. */
struct plumbing {
    int child[3], input, output, errors, terminal;
};

static void plumbing_close(struct plumbing *p)
{
    int *all[] = {&p->child[0], &p->child[1], &p->child[2], &p->input,
                  &p->output,   &p->errors,   &p->terminal};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (*all[i] >= 0)
            close(TAKE_FD(*all[i]));
}

static int open_pipes(struct plumbing *p)
{
    int *const ours[] = {&p->input, &p->output, &p->errors};

    for (int i = 0; i < 3; i++) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
            return -errno;
        *ours[i] = fds[i == 0];
        p->child[i] = fds[i != 0];
        fcntl(fds[0], F_SETPIPE_SZ,
              PIPE_BYTES); /* refused when the user has too many: the default */
    }
    return 0;
}

static void set_size(int terminal, uint16_t rows, uint16_t columns)
{
    const struct winsize size = {.ws_row = rows, .ws_col = columns};

    ioctl(terminal, TIOCSWINSZ, &size);
}

static int open_terminal(struct plumbing *p, const struct exec_spec *spec)
{
    char name[64];
    struct termios t;

    p->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->terminal < 0)
        return -errno;
    if (grantpt(p->terminal) < 0 || unlockpt(p->terminal) < 0 ||
        ptsname_r(p->terminal, name, sizeof(name)) != 0)
        return -errno;
    p->child[0] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->child[0] < 0)
        return -errno;
    if (tcgetattr(p->child[0], &t) == 0) {
        t.c_iflag |= IUTF8;
        tcsetattr(p->child[0], TCSANOW, &t);
    }
    set_size(p->terminal, spec->rows, spec->columns);
    p->child[1] = fcntl(p->child[0], F_DUPFD_CLOEXEC, 0);
    p->child[2] = fcntl(p->child[0], F_DUPFD_CLOEXEC, 0);
    p->input = fcntl(p->terminal, F_DUPFD_CLOEXEC, 0);
    p->output = fcntl(p->terminal, F_DUPFD_CLOEXEC, 0);
    return p->child[1] < 0 || p->child[2] < 0 || p->input < 0 || p->output < 0 ? -errno : 0;
}

/* ---- life ---- */

static void program_closed(uv_handle_t *h)
{
    mem_free(h->data);
}

static void free_if_over(struct exec_program *p)
{
    if (p->link || p->running || uv_is_closing((uv_handle_t *)&p->hangup))
        return;
    uv_close((uv_handle_t *)&p->hangup, program_closed);
}

static void kill_session(struct exec_program *p, int number)
{
    /* Its first process leads a process group of the same number. While it runs nobody else has it.
     */
    if (p->running)
        kill((pid_t)-p->pid, number);
}

static void on_hangup_time(uv_timer_t *timer)
{
    kill_session(timer->data, SIGKILL);
}

static void on_window(void *arg, uint16_t rows, uint16_t columns)
{
    const struct exec_program *p = arg;

    if (p->terminal >= 0)
        set_size(p->terminal, rows, columns);
}

static void on_signal(void *arg, int number)
{
    struct exec_program *p = arg;
    pid_t group = p->terminal >= 0 ? tcgetpgrp(p->terminal) : -1;

    if (group > 0)
        kill(-group, number);
    else
        kill_session(p, number);
}

/* Nobody is connected any more. */
static void hang_up(struct exec_program *p)
{
    p->link = NULL;
    if (p->terminal >= 0) {
        /* The last descriptor of our end: the kernel hangs the terminal up. */
        close(TAKE_FD(p->terminal));
        kill_session(p, SIGHUP);
        if (p->running)
            uv_timer_start(&p->hangup, on_hangup_time, EXEC_HANGUP_MS, 0);
    }
    free_if_over(p);
}

static void on_over(void *arg)
{
    struct exec_program *p = arg;
    exec_over_cb over = p->over;
    void *over_arg = p->arg;

    hang_up(p);
    over(over_arg);
}

void exec_program_leave(struct exec_program *p)
{
    exec_link_close(p->link);
    hang_up(p);
}

static void on_end(void *arg, const struct proc_record *r)
{
    struct exec_program *p = arg;
    bool by_signal = r->exit_signal != 0;

    p->running = false;
    uv_timer_stop(&p->hangup);
    if (p->link)
        exec_link_finish(p->link, by_signal ? EXEC_END_SIGNAL : EXEC_END_CODE,
                         (uint32_t)(by_signal ? r->exit_signal : r->exit_code), "");
    free_if_over(p);
}

static const struct exec_link_ops ops = {
    .window = on_window, .signal = on_signal, .gone = on_over, .done = on_over};

/* ---- start ---- */

/* Our own environment with the variables of the request in place of those of the same name. */
static char **merge_environment(const struct exec_spec *spec)
{
    size_t n = 0, at = 0;
    char **env;

    while (environ[n])
        n++;
    env = mem_calloc(n + spec->envc + 1, sizeof(*env));
    if (!env)
        return NULL;
    for (size_t i = 0; i < spec->envc; i++)
        env[at++] = (char *)(uintptr_t)spec->env[i];
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(environ[i], "=") + 1;
        bool replaced = false;

        for (size_t k = 0; k < spec->envc && !replaced; k++)
            replaced = strncmp(environ[i], spec->env[k], len) == 0;
        if (!replaced)
            env[at++] = environ[i];
    }
    return env;
}

static char *display(const char *program, const struct exec_spec *spec)
{
    AUTO_BUF struct buf b = BUF_INIT(DISPLAY_MAX);
    size_t len;

    buf_printf(&b, "\"%s\"", program);
    for (size_t i = 1; i < spec->argc; i++)
        buf_printf(&b, " %s", spec->args[i]);
    return (char *)buf_steal(&b, &len);
}

static int spawn(struct exec_program *p, const struct exec_spec *spec,
                 const struct plumbing *plumbing)
{
    const char *program = spec->argc ? spec->args[0] : p->w->shell, *slash = strrchr(program, '/');
    AUTO_FREE char **args = mem_calloc(spec->argc + 6, sizeof(*args));
    AUTO_FREE char **env = merge_environment(spec);
    AUTO_FREE char *text = display(program, spec);
    char file[32];
    struct proc_command c = {.name = slash ? slash + 1 : program,
                             .display = text,
                             .line = "",
                             .env = env,
                             .file = file,
                             .args = args,
                             .stdio = plumbing->child,
                             .terminal = plumbing->terminal >= 0,
                             .ended = on_end,
                             .ended_arg = p};
    size_t n = 0;

    if (!args || !env || !text)
        return -ENOMEM;
    args[n++] = (char *)"toolbox-exec";
    if (!spec->argc)
        args[n++] = (char *)"-l";
    args[n++] = (char *)(uintptr_t)spec->cwd;
    args[n++] = (char *)(uintptr_t)program;
    for (size_t i = 1; i < spec->argc; i++)
        args[n++] = (char *)(uintptr_t)spec->args[i];
    snprintf(file, sizeof(file), "/proc/self/fd/%d", p->w->exec_fd);
    return proc_started_start(p->w->started, &c, &p->pid);
}

static int join(struct exec_program *p, struct plumbing *plumbing, int socket)
{
    const struct exec_link_fds fds = {.socket = socket,
                                      .input = TAKE_FD(plumbing->input),
                                      .output = TAKE_FD(plumbing->output),
                                      .errors = TAKE_FD(plumbing->errors),
                                      .eof_char = plumbing->terminal >= 0 ? CEOF : -1};
    int r = exec_link_new(p->w->loop, &fds, &ops, p, &p->link);

    if (r < 0)
        return r;
    p->terminal = TAKE_FD(plumbing->terminal);
    exec_link_started(p->link, (uint64_t)p->pid);
    return 0;
}

static int check(const struct worker_ctx *w, const struct exec_spec *spec)
{
    if (spec->cwd[0] && spec->cwd[0] != '/')
        return -EINVAL;
    return w->exec_fd < 0 ? -EOPNOTSUPP : 0;
}

int exec_program_start(struct worker_ctx *w, const struct exec_spec *spec, int socket,
                       exec_over_cb over, void *arg, struct exec_program **ret)
{
    struct plumbing plumbing = {{-1, -1, -1}, -1, -1, -1, -1};
    AUTO_FREE struct exec_program *p = mem_calloc(1, sizeof(*p));
    AUTO_CLOSE int ours = socket;
    int r = p ? check(w, spec) : -ENOMEM;

    if (r < 0)
        return r;
    p->w = w;
    p->over = over;
    p->arg = arg;
    p->terminal = -1;
    r = spec->flags & EXEC_TERMINAL ? open_terminal(&plumbing, spec) : open_pipes(&plumbing);
    if (r == 0)
        r = spawn(p, spec, &plumbing);
    if (r < 0) {
        plumbing_close(&plumbing);
        return r;
    }
    p->running = true;
    uv_timer_init(w->loop, &p->hangup);
    p->hangup.data = p;
    r = join(p, &plumbing, TAKE_FD(ours));
    plumbing_close(&plumbing);
    if (r < 0)
        kill_session(p, SIGKILL);
    else
        *ret = p;
    (void)TAKE_PTR(p); /* its own from now on: it goes when program and link are over */
    return r;
}
