#!/usr/bin/env python3
"""Every method of the guest managers in every situation that has a fault: a table of (method,
situation, fault, detail), one line of output for each row.
Usage: faults.py ADDRESS USER PASSWORD PHASE VM [argument]
The phases are functions below; what a phase needs (a VM that is off, an agent that is stopped) is
made before by 78_faults.bats."""
import concurrent.futures
import sys
import threading
import time

from pyVim.connect import Disconnect
from pyVmomi import vim

from guest_session import Session, fault_of, login, program, ticket

QUERY, MODIFY, EXECUTE = ("VirtualMachine.GuestOperations." + p for p in ("Query", "Modify", "Execute"))
FA = vim.vm.guest.FileManager.FileAttributes
BOTH = "/root/both"  # the path of rows that are not about their path

# method: (manager, privilege, the VM's and the credential's arguments and the others)
METHODS = {
    "ValidateCredentialsInGuest": ("auth", QUERY, lambda: ()),
    "AcquireCredentialsInGuest": ("auth", QUERY, lambda: (None,)),
    "ReleaseCredentialsInGuest": ("auth", QUERY, lambda: ()),
    "MakeDirectoryInGuest": ("files", MODIFY, lambda: (BOTH, False)),
    "DeleteFileInGuest": ("files", MODIFY, lambda: (BOTH,)),
    "DeleteDirectoryInGuest": ("files", MODIFY, lambda: (BOTH, False)),
    "MoveDirectoryInGuest": ("files", MODIFY, lambda: (BOTH, "/root/to")),
    "MoveFileInGuest": ("files", MODIFY, lambda: (BOTH, "/root/to", False)),
    "CreateTemporaryFileInGuest": ("files", MODIFY, lambda: ("p", "s", BOTH)),
    "CreateTemporaryDirectoryInGuest": ("files", MODIFY, lambda: ("p", "s", BOTH)),
    "ListFilesInGuest": ("files", QUERY, lambda: (BOTH, None, None, ".*")),
    "ChangeFileAttributesInGuest": ("files", MODIFY, lambda: (BOTH, FA())),
    "InitiateFileTransferFromGuest": ("files", QUERY, lambda: (BOTH,)),
    "InitiateFileTransferToGuest": ("files", MODIFY, lambda: (BOTH, FA(), 1, False)),
    "StartProgramInGuest": ("processes", EXECUTE, lambda: (program(BOTH),)),
    "ListProcessesInGuest": ("processes", QUERY, lambda: ([1],)),
    "TerminateProcessInGuest": ("processes", EXECUTE, lambda: (4711,)),
    "ReadEnvironmentVariableInGuest": ("processes", QUERY, lambda: (["HOME"],)),
}
# Credentials are given back as tickets; this one is nobody's.
NO_TICKET = ticket("aW5ndWVzdDEwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMXJvb3Q=")

failed = 0
lock = threading.Lock()


def check(method, situation, fault, expected, **details):
    """One row. Details: fields of the fault; `text`: what the message must contain."""
    global failed
    name = type(fault).__name__.split(".")[-1] if fault else "success"
    wrong = [] if name == expected else [f"got {name}: {fault.msg if fault else ''}"]
    if fault and not fault.msg:
        wrong.append("an empty message")
    for key, value in details.items() if not wrong else ():
        if key == "text":
            for part in [value] if isinstance(value, str) else value:
                if part not in fault.msg:
                    wrong.append(f"no {part!r} in {fault.msg!r}")
        elif getattr(fault, key) != value:
            wrong.append(f"{key} is {getattr(fault, key)!r}")
    with lock:
        failed += bool(wrong)
        shown = " ".join(f"{k}={v!r}" for k, v in details.items())
        print("not ok" if wrong else "ok", "|", method, "|", situation, "|", expected, shown, *wrong, flush=True)


def call(s, method, vm, credential, *args):
    manager = getattr(s, METHODS[method][0])
    return fault_of(getattr(manager, method), vm, credential, *args)


def credential_for(method, credential):
    return NO_TICKET if method == "ReleaseCredentialsInGuest" else credential


