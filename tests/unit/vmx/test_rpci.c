/* What a guest's programs may ask for, who may, and what hostile ones get. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "peer.h"
#include "vmx/ctl.h"
#include "vmx/guestvars.h"
#include "vmx/rpci.h"
#include "vmx/tclo.h"
#include "vmx/vmlog.h"

#define CONFIG                                          \
    "inguest.machine = \"test\"\nmachine.id = \"m7\"\n" \
    "guestinfo.given = \"by the host\"\ntools.setInfo.sizeLimit = \"1000\"\n"

static void commands_are_answered_as_the_table_says(void **state)
{
    static const struct {
        const char *request;
        size_t len;               /* 0 = strlen */
        const char *root, *other; /* the answers to the guest's root and to anybody else */
    } rows[] = {
        {"", 1, "0 Unknown command", "0 Unknown command"},
        {"nonsense", 0, "0 Unknown command", "0 Unknown command"},
        {"info-set", 0, "0 Invalid argument", "0 Invalid argument"},
        {"info-set guestinfo.a one two\0", 29, "1 ", "1 "},
        {"info-get guestinfo.A\0", 21, "1 one two", "1 one two"},
        {"info-set guestinfo.a", 0, "1 ", "1 "},
        {"info-get guestinfo.a", 0, "1 ", "1 "},
        {"info-get guestinfo.unset", 0, "0 No value found", "0 No value found"},
        {"info-get other.key", 0, "0 No value found", "0 No value found"},
        {"info-set other.key 1", 0, "0 Invalid argument", "0 Invalid argument"},
        {"info-set guestinfo. 1", 0, "0 Invalid argument", "0 Invalid argument"},
        {"info-set guestinfo./x 1", 0, "0 Permission denied", "0 Permission denied"},
        {"info-set guestinfo.ip 10.1.2.3", 0, "1 ", "0 Permission denied"},
        {"info-set GuestInfo.vmtools.versionString 1", 0, "1 ", "0 Permission denied"},
        {"info-get guestinfo.given", 0, "1 by the host", "1 by the host"},
        {"log a line", 0, "1 ", "1 "},
        {"machine.id.get", 0, "1 m7", "1 m7"},
        {"machine.id.get now", 0, "0 Invalid argument", "0 Invalid argument"},
        {"tools.set.version 2147483647", 0, "1 ", "0 Permission denied"},
        {"tools.set.versiontype 12389 4\0", 30, "1 ", "0 Permission denied"},
        {"tools.set.versiontype 12389", 0, "0 Invalid argument", "0 Permission denied"},
        {"tools.set.versiontype x 4", 0, "0 Invalid argument", "0 Permission denied"},
        {"tools.set.versiontype -1 4", 0, "0 Invalid argument", "0 Permission denied"},
        {"tools.capability.statechange ", 0, "1 ", "0 Permission denied"},
        {"tools.capability.features 36=0\0", 31, "1 ", "0 Permission denied"},
        {"tools.capability.", 0, "0 Unknown command", "0 Unknown command"},
        {"tools.os.statechange.status 1 3\0", 32, "1 ", "0 Permission denied"},
        {"tools.os.statechange.status 1 6", 0, "0 Invalid argument", "0 Permission denied"},
        {"vmx.capability.unified_loop toolbox\0", 36, "1 ", "0 Permission denied"},
        {"SetGuestInfo  1 testguest\0", 26, "1 ", "0 Permission denied"},
        {"SetGuestInfo  10 xx", 0, "0 Invalid argument", "0 Permission denied"},
        {"SetGuestInfo  99 xx", 0, "0 Invalid argument", "0 Permission denied"},
        {"SetGuestInfo  7 973\0", 20, "1 ", "0 Permission denied"},
        {"SetGuestInfo  7 -1\0", 19, "0 Invalid argument", "0 Permission denied"},
        {"SetGuestDiskInfo {\"version\":\"1\",\"disks\":[]}\0", 44, "1 ", "0 Permission denied"},
        {"SetGuestDiskInfo {", 0, "0 Invalid argument", "0 Permission denied"},
        {"deployPkg.update.state 3", 0, "1 ", "0 Permission denied"},
        {"guestStore.accessEnabled", 0, "1 false", "1 false"},
        {"guest.log.state\0", 16, "1 info", "1 info"},
    };
    struct peer p;

    (void)state;
    peer_open(&p, CONFIG);
    for (int root = 0; root < 2; root++)
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            struct buf reply = BUF_INIT(RPCI_REPLY_MAX);
            const char *want = root ? rows[i].root : rows[i].other;

            rpci_serve(p.vm, NULL, root, rows[i].request,
                       rows[i].len ? rows[i].len : strlen(rows[i].request), &reply);
            if (strcmp(buf_text(&reply), want) != 0)
                fail_msg("\"%s\" (root %d): %s", rows[i].request, root, buf_text(&reply));
            buf_free(&reply);
        }
    assert_string_equal(guest_state_get(&p.vm->guest, "primaryIp"), "10.1.2.3");
    assert_string_equal(guest_state_get(&p.vm->guest, "hostName"), "testguest");
    assert_string_equal(guest_state_get(&p.vm->guest, "toolsVersion"), "12389");
    peer_close(&p);
}

