/* The base room's containers and readers: limits, sticky errors, failing allocation. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

static void buf_stops_at_its_maximum(void **state)
{
    (void)state;
    for (size_t max = 7; max <= 9; max++) {
        AUTO_BUF struct buf b = BUF_INIT(max);

        assert_int_equal(buf_put_le64(&b, 0x0102030405060708), max >= 8 ? 0 : -ENOBUFS);
        assert_int_equal(b.len, max >= 8 ? 8 : 0);
        assert_int_equal(buf_put_le16(&b, 1), -ENOBUFS);
        assert_int_equal(buf_put_u8(&b, 1), -ENOBUFS); /* errors stick */
    }
}

static void buf_numbers_have_their_byte_order(void **state)
{
    static const uint8_t expected[] = {0x34, 0x12, 0x78, 0x56, 0x34, 0x12, 0x12, 0x34, 0x56, 0x78};
    AUTO_BUF struct buf b = BUF_INIT(64);

    (void)state;
    buf_put_le16(&b, 0x1234);
    buf_put_le32(&b, 0);
    buf_put_be32(&b, 0x12345678);
    assert_int_equal(buf_patch_le32(&b, 2, 0x12345678), 0);
    assert_int_equal(buf_patch_le32(&b, 7, 0), -EINVAL);
    assert_int_equal(b.len, sizeof(expected));
    assert_memory_equal(b.data, expected, sizeof(expected));
    buf_consume(&b, 6);
    assert_memory_equal(b.data, expected + 6, 4);
}

static void buf_survives_failing_allocation(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);

    (void)state;
    mem_fail_after(0);
    assert_int_equal(buf_put_str(&b, "hello"), -ENOMEM);
    mem_fail_after(-1);
    buf_clear(&b);
    assert_int_equal(buf_printf(&b, "%s-%d", "hello", 7), 0);
    assert_string_equal(buf_text(&b), "hello-7");
}

static void cursor_fails_once_and_for_all(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 5};
    struct cursor c = CURSOR_INIT(bytes, sizeof(bytes)), sub;
    uint32_t v;
    uint8_t u;

    (void)state;
    assert_int_equal(cursor_le32(&c, &v), 0);
    assert_int_equal(v, 0x04030201);
    assert_int_equal(cursor_be32(&c, &v), -EBADMSG);
    assert_int_equal(v, 0);
    assert_int_equal(cursor_u8(&c, &u), -EBADMSG); /* one byte was left, but the error sticks */
    c = CURSOR_INIT(bytes, sizeof(bytes));
    assert_int_equal(cursor_sub(&c, 6, &sub), -EBADMSG);
    assert_int_equal(cursor_error(&sub), -EBADMSG);
}

static void cursor_text_wants_exactly_one_nul(void **state)
{
    struct cursor c = CURSOR_INIT("ab\0cd", 6);
    const char *s;

    (void)state;
    assert_int_equal(cursor_text(&c, 2, &s), 0);
    assert_string_equal(s, "ab");
    assert_int_equal(cursor_text(&c, 1, &s), -EBADMSG);
    c = CURSOR_INIT("a\0b", 4);
    assert_int_equal(cursor_text(&c, 3, &s), -EBADMSG);
    c = CURSOR_INIT("abc", 3);
    assert_int_equal(cursor_text(&c, 3, &s), -EBADMSG);
    c = CURSOR_INIT("abc", 3);
    assert_int_equal(cursor_text(&c, SIZE_MAX, &s), -EBADMSG);
}

static void arena_holds_to_its_cap(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(10000);
    char *s;

    (void)state;
    s = arena_printf(&a, "%d", 42);
    assert_string_equal(s, "42");
    assert_non_null(arena_alloc(&a, 9000));
    assert_null(arena_alloc(&a, 2000));
    assert_non_null(arena_alloc(&a, 16));
    assert_null(arena_calloc(&a, SIZE_MAX / 2, 4));
    assert_string_equal(s, "42");
}

static void files_stay_beneath_their_folder(void **state)
{
    char folder[] = "/tmp/inguest-base-XXXXXX";
    AUTO_CLOSE int dirfd = -1;
    AUTO_BUF struct buf b = BUF_INIT(5);
    struct error err = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fs_write_file(dirfd, "a", "hello", 5, 0600, &err), 0);
    assert_int_equal(fs_write_file(dirfd, "b", "hello!", 6, 0600, &err), 0);
    assert_int_equal(fs_read_file(dirfd, "a", &b, &err), 0);
    assert_string_equal(buf_text(&b), "hello");
    buf_clear(&b);
    assert_int_equal(fs_read_file(dirfd, "b", &b, &err), -ENOBUFS);
    assert_int_equal(symlinkat("/etc", dirfd, "out"), 0);
    assert_int_equal(fs_open_beneath(dirfd, "out/passwd", O_RDONLY, 0), -EXDEV);
    assert_int_equal(fs_open_beneath(dirfd, "../etc", O_RDONLY, 0), -EXDEV);
    assert_int_equal(fs_remove_tree(AT_FDCWD, folder, &err), 0);
    assert_int_equal(access(folder, F_OK), -1);
}

/* The code comes back whether or not somebody wants the words. */
static void errors_keep_their_code(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(error_set(NULL, -EIO, "x"), -EIO);
    assert_int_equal(error_errno(NULL, -EIO, "x"), -EIO);
    assert_int_equal(error_prefix(NULL, -EIO, "x"), -EIO);
    assert_int_equal(error_errno(&err, -ENOENT, "cannot open %s", "a"), -ENOENT);
    assert_int_equal(error_prefix(&err, -ENOENT, "step %d", 2), -ENOENT);
    assert_int_equal(err.code, -ENOENT);
    assert_string_equal(err.text, "step 2: cannot open a: No such file or directory");
}

static void log_lines_cannot_be_forged(void **state)
{
    int fds[2];
    char line[512] = "";
    char *text;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    log_open_fd(fds[1], "test");
    log_info("bad name \"%s\"", "x\nfake line");
    assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
    log_open_fd(-1, NULL);
    close(fds[0]);
    text = strstr(line, "test| ");
    assert_non_null(text);
    assert_string_equal(text, "test| bad name \"x\\x0afake line\"\n");
}

static void time_is_written_as_rfc3339(void **state)
{
    char out[CLOCK_RFC3339_SIZE];

    (void)state;
    assert_string_equal(clock_rfc3339(1700000000123000, out), "2023-11-14T22:13:20.123Z");
    assert_string_equal(clock_rfc3339(-1000, out), "1969-12-31T23:59:59.999Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_stops_at_its_maximum),
        cmocka_unit_test(buf_numbers_have_their_byte_order),
        cmocka_unit_test(buf_survives_failing_allocation),
        cmocka_unit_test(cursor_fails_once_and_for_all),
        cmocka_unit_test(cursor_text_wants_exactly_one_nul),
        cmocka_unit_test(arena_holds_to_its_cap),
        cmocka_unit_test(files_stay_beneath_their_folder),
        cmocka_unit_test(errors_keep_their_code),
        cmocka_unit_test(log_lines_cannot_be_forged),
        cmocka_unit_test(time_is_written_as_rfc3339),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
