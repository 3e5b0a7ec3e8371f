/* vmrun: flags, the connection, the order of the checks. The commands are in vmrun_*.c. */
#include "client/vmrun.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/password.h"
#include "client/vix_config.h"
#include "client/vix_impl.h"

#define FOREVER_MS (365ull * 24 * 3600 * 1000)

/* --- waiting --- */

static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;
static VixHandle current; /* the job that is waited for: Ctrl-C ends it */
static bool interrupted;

static void *watch_signals(void *arg)
{
    sigset_t *set = arg;
    int number;

    for (;;) {
        VixHandle job;

        if (sigwait(set, &number))
            continue;
        pthread_mutex_lock(&current_lock);
        interrupted = true;
        job = current;
        Vix_AddRefHandle(job);
        pthread_mutex_unlock(&current_lock);
        if (!job)
            _exit(VMRUN_FAILED);
        vix_connect_abort(job, VIX_E_CANCELLED);
        Vix_ReleaseHandle(job);
    }
    return NULL;
}

static void start_watching(void)
{
    static sigset_t set;
    pthread_t thread;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* in all threads that are started later, too */
    if (!pthread_create(&thread, NULL, watch_signals, &set))
        pthread_detach(thread);
}

static void set_current(VixHandle job)
{
    pthread_mutex_lock(&current_lock);
    current = job;
    pthread_mutex_unlock(&current_lock);
}

VixError vmrun_wait_keep(struct vmrun *v, VixHandle job)
{
    uint64_t now = clock_ms();
    uint64_t left = !v->end_ms ? FOREVER_MS : v->end_ms > now ? v->end_ms - now : 0;
    VixError error;

    if (!job)
        return VIX_E_OUT_OF_MEMORY;
    set_current(job);
    if (interrupted)
        vix_connect_abort(job, VIX_E_CANCELLED);
    error = vix_job_wait(job, left);
    if (error == VIX_E_UNFINISHED_JOB) {
        vix_connect_abort(job, VIX_E_NET_HTTP_OPERATION_TIMEDOUT);
        error = VIX_E_NET_HTTP_OPERATION_TIMEDOUT;
    }
    set_current(VIX_INVALID_HANDLE);
    return error;
}

VixError vmrun_wait(struct vmrun *v, VixHandle job)
{
    VixError error = vmrun_wait_keep(v, job);

    Vix_ReleaseHandle(job);
    return error;
}

VixError vmrun_wait_string(struct vmrun *v, VixHandle job, VixPropertyID id, char **ret)
{
    VixError error = vmrun_wait_keep(v, job);

    if (!error)
        error = Vix_GetProperties(job, id, ret, VIX_PROPERTY_NONE);
    Vix_ReleaseHandle(job);
    return error;
}

/* --- telling --- */

int vmrun_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("Error: ", stdout);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
    return VMRUN_FAILED;
}

/* The published text without its period. */
static int print_text(const char *before, VixError error)
{
    const char *text = Vix_GetErrorText(error, NULL);
    size_t len = strlen(text);

    return vmrun_error("%s%.*s", before, (int)(len && text[len - 1] == '.' ? len - 1 : len), text);
}

int vmrun_end(struct vmrun *v, VixError error)
{
    (void)v;
    return error ? print_text("", error) : VMRUN_OK;
}

int vmrun_job(struct vmrun *v, VixHandle job)
{
    return vmrun_end(v, vmrun_wait(v, job));
}

static bool progress_shown;

void vmrun_progress(VixHandle handle, VixEventType type, VixHandle info, void *data)
{
    static const char bar[] = "########################################";
    int percent = 0;

    (void)handle;
    (void)data;
    if (type != VIX_EVENTTYPE_JOB_PROGRESS || !isatty(STDERR_FILENO) ||
        Vix_GetProperties(info, VIX_PROPERTY_JOB_RESULT_EXIT_CODE, &percent, VIX_PROPERTY_NONE))
        return;
    fprintf(stderr, "\r[%-40.*s] %3d%%", percent * 40 / 100, bar, percent);
    fflush(stderr);
    progress_shown = true;
}

void vmrun_progress_end(void)
{
    if (progress_shown)
        fputs("\r\033[K", stderr);
}

/* --- connecting --- */

