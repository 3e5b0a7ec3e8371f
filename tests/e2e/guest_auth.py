#!/usr/bin/env python3
"""GuestAuthManager as pyVmomi users see it.
Usage: guest_auth.py ADDRESS USER PASSWORD VM OTHERVM GUESTUSER GUESTPASSWORD"""
import base64
import sys

from pyVmomi import vim, vmodl

from guest_session import Session, fault_of, login, program, ticket

address, user, password, vm_name, other_name, guest_user, guest_password = sys.argv[1:8]
s = Session(address, user, password)
vm, other = s.vm(vm_name), s.vm(other_name)
name = login(guest_user, guest_password)


def asked():
    """How often PAM has been asked in the guest: the module of the test writes a byte each time."""
    return s.files.ListFilesInGuest(vm, got, "/root/asked").files[0].size


def refused(call, *args):
    fault = fault_of(call, *args)
    assert isinstance(fault, vim.fault.InvalidGuestLogin), fault
    assert "ticket" in fault.msg, fault.msg


# A ticket is what it says, and good in every place where a password is.
got = s.auth.AcquireCredentialsInGuest(vm, name, None)
assert isinstance(got, vim.vm.guest.TicketedSessionAuthentication), got
assert len(base64.b64decode(got.ticket, validate=True)) > 32
s.auth.ValidateCredentialsInGuest(vm, got)
assert s.processes.ReadEnvironmentVariableInGuest(vm, got, ["USER"]) == [f"USER={guest_user}"]

# PAM is asked for the ticket, and not for what the ticket is used for, even when nothing is
# remembered of the password: that is forgotten when the shadow file is touched.
pid = s.processes.StartProgramInGuest(vm, got, program("/usr/bin/touch", "/etc/shadow"))
while s.processes.ListProcessesInGuest(vm, got, [pid])[0].endTime is None:
    pass
before = asked()
for _ in range(20):
    s.files.ListFilesInGuest(vm, got, "/root")
assert asked() == before, (asked(), before)
s.auth.ValidateCredentialsInGuest(vm, name)
assert asked() > before, (asked(), before)

# It is one VM's; a changed one is none; two are different.
refused(s.auth.ValidateCredentialsInGuest, other, got)
refused(s.auth.ValidateCredentialsInGuest, vm, ticket(got.ticket[:-8] + "AAAAAAA="))
refused(s.auth.ValidateCredentialsInGuest, vm, ticket("bm9uZQ=="))
second = s.auth.AcquireCredentialsInGuest(vm, name, None)
assert second.ticket != got.ticket

# A released ticket is dead; the others live.
s.auth.ReleaseCredentialsInGuest(vm, second)
refused(s.auth.ValidateCredentialsInGuest, vm, second)
refused(s.auth.ReleaseCredentialsInGuest, vm, second)
s.auth.ValidateCredentialsInGuest(vm, got)

# There are not endlessly many.
several = []
while True:
    try:
        several.append(s.auth.AcquireCredentialsInGuest(vm, name, None))
    except vim.fault.TooManyGuestLogons:
        break
    assert len(several) < 100
assert len(several) == 63, len(several)
for t in several:
    s.auth.ReleaseCredentialsInGuest(vm, t)

# What a Linux guest refuses.
for fault, call, *args in (
        (vim.fault.OperationNotSupportedByGuest, s.auth.AcquireCredentialsInGuest, vm,
         vim.vm.guest.SSPIAuthentication(sspiToken="dG9rZW4=", interactiveSession=False), None),
        (vim.fault.OperationNotSupportedByGuest, s.auth.AcquireCredentialsInGuest, vm,
         vim.vm.guest.SSPIAuthentication(sspiToken="dG9rZW4=", interactiveSession=False), 7),
        (vim.fault.OperationNotSupportedByGuest, s.auth.AcquireCredentialsInGuest, vm,
         vim.vm.guest.SAMLTokenAuthentication(token="<t/>", interactiveSession=False), None),
        (vim.fault.OperationNotSupportedByGuest, s.auth.ValidateCredentialsInGuest, vm,
         vim.vm.guest.SAMLTokenAuthentication(token="<t/>", interactiveSession=False)),
        (vim.fault.InvalidGuestLogin, s.auth.ValidateCredentialsInGuest, vm,
         login(guest_user, guest_password, interactive=True)),
        (vim.fault.InvalidGuestLogin, s.auth.AcquireCredentialsInGuest, vm,
         login(guest_user, guest_password, interactive=True), None),
        (vim.fault.InvalidGuestLogin, s.auth.AcquireCredentialsInGuest, vm,
         login(guest_user, "wrong"), None),
        (vmodl.fault.InvalidArgument, s.auth.AcquireCredentialsInGuest, vm, got, None),
        (vmodl.fault.InvalidArgument, s.auth.AcquireCredentialsInGuest, vm, name, 7),
        (vmodl.fault.InvalidArgument, s.auth.ReleaseCredentialsInGuest, vm, name)):
    caught = fault_of(call, *args)
    assert isinstance(caught, fault), (call, args, caught)
print(got.ticket)
