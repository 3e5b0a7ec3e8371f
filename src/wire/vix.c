#include "wire/vix.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cursor.h"

int vix_request_encode(struct buf *b, const struct vix_request *rq)
{
    uint64_t total = (uint64_t)VIX_REQUEST_SIZE + rq->body_len + rq->credential_len;
    uint32_t flags = rq->flags & ~(uint32_t)VIX_REQUEST_AUTH_DATA;

    if (rq->body_len > VIX_MESSAGE_LARGE || rq->credential_len > VIX_MESSAGE_LARGE)
        return -EMSGSIZE;
    if (rq->auth_data) {
        total += VIX_AUTH_DATA_SIZE;
        flags |= VIX_REQUEST_AUTH_DATA;
    }
    if (total > VIX_MESSAGE_LARGE)
        return -EMSGSIZE;
    buf_put_le32(b, VIX_MAGIC);
    buf_put_le16(b, VIX_VERSION);
    buf_put_le32(b, (uint32_t)total);
    buf_put_le32(b, VIX_REQUEST_SIZE);
    buf_put_le32(b, (uint32_t)rq->body_len);
    buf_put_le32(b, (uint32_t)rq->credential_len);
    buf_put_u8(b, rq->common_flags | VIX_COMMON_REQUEST);
    buf_put_le32(b, rq->opcode);
    buf_put_le32(b, flags);
    buf_put_le32(b, rq->timeout);
    buf_put_le64(b, rq->cookie);
    buf_put_le32(b, rq->client_handle);
    buf_put_le32(b, rq->credential_type);
    buf_put(b, rq->body, rq->body_len);
    buf_put(b, rq->credential, rq->credential_len);
    return rq->auth_data ? buf_put(b, rq->auth_data, VIX_AUTH_DATA_SIZE) : b->err;
}

int vix_request_decode(const void *message, size_t len, struct vix_request *ret)
{
    struct cursor c = CURSOR_INIT(message, len);
    uint32_t magic, total, head, body, credential;
    struct vix_request rq = {0};
    uint64_t sum;
    uint16_t version;

    cursor_le32(&c, &magic);
    cursor_le16(&c, &version);
    cursor_le32(&c, &total);
    cursor_le32(&c, &head);
    cursor_le32(&c, &body);
    cursor_le32(&c, &credential);
    cursor_u8(&c, &rq.common_flags);
    cursor_le32(&c, &rq.opcode);
    cursor_le32(&c, &rq.flags);
    cursor_le32(&c, &rq.timeout);
    cursor_le64(&c, &rq.cookie);
    cursor_le32(&c, &rq.client_handle);
    cursor_le32(&c, &rq.credential_type);
    sum = (uint64_t)head + body + credential;
    if (rq.flags & VIX_REQUEST_AUTH_DATA)
        sum += VIX_AUTH_DATA_SIZE;
    if (cursor_error(&c) || magic != VIX_MAGIC || version != VIX_VERSION ||
        head != VIX_REQUEST_SIZE || total != len || sum != total || total > VIX_MESSAGE_LARGE ||
        !(rq.common_flags & VIX_COMMON_REQUEST))
        return -EPROTO;
    rq.body_len = body;
    rq.credential_len = credential;
    cursor_bytes(&c, body, &rq.body);
    cursor_bytes(&c, credential, &rq.credential);
    if (rq.flags & VIX_REQUEST_AUTH_DATA)
        cursor_bytes(&c, VIX_AUTH_DATA_SIZE, &rq.auth_data);
    if (cursor_error(&c))
        return -EPROTO;
    *ret = rq;
    return 0;
}

int vix_relay_encode(struct buf *b, const char *name, const void *message, size_t len)
{
    size_t n = strlen(name);

    if (n > VIX_RELAY_NAME_MAX)
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
            return -EINVAL;
    buf_printf(b, VIX_RELAYED_COMMAND " \"%s\"", name);
    buf_put_u8(b, 0);
    return buf_put(b, message, len);
}

int vix_relay_decode(const void *args, size_t len, const char **ret_name, size_t *ret_name_len,
                     const uint8_t **ret_message, size_t *ret_len)
{
    const char *p = args;
    const char *end = memchr(p, '\0', len);
    const char *name;
    size_t n = 0;

    if (!end)
        return -EPROTO;
    name = memchr(p, '"', (size_t)(end - p));
    if (name) {
        name++;
        while (name + n < end && name[n] != '"')
            n += name[n] == '\\' && name + n + 1 < end ? 2 : 1;
        if (n > VIX_RELAY_NAME_MAX)
            return -EPROTO;
    } else {
        name = end;
    }
    *ret_name = name;
    *ret_name_len = n;
    *ret_message = (const uint8_t *)end + 1;
    *ret_len = len - (size_t)(end + 1 - p);
    return 0;
}

