/*
 * GuestStore in vmx: the agent asks for a data connection, asks over it for one resource after the
 * other, and gets what gstored gives for them. (GuestStore, "vmx GuestStore module"; the
 * conversation with gstored is in docs/gueststore.md.)
 *
 *     READY --guestStore.connect--> DIALLING --connection--> WAIT --GET--> ASKING --OPENED--> RELAY
 *
 * One connection a VM, one request on it. What the guest sends is hostile: a map of more than
 * GUESTSTORE_MAP_REQUEST_MAX bytes, one that is none, or a request during another one end the
 * connection. A guest that takes nothing, and a gstored that says nothing, for
 * GUESTSTORE_STALL_S end it too; until then they cost two descriptors.
 *
 * One loop, one thread.
 */
#ifndef VMX_GUESTSTORE_H
#define VMX_GUESTSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vmx/vm.h"

/* The link service to which an agent connects (docs/guest-rpc-extensions.md). */
#define GUESTSTORE_LINK_SERVICE "973"
#define GUESTSTORE_PORT         973
#define GUESTSTORE_DIAL_MS      5000u
#define GUESTSTORE_STALL_S      60
#define GUESTSTORE_STALL_MAX_S  3600
/* A partly received map has to be whole by then. */
#define GUESTSTORE_MAP_MS 10000u
/* A request that finds gstored just starting waits so long for it. */
#define GUESTSTORE_ATTACH_MS 5000u

#define GUESTSTORE_ACCESS_KEY "guestStore.accessEnabled"        /* FALSE: not for this VM */
#define GUESTSTORE_STALL_KEY  "inguest.guestStore.stallTimeout" /* seconds */

struct gueststore;

/* Listens at `path` for agents. */
int gueststore_new(struct vm *vm, const char *path, struct gueststore **ret, struct error *err);
/* NULL is fine. */
void gueststore_free(struct gueststore *g);

/* guestStore.accessEnabled: a repository is configured and the VM may use it. */
bool gueststore_access(const struct gueststore *g);
/* guestStore.connect PORT, from the guest's root. -EACCES (access is off), -EINVAL (not a port that
 * there is), -EBUSY (there is a connection already). */
int gueststore_connect(struct gueststore *g, const uint8_t *args, size_t len);
/* The guest is gone, suspended, or comes back: its connection means nothing any more. */
void gueststore_drop(struct gueststore *g);

/* hostd: a connection to gstored, which is taken (-1 = none now), and whether a repository is
 * configured. */
int gueststore_attach(struct gueststore *g, int fd, bool enabled);
/* The VM's configuration may have changed. */
void gueststore_config_changed(struct gueststore *g);

#endif
