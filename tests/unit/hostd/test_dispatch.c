/* Calls: the checks before a handler, login, cancelling, and what happens to calls at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fixture.h"
#include "hostd/about.h"
#include "hostd/privileges.h"
#include "hostd/throttle.h"
#include "hostd/users.h"

static int setup(void **state)
{
    static struct fixture f;
    fixture_setup(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_teardown(*state);
    return 0;
}

static const struct vim_ref instance = {"ServiceInstance", "ServiceInstance"};
static const struct vim_ref manager = {"SessionManager", "ha-sessionmgr"};

static void look_content(const void *result, void *arg)
{
    const struct vim_RetrieveServiceContent_result *r = result;
    assert_string_equal(r->value->about->apiType, "HostAgent");
    assert_string_equal(r->value->about->apiVersion, "8.0.3.0");
    assert_string_equal(r->value->sessionManager.value, "ha-sessionmgr");
    assert_null(r->value->extensionManager.value);
    assert_null(vim_missing_field(&vim_type_ServiceContent, r->value, vim_version_advertised));
    *(bool *)arg = true;
}

static void content_needs_no_session(void **state)
{
    const struct vim_RetrieveServiceContent_request req = {instance};
    bool looked = false;
    struct outcome o = {.look = look_content, .arg = &looked};
    fixture_call(*state, &vim_method_RetrieveServiceContent, instance, &req, sizeof(req), NULL, &o);
    assert_string_equal(o.fault, "");
    assert_true(looked);
}

static void checks_come_in_their_order(void **state)
{
    struct fixture *f = *state;
    struct session *root = fixture_session(f, "root");
    const struct vim_CurrentTime_request time = {instance};
    const struct vim_ref nowhere = {"ServiceInstance", "nowhere"};
    struct outcome o = {0};
    fixture_call(f, &vim_method_CurrentTime, instance, &time, sizeof(time), NULL, &o);
    assert_string_equal(o.fault, "NotAuthenticated");
    fixture_call(f, &vim_method_CurrentTime, nowhere, &time, sizeof(time), NULL, &o);
    assert_string_equal(o.fault, "NotAuthenticated");
    fixture_call(f, &vim_method_CurrentTime, nowhere, &time, sizeof(time), root, &o);
    assert_string_equal(o.fault, "ManagedObjectNotFound");
    fixture_call(f, &vim_method_CurrentTime, manager, &time, sizeof(time), root, &o);
    assert_string_equal(o.fault, "MethodNotFound");
    fixture_call(f, &vim_method_CurrentTime, instance, &time, sizeof(time), root, &o);
    assert_string_equal(o.fault, "");
}

static void method_without_handler_is_not_supported(void **state)
{
    struct fixture *f = *state;
    struct session *root = fixture_session(f, "root");
    const struct vim_AcquireGenericServiceTicket_request req = {.this_ = manager};
    struct outcome o = {0};
    fixture_call(f, &vim_method_AcquireGenericServiceTicket, manager, &req, sizeof(req), root, &o);
    assert_string_equal(o.fault, "NotSupported");
}

static void look_session(const void *result, void *arg)
{
    const struct vim_Login_result *r = result;
    assert_string_equal(r->value->userName, "root");
    assert_string_equal(r->value->ipAddress, "192.0.2.1");
    assert_null(vim_missing_field(&vim_type_UserSession, r->value, vim_version_advertised));
    *(bool *)arg = true;
}

static void login_gives_a_session(void **state)
{
    struct fixture *f = *state;
    const struct vim_Login_request req = {manager, "root", FIXTURE_PASSWORD, "en_US"};
    bool looked = false;
    struct outcome o = {.look = look_session, .arg = &looked};
    fixture_call(f, &vim_method_Login, manager, &req, sizeof(req), NULL, &o);
    assert_string_equal(o.fault, "");
    assert_true(looked);
    struct session *s = session_by_cookie(f->host.sessions, o.cookie);
    assert_non_null(s);
    const struct vim_Logout_request out = {manager};
    o.look = NULL;
    char cookie[SESSION_COOKIE_SIZE];
    memcpy(cookie, o.cookie, sizeof(cookie));
    fixture_call(f, &vim_method_Logout, manager, &out, sizeof(out), s, &o);
    assert_string_equal(o.fault, "");
    assert_null(session_by_cookie(f->host.sessions, cookie));
    fixture_call(f, &vim_method_Logout, manager, &out, sizeof(out), NULL, &o);
    assert_string_equal(o.fault, "");
}

/* Real time, once: the answer to a wrong password is late. */
static void wrong_password_is_answered_late(void **state)
{
    struct fixture *f = *state;
    const struct vim_Login_request wrong = {manager, "root", "wrong", NULL};
    const struct vim_Login_request nobody = {manager, "nobody", FIXTURE_PASSWORD, NULL};
    struct outcome a = {0}, b = {0};
    uint64_t start = clock_ms();
    fixture_start(f, &vim_method_Login, manager, &wrong, sizeof(wrong), NULL, "192.0.2.1", &a,
                  NULL);
    fixture_start(f, &vim_method_Login, manager, &nobody, sizeof(nobody), NULL, "192.0.2.2", &b,
                  NULL);
    fixture_wait(f, &a.done);
    fixture_wait(f, &b.done);
    assert_true(clock_ms() - start >= THROTTLE_FIRST_MS - 50);
    assert_string_equal(a.fault, "InvalidLogin");
    assert_string_equal(b.fault, "InvalidLogin");
    assert_string_equal(a.text, b.text); /* nobody learns which names exist */
    assert_int_equal(session_count(f->host.sessions), 0);
}

