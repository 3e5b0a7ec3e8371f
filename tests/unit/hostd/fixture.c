#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "hostd/users.h"
#include "hostd/vmlink.h"

void fixture_setup(struct fixture *f)
{
    fixture_setup_persona(f, HOST_PERSONA_HOST_AGENT);
}

void fixture_setup_persona(struct fixture *f, enum host_persona persona)
{
    char made[64];
    struct error err = {0};
    *f = (struct fixture){0};
    snprintf(f->run_dir, sizeof(f->run_dir), "/tmp/hostd-unit-XXXXXX");
    assert_non_null(mkdtemp(f->run_dir));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->host.loop = &f->loop;
    const struct core_options o = {
        .host = {.state_dir = f->run_dir,
                 .run_dir = f->run_dir,
                 .name = "test",
                 .persona = persona,
                 .session_idle_seconds = 60},
        .db_path = ":memory:",
        .administrator_password = FIXTURE_PASSWORD,
    };
    if (core_start(&f->host, &o, made, &err) < 0)
        fail_msg("%s", error_text(&err));
    assert_string_equal(made, "");
}

void fixture_teardown(struct fixture *f)
{
    core_stop(&f->host);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    fs_remove_tree(AT_FDCWD, f->run_dir, NULL);
}

static void on_result(struct call *call, const void *result, void *arg)
{
    struct outcome *o = arg;
    assert_false(o->done);
    o->done = true;
    if (o->look)
        o->look(result, o->arg);
    if (call_cookie(call))
        memcpy(o->cookie, call_cookie(call), SESSION_COOKIE_SIZE);
}

static void on_fault(struct call *call, const struct vim_object *fault, const char *text, void *arg)
{
    struct outcome *o = arg;
    (void)call;
    assert_false(o->done);
    assert_true(*text);
    o->done = true;
    snprintf(o->fault, sizeof(o->fault), "%s", fault->type->name);
    snprintf(o->text, sizeof(o->text), "%s", text);
}

static const struct dispatch_sink sink = {on_result, on_fault};

void fixture_start(struct fixture *f, const struct vim_method *method, struct vim_ref self,
                   const void *req, size_t size, struct session *session, const char *source,
                   struct outcome *o, struct call **ret_call)
{
    struct arena arena = ARENA_INIT(CALL_ARENA_MAX);
    struct call *call;
    o->done = false;
    o->fault[0] = o->text[0] = o->cookie[0] = '\0';
    void *copy = arena_memdup(&arena, req, size);
    assert_non_null(copy);
    /* As a decoder would leave it: strings are the call's own (secret ones are wiped). */
    for (size_t i = 0; i < method->request->field_count; i++) {
        const struct vim_field *field = &method->request->fields[i];
        if (field->type->kind == VIM_KIND_STRING && !(field->flags & VIM_FIELD_ARRAY)) {
            const char **at = (const char **)(void *)((char *)copy + field->offset);
            *at = arena_strdup(&arena, *at);
        }
    }
    const struct dispatch_params p = {
        .method = method,
        .self = self,
        .req = copy,
        .arena = &arena,
        .version = vim_version_advertised,
        .session = session,
        .source = source,
        .user_agent = "test",
        .sink = &sink,
        .arg = o,
    };
    assert_int_equal(dispatch_call(&f->host, &p, &call), 0);
    assert_true((call == NULL) == o->done);
    if (ret_call)
        *ret_call = call;
}

void fixture_wait(struct fixture *f, const bool *done)
{
    while (!*done)
        uv_run(&f->loop, UV_RUN_ONCE);
}

void fixture_call(struct fixture *f, const struct vim_method *method, struct vim_ref self,
                  const void *req, size_t size, struct session *session, struct outcome *o)
{
    fixture_start(f, method, self, req, size, session, "192.0.2.1", o, NULL);
    fixture_wait(f, &o->done);
}

struct session *fixture_session(struct fixture *f, const char *user)
{
    struct user u;
    struct session *s;
    char cookie[SESSION_COOKIE_SIZE];
    assert_int_equal(users_find(f->host.db, user, false, &u), 0);
    assert_int_equal(
        session_create(f->host.sessions, u.id, user, "en", "192.0.2.1", "test", &s, cookie), 0);
    return s;
}
