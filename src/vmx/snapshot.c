#include "vmx/snapshot.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "vmx/quiesce.h"
#include "vmx/snapshot_store.h"
#include "vmx/vmfiles.h"

#define LATER       1  /* a step's result: proceed() is called when it is over */
#define SWEEP_TRIES 3u /* to remove one thing: whoever does it may be killed */

enum phase { PHASE_NONE, PHASE_WORK, PHASE_HELD, PHASE_END };

typedef int step_fn(struct snapshots *s);

struct copy_work {
    uv_work_t work;
    struct snapshots *owner; /* NULL: gone meanwhile */
    struct snapshot_copies copies;
    int code;
    struct error err;
};

struct snapshots {
    struct vm *vm;
    struct snapshot_store store;
    uv_timer_t limit;
    enum phase phase;
    step_fn *const *steps; /* of the phase, ended by NULL */
    /* Of the operation under way. */
    char *name, *description;
    uint32_t uid;
    bool with_children, all;
    uint64_t quiesce_ms;
    bool quiesced, taken; /* the guest was at rest; the snapshot is there */
    bool has_disk, frozen, replaced, changed_over, canceled;
    unsigned held_kinds;
    enum machine_disk sweeping; /* what the sweep removes, and which one */
    unsigned sweeping_number, sweep_tries;
    struct copy_work *copying;
    struct error err;
    snapshot_cb *cb;
    void *cb_arg;
};

/* ---- the engine ---- */

static step_fn *const end_steps[];

static void finish(struct snapshots *s)
{
    snapshot_cb *cb = s->cb;
    struct error err = s->err;

    mem_free(s->name);
    mem_free(s->description);
    s->name = s->description = NULL;
    s->phase = PHASE_NONE;
    s->cb = NULL;
    if (cb)
        cb(err.code ? &err : NULL, s->uid, s->cb_arg);
}

static void go_to_end(struct snapshots *s)
{
    s->phase = PHASE_END;
    s->steps = end_steps;
}

/* A failed step ends the work; the steps of the end are gone through whatever happens. */
static void note_failure(struct snapshots *s, const struct error *err)
{
    struct error why = *err; /* it may be s->err itself */

    if (s->phase == PHASE_END) {
        log_error("snapshots: %s", error_text(&why));
        return;
    }
    s->err = why;
    if (s->canceled)
        error_set(&s->err, -ECANCELED, "canceled");
    go_to_end(s);
}

static void advance(struct snapshots *s)
{
    while (s->phase == PHASE_WORK || s->phase == PHASE_END) {
        step_fn *step = *s->steps;
        int r;

        if (!step && s->phase == PHASE_END) {
            finish(s);
            return;
        }
        if (!step) {
            go_to_end(s);
            continue;
        }
        s->steps++;
        r = step(s);
        if (r == LATER)
            return;
        if (r < 0) /* only steps of the work fail so */
            note_failure(s, &s->err);
    }
}

/* A step that took its time is over. */
static void proceed(struct snapshots *s, const struct error *err)
{
    if (err && err->code)
        note_failure(s, err);
    else if (s->canceled && s->phase == PHASE_WORK)
        note_failure(s, &(struct error){.code = -ECANCELED});
    advance(s);
}

/* ---- steps: the guest ---- */

static void on_quiesced(const struct error *err, void *arg)
{
    struct snapshots *s = arg;

    s->quiesced = !err;
    proceed(s, err);
}

/* A machine that does not run is at rest as it is. */
static int quiesce(struct snapshots *s)
{
    int r;

    if (power_get(s->vm->power) != POWER_ON)
        return 0;
    r = quiesce_begin(s->vm->quiesce, s->quiesce_ms, on_quiesced, s, &s->err);
    return r ? r : LATER;
}

static void on_power(const struct error *err, void *arg)
{
    proceed(arg, err);
}

static int unquiesce(struct snapshots *s)
{
    if (!s->quiesced || !s->vm->quiesce)
        return 0;
    s->quiesced = false;
    quiesce_end(s->vm->quiesce, s->taken, on_power, s);
    return LATER;
}

/* ---- steps: the machine ---- */

