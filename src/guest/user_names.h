/*
 * Names of user ids, remembered for one listing. Not thread-safe: one cache a listing. The lookup
 * may ask name services and so block.
 */
#ifndef GUEST_USER_NAMES_H
#define GUEST_USER_NAMES_H

#include <sys/types.h>

#define USER_NAMES_MAX 64u
#define USER_NAME_SIZE 64u

struct user_names {
    unsigned count, next;
    struct {
        uid_t uid;
        char name[USER_NAME_SIZE];
    } entries[USER_NAMES_MAX];
};

/* The account's name, or the number as text. Valid until the next call. */
const char *user_names_get(struct user_names *n, uid_t uid);

#endif
