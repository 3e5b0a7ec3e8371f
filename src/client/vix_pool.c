/*
 * The workers of a session: they start when jobs need them, VIX_WORKERS_MAX at most, and stay until
 * the session ends. Jobs run in the order they came, except that a VM has one at a time.
 */
#include "client/vix_session_impl.h"

/* Under the lock: the first job whose VM is free, out of the queue. */
static struct vix_job *take_job(struct vix_session *s)
{
    for (struct vix_job **at = &s->queue; *at; at = vix_job_next(*at)) {
        struct vix_job *job = *at;
        struct vix_vm *vm = vix_job_vm(job);

        if (vm && vm->busy)
            continue;
        *at = *vix_job_next(job);
        if (!*at)
            s->queue_end = at;
        *vix_job_next(job) = NULL;
        s->queued--;
        if (vm)
            vm->busy = true;
        return job;
    }
    return NULL;
}

static void *work(void *arg)
{
    struct vix_session *s = arg;

    pthread_mutex_lock(&s->lock);
    while (!s->ended) {
        struct vix_job *job = take_job(s);

        if (job) {
            pthread_mutex_unlock(&s->lock);
            vix_job_run(job);
            pthread_mutex_lock(&s->lock);
            continue;
        }
        s->idle++;
        pthread_cond_wait(&s->work, &s->lock);
        s->idle--;
    }
    pthread_mutex_unlock(&s->lock);
    vix_session_unref(s);
    return NULL;
}

/* Under the lock. */
static void start_worker(struct vix_session *s)
{
    if (s->worker_count >= VIX_WORKERS_MAX)
        return;
    atomic_fetch_add(&s->refs, 1);
    if (pthread_create(&s->workers[s->worker_count], NULL, work, s))
        atomic_fetch_sub(&s->refs, 1); /* the caller holds another */
    else
        s->worker_count++;
}

VixError vix_session_queue(struct vix_session *s, struct vix_job *job)
{
    VixError error = VIX_OK;

    if (!s)
        return VIX_E_INVALID_HANDLE;
    pthread_mutex_lock(&s->lock);
    if (s->ended) {
        error = s->reason;
    } else if (s->queued >= VIX_QUEUE_MAX) {
        error = VIX_E_OBJECT_IS_BUSY;
    } else {
        *s->queue_end = job;
        s->queue_end = vix_job_next(job);
        s->queued++;
        if (s->idle < s->queued)
            start_worker(s);
        if (!s->worker_count) { /* no thread to be had */
            s->queue = NULL;
            s->queue_end = &s->queue;
            s->queued = 0;
            error = VIX_E_OUT_OF_MEMORY;
        }
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->lock);
    return error;
}

void vix_session_vm_free(struct vix_session *s, struct vix_vm *vm)
{
    pthread_mutex_lock(&s->lock);
    vm->busy = false;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
}

void vix_pool_drain(struct vix_session *s, VixError reason)
{
    for (;;) {
        struct vix_job *job;

        pthread_mutex_lock(&s->lock);
        job = s->queue;
        if (job) {
            s->queue = *vix_job_next(job);
            *vix_job_next(job) = NULL;
            s->queued--;
        }
        if (!s->queue)
            s->queue_end = &s->queue;
        pthread_mutex_unlock(&s->lock);
        if (!job)
            return;
        vix_job_end(job, reason, NULL);
    }
}

void vix_pool_join(struct vix_session *s)
{
    unsigned count;

    pthread_mutex_lock(&s->lock);
    count = s->worker_count;
    s->worker_count = 0;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < count; i++) {
        if (pthread_equal(s->workers[i], pthread_self()))
            pthread_detach(s->workers[i]);
        else
            pthread_join(s->workers[i], NULL);
    }
}
