/*
 * The files that say who may log in, watched by their metadata: what was found out about an account
 * holds no longer than they stay as they are.
 */
#ifndef GUEST_AUTH_FILES_H
#define GUEST_AUTH_FILES_H

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct auth_files {
    struct stat shadow, passwd;
};

void auth_files_look(const char *shadow_path, struct auth_files *ret);
bool auth_files_same(const struct auth_files *a, const struct auth_files *b);

/* HMAC-SHA-256 over the account's lines in passwd and shadow (nothing for an account of another
 * source). Another password, a locked or a new account of that name give another digest. */
void auth_files_digest(const char *shadow_path, const char *account,
                       const uint8_t key[SHA256_DIGEST_SIZE], uint8_t ret[SHA256_DIGEST_SIZE]);

#endif