def each(s, vm, situation, expected, credential, only=METHODS, **details):
    """The same for all methods, at once: some have to wait for their fault."""
    def one(method):
        fault = call(s, method, vm, credential_for(method, credential), *METHODS[method][2]())
        more = {k: v(method) if callable(v) else v for k, v in details.items()}
        check(method, situation, fault, expected, **more)
    with concurrent.futures.ThreadPoolExecutor(len(METHODS)) as pool:
        list(pool.map(one, only))


ROOT = login("root", "guest-pw")
ALICE = login("alice", "alice-pw")


# --- before anything reaches a VM ---

def access(s, vm, reader_password):
    reader = Session(address, "reader", reader_password)
    seen = vim.VirtualMachine(vm._moId, reader.si._stub)
    each(reader, seen, "no privilege", "NoPermission", ROOT,
         privilegeId=lambda m: METHODS[m][1], object=seen)
    gone = vim.VirtualMachine("no-such-vm", s.si._stub)
    each(s, gone, "no such VM", "ManagedObjectNotFound", ROOT, obj=gone)
    for method, auth in (("ReleaseCredentialsInGuest", ROOT), ("AcquireCredentialsInGuest", NO_TICKET)):
        name = "auth" if method.startswith("Release") else "requestedAuth"
        check(method, "a credential that is not for this", call(s, method, vm, auth, *METHODS[method][2]()),
              "InvalidArgument", invalidProperty=name)
    check("AcquireCredentialsInGuest", "sessionID without SSPI",
          call(s, "AcquireCredentialsInGuest", vm, ROOT, 5), "InvalidArgument", invalidProperty="sessionID")
    Disconnect(reader.si)
    each(reader, seen, "no session", "NotAuthenticated", ROOT)


def power(s, vm, state):
    each(s, vm, f"the VM is {state}", "InvalidPowerState", ROOT,
         existingState=state, requestedState="poweredOn")


def busy(s, vm, _):
    """The VM's process is stopped: powering off is a task that does not end by itself."""
    task = vm.PowerOffVM_Task()
    each(s, vm, "the VM is being powered off", "TaskInProgress", ROOT, task=task,
         text="(hostd: the VM is about to leave its power state)")


# --- switched off ---

def ready(vm, expected):
    check("guest.guestOperationsReady", "switched off" if not expected else "switched on", None,
          "success" if vm.guest.guestOperationsReady == expected else f"{expected}")
    assert not vm.guest.interactiveGuestOperationsReady
    assert vm.guest.guestStateChangeSupported


def off_for_host(s, vm, _):
    ready(vm, False)
    each(s, vm, "off for the host", "GuestOperationsUnavailable", ROOT,
         text="(hostd: guest operations are disabled for this host (--guest-operations off))")


def off_for_vm(s, vm, _):
    ready(vm, False)
    each(s, vm, "off for the VM", "GuestOperationsUnavailable", ROOT,
         text="(hostd: guest operations are disabled by guest.commands.enabled of the VM)")


def off_in_guest(s, vm, _):
    ready(vm, False)
    each(s, vm, "off in tools.conf", "OperationDisabledByGuest", ROOT,
         text=lambda m: ["(agent: switched off by the guest's tools.conf", f"{m}.disabled"])


def off_each(s, vm, methods):
    ready(vm, True)
    methods = methods.split(",")
    each(s, vm, "this one off in tools.conf", "OperationDisabledByGuest", ROOT, methods,
         text=lambda m: f"{m}.disabled")
    each(s, vm, "only others off in tools.conf", "InvalidGuestLogin", login("nobody-known", "x"),
         [m for m in METHODS if m not in methods])


# --- the agent ---

def slow_agent(s, vm, seconds):
    """The agent is stopped, and the host does not know it yet."""
    each(s, vm, "no answer", "SystemError", ROOT, reason="vix error codes = (3016, 0).\n",
         text=f"(agent: no answer within {seconds} s)")


def no_agent(s, vm, _):
    each(s, vm, "no agent", "GuestOperationsUnavailable", ROOT,
         text="(agent: no agent is running in the guest)")


