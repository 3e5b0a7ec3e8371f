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
struct exec_program;
struct exec_connection;

/* From the hang-up to the kill of a program whose terminal's client has gone. */
#define EXEC_HANGUP_MS 5000u

/* The client has been told the end, or has gone; the last time that the program or connection may
 * be used. */
typedef void (*exec_over_cb)(void *arg);

/* Starts the program and joins it with the socket. Takes the socket, on failure too. -EINVAL: a
 * folder that is not absolute; or what starting a process gives. */
int exec_program_start(struct worker_ctx *w, const struct exec_spec *spec, int socket,
                       exec_over_cb over, void *arg, struct exec_program **ret);
/* As if the client had gone; `over` does not come any more. */
void exec_program_leave(struct exec_program *p);

/* Joins a TCP socket of the guest, as exec_connect gave it, with a client's socket; when it is an
 * error, that is what the client is told. Takes both, on failure too. */
int exec_connection_start(struct worker_ctx *w, int peer, int socket, exec_over_cb over, void *arg,
                          struct exec_connection **ret);
void exec_connection_leave(struct exec_connection *c);

/* Connects to the loopback, IPv4 first: a descriptor or a negative errno code. Blocks, for
 * EXEC_CONNECT_MS at most. */
int exec_connect(uint16_t port);
#define EXEC_CONNECT_MS 10000

#endif
