/* Logins: the helper program against a shadow file of the test's, the cache, the penalties. */
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "guest/auth.h"
#include "guest/auth_cache.h"
#include "guest/auth_shadow.h"

#define DAY (time(NULL) / 86400)

struct auth_fixture {
    uv_loop_t loop;
    struct auth *auth;
    char shadow[64];
    char user[64];
};

/* One line: the account that runs the tests, with this hash and these ages. */
static void write_shadow(const struct auth_fixture *f, const char *hash, const char *ages)
{
    AUTO_FREE char *text = mem_printf("other:!:1:0:99999:7:::\n%s:%s:%s\n", f->user, hash, ages);
    assert_int_equal(fs_write_file(AT_FDCWD, f->shadow, text, strlen(text), 0600, NULL), 0);
}

/* Cheap settings of the kinds that Debian has had. */
static void hash(const char *prefix, unsigned long cost, const char *password, char *out,
                 size_t size)
{
    struct crypt_data *d = calloc(1, sizeof(*d));
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];

    assert_non_null(d);
    assert_non_null(crypt_gensalt_rn(prefix, cost, NULL, 0, setting, sizeof(setting)));
    snprintf(out, size, "%s", crypt_r(password, setting, d));
    assert_true(out[0] == '$');
    free(d);
}

static int setup(void **state)
{
    struct auth_fixture *f = mem_calloc(1, sizeof(*f));
    const char *helper = getenv("TOOLBOX_AUTH");
    struct auth_config c = {
        .auth_path = helper, .pam_service = "no-such-service", .cache_ms = 60000};
    struct passwd *pw = getpwuid(geteuid());
    int fd;

    assert_non_null(helper);
    snprintf(f->user, sizeof(f->user), "%s", pw->pw_name);
    snprintf(f->shadow, sizeof(f->shadow), "/tmp/inguest-shadow-XXXXXX");
    fd = mkstemp(f->shadow);
    assert_true(fd >= 0);
    close(fd);
    c.shadow_path = f->shadow;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(auth_new(&f->loop, &c, &f->auth), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct auth_fixture *f = *state;

    auth_free(f->auth);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    unlink(f->shadow);
    mem_free(f);
    return 0;
}

struct outcome {
    int count, result;
    char account[64];
};

static void done(void *arg, int result, const char *account)
{
    struct outcome *o = arg;

    o->count++;
    o->result = result;
    snprintf(o->account, sizeof(o->account), "%s", account ? account : "");
}

static void start(struct auth_fixture *f, const char *user, const char *password, struct outcome *o)
{
    struct auth_waiter *w;

    *o = (struct outcome){0};
    assert_int_equal(auth_check(f->auth, user, password, done, o, &w), 0);
    assert_int_equal(o->count, 0);
}

static int login(struct auth_fixture *f, const char *user, const char *password)
{
    struct outcome o;

    start(f, user, password, &o);
    while (!o.count && uv_run(&f->loop, UV_RUN_ONCE))
        ;
    assert_int_equal(o.count, 1);
    if (o.result == 0)
        assert_string_equal(o.account, user);
    return o.result;
}

/* An account without a shell cannot log in, whatever its password. */
static void need_shell(const struct auth_fixture *f)
{
    struct passwd *pw = getpwnam(f->user);

    if (!pw || strstr(pw->pw_shell, "nologin") || strstr(pw->pw_shell, "false"))
        skip();
}

static void test_shadow(void **state)
{
    static const struct {
        const char *prefix;
        unsigned long cost;
    } kinds[] = {{"$y$", 1}, {"$6$", 1000}, {"$5$", 1000}};
    struct auth_fixture *f = *state;
    struct error err;
    char text[256];

    need_shell(f);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        hash(kinds[i].prefix, kinds[i].cost, "s3cret", text, sizeof(text));
        write_shadow(f, text, "19000:0:99999:7:::");
        assert_int_equal(auth_shadow_check(f->shadow, f->user, "s3cret", &err), 0);
        assert_int_equal(auth_shadow_check(f->shadow, f->user, "s3cret ", &err), -EACCES);
        assert_int_equal(auth_shadow_check(f->shadow, f->user, "", &err), -EACCES);
    }
    assert_int_equal(auth_shadow_check(f->shadow, "nobody-at-all", "s3cret", &err), -EACCES);
    assert_int_equal(auth_shadow_check("/no/such/file", f->user, "s3cret", &err), -ENOENT);
}

