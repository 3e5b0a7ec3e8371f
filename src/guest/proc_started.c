#include "guest/proc_started.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define SWEEP_MS 10000u

struct entry {
    struct entry *next;
    struct proc_started *owner; /* NULL once the list is gone */
    struct proc_record record;
    char *name, *command;
    uint64_t ended_ms; /* clock_ms, 0 = running */
    uv_process_t process;
    struct stream *streams[3]; /* all or none */
    int listed;                /* still in the list */
    int closed;                /* libuv has let go of `process` */
};

struct proc_started {
    uv_loop_t *loop;
    void (*changed)(void *arg);
    void *arg;
    struct entry *first, **last;
    unsigned count;
    uv_timer_t *sweep; /* allocated: it outlives the list until libuv has closed it */
};

static void drop_streams(struct entry *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(e->streams); i++)
        stream_unref(TAKE_PTR(e->streams[i]));
}

static void free_if_unused(struct entry *e)
{
    if (e->listed || !e->closed)
        return;
    mem_free(e->name);
    mem_free(e->command);
    mem_free(e);
}

static void process_closed(uv_handle_t *h)
{
    struct entry *e = h->data;

    e->closed = 1;
    free_if_unused(e);
}

static void unlist(struct proc_started *ps, struct entry **at)
{
    struct entry *e = *at;

    *at = e->next;
    if (ps->last == &e->next)
        ps->last = at;
    ps->count--;
    e->listed = 0;
    drop_streams(e);
    free_if_unused(e);
}

static void sweep(uv_timer_t *timer)
{
    struct proc_started *ps = timer->data;
    uint64_t now = clock_ms();
    unsigned before = ps->count, ended = 0;

    for (struct entry **at = &ps->first; *at;) {
        if ((*at)->ended_ms && now - (*at)->ended_ms >= PROC_KEEP_MS) {
            unlist(ps, at);
            continue;
        }
        ended += (*at)->ended_ms != 0;
        at = &(*at)->next;
    }
    if (!ended)
        uv_timer_stop(timer);
    if (ps->count != before)
        ps->changed(ps->arg);
}

/* Of a program that has ended only output that waits to be read needs its descriptor. */
static void close_empty_streams(struct entry *e)
{
    int64_t size;

    for (size_t i = 0; i < ARRAY_SIZE(e->streams); i++)
        if (e->streams[i] && stream_settled(e->streams[i], &size) && size == 0)
            stream_close(e->streams[i]);
}

static void on_exit(uv_process_t *process, int64_t status, int sig)
{
    struct entry *e = process->data;
    struct proc_started *ps = e->owner;

    e->record.exit_code = sig ? 128 + sig : (int32_t)status;
    e->record.end = clock_wall_us() / 1000000;
    e->ended_ms = clock_ms();
    close_empty_streams(e);
    uv_close((uv_handle_t *)process, process_closed);
    if (ps && !uv_is_active((uv_handle_t *)ps->sweep))
        uv_timer_start(ps->sweep, sweep, SWEEP_MS, SWEEP_MS);
}

/* A new process has this pid: an old record of another one would answer for it. */
static void drop_pid(struct proc_started *ps, int64_t pid)
{
    for (struct entry **at = &ps->first; *at; at = &(*at)->next)
        if ((*at)->record.pid == pid && (*at)->ended_ms) {
            unlist(ps, at);
            return;
        }
}

static int make_room(struct proc_started *ps)
{
    if (ps->count < PROC_RECORDS_MAX)
        return 0;
    for (struct entry **at = &ps->first; *at; at = &(*at)->next)
        if ((*at)->ended_ms) {
            unlist(ps, at);
            return 0;
        }
    return -EAGAIN;
}

static int make_room_for_streams(struct proc_started *ps)
{
    struct entry *oldest = NULL;
    unsigned n = 0;

    for (struct entry *e = ps->first; e; e = e->next) {
        n += e->streams[0] != NULL;
        if (!oldest && e->streams[0] && e->ended_ms)
            oldest = e;
    }
    if (n < PROC_STREAMS_MAX)
        return 0;
    if (!oldest)
        return -EAGAIN;
    drop_streams(oldest);
    return 0;
}

