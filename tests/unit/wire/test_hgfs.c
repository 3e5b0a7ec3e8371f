/* HGFS packets against recorded bytes, every operation both ways, names and times. */
#include "hex.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/hgfs.h"
#include "wire/hgfs_name.h"
#include "wire/vix_error.h"

/* clang-format off */
#define CREATE_SESSION \
    "01 00 00 00 ff 00 00 00 4c 00 00 00 34 00 00 00" \
    "01 00 00 00 29 00 00 00 00 00 00 00 01 00 00 00" \
    "00 00 00 00 ff ff ff ff ff ff ff ff 00 00 00 00" \
    "00 00 00 00 00 00 00 00 00 f8 00 00 01 00 00 00" \
    "00 00 00 00 00 00 00 00 00 00 00 00"
#define SESSION_REPLY \
    "01 00 00 00 ff 00 00 00 98 00 00 00 34 00 00 00" \
    "01 00 00 00 29 00 00 00 00 00 00 00 02 00 00 00" \
    "00 00 00 00 ff ff ff ff ff ff ff ff 00 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 09 00 00 00" \
    "00 f8 00 00 00 00 00 00 01 00 00 00 00 00 00 00" \
    "00 00 00 00 01 00 00 00 03 00 00 00 01 00 00 00" \
    "0f 00 00 00 01 00 00 00 10 00 00 00 01 00 00 00" \
    "18 00 00 00 01 00 00 00 19 00 00 00 01 00 00 00" \
    "1a 00 00 00 01 00 00 00 29 00 00 00 01 00 00 00" \
    "2a 00 00 00 01 00 00 00"
#define GETATTR \
    "01 00 00 00 ff 00 00 00 5b 00 00 00 34 00 00 00" \
    "02 00 00 00 0f 00 00 00 00 00 00 00 01 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 00 00 00 00" \
    "00 00 00 00 02 00 00 00 0f 00 00 00 00 00 00 00" \
    "00 00 00 00 00 00 00 00 0e 00 00 00 72 6f 6f 74" \
    "00 65 74 63 00 68 6f 73 74 73 00"
#define OPEN \
    "01 00 00 00 ff 00 00 00 58 00 00 00 34 00 00 00" \
    "03 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 00 00 00 00" \
    "00 00 00 00 03 00 00 00 00 00 00 00 00 00 00 00" \
    "00 00 00 00 00 0e 00 00 00 72 6f 6f 74 00 65 74" \
    "63 00 68 6f 73 74 73 00"
#define OPEN_REPLY \
    "01 00 00 00 ff 00 00 00 40 00 00 00 34 00 00 00" \
    "03 00 00 00 00 00 00 00 00 00 00 00 02 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 00 00 00 00" \
    "00 00 00 00 03 00 00 00 00 00 00 00 01 00 00 00"
#define READ \
    "01 00 00 00 ff 00 00 00 4c 00 00 00 34 00 00 00" \
    "04 00 00 00 19 00 00 00 00 00 00 00 01 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 00 00 00 00" \
    "00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00" \
    "00 f0 00 00 00 00 00 00 00 00 00 00"
#define READ_REPLY \
    "01 00 00 00 ff 00 00 00 4d 00 00 00 34 00 00 00" \
    "04 00 00 00 19 00 00 00 00 00 00 00 02 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 00 00 00 00" \
    "00 00 00 00 0d 00 00 00 00 00 00 00 00 00 00 00" \
    "31 32 37 2e 30 2e 30 2e 31 20 6c 6f 0a"
#define CLOSE \
    "01 00 00 00 ff 00 00 00 40 00 00 00 34 00 00 00" \
    "05 00 00 00 03 00 00 00 00 00 00 00 01 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 00 00 00 00" \
    "00 00 00 00 05 00 00 00 03 00 00 00 01 00 00 00"
#define DESTROY \
    "01 00 00 00 ff 00 00 00 3c 00 00 00 34 00 00 00" \
    "06 00 00 00 2a 00 00 00 00 00 00 00 01 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 00 00 00 00" \
    "00 00 00 00 00 00 00 00 00 00 00 00"
