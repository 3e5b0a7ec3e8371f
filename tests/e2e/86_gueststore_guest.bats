#!/usr/bin/env bats
# GuestStore as a guest sees it: from a sandbox VM, which has no network device that leads anywhere,
# content of the host's repository, with the command line tools, with a client written from the
# protocol, and from guests that do not keep to it.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
    host_up
    export REPOSITORY=$HOST_DIR/repository
    mkdir "$REPOSITORY"
    chmod 755 "$REPOSITORY"
    printf 'hello, guest\n' >"$REPOSITORY/hello.txt"
    : >"$REPOSITORY/empty"
    mkdir "$REPOSITORY/folder"
    printf '{"name": "folder"}\n' >"$REPOSITORY/folder/metadata.json"
    head -c 20000000 /dev/urandom >"$REPOSITORY/big"
    vm_new demo
    printf 'alice-pw' >"$HOST_DIR/alice"
    inguest vm create two --guest-user root --guest-password-file "$HOST_DIR/guest-password" \
        --guest-user alice --guest-password-file "$HOST_DIR/alice"
    inguest vm start two
    inguest gueststore repository set "file://$REPOSITORY"
    if [ -x "$GOVC" ]; then sandbox_file demo gueststore_guest.py; fi # else each test says so
}

teardown_file() {
    host_down
}

setup() {
    need govc test -x "$GOVC"
    export GOVC_VM=demo GOVC_GUEST_LOGIN=root:guest-pw
    HELPER=/root/gueststore_guest.py
    GET="vmware-toolbox-cmd gueststore getcontent"
    # A sanitizer's dlopen stands between the tool and its library, whose place it then does not know.
    LIBRARY=""
    [ -z "${INGUEST_SANITIZED:-}" ] || LIBRARY="export LD_LIBRARY_PATH=/run/inguest/bin; "
    wait_for_access
}

# sandbox_file VM FILE: a file of this folder into the VM's /root.
sandbox_file() {
    GOVC_GUEST_LOGIN=root:guest-pw govc guest.upload -vm "$1" -f "$BATS_TEST_DIRNAME/$2" "/root/$2"
}

# in_guest 'SHELL COMMAND': exit code and output are the command's.
in_guest() {
    govc guest.run /bin/sh -c "'$LIBRARY$1'"
}

wait_for_access() {
    wait_until in_guest "test -S /run/vmware/guestStorePipe"
}

@test "content comes without a network" {
    # The only interface beside lo leads nowhere.
    run ! in_guest "timeout 2 python3 -c \"import socket; socket.create_connection((\\\"192.0.2.1\\\", 80), 1)\""
    run in_guest "$GET /hello.txt /root/hello && cat /root/hello"
    [ "$status" -eq 0 ]
    [[ "$output" == *"Content size in bytes: 13"* ]]
    [[ "$output" == *"Progress: 100% [====================>]"* ]]
    [[ "$output" == *"'getcontent' succeeded."* ]]
    [[ "$output" == *"hello, guest"* ]]
    in_guest "$GET /big /root/big"
    [ "$(in_guest "sha256sum </root/big")" = "$(sha256sum <"$REPOSITORY/big")" ]
    in_guest "$GET /empty /root/empty && test -f /root/empty && test ! -s /root/empty"
    in_guest "$GET /folder/ /root/metadata && grep -q folder /root/metadata"
    # Nothing but errors is said with -q.
    run in_guest "vmware-toolbox-cmd -q gueststore getcontent /hello.txt /root/hello"
    [ -z "$output" ]
}

