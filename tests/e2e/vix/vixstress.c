/*
 * libvix under stress. usage: vixstress HOST USER PASSWORD VM GUEST-USER GUEST-PASSWORD MODE [N]
 *
 * logins N   connects (every fifth time by password, else as root of this machine), opens, logs in,
 *            asks, disconnects N times: memory stays flat
 * threads N  N threads work through one host handle
 * handles    wrong, dead and foreign handles: errors, never a crash
 * jobs       queued jobs, released jobs, callbacks, a disconnect in the middle of everything
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vix.h>

static char **arg;

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

static VixError finish(VixHandle job, VixHandle *ret)
{
    VixError error = ret ? VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_HANDLE, ret, VIX_PROPERTY_NONE)
                         : VixJob_Wait(job, VIX_PROPERTY_NONE);

    Vix_ReleaseHandle(job);
    return error;
}

static VixHandle connect_host(void)
{
    VixHandle host = VIX_INVALID_HANDLE;

    CHECK(!finish(VixHost_Connect(VIX_API_VERSION, VIX_SERVICEPROVIDER_VMWARE_VI_SERVER, arg[1], 0,
                                  arg[2], arg[3], 0, VIX_INVALID_HANDLE, NULL, NULL),
                  &host));
    return host;
}

static VixHandle open_vm(VixHandle host, int login)
{
    VixHandle vm = VIX_INVALID_HANDLE;
    VixHandle job = VixHost_OpenVM(host, arg[4], VIX_VMOPEN_NORMAL, VIX_INVALID_HANDLE, NULL, NULL);
    VixError error = VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_HANDLE, &vm, VIX_PROPERTY_NONE);
    char *words = NULL;

    if (error && !Vix_GetProperties(job, VIX_PROPERTY_JOB_RESULT_EXTRA_ERROR_INFO, &words,
                                    VIX_PROPERTY_NONE))
        fprintf(stderr, "VixHost_OpenVM: %s\n", words);
    Vix_FreeBuffer(words);
    Vix_ReleaseHandle(job);
    CHECK(!error);
    if (login)
        CHECK(!finish(VixVM_LoginInGuest(vm, arg[5], arg[6], 0, NULL, NULL), NULL));
    return vm;
}

static long resident_kib(void)
{
    long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%ld %ld", &all, &pages) == 2);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* As this machine's administrator, without a password: the host takes its time over those. */
static VixHandle connect_local(void)
{
    VixHandle host = VIX_INVALID_HANDLE;

    CHECK(!finish(VixHost_Connect(VIX_API_VERSION, VIX_SERVICEPROVIDER_VMWARE_WORKSTATION, NULL, 0,
                                  NULL, NULL, 0, VIX_INVALID_HANDLE, NULL, NULL),
                  &host));
    return host;
}

static void one_login(int local)
{
    VixHandle host = local ? connect_local() : connect_host(), vm = open_vm(host, 1);
    Bool there = FALSE;
    VixHandle job = VixVM_FileExistsInGuest(vm, "/etc/hosts", NULL, NULL);

    CHECK(
        !VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_GUEST_OBJECT_EXISTS, &there, VIX_PROPERTY_NONE));
    Vix_ReleaseHandle(job);
    Vix_ReleaseHandle(vm);
    VixHost_Disconnect(host);
    CHECK(Vix_GetHandleType(host) == VIX_HANDLETYPE_NONE);
}

static void logins(int n)
{
    long early = 0;

    for (int i = 0; i < n; i++) {
        one_login(i % 5 != 0);
        if (i == n / 10)
            early = resident_kib();
    }
    printf("resident after a tenth: %ld KiB, at the end: %ld KiB\n", early, resident_kib());
    CHECK(n < 100 || resident_kib() - early < 2048);
}

/* --- threads --- */

static VixHandle shared_host;

