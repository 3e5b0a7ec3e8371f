/* Frames of live programs, and what they are started with. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "wire/exec_frame.h"
#include "wire/exec_spec.h"

static int next(const void *bytes, size_t len, enum exec_way way, struct exec_frame *f,
                size_t *left)
{
    struct cursor c = CURSOR_INIT(bytes, len);
    int r = exec_frame_next(&c, way, f);

    *left = c.left;
    return r;
}

static void test_vectors(void **state)
{
    static const uint8_t window[] = {3, 4, 0, 0, 24, 0, 80, 0, 99};
    static const uint8_t end[] = {21, 9, 0, 0, 1, 0, 0, 0, 15, 0, 0, 0, 'x'};
    struct exec_frame f;
    size_t left;

    (void)state;
    assert_int_equal(next(window, sizeof(window), EXEC_TO_WORKER, &f, &left), 1);
    assert_int_equal(f.type, EXEC_WINDOW);
    assert_int_equal(f.rows, 24);
    assert_int_equal(f.columns, 80);
    assert_int_equal(left, 1);
    assert_int_equal(next(end, sizeof(end), EXEC_TO_CLIENT, &f, &left), 1);
    assert_int_equal(f.end, EXEC_END_SIGNAL);
    assert_int_equal(f.value, 15);
    assert_int_equal(f.len, 1);
    assert_int_equal(f.data[0], 'x');
}

static void test_parts(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(EXEC_FRAME_MAX);
    const struct exec_frame in = {.type = EXEC_STDIN, .data = (const uint8_t *)"hello", .len = 5};
    struct exec_frame f;
    size_t left;

    (void)state;
    assert_int_equal(exec_frame_put(&b, &in), 0);
    for (size_t n = 0; n < b.len; n++) {
        assert_int_equal(next(b.data, n, EXEC_TO_WORKER, &f, &left), 0);
        assert_int_equal(left, n);
    }
    assert_int_equal(next(b.data, b.len, EXEC_TO_WORKER, &f, &left), 1);
    assert_memory_equal(f.data, "hello", 5);
}

static void test_limits(void **state)
{
    static uint8_t bytes[EXEC_DATA_MAX + 1];
    uint8_t head[EXEC_FRAME_HEAD];
    struct exec_frame f = {.type = EXEC_STDOUT, .data = bytes}, back;
    size_t left;

    (void)state;
    for (size_t n = EXEC_DATA_MAX - 1; n <= EXEC_DATA_MAX + 1; n++) {
        AUTO_BUF struct buf b = BUF_INIT(2 * EXEC_FRAME_MAX);

        f.len = n;
        assert_int_equal(exec_frame_put(&b, &f), n <= EXEC_DATA_MAX ? 0 : -EINVAL);
        exec_frame_head(head, EXEC_STDOUT, n);
        assert_int_equal(next(head, sizeof(head), EXEC_TO_CLIENT, &back, &left),
                         n <= EXEC_DATA_MAX ? 0 : -EBADMSG);
    }
    f.len = 0;
    assert_int_equal(exec_frame_put(&(struct buf)BUF_INIT(64), &f), -EINVAL);
}

static void test_refused(void **state)
{
    static const struct {
        uint8_t bytes[12];
        size_t len;
        enum exec_way way;
    } bad[] = {
        {{0, 0, 0, 0}, 4, EXEC_TO_WORKER},              /* no such type */
        {{17, 1, 0, 0, 'x'}, 5, EXEC_TO_WORKER},        /* the other way's */
        {{1, 1, 0, 0, 'x'}, 5, EXEC_TO_CLIENT},         /* the other way's */
        {{2, 1, 0, 0, 'x'}, 5, EXEC_TO_WORKER},         /* payload where there is none */
        {{3, 3, 0, 0, 1, 2, 3}, 7, EXEC_TO_WORKER},     /* too short */
        {{4, 4, 0, 0, 0, 0, 0, 0}, 8, EXEC_TO_WORKER},  /* signal 0 */
        {{4, 4, 0, 0, 32, 0, 0, 0}, 8, EXEC_TO_WORKER}, /* past the last signal */
        {{20, 4, 0, 0, 0, 0, 0, 0}, 8, EXEC_TO_CLIENT}, /* no credit */
        {{20, 4, 0, 0, 1, 0, 4, 0}, 8, EXEC_TO_CLIENT}, /* more than there ever is */
        {{21, 8, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0}, 12, EXEC_TO_CLIENT}, /* unknown end */
    };
    struct exec_frame f;
    size_t left;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(next(bad[i].bytes, bad[i].len, bad[i].way, &f, &left), -EBADMSG);
    f = (struct exec_frame){.type = EXEC_SIGNAL, .value = 32};
    assert_int_equal(exec_frame_put(&(struct buf)BUF_INIT(64), &f), -EINVAL);
}

