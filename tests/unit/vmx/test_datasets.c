/* Data sets of a running VM: the guest's commands, hostd's operations, holding, configuration. */
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
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "peer.h"
#include "vmx/datasets.h"
#include "vmx/vmfiles.h"

#define CONFIG "inguest.machine = \"test\"\nvirtualHW.version = \"20\"\n"
#define CREATE(name, guest)                                                                \
    "{\"op\":\"dataset.create\",\"name\":\"" name "\",\"description\":\"about " name "\"," \
    "\"host\":\"READ_WRITE\",\"guest\":\"" guest "\"}"

static unsigned next_id(void)
{
    static unsigned id;

    return ++id % 60 + 1;
}

/* 0 or the errno of the reply. */
static int ask(struct peer *p, const char *json, const void *blob, size_t len)
{
    unsigned id = next_id();

    peer_ask(p, id, json, blob, len);
    return -peer_errno(p, id);
}

/* One that replaces earlier replies of the same id. */
static json_t *result(struct peer *p, const char *json)
{
    unsigned id = next_id();
    json_t *reply = peer_ask(p, id, json, NULL, 0);

    assert_int_equal(peer_errno(p, id), 0);
    return json_object_get(reply, "result");
}

static void expect(struct peer *p, const char *request, const char *answer)
{
    const char *got = peer_rpci_text(p, request);

    if (strcmp(got, answer) != 0)
        fail_msg("%s\n  is answered %s\n  and not    %s", request, got, answer);
}

/* The reply's error identifier. */
static void expect_error(struct peer *p, const char *request, const char *id)
{
    const char *got = peer_rpci_text(p, request);
    json_t *reply = json_loads(got + 2, 0, NULL);

    if (strncmp(got, "1 ", 2) != 0 || !json_is_false(json_object_get(reply, "result")) ||
        strcmp(json_string_value(json_object_get(reply, "error-id")) ?: "", id) != 0 ||
        !json_string_length(json_object_get(reply, "error-message")))
        fail_msg("%s\n  is answered %s", request, got);
    json_decref(reply);
}

static void begin(struct peer *p, const char *config)
{
    peer_open(p, config);
    p->machine.peer_is_root = true;
    peer_connect(p);
    peer_ready(p);
}

static void the_guest_gets_what_it_asks_for(void **state)
{
    struct peer p;

    (void)state;
    begin(&p, CONFIG);
    expect(&p, "datasets-list", "1 {\"result\":true,\"datasets\":[]}");
    assert_int_equal(ask(&p, CREATE("d2", "READ_WRITE"), NULL, 0), 0);
    assert_int_equal(ask(&p, CREATE("d1", "READ_ONLY"), NULL, 0), 0);
    expect(&p, "datasets-list",
           "1 {\"result\":true,\"datasets\":[{\"name\":\"d1\",\"description\":\"about d1\"},"
           "{\"name\":\"d2\",\"description\":\"about d2\"}]}");
    expect(&p,
           "datasets-set-entry {\"dataset\":\"d2\",\"entries\":[{\"key\":\"k\\\"1\","
           "\"value\":\"a\\n\\u0001\\ud83d\\ude00\"},{\"key\":\"z\",\"value\":\"1\"},"
           "{\"key\":\"z\",\"value\":\"2\",\"append\":true}]}",
           "1 {\"result\":true}");
    expect(
        &p, "datasets-get-entry {\"keys\":[\"z\",\"k\\\"1\",\"z\"],\"dataset\":\"d2\"}",
        "1 "
        "{\"result\":true,\"entries\":[{\"z\":\"12\"},{\"k\\\"1\":\"a\\n\\u0001\xf0\x9f\x98\x80\"},"
        "{\"z\":\"12\"}]}");
    expect(&p, "datasets-get-entry {\"keys\":[],\"dataset\":\"d2\"}",
           "1 {\"result\":true,\"entries\":[]}");
    expect(&p, "datasets-list-keys {\"dataset\":\"d2\"}",
           "1 {\"result\":true,\"keys\":[\"k\\\"1\",\"z\"]}");
    expect(&p, "datasets-query { \"dataset\" : \"d2\" }",
           "1 {\"result\":true,\"info\":{\"name\":\"d2\",\"description\":\"about d2\",\"used\":13,"
           "\"host-access\":\"READ_WRITE\",\"guest-access\":\"READ_WRITE\","
           "\"omit-from-snapshot-and-clone\":false}}");
    expect(&p, "datasets-delete-entry {\"keys\":[\"z\"],\"dataset\":\"d2\"}",
           "1 {\"result\":true}");
    peer_close(&p);
}