static void *thread_work(void *data)
{
    char from[64], to[64], text[64];
    VixHandle vm = open_vm(shared_host, 1), job;
    int number = (int)(size_t)data, code = -1;
    char *path = NULL;

    for (int i = 0; i < 3; i++) {
        job = VixVM_CreateTempFileInGuest(vm, 0, VIX_INVALID_HANDLE, NULL, NULL);
        CHECK(!VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_ITEM_NAME, &path, VIX_PROPERTY_NONE));
        Vix_ReleaseHandle(job);
        snprintf(text, sizeof(text), "exit %d", number + i);
        job = VixVM_RunScriptInGuest(vm, "/bin/sh", text, 0, VIX_INVALID_HANDLE, NULL, NULL);
        CHECK(!VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_EXIT_CODE, &code,
                           VIX_PROPERTY_NONE));
        Vix_ReleaseHandle(job);
        CHECK(code == number + i);
        snprintf(from, sizeof(from), "/tmp/stress-%d-%d", number, i);
        snprintf(to, sizeof(to), "/tmp/stress-%d-%d-moved", number, i);
        CHECK(!finish(VixVM_RenameFileInGuest(vm, path, from, 0, VIX_INVALID_HANDLE, NULL, NULL),
                      NULL));
        CHECK(!finish(VixVM_RenameFileInGuest(vm, from, to, 0, VIX_INVALID_HANDLE, NULL, NULL),
                      NULL));
        CHECK(!finish(VixVM_DeleteFileInGuest(vm, to, NULL, NULL), NULL));
        Vix_FreeBuffer(path);
    }
    Vix_ReleaseHandle(vm);
    return NULL;
}

static void threads(int n)
{
    pthread_t *t = calloc((size_t)n, sizeof(*t));

    CHECK(t);
    shared_host = connect_host();
    for (int i = 0; i < n; i++)
        CHECK(!pthread_create(&t[i], NULL, thread_work, (void *)(size_t)(i + 1)));
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    free(t);
    VixHost_Disconnect(shared_host);
    printf("%d threads\n", n);
}

/* --- handles --- */

