/* Passwords from a file, standard input or a prompt, never from the arguments. */
#ifndef CLIENT_PASSWORD_H
#define CLIENT_PASSWORD_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

#define PASSWORD_MAX 1024u /* bytes */

/* First line of a file ("-": standard input; NULL: a prompt on the terminal without echo, twice
 * with `confirm`). The content is secret: password_forget. -ENOTTY: nobody to ask. */
int password_read(const char *file, const char *prompt, bool confirm, struct buf *ret,
                  struct error *err);
void password_forget(struct buf *secret);
/* Asks a question on the terminal; the first line of the answer. -ENOTTY. */
int password_ask(const char *question, bool echo, struct buf *ret, struct error *err);

#endif
