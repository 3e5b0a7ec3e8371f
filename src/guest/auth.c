#include "guest/auth.h"

#include <errno.h>
#include <nettle/memops.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "guest/auth_cache.h"

struct auth_waiter {
    struct auth_waiter *next;
    auth_done done; /* NULL = forgotten */
    void *arg;
};

enum attempt_state {
    ATTEMPT_WAITING, /* for the name's penalty, or for another attempt, or for a free helper */
    ATTEMPT_CHECKING,
    ATTEMPT_ANSWERING, /* refused; the answer is held back for a moment */
    ATTEMPT_OVER,
};

/* One login being checked. Freed when its last libuv handle is closed. */
struct attempt {
    struct attempt *next;
    struct auth *auth;
    enum attempt_state state;
    struct auth_waiter *waiters;
    char *user, *password;
    uint8_t digest[SHA256_DIGEST_SIZE];
    uv_timer_t timer;
    uv_process_t process;
    uv_poll_t poll;
    int fd;
    struct buf in;
    int result;
    unsigned handles;
    int has_process, has_poll;
    int uses_helper;
};

struct auth {
    uv_loop_t *loop;
    struct auth_config config;
    struct auth_cache cache;
    struct attempt *attempts;
    unsigned helpers, waiters;
};

static void schedule(struct auth *a);

static void handle_closed(uv_handle_t *h)
{
    struct attempt *t = h->data;

    if (--t->handles)
        return;
    buf_free(&t->in);
    mem_free(t->user);
    mem_free(t);
}

static void drop_password(struct attempt *t)
{
    if (t->password)
        mem_free_secret(t->password, strlen(t->password));
    t->password = NULL;
}

static void stop_helper(struct attempt *t)
{
    if (t->has_poll) {
        uv_close((uv_handle_t *)&t->poll, handle_closed);
        close(t->fd);
        t->fd = -1;
        t->has_poll = 0;
    }
    if (t->has_process) {
        /* Closing the handle would leave a zombie: the exit callback closes it. */
        uv_process_kill(&t->process, SIGKILL);
        t->has_process = 0;
    }
    if (t->uses_helper) {
        t->uses_helper = 0;
        if (t->auth)
            t->auth->helpers--;
    }
}

/* Answers everybody and takes the attempt out of the list. */
static void conclude(struct attempt *t, const char *account)
{
    struct auth *a = t->auth;
    struct attempt **at = &a->attempts;
    struct auth_waiter *w;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->state = ATTEMPT_OVER;
    stop_helper(t);
    drop_password(t);
    uv_close((uv_handle_t *)&t->timer, handle_closed);
    while ((w = t->waiters)) {
        t->waiters = w->next;
        a->waiters--;
        if (w->done)
            w->done(w->arg, t->result, account);
        mem_free(w);
    }
    schedule(a);
}

static void hold_over(uv_timer_t *timer)
{
    conclude(timer->data, NULL);
}

static void checked(struct attempt *t, int result, const char *account)
{
    struct auth *a = t->auth;

    if (t->state != ATTEMPT_CHECKING)
        return;
    t->result = result;
    stop_helper(t);
    drop_password(t);
    if (result == 0) {
        auth_cache_put(&a->cache, t->digest, account);
        auth_penalty_clear(&a->cache, t->user);
        conclude(t, account);
        return;
    }
    t->state = ATTEMPT_ANSWERING;
    uv_timer_start(&t->timer, hold_over,
                   result == -EACCES ? auth_penalty_add(&a->cache, t->user) : 0, 0);
    schedule(a);
}

static void hook_done(void *arg, int result, const char *user)
{
    struct attempt *t = arg;

    if (t->auth)
        checked(t, result, user ? user : t->user);
    /* The reference that start_hook took. */
    if (--t->handles == 0) {
        t->handles = 1;
        handle_closed((uv_handle_t *)&t->timer);
    }
}

static void helper_timeout(uv_timer_t *timer)
{
    struct attempt *t = timer->data;

    log_error("login of '%s': the helper did not answer within %u s", t->user,
              AUTH_HELPER_TIMEOUT_MS / 1000);
    checked(t, -ETIMEDOUT, NULL);
}

/* The whole answer has arrived: what is in it. */
static void read_answer(struct attempt *t)
{
    struct cursor c = CURSOR_INIT(t->in.data, t->in.len);
    char account[AUTH_NAME_MAX + 1] = "";
    const uint8_t *name;
    uint32_t result, n;

    cursor_le32(&c, &result);
    cursor_le32(&c, &n);
    if (cursor_error(&c) < 0 || n > AUTH_NAME_MAX || cursor_bytes(&c, n, &name) < 0 ||
        (int32_t)result > 0 || (result == 0 && n == 0)) {
        log_error("login of '%s': the helper ended without a proper answer", t->user);
        checked(t, -EIO, NULL);
        return;
    }
    memcpy(account, name, n);
    checked(t, (int32_t)result, account);
}

