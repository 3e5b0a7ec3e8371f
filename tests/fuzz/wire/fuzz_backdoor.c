/* A host and a guest of the backdoor message layer that are told nonsense. Each step takes one byte
 * that says what to do and up to 20 that become registers. */
#include "fuzz_wire.h"

#include "base/cursor.h"
#include "wire/backdoor.h"

static const char reply[] = "1 a reply that is not very long";

static int on_open(void *arg, uint16_t id, uint32_t protocol)
{
    (void)arg;
    (void)id;
    return protocol ? 0 : -1;
}

static void on_message(void *arg, uint16_t id, const uint8_t *bytes, size_t len)
{
    volatile uint8_t sum = 0;

    (void)arg;
    (void)id;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + bytes[i]);
}

static int on_fetch(void *arg, uint16_t id, const uint8_t **ret, size_t *ret_len)
{
    (void)arg;
    *ret = (const uint8_t *)reply;
    *ret_len = id % sizeof(reply);
    return 1;
}

static void on_taken(void *arg, uint16_t id, bool delivered)
{
    (void)arg;
    (void)id;
    (void)delivered;
}

static void on_closed(void *arg, uint16_t id)
{
    (void)arg;
    (void)id;
}

static uint64_t cookie(void *arg)
{
    (void)arg;
    return 0;
}

static int read_guest(void *arg, uint64_t address, void *to, size_t len)
{
    (void)arg;
    memset(to, (int)(address & 0xff), len);
    return address & 0x100 ? -1 : 0;
}

static int write_guest(void *arg, uint64_t address, const void *from, size_t len)
{
    (void)arg;
    (void)from;
    (void)len;
    return address & 0x100 ? -1 : 0;
}

static const struct backdoor_host_ops ops = {on_open,   on_message, on_fetch,   on_taken,
                                             on_closed, cookie,     read_guest, write_guest};

/* What a step takes from the input: registers; zeros when there is nothing left. */
static void take_regs(struct cursor *c, struct backdoor_regs *r)
{
    uint32_t v[3];

    for (size_t i = 0; i < 3; i++)
        cursor_le32(c, &v[i]);
    *r = (struct backdoor_regs){.ax = BACKDOOR_MAGIC, .bx = v[0], .cx = v[1], .dx = v[2]};
}

static enum backdoor_step guest_step(struct backdoor_guest *g, uint8_t what,
                                     struct backdoor_regs *r)
{
    switch (what & 7) {
    case 0:
        return backdoor_guest_open(g, r);
    case 1:
        return backdoor_guest_send(g, reply, what >> 3, r);
    case 2:
        return backdoor_guest_recv(g, r);
    case 3:
        return backdoor_guest_close(g, r);
    default:
        return backdoor_guest_next(g, r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = CURSOR_INIT(data, size);
    enum backdoor_step step = BACKDOOR_STEP_DONE;
    struct backdoor_guest guest;
    struct backdoor_host *host;
    struct backdoor_regs r;
    uint8_t what;
    size_t len;

    if (backdoor_host_new(&ops, NULL, &host))
        return 0;
    backdoor_guest_init(&guest, BACKDOOR_RPCI, false);
    while (!cursor_u8(&c, &what)) {
        take_regs(&c, &r);
        if (what & 0x80) {
            /* A high-bandwidth read fills the buffer that the guest named; nothing else does. */
            if (step == BACKDOOR_STEP_HB_IN && (what & 7) > 3)
                memset(guest.in.data, 'x', guest.out_len);
            step = guest_step(&guest, what, &r);
            backdoor_guest_message(&guest, &len);
            MUST(len <= BACKDOOR_MESSAGE_MAX);
        } else if (what & 0x40) {
            backdoor_host_hb(host, &r, what & 1);
        } else {
            backdoor_host_lb(host, &r);
        }
    }
    backdoor_guest_free(&guest);
    backdoor_host_free(host);
    return 0;
}