static void handles(void)
{
    VixHandle host = connect_host(), vm = open_vm(host, 0), bad[] = {0, -1, 1, 4711, 0x7fffffff};
    VixHandle list = VIX_INVALID_HANDLE, snapshot = VIX_INVALID_HANDLE, job;
    VixPropertyType type = 0;
    char *text = NULL;
    int n = 0;
    Bool done;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(finish(VixVM_PowerOn(bad[i], 0, 0, NULL, NULL), NULL) == VIX_E_INVALID_HANDLE);
        CHECK(finish(VixHost_RegisterVM(bad[i], "x", NULL, NULL), NULL) == VIX_E_INVALID_HANDLE);
        CHECK(finish(VixVM_RemoveSnapshot(vm, bad[i], 0, NULL, NULL), NULL) ==
              VIX_E_INVALID_HANDLE);
        CHECK(Vix_GetProperties(bad[i], VIX_PROPERTY_VM_NAME, &text, 0) == VIX_E_INVALID_HANDLE);
        CHECK(VixJob_Wait(bad[i], 0) == VIX_E_INVALID_HANDLE);
        CHECK(VixJob_CheckCompletion(bad[i], &done) == VIX_E_INVALID_HANDLE);
        CHECK(VixVM_GetNumRootSnapshots(bad[i], &n) == VIX_E_INVALID_HANDLE);
        CHECK(Vix_GetHandleType(bad[i]) == VIX_HANDLETYPE_NONE);
        Vix_AddRefHandle(bad[i]);
        Vix_ReleaseHandle(bad[i]);
        VixHost_Disconnect(bad[i]);
    }
    CHECK(finish(VixVM_PowerOn(host, 0, 0, NULL, NULL), NULL) ==
          VIX_E_NOT_SUPPORTED_ON_HANDLE_TYPE);
    CHECK(VixJob_GetError(vm) == VIX_E_NOT_SUPPORTED_ON_HANDLE_TYPE);
    CHECK(VixVM_GetNamedSnapshot(host, "x", &snapshot) == VIX_E_NOT_SUPPORTED_ON_HANDLE_TYPE);
    CHECK(VixVM_GetNamedSnapshot(vm, "nobody", &snapshot) == VIX_E_SNAPSHOT_NOTFOUND);
    CHECK(VixVM_GetRootSnapshot(vm, 99, &snapshot) == VIX_E_INVALID_ARG);
    CHECK(VixVM_GetNamedSnapshot(vm, NULL, &snapshot) == VIX_E_INVALID_ARG);

    CHECK(!VixPropertyList_AllocPropertyList(host, &list, VIX_PROPERTY_VM_ENCRYPTION_PASSWORD,
                                             "secret", VIX_PROPERTY_NONE));
    CHECK(!Vix_GetProperties(list, VIX_PROPERTY_VM_ENCRYPTION_PASSWORD, &text, VIX_PROPERTY_NONE));
    CHECK(!strcmp(text, "secret"));
    Vix_FreeBuffer(text);
    CHECK(!Vix_GetPropertyType(list, VIX_PROPERTY_VM_ENCRYPTION_PASSWORD, &type) &&
          type == VIX_PROPERTYTYPE_STRING);
    CHECK(Vix_GetPropertyType(vm, 12345, &type) == VIX_E_UNRECOGNIZED_PROPERTY);
    CHECK(Vix_GetProperties(vm, 12345, &n, VIX_PROPERTY_NONE) == VIX_E_UNRECOGNIZED_PROPERTY);
    CHECK(finish(VixVM_PowerOn(vm, 0, list, NULL, NULL), NULL) == VIX_E_INVALID_ARG);
    Vix_ReleaseHandle(list);
    CHECK(Vix_GetHandleType(list) == VIX_HANDLETYPE_NONE);

    CHECK(finish(VixVM_DeleteFileInGuest(vm, "/x", NULL, NULL), NULL) ==
          VIX_E_ANON_GUEST_OPERATIONS_PROHIBITED);
    CHECK(finish(VixVM_LoginInGuest(vm, NULL, NULL, 0, NULL, NULL), NULL) == VIX_E_INVALID_ARG);
    CHECK(finish(VixVM_LoginInGuest(vm, "__VMware_Vix_Guest_Console_User__", "", 0, NULL, NULL),
                 NULL) == VIX_E_LOGIN_TYPE_NOT_SUPPORTED);
    CHECK(finish(VixHost_Connect(99, 10, "x", 0, "a", "b", 0, 0, NULL, NULL), NULL) ==
          VIX_E_WRAPPER_VERSION_NOT_FOUND);
    CHECK(finish(VixHost_Connect(-1, 77, "x", 0, "a", "b", 0, 0, NULL, NULL), NULL) ==
          VIX_E_WRAPPER_SERVICEPROVIDER_NOT_FOUND);
    CHECK(finish(VixVM_Pause(vm, 0, 0, NULL, NULL), NULL) == VIX_E_NOT_SUPPORTED);

    /* Counted: two references need two releases. */
    Vix_AddRefHandle(vm);
    Vix_ReleaseHandle(vm);
    CHECK(Vix_GetHandleType(vm) == VIX_HANDLETYPE_VM);
    job = VixVM_LogoutFromGuest(vm, NULL, NULL);
    CHECK(!VixJob_Wait(job, VIX_PROPERTY_NONE));
    CHECK(VixJob_GetNthProperties(job, 7, VIX_PROPERTY_JOB_RESULT_ITEM_NAME, &text, 0) ==
          VIX_E_BAD_VM_INDEX);
    VixHost_Disconnect(host);
    CHECK(Vix_GetHandleType(vm) == VIX_HANDLETYPE_NONE);
    CHECK(finish(VixVM_PowerOn(vm, 0, 0, NULL, NULL), NULL) == VIX_E_INVALID_HANDLE);
    CHECK(!VixJob_GetError(job)); /* a job outlives its host */
    Vix_ReleaseHandle(job);
    puts("handles");
}

