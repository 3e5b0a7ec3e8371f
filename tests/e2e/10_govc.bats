#!/usr/bin/env bats
# The main job with an unmodified govc: inventory, power, guest operations, files.
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

@test "about names the product and the API" {
    run govc about
    [ "$status" -eq 0 ]
    [[ "$output" == *"API type:     HostAgent"* ]]
    [[ "$output" == *"API version:"* ]]
}

@test "ls and find show the inventory" {
    run govc ls
    [ "$status" -eq 0 ]
    [[ "$output" == *"/ha-datacenter/vm"* ]]
    run govc ls vm
    [ "$output" = "/ha-datacenter/vm/demo" ]
    run govc find / -type m
    [ "$output" = "/ha-datacenter/vm/demo" ]
    run govc find / -type h
    [ "${#lines[@]}" -eq 1 ]
}

@test "vm.info shows a running VM with its address" {
    run govc vm.info demo
    [ "$status" -eq 0 ]
    [[ "$output" == *"Power state:  poweredOn"* ]]
    [[ "$output" == *"UUID:"* ]]
    run govc vm.info -json demo
    [ "$(jq -r '.virtualMachines[0].guest.toolsRunningStatus' <<<"$output")" = guestToolsRunning ]
    [ "$(jq -r '.virtualMachines[0].guest.guestOperationsReady' <<<"$output")" = true ]
}

