/*
 * Supervisor, worker and vmx as real processes. This program plays three parts: the test starts
 * itself as a supervisor (supervisor_run), which starts it again as the worker (argument "worker"),
 * and as the vmx (argument "--folder"). The worker runs a scenario and reports by its exit status.
 * Where the test runs as root, user ids are switched too.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/channel.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "hostd/supervise.h"
#include "hostd/vmlink.h"
#include "wire/ctl.h"

#define TEST_UID 64117

/* ---- the vmx ---- */

static struct {
    uv_loop_t loop;
    uv_poll_t listen;
    struct channel *hostd;
    bool on;
} vmx;

static void vmx_send(uint16_t type, uint64_t id, json_t *body)
{
    struct buf b = BUF_INIT(CTL_BODY_MAX);
    if (ctl_encode(&b, body, NULL, 0) < 0)
        exit(20);
    struct iovec part = {b.data, b.len};
    channel_send(vmx.hostd, type, id, &part, 1, NULL, 0);
    buf_free(&b);
    json_decref(body);
}

static void vmx_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    json_t *body;
    const uint8_t *blob;
    size_t len;
    (void)ch;
    (void)arg;
    if (msg->type != CTL_REQUEST || ctl_decode(msg->body, msg->len, &body, &blob, &len) < 0)
        return;
    const char *op = json_string_value(json_object_get(body, "op"));
    if (!strcmp(op, "hello")) {
        vmx_send(CTL_REPLY, msg->id,
                 json_pack("{s:{s:i,s:i,s:s,s:{}}}", "result", "protocol", 1, "pid", (int)getpid(),
                           "power", vmx.on ? "poweredOn" : "poweredOff", "config"));
    } else if (!strcmp(op, "power")) {
        vmx.on = true;
        vmx_send(CTL_REPLY, msg->id, json_pack("{s:{}}", "result"));
        vmx_send(CTL_EVENT, 0, json_pack("{s:s,s:s}", "event", "power", "power", "poweredOn"));
    } else if (!strcmp(op, "die")) {
        raise(SIGKILL);
    } else if (!strcmp(op, "shutdown")) {
        vmx_send(CTL_REPLY, msg->id, json_pack("{s:{}}", "result"));
        exit(0);
    } else if (strcmp(op, "silence") != 0) {
        vmx_send(CTL_REPLY, msg->id,
                 json_pack("{s:{s:s,s:i,s:i,s:s}}", "error", "hop", "agent", "errno", ENOENT, "vix",
                           4, "text", "no such op"));
    }
    json_decref(body);
}

static void vmx_closed(struct channel *ch, int reason, void *arg)
{
    (void)reason;
    (void)arg;
    channel_close(ch);
    vmx.hostd = NULL;
}

static void vmx_accept(uv_poll_t *p, int status, int events)
{
    static const struct channel_ops ops = {.message = vmx_message, .closed = vmx_closed};
    int listen_fd;
    (void)status;
    (void)events;
    uv_fileno((uv_handle_t *)p, &listen_fd);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    channel_close(vmx.hostd);
    if (channel_new(&vmx.loop, fd, CTL_BODY_MAX, CTL_QUEUE_MAX, &ops, NULL, &vmx.hostd) < 0)
        exit(21);
}

static const char *argument(char **argv, const char *name)
{
    for (; *argv; argv++)
        if (!strcmp(*argv, name))
            return argv[1];
    return NULL;
}

static int be_vmx(char **argv)
{
    char path[600];
    struct stat st;
    const char *folder = argument(argv, "--folder"), *config = argument(argv, "--config");
    snprintf(path, sizeof(path), "%s/%s", folder, config);
    if (stat(path, &st) < 0)
        return 22;
    uv_loop_init(&vmx.loop);
    snprintf(path, sizeof(path), "%s/ctl", argument(argv, "--run"));
    int fd = sock_listen_unix(path, 0666, NULL);
    if (fd < 0)
        return 23;
    uv_poll_init(&vmx.loop, &vmx.listen, fd);
    uv_poll_start(&vmx.listen, UV_READABLE, vmx_accept);
    close((int)strtol(argument(argv, "--ready-fd"), NULL, 10));
    return uv_run(&vmx.loop, UV_RUN_DEFAULT);
}

/* ---- the worker ---- */

static struct {
    struct host host;
    uv_loop_t loop;
    uv_timer_t limit;
    struct vmlink *link;
    enum vmlink_state state;
    char power[20];
    int pid, ups, code;
    bool done;
    struct vmlink_reply reply;
} w;

/* The supervisor ends with the worker, and does not start another one. */
static _Noreturn void fail_scenario(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    if (w.host.sup)
        supervise_quit(w.host.sup);
    _exit(1);
}