int vix_reply_encode(struct buf *b, const struct vix_reply *reply)
{
    if (reply->result_len > VIX_MESSAGE_LARGE)
        return -EMSGSIZE;
    if (!reply->binary && reply->result_len && memchr(reply->result, '\0', reply->result_len))
        return -EINVAL;
    buf_printf(b, "%" PRId64 " %" PRIu32 " %s", (int64_t)reply->error, reply->additional,
               reply->binary ? "#" : "");
    buf_put(b, reply->result, reply->result_len);
    return reply->binary ? b->err : buf_put_u8(b, 0);
}

/* A decimal number of at most 64 bits, signed, and the space after it. */
static int reply_number(struct cursor *c, uint64_t *ret)
{
    bool negative = false;
    unsigned digits = 0;
    uint64_t v = 0;
    uint8_t ch;

    if (cursor_u8(c, &ch))
        return -EBADMSG;
    if (ch == '-') {
        negative = true;
        cursor_u8(c, &ch);
    }
    while (ch >= '0' && ch <= '9') {
        if (v > (UINT64_MAX - (uint64_t)(ch - '0')) / 10)
            return -EBADMSG;
        v = v * 10 + (uint64_t)(ch - '0');
        digits++;
        if (cursor_u8(c, &ch))
            return -EBADMSG;
    }
    if (!digits || ch != ' ')
        return -EBADMSG;
    *ret = negative ? 0 - v : v;
    return 0;
}

int vix_reply_decode(const void *payload, size_t len, bool binary, struct vix_reply *ret)
{
    struct cursor c = CURSOR_INIT(payload, len);
    struct vix_reply reply = {0};
    uint64_t additional;

    if (reply_number(&c, &reply.error) || reply_number(&c, &additional))
        return -EBADMSG;
    reply.additional = (uint32_t)additional;
    reply.result = c.p;
    reply.result_len = c.left;
    if (binary && c.left && c.p[0] == '#') {
        reply.binary = true;
        reply.result++;
        reply.result_len--;
    } else {
        while (reply.result_len && !reply.result[reply.result_len - 1])
            reply.result_len--;
        if (reply.result_len && memchr(reply.result, '\0', reply.result_len))
            return -EBADMSG;
    }
    *ret = reply;
    return 0;
}

int vix_run_done_encode(struct buf *b, const struct vix_run_done *done)
{
    if (!done->name_len || done->name_len > VIX_RELAY_NAME_MAX ||
        memchr(done->name, ' ', done->name_len) || memchr(done->name, '\0', done->name_len))
        return -EINVAL;
    buf_put_str(b, VIX_RUN_DONE " ");
    buf_put(b, done->name, done->name_len);
    buf_printf(b, " %" PRId64 " %" PRIu32 " %" PRId32 " %" PRId64, (int64_t)done->error,
               done->additional, done->exit_code, done->pid);
    return buf_put_u8(b, 0);
}

int vix_run_done_decode(const void *args, size_t len, struct vix_run_done *ret)
{
    const char *p = args;
    const char *space = memchr(p, ' ', len);
    struct vix_run_done d = {.name = p};
    uint64_t additional, exit_code, pid;
    struct cursor c;
    uint8_t tail[VIX_RELAY_NAME_MAX];

    if (!space || space == p || space - p > (ptrdiff_t)VIX_RELAY_NAME_MAX)
        return -EBADMSG;
    d.name_len = (size_t)(space - p);
    len -= d.name_len + 1;
    while (len && !space[len])
        len--;
    if (len >= sizeof(tail))
        return -EBADMSG;
    /* The last number ends the message: give it the space that reply_number looks for. */
    memcpy(tail, space + 1, len);
    tail[len] = ' ';
    c = CURSOR_INIT(tail, len + 1);
    if (reply_number(&c, &d.error) || reply_number(&c, &additional) ||
        reply_number(&c, &exit_code) || reply_number(&c, &pid) || c.left)
        return -EBADMSG;
    d.additional = (uint32_t)additional;
    d.exit_code = (int32_t)(int64_t)exit_code;
    d.pid = (int64_t)pid;
    *ret = d;
    return 0;
}