static int open_streams(struct proc_started *ps, struct entry *e, int child[3])
{
    int r = make_room_for_streams(ps);

    for (int i = 0; i < 3 && r == 0; i++)
        r = stream_new(ps->loop, i == 0 ? STREAM_IN : STREAM_OUT, &e->streams[i], &child[i]);
    return r;
}

static const char *find_shell(void)
{
    static const char *const shells[] = {"/bin/bash", "/usr/bin/bash"};

    /* bash replaces itself with a single command, so that the pid is the program's. */
    for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
        if (access(shells[i], X_OK) == 0)
            return shells[i];
    return "/bin/sh";
}

static int spawn(struct proc_started *ps, struct entry *e, const struct proc_command *c)
{
    const char *shell = find_shell();
    char *args[] = {(char *)shell, (char *)"-c", (char *)c->line, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
    uv_process_options_t o = {.file = c->file ? c->file : shell,
                              .args = c->file ? c->args : args,
                              .env = c->env,
                              .cwd = c->cwd,
                              .stdio = stdio,
                              .stdio_count = ARRAY_SIZE(stdio),
                              .flags = UV_PROCESS_DETACHED,
                              .exit_cb = on_exit};
    int child[3] = {-1, -1, -1};
    int r = c->streams ? open_streams(ps, e, child) : 0;

    for (int i = 0; i < 3; i++)
        if (child[i] >= 0)
            stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = child[i]};
    if (r == 0) {
        r = uv_spawn(ps->loop, &e->process, &o);
        e->process.data = e;
        if (r < 0)
            uv_close((uv_handle_t *)&e->process, process_closed);
    } else {
        e->closed = 1;
    }
    for (int i = 0; i < 3; i++)
        if (child[i] >= 0)
            close(child[i]);
    if (r < 0) {
        drop_streams(e);
        free_if_unused(e);
    }
    return r;
}

int proc_started_start(struct proc_started *ps, const struct proc_command *c, int64_t *ret_pid)
{
    struct entry *e;
    int r = make_room(ps);

    if (r < 0)
        return r;
    e = mem_calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    e->name = mem_strdup(c->name);
    e->command = mem_strdup(c->display);
    e->record.name = e->name;
    e->record.command = e->command;
    e->record.start = clock_wall_us() / 1000000;
    if (!e->name || !e->command) {
        e->closed = 1;
        free_if_unused(e);
        return -ENOMEM;
    }
    r = spawn(ps, e, c);
    if (r < 0)
        return r;
    e->owner = ps;
    e->record.pid = e->process.pid;
    drop_pid(ps, e->record.pid);
    e->listed = 1;
    *ps->last = e;
    ps->last = &e->next;
    ps->count++;
    *ret_pid = e->record.pid;
    ps->changed(ps->arg);
    return 0;
}

struct stream *proc_started_stream(const struct proc_started *ps, int64_t pid, int fd)
{
    if (fd < 0 || fd > 2)
        return NULL;
    for (const struct entry *e = ps->first; e; e = e->next)
        if (e->record.pid == pid && e->streams[fd])
            return e->streams[fd];
    return NULL;
}

int proc_started_new(uv_loop_t *loop, void (*changed)(void *arg), void *arg,
                     struct proc_started **ret)
{
    struct proc_started *ps = mem_calloc(1, sizeof(*ps));

    if (!ps)
        return -ENOMEM;
    ps->sweep = mem_calloc(1, sizeof(*ps->sweep));
    if (!ps->sweep) {
        mem_free(ps);
        return -ENOMEM;
    }
    ps->loop = loop;
    ps->changed = changed;
    ps->arg = arg;
    ps->last = &ps->first;
    uv_timer_init(loop, ps->sweep);
    ps->sweep->data = ps;
    *ret = ps;
    return 0;
}

unsigned proc_started_count(const struct proc_started *ps)
{
    return ps->count;
}

int proc_started_walk(const struct proc_started *ps,
                      int (*each)(void *arg, const struct proc_record *r), void *arg)
{
    int r = 0;

    for (const struct entry *e = ps->first; e && r == 0; e = e->next)
        r = each(arg, &e->record);
    return r;
}
