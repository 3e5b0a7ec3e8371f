/* Result text of VIX opcodes: what we write, and what both known agents send. */
#include "hex.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/vix_text.h"

static void begin(struct vix_text *t, const char *text, bool always)
{
    vix_text_begin(t, text, strlen(text), always);
}

static void escapes(void **state)
{
    static const char *const cases[][2] = {
        {"\"%&'<>", "%22%25%26%27%3C%3E"},
        {"a\xc3\xa9\n", "a\xc3\xa9\n"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BUF struct buf b = BUF_INIT(64), back = BUF_INIT(64);

        assert_int_equal(vix_text_escape(&b, cases[i][0]), 0);
        assert_string_equal(buf_text(&b), cases[i][1]);
        assert_int_equal(vix_text_unescape(&back, buf_text(&b), b.len), 0);
        assert_string_equal(buf_text(&back), cases[i][0]);
    }
    AUTO_BUF struct buf b = BUF_INIT(64);
    /* Stray marks stay, lower case is read too, a NUL is never made. */
    assert_int_equal(vix_text_unescape(&b, "%%3c%3%g0%00%", 13), 0);
    assert_string_equal(buf_text(&b), "%<%3%g0%00%");
}

#define PROCESS                                                                               \
    "<proc><cmd>sleep</cmd><name>%22/bin/sleep%22 60</name><pid>4711</pid><user>alice</user>" \
    "<start>1700000000</start><eCode>0</eCode><eTime>0</eTime></proc>"

static void processes(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    AUTO_BUF struct buf b = BUF_INIT(1024);
    struct vix_process_info p;
    struct vix_text t;

    (void)state;
    begin(&t, PROCESS PROCESS, true);
    assert_int_equal(vix_text_next_process(&t, &a, &p), 1);
    assert_string_equal(p.cmd, "sleep");
    assert_string_equal(p.name, "\"/bin/sleep\" 60");
    assert_int_equal(p.pid, 4711);
    assert_string_equal(p.user, "alice");
    assert_int_equal(p.start, 1700000000);
    assert_int_equal(p.end, 0);
    assert_int_equal(vix_text_put_process(&b, &p, false, true), 0);
    assert_string_equal(buf_text(&b), PROCESS);
    assert_int_equal(vix_text_next_process(&t, &a, &p), 1);
    assert_int_equal(vix_text_next_process(&t, &a, &p), 0);
    /* The old form: no codes, escaped only when it says so. */
    buf_clear(&b);
    p.exit_code = 5;
    assert_int_equal(vix_text_put_process(&b, &p, true, false), 0);
    begin(&t, buf_text(&b), false);
    assert_int_equal(vix_text_next_process(&t, &a, &p), 1);
    assert_string_equal(p.name, "\"/bin/sleep\" 60");
    assert_int_equal(p.exit_code, 0);
    begin(&t, "<escaped/><proc><name>%3C</name><pid>-1</pid></proc>", false);
    assert_int_equal(vix_text_next_process(&t, &a, &p), 1);
    assert_string_equal(p.name, "<");
    assert_null(p.cmd);
    assert_int_equal(p.pid, -1);
}

static void elements_that_are_broken(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    struct vix_process_info p;
    struct vix_file_info f;
    struct vix_text t;

    (void)state;
    begin(&t, "<proc><pid>1</pid>", true);
    assert_int_equal(vix_text_next_process(&t, &a, &p), -EBADMSG);
    begin(&t, "<proc><pid>x</pid></proc>", true);
    assert_int_equal(vix_text_next_process(&t, &a, &p), -EBADMSG);
    begin(&t, "<fxi><Name>a</Name><fs>-1</fs></fxi>", true);
    assert_int_equal(vix_text_next_file(&t, &a, &f), -EBADMSG);
    begin(&t, "noise", true);
    assert_int_equal(vix_text_next_process(&t, &a, &p), 0);
    begin(&t, "", true);
    assert_int_equal(vix_text_next_process(&t, &a, &p), 0);
}

static void the_arena_bounds_what_a_list_costs(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(0);
    struct vix_process_info p;
    struct vix_text t;

    (void)state;
    begin(&t, PROCESS, true);
    assert_int_equal(vix_text_next_process(&t, &a, &p), -ENOMEM);
}

static void process_lists_in_parts(void **state)
{
    struct vix_chunk_head h = {.chunked = true, .first = true, .key = 7, .total = 100, .left = 60};
    AUTO_BUF struct buf b = BUF_INIT(256);
    struct vix_text t;

    (void)state;
    assert_int_equal(vix_text_put_chunk_head(&b, &h), 0);
    buf_put_str(&b, "<pro");
    assert_string_equal(buf_text(&b),
                        "<key>7</key><totalSize>100</totalSize><leftToSend>60</leftToSend><pro");
    memset(&h, 0, sizeof(h));
    begin(&t, buf_text(&b), true);
    assert_int_equal(vix_text_chunk_head(&t, &h), 0);
    assert_true(h.chunked && h.first && h.key == 7 && h.total == 100 && h.left == 60);
    assert_text(t.p, t.left, "<pro");
    begin(&t, "<leftToSend>0</leftToSend>c>", true);
    assert_int_equal(vix_text_chunk_head(&t, &h), 0);
    assert_true(h.chunked && !h.first && h.left == 0);
    assert_text(t.p, t.left, "c>");
    begin(&t, PROCESS, true);
    assert_int_equal(vix_text_chunk_head(&t, &h), 0);
    assert_false(h.chunked);
    assert_int_equal(t.left, strlen(PROCESS));
    static const char *const broken[] = {
        "<key>7</key>",
        "<key>0</key><totalSize>1</totalSize><leftToSend>0</leftToSend>",
        "<key>4294967296</key><totalSize>1</totalSize><leftToSend>0</leftToSend>",
        "<key>-1</key><totalSize>1</totalSize><leftToSend>0</leftToSend>",
        "<leftToSend>x</leftToSend>",
        "<leftToSend>1",
    };
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        begin(&t, broken[i], true);
        assert_int_equal(vix_text_chunk_head(&t, &h), -EBADMSG);
    }
}

