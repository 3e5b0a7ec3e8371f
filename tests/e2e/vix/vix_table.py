#!/usr/bin/env python3
"""VIX API, vmrun and vSphere API side by side: every row is done three times from the same state, and
must give the same result and leave the same state.
Usage: vix_table.py ADDRESS USER PASSWORD VMPATH VMNAME GUESTUSER GUESTPASSWORD VIXCALL VMRUN"""
import http.client
import ssl
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlsplit

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

address, user, password, vm_path, vm_name, guest_user, guest_password, vixcall, vmrun = sys.argv[1:10]
host, port = address.split(":")
context = ssl._create_unverified_context()
si = SmartConnect(host=host, port=int(port), user=user, pwd=password, sslContext=context)
content = si.RetrieveContent()


def find_vm():
    return content.searchIndex.FindByDatastorePath(content.rootFolder.childEntity[0], vm_path)


auth = vim.vm.guest.NamePasswordAuthentication(username=guest_user, password=guest_password)
files = content.guestOperationsManager.fileManager
processes = content.guestOperationsManager.processManager
auths = content.guestOperationsManager.authManager
here = tempfile.mkdtemp(prefix="ig-vix-table-")

# Fault, VIX error, vmrun's words.
FAULTS = {
    "": (0, ""),
    "FileNotFound": (4, "A file was not found"),
    "FileAlreadyExists": (12, "The file already exists"),
    "NotAFile": (20001, "The object is not a file"),
    "NotADirectory": (20002, "The object is not a directory"),
    "GuestProcessNotFound": (20003, "No such process"),
    "InvalidGuestLogin": (3015, "Invalid user name or password for the guest OS"),
    "NotSupported": (6, "The operation is not supported"),
    "ToolsImageNotAvailable": (21000, "No VMware Tools image is available"),
    "MethodNotFound": (6, "The operation is not supported"),
    "InvalidLogin": (3014, "Insufficient permissions in the host operating system"),
    "ToolsAutoUpgradeNotSupported": (21006, None),
    "NotFound": (2000, "Invalid file. A required section of the file is missing"),
    "CannotAccessFile": (13, "You do not have access rights to this file"),
}


# A wrong power state is one fault and two errors, and vmrun names the VM.
MUST_BE_ON = {"InvalidPowerState": (3006, "The virtual machine needs to be powered on"),
              "power command": (3006, f"The virtual machine is not powered on: {vm_path}")}
MUST_BE_OFF = {"InvalidPowerState": (3007, "The virtual machine should not be powered on. It is already running")}


def call_vix(args, login=(guest_user, guest_password), path=vm_path, host_password=password):
    out = subprocess.run([vixcall, address, user, host_password, path, *login, *args], timeout=60,
                         capture_output=True, text=True, check=False).stdout.split("\n")
    code = int(out[0].split("=")[1])
    return code, [line for line in out[1:] if line]


def call_vmrun(args, login=(guest_user, guest_password), path=vm_path, host_password=password):
    command, *rest = args
    where = rest if command in ("list", "listRegisteredVM", "register", "unregister") else [path, *rest]
    p = subprocess.run([vmrun, "-h", address, "-u", user, "-p", host_password, "-gu", login[0], "-gp", login[1],
                        command, *where], timeout=60, capture_output=True, text=True, check=False)
    lines = [line for line in p.stdout.split("\n") if line and line != "Unable to connect to host."]
    if lines and lines[0].startswith("Error: "):
        assert p.returncode == 255, p
        return lines[0][len("Error: "):], []
    return "", lines


def call_vsphere(fn):
    try:
        return "", fn()
    except vmodl.MethodFault as e:
        return type(e).__name__.split(".")[-1], []


def put(path, data):
    url = files.InitiateFileTransferToGuest(find_vm(), auth, path, vim.vm.guest.FileManager.FileAttributes(),
                                            len(data), True)
    parts = urlsplit(url.replace("*", host))
    c = http.client.HTTPSConnection(parts.netloc, context=context)
    c.request("PUT", f"{parts.path}?{parts.query}", data)
    assert c.getresponse().status == 200


