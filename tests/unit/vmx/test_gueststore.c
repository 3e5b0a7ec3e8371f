/* GuestStore in vmx, between an agent and a gstored that are both played here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/sock.h"
#include "peer.h"
#include "vmx/gueststore.h"
#include "vmx/gueststore_send.h"
#include "wire/gstore.h"
#include "wire/gueststore.h"

#define CONFIG "displayName = \"demo\"\ninguest.machine = \"test\"\n"
#define BIG    (3 * SENDER_TAIL + 12345)

struct fixture {
    struct peer peer;
    struct channel *gstored;
    bool gstored_closed;
    /* the last of each that came to gstored */
    unsigned gets, cancels;
    uint64_t id;
    char path[GSTORE_PATH_MAX + 1];
    int guest; /* the agent's end of the data connection */
    unsigned asked;
};

/* --- gstored -------------------------------------------------------------------------------- */

static void gstored_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct fixture *f = arg;
    struct gstore_msg m;

    (void)ch;
    assert_int_equal(gstore_decode(msg->type, msg->body, msg->len, &m), 0);
    if (m.type == GSTORE_GET) {
        f->gets++;
        f->id = msg->id;
        snprintf(f->path, sizeof(f->path), "%.*s", (int)m.path_len, m.path);
    } else {
        assert_int_equal(m.type, GSTORE_CANCEL);
        assert_true(msg->id == f->id);
        f->cancels++;
    }
}

static void gstored_gone(struct channel *ch, int reason, void *arg)
{
    struct fixture *f = arg;

    (void)ch;
    (void)reason;
    f->gstored_closed = true;
}

static void tell(struct fixture *f, const struct gstore_msg *m, int fd)
{
    AUTO_BUF struct buf b = BUF_INIT(GSTORE_BODY_MAX);
    struct iovec part;

    assert_int_equal(gstore_encode(&b, m), 0);
    part = (struct iovec){b.data, b.len};
    assert_int_equal(
        channel_send(f->gstored, (uint16_t)m->type, f->id, &part, b.len ? 1 : 0, &fd, fd >= 0), 0);
}

static void tell_opened(struct fixture *f, int file, uint64_t size, uint64_t available)
{
    const struct gstore_msg m = {.type = GSTORE_OPENED, .size = size, .available = available};

    tell(f, &m, fcntl(file, F_DUPFD_CLOEXEC, 0));
}

static void tell_progress(struct fixture *f, uint64_t available)
{
    const struct gstore_msg m = {.type = GSTORE_PROGRESS, .available = available};

    tell(f, &m, -1);
}

static void tell_end(struct fixture *f, int code)
{
    const struct gstore_msg m = {
        .type = GSTORE_END, .code = code, .text = "because", .text_len = 7};

    tell(f, &m, -1);
}

static void attach(struct fixture *f, const char *request, bool connected)
{
    static const struct channel_ops ops = {gstored_message, gstored_gone, NULL};
    int pair[2] = {-1, -1};

    channel_close(f->gstored);
    f->gstored = NULL;
    f->gstored_closed = false;
    if (connected) {
        assert_int_equal(sock_pair(pair), 0);
        assert_int_equal(channel_new(&f->peer.loop, pair[0], GSTORE_BODY_MAX, GSTORE_QUEUE_MAX,
                                     &ops, f, &f->gstored),
                         0);
    }
    f->asked = f->asked % 50 + 1;
    peer_send(&f->peer, f->asked, request, NULL, 0, pair[1]);
    peer_until(&f->peer, f->peer.replies[f->asked]);
    assert_int_equal(peer_errno(&f->peer, f->asked), 0);
}

#define ATTACH "{\"op\": \"gueststore.attach\", \"enabled\": true}"
#define DETACH "{\"op\": \"gueststore.attach\", \"enabled\": false}"

/* --- the agent ------------------------------------------------------------------------------ */

static void dial(struct fixture *f)
{
    assert_string_equal(peer_rpci_text(&f->peer, "guestStore.connect 973"), "1 ");
    f->guest = peer_raw(&f->peer, "973");
}

