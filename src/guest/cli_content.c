#include "guest/cli_content.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"

#define LIBRARY "libguestStoreClient.so.0"
#define STOP_US 200000 /* for a library that was just not waiting when the signal came */

static struct {
    GuestStoreLibError (*init)(void);
    GuestStoreLibError (*get)(const char *path, const char *file, GuestStore_Logger logger,
                              GuestStore_Panic panic, GuestStore_GetContentCallback progress,
                              void *data);
} library;

/* Beside the program first, then where it is installed with it, then the system's; one that the
 * user has put before the system's comes before all. The program itself has no search path, so that
 * it does not search it for the C library at each start. */
static void *load(void)
{
    static const char *const places[] = {"$ORIGIN/" LIBRARY, INGUEST_LIBDIR "/" LIBRARY, LIBRARY};
    void *handle = secure_getenv("LD_LIBRARY_PATH") ? dlopen(LIBRARY, RTLD_NOW) : NULL;

    for (size_t i = 0; !handle && i < ARRAY_SIZE(places); i++)
        handle = dlopen(places[i], RTLD_NOW);
    return handle;
}

bool content_library(void)
{
    if (library.get)
        return true;
    void *handle = load();
    if (!handle) {
        fprintf(stderr, "%s\n", dlerror());
        return false;
    }
    /* The library stays for the life of the tool. */
    *(void **)&library.init = dlsym(handle, "GuestStore_Init");
    *(void **)&library.get = dlsym(handle, "GuestStore_GetContent");
    if (!library.init || !library.get || library.init() != GSLIBERR_SUCCESS) {
        fprintf(stderr, "%s: cannot be initialised\n", LIBRARY);
        library.get = NULL;
        return false;
    }
    return true;
}

GuestStoreLibError content_get(const char *path, const char *file,
                               GuestStore_GetContentCallback progress, void *data)
{
    return library.get(path, file, NULL, NULL, progress, data);
}

/* ---- signals ---- */

static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};

/* One download, for the signal handler. */
static struct {
    const char *file;
    bool existed;
    struct stat before;
    volatile sig_atomic_t started; /* the library asks us now and then */
    volatile sig_atomic_t stopped;
} now;

/* The library asks between pieces of content. Before the first piece it waits and nobody can stop
 * it, so the process ends here; a file that it may just have made or emptied goes too. The same
 * when it has not asked a moment after the signal: it had asked just before, and then began to
 * wait. */
static void on_stop(int number)
{
    static const struct itimerval moment = {.it_value = {.tv_usec = STOP_US}};
    struct stat st;
    (void)number;
    if (now.started && !now.stopped) {
        now.stopped = 1;
        setitimer(ITIMER_REAL, &moment, NULL);
        return;
    }
    bool touched = !now.existed || (lstat(now.file, &st) == 0 &&
                                    (st.st_size != now.before.st_size ||
                                     st.st_mtim.tv_sec != now.before.st_mtim.tv_sec ||
                                     st.st_mtim.tv_nsec != now.before.st_mtim.tv_nsec));
    if (touched && lstat(now.file, &st) == 0 && S_ISREG(st.st_mode))
        unlink(now.file);
    _exit(GSLIBERR_CANCELLED);
}

struct stoppable {
    GuestStore_GetContentCallback progress;
    void *data;
};

static char on_progress(int64_t size, int64_t received, void *arg)
{
    const struct stoppable *s = arg;
    now.started = 1;
    if (now.stopped)
        return 0;
    return !s->progress || s->progress(size, received, s->data);
}

GuestStoreLibError content_get_stoppable(const char *path, const char *file,
                                         GuestStore_GetContentCallback progress, void *data)
{
    struct stoppable s = {progress, data};
    struct sigaction old[ARRAY_SIZE(stops)], stop = {.sa_handler = on_stop};

    now.file = file;
    now.existed = lstat(file, &now.before) == 0;
    now.started = now.stopped = 0;
    for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
        sigaction(stops[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN)
            sigaction(stops[i], &stop, NULL);
    }
    GuestStoreLibError err = content_get(path, file, on_progress, &s);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
        sigaction(stops[i], &old[i], NULL);
    return err;
}

const char *content_error_text(GuestStoreLibError err)
{
#define TEXT(symbol, text) [symbol] = (text),
    static const char *const texts[] = {GUESTSTORE_LIB_ERR_LIST(TEXT)};
#undef TEXT
    return (unsigned)err < ARRAY_SIZE(texts) ? texts[err] : "Unknown error";
}
