#include "gstored/fetch.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/gstore.h"

#define URL_MAX         (SETTINGS_URL_MAX + 3 * GSTORE_PATH_MAX + 1)
#define CONNECTIONS_MAX 256L
#define BUFFER_BYTES    65536L
#define WHY_MAX         (CURL_ERROR_SIZE + 64)
/* Of no body, which every request of ours has. */
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct fetcher {
    uv_loop_t *loop;
    const struct settings *settings;
    CURLM *multi;
    uv_timer_t timer;
    bool freed;
};

struct fetch {
    struct fetcher *fetcher;
    CURL *easy;
    struct curl_slist *headers;
    const struct fetch_ops *ops;
    void *arg;
    struct fetch_head head;
    bool head_told;
    int code; /* what a callback ended it with */
    char words[CURL_ERROR_SIZE];
};

/* A socket of libcurl. */
struct watch {
    uv_poll_t poll;
    struct fetcher *fetcher;
    curl_socket_t fd;
};

/* ---- libcurl on the loop ---- */

static void free_fetch(struct fetch *q)
{
    curl_multi_remove_handle(q->fetcher->multi, q->easy);
    curl_easy_cleanup(q->easy);
    curl_slist_free_all(q->headers);
    mem_free(q);
}

static int tell_head(struct fetch *q)
{
    curl_off_t size = -1;

    if (q->head_told)
        return 0;
    q->head_told = true;
    curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &q->head.status);
    curl_easy_getinfo(q->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    q->head.size = size;
    return q->ops->head(&q->head, q->arg);
}

static int errno_of(CURLcode code)
{
    return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT
           : code == CURLE_OUT_OF_MEMORY    ? -ENOMEM
                                            : -EIO;
}

static void finish(struct fetch *q, CURLcode result)
{
    const struct fetch_ops *ops = q->ops;
    void *arg = q->arg;
    char why[WHY_MAX];
    int code = q->code;

    if (!code && result == CURLE_OK)
        code = tell_head(q); /* an answer without a body */
    else if (!code)
        code = errno_of(result);
    snprintf(why, sizeof(why), "%s", q->words[0] ? q->words : curl_easy_strerror(result));
    free_fetch(q);
    ops->done(code, why, arg);
}

static void collect(struct fetcher *f)
{
    CURLMsg *msg;
    int left;

    while (!f->freed && (msg = curl_multi_info_read(f->multi, &left))) {
        struct fetch *q = NULL;
        CURLcode result = msg->data.result;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&q);
        finish(q, result);
    }
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    struct fetcher *f = w->fetcher;
    int mask = status < 0 ? CURL_CSELECT_ERR : 0, running;

    if (events & UV_READABLE)
        mask |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        mask |= CURL_CSELECT_OUT;
    curl_multi_socket_action(f->multi, w->fd, mask, &running);
    collect(f);
}

static void on_timer(uv_timer_t *timer)
{
    struct fetcher *f = timer->data;
    int running;

    curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(f);
}

static void watch_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_data)
{
    struct fetcher *f = arg;
    struct watch *w = socket_data;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, watch_closed);
            curl_multi_assign(f->multi, fd, NULL);
        }
        return 0;
    }
    if (!w) {
        w = mem_calloc(1, sizeof(*w));
        if (!w)
            return -1;
        w->fetcher = f;
        w->fd = fd;
        if (uv_poll_init(f->loop, &w->poll, fd) < 0) {
            mem_free(w);
            return -1;
        }
        w->poll.data = w;
        curl_multi_assign(f->multi, fd, w);
    }
    uv_poll_start(&w->poll,
                  (what & CURL_POLL_IN ? UV_READABLE : 0) |
                      (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
                  on_socket);
    return 0;
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
    struct fetcher *f = arg;

    (void)multi;
    if (ms < 0)
        uv_timer_stop(&f->timer);
    else
        uv_timer_start(&f->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

/* ---- one answer ---- */

/* Takes the value of a header line when it has this name. */
static bool header_is(const char *line, size_t len, const char *name, const char **ret,
                      size_t *ret_len)
{
    size_t n = strlen(name);

    if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return false;
    line += n + 1;
    len -= n + 1;
    while (len && isspace((unsigned char)*line))
        line++, len--;
    while (len && isspace((unsigned char)line[len - 1]))
        len--;
    *ret = line;
    *ret_len = len;
    return true;
}

static void keep_validator(char to[FETCH_VALIDATOR_MAX], const char *value, size_t len)
{
    to[0] = '\0';
    if (len >= FETCH_VALIDATOR_MAX)
        return;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)value[i] < ' ' || value[i] == 0x7f)
            return;
    memcpy(to, value, len);
    to[len] = '\0';
}

static size_t take_header(char *line, size_t size, size_t count, void *arg)
{
    struct fetch *q = arg;
    const char *value;
    size_t len = size * count, n;

    if (len > 5 && strncmp(line, "HTTP/", 5) == 0) /* another answer, after a redirect */
        q->head = (struct fetch_head){0};
    else if (header_is(line, len, "ETag", &value, &n))
        keep_validator(q->head.validators.etag, value, n);
    else if (header_is(line, len, "Last-Modified", &value, &n))
        keep_validator(q->head.validators.modified, value, n);
    else if (header_is(line, len, "Content-Encoding", &value, &n))
        q->head.encoded = n != 8 || strncasecmp(value, "identity", n) != 0;
    return len;
}

