/*
 * Tells when the files of the folder of tools.conf change; also when that folder is only made
 * later. The kernel tells (inotify): nothing is polled.
 */
#ifndef GUEST_CONF_WATCH_H
#define GUEST_CONF_WATCH_H

#include <stdbool.h>
#include <uv.h>

struct conf_watch;

/* `changed` may come more often than something has changed. Where nothing can be watched (no such
 * folder, no inotify) it never comes, which is no error. */
int conf_watch_new(uv_loop_t *loop, const char *conf_path, void (*changed)(void *arg), void *arg,
                   struct conf_watch **ret);
/* NULL is fine. */
void conf_watch_free(struct conf_watch *w);

#endif
