#!/usr/bin/env bats
# Snapshots and clones: what the guest had then is there again, whoever asks and whoever dies.
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
    export GOVC_VM=demo GOVC_GUEST_LOGIN=root:guest-pw
}

# say TEXT: what /root/state of the guest holds from now on.
say() {
    govc guest.run /bin/sh -c "'echo $1 >/root/state'"
}

# said TEXT: it holds that now.
said() {
    local found
    found=$(govc guest.run cat /root/state)
    [ "$found" = "$1" ] || { echo "the guest says $found, not $1" >&2; return 1; }
}

power_of() {
    govc object.collect -s "vm/$1" runtime.powerState
}

@test "govc takes snapshots of a running VM, shows them, goes back" {
    say one
    govc snapshot.create first
    say two
    govc snapshot.create -d 'a longer story' second
    say three
    said three
    run govc snapshot.tree
    [ "$status" -eq 0 ]
    [[ "$output" == *first*second* ]]
    [ "$(govc snapshot.tree -C -f)" = first/second ] || govc snapshot.tree -C -f
    # A running VM stays what it was.
    [ "$(power_of demo)" = poweredOn ]
    govc snapshot.revert first
    # Without memory there is nothing to go on with.
    [ "$(power_of demo)" = poweredOff ]
    inguest vm start demo
    said one
    govc snapshot.revert second
    inguest vm start demo
    said two
}

@test "inguest takes, lists, removes and goes back to snapshots" {
    run inguest vm snapshot list demo
    [[ "$output" == *first*"second (current)"* ]]
    [ "$(inguest --json vm snapshot list demo | jq -r '.[1].description')" = 'a longer story' ]
    say four
    inguest vm snapshot create demo third --description 'from the command line'
    # The middle of three goes; what was beneath it stays.
    inguest vm snapshot rm demo second
    [ "$(inguest --json vm snapshot list demo | jq -r 'map(.name) | join(" ")')" = "first third" ]
    [ ! -e "$HOST_DIR/state/vms/demo/demo-Snapshot2.root" ]
    run inguest vm snapshot rm demo second
    [ "$status" -eq 1 ]
    [[ "$output" == *"there is no snapshot named second"* ]]
    say five
    inguest vm snapshot revert demo
    inguest vm start demo
    said four
    inguest vm snapshot revert demo first
    inguest vm start demo
    said one
    run inguest vm snapshot create demo
    [ "$status" -eq 2 ]
    inguest vm snapshot rm demo --all
    [ "$(inguest --json vm snapshot list demo)" = "[]" ]
    run bash -c "ls $HOST_DIR/state/vms/demo | grep -E 'Snapshot|Revert|Trash'"
    [ "$status" -eq 1 ]
}

@test "clones of a running VM, of a stopped one and of a snapshot" {
    say origin
    govc guest.run /bin/sh -c "'mkdir -p /srv/x; chmod 700 /srv/x; echo deep >/srv/x/y; ln /srv/x/y /srv/x/z; useradd -m carol 2>/dev/null; true'"
    govc snapshot.create base
    say later
    govc vm.clone -vm demo -on=false copy1
    said later
    [ "$(power_of demo)" = poweredOn ]
    [ "$(power_of copy1)" = poweredOff ]
    inguest vm clone demo copy2 --snapshot base --start
    inguest vm stop demo
    govc vm.clone -vm demo -on=false -c 2 -m 256 copy3
    inguest vm start copy1
    inguest vm start copy3
    GOVC_VM=copy1 said later
    GOVC_VM=copy2 said origin
    GOVC_VM=copy3 said later
    [ "$(GOVC_VM=copy3 govc guest.run cat /srv/x/z)" = deep ]
    [ "$(GOVC_VM=copy3 govc guest.run stat -c %h.%a.%U /srv/x/y /srv/x | tr '\n' ' ')" = "2.644.root 2.700.root " ]
    [ "$(govc object.collect -s vm/copy3 config.hardware.memoryMB)" = 256 ]
    # Nobody is two VMs.
    [ "$(for vm in demo copy1 copy2 copy3; do govc object.collect -s vm/$vm config.uuid; done | sort -u | wc -l)" -eq 4 ]
    [ "$(stat -c %u "$HOST_DIR"/state/vms/*/ | sort -u | wc -l)" -eq 4 ]
    [ "$(govc object.collect -s vm/copy2 snapshot)" = "" ]
    inguest vm start demo
    # What one does the others do not see.
    GOVC_VM=copy1 say changed
    said later
    for vm in copy1 copy2 copy3; do inguest vm delete $vm; done
    run ls -A "$HOST_DIR/state/vms"
    [ "$output" = demo ]
}

@test "a folder that was copied by hand is registered, and becomes a VM of its own" {
    say original
    inguest vm snapshot create demo kept
    inguest vm stop demo
    cp -a "$HOST_DIR/state/vms/demo" "$HOST_DIR/state/vms/byhand"
    inguest vm start demo
    govc vm.register -name byhand byhand/demo.vmx
    inguest vm start byhand
    GOVC_VM=byhand said original
    GOVC_VM=byhand say mine
    said original
    [ "$(stat -c %u "$HOST_DIR"/state/vms/demo "$HOST_DIR"/state/vms/byhand | sort -u | wc -l)" -eq 2 ]
    [ "$(inguest --json vm snapshot list byhand | jq -r '.[-1].name')" = kept ]
    inguest vm snapshot revert byhand kept
    inguest vm start byhand
    GOVC_VM=byhand said original
    # Taken out of the inventory the files stay; registered again it is as it was; destroyed all go.
    inguest vm stop byhand
    govc vm.unregister byhand
    [ -e "$HOST_DIR/state/vms/byhand/demo.vmsd" ]
    govc vm.register -name byhand byhand/demo.vmx
    [ "$(inguest --json vm snapshot list byhand | jq -r '.[-1].name')" = kept ]
    inguest vm delete byhand
    [ ! -e "$HOST_DIR/state/vms/byhand" ]
    inguest vm snapshot rm demo --all
}

@test "pyVmomi: trees, faults, rights, updates, templates, a suspended VM" {
    need pyVmomi "$PYTHON" -c "import pyVmomi"
    printf 'Reader-pass1' >"$BATS_TEST_TMPDIR/pw"
    inguest user add reader --role ReadOnly --password-file "$BATS_TEST_TMPDIR/pw"
    inguest vm create python --guest-user root --guest-password-file "$HOST_DIR/guest-password"
    inguest vm start python
    run timeout 120 "$PYTHON" "$BATS_TEST_DIRNAME/snapshots.py" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" \
        python reader Reader-pass1
    echo "$output"
    [ "$status" -eq 0 ]
    inguest vm delete python
}

@test "one operation at a time, and each in its power states: power, reconfigure, snapshot, clone, destroy" {
    need pyVmomi "$PYTHON" -c "import pyVmomi"
    inguest vm create states --guest-user root --guest-password-file "$HOST_DIR/guest-password"
    inguest vm start states
    inguest vm snapshot create states kept
    PYTHONPATH=$BATS_TEST_DIRNAME run timeout 150 "$PYTHON" "$BATS_TEST_DIRNAME/vm_states.py" "$HOST_ADDRESS" tester \
        "$HOST_PASSWORD_DEFAULT" states "$HOST_DIR/state"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok ' <<<"$output")" -ge 190 ]
    inguest vm delete states
    inguest vm delete other
}