static void ask(struct fixture *f, const char *path)
{
    AUTO_BUF struct buf b = BUF_INIT(8192);
    const struct gueststore_request rq = {GUESTSTORE_GET, (const uint8_t *)path, strlen(path)};

    assert_int_equal(gueststore_request_encode(&b, &rq), 0);
    assert_int_equal(send(f->guest, b.data, b.len, MSG_NOSIGNAL), b.len);
}

static void ask_and_reach_gstored(struct fixture *f, const char *path)
{
    unsigned before = f->gets;

    ask(f, path);
    peer_until(&f->peer, f->gets == before + 1);
    assert_string_equal(f->path, path);
}

/* Reads until `len` bytes are there; false = the end came first. */
static bool take(struct fixture *f, uint8_t *out, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = recv(f->guest, out + got, len - got, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return false;
        if (n > 0) {
            got += (size_t)n;
            continue;
        }
        struct pollfd p = {.fd = f->guest, .events = POLLIN};
        peer_until(&f->peer, poll(&p, 1, 0) > 0);
    }
    return true;
}

static void expect_reply(struct fixture *f, int64_t error, int64_t size)
{
    uint8_t map[64];
    struct gueststore_reply reply;

    assert_true(take(f, map, 4));
    assert_true(map[3] <= sizeof(map));
    assert_true(take(f, map + 4, map[3]));
    assert_int_equal(gueststore_reply_decode(map + 4, map[3], &reply), 0);
    assert_true(reply.error == error);
    assert_true(reply.size == size);
}

static void expect_end(struct fixture *f)
{
    uint8_t byte;

    assert_false(take(f, &byte, 1));
    close(f->guest);
    f->guest = -1;
}

static int file_of(const void *data, size_t len)
{
    int fd = memfd_create("content", MFD_CLOEXEC);

    assert_int_equal(pwrite(fd, data, len, 0), len);
    return fd;
}

static uint8_t *pattern(size_t len)
{
    uint8_t *data = malloc(len);

    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 11);
    return data;
}

static int setup_config(void **state, const char *config)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));

    f->guest = -1;
    peer_open(&f->peer, config);
    peer_ready(&f->peer);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    setup_config(state, CONFIG);
    attach(*state, ATTACH, true);
    return 0;
}

static int setup_impatient(void **state)
{
    setup_config(state, CONFIG "inguest.guestStore.stallTimeout = \"1\"\n");
    attach(*state, ATTACH, true);
    return 0;
}

static int setup_closed(void **state)
{
    return setup_config(state, CONFIG "guestStore.accessEnabled = \"FALSE\"\n");
}

static int setup_bare(void **state)
{
    return setup_config(state, CONFIG);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->guest >= 0)
        close(f->guest);
    channel_close(f->gstored);
    peer_close(&f->peer);
    mem_free(f);
    return 0;
}

/* --- tests ---------------------------------------------------------------------------------- */

static void access_follows_hostd(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(f->peer.agent.content, '0');
    assert_string_equal(peer_rpci_text(&f->peer, "guestStore.accessEnabled"), "1 false");
    assert_string_equal(peer_rpci_text(&f->peer, "guestStore.connect 973"), "0 Permission denied");
    attach(f, ATTACH, true);
    peer_until(&f->peer, f->peer.agent.content == '1');
    assert_string_equal(peer_rpci_text(&f->peer, "guestStore.accessEnabled"), "1 true");
    attach(f, DETACH, false);
    peer_until(&f->peer, f->peer.agent.content == '0');
    /* Per VM. */
    attach(f, ATTACH, false);
    peer_until(&f->peer, f->peer.agent.content == '1');
    peer_ask(&f->peer, 60,
             "{\"op\": \"config.set\", \"set\": {\"guestStore.accessEnabled\": "
             "\"FALSE\"}}",
             NULL, 0);
    peer_until(&f->peer, f->peer.agent.content == '0');
    assert_string_equal(peer_rpci_text(&f->peer, "guestStore.accessEnabled"), "1 false");
}

static void a_vm_without_access(void **state)
{
    struct fixture *f = *state;

    attach(f, ATTACH, true);
    assert_string_equal(peer_rpci_text(&f->peer, "guestStore.accessEnabled"), "1 false");
    assert_int_equal(f->peer.agent.content, '0');
}

