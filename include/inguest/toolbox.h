/*
 * libtoolbox: a guest agent's side of guest RPC, for any event loop.
 *
 * The library talks to the process that owns the virtual machine (the host). Two conversations
 * run over the link: RPCI, requests of the guest that the host answers, and TCLO, requests of the
 * host that the guest answers. VIX guest commands travel inside TCLO. The library connects by
 * itself, again and again when it must, over the first carrier that is there: a Unix socket, a
 * vsock, or the backdoor port.
 *
 * Event loop: poll toolbox_fd() for reading, wake up at toolbox_deadline_ms(), and call
 * toolbox_process() for either. Nothing else does work; no threads are made, no signals used.
 * Callbacks run inside toolbox_process() or inside the call they answer. One thread may use a
 * toolbox at a time. A callback may call everything here except toolbox_process() and
 * toolbox_destroy().
 *
 * Memory: what a callback gets is valid until it returns, unless it says otherwise. What is
 * passed in is copied. Errors: 0 or a negative errno value, outputs are written on success only.
 *
 * Sources: Guest RPC protocol (transports, RPCI, TCLO), VIX guest command protocol (envelope,
 * message headers).
 */
#ifndef INGUEST_TOOLBOX_H
#define INGUEST_TOOLBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Largest payload of one RPCI or TCLO message, either way, on the stream carriers. */
#define TOOLBOX_MESSAGE_MAX (1024 * 1024)
/* Largest VIX message (VIX, "Size limits"), and the larger one on a channel whose host tags its
 * requests. */
#define TOOLBOX_VIX_MAX       65536
#define TOOLBOX_VIX_LARGE_MAX 589824
/* What the longest text prefix of a reply takes from that. */
#define TOOLBOX_VIX_PREFIX_MAX 92
/* RPCI requests that may wait at once; beyond it -EAGAIN. */
#define TOOLBOX_RPCI_QUEUE_MAX 256
/* Requests of the host that may be open at once: one from a stock host, this many from one that
 * tags its requests (docs/guest-rpc-extensions.md). More end the channel. */
#define TOOLBOX_REQUESTS_MAX 66
/* An RPCI request that is not answered by then fails with -ETIMEDOUT. */
#define TOOLBOX_RPCI_TIMEOUT_MS 30000

struct toolbox;

/* ---- life ---- */

enum toolbox_carrier {
    TOOLBOX_CARRIER_AUTO = 0, /* the link folder if it exists, else vsock, else backdoor */
    TOOLBOX_CARRIER_UNIX,     /* sockets "976" (RPCI) and "975" (TCLO) in the link folder */
    TOOLBOX_CARRIER_VSOCK,    /* CID 0, then CID 2; the same numbers as ports */
    TOOLBOX_CARRIER_BACKDOOR, /* x86 port I/O */
};

struct toolbox_options {
    const char *app_name;         /* answer to `reset`; NULL = "toolbox" */
    enum toolbox_carrier carrier; /* which carrier; AUTO for most */
    /* Folder of the Unix link; NULL = $TOOLBOX_LINK, else /run/inguest/link. With AUTO, a folder
     * that was named or that exists rules out the other carriers. */
    const char *link_dir;
};

/* `options` may be NULL. -ENOMEM, -EINVAL (path too long), or what epoll_create1 gives. Does not
 * connect yet: toolbox_start() does. */
int toolbox_create(const struct toolbox_options *options, struct toolbox **ret);

/* Asks for the connection to the host; from now on the library keeps it up. */
void toolbox_start(struct toolbox *tb);

/* Closes everything. RPCI callbacks still waiting are called with -ECANCELED; handles of open
 * requests become invalid. NULL is fine. */
void toolbox_destroy(struct toolbox *tb);

/* One descriptor to poll for reading; stays the same for life and belongs to the library. */
int toolbox_fd(const struct toolbox *tb);

/* When toolbox_process() must be called next, in milliseconds of CLOCK_MONOTONIC; -1 = only the
 * descriptor counts. It may change with every call into the library. */
int64_t toolbox_deadline_ms(const struct toolbox *tb);

