/* A host without HTTP and supervisor: database in memory, run folder in /tmp, core modules. */
#ifndef TEST_HOSTD_FIXTURE_H
#define TEST_HOSTD_FIXTURE_H

#include "hostd/call.h"
#include "hostd/core.h"
#include "hostd/dispatch.h"
#include "hostd/session.h"

struct fixture {
    struct host host;
    uv_loop_t loop;
    char run_dir[64];
};

#define FIXTURE_PASSWORD "first password"

/* The administrator is `root` with FIXTURE_PASSWORD. */
void fixture_setup(struct fixture *f);
void fixture_setup_persona(struct fixture *f, enum host_persona persona);
void fixture_teardown(struct fixture *f); /* fails the test when handles are left in the loop */

/* The outcome of a call; strings live until fixture_outcome_free. */
struct outcome {
    bool done;
    const void
        *result;    /* copied bytes of the result struct's value pointers are the arena's: gone */
    char fault[64]; /* type name, "" = none */
    char text[256];
    char cookie[SESSION_COOKIE_SIZE];
    /* Looks at the result while it exists. */
    void (*look)(const void *result, void *arg);
    void *arg;
};

/* Starts a call; `req` is copied as bytes, its strings must outlive the call. *ret_call (may be
 * NULL) is the call that runs on. */
void fixture_start(struct fixture *f, const struct vim_method *method, struct vim_ref self,
                   const void *req, size_t size, struct session *session, const char *source,
                   struct outcome *o, struct call **ret_call);
/* Starts it and runs the loop until it is over. */
void fixture_call(struct fixture *f, const struct vim_method *method, struct vim_ref self,
                  const void *req, size_t size, struct session *session, struct outcome *o);
void fixture_wait(struct fixture *f, const bool *done);

struct session *fixture_session(struct fixture *f, const char *user);

#endif