def get(path):
    info = files.InitiateFileTransferFromGuest(find_vm(), auth, path)
    parts = urlsplit(info.url.replace("*", host))
    c = http.client.HTTPSConnection(parts.netloc, context=context)
    c.request("GET", f"{parts.path}?{parts.query}")
    return c.getresponse().read()


def names(path):
    return sorted(f.path for f in files.ListFilesInGuest(find_vm(), auth, path).files
                  if f.path not in (".", ".."))


def reset():
    try:
        files.DeleteDirectoryInGuest(find_vm(), auth, "/root/t", True)
    except vim.fault.FileNotFound:
        pass
    files.MakeDirectoryInGuest(find_vm(), auth, "/root/t/full/inner", True)
    put("/root/t/file", b"content\n")
    put("/root/t/full/x", b"")


def tree(path="/root/t"):
    out = []
    for f in files.ListFilesInGuest(find_vm(), auth, path).files:
        if f.path in (".", ".."):
            continue
        p = f"{path}/{f.path}"
        out.append((p, f.type, f.size if f.type == "file" else 0))
        if f.type == "directory":
            out += tree(p)
    return sorted(out)


def run_vsphere(program, arguments):
    pid = processes.StartProgramInGuest(find_vm(), auth, vim.vm.guest.ProcessManager.ProgramSpec(
        programPath=program, arguments=arguments))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        p = processes.ListProcessesInGuest(find_vm(), auth, [pid])[0]
        if p.endTime is not None:
            return [f"exit={p.exitCode}"]
    raise AssertionError("the program did not end")


def script_vsphere(interpreter, text):
    path = files.CreateTemporaryFileInGuest(find_vm(), auth, "", "")
    put(path, text.encode())
    try:
        return run_vsphere(interpreter, path)
    finally:
        files.DeleteFileInGuest(find_vm(), auth, path)


def task(started):
    WaitForTask(started)
    return []


def exit_of_vmrun(lines):
    if not lines:
        return ["exit=0"]
    return [lines[0].replace("Guest program exited with non-zero exit code: ", "exit=")]


def is_kind(path, kind):
    try:
        listing = files.ListFilesInGuest(find_vm(), auth, path).files
    except vim.fault.FileNotFound:
        return ["no"]
    found = "directory" if any(f.path == "." for f in listing) else "file"
    return ["yes" if found == kind else "no"]


def yes_no(lines):
    return ["yes" if lines[0].endswith("exists.") else "no"]


def temp_shape(lines):
    return ["temporary"] if lines and lines[0].startswith("/tmp/") else lines


def sleeper():
    """A process that somebody may kill; its id."""
    return processes.StartProgramInGuest(find_vm(), auth, vim.vm.guest.ProcessManager.ProgramSpec(
        programPath="/bin/sleep", arguments="4711"))


def sleepers():
    return [p.cmdLine for p in processes.ListProcessesInGuest(find_vm(), auth) if "4711" in p.cmdLine
            and p.endTime is None]


def wait_no_sleepers():
    deadline = time.monotonic() + 20
    while sleepers():
        assert time.monotonic() < deadline, "the process is still there"


def register_again(path=vm_path):
    folder = content.rootFolder.childEntity[0].vmFolder
    pool = content.rootFolder.childEntity[0].hostFolder.childEntity[0].resourcePool
    WaitForTask(folder.RegisterVM_Task(path=path, asTemplate=False, pool=pool))
    return []


def fetch(column):
    with open(f"{here}/{column}", "rb") as f:
        return [f.read().decode()]


def store(name, data):
    with open(f"{here}/{name}", "w", encoding="utf-8") as f:
        f.write(data)
    return f"{here}/{name}"


same = list
count = 0