static void wrong_requests_are_told_apart(void **state)
{
    static const struct {
        const char *request, *id;
    } rows[] = {
        {"datasets-list x", "invalid-argument"},
        {"datasets-list {}", "invalid-argument"},
        {"datasets-query", "invalid-argument"},
        {"datasets-query {", "invalid-argument"},
        {"datasets-query []", "invalid-argument"},
        {"datasets-query {}", "invalid-argument"},
        {"datasets-query {\"dataset\":1}", "invalid-argument"},
        {"datasets-query {\"dataset\":\"\"}", "invalid-argument"},
        {"datasets-query {\"dataset\":\"d\",\"x\":1}", "invalid-argument"},
        {"datasets-query {\"dataset\":\"d\",\"dataset\":\"d\"}", "invalid-argument"},
        {"datasets-query {\"dataset\":\"d\"} x", "invalid-argument"},
        {"datasets-query {\"dataset\":\"\\ud800\"}", "invalid-argument"},
        {"datasets-query {\"dataset\":\"a\\u0000b\"}", "invalid-argument"},
        {"datasets-query {\"dataset\":\"\xff\"}", "invalid-argument"},
        {"datasets-query {\"dataset\":\"none\"}", "no-such-dataset"},
        {"datasets-list-keys {\"dataset\":\"none\"}", "no-such-dataset"},
        {"datasets-list-keys {\"dataset\":\"ro\",\"context\":\"5\"}", "invalid-argument"},
        {"datasets-list-keys {\"dataset\":\"rw\",\"context\":\"1\"}", "invalid-argument"},
        {"datasets-list-keys {\"dataset\":\"rw\",\"context\":\"-1\"}", "invalid-argument"},
        {"datasets-list-keys {\"dataset\":\"rw\",\"context\":\"\"}", "invalid-argument"},
        {"datasets-list-keys {\"dataset\":\"rw\",\"context\":\"99999999999999999999\"}",
         "invalid-argument"},
        {"datasets-list-keys {\"dataset\":\"rw\",\"context\":0}", "invalid-argument"},
        {"datasets-list-keys {\"dataset\":\"no\"}", "access-denied"},
        {"datasets-get-entry {\"dataset\":\"rw\"}", "invalid-argument"},
        {"datasets-get-entry {\"dataset\":\"rw\",\"keys\":\"k\"}", "invalid-argument"},
        {"datasets-get-entry {\"dataset\":\"rw\",\"keys\":[1]}", "invalid-argument"},
        {"datasets-get-entry {\"dataset\":\"rw\",\"keys\":[\"\"]}", "invalid-argument"},
        {"datasets-get-entry {\"dataset\":\"rw\",\"keys\":[\"k\",\"x\"]}", "no-such-entry"},
        {"datasets-get-entry {\"dataset\":\"rw\",\"keys\":[\"k\"],\"context\":\"1\"}",
         "invalid-argument"},
        {"datasets-get-entry {\"dataset\":\"no\",\"keys\":[\"k\"]}", "access-denied"},
        {"datasets-get-entries {\"dataset\":\"rw\",\"keys\":[\"k\"]}", NULL},
        {"datasets-set-entries {\"dataset\":\"rw\",\"entries\":[]}", NULL},
        {"datasets-create {\"dataset\":\"x\"}", NULL},
        {"datasets-", NULL},
        {"datasets-set-entry {\"dataset\":\"ro\",\"entries\":[{\"key\":\"k\",\"value\":\"v\"}]}",
         "access-denied"},
        {"datasets-set-entry {\"dataset\":\"rw\",\"entries\":[{\"key\":\"k\"}]}",
         "invalid-argument"},
        {"datasets-set-entry {\"dataset\":\"rw\",\"entries\":[{\"key\":\"\",\"value\":\"v\"}]}",
         "invalid-argument"},
        {"datasets-set-entry {\"dataset\":\"rw\",\"entries\":[{\"key\":\"k\",\"value\":\"v\","
         "\"more\":1}]}",
         "invalid-argument"},
        {"datasets-set-entry {\"dataset\":\"rw\",\"entries\":[{\"key\":\"k\",\"value\":\"v\","
         "\"append\":1}]}",
         "invalid-argument"},
        {"datasets-set-entry {\"dataset\":\"rw\",\"entries\":[3]}", "invalid-argument"},
        {"datasets-set-entry {\"dataset\":\"rw\",\"entries\":{}}", "invalid-argument"},
        {"datasets-delete-entry {\"dataset\":\"rw\",\"keys\":[\"k\",\"x\"]}", "no-such-entry"},
        {"datasets-delete-entry {\"dataset\":\"ro\",\"keys\":[\"k\"]}", "access-denied"},
        {"datasets-delete-entry {\"dataset\":\"none\",\"keys\":[\"k\"]}", "no-such-dataset"},
    };
    struct peer p;

    (void)state;
    begin(&p, CONFIG);
    assert_int_equal(ask(&p, CREATE("rw", "READ_WRITE"), NULL, 0), 0);
    assert_int_equal(ask(&p, CREATE("ro", "READ_ONLY"), NULL, 0), 0);
    assert_int_equal(ask(&p, CREATE("no", "NONE"), NULL, 0), 0);
    assert_int_equal(
        ask(&p, "{\"op\":\"dataset.entry.set\",\"name\":\"rw\",\"key\":\"k\"}", "v", 1), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].id)
            expect_error(&p, rows[i].request, rows[i].id);
        else
            expect(&p, rows[i].request, "0 Unknown command");
    }
    peer_close(&p);
}

