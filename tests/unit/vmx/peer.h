/*
 * For the tests of vmx: a VM in a temporary folder on a machine that only pretends, an agent that
 * a test scripts, and the other end of the control socket. Everything runs on one loop;
 * peer_until runs it until a condition holds and fails the test when that takes too long.
 */
#ifndef TEST_VMX_PEER_H
#define TEST_VMX_PEER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/channel.h"
#include "vmx/rpc_conn.h"
#include "vmx/vm.h"

#define PEER_PATIENCE_MS 60000

/* What the machine shall do, and what it was told. */
struct peer_machine {
    bool fail_start, hang_start;
    bool peer_is_root;
    int starts, stops, suspends, resumes;
    /* Work on the disk is recorded and, with hang_disk, waits for peer_disk_over or a cancel. */
    bool fail_disk, hang_disk;
    int disks, disk_cancels;
    int disk_what; /* of the last one: enum machine_disk */
    unsigned disk_number;
};

struct peer;

/* One request from vmx to the agent. */
struct peer_request {
    char text[256]; /* the payload, as far as it is text */
    const uint8_t *bytes;
    size_t len;
    int64_t id; /* REQUEST_ID */
};

struct peer_agent {
    struct peer *peer;
    struct rpc_conn *tclo, *rpci;
    bool tagged;    /* echo REQUEST_ID */
    bool mute_ping; /* do not answer ping */
    const char *name;
    unsigned resets, pings, options;
    char content; /* what was last said of GuestStore's access: '0' or '1' */
    int64_t last_id;
    bool tclo_closed, rpci_closed;
    char *answer; /* the last RPCI reply */
    size_t answer_len;
    unsigned answers;
    /* A request that is not answered by the agent itself (OS_*, Vix_1_*); may be NULL. */
    void (*request)(struct peer_agent *a, const struct peer_request *rq, void *arg);
    void *arg;
    bool streams;    /* announce tools.capability.inguest.streams */
    int statechange; /* announce tools.capability.statechange */
};

struct peer {
    uv_loop_t loop;
    char folder[32];
    char run[64];
    struct vm *vm;
    struct peer_machine machine;
    struct peer_agent agent;
    struct channel *ctl;
    bool ctl_closed, ended;
    json_t *replies[64]; /* by request id */
    uint8_t *blobs[64];
    size_t blob_lens[64];
    int reply_fd; /* that came beside a reply; the test takes it and puts -1 in its place */
    unsigned events;
    json_t *last_event[5]; /* by enum peer_event */
};

enum peer_event { PEER_POWER, PEER_GUEST, PEER_CONFIG, PEER_GUESTINFO, PEER_HEARTBEAT };

/* Ends the work on the disk that hangs; `code` 0: well. */
void peer_disk_over(struct peer *p, int code);

/* `config` is the text of the .vmx file. */
void peer_open(struct peer *p, const char *config);
void peer_close(struct peer *p);
/* vmx ends without a word and a new one opens the same folder. */
void peer_reopen(struct peer *p);

#define peer_until(p, condition)                                    \
    do {                                                            \
        uint64_t until_ = uv_hrtime() / 1000000 + PEER_PATIENCE_MS; \
        while (!(condition)) {                                      \
            if (uv_hrtime() / 1000000 > until_)                     \
                fail_msg("waited in vain for: %s", #condition);     \
            peer_turn(p);                                           \
        }                                                           \
    } while (0)
void peer_turn(struct peer *p); /* one turn of the loop, at most 20 ms */

/* hostd's end. */
void peer_connect(struct peer *p);
void peer_disconnect(struct peer *p);
void peer_send(struct peer *p, unsigned id, const char *json, const void *blob, size_t len, int fd);
/* Sends and waits; the reply belongs to the peer. */
json_t *peer_ask(struct peer *p, unsigned id, const char *json, const void *blob, size_t len);
/* 0, or the errno of the reply to request `id`. */
int peer_errno(const struct peer *p, unsigned id);

/* The agent's end. */
void peer_agent_connect(struct peer *p);
void peer_agent_hang_up(struct peer *p);
void peer_agent_answer(struct peer_agent *a, int64_t id, const void *payload, size_t len);
void peer_agent_answer_text(struct peer_agent *a, int64_t id, const char *text);
/* Sends an RPCI request and waits for the answer, which is then in a->answer. */
const char *peer_rpci(struct peer *p, const void *request, size_t len);
const char *peer_rpci_text(struct peer *p, const char *request);
/* Opens a connection that is not an agent's. */
int peer_raw(struct peer *p, const char *socket);

/* Powers on, connects an agent and waits until guest operations are possible. */
void peer_ready(struct peer *p);

#endif
