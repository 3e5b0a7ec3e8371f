#!/usr/bin/env bats
# The administrator's command line, and how a guest's logins are checked.
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

@test "every command explains itself" {
    for words in "" up vm user role permission; do
        run "$INGUEST" $words -h
        [ "$status" -eq 0 ]
        [[ "$output" == usage:* ]]
    done
    run "$INGUEST" vm nonsense
    [ "$status" -eq 2 ]
    run "$INGUEST" --run /nonexistent vm list
    [ "$status" -eq 1 ]
    [[ "$output" == *"no host is running here"* ]]
}

@test "VMs are listed and shown, for people and as JSON" {
    run inguest vm list
    [[ "$output" == demo*poweredOn*guestToolsRunning* ]]
    [ "$(inguest --json vm list | jq -r '.[0].name')" = demo ]
    [ "$(inguest --json vm info demo | jq -r .hostName)" = demo ]
    run inguest vm info nobody
    [ "$status" -eq 1 ]
    run inguest vm log demo
    [[ "$output" == *"power on"* ]]
}

@test "a VM is created with several guest users, stopped by its guest, deleted" {
    printf 'alice-pw' >"$BATS_TEST_TMPDIR/alice"
    inguest vm create two --guest-user root --guest-password-file "$HOST_DIR/guest-password" \
        --guest-user alice --guest-password-file "$BATS_TEST_TMPDIR/alice" --memory 128
    run inguest vm create two --guest-user root --guest-password-file "$HOST_DIR/guest-password"
    [ "$status" -eq 1 ]
    inguest vm start two
    export GOVC_VM=two
    [ "$(GOVC_GUEST_LOGIN=alice:alice-pw govc guest.run id -un)" = alice ]
    run env GOVC_GUEST_LOGIN=alice:alice-pw "$GOVC" guest.ls /root
    [ "$status" -ne 0 ]
    run env GOVC_GUEST_LOGIN=alice:alice-pw "$GOVC" guest.kill -p 1
    [ "$status" -ne 0 ]
    inguest vm stop two --guest
    [ "$(inguest --json vm info two | jq -r .power)" = poweredOff ]
    inguest vm delete two
    run inguest vm info two
    [ "$status" -eq 1 ]
    [ ! -e "$HOST_DIR/state/vms/two" ]
}

@test "API users come and go, with roles and new passwords" {
    printf 'Reader-pass1' >"$BATS_TEST_TMPDIR/pw"
    inguest user add reader --role ReadOnly --password-file "$BATS_TEST_TMPDIR/pw"
    [[ "$(inguest user list)" == *reader* ]]
    export GOVC_USERNAME=reader GOVC_PASSWORD=Reader-pass1
    govc ls vm
    run govc guest.run id
    [ "$status" -ne 0 ]
    [[ "$output" == *"Permission to perform this operation was denied"* ]]
    printf 'Other-pass1' >"$BATS_TEST_TMPDIR/pw"
    inguest user password reader --password-file "$BATS_TEST_TMPDIR/pw"
    run govc ls vm
    [ "$status" -ne 0 ]
    GOVC_PASSWORD=Other-pass1 govc ls vm
    inguest user remove reader
    run env GOVC_PASSWORD=Other-pass1 "$GOVC" ls vm
    [ "$status" -ne 0 ]
}

