/*
 * Raw streams of a VM's guest, opened by way of its vmx (docs/control-protocol.md, stream.open).
 * What comes is a connected stream socket: its other end is held by a process in the guest, with
 * the rights of the guest user that the credential names. What its bytes mean is the kind's
 * (wire/vix_stream.h). They are a guest's, and so hostile.
 *
 * Whoever has opened a stream ends it, once: guest_stream_finish or guest_stream_close, also when
 * its socket has broken. Loop thread only.
 */
#ifndef HOSTD_GUEST_STREAM_H
#define HOSTD_GUEST_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "hostd/hostd.h"
#include "hostd/vmlink.h"
#include "wire/vix_auth.h"
#include "wire/vix_stream.h"

struct guest_stream_request {
    struct vim_ref vm;
    uint32_t kind; /* enum vix_stream_kind */
    const void *body;
    size_t len;
    const struct vix_credential *credential;
    const char *user, *source; /* of the API, and the client's address: for the logs */
    unsigned deadline_ms;
};

struct guest_stream_opened {
    int fd;         /* the callee's; non-blocking, close-on-exec */
    int64_t handle; /* for the end */
    int64_t size;   /* bytes that will come, VIX_STREAM_SIZE_UNKNOWN */
    const void *extra;
    size_t extra_len; /* of the kind */
};

/* `failure` is NULL on success (then `opened` is not), else why not: code -EOPNOTSUPP or VIX error
 * VIX_E_NOT_SUPPORTED when the agent, or the way to it, has no streams of this kind. */
typedef void (*guest_stream_opened_cb)(const struct guest_stream_opened *opened,
                                       const struct vmlink_reply *failure, void *arg);
/* `failure` is NULL when it came to a good end; `bytes` that the guest has sent or taken. */
typedef void (*guest_stream_finished_cb)(uint64_t bytes, const struct vmlink_reply *failure,
                                         void *arg);

/* On failure `cb` does not come: -ENOTCONN (the VM does not run), -EINVAL (credential or body too
 * long), -EBUSY, -ENOBUFS, -ENOMEM. Otherwise once, never before this returns. */
int guest_stream_open(struct host *host, const struct guest_stream_request *request,
                      guest_stream_opened_cb cb, void *arg);
/* All was received, or `bytes` were sent and the socket shut down for writing: asks how the guest
 * sees it. Errors as above; then it is closed. */
int guest_stream_finish(struct host *host, struct vim_ref vm, int64_t handle, uint64_t bytes,
                        unsigned deadline_ms, guest_stream_finished_cb cb, void *arg);
/* All that was announced has been received, so nobody waits for the guest's word: for the logs. */
void guest_stream_received(struct host *host, struct vim_ref vm, int64_t handle);
/* Gives it up: nothing of an upload stays. */
void guest_stream_close(struct host *host, struct vim_ref vm, int64_t handle);

#endif