def row(name, vix, run, sphere, run_shape=same, vix_shape=same, login=(guest_user, guest_password),
        before=reset, after=tree, faults=None, path=vm_path, host_password=password):
    """The three columns (run None: vmrun has no such command). Shapes bring results to the form of the vSphere
    column; `faults` are those that mean something else here."""
    global count
    meaning = FAULTS | (faults or {})
    columns = []
    for column in range(3):
        if column == 1 and run is None:
            continue
        before()
        args = [a(column) if callable(a) else a for a in ((vix, run, [])[column])]
        if column == 0:
            code, result = call_vix(args, login, path, host_password)
            columns.append((code, vix_shape(result) if not code else [], after()))
        elif column == 1:
            words, result = call_vmrun(args, login, path, host_password)
            codes = [c for c, w in meaning.values() if w == words]
            assert codes, f"{name}: vmrun says '{words}', which no fault of the table means"
            columns.append((codes[0], run_shape(result) if not words else [], after()))
        else:
            fault, result = call_vsphere(sphere)
            assert fault in meaning, f"{name}: fault {fault}"
            columns.append((meaning[fault][0], result or [], after()))
    if any(c != columns[0] for c in columns):
        raise AssertionError(f"{name}: \n VIX, vmrun, vSphere: " + "\n ".join(map(str, columns)))
    count += 1
    print(f"{name}: error {columns[0][0]} {columns[0][1][:2]}")


# Logins on the host; none of them stays.
def sessions():
    """Of this user, without our own."""
    return [s.key for s in content.sessionManager.sessionList
            if s.userName == user and s.key != content.sessionManager.currentSession.key]


def log_in(host_password):
    Disconnect(SmartConnect(host=host, port=int(port), user=user, pwd=host_password, sslContext=context))
    return []


def nothing():
    return []


for name, pw in (("", password), (" with a wrong password", "no")):
    row(f"VixHost_Connect{name} / -h -u -p / Login", ["connect"], ["list"], lambda p=pw: log_in(p),
        run_shape=lambda r: [], login=("", ""), path="", host_password=pw, after=sessions,
        before=lambda: log_in(password))  # a good login ends the wait that wrong ones earn
# Inventory and logins.
for function, op in (("VixHost_OpenVM", "open"), ("VixVM_Open", "openold")):
    row(f"{function} / a path / FindByDatastorePath", [op], ["checkToolsState"],
        lambda: [find_vm().guest.toolsRunningStatus],
        run_shape=lambda r: ["guestToolsRunning"] if r == ["running"] else r, vix_shape=lambda r: ["guestToolsRunning"])
row("VixVM_LoginInGuest / -gu -gp / ValidateCredentialsInGuest", ["login"], ["fileExistsInGuest", "/root/t/file"],
    lambda: auths.ValidateCredentialsInGuest(find_vm(), auth), run_shape=lambda r: [])
row("a wrong login", ["isfile", "/etc/hosts"], ["fileExistsInGuest", "/etc/hosts"],
    lambda: auths.ValidateCredentialsInGuest(find_vm(), vim.vm.guest.NamePasswordAuthentication(
        username=guest_user, password="no")), login=(guest_user, "no"))

# Files.
for args in (["/root/t/full"], ["/root/t/none"], ["/root/t/file"]):
    row(f"VixVM_DeleteDirectoryInGuest {args[0]}", ["rmdir", *args], ["deleteDirectoryInGuest", *args],
        lambda a=args: files.DeleteDirectoryInGuest(find_vm(), auth, a[0], True))
for args in (["/root/t/file"], ["/root/t/none"], ["/root/t/full"]):
    row(f"VixVM_DeleteFileInGuest {args[0]}", ["rm", *args], ["deleteFileInGuest", *args],
        lambda a=args: files.DeleteFileInGuest(find_vm(), auth, a[0]))
for args in (["/root/t/new/deep"], ["/root/t/full"]):
    row(f"VixVM_CreateDirectoryInGuest {args[0]}", ["mkdir", *args], ["createDirectoryInGuest", *args],
        lambda a=args: files.MakeDirectoryInGuest(find_vm(), auth, a[0], a[0] == "/root/t/new/deep"))
for args in (["/root/t/file", "/root/t/renamed"], ["/root/t/none", "/root/t/x"], ["/root/t/file", "/root/t/full/x"]):
    row(f"VixVM_RenameFileInGuest {args}", ["mv", *args], ["renameFileInGuest", *args],
        lambda a=args: files.MoveFileInGuest(find_vm(), auth, *a, False))
