/* Operations on snapshots: what the machine is asked, who is let go again, who is refused. What is
 * on disk when is tested in test_snapshot_store.c. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* ---- quiesced ---- */

#define QUIESCED \
    "{\"op\": \"snapshot.create\", \"name\": \"q\", \"quiesce\": true, \"user\": \"u\"}"

/* What the agent does when it is asked, and what it was asked. */
struct backup_agent {
    bool refuse;
    char asked[256];
};

static void on_asked(struct peer_agent *a, const struct peer_request *rq, void *arg)
{
    struct backup_agent *b = arg;
    size_t n = strlen(b->asked);

    snprintf(b->asked + n, sizeof(b->asked) - n, "%s;", rq->text);
    peer_agent_answer_text(a, rq->id, b->refuse ? "ERROR not now\x01\xff" : "OK ");
}

static void open_with_agent(struct peer *p, struct backup_agent *b)
{
    open_with_disk(p);
    p->agent.request = on_asked;
    p->agent.arg = b;
    p->machine.peer_is_root = true;
    peer_ready(p);
}

static const char *tell(struct peer *p, const char *event)
{
    char text[128];

    snprintf(text, sizeof(text), "vmbackup.eventSet %s", event);
    return peer_rpci_text(p, text);
}

static void the_guest_comes_to_rest_first(void **state)
{
    struct backup_agent b = {0};
    struct peer p = {0};

    (void)state;
    open_with_agent(&p, &b);
    assert_string_equal(tell(&p, "reset 0 "), "0 Invalid argument"); /* nobody asked */
    peer_send(&p, 1, QUIESCED, NULL, 0, -1);
    peer_until(&p, strstr(b.asked, "vmbackup.start 0;"));
    assert_string_equal(tell(&p, "reset 0 "), "1 ");
    assert_string_equal(tell(&p, "req.keepAlive 0 "), "1 ");
    assert_int_equal(p.machine.disks, 0);
    assert_int_equal(p.machine.suspends, 0);
    p.machine.hang_disk = true;
    assert_string_equal(tell(&p, "prov.snapshotCommit 0 "), "1 ");
    peer_until(&p, p.machine.disks == 1);
    assert_int_equal(p.machine.suspends, 1);
    /* It goes on when the machine does, and the operation is over when it has said so. */
    assert_null(strstr(b.asked, "snapshotDone"));
    p.machine.hang_disk = false;
    peer_disk_over(&p, 0);
    peer_until(&p, strstr(b.asked, "vmbackup.snapshotDone;"));
    assert_int_equal(p.machine.resumes, 1);
    assert_null(p.replies[1]);
    assert_string_equal(tell(&p, "req.done 0 "), "1 ");
    peer_until(&p, p.replies[1]);
    assert_int_equal(peer_errno(&p, 1), 0);
    assert_null(strstr(b.asked, "abort"));
    peer_close(&p);
}

static void a_guest_that_cannot(void **state)
{
    struct backup_agent b = {.refuse = true};
    struct peer p = {0};

    (void)state;
    open_with_agent(&p, &b);
    assert_int_equal(ask(&p, 1, QUIESCED), EREMOTEIO);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(p.replies[1], "error"), "text")),
        "the guest's agent refuses: not now??");
    b.refuse = false;
    peer_send(&p, 2, QUIESCED, NULL, 0, -1);
    peer_until(&p, strstr(strchr(b.asked, ';') + 1, "vmbackup.start 0;"));
    assert_string_equal(tell(&p, "req.error 2 Custom quiesce script failed."), "1 ");
    assert_string_equal(tell(&p, "req.done 0 "), "1 ");
    peer_until(&p, p.replies[2]);
    assert_int_equal(peer_errno(&p, 2), EREMOTEIO);
    /* A cancel ends the wait, and the guest is told. */
    peer_send(&p, 3, QUIESCED, NULL, 0, -1);
    peer_until(&p, p.vm && snapshots_busy(p.vm->snapshots));
    channel_send(p.ctl, CTL_CANCEL, 3, NULL, 0, NULL, 0);
    peer_until(&p, p.replies[3]);
    assert_int_equal(peer_errno(&p, 3), ECANCELED);
    peer_until(&p, strstr(b.asked, "vmbackup.abort;"));
    assert_int_equal(p.machine.disks, 0);
    assert_false(snapshots_busy(p.vm->snapshots));
    peer_close(&p);
}

static void a_guest_that_does_not_stay_at_rest(void **state)
{
    struct backup_agent b = {0};
    struct peer p = {0};

    (void)state;
    open_with_agent(&p, &b);
    peer_send(&p, 1, QUIESCED, NULL, 0, -1);
    peer_until(&p, strstr(b.asked, "vmbackup.start 0;"));
    p.machine.hang_disk = true;
    assert_string_equal(tell(&p, "prov.snapshotCommit 0 "), "1 ");
    peer_until(&p, p.machine.disks == 1);
    /* It comes too late to be said before the machine stood still, but it was. */
    assert_string_equal(tell(&p, "req.aborted 4 Quiesce canceled."), "1 ");
    assert_string_equal(tell(&p, "req.done 0 "), "1 ");
    p.machine.hang_disk = false;
    peer_disk_over(&p, 0);
    peer_until(&p, p.replies[1]);
    assert_int_equal(peer_errno(&p, 1), ETIME);
    assert_int_equal(faccessat(p.vm->folder_fd, "demo.vmsd", F_OK, 0), -1);
    assert_null(strstr(b.asked, "snapshotDone"));
    peer_close(&p);
}

