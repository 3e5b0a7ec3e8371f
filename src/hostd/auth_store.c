/* Changes of roles and permissions: to the database first, then the copy is read again. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/auth_internal.h"
#include "hostd/users.h"

#define PRIVILEGES_TEXT_MAX (64u << 10)

static int encode_privileges(const struct privilege_set *set, struct buf *b)
{
    for (size_t i = 0; i < privilege_count; i++)
        if (privilege_set_has(set, (int)i))
            buf_printf(b, "%s\n", privilege_names[i]);
    buf_put(b, "", 0);
    return buf_error(b);
}

static bool role_name_valid(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > AUTH_ROLE_NAME_MAX)
        return false;
    for (; *name; name++)
        if ((unsigned char)*name < 0x20)
            return false;
    return true;
}

/* Role ids are not used again: a permission that is restored later must not mean another role. */
static int next_role_id(struct host *host, int32_t *ret)
{
    int32_t next = AUTH_FIRST_OWN_ROLE;
    const struct auth *a = host->auth;
    if (a->nroles >= AUTH_ROLES_MAX)
        return -ENOSPC;
    for (size_t i = 0; i < a->nroles; i++)
        if (a->roles[i].id >= next)
            next = a->roles[i].id + 1;
    *ret = next;
    return 0;
}

int auth_role_add(struct host *host, const char *name, const struct privilege_set *privileges,
                  int32_t *ret_id)
{
    AUTO_BUF struct buf b = BUF_INIT(PRIVILEGES_TEXT_MAX);
    int32_t id;
    if (!role_name_valid(name))
        return -EINVAL;
    if (auth_role_by_name(host, name))
        return -EEXIST;
    int rc = next_role_id(host, &id);
    if (rc == 0)
        rc = encode_privileges(privileges, &b);
    if (rc == 0)
        rc = db_run(host->db, "INSERT INTO role (id, name, privileges) VALUES (?, ?, ?)", "iss",
                    (int64_t)id, name, buf_text(&b));
    if (rc == 0)
        rc = auth_reload(host);
    if (rc == 0)
        *ret_id = id;
    return rc;
}

static int own_role(struct host *host, int32_t id)
{
    const struct auth_role *role = auth_role_by_id(host, id);
    return !role ? -ENOENT : role->system ? -EPERM : 0;
}

int auth_role_update(struct host *host, int32_t id, const char *name,
                     const struct privilege_set *privileges)
{
    AUTO_BUF struct buf b = BUF_INIT(PRIVILEGES_TEXT_MAX);
    int rc = own_role(host, id);
    if (rc < 0)
        return rc;
    if (!role_name_valid(name))
        return -EINVAL;
    const struct auth_role *other = auth_role_by_name(host, name);
    if (other && other->id != id)
        return -EEXIST;
    if (privileges)
        rc = encode_privileges(privileges, &b);
    if (rc == 0)
        rc = db_run(host->db,
                    "UPDATE role SET name = ?, privileges = coalesce(?, privileges) WHERE id = ?",
                    "ssi", name, privileges ? buf_text(&b) : NULL, (int64_t)id);
    return rc ? rc : auth_reload(host);
}

int auth_role_remove(struct host *host, int32_t id, bool fail_if_used)
{
    int rc = own_role(host, id);
    if (rc < 0)
        return rc;
    for (size_t i = 0; fail_if_used && i < host->auth->npermissions; i++)
        if (host->auth->permissions[i].role == id)
            return -EBUSY;
    rc = db_begin(host->db);
    if (rc < 0)
        return rc;
    rc = db_run(host->db, "DELETE FROM permission WHERE role_id = ?", "i", (int64_t)id);
    if (rc == 0)
        rc = db_run(host->db, "DELETE FROM role WHERE id = ?", "i", (int64_t)id);
    rc = db_end(host->db, rc);
    return rc ? rc : auth_reload(host);
}

static int one_number(sqlite3_stmt *row, void *arg)
{
    *(int64_t *)arg = sqlite3_column_int64(row, 0);
    return 0;
}

/* Somebody must stay who can put everything right again: a user with role Admin, propagating, at
 * the root. Looks at the database, inside the transaction. */
static int check_administrator(struct host *host)
{
    int64_t count = 0;
    int rc = db_query(host->db, one_number, &count,
                      "SELECT count(*) FROM permission p WHERE p.object = ? AND p.role_id = ?"
                      " AND p.propagate AND ((NOT p.is_group AND p.principal IN (SELECT name FROM"
                      " user)) OR (p.is_group AND p.principal IN (SELECT g.name FROM user_group g"
                      " JOIN member m ON m.group_id = g.id)))",
                      "si", AUTH_ROOT, (int64_t)AUTH_ROLE_ADMIN);
    return rc < 0 ? rc : count > 0 ? 0 : -EDQUOT;
}

int auth_begin(struct host *host)
{
    return db_begin(host->db);
}

int auth_commit(struct host *host, int code)
{
    if (code == 0)
        code = check_administrator(host);
    code = db_end(host->db, code);
    return code ? code : auth_reload(host);
}

int auth_role_merge(struct host *host, int32_t from, int32_t to)
{
    if (!auth_role_by_id(host, from) || !auth_role_by_id(host, to))
        return -ENOENT;
    int rc = db_begin(host->db);
    if (rc < 0)
        return rc;
    rc = db_run(host->db, "UPDATE permission SET role_id = ? WHERE role_id = ?", "ii", (int64_t)to,
                (int64_t)from);
    return auth_commit(host, rc);
}

static int put(struct host *host, struct vim_ref object, const struct auth_change *c)
{
    struct user user;
    if (!auth_role_by_id(host, c->role))
        return -ENOENT;
    int rc = users_find(host->db, c->principal, c->group, &user);
    explicit_bzero(&user, sizeof(user));
    if (rc < 0)
        return rc == -ENOENT ? -ESRCH : rc;
    return db_run(host->db,
                  "INSERT OR REPLACE INTO permission"
                  " (type, object, principal, is_group, role_id, propagate)"
                  " VALUES (?, ?, ?, ?, ?, ?)",
                  "sssbib", object.type, auth_object_key(host, object), c->principal, (int)c->group,
                  (int64_t)c->role, (int)c->propagate);
}

int auth_permissions_set(struct host *host, struct vim_ref object,
                         const struct auth_change *changes, size_t count, bool reset)
{
    if (host->auth->npermissions + count > AUTH_PERMISSIONS_MAX)
        return -ENOSPC;
    int rc = db_begin(host->db);
    if (rc < 0)
        return rc;
    if (reset)
        rc = db_run(host->db, "DELETE FROM permission WHERE object = ?", "s",
                    auth_object_key(host, object));
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = put(host, object, &changes[i]);
    return auth_commit(host, rc);
}

int auth_permission_remove(struct host *host, struct vim_ref object, const char *principal,
                           bool group)
{
    int rc = db_begin(host->db);
    if (rc < 0)
        return rc;
    rc = db_run(host->db,
                "DELETE FROM permission WHERE object = ? AND principal = ? AND is_group = ?", "ssb",
                auth_object_key(host, object), principal, (int)group);
    if (rc == 0 && db_changes(host->db) == 0)
        rc = -ENOENT;
    return auth_commit(host, rc);
}

void authz_forget(struct host *host, struct vim_ref object)
{
    bool any = false;
    for (size_t i = 0; i < host->auth->npermissions; i++)
        any = any || auth_permission_on(host, &host->auth->permissions[i], object);
    if (any && db_run(host->db, "DELETE FROM permission WHERE object = ?", "s",
                      auth_object_key(host, object)) == 0)
        auth_reload(host);
}
