/*
 * File transfers between an API client and a guest: the URL that InitiateFileTransfer... gives out,
 * and what happens when it is read (GET) or written (PUT).
 *
 * A transfer is id and token (256 random bits), which together are the whole authority. It is good
 * for one transfer that succeeds, until TRANSFER_IDLE_MS after it was offered or last failed. It
 * holds the guest credential until then; the memory is cleared. The bytes go through a pipe whose
 * other end the VM's vmx holds: nothing is kept, and the slower side stops the faster.
 * Loop thread only.
 */
#ifndef HOSTD_TRANSFER_H
#define HOSTD_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "hostd/hostd.h"
#include "hostd/http.h"
#include "wire/vix_auth.h"
#include "wire/vix_body.h"

#define TRANSFER_MAX         4096 /* offered or running, all VMs; the oldest offer makes room */
#define TRANSFER_RUNNING_MAX 4    /* at a time, a VM; more wait their turn */
#define TRANSFER_IDLE_MS     (5u * 60000u)

struct transfers;

struct transfer_request {
    struct vim_ref vm;
    const char *path;
    const char *user; /* of the API, for the log */
    bool upload;
    int64_t size; /* upload: exact; download: as told to the client */
    bool overwrite;
    const struct vix_set_attributes
        *attributes; /* upload: set at the end; path is taken from here */
};

/* Makes a URL, in the arena. Takes the credential over (it is empty afterwards) on success. NULL:
 * out of memory. */
const char *transfer_offer(struct host *host, struct arena *arena,
                           const struct transfer_request *request,
                           struct vix_credential *credential);

int transfers_new(struct host *host, struct transfers **ret);
/* The HTTP server must have stopped, the links must be gone. */
void transfers_free(struct transfers *all);

extern const struct http_route transfer_routes[];

#endif
