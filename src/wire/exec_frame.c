#include "wire/exec_frame.h"

#include <errno.h>
#include <stdbool.h>

#include "base/mem.h"

static const struct shape {
    uint8_t type;
    enum exec_way way;
    uint32_t min, max; /* length of the payload */
} shapes[] = {
    {EXEC_STDIN, EXEC_TO_WORKER, 1, EXEC_DATA_MAX},
    {EXEC_STDIN_EOF, EXEC_TO_WORKER, 0, 0},
    {EXEC_WINDOW, EXEC_TO_WORKER, 4, 4},
    {EXEC_SIGNAL, EXEC_TO_WORKER, 4, 4},
    {EXEC_STARTED, EXEC_TO_CLIENT, 8, 8},
    {EXEC_STDOUT, EXEC_TO_CLIENT, 1, EXEC_DATA_MAX},
    {EXEC_STDERR, EXEC_TO_CLIENT, 1, EXEC_DATA_MAX},
    {EXEC_STDOUT_EOF, EXEC_TO_CLIENT, 0, 0},
    {EXEC_CREDIT_MORE, EXEC_TO_CLIENT, 4, 4},
    {EXEC_EXIT, EXEC_TO_CLIENT, 8, 8 + EXEC_REASON_MAX},
};

static const struct shape *find_shape(unsigned type)
{
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
        if (shapes[i].type == type)
            return &shapes[i];
    return NULL;
}

/* What the payload's length does not say. */
static bool valid(const struct exec_frame *f)
{
    switch (f->type) {
    case EXEC_SIGNAL:
        return f->value >= 1 && f->value <= EXEC_SIGNAL_LAST;
    case EXEC_CREDIT_MORE:
        return f->value >= 1 && f->value <= EXEC_CREDIT;
    case EXEC_EXIT:
        return f->end <= EXEC_END_FAILED;
    default:
        return true;
    }
}

static int read_payload(struct cursor *c, struct exec_frame *f)
{
    uint32_t number = 0, end = 0;

    switch (f->type) {
    case EXEC_WINDOW:
        cursor_le16(c, &f->rows);
        cursor_le16(c, &f->columns);
        break;
    case EXEC_SIGNAL:
    case EXEC_CREDIT_MORE:
        cursor_le32(c, &number);
        f->value = number;
        break;
    case EXEC_STARTED:
        cursor_le64(c, &f->value);
        break;
    case EXEC_EXIT:
        cursor_le32(c, &end);
        cursor_le32(c, &number);
        f->end = (enum exec_end)end;
        f->value = number;
        break;
    default:
        break;
    }
    f->len = c->left;
    cursor_bytes(c, f->len, &f->data);
    return cursor_error(c) || !valid(f) ? -EBADMSG : 0;
}

int exec_frame_next(struct cursor *c, enum exec_way way, struct exec_frame *ret)
{
    struct cursor at = *c, payload;
    struct exec_frame f = {0};
    const struct shape *shape;
    uint32_t head;
    size_t len;

    if (at.left < EXEC_FRAME_HEAD)
        return 0;
    cursor_le32(&at, &head);
    len = head >> 8;
    shape = find_shape(head & 0xff);
    if (!shape || shape->way != way || len < shape->min || len > shape->max)
        return -EBADMSG;
    if (cursor_sub(&at, len, &payload))
        return 0;
    f.type = (enum exec_frame_type)shape->type;
    if (read_payload(&payload, &f))
        return -EBADMSG;
    *ret = f;
    *c = at;
    return 1;
}

void exec_frame_head(uint8_t out[EXEC_FRAME_HEAD], enum exec_frame_type type, size_t len)
{
    out[0] = (uint8_t)type;
    out[1] = (uint8_t)len;
    out[2] = (uint8_t)(len >> 8);
    out[3] = (uint8_t)(len >> 16);
}

int exec_frame_put(struct buf *b, const struct exec_frame *f)
{
    AUTO_BUF struct buf numbers = BUF_INIT(8);
    const struct shape *shape = find_shape(f->type);
    uint8_t head[EXEC_FRAME_HEAD];
    size_t len;

    switch (f->type) {
    case EXEC_WINDOW:
        buf_put_le16(&numbers, f->rows);
        buf_put_le16(&numbers, f->columns);
        break;
    case EXEC_SIGNAL:
    case EXEC_CREDIT_MORE:
        buf_put_le32(&numbers, (uint32_t)f->value);
        break;
    case EXEC_STARTED:
        buf_put_le64(&numbers, f->value);
        break;
    case EXEC_EXIT:
        buf_put_le32(&numbers, (uint32_t)f->end);
        buf_put_le32(&numbers, (uint32_t)f->value);
        break;
    default:
        break;
    }
    if (buf_error(&numbers))
        return buf_error(&numbers);
    len = numbers.len + f->len;
    if (!shape || len < shape->min || len > shape->max || !valid(f))
        return -EINVAL;
    if (buf_reserve(b, EXEC_FRAME_HEAD + len, NULL))
        return buf_error(b);
    exec_frame_head(head, f->type, len);
    buf_put(b, head, sizeof(head));
    buf_put(b, numbers.data, numbers.len);
    return buf_put(b, f->data, f->len);
}
