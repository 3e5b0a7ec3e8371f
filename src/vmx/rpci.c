#include "vmx/rpci.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "vmx/listener.h"
#include "vmx/rpc_conn.h"
#include "wire/datamap.h"
#include "wire/rpc.h"

/* A peer that does not take its answers is not read from while this much waits for it. */
#define PAUSE_AT 65536u

struct rpci_conn {
    struct rpci_conn *next;
    struct rpci *rpci;
    struct rpc_conn *conn;
    struct rpci_later *later; /* the request that is being served */
    bool privileged;
};

struct rpci_later {
    struct rpci_conn *conn; /* NULL: gone */
    bool fast_close;
};

struct rpci {
    struct vm *vm;
    struct listener *listener;
    struct rpc_budget budget;
    struct rpci_conn *conns;
    unsigned count, unprivileged;
};

static void drop(struct rpci_conn *c)
{
    struct rpci *r = c->rpci;

    for (struct rpci_conn **p = &r->conns; *p; p = &(*p)->next)
        if (*p == c) {
            *p = c->next;
            break;
        }
    if (c->later)
        c->later->conn = NULL;
    r->count--;
    r->unprivileged -= !c->privileged;
    rpc_conn_close(c->conn);
    mem_free(c);
}

static void conn_packet(struct rpc_conn *conn, const struct datamap_rpc *packet, void *arg)
{
    struct rpci_conn *c = arg;
    AUTO_BUF struct buf reply = BUF_INIT(RPCI_REPLY_MAX);
    struct datamap_rpc answer = {.type = DATAMAP_RPC_DATA};

    if (packet->type == DATAMAP_RPC_PING)
        return;
    if (rpci_serve(c->rpci->vm, c, c->privileged, packet->payload, packet->len, &reply)) {
        c->later->fast_close = packet->fast_close;
        rpc_conn_hold(conn, true);
        return;
    }
    answer.payload = reply.data;
    answer.len = reply.len;
    if (rpc_conn_send(conn, &answer) || packet->fast_close)
        rpc_conn_finish(conn);
}

struct rpci_later *rpci_later(struct rpci_request *rq)
{
    struct rpci_later *later = rq->conn ? mem_calloc(1, sizeof(*later)) : NULL;

    if (later) {
        later->conn = rq->conn;
        rq->conn->later = later;
    }
    return later;
}

void rpci_forget_later(struct rpci_later *later)
{
    later->conn->later = NULL;
    mem_free(later);
}

/* Bytes of replies that the guest's programs have not taken yet. */
static size_t untaken(const struct rpci *r)
{
    size_t sum = 0;

    for (const struct rpci_conn *c = r->conns; c; c = c->next)
        sum += rpc_conn_queued(c->conn);
    return sum;
}

void rpci_answer_later(struct rpci_later *later, bool ok, const void *result, size_t len)
{
    struct rpci_conn *c = later->conn;
    bool close_it = later->fast_close;
    AUTO_BUF struct buf reply = BUF_INIT(RPCI_LATE_REPLY_MAX);
    struct datamap_rpc answer = {.type = DATAMAP_RPC_DATA};

    mem_free(later);
    if (!c)
        return;
    c->later = NULL;
    /* Whoever asks on many connections and takes nothing is not waited for. */
    if (untaken(c->rpci) + len > RPCI_LATE_BUDGET || rpc_put_reply(&reply, ok, result, len)) {
        buf_clear(&reply);
        rpc_put_reply_str(&reply, false, "No space left");
    }
    answer.payload = reply.data;
    answer.len = reply.len;
    if (rpc_conn_send(c->conn, &answer) || close_it)
        rpc_conn_finish(c->conn);
    else
        rpc_conn_hold(c->conn, false);
}

static void conn_closed(struct rpc_conn *conn, int reason, void *arg)
{
    (void)conn;
    if (reason)
        log_info("guestrpc: a request connection ended: %s", strerror(-reason));
    drop(arg);
}

static void accepted(int fd, void *arg)
{
    static const struct rpc_conn_ops ops = {conn_packet, conn_closed};
    struct rpci *r = arg;
    struct rpci_conn *c;
    bool privileged = vm_peer_is_root(r->vm, fd);
    struct rpc_conn_config config = {.loop = r->vm->loop,
                                     .max_packet = RPCI_PACKET_MAX,
                                     .max_queue = RPCI_LATE_REPLY_MAX + PAUSE_AT,
                                     .pause_at = PAUSE_AT,
                                     .budget = &r->budget,
                                     .ops = &ops};

    if (r->count >= RPCI_CONNECTIONS_MAX ||
        (!privileged && r->unprivileged >= RPCI_CONNECTIONS_MAX - RPCI_PRIVILEGED_RESERVE)) {
        vmlog_guest(&r->vm->log, "too many request connections, one refused", 41);
        close(fd);
        return;
    }
    c = mem_calloc(1, sizeof(*c));
    config.arg = c;
    if (!c || rpc_conn_new(&config, fd, &c->conn)) {
        mem_free(c);
        close(fd);
        return;
    }
    c->rpci = r;
    c->privileged = privileged;
    c->next = r->conns;
    r->conns = c;
    r->count++;
    r->unprivileged += !privileged;
}

int rpci_new(struct vm *vm, const char *path, struct rpci **ret, struct error *err)
{
    AUTO_FREE struct rpci *r = mem_calloc(1, sizeof(*r));
    int e;

    if (!r)
        return error_set(err, -ENOMEM, "no memory for the RPCI server");
    r->vm = vm;
    r->budget.max = RPCI_BUDGET;
    /* Anybody in the guest may connect; what a request may do follows from who sends it. */
    e = listener_new(vm->loop, path, 0666, accepted, r, &r->listener, err);
    if (!e)
        *ret = TAKE_PTR(r);
    return e;
}

void rpci_drop_all(struct rpci *r)
{
    while (r->conns)
        drop(r->conns);
}

void rpci_free(struct rpci *r)
{
    if (!r)
        return;
    rpci_drop_all(r);
    listener_free(r->listener);
    mem_free(r);
}
