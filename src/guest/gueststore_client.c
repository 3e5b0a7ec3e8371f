/*
 * The client library of GuestStore: one blocking conversation with the agent's local socket. The
 * only trust is in the kernel's word that root listens there.
 *
 * Content goes from the socket to the output through a pipe (splice) where both ends can do that,
 * otherwise through a buffer. The environment variable GUESTSTORE_SOCKET names another socket; it
 * is ignored in programs that run with more rights than their caller.
 */
#include "inguest/gueststore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/gueststore.h"

#define LOG_PREFIX  "[guestStoreClientLib] "
#define MESSAGE_MAX 1024
#define PIECE       65536u
#define PIPE_SIZE   (1u << 20)

/* One GetContent. */
struct call {
    GuestStore_Logger logger;
    GuestStore_Panic panic;
    GuestStore_GetContentCallback progress;
    void *data;
    int error; /* errno at the first failure that was logged */
    bool failed;
    int fd;       /* of the conversation */
    int out;      /* -1 = not opened yet */
    bool unnamed; /* the output gets its name when it is whole */
    int pipe[2];  /* -1 = content is copied */
    const char *out_path;
    uint8_t *buffer; /* GUESTSTORE_HEAD_MAX + 1 */
    size_t got;      /* bytes in the buffer */
    int64_t size, received;
};

static atomic_uint references;

