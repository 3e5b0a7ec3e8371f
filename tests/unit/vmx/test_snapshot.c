/* Operations on snapshots: what the machine is asked, who is let go again, who is refused. What is
 * on disk when is tested in test_snapshot_store.c. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "peer.h"
#include "vmx/machine.h"
#include "vmx/power.h"
#include "vmx/snapshot.h"
#include "wire/ctl.h"

#define CONFIG "displayName = \"demo\"\ninguest.machine = \"test\"\n"

#define CREATE  "{\"op\": \"snapshot.create\", \"name\": \"s\", \"user\": \"u\"}"
#define REVERT  "{\"op\": \"snapshot.revert\", \"uid\": 1}"
#define HOLD    "{\"op\": \"disk.hold\", \"deadlineMs\": 60000}"
#define RELEASE "{\"op\": \"disk.release\"}"
#define ON      "{\"op\": \"power\", \"action\": \"on\"}"
#define OFF     "{\"op\": \"power\", \"action\": \"off\"}"

static void open_with_disk(struct peer *p)
{
    peer_open(p, CONFIG);
    peer_connect(p);
    assert_int_equal(mkdirat(p->vm->folder_fd, "demo.root", 0755), 0);
}

static int ask(struct peer *p, unsigned id, const char *json)
{
    peer_ask(p, id, json, NULL, 0);
    return peer_errno(p, id);
}

static void a_running_machine_stands_still_and_goes_on(void **state)
{
    struct peer p = {0};

    (void)state;
    open_with_disk(&p);
    assert_int_equal(ask(&p, 1, ON), 0);
    p.machine.hang_disk = true;
    peer_send(&p, 2, CREATE, NULL, 0, -1);
    peer_until(&p, p.machine.disks == 1);
    assert_int_equal(p.machine.disk_what, MACHINE_DISK_SAVE);
    assert_int_equal(p.machine.disk_number, 1);
    assert_int_equal(p.machine.suspends, 1);
    assert_int_equal(p.machine.resumes, 0);
    /* Nobody may disturb it, and to the outside it runs. */
    assert_int_equal(ask(&p, 3, OFF), EBUSY);
    assert_int_equal(ask(&p, 4, CREATE), EBUSY);
    assert_int_equal(ask(&p, 5, "{\"op\": \"shutdown\"}"), EBUSY);
    assert_string_equal(power_name(p.vm->power), "poweredOn");
    p.machine.hang_disk = false;
    peer_disk_over(&p, 0);
    peer_until(&p, p.replies[2]);
    assert_int_equal(peer_errno(&p, 2), 0);
    assert_int_equal(p.machine.resumes, 1);
    assert_int_equal(faccessat(p.vm->folder_fd, "demo.vmsd", F_OK, 0), 0);
    assert_int_equal(ask(&p, 6, OFF), 0);
    peer_close(&p);
}

static void a_copy_that_fails_leaves_nothing_and_lets_go(void **state)
{
    struct peer p = {0};

    (void)state;
    open_with_disk(&p);
    assert_int_equal(ask(&p, 1, ON), 0);
    p.machine.fail_disk = true;
    assert_int_equal(ask(&p, 2, CREATE), ENOSPC);
    assert_int_equal(p.machine.resumes, 1);
    assert_int_equal(faccessat(p.vm->folder_fd, "demo.vmsd", F_OK, 0), -1);
    assert_false(snapshots_busy(p.vm->snapshots));
    p.machine.fail_disk = false;
    assert_int_equal(ask(&p, 3, CREATE), 0);
    peer_close(&p);
}

static void a_cancel_ends_the_copy(void **state)
{
    struct peer p = {0};

    (void)state;
    open_with_disk(&p);
    p.machine.hang_disk = true;
    peer_send(&p, 1, CREATE, NULL, 0, -1);
    peer_until(&p, p.machine.disks == 1);
    channel_send(p.ctl, CTL_CANCEL, 1, NULL, 0, NULL, 0);
    peer_until(&p, p.replies[1]);
    assert_int_equal(peer_errno(&p, 1), ECANCELED);
    assert_int_equal(p.machine.disk_cancels, 1);
    assert_false(snapshots_busy(p.vm->snapshots));
    peer_close(&p);
}

