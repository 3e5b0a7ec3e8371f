/* Inside of vmlink: the link and its open requests. */
#ifndef HOSTD_VMLINK_INTERNAL_H
#define HOSTD_VMLINK_INTERNAL_H

#include "hostd/vmlink.h"

#define VMLINK_BUCKETS 256u

struct vmlink_open; /* a request that waits for its answer */
struct start_wait;

struct vmlinks {
    struct vmlink *list;
};

struct vmlink {
    struct host *host;
    struct vmlink *next, **prev;
    char *id, *folder, *config;
    const struct vmlink_ops *ops;
    void *arg;
    enum vmlink_state state;
    struct channel *channel;
    bool greeted;
    uv_timer_t *timer;           /* the next attempt; while stopping, the deadline */
    struct start_wait *starting; /* the supervisor was asked */
    unsigned failures;           /* in a row */
    uint64_t up_since_ms;
    bool powered_on, restore_power, force;
    bool restore_last; /* what the last vmx left running counts, see vmlink_restore_last */
    bool exited;       /* the supervisor says that the process has ended */
    unsigned in_callback;
    bool freed; /* vmlink_free was called inside a callback */

    struct vmlink_open *buckets[VMLINK_BUCKETS];
    unsigned open;
    uint64_t last_id;
};

/* As vmlink_request, in any state that has a channel. */
int vmlink_send(struct vmlink *link, const char *op, const json_t *args, const void *blob,
                size_t blob_len, const int *fds, unsigned nfds, uint64_t deadline_ms,
                vmlink_reply_cb cb, void *arg, uint64_t *ret_id);
void vmlink_take_reply(struct vmlink *link, uint64_t id, const json_t *body, const uint8_t *blob,
                       size_t blob_len, int *fd);
void vmlink_fail_all(struct vmlink *link, int code, const char *text);
/* The other half of in_callback++. */
void vmlink_leave_callback(struct vmlink *link);

#endif
