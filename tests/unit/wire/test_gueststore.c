/* GuestStore's bytes between client and agent, and between agent and vmx. */
#include "hex.h"

#include <errno.h>

#include "base/mem.h"
#include "wire/datamap.h"
#include "wire/gueststore.h"

/* The body of a packet written in hex, and its announced length checked. */
static struct bytes body_of(const char *text)
{
    struct bytes packet = hex(text), body;

    assert_true(packet.len >= 4);
    body = bytes_copy(packet.data + 4, packet.len - 4);
    assert_int_equal(packet.data[0] << 24 | packet.data[1] << 16 | packet.data[2] << 8 |
                         packet.data[3],
                     body.len);
    bytes_free(&packet);
    return body;
}

#define MAP_GET                                    \
    "00000024 00000001 00000001 00000001 00000000" \
    "00000002 00000002 00000008 '/a/b.txt'"
#define MAP_GET_REVERSED                             \
    "00000024 00000002 00000002 00000008 '/a/b.txt'" \
    "00000001 00000001 00000001 00000000"
#define MAP_CLOSE  "00000010 00000001 00000001 00000002 00000000"
#define MAP_DENIED "00000010 00000001 00000001 00000001 00000000"
#define MAP_FIVE                                   \
    "00000020 00000001 00000001 00000000 00000000" \
    "00000001 00000002 00000005 00000000"

static void requests_to_vmx(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);
    struct gueststore_request rq = {GUESTSTORE_GET, (const uint8_t *)"/a/b.txt", 8}, got;

    (void)state;
    assert_int_equal(gueststore_request_encode(&b, &rq), 0);
    assert_hex(b.data, b.len, MAP_GET);
    for (unsigned i = 0; i < 2; i++) {
        AUTO_BYTES struct bytes body = body_of(i ? MAP_GET_REVERSED : MAP_GET);

        assert_int_equal(gueststore_request_decode(body.data, body.len, &got), 0);
        assert_int_equal(got.command, GUESTSTORE_GET);
        assert_text(got.path, got.path_len, "/a/b.txt");
    }
    buf_clear(&b);
    rq.command = GUESTSTORE_CLOSE;
    assert_int_equal(gueststore_request_encode(&b, &rq), 0);
    assert_hex(b.data, b.len, MAP_CLOSE);
    rq.command = 3;
    assert_int_equal(gueststore_request_encode(&b, &rq), -EINVAL);
}

static void requests_that_are_none(void **state)
{
    static const char *const bad[] = {
        "00000010 00000001 00000001 00000001 00000000", /* GET without a path */
        "00000010 00000001 00000001 00000003 00000000", /* an unknown command */
        "00000010 00000001 00000001 00000001 00000001", /* beyond 32 bits */
        "0000000d 00000002 00000002 00000001 '/'",      /* no command */
        "00000020 00000001 00000001 00000001 00000000 00000001 00000002 00000001 00000000",
        "00000011 00000002 00000001 00000005 '/a/b.'",
        "00000020 00000001 00000001 00000002 00000000 00000001 00000001 00000002 00000000",
        "00000000",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        AUTO_BYTES struct bytes body = body_of(bad[i]);
        struct gueststore_request got;

        assert_int_equal(gueststore_request_decode(body.data, body.len, &got), -EBADMSG);
    }
}

/* The payload of a request map may be 4096 bytes. */
static void the_longest_request_map(void **state)
{
    uint8_t path[GUESTSTORE_MAP_REQUEST_MAX];
    const size_t overhead = 16 + 12;

    (void)state;
    memset(path, '/', sizeof(path));
    for (int more = -1; more <= 1; more++) {
        AUTO_BUF struct buf b = BUF_INIT(8192);
        size_t len = GUESTSTORE_MAP_REQUEST_MAX - overhead + (size_t)more;
        struct gueststore_request rq = {GUESTSTORE_GET, path, len}, got;

        assert_int_equal(gueststore_request_encode(&b, &rq), 0);
        assert_int_equal(b.len - 4, GUESTSTORE_MAP_REQUEST_MAX + (size_t)more);
        assert_int_equal(gueststore_request_decode(b.data + 4, b.len - 4, &got),
                         more > 0 ? -EBADMSG : 0);
    }
}

