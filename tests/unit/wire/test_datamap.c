/* Data map packets against recorded bytes, every rule a peer can break, and the framer. */
#include "hex.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/datamap.h"

#define CAPABILITY                                                            \
    "00000040 00000001 00000001 00000001 00000000 00000002 00000002 00000024" \
    "'vmx.capability.unified_loop toolbox' 00"
#define ONE_SHOT                                                              \
    "00000040 00000001 00000001 00000001 00000000 00000002 00000002 00000014" \
    "'info-get guestinfo.x' 00000001 00000003 00000001 00000000"
#define PING "00000010 00000001 00000001 00000002 00000000"

static void check(const char *vector, const char *payload, size_t len, bool fast_close)
{
    AUTO_BYTES struct bytes v = hex(vector);
    AUTO_BUF struct buf b = BUF_INIT(1024);
    struct datamap_rpc rpc;

    assert_int_equal(datamap_rpc_decode(v.data + 4, v.len - 4, &rpc), 0);
    assert_int_equal(rpc.type, payload ? DATAMAP_RPC_DATA : DATAMAP_RPC_PING);
    assert_int_equal(rpc.len, len);
    if (payload)
        assert_memory_equal(rpc.payload, payload, len);
    assert_int_equal(rpc.fast_close, fast_close);
    assert_int_equal(rpc.request_id, 0);
    assert_int_equal(datamap_rpc_encode(&b, &rpc), 0);
    assert_hex(b.data, b.len, vector);
}

static void recorded_packets_both_ways(void **state)
{
    (void)state;
    check(CAPABILITY, "vmx.capability.unified_loop toolbox", 36, false);
    check(ONE_SHOT, "info-get guestinfo.x", 20, true);
    check("0000001e 00000001 00000001 00000001 00000000 00000002 00000002 00000002 3120", "1 ", 2,
          false);
    check("0000002d 00000001 00000001 00000001 00000000 00000002 00000002 00000011"
          "'0 Unknown command'",
          "0 Unknown command", 17, false);
    check("00000021 00000001 00000001 00000001 00000000 00000002 00000002 00000005 'reset'",
          "reset", 5, false);
    check("0000002a 00000001 00000001 00000001 00000000 00000002 00000002 0000000e"
          "'OK ATR toolbox'",
          "OK ATR toolbox", 14, false);
    check("0000001f 00000001 00000001 00000001 00000000 00000002 00000002 00000003 'OK '", "OK ", 3,
          false);
    check(PING, NULL, 0, false);
}

static void a_tag_travels_and_must_be_positive(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(1024);
    struct datamap_rpc rpc = {.type = DATAMAP_RPC_DATA,
                              .payload = (const uint8_t *)"ping",
                              .len = 4,
                              .request_id = 0x500000007};
    struct datamap_rpc back;

    (void)state;
    assert_int_equal(datamap_rpc_encode(&b, &rpc), 0);
    assert_hex(b.data, b.len,
               "00000030 00000001 00000001 00000001 00000000 00000002 00000002 00000004 'ping'"
               "00000001 00000040 00000007 00000005");
    assert_int_equal(datamap_rpc_decode(b.data + 4, b.len - 4, &back), 0);
    assert_true(back.request_id == rpc.request_id);
    memset(b.data + b.len - 8, 0, 8);
    assert_int_equal(datamap_rpc_decode(b.data + 4, b.len - 4, &back), -EBADMSG);
    rpc.request_id = -1;
    assert_int_equal(datamap_rpc_encode(&b, &rpc), -EINVAL);
}

static int decode_hex(const char *text, struct datamap_rpc *rpc)
{
    AUTO_BYTES struct bytes v = hex(text);
    int r = datamap_rpc_decode(v.data, v.len, rpc);

    rpc->payload = NULL;
    return r;
}

