/* Users, groups, roles and permissions, and the check along a small tree. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fixture.h"
#include "hostd/about.h"
#include "hostd/auth.h"
#include "hostd/db.h"
#include "hostd/users.h"

/* root <- dc <- folder <- vm-1, vm-2; everything else exists and is outside the tree. */
static const struct vim_ref root_ref = {"Folder", "ha-folder-root"}, dc = {"Datacenter", "dc"},
                            folder = {"Folder", "folder"}, vm1 = {"VirtualMachine", "vm-1"},
                            vm2 = {"VirtualMachine", "vm-2"},
                            manager = {"SessionManager", "ha-sessionmgr"};

static const struct vim_mo_type *type_of(struct host *host, struct vim_ref ref)
{
    (void)host;
    return ref.type ? vim_mo_type_find(ref.type) : NULL;
}

static bool parent(struct host *host, struct vim_ref ref, struct vim_ref *ret)
{
    (void)host;
    const struct {
        struct vim_ref child, parent;
    } tree[] = {{dc, root_ref}, {folder, dc}, {vm1, folder}, {vm2, folder}};
    for (size_t i = 0; i < ARRAY_SIZE(tree); i++)
        if (strcmp(tree[i].child.value, ref.value) == 0) {
            *ret = tree[i].parent;
            return true;
        }
    return false;
}

static const struct host_object_ops objects = {type_of, parent};

static int setup(void **state)
{
    static struct fixture f;
    fixture_setup(&f);
    f.host.objects = &objects;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_teardown(*state);
    return 0;
}

static void add_user(struct fixture *f, const char *name)
{
    assert_int_equal(users_add(f->host.db, name, "", "x", NULL), 0);
}

static void give(struct fixture *f, struct vim_ref on, const char *who, bool group, int32_t role,
                 bool propagate)
{
    const struct auth_change c = {who, group, role, propagate};
    assert_int_equal(auth_permissions_set(&f->host, on, &c, 1, false), 0);
}

static int32_t make_role(struct fixture *f, const char *name, const char *privilege)
{
    struct privilege_set set = {0};
    int32_t id;
    privilege_set_add(&set, privilege_index(privilege));
    assert_int_equal(auth_role_add(&f->host, name, &set, &id), 0);
    return id;
}

#define POWER "VirtualMachine.Interact.PowerOn"
#define GUEST "VirtualMachine.GuestOperations.Execute"

static void administrator_may_everything(void **state)
{
    struct fixture *f = *state;
    struct session *s = fixture_session(f, "root");
    assert_true(authz_check(&f->host, s, vm1, POWER));
    assert_true(authz_check(&f->host, s, manager, "Sessions.TerminateSession"));
    assert_false(authz_check(&f->host, s, vm1, "No.Such"));
    assert_false(authz_check(&f->host, NULL, vm1, "System.Anonymous"));
    session_ref(s);
    session_end(s);
    assert_false(authz_check(&f->host, s, vm1, POWER));
    session_unref(s);
}

static void nearest_permission_wins(void **state)
{
    struct fixture *f = *state;
    add_user(f, "ann");
    struct session *s = fixture_session(f, "ann");
    assert_false(authz_check(&f->host, s, vm1, "System.View"));
    assert_false(authz_check(&f->host, s, manager, "System.View"));
    int32_t power = make_role(f, "power", POWER), guest = make_role(f, "guest", GUEST);
    give(f, dc, "ann", false, power, true);
    assert_true(authz_check(&f->host, s, vm1, POWER));
    assert_false(authz_check(&f->host, s, vm1, GUEST));
    assert_true(authz_check(&f->host, s, vm1, "System.Read")); /* every role has it */
    give(f, vm1, "ann", false, guest, false);
    assert_false(authz_check(&f->host, s, vm1, POWER));
    assert_true(authz_check(&f->host, s, vm1, GUEST));
    assert_true(authz_check(&f->host, s, vm2, POWER));
    give(f, folder, "ann", false, AUTH_ROLE_NO_ACCESS, true);
    assert_false(authz_check(&f->host, s, vm2, POWER));
    assert_true(authz_check(&f->host, s, vm1, GUEST));
    assert_true(authz_check(&f->host, s, dc, POWER));
}

static void permission_without_propagation_stays(void **state)
{
    struct fixture *f = *state;
    add_user(f, "ann");
    struct session *s = fixture_session(f, "ann");
    give(f, folder, "ann", false, AUTH_ROLE_ADMIN, false);
    assert_true(authz_check(&f->host, s, folder, POWER));
    assert_false(authz_check(&f->host, s, vm1, POWER));
    assert_false(authz_check(&f->host, s, vm1, "System.View"));
}

