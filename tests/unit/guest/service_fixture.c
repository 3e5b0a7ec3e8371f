#include "service_fixture.h"

#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "wire/vix.h"
#include "wire/vix_auth.h"

#define WAIT_MS 60000u

static void check(void *arg, const char *user, const char *password, vix_authenticator_done done,
                  void *done_arg)
{
    struct fixture *f = arg;

    (void)user;
    f->logins++;
    done(done_arg, !f->password_changed && strcmp(password, FIXTURE_PASSWORD) == 0 ? 0 : -EACCES,
         NULL);
}

static void state(void *arg, struct vix_service_state *ret)
{
    (void)arg;
    ret->os_full_name = "Test OS 1.0";
    ret->host_name = "testhost";
}

int fixture_setup_with(void **pstate, void (*change)(struct vix_service_config *c))
{
    struct fixture *f = mem_calloc(1, sizeof(*f));
    struct vix_service_config c = {.authenticator = {check, f}, .tools_state = state};
    struct passwd *pw = getpwuid(geteuid());
    struct error err = {0};

    assert_non_null(f);
    assert_non_null(pw);
    snprintf(f->user, sizeof(f->user), "%s", pw->pw_name);
    snprintf(f->home, sizeof(f->home), "/tmp/inguest-service-XXXXXX");
    assert_non_null(mkdtemp(f->home));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    if (change)
        change(&c);
    assert_int_equal(vix_service_new(&f->loop, &c, &f->svc, &err), 0);
    *pstate = f;
    return 0;
}

int fixture_setup(void **pstate)
{
    return fixture_setup_with(pstate, NULL);
}

int fixture_teardown(void **pstate)
{
    struct fixture *f = *pstate;

    vix_service_free(f->svc);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    fs_remove_tree(-100, f->home, NULL);
    mem_free(f);
    return 0;
}

void fixture_message(struct buf *b, uint32_t opcode, uint8_t common_flags, const char *user,
                     const char *password, const union vix_body *body)
{
    AUTO_BUF struct buf bytes = BUF_INIT(VIX_MESSAGE_LARGE), blob = BUF_INIT(65536);
    struct vix_credential cred = {
        .type = VIX_CRED_NAME_PASSWORD, .name = (char *)user, .password = (char *)password};
    struct vix_request rq = {.common_flags = common_flags,
                             .opcode = opcode,
                             .timeout = VIX_TIMEOUT_NONE,
                             .credential_type = user ? VIX_CRED_NAME_PASSWORD : VIX_CRED_NONE};
    union vix_body empty = {0};

    assert_int_equal(vix_body_encode(&bytes, opcode, body ? body : &empty), 0);
    if (user)
        assert_int_equal(vix_credential_encode(&blob, &cred), 0);
    rq.body = bytes.data;
    rq.body_len = bytes.len;
    rq.credential = blob.data;
    rq.credential_len = blob.len;
    assert_int_equal(vix_request_encode(b, &rq), 0);
}

static void answered(void *arg, const struct vix_service_reply *reply)
{
    struct answer *a = arg;

    a->count++;
    a->err = reply->err;
    a->additional = reply->additional;
    a->binary = reply->binary;
    a->data.max = VIX_SERVICE_RESULT_MAX;
    assert_int_equal(buf_put(&a->data, reply->data, reply->len), 0);
}

void fixture_start_message(struct fixture *f, const struct buf *message, size_t max_result,
                           uint32_t deadline_ms, struct answer *a)
{
    answer_clear(a);
    assert_int_equal(vix_service_request(f->svc, NULL, message->data, message->len, max_result,
                                         deadline_ms, answered, a, NULL),
                     0);
    /* Never from inside the call. */
    assert_int_equal(a->count, 0);
}

void fixture_start(struct fixture *f, uint32_t opcode, const union vix_body *body, struct answer *a)
{
    AUTO_BUF struct buf b = BUF_INIT(VIX_MESSAGE_LARGE);

    fixture_message(&b, opcode, VIX_COMMON_REQUEST | (opcode == 84 ? VIX_COMMON_BINARY : 0),
                    f->user, FIXTURE_PASSWORD, body);
    fixture_start_message(f, &b, opcode == 84 ? VIX_MESSAGE_LARGE - 92 : 0, 0, a);
}

static void time_up(uv_timer_t *t)
{
    *(int *)t->data = 1;
}

void fixture_run(struct fixture *f, unsigned ms, const int *flag)
{
    int over = 0;
    uv_timer_t t = {.data = &over};

    uv_timer_init(&f->loop, &t);
    uv_timer_start(&t, time_up, ms, 0);
    while (!over && !(flag && *flag))
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&t, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

void fixture_wait(struct fixture *f, struct answer *a)
{
    fixture_run(f, WAIT_MS, &a->count);
    assert_int_equal(a->count, 1);
}

uint64_t fixture_call(struct fixture *f, uint32_t opcode, const union vix_body *body,
                      struct answer *a)
{
    fixture_start(f, opcode, body, a);
    fixture_wait(f, a);
    return a->err;
}

void answer_clear(struct answer *a)
{
    buf_free(&a->data);
    *a = (struct answer){0};
}
