/* LIST_PROCESSES_EX and LIST_PROCESSES: started programs first, then what /proc knows. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "guest/proc_chunks.h"
#include "guest/proc_scan.h"
#include "guest/proc_started.h"
#include "guest/user_names.h"
#include "guest/vixops.h"
#include "wire/vix.h"
#include "wire/vix_text.h"

struct listing {
    struct vixop *op;
    struct buf text;
    struct user_names names;
    int64_t *seen; /* pids of started programs that were put */
    size_t nseen;
    int missing; /* a pid that was asked for is not a started program */
};

static void free_listing(void *state)
{
    struct listing *l = state;

    buf_free(&l->text);
    mem_free(l->seen);
    mem_free(l);
}

static int was_seen(const struct listing *l, int64_t pid)
{
    for (size_t i = 0; i < l->nseen; i++)
        if (l->seen[i] == pid)
            return 1;
    return 0;
}

struct put_started {
    struct listing *l;
    int64_t only; /* 0 = all */
    int found;
};

static int put_started(void *arg, const struct proc_record *r)
{
    struct put_started *p = arg;
    struct vix_process_info info = {.cmd = r->name,
                                    .name = r->command,
                                    .pid = r->pid,
                                    .user = p->l->op->ctx->user,
                                    .start = r->start,
                                    .exit_code = r->exit_code,
                                    .end = r->end};

    if (p->only && p->only != r->pid)
        return 0;
    p->found = 1;
    if (!p->only)
        p->l->seen[p->l->nseen++] = r->end ? 0 : r->pid;
    return vix_text_put_process(&p->l->text, &info, false, true);
}

/* Loop thread: what the list of started programs says goes into the text now. */
static int put_all_started(struct vixop *op, struct listing *l)
{
    const struct vix_list_processes *b = &op->body.list_processes;
    struct put_started p = {.l = l};
    int r = 0;

    if (b->count == 0) {
        l->seen = mem_calloc((size_t)proc_started_count(op->ctx->started) + 1, sizeof(*l->seen));
        return l->seen ? proc_started_walk(op->ctx->started, put_started, &p) : -ENOMEM;
    }
    l->seen = mem_calloc(b->count, sizeof(*l->seen));
    if (!l->seen)
        return -ENOMEM;
    for (uint32_t i = 0; i < b->count && r == 0; i++) {
        p.only = (int64_t)vix_list_processes_pid(b, i);
        p.found = 0;
        if (p.only > 0)
            r = proc_started_walk(op->ctx->started, put_started, &p);
        if (p.found)
            l->seen[l->nseen++] = p.only;
        else
            l->missing = 1;
    }
    return r;
}

enum vixop_step vixop_list_processes_prepare(struct vixop *op)
{
    struct listing *l = mem_calloc(1, sizeof(*l));
    int r = -ENOMEM;

    if (op->body.list_processes.key != 0) {
        /* A further part of an earlier list: nothing to scan. */
        mem_free(l);
        r = proc_chunks_get(op->ctx->chunks, op->body.list_processes.key,
                            op->body.list_processes.offset, &op->result);
        if (r < 0)
            vixop_fail(op, VIX_E_FAIL);
        vixop_done(op);
        return VIXOP_LATER;
    }
    if (l) {
        l->op = op;
        l->text = BUF_INIT(PROC_LIST_MAX);
        op->state = l;
        op->free_state = free_listing;
        r = put_all_started(op, l);
    }
    if (r < 0)
        vixop_fail_errno(op, r);
    return VIXOP_NEXT;
}

static int put_scanned(struct listing *l, const struct proc_info *p, bool old, bool escape)
{
    struct vix_process_info info = {.cmd = p->name,
                                    .name = p->command,
                                    .pid = p->pid,
                                    .user = user_names_get(&l->names, p->uid),
                                    .start = p->start};

    return vix_text_put_process(&l->text, &info, old, escape);
}

static int put_if_new(void *arg, const struct proc_info *p)
{
    struct listing *l = arg;

    return was_seen(l, p->pid) ? 0 : put_scanned(l, p, false, true);
}

/* The pids that were asked for and are not those of started programs. */
static int put_missing(struct vixop *op, struct listing *l)
{
    const struct vix_list_processes *b = &op->body.list_processes;
    AUTO_FREE struct proc_info *p = mem_calloc(1, sizeof(*p));
    int r = p ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < b->count && r == 0; i++) {
        int64_t pid = (int64_t)vix_list_processes_pid(b, i);

        if (!was_seen(l, pid) && proc_read(pid, p) == 0)
            r = put_scanned(l, p, false, true);
    }
    return r;
}

void vixop_list_processes_work(struct vixop *op)
{
    struct listing *l = op->state;
    int r = 0;

    if (op->body.list_processes.count == 0)
        r = proc_scan(put_if_new, l);
    else if (l->missing)
        r = put_missing(op, l);
    if (r < 0)
        vixop_fail_errno(op, r);
}

enum vixop_step vixop_list_processes_finish(struct vixop *op)
{
    struct listing *l = op->state;
    uint32_t key;
    int r;

    if (l->text.len <= op->result.max) {
        buf_put(&op->result, l->text.data, l->text.len);
        return VIXOP_NEXT;
    }
    r = proc_chunks_add(op->ctx->chunks, &l->text, &key);
    if (r == 0)
        r = proc_chunks_get(op->ctx->chunks, key, 0, &op->result);
    if (r < 0)
        vixop_fail_errno(op, r);
    return VIXOP_NEXT;
}

struct old_listing {
    struct listing l;
    size_t room;
    bool escape;
};

static int put_old(void *arg, const struct proc_info *p)
{
    struct old_listing *o = arg;
    size_t before = o->l.text.len;
    int r = put_scanned(&o->l, p, true, o->escape);

    if (r == 0 && o->l.text.len > o->room) {
        /* What does not fit is left out, whole. */
        o->l.text.len = before;
        return 1;
    }
    return r;
}

void vixop_list_processes_old(struct vixop *op)
{
    struct old_listing o = {.l = {.op = op, .text = BUF_INIT(PROC_LIST_MAX)},
                            .room = op->result.max,
                            .escape = op->flags & VIX_REQUEST_ESCAPE_XML};
    int r;

    if (o.escape)
        buf_put_str(&o.l.text, VIX_TEXT_ESCAPED);
    r = proc_scan(put_old, &o);
    if (r < 0)
        vixop_fail_errno(op, r);
    else
        buf_put(&op->result, o.l.text.data, o.l.text.len);
    buf_free(&o.l.text);
}
