/*
 * The guest's commands: a request of JSON in, a reply of JSON out. (DataSets, "Guest side:
 * commands".) That the channel is a privileged one has been checked before. Worker thread; no state
 * but the store's.
 */
#ifndef VMX_DATASET_GUEST_H
#define VMX_DATASET_GUEST_H

#include <stdbool.h>

#include "vmx/dataset_store.h"

/* The longest possible reply: one entry, every byte of it escaped. */
#define DATASET_GUEST_REPLY_MAX (6u * (DATASET_KEY_MAX + DATASET_VALUE_MAX) + 1024u)

bool dataset_guest_knows(const char *command);
/* A command that it knows changes nothing. */
bool dataset_guest_reads(const char *command);

/* Appends the whole reply. `store` NULL: it could not be opened, because of `broken`. Fails only
 * when the reply cannot be written: -ENOMEM, -ENOBUFS. */
int dataset_guest_run(struct dataset_store *store, const struct error *broken,
                      const struct dataset_caller *who, const char *command, const void *args,
                      size_t len, struct buf *reply);

#endif