@test "any user of the guest may ask, unless tools.conf says adminOnly or disabled" {
    sandbox_file two gueststore_guest.py
    export GOVC_VM=two
    wait_for_access
    GOVC_GUEST_LOGIN=alice:alice-pw in_guest "$GET /hello.txt /tmp/hello"
    in_guest "mkdir -p /etc/vmware-tools; printf \"[guestStore]\\nadminOnly = true\\n\" >/etc/vmware-tools/tools.conf"
    wait_until in_guest "test \$(stat -c %a /run/vmware/guestStorePipe) = 755"
    run env GOVC_GUEST_LOGIN=alice:alice-pw "$GOVC" guest.run /bin/sh -c "'$LIBRARY$GET /hello.txt /tmp/hello'"
    [ "$status" -eq 10 ]
    [[ "$output" == *"Connect permission denied"* ]]
    in_guest "$GET /hello.txt /root/hello"
    in_guest "printf \"[guestStore]\\ndisabled = true\\n\" >/etc/vmware-tools/tools.conf"
    wait_until in_guest "test ! -e /run/vmware/guestStorePipe"
    run in_guest "$GET /hello.txt /root/hello2"
    [ "$status" -eq 8 ]
    in_guest "rm /etc/vmware-tools/tools.conf"
    wait_for_access
    in_guest "$GET /hello.txt /root/hello"
}

@test "exit codes and what is left" {
    run in_guest "$GET /nowhere /root/none"
    [ "$status" -eq 16 ]
    [[ "$output" == *"'getcontent' failed, GuestStore client library error: Content not found."* ]]
    in_guest "test ! -e /root/none; echo kept >/root/kept"
    inguest gueststore rules demo deny '/secret/.*'
    run in_guest "$GET /secret/x /root/kept"
    [ "$status" -eq 15 ]
    [ "$(in_guest "cat /root/kept")" = kept ]
    inguest gueststore rules demo clear
    run in_guest "$GET /../etc/passwd /root/none"
    [ "$status" -eq 15 ]
    run in_guest "$GET hello.txt /root/none"
    [ "$status" -eq 4 ]
    run in_guest "$GET /hello.txt /nowhere/none"
    [ "$status" -eq 6 ]
    run in_guest "$GET /hello.txt"
    [ "$status" -eq 64 ]
    [[ "$output" == *"help gueststore"* ]]
    run in_guest "vmware-toolbox-cmd gueststore"
    [ "$status" -eq 64 ]
    run in_guest "$GET \"\\\"/hello.txt\\\"\" /root/hello"
    [ "$status" -eq 0 ]
    # A full disk: nothing stays.
    in_guest "mkdir -p /run/small && mount -t tmpfs -o size=1m none /run/small" || skip "no tmpfs in the guest"
    run in_guest "$GET /big /run/small/big"
    [ "$status" -eq 7 ]
    in_guest "test ! -e /run/small/big"
}

@test "a checksum is checked before the file appears" {
    sum=$(sha256sum <"$REPOSITORY/big" | cut -d" " -f1)
    in_guest "toolbox gueststore get --sha256 $sum /big /root/checked"
    [ "$(in_guest "sha256sum </root/checked")" = "$sum  -" ]
    run in_guest "echo old >/root/other; toolbox gueststore get --sha256 ${sum//[0-8]/9} /big /root/other"
    [ "$status" -eq 19 ]
    [ "$(in_guest "cat /root/other")" = old ]
    in_guest "ls /root | grep -c other. | grep -qx 0"
    run in_guest "toolbox gueststore get --sha256 abc /big /root/x"
    [ "$status" -eq 64 ]
}

@test "Ctrl-C leaves nothing behind, and the next request works" {
    run in_guest "python3 $HELPER interrupt /big /root/cut"
    [ "$status" -eq 0 ]
    in_guest "test ! -e /root/cut"
    in_guest "$GET /hello.txt /root/hello"
}

@test "a client made from the protocol is served, and the library by an agent made from it" {
    in_guest "python3 $HELPER client /hello.txt"
    in_guest "python3 $HELPER agent"
}

@test "the client library of open-vm-tools is served, and serves our command" {
    theirs=$(find /usr/lib -path "*open-vm-tools*" -prune -o -name libguestStoreClient.so.0 -print | head -n1)
    [ -n "$theirs" ] || skip "open-vm-tools is not installed"
    in_guest "python3 $HELPER library $theirs /hello.txt /nowhere"
    in_guest "LD_LIBRARY_PATH=${theirs%/*} $GET /big /root/big2"
    [ "$(in_guest "sha256sum </root/big2")" = "$(sha256sum <"$REPOSITORY/big")" ]
}

