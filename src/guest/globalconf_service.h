/*
 * Keeps the global configuration fresh while GuestStore's access is on: a round when that becomes
 * so or the settings change, then one every poll-interval; after a reset of the channel (a resumed,
 * cloned or reverted VM) the next round waits a random time more, so that many clones do not come
 * at once. Rounds run on a thread of the loop's pool, one at a time.
 */
#ifndef GUEST_GLOBALCONF_SERVICE_H
#define GUEST_GLOBALCONF_SERVICE_H

#include <stdbool.h>
#include <uv.h>

#include "guest/conf.h"

#define GLOBALCONF_JITTER_MIN_S 30
#define GLOBALCONF_JITTER_MAX_S 299

struct globalconf_service;

/* `changed`: the kept copy is another one now, or gone. */
int globalconf_service_new(uv_loop_t *loop, const char *conf_path, const struct conf *conf,
                           void (*changed)(void *arg), void *arg, struct globalconf_service **ret);
/* A round that is under way ends first, with the loop; GuestStore must be stopped by then. */
void globalconf_service_free(struct globalconf_service *s);

void globalconf_service_access(struct globalconf_service *s, bool on);
void globalconf_service_set_conf(struct globalconf_service *s, const struct conf *conf);
void globalconf_service_reset(struct globalconf_service *s);

#endif
