#include "guest/osinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "wire/guestinfo.h"

#define OS_RELEASE_MAX 65536u

/* Cuts at a character's border, never inside one. */
static void copy(char *to, size_t size, const char *from)
{
    size_t n = 0;
    for (; from[n] && n < size - 1; n++)
        to[n] = from[n];
    while (from[n] && n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80)
        n--;
    to[n] = '\0';
}

/* One value of os-release: shell quoting of the simple kind. */
static void value(char *to, size_t size, const char *from, size_t len)
{
    char text[1024];
    size_t n = 0;
    char quote = 0;
    if (len > 0 && (*from == '"' || *from == '\'')) {
        quote = *from++;
        len--;
    }
    for (; len > 0 && n < sizeof(text) - 1; from++, len--) {
        if (quote && *from == quote)
            break;
        if (quote != '\'' && *from == '\\' && len > 1) {
            from++;
            len--;
        }
        text[n++] = *from;
    }
    text[n] = '\0';
    copy(to, size, text);
}

static void parse(const char *text, struct osinfo *os)
{
    const struct {
        const char *key;
        char *to;
        size_t size;
    } fields[] = {
        {"ID", os->id, sizeof(os->id)},
        {"NAME", os->name, sizeof(os->name)},
        {"PRETTY_NAME", os->pretty_name, sizeof(os->pretty_name)},
        {"VERSION_ID", os->version_id, sizeof(os->version_id)},
        {"VERSION", os->version, sizeof(os->version)},
        {"BUILD_ID", os->build_id, sizeof(os->build_id)},
        {"CPE_NAME", os->cpe_name, sizeof(os->cpe_name)},
    };
    while (text && *text) {
        size_t len = strcspn(text, "\n");
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
            size_t key_len = strlen(fields[i].key);
            if (len > key_len && strncmp(text, fields[i].key, key_len) == 0 && text[key_len] == '=')
                value(fields[i].to, fields[i].size, text + key_len + 1, len - key_len - 1);
        }
        text += len;
        if (*text)
            text++;
    }
}

/* The guest ids of the vSphere API: which systems have one of their own, and whether their major
 * version is part of it. Others are "other<kernel>linux". */
static const struct {
    const char *id, *prefix;
    unsigned min_version, max_version; /* 0, 0: the version is not part of the name */
} known[] = {
    {"debian", "debian", 4, 13},
    {"ubuntu", "ubuntu", 0, 0},
    {"rhel", "rhel", 2, 10},
    {"centos", "centos", 6, 9},
    {"fedora", "fedora", 0, 0},
    {"rocky", "rockylinux", 0, 0},
    {"almalinux", "almalinux", 0, 0},
    {"ol", "oracleLinux", 6, 10},
    {"sles", "sles", 10, 16},
    {"opensuse-leap", "opensuse", 0, 0},
    {"opensuse-tumbleweed", "opensuse", 0, 0},
    {"photon", "vmware-photon", 0, 0},
    {"amzn", "amazonlinux", 2, 3},
    {"flatcar", "coreos", 0, 0},
};

static void short_name(struct osinfo *os)
{
    const char *suffix = os->bits == 64 ? "-64" : "";
    unsigned major = (unsigned)strtoul(os->version_id, NULL, 10);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcmp(os->id, known[i].id) != 0)
            continue;
        if (known[i].max_version == 0) {
            snprintf(os->short_name, sizeof(os->short_name), "%s%s", known[i].prefix, suffix);
            return;
        }
        if (major >= known[i].min_version) {
            if (major > known[i].max_version)
                major = known[i].max_version;
            snprintf(os->short_name, sizeof(os->short_name), "%s%u%s", known[i].prefix, major,
                     suffix);
            return;
        }
    }
    unsigned kernel = (unsigned)strtoul(os->kernel, NULL, 10);
    if (kernel < 3 || kernel > 9)
        snprintf(os->short_name, sizeof(os->short_name), "otherlinux%s", suffix);
    else
        snprintf(os->short_name, sizeof(os->short_name), "other%uxlinux%s", kernel > 6 ? 6 : kernel,
                 suffix);
}

void osinfo_from(const char *os_release, const struct utsname *uts, struct osinfo *ret)
{
    memset(ret, 0, sizeof(*ret));
    copy(ret->name, sizeof(ret->name), "Linux");
    copy(ret->id, sizeof(ret->id), "linux");
    parse(os_release, ret);
    if (!*ret->pretty_name)
        snprintf(ret->pretty_name, sizeof(ret->pretty_name), "%.200s%s%.40s", ret->name,
                 *ret->version_id ? " " : "", ret->version_id);
    copy(ret->kernel, sizeof(ret->kernel), uts->release);
    copy(ret->machine, sizeof(ret->machine), uts->machine);
    copy(ret->host_name, sizeof(ret->host_name), uts->nodename);
    ret->bits = strstr(uts->machine, "64") || strcmp(uts->machine, "s390x") == 0 ? 64 : 32;
    snprintf(ret->full_name, sizeof(ret->full_name), "%.64s %.*s %.*s", uts->sysname,
             OSINFO_TEXT_MAX - 1, ret->kernel, OSINFO_TEXT_MAX - 1, ret->pretty_name);
    short_name(ret);
}

void osinfo_collect(struct osinfo *ret)
{
    static const char *const files[] = {"/etc/os-release", "/usr/lib/os-release"};
    AUTO_BUF struct buf b = BUF_INIT(OS_RELEASE_MAX);
    struct utsname uts;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        buf_clear(&b);
        if (fs_read_file(AT_FDCWD, files[i], &b, NULL) == 0)
            break;
    }
    memset(&uts, 0, sizeof(uts));
    uname(&uts);
    osinfo_from(buf_text(&b), &uts, ret);
}

int osinfo_details(const struct osinfo *os, struct buf *b)
{
    const bool arm = strncmp(os->machine, "aarch64", 7) == 0 || strncmp(os->machine, "arm", 3) == 0;
    const bool x86 = strcmp(os->machine, "x86_64") == 0 ||
                     (os->machine[0] == 'i' && strcmp(os->machine + 2, "86") == 0);
    const struct {
        const char *key, *value;
    } pairs[] = {
        {"architecture", arm   ? "Arm"
                         : x86 ? "X86"
                               : os->machine},
        {"bitness", os->bits == 64 ? "64" : "32"},
        {"buildNumber", os->build_id},
        {"cpeString", os->cpe_name},
        {"distroAddlVersion", os->version},
        {"distroName", os->name},
        {"distroVersion", os->version_id},
        {"familyName", "Linux"},
        {"kernelVersion", os->kernel},
        {"prettyName", os->pretty_name},
    };
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(pairs) && r == 0; i++) {
        if (*pairs[i].value)
            r = guestinfo_details_put(b, pairs[i].key, pairs[i].value);
    }
    return r;
}