static void the_configuration_may_close_commands(void **state)
{
    static const char config[] = "isolation.tools.setInfo.disable = \"TRUE\"\n"
                                 "guest_rpc.rpci.auth.cmd.info-get = \"TRUE\"\n";
    struct peer p;
    struct buf reply = BUF_INIT(1000);

    (void)state;
    peer_open(&p, config);
    rpci_serve(p.vm, NULL, true, "info-set guestinfo.x 1", 22, &reply);
    assert_string_equal(buf_text(&reply), "0 disabled");
    buf_clear(&reply);
    rpci_serve(p.vm, NULL, false, "info-get guestinfo.x", 20, &reply);
    assert_string_equal(buf_text(&reply), "0 Permission denied");
    buf_clear(&reply);
    rpci_serve(p.vm, NULL, true, "info-get guestinfo.x", 20, &reply);
    assert_string_equal(buf_text(&reply), "0 No value found");
    buf_free(&reply);
    peer_close(&p);
}

static void a_key_of_the_configuration_is_written_back(void **state)
{
    struct peer p;
    json_t *set;

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    assert_string_equal(peer_rpci_text(&p, "info-set guestinfo.given by the guest"), "1 ");
    assert_string_equal(peer_rpci_text(&p, "info-get guestinfo.given"), "1 by the guest");
    peer_until(&p, p.last_event[PEER_CONFIG]);
    set = json_object_get(p.last_event[PEER_CONFIG], "set");
    assert_string_equal(json_string_value(json_object_get(set, "guestinfo.given")), "by the guest");
    peer_reopen(&p);
    assert_string_equal(vmconfig_get(&p.vm->config, "guestinfo.given"), "by the guest");
    peer_close(&p);
}

static void guestinfo_reaches_hostd(void **state)
{
    struct peer p;
    json_t *values;

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    peer_rpci_text(&p, "info-set guestinfo.Colour red");
    peer_until(&p, p.last_event[PEER_GUESTINFO]);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(p.last_event[PEER_GUESTINFO], "set"),
                                          "guestinfo.Colour")),
        "red");
    values = json_object_get(
        json_object_get(peer_ask(&p, 1, "{\"op\":\"guestinfo.get\"}", NULL, 0), "result"),
        "values");
    assert_string_equal(json_string_value(json_object_get(values, "guestinfo.Colour")), "red");
    /* The administrator's key takes its place. */
    peer_ask(&p, 2, "{\"op\":\"config.set\",\"set\":{\"guestinfo.colour\":\"blue\"}}", NULL, 0);
    assert_string_equal(peer_rpci_text(&p, "info-get guestinfo.colour"), "1 blue");
    peer_close(&p);
}

static void many_changes_are_few_events(void **state)
{
    struct peer p;
    unsigned before;
    uint64_t began;
    char text[64];

    (void)state;
    peer_open(&p, "inguest.machine = \"test\"\n");
    peer_ready(&p);
    before = p.events;
    began = clock_ms();
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof(text), "SetGuestInfo  1 host%d", i);
        assert_string_equal(peer_rpci(&p, text, strlen(text)), "1 ");
    }
    peer_until(&p, !strcmp(json_string_value(json_object_get(
                               json_object_get(p.last_event[PEER_GUEST], "guest"), "hostName"))
                               ?: "",
                           "host499"));
    /* A second's events at once, then the rate; one was perhaps on its way when this began. */
    assert_true(p.events - before <=
                1 + CTL_EVENTS_PER_SECOND * (1000 + clock_ms() - began) / 1000);
    peer_close(&p);
}

/* --- hostile -------------------------------------------------------------------------------- */

static bool is_closed(struct peer *p, int fd)
{
    char byte;

    peer_turn(p);
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EINTR);
}