static void going_back_stops_the_machine(void **state)
{
    struct peer p = {0};

    (void)state;
    open_with_disk(&p);
    assert_int_equal(ask(&p, 1, REVERT), ENOENT);
    assert_int_equal(ask(&p, 2, CREATE), 0);
    assert_int_equal(ask(&p, 3, ON), 0);
    /* The copy that the machine should have made is not there. */
    assert_int_equal(ask(&p, 4, REVERT), EIO);
    assert_int_equal(p.machine.stops, 1);
    assert_int_equal(mkdirat(p.vm->folder_fd, "demo-Revert.root", 0755), 0);
    assert_int_equal(ask(&p, 5, ON), 0);
    assert_int_equal(ask(&p, 6, REVERT), 0);
    assert_int_equal(p.machine.stops, 2);
    assert_int_equal(power_get(p.vm->power), POWER_OFF);
    /* The old disk is thrown away. */
    assert_int_equal(p.machine.disk_what, MACHINE_DISK_REMOVE_TRASH);
    assert_int_equal(ask(&p, 7, ON), 0);
    peer_close(&p);
}

static void a_hold_ends_with_hostd(void **state)
{
    struct peer p = {0};

    (void)state;
    open_with_disk(&p);
    assert_int_equal(ask(&p, 1, RELEASE), ENOENT);
    assert_int_equal(ask(&p, 2, ON), 0);
    assert_int_equal(ask(&p, 3, HOLD), 0);
    assert_int_equal(p.machine.suspends, 1);
    assert_int_equal(ask(&p, 4, HOLD), EBUSY);
    assert_int_equal(ask(&p, 5, RELEASE), 0);
    assert_int_equal(p.machine.resumes, 1);
    assert_int_equal(ask(&p, 6, HOLD), 0);
    peer_disconnect(&p);
    peer_until(&p, p.machine.resumes == 2 && !snapshots_busy(p.vm->snapshots));
    peer_connect(&p);
    assert_int_equal(ask(&p, 7, RELEASE), ENOENT);
    /* It is over by itself, too. */
    assert_int_equal(ask(&p, 8, "{\"op\": \"disk.hold\", \"deadlineMs\": 10}"), 0);
    peer_until(&p, p.machine.resumes == 3);
    assert_int_equal(ask(&p, 9, RELEASE), ENOENT);
    /* A snapshot is held without a machine that stands still. */
    assert_int_equal(ask(&p, 10, CREATE), 0);
    assert_int_equal(ask(&p, 11, "{\"op\": \"disk.hold\", \"uid\": 1}"), 0);
    assert_int_equal(p.machine.suspends, 4);
    assert_int_equal(ask(&p, 12, "{\"op\": \"snapshot.remove\", \"uid\": 1}"), EBUSY);
    assert_int_equal(ask(&p, 13, RELEASE), 0);
    assert_int_equal(ask(&p, 14, "{\"op\": \"snapshot.remove\", \"uid\": 1}"), 0);
    peer_close(&p);
}

static void vmx_may_end_at_any_time(void **state)
{
    struct peer p = {0};

    (void)state;
    open_with_disk(&p);
    p.machine.hang_disk = true;
    peer_send(&p, 1, CREATE, NULL, 0, -1);
    peer_until(&p, p.machine.disks == 1);
    peer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_machine_stands_still_and_goes_on),
        cmocka_unit_test(a_copy_that_fails_leaves_nothing_and_lets_go),
        cmocka_unit_test(a_cancel_ends_the_copy),
        cmocka_unit_test(going_back_stops_the_machine),
        cmocka_unit_test(a_hold_ends_with_hostd),
        cmocka_unit_test(vmx_may_end_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
