/* Unix stream sockets and what travels beside their bytes. */
#ifndef BASE_SOCK_H
#define BASE_SOCK_H

#include <sys/socket.h>
#include <sys/types.h>

#include "base/error.h"

/* A listening, non-blocking, close-on-exec socket. A stale socket file is replaced; the file
 * gets exactly `mode`. Returns the descriptor or a negative errno code. */
int sock_listen_unix(const char *path, mode_t mode, struct error *err);

/* Connects without blocking beyond the kernel's own immediate answer; the descriptor returned is
 * non-blocking and close-on-exec. */
int sock_connect_unix(const char *path, struct error *err);

/* A non-blocking, close-on-exec stream pair. */
int sock_pair(int ret_fds[2]);

int sock_set_nonblocking(int fd, int on);

/* Who is at the other end, as the kernel knows it. */
int sock_peer(int fd, struct ucred *ret);

#endif