static void helper_readable(uv_poll_t *poll, int status, int events)
{
    struct attempt *t = poll->data;
    uint8_t *p;
    ssize_t n;

    (void)events;
    if (status < 0 || buf_reserve(&t->in, 1, &p) < 0) {
        checked(t, -EIO, NULL);
        return;
    }
    n = read(t->fd, p, t->in.size - t->in.len < AUTH_ANSWER_MAX ? 1 : AUTH_ANSWER_MAX);
    if (n > 0)
        buf_commit(&t->in, (size_t)n);
    else if (n == 0)
        read_answer(t);
    else if (errno != EAGAIN && errno != EINTR)
        checked(t, -errno, NULL);
}

static void helper_exited(uv_process_t *process, int64_t status, int signal)
{
    struct attempt *t = process->data;

    if (signal && t->state == ATTEMPT_CHECKING)
        log_error("login of '%s': the helper was ended by signal %d", t->user, signal);
    (void)status;
    t->has_process = 0;
    uv_close((uv_handle_t *)process, handle_closed);
}

static int send_login(int fd, const struct attempt *t)
{
    struct buf b = BUF_INIT(AUTH_REQUEST_MAX);
    ssize_t n = -1;
    uint8_t *room;

    /* One allocation up front, so that no copy of the password is left behind by a growing
     * buffer. */
    if (buf_reserve(&b, AUTH_REQUEST_MAX, &room) == 0) {
        buf_put_le32(&b, (uint32_t)strlen(t->user));
        buf_put_str(&b, t->user);
        buf_put_le32(&b, (uint32_t)strlen(t->password));
        buf_put_str(&b, t->password);
        /* Fits an empty socket buffer, so it goes out whole or not at all. */
        n = send(fd, b.data, b.len, MSG_NOSIGNAL);
    }
    if (b.data)
        explicit_bzero(b.data, b.size);
    n = n >= 0 && (size_t)n == b.len && buf_error(&b) == 0 ? 0 : -EIO;
    buf_free(&b);
    return (int)n;
}

