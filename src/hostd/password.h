/*
 * Password hashes (yescrypt by libcrypt). Hashing takes tens of milliseconds and 16 MiB,
 * so it happens in libuv's thread pool, one at a time; at most PASSWORD_JOBS_MAX wait. The callback
 * comes on the loop.
 */
#ifndef HOSTD_PASSWORD_H
#define HOSTD_PASSWORD_H

#include <stdbool.h>
#include <uv.h>

#define PASSWORD_MAX      256 /* bytes */
#define PASSWORD_HASH_MAX 384
#define PASSWORD_JOBS_MAX 256

/* In the calling thread. 0, -EINVAL (too long), -ENOMEM, -ENOSYS. */
int password_hash(const char *password, char out[PASSWORD_HASH_MAX]);
/* In the calling thread. Takes as long for an unknown user (hash NULL or "") as for a known one. */
bool password_matches(const char *password, const char *hash);

/* code as password_hash; `hash` is valid during the callback. */
typedef void (*password_hash_cb)(int code, const char *hash, void *arg);
typedef void (*password_match_cb)(int code, bool matches, void *arg);

/* The password is copied and cleared after use. -EBUSY: too many jobs; -ENOMEM, -EINVAL. */
int password_hash_async(uv_loop_t *loop, const char *password, password_hash_cb cb, void *arg);
int password_match_async(uv_loop_t *loop, const char *password, const char *hash,
                         password_match_cb cb, void *arg);

#endif