static void who_may_connect(void **state)
{
    static const char *const bad[] = {
        "0", "-1", "972", "974", "x", "973 1", "18446744073709551616"};
    struct fixture *f = *state;
    char text[64], byte;

    /* Not agreed on. */
    f->guest = peer_raw(&f->peer, "973");
    expect_end(f);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        snprintf(text, sizeof(text), "guestStore.connect %s", bad[i]);
        assert_string_equal(peer_rpci_text(&f->peer, text), "0 Invalid argument");
    }
    dial(f);
    peer_turn(&f->peer);
    assert_int_equal(recv(f->guest, &byte, 1, MSG_DONTWAIT), -1);
    /* One at a time. */
    assert_string_equal(peer_rpci_text(&f->peer, "guestStore.connect 973"), "0 Busy");
    int second = peer_raw(&f->peer, "973");
    struct pollfd p = {.fd = second, .events = POLLIN};
    peer_until(&f->peer, poll(&p, 1, 0) > 0);
    assert_int_equal(recv(second, &byte, 1, MSG_DONTWAIT), 0);
    close(second);
    /* The end of the old one, which vmx may not have seen yet, makes room at once. */
    close(f->guest);
    dial(f);
    ask_and_reach_gstored(f, "/a");
}

static void users_of_the_guest_may_not(void **state)
{
    struct fixture *f = *state;

    f->peer.machine.peer_is_root = false;
    int fd = peer_raw(&f->peer, "973");
    struct pollfd p = {.fd = fd, .events = POLLIN};
    peer_until(&f->peer, poll(&p, 1, 0) > 0);
    close(fd);
    peer_agent_hang_up(&f->peer);
    f->peer.agent.name = "other";
    peer_agent_connect(&f->peer);
    assert_string_equal(peer_rpci_text(&f->peer, "guestStore.connect 973"), "0 Permission denied");
    assert_string_equal(peer_rpci_text(&f->peer, "guestStore.accessEnabled"), "1 true");
}

static void content_of_every_size(void **state)
{
    static const size_t sizes[] = {
        0, 1, 2, 65536, 65537, SENDER_TAIL - 1, SENDER_TAIL, SENDER_TAIL + 1, BIG};
    struct fixture *f = *state;
    uint8_t *data = pattern(BIG), *got = malloc(BIG);
    char path[32];

    dial(f);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        int file = file_of(data, sizes[i]);

        snprintf(path, sizeof(path), "/size/%zu", sizes[i]);
        ask_and_reach_gstored(f, path);
        tell_opened(f, file, sizes[i], sizes[i]);
        tell_end(f, 0);
        expect_reply(f, 0, (int64_t)sizes[i]);
        assert_true(take(f, got, sizes[i]));
        assert_memory_equal(got, data, sizes[i]);
        close(file);
    }
    assert_int_equal(f->cancels, 0);
    free(data);
    free(got);
}

/* The thread that sends the last byte of content is held behind it, as the scheduler may do. */
static atomic_bool hold_last;
static sem_t last_held;

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    ssize_t n = syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);

    if (len == 1 && atomic_exchange(&hold_last, false))
        sem_wait(&last_held);
    return n;
}

/* Seven bytes for what was asked. */
static void serve(struct fixture *f, int file)
{
    uint8_t got[7];

    tell_opened(f, file, 7, 7);
    tell_end(f, 0);
    expect_reply(f, 0, 7);
    assert_true(take(f, got, 7));
}

static void the_next_is_asked_for_at_once(void **state)
{
    struct fixture *f = *state;
    int file = file_of("content", 7), unread = 1;

    assert_int_equal(sem_init(&last_held, 0, 0), 0);
    dial(f);
    ask_and_reach_gstored(f, "/first");
    atomic_store(&hold_last, true);
    serve(f, file);
    ask(f, "/second");
    peer_until(&f->peer, ioctl(f->guest, SIOCOUTQ, &unread) == 0 && unread == 0);
    assert_int_equal(f->gets, 1);
    sem_post(&last_held);
    peer_until(&f->peer, f->gets == 2);
    assert_string_equal(f->path, "/second");
    serve(f, file);
    /* Two of them are more than an agent may ask for. */
    ask_and_reach_gstored(f, "/third");
    atomic_store(&hold_last, true);
    serve(f, file);
    ask(f, "/fourth");
    ask(f, "/fifth");
    expect_end(f);
    sem_post(&last_held);
    assert_int_equal(f->cancels, 0);
    sem_destroy(&last_held);
    close(file);
}

