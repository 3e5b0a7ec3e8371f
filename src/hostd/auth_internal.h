/* Inside of auth: the copy in memory. */
#ifndef HOSTD_AUTH_INTERNAL_H
#define HOSTD_AUTH_INTERNAL_H

#include "hostd/auth.h"
#include "hostd/db.h"

#define AUTH_BUCKETS 1024u
#define AUTH_ROOT    "@root" /* the root folder in the database, whatever the persona */

struct auth_member {
    int64_t user_id;
    char *group;
};

struct auth {
    struct auth_role *roles;
    size_t nroles;
    struct auth_permission *permissions;
    size_t npermissions;
    struct auth_member *members;
    size_t nmembers;
    unsigned heads[AUTH_BUCKETS]; /* by object: index into permissions + 1; 0 ends the list */
    unsigned *next;
};

const char *auth_object_key(struct host *host, struct vim_ref object);

#endif