# What becomes of the errors that agents answer (VIX guest command protocol, "VixError to vSphere
# fault"); the others are SystemError with the numbers in it.
FILE = {4: "FileNotFound", 12: "FileAlreadyExists", 23: "FileAlreadyExists", 13: "CannotAccessFile",
        11: "CannotAccessFile", 7: "FileFault", 14: "FileFault", 15: "FileLocked", 21: "FileTooLarge",
        8: "NoDiskSpace", 20001: "NotAFile", 20002: "NotADirectory", 20004: "FileNameTooLong",
        20006: "DirectoryNotEmpty"}
PLAIN = {3015: "GuestPermissionDenied", 3033: "InvalidGuestLogin", 3050: "InvalidGuestLogin",
         35: "InvalidGuestLogin", 3024: "InvalidGuestLogin", 3034: "InvalidGuestLogin",
         3035: "InvalidGuestLogin", 20005: "OperationDisabledByGuest", 6: "OperationNotSupportedByGuest",
         3003: "OperationNotSupportedByGuest", 3025: "GuestComponentsOutOfDate",
         3048: "GuestComponentsOutOfDate", 3000: "GuestOperationsUnavailable",
         3046: "TooManyGuestLogons", 20007: "GuestMultipleMappings"}
ARGUMENT = {"ValidateCredentialsInGuest": "auth", "AcquireCredentialsInGuest": "requestedAuth",
            "MakeDirectoryInGuest": "directoryPath", "DeleteFileInGuest": "filePath",
            "DeleteDirectoryInGuest": "directoryPath", "MoveDirectoryInGuest": "srcDirectoryPath",
            "MoveFileInGuest": "srcFilePath", "CreateTemporaryFileInGuest": "directoryPath",
            "CreateTemporaryDirectoryInGuest": "directoryPath", "ListFilesInGuest": "matchPattern",
            "ChangeFileAttributesInGuest": "guestFilePath", "InitiateFileTransferFromGuest": "guestFilePath",
            "InitiateFileTransferToGuest": "guestFilePath", "StartProgramInGuest": "spec",
            "ListProcessesInGuest": "pids", "TerminateProcessInGuest": "pid",
            "ReadEnvironmentVariableInGuest": "names"}
OTHERS = (1, 2, 5, 10, 3001, 3004, 3016, 3017, 3031, 3047, 10000, 10001, 20008, 65535)


def back(s, vm):
    """Waits until the agent, which went away, answers again."""
    until = time.monotonic() + 30
    while not isinstance(fault := call(s, "ValidateCredentialsInGuest", vm, login("vix-4", "x")),
                         vim.fault.FileNotFound):
        assert time.monotonic() < until, fault
        time.sleep(0.05)


def scripted(s, vm, _):
    """An agent that answers with the error that the guest user is called."""
    def one(method, code):
        return call(s, method, vm, login(f"vix-{code}", "x"), *METHODS[method][2]())
    for method, (manager, _, _) in METHODS.items():
        if method == "ReleaseCredentialsInGuest":
            continue  # takes no user name
        for code, fault in FILE.items():
            has_path = manager == "files" or method == "StartProgramInGuest"
            existing = code in (12, 23) and method.startswith("Move")
            path = "/root/to" if existing else BOTH if has_path else ""
            check(method, f"VIX {code}", one(method, code), fault, file=path, text="(worker: ")
        for code, fault in PLAIN.items():
            check(method, f"VIX {code}", one(method, code), fault,
                  text="(worker: " if code == 3015 else "(agent: ")
        for code in (3, 9, 22, 27):
            check(method, f"VIX {code}", one(method, code), "InvalidArgument",
                  invalidProperty=ARGUMENT[method])
        check(method, "VIX 20003", one(method, 20003), "GuestProcessNotFound",
              pid=4711 if method == "TerminateProcessInGuest" else 0)
        for code in (3006, 3007):
            check(method, f"VIX {code}", one(method, code), "InvalidPowerState", requestedState="poweredOn")
        for code in OTHERS:
            check(method, f"VIX {code}", one(method, code), "SystemError",
                  reason=f"vix error codes = ({code}, 0).\n", text="(agent: ")
    for method in METHODS:
        if method == "ReleaseCredentialsInGuest":
            continue
        fault = call(s, method, vm, login("garbage", "x"), *METHODS[method][2]())
        check(method, "an answer that is none", fault, "SystemError", text="(agent: ")
        fault = call(s, method, vm, login("gone", "x"), *METHODS[method][2]())
        check(method, "the agent goes away", fault, "SystemError",
              reason="vix error codes = (3016, 0).\n", text="(agent: the agent went away before it had answered)")
        back(s, vm)


