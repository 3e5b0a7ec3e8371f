/* Bodies of the control protocol between hostd and vmx. */
#include "hex.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/ctl.h"

static void a_body_comes_back(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(1024);
    json_t *object = json_pack("{s:s}", "op", "hello"), *back;
    const uint8_t *blob;
    size_t len;

    (void)state;
    assert_int_equal(ctl_encode(&b, object, "xyz", 3), 0);
    assert_hex(b.data, b.len, "0e000000 '{\"op\":\"hello\"}' 'xyz'");
    assert_int_equal(ctl_decode(b.data, b.len, &back, &blob, &len), 0);
    assert_true(json_equal(object, back));
    assert_text(blob, len, "xyz");
    json_decref(back);
    for (size_t n = 0; n < b.len - 3; n++) {
        AUTO_BYTES struct bytes cut = bytes_copy(b.data, n);

        assert_int_equal(ctl_decode(cut.data, cut.len, &back, &blob, &len), -EBADMSG);
    }
    json_decref(object);
}

static void bodies_that_are_none(void **state)
{
    static const char *const broken[] = {
        "02000000 '[]'",   "01000000 '1'",  "01000000 '{'",
        "00000000",        "ffffffff '{}'", "11000000 '{\"a\":1,\"a\":2}    '",
        "04000000 '{} x'",
    };
    const uint8_t *blob;
    json_t *back;
    size_t len;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        AUTO_BYTES struct bytes v = hex(broken[i]);

        assert_int_equal(ctl_decode(v.data, v.len, &back, &blob, &len), -EBADMSG);
    }
    AUTO_BUF struct buf b = BUF_INIT(64);
    json_t *array = json_array();
    assert_int_equal(ctl_encode(&b, array, NULL, 0), -EINVAL);
    json_decref(array);
}

static void sizes_have_limits(void **state)
{
    char *bytes = calloc(1, CTL_BLOB_MAX + 1);
    json_t *object = json_object();

    (void)state;
    for (size_t n = CTL_BLOB_MAX - 1; n <= CTL_BLOB_MAX + 1; n++) {
        AUTO_BUF struct buf b = BUF_INIT(2 * CTL_BODY_MAX), raw = BUF_INIT(2 * CTL_BODY_MAX);
        bool ok = n <= CTL_BLOB_MAX;
        const uint8_t *blob;
        json_t *back;
        size_t len;
        int r;

        assert_int_equal(ctl_encode(&b, object, bytes, n), ok ? 0 : -ENOBUFS);
        buf_put_le32(&raw, 2);
        buf_put_str(&raw, "{}");
        buf_put(&raw, bytes, n);
        r = ctl_decode(raw.data, raw.len, &back, &blob, &len);
        assert_int_equal(r, ok ? 0 : -EBADMSG);
        if (!r)
            json_decref(back);
    }
    memset(bytes, 'x', CTL_JSON_MAX);
    for (size_t n = CTL_JSON_MAX - 1; n <= CTL_JSON_MAX + 1; n++) {
        AUTO_BUF struct buf b = BUF_INIT(2 * CTL_BODY_MAX);
        json_t *big = json_pack("{s:s#}", "a", bytes, n - 8); /* {"a":"..."} */

        assert_int_equal(ctl_encode(&b, big, NULL, 0), n > CTL_JSON_MAX ? -ENOBUFS : 0);
        json_decref(big);
    }
    json_decref(object);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_comes_back),
        cmocka_unit_test(bodies_that_are_none),
        cmocka_unit_test(sizes_have_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
