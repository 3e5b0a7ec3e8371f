/*
 * Listings that go on beyond one answer: the open folder, where the next request will go on.
 *
 * A folder of 100,000 names takes some two hundred answers, and two thousand when the client asks
 * for fifty names at a time. Each request tells how many entries were had, so without memory every
 * one would read the folder from its beginning, and the requests of one call would see other names
 * when it changed meanwhile. A cursor is only a help: a request that finds none starts over.
 *
 * Loop thread only; the cursor in use belongs to its operation.
 */
#ifndef GUEST_LIST_CURSOR_H
#define GUEST_LIST_CURSOR_H

#include <dirent.h>
#include <stdint.h>
#include <time.h>
#include <uv.h>

/* Folders that are held open, and for how long: an open folder keeps its file system mounted. */
#define LIST_CURSORS_MAX   8u
#define LIST_CURSOR_TTL_MS 5000u

struct list_cursor {
    char *path, *pattern;
    uint64_t next;           /* position of the next entry among those that match */
    uint64_t remaining;      /* how many match from there on, when the folder was first read */
    DIR *dir;                /* the next readdir gives that entry */
    struct timespec changed; /* when the folder had last changed before it was read */
};

void list_cursor_free(struct list_cursor *c);

struct list_cursors;

int list_cursors_new(uv_loop_t *loop, struct list_cursors **ret);

/* The cursor that stands at `next` of this listing, no longer kept; NULL when there is none. */
struct list_cursor *list_cursors_take(struct list_cursors *s, const char *path, const char *pattern,
                                      uint64_t next);

/* Takes the cursor; the one that was kept longest goes when there are too many. */
void list_cursors_keep(struct list_cursors *s, struct list_cursor *c);

#endif