static void test_spec(void **state)
{
    static const char *const args[] = {"ls", "", "-l", NULL}, *const env[] = {"A=", "B=c", NULL};
    const struct exec_spec in = {.flags = EXEC_TERMINAL,
                                 .rows = 24,
                                 .columns = 80,
                                 .cwd = "/tmp",
                                 .argc = 3,
                                 .args = args,
                                 .envc = 2,
                                 .env = env};
    AUTO_BUF struct buf b = BUF_INIT(EXEC_SPEC_MAX);
    AUTO_ARENA struct arena a = ARENA_INIT(1u << 20);
    struct exec_spec out;

    (void)state;
    assert_int_equal(exec_spec_encode(&b, &in), 0);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(exec_spec_decode(b.data, n, &a, &out), -EBADMSG);
    assert_int_equal(exec_spec_decode(b.data, b.len, &a, &out), 0);
    assert_int_equal(out.flags, EXEC_TERMINAL);
    assert_int_equal(out.argc, 3);
    assert_string_equal(out.args[2], "-l");
    assert_string_equal(out.args[1], "");
    assert_null(out.args[3]);
    assert_string_equal(out.env[1], "B=c");
    assert_null(out.env[2]);
    assert_string_equal(out.cwd, "/tmp");
    buf_put_u8(&b, 0);
    assert_int_equal(exec_spec_decode(b.data, b.len, &a, &out), -EBADMSG);
}

static void test_spec_refused(void **state)
{
    static const char *const empty[] = {"", NULL}, *const nameless[] = {"=x", NULL},
                             *const plain[] = {"x", NULL};
    AUTO_BUF struct buf b = BUF_INIT(2 * EXEC_SPEC_MAX);
    char *large = mem_calloc(1, EXEC_SPEC_MAX + 1);
    struct exec_spec s = {.cwd = "", .argc = 1, .args = empty};

    (void)state;
    assert_int_equal(exec_spec_encode(&b, &s), -EINVAL);
    s = (struct exec_spec){.cwd = "", .envc = 1, .env = nameless};
    assert_int_equal(exec_spec_encode(&b, &s), -EINVAL);
    s.env = plain;
    assert_int_equal(exec_spec_encode(&b, &s), -EINVAL);
    s = (struct exec_spec){.flags = 2, .cwd = ""};
    assert_int_equal(exec_spec_encode(&b, &s), -EINVAL);
    /* 16 bytes of numbers and the NUL. */
    for (size_t n = EXEC_SPEC_MAX - 18; n <= EXEC_SPEC_MAX - 16; n++) {
        memset(large, 'x', n);
        large[n] = '\0';
        buf_clear(&b);
        s = (struct exec_spec){.cwd = large};
        assert_int_equal(exec_spec_encode(&b, &s), n <= EXEC_SPEC_MAX - 17 ? 0 : -EINVAL);
    }
    mem_free(large);
}

static void test_connect(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(16);
    uint16_t port;

    (void)state;
    assert_int_equal(exec_connect_encode(&b, 0), -EINVAL);
    assert_int_equal(exec_connect_encode(&b, 8080), 0);
    assert_int_equal(exec_connect_decode(b.data, b.len, &port), 0);
    assert_int_equal(port, 8080);
    assert_int_equal(exec_connect_decode(b.data, 1, &port), -EBADMSG);
    assert_int_equal(exec_connect_decode("\0\0", 2, &port), -EBADMSG);
    assert_int_equal(exec_connect_decode("\1\0\0", 3, &port), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_limits),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_spec),    cmocka_unit_test(test_spec_refused),
        cmocka_unit_test(test_connect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
