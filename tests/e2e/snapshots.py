#!/usr/bin/env python3
"""Snapshots, clones and templates as pyVmomi users write them.
Usage: snapshots.py ADDRESS USER PASSWORD VM READER READERPASSWORD"""
import ssl
import sys

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

address, user, password, vm_name, reader, reader_password = sys.argv[1:7]
host, port = address.split(":")
context = ssl._create_unverified_context()


def connect(name, secret):
    return SmartConnect(host=host, port=int(port), user=name, pwd=secret, sslContext=context)


def find(si, name):
    content = si.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    try:
        return next(v for v in view.view if v.name == name)
    finally:
        view.Destroy()


def fails_with(fault, call, *args, **kwargs):
    try:
        result = call(*args, **kwargs)
        if isinstance(result, vim.Task):
            WaitForTask(result)
    except fault as e:
        return e
    raise AssertionError(f"{call} did not raise {fault}")


def take(vm, name, **more):
    args = dict(name=name, description="", memory=False, quiesce=False)
    args.update(more)
    task = vm.CreateSnapshot_Task(**args)
    WaitForTask(task)
    return task.info.result


si = connect(user, password)
vm = find(si, vm_name)
if vm.runtime.powerState != "poweredOff":
    WaitForTask(vm.PowerOff())
assert vm.snapshot is None and not vm.rootSnapshot
assert vm.capability.snapshotOperationsSupported and not vm.capability.memorySnapshotsSupported
fails_with(vim.fault.NotFound, vm.RevertToCurrentSnapshot_Task)
fails_with(vim.fault.InvalidName, vm.CreateSnapshot_Task, "", "", False, False)
fails_with(vim.fault.InvalidName, vm.CreateSnapshot_Task, "x" * 256, "", False, False)
WaitForTask(vm.RemoveAllSnapshots_Task())

# What a property collector hears.
collector = si.content.propertyCollector
spec = vmodl.query.PropertyCollector.FilterSpec(
    objectSet=[vmodl.query.PropertyCollector.ObjectSpec(obj=vm)],
    propSet=[vmodl.query.PropertyCollector.PropertySpec(
        type=vim.VirtualMachine, pathSet=["snapshot", "rootSnapshot"])])
watch = collector.CreateFilter(spec, False)
version = collector.WaitForUpdatesEx("", None).version
one = take(vm, "one", description="<first> & only", memory=True)
seen = set()
while "snapshot" not in seen:
    update = collector.WaitForUpdatesEx(version, vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=10))
    assert update, "nobody told"
    version = update.version
    seen |= {c.name.split(".")[0] for f in update.filterSet for o in f.objectSet for c in o.changeSet}
watch.Destroy()

tree = vm.snapshot.rootSnapshotList[0]
assert (tree.name, tree.description, tree.id) == ("one", "<first> & only", 1), tree
assert tree.state == "poweredOff" and not tree.quiesced and tree.snapshot == one and tree.vm == vm
assert vm.snapshot.currentSnapshot == one and list(vm.rootSnapshot) == [one]
assert one.vm == vm and not one.childSnapshot and one.config.uuid == vm.config.uuid
assert vm.layoutEx.snapshot[0].key == one
data = next(f for f in vm.layoutEx.file if f.key == vm.layoutEx.snapshot[0].dataKey)
assert data.name.endswith("-Snapshot1.vmsn") and data.type == "snapshotData", data

two, three = take(vm, "two"), take(vm, "three")
assert list(one.childSnapshot) == [two] and list(two.childSnapshot) == [three]
one.RenameSnapshot(name="uno", description="still the first")
assert vm.snapshot.rootSnapshotList[0].name == "uno"
fails_with(vim.fault.InvalidName, one.RenameSnapshot, name="")

# The configuration goes along, the name does not.
WaitForTask(vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation="after", name=vm_name + "-x")))
assert one.config.annotation == ""
WaitForTask(one.RevertToSnapshot_Task(suppressPowerOn=False))
assert vm.snapshot.currentSnapshot == one and vm.config.annotation == ""
assert vm.name == vm_name + "-x", vm.name
WaitForTask(vm.Rename_Task(vm_name))

# A second branch; then the middle, then a whole branch goes.
four = take(vm, "four")
assert set(one.childSnapshot) == {two, four}
WaitForTask(two.RemoveSnapshot_Task(removeChildren=False))
fails_with(vmodl.fault.ManagedObjectNotFound, two.RevertToSnapshot_Task)
assert set(one.childSnapshot) == {three, four}
WaitForTask(one.RemoveSnapshot_Task(removeChildren=True))
assert vm.snapshot is None
five = take(vm, "five")
assert vm.snapshot.rootSnapshotList[0].id == 5, "an id was used twice"

