/* Copies of a guest's files: everything is the same but the owners, and nothing of the host's gets
 * in. Needs root. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "vmx/tree_copy.h"
#include "vmx/tree_xattr.h"

#define FROM 1800000000u
#define TO   1900000000u

static const struct tree_owners owners = {FROM, TO, 65536};
static char folder[32];
static int dir;

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/inguest-tree-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mkdirat(dir, "a", 0755);
    return fchownat(dir, "a", FROM, FROM, 0);
}

static int teardown(void **state)
{
    (void)state;
    close(dir);
    return fs_remove_tree(AT_FDCWD, folder, NULL);
}

static void write_file(const char *path, const char *text, unsigned owner, mode_t mode)
{
    AUTO_CLOSE int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
    assert_int_equal(fchown(fd, owner, owner), 0);
    assert_int_equal(fchmod(fd, mode), 0);
}

static struct stat look(const char *path)
{
    struct stat st;

    assert_int_equal(fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st;
}

static void copy(int want)
{
    struct error err = {0};
    int r = tree_copy(dir, "a", dir, "b", &owners, &err);

    if (r != want)
        fail_msg("%d: %s", r, error_text(&err));
    assert_int_equal(faccessat(dir, "b.links", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

static void everything_is_the_same_but_the_owners(void **state)
{
    const struct timespec times[2] = {{1000000000, 5}, {1100000000, 7}};
    AUTO_BUF struct buf b = BUF_INIT(100);
    char target[32] = "";

    (void)state;
    write_file("a/plain", "hello", FROM + 1000, 06750);
    assert_int_equal(utimensat(dir, "a/plain", times, 0), 0);
    assert_int_equal(linkat(dir, "a/plain", dir, "a/second", 0), 0);
    assert_int_equal(symlinkat("/etc/shadow", dir, "a/link"), 0);
    assert_int_equal(fchownat(dir, "a/link", FROM + 3, FROM + 4, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(mkdirat(dir, "a/sticky", 0), 0);
    assert_int_equal(fchmodat(dir, "a/sticky", 01777, 0), 0);
    assert_int_equal(fchownat(dir, "a/sticky", FROM, FROM, 0), 0);
    assert_int_equal(utimensat(dir, "a/sticky", times, 0), 0);
    assert_int_equal(mknodat(dir, "a/fifo", S_IFIFO | 0640, 0), 0);
    assert_int_equal(fchownat(dir, "a/fifo", FROM, FROM, 0), 0);
    copy(0);
    assert_int_equal(look("b").st_uid, TO);
    assert_int_equal(look("b/plain").st_uid, TO + 1000);
    assert_int_equal(look("b/plain").st_mode & 07777, 06750);
    assert_int_equal(look("b/plain").st_mtim.tv_sec, 1100000000);
    assert_int_equal(look("b/plain").st_mtim.tv_nsec, 7);
    assert_int_equal(look("b/plain").st_nlink, 2);
    assert_int_equal(look("b/plain").st_ino, look("b/second").st_ino);
    assert_true(look("b/plain").st_ino != look("a/plain").st_ino);
    assert_true(readlinkat(dir, "b/link", target, sizeof(target) - 1) > 0);
    assert_string_equal(target, "/etc/shadow");
    assert_int_equal(look("b/link").st_gid, TO + 4);
    assert_int_equal(look("b/sticky").st_mode & 07777, 01777);
    assert_int_equal(look("b/sticky").st_mtim.tv_sec, 1100000000);
    assert_true(S_ISFIFO(look("b/fifo").st_mode));
    assert_int_equal(fs_read_file(dir, "b/second", &b, NULL), 0);
    assert_string_equal(buf_text(&b), "hello");
}

static void holes_and_attributes_stay(void **state)
{
    AUTO_CLOSE int fd = openat(dir, "a/sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char value[16] = "", last = 0;

    (void)state;
    assert_int_equal(ftruncate(fd, 1 << 30), 0);
    assert_int_equal(pwrite(fd, "x", 1, 500 << 20), 1);
    assert_int_equal(fchown(fd, FROM, FROM), 0);
    if (fsetxattr(fd, "user.note", "kept", 4, 0) < 0)
        skip();
    copy(0);
    assert_int_equal(look("b/sparse").st_size, 1 << 30);
    assert_true(look("b/sparse").st_blocks < 1000);
    AUTO_CLOSE int back = openat(dir, "b/sparse", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(back, &last, 1, 500 << 20), 1);
    assert_int_equal(last, 'x');
    assert_int_equal(fgetxattr(back, "user.note", value, sizeof(value)), 4);
    assert_string_equal(value, "kept");
}

/* A name in the guest's tree for a file of the host. */
static void a_file_of_nobody_in_the_guest_is_refused(void **state)
{
    (void)state;
    write_file("secret", "of the host", 0, 0600);
    assert_int_equal(linkat(dir, "secret", dir, "a/mine", 0), 0);
    copy(-EPERM);
    assert_int_equal(faccessat(dir, "b/mine", F_OK, 0) == 0 ? look("b/mine").st_uid : 0, 0);
}

