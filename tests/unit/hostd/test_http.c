/*
 * The HTTP server with real connections: a client thread speaks raw HTTP, the test's thread runs
 * the loop.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sock.h"
#include "hostd/http_server.h"
#include "hostd/listen.h"

#define STREAM_BYTES (8u << 20)

static struct {
    struct host host;
    uv_loop_t loop;
    struct http *http;
    unsigned port;
    uv_async_t finished;
    bool client_done;
    /* what the handlers saw */
    int gone, ended, ended_complete, done_code;
    uint64_t done_bytes;
    /* the other end of a streamed body */
    uv_poll_t poll;
    bool polling;
    int peer;
    uint64_t moved, paused_at;
    bool reader_closes;
    unsigned asked; /* whether an end was the end */
    bool whole, say_whole;
    struct http_request *held;
    char cookie[64], query[64];
} t;

/* ---- handlers ---- */

static void echo(struct http_request *req)
{
    const void *body;
    size_t len;
    http_body(req, &body, &len);
    const char *q = http_query(req, "q");
    snprintf(t.query, sizeof(t.query), "%s", q ? q : "");
    if (!http_cookie(req, "vmware_soap_session", t.cookie, sizeof(t.cookie)))
        t.cookie[0] = '\0';
    http_add_header(req, "X-Test", "yes");
    http_respond(req, 200, "text/plain", body, len);
}

static void on_gone(struct http_request *req, void *arg)
{
    (void)arg;
    t.gone++;
    http_respond_text(req, 500, "gone\n");
}

static void hold(struct http_request *req)
{
    http_on_gone(req, on_gone, NULL);
}

static void hold_forever(struct http_request *req)
{
    t.held = req;
}

static void on_ended(struct http_request *req, bool complete)
{
    assert_null(http_header(req, "Host")); /* the connection's memory is gone */
    t.ended++;
    t.ended_complete += complete;
}

static void stop_poll(void)
{
    if (!t.polling)
        return;
    t.polling = false;
    uv_poll_stop(&t.poll);
    uv_close((uv_handle_t *)&t.poll, NULL);
    close(t.peer);
}