static int spawn_helper(struct attempt *t)
{
    const struct auth_config *c = &t->auth->config;
    char *args[8], *env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", NULL};
    const char *services[] = {c->pam_service ? c->pam_service : "inguest",
                              c->pam_service ? NULL : "vmtoolsd"};
    uv_stdio_container_t stdio[3] = {{.flags = UV_INHERIT_FD},
                                     {.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
    uv_process_options_t o = {.file = c->auth_path,
                              .args = args,
                              .env = env,
                              .stdio = stdio,
                              .stdio_count = 3,
                              .cwd = "/",
                              .exit_cb = helper_exited};
    int fds[2], r, n = 0;

    args[n++] = (char *)"toolbox-auth";
    args[n++] = (char *)"--shadow";
    args[n++] = (char *)c->shadow_path;
    for (size_t i = 0; i < ARRAY_SIZE(services); i++)
        if (services[i]) {
            args[n++] = (char *)"--service";
            args[n++] = (char *)services[i];
        }
    args[n] = NULL;
    r = sock_pair(fds);
    if (r < 0)
        return r;
    sock_set_nonblocking(fds[1], 0);
    stdio[0].data.fd = fds[1];
    r = uv_spawn(t->auth->loop, &t->process, &o);
    t->handles++; /* libuv has the handle also when the spawn failed */
    close(fds[1]);
    if (r < 0) {
        log_error("cannot start %s: %s", c->auth_path, uv_strerror(r));
        uv_close((uv_handle_t *)&t->process, handle_closed);
        close(fds[0]);
        return r;
    }
    t->has_process = 1;
    t->fd = fds[0];
    t->handles++;
    uv_poll_init(t->auth->loop, &t->poll, t->fd);
    t->has_poll = 1;
    uv_poll_start(&t->poll, UV_READABLE, helper_readable);
    return send_login(t->fd, t);
}

static void start(struct attempt *t)
{
    struct auth *a = t->auth;
    int r;

    t->state = ATTEMPT_CHECKING;
    if (a->config.hook.check) {
        t->handles++; /* until hook_done */
        a->config.hook.check(a->config.hook.arg, t->user, t->password, hook_done, t);
        drop_password(t);
        return;
    }
    a->helpers++;
    t->uses_helper = 1;
    uv_timer_start(&t->timer, helper_timeout, AUTH_HELPER_TIMEOUT_MS, 0);
    r = spawn_helper(t);
    if (r < 0)
        checked(t, r, NULL);
}

static void wait_over(uv_timer_t *timer)
{
    schedule(((struct attempt *)timer->data)->auth);
}

/* Another attempt with the same name is before this one. */
static int name_in_use(const struct attempt *t)
{
    for (const struct attempt *o = t->auth->attempts; o != t; o = o->next)
        if (strcmp(o->user, t->user) == 0)
            return 1;
    return 0;
}

/* Starts what may start. `attempts` is in order of arrival. A start may conclude at once and call
 * back into here, so the walk begins anew after each. */
static void schedule(struct auth *a)
{
    struct attempt *t = a->attempts;

    while (t) {
        uint32_t wait;

        if (t->state != ATTEMPT_WAITING || a->helpers >= AUTH_HELPERS_MAX || name_in_use(t)) {
            t = t->next;
            continue;
        }
        wait = auth_penalty_wait(&a->cache, t->user);
        if (wait) {
            uv_timer_start(&t->timer, wait_over, wait, 0);
            t = t->next;
            continue;
        }
        start(t);
        t = a->attempts;
    }
}

static void start_soon(uv_timer_t *timer)
{
    schedule(((struct attempt *)timer->data)->auth);
}

static int add_attempt(struct auth *a, const char *user, const char *password,
                       const uint8_t digest[SHA256_DIGEST_SIZE], struct attempt **ret)
{
    struct attempt *t = mem_calloc(1, sizeof(*t)), **at;

    if (!t)
        return -ENOMEM;
    t->user = mem_strdup(user);
    t->password = mem_strdup(password);
    if (!t->user || !t->password) {
        drop_password(t);
        mem_free(t->user);
        mem_free(t);
        return -ENOMEM;
    }
    t->auth = a;
    t->fd = -1;
    t->in = BUF_INIT(2 * AUTH_ANSWER_MAX);
    memcpy(t->digest, digest, SHA256_DIGEST_SIZE);
    t->timer.data = t->process.data = t->poll.data = t;
    uv_timer_init(a->loop, &t->timer);
    t->handles = 1;
    for (at = &a->attempts; *at; at = &(*at)->next)
        ;
    *at = t;
    uv_timer_start(&t->timer, start_soon, 0, 0);
    *ret = t;
    return 0;
}

int auth_new(uv_loop_t *loop, const struct auth_config *config, struct auth **ret)
{
    struct auth *a = mem_calloc(1, sizeof(*a));
    int r;

    if (!a)
        return -ENOMEM;
    a->loop = loop;
    a->config = *config;
    r = auth_cache_init(&a->cache, config->shadow_path, config->cache_ms);
    if (r < 0) {
        mem_free(a);
        return r;
    }
    *ret = a;
    return 0;
}

void auth_free(struct auth *a)
{
    struct attempt *t;

    if (!a)
        return;
    while ((t = a->attempts)) {
        struct auth_waiter *w;

        a->attempts = t->next;
        t->state = ATTEMPT_OVER;
        stop_helper(t);
        drop_password(t);
        t->auth = NULL;
        while ((w = t->waiters)) {
            t->waiters = w->next;
            mem_free(w);
        }
        uv_close((uv_handle_t *)&t->timer, handle_closed);
    }
    auth_cache_clear(&a->cache);
    mem_free(a);
}

const char *auth_check_cached(struct auth *a, const char *user, const char *password)
{
    uint8_t digest[SHA256_DIGEST_SIZE];

    auth_cache_digest(&a->cache, user, password, digest);
    return auth_cache_find(&a->cache, digest);
}

int auth_check(struct auth *a, const char *user, const char *password, auth_done done, void *arg,
               struct auth_waiter **ret)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct auth_waiter *w, **at;
    struct attempt *t;
    int r;

    if (strlen(user) > AUTH_NAME_MAX || strlen(password) > AUTH_PASSWORD_MAX)
        return -ENAMETOOLONG;
    if (a->waiters >= AUTH_WAITERS_MAX)
        return -EBUSY;
    w = mem_calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    auth_cache_digest(&a->cache, user, password, digest);
    for (t = a->attempts; t; t = t->next)
        if ((t->state == ATTEMPT_WAITING || t->state == ATTEMPT_CHECKING) &&
            memeql_sec(t->digest, digest, SHA256_DIGEST_SIZE))
            break;
    if (!t) {
        r = add_attempt(a, user, password, digest, &t);
        if (r < 0) {
            mem_free(w);
            return r;
        }
    }
    w->done = done;
    w->arg = arg;
    for (at = &t->waiters; *at; at = &(*at)->next)
        ;
    *at = w;
    a->waiters++;
    *ret = w;
    return 0;
}

void auth_forget(struct auth_waiter *w)
{
    w->done = NULL;
}
