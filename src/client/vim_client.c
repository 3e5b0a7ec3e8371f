#include "client/vim_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/soap.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"

#define TICKET_MAX   4096u
#define WAIT_SECONDS 60 /* the longest that one WaitForUpdatesEx is held */

struct vim_client {
    CURL *curl;
    struct curl_slist *headers;
    char address[256];
    char curl_words[CURL_ERROR_SIZE];
    vim_version version;
    struct arena arena; /* service content; lives as long as the client */
    struct arena fault_arena;
    const struct vim_object *fault;
    const struct vim_ServiceContent *content;
    int logged_in;
};

static size_t take_answer(char *bytes, size_t size, size_t count, void *arg)
{
    return buf_put(arg, bytes, size * count) ? 0 : size * count;
}

/* Our version of the API, as the server must understand it. */
#define CLIENT_VERSION "8.0.1.0"

static int setup(struct vim_client *c, const struct vim_client_options *o, struct error *err)
{
    int n = snprintf(c->address, sizeof(c->address), "%s", o->address);

    if (n <= 0 || n >= (int)sizeof(c->address))
        return error_set(err, -EINVAL, "bad address \"%s\": HOST:PORT is expected", o->address);
    c->curl = curl_easy_init();
    if (!c->curl)
        return error_set(err, -ENOMEM, "cannot initialise libcurl");
    c->headers = curl_slist_append(NULL, "Content-Type: text/xml; charset=utf-8");
    if (c->headers)
        curl_slist_append(c->headers, "SOAPAction: \"urn:vim25/" CLIENT_VERSION "\"");
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->curl_words);
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_COOKIEFILE, ""); /* cookies in memory */
    curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "inguest");
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, (long)VIM_CLIENT_CONNECT_S);
    curl_easy_setopt(c->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(c->curl, CURLOPT_PROXY, ""); /* the server is near */
    if (o->certificates)
        curl_easy_setopt(c->curl, CURLOPT_CAINFO, o->certificates);
    if (o->own)
        curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    c->version = vim_version_find(CLIENT_VERSION);
    return 0;
}

static int perform(struct vim_client *c, const char *url, long *ret_status, struct error *err)
{
    CURLcode code;

    c->curl_words[0] = '\0';
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    code = curl_easy_perform(c->curl);
    if (code != CURLE_OK)
        return error_set(err, code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -ECONNABORTED,
                         "%s: %s", c->address,
                         c->curl_words[0] ? c->curl_words : curl_easy_strerror(code));
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}

/* One POST; the answer's bytes are in `answer`. */
static int post(struct vim_client *c, const struct buf *request, struct buf *answer,
                long *ret_status, struct error *err)
{
    char url[VIM_CLIENT_URL_MAX];

    snprintf(url, sizeof(url), "https://%s/sdk", c->address);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, buf_text(request));
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, (long)VIM_CLIENT_TIMEOUT_S);
    return perform(c, url, ret_status, err);
}

int vim_client_call(struct vim_client *c, const struct vim_method *method, const void *req,
                    struct arena *arena, void **ret_result, struct error *err)
{
    struct buf request = BUF_INIT(VIM_CLIENT_ANSWER_MAX);
    AUTO_BUF struct buf answer = BUF_INIT(VIM_CLIENT_ANSWER_MAX);
    struct soap_fault fault = {0};
    void *result = NULL;
    long status = 0;
    int r;

    c->fault = NULL;
    arena_free(&c->fault_arena);
    r = soap_encode_request(&request, method, req, NULL, c->version);
    if (r)
        error_errno(err, r, "cannot write the request %s", method->name);
    else
        r = post(c, &request, &answer, &status, err);
    if (request.data)
        explicit_bzero(request.data, request.len); /* there may be a password in it */
    buf_free(&request);
    if (r)
        return error_prefix(err, r, "%s", method->name);
    if (status != 200 && status != 500)
        return error_set(err, -EPROTO, "%s: %s answered HTTP status %ld", method->name, c->address,
                         status);
    r = soap_decode_response(answer.data, answer.len, &SOAP_LIMITS_DEFAULT, method,
                             status == 500 ? &c->fault_arena : arena, &result, &fault, err);
    if (r == -EREMOTEIO) {
        c->fault = fault.detail;
        return error_set(err, r, "%s: %s%s%s", method->name, fault.text, fault.detail ? " / " : "",
                         fault.detail ? fault.detail->type->name : "");
    }
    if (r)
        return error_prefix(err, r, "%s", method->name);
    if (ret_result)
        *ret_result = result;
    return 0;
}

const struct vim_object *vim_client_fault(const struct vim_client *c)
{
    return c->fault;
}

const struct vim_ServiceContent *vim_client_content(const struct vim_client *c)
{
    return c->content;
}

int vim_client_new(const struct vim_client_options *options, struct vim_client **ret,
                   struct error *err)
{
    const struct vim_RetrieveServiceContent_request req = {
        .this_ = vim_ref_make("ServiceInstance", "ServiceInstance")};
    struct vim_RetrieveServiceContent_result *result = NULL;
    struct vim_client *c = mem_calloc(1, sizeof(*c));
    int r;

