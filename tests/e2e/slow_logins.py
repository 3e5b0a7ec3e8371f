#!/usr/bin/env python3
"""Usage: slow_logins.py ADDRESS USER PASSWORD VM GUESTPASSWORD"""
import sys
import time

from pyVmomi import vim

from guest_session import Session, fault_of, login

address, user, password, vm_name, guest_password = sys.argv[1:6]
s = Session(address, user, password)
vm = s.vm(vm_name)


def seconds(name, secret, expected):
    begun = time.monotonic()
    fault = fault_of(s.auth.ValidateCredentialsInGuest, vm, login(name, secret))
    assert isinstance(fault, expected) if expected else fault is None, fault
    return time.monotonic() - begun


s.auth.ValidateCredentialsInGuest(vm, login("root", guest_password))
waits = [seconds("guess", f"wrong-{i}", vim.fault.InvalidGuestLogin) for i in range(3)]
# Half a second late the first time, then twice as long each time.
assert waits[0] >= 0.5 and waits[1] >= 1 and waits[2] >= 2, waits
assert seconds("root", guest_password, None) < 0.5