/* An agent that says again and again that it is there, and nothing else. */
static void time_is_up(void **state)
{
    static const char hurry[] = "{\"op\": \"snapshot.create\", \"name\": \"q\", \"quiesce\": true, "
                                "\"quiesceMs\": 300}";
    struct backup_agent b = {0};
    struct peer p = {0};

    (void)state;
    open_with_agent(&p, &b);
    peer_send(&p, 1, hurry, NULL, 0, -1);
    peer_until(&p, strstr(b.asked, "vmbackup.start 0;"));
    while (!p.replies[1])
        tell(&p, "req.keepAlive 0 ");
    assert_int_equal(peer_errno(&p, 1), ETIME);
    peer_until(&p, strstr(b.asked, "vmbackup.abort;"));
    /* At rest for too long. */
    b.asked[0] = '\0';
    p.machine.hang_disk = true;
    peer_send(
        &p, 2,
        "{\"op\": \"snapshot.create\", \"name\": \"q\", \"quiesce\": true, \"quiesceMs\": 3000}",
        NULL, 0, -1);
    peer_until(&p, strstr(b.asked, "vmbackup.start 0;"));
    assert_string_equal(tell(&p, "prov.snapshotCommit 0 "), "1 ");
    peer_until(&p, p.machine.disks == 1);
    uint64_t until = uv_hrtime() + 3100000000u;
    while (uv_hrtime() < until)
        peer_turn(&p);
    p.machine.hang_disk = false;
    peer_disk_over(&p, 0);
    /* And it does not say that it goes on. */
    peer_until(&p, strstr(b.asked, "vmbackup.abort;"));
    until = uv_hrtime() + 20000000000u;
    while (!p.replies[2] && uv_hrtime() < until)
        tell(&p, "req.keepAlive 0 ");
    assert_int_equal(peer_errno(&p, 2), ETIME);
    assert_false(snapshots_busy(p.vm->snapshots));
    peer_close(&p);
}

static void nobody_to_ask(void **state)
{
    struct backup_agent b = {0};
    struct peer p = {0};

    (void)state;
    open_with_disk(&p);
    /* What does not run is at rest. */
    assert_int_equal(ask(&p, 1, QUIESCED), 0);
    assert_int_equal(ask(&p, 2, ON), 0);
    assert_int_equal(ask(&p, 3, QUIESCED), ENOTCONN);
    assert_int_equal(ask(&p, 4, OFF), 0);
    p.agent.request = on_asked;
    p.agent.arg = &b;
    p.machine.peer_is_root = true;
    peer_ready(&p);
    peer_send(&p, 10, QUIESCED, NULL, 0, -1);
    peer_until(&p, strstr(b.asked, "vmbackup.start 0;"));
    peer_agent_hang_up(&p);
    peer_until(&p, p.replies[10]);
    assert_int_equal(peer_errno(&p, 10), ENOTCONN);
    peer_close(&p);
}

/* ---- ends ---- */

/* Whoever removes it may be killed; what really cannot be removed is not tried for ever. */
static void what_is_left_over_is_tried_again(void **state)
{
    struct peer p = {0};

    (void)state;
    open_with_disk(&p);
    assert_int_equal(mkdirat(p.vm->folder_fd, "demo-Snapshot9.root", 0755), 0);
    p.machine.fail_disk = true;
    assert_int_equal(ask(&p, 1, CREATE), ENOSPC);
    assert_int_equal(p.machine.disk_what, MACHINE_DISK_REMOVE_SNAPSHOT);
    assert_int_equal(p.machine.disk_number, 9);
    assert_int_equal(p.machine.disks, 4);
    assert_false(snapshots_busy(p.vm->snapshots));
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
    /* The guest comes to rest, or has. */
    for (unsigned i = 0; i < 2; i++) {
        struct backup_agent b = {0};
        struct peer q = {0};

        open_with_agent(&q, &b);
        peer_send(&q, 1, QUIESCED, NULL, 0, -1);
        peer_until(&q, strstr(b.asked, "vmbackup.start 0;"));
        q.machine.hang_disk = true;
        if (i > 0) {
            assert_string_equal(tell(&q, "prov.snapshotCommit 0 "), "1 ");
            peer_until(&q, q.machine.disks == 1);
        }
        peer_close(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_machine_stands_still_and_goes_on),
        cmocka_unit_test(a_copy_that_fails_leaves_nothing_and_lets_go),
        cmocka_unit_test(a_cancel_ends_the_copy),
        cmocka_unit_test(going_back_stops_the_machine),
        cmocka_unit_test(a_hold_ends_with_hostd),
        cmocka_unit_test(the_guest_comes_to_rest_first),
        cmocka_unit_test(a_guest_that_cannot),
        cmocka_unit_test(a_guest_that_does_not_stay_at_rest),
        cmocka_unit_test(time_is_up),
        cmocka_unit_test(nobody_to_ask),
        cmocka_unit_test(what_is_left_over_is_tried_again),
        cmocka_unit_test(vmx_may_end_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
