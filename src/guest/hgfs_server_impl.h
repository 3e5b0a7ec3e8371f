/*
 * Inside the HGFS server: hgfs_server.c keeps sessions and takes requests in, hgfs_server_job.c
 * keeps the order of work and answers (loop's thread); hgfs_server_file.c, hgfs_server_attr.c and
 * hgfs_server_name.c do the work (thread pool), on what the job gives them and nothing else.
 */
#ifndef GUEST_HGFS_SERVER_IMPL_H
#define GUEST_HGFS_SERVER_IMPL_H

#include <stdbool.h>
#include <sys/stat.h>

#include "guest/dir_archive.h"
#include "guest/hgfs_server.h"
#include "guest/regular_file.h"
#include "guest/stream.h"
#include "wire/hgfs.h"

struct hgfs_job;
struct hgfs_session_state {
    struct hgfs_session_state *next;
    uint64_t id;
    bool implicit; /* of packets with the old header */
    bool gone;     /* out of the server's list */
    uint64_t used_ms;
    struct hgfs_node *nodes;
    unsigned jobs;           /* that refer to this session */
    struct hgfs_job *ending; /* DESTROY_SESSION, answered when all is closed */
};

struct hgfs_server {
    struct worker_ctx *ctx;
    struct hgfs_session_state *sessions;
    unsigned session_count, node_count;
    uint32_t last_handle;
    uv_timer_t sweep;
    uv_timer_t later; /* ends what is in `done` */
    struct hgfs_job *done;
};

/* An open file, or a search. While a job runs on it exclusively that job may change it. */
struct hgfs_node {
    struct hgfs_node *next; /* of the session */
    struct hgfs_session_state *session;
    uint32_t handle;
    struct regular_file file;
    bool sequential, append;
    uint64_t position; /* of a pseudo file, or a stream that is written */
    bool upload; /* was opened nameless; for the loop's thread, which must not read file.nameless */
    /* A search: the names, NUL-separated, and where each begins. */
    bool search;
    char *folder;
    struct buf names;
    size_t *starts;
    uint32_t count;
    /* A stream (hgfs_server_stream.c); only the loop's thread works on it. */
    struct stream *stream;
    struct archive *archive; /* what makes or unpacks it, if it is an archive */
    bool at_end;             /* read to its end */
    bool mark;               /* ARCHIVE_MARK is still to follow */
    /* Order of work. */
    unsigned shared, exclusive;
    struct hgfs_job *waiting, **waiting_tail;
    bool gone; /* no new jobs */
};

enum hgfs_access { HGFS_ACCESS_NONE, HGFS_ACCESS_SHARED, HGFS_ACCESS_EXCLUSIVE };

struct hgfs_job_def {
    uint32_t op;
    enum hgfs_access access;           /* to the node that the request names, if it names one */
    int (*work)(struct hgfs_job *job); /* HGFS status */
};

struct hgfs_job {
    struct hgfs_job *next; /* in a node's queue */
    struct hgfs_server *server;
    struct vixop *op; /* NULL: the disposal of a node */
    struct hgfs_session_state *session;
    struct hgfs_node *node; /* NULL: by name */
    enum hgfs_access access;
    const struct hgfs_job_def *def;
    struct hgfs_header header;
    union hgfs_request request;
    int status;
    union hgfs_reply reply;
    bool has_reply;           /* `reply` is valid */
    bool encoded;             /* the result holds the whole packet already (reads) */
    struct buf text;          /* what names in `reply` point to */
    struct hgfs_node *opened; /* a new node, to be registered */
    bool reserved;            /* counted among the nodes before it is one */
    bool drop_node;           /* the node is to go with this job (close) */
    struct work work;
    /* Work on streams. */
    struct stream *stream;       /* that the request names; a reference */
    struct archive_spec archive; /* of an archive to be opened */
    size_t progress;             /* bytes written so far */
    uint64_t until;              /* of a wait, clock_ms; 0 = none yet */
};

/* In place of a status: nothing can be done before the stream is ready. */
#define HGFS_LATER (-1)

/* ---- sessions (hgfs_server.c), loop's thread ---- */

/* Frees one that has ended once nothing of it is open or runs, and answers who ended it. */
void hgfs_session_free_if_done(struct hgfs_session_state *s);

/* ---- jobs (hgfs_server_job.c), loop's thread ---- */

/* Answers the request with this status, and frees the job. */
void hgfs_job_reply(struct hgfs_job *job, int status);
void hgfs_job_free(struct hgfs_job *job);
/* Runs a job that waits for no other. */
void hgfs_job_start(struct hgfs_job *job);
/* The status of a job on a stream is set; it is answered from the loop. */
void hgfs_job_done(struct hgfs_job *job);
/* Runs a job on the node once those before it allow it. */
void hgfs_node_enqueue(struct hgfs_node *n, struct hgfs_job *job);
/* Closes a node behind what runs on it. */
void hgfs_node_dispose(struct hgfs_server *s, struct hgfs_node *n);

/* ---- for those who work, any thread ---- */

/* A new node without a handle; NULL without memory. */
struct hgfs_node *hgfs_node_new(void);
/* Frees the struct, whose file is closed. */
void hgfs_node_free(struct hgfs_node *n);
/* The path of a name in a request, NUL-terminated in the caller's buffer: HGFS status. */
int hgfs_job_path(const struct hgfs_name *name, struct buf *path);
/* errno, either sign, as status. */
int hgfs_fail(int err);
void hgfs_attr_from_stat(struct hgfs_attr *ret, const struct stat *st);

/* ---- streams, loop's thread ---- */

/* The stream that a request by name is about; NULL = none. */
struct stream *hgfs_stream_find(const struct hgfs_job *job, const struct worker_ctx *w);
/* Runs a job on a stream; hgfs_job_done follows. */
void hgfs_stream_start(struct hgfs_job *job);
/* Ends what jobs on the node wait for: it is about to be closed by other means. */
void hgfs_stream_abandon(struct hgfs_node *n);
/* Lets go of the node's stream. */
void hgfs_stream_drop(struct hgfs_node *n);
/* Opens job->archive: HGFS status. */
int hgfs_archive_open(struct hgfs_job *job, const struct worker_ctx *w);
/* -EAGAIN: not now. */
ssize_t hgfs_stream_read(struct hgfs_node *n, void *out, size_t size);
/* Any thread: fills in the reply. */
void hgfs_archive_attributes(struct hgfs_job *job);

int hgfs_work_open(struct hgfs_job *job);
int hgfs_work_read(struct hgfs_job *job);
int hgfs_work_write(struct hgfs_job *job);
int hgfs_work_close(struct hgfs_job *job);
int hgfs_work_getattr(struct hgfs_job *job);
int hgfs_work_setattr(struct hgfs_job *job);
int hgfs_work_search_open(struct hgfs_job *job);
int hgfs_work_search_read(struct hgfs_job *job);
int hgfs_work_create_dir(struct hgfs_job *job);
int hgfs_work_delete_file(struct hgfs_job *job);
int hgfs_work_delete_dir(struct hgfs_job *job);
int hgfs_work_rename(struct hgfs_job *job);
int hgfs_work_symlink(struct hgfs_job *job);
int hgfs_work_volume(struct hgfs_job *job);

#endif