row("VixVM_RenameFileInGuest of a directory / MoveDirectoryInGuest", ["mv", "/root/t/full", "/root/t/moved"],
    ["renameFileInGuest", "/root/t/full", "/root/t/moved"],
    lambda: files.MoveDirectoryInGuest(find_vm(), auth, "/root/t/full", "/root/t/moved"))
for path in ("/root/t", "/root/t/full/inner", "/root/none"):
    row(f"VixVM_ListDirectoryInGuest {path}", ["ls", path], ["listDirectoryInGuest", path],
        lambda p=path: names(p), vix_shape=sorted, run_shape=lambda r: sorted(r[1:]))
for path in ("/root/t", "/root/t/file", "/root/none"):
    row(f"VixVM_DirectoryExistsInGuest {path}", ["isdir", path], ["directoryExistsInGuest", path],
        lambda p=path: is_kind(p, "directory"), run_shape=yes_no)
    row(f"VixVM_FileExistsInGuest {path}", ["isfile", path], ["fileExistsInGuest", path],
        lambda p=path: is_kind(p, "file"), run_shape=yes_no)
row("VixVM_CopyFileFromHostToGuest / InitiateFileTransferToGuest", ["put", store("up", "hello\n"), "/root/t/up"],
    ["copyFileFromHostToGuest", f"{here}/up", "/root/t/up"], lambda: put("/root/t/up", b"hello\n"))
assert get("/root/t/up") == b"hello\n"
for path in ("/root/t/file", "/root/t/none"):
    row(f"VixVM_CopyFileFromGuestToHost {path} / InitiateFileTransferFromGuest", ["get", path, f"{here}/0"],
        ["copyFileFromGuestToHost", path, f"{here}/1"], lambda p=path: [get(p).decode()],
        vix_shape=lambda r: fetch(0), run_shape=lambda r: fetch(1))

# A temporary file has another name each time.
for column, temp in enumerate((call_vix(["mktemp"])[1], call_vmrun(["createTempfileInGuest"])[1],
                               [files.CreateTemporaryFileInGuest(find_vm(), auth, "vmware", "")])):
    assert temp_shape(temp) == ["temporary"] and is_kind(temp[0], "file") == ["yes"], (column, temp)
    files.DeleteFileInGuest(find_vm(), auth, temp[0])
print("VixVM_CreateTempFileInGuest / CreateTemporaryFileInGuest: a file each")

# Tools.
row("VixVM_WaitForToolsInGuest / guestOperationsReady", ["waittools"], ["checkToolsState"],
    lambda: [] if find_vm().guest.guestOperationsReady else ["not ready"],
    run_shape=lambda r: [] if r == ["running"] else r)
row("VixVM_InstallTools / installTools / MountToolsInstaller", ["installtools", "0"], ["installTools"],
    lambda: find_vm().MountToolsInstaller(), before=nothing, after=lambda: find_vm().runtime.toolsInstallerMounted)
find_vm().UnmountToolsInstaller()  # none is mounted: as wanted
row("VixVM_InstallTools with AUTO_UPGRADE / UpgradeTools_Task", ["installtools", "1"], None,
    lambda: task(find_vm().UpgradeTools_Task()), before=nothing, after=nothing)
row("VixVM_CaptureScreenImage / captureScreen / CreateScreenshot_Task", ["screen"], ["captureScreen", f"{here}/png"],
    lambda: task(find_vm().CreateScreenshot_Task()), before=nothing, after=nothing)

# Processes and variables.
row("VixVM_KillProcessInGuest / TerminateProcessInGuest", ["kill", lambda c: str(sleeper())],
    ["killProcessInGuest", lambda c: str(sleeper())],
    lambda: processes.TerminateProcessInGuest(find_vm(), auth, sleeper()), after=wait_no_sleepers)
row("killing a process that is not there", ["kill", "999999"], ["killProcessInGuest", "999999"],
    lambda: processes.TerminateProcessInGuest(find_vm(), auth, 999999))
