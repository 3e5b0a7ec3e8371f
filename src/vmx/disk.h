/*
 * The program inguest-disk, run by a process with a libuv loop: what it is given and how its end is
 * told. See disk_main.c.
 *
 * One thread, the loop's. A run belongs to disk_start's caller until `done` has been called, which
 * happens once, from the loop, also after disk_kill.
 */
#ifndef VMX_DISK_H
#define VMX_DISK_H

#include <uv.h>

#include "base/error.h"

#define DISK_IDS       65536u /* ids of a VM: the guest's and, the last one, vmx's */
#define DISK_FROM_FD   3
#define DISK_TO_FD     4
#define DISK_NAMES_MAX 16u

struct disk_run;

/* err->code 0: it ended well. */
typedef void (*disk_done_cb)(const struct error *err, void *arg);

/* `argv` as the program takes it, argv[0] included, ended by NULL. The descriptors stay the
 * caller's. 0 or a negative errno code; then `done` is not called. */
int disk_start(uv_loop_t *loop, const char *program, char *const argv[], int from_fd, int to_fd,
               disk_done_cb done, void *arg, struct disk_run **ret);
/* Ends it at once. What it has made stays. */
void disk_kill(struct disk_run *run);

#endif
