#include "vmx/quiesce.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "vmx/tclo.h"
#include "wire/vmbackup.h"

#define AGENT    "toolbox"
#define TEXT_MAX 200 /* of the agent's words */

enum state {
    IDLE,
    ASKED, /* it comes to rest */
    HELD,
    LOST,  /* it was at rest and is not any more; quiesce_end is due */
    ENDING /* it goes on */
};

struct quiesce {
    struct vm *vm;
    enum state state;
    uv_timer_t silence, limit;
    uint64_t limit_ms; /* to come to rest, and again to go on */
    unsigned timers;   /* that are not closed */
    bool over;         /* LOST: the agent has finished already */
    struct error why;  /* what the agent said was wrong */
    quiesce_cb *cb;
    void *arg;
};

/* ---- ends ---- */

static void answer(struct quiesce *q, const struct error *err)
{
    quiesce_cb *cb = q->cb;

    q->cb = NULL;
    if (cb)
        cb(err, q->arg);
}

static void idle(struct quiesce *q)
{
    uv_timer_stop(&q->silence);
    uv_timer_stop(&q->limit);
    q->state = IDLE;
}

static void fail(struct quiesce *q, const struct error *err)
{
    struct error copy = *err;

    idle(q);
    answer(q, &copy);
}

static void lose(struct quiesce *q, const struct error *err)
{
    log_warn("quiesce: %s", error_text(err));
    q->state = LOST;
    q->why = *err;
}

/* ---- requests ---- */

static void ignored(int result, const uint8_t *payload, size_t len, void *arg)
{
    (void)result, (void)payload, (void)len, (void)arg;
}

static int say(struct quiesce *q, const char *text, tclo_cb *cb)
{
    struct iovec part = {(void *)text, strlen(text)};

    return tclo_request(q->vm->tclo, AGENT, TCLO_CONTROL, &part, 1, 0, cb, q, NULL);
}

static void give_up(struct quiesce *q, int code, const char *text)
{
    struct error err = {0};

    error_set(&err, code, "%s", text);
    say(q, VMBACKUP_ABORT, ignored);
    fail(q, &err);
}

static void on_silence(uv_timer_t *timer)
{
    struct quiesce *q = timer->data;

    if (q->state == ASKED) {
        give_up(q, -ETIME, "the guest's agent has fallen silent");
        return;
    }
    log_warn("quiesce: the agent does not say that the guest goes on");
    idle(q);
    answer(q, NULL);
}

static void on_limit(uv_timer_t *timer)
{
    struct quiesce *q = timer->data;
    struct error err = {0};

    if (q->state == ASKED) {
        give_up(q, -ETIME, "the guest has not come to rest in time");
    } else if (q->state == HELD) {
        error_set(&err, -ETIME, "the guest was at rest for too long");
        lose(q, &err);
    } else if (q->state == ENDING) {
        on_silence(&q->silence); /* it only says that it is there */
    }
}

/* ---- what it says ---- */

/* The agent's words are a stranger's: printable ASCII only. */
static void set_words(struct error *err, const char *before, const char *text, size_t len)
{
    char words[TEXT_MAX + 1];
    size_t n = len < TEXT_MAX ? len : TEXT_MAX;

    for (size_t i = 0; i < n; i++)
        words[i] = (char)(text[i] < ' ' || text[i] > '~' ? '?' : text[i]);
    words[n] = '\0';
    error_set(err, -EREMOTEIO, "%s%s", before, n ? words : "it failed");
}

static void note(struct quiesce *q, const char *text, size_t len)
{
    if (!q->why.code)
        set_words(&q->why, "in the guest: ", text, len);
}

/* ---- coming to rest ---- */

static void started(int result, const uint8_t *payload, size_t len, void *arg)
{
    struct quiesce *q = arg;
    struct error err = {0};

    if (result == 0 || q->state != ASKED)
        return;
    if (result == -EREMOTEIO)
        set_words(&err, "the guest's agent refuses: ", (const char *)payload, len);
    else
        error_set(&err, result == -ETIMEDOUT ? -ETIME : -ENOTCONN,
                  "the guest's agent does not answer");
    fail(q, &err);
}

int quiesce_begin(struct quiesce *q, uint64_t limit_ms, quiesce_cb *cb, void *arg,
                  struct error *err)
{
    int r;