running = sleeper()
for column, listing in enumerate((call_vix(["ps"])[1], [line.split("cmd=")[1] for line in
                                                       call_vmrun(["listProcessesInGuest"])[1][1:]], sleepers())):
    assert any("4711" in line for line in listing), (column, listing)
processes.TerminateProcessInGuest(find_vm(), auth, running)
print("VixVM_ListProcessesInGuest / ListProcessesInGuest: all show the same process")
for name in ("HOME", "NO_SUCH_VARIABLE"):
    row(f"VixVM_ReadVariable {name} / ReadEnvironmentVariableInGuest", ["getenv", name],
        ["readVariable", "guestEnv", name],
        lambda n=name: [e.split("=", 1)[1] for e in
                        processes.ReadEnvironmentVariableInGuest(find_vm(), auth, [n]) if "=" in e and e.split("=")[1]])
for program in (["/bin/true", ""], ["/bin/sh", "-c 'exit 9'"], ["/no/such/program", ""]):
    row(f"VixVM_RunProgramInGuest {program} / StartProgramInGuest", ["run", *program],
        ["runProgramInGuest", *program], lambda p=program: run_vsphere(*p), run_shape=exit_of_vmrun)
row("VixVM_RunScriptInGuest / runScriptInGuest / StartProgramInGuest", ["script", "/bin/bash", "cp /etc/hostname /root/t/s; exit 5"],
    ["runScriptInGuest", "/bin/bash", "cp /etc/hostname /root/t/s; exit 5"],
    lambda: script_vsphere("/bin/bash", "cp /etc/hostname /root/t/s; exit 5"), run_shape=exit_of_vmrun)
assert any(p.endswith("/s") for p, _, _ in tree())


# Shared folders: not supported on vSphere.
def no_such_method():
    raise vmodl.fault.NotSupported()


for function, args, command in (
        ("VixVM_EnableSharedFolders", ["enableshares"], ["enableSharedFolders"]),
        ("VixVM_EnableSharedFolders FALSE", ["disableshares"], ["disableSharedFolders", "runtime"]),
        ("VixVM_AddSharedFolder", ["addshare", "a", "/tmp"], ["addSharedFolder", "a", "/tmp"]),
        ("VixVM_SetSharedFolderState", ["setshare", "a", "/tmp"], ["setSharedFolderState", "a", "/tmp", "readonly"]),
        ("VixVM_RemoveSharedFolder", ["rmshare", "a"], ["removeSharedFolder", "a"])):
    row(f"{function} / {command[0]} / none", args, command, no_such_method, before=nothing, after=nothing)


# Variables that are the VM's.
def extra(key):
    return [o.value for o in find_vm().config.extraConfig if o.key == key]


def set_extra(key, value):
    return task(find_vm().ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=[vim.option.OptionValue(key=key, value=value)])))


row("VixVM_WriteVariable / writeVariable guestVar / ReconfigVM_Task", ["setvar", "1", "color", "blue"],
    ["writeVariable", "guestVar", "color", "blue"], lambda: set_extra("guestinfo.color", "blue"),
    before=lambda: set_extra("guestinfo.color", "red"), after=lambda: extra("guestinfo.color"))
row("VixVM_ReadVariable / readVariable guestVar / extraConfig", ["getvar", "1", "color"], ["readVariable", "guestVar", "color"],
    lambda: extra("guestinfo.color"), before=nothing, after=nothing)
row("VixVM_WriteVariable / writeVariable runtimeConfig / ReconfigVM_Task", ["setvar", "2", "my.key", "1"],
    ["writeVariable", "runtimeConfig", "my.key", "1"], lambda: set_extra("my.key", "1"),
    before=lambda: set_extra("my.key", ""), after=lambda: extra("my.key"))
row("VixVM_ReadVariable / readVariable runtimeConfig / extraConfig", ["getvar", "2", "my.key"],
    ["readVariable", "runtimeConfig", "my.key"], lambda: extra("my.key"), before=nothing, after=nothing)


# The inventory, and power.
def inventory(running):
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    found = [v.config.files.vmPathName for v in view.view if not running or v.runtime.powerState == "poweredOn"]
    view.Destroy()
    return found


