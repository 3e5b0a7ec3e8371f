/*
 * The data of a transfer.
 *
 * Download: slots are a ring in file order. A free slot asks for the next piece; the oldest slot's
 * data goes to the descriptor as it takes it; a short answer makes its slot ask for the rest.
 * Upload: a free slot is filled from the descriptor and written at its place in the file.
 * Either way no more than `depth` pieces exist, so a slow end slows down the other.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sock.h"
#include "vmx/transfer_internal.h"
#include "wire/vix_error.h"

/* An agent that is busy tells so after two seconds; ours. */
#define QUIET_MIN_MS 500u
#define HURRIED_MAX  (4 * TRANSFER_DEPTH)

static void move(struct transfer *t);

static int slot_ready(struct slot *s)
{
    if (!s->data)
        s->data = mem_alloc(s->t->chunk);
    return s->data ? 0 : -ENOMEM;
}

static void no_memory(struct transfer *t)
{
    transfer_fail_text(t, -ENOMEM, "vmx", VIX_E_OUT_OF_MEMORY, "no memory");
}

static void watch(struct transfer *t, int events);

/* --- download ------------------------------------------------------------------------------- */

/* The slot's request has been answered; false: the transfer has ended meanwhile. */
static bool take_back(struct slot *s)
{
    struct transfer *t = s->t;
    bool running = t->state == TRANSFER_RUNNING;

    t->busy--;
    s->state = SLOT_FREE;
    if (!running)
        transfer_settle(t); /* which may free it */
    return running;
}

static void read_answered(const struct hgfs_answer *answer, void *arg);

static bool ask(struct slot *s)
{
    struct transfer *t = s->t;
    union hgfs_request rq = {.io = {.handle = t->file, .offset = s->offset, .size = s->size}};
    int r = slot_ready(s);

    if (!r)
        r = hgfs_client_send(&t->hgfs, HGFS_READ_V3, &rq, TRANSFER_PACKET_MS, read_answered, s,
                             NULL);
    if (r) {
        transfer_fail_text(t, r, "agent", VIX_E_TOOLS_NOT_RUNNING, "the agent cannot be reached");
        return false;
    }
    t->sent_ms = s->sent_ms = clock_ms();
    s->state = SLOT_SENT;
    t->busy++;
    return true;
}

/* A program in the guest that neither writes nor reads for a while: the agent has waited, says so,
 * and is asked again. One that says so at once, over and over, is not believed. */
static bool quiet(struct slot *s, const struct hgfs_answer *answer)
{
    struct transfer *t = s->t;

    if (answer->err != -EBUSY || answer->vix != VIX_E_OBJECT_IS_BUSY)
        return false;
    if (clock_ms() - s->sent_ms >= QUIET_MIN_MS)
        t->hurried = 0;
    else if (++t->hurried > HURRIED_MAX)
        return false;
    transfer_progress(t);
    return true;
}

static void read_answered(const struct hgfs_answer *answer, void *arg)
{
    struct slot *s = arg;
    struct transfer *t = s->t;
    uint32_t n = answer->err ? 0 : answer->reply.io.size;

    if (!take_back(s))
        return;
    if (t->size < 0 && quiet(s, answer)) {
        ask(s);
        return;
    }
    if (answer->err) {
        transfer_fail_answer(t, answer);
        return;
    }
    if (n > s->size) {
        transfer_fail_text(t, -EBADMSG, "agent", VIX_E_FAIL, "the agent sent more than was asked");
        return;
    }
    memcpy(s->data, answer->reply.io.data, n);
    s->have = n;
    s->done = 0;
    s->state = SLOT_FULL;
    transfer_progress(t);
    move(t);
}

/* Asks with every slot that is free. */
static bool ask_more(struct transfer *t)
{
    while (!t->eof && t->tail - t->head < t->depth) {
        struct slot *s = &t->slots[t->tail % TRANSFER_DEPTH];
        uint64_t left = t->size >= 0 ? (uint64_t)t->size - t->next_offset : t->chunk;

        if (left == 0) {
            t->eof = true;
            break;
        }
        s->offset = t->next_offset;
        s->size = left < t->chunk ? (uint32_t)left : t->chunk;
        s->have = s->done = 0;
        t->tail++;
        t->next_offset += s->size;
        if (!ask(s))
            return false;
    }
    return true;
}

