#include "hostd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "hostd/guest_op.h"
#include "hostd/session.h"

static const char usage[] =
    "usage: inguest-hostd [options]\n"
    "  --listen HOST:PORT     where to serve HTTPS (127.0.0.1:443; not as root: 127.0.0.1:8989)\n"
    "  --state DIR            what must last: database, certificate, VMs (/var/lib/inguest)\n"
    "  --run DIR              what lasts until the next boot: sockets (/run/inguest)\n"
    "  --persona host|center  answer as an ESXi host (default) or as a vCenter\n"
    "  --name NAME            of the host in the inventory (the machine's host name)\n"
    "  --session-idle SECONDS a session unused this long is ended (1800)\n"
    "  --guest-operations on|off   off: no VM of this host serves guest operations (on)\n"
    "  --guest-timeout SECONDS     a guest operation without answer, and a transfer that does not\n"
    "                              move, fails after this (60)\n"
    "  --rest-compat vsphere|vcsim   REST data sets as vSphere (default) or its simulator does\n"
    "  --password-file FILE   first start: take the administrator's password from here\n"
    "  --user NAME            as root: run the worker as this user (inguest)\n"
    "  --vmx FILE             the program of a VM\n"
    "  --program-dir DIR      where its helpers are\n"
    "  --agent-dir DIR        where the guest agent for sandbox VMs is\n"
    "  --print-ready FD       write 'ready URL' there when requests are served\n"
    "  --stop-vms             also end the VMs when this is stopped\n"
    "  --log FILE             instead of standard error\n"
    "  --debug                log more\n"
    "  -h, --help             this text\n"
    "  --version\n";

enum {
    OPT_LISTEN = 256,
    OPT_STATE,
    OPT_RUN,
    OPT_PERSONA,
    OPT_NAME,
    OPT_IDLE,
    OPT_GUEST_OPS,
    OPT_GUEST_TIMEOUT,
    OPT_REST_COMPAT,
    OPT_PASSWORD,
    OPT_USER,
    OPT_VMX,
    OPT_PROGRAMS,
    OPT_AGENT,
    OPT_READY,
    OPT_STOP_VMS,
    OPT_LOG,
    OPT_DEBUG,
    OPT_VERSION,
    OPT_WORKER
};

static const struct option longs[] = {
    {"listen", 1, NULL, OPT_LISTEN},
    {"state", 1, NULL, OPT_STATE},
    {"run", 1, NULL, OPT_RUN},
    {"persona", 1, NULL, OPT_PERSONA},
    {"name", 1, NULL, OPT_NAME},
    {"session-idle", 1, NULL, OPT_IDLE},
    {"guest-operations", 1, NULL, OPT_GUEST_OPS},
    {"guest-timeout", 1, NULL, OPT_GUEST_TIMEOUT},
    {"rest-compat", 1, NULL, OPT_REST_COMPAT},
    {"password-file", 1, NULL, OPT_PASSWORD},
    {"user", 1, NULL, OPT_USER},
    {"vmx", 1, NULL, OPT_VMX},
    {"program-dir", 1, NULL, OPT_PROGRAMS},
    {"agent-dir", 1, NULL, OPT_AGENT},
    {"print-ready", 1, NULL, OPT_READY},
    {"stop-vms", 0, NULL, OPT_STOP_VMS},
    {"log", 1, NULL, OPT_LOG},
    {"debug", 0, NULL, OPT_DEBUG},
    {"version", 0, NULL, OPT_VERSION},
    {"worker", 0, NULL, OPT_WORKER}, /* internal */
    {"help", 0, NULL, 'h'},
    {0},
};

static int number(const char *text, unsigned long max, unsigned long *ret)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || n > max)
        return -EINVAL;
    *ret = n;
    return 0;
}

static int persona(const char *text, enum host_persona *ret)
{
    if (strcmp(text, "host") == 0)
        *ret = HOST_PERSONA_HOST_AGENT;
    else if (strcmp(text, "center") == 0)
        *ret = HOST_PERSONA_VIRTUAL_CENTER;
    else
        return -EINVAL;
    return 0;
}

static int on_or_off(const char *text, bool *ret_off)
{
    *ret_off = strcmp(text, "off") == 0;
    return *ret_off || strcmp(text, "on") == 0 ? 0 : -EINVAL;
}

static int set(struct options *o, int opt, const char *arg)
{
    const struct {
        int opt;
        const char **to;
    } texts[] = {
        {OPT_LISTEN, &o->listen},
        {OPT_STATE, &o->state_dir},
        {OPT_RUN, &o->run_dir},
        {OPT_NAME, &o->name},
        {OPT_USER, &o->user},
        {OPT_VMX, &o->vmx_path},
        {OPT_PROGRAMS, &o->program_dir},
        {OPT_AGENT, &o->agent_dir},
        {OPT_LOG, &o->log_file},
        {OPT_PASSWORD, &o->password_file},
    };
    unsigned long n = 0;
    int rc = 0;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].opt == opt) {
            *texts[i].to = arg;
            return 0;
        }
    switch (opt) {
    case OPT_PERSONA:
        return persona(arg, &o->persona);
    case OPT_IDLE:
        rc = number(arg, 1000000, &n);
        o->session_idle_seconds = (unsigned)n;
        return n ? rc : -EINVAL;
    case OPT_GUEST_OPS:
        return on_or_off(arg, &o->guest_ops_off);
    case OPT_REST_COMPAT:
        o->rest_compat = strcmp(arg, "vcsim") == 0;
        return o->rest_compat || strcmp(arg, "vsphere") == 0 ? 0 : -EINVAL;
    case OPT_GUEST_TIMEOUT:
        rc = number(arg, GUEST_OP_SECONDS_MAX, &n);
        o->guest_op_seconds = (unsigned)n;
        return n ? rc : -EINVAL;
    case OPT_READY:
        rc = number(arg, 1000000, &n);
        o->ready_fd = (int)n;
        return rc;
    case OPT_STOP_VMS:
        o->stop_vms = true;
        return 0;
    case OPT_DEBUG:
        o->debug = true;
        return 0;
    case OPT_WORKER:
        o->worker = true;
        return 0;
    default:
        return -EINVAL;
    }
}

int options_parse(int argc, char **argv, struct options *ret)
{
    struct options o = {
        .state_dir = "/var/lib/inguest",
        .run_dir = "/run/inguest",
        .listen = geteuid() == 0 ? "127.0.0.1:443" : "127.0.0.1:8989",
        .user = "inguest",
        .session_idle_seconds = SESSION_IDLE_SECONDS,
        .guest_op_seconds = GUEST_OP_SECONDS,
        .ready_fd = -1,
    };
    int opt, rc = 0;
    while (rc == 0 && (opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (opt == 'h' || opt == OPT_VERSION) {
            fputs(opt == 'h' ? usage : "inguest-hostd " INGUEST_VERSION "\n", stdout);
            return 1;
        }
        rc = set(&o, opt, optarg);
        if (rc < 0 && opt != '?')
            fprintf(stderr, "inguest-hostd: bad value%s%s\n", optarg ? ": " : "",
                    optarg ? optarg : "");
    }
    if (rc < 0 || optind != argc) {
        fputs("try inguest-hostd --help\n", stderr);
        return -EINVAL;
    }
    *ret = o;
    return 0;
}