static void missing_type_is_data_and_strangers_are_skipped(void **state)
{
    struct datamap_rpc rpc;

    (void)state;
    assert_int_equal(decode_hex("00000002 00000002 00000001 41", &rpc), 0);
    assert_int_equal(rpc.type, DATAMAP_RPC_DATA);
    /* A string, an int64 list, an empty list and a string list in fields nobody knows. */
    assert_int_equal(decode_hex("00000002 00000002 00000001 41 00000002 00000009 00000002 4142"
                                "00000003 0000000a 00000001 00000001 00000000"
                                "00000003 0000000b 00000000"
                                "00000004 0000000c 00000002 00000001 41 00000002 4242",
                                &rpc),
                     0);
    assert_int_equal(rpc.len, 1);
}

static void broken_packets_are_refused(void **state)
{
    static const char *const broken[] = {
        "",                                                            /* DATA without payload */
        "00000005 00000001 00000001 00000000",                         /* unknown type */
        "00000002 00000002 00000000",                                  /* empty string */
        "00000002 00000002 00000002 41",                               /* short string */
        "00000002 00000002 ffffffff 41",                               /* huge string */
        "00000001 00000001 00000001",                                  /* short number */
        "00000002 00000002 00000001 41 00000002 00000002 00000001 41", /* a field twice */
        "00000001 00000002 00000001 00000000",                         /* PAYLOAD as a number */
        "00000002 00000001 00000001 41",                               /* TYPE as a string */
        "00000002 00000040 00000001 41",                               /* REQUEST_ID as a string */
        "00000002 00000002 00000001 41 00000001 00000001 00000003 00000000", /* TYPE 3 */
        "00000002 00000002 00000001 41 00000001 00000001 00000001 00000001", /* TYPE 2^32+1 */
        "00000002 00000002 00000001 41 00000003 00000009 20000000", /* list count over the end */
        "00000002 00000002 00000001 41 00000004 00000009 00000001 00000000", /* empty in list */
        "00000002 00000002 00000001 41 00000004 00000009 ffffffff 00000001 41",
        "00000002 00000002 00000001 41 00", /* a byte left over */
    };
    struct datamap_rpc rpc;

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_int_equal(decode_hex(broken[i], &rpc), -EBADMSG);
}

static void every_cut_of_a_packet_is_refused(void **state)
{
    AUTO_BYTES struct bytes v = hex(CAPABILITY);
    struct datamap_rpc rpc;

    (void)state;
    for (size_t n = 0; n < v.len - 4; n++) {
        AUTO_BYTES struct bytes cut = bytes_copy(v.data + 4, n);

        assert_int_equal(datamap_rpc_decode(cut.data, cut.len, &rpc), -EBADMSG);
    }
}

static void entries_are_limited(void **state)
{
    (void)state;
    for (uint32_t count = DATAMAP_ENTRIES_MAX - 1; count <= DATAMAP_ENTRIES_MAX + 1; count++) {
        struct datamap_entry entries[DATAMAP_ENTRIES_MAX];
        AUTO_BUF struct buf b = BUF_INIT(1 << 16);
        size_t start = datamap_begin(&b), got;

        for (uint32_t i = 0; i < count; i++)
            datamap_put_int64(&b, 100 + i, i);
        assert_int_equal(datamap_end(&b, start), 0);
        assert_int_equal(datamap_decode(b.data + 4, b.len - 4, entries, &got),
                         count <= DATAMAP_ENTRIES_MAX ? 0 : -EBADMSG);
    }
}