#define OPEN_V3 \
    "01 00 00 00 ff 00 00 00 93 00 00 00 34 00 00 00" \
    "03 00 00 00 18 00 00 00 00 00 00 00 01 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 00 00 00 00" \
    "00 00 00 00 3f 08 00 00 00 00 00 00 01 00 00 00" \
    "04 00 00 00 00 06 04 00 00 00 00 00 00 00 00 00" \
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00" \
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00" \
    "00 00 00 00 0e 00 00 00 00 00 00 00 00 00 00 00" \
    "00 00 00 00 72 6f 6f 74 00 73 72 76 00 61 2e 62" \
    "69 6e 00"
#define WRITE \
    "01 00 00 00 ff 00 00 00 52 00 00 00 34 00 00 00" \
    "04 00 00 00 1a 00 00 00 00 00 00 00 01 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 00 00 00 00" \
    "00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00" \
    "00 05 00 00 00 00 00 00 00 00 00 00 00 68 65 6c" \
    "6c 6f"
#define SETATTR \
    "01 00 00 00 ff 00 00 00 c3 00 00 00 34 00 00 00" \
    "05 00 00 00 10 00 00 00 00 00 00 00 01 00 00 00" \
    "00 00 00 00 88 77 66 55 44 33 22 11 00 00 00 00" \
    "00 00 00 00 05 00 00 00 10 00 00 00 00 00 00 00" \
    "00 00 00 00 80 33 00 00 00 00 00 00 00 00 00 00" \
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00" \
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00" \
    "00 00 00 00 00 00 00 00 00 06 04 00 00 00 00 00" \
    "00 00 00 00 00 00 00 00 00 00 00 00 e8 03 00 00" \
    "e8 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00" \
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00" \
    "0e 00 00 00 72 6f 6f 74 00 73 72 76 00 61 2e 62" \
    "69 6e 00"
/* clang-format on */

#define SESSION 0x1122334455667788ull

static const char *const requests[] = {CREATE_SESSION, GETATTR, OPEN,  READ,   CLOSE,
                                       DESTROY,        OPEN_V3, WRITE, SETATTR};

static void decode_request(const struct bytes *v, struct hgfs_header *h, union hgfs_request *rq)
{
    const uint8_t *payload;
    size_t len;

    assert_int_equal(hgfs_request_header_decode(v->data, v->len, h, &payload, &len), 0);
    assert_int_equal(hgfs_request_decode(h->op, payload, len, rq), 0);
}

static void recorded_requests_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        AUTO_BYTES struct bytes v = hex(requests[i]);
        AUTO_BUF struct buf b = BUF_INIT(1024);
        struct hgfs_header h;
        union hgfs_request rq;

        decode_request(&v, &h, &rq);
        assert_false(h.old);
        assert_true(h.session_id == (i ? SESSION : HGFS_NO_SESSION));
        assert_int_equal(hgfs_request_encode(&b, &h, &rq), 0);
        assert_hex(b.data, b.len, requests[i]);
    }
}

static void recorded_requests_mean_what_they_should(void **state)
{
    struct hgfs_header h;
    union hgfs_request rq;

    (void)state;
    {
        AUTO_BYTES struct bytes v = hex(CREATE_SESSION);

        decode_request(&v, &h, &rq);
        assert_int_equal(h.op, HGFS_CREATE_SESSION_V4);
        assert_int_equal(h.request_id, 1);
        assert_int_equal(rq.session.max_packet, HGFS_PACKET_LARGE);
        assert_int_equal(rq.session.flags, HGFS_SESSION_MAX_PACKET_VALID);
        assert_int_equal(rq.session.capability_count, 0);
    }
    {
        AUTO_BYTES struct bytes v = hex(GETATTR);

        decode_request(&v, &h, &rq);
        assert_int_equal(h.op, HGFS_GETATTR_V2);
        assert_int_equal(rq.file.name.len, 14);
        assert_memory_equal(rq.file.name.bytes, "root\0etc\0hosts", 14);
    }
    {
        AUTO_BYTES struct bytes v = hex(READ);

        decode_request(&v, &h, &rq);
        assert_int_equal(rq.io.handle, 1);
        assert_int_equal(rq.io.offset, 0);
        assert_int_equal(rq.io.size, HGFS_IO_LARGE);
    }
    {
        AUTO_BYTES struct bytes v = hex(OPEN_V3);

        decode_request(&v, &h, &rq);
        assert_int_equal(rq.open.mask, 0x83f);
        assert_int_equal(rq.open.mode, HGFS_MODE_WRITE);
        assert_int_equal(rq.open.flags, HGFS_OPEN_CREATE_EMPTY);
        assert_int_equal(rq.open.owner_perms, 6);
        assert_int_equal(rq.open.group_perms, 4);
        assert_int_equal(rq.open.other_perms, 0);
        assert_memory_equal(rq.open.name.bytes, "root\0srv\0a.bin", 14);
    }
    {
        AUTO_BYTES struct bytes v = hex(WRITE);

        decode_request(&v, &h, &rq);
        assert_int_equal(rq.io.size, 5);
        assert_memory_equal(rq.io.data, "hello", 5);
    }
    {
        AUTO_BYTES struct bytes v = hex(SETATTR);

        decode_request(&v, &h, &rq);
        assert_int_equal(rq.setattr.attr.mask, 0x3380);
        assert_int_equal(hgfs_attr_mode(&rq.setattr.attr), 0640);
        assert_int_equal(rq.setattr.attr.uid, 1000);
        assert_int_equal(rq.setattr.attr.gid, 1000);
    }
}