# --- the guest ---

def credentials(s, vm, _):
    each(s, vm, "wrong password", "InvalidGuestLogin", login("root", "wrong"),
         text=lambda m: "(agent: the ticket is not known" if m.startswith("Release") else
         "(agent: the user name or the password is wrong")
    each(s, vm, "no such user", "InvalidGuestLogin", login("no-such-user", "x"))
    each(s, vm, "a ticket of nobody's", "InvalidGuestLogin", NO_TICKET, [m for m in METHODS if m != "AcquireCredentialsInGuest"],
         text="(agent: the ticket is not known, has expired or was released)")
    most = [m for m in METHODS if m != "ReleaseCredentialsInGuest"]
    each(s, vm, "interactive session", "InvalidGuestLogin", login("root", "guest-pw", True), most,
         text="(agent: nobody is logged in at the guest's desktop)")
    saml = vim.vm.guest.SAMLTokenAuthentication(token="<token/>", interactiveSession=False)
    each(s, vm, "SAML token", "OperationNotSupportedByGuest", saml, most)
    sspi = vim.vm.guest.SSPIAuthentication(sspiToken="dG9rZW4=", interactiveSession=False)
    each(s, vm, "SSPI token", "OperationNotSupportedByGuest", sspi, most)
    each(s, vm, "no user name", "InvalidGuestLogin", login("", "x"), most)
    each(s, vm, "a user name without end", "InvalidArgument", login("u" * 300, "x"), most,
         invalidProperty=lambda m: "requestedAuth" if m.startswith("Acquire") else "auth")


def put(s, vm, path, data=b"x"):
    s.files.InitiateFileTransferToGuest(vm, ROOT, path, FA(), len(data), True)


def prepare(s, vm):
    """/root/t: a file, a full directory, an empty one, links to both. What alice may not touch."""
    script = ("rm -rf /root/t && mkdir -p /root/t/full /root/t/empty && chmod 755 /root && "
              "echo x >/root/t/file && echo x >/root/t/full/inside && ln -s file /root/t/link && "
              "ln -s full /root/t/dirlink && echo x >/root/t/plain && chmod 755 /root/t/file && "
              "chmod 644 /root/t/plain && mkdir /root/t/closed && chmod 700 /root/t/closed && "
              "cp /bin/true /root/t/closed/program && echo x >/root/t/secret && chmod 600 /root/t/secret && "
              "mkfifo /root/t/fifo")
    pid = s.processes.StartProgramInGuest(vm, ROOT, program("/bin/sh", f"-c '{script}'"))
    while True:
        p = s.processes.ListProcessesInGuest(vm, ROOT, [pid])[0]
        if p.exitCode is not None:
            assert p.exitCode == 0, p
            return


T = "/root/t"
LONG = f"{T}/" + "n" * 256  # one byte more than a name may have
NO_END = "/" + "p/" * 2048  # longer than a path may be
PosixFA, WindowsFA = vim.vm.guest.FileManager.PosixFileAttributes, vim.vm.guest.FileManager.WindowsFileAttributes


def path_rows(method, argument, rest=lambda path: (path,)):
    """What every method with a path answers about the path itself."""
    yield method, "a relative path", ROOT, rest("relative/path"), "InvalidArgument", {"invalidProperty": argument}
    yield method, "a path without end", ROOT, rest(NO_END), "FileNameTooLong", {"file": NO_END}
    yield method, "a name too long", ROOT, rest(LONG), "FileNameTooLong", {"file": LONG}