static void only_the_guests_root_is_served(void **state)
{
    struct peer p;

    (void)state;
    begin(&p, CONFIG);
    expect(&p, "datasets-list", "1 {\"result\":true,\"datasets\":[]}");
    peer_agent_hang_up(&p);
    p.machine.peer_is_root = false;
    peer_agent_connect(&p);
    expect(&p, "datasets-list", "0 Permission denied");
    expect(&p, "datasets-query {\"dataset\":\"d\"}", "0 Permission denied");
    peer_close(&p);
}

static void old_hardware_has_none(void **state)
{
    struct peer p;

    (void)state;
    begin(&p, "inguest.machine = \"test\"\nvirtualHW.version = \"19\"\n");
    expect(&p, "datasets-list", "0 Unknown command");
    assert_int_equal(ask(&p, CREATE("d", "NONE"), NULL, 0), DATASET_E_HARDWARE);
    assert_int_equal(ask(&p, "{\"op\":\"dataset.list\"}", NULL, 0), DATASET_E_HARDWARE);
    peer_close(&p);
}

/* Requests at and over the limit of the channel; the value is what is left of it. */
static void requests_have_a_limit(void **state)
{
    static const char head[] = "datasets-set-entry "
                               "{\"dataset\":\"d\",\"entries\":[{\"key\":\"k\",\"value\":\"";
    AUTO_FREE char *request = mem_alloc(DATASET_GUEST_REQUEST_MAX + 2);
    struct peer p;

    (void)state;
    begin(&p, CONFIG);
    assert_int_equal(ask(&p, CREATE("d", "READ_WRITE"), NULL, 0), 0);
    for (int over = -1; over <= 1; over++) {
        size_t len = DATASET_GUEST_REQUEST_MAX + (size_t)over;

        memset(request, 'x', len);
        memcpy(request, head, strlen(head));
        memcpy(request + len - 4, "\"}]}", 4);
        assert_string_equal(peer_rpci(&p, request, len),
                            over > 0 ? "0 Request too large" : "1 {\"result\":true}");
    }
    peer_close(&p);
}

