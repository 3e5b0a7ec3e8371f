/*
 * Who did what in the guest: one line of vmware.log for each guest operation
 * (docs/guest-operations.md, "Who did what"). Begun with the request, ended with its outcome; in
 * between it belongs to whoever carries the operation.
 */
#ifndef VMX_AUDIT_H
#define VMX_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmx/vmlog.h"
#include "wire/vix.h"

/* All zero: not begun. */
struct audit {
    char *what;   /* the line's beginning; NULL = there is none to write */
    char *origin; /* USER@ADDRESS, for the agent; may be NULL */
    uint64_t begun_ms;
};

/* `user` and `source`: of the API, NULL = not told. The further parts of one answer are no
 * operations of their own and get no line. */
void audit_begin(struct audit *a, const char *user, const char *source,
                 const struct vix_request *message);

/* The same for a transfer of one file's bytes, whatever carries them. */
struct audit_transfer {
    bool to_guest;
    const char *path;
    uint32_t credential_type;
    const uint8_t *credential;
    size_t credential_len;
};
void audit_begin_transfer(struct audit *a, const char *user, const char *source,
                          const struct audit_transfer *transfer);

/* Writes the line, once. `bytes` of the answer or the transfer; `more`: and others that follow. */
void audit_ok(struct audit *a, struct vmlog *log, uint64_t bytes, bool more);
/* `vix` 0 or the VIX error that the guest answered; else the hop that failed. */
void audit_failed(struct audit *a, struct vmlog *log, const char *hop, uint64_t vix,
                  const char *text);

#endif