static int stop_machine(struct snapshots *s)
{
    int r = 0;

    if (power_get(s->vm->power) != POWER_OFF)
        r = power_request(s->vm->power, POWER_DO_OFF, POWER_BY_API, on_power, s, &s->err);
    else
        return 0;
    return r ? r : LATER;
}

static void on_frozen(const struct error *err, void *arg)
{
    struct snapshots *s = arg;

    s->frozen = !err;
    proceed(s, err);
}

static int freeze(struct snapshots *s)
{
    int r = power_freeze(s->vm->power, on_frozen, s, &s->err);

    return r ? r : LATER;
}

static int thaw(struct snapshots *s)
{
    if (!s->frozen)
        return 0;
    s->frozen = false;
    power_thaw(s->vm->power, on_power, s);
    return LATER;
}

static void on_disk(const struct error *err, void *arg)
{
    proceed(arg, err);
}

static int ask_disk(struct snapshots *s, enum machine_disk what, unsigned number)
{
    s->vm->machine_ops->disk(s->vm->machine, what, number, on_disk, s);
    return LATER;
}

static int save_disk(struct snapshots *s)
{
    s->has_disk = snapshot_store_has_disk(&s->store);
    return s->has_disk ? ask_disk(s, MACHINE_DISK_SAVE, s->uid) : 0;
}

static int load_disk(struct snapshots *s)
{
    const struct vmsd_snapshot *snapshot = vmsd_find(&s->store.list, s->uid);

    return snapshot && snapshot->has_disk ? ask_disk(s, MACHINE_DISK_LOAD, s->uid) : 0;
}

/* ---- steps: files that go along ---- */

static int hold_files(struct snapshots *s)
{
    for (; s->held_kinds < vmfile_kind_count; s->held_kinds++) {
        const struct vmfile_kind *kind = &vmfile_kinds[s->held_kinds];
        int r = kind->hold ? kind->hold(s->vm, &s->err) : 0;

        if (r)
            return r;
    }
    return 0;
}

static int release_files(struct snapshots *s)
{
    while (s->held_kinds) {
        const struct vmfile_kind *kind = &vmfile_kinds[--s->held_kinds];

        if (kind->release)
            kind->release(s->vm, s->replaced);
    }
    return 0;
}

static void copy_files_work(uv_work_t *work)
{
    struct copy_work *w = work->data;

    w->code = snapshot_copies_make(&w->copies, &w->err);
}

static void copy_files_done(uv_work_t *work, int status)
{
    struct copy_work *w = work->data;
    struct snapshots *s = w->owner;
    struct error err = w->err;

    if (status)
        error_errno(&err, status, "cannot copy files");
    snapshot_copies_free(&w->copies);
    mem_free(w);
    if (!s)
        return;
    s->copying = NULL;
    proceed(s, &err);
}

static int copy_files(struct snapshots *s, uint32_t from_snapshot)
{
    struct copy_work *w = mem_calloc(1, sizeof(*w));
    int r = w ? snapshot_copies_plan(&s->store, from_snapshot, &w->copies) : -ENOMEM;

    if (!r) {
        w->owner = s;
        w->work.data = w;
        r = uv_queue_work(s->vm->loop, &w->work, copy_files_work, copy_files_done);
    }
    if (r) {
        if (w)
            snapshot_copies_free(&w->copies);
        mem_free(w);
        return error_errno(&s->err, r, "cannot copy files");
    }
    s->copying = w;
    return LATER;
}

static int save_files(struct snapshots *s)
{
    return copy_files(s, 0);
}

static int load_files(struct snapshots *s)
{
    return copy_files(s, s->uid);
}

/* ---- steps: the list ---- */

static int add(struct snapshots *s)
{
    int r = s->quiesced ? quiesce_check(s->vm->quiesce, &s->err) : 0;

    if (!r)
        r = snapshot_store_add(&s->store, s->name, s->description, s->quiesced, s->has_disk,
                               &s->err);
    s->taken = !r;
    return r;
}

static int change_over(struct snapshots *s)
{
    int r = snapshot_store_begin_revert(&s->store, s->uid, &s->err);

    if (r)
        return r;
    s->changed_over = s->replaced = true;
    return snapshot_store_finish_revert(&s->store, &s->err);
}

