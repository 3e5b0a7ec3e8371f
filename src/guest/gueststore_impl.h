/*
 * Inside the agent's GuestStore: what its files share.
 *
 *   gueststore.c         access on and off, the local socket, who is next
 *   gueststore_serve.c   the current client and the connection of vmx
 *   gueststore_link.h    how that connection comes
 *   gueststore_pump.h    content from vmx to the client
 */
#ifndef GUEST_GUESTSTORE_IMPL_H
#define GUEST_GUESTSTORE_IMPL_H

#include <sys/queue.h>

#include "guest/gueststore.h"
#include "guest/gueststore_link.h"
#include "guest/gueststore_pump.h"
#include "wire/gueststore.h"

enum client_state {
    CLIENT_READING,    /* its request comes in */
    CLIENT_CONNECTING, /* vmx is asked to connect */
    CLIENT_ASKED,      /* the GET is with vmx */
    CLIENT_HEAD,       /* the head of the answer goes out, then the content */
    CLIENT_CONTENT,
};

struct client {
    STAILQ_ENTRY(client) link;
    struct gueststore *g;
    uv_poll_t poll; /* once it is the current one */
    bool polled;
    int fd;
    enum client_state state;
    uint8_t request[GUESTSTORE_REQUEST_SIZE];
    size_t got;
    char path[GUESTSTORE_PATH_MAX + 1];
    size_t path_len;
    bool half_closed; /* it will send no more; nothing to be told about that again */
    struct buf out;   /* the head of the answer */
    int64_t left;     /* content that has not gone out */
    bool last;        /* after `out` nothing follows */
};

STAILQ_HEAD(client_queue, client);

/* vmx's end of the data connection. */
struct vmx_conn {
    struct gueststore *g;
    uv_poll_t poll;
    int fd;
    struct pump *pump;
    uint8_t map[4 + GUESTSTORE_MAP_REPLY_MAX];
    size_t got;
};

struct gueststore {
    struct gueststore_config config;
    const struct conf *conf;
    bool enabled, stopped;
    bool admin_only; /* as the socket was made */
    bool conf_disabled;
    unsigned max_held;
    uint64_t request_ms, idle_ms; /* of tools.conf */
    /* the local socket */
    int listen_fd;
    uv_poll_t *listen_poll;
    struct gueststore_link *link;
    /* clients */
    struct client_queue waiting;
    unsigned held; /* the current one too */
    struct client *current;
    /* vmx */
    struct vmx_conn *vmx;
    bool connecting; /* vmx was asked to connect and has not yet */
    unsigned asked;  /* which guestStore.connect counts */
    uv_timer_t request_timer, connect_timer, idle_timer;
};

/* gueststore.c */
/* Takes the current client away and serves the next one, if there is one. */
void gueststore_next(struct gueststore *g);
void gueststore_close_clients(struct gueststore *g);

/* gueststore_serve.c */
void gueststore_serve(struct gueststore *g); /* g->current is new */
void gueststore_on_vmx(int fd, void *arg);
/* Tells vmx that there is nothing more to ask, and drops its connection. */
void gueststore_close_vmx(struct gueststore *g);

#endif