static int ask_trust(const char *address, const char *fingerprint, void *arg)
{
    const struct vmrun *v = arg;
    AUTO_BUF struct buf answer = BUF_INIT(64);
    AUTO_BUF struct buf question = BUF_INIT(1024);

    if (v->accept_new)
        return 1;
    buf_printf(&question,
               "The certificate of %s is not known; its SHA-256 fingerprint is\n%s\n"
               "Trust this server from now on? (yes/no)",
               address, fingerprint);
    if (buf_error(&question) || password_ask(buf_text(&question), true, &answer, NULL)) {
        fprintf(stderr,
                "vmrun: the certificate of %s is not known (SHA-256 %s); see --cacert, "
                "--fingerprint and --accept-new\n",
                address, fingerprint);
        return 0;
    }
    return !strcasecmp(buf_text(&answer), "yes");
}

/* From -p, the environment, a file or a prompt, in this order. NULL: there is none. */
static const char *find_password(struct buf *store, const char *given, const char *variable,
                                 const char *file, const char *prompt)
{
    const char *value = given ? given : getenv(variable);

    if (value)
        return value;
    if (password_read(file, prompt, false, store, NULL))
        return NULL;
    return buf_text(store);
}

static int connect_failed(VixError error, VixHandle job)
{
    AUTO_FREE char *words = vix_job_words(job);

    puts("Unable to connect to host.");
    if (words && *words && isatty(STDERR_FILENO))
        fprintf(stderr, "vmrun: %s\n", words);
    return print_text("", error);
}

static int connect_host(struct vmrun *v)
{
    struct vix_config *config = NULL;
    VixHandle job;
    VixError error;

    if (v->connect.user || !v->local)
        v->connect.password =
            find_password(&v->host_password, v->connect.password, "VMRUN_PASSWORD",
                          v->password_file, "Password on the host");
    if (!vix_config_load(&config))
        vix_config_apply(config, &v->connect);
    v->connect.ask = ask_trust;
    v->connect.ask_arg = v;
    job = vix_connect_start(&v->connect, NULL, NULL);
    vix_config_free(config);
    error = vmrun_wait_keep(v, job);
    if (!error)
        error = Vix_GetProperties(job, VIX_PROPERTY_JOB_RESULT_HANDLE, &v->host, VIX_PROPERTY_NONE);
    if (error) {
        int status = connect_failed(error, job);

        Vix_ReleaseHandle(job);
        return status;
    }
    Vix_ReleaseHandle(job);
    return VMRUN_OK;
}

static int open_vm(struct vmrun *v)
{
    VixHandle job =
        VixHost_OpenVM(v->host, v->path, VIX_VMOPEN_NORMAL, VIX_INVALID_HANDLE, NULL, NULL);
    VixError error = vmrun_wait_keep(v, job);
    AUTO_FREE char *before = mem_printf("Cannot open VM: %s, ", v->path);

    if (!error)
        error = Vix_GetProperties(job, VIX_PROPERTY_JOB_RESULT_HANDLE, &v->vm, VIX_PROPERTY_NONE);
    Vix_ReleaseHandle(job);
    if (error == VIX_E_HOST_USER_PERMISSIONS || error == VIX_E_NET_HTTP_OPERATION_TIMEDOUT)
        return vmrun_end(v, error);
    return error ? print_text(before ? before : "", error) : VMRUN_OK;
}

/* --- the guest --- */

int vmrun_guest_ready(struct vmrun *v)
{
    int power = 0, tools = 0;
    VixError error = Vix_GetProperties(v->vm, VIX_PROPERTY_VM_POWER_STATE, &power,
                                       VIX_PROPERTY_VM_TOOLS_STATE, &tools, VIX_PROPERTY_NONE);

    if (error)
        return vmrun_end(v, error);
    if (!(power & VIX_POWERSTATE_POWERED_ON))
        return vmrun_error("The virtual machine is not powered on: %s", v->path);
    if (tools != VIX_TOOLSSTATE_RUNNING)
        return vmrun_error("The VMware Tools are not running in the virtual machine: %s", v->path);
    return VMRUN_OK;
}

int vmrun_guest_login(struct vmrun *v, bool interactive)
{
    const char *password;
    VixError error;

    if (!v->guest_user)
        return vmrun_end(v, VIX_E_ANON_GUEST_OPERATIONS_PROHIBITED);
    password = v->has_guest_password
                   ? buf_text(&v->guest_password)
                   : find_password(&v->guest_password, NULL, "VMRUN_GUEST_PASSWORD",
                                   v->guest_password_file, "Password in the guest");
    if (!password)
        return vmrun_end(v, VIX_E_ANON_GUEST_OPERATIONS_PROHIBITED);
    error = vmrun_wait(
        v, VixVM_LoginInGuest(v->vm, v->guest_user, password,
                              interactive ? VIX_LOGIN_IN_GUEST_REQUIRE_INTERACTIVE_ENVIRONMENT : 0,
                              NULL, NULL));
    if (error == VIX_E_GUEST_USER_PERMISSIONS || error == VIX_E_AUTHENTICATION_FAIL)
        return vmrun_error("Invalid user name or password for the guest OS");
    return vmrun_end(v, error);
}

