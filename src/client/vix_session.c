/*
 * A session: the login on a host, the clients that share it, and its end.
 *
 * `first` logs in, is lent like the others, and logs out when all are back. Workers and
 * synchronous functions borrow clients, joined to the same session; whoever finds that the server
 * has forgotten it logs in anew.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "client/vix_session_impl.h"

static int keep(const char **s)
{
    if (!*s)
        return 0;
    *s = mem_strdup(*s);
    return *s ? 0 : -1;
}

static void forget(const char **s)
{
    if (*s)
        mem_free_secret((char *)(uintptr_t)*s, strlen(*s));
    *s = NULL;
}

static void free_options(struct vix_connect *o)
{
    const char **strings[] = {&o->host,   &o->user,        &o->password,  &o->ca_file,
                              &o->ca_dir, &o->fingerprint, &o->state_dir, &o->run_dir};

    for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
        forget(strings[i]);
}

static int copy_options(struct vix_connect *to, const struct vix_connect *from)
{
    const char **strings[] = {&to->host,   &to->user,        &to->password,  &to->ca_file,
                              &to->ca_dir, &to->fingerprint, &to->state_dir, &to->run_dir};
    int bad = 0;

    *to = *from;
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
        bad |= keep(strings[i]);
    return bad;
}

struct vix_session *vix_session_new(const struct vix_connect *o, VixError *ret_error)
{
    struct vix_session *s = mem_calloc(1, sizeof(*s));
    pthread_condattr_t attr;

    vim_client_init(); /* not on a worker */
    if (!s || copy_options(&s->options, o)) {
        if (s)
            free_options(&s->options);
        mem_free(s);
        *ret_error = VIX_E_OUT_OF_MEMORY;
        return NULL;
    }
    atomic_init(&s->uses, 1);
    atomic_init(&s->refs, 1);
    atomic_init(&s->no_process_wait, false);
    s->queue_end = &s->queue;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_cond_init(&s->work, &attr);
    pthread_condattr_destroy(&attr);
    s->local = (!o->host || !*o->host) && (o->type == VIX_SERVICEPROVIDER_DEFAULT ||
                                           o->type == VIX_SERVICEPROVIDER_VMWARE_WORKSTATION ||
                                           o->type == VIX_SERVICEPROVIDER_VMWARE_PLAYER);
    return s;
}

/* A client that is still borrowed belongs to the thread that ends the session, in a callback from
 * the middle of an operation: it and `first` go with the session's memory. */
static void free_clients(struct vix_session *s)
{
    for (unsigned i = 0; i < s->client_count; i++)
        if (s->clients[i].borrowed)
            return;
    for (unsigned i = 1; i < s->client_count; i++)
        vim_client_free(s->clients[i].client);
    s->client_count = 0;
    if (s->first)
        vim_client_keep_session(s->first); /* who wanted to log out has */
    vim_client_free(s->first);
    s->first = NULL;
}

void vix_session_unref(struct vix_session *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    free_clients(s);
    free_options(&s->options);
    explicit_bzero(s->cookie, sizeof(s->cookie));
    pthread_cond_destroy(&s->changed);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

void vix_session_use(struct vix_session *s)
{
    atomic_fetch_add(&s->uses, 1);
}

void vix_session_unuse(struct vix_session *s)
{
    if (atomic_fetch_sub(&s->uses, 1) != 1)
        return;
    vix_session_end(s, VIX_E_HOST_CONNECTION_LOST);
    vix_session_unref(s);
}

const struct vix_connect *vix_session_options(const struct vix_session *s)
{
    return &s->options;
}

bool vix_session_is_local(const struct vix_session *s)
{
    return s->local;
}

bool vix_session_has_process_wait(const struct vix_session *s)
{
    return !atomic_load(&s->no_process_wait);
}

void vix_session_lacks_process_wait(struct vix_session *s)
{
    atomic_store(&s->no_process_wait, true);
}

VixError vix_session_reason(struct vix_session *s)
{
    VixError reason;

    pthread_mutex_lock(&s->lock);
    reason = s->ended ? s->reason : VIX_OK;
    pthread_mutex_unlock(&s->lock);
    return reason;
}

VixError vix_session_sleep(struct vix_session *s, unsigned ms)
{
    struct timespec until;
    VixError error;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&s->lock);
    while (!s->ended && !pthread_cond_timedwait(&s->changed, &s->lock, &until))
        ;
    error = s->ended ? s->reason : VIX_OK;
    pthread_mutex_unlock(&s->lock);
    return error;
}

/* --- clients --- */

