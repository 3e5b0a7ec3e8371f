#include "vmx/datasets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "vmx/ctl.h"

static const struct {
    const char *key, *suffix;
} kinds[DATASET_KINDS] = {
    [DATASET_DISK] = {DATASETS_DISK_KEY, ".dsd"},
    [DATASET_VM] = {DATASETS_VM_KEY, ".dsv"},
};

struct datasets {
    struct vm *vm;
    struct dataset_answers *answers;
    char *folder;
    uv_thread_t thread;
    uv_mutex_t lock;
    uv_cond_t wake, idle;
    uv_async_t async;
    bool threaded;
    unsigned held;              /* by the loop; nested */
    bool missed[DATASET_KINDS]; /* has been told in the log */

    /* Under the lock. */
    struct dataset_job *queue, **queue_end, *finished, **finished_end;
    unsigned waiting;
    bool running, closing, paused;
    bool opened, refused;         /* since the loop looked last: */
    bool has_file[DATASET_KINDS]; /* valid with `opened` */
    struct error why;             /* valid with `refused` */
    struct dataset_store *store;  /* changed by the thread; by the loop while it is held */

    /* The thread's; the loop's while it is held. */
    char *names[DATASET_KINDS];
    struct error broken;
    uint64_t retry_ms;
};

bool datasets_supported(const struct vm *vm)
{
    return vmconfig_get_int(&vm->config, "virtualHW.version", DATASET_HARDWARE_MIN) >=
           DATASET_HARDWARE_MIN;
}

bool datasets_suspended(const struct vm *vm)
{
    enum power_state state = power_get(vm->power);

    return state == POWER_SUSPENDED || state == POWER_RESUMING;
}

/* --- the thread ----------------------------------------------------------------------------- */

static void open_store(struct datasets *d)
{
    const char *names[DATASET_KINDS] = {d->names[DATASET_DISK], d->names[DATASET_VM]};
    struct dataset_store *store = NULL;
    struct error err = {0};
    int r;

    if (d->store || (d->broken.code && clock_ms() < d->retry_ms))
        return;
    r = dataset_store_open(d->folder, names, &store, &err);
    d->broken = err;
    d->retry_ms = clock_ms() + DATASETS_RETRY_MS;
    uv_mutex_lock(&d->lock);
    d->store = store;
    if (r && r != -ECANCELED) {
        d->refused = true;
        d->why = err;
    }
    uv_mutex_unlock(&d->lock);
}

static void close_store(struct datasets *d)
{
    struct dataset_store *store;

    uv_mutex_lock(&d->lock);
    store = TAKE_PTR(d->store);
    uv_mutex_unlock(&d->lock);
    dataset_store_close(store);
}

static void run(struct datasets *d, struct dataset_job *job)
{
    open_store(d);
    job->run(job, d->store, &d->broken);
    if (!d->store)
        return;
    uv_mutex_lock(&d->lock);
    d->opened = true;
    for (int k = 0; k < DATASET_KINDS; k++)
        d->has_file[k] = dataset_store_has_file(d->store, (enum dataset_kind)k);
    uv_mutex_unlock(&d->lock);
    if (dataset_store_doubtful(d->store))
        close_store(d);
}

static void work(void *arg)
{
    struct datasets *d = arg;

    uv_mutex_lock(&d->lock);
    while (!d->closing) {
        struct dataset_job *job = d->queue;

        if (!job || d->paused) {
            uv_cond_wait(&d->wake, &d->lock);
            continue;
        }
        d->queue = job->next;
        if (!d->queue)
            d->queue_end = &d->queue;
        d->waiting--;
        d->running = true;
        uv_mutex_unlock(&d->lock);
        run(d, job);
        uv_mutex_lock(&d->lock);
        d->running = false;
        job->next = NULL;
        *d->finished_end = job;
        d->finished_end = &job->next;
        uv_cond_signal(&d->idle);
        uv_async_send(&d->async);
    }
    uv_mutex_unlock(&d->lock);
}

/* --- the loop ------------------------------------------------------------------------------- */

