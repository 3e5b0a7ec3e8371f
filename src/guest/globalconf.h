/*
 * tools.conf that comes from the host: fetched through GuestStore into tools-global.conf beside the
 * guest's own file, whose settings win. (GuestStore, "Global configuration".)
 *
 * tools.conf, group globalconf: enabled, poll-interval (seconds), resource. Functions here block;
 * the agent calls globalconf_refresh on a thread.
 */
#ifndef GUEST_GLOBALCONF_H
#define GUEST_GLOBALCONF_H

#include <stdbool.h>

#include "guest/conf.h"
#include "inguest/gueststore.h"

#define GLOBALCONF_GROUP      "globalconf"
#define GLOBALCONF_POLL_S     3600
#define GLOBALCONF_POLL_MIN_S 1800 /* shorter ones become GLOBALCONF_POLL_S */
#define GLOBALCONF_POLL_MAX_S 2147483
#define GLOBALCONF_RESOURCE   "/vmware/configurations/vmtools/linux/tools.conf"
#define GLOBALCONF_NAME       "tools-global.conf" /* beside tools.conf */

/* How content is fetched: GuestStore_GetContent, or the same from a library that was loaded. */
typedef GuestStoreLibError globalconf_get_fn(const char *content, const char *file,
                                             GuestStore_Logger logger, GuestStore_Panic panic,
                                             GuestStore_GetContentCallback progress, void *data);

bool globalconf_enabled(const struct conf *conf);
const char *globalconf_resource(const struct conf *conf);
int globalconf_poll_s(const struct conf *conf);

/* tools.conf at `path` and, where that has no word, tools-global.conf if it is enabled. */
int globalconf_load(const char *path, struct conf **ret, struct error *err);

/* One round. The kept copy is replaced when what came parses and differs, removed when the host has
 * none or forbids it, and stays otherwise. *ret_changed also with an error. GSLIBERR_GENERIC: what
 * came is no configuration, or the copy could not be written. */
GuestStoreLibError globalconf_refresh(const char *conf_path, const char *resource,
                                      globalconf_get_fn *get, bool *ret_changed);
/* Removes the kept copy. True when there was one. */
bool globalconf_forget(const char *conf_path);

#endif
