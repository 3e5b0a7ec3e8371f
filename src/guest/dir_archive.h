/*
 * Directories as archives (HGFS protocol, archive handler): names such as
 * /archive:/srv/x?format=tgz or /srv/x/ stand for a tar stream of a folder, made and unpacked by
 * the helper toolbox-archive with this user's rights, never stored on the guest's disk.
 *
 *   format=tar|tgz   of a download; what is uploaded is recognised by its first bytes
 *   prefix=TEXT      of a download: goes in front of every name
 *   skip=PATTERN     leaves out entries whose name below the folder matches (as a shell's pattern
 *                    does); what lies in a folder that is left out, too; may be repeated
 *
 * Names and values may hold %XX. Parsing: any thread. The rest: the loop's thread.
 */
#ifndef GUEST_DIR_ARCHIVE_H
#define GUEST_DIR_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "guest/stream.h"
#include "guest/vixops.h"

#define ARCHIVE_MODE     0600 /* as which it is shown */
#define ARCHIVE_SKIP_MAX 32u

/* What hosts with a fixed length in their HTTP answer, and their clients, take for the end. */
#define ARCHIVE_MARK "\x1f\x8b\x08"

struct archive_spec {
    char *path;
    char *prefix; /* "" = none */
    char *skip[ARCHIVE_SKIP_MAX];
    size_t skips;
    bool gzip;
};

/* 1: `name` is that of an archive; 0: it is not; -EINVAL: of one with options that cannot be;
 * -ENOMEM. Looks at the file system. */
int archive_spec_parse(const char *name, struct archive_spec *ret);
void archive_spec_clear(struct archive_spec *spec);
/* What is wrong with it before anything is started: 0 or a negative errno. */
int archive_spec_check(const struct archive_spec *spec, bool upload);

struct archive;

int archive_start(const struct worker_ctx *w, const struct archive_spec *spec, bool upload,
                  struct archive **ret);
/* The helper is killed if it still runs. */
void archive_free(struct archive *a);
void archive_kill(struct archive *a);
struct stream *archive_stream(const struct archive *a);
/* 1: the helper has ended, *ret_result is 0 or a negative errno. 0: `fn` is called when it has,
 * once, unless the archive is freed before. */
int archive_wait(struct archive *a, void (*fn)(void *arg), void *arg, int *ret_result);

#endif
