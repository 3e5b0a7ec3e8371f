#include "guest/hgfs_server_impl.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define SWEEP_MS          60000u
#define ABANDON_TIMEOUT_S 5u

/* clang-format off */
static const struct hgfs_job_def defs[] = {
    {HGFS_OPEN, HGFS_ACCESS_NONE, hgfs_work_open},
    {HGFS_OPEN_V2, HGFS_ACCESS_NONE, hgfs_work_open},
    {HGFS_OPEN_V3, HGFS_ACCESS_NONE, hgfs_work_open},
    {HGFS_READ, HGFS_ACCESS_SHARED, hgfs_work_read},
    {HGFS_READ_V3, HGFS_ACCESS_SHARED, hgfs_work_read},
    {HGFS_WRITE, HGFS_ACCESS_SHARED, hgfs_work_write},
    {HGFS_WRITE_V3, HGFS_ACCESS_SHARED, hgfs_work_write},
    {HGFS_CLOSE, HGFS_ACCESS_EXCLUSIVE, hgfs_work_close},
    {HGFS_CLOSE_V3, HGFS_ACCESS_EXCLUSIVE, hgfs_work_close},
    {HGFS_GETATTR, HGFS_ACCESS_EXCLUSIVE, hgfs_work_getattr},
    {HGFS_GETATTR_V2, HGFS_ACCESS_EXCLUSIVE, hgfs_work_getattr},
    {HGFS_GETATTR_V3, HGFS_ACCESS_EXCLUSIVE, hgfs_work_getattr},
    {HGFS_SETATTR, HGFS_ACCESS_EXCLUSIVE, hgfs_work_setattr},
    {HGFS_SETATTR_V2, HGFS_ACCESS_EXCLUSIVE, hgfs_work_setattr},
    {HGFS_SETATTR_V3, HGFS_ACCESS_EXCLUSIVE, hgfs_work_setattr},
    {HGFS_SEARCH_OPEN, HGFS_ACCESS_NONE, hgfs_work_search_open},
    {HGFS_SEARCH_OPEN_V3, HGFS_ACCESS_NONE, hgfs_work_search_open},
    {HGFS_SEARCH_READ, HGFS_ACCESS_SHARED, hgfs_work_search_read},
    {HGFS_SEARCH_READ_V2, HGFS_ACCESS_SHARED, hgfs_work_search_read},
    {HGFS_SEARCH_READ_V3, HGFS_ACCESS_SHARED, hgfs_work_search_read},
    {HGFS_SEARCH_CLOSE, HGFS_ACCESS_EXCLUSIVE, hgfs_work_close},
    {HGFS_SEARCH_CLOSE_V3, HGFS_ACCESS_EXCLUSIVE, hgfs_work_close},
    {HGFS_CREATE_DIR, HGFS_ACCESS_NONE, hgfs_work_create_dir},
    {HGFS_CREATE_DIR_V2, HGFS_ACCESS_NONE, hgfs_work_create_dir},
    {HGFS_CREATE_DIR_V3, HGFS_ACCESS_NONE, hgfs_work_create_dir},
    {HGFS_DELETE_FILE, HGFS_ACCESS_EXCLUSIVE, hgfs_work_delete_file},
    {HGFS_DELETE_FILE_V2, HGFS_ACCESS_EXCLUSIVE, hgfs_work_delete_file},
    {HGFS_DELETE_FILE_V3, HGFS_ACCESS_EXCLUSIVE, hgfs_work_delete_file},
    {HGFS_DELETE_DIR, HGFS_ACCESS_EXCLUSIVE, hgfs_work_delete_dir},
    {HGFS_DELETE_DIR_V2, HGFS_ACCESS_EXCLUSIVE, hgfs_work_delete_dir},
    {HGFS_DELETE_DIR_V3, HGFS_ACCESS_EXCLUSIVE, hgfs_work_delete_dir},
    {HGFS_RENAME, HGFS_ACCESS_NONE, hgfs_work_rename},
    {HGFS_RENAME_V2, HGFS_ACCESS_NONE, hgfs_work_rename},
    {HGFS_RENAME_V3, HGFS_ACCESS_NONE, hgfs_work_rename},
    {HGFS_CREATE_SYMLINK, HGFS_ACCESS_NONE, hgfs_work_symlink},
    {HGFS_CREATE_SYMLINK_V3, HGFS_ACCESS_NONE, hgfs_work_symlink},
    {HGFS_QUERY_VOLUME, HGFS_ACCESS_NONE, hgfs_work_volume},
    {HGFS_QUERY_VOLUME_V3, HGFS_ACCESS_NONE, hgfs_work_volume},
};
/* clang-format on */

