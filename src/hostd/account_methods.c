/*
 * HostLocalAccountManager and UserDirectory: local users and groups. Passwords are hashed in the
 * thread pool, so creating and changing a user are calls that run on for a while.
 */
#include "hostd/account_methods.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/auth.h"
#include "hostd/call.h"
#include "hostd/password.h"
#include "hostd/session.h"
#include "hostd/throttle.h"
#include "hostd/users.h"

static void fault_security(struct call *call, const char *text)
{
    call_fault(call, VIM_NEW(call->arena, SecurityError), "%s", text);
}

static void fault_exists(struct call *call, const char *name)
{
    struct vim_AlreadyExists *f = VIM_NEW(call->arena, AlreadyExists);
    if (f)
        f->name = arena_strdup(call->arena, name);
    call_fault(call, f, "The name '%s' already exists.", name);
}

static void log_change(const struct call *call, const char *what, const char *name)
{
    log_info("account: %s %s by %s from %s", name, what, call->session->user, call->source);
}

/* What a change came to; ends the call. */
static void finish(struct call *call, int rc, const char *what, const char *name)
{
    switch (rc) {
    case 0:
        log_change(call, what, name);
        call_return(call, NULL);
        break;
    case -EEXIST:
        fault_exists(call, name);
        break;
    case -EINVAL:
        call_fault_invalid_argument(call, "user");
        break;
    case -ENOENT:
        call_fault_user_not_found(call, name);
        break;
    case -EDQUOT:
        fault_security(call, "The last administrator cannot be removed.");
        break;
    default:
        call_fault_errno(call, rc, "accounts");
    }
}

/* --- a password that is hashed meanwhile --- */

struct job {
    struct call *call; /* NULL: cancelled */
    void (*hashed)(struct call *call, const char *hash);
};

static void on_cancel(struct call *call, void *arg)
{
    struct job *job = arg;
    job->call = NULL;
    call_fault_request_canceled(call);
}

static void on_hashed(int code, const char *hash, void *arg)
{
    struct job *job = arg;
    struct call *call = job->call;
    void (*hashed)(struct call *, const char *) = job->hashed;
    mem_free(job);
    if (!call)
        return;
    call_on_cancel(call, NULL, NULL);
    if (code < 0)
        call_fault_errno(call, code, "the password cannot be kept");
    else
        hashed(call, hash);
}

static void hash_then(struct call *call, const char *password,
                      void (*hashed)(struct call *call, const char *hash))
{
    if (!password || !*password || strlen(password) > PASSWORD_MAX) {
        call_fault_invalid_argument(call, "password");
        return;
    }
    struct job *job = mem_calloc(1, sizeof(*job));
    int rc = -ENOMEM;
    if (job) {
        *job = (struct job){call, hashed};
        rc = password_hash_async(call->host->loop, password, on_hashed, job);
    }
    if (rc < 0) {
        mem_free(job);
        call_fault_errno(call, rc, "the password cannot be kept");
        return;
    }
    call_on_cancel(call, on_cancel, job);
}

/* --- users --- */

static void create_hashed(struct call *call, const char *hash)
{
    const struct vim_CreateUser_request *req = call->req;
    const char *text = req->user->description ? req->user->description : "";
    finish(call, users_add(call->host->db, req->user->id, text, hash, NULL), "created",
           req->user->id);
}

static void create_user(struct call *call)
{
    const struct vim_CreateUser_request *req = call->req;
    if (!users_name_valid(req->user->id))
        call_fault_invalid_argument(call, "user.id");
    else
        hash_then(call, req->user->password, create_hashed);
}

static void update(struct call *call, const char *name, const char *description, const char *hash)
{
    struct user user;
    int rc = users_find(call->host->db, name, false, &user);
    if (rc == 0)
        rc = users_update(call->host->db, user.id, description, hash);
    /* Whoever knew the old password has no business here any more. */
    if (rc == 0 && hash)
        session_end_user(call->host->sessions, user.id, call->session);
    explicit_bzero(&user, sizeof(user));
    if (rc == -ENOENT)
        call_fault_not_found(call);
    else
        finish(call, rc, hash ? "got a new password" : "changed", name);
}

