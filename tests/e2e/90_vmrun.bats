#!/usr/bin/env bats
# vmrun: output and exit status of its commands, as scripts that parse them expect, and what it says
# when the host or the VM is not as it should be.
load lib

VM='[datastore1] demo/demo.vmx'

setup_file() {
    host_up
    vm_new demo
    export HOME=$HOST_DIR/home
    mkdir "$HOME"
    export INGUEST_STATE=$HOST_DIR/state INGUEST_RUN=$HOST_DIR/run
    LOCAL=$HOST_DIR/state/vms/demo/demo.vmx
    export LOCAL
}

teardown_file() {
    host_down
}

setup() {
    VMRUN=$BUILD/src/client/vmrun
    HOST=(-h "$HOST_ADDRESS" -u tester -p "$HOST_PASSWORD_DEFAULT" --accept-new)
    GUEST=(-gu root -gp guest-pw)
}

# vm COMMAND...: on this machine's host.
vm() {
    timeout 60 "$VMRUN" -T ws "$@" </dev/null
}

# expect STATUS TEXT FLAGS-AND-COMMAND...: exactly this status and output of vmrun.
expect() {
    local want=$1 text=$2
    shift 2
    run timeout 60 "$VMRUN" "$@" </dev/null
    if [ "$status" -ne "$want" ] || [ "$output" != "$text" ]; then
        printf 'vmrun %s\nexpected %s: %s\nbut      %s: %s\n' "$*" "$want" "$text" "$status" "$output" >&2
        return 1
    fi
}

@test "usage, version, unknown flags and commands" {
    run "$VMRUN"
    [ "$status" -eq 255 ]
    [[ "${lines[0]}" =~ ^vmrun\ version\ [0-9]+\.[0-9]+\.[0-9]+\ build-[0-9]+$ ]]
    [[ "$output" == *"POWER COMMANDS"*"SNAPSHOT COMMANDS"*"GUEST OS COMMANDS"*"GENERAL COMMANDS"* ]]
    run "$VMRUN" --help
    [ "$status" -eq 0 ]
    run "$VMRUN" -x list
    [ "$status" -eq 255 ]
    [ "${lines[0]}" = "Invalid argument: -x" ]
    run "$VMRUN" frobnicate
    [ "$status" -eq 255 ]
    [ "${lines[0]}" = "Error: Unrecognized command: frobnicate" ]
    run "$VMRUN" snapshot only-a-vm
    [ "$status" -eq 255 ]
    [[ "$output" == "Usage: vmrun "*"snapshot VM NAME" ]]
    # Every command that the usage names has a row in the manual.
    local manual=$BATS_TEST_DIRNAME/../../docs/vmrun.1
    for command in $("$VMRUN" --help | awk '/^[a-zA-Z]+( |$)/ && !/COMMANDS|Usage|These|Exit|program/ { print $1 }' | grep -v '^A$\|^AUTH'); do
        grep -q "$command" "$manual" || { echo "$command is not in the manual"; return 1; }
    done
}

