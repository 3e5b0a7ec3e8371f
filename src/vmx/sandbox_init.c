/*
 * inguest-init: process 1 of a sandbox VM. Reaps orphans, keeps the agent running, turns it all
 * off when asked: SIGTERM powers off, SIGINT restarts, both after two seconds' notice to the
 * guest's processes. Linked statically, so that nothing in the guest's root becomes part of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS 100u
#define BACKOFF_MAX_MS   10000u
#define GRACE_MS         2000u
/* An agent that ran this long did not die of how it was started. */
#define STEADY_MS 10000u
#define LOG_FILE  "/var/log/toolboxd.log"

static uint64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The agent's messages of this boot. */
static void open_log(void)
{
    int fd = open(LOG_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);

    if (fd < 0)
        return;
    dup2(fd, 1);
    dup2(fd, 2);
    close(fd);
}

static pid_t start_agent(char *const argv[])
{
    pid_t pid = fork();
    sigset_t none;

    if (pid)
        return pid;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (chdir("/") == 0)
        execv(argv[0], argv);
    _exit(127);
}

/* Reaps what there is; 1 when `agent` was among it. */
static int reap(pid_t agent)
{
    int found = 0;
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        found |= pid == agent;
    return found;
}

static int wait_signal(const sigset_t *set, uint64_t until)
{
    uint64_t now = now_ms();
    uint64_t left = until > now ? until - now : 0;
    struct timespec ts = {.tv_sec = (time_t)(left / 1000),
                          .tv_nsec = (long)(left % 1000) * 1000000};

    return until == UINT64_MAX ? sigwaitinfo(set, NULL) : sigtimedwait(set, NULL, &ts);
}

static _Noreturn void shut_down(const sigset_t *set, int how)
{
    uint64_t until = now_ms() + GRACE_MS;

    kill(-1, SIGTERM);
    for (;;) {
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        }
        if ((pid < 0 && errno == ECHILD) || now_ms() >= until)
            break;
        wait_signal(set, until);
    }
    sync();
    reboot(how);
    _exit(how == RB_AUTOBOOT ? 1 : 0);
}

int main(int argc, char **argv)
{
    uint64_t backoff = BACKOFF_FIRST_MS, started = 0, next = 0;
    pid_t agent = -1;
    sigset_t set;

    if (argc < 2 || getpid() != 1)
        return 2;
    prctl(PR_SET_NAME, "init");
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    umask(022);
    open_log();
    for (;;) {
        int sig;

        if (agent < 0 && now_ms() >= next) {
            started = now_ms();
            agent = start_agent(argv + 1);
            next = started + backoff;
        }
        sig = wait_signal(&set, agent < 0 ? next : UINT64_MAX);
        if (sig == SIGTERM || sig == SIGINT)
            shut_down(&set, sig == SIGTERM ? RB_POWER_OFF : RB_AUTOBOOT);
        if (!reap(agent))
            continue;
        agent = -1;
        if (now_ms() - started >= STEADY_MS)
            backoff = BACKOFF_FIRST_MS;
        next = now_ms() + backoff;
        backoff = backoff * 2 < BACKOFF_MAX_MS ? backoff * 2 : BACKOFF_MAX_MS;
    }
}
