/* The text of guest RPC: how messages split, and replies of every known agent. */
#include "hex.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/rpc.h"

static void messages_split(void **state)
{
    static const struct {
        const char *bytes, *name, *args;
        bool binary;
    } cases[] = {
        {"'info-set guestinfo.ip 10.0.0.1' 00", "info-set", "guestinfo.ip 10.0.0.1", false},
        {"'tools.capability.statechange '", "tools.capability.statechange", "", false},
        {"'reset'", "reset", "", false},
        {"'reset' 00 00", "reset", "", false},
        {"'log  two spaces'", "log", " two spaces", false},
        {"'SetGuestInfo  7 973' 00", "SetGuestInfo", " 7 973", false},
        {"'f ' 0100'a' 00", "f", "\1", true},
        {"'namespace-priv-get-values x'", "namespace-priv-get-values", "x", true},
        {"'fx a' 00", "fx", "a", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BYTES struct bytes v = hex(cases[i].bytes);
        struct rpc_message m;

        assert_int_equal(rpc_split(v.data, v.len, &m), 0);
        assert_true(rpc_name_is(&m, cases[i].name));
        assert_int_equal(m.binary, cases[i].binary);
        if (!m.binary)
            assert_text(m.args, m.args_len, cases[i].args);
    }
}

static void binary_arguments_keep_their_nuls(void **state)
{
    static const struct {
        const char *bytes;
        bool binary;
    } cases[] = {
        {"'SetGuestInfo  1 a' 00", false},      {"'SetGuestInfo  2 a' 00", true},
        {"'SetGuestInfo  3 a' 00", true},       {"'SetGuestInfo  4 a' 00", false},
        {"'SetGuestInfo  7 a' 00", false},      {"'SetGuestInfo  8 a' 00", true},
        {"'SetGuestInfo  9 a' 00", true},       {"'SetGuestInfo  10 a' 00", true},
        {"'SetGuestInfo  11 a' 00", true},      {"'SetGuestInfo  12 a' 00", false},
        {"'Vix_1_Relayed_Command x' 00", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BYTES struct bytes v = hex(cases[i].bytes);
        struct rpc_message m;

        assert_int_equal(rpc_split(v.data, v.len, &m), 0);
        assert_int_equal(m.binary, cases[i].binary);
        assert_int_equal(m.args[m.args_len - 1] == 0, cases[i].binary);
    }
}

static void messages_that_are_none(void **state)
{
    static const char *const broken[] = {"", "00", "' x'", "'a' 00 'b'", "'a' 0a", "1b 'a'"};
    struct rpc_message m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        AUTO_BYTES struct bytes v = hex(broken[i]);

        assert_int_equal(rpc_split(v.data, v.len, &m), -EBADMSG);
    }
    for (size_t n = RPC_NAME_MAX - 1; n <= RPC_NAME_MAX + 1; n++) {
        char name[RPC_NAME_MAX + 1];

        memset(name, 'n', sizeof(name));
        assert_int_equal(rpc_split(name, n, &m), n > RPC_NAME_MAX ? -EBADMSG : 0);
    }
}

static void words_and_numbers(void **state)
{
    static const struct {
        const char *text;
        int r;
        int64_t v;
    } cases[] = {
        {"0", 0, 0},
        {"-5", 0, -5},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775808", -EINVAL, 0},
        {"-9223372036854775809", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"-", -EINVAL, 0},
        {"1a", -EINVAL, 0},
        {"+1", -EINVAL, 0},
    };
    const uint8_t *p = (const uint8_t *)"  ab  c ";
    size_t left = 8, len;
    const char *word;
    int64_t v;

    (void)state;
    assert_true(rpc_next_word(&p, &left, &word, &len));
    assert_text(word, len, "ab");
    assert_true(rpc_next_word(&p, &left, &word, &len));
    assert_text(word, len, "c");
    assert_false(rpc_next_word(&p, &left, &word, &len));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(rpc_word_int64(cases[i].text, strlen(cases[i].text), &v), cases[i].r);
        if (!cases[i].r)
            assert_true(v == cases[i].v);
    }
}

static void rpci_replies(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(64);
    const uint8_t *result;
    size_t len;
    bool ok;

    (void)state;
    assert_int_equal(rpc_put_reply_str(&b, true, "hello world"), 0);
    assert_text(b.data, b.len, "1 hello world");
    assert_int_equal(rpc_parse_reply(b.data, b.len, &ok, &result, &len), 0);
    assert_true(ok);
    assert_text(result, len, "hello world");
    buf_clear(&b);
    assert_int_equal(rpc_put_reply_str(&b, false, RPC_UNKNOWN_COMMAND), 0);
    assert_text(b.data, b.len, "0 Unknown command");
    assert_int_equal(rpc_parse_reply("1 ", 2, &ok, &result, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(rpc_parse_reply("1", 1, &ok, &result, &len), -EBADMSG);
    assert_int_equal(rpc_parse_reply("2 ", 2, &ok, &result, &len), -EBADMSG);
    assert_int_equal(rpc_parse_reply("1x", 2, &ok, &result, &len), -EBADMSG);
    assert_int_equal(rpc_parse_reply("", 0, &ok, &result, &len), -EBADMSG);
}

static void tclo_replies(void **state)
{
    static const struct {
        const char *text;
        int r;
        bool ok;
        const char *result;
    } cases[] = {
        {"OK ", 0, true, ""},
        {"OK", 0, true, ""},
        {"OK ATR toolbox", 0, true, "ATR toolbox"},
        {"ERROR Unknown Command", 0, false, "Unknown Command"},
        {"ERR failed", 0, false, "failed"}, /* the Go toolbox */
        {"ERROR", 0, false, ""},
        {"Unknown Command", 0, false, "Unknown Command"},
        {"OKAY", -EBADMSG, false, NULL},
        {"ERRORS", -EBADMSG, false, NULL},
        {"", -EBADMSG, false, NULL},
        {"O", -EBADMSG, false, NULL},
    };
    AUTO_BUF struct buf b = BUF_INIT(64);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const uint8_t *result;
        size_t len;
        bool ok;

        assert_int_equal(
            rpc_parse_tclo_reply(cases[i].text, strlen(cases[i].text), &ok, &result, &len),
            cases[i].r);
        if (cases[i].r)
            continue;
        assert_int_equal(ok, cases[i].ok);
        assert_text(result, len, cases[i].result);
    }
    assert_int_equal(rpc_put_tclo_reply_str(&b, false, RPC_TCLO_UNKNOWN), 0);
    assert_text(b.data, b.len, "ERROR Unknown Command");
    buf_clear(&b);
    assert_int_equal(rpc_put_tclo_reply(&b, true, "\0", 1), 0);
    assert_hex(b.data, b.len, "'OK ' 00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_split),
        cmocka_unit_test(binary_arguments_keep_their_nuls),
        cmocka_unit_test(messages_that_are_none),
        cmocka_unit_test(words_and_numbers),
        cmocka_unit_test(rpci_replies),
        cmocka_unit_test(tclo_replies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
