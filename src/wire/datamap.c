#include "wire/datamap.h"

#include <errno.h>
#include <string.h>

/* What a framer may hold beyond one packet: room for a read that brings several. */
#define FRAMER_SLACK (1u << 18)
/* An empty framer with more memory than this gives it back. */
#define FRAMER_KEEP (1u << 17)

/* The low word comes first, each word big endian. */
static int get_int64(struct cursor *c, int64_t *ret)
{
    uint32_t low, high;

    cursor_be32(c, &low);
    cursor_be32(c, &high);
    *ret = (int64_t)((uint64_t)high << 32 | low);
    return cursor_error(c);
}

static int get_string(struct cursor *c, const uint8_t **ret, size_t *ret_len)
{
    uint32_t len;

    *ret_len = 0;
    cursor_be32(c, &len);
    if (cursor_bytes(c, len, ret) || !len)
        return -EBADMSG;
    *ret_len = len;
    return 0;
}

int datamap_list_int64(struct cursor *items, int64_t *ret)
{
    return get_int64(items, ret);
}

int datamap_list_string(struct cursor *items, const uint8_t **ret, size_t *ret_len)
{
    return get_string(items, ret, ret_len);
}

/* Walks over a list so that `items` is known to hold `count` elements. */
static int get_list(struct cursor *c, struct datamap_entry *e)
{
    const uint8_t *bytes;
    size_t len;
    struct cursor start;

    cursor_be32(c, &e->count);
    start = *c;
    if (e->type == DATAMAP_INT64_LIST) {
        if (e->count > c->left / 8 || cursor_skip(c, (size_t)e->count * 8))
            return -EBADMSG;
    } else {
        if (e->count > c->left / 5)
            return -EBADMSG;
        for (uint32_t i = 0; i < e->count; i++)
            if (get_string(c, &bytes, &len))
                return -EBADMSG;
    }
    return cursor_sub(&start, start.left - c->left, &e->items);
}

static int get_entry(struct cursor *c, struct datamap_entry *e)
{
    uint32_t type;

    *e = (struct datamap_entry){0};
    cursor_be32(c, &type);
    if (cursor_be32(c, &e->field))
        return -EBADMSG;
    e->type = (enum datamap_type)type;
    switch (type) {
    case DATAMAP_INT64:
        return get_int64(c, &e->number);
    case DATAMAP_STRING:
        return get_string(c, &e->bytes, &e->len);
    case DATAMAP_INT64_LIST:
    case DATAMAP_STRING_LIST:
        return get_list(c, e);
    default:
        return -EBADMSG;
    }
}

int datamap_decode(const void *body, size_t len, struct datamap_entry ret[DATAMAP_ENTRIES_MAX],
                   size_t *ret_count)
{
    struct cursor c = CURSOR_INIT(body, len);
    size_t count = 0;

    while (c.left) {
        if (count == DATAMAP_ENTRIES_MAX || get_entry(&c, &ret[count]))
            return -EBADMSG;
        for (size_t i = 0; i < count; i++)
            if (ret[i].field == ret[count].field)
                return -EBADMSG;
        count++;
    }
    *ret_count = count;
    return 0;
}

size_t datamap_begin(struct buf *b)
{
    size_t start = b->len;

    buf_put_be32(b, 0);
    return start;
}

static void put_number(struct buf *b, int64_t v)
{
    buf_put_be32(b, (uint32_t)(uint64_t)v);
    buf_put_be32(b, (uint32_t)((uint64_t)v >> 32));
}

static void put_head(struct buf *b, enum datamap_type type, uint32_t field)
{
    buf_put_be32(b, type);
    buf_put_be32(b, field);
}

static void put_bytes(struct buf *b, const void *bytes, size_t len)
{
    if (!len && !b->err)
        b->err = -EINVAL;
    if (len > UINT32_MAX && !b->err)
        b->err = -ENOBUFS;
    buf_put_be32(b, (uint32_t)len);
    buf_put(b, bytes, len);
}

void datamap_put_int64(struct buf *b, uint32_t field, int64_t v)
{
    put_head(b, DATAMAP_INT64, field);
    put_number(b, v);
}

void datamap_put_string(struct buf *b, uint32_t field, const void *bytes, size_t len)
{
    put_head(b, DATAMAP_STRING, field);
    put_bytes(b, bytes, len);
}

void datamap_put_int64_list(struct buf *b, uint32_t field, const int64_t *v, uint32_t count)
{
    put_head(b, DATAMAP_INT64_LIST, field);
    buf_put_be32(b, count);
    for (uint32_t i = 0; i < count; i++)
        put_number(b, v[i]);
}

void datamap_put_string_list(struct buf *b, uint32_t field, const struct datamap_string *v,
                             uint32_t count)
{
    put_head(b, DATAMAP_STRING_LIST, field);
    buf_put_be32(b, count);
    for (uint32_t i = 0; i < count; i++)
        put_bytes(b, v[i].bytes, v[i].len);
}