static void test_shadow_refusals(void **state)
{
    struct auth_fixture *f = *state;
    struct error err;
    char text[256], locked[260], ages[64];

    need_shell(f);
    hash("$5$", 1000, "s3cret", text, sizeof(text));
    snprintf(locked, sizeof(locked), "!%s", text);
    write_shadow(f, locked, "19000:0:99999:7:::");
    assert_int_equal(auth_shadow_check(f->shadow, f->user, "s3cret", &err), -EACCES);
    for (size_t i = 0; i < 5; i++) {
        static const char *const hashes[] = {"", "*", "!", "x", "!!"};

        write_shadow(f, hashes[i], "19000:0:99999:7:::");
        assert_int_equal(auth_shadow_check(f->shadow, f->user, "", &err), -EACCES);
        assert_int_equal(auth_shadow_check(f->shadow, f->user, hashes[i], &err), -EACCES);
    }
    /* The account expires today; tomorrow. */
    snprintf(ages, sizeof(ages), "19000:0:99999:7::%ld:", (long)DAY);
    write_shadow(f, text, ages);
    assert_int_equal(auth_shadow_check(f->shadow, f->user, "s3cret", &err), -EACCES);
    snprintf(ages, sizeof(ages), "19000:0:99999:7::%ld:", (long)DAY + 2);
    write_shadow(f, text, ages);
    assert_int_equal(auth_shadow_check(f->shadow, f->user, "s3cret", &err), 0);
    /* The password is too old; has to be changed. */
    snprintf(ages, sizeof(ages), "%ld:0:10:7:::", (long)DAY - 12);
    write_shadow(f, text, ages);
    assert_int_equal(auth_shadow_check(f->shadow, f->user, "s3cret", &err), -EACCES);
    write_shadow(f, text, "0:0:99999:7:::");
    assert_int_equal(auth_shadow_check(f->shadow, f->user, "s3cret", &err), -EACCES);
}

static void test_helper(void **state)
{
    struct auth_fixture *f = *state;
    struct outcome many[20], bad;
    struct auth_waiter *w;
    char text[256], longer[300];
    uint64_t before;

    need_shell(f);
    hash("$5$", 1000, "s3cret", text, sizeof(text));
    write_shadow(f, text, "19000:0:99999:7:::");
    assert_null(auth_check_cached(f->auth, f->user, "s3cret"));
    assert_int_equal(login(f, f->user, "s3cret"), 0);
    assert_string_equal(auth_check_cached(f->auth, f->user, "s3cret"), f->user);
    assert_null(auth_check_cached(f->auth, f->user, "s3cre"));
    /* A changed shadow file ends what was remembered. */
    write_shadow(f, text, "19001:0:99999:7:::");
    assert_null(auth_check_cached(f->auth, f->user, "s3cret"));
    /* Many at once share one check. */
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        start(f, f->user, "s3cret", &many[i]);
    while (!many[19].count && uv_run(&f->loop, UV_RUN_ONCE))
        ;
    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        assert_int_equal(many[i].count, 1);
        assert_int_equal(many[i].result, 0);
    }
    /* A wrong one waits; the next one waits for it; other names do not. */
    before = clock_ms();
    start(f, f->user, "wrong", &bad);
    assert_int_equal(login(f, "nobody-at-all", "x"), -EACCES);
    while (!bad.count && uv_run(&f->loop, UV_RUN_ONCE))
        ;
    assert_int_equal(bad.result, -EACCES);
    assert_true(clock_ms() - before >= AUTH_PENALTY_FIRST_MS);
    assert_int_equal(login(f, f->user, "s3cret"), 0);
    /* Too long to be a name. */
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(auth_check(f->auth, longer, "x", done, &bad, &w), -ENAMETOOLONG);
}

