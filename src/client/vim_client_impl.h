/* What the files of the vSphere client share; see vim_client.h. */
#ifndef CLIENT_VIM_CLIENT_IMPL_H
#define CLIENT_VIM_CLIENT_IMPL_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "client/vim_client.h"

struct vim_client {
    CURLM *multi; /* for its wakeup: a cancelled call ends at once */
    CURL *curl;
    struct curl_slist *headers;
    char address[256];
    char curl_words[CURL_ERROR_SIZE];
    char *certificates, *certificate_dir, *pin, *user_agent; /* as in the options */
    int own;
    unsigned connect_s, timeout_s;
    vim_version version;
    struct arena arena; /* service content; lives as long as the client */
    struct arena fault_arena;
    const struct vim_object *fault;
    const struct vim_ServiceContent *content;
    enum vim_client_failure failure;
    atomic_bool cancelled;
    int logged_in; /* and has to log out */
    int renewing;
    int (*renew)(struct vim_client *c, void *arg);
    void *renew_arg;
    vim_client_progress *progress;
    void *progress_arg;
};

/* Sets everything that stays the same for all requests. */
int vim_http_setup(struct vim_client *c, const struct vim_client_options *o, struct error *err);
void vim_http_close(struct vim_client *c);
/* One request, prepared on c->curl but for its URL. */
int vim_http_perform(struct vim_client *c, const char *url, long *ret_status, struct error *err);
/* CURLOPT_WRITEFUNCTION for a struct buf. */
size_t vim_http_take(char *bytes, size_t size, size_t count, void *arg);

#endif
