#include "base/sha256.h"

#include <string.h>

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t ror(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

static void compress(struct sha256 *h, const uint8_t *p)
{
    uint32_t w[64], s[8];

    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
               (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (unsigned i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];

        w[i] = w[i - 16] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + w[i - 7] +
               (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
    }
    memcpy(s, h->state, sizeof(s));
    for (unsigned i = 0; i < 64; i++) {
        uint32_t sum1 = ror(s[4], 6) ^ ror(s[4], 11) ^ ror(s[4], 25);
        uint32_t choose = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t t1 = s[7] + sum1 + choose + round_constants[i] + w[i];
        uint32_t sum0 = ror(s[0], 2) ^ ror(s[0], 13) ^ ror(s[0], 22);
        uint32_t t2 = sum0 + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++)
        h->state[i] += s[i];
    explicit_bzero(w, sizeof(w));
    explicit_bzero(s, sizeof(s));
}

void sha256_init(struct sha256 *h)
{
    *h = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                   0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_update(struct sha256 *h, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len) {
        size_t have = h->bytes % SHA256_BLOCK;
        size_t n = SHA256_BLOCK - have < len ? SHA256_BLOCK - have : len;

        memcpy(h->block + have, p, n);
        h->bytes += n;
        p += n;
        len -= n;
        if (have + n == SHA256_BLOCK)
            compress(h, h->block);
    }
}

void sha256_final(struct sha256 *h, uint8_t ret[SHA256_SIZE])
{
    uint64_t bits = h->bytes * 8;
    uint8_t tail[8];

    for (unsigned i = 0; i < 8; i++)
        tail[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_update(h, "\x80", 1);
    while (h->bytes % SHA256_BLOCK != SHA256_BLOCK - sizeof(tail))
        sha256_update(h, "", 1);
    sha256_update(h, tail, sizeof(tail));
    for (unsigned i = 0; i < SHA256_SIZE; i++)
        ret[i] = (uint8_t)(h->state[i / 4] >> (24 - 8 * (i % 4)));
    explicit_bzero(h, sizeof(*h));
}

void hmac_sha256_init(struct hmac_sha256 *m, const void *key, size_t len)
{
    uint8_t block[SHA256_BLOCK] = {0};

    if (len > sizeof(block)) {
        struct sha256 h;

        sha256_init(&h);
        sha256_update(&h, key, len);
        sha256_final(&h, block);
    } else {
        memcpy(block, key, len);
    }
    for (unsigned i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36;
    sha256_init(&m->inner);
    sha256_update(&m->inner, block, sizeof(block));
    for (unsigned i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36 ^ 0x5c;
    sha256_init(&m->outer);
    sha256_update(&m->outer, block, sizeof(block));
    explicit_bzero(block, sizeof(block));
}

void hmac_sha256_update(struct hmac_sha256 *m, const void *data, size_t len)
{
    sha256_update(&m->inner, data, len);
}

void hmac_sha256_final(struct hmac_sha256 *m, uint8_t ret[SHA256_SIZE])
{
    uint8_t digest[SHA256_SIZE];

    sha256_final(&m->inner, digest);
    sha256_update(&m->outer, digest, sizeof(digest));
    sha256_final(&m->outer, ret);
    explicit_bzero(digest, sizeof(digest));
}

int sha256_equal(const uint8_t a[SHA256_SIZE], const uint8_t b[SHA256_SIZE])
{
    unsigned diff = 0;

    for (unsigned i = 0; i < SHA256_SIZE; i++)
        diff |= a[i] ^ b[i];
    return diff == 0;
}
