/*
 * vmware-toolbox-cmd: stat, info, timesync; gueststore and globalconf have files of their own. Exit
 * codes are those of sysexits(3), as the tool's users expect. (Guest RPC protocol, "Small
 * commands".)
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sysexits.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "guest/backdoor_port.h"
#include "guest/cli.h"
#include "guest/conf.h"
#include "guest/netinfo.h"
#include "guest/version.h"
#include "inguest/toolbox.h"
#include "wire/guestinfo.h"

#define CMD_GETMHZ        1u
#define CMD_GETGUIOPTIONS 13u
#define CMD_GETTIME       23u
#define CMD_GETTIMEFULL   46u
#define GUI_TIMESYNC      0x400u
#define UNSUPPORTED       0xffffffffu

/* A plain backdoor call; false where there is no backdoor. */
static bool ask(uint32_t command, struct backdoor_regs *r)
{
    if (!backdoor_port_present(NULL))
        return false;
    *r = (struct backdoor_regs){.ax = BACKDOOR_MAGIC, .cx = command, .dx = BACKDOOR_PORT_LB};
    backdoor_port_lb(r);
    return true;
}

static int stat_hosttime(void)
{
    struct backdoor_regs r;
    char text[64];
    time_t t = 0;
    if (!ask(CMD_GETTIMEFULL, &r)) {
        fputs("Unable to get host time.\n", stderr);
        return EX_TEMPFAIL;
    }
    if ((uint32_t)r.ax == BACKDOOR_MAGIC) {
        t = (time_t)(((uint64_t)(uint32_t)r.si << 32) | (uint32_t)r.dx);
    } else if (ask(CMD_GETTIME, &r) && (uint32_t)r.ax != UNSUPPORTED) {
        t = (time_t)(uint32_t)r.ax;
    } else {
        fputs("Unable to get host time.\n", stderr);
        return EX_TEMPFAIL;
    }
    struct tm tm;
    if (!localtime_r(&t, &tm) || !strftime(text, sizeof(text), "%d %b %Y %H:%M:%S", &tm))
        return EX_TEMPFAIL;
    puts(text);
    return EX_OK;
}

static int stat_speed(void)
{
    struct backdoor_regs r;
    if (!ask(CMD_GETMHZ, &r) || (uint32_t)r.ax == UNSUPPORTED) {
        fputs("Unable to get processor speed.\n", stderr);
        return EX_TEMPFAIL;
    }
    printf("%u MHz\n", (unsigned)(uint32_t)r.ax);
    return EX_OK;
}

/* What the statistics library would ask; no host of ours keeps such accounts. */
static int stat_unavailable(void)
{
    fputs("VMware Guest API is not enabled on the host\n", stderr);
    return EX_UNAVAILABLE;
}

static int info_network(void)
{
    AUTO_ARENA struct arena a = ARENA_INIT(NETINFO_ARENA_MAX);
    AUTO_BUF struct buf b = BUF_INIT(TOOLBOX_MESSAGE_MAX);
    struct conf *conf = NULL;
    struct nicinfo info;
    struct utsname uts;
    memset(&uts, 0, sizeof(uts));
    uname(&uts);
    int r = conf_load(CONF_PATH, &conf, NULL);
    if (r == 0)
        r = netinfo_collect(conf, uts.nodename, &a, &info);
    conf_free(conf);
    if (r == 0)
        r = guestinfo_put_head(&b, GUESTINFO_NICS_V3);
    if (r == 0)
        r = nicinfo_encode(&b, &info);
    if (r < 0) {
        fprintf(stderr, "Unable to collect network information: %s\n", strerror(-r));
        return EX_TEMPFAIL;
    }
    char *reply = NULL;
    size_t len;
    r = toolbox_rpci_once(NULL, b.data, b.len, CLI_TIMEOUT_MS, &reply, &len);
    if (r != 1)
        fprintf(stderr, "Failed to send network information: %s\n", r == 0 ? reply : strerror(-r));
    toolbox_free(reply);
    return r == 1 ? EX_OK : EX_TEMPFAIL;
}

/* Without a backdoor there is nowhere to ask, and this agent leaves the clock to the guest. */
static int timesync_status(void)
{
    struct backdoor_regs r;
    if (ask(CMD_GETGUIOPTIONS, &r) && (uint32_t)r.ax != UNSUPPORTED && (r.ax & GUI_TIMESYNC)) {
        puts("Enabled");
        return EX_OK;
    }
    puts("Disabled");
    return EX_UNAVAILABLE;
}

static int timesync_set(bool on)
{
    char request[64], *reply = NULL;
    size_t len;
    int n = snprintf(request, sizeof(request), "vmx.set_option synctime %d %d", !on, on);
    int r = toolbox_rpci_once(NULL, request, (size_t)n + 1, CLI_TIMEOUT_MS, &reply, &len);
    toolbox_free(reply);
    if (r != 1) {
        fprintf(stderr, "Unable to %s time synchronization.\n", on ? "enable" : "disable");
        return EX_TEMPFAIL;
    }
    puts(on ? "Enabled" : "Disabled");
    return EX_OK;
}

