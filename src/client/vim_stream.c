#include "client/vim_stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/vim_client_impl.h"

#define PROTOCOL   "inguest-stream"
#define HEAD_MAX   16384u
#define CONNECT_MS 30000u

struct vim_stream {
    CURL *curl;
    char address[256];
    char words[CURL_ERROR_SIZE];
    struct buf early; /* what came behind the answer's head */
};

int vim_stream_prepare(struct vim_client *c, struct vim_stream **ret, struct error *err)
{
    struct vim_stream *s = mem_calloc(1, sizeof(*s));

    if (s)
        s->curl = curl_easy_duphandle(c->curl);
    if (!s || !s->curl) {
        mem_free(s);
        return error_set(err, -ENOMEM, "out of memory");
    }
    snprintf(s->address, sizeof(s->address), "%s", c->address);
    s->early = BUF_INIT(HEAD_MAX);
    /* What belongs to the client's own requests. */
    curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, s->words);
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, NULL);
    curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, NULL);
    curl_easy_setopt(s->curl, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(s->curl, CURLOPT_TIMEOUT, 0L);
    curl_easy_setopt(s->curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(s->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(s->curl, CURLOPT_CONNECT_ONLY, 1L);
    *ret = s;
    return 0;
}

void vim_stream_free(struct vim_stream *s)
{
    if (!s)
        return;
    curl_easy_cleanup(s->curl);
    buf_free(&s->early);
    mem_free(s);
}

int vim_stream_fd(const struct vim_stream *s)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    curl_easy_getinfo(s->curl, CURLINFO_ACTIVESOCKET, &fd);
    return (int)fd;
}

ssize_t vim_stream_send(struct vim_stream *s, const void *data, size_t len)
{
    size_t n = 0;
    CURLcode code = curl_easy_send(s->curl, data, len, &n);

    return code == CURLE_OK ? (ssize_t)n : code == CURLE_AGAIN ? -EAGAIN : -ECONNRESET;
}

ssize_t vim_stream_receive(struct vim_stream *s, void *data, size_t size)
{
    size_t n = s->early.len < size ? s->early.len : size;
    CURLcode code;

    if (n) {
        memcpy(data, s->early.data, n);
        buf_consume(&s->early, n);
        return (ssize_t)n;
    }
    code = curl_easy_recv(s->curl, data, size, &n);
    return code == CURLE_OK ? (ssize_t)n : code == CURLE_AGAIN ? -EAGAIN : -ECONNRESET;
}

static int wait_for(struct vim_stream *s, short events, uint64_t until)
{
    struct pollfd p = {.fd = vim_stream_fd(s), .events = events};
    uint64_t now = clock_ms();

    if (p.fd < 0)
        return -ECONNRESET;
    return now < until && (poll(&p, 1, (int)(until - now)) > 0 || errno == EINTR) ? 0 : -ETIMEDOUT;
}

/* Reads up to the empty line; what follows it stays in `early`. */
static int read_head(struct vim_stream *s, uint64_t until, int *ret_status)
{
    for (;;) {
        uint8_t *to;
        ssize_t n;
        uint8_t *end = s->early.len ? memmem(s->early.data, s->early.len, "\r\n\r\n", 4) : NULL;
        size_t n_read = 0;
        CURLcode code;

        if (end) {
            *ret_status =
                sscanf(buf_text(&s->early), "HTTP/1.%*d %d", ret_status) == 1 ? *ret_status : -1;
            buf_consume(&s->early, (size_t)(end + 4 - s->early.data));
            return 0;
        }
        if (buf_reserve(&s->early, 1024, &to))
            return -EPROTO;
        code = curl_easy_recv(s->curl, to, 1024, &n_read);
        n = code == CURLE_OK ? (ssize_t)n_read : code == CURLE_AGAIN ? -EAGAIN : -ECONNRESET;
        if (n == 0 || (n < 0 && n != -EAGAIN))
            return -ECONNRESET;
        if (n > 0)
            buf_commit(&s->early, (size_t)n);
        else if (wait_for(s, POLLIN, until) < 0)
            return -ETIMEDOUT;
    }
}

static int upgrade(struct vim_stream *s, const char *path, struct error *err)
{
    AUTO_FREE char *request = mem_printf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
                                         "Upgrade: " PROTOCOL "\r\n\r\n",
                                         path, s->address);
    uint64_t until = clock_ms() + CONNECT_MS;
    size_t at = 0, len = request ? strlen(request) : 0;
    int status = 0, r = request ? 0 : -ENOMEM;

    while (r == 0 && at < len) {
        ssize_t n = vim_stream_send(s, request + at, len - at);

        if (n > 0)
            at += (size_t)n;
        else
            r = n == -EAGAIN ? wait_for(s, POLLOUT, until) : (int)n;
    }
    if (r == 0)
        r = read_head(s, until, &status);
    if (r < 0)
        return error_errno(err, r, "%s: no answer to the request for a stream", s->address);
    return status == 101 ? 0
                         : error_set(err, -EPROTO, "%s answered HTTP status %d instead of a stream",
                                     s->address, status);
}

int vim_stream_connect(struct vim_stream *s, const char *path, struct error *err)
{
    char url[300];
    CURLcode code;

    snprintf(url, sizeof(url), "https://%s/", s->address);
    curl_easy_setopt(s->curl, CURLOPT_URL, url);
    if (path[0] != '/' || strpbrk(path, " \r\n"))
        return error_set(err, -EPROTO, "the host answered a path that is none");
    code = curl_easy_perform(s->curl);
    if (code != CURLE_OK)
        return error_set(err, -ECONNABORTED, "%s: %s", s->address,
                         s->words[0] ? s->words : curl_easy_strerror(code));
    return upgrade(s, path, err);
}
