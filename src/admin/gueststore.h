/* What the two files of `inguest gueststore` share. */
#ifndef ADMIN_GUESTSTORE_H
#define ADMIN_GUESTSTORE_H

#include "admin/admin.h"

/* A request to the host about GuestStore; `path` is relative to it. Connects. *ret (may be NULL) is
 * a new reference. */
int gueststore_rest(struct admin *ad, const char *verb, const char *path, const json_t *body,
                    json_t **ret, struct error *err);

/* On a folder repository of this machine, with the rights of whoever runs it. Exit statuses. */
int gueststore_put(struct admin *ad, const char *file, const char *path);
int gueststore_ls(struct admin *ad, const char *path);
int gueststore_rm(struct admin *ad, const char *path);

#endif