#define CHECK(condition)                                   \
    do {                                                   \
        if (!(condition))                                  \
            fail_scenario(__FILE__, __LINE__, #condition); \
    } while (0)

static void run_until(bool (*ready)(void))
{
    while (!ready())
        uv_run(&w.loop, UV_RUN_ONCE);
}

static bool is_done(void)
{
    return w.done;
}

static bool is_up(void)
{
    return w.state == VMLINK_UP;
}

static bool is_stopped(void)
{
    return w.state == VMLINK_STOPPED;
}

static bool is_on(void)
{
    return w.ups > 1 && !strcmp(w.power, "poweredOn");
}

static void on_done(struct host *host, int code, const char *text, void *arg)
{
    (void)host;
    (void)arg;
    CHECK(code == 0 || *text);
    w.code = code;
    w.done = true;
}

static int create(const char *folder)
{
    w.done = false;
    CHECK(vmlink_create_folder(&w.host, folder, "a.vmx", "x = \"y\"\n", 8, on_done, NULL) == 0);
    run_until(is_done);
    return w.code;
}

static int delete (const char *folder)
{
    w.done = false;
    CHECK(vmlink_delete_folder(&w.host, folder, on_done, NULL) == 0);
    run_until(is_done);
    return w.code;
}

static void on_state(struct vmlink *link, enum vmlink_state state, const json_t *hello,
                     const char *why, void *arg)
{
    (void)link;
    (void)why;
    (void)arg;
    w.state = state;
    if (state == VMLINK_UP && hello) {
        w.ups++;
        w.pid = (int)json_integer_value(json_object_get(hello, "pid"));
        snprintf(w.power, sizeof(w.power), "%s",
                 json_string_value(json_object_get(hello, "power")));
    }
}

static void on_event(struct vmlink *link, const char *name, const json_t *body, void *arg)
{
    (void)link;
    (void)arg;
    if (!strcmp(name, "power"))
        snprintf(w.power, sizeof(w.power), "%s", json_string_value(json_object_get(body, "power")));
}

static const struct vmlink_ops ops = {on_state, on_event};

static void on_reply(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    (void)link;
    (void)arg;
    w.reply = *reply;
    w.code = reply->code;
    w.done = true;
    CHECK(reply->code == 0 || *reply->text);
}

static int request(const char *op, uint64_t deadline_ms)
{
    w.done = false;
    CHECK(vmlink_request(w.link, op, NULL, NULL, 0, NULL, 0, deadline_ms, on_reply, NULL, NULL) ==
          0);
    run_until(is_done);
    return w.code;
}

static void names_are_checked(void)
{
    static const char *const bad[] = {"", ".", "..", ".a", "a/b", "a\nb"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK(vmlink_create_folder(&w.host, bad[i], "a.vmx", "", 0, on_done, NULL) == -EINVAL);
    char longest[SUPERVISE_NAME_MAX + 2];
    memset(longest, 'n', sizeof(longest));
    longest[SUPERVISE_NAME_MAX + 1] = '\0';
    CHECK(vmlink_create_folder(&w.host, longest, "a.vmx", "", 0, on_done, NULL) == -EINVAL);
    longest[SUPERVISE_NAME_MAX] = '\0';
    CHECK(create(longest) == 0 && delete (longest) == 0);
}

static void scenario_life(void)
{
    names_are_checked();
    CHECK(create("one") == 0);
    CHECK(create("one") == -EEXIST);
    CHECK(create("two") == 0);
    CHECK(vmlink_new(&w.host, "vm-1", "one", "a.vmx", &ops, NULL, &w.link) == 0);
    CHECK(vmlink_request(w.link, "x", NULL, NULL, 0, NULL, 0, 0, on_reply, NULL, NULL) ==
          -ENOTCONN);
    vmlink_start(w.link);
    run_until(is_up);
    CHECK(!strcmp(w.power, "poweredOff"));
    CHECK(delete ("one") == -EBUSY);
    CHECK(request("nonsense", 0) == -ENOENT);
    CHECK(w.reply.vix == 4);
    CHECK(request("silence", 50) == -ETIMEDOUT);
    CHECK(request("power", 0) == 0);
    while (strcmp(w.power, "poweredOn") != 0)
        uv_run(&w.loop, UV_RUN_ONCE);
    /* Killed while on: comes back, and is powered on again. */
    int first = w.pid;
    CHECK(request("die", 0) == -ENOTCONN);
    run_until(is_on);
    CHECK(w.pid != first);
    vmlink_stop(w.link, false);
    run_until(is_stopped);
    CHECK(delete ("one") == 0);
    vmlink_free(w.link);
    /* A folder that is not there, and no .vmx in it. */
    w.state = VMLINK_STOPPED;
    CHECK(vmlink_new(&w.host, "vm-9", "nowhere", "a.vmx", &ops, NULL, &w.link) == 0);
    w.ups = 0;
    vmlink_start(w.link);
    while (w.state != VMLINK_STARTING)
        uv_run(&w.loop, UV_RUN_ONCE);
    vmlink_free(w.link);
    CHECK(delete ("two") == 0);
}

/* The first worker starts a vmx and dies; the second finds it. */
static void scenario_reattach(const char *note)
{
    int before = 0;
    FILE *file = fopen(note, "r");
    if (file) {
        CHECK(fscanf(file, "%d", &before) == 1);
        fclose(file);
    } else {
        CHECK(create("one") == 0);
    }
    CHECK(vmlink_new(&w.host, "vm-1", "one", "a.vmx", &ops, NULL, &w.link) == 0);
    vmlink_start(w.link);
    run_until(is_up);
    if (!before) {
        file = fopen(note, "w");
        CHECK(file && fprintf(file, "%d", w.pid) > 0 && fclose(file) == 0);
        raise(SIGKILL);
    }
    CHECK(w.pid == before);
    vmlink_stop(w.link, true);
    run_until(is_stopped);
    CHECK(delete ("one") == 0);
    vmlink_free(w.link);
}

static void on_limit(uv_timer_t *timer)
{
    (void)timer;
    fail_scenario(__FILE__, __LINE__, "the worker's scenario takes too long");
}

static int be_worker(char **argv)
{
    char state[300], run[300];
    snprintf(state, sizeof(state), "%s/state", argv[3]);
    snprintf(run, sizeof(run), "%s/run", argv[3]);
    if (geteuid() == 0)
        CHECK(setgroups(0, NULL) == 0 && setresgid(TEST_UID, TEST_UID, TEST_UID) == 0 &&
              setresuid(TEST_UID, TEST_UID, TEST_UID) == 0);
    /* Taken, though nothing was given: a later open must not get these numbers. */
    CHECK(fcntl(SUPERVISE_READY_FD, F_GETFD) >= 0 && fcntl(SUPERVISE_PASSWORD_FD, F_GETFD) >= 0);
    uv_loop_init(&w.loop);
    w.host.loop = &w.loop;
    w.host.options = (struct host_options){.state_dir = state, .run_dir = run};
    uv_timer_init(&w.loop, &w.limit);
    uv_timer_start(&w.limit, on_limit, 60000, 0);
    CHECK(supervise_new(&w.host, SUPERVISE_CHANNEL_FD, &w.host.sup) == 0);
    CHECK(vmlink_module.start(&w.host, NULL) == 0);
    if (!strcmp(argv[2], "life")) {
        scenario_life();
    } else {
        char note[320];
        snprintf(note, sizeof(note), "%s/run/tickets/note", argv[3]);
        scenario_reattach(note);
    }
    vmlink_module.stop(&w.host);
    supervise_quit(w.host.sup);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    return 0;
}

/* ---- the test ---- */

static void run_scenario(const char *name)
{
    char dir[] = "/tmp/hostd-supervise-XXXXXX", state[64], run[64], self[300] = "";
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(state, sizeof(state), "%s/state", dir);
    snprintf(run, sizeof(run), "%s/run", dir);
    assert_int_equal(mkdir(state, 0755), 0);
    assert_int_equal(mkdir(run, 0755), 0);
    assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
    char *worker_argv[] = {(char[]){"test"}, (char[]){"worker"}, (char *)(uintptr_t)name, dir,
                           NULL};
    bool root = geteuid() == 0;
    const struct supervisor_options o = {
        .state_dir = state,
        .run_dir = run,
        .vmx_path = self,
        .worker_argv = worker_argv,
        .listen_fd = STDERR_FILENO,
        .ready_fd = -1,
        .password_fd = -1,
        .stop_vms = true,
        .root = root,
        .worker_uid = root ? TEST_UID : geteuid(),
        .worker_gid = root ? TEST_UID : getegid(),
    };
    pid_t pid = fork();
    if (pid == 0)
        _exit(supervisor_run(&o));
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    /* Nothing is left of VMs that ended. */
    snprintf(run, sizeof(run), "%s/run/vm", dir);
    assert_int_equal(rmdir(run), 0);
    snprintf(run, sizeof(run), "%s/run/supervisor", dir);
    assert_int_equal(rmdir(run), 0);
    fs_remove_tree(AT_FDCWD, dir, NULL);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void vmx_is_started_watched_and_stopped(void **state)
{
    (void)state;
    run_scenario("life");
}

static void next_worker_finds_running_vmx(void **state)
{
    (void)state;
    run_scenario("reattach");
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && !strcmp(argv[1], "worker"))
        return be_worker(argv);
    if (argc > 1 && !strcmp(argv[1], "--folder"))
        return be_vmx(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vmx_is_started_watched_and_stopped),
        cmocka_unit_test(next_worker_finds_running_vmx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