@test "vm.ip prints the guest's address" {
    run timeout 30 "$GOVC" vm.ip demo
    [ "$status" -eq 0 ]
    [[ "$output" =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "object.collect reads and waits for properties" {
    run govc object.collect -s vm/demo guest.hostName
    [ "$output" = demo ]
    run timeout 30 "$GOVC" object.collect -s vm/demo runtime.powerState
    [ "$output" = poweredOn ]
    run timeout 30 "$GOVC" object.collect -s vm/demo -guest.guestOperationsReady true
    [ "$status" -eq 0 ]
}

@test "guest.run gives output, error output and the exit code" {
    run govc guest.run uname -s
    [ "$status" -eq 0 ]
    [ "$output" = Linux ]
    run govc guest.run /bin/sh -c "'echo to-stderr >&2; exit 7'"
    [ "$status" -eq 7 ]
    [[ "$output" == *to-stderr* ]]
    run bash -c "echo from-stdin | $GOVC guest.run -d - cat"
    [ "$output" = from-stdin ]
}

@test "guest.start, guest.ps and guest.kill handle a long program" {
    pid=$(govc guest.start /bin/sleep 1000)
    [[ "$pid" =~ ^[0-9]+$ ]]
    run govc guest.ps -p "$pid"
    [ "$status" -eq 0 ]
    [[ "$output" == *sleep* ]]
    govc guest.kill -p "$pid"
    run timeout 30 "$GOVC" guest.ps -p "$pid" -X -json
    [ "$status" -eq 0 ]
    [ "$(jq -r '.processInfo[0].exitCode' <<<"$output")" -ne 0 ]
    [ "$(jq -r '.processInfo[0].endTime' <<<"$output")" != null ]
}

@test "directories and temporary files are made, listed and removed" {
    govc guest.mkdir -p /tmp/e2e/a/b
    run govc guest.mkdir /tmp/e2e/a
    [ "$status" -ne 0 ]
    f=$(govc guest.mktemp -p /tmp/e2e -t pre -s .suf)
    [[ "$f" == /tmp/e2e/pre*.suf ]]
    run govc guest.ls /tmp/e2e
    [[ "$output" == *"$(basename "$f")"* ]]
    govc guest.rm "$f"
    run govc guest.rm "$f"
    [ "$status" -ne 0 ]
    govc guest.rmdir -r /tmp/e2e
    run govc guest.ls /tmp/e2e
    [ "$status" -ne 0 ]
}

@test "files go up and come down whole" {
    head -c 5000000 /dev/urandom >"$BATS_TEST_TMPDIR/up"
    govc guest.upload "$BATS_TEST_TMPDIR/up" /root/up
    run govc guest.upload "$BATS_TEST_TMPDIR/up" /root/up
    [ "$status" -ne 0 ]
    govc guest.upload -f "$BATS_TEST_TMPDIR/up" /root/up
    govc guest.download /root/up "$BATS_TEST_TMPDIR/down"
    cmp "$BATS_TEST_TMPDIR/up" "$BATS_TEST_TMPDIR/down"
    : >"$BATS_TEST_TMPDIR/empty"
    govc guest.upload "$BATS_TEST_TMPDIR/empty" /root/empty
    govc guest.download /root/empty "$BATS_TEST_TMPDIR/empty2"
    [ ! -s "$BATS_TEST_TMPDIR/empty2" ]
    run govc guest.download /root/missing -
    [ "$status" -ne 0 ]
}

@test "a wrong guest password is refused" {
    run env GOVC_GUEST_LOGIN=root:wrong "$GOVC" guest.ls /
    [ "$status" -ne 0 ]
    [[ "$output" == *"Failed to authenticate"* || "$output" == *InvalidGuestLogin* ]]
}

@test "a wrong host password is refused" {
    run env GOVC_PASSWORD=wrong "$GOVC" ls
    [ "$status" -ne 0 ]
    [[ "$output" == *"incorrect user name or password"* ]]
}

@test "vm.change -e sets extra configuration and the guest reads guestinfo" {
    govc vm.change -vm demo -e guestinfo.colour=blue -e my.key=7
    run govc vm.info -e demo
    [[ "$output" == *"my.key"*"7"* ]]
    run govc guest.run vmtoolsd --cmd '"info-get guestinfo.colour"'
    [ "$output" = blue ]
    govc guest.run vmtoolsd --cmd '"info-set guestinfo.answer 42"'
    run govc vm.info -e demo
    [[ "$output" == *"guestinfo.answer"*"42"* ]]
}

@test "a VM is created, started, used, stopped and destroyed" {
    govc vm.create -m 256 -c 1 -on=false made
    run govc ls vm
    [[ "$output" == *"/ha-datacenter/vm/made"* ]]
    govc vm.power -on made
    timeout 30 "$GOVC" object.collect -s vm/made -guest.toolsRunningStatus guestToolsRunning
    govc vm.power -off made
    govc vm.destroy made
    run govc ls vm
    [[ "$output" != *made* ]]
}

@test "guest-aware power: reboot, shutdown, power on" {
    govc guest.run /bin/sh -c "'echo gone >/run/until-reboot'"
    govc guest.run /bin/sh -c "'echo kept >/root/kept'"
    # The wait begins before the reboot, so that it cannot miss the change.
    timeout 60 "$GOVC" object.collect -s vm/demo -guest.guestOperationsReady false 3>&- >/dev/null &
    waiter=$!
    govc vm.power -r demo
    wait $waiter
    timeout 60 "$GOVC" object.collect -s vm/demo -guest.guestOperationsReady true
    run govc guest.run cat /root/kept
    [ "$output" = kept ]
    run govc guest.ls /run/until-reboot
    [ "$status" -ne 0 ]
    govc vm.power -s demo
    timeout 60 "$GOVC" object.collect -s vm/demo -runtime.powerState poweredOff
    run govc guest.ls /
    [ "$status" -ne 0 ]
    govc vm.power -on demo
    timeout 60 "$GOVC" object.collect -s vm/demo -guest.guestOperationsReady true
    run govc guest.run cat /root/kept
    [ "$output" = kept ]
}

@test "every guest command of govc" {
    govc guest.getenv HOME | grep -qx HOME=/root
    govc guest.df | grep -q '^/ '
    dir=$(govc guest.mktemp -d -p /root -t dir-)
    file=$(govc guest.mktemp -p "$dir" -s .txt)
    [[ "$dir" == /root/dir-* && "$file" == "$dir"/*.txt ]]
    govc guest.chmod 0640 "$file"
    govc guest.chown 65534:65534 "$file"
    govc guest.touch -d "Sat Feb  3 04:05:06 UTC 2001" "$file"
    [ "$(govc guest.run stat -c %a:%u:%g:%Y "$file")" = 640:65534:65534:981173106 ]
    govc guest.mv "$file" "$dir/name with spaces, 'quotes' and ümläute"
    run govc guest.ls -s "$dir"
    [[ "$output" == *"name with spaces, 'quotes' and ümläute"* ]]
    govc guest.mkdir -p "$dir/a/b"
    govc guest.mv "$dir/a" "$dir/c"
    run govc guest.rmdir "$dir"
    [ "$status" -ne 0 ]
    [[ "$output" == *"$dir"* ]]
    # Bytes that are not UTF-8 are shown in their place, and the folder still goes with them.
    govc guest.run /bin/sh -c "'touch \"$dir/\$(printf \"bad-\\377-name\")\"; mkfifo $dir/pipe; ln -s /nowhere $dir/link'"
    run govc guest.ls "$dir"
    [[ "$output" == *"bad-?-name"* && "$output" == *"link -> /nowhere"* && "$output" == *pipe* ]]
    run govc guest.download "$dir/pipe" -
    [ "$status" -ne 0 ]
    govc guest.rm "$dir/link"
    govc guest.rmdir -r "$dir"
    run govc guest.ls "$dir"
    [ "$status" -ne 0 ]
    pid=$(govc guest.start /bin/sleep 100)
    govc guest.ps -p "$pid" | grep -q sleep
    govc guest.kill -p "$pid"
    [ "$(govc guest.ps -p "$pid" -X -json | jq -r '.processInfo[0].exitCode')" = 143 ]
}