/* Logs why, keeps errno of the first time, and gives `code` back. */
__attribute__((format(printf, 3, 4))) static GuestStoreLibError
fail(struct call *c, GuestStoreLibError code, const char *fmt, ...)
{
    char text[MESSAGE_MAX] = LOG_PREFIX;
    va_list ap;

    if (!c->failed)
        c->error = errno;
    c->failed = true;
    va_start(ap, fmt);
    /* The analyzer loses the line above when it inlines this into a caller.
     * NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(text + strlen(LOG_PREFIX), sizeof(text) - strlen(LOG_PREFIX), fmt, ap);
    va_end(ap);
    if (c->logger)
        c->logger(GSLIBLOGLEVEL_ERROR, text, c->data);
    return code;
}

__attribute__((noreturn)) static void panic(struct call *c, const char *what)
{
    char text[MESSAGE_MAX];

    snprintf(text, sizeof(text), LOG_PREFIX "%s", what);
    if (c->panic)
        c->panic(text, c->data);
    else
        fprintf(stderr, "Panic: %s\n", text);
    exit(-1);
}

/* ---- the agent ---- */

static GuestStoreLibError connect_agent(struct call *c)
{
    const char *path = secure_getenv("GUESTSTORE_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct ucred peer;
    socklen_t len = sizeof(peer);
    int r;

    if (!path || !*path)
        path = GUESTSTORE_SOCKET;
    if (strlen(path) >= sizeof(to.sun_path)) {
        errno = ENAMETOOLONG;
        return fail(c, GSLIBERR_CONNECT_GENERIC, "the name of the socket is too long");
    }
    memcpy(to.sun_path, path, strlen(path) + 1);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return fail(c, GSLIBERR_CONNECT_GENERIC, "socket: %s", strerror(errno));
    do
        r = connect(c->fd, (const struct sockaddr *)&to, sizeof(to));
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return fail(c,
                    errno == ECONNREFUSED ? GSLIBERR_CONNECT_SERVICE_NOT_RUNNING
                    : errno == EACCES     ? GSLIBERR_CONNECT_PERMISSION_DENIED
                                          : GSLIBERR_CONNECT_GENERIC,
                    "cannot connect to %s: %s", path, strerror(errno));
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return fail(c, GSLIBERR_CONNECT_GENERIC, "SO_PEERCRED: %s", strerror(errno));
    if (peer.uid != 0) {
        errno = EPERM;
        return fail(c, GSLIBERR_CONNECT_SECURITY_VIOLATION, "user %u listens at %s, not root",
                    (unsigned)peer.uid, path);
    }
    return GSLIBERR_SUCCESS;
}

static GuestStoreLibError send_request(struct call *c, const char *path)
{
    AUTO_BUF struct buf b = BUF_INIT(GUESTSTORE_REQUEST_SIZE);

    if (gueststore_put_get(&b, path, strlen(path)) < 0)
        panic(c, "no memory for the request");
    for (size_t sent = 0; sent < b.len;) {
        ssize_t n = send(c->fd, b.data + sent, b.len - sent, MSG_NOSIGNAL);

        if (n >= 0)
            sent += (size_t)n;
        else if (errno == EPIPE || errno == ECONNRESET)
            return fail(c, GSLIBERR_CONNECT_PEER_RESET, "the agent has hung up");
        else if (errno != EINTR)
            return fail(c, GSLIBERR_SEND, "send: %s", strerror(errno));
    }
    return GSLIBERR_SUCCESS;
}

/* What a read or splice from the agent gave that was not content. */
static GuestStoreLibError no_content(struct call *c, ssize_t n)
{
    if (n == 0)
        errno = ECONNRESET;
    if (errno == ECONNRESET)
        return fail(c, GSLIBERR_CONNECT_PEER_RESET, "the agent has hung up");
    return fail(c, GSLIBERR_RECV, "recv: %s", strerror(errno));
}

static GuestStoreLibError read_head(struct call *c)
{
    struct gueststore_head head;
    int r;

    while ((r = gueststore_parse_head(c->buffer, c->got, &head)) == 0) {
        ssize_t n = recv(c->fd, c->buffer + c->got, GUESTSTORE_HEAD_MAX - c->got, 0);

        if (n > 0)
            c->got += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return no_content(c, n);
    }
    errno = EBADMSG;
    if (r < 0)
        return fail(c, GSLIBERR_SERVER, "the agent's answer is not understood");
    if (head.status == GUESTSTORE_HTTP_FORBIDDEN)
        return fail(c, GSLIBERR_CONTENT_FORBIDDEN, "the host forbids this content");
    if (head.status == GUESTSTORE_HTTP_NOT_FOUND)
        return fail(c, GSLIBERR_CONTENT_NOT_FOUND, "the host has no such content");
    c->size = head.size;
    c->got -= head.len;
    memmove(c->buffer, c->buffer + head.len, c->got);
    return GSLIBERR_SUCCESS;
}

/* ---- the output ---- */

/* A new file is made without a name where the file system can do that, so that even a kill leaves
 * nothing that is not whole. -1: it cannot, or there is a file already, which is written over. */
static int open_unnamed(const char *path)
{
    AUTO_FREE char *folder = mem_strdup(path);
    char *slash = folder ? strrchr(folder, '/') : NULL, self[32];
    struct stat st;
    int fd;

    if (!folder || lstat(path, &st) == 0 || errno != ENOENT)
        return -1;
    if (slash)
        slash[slash == folder] = '\0';
    do
        fd = open(slash ? folder : ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if (fd >= 0 && access(self, F_OK) < 0) /* there is no /proc to name it by */
        close(TAKE_FD(fd));
    return fd;
}

/* The unnamed file takes the place of whatever has got its name meanwhile. */
static int give_name(const struct call *c)
{
    AUTO_FREE char *other = mem_printf("%s.%ld", c->out_path, (long)getpid());
    char self[32];

    snprintf(self, sizeof(self), "/proc/self/fd/%d", c->out);
    if (linkat(AT_FDCWD, self, AT_FDCWD, c->out_path, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != EEXIST || !other || linkat(AT_FDCWD, self, AT_FDCWD, other, AT_SYMLINK_FOLLOW) < 0)
        return -1;
    if (rename(other, c->out_path) == 0)
        return 0;
    int error = errno;
    unlink(other);
    errno = error;
    return -1;
}

static GuestStoreLibError open_output(struct call *c)
{
    c->out = open_unnamed(c->out_path);
    c->unnamed = c->out >= 0;
    while (c->out < 0) {
        c->out = open(c->out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
        if (c->out < 0 && errno != EINTR)
            break;
    }
    if (c->out < 0)
        return fail(c, GSLIBERR_CREATE_OUTPUT_FILE, "cannot open %s: %s", c->out_path,
                    strerror(errno));
    if (c->size > PIECE && pipe2(c->pipe, O_CLOEXEC) == 0)
        fcntl(c->pipe[0], F_SETPIPE_SZ, PIPE_SIZE);
    return GSLIBERR_SUCCESS;
}

static GuestStoreLibError write_failed(struct call *c)
{
    return fail(c, GSLIBERR_WRITE_OUTPUT_FILE, "cannot write %s: %s", c->out_path, strerror(errno));
}

static GuestStoreLibError tell(struct call *c)
{
    if (!c->progress || c->progress(c->size, c->received, c->data))
        return GSLIBERR_SUCCESS;
    errno = ECANCELED;
    return fail(c, GSLIBERR_CANCELLED, "cancelled by the caller");
}

static GuestStoreLibError write_bytes(struct call *c, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(c->out, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return write_failed(c);
        data += n;
        len -= (size_t)n;
    }
    return GSLIBERR_SUCCESS;
}

/* What is in the buffer; more than was announced is an error of the server. */
static GuestStoreLibError write_buffer(struct call *c)
{
    GuestStoreLibError err;

    if ((int64_t)c->got > c->size - c->received) {
        errno = EBADMSG;
        return fail(c, GSLIBERR_SERVER, "more content came than was announced");
    }
    err = write_bytes(c, c->buffer, c->got);
    if (err)
        return err;
    c->received += (int64_t)c->got;
    c->got = 0;
    return tell(c);
}

/* `n` bytes of the pipe to the output; one that cannot be spliced to is written to. */
static GuestStoreLibError drain_pipe(struct call *c, size_t n)
{
    while (n > 0) {
        ssize_t moved = splice(c->pipe[0], NULL, c->out, NULL, n, SPLICE_F_MOVE);
        GuestStoreLibError err;

        if (moved < 0 && errno == EINTR)
            continue;
        if (moved < 0 && errno == EINVAL) {
            moved = read(c->pipe[0], c->buffer, n < PIECE ? n : GUESTSTORE_HEAD_MAX);
            if (moved > 0 && (err = write_bytes(c, c->buffer, (size_t)moved)))
                return err;
        }
        if (moved <= 0)
            return write_failed(c);
        n -= (size_t)moved;
    }
    return GSLIBERR_SUCCESS;
}

static void close_pipe(struct call *c)
{
    for (unsigned i = 0; i < 2; i++) {
        if (c->pipe[i] >= 0)
            close(c->pipe[i]);
        c->pipe[i] = -1;
    }
}

static GuestStoreLibError splice_piece(struct call *c)
{
    int64_t left = c->size - c->received;
    size_t want = left < (int64_t)PIPE_SIZE ? (size_t)left : PIPE_SIZE;
    ssize_t n = splice(c->fd, NULL, c->pipe[1], NULL, want, SPLICE_F_MOVE);
    GuestStoreLibError err;

    if (n < 0 && errno == EINTR)
        return tell(c);
    if (n < 0 && errno == EINVAL) {
        close_pipe(c);
        return GSLIBERR_SUCCESS;
    }
    if (n <= 0)
        return no_content(c, n);
    err = drain_pipe(c, (size_t)n);
    if (err)
        return err;
    c->received += n;
    return tell(c);
}

static GuestStoreLibError copy_piece(struct call *c)
{
    ssize_t n = recv(c->fd, c->buffer, GUESTSTORE_HEAD_MAX, 0);

    if (n < 0 && errno == EINTR)
        return tell(c);
    if (n <= 0)
        return no_content(c, n);
    c->got = (size_t)n;
    return write_buffer(c);
}

static GuestStoreLibError receive(struct call *c)
{
    GuestStoreLibError err = open_output(c);

    if (!err && c->got)
        err = write_buffer(c);
    while (!err && c->received < c->size)
        err = c->pipe[0] >= 0 ? splice_piece(c) : copy_piece(c);
    return err;
}

/* Nothing of a file that is not whole stays, under whatever name it is found. */
static void remove_output(const struct call *c)
{
    struct stat own, named;

    if (fstat(c->out, &own) < 0 || !S_ISREG(own.st_mode))
        return;
    if (ftruncate(c->out, 0) < 0 && c->logger)
        c->logger(GSLIBLOGLEVEL_WARNING, LOG_PREFIX "the output could not be emptied", c->data);
    if (lstat(c->out_path, &named) == 0 && named.st_dev == own.st_dev && named.st_ino == own.st_ino)
        unlink(c->out_path);
}

static GuestStoreLibError close_output(struct call *c, GuestStoreLibError err)
{
    if (c->out < 0)
        return err;
    if (!err && c->unnamed && give_name(c) < 0)
        err = write_failed(c);
    if (err) {
        if (!c->unnamed)
            remove_output(c);
        close(c->out);
        return err;
    }
    /* Some file systems tell only now that a write has failed; the name must go then too. */
    struct stat own, named;
    bool regular = fstat(c->out, &own) == 0 && S_ISREG(own.st_mode);

    if (close(c->out) == 0 || errno == EINTR)
        return GSLIBERR_SUCCESS;
    err = write_failed(c);
    if (regular && lstat(c->out_path, &named) == 0 && named.st_dev == own.st_dev &&
        named.st_ino == own.st_ino)
        unlink(c->out_path);
    return err;
}

/* ---- the interface ---- */

GuestStoreLibError GuestStore_Init(void)
{
    atomic_fetch_add(&references, 1);
    return GSLIBERR_SUCCESS;
}

GuestStoreLibError GuestStore_DeInit(void)
{
    unsigned n = atomic_load(&references);

    while (n > 0)
        if (atomic_compare_exchange_weak(&references, &n, n - 1))
            return GSLIBERR_SUCCESS;
    return GSLIBERR_NOT_INITIALIZED;
}

static GuestStoreLibError check(struct call *c, const char *path, const char *out)
{
    errno = EINVAL;
    if (!path || !gueststore_path_valid(path, strnlen(path, GUESTSTORE_PATH_MAX + 1)))
        return fail(c, GSLIBERR_INVALID_PARAMETER, "not a resource path");
    if (!out || !*out)
        return fail(c, GSLIBERR_INVALID_PARAMETER, "no output file");
    if (atomic_load(&references) == 0)
        return fail(c, GSLIBERR_NOT_INITIALIZED, "GuestStore_Init has not been called");
    return GSLIBERR_SUCCESS;
}

GuestStoreLibError GuestStore_GetContent(const char *contentPath, const char *outputPath,
                                         GuestStore_Logger logger, GuestStore_Panic panic_fn,
                                         GuestStore_GetContentCallback getContentCb,
                                         void *clientData)
{
    struct call c = {.logger = logger,
                     .panic = panic_fn,
                     .progress = getContentCb,
                     .data = clientData,
                     .fd = -1,
                     .out = -1,
                     .pipe = {-1, -1},
                     .out_path = outputPath};
    int before = errno;
    GuestStoreLibError err = check(&c, contentPath, outputPath);

    if (!err) {
        c.buffer = mem_alloc(GUESTSTORE_HEAD_MAX + 1);
        if (!c.buffer)
            panic(&c, "no memory for a buffer");
        err = connect_agent(&c);
    }
    if (!err)
        err = send_request(&c, contentPath);
    if (!err)
        err = read_head(&c);
    if (!err)
        err = receive(&c);
    err = close_output(&c, err);
    close_pipe(&c);
    if (c.fd >= 0)
        close(c.fd);
    mem_free(c.buffer);
    errno = err ? c.error : before;
    return err;
}
