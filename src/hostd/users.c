#include "hostd/users.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

bool users_name_valid(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > USERS_NAME_MAX || name[0] == '-')
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("._-@\\", *name))
            return false;
    return true;
}

static void copy_column(sqlite3_stmt *row, int column, char *out, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    snprintf(out, size, "%s", text ? text : "");
}

static void read_user(sqlite3_stmt *row, struct user *out)
{
    out->id = sqlite3_column_int64(row, 0);
    copy_column(row, 1, out->name, sizeof(out->name));
    copy_column(row, 2, out->description, sizeof(out->description));
    copy_column(row, 3, out->hash, sizeof(out->hash));
    out->group = sqlite3_column_int(row, 4) != 0;
}

static int one_row(sqlite3_stmt *row, void *arg)
{
    read_user(row, arg);
    return 1;
}

int users_find(struct db *db, const char *name, bool group, struct user *ret)
{
    struct user u;
    int rc = db_query(db, one_row, &u,
                      group ? "SELECT id, name, description, '', 1 FROM user_group WHERE name = ?"
                            : "SELECT id, name, description, hash, 0 FROM user WHERE name = ?",
                      "s", name);
    if (rc == 1)
        *ret = u;
    explicit_bzero(&u, sizeof(u));
    return rc == 1 ? 0 : rc == 0 ? -ENOENT : rc;
}

static int one_number(sqlite3_stmt *row, void *arg)
{
    *(int64_t *)arg = sqlite3_column_int64(row, 0);
    return 0;
}

static int check_new(struct db *db, const char *name, const char *description)
{
    struct user other;
    int64_t count = 0;
    if (!users_name_valid(name) || strlen(description) > USERS_DESCRIPTION_MAX)
        return -EINVAL;
    if (users_find(db, name, false, &other) == 0 || users_find(db, name, true, &other) == 0) {
        explicit_bzero(&other, sizeof(other));
        return -EEXIST;
    }
    int rc =
        db_query(db, one_number, &count,
                 "SELECT (SELECT count(*) FROM user) + (SELECT count(*) FROM user_group)", NULL);
    return rc < 0 ? rc : count >= USERS_MAX ? -ENOSPC : 0;
}

int users_add(struct db *db, const char *name, const char *description, const char *hash,
              int64_t *ret_id)
{
    int rc = check_new(db, name, description);
    if (rc == 0)
        rc = db_run(db, "INSERT INTO user (name, description, hash) VALUES (?, ?, ?)", "sss", name,
                    description, hash);
    if (rc == 0 && ret_id)
        *ret_id = db_last_id(db);
    return rc;
}

int users_add_group(struct db *db, const char *name, const char *description, int64_t *ret_id)
{
    int rc = check_new(db, name, description);
    if (rc == 0)
        rc = db_run(db, "INSERT INTO user_group (name, description) VALUES (?, ?)", "ss", name,
                    description);
    if (rc == 0 && ret_id)
        *ret_id = db_last_id(db);
    return rc;
}

int users_update(struct db *db, int64_t id, const char *description, const char *hash)
{
    if (description && strlen(description) > USERS_DESCRIPTION_MAX)
        return -EINVAL;
    int rc = db_run(db,
                    "UPDATE user SET description = coalesce(?, description),"
                    " hash = coalesce(?, hash) WHERE id = ?",
                    "ssi", description, hash, id);
    return rc == 0 && db_changes(db) == 0 ? -ENOENT : rc;
}

int users_remove(struct db *db, const char *name, bool group)
{
    int rc = db_run(
        db, group ? "DELETE FROM user_group WHERE name = ?" : "DELETE FROM user WHERE name = ?",
        "s", name);
    if (rc == 0 && db_changes(db) == 0)
        rc = -ENOENT;
    return rc ? rc
              : db_run(db, "DELETE FROM permission WHERE principal = ? AND is_group = ?", "sb",
                       name, (int)group);
}

int users_assign(struct db *db, int64_t user_id, int64_t group_id)
{
    return db_run(db, "INSERT INTO member (user_id, group_id) VALUES (?, ?)", "ii", user_id,
                  group_id);
}

int users_unassign(struct db *db, int64_t user_id, int64_t group_id)
{
    int rc = db_run(db, "DELETE FROM member WHERE user_id = ? AND group_id = ?", "ii", user_id,
                    group_id);
    return rc == 0 && db_changes(db) == 0 ? -ENOENT : rc;
}

struct each_user {
    int (*each)(const struct user *user, void *arg);
    void *arg;
};

static int user_row(sqlite3_stmt *row, void *arg)
{
    struct each_user *e = arg;
    struct user u;
    read_user(row, &u);
    return e->each(&u, e->arg);
}

int users_each(struct db *db, int (*each)(const struct user *user, void *arg), void *arg)
{
    struct each_user e = {each, arg};
    return db_query(db, user_row, &e,
                    "SELECT id, name, description, '', 0 AS g FROM user UNION ALL "
                    "SELECT id, name, description, '', 1 AS g FROM user_group ORDER BY g, name",
                    NULL);
}

struct each_name {
    int (*each)(const char *name, void *arg);
    void *arg;
};

static int name_row(sqlite3_stmt *row, void *arg)
{
    struct each_name *e = arg;
    const char *name = (const char *)sqlite3_column_text(row, 0);
    return name ? e->each(name, e->arg) : -ENOMEM;
}

int users_groups(struct db *db, int64_t user_id, int (*each)(const char *name, void *arg),
                 void *arg)
{
    struct each_name e = {each, arg};
    return db_query(db, name_row, &e,
                    "SELECT g.name FROM user_group g JOIN member m ON m.group_id = g.id"
                    " WHERE m.user_id = ? ORDER BY g.name",
                    "i", user_id);
}
