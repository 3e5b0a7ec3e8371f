/*
 * Inside libtoolbox: what its files share. One thread; everything belongs to struct toolbox.
 *
 *   toolbox.c      life, poll, deadlines, connecting
 *   tb_rpci.c      requests of the guest: queue, retry, timeouts; the one-shot call
 *   tb_tclo.c      requests of the host: dispatch, answers in order or by tag
 *   tb_builtin.c   reset, ping, capabilities, options, power
 *   tb_vix.c       the VIX envelope
 *   tb_embed.h     programs and files of the embedding program
 */
#ifndef GUEST_TOOLBOX_IMPL_H
#define GUEST_TOOLBOX_IMPL_H

#include <limits.h>
#include <sys/queue.h>

#include "guest/rpc_channel.h"
#include "inguest/toolbox.h"

#define CAPABILITIES_MAX 32
#define COMMANDS_MAX     64
#define VIX_HANDLERS_MAX 128
#define APP_NAME_MAX     64

/* Pauses between attempts to reach the host. */
#define RECONNECT_FIRST_MS 100
#define RECONNECT_MAX_MS   5000
/* An RPCI request waits for that many attempts, RPCI_RETRY_MS apart. */
#define RPCI_OPEN_ATTEMPTS 3
#define RPCI_RETRY_MS      100
#define PING_PERIOD_MS     1000

/* One conversation and how to get it back. */
struct conn {
    enum rpc_role role;
    struct rpc_channel *ch; /* NULL = down */
    unsigned candidate;     /* carrier that is tried, or works */
    unsigned failures;      /* in a row, over all carriers */
    uint64_t retry_ms;      /* no attempt before this; 0 = now */
};

struct rpci_request {
    STAILQ_ENTRY(rpci_request) link;
    uint64_t deadline_ms;
    bool sent;
    unsigned resent;
    toolbox_rpci_fn fn;
    void *arg;
    size_t len;
    uint8_t data[];
};

struct command {
    char *name;
    toolbox_tclo_fn fn;
    void *arg;
};

struct vix_handler {
    uint32_t opcode;
    unsigned flags;
    toolbox_vix_fn fn;
    void *arg;
};

struct toolbox_request {
    TAILQ_ENTRY(toolbox_request) link;
    struct toolbox *tb;
    bool lost;     /* the channel it came over is gone */
    bool answered; /* untagged: the answer waits for its turn */
    uint64_t id;   /* REQUEST_ID, 0 = untagged */
    uint8_t *answer;
    size_t answer_len;
};

struct toolbox {
    int epfd;
    bool started;
    enum toolbox_state state;
    char app_name[APP_NAME_MAX];
    char link_dir[PATH_MAX];
    bool link_named; /* by options or environment: no other carrier then */
    enum toolbox_carrier carrier;

    struct conn rpci;
    struct conn tclo;
    bool tclo_tagged;
    uint64_t ping_ms; /* next heartbeat; 0 = none */

    STAILQ_HEAD(, rpci_request) queue;
    unsigned queued;

    TAILQ_HEAD(, toolbox_request) requests;
    TAILQ_HEAD(, vix_open) vix_open;
    unsigned open_requests; /* of the present channel */

    struct command commands[COMMANDS_MAX];
    unsigned ncommands;
    struct vix_handler vix[VIX_HANDLERS_MAX];
    unsigned nvix;
    char *capabilities[CAPABILITIES_MAX];
    unsigned ncapabilities;
    uint32_t version;
    unsigned version_type;

    struct embed *embed; /* NULL = nothing registered */

    toolbox_state_fn state_fn;
    void *state_arg;
    toolbox_auth_fn auth_fn;
    void *auth_arg;
    toolbox_option_fn option_fn;
    void *option_arg;

    toolbox_power_fn power_fn;
    void *power_arg;
    int power_open;   /* enum toolbox_power_event under way, 0 = none */
    int power_failed; /* the last halt or reboot that failed */
    bool power_report_ok;
    toolbox_power_done_fn power_done_fn;
    void *power_done_arg;
};

/* toolbox.c */
int conn_open(struct toolbox *tb, struct conn *c);
void conn_fail(struct conn *c, uint64_t pause_ms);
void conn_close(struct conn *c);
int carrier_open(const struct toolbox *tb, unsigned candidate, enum rpc_role role, int epfd,
                 struct rpc_channel **ret);
int options_apply(struct toolbox *tb, const struct toolbox_options *options);
void state_set(struct toolbox *tb, enum toolbox_state state);
#define CARRIERS 3u

/* tb_rpci.c */
void rpci_pump(struct toolbox *tb);
void rpci_event(struct toolbox *tb);
void rpci_fail_all(struct toolbox *tb, int status);
uint64_t rpci_deadline(const struct toolbox *tb); /* 0 = none */

/* tb_tclo.c */
void tclo_pump(struct toolbox *tb);
void tclo_event(struct toolbox *tb);
void requests_free(struct toolbox *tb);

/* tb_builtin.c, tb_vix.c */
int builtin_register(struct toolbox *tb);
void vix_command(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args, size_t len,
                 void *arg);
void vix_free_all(struct toolbox *tb);

#endif