/* Reads what arrives, checks it, and after the first bytes waits until the writer must be stuck. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    static uint8_t bytes[65536];
    (void)poll;
    (void)status;
    (void)events;
    ssize_t n = read(t.peer, bytes, sizeof(bytes));
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            stop_poll();
        return;
    }
    for (ssize_t i = 0; i < n; i++)
        if (bytes[i] != (uint8_t)((t.moved + (uint64_t)i) * 7 >> 3))
            fail_msg("byte %llu is wrong", (unsigned long long)t.moved + (uint64_t)i);
    t.moved += (uint64_t)n;
    if (t.reader_closes)
        stop_poll();
}

static void received(struct http_request *req, int code, uint64_t bytes, void *arg)
{
    (void)arg;
    t.done_code = code;
    t.done_bytes = bytes;
    if (code == 0)
        http_respond(req, 200, NULL, "", 0);
    else if (code != -ECONNRESET)
        http_respond_text(req, 507, "no room\n");
}

static void upload(struct http_request *req)
{
    int pair[2];
    if (http_query(req, "refuse")) {
        http_respond_text(req, 403, "no\n");
        return;
    }
    assert_int_equal(sock_pair(pair), 0);
    t.peer = pair[1];
    if (http_query(req, "bulk"))
        http_stream_bulk(req);
    if (http_query(req, "stall")) {
        http_stream_patience(req, 1);
        http_receive_fd(req, pair[0], received, NULL);
        return;
    }
    t.polling = true;
    uv_poll_init(&t.loop, &t.poll, t.peer);
    uv_poll_start(&t.poll, UV_READABLE | UV_DISCONNECT, on_readable);
    http_receive_fd(req, pair[0], received, NULL);
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
    uint8_t bytes[16384];
    uint64_t left = t.paused_at - t.moved;
    size_t n = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
    (void)poll;
    (void)status;
    (void)events;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)((t.moved + i) * 7 >> 3);
    ssize_t done = n ? write(t.peer, bytes, n) : 0;
    if (done > 0)
        t.moved += (uint64_t)done;
    if (!n || (done < 0 && errno != EAGAIN))
        stop_poll();
}

static void at_end(struct http_request *req, bool whole, void *arg)
{
    (void)arg;
    t.asked++;
    t.whole = whole;
    http_respond_fd_end(req, t.say_whole);
}

static void download(struct http_request *req)
{
    int pair[2];
    const char *length = http_query(req, "length"), *give = http_query(req, "give");
    assert_int_equal(sock_pair(pair), 0);
    t.peer = pair[1];
    t.paused_at = strtoull(give, NULL, 10);
    if (http_query(req, "stall")) {
        http_stream_patience(req, 1);
        http_respond_fd(req, 200, NULL, pair[0], strtoll(length, NULL, 10), NULL, NULL);
        return;
    }
    if (http_query(req, "hang")) {
        http_respond_fd(req, 200, NULL, pair[0], strtoll(length, NULL, 10), NULL, NULL);
        return;
    }
    t.polling = true;
    uv_poll_init(&t.loop, &t.poll, t.peer);
    uv_poll_start(&t.poll, UV_WRITABLE, on_writable);
    http_respond_fd(req, 200, "application/octet-stream", pair[0],
                    length ? strtoll(length, NULL, 10) : -1, http_query(req, "end") ? at_end : NULL,
                    NULL);
}

static const struct http_route routes[] = {
    {.path = "/echo", .methods = HTTP_POST | HTTP_GET, .handler = echo},
    {.path = "/tree/", .prefix = true, .methods = HTTP_GET, .handler = echo},
    {.path = "/hold", .methods = HTTP_GET, .handler = hold},
    {.path = "/forever", .methods = HTTP_GET, .handler = hold_forever},
    {.path = "/up",
     .methods = HTTP_PUT,
     .body = HTTP_BODY_STREAM,
     .handler = upload,
     .ended = on_ended},
    {.path = "/down", .methods = HTTP_GET, .handler = download, .ended = on_ended},
    {.path = NULL},
};
static const struct host_module module = {.name = "test", .routes = routes};
static const struct host_module *const modules[] = {&module, NULL};

/* ---- the client thread ---- */

struct client {
    const char *send;     /* request line and headers */
    uint64_t body;        /* bytes of the pattern after it */
    bool chunk;           /* as one chunk each 64 KiB */
    bool stop_after_send; /* close without reading the answer */
    uint64_t cut_body_at; /* close after so many bytes of the body; 0 = no */
    unsigned repeat;      /* more requests on the same connection */
    unsigned delay_ms;    /* before sending: nothing is sent when it is over the deadline */
    /* outcome */
    int status;
    char head[4096];
    uint8_t *answer;
    size_t answer_len;
    bool closed_early; /* before Content-Length was there, or before the last chunk */
};