static void recorded_replies_both_ways(void **state)
{
    static const char *const replies[] = {SESSION_REPLY, OPEN_REPLY, READ_REPLY};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        AUTO_BYTES struct bytes v = hex(replies[i]);
        AUTO_BUF struct buf b = BUF_INIT(1024);
        const uint8_t *payload;
        union hgfs_reply reply;
        struct hgfs_header h;
        size_t len;

        assert_int_equal(hgfs_reply_header_decode(v.data, v.len, 0, &h, &payload, &len), 0);
        assert_int_equal(h.status, 0);
        assert_int_equal(hgfs_reply_decode(h.op, payload, len, &reply), 0);
        if (i == 0) {
            assert_true(reply.session.session_id == SESSION);
            assert_int_equal(reply.session.capability_count, 9);
            assert_int_equal(hgfs_session_capability(&reply.session, 8).op,
                             HGFS_DESTROY_SESSION_V4);
        } else if (i == 1) {
            assert_int_equal(reply.opened.handle, 1);
        } else {
            assert_text(reply.io.data, reply.io.size, "127.0.0.1 lo\n");
        }
        assert_int_equal(hgfs_reply_encode(&b, &h, &reply), 0);
        assert_hex(b.data, b.len, replies[i]);
    }
}

static void a_read_reply_without_copying(void **state)
{
    struct hgfs_header h = {.op = HGFS_READ_V3, .request_id = 4, .session_id = SESSION};
    AUTO_BUF struct buf b = BUF_INIT(1 << 20);
    uint8_t *data;
    size_t start;

    (void)state;
    assert_int_equal(hgfs_read_reply_begin(&b, &h, HGFS_IO_LARGE, &data, &start), 0);
    memcpy(data, "127.0.0.1 lo\n", 13);
    assert_int_equal(hgfs_read_reply_end(&b, &h, start, 13), 0);
    assert_hex(b.data, b.len, READ_REPLY);
    h.op = HGFS_CLOSE;
    assert_int_equal(hgfs_read_reply_begin(&b, &h, 1, &data, &start), -EINVAL);
}

