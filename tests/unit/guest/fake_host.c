#include "fake_host.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/sock.h"

static void conn_reset(struct host_conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    datamap_framer_free(&c->in);
    datamap_framer_init(&c->in, DATAMAP_PACKET_MAX);
    c->fd = -1;
}

void host_listen(struct host *h)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%s/976", h->dir);
    h->listen_rpci = sock_listen_unix(path, 0666, NULL);
    assert_true(h->listen_rpci >= 0);
    snprintf(path, sizeof(path), "%s/975", h->dir);
    h->listen_tclo = sock_listen_unix(path, 0666, NULL);
    assert_true(h->listen_tclo >= 0);
}

void host_start(struct host *h)
{
    memset(h, 0, sizeof(*h));
    snprintf(h->dir, sizeof(h->dir), "/tmp/toolbox-test-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    h->tclo.fd = -1;
    conn_reset(&h->tclo);
    for (unsigned i = 0; i < HOST_RPCI_MAX; i++) {
        h->rpci[i].fd = -1;
        conn_reset(&h->rpci[i]);
    }
    host_listen(h);
}

void host_die(struct host *h)
{
    char path[PATH_MAX + 8];
    if (h->listen_rpci >= 0)
        close(h->listen_rpci);
    if (h->listen_tclo >= 0)
        close(h->listen_tclo);
    h->listen_rpci = h->listen_tclo = -1;
    snprintf(path, sizeof(path), "%s/976", h->dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/975", h->dir);
    unlink(path);
    conn_reset(&h->tclo);
    for (unsigned i = 0; i < HOST_RPCI_MAX; i++)
        conn_reset(&h->rpci[i]);
}

void host_stop(struct host *h)
{
    host_die(h);
    datamap_framer_free(&h->tclo.in);
    for (unsigned i = 0; i < HOST_RPCI_MAX; i++)
        datamap_framer_free(&h->rpci[i].in);
    rmdir(h->dir);
}

static void send_packet(int fd, const void *payload, size_t len, int64_t id)
{
    struct buf b = BUF_INIT(DATAMAP_PACKET_MAX + 4);
    struct datamap_rpc rpc = {
        .type = DATAMAP_RPC_DATA, .payload = payload, .len = len, .request_id = id};
    assert_int_equal(datamap_rpc_encode(&b, &rpc), 0);
    size_t done = 0;
    while (done < b.len) {
        ssize_t n = send(fd, b.data + done, b.len - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            poll(&p, 1, 1000);
            continue;
        }
        if (n < 0)
            break;
        done += (size_t)n;
    }
    buf_free(&b);
}

void host_send(struct host *h, const void *payload, size_t len, int64_t id)
{
    send_packet(h->tclo.fd, payload, len, id);
}

void host_send_raw(struct host *h, const void *bytes, size_t len)
{
    assert_int_equal(send(h->tclo.fd, bytes, len, MSG_NOSIGNAL), len);
}

static void on_packet(struct host *h, struct host_conn *c, const struct datamap_rpc *rpc)
{
    if (c == &h->tclo) {
        if (rpc->type == DATAMAP_RPC_PING) {
            h->pings++;
            return;
        }
        assert_true(rpc->len < sizeof(h->answer.bytes));
        h->answer.id = rpc->request_id;
        h->answer.len = rpc->len;
        memcpy(h->answer.bytes, rpc->payload, rpc->len);
        h->answer.bytes[rpc->len] = '\0';
        h->answers++;
        return;
    }
    assert_true(rpc->len < sizeof(h->last_rpci));
    memcpy(h->last_rpci, rpc->payload, rpc->len);
    h->last_rpci[rpc->len] = '\0';
    h->last_rpci_len = rpc->len;
    h->last_fast_close = rpc->fast_close;
    assert_true(h->nlog < HOST_LOG_MAX);
    snprintf(h->log[h->nlog++], HOST_TEXT_MAX, "%.*s", HOST_TEXT_MAX - 1,
             (const char *)h->last_rpci);
    const char *reply = "1 ";
    if (h->rpci_reply)
        reply = h->rpci_reply(h, (const char *)h->last_rpci);
    h->unanswered = reply ? NULL : c;
    if (reply && c->fd >= 0)
        send_packet(c->fd, reply, strlen(reply), 0);
    if (reply && rpc->fast_close)
        conn_reset(c);
}

static void conn_read(struct host *h, struct host_conn *c)
{
    uint8_t chunk[16384];
    ssize_t n = recv(c->fd, chunk, sizeof(chunk), 0);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        conn_reset(c);
        c->closed_by_guest = true;
        return;
    }
    assert_int_equal(datamap_framer_push(&c->in, chunk, (size_t)n), 0);
    const uint8_t *body;
    size_t len;
    while (c->fd >= 0 && datamap_framer_next(&c->in, &body, &len) > 0) {
        struct datamap_rpc rpc;
        assert_int_equal(datamap_rpc_decode(body, len, &rpc), 0);
        on_packet(h, c, &rpc);
    }
}

void host_turn(struct host *h, int ms)
{
    if (h->idle)
        h->idle(h->idle_arg);
    struct pollfd p[HOST_RPCI_MAX + 3];
    p[0] = (struct pollfd){.fd = h->listen_rpci, .events = POLLIN};
    p[1] = (struct pollfd){.fd = h->listen_tclo, .events = POLLIN};
    p[2] = (struct pollfd){.fd = h->tclo.fd, .events = POLLIN};
    for (unsigned i = 0; i < HOST_RPCI_MAX; i++)
        p[3 + i] = (struct pollfd){.fd = h->rpci[i].fd, .events = POLLIN};
    if (poll(p, HOST_RPCI_MAX + 3, ms) <= 0)
        return;
    for (unsigned i = 0; i < HOST_RPCI_MAX; i++) {
        if (p[3 + i].revents)
            conn_read(h, &h->rpci[i]);
    }
    if (p[2].revents)
        conn_read(h, &h->tclo);
    if (p[0].revents) {
        int fd = accept4(h->listen_rpci, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        for (unsigned i = 0; fd >= 0 && i < HOST_RPCI_MAX; i++) {
            if (h->rpci[i].fd < 0) {
                h->rpci[i].fd = fd;
                h->rpci_accepted++;
                fd = -1;
            }
        }
        assert_int_equal(fd, -1);
    }
    if (p[1].revents) {
        int fd = accept4(h->listen_tclo, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        assert_true(fd >= 0);
        conn_reset(&h->tclo);
        h->tclo.fd = fd;
        h->tclo.closed_by_guest = false;
        h->tclo_accepted++;
    }
}

void host_wait_tclo(struct host *h)
{
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (h->tclo.fd < 0 && clock_ms() < until)
        host_turn(h, 2);
    assert_true(h->tclo.fd >= 0);
}

const char *host_call(struct host *h, const char *text)
{
    unsigned before = h->answers;
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    host_send(h, text, strlen(text), 0);
    while (h->answers == before && clock_ms() < until)
        host_turn(h, 2);
    assert_int_equal(h->answers, before + 1);
    return (const char *)h->answer.bytes;
}

void host_answer_rpci(struct host *h, const char *reply)
{
    assert_non_null(h->unanswered);
    send_packet(h->unanswered->fd, reply, strlen(reply), 0);
    h->unanswered = NULL;
}

bool host_saw_rpci(const struct host *h, const char *prefix)
{
    for (unsigned i = 0; i < h->nlog; i++) {
        if (strncmp(h->log[i], prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

const char *host_wait_rpci(struct host *h, const char *prefix, unsigned *from)
{
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    unsigned i = from ? *from : 0;
    for (;;) {
        for (; i < h->nlog; i++) {
            if (strncmp(h->log[i], prefix, strlen(prefix)) == 0) {
                if (from)
                    *from = i + 1;
                return h->log[i];
            }
        }
        if (clock_ms() >= until)
            fail_msg("no RPCI request \"%s\" came", prefix);
        host_turn(h, 2);
    }
}
