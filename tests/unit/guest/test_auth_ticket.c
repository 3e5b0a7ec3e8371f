/* Tickets: their life, their limits, and what ends them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "guest/auth_ticket.h"
#include "wire/vix_ticket.h"

#define BEGIN 1000000u

struct ticket_fixture {
    char shadow[64];
    struct auth_tickets *all;
};

static void write_shadow(const struct ticket_fixture *f, const char *text)
{
    assert_int_equal(fs_write_file(AT_FDCWD, f->shadow, text, strlen(text), 0600, NULL), 0);
}

static int setup(void **state)
{
    static struct ticket_fixture f;
    int fd;

    f = (struct ticket_fixture){.shadow = "/tmp/inguest-ticket-XXXXXX"};
    fd = mkstemp(f.shadow);
    assert_true(fd >= 0);
    close(fd);
    write_shadow(&f, "alice:$6$a:1::::::\nbob:$6$b:1::::::\n");
    clock_set_fake(BEGIN);
    assert_int_equal(auth_tickets_new(f.shadow, &f.all), 0);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct ticket_fixture *f = *state;

    auth_tickets_free(f->all);
    clock_set_fake(0);
    unlink(f->shadow);
    return 0;
}

static struct buf issue(struct ticket_fixture *f, const char *account)
{
    struct buf b = BUF_INIT(4096);

    assert_int_equal(auth_ticket_issue(f->all, account, &b), 0);
    return b;
}

static void test_use_and_release(void **state)
{
    struct ticket_fixture *f = *state;
    AUTO_BUF struct buf a = issue(f, "alice"), b = issue(f, "bob"), a2 = issue(f, "alice");
    char name[VIX_NAME_MAX + 1], changed[512];

    assert_string_not_equal(buf_text(&a), buf_text(&a2));
    assert_string_equal(auth_ticket_use(f->all, buf_text(&a)), "alice");
    assert_string_equal(auth_ticket_use(f->all, buf_text(&b)), "bob");
    assert_int_equal(vix_ticket_name(buf_text(&b), name), 0);
    assert_string_equal(name, "bob");

    /* Every character counts, and so does the name in it. */
    for (size_t i = 0; i < a.len; i++) {
        snprintf(changed, sizeof(changed), "%s", buf_text(&a));
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_null(auth_ticket_use(f->all, changed));
    }
    snprintf(changed, sizeof(changed), "%.*s", (int)a.len - 1, buf_text(&a));
    assert_null(auth_ticket_use(f->all, changed));
    assert_null(auth_ticket_use(f->all, ""));

    assert_int_equal(auth_ticket_release(f->all, buf_text(&a)), 0);
    assert_null(auth_ticket_use(f->all, buf_text(&a)));
    assert_int_equal(auth_ticket_release(f->all, buf_text(&a)), -ENOENT);
    assert_string_equal(auth_ticket_use(f->all, buf_text(&a2)), "alice");
}

static void test_expiry(void **state)
{
    struct ticket_fixture *f = *state;
    AUTO_BUF struct buf idle = issue(f, "alice"), used = issue(f, "alice");
    uint64_t now = BEGIN;

    /* The last use counts, up to and without the limit. */
    now += AUTH_TICKET_IDLE_MS - 1;
    clock_set_fake(now);
    assert_non_null(auth_ticket_use(f->all, buf_text(&used)));
    clock_set_fake(now + 1);
    assert_null(auth_ticket_use(f->all, buf_text(&idle)));
    while (now + AUTH_TICKET_IDLE_MS / 2 < BEGIN + AUTH_TICKET_LIFE_MS) {
        now += AUTH_TICKET_IDLE_MS / 2;
        clock_set_fake(now);
        assert_non_null(auth_ticket_use(f->all, buf_text(&used)));
    }
    clock_set_fake(BEGIN + AUTH_TICKET_LIFE_MS - 1);
    assert_non_null(auth_ticket_use(f->all, buf_text(&used)));
    /* However much it is used. */
    clock_set_fake(BEGIN + AUTH_TICKET_LIFE_MS);
    assert_null(auth_ticket_use(f->all, buf_text(&used)));
}

static void test_account_changes(void **state)
{
    struct ticket_fixture *f = *state;
    AUTO_BUF struct buf a = issue(f, "alice"), b = issue(f, "bob");

    write_shadow(f, "carol:$6$c:1::::::\nalice:$6$a:1::::::\nbob:$6$other:1::::::\n");
    assert_non_null(auth_ticket_use(f->all, buf_text(&a)));
    assert_null(auth_ticket_use(f->all, buf_text(&b)));
    /* It stays dead when the old entry comes back. */
    write_shadow(f, "alice:!$6$a:1::::::\nbob:$6$b:1::::::\n");
    assert_null(auth_ticket_use(f->all, buf_text(&b)));
    assert_null(auth_ticket_use(f->all, buf_text(&a)));
}

static void test_limits(void **state)
{
    struct ticket_fixture *f = *state;
    AUTO_BUF struct buf first = issue(f, "alice");
    char name[16], long_name[VIX_NAME_MAX + 2];
    struct buf b = BUF_INIT(4096);

    for (unsigned i = 1; i < AUTH_TICKETS_ACCOUNT_MAX; i++) {
        assert_int_equal(auth_ticket_issue(f->all, "alice", &b), 0);
        buf_clear(&b);
    }
    assert_int_equal(auth_ticket_issue(f->all, "alice", &b), -EUSERS);
    assert_int_equal(auth_ticket_release(f->all, buf_text(&first)), 0);
    assert_int_equal(auth_ticket_issue(f->all, "alice", &b), 0);
    for (unsigned i = AUTH_TICKETS_ACCOUNT_MAX; i < AUTH_TICKETS_MAX; i++) {
        snprintf(name, sizeof(name), "user%u", i);
        buf_clear(&b);
        assert_int_equal(auth_ticket_issue(f->all, name, &b), 0);
    }
    assert_int_equal(auth_ticket_issue(f->all, "zoe", &b), -EUSERS);
    /* Old ones make room. */
    clock_set_fake(BEGIN + AUTH_TICKET_IDLE_MS);
    assert_int_equal(auth_ticket_issue(f->all, "zoe", &b), 0);

    assert_int_equal(auth_ticket_issue(f->all, "", &b), -EINVAL);
    memset(long_name, 'n', sizeof(long_name));
    long_name[VIX_NAME_MAX + 1] = '\0';
    assert_int_equal(auth_ticket_issue(f->all, long_name, &b), -EINVAL);
    long_name[VIX_NAME_MAX] = '\0';
    assert_int_equal(auth_ticket_issue(f->all, long_name, &b), 0);
    buf_free(&b);
}

static void test_names_of_tickets(void **state)
{
    static const char *const bad[] = {"",
                                      "A",
                                      "not base64 at all",
                                      "aW5ndWVzdDE=",             /* the mark alone */
                                      "aW5ndWVzdDJhYWFhYWFhYWE=", /* another mark */
                                      NULL};
    char name[VIX_NAME_MAX + 1];

    (void)state;
    for (size_t i = 0; bad[i]; i++)
        assert_int_equal(vix_ticket_name(bad[i], name), -EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_use_and_release),
        TEST(test_expiry),
        TEST(test_account_changes),
        TEST(test_limits),
        cmocka_unit_test(test_names_of_tickets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