static void broken_packets_end_their_connection_only(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"\xff\xff\xff\xff", 4},                                  /* 4 GiB announced */
        {"\x00\x10\x00\x01", 4},                                  /* one byte over the limit */
        {"\x00\x00\x00\x04zzzz", 8},                              /* not a data map */
        {"\x00\x00\x00\x00", 4},                                  /* nothing in it */
        {"\x00\x00\x00\x0c\0\0\0\2\0\0\0\2\xff\xff\xff\xff", 16}, /* a string beyond the end */
    };
    struct peer p;

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    for (int tclo = 0; tclo < 2; tclo++)
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            int fd = peer_raw(&p, tclo ? "975" : "976");
            char reset[64];

            peer_turn(&p);
            if (tclo)
                peer_until(&p, recv(fd, reset, sizeof(reset), MSG_DONTWAIT) > 0);
            assert_int_equal(write(fd, rows[i].bytes, rows[i].len), rows[i].len);
            peer_until(&p, is_closed(&p, fd));
            close(fd);
        }
    assert_string_equal(peer_rpci_text(&p, "log still here"), "1 ");
    assert_false(p.agent.tclo_closed);
    peer_close(&p);
}

static void connections_are_limited_and_root_gets_in(void **state)
{
    struct peer p;
    int fds[RPCI_CONNECTIONS_MAX];
    unsigned open = RPCI_CONNECTIONS_MAX - RPCI_PRIVILEGED_RESERVE;
    int extra;

    (void)state;
    peer_open(&p, CONFIG);
    p.machine.peer_is_root = false;
    for (unsigned i = 0; i < open; i++)
        fds[i] = peer_raw(&p, "976");
    for (int i = 0; i < 5; i++)
        peer_turn(&p);
    extra = peer_raw(&p, "976");
    peer_until(&p, is_closed(&p, extra));
    close(extra);
    for (unsigned i = 0; i < open; i++)
        assert_false(is_closed(&p, fds[i]));
    p.machine.peer_is_root = true;
    peer_ready(&p);
    assert_string_equal(peer_rpci_text(&p, "log root"), "1 ");
    for (unsigned i = 0; i < open; i++)
        close(fds[i]);
    peer_close(&p);
}

static void only_root_is_the_agent(void **state)
{
    struct peer p;

    (void)state;
    peer_open(&p, CONFIG);
    peer_connect(&p);
    peer_ask(&p, 1, "{\"op\":\"power\",\"action\":\"on\"}", NULL, 0);
    p.machine.peer_is_root = false;
    peer_agent_connect(&p);
    peer_until(&p, p.agent.tclo_closed);
    assert_false(tclo_is_up(p.vm->tclo, "toolbox"));
    peer_agent_hang_up(&p);
    p.agent.name = "toolbox-dnd";
    peer_agent_connect(&p);
    peer_until(&p, tclo_is_up(p.vm->tclo, "toolbox-dnd"));
    assert_false(json_is_true(json_object_get(p.vm->guest.json, "toolsRunning")));
    peer_close(&p);
}

static void a_newer_agent_takes_the_place_of_the_old(void **state)
{
    struct peer p;
    struct rpc_conn *old;

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    old = p.agent.tclo;
    rpc_conn_close(p.agent.rpci);
    peer_agent_connect(&p);
    peer_until(&p, p.agent.resets == 2 && tclo_is_up(p.vm->tclo, "toolbox"));
    peer_until(&p, guest_state_get_bool(&p.vm->guest, "guestOps"));
    rpc_conn_close(old);
    peer_close(&p);
}

static void a_flood_of_requests_is_answered_in_bounded_memory(void **state)
{
    struct peer p;
    struct datamap_rpc packet = {
        .type = DATAMAP_RPC_DATA, .payload = (const uint8_t *)"info-get guestinfo.big", .len = 22};
    struct buf one = BUF_INIT(1000), big = BUF_INIT(70000);
    size_t sent = 0;
    int fd;

    (void)state;
    peer_open(&p, "inguest.machine = \"test\"\n");
    peer_ready(&p);
    buf_put_str(&big, "info-set guestinfo.big ");
    for (int i = 0; i < 60000; i++)
        buf_put_u8(&big, 'x');
    assert_string_equal(peer_rpci(&p, big.data, big.len), "1 ");
    assert_int_equal(datamap_rpc_encode(&one, &packet), 0);
    /* A peer that asks and never reads is not read from for long. */
    fd = peer_raw(&p, "976");
    for (int idle = 0; idle < 20;) {
        ssize_t n = send(fd, one.data, one.len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n == (ssize_t)one.len) {
            sent++;
            idle = 0;
            assert_true(sent < 100000);
        } else {
            idle++;
            peer_turn(&p);
        }
    }
    assert_string_equal(peer_rpci_text(&p, "log others are served"), "1 ");
    close(fd);
    buf_free(&one);
    buf_free(&big);
    peer_close(&p);
}