static void lists_both_ways(void **state)
{
    static const int64_t numbers[] = {1, -1, INT64_MIN};
    static const struct datamap_string strings[] = {{"ab", 2}, {"c", 1}};
    struct datamap_entry e[DATAMAP_ENTRIES_MAX];
    AUTO_BUF struct buf b = BUF_INIT(1024);
    const uint8_t *text;
    size_t start = datamap_begin(&b), n, len;
    int64_t v;

    (void)state;
    datamap_put_int64_list(&b, 7, numbers, 3);
    datamap_put_string_list(&b, 8, strings, 2);
    assert_int_equal(datamap_end(&b, start), 0);
    assert_int_equal(datamap_decode(b.data + 4, b.len - 4, e, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(e[0].count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(datamap_list_int64(&e[0].items, &v), 0);
        assert_true(v == numbers[i]);
    }
    assert_int_not_equal(datamap_list_int64(&e[0].items, &v), 0);
    assert_int_equal(e[1].count, 2);
    assert_int_equal(datamap_list_string(&e[1].items, &text, &len), 0);
    assert_text(text, len, "ab");
    assert_int_equal(datamap_list_string(&e[1].items, &text, &len), 0);
    assert_text(text, len, "c");
}

static void empty_strings_cannot_be_written(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(1024);
    size_t start = datamap_begin(&b);
    struct datamap_rpc none = {.type = DATAMAP_RPC_DATA};

    (void)state;
    datamap_put_string(&b, 1, "", 0);
    assert_int_equal(datamap_end(&b, start), -EINVAL);
    buf_clear(&b);
    assert_int_equal(datamap_rpc_encode(&b, &none), -EINVAL);
}

static void framer_finds_packets_in_any_cut(void **state)
{
    AUTO_BYTES struct bytes v = hex(CAPABILITY PING ONE_SHOT);

    (void)state;
    for (size_t step = 1; step <= v.len; step++) {
        static const size_t want[] = {0x40, 0x10, 0x40};
        struct datamap_framer f;
        const uint8_t *body;
        size_t len, found = 0;
        int r;

        datamap_framer_init(&f, 0x40);
        for (size_t at = 0; at < v.len; at += step) {
            size_t n = v.len - at < step ? v.len - at : step;

            assert_int_equal(datamap_framer_push(&f, v.data + at, n), 0);
            while ((r = datamap_framer_next(&f, &body, &len)) == 1)
                assert_int_equal(len, want[found++]);
            assert_int_equal(r, 0);
            assert_int_equal(datamap_framer_partial(&f),
                             at + n != 0x44 && at + n != 0x58 && at + n != v.len);
        }
        assert_int_equal(found, 3);
        datamap_framer_free(&f);
    }
}

static void framer_refuses_what_is_too_long(void **state)
{
    (void)state;
    for (uint32_t len = 99; len <= 101; len++) {
        uint8_t head[4] = {0, 0, 0, (uint8_t)len};
        struct datamap_framer f;
        const uint8_t *body;
        size_t n;

        datamap_framer_init(&f, 100);
        assert_int_equal(datamap_framer_push(&f, head, 4), 0);
        assert_int_equal(datamap_framer_next(&f, &body, &n), len <= 100 ? 0 : -EMSGSIZE);
        /* The error sticks. */
        assert_int_equal(datamap_framer_push(&f, head, 4), len <= 100 ? 0 : -EMSGSIZE);
        datamap_framer_free(&f);
    }
}

static void framer_memory_follows_what_came(void **state)
{
    static const uint8_t head[4] = {0, 0x0f, 0xff, 0xff};
    struct datamap_framer f;
    const uint8_t *body;
    uint8_t *to;
    size_t n;

    (void)state;
    datamap_framer_init(&f, DATAMAP_PACKET_MAX);
    assert_int_equal(datamap_framer_push(&f, head, 4), 0);
    assert_int_equal(datamap_framer_next(&f, &body, &n), 0);
    assert_true(f.bytes.size < 4096);
    /* A caller that never takes its packets is stopped. */
    assert_int_equal(datamap_framer_reserve(&f, 4u << 20, &to), -ENOBUFS);
    mem_fail_after(0);
    assert_int_equal(datamap_framer_reserve(&f, 65536, &to), -ENOMEM);
    mem_fail_after(-1);
    datamap_framer_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_packets_both_ways),
        cmocka_unit_test(a_tag_travels_and_must_be_positive),
        cmocka_unit_test(missing_type_is_data_and_strangers_are_skipped),
        cmocka_unit_test(broken_packets_are_refused),
        cmocka_unit_test(every_cut_of_a_packet_is_refused),
        cmocka_unit_test(entries_are_limited),
        cmocka_unit_test(lists_both_ways),
        cmocka_unit_test(empty_strings_cannot_be_written),
        cmocka_unit_test(framer_finds_packets_in_any_cut),
        cmocka_unit_test(framer_refuses_what_is_too_long),
        cmocka_unit_test(framer_memory_follows_what_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
