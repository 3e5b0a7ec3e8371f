/*
 * What gstored is told by hostd before it does anything: the repository and its limits. The keys of
 * a store come from a descriptor that only root could open, never over a connection.
 */
#ifndef GSTORED_SETTINGS_H
#define GSTORED_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define SETTINGS_SIZE_MAX_DEFAULT  (512ull << 20) /* bytes of one resource */
#define SETTINGS_CACHE_MAX_DEFAULT (2ull << 30)   /* bytes of the whole cache */
#define SETTINGS_URL_MAX           2048u
#define SETTINGS_CREDENTIALS_MAX   4096u /* bytes of the file */

enum repository_kind { REPOSITORY_NONE, REPOSITORY_FOLDER, REPOSITORY_HTTP, REPOSITORY_S3 };

struct settings {
    enum repository_kind kind;
    int64_t revision; /* grows with every change */
    char *url;        /* as it was set; NULL: none */
    char *folder;     /* FOLDER: absolute */
    char *base;       /* HTTP, S3: what a resource's path is appended to; no '/' at the end */
    bool secure;      /* https */
    char *region;     /* S3 */
    char *ca_file;    /* NULL: the system's authorities */
    uint64_t size_max, cache_max;
    char *credentials; /* S3: "KEY:SECRET"; secret */
    char *token;       /* S3 session token, or NULL; secret */
};

/* From the arguments of `configure`: revision, repository (URL or absent), endpoint, region,
 * caFile, sizeMax, cacheMax. -EINVAL with words. */
int settings_read(const json_t *args, struct settings *ret, struct error *err);

/* Takes the keys from a credentials file in the common form (aws_access_key_id = ...,
 * aws_secret_access_key = ..., aws_session_token = ...; sections and comments are passed over). */
int settings_credentials(struct settings *s, int fd, struct error *err);

void settings_free(struct settings *s);

#endif
