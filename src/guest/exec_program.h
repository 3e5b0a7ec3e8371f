/*
 * Programs with live streams (docs/guest-worker.md): a program that a client is connected to while
 * it runs, with pipes or with a terminal of its own, and TCP connections to the guest's loopback,
 * which look the same to the client.
 *
 * Both live on their own once they have begun: until the client has been told the end, or has gone.
 * When the client goes, a program sees the end of its input; one with a terminal is hung up on
 * (SIGHUP) and, if that does not end it, killed. One thread: the loop's.
 */
#ifndef GUEST_EXEC_PROGRAM_H
#define GUEST_EXEC_PROGRAM_H

#include <stdint.h>

#include "wire/exec_spec.h"

struct worker_ctx;

/* Programs and connections of one worker at a time. */
#define EXEC_LIVE_MAX 256u
/* From the hang-up to the kill of a program whose terminal's client has gone. */
#define EXEC_HANGUP_MS 5000u

/* Starts the program and joins it with the socket. Takes the socket, on failure too. -EINVAL: a
 * folder that is not absolute; -EAGAIN: too many; or what starting a process gives. */
int exec_program_start(struct worker_ctx *w, const struct exec_spec *spec, int socket);

/* Joins a connected TCP socket of the guest with a client's socket. Takes both, on failure too.
 * -EAGAIN: too many. */
int exec_connection_start(struct worker_ctx *w, int peer, int socket);

/* Connects to the loopback, IPv4 first; gives the descriptor, or a negative errno code, to `done`,
 * never from inside this call. At most 10 seconds. */
int exec_connect(struct worker_ctx *w, uint16_t port, void (*done)(void *arg, int fd), void *arg);

#endif