    if (q->state != IDLE)
        return error_set(err, -EBUSY, "the guest is being brought to rest already");
    if (!tclo_is_up(q->vm->tclo, AGENT))
        return error_set(err, -ENOTCONN, "no agent is running in the guest");
    q->state = ASKED;
    q->over = false;
    q->why = (struct error){0};
    q->cb = cb;
    q->arg = arg;
    uv_timer_start(&q->silence, on_silence, VMBACKUP_SILENCE_MS, 0);
    q->limit_ms = limit_ms ? limit_ms : VMBACKUP_LIMIT_MS;
    uv_timer_start(&q->limit, on_limit, q->limit_ms, 0);
    /* Without a manifest, of all file systems. */
    r = say(q, VMBACKUP_START " 0", started);
    if (!r)
        return 0;
    q->cb = NULL;
    idle(q);
    return error_errno(err, r, "the guest's agent cannot be asked");
}

void quiesce_cancel(struct quiesce *q)
{
    if (q->state == ASKED)
        give_up(q, -ECANCELED, "canceled");
}

int quiesce_check(const struct quiesce *q, struct error *err)
{
    if (q->state == HELD)
        return 0;
    return error_set(err, -ETIME, "the guest did not stay at rest: %s", error_text(&q->why));
}

/* ---- going on ---- */

static void ended(int result, const uint8_t *payload, size_t len, void *arg)
{
    struct quiesce *q = arg;

    if (result == 0 || q->state != ENDING)
        return;
    (void)payload, (void)len;
    log_warn("quiesce: the agent does not take that the snapshot is over");
    idle(q);
    answer(q, NULL);
}

void quiesce_end(struct quiesce *q, bool taken, quiesce_cb *cb, void *arg)
{
    bool ask = (q->state == HELD || q->state == LOST) && !q->over;

    idle(q);
    if (!ask || say(q, taken ? VMBACKUP_DONE : VMBACKUP_ABORT, ended)) {
        cb(NULL, arg);
        return;
    }
    q->state = ENDING;
    q->cb = cb;
    q->arg = arg;
    uv_timer_start(&q->silence, on_silence, VMBACKUP_SILENCE_MS, 0);
    uv_timer_start(&q->limit, on_limit, q->limit_ms, 0);
}

/* ---- events ---- */

static void on_over(struct quiesce *q)
{
    note(q, NULL, 0);
    if (q->state == ASKED) {
        fail(q, &q->why);
    } else if (q->state == ENDING) {
        idle(q);
        answer(q, NULL);
    } else {
        q->over = true;
        lose(q, &q->why);
    }
}

int quiesce_event(struct quiesce *q, const void *args, size_t len)
{
    enum vmbackup_event event;
    const char *text;
    size_t text_len;
    unsigned code;
    int r = vmbackup_event_decode(args, len, &event, &code, &text, &text_len);

    if (r)
        return r;
    if (q->state == IDLE)
        return -EINVAL;
    if (q->state != HELD && q->state != LOST)
        uv_timer_start(&q->silence, on_silence, VMBACKUP_SILENCE_MS, 0);
    switch (event) {
    case VMBACKUP_COMMIT:
        if (q->state != ASKED)
            return -EINVAL;
        uv_timer_stop(&q->silence); /* the machine will stand still, and the agent with it */
        q->state = HELD;
        answer(q, NULL);
        break;
    case VMBACKUP_ERROR:
    case VMBACKUP_ABORTED:
    case VMBACKUP_PROVIDER_ABORT:
        note(q, text, text_len);
        if (q->state == HELD)
            lose(q, &q->why);
        break;
    case VMBACKUP_OVER:
        on_over(q);
        break;
    default:
        break;
    }
    return 0;
}

void quiesce_guest_gone(struct quiesce *q)
{
    struct error err = {0};

    error_set(&err, -ENOTCONN, "the guest's agent is gone");
    if (q->state == ASKED) {
        fail(q, &err);
    } else if (q->state == ENDING) {
        idle(q);
        answer(q, NULL);
    } else if (q->state == HELD && power_get(q->vm->power) != POWER_FROZEN) {
        /* One that stands still with its machine cannot answer, and has not begun anything. */
        q->over = true;
        lose(q, &err);
    }
}

/* ---- life ---- */

int quiesce_new(struct vm *vm, struct quiesce **ret)
{
    struct quiesce *q = mem_calloc(1, sizeof(*q));

    if (!q)
        return -ENOMEM;
    q->vm = vm;
    uv_timer_init(vm->loop, &q->silence);
    uv_timer_init(vm->loop, &q->limit);
    q->silence.data = q->limit.data = q;
    q->timers = 2;
    *ret = q;
    return 0;
}

static void timer_closed(uv_handle_t *handle)
{
    struct quiesce *q = handle->data;

    if (--q->timers == 0)
        mem_free(q);
}

void quiesce_free(struct quiesce *q)
{
    if (!q)
        return;
    q->cb = NULL;
    q->state = IDLE;
    uv_close((uv_handle_t *)&q->silence, timer_closed);
    uv_close((uv_handle_t *)&q->limit, timer_closed);
}
