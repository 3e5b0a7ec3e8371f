/*
 * File transfers: the data of a guest's file, to or from a descriptor that hostd hands over.
 *
 * A transfer is opened (session, attributes, open, by HGFS packets in VIX opcode 84), runs once,
 * and ends closed in the guest. Data is moved with as many packets under way as the agent allows
 * (one on a plain TCLO channel, TRANSFER_DEPTH on a tagged one), in constant memory: the guest is
 * only asked for what the descriptor takes, and the descriptor only read when there is a free
 * packet. An upload that does not come to its end is removed from the guest.
 */
#ifndef VMX_TRANSFER_H
#define VMX_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vmx/vm.h"

#define TRANSFER_HANDLES_MAX 64u
#define TRANSFER_IDLE_MS     600000u /* an open handle that is not used */
#define TRANSFER_KEEP_MS     45000u  /* a waiting one is touched in the guest this often */
#define TRANSFER_DEPTH       8u      /* packets under way */
#define TRANSFER_PACKET_MS   60000u
#define TRANSFER_STALL_MS    60000u /* default of stallMs */
#define TRANSFER_PATH_MAX    4096u

struct transfers;
struct transfer;

struct transfer_error {
    int code; /* negative errno */
    const char *hop;
    uint64_t vix;
    char text[ERROR_TEXT_MAX];
};

/* err is NULL on success. `value`: of an open the size (-1 unknown), of a run the bytes moved. */
typedef void transfer_cb(struct transfer *t, int64_t value, const struct transfer_error *err,
                         void *arg);

struct transfer_open {
    bool write, overwrite;
    const char *path; /* in the guest, absolute */
    int64_t size;     /* of an upload; -1 unknown */
    unsigned deadline_ms;
    uint32_t credential_type;
    const uint8_t *credential;
    size_t credential_len;
    const char *user, *source; /* who asks, for the log; NULL = not told */
};

int transfers_new(struct vm *vm, struct transfers **ret);
/* After transfers_abort_all, and after TCLO is gone, with which the last clean-up has ended. */
void transfers_free(struct transfers *ts);
/* hostd went away: whatever is open is aborted. */
void transfers_abort_all(struct transfers *ts);

/* On failure (-EMFILE, -EINVAL, -ENOTCONN, -ENOMEM) `cb` does not come. */
int transfer_open(struct transfers *ts, const struct transfer_open *open, transfer_cb *cb,
                  void *arg, struct transfer **ret, struct transfer_error *ret_err);
uint64_t transfer_handle(const struct transfer *t);
/* NULL: no such handle, or not in the right state (still opening, running already). */
struct transfer *transfer_find(struct transfers *ts, uint64_t handle);

/* Takes the descriptor, on failure too. `cb` comes once; after it the handle is gone. -EBUSY: it
 * runs already, or was aborted. */
int transfer_run(struct transfer *t, int fd, unsigned stall_ms, transfer_cb *cb, void *arg);

/* Ends it. A pending `cb` comes with -ECANCELED before this returns; the guest is cleaned up in the
 * background. */
void transfer_abort(struct transfer *t);

#endif
