#!/usr/bin/env bats
# Logins in the guest: tickets, PAM, switches that turn guest operations off, and the lines that say
# who did what.
load lib

setup_file() {
    host_up
    vm_new other
    vm_new demo
}

teardown_file() {
    host_down
}

setup() {
    need pyVmomi "$PYTHON" -c 'import pyVmomi'
    need govc test -x "$GOVC"
    export GOVC_VM=demo GOVC_GUEST_LOGIN=root:guest-pw PYTHONPATH=$BATS_TEST_DIRNAME
}

# pam_counting: the guest's logins go through PAM, with a module that leaves a byte for each.
pam_counting() {
    printf '#!/bin/sh\nprintf . >>/root/asked\n' >"$BATS_TEST_TMPDIR/count"
    printf 'auth required pam_exec.so quiet /root/count\nauth required pam_unix.so nodelay\naccount required pam_unix.so\n' \
        >"$BATS_TEST_TMPDIR/pam"
    govc guest.upload -f -perm 0755 "$BATS_TEST_TMPDIR/count" /root/count
    govc guest.upload -f "$BATS_TEST_TMPDIR/pam" /etc/pam.d/inguest
    govc guest.run touch /etc/shadow
}

python_client() {
    "$PYTHON" "$BATS_TEST_DIRNAME/$1" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" "${@:2}"
}

@test "a ticket takes the place of the password, and PAM is asked once" {
    pam_counting
    run python_client guest_auth.py demo other root guest-pw
    echo "$output"
    [ "$status" -eq 0 ]
    echo "${lines[-1]}" >"$HOST_DIR/ticket"
}

vm_log() {
    cat "$HOST_DIR"/state/vms/demo/vmware.log
}

guest_log() {
    cat "$HOST_DIR"/state/vms/demo/*.root/var/log/toolboxd.log
}

# In how many lines of both logs a text is; the two must agree.
logged() {
    local vm guest
    vm=$(vm_log | grep -c -- "$1" || true)
    guest=$(guest_log | grep -c -- "${1/tester from /tester@}" || true)
    if [ "$vm" = "$guest" ]; then echo "$vm"; else echo "$vm in vmware.log, $guest in the guest's"; fi
}

@test "each operation is one line in both logs: who, from where, what, how it ended" {
    govc guest.mkdir /root/audited
    who='by tester from 127.0.0.1 as "root"'
    [ "$(logged "guest operation MakeDirectoryInGuest \"/root/audited\" $who: ok, 0 bytes, [0-9]* ms")" = 1 ]
    run govc guest.mkdir /root/audited
    [ "$status" -ne 0 ]
    [ "$(logged "guest operation MakeDirectoryInGuest \"/root/audited\" $who: ")" = 2 ]
    [ "$(logged "\"/root/audited\" $who: .*exist.*(VIX error 12), 0 bytes, [0-9]* ms")" = 1 ]
    before=$(logged "guest operation ListProcessesInGuest $who: ok")
    govc guest.ps -e >/dev/null
    [ "$(logged "guest operation ListProcessesInGuest $who: ok")" = $((before + 1)) ]
    govc guest.start /bin/sh -c '"echo hush-argument"'
    [ "$(logged "guest operation StartProgramInGuest \"/bin/sh\" $who: ok, [1-9][0-9]* bytes")" -ge 1 ]
    # A name cannot make a line of its own, nor one that looks like another's.
    run govc guest.mkdir $'/no/such\n"x" by admin from 10.0.0.1 as "root": ok'
    [ "$(logged '"/no/such?\\"x\\" by admin from 10.0.0.1 as \\"root\\": ok" by tester from 127.0.0.1')" = 1 ]
    # The bytes of a file are an operation of their own, one line from its beginning to its end.
    head -c 1234567 /dev/zero >"$BATS_TEST_TMPDIR/file"
    govc guest.upload "$BATS_TEST_TMPDIR/file" /root/audited/file
    govc guest.download /root/audited/file - | cmp - "$BATS_TEST_TMPDIR/file"
    [ "$(logged "guest operation transfer to \"/root/audited/file\" $who: ok, 1234567 bytes, [0-9]* ms")" = 1 ]
    [ "$(logged "guest operation transfer from \"/root/audited/file\" $who: ok, 1234567 bytes, [0-9]* ms")" = 1 ]
    # A refused login names the user that it claimed.
    run env GOVC_GUEST_LOGIN=root:hush-wrong-password "$GOVC" guest.ls /
    [ "$status" -ne 0 ]
    [ "$(logged "guest operation ListFilesInGuest \"/\" $who: .*(VIX error 3050)")" = 1 ]
    # A ticket says whose it is: the test before used one.
    [ "$(logged "guest operation ListFilesInGuest \"/root\" $who: ok")" -ge 20 ]
}

@test "no password, ticket or argument is in any log" {
    files=$(find "$HOST_DIR" -name '*.log*' -type f)
    [ "$(echo "$files" | wc -l)" -ge 4 ]
    on_the_wire=$(printf 'root\0guest-pw\0' | base64)
    for secret in guest-pw "$on_the_wire" hush-wrong-password hush-argument "$HOST_PASSWORD_DEFAULT" "$(cat "$HOST_DIR/ticket")"; do
        [ -n "$secret" ]
        # shellcheck disable=SC2086
        run grep -lF -- "$secret" $files
        [ "$status" -eq 1 ] || {
            echo "$secret is in $output"
            return 1
        }
    done
}

@test "failed logins are slowed, for their name and for nobody else" {
    run python_client slow_logins.py demo guest-pw
    echo "$output"
    [ "$status" -eq 0 ]
}
