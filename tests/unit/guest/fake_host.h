/*
 * A host over a Unix link, for tests: listening sockets 975 and 976 in a folder of their own,
 * packets in and out. No thread: the test moves it with host_turn().
 */
#ifndef TEST_FAKE_HOST_H
#define TEST_FAKE_HOST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/datamap.h"

#define HOST_RPCI_MAX   16
#define HOST_LOG_MAX    256
#define HOST_TEXT_MAX   512
#define HOST_TIMEOUT_MS 60000

struct host_conn {
    int fd; /* -1 = none */
    struct datamap_framer in;
    bool closed_by_guest;
};

/* What came on TCLO: answers. */
struct host_answer {
    bool ping;
    bool set; /* something came */
    int64_t id;
    size_t len;
    uint8_t bytes[70000];
};

struct host {
    char dir[PATH_MAX];
    int listen_rpci, listen_tclo;
    struct host_conn tclo;
    struct host_conn rpci[HOST_RPCI_MAX];
    unsigned tclo_accepted, rpci_accepted;
    unsigned pings;
    struct host_answer answer; /* the last one */
    unsigned answers;
    /* RPCI requests in the order they came; text up to its first NUL. */
    char log[HOST_LOG_MAX][HOST_TEXT_MAX];
    unsigned nlog;
    uint8_t last_rpci[70000];
    size_t last_rpci_len;
    bool last_fast_close;
    /* The answer to an RPCI request; NULL = "1 ". Returning NULL: host_answer_rpci() may follow. */
    const char *(*rpci_reply)(struct host *h, const char *request);
    struct host_conn *unanswered; /* who sent the last request that got no answer */
    void *arg;
    /* Called while the host waits, to move whoever it talks to. */
    void (*idle)(void *arg);
    void *idle_arg;
};

/* Makes the folder and listens. Fails the test when it cannot. */
void host_start(struct host *h);
/* Only the sockets go (a host that died); the folder stays. */
void host_die(struct host *h);
void host_listen(struct host *h);
void host_stop(struct host *h);

/* Accepts, reads, answers RPCI; waits at most `ms` for something to happen. */
void host_turn(struct host *h, int ms);
/* Sends a packet on TCLO; id 0 = untagged. */
void host_send(struct host *h, const void *payload, size_t len, int64_t id);
void host_send_raw(struct host *h, const void *bytes, size_t len);
/* Sends text and waits for the answer to it, which is returned (NUL-terminated). */
const char *host_call(struct host *h, const char *text);
/* Waits until the guest is connected on TCLO. */
void host_wait_tclo(struct host *h);
/* Waits for an RPCI request that begins with `prefix`; returns it, and fails the test otherwise.
 * Looks from *from on and moves it behind what was found (NULL: from the beginning). */
const char *host_wait_rpci(struct host *h, const char *prefix, unsigned *from);
/* Answers the request that had no answer. */
void host_answer_rpci(struct host *h, const char *reply);
bool host_saw_rpci(const struct host *h, const char *prefix);

#endif