/* What has a file has a key. What has none keeps the key, unless `all`: the file may come back. */
static void set_keys(struct datasets *d, const bool has_file[DATASET_KINDS], bool all)
{
    json_t *set = json_object();
    struct error err = {0};

    for (int k = 0; set && k < DATASET_KINDS; k++) {
        const char *now = vmconfig_get(&d->vm->config, kinds[k].key);

        if (has_file[k] && (!now || !*now))
            json_object_set_new(set, kinds[k].key, json_string(d->names[k]));
        else if (!has_file[k] && now && all)
            json_object_set_new(set, kinds[k].key, json_null());
        else if (!has_file[k] && now && !d->missed[k])
            log_warn("data sets: %s, the store that the configuration names, is missing", now);
        d->missed[k] = !has_file[k] && now;
    }
    if (json_object_size(set)) {
        if (vmconfig_update(&d->vm->config, set, &err))
            log_error("data sets: the file's name could not be kept: %s", error_text(&err));
        else
            ctl_config_changed(d->vm->ctl, set);
    }
    json_decref(set);
}

static void look(struct datasets *d, struct dataset_job **ret)
{
    bool opened, refused, has_file[DATASET_KINDS];
    struct error why;

    uv_mutex_lock(&d->lock);
    *ret = TAKE_PTR(d->finished);
    d->finished_end = &d->finished;
    opened = d->opened;
    refused = d->refused;
    why = d->why;
    memcpy(has_file, d->has_file, sizeof(has_file));
    d->opened = d->refused = false;
    uv_mutex_unlock(&d->lock);
    if (refused)
        log_error("data sets: %s", error_text(&why));
    if (opened)
        set_keys(d, has_file, false);
}

static void finished(uv_async_t *async)
{
    struct datasets *d = async->data;
    struct dataset_job *job;

    look(d, &job);
    while (job) {
        struct dataset_job *next = job->next;

        job->done(job, true);
        job = next;
    }
}

/* What the configuration says, or NAME.SUFFIX. The name is one of a file in the folder. */
static int read_names(struct datasets *d, struct error *err)
{
    for (int k = 0; k < DATASET_KINDS; k++) {
        const char *name = vmconfig_get(&d->vm->config, kinds[k].key);

        mem_free(d->names[k]);
        if (name && *name && (strchr(name, '/') || name[0] == '.'))
            log_error("data sets: %s = \"%s\" is no file of the VM's folder", kinds[k].key, name);
        d->names[k] = name && *name && !strchr(name, '/') && name[0] != '.'
                          ? mem_strdup(name)
                          : mem_printf("%s%s", d->vm->name, kinds[k].suffix);
        if (!d->names[k])
            return error_set(err, -ENOMEM, "no memory for the data sets");
    }
    return 0;
}

static void gone(uv_handle_t *h)
{
    struct datasets *d = h->data;

    uv_cond_destroy(&d->idle);
    uv_cond_destroy(&d->wake);
    uv_mutex_destroy(&d->lock);
    for (int k = 0; k < DATASET_KINDS; k++)
        mem_free(d->names[k]);
    dataset_answers_free(d->answers);
    free(d->folder);
    mem_free(d);
}

int datasets_new(struct vm *vm, const char *folder, struct datasets **ret, struct error *err)
{
    struct datasets *d = mem_calloc(1, sizeof(*d));
    int r;

    if (!d || !(d->answers = dataset_answers_new())) {
        mem_free(d);
        return error_set(err, -ENOMEM, "no memory for the data sets");
    }
    d->vm = vm;
    d->folder = realpath(folder, NULL);
    if (!d->folder) {
        r = error_errno(err, -errno, "cannot find the VM's folder %s", folder);
        dataset_answers_free(d->answers);
        mem_free(d);
        return r;
    }
    d->queue_end = &d->queue;
    d->finished_end = &d->finished;
    uv_mutex_init(&d->lock);
    uv_cond_init(&d->wake);
    uv_cond_init(&d->idle);
    uv_async_init(vm->loop, &d->async, finished);
    d->async.data = d;
    r = read_names(d, err);
    if (r)
        uv_close((uv_handle_t *)&d->async, gone);
    else
        *ret = d;
    return r;
}

void datasets_free(struct datasets *d)
{
    struct dataset_job *ran, *left, *next;

    if (!d)
        return;
    uv_mutex_lock(&d->lock);
    d->closing = true;
    if (d->store)
        dataset_store_interrupt(d->store);
    uv_cond_signal(&d->wake);
    uv_mutex_unlock(&d->lock);
    if (d->threaded)
        uv_thread_join(&d->thread);
    look(d, &ran);
    left = TAKE_PTR(d->queue);
    for (; ran; ran = next) {
        next = ran->next;
        ran->done(ran, true);
    }
    for (; left; left = next) {
        next = left->next;
        left->done(left, false);
    }
    dataset_store_close(TAKE_PTR(d->store));
    uv_close((uv_handle_t *)&d->async, gone);
}

