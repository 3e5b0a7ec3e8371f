/*
 * `vmware.log` in the VM's folder: what happened to this VM, for the person who looks for the cause
 * of a fault. A line is "TIME LEVEL(PID) vmx| TEXT", by base/log.h, which also makes control bytes
 * visible. No secrets, no file contents.
 *
 * When the file has grown over VMLOG_FILE_MAX it becomes vmware-1.log (which before becomes
 * vmware-2.log, up to VMLOG_OLD_FILES) and a new one begins, so the folder never holds more than
 * (VMLOG_OLD_FILES + 1) times that. What a guest sends passes vmlog_guest, which drops lines over
 * a rate and says how many.
 *
 * One per process (the log of base/log.h is); one thread.
 */
#ifndef VMX_VMLOG_H
#define VMX_VMLOG_H

#include <stdint.h>

#include "base/error.h"

#define VMLOG_FILE_MAX  (2u << 20)
#define VMLOG_OLD_FILES 3

/* Lines from the guest: so many at once, then so many a second. */
#define VMLOG_GUEST_BURST 200u
#define VMLOG_GUEST_RATE  10u
/* Longest text taken from one guest line, bytes. */
#define VMLOG_GUEST_TEXT_MAX 1024u

struct vmlog {
    int folder_fd;      /* not owned */
    int fd;             /* owned by base/log.h while open */
    uint64_t tokens_ms; /* time up to which the guest's allowance is filled */
    unsigned tokens;
    unsigned long dropped;
};

/* Opens the log in the folder and makes it the process's log. */
int vmlog_open(struct vmlog *log, int folder_fd, struct error *err);
/* Logging goes to stderr again. */
void vmlog_close(struct vmlog *log);

/* Rotates when the file is over its size; call it now and then (vmx does with each operation). */
void vmlog_check_size(struct vmlog *log);

/* A line of `len` bytes from the guest. 0, or -EAGAIN when it was over the rate and dropped. */
int vmlog_guest(struct vmlog *log, const char *text, unsigned len);

#endif
