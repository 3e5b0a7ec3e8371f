/*
 * The service that the guest's ends of raw streams connect to (docs/guest-rpc-extensions.md, "Raw
 * streams"): takes connections, reads the greeting, finds who waits for its token.
 *
 * Anybody in the guest may connect, so what a stranger can hold is bounded: STREAM_SERVICE_MS for
 * the greeting, STREAM_SERVICE_MAX connections that have not greeted yet, STREAM_SERVICE_USER_MAX
 * of one uid. A token is good once, and compared in constant time. After the greeting not a byte is
 * read here. One thread: the loop's.
 */
#ifndef VMX_STREAM_SERVICE_H
#define VMX_STREAM_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "vmx/vm.h"
#include "wire/vix_stream.h"

#define STREAM_SERVICE_MS       5000u
#define STREAM_SERVICE_MAX      64u
#define STREAM_SERVICE_USER_MAX 16u

struct stream_service;

/* Someone who waits for a connection. Lives in its owner. */
struct stream_waiter {
    struct stream_waiter *next;
    uint8_t token[VIX_STREAM_TOKEN_SIZE];
    bool waiting;
    /* It has come; it waits no more. The descriptor is the callee's. */
    void (*connected)(struct stream_waiter *w, int fd);
};

int stream_service_new(struct vm *vm, const char *path, struct stream_service **ret,
                       struct error *err);
/* Nobody waits any more. NULL is fine. */
void stream_service_free(struct stream_service *s);

/* Makes a token and waits. -EIO: no random numbers. */
int stream_service_wait(struct stream_service *s, struct stream_waiter *w);
void stream_service_forget(struct stream_service *s, struct stream_waiter *w);
/* The guest is gone: so are its connections. */
void stream_service_drop_all(struct stream_service *s);

#endif