static int run(struct vmrun *v, const struct vmrun_command *c)
{
    int status = c->flags & VMRUN_NOTHING ? VMRUN_OK : connect_host(v);

    if (status || (c->flags & (VMRUN_HOST | VMRUN_NOTHING)))
        return status ? status : c->run(v);
    status = open_vm(v);
    if (!status && (c->flags & VMRUN_GUEST)) {
        status = vmrun_guest_ready(v);
        if (!status)
            status = vmrun_guest_login(v, false);
    }
    return status ? status : c->run(v);
}

/* --- flags --- */

static int bad_flag(const char *flag)
{
    printf("Invalid argument: %s\n\n", flag);
    vmrun_version();
    putchar('\n');
    vmrun_usage();
    return VMRUN_FAILED;
}

static int set_type(struct vmrun *v, const char *name)
{
    static const struct {
        const char *name;
        VixServiceProvider type;
        bool local;
    } types[] = {{"ws", VIX_SERVICEPROVIDER_VMWARE_WORKSTATION, true},
                 {"fusion", VIX_SERVICEPROVIDER_VMWARE_WORKSTATION, true},
                 {"player", VIX_SERVICEPROVIDER_VMWARE_PLAYER, true},
                 {"ws-shared", VIX_SERVICEPROVIDER_VMWARE_WORKSTATION_SHARED, false},
                 {"server", VIX_SERVICEPROVIDER_VMWARE_SERVER, false},
                 {"server1", VIX_SERVICEPROVIDER_VMWARE_SERVER, false},
                 {"esx", VIX_SERVICEPROVIDER_VMWARE_VI_SERVER, false},
                 {"vc", VIX_SERVICEPROVIDER_VMWARE_VI_SERVER, false}};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (strcasecmp(types[i].name, name) != 0)
            continue;
        v->connect.type = types[i].type;
        v->local = types[i].local;
        return 0;
    }
    return -1;
}

static int number(const char *text, unsigned max, unsigned *ret)
{
    char *end = NULL;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || n > max)
        return -1;
    *ret = (unsigned)n;
    return 0;
}

/* Out of the arguments, where everybody on this machine can read them. */
static const char *hide(char *secret)
{
    static char *kept[8];
    static unsigned count;
    char *copy = count < ARRAY_SIZE(kept) ? mem_strdup(secret) : NULL;

    if (copy)
        kept[count++] = copy;
    memset(secret, 'x', strlen(secret));
    return copy;
}

enum flag {
    F_TYPE,
    F_HOST,
    F_PORT,
    F_USER,
    F_PASSWORD,
    F_VM_PASSWORD,
    F_GUEST_USER,
    F_GUEST_PASSWORD,
    F_PASSWORD_FILE,
    F_GUEST_PASSWORD_FILE,
    F_CACERT,
    F_FINGERPRINT,
    F_TIMEOUT,
    F_KEEP_LOGIN
};

static const struct {
    const char *name;
    enum flag flag;
} flags[] = {{"-T", F_TYPE},
             {"-h", F_HOST},
             {"-P", F_PORT},
             {"-u", F_USER},
             {"-p", F_PASSWORD},
             {"-vp", F_VM_PASSWORD},
             {"-gu", F_GUEST_USER},
             {"-gp", F_GUEST_PASSWORD},
             {"--password-file", F_PASSWORD_FILE},
             {"--guest-password-file", F_GUEST_PASSWORD_FILE},
             {"--cacert", F_CACERT},
             {"--fingerprint", F_FINGERPRINT},
             {"--timeout", F_TIMEOUT},
             {"--keep-login", F_KEEP_LOGIN}};

