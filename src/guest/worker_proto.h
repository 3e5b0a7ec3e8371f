/*
 * What the monitor and a worker say to each other, over a socket pair with the messages of
 * base/channel.h. Numbers little-endian.
 *
 *   SETUP    monitor to worker, once, first: account name
 *   READY    worker to monitor: it now has that user's rights; u32 uid
 *   FAILED   worker to monitor, then it ends: i32 negative errno code, text
 *   REQUEST  monitor to worker, id chosen by the monitor: u32 opcode, u32 request flags,
 *            u32 room for result bytes, body of the VIX request
 *   REPLY    worker to monitor, same id: u32 VIX error, u32 errno, result bytes
 *   STATUS   worker to monitor, id 0: u32 number of reasons to stay (records of started programs,
 *            HGFS sessions); the monitor lets an idle worker end only when it is 0
 *   ENDED    worker to monitor, id 0: a program that it started has ended: u64 pid, u32 exit code,
 * u64 start, u64 end (Unix seconds)
 *
 * The worker is not trusted: the monitor takes nothing from it but replies to that user's requests,
 * and hints. The end of the socket ends the worker; programs it started go on.
 */
#ifndef GUEST_WORKER_PROTO_H
#define GUEST_WORKER_PROTO_H

enum worker_message {
    WORKER_SETUP = 1,
    WORKER_READY = 2,
    WORKER_FAILED = 3,
    WORKER_REQUEST = 4,
    WORKER_REPLY = 5,
    WORKER_STATUS = 6,
    WORKER_ENDED = 7,
};

/* In its environment until it is the user: folder of the host's sockets, if there is one. */
#define WORKER_LINK_VARIABLE "TOOLBOX_LINK"
#define WORKER_FD            3 /* the worker's end of the socket pair */
#define WORKER_REQUEST_HEAD  12u
#define WORKER_REPLY_HEAD    8u
#define WORKER_ENDED_SIZE    28u
#define WORKER_BODY_MAX      (1024u * 1024u + 64u)
/* More than a host that keeps 64 requests of the largest size under way can make wait. */
#define WORKER_QUEUE_MAX       (40u * 1024u * 1024u)
#define WORKER_REPLY_QUEUE_MAX (64u * 1024u * 1024u)
#define WORKER_JOBS_MAX        256u
#define WORKER_NAME_MAX        256u

#endif
