#include "guest/proc_chunks.h"

#include <errno.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/vix_text.h"

/* Longest head: three tags with the largest numbers. */
#define HEAD_MAX 128u

struct list {
    uint32_t key; /* 0 = free */
    uint64_t used_ms;
    struct buf text;
};

struct proc_chunks {
    uint32_t last_key;
    struct list lists[PROC_CHUNKS_MAX];
};

static void forget(struct list *l)
{
    buf_free(&l->text);
    l->key = 0;
}

int proc_chunks_new(struct proc_chunks **ret)
{
    struct proc_chunks *c = mem_calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    *ret = c;
    return 0;
}

static void expire(struct proc_chunks *c)
{
    for (unsigned i = 0; i < PROC_CHUNKS_MAX; i++)
        if (c->lists[i].key && clock_ms() - c->lists[i].used_ms >= PROC_CHUNKS_KEEP_MS)
            forget(&c->lists[i]);
}

int proc_chunks_add(struct proc_chunks *c, struct buf *list, uint32_t *ret_key)
{
    struct list *l = &c->lists[0];

    expire(c);
    for (unsigned i = 0; i < PROC_CHUNKS_MAX && l->key; i++)
        if (!c->lists[i].key || c->lists[i].used_ms < l->used_ms)
            l = &c->lists[i];
    if (l->key)
        forget(l);
    if (++c->last_key == 0)
        ++c->last_key;
    l->key = c->last_key;
    l->used_ms = clock_ms();
    l->text = *list;
    *list = BUF_INIT(list->max);
    *ret_key = l->key;
    return 0;
}

int proc_chunks_get(struct proc_chunks *c, uint32_t key, uint64_t offset, struct buf *out)
{
    struct vix_chunk_head head = {.chunked = true, .first = offset == 0, .key = key};
    struct list *l = NULL;
    size_t n, room;
    int r;

    expire(c);
    for (unsigned i = 0; i < PROC_CHUNKS_MAX; i++)
        if (c->lists[i].key == key && key)
            l = &c->lists[i];
    if (!l || offset >= l->text.len)
        return -ENOENT;
    if (out->max < out->len + 2 * HEAD_MAX)
        return -ENOBUFS;
    room = out->max - out->len - HEAD_MAX;
    n = l->text.len - offset < room ? l->text.len - offset : room;
    l->used_ms = clock_ms();
    /* The sizes count a NUL after the text that is never sent on its own. */
    head.total = l->text.len + 1;
    head.left = offset + n == l->text.len ? 0 : l->text.len + 1 - offset - n;
    r = vix_text_put_chunk_head(out, &head);
    if (r == 0)
        r = buf_put(out, l->text.data + offset, n);
    if (r == 0 && head.left == 0)
        forget(l);
    return r;
}