static const struct hgfs_job_def *find_def(uint32_t op)
{
    for (size_t i = 0; i < ARRAY_SIZE(defs); i++)
        if (defs[i].op == op)
            return &defs[i];
    return NULL;
}

int hgfs_fail(int err)
{
    return (int)hgfs_status_from_errno(err);
}

/* ---- sessions ---- */

void hgfs_session_free_if_done(struct hgfs_session_state *s)
{
    struct hgfs_job *ending = s->ending;

    if (!s->gone || s->nodes || s->jobs)
        return;
    mem_free(s);
    if (ending) {
        ending->session = NULL;
        hgfs_job_reply(ending, HGFS_SUCCESS);
    }
}

/* The session is unknown from now on; its files are closed behind what runs on them. */
static void end_session(struct hgfs_server *s, struct hgfs_session_state *session)
{
    struct hgfs_session_state **at;

    for (at = &s->sessions; *at != session; at = &(*at)->next)
        ;
    *at = session->next;
    s->session_count--;
    session->gone = true;
    session->jobs++; /* keeps it until the walk is over */
    for (struct hgfs_node *n = session->nodes, *next; n; n = next) {
        next = n->next;
        if (!n->gone)
            hgfs_node_dispose(s, n);
    }
    session->jobs--;
    if (!s->sessions)
        uv_timer_stop(&s->sweep);
    hgfs_session_free_if_done(session);
    s->ctx->stay_changed(s->ctx);
}

static void sweep(uv_timer_t *timer)
{
    struct hgfs_server *s = timer->data;
    struct hgfs_session_state *next;

    for (struct hgfs_session_state *e = s->sessions; e; e = next) {
        next = e->next;
        if (!e->jobs && clock_ms() - e->used_ms >= HGFS_SERVER_IDLE_MS)
            end_session(s, e);
    }
}

static struct hgfs_session_state *find_session(struct hgfs_server *s, const struct hgfs_header *h)
{
    for (struct hgfs_session_state *e = s->sessions; e; e = e->next)
        if (h->old ? e->implicit : !e->implicit && e->id == h->session_id)
            return e;
    return NULL;
}

static int add_session(struct hgfs_server *s, bool implicit, struct hgfs_session_state **ret)
{
    struct hgfs_session_state *e;

    if (s->session_count >= HGFS_SERVER_SESSIONS_MAX)
        return HGFS_TOO_MANY_SESSIONS;
    e = mem_calloc(1, sizeof(*e));
    if (!e || getrandom(&e->id, sizeof(e->id), 0) != (ssize_t)sizeof(e->id)) {
        mem_free(e);
        return HGFS_GENERIC_ERROR;
    }
    e->implicit = implicit;
    e->used_ms = clock_ms();
    e->next = s->sessions;
    s->sessions = e;
    if (s->session_count++ == 0)
        uv_timer_start(&s->sweep, sweep, SWEEP_MS, SWEEP_MS);
    s->ctx->stay_changed(s->ctx);
    *ret = e;
    return HGFS_SUCCESS;
}

/* Packets of the larger size need a host that takes the larger replies too. */
static uint32_t packet_size(const struct vixop *op, uint32_t asked)
{
    uint32_t most = op->result.max >= HGFS_PACKET_MAX ? HGFS_PACKET_MAX : HGFS_PACKET_LARGE;

    return asked && asked < most ? asked : most;
}

