/*
 * Guest operations inside a worker: a table from opcode to what is done, with the rights of the
 * user that the worker runs as.
 *
 * An operation goes through up to three steps. `prepare` and `finish` run on the loop's thread and
 * must not block; `work` runs on the thread pool and may block as long as a file system likes. A
 * step that fails sets the error; the steps after it are skipped. A `finish` may return VIXOP_LATER
 * and call vixop_done itself, from the loop's thread.
 */
#ifndef GUEST_VIXOPS_H
#define GUEST_VIXOPS_H

#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "guest/work_pool.h"
#include "wire/vix_body.h"
#include "wire/vix_error.h"

struct vixop;

/* What lives as long as the worker; see worker_main.c. */
struct worker_ctx {
    uv_loop_t *loop;
    struct work_pool *pool;
    struct proc_started *started;
    struct proc_chunks *chunks;
    struct hgfs_server *hgfs;
    struct list_cursors *listings;
    struct data_streams *streams;
    const char *link_dir; /* of the host's sockets; NULL = none */
    char *temp_dir; /* private temporary folder, made on first use; thread pool, under temp_lock */
    uv_mutex_t temp_lock;
    const char *user, *home, *shell;
    int archive_fd, roundtrip_fd, exec_fd; /* our helper programs, to be executed; -1 = not there */
    /* Tells the monitor about reasons to stay, after something changed. */
    void (*stay_changed)(struct worker_ctx *w);
    void (*done)(struct vixop *op); /* sends the answer, frees the operation */
};

enum vixop_step { VIXOP_NEXT, VIXOP_LATER };

struct vixop_def {
    uint32_t opcode;
    enum vixop_step (*prepare)(struct vixop *op);
    void (*work)(struct vixop *op);
    enum vixop_step (*finish)(struct vixop *op);
};

struct vixop {
    struct worker_ctx *ctx;
    const struct vixop_def *def;
    uint64_t id;
    uint32_t opcode;
    uint32_t flags; /* request flags of the VIX header */
    uint8_t *bytes; /* owned: what `body` points into */
    union vix_body body;
    struct buf result; /* max = room for result bytes */
    uint32_t error;    /* VIX error */
    uint32_t additional;
    void *state; /* a step's own */
    void (*free_state)(void *state);
    struct work request;
};

/* NULL = not an opcode that workers know. */
const struct vixop_def *vixop_find(uint32_t opcode);

/* Runs an operation whose fields up to `result` are set. ctx->done is called once, perhaps before
 * this returns. */
void vixop_run(struct vixop *op);
void vixop_done(struct vixop *op);
/* Frees what an operation owns, and the operation. */
void vixop_free(struct vixop *op);

/* Sets the error; the first one stays. */
void vixop_fail(struct vixop *op, enum vix_error error);
/* With the errno that led to it, which hosts may use to tell more. */
void vixop_fail_for(struct vixop *op, enum vix_error error, int err);
void vixop_fail_errno(struct vixop *op, int err); /* positive or negative errno */

/* Steps of the other files. */
void vixop_delete_file(struct vixop *op);
void vixop_delete_directory(struct vixop *op);
void vixop_delete_directory_old(struct vixop *op);
void vixop_delete_empty_directory(struct vixop *op);
void vixop_create_directory(struct vixop *op);
void vixop_move(struct vixop *op);
void vixop_set_attributes(struct vixop *op);
void vixop_exists(struct vixop *op);
enum vixop_step vixop_list_files_prepare(struct vixop *op);
void vixop_list_files(struct vixop *op);
enum vixop_step vixop_list_files_finish(struct vixop *op);
void vixop_list_directory(struct vixop *op);
void vixop_get_file_info(struct vixop *op);
enum vixop_step vixop_transfer_from_stream(struct vixop *op);
enum vixop_step vixop_transfer_to_stream(struct vixop *op);
enum vixop_step vixop_set_attributes_stream(struct vixop *op);
void vixop_transfer_from(struct vixop *op);
void vixop_transfer_to(struct vixop *op);
void vixop_create_temp(struct vixop *op);
void vixop_list_filesystems(struct vixop *op);
void vixop_read_env(struct vixop *op);
void vixop_read_variable(struct vixop *op);
void vixop_write_variable(struct vixop *op);
void vixop_start_check(struct vixop *op);
enum vixop_step vixop_start_finish(struct vixop *op);
enum vixop_step vixop_list_processes_prepare(struct vixop *op);
void vixop_list_processes_work(struct vixop *op);
enum vixop_step vixop_list_processes_finish(struct vixop *op);
void vixop_list_processes_old(struct vixop *op);
enum vixop_step vixop_terminate(struct vixop *op);
enum vixop_step vixop_hgfs(struct vixop *op);

#endif
