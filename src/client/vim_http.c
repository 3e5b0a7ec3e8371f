/* The HTTPS half of the vSphere client, over libcurl. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/vim_client_impl.h"

/* Our version of the API, as the server must understand it. */
#define CLIENT_VERSION       "8.0.1.0"
#define KEEPALIVE_IDLE_S     60L
#define KEEPALIVE_INTERVAL_S 15L
#define POLL_MS              60000 /* curl's own timers and vim_client_cancel end a poll earlier */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT); /* not thread-safe everywhere */
}

void vim_client_init(void)
{
    pthread_once(&curl_once, init_curl);
}

static int keep(char **to, const char *from)
{
    *to = from ? mem_strdup(from) : NULL;
    return from && !*to ? -ENOMEM : 0;
}

/* curl reads all authorities for each connection, from a file and from a folder. */
static bool system_has_bundle(void)
{
    const char *file = curl_version_info(CURLVERSION_NOW)->cainfo;

    return file && access(file, R_OK) == 0;
}

static void set_trust(struct vim_client *c)
{
    if (c->pin) { /* the key is the whole trust: a self-signed certificate has no authority */
        curl_easy_setopt(c->curl, CURLOPT_PINNEDPUBLICKEY, c->pin);
        curl_easy_setopt(c->curl, CURLOPT_CAINFO, NULL); /* not read for nothing, each time */
        curl_easy_setopt(c->curl, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, 0L);
        return;
    }
    if (c->certificates || c->certificate_dir) { /* these and nothing else: no system's folder */
        curl_easy_setopt(c->curl, CURLOPT_CAINFO, c->certificates);
        curl_easy_setopt(c->curl, CURLOPT_CAPATH, c->certificate_dir);
    } else if (system_has_bundle()) {
        curl_easy_setopt(c->curl, CURLOPT_CAPATH, NULL); /* the same authorities once more */
    }
    if (c->own)
        curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

int vim_http_setup(struct vim_client *c, const struct vim_client_options *o, struct error *err)
{
    int n = snprintf(c->address, sizeof(c->address), "%s", o->address);

    if (n <= 0 || n >= (int)sizeof(c->address) || strpbrk(o->address, "/ @?#"))
        return error_set(err, -EINVAL, "bad address \"%s\": HOST:PORT is expected", o->address);
    vim_client_init();
    c->own = o->own;
    c->connect_s = o->connect_s ? o->connect_s : VIM_CLIENT_CONNECT_S;
    c->timeout_s = o->timeout_s ? o->timeout_s : VIM_CLIENT_TIMEOUT_S;
    c->multi = curl_multi_init();
    c->curl = curl_easy_init();
    if (!c->multi || !c->curl || keep(&c->certificates, o->certificates) ||
        keep(&c->certificate_dir, o->certificate_dir) || keep(&c->pin, o->pin) ||
        keep(&c->user_agent, o->user_agent ? o->user_agent : "inguest"))
        return error_set(err, -ENOMEM, "cannot initialise libcurl");
    c->headers = curl_slist_append(NULL, "Content-Type: text/xml; charset=utf-8");
    if (c->headers)
        curl_slist_append(c->headers, "SOAPAction: \"urn:vim25/" CLIENT_VERSION "\"");
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->curl_words);
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_COOKIEFILE, ""); /* cookies in memory */
    curl_easy_setopt(c->curl, CURLOPT_USERAGENT, c->user_agent);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, (long)c->connect_s);
    /* A host that is gone ends also what has no deadline, a program's terminal. */
    curl_easy_setopt(c->curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c->curl, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    curl_easy_setopt(c->curl, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    curl_easy_setopt(c->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(c->curl, CURLOPT_PROXY, ""); /* the server is near */
    set_trust(c);
    c->version = vim_version_find(CLIENT_VERSION);
    return 0;
}

void vim_http_close(struct vim_client *c)
{
    curl_slist_free_all(c->headers);
    curl_easy_cleanup(c->curl);
    curl_multi_cleanup(c->multi);
    mem_free(c->certificates);
    mem_free(c->certificate_dir);
    mem_free(c->pin);
    mem_free(c->user_agent);
}

size_t vim_http_take(char *bytes, size_t size, size_t count, void *arg)
{
    return buf_put(arg, bytes, size * count) ? 0 : size * count;
}

static const struct {
    CURLcode code;
    enum vim_client_failure failure;
    int err;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, VIM_CLIENT_RESOLVE, -EHOSTUNREACH},
    {CURLE_COULDNT_CONNECT, VIM_CLIENT_CONNECT, -ECONNREFUSED},
    {CURLE_OPERATION_TIMEDOUT, VIM_CLIENT_TIMEOUT, -ETIMEDOUT},
    {CURLE_SSL_CONNECT_ERROR, VIM_CLIENT_TLS, -EPROTO},
    {CURLE_PEER_FAILED_VERIFICATION, VIM_CLIENT_UNTRUSTED, -EACCES},
    {CURLE_SSL_CACERT_BADFILE, VIM_CLIENT_UNTRUSTED, -EACCES},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, VIM_CLIENT_UNTRUSTED, -EACCES},
    {CURLE_SSL_ISSUER_ERROR, VIM_CLIENT_UNTRUSTED, -EACCES},
    {CURLE_HTTP_RETURNED_ERROR, VIM_CLIENT_HTTP, -EREMOTEIO},
    {CURLE_UNSUPPORTED_PROTOCOL, VIM_CLIENT_PROTOCOL, -EPROTO},
    {CURLE_WEIRD_SERVER_REPLY, VIM_CLIENT_PROTOCOL, -EPROTO},
    {CURLE_WRITE_ERROR, VIM_CLIENT_LOCAL, -EIO},
    {CURLE_ABORTED_BY_CALLBACK, VIM_CLIENT_LOCAL, -EIO},
    {CURLE_URL_MALFORMAT, VIM_CLIENT_RESOLVE, -EINVAL},
};

