/*
 * vmware-toolbox-cmd gueststore, and toolbox gueststore get. (GuestStore, "Command line".)
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/cli.h"
#include "guest/cli_content.h"

#define BAR      20 /* characters between the brackets */
#define PER_MARK 5  /* percent */
#define HEX_MAX  (2 * SHA256_DIGEST_SIZE)
#define PIECE    65536

struct bar {
    bool begun, quiet;
    int shown; /* percent / PER_MARK, -1 = nothing yet */
};

static char show(int64_t size, int64_t received, void *arg)
{
    struct bar *bar = arg;
    int percent = size > 0 ? (int)((double)received * 100 / (double)size) : 100;

    if (size > 0 && size <= INT64_MAX / 100)
        percent = (int)(received * 100 / size);
    if (bar->quiet)
        return 1;
    if (!bar->begun)
        printf("Content size in bytes: %lld\n", (long long)size);
    bar->begun = true;
    if (percent / PER_MARK != bar->shown) {
        int k = bar->shown = percent / PER_MARK;
        int field = BAR - k > 1 ? BAR - k : 1;

        printf("\rProgress: %d%% [%.*s>%*s%s", percent, k, "====================", field, "]",
               percent == 100 ? "\n" : "");
    }
    fflush(stdout);
    return 1;
}

/* A path may be given in quotes that the shell has left. */
static const char *unquoted(char *path)
{
    size_t n;

    if (*path == '"')
        path++;
    n = strlen(path);
    if (n && path[n - 1] == '"')
        path[n - 1] = '\0';
    return path;
}

static int getcontent(const char *name, char *path, const char *file, bool quiet)
{
    struct bar bar = {.quiet = quiet, .shown = -1};

    if (!content_library()) {
        fprintf(stderr, "'getcontent' failed, check %s log for more information.\n", name);
        return EX_SOFTWARE;
    }
    GuestStoreLibError err = content_get_stoppable(unquoted(path), file, show, &bar);
    if (err && !quiet) {
        if (bar.begun && bar.shown < BAR)
            putchar('\n');
        fflush(stdout);
        fprintf(stderr, "'getcontent' failed, GuestStore client library error: %s.\n",
                content_error_text(err));
    } else if (!quiet) {
        puts("'getcontent' succeeded.");
    }
    return (int)err;
}

int cli_gueststore(int argc, char **argv, bool quiet)
{
    const char *name = argv[0];

    if (argc < 3)
        fprintf(stderr, "%s: Missing subcommand\n", name);
    else if (strcmp(argv[2], "getcontent") != 0)
        fprintf(stderr, "%s: Unknown subcommand '%s'\n", name, argv[2]);
    else if (argc != 5)
        fprintf(stderr, "%s: %s\n", name, argc < 5 ? "Missing argument" : "Too many arguments");
    else
        return getcontent(name, argv[3], argv[4], quiet);
    fprintf(stderr, "Try '%s help gueststore' for more information.\n", name);
    return EX_USAGE;
}

/* ---- toolbox gueststore get ---- */

static void usage(FILE *to)
{
    fputs(
        "usage: toolbox gueststore get [--quiet] [--sha256 HEX] PATH FILE\n"
        "\n"
        "Fetches PATH from the host's content repository into FILE, over the link to the host; no\n"
        "network is needed. FILE appears when it is whole, and takes the place of an older one.\n"
        "\n"
        "  --sha256 HEX   nothing is kept unless this is the content's SHA-256\n"
        "  --quiet, -q    no progress\n"
        "\n"
        "Exit status: 0, or the error of the client library (15 forbidden, 16 not found, 19 wrong\n"
        "checksum ...); 64 wrong arguments, 70 no client library.\n",
        to);
}

static bool is_sha256(const char *text)
{
    size_t n = 0;

    while (isxdigit((unsigned char)text[n]))
        n++;
    return n == HEX_MAX && !text[n];
}

/* The SHA-256 of a file, in lower case. */
static int sha256_of(const char *file, char ret[HEX_MAX + 1])
{
    AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
    AUTO_FREE uint8_t *bytes = mem_alloc(PIECE);
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx ctx;
    ssize_t n;

    if (fd < 0 || !bytes)
        return fd < 0 ? -errno : -ENOMEM;
    sha256_init(&ctx);
    while ((n = read(fd, bytes, PIECE)) != 0) {
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            sha256_update(&ctx, (size_t)n, bytes);
    }
    sha256_digest(&ctx, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(ret + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

/* A file of its own name beside `file`, empty, with the mode that `file` would get. */
static char *make_temporary(const char *file)
{
    AUTO_FREE char *name = mem_printf("%s.XXXXXX", file);
    mode_t mask = umask(0);
    AUTO_CLOSE int fd = name ? mkostemp(name, O_CLOEXEC) : -1;

    umask(mask);
    if (fd < 0 || fchmod(fd, 0666 & ~mask) < 0)
        return NULL;
    return TAKE_PTR(name);
}

/* Content goes to a file beside the one that is wanted, and takes its name when it is right. A pipe
 * or a device has no name to give away and is written to. */
static GuestStoreLibError fetch(const char *path, const char *file, const char *sha256,
                                struct bar *bar)
{
    char found[HEX_MAX + 1] = "";
    struct stat st;

    if (!sha256 && stat(file, &st) == 0 && !S_ISREG(st.st_mode))
        return content_get_stoppable(path, file, show, bar);
    AUTO_FREE char *temporary = make_temporary(file);
    if (!temporary)
        return GSLIBERR_CREATE_OUTPUT_FILE;
    GuestStoreLibError err = content_get_stoppable(path, temporary, show, bar);
    if (!err && sha256 && (sha256_of(temporary, found) < 0 || strcasecmp(found, sha256) != 0))
        err = GSLIBERR_CHECKSUM;
    if (!err && rename(temporary, file) < 0)
        err = GSLIBERR_CREATE_OUTPUT_FILE;
    if (err)
        unlink(temporary);
    return err;
}

int cli_toolbox_gueststore(int argc, char **argv)
{
    static const struct option longs[] = {{"sha256", required_argument, NULL, 's'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct bar bar = {.quiet = !isatty(STDOUT_FILENO), .shown = -1};
    const char *sha256 = NULL;
    int opt;

    if (cli_help_wanted(argc, argv)) {
        usage(stdout);
        return EX_OK;
    }
    if (argc < 2 || strcmp(argv[1], "get") != 0) {
        usage(stderr);
        return EX_USAGE;
    }
    argc--;
    argv++;
    while ((opt = getopt_long(argc, argv, "qh", longs, NULL)) != -1) {
        if (opt == 'h') {
            usage(stdout);
            return EX_OK;
        }
        if (opt == 'q')
            bar.quiet = true;
        if (opt == 's')
            sha256 = optarg;
        if (opt == '?' || (sha256 && !is_sha256(sha256))) {
            if (opt != '?')
                fputs("toolbox: a SHA-256 has 64 hexadecimal digits\n", stderr);
            usage(stderr);
            return EX_USAGE;
        }
    }
    if (argc - optind != 2) {
        usage(stderr);
        return EX_USAGE;
    }
    if (!content_library())
        return EX_SOFTWARE;
    GuestStoreLibError err = fetch(argv[optind], argv[optind + 1], sha256, &bar);
    if (err)
        fprintf(stderr, "%s%s: %s\n", bar.begun && bar.shown < BAR ? "\n" : "", argv[optind],
                content_error_text(err));
    return (int)err;
}