static int take_out(struct snapshots *s)
{
    return s->all ? snapshot_store_remove_all(&s->store, &s->err)
                  : snapshot_store_remove(&s->store, s->uid, s->with_children, &s->err);
}

/* What no list names any more, one after the other. What cannot be removed is left for the next
 * time. */
static int sweep(struct snapshots *s)
{
    enum machine_disk what;
    unsigned number;

    if (!s->vm->machine_ops->disk || !snapshot_store_leftover(&s->store, &what, &number))
        return 0;
    if (what != s->sweeping || number != s->sweeping_number)
        s->sweep_tries = 0;
    if (s->sweep_tries++ == SWEEP_TRIES)
        return 0;
    s->sweeping = what;
    s->sweeping_number = number;
    s->steps--; /* once more, when it is gone */
    return ask_disk(s, what, number);
}

static int held(struct snapshots *s)
{
    snapshot_cb *cb = s->cb;

    s->phase = PHASE_HELD;
    s->cb = NULL;
    cb(NULL, s->uid, s->cb_arg);
    return LATER;
}

static step_fn *const create_steps[] = {freeze, hold_files, save_disk, save_files, add, NULL};
static step_fn *const quiesced_steps[] = {quiesce,    freeze, hold_files, save_disk,
                                          save_files, add,    NULL};
static step_fn *const revert_steps[] = {stop_machine, freeze,      hold_files, load_disk,
                                        load_files,   change_over, NULL};
static step_fn *const remove_steps[] = {take_out, NULL};
static step_fn *const hold_steps[] = {freeze, hold_files, held, NULL};
static step_fn *const hold_snapshot_steps[] = {held, NULL};
static step_fn *const sweep_steps[] = {NULL};
static step_fn *const end_steps[] = {release_files, thaw, unquiesce, sweep, NULL};

/* ---- operations ---- */

static int begin(struct snapshots *s, step_fn *const *steps, uint32_t uid, snapshot_cb *cb,
                 void *arg, struct error *err)
{
    if (!s->vm->machine_ops->disk)
        return error_set(err, -EOPNOTSUPP, "this machine has no snapshots");
    if (s->phase != PHASE_NONE)
        return error_set(err, -EBUSY, "another operation on snapshots is under way");
    /* The last going back could not be finished (a full disk): first that. */
    if (s->store.list.reverting) {
        int r = snapshot_store_finish_revert(&s->store, err);

        if (r)
            return r;
    }
    s->phase = PHASE_WORK;
    s->steps = steps;
    s->uid = uid;
    s->with_children = s->all = false;
    s->quiesced = s->taken = false;
    s->has_disk = s->frozen = s->replaced = s->changed_over = s->canceled = false;
    s->held_kinds = 0;
    s->sweeping = 0;
    s->sweep_tries = 0;
    s->err = (struct error){0};
    s->cb = cb;
    s->cb_arg = arg;
    return 0;
}

int snapshot_create(struct snapshots *s, const char *name, const char *description,
                    const struct snapshot_quiesce *wish, snapshot_cb *cb, void *arg,
                    struct error *err)
{
    int r = snapshot_store_may_add(&s->store, name, description, err);

    if (!r)
        r = begin(s, wish ? quiesced_steps : create_steps, snapshot_store_next(&s->store), cb, arg,
                  err);
    if (r)
        return r;
    s->name = mem_strdup(name);
    s->description = mem_strdup(description);
    s->quiesce_ms = wish ? wish->limit_ms : 0;
    if (!s->name || !s->description)
        note_failure(s, &(struct error){.code = -ENOMEM});
    advance(s);
    return 0;
}

static int check_uid(const struct snapshots *s, uint32_t uid, struct error *err)
{
    if (s->store.damaged.code)
        return error_set(err, s->store.damaged.code, "%s", s->store.damaged.text);
    return vmsd_find(&s->store.list, uid) ? 0
                                          : error_set(err, -ENOENT, "there is no such snapshot");
}

int snapshot_revert(struct snapshots *s, uint32_t uid, snapshot_cb *cb, void *arg,
                    struct error *err)
{
    int r = check_uid(s, uid, err);

    if (!r)
        r = begin(s, revert_steps, uid, cb, arg, err);
    if (!r)
        advance(s);
    return r;
}