static int failed(struct vim_client *c, CURLcode code, struct error *err)
{
    int r = -ECONNABORTED;

    c->failure = VIM_CLIENT_LOST;
    for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
        if (failures[i].code == code) {
            c->failure = failures[i].failure;
            r = failures[i].err;
        }
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        curl_off_t connected = 0;

        curl_easy_getinfo(c->curl, CURLINFO_CONNECT_TIME_T, &connected);
        if (!connected)
            c->failure = VIM_CLIENT_CONNECT;
    }
    return error_set(err, r, "%s: %s", c->address,
                     c->curl_words[0] ? c->curl_words : curl_easy_strerror(code));
}

/* curl_easy_perform, but another thread's vim_client_cancel ends it. */
static CURLcode drive(struct vim_client *c)
{
    CURLcode code = CURLE_OK;
    int running = 1;

    if (curl_multi_add_handle(c->multi, c->curl) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    while (running && !atomic_load(&c->cancelled)) {
        CURLMcode m = curl_multi_perform(c->multi, &running);
        struct CURLMsg *msg;
        int left;

        while ((msg = curl_multi_info_read(c->multi, &left)))
            if (msg->msg == CURLMSG_DONE)
                code = msg->data.result;
        if (!m && running)
            m = curl_multi_poll(c->multi, NULL, 0, POLL_MS, NULL);
        if (m) {
            code = CURLE_RECV_ERROR;
            break;
        }
    }
    curl_multi_remove_handle(c->multi, c->curl);
    return code;
}

int vim_http_perform(struct vim_client *c, const char *url, long *ret_status, struct error *err)
{
    CURLcode code;

    c->failure = VIM_CLIENT_FINE;
    c->curl_words[0] = '\0';
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    code = atomic_load(&c->cancelled) ? CURLE_OK : drive(c);
    if (atomic_load(&c->cancelled)) {
        c->failure = VIM_CLIENT_CANCELLED;
        return error_set(err, -ECANCELED, "%s: cancelled", c->address);
    }
    if (code != CURLE_OK)
        return failed(c, code, err);
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}

void vim_client_cancel(struct vim_client *c)
{
    atomic_store(&c->cancelled, true);
    curl_multi_wakeup(c->multi);
}

void vim_client_revive(struct vim_client *c)
{
    atomic_store(&c->cancelled, false);
}
