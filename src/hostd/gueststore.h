/*
 * hostd's part of GuestStore (docs/gueststore.md): the settings, in hostd.db; the access rules of
 * every VM; gstored, which the supervisor keeps running while there is a repository; and the
 * connection of every VM to it.
 *
 * The rules are the VM's settings guestStore.access.grant and .deny. What counts is what a client
 * set through the API, or what the .vmx file said when the VM became known: hostd keeps it in
 * hostd.db and does not take it back from a running vmx, which a guest may have subverted. Loop
 * thread only.
 */
#ifndef HOSTD_GUESTSTORE_H
#define HOSTD_GUESTSTORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "hostd/hostd.h"

#define GUESTSTORE_GRANT "guestStore.access.grant"
#define GUESTSTORE_DENY  "guestStore.access.deny"

struct gueststore;
struct vm;

/* What a VM has of it; a member of struct vm. */
struct gueststore_vm {
    char *grant, *deny; /* NULL: not set */
    bool attached;      /* gstored has its connection, as far as we know */
};

/* Strings NULL: not set; numbers 0: the default. */
struct gueststore_settings {
    const char *repository, *endpoint, *region, *ca_file;
    int64_t size_max, cache_max;
};

/* The settings now; strings are valid until the next change. */
const struct gueststore_settings *gueststore_settings(const struct host *host);
/* Checks them as far as this side can, stores them and applies them. `repository` NULL: clear.
 * -EINVAL with words. */
int gueststore_set(struct host *host, const struct gueststore_settings *settings,
                   struct error *err);

/* Asks gstored for its status. `status` is NULL when it cannot be had; `why` says so then. May be
 * called before it returns. */
typedef void (*gueststore_status_cb)(struct host *host, const json_t *status, const char *why,
                                     void *arg);
void gueststore_status(struct host *host, gueststore_status_cb cb, void *arg);

/* --- called by the VM's parts --- */

void gueststore_vm_known(struct vm *vm);                   /* added; its file has been read */
void gueststore_vm_reloaded(struct vm *vm);                /* its file was read anew */
void gueststore_vm_up(struct vm *vm);                      /* its vmx has answered hello */
void gueststore_vm_down(struct vm *vm);                    /* its vmx is gone */
void gueststore_vm_keys(struct vm *vm, const json_t *set); /* a client has set keys */
void gueststore_vm_gone(struct vm *vm);                    /* leaves the inventory, or hostd ends */
int gueststore_forget(struct host *host, const char *folder); /* the VM is no more */

extern const struct host_module gueststore_module;

#endif
