/* Connecting: from a host's name to a login that is trusted. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "client/vim_trust.h"
#include "client/vix_session_impl.h"

#define DEFAULT_PORT  443
#define STATE_DEFAULT "/var/lib/inguest"
#define RUN_DEFAULT   "/run/inguest"

/* --- where --- */

/* The host part of a URL https://HOST[:PORT]/sdk; other schemes are none of ours. */
static int strip_url(const char *text, char out[256])
{
    const char *from = text, *scheme = strstr(text, "://");
    size_t len;

    if (scheme) {
        if (strncasecmp(text, "https://", 8) != 0)
            return -1;
        from = scheme + 3;
        len = strcspn(from, "/?#");
        if (from[len] && strcmp(from + len, "/") != 0 && strcmp(from + len, "/sdk") != 0 &&
            strcmp(from + len, "/sdk/") != 0 && strcmp(from + len, "/sdk/vimService") != 0)
            return -1;
    } else {
        len = strlen(from);
    }
    if (!len || len >= 240 || memchr(from, '@', len))
        return -1;
    memcpy(out, from, len);
    out[len] = '\0';
    return strspn(out, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]%") ==
                   len
               ? 0
               : -1;
}

static int has_port(const char *host)
{
    const char *colon = strrchr(host, ':');
    const char *digits;

    if (!colon || strchr(host, ':') != colon)
        if (host[0] != '[' || !colon || colon[-1] != ']')
            return 0;
    digits = colon + 1;
    return *digits && strspn(digits, "0123456789") == strlen(digits) && strlen(digits) <= 5;
}

static VixError remote_address(struct vix_session *s, struct error *err)
{
    char host[256];
    int n;

    if (!s->options.host || strip_url(s->options.host, host))
        return error_set(err, -EINVAL, "\"%s\" is no host name and no URL https://HOST[:PORT]/sdk",
                         s->options.host ? s->options.host : ""),
               VIX_E_INVALID_HOSTNAME_SPECIFICATION;
    if (s->options.port < 0 || s->options.port > 65535)
        return error_set(err, -EINVAL, "bad port %d", s->options.port), VIX_E_INVALID_ARG;
    if (has_port(host))
        n = snprintf(s->address, sizeof(s->address), "%s", host);
    else
        n = snprintf(s->address, sizeof(s->address),
                     strchr(host, ':') && host[0] != '[' ? "[%s]:%d" : "%s:%d", host,
                     s->options.port ? s->options.port : DEFAULT_PORT);
    return n > 0 && n < (int)sizeof(s->address) ? VIX_OK : VIX_E_INVALID_HOSTNAME_SPECIFICATION;
}

/* The host of this machine writes where it listens. */
static VixError local_address(struct vix_session *s, struct error *err)
{
    AUTO_BUF struct buf text = BUF_INIT(sizeof(s->address) - 1);
    AUTO_FREE char *path =
        mem_printf("%s/address", s->options.run_dir ? s->options.run_dir : RUN_DEFAULT);

    if (!path)
        return VIX_E_OUT_OF_MEMORY;
    if (fs_read_file(AT_FDCWD, path, &text, err))
        return error_prefix(err, -ENOENT, "no host is running on this machine"),
               VIX_E_CANNOT_CONNECT_TO_HOST;
    snprintf(s->address, sizeof(s->address), "%.*s", (int)strcspn(buf_text(&text), "\n"),
             buf_text(&text));
    return VIX_OK;
}

/* --- trust --- */

struct trust {
    char *own; /* the local host's certificate; freed */
    struct vim_trust_key key;
    bool by_key, open_to_ask;
};

static VixError decide_trust(struct vix_session *s, struct trust *t, struct error *err)
{
    const struct vix_connect *o = &s->options;
    enum vim_client_failure failure;

    if (o->fingerprint) {
        if (vim_trust_probe(s->address, o->connect_s, &t->key, &failure, err))
            return vix_error_of_failure(failure, true);
        if (!vim_trust_same(t->key.fingerprint, o->fingerprint))
            return error_set(err, -EACCES,
                             "%s has the fingerprint %s, not the one that was asked for",
                             s->address, t->key.fingerprint),
                   VIX_E_NET_HTTP_SSL_SECURITY;
        t->by_key = true;
        return VIX_OK;
    }
    if (o->ca_file || o->ca_dir)
        return VIX_OK;
    if (s->local) {
        t->own = mem_printf("%s/hostd/cert.pem", o->state_dir ? o->state_dir : STATE_DEFAULT);
        if (t->own && access(t->own, R_OK) == 0)
            return VIX_OK;
        mem_free(t->own);
        t->own = NULL;
    }
    t->by_key = vim_trust_find(s->address, &t->key);
    t->open_to_ask = !t->by_key;
    return VIX_OK;
}

static int open_first(struct vix_session *s, const struct trust *t,
                      enum vim_client_failure *ret_failure, struct error *err)
{
    const struct vix_connect *o = &s->options;
    const struct vim_client_options options = {.address = s->address,
                                               .certificates = t->own ? t->own : o->ca_file,
                                               .own = t->own != NULL,
                                               .certificate_dir = o->ca_dir,
                                               .pin = t->by_key ? t->key.pin : NULL,
                                               .user_agent = "inguest-vix",
                                               .connect_s = o->connect_s,
                                               .timeout_s = o->timeout_s};
    struct vim_client *c = NULL;
    bool ended;
    int r = vim_client_alloc(&options, &c, err);