/* Who has something deep in the tree must be able to log out, and to walk there. */
static void way_to_an_object_is_visible(void **state)
{
    struct fixture *f = *state;
    add_user(f, "ann");
    struct session *s = fixture_session(f, "ann");
    give(f, vm1, "ann", false, AUTH_ROLE_ADMIN, false);
    assert_true(authz_check(&f->host, s, root_ref, "System.View"));
    assert_true(authz_check(&f->host, s, dc, "System.View"));
    assert_false(authz_check(&f->host, s, dc, "System.Read"));
    assert_false(authz_check(&f->host, s, vm2, "System.View"));
    assert_true(authz_check(&f->host, s, manager, "System.View"));
    assert_false(authz_check(&f->host, s, manager, "Sessions.TerminateSession"));
    authz_forget(&f->host, vm1);
    assert_false(authz_check(&f->host, s, vm1, POWER));
    assert_false(authz_check(&f->host, s, manager, "System.View"));
}

static void groups_unite_and_users_come_first(void **state)
{
    struct fixture *f = *state;
    int64_t ann, g1, g2;
    users_add(f->host.db, "ann", "", "x", &ann);
    assert_int_equal(users_add_group(f->host.db, "powerers", "", &g1), 0);
    assert_int_equal(users_add_group(f->host.db, "guesters", "", &g2), 0);
    users_assign(f->host.db, ann, g1);
    users_assign(f->host.db, ann, g2);
    assert_int_equal(users_assign(f->host.db, ann, g2), -EEXIST);
    int32_t power = make_role(f, "power", POWER), guest = make_role(f, "guest", GUEST);
    give(f, vm1, "powerers", true, power, true);
    give(f, vm1, "guesters", true, guest, true);
    struct session *s = fixture_session(f, "ann");
    assert_true(authz_check(&f->host, s, vm1, POWER));
    assert_true(authz_check(&f->host, s, vm1, GUEST));
    give(f, vm1, "ann", false, AUTH_ROLE_READ_ONLY, true);
    assert_false(authz_check(&f->host, s, vm1, POWER));
    assert_int_equal(auth_permission_remove(&f->host, vm1, "ann", false), 0);
    assert_true(authz_check(&f->host, s, vm1, POWER));
    assert_int_equal(auth_begin(&f->host), 0);
    assert_int_equal(auth_commit(&f->host, users_remove(f->host.db, "powerers", true)), 0);
    assert_false(authz_check(&f->host, s, vm1, POWER));
    assert_true(authz_check(&f->host, s, vm1, GUEST));
}

static void an_administrator_remains(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(auth_permission_remove(&f->host, root_ref, "root", false), -EDQUOT);
    const struct auth_change less = {"root", false, AUTH_ROLE_READ_ONLY, true};
    assert_int_equal(auth_permissions_set(&f->host, root_ref, &less, 1, false), -EDQUOT);
    assert_int_equal(auth_permissions_set(&f->host, root_ref, NULL, 0, true), -EDQUOT);
    assert_int_equal(auth_role_merge(&f->host, AUTH_ROLE_ADMIN, AUTH_ROLE_READ_ONLY), -EDQUOT);
    assert_int_equal(auth_begin(&f->host), 0);
    assert_int_equal(auth_commit(&f->host, users_remove(f->host.db, "root", false)), -EDQUOT);
    struct session *s = fixture_session(f, "root");
    assert_true(authz_check(&f->host, s, vm1, POWER));
    add_user(f, "second");
    give(f, root_ref, "second", false, AUTH_ROLE_ADMIN, true);
    assert_int_equal(auth_permission_remove(&f->host, root_ref, "root", false), 0);
    assert_false(authz_check(&f->host, s, vm1, POWER));
}

