/*
 * Jobs: one operation each, with its result. A job that has not ended holds a reference to its own
 * handle, so a program may release the handle at once and still use it in the callback.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "client/vix_guest.h"

struct vix_job {
    struct vix_object obj;
    struct vix_object *target; /* host, VM or snapshot; NULL: a session without a handle */
    const struct vix_op *op;
    struct vix_args args;
    VixEventProc *callback;
    void *data;
    struct vix_job *next; /* in the session's queue */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
    VixError error;
    struct vix_props *sets;
    size_t set_count, set_size;
    int percent; /* the last one told */
};

static void free_args(struct vix_args *a)
{
    if (a->a)
        mem_free_secret(a->a, strlen(a->a));
    if (a->b)
        mem_free_secret(a->b, strlen(a->b));
    if (a->snapshot)
        vix_object_unref(&a->snapshot->obj);
}

static void destroy(struct vix_object *o)
{
    struct vix_job *job = (struct vix_job *)(void *)o;

    for (size_t i = 0; i < job->set_count; i++)
        vix_props_free(&job->sets[i]);
    mem_free(job->sets);
    free_args(&job->args);
    vix_object_unref(job->target);
    pthread_mutex_destroy(&job->lock);
    pthread_cond_destroy(&job->ended);
}

struct vix_vm *vix_job_vm(struct vix_job *job)
{
    return job->target && job->target->type == VIX_HANDLETYPE_VM
               ? (struct vix_vm *)(void *)job->target
               : NULL;
}

struct vix_job **vix_job_next(struct vix_job *job)
{
    return &job->next;
}

/* --- starting --- */

static VixError copy_args(struct vix_args *to, const struct vix_args *from)
{
    *to = *from;
    to->a = from->a ? mem_strdup(from->a) : NULL;
    to->b = from->b ? mem_strdup(from->b) : NULL;
    if (to->snapshot)
        vix_object_ref(&to->snapshot->obj);
    return (from->a && !to->a) || (from->b && !to->b) ? VIX_E_OUT_OF_MEMORY : VIX_OK;
}

static VixError check_args(const struct vix_op *op, const struct vix_args *a)
{
    if (((op->flags & VIX_OP_NEEDS_A) && !a->a) || ((op->flags & VIX_OP_NEEDS_B) && !a->b))
        return VIX_E_INVALID_ARG;
    if (a->list != VIX_INVALID_HANDLE && !(op->flags & VIX_OP_LIST_OK))
        return VIX_E_INVALID_ARG;
    return VIX_OK;
}

/* A job that failed before it had a session still has its callback on another thread. */
static void *end_elsewhere(void *arg)
{
    struct vix_job *job = arg;

    vix_job_end(job, job->error, NULL);
    return NULL;
}

static void end_early(struct vix_job *job, VixError error)
{
    pthread_attr_t attr;
    pthread_t thread;

    job->error = error;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (!job->callback || pthread_create(&thread, &attr, end_elsewhere, job))
        vix_job_end(job, error, NULL);
    pthread_attr_destroy(&attr);
}

static VixHandle start(struct vix_session *s, struct vix_object *target, VixError error,
                       const struct vix_op *op, const struct vix_args *args, VixEventProc *callback,
                       void *data)
{
    struct vix_job *job = vix_object_new(sizeof(*job), VIX_HANDLETYPE_JOB, s, destroy);
    VixHandle handle = VIX_INVALID_HANDLE;
    pthread_condattr_t attr;

    if (!job) {
        vix_object_unref(target);
        return VIX_INVALID_HANDLE;
    }
    job->target = target;
    job->op = op;
    job->callback = callback;
    job->data = data;
    job->percent = -1;
    pthread_mutex_init(&job->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&job->ended, &attr);
    pthread_condattr_destroy(&attr);
    if (copy_args(&job->args, args)) {
        vix_object_unref(&job->obj);
        return VIX_INVALID_HANDLE;
    }
    vix_object_ref(&job->obj); /* vix_job_end drops it, and the handle's second reference */
    if (vix_handle_new(&job->obj, &handle)) {
        vix_object_unref(&job->obj);
        return VIX_INVALID_HANDLE;
    }
    Vix_AddRefHandle(handle);
    if (!error)
        error = check_args(op, args);
    if (!error)
        error = vix_session_queue(s, job);
    if (error)
        end_early(job, error);
    return handle;
}

VixHandle vix_job_start(VixHandle handle, VixHandleType type, const struct vix_op *op,
                        const struct vix_args *args, VixEventProc *callback, void *data)
{
    struct vix_object *target = NULL;
    VixError error = vix_handle_get(handle, type, &target);

    return start(target ? target->session : NULL, target, error, op, args, callback, data);
}

