/*
 * Requests to the server of a repository: libcurl's multi interface on the loop, so that a thousand
 * downloads need no thread. Certificates are verified; redirects stay within the scheme and are
 * few; nobody waits longer than FETCH_CONNECT_S for a connection or FETCH_STALL_S for a byte.
 *
 * `head` and `data` run inside libcurl: they may not start, cancel or free anything here, but end
 * the request by returning a negative errno code, which `done` then gets. `done` comes exactly
 * once, from the loop, unless the request is cancelled; after it the request is gone. Loop thread
 * only.
 */
#ifndef GSTORED_FETCH_H
#define GSTORED_FETCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "gstored/settings.h"

#define FETCH_CONNECT_S     10
#define FETCH_STALL_S       30
#define FETCH_REDIRECTS_MAX 5
#define FETCH_VALIDATOR_MAX 256 /* bytes of an ETag or a date; longer ones are not used */

struct fetcher;
struct fetch;

/* What tells one version of a resource from another. "" = the server gave none. */
struct fetch_validators {
    char etag[FETCH_VALIDATOR_MAX];
    char modified[FETCH_VALIDATOR_MAX]; /* Last-Modified, as it came */
};

struct fetch_head {
    long status;  /* of the last answer, redirects followed */
    int64_t size; /* Content-Length; -1: not known */
    bool encoded; /* Content-Encoding: not the resource's own bytes */
    struct fetch_validators validators;
};

struct fetch_ops {
    int (*head)(const struct fetch_head *head, void *arg);
    int (*data)(const void *bytes, size_t len, void *arg);
    /* Code 0: the answer is complete, also when it says no. */
    void (*done)(int code, const char *why, void *arg);
};

/* The settings must live longer. */
int fetcher_new(uv_loop_t *loop, const struct settings *settings, struct fetcher **ret);
void fetcher_free(struct fetcher *f); /* requests must be over; run the loop once more */

/* GET of a resource, or HEAD. `unless` (may be NULL): answer 304 when it is still that version. */
int fetch_start(struct fetcher *f, const char *path, bool head_only,
                const struct fetch_validators *unless, const struct fetch_ops *ops, void *arg,
                struct fetch **ret);
void fetch_cancel(struct fetch *q);

#endif
