#include "hostd/guest_process_wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Agents work a start out from clocks that are moved. */
#define START_SLACK_US 2000000

struct process_wait {
    struct process_wait *next;
    struct guest_op *op;
    int64_t pid;
    int64_t start;                      /* of the program, microseconds; 0: not known yet */
    uint64_t until;                     /* clock_ms */
    bool told;                          /* a notice has come that nobody has acted on */
    void (*again)(struct guest_op *op); /* NULL: not waiting now */
    uv_timer_t timer;
};

static struct process_wait *waits;

static const char *vm_of(const struct process_wait *w)
{
    return ((const struct vim_WaitForProcessInGuest_request *)w->op->call->req)->vm.value;
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void wait_free(void *data)
{
    struct process_wait *w = data, **at = &waits;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    uv_close((uv_handle_t *)&w->timer, on_closed);
}

static void go_on(struct process_wait *w)
{
    void (*again)(struct guest_op * op) = w->again;

    w->again = NULL;
    w->told = false;
    uv_timer_stop(&w->timer);
    call_on_cancel(w->op->call, NULL, NULL);
    again(w->op);
}

static void on_time(uv_timer_t *timer)
{
    go_on(timer->data);
}

static void on_cancel(struct call *call, void *arg)
{
    (void)call;
    guest_op_cancelled(arg);
}

int process_wait_begin(struct guest_op *op, int64_t pid, int seconds)
{
    struct process_wait *w = mem_calloc(1, sizeof(*w));

    if (!w)
        return -ENOMEM;
    w->op = op;
    w->pid = pid;
    w->until = clock_ms() + (uint64_t)seconds * 1000u;
    uv_timer_init(op->call->host->loop, &w->timer);
    w->timer.data = w;
    w->next = waits;
    waits = w;
    op->data = w;
    op->free_data = wait_free;
    return 0;
}

bool process_wait_more(struct guest_op *op, void (*again)(struct guest_op *op))
{
    struct process_wait *w = op->data;
    uint64_t now = clock_ms(), left = w->until > now ? w->until - now : 0;

    if (!left)
        return false;
    w->again = again;
    call_on_cancel(op->call, on_cancel, op);
    /* A notice that came while the guest was asked may be newer than its answer. */
    uv_timer_start(&w->timer, on_time,
                   w->told                      ? 0
                   : left < PROCESS_WAIT_ASK_MS ? left
                                                : PROCESS_WAIT_ASK_MS,
                   0);
    return true;
}

bool process_wait_same(struct guest_op *op, int64_t start)
{
    struct process_wait *w = op->data;

    if (!w->start)
        w->start = start;
    return llabs(start - w->start) <= START_SLACK_US;
}

void process_wait_ended(struct host *host, const char *vm, int64_t pid)
{
    for (struct process_wait *w = waits, *next; w; w = next) {
        next = w->next;
        if (w->pid != pid || w->op->call->host != host || strcmp(vm_of(w), vm) != 0)
            continue;
        w->told = true;
        if (w->again)
            uv_timer_start(&w->timer, on_time, 0, 0);
    }
}