# Rights.
weak = connect(reader, reader_password)
weak_vm = find(weak, vm_name)
no = fails_with(vim.fault.NoPermission, weak_vm.CreateSnapshot_Task, "x", "", False, False)
assert no.privilegeId == "VirtualMachine.State.CreateSnapshot", no
no = fails_with(vim.fault.NoPermission, weak_vm.rootSnapshot[0].RemoveSnapshot_Task, True)
assert no.privilegeId == "VirtualMachine.State.RemoveSnapshot", no
no = fails_with(vim.fault.NoPermission, weak_vm.rootSnapshot[0].RenameSnapshot, "x")
assert no.privilegeId == "VirtualMachine.State.RenameSnapshot", no
assert weak_vm.snapshot.rootSnapshotList[0].name == "five"
location = vim.vm.RelocateSpec()
no = fails_with(vim.fault.NoPermission, weak_vm.CloneVM_Task, weak_vm.parent, "x",
                vim.vm.CloneSpec(location=location, powerOn=False, template=False))
assert no.privilegeId == "VirtualMachine.Inventory.CreateFromExisting", no
Disconnect(weak)

# Depth has an end.
for i in range(31):
    take(vm, f"deep {i}")
fails_with(vim.fault.TooManySnapshotLevels, vm.CreateSnapshot_Task, "one too many", "", False, False)
WaitForTask(vm.RemoveAllSnapshots_Task())
assert vm.snapshot is None

# Clones and templates.
plain = vim.vm.CloneSpec(location=location, powerOn=False, template=False)
same = fails_with(vim.fault.DuplicateName, vm.CloneVM_Task, vm.parent, vm_name, plain)
assert same.object == vm
fails_with(vim.fault.InvalidName, vm.CloneVM_Task, vm.parent, "", plain)
other = fails_with(vmodl.fault.InvalidArgument, vm.CloneVM_Task, vm.parent, "t",
                   vim.vm.CloneSpec(location=location, powerOn=True, template=True))
assert other.invalidProperty == "spec.powerOn", other
task = vm.CloneVM_Task(vm.parent, "mould", vim.vm.CloneSpec(
    location=location, powerOn=False, template=True,
    config=vim.vm.ConfigSpec(annotation="a template", memoryMB=128)))
WaitForTask(task)
mould = task.info.result
assert mould.config.template and mould.summary.config.template and mould.config.annotation == "a template"
fails_with(vmodl.fault.NotSupported, mould.PowerOnVM_Task)
task = mould.CloneVM_Task(vm.parent, "cast", plain)
WaitForTask(task)
cast = task.info.result
assert not cast.config.template and cast.config.hardware.memoryMB == 128
assert len({vm.config.uuid, mould.config.uuid, cast.config.uuid}) == 3
names = [type(e).__name__.split(".")[-1] for e in si.content.eventManager.QueryEvents(
    vim.event.EventFilterSpec(entity=vim.event.EventFilterSpec.ByEntity(entity=cast, recursion="self")))]
assert "VmClonedEvent" in names, names
fails_with(vim.fault.InvalidState, cast.MarkAsVirtualMachine, si.content.rootFolder.childEntity[0].hostFolder.childEntity[0].resourcePool)
cast.MarkAsTemplate()
assert cast.config.template
cast.MarkAsVirtualMachine(vm.summary.runtime.host.parent.resourcePool)
assert not cast.config.template
for each in (mould, cast):
    WaitForTask(each.Destroy_Task())

# A VM stands still or is off, and may be suspended; only one thing is done at a time.
WaitForTask(vm.PowerOn())
WaitForTask(vm.Suspend())
asleep = take(vm, "asleep")
assert vm.runtime.powerState == "suspended"
task = vm.CloneVM_Task(vm.parent, "awake", plain)
WaitForTask(task)
assert task.info.result.runtime.powerState == "poweredOff"
WaitForTask(task.info.result.Destroy_Task())
assert vm.runtime.powerState == "suspended"
WaitForTask(asleep.RevertToSnapshot_Task())
assert vm.runtime.powerState == "poweredOff"
WaitForTask(vm.RemoveAllSnapshots_Task())
Disconnect(si)
print("snapshots: fine")
