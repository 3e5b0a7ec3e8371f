#include "guest/hgfs_server_impl.h"

#include "base/clock.h"
#include "base/mem.h"

static void work_done(struct work *w);

struct hgfs_node *hgfs_node_new(void)
{
    struct hgfs_node *n = mem_calloc(1, sizeof(*n));

    if (!n)
        return NULL;
    n->file = REGULAR_FILE_INIT;
    n->waiting_tail = &n->waiting;
    return n;
}

void hgfs_node_free(struct hgfs_node *n)
{
    buf_free(&n->names);
    mem_free(n->starts);
    mem_free(n->folder);
    mem_free(n->file.path);
    mem_free(n);
}

/* ---- answers ---- */

void hgfs_job_free(struct hgfs_job *job)
{
    buf_free(&job->text);
    archive_spec_clear(&job->archive);
    stream_unref(job->stream);
    mem_free(job);
}

static void reply(struct hgfs_job *job)
{
    struct vixop *op = job->op;
    struct hgfs_header h = job->header;

    if (!job->encoded || job->status != HGFS_SUCCESS) {
        h.flags = HGFS_FLAG_REPLY;
        h.status = h.information = (uint32_t)job->status;
        buf_clear(&op->result);
        if (hgfs_reply_encode(&op->result, &h,
                              job->status == HGFS_SUCCESS && job->has_reply ? &job->reply : NULL) <
            0)
            vixop_fail(op, VIX_E_FAIL);
    }
    hgfs_job_free(job);
    vixop_done(op);
}

void hgfs_job_reply(struct hgfs_job *job, int status)
{
    job->status = status;
    reply(job);
}

/* ---- the order of work ---- */

static void job_work(struct work *w)
{
    struct hgfs_job *job = CONTAINER_OF(w, struct hgfs_job, work);

    if (job->def)
        job->status = job->def->work(job);
    else
        regular_file_close(&job->node->file);
}

void hgfs_job_start(struct hgfs_job *job)
{
    if (job->stream || (job->node && job->node->stream)) {
        hgfs_stream_start(job);
        return;
    }
    job->work = (struct work){.run = job_work, .done = work_done};
    work_pool_submit(job->server->ctx->pool, &job->work);
}

/* Starts what may run on the node now: shared jobs together, an exclusive one alone. */
static void advance(struct hgfs_node *n)
{
    while (n->waiting && !n->exclusive) {
        struct hgfs_job *job = n->waiting;

        if (job->access == HGFS_ACCESS_EXCLUSIVE && n->shared)
            return;
        n->waiting = job->next;
        if (!n->waiting)
            n->waiting_tail = &n->waiting;
        job->next = NULL;
        if (job->access == HGFS_ACCESS_EXCLUSIVE)
            n->exclusive = 1;
        else
            n->shared++;
        hgfs_job_start(job);
    }
}

void hgfs_node_enqueue(struct hgfs_node *n, struct hgfs_job *job)
{
    job->node = n;
    *n->waiting_tail = job;
    n->waiting_tail = &job->next;
    advance(n);
}

void hgfs_node_dispose(struct hgfs_server *s, struct hgfs_node *n)
{
    struct hgfs_job *job = mem_calloc(1, sizeof(*job));

    n->gone = true;
    if (n->stream)
        hgfs_stream_abandon(n);
    if (!job)
        return; /* stays open until the worker ends */
    job->server = s;
    job->session = n->session;
    job->access = HGFS_ACCESS_EXCLUSIVE;
    job->drop_node = true;
    n->session->jobs++;
    hgfs_node_enqueue(n, job);
}

/* ---- the end of a job ---- */

static void register_node(struct hgfs_job *job)
{
    struct hgfs_server *s = job->server;
    struct hgfs_session_state *session = job->session;
    struct hgfs_node *n = job->opened;

    if (++s->last_handle == 0)
        ++s->last_handle;
    n->handle = s->last_handle;
    n->session = session;
    n->upload = n->file.nameless;
    n->next = session->nodes;
    session->nodes = n;
    job->reply.opened = (struct hgfs_opened){.handle = n->handle};
    job->has_reply = true;
}

static void unregister_node(struct hgfs_server *s, struct hgfs_node *n)
{
    struct hgfs_node **at;

    for (at = &n->session->nodes; *at != n; at = &(*at)->next)
        ;
    *at = n->next;
    s->node_count--;
    if (n->stream)
        hgfs_stream_drop(n);
    hgfs_node_free(n);
}

static void release(struct hgfs_job *job)
{
    struct hgfs_node *n = job->node;

    if (!n)
        return;
    if (job->access == HGFS_ACCESS_EXCLUSIVE)
        n->exclusive = 0;
    else
        n->shared--;
    if (job->drop_node)
        unregister_node(job->server, n);
    else
        advance(n);
}

static void finish_job(struct hgfs_job *job)
{
    struct hgfs_session_state *session = job->session;
    struct hgfs_server *s = job->server;

    if (job->archive.path && job->status == HGFS_SUCCESS)
        job->status = hgfs_archive_open(job, s->ctx);
    if (job->reserved) {
        job->reserved = false;
        if (!job->opened)
            s->node_count--;
    }
    if (job->opened) {
        register_node(job);
        if (session->gone) {
            job->status = HGFS_STALE_SESSION;
            hgfs_node_dispose(s, job->opened);
        }
    }
    release(job);
    session->jobs--;
    session->used_ms = clock_ms();
    if (job->op)
        reply(job);
    else
        hgfs_job_free(job);
    hgfs_session_free_if_done(session);
}

static void work_done(struct work *w)
{
    finish_job(CONTAINER_OF(w, struct hgfs_job, work));
}

static void finish_done(uv_timer_t *timer)
{
    struct hgfs_server *s = timer->data;
    struct hgfs_job *job = TAKE_PTR(s->done), *next;

    for (; job; job = next) {
        next = job->next;
        job->next = NULL;
        finish_job(job);
    }
}

/* Not at once: whoever started the job may be walking over the node's queue. */
void hgfs_job_done(struct hgfs_job *job)
{
    struct hgfs_server *s = job->server;
    struct hgfs_job **at = &s->done;

    while (*at)
        at = &(*at)->next;
    *at = job;
    job->next = NULL;
    uv_timer_start(&s->later, finish_done, 0, 0);
}