static void headers_that_are_wrong(void **state)
{
    AUTO_BYTES struct bytes v = hex(READ);
    struct hgfs_header h;
    const uint8_t *payload;
    size_t len;
    static const struct {
        uint8_t at, value;
        int r;
    } cases[] = {
        {0, 0, -EBADMSG},                          /* version */
        {4, 41, -EPROTO},                          /* unknown marker */
        {4, 254, -EPROTO},    {8, 0x4d, -EBADMSG}, /* larger than what came */
        {8, 0x33, -EBADMSG},                       /* smaller than its header */
        {12, 0x33, -EBADMSG},                      /* header too small */
        {12, 0x4d, -EBADMSG},                      /* header larger than the packet */
        {12, 0x38, 0},                             /* a longer header is allowed */
        {8, 0x4b, 0},                              /* bytes behind the packet are ignored */
        {28, 0xf0, 0},                             /* version 1 may have garbage in the flags */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BYTES struct bytes copy = bytes_copy(v.data, v.len);

        copy.data[cases[i].at] = cases[i].value;
        assert_int_equal(hgfs_request_header_decode(copy.data, copy.len, &h, &payload, &len),
                         cases[i].r);
        if (cases[i].r == -EBADMSG)
            assert_int_equal(h.op, HGFS_READ_V3); /* enough to answer with */
    }
    v.data[0] = 2;
    v.data[28] = 0xf0;
    assert_int_equal(hgfs_request_header_decode(v.data, v.len, &h, &payload, &len), -EBADMSG);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        AUTO_BYTES struct bytes v = hex(requests[i]);
        const uint8_t *payload;
        union hgfs_request rq;
        struct hgfs_header h;
        size_t len;

        for (size_t n = 0; n < v.len; n++) {
            AUTO_BYTES struct bytes cut = bytes_copy(v.data, n);
            int r = hgfs_request_header_decode(cut.data, cut.len, &h, &payload, &len);

            assert_int_equal(r, n < HGFS_OLD_HEADER_SIZE ? -EPROTO : -EBADMSG);
        }
        assert_int_equal(hgfs_request_header_decode(v.data, v.len, &h, &payload, &len), 0);
        for (size_t n = 0; n < len; n++) {
            AUTO_BYTES struct bytes cut = bytes_copy(payload, n);
            int r = hgfs_request_decode(h.op, cut.data, cut.len, &rq);

            assert_true(r == 0 || r == -EBADMSG);
            /* Only what stands behind the last field may be missing. */
            if (n + 8 < len && h.op != HGFS_DESTROY_SESSION_V4 && h.op != HGFS_CREATE_SESSION_V4)
                assert_int_equal(r, -EBADMSG);
        }
    }
}

/* Fills the union with different values and sees what comes back, for all ops and both headers. */
static void every_operation_both_ways(void **state)
{
    (void)state;
    for (uint32_t op = 0; op < 64; op++) {
        for (int old = 0; old < 2; old++) {
            AUTO_BUF struct buf b = BUF_INIT(4096), b2 = BUF_INIT(4096);
            struct hgfs_header h = {.op = op, .request_id = 77, .session_id = 5, .old = old}, h2;
            union hgfs_request rq, back;
            union hgfs_reply reply;
            const uint8_t *payload;
            size_t len;
            int r;

            memset(&rq, 0, sizeof(rq));
            memset(&reply, 0, sizeof(reply));
            if (!hgfs_op_known(op)) {
                assert_int_equal(hgfs_request_encode(&b, &h, &rq), -EOPNOTSUPP);
                assert_int_equal(hgfs_request_decode(op, "", 0, &back), -EOPNOTSUPP);
                continue;
            }
            r = hgfs_request_encode(&b, &h, &rq);
            if (old && op >= HGFS_CREATE_SESSION_V4) {
                assert_int_equal(r, -EINVAL);
                continue;
            }
            assert_int_equal(r, 0);
            assert_int_equal(hgfs_request_header_decode(b.data, b.len, &h2, &payload, &len), 0);
            assert_int_equal(h2.old, old);
            assert_int_equal(h2.op, op);
            assert_int_equal(h2.request_id, 77);
            assert_int_equal(hgfs_request_decode(op, payload, len, &back), 0);
            assert_int_equal(hgfs_reply_encode(&b2, &h, &reply), 0);
            assert_int_equal(hgfs_reply_header_decode(b2.data, b2.len, op, &h2, &payload, &len), 0);
            assert_int_equal(h2.op, op);
            assert_int_equal(h2.status, 0);
            assert_int_equal(hgfs_reply_decode(op, payload, len, &reply), 0);
            /* A failure: the status travels in either header, without payload. */
            buf_clear(&b2);
            h.status = HGFS_NO_SPACE;
            assert_int_equal(hgfs_reply_encode(&b2, &h, NULL), 0);
            assert_int_equal(b2.len, old ? HGFS_OLD_HEADER_SIZE : HGFS_HEADER_SIZE);
            assert_int_equal(hgfs_reply_header_decode(b2.data, b2.len, op, &h2, &payload, &len), 0);
            assert_int_equal(h2.status, HGFS_NO_SPACE);
        }
    }
}