/* Follows `context` to the end; counts what comes. */
static void large_replies_come_in_parts(void **state)
{
    static const unsigned entries = 700;
    AUTO_FREE char *key = mem_alloc(4096);
    char context[32] = "";
    unsigned seen = 0, replies = 0;
    struct peer p;

    (void)state;
    begin(&p, CONFIG);
    assert_int_equal(ask(&p, CREATE("d", "READ_ONLY"), NULL, 0), 0);
    memset(key, 'x', 4000);
    for (unsigned i = 0; i < entries; i += 1) {
        AUTO_FREE char *set = mem_printf(
            "{\"op\":\"dataset.entry.set\",\"name\":\"d\",\"key\":\"%04u%.4000s\"}", i, key);

        assert_int_equal(ask(&p, set, "v", 1), 0);
    }
    for (;;) {
        AUTO_FREE char *request =
            mem_printf("datasets-list-keys {\"dataset\":\"d\"%s%s%s}",
                       *context ? ",\"context\":\"" : "", context, *context ? "\"" : "");
        json_t *reply;
        const char *more;

        peer_rpci_text(&p, request);
        assert_true(p.agent.answer_len <= DATASET_GUEST_REPLY + 2);
        reply = json_loadb(p.agent.answer + 2, p.agent.answer_len - 2, 0, NULL);
        assert_true(json_is_true(json_object_get(reply, "result")));
        seen += (unsigned)json_array_size(json_object_get(reply, "keys"));
        replies++;
        more = json_string_value(json_object_get(reply, "context"));
        snprintf(context, sizeof(context), "%s", more ?: "");
        json_decref(reply);
        if (!*context)
            break;
    }
    assert_int_equal(seen, entries);
    assert_int_equal(replies, 3);
    peer_close(&p);
}

/* A value is never cut: the largest one comes whole, and three of them in three replies. */
static void the_largest_value_comes_whole(void **state)
{
    AUTO_FREE char *value = mem_alloc(DATASET_VALUE_MAX);
    struct peer p;
    size_t escaped = 6 * (size_t)DATASET_VALUE_MAX;

    (void)state;
    begin(&p, CONFIG);
    memset(value, 1, DATASET_VALUE_MAX);
    assert_int_equal(ask(&p, CREATE("d", "READ_ONLY"), NULL, 0), 0);
    for (char k = '0'; k < '3'; k++) {
        char set[] = "{\"op\":\"dataset.entry.set\",\"name\":\"d\",\"key\":\"?\"}";

        *strchr(set, '?') = k;
        assert_int_equal(ask(&p, set, value, DATASET_VALUE_MAX), 0);
    }
    peer_rpci_text(&p, "datasets-get-entry {\"keys\":[\"0\",\"1\",\"2\"],\"dataset\":\"d\"}");
    assert_int_equal(p.agent.answer_len,
                     2 + strlen("{\"result\":true,\"entries\":[{\"0\":\"\"}],\"context\":\"1\"}") +
                         escaped);
    peer_rpci_text(&p, "datasets-get-entry "
                       "{\"keys\":[\"0\",\"1\",\"2\"],\"dataset\":\"d\",\"context\":\"2\"}");
    assert_int_equal(p.agent.answer_len,
                     2 + strlen("{\"result\":true,\"entries\":[{\"2\":\"\"}]}") + escaped);
    peer_close(&p);
}

