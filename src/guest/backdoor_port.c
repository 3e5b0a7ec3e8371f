#include "guest/backdoor_port.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>

#define CPUID_HYPERVISOR_BIT   (1u << 31) /* leaf 1, ECX */
#define CPUID_HYPERVISOR       0x40000000u
#define CPUID_VMWARE_HYPERCALL 0x40000010u
#define FLAG_HB                1u
#define FLAG_WRITE             2u

enum way { WAY_PORT, WAY_VMCALL, WAY_VMMCALL };

static enum way way;

static bool hypervisor(enum way *ret)
{
    unsigned a, b, c, d;
    char signature[12];

    *ret = WAY_PORT;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & CPUID_HYPERVISOR_BIT))
        return false;
    __cpuid(CPUID_HYPERVISOR, a, b, c, d);
    memcpy(signature, &b, 4);
    memcpy(signature + 4, &c, 4);
    memcpy(signature + 8, &d, 4);
    if (memcmp(signature, "VMwareVMware", sizeof(signature)) != 0 || a < CPUID_VMWARE_HYPERCALL)
        return true;
    __cpuid(CPUID_VMWARE_HYPERCALL, a, b, c, d);
    if (c & 2)
        *ret = WAY_VMCALL;
    else if (c & 1)
        *ret = WAY_VMMCALL;
    return true;
}

/* With a hypercall the port number in DX gives way to flags. */
static void set_flags(struct backdoor_regs *r, unsigned flags)
{
    r->dx = (r->dx & ~(uint64_t)0xffff) | flags;
}

#define CALL(instruction, r)                                                           \
    do {                                                                               \
        register uint64_t bp_ __asm__("r8") = (r)->bp;                                 \
        __asm__ volatile("xchgq %%rbp, %%r8\n\t" instruction "\n\txchgq %%rbp, %%r8"   \
                         : "+a"((r)->ax), "+b"((r)->bx), "+c"((r)->cx), "+d"((r)->dx), \
                           "+S"((r)->si), "+D"((r)->di), "+r"(bp_)                     \
                         :                                                             \
                         : "memory", "cc");                                            \
        (r)->bp = bp_;                                                                 \
    } while (0)

static void call(struct backdoor_regs *r, unsigned flags)
{
    if (way != WAY_PORT)
        set_flags(r, flags);
    if (way == WAY_VMCALL)
        CALL("vmcall", r);
    else if (way == WAY_VMMCALL)
        CALL("vmmcall", r);
    else if (!(flags & FLAG_HB))
        CALL("inl %%dx, %%eax", r);
    else if (flags & FLAG_WRITE)
        CALL("cld; rep outsb", r);
    else
        CALL("cld; rep insb", r);
}

void backdoor_port_lb(struct backdoor_regs *r)
{
    call(r, 0);
}

void backdoor_port_hb_out(struct backdoor_regs *r)
{
    call(r, FLAG_HB | FLAG_WRITE);
}

void backdoor_port_hb_in(struct backdoor_regs *r)
{
    call(r, FLAG_HB);
}

static sigjmp_buf refused;

static void on_refused(int sig)
{
    (void)sig;
    siglongjmp(refused, 1);
}

static bool probe(uint32_t *ret_product)
{
    struct sigaction old, sa = {.sa_handler = on_refused};
    volatile bool present = false;

    if (!hypervisor(&way))
        return false;
    sigemptyset(&sa.sa_mask);
    if (sigaction(SIGSEGV, &sa, &old) < 0)
        return false;
    if (sigsetjmp(refused, 1) == 0) {
        /* Not in a register that the fault would lose: rbp is exchanged during a call. */
        static struct backdoor_regs r;
        backdoor_version_request(&r);
        if (way != WAY_PORT)
            set_flags(&r, 0);
        switch (way) {
        case WAY_PORT:
            __asm__ volatile("inl %%dx, %%eax"
                             : "+a"(r.ax), "+b"(r.bx), "+c"(r.cx), "+d"(r.dx), "+S"(r.si),
                               "+D"(r.di)
                             :
                             : "memory");
            break;
        default:
            call(&r, 0);
            break;
        }
        present = backdoor_version_ok(&r, ret_product);
    }
    sigaction(SIGSEGV, &old, NULL);
    return present;
}

#else

void backdoor_port_lb(struct backdoor_regs *r)
{
    r->ax = 0xffffffffu;
}

void backdoor_port_hb_out(struct backdoor_regs *r)
{
    r->ax = 0xffffffffu;
}

void backdoor_port_hb_in(struct backdoor_regs *r)
{
    r->ax = 0xffffffffu;
}

static bool probe(uint32_t *ret_product)
{
    (void)ret_product;
    return false;
}

#endif

bool backdoor_port_present(uint32_t *ret_product)
{
    static enum { UNKNOWN, ABSENT, PRESENT } answer;
    static uint32_t product;

    if (answer == UNKNOWN)
        answer = probe(&product) ? PRESENT : ABSENT;
    if (answer == PRESENT && ret_product)
        *ret_product = product;
    return answer == PRESENT;
}
