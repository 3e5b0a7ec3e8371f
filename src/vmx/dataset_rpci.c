/* The guest's commands on data sets: from its channel to the thread and back. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "vmx/dataset_guest.h"
#include "vmx/datasets.h"

struct guest_job {
    struct dataset_job job; /* first */
    struct rpci_later *later;
    struct dataset_caller who;
    char *command;
    struct buf reply;
    int code;
    size_t len;
    uint8_t args[];
};

static void free_job(struct guest_job *g)
{
    buf_free(&g->job.name);
    buf_free(&g->reply);
    mem_free(g->command);
    mem_free(g);
}

static void run(struct dataset_job *job, struct dataset_store *store, const struct error *broken)
{
    struct guest_job *g = (struct guest_job *)job;

    g->code = dataset_guest_run(store, broken, &g->who, g->command, g->args, g->len, &g->reply);
}

static void done(struct dataset_job *job, bool ran)
{
    struct guest_job *g = (struct guest_job *)job;
    static const char failed[] = "Out of memory";

    if (ran && !g->code) {
        datasets_keep(&g->job, g->reply.data, g->reply.len);
        rpci_answer_later(g->later, true, g->reply.data, g->reply.len);
    } else {
        rpci_answer_later(g->later, false, failed, strlen(failed));
    }
    free_job(g);
}

/* What an answer to the guest is known by. */
static int put_name(struct buf *name, const struct rpci_request *rq)
{
    buf_put_u8(name, 'G');
    buf_put_u8(name, datasets_suspended(rq->vm));
    buf_put(name, rq->name, strlen(rq->name) + 1);
    buf_put(name, rq->args, rq->len);
    return buf_error(name);
}

static int answer_known(const struct rpci_request *rq, const struct buf *name)
{
    size_t len;
    const void *known = datasets_known(rq->vm->datasets, name, &len);

    return known ? buf_put(rq->result, known, len) : -ENOENT;
}

int dataset_rpci(struct rpci_request *rq)
{
    AUTO_BUF struct buf name = BUF_INIT(DATASET_ANSWER_SIZE);
    struct guest_job *g;
    bool reads, named;
    int r;

    if (!dataset_guest_knows(rq->name) || !datasets_supported(rq->vm))
        return -ENOSYS;
    if (strlen(rq->name) + (rq->len ? 1 + rq->len : 0) > DATASET_GUEST_REQUEST_MAX)
        return -EMSGSIZE;
    reads = dataset_guest_reads(rq->name);
    named = reads && put_name(&name, rq) == 0;
    if (named && answer_known(rq, &name) == 0)
        return 0;
    g = mem_calloc(1, sizeof(*g) + rq->len);
    if (!g)
        return -ENOMEM;
    g->job = (struct dataset_job){.reads = reads, .run = run, .done = done};
    if (named) {
        g->job.name = name;
        name = BUF_INIT(0); /* it is the job's now */
    }
    g->who = (struct dataset_caller){.guest = true, .suspended = datasets_suspended(rq->vm)};
    g->reply = BUF_INIT(DATASET_GUEST_REPLY_MAX);
    g->len = rq->len;
    memcpy(g->args, rq->args, rq->len);
    g->command = mem_strdup(rq->name);
    g->later = g->command ? rpci_later(rq) : NULL;
    r = g->later ? datasets_submit(rq->vm->datasets, &g->job) : -ENOMEM;
    if (!r)
        return RPCI_LATER;
    if (g->later)
        rpci_forget_later(g->later);
    free_job(g);
    return -ENOMEM;
}