static bool write_all(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_body(int fd, const struct client *c)
{
    static uint8_t block[65536];
    for (uint64_t at = 0; at < c->body;) {
        size_t n = c->body - at < sizeof(block) ? (size_t)(c->body - at) : sizeof(block);
        char line[32];
        for (size_t i = 0; i < n; i++)
            block[i] = (uint8_t)((at + i) * 7 >> 3);
        if (c->chunk && !write_all(fd, line, (size_t)snprintf(line, sizeof(line), "%zx\r\n", n)))
            return false;
        if (!write_all(fd, block, n) || (c->chunk && !write_all(fd, "\r\n", 2)))
            return false;
        at += n;
        if (c->cut_body_at && at >= c->cut_body_at)
            return false;
    }
    return !c->chunk || write_all(fd, "0\r\n\r\n", 5);
}

/* Reads to the end of the connection, or of one answer with a Content-Length. */
static void read_answer(int fd, struct client *c)
{
    struct buf b = BUF_INIT(64u << 20);
    uint8_t block[65536];
    char *end = NULL;
    long long length = -1;
    for (;;) {
        ssize_t n = recv(fd, block, sizeof(block), 0);
        if (n <= 0)
            break;
        buf_put(&b, block, (size_t)n);
        if (!end && (end = strstr(buf_text(&b), "\r\n\r\n")) != NULL) {
            size_t head = (size_t)(end - buf_text(&b)) + 4;
            snprintf(c->head, sizeof(c->head), "%.*s", (int)head, buf_text(&b));
            const char *l = strstr(c->head, "Content-Length: ");
            length = l ? strtoll(l + 16, NULL, 10) : -1;
            sscanf(c->head, "HTTP/1.1 %d", &c->status);
            buf_consume(&b, head);
        }
        if (end && length >= 0 && b.len >= (size_t)length)
            break;
        if (end && length < 0 && b.len >= 5 && !memcmp(b.data + b.len - 5, "0\r\n\r\n", 5))
            break;
    }
    c->closed_early =
        !end || (length >= 0 ? b.len < (size_t)length
                             : b.len < 5 || memcmp(b.data + b.len - 5, "0\r\n\r\n", 5));
    mem_free(c->answer);
    c->answer = buf_steal(&b, &c->answer_len);
}

static void *client_main(void *arg)
{
    struct client *c = arg;
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)t.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
        for (unsigned i = 0; i <= c->repeat; i++) {
            /* A server that refuses may close early; its answer is read all the same. */
            if (write_all(fd, c->send, strlen(c->send)))
                send_body(fd, c);
            if (!c->stop_after_send && !c->cut_body_at)
                read_answer(fd, c);
        }
        if (c->stop_after_send)
            usleep(50000); /* until the request is being held; only shortens the wait for it */
    }
    close(fd);
    uv_async_send(&t.finished);
    return NULL;
}

static void on_finished(uv_async_t *a)
{
    (void)a;
    t.client_done = true;
}

static void start_client(struct client *c, pthread_t *thread)
{
    t.client_done = false;
    assert_int_equal(pthread_create(thread, NULL, client_main, c), 0);
}

static void run_client(struct client *c)
{
    pthread_t thread;
    start_client(c, &thread);
    while (!t.client_done)
        uv_run(&t.loop, UV_RUN_ONCE);
    pthread_join(thread, NULL);
}

/* ---- setup ---- */

static int setup(void **state)
{
    struct error err = {0};
    (void)state;
    memset(&t, 0, sizeof(t));
    t.done_code = 1;
    assert_int_equal(uv_loop_init(&t.loop), 0);
    t.host.loop = &t.loop;
    uv_async_init(&t.loop, &t.finished, on_finished);
    int fd = listen_open("127.0.0.1:0", &t.port, &err);
    assert_true(fd >= 0);
    if (http_start(&t.host, fd, NULL, NULL, modules, &t.http, &err) < 0)
        fail_msg("%s", error_text(&err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(t.http);
    stop_poll();
    uv_close((uv_handle_t *)&t.finished, NULL);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&t.loop), 0);
    return 0;
}

/* ---- tests ---- */

static void bodies_come_back(void **state)
{
    struct client c = {.send =
                           "POST /echo?q=a%20b HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
                           "Cookie: a=b; vmware_soap_session=\"s-1\"; Path=/\r\n\r\n",
                       .body = 100000,
                       .repeat = 2};
    (void)state;
    run_client(&c);
    assert_int_equal(c.status, 200);
    assert_int_equal(c.answer_len, 100000);
    assert_non_null(strstr(c.head, "X-Test: yes"));
    assert_string_equal(t.query, "a b");
    assert_string_equal(t.cookie, "s-1");
    mem_free(c.answer);
    struct client chunked = {.send = "POST /echo HTTP/1.1\r\nHost: x\r\n"
                                     "Transfer-Encoding: chunked\r\n\r\n",
                             .body = 200000,
                             .chunk = true};
    run_client(&chunked);
    assert_int_equal(chunked.answer_len, 200000);
    assert_string_equal(t.cookie, "");
    mem_free(chunked.answer);
}

static int status_of(const char *text)
{
    struct client c = {.send = text};
    run_client(&c);
    mem_free(c.answer);
    return c.status;
}

