/* AuthorizationManager. */
#include "hostd/auth_methods.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/call.h"
#include "hostd/session.h"
#include "hostd/users.h"

#define ENTITIES_MAX 1000 /* in one HasPrivilegeOnEntities or the like */

/* --- descriptions, for properties too --- */

static const struct {
    int32_t id;
    const char *label, *summary;
} role_texts[] = {
    {AUTH_ROLE_ADMIN, "Administrator", "Full access rights"},
    {AUTH_ROLE_READ_ONLY, "Read-only", "See details of objects, but not make changes"},
    {AUTH_ROLE_VIEW, "View", "Visibility access (cannot be granted)"},
    {AUTH_ROLE_ANONYMOUS, "Anonymous", "Not logged-in user (cannot be granted)"},
    {AUTH_ROLE_NO_ACCESS, "No access", "Used for restricting granted access"},
    {AUTH_ROLE_NO_CRYPTO_ADMIN, "No cryptography administrator",
     "Full access without cryptographic operations"},
};

struct vim_AuthorizationRole *auth_describe_role(const struct auth_role *role, struct arena *a)
{
    struct vim_AuthorizationRole *r = VIM_NEW(a, AuthorizationRole);
    struct vim_Description *info = VIM_NEW(a, Description);
    const char **names = ARENA_ARRAY(a, privilege_count, const char *);
    if (!r || !info || !names)
        return NULL;
    info->label = info->summary = r->name = arena_strdup(a, role->name);
    for (size_t i = 0; i < ARRAY_SIZE(role_texts); i++)
        if (role_texts[i].id == role->id) {
            info->label = role_texts[i].label;
            info->summary = role_texts[i].summary;
        }
    r->roleId = role->id;
    r->system = role->system;
    r->info = info;
    r->privilege.items = names;
    for (size_t i = 0; i < privilege_count; i++)
        if (privilege_set_has(&role->privileges, (int)i))
            names[r->privilege.count++] = privilege_names[i];
    return r->name ? r : NULL;
}

struct vim_Permission *auth_describe_permission(struct host *host, const struct auth_permission *p,
                                                struct arena *a)
{
    struct vim_Permission *r = VIM_NEW(a, Permission);
    if (!r)
        return NULL;
    struct vim_ref ref = auth_permission_ref(host, p);
    r->entity = vim_ref_make(arena_strdup(a, ref.type), arena_strdup(a, ref.value));
    r->principal = arena_strdup(a, p->principal);
    r->group = p->group;
    r->roleId = p->role;
    r->propagate = p->propagate;
    return r->entity.type && r->entity.value && r->principal ? r : NULL;
}

/* --- roles --- */

/* One place that says which fault a failed change is. */
static void fault_change(struct call *call, int rc, const char *name)
{
    struct vim_AlreadyExists *exists;
    struct vim_InvalidName *invalid;
    switch (rc) {
    case -EEXIST:
        exists = VIM_NEW(call->arena, AlreadyExists);
        if (exists)
            exists->name = arena_strdup(call->arena, name);
        call_fault(call, exists, "The name '%s' already exists.", name);
        break;
    case -EINVAL:
        invalid = VIM_NEW(call->arena, InvalidName);
        if (invalid)
            invalid->name = arena_strdup(call->arena, name);
        call_fault(call, invalid, "The name '%s' is not valid.", name);
        break;
    case -ENOENT:
        call_fault_not_found(call);
        break;
    case -EPERM:
        call_fault_invalid_argument(call, "roleId");
        break;
    case -EBUSY:
        call_fault(call, VIM_NEW(call->arena, RemoveFailed),
                   "The role is used in permissions and was not removed.");
        break;
    case -EDQUOT:
        call_fault(call, VIM_NEW(call->arena, AuthMinimumAdminPermission),
                   "At least one user must keep the Administrator role on the root folder.");
        break;
    default:
        call_fault_errno(call, rc, "roles and permissions");
    }
}

/* False: the call has been ended. */
static bool read_privileges(struct call *call, const struct vim_array_string *ids,
                            struct privilege_set *ret)
{
    *ret = (struct privilege_set){0};
    for (size_t i = 0; i < ids->count; i++) {
        int index = privilege_index(ids->items[i]);
        if (index < 0) {
            call_fault_invalid_argument(call, "privIds");
            return false;
        }
        privilege_set_add(ret, index);
    }
    return true;
}

static void log_change(const struct call *call, const char *what)
{
    log_info("auth: %s by %s from %s", what, call->session->user, call->source);
}

