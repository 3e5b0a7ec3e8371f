/*
 * What a live program is started with: the body of a stream request of the kind EXEC; and what a
 * connection goes to, of the kind CONNECT (docs/guest-rpc-extensions.md). Little-endian:
 *
 *     EXEC     u32 flags, u16 rows, u16 columns, u32 arguments, u32 variables, then texts,
 *              each with its NUL: folder ("" = home), arguments, variables NAME=VALUE
 *
 *     CONNECT  u16 port
 *
 * Pure functions; what is decoded points into the bytes.
 */
#ifndef WIRE_EXEC_SPEC_H
#define WIRE_EXEC_SPEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/* With head and credential it fits into a stock-sized VIX request. */
#define EXEC_SPEC_MAX      49152u
#define EXEC_ARGUMENTS_MAX 4096u
#define EXEC_VARIABLES_MAX 1024u

enum exec_flag {
    EXEC_TERMINAL = 1, /* a terminal of the given size, else pipes */
};

struct exec_spec {
    uint32_t flags; /* enum exec_flag; unknown ones are refused */
    uint16_t rows, columns;
    const char *cwd;         /* "" = the user's home */
    size_t argc, envc;       /* argc 0: the user's login shell */
    const char *const *args; /* the first names the program; followed by NULL */
    const char *const *env;  /* followed by NULL */
};

/* -EINVAL: over a limit, an empty program name, a variable without name or "="; or buf_put's. */
int exec_spec_encode(struct buf *b, const struct exec_spec *spec);
/* The lists lie in the arena. -EBADMSG, -ENOMEM. */
int exec_spec_decode(const void *bytes, size_t len, struct arena *arena, struct exec_spec *ret);

int exec_connect_encode(struct buf *b, uint16_t port);
/* -EBADMSG: not a port. */
int exec_connect_decode(const void *bytes, size_t len, uint16_t *ret_port);

#endif