static void replies_of_vmx(void **state)
{
    static const struct {
        struct gueststore_reply reply;
        const char *hex;
    } cases[] = {
        {{GUESTSTORE_FORBIDDEN, 0}, MAP_DENIED},
        {{GUESTSTORE_OK, 5}, MAP_FIVE},
        {{GUESTSTORE_OK, 0},
         "00000020 00000001 00000001 00000000 00000000 00000001 00000002 00000000 00000000"},
        {{GUESTSTORE_OK, 1},
         "00000020 00000001 00000001 00000000 00000000 00000001 00000002 00000001 00000000"},
        {{GUESTSTORE_OK, 536870912},
         "00000020 00000001 00000001 00000000 00000000 00000001 00000002 20000000 00000000"},
        {{GUESTSTORE_OK, 2147483648},
         "00000020 00000001 00000001 00000000 00000000 00000001 00000002 80000000 00000000"},
        {{GUESTSTORE_OK, 4294967296},
         "00000020 00000001 00000001 00000000 00000000 00000001 00000002 00000000 00000001"},
        {{GUESTSTORE_NOT_FOUND, 0}, "00000010 00000001 00000001 00000002 00000000"},
        {{13, 0}, "00000010 00000001 00000001 0000000d 00000000"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BUF struct buf b = BUF_INIT(256);
        AUTO_BYTES struct bytes body = body_of(cases[i].hex);
        struct gueststore_reply got;

        assert_int_equal(gueststore_reply_encode(&b, &cases[i].reply), 0);
        assert_hex(b.data, b.len, cases[i].hex);
        assert_int_equal(gueststore_reply_decode(body.data, body.len, &got), 0);
        assert_true(got.error == cases[i].reply.error);
        assert_true(got.size == cases[i].reply.size);
    }
}

static void replies_that_are_none(void **state)
{
    static const char *const bad[] = {
        "00000010 00000001 00000001 00000000 00000000", /* success without a size */
        "00000020 00000001 00000001 00000000 00000000 00000001 00000002 ffffffff ffffffff",
        "00000010 00000001 00000002 00000005 00000000", /* no error code */
        "0000001d 00000001 00000001 00000000 00000000 00000002 00000002 00000001 '5'",
        "00000008 00000001 00000001",
    };
    struct gueststore_reply reply = {GUESTSTORE_OK, -1};
    AUTO_BUF struct buf b = BUF_INIT(256);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        AUTO_BYTES struct bytes body = body_of(bad[i]);
        struct gueststore_reply got;

        assert_int_equal(gueststore_reply_decode(body.data, body.len, &got), -EBADMSG);
    }
    assert_int_equal(gueststore_reply_encode(&b, &reply), -EINVAL);
}

static void requests_of_clients(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);
    const char *path = "/vmware/my file?.bin";
    char got[GUESTSTORE_PATH_MAX + 1];
    size_t len;

    (void)state;
    assert_int_equal(gueststore_put_get(&b, path, strlen(path)), 0);
    assert_hex(b.data, b.len,
               "474554202f766d776172652f6d792532 3066696c652533462e62696e20485454"
               "502f312e310d0a0d0a");
    assert_int_equal(gueststore_parse_get(b.data, b.len, got, &len), 0);
    assert_int_equal(len, strlen(path));
    assert_string_equal(got, path);
}

