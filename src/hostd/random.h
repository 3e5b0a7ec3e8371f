/* Random names and secrets, from the kernel. Any thread. */
#ifndef HOSTD_RANDOM_H
#define HOSTD_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* Fills `p`; the kernel's generator does not fail once the machine has started. */
void random_bytes(void *p, size_t n);

/* `digits` random hexadecimal digits and a NUL. The text never contains "443": there are clients
 * that replace these digits by their port number wherever they find them. */
void random_hex(char *out, size_t digits);

/* Takes the same time wherever two texts of random_hex differ. */
bool random_hex_equal(const char *mine, const char *theirs);

/* A version 4 UUID, 36 characters and NUL. */
void random_uuid(char out[37]);

/* A password that people can type: 16 characters without look-alikes (about 90 bits). */
#define RANDOM_PASSWORD_SIZE 17
void random_password(char out[RANDOM_PASSWORD_SIZE]);

#endif
