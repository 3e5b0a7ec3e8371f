/*
 * inguest-launcher: keeps root's rights for one VM. See launcher.h for what it is asked.
 *
 *   inguest-launcher NAME UID_BASE LINK_PATH AGENT_DIR INIT_PROGRAM DISK_PROGRAM
 *
 * vmx starts it with the channel as descriptor 3 and the VM's folder as 4. One thread, one loop.
 * Every request is one row of the table below; what has no row in the right state is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uv.h>

#include "base/channel.h"
#include "base/helper.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "vmx/launcher.h"
#include "vmx/sandbox.h"

enum state { STATE_STOPPED = 1, STATE_RUNNING = 2, STATE_SUSPENDED = 4 };
#define STATE_ON  (STATE_RUNNING | STATE_SUSPENDED)
#define STATE_ANY (STATE_STOPPED | STATE_ON)

struct launcher {
    uv_loop_t loop;
    struct channel *channel;
    uv_poll_t *ended; /* on the pidfd of the guest's init, when state is in STATE_ON */
    enum state state;
    struct sandbox_place place;
    struct sandbox sandbox;
    int stop_asked;
    uint64_t stop_id;
    int leaving; /* vmx is gone */
    const char *disk_program;
    struct helper *disk; /* NULL: none runs */
    uint64_t disk_id;
    int copying; /* from the disk itself */
};

#define LATER 1 /* a handler's result: the reply comes later */

static void send_text(struct launcher *l, uint16_t type, uint64_t id, uint32_t code,
                      const char *text)
{
    uint8_t head[4] = {(uint8_t)code, (uint8_t)(code >> 8), (uint8_t)(code >> 16),
                       (uint8_t)(code >> 24)};
    struct iovec parts[2] = {{head, sizeof(head)}, {(char *)text, strlen(text)}};

    channel_send(l->channel, type, id, parts, 2, NULL, 0);
}

static void leave(struct launcher *l)
{
    channel_close(l->channel);
    uv_stop(&l->loop);
}

static void free_handle(uv_handle_t *handle)
{
    mem_free(handle);
}

/* Calls `cb` when the guest's init is dead. */
static int watch(struct launcher *l, uv_poll_cb cb)
{
    uv_poll_t *poll = mem_calloc(1, sizeof(*poll));
    int r = poll ? uv_poll_init(&l->loop, poll, l->sandbox.pidfd) : -ENOMEM;

    if (r < 0) {
        mem_free(poll);
        return r;
    }
    poll->data = l;
    l->ended = poll;
    return uv_poll_start(poll, UV_READABLE, cb);
}

static void unwatch(struct launcher *l)
{
    uv_poll_stop(l->ended);
    uv_close((uv_handle_t *)l->ended, free_handle);
    l->ended = NULL;
}

static void on_ended(uv_poll_t *poll, int status, int events)
{
    struct launcher *l = poll->data;
    struct error text;
    enum machine_stop_reason reason;

    (void)status;
    (void)events;
    unwatch(l);
    reason = sandbox_reap(&l->sandbox, l->stop_asked, &text);
    l->state = STATE_STOPPED;
    if (l->leaving) {
        if (!l->disk)
            leave(l);
        return;
    }
    send_text(l, LAUNCHER_STOPPED, 0, (uint32_t)reason, text.text);
    if (l->stop_asked)
        send_text(l, LAUNCHER_REPLY, l->stop_id, 0, "");
    l->stop_asked = 0;
}

static int on_start(struct launcher *l, const struct channel_msg *msg, struct error *err)
{
    struct sandbox_request *request;
    struct cursor c = CURSOR_INIT(msg->body, msg->len);
    int r;

    if (l->copying)
        return error_set(err, -EBUSY, "the disk is being copied");
    request = mem_calloc(1, sizeof(*request));
    if (!request)
        return error_errno(err, -ENOMEM, "cannot start the guest");
    r = sandbox_request_decode(&c, request, err);
    if (r == 0)
        r = sandbox_start(&l->place, request, &l->sandbox, err);
    mem_free_secret(request, sizeof(*request));
    if (r < 0)
        return r;
    r = watch(l, on_ended);
    if (r < 0) {
        sandbox_kill(&l->sandbox);
        sandbox_reap(&l->sandbox, 1, NULL);
        return error_errno(err, r, "cannot watch the guest");
    }
    l->state = STATE_RUNNING;
    return 0;
}

static int on_stop(struct launcher *l, const struct channel_msg *msg, struct error *err)
{
    int r;

    if (l->stop_asked)
        return error_set(err, -EALREADY, "the guest is being stopped");
    r = sandbox_kill(&l->sandbox);
    if (r < 0)
        return error_errno(err, r, "cannot kill the guest");
    l->stop_asked = 1;
    l->stop_id = msg->id;
    return LATER;
}

static int on_suspend(struct launcher *l, const struct channel_msg *msg, struct error *err)
{
    int r = sandbox_freeze(&l->sandbox, 1, err);

    (void)msg;
    if (r == 0)
        l->state = STATE_SUSPENDED;
    return r;
}

