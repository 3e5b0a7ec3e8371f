/*
 * The guest's requests, all the way into the VM's state: the input is a sequence of messages, each
 * a byte (bit 0: from the guest's root), a u16 LE length and the message. After each sequence the
 * state must still be one that hostd can be told.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/fs.h"
#include "base/log.h"
#include "vmx/rpci.h"
#include "wire/ctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/vmx-fuzz-XXXXXX";

static int machine_open(const struct machine_config *config, struct machine **ret,
                        struct error *err)
{
    (void)config, (void)err;
    *ret = (struct machine *)folder;
    return 0;
}
static void machine_nothing(struct machine *m)
{
    (void)m;
}
static int machine_root(struct machine *m, unsigned uid)
{
    (void)m, (void)uid;
    return 1;
}

static const struct machine_ops machine = {"fuzz",          machine_open,    machine_nothing,
                                           machine_nothing, machine_nothing, machine_nothing,
                                           machine_root,    machine_nothing};

static void remove_folder(void)
{
    fs_remove_tree(AT_FDCWD, folder, NULL);
}

static struct vm *open_vm(uv_loop_t *loop)
{
    static const char config[] = "inguest.machine = \"fuzz\"\nguestinfo.given = \"1\"\n";
    static char run[64];
    struct vm_options o = {.loop = loop,
                           .folder = folder,
                           .config = "fuzz.vmx",
                           .run = run,
                           .peer_uid = -1,
                           .launcher_fd = -1,
                           .machine = &machine};
    struct error err = {0};
    struct vm *vm = NULL;
    int fd;

    if (!mkdtemp(folder))
        abort();
    atexit(remove_folder);
    snprintf(run, sizeof(run), "%s/run", folder);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fs_write_file(fd, "fuzz.vmx", config, strlen(config), 0600, &err))
        abort();
    close(fd);
    log_set_level(LOG_LEVEL_ERROR);
    uv_loop_init(loop);
    if (vm_open(&o, &vm, &err)) {
        fprintf(stderr, "%s\n", error_text(&err));
        abort();
    }
    return vm;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uv_loop_t loop;
    static struct vm *vm;
    struct cursor c = CURSOR_INIT(data, size);
    struct buf body = BUF_INIT(CTL_BODY_MAX);

    if (!vm)
        vm = open_vm(&loop);
    while (c.left >= 3) {
        struct buf reply = BUF_INIT(RPCI_REPLY_MAX);
        const uint8_t *message;
        uint16_t len;
        uint8_t flags;

        cursor_u8(&c, &flags);
        cursor_le16(&c, &len);
        if (len > c.left)
            len = (uint16_t)c.left;
        cursor_bytes(&c, len, &message);
        rpci_serve(vm, NULL, flags & 1, message, len, &reply);
        if (reply.len < 2 || (memcmp(reply.data, "1 ", 2) != 0 && memcmp(reply.data, "0 ", 2) != 0))
            abort();
        buf_free(&reply);
    }
    if (ctl_encode(&body, vm->guest.json, NULL, 0))
        abort();
    buf_free(&body);
    guestvars_clear(&vm->vars);
    guest_state_free(&vm->guest);
    if (guest_state_init(&vm->guest))
        abort();
    return 0;
}
