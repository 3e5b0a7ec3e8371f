/*
 * What the guest runs, in the words of the vSphere API. (Guest RPC protocol, "Detailed OS data".)
 */
#ifndef GUEST_OSINFO_H
#define GUEST_OSINFO_H

#include <stddef.h>
#include <sys/utsname.h>

#define OSINFO_TEXT_MAX 256

struct osinfo {
    char full_name[OSINFO_TEXT_MAX * 3]; /* "Debian GNU/Linux 12 (bookworm)" with kernel in front */
    char short_name[64];                 /* guest id style: "debian12-64" */
    char id[64];                         /* fields of os-release */
    char name[OSINFO_TEXT_MAX];
    char pretty_name[OSINFO_TEXT_MAX];
    char version_id[64];
    char version[OSINFO_TEXT_MAX];
    char build_id[64];
    char cpe_name[OSINFO_TEXT_MAX];
    char kernel[OSINFO_TEXT_MAX];
    char machine[OSINFO_TEXT_MAX];
    char host_name[OSINFO_TEXT_MAX];
    unsigned bits;
};

/* From an os-release text (may be NULL) and uname. Fields that do not fit are cut. */
void osinfo_from(const char *os_release, const struct utsname *uts, struct osinfo *ret);
/* Reads /etc/os-release, else /usr/lib/os-release, and asks the kernel. */
void osinfo_collect(struct osinfo *ret);
/* Appends key='value' pairs. 0 or what the buffer says. */
struct buf;
int osinfo_details(const struct osinfo *os, struct buf *b);

#endif
