#!/usr/bin/env python3
"""Transfers that outlast the login they began with: the password changes and the ticket is released
while they are under way.
Usage: long_transfers.py ADDRESS USER PASSWORD VM ROOTPASSWORD GUESTUSER GUESTPASSWORD"""
import http.client
import sys

from pyVmomi import vim

from guest_session import Session, fault_of, login, program

SIZE = 3000000
HALF = SIZE // 2

address, user, password, vm_name, root_password, guest_user, old = sys.argv[1:8]
s = Session(address, user, password)
vm = s.vm(vm_name)
new = old + "-changed"


class Transfer:
    def __init__(self, url):
        self.path = "/" + url.split("/", 3)[3]
        self.connection = http.client.HTTPSConnection(address, context=s.context, timeout=120)


class Upload(Transfer):
    """Half of it is sent; the file is open in the guest."""

    def __init__(self, auth, path, mode):
        attributes = vim.vm.guest.FileManager.PosixFileAttributes(permissions=mode)
        super().__init__(s.files.InitiateFileTransferToGuest(vm, auth, path, attributes, SIZE, False))
        self.connection.putrequest("PUT", self.path)
        self.connection.putheader("Content-Length", str(SIZE))
        self.connection.endheaders()
        self.connection.send(b"a" * HALF)

    def end(self):
        self.connection.send(b"b" * (SIZE - HALF))
        answer = self.connection.getresponse()
        assert answer.status == 200, (answer.status, answer.read())


class Download(Transfer):
    def __init__(self, auth, path):
        super().__init__(s.files.InitiateFileTransferFromGuest(vm, auth, path).url)
        self.connection.request("GET", self.path)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.status
        self.first = self.answer.read(1000)

    def end(self):
        data = self.first + self.answer.read()
        assert data == b"a" * HALF + b"b" * (SIZE - HALF), len(data)


def run(script):
    pid = s.processes.StartProgramInGuest(vm, root, program("/bin/sh", f"-c '{script}'"))
    while (seen := s.processes.ListProcessesInGuest(vm, root, [pid])[0]).endTime is None:
        pass
    assert seen.exitCode == 0, (script, seen.exitCode)


root = login("root", root_password)
name = login(guest_user, old)
ticket = s.auth.AcquireCredentialsInGuest(vm, name, None)
uploads = [Upload(name, "/tmp/by-password", 0o741), Upload(ticket, "/tmp/by-ticket", 0o714)]
# They are open in the guest: files that have no name yet.
run('until [ $(ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c "/tmp/#.*deleted") -ge 2 ]; do :; done')
s.auth.ReleaseCredentialsInGuest(vm, ticket)
run(f"echo {guest_user}:{new} | chpasswd")
for gone in (name, ticket):
    fault = fault_of(s.files.ListFilesInGuest, vm, gone, "/tmp")
    assert isinstance(fault, vim.fault.InvalidGuestLogin), fault
for upload in uploads:
    upload.end()
name = login(guest_user, new)
for path, mode in (("/tmp/by-password", 0o741), ("/tmp/by-ticket", 0o714)):
    found = s.files.ListFilesInGuest(vm, name, path).files[0]
    assert found.size == SIZE, found
    assert found.attributes.permissions & 0o777 == mode, found
download = Download(name, "/tmp/by-password")
run(f"echo {guest_user}:{old} | chpasswd")
download.end()