@test "requests have a size and a time" {
    in_guest "python3 $HELPER requests"
}

@test "a guest that lies in data maps hurts itself only" {
    in_guest "python3 $HELPER lies"
    in_guest "$GET /hello.txt /root/hello"
    GOVC_VM=two in_guest "$GET /hello.txt /root/hello"
}

@test "access goes with the repository and comes back with it" {
    inguest gueststore repository clear
    wait_until in_guest "test ! -e /run/vmware/guestStorePipe"
    run in_guest "vmtoolsd --cmd guestStore.accessEnabled"
    [ "$output" = false ]
    inguest gueststore repository set "file://$REPOSITORY"
    wait_for_access
    [ "$(in_guest "vmtoolsd --cmd guestStore.accessEnabled")" = true ]
    in_guest "$GET /hello.txt /root/hello"
}

@test "the agent starts again, and so does the host's side" {
    in_guest "pkill -KILL -x toolboxd" || true
    wait_for_access
    in_guest "$GET /hello.txt /root/hello"
    kill -KILL $(pids_of inguest-gstored)
    in_guest "$GET /big /root/big"
}

@test "global configuration comes from the repository, and the guest's own wins" {
    mkdir -p "$REPOSITORY/vmware/configurations/vmtools/linux"
    conf=$REPOSITORY/vmware/configurations/vmtools/linux/tools.conf
    printf '[guestinfo]\npoll-interval = 60\n[guestStore]\nmaxConnections = 3\n' >"$conf"
    [ "$(in_guest "vmware-toolbox-cmd globalconf status")" = "The status of globalconf module is 'Disabled'" ]
    run in_guest "vmware-toolbox-cmd globalconf refresh"
    [ "$status" -eq 70 ]
    run in_guest "mkdir -p /etc/vmware-tools; printf \"# mine\\n[guestinfo]\\npoll-interval = 40\\n\" >/etc/vmware-tools/tools.conf; vmware-toolbox-cmd globalconf enable"
    [ "$status" -eq 0 ]
    [ "$output" = "enable: Updating the Configuration." ]
    [ "$(in_guest "vmware-toolbox-cmd globalconf status")" = "The status of globalconf module is 'Enabled'" ]
    in_guest "grep -q mine /etc/vmware-tools/tools.conf"
    # The agent fetches it by itself.
    wait_until in_guest "grep -q maxConnections /etc/vmware-tools/tools-global.conf"
    in_guest "python3 $HELPER connections 3"
    printf '[guestStore]\nmaxConnections = 4\n' >"$conf"
    run in_guest "vmware-toolbox-cmd globalconf refresh"
    [ "$output" = "'refresh' succeeded." ]
    in_guest "python3 $HELPER connections 4"
    # One that is none changes nothing; one that is gone takes the copy along.
    printf 'this is no configuration\n' >"$conf"
    run in_guest "vmware-toolbox-cmd globalconf refresh"
    [ "$status" -eq 70 ]
    in_guest "grep -q maxConnections /etc/vmware-tools/tools-global.conf"
    rm "$conf"
    run in_guest "vmware-toolbox-cmd globalconf refresh"
    [ "$status" -eq 70 ]
    in_guest "test ! -e /etc/vmware-tools/tools-global.conf; ls /etc/vmware-tools/temp* 2>/dev/null && exit 1; true"
    in_guest "python3 $HELPER connections 8"
    run in_guest "vmware-toolbox-cmd globalconf disable && cat /etc/vmware-tools/tools.conf"
    [[ "$output" == *"enabled = false"* ]]
    run in_guest "vmware-toolbox-cmd globalconf nonsense"
    [ "$status" -eq 64 ]
}