/* --- jobs --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int ended, failed;

static void count_end(VixHandle job, VixEventType type, VixHandle info, void *data)
{
    (void)info;
    (void)data;
    if (type != VIX_EVENTTYPE_JOB_COMPLETED)
        return;
    pthread_mutex_lock(&lock);
    ended++;
    failed += VixJob_GetError(job) != VIX_OK;
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
}

static void wait_for(int n)
{
    pthread_mutex_lock(&lock);
    while (ended < n)
        pthread_cond_wait(&more, &lock);
    pthread_mutex_unlock(&lock);
}

static void disconnect_inside(VixHandle job, VixEventType type, VixHandle info, void *data)
{
    if (type == VIX_EVENTTYPE_JOB_COMPLETED)
        VixHost_Disconnect(*(VixHandle *)data);
    count_end(job, type, info, data);
}

static void jobs(void)
{
    VixHandle host = connect_host(), vm = open_vm(host, 1), pending[8], last;
    VixHandle first = VixVM_RunProgramInGuest(vm, "/bin/sleep", "1", 0, 0, NULL, NULL);
    VixHandle second = VixVM_FileExistsInGuest(vm, "/etc/hosts", NULL, NULL);

    /* One at a time on a VM: the second is queued behind the first. */
    CHECK(VixJob_GetError(second) == VIX_E_UNFINISHED_JOB);
    CHECK(!VixJob_Wait(second, VIX_PROPERTY_NONE) && !VixJob_GetError(first));
    Vix_ReleaseHandle(first);
    Vix_ReleaseHandle(second);

    /* Released at once; the callback still comes, with a handle that is good. */
    for (int i = 0; i < 20; i++)
        Vix_ReleaseHandle(VixVM_FileExistsInGuest(vm, "/etc/hosts", count_end, NULL));
    Vix_ReleaseHandle(VixVM_FileExistsInGuest(vm, NULL, count_end, NULL));
    Vix_ReleaseHandle(VixVM_FileExistsInGuest(4711, "/", count_end, NULL));
    wait_for(22);
    CHECK(failed == 2);

    /* A disconnect ends what runs and what waits. */
    for (int i = 0; i < 8; i++)
        pending[i] = VixVM_RunProgramInGuest(vm, "/bin/sleep", "300", 0, 0, NULL, NULL);
    VixHost_Disconnect(host);
    for (int i = 0; i < 8; i++) {
        CHECK(VixJob_Wait(pending[i], VIX_PROPERTY_NONE) == VIX_E_HOST_CONNECTION_LOST);
        Vix_ReleaseHandle(pending[i]);
    }

    /* And may come from a callback. */
    host = connect_host();
    vm = open_vm(host, 1);
    last = VixVM_FileExistsInGuest(vm, "/etc/hosts", disconnect_inside, &host);
    CHECK(!VixJob_Wait(last, VIX_PROPERTY_NONE));
    wait_for(23);
    Vix_ReleaseHandle(last);
    CHECK(Vix_GetHandleType(vm) == VIX_HANDLETYPE_NONE);

    /* Without a disconnect the last handle ends the session. */
    host = connect_host();
    vm = open_vm(host, 1);
    Vix_ReleaseHandle(host);
    CHECK(!finish(VixVM_FileExistsInGuest(vm, "/etc/hosts", NULL, NULL), NULL));
    Vix_ReleaseHandle(vm);
    puts("jobs");
}

int main(int argc, char **argv)
{
    int n = argc > 8 ? (int)strtol(argv[8], NULL, 10) : 1;

    if (argc < 8)
        return 2;
    arg = argv;
    if (!strcmp(argv[7], "logins"))
        logins(n);
    else if (!strcmp(argv[7], "threads"))
        threads(n);
    else if (!strcmp(argv[7], "handles"))
        handles();
    else if (!strcmp(argv[7], "jobs"))
        jobs();
    else
        return 2;
    return 0;
}
