/*
 * GuestStore in the agent: serves the guest's programs on a local socket, one after the other, with
 * content that vmx sends over a stream of its own. (GuestStore, "Plugin: queue, timers, states".)
 *
 *     IDLE --a client--> READING --request--> CONNECTING --vmx is there--> ASKED --answer-->
 * SENDING
 *
 * One client is the current one; the others wait, unread, in the order they came. There is at most
 * one connection of vmx, kept while clients follow each other. Access is off until the host
 * switches it on, and nothing listens then.
 *
 * tools.conf, group guestStore: disabled, adminOnly, maxConnections, clientRecvTimeout,
 * connTimeout.
 *
 * One loop, one thread. The socket's folder must belong to the user who runs the agent.
 */
#ifndef GUEST_GUESTSTORE_H
#define GUEST_GUESTSTORE_H

#include <stdbool.h>
#include <uv.h>

#include "guest/conf.h"
#include "inguest/toolbox.h"

#define GUESTSTORE_CONNECTIONS    8       /* the current client and those that wait */
#define GUESTSTORE_CLIENT_RECV_S  3       /* for a whole request */
#define GUESTSTORE_CONN_S         900     /* without a byte that the client took */
#define GUESTSTORE_TIMEOUT_MAX_S  2147483 /* of the two; beyond it the default counts */
#define GUESTSTORE_VMX_CONNECT_MS 5000    /* from guestStore.connect on */

struct gueststore;

struct gueststore_config {
    uv_loop_t *loop;
    struct toolbox *tb;
    const struct conf *conf;
    const char *socket_path; /* of the local socket */
    const char *link_dir;    /* folder of the Unix link; NULL = vsock */
    /* Access was switched on or off; may be NULL. Not called by gueststore_free. */
    void (*access)(void *arg, bool on);
    void *arg;
};

/* Copies the configuration; `conf` must stay until the next gueststore_set_conf. */
int gueststore_new(const struct gueststore_config *config, struct gueststore **ret);
/* After toolbox_destroy: its last callbacks come here. The loop must turn afterwards. NULL is fine.
 */
void gueststore_free(struct gueststore *g);

void gueststore_set_conf(struct gueststore *g, const struct conf *conf);
/* Set_Option enableGuestStoreAccess. -EINVAL: nothing changed. */
int gueststore_option(struct gueststore *g, const char *value);
/* The channel to the host was lost or begins anew. */
void gueststore_reset(struct gueststore *g);
/* The carrier is known now: the folder of the Unix link, or NULL for vsock. */
void gueststore_set_link(struct gueststore *g, const char *link_dir);
/* Ends everything that a client waits for and takes no more; before the loop's end. */
void gueststore_stop(struct gueststore *g);

#endif
