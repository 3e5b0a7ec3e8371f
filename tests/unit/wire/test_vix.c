/* The VIX request and reply, credentials, property lists and errors, against recorded bytes. */
#include "hex.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/rpc.h"
#include "wire/vix.h"
#include "wire/vix_auth.h"
#include "wire/vix_body.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_proplist.h"

#define TOOLS_STATE                                                                    \
    "'Vix_1_Relayed_Command \"38cdcae40e075d66\"' 00"                                  \
    "01 00 0d d0 05 00 33 00 00 00 33 00 00 00 00 00 00 00 00 00 00 00 41 3e 00 00 00" \
    "00 00 00 00 ff ff ff ff 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
#define ALICE "05 00 00 00 06 00 00 00 'YWxpY2UAczNjcmV0AA==' 00"
#define START_BODY                                                   \
    "00 0a 00 00 00 04 00 00 00 05 00 00 00 01 00 00 00 07 00 00 00" \
    "'/bin/date' 00 '+%s' 00 '/srv' 00 'LANG=C' 00"
#define START                                                                          \
    "01 00 0d d0 05 00 7f 00 00 00 33 00 00 00 2f 00 00 00 1d 00 00 00 09 b9 00 00 00" \
    "00 00 00 00 ff ff ff ff 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00"

static void the_recorded_tools_state_request(void **state)
{
    AUTO_BYTES struct bytes v = hex(TOOLS_STATE);
    AUTO_BUF struct buf b = BUF_INIT(1024), message = BUF_INIT(1024);
    struct rpc_message m;
    struct vix_request rq;
    const uint8_t *bytes;
    const char *name;
    size_t name_len, len;

    (void)state;
    assert_int_equal(v.len, 92);
    assert_int_equal(rpc_split(v.data, v.len, &m), 0);
    assert_true(rpc_name_is(&m, VIX_RELAYED_COMMAND));
    assert_true(m.binary);
    assert_int_equal(vix_relay_decode(m.args, m.args_len, &name, &name_len, &bytes, &len), 0);
    assert_text(name, name_len, "38cdcae40e075d66");
    assert_int_equal(vix_request_decode(bytes, len, &rq), 0);
    assert_int_equal(rq.opcode, VIX_OP_GET_TOOLS_STATE);
    assert_int_equal(rq.common_flags, VIX_COMMON_REQUEST | VIX_COMMON_PROPERTY_LIST);
    assert_int_equal(rq.timeout, VIX_TIMEOUT_NONE);
    assert_int_equal(rq.body_len + rq.credential_len, 0);
    assert_int_equal(vix_request_encode(&message, &rq), 0);
    assert_int_equal(vix_relay_encode(&b, "38cdcae40e075d66", message.data, message.len), 0);
    assert_hex(b.data, b.len, TOOLS_STATE);
}

static void the_recorded_start_program(void **state)
{
    AUTO_BYTES struct bytes v = hex(START START_BODY ALICE);
    AUTO_VIX_CREDENTIAL struct vix_credential cred = {0};
    AUTO_BUF struct buf b = BUF_INIT(1024), body = BUF_INIT(1024), blob = BUF_INIT(1024);
    struct vix_request rq;
    union vix_body u;
    size_t pos = 0;

    (void)state;
    assert_int_equal(v.len, 127);
    assert_int_equal(vix_request_decode(v.data, v.len, &rq), 0);
    assert_int_equal(rq.opcode, VIX_OP_START_PROGRAM);
    assert_int_equal(vix_body_decode(rq.opcode, rq.body, rq.body_len, &u), 0);
    assert_string_equal(u.start_program.path, "/bin/date");
    assert_string_equal(u.start_program.arguments, "+%s");
    assert_string_equal(u.start_program.directory, "/srv");
    assert_int_equal(u.start_program.environment.count, 1);
    assert_string_equal(vix_strings_next(&u.start_program.environment, &pos), "LANG=C");
    assert_null(vix_strings_next(&u.start_program.environment, &pos));
    assert_int_equal(
        vix_credential_decode(rq.credential_type, rq.credential, rq.credential_len, &cred), 0);
    assert_string_equal(cred.name, "alice");
    assert_string_equal(cred.password, "s3cret");
    assert_int_equal(vix_body_encode(&body, rq.opcode, &u), 0);
    assert_int_equal(vix_credential_encode(&blob, &cred), 0);
    rq.body = body.data;
    rq.credential = blob.data;
    assert_int_equal(vix_request_encode(&b, &rq), 0);
    assert_hex(b.data, b.len, START START_BODY ALICE);
}