    if (!c)
        return error_set(err, -ENOMEM, "out of memory");
    c->arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    c->fault_arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    r = setup(c, options, err);
    if (!r)
        r = vim_client_call(c, &vim_method_RetrieveServiceContent, &req, &c->arena,
                            (void **)&result, err);
    if (r) {
        vim_client_free(c);
        return r;
    }
    c->content = result->value;
    *ret = c;
    return 0;
}

void vim_client_free(struct vim_client *c)
{
    if (!c)
        return;
    if (c->logged_in) {
        const struct vim_Logout_request req = {.this_ = c->content->sessionManager};

        /* The session would time out by itself. */
        vim_client_call(c, &vim_method_Logout, &req, &c->fault_arena, NULL, NULL);
    }
    curl_slist_free_all(c->headers);
    curl_easy_cleanup(c->curl);
    arena_free(&c->arena);
    arena_free(&c->fault_arena);
    mem_free(c);
}

int vim_client_login(struct vim_client *c, const char *user, const char *password,
                     struct error *err)
{
    const struct vim_Login_request req = {
        .this_ = c->content->sessionManager, .userName = user, .password = password};
    AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    int r = vim_client_call(c, &vim_method_Login, &req, &arena, NULL, err);

    c->logged_in = !r;
    return r;
}

int vim_client_login_local(struct vim_client *c, const char *user, struct error *err)
{
    const struct vim_AcquireLocalTicket_request req = {.this_ = c->content->sessionManager,
                                                       .userName = user};
    struct vim_AcquireLocalTicket_result *ticket = NULL;
    AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct buf password = BUF_INIT(TICKET_MAX);
    int r = vim_client_call(c, &vim_method_AcquireLocalTicket, &req, &arena, (void **)&ticket, err);

    if (r)
        return r;
    r = fs_read_file(AT_FDCWD, ticket->value->passwordFilePath, &password, err);
    if (r) {
        error_prefix(err, r, "cannot read the local ticket (only root on the host's machine can)");
    } else {
        while (password.len && password.data[password.len - 1] == '\n')
            password.data[--password.len] = '\0';
        r = vim_client_login(c, ticket->value->userName, buf_text(&password), err);
    }
    if (password.data)
        explicit_bzero(password.data, password.len);
    buf_free(&password);
    return r;
}

/* --- properties --- */

static struct vim_PropertyFilterSpec *property_spec(struct arena *a, struct vim_ref object,
                                                    const char *path)
{
    struct vim_PropertyFilterSpec *spec = VIM_NEW(a, PropertyFilterSpec);
    struct vim_PropertySpec *prop = VIM_NEW(a, PropertySpec);
    struct vim_ObjectSpec *obj = VIM_NEW(a, ObjectSpec);
    struct vim_PropertySpec **props = ARENA_ARRAY(a, 1, struct vim_PropertySpec *);
    struct vim_ObjectSpec **objects = ARENA_ARRAY(a, 1, struct vim_ObjectSpec *);
    const char **paths = ARENA_ARRAY(a, 1, const char *);

    if (!spec || !prop || !obj || !props || !objects || !paths)
        return NULL;
    paths[0] = path;
    props[0] = prop;
    objects[0] = obj;
    prop->type = object.type;
    prop->pathSet = (struct vim_array_string){1, paths};
    obj->obj = object;
    spec->propSet = (struct vim_array_PropertySpec){1, props};
    spec->objectSet = (struct vim_array_ObjectSpec){1, objects};
    return spec;
}

int vim_client_property(struct vim_client *c, struct vim_ref object, const char *path,
                        struct arena *arena, struct vim_any **ret, struct error *err)
{
    struct vim_PropertyFilterSpec *spec = property_spec(arena, object, path);
    struct vim_RetrievePropertiesEx_request req = {.this_ = c->content->propertyCollector};
    struct vim_RetrievePropertiesEx_result *result = NULL;
    int r;

    req.options = VIM_NEW(arena, RetrieveOptions);
    if (!spec || !req.options)
        return error_set(err, -ENOMEM, "out of memory");
    req.specSet = (struct vim_array_PropertyFilterSpec){1, &spec};
    r = vim_client_call(c, &vim_method_RetrievePropertiesEx, &req, arena, (void **)&result, err);
    if (r)
        return r;
    *ret = NULL;
    if (result->value && result->value->objects.count &&
        result->value->objects.items[0]->propSet.count)
        *ret = result->value->objects.items[0]->propSet.items[0]->val;
    return 0;
}

/* The newest value that an update set carries for the path; *found when it carries one. */
static const struct vim_any *newest(const struct vim_UpdateSet *set, int *found)
{
    const struct vim_any *value = NULL;

    *found = 0;
    for (size_t f = 0; f < set->filterSet.count; f++) {
        const struct vim_PropertyFilterUpdate *update = set->filterSet.items[f];

        for (size_t o = 0; o < update->objectSet.count; o++) {
            const struct vim_ObjectUpdate *object = update->objectSet.items[o];

            for (size_t i = 0; i < object->changeSet.count; i++) {
                value = object->changeSet.items[i]->val;
                *found = 1;
            }
        }
    }
    return value;
}