static void roles_have_their_rules(void **state)
{
    struct fixture *f = *state;
    int32_t id = make_role(f, "r", POWER), other;
    const struct privilege_set none = {0};
    char longest[AUTH_ROLE_NAME_MAX + 2];
    assert_int_equal(id, AUTH_FIRST_OWN_ROLE);
    assert_int_equal(auth_role_add(&f->host, "r", &none, &other), -EEXIST);
    assert_int_equal(auth_role_add(&f->host, "", &none, &other), -EINVAL);
    memset(longest, 'x', sizeof(longest));
    longest[AUTH_ROLE_NAME_MAX + 1] = '\0';
    assert_int_equal(auth_role_add(&f->host, longest, &none, &other), -EINVAL);
    longest[AUTH_ROLE_NAME_MAX] = '\0';
    assert_int_equal(auth_role_add(&f->host, longest, &none, &other), 0);
    assert_int_equal(auth_role_update(&f->host, AUTH_ROLE_ADMIN, "x", NULL), -EPERM);
    assert_int_equal(auth_role_remove(&f->host, AUTH_ROLE_ADMIN, false), -EPERM);
    assert_int_equal(auth_role_remove(&f->host, 999, false), -ENOENT);
    assert_int_equal(auth_role_update(&f->host, id, "renamed", NULL), 0);
    assert_true(privilege_set_has(&auth_role_by_name(&f->host, "renamed")->privileges,
                                  privilege_index(POWER)));
    add_user(f, "ann");
    give(f, vm1, "ann", false, id, true);
    assert_int_equal(auth_role_remove(&f->host, id, true), -EBUSY);
    assert_int_equal(auth_role_remove(&f->host, id, false), 0);
    const struct auth_permission *all;
    assert_int_equal(auth_permissions(&f->host, &all), 1);
}