static void a_request_must_be_exactly_what_it_says(void **state)
{
    AUTO_BYTES struct bytes v = hex(START START_BODY ALICE);
    /* offset, value: each a byte that makes the header wrong */
    static const uint8_t bad[][2] = {{0, 2},     {4, 4},  {6, 0x80}, {6, 0x7e}, {9, 1},
                                     {10, 0x34}, {14, 0}, {18, 0},   {22, 8},   {27, 0x10}};
    struct vix_request rq;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        AUTO_BYTES struct bytes copy = bytes_copy(v.data, v.len);

        copy.data[bad[i][0]] = bad[i][1];
        assert_int_equal(vix_request_decode(copy.data, copy.len, &rq), -EPROTO);
    }
    for (size_t n = 0; n < v.len; n++) {
        AUTO_BYTES struct bytes cut = bytes_copy(v.data, n);

        assert_int_equal(vix_request_decode(cut.data, cut.len, &rq), -EPROTO);
    }
    AUTO_BYTES struct bytes longer = hex(START START_BODY ALICE "00");
    assert_int_equal(vix_request_decode(longer.data, longer.len, &rq), -EPROTO);
}

static void authentication_data_travels(void **state)
{
    uint8_t data[VIX_AUTH_DATA_SIZE];
    struct vix_request rq = {.opcode = 1, .auth_data = data}, back;
    AUTO_BUF struct buf b = BUF_INIT(1024);

    (void)state;
    memset(data, 0x5a, sizeof(data));
    assert_int_equal(vix_request_encode(&b, &rq), 0);
    assert_int_equal(b.len, VIX_REQUEST_SIZE + VIX_AUTH_DATA_SIZE);
    assert_int_equal(vix_request_decode(b.data, b.len, &back), 0);
    assert_memory_equal(back.auth_data, data, sizeof(data));
    assert_int_equal(vix_request_decode(b.data, b.len - 1, &back), -EPROTO);
}

static void a_request_has_a_largest_size(void **state)
{
    uint8_t *body = calloc(1, VIX_MESSAGE_LARGE);

    (void)state;
    for (size_t total = VIX_MESSAGE_LARGE - 1; total <= VIX_MESSAGE_LARGE + 1; total++) {
        struct vix_request back;
        struct vix_request rq = {.opcode = 84, .body = body, .body_len = total - VIX_REQUEST_SIZE};
        AUTO_BUF struct buf b = BUF_INIT(VIX_MESSAGE_LARGE + 16);
        bool ok = total <= VIX_MESSAGE_LARGE;

        assert_int_equal(vix_request_encode(&b, &rq), ok ? 0 : -EMSGSIZE);
        if (ok)
            assert_int_equal(vix_request_decode(b.data, b.len, &back), 0);
    }
    free(body);
}

