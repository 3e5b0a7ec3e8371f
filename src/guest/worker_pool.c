#include "guest/worker_pool.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "guest/worker_proto.h"

struct worker_job {
    struct worker_job *next;
    struct worker *worker;
    uint64_t id;
    worker_done done; /* NULL = forgotten */
    void *arg;
};

/* Freed when its last libuv handle is closed; the process may outlive the channel for a moment. */
struct worker {
    struct worker *next;
    struct worker_pool *pool; /* NULL once it is out of the pool's list */
    char *user;
    uv_process_t process;
    uv_timer_t timer; /* start, then idleness */
    struct channel *channel;
    unsigned handles;
    int has_process;
    int ready;
    unsigned stay; /* reasons of the worker's own not to end it */
    struct worker_job *jobs;
    unsigned njobs;
    uint64_t last_used_ms;
};

struct worker_pool {
    uv_loop_t *loop;
    const char *path;
    const char *link_dir;
    uint32_t idle_ms;
    struct worker *workers;
    unsigned count;
    uint64_t last_id;
    worker_program_ended ended;
    void *ended_arg;
};

static void handle_closed(uv_handle_t *h)
{
    struct worker *w = h->data;

    if (--w->handles)
        return;
    mem_free(w->user);
    mem_free(w);
}

static void fail_jobs(struct worker *w, int err)
{
    struct worker_job *jobs = w->jobs, *j;

    w->jobs = NULL;
    w->njobs = 0;
    while ((j = jobs)) {
        jobs = j->next;
        if (j->done)
            j->done(j->arg, err, 0, 0, NULL, 0);
        mem_free(j);
    }
}

/* Takes the worker out of the pool. Its process sees the end of the socket and ends; one that does
 * not know who it is yet, or misbehaved, is killed. */
static void retire(struct worker *w, int kill_it)
{
    struct worker **at;

    if (!w->pool)
        return;
    for (at = &w->pool->workers; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    w->pool->count--;
    w->pool = NULL;
    channel_close(w->channel);
    w->channel = NULL;
    if (kill_it && w->has_process)
        uv_process_kill(&w->process, SIGKILL);
    uv_close((uv_handle_t *)&w->timer, handle_closed);
}

static void abandon(struct worker *w, int err, const char *why)
{
    if (!w->pool)
        return;
    log_error("worker of '%s': %s", w->user, why);
    retire(w, 1);
    fail_jobs(w, err);
}

static void idle_over(uv_timer_t *timer);

static void watch_idleness(struct worker *w)
{
    uint64_t since = clock_ms() - w->last_used_ms, left;

    if (!w->pool || !w->ready || w->njobs || w->stay) {
        if (w->pool && w->ready)
            uv_timer_stop(&w->timer);
        return;
    }
    left = since < w->pool->idle_ms ? w->pool->idle_ms - since : 0;
    uv_timer_start(&w->timer, idle_over, left, 0);
}

static void idle_over(uv_timer_t *timer)
{
    struct worker *w = timer->data;

    log_debug("worker of '%s' was idle and ends", w->user);
    retire(w, 0);
}

static void start_timeout(uv_timer_t *timer)
{
    abandon(timer->data, -ETIMEDOUT, "was not ready in time");
}

static void on_reply(struct worker *w, const struct channel_msg *msg)
{
    struct cursor c = CURSOR_INIT(msg->body, msg->len);
    struct worker_job **at, *j;
    uint32_t vix_error, additional;

    cursor_le32(&c, &vix_error);
    cursor_le32(&c, &additional);
    if (cursor_error(&c) < 0) {
        abandon(w, -EPIPE, "sent a reply that is too short");
        return;
    }
    for (at = &w->jobs; *at && (*at)->id != msg->id; at = &(*at)->next)
        ;
    j = *at;
    if (!j) {
        abandon(w, -EPIPE, "answered what was not asked");
        return;
    }
    *at = j->next;
    w->njobs--;
    w->last_used_ms = clock_ms();
    watch_idleness(w);
    if (j->done)
        j->done(j->arg, 0, vix_error, additional, c.p, c.left);
    mem_free(j);
}

static void on_failed(struct worker *w, const struct channel_msg *msg)
{
    struct cursor c = CURSOR_INIT(msg->body, msg->len);
    uint32_t code;

    cursor_le32(&c, &code);
    if (w->ready || cursor_error(&c) < 0 || (int32_t)code >= 0)
        abandon(w, -EPIPE, "sent a failure that makes no sense");
    else
        /* Written by our program while it was still root, but print nothing raw. */
        abandon(w, -EACCES, c.left ? (const char *)c.p : "could not be set up");
}

static void on_ended(struct worker *w, struct cursor *c)
{
    uint64_t pid, start, end;
    uint32_t code;

    cursor_le64(c, &pid);
    cursor_le32(c, &code);
    cursor_le64(c, &start);
    cursor_le64(c, &end);
    if (cursor_error(c))
        abandon(w, -EPIPE, "sent the end of a program that is too short");
    else if (w->pool->ended)
        w->pool->ended(w->pool->ended_arg, (int64_t)pid, (int32_t)code, (int64_t)start,
                       (int64_t)end);
}

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct worker *w = arg;
    struct cursor c = CURSOR_INIT(msg->body, msg->len);
    uint32_t n;

    (void)ch;
    switch (msg->type) {
    case WORKER_READY:
        if (cursor_le32(&c, &n) < 0 || w->ready) {
            abandon(w, -EPIPE, "was ready twice");
            return;
        }
        w->ready = 1;
        uv_timer_stop(&w->timer);
        log_debug("worker of '%s' is ready, uid %u", w->user, n);
        watch_idleness(w);
        return;
    case WORKER_FAILED:
        on_failed(w, msg);
        return;
    case WORKER_REPLY:
        on_reply(w, msg);
        return;
    case WORKER_STATUS:
        if (cursor_le32(&c, &n) < 0) {
            abandon(w, -EPIPE, "sent a status that is too short");
            return;
        }
        w->stay = n;
        w->last_used_ms = clock_ms();
        watch_idleness(w);
        return;
    case WORKER_ENDED:
        on_ended(w, &c);
        return;
    default:
        abandon(w, -EPIPE, "sent a message of unknown type");
    }
}