static int set_flag(struct vmrun *v, enum flag flag, char *value)
{
    unsigned n = 0;

    switch (flag) {
    case F_TYPE:
        return set_type(v, value);
    case F_HOST:
        v->connect.host = value;
        return 0;
    case F_PORT:
        if (number(value, 65535, &n))
            return -1;
        v->connect.port = (int)n;
        return 0;
    case F_USER:
        v->connect.user = value;
        return 0;
    case F_PASSWORD:
        v->connect.password = hide(value);
        return v->connect.password ? 0 : -1;
    case F_VM_PASSWORD:
        hide(value);
        return 0;
    case F_GUEST_USER:
        v->guest_user = value;
        return 0;
    case F_GUEST_PASSWORD:
        buf_clear(&v->guest_password);
        v->has_guest_password = true;
        n = buf_put_str(&v->guest_password, value) != 0;
        memset(value, 'x', strlen(value));
        return n ? -1 : 0;
    case F_PASSWORD_FILE:
        v->password_file = value;
        return 0;
    case F_GUEST_PASSWORD_FILE:
        v->guest_password_file = value;
        return 0;
    case F_CACERT:
        v->connect.ca_file = value;
        return 0;
    case F_FINGERPRINT:
        v->connect.fingerprint = value;
        return 0;
    case F_TIMEOUT:
        return number(value, 1000000, &v->timeout_s);
    case F_KEEP_LOGIN:
        return number(value, 24 * 3600, &v->connect.keep_login_s);
    }
    return -1;
}

/* The place of the command; -1: the status is in *ret_status. */
static int parse_flags(struct vmrun *v, int argc, char **argv, int *ret_status)
{
    int i;

    *ret_status = VMRUN_FAILED;
    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        const char *name = argv[i];
        size_t k;

        if (!strcmp(name, "--help")) {
            vmrun_usage();
            *ret_status = VMRUN_OK;
            return -1;
        }
        if (!strcmp(name, "--version")) {
            vmrun_version();
            *ret_status = VMRUN_OK;
            return -1;
        }
        if (!strcmp(name, "--accept-new")) {
            v->accept_new = true;
            continue;
        }
        for (k = 0; k < ARRAY_SIZE(flags) && strcmp(name, flags[k].name); k++)
            ;
        if (k == ARRAY_SIZE(flags) || i + 1 >= argc || set_flag(v, flags[k].flag, argv[++i])) {
            bad_flag(name);
            return -1;
        }
    }
    return i;
}

/* What the flags mean together. */
static void settle(struct vmrun *v)
{
    const char *keep = getenv("VMRUN_KEEP_LOGIN");

    if (!v->connect.type)
        set_type(v, v->connect.host ? "esx" : "ws");
    if (v->connect.host)
        v->local = false;
    else if (!v->local)
        v->connect.host = "localhost";
    if (!v->connect.keep_login_s && keep)
        number(keep, 24 * 3600, &v->connect.keep_login_s);
    if (v->timeout_s) {
        v->end_ms = clock_ms() + v->timeout_s * 1000ull;
        v->connect.timeout_s = v->connect.connect_s = v->timeout_s;
    }
}

static int command(struct vmrun *v, int argc, char **argv)
{
    const struct vmrun_command *c = vmrun_find(argv[0]);
    int first;

    if (!strcasecmp(argv[0], "help")) {
        vmrun_usage();
        return VMRUN_OK;
    }
    if (!c) {
        vmrun_error("Unrecognized command: %s", argv[0]);
        putchar('\n');
        vmrun_usage();
        return VMRUN_FAILED;
    }
    if (argc == 2 && !strcmp(argv[1], "--help")) {
        printf("Usage: vmrun [AUTHENTICATION-FLAGS] %s %s\n\n%s\n", c->name, c->parameters,
               c->help);
        return VMRUN_OK;
    }
    first = c->flags & VMRUN_HOST ? 1 : 2;
    v->path = first == 2 ? argv[1] : NULL;
    v->argc = argc - first;
    v->argv = argv + first;
    if (v->argc < c->min || v->argc > c->max) {
        printf("Usage: vmrun [AUTHENTICATION-FLAGS] %s %s\n", c->name, c->parameters);
        return VMRUN_FAILED;
    }
    settle(v);
    start_watching();
    return run(v, c);
}

int main(int argc, char **argv)
{
    struct vmrun v = {.host_password = BUF_INIT(PASSWORD_MAX),
                      .guest_password = BUF_INIT(PASSWORD_MAX),
                      .connect = {.api_version = VIX_API_VERSION}};
    int status, at;

    if (argc < 2) {
        vmrun_version();
        putchar('\n');
        vmrun_usage();
        return VMRUN_FAILED;
    }
    at = parse_flags(&v, argc, argv, &status);
    if (at >= argc) {
        vmrun_version();
        putchar('\n');
        vmrun_usage();
    } else if (at > 0) {
        status = command(&v, argc - at, argv + at);
    }
    Vix_ReleaseHandle(v.vm);
    VixHost_Disconnect(v.host);
    password_forget(&v.host_password);
    password_forget(&v.guest_password);
    return fflush(stdout) ? VMRUN_FAILED : status;
}
