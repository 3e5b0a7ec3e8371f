/*
 * Who may do what: roles, permissions along the inventory tree, and the check that every call
 * passes. Kept in hostd.db; a copy in memory answers the checks. Loop thread.
 */
#ifndef HOSTD_AUTH_H
#define HOSTD_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/hostd.h"
#include "hostd/privileges.h"

struct session;

#define AUTH_ROLES_MAX       500
#define AUTH_PERMISSIONS_MAX 10000
#define AUTH_ROLE_NAME_MAX   80
#define AUTH_FIRST_OWN_ROLE  10

enum auth_system_role {
    AUTH_ROLE_ADMIN = -1,
    AUTH_ROLE_READ_ONLY = -2,
    AUTH_ROLE_VIEW = -3,
    AUTH_ROLE_ANONYMOUS = -4,
    AUTH_ROLE_NO_ACCESS = -5,
    AUTH_ROLE_NO_CRYPTO_ADMIN = -6
};

struct auth_role {
    int32_t id;
    char *name;
    struct privilege_set privileges;
    bool system;
};

/* Strings are the table's own. `object` is a managed object id. */
struct auth_permission {
    char *type, *object;
    char *principal;
    bool group;
    int32_t role;
    bool propagate;
};

/* Does the session's user hold `privilege` on `object`? The permission nearest to the object wins,
 * a user's over his groups' on the same object, several groups' are united. Above an object on
 * which somebody has a permission he may see the way to it (System.View). Objects outside the tree
 * are checked at the root folder, except that everybody with a permission somewhere has the
 * System privileges on them. */
bool authz_check(struct host *host, const struct session *session, struct vim_ref object,
                 const char *privilege);
/* The same for a user who need not be logged in. */
bool authz_check_user(struct host *host, int64_t user_id, const char *user, struct vim_ref object,
                      const char *privilege);

/* The roles, at most `max`, that the session's user has on an object of the tree. */
size_t auth_effective_roles(struct host *host, const struct session *session, struct vim_ref object,
                            int32_t *ret, size_t max);

/* The object is destroyed: its permissions go. */
void authz_forget(struct host *host, struct vim_ref object);

/* --- for the methods of AuthorizationManager --- */

int auth_new(struct host *host);
void auth_free(struct host *host);
/* Reads the database again; after users, groups, roles or permissions changed. */
int auth_reload(struct host *host);

const struct auth_role *auth_role_by_id(struct host *host, int32_t id);
const struct auth_role *auth_role_by_name(struct host *host, const char *name);
size_t auth_roles(struct host *host, const struct auth_role **ret);
size_t auth_permissions(struct host *host, const struct auth_permission **ret);
/* Is the object this one of the permission? (The root folder's id depends on the persona.) */
bool auth_permission_on(struct host *host, const struct auth_permission *p, struct vim_ref object);
struct vim_ref auth_permission_ref(struct host *host, const struct auth_permission *p);

/* -EEXIST name, -EINVAL, -ENOSPC, -ENOENT, -EPERM system role, -EBUSY in use. */
int auth_role_add(struct host *host, const char *name, const struct privilege_set *privileges,
                  int32_t *ret_id);
int auth_role_update(struct host *host, int32_t id, const char *name,
                     const struct privilege_set *privileges /* NULL: as they are */);
int auth_role_remove(struct host *host, int32_t id, bool fail_if_used);
int auth_role_merge(struct host *host, int32_t from, int32_t to);

/* Around changes of users, groups and memberships that may take away rights: a transaction that is
 * committed only when `code` is 0 and an administrator remains (-EDQUOT). */
int auth_begin(struct host *host);
int auth_commit(struct host *host, int code);

/* Sets or replaces permissions; all or none. `reset` first removes those that the object has.
 * -ENOENT role, -ESRCH principal, -EDQUOT: nobody would be administrator any more. */
struct auth_change {
    const char *principal;
    bool group;
    int32_t role;
    bool propagate;
};
int auth_permissions_set(struct host *host, struct vim_ref object,
                         const struct auth_change *changes, size_t count, bool reset);
int auth_permission_remove(struct host *host, struct vim_ref object, const char *principal,
                           bool group);

extern const struct host_module auth_module;

#endif