static void the_last_id_is_in_the_range_and_the_next_is_not(void **state)
{
    (void)state;
    write_file("a/last", "x", FROM + 65535, 0600);
    copy(0);
    assert_int_equal(look("b/last").st_uid, TO + 65535);
    assert_int_equal(fs_remove_tree(dir, "b", NULL), 0);
    write_file("a/over", "x", FROM + 65536, 0600);
    copy(-EPERM);
}

/* Folders in folders, made without a path. */
static void nest(unsigned levels)
{
    int at = openat(dir, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (unsigned i = 0; i < levels; i++) {
        int next;

        assert_int_equal(mkdirat(at, "d", 0755), 0);
        next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(fchown(next, FROM, FROM), 0);
        close(at);
        at = next;
    }
    close(at);
}

static void depth_has_an_end_and_removing_has_none(void **state)
{
    struct rlimit files;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    nest(TREE_DEPTH_MAX - 1);
    copy(0);
    files.rlim_cur = 200;
    setrlimit(RLIMIT_NOFILE, &files);
    assert_int_equal(fs_remove_tree(dir, "b", NULL), 0);
    assert_int_equal(fs_remove_tree(dir, "a", NULL), 0);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    mkdirat(dir, "a", 0755);
    assert_int_equal(fchownat(dir, "a", FROM, FROM, 0), 0);
    nest(TREE_DEPTH_MAX);
    copy(-ELOOP);
}

static void ids_in_attributes_move_along(void **state)
{
    uint8_t acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0, 0, 0, 0};
    uint8_t cap[24] = {0, 0, 0, 3};
    uint32_t id = FROM + 5, want = TO + 5;

    (void)state;
    memcpy(acl + 16, &id, 4);
    assert_int_equal(tree_xattr_shift("system.posix_acl_access", acl, sizeof(acl), &owners), 1);
    assert_memory_equal(acl + 16, &want, 4);
    assert_int_equal(acl[8], 255);
    /* Now it names nobody of the range. */
    assert_int_equal(tree_xattr_shift("system.posix_acl_access", acl, sizeof(acl), &owners), 0);
    assert_int_equal(tree_xattr_shift("system.posix_acl_access", acl, sizeof(acl) - 1, &owners), 0);
    memcpy(cap + 20, &id, 4);
    assert_int_equal(tree_xattr_shift("security.capability", cap, sizeof(cap), &owners), 1);
    assert_memory_equal(cap + 20, &want, 4);
    /* Capabilities that would count on the host. */
    cap[3] = 2;
    assert_int_equal(tree_xattr_shift("security.capability", cap, 20, &owners), 0);
    assert_int_equal(tree_xattr_shift("trusted.overlay.opaque", cap, 1, &owners), 0);
    assert_int_equal(tree_xattr_shift("security.selinux", cap, 1, &owners), 0);
    assert_int_equal(tree_xattr_shift("user.x", cap, 1, &owners), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_is_the_same_but_the_owners, setup, teardown),
        cmocka_unit_test_setup_teardown(holes_and_attributes_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_of_nobody_in_the_guest_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_id_is_in_the_range_and_the_next_is_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(depth_has_an_end_and_removing_has_none, setup, teardown),
        cmocka_unit_test(ids_in_attributes_move_along),
    };

    if (geteuid() != 0) {
        puts("needs root: skipped");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