static void requests_that_agents_take_or_not(void **state)
{
    static const struct {
        const char *text, *path; /* NULL = refused */
    } cases[] = {
        {"GET /a HTTP/1.1\r\n\r\n", "/a"},
        {"GET /a\r\n\r\n", "/a\r\n\r\n"}, /* the token ends at a space, nothing else */
        {"GET  ?? /a HTTP/1.1\r\n\r\n", "/a"},
        {"GET /a?b=c HTTP/1.1\r\n\r\n", "/a"},
        {"GET /a%3Fb HTTP/1.1\r\n\r\n", "/a?b"},
        {"GET /%2e%2E/x nonsense\r\n\r\n", "/../x"},
        {"GET /a HTTP/1.1\r\nHost: x\r\nAccept: y\r\n\r\n", "/a"},
        {"GET /a HTTP/1.1\r\n\r\nmore", NULL},
        {"POST /a HTTP/1.1\r\n\r\n", NULL},
        {"get /a HTTP/1.1\r\n\r\n", NULL},
        {"GET a HTTP/1.1\r\n\r\n", NULL},
        {"GET  HTTP/1.1\r\n\r\n", NULL},
        {"GET ? \r\n\r\n", NULL},
        {"GET /a%0 HTTP/1.1\r\n\r\n", NULL},
        {"GET /a%", NULL},
        {"GET /a%zz HTTP/1.1\r\n\r\n", NULL},
        {"GET /a%00b HTTP/1.1\r\n\r\n", NULL},
        {"GET\r\n\r\n", NULL},
        {"\r\n\r\n", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BYTES struct bytes b = bytes_copy(cases[i].text, strlen(cases[i].text));
        char got[GUESTSTORE_PATH_MAX + 1];
        size_t len;
        int r = gueststore_parse_get(b.data, b.len, got, &len);

        if (r != (cases[i].path ? 0 : -EBADMSG))
            fail_msg("\"%s\" gives %d", cases[i].text, r);
        if (!r)
            assert_string_equal(got, cases[i].path);
    }
}

/* 1024 bytes after unescaping. */
static void the_longest_path(void **state)
{
    (void)state;
    for (int more = -1; more <= 1; more++) {
        AUTO_BUF struct buf b = BUF_INIT(8192);
        char path[GUESTSTORE_PATH_MAX + 2], got[GUESTSTORE_PATH_MAX + 1];
        size_t n = GUESTSTORE_PATH_MAX + (size_t)more, len;

        memset(path, '%', sizeof(path));
        path[0] = '/';
        assert_int_equal(gueststore_path_valid(path, n), more <= 0);
        assert_int_equal(gueststore_put_get(&b, path, n), 0);
        assert_int_equal(gueststore_parse_get(b.data, b.len, got, &len), more > 0 ? -EBADMSG : 0);
        if (more <= 0)
            assert_int_equal(len, n);
    }
    assert_false(gueststore_path_valid("/a\nb", 4));
    assert_false(gueststore_path_valid("/a\x7f", 3));
    assert_false(gueststore_path_valid("a", 1));
    assert_false(gueststore_path_valid("", 0));
    assert_true(gueststore_path_valid("/\xc3\xa4", 3));
}

static void heads(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);
    struct gueststore_head head;

    (void)state;
    assert_int_equal(gueststore_put_head(&b, 200, 12, 1541623811), 0);
    assert_text(b.data, b.len,
                "HTTP/1.1 200 OK\r\nDate: Wed, 07 Nov 2018 20:50:11 GMT\r\nServer: VMGuestStore\r\n"
                "Accept-Ranges: bytes\r\nContent-Length: 12\r\n"
                "Content-Type: application/octet-stream\r\nConnection: close\r\n\r\n");
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(gueststore_parse_head(b.data, n, &head), 0);
    buf_put_str(&b, "body");
    assert_int_equal(gueststore_parse_head(b.data, b.len, &head), 1);
    assert_int_equal(head.status, 200);
    assert_int_equal(head.size, 12);
    assert_int_equal(head.len, b.len - 4);
    buf_clear(&b);
    assert_int_equal(gueststore_put_head(&b, 403, 0, -1), 0);
    assert_non_null(strstr(buf_text(&b), "HTTP/1.1 403 Forbidden\r\nDate: \r\n"));
    assert_int_equal(gueststore_parse_head(b.data, b.len, &head), 1);
    assert_int_equal(head.status, 403);
    assert_int_equal(gueststore_put_head(&b, 500, 0, 0), -EINVAL);
}

static void heads_that_are_none(void **state)
{
    static const char *const bad[] = {
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
        "HTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 x\r\n\r\n",
        "\r\n\r\n",
    };
    char *big = calloc(1, GUESTSTORE_HEAD_MAX);
    const char *good = "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n";
    struct gueststore_head head;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        AUTO_BYTES struct bytes b = bytes_copy(bad[i], strlen(bad[i]));

        assert_int_equal(gueststore_parse_head(b.data, b.len, &head), -EBADMSG);
    }
    assert_int_equal(gueststore_parse_head(good, strlen(good), &head), 1);
    assert_true(head.size == INT64_MAX);
    memset(big, 'a', GUESTSTORE_HEAD_MAX);
    assert_int_equal(gueststore_parse_head(big, GUESTSTORE_HEAD_MAX - 1, &head), 0);
    assert_int_equal(gueststore_parse_head(big, GUESTSTORE_HEAD_MAX, &head), -EBADMSG);
    /* A head of the largest size. */
    memcpy(big, good, strlen(good) - 2);
    memcpy(big + GUESTSTORE_HEAD_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(gueststore_parse_head(big, GUESTSTORE_HEAD_MAX - 1, &head), 0);
    assert_int_equal(gueststore_parse_head(big, GUESTSTORE_HEAD_MAX, &head), 1);
    assert_int_equal(head.len, GUESTSTORE_HEAD_MAX);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_to_vmx),
        cmocka_unit_test(requests_that_are_none),
        cmocka_unit_test(the_longest_request_map),
        cmocka_unit_test(replies_of_vmx),
        cmocka_unit_test(replies_that_are_none),
        cmocka_unit_test(requests_of_clients),
        cmocka_unit_test(requests_that_agents_take_or_not),
        cmocka_unit_test(the_longest_path),
        cmocka_unit_test(heads),
        cmocka_unit_test(heads_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
