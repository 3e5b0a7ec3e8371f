/* Sessions, tickets, throttle: clocks are moved by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fixture.h"
#include "hostd/random.h"
#include "hostd/throttle.h"
#include "hostd/ticket.h"

static int setup(void **state)
{
    static struct fixture f;
    clock_set_fake(1000000);
    fixture_setup(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_teardown(*state);
    clock_set_fake(0);
    return 0;
}

static void cookie_finds_its_session_only(void **state)
{
    struct fixture *f = *state;
    struct sessions *all = f->host.sessions;
    char a[SESSION_COOKIE_SIZE], b[SESSION_COOKIE_SIZE], wrong[SESSION_COOKIE_SIZE];
    struct session *sa, *sb;
    assert_int_equal(session_create(all, 1, "root", NULL, "s", "u", &sa, a), 0);
    assert_int_equal(session_create(all, 1, "root", "de", "s", "u", &sb, b), 0);
    assert_int_equal(strlen(a), 40);
    assert_null(strstr(a, "443"));
    assert_ptr_equal(session_by_cookie(all, a), sa);
    assert_ptr_equal(session_by_cookie(all, b), sb);
    memcpy(wrong, a, sizeof(wrong));
    wrong[39] = wrong[39] == 'a' ? 'b' : 'a';
    assert_null(session_by_cookie(all, wrong));
    wrong[39] = '\0';
    assert_null(session_by_cookie(all, wrong));
    assert_null(session_by_cookie(all, ""));
    assert_null(session_by_cookie(all, NULL));
    assert_ptr_equal(session_by_key(all, sa->key), sa);
    assert_null(session_by_key(all, a)); /* the key is not the cookie */
    assert_string_equal(sa->locale, "en");
    session_end(sa);
    assert_null(session_by_cookie(all, a));
    assert_ptr_equal(session_by_cookie(all, b), sb);
}

static void unused_sessions_end(void **state)
{
    struct fixture *f = *state;
    struct sessions *all = f->host.sessions;
    char a[SESSION_COOKIE_SIZE], b[SESSION_COOKIE_SIZE], c[SESSION_COOKIE_SIZE];
    struct session *sa, *sb, *sc;
    session_create(all, 1, "root", NULL, "s", "u", &sa, a);
    session_create(all, 1, "root", NULL, "s", "u", &sb, b);
    session_create(all, 1, "root", NULL, "s", "u", &sc, c);
    session_ref(sc); /* a wait that is held */
    clock_set_fake(1000000 + 60 * 1000);
    session_expire(all);
    assert_int_equal(session_count(all), 3); /* exactly the limit is not over it */
    assert_ptr_equal(session_by_cookie(all, b), sb);
    clock_set_fake(1000000 + 60 * 1000 + 1);
    session_expire(all);
    assert_null(session_by_cookie(all, a));
    assert_non_null(session_by_cookie(all, b));
    session_unref(sc);
    clock_set_fake(1000000 + 3 * 60 * 1000);
    session_expire(all);
    assert_int_equal(session_count(all), 0);
}

static int destroyed;
static void count_destroy(struct session *s, void *data)
{
    assert_true(s->ended);
    destroyed += *(int *)data;
}

static void slots_are_destroyed_once(void **state)
{
    struct fixture *f = *state;
    struct session *s = fixture_session(f, "root");
    int one = 1, ten = 10;
    destroyed = 0;
    session_slot_set(s, SESSION_SLOT_VIEW, &one, count_destroy);
    session_slot_set(s, SESSION_SLOT_PROPERTY, &ten, count_destroy);
    assert_ptr_equal(session_slot_get(s, SESSION_SLOT_VIEW), &one);
    assert_null(session_slot_get(s, SESSION_SLOT_HISTORY));
    session_ref(s); /* a call outlives it */
    session_end(s);
    assert_int_equal(destroyed, 11);
    assert_true(s->ended);
    session_unref(s);
    assert_int_equal(destroyed, 11);
}

static void a_user_cannot_take_all_sessions(void **state)
{
    struct fixture *f = *state;
    struct sessions *all = f->host.sessions;
    char first[SESSION_COOKIE_SIZE], cookie[SESSION_COOKIE_SIZE];
    struct session *s;
    session_create(all, 7, "greedy", NULL, "s", "u", &s, first);
    for (int i = 1; i < SESSION_PER_USER_MAX; i++) {
        clock_set_fake(1000000 + (uint64_t)i);
        assert_int_equal(session_create(all, 7, "greedy", NULL, "s", "u", &s, cookie), 0);
    }
    assert_int_equal(session_count(all), SESSION_PER_USER_MAX);
    assert_non_null(session_by_cookie(all, cookie));
    assert_int_equal(session_create(all, 7, "greedy", NULL, "s", "u", &s, cookie), 0);
    assert_int_equal(session_count(all), SESSION_PER_USER_MAX);
    assert_null(session_by_cookie(all, first));
    assert_int_equal(session_create(all, 8, "other", NULL, "s", "u", &s, cookie), 0);
    session_end_user(all, 7, NULL);
    assert_int_equal(session_count(all), 1);
}

