/*
 * inguest-vmx: one virtual machine.
 *
 *   inguest-vmx --folder DIR --config NAME.vmx --run DIR [--uid-base N] [--gid N] [--peer-uid N]
 *               [--agent-dir DIR] [--program-dir DIR] [--ready-fd N]
 *
 * Stages: read the command line; start the launcher, which keeps root's rights; open the VM and
 * its sockets; give up all rights; serve. SIGTERM and SIGINT stop the machine and end.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "vmx/confine.h"
#include "vmx/launcher.h"
#include "vmx/vm.h"

struct options {
    const char *folder, *config, *run, *agent_dir, *program_dir;
    unsigned uid_base, gid;
    int peer_uid, ready_fd;
};

struct process {
    struct options options;
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct vm *vm;
};

static const char usage[] =
    "usage: inguest-vmx --folder DIR --config NAME.vmx --run DIR [options]\n"
    "  --uid-base N     host uid of the guest's root; N+65535 becomes our own (needs root)\n"
    "  --gid N          group that may reach the control socket: hostd's\n"
    "  --peer-uid N     who may use the control socket beside root: hostd\n"
    "  --agent-dir DIR  where the agent for the guest is\n"
    "  --program-dir DIR  where our own programs are\n"
    "  --ready-fd N     descriptor closed when the sockets are there\n"
    "  -h, --help       this text\n"
    "  --version\n";

static int number(const char *text, unsigned long max, unsigned long *ret)
{
    char *end;

    errno = 0;
    *ret = strtoul(text, &end, 10);
    return errno || end == text || *end || text[0] == '-' || *ret > max ? -EINVAL : 0;
}

static int parse(int argc, char **argv, struct options *o)
{
    enum {
        FOLDER = 256,
        CONFIG,
        RUN,
        UID_BASE,
        GID,
        PEER_UID,
        AGENT_DIR,
        PROGRAM_DIR,
        READY,
        VERSION
    };
    static const struct option longs[] = {{"folder", 1, NULL, FOLDER},
                                          {"config", 1, NULL, CONFIG},
                                          {"run", 1, NULL, RUN},
                                          {"uid-base", 1, NULL, UID_BASE},
                                          {"gid", 1, NULL, GID},
                                          {"peer-uid", 1, NULL, PEER_UID},
                                          {"agent-dir", 1, NULL, AGENT_DIR},
                                          {"program-dir", 1, NULL, PROGRAM_DIR},
                                          {"ready-fd", 1, NULL, READY},
                                          {"version", 0, NULL, VERSION},
                                          {"help", 0, NULL, 'h'},
                                          {0}};
    unsigned long n = 0;
    int opt, r = 0;

    *o = (struct options){.peer_uid = -1, .ready_fd = -1};
    while (!r && (opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (opt) {
        case FOLDER:
            o->folder = optarg;
            break;
        case CONFIG:
            o->config = optarg;
            break;
        case RUN:
            o->run = optarg;
            break;
        case AGENT_DIR:
            o->agent_dir = optarg;
            break;
        case PROGRAM_DIR:
            o->program_dir = optarg;
            break;
        case UID_BASE:
            r = number(optarg, UINT_MAX - LAUNCHER_IDS, &n);
            o->uid_base = (unsigned)n;
            break;
        case GID:
            r = number(optarg, UINT_MAX - 1, &n);
            o->gid = (unsigned)n;
            break;
        case PEER_UID:
            r = number(optarg, INT_MAX, &n);
            o->peer_uid = (int)n;
            break;
        case READY:
            r = number(optarg, INT_MAX, &n);
            o->ready_fd = (int)n;
            break;
        case VERSION:
            puts("inguest-vmx " INGUEST_VERSION);
            exit(0);
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            r = -EINVAL;
        }
    }
    if (r || optind != argc || !o->folder || !o->config || !o->run) {
        fputs(usage, stderr);
        return -EINVAL;
    }
    return 0;
}

/* The root's part: a launcher for the sandbox, while nothing from a guest has been read. */
static int start_launcher(const struct options *o, int *ret_fd, struct error *err)
{
    AUTO_CLOSE int folder = open(o->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FREE char *name = mem_strdup(o->config);
    AUTO_FREE char *run = realpath(o->run, NULL);
    AUTO_FREE char *link = run ? mem_printf("%s/link", run) : NULL;
    struct launcher_options lo = {.folder_fd = folder,
                                  .name = name,
                                  .link_path = link,
                                  .agent_dir = o->agent_dir,
                                  .program_dir = o->program_dir,
                                  .uid_base = o->uid_base};
    char *dot = name ? strrchr(name, '.') : NULL;

    *ret_fd = -1;
    if (geteuid() != 0 || !o->uid_base)
        return 0;
    if (folder < 0)
        return error_errno(err, -errno, "cannot open the VM's folder %s", o->folder);
    if (!run)
        return error_errno(err, -errno, "cannot find the run folder %s", o->run);
    if (!link || !dot)
        return error_set(err, -EINVAL, "bad arguments");
    *dot = '\0';
    return launcher_spawn(&lo, ret_fd, NULL, err);
}

/* The control socket is for hostd's group, the others only for the guest. */
static int give_sockets(const struct options *o, unsigned uid, struct error *err)
{
    static const char *const names[] = {"ctl", "link", "link/976", "link/975"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        AUTO_FREE char *path = mem_printf("%s/%s", o->run, names[i]);

        if (!path || lchown(path, uid, o->gid) < 0)
            return error_errno(err, -errno, "cannot hand over %s/%s", o->run, names[i]);
    }
    return 0;
}

static int give_up_rights(void *arg, struct error *err)
{
    const struct options *o = arg;
    struct confine_options c = {.folder = o->folder, .run_folder = o->run};
    int r = 0;

    if (geteuid() == 0 && o->uid_base) {
        c.uid = o->uid_base + LAUNCHER_IDS - 1;
        c.gid = o->gid;
        r = give_sockets(o, c.uid, err);
    }
    return r ? r : confine_vmx(&c, err);
}

static void ended(void *arg)
{
    struct process *p = arg;

    uv_stop(&p->loop);
}

static void signalled(uv_signal_t *s, int number_)
{
    struct process *p = s->data;

    (void)number_;
    vm_stop(p->vm);
}

static int serve(struct process *p)
{
    static const int numbers[] = {SIGTERM, SIGINT};

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        uv_signal_init(&p->loop, &p->signals[i]);
        p->signals[i].data = p;
        uv_signal_start(&p->signals[i], signalled, numbers[i]);
    }
    if (p->options.ready_fd >= 0)
        close(p->options.ready_fd);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        uv_close((uv_handle_t *)&p->signals[i], NULL);
    vm_close(p->vm);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&p->loop) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct process p = {0};
    struct error err = {0};
    struct vm_options vo = {.loop = &p.loop,
                            .launcher_fd = -1,
                            .confine = give_up_rights,
                            .confine_arg = &p.options,
                            .ended = ended,
                            .ended_arg = &p};

    log_open_fd(-1, "vmx");
    signal(SIGPIPE, SIG_IGN);
    umask(027);
    if (parse(argc, argv, &p.options))
        return 2;
    if (start_launcher(&p.options, &vo.launcher_fd, &err)) {
        log_error("%s", error_text(&err));
        return EXIT_FAILURE;
    }
    vo.folder = p.options.folder;
    vo.config = p.options.config;
    vo.run = p.options.run;
    vo.peer_uid = p.options.peer_uid;
    vo.uid_base = p.options.uid_base;
    if (uv_loop_init(&p.loop) || vm_open(&vo, &p.vm, &err)) {
        log_error("%s", error_text(&err));
        return EXIT_FAILURE;
    }
    return serve(&p);
}
