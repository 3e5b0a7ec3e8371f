#include "guest/user_names.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define PASSWD_TEXT_MAX 4096u

const char *user_names_get(struct user_names *n, uid_t uid)
{
    char text[PASSWD_TEXT_MAX];
    struct passwd pw, *found = NULL;
    unsigned i;

    for (i = 0; i < n->count; i++)
        if (n->entries[i].uid == uid)
            return n->entries[i].name;
    if (n->count < USER_NAMES_MAX) {
        i = n->count++;
    } else {
        i = n->next;
        n->next = (n->next + 1) % USER_NAMES_MAX;
    }
    n->entries[i].uid = uid;
    if (getpwuid_r(uid, &pw, text, sizeof(text), &found) == 0 && found &&
        strlen(pw.pw_name) < USER_NAME_SIZE)
        snprintf(n->entries[i].name, USER_NAME_SIZE, "%s", pw.pw_name);
    else
        snprintf(n->entries[i].name, USER_NAME_SIZE, "%u", (unsigned)uid);
    return n->entries[i].name;
}
