/*
 * The host: what every part of hostd shares. One libuv loop, one thread (the main one) runs all
 * of hostd's logic; libmicrohttpd's threads move bytes and hand requests over (http.h), libuv's
 * pool hashes passwords. Nothing here is thread-safe unless it says so.
 *
 *   main.c       options, start order, readiness
 *   supervise.*  the process that stays root and the requests that it accepts
 *   http*.*      HTTPS, routes, streams
 *   dispatch.*   SOAP in, call, SOAP out
 *   call.h       what a method handler sees
 *   session.*    sessions          auth.*, users.*, db.*   who may do what
 *   vmlink.*     a VM's vmx process
 *   modules.c    the parts that bring handlers, routes and state
 */
#ifndef HOSTD_HOSTD_H
#define HOSTD_HOSTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "api/vim.h"
#include "base/error.h"

struct call_row;
struct host;
struct http_route;
struct mo_registry;
struct vim_mo_type;

enum host_persona { HOST_PERSONA_HOST_AGENT, HOST_PERSONA_VIRTUAL_CENTER };

/* Strings live as long as the process. Folders are absolute and exist. */
struct host_options {
    const char *state_dir;     /* STATE of docs/control-protocol.md */
    const char *run_dir;       /* RUN */
    const char *name;          /* of the HostSystem; the machine's host name by default */
    const char *instance_uuid; /* of this installation, made on first start */
    const char *thumbprint;    /* SHA-1 of the TLS certificate, "AA:BB:..." */
    enum host_persona persona;
    unsigned port;                 /* as bound */
    unsigned session_idle_seconds; /* a session unused this long is ended */
    unsigned guest_op_seconds;     /* for one request to a guest; 0: the default */
    bool guest_ops_off;            /* no VM serves guest operations */
    bool rest_compat;              /* REST as the published simulator answers it */
};

/* What the core asks of the inventory. Set once at start (the mo registry does); until then every
 * object but those of about.h is unknown. */
struct host_object_ops {
    /* The object's managed object type, NULL when there is no such object. */
    const struct vim_mo_type *(*type_of)(struct host *host, struct vim_ref ref);
    /* The parent in the tree that privileges are inherited along; false at the root folder and for
     * objects outside the tree, which are checked at the root folder. */
    bool (*parent)(struct host *host, struct vim_ref ref, struct vim_ref *ret_parent);
};

struct host {
    uv_loop_t *loop;
    struct host_options options;
    const struct host_object_ops *objects;
    struct mo_registry *registry;       /* mo.h: every managed object */
    struct property_engine *properties; /* property.c */

    struct db *db;             /* db.h: hostd.db, open for the process's life */
    struct sessions *sessions; /* session.h */
    struct auth *auth;         /* auth.h */
    struct throttle *throttle; /* throttle.h: bad logins */
    struct tickets *tickets;   /* ticket.h */
    struct vmlinks *vmlinks;   /* vmlink.h */
    char *service_message;     /* of SessionManager; NULL = none */
    struct dispatch *dispatch; /* dispatch.h */
    struct http *http;         /* http.h; NULL in unit tests */
    struct supervise *sup;     /* supervise.h; NULL in unit tests */

    size_t modules_started;

    struct gueststore *gueststore;   /* gueststore.h */
    struct guest_lives *guest_lives; /* guest_live.h */
    void *inventory;                 /* the inventory's own */
    void *guestops;                  /* the guest managers' own */
};

/* A part of hostd. Modules are listed in modules.c, started in that order and stopped in the
 * opposite one. All members may be NULL. */
struct host_module {
    const char *name;
    int (*start)(struct host *host, struct error *err);
    void (*stop)(struct host *host);
    const struct call_row *calls;    /* ends with a row whose method is NULL */
    const struct http_route *routes; /* ends with a row whose path is NULL */
};

extern const struct host_module *const host_modules[]; /* NULL-terminated */

#endif
