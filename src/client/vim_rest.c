/* The REST half of the client: few calls, JSON in and out as text. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "client/vim_client_impl.h"

/* The words of an error answer: {"messages": [{"default_message": ...}]}. */
static int refused(const char *address, long status, const struct buf *answer, struct error *err)
{
    json_t *o = json_loadb(buf_text(answer), answer->len, 0, NULL);
    const json_t *first = json_array_get(json_object_get(o, "messages"), 0);
    const char *text = json_string_value(json_object_get(first, "default_message"));
    int r = error_set(err, -EREMOTEIO, "%s: %s (HTTP status %ld)", address,
                      text ? text : "the server refused", status);

    json_decref(o);
    return r;
}

/* libcurl spoils its Cookie header when the request line is longer than about 8000 bytes, and the
 * session goes in a header of its own here: the cookies stay away meanwhile. */
static struct curl_slist *take_cookies(struct vim_client *c)
{
    struct curl_slist *cookies = NULL;

    curl_easy_getinfo(c->curl, CURLINFO_COOKIELIST, &cookies);
    curl_easy_setopt(c->curl, CURLOPT_COOKIELIST, "ALL");
    return cookies;
}

static void put_back(struct vim_client *c, struct curl_slist *cookies)
{
    for (struct curl_slist *i = cookies; i; i = i->next) {
        curl_easy_setopt(c->curl, CURLOPT_COOKIELIST, i->data);
        explicit_bzero(i->data, strlen(i->data));
    }
    curl_slist_free_all(cookies);
}

int vim_client_rest(struct vim_client *c, const char *verb, const char *path, const char *body,
                    struct buf *ret, struct error *err)
{
    AUTO_FREE char *url = mem_printf("https://%s%s", c->address, path); /* may be long */
    char cookie[VIM_CLIENT_COOKIE_MAX], line[VIM_CLIENT_COOKIE_MAX + 64];
    AUTO_BUF struct buf answer = BUF_INIT(VIM_CLIENT_ANSWER_MAX);
    struct curl_slist *headers = NULL, *more, *cookies;
    const char *value = cookie;
    long status = 0;
    int r = vim_client_cookie(c, cookie);
    size_t n = strlen(cookie);

    if (r < 0)
        return error_errno(err, r, "the session");
    if (n > 2 && cookie[0] == '"' && cookie[n - 1] == '"') {
        cookie[n - 1] = '\0';
        value++;
    }
    snprintf(line, sizeof(line), "vmware-api-session-id: %s", value);
    headers = curl_slist_append(NULL, line);
    more = headers ? curl_slist_append(headers, "Content-Type: application/json") : NULL;
    explicit_bzero(cookie, sizeof(cookie));
    explicit_bzero(line, sizeof(line));
    if (more && url) {
        curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, verb);
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body ? body : "");
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(body ? strlen(body) : 0));
        curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, vim_http_take);
        curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &answer);
        curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, (long)c->timeout_s);
        cookies = take_cookies(c);
        r = vim_http_perform(c, url, &status, err);
        put_back(c, cookies);
        curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, NULL);
        curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
    } else {
        r = error_set(err, -ENOMEM, "out of memory");
    }
    curl_slist_free_all(headers);
    if (r == 0 && status / 100 != 2)
        r = refused(c->address, status, &answer, err);
    if (r == 0 && ret)
        r = buf_put(ret, answer.data, answer.len);
    return r;
}