int datasets_submit(struct datasets *d, struct dataset_job *job)
{
    int r = 0;

    if (!job->reads)
        dataset_answers_forget(d->answers);
    job->datasets = d;
    job->generation = dataset_answers_generation(d->answers);
    if (!d->threaded && uv_thread_create(&d->thread, work, d))
        return -EAGAIN;
    d->threaded = true;
    uv_mutex_lock(&d->lock);
    if (d->waiting >= DATASETS_JOBS_MAX || d->closing) {
        r = -EBUSY;
    } else {
        job->next = NULL;
        *d->queue_end = job;
        d->queue_end = &job->next;
        d->waiting++;
        uv_cond_signal(&d->wake);
    }
    uv_mutex_unlock(&d->lock);
    return r;
}

const void *datasets_known(struct datasets *d, const struct buf *name, size_t *ret_len)
{
    return dataset_answers_find(d->answers, name->data, name->len, ret_len);
}

void datasets_keep(struct dataset_job *job, const void *answer, size_t len)
{
    if (job->name.len)
        dataset_answers_keep(job->datasets->answers, job->generation, job->name.data, job->name.len,
                             answer, len);
    buf_free(&job->name);
}

bool datasets_withdraw(struct datasets *d, struct dataset_job *job)
{
    bool found = false;

    uv_mutex_lock(&d->lock);
    for (struct dataset_job **p = &d->queue; *p; p = &(*p)->next)
        if (*p == job) {
            *p = job->next;
            if (!*p)
                d->queue_end = p;
            d->waiting--;
            found = true;
            break;
        }
    uv_mutex_unlock(&d->lock);
    return found;
}

/* --- at rest -------------------------------------------------------------------------------- */

static bool has_journal(const struct datasets *d, int k)
{
    AUTO_FREE char *journal = mem_printf("%s-journal", d->names[k]);
    struct stat st;

    return !journal || fstatat(d->vm->folder_fd, journal, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Waits for the job that runs, which is short. */
static int pause_thread(struct datasets *d)
{
    uint64_t until = uv_hrtime() + DATASETS_HOLD_MS * 1000000ull;
    int r = 0;

    uv_mutex_lock(&d->lock);
    d->paused = true;
    while (d->running && !r) {
        uint64_t now = uv_hrtime();

        r = now >= until ? -EBUSY : 0;
        if (!r)
            uv_cond_timedwait(&d->idle, &d->lock, until - now);
    }
    if (r) {
        d->paused = false;
        uv_cond_signal(&d->wake);
    }
    uv_mutex_unlock(&d->lock);
    return r;
}

int datasets_hold(struct vm *vm, struct error *err)
{
    struct datasets *d = vm->datasets;
    int r;

    if (d->held++)
        return 0;
    dataset_answers_forget(d->answers);
    r = pause_thread(d);
    if (r) {
        d->held = 0;
        return error_set(err, r, "the data sets are being changed");
    }
    /* What a kill has left beside a file belongs to it: opening puts it in order. */
    if (!d->store && (has_journal(d, DATASET_DISK) || has_journal(d, DATASET_VM))) {
        d->retry_ms = 0;
        open_store(d);
        r = d->store ? 0 : error_set(err, d->broken.code, "%s", error_text(&d->broken));
    }
    close_store(d);
    if (r)
        datasets_release(vm, false);
    return r;
}

void datasets_release(struct vm *vm, bool replaced)
{
    struct datasets *d = vm->datasets;
    struct error err = {0};
    bool has_file[DATASET_KINDS];
    struct stat st;

    if (--d->held)
        return;
    if (replaced && read_names(d, &err)) {
        log_error("%s", error_text(&err));
    } else if (replaced) {
        for (int k = 0; k < DATASET_KINDS; k++)
            has_file[k] = fstatat(vm->folder_fd, d->names[k], &st, AT_SYMLINK_NOFOLLOW) == 0;
        set_keys(d, has_file, true);
    }
    d->retry_ms = 0;
    uv_mutex_lock(&d->lock);
    d->paused = false;
    uv_cond_signal(&d->wake);
    uv_mutex_unlock(&d->lock);
}
