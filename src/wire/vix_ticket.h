/*
 * The ticket that our agent gives for a guest login (VIX guest command protocol,
 * ACQUIRE_CREDENTIALS and the ticketed session credential): base64 of a mark, random bytes and the
 * account's name.
 *
 * To everybody but the agent that made it a ticket is a secret and means nothing; the name is in it
 * so that hosts can say in their logs whose it is. That is a claim like the name beside a password:
 * the agent goes by the whole text alone. Other agents' tickets have no such name.
 */
#ifndef WIRE_VIX_TICKET_H
#define WIRE_VIX_TICKET_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/vix_auth.h"

#define VIX_TICKET_RANDOM 32u
#define VIX_TICKET_MARK   "inguest1"
#define VIX_TICKET_BYTES  (sizeof(VIX_TICKET_MARK) - 1 + VIX_TICKET_RANDOM + VIX_NAME_MAX)

/* Appends the text. -EINVAL: an empty name or one over VIX_NAME_MAX. */
int vix_ticket_encode(struct buf *b, const uint8_t random[VIX_TICKET_RANDOM], const char *account);

/* The name of a ticket that looks like ours. -EBADMSG: it is none. */
int vix_ticket_name(const char *ticket, char ret_name[VIX_NAME_MAX + 1]);

#endif