#define FXI                                                                              \
    "<fxi><Name>hosts</Name><ft>0</ft><fs>13</fs><mt>1700000000</mt><at>1700000000</at>" \
    "<uid>0</uid><gid>0</gid><perm>33188</perm><slt></slt></fxi>"

static void files(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    AUTO_BUF struct buf b = BUF_INIT(1024);
    struct vix_list_head h;
    struct vix_file_info f;
    struct vix_text t;

    (void)state;
    begin(&t, "0 <rem>0</rem>" FXI, true);
    assert_int_equal(vix_text_list_head(&t, &h), 0);
    assert_false(h.truncated);
    assert_int_equal(vix_text_next_file(&t, &a, &f), 1);
    assert_string_equal(f.name, "hosts");
    assert_int_equal(f.size, 13);
    assert_int_equal(f.mode, 33188);
    assert_int_equal(f.created, -1);
    assert_int_equal(vix_text_put_list_head(&b, &h), 0);
    assert_int_equal(vix_text_put_file(&b, &f), 0);
    assert_string_equal(buf_text(&b), "0 <rem>0</rem>" FXI);
    assert_int_equal(vix_text_next_file(&t, &a, &f), 0);
    /* The Go toolbox writes no digit. */
    begin(&t, "<rem>5</rem>" FXI, true);
    assert_int_equal(vix_text_list_head(&t, &h), 0);
    assert_true(!h.truncated && h.remaining == 5);
    begin(&t, "1 <rem>18446744073709551615</rem>", true);
    assert_int_equal(vix_text_list_head(&t, &h), -EBADMSG);
    begin(&t, "2 <rem>1</rem>", true);
    assert_int_equal(vix_text_list_head(&t, &h), -EBADMSG);
    /* A name that looks like markup. */
    buf_clear(&b);
    f = (struct vix_file_info){.name = "</Name><fs>9</fs>", .target = "%41", .size = 1};
    assert_int_equal(vix_text_put_file(&b, &f), 0);
    begin(&t, buf_text(&b), true);
    assert_int_equal(vix_text_next_file(&t, &a, &f), 1);
    assert_string_equal(f.name, "</Name><fs>9</fs>");
    assert_string_equal(f.target, "%41");
    assert_int_equal(f.size, 1);
    /* A Windows agent. */
    begin(&t, "<fxi><Name>a</Name><ft>4</ft><fs>0</fs><mt>1</mt><ct>2</ct><at>3</at></fxi>", true);
    assert_int_equal(vix_text_next_file(&t, &a, &f), 1);
    assert_true(f.created == 2 && f.uid == -1 && f.mode == -1 && f.flags == VIX_FILE_HIDDEN);
}

