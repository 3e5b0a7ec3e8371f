/* A download that a signal ends: nothing stays, whatever the client library does at that moment. */
#include <dlfcn.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest/cli_content.h"

/* What the library below does. */
static enum { BEFORE_CONTENT, BETWEEN_PIECES, JUST_BEFORE_WAITING } moment;

static GuestStoreLibError fake_init(void)
{
    return GSLIBERR_SUCCESS;
}

/* Waits for bytes that never come, and goes on waiting after a signal. */
__attribute__((noreturn)) static void wait_for_ever(void)
{
    for (;;)
        pause();
}

static GuestStoreLibError fake_get(const char *path, const char *file, GuestStore_Logger logger,
                                   GuestStore_Panic panic, GuestStore_GetContentCallback progress,
                                   void *data)
{
    (void)path;
    (void)logger;
    (void)panic;
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, "some", 4) != 4)
        _exit(100);
    if (moment == BEFORE_CONTENT) {
        raise(SIGTERM);
        wait_for_ever();
    }
    if (moment == BETWEEN_PIECES) {
        progress(1000, 2, data);
        raise(SIGTERM);
    }
    if (!progress(1000, 4, data)) {
        unlink(file);
        close(fd);
        return GSLIBERR_CANCELLED;
    }
    raise(SIGTERM);
    wait_for_ever();
}

void *__wrap_dlopen(const char *file, int mode);
void *__wrap_dlsym(void *handle, const char *name);

void *__wrap_dlopen(const char *file, int mode)
{
    (void)mode;
    /* Only the system's is there. */
    return strcmp(file, "libguestStoreClient.so.0") == 0 ? &moment : NULL;
}

void *__wrap_dlsym(void *handle, const char *name)
{
    assert_ptr_equal(handle, &moment);
    return strcmp(name, "GuestStore_Init") == 0 ? (void *)fake_init : (void *)fake_get;
}

static void stopped_at(int when)
{
    char file[] = "/tmp/cli-content.XXXXXX";
    int status, fd = mkstemp(file);
    pid_t child;

    assert_true(fd >= 0);
    close(fd);
    moment = when;
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(content_library() ? (int)content_get_stoppable("/a", file, NULL, NULL) : 101);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), GSLIBERR_CANCELLED);
    assert_int_not_equal(access(file, F_OK), 0);
}

static void test_before_content(void **state)
{
    (void)state;
    stopped_at(BEFORE_CONTENT);
}

static void test_between_pieces(void **state)
{
    (void)state;
    stopped_at(BETWEEN_PIECES);
}

static void test_just_before_waiting(void **state)
{
    (void)state;
    stopped_at(JUST_BEFORE_WAITING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_content),
        cmocka_unit_test(test_between_pieces),
        cmocka_unit_test(test_just_before_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