static void add_role(struct call *call)
{
    const struct vim_AddAuthorizationRole_request *req = call->req;
    struct vim_AddAuthorizationRole_result r;
    struct privilege_set set;
    if (!read_privileges(call, &req->privIds, &set))
        return;
    int rc = auth_role_add(call->host, req->name, &set, &r.value);
    if (rc < 0) {
        fault_change(call, rc, req->name);
        return;
    }
    log_change(call, "role added");
    call_return(call, &r);
}

static void update_role(struct call *call)
{
    const struct vim_UpdateAuthorizationRole_request *req = call->req;
    struct privilege_set set;
    if (!read_privileges(call, &req->privIds, &set))
        return;
    int rc = auth_role_update(call->host, req->roleId, req->newName, &set);
    if (rc < 0) {
        fault_change(call, rc, req->newName);
        return;
    }
    log_change(call, "role changed");
    call_return(call, NULL);
}

static void remove_role(struct call *call)
{
    const struct vim_RemoveAuthorizationRole_request *req = call->req;
    int rc = auth_role_remove(call->host, req->roleId, req->failIfUsed);
    if (rc < 0) {
        fault_change(call, rc, "");
        return;
    }
    log_change(call, "role removed");
    call_return(call, NULL);
}

static void merge_permissions(struct call *call)
{
    const struct vim_MergePermissions_request *req = call->req;
    int rc = auth_role_merge(call->host, req->srcRoleId, req->dstRoleId);
    if (rc < 0) {
        fault_change(call, rc, "");
        return;
    }
    log_change(call, "permissions merged");
    call_return(call, NULL);
}

/* --- permissions --- */

/* The permissions that `want` says yes to. */
static int collect(struct call *call, struct vim_array_Permission *ret,
                   bool (*want)(struct call *call, const struct auth_permission *p,
                                const void *arg),
                   const void *arg)
{
    const struct auth_permission *all;
    size_t n = auth_permissions(call->host, &all);
    ret->count = 0;
    ret->items = ARENA_ARRAY(call->arena, n + 1, struct vim_Permission *);
    if (!ret->items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (!want(call, &all[i], arg))
            continue;
        struct vim_Permission *p = auth_describe_permission(call->host, &all[i], call->arena);
        if (!p)
            return -ENOMEM;
        ret->items[ret->count++] = p;
    }
    return 0;
}

static bool want_role(struct call *call, const struct auth_permission *p, const void *arg)
{
    (void)call;
    return p->role == *(const int32_t *)arg;
}

/* Lists show only what stands on objects that the user may see. */
static bool want_visible(struct call *call, const struct auth_permission *p, const void *arg)
{
    (void)arg;
    return authz_check(call->host, call->session, auth_permission_ref(call->host, p),
                       "System.View");
}

static void retrieve_role_permissions(struct call *call)
{
    const struct vim_RetrieveRolePermissions_request *req = call->req;
    struct vim_RetrieveRolePermissions_result r = {0};
    if (!auth_role_by_id(call->host, req->roleId))
        call_fault_not_found(call);
    else if (collect(call, &r.value, want_role, &req->roleId) < 0)
        call_fault_errno(call, -ENOMEM, "permissions");
    else
        call_return(call, &r);
}

static void retrieve_all_permissions(struct call *call)
{
    struct vim_RetrieveAllPermissions_result r = {0};
    if (collect(call, &r.value, want_visible, NULL) < 0)
        call_fault_errno(call, -ENOMEM, "permissions");
    else
        call_return(call, &r);
}

struct want_entity {
    struct vim_ref entity;
    bool inherited;
};

static bool want_entity(struct call *call, const struct auth_permission *p, const void *arg)
{
    const struct want_entity *w = arg;
    struct host *host = call->host;
    struct vim_ref at = w->entity;
    if (auth_permission_on(host, p, at))
        return true;
    while (w->inherited && p->propagate && host->objects && host->objects->parent(host, at, &at))
        if (auth_permission_on(host, p, at))
            return true;
    return false;
}

static void retrieve_entity_permissions(struct call *call)
{
    const struct vim_RetrieveEntityPermissions_request *req = call->req;
    struct vim_RetrieveEntityPermissions_result r = {0};
    const struct want_entity w = {req->entity, req->inherited};
    if (collect(call, &r.value, want_entity, &w) < 0)
        call_fault_errno(call, -ENOMEM, "permissions");
    else
        call_return(call, &r);
}