/* Does what is due, without blocking (except that the backdoor stops the CPU while the host
 * thinks). 0, or -EIO when the poll descriptor itself is broken. */
int toolbox_process(struct toolbox *tb);

enum toolbox_state {
    TOOLBOX_DOWN,      /* no TCLO channel */
    TOOLBOX_CONNECTED, /* connected; the host has not said `reset` yet */
    TOOLBOX_READY,     /* after a `reset`; it comes again with every reset */
};

typedef void (*toolbox_state_fn)(struct toolbox *tb, enum toolbox_state state, void *arg);
void toolbox_set_state_hook(struct toolbox *tb, toolbox_state_fn fn, void *arg);
enum toolbox_state toolbox_get_state(const struct toolbox *tb);
/* "unix", "vsock", "backdoor", or "none" when down. */
const char *toolbox_carrier_name(const struct toolbox *tb);
/* The folder of the Unix link, whether it is used or not; valid as long as the toolbox. */
const char *toolbox_link_dir(const struct toolbox *tb);

/* ---- RPCI ---- */

/* status: 1 = the host says success, 0 = the host says failure (data is its reason, text), or a
 * negative errno: -ENOTCONN (no host), -ETIMEDOUT, -ECONNRESET, -EBADMSG, -ECANCELED. `data` is
 * followed by a NUL that `len` does not count. */
typedef void (*toolbox_rpci_fn)(struct toolbox *tb, int status, const uint8_t *data, size_t len,
                                void *arg);

/* Sends a request as it is (no NUL is added). Requests are answered in order. `fn` may be NULL.
 * 0, -EAGAIN (queue full), -EMSGSIZE, -EINVAL (empty), -ENOMEM. */
int toolbox_rpci(struct toolbox *tb, const void *request, size_t len, toolbox_rpci_fn fn,
                 void *arg);

