/* What the launcher, which is root, accepts in a request to start, and what it does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "vmx/sandbox.h"

static void put_string(struct buf *b, const char *s)
{
    buf_put_le16(b, (uint16_t)strlen(s));
    buf_put_str(b, s);
}

static void put_head(struct buf *b, uint32_t processes, const char *host, unsigned users)
{
    *b = BUF_INIT(LAUNCHER_BODY_MAX);
    buf_put_le32(b, 512);
    buf_put_le32(b, processes);
    put_string(b, host);
    buf_put_le16(b, (uint16_t)users);
}

/* Decodes and frees. */
static int decode(struct buf *b, struct sandbox_request *ret)
{
    struct cursor c = CURSOR_INIT(b->data, b->len);
    struct error err = {0};
    int r = sandbox_request_decode(&c, ret, &err);

    assert_int_equal(buf_error(b), 0);
    if (r < 0)
        assert_true(strlen(err.text) > 0);
    buf_free(b);
    return r;
}

static int decode_user(const char *name, const char *hash)
{
    static struct sandbox_request request;
    struct buf b;

    put_head(&b, 100, "demo", 1);
    put_string(&b, name);
    put_string(&b, hash);
    return decode(&b, &request);
}

static int decode_host(const char *host)
{
    static struct sandbox_request request;
    struct buf b;

    put_head(&b, 100, host, 0);
    return decode(&b, &request);
}

static int decode_processes(uint32_t n)
{
    static struct sandbox_request request;
    struct buf b;

    put_head(&b, n, "demo", 0);
    return decode(&b, &request);
}

static int decode_count(unsigned count)
{
    static struct sandbox_request request;
    struct buf b;

    put_head(&b, 100, "demo", count);
    for (unsigned i = 0; i < count; i++) {
        char name[16];

        snprintf(name, sizeof(name), "u%u", i);
        put_string(&b, name);
        put_string(&b, "");
    }
    return decode(&b, &request);
}

static void a_good_request(void **state)
{
    static struct sandbox_request request;
    struct buf b;

    (void)state;
    put_head(&b, 100, "my-host.example", 2);
    put_string(&b, "root");
    put_string(&b, "$y$j9T$salt$hash./0");
    put_string(&b, "_alice-2");
    put_string(&b, "");
    assert_int_equal(decode(&b, &request), 0);
    assert_int_equal(request.memory_mib, 512);
    assert_int_equal(request.processes, 100);
    assert_string_equal(request.host_name, "my-host.example");
    assert_int_equal(request.user_count, 2);
    assert_string_equal(request.users[0].hash, "$y$j9T$salt$hash./0");
    assert_string_equal(request.users[1].name, "_alice-2");
    assert_string_equal(request.users[1].hash, "");
}

static void limits(void **state)
{
    char text[SANDBOX_HASH_MAX + 3];

    (void)state;
    assert_int_equal(decode_processes(0), -EINVAL);
    assert_int_equal(decode_processes(1), 0);
    assert_int_equal(decode_processes(SANDBOX_PROCESSES_MAX), 0);
    assert_int_equal(decode_processes(SANDBOX_PROCESSES_MAX + 1), -EINVAL);
    assert_int_equal(decode_count(LAUNCHER_USERS_MAX - 1), 0);
    assert_int_equal(decode_count(LAUNCHER_USERS_MAX), 0);
    assert_int_equal(decode_count(LAUNCHER_USERS_MAX + 1), -EINVAL);
    memset(text, 'a', sizeof(text));
    text[SANDBOX_HOST_NAME_MAX + 1] = '\0';
    assert_int_equal(decode_host(text), -EINVAL);
    text[SANDBOX_HOST_NAME_MAX] = '\0';
    assert_int_equal(decode_host(text), 0);
    memset(text, 'a', sizeof(text));
    text[SANDBOX_USER_NAME_MAX + 1] = '\0';
    assert_int_equal(decode_user(text, ""), -EINVAL);
    text[SANDBOX_USER_NAME_MAX] = '\0';
    assert_int_equal(decode_user(text, ""), 0);
    memset(text, 'a', sizeof(text));
    text[0] = '$';
    text[SANDBOX_HASH_MAX + 1] = '\0';
    assert_int_equal(decode_user("u", text), -EINVAL);
    text[SANDBOX_HASH_MAX] = '\0';
    assert_int_equal(decode_user("u", text), 0);
}

static void what_could_forge_an_account(void **state)
{
    static const char *const names[] = {"", "a:b", "a\nb", "../a", "A", "1a", "-a", "a b", "a/"};
    static const char *const hashes[] = {"plain", "$y$a:0:0", "$y$\nroot", "!", "*", "$ "};
    static const char *const hosts[] = {"", "-a", ".a", "a b", "a\n127.0.0.1 x", "a/b", "\xc3\xa4"};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        assert_int_equal(decode_user(names[i], ""), -EINVAL);
    for (unsigned i = 0; i < ARRAY_SIZE(hashes); i++)
        assert_int_equal(decode_user("a", hashes[i]), -EINVAL);
    for (unsigned i = 0; i < ARRAY_SIZE(hosts); i++)
        assert_int_equal(decode_host(hosts[i]), -EINVAL);
}

static void truncated_doubled_and_too_long(void **state)
{
    static struct sandbox_request request;
    struct buf whole, b;

    (void)state;
    put_head(&whole, 100, "demo", 2);
    put_string(&whole, "a");
    put_string(&whole, "$h");
    put_string(&whole, "b");
    put_string(&whole, "$h");
    for (size_t n = 0; n < whole.len; n++) {
        b = BUF_INIT(LAUNCHER_BODY_MAX);
        buf_put(&b, whole.data, n);
        assert_int_equal(decode(&b, &request), -EINVAL);
    }
    buf_put_u8(&whole, 0);
    assert_int_equal(decode(&whole, &request), -EINVAL);
    put_head(&b, 100, "demo", 2);
    put_string(&b, "a");
    put_string(&b, "");
    put_string(&b, "a");
    put_string(&b, "");
    assert_int_equal(decode(&b, &request), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_request),
        cmocka_unit_test(limits),
        cmocka_unit_test(what_could_forge_an_account),
        cmocka_unit_test(truncated_doubled_and_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
