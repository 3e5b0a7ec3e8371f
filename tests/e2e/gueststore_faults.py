"""Random faults while two VMs pull a file: gstored, vmx, agent or client killed, the origin unplugged,
the cache's disk full, the file replaced on the way. Whatever happens, a client ends with a whole file
of some version that there was, or with an error and no file; and then the next request works.

usage: gueststore_faults.py ROUNDS SEED HOST_DIR GOVC"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time

from gstored import Origin, noise

ROUNDS, SEED, HOST_DIR, GOVC = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
VMS = ["f1", "f2"]
SIZE = 6 << 20
FILLER = os.path.join(HOST_DIR, "state", "gstored", "filler")
RECOVERY_S = 60


def processes():
    """This host's: pid -> (name, parent, arguments)."""
    found, mine = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                text = f.read()
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                arguments = f.read().decode(errors="replace")
        except OSError:
            continue
        name = text[text.index("(") + 1 : text.rindex(")")]
        found[int(pid)] = (name, int(text[text.rindex(")") + 2 :].split()[1]), arguments)
    grew = True
    while grew:
        grew = False
        for pid, what in found.items():
            if pid not in mine and (what[1] in mine or
                                    (HOST_DIR in what[2] and what[0].startswith("inguest-"))):
                mine[pid] = what
                grew = True
    return mine


def kill(name):
    pids = [p for p, what in processes().items() if what[0] == name]
    if pids:
        try:
            os.kill(random.choice(pids), signal.SIGKILL)
        except ProcessLookupError:
            pass


def guest(vm, command, timeout):
    try:
        return subprocess.run([GOVC, "guest.run", "-vm", vm, "/bin/sh", "-c", f"'{command}'"],
                              capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return None


def pull(vm, timeout=40):
    """The hash of what came; None: an error. A file that stays after an error is wrong."""
    r = guest(vm, "rm -f /root/out; vmware-toolbox-cmd gueststore getcontent /file /root/out >/dev/null 2>&1;"
                  " rc=$?; echo rc=$rc; test -e /root/out && sha256sum </root/out", timeout)
    if not r or "rc=" not in r.stdout:
        return None  # the guest operation itself was cut off
    lines = r.stdout.split()
    if lines[0] != "rc=0":
        # A client that is killed cannot clean up. Its file has the final name only when it is whole:
        # then it counts as what came.
        if len(lines) == 1:
            return None
        assert lines[0] == "rc=137", f"{vm}: an error, but there is a file: {r.stdout}"
    return lines[1]


class Faults:
    def __init__(self, origin):
        self.origin = origin
        self.version = 0
        self.hashes = set()
        self.replace()

    def replace(self):
        self.version += 1
        content = noise(SIZE, self.version)
        self.hashes.add(hashlib.sha256(content).hexdigest())
        self.origin.put("/file", content)

    def fill(self):
        with open(FILLER, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 65536)
            except OSError:
                pass

    def unplug(self):
        self.origin.stop_after = random.randrange(SIZE)
        for connection in list(self.origin.connections):
            try:
                connection.shutdown(2)
            except OSError:
                pass

    def undo(self):
        self.origin.stop_after = None
        if os.path.exists(FILLER):
            os.unlink(FILLER)

    def table(self):
        # vmx takes its VM along, which takes the longest to come back.
        return {"gstored": (4, lambda: kill("inguest-gstored")),
                "vmx": (1, lambda: kill("inguest-vmx")),
                "agent": (3, lambda: kill("toolboxd")),
                "client": (4, lambda: kill("vmware-toolbox-")),
                "unplugged": (4, self.unplug),
                "disk full": (3, self.fill),
                "replaced": (4, self.replace)}


def at_once(each):
    threads = [threading.Thread(target=each, args=(vm,)) for vm in VMS]
    for t in threads:
        t.start()
    return threads


def settled(faults):
    """The next request of every VM works, with the version that there is now."""
    want = hashlib.sha256(faults.origin.contents["/file"]).hexdigest()
    good = []

    def one(vm):
        until = time.monotonic() + RECOVERY_S
        while (got := pull(vm, 20)) is None:
            assert time.monotonic() < until, f"{vm}: no request works any more"
        assert got == want, f"{vm}: an old or wrong file after the fault"
        good.append(vm)

    for t in at_once(one):
        t.join()
    assert len(good) == len(VMS), "not every VM is back"


def main():
    random.seed(SEED)
    origin = Origin()
    faults = Faults(origin)
    table = faults.table()
    names = [n for n, (weight, _) in table.items() for _ in range(weight)]
    subprocess.run([os.environ["INGUEST"], "--state", f"{HOST_DIR}/state", "--run", f"{HOST_DIR}/run",
                    "gueststore", "repository", "set", origin.url, "--cache-max", str(16 << 20)],
                   check=True)
    settled(faults)
    whole = broken = 0
    for n in range(ROUNDS):
        name = random.choice(names)
        begun = time.monotonic()
        delay = random.random() * 0.12
        if random.random() < 0.7:
            faults.replace()  # so that there is something to fetch
        results = {}
        threads = at_once(lambda vm: results.update({vm: pull(vm)}))
        time.sleep(delay)  # a random moment of what runs, not a wait for it
        table[name][1]()
        for t in threads:
            t.join()
        for vm, got in results.items():
            assert got is None or got in faults.hashes, f"round {n} ({name}): {vm} has a wrong file"
            whole += got is not None
            broken += got is None
        assert len(results) == len(VMS), f"round {n} ({name}): a client failed its check"
        faults.undo()
        if os.environ.get("VERBOSE"):
            print(n, name, results, f"{time.monotonic() - begun:.1f} s", flush=True)
        if n % 5 == 4 or name in ("vmx", "agent"):
            settled(faults)
            if os.environ.get("VERBOSE"):
                print(f"  settled {time.monotonic() - begun:.1f} s", flush=True)
    settled(faults)
    print(f"{ROUNDS} faults, seed {SEED}: {whole} whole files, {broken} errors, none wrong")
    assert whole and broken, "the faults were none"


main()
