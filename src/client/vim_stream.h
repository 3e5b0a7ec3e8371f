/*
 * A live stream of a guest: the HTTPS connection that a URL of StartLiveProgramInGuest or
 * ConnectToPortInGuest becomes by an Upgrade. Its bytes are frames of wire/exec_frame.h.
 *
 * One thread per stream; streams of one client may be in several threads once vim_stream_prepare
 * has returned. Nothing here blocks but vim_stream_connect.
 */
#ifndef CLIENT_VIM_STREAM_H
#define CLIENT_VIM_STREAM_H

#include <stddef.h>
#include <sys/types.h>

#include "client/vim_client.h"

struct vim_stream;

/* For the server that `c` talks to, with the same trust. On the thread of `c`. */
int vim_stream_prepare(struct vim_client *c, struct vim_stream **ret, struct error *err);
/* Connects, and asks for the Upgrade; `path` as the method has answered it. */
int vim_stream_connect(struct vim_stream *s, const char *path, struct error *err);
void vim_stream_free(struct vim_stream *s); /* NULL is fine */

/* To be polled. After poll, receive until -EAGAIN: TLS may have more than the socket tells. */
int vim_stream_fd(const struct vim_stream *s);
/* Bytes moved; receiving 0 at the end; -EAGAIN; another negative errno code when it is broken. */
ssize_t vim_stream_send(struct vim_stream *s, const void *data, size_t len);
ssize_t vim_stream_receive(struct vim_stream *s, void *data, size_t size);

#endif
