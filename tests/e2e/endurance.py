#!/usr/bin/env python3
"""Long runs of guest operations over kept-alive connections.

endurance.py ADDRESS USER PASSWORD GUESTUSER GUESTPASSWORD ops VM COUNT
    COUNT operations of all kinds in a row; every answer is checked, exit codes at once and again
    at the end.
endurance.py ... fair VM... PER-VM
    PER-VM clients on every VM list folders until the first VM has had 1,000 answers; then no VM may
    have had less than a quarter of that, and no client less than a tenth of what clients had on average.
endurance.py ... listing VM COUNT
    Latencies of COUNT listings, as a sum in milliseconds.
"""
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../bench"))
from soap import AUTH, Host  # noqa: E402

address, user, password, guest_user, guest_password, what = sys.argv[1:7]
auth = AUTH.format(guest_user, guest_password)


class Guest:
    def __init__(self, vm_name):
        self.host = Host(address)
        self.host.login(user, password)
        self.ref = f'<vm type="VirtualMachine">{self.host.find_vm(vm_name)}</vm>'
        self.managers = self.host.managers()

    def file(self, method, params):
        return self.host.call(method, "GuestFileManager", self.managers["File"],
                              f"{self.ref}{auth}{params}")

    def process(self, method, params):
        return self.host.call(method, "GuestProcessManager", self.managers["Process"],
                              f"{self.ref}{auth}{params}")

    def start(self, arguments):
        text = self.process(
            "StartProgramInGuest", '<spec xsi:type="GuestProgramSpec"><programPath>/bin/sh</programPath>'
            f"<arguments>{arguments}</arguments></spec>")
        return int(re.search(r"<returnval>(\d+)<", text).group(1))

    def exit_code(self, pid):
        text = self.process("ListProcessesInGuest", f"<pids>{pid}</pids>")
        m = re.search(r"<exitCode>(-?\d+)<", text)
        return int(m.group(1)) if m else None


def ops(vm, count):
    guest = Guest(vm)
    codes = {}
    done = 0
    i = 0
    while done < count:
        i += 1
        temp = re.search(r"<returnval>([^<]+)<", guest.file(
            "CreateTemporaryFileInGuest", f"<prefix>e{i}</prefix><suffix>.tmp</suffix>")).group(1)
        listing = guest.file("ListFilesInGuest", f"<filePath>{temp}</filePath>")
        assert f"<path>{temp}</path>" in listing, listing
        guest.file("ChangeFileAttributesInGuest",
                   f'<guestFilePath>{temp}</guestFilePath><fileAttributes xsi:type="GuestPosixFileAttributes">'
                   "<permissions>384</permissions></fileAttributes>")
        guest.file("MoveFileInGuest", f"<srcFilePath>{temp}</srcFilePath><dstFilePath>{temp}.2</dstFilePath>"
                   "<overwrite>false</overwrite>")
        guest.file("DeleteFileInGuest", f"<filePath>{temp}.2</filePath>")
        assert "HOME=" in guest.process("ReadEnvironmentVariableInGuest", "<names>HOME</names>")
        code = i % 251
        pid = guest.start(f"-c 'exit {code}'")
        assert pid not in codes, f"process id {pid} given twice"
        codes[pid] = code
        done += 8
        while True:
            got = guest.exit_code(pid)
            done += 1
            if got is not None:
                break
        assert got == code, f"run {i}: {got} instead of {code}"
        directory = f"/tmp/endurance-{i}"
        guest.file("MakeDirectoryInGuest", f"<directoryPath>{directory}</directoryPath>"
                   "<createParentDirectories>false</createParentDirectories>")
        guest.file("DeleteDirectoryInGuest", f"<directoryPath>{directory}</directoryPath><recursive>true</recursive>")
        done += 2
    for pid, code in codes.items():
        got = guest.exit_code(pid)
        assert got == code, f"later: process {pid}: {got} instead of {code}"
    print(f"{done + len(codes)} operations, {len(codes)} programs")


def fair(vms, per_vm):
    counts = {(vm, n): 0 for vm in vms for n in range(per_vm)}
    stop = threading.Event()
    wrong = []
    together = threading.Barrier(len(counts))

    def one(key):
        try:
            guest = Guest(key[0])
            together.wait(120)
            while not stop.is_set():
                guest.file("ListFilesInGuest", "<filePath>/usr</filePath>")
                counts[key] += 1
                if sum(counts[key[0], n] for n in range(per_vm)) >= 1000:
                    stop.set()
        except Exception as e:  # noqa: BLE001 - every failure is a finding
            wrong.append(f"{key}: {e!r}")
            together.abort()
            stop.set()

    threads = [threading.Thread(target=one, args=(key,)) for key in counts]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    per = {vm: sum(counts[vm, n] for n in range(per_vm)) for vm in vms}
    print("answers per VM:", per, "least of a client:", min(counts.values()))
    assert not wrong, wrong[:3]
    # The clients share one interpreter and the machine: what is looked for is neglect, not a difference.
    assert min(per.values()) * 4 >= max(per.values()), "a VM starved"
    assert min(counts.values()) * len(counts) * 10 >= sum(counts.values()), "a client starved"


def listing(vm, count):
    guest = Guest(vm)
    guest.file("ListFilesInGuest", "<filePath>/usr</filePath>")
    start = time.monotonic()
    for _ in range(count):
        guest.file("ListFilesInGuest", "<filePath>/usr</filePath>")
    print(f"{(time.monotonic() - start) * 1000:.1f}")


if what == "ops":
    ops(sys.argv[7], int(sys.argv[8]))
elif what == "fair":
    fair(sys.argv[7:-1], int(sys.argv[-1]))
else:
    listing(sys.argv[7], int(sys.argv[8]))
