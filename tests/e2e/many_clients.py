#!/usr/bin/env python3
"""Many clients at once, each with a session of its own, each running programs that end with codes
of their own; every exit code must come back to the client that asked.
Usage: many_clients.py ADDRESS USER PASSWORD VM GUESTUSER GUESTPASSWORD CLIENTS RUNS"""
import os
import re
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../bench"))
from soap import AUTH, Host  # noqa: E402

address, user, password, vm_name, guest_user, guest_password = sys.argv[1:7]
clients, runs = int(sys.argv[7]), int(sys.argv[8])
auth = AUTH.format(guest_user, guest_password)
wrong = []
done = []
together = threading.Barrier(clients)


def one_client(number):
    try:
        host = Host(address)
        host.login(user, password)
        vm = host.find_vm(vm_name)
        manager = host.managers()["Process"]
        ref = f'<vm type="VirtualMachine">{vm}</vm>'
        together.wait(60)
        for i in range(runs):
            # Every second run is /bin/true; the others end with a code that only they have now.
            code = 0 if i % 2 == 0 else 1 + (number * 7 + i) % 250
            program = ("/bin/true", "") if code == 0 else ("/bin/sh", f"-c 'exit {code}'")
            text = host.call(
                "StartProgramInGuest", "GuestProcessManager", manager,
                f'{ref}{auth}<spec xsi:type="GuestProgramSpec"><programPath>{program[0]}</programPath>'
                f"<arguments>{program[1]}</arguments></spec>")
            pid = re.search(r"<returnval>(\d+)<", text).group(1)
            while True:
                text = host.call("ListProcessesInGuest", "GuestProcessManager", manager,
                                 f"{ref}{auth}<pids>{pid}</pids>")
                m = re.search(r"<exitCode>(-?\d+)<", text)
                if m:
                    break
            if int(m.group(1)) != code:
                wrong.append(f"client {number} run {i}: {m.group(1)} instead of {code}")
            done.append(pid)
        host.call("Logout", "SessionManager", host.content["sessionManager"])
    except Exception as e:  # noqa: BLE001 - every failure is a finding
        wrong.append(f"client {number}: {e!r}")


threads = [threading.Thread(target=one_client, args=(n,)) for n in range(clients)]
for t in threads:
    t.start()
for t in threads:
    t.join()
for line in wrong[:20]:
    print(line)
print(f"{len(done)} of {clients * runs} programs ended with the right code" if not wrong else
      f"{len(wrong)} findings")
sys.exit(1 if wrong or len(done) != clients * runs else 0)