int snapshot_remove(struct snapshots *s, uint32_t uid, bool with_children, snapshot_cb *cb,
                    void *arg, struct error *err)
{
    int r = check_uid(s, uid, err);

    if (!r)
        r = begin(s, remove_steps, uid, cb, arg, err);
    if (r)
        return r;
    s->with_children = with_children;
    advance(s);
    return 0;
}

int snapshot_remove_all(struct snapshots *s, snapshot_cb *cb, void *arg, struct error *err)
{
    int r = begin(s, remove_steps, 0, cb, arg, err);

    if (r)
        return r;
    s->all = true;
    advance(s);
    return 0;
}

int snapshot_rename(struct snapshots *s, uint32_t uid, const char *name, const char *description,
                    struct error *err)
{
    if (s->phase != PHASE_NONE)
        return error_set(err, -EBUSY, "another operation on snapshots is under way");
    return snapshot_store_rename(&s->store, uid, name, description, err);
}

static void end_hold(struct snapshots *s)
{
    uv_timer_stop(&s->limit);
    go_to_end(s);
    advance(s);
}

static void on_limit(uv_timer_t *timer)
{
    struct snapshots *s = timer->data;

    log_error("snapshots: the VM was held still for too long and goes on");
    if (s->phase == PHASE_HELD)
        end_hold(s);
}

int snapshot_hold(struct snapshots *s, uint32_t uid, uint64_t limit_ms, snapshot_cb *cb, void *arg,
                  struct error *err)
{
    int r = uid ? check_uid(s, uid, err) : 0;

    if (!r)
        r = begin(s, uid ? hold_snapshot_steps : hold_steps, uid, cb, arg, err);
    if (r)
        return r;
    uv_timer_start(&s->limit, on_limit,
                   limit_ms < SNAPSHOT_HOLD_MAX_MS ? limit_ms : SNAPSHOT_HOLD_MAX_MS, 0);
    advance(s);
    return 0;
}

int snapshot_release(struct snapshots *s, snapshot_cb *cb, void *arg, struct error *err)
{
    if (s->phase != PHASE_HELD)
        return error_set(err, -ENOENT, "the VM is not held still");
    s->cb = cb;
    s->cb_arg = arg;
    end_hold(s);
    return 0;
}

void snapshots_hostd_gone(struct snapshots *s)
{
    if (s->phase == PHASE_HELD)
        end_hold(s);
}

void snapshot_cancel(struct snapshots *s)
{
    if (s->phase != PHASE_WORK || s->changed_over)
        return;
    s->canceled = true;
    s->vm->machine_ops->disk_cancel(s->vm->machine);
    quiesce_cancel(s->vm->quiesce);
}

/* ---- life ---- */

bool snapshots_busy(const struct snapshots *s)
{
    return s->phase != PHASE_NONE;
}

int snapshots_new(struct vm *vm, struct snapshots **ret, struct error *err)
{
    struct snapshots *s = mem_calloc(1, sizeof(*s));
    int r;

    if (!s)
        return error_set(err, -ENOMEM, "no memory for snapshots");
    s->vm = vm;
    uv_timer_init(vm->loop, &s->limit);
    s->limit.data = s;
    *ret = s; /* on failure too: it has a handle, which vm_close closes */
    r = snapshot_store_open(&s->store, vm->folder_fd, vm->name, &vm->config, err);
    return r;
}

void snapshots_start(struct snapshots *s)
{
    struct error err = {0};

    if (begin(s, sweep_steps, 0, NULL, NULL, &err) == 0)
        advance(s);
}

void snapshots_abandon(struct snapshots *s)
{
    struct error err = {0};
    snapshot_cb *cb = s->cb;

    s->cb = NULL;
    s->phase = PHASE_NONE;
    if (s->copying)
        s->copying->owner = NULL;
    error_set(&err, -ECANCELED, "vmx ends");
    if (cb)
        cb(&err, s->uid, s->cb_arg);
}

static void freed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void snapshots_free(struct snapshots *s)
{
    if (!s)
        return;
    mem_free(s->name);
    mem_free(s->description);
    snapshot_store_close(&s->store);
    uv_close((uv_handle_t *)&s->limit, freed);
}
