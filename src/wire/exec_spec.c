#include "wire/exec_spec.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"

static bool valid(const struct exec_spec *s)
{
    if (s->flags & ~(uint32_t)EXEC_TERMINAL || s->argc > EXEC_ARGUMENTS_MAX ||
        s->envc > EXEC_VARIABLES_MAX || (s->argc && !s->args[0][0]))
        return false;
    for (size_t i = 0; i < s->envc; i++)
        if (s->env[i][0] == '=' || !strchr(s->env[i], '='))
            return false;
    return true;
}

static void put_text(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text) + 1);
}

int exec_spec_encode(struct buf *b, const struct exec_spec *spec)
{
    size_t start = b->len;

    if (!valid(spec))
        return -EINVAL;
    buf_put_le32(b, spec->flags);
    buf_put_le16(b, spec->rows);
    buf_put_le16(b, spec->columns);
    buf_put_le32(b, (uint32_t)spec->argc);
    buf_put_le32(b, (uint32_t)spec->envc);
    put_text(b, spec->cwd);
    for (size_t i = 0; i < spec->argc; i++)
        put_text(b, spec->args[i]);
    for (size_t i = 0; i < spec->envc; i++)
        put_text(b, spec->env[i]);
    if (buf_error(b))
        return buf_error(b);
    return b->len - start > EXEC_SPEC_MAX ? -EINVAL : 0;
}

static int take_text(struct cursor *c, const char **ret)
{
    const uint8_t *end = c->left ? memchr(c->p, 0, c->left) : NULL;

    return end ? cursor_text(c, (size_t)(end - c->p), ret) : -EBADMSG;
}

static int take_list(struct cursor *c, size_t count, struct arena *arena, const char *const **ret)
{
    const char **list = ARENA_ARRAY(arena, count + 1, const char *);
    int r = list ? 0 : -ENOMEM;

    for (size_t i = 0; i < count && r == 0; i++)
        r = take_text(c, &list[i]);
    *ret = list;
    return r;
}

int exec_spec_decode(const void *bytes, size_t len, struct arena *arena, struct exec_spec *ret)
{
    struct cursor c = CURSOR_INIT(bytes, len);
    struct exec_spec s = {0};
    uint32_t argc, envc;
    int r;

    cursor_le32(&c, &s.flags);
    cursor_le16(&c, &s.rows);
    cursor_le16(&c, &s.columns);
    cursor_le32(&c, &argc);
    cursor_le32(&c, &envc);
    if (cursor_error(&c) || len > EXEC_SPEC_MAX || argc > EXEC_ARGUMENTS_MAX ||
        envc > EXEC_VARIABLES_MAX || take_text(&c, &s.cwd))
        return -EBADMSG;
    s.argc = argc;
    s.envc = envc;
    r = take_list(&c, argc, arena, &s.args);
    if (r == 0)
        r = take_list(&c, envc, arena, &s.env);
    if (r < 0)
        return r;
    if (c.left || !valid(&s))
        return -EBADMSG;
    *ret = s;
    return 0;
}

int exec_connect_encode(struct buf *b, uint16_t port)
{
    return port ? buf_put_le16(b, port) : -EINVAL;
}

int exec_connect_decode(const void *bytes, size_t len, uint16_t *ret_port)
{
    struct cursor c = CURSOR_INIT(bytes, len);
    uint16_t port;

    cursor_le16(&c, &port);
    if (cursor_error(&c) || c.left || !port)
        return -EBADMSG;
    *ret_port = port;
    return 0;
}