static void hostd_reads_and_writes(void **state)
{
    struct peer p;
    unsigned id;
    json_t *r;

    (void)state;
    begin(&p, CONFIG);
    assert_int_equal(ask(&p, CREATE("d", "NONE"), NULL, 0), 0);
    assert_int_equal(ask(&p, CREATE("d", "NONE"), NULL, 0), DATASET_E_EXISTS);
    assert_int_equal(ask(&p,
                         "{\"op\":\"dataset.create\",\"name\":\"x\",\"host\":\"SOME\","
                         "\"guest\":\"NONE\"}",
                         NULL, 0),
                     DATASET_E_ARGUMENT);
    assert_int_equal(ask(&p, "{\"op\":\"dataset.get\"}", NULL, 0), DATASET_E_ARGUMENT);
    assert_int_equal(ask(&p, "{\"op\":\"dataset.get\",\"name\":\"x\"}", NULL, 0), DATASET_E_NO_SET);
    assert_int_equal(
        ask(&p, "{\"op\":\"dataset.entry.set\",\"name\":\"d\",\"key\":\"k\"}", "value", 5), 0);
    r = result(&p, "{\"op\":\"dataset.get\",\"name\":\"d\"}");
    assert_int_equal(json_integer_value(json_object_get(r, "used")), 6);
    assert_string_equal(json_string_value(json_object_get(r, "guest")), "NONE");
    id = next_id();
    peer_ask(&p, id, "{\"op\":\"dataset.entry.get\",\"name\":\"d\",\"key\":\"k\"}", NULL, 0);
    assert_int_equal(p.blob_lens[id], 5);
    assert_memory_equal(p.blobs[id], "value", 5);
    id = next_id();
    peer_ask(&p, id, "{\"op\":\"dataset.keys\",\"name\":\"d\"}", NULL, 0);
    assert_int_equal(p.blob_lens[id], 5);
    assert_memory_equal(p.blobs[id], "\1\0\0\0k", 5);
    assert_int_equal(ask(&p, "{\"op\":\"dataset.delete\",\"name\":\"d\"}", NULL, 0),
                     DATASET_E_NOT_EMPTY);
    assert_int_equal(
        ask(&p, "{\"op\":\"dataset.entry.delete\",\"name\":\"d\",\"key\":\"k\"}", NULL, 0), 0);
    assert_int_equal(ask(&p, "{\"op\":\"dataset.delete\",\"name\":\"d\"}", NULL, 0), 0);
    peer_close(&p);
}

static void suspended_machines_are_only_read(void **state)
{
    struct peer p;

    (void)state;
    begin(&p, CONFIG);
    assert_int_equal(ask(&p, CREATE("d", "NONE"), NULL, 0), 0);
    assert_int_equal(ask(&p, "{\"op\":\"power\",\"action\":\"suspend\"}", NULL, 0), 0);
    assert_int_equal(ask(&p, CREATE("e", "NONE"), NULL, 0), DATASET_E_SUSPENDED);
    assert_int_equal(ask(&p, "{\"op\":\"dataset.check\",\"name\":\"d\"}", NULL, 0),
                     DATASET_E_SUSPENDED);
    assert_int_equal(ask(&p, "{\"op\":\"dataset.check\",\"name\":\"e\"}", NULL, 0),
                     DATASET_E_NO_SET);
    result(&p, "{\"op\":\"dataset.get\",\"name\":\"d\"}");
    assert_int_equal(ask(&p, "{\"op\":\"power\",\"action\":\"on\"}", NULL, 0), 0);
    assert_int_equal(ask(&p, CREATE("e", "NONE"), NULL, 0), 0);
    peer_close(&p);
}

/* The value of d's entry k as hostd gets it. */
static void expect_kept(struct peer *p, const char *value)
{
    unsigned id = next_id();

    peer_ask(p, id, "{\"op\":\"dataset.entry.get\",\"name\":\"d\",\"key\":\"k\"}", NULL, 0);
    assert_int_equal(peer_errno(p, id), 0);
    assert_int_equal(p->blob_lens[id], strlen(value));
    assert_memory_equal(p->blobs[id], value, strlen(value));
}