/* --- parts ---------------------------------------------------------------------------------- */

static void guestinfo_values_are_bounded(void **state)
{
    struct guestvars v = {.bytes_max = 100};
    char key[GUESTVARS_KEY_MAX + 2];

    (void)state;
    assert_int_equal(guestvars_set(&v, "guestinfo.a", "x", 1), 0);
    assert_int_equal(v.bytes, 12);
    /* 12 are used, the key of the next has 11: 76, 77, 78 bytes of value. */
    for (size_t n = 76; n <= 78; n++) {
        char value[100];

        memset(value, 'y', n);
        assert_int_equal(guestvars_set(&v, "guestinfo.b", value, n), n > 77 ? -ENOSPC : 0);
        guestvars_remove(&v, "guestinfo.b");
    }
    assert_int_equal(guestvars_set(&v, "GUESTINFO.A", "longer", 6), 0);
    assert_string_equal(guestvars_get(&v, "guestinfo.A")->key, "guestinfo.a");
    assert_int_equal(guestvars_set(&v, "guestinfo.a", "a\0b", 3), -EINVAL);
    memset(key, 'k', sizeof(key));
    memcpy(key, "guestinfo.", 10);
    for (size_t n = GUESTVARS_KEY_MAX - 1; n <= GUESTVARS_KEY_MAX + 1; n++) {
        key[n] = '\0';
        assert_int_equal(guestvars_key_valid(key), n <= GUESTVARS_KEY_MAX);
        key[n] = 'k';
    }
    guestvars_clear(&v);
    v.bytes_max = 0;
    for (unsigned i = 0; i <= GUESTVARS_COUNT_MAX; i++) {
        snprintf(key, sizeof(key), "guestinfo.%u", i);
        assert_int_equal(guestvars_set(&v, key, "", 0), i < GUESTVARS_COUNT_MAX ? 0 : -ENOSPC);
    }
    guestvars_clear(&v);
    assert_int_equal(v.bytes, 0);
}

static void the_log_rotates_and_limits_the_guest(void **state)
{
    char folder[] = "/tmp/vmx-log-XXXXXX", line[1000];
    struct vmlog log;
    struct stat st;
    unsigned taken = 0;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(folder));
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    clock_set_fake(1000000);
    assert_int_equal(vmlog_open(&log, fd, NULL), 0);
    memset(line, 'x', sizeof(line));
    while (!vmlog_guest(&log, line, 10))
        taken++;
    assert_int_equal(taken, VMLOG_GUEST_BURST);
    clock_set_fake(1000000 + 1000);
    for (taken = 0; !vmlog_guest(&log, line, 10);)
        taken++;
    assert_int_equal(taken, VMLOG_GUEST_RATE);
    for (int i = 0; i < 8000; i++) {
        clock_set_fake(2000000 + (uint64_t)i * 1000);
        assert_int_equal(vmlog_guest(&log, line, sizeof(line)), 0);
    }
    for (int i = 1; i <= VMLOG_OLD_FILES; i++) {
        snprintf(line, sizeof(line), "vmware-%d.log", i);
        assert_int_equal(fstatat(fd, line, &st, 0), 0);
        assert_true(st.st_size < (off_t)VMLOG_FILE_MAX + 5000);
    }
    snprintf(line, sizeof(line), "vmware-%d.log", VMLOG_OLD_FILES + 1);
    assert_int_equal(fstatat(fd, line, &st, 0), -1);
    vmlog_close(&log);
    clock_set_fake(0);
    assert_int_equal(fs_remove_tree(AT_FDCWD, folder, NULL), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_answered_as_the_table_says),
        cmocka_unit_test(the_configuration_may_close_commands),
        cmocka_unit_test(a_key_of_the_configuration_is_written_back),
        cmocka_unit_test(guestinfo_reaches_hostd),
        cmocka_unit_test(many_changes_are_few_events),
        cmocka_unit_test(broken_packets_end_their_connection_only),
        cmocka_unit_test(connections_are_limited_and_root_gets_in),
        cmocka_unit_test(only_root_is_the_agent),
        cmocka_unit_test(a_newer_agent_takes_the_place_of_the_old),
        cmocka_unit_test(a_flood_of_requests_is_answered_in_bounded_memory),
        cmocka_unit_test(guestinfo_values_are_bounded),
        cmocka_unit_test(the_log_rotates_and_limits_the_guest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
