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
