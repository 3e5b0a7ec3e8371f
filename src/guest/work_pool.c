#include "guest/work_pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

#define STACK_BYTES (512u * 1024u)

struct queue {
    struct work *first, **last;
};

struct work_pool {
    uv_async_t finished;
    uv_timer_t stall;
    pthread_mutex_t lock; /* for everything below */
    pthread_cond_t some;
    struct queue todo, done;
    unsigned waiting; /* in todo */
    unsigned threads, idle;
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_put(struct queue *q, struct work *w)
{
    w->next = NULL;
    *q->last = w;
    q->last = &w->next;
}

static struct work *queue_take(struct queue *q)
{
    struct work *w = q->first;

    if (!w)
        return NULL;
    q->first = w->next;
    if (!q->first)
        q->last = &q->first;
    return w;
}

/* Next work, or NULL after a while without any: the thread is counted out then. One stays. */
static struct work *wait_for_work(struct work_pool *p)
{
    struct work *w;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WORK_IDLE_S;
    while (!(w = queue_take(&p->todo))) {
        int r;

        p->idle++;
        r = pthread_cond_timedwait(&p->some, &p->lock, &until);
        p->idle--;
        if (r == ETIMEDOUT && !p->todo.first && p->threads > 1) {
            p->threads--;
            return NULL;
        }
        if (r == ETIMEDOUT)
            until.tv_sec += WORK_IDLE_S;
    }
    p->waiting--;
    return w;
}

static void *thread_main(void *arg)
{
    struct work_pool *p = arg;
    struct work *w;

    pthread_mutex_lock(&p->lock);
    while ((w = wait_for_work(p))) {
        pthread_mutex_unlock(&p->lock);
        w->run(w);
        pthread_mutex_lock(&p->lock);
        queue_put(&p->done, w);
        uv_async_send(&p->finished);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Under the lock. */
static int add_thread(struct work_pool *p)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    int r;

    if (p->threads >= WORK_THREADS_MAX)
        return -EAGAIN;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    /* Signals are the loop's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&thread, &attr, thread_main, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (r == 0)
        p->threads++;
    return r;
}

static void on_finished(uv_async_t *async)
{
    struct work_pool *p = async->data;
    struct queue done;

    pthread_mutex_lock(&p->lock);
    done = p->done;
    if (!done.first)
        done.last = &done.first;
    queue_init(&p->done);
    pthread_mutex_unlock(&p->lock);
    for (struct work *w; (w = queue_take(&done));)
        w->done(w);
}

/* Whatever has waited this long waits behind calls that hang. */
static void on_stall(uv_timer_t *timer)
{
    struct work_pool *p = timer->data;
    uint64_t now = clock_ms();

    pthread_mutex_lock(&p->lock);
    for (const struct work *w = p->todo.first; w && now - w->since >= WORK_STALL_MS; w = w->next)
        if (add_thread(p) < 0)
            break;
    if (p->todo.first)
        uv_timer_start(timer, on_stall, WORK_STALL_MS, 0);
    pthread_mutex_unlock(&p->lock);
}

void work_pool_submit(struct work_pool *p, struct work *w)
{
    pthread_mutex_lock(&p->lock);
    w->since = clock_ms();
    queue_put(&p->todo, w);
    p->waiting++;
    /* Where no thread can be made the others will come to it. */
    if (p->waiting > p->idle && p->threads < WORK_THREADS_SOON)
        (void)add_thread(p);
    pthread_cond_signal(&p->some);
    if (!uv_is_active((uv_handle_t *)&p->stall))
        uv_timer_start(&p->stall, on_stall, WORK_STALL_MS, 0);
    pthread_mutex_unlock(&p->lock);
}

int work_pool_new(uv_loop_t *loop, struct work_pool **ret)
{
    struct work_pool *p = mem_calloc(1, sizeof(*p));
    pthread_condattr_t attr;
    int r;

    if (!p)
        return -ENOMEM;
    r = uv_async_init(loop, &p->finished, on_finished);
    if (r < 0) {
        mem_free(p);
        return r;
    }
    uv_unref((uv_handle_t *)&p->finished);
    p->finished.data = p;
    uv_timer_init(loop, &p->stall);
    uv_unref((uv_handle_t *)&p->stall);
    p->stall.data = p;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->some, &attr);
    pthread_condattr_destroy(&attr);
    queue_init(&p->todo);
    queue_init(&p->done);
    pthread_mutex_lock(&p->lock);
    r = add_thread(p);
    pthread_mutex_unlock(&p->lock);
    /* A worker without threads ends; there is nothing to free for. */
    if (r == 0)
        *ret = p;
    return r;
}