static void on_closed(struct channel *ch, int reason, void *arg)
{
    (void)ch;
    abandon(arg, -EPIPE, reason < 0 ? "the connection broke" : "ended");
}

static const struct channel_ops worker_ops = {.message = on_message, .closed = on_closed};

static void on_exit(uv_process_t *process, int64_t status, int sig)
{
    struct worker *w = process->data;

    w->has_process = 0;
    uv_close((uv_handle_t *)process, handle_closed);
    if (sig && sig != SIGKILL)
        log_error("worker of '%s' was ended by signal %d", w->user, sig);
    else if (status)
        log_warn("worker of '%s' ended with %d", w->user, (int)status);
    /* Answers that it had sent are read first: the channel tells its end. */
}

static int spawn(struct worker *w)
{
    char *args[] = {(char *)"toolbox-worker", NULL};
    AUTO_FREE char *link =
        w->pool->link_dir ? mem_printf(WORKER_LINK_VARIABLE "=%s", w->pool->link_dir) : NULL;
    char *env[] = {(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                   link, NULL};
    uv_stdio_container_t stdio[4] = {{.flags = UV_IGNORE},
                                     {.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
                                     {.flags = UV_INHERIT_FD}};
    uv_process_options_t o = {.file = w->pool->path,
                              .args = args,
                              .env = env,
                              .stdio = stdio,
                              .stdio_count = ARRAY_SIZE(stdio),
                              .cwd = "/",
                              .flags = UV_PROCESS_DETACHED,
                              .exit_cb = on_exit};
    AUTO_CLOSE int ours = -1, theirs = -1;
    struct iovec part = {w->user, strlen(w->user)};
    int fds[2], r;

    r = sock_pair(fds);
    if (r < 0)
        return r;
    ours = fds[0];
    theirs = fds[1];
    stdio[WORKER_FD].data.fd = theirs;
    r = channel_new(w->pool->loop, ours, WORKER_BODY_MAX, WORKER_QUEUE_MAX, &worker_ops, w,
                    &w->channel);
    if (r < 0)
        return r;
    (void)TAKE_FD(ours);
    r = uv_spawn(w->pool->loop, &w->process, &o);
    w->handles++;
    if (r < 0) {
        uv_close((uv_handle_t *)&w->process, handle_closed);
        return r;
    }
    w->has_process = 1;
    uv_timer_start(&w->timer, start_timeout, WORKER_START_TIMEOUT_MS, 0);
    return channel_send(w->channel, WORKER_SETUP, 0, &part, 1, NULL, 0);
}

static int add_worker(struct worker_pool *p, const char *user, struct worker **ret)
{
    struct worker *w = mem_calloc(1, sizeof(*w));
    int r;

    if (!w)
        return -ENOMEM;
    w->user = mem_strdup(user);
    if (!w->user) {
        mem_free(w);
        return -ENOMEM;
    }
    w->pool = p;
    w->process.data = w->timer.data = w;
    uv_timer_init(p->loop, &w->timer);
    w->handles = 1;
    w->last_used_ms = clock_ms();
    w->next = p->workers;
    p->workers = w;
    p->count++;
    r = spawn(w);
    if (r < 0) {
        log_error("cannot start %s for '%s': %s", p->path, user, strerror(-r));
        retire(w, 1);
        return r;
    }
    *ret = w;
    return 0;
}

/* Makes room for one more user. */
static int evict(struct worker_pool *p)
{
    struct worker *idlest = NULL;

    for (struct worker *w = p->workers; w; w = w->next)
        if (w->ready && !w->njobs && !w->stay &&
            (!idlest || w->last_used_ms < idlest->last_used_ms))
            idlest = w;
    if (!idlest)
        return -EUSERS;
    retire(idlest, 0);
    return 0;
}

static struct worker *existing(const struct worker_pool *p, const char *user)
{
    struct worker *w = p->workers;

    while (w && strcmp(w->user, user) != 0)
        w = w->next;
    return w;
}

bool worker_pool_has(const struct worker_pool *p, const char *user)
{
    return existing(p, user);
}

static int find_worker(struct worker_pool *p, const char *user, struct worker **ret)
{
    struct worker *w = existing(p, user);
    int r;

    if (w) {
        *ret = w;
        return 0;
    }
    if (p->count >= WORKERS_MAX) {
        r = evict(p);
        if (r < 0)
            return r;
    }
    return add_worker(p, user, ret);
}

void worker_pool_on_end(struct worker_pool *p, worker_program_ended fn, void *arg)
{
    p->ended = fn;
    p->ended_arg = arg;
}

int worker_pool_new(uv_loop_t *loop, const char *path, const char *link_dir, uint32_t idle_ms,
                    struct worker_pool **ret)
{
    struct worker_pool *p = mem_calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->loop = loop;
    p->path = path;
    p->link_dir = link_dir;
    p->idle_ms = idle_ms;
    *ret = p;
    return 0;
}

void worker_pool_free(struct worker_pool *p)
{
    if (!p)
        return;
    while (p->workers) {
        struct worker *w = p->workers;

        for (struct worker_job *j = w->jobs; j; j = j->next)
            j->done = NULL;
        retire(w, 0);
        fail_jobs(w, -ECANCELED);
    }
    mem_free(p);
}

int worker_pool_send(struct worker_pool *p, const char *user, const struct worker_request *rq,
                     worker_done done, void *arg, struct worker_job **ret)
{
    AUTO_BUF struct buf head = BUF_INIT(WORKER_REQUEST_HEAD);
    struct iovec parts[2];
    struct worker_job *j;
    struct worker *w;
    int r;

    r = find_worker(p, user, &w);
    if (r < 0)
        return r;
    if (w->njobs >= WORKER_JOBS_MAX)
        return -EBUSY;
    buf_put_le32(&head, rq->opcode);
    buf_put_le32(&head, rq->flags);
    buf_put_le32(&head, rq->max_result);
    j = mem_calloc(1, sizeof(*j));
    if (!j || buf_error(&head) < 0) {
        mem_free(j);
        return -ENOMEM;
    }
    j->worker = w;
    j->id = ++p->last_id;
    j->done = done;
    j->arg = arg;
    parts[0] = (struct iovec){head.data, head.len};
    parts[1] = (struct iovec){(void *)rq->body, rq->len};
    r = channel_send(w->channel, WORKER_REQUEST, j->id, parts, 2, NULL, 0);
    if (r < 0) {
        mem_free(j);
        return r == -ENOBUFS ? -EBUSY : r;
    }
    j->next = w->jobs;
    w->jobs = j;
    w->njobs++;
    w->last_used_ms = clock_ms();
    watch_idleness(w);
    *ret = j;
    return 0;
}

void worker_job_forget(struct worker_job *job)
{
    job->done = NULL;
}
