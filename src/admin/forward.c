/*
 * inguest forward: connections to a port of this machine go on to a port of the guest's loopback.
 * Each has a thread and a stream of its own; the calls to the host are made one at a time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/guest_login.h"
#include "base/mem.h"
#include "client/live.h"

static const char usage[] =
    "usage: inguest forward [-u USER] [--guest-password-file FILE] VM [BIND:]LOCAL:GUESTPORT...\n"
    "\n"
    "Connections to port LOCAL of this machine go on to GUESTPORT of the guest's loopback, until\n"
    "Ctrl-C. BIND is the address to listen on (127.0.0.1); LOCAL 0 takes a free port. What it\n"
    "listens on is printed, a line each.\n"
    "\n" GUEST_LOGIN_OPTIONS;

#define PORTS_MAX       16
#define CONNECTIONS_MAX 200 /* at once; more wait to be accepted */
#define THREAD_STACK    (512u * 1024u)

struct port {
    char bind[256], local[8];
    uint16_t guest;
    int fd;
};

struct forward {
    struct guest_login login;
    const char *vm;
    struct port ports[PORTS_MAX];
    size_t count;
    struct guest_session session;
    pthread_mutex_t lock; /* the client of the session; `open` */
    unsigned open;
    int changed; /* pipe: a connection has ended */
};

struct connection {
    struct forward *f;
    int fd;
    uint16_t port;
};

/* ---- one connection ---- */

static int open_stream(struct connection *c, struct vim_stream **ret, struct error *err)
{
    struct guest_session *s = &c->f->session;
    AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const struct vim_ConnectToPortInGuest_request rq = {
        .this_ = s->processes, .vm = s->vm, .auth = GUEST_AUTH(s), .port = c->port};
    struct vim_ConnectToPortInGuest_result *result = NULL;
    int r;

    pthread_mutex_lock(&c->f->lock);
    r = vim_stream_prepare(s->ad->client, ret, err);
    if (!r)
        r = vim_client_call(s->ad->client, &vim_method_ConnectToPortInGuest, &rq, &arena,
                            (void **)&result, err);
    pthread_mutex_unlock(&c->f->lock);
    return r ? r : vim_stream_connect(*ret, result->value, err);
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    struct forward *f = c->f;
    struct live_options o = {.input = c->fd, .output = c->fd, .errors = c->fd, .socket = true};
    struct live_result result = {0};
    struct vim_stream *stream = NULL;
    struct error err = {0};
    int r = open_stream(c, &stream, &err);

    if (!r)
        r = live_run(stream, &o, &result, &err);
    if (!r && result.end == EXEC_END_FAILED)
        r = error_set(&err, -ECONNRESET, "guest port %u: %s", c->port, result.text);
    /* Who closes first ends the connection; that is no failure. */
    if (r && r != -EPIPE)
        fprintf(stderr, "inguest: %s\n", error_text(&err));
    vim_stream_free(stream);
    close(c->fd);
    mem_free(c);
    pthread_mutex_lock(&f->lock);
    f->open--;
    pthread_mutex_unlock(&f->lock);
    (void)!write(f->changed, "", 1);
    return NULL;
}

static void accept_one(struct forward *f, const struct port *port)
{
    struct connection *c;
    pthread_attr_t attr;
    pthread_t thread;
    int fd = accept4(port->fd, NULL, NULL, SOCK_CLOEXEC), r;

    if (fd < 0)
        return;
    c = mem_calloc(1, sizeof(*c));
    r = c ? 0 : ENOMEM;
    if (c) {
        *c = (struct connection){f, fd, port->guest};
        pthread_mutex_lock(&f->lock);
        f->open++;
        pthread_mutex_unlock(&f->lock);
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, THREAD_STACK);
        r = pthread_create(&thread, &attr, serve, c);
        pthread_attr_destroy(&attr);
        if (r) {
            pthread_mutex_lock(&f->lock);
            f->open--;
            pthread_mutex_unlock(&f->lock);
        }
    }
    if (r) {
        fprintf(stderr, "inguest: a connection is refused: %s\n", strerror(r));
        close(fd);
        mem_free(c);
    }
}

/* ---- listening ---- */