static int on_resume(struct launcher *l, const struct channel_msg *msg, struct error *err)
{
    int r = l->copying ? error_set(err, -EBUSY, "the disk is being copied")
                       : sandbox_freeze(&l->sandbox, 0, err);

    (void)msg;
    if (r == 0)
        l->state = STATE_RUNNING;
    return r;
}

/* ---- the disk ---- */

static void on_disk_done(const struct error *err, void *arg)
{
    struct launcher *l = arg;

    l->disk = NULL;
    l->copying = 0;
    if (!l->leaving)
        send_text(l, LAUNCHER_REPLY, l->disk_id, (uint32_t)err->code, err->text);
    else if (!(l->state & STATE_ON))
        leave(l);
}

enum folder { FOLDER_NONE, FOLDER_DISK, FOLDER_SNAPSHOT, FOLDER_REVERT, FOLDER_TRASH };

static char *folder_name(const struct launcher *l, enum folder which, uint32_t number)
{
    const char *name = l->place.name;

    switch (which) {
    case FOLDER_DISK:
        return mem_printf("%s.root", name);
    case FOLDER_SNAPSHOT:
        return mem_printf("%s-Snapshot%u.root", name, number);
    case FOLDER_REVERT:
        return mem_printf("%s-Revert.root", name);
    case FOLDER_TRASH:
        return mem_printf("%s-Trash%u.root", name, number);
    default:
        return NULL;
    }
}

static const struct disk_row {
    enum launcher_disk what;
    unsigned states;
    enum folder from; /* FOLDER_NONE: `to` is removed */
    enum folder to;
} disk_rows[] = {
    {LAUNCHER_DISK_SAVE, STATE_STOPPED | STATE_SUSPENDED, FOLDER_DISK, FOLDER_SNAPSHOT},
    {LAUNCHER_DISK_LOAD, STATE_ANY, FOLDER_SNAPSHOT, FOLDER_REVERT},
    {LAUNCHER_DISK_REMOVE_SNAPSHOT, STATE_ANY, FOLDER_NONE, FOLDER_SNAPSHOT},
    {LAUNCHER_DISK_REMOVE_REVERT, STATE_ANY, FOLDER_NONE, FOLDER_REVERT},
    {LAUNCHER_DISK_REMOVE_TRASH, STATE_ANY, FOLDER_NONE, FOLDER_TRASH},
};

static int start_disk(struct launcher *l, const struct disk_row *row, uint32_t number,
                      struct error *err)
{
    AUTO_FREE char *from = folder_name(l, row->from, number);
    AUTO_FREE char *to = folder_name(l, row->to, number);
    AUTO_FREE char *id = mem_printf("%u", l->place.uid_base);
    char *copy[] = {(char *)l->disk_program, (char *)"copy", id, id, from, to, NULL};
    AUTO_FREE char *links = to ? mem_printf("%s.links", to) : NULL; /* of a copy cut short */
    char *remove[] = {(char *)l->disk_program, (char *)"remove", to, links, NULL};
    const int folders[] = {l->place.folder_fd, l->place.folder_fd};
    int r = to && links && id && (from || !row->from) ? 0 : -ENOMEM;

    if (r == 0)
        r = helper_start(&l->loop, l->disk_program, row->from ? copy : remove, folders,
                         ARRAY_SIZE(folders), on_disk_done, l, &l->disk);
    return r ? error_errno(err, r, "cannot start %s", l->disk_program) : LATER;
}

static int on_disk(struct launcher *l, const struct channel_msg *msg, struct error *err)
{
    struct cursor c = CURSOR_INIT(msg->body, msg->len);
    uint32_t what = 0, number = 0;
    int r;

    if (l->disk)
        return error_set(err, -EBUSY, "the disk is being worked on");
    if (cursor_le32(&c, &what) || cursor_le32(&c, &number) || c.left)
        return error_set(err, -EINVAL, "bad request");
    for (unsigned i = 0; i < ARRAY_SIZE(disk_rows); i++) {
        if (disk_rows[i].what != what)
            continue;
        if (!(disk_rows[i].states & l->state))
            return error_set(err, -EBUSY, "not in this state of the guest");
        r = start_disk(l, &disk_rows[i], number, err);
        l->disk_id = msg->id;
        l->copying = what == LAUNCHER_DISK_SAVE;
        return r;
    }
    return error_set(err, -EINVAL, "no such work on the disk");
}

static int on_disk_cancel(struct launcher *l, const struct channel_msg *msg, struct error *err)
{
    (void)msg;
    (void)err;
    if (l->disk)
        helper_kill(l->disk);
    return 0;
}

static int on_query(struct launcher *l, const struct channel_msg *msg, struct error *err)
{
    (void)msg;
    error_set(err, 0, "%s",
              l->state == STATE_STOPPED   ? "stopped"
              : l->state == STATE_RUNNING ? "running"
                                          : "suspended");
    return 0;
}