/* A forgotten waiter is not called; freeing with a helper at work is safe. */
static void test_forget(void **state)
{
    struct auth_fixture *f = *state;
    struct outcome o = {0}, p;
    struct auth_waiter *w;
    char text[256];

    need_shell(f);
    hash("$5$", 1000, "s3cret", text, sizeof(text));
    write_shadow(f, text, "19000:0:99999:7:::");
    assert_int_equal(auth_check(f->auth, f->user, "s3cret", done, &o, &w), 0);
    auth_forget(w);
    assert_int_equal(login(f, f->user, "s3cret"), 0);
    assert_int_equal(o.count, 0);
    start(f, f->user, "other", &p);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void test_helper_missing(void **state)
{
    struct auth_fixture *f = *state;
    struct auth_config c = {
        .auth_path = "/no/such/helper", .shadow_path = f->shadow, .cache_ms = 1000};

    auth_free(f->auth);
    assert_int_equal(auth_new(&f->loop, &c, &f->auth), 0);
    assert_int_equal(login(f, f->user, "x"), -ENOENT);
    c.auth_path = "/bin/true";
    auth_free(f->auth);
    assert_int_equal(auth_new(&f->loop, &c, &f->auth), 0);
    assert_int_equal(login(f, f->user, "x"), -EIO);
}

/* HMAC-SHA-256 of "user\\0password" under a key of the bytes 0 to 31, as Python's hmac has it. */
static void test_digest(void **state)
{
    static const uint8_t expected[SHA256_DIGEST_SIZE] = {
        0xfd, 0x8d, 0xec, 0x61, 0x94, 0x4d, 0x42, 0x39, 0xd8, 0x54, 0x13,
        0xb2, 0xb5, 0xc1, 0xfb, 0x3c, 0xf5, 0x51, 0x42, 0x72, 0xc9, 0x84,
        0x52, 0x7a, 0xeb, 0x80, 0x61, 0x92, 0x84, 0x04, 0x95, 0x4a};
    struct auth_cache *c = mem_calloc(1, sizeof(*c));
    uint8_t d[SHA256_DIGEST_SIZE];

    (void)state;
    assert_non_null(c);
    for (uint8_t i = 0; i < sizeof(c->key); i++)
        c->key[i] = i;
    auth_cache_digest(c, "user", "password", d);
    assert_memory_equal(d, expected, sizeof(d));
    mem_free(c);
}

static void test_cache(void **state)
{
    struct auth_cache *c = mem_calloc(1, sizeof(*c));
    uint8_t a[SHA256_DIGEST_SIZE], b[SHA256_DIGEST_SIZE];

    (void)state;
    clock_set_fake(1000000);
    assert_int_equal(auth_cache_init(c, "/no/such/shadow", 60000), 0);
    auth_cache_digest(c, "user", "password", a);
    auth_cache_digest(c, "userp", "assword", b);
    assert_memory_not_equal(a, b, sizeof(a));
    auth_cache_put(c, a, "user");
    assert_string_equal(auth_cache_find(c, a), "user");
    assert_null(auth_cache_find(c, b));
    clock_set_fake(1000000 + 59999);
    assert_non_null(auth_cache_find(c, a));
    clock_set_fake(1000000 + 60000);
    assert_null(auth_cache_find(c, a));
    /* The table is bounded: the newest stay. */
    for (unsigned i = 0; i < AUTH_CACHE_ENTRIES + 10; i++) {
        char name[32];

        snprintf(name, sizeof(name), "u%u", i);
        clock_set_fake(2000000 + i);
        auth_cache_digest(c, name, "p", b);
        auth_cache_put(c, b, name);
    }
    assert_string_equal(auth_cache_find(c, b), "u265");
    auth_cache_digest(c, "u9", "p", a);
    assert_null(auth_cache_find(c, a));
    auth_cache_digest(c, "u10", "p", a);
    assert_non_null(auth_cache_find(c, a));
    clock_set_fake(0);
    mem_free(c);
}

static void test_penalty(void **state)
{
    struct auth_cache *c = mem_calloc(1, sizeof(*c));
    static const uint32_t waits[] = {500, 1000, 2000, 4000, 8000, 8000};
    uint64_t now = 1000000;

    (void)state;
    clock_set_fake(now);
    assert_int_equal(auth_cache_init(c, "/no/such/shadow", 60000), 0);
    for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
        assert_int_equal(auth_penalty_wait(c, "u"), 0);
        assert_int_equal(auth_penalty_add(c, "u"), waits[i]);
        assert_int_equal(auth_penalty_wait(c, "u"), waits[i]);
        assert_int_equal(auth_penalty_wait(c, "v"), 0);
        clock_set_fake(now += waits[i]);
    }
    clock_set_fake(now + AUTH_PENALTY_FORGET_MS + 1);
    assert_int_equal(auth_penalty_add(c, "u"), 500);
    auth_penalty_clear(c, "u");
    assert_int_equal(auth_penalty_wait(c, "u"), 0);
    clock_set_fake(0);
    mem_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shadow),
        TEST(test_shadow_refusals),
        TEST(test_helper),
        TEST(test_forget),
        TEST(test_helper_missing),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_penalty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
