/*
 * GuestStore for the command line tools: the client library, loaded at run time under the name by
 * which every guest has it, and a download that leaves nothing behind when a signal ends it.
 */
#ifndef GUEST_CLI_CONTENT_H
#define GUEST_CLI_CONTENT_H

#include <stdbool.h>

#include "inguest/gueststore.h"

/* Loads and initialises the library, once. Says on standard error why it cannot. */
bool content_library(void);

GuestStoreLibError content_get(const char *path, const char *file,
                               GuestStore_GetContentCallback progress, void *data);
/* The same; interrupt and hang-up signals stop it (GSLIBERR_CANCELLED) and no output stays. */
GuestStoreLibError content_get_stoppable(const char *path, const char *file,
                                         GuestStore_GetContentCallback progress, void *data);

const char *content_error_text(GuestStoreLibError err);

#endif
