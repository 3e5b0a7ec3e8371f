/*
 * System calls that a guest does not get. Its root has no rights over anything of the host
 * anyway; this keeps it away from parts of the kernel that no program in such a guest needs and
 * where most ways out of a container have been found.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "vmx/sandbox.h"

static const int denied[] = {
    SCMP_SYS(acct),
    SCMP_SYS(add_key),
    SCMP_SYS(bpf),
    SCMP_SYS(delete_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(init_module),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(kexec_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(quotactl),
    SCMP_SYS(request_key),
    SCMP_SYS(swapoff),
    SCMP_SYS(swapon),
    SCMP_SYS(syslog),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(vhangup),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
};

/* Only these families: AF_VSOCK above all is not confined by a network namespace. */
static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
#define FAMILY_MAX 64

static int is_allowed_family(int family)
{
    for (unsigned i = 0; i < ARRAY_SIZE(families); i++)
        if (families[i] == family)
            return 1;
    return 0;
}

static int add_rules(scmp_filter_ctx ctx)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < ARRAY_SIZE(denied); i++)
        r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
    for (int family = 0; r == 0 && family < FAMILY_MAX; family++)
        if (!is_allowed_family(family))
            r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                 SCMP_A0_32(SCMP_CMP_EQ, (scmp_datum_t)family));
    /* No user namespaces in the guest. The flags of clone3 lie in memory, where a filter cannot
     * look; libc falls back to clone. */
    if (r == 0)
        r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (r == 0)
        r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
    if (r == 0)
        r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
    return r;
}

int sandbox_limit_calls(struct error *err)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int r;

    if (!ctx)
        return error_set(err, -ENOMEM, "no memory for the guest's system call filter");
        /* Programs for the 32-bit sides of the processor get the same filter. */
#ifdef __x86_64__
    r = seccomp_arch_add(ctx, SCMP_ARCH_X86);
#else
    r = 0;
#endif
    if (r == 0)
        r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    /* The guest's set-uid programs shall work: init has the right to do without. */
    if (r == 0)
        r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
    if (r == 0)
        r = add_rules(ctx);
    if (r == 0)
        r = seccomp_load(ctx);
    seccomp_release(ctx);
    return r < 0 ? error_errno(err, r, "cannot limit the guest's system calls") : 0;
}