static void set_permissions(struct call *call, struct vim_ref entity,
                            const struct vim_array_Permission *permissions, bool reset)
{
    struct auth_change *changes =
        ARENA_ARRAY(call->arena, permissions->count + 1, struct auth_change);
    struct user user;
    if (!changes) {
        call_fault_errno(call, -ENOMEM, "permissions");
        return;
    }
    for (size_t i = 0; i < permissions->count; i++) {
        const struct vim_Permission *p = permissions->items[i];
        changes[i] = (struct auth_change){p->principal, p->group, p->roleId, p->propagate};
        if (p->entity.value && !vim_ref_equal(p->entity, entity)) {
            call_fault_invalid_argument(call, "permission");
            return;
        }
        if (p->roleId == AUTH_ROLE_VIEW || p->roleId == AUTH_ROLE_ANONYMOUS) {
            call_fault_invalid_argument(call, "permission.roleId");
            return;
        }
        if (users_find(call->host->db, p->principal, p->group, &user) < 0) {
            call_fault_user_not_found(call, p->principal);
            return;
        }
        explicit_bzero(&user, sizeof(user));
    }
    int rc = auth_permissions_set(call->host, entity, changes, permissions->count, reset);
    if (rc < 0) {
        fault_change(call, rc, "");
        return;
    }
    log_change(call, "permissions set");
    call_return(call, NULL);
}

static void set_entity_permissions(struct call *call)
{
    const struct vim_SetEntityPermissions_request *req = call->req;
    set_permissions(call, req->entity, &req->permission, false);
}

static void reset_entity_permissions(struct call *call)
{
    const struct vim_ResetEntityPermissions_request *req = call->req;
    set_permissions(call, req->entity, &req->permission, true);
}

static void remove_entity_permission(struct call *call)
{
    const struct vim_RemoveEntityPermission_request *req = call->req;
    int rc = auth_permission_remove(call->host, req->entity, req->user, req->isGroup);
    if (rc < 0) {
        fault_change(call, rc, "");
        return;
    }
    log_change(call, "permission removed");
    call_return(call, NULL);
}

/* --- questions --- */

struct asker {
    int64_t user_id;
    char user[USERS_NAME_MAX + 1];
};

static bool asker_of_session(struct call *call, const char *key, struct asker *ret)
{
    const struct session *s = session_by_key(call->host->sessions, key);
    if (!s) {
        call_fault_invalid_argument(call, "sessionId");
        return false;
    }
    ret->user_id = s->user_id;
    snprintf(ret->user, sizeof(ret->user), "%s", s->user);
    return true;
}

static bool asker_of_user(struct call *call, const char *name, struct asker *ret)
{
    struct user user;
    if (users_find(call->host->db, name, false, &user) < 0) {
        call_fault_invalid_argument(call, "userName");
        return false;
    }
    ret->user_id = user.id;
    snprintf(ret->user, sizeof(ret->user), "%s", user.name);
    explicit_bzero(&user, sizeof(user));
    return true;
}

/* False: the call has been ended. */
static bool check_sizes(struct call *call, size_t entities, const struct vim_array_string *ids)
{
    if (entities <= ENTITIES_MAX && (!ids || ids->count <= PRIVILEGES_MAX))
        return true;
    call_fault_invalid_argument(call, entities > ENTITIES_MAX ? "entities" : "privId");
    return false;
}

/* An unknown privilege is one that nobody has. */
static bool granted(struct call *call, const struct asker *who, struct vim_ref entity,
                    const char *privilege)
{
    return privilege_index(privilege) >= 0 &&
           authz_check_user(call->host, who->user_id, who->user, entity, privilege);
}

static void has_privilege_on_entity(struct call *call)
{
    const struct vim_HasPrivilegeOnEntity_request *req = call->req;
    struct vim_HasPrivilegeOnEntity_result r = {0};
    struct asker who;
    if (!check_sizes(call, 1, &req->privId) || !asker_of_session(call, req->sessionId, &who))
        return;
    r.value.items = ARENA_ARRAY(call->arena, req->privId.count + 1, bool);
    if (!r.value.items) {
        call_fault_errno(call, -ENOMEM, "privileges");
        return;
    }
    r.value.count = req->privId.count;
    for (size_t i = 0; i < req->privId.count; i++)
        r.value.items[i] = granted(call, &who, req->entity, req->privId.items[i]);
    call_return(call, &r);
}

