/* Bodies of VIX requests against recorded bytes: decoded, checked, encoded to the same bytes. */
#include "hex.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/vix_body.h"
#include "wire/vix_ops.h"

static union vix_body decoded;
static uint8_t *decoded_bytes;

/* Decodes into `decoded` and writes it again; the bytes must come out the same. */
static void round_trip(uint32_t opcode, const char *text)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);
    struct bytes v = hex(text);

    free(decoded_bytes);
    decoded_bytes = v.data;
    assert_int_equal(vix_body_decode(opcode, v.data, v.len, &decoded), 0);
    assert_int_equal(vix_body_encode(&b, opcode, &decoded), 0);
    assert_hex(b.data, b.len, text);
}

#define LIST_PROCESSES \
    "00 00 00 00 00 00 00 00 02 00 00 00 01 00 00 00 00 00 00 00 67 12 00 00 00 00 00 00"
#define READ_ENV "02 00 00 00 0a 00 00 00 'PATH' 00 'HOME' 00"
#define LIST_FILES                                                                        \
    "00 00 00 00 04 00 00 00 07 00 00 00 00 00 00 00 32 00 00 00 00 00 00 00 00 00 00 00" \
    "'/srv' 00 '.*\\.log' 00"
#define DIRECTORY "00 00 00 00 08 00 00 00 00 00 00 00 01 '/srv/a/b' 00"
#define MOVE      "00 00 00 00 06 00 00 00 06 00 00 00 00 00 00 00 01 '/srv/a' 00 '/srv/b' 00"
#define TEMP                                                      \
    "00 00 00 00 03 00 00 00 04 00 00 00 04 00 00 00 00 00 00 00" \
    "'pre' 00 '.txt' 00 '/srv' 00"
#define ATTRIBUTES                                                                        \
    "42 00 00 00 00 00 00 00 00 00 00 00 00 f1 53 65 00 00 00 00 00 00 00 00 00 00 00 00" \
    "a0 01 00 00 00 00 06 00 00 00 '/srv/a' 00"
#define START                                                        \
    "00 0a 00 00 00 04 00 00 00 05 00 00 00 01 00 00 00 07 00 00 00" \
    "'/bin/date' 00 '+%s' 00 '/srv' 00 'LANG=C' 00"

static void processes(void **state)
{
    (void)state;
    round_trip(VIX_OP_LIST_PROCESSES_EX, LIST_PROCESSES);
    assert_int_equal(decoded.list_processes.count, 2);
    assert_int_equal(vix_list_processes_pid(&decoded.list_processes, 0), 1);
    assert_int_equal(vix_list_processes_pid(&decoded.list_processes, 1), 4711);
    round_trip(VIX_OP_LIST_PROCESSES_EX, "01 00 00 00 02 00 00 00 00 00 00 00");
    assert_int_equal(decoded.list_processes.key, 1);
    assert_int_equal(decoded.list_processes.offset, 2);
    round_trip(VIX_OP_TERMINATE_PROCESS, "67 12 00 00 00 00 00 00 00 00 00 00");
    assert_int_equal(decoded.process.pid, 4711);
    round_trip(VIX_OP_START_PROGRAM, START);
    round_trip(VIX_OP_START_PROGRAM, "01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
                                     "00 00 00 00");
    assert_true(decoded.start_program.minimized);
    assert_string_equal(decoded.start_program.path, "");
    assert_string_equal(decoded.start_program.directory, "");
    round_trip(VIX_OP_RUN_PROGRAM, "01 00 00 00 09 00 00 00 02 00 00 00 '/bin/true' 00 '-x' 00");
    assert_int_equal(decoded.run.options, VIX_RUN_RETURN_IMMEDIATELY);
    assert_string_equal(decoded.run.program, "/bin/true");
    assert_string_equal(decoded.run.arguments, "-x");
    round_trip(VIX_OP_RUN_PROGRAM, "00 00 00 00 02 00 00 00 00 00 00 00 '/a' 00");
    round_trip(VIX_OP_RUN_SCRIPT_IN_GUEST,
               "00 00 00 00 01 00 00 00 02 00 00 00 03 00 00 00 'i' 00 'ppp' 00 'ss' 00");
    assert_string_equal(decoded.run.program, "i");
    assert_string_equal(decoded.run.script, "ss");
    assert_string_equal(decoded.run.properties, "ppp");
}

static void variables(void **state)
{
    size_t pos = 0;

    (void)state;
    round_trip(VIX_OP_READ_ENV_VARIABLES, READ_ENV);
    assert_string_equal(vix_strings_next(&decoded.read_env.names, &pos), "PATH");
    assert_string_equal(vix_strings_next(&decoded.read_env.names, &pos), "HOME");
    assert_null(vix_strings_next(&decoded.read_env.names, &pos));
    round_trip(VIX_OP_READ_ENV_VARIABLES, "00 00 00 00 00 00 00 00");
    round_trip(VIX_OP_READ_VARIABLE, "03 00 00 00 00 00 00 00 01 00 00 00 'a' 00");
    assert_int_equal(decoded.variable.type, VIX_VARIABLE_GUEST_ENVIRONMENT);
    round_trip(VIX_OP_WRITE_VARIABLE,
               "03 00 00 00 00 00 00 00 01 00 00 00 02 00 00 00 'a' 00 'bc' 00");
    assert_string_equal(decoded.variable.value, "bc");
}

