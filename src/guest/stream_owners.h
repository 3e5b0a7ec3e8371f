/*
 * Whose raw streams there are: token to account, so that the end of a stream needs no login. The
 * token was made by the host for a request that had one, is known to the host, this process and
 * the user's worker alone, and so is all the authority that an end needs (STREAM_END,
 * docs/guest-rpc-extensions.md, "Raw streams").
 *
 * One thread. A stream is here from the moment its opening goes to the worker until its end was
 * answered, or its opening refused.
 */
#ifndef GUEST_STREAM_OWNERS_H
#define GUEST_STREAM_OWNERS_H

#include <stdint.h>

/* More than a host keeps open for one VM. Beyond it the oldest is forgotten: nobody can end it any
 * more, and its worker gives it up. */
#define STREAM_OWNERS_MAX 1024u

struct stream_owner;

struct stream_owners {
    struct stream_owner *first; /* newest first */
    unsigned count;
};

/* -EEXIST (a token that is in use), -ENOMEM. */
int stream_owners_add(struct stream_owners *all, const uint8_t *token, const char *account);
/* The account; NULL: no such stream. Valid until the next call with `all`. */
const char *stream_owners_find(const struct stream_owners *all, const uint8_t *token);
void stream_owners_remove(struct stream_owners *all, const uint8_t *token);
void stream_owners_clear(struct stream_owners *all);

#endif
