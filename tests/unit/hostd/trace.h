/* Requests as clients write them, through decoder, dispatcher and encoder, without a socket. */
#ifndef TEST_HOSTD_TRACE_H
#define TEST_HOSTD_TRACE_H

#include "base/buf.h"
#include "fixture.h"

struct trace {
    bool done, fault;
    struct buf out; /* the answer's document */
    struct call *call;
    vim_version version;
};

/* `body` is what stands in soapenv:Body; a namespace urn:vim25 is declared on the envelope. */
void trace_start(struct fixture *f, struct session *s, const char *version, const char *body,
                 struct trace *t);
/* Starts it, runs the loop until it is answered; fails the test when the answer is a fault. */
const char *trace_call(struct fixture *f, struct session *s, const char *body, struct trace *t);
/* The same, expecting a fault. */
const char *trace_fault(struct fixture *f, struct session *s, const char *body, struct trace *t);
void trace_free(struct trace *t);

/* The text between `before` and `after` in the answer, in a static buffer. */
const char *trace_between(const struct trace *t, const char *before, const char *after);
void assert_has(const struct trace *t, const char *text);
void assert_has_not(const struct trace *t, const char *text);
size_t count_of(const struct trace *t, const char *text);

#endif