static int wait_loop(struct vim_client *c, struct vim_ref collector,
                     int (*done)(const struct vim_any *value, void *arg), void *arg,
                     uint64_t timeout_ms, struct error *err)
{
    uint64_t end = clock_ms() + timeout_ms;
    char version[64] = "";

    for (;;) {
        AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
        struct vim_WaitForUpdatesEx_request req = {.this_ = collector};
        struct vim_WaitForUpdatesEx_result *result = NULL;
        uint64_t now = clock_ms();
        const struct vim_any *value;
        int found, r;

        if (now >= end)
            return error_set(err, -ETIMEDOUT, "waited %llu s in vain",
                             (unsigned long long)timeout_ms / 1000);
        req.version = version[0] ? version : NULL;
        req.options = VIM_NEW(&a, WaitOptions);
        if (!req.options)
            return error_set(err, -ENOMEM, "out of memory");
        req.options->has_maxWaitSeconds = true;
        req.options->maxWaitSeconds = (end - now) / 1000 + 1 < WAIT_SECONDS
                                          ? (int32_t)((end - now) / 1000 + 1)
                                          : WAIT_SECONDS;
        r = vim_client_call(c, &vim_method_WaitForUpdatesEx, &req, &a, (void **)&result, err);
        if (r)
            return r;
        if (!result->value)
            continue;
        snprintf(version, sizeof(version), "%s", result->value->version);
        value = newest(result->value, &found);
        if (found && done(value, arg))
            return 0;
    }
}

int vim_client_wait(struct vim_client *c, struct vim_ref object, const char *path,
                    int (*done)(const struct vim_any *value, void *arg), void *arg,
                    uint64_t timeout_ms, struct error *err)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const struct vim_CreatePropertyCollector_request make = {.this_ =
                                                                 c->content->propertyCollector};
    struct vim_CreatePropertyCollector_result *made = NULL;
    struct vim_CreateFilter_request filter = {.partialUpdates = false};
    int r = vim_client_call(c, &vim_method_CreatePropertyCollector, &make, &a, (void **)&made, err);

    if (r)
        return r;
    filter.this_ = made->value;
    filter.spec = property_spec(&a, object, path);
    r = filter.spec ? vim_client_call(c, &vim_method_CreateFilter, &filter, &a, NULL, err)
                    : error_set(err, -ENOMEM, "out of memory");
    if (!r)
        r = wait_loop(c, made->value, done, arg, timeout_ms, err);
    if (r)
        error_prefix(err, r, "waiting for %s", path);
    {
        const struct vim_DestroyPropertyCollector_request destroy = {.this_ = made->value};

        vim_client_call(c, &vim_method_DestroyPropertyCollector, &destroy, &a, NULL, NULL);
    }
    return r;
}

static int task_over(const struct vim_any *value, void *arg)
{
    const struct vim_TaskInfo *info = value ? VIM_CAST(value->v.object, TaskInfo) : NULL;

    (void)arg;
    return info &&
           (info->state == VIM_TaskInfoState_success || info->state == VIM_TaskInfoState_error);
}

int vim_client_wait_task(struct vim_client *c, struct vim_ref task, uint64_t timeout_ms,
                         struct arena *arena, struct vim_any **ret, struct error *err)
{
    const struct vim_TaskInfo *info;
    struct vim_any *value = NULL;
    int r = vim_client_wait(c, task, "info", task_over, NULL, timeout_ms, err);

    if (!r)
        r = vim_client_property(c, task, "info", arena, &value, err);
    if (r)
        return r;
    info = value ? VIM_CAST(value->v.object, TaskInfo) : NULL;
    if (!info)
        return error_set(err, -EPROTO, "the task %s has no information", task.value);
    if (info->state == VIM_TaskInfoState_error)
        return error_set(err, -EREMOTEIO, "%s: %s", info->name ? info->name : "task",
                         info->error && info->error->localizedMessage
                             ? info->error->localizedMessage
                             : "failed");
    if (ret)
        *ret = info->result;
    return 0;
}

/* --- files --- */

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

static int transfer(struct vim_client *c, const char *url, struct error *err)
{
    char full[VIM_CLIENT_URL_MAX];
    long status = 0;
    int r = transfer_url(c, url, full, err);

    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, 0L);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, (long)VIM_CLIENT_TIMEOUT_S);
    if (!r)
        r = perform(c, full, &status, err);
    curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, 0L);
    if (!r && status != 200)
        r = error_set(err, -EREMOTEIO, "the file transfer was answered with HTTP status %ld",
                      status);
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
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &answer);
    r = transfer(c, url, err);
    curl_easy_setopt(c->curl, CURLOPT_UPLOAD, 0L);
    if (r && answer.len)
        return error_prefix(err, r, "%.200s", buf_text(&answer));
    return r;
}