/* 1: the slot is used up, 0: the descriptor takes no more now, negative: the transfer has failed.
 */
static int write_out(struct transfer *t, struct slot *s)
{
    while (s->done < s->have) {
        ssize_t n = write(t->fd, s->data + s->done, s->have - s->done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0) {
            transfer_fail_text(t, -errno, "vmx", VIX_E_CANCELLED, "the receiver went away");
            return -1;
        }
        s->done += (uint32_t)n;
        t->moved += (uint64_t)n;
        transfer_progress(t);
    }
    return 1;
}

/* What to do with the oldest slot when its data is out. */
static bool slot_over(struct transfer *t, struct slot *s)
{
    if (s->have == 0) {
        /* The end of the file; whatever was asked beyond it holds nothing. */
        if (t->size >= 0 && t->moved < (uint64_t)t->size) {
            transfer_fail_text(t, -EIO, "worker", VIX_E_FAIL, "the file became shorter");
            return false;
        }
        t->eof = true;
        t->size = (int64_t)t->moved;
        return true;
    }
    if (s->have < s->size) {
        s->offset += s->have;
        s->size -= s->have;
        s->have = s->done = 0;
        return ask(s);
    }
    s->state = SLOT_FREE;
    t->head++;
    return true;
}

static void move_down(struct transfer *t)
{
    for (;;) {
        struct slot *s = &t->slots[t->head % TRANSFER_DEPTH];
        int r;

        if (!ask_more(t))
            return;
        if (t->eof && t->size >= 0 && t->moved >= (uint64_t)t->size) {
            transfer_complete(t);
            return;
        }
        if (s->state != SLOT_FULL) {
            watch(t, 0);
            return;
        }
        r = write_out(t, s);
        if (r < 0)
            return;
        if (r == 0) {
            watch(t, UV_WRITABLE);
            return;
        }
        if (!slot_over(t, s))
            return;
    }
}

void transfer_data_keep_first(struct transfer *t, const uint8_t *data, uint32_t len)
{
    struct slot *s = &t->slots[0];

    if (slot_ready(s)) {
        no_memory(t);
        return;
    }
    memcpy(s->data, data, len);
    s->state = SLOT_FULL;
    s->size = t->chunk;
    s->have = len;
    s->done = 0;
    s->offset = 0;
    t->tail = 1;
    t->next_offset = t->chunk;
}

/* --- upload --------------------------------------------------------------------------------- */

static void write_answered(const struct hgfs_answer *answer, void *arg);

static bool put(struct slot *s)
{
    struct transfer *t = s->t;
    union hgfs_request rq = {.io = {.handle = t->file,
                                    .offset = s->offset + s->done,
                                    .size = s->size - s->done,
                                    .data = s->data + s->done}};
    int r =
        hgfs_client_send(&t->hgfs, HGFS_WRITE_V3, &rq, TRANSFER_PACKET_MS, write_answered, s, NULL);

    if (r) {
        transfer_fail_text(t, r, "agent", VIX_E_TOOLS_NOT_RUNNING, "the agent cannot be reached");
        return false;
    }
    t->sent_ms = s->sent_ms = clock_ms();
    s->state = SLOT_SENT;
    t->busy++;
    return true;
}

/* A stream takes pieces in their order only. When one has to be sent again, those behind it were
 * refused, too: the first one goes, alone. true: something is held, no new piece may be sent. */
static bool send_held(struct transfer *t)
{
    struct slot *first = NULL;

    for (unsigned i = 0; i < t->depth; i++) {
        struct slot *s = &t->slots[i];

        if (s->state == SLOT_HELD && (!first || s->offset < first->offset))
            first = s;
    }
    if (first && !t->busy)
        put(first);
    return first;
}

