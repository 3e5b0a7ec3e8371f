/* Quiesced snapshots: the agent's events and the options of a start. */
#include "hex.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/vmbackup.h"

static void events_there_and_back(void **state)
{
    static const struct {
        enum vmbackup_event event;
        unsigned code;
        const char *text, *bytes;
    } rows[] = {
        {VMBACKUP_RESET, 0, "", "'vmbackup.eventSet reset 0 ' 00"},
        {VMBACKUP_COMMIT, 0, "", "'vmbackup.eventSet prov.snapshotCommit 0 ' 00"},
        {VMBACKUP_GENERIC_MANIFEST, 0, "/etc/vmware-tools/quiesce_manifest.xml",
         "'vmbackup.eventSet req.genericManifest 0 /etc/vmware-tools/quiesce_manifest.xml' 00"},
        {VMBACKUP_ERROR, 3, "Error when enabling the sync provider.",
         "'vmbackup.eventSet req.error 3 Error when enabling the sync provider.' 00"},
        {VMBACKUP_OVER, 0, "", "'vmbackup.eventSet req.done 0 ' 00"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_BUF struct buf b = BUF_INIT(8192);
        size_t head = strlen(VMBACKUP_EVENT " "), text_len;
        enum vmbackup_event event;
        const char *text;
        unsigned code;

        assert_int_equal(vmbackup_event_encode(&b, rows[i].event, rows[i].code, rows[i].text), 0);
        assert_hex(b.data, b.len, rows[i].bytes);
        AUTO_BYTES struct bytes args = bytes_copy(b.data + head, b.len - head);
        assert_int_equal(
            vmbackup_event_decode(args.data, args.len, &event, &code, &text, &text_len), 0);
        assert_int_equal(event, rows[i].event);
        assert_int_equal(code, rows[i].code);
        assert_text(text, text_len, rows[i].text);
    }
}

static void bad_events(void **state)
{
    static const char *const rows[] = {
        "",         "reset",      "reset ",     "reset  0", "reset x ",  "reset 1x ", "reset 9999 ",
        "Reset 0 ", "req.don 0 ", "req.done  ", " 0 ",      "reset -1 ",
    };
    AUTO_BUF struct buf b = BUF_INIT(16384);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_BYTES struct bytes v = bytes_copy(rows[i], strlen(rows[i]));
        enum vmbackup_event event;
        size_t text_len;
        const char *text;
        unsigned code;

        if (vmbackup_event_decode(v.data, v.len, &event, &code, &text, &text_len) != -EBADMSG)
            fail_msg("taken: %s", rows[i]);
    }
    /* The text to the byte. */
    for (int over = -1; over <= 1; over++) {
        enum vmbackup_event event;
        size_t text_len;
        const char *text;
        unsigned code;

        buf_clear(&b);
        buf_put_str(&b, "req.error 2 ");
        for (unsigned i = 0; i < VMBACKUP_TEXT_MAX + (unsigned)over; i++)
            buf_put_u8(&b, 'x');
        assert_int_equal(vmbackup_event_decode(b.data, b.len, &event, &code, &text, &text_len),
                         over > 0 ? -EBADMSG : 0);
    }
}

#define EXAMPLE                                                       \
    "00000001 00000001 00000001 00000001 00000001 00000000 00000001 " \
    "00000000 00000258 00000000"

static void the_published_options(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    AUTO_BYTES struct bytes v = hex(EXAMPLE);
    AUTO_BUF struct buf b = BUF_INIT(8192);
    struct vmbackup_options o;

    (void)state;
    assert_int_equal(vmbackup_options_decode(v.data, v.len, &a, &o), 0);
    assert_true(o.create_manifest && o.quiesce_apps && o.quiesce_fs && o.exec_scripts);
    assert_false(o.writable_snapshot);
    assert_string_equal(o.script_arg, "");
    assert_string_equal(o.volumes, "");
    assert_int_equal(o.timeout_s, 600);
    assert_int_equal(vmbackup_options_encode(&b, &o), 0);
    assert_hex(b.data, b.len, EXAMPLE);
    /* Cut off anywhere it is none. */
    for (size_t n = 0; n < v.len; n++) {
        AUTO_BYTES struct bytes cut = bytes_copy(v.data, n);

        assert_int_equal(vmbackup_options_decode(cut.data, cut.len, &a, &o), -EBADMSG);
    }
}

static void options_with_texts_and_bad_ones(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    char arg[VMBACKUP_SCRIPT_ARG_MAX + 2];
    struct vmbackup_options o = {.exec_scripts = true, .script_arg = arg, .volumes = "sda sdb"};
    struct vmbackup_options back;

    (void)state;
    for (unsigned n = VMBACKUP_SCRIPT_ARG_MAX - 1; n <= VMBACKUP_SCRIPT_ARG_MAX + 1; n++) {
        AUTO_BUF struct buf b = BUF_INIT(8192);

        memset(arg, 'a', n);
        arg[n] = '\0';
        assert_int_equal(vmbackup_options_encode(&b, &o), 0);
        assert_int_equal(vmbackup_options_decode(b.data, b.len, &a, &back),
                         n > VMBACKUP_SCRIPT_ARG_MAX ? -EBADMSG : 0);
        if (n <= VMBACKUP_SCRIPT_ARG_MAX)
            assert_string_equal(back.script_arg, arg);
    }
    assert_string_equal(back.volumes, "sda sdb");
    AUTO_BYTES struct bytes newer = hex("00000002 00000001");
    assert_int_equal(vmbackup_options_decode(newer.data, newer.len, &a, &back), -EPROTONOSUPPORT);
    AUTO_BYTES struct bytes no_bool = hex("00000001 00000001 00000002");
    assert_int_equal(vmbackup_options_decode(no_bool.data, no_bool.len, &a, &back), -EBADMSG);
    AUTO_BYTES struct bytes absent = hex("00000001 00000000");
    assert_int_equal(vmbackup_options_decode(absent.data, absent.len, &a, &back), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_there_and_back),
        cmocka_unit_test(bad_events),
        cmocka_unit_test(the_published_options),
        cmocka_unit_test(options_with_texts_and_bad_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
