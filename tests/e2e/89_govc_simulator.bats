#!/usr/bin/env bats
# What govmomi's own tests expect of its data set and snapshot commands, which are written for its
# simulator: each expectation once, on a host that answers as the simulator does.
load lib

setup_file() {
    host_up --rest-compat vcsim
}

teardown_file() {
    host_down
}

setup() {
    need govc test -x "$GOVC"
}

# try ARGUMENT...: govc's end in $status and $output
try() {
    run govc "$@"
}

# gives [OUTPUT]: it ended well, with exactly that
gives() {
    [ "$status" = 0 ] && { [ $# = 0 ] || [ "$output" = "$1" ]; } && return 0
    echo "status $status, output $output; expected: ${1:-success}" >&2
    return 1
}

# fails [WORDS]: it failed, and the last words are those
fails() {
    [ "$status" -ne 0 ] && [[ "$output" == *"${1:-}" ]] && return 0
    echo "status $status, output $output; expected: ${1:-failure}" >&2
    return 1
}

# refuses TYPE: by REST, as the simulator words it
refuses() {
    fails "400 Bad Request: {\"error_type\":\"$1\", \"messages\":[]}"
}

not_found() {
    [ "$status" -ne 0 ] && [[ "$output" == *"404 Not Found"* ]]
}

# line TEXT: it is one of the lines, however far its columns are apart
line() {
    sed 's/^ *//' <<<"$output" | tr -s ' ' | grep -qxF "$1" && return 0
    echo "no line \"$1\" in: $output" >&2
    return 1
}

lines() {
    local text
    for text in "$@"; do line "$text"; done
}

# tree PATTERN: how many lines of the tree of snapshots, with their paths, it fits
tree() {
    govc snapshot.tree -vm snap -f | grep -Ec "$1" || true
}

@test "data sets: attributes, errors, and VMs that are too old or suspended" {
    govc vm.create -version=vmx-19 old >/dev/null
    govc vm.create -version=vmx-20 new >/dev/null
    try vm.dataset.ls -vm new && gives ""
    try vm.dataset.ls -vm enoent && fails "vm 'enoent' not found"
    try vm.dataset.ls -vm old && refuses UNSUPPORTED
    try vm.dataset.create -vm new a && gives a
    try vm.dataset.ls -vm new && gives a
    try vm.dataset.create -vm new b && gives b
    try vm.dataset.ls -vm new && lines a b
    try vm.dataset.create -vm new a && refuses ALREADY_EXISTS
    try vm.dataset.create -vm enoent a && fails "vm 'enoent' not found"
    try vm.dataset.create -vm old a && refuses UNSUPPORTED
    try vm.dataset.create -vm new -d "Some words." -guest-access READ_ONLY -omit-from-snapshot=false i && gives i
    try vm.dataset.info -vm new i
    lines "Name: i" "Description: Some words." "Host: READ_WRITE" "Guest: READ_ONLY" "Used: 0" \
        "OmitFromSnapshotAndClone: false"
    try vm.dataset.entry.set -vm new -dataset i key1 val1 && gives
    try vm.dataset.info -vm new i && line "Used: 8"
    try vm.dataset.info -vm enoent i && fails "vm 'enoent' not found"
    try vm.dataset.update -vm new -d "Other words." i && gives ""
    try vm.dataset.info -vm new i && line "Description: Other words."
    for command in "info -vm new" "update -vm new -d x" "rm -vm new" "entry.ls -vm new -dataset"; do
        # shellcheck disable=SC2086 # words
        try vm.dataset.$command enoent
        not_found
    done
    for command in "get -vm new -dataset i enoent" "get -vm new -dataset enoent k" "set -vm new -dataset enoent k v" \
        "rm -vm new -dataset enoent k"; do
        # shellcheck disable=SC2086 # words
        try vm.dataset.entry.$command
        not_found
    done
    govc vm.power -suspend new
    for command in "create -vm new c" "update -vm new -d y i" "rm -vm new i" "entry.set -vm new -dataset i key2 val2" \
        "entry.rm -vm new -dataset i key1"; do
        # shellcheck disable=SC2086 # words
        try vm.dataset.$command
        refuses NOT_ALLOWED_IN_CURRENT_STATE
    done
    govc vm.power -on new
    try vm.dataset.rm -vm new i && refuses RESOURCE_IN_USE
    try vm.dataset.rm -vm new -force=true i && gives ""
    try vm.dataset.rm -vm new b && gives ""
    try vm.dataset.ls -vm new && gives a
}

@test "entries, and the host's access to them" {
    govc vm.create -version=vmx-20 entries >/dev/null
    export GOVC_VM=entries
    try vm.dataset.create e && gives e
    try vm.dataset.entry.ls -dataset e && gives ""
    try vm.dataset.entry.set -dataset e key1 val1 && gives
    try vm.dataset.entry.ls -dataset e && gives key1
    try vm.dataset.entry.get -dataset e key1 && gives val1
    try vm.dataset.entry.set -dataset e key1 val1b && gives
    try vm.dataset.entry.get -dataset e key1 && gives val1b
    for mode in NONE READ_ONLY; do
        try vm.dataset.update -host-access $mode e && gives ""
        try vm.dataset.entry.ls -dataset e
        if [ $mode = NONE ]; then refuses UNAUTHORIZED; else gives key1; fi
        try vm.dataset.entry.get -dataset e key1
        if [ $mode = NONE ]; then refuses UNAUTHORIZED; else gives val1b; fi
        try vm.dataset.entry.set -dataset e key1 no && refuses UNAUTHORIZED
        try vm.dataset.entry.rm -dataset e key1 && refuses UNAUTHORIZED
    done
    try vm.dataset.update -host-access READ_WRITE e && gives ""
    try vm.dataset.entry.rm -dataset e key1 && gives
    try vm.dataset.entry.ls -dataset e && gives ""
}

@test "data sets of a clone, and after a revert" {
    govc vm.create -version=vmx-20 source >/dev/null
    try vm.dataset.create -vm source -d first -omit-from-snapshot=false one && gives one
    try vm.dataset.create -vm source -d second -omit-from-snapshot=true two && gives two
    try vm.clone -vm source copy && gives
    try snapshot.create -vm source s && gives
    try vm.dataset.update -vm source -d changed one && gives ""
    try vm.dataset.create -vm source -omit-from-snapshot=false three && gives three
    try vm.dataset.ls -vm copy && gives one
    try vm.dataset.info -vm copy one && line "Description: first"
    try snapshot.revert -vm source s && gives
    try vm.dataset.ls -vm source && gives one
    try vm.dataset.info -vm source one && line "Description: first"
}

@test "a tree of snapshots by names, paths and ids" {
    govc vm.create -on=false snap >/dev/null
    export GOVC_VM=snap
    try snapshot.tree && gives ""
    try snapshot.remove '*' && gives
    try snapshot.revert && fails
    try snapshot.create id && gives
    try snapshot.revert enoent && fails
    try snapshot.revert && gives
    try snapshot.remove id && gives
    try snapshot.create root && gives
    try snapshot.tree -C && gives root
    try snapshot.create child && gives
    try snapshot.tree -C && gives child
    try snapshot.create grand && gives
    try snapshot.create child && gives
    [ "$(tree root/child/grand/child)" = 1 ]
    try snapshot.revert root && gives
    try snapshot.create child && gives
    [ "$(tree child)" = 4 ]
    try snapshot.remove child && fails
    [ "$(tree 'root/child$')" = 2 ]
    try snapshot.remove root/child && fails
    try snapshot.remove root/child/grand/child && gives
    try snapshot.revert grand && gives
    try snapshot.remove grand && gives
    [ "$(tree root/child/grand/child)" = 0 ]
    [ "$(tree '\.')" = 1 ] # the current one is its parent now
    id=$(govc snapshot.tree -f -i | grep -E 'root/child$' | head -n1 | awk '{ print $1 }' | tr -d '[]')
    try snapshot.remove "$id" && gives
    try snapshot.remove root/child && gives
    try snapshot.remove root && gives
    [ "$(tree '\.')" = 0 ]
    try snapshot.create 2ndroot && gives
    [ "$(tree '\.')" = 1 ]
}
