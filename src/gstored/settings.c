#include "gstored/settings.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define DEFAULT_REGION "us-east-1"

static const char *text(const json_t *args, const char *name)
{
    const char *s = json_string_value(json_object_get(args, name));
    return s && *s ? s : NULL;
}

/* Printable, no blanks, nothing that a URL has to encode. */
static bool plain(const char *s)
{
    if (strlen(s) > SETTINGS_URL_MAX)
        return false;
    for (; *s; s++)
        if (*s <= ' ' || *s >= 0x7f || strchr("\"<>\\^`{|}", *s))
            return false;
    return true;
}

/* A copy without the slashes at the end. */
static char *trimmed(const char *s)
{
    size_t n = strlen(s);
    while (n > 1 && s[n - 1] == '/')
        n--;
    return mem_strndup(s, n);
}

static int read_folder(struct settings *s, const char *path, struct error *err)
{
    if (path[0] != '/' || strlen(path) > SETTINGS_URL_MAX)
        return error_set(err, -EINVAL, "the repository's folder must be an absolute path");
    s->kind = REPOSITORY_FOLDER;
    s->folder = trimmed(path);
    return s->folder ? 0 : error_set(err, -ENOMEM, "no memory");
}

static int read_http(struct settings *s, const char *url, const char *what, struct error *err)
{
    const char *host = strstr(url, "://");
    size_t n;

    if (!plain(url) || !host)
        return error_set(err, -EINVAL, "the %s is no URL", what);
    host += 3;
    n = strcspn(host, "/");
    if (n == 0 || memchr(host, '@', n) || strpbrk(url, "?#"))
        return error_set(err, -EINVAL, "the %s needs a host and no user, query or fragment", what);
    s->secure = !strncasecmp(url, "https://", 8);
    s->base = trimmed(url);
    return s->base ? 0 : error_set(err, -ENOMEM, "no memory");
}