static size_t take_data(char *bytes, size_t size, size_t count, void *arg)
{
    struct fetch *q = arg;
    size_t len = size * count;

    q->code = tell_head(q);
    if (q->code == 0)
        q->code = q->ops->data(bytes, len, q->arg);
    return q->code == 0 ? len : len + 1; /* more than there was: libcurl's word for an error */
}

/* ---- one request ---- */

static int make_url(const struct settings *s, const char *path, struct buf *b)
{
    buf_put_str(b, s->base);
    for (const char *p = path; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (isalnum(c) || strchr("/-._~", c))
            buf_put_u8(b, c);
        else
            buf_printf(b, "%%%02X", c);
    }
    return buf_error(b);
}

static int add_header(struct fetch *q, const char *name, const char *value)
{
    AUTO_FREE char *line = mem_printf("%s: %s", name, value);
    struct curl_slist *more = line ? curl_slist_append(q->headers, line) : NULL;

    if (!more)
        return -ENOMEM;
    q->headers = more;
    return 0;
}

/* Signature version 4 over everything that is sent. */
static int sign(struct fetch *q, const struct settings *s)
{
    char scope[128];
    int rc = add_header(q, "x-amz-content-sha256", EMPTY_SHA256);

    if (rc == 0 && s->token)
        rc = add_header(q, "x-amz-security-token", s->token);
    if (!s->credentials)
        return rc; /* a public bucket */
    snprintf(scope, sizeof(scope), "aws:amz:%.64s:s3", s->region);
    curl_easy_setopt(q->easy, CURLOPT_USERPWD, s->credentials);
    curl_easy_setopt(q->easy, CURLOPT_AWS_SIGV4, scope);
    return rc;
}

static int prepare(struct fetch *q, const char *path, bool head_only,
                   const struct fetch_validators *unless)
{
    const struct settings *s = q->fetcher->settings;
    AUTO_BUF struct buf url = BUF_INIT(URL_MAX);
    const char *scheme = s->secure ? "https" : "http";
    CURL *e = q->easy;
    int rc = make_url(s, path, &url);

    if (rc == 0 && unless && unless->etag[0])
        rc = add_header(q, "If-None-Match", unless->etag);
    else if (rc == 0 && unless && unless->modified[0])
        rc = add_header(q, "If-Modified-Since", unless->modified);
    if (rc == 0 && s->kind == REPOSITORY_S3)
        rc = sign(q, s);
    if (rc < 0)
        return rc;
    curl_easy_setopt(e, CURLOPT_URL, buf_text(&url));
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, q->headers);
    curl_easy_setopt(e, CURLOPT_NOBODY, head_only ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, scheme);
    curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, scheme);
    /* A signature holds for one address only. */
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, s->kind == REPOSITORY_S3 ? 0L : 1L);
    curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)FETCH_REDIRECTS_MAX);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "inguest-gstored");
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)FETCH_CONNECT_S);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)FETCH_STALL_S);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    if (s->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, s->ca_file);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, q->words);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, q);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_data);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, q);
    curl_easy_setopt(e, CURLOPT_PRIVATE, q);
    return 0;
}

int fetch_start(struct fetcher *f, const char *path, bool head_only,
                const struct fetch_validators *unless, const struct fetch_ops *ops, void *arg,
                struct fetch **ret)
{
    struct fetch *q = mem_calloc(1, sizeof(*q));
    int rc = -ENOMEM;

    if (!q)
        return rc;
    *q = (struct fetch){.fetcher = f, .ops = ops, .arg = arg, .easy = curl_easy_init()};
    if (q->easy)
        rc = prepare(q, path, head_only, unless);
    if (rc == 0 && curl_multi_add_handle(f->multi, q->easy) != CURLM_OK)
        rc = -ENOMEM;
    if (rc < 0) {
        curl_easy_cleanup(q->easy);
        curl_slist_free_all(q->headers);
        mem_free(q);
        return rc;
    }
    *ret = q;
    return 0;
}

void fetch_cancel(struct fetch *q)
{
    if (q)
        free_fetch(q);
}

int fetcher_new(uv_loop_t *loop, const struct settings *settings, struct fetcher **ret)
{
    struct fetcher *f = mem_calloc(1, sizeof(*f));

    if (!f)
        return -ENOMEM;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    f->multi = curl_multi_init();
    if (!f->multi) {
        mem_free(f);
        return -ENOMEM;
    }
    f->loop = loop;
    f->settings = settings;
    uv_timer_init(loop, &f->timer);
    f->timer.data = f;
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, CONNECTIONS_MAX);
    *ret = f;
    return 0;
}

static void timer_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    f->freed = true;
    curl_multi_cleanup(f->multi);
    uv_close((uv_handle_t *)&f->timer, timer_closed);
}
