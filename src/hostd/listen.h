/* The listening socket. */
#ifndef HOSTD_LISTEN_H
#define HOSTD_LISTEN_H

#include "base/error.h"

/* Connections with no deadline of their own (a program's terminal, a long download) end when their
 * client's machine answers no more: a first question after so much silence, then one an interval.
 */
#define LISTEN_KEEPALIVE_IDLE_S     60
#define LISTEN_KEEPALIVE_INTERVAL_S 15
#define LISTEN_KEEPALIVE_PROBES     4

/* `address` is HOST:PORT, HOST an IPv4 or (in brackets) IPv6 address, or a name. Port 0: any.
 * Returns the descriptor, *ret_port as bound. */
int listen_open(const char *address, unsigned *ret_port, struct error *err);

unsigned listen_port(int fd); /* that a listening socket is bound to; 0 = none */

#endif