static void files(void **state)
{
    (void)state;
    round_trip(VIX_OP_LIST_FILES, LIST_FILES);
    assert_string_equal(decoded.list_files.path, "/srv");
    assert_string_equal(decoded.list_files.pattern, ".*\\.log");
    assert_int_equal(decoded.list_files.max_results, 50);
    round_trip(VIX_OP_CREATE_DIRECTORY_EX, DIRECTORY);
    assert_string_equal(decoded.path.path, "/srv/a/b");
    assert_true(decoded.path.flag);
    round_trip(VIX_OP_DELETE_GUEST_DIRECTORY_EX, DIRECTORY);
    round_trip(VIX_OP_CREATE_DIRECTORY, "00 00 00 00 02 00 00 00 00 00 00 00 '/a' 00");
    assert_true(decoded.path.flag);
    round_trip(VIX_OP_MOVE_GUEST_FILE_EX, MOVE);
    assert_string_equal(decoded.move.from, "/srv/a");
    assert_string_equal(decoded.move.to, "/srv/b");
    assert_true(decoded.move.overwrite);
    round_trip(VIX_OP_MOVE_GUEST_FILE,
               "00 00 00 00 01 00 00 00 01 00 00 00 00 00 00 00 'a' 00 'b' 00");
    assert_true(decoded.move.overwrite);
    round_trip(VIX_OP_DELETE_GUEST_FILE_EX, "00 00 00 00 06 00 00 00 '/srv/a' 00");
    round_trip(VIX_OP_CREATE_TEMPORARY_FILE_EX, TEMP);
    assert_string_equal(decoded.temp.prefix, "pre");
    assert_string_equal(decoded.temp.suffix, ".txt");
    assert_string_equal(decoded.temp.directory, "/srv");
    round_trip(VIX_OP_CREATE_TEMPORARY_FILE, "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
    round_trip(VIX_OP_SET_GUEST_FILE_ATTRIBUTES, ATTRIBUTES);
    assert_int_equal(decoded.set_attributes.options,
                     VIX_ATTR_MODIFICATION_TIME | VIX_ATTR_PERMISSIONS);
    assert_int_equal(decoded.set_attributes.modification_time, 1700000000);
    assert_int_equal(decoded.set_attributes.permissions, 0640);
    round_trip(VIX_OP_LIST_DIRECTORY, "00 00 00 00 01 00 00 00 '/' 00");
    round_trip(VIX_OP_LIST_DIRECTORY, "01 00 00 00 01 00 00 00 05 00 00 00 00 00 00 00 '/' 00");
    assert_int_equal(decoded.list_files.offset, 5);
    round_trip(VIX_OP_LIST_FILESYSTEMS, "00 00 00 00 00 00 00 00");
}

static void transfers(void **state)
{
    (void)state;
    round_trip(VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST,
               "00 00 00 00 0a 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
               "00 00 00 00 '/etc/hosts' 00");
    assert_string_equal(decoded.list_files.path, "/etc/hosts");
    round_trip(VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST,
               "40 00 00 00 0a 00 00 00 01 '/srv/a.bin' 00");
    assert_int_equal(decoded.path.options, VIX_ATTR_PERMISSIONS);
    assert_true(decoded.path.flag);
    round_trip(VIX_OP_HGFS_SEND_PACKET, "03 00 00 00 1e 00 00 00 01 00 02");
    assert_int_equal(decoded.hgfs.len, 3);
    assert_int_equal(decoded.hgfs.timeout, 30);
}

static void aliases(void **state)
{
    (void)state;
    round_trip(VIX_OP_ADD_AUTH_ALIAS,
               "00 00 00 00 02 00 00 00 03 00 00 00 01 01 00 00 00 04 00 00 00 05 00 00 00"
               "'u' 00 'ce' 00 'sub' 00 'comm' 00");
    assert_true(decoded.alias.add_mapping);
    assert_int_equal(decoded.alias.subject_type, 1);
    assert_string_equal(decoded.alias.comment, "comm");
    round_trip(VIX_OP_REMOVE_AUTH_ALIAS_BY_CERT,
               "00 00 00 00 02 00 00 00 03 00 00 00 00 00 00 00 00 00 00 00 'u' 00 'ce' 00");
    assert_string_equal(decoded.alias.subject, "");
    round_trip(VIX_OP_LIST_AUTH_PROVIDER_ALIASES, "00 00 00 00 02 00 00 00 'u' 00");
    round_trip(VIX_OP_LIST_AUTH_MAPPED_ALIASES, "01 00 00 00");
    round_trip(VIX_OP_WAIT_FOR_TOOLS, "01 00 00 00 02 00 00 00");
    assert_int_equal(decoded.options.extra, 2);
}

static const struct {
    uint32_t opcode;
    size_t fixed;
    const char *text;
} vectors[] = {
    {VIX_OP_LIST_PROCESSES_EX, 12, LIST_PROCESSES},
    {VIX_OP_READ_ENV_VARIABLES, 8, READ_ENV},
    {VIX_OP_LIST_FILES, 28, LIST_FILES},
    {VIX_OP_CREATE_DIRECTORY_EX, 13, DIRECTORY},
    {VIX_OP_MOVE_GUEST_FILE_EX, 17, MOVE},
    {VIX_OP_CREATE_TEMPORARY_FILE_EX, 20, TEMP},
    {VIX_OP_SET_GUEST_FILE_ATTRIBUTES, 38, ATTRIBUTES},
    {VIX_OP_START_PROGRAM, 21, START},
};

/* A body cut inside its fixed part is a bad header (10000), behind it a bad body (10001). */
static void every_cut_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        AUTO_BYTES struct bytes v = hex(vectors[i].text);

        for (size_t n = 0; n < v.len; n++) {
            AUTO_BYTES struct bytes cut = bytes_copy(v.data, n);
            union vix_body u;

            assert_int_equal(vix_body_decode(vectors[i].opcode, cut.data, cut.len, &u),
                             n < vectors[i].fixed ? -EPROTO : -EBADMSG);
        }
    }
}

