/* TCP to the guest's loopback, as the guest's user; see exec_program.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sock.h"
#include "guest/exec_link.h"
#include "guest/exec_program.h"
#include "guest/vixops.h"

/* ---- connecting ---- */

static int connect_to(const struct sockaddr *to, socklen_t len)
{
    AUTO_CLOSE int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    socklen_t size = sizeof(int);
    int err = 0;

    if (fd < 0)
        return -errno;
    if (connect(fd, to, len) == 0)
        return TAKE_FD(fd);
    if (errno != EINPROGRESS)
        return -errno;
    if (poll(&p, 1, EXEC_CONNECT_MS) != 1)
        return -ETIMEDOUT;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
        return -errno;
    return err ? -err : TAKE_FD(fd);
}

int exec_connect(uint16_t port)
{
    const struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int first = connect_to((const struct sockaddr *)&v4, sizeof(v4)), second;

    if (first >= 0 || first == -ETIMEDOUT)
        return first;
    second = connect_to((const struct sockaddr *)&v6, sizeof(v6));
    return second >= 0 ? second : first;
}

/* ---- joining ---- */

struct exec_connection {
    struct exec_link *link;
    exec_over_cb over;
    void *arg;
    bool output_ended, input_ended;
};

static void on_over(void *arg)
{
    struct exec_connection *c = arg;
    exec_over_cb over = c->over;
    void *over_arg = c->arg;

    mem_free(c);
    over(over_arg);
}

void exec_connection_leave(struct exec_connection *c)
{
    exec_link_close(c->link);
    mem_free(c);
}

static void finish_if_both(struct exec_connection *c)
{
    if (c->output_ended && c->input_ended)
        exec_link_finish(c->link, EXEC_END_CODE, 0, "");
}

static void on_output_ended(void *arg, int err)
{
    struct exec_connection *c = arg;

    c->output_ended = true;
    if (err)
        exec_link_finish(c->link, EXEC_END_FAILED, (uint32_t)err, strerror(err));
    else
        finish_if_both(c);
}

static void on_input_ended(void *arg)
{
    struct exec_connection *c = arg;

    c->input_ended = true;
    finish_if_both(c);
}

static const struct exec_link_ops ops = {.output_ended = on_output_ended,
                                         .input_ended = on_input_ended,
                                         .gone = on_over,
                                         .done = on_over};

int exec_connection_start(struct worker_ctx *w, int peer, int socket, exec_over_cb over, void *arg,
                          struct exec_connection **ret)
{
    AUTO_FREE struct exec_connection *c = mem_calloc(1, sizeof(*c));
    struct exec_link_fds fds = {
        .socket = socket, .input = -1, .output = peer, .errors = -1, .eof_char = -1};
    int on = 1, r = c ? 0 : -ENOMEM;

    if (r == 0 && peer >= 0)
        fds.input = fcntl(peer, F_DUPFD_CLOEXEC, 0);
    if (r == 0 && peer >= 0 && fds.input < 0)
        r = -errno;
    if (r < 0) {
        if (peer >= 0)
            close(peer);
        close(socket);
        return r;
    }
    if (peer >= 0)
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->over = over;
    c->arg = arg;
    r = exec_link_new(w->loop, &fds, &ops, c, &c->link);
    if (r < 0)
        return r;
    exec_link_started(c->link, 0);
    if (peer < 0)
        exec_link_finish(c->link, EXEC_END_FAILED, (uint32_t)-peer, strerror(-peer));
    *ret = TAKE_PTR(c);
    return 0;
}