static void update_hashed(struct call *call, const char *hash)
{
    const struct vim_UpdateUser_request *req = call->req;
    update(call, req->user->id, req->user->description, hash);
}

static void update_user(struct call *call)
{
    const struct vim_UpdateUser_request *req = call->req;
    if (req->user->password && *req->user->password)
        hash_then(call, req->user->password, update_hashed);
    else
        update(call, req->user->id, req->user->description, NULL);
}

static void change_hashed(struct call *call, const char *hash)
{
    const struct vim_ChangePassword_request *req = call->req;
    update(call, req->user, NULL, hash);
}

struct judge {
    struct call *call; /* NULL: cancelled */
    struct host *host;
    char source[SESSION_SOURCE_MAX];
};

static void on_judge_cancel(struct call *call, void *arg)
{
    struct judge *j = arg;
    j->call = NULL;
    call_fault_request_canceled(call);
}

static void on_judged(int code, bool matches, void *arg)
{
    struct judge *j = arg;
    struct call *call = j->call;
    /* The old password can be guessed at here as at Login, so failures count together. */
    if (code == 0)
        throttle_judge(j->host->throttle, j->source, matches);
    throttle_end(j->host->throttle, j->source);
    mem_free(j);
    if (!call)
        return;
    call_on_cancel(call, NULL, NULL);
    const struct vim_ChangePassword_request *req = call->req;
    if (matches)
        hash_then(call, req->newPassword, change_hashed);
    else
        fault_security(call, "The old password is not right.");
}

/* For oneself, with the old password. */
static void change_password(struct call *call)
{
    const struct vim_ChangePassword_request *req = call->req;
    struct host *host = call->host;
    struct user user = {0};
    if (strcmp(req->user, call->session->user) != 0 ||
        users_find(host->db, req->user, false, &user) < 0) {
        fault_security(call, "Only one's own password can be changed this way.");
        return;
    }
    if (!throttle_begin(host->throttle, call->source)) {
        explicit_bzero(&user, sizeof(user));
        fault_security(call, "Too many attempts.");
        return;
    }
    struct judge *j = mem_calloc(1, sizeof(*j));
    int rc = -ENOMEM;
    if (j) {
        j->call = call;
        j->host = host;
        snprintf(j->source, sizeof(j->source), "%s", call->source);
        rc = password_match_async(host->loop, req->oldPassword, user.hash, on_judged, j);
    }
    explicit_bzero(&user, sizeof(user));
    if (rc < 0) {
        mem_free(j);
        throttle_end(host->throttle, call->source);
        call_fault_errno(call, rc, "the password cannot be checked");
        return;
    }
    call_on_cancel(call, on_judge_cancel, j);
}

static void remove_user(struct call *call)
{
    const struct vim_RemoveUser_request *req = call->req;
    struct host *host = call->host;
    struct user user;
    if (strcmp(req->userName, call->session->user) == 0) {
        fault_security(call, "One cannot remove oneself.");
        return;
    }
    int rc = users_find(host->db, req->userName, false, &user);
    int64_t id = rc == 0 ? user.id : 0;
    explicit_bzero(&user, sizeof(user));
    if (rc == 0)
        rc = auth_begin(host);
    if (rc == 0)
        rc = auth_commit(host, users_remove(host->db, req->userName, false));
    if (rc == 0)
        session_end_user(host->sessions, id, NULL);
    finish(call, rc, "removed", req->userName);
}

/* --- groups --- */

static void create_group(struct call *call)
{
    const struct vim_CreateGroup_request *req = call->req;
    const char *text = req->group->description ? req->group->description : "";
    finish(call, users_add_group(call->host->db, req->group->id, text, NULL), "created",
           req->group->id);
}

static void remove_group(struct call *call)
{
    const struct vim_RemoveGroup_request *req = call->req;
    int rc = auth_begin(call->host);
    if (rc == 0)
        rc = auth_commit(call->host, users_remove(call->host->db, req->groupName, true));
    finish(call, rc, "removed", req->groupName);
}

