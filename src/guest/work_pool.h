/*
 * Threads for work that may block, as long as a file system likes.
 *
 * A fixed number of threads would be held up for good by as many calls into a mount that never
 * answers. Here work that has waited for WORK_STALL_MS because all threads are busy gets another
 * thread, up to WORK_THREADS_MAX, which is above the number of requests a user may have at once.
 * Threads that have nothing to do end.
 *
 * Loop thread only, but for `run`.
 */
#ifndef GUEST_WORK_POOL_H
#define GUEST_WORK_POOL_H

#include <stdint.h>
#include <uv.h>

#define WORK_THREADS_SOON 8u /* as many are made without waiting */
#define WORK_THREADS_MAX  320u
#define WORK_STALL_MS     100u
#define WORK_IDLE_S       10u

struct work {
    struct work *next;
    void (*run)(struct work *w);  /* on a thread */
    void (*done)(struct work *w); /* on the loop, afterwards */
    uint64_t since;               /* clock_ms */
};

struct work_pool;

/* Lives as long as its process. Negative errno code: the first thread cannot be made. */
int work_pool_new(uv_loop_t *loop, struct work_pool **ret);

/* `run` and `done` are set; the work is the caller's again in `done`, which is not called from
 * here. */
void work_pool_submit(struct work_pool *p, struct work *w);

#endif
