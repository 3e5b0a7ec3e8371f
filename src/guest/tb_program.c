/* Programs of the embedding program: registration, processes, their streams. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "guest/tb_embed.h"
#include "wire/vix_text.h"

struct program *program_find(const struct embed *e, const char *name)
{
    for (struct program *p = e->programs; p; p = p->next)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

int toolbox_add_program(struct toolbox *tb, const char *name, const struct toolbox_program *program,
                        void *arg)
{
    struct embed *e;
    struct program *p;
    int r;

    if (!program->start || !program->terminate || !*name || strlen(name) > EMBED_NAME_MAX ||
        strchr(name, '/'))
        return -EINVAL;
    r = embed_get(tb, &e);
    if (r < 0)
        return r;
    p = program_find(e, name);
    if (!p) {
        p = mem_calloc(1, sizeof(*p));
        if (!p)
            return -ENOMEM;
        snprintf(p->name, sizeof(p->name), "%s", name);
        p->next = e->programs;
        e->programs = p;
    }
    p->ops = *program;
    p->arg = arg;
    return 0;
}

/* ---- processes ---- */

struct toolbox_process *process_find(const struct embed *e, int64_t pid)
{
    for (struct toolbox_process *p = e->processes; p; p = p->next)
        if (p->pid == pid)
            return p;
    return NULL;
}

bool process_allows(const struct toolbox_process *p, const struct toolbox_identity *who)
{
    return who->uid == 0 || who->uid == p->who.uid;
}

static void process_free(struct toolbox_process *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(p->out); i++)
        buf_free(&p->out[i]);
    mem_free(p->arguments);
    mem_free(p);
}

void processes_free(struct embed *e)
{
    while (e->processes) {
        struct toolbox_process *p = e->processes;

        e->processes = p->next;
        process_free(p);
    }
}

static void forget(struct embed *e, struct toolbox_process **at)
{
    struct toolbox_process *p = *at;

    *at = p->next;
    e->process_count--;
    process_free(p);
}

static void forget_old(struct embed *e)
{
    uint64_t now = clock_ms();

    for (struct toolbox_process **at = &e->processes; *at;) {
        if ((*at)->end && now - (*at)->ended_ms >= TOOLBOX_PROCESS_KEEP_MS)
            forget(e, at);
        else
            at = &(*at)->next;
    }
}

static int make_room(struct embed *e)
{
    struct toolbox_process **oldest = NULL;

    forget_old(e);
    if (e->process_count < TOOLBOX_PROCESS_MAX)
        return 0;
    for (struct toolbox_process **at = &e->processes; *at; at = &(*at)->next)
        if ((*at)->end)
            oldest = at;
    if (!oldest)
        return -EAGAIN;
    forget(e, oldest);
    return 0;
}

enum embed_result process_start(struct toolbox_vix *vix, const struct vix_start_program *body)
{
    struct embed *e = vix->tb->embed;
    const struct program *program = program_find(e, body->path);
    struct toolbox_process *p;
    char text[24];
    int64_t pid;
    int r = make_room(e);

    if (!program)
        return embed_answer(vix, VIX_E_FILE_NOT_FOUND);
    p = r == 0 ? mem_calloc(1, sizeof(*p)) : NULL;
    if (!p)
        return embed_fail_errno(vix, r < 0 ? r : -ENOMEM);
    p->tb = vix->tb;
    p->ops = program->ops;
    p->arg = program->arg;
    p->who = vix->identity;
    p->pid = pid = ++e->last_pid;
    p->start = clock_wall_us() / 1000000;
    snprintf(p->name, sizeof(p->name), "%s", program->name);
    p->arguments = mem_strdup(body->arguments);
    p->out[0] = p->out[1] = BUF_INIT(TOOLBOX_OUTPUT_MAX);
    p->next = e->processes;
    e->processes = p;
    e->process_count++;
    r = p->arguments ? p->ops.start(p, p->arguments, p->arg) : -ENOMEM;
    if (r < 0) {
        for (struct toolbox_process **at = &e->processes; *at; at = &(*at)->next)
            if (*at == p) {
                forget(e, at);
                break;
            }
        return embed_fail_errno(vix, r);
    }
    snprintf(text, sizeof(text), "%lld", (long long)pid);
    toolbox_vix_reply(vix, VIX_OK, 0, text, strlen(text));
    return EMBED_DONE;
}

