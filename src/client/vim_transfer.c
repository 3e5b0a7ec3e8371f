/* Files, through the transfer URLs that the host gives. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "client/vim_client_impl.h"

static size_t write_fd(char *bytes, size_t size, size_t count, void *arg)
{
    return fs_write_all(*(int *)arg, bytes, size * count) ? 0 : size * count;
}

static size_t read_fd(char *bytes, size_t size, size_t count, void *arg)
{
    ssize_t n;

    do
        n = read(*(int *)arg, bytes, size * count);
    while (n < 0 && errno == EINTR);
    return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static int transfer_url(const struct vim_client *c, const char *url, char out[VIM_CLIENT_URL_MAX],
                        struct error *err)
{
    const char *star = strstr(url, "://*");
    const char *colon = strrchr(c->address, ':');
    int host_len = colon ? (int)(colon - c->address) : (int)strlen(c->address);
    int n = star ? snprintf(out, VIM_CLIENT_URL_MAX, "%.*s://%.*s%s", (int)(star - url), url,
                            host_len, c->address, star + 4)
                 : snprintf(out, VIM_CLIENT_URL_MAX, "%s", url);

    if (n < 0 || n >= VIM_CLIENT_URL_MAX)
        return error_set(err, -ENAMETOOLONG, "transfer URL is too long");
    return 0;
}

static int tell(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                curl_off_t up)
{
    const struct vim_client *c = arg;
    int64_t total = up_total ? up_total : down_total;

    if (c->progress && total > 0)
        c->progress((uint64_t)(up_total ? up : down), (uint64_t)total, c->progress_arg);
    return 0;
}

void vim_client_on_progress(struct vim_client *c, vim_client_progress *progress, void *arg)
{
    c->progress = progress;
    c->progress_arg = arg;
}

static int transfer(struct vim_client *c, const char *url, struct error *err)
{
    char full[VIM_CLIENT_URL_MAX];
    long status = 0;
    int r = transfer_url(c, url, full, err);

    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, 0L);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, (long)c->timeout_s);
    curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, tell);
    curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
    curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, c->progress ? 0L : 1L);
    if (!r)
        r = vim_http_perform(c, full, &status, err);
    curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, 0L);
    if (!r && status != 200) {
        c->failure = VIM_CLIENT_HTTP;
        r = error_set(err, -EREMOTEIO, "the file transfer was answered with HTTP status %ld",
                      status);
    }
    return r;
}

int vim_client_get(struct vim_client *c, const char *url, int fd, struct error *err)
{
    int r;

    curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(c->curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, write_fd);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &fd);
    r = transfer(c, url, err);
    curl_easy_setopt(c->curl, CURLOPT_FAILONERROR, 0L);
    return r;
}

int vim_client_put(struct vim_client *c, const char *url, int fd, uint64_t size, struct error *err)
{
    AUTO_BUF struct buf answer = BUF_INIT(65536);
    int r;

    curl_easy_setopt(c->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
    curl_easy_setopt(c->curl, CURLOPT_READFUNCTION, read_fd);
    curl_easy_setopt(c->curl, CURLOPT_READDATA, &fd);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, vim_http_take);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &answer);
    r = transfer(c, url, err);
    curl_easy_setopt(c->curl, CURLOPT_UPLOAD, 0L);
    if (r && answer.len)
        return error_prefix(err, r, "%.200s", buf_text(&answer));
    return r;
}
