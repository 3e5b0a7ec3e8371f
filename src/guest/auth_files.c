#include "guest/auth_files.h"

#include <nettle/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define PASSWD_PATH "/etc/passwd"
#define LINE_SIZE   4096

static void look(const char *path, struct stat *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (stat(path, ret) < 0)
        memset(ret, 0, sizeof(*ret));
}

void auth_files_look(const char *shadow_path, struct auth_files *ret)
{
    look(shadow_path, &ret->shadow);
    look(PASSWD_PATH, &ret->passwd);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool auth_files_same(const struct auth_files *a, const struct auth_files *b)
{
    return same_file(&a->shadow, &b->shadow) && same_file(&a->passwd, &b->passwd);
}

static void add_line(struct hmac_sha256_ctx *m, const char *path, const char *account)
{
    char line[LINE_SIZE], buffer[LINE_SIZE];
    size_t n = strlen(account);
    FILE *f = fopen(path, "re");

    if (!f)
        return;
    setvbuf(f, buffer, _IOFBF, sizeof(buffer)); /* one that can be cleared */
    while (fgets(line, sizeof(line), f))
        if (strncmp(line, account, n) == 0 && line[n] == ':')
            hmac_sha256_update(m, strlen(line), (const uint8_t *)line);
    fclose(f);
    explicit_bzero(line, sizeof(line));
    explicit_bzero(buffer, sizeof(buffer));
}

void auth_files_digest(const char *shadow_path, const char *account,
                       const uint8_t key[SHA256_DIGEST_SIZE], uint8_t ret[SHA256_DIGEST_SIZE])
{
    struct hmac_sha256_ctx m;

    hmac_sha256_set_key(&m, SHA256_DIGEST_SIZE, key);
    add_line(&m, PASSWD_PATH, account);
    add_line(&m, shadow_path, account);
    hmac_sha256_digest(&m, SHA256_DIGEST_SIZE, ret);
    explicit_bzero(&m, sizeof(m));
}