static void what_was_read_is_read_again_until_it_changes(void **state)
{
    static const char get[] = "datasets-get-entry {\"dataset\":\"d\",\"keys\":[\"k\"]}";
    static const char get_host[] = "{\"op\":\"dataset.entry.get\",\"name\":\"d\",\"key\":\"k\"}";
    static const char set_host[] = "{\"op\":\"dataset.entry.set\",\"name\":\"d\",\"key\":\"k\"}";
    struct error err = {0};
    struct peer p;

    (void)state;
    begin(&p, CONFIG);
    assert_int_equal(ask(&p, CREATE("d", "READ_WRITE"), NULL, 0), 0);
    for (int i = 0; i < 3; i++) {
        char value[] = {'v', (char)('0' + i), '\0'}, answer[80], request[120];

        assert_int_equal(ask(&p, set_host, value, 2), 0);
        snprintf(answer, sizeof(answer), "1 {\"result\":true,\"entries\":[{\"k\":\"%s\"}]}", value);
        for (int j = 0; j < 3; j++) {
            expect_kept(&p, value);
            expect(&p, get, answer);
        }
        snprintf(request, sizeof(request),
                 "datasets-set-entry {\"dataset\":\"d\",\"entries\":[{\"key\":\"k\","
                 "\"value\":\"guest %d\"}]}",
                 i);
        expect(&p, request, "1 {\"result\":true}");
        snprintf(value, sizeof(value), "%d", i);
        snprintf(answer, sizeof(answer), "guest %d", i);
        for (int j = 0; j < 3; j++)
            expect_kept(&p, answer);
    }
    /* What the guest may read no more is not told from memory, nor is what is gone. */
    assert_int_equal(ask(&p, set_host, "x", 1), 0);
    expect(&p, get, "1 {\"result\":true,\"entries\":[{\"k\":\"x\"}]}");
    assert_int_equal(
        ask(&p, "{\"op\":\"dataset.update\",\"name\":\"d\",\"guest\":\"NONE\"}", NULL, 0), 0);
    expect_error(&p, get, "access-denied");
    expect_kept(&p, "x");
    assert_int_equal(datasets_hold(p.vm, &err), 0);
    assert_int_equal(unlinkat(p.vm->folder_fd, "demo.dsd", 0), 0);
    datasets_release(p.vm, true);
    assert_int_equal(ask(&p, get_host, NULL, 0), DATASET_E_NO_SET);
    assert_int_equal(ask(&p, CREATE("d", "READ_WRITE"), NULL, 0), 0);
    assert_int_equal(ask(&p, set_host, "y", 1), 0);
    expect_kept(&p, "y");
    assert_int_equal(
        ask(&p, "{\"op\":\"dataset.entry.delete\",\"name\":\"d\",\"key\":\"k\"}", NULL, 0), 0);
    assert_int_equal(ask(&p, get_host, NULL, 0), DATASET_E_NO_ENTRY);
    peer_close(&p);
}

static void data_sets_outlive_vmx_and_the_configuration_names_the_file(void **state)
{
    struct peer p;

    (void)state;
    begin(&p, CONFIG);
    assert_null(vmconfig_get(&p.vm->config, DATASETS_DISK_KEY));
    assert_int_equal(ask(&p, CREATE("d", "NONE"), NULL, 0), 0);
    assert_string_equal(vmconfig_get(&p.vm->config, DATASETS_DISK_KEY), "demo.dsd");
    assert_null(vmconfig_get(&p.vm->config, DATASETS_VM_KEY));
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(p.last_event[PEER_CONFIG], "set"), DATASETS_DISK_KEY)),
                        "demo.dsd");
    peer_reopen(&p);
    peer_connect(&p);
    result(&p, "{\"op\":\"dataset.get\",\"name\":\"d\"}");
    /* A file that a kill has left without its key is found by its name. */
    assert_int_equal(vmconfig_set(&p.vm->config, DATASETS_DISK_KEY, NULL, NULL), 0);
    peer_reopen(&p);
    peer_connect(&p);
    result(&p, "{\"op\":\"dataset.get\",\"name\":\"d\"}");
    assert_string_equal(vmconfig_get(&p.vm->config, DATASETS_DISK_KEY), "demo.dsd");
    peer_close(&p);
}

static void what_is_held_waits_and_what_was_replaced_is_seen(void **state)
{
    struct peer p;
    struct error err = {0};
    unsigned id = next_id();

    (void)state;
    begin(&p, CONFIG);
    assert_int_equal(ask(&p, CREATE("d", "NONE"), NULL, 0), 0);
    for (size_t i = 0; i < vmfile_kind_count; i++)
        if (vmfile_kinds[i].hold)
            assert_int_equal(vmfile_kinds[i].hold(p.vm, &err), 0);
    assert_int_equal(faccessat(p.vm->folder_fd, "demo.dsd-journal", F_OK, 0), -1);
    peer_send(&p, id, CREATE("late", "NONE"), NULL, 0, -1);
    for (int i = 0; i < 10; i++)
        peer_turn(&p);
    assert_null(p.replies[id]);
    assert_int_equal(unlinkat(p.vm->folder_fd, "demo.dsd", 0), 0);
    for (size_t i = 0; i < vmfile_kind_count; i++)
        if (vmfile_kinds[i].release)
            vmfile_kinds[i].release(p.vm, true);
    peer_until(&p, p.replies[id]);
    assert_int_equal(peer_errno(&p, id), 0);
    assert_int_equal(ask(&p, "{\"op\":\"dataset.get\",\"name\":\"d\"}", NULL, 0), DATASET_E_NO_SET);
    result(&p, "{\"op\":\"dataset.get\",\"name\":\"late\"}");
    peer_close(&p);
}

