#include "hostd/random.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void random_bytes(void *p, size_t n)
{
    uint8_t *out = p;
    while (n) {
        ssize_t got = getrandom(out, n, 0);
        if (got > 0) {
            out += got;
            n -= (size_t)got;
        } else if (errno != EINTR) {
            abort(); /* never go on with a guessable secret */
        }
    }
}

void random_hex(char *out, size_t digits)
{
    static const char hex[] = "0123456789abcdef";
    do {
        for (size_t i = 0; i < digits; i++) {
            uint8_t b;
            random_bytes(&b, 1);
            out[i] = hex[b & 15];
        }
        out[digits] = '\0';
    } while (strstr(out, "443"));
}

bool random_hex_equal(const char *mine, const char *theirs)
{
    size_t len = strlen(mine);
    unsigned char differ = 0;
    if (strlen(theirs) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        differ |= (unsigned char)(mine[i] ^ theirs[i]);
    return differ == 0;
}

void random_uuid(char out[37])
{
    uint8_t b[16];
    random_bytes(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

void random_password(char out[RANDOM_PASSWORD_SIZE])
{
    static const char set[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    for (size_t i = 0; i < RANDOM_PASSWORD_SIZE - 1;) {
        uint8_t b;
        random_bytes(&b, 1);
        if (b < 256 / (sizeof(set) - 1) * (sizeof(set) - 1)) /* no bias */
            out[i++] = set[b % (sizeof(set) - 1)];
    }
    out[RANDOM_PASSWORD_SIZE - 1] = '\0';
}
