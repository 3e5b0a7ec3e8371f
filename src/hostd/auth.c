/* The copy in memory of roles, permissions and memberships, and the check. */
#include "hostd/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/auth_internal.h"
#include "hostd/session.h"

#define PARENTS_MAX 64 /* a tree that is deeper has a cycle */

/* --- the copy --- */

static unsigned hash(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h % AUTH_BUCKETS;
}

static void clear(struct auth *a)
{
    for (size_t i = 0; i < a->nroles; i++)
        mem_free(a->roles[i].name);
    for (size_t i = 0; i < a->npermissions; i++) {
        mem_free(a->permissions[i].type);
        mem_free(a->permissions[i].object);
        mem_free(a->permissions[i].principal);
    }
    for (size_t i = 0; i < a->nmembers; i++)
        mem_free(a->members[i].group);
    mem_free(a->roles);
    mem_free(a->permissions);
    mem_free(a->members);
    mem_free(a->next);
    *a = (struct auth){0};
}

/* Room for one more item in an array that doubles. */
static void *more(void *items, size_t count, size_t size)
{
    if (count & (count - 1) || (count && count < 8))
        return items;
    size_t want = count < 8 ? 8 : count * 2;
    return mem_realloc(items, want * size);
}

static int add_role(struct auth *a, int32_t id, const char *name,
                    const struct privilege_set *privileges, bool system)
{
    struct auth_role *roles = more(a->roles, a->nroles, sizeof(*roles));
    if (!roles)
        return -ENOMEM;
    a->roles = roles;
    char *copy = mem_strdup(name);
    if (!copy)
        return -ENOMEM;
    a->roles[a->nroles++] = (struct auth_role){id, copy, *privileges, system};
    return 0;
}