for command, kind in (("list", 1), ("listRegisteredVM", 4)):
    row(f"VixHost_FindItems {kind} / {command} / container view", ["find", str(kind)], [command],
        lambda k=kind: inventory(k == 1), run_shape=lambda r: r[1:], login=("", ""), path="", before=nothing,
        after=nothing)


def state():
    return find_vm().runtime.powerState


def be(wanted):
    """Brings the VM into a power state, with its guest ready when it is on."""
    v = find_vm()
    if wanted == "suspended" and state() == "poweredOff":
        be("poweredOn")
    if state() != wanted:
        task({"poweredOn": v.PowerOnVM_Task, "poweredOff": v.PowerOffVM_Task, "suspended": v.SuspendVM_Task}[wanted]())
    deadline = time.monotonic() + 60
    while wanted == "poweredOn" and not (v.guest.guestOperationsReady and v.guest.guestStateChangeSupported):
        assert time.monotonic() < deadline, "the guest does not come"


def shut_down():
    find_vm().ShutdownGuest()
    deadline = time.monotonic() + 60
    while state() != "poweredOff":
        assert time.monotonic() < deadline, "the guest does not go"


for name, begin, vix, run, sphere in (
        ("VixVM_Reset / reset / ResetVM_Task", "poweredOn", "reset", "reset hard", lambda: find_vm().ResetVM_Task()),
        ("VixVM_Suspend / suspend / SuspendVM_Task", "poweredOn", "suspend", "suspend", lambda: find_vm().SuspendVM_Task()),
        ("VixVM_PowerOn of a suspended VM / start / PowerOnVM_Task", "suspended", "poweron", "start",
         lambda: find_vm().PowerOnVM_Task()),
        ("VixVM_PowerOff FROM_GUEST / stop soft / ShutdownGuest", "poweredOn", "shutdown", "stop soft", None),
        ("VixVM_PowerOff / stop hard / PowerOffVM_Task", "poweredOn", "poweroff", "stop hard",
         lambda: find_vm().PowerOffVM_Task()),
        ("VixVM_PowerOff of a VM that is off", "poweredOff", "poweroff", "stop hard", lambda: find_vm().PowerOffVM_Task()),
        ("VixVM_Suspend of a VM that is off", "poweredOff", "suspend", "suspend", lambda: find_vm().SuspendVM_Task()),
        ("VixVM_InstallTools, VM off", "poweredOff", "installtools", "installTools", None),
        ("VixVM_UpgradeVirtualHardware, VM on / upgradevm / UpgradeVM_Task", "poweredOn", "upgrade", "upgradevm",
         lambda: find_vm().UpgradeVM_Task())):
    direct = {"shutdown": shut_down, "installtools": lambda: find_vm().MountToolsInstaller()}.get(vix)
    row(name, [vix, "0"] if vix == "installtools" else [vix], run.split(),
        direct or (lambda s=sphere: task(s())), login=("", ""), before=lambda b=begin: be(b), after=state,
        faults=MUST_BE_OFF if vix == "upgrade" else MUST_BE_ON)
be("poweredOff")


def version(wanted):
    task(find_vm().ReconfigVM_Task(vim.vm.ConfigSpec(version=wanted)))


row("VixVM_UpgradeVirtualHardware / upgradevm / UpgradeVM_Task", ["upgrade"], ["upgradevm"],
    lambda: task(find_vm().UpgradeVM_Task()), login=("", ""), before=lambda: version("vmx-19"),
    after=lambda: find_vm().config.version)
assert find_vm().config.version == "vmx-21"


def refused(fault, fn, *args):
    try:
        task(fn(*args))
    except fault:
        return
    raise AssertionError(f"no {fault.__name__}: {args}")


for bad in ("vmx-22", "vmx-", "21", "vmx-2x", "vmx-99999", ""):
    refused(vmodl.fault.InvalidArgument, find_vm().UpgradeVM_Task, bad)
