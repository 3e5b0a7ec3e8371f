#include "guest/list_cursor.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct list_cursors {
    uv_timer_t timer;
    struct {
        struct list_cursor *cursor;
        uint64_t until;       /* clock_ms */
    } kept[LIST_CURSORS_MAX]; /* the oldest first */
    unsigned count;
};

void list_cursor_free(struct list_cursor *c)
{
    if (!c)
        return;
    if (c->dir)
        closedir(c->dir);
    mem_free(c->path);
    mem_free(c->pattern);
    mem_free(c);
}

static struct list_cursor *remove_at(struct list_cursors *s, unsigned at)
{
    struct list_cursor *c = s->kept[at].cursor;

    s->count--;
    memmove(&s->kept[at], &s->kept[at + 1], (s->count - at) * sizeof(s->kept[0]));
    return c;
}

static void expire(uv_timer_t *timer)
{
    struct list_cursors *s = timer->data;
    uint64_t now = clock_ms();

    while (s->count && s->kept[0].until <= now)
        list_cursor_free(remove_at(s, 0));
    if (s->count)
        uv_timer_start(timer, expire, s->kept[0].until - now, 0);
}

int list_cursors_new(uv_loop_t *loop, struct list_cursors **ret)
{
    struct list_cursors *s = mem_calloc(1, sizeof(*s));
    int r = s ? uv_timer_init(loop, &s->timer) : -ENOMEM;

    if (r < 0) {
        mem_free(s);
        return r;
    }
    s->timer.data = s;
    uv_unref((uv_handle_t *)&s->timer);
    *ret = s;
    return 0;
}

struct list_cursor *list_cursors_take(struct list_cursors *s, const char *path, const char *pattern,
                                      uint64_t next)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct list_cursor *c = s->kept[i].cursor;

        if (c->next == next && !strcmp(c->path, path) && !strcmp(c->pattern, pattern))
            return remove_at(s, i);
    }
    return NULL;
}

void list_cursors_keep(struct list_cursors *s, struct list_cursor *c)
{
    if (s->count == LIST_CURSORS_MAX)
        list_cursor_free(remove_at(s, 0));
    s->kept[s->count].cursor = c;
    s->kept[s->count++].until = clock_ms() + LIST_CURSOR_TTL_MS;
    if (s->count == 1)
        uv_timer_start(&s->timer, expire, LIST_CURSOR_TTL_MS, 0);
}
