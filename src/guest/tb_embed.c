#include "guest/tb_embed.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/vix_ops.h"

int embed_get(struct toolbox *tb, struct embed **ret)
{
    if (!tb->embed) {
        tb->embed = mem_calloc(1, sizeof(*tb->embed));
        if (!tb->embed)
            return -ENOMEM;
        tb->embed->last_pid = TOOLBOX_PID_FIRST - 1;
    }
    *ret = tb->embed;
    return 0;
}

enum embed_result embed_answer(struct toolbox_vix *vix, uint64_t error)
{
    toolbox_vix_reply(vix, error, 0, NULL, 0);
    return EMBED_DONE;
}

enum embed_result embed_fail_errno(struct toolbox_vix *vix, int err)
{
    toolbox_vix_reply(vix, vix_error_from_errno(err), (uint32_t)(err < 0 ? -err : err), NULL, 0);
    return EMBED_DONE;
}

static bool lists_ours(const struct embed *e, const struct vix_list_processes *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (!process_find(e, (int64_t)vix_list_processes_pid(l, i)))
            return false;
    return l->count != 0;
}

bool embed_takes(struct toolbox_vix *vix, bool other)
{
    const struct embed *e = vix->tb->embed;
    union vix_body b;

    if (!e || vix_body_decode(vix->opcode, vix->body, vix->body_len, &b) < 0)
        return false;
    switch (vix->opcode) {
    case VIX_OP_START_PROGRAM:
        return program_find(e, b.start_program.path) != NULL;
    case VIX_OP_TERMINATE_PROCESS:
        return process_find(e, (int64_t)b.process.pid) != NULL;
    case VIX_OP_LIST_PROCESSES_EX:
        return !other || (b.list_processes.key == 0 && lists_ours(e, &b.list_processes));
    case VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST:
        return embed_path(e, b.list_files.path);
    case VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST:
        return embed_path(e, b.path.path);
    case VIX_OP_SET_GUEST_FILE_ATTRIBUTES:
        return embed_path(e, b.set_attributes.path);
    case VIX_OP_HGFS_SEND_PACKET:
        return !other || embed_takes_packet(vix, &b.hgfs);
    default:
        return false;
    }
}

static enum embed_result run(struct toolbox_vix *vix, bool final)
{
    union vix_body b;
    int r = vix_body_decode(vix->opcode, vix->body, vix->body_len, &b);

    if (r < 0)
        return embed_answer(vix, vix_error_from_decode(r));
    switch (vix->opcode) {
    case VIX_OP_START_PROGRAM:
        return process_start(vix, &b.start_program);
    case VIX_OP_TERMINATE_PROCESS:
        return process_terminate(vix, (int64_t)b.process.pid);
    case VIX_OP_LIST_PROCESSES_EX:
        return process_list(vix, &b.list_processes);
    case VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST:
        return embed_look(vix, b.list_files.path, false, final);
    case VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST:
        return embed_look(vix, b.path.path, true, final);
    case VIX_OP_HGFS_SEND_PACKET:
        return embed_packet(vix, &b.hgfs, final);
    default: /* attributes mean nothing to these files, and are no reason to fail */
        return embed_answer(vix, VIX_OK);
    }
}

static bool is_packet(const struct toolbox_vix *vix)
{
    return vix->opcode == VIX_OP_HGFS_SEND_PACKET;
}

void embed_handle(struct toolbox *tb, struct toolbox_vix *vix, void *arg)
{
    struct embed *e = tb->embed;
    struct parked *p, **at;

    (void)arg;
    if (run(vix, false) == EMBED_DONE)
        return;
    p = e->parked_count < EMBED_PARKED_MAX ? mem_calloc(1, sizeof(*p)) : NULL;
    if (!p) {
        run(vix, true);
        return;
    }
    p->vix = vix;
    p->until = clock_ms() + (is_packet(vix) ? EMBED_QUIET_MS : EMBED_SETTLE_MS);
    /* The last one, so that reads of one file stay in order. */
    for (at = &e->parked; *at; at = &(*at)->next)
        ;
    *at = p;
    e->parked_count++;
}

void embed_tick(struct toolbox *tb)
{
    struct embed *e = tb->embed;
    uint64_t now;
    bool all;

    if (!e)
        return;
    now = clock_ms();
    all = e->retry;
    e->retry = false;
    for (struct parked **at = &e->parked; *at;) {
        struct parked *p = *at;

        if ((!all && now < p->until) || run(p->vix, now >= p->until) == EMBED_LATER) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        e->parked_count--;
        mem_free(p);
    }
}

uint64_t embed_deadline(const struct toolbox *tb)
{
    uint64_t at = 0;

    if (!tb->embed)
        return 0;
    if (tb->embed->retry)
        return 1;
    for (const struct parked *p = tb->embed->parked; p; p = p->next)
        if (!at || p->until < at)
            at = p->until;
    return at;
}

void toolbox_retry(struct toolbox *tb)
{
    if (tb->embed)
        tb->embed->retry = true;
}

void embed_free(struct toolbox *tb)
{
    struct embed *e = tb->embed;

    if (!e)
        return;
    /* The requests themselves belong to the envelope's list. */
    while (e->parked) {
        struct parked *p = e->parked;

        e->parked = p->next;
        mem_free(p);
    }
    files_free(e);
    processes_free(e);
    while (e->programs) {
        struct program *p = e->programs;

        e->programs = p->next;
        mem_free(p);
    }
    while (e->schemes) {
        struct scheme *s = e->schemes;

        e->schemes = s->next;
        mem_free(s);
    }
    mem_free(e);
    tb->embed = NULL;
}