/* The server has forgotten the session: one thread logs in again, the others take its cookie. */
static int renew(struct vim_client *c, void *arg)
{
    struct vix_session *s = arg;
    char cookie[VIM_CLIENT_COOKIE_MAX] = "", mine[VIM_CLIENT_COOKIE_MAX] = "";
    bool login = false;
    int r = 0;

    if (!s->options.password && !s->local)
        return -EACCES;
    vim_client_cookie(c, mine);
    pthread_mutex_lock(&s->lock);
    while (s->renewing && !s->ended)
        pthread_cond_wait(&s->changed, &s->lock);
    if (s->ended)
        r = -ECANCELED;
    else if (!strcmp(mine, s->cookie))
        login = s->renewing = true;
    pthread_mutex_unlock(&s->lock);
    if (!r && login) {
        r = s->local && !s->options.password
                ? vim_client_login_local(c, s->user, NULL)
                : vim_client_login(c, s->options.user, s->options.password, NULL);
        vim_client_keep_session(c);
        pthread_mutex_lock(&s->lock);
        if (!r)
            r = vim_client_cookie(c, s->cookie);
        s->renewing = false;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_lock(&s->lock);
    memcpy(cookie, s->cookie, sizeof(cookie));
    pthread_mutex_unlock(&s->lock);
    if (!r)
        r = vim_client_set_cookie(c, cookie);
    explicit_bzero(cookie, sizeof(cookie));
    explicit_bzero(mine, sizeof(mine));
    return r;
}

/* Under the lock. */
static struct vix_client *free_client(struct vix_session *s, struct error *err)
{
    struct vix_client *slot;

    for (unsigned i = 0; i < s->client_count; i++)
        if (!s->clients[i].borrowed)
            return &s->clients[i];
    if (s->client_count == VIX_CLIENTS_MAX)
        return NULL;
    slot = &s->clients[s->client_count];
    if (vim_client_join(s->first, &slot->client, err))
        return NULL;
    vim_client_on_expired(slot->client, renew, s);
    vim_client_set_cookie(slot->client, s->cookie);
    s->client_count++;
    return slot;
}

VixError vix_session_borrow(struct vix_session *s, struct vim_client **ret, struct error *err)
{
    struct vix_client *slot = NULL;
    VixError error = VIX_OK;

    pthread_mutex_lock(&s->lock);
    while (!s->ended && s->first && !(slot = free_client(s, err)) &&
           s->client_count == VIX_CLIENTS_MAX)
        pthread_cond_wait(&s->changed, &s->lock);
    if (slot) {
        slot->borrowed = true;
        slot->by = pthread_self();
        *ret = slot->client;
    } else if (s->ended) {
        error = s->reason;
    } else {
        error = s->first ? VIX_E_OUT_OF_MEMORY : VIX_E_HOST_NOT_CONNECTED;
    }
    pthread_mutex_unlock(&s->lock);
    return error;
}

void vix_session_return(struct vix_session *s, struct vim_client *c)
{
    pthread_mutex_lock(&s->lock);
    vim_client_on_progress(c, NULL, NULL);
    for (unsigned i = 0; i < s->client_count; i++)
        if (s->clients[i].client == c)
            s->clients[i].borrowed = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void vix_session_lend_first(struct vix_session *s)
{
    s->clients[0] = (struct vix_client){.client = s->first};
    s->client_count = 1;
    vim_client_on_expired(s->first, renew, s);
}

/* --- the end --- */

static void log_out(struct vix_session *s)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct vim_Logout_request req = {0};

    if (!s->first || s->clients[0].borrowed || !s->cookie[0] || s->options.keep_login_s)
        return;
    vim_client_revive(s->first);
    vim_client_on_expired(s->first, NULL, NULL);
    req.this_ = vim_client_content(s->first)->sessionManager;
    vim_client_call(s->first, &vim_method_Logout, &req, &a, NULL, NULL);
}

void vix_session_end(struct vix_session *s, VixError reason)
{
    pthread_mutex_lock(&s->lock);
    if (s->ended) {
        pthread_mutex_unlock(&s->lock);
        return;
    }
    s->ended = true;
    s->reason = reason;
    for (unsigned i = 0; i < s->client_count; i++)
        vim_client_cancel(s->clients[i].client);
    if (s->first && !s->client_count) /* it is still connecting */
        vim_client_cancel(s->first);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    vix_pool_drain(s, reason);
    vix_pool_join(s);
    /* Synchronous functions in other threads give their clients back. */
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->client_count; i++)
        while (s->clients[i].borrowed && !pthread_equal(s->clients[i].by, pthread_self()))
            pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    if (reason != VIX_E_NET_HTTP_OPERATION_TIMEDOUT) /* the server has had its time */
        log_out(s);
    free_clients(s);
}