static void cancelled_login_still_counts(void **state)
{
    struct fixture *f = *state;
    const struct vim_Login_request wrong = {manager, "root", "wrong", NULL};
    struct outcome o = {0};
    struct call *call;
    fixture_start(f, &vim_method_Login, manager, &wrong, sizeof(wrong), NULL, "192.0.2.9", &o,
                  &call);
    dispatch_cancel(call); /* while the password is being hashed */
    assert_string_equal(o.fault, "RequestCanceled");
    while (uv_loop_alive(&f->loop) && uv_run(&f->loop, UV_RUN_ONCE))
        ;
    assert_true(throttle_begin(f->host.throttle, "192.0.2.9"));
    assert_int_equal(throttle_judge(f->host.throttle, "192.0.2.9", false), 2 * THROTTLE_FIRST_MS);
    throttle_end(f->host.throttle, "192.0.2.9");
}

static void stopping_ends_calls_under_way(void **state)
{
    struct fixture *f = *state;
    const struct vim_Login_request req = {manager, "root", FIXTURE_PASSWORD, NULL};
    static struct outcome o;
    struct call *call;
    o = (struct outcome){0};
    fixture_start(f, &vim_method_Login, manager, &req, sizeof(req), NULL, "192.0.2.1", &o, &call);
    assert_non_null(call);
    assert_int_equal(dispatch_running(f->host.dispatch), 1);
    dispatch_free(f->host.dispatch);
    f->host.dispatch = NULL;
    assert_string_equal(o.fault, "RequestCanceled");
}

static void clone_ticket_makes_another_session(void **state)
{
    struct fixture *f = *state;
    struct session *root = fixture_session(f, "root");
    const struct vim_CloneSession_request bad = {manager, "not a ticket"};
    struct outcome o = {0};
    fixture_call(f, &vim_method_CloneSession, manager, &bad, sizeof(bad), NULL, &o);
    assert_string_equal(o.fault, "InvalidLogin");
    const struct vim_TerminateSession_request own = {manager, {1, (const char *[]){root->key}}};
    fixture_call(f, &vim_method_TerminateSession, manager, &own, sizeof(own), root, &o);
    assert_string_equal(o.fault, "InvalidArgument");
    const struct vim_TerminateSession_request unknown = {manager, {1, (const char *[]){"x"}}};
    fixture_call(f, &vim_method_TerminateSession, manager, &unknown, sizeof(unknown), root, &o);
    assert_string_equal(o.fault, "NotFound");
    struct session *other = fixture_session(f, "root");
    const struct vim_TerminateSession_request end = {manager, {1, (const char *[]){other->key}}};
    fixture_call(f, &vim_method_TerminateSession, manager, &end, sizeof(end), root, &o);
    assert_string_equal(o.fault, "");
    assert_int_equal(session_count(f->host.sessions), 1);
}

/* A privilege that is asked for and not in the list could be held by nobody. */
static void every_privilege_of_the_schema_is_known(void **state)
{
    (void)state;
    for (size_t i = 1; i < privilege_count; i++)
        assert_true(strcmp(privilege_names[i - 1], privilege_names[i]) < 0);
    for (size_t i = 0; i < vim_method_count; i++) {
        const struct vim_method *m = vim_methods[i];
        if (m->privilege && privilege_index(m->privilege) < 0)
            fail_msg("%s: %s", m->name, m->privilege);
        for (size_t n = 0; n < m->request->field_count; n++)
            if (m->request->fields[n].privilege &&
                privilege_index(m->request->fields[n].privilege) < 0)
                fail_msg("%s: %s", m->name, m->request->fields[n].privilege);
    }
    for (size_t i = 0; i < vim_mo_type_count; i++)
        for (size_t n = 0; n < vim_mo_types[i]->property_count; n++) {
            const char *p = vim_mo_types[i]->properties[n].privilege;
            if (p && privilege_index(p) < 0)
                fail_msg("%s: %s", vim_mo_types[i]->name, p);
        }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(content_needs_no_session),
        T(checks_come_in_their_order),
        T(method_without_handler_is_not_supported),
        T(login_gives_a_session),
        T(wrong_password_is_answered_late),
        T(cancelled_login_still_counts),
        T(stopping_ends_calls_under_way),
        T(clone_ticket_makes_another_session),
        T(every_privilege_of_the_schema_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