static void request_back(uint32_t op, const union hgfs_request *rq, union hgfs_request *back,
                         struct buf *b)
{
    struct hgfs_header h = {.op = op};
    const uint8_t *payload;
    size_t len;

    buf_clear(b);
    assert_int_equal(hgfs_request_encode(b, &h, rq), 0);
    assert_int_equal(hgfs_request_header_decode(b->data, b->len, &h, &payload, &len), 0);
    assert_int_equal(hgfs_request_decode(op, payload, len, back), 0);
}

static void names_and_handles_in_requests(void **state)
{
    static const uint32_t with_handle[] = {HGFS_GETATTR_V2, HGFS_GETATTR_V3, HGFS_DELETE_FILE_V2,
                                           HGFS_DELETE_DIR_V3};
    static const uint32_t two[] = {HGFS_RENAME, HGFS_RENAME_V2, HGFS_RENAME_V3, HGFS_CREATE_SYMLINK,
                                   HGFS_CREATE_SYMLINK_V3};
    AUTO_BUF struct buf b = BUF_INIT(4096);
    union hgfs_request rq, back;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(with_handle); i++) {
        rq = (union hgfs_request){.file.name = {.by_handle = true, .handle = 0x12345678}};
        request_back(with_handle[i], &rq, &back, &b);
        assert_true(back.file.name.by_handle);
        assert_int_equal(back.file.name.handle, 0x12345678);
        assert_int_equal(back.file.name.len, 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(two); i++) {
        rq = (union hgfs_request){.names = {.from = {.bytes = "root\0a", .len = 6},
                                            .to = {.bytes = "root\0bcd", .len = 8}}};
        request_back(two[i], &rq, &back, &b);
        assert_int_equal(back.names.from.len, 6);
        assert_memory_equal(back.names.from.bytes, "root\0a", 6);
        assert_int_equal(back.names.to.len, 8);
        assert_memory_equal(back.names.to.bytes, "root\0bcd", 8);
    }
    for (uint32_t op = HGFS_RENAME_V2; op <= HGFS_RENAME_V3;
         op += HGFS_RENAME_V3 - HGFS_RENAME_V2) {
        rq = (union hgfs_request){.names = {.from = {.by_handle = true, .handle = 9},
                                            .to = {.bytes = "root\0b", .len = 6}}};
        request_back(op, &rq, &back, &b);
        assert_true(back.names.from.by_handle);
        assert_int_equal(back.names.from.handle, 9);
        assert_int_equal(back.names.to.len, 6);
    }
    rq = (union hgfs_request){
        .setattr = {.hints = HGFS_HINT_SET_WRITE_TIME, .name = {.by_handle = true, .handle = 3}}};
    rq.setattr.attr.mask = HGFS_ATTR_SIZE;
    rq.setattr.attr.size = UINT64_MAX;
    request_back(HGFS_SETATTR_V2, &rq, &back, &b);
    assert_int_equal(back.setattr.hints, HGFS_HINT_SET_WRITE_TIME | HGFS_HINT_BY_HANDLE);
    assert_true(back.setattr.attr.size == UINT64_MAX);
    assert_int_equal(back.setattr.name.handle, 3);
    request_back(HGFS_SETATTR_V3, &rq, &back, &b);
    assert_int_equal(back.setattr.name.handle, 3);
    rq.setattr.name = (struct hgfs_name){.bytes = "root", .len = 4};
    request_back(HGFS_SETATTR, &rq, &back, &b);
    assert_int_equal(back.setattr.attr.mask, HGFS_ATTR_SIZE);
    assert_int_equal(back.setattr.hints, HGFS_HINT_SET_WRITE_TIME);
}

static void reply_back(uint32_t op, const union hgfs_reply *reply, union hgfs_reply *back,
                       struct buf *b)
{
    struct hgfs_header h = {.op = op};
    const uint8_t *payload;
    size_t len;

    buf_clear(b);
    assert_int_equal(hgfs_reply_encode(b, &h, reply), 0);
    assert_int_equal(hgfs_reply_header_decode(b->data, b->len, op, &h, &payload, &len), 0);
    assert_int_equal(hgfs_reply_decode(op, payload, len, back), 0);
}