static int timesync_enable(void)
{
    return timesync_set(true);
}

static int timesync_disable(void)
{
    return timesync_set(false);
}

static const struct row {
    const char *command, *word, *word2; /* word2: a third argument that must follow */
    int (*run)(void);
    const char *help;
} rows[] = {
    {"stat", "hosttime", NULL, stat_hosttime, "the host's date and time"},
    {"stat", "speed", NULL, stat_speed, "processor speed in MHz"},
    {"stat", "sessionid", NULL, stat_unavailable, "session id of this VM"},
    {"stat", "balloon", NULL, stat_unavailable, "ballooned memory"},
    {"stat", "swap", NULL, stat_unavailable, "memory swapped by the host"},
    {"stat", "memlimit", NULL, stat_unavailable, "memory limit"},
    {"stat", "memres", NULL, stat_unavailable, "memory reservation"},
    {"stat", "cpures", NULL, stat_unavailable, "CPU reservation"},
    {"stat", "cpulimit", NULL, stat_unavailable, "CPU limit"},
    {"info", "update", "network", info_network, "send the network information to the host"},
    {"timesync", "status", NULL, timesync_status, "whether the clock follows the host"},
    {"timesync", "enable", NULL, timesync_enable, "let it"},
    {"timesync", "disable", NULL, timesync_disable, "do not let it"},
};

/* Commands that take arguments of their own. */
static const struct {
    const char *command;
    int (*run)(int argc, char **argv, bool quiet);
    const char *help;
} groups[] = {
    {"gueststore", cli_gueststore,
     "  gueststore getcontent <resource path> <output file>: fetch content from the host\n"},
    {"globalconf", cli_globalconf,
     "  globalconf status: whether configuration comes from the host\n"
     "  globalconf enable: let it\n"
     "  globalconf disable: do not let it\n"
     "  globalconf refresh: fetch it now\n"},
};

static void usage(FILE *to, const char *name, const char *command)
{
    fprintf(to, "Usage: %s [-q] <command> [options] [subcommand]\n", name);
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        if (!command || strcmp(groups[i].command, command) == 0)
            fputs(groups[i].help, to);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (command && strcmp(rows[i].command, command) != 0)
            continue;
        fprintf(to, "  %s %s%s%s: %s\n", rows[i].command, rows[i].word, rows[i].word2 ? " " : "",
                rows[i].word2 ? rows[i].word2 : "", rows[i].help);
    }
    if (!command)
        fputs("  help [command]\n  -v, --version\n", to);
}

static bool known(const char *command)
{
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (strcmp(groups[i].command, command) == 0)
            return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (strcmp(rows[i].command, command) == 0)
            return true;
    }
    return false;
}

int cli_toolbox_cmd(int argc, char **argv)
{
    bool quiet = argc > 1 && (strcmp(argv[1], "-q") == 0 || strcmp(argv[1], "--quiet") == 0);
    if (quiet) {
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    if (argc < 2) {
        fprintf(stderr, "%s: Missing command\n", argv[0]);
        usage(stderr, argv[0], NULL);
        return EX_USAGE;
    }
    if (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "--version") == 0) {
        printf("%s (inguest)\n", TOOLBOX_VERSION);
        return EX_OK;
    }
    if (known(argv[1]) &&
        (cli_help_wanted(argc - 1, argv + 1) || cli_help_wanted(argc - 2, argv + 2))) {
        usage(stdout, argv[0], argv[1]);
        return EX_OK;
    }
    if (strcmp(argv[1], "help") == 0 || cli_help_wanted(argc, argv)) {
        usage(stdout, argv[0], argc > 2 && known(argv[2]) ? argv[2] : NULL);
        return EX_OK;
    }
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (strcmp(groups[i].command, argv[1]) == 0)
            return groups[i].run(argc, argv, quiet);
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows) && argc > 2; i++) {
        const struct row *row = &rows[i];
        if (strcmp(row->command, argv[1]) == 0 && strcmp(row->word, argv[2]) == 0 &&
            (row->word2 ? argc == 4 && strcmp(row->word2, argv[3]) == 0 : argc == 3))
            return row->run();
    }
    if (argc < 3 && known(argv[1]))
        fprintf(stderr, "%s: Missing subcommand\n", argv[0]);
    else
        fprintf(stderr, "%s: Unknown %s '%s'\n", argv[0], known(argv[1]) ? "subcommand" : "command",
                argv[known(argv[1]) ? 2 : 1]);
    usage(stderr, argv[0], known(argv[1]) ? argv[1] : NULL);
    return EX_USAGE;
}
