/*
 * inguest exec: a program in a guest with the streams, the terminal and the signals of this one.
 *
 * While the terminal is raw its keys go to the guest as they are; whatever ends this process, the
 * terminal gets its mode back, except SIGKILL.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "admin/guest_login.h"
#include "base/mem.h"
#include "client/live.h"

static const char usage[] =
    "usage: inguest exec [-t] [-n] [-u USER] [--guest-password-file FILE] [-w DIR]\n"
    "                    [-e NAME=VALUE]... VM [--] [PROGRAM [ARGUMENT...]]\n"
    "\n"
    "Runs a program in a guest, with standard input, output and error of this command. Without a\n"
    "program: the user's login shell. No shell looks at the arguments; for that run sh -c.\n"
    "\n"
    "  -t, --tty                   with a terminal of its own; keys, Ctrl-C and the window's size\n"
    "                              reach it (a login shell that is run from a terminal has one)\n"
    "  -n                          no input: standard input is not read\n"
    "  -w, --workdir DIR           run it in this folder; default: the user's home\n"
    "  -e, --env NAME=VALUE        set a variable\n" GUEST_LOGIN_OPTIONS "\n"
    "Exit status: that of the program, 128 + N when signal N ended it; 127: it was not found;\n"
    "126: it cannot be run; 125: inguest failed, a line on standard error says why.\n";

#define STATUS_FAILED 125
#define VARIABLES_MAX 256

struct exec_options {
    struct guest_login login;
    const char *vm, *folder;
    const char *variables[VARIABLES_MAX + 1];
    size_t variable_count;
    char **arguments;
    size_t argument_count;
    bool terminal, no_input;
};

/* ---- the terminal ---- */

static struct termios terminal_before;
static bool terminal_raw;

static void restore_terminal(void)
{
    if (terminal_raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_before);
    terminal_raw = false;
}

static void make_raw(void)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &terminal_before) < 0)
        return;
    raw = terminal_before;
    cfmakeraw(&raw);
    terminal_raw = true;
    atexit(restore_terminal);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void window_size(uint16_t *rows, uint16_t *columns)
{
    struct winsize size = {0};

    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *rows = size.ws_row;
    *columns = size.ws_col;
}

/* ---- signals ---- */

static const int passed_on[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

static int signals_begin(bool terminal)
{
    sigset_t set;

    sigemptyset(&set);
    if (terminal)
        sigaddset(&set, SIGWINCH);
    for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
        sigaddset(&set, passed_on[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void on_signal(void *arg, struct live *l)
{
    struct signalfd_siginfo info;
    uint16_t rows, columns;

    while (read(*(int *)arg, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGWINCH) {
            window_size(&rows, &columns);
            live_window(l, rows, columns);
        } else {
            live_signal(l, (int)info.ssi_signo);
        }
    }
}

/* ---- the program ---- */

static int start_program(struct guest_session *s, const struct exec_options *o, const char **ret,
                         struct error *err)
{
    struct vim_StartLiveProgramInGuest_request rq = {
        .this_ = s->processes,
        .vm = s->vm,
        .auth = GUEST_AUTH(s),
        .workingDirectory = o->folder,
        .arguments = {o->argument_count, (const char **)o->arguments},
        .envVariables = {o->variable_count, (const char **)(uintptr_t)o->variables},
        .terminal = o->terminal,
    };
    struct vim_StartLiveProgramInGuest_result *result = NULL;
    uint16_t rows, columns;
    int r;

    if (o->terminal) {
        window_size(&rows, &columns);
        rq.rows = rows;
        rq.columns = columns;
    }
    r = vim_client_call(s->ad->client, &vim_method_StartLiveProgramInGuest, &rq, s->arena,
                        (void **)&result, err);
    if (!r)
        *ret = result->value;
    return r;
}

static int run(struct guest_session *s, const struct exec_options *o, struct live_result *ret,
               struct error *err)
{
    struct vim_stream *stream = NULL;
    const char *path = NULL;
    int signals = -1;
    struct live_options live = {.input = o->no_input ? -1 : STDIN_FILENO,
                                .output = STDOUT_FILENO,
                                .errors = STDERR_FILENO,
                                .event = on_signal,
                                .arg = &signals};
    int r = vim_stream_prepare(s->ad->client, &stream, err);

    if (!r)
        r = start_program(s, o, &path, err);
    guest_session_close(s); /* the password is not needed any more */
    if (!r)
        r = vim_stream_connect(stream, path, err);
    if (!r) {
        bool raw = o->terminal && !o->no_input && isatty(STDIN_FILENO);

        signals = live.events = signals_begin(o->terminal);
        if (raw)
            make_raw();
        r = live_run(stream, &live, ret, err);
        restore_terminal();
    }
    vim_stream_free(stream);
    if (signals >= 0)
        close(signals);
    return r;
}

/* ---- the command line ---- */

static bool parse(int argc, char **argv, struct exec_options *o)
{
    bool bad = false;
    int i = 1;

    for (; i < argc && argv[i][0] == '-' && !bad; i++) {
        const char *v = NULL;

        if (!strcmp(argv[i], "-t") || !strcmp(argv[i], "--tty"))
            o->terminal = true;
        else if (!strcmp(argv[i], "-n"))
            o->no_input = true;
        else if (!strcmp(argv[i], "-w") && i + 1 < argc)
            o->folder = argv[++i];
        else if ((v = admin_option(argc, argv, &i, "--workdir", &bad)))
            o->folder = v;
        else if (!strcmp(argv[i], "-e") && i + 1 < argc)
            v = argv[++i];
        else if (!bad && (v = admin_option(argc, argv, &i, "--env", &bad)))
            ;
        else
            bad = bad || !guest_login_option(&o->login, argc, argv, &i, &bad) || bad;
        if (v && v != o->folder) {
            if (o->variable_count == VARIABLES_MAX || !strchr(v, '=') || v[0] == '=')
                bad = true;
            else
                o->variables[o->variable_count++] = v;
        }
    }
    if (bad || i >= argc)
        return false;
    o->vm = argv[i++];
    if (i < argc && !strcmp(argv[i], "--"))
        i++;
    o->arguments = argv + i;
    o->argument_count = (size_t)(argc - i);
    return !o->argument_count || *o->arguments[0];
}

static void defaults(struct exec_options *o, struct arena *arena)
{
    const char *term = getenv("TERM");

    if (!o->argument_count && !o->no_input && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        o->terminal = true;
    if (!o->terminal || !term || o->variable_count == VARIABLES_MAX)
        return;
    for (size_t i = 0; i < o->variable_count; i++)
        if (!strncmp(o->variables[i], "TERM=", 5))
            return;
    term = arena_printf(arena, "TERM=%s", term);
    if (term)
        o->variables[o->variable_count++] = term;
}

int admin_exec(struct admin *ad, int argc, char **argv)
{
    AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct exec_options o = {0};
    struct guest_session session = {0};
    struct live_result result = {0};
    struct error err = {0};
    int r;

    if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
        fputs(usage, stdout);
        return 0;
    }
    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return STATUS_FAILED;
    }
    defaults(&o, &arena);
    r = guest_session_open(ad, o.vm, &o.login, &arena, &session, &err);
    if (!r)
        r = run(&session, &o, &result, &err);
    if (!r && result.end == EXEC_END_FAILED)
        r = error_set(&err, -EREMOTEIO, "%s", result.text);
    if (r) {
        admin_fail(&err);
        return STATUS_FAILED;
    }
    return result.end == EXEC_END_SIGNAL ? 128 + (int)result.value : (int)(result.value & 0xff);
}
