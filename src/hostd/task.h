/*
 * Tasks: what a `_Task` method started, watched by its reference until it ends and for ten minutes
 * afterwards.
 *
 * A task is made in a call (task_begin), answered at once (task_return), and moves on with
 * task_start and exactly one of task_succeed and task_fail. It belongs to the task
 * manager; after its end whoever ran it must forget it.
 */
#ifndef HOSTD_TASK_H
#define HOSTD_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/call.h"
#include "hostd/inventory.h"

#define TASKS_MAX         2000       /* kept; beyond it the oldest ended ones go early */
#define TASKS_RECENT      200        /* in TaskManager.recentTask */
#define TASK_KEEP_SECONDS 600        /* after their end */
#define TASK_ARENA_MAX    (1u << 20) /* result or error of one task, bytes */

struct task;

int task_manager_start(struct inventory *inv, struct error *err);
void task_manager_stop(struct inventory *inv);

/* `method` is the wire name ("PowerOnVM_Task"), `description` the description id
 * ("VirtualMachine.powerOn"); both static. -ENOMEM, -ENOSPC (too many unfinished ones). */
int task_new(struct call *call, struct entity *entity, const char *method, const char *description,
             struct task **ret);
/* Answers the call with the task's reference. The call may be gone afterwards, and with it its
 * request and all in its arena: what the task still needs of them is copied before. */
void task_return(struct call *call, const struct task *task);
/* task_new; on failure ends the call with a fault and returns NULL. */
struct task *task_begin(struct call *call, struct entity *entity, const char *method,
                        const char *description);

void task_start(struct task *task);
/* The result is copied; NULL = none. */
void task_succeed(struct task *task, const struct vim_any *result);
/* `fault` is copied; NULL = SystemError with the text as reason. */
void task_fail(struct task *task, const void *fault, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Asks whoever runs the task to end it; set while it can be cancelled. */
void task_set_cancel(struct task *task, void (*cancel)(struct task *task, void *arg), void *arg);
/* The entity came to be, or is about to go. */
void task_set_entity(struct task *task, struct entity *entity);

const struct mo *task_mo(const struct task *task);
const char *task_user(const struct task *task);
const char *task_description(const struct task *task); /* the pointer given to task_new */
struct arena *task_arena(struct task *task);           /* for building its result or fault */

/* The unfinished tasks of an object, for ManagedEntity.recentTask; unset when there are none. */
int task_running_refs(struct task_manager *tm, const struct mo *entity, struct arena *a,
                      struct vim_any **ret);
/* A snapshot of TaskInfo, for events. NULL: out of memory. */
struct vim_TaskInfo *task_info(const struct task *task, struct arena *a);

#endif