static const struct {
    enum launcher_type type;
    unsigned states;
    /* 0, a negative errno code with err set, or LATER. A text in err goes into the reply. */
    int (*handle)(struct launcher *l, const struct channel_msg *msg, struct error *err);
} requests[] = {
    {LAUNCHER_START, STATE_STOPPED, on_start},
    {LAUNCHER_STOP, STATE_ON, on_stop},
    {LAUNCHER_SUSPEND, STATE_RUNNING, on_suspend},
    {LAUNCHER_RESUME, STATE_SUSPENDED, on_resume},
    {LAUNCHER_DISK, STATE_ANY, on_disk},
    {LAUNCHER_DISK_CANCEL, STATE_ANY, on_disk_cancel},
    {LAUNCHER_QUERY, STATE_ANY, on_query},
};

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct launcher *l = arg;
    struct error err = {0};
    int r;

    (void)ch;
    r = error_set(&err, -EOPNOTSUPP, "the launcher knows no request %u", msg->type);
    for (unsigned i = 0; i < ARRAY_SIZE(requests); i++) {
        if (requests[i].type != msg->type)
            continue;
        err = (struct error){0};
        if (requests[i].states & l->state)
            r = requests[i].handle(l, msg, &err);
        else
            r = error_set(&err, -EBUSY, "not in this state of the guest");
    }
    if (r != LATER)
        send_text(l, LAUNCHER_REPLY, msg->id, (uint32_t)r, err.text);
}

/* vmx is gone: the guest goes first, then we. */
static void on_closed(struct channel *ch, int reason, void *arg)
{
    struct launcher *l = arg;

    (void)ch;
    (void)reason;
    l->leaving = 1;
    if (l->disk)
        helper_kill(l->disk);
    if (l->state & STATE_ON) {
        l->stop_asked = 1;
        sandbox_kill(&l->sandbox);
    } else if (!l->disk) {
        leave(l);
    }
}

static const struct channel_ops channel_ops = {on_message, on_closed, NULL};

/* What making a sandbox takes; the rest of root's rights is given back. */
static const cap_value_t needed_caps[] = {
    CAP_SYS_ADMIN, CAP_SETUID,       CAP_SETGID, CAP_KILL,       CAP_CHOWN,        CAP_FOWNER,
    CAP_FSETID,    CAP_DAC_OVERRIDE, CAP_MKNOD,  CAP_SYS_PTRACE, CAP_SYS_RESOURCE, CAP_SYS_CHROOT,
};

static int drop_caps(struct error *err)
{
    cap_t caps = cap_init();
    int r = 0;

    if (!caps)
        return error_errno(err, -errno, "cannot set capabilities");
    for (unsigned i = 0; i < ARRAY_SIZE(needed_caps); i++) {
        /* In a container root may lack some; what needs it says so. */
        if (cap_get_bound(needed_caps[i]) != 1)
            continue;
        cap_set_flag(caps, CAP_PERMITTED, 1, &needed_caps[i], CAP_SET);
        cap_set_flag(caps, CAP_EFFECTIVE, 1, &needed_caps[i], CAP_SET);
    }
    if (cap_set_proc(caps) < 0)
        r = error_errno(err, -errno, "cannot set capabilities");
    cap_free(caps);
    return r;
}

static int parse_place(struct launcher *l, char **argv, struct error *err)
{
    char *end;
    unsigned long uid = strtoul(argv[2], &end, 10);

    if (!argv[1][0] || strchr(argv[1], '/') || *end || uid == 0 || uid > UINT32_MAX - LAUNCHER_IDS)
        return error_set(err, -EINVAL, "wrong name or user range");
    l->place = (struct sandbox_place){
        .folder_fd = LAUNCHER_FOLDER_FD,
        .name = argv[1],
        .uid_base = (unsigned)uid,
        .link_path = argv[3],
        .agent_dir = argv[4],
    };
    l->disk_program = argv[6];
    l->place.init_fd = sandbox_init_open(argv[5], err);
    return l->place.init_fd < 0 ? l->place.init_fd : 0;
}

int main(int argc, char **argv)
{
    static struct launcher l = {.state = STATE_STOPPED, .sandbox = {.pidfd = -1}};
    struct error err = {0};
    int r;

    if (argc != 7) {
        fputs("inguest-launcher is started by inguest-vmx\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* a terminal's; vmx decides when we end */
    signal(SIGTERM, SIG_IGN);
    log_open_fd(-1, "launcher");
    prctl(PR_SET_DUMPABLE, 0);
    fcntl(LAUNCHER_CHANNEL_FD, F_SETFD, FD_CLOEXEC);
    fcntl(LAUNCHER_FOLDER_FD, F_SETFD, FD_CLOEXEC);
    r = parse_place(&l, argv, &err);
    if (r == 0)
        r = drop_caps(&err);
    if (r == 0)
        r = uv_loop_init(&l.loop);
    if (r == 0)
        r = channel_new(&l.loop, LAUNCHER_CHANNEL_FD, LAUNCHER_BODY_MAX, LAUNCHER_QUEUE_MAX,
                        &channel_ops, &l, &l.channel);
    if (r < 0) {
        log_error("cannot start: %s", err.text[0] ? err.text : strerror(-r));
        return 1;
    }
    uv_run(&l.loop, UV_RUN_DEFAULT);
    uv_run(&l.loop, UV_RUN_NOWAIT);
    uv_loop_close(&l.loop);
    return 0;
}
