/*
 * inguest, the administrator's command line: what its commands share.
 *
 * Every command but `up` and `vm log` is a client of hostd through the vSphere API, logged in by a
 * local ticket (root on the host's machine) or by name and password. Passwords come from a file,
 * standard input or a prompt, never from the arguments.
 *
 * A command returns an exit status: 0 done, 1 failed (a line on stderr says why), 2 wrong usage.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "client/password.h"
#include "client/vim_client.h"

#define ADMIN_STATE_DEFAULT "/var/lib/inguest"
#define ADMIN_RUN_DEFAULT   "/run/inguest"
#define ADMIN_PASSWORD_MAX  PASSWORD_MAX

enum { ADMIN_OK = 0, ADMIN_FAILED = 1, ADMIN_USAGE = 2 };

struct admin {
    const char *state, *run;
    const char *address;       /* --host; NULL: the host of `run` on this machine */
    const char *user;          /* --user; NULL: the local ticket */
    const char *password_file; /* of that user */
    const char *certificates;  /* --ca */
    bool json;
    struct vim_client *client;
};

/* Where hostd of this state and run folder listens; `out` gets "HOST:PORT". */
int admin_address(const struct admin *ad, char out[256], struct error *err);

/* Connects and logs in, once. */
int admin_connect(struct admin *ad, struct error *err);

/* Prints "inguest: text" on stderr; returns ADMIN_FAILED. */
int admin_fail(const struct error *err);

/* Prints a JSON value and drops it. */
void admin_print_json(json_t *value);

/* First line of a file ("-": standard input; NULL: a prompt without echo, twice with `confirm`).
 * The content is secret: admin_forget. */
int admin_password(const char *file, const char *prompt, bool confirm, struct buf *ret,
                   struct error *err);
void admin_forget(struct buf *secret);

/* An option with a value: "--name VALUE" or "--name=VALUE" at argv[*i]. NULL when it is not that
 * option; advances *i over a separate value. A missing value prints usage and sets *bad. */
const char *admin_option(int argc, char **argv, int *i, const char *name, bool *bad);

/* Is -h or --help among the first `words` words after the command? Later ones may be data. */
bool admin_help_wanted(int argc, char **argv, int words);

int admin_up(struct admin *ad, int argc, char **argv);
int admin_vm(struct admin *ad, int argc, char **argv);
int admin_user(struct admin *ad, int argc, char **argv);
int admin_dataset(struct admin *ad, int argc, char **argv);

/* One request of the host's REST API, connecting first. `body` and `ret` may be NULL. */
int admin_rest(struct admin *ad, const char *verb, const char *path, const json_t *body,
               json_t **ret, struct error *err);
int admin_role(struct admin *ad, int argc, char **argv);
int admin_permission(struct admin *ad, int argc, char **argv);
int admin_gueststore(struct admin *ad, int argc, char **argv);
int admin_exec(struct admin *ad, int argc, char **argv); /* has exit statuses of its own */
int admin_cp(struct admin *ad, int argc, char **argv);
int admin_forward(struct admin *ad, int argc, char **argv);

/* --- vm.c, for others --- */

struct admin_guest_user {
    const char *name;
    const char *hash; /* crypt(5) form */
};
#define ADMIN_GUEST_USERS_MAX 16

struct admin_vm_spec {
    const char *name;
    const char *guest_id;
    int memory_mb, cpus;
    struct admin_guest_user users[ADMIN_GUEST_USERS_MAX];
    unsigned user_count;
};

/* All objects of a type beneath the root folder, in the arena. Connects. */
int admin_objects(struct admin *ad, const char *type, struct arena *arena, size_t *ret_count,
                  const struct vim_ref **ret, struct error *err);
/* -ENOENT when there is no VM of that name. The id is in the arena. */
int admin_vm_find(struct admin *ad, const char *name, struct arena *arena, struct vim_ref *ret,
                  struct error *err);
int admin_vm_create(struct admin *ad, const struct admin_vm_spec *spec, struct arena *arena,
                    struct vim_ref *ret, struct error *err);
/* Powers on when it is off, and with `wait` waits until guest operations are ready. */
int admin_vm_start(struct admin *ad, struct vim_ref vm, bool wait, struct error *err);
int admin_vm_stop(struct admin *ad, struct vim_ref vm, bool guest, struct error *err);
/* A crypt(5) hash of the password, in the arena. */
int admin_hash_password(const char *password, struct arena *arena, const char **ret,
                        struct error *err);

/* --- user.c, for others --- */

/* Makes the user or gives an existing one the password; then the role on everything. */
int admin_user_set(struct admin *ad, const char *name, const char *password, const char *role,
                   struct error *err);

/* --- role.c and permission.c, for others --- */

/* Connects. -ENOENT when there is no such role. */
int admin_role_find(struct admin *ad, const char *name, struct arena *arena,
                    const struct vim_AuthorizationRole **ret, struct error *err);
/* "?" when it is not known. */
const char *admin_role_name(struct admin *ad, int id, struct arena *arena);
int admin_permission_set(struct admin *ad, struct vim_ref entity, const char *user,
                         const char *role, bool propagate, struct arena *arena, struct error *err);

/* --- demo.c --- */

/* The main job on the VM `demo`, each step printed with its time, then how to go on. */
int admin_demo(struct admin *ad, struct error *err);

#endif
