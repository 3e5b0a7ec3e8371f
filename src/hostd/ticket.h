/*
 * One-time passwords that live for half a minute: to clone a session, and to show that one may read
 * a file which only the host's administrator (and hostd's own user) can read. A ticket is good for
 * one use. The table is bounded; the oldest ticket makes room.
 */
#ifndef HOSTD_TICKET_H
#define HOSTD_TICKET_H

#include <stdbool.h>
#include <stddef.h>

#include "hostd/hostd.h"

#define TICKET_SIZE     65 /* 64 hex digits and NUL */
#define TICKET_MS       30000
#define TICKETS_MAX     64
#define TICKET_PATH_MAX 512

enum ticket_kind { TICKET_CLONE, TICKET_LOCAL };

int tickets_new(struct host *host);
void tickets_free(struct host *host);

void ticket_make(struct host *host, enum ticket_kind kind, const char *user, char out[TICKET_SIZE]);

/* Writes the ticket to a new file RUN/tickets/..., mode 0600, which goes when the ticket does.
 * Negative errno. */
int ticket_make_local(struct host *host, const char *user, char path[TICKET_PATH_MAX]);

/* Is `text` a local ticket of the user? It is used up then. */
bool ticket_redeem(struct host *host, const char *user, const char *text);
bool ticket_redeem_clone(struct host *host, const char *text, char *ret_user, size_t size);

#endif