static void create_session(struct hgfs_job *job)
{
    static struct hgfs_capability able[ARRAY_SIZE(defs) + 2];
    struct hgfs_session_state *session = NULL;
    int status = add_session(job->server, false, &session);

    if (status == HGFS_SUCCESS) {
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(defs); i++)
            able[n++] = (struct hgfs_capability){defs[i].op, 1};
        able[n++] = (struct hgfs_capability){HGFS_CREATE_SESSION_V4, 1};
        able[n++] = (struct hgfs_capability){HGFS_DESTROY_SESSION_V4, 1};
        job->reply.session = (struct hgfs_session){
            .session_id = session->id,
            .max_packet = packet_size(job->op, job->request.session.max_packet),
            .flags = HGFS_SESSION_MAX_PACKET_VALID | HGFS_SESSION_UNDO,
            .capability_count = (uint32_t)n,
            .capabilities = able,
        };
        job->has_reply = true;
    }
    hgfs_job_reply(job, status);
}

/* ---- requests ---- */

static struct hgfs_node *find_node(const struct hgfs_session_state *session, uint32_t handle)
{
    for (struct hgfs_node *n = session->nodes; n; n = n->next)
        if (n->handle == handle && !n->gone)
            return n;
    return NULL;
}

/* Which open file or search a request is about; false = it names a path. */
static bool wants_handle(const struct hgfs_job *job, uint32_t *ret_handle, bool *ret_search)
{
    const union hgfs_request *rq = &job->request;

    *ret_search = false;
    switch (job->header.op) {
    case HGFS_READ:
    case HGFS_READ_V3:
    case HGFS_WRITE:
    case HGFS_WRITE_V3:
        *ret_handle = rq->io.handle;
        return true;
    case HGFS_CLOSE:
    case HGFS_CLOSE_V3:
        *ret_handle = rq->close.handle;
        return true;
    case HGFS_SEARCH_CLOSE:
    case HGFS_SEARCH_CLOSE_V3:
        *ret_search = true;
        *ret_handle = rq->close.handle;
        return true;
    case HGFS_SEARCH_READ:
    case HGFS_SEARCH_READ_V2:
    case HGFS_SEARCH_READ_V3:
        *ret_search = true;
        *ret_handle = rq->search_read.search;
        return true;
    case HGFS_SETATTR:
    case HGFS_SETATTR_V2:
    case HGFS_SETATTR_V3:
        *ret_handle = rq->setattr.name.handle;
        return rq->setattr.name.by_handle;
    case HGFS_GETATTR:
    case HGFS_GETATTR_V2:
    case HGFS_GETATTR_V3:
    case HGFS_DELETE_FILE:
    case HGFS_DELETE_FILE_V2:
    case HGFS_DELETE_FILE_V3:
    case HGFS_DELETE_DIR:
    case HGFS_DELETE_DIR_V2:
    case HGFS_DELETE_DIR_V3:
        *ret_handle = rq->file.name.handle;
        return rq->file.name.by_handle;
    default:
        return false;
    }
}

/* The upload under way that a request by name means: to the host it is that file already. */
static struct hgfs_node *find_upload(const struct hgfs_job *job)
{
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    const struct hgfs_name *name;

    if (job->def->work == hgfs_work_setattr)
        name = &job->request.setattr.name;
    else if (job->def->work == hgfs_work_getattr || job->def->work == hgfs_work_delete_file)
        name = &job->request.file.name;
    else
        return NULL;
    if (hgfs_job_path(name, &path) != HGFS_SUCCESS)
        return NULL;
    for (struct hgfs_node *n = job->session->nodes; n; n = n->next)
        if (n->upload && !n->gone && strcmp(n->file.path, buf_text(&path)) == 0)
            return n;
    return NULL;
}

static void submit(struct hgfs_job *job)
{
    struct hgfs_server *s = job->server;
    struct stream *stream = NULL;
    struct hgfs_node *n = NULL;
    uint32_t handle;
    bool search;

    if (wants_handle(job, &handle, &search)) {
        n = find_node(job->session, handle);
        if (!n || n->search != search) {
            hgfs_job_reply(job, HGFS_INVALID_HANDLE);
            return;
        }
    } else {
        n = find_upload(job);
        if (!n)
            stream = hgfs_stream_find(job, s->ctx);
        if (stream)
            job->stream = stream_ref(stream);
    }
    if (job->def->work == hgfs_work_open || job->def->work == hgfs_work_search_open) {
        if (s->node_count >= HGFS_SERVER_HANDLES_MAX) {
            hgfs_job_reply(job, hgfs_fail(EMFILE));
            return;
        }
        s->node_count++;
        job->reserved = true;
    }
    job->session->jobs++;
    job->session->used_ms = clock_ms();
    if (!n) {
        hgfs_job_start(job);
        return;
    }
    job->access = job->def->access;
    /* Without positions, or at the end of the file, the order is the meaning. */
    if (n->sequential || n->append || n->file.pseudo || n->stream ||
        (job->def->work == hgfs_work_write && job->request.io.flags & 1))
        job->access = HGFS_ACCESS_EXCLUSIVE;
    if (job->def->work == hgfs_work_close) {
        job->drop_node = true;
        n->gone = true;
        if (n->stream)
            stream_wake(n->stream); /* a read in front of it need not wait any more */
    }
    hgfs_node_enqueue(n, job);
}

