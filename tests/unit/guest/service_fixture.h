/*
 * A vix_service on a loop of its own, with real workers, for tests: builds requests, waits for
 * replies. The authenticator accepts one password for every account, so that tests do not depend
 * on the machine's accounts; the built-in one has tests of its own.
 */
#ifndef TEST_SERVICE_FIXTURE_H
#define TEST_SERVICE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "guest/vix_service.h"
#include "wire/vix_body.h"

#define FIXTURE_PASSWORD "right"

struct fixture {
    uv_loop_t loop;
    struct vix_service *svc;
    char user[64]; /* the account that the tests run as */
    char home[64]; /* a fresh folder, removed at the end */
    unsigned logins;
    bool password_changed; /* no login is good any more */
};

struct answer {
    int count;
    uint64_t err;
    uint32_t additional;
    int binary;
    struct buf data;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* As setup, with the built-in authenticator and the config changed by `change`. */
int fixture_setup_with(void **state, void (*change)(struct vix_service_config *c));

/* Appends a request message with name and password. */
void fixture_message(struct buf *b, uint32_t opcode, uint8_t common_flags, const char *user,
                     const char *password, const union vix_body *body);

/* Starts a request as the fixture's user; `a` must live until it is answered. */
void fixture_start(struct fixture *f, uint32_t opcode, const union vix_body *body,
                   struct answer *a);
void fixture_start_message(struct fixture *f, const struct buf *message, size_t max_result,
                           uint32_t deadline_ms, struct answer *a);
/* Runs the loop until `a` has been answered; fails the test after 20 s. */
void fixture_wait(struct fixture *f, struct answer *a);
/* Start and wait; returns the VIX error. The text of the result is in a->data. */
uint64_t fixture_call(struct fixture *f, uint32_t opcode, const union vix_body *body,
                      struct answer *a);
void answer_clear(struct answer *a);

/* Runs the loop for a time, or until *flag. */
void fixture_run(struct fixture *f, unsigned ms, const int *flag);

#endif
