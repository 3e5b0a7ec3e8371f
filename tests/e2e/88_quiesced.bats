#!/usr/bin/env bats
# Quiesced snapshots: the guest's scripts run before and after, and when it cannot be brought to rest
# there is no snapshot and the client is told.
load lib

setup_file() {
    host_up
    vm_new demo
}

teardown_file() {
    host_down
}

setup() {
    need govc test -x "$GOVC"
    need pyVmomi "$PYTHON" -c "import pyVmomi"
    clear_scripts
}

guest() {
    govc guest.run /bin/sh -c "'$1'"
}

clear_scripts() {
    guest 'rm -rf /etc/vmware-tools/backupScripts.d /root/said; mkdir -p /etc/vmware-tools/backupScripts.d; : >/root/said'
}

# script NAME TEXT
script() {
    printf '#!/bin/sh\necho "%s $1" >>/root/said\n%s\n' "$1" "$2" >"$BATS_TEST_TMPDIR/script"
    govc guest.upload -f -perm 0755 "$BATS_TEST_TMPDIR/script" "/etc/vmware-tools/backupScripts.d/$1" >/dev/null
}

# said: what the scripts were told, in one line
said() {
    guest 'cat /root/said' | xargs
}

# Prints "STATE FAULT" of the task, and what the list says of the snapshot.
create() {
    "$PYTHON" - "$HOST_ADDRESS" "$HOST_PASSWORD_DEFAULT" "$@" <<'END'
import ssl, sys
from pyVim.connect import SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim
address, password, how, name = sys.argv[1:5]
host, port = address.split(':')
si = SmartConnect(host=host, port=int(port), user='tester', pwd=password, sslContext=ssl._create_unverified_context())
content = si.RetrieveContent()
vm = next(v for v in content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True).view
          if v.name == 'demo')
assert vm.capability.quiescedSnapshotsSupported
try:
    if how == 'ex':
        minutes = sys.argv[5] if len(sys.argv) > 5 else None
        spec = vim.vm.GuestQuiesceSpec(timeout=int(minutes)) if minutes else vim.vm.GuestQuiesceSpec()
        WaitForTask(vm.CreateSnapshotEx_Task(name=name, description='', memory=False, quiesceSpec=spec))
    else:
        WaitForTask(vm.CreateSnapshot_Task(name=name, description='', memory=False, quiesce=how == 'yes'))
except Exception as e:
    print(type(e).__name__.split('.')[-1], getattr(e, 'invalidProperty', None) or e.msg)
    sys.exit(0)
trees, found = list(vm.snapshot.rootSnapshotList), None
while trees:
    t = trees.pop()
    trees += t.childSnapshotList
    if t.name == name:
        found = t
print('success', found.quiesced)
END
}

@test "the scripts are told before and after, in order and in reverse" {
    script 10-a 'test "$1" != freeze || echo at-rest >/root/state'
    script 20-b 'test "$1" != thaw || echo goes-on >/root/state'
    [ "$(create yes one)" = "success True" ]
    [ "$(said)" = "10-a freeze 20-b freeze 20-b thaw 10-a thaw" ]
    [ "$(guest 'cat /root/state')" = goes-on ]
    # The snapshot is of between the two.
    [ "$(cat "$HOST_DIR/state/vms/demo/demo-Snapshot1.root/root/state")" = at-rest ]
    # Not asked for, they are not told.
    [ "$(create no two)" = "success False" ]
    [ "$(said)" = "10-a freeze 20-b freeze 20-b thaw 10-a thaw" ]
    [ "$(create ex three)" = "success True" ]
    [ "$(create ex four 5)" = "success True" ]
    [ "$(create ex five 4)" = "InvalidArgument quiesceSpec.timeout" ]
    [ "$(create ex five 241)" = "InvalidArgument quiesceSpec.timeout" ]
    inguest vm snapshot create demo five --quiesce
    [ "$(inguest --json vm snapshot list demo | jq -c 'map(.quiesced)')" = '[true,false,true,true,true]' ]
    govc snapshot.create -q=true six
    [ "$(guest 'grep -c freeze /root/said')" = 10 ]
    [ "$(guest 'grep -c thaw /root/said')" = 10 ]
    govc snapshot.remove '*'
}

@test "a script that fails: no snapshot, and the others go on" {
    script 10-a ''
    script 20-b 'test "$1" != freeze'
    run create yes one
    [ "$output" = "ApplicationQuiesceFault in the guest: Custom quiesce script failed." ]
    [ "$(said)" = "10-a freeze 20-b freeze 20-b freezeFail 10-a freezeFail" ]
    [ "$(inguest --json vm snapshot list demo)" = "[]" ]
    run find "$HOST_DIR/state/vms/demo" -name '*Snapshot*'
    [ -z "$output" ]
    clear_scripts
    [ "$(create yes one)" = "success True" ]
    govc snapshot.remove '*'
}

@test "a cancelled task lets the guest go on" {
    script 10-slow 'test "$1" != freeze || exec sleep 1000'
    inguest vm snapshot create demo never --quiesce 3>&- &
    client=$!
    wait_until grep -q freeze "$HOST_DIR/state/vms/demo/demo.root/root/said"
    govc task.cancel "$(govc object.collect -s vm/demo recentTask)"
    rc=0
    wait $client || rc=$?
    [ "$rc" -ne 0 ]
    wait_until grep -q freezeFail "$HOST_DIR/state/vms/demo/demo.root/root/said"
    [ "$(inguest --json vm snapshot list demo)" = "[]" ]
    guest true
}

@test "no agent, no machine, a machine that sleeps" {
    # Off or asleep it is at rest as it is.
    govc vm.power -suspend demo
    [ "$(create yes asleep)" = "success False" ]
    govc vm.power -on demo
    inguest vm stop demo
    [ "$(create yes off)" = "success False" ]
    inguest vm start demo
    # An agent that dies while the guest comes to rest; init starts another.
    script 10-kill 'test "$1" != freeze || kill -KILL $PPID'
    run create yes never
    [[ "$output" == "ToolsUnavailable "* ]]
    [ "$(inguest --json vm snapshot list demo | jq length)" = 2 ]
    wait_until guest true
    clear_scripts
    [ "$(create yes again)" = "success True" ]
    govc snapshot.remove '*'
}