static void write_answered(const struct hgfs_answer *answer, void *arg)
{
    struct slot *s = arg;
    struct transfer *t = s->t;
    uint32_t n = answer->err ? 0 : answer->reply.io.size;

    if (!take_back(s))
        return;
    if (quiet(s, answer)) {
        s->state = SLOT_HELD;
        t->ordered = true;
        send_held(t);
        return;
    }
    if (answer->err) {
        transfer_fail_answer(t, answer);
        return;
    }
    if (n == 0 || n > s->size - s->done) {
        transfer_fail_text(t, -EIO, "worker", VIX_E_FAIL, "the guest did not write the data");
        return;
    }
    s->done += n;
    t->moved += n;
    t->hurried = 0;
    transfer_progress(t);
    if (s->done < s->size && !put(s))
        return;
    if (!send_held(t))
        move(t);
}

static struct slot *free_slot(struct transfer *t)
{
    for (unsigned i = 0; i < t->depth; i++)
        if (t->slots[i].state == SLOT_FREE)
            return &t->slots[i];
    return NULL;
}

/* Fills `s` from the descriptor as far as it gives: 1 all or the end, 0 nothing now, -1 failed. */
static int read_in(struct transfer *t, struct slot *s)
{
    s->size = s->done = 0;
    while (s->size < t->chunk) {
        ssize_t n = read(t->fd, s->data + s->size, t->chunk - s->size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            transfer_fail_text(t, -errno, "vmx", VIX_E_CANCELLED, "the sender went away");
            return -1;
        }
        if (n == 0) {
            t->eof = true;
            break;
        }
        s->size += (uint32_t)n;
    }
    return s->size || t->eof;
}

static void move_up(struct transfer *t)
{
    struct slot *s;

    while (!t->eof && !(t->ordered && t->busy) && (s = free_slot(t))) {
        int r;

        if (slot_ready(s)) {
            no_memory(t);
            return;
        }
        r = read_in(t, s);
        if (r < 0)
            return;
        if (r == 0) {
            watch(t, UV_READABLE);
            return;
        }
        if (!s->size)
            break;
        transfer_progress(t);
        s->offset = t->next_offset;
        t->next_offset += s->size;
        if (t->size >= 0 && t->next_offset > (uint64_t)t->size) {
            transfer_fail_text(t, -EFBIG, "vmx", VIX_E_FILE_TOO_BIG,
                               "the sender sent more than it had announced");
            return;
        }
        if (!put(s))
            return;
    }
    watch(t, 0);
    if (!t->eof || t->busy)
        return;
    if (t->size >= 0 && t->moved < (uint64_t)t->size)
        transfer_fail_text(t, -EIO, "vmx", VIX_E_CANCELLED,
                           "the sender sent less than it had announced");
    else
        transfer_complete(t);
}

/* --- both ----------------------------------------------------------------------------------- */

static void move(struct transfer *t)
{
    if (t->write)
        move_up(t);
    else
        move_down(t);
}

static void ready(uv_poll_t *poll, int status, int events)
{
    struct transfer *t = poll->data;

    (void)events;
    if (status < 0)
        transfer_fail_text(t, status, "vmx", VIX_E_CANCELLED, "the stream broke");
    else
        move(t);
}

static void watch(struct transfer *t, int events)
{
    if (!t->poll)
        return;
    if (events)
        uv_poll_start(t->poll, events, ready);
    else
        uv_poll_stop(t->poll);
}

int transfer_data_begin(struct transfer *t, int fd)
{
    int r = sock_set_nonblocking(fd, 1);

    t->fd = fd;
    t->poll = mem_calloc(1, sizeof(*t->poll));
    if (!t->poll)
        return -ENOMEM;
    if (!r)
        r = uv_poll_init(t->ts->vm->loop, t->poll, fd);
    if (r) {
        mem_free(TAKE_PTR(t->poll));
        return r;
    }
    t->poll->data = t;
    move(t);
    return 0;
}

static void poll_gone(uv_handle_t *h)
{
    mem_free(h);
}

void transfer_data_end(struct transfer *t)
{
    if (t->poll) {
        uv_poll_stop(t->poll);
        uv_close((uv_handle_t *)TAKE_PTR(t->poll), poll_gone);
    }
    if (t->fd >= 0)
        close(TAKE_FD(t->fd));
}
