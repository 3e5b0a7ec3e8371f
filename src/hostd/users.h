/* Local users and groups, in hostd.db. Loop thread. */
#ifndef HOSTD_USERS_H
#define HOSTD_USERS_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/db.h"
#include "hostd/password.h"

#define USERS_MAX             10000
#define USERS_NAME_MAX        63 /* bytes */
#define USERS_DESCRIPTION_MAX 255

/* The one who may do everything, made on first start. */
#define USERS_ADMINISTRATOR "root"

struct user {
    int64_t id;
    char name[USERS_NAME_MAX + 1];
    char description[USERS_DESCRIPTION_MAX + 1];
    char hash[PASSWORD_HASH_MAX]; /* clear after use */
    bool group;
};

/* Letters, digits, '.', '_', '-', '@' and '\\'; not starting with '-'. */
bool users_name_valid(const char *name);

/* -ENOENT. A user, or, with `group`, a group. */
int users_find(struct db *db, const char *name, bool group, struct user *ret);

/* -EEXIST (a user or a group has the name), -EINVAL (name), -ENOSPC (USERS_MAX). */
int users_add(struct db *db, const char *name, const char *description, const char *hash,
              int64_t *ret_id);
int users_add_group(struct db *db, const char *name, const char *description, int64_t *ret_id);
/* NULL leaves a thing as it is. -ENOENT. */
int users_update(struct db *db, int64_t id, const char *description, const char *hash);
/* Also removes the principal's permissions and memberships; inside a transaction of the caller's.
 */
int users_remove(struct db *db, const char *name, bool group);
/* -EEXIST when he is in it already (assign), -ENOENT when not (unassign). */
int users_assign(struct db *db, int64_t user_id, int64_t group_id);
int users_unassign(struct db *db, int64_t user_id, int64_t group_id);

/* Calls `each` in the order of names, users first, until it returns non-zero. */
int users_each(struct db *db, int (*each)(const struct user *user, void *arg), void *arg);
/* Groups of a user: calls `each` with the names. */
int users_groups(struct db *db, int64_t user_id, int (*each)(const char *name, void *arg),
                 void *arg);

#endif
