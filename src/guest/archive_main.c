/* toolbox-archive create-tar|create-tgz|extract FOLDER PREFIX [PATTERN...]; see archive_tool.h. */
#include <errno.h>
#include <fnmatch.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "guest/archive_tool.h"

#define STATUS_MAX 125 /* what an exit status can tell beside ends by signals */

bool archive_skips(const struct archive_request *rq, const char *name)
{
    for (size_t i = 0; i < rq->skips; i++)
        if (fnmatch(rq->skip[i], name, 0) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct archive_request rq;
    int r;

    if (argc < 4) {
        fprintf(stderr, "toolbox-archive is started by toolbox-worker, not by hand.\n");
        return EINVAL;
    }
    /* libarchive converts names; in this locale bytes that are no UTF-8 pass through. */
    setlocale(LC_CTYPE, "C.UTF-8");
    rq = (struct archive_request){
        .path = argv[2], .prefix = argv[3], .skip = argv + 4, .skips = (size_t)(argc - 4)};
    if (strcmp(argv[1], "create-tar") == 0)
        r = archive_create(&rq, false);
    else if (strcmp(argv[1], "create-tgz") == 0)
        r = archive_create(&rq, true);
    else if (strcmp(argv[1], "extract") == 0)
        r = archive_extract(&rq);
    else
        r = -EINVAL;
    return -r > STATUS_MAX || r > 0 ? EIO : -r;
}
