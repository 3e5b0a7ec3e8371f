#include "hostd/core.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/auth_internal.h"
#include "hostd/db.h"
#include "hostd/dispatch.h"
#include "hostd/http_server.h"
#include "hostd/modules.h"
#include "hostd/random.h"
#include "hostd/session.h"
#include "hostd/throttle.h"
#include "hostd/ticket.h"
#include "hostd/users.h"

static int get_uuid(sqlite3_stmt *row, void *arg)
{
    const char *text = (const char *)sqlite3_column_text(row, 0);
    snprintf(arg, 37, "%s", text ? text : "");
    return 0;
}

/* The installation's own id, the administrator and his permission. */
static int first_start(struct host *host, const char *password, struct error *err)
{
    char hash[PASSWORD_HASH_MAX], uuid[37];
    random_uuid(uuid);
    int rc = password_hash(password, hash);
    if (rc == 0)
        rc = db_begin(host->db);
    if (rc == 0) {
        rc = db_run(host->db, "INSERT INTO setting (name, value) VALUES ('instanceUuid', ?)", "s",
                    uuid);
        if (rc == 0)
            rc = users_add(host->db, USERS_ADMINISTRATOR, "Administrator", hash, NULL);
        if (rc == 0)
            rc = db_run(host->db,
                        "INSERT INTO permission"
                        " (type, object, principal, is_group, role_id, propagate)"
                        " VALUES ('Folder', ?, ?, 0, ?, 1)",
                        "ssi", AUTH_ROOT, USERS_ADMINISTRATOR, (int64_t)AUTH_ROLE_ADMIN);
        rc = db_end(host->db, rc);
    }
    explicit_bzero(hash, sizeof(hash));
    return rc < 0 ? error_errno(err, rc, "the administrator cannot be made") : 0;
}

static int has_administrator(sqlite3_stmt *row, void *arg)
{
    *(bool *)arg = sqlite3_column_int64(row, 0) > 0;
    return 0;
}

static int prepare_db(struct host *host, const struct core_options *o, char *ret_password,
                      struct error *err)
{
    static char uuid[37];
    bool made, known = false;
    int rc = db_open(o->db_path, &host->db, &made, err);
    /* Not only when the file is new: a first start may have died half way. */
    if (rc == 0)
        rc = db_query(host->db, has_administrator, &known, "SELECT count(*) FROM user", NULL);
    if (rc == 0 && !known) {
        if (!o->administrator_password)
            random_password(ret_password);
        rc = first_start(host, o->administrator_password ? o->administrator_password : ret_password,
                         err);
    }
    if (rc == 0)
        rc = db_query(host->db, get_uuid, uuid,
                      "SELECT value FROM setting WHERE name = 'instanceUuid'", NULL);
    host->options.instance_uuid = uuid;
    return rc;
}

static int start_modules(struct host *host, struct error *err)
{
    for (const struct host_module *const *m = host_modules; *m; m++) {
        int rc = (*m)->start ? (*m)->start(host, err) : 0;
        if (rc < 0)
            return error_prefix(err, rc, "%s", (*m)->name);
        host->modules_started++;
    }
    return 0;
}

int core_start(struct host *host, const struct core_options *options, char *ret_password,
               struct error *err)
{
    ret_password[0] = '\0';
    host->options = options->host;
    int rc = prepare_db(host, options, ret_password, err);
    if (rc == 0 &&
        ((rc = sessions_new(host, &host->sessions)) < 0 ||
         (rc = throttle_new(&host->throttle)) < 0 || (rc = tickets_new(host)) < 0 ||
         (rc = auth_new(host)) < 0 || (rc = dispatch_new(host, host_modules, &host->dispatch)) < 0))
        error_errno(err, rc, "the host cannot be set up");
    if (rc == 0)
        rc = start_modules(host, err);
    if (rc < 0)
        core_stop(host);
    return rc;
}

void core_stop(struct host *host)
{
    /* Calls end while their sessions, objects and connections are still there. */
    dispatch_free(host->dispatch);
    host->dispatch = NULL;
    http_stop(host->http);
    host->http = NULL;
    sessions_free(host->sessions);
    host->sessions = NULL;
    while (host->modules_started > 0) {
        const struct host_module *m = host_modules[--host->modules_started];
        if (m->stop)
            m->stop(host);
    }
    tickets_free(host);
    throttle_free(host->throttle);
    host->throttle = NULL;
    auth_free(host);
    db_close(host->db);
    host->db = NULL;
    mem_free(host->service_message);
    host->service_message = NULL;
}
