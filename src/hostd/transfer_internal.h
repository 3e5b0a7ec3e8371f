/* Inside of transfers: transfer.c has the offers and what happens to them over HTTP;
 * transfer_stream.c moves the bytes by a raw stream, transfer_packets.c, for agents without those,
 * by file packets that vmx exchanges with the guest. */
#ifndef HOSTD_TRANSFER_INTERNAL_H
#define HOSTD_TRANSFER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hostd/http.h"
#include "hostd/transfer.h"
#include "hostd/vmlink.h"

#define TRANSFER_TOKEN_SIZE     65 /* 256 bits as hex digits, and NUL */
#define TRANSFER_CREDENTIAL_MAX 65536u
#define TRANSFER_CONTENT_TYPE   "application/octet-stream"

struct transfer;

struct transfer_carrier {
    /* Opens the guest's file for t->req; transfer_fail when that cannot be. */
    void (*start)(struct transfer *t);
    /* Gives up what is open. */
    void (*close)(struct transfer *t);
    /* The whole answer has been sent. */
    void (*sent)(struct transfer *t);
};

extern const struct transfer_carrier transfer_by_stream, transfer_by_packets;

struct transfer {
    struct transfer *next;
    struct transfers *all;
    uint64_t id;
    char token[TRANSFER_TOKEN_SIZE];
    char *vm;
    char *path;
    char *user;
    bool upload, overwrite;
    int64_t size;
    struct vix_set_attributes attributes;
    struct vix_credential credential;
    uint64_t expires; /* clock_ms */

    /* While a client is at it: */
    struct http_request *req;               /* NULL: none */
    bool waiting;                           /* for its turn */
    bool running;                           /* counts for its VM */
    bool answered;                          /* an answer was given or is being sent */
    bool opened;                            /* vmx holds `handle` */
    const struct transfer_carrier *carrier; /* what `handle` is one of */
    int64_t handle;
    int socket;        /* of an upload by a raw stream, kept open until its end; -1 */
    int failure;       /* of receiving its body; a negative errno code */
    int pending;       /* requests to vmx without their reply */
    bool body_pending; /* http_receive_fd is at work */
    bool complete;     /* all of it was moved */
    unsigned status;   /* of an answer that waits until the body has been dealt with */
    char *words;
};

struct host *transfer_host(const struct transfer *t);
struct vim_ref transfer_vm(const struct transfer *t);
/* For one request to the guest, and for a transfer that moves no byte. */
unsigned transfer_deadline_ms(const struct transfer *t);
/* An operation of vmx. Takes `args` and `fd` (-1 = none). */
int transfer_ask(struct transfer *t, const char *op, json_t *args, const void *blob, size_t len,
                 int fd, uint64_t deadline, vmlink_reply_cb cb);
/* Ends the attempt from our side, with a status if there is still somebody to tell. */
void transfer_fail(struct transfer *t, unsigned status, const char *text);
void transfer_fail_reply(struct transfer *t, const struct vmlink_reply *reply);
/* The guest's file is whole, closed, and as it was wanted. */
void transfer_moved(struct transfer *t);
/* When everything that belongs to this attempt has come to its end, so has the attempt. */
void transfer_settle(struct transfer *t);
/* The client's body is through; -ECONNRESET: it is gone, and `ended` cleans up. */
void transfer_body_over(struct transfer *t, int code);

#endif
