/* inguest up --demo: the main job on a VM named demo, each step with its time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/fs.h"
#include "base/mem.h"

#define DEMO_FILE_BYTES (8u << 20)
#define DEMO_PROGRAM_S  30

struct demo {
    struct admin *ad;
    struct arena arena;
    struct vim_ref vm;
    struct vim_ref files, processes;
    struct vim_NamePasswordAuthentication *auth;
    char user_password[33], guest_password[33];
    struct timespec start;
};

static void step_begin(struct demo *d, const char *what)
{
    printf("%-52s", what);
    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &d->start);
}

static void step_end(const struct demo *d)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("%8.1f ms\n", (double)(now.tv_sec - d->start.tv_sec) * 1e3 +
                             (double)(now.tv_nsec - d->start.tv_nsec) / 1e6);
    fflush(stdout);
}

static int random_text(char out[33], struct error *err)
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return error_errno(err, -errno, "no random bytes");
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

/* The demo's VM is made anew each time: its guest password is only known to this run. */
static int make_vm(struct demo *d, struct error *err)
{
    struct admin_vm_spec spec = {.name = "demo",
                                 .guest_id = "debian12_64Guest",
                                 .memory_mb = 512,
                                 .cpus = 1,
                                 .user_count = 1};
    struct vim_ref old;
    int r = admin_vm_find(d->ad, "demo", &d->arena, &old, NULL);

    if (!r) {
        struct vim_Destroy_Task_request destroy = {.this_ = old};
        struct vim_Destroy_Task_result *task = NULL;

        r = admin_vm_stop(d->ad, old, false, err);
        if (!r)
            r = vim_client_call(d->ad->client, &vim_method_Destroy_Task, &destroy, &d->arena,
                                (void **)&task, err);
        if (!r)
            r = vim_client_wait_task(d->ad->client, task->value, 120000, &d->arena, NULL, err);
        if (r)
            return r;
    }
    spec.users[0].name = "root";
    r = admin_hash_password(d->guest_password, &d->arena, &spec.users[0].hash, err);
    return r ? r : admin_vm_create(d->ad, &spec, &d->arena, &d->vm, err);
}

static int find_managers(struct demo *d, struct error *err)
{
    struct vim_ref root = vim_client_content(d->ad->client)->guestOperationsManager;
    struct vim_any *files = NULL, *processes = NULL;
    int r = vim_client_property(d->ad->client, root, "fileManager", &d->arena, &files, err);

    if (!r)
        r = vim_client_property(d->ad->client, root, "processManager", &d->arena, &processes, err);
    if (r)
        return r;
    d->auth = VIM_NEW(&d->arena, NamePasswordAuthentication);
    if (!files || !processes || !d->auth)
        return error_set(err, -EPROTO, "the host has no guest operations");
    d->files = files->v.ref;
    d->processes = processes->v.ref;
    d->auth->username = "root";
    d->auth->password = d->guest_password;
    return 0;
}

static int run_program(struct demo *d, const char *path, const char *arguments, int *ret_code,
                       struct error *err)
{
    struct vim_StartProgramInGuest_request start = {
        .this_ = d->processes, .vm = d->vm, .auth = (struct vim_GuestAuthentication *)d->auth};
    struct vim_StartProgramInGuest_result *started = NULL;
    struct vim_WaitForProcessInGuest_request wait = {
        .this_ = d->processes, .vm = d->vm, .auth = (struct vim_GuestAuthentication *)d->auth};
    struct vim_WaitForProcessInGuest_result *ended = NULL;
    int r;

    start.spec = VIM_NEW(&d->arena, GuestProgramSpec);
    if (!start.spec)
        return error_set(err, -ENOMEM, "out of memory");
    start.spec->programPath = path;
    start.spec->arguments = arguments;
    r = vim_client_call(d->ad->client, &vim_method_StartProgramInGuest, &start, &d->arena,
                        (void **)&started, err);
    if (r)
        return r;
    wait.pid = started->value;
    wait.seconds = DEMO_PROGRAM_S;
    r = vim_client_call(d->ad->client, &vim_method_WaitForProcessInGuest, &wait, &d->arena,
                        (void **)&ended, err);
    if (r)
        return r;
    if (!ended->value.count || !ended->value.items[0]->has_exitCode)
        return error_set(err, -ETIMEDOUT, "%s did not end", path);
    *ret_code = ended->value.items[0]->exitCode;
    return 0;
}

static int download(struct demo *d, const char *path, int fd, struct error *err)
{
    const struct vim_InitiateFileTransferFromGuest_request rq = {
        .this_ = d->files,
        .vm = d->vm,
        .auth = (struct vim_GuestAuthentication *)d->auth,
        .guestFilePath = path};
    struct vim_InitiateFileTransferFromGuest_result *result = NULL;
    int r = vim_client_call(d->ad->client, &vim_method_InitiateFileTransferFromGuest, &rq,
                            &d->arena, (void **)&result, err);

    return r ? r : vim_client_get(d->ad->client, result->value->url, fd, err);
}

