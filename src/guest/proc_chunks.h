/*
 * Process lists that did not fit one answer, kept for the requests that fetch the rest. Bounded in
 * number, size and time. One thread: the loop's.
 */
#ifndef GUEST_PROC_CHUNKS_H
#define GUEST_PROC_CHUNKS_H

#include <stdint.h>

#include "base/buf.h"

#define PROC_CHUNKS_MAX     8u
#define PROC_CHUNKS_KEEP_MS 600000u
/* One list; some 40,000 processes. */
#define PROC_LIST_MAX (8u * 1024u * 1024u)

struct proc_chunks;

int proc_chunks_new(struct proc_chunks **ret);

/* Takes the list over (the buffer is empty afterwards) under a new key; the oldest one makes room.
 * -ENOMEM. */
int proc_chunks_add(struct proc_chunks *c, struct buf *list, uint32_t *ret_key);

/* Appends to `out`, up to its maximum, the head and as much of the list from `offset` as fits;
 * forgets the list with its last part. -ENOENT: no such key or offset. */
int proc_chunks_get(struct proc_chunks *c, uint32_t key, uint64_t offset, struct buf *out);

#endif
