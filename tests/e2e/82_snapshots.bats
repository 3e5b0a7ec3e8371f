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
