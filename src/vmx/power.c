#include "vmx/power.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum machine_op { OP_START, OP_STOP, OP_SUSPEND, OP_RESUME, OP_THAW };

struct power {
    uv_timer_t timer; /* deadline of the operation, or the delay before a restart */
    const struct power_ops *ops;
    void *arg;
    const struct machine_ops *machine_ops;
    struct machine *machine;
    enum power_state state;
    enum power_state told; /* the settled state that was told last */
    int restart;           /* after the stop: start again */
    int gone;              /* `stopped` came while an operation was under way */
    int held;              /* between power_freeze and power_thaw */
    enum power_reason reason;
    char text[ERROR_TEXT_MAX];
    power_cb *cb;
    void *cb_arg;
    uint64_t started_ms;
};

/* What an action does in a state. An action without a row is refused. */
static const struct row {
    enum power_state from;
    enum power_action action;
    enum power_state to;
    enum machine_op op;
    int restart;
} rows[] = {
    {POWER_OFF, POWER_DO_ON, POWER_STARTING, OP_START, 0},
    {POWER_SUSPENDED, POWER_DO_ON, POWER_RESUMING, OP_RESUME, 0},
    {POWER_ON, POWER_DO_OFF, POWER_STOPPING, OP_STOP, 0},
    {POWER_SUSPENDED, POWER_DO_OFF, POWER_STOPPING, OP_STOP, 0},
    {POWER_ON, POWER_DO_RESET, POWER_STOPPING, OP_STOP, 1},
    {POWER_ON, POWER_DO_SUSPEND, POWER_SUSPENDING, OP_SUSPEND, 0},
};

/* Where an operation that ended leads. */
static const struct end {
    enum power_state state, on_success, on_failure;
} ends[] = {
    {POWER_STARTING, POWER_ON, POWER_OFF},         {POWER_STOPPING, POWER_OFF, POWER_ON},
    {POWER_SUSPENDING, POWER_SUSPENDED, POWER_ON}, {POWER_RESUMING, POWER_ON, POWER_SUSPENDED},
    {POWER_FREEZING, POWER_FROZEN, POWER_ON},      {POWER_THAWING, POWER_ON, POWER_SUSPENDED},
};

static const char *const settled_names[] = {
    [POWER_OFF] = "poweredOff", [POWER_ON] = "poweredOn", [POWER_SUSPENDED] = "suspended"};

static const char *const reason_names[] = {"api", "guest", "failure"};

enum power_state power_get(const struct power *p)
{
    return p->state;
}

const char *power_name(const struct power *p)
{
    return settled_names[p->told];
}

const char *power_reason_name(enum power_reason reason)
{
    return reason_names[reason];
}

int power_new(uv_loop_t *loop, const struct power_ops *ops, void *arg, struct power **ret)
{
    struct power *p = mem_calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->ops = ops;
    p->arg = arg;
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    *ret = p;
    return 0;
}

static void free_power(uv_handle_t *h)
{
    mem_free(h->data);
}

void power_free(struct power *p)
{
    if (p)
        uv_close((uv_handle_t *)&p->timer, free_power);
}

void power_set_machine(struct power *p, const struct machine_ops *ops, struct machine *machine)
{
    p->machine_ops = ops;
    p->machine = machine;
}

static void answer(struct power *p, const struct error *err)
{
    power_cb *cb = p->cb;

    p->cb = NULL;
    if (cb)
        cb(err, p->cb_arg);
}

void power_abandon(struct power *p)
{
    struct error err = {0};

    error_set(&err, -ECANCELED, "vmx ends");
    answer(p, &err);
}

static void operation_late(uv_timer_t *timer)
{
    struct power *p = timer->data;
    struct error err = {0};

    error_set(&err, -ETIMEDOUT, "the machine has not finished after %u s",
              POWER_OPERATION_MS / 1000);
    log_error("power: %s", err.text);
    answer(p, &err);
}

static void run(struct power *p, enum machine_op op)
{
    p->gone = 0;
    uv_timer_start(&p->timer, operation_late, POWER_OPERATION_MS, 0);
    switch (op) {
    case OP_START:
        p->started_ms = clock_ms();
        p->ops->starting(p->arg);
        p->machine_ops->start(p->machine);
        break;
    case OP_STOP:
        p->machine_ops->stop(p->machine);
        break;
    case OP_SUSPEND:
        p->machine_ops->suspend(p->machine);
        break;
    case OP_RESUME:
        p->ops->resuming(p->arg);
        p->machine_ops->resume(p->machine);
        break;
    case OP_THAW: /* the guest does not learn of it */
        p->machine_ops->resume(p->machine);
        break;
    }
}

static void settle(struct power *p, enum power_state state, enum power_reason reason,
                   const char *text)
{
    p->state = state;
    uv_timer_stop(&p->timer);
    if (p->told == state || state == POWER_FROZEN)
        return;
    p->told = state;
    p->ops->changed(state, reason, text, p->arg);
}