@test "lists, on a remote and on this machine's host" {
    expect 0 "Total running VMs: 1
$VM" "${HOST[@]}" list
    expect 0 "Total running VMs: 1
$LOCAL" -T ws list
    expect 0 "Total registered VMs: 1
$VM" "${HOST[@]}" listRegisteredVM
    # Case does not matter, a URL does, other types of remote hosts too.
    expect 0 "Total running VMs: 1
$VM" -T esx -h "https://$HOST_ADDRESS/sdk" "${HOST[@]:2}" LIST
    expect 0 "Total running VMs: 1
$VM" -T server -h "${HOST_ADDRESS%:*}" -P "${HOST_ADDRESS#*:}" "${HOST[@]:2}" list
}

@test "state of the tools, address, variables" {
    expect 0 running "${HOST[@]}" checkToolsState "$VM"
    run vm getGuestIPAddress "$LOCAL" -wait
    [ "$status" -eq 0 ]
    [[ "$output" =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ ]]
    expect 0 "" -T ws writeVariable "$LOCAL" guestVar color blue
    expect 0 blue -T ws readVariable "$LOCAL" guestVar color
    expect 0 blue -T ws readVariable "$LOCAL" runtimeConfig guestinfo.color
    expect 0 demo -T ws readVariable "$LOCAL" runtimeConfig displayName
    expect 0 "" -T ws readVariable "$LOCAL" guestVar nothing
    expect 0 /root -T ws "${GUEST[@]}" readVariable "$LOCAL" guestEnv HOME
    expect 255 "Error: One of the parameters was invalid" -T ws writeVariable "$LOCAL" guestVar a/b c
    expect 255 "Error: The operation is not supported" -T ws "${GUEST[@]}" writeVariable "$LOCAL" guestEnv A b
}

@test "programs and scripts, their exit codes" {
    expect 0 "" -T ws "${GUEST[@]}" runProgramInGuest "$LOCAL" /bin/true
    expect 1 "Guest program exited with non-zero exit code: 1" \
        -T ws "${GUEST[@]}" runProgramInGuest "$LOCAL" /usr/bin/test -e /no/such
    expect 3 "Guest program exited with non-zero exit code: 3" \
        -T ws "${GUEST[@]}" runProgramInGuest "$LOCAL" -activeWindow /bin/sh "-c 'exit 3'"
    expect 5 "Guest program exited with non-zero exit code: 5" \
        -T ws "${GUEST[@]}" runScriptInGuest "$LOCAL" /bin/bash 'echo "it'"'"'s $((40 + 2))" >/root/s; exit 5'
    expect 0 "" -T ws "${GUEST[@]}" copyFileFromGuestToHost "$LOCAL" /root/s "$BATS_TEST_TMPDIR/s"
    [ "$(cat "$BATS_TEST_TMPDIR/s")" = "it's 42" ]
    expect 0 "" -T ws "${GUEST[@]}" runScriptInGuest "$LOCAL" "" 'id -un >/root/s'
    expect 255 "Error: A file was not found" -T ws "${GUEST[@]}" runProgramInGuest "$LOCAL" /no/such
    # Not waited for, it lives on; it is listed and killed.
    expect 0 "" -T ws "${GUEST[@]}" runProgramInGuest "$LOCAL" -noWait /bin/sleep 4712
    run vm "${GUEST[@]}" listProcessesInGuest "$LOCAL"
    [[ "${lines[0]}" =~ ^Process\ list:\ [0-9]+$ ]]
    [ "$(printf '%s\n' "${lines[@]:1}" | grep -cvE '^pid=[0-9]+, owner=[^,]+, cmd=')" -eq 0 ]
    [ "${lines[0]#Process list: }" -eq $((${#lines[@]} - 1)) ]
    pid=$(printf '%s\n' "${lines[@]}" | sed -n 's/^pid=\([0-9]*\),.*sleep. 4712$/\1/p')
    expect 0 "" -T ws "${GUEST[@]}" killProcessInGuest "$LOCAL" "$pid"
    expect 255 "Error: No such process" -T ws "${GUEST[@]}" killProcessInGuest "$LOCAL" 999999
    # The script's file is gone from the guest, also when nobody waited for it.
    expect 0 "" -T ws "${GUEST[@]}" runScriptInGuest "$LOCAL" -noWait /bin/sh 'echo "$0" >/root/name'
    wait_until vm "${GUEST[@]}" fileExistsInGuest "$LOCAL" /root/name
    vm "${GUEST[@]}" copyFileFromGuestToHost "$LOCAL" /root/name "$BATS_TEST_TMPDIR/name"
    gone() { [ "$(vm "${GUEST[@]}" fileExistsInGuest "$LOCAL" "$(cat "$BATS_TEST_TMPDIR/name")")" = "The file does not exist." ]; }
    wait_until gone
}

@test "files and directories" {
    expect 0 "The file exists." -T ws "${GUEST[@]}" fileExistsInGuest "$LOCAL" /etc/hosts
    expect 255 "The file does not exist." -T ws "${GUEST[@]}" fileExistsInGuest "$LOCAL" /etc
    expect 0 "The directory exists." -T ws "${GUEST[@]}" directoryExistsInGuest "$LOCAL" /etc
    expect 255 "The directory does not exist." -T ws "${GUEST[@]}" directoryExistsInGuest "$LOCAL" /nothing
    mkdir -p "$BATS_TEST_TMPDIR/tree/sub/empty"
    head -c 3000001 /dev/urandom >"$BATS_TEST_TMPDIR/tree/big"
    printf 'run me' >"$BATS_TEST_TMPDIR/tree/sub/tool"
    chmod 750 "$BATS_TEST_TMPDIR/tree/sub/tool"
    expect 0 "" -T ws "${GUEST[@]}" copyFileFromHostToGuest "$LOCAL" "$BATS_TEST_TMPDIR/tree" /root/tree
    run vm "${GUEST[@]}" listDirectoryInGuest "$LOCAL" /root/tree
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "Directory list: 2" ]
    [ "$(printf '%s\n' "${lines[@]:1}" | sort | xargs)" = "big sub" ]
    expect 0 "" -T ws "${GUEST[@]}" renameFileInGuest "$LOCAL" /root/tree /root/moved
    expect 0 "" -T ws "${GUEST[@]}" copyFileFromGuestToHost "$LOCAL" /root/moved "$BATS_TEST_TMPDIR/back"
    diff -r "$BATS_TEST_TMPDIR/tree" "$BATS_TEST_TMPDIR/back"
    [ "$(stat -c %a "$BATS_TEST_TMPDIR/back/sub/tool")" = 750 ]
    expect 0 "" -T ws "${GUEST[@]}" deleteDirectoryInGuest "$LOCAL" /root/moved
    expect 0 "" -T ws "${GUEST[@]}" createDirectoryInGuest "$LOCAL" /root/a/b
    expect 255 "Error: The file already exists" -T ws "${GUEST[@]}" createDirectoryInGuest "$LOCAL" /root/a/b
    run vm "${GUEST[@]}" createTempfileInGuest "$LOCAL"
    [ "$status" -eq 0 ]
    expect 0 "" -T ws "${GUEST[@]}" deleteFileInGuest "$LOCAL" "$output"
    expect 255 "Error: A file was not found" -T ws "${GUEST[@]}" deleteFileInGuest "$LOCAL" /no/such
    expect 255 "Error: The object is not a file" -T ws "${GUEST[@]}" deleteFileInGuest "$LOCAL" /root/a
    expect 255 "Error: A file was not found" -T ws "${GUEST[@]}" copyFileFromHostToGuest "$LOCAL" /no/such /root/x
}

@test "a symbolic link that a guest leaves is never followed on this side" {
    expect 0 "" -T ws "${GUEST[@]}" runScriptInGuest "$LOCAL" /bin/sh \
        'rm -rf /root/l; mkdir -p /root/l/d; echo evil >/root/l/d/passwd'
    mkdir -p "$BATS_TEST_TMPDIR/into" "$BATS_TEST_TMPDIR/elsewhere"
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$BATS_TEST_TMPDIR/into/d"
    run vm "${GUEST[@]}" copyFileFromGuestToHost "$LOCAL" /root/l "$BATS_TEST_TMPDIR/into"
    [ "$status" -eq 255 ]
    [ -z "$(ls "$BATS_TEST_TMPDIR/elsewhere")" ]
}

@test "what vSphere has no equivalent for" {
    for words in "pause VM" "unpause VM" "addSharedFolder VM n /tmp" "removeSharedFolder VM n" \
        "setSharedFolderState VM n /tmp readonly" "enableSharedFolders VM" "disableSharedFolders VM runtime" \
        "listNetworkAdapters VM" "listHostNetworks" "listPortForwardings vmnet8" "typeKeystrokesInGuest VM x" \
        "downloadPhotonVM /tmp"; do
        read -r -a args <<<"${words/ VM/ $LOCAL}"
        expect 255 "Error: The operation is not supported" -T ws "${args[@]}"
    done
}

@test "power, snapshots, clone, register and delete" {
    expect 0 "" -T ws start "$LOCAL" nogui
    expect 0 "" -T ws snapshot "$LOCAL" base
    expect 0 "" -T ws snapshot "$LOCAL" patched
    expect 0 "Total snapshots: 2
base
patched" -T ws listSnapshots "$LOCAL"
    expect 0 "Total snapshots: 2
base
	patched" -T ws listSnapshots "$LOCAL" showTree
    expect 255 "Error: One of the parameters was invalid" -T ws snapshot "$LOCAL" a/b
    expect 255 "Error: The snapshot does not exist" -T ws revertToSnapshot "$LOCAL" nobody
    expect 0 "" -T ws deleteSnapshot "$LOCAL" base/patched
    expect 0 "" -T ws revertToSnapshot "$LOCAL" base
    expect 0 "" -T ws deleteSnapshot "$LOCAL" base andDeleteChildren
    expect 0 "Total snapshots: 0" -T ws listSnapshots "$LOCAL"
    inguest vm start demo
    expect 255 "Error: The virtual machine should not be powered on. It is already running" -T ws deleteVM "$LOCAL"
    expect 0 "" -T ws suspend "$LOCAL" hard
    expect 255 "Error: The virtual machine is not powered on: $LOCAL" \
        -T ws "${GUEST[@]}" runProgramInGuest "$LOCAL" /bin/true
    expect 0 "" -T ws start "$LOCAL"
    inguest vm start demo # waits for the agent
    expect 0 "" -T ws reset "$LOCAL" hard
    inguest vm start demo
    expect 0 "" -T ws stop "$LOCAL" soft
    expect 255 "Error: The virtual machine is not powered on: $LOCAL" -T ws stop "$LOCAL"
    expect 255 "Error: The virtual machine is not powered on: $LOCAL" \
        -T ws "${GUEST[@]}" fileExistsInGuest "$LOCAL" /etc/hosts
    run vm checkToolsState "$LOCAL"
    [ "$status" -eq 0 ]
    [[ "$output" == installed || "$output" == unknown ]]
    expect 255 "Error: Unable to get the IP address" -T ws getGuestIPAddress "$LOCAL"
    expect 0 "" "${HOST[@]}" unregister "$VM"
    expect 255 "Error: Cannot open VM: $VM, The virtual machine cannot be found" "${HOST[@]}" start "$VM"
    expect 0 "" "${HOST[@]}" unregister "$VM"
    expect 0 "" "${HOST[@]}" register "$VM"
    expect 0 "" "${HOST[@]}" register "$VM"
    expect 255 "Error: Invalid file. A required section of the file is missing" \
        "${HOST[@]}" register "[datastore1] no/no.vmx"
    inguest vm start demo
}

@test "tools installer, virtual hardware, screen and devices" {
    local on="Error: The virtual machine should not be powered on. It is already running"
    local off="Error: The virtual machine needs to be powered on"
    expect 255 "Error: No VMware Tools image is available" -T ws installTools "$LOCAL"
    expect 255 "$on" -T ws upgradevm "$LOCAL"
    expect 255 "Error: The operation is not supported" -T ws "${GUEST[@]}" captureScreen "$LOCAL" "$BATS_TEST_TMPDIR/x.png"
    [ ! -e "$BATS_TEST_TMPDIR/x.png" ]
    expect 0 "" -T ws stop "$LOCAL" hard
    expect 255 "$off" -T ws installTools "$LOCAL"
    expect 255 "$off" -T ws connectNamedDevice "$LOCAL" ethernet0
    # Data sets need hardware version 20: an upgrade is more than a number.
    expect 0 "" -T ws writeVariable "$LOCAL" runtimeConfig virtualHW.version 19
    run inguest dataset create demo notes
    [ "$status" -ne 0 ]
    expect 0 "" -T ws upgradevm "$LOCAL"
    expect 0 "vmx-21" -T ws readVariable "$LOCAL" runtimeConfig virtualHW.version
    inguest dataset create demo notes
    inguest dataset delete demo notes
    expect 0 "" -T ws upgradevm "$LOCAL"
    # A network adapter: it is connected, and stays so.
    expect 0 "" -T ws writeVariable "$LOCAL" runtimeConfig ethernet0.present TRUE
    inguest vm start demo
    expect 0 "" -T ws connectNamedDevice "$LOCAL" Ethernet0
    expect 255 "Error: The operation is not supported" -T ws disconnectNamedDevice "$LOCAL" "Network adapter 1"
    expect 255 "Error: One of the parameters was invalid" -T ws disconnectNamedDevice "$LOCAL" sound
}

@test "clones: full and linked, of a snapshot, under a name of their own" {
    local vms=${LOCAL%/demo/demo.vmx} invalid="Error: One of the parameters was invalid"
    expect 0 "" -T ws "${GUEST[@]}" runScriptInGuest "$LOCAL" /bin/sh 'echo then >/root/when'
    expect 0 "" -T ws snapshot "$LOCAL" base
    expect 0 "" -T ws "${GUEST[@]}" runScriptInGuest "$LOCAL" /bin/sh 'echo now >/root/when'
    expect 255 "Error: The virtual machine should not be powered on. It is already running" \
        -T ws clone "$LOCAL" "$vms/full/full.vmx" full
    expect 0 "" -T ws clone "$LOCAL" "$vms/full/full.vmx" full -snapshot=base
    expect 0 "" "${HOST[@]}" clone "$VM" "[datastore1] linked/linked.vmx" linked -snapshot=base "-cloneName=The linked one"
    expect 0 "The linked one" -T ws readVariable "$vms/linked/linked.vmx" runtimeConfig displayName
    for name in full linked; do
        expect 0 "" -T ws start "$vms/$name/$name.vmx"
        inguest vm start "$([ "$name" = full ] && echo full || echo "The linked one")" # waits for the agent
        expect 0 "" -T ws "${GUEST[@]}" copyFileFromGuestToHost "$vms/$name/$name.vmx" /root/when "$BATS_TEST_TMPDIR/$name"
        [ "$(cat "$BATS_TEST_TMPDIR/$name")" = "then" ]
        expect 0 "" -T ws stop "$vms/$name/$name.vmx" hard
    done
    # Without a snapshot: of what is there now; a linked one makes a snapshot to stand on.
    expect 0 "" -T ws stop "$LOCAL" hard
    expect 0 "" -T ws clone "$LOCAL" "$vms/third/third.vmx" linked
    expect 0 "Total snapshots: 2
base
	Snapshot for a linked clone" -T ws listSnapshots "$LOCAL" showTree
    [ "$(cat "$vms/third/third.root/root/when")" = now ]
    expect 0 "Total snapshots: 0" -T ws listSnapshots "$vms/third/third.vmx"
    # What cannot be: the name of another, a place where the host would not put it, no such snapshot.
    expect 255 "Error: Another object is using this name" -T ws clone "$LOCAL" "$vms/full/full.vmx" full
    expect 255 "Error: Another object is using this name" -T ws clone "$LOCAL" "$vms/fourth/fourth.vmx" full -cloneName=full
    [ ! -e "$vms/fourth" ]
    for path in "$vms/a/b.vmx" "$vms/a/b/b.vmx" "/elsewhere/a/a.vmx" "$vms/a" "[datastore9] a/a.vmx"; do
        expect 255 "$invalid" -T ws clone "$LOCAL" "$path" full
    done
    expect 255 "$invalid" -T ws clone "$LOCAL" "$vms/a/a.vmx" half
    expect 255 "Error: The snapshot does not exist" -T ws clone "$LOCAL" "$vms/a/a.vmx" full -snapshot=nobody
    for name in full linked third; do
        expect 0 "" -T ws deleteVM "$vms/$name/$name.vmx"
        [ ! -e "$vms/$name" ]
    done
    expect 0 "" -T ws deleteSnapshot "$LOCAL" base andDeleteChildren
    expect 0 "Total snapshots: 0" -T ws listSnapshots "$LOCAL"
    inguest vm start demo
}

@test "a VM without tools, and one whose guest operations are switched off" {
    expect 0 "" -T ws stop "$LOCAL" hard
    expect 0 "" -T ws writeVariable "$LOCAL" runtimeConfig guest.commands.enabled FALSE
    expect 0 "" -T ws start "$LOCAL"
    tools_run() { [ "$(vm checkToolsState "$LOCAL")" = running ]; }
    wait_until tools_run
    expect 255 "Error: Guest operations are not allowed on this virtual machine" \
        -T ws "${GUEST[@]}" fileExistsInGuest "$LOCAL" /etc/hosts
    expect 0 "" -T ws writeVariable "$LOCAL" runtimeConfig guest.commands.enabled TRUE
    # A guest that has no room for the agent beside its init.
    expect 0 "" -T ws stop "$LOCAL" hard
    expect 0 "" -T ws writeVariable "$LOCAL" runtimeConfig inguest.sandbox.maxProcesses 1
    expect 0 "" -T ws start "$LOCAL"
    expect 255 "Error: The VMware Tools are not running in the virtual machine: $LOCAL" \
        -T ws "${GUEST[@]}" fileExistsInGuest "$LOCAL" /etc/hosts
    expect 255 "Error: Unable to get the IP address" -T ws getGuestIPAddress "$LOCAL"
    local begin=$SECONDS
    expect 255 "Error: Network operation timed out" -T ws --timeout 2 getGuestIPAddress "$LOCAL" -wait
    [ $((SECONDS - begin)) -le 10 ]
    expect 0 "" -T ws stop "$LOCAL" hard
    expect 0 "" -T ws writeVariable "$LOCAL" runtimeConfig inguest.sandbox.maxProcesses 0
    inguest vm start demo
}

# tools_are WORD: waits for it, a minute at most.
tools_are() {
    timeout 60 bash -c "until [ \"\$('$VMRUN' -T ws checkToolsState '$LOCAL')\" = '$1' ]; do sleep 0.1; done"
}

@test "guest operations switched off in the guest, and for the whole host" {
    local off="Error: Guest operations are not allowed on this virtual machine"
    local conf=${LOCAL%.vmx}.root/etc/vmware-tools
    expect 0 "" -T ws stop "$LOCAL" hard
    mkdir -p "$conf"
    printf '[guestoperations]\ndisabled=true\n' >"$conf/tools.conf"
    expect 0 "" -T ws start "$LOCAL"
    tools_are running
    for words in "runProgramInGuest $LOCAL /bin/true" "fileExistsInGuest $LOCAL /etc/hosts" "listProcessesInGuest $LOCAL"; do
        read -r -a args <<<"$words"
        expect 255 "Error: The operation has been disabled by the guest operating system" -T ws "${GUEST[@]}" "${args[@]}"
    done
    expect 0 "" -T ws stop "$LOCAL" hard
    rm -r "$conf"
    inguest vm start demo
    kill -TERM "$(host_pid)"
    timeout 20 tail --pid="$(host_pid)" -f /dev/null
    host_start --guest-operations off
    inguest vm start --no-wait demo
    tools_are running
    expect 255 "$off" -T ws "${GUEST[@]}" runProgramInGuest "$LOCAL" /bin/true
    expect 255 "$off" "${HOST[@]}" "${GUEST[@]}" fileExistsInGuest "$VM" /etc/hosts
    kill -TERM "$(host_pid)"
    timeout 20 tail --pid="$(host_pid)" -f /dev/null
    host_start
    inguest vm start demo
    expect 0 "" -T ws "${GUEST[@]}" runProgramInGuest "$LOCAL" /bin/true
}

@test "wrong logins, and rights that are missing" {
    expect 255 "Error: Invalid user name or password for the guest OS" \
        -T ws -gu root -gp wrong fileExistsInGuest "$LOCAL" /etc/hosts
    expect 255 "Error: Anonymous guest operations are not allowed on this virtual machine. You must call VixVM_LoginInGuest before performing guest operations" \
        -T ws fileExistsInGuest "$LOCAL" /etc/hosts
    expect 255 "Unable to connect to host.
Error: Insufficient permissions in the host operating system" "${HOST[@]}" -p wrong list
    printf 'Reader-pass1' >"$BATS_TEST_TMPDIR/pw"
    inguest user add reader --role ReadOnly --password-file "$BATS_TEST_TMPDIR/pw"
    expect 255 "Error: Insufficient permissions in the host operating system" \
        -h "$HOST_ADDRESS" -u reader --password-file "$BATS_TEST_TMPDIR/pw" checkToolsState "$VM"
    # From the environment and from a file.
    VMRUN_PASSWORD=Reader-pass1 expect 0 "Total running VMs: 1
$VM" -h "$HOST_ADDRESS" -u reader list
    VMRUN_GUEST_PASSWORD=guest-pw expect 0 "The file exists." -T ws -gu root fileExistsInGuest "$LOCAL" /etc/hosts
}

@test "a host that is down, slow, untrusted, or of another kind" {
    local down="Unable to connect to host.
Error: Cannot connect to the host" slow="Unable to connect to host.
Error: Network operation timed out" untrusted="Unable to connect to host.
Error: An SSL error occurred"
    expect 255 "$down" -h 127.0.0.1:1 -u a -p b list
    expect 255 "Unable to connect to host.
Error: Malformed hostname parameter. For the given service provider, the hostname must be a URL in the form https://<hostname>:<port>/sdk" \
        -h ftp://x -u a -p b list
    "$PYTHON" "$BATS_TEST_DIRNAME/vix/bad_hosts.py" "$BATS_TEST_TMPDIR" 3>&- &
    local server=$!
    timeout 20 bash -c "until [ -e '$BATS_TEST_TMPDIR/ports' ]; do :; done"
    read -r mute plain other <"$BATS_TEST_TMPDIR/ports"
    local begin=$SECONDS
    expect 255 "$slow" -h "127.0.0.1:$mute" -u a -p b --timeout 2 list
    [ $((SECONDS - begin)) -le 8 ]
    expect 255 "Unable to connect to host.
Error: A problem occurred during the SSL/TLS handshake" -h "127.0.0.1:$plain" -u a -p b list
    expect 255 "Unable to connect to host.
Error: Server returned HTTP error code >= 400" --cacert "$BATS_TEST_TMPDIR/cert.pem" -h "localhost:$other" -u a -p b list
    kill "$server"
    # Trust: unknown, wrong and right fingerprint, the certificate itself, a changed key.
    HOME=$BATS_TEST_TMPDIR/home
    mkdir -p "$HOME"
    local login=(-h "$HOST_ADDRESS" -u tester -p "$HOST_PASSWORD_DEFAULT") print
    run bash -c "'$VMRUN' ${login[*]} list 2>/dev/null </dev/null"
    [ "$output" = "$untrusted" ]
    print=$(openssl x509 -in "$HOST_DIR/state/hostd/cert.pem" -noout -fingerprint -sha256 | cut -d= -f2)
    expect 0 "Total running VMs: 1
$VM" "${login[@]}" --fingerprint "$print" list
    expect 255 "$untrusted" "${login[@]}" --fingerprint "00:${print#*:}" list
    [ ! -e "$HOME/.config/inguest/known_hosts" ]
    "$VMRUN" "${login[@]}" --accept-new list
    [ "$(stat -c %a "$HOME/.config/inguest/known_hosts")" = 600 ]
    "$VMRUN" "${login[@]}" list
    sed -i 's|sha256//....|sha256//AAAA|' "$HOME/.config/inguest/known_hosts"
    expect 255 "$untrusted" "${login[@]}" --accept-new list
}

# calls_of KIND METHOD: how often it was called through that host of other_host.py.
calls_of() {
    local count
    count=$(grep -cx "$2" "$BATS_TEST_TMPDIR/calls-$1" 2>/dev/null) || true
    echo "${count:-0}" # nothing has been called yet
}

# run_until KIND METHOD COUNT: a program that lives until METHOD has been called COUNT times through that host.
# The kind is also the variable that holds its port.
run_until() {
    local i
    vm "${GUEST[@]}" runScriptInGuest "$LOCAL" /bin/sh 'rm -f /root/go'
    "$VMRUN" -h "localhost:${!1}" --cacert "$BATS_TEST_TMPDIR/cert.pem" -u tester -p "$HOST_PASSWORD_DEFAULT" "${GUEST[@]}" \
        runProgramInGuest "$VM" /bin/sh "-c 'until [ -e /root/go ]; do sleep 0.1; done; exit 9'" \
        >"$BATS_TEST_TMPDIR/out" 3>&- &
    local pid=$!
    for ((i = 0; i < 600 && $(calls_of "$1" "$2") < $3; i++)); do
        sleep 0.1
    done
    vm "${GUEST[@]}" runScriptInGuest "$LOCAL" /bin/sh ': >/root/go'
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 9 ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "Guest program exited with non-zero exit code: 9" ]
}

@test "a program's end: told by hosts that can, asked for on others" {
    "$PYTHON" "$BATS_TEST_DIRNAME/vix/other_host.py" "$HOST_ADDRESS" "$BATS_TEST_TMPDIR" 3>&- &
    local server=$! plain vcenter esx hasty stalls breaks
    timeout 60 bash -c "until [ -e '$BATS_TEST_TMPDIR/ports' ]; do sleep 0.1; done"
    # shellcheck disable=SC2034 # run_until has the names
    read -r plain vcenter esx hasty stalls breaks <"$BATS_TEST_TMPDIR/ports"
    run_until plain WaitForProcessInGuest 1
    [ "$(calls_of plain WaitForProcessInGuest)" -eq 1 ]
    [ "$(calls_of plain ListProcessesInGuest)" -eq 0 ]
    for kind in vcenter esx; do
        run_until "$kind" ListProcessesInGuest 3
        [ "$(calls_of "$kind" WaitForProcessInGuest)" -eq 1 ]
        [ "$(calls_of "$kind" ListProcessesInGuest)" -ge 3 ]
    done
    # A host that answers too early is not asked as fast as it answers.
    run_until hasty WaitForProcessInGuest 3
    [ "$(calls_of hasty WaitForProcessInGuest)" -ge 3 ]
    [ "$(calls_of hasty ListProcessesInGuest)" -eq 0 ]
    # Hosts that fail in the middle.
    local begin=$SECONDS to=(--cacert "$BATS_TEST_TMPDIR/cert.pem" -u tester -p "$HOST_PASSWORD_DEFAULT")
    expect 255 "Error: Network operation timed out" -h "localhost:$stalls" "${to[@]}" --timeout 8 list
    [ $((SECONDS - begin)) -le 16 ]
    expect 255 "Error: The connection to the host was lost" -h "localhost:$breaks" "${to[@]}" list
    kill "$server"
}

@test "a login is shared through a file that only its owner reads" {
    HOME=$BATS_TEST_TMPDIR/home
    mkdir -p "$HOME"
    unset XDG_RUNTIME_DIR
    "$VMRUN" "${HOST[@]}" --keep-login 100 list
    local file
    file=$(echo "$HOME"/.cache/inguest/login-*)
    [ "$(stat -c %a "$file")" = 600 ]
    # A password is no longer needed, and sessions do not pile up.
    expect 0 "Total running VMs: 1
$VM" -h "$HOST_ADDRESS" -u tester -p whatever --keep-login 100 list
    # One that others could read is not used; one that is over neither.
    chmod 644 "$file"
    expect 255 "Unable to connect to host.
Error: Insufficient permissions in the host operating system" -h "$HOST_ADDRESS" -u tester -p whatever --keep-login 100 list
    chmod 600 "$file"
    sed -i 's/^[0-9]*/1000/' "$file"
    expect 255 "Unable to connect to host.
Error: Insufficient permissions in the host operating system" -h "$HOST_ADDRESS" -u tester -p whatever --keep-login 100 list
}

@test "Ctrl-C and the time that was given end a wait at once" {
    local begin=$SECONDS
    expect 255 "Error: Network operation timed out" -T ws --timeout 3 "${GUEST[@]}" runProgramInGuest "$LOCAL" /bin/sleep 600
    [ $((SECONDS - begin)) -le 10 ]
    "$VMRUN" -T ws "${GUEST[@]}" runProgramInGuest "$LOCAL" /bin/sleep 601 >"$BATS_TEST_TMPDIR/out" 3>&- &
    local pid=$!
    runs() { vm "${GUEST[@]}" listProcessesInGuest "$LOCAL" | grep -q 'sleep. 601'; }
    wait_until runs
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 255 ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "Error: The operation was canceled" ]
}

# complete WORD...: what bash offers for the last one.
complete_words() {
    bash -c "source '$BATS_TEST_DIRNAME/../../packaging/vmrun.bash' 2>/dev/null
        COMP_WORDS=(vmrun \"\$@\") COMP_CWORD=\$#; _vmrun; printf '%s\n' \"\${COMPREPLY[@]}\"" _ "$@"
}

@test "completion and the manual know every command, flag and word" {
    local package=$BATS_TEST_DIRNAME/../../packaging manual=$BATS_TEST_DIRNAME/../../docs/vmrun.1 help place words seen=0
    [ "$(complete_words -T ws runP)" = runProgramInGuest ]
    help=$("$VMRUN" --help)
    # In the usage a flag stands at the beginning of a line (-u USER -p PW: two), behind three blanks.
    for flag in $(grep -E '^   -' <<<"$help" | grep -oE '(^|[ ,])--?[a-zA-Z][a-z-]*' | tr -d ' ,'); do
        [ "$(complete_words "$flag" | grep -cxe "$flag")" -eq 1 ] || { echo "bash: $flag"; return 1; }
        grep -q -- "[')]$flag\[" "$package/_vmrun" || { echo "zsh: $flag"; return 1; }
        grep -q -- "Fl ${flag#-}" "$manual" || { echo "manual: $flag"; return 1; }
    done
    while read -r command parameters; do
        [ "$(complete_words "$command" | grep -cxe "$command")" -eq 1 ] || { echo "bash: $command"; return 1; }
        grep -qw "$command" "$package/_vmrun" || { echo "zsh: $command"; return 1; }
        grep -qE "^\.It Cm $command( Ar|$)" "$manual" || { echo "manual: $command"; return 1; }
        # Words that are to be typed as they stand: alternatives, options, in small letters.
        local before=("$command")
        for place in $parameters; do
            words=${place#[}
            words=${words%]}
            if [[ $words =~ ^[a-z-] ]]; then
                for word in ${words//|/ }; do
                    word=${word%NAME}
                    seen=$((seen + 1))
                    [ "$(complete_words "${before[@]}" "$word" | grep -cxe "$word")" -eq 1 ] ||
                        { echo "bash: $command: $word"; return 1; }
                    grep -qE -e "[ (]${word}([ );]|$)" "$package/_vmrun" || { echo "zsh: $command: $word"; return 1; }
                done
            fi
            before+=(x)
        done
    done < <(awk '/^[a-z][a-zA-Z]+( |$)/ && !/program/ {
        name = $1; rest = substr($0, 26) # columns of the usage
        if (rest ~ /^ /) rest = ""
        sub(/  +.*/, "", rest); print name, rest }' <<<"$help")
    [ "$seen" -ge 20 ]
}