/* The same for text, with the format of printf; one NUL is sent after the text, as agents do. */
int toolbox_rpci_text(struct toolbox *tb, toolbox_rpci_fn fn, void *arg, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Sends one request over a connection of its own and waits, at most `timeout_ms`. Needs no
 * toolbox and no loop; for command line tools. Returns 1 or 0 as the host said, with the text or
 * bytes in *ret_reply (NUL-terminated, *ret_len without it; free with toolbox_free), or a
 * negative errno. `options` may be NULL. */
int toolbox_rpci_once(const struct toolbox_options *options, const void *request, size_t len,
                      unsigned timeout_ms, char **ret_reply, size_t *ret_len);
void toolbox_free(void *p);

/* ---- TCLO ---- */

/* One request of the host that waits for its answer. Valid until answered with toolbox_reply().
 * When the channel is lost before that, the answer goes nowhere, but must still be given. */
struct toolbox_request;

/* `args` are the bytes after the command's one separator; not NUL-terminated text but followed
 * by a NUL that is not counted. The handler answers now or later, exactly once. */
typedef void (*toolbox_tclo_fn)(struct toolbox *tb, struct toolbox_request *req,
                                const uint8_t *args, size_t len, void *arg);

/* `name` has no space; a second registration replaces the first, built-in ones too. `fn` NULL
 * removes it. 0, -EINVAL, -ENOMEM. */
int toolbox_on_tclo(struct toolbox *tb, const char *name, toolbox_tclo_fn fn, void *arg);

/* Answers "OK " or "ERROR " and the bytes. The request is gone afterwards, also on failure:
 * -EMSGSIZE (the host gets an error instead), -ENOMEM, -ENOTCONN (the channel is lost). */
int toolbox_reply(struct toolbox_request *req, bool ok, const void *data, size_t len);

/* True when the channel that asked is gone: nobody waits for the answer. */
bool toolbox_request_lost(const struct toolbox_request *req);

/* ---- VIX ---- */

/* Who the host's caller is, as an authenticator found it. */
struct toolbox_identity {
    uint32_t uid;
    uint32_t gid;
    char user[256];
};

/* One VIX request. Everything stays valid until it is answered. Regions are those of the message
 * header (VIX, "Message headers"); they have been checked to lie inside the message. */
struct toolbox_vix {
    struct toolbox *tb;
    const char *name;       /* the relay's request name, the key of asynchronous completions */
    const uint8_t *message; /* the whole request message */
    size_t message_len;
    uint32_t opcode;
    uint32_t request_flags;
    uint8_t common_flags; /* 0x80: the host wants a binary result */
    uint32_t timeout_s;   /* the host's deadline in seconds; 0xffffffff = none */
    size_t max_result;    /* room for result bytes */
    const uint8_t *body;
    size_t body_len;
    uint32_t credential_type;
    const uint8_t *credential;
    size_t credential_len;
    bool authenticated; /* `identity` is set: the opcode was registered with TOOLBOX_VIX_AUTH */
    struct toolbox_identity identity;
};

typedef void (*toolbox_vix_fn)(struct toolbox *tb, struct toolbox_vix *req, void *arg);

#define TOOLBOX_VIX_AUTH    0x1         /* run the authenticator first */
#define TOOLBOX_VIX_DEFAULT 0xffffffffu /* as opcode: whatever has no handler of its own */

/* Registers the handler of an opcode. It answers with toolbox_vix_reply(), now or later, exactly
 * once. Opcodes without a handler are answered with VIX error 3025. `fn` NULL removes. */
int toolbox_on_vix(struct toolbox *tb, uint32_t opcode, unsigned flags, toolbox_vix_fn fn,
                   void *arg);

/* Answers: VIX error (0 = success), additional error (a guest errno value, or 0), result bytes.
 * A text result must hold no NUL; one is added as the protocol wants. Results over
 * `max_result` become VIX error 2. `req` is gone afterwards. */
int toolbox_vix_reply(struct toolbox_vix *req, uint64_t vix_error, uint32_t os_error,
                      const void *result, size_t len);

/* Checks the credentials of `req`; ends with toolbox_vix_authenticated(), now or later. */
typedef void (*toolbox_auth_fn)(struct toolbox *tb, struct toolbox_vix *req, void *arg);
void toolbox_set_authenticator(struct toolbox *tb, toolbox_auth_fn fn, void *arg);
/* Name and password of `req`, in plain, for an authenticator: to be cleared after use
 * (explicit_bzero). 0, -EOPNOTSUPP (a credential of another kind), -EBADMSG, -EMSGSIZE (longer than
 * the room). */
int toolbox_vix_login(const struct toolbox_vix *req, char *name, size_t name_size, char *password,
                      size_t password_size);
/* vix_error 0: `identity` (copied) is the caller, the opcode's handler runs. Otherwise the
 * request is answered with the error and gone; with neither, as a bad login. */
void toolbox_vix_authenticated(struct toolbox_vix *req, uint64_t vix_error,
                               const struct toolbox_identity *identity);

/* ---- programs and files of the embedding program ----
 *
 * Functions that the host's callers start, list and end like processes of the guest (VIX, "Go
 * functions as processes"), and file transfers that the program answers itself (HGFS, "File
 * handlers"). Callers are authenticated first, by the authenticator of toolbox_set_authenticator;
 * without one all are refused. Requests that are about neither go to the handlers of
 * toolbox_on_vix, as ever, which also make the list of the guest's other processes. */

/* One run of a program. Valid until toolbox_process_exit(). */
struct toolbox_process;

/* Process ids: above all that Linux gives. */
#define TOOLBOX_PID_FIRST 4194305
#define TOOLBOX_PROCESS_MAX \
    256 /* running or remembered; the oldest ended ones are forgotten first */
/* How long one that has ended is remembered (VIX, "Process manager semantics"). */
#define TOOLBOX_PROCESS_KEEP_MS 300000
#define TOOLBOX_OUTPUT_MAX      262144 /* bytes of one output stream that wait for the host */

struct toolbox_program {
    /* 0, or a negative errno: nothing was started. `arguments` is one uninterpreted text, valid
     * until the process is gone. toolbox_process_exit() may be called from inside. */
    int (*start)(struct toolbox_process *p, const char *arguments, void *arg);
    /* The host asks for its end: toolbox_process_exit() is to follow, soon. */
    void (*terminate)(struct toolbox_process *p, void *arg);
    /* What was uploaded to /proc/PID/stdin; len 0: its end. Returns how much was taken, or -EAGAIN:
     * toolbox_retry() follows. NULL: the program takes no input. */
    long (*input)(struct toolbox_process *p, const void *data, size_t len, void *arg);
    /* There is room for output again after -EAGAIN. May be NULL. */
    void (*drained)(struct toolbox_process *p, void *arg);
};

/* `name` has no slash. A second registration replaces the first. -EINVAL (no start, no terminate),
 * -ENOMEM. */
int toolbox_add_program(struct toolbox *tb, const char *name, const struct toolbox_program *program,
                        void *arg);
int64_t toolbox_process_pid(const struct toolbox_process *p);
const struct toolbox_identity *toolbox_process_identity(const struct toolbox_process *p);
void toolbox_process_set_data(struct toolbox_process *p, void *data);
void *toolbox_process_data(const struct toolbox_process *p);
/* To /proc/PID/stdout (fd 1) or stderr (fd 2), all or nothing: -EAGAIN (no room now; `drained`
 * follows), -EMSGSIZE (more than there ever is room for), -EINVAL, -ENOMEM. */
int toolbox_process_write(struct toolbox_process *p, int fd, const void *data, size_t len);
/* It has ended. `p` must not be used any more. */
void toolbox_process_exit(struct toolbox_process *p, int exit_code);

struct toolbox_file_info {
    int64_t size; /* bytes; INT64_MAX: not known before the end */
    unsigned mode;
    int64_t modified; /* Unix seconds */
};

/* Handler of the paths /NAME:/REST and /NAME/REST, with an optional ?QUERY. `path` is "/REST",
 * `query` what follows the question mark or "". Results: 0 or a negative errno; -ENOENT from `look`
 * or `open`: the path is an ordinary one. */
struct toolbox_scheme {
    int (*look)(struct toolbox *tb, const struct toolbox_identity *who, const char *path,
                const char *query, bool write, struct toolbox_file_info *ret, void *arg);
    int (*open)(struct toolbox *tb, const struct toolbox_identity *who, const char *path,
                const char *query, bool write, void **ret_file, void *arg);
    /* In order, from the beginning. Bytes moved; 0: the end; -EAGAIN: toolbox_retry() follows.
     * NULL: this scheme's files cannot be read, or written. */
    long (*read)(void *file, void *out, size_t size, void *arg);
    long (*write)(void *file, const void *data, size_t len, void *arg);
    /* complete: the host has closed it; otherwise it has given up, and an upload is not whole. The
     * result is the host's if it is complete. */
    int (*close)(void *file, bool complete, void *arg);
};

/* `name` has no slash and no colon. -EINVAL (no look, open or close), -ENOMEM. */
int toolbox_add_scheme(struct toolbox *tb, const char *name, const struct toolbox_scheme *scheme,
                       void *arg);
/* What has answered -EAGAIN may go on. It does at the next toolbox_process(). */
void toolbox_retry(struct toolbox *tb);

/* ---- power, options, capabilities ---- */

/* The numbers are those of tools.os.statechange.status (Guest RPC, "Power state changes"). */
enum toolbox_power_event {
    TOOLBOX_POWER_HALT = 1,
    TOOLBOX_POWER_REBOOT = 2,
    TOOLBOX_POWER_ON = 3,
    TOOLBOX_POWER_RESUME = 4,
    TOOLBOX_POWER_SUSPEND = 5,
};

/* The host announces or asks for a state change. 0: begun, toolbox_power_report() follows (it may
 * come from inside the hook); negative: refused. One at a time: until the report the library
 * refuses others. Without a hook all are refused. Setting one announces the capabilities
 * `statechange` and `softpowerop_retry`. */
typedef int (*toolbox_power_fn)(struct toolbox *tb, enum toolbox_power_event event, void *arg);
void toolbox_set_power_hook(struct toolbox *tb, toolbox_power_fn fn, void *arg);

/* Called when the host has been told, or could not be. `success` is the result that was reported:
 * a halt or reboot that failed once is forced to success when it is asked for again. */
typedef void (*toolbox_power_done_fn)(struct toolbox *tb, enum toolbox_power_event event,
                                      bool success, void *arg);
/* Ends the state change that the hook began. -EINVAL when none is open, -EAGAIN, -ENOMEM. */
int toolbox_power_report(struct toolbox *tb, bool success, toolbox_power_done_fn fn, void *arg);

/* Set_Option. 0, or negative for a value that is not valid (the host gets an error). Options that
 * nobody knows are accepted, as agents do. */
typedef int (*toolbox_option_fn)(struct toolbox *tb, const char *name, const char *value,
                                 void *arg);
void toolbox_set_option_hook(struct toolbox *tb, toolbox_option_fn fn, void *arg);

/* A line sent whenever the host asks for capabilities, e.g.
 * "tools.capability.hgfs_server toolbox 1"; at most 32. 0, -ENOSPC, -ENOMEM. */
int toolbox_add_capability(struct toolbox *tb, const char *line);

/* What tools.set.versiontype reports: major * 1024 + minor * 32 + base; type 4 is open-vm-tools,
 * 3 a distribution's package, 0 unknown. Default 2147483647 (unmanaged), 0. */
void toolbox_set_version(struct toolbox *tb, uint32_t version, unsigned type);

/* ---- data sets ----
 *
 * Keys and values that the host and this guest share (DataSets, "Guest side"). Each function asks
 * the host over connections of its own and waits, at most TOOLBOX_RPCI_TIMEOUT_MS for each request;
 * only the guest's root is served. `options` may be NULL, and so may `err`. Names, keys and values
 * are UTF-8; replies and values that are larger than a message come in parts, which is not seen
 * here. Results: 0; -EREMOTEIO: the host has refused, and says why in `err`; -EACCES: it serves
 * root only; -EOPNOTSUPP: this virtual machine has no data sets; -EBADMSG: its answer is none;
 * -EMSGSIZE: a name or key that fits in no request; or what toolbox_rpci_once() returns. */
struct toolbox_dataset_error {
    char id[48];    /* "no-such-entry", ... (DataSets, "Error identifiers"); "" = none */
    char text[512]; /* for people */
};

struct toolbox_dataset_info {
    char name[256];
    char description[1025];
    int64_t used; /* bytes of keys and values */
    /* "NONE", "READ_ONLY" or "READ_WRITE" */
    char host_access[16], guest_access[16];
    bool omit_from_snapshot_and_clone;
};

/* `each` is called for every data set, key or entry, and ends the function by returning something
 * else than 0, which is then the result. Texts are NUL-terminated. */
int toolbox_dataset_list(const struct toolbox_options *options,
                         int (*each)(const char *name, const char *description, void *arg),
                         void *arg, struct toolbox_dataset_error *err);
int toolbox_dataset_query(const struct toolbox_options *options, const char *name,
                          struct toolbox_dataset_info *ret, struct toolbox_dataset_error *err);
int toolbox_dataset_keys(const struct toolbox_options *options, const char *name,
                         int (*each)(const char *key, void *arg), void *arg,
                         struct toolbox_dataset_error *err);
/* All keys must be there; otherwise none is given. */
int toolbox_dataset_get(const struct toolbox_options *options, const char *name,
                        const char *const *keys, size_t count,
                        int (*each)(const char *key, const char *value, size_t len, void *arg),
                        void *arg, struct toolbox_dataset_error *err);
/* Sets one entry, or with `append` adds to its value. A value of more than about 60 KB takes
 * several requests: whoever reads meanwhile sees its beginning. */
int toolbox_dataset_set(const struct toolbox_options *options, const char *name, const char *key,
                        const char *value, size_t len, bool append,
                        struct toolbox_dataset_error *err);
/* All of them or, when one is missing, none. */
int toolbox_dataset_delete(const struct toolbox_options *options, const char *name,
                           const char *const *keys, size_t count,
                           struct toolbox_dataset_error *err);

#ifdef __cplusplus
}
#endif

#endif
