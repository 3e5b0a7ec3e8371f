/*
 * The cache of a server's content: files in a folder of gstored's own, least recently used out
 * first, never more bytes than its limit.
 *
 * An entry is two files, named by a hash of repository and path: the content, and NAME.meta with
 * size, validators and SHA-256. Writes are not synced: after a crash the hash tells what is whole.
 * A content is hashed before its first use in this process, again when the file is not what it was
 * then (inode, size, times), and again when that was CACHE_VERIFY_MS ago; reading all of it each
 * time would cost more than the disk. The hashing itself is the caller's (cache_hash, in a thread).
 *
 * An entry that is dropped or evicted is unlinked; who has it open reads on. Loop thread, but for
 * cache_hash.
 */
#ifndef GSTORED_CACHE_H
#define GSTORED_CACHE_H

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "gstored/fetch.h"

#define CACHE_ENTRIES_MAX 16384u
#define CACHE_VERIFY_MS   (60u * 60u * 1000u)
#define CACHE_GROWTH      (4u << 20) /* reserved at a time while the size is not known */

struct cache;
struct cache_entry;
struct cache_file; /* content that arrives */

struct cache_usage {
    uint64_t bytes, max, entries;
};

/* Takes over what an earlier process left in the folder `cache` of `state_dir`. */
int cache_open(int state_dir, const char *repository, uint64_t max, struct cache **ret,
               struct error *err);
void cache_close(struct cache *c);
void cache_usage(const struct cache *c, struct cache_usage *ret);

struct cache_entry *cache_find(struct cache *c, const char *path);
uint64_t cache_entry_size(const struct cache_entry *e);
const struct fetch_validators *cache_entry_validators(const struct cache_entry *e);
const uint8_t *cache_entry_hash(const struct cache_entry *e); /* SHA256_DIGEST_SIZE */
/* A descriptor open for reading; *ret_verify: it has to be hashed before it is used. -EBADMSG: the
 * file has not the right size, or is none. */
int cache_entry_open(struct cache *c, struct cache_entry *e, bool *ret_verify);
void cache_entry_verified(struct cache *c, struct cache_entry *e, int fd);
void cache_entry_used(struct cache *c, struct cache_entry *e);
void cache_entry_drop(struct cache *c, struct cache_entry *e);

/* SHA-256 of `size` bytes; -EBADMSG when it is not `want`. */
int cache_hash(int fd, uint64_t size, const uint8_t want[SHA256_DIGEST_SIZE]);

/* Room for a content of `size` bytes (-1: not known yet). *ret_fd (owned by the file) can be read
 * while it arrives. -ENOSPC: it does not fit, also when everything else goes. */
int cache_file_begin(struct cache *c, int64_t size, struct cache_file **ret, int *ret_fd);
int cache_file_write(struct cache_file *f, const void *bytes, size_t len);
/* Makes it the entry of the path, in place of the one that was there. When it cannot be kept the
 * content is all right all the same. Frees the file. */
void cache_file_keep(struct cache_file *f, const char *path, const struct fetch_validators *v);
void cache_file_abort(struct cache_file *f); /* NULL is fine */

#endif
