/* Raw streams: requests, answers, the greeting. */
#include "hex.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/vix_body.h"
#include "wire/vix_ops.h"
#include "wire/vix_stream.h"

#define TOKEN "'0123456789abcdef'"
#define OPEN  "02 00 00 00 " TOKEN "'body'"
#define END   TOKEN "01 00 00 00 00 10 00 00 01 00 00 00"
#define FILE_ "01 ff ff ff ff ff ff ff ff 06 00 00 00 '/srv/a' 00"

#define FILE_ATTRIBUTES                                                  \
    FILE_ "42 00 00 00 01 00 00 00 00 00 00 00 02 00 00 00 01 00 00 00 " \
          "03 00 00 00 fc ff ff ff ed 01 00 00"

static void requests(void **state)
{
    AUTO_BYTES struct bytes open = hex(OPEN), end = hex(END);
    AUTO_BUF struct buf b = BUF_INIT(1024), b2 = BUF_INIT(1024);
    union vix_body u;

    (void)state;
    assert_int_equal(vix_body_decode(VIX_OP_STREAM_OPEN, open.data, open.len, &u), 0);
    assert_int_equal(u.stream_open.kind, VIX_STREAM_FILE_WRITE);
    assert_memory_equal(u.stream_open.token, "0123456789abcdef", 16);
    assert_int_equal(u.stream_open.len, 4);
    assert_memory_equal(u.stream_open.body, "body", 4);
    assert_int_equal(vix_body_encode(&b, VIX_OP_STREAM_OPEN, &u), 0);
    assert_hex(b.data, b.len, OPEN);
    assert_int_equal(vix_body_decode(VIX_OP_STREAM_END, end.data, end.len, &u), 0);
    assert_int_equal(u.stream_end.outcome, VIX_STREAM_ABORT);
    assert_int_equal(u.stream_end.bytes, 0x100001000);
    assert_int_equal(vix_body_encode(&b2, VIX_OP_STREAM_END, &u), 0);
    assert_hex(b2.data, b2.len, END);
    for (size_t n = 0; n < 20; n++)
        assert_int_equal(vix_body_decode(VIX_OP_STREAM_OPEN, open.data, n, &u), -EPROTO);
    for (size_t n = 0; n < end.len; n++)
        assert_int_equal(vix_body_decode(VIX_OP_STREAM_END, end.data, n, &u), -EPROTO);
    end.data[16] = 2;
    assert_int_equal(vix_body_decode(VIX_OP_STREAM_END, end.data, end.len, &u), -EBADMSG);
}

static void bodies_have_a_limit(void **state)
{
    static uint8_t big[VIX_STREAM_BODY_MAX + 1];
    union vix_body u = {.stream_open = {.kind = 1, .body = big}}, back;

    (void)state;
    for (int over = -1; over <= 1; over++) {
        AUTO_BUF struct buf b = BUF_INIT(1u << 17);
        AUTO_FREE uint8_t *raw = mem_calloc(1, 20 + VIX_STREAM_BODY_MAX + 1);
        int expect = over > 0 ? -EINVAL : 0;

        u.stream_open.len = (size_t)((int)VIX_STREAM_BODY_MAX + over);
        assert_int_equal(vix_body_encode(&b, VIX_OP_STREAM_OPEN, &u), expect);
        assert_int_equal(vix_body_decode(VIX_OP_STREAM_OPEN, raw, 20 + u.stream_open.len, &back),
                         over > 0 ? -EBADMSG : 0);
    }
}

static void answers(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(64), b2 = BUF_INIT(64);
    struct vix_stream_opened opened = {-1, (const uint8_t *)"x", 1}, back = {0};
    struct vix_stream_ended ended = {0x123456789a}, ended_back = {0};

    (void)state;
    assert_int_equal(vix_stream_opened_encode(&b, &opened), 0);
    assert_hex(b.data, b.len, "ff ff ff ff ff ff ff ff 'x'");
    assert_int_equal(vix_stream_opened_decode(b.data, b.len, &back), 0);
    assert_int_equal(back.size, -1);
    assert_int_equal(back.len, 1);
    assert_int_equal(vix_stream_opened_decode(b.data, 7, &back), -EPROTO);
    b.data[0] = 0xfe; /* -2 */
    assert_int_equal(vix_stream_opened_decode(b.data, b.len, &back), -EBADMSG);
    opened.size = -2;
    assert_int_equal(vix_stream_opened_encode(&b, &opened), -EINVAL);
    assert_int_equal(vix_stream_ended_encode(&b2, &ended), 0);
    assert_int_equal(vix_stream_ended_decode(b2.data, b2.len, &ended_back), 0);
    assert_int_equal(ended_back.bytes, ended.bytes);
    assert_int_equal(vix_stream_ended_decode(b2.data, 7, &ended_back), -EPROTO);
    buf_put_u8(&b2, 0);
    assert_int_equal(vix_stream_ended_decode(b2.data, b2.len, &ended_back), -EBADMSG);
}

