/* Bodies of the messages between vmx and gstored. */
#include "hex.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/gstore.h"

static void every_message_has_its_bytes(void **state)
{
    static const struct {
        struct gstore_msg m;
        const char *bytes;
    } table[] = {
        {{.type = GSTORE_GET, .path = (const uint8_t *)"/a/b", .path_len = 4}, "'/a/b'"},
        {{.type = GSTORE_CANCEL}, ""},
        {{.type = GSTORE_OPENED, .size = 0x20000000, .available = 5},
         "0000002000000000 0500000000000000"},
        {{.type = GSTORE_OPENED}, "0000000000000000 0000000000000000"},
        {{.type = GSTORE_PROGRESS, .available = 0x100000001}, "0100000001000000"},
        {{.type = GSTORE_END}, "00000000"},
        {{.type = GSTORE_END, .code = -2, .text = "gone", .text_len = 4}, "feffffff 'gone'"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        AUTO_BUF struct buf b = BUF_INIT(GSTORE_BODY_MAX);
        struct gstore_msg back;
        const struct gstore_msg *m = &table[i].m;

        assert_int_equal(gstore_encode(&b, m), 0);
        assert_hex(b.data, b.len, table[i].bytes);
        assert_int_equal(gstore_decode((uint16_t)m->type, b.data, b.len, &back), 0);
        assert_int_equal(back.type, m->type);
        assert_true(back.size == m->size && back.available == m->available);
        assert_int_equal(back.code, m->code);
        assert_int_equal(back.path_len, m->path_len);
        assert_int_equal(back.text_len, m->text_len);
        if (m->type == GSTORE_GET)
            continue; /* a path may have any length */
        if (m->type == GSTORE_END && b.len > 4)
            continue; /* so may the text */
        AUTO_BYTES struct bytes more = bytes_copy("xxxxxxxxxxxxxxxxxxxxxxxx", b.len + 1);
        memcpy(more.data, b.data ? b.data : (const uint8_t *)"", b.len);
        if (m->type != GSTORE_END)
            assert_int_equal(gstore_decode((uint16_t)m->type, more.data, more.len, &back),
                             -EBADMSG);
        if (b.len)
            assert_int_equal(gstore_decode((uint16_t)m->type, b.data, b.len - 1, &back), -EBADMSG);
    }
}

static void what_is_no_message(void **state)
{
    static const struct {
        uint16_t type;
        const char *bytes;
    } table[] = {
        {0, ""},
        {3, ""},
        {65535, ""},
        {GSTORE_GET, ""},
        {GSTORE_OPENED, "0500000000000000 0600000000000000"}, /* more than there is */
        {GSTORE_OPENED, "ffffffffffffffff 0000000000000000"},
        {GSTORE_PROGRESS, "0000000000000080"},
        {GSTORE_END, "01000000"},
        {GSTORE_END, "00f0ffff"}, /* -4096 */
    };
    struct gstore_msg m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        AUTO_BYTES struct bytes v = hex(table[i].bytes);

        assert_int_equal(gstore_decode(table[i].type, v.data, v.len, &m), -EBADMSG);
    }
}

static void limits(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(GSTORE_BODY_MAX);
    uint8_t path[GSTORE_PATH_MAX + 1];
    struct gstore_msg m, back;

    (void)state;
    memset(path, 'p', sizeof(path));
    for (size_t n = GSTORE_PATH_MAX - 1; n <= GSTORE_PATH_MAX + 1; n++) {
        int want = n <= GSTORE_PATH_MAX ? 0 : -1;

        buf_clear(&b);
        m = (struct gstore_msg){.type = GSTORE_GET, .path = path, .path_len = n};
        assert_int_equal(gstore_encode(&b, &m), want ? -EINVAL : 0);
        assert_int_equal(gstore_decode(GSTORE_GET, path, n, &back), want ? -EBADMSG : 0);
    }
    /* A text that is too long is cut, so that an END always gets through. */
    for (size_t n = GSTORE_TEXT_MAX - 1; n <= GSTORE_TEXT_MAX + 1; n++) {
        buf_clear(&b);
        m = (struct gstore_msg){
            .type = GSTORE_END, .code = -5, .text = (const char *)path, .text_len = n};
        assert_int_equal(gstore_encode(&b, &m), 0);
        assert_int_equal(gstore_decode(GSTORE_END, b.data, b.len, &back), 0);
        assert_int_equal(back.text_len, n < GSTORE_TEXT_MAX ? n : GSTORE_TEXT_MAX);
    }
    uint8_t end[4 + GSTORE_TEXT_MAX + 1] = {0};
    assert_int_equal(gstore_decode(GSTORE_END, end, sizeof(end) - 1, &back), 0);
    assert_int_equal(gstore_decode(GSTORE_END, end, sizeof(end), &back), -EBADMSG);
    m = (struct gstore_msg){.type = GSTORE_OPENED, .size = 4, .available = 5};
    assert_int_equal(gstore_encode(&b, &m), -EINVAL);
    m = (struct gstore_msg){.type = GSTORE_END, .code = 1};
    assert_int_equal(gstore_encode(&b, &m), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_has_its_bytes),
        cmocka_unit_test(what_is_no_message),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
