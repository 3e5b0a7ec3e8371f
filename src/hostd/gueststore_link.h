/*
 * hostd's connection to gstored: kept up while it is wanted, `configure` first whenever it is made
 * anew. The supervisor's socket takes connections also while gstored is starting. Loop thread only;
 * callbacks come from the loop.
 */
#ifndef HOSTD_GUESTSTORE_LINK_H
#define HOSTD_GUESTSTORE_LINK_H

#include <jansson.h>

#include "hostd/hostd.h"

#define GUESTSTORE_LINK_OPEN_MAX  16384u /* requests without answer */
#define GUESTSTORE_LINK_ANSWER_MS 10000u /* then gstored is taken for hung, and left */

struct gueststore_link;

struct gueststore_link_ops {
    json_t *(*settings)(void *arg); /* arguments of `configure`: a new object */
    /* Configured: requests go out. `attached`: ids of the VMs that gstored has connections of. */
    void (*up)(const json_t *attached, void *arg);
    void (*down)(void *arg); /* was up; open requests have been answered */
};

/* `result` is NULL when there is no good answer; `why` says so then. */
typedef void (*gueststore_link_cb)(const json_t *result, const char *why, void *arg);

int gueststore_link_new(struct host *host, const struct gueststore_link_ops *ops, void *arg,
                        struct gueststore_link **ret);
void gueststore_link_free(struct gueststore_link *l); /* no `down`; open requests are answered */

/* Why it is not up, for people. */
const char *gueststore_link_problem(const struct gueststore_link *l);

bool gueststore_link_up(const struct gueststore_link *l);

/* Sends {"op": op, ...args}, args stolen. Takes `fd` (-1: none), on failure too. `cb` (may be NULL)
 * is called once unless this fails: -ENOTCONN, -EBUSY, -ENOMEM. */
int gueststore_link_send(struct gueststore_link *l, const char *op, json_t *args, int fd,
                         gueststore_link_cb cb, void *arg);

#endif