static void a_damaged_store_is_reported_and_kept(void **state)
{
    struct peer p;
    AUTO_CLOSE int fd = -1;
    char bytes[8] = "";

    (void)state;
    begin(&p, CONFIG);
    fd = openat(p.vm->folder_fd, "demo.dsd", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "damaged", 7), 7);
    expect_error(&p, "datasets-list", "internal-error");
    assert_int_equal(ask(&p, CREATE("d", "NONE"), NULL, 0), DATASET_E_DAMAGED);
    assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), 7);
    assert_string_equal(bytes, "damaged");
    peer_close(&p);
}

/* vmx ends, hostd goes, the guest hangs up, while requests wait. */
static void nobody_waits_for_the_answers(void **state)
{
    struct peer p;
    struct error err = {0};

    (void)state;
    begin(&p, CONFIG);
    assert_int_equal(datasets_hold(p.vm, &err), 0);
    peer_send(&p, next_id(), CREATE("a", "NONE"), NULL, 0, -1);
    for (int i = 0; i < 5; i++)
        peer_turn(&p);
    peer_disconnect(&p);
    peer_agent_hang_up(&p);
    for (int i = 0; i < 5; i++)
        peer_turn(&p);
    datasets_release(p.vm, false);
    peer_connect(&p);
    assert_int_equal(datasets_hold(p.vm, &err), 0);
    peer_send(&p, next_id(), CREATE("b", "NONE"), NULL, 0, -1);
    peer_send(&p, next_id(), "{\"op\":\"dataset.list\"}", NULL, 0, -1);
    for (int i = 0; i < 5; i++)
        peer_turn(&p);
    peer_close(&p);
}

/* vmx ends while the answer to a read that would be kept is there already, and is not looked at. */
static void an_answer_that_comes_with_the_end(void **state)
{
    static const char get[] = "{\"op\":\"dataset.entry.get\",\"name\":\"d\",\"key\":\"k\"}";
    struct peer p;

    (void)state;
    for (int i = 0; i < 20; i++) {
        begin(&p, CONFIG);
        assert_int_equal(ask(&p, CREATE("d", "READ_WRITE"), NULL, 0), 0);
        assert_int_equal(
            ask(&p, "{\"op\":\"dataset.entry.set\",\"name\":\"d\",\"key\":\"k\"}", "v", 1), 0);
        peer_send(&p, next_id(), get, NULL, 0, -1);
        peer_turn(&p);
        peer_close(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guest_gets_what_it_asks_for),
        cmocka_unit_test(wrong_requests_are_told_apart),
        cmocka_unit_test(only_the_guests_root_is_served),
        cmocka_unit_test(old_hardware_has_none),
        cmocka_unit_test(requests_have_a_limit),
        cmocka_unit_test(large_replies_come_in_parts),
        cmocka_unit_test(the_largest_value_comes_whole),
        cmocka_unit_test(hostd_reads_and_writes),
        cmocka_unit_test(suspended_machines_are_only_read),
        cmocka_unit_test(what_was_read_is_read_again_until_it_changes),
        cmocka_unit_test(data_sets_outlive_vmx_and_the_configuration_names_the_file),
        cmocka_unit_test(what_is_held_waits_and_what_was_replaced_is_seen),
        cmocka_unit_test(a_damaged_store_is_reported_and_kept),
        cmocka_unit_test(nobody_waits_for_the_answers),
        cmocka_unit_test(an_answer_that_comes_with_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