static void strings_must_be_what_they_say(void **state)
{
    static const struct {
        uint32_t opcode;
        const char *text;
        int r;
    } cases[] = {
        {VIX_OP_DELETE_GUEST_FILE_EX, "00 00 00 00 01 00 00 00 ff 00", -EILSEQ},
        {VIX_OP_DELETE_GUEST_FILE_EX, "00 00 00 00 02 00 00 00 41 00 00", -EBADMSG},
        {VIX_OP_DELETE_GUEST_FILE_EX, "00 00 00 00 01 00 00 00 41 42", -EBADMSG},
        {VIX_OP_DELETE_GUEST_FILE_EX, "00 00 00 00 ff ff ff ff 41 00", -EBADMSG},
        {VIX_OP_DELETE_GUEST_FILE_EX, "00 00 00 00 00 00 00 00 00", 0},
        {VIX_OP_DELETE_GUEST_FILE_EX, "00 00 00 00 01 00 00 00 41 00 99 99", 0}, /* left over */
        {VIX_OP_CREATE_TEMPORARY_FILE_EX, TEMP "00", -EBADMSG},                  /* but not here */
        {VIX_OP_READ_ENV_VARIABLES, "01 00 00 00 04 00 00 00 41 00 42 00", -EBADMSG},
        {VIX_OP_READ_ENV_VARIABLES, "03 00 00 00 04 00 00 00 41 00 42 00", -EBADMSG},
        {VIX_OP_READ_ENV_VARIABLES, "02 00 00 00 03 00 00 00 41 00 42", -EBADMSG},
        {VIX_OP_READ_ENV_VARIABLES, "01 00 00 00 00 00 00 00", -EBADMSG},
        {VIX_OP_READ_ENV_VARIABLES, "01 00 00 00 02 00 00 00 ff 00", -EILSEQ},
        {VIX_OP_LIST_PROCESSES_EX, "00 00 00 00 00 00 00 00 00 00 00 20", -EBADMSG},
        {VIX_OP_HGFS_SEND_PACKET, "ff ff ff ff 00 00 00 00", -EBADMSG},
        {0, "", -EOPNOTSUPP},
        {49, "", -EOPNOTSUPP},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BYTES struct bytes v = hex(cases[i].text);
        union vix_body u;

        assert_int_equal(vix_body_decode(cases[i].opcode, v.data, v.len, &u), cases[i].r);
    }
}

static void lists_that_lie_are_not_written(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(256);
    union vix_body u = {.read_env.names = {.count = 2, .data = "A", .len = 2}};

    (void)state;
    assert_int_equal(vix_body_encode(&b, VIX_OP_READ_ENV_VARIABLES, &u), -EINVAL);
    u.read_env.names = (struct vix_strings){.count = 1, .data = "AB", .len = 1};
    assert_int_equal(vix_body_encode(&b, VIX_OP_READ_ENV_VARIABLES, &u), -EINVAL);
}

/* Every opcode of the table has a layout, both ways. */
static void every_opcode_has_a_layout(void **state)
{
    static const uint8_t zeros[64];
    const struct vix_op *ops;
    size_t count;

    (void)state;
    ops = vix_op_table(&count);
    for (size_t i = 0; i < count; i++) {
        AUTO_BUF struct buf b = BUF_INIT(256);
        union vix_body u, back;

        memset(&u, 0, sizeof(u));
        assert_int_equal(vix_body_encode(&b, ops[i].opcode, &u), 0);
        assert_int_equal(vix_body_decode(ops[i].opcode, b.len ? b.data : zeros, b.len, &back), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes),
        cmocka_unit_test(variables),
        cmocka_unit_test(files),
        cmocka_unit_test(transfers),
        cmocka_unit_test(aliases),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(strings_must_be_what_they_say),
        cmocka_unit_test(lists_that_lie_are_not_written),
        cmocka_unit_test(every_opcode_has_a_layout),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    free(decoded_bytes);
    return failed;
}