static void entries_in_replies(void **state)
{
    static const uint32_t ops[] = {HGFS_GETATTR_V2, HGFS_GETATTR_V3, HGFS_SEARCH_READ,
                                   HGFS_SEARCH_READ_V2, HGFS_SEARCH_READ_V3};
    union hgfs_reply reply = {.entry = {.attr = {.size = 1ull << 40, .owner_perms = 7},
                                        .name = {.bytes = "file", .len = 4}}};
    AUTO_BUF struct buf b = BUF_INIT(4096);
    union hgfs_reply back, end = {.entry.end = true};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        reply_back(ops[i], &reply, &back, &b);
        assert_true(back.entry.attr.size == 1ull << 40);
        assert_int_equal(back.entry.attr.owner_perms, 7);
        assert_int_equal(back.entry.name.len, 4);
        assert_memory_equal(back.entry.name.bytes, "file", 4);
        assert_false(back.entry.end);
        if (i >= 2) {
            reply_back(ops[i], &end, &back, &b);
            assert_true(back.entry.end);
        }
    }
    /* Sizes that a stock client expects: 117 and 17 + 128 bytes beside the name. */
    reply_back(HGFS_GETATTR_V2, &reply, &back, &b);
    assert_int_equal(b.len, HGFS_HEADER_SIZE + 117 + 4);
    reply_back(HGFS_SEARCH_READ_V3, &reply, &back, &b);
    assert_int_equal(b.len, HGFS_HEADER_SIZE + 17 + 128 + 4);
    /* An agent that leaves the link target out. */
    assert_int_equal(hgfs_reply_decode(HGFS_GETATTR_V2, b.data, 8 + HGFS_ATTR_V2_SIZE, &back), 0);
    assert_int_equal(back.entry.name.len, 0);
}

static void names_have_a_limit(void **state)
{
    char *name = calloc(1, HGFS_NAME_MAX + 1);

    (void)state;
    memset(name, 'n', HGFS_NAME_MAX + 1);
    for (size_t n = HGFS_NAME_MAX - 1; n <= HGFS_NAME_MAX + 1; n++) {
        AUTO_BUF struct buf b = BUF_INIT(1 << 16), path = BUF_INIT(1 << 16);
        struct hgfs_header h = {.op = HGFS_GETATTR_V2};
        union hgfs_request rq = {.file.name = {.bytes = name, .len = n}}, back;
        bool ok = n <= HGFS_NAME_MAX;

        assert_int_equal(hgfs_request_encode(&b, &h, &rq), ok ? 0 : -EINVAL);
        buf_clear(&b);
        buf_put_zeros(&b, 8 + 12);
        buf_put_le32(&b, (uint32_t)n);
        buf_put(&b, name, n);
        assert_int_equal(hgfs_request_decode(HGFS_GETATTR_V2, b.data, b.len, &back),
                         ok ? 0 : -ENAMETOOLONG);
        assert_int_equal(hgfs_name_to_path(&path, name, n), ok ? -ENOENT : -ENAMETOOLONG);
    }
    free(name);
}

static void capabilities_have_a_limit(void **state)
{
    (void)state;
    for (uint32_t n = HGFS_CAPABILITIES_MAX - 1; n <= HGFS_CAPABILITIES_MAX + 1; n++) {
        AUTO_BUF struct buf b = BUF_INIT(1 << 16);
        union hgfs_request back;

        buf_put_le32(&b, n);
        buf_put_zeros(&b, 12 + 8 * n);
        assert_int_equal(hgfs_request_decode(HGFS_CREATE_SESSION_V4, b.data, b.len, &back),
                         n <= HGFS_CAPABILITIES_MAX ? 0 : -EBADMSG);
    }
}

static void check_name(const char *path, const char *name, size_t len, const char *path_back)
{
    AUTO_BUF struct buf b = BUF_INIT(256), back = BUF_INIT(256);

    assert_int_equal(hgfs_name_from_path(&b, path), 0);
    assert_int_equal(b.len, len);
    assert_memory_equal(b.data, name, len);
    assert_int_equal(hgfs_name_to_path(&back, (const char *)b.data, b.len), 0);
    assert_string_equal(buf_text(&back), path_back);
}

