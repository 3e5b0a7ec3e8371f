#!/usr/bin/env python3
"""The guest operations as pyVmomi users write them.
Usage: vmomi.py ADDRESS USER PASSWORD VM GUESTUSER GUESTPASSWORD"""
import http.client
import os
import ssl
import sys
import time
from urllib.parse import urlsplit

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

address, user, password, vm_name, guest_user, guest_password = sys.argv[1:7]
host, port = address.split(":")
context = ssl._create_unverified_context()
si = SmartConnect(host=host, port=int(port), user=user, pwd=password, sslContext=context)
content = si.RetrieveContent()
view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
vm = next(v for v in view.view if v.name == vm_name)
view.Destroy()
assert vm.guest.toolsRunningStatus == "guestToolsRunning", vm.guest.toolsRunningStatus
assert vm.guest.toolsStatus not in ("toolsNotInstalled", "toolsNotRunning"), vm.guest.toolsStatus
assert vm.runtime.powerState == vim.VirtualMachine.PowerState.poweredOn
for whole in ("summary", "config", "guest", "runtime", "capability", "layout", "datastore"):
    getattr(vm, whole)

auth = vim.vm.guest.NamePasswordAuthentication(username=guest_user, password=guest_password)
files = content.guestOperationsManager.fileManager
processes = content.guestOperationsManager.processManager
content.guestOperationsManager.authManager.ValidateCredentialsInGuest(vm, auth)


def fails_with(fault, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except fault as e:
        return e
    raise AssertionError(f"{call} did not raise {fault}")


bad = vim.vm.guest.NamePasswordAuthentication(username=guest_user, password="no")
fails_with(vim.fault.InvalidGuestLogin,
           content.guestOperationsManager.authManager.ValidateCredentialsInGuest, vm, bad)
fails_with(vim.fault.FileNotFound, files.ListFilesInGuest, vm, auth, "/no/such/folder")
fails_with(vim.fault.FileNotFound, processes.StartProgramInGuest, vm, auth,
           vim.vm.guest.ProcessManager.ProgramSpec(programPath="/no/such/program", arguments=""))


def put(path, data, **attributes):
    url = files.InitiateFileTransferToGuest(
        vm, auth, path, vim.vm.guest.FileManager.FileAttributes(**attributes), len(data), True)
    parts = urlsplit(url.replace("https://*:", f"https://{host}:"))
    c = http.client.HTTPSConnection(parts.netloc, context=context)
    c.request("PUT", f"{parts.path}?{parts.query}", data)
    r = c.getresponse()
    assert r.status == 200, (r.status, r.read())
    return parts


def get(path):
    info = files.InitiateFileTransferFromGuest(vm, auth, path)
    parts = urlsplit(info.url.replace("*", host))
    c = http.client.HTTPSConnection(parts.netloc, context=context)
    c.request("GET", f"{parts.path}?{parts.query}")
    r = c.getresponse()
    assert r.status == 200, r.status
    body = r.read()
    assert len(body) == info.size
    return body, parts


data = os.urandom(3_000_001)
used = put("/root/py", data)
c = http.client.HTTPSConnection(used.netloc, context=context)
c.request("PUT", f"{used.path}?{used.query}", data)
assert c.getresponse().status == 404  # a transfer URL works once
got, used = get("/root/py")
assert got == data
c = http.client.HTTPSConnection(used.netloc, context=context)
c.request("GET", f"{used.path}?{used.query}")
assert c.getresponse().status == 404

listing = files.ListFilesInGuest(vm, auth, "/root", matchPattern="^py$")
assert [f.path for f in listing.files] == ["py"] and listing.files[0].size == len(data)
folder = files.CreateTemporaryDirectoryInGuest(vm, auth, "p", "s")
files.MakeDirectoryInGuest(vm, auth, folder + "/a/b", True)
fails_with(vim.fault.FileAlreadyExists, files.MakeDirectoryInGuest, vm, auth, folder + "/a", False)
temp = files.CreateTemporaryFileInGuest(vm, auth, "p", "s", folder)
files.MoveFileInGuest(vm, auth, temp, folder + "/moved", False)
files.ChangeFileAttributesInGuest(
    vm, auth, folder + "/moved", vim.vm.guest.FileManager.PosixFileAttributes(permissions=0o640))
info = files.ListFilesInGuest(vm, auth, folder + "/moved").files[0]
assert info.attributes.permissions & 0o7777 == 0o640, info
fails_with(vim.fault.NotAFile, files.DeleteFileInGuest, vm, auth, folder + "/a")
files.DeleteFileInGuest(vm, auth, folder + "/moved")
fails_with(vim.fault.FileNotFound, files.DeleteFileInGuest, vm, auth, folder + "/moved")
files.DeleteDirectoryInGuest(vm, auth, folder, True)

pid = processes.StartProgramInGuest(vm, auth, vim.vm.guest.ProcessManager.ProgramSpec(
    programPath="/bin/sh", arguments="-c 'echo \"$GREETING from $PWD\" >/root/out; exit 3'",
    workingDirectory="/usr", envVariables=["GREETING=hello"]))
deadline = time.monotonic() + 30
while True:
    p = processes.ListProcessesInGuest(vm, auth, [pid])[0]
    if p.exitCode is not None:
        break
    assert time.monotonic() < deadline
assert p.exitCode == 3 and p.endTime is not None and p.owner == guest_user, p
assert get("/root/out")[0] == b"hello from /usr\n"
pid = processes.StartProgramInGuest(vm, auth, vim.vm.guest.ProcessManager.ProgramSpec(
    programPath="/bin/sleep", arguments="1000"))
assert any(p.pid == pid for p in processes.ListProcessesInGuest(vm, auth))
processes.TerminateProcessInGuest(vm, auth, pid)
fails_with(vim.fault.GuestProcessNotFound, processes.TerminateProcessInGuest, vm, auth, 999999)
env = processes.ReadEnvironmentVariableInGuest(vm, auth, ["HOME"])
assert env == [f"HOME=/root"], env

WaitForTask(vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation="by pyVmomi")))
assert vm.config.annotation == "by pyVmomi"
fails_with(vim.fault.InvalidPowerState, WaitForTask, vm.PowerOnVM_Task())
fails_with(vmodl.fault.ManagedObjectNotFound, lambda: vim.VirtualMachine("no-such-vm", si._stub).name)
Disconnect(si)
print("pyVmomi is content")