static void relay_envelopes_are_read_with_tolerance(void **state)
{
    static const struct {
        const char *text;
        int r;
        const char *name;
        size_t len;
    } cases[] = {
        {"'\"n\"' 00 4142", 0, "n", 2}, {"'\"n\"   ' 00", 0, "n", 0},
        {"'  \"n\"' 00 41", 0, "n", 1}, {"'\"a\\\"b\"' 00 41", 0, "a\\\"b", 1},
        {"'n' 00 41", 0, "", 1},        {"00 41", 0, "", 1},
        {"'\"n' 00 41", 0, "n", 1},     {"'\"n\"'", -EPROTO, NULL, 0},
        {"", -EPROTO, NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BYTES struct bytes v = hex(cases[i].text);
        const uint8_t *bytes;
        const char *name;
        size_t name_len, len;
        int r = vix_relay_decode(v.data, v.len, &name, &name_len, &bytes, &len);

        assert_int_equal(r, cases[i].r);
        if (r)
            continue;
        assert_text(name, name_len, cases[i].name);
        assert_int_equal(len, cases[i].len);
    }
}

static void relay_names_have_a_limit(void **state)
{
    (void)state;
    for (size_t n = VIX_RELAY_NAME_MAX - 1; n <= VIX_RELAY_NAME_MAX + 1; n++) {
        AUTO_BUF struct buf b = BUF_INIT(1024), raw = BUF_INIT(1024);
        char name[VIX_RELAY_NAME_MAX + 2] = {0};
        const uint8_t *bytes;
        const char *got;
        size_t got_len, len;

        memset(name, 'x', n);
        assert_int_equal(vix_relay_encode(&b, name, "", 0), n > VIX_RELAY_NAME_MAX ? -EINVAL : 0);
        buf_printf(&raw, "\"%s\"", name);
        buf_put_u8(&raw, 0);
        assert_int_equal(vix_relay_decode(raw.data, raw.len, &got, &got_len, &bytes, &len),
                         n > VIX_RELAY_NAME_MAX ? -EPROTO : 0);
    }
    for (const char *p = " \"\\\n\x7f\xc3"; *p; p++) {
        AUTO_BUF struct buf b = BUF_INIT(1024);
        char name[2] = {*p, 0};

        assert_int_equal(vix_relay_encode(&b, name, "", 0), -EINVAL);
    }
}

static void replies_both_ways(void **state)
{
    static const struct {
        const char *bytes;
        bool binary;
        uint64_t error;
        uint32_t additional;
        const char *result;
        bool canonical; /* our own writer gives the same bytes */
    } cases[] = {
        {"'0 0 4711' 00", false, 0, 0, "4711", true},
        {"'13 13 ' 00", false, 13, 13, "", true},
        {"'3025 0 ' 00", false, 3025, 0, "", true},
        {"'0 0 #' 'packet'", true, 0, 0, "packet", true},
        {"'0 2 ' 00", false, 0, 2, "", true},
        {"'0 0 4711' 00 00", false, 0, 0, "4711", false}, /* the Go toolbox: two NULs */
        {"'0 0 4711'", false, 0, 0, "4711", false},
        {"'10000 22 ' 00", true, 10000, 22, "", false}, /* text though binary was asked for */
        {"'-1 0 ' 00", false, UINT64_MAX, 0, "", true},
        {"'0 0 #x' 00", false, 0, 0, "#x", true}, /* text that begins with the mark */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BYTES struct bytes v = hex(cases[i].bytes);
        AUTO_BUF struct buf b = BUF_INIT(1024);
        struct vix_reply reply;

        assert_int_equal(vix_reply_decode(v.data, v.len, cases[i].binary, &reply), 0);
        assert_true(reply.error == cases[i].error);
        assert_int_equal(reply.additional, cases[i].additional);
        assert_text(reply.result, reply.result_len, cases[i].result);
        assert_int_equal(vix_reply_encode(&b, &reply), 0);
        if (cases[i].canonical)
            assert_hex(b.data, b.len, cases[i].bytes);
    }
}

static void broken_replies_are_refused(void **state)
{
    static const char *const broken[] = {"",
                                         "'0'",
                                         "'0 '",
                                         "'0 0'",
                                         "'x 0 '",
                                         "'0 x '",
                                         "' 0 0 '",
                                         "'0  0 '",
                                         "'- 0 a'",
                                         "'99999999999999999999 0 '",
                                         "'0 0 a' 00 'b' 00"};
    struct vix_reply reply;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        AUTO_BYTES struct bytes v = hex(broken[i]);

        assert_int_equal(vix_reply_decode(v.data, v.len, false, &reply), -EBADMSG);
    }
    reply = (struct vix_reply){.result = (const uint8_t *)"a\0b", .result_len = 3};
    AUTO_BUF struct buf b = BUF_INIT(64);
    assert_int_equal(vix_reply_encode(&b, &reply), -EINVAL);
}

static void run_done_both_ways(void **state)
{
    static const char text[] = "Run_Program_Done 38cdcae40e075d66 0 0 -1 4711";
    struct vix_run_done d = {
        .name = "38cdcae40e075d66", .name_len = 16, .exit_code = -1, .pid = 4711};
    AUTO_BUF struct buf b = BUF_INIT(256);
    struct vix_run_done back;
    struct rpc_message m;

    (void)state;
    assert_int_equal(vix_run_done_encode(&b, &d), 0);
    assert_int_equal(b.len, sizeof(text));
    assert_memory_equal(b.data, text, sizeof(text));
    assert_int_equal(rpc_split(b.data, b.len, &m), 0);
    assert_int_equal(vix_run_done_decode(m.args, m.args_len, &back), 0);
    assert_text(back.name, back.name_len, "38cdcae40e075d66");
    assert_int_equal(back.exit_code, -1);
    assert_int_equal(back.pid, 4711);
    assert_int_equal(vix_run_done_decode("n 0 0 1", 7, &back), -EBADMSG);
    assert_int_equal(vix_run_done_decode("n 0 0 1 2 3", 11, &back), -EBADMSG);
    assert_int_equal(vix_run_done_decode(" 0 0 1 2", 8, &back), -EBADMSG);
    assert_int_equal(vix_run_done_decode("", 0, &back), -EBADMSG);
}