static void what_does_not_fit_is_refused(void **state)
{
    char big[40000];
    (void)state;
    assert_int_equal(status_of("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"), 404);
    assert_int_equal(status_of("DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    assert_int_equal(status_of("BREW /echo HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    assert_int_equal(status_of("GET /tree/a/b HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    assert_int_equal(status_of("GET /tree HTTP/1.1\r\nHost: x\r\n\r\n"), 404);
    assert_int_equal(status_of("GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n"), 404);
    assert_int_equal(status_of("POST /echo HTTP/1.1\r\nHost: x\r\n"
                               "Content-Length: 20971521\r\n\r\n"),
                     413);
    int n = snprintf(big, sizeof(big), "GET /echo HTTP/1.1\r\nHost: x\r\nX: ");
    memset(big + n, 'y', sizeof(big) - (size_t)n);
    memcpy(big + sizeof(big) - 5, "\r\n\r\n", 5);
    assert_int_equal(status_of(big), 431);
}

static void body_of_unknown_length_is_limited(void **state)
{
    struct client c = {.send = "POST /echo HTTP/1.1\r\nHost: x\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n",
                       .chunk = true,
                       .body = HTTP_BODY_MAX};
    (void)state;
    run_client(&c);
    assert_int_equal(c.status, 200);
    c.body++;
    run_client(&c);
    assert_int_equal(c.status, 413);
    mem_free(c.answer);
}

static void client_that_leaves_is_noticed(void **state)
{
    struct client c = {.send = "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n", .stop_after_send = true};
    (void)state;
    run_client(&c);
    while (!t.gone)
        uv_run(&t.loop, UV_RUN_ONCE);
    assert_int_equal(t.gone, 1);
}

static void upload_flows_in_constant_memory(void **state)
{
    struct client c = {.send = "PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n",
                       .body = STREAM_BYTES,
                       .repeat = 1};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct client one = c;
        one.repeat = 0;
        t.moved = 0;
        run_client(&one);
        while (t.polling || t.ended <= i)
            uv_run(&t.loop, UV_RUN_ONCE);
        assert_int_equal(one.status, 200);
        assert_int_equal(t.done_code, 0);
        assert_int_equal(t.done_bytes, STREAM_BYTES);
        assert_int_equal(t.moved, STREAM_BYTES);
        mem_free(one.answer);
    }
    assert_int_equal(t.ended_complete, 2);
    struct client empty = {.send = "PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"};
    run_client(&empty);
    assert_int_equal(empty.status, 200);
    assert_int_equal(t.done_bytes, 0);
    mem_free(empty.answer);
}

/* What is gathered is all passed on, whatever its length is. */
static void bulk_upload_flows(void **state)
{
    static const unsigned sizes[] = {1, 131071, 131072, 131073, 262144, 262145, STREAM_BYTES};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char text[100];
        struct client c = {.send = text, .body = sizes[i]};
        snprintf(text, sizeof(text),
                 "PUT /up?bulk=1 HTTP/1.1\r\nHost: x\r\nContent-Length: %u\r\n\r\n", sizes[i]);
        t.moved = 0;
        run_client(&c);
        while (t.polling || t.ended <= (int)i)
            uv_run(&t.loop, UV_RUN_ONCE);
        assert_int_equal(c.status, 200);
        assert_int_equal(t.done_bytes, sizes[i]);
        assert_int_equal(t.moved, sizes[i]);
        mem_free(c.answer);
    }
    struct client cut = {
        .send = "PUT /up?bulk=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n",
        .body = STREAM_BYTES,
        .cut_body_at = 1u << 20};
    t.ended = 0;
    t.moved = 0;
    run_client(&cut);
    while (!t.ended)
        uv_run(&t.loop, UV_RUN_ONCE);
    assert_int_equal(t.done_code, -ECONNRESET);
}

/* Nobody takes the body, nobody gives the answer: not for ever. */
static void patience_ends(void **state)
{
    static const char *const up[] = {
        "PUT /up?stall=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n",
        "PUT /up?stall=1&bulk=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(up); i++) {
        struct client c = {.send = up[i], .body = STREAM_BYTES};
        run_client(&c);
        assert_int_equal(c.status, 507);
        assert_int_equal(t.done_code, -ETIMEDOUT);
        mem_free(c.answer);
        close(t.peer);
    }
    struct client down = {.send = "GET /down?stall=1&length=10&give=0 HTTP/1.1\r\nHost: x\r\n\r\n"};
    run_client(&down);
    assert_true(down.closed_early);
    mem_free(down.answer);
    close(t.peer);
}

static void reader_that_leaves_is_noticed(void **state)
{
    struct client c = {.send = "GET /down?give=0&length=10&hang=1 HTTP/1.1\r\nHost: x\r\n\r\n",
                       .stop_after_send = true};
    (void)state;
    run_client(&c);
    while (!t.ended)
        uv_run(&t.loop, UV_RUN_ONCE);
    assert_int_equal(t.ended_complete, 0);
    close(t.peer);
}

static void ends_are_asked_about(void **state)
{
    static const struct {
        const char *send;
        bool say_whole;
        unsigned asked;
        bool whole, closed_early;
    } cases[] = {
        {"GET /down?end=1&give=1000000 HTTP/1.1\r\nHost: x\r\n\r\n", true, 1, true, false},
        {"GET /down?end=1&give=1000000 HTTP/1.1\r\nHost: x\r\n\r\n", false, 1, true, true},
        {"GET /down?end=1&give=0 HTTP/1.1\r\nHost: x\r\n\r\n", true, 1, true, false},
        {"GET /down?end=1&give=100&length=200 HTTP/1.1\r\nHost: x\r\n\r\n", false, 1, false, true},
        {"GET /down?end=1&give=200&length=200 HTTP/1.1\r\nHost: x\r\n\r\n", false, 0, false, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct client c = {.send = cases[i].send};
        t.say_whole = cases[i].say_whole;
        t.asked = 0;
        t.whole = false;
        t.moved = 0;
        run_client(&c);
        while (t.ended <= (int)i)
            uv_run(&t.loop, UV_RUN_ONCE);
        assert_int_equal(t.asked, cases[i].asked);
        assert_int_equal(t.whole, cases[i].whole);
        assert_int_equal(c.closed_early, cases[i].closed_early);
        mem_free(c.answer);
    }
}

static void upload_that_breaks_off_is_told(void **state)
{
    struct client c = {.send = "PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n",
                       .body = STREAM_BYTES,
                       .cut_body_at = 1u << 20};
    (void)state;
    run_client(&c);
    while (!t.ended)
        uv_run(&t.loop, UV_RUN_ONCE);
    assert_int_equal(t.done_code, -ECONNRESET);
    assert_int_equal(t.ended_complete, 0);
    assert_true(t.done_bytes <= 1u << 20);
}

static void reader_that_closes_is_answered(void **state)
{
    struct client c = {.send = "PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n",
                       .body = STREAM_BYTES};
    (void)state;
    t.reader_closes = true;
    run_client(&c);
    assert_int_equal(c.status, 507);
    assert_int_equal(t.done_code, -EPIPE);
    mem_free(c.answer);
    struct client refused = {
        .send = "PUT /up?refuse=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n",
        .body = STREAM_BYTES};
    run_client(&refused);
    assert_int_equal(refused.status, 403);
    mem_free(refused.answer);
    /* Who waits for leave to send is told at once, and not asked to. */
    struct client polite = {.send =
                                "PUT /up?refuse=1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                                "Content-Length: 8388608\r\n\r\n"};
    run_client(&polite);
    assert_int_equal(polite.status, 403);
    mem_free(polite.answer);
}

static void check_pattern(const struct client *c, size_t len)
{
    assert_true(c->answer_len >= len);
    for (size_t i = 0; i < len; i++)
        if (c->answer[i] != (uint8_t)(i * 7 >> 3))
            fail_msg("byte %zu is wrong", i);
}

static void download_flows(void **state)
{
    struct client c = {.send = "GET /down?length=8388608&give=8388608 HTTP/1.1\r\nHost: x\r\n\r\n"};
    (void)state;
    run_client(&c);
    assert_int_equal(c.status, 200);
    assert_false(c.closed_early);
    check_pattern(&c, STREAM_BYTES);
    mem_free(c.answer);
    t.moved = 0;
    struct client chunked = {.send = "GET /down?give=1000000 HTTP/1.1\r\nHost: x\r\n\r\n"};
    run_client(&chunked);
    assert_int_equal(chunked.status, 200);
    assert_false(chunked.closed_early);
    assert_non_null(strstr(chunked.head, "chunked"));
    mem_free(chunked.answer);
    while (t.ended < 2)
        uv_run(&t.loop, UV_RUN_ONCE);
    assert_int_equal(t.ended_complete, 2);
}

/* The client must not take half a file for the whole. */
static void short_download_is_cut(void **state)
{
    struct client c = {.send = "GET /down?length=8388608&give=100000 HTTP/1.1\r\nHost: x\r\n\r\n"};
    (void)state;
    run_client(&c);
    assert_int_equal(c.status, 200);
    assert_true(c.closed_early);
    check_pattern(&c, c.answer_len);
    mem_free(c.answer);
    while (!t.ended)
        uv_run(&t.loop, UV_RUN_ONCE);
    assert_int_equal(t.ended_complete, 0);
}

/* The clock is moved, so that nobody waits: a connection that says nothing is cut. */
static void slow_headers_are_cut(void **state)
{
    struct client c = {.send = "GET /echo HTTP/1.1\r\nHost:"};
    pthread_t thread;
    (void)state;
    uint64_t now = clock_ms();
    start_client(&c, &thread);
    uint64_t until = now + 1500;
    while (clock_ms() < until && !t.client_done)
        uv_run(&t.loop, UV_RUN_ONCE);
    assert_false(t.client_done);
    clock_set_fake(now + HTTP_HEADER_SECONDS * 1000u + 3000);
    while (!t.client_done)
        uv_run(&t.loop, UV_RUN_ONCE);
    pthread_join(thread, NULL);
    clock_set_fake(0);
    assert_true(c.closed_early);
    mem_free(c.answer);
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* A client whose machine is gone says nothing, ever: the kernel asks. */
static void silent_connections_are_asked(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct error err = {0};
    unsigned port;
    (void)state;
    int listening = listen_open("127.0.0.1:0", &port, &err);
    assert_true(listening >= 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_port = htons((uint16_t)port);
    assert_int_equal(connect(client, (const struct sockaddr *)&to, sizeof(to)), 0);
    struct pollfd p = {.fd = listening, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 60000), 1);
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
                         option(fd, IPPROTO_TCP, TCP_KEEPINTVL) *
                             option(fd, IPPROTO_TCP, TCP_KEEPCNT),
                     120);
    close(fd);
    close(client);
    close(listening);
}

static void stopping_answers_what_is_held(void **state)
{
    struct client c = {.send = "GET /forever HTTP/1.1\r\nHost: x\r\n\r\n"};
    pthread_t thread;
    (void)state;
    start_client(&c, &thread);
    while (!t.held)
        uv_run(&t.loop, UV_RUN_ONCE);
    http_stop(t.http);
    t.http = NULL;
    while (!t.client_done)
        uv_run(&t.loop, UV_RUN_ONCE);
    pthread_join(thread, NULL);
    assert_true(c.status == 503 || c.closed_early);
    mem_free(c.answer);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(bodies_come_back),
        T(what_does_not_fit_is_refused),
        T(body_of_unknown_length_is_limited),
        T(client_that_leaves_is_noticed),
        T(upload_flows_in_constant_memory),
        T(bulk_upload_flows),
        T(patience_ends),
        T(reader_that_leaves_is_noticed),
        T(ends_are_asked_about),
        T(upload_that_breaks_off_is_told),
        T(reader_that_closes_is_answered),
        T(download_flows),
        T(short_download_is_cut),
        T(slow_headers_are_cut),
        cmocka_unit_test(silent_connections_are_asked),
        T(stopping_answers_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
