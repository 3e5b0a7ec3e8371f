/*
 * RPCI: requests from programs in the guest (guest RPC protocol, sections on vsock and RPCI; over a
 * Unix socket the same bytes).
 *
 * Each connection is strictly request, reply. What a request may do is a row of the const table in
 * rpci_commands.c: name, who may send it, handler. The kernel says who is at the other end; a
 * program of the guest's root is privileged.
 *
 * Limits: RPCI_CONNECTIONS_MAX connections, of which the last RPCI_PRIVILEGED_RESERVE are kept for
 * privileged ones; RPCI_PACKET_MAX a packet, RPCI_BUDGET bytes of half-received packets together.
 */
#ifndef VMX_RPCI_H
#define VMX_RPCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "vmx/vm.h"

#define RPCI_CONNECTIONS_MAX    64u
#define RPCI_PRIVILEGED_RESERVE 16u
#define RPCI_PACKET_MAX         (1u << 20)
#define RPCI_BUDGET             (8u << 20)
#define RPCI_REPLY_MAX          (1u << 20)
#define RPCI_LATE_REPLY_MAX     (8u << 20)  /* of one that comes later */
#define RPCI_LATE_BUDGET        (16u << 20) /* bytes of such replies that wait to be taken, in all */

struct rpci;

/* Listens at `path`. */
int rpci_new(struct vm *vm, const char *path, struct rpci **ret, struct error *err);
void rpci_free(struct rpci *r);
/* The guest is gone: its connections mean nothing any more. */
void rpci_drop_all(struct rpci *r);

/* One request, and what it is answered. */
struct rpci_request {
    struct vm *vm;
    bool privileged;
    const char *name; /* for logs; NUL-terminated, lower limit RPC_NAME_MAX */
    const uint8_t *args;
    size_t len;
    struct buf *result;     /* without the "1 " or "0 " */
    struct rpci_conn *conn; /* NULL = the answer must be given at once */
};

/* The answer to a request that a handler has not given before returning RPCI_LATER. The connection
 * takes no further requests until it is there. */
struct rpci_later;
#define RPCI_LATER 1

/* NULL when it must be given at once, or memory is short. */
struct rpci_later *rpci_later(struct rpci_request *rq);
/* It is answered at once after all. */
void rpci_forget_later(struct rpci_later *later);
/* Exactly once, while the RPCI server exists; the connection may have gone. */
void rpci_answer_later(struct rpci_later *later, bool ok, const void *result, size_t len);

/* Serves one message and appends the whole reply ("1 ..." or "0 ...") to `reply`. RPCI_LATER
 * (only with a connection): it will come by itself. */
int rpci_serve(struct vm *vm, struct rpci_conn *conn, bool privileged, const void *message,
               size_t len, struct buf *reply);

#endif
