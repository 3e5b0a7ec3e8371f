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

static void run(struct dataset_job *job, struct dataset_store *store, const struct error *broken)
{
    struct guest_job *g = (struct guest_job *)job;

    g->code = dataset_guest_run(store, broken, &g->who, g->command, g->args, g->len, &g->reply);
}

static void done(struct dataset_job *job, bool ran)
{
    struct guest_job *g = (struct guest_job *)job;
    static const char failed[] = "Out of memory";

    if (ran && !g->code)
        rpci_answer_later(g->later, true, g->reply.data, g->reply.len);
    else
        rpci_answer_later(g->later, false, failed, strlen(failed));
    buf_free(&g->reply);
    mem_free(g->command);
    mem_free(g);
}

int dataset_rpci(struct rpci_request *rq)
{
    struct guest_job *g;
    int r;

    if (!dataset_guest_knows(rq->name) || !datasets_supported(rq->vm))
        return -ENOSYS;
    if (strlen(rq->name) + (rq->len ? 1 + rq->len : 0) > DATASET_GUEST_REQUEST_MAX)
        return -EMSGSIZE;
    g = mem_calloc(1, sizeof(*g) + rq->len);
    if (!g)
        return -ENOMEM;
    g->job = (struct dataset_job){.run = run, .done = done};
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
    mem_free(g->command);
    mem_free(g);
    return -ENOMEM;
}