static void the_list_head_fits_its_room(void **state)
{
    struct vix_list_head h = {.truncated = true, .remaining = UINT64_MAX};
    AUTO_BUF struct buf b = BUF_INIT(1024);

    (void)state;
    assert_int_equal(vix_text_put_list_head(&b, &h), 0);
    assert_true(b.len <= VIX_LIST_HEAD_MAX);
}

static void the_other_lists(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    AUTO_BUF struct buf b = BUF_INIT(1024);
    struct vix_filesystem fs = {.name = "/dev/<sda>", .size = 5, .free = 3, .type = "ext4"};
    struct vix_file_info f = {.name = "a&b", .flags = VIX_FILE_DIRECTORY, .size = 9, .modified = 7};
    struct vix_text t;
    const char *env;

    (void)state;
    assert_int_equal(vix_text_put_env(&b, "A=<x>"), 0);
    assert_string_equal(buf_text(&b), "<ev>A=%3Cx%3E</ev>");
    begin(&t, "<ev>HOME=/home/alice</ev><ev>A=%3Cx%3E</ev>", true);
    assert_int_equal(vix_text_next_env(&t, &a, &env), 1);
    assert_string_equal(env, "HOME=/home/alice");
    assert_int_equal(vix_text_next_env(&t, &a, &env), 1);
    assert_string_equal(env, "A=<x>");
    assert_int_equal(vix_text_next_env(&t, &a, &env), 0);
    buf_clear(&b);
    assert_int_equal(vix_text_put_filesystem(&b, &fs, true), 0);
    begin(&t, buf_text(&b), true);
    memset(&fs, 0, sizeof(fs));
    assert_int_equal(vix_text_next_filesystem(&t, &a, &fs), 1);
    assert_string_equal(fs.name, "/dev/<sda>");
    assert_true(fs.size == 5 && fs.free == 3);
    buf_clear(&b);
    assert_int_equal(vix_text_put_file_old(&b, &f, false), 0);
    assert_string_equal(buf_text(&b), "<FileInfo><Name>a&b</Name><FileFlags>1</FileFlags>"
                                      "<FileSize>9</FileSize><ModTime>7</ModTime></FileInfo>");
    begin(&t, buf_text(&b), false);
    memset(&f, 0, sizeof(f));
    assert_int_equal(vix_text_next_file_old(&t, &a, &f), 1);
    assert_string_equal(f.name, "a&b");
    assert_true(f.flags == VIX_FILE_DIRECTORY && f.size == 9 && f.modified == 7);
}

static void numbers(void **state)
{
    int64_t v;

    (void)state;
    assert_int_equal(vix_text_number("4711", 4, &v), 0);
    assert_int_equal(v, 4711);
    assert_int_equal(vix_text_number("-1", 2, &v), 0);
    assert_int_equal(vix_text_number("47x", 3, &v), -EBADMSG);
    assert_int_equal(vix_text_number("", 0, &v), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(processes),
        cmocka_unit_test(elements_that_are_broken),
        cmocka_unit_test(the_arena_bounds_what_a_list_costs),
        cmocka_unit_test(process_lists_in_parts),
        cmocka_unit_test(files),
        cmocka_unit_test(the_list_head_fits_its_room),
        cmocka_unit_test(the_other_lists),
        cmocka_unit_test(numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
