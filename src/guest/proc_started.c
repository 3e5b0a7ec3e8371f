#include "guest/proc_started.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "guest/spawn.h"

#define SWEEP_MS 10000u

/* What only a program needs that runs, or has streams. */
struct live {
    uv_poll_t poll;
    struct entry *entry; /* NULL: nobody asks for this program any more */
    struct proc_started *owner;
    int pidfd;
    void (*ended)(void *arg, const struct proc_record *r);
    void *ended_arg;
};

struct entry {
    struct entry *next;
    struct live *live;       /* NULL = ended */
    struct stream **streams; /* three, or NULL */
    uint64_t ended_ms;       /* clock_ms, 0 = running */
    int64_t start, end;
    int32_t pid, exit_code;
    uint32_t name_at; /* of the base name in `text` */
    uint8_t exit_signal;
    char text[]; /* command line, then the base name */
};

struct proc_started {
    uv_loop_t *loop;
    void (*changed)(void *arg);
    void *arg;
    void (*ended)(void *arg, const struct proc_record *r);
    void *ended_arg;
    struct entry *first, **last;
    unsigned count;
    uv_timer_t sweep;
};

static void drop_streams(struct entry *e)
{
    if (!e->streams)
        return;
    for (size_t i = 0; i < 3; i++)
        stream_unref(e->streams[i]);
    mem_free(TAKE_PTR(e->streams));
}

static void entry_free(struct entry *e)
{
    drop_streams(e);
    if (e->live)
        e->live->entry = NULL;
    mem_free(e);
}

static void unlist(struct proc_started *ps, struct entry **at)
{
    struct entry *e = *at;

    *at = e->next;
    if (ps->last == &e->next)
        ps->last = at;
    ps->count--;
    entry_free(e);
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

    for (size_t i = 0; e->streams && i < 3; i++)
        if (stream_settled(e->streams[i], &size) && size == 0)
            stream_close(e->streams[i]);
}

static void live_closed(uv_handle_t *h)
{
    struct live *l = h->data;

    close(l->pidfd);
    mem_free(l);
}

static struct proc_record record_of(const struct entry *e)
{
    return (struct proc_record){.pid = e->pid,
                                .name = e->text + e->name_at,
                                .command = e->text,
                                .start = e->start,
                                .end = e->end,
                                .exit_code = e->exit_code,
                                .exit_signal = e->exit_signal};
}

static void on_end(uv_poll_t *poll, int status, int events)
{
    struct live *l = poll->data;
    struct proc_started *ps = l->owner;
    struct entry *e = l->entry;
    struct proc_record record;
    int32_t code = 0;
    int sig = 0;

    (void)events;
    if (status == 0 && spawn_wait(l->pidfd, &code, &sig) == -EAGAIN)
        return;
    uv_close((uv_handle_t *)poll, live_closed);
    if (!e)
        return;
    e->live = NULL;
    e->exit_code = code;
    e->exit_signal = (uint8_t)sig;
    e->end = clock_wall_us() / 1000000;
    e->ended_ms = clock_ms();
    close_empty_streams(e);
    if (!uv_is_active((uv_handle_t *)&ps->sweep))
        uv_timer_start(&ps->sweep, sweep, SWEEP_MS, SWEEP_MS);
    record = record_of(e);
    if (l->ended)
        l->ended(l->ended_arg, &record);
    if (ps->ended)
        ps->ended(ps->ended_arg, &record);
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
        n += e->streams != NULL;
        if (!oldest && e->streams && e->ended_ms)
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

    if (r == 0 && !(e->streams = mem_calloc(3, sizeof(struct stream *))))
        r = -ENOMEM;
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

/* A record of another program with this id would answer for it, and it for that one. */
static bool pid_taken(void *arg, int64_t pid)
{
    const struct proc_started *ps = arg;

    for (const struct entry *e = ps->first; e; e = e->next)
        if (e->pid == pid)
            return true;
    return false;
}

static int spawn(struct proc_started *ps, struct entry *e, const struct proc_command *c)
{
    const char *shell = find_shell();
    char *args[] = {(char *)shell, (char *)"-c", (char *)c->line, NULL};
    struct spawn_options o = {.file = c->file ? c->file : shell,
                              .args = c->file ? c->args : args,
                              .env = c->env,
                              .cwd = c->cwd,
                              .stdio = {-1, -1, -1},
                              .terminal = c->terminal,
                              .taken = pid_taken,
                              .arg = ps};
    struct live *l = mem_calloc(1, sizeof(*l));
    int64_t pid = 0;
    int r = l ? 0 : -ENOMEM;

    if (r == 0 && c->streams)
        r = open_streams(ps, e, o.stdio);
    for (int i = 0; i < 3 && c->stdio; i++)
        o.stdio[i] = c->stdio[i];
    if (r == 0)
        r = spawn_process(&o, &pid, &l->pidfd);
    for (int i = 0; i < 3; i++)
        if (o.stdio[i] >= 0 && !c->stdio)
            close(o.stdio[i]);
    if (r < 0 && r != -ETIMEDOUT) {
        mem_free(l);
        return r;
    }
    l->owner = ps;
    l->poll.data = l;
    uv_poll_init(ps->loop, &l->poll, l->pidfd);
    uv_poll_start(&l->poll, UV_READABLE, on_end);
    if (r < 0)
        return r;
    l->entry = e;
    l->ended = c->ended;
    l->ended_arg = c->ended_arg;
    e->live = l;
    e->pid = (int32_t)pid;
    return 0;
}

int proc_started_start(struct proc_started *ps, const struct proc_command *c, int64_t *ret_pid)
{
    size_t command = strlen(c->display) + 1, name = strlen(c->name) + 1;
    struct entry *e;
    int r = make_room(ps);

    if (r < 0)
        return r;
    e = mem_calloc(1, sizeof(*e) + command + name);
    if (!e)
        return -ENOMEM;
    memcpy(e->text, c->display, command);
    memcpy(e->text + command, c->name, name);
    e->name_at = (uint32_t)command;
    e->start = clock_wall_us() / 1000000;
    r = spawn(ps, e, c);
    if (r < 0) {
        entry_free(e);
        return r;
    }
    *ps->last = e;
    ps->last = &e->next;
    ps->count++;
    *ret_pid = e->pid;
    ps->changed(ps->arg);
    return 0;
}

struct stream *proc_started_stream(const struct proc_started *ps, int64_t pid, int fd)
{
    if (fd < 0 || fd > 2)
        return NULL;
    for (const struct entry *e = ps->first; e; e = e->next)
        if (e->pid == pid && e->streams)
            return e->streams[fd];
    return NULL;
}

void proc_started_on_end(struct proc_started *ps,
                         void (*fn)(void *arg, const struct proc_record *r), void *arg)
{
    ps->ended = fn;
    ps->ended_arg = arg;
}

int proc_started_new(uv_loop_t *loop, void (*changed)(void *arg), void *arg,
                     struct proc_started **ret)
{
    struct proc_started *ps = mem_calloc(1, sizeof(*ps));

    if (!ps)
        return -ENOMEM;
    ps->loop = loop;
    ps->changed = changed;
    ps->arg = arg;
    ps->last = &ps->first;
    uv_timer_init(loop, &ps->sweep);
    ps->sweep.data = ps;
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

    for (const struct entry *e = ps->first; e && r == 0; e = e->next) {
        const struct proc_record record = record_of(e);

        r = each(arg, &record);
    }
    return r;
}