def rows(agent):
    f, d, e, none = T + "/file", T + "/full", T + "/empty", T + "/none"
    below, closed = f + "/below", T + "/closed/x"
    yield from path_rows("MakeDirectoryInGuest", "directoryPath", lambda p: (p, False))
    yield "MakeDirectoryInGuest", "an empty path", ROOT, ("", False), "InvalidArgument", {"invalidProperty": "directoryPath"}
    yield "MakeDirectoryInGuest", "exists", ROOT, (d, False), "FileAlreadyExists", {"file": d}
    yield "MakeDirectoryInGuest", "exists, with parents", ROOT, (d, True), "FileAlreadyExists", {"file": d}
    yield "MakeDirectoryInGuest", "a file has the name", ROOT, (f, False), "FileAlreadyExists", {"file": f}
    yield "MakeDirectoryInGuest", "no parent", ROOT, (none + "/x", False), "FileNotFound", {"file": none + "/x"}
    yield "MakeDirectoryInGuest", "the parent is a file", ROOT, (below, False), "NotADirectory", {}
    yield "MakeDirectoryInGuest", "the parent is a file, with parents", ROOT, (below + "/x", True), "NotADirectory", {}
    yield "MakeDirectoryInGuest", "no right", ALICE, (T + "/new", False), "CannotAccessFile", {"file": T + "/new"}

    yield from path_rows("DeleteFileInGuest", "filePath")
    yield "DeleteFileInGuest", "an empty path", ROOT, ("",), "InvalidArgument", {"invalidProperty": "filePath"}
    yield "DeleteFileInGuest", "missing", ROOT, (none,), "FileNotFound", {"file": none}
    yield "DeleteFileInGuest", "a directory", ROOT, (d,), "NotAFile", {"file": d}
    yield "DeleteFileInGuest", "below a file", ROOT, (below,), "NotADirectory", {}
    yield "DeleteFileInGuest", "no right", ALICE, (f,), "CannotAccessFile", {"file": f}

    yield from path_rows("DeleteDirectoryInGuest", "directoryPath", lambda p: (p, True))
    yield "DeleteDirectoryInGuest", "an empty path", ROOT, ("", True), "InvalidArgument", {"invalidProperty": "directoryPath"}
    yield "DeleteDirectoryInGuest", "missing", ROOT, (none, True), "FileNotFound", {"file": none}
    yield "DeleteDirectoryInGuest", "a file", ROOT, (f, True), "NotADirectory", {"file": f}
    yield "DeleteDirectoryInGuest", "a link to one", ROOT, (T + "/dirlink", True), "NotADirectory", {}
    yield "DeleteDirectoryInGuest", "not empty", ROOT, (d, False), "DirectoryNotEmpty", {"file": d}
    yield "DeleteDirectoryInGuest", "no right", ALICE, (e, False), "CannotAccessFile", {"file": e}

    yield from path_rows("MoveDirectoryInGuest", "srcDirectoryPath", lambda p: (p, T + "/to"))
    yield from path_rows("MoveDirectoryInGuest", "dstDirectoryPath", lambda p: (e, p))
    yield "MoveDirectoryInGuest", "missing", ROOT, (none, T + "/to"), "FileNotFound", {"file": none}
    yield "MoveDirectoryInGuest", "a file", ROOT, (f, T + "/to"), "NotADirectory", {"file": f}
    yield "MoveDirectoryInGuest", "the destination exists", ROOT, (e, d), "FileAlreadyExists", {"file": d}
    yield "MoveDirectoryInGuest", "into itself", ROOT, (d, d + "/x"), "InvalidArgument", {}
    yield "MoveDirectoryInGuest", "no right", ALICE, (e, T + "/to"), "CannotAccessFile", {}

    yield from path_rows("MoveFileInGuest", "srcFilePath", lambda p: (p, T + "/to", False))
    yield from path_rows("MoveFileInGuest", "dstFilePath", lambda p: (f, p, False))
    yield "MoveFileInGuest", "missing", ROOT, (none, T + "/to", False), "FileNotFound", {"file": none}
    yield "MoveFileInGuest", "a directory", ROOT, (d, T + "/to", False), "NotAFile", {"file": d}
    yield "MoveFileInGuest", "the destination exists", ROOT, (f, T + "/plain", False), "FileAlreadyExists", {"file": T + "/plain"}
    yield "MoveFileInGuest", "the destination is a directory", ROOT, (f, d, True), "FileAlreadyExists", {"file": d}
    yield "MoveFileInGuest", "no right", ALICE, (f, T + "/to", False), "CannotAccessFile", {}

    for kind in ("File", "Directory"):
        method = f"CreateTemporary{kind}InGuest"
        yield method, "a relative path", ROOT, ("p", "s", "relative"), "InvalidArgument", {"invalidProperty": "directoryPath"}
        yield method, "a path without end", ROOT, ("p", "s", NO_END), "FileNameTooLong", {"file": NO_END}
        yield method, "a prefix too long", ROOT, ("p" * 300, "s", e), "FileNameTooLong", {"file": e}
        yield method, "missing", ROOT, ("p", "s", none), "FileNotFound", {"file": none}
        yield method, "a file", ROOT, ("p", "s", f), "NotADirectory", {"file": f}
        yield method, "a slash in the prefix", ROOT, ("../p", "s", e), "InvalidArgument", {"invalidProperty": "prefix"}
        yield method, "a slash in the suffix", ROOT, ("p", "/s", e), "InvalidArgument", {"invalidProperty": "suffix"}
        yield method, "no right", ALICE, ("p", "s", e), "CannotAccessFile", {"file": e}

    yield from path_rows("ListFilesInGuest", "filePath")
    yield "ListFilesInGuest", "missing", ROOT, (none,), "FileNotFound", {"file": none}
    yield "ListFilesInGuest", "below a file", ROOT, (below,), "NotADirectory", {}
    yield "ListFilesInGuest", "a bad pattern", ROOT, (d, None, None, "("), "InvalidArgument", {"invalidProperty": "matchPattern"}
    yield "ListFilesInGuest", "a negative index", ROOT, (d, -1), "InvalidArgument", {"invalidProperty": "index"}
    yield "ListFilesInGuest", "a negative maximum", ROOT, (d, 0, -1), "InvalidArgument", {"invalidProperty": "maxResults"}
    yield "ListFilesInGuest", "no right", ALICE, (T + "/closed",), "CannotAccessFile", {"file": T + "/closed"}

    yield from path_rows("ChangeFileAttributesInGuest", "guestFilePath", lambda p: (p, PosixFA(permissions=0o600)))
    yield "ChangeFileAttributesInGuest", "missing", ROOT, (none, PosixFA(permissions=0o600)), "FileNotFound", {"file": none}
    yield "ChangeFileAttributesInGuest", "attributes of Windows", ROOT, (f, WindowsFA(hidden=True)), "InvalidArgument", {"invalidProperty": "fileAttributes"}
    yield "ChangeFileAttributesInGuest", "another owner, by no root", ALICE, (f, PosixFA(ownerId=0)), "GuestPermissionDenied", {}
    yield "ChangeFileAttributesInGuest", "somebody else's file", ALICE, (f, PosixFA(permissions=0o666)), "GuestPermissionDenied", {}
    yield "ChangeFileAttributesInGuest", "behind a closed directory", ALICE, (closed, PosixFA(permissions=0o600)), "CannotAccessFile", {"file": closed}

    yield from path_rows("InitiateFileTransferFromGuest", "guestFilePath")
    yield "InitiateFileTransferFromGuest", "missing", ROOT, (none,), "FileNotFound", {"file": none}
    yield "InitiateFileTransferFromGuest", "a directory", ROOT, (d,), "NotAFile", {"file": d}
    yield "InitiateFileTransferFromGuest", "a link", ROOT, (T + "/link",), "InvalidArgument", {"invalidProperty": "guestFilePath"}
    yield "InitiateFileTransferFromGuest", "no right", ALICE, (closed,), "CannotAccessFile", {"file": closed}

    yield from path_rows("InitiateFileTransferToGuest", "guestFilePath", lambda p: (p, FA(), 1, False))
    yield "InitiateFileTransferToGuest", "exists", ROOT, (f, FA(), 1, False), "FileAlreadyExists", {"file": f}
    yield "InitiateFileTransferToGuest", "a directory", ROOT, (d, FA(), 1, True), "NotAFile", {"file": d}
    yield "InitiateFileTransferToGuest", "no parent", ROOT, (none + "/x", FA(), 1, False), "FileNotFound", {"file": none + "/x"}
    yield "InitiateFileTransferToGuest", "the parent is a file", ROOT, (below, FA(), 1, False), "NotADirectory", {}
    yield "InitiateFileTransferToGuest", "a negative size", ROOT, (T + "/up", FA(), -1, False), "InvalidArgument", {"invalidProperty": "fileSize"}
    yield "InitiateFileTransferToGuest", "attributes of Windows", ROOT, (T + "/up", WindowsFA(hidden=True), 1, False), "InvalidArgument", {"invalidProperty": "fileAttributes"}
    yield "InitiateFileTransferToGuest", "no right", ALICE, (T + "/up", FA(), 1, False), "CannotAccessFile", {"file": T + "/up"}

    def start(path, **more):
        return (program(path, **more),)
    yield "StartProgramInGuest", "an empty path", ROOT, start(""), "InvalidArgument", {"invalidProperty": "spec.programPath"}
    yield "StartProgramInGuest", "missing", ROOT, start(none), "FileNotFound", {"file": none}
    yield "StartProgramInGuest", "not executable", ROOT, start(T + "/plain"), "GuestPermissionDenied", {}
    yield "StartProgramInGuest", "no right", ALICE, start(T + "/secret"), "GuestPermissionDenied", {}
    yield "StartProgramInGuest", "behind a closed directory", ALICE, start(T + "/closed/program"), "CannotAccessFile", {"file": T + "/closed/program"}
    yield "StartProgramInGuest", "no working directory", ROOT, start("/bin/true", workingDirectory=none), "NotADirectory", {"file": none}
    yield "StartProgramInGuest", "the working directory is a file", ROOT, start("/bin/true", workingDirectory=f), "NotADirectory", {"file": f}
    yield "StartProgramInGuest", "a variable without value", ROOT, start("/bin/true", envVariables=["NAME"]), "InvalidArgument", {"invalidProperty": "spec.envVariables"}
    yield "StartProgramInGuest", "a variable without name", ROOT, start("/bin/true", envVariables=["=x"]), "InvalidArgument", {"invalidProperty": "spec.envVariables"}
    yield "StartProgramInGuest", "an environment too large", ROOT, start("/bin/true", envVariables=["A=" + "x" * 60000]), "InvalidArgument", {"invalidProperty": "spec.envVariables"}

    yield "ListProcessesInGuest", "too many pids", ROOT, (list(range(1, 5001)),), "InvalidArgument", {"invalidProperty": "pids"}
    yield "TerminateProcessInGuest", "no such process", ROOT, (3999999,), "GuestProcessNotFound", {"pid": 3999999}
    yield "TerminateProcessInGuest", "all processes at once", ROOT, (-1,), "GuestPermissionDenied", {}
    yield "TerminateProcessInGuest", "the agent itself", ROOT, (agent,), "GuestPermissionDenied", {}
    yield "TerminateProcessInGuest", "no right", ALICE, (1,), "GuestPermissionDenied", {}
    yield "ReadEnvironmentVariableInGuest", "names too long", ROOT, (["x" * 60000],), "InvalidArgument", {"invalidProperty": "names"}


def guest(s, vm, _):
    prepare(s, vm)
    agent = next(p.pid for p in s.processes.ListProcessesInGuest(vm, ROOT) if p.name == "toolboxd")
    for method, situation, credential, args, expected, details in rows(agent):
        check(method, situation, call(s, method, vm, credential, *args), expected, **details)


address, user, password, phase, vm_name = sys.argv[1:6]
session = Session(address, user, password)
globals()[phase](session, session.vm(vm_name), sys.argv[6] if len(sys.argv) > 6 else None)
print("rows that are wrong:", failed)
sys.exit(failed > 0)
