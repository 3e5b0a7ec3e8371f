#!/usr/bin/env python3
"""Transfers and the host's time for a guest that does not answer, or a client that does not move:
given up when nothing has moved for so long, and only then.
Usage: transfer_timeouts.py ADDRESS USER PASSWORD VM GUESTUSER GUESTPASSWORD SECONDS WORKERPID LOG"""
import http.client
import os
import re
import signal
import sys
import time

from pyVmomi import vim

from guest_session import Session, fault_of, login

SIZE = 64 << 20  # more than all buffers on the way hold
FILE = "/root/timeout"

address, user, password, vm_name, guest_user, guest_password, seconds, worker, log = sys.argv[1:10]
seconds, worker = int(seconds), int(worker)
# Far from the default of 60 s, and with room for a busy machine.
LATE = 45

s = Session(address, user, password)
vm, auth = s.vm(vm_name), login(guest_user, guest_password)


def connect():
    return http.client.HTTPSConnection(address, context=s.context, timeout=120)


def upload_path(size=SIZE):
    attributes = vim.vm.guest.FileManager.PosixFileAttributes(permissions=0o600)
    url = s.files.InitiateFileTransferToGuest(vm, auth, FILE, attributes, size, True)
    return "/" + url.split("/", 3)[3]


def download_path():
    return "/" + s.files.InitiateFileTransferFromGuest(vm, auth, FILE).url.split("/", 3)[3]


def begin_upload(size=SIZE):
    c = connect()
    c.putrequest("PUT", upload_path(size))
    c.putheader("Content-Length", str(size))
    c.endheaders()
    return c


def ends_in_time(what, action):
    """`action` ends, in whatever way, not before the time has passed and not when another would."""
    start = time.monotonic()
    result = action()
    took = time.monotonic() - start
    print(f"ok {what}: {result} after {took:.1f} s")
    assert seconds * 0.9 <= took < LATE, took
    return result


def end_of(c):
    try:
        return c.getresponse().status
    except OSError as e:
        return type(e).__name__


def given_up(what):
    """Waits until hostd's log says so."""
    end = time.monotonic() + 2 * LATE
    while time.monotonic() < end:
        with open(log, encoding="utf-8") as f:
            if re.search(f"transfer [0-9]+ {what} .*: not complete", f.read()):
                return "given up"
        time.sleep(0.05)
    return "never"


def names():
    return [f.path for f in s.files.ListFilesInGuest(vm, auth, "/root").files]


# Slow but alive: longer than the time as a whole.
count = seconds * 3
c = begin_upload(count)
for _ in range(count):
    c.send(b"x")
    time.sleep(0.5)  # this is the slowness
assert c.getresponse().status == 200

# A client that stops sending.
before = names()
c = begin_upload()
c.send(b"x" * 1000)
ends_in_time("a client that stops sending", lambda: end_of(c))
assert names() == before, names()

# A client that stops taking: what it has not taken when it is given up it does not get.
c = begin_upload()
for _ in range(SIZE >> 20):
    c.send(b"x" * (1 << 20))
assert c.getresponse().status == 200
c = connect()
c.request("GET", download_path())
answer = c.getresponse()
got = len(answer.read(1 << 20))
ends_in_time("a client that stops taking", lambda: given_up(f'from [^ ]+ "{FILE}"'))
try:
    while piece := answer.read(1 << 20):
        got += len(piece)
except (OSError, http.client.IncompleteRead):
    pass
assert got < SIZE, got

# A guest that stops.
path, down = upload_path(), download_path()
os.kill(worker, signal.SIGSTOP)
try:
    def put():
        c = connect()
        c.putrequest("PUT", path)
        c.putheader("Content-Length", str(SIZE))
        c.putheader("Expect", "100-continue")
        c.endheaders()
        return end_of(c)

    def get():
        c = connect()
        c.request("GET", down)
        return end_of(c)

    assert ends_in_time("an upload to a guest that does not answer", put) == 500
    assert ends_in_time("a download from one", get) == 500
    attributes = vim.vm.guest.FileManager.PosixFileAttributes(permissions=0o600)
    fault = ends_in_time("attributes", lambda: type(fault_of(
        s.files.ChangeFileAttributesInGuest, vm, auth, FILE, attributes)).__name__)
finally:
    os.kill(worker, signal.SIGCONT)
