/* An HGFS packet, taken as a request and as a reply. What decodes must encode to what decodes to
 * the same. */
#include "fuzz_wire.h"

#include "base/buf.h"
#include "wire/hgfs.h"
#include "wire/hgfs_name.h"

#define ROOM (1u << 20)

static void check_name(const struct hgfs_name *n)
{
    AUTO_BUF struct buf path = BUF_INIT(ROOM), name = BUF_INIT(ROOM), again = BUF_INIT(ROOM);

    if (n->by_handle || hgfs_name_to_path(&path, n->bytes, n->len))
        return;
    MUST(buf_text(&path)[0] == '/' && !strstr(buf_text(&path), "/../"));
    MUST(!hgfs_name_from_path(&name, buf_text(&path)));
    MUST(!hgfs_name_to_path(&again, (const char *)name.data, name.len));
    MUST(!strcmp(buf_text(&path), buf_text(&again)));
}

static void check_request(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(ROOM), b2 = BUF_INIT(ROOM);
    union hgfs_request rq, back;
    const uint8_t *payload;
    struct hgfs_header h;
    size_t len;

    if (hgfs_request_header_decode(data, size, &h, &payload, &len))
        return;
    MUST(payload >= data && payload + len <= data + size);
    if (hgfs_request_decode(h.op, payload, len, &rq))
        return;
    if (h.op == HGFS_GETATTR_V2 || h.op == HGFS_DELETE_FILE_V3)
        check_name(&rq.file.name);
    if (hgfs_request_encode(&b, &h, &rq))
        return; /* for example the 8-byte header in front of a session operation */
    MUST(!hgfs_request_header_decode(b.data, b.len, &h, &payload, &len));
    MUST(!hgfs_request_decode(h.op, payload, len, &back));
    MUST(!hgfs_request_encode(&b2, &h, &back));
    MUST(b.len == b2.len && !memcmp(b.data, b2.data, b.len));
}

static void check_reply(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(ROOM), b2 = BUF_INIT(ROOM);
    union hgfs_reply reply, back;
    const uint8_t *payload;
    struct hgfs_header h;
    size_t len;

    if (hgfs_reply_header_decode(data, size, size ? data[0] : 0, &h, &payload, &len))
        return;
    MUST(payload >= data && payload + len <= data + size);
    if (h.status || hgfs_reply_decode(h.op, payload, len, &reply))
        return;
    if (hgfs_reply_encode(&b, &h, &reply))
        return;
    MUST(!hgfs_reply_header_decode(b.data, b.len, h.op, &h, &payload, &len));
    MUST(!hgfs_reply_decode(h.op, payload, len, &back));
    MUST(!hgfs_reply_encode(&b2, &h, &back));
    MUST(b.len == b2.len && !memcmp(b.data, b2.data, b.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_request(data, size);
    check_reply(data, size);
    return 0;
}