static void there_is_a_limit_over_all(void **state)
{
    struct fixture *f = *state;
    char cookie[SESSION_COOKIE_SIZE];
    struct session *s;
    for (int i = 0; i < SESSION_MAX; i++)
        assert_int_equal(
            session_create(f->host.sessions, 100 + i % 10, "u", NULL, "s", "u", &s, cookie), 0);
    assert_int_equal(session_create(f->host.sessions, 1, "u", NULL, "s", "u", &s, cookie), -ENFILE);
}

static void tickets_work_once_and_not_for_long(void **state)
{
    struct fixture *f = *state;
    char t[TICKET_SIZE], path[TICKET_PATH_MAX], user[80], text[TICKET_SIZE + 1] = "";
    ticket_make(&f->host, TICKET_CLONE, "root", t);
    assert_false(ticket_redeem(&f->host, "root", t)); /* another kind */
    assert_true(ticket_redeem_clone(&f->host, t, user, sizeof(user)));
    assert_string_equal(user, "root");
    assert_false(ticket_redeem_clone(&f->host, t, user, sizeof(user)));

    ticket_make(&f->host, TICKET_CLONE, "root", t);
    clock_set_fake(1000000 + TICKET_MS + 1);
    assert_false(ticket_redeem_clone(&f->host, t, user, sizeof(user)));

    assert_int_equal(ticket_make_local(&f->host, "root", path), 0);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, TICKET_SIZE, file), TICKET_SIZE - 1);
    fclose(file);
    assert_false(ticket_redeem(&f->host, "somebody", text));
    assert_true(ticket_redeem(&f->host, "root", text));
    assert_null(fopen(path, "r")); /* the file went with it */
}

static void bad_logins_get_slower(void **state)
{
    struct throttle *t;
    (void)state;
    assert_int_equal(throttle_new(&t), 0);
    const uint64_t delays[] = {2000, 4000, 8000, 16000, 30000, 30000};
    for (size_t i = 0; i < 6; i++) {
        assert_true(throttle_begin(t, "192.0.2.1"));
        assert_int_equal(throttle_judge(t, "192.0.2.1", false), delays[i]);
        throttle_end(t, "192.0.2.1");
    }
    assert_true(throttle_begin(t, "192.0.2.2")); /* somebody else */
    assert_int_equal(throttle_judge(t, "192.0.2.2", true), 0);
    throttle_end(t, "192.0.2.2");
    clock_set_fake(1000000 + THROTTLE_FORGET_MS + 1);
    assert_true(throttle_begin(t, "192.0.2.1"));
    assert_int_equal(throttle_judge(t, "192.0.2.1", false), THROTTLE_FIRST_MS);
    assert_int_equal(throttle_judge(t, "192.0.2.1", true), 0);
    assert_int_equal(throttle_judge(t, "192.0.2.1", false), THROTTLE_FIRST_MS);
    throttle_end(t, "192.0.2.1");
    throttle_free(t);
}

static void attempts_under_way_are_bounded(void **state)
{
    struct throttle *t;
    (void)state;
    assert_int_equal(throttle_new(&t), 0);
    assert_true(throttle_begin(t, "a"));
    throttle_judge(t, "a", false);
    for (int i = 1; i < THROTTLE_PENDING_MAX; i++)
        assert_true(throttle_begin(t, "a"));
    assert_false(throttle_begin(t, "a"));
    throttle_end(t, "a");
    assert_true(throttle_begin(t, "a"));
    /* The table is bounded: the quietest makes room, those under way stay. */
    for (int i = 0; i < THROTTLE_SOURCES_MAX + 10; i++) {
        char source[32];
        snprintf(source, sizeof(source), "b%d", i);
        clock_set_fake(1000000 + (uint64_t)i);
        assert_true(throttle_begin(t, source));
        throttle_judge(t, source, false);
        throttle_end(t, source);
    }
    assert_false(throttle_begin(t, "a"));
    throttle_free(t);
}

static void random_names_are_as_promised(void **state)
{
    char hex[65], uuid[37], password[RANDOM_PASSWORD_SIZE];
    (void)state;
    for (int i = 0; i < 2000; i++) {
        random_hex(hex, 64);
        assert_int_equal(strspn(hex, "0123456789abcdef"), 64);
        assert_null(strstr(hex, "443"));
    }
    random_uuid(uuid);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '4');
    random_password(password);
    assert_int_equal(strlen(password), 16);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(cookie_finds_its_session_only), T(unused_sessions_end),
        T(slots_are_destroyed_once),      T(a_user_cannot_take_all_sessions),
        T(there_is_a_limit_over_all),     T(tickets_work_once_and_not_for_long),
        T(bad_logins_get_slower),         T(attempts_under_way_are_bounded),
        T(random_names_are_as_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
