/*
 * A repository: where content comes from. Two kinds: a folder (folder.c), whose files are handed
 * out themselves, and a server (remote.c: https, http, S3), whose content goes through the cache.
 *
 * A reader is one request for one resource; it belongs to whoever asks (request.c) and lives until
 * `ended` or repo_cancel. Callbacks come from the loop, never from inside repo_read:
 *
 *     opened     at most once, with a descriptor that the callee owns from then on
 *     progress   how many bytes can be read now; only after `opened`, growing
 *     ended      exactly once; 0: all bytes are there and right. Codes: -ENOENT, -EPERM (may not be
 *                had), anything else is a failure; `text` is for the log
 *
 * Loop thread only.
 */
#ifndef GSTORED_REPO_H
#define GSTORED_REPO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "gstored/settings.h"

struct repo;
struct repo_reader;

struct repo_reader_ops {
    void (*opened)(struct repo_reader *rd, int fd, uint64_t size, uint64_t available);
    void (*progress)(struct repo_reader *rd, uint64_t available);
    void (*ended)(struct repo_reader *rd, int code, const char *text);
};

struct repo_reader {
    const struct repo_reader_ops *ops;
    const char *source; /* "folder", "cache", "origin", "shared"; valid in `opened` and `ended` */
    /* The repository's own: */
    void *work;
    struct repo_reader *next, **link;
    bool told_open;
    unsigned round;
};

struct repo_ops {
    int (*read)(struct repo *repo, const char *path, struct repo_reader *rd);
    void (*cancel)(struct repo_reader *rd);
    void (*free)(struct repo *repo);
    void (*status)(const struct repo *repo, json_t *object); /* adds members; may be NULL */
};

struct repo {
    const struct repo_ops *ops;
};

/* `path` as path_resolve left it. Fails only with -ENOMEM or -EBUSY; then nothing is called. */
static inline int repo_read(struct repo *repo, const char *path, struct repo_reader *rd)
{
    return repo->ops->read(repo, path, rd);
}

/* No callback comes any more. Not in a callback of the same reader other than `opened`, and not
 * after `ended`. */
static inline void repo_cancel(struct repo *repo, struct repo_reader *rd)
{
    repo->ops->cancel(rd);
}

/* Readers must have ended or been cancelled. */
static inline void repo_free(struct repo *repo)
{
    if (repo)
        repo->ops->free(repo);
}

/* The folder need not be there yet. `moved` is called when it is another one than it was now, after
 * which this process, confined to the old one, must end and be started again. */
int folder_new(uv_loop_t *loop, const struct settings *settings, void (*moved)(void *arg),
               void *arg, struct repo **ret);

/* A server. `state_dir` is where the folder of the cache is or is made; not taken. */
int remote_new(uv_loop_t *loop, const struct settings *settings, int state_dir, struct repo **ret,
               struct error *err);

#endif
