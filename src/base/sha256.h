/*
 * SHA-256 (FIPS 180-4) and HMAC over it (FIPS 198-1): for keyed digests in memory where pulling in
 * a TLS library would be too much. Pure functions, any thread.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE  32u
#define SHA256_BLOCK 64u

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[SHA256_BLOCK];
};

void sha256_init(struct sha256 *h);
void sha256_update(struct sha256 *h, const void *data, size_t len);
/* Leaves `h` cleared. */
void sha256_final(struct sha256 *h, uint8_t ret[SHA256_SIZE]);

struct hmac_sha256 {
    struct sha256 inner, outer;
};

void hmac_sha256_init(struct hmac_sha256 *m, const void *key, size_t len);
void hmac_sha256_update(struct hmac_sha256 *m, const void *data, size_t len);
/* Leaves `m` cleared. */
void hmac_sha256_final(struct hmac_sha256 *m, uint8_t ret[SHA256_SIZE]);

/* 1 when equal; takes the same time wherever they differ. */
int sha256_equal(const uint8_t a[SHA256_SIZE], const uint8_t b[SHA256_SIZE]);

#endif