static void delayed_start(uv_timer_t *timer)
{
    run(timer->data, OP_START);
}

static void start_again(struct power *p)
{
    uint64_t since = clock_ms() - p->started_ms;

    p->restart = 0;
    p->state = POWER_STARTING;
    if (since >= POWER_RESTART_MS)
        run(p, OP_START);
    else
        uv_timer_start(&p->timer, delayed_start, POWER_RESTART_MS - since, 0);
}

static int refuse(const struct power *p, enum power_action action, struct error *err)
{
    static const enum power_state wanted[] = {[POWER_DO_ON] = POWER_ON,
                                              [POWER_DO_OFF] = POWER_OFF,
                                              [POWER_DO_RESET] = POWER_STARTING,
                                              [POWER_DO_SUSPEND] = POWER_SUSPENDED};

    if (p->held)
        return error_set(err, -EBUSY, "the VM's disk is being copied");
    if (p->state == wanted[action] && action != POWER_DO_RESET)
        return error_set(err, -EALREADY, "the VM is %s already", power_name(p));
    if (p->state != POWER_OFF && p->state != POWER_ON && p->state != POWER_SUSPENDED)
        return error_set(err, -EBUSY, "another power operation is under way");
    return error_set(err, -EINVAL, "not possible while the VM is %s", power_name(p));
}

int power_request(struct power *p, enum power_action action, enum power_reason reason, power_cb *cb,
                  void *arg, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows) && !p->held; i++) {
        if (rows[i].from != p->state || rows[i].action != action)
            continue;
        p->state = rows[i].to;
        p->restart = rows[i].restart;
        p->reason = reason;
        p->cb = cb;
        p->cb_arg = arg;
        run(p, rows[i].op);
        return 0;
    }
    return refuse(p, action, err);
}

int power_freeze(struct power *p, power_cb *cb, void *arg, struct error *err)
{
    if (p->held || (p->state != POWER_OFF && p->state != POWER_ON && p->state != POWER_SUSPENDED))
        return error_set(err, -EBUSY, "another power operation is under way");
    p->held = 1;
    if (p->state != POWER_ON) {
        cb(NULL, arg);
        return 0;
    }
    p->state = POWER_FREEZING;
    p->cb = cb;
    p->cb_arg = arg;
    run(p, OP_SUSPEND);
    return 0;
}

void power_thaw(struct power *p, power_cb *cb, void *arg)
{
    p->held = 0;
    if (p->state != POWER_FROZEN) {
        cb(NULL, arg);
        return;
    }
    p->state = POWER_THAWING;
    p->cb = cb;
    p->cb_arg = arg;
    run(p, OP_THAW);
}

static const struct end *find_end(enum power_state state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (ends[i].state == state)
            return &ends[i];
    return NULL;
}

void power_done(struct power *p, const struct error *err)
{
    const struct end *end = find_end(p->state);
    struct error lost = {0};

    if (!end) {
        log_warn("power: the machine ended an operation that was not asked for");
        return;
    }
    if (p->gone && !err && p->state != POWER_STOPPING) {
        error_set(&lost, -EIO, "the machine stopped meanwhile%s%s", p->text[0] ? ": " : "",
                  p->text);
        err = &lost;
    }
    if (p->state == POWER_STOPPING && !err && p->restart) {
        start_again(p);
        return;
    }
    if (err) {
        int off = p->gone || end->on_failure == POWER_OFF;

        p->restart = 0;
        if (p->state == POWER_FREEZING)
            p->held = 0;
        log_error("power: %s", error_text(err));
        if (off && p->state == POWER_STARTING)
            p->ops->gone(p->arg);
        settle(p, off ? POWER_OFF : end->on_failure, POWER_BY_FAILURE, error_text(err));
    } else {
        settle(p, end->on_success, p->reason, NULL);
    }
    answer(p, err);
}

void power_stopped(struct power *p, enum machine_stop_reason reason, const char *text)
{
    static const enum power_reason why[] = {[MACHINE_STOP_ASKED] = POWER_BY_API,
                                            [MACHINE_STOP_POWEROFF] = POWER_BY_GUEST,
                                            [MACHINE_STOP_REBOOT] = POWER_BY_GUEST,
                                            [MACHINE_STOP_FAILURE] = POWER_BY_FAILURE};

    if (p->state == POWER_OFF)
        return;
    p->ops->gone(p->arg);
    if (find_end(p->state)) {
        p->gone = 1;
        snprintf(p->text, sizeof(p->text), "%s", text ? text : "");
        return; /* `done` follows */
    }
    log_info("power: the machine stopped by itself (%s) %s", reason_names[why[reason]],
             text ? text : "");
    p->reason = why[reason];
    if (reason == MACHINE_STOP_REBOOT && p->state == POWER_ON)
        start_again(p);
    else
        settle(p, POWER_OFF, why[reason], text);
}
