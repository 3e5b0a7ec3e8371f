/*
 * Tickets: a guest login that was checked once and is then good for a while, so that a client need
 * not send the password again and PAM is not asked again (VIX guest command protocol,
 * ACQUIRE_CREDENTIALS).
 *
 * A ticket ends AUTH_TICKET_IDLE_MS after its last use, AUTH_TICKET_LIFE_MS after it was made, when
 * it is released, when its account's entry in the passwd or shadow file changes, and with this
 * process. Only keyed digests of tickets are kept. The table is bounded, for all accounts and for
 * one. Owner: the caller's thread. Times are clock_ms.
 */
#ifndef GUEST_AUTH_TICKET_H
#define GUEST_AUTH_TICKET_H

#include <stdint.h>

#include "base/buf.h"

#define AUTH_TICKETS_MAX         256u
#define AUTH_TICKETS_ACCOUNT_MAX 64u
#define AUTH_TICKET_IDLE_MS      (30u * 60u * 1000u)
#define AUTH_TICKET_LIFE_MS      (8u * 60u * 60u * 1000u)

struct auth_tickets;

/* `shadow_path` must live as long. -ENOMEM, -EIO when the kernel gives no random key. */
int auth_tickets_new(const char *shadow_path, struct auth_tickets **ret);
void auth_tickets_free(struct auth_tickets *all); /* NULL is fine */

/* Appends the text of a new ticket for an account that has just been checked. -EUSERS: there are
 * too many, -EINVAL: no account name, -EIO, -ENOMEM. */
int auth_ticket_issue(struct auth_tickets *all, const char *account, struct buf *b);

/* The account of a ticket, which has been used then, or NULL. Valid until the next call. */
const char *auth_ticket_use(struct auth_tickets *all, const char *ticket);

/* -ENOENT when there is none such. */
int auth_ticket_release(struct auth_tickets *all, const char *ticket);

#endif