static int decode_credential(uint32_t type, const char *text, struct vix_credential *ret)
{
    AUTO_BYTES struct bytes v = hex(text);

    return vix_credential_decode(type, v.data, v.len, ret);
}

static void credentials_that_are_wrong(void **state)
{
    static const char *const broken[] = {
        "",
        "05 00 00 00 06 00 00 00",                              /* no text */
        "05 00 00 00 06 00 00 00 'YWxpY2UAczNjcmV0AA=='",       /* no NUL */
        "05 00 00 00 06 00 00 00 'YWxpY2UAczNjcmV0AA==' 00 00", /* one too many */
        "04 00 00 00 06 00 00 00 'YWxpY2UAczNjcmV0AA==' 00",    /* another name than the text */
        "05 00 00 00 07 00 00 00 'YWxpY2UAczNjcmV0AA==' 00",
        "05 00 00 00 06 00 00 00 'YWxpY2UAczNjcmV0AA' 00",     /* no base64 */
        "05 00 00 00 06 00 00 00 'YWxpY2UAczNjcmV0AA=\\8' 00", /* no escape */
        "05 00 00 00 06 00 00 00 'YWxpY2UAczNjcmV0AA=\\' 00",
        "05 00 00 00 00 00 00 00 'YWxpY2UA' 00", /* only one NUL inside */
        "05 00 00 00 00 00 00 00 'YWxpY2U=' 00", /* none */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        struct vix_credential cred = {0};

        assert_int_equal(decode_credential(VIX_CRED_NAME_PASSWORD, broken[i], &cred), -EBADMSG);
        assert_null(cred.name);
    }
    struct vix_credential cred = {0};
    /* "\xff" NUL NUL */
    assert_int_equal(decode_credential(1, "01 00 00 00 00 00 00 00 '/wAA' 00", &cred), -EILSEQ);
    assert_int_equal(decode_credential(VIX_CRED_SSPI, "", &cred), -EOPNOTSUPP);
    assert_int_equal(decode_credential(77, "", &cred), -EOPNOTSUPP);
}