enum embed_result process_terminate(struct toolbox_vix *vix, int64_t pid)
{
    struct toolbox_process *p = process_find(vix->tb->embed, pid);

    if (!p || p->end)
        return embed_answer(vix, VIX_E_NO_SUCH_PROCESS);
    if (!process_allows(p, &vix->identity))
        return embed_answer(vix, VIX_E_GUEST_USER_PERMISSIONS);
    p->ops.terminate(p, p->arg);
    return embed_answer(vix, VIX_OK);
}

static int put(struct buf *out, const struct toolbox_process *p)
{
    AUTO_FREE char *command = mem_printf("%s%s%s", p->name, *p->arguments ? " " : "", p->arguments);
    struct vix_process_info info = {.cmd = p->name,
                                    .name = command,
                                    .pid = p->pid,
                                    .user = p->who.user,
                                    .start = p->start,
                                    .exit_code = p->exit_code,
                                    .end = p->end};

    return command ? vix_text_put_process(out, &info, false, true) : -ENOMEM;
}

int embed_append_processes(const struct toolbox_vix *vix, struct buf *out)
{
    struct embed *e = vix->tb->embed;
    int r = 0;

    forget_old(e);
    for (const struct toolbox_process *p = e->processes; p && r == 0; p = p->next)
        r = put(out, p);
    return r;
}

enum embed_result process_list(struct toolbox_vix *vix, const struct vix_list_processes *body)
{
    AUTO_BUF struct buf out = BUF_INIT(vix->max_result);
    const struct toolbox_process *p;
    int r = 0;

    if (body->key)
        return embed_answer(vix, VIX_E_FAIL); /* a further part of a list: ours have one */
    if (!body->count)
        r = embed_append_processes(vix, &out);
    for (uint32_t i = 0; i < body->count && r == 0; i++) {
        p = process_find(vix->tb->embed, (int64_t)vix_list_processes_pid(body, i));
        r = p ? put(&out, p) : 0;
    }
    if (r < 0)
        return embed_fail_errno(vix, r);
    toolbox_vix_reply(vix, VIX_OK, 0, out.data, out.len);
    return EMBED_DONE;
}

/* ---- what the program calls ---- */

int64_t toolbox_process_pid(const struct toolbox_process *p)
{
    return p->pid;
}

const struct toolbox_identity *toolbox_process_identity(const struct toolbox_process *p)
{
    return &p->who;
}

void toolbox_process_set_data(struct toolbox_process *p, void *data)
{
    p->data = data;
}

void *toolbox_process_data(const struct toolbox_process *p)
{
    return p->data;
}

int toolbox_process_write(struct toolbox_process *p, int fd, const void *data, size_t len)
{
    struct buf *out;

    if (fd != 1 && fd != 2)
        return -EINVAL;
    if (len > TOOLBOX_OUTPUT_MAX)
        return -EMSGSIZE;
    out = &p->out[fd - 1];
    if (len > TOOLBOX_OUTPUT_MAX - out->len) {
        p->full = true;
        toolbox_retry(p->tb);
        return -EAGAIN;
    }
    if (buf_put(out, data, len) < 0)
        return -ENOMEM;
    toolbox_retry(p->tb);
    return 0;
}

void toolbox_process_exit(struct toolbox_process *p, int exit_code)
{
    p->exit_code = exit_code;
    p->end = clock_wall_us() / 1000000;
    p->ended_ms = clock_ms();
    toolbox_retry(p->tb);
}

/* ---- streams ---- */

int process_stream(const struct embed *e, const char *path, struct toolbox_process **ret)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    static const char root[] = "/proc/";
    char *end;
    long long pid;

    if (strncmp(path, root, sizeof(root) - 1) != 0 || path[6] < '1' || path[6] > '9')
        return -1;
    pid = strtoll(path + 6, &end, 10);
    *ret = process_find(e, pid);
    for (size_t i = 0; *ret && *end == '/' && i < ARRAY_SIZE(names); i++)
        if (strcmp(end + 1, names[i]) == 0)
            return (int)i;
    return -1;
}

bool process_settled(const struct toolbox_process *p, int fd, int64_t *ret_size)
{
    *ret_size = 0;
    if (fd == 0)
        return true;
    *ret_size = p->end ? (int64_t)p->out[fd - 1].len : INT64_MAX;
    return p->end || p->full || p->out[fd - 1].len >= TOOLBOX_OUTPUT_MAX / 2;
}