    *ret_failure = VIM_CLIENT_LOCAL;
    if (r)
        return r;
    pthread_mutex_lock(&s->lock); /* from now on it can be cancelled */
    ended = s->ended;
    s->first = c;
    pthread_mutex_unlock(&s->lock);
    if (ended)
        vim_client_cancel(c);
    r = vim_client_open(c, err);
    *ret_failure = vim_client_failure(c);
    if (!r)
        return 0;
    pthread_mutex_lock(&s->lock);
    s->first = NULL;
    pthread_mutex_unlock(&s->lock);
    vim_client_free(c);
    return r;
}

/* An unknown server whose certificate nobody has signed: the user decides. */
static VixError ask_trust(struct vix_session *s, struct trust *t, struct error *err)
{
    const struct vix_connect *o = &s->options;
    enum vim_client_failure failure;
    struct error asked = {0};

    if (vim_trust_probe(s->address, o->connect_s, &t->key, &failure, err))
        return vix_error_of_failure(failure, true);
    if (!o->ask || !o->ask(s->address, t->key.fingerprint, o->ask_arg))
        return error_set(err, -EACCES,
                         "%s is not known, and no authority vouches for it; its "
                         "certificate has the SHA-256 fingerprint %s",
                         s->address, t->key.fingerprint),
               VIX_E_NET_HTTP_SSL_SECURITY;
    if (vim_trust_add(s->address, &t->key, &asked))
        return *err = asked, VIX_E_NET_HTTP_SSL_SECURITY;
    t->by_key = true;
    t->open_to_ask = false;
    return VIX_OK;
}

static VixError open_trusted(struct vix_session *s, struct error *err)
{
    struct trust t = {0};
    enum vim_client_failure failure = VIM_CLIENT_FINE;
    VixError error = decide_trust(s, &t, err);

    if (!error && open_first(s, &t, &failure, err))
        error = vix_error_of_failure(failure, true);
    if (failure == VIM_CLIENT_UNTRUSTED && t.open_to_ask) {
        error = ask_trust(s, &t, err);
        if (!error && open_first(s, &t, &failure, err))
            error = vix_error_of_failure(failure, true);
    } else if (failure == VIM_CLIENT_UNTRUSTED && t.by_key) {
        error_set(err, -EACCES,
                  "%s has another key than the one that was trusted; if that is right, remove its "
                  "line from the file known_hosts",
                  s->address);
    }
    mem_free(t.own);
    return error;
}

/* --- who --- */

static VixError name_user(struct vix_session *s)
{
    struct passwd entry, *found = NULL;
    char text[4096];

    if (s->options.user && *s->options.user) {
        snprintf(s->user, sizeof(s->user), "%s", s->options.user);
        return VIX_OK;
    }
    if (getpwuid_r(geteuid(), &entry, text, sizeof(text), &found) || !found)
        return VIX_E_HOST_USER_PERMISSIONS;
    snprintf(s->user, sizeof(s->user), "%s", found->pw_name);
    return VIX_OK;
}

/* A login that another run has left: tried, for the server may have forgotten it. */
static bool use_ticket(struct vix_session *s)
{
    char cookie[VIM_CLIENT_COOKIE_MAX];
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct vim_any *current = NULL;
    bool good;

    if (!s->options.keep_login_s || vim_ticket_load(s->address, s->user, cookie))
        return false;
    good = !vim_client_set_cookie(s->first, cookie) &&
           !vim_client_property(s->first, vim_client_content(s->first)->sessionManager,
                                "currentSession", &a, &current, NULL) &&
           current;
    explicit_bzero(cookie, sizeof(cookie));
    if (!good)
        vim_ticket_drop(s->address, s->user);
    return good;
}

static VixError log_in(struct vix_session *s, struct error *err)
{
    const struct vix_connect *o = &s->options;
    bool has_user = o->user && *o->user;
    VixError error = name_user(s);
    int r;

    if (error)
        return error;
    if (use_ticket(s))
        return VIX_OK;
    if (has_user && o->password)
        r = vim_client_login(s->first, o->user, o->password, err);
    else if (!has_user && o->password && *o->password)
        r = vim_client_login_clone(s->first, o->password, err);
    else if (s->local)
        r = vim_client_login_local(s->first, s->user, err);
    else
        return error_set(err, -EACCES, "a user name and a password are needed"),
               VIX_E_HOST_USER_PERMISSIONS;
    if (!r && o->keep_login_s) {
        char cookie[VIM_CLIENT_COOKIE_MAX];

        if (!vim_client_cookie(s->first, cookie) && cookie[0])
            r = vim_ticket_save(s->address, s->user, cookie, o->keep_login_s, err);
        explicit_bzero(cookie, sizeof(cookie));
        return r ? VIX_E_FILE_ERROR : VIX_OK;
    }
    if (r == -EREMOTEIO)
        return vix_error_of_fault(vim_client_fault(s->first), 0);
    if (r && vim_client_failure(s->first) != VIM_CLIENT_FINE)
        return vix_error_of_failure(vim_client_failure(s->first), false);
    return r ? VIX_E_HOST_USER_PERMISSIONS : VIX_OK; /* the local ticket cannot be read */
}

VixError vix_session_connect(struct vix_session *s, struct error *err)
{
    VixError error = s->local ? local_address(s, err) : remote_address(s, err);

    if (!error)
        error = open_trusted(s, err);
    if (!error)
        error = log_in(s, err);
    pthread_mutex_lock(&s->lock);
    if (s->ended)
        error = s->reason;
    if (!error) {
        vim_client_cookie(s->first, s->cookie);
        vix_session_lend_first(s);
    }
    pthread_mutex_unlock(&s->lock);
    return error;
}