static void nothing_is_whole_before_its_end(void **state)
{
    struct fixture *f = *state;
    int file = file_of("", 0);

    dial(f);
    ask_and_reach_gstored(f, "/empty");
    tell_opened(f, file, 0, 0);
    tell_end(f, -ESTALE);
    expect_end(f);
    close(file);
}

static void refusals(void **state)
{
    struct fixture *f = *state;
    char path[2000];

    dial(f);
    ask_and_reach_gstored(f, "/no");
    tell_end(f, -EPERM);
    expect_reply(f, 1, 0);
    ask_and_reach_gstored(f, "/none");
    tell_end(f, -ENOENT);
    expect_reply(f, 2, 0);
    /* Too long is forbidden, and gstored is not asked. */
    memset(path, '/', sizeof(path));
    path[GSTORE_PATH_MAX] = '\0';
    ask_and_reach_gstored(f, path);
    tell_end(f, -ENOENT);
    expect_reply(f, 2, 0);
    path[GSTORE_PATH_MAX] = '/';
    path[GSTORE_PATH_MAX + 1] = '\0';
    unsigned before = f->gets;
    ask(f, path);
    expect_reply(f, 1, 0);
    assert_int_equal(f->gets, before);
    /* Anything else: error 5 and the end. */
    ask_and_reach_gstored(f, "/broken");
    tell_end(f, -EIO);
    expect_reply(f, 5, 0);
    expect_end(f);
    dial(f);
    ask_and_reach_gstored(f, "/again");
}

static void a_file_that_still_arrives(void **state)
{
    struct fixture *f = *state;
    uint8_t *data = pattern(BIG), *got = malloc(BIG), byte;
    int file = file_of(data, 10);

    dial(f);
    ask_and_reach_gstored(f, "/slow");
    tell_opened(f, file, BIG, 10);
    expect_reply(f, 0, BIG);
    assert_true(take(f, got, 10));
    for (size_t have = 10; have < BIG;) {
        size_t next = have + 1500000 < BIG ? have + 1500000 : BIG;

        assert_int_equal(pwrite(file, data + have, next - have, (off_t)have), next - have);
        tell_progress(f, next);
        /* The last byte is not given away before it is known that all is right. */
        assert_true(take(f, got + have, (next < BIG ? next : BIG - 1) - have));
        have = next;
    }
    for (unsigned i = 0; i < 5; i++)
        peer_turn(&f->peer);
    assert_int_equal(recv(f->guest, &byte, 1, MSG_DONTWAIT), -1);
    tell_end(f, 0);
    assert_true(take(f, got + BIG - 1, 1));
    assert_memory_equal(got, data, BIG);
    /* The same, and it turns out to be wrong. */
    ask_and_reach_gstored(f, "/wrong");
    tell_opened(f, file, BIG, BIG - 1);
    expect_reply(f, 0, BIG);
    assert_true(take(f, got, BIG - 1));
    tell_end(f, -EIO);
    expect_end(f);
    free(data);
    free(got);
    close(file);
}

static void a_file_that_is_written_over(void **state)
{
    struct fixture *f = *state;
    uint8_t *data = pattern(BIG), *got = malloc(BIG);
    int file = file_of(data, BIG);

    dial(f);
    ask_and_reach_gstored(f, "/changes");
    tell_opened(f, file, BIG, BIG);
    expect_reply(f, 0, BIG);
    assert_true(take(f, got, BIG / 2));
    assert_int_equal(pwrite(file, "x", 1, BIG - 5), 1);
    tell_end(f, 0);
    /* Everything but the last byte at most. */
    assert_false(take(f, got, BIG - BIG / 2));
    close(f->guest);
    dial(f);
    ask_and_reach_gstored(f, "/shrinks");
    tell_opened(f, file, BIG, BIG);
    tell_end(f, 0);
    expect_reply(f, 0, BIG);
    assert_int_equal(ftruncate(file, SENDER_TAIL), 0);
    assert_false(take(f, got, BIG));
    close(f->guest);
    f->guest = -1;
    free(data);
    free(got);
    close(file);
}