VixHandle vix_job_start_session(struct vix_session *s, VixError error, const struct vix_op *op,
                                const struct vix_args *args, VixEventProc *callback, void *data)
{
    VixHandle handle = start(s, NULL, error, op, args, callback, data);

    if (s)
        vix_session_unuse(s);
    return handle;
}

VixHandle vix_job_fail(VixError error, VixEventProc *callback, void *data)
{
    static const struct vix_op op = {0};
    const struct vix_args args = {0};

    return start(NULL, NULL, error, &op, &args, callback, data);
}

/* --- running --- */

void vix_job_event(struct vix_job *job, VixEventType type, struct vix_props *props)
{
    VixHandle info = VIX_INVALID_HANDLE;

    if (job->callback && !vix_property_list_new(NULL, props, &info)) {
        job->callback(job->obj.handle, type, info, job->data);
        Vix_ReleaseHandle(info);
    }
    vix_props_free(props);
}

void vix_job_progress(int percent, void *arg)
{
    struct vix_job *job = arg;
    struct vix_props props = {0};

    if (percent == job->percent)
        return;
    job->percent = percent;
    vix_props_int(&props, VIX_PROPERTY_JOB_RESULT_EXIT_CODE, percent);
    vix_job_event(job, VIX_EVENTTYPE_JOB_PROGRESS, &props);
}

struct vix_props *vix_job_set(struct vix_job *job, size_t set)
{
    if (set >= VIX_LIST_MAX)
        return NULL;
    if (set >= job->set_size) {
        size_t size = set < 8 ? 8 : set * 2;
        struct vix_props *more = mem_realloc(job->sets, size * sizeof(*more));

        if (!more)
            return NULL;
        memset(more + job->set_size, 0, (size - job->set_size) * sizeof(*more));
        job->sets = more;
        job->set_size = size;
    }
    if (set >= job->set_count)
        job->set_count = set + 1;
    return &job->sets[set];
}

void vix_job_end(struct vix_job *job, VixError error, const char *extra)
{
    struct vix_props *props = vix_job_set(job, 0);
    struct vix_props info = {0};
    VixHandle handle = job->obj.handle;

    if (props)
        vix_props_int64(props, VIX_PROPERTY_JOB_RESULT_ERROR_CODE, (int64)error);
    if (props && extra && *extra)
        vix_props_string(props, VIX_PROPERTY_JOB_RESULT_EXTRA_ERROR_INFO, extra);
    pthread_mutex_lock(&job->lock);
    job->error = error;
    job->done = true;
    pthread_cond_broadcast(&job->ended);
    pthread_mutex_unlock(&job->lock);
    vix_props_int64(&info, VIX_PROPERTY_JOB_RESULT_ERROR_CODE, (int64)error);
    vix_job_event(job, VIX_EVENTTYPE_JOB_COMPLETED, &info);
    Vix_ReleaseHandle(handle);
    vix_object_unref(&job->obj);
}

void vix_job_run(struct vix_job *job)
{
    struct vix_ctx x;
    VixError error = vix_ctx_begin(&x, job->obj.session, vix_job_vm(job), job->op->flags);

    if (!error) {
        x.job = job;
        if ((x.flags & VIX_OP_LOGIN) && x.vm) {
            pthread_mutex_lock(&x.vm->lock);
            if (!x.vm->user)
                error = VIX_E_ANON_GUEST_OPERATIONS_PROHIBITED;
            pthread_mutex_unlock(&x.vm->lock);
        }
        if (!error)
            error = job->op->run(&x, &job->args);
        if (error && (x.flags & (VIX_OP_LOGIN | VIX_OP_LOGGING_IN)) && x.vm)
            error = vix_guest_refine(&x, error);
    }
    if (error && x.err.code == 0 && x.err.text[0] == '\0')
        error_set(&x.err, -EIO, "%s", Vix_GetErrorText(error, NULL));
    {
        struct error words = x.err; /* the context goes first: a callback may disconnect */

        vix_ctx_end(&x);
        if (vix_job_vm(job))
            vix_session_vm_free(job->obj.session, vix_job_vm(job));
        vix_job_end(job, error, error ? words.text : NULL);
    }
}

/* --- waiting and reading --- */

static VixError get(VixHandle handle, struct vix_job **ret)
{
    struct vix_object *o = NULL;
    VixError error = vix_handle_get(handle, VIX_HANDLETYPE_JOB, &o);

    *ret = (struct vix_job *)(void *)o;
    return error;
}

