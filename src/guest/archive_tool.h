/*
 * toolbox-archive: a folder to a tar stream and back, for the worker. A process of its own, because
 * libarchive is much code for what a guest's user may hand it, and because it can be ended at any
 * time. One thread; 0 or negative errno, which becomes the exit status.
 */
#ifndef GUEST_ARCHIVE_TOOL_H
#define GUEST_ARCHIVE_TOOL_H

#include <stdbool.h>
#include <stddef.h>

struct archive_request {
    const char *path;   /* of the folder; of what is sent it may be a file */
    const char *prefix; /* in front of every name that is sent */
    char **skip;        /* patterns of names that are left out */
    size_t skips;
};

/* Folders in folders; every level takes a descriptor. */
#define ARCHIVE_DEPTH_MAX 512u

int archive_create(const struct archive_request *rq, bool gzip); /* to standard output */
int archive_extract(const struct archive_request *rq);           /* from standard input */
bool archive_skips(const struct archive_request *rq, const char *name);

#endif