static void credentials_of_every_type_come_back(void **state)
{
    static const struct vix_credential all[] = {
        {.type = VIX_CRED_NONE},
        {.type = VIX_CRED_NAME_PASSWORD, .name = "bob", .password = ""},
        {.type = VIX_CRED_NAME_PASSWORD_OBFUSCATED, .name = "", .password = "p"},
        {.type = VIX_CRED_INTERACTIVE_USER, .name = "\xc3\xa9", .password = "\"'\\ \t"},
        {.type = VIX_CRED_SAML_TOKEN, .name = "", .token = "<saml/>"},
        {.type = VIX_CRED_SAML_TOKEN_HOST_VERIFIED, .name = "carol", .token = "<t/>"},
        {.type = VIX_CRED_TICKETED_SESSION, .token = "ticket"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        AUTO_VIX_CREDENTIAL struct vix_credential back = {0};
        AUTO_BUF struct buf b = BUF_INIT(1024);

        assert_int_equal(vix_credential_encode(&b, &all[i]), 0);
        assert_int_equal(vix_credential_decode(all[i].type, b.data, b.len, &back), 0);
        assert_int_equal(back.type, all[i].type);
        assert_true(!back.name == !all[i].name && !back.password == !all[i].password &&
                    !back.token == !all[i].token);
        if (back.name)
            assert_string_equal(back.name, all[i].name);
        if (back.password)
            assert_string_equal(back.password, all[i].password);
        if (back.token)
            assert_string_equal(back.token, all[i].token);
    }
}

static void credentials_have_limits(void **state)
{
    (void)state;
    for (size_t n = VIX_PASSWORD_MAX - 1; n <= VIX_PASSWORD_MAX + 1; n++) {
        AUTO_BUF struct buf b = BUF_INIT(1 << 16);
        char password[VIX_PASSWORD_MAX + 2] = {0};
        struct vix_credential c = {.type = 1, .name = "n", .password = password};

        memset(password, 'p', n);
        assert_int_equal(vix_credential_encode(&b, &c), n > VIX_PASSWORD_MAX ? -EINVAL : 0);
    }
    for (size_t n = VIX_NAME_MAX - 1; n <= VIX_NAME_MAX + 1; n++) {
        AUTO_BUF struct buf b = BUF_INIT(1 << 16);
        char name[VIX_NAME_MAX + 2] = {0};
        struct vix_credential c = {.type = 1, .name = name, .password = ""};

        memset(name, 'n', n);
        assert_int_equal(vix_credential_encode(&b, &c), n > VIX_NAME_MAX ? -EINVAL : 0);
    }
}

static void credentials_survive_short_memory(void **state)
{
    AUTO_BYTES struct bytes v = hex(ALICE);
    struct vix_credential cred = {0};
    int r = -ENOMEM;

    (void)state;
    for (long n = 0; r; n++) {
        assert_true(n < 50);
        mem_fail_after(n);
        r = vix_credential_decode(1, v.data, v.len, &cred);
        mem_fail_after(-1);
        assert_true(r == 0 || (r == -ENOMEM && !cred.name && n < 49));
    }
    vix_credential_clear(&cred);
}

static void obfuscation_undoes_its_escapes(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(64), plain = BUF_INIT(64);

    (void)state;
    assert_int_equal(vix_obfuscate(&b, "alice\0s3cret", 13), 0);
    assert_string_equal(buf_text(&b), "YWxpY2UAczNjcmV0AA==");
    assert_int_equal(vix_deobfuscate(&plain, b.data, b.len), 0);
    assert_memory_equal(plain.data, "alice\0s3cret", 13);
    assert_int_equal(vix_deobfuscate(&plain, "YW\\4x", 5), -EBADMSG); /* a space inside */
}

#define PROPLIST                                                                       \
    "99 11 00 00 02 00 00 00 04 00 00 00 'vm1' 00 96 11 00 00 01 00 00 00 04 00 00 00" \
    "01 00 00 00 bc 11 00 00 03 00 00 00 01 00 00 00 00"

static void the_recorded_property_list(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(256), text = BUF_INIT(256), back = BUF_INIT(256);
    struct vix_property p;

    (void)state;
    vix_proplist_put_string(&b, VIX_PROP_HOST_NAME, "vm1");
    vix_proplist_put_int(&b, VIX_PROP_OS_FAMILY, 1);
    vix_proplist_put_bool(&b, VIX_PROP_API_START_PROGRAM, false);
    assert_hex(b.data, b.len, PROPLIST);
    assert_int_equal(vix_proplist_to_text(&text, b.data, b.len), 0);
    assert_string_equal(buf_text(&text),
                        "mREAAAIAAAAEAAAAdm0xAJYRAAABAAAABAAAAAEAAAC8EQAAAwAAAAEAAAAA");
    assert_int_equal(vix_proplist_from_text(&back, buf_text(&text), text.len), 0);
    assert_int_equal(vix_proplist_get(back.data, back.len, VIX_PROP_HOST_NAME, &p), 0);
    assert_string_equal(p.text, "vm1");
    assert_int_equal(vix_proplist_get(back.data, back.len, VIX_PROP_OS_FAMILY, &p), 0);
    assert_int_equal(p.number, 1);
    assert_int_equal(vix_proplist_get(back.data, back.len, VIX_PROP_API_START_PROGRAM, &p), 0);
    assert_int_equal(p.type, VIX_PROP_BOOL);
    assert_int_equal(vix_proplist_get(back.data, back.len, 1, &p), -ENOENT);
}

static void property_lists_that_are_wrong(void **state)
{
    static const struct {
        const char *bytes;
        int r;
    } cases[] = {
        {"01 00 00 00 01 00 00 00 04 00 00 00 00 00 00", -EBADMSG}, /* past the end */
        {"01 00 00 00 01 00 00 00 03 00 00 00 00 00 00", -EBADMSG}, /* size of the type */
        {"01 00 00 00 03 00 00 00 00 00 00 00 00", -EBADMSG},       /* no value */
        {"01 00 00 00 03 00 00 00 ff ff ff ff 00", -EBADMSG},       /* negative */
        {"01 00 00 00 02 00 00 00 02 00 00 00 41 41", -EBADMSG},    /* no NUL */
        {"01 00 00 00 02 00 00 00 03 00 00 00 41 00 00", -EBADMSG}, /* NUL inside */
        {"01 00 00 00 02 00 00 00 02 00 00 00 ff 00", -EILSEQ},
        {"01 00 00 00 07 00 00 00 01 00 00 00 00", -EOPNOTSUPP},
        {"01 00 00 00 00 00 00 00 01 00 00 00 00", -EOPNOTSUPP},
        {"01 00 00 00 01 00 00 00 04 00 00 00", 0}, /* 12 bytes: ignored */
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BYTES struct bytes v = hex(cases[i].bytes);
        struct cursor c = CURSOR_INIT(v.data, v.len);
        struct vix_property p;

        assert_int_equal(vix_proplist_next(&c, &p), cases[i].r);
    }
}

static void the_last_of_two_properties_counts(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(256);
    struct vix_property p;

    (void)state;
    vix_proplist_put_int64(&b, 9, 1);
    vix_proplist_put_int64(&b, 9, -2);
    vix_proplist_put_string(&b, 10, "");
    vix_proplist_put_blob(&b, 11, "xy", 2);
    assert_int_equal(vix_proplist_get(b.data, b.len, 9, &p), 0);
    assert_int_equal(p.number, -2);
    assert_int_equal(vix_proplist_get(b.data, b.len, 10, &p), 0);
    assert_string_equal(p.text, "");
    assert_int_equal(vix_proplist_get(b.data, b.len, 11, &p), 0);
    assert_int_equal(p.len, 2);
    assert_int_equal(vix_proplist_put_blob(&b, 12, "", 0), -EINVAL);
}

static void errors_have_names_and_sources(void **state)
{
    (void)state;
    assert_string_equal(vix_error_name(0), "VIX_OK");
    assert_string_equal(vix_error_name(4), "VIX_E_FILE_NOT_FOUND");
    assert_string_equal(vix_error_name(0x500000004ull), "VIX_E_FILE_NOT_FOUND");
    assert_string_equal(vix_error_name(29999), "VIX_E_UNKNOWN");
    assert_int_equal(vix_error_from_errno(-ENOENT), 4);
    assert_int_equal(vix_error_from_errno(EACCES), 13);
    assert_int_equal(vix_error_from_errno(ENOTEMPTY), 20006);
    assert_int_equal(vix_error_from_errno(ELOOP), 2);
    assert_int_equal(vix_error_from_errno(0), 1);
    assert_int_equal(vix_error_from_errno(EXDEV), 1);
    assert_int_equal(vix_error_from_decode(-EPROTO), 10000);
    assert_int_equal(vix_error_from_decode(-EBADMSG), 10001);
    assert_int_equal(vix_error_from_decode(-EILSEQ), 27);
    assert_int_equal(vix_error_from_decode(-EOPNOTSUPP), 3025);
    assert_int_equal(vix_error_from_decode(0), 0);
}

static void the_opcode_table_is_in_order(void **state)
{
    const struct vix_op *ops;
    size_t count;

    (void)state;
    ops = vix_op_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || ops[i - 1].opcode < ops[i].opcode);
        assert_ptr_equal(vix_op_find(ops[i].opcode), &ops[i]);
    }
    assert_null(vix_op_find(0));
    assert_null(vix_op_find(208));
    assert_string_equal(vix_op_name(185), "START_PROGRAM");
    assert_string_equal(vix_op_name(9999), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recorded_tools_state_request),
        cmocka_unit_test(the_recorded_start_program),
        cmocka_unit_test(a_request_must_be_exactly_what_it_says),
        cmocka_unit_test(authentication_data_travels),
        cmocka_unit_test(a_request_has_a_largest_size),
        cmocka_unit_test(relay_envelopes_are_read_with_tolerance),
        cmocka_unit_test(relay_names_have_a_limit),
        cmocka_unit_test(replies_both_ways),
        cmocka_unit_test(broken_replies_are_refused),
        cmocka_unit_test(run_done_both_ways),
        cmocka_unit_test(credentials_that_are_wrong),
        cmocka_unit_test(credentials_of_every_type_come_back),
        cmocka_unit_test(credentials_have_limits),
        cmocka_unit_test(credentials_survive_short_memory),
        cmocka_unit_test(obfuscation_undoes_its_escapes),
        cmocka_unit_test(the_recorded_property_list),
        cmocka_unit_test(property_lists_that_are_wrong),
        cmocka_unit_test(the_last_of_two_properties_counts),
        cmocka_unit_test(errors_have_names_and_sources),
        cmocka_unit_test(the_opcode_table_is_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
