#!/usr/bin/env bats
# The faults of guest operations, by table (faults.py): type, fields, and in words which hop and why.
bats_require_minimum_version 1.5.0
load lib

TIMEOUT=4

setup_file() {
    printf 'alice-pw' >"$BATS_FILE_TMPDIR/alice"
    host_up --guest-timeout $TIMEOUT
    for name in demo scripted; do
        printf 'guest-pw' >"$HOST_DIR/guest-password"
        inguest vm create $name --guest-user root --guest-password-file "$HOST_DIR/guest-password" \
            --guest-user alice --guest-password-file "$BATS_FILE_TMPDIR/alice"
        inguest vm start $name
    done
    inguest user add reader --role ReadOnly --password-file "$HOST_DIR/password"
}

teardown_file() {
    host_down
}

setup() {
    need pyVmomi "$PYTHON" -c 'import pyVmomi'
    need govc test -x "$GOVC"
    export PYTHONPATH=$BATS_TEST_DIRNAME GOVC_VM=demo GOVC_GUEST_LOGIN=root:guest-pw
}

# faults PHASE VM [argument]
faults() {
    run timeout 120 "$PYTHON" "$BATS_TEST_DIRNAME/faults.py" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" "$@"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok ' <<<"$output")" -ge "${ROWS:-17}" ]
}

# The pids of VM's processes with a name.
pids_in() {
    local pid
    for pid in $(host_processes); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] || continue
        grep -qs "$1" "/proc/$pid/cmdline" || [ "$(nsenter -t "$pid" -u hostname)" = "$1" ] || continue
        echo "$pid"
    done
}

ready_is() {
    timeout 60 "$GOVC" object.collect -s "vm/${2:-demo}" -guest.guestOperationsReady "$1"
}

# tools_conf LINE...: the guest's [guestoperations], read by the agent. By way of another VM's view
# nothing could be written any more once all is off, so the host does it.
tools_conf() {
    local pid
    pid=$(pids_in demo toolboxd)
    nsenter -t "$pid" -m sh -c 'mkdir -p /etc/vmware-tools; (echo "[guestoperations]"; printf "%s\n" "$@") >/etc/vmware-tools/tools.conf' sh "$@"
    kill -HUP "$pid"
}

@test "no session, no privilege, no such VM, credentials that are not for this" {
    faults access demo "$HOST_PASSWORD_DEFAULT"
}

@test "logins of every kind" {
    faults credentials demo
}

@test "the guest's files and processes" {
    faults guest demo
}

@test "every error of an agent, for every method; an agent that goes away or talks nonsense" {
    size=$(stat -c %s "$BATS_TEST_DIRNAME/scripted_agent.py")
    url=$(python3 "$BATS_TEST_DIRNAME/../../bench/soap.py" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" scripted root guest-pw \
        url /root/agent.py "$size")
    curl -sk --fail -T "$BATS_TEST_DIRNAME/scripted_agent.py" "$url"
    GOVC_VM=scripted govc guest.start /usr/bin/python3 /root/agent.py
    # Its own agent is silent from now on: this login is the other's.
    timeout 60 bash -c "until GOVC_VM=scripted GOVC_GUEST_LOGIN=vix-0:x '$GOVC' guest.rm /x; do :; done"
    ROWS=600 faults scripted scripted
}

@test "who waits for a program is not told of another one with its number" {
    # Uses the scripted agent of the test before.
    PYTHONPATH=$BATS_TEST_DIRNAME/../../bench run timeout 60 python3 - "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" <<'END'
import sys
from soap import AUTH, Host
host = Host(sys.argv[1])
host.login(*sys.argv[2:])
try:
    print(host.call("WaitForProcessInGuest", "GuestProcessManager", host.managers()["Process"],
                    f'<vm type="VirtualMachine">{host.find_vm("scripted")}</vm>{AUTH.format("reused", "x")}'
                    "<pid>4711</pid><seconds>50</seconds>"))
except RuntimeError as e:
    print(e)
END
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *'xsi:type="GuestProcessNotFound"'*'<pid>4711</pid>'* ]]
}

@test "transfers that do not move, and attributes, end in the same time as other operations" {
    govc guest.ls / >/dev/null
    # root's has the lowest user id, whatever that is outside of the guest.
    worker=$(for pid in $(pids_in demo toolbox-worker); do echo "$(stat -c %u "/proc/$pid") $pid"; done |
        sort -n | head -n1 | cut -d' ' -f2)
    run timeout 200 "$PYTHON" "$BATS_TEST_DIRNAME/transfer_timeouts.py" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" \
        demo root guest-pw $TIMEOUT "$worker" "$HOST_DIR/hostd.log"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok ' <<<"$output")" -eq 5 ]
}

@test "switched off for a VM, at once and while it runs" {
    govc vm.change -e guest.commands.enabled=FALSE
    faults off_for_vm demo
    govc vm.change -e guest.commands.enabled=TRUE
    ready_is true
    govc guest.ls / >/dev/null
}

@test "switched off in the guest, all of it or some operations, read again while it runs" {
    tools_conf 'disabled=true'
    ready_is false
    faults off_in_guest demo
    off=StartProgramInGuest,ListFilesInGuest,ValidateCredentialsInGuest,ReleaseCredentialsInGuest
    tools_conf 'disabled=false' StartProgramInGuest.disabled=true ListFilesInGuest.disabled=true \
        ValidateCredentialsInGuest.disabled=true ReleaseCredentialsInGuest.disabled=true
    ready_is true
    faults off_each demo $off
    tools_conf
    timeout 30 bash -c "until '$GOVC' guest.ls / >/dev/null; do :; done"
}

@test "an agent that does not answer, and then none at all" {
    agent=$(pids_in demo toolboxd)
    kill -STOP "$agent"
    faults slow_agent demo $TIMEOUT
    ready_is false
    faults no_agent demo
    kill -CONT "$agent"
    ready_is true
}

@test "a VM that is being powered off, is off, is suspended" {
    vmx=$(pids_in demo inguest-vmx)
    kill -STOP "$vmx"
    faults busy demo
    kill -CONT "$vmx"
    timeout 60 "$GOVC" object.collect -s vm/demo -runtime.powerState poweredOff
    faults power demo poweredOff
    inguest vm start demo
    govc vm.power -suspend demo
    faults power demo suspended
    govc vm.power -on demo
    ready_is true
}

@test "switched off for the host" {
    kill -TERM "$(host_pid)"
    timeout 20 tail --pid="$(host_pid)" -f /dev/null
    host_start --guest-operations off
    inguest vm start --no-wait demo
    timeout 60 "$GOVC" object.collect -s vm/demo -guest.toolsRunningStatus guestToolsRunning
    faults off_for_host demo
}