static int listen_on(struct port *p, struct error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    char port[8];
    int on = 1, r = getaddrinfo(p->bind, p->local, &hints, &list);

    if (r)
        return error_set(err, -EINVAL, "%s:%s: %s", p->bind, p->local, gai_strerror(r));
    p->fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(p->fd, list->ai_addr, list->ai_addrlen) < 0 || listen(p->fd, 128) < 0 ||
        getsockname(p->fd, (struct sockaddr *)&at, &len) < 0)
        r = error_errno(err, -errno, "cannot listen on %s:%s", p->bind, p->local);
    freeaddrinfo(list);
    if (r)
        return r;
    getnameinfo((struct sockaddr *)&at, len, NULL, 0, port, sizeof(port), NI_NUMERICSERV);
    printf("%s:%s -> guest port %u\n", p->bind, port, p->guest);
    fflush(stdout);
    return 0;
}

static int run(struct forward *f, struct error *err)
{
    struct pollfd p[PORTS_MAX + 2];
    int changed[2], signals;
    sigset_t set;
    int r = pipe2(changed, O_CLOEXEC | O_NONBLOCK) < 0 ? error_errno(err, -errno, "pipe") : 0;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    f->changed = changed[1];
    for (size_t i = 0; i < f->count && !r; i++)
        r = listen_on(&f->ports[i], err);
    p[0] = (struct pollfd){.fd = signals, .events = POLLIN};
    p[1] = (struct pollfd){.fd = changed[0], .events = POLLIN};
    while (!r && !p[0].revents) {
        char drop[64];
        bool full;

        pthread_mutex_lock(&f->lock);
        full = f->open >= CONNECTIONS_MAX;
        pthread_mutex_unlock(&f->lock);
        for (size_t i = 0; i < f->count; i++)
            p[2 + i] = (struct pollfd){.fd = full ? -1 : f->ports[i].fd, .events = POLLIN};
        if (poll(p, 2 + f->count, -1) < 0 && errno != EINTR)
            r = error_errno(err, -errno, "poll");
        while (read(changed[0], drop, sizeof(drop)) > 0)
            ;
        for (size_t i = 0; i < f->count && !r; i++)
            if (p[2 + i].revents)
                accept_one(f, &f->ports[i]);
    }
    return r;
}

/* ---- the command line ---- */

static bool parse_port(const char *text, struct port *ret)
{
    const char *guest = strrchr(text, ':'), *local = NULL;
    char *end;
    unsigned long number;

    *ret = (struct port){.bind = "127.0.0.1", .fd = -1};
    if (!guest)
        return false;
    number = strtoul(guest + 1, &end, 10);
    if (*end || !guest[1] || number < 1 || number > UINT16_MAX)
        return false;
    ret->guest = (uint16_t)number;
    local = memrchr(text, ':', (size_t)(guest - text));
    if (local) {
        size_t len = (size_t)(local - text);
        bool brackets = len >= 2 && text[0] == '[' && local[-1] == ']';

        if (len == 0 || len >= sizeof(ret->bind))
            return false;
        snprintf(ret->bind, sizeof(ret->bind), "%.*s", (int)(brackets ? len - 2 : len),
                 text + brackets);
    }
    local = local ? local + 1 : text;
    number = strtoul(local, &end, 10);
    if (end != guest || end == local || number > UINT16_MAX)
        return false;
    snprintf(ret->local, sizeof(ret->local), "%lu", number);
    return true;
}

static bool parse(int argc, char **argv, struct forward *f)
{
    bool bad = false;

    for (int i = 1; i < argc && !bad; i++) {
        if (argv[i][0] == '-')
            bad = !guest_login_option(&f->login, argc, argv, &i, &bad) || bad;
        else if (!f->vm)
            f->vm = argv[i];
        else if (f->count == PORTS_MAX || !parse_port(argv[i], &f->ports[f->count++]))
            bad = true;
    }
    return !bad && f->vm && f->count;
}

int admin_forward(struct admin *ad, int argc, char **argv)
{
    /* Threads may still use all of it when this returns. */
    static struct forward f = {.lock = PTHREAD_MUTEX_INITIALIZER};
    static struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct error err = {0};
    int r;

    if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
        fputs(usage, stdout);
        return ADMIN_OK;
    }
    if (!parse(argc, argv, &f)) {
        fputs(usage, stderr);
        return ADMIN_USAGE;
    }
    r = guest_session_open(ad, f.vm, &f.login, &arena, &f.session, &err);
    if (!r)
        r = run(&f, &err);
    /* Whatever connection is under way ends with the process; so does their use of the session. A
     * call that is under way is not waited for. */
    if (f.session.auth && pthread_mutex_trylock(&f.lock)) {
        vim_client_cancel(ad->client);
        pthread_mutex_lock(&f.lock);
    }
    guest_session_close(&f.session);
    return r ? admin_fail(&err) : ADMIN_OK;
}