static void dispatch(struct hgfs_job *job, const uint8_t *payload, size_t len)
{
    struct hgfs_server *s = job->server;
    uint32_t op = job->header.op;
    int r;

    if (op != HGFS_CREATE_SESSION_V4) {
        job->session = find_session(s, &job->header);
        if (!job->session && job->header.old) {
            r = add_session(s, true, &job->session);
            if (r != HGFS_SUCCESS) {
                hgfs_job_reply(job, r);
                return;
            }
        }
        if (!job->session) {
            hgfs_job_reply(job, HGFS_STALE_SESSION);
            return;
        }
    }
    job->def = find_def(op);
    if (!job->def && op != HGFS_CREATE_SESSION_V4 && op != HGFS_DESTROY_SESSION_V4) {
        hgfs_job_reply(job, HGFS_NOT_SUPPORTED);
        return;
    }
    r = hgfs_request_decode(op, payload, len, &job->request);
    if (r < 0) {
        hgfs_job_reply(job, r == -ENAMETOOLONG ? HGFS_NAME_TOO_LONG : HGFS_PROTOCOL_ERROR);
        return;
    }
    if (op == HGFS_CREATE_SESSION_V4) {
        create_session(job);
    } else if (op == HGFS_DESTROY_SESSION_V4) {
        job->session->ending = job;
        end_session(s, job->session);
    } else {
        submit(job);
    }
}

enum vixop_step vixop_hgfs(struct vixop *op)
{
    const struct vix_hgfs *b = &op->body.hgfs;
    struct hgfs_job *job;
    const uint8_t *payload;
    size_t len;
    int r;

    job = mem_calloc(1, sizeof(*job));
    if (!job) {
        vixop_fail_errno(op, ENOMEM);
        return VIXOP_NEXT;
    }
    job->server = op->ctx->hgfs;
    job->op = op;
    job->text = BUF_INIT(2 * HGFS_NAME_MAX);
    r = hgfs_request_header_decode(b->packet, b->len, &job->header, &payload, &len);
    if (r == -EBADMSG) {
        hgfs_job_reply(job, HGFS_PROTOCOL_ERROR);
        return VIXOP_LATER;
    }
    if (r < 0) {
        hgfs_job_free(job);
        vixop_fail(op, VIX_E_FAIL);
        return VIXOP_NEXT;
    }
    dispatch(job, payload, len);
    return VIXOP_LATER;
}

int hgfs_server_new(struct worker_ctx *ctx, struct hgfs_server **ret)
{
    struct hgfs_server *s = mem_calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->ctx = ctx;
    uv_timer_init(ctx->loop, &s->sweep);
    s->sweep.data = s;
    uv_timer_init(ctx->loop, &s->later);
    s->later.data = s;
    *ret = s;
    return 0;
}

unsigned hgfs_server_sessions(const struct hgfs_server *s)
{
    return s->session_count;
}

void hgfs_server_abandon(struct hgfs_server *s)
{
    if (!s)
        return;
    /* A file system that hangs must not keep the process: SIGALRM ends it. Files that nothing runs
     * on come first. */
    alarm(ABANDON_TIMEOUT_S);
    for (int busy = 0; busy <= 1; busy++)
        for (struct hgfs_session_state *e = s->sessions; e; e = e->next)
            for (struct hgfs_node *n = e->nodes; n; n = n->next)
                if ((n->shared || n->exclusive) == busy)
                    regular_file_remove(&n->file);
}
