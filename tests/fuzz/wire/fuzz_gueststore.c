/* GuestStore: what a client, the agent and vmx may be sent. What decodes must encode and decode to
 * the same. */
#include "fuzz_wire.h"

#include "base/buf.h"
#include "wire/gueststore.h"

static void take_maps(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(1u << 17);
    struct gueststore_request rq, rq2;
    struct gueststore_reply reply, reply2;

    if (!gueststore_request_decode(data, size, &rq)) {
        MUST(rq.command == GUESTSTORE_CLOSE || rq.path_len > 0);
        MUST(!gueststore_request_encode(&b, &rq));
        MUST(!gueststore_request_decode(b.data + 4, b.len - 4, &rq2));
        MUST(rq2.command == rq.command && rq2.path_len == rq.path_len);
        MUST(!rq.path_len || !memcmp(rq.path, rq2.path, rq.path_len));
        buf_clear(&b);
    }
    if (!gueststore_reply_decode(data, size, &reply)) {
        MUST(reply.size >= 0);
        MUST(!gueststore_reply_encode(&b, &reply));
        MUST(!gueststore_reply_decode(b.data + 4, b.len - 4, &reply2));
        MUST(reply2.error == reply.error && reply2.size == reply.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[GUESTSTORE_PATH_MAX + 1], again[GUESTSTORE_PATH_MAX + 1];
    struct gueststore_head head;
    size_t len, len2;

    take_maps(data, size);
    if (!gueststore_parse_get(data, size, path, &len)) {
        AUTO_BUF struct buf b = BUF_INIT(GUESTSTORE_REQUEST_SIZE);

        MUST(len >= 1 && len <= GUESTSTORE_PATH_MAX && path[0] == '/' && strlen(path) == len);
        MUST(!gueststore_put_get(&b, path, len));
        MUST(!gueststore_parse_get(b.data, b.len, again, &len2));
        MUST(len2 == len && !memcmp(path, again, len));
    }
    if (gueststore_parse_head(data, size, &head) == 1)
        MUST(head.len <= size && head.len <= GUESTSTORE_HEAD_MAX && head.size >= 0);
    return 0;
}
