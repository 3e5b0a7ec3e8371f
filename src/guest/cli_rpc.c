/*
 * vmtoolsd --cmd, vmware-rpctool and toolbox: one RPCI request from the command line.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/mem.h"
#include "guest/cli.h"
#include "guest/version.h"
#include "inguest/toolbox.h"

#define NO_HOST      "Unable to send command to VMware hypervisor."
#define NO_HOST_FILE "Unable to send command from file to VMware hypervisor."
#define NO_HOST_TOOL "Failed sending message to VMware."

/* Sends one RPCI request, prints the answer (to standard error when the host says failure) or
 * `no_host`. 0 or 1. */
static int cli_send(const void *request, size_t len, const char *no_host)
{
    char *reply = NULL;
    size_t reply_len = 0;
    int r = toolbox_rpci_once(NULL, request, len, CLI_TIMEOUT_MS, &reply, &reply_len);
    if (r == -EMSGSIZE || r == -EINVAL) {
        fprintf(stderr, "The command is %s.\n", r == -EINVAL ? "empty" : "too long");
        return 1;
    }
    if (r < 0) {
        fprintf(stderr, "%s\n", no_host);
        return 1;
    }
    FILE *to = r ? stdout : stderr;
    int bad = fwrite(reply, 1, reply_len, to) != reply_len || fputc('\n', to) == EOF || fflush(to);
    toolbox_free(reply);
    return r && !bad ? 0 : 1;
}

/* A file is one request, up to a NUL if it has one, without the blanks at its end; "-" is standard
 * input. (DataSets, "Command line in the guest".) */
static int send_file(const char *path)
{
    AUTO_BUF struct buf b = BUF_INIT(TOOLBOX_MESSAGE_MAX);
    struct error err = {0};
    size_t len;
    if (strcmp(path, "-") == 0) {
        for (;;) {
            uint8_t *room;
            int r = buf_reserve(&b, 4096, &room);
            ssize_t n = r < 0 ? r : read(STDIN_FILENO, room, 4096);
            if (n < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(r < 0 ? -r : errno));
                return 1;
            }
            if (n == 0)
                break;
            buf_commit(&b, (size_t)n);
        }
    } else if (fs_read_file(AT_FDCWD, path, &b, &err) < 0) {
        fprintf(stderr, "Unable to read command from file %s.\n", path);
        return 1;
    }
    len = strlen(buf_text(&b));
    while (len && isspace((unsigned char)b.data[len - 1]))
        len--;
    return cli_send(buf_text(&b), len, NO_HOST_FILE);
}

static void vmtoolsd_usage(FILE *to, const char *name)
{
    fprintf(to,
            "Usage:\n"
            "  %s --cmd=COMMAND | --cmdfile=FILE | --version\n"
            "\n"
            "  --cmd=COMMAND    send one command to the host and print its answer\n"
            "  --cmdfile=FILE   the same, with the command read from FILE (- = standard input)\n"
            "  -v, --version    print the version\n"
            "  -h, --help       print this\n"
            "\n"
            "The first option that is a command is done, and nothing after it.\n"
            "The agent itself is toolboxd.\n",
            name);
}

int cli_vmtoolsd(int argc, char **argv)
{
    static const struct option longs[] = {{"cmd", required_argument, NULL, 'c'},
                                          {"cmdfile", required_argument, NULL, 'f'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int opt;
    while ((opt = getopt_long(argc, argv, "vh", longs, NULL)) != -1) {
        switch (opt) {
        case 'c':
            return cli_send(optarg, strlen(optarg), NO_HOST);
        case 'f':
            return send_file(optarg);
        case 'v':
            printf("VMware Tools daemon, version %s (inguest)\n", TOOLBOX_VERSION);
            return 0;
        case 'h':
            vmtoolsd_usage(stdout, argv[0]);
            return 0;
        default:
            vmtoolsd_usage(stderr, argv[0]);
            return 1;
        }
    }
    vmtoolsd_usage(stderr, argv[0]);
    return 1;
}

int cli_rpctool(int argc, char **argv)
{
    if (argc == 2 && cli_help_wanted(argc, argv)) {
        printf("Usage: %s <text>\n", argv[0]);
        return 0;
    }
    if (argc != 2) {
        fprintf(stderr, "Usage: %s <text>\n", argv[0]);
        return 1;
    }
    return cli_send(argv[1], strlen(argv[1]), NO_HOST_TOOL);
}

/* ---- toolbox ---- */

static int info_get(int argc, char **argv)
{
    AUTO_BUF struct buf b = BUF_INIT(TOOLBOX_MESSAGE_MAX);
    if (argc != 2)
        return -1;
    buf_printf(&b, "info-get guestinfo.%s",
               strncmp(argv[1], "guestinfo.", 10) == 0 ? argv[1] + 10 : argv[1]);
    return cli_send(b.data, b.len, NO_HOST);
}

static int info_set(int argc, char **argv)
{
    AUTO_BUF struct buf b = BUF_INIT(TOOLBOX_MESSAGE_MAX);
    if (argc != 3)
        return -1;
    buf_printf(&b, "info-set guestinfo.%s %s",
               strncmp(argv[1], "guestinfo.", 10) == 0 ? argv[1] + 10 : argv[1], argv[2]);
    return cli_send(b.data, b.len, NO_HOST);
}

static int rpc(int argc, char **argv)
{
    return argc == 2 ? cli_send(argv[1], strlen(argv[1]), NO_HOST) : -1;
}

static void toolbox_usage(FILE *to)
{
    fputs(
        "usage: toolbox COMMAND [ARGUMENT ...]\n"
        "       toolbox --cmd COMMAND | --cmdfile FILE\n"
        "       toolbox --version | -h\n"
        "\n"
        "  rpc TEXT             send one command to the host, print its answer\n"
        "  info-get KEY         print a guestinfo value that the host keeps for this guest\n"
        "  info-set KEY VALUE   set one\n"
        "  dataset list|show|get|set|append|rm ...\n"
        "                       keys and values shared with the host (-h says more)\n"
        "  gueststore get [--sha256 HEX] PATH FILE\n"
        "                       fetch content that the host offers (-h says more)\n"
        "  stat, info, timesync, globalconf, help\n"
        "                       as vmware-toolbox-cmd\n"
        "\n"
        "The program also answers to the names vmtoolsd, vmware-rpctool and vmware-toolbox-cmd.\n",
        to);
}

int cli_toolbox(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"rpc", rpc}, {"info-get", info_get}, {"info-set", info_set}};
    if (argc > 2 && strcmp(argv[1], "gueststore") == 0 && strcmp(argv[2], "getcontent") != 0)
        return cli_toolbox_gueststore(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "dataset") == 0)
        return cli_dataset(argc - 1, argv + 1);
    if (argc < 2) {
        toolbox_usage(stderr);
        return 2;
    }
    if (cli_help_wanted(argc, argv)) {
        toolbox_usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0) {
        printf("toolbox %s\n", TOOLBOX_VERSION);
        return 0;
    }
    if (argv[1][0] == '-')
        return cli_vmtoolsd(argc, argv);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        if (cli_help_wanted(argc - 1, argv + 1)) {
            toolbox_usage(stdout);
            return 0;
        }
        int r = commands[i].run(argc - 1, argv + 1);
        if (r < 0) {
            toolbox_usage(stderr);
            return 2;
        }
        return r;
    }
    return cli_toolbox_cmd(argc, argv);
}