int datamap_end(struct buf *b, size_t start)
{
    if (b->err)
        return b->err;
    if (b->len < start + DATAMAP_HEAD_SIZE)
        return b->err = -EINVAL;
    if (b->len - start - DATAMAP_HEAD_SIZE > DATAMAP_REPLY_MAX)
        return b->err = -ENOBUFS;
    return buf_patch_be32(b, start, (uint32_t)(b->len - start - DATAMAP_HEAD_SIZE));
}

int datamap_rpc_encode(struct buf *b, const struct datamap_rpc *rpc)
{
    size_t start;

    if ((rpc->type != DATAMAP_RPC_DATA && rpc->type != DATAMAP_RPC_PING) ||
        (rpc->type == DATAMAP_RPC_DATA) != (rpc->len > 0) || rpc->request_id < 0)
        return -EINVAL;
    start = datamap_begin(b);
    datamap_put_int64(b, DATAMAP_RPC_TYPE, rpc->type);
    if (rpc->type == DATAMAP_RPC_DATA)
        datamap_put_string(b, DATAMAP_RPC_PAYLOAD, rpc->payload, rpc->len);
    if (rpc->fast_close)
        datamap_put_int64(b, DATAMAP_RPC_FAST_CLOSE, 1);
    if (rpc->request_id)
        datamap_put_int64(b, DATAMAP_RPC_REQUEST_ID, rpc->request_id);
    return datamap_end(b, start);
}

/* Takes one entry into the message. Fields of other people are skipped. */
static int take_field(const struct datamap_entry *e, struct datamap_rpc *rpc)
{
    enum datamap_type want = e->field == DATAMAP_RPC_PAYLOAD ? DATAMAP_STRING : DATAMAP_INT64;
    bool mine = (e->field >= DATAMAP_RPC_TYPE && e->field <= DATAMAP_RPC_FAST_CLOSE) ||
                e->field == DATAMAP_RPC_REQUEST_ID;

    if (!mine)
        return 0;
    if (e->type != want)
        return -EBADMSG;
    switch (e->field) {
    case DATAMAP_RPC_TYPE:
        rpc->type = (enum datamap_rpc_type)e->number;
        return e->number == DATAMAP_RPC_DATA || e->number == DATAMAP_RPC_PING ? 0 : -EBADMSG;
    case DATAMAP_RPC_PAYLOAD:
        rpc->payload = e->bytes;
        rpc->len = e->len;
        return 0;
    case DATAMAP_RPC_FAST_CLOSE:
        rpc->fast_close = e->number == 1;
        return 0;
    default:
        rpc->request_id = e->number;
        return e->number > 0 ? 0 : -EBADMSG;
    }
}

int datamap_rpc_decode(const void *body, size_t len, struct datamap_rpc *ret)
{
    struct datamap_entry entries[DATAMAP_ENTRIES_MAX];
    struct datamap_rpc rpc = {.type = DATAMAP_RPC_DATA};
    size_t count;
    int r = datamap_decode(body, len, entries, &count);

    for (size_t i = 0; !r && i < count; i++)
        r = take_field(&entries[i], &rpc);
    if (!r && rpc.type == DATAMAP_RPC_DATA && !rpc.payload)
        r = -EBADMSG;
    if (!r)
        *ret = rpc;
    return r;
}

void datamap_framer_init(struct datamap_framer *f, size_t max)
{
    *f = (struct datamap_framer){.max = max};
    f->bytes = BUF_INIT(max + DATAMAP_HEAD_SIZE + FRAMER_SLACK);
}

void datamap_framer_free(struct datamap_framer *f)
{
    buf_free(&f->bytes);
    f->taken = 0;
}

int datamap_framer_reserve(struct datamap_framer *f, size_t n, uint8_t **ret)
{
    if (f->err)
        return f->err;
    buf_consume(&f->bytes, f->taken);
    f->taken = 0;
    if (!f->bytes.len && f->bytes.size > FRAMER_KEEP)
        buf_free(&f->bytes);
    if (n > f->bytes.max - f->bytes.len)
        return -ENOBUFS;
    return f->err = buf_reserve(&f->bytes, n, ret);
}

void datamap_framer_commit(struct datamap_framer *f, size_t n)
{
    buf_commit(&f->bytes, n);
}

int datamap_framer_push(struct datamap_framer *f, const void *data, size_t n)
{
    uint8_t *to;
    int r = datamap_framer_reserve(f, n, &to);

    if (r)
        return r;
    if (n)
        memcpy(to, data, n);
    datamap_framer_commit(f, n);
    return 0;
}

int datamap_framer_next(struct datamap_framer *f, const uint8_t **ret, size_t *ret_len)
{
    struct cursor c;
    uint32_t len;

    if (f->err)
        return f->err;
    if (f->bytes.len - f->taken < DATAMAP_HEAD_SIZE)
        return 0;
    c = CURSOR_INIT(f->bytes.data + f->taken, f->bytes.len - f->taken);
    cursor_be32(&c, &len);
    if (len > f->max)
        return f->err = -EMSGSIZE;
    if (c.left < len)
        return 0;
    *ret = c.p;
    *ret_len = len;
    f->taken += DATAMAP_HEAD_SIZE + len;
    return 1;
}

bool datamap_framer_partial(const struct datamap_framer *f)
{
    return f->bytes.len > f->taken;
}