static void names_and_paths(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(256);

    (void)state;
    check_name("/etc/hosts", "root\0etc\0hosts", 14, "/etc/hosts");
    check_name("/", "root", 4, "/");
    check_name("//srv///a//", "root\0srv\0a", 10, "/srv/a");
    check_name("/a!%b", "root\0a/b", 8, "/a!%b");
    check_name("/a!]%b", "root\0a!%b", 9, "/a!]%b");
    check_name("/a!]]%", "root\0a!]%", 9, "/a!]]%");
    check_name("/!", "root\0!", 6, "/!");
    assert_int_equal(hgfs_name_from_path(&b, "etc"), -EINVAL);
    assert_int_equal(hgfs_name_from_path(&b, ""), -EINVAL);
}

static void names_that_are_wrong(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        int r;
    } cases[] = {
        {"", 0, -EINVAL},           {"root\0..\0a", 9, -EINVAL}, {"root\0.", 6, -EINVAL},
        {"root\0..", 7, -EINVAL},   {"\0root", 5, -EINVAL},      {"root\0", 5, -EINVAL},
        {"root\0\xff", 6, -EINVAL}, {"host\0a", 6, -ENOENT},     {"roo", 3, -ENOENT},
        {"ROOT\0\0a", 7, 0},        {"root\0...", 8, 0},
    };
    AUTO_BUF struct buf b = BUF_INIT(256);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BYTES struct bytes v = bytes_copy(cases[i].name, cases[i].len);

        assert_int_equal(hgfs_name_to_path(&b, (const char *)v.data, v.len), cases[i].r);
    }
    /* A slash inside a component is no separator. */
    buf_clear(&b);
    assert_int_equal(hgfs_name_to_path(&b, "root\0../etc", 11), 0);
    assert_string_equal(buf_text(&b), "/..!%etc");
}

static void times(void **state)
{
    struct timespec ts = {.tv_sec = 1700000000, .tv_nsec = 123456700}, back;

    (void)state;
    assert_true(hgfs_time_from_unix(&ts) == 133444736001234567ull);
    hgfs_time_to_unix(133444736001234567ull, &back);
    assert_true(back.tv_sec == ts.tv_sec && back.tv_nsec == ts.tv_nsec);
    ts = (struct timespec){.tv_sec = -11644473600};
    assert_true(hgfs_time_from_unix(&ts) == 0);
    ts.tv_sec--;
    assert_true(hgfs_time_from_unix(&ts) == 0);
    ts.tv_sec = INT64_MAX;
    assert_true(hgfs_time_from_unix(&ts) == 0);
    hgfs_time_to_unix(UINT64_MAX, &back);
    hgfs_time_to_unix(0, &back);
    assert_true(back.tv_sec == -11644473600);
}

static void statuses(void **state)
{
    (void)state;
    assert_int_equal(hgfs_status_from_errno(0), HGFS_SUCCESS);
    assert_int_equal(hgfs_status_from_errno(-ENOENT), HGFS_NO_SUCH_FILE);
    assert_int_equal(hgfs_status_from_errno(EISDIR), HGFS_FILE_EXISTS);
    assert_int_equal(hgfs_status_from_errno(EIO), HGFS_GENERIC_ERROR);
    assert_int_equal(hgfs_status_from_errno(ENETRESET), HGFS_STALE_SESSION);
    assert_int_equal(hgfs_status_to_vix(HGFS_ACCESS_DENIED), VIX_E_FILE_ACCESS_ERROR);
    assert_int_equal(hgfs_status_to_vix(HGFS_NO_SPACE), VIX_E_DISK_FULL);
    assert_int_equal(hgfs_status_to_vix(HGFS_TRANSPORT_ERROR + 1), VIX_E_FILE_ERROR);
    assert_string_equal(hgfs_status_name(17), "STALE_SESSION");
    assert_string_equal(hgfs_op_name(25), "READ_V3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_requests_both_ways),
        cmocka_unit_test(recorded_requests_mean_what_they_should),
        cmocka_unit_test(recorded_replies_both_ways),
        cmocka_unit_test(a_read_reply_without_copying),
        cmocka_unit_test(headers_that_are_wrong),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_operation_both_ways),
        cmocka_unit_test(names_and_handles_in_requests),
        cmocka_unit_test(entries_in_replies),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(capabilities_have_a_limit),
        cmocka_unit_test(names_and_paths),
        cmocka_unit_test(names_that_are_wrong),
        cmocka_unit_test(times),
        cmocka_unit_test(statuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