static int upload(struct demo *d, const char *path, int fd, uint64_t size, struct error *err)
{
    struct vim_InitiateFileTransferToGuest_request rq = {
        .this_ = d->files,
        .vm = d->vm,
        .auth = (struct vim_GuestAuthentication *)d->auth,
        .guestFilePath = path,
        .fileSize = (int64_t)size,
        .overwrite = true};
    struct vim_InitiateFileTransferToGuest_result *result = NULL;
    int r;

    rq.fileAttributes =
        (struct vim_GuestFileAttributes *)VIM_NEW(&d->arena, GuestPosixFileAttributes);
    if (!rq.fileAttributes)
        return error_set(err, -ENOMEM, "out of memory");
    r = vim_client_call(d->ad->client, &vim_method_InitiateFileTransferToGuest, &rq, &d->arena,
                        (void **)&result, err);
    return r ? r : vim_client_put(d->ad->client, result->value, fd, size, err);
}

static int run_uname(struct demo *d, struct error *err)
{
    AUTO_CLOSE int fd = memfd_create("uname", MFD_CLOEXEC);
    char text[512];
    ssize_t n;
    int code = -1, r;

    step_begin(d, "run `uname -a` in it");
    r = run_program(d, "/bin/uname", "-a >/tmp/uname.out", &code, err);
    if (!r && code)
        r = error_set(err, -EPROTO, "uname ended with exit code %d", code);
    if (!r)
        r = download(d, "/tmp/uname.out", fd, err);
    if (r)
        return r;
    step_end(d);
    n = pread(fd, text, sizeof(text) - 1, 0);
    if (n <= 0)
        return error_set(err, -EPROTO, "uname printed nothing");
    text[n] = '\0';
    printf("    %s", text);
    return 0;
}

static int same_content(int a, int b, off_t size)
{
    void *pa = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, a, 0);
    void *pb = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, b, 0);
    struct stat st;

    return pa != MAP_FAILED && pb != MAP_FAILED && fstat(b, &st) == 0 && st.st_size == size &&
           memcmp(pa, pb, (size_t)size) == 0;
}

static int move_file(struct demo *d, struct error *err)
{
    AUTO_CLOSE int up = memfd_create("up", MFD_CLOEXEC);
    AUTO_CLOSE int down = memfd_create("down", MFD_CLOEXEC);
    unsigned char block[256];
    int r = 0;

    for (size_t at = 0; at < DEMO_FILE_BYTES; at += sizeof(block))
        if (getrandom(block, sizeof(block), 0) != (ssize_t)sizeof(block) ||
            fs_write_all(up, block, sizeof(block)))
            return error_set(err, -EIO, "cannot make a file to upload");
    lseek(up, 0, SEEK_SET);
    step_begin(d, "upload a file of 8 MiB");
    r = upload(d, "/tmp/inguest-demo", up, DEMO_FILE_BYTES, err);
    if (r)
        return r;
    step_end(d);
    step_begin(d, "download it and compare");
    r = download(d, "/tmp/inguest-demo", down, err);
    if (!r && !same_content(up, down, DEMO_FILE_BYTES))
        r = error_set(err, -EPROTO, "what came back is not what was sent");
    if (!r)
        step_end(d);
    return r;
}

static int steps(struct demo *d, struct error *err)
{
    int r = random_text(d->user_password, err);

    if (!r)
        r = random_text(d->guest_password, err);
    if (r)
        return r;
    step_begin(d, "log in and make the API user `demo`");
    r = admin_user_set(d->ad, "demo", d->user_password, "Admin", err);
    if (r)
        return r;
    step_end(d);
    step_begin(d, "create the VM `demo`");
    r = make_vm(d, err);
    if (r)
        return r;
    step_end(d);
    step_begin(d, "power it on and wait for its guest");
    r = admin_vm_start(d->ad, d->vm, true, err);
    if (r)
        return r;
    step_end(d);
    r = find_managers(d, err);
    if (!r)
        r = run_uname(d, err);
    return r ? r : move_file(d, err);
}

/* A copy of the host's certificate that every user of this machine can read. */
static int publish_certificate(const struct admin *ad, struct error *err)
{
    AUTO_BUF struct buf pem = BUF_INIT(1u << 20);
    AUTO_FREE char *from = mem_printf("%s/hostd/cert.pem", ad->state);
    AUTO_CLOSE int dir = open(ad->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = from ? fs_read_file(AT_FDCWD, from, &pem, err) : -ENOMEM;

    if (!r && dir < 0)
        r = error_errno(err, -errno, "cannot open %s", ad->run);
    return r ? r : fs_write_file(dir, "cert.pem", pem.data, pem.len, 0644, err);
}

int admin_demo(struct admin *ad, struct error *err)
{
    struct demo d = {.ad = ad, .arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX)};
    char address[256];
    int r = admin_address(ad, address, err);

    if (!r)
        r = steps(&d, err);
    if (!r)
        r = publish_certificate(ad, err);
    if (r) {
        putchar('\n');
    } else {
        printf("\nThe host is at https://%s/sdk, API user `demo`, guest user `root`. For govc:\n\n"
               "export GOVC_URL=https://%s/sdk GOVC_TLS_CA_CERTS=%s/cert.pem\n"
               "export GOVC_USERNAME=demo GOVC_PASSWORD=%s\n"
               "export GOVC_VM=demo GOVC_GUEST_LOGIN=root:%s\n"
               "govc guest.run uname -a\n\n"
               "For a shell in the guest, as root of this machine:\n\n"
               "INGUEST_GUEST_LOGIN=root:%s inguest --state %s --run %s exec demo\n\n",
               address, address, ad->run, d.user_password, d.guest_password, d.guest_password,
               ad->state, ad->run);
    }
    explicit_bzero(d.user_password, sizeof(d.user_password));
    explicit_bzero(d.guest_password, sizeof(d.guest_password));
    arena_free(&d.arena);
    return r;
}