static VixError wait_until(struct vix_job *job, const struct timespec *until)
{
    VixError error = VIX_E_UNFINISHED_JOB;

    pthread_mutex_lock(&job->lock);
    while (!job->done && !(until ? pthread_cond_timedwait(&job->ended, &job->lock, until)
                                 : pthread_cond_wait(&job->ended, &job->lock)))
        ;
    if (job->done)
        error = job->error;
    pthread_mutex_unlock(&job->lock);
    return error;
}

VixError vix_job_wait(VixHandle handle, uint64_t timeout_ms)
{
    struct timespec until;
    struct vix_job *job = NULL;
    VixError error = get(handle, &job);

    if (error)
        return error;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    error = wait_until(job, &until);
    vix_object_unref(&job->obj);
    return error;
}

VixError VixJob_Wait(VixHandle jobHandle, VixPropertyID firstPropertyID, ...)
{
    static const struct vix_props none;
    struct vix_job *job = NULL;
    VixError error = get(jobHandle, &job);
    va_list ap;

    if (error)
        return error;
    error = wait_until(job, NULL);
    if (!error) {
        va_start(ap, firstPropertyID);
        error = vix_props_read(job->set_count ? &job->sets[0] : &none, firstPropertyID, &ap);
        va_end(ap);
    }
    vix_object_unref(&job->obj);
    return error;
}

/* The error of a job that has ended, or VIX_E_UNFINISHED_JOB and *ret_done false. */
static VixError look(struct vix_job *job, bool *ret_done)
{
    VixError error;

    pthread_mutex_lock(&job->lock);
    *ret_done = job->done;
    error = job->done ? job->error : VIX_E_UNFINISHED_JOB;
    pthread_mutex_unlock(&job->lock);
    return error;
}

VixError VixJob_CheckCompletion(VixHandle jobHandle, Bool *complete)
{
    struct vix_job *job = NULL;
    VixError error = complete ? get(jobHandle, &job) : VIX_E_INVALID_ARG;
    bool done;

    if (error)
        return error;
    look(job, &done);
    *complete = done ? TRUE : FALSE;
    vix_object_unref(&job->obj);
    return VIX_OK;
}

VixError VixJob_GetError(VixHandle jobHandle)
{
    struct vix_job *job = NULL;
    VixError error = get(jobHandle, &job);
    bool done;

    if (error)
        return error;
    error = look(job, &done);
    vix_object_unref(&job->obj);
    return error;
}

int VixJob_GetNumProperties(VixHandle jobHandle, int resultPropertyID)
{
    struct vix_job *job = NULL;
    int count = 0;
    bool done;

    if (get(jobHandle, &job))
        return 0;
    look(job, &done);
    for (size_t i = 0; done && i < job->set_count; i++)
        if (vix_props_find(&job->sets[i], resultPropertyID))
            count++;
    vix_object_unref(&job->obj);
    return count;
}

VixError VixJob_GetNthProperties(VixHandle jobHandle, int index, int propertyID, ...)
{
    struct vix_job *job = NULL;
    VixError error = get(jobHandle, &job);
    bool done;
    va_list ap;

    if (error)
        return error;
    look(job, &done);
    if (!done)
        error = VIX_E_UNFINISHED_JOB;
    else if (index < 0 || (size_t)index >= job->set_count)
        error = VIX_E_BAD_VM_INDEX;
    va_start(ap, propertyID);
    if (!error)
        error = vix_props_read(&job->sets[index], propertyID, &ap);
    va_end(ap);
    vix_object_unref(&job->obj);
    return error;
}

char *vix_job_words(VixHandle handle)
{
    struct vix_job *job = NULL;
    const struct vix_prop *words = NULL;
    char *copy;
    bool done;

    if (get(handle, &job))
        return NULL;
    look(job, &done);
    if (done && job->set_count)
        words = vix_props_find(&job->sets[0], VIX_PROPERTY_JOB_RESULT_EXTRA_ERROR_INFO);
    copy = mem_strdup(words ? words->v.text.bytes : "");
    vix_object_unref(&job->obj);
    return copy;
}

/* For Vix_GetProperties: the first set of results, the error among them. */
VixError vix_job_props(struct vix_object *o, struct vix_props *ret)
{
    struct vix_job *job = (struct vix_job *)(void *)o;
    bool done;

    look(job, &done);
    if (!done)
        return VIX_E_UNFINISHED_JOB;
    *ret = job->set_count ? job->sets[0] : (struct vix_props){0};
    return VIX_OK;
}
