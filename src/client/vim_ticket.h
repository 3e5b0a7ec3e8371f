/*
 * Logins that programs of one user share: the session cookie in a file of the user's own, so that a
 * script of many short runs logs in once. A file is good until the time written in it; whoever can
 * read it is logged in, so it has mode 0600 in a folder that only its owner may write.
 */
#ifndef CLIENT_VIM_TICKET_H
#define CLIENT_VIM_TICKET_H

#include "base/error.h"
#include "client/vim_client.h"

/* The cookie kept for a user of a server; -ENOENT when there is none, or none that is still good.
 */
int vim_ticket_load(const char *address, const char *user, char out[VIM_CLIENT_COOKIE_MAX]);
/* The same of a file's text, at `now` (Unix seconds). */
int vim_ticket_read(const char *text, int64_t now, char out[VIM_CLIENT_COOKIE_MAX]);
int vim_ticket_save(const char *address, const char *user, const char *cookie, unsigned seconds,
                    struct error *err);
void vim_ticket_drop(const char *address, const char *user);

#endif