static void set_member(struct call *call, const char *user_name, const char *group_name,
                       bool member)
{
    struct host *host = call->host;
    struct user user, group;
    int rc = users_find(host->db, user_name, false, &user);
    if (rc < 0) {
        finish(call, rc, "", user_name);
        return;
    }
    rc = users_find(host->db, group_name, true, &group);
    if (rc == 0)
        rc = auth_begin(host);
    if (rc == 0)
        rc = auth_commit(host, member ? users_assign(host->db, user.id, group.id)
                                      : users_unassign(host->db, user.id, group.id));
    explicit_bzero(&user, sizeof(user));
    finish(call, rc, member ? "got a member" : "lost a member", group_name);
}

static void assign(struct call *call)
{
    const struct vim_AssignUserToGroup_request *req = call->req;
    set_member(call, req->user, req->group, true);
}

static void unassign(struct call *call)
{
    const struct vim_UnassignUserFromGroup_request *req = call->req;
    set_member(call, req->user, req->group, false);
}

/* --- UserDirectory --- */

struct search {
    struct call *call;
    const struct vim_RetrieveUserGroups_request *req;
    struct vim_UserSearchResult **items;
    size_t count;
    const char *name;   /* in_group: of the group that is looked for */
    int64_t of_user_id; /* belongsToUser */
};

static int is_named(const char *name, void *arg)
{
    return strcmp(name, arg) == 0;
}

static int search_user(const struct user *u, void *arg)
{
    struct search *s = arg;
    const struct vim_RetrieveUserGroups_request *req = s->req;
    struct db *db = s->call->host->db;
    bool match = u->group ? req->findGroups : req->findUsers;
    if (match && *req->searchStr)
        match = req->exactMatch ? strcmp(u->name, req->searchStr) == 0
                                : strcasestr(u->name, req->searchStr) ||
                                      strcasestr(u->description, req->searchStr);
    if (match && req->belongsToGroup)
        match = !u->group &&
                users_groups(db, u->id, is_named, (void *)(uintptr_t)req->belongsToGroup) == 1;
    if (match && req->belongsToUser)
        match =
            u->group && users_groups(db, s->of_user_id, is_named, (void *)(uintptr_t)u->name) == 1;
    if (!match || s->count >= USERS_MAX)
        return 0;
    struct vim_UserSearchResult *r = VIM_NEW(s->call->arena, UserSearchResult);
    if (!r)
        return -ENOMEM;
    r->principal = arena_strdup(s->call->arena, u->name);
    r->fullName = *u->description ? arena_strdup(s->call->arena, u->description) : r->principal;
    r->group = u->group;
    s->items[s->count++] = r;
    return r->principal ? 0 : -ENOMEM;
}

static void retrieve_user_groups(struct call *call)
{
    const struct vim_RetrieveUserGroups_request *req = call->req;
    struct search s = {.call = call, .req = req};
    struct user other = {0};
    if (req->domain && *req->domain && strcasecmp(req->domain, "localos") != 0) {
        call_fault_not_found(call);
        return;
    }
    if ((req->belongsToGroup &&
         users_find(call->host->db, req->belongsToGroup, true, &other) < 0) ||
        (req->belongsToUser && users_find(call->host->db, req->belongsToUser, false, &other) < 0)) {
        call_fault_not_found(call);
        return;
    }
    s.of_user_id = other.id;
    explicit_bzero(&other, sizeof(other));
    s.items = ARENA_ARRAY(call->arena, USERS_MAX, struct vim_UserSearchResult *);
    int rc = s.items ? users_each(call->host->db, search_user, &s) : -ENOMEM;
    if (rc < 0) {
        call_fault_errno(call, rc, "users");
        return;
    }
    struct vim_RetrieveUserGroups_result r = {.value = {s.count, s.items}};
    call_return(call, &r);
}

static const struct call_row calls[] = {
    {&vim_method_CreateUser, create_user},
    {&vim_method_UpdateUser, update_user},
    {&vim_method_RemoveUser, remove_user},
    {&vim_method_ChangePassword, change_password},
    {&vim_method_CreateGroup, create_group},
    {&vim_method_RemoveGroup, remove_group},
    {&vim_method_AssignUserToGroup, assign},
    {&vim_method_UnassignUserFromGroup, unassign},
    {&vim_method_RetrieveUserGroups, retrieve_user_groups},
    {NULL, NULL},
};

const struct host_module account_module = {.name = "account", .calls = calls};
