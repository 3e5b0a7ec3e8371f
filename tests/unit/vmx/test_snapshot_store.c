/* The snapshots on disk: a process that dies before any of its steps leaves the old state or the
 * new one, in all files alike, and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "vmx/snapshot_store.h"

#define DIED      99 /* exit status of a process that was stopped at a step */
#define STEPS_MAX 100

static char folder[40];
static int dir;

struct world {
    struct vmconfig config;
    struct snapshot_store store;
};

static void put(const char *name, const char *text)
{
    assert_int_equal(fs_write_file(dir, name, text, strlen(text), 0640, NULL), 0);
}

static void get(const char *name, char *ret, size_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);

    if (fs_read_file(dir, name, &b, NULL) == 0)
        snprintf(ret, size, "%s", buf_text(&b));
    else
        snprintf(ret, size, "absent");
}

static int there(const char *name)
{
    return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void open_world(struct world *w)
{
    struct error err = {0};

    assert_int_equal(vmconfig_open(&w->config, dir, "demo.vmx", &err), 0);
    if (snapshot_store_open(&w->store, dir, "demo", &w->config, &err))
        fail_msg("%s", error_text(&err));
}

static void close_world(struct world *w)
{
    snapshot_store_close(&w->store);
    vmconfig_close(&w->config);
}

/* What machine_ops.disk does, with a disk that is one file in a folder. */
static void copy_disk(const char *from, const char *to)
{
    char file[80], text[64];

    snprintf(file, sizeof(file), "%s/content", from);
    get(file, text, sizeof(text));
    assert_int_equal(mkdirat(dir, to, 0755), 0);
    snprintf(file, sizeof(file), "%s/content", to);
    AUTO_CLOSE int fd = openat(dir, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static void sweep(struct world *w)
{
    enum machine_disk what;
    unsigned number;
    char name[64];

    for (int i = 0; snapshot_store_leftover(&w->store, &what, &number); i++) {
        assert_true(i < 10);
        snprintf(name, sizeof(name),
                 what == MACHINE_DISK_REMOVE_SNAPSHOT ? "demo-Snapshot%u.root"
                 : what == MACHINE_DISK_REMOVE_REVERT ? "demo-Revert.root"
                                                      : "demo-Trash%u.root",
                 number);
        assert_int_equal(fs_remove_tree(dir, name, NULL), 0);
    }
}

static void copy_files(struct world *w, uint32_t uid)
{
    struct snapshot_copies copies;

    assert_int_equal(snapshot_copies_plan(&w->store, uid, &copies), 0);
    assert_int_equal(snapshot_copies_make(&copies, NULL), 0);
    snapshot_copies_free(&copies);
}

static void create(struct world *w)
{
    char name[64];

    snprintf(name, sizeof(name), "demo-Snapshot%u.root", snapshot_store_next(&w->store));
    copy_disk("demo.root", name);
    copy_files(w, 0);
    assert_int_equal(snapshot_store_add(&w->store, "s", "", false, true, NULL), 0);
}

static void revert(struct world *w, uint32_t uid)
{
    char name[64];

    snprintf(name, sizeof(name), "demo-Snapshot%u.root", uid);
    if (vmsd_find(&w->store.list, uid)->has_disk)
        copy_disk(name, "demo-Revert.root");
    copy_files(w, uid);
    assert_int_equal(snapshot_store_begin_revert(&w->store, uid, NULL), 0);
    assert_int_equal(snapshot_store_finish_revert(&w->store, NULL), 0);
}

/* All of the VM says `text`. */
static void set_state(struct world *w, const char *text)
{
    fs_remove_tree(dir, "demo.root", NULL);
    mkdirat(dir, "demo.root", 0755);
    put("demo.root/content", text);
    put("demo.dsd", text);
    put("demo.dsv", text);
    assert_int_equal(vmconfig_set(&w->config, "note", text, NULL), 0);
    assert_int_equal(vmconfig_set(&w->config, "dataSetsMgr.vmStoreFile", "demo.dsv", NULL), 0);
}

static void assert_state(struct world *w, const char *text)
{
    char found[64];

    get("demo.root/content", found, sizeof(found));
    assert_string_equal(found, text);
    get("demo.dsd", found, sizeof(found));
    assert_string_equal(found, text);
    assert_string_equal(vmconfig_get(&w->config, "note"), text);
}

static void assert_snapshot(uint32_t uid, const char *text)
{
    char name[64], found[512];

    snprintf(name, sizeof(name), "demo-Snapshot%u.root/content", uid);
    get(name, found, sizeof(found));
    assert_string_equal(found, text);
    snprintf(name, sizeof(name), "demo-Snapshot%u.dsd", uid);
    get(name, found, sizeof(found));
    assert_string_equal(found, text);
    snprintf(name, sizeof(name), "demo-Snapshot%u.vmsn", uid);
    get(name, found, sizeof(found));
    assert_non_null(strstr(found, text));
    snprintf(name, sizeof(name), "demo-Snapshot%u.dsv", uid);
    assert_false(there(name));
}

static void assert_no_snapshot(uint32_t uid)
{
    static const char *const suffixes[] = {"root", "dsd", "vmsn", "dsv"};
    char name[64];

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        snprintf(name, sizeof(name), "demo-Snapshot%u.%s", uid, suffixes[i]);
        assert_false(there(name));
    }
    assert_false(there("demo-Revert.root"));
    assert_false(there("demo-Revert.dsd"));
    assert_false(there("demo-Trash1.root"));
}

/* Snapshot 1 of "one", 2 of "two" (current), now "three". */
static int setup(void **state)
{
    struct world w;

    (void)state;
    strcpy(folder, "/tmp/inguest-snapshot-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put("demo.vmx", "displayName = \"demo\"\nvirtualHW.version = \"21\"\n");
    open_world(&w);
    set_state(&w, "one");
    create(&w);
    set_state(&w, "two");
    create(&w);
    set_state(&w, "three");
    close_world(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(dir);
    return fs_remove_tree(AT_FDCWD, folder, NULL);
}

static void die_at_zero(void *arg)
{
    int *left = arg;

    if ((*left)-- == 0)
        _exit(DIED);
}

/* Runs `work` in a process of its own that dies at its step number `at`. 1: it came to its end. */
static int run_until(void (*work)(struct world *w), int at)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct world w;

        open_world(&w);
        w.store.step = die_at_zero;
        w.store.step_arg = &at;
        work(&w);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED);
    return WEXITSTATUS(status) == 0;
}

/* Every step of `work`, each beginning with a fresh VM. */
static void at_each_step(void **state, void (*work)(struct world *w),
                         int (*is_new)(struct world *w))
{
    int olds = 0, news = 0;

    for (int at = 0;; at++) {
        struct world w;
        int through = run_until(work, at);

        assert_true(at < STEPS_MAX);
        open_world(&w);
        sweep(&w);
        if (is_new(&w))
            news++;
        else
            olds++;
        close_world(&w);
        teardown(state);
        setup(state);
        if (through)
            break;
    }
    /* The test has met both. */
    assert_true(olds > 0 && news > 1);
}

static int created(struct world *w)
{
    assert_state(w, "three");
    assert_snapshot(1, "one");
    assert_snapshot(2, "two");
    if (w->store.list.count == 3) {
        assert_int_equal(w->store.list.current, 3);
        assert_snapshot(3, "three");
        return 1;
    }
    assert_int_equal(w->store.list.count, 2);
    assert_int_equal(w->store.list.current, 2);
    assert_no_snapshot(3);
    return 0;
}

static void taking_one_at_each_step(void **state)
{
    at_each_step(state, create, created);
}

static void revert_to_1(struct world *w)
{
    revert(w, 1);
}

static int reverted(struct world *w)
{
    assert_int_equal(w->store.list.count, 2);
    assert_int_equal(w->store.list.reverting, 0);
    assert_snapshot(1, "one");
    assert_snapshot(2, "two");
    assert_no_snapshot(3);
    assert_string_equal(vmconfig_get(&w->config, "displayName"), "demo");
    if (w->store.list.current == 1) {
        assert_state(w, "one");
        assert_false(there("demo.dsv"));
        assert_null(vmconfig_get(&w->config, "dataSetsMgr.vmStoreFile"));
        return 1;
    }
    assert_int_equal(w->store.list.current, 2);
    assert_state(w, "three");
    assert_true(there("demo.dsv"));
    return 0;
}

static void going_back_at_each_step(void **state)
{
    at_each_step(state, revert_to_1, reverted);
}

static void remove_1(struct world *w)
{
    assert_int_equal(snapshot_store_remove(&w->store, 1, false, NULL), 0);
    sweep(w);
}

static int removed(struct world *w)
{
    assert_state(w, "three");
    assert_snapshot(2, "two");
    assert_int_equal(w->store.list.current, 2);
    if (w->store.list.count == 1) {
        assert_no_snapshot(1);
        assert_int_equal(vmsd_find(&w->store.list, 2)->parent, 0);
        return 1;
    }
    assert_snapshot(1, "one");
    return 0;
}

static void removing_at_each_step(void **state)
{
    at_each_step(state, remove_1, removed);
}

/* A process that dies while it finishes what another one began. */
static void a_crash_in_the_recovery(void **state)
{
    (void)state;
    for (int first = 2; first < 8; first++) {
        for (int second = first % 2; second < 8; second += 2) {
            struct world w;
            pid_t pid;

            run_until(revert_to_1, first);
            pid = fork();
            if (pid == 0) {
                int at = second;

                vmconfig_open(&w.config, dir, "demo.vmx", NULL);
                w.store = (struct snapshot_store){.folder_fd = dir,
                                                  .name = "demo",
                                                  .config = &w.config,
                                                  .step = die_at_zero,
                                                  .step_arg = &at};
                AUTO_BUF struct buf b = BUF_INIT(VMSD_SIZE_MAX);
                fs_read_file(dir, "demo.vmsd", &b, NULL);
                vmsd_parse(buf_text(&b), b.len, &w.store.list, NULL);
                if (w.store.list.reverting)
                    snapshot_store_finish_revert(&w.store, NULL);
                _exit(0);
            }
            assert_int_equal(waitpid(pid, NULL, 0), pid);
            open_world(&w);
            sweep(&w);
            assert_true(reverted(&w));
            close_world(&w);
            teardown(state);
            setup(state);
        }
    }
}

static void a_vm_without_a_disk(void **state)
{
    struct world w;

    (void)state;
    fs_remove_tree(dir, "demo.root", NULL);
    unlinkat(dir, "demo.dsd", 0);
    open_world(&w);
    assert_false(snapshot_store_has_disk(&w.store));
    copy_files(&w, 0);
    assert_int_equal(snapshot_store_add(&w.store, "bare", "", false, false, NULL), 0);
    set_state(&w, "four");
    revert(&w, 3);
    sweep(&w);
    assert_false(there("demo.root"));
    assert_false(there("demo.dsd"));
    assert_string_equal(vmconfig_get(&w.config, "note"), "three");
    revert(&w, 2);
    sweep(&w);
    assert_state(&w, "two");
    close_world(&w);
}

static void other_files_and_damaged_lists_are_left_alone(void **state)
{
    enum machine_disk what;
    unsigned number;
    struct world w;
    struct error err = {0};

    (void)state;
    put("demo-Snapshot2.note", "beside a snapshot");
    put("demo-Snapshotx.root", "not ours");
    put("demo2-Snapshot9.vmsn", "another VM's");
    put("demo-Snapshot9.vmsn", "left over");
    open_world(&w);
    assert_false(snapshot_store_leftover(&w.store, &what, &number));
    assert_true(there("demo-Snapshot2.note") && there("demo-Snapshotx.root") &&
                there("demo2-Snapshot9.vmsn"));
    assert_false(there("demo-Snapshot9.vmsn"));
    close_world(&w);
    put("demo.vmsd", "snapshot.current = \"7\"\n");
    open_world(&w);
    assert_int_equal(snapshot_store_may_add(&w.store, "x", "", &err), -EBADMSG);
    assert_int_equal(snapshot_store_remove_all(&w.store, &err), -EBADMSG);
    assert_false(snapshot_store_leftover(&w.store, &what, &number));
    assert_true(there("demo-Snapshot1.root") && there("demo-Snapshot2.vmsn"));
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(taking_one_at_each_step, setup, teardown),
        cmocka_unit_test_setup_teardown(going_back_at_each_step, setup, teardown),
        cmocka_unit_test_setup_teardown(removing_at_each_step, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crash_in_the_recovery, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vm_without_a_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(other_files_and_damaged_lists_are_left_alone, setup,
                                        teardown),
    };

    log_open_fd(open("/dev/null", O_WRONLY | O_CLOEXEC), "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