static void names_and_users(void **state)
{
    struct fixture *f = *state;
    struct user u;
    char name[USERS_NAME_MAX + 2];
    memset(name, 'a', sizeof(name));
    name[USERS_NAME_MAX + 1] = '\0';
    assert_int_equal(users_add(f->host.db, name, "", "x", NULL), -EINVAL);
    name[USERS_NAME_MAX] = '\0';
    assert_int_equal(users_add(f->host.db, name, "", "x", NULL), 0);
    assert_int_equal(users_add(f->host.db, name, "", "x", NULL), -EEXIST);
    assert_int_equal(users_add_group(f->host.db, name, "", NULL), -EEXIST);
    const char *const bad[] = {"", "-x", "a b", "a/b", "a\n", "a'b", "\xc3\xa4"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(users_add(f->host.db, bad[i], "", "x", NULL), -EINVAL);
    assert_int_equal(users_find(f->host.db, "' OR 1=1 --", false, &u), -ENOENT);
    assert_int_equal(users_find(f->host.db, "root", true, &u), -ENOENT);
    assert_int_equal(users_find(f->host.db, "root", false, &u), 0);
    assert_true(password_matches(FIXTURE_PASSWORD, u.hash));
    assert_false(password_matches("first passwore", u.hash));
    assert_false(password_matches(FIXTURE_PASSWORD, ""));
    assert_int_equal(users_update(f->host.db, u.id, "new", NULL), 0);
    assert_int_equal(users_find(f->host.db, "root", false, &u), 0);
    assert_string_equal(u.description, "new");
    assert_true(password_matches(FIXTURE_PASSWORD, u.hash));
    assert_int_equal(users_update(f->host.db, 12345, "new", NULL), -ENOENT);
}

/* --- over the methods --- */

static const struct vim_ref accounts = {"HostLocalAccountManager", "ha-localacctmgr"},
                            authorization = {"AuthorizationManager", "ha-authmgr"};

static void user_is_made_and_logs_in(void **state)
{
    struct fixture *f = *state;
    struct session *root = fixture_session(f, "root");
    struct outcome o = {0};
    struct vim_HostAccountSpec spec = {{&vim_type_HostAccountSpec}, "ann", NULL, "Ann"};
    char password[] = "pass word", again[] = "pass word", next[] = "another one";
    const struct vim_CreateUser_request create = {accounts, &spec};
    fixture_call(f, &vim_method_CreateUser, accounts, &create, sizeof(create), root, &o);
    assert_string_equal(o.fault, "InvalidArgument"); /* no password */
    spec.password = password;
    fixture_call(f, &vim_method_CreateUser, accounts, &create, sizeof(create), NULL, &o);
    assert_string_equal(o.fault, "NotAuthenticated");
    assert_string_not_equal(password, "pass word"); /* wiped, whatever came of the call */
    memcpy(password, again, sizeof(password));
    fixture_call(f, &vim_method_CreateUser, accounts, &create, sizeof(create), root, &o);
    assert_string_equal(o.fault, "");
    assert_string_not_equal(password, "pass word"); /* wiped */
    spec.password = again;
    fixture_call(f, &vim_method_CreateUser, accounts, &create, sizeof(create), root, &o);
    assert_string_equal(o.fault, "AlreadyExists");

    const struct vim_Login_request login = {manager, "ann", "pass word", NULL};
    fixture_call(f, &vim_method_Login, manager, &login, sizeof(login), NULL, &o);
    assert_string_equal(o.fault, "");
    struct session *ann = session_by_cookie(f->host.sessions, o.cookie);
    assert_non_null(ann);
    fixture_call(f, &vim_method_CreateUser, accounts, &create, sizeof(create), ann, &o);
    assert_string_equal(o.fault, "NoPermission");

    spec.password = next;
    const struct vim_UpdateUser_request update = {accounts, &spec};
    fixture_call(f, &vim_method_UpdateUser, accounts, &update, sizeof(update), root, &o);
    assert_string_equal(o.fault, "");
    assert_int_equal(session_count(f->host.sessions), 1); /* ann's has ended */
    const struct vim_RemoveUser_request remove = {accounts, "ann"}, self = {accounts, "root"};
    fixture_call(f, &vim_method_RemoveUser, accounts, &remove, sizeof(remove), root, &o);
    assert_string_equal(o.fault, "");
    fixture_call(f, &vim_method_RemoveUser, accounts, &remove, sizeof(remove), root, &o);
    assert_string_equal(o.fault, "UserNotFound");
    fixture_call(f, &vim_method_RemoveUser, accounts, &self, sizeof(self), root, &o);
    assert_string_equal(o.fault, "SecurityError");
}

static void look_granted(const void *result, void *arg)
{
    const struct vim_HasPrivilegeOnEntity_result *r = result;
    assert_int_equal(r->value.count, 3);
    assert_true(r->value.items[0]);
    assert_false(r->value.items[1]);
    assert_false(r->value.items[2]);
    *(bool *)arg = true;
}

static void permissions_over_the_methods(void **state)
{
    struct fixture *f = *state;
    struct session *root = fixture_session(f, "root");
    add_user(f, "ann");
    struct session *ann = fixture_session(f, "ann");
    bool looked = false;
    struct outcome o = {0};
    struct vim_Permission p = {.base = {&vim_type_Permission},
                               .principal = "ann",
                               .roleId = AUTH_ROLE_READ_ONLY,
                               .propagate = true};
    struct vim_Permission *list[] = {&p};
    struct vim_SetEntityPermissions_request set = {authorization, vm1, {1, list}};
    fixture_call(f, &vim_method_SetEntityPermissions, authorization, &set, sizeof(set), ann, &o);
    assert_string_equal(o.fault, "NoPermission");
    fixture_call(f, &vim_method_SetEntityPermissions, authorization, &set, sizeof(set), root, &o);
    assert_string_equal(o.fault, "");
    p.principal = "bob";
    fixture_call(f, &vim_method_SetEntityPermissions, authorization, &set, sizeof(set), root, &o);
    assert_string_equal(o.fault, "UserNotFound");
    p.principal = "ann";
    p.roleId = 77;
    fixture_call(f, &vim_method_SetEntityPermissions, authorization, &set, sizeof(set), root, &o);
    assert_string_equal(o.fault, "NotFound");
    p.roleId = AUTH_ROLE_ANONYMOUS;
    fixture_call(f, &vim_method_SetEntityPermissions, authorization, &set, sizeof(set), root, &o);
    assert_string_equal(o.fault, "InvalidArgument");

    const char *ids[] = {"System.Read", POWER, "No.Such"};
    const struct vim_HasPrivilegeOnEntity_request has = {authorization, vm1, ann->key, {3, ids}};
    o.look = look_granted;
    o.arg = &looked;
    fixture_call(f, &vim_method_HasPrivilegeOnEntity, authorization, &has, sizeof(has), ann, &o);
    assert_string_equal(o.fault, "");
    assert_true(looked);
    const struct vim_RemoveEntityPermission_request last = {authorization, root_ref, "root", false};
    o.look = NULL;
    fixture_call(f, &vim_method_RemoveEntityPermission, authorization, &last, sizeof(last), root,
                 &o);
    assert_string_equal(o.fault, "AuthMinimumAdminPermission");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(administrator_may_everything),
        T(nearest_permission_wins),
        T(permission_without_propagation_stays),
        T(way_to_an_object_is_visible),
        T(groups_unite_and_users_come_first),
        T(an_administrator_remains),
        T(roles_have_their_rules),
        T(names_and_users),
        T(user_is_made_and_logs_in),
        T(permissions_over_the_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
