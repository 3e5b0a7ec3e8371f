/*
 * The machine "sandbox" (see sandbox.h): asks the VM's launcher and reports its answers.
 *
 * Keys of the .vmx file that it reads at each start: memsize (MiB), inguest.sandbox.maxProcesses,
 * and inguest.sandbox.user.N.name and .passwordHash (crypt(5)) with N from 0 without gaps.
 */
#ifndef VMX_MACHINE_SANDBOX_H
#define VMX_MACHINE_SANDBOX_H

#include "vmx/machine.h"

extern const struct machine_ops machine_sandbox;

#endif