static struct vim_EntityPrivilege *entity_privilege(struct call *call, const struct asker *who,
                                                    struct vim_ref entity,
                                                    const struct vim_array_string *ids)
{
    struct vim_EntityPrivilege *e = VIM_NEW(call->arena, EntityPrivilege);
    struct vim_PrivilegeAvailability **items =
        ARENA_ARRAY(call->arena, ids->count + 1, struct vim_PrivilegeAvailability *);
    if (!e || !items)
        return NULL;
    e->entity = entity;
    e->privAvailability.items = items;
    for (size_t i = 0; i < ids->count; i++) {
        struct vim_PrivilegeAvailability *p = VIM_NEW(call->arena, PrivilegeAvailability);
        if (!p)
            return NULL;
        p->privId = ids->items[i];
        p->isGranted = granted(call, who, entity, ids->items[i]);
        items[e->privAvailability.count++] = p;
    }
    return e;
}

static void answer_entities(struct call *call, const struct asker *who,
                            const struct vim_array_ref *entities,
                            const struct vim_array_string *ids)
{
    struct vim_HasPrivilegeOnEntities_result r = {0}; /* the other method's looks the same */
    r.value.items = ARENA_ARRAY(call->arena, entities->count + 1, struct vim_EntityPrivilege *);
    for (size_t i = 0; r.value.items && i < entities->count; i++) {
        struct vim_EntityPrivilege *e = entity_privilege(call, who, entities->items[i], ids);
        if (!e)
            break;
        r.value.items[r.value.count++] = e;
    }
    if (!r.value.items || r.value.count < entities->count)
        call_fault_errno(call, -ENOMEM, "privileges");
    else
        call_return(call, &r);
}

static void has_privilege_on_entities(struct call *call)
{
    const struct vim_HasPrivilegeOnEntities_request *req = call->req;
    struct asker who;
    if (check_sizes(call, req->entity.count, &req->privId) &&
        asker_of_session(call, req->sessionId, &who))
        answer_entities(call, &who, &req->entity, &req->privId);
}

static void has_user_privilege_on_entities(struct call *call)
{
    const struct vim_HasUserPrivilegeOnEntities_request *req = call->req;
    struct asker who;
    if (check_sizes(call, req->entities.count, &req->privId) &&
        asker_of_user(call, req->userName, &who))
        answer_entities(call, &who, &req->entities, &req->privId);
}

static void fetch_user_privilege_on_entities(struct call *call)
{
    const struct vim_FetchUserPrivilegeOnEntities_request *req = call->req;
    struct vim_FetchUserPrivilegeOnEntities_result r = {0};
    struct asker who;
    if (!check_sizes(call, req->entities.count, NULL) || !asker_of_user(call, req->userName, &who))
        return;
    r.value.items =
        ARENA_ARRAY(call->arena, req->entities.count + 1, struct vim_UserPrivilegeResult *);
    for (size_t i = 0; r.value.items && i < req->entities.count; i++) {
        struct vim_UserPrivilegeResult *u = VIM_NEW(call->arena, UserPrivilegeResult);
        const char **names = ARENA_ARRAY(call->arena, privilege_count, const char *);
        if (!u || !names)
            break;
        u->entity = req->entities.items[i];
        u->privileges.items = names;
        for (size_t p = 0; p < privilege_count; p++)
            if (granted(call, &who, u->entity, privilege_names[p]))
                names[u->privileges.count++] = privilege_names[p];
        r.value.items[r.value.count++] = u;
    }
    if (!r.value.items || r.value.count < req->entities.count)
        call_fault_errno(call, -ENOMEM, "privileges");
    else
        call_return(call, &r);
}

static const struct call_row calls[] = {
    {&vim_method_AddAuthorizationRole, add_role},
    {&vim_method_RemoveAuthorizationRole, remove_role},
    {&vim_method_UpdateAuthorizationRole, update_role},
    {&vim_method_MergePermissions, merge_permissions},
    {&vim_method_RetrieveRolePermissions, retrieve_role_permissions},
    {&vim_method_RetrieveEntityPermissions, retrieve_entity_permissions},
    {&vim_method_RetrieveAllPermissions, retrieve_all_permissions},
    {&vim_method_SetEntityPermissions, set_entity_permissions},
    {&vim_method_ResetEntityPermissions, reset_entity_permissions},
    {&vim_method_RemoveEntityPermission, remove_entity_permission},
    {&vim_method_HasPrivilegeOnEntity, has_privilege_on_entity},
    {&vim_method_HasPrivilegeOnEntities, has_privilege_on_entities},
    {&vim_method_HasUserPrivilegeOnEntities, has_user_privilege_on_entities},
    {&vim_method_FetchUserPrivilegeOnEntities, fetch_user_privilege_on_entities},
    {NULL, NULL},
};

const struct host_module auth_module = {.name = "auth", .calls = calls};