static int add_system_roles(struct auth *a)
{
    struct privilege_set all = {0}, none = {0}, anonymous = {0}, view, read;
    privilege_set_add_all(&all);
    privilege_set_add(&anonymous, privilege_index("System.Anonymous"));
    view = anonymous;
    privilege_set_add(&view, privilege_index("System.View"));
    read = view;
    privilege_set_add(&read, privilege_index("System.Read"));
    const struct {
        int32_t id;
        const char *name;
        const struct privilege_set *set;
    } rows[] = {
        {AUTH_ROLE_ADMIN, "Admin", &all},
        {AUTH_ROLE_READ_ONLY, "ReadOnly", &read},
        {AUTH_ROLE_VIEW, "View", &view},
        {AUTH_ROLE_ANONYMOUS, "Anonymous", &anonymous},
        {AUTH_ROLE_NO_ACCESS, "NoAccess", &none},
        {AUTH_ROLE_NO_CRYPTO_ADMIN, "NoCryptoAdmin", &all}, /* there are no Cryptographer ones */
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (add_role(a, rows[i].id, rows[i].name, rows[i].set, true) < 0)
            return -ENOMEM;
    return 0;
}

static const char *text(sqlite3_stmt *row, int column)
{
    const char *t = (const char *)sqlite3_column_text(row, column);
    return t ? t : "";
}

/* The column holds names, each followed by a line feed. */
static int role_row(sqlite3_stmt *row, void *arg)
{
    struct privilege_set set = {0};
    privilege_set_add(&set, privilege_index("System.Anonymous"));
    privilege_set_add(&set, privilege_index("System.View"));
    privilege_set_add(&set, privilege_index("System.Read"));
    AUTO_FREE char *names = mem_strdup(text(row, 2));
    if (!names)
        return -ENOMEM;
    char *rest = names, *name;
    while ((name = strsep(&rest, "\n")) != NULL) {
        int i = privilege_index(name);
        if (i >= 0) /* one of an older release may be gone */
            privilege_set_add(&set, i);
    }
    return add_role(arg, sqlite3_column_int(row, 0), text(row, 1), &set, false);
}

static int permission_row(sqlite3_stmt *row, void *arg)
{
    struct auth *a = arg;
    struct auth_permission *all = more(a->permissions, a->npermissions, sizeof(*all));
    if (!all)
        return -ENOMEM;
    a->permissions = all;
    struct auth_permission p = {
        .type = mem_strdup(text(row, 0)),
        .object = mem_strdup(text(row, 1)),
        .principal = mem_strdup(text(row, 2)),
        .group = sqlite3_column_int(row, 3) != 0,
        .role = sqlite3_column_int(row, 4),
        .propagate = sqlite3_column_int(row, 5) != 0,
    };
    a->permissions[a->npermissions++] = p;
    return p.type && p.object && p.principal ? 0 : -ENOMEM;
}

static int member_row(sqlite3_stmt *row, void *arg)
{
    struct auth *a = arg;
    struct auth_member *all = more(a->members, a->nmembers, sizeof(*all));
    if (!all)
        return -ENOMEM;
    a->members = all;
    char *group = mem_strdup(text(row, 1));
    if (!group)
        return -ENOMEM;
    a->members[a->nmembers++] = (struct auth_member){sqlite3_column_int64(row, 0), group};
    return 0;
}

static int index_permissions(struct auth *a)
{
    a->next = mem_calloc(a->npermissions + 1, sizeof(*a->next));
    if (!a->next)
        return -ENOMEM;
    for (size_t i = 0; i < a->npermissions; i++) {
        unsigned *head = &a->heads[hash(a->permissions[i].object)];
        a->next[i] = *head;
        *head = (unsigned)i + 1;
    }
    return 0;
}

int auth_reload(struct host *host)
{
    struct auth fresh = {0};
    int rc = add_system_roles(&fresh);
    if (rc == 0)
        rc = db_query(host->db, role_row, &fresh,
                      "SELECT id, name, privileges FROM role ORDER BY id", NULL);
    if (rc == 0)
        rc = db_query(host->db, permission_row, &fresh,
                      "SELECT type, object, principal, is_group, role_id, propagate"
                      " FROM permission ORDER BY object, is_group, principal",
                      NULL);
    if (rc == 0)
        rc = db_query(host->db, member_row, &fresh,
                      "SELECT m.user_id, g.name FROM member m JOIN user_group g"
                      " ON g.id = m.group_id ORDER BY m.user_id",
                      NULL);
    if (rc == 0)
        rc = index_permissions(&fresh);
    if (rc < 0) {
        /* The old copy would allow what was taken away: without a fresh one nobody may anything. */
        log_error("auth: roles and permissions cannot be read: %s", strerror(-rc));
        clear(&fresh);
    }
    clear(host->auth);
    *host->auth = fresh;
    return rc;
}

int auth_new(struct host *host)
{
    host->auth = mem_calloc(1, sizeof(*host->auth));
    return host->auth ? auth_reload(host) : -ENOMEM;
}

void auth_free(struct host *host)
{
    if (host->auth)
        clear(host->auth);
    mem_free(host->auth);
    host->auth = NULL;
}

const struct auth_role *auth_role_by_id(struct host *host, int32_t id)
{
    const struct auth *a = host->auth;
    for (size_t i = 0; i < a->nroles; i++)
        if (a->roles[i].id == id)
            return &a->roles[i];
    return NULL;
}

const struct auth_role *auth_role_by_name(struct host *host, const char *name)
{
    const struct auth *a = host->auth;
    for (size_t i = 0; i < a->nroles; i++)
        if (strcmp(a->roles[i].name, name) == 0)
            return &a->roles[i];
    return NULL;
}

size_t auth_roles(struct host *host, const struct auth_role **ret)
{
    *ret = host->auth->roles;
    return host->auth->nroles;
}

size_t auth_permissions(struct host *host, const struct auth_permission **ret)
{
    *ret = host->auth->permissions;
    return host->auth->npermissions;
}

/* --- the check --- */

const char *auth_object_key(struct host *host, struct vim_ref object)
{
    const char *root = about_ref(host, "rootFolder").value;
    return strcmp(object.value, root) == 0 ? AUTH_ROOT : object.value;
}

bool auth_permission_on(struct host *host, const struct auth_permission *p, struct vim_ref object)
{
    return strcmp(p->object, auth_object_key(host, object)) == 0;
}

struct vim_ref auth_permission_ref(struct host *host, const struct auth_permission *p)
{
    if (strcmp(p->object, AUTH_ROOT) == 0)
        return about_ref(host, "rootFolder");
    return vim_ref_make(p->type, p->object);
}

static bool is_member(const struct auth *a, int64_t user_id, const char *group)
{
    for (size_t i = 0; i < a->nmembers; i++)
        if (a->members[i].user_id == user_id && strcmp(a->members[i].group, group) == 0)
            return true;
    return false;
}

static bool concerns(const struct auth *a, const struct auth_permission *p, int64_t user_id,
                     const char *user)
{
    return p->group ? is_member(a, user_id, p->principal) : strcmp(p->principal, user) == 0;
}

/* The privileges that the permissions on this very object give. False: there is none. */
static bool at_object(struct host *host, const char *key, bool inherited, int64_t user_id,
                      const char *user, struct privilege_set *ret)
{
    const struct auth *a = host->auth;
    bool found = false, own = false;
    *ret = (struct privilege_set){0};
    for (unsigned i = a->heads[hash(key)]; i && !own; i = a->next[i - 1]) {
        const struct auth_permission *p = &a->permissions[i - 1];
        if (strcmp(p->object, key) != 0 || (inherited && !p->propagate) ||
            !concerns(a, p, user_id, user))
            continue;
        const struct auth_role *role = auth_role_by_id(host, p->role);
        const struct privilege_set none = {0};
        const struct privilege_set *set = role ? &role->privileges : &none;
        found = true;
        if (!p->group) {
            own = true;
            *ret = *set;
        } else {
            privilege_set_union(ret, set);
        }
    }
    return found;
}

/* Does the user have a permission, other than to nothing, on something beneath `key`? */
static bool has_way_to(struct host *host, const char *key, int64_t user_id, const char *user)
{
    const struct auth *a = host->auth;
    for (size_t i = 0; i < a->npermissions; i++) {
        const struct auth_permission *p = &a->permissions[i];
        if (p->role == AUTH_ROLE_NO_ACCESS || !concerns(a, p, user_id, user))
            continue;
        if (!key)
            return true;
        struct vim_ref at = auth_permission_ref(host, p);
        for (int depth = 0; depth < PARENTS_MAX && host->objects; depth++) {
            if (strcmp(auth_object_key(host, at), key) == 0)
                return true;
            if (!host->objects->parent(host, at, &at))
                break;
        }
    }
    return false;
}

static bool is_system(const char *privilege)
{
    return strncmp(privilege, "System.", 7) == 0;
}

bool authz_check_user(struct host *host, int64_t user_id, const char *user, struct vim_ref object,
                      const char *privilege)
{
    int index = privilege_index(privilege);
    struct vim_ref root = about_ref(host, "rootFolder"), at = object, up;
    bool outside = false;
    if (index < 0 || !object.value) {
        log_error("auth: unknown privilege %s asked for", privilege);
        return false;
    }
    for (int depth = 0; depth < PARENTS_MAX; depth++) {
        struct privilege_set set;
        if (at_object(host, auth_object_key(host, at), depth > 0, user_id, user, &set))
            return privilege_set_has(&set, index);
        if (strcmp(at.value, root.value) == 0)
            break;
        if (host->objects && host->objects->parent(host, at, &up)) {
            at = up;
        } else {
            outside = depth == 0;
            at = root;
        }
    }
    if (outside)
        return is_system(privilege) && has_way_to(host, NULL, user_id, user);
    return strcmp(privilege, "System.View") == 0 &&
           has_way_to(host, auth_object_key(host, object), user_id, user);
}

bool authz_check(struct host *host, const struct session *session, struct vim_ref object,
                 const char *privilege)
{
    return session && !session->ended &&
           authz_check_user(host, session->user_id, session->user, object, privilege);
}

/* The roles that the permissions on this very object give. */
static size_t roles_at(struct host *host, const char *key, bool inherited,
                       const struct session *session, int32_t *ret, size_t max)
{
    const struct auth *a = host->auth;
    size_t n = 0;
    for (unsigned i = a->heads[hash(key)]; i; i = a->next[i - 1]) {
        const struct auth_permission *p = &a->permissions[i - 1];
        if (strcmp(p->object, key) != 0 || (inherited && !p->propagate) ||
            !concerns(a, p, session->user_id, session->user))
            continue;
        if (!p->group) {
            ret[0] = p->role; /* a user's own permission wins */
            return 1;
        }
        if (n < max)
            ret[n++] = p->role;
    }
    return n;
}

size_t auth_effective_roles(struct host *host, const struct session *session, struct vim_ref object,
                            int32_t *ret, size_t max)
{
    size_t n = 0;
    for (int depth = 0; n == 0 && max && depth < PARENTS_MAX; depth++) {
        n = roles_at(host, auth_object_key(host, object), depth > 0, session, ret, max);
        if (!host->objects || !host->objects->parent(host, object, &object))
            break;
    }
    return n;
}