refused(vim.fault.AlreadyUpgraded, find_vm().UpgradeVM_Task, "vmx-20")
version("vmx-19")
task(find_vm().UpgradeVM_Task("vmx-20"))
assert find_vm().config.version == "vmx-20"
task(find_vm().UpgradeVM_Task())
refused(vim.fault.InvalidPowerState, find_vm().UnmountToolsInstaller)


# Snapshots and clones, of a VM that is off.
def snapshots(nodes=None):
    if nodes is None:
        nodes = find_vm().snapshot.rootSnapshotList if find_vm().snapshot else []
    return [n for node in nodes for n in [node.name, *snapshots(node.childSnapshotList)]]


def two_snapshots():
    task(find_vm().RemoveAllSnapshots_Task())
    for name in ("base", "patched"):
        task(find_vm().CreateSnapshot_Task(name=name, memory=False, quiesce=False))


def base():
    return find_vm().snapshot.rootSnapshotList[0].snapshot


def current():
    return find_vm().snapshot.currentSnapshot == base() if find_vm().snapshot else None


row("VixVM_CreateSnapshot / snapshot / CreateSnapshot_Task", ["snapshot", "third"], ["snapshot", "third"],
    lambda: task(find_vm().CreateSnapshot_Task(name="third", memory=False, quiesce=False)), login=("", ""),
    before=two_snapshots, after=snapshots)
row("VixVM_GetRootSnapshot, VixSnapshot_GetChild / listSnapshots / snapshot", ["snapshots"], ["listSnapshots"], snapshots,
    run_shape=lambda r: r[1:], login=("", ""), before=two_snapshots, after=nothing)
row("VixVM_RevertToSnapshot / revertToSnapshot / RevertToSnapshot_Task", ["revert", "base"], ["revertToSnapshot", "base"],
    lambda: task(base().RevertToSnapshot_Task()), login=("", ""), before=two_snapshots, after=current)
row("VixVM_RemoveSnapshot / deleteSnapshot / RemoveSnapshot_Task", ["rmsnapshot", "base"],
    ["deleteSnapshot", "base", "andDeleteChildren"], lambda: task(base().RemoveSnapshot_Task(True)), login=("", ""),
    before=two_snapshots, after=snapshots)
two_snapshots()
TWIN = "[datastore1] twin/twin.vmx"


def twin():
    return content.searchIndex.FindByDatastorePath(content.rootFolder.childEntity[0], TWIN)


def no_twin():
    if twin():
        task(twin().Destroy_Task())


def clone():
    return task(find_vm().CloneVM_Task(folder=content.rootFolder.childEntity[0].vmFolder, name="twin",
                                       spec=vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), snapshot=base())))


def a_twin():
    if not twin():
        clone()


row("VixVM_Clone / clone / CloneVM_Task", ["clone", "base", TWIN], ["clone", TWIN, "full", "-snapshot=base"], clone,
    login=("", ""), before=no_twin, after=lambda: sorted(inventory(False)))
row("VixVM_Delete / deleteVM / Destroy_Task", ["delete"], ["deleteVM"], lambda: task(twin().Destroy_Task()),
    login=("", ""), before=a_twin, after=lambda: sorted(inventory(False)), path=TWIN)


def registered():
    if not find_vm():
        register_again()


def unregistered():
    if find_vm():
        find_vm().UnregisterVM()


row("VixHost_UnregisterVM / unregister / UnregisterVM", ["unregister", vm_path], ["unregister", vm_path],
    lambda: find_vm().UnregisterVM(), before=registered, after=lambda: inventory(False), login=("", ""), path="")
row("VixHost_RegisterVM / register / RegisterVM_Task", ["register", vm_path], ["register", vm_path], register_again,
    before=unregistered, after=lambda: inventory(False), login=("", ""), path="")
row("VixHost_RegisterVM of no file", ["register", "[datastore1] no/no.vmx"], ["register", "[datastore1] no/no.vmx"],
    lambda: register_again("[datastore1] no/no.vmx"), before=nothing, after=lambda: inventory(False), login=("", ""), path="")
task(find_vm().RemoveAllSnapshots_Task())
Disconnect(si)
print(f"{count + 2} rows agree")
