#!/usr/bin/env python3
"""Requests on one VM at the same time, and in every power state, by table: TaskInProgress names the task
that is in the way, InvalidPowerState the states. The VM is on, with one snapshot, and is left so.
Usage: vm_states.py ADDRESS USER PASSWORD VM STATEDIR"""
import os
import signal
import sys

from pyVim.task import WaitForTask
from pyVmomi import vim

from guest_session import Session, fault_of, login

ON, OFF, SUSPENDED = "poweredOn", "poweredOff", "suspended"
ANY = (ON, OFF, SUSPENDED)

address, user, password, vm_name, state = sys.argv[1:6]
s = Session(address, user, password)
vm = s.vm(vm_name)
snapshot = vm.snapshot.currentSnapshot
folder = vm.parent
auth = login("root", "guest-pw")
rows = 0
wrong = 0

# Method: what is called, the states it is for, the state that it asks for.
METHODS = {
    "PowerOnVM_Task": (vm.PowerOnVM_Task, (OFF, SUSPENDED), ON),
    "PowerOffVM_Task": (vm.PowerOffVM_Task, (ON, SUSPENDED), OFF),
    "SuspendVM_Task": (vm.SuspendVM_Task, (ON,), SUSPENDED),
    "ResetVM_Task": (vm.ResetVM_Task, (ON,), ON),
    "ShutdownGuest": (vm.ShutdownGuest, (ON,), ON),
    "RebootGuest": (vm.RebootGuest, (ON,), ON),
    "StandbyGuest": (vm.StandbyGuest, (ON,), ON),
    "TerminateVM": (vm.TerminateVM, (ON, SUSPENDED), OFF),
    "UnregisterVM": (vm.UnregisterVM, (OFF,), OFF),
    "Destroy_Task": (vm.Destroy_Task, (OFF,), OFF),
    "UpgradeVM_Task": (vm.UpgradeVM_Task, (OFF,), OFF),
    "ReconfigVM_Task": (lambda: vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation="x")), ANY, None),
    "Rename_Task": (lambda: vm.Rename_Task(vm_name), ANY, None),
    "CloneVM_Task": (lambda: vm.CloneVM_Task(folder, "other", vim.vm.CloneSpec(
        location=vim.vm.RelocateSpec(), powerOn=False, template=False)), ANY, None),
    "CreateSnapshot_Task": (lambda: vm.CreateSnapshot_Task("x", "", False, False), ANY, None),
    "RevertToCurrentSnapshot_Task": (vm.RevertToCurrentSnapshot_Task, ANY, None),
    "RemoveAllSnapshots_Task": (vm.RemoveAllSnapshots_Task, ANY, None),
    "RevertToSnapshot_Task": (snapshot.RevertToSnapshot_Task, ANY, None),
    "RemoveSnapshot_Task": (lambda: snapshot.RemoveSnapshot_Task(False), ANY, None),
    "RenameSnapshot": (lambda: snapshot.RenameSnapshot("kept", ""), ANY, None),
}


def check(method, situation, good, what):
    global rows, wrong
    rows += 1
    wrong += not good
    print("ok" if good else "WRONG", f"{method}, {situation}: {what}")


def outcome(call):
    """The fault of a call, or of the task that it gives; None when it has succeeded."""
    got = []
    fault = fault_of(lambda: got.append(call()))
    if fault is None and isinstance(got[0], vim.Task):
        fault = fault_of(WaitForTask, got[0])
    return fault


def vmx_pid():
    """The VM's process: its arguments name the VM's folder."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                args = f.read().decode().split("\0")
        except OSError:
            continue
        if args[0].endswith("inguest-vmx") and f"{state}/vms/{vm_name}" in args:
            return int(pid)
    raise AssertionError("no vmx")


def while_running(begin):
    """A task that does not end, because the VM's process is stopped; and everything else meanwhile."""
    if vm.runtime.powerState == OFF:
        WaitForTask(METHODS["ReconfigVM_Task"][0]())  # which needs that process
    vmx = vmx_pid()
    os.kill(vmx, signal.SIGSTOP)
    try:
        task = METHODS[begin][0]()
        for method, (call, _, _) in METHODS.items():
            fault = fault_of(call)
            check(method, f"while {begin} runs",
                  isinstance(fault, vim.fault.TaskInProgress) and fault.task == task,
                  type(fault).__name__)
        assert task.info.state == "running", task.info
        ending = begin in ("PowerOffVM_Task", "SuspendVM_Task", "ResetVM_Task",
                           "RevertToSnapshot_Task", "RevertToCurrentSnapshot_Task")
        if ending and vm.runtime.powerState == ON:
            fault = fault_of(s.files.ListFilesInGuest, vm, auth, "/")
            check("ListFilesInGuest", f"while {begin} runs",
                  isinstance(fault, vim.fault.TaskInProgress) and fault.task == task,
                  type(fault).__name__)
    finally:
        os.kill(vmx, signal.SIGCONT)
    WaitForTask(task)


def refused_when(state):
    assert vm.runtime.powerState == state, vm.runtime.powerState
    for method, (call, allowed, wanted) in METHODS.items():
        if state in allowed:
            continue
        fault = outcome(call)
        check(method, f"when {state}",
              isinstance(fault, vim.fault.InvalidPowerState) and fault.existingState == state
              and fault.requestedState == wanted, type(fault).__name__)
    assert vm.runtime.powerState == state, vm.runtime.powerState


refused_when(ON)
for begin in ("ReconfigVM_Task", "CreateSnapshot_Task", "CloneVM_Task", "ResetVM_Task", "SuspendVM_Task"):
    while_running(begin)
refused_when(SUSPENDED)
while_running("PowerOnVM_Task")
while_running("RevertToSnapshot_Task")
refused_when(OFF)
while_running("PowerOnVM_Task")
while_running("PowerOffVM_Task")
WaitForTask(vm.PowerOnVM_Task())
print(f"{rows} rows, {wrong} wrong")
sys.exit(wrong > 0)
