/*
 * Raw streams between hostd and the guest: what they are is between those two, here they are only
 * opened and ended (docs/guest-rpc-extensions.md, "Raw streams"; docs/control-protocol.md,
 * stream.open). The connection goes to hostd as soon as it is there; no byte of it passes here.
 *
 * Whoever opens one logs in; its end needs its token alone, so that what has arrived counts also
 * when the login would not be good any more. All are aborted when hostd goes away. One thread: the
 * loop's.
 */
#ifndef VMX_STREAM_H
#define VMX_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vmx/vm.h"

#define STREAM_HANDLES_MAX 512u
#define STREAM_END_MS      60000u
/* After the guest's answer, for its connection, which it has made before. */
#define STREAM_CONNECT_MS 5000u

struct streams;
struct stream;

struct stream_error {
    int code; /* negative errno */
    const char *hop;
    uint64_t vix;
    const char *text; /* valid during the callback; on failure of a call a constant */
};

struct stream_open {
    uint32_t kind;
    const uint8_t *body; /* of the kind */
    size_t body_len;
    unsigned deadline_ms;
    uint32_t credential_type;
    const uint8_t *credential;
    size_t credential_len;
    const char *user, *source; /* who asks, for the logs; NULL = not told */
};

struct stream_opened {
    uint64_t handle;
    int64_t size;
    int fd; /* the callee's */
    const uint8_t *extra;
    size_t extra_len;
};

/* Exactly one of `opened` and `err` is not NULL. After an error the stream is gone. */
typedef void stream_opened_cb(struct stream *s, const struct stream_opened *opened,
                              const struct stream_error *err, void *arg);
/* The stream is gone. */
typedef void stream_ended_cb(uint64_t bytes, const struct stream_error *err, void *arg);

int streams_new(struct vm *vm, const char *path, struct streams **ret, struct error *err);
/* After streams_abort_all. NULL is fine. */
void streams_free(struct streams *ss);
/* hostd went away. */
void streams_abort_all(struct streams *ss);
/* The guest went away: connections without an owner go, too. */
void streams_drop_strangers(struct streams *ss);

/* -EOPNOTSUPP: the agent has no streams. On failure `cb` does not come. */
int stream_open(struct streams *ss, const struct stream_open *open, stream_opened_cb *cb, void *arg,
                struct stream **ret, struct stream_error *ret_err);
/* NULL: no open stream has this handle. */
struct stream *stream_find(struct streams *ss, uint64_t handle);
/* hostd has had, or has sent, all; `bytes` as in struct vix_stream_end. On failure `cb` does not
 * come, and the stream is aborted. */
int stream_finish(struct stream *s, uint64_t bytes, unsigned deadline_ms, stream_ended_cb *cb,
                  void *arg, struct stream_error *ret_err);
/* Nothing of it stays. A pending callback comes with -ECANCELED before this returns. */
void stream_abort(struct stream *s);

#endif
