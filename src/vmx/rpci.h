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
    struct buf *result; /* without the "1 " or "0 " */
};

/* Serves one message and appends the whole reply ("1 ..." or "0 ...") to `reply`. */
void rpci_serve(struct vm *vm, bool privileged, const void *message, size_t len, struct buf *reply);

#endif
