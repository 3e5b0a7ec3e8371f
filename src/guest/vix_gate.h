/*
 * What the monitor does with each VIX opcode: one row each, and what has no row is refused. The
 * monitor itself never touches a user's file or process; rows that need a user go to a worker.
 */
#ifndef GUEST_VIX_GATE_H
#define GUEST_VIX_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "wire/vix_error.h"

enum vix_gate_place {
    VIX_GATE_WORKER,     /* login, then the user's worker */
    VIX_GATE_STREAM,     /* the worker that has the stream; its token takes the place of a login */
    VIX_GATE_LOGIN_ONLY, /* the login is all there is to it */
    VIX_GATE_ACQUIRE,    /* login, then a ticket */
    VIX_GATE_RELEASE,    /* the ticket is forgotten */
    VIX_GATE_STATE,      /* no login: the monitor describes the machine */
    VIX_GATE_NOTHING,    /* no login: success without doing anything */
    VIX_GATE_REFUSED,    /* known, but not on this kind of guest: `refusal` */
};

struct vix_gate {
    uint32_t opcode;
    enum vix_gate_place place;
    enum vix_error refusal;
    uint8_t old_login; /* belongs to the older API: a bad login is GUEST_USER_PERMISSIONS */
};

/* NULL = unknown, to be refused. */
const struct vix_gate *vix_gate_find(uint32_t opcode);

/* By tools.conf; also unknown opcodes obey the global switch. */
int vix_gate_disabled(uint32_t opcode, int (*disabled)(void *arg, const char *key), void *arg);

/* The same for the kind of stream that a STREAM_OPEN asks for. */
int vix_gate_stream_disabled(const void *body, size_t len,
                             int (*disabled)(void *arg, const char *key), void *arg);

enum vix_error vix_gate_login_error(const struct vix_gate *gate);

#endif