static void gstored_goes_and_comes_back(void **state)
{
    struct fixture *f = *state;
    uint8_t *data = pattern(BIG), *got = malloc(BIG);
    int file = file_of(data, BIG);

    dial(f);
    ask_and_reach_gstored(f, "/a");
    channel_close(f->gstored);
    f->gstored = NULL;
    expect_reply(f, 5, 0);
    expect_end(f);
    /* A request that comes before it is back waits for it. */
    attach(f, ATTACH, false);
    dial(f);
    ask(f, "/b");
    for (unsigned i = 0; i < 3; i++)
        peer_turn(&f->peer);
    unsigned before = f->gets;
    attach(f, ATTACH, true);
    peer_until(&f->peer, f->gets == before + 1);
    assert_string_equal(f->path, "/b");
    /* What had its END is finished without gstored; what had not is broken off. */
    tell_opened(f, file, BIG, BIG);
    tell_end(f, 0);
    expect_reply(f, 0, BIG);
    assert_true(take(f, got, 100));
    channel_close(f->gstored);
    f->gstored = NULL;
    assert_true(take(f, got + 100, BIG - 100));
    assert_memory_equal(got, data, BIG);
    attach(f, ATTACH, true);
    ask_and_reach_gstored(f, "/c");
    tell_opened(f, file, BIG, 1000);
    expect_reply(f, 0, BIG);
    channel_close(f->gstored);
    f->gstored = NULL;
    assert_false(take(f, got, BIG));
    close(f->guest);
    f->guest = -1;
    free(data);
    free(got);
    close(file);
}

static void a_guest_that_goes(void **state)
{
    struct fixture *f = *state;
    uint8_t *data = pattern(BIG);
    int file = file_of(data, BIG);
    AUTO_BUF struct buf b = BUF_INIT(64);
    const struct gueststore_request rq = {.command = GUESTSTORE_CLOSE};

    dial(f);
    ask_and_reach_gstored(f, "/a");
    close(f->guest);
    peer_until(&f->peer, f->cancels == 1);
    /* In the middle of the content, which nobody reads: CLOSE is seen all the same. */
    dial(f);
    ask_and_reach_gstored(f, "/b");
    tell_opened(f, file, BIG, BIG - 1);
    expect_reply(f, 0, BIG);
    for (unsigned i = 0; i < 5; i++)
        peer_turn(&f->peer);
    assert_int_equal(gueststore_request_encode(&b, &rq), 0);
    assert_int_equal(send(f->guest, b.data, b.len, MSG_NOSIGNAL), b.len);
    peer_until(&f->peer, f->cancels == 2);
    close(f->guest);
    dial(f);
    ask_and_reach_gstored(f, "/c");
    free(data);
    close(file);
}

/* Whatever comes that is no map, or a map at the wrong time, ends the connection. */
static void a_guest_that_lies(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\xff\xff\xff\xff", 4},
        {"\0\0\x10\x01", 4}, /* 4097 bytes are announced */
        {"\0\0\0\0", 4},
        {"\0\0\0\x04garb", 8},
        {"\0\0\0\x10\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0", 20}, /* GET without a path */
        {"\0\0\0\x10\0\0\0\x01\0\0\0\x01\0\0\0\x07\0\0\0\0", 20},
        {"\0\0\0\x0c\0\0\0\x02\0\0\0\x02\0\0\0\x00", 16},
        {"\0\0\0\x0c\0\0\0\x02\0\0\0\x02\x7f\xff\xff\xff", 16},
        {"\0\0\0\x0c\0\0\0\x04\0\0\0\x02\xff\xff\xff\xff", 16},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        dial(f);
        assert_int_equal(send(f->guest, cases[i].bytes, cases[i].len, MSG_NOSIGNAL), cases[i].len);
        expect_end(f);
    }
    /* A request during another one. */
    dial(f);
    ask_and_reach_gstored(f, "/first");
    ask(f, "/second");
    peer_until(&f->peer, f->cancels == 1);
    expect_end(f);
    assert_int_equal(f->gets, 1);
}

