/*
 * The monitor's workers: one process per guest user, started on first use, ended when it has been
 * idle for a while and nothing in it needs to be remembered.
 *
 * One thread: the loop's. A job ends with exactly one call of its callback, from the loop, unless
 * it was forgotten. A worker that dies, or talks nonsense, fails its jobs and is replaced by the
 * next request for its user.
 */
#ifndef GUEST_WORKER_POOL_H
#define GUEST_WORKER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Users at once. Beyond it the longest idle worker ends, and with none idle -EUSERS. */
#define WORKERS_MAX 32u
/* A worker has to be ready, and answer something while it has jobs, within this time; jobs that
 * hang have the request's deadline instead. */
#define WORKER_START_TIMEOUT_MS 30000u

struct worker_pool;
struct worker_job;

struct worker_request {
    uint32_t opcode;
    uint32_t flags; /* request flags of the VIX header */
    uint32_t max_result;
    const void *body;
    size_t len;
};

/* err: 0 and the worker's answer, or a negative errno code and no answer: -EPIPE the worker ended,
 * -EACCES it could not become the user. `data` is valid during the call. */
typedef void (*worker_done)(void *arg, int err, uint32_t vix_error, uint32_t additional,
                            const void *data, size_t len);

typedef void (*worker_program_ended)(void *arg, int64_t pid, int32_t code, int64_t start,
                                     int64_t end);

/* `path` and `link_dir` (folder of the host's sockets; NULL = none) must live as long. */
int worker_pool_new(uv_loop_t *loop, const char *path, const char *link_dir, uint32_t idle_ms,
                    struct worker_pool **ret);
/* Ends the workers; no callbacks come any more. NULL is fine. */
void worker_pool_free(struct worker_pool *p);

/* `fn` is called when a program has ended that one of the workers started, by the
 * worker's word. Times in Unix seconds. */
void worker_pool_on_end(struct worker_pool *p, worker_program_ended fn, void *arg);

/* Is there one for this user? */
bool worker_pool_has(const struct worker_pool *p, const char *user);

/* Copies the request. -EUSERS (too many users), -EBUSY (too much waits for this user), -ENOMEM, or
 * why the worker could not be started; then `done` is not called. */
int worker_pool_send(struct worker_pool *p, const char *user, const struct worker_request *rq,
                     worker_done done, void *arg, struct worker_job **ret);
/* `done` will not be called; the work itself may go on. */
void worker_job_forget(struct worker_job *job);

#endif