static void files(void **state)
{
    AUTO_BYTES struct bytes v = hex(FILE_);
    AUTO_BUF struct buf b = BUF_INIT(64);
    struct vix_stream_file f;

    (void)state;
    assert_int_equal(vix_stream_file_decode(v.data, v.len, &f), 0);
    assert_string_equal(f.path, "/srv/a");
    assert_int_equal(f.size, VIX_STREAM_SIZE_UNKNOWN);
    assert_true(f.overwrite);
    assert_int_equal(vix_stream_file_encode(&b, &f), 0);
    assert_hex(b.data, b.len, FILE_);
    for (size_t n = 0; n < v.len; n++) {
        AUTO_BYTES struct bytes cut = bytes_copy(v.data, n);

        assert_int_equal(vix_stream_file_decode(cut.data, n, &f), n < 13 ? -EPROTO : -EBADMSG);
    }
    v.data[13] = 0xff;
    assert_int_equal(vix_stream_file_decode(v.data, v.len, &f), -EILSEQ);
}

static void files_with_attributes(void **state)
{
    AUTO_BYTES struct bytes v = hex(FILE_ATTRIBUTES);
    AUTO_BUF struct buf b = BUF_INIT(128);
    struct vix_stream_file f;
    const size_t plain = 20;

    (void)state;
    assert_int_equal(vix_stream_file_decode(v.data, v.len, &f), 0);
    assert_string_equal(f.path, "/srv/a");
    assert_int_equal(f.attributes.options, VIX_ATTR_MODIFICATION_TIME | VIX_ATTR_PERMISSIONS);
    assert_int_equal(f.attributes.access_time, 1);
    assert_int_equal(f.attributes.modification_time, 0x100000002);
    assert_int_equal(f.attributes.owner, 3);
    assert_int_equal(f.attributes.group, -4);
    assert_int_equal(f.attributes.permissions, 0755);
    assert_int_equal(vix_stream_file_encode(&b, &f), 0);
    assert_hex(b.data, b.len, FILE_ATTRIBUTES);
    assert_int_equal(vix_stream_file_decode(v.data, plain, &f), 0);
    assert_int_equal(f.attributes.options, 0);
    for (size_t n = plain + 1; n < v.len; n++) {
        AUTO_BYTES struct bytes cut = bytes_copy(v.data, n);

        assert_int_equal(vix_stream_file_decode(cut.data, n, &f), -EPROTO);
    }
    v.data[plain] = 0; /* none of them is to be set: not how that is told */
    assert_int_equal(vix_stream_file_decode(v.data, v.len, &f), -EBADMSG);
}

static void greetings(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(VIX_STREAM_GREETING_SIZE);
    const uint8_t *token;

    (void)state;
    assert_int_equal(vix_stream_greeting_encode(&b, (const uint8_t *)"0123456789abcdef"), 0);
    assert_hex(b.data, b.len, "'IGSTREAM'" TOKEN);
    assert_int_equal(vix_stream_greeting_decode(b.data, &token), 0);
    assert_true(vix_stream_token_equal(token, (const uint8_t *)"0123456789abcdef"));
    assert_false(vix_stream_token_equal(token, (const uint8_t *)"0123456789abcdeF"));
    assert_false(vix_stream_token_equal(token, (const uint8_t *)"1123456789abcdef"));
    b.data[7] ^= 1;
    assert_int_equal(vix_stream_greeting_decode(b.data, &token), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(bodies_have_a_limit),
        cmocka_unit_test(answers),
        cmocka_unit_test(files),
        cmocka_unit_test(files_with_attributes),
        cmocka_unit_test(greetings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