/* What it has sent is not read to its end before anybody else has a turn. */
static void a_guest_that_never_stops(void **state)
{
    enum { REQUESTS = 100 };
    struct fixture *f = *state;
    AUTO_BUF struct buf b = BUF_INIT(1u << 20);
    uint8_t path[GSTORE_PATH_MAX + 1];
    const struct gueststore_request rq = {GUESTSTORE_GET, path, sizeof(path)};
    struct pollfd p;
    int queued;

    /* Is refused at once, so that the next one may follow. */
    memset(path, '/', sizeof(path));
    for (unsigned i = 0; i < REQUESTS; i++)
        assert_int_equal(gueststore_request_encode(&b, &rq), 0);
    dial(f);
    assert_int_equal(send(f->guest, b.data, b.len, MSG_NOSIGNAL), b.len);
    p = (struct pollfd){.fd = f->guest, .events = POLLIN};
    peer_until(&f->peer, poll(&p, 1, 0) > 0);
    assert_int_equal(ioctl(f->guest, SIOCOUTQ, &queued), 0);
    assert_true(queued > (int)b.len / 2);
    for (unsigned i = 0; i < REQUESTS; i++)
        expect_reply(f, 1, 0);
}

/* A guest that takes nothing is dropped at its timeout, and so is a silent gstored. */
static void the_slow_ones(void **state)
{
    struct fixture *f = *state;
    uint8_t *data = pattern(BIG);
    int file = file_of(data, BIG);

    dial(f);
    ask_and_reach_gstored(f, "/a");
    tell_opened(f, file, BIG, BIG - 1);
    expect_reply(f, 0, BIG);
    peer_until(&f->peer, f->cancels == 1);
    close(f->guest);
    dial(f);
    ask_and_reach_gstored(f, "/b");
    peer_until(&f->peer, f->cancels == 2);
    expect_reply(f, 5, 0);
    expect_end(f);
    free(data);
    close(file);
}

static void the_vm_goes_off(void **state)
{
    struct fixture *f = *state;

    dial(f);
    ask_and_reach_gstored(f, "/a");
    peer_ask(&f->peer, 62, "{\"op\": \"power\", \"action\": \"off\"}", NULL, 0);
    assert_int_equal(peer_errno(&f->peer, 62), 0);
    peer_until(&f->peer, f->cancels == 1);
    expect_end(f);
}

static void the_repository_goes(void **state)
{
    struct fixture *f = *state;
    uint8_t *data = pattern(BIG);
    int file = file_of(data, BIG);

    dial(f);
    ask_and_reach_gstored(f, "/a");
    tell_opened(f, file, BIG, BIG);
    tell_end(f, 0);
    expect_reply(f, 0, BIG);
    attach(f, DETACH, false);
    assert_false(take(f, data, BIG));
    close(f->guest);
    f->guest = -1;
    peer_until(&f->peer, f->peer.agent.content == '0');
    free(data);
    close(file);
}

static void bad_arguments_of_attach(void **state)
{
    struct fixture *f = *state;

    peer_ask(&f->peer, 61, "{\"op\": \"gueststore.attach\"}", NULL, 0);
    assert_int_equal(peer_errno(&f->peer, 61), EINVAL);
}

int main(void)
{
#define with(test, set) cmocka_unit_test_setup_teardown(test, set, teardown)
    const struct CMUnitTest tests[] = {
        with(access_follows_hostd, setup_bare),
        with(a_vm_without_access, setup_closed),
        with(who_may_connect, setup),
        with(users_of_the_guest_may_not, setup),
        with(content_of_every_size, setup),
        with(the_next_is_asked_for_at_once, setup),
        with(nothing_is_whole_before_its_end, setup),
        with(refusals, setup),
        with(a_file_that_still_arrives, setup),
        with(a_file_that_is_written_over, setup),
        with(gstored_goes_and_comes_back, setup),
        with(a_guest_that_goes, setup),
        with(a_guest_that_lies, setup),
        with(a_guest_that_never_stops, setup),
        with(the_slow_ones, setup_impatient),
        with(the_vm_goes_off, setup),
        with(the_repository_goes, setup),
        with(bad_arguments_of_attach, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
