/*
 * Stand-in for libFuzzer's driver: feeds every file of the folders named on the command line to
 * the fuzz target once, then every file again with its tail cut off at each of its first bytes.
 * An empty folder is a failure, so that a corpus cannot be lost unnoticed.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_FILE_MAX (1u << 20)
#define REPLAY_CUTS_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_bytes(const uint8_t *bytes, size_t size)
{
    /* An exact heap copy, so that the sanitizer sees a read past the end. */
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        return -ENOMEM;
    if (size)
        memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

static int replay_file(const char *path)
{
    static uint8_t bytes[REPLAY_FILE_MAX];
    FILE *f = fopen(path, "rbe");
    size_t n;

    if (!f) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (size_t cut = 0; cut <= n && cut < REPLAY_CUTS_MAX; cut++)
        if (replay_bytes(bytes, cut))
            return -1;
    return replay_bytes(bytes, n);
}

static long replay_folder(const char *folder)
{
    DIR *d = opendir(folder);
    long count = 0;
    const struct dirent *e;
    char path[PATH_MAX];

    if (!d) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return -1;
    }
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >= (int)sizeof(path) ||
            replay_file(path)) {
            count = -1;
            break;
        }
        count++;
    }
    closedir(d);
    return count;
}

int main(int argc, char **argv)
{
    long total = 0;

    for (int i = 1; i < argc; i++) {
        long n = replay_folder(argv[i]);

        if (n <= 0) {
            fprintf(stderr, "%s: no corpus\n", argv[i]);
            return 1;
        }
        total += n;
    }
    printf("%ld inputs replayed\n", total);
    return total > 0 ? 0 : 1;
}