@test "roles and permissions: what a user may do, where" {
    printf 'Limited-pass1' >"$BATS_TEST_TMPDIR/pw"
    inguest user add limited --role NoAccess --password-file "$BATS_TEST_TMPDIR/pw"
    inguest role add looker System.Anonymous System.View System.Read VirtualMachine.GuestOperations.Query
    run inguest role add looker System.View
    [ "$status" -eq 1 ]
    run inguest role add other Not.A.Privilege
    [ "$status" -eq 1 ]
    [[ "$(inguest role list)" == *looker* ]]
    [[ "$(inguest role privileges guestoperations)" == *VirtualMachine.GuestOperations.Modify* ]]
    [ "$(inguest --json role show looker | jq -r '.privileges | index("VirtualMachine.GuestOperations.Query") != null')" = true ]

    as_limited() {
        GOVC_USERNAME=limited GOVC_PASSWORD=Limited-pass1 timeout 60 "$GOVC" "$@"
    }
    run as_limited guest.ls -vm /ha-datacenter/vm/demo /usr
    [ "$status" -ne 0 ]
    # On the VM alone: the way to it must be visible too.
    inguest permission set limited ReadOnly
    inguest permission set limited looker --vm demo
    [[ "$(inguest permission list --vm demo)" == *limited*looker*demo* ]]
    [ "$(inguest --json permission list | jq -r '[.[] | select(.user == "limited") | .role] | sort | join(",")')" = ReadOnly,looker ]
    as_limited guest.ls /usr
    run as_limited guest.mkdir /root/not-me
    [ "$status" -ne 0 ]
    [[ "$output" == *"Permission to perform this operation was denied"* ]]
    run as_limited guest.start /bin/true
    [ "$status" -ne 0 ]
    [[ "$output" == *"Permission to perform this operation was denied"* ]]
    inguest role set looker System.Anonymous System.View System.Read VirtualMachine.GuestOperations.Modify
    as_limited guest.mkdir /root/now-me
    run as_limited guest.ls /usr
    [ "$status" -ne 0 ]
    [[ "$output" == *"Permission to perform this operation was denied"* ]]

    run inguest role remove looker
    [ "$status" -eq 1 ]
    inguest permission remove limited --vm demo
    inguest role remove looker
    run as_limited guest.mkdir /root/again
    [ "$status" -ne 0 ]
    run inguest permission set limited looker
    [ "$status" -eq 1 ]
    [[ "$output" == *"no role named looker"* ]]
    run inguest permission set limited
    [ "$status" -eq 2 ]
    inguest user remove limited
}

@test "a guest that has a PAM service for us is asked through PAM" {
    printf 'auth required pam_unix.so nodelay\naccount required pam_unix.so\n' >"$BATS_TEST_TMPDIR/pam"
    govc guest.upload -f "$BATS_TEST_TMPDIR/pam" /etc/pam.d/inguest
    govc guest.upload -f -perm 384 "$BATS_TEST_TMPDIR/pam" /root/tmp
    # An accepted password is remembered until passwd or shadow change.
    govc guest.run touch /etc/shadow
    [ "$(govc guest.run id -un)" = root ]
    run env GOVC_GUEST_LOGIN=root:wrong "$GOVC" guest.ls /
    [ "$status" -ne 0 ]
    # PAM decides, not the shadow file: it now refuses everybody.
    printf 'auth required pam_deny.so\naccount required pam_deny.so\n' >"$BATS_TEST_TMPDIR/pam"
    govc guest.upload -f "$BATS_TEST_TMPDIR/pam" /etc/pam.d/inguest
    govc guest.run touch /etc/shadow || true
    run govc guest.ls /
    [ "$status" -ne 0 ]
}

@test "the agent's commands inside the guest" {
    printf 'root ok\n' >"$BATS_TEST_TMPDIR/x"
    # The login of the test before is gone for good in that VM.
    inguest vm create cli --guest-user root --guest-password-file "$HOST_DIR/guest-password"
    inguest vm start cli
    export GOVC_VM=cli
    run govc guest.run vmware-toolbox-cmd -v
    [ "$status" -eq 0 ]
    run govc guest.run vmware-toolbox-cmd timesync status
    [[ "$output" == Disabled || "$output" == Enabled ]]
    govc guest.run vmware-rpctool '"info-set guestinfo.from.rpctool yes"'
    [ "$(govc guest.run vmtoolsd --cmd '"info-get guestinfo.from.rpctool"')" = yes ]
    run govc guest.run vmtoolsd --cmd '"info-get guestinfo.nothing"'
    [ "$status" -ne 0 ]
    [[ "$output" == *"No value found"* ]]
}