/* s3://BUCKET/PREFIX: path-style, which every store of this kind understands. */
static int read_s3(struct settings *s, const char *rest, const json_t *args, struct error *err)
{
    const char *endpoint = text(args, "endpoint"), *region = text(args, "region");
    size_t bucket = strcspn(rest, "/");
    AUTO_FREE char *made = NULL, *server = NULL;
    int rc;

    if (!plain(rest) || bucket == 0 || strpbrk(rest, "?#%@:"))
        return error_set(err, -EINVAL, "the repository must be s3://BUCKET or s3://BUCKET/PREFIX");
    s->region = mem_strdup(region ? region : DEFAULT_REGION);
    if (!s->region)
        return error_set(err, -ENOMEM, "no memory");
    for (const char *p = s->region; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
            return error_set(err, -EINVAL, "the region is none");
    if (!endpoint) {
        made = mem_printf("https://s3.%s.amazonaws.com", s->region);
        endpoint = made;
    }
    if (!endpoint ||
        (strncasecmp(endpoint, "https://", 8) != 0 && strncasecmp(endpoint, "http://", 7) != 0))
        return error_set(err, -EINVAL, "the endpoint must be an http:// or https:// URL");
    rc = read_http(s, endpoint, "endpoint", err);
    if (rc < 0)
        return rc;
    server = TAKE_PTR(s->base);
    made = (mem_free(made), trimmed(rest));
    s->base = made ? mem_printf("%s/%s", server, made) : NULL;
    s->kind = REPOSITORY_S3;
    return s->base ? 0 : error_set(err, -ENOMEM, "no memory");
}

static int read_url(struct settings *s, const char *url, const json_t *args, struct error *err)
{
    static const char datastore[] = "ds:///vmfs/volumes/";
    int rc;

    if (!strncasecmp(url, "file://", 7))
        return read_folder(s, url + 7, err);
    if (!strncasecmp(url, datastore, strlen(datastore)))
        return read_folder(s, url + strlen("ds://"), err);
    if (url[0] == '/')
        return read_folder(s, url, err);
    if (!strncasecmp(url, "s3://", 5))
        return read_s3(s, url + 5, args, err);
    if (strncasecmp(url, "https://", 8) != 0 && strncasecmp(url, "http://", 7) != 0)
        return error_set(err, -EINVAL,
                         "the repository must be a folder, ds:///vmfs/volumes/..., file://,"
                         " http://, https:// or s3://");
    rc = read_http(s, url, "repository", err);
    s->kind = REPOSITORY_HTTP;
    return rc;
}

static int bytes(const json_t *args, const char *name, uint64_t fallback, uint64_t *ret,
                 struct error *err)
{
    const json_t *v = json_object_get(args, name);

    if (v && (!json_is_integer(v) || json_integer_value(v) < 1))
        return error_set(err, -EINVAL, "%s must be a number of bytes above 0", name);
    *ret = v ? (uint64_t)json_integer_value(v) : fallback;
    return 0;
}

int settings_read(const json_t *args, struct settings *ret, struct error *err)
{
    struct settings s = {.revision = json_integer_value(json_object_get(args, "revision"))};
    const char *url = text(args, "repository"), *ca = text(args, "caFile");
    int rc = bytes(args, "sizeMax", SETTINGS_SIZE_MAX_DEFAULT, &s.size_max, err);

    if (rc == 0)
        rc = bytes(args, "cacheMax", SETTINGS_CACHE_MAX_DEFAULT, &s.cache_max, err);
    if (rc == 0 && ca && ca[0] != '/')
        rc = error_set(err, -EINVAL, "the CA file must be an absolute path");
    if (rc == 0 && ca && !(s.ca_file = mem_strdup(ca)))
        rc = error_set(err, -ENOMEM, "no memory");
    if (rc == 0 && url && !(s.url = mem_strdup(url)))
        rc = error_set(err, -ENOMEM, "no memory");
    if (rc == 0 && url)
        rc = read_url(&s, url, args, err);
    if (rc < 0)
        settings_free(&s);
    else
        *ret = s;
    return rc;
}

/* "name = value" at `line`: the value, or NULL. */
static const char *value_of(const char *line, size_t len, const char *name, size_t *ret_len)
{
    size_t n = strlen(name);

    if (len < n || strncmp(line, name, n) != 0)
        return NULL;
    line += n;
    len -= n;
    while (len && isblank((unsigned char)*line))
        line++, len--;
    if (!len || *line != '=')
        return NULL;
    line++, len--;
    while (len && isblank((unsigned char)*line))
        line++, len--;
    while (len && isspace((unsigned char)line[len - 1]))
        len--;
    *ret_len = len;
    return len ? line : NULL;
}

int settings_credentials(struct settings *s, int fd, struct error *err)
{
    static const char *const names[] = {"aws_access_key_id", "aws_secret_access_key",
                                        "aws_session_token"};
    const char *values[3] = {NULL};
    size_t lens[3] = {0};
    char file[SETTINGS_CREDENTIALS_MAX];
    ssize_t n = pread(fd, file, sizeof(file), 0);
    int rc = 0;

    if (n < 0 || n == (ssize_t)sizeof(file))
        rc = error_set(err, n < 0 ? -errno : -EFBIG, "the credentials file cannot be read");
    for (ssize_t at = 0; rc == 0 && at < n;) {
        const char *line = file + at, *end = memchr(line, '\n', (size_t)(n - at));
        size_t len = end ? (size_t)(end - line) : (size_t)(n - at);

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            if (!values[i])
                values[i] = value_of(line, len, names[i], &lens[i]);
        at += (ssize_t)len + 1;
    }
    if (rc == 0 && (!values[0] || !values[1] || memchr(values[0], ':', lens[0])))
        rc = error_set(err, -EINVAL,
                       "the credentials file needs lines aws_access_key_id = ... and"
                       " aws_secret_access_key = ...");
    if (rc == 0) {
        s->credentials = mem_printf("%.*s:%.*s", (int)lens[0], values[0], (int)lens[1], values[1]);
        s->token = values[2] ? mem_strndup(values[2], lens[2]) : NULL;
        if (!s->credentials || (values[2] && !s->token))
            rc = error_set(err, -ENOMEM, "no memory");
    }
    explicit_bzero(file, sizeof(file));
    return rc;
}

static void forget(char **secret)
{
    if (*secret)
        mem_free_secret(*secret, strlen(*secret));
    *secret = NULL;
}

void settings_free(struct settings *s)
{
    mem_free(s->url);
    mem_free(s->folder);
    mem_free(s->base);
    mem_free(s->region);
    mem_free(s->ca_file);
    forget(&s->credentials);
    forget(&s->token);
    *s = (struct settings){0};
}
