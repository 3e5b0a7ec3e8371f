#!/usr/bin/env bats
# Data sets go with their VM: what snapshots, reverts, clones, registrations and the VM's end do to
# them, by the vSphere API. A VM's data sets are compared whole: names, attributes and entries.
load lib

setup_file() {
    host_up
    vm_new demo
    BASE=https://$HOST_ADDRESS
    export BASE
}

teardown_file() {
    host_down
}

setup() {
    need govc test -x "$GOVC"
    need jq jq --version
    login
}

login() {
    TOKEN=$(curl -sk -X POST -u "tester:$HOST_PASSWORD_DEFAULT" "$BASE/api/session" | jq -r .)
}

# rest CODE METHOD PATH [BODY]: prints the answer; anything but CODE fails.
rest() {
    local code
    code=$(curl -sk -X "$2" -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' -H "vmware-api-session-id: $TOKEN" \
        -H 'Content-Type: application/json' ${4:+-d "$4"} "$BASE/api/vcenter/vm$3")
    cat "$BATS_TEST_TMPDIR/body"
    [ "$code" = "$1" ] || {
        echo "$2 $3: $code" >&2
        return 1
    }
}

id_of() {
    rest 200 GET "?names=$1" | jq -r '.[0].vm'
}

# of VM WHAT: datasets_of.py
of() {
    python3 "$BATS_TEST_DIRNAME/datasets_of.py" "$HOST_ADDRESS" "$TOKEN" "$1" "$2"
}

# sets VM: its data sets, each with its attributes and entries, in one line
sets() {
    of "$1" sets
}

# names VM: of its data sets
names() {
    rest 200 GET "/$(id_of "$1")/data-sets" | jq -r '[.[].name] | sort | join(" ")'
}

# make VM NAME [OMIT [GUEST]], put VM NAME KEY VALUE, patch VM NAME BODY, drop VM NAME
make() {
    rest 201 POST "/$(id_of "$1")/data-sets" \
        "{\"name\":\"$2\",\"description\":\"about $2\",\"host\":\"READ_WRITE\",\"guest\":\"${4:-READ_WRITE}\",\"omit_from_snapshot_and_clone\":${3:-false}}" >/dev/null
}
put() {
    rest 204 PUT "/$(id_of "$1")/data-sets/$2/entries/$3" "\"$4\""
}
patch() {
    rest 204 PATCH "/$(id_of "$1")/data-sets/$2" "$3"
}
drop() {
    rest 204 DELETE "/$(id_of "$1")/data-sets/$2?force=true"
}

# as_before VM: removes what it has and makes the four data sets that the tests begin with.
as_before() {
    of "$1" before
}

# change VM: something of every kind that can happen to data sets
change() {
    of "$1" change
}

same() {
    [ "$1" = "$2" ] || {
        printf 'is:     %s\nshould: %s\n' "$1" "$2" >&2
        return 1
    }
}

without_omitted() {
    jq -Sc 'map(select(.omit_from_snapshot_and_clone | not))' <<<"$1"
}

power() {
    case $(govc object.collect -s "vm/$1" runtime.powerState) in
    "$2") ;;
    suspended) govc vm.power -off "$1" && power "$1" "$2" ;;
    *)
        case $2 in
        poweredOn) inguest vm start "$1" ;;
        poweredOff) govc vm.power -off "$1" ;;
        suspended) power "$1" poweredOn && govc vm.power -suspend "$1" ;;
        esac
        ;;
    esac >/dev/null
}

folder() {
    echo "$HOST_DIR/state/vms/$1"
}

@test "going back: data sets are as in the snapshot, whatever the VM does and whatever happened to them" {
    local row at back how then
    # state when the snapshot is taken, when it is gone back to, and by which method
    for row in "poweredOn poweredOn named" "poweredOff poweredOn current" "poweredOn poweredOff named" \
        "suspended suspended current"; do
        read -r at back how <<<"$row"
        echo "row: $row"
        power demo poweredOff
        as_before demo
        then=$(without_omitted "$(sets demo)")
        power demo "$at"
        govc snapshot.create then
        same "$(without_omitted "$(sets demo)")" "$then"
        [ "$at" != suspended ] || govc vm.power -on demo >/dev/null
        change demo
        power demo "$back"
        if [ "$how" = named ]; then govc snapshot.revert then; else govc snapshot.revert; fi
        # Exactly those, and what was omitted is destroyed, with its store and the store's key.
        same "$(sets demo)" "$then"
        [ ! -e "$(folder demo)/demo.dsv" ]
        run grep -c vmStoreFile "$(folder demo)/demo.vmx"
        [ "$output" = 0 ]
        run govc object.collect -json -s vm/demo layoutEx.file
        [[ "$output" == *dataSetsDiskModeStore* && "$output" != *dataSetsVmModeStore* ]]
        # A second time, after other changes.
        put demo kept k "once more"
        govc snapshot.revert then
        same "$(sets demo)" "$then"
        govc snapshot.remove '*'
        same "$(sets demo)" "$then"
    done
    # The guest finds what the host shows.
    inguest vm start demo
    same "$(govc guest.run toolbox dataset get kept k)" before
    same "$(govc guest.run toolbox dataset list | cut -f1 | sort | xargs)" "empty kept readonly"
    # It changes what it may change, and what it may not is as it was in the snapshot.
    govc guest.run toolbox dataset set kept k 'from-the-guest'
    run govc guest.run toolbox dataset set readonly r no
    [ "$status" -ne 0 ]
    same "$(rest 200 GET "/$(id_of demo)/data-sets/kept/entries/k")" '"from-the-guest"'
}

@test "the flag that counts is the one when the snapshot was taken" {
    as_before demo
    govc snapshot.create flags
    patch demo kept '{"omit_from_snapshot_and_clone":true}'
    patch demo omitted '{"omit_from_snapshot_and_clone":false}'
    govc snapshot.create flipped
    govc snapshot.revert flags
    same "$(names demo)" "empty kept readonly"
    same "$(sets demo | jq -c 'map(.omit_from_snapshot_and_clone) | unique')" '[false]'
    govc snapshot.revert flipped
    same "$(names demo)" "empty omitted readonly"
    same "$(rest 200 GET "/$(id_of demo)/data-sets/omitted/entries/o")" '"secret"'
    govc snapshot.remove '*'
}

@test "a tree of snapshots: each has its own, and removing one, a branch or all changes nothing now" {
    local id n left
    as_before demo
    id=$(id_of demo)
    for n in 1 2 3; do
        put demo kept k "state $n"
        govc snapshot.create "s$n"
    done
    govc snapshot.revert s1
    put demo kept k "branch"
    govc snapshot.create s4
    for n in 3 1 2; do
        govc snapshot.revert "s$n"
        same "$(rest 200 GET "/$id/data-sets/kept/entries/k")" "\"state $n\""
    done
    govc snapshot.revert s4
    same "$(rest 200 GET "/$id/data-sets/kept/entries/k")" '"branch"'
    make demo omitted true
    put demo kept k now
    left=$(sets demo)
    # The middle one only, then a branch, then all; the stores of the snapshots go with them.
    same "$(find "$(folder demo)" -name 'demo-Snapshot*.dsd' | wc -l)" 4
    govc snapshot.remove s2
    same "$(sets demo)" "$left"
    same "$(find "$(folder demo)" -name 'demo-Snapshot*.dsd' | wc -l)" 3
    govc snapshot.revert s3
    same "$(rest 200 GET "/$id/data-sets/kept/entries/k")" '"state 3"'
    govc snapshot.revert s4
    make demo omitted true
    put demo kept k now
    govc snapshot.remove -r s1
    same "$(sets demo)" "$left"
    run find "$(folder demo)" -name 'demo-Snapshot*'
    [ -z "$output" ]
    for n in 5 6; do govc snapshot.create "s$n"; done
    govc snapshot.remove '*'
    same "$(sets demo)" "$left"
    run find "$(folder demo)" -name 'demo-Snapshot*'
    [ -z "$output" ]
}

@test "a clone has the data sets of that moment, but not those omitted, and both go their own way" {
    local at then source omitted
    for at in poweredOn poweredOff suspended; do
        echo "source: $at"
        power demo poweredOn
        as_before demo
        source=$(sets demo)
        power demo "$at"
        govc vm.clone -vm demo -on=false copy >/dev/null
        same "$(sets copy)" "$(without_omitted "$source")"
        same "$(sets demo)" "$source"
        [ ! -e "$(folder copy)/copy.dsv" ]
        grep -q '^dataSetsMgr.diskStoreFile = "copy.dsd"' "$(folder copy)/copy.vmx"
        run grep -c vmStoreFile "$(folder copy)/copy.vmx"
        [ "$output" = 0 ]
        # What one does the other does not see.
        change_clone copy
        same "$(sets demo)" "$source"
        then=$(sets copy)
        power demo poweredOn
        put demo kept k "changed at the source"
        drop demo readonly
        same "$(sets copy)" "$then"
        # The source goes on with all it had, and the clone's guest has the clone's.
        omitted=$(rest 200 GET "/$(id_of demo)/data-sets/omitted/entries/o")
        same "$omitted" '"secret"'
        inguest vm start copy
        same "$(GOVC_VM=copy govc guest.run toolbox dataset get kept k)" clone
        inguest vm delete copy
    done
}

change_clone() {
    put "$1" kept k clone
    make "$1" own true && put "$1" own x y
    drop "$1" empty
}

@test "a clone of a snapshot has the snapshot's data sets, a clone of a clone and of a template theirs" {
    local then
    as_before demo
    then=$(without_omitted "$(sets demo)")
    govc snapshot.create then
    change demo
    now=$(sets demo)
    govc vm.clone -vm demo -snapshot then -on=false old >/dev/null
    same "$(sets old)" "$then"
    same "$(sets demo)" "$now"
    # The snapshot is as it was, also after the clone has changed.
    put old kept k clone
    govc vm.clone -vm demo -snapshot then -on=false second >/dev/null
    same "$(sets second)" "$then"
    govc vm.clone -vm old -on=false third >/dev/null
    same "$(sets third)" "$(sets old)"
    govc vm.markastemplate third
    same "$(sets third)" "$(sets old)"
    govc vm.clone -vm third -on=false deployed >/dev/null
    same "$(sets deployed)" "$(sets old)"
    # A clone that goes back to a snapshot of its own has nothing of its source's.
    govc snapshot.create -vm deployed mine
    put deployed kept k "and on"
    govc snapshot.revert -vm deployed mine
    same "$(sets deployed)" "$(sets old)"
    govc snapshot.remove '*'
    inguest vm clone demo byhand
    same "$(sets byhand)" "$(without_omitted "$now")"
    for vm in old second third deployed byhand; do govc vm.destroy "$vm"; done
}

@test "a folder that was copied, one taken out and put back, one destroyed" {
    local all
    power demo poweredOff
    as_before demo
    all=$(sets demo)
    govc snapshot.create then
    # A copy of the folder is a copy of everything, omitted data sets too.
    cp -a "$(folder demo)" "$(folder twin)"
    govc vm.register -name twin twin/demo.vmx
    same "$(sets twin)" "$all"
    change twin
    same "$(sets demo)" "$all"
    put demo kept k "not the twin's"
    govc snapshot.revert -vm twin then
    same "$(sets twin)" "$(without_omitted "$all")"
    # Taken out, nobody finds them; put back, they are there, and the snapshots with theirs.
    all=$(sets twin)
    govc vm.unregister twin
    [ "$(rest 200 GET '?names=twin' | jq length)" = 0 ]
    [ -s "$(folder twin)/demo.dsd" ]
    govc vm.register -name twin twin/demo.vmx
    same "$(sets twin)" "$all"
    make twin omitted true && put twin omitted o 1
    all=$(sets twin)
    govc vm.unregister twin
    govc vm.register -name renamed twin/demo.vmx
    same "$(sets renamed)" "$all"
    # A host that starts anew finds them, too.
    kill -TERM "$(host_pid)"
    timeout 20 tail --pid="$(host_pid)" -f /dev/null
    host_start
    login
    same "$(sets renamed)" "$all"
    # Destroyed, the stores are gone, and a VM of the same name begins with none.
    govc vm.destroy renamed
    run find "$HOST_DIR/state" -path "*twin*"
    [ -z "$output" ]
    inguest vm create renamed --guest-user root --guest-password-file "$HOST_DIR/guest-password"
    same "$(sets renamed)" "[]"
    govc vm.destroy renamed
    govc snapshot.remove '*'
}

@test "a snapshot of a VM whose guest writes without end has each write whole or not at all" {
    local n have
    power demo poweredOn
    as_before demo
    cat >"$BATS_TEST_TMPDIR/writer" <<'END'
#!/bin/sh
n=0
while :; do
    n=$((n + 1))
    x=$(head -c 3000 /dev/zero | tr '\0' x)
    [ "$(vmtoolsd --cmd "datasets-set-entry {\"dataset\":\"kept\",\"entries\":[{\"key\":\"a\",\"value\":\"$n\"},{\"key\":\"fill\",\"value\":\"$n$x\"},{\"key\":\"b\",\"value\":\"$n\"}]}")" = '{"result":true}' ] || exit 1
    echo $n >/var/tmp/written.new; mv /var/tmp/written.new /var/tmp/written
done
END
    govc guest.upload -f -perm 0755 "$BATS_TEST_TMPDIR/writer" /var/tmp/writer >/dev/null
    pid=$(govc guest.start /var/tmp/writer)
    wait_until test -s "$(folder demo)/demo.root/var/tmp/written"
    for n in 1 2 3 4; do govc snapshot.create "w$n"; done
    # It has not been refused by any of them.
    govc guest.ps -p "$pid" -json | jq -e '.processInfo[0].endTime == null'
    have=$(govc guest.run cat /var/tmp/written)
    last=0
    for n in 1 2 3 4; do
        govc snapshot.revert "w$n"
        sets demo | jq -r '.[] | select(.name == "kept") | .entries | [.a, .b, (.fill | rtrimstr("x" * 3000))] | join(" ")' \
            >"$BATS_TEST_TMPDIR/found"
        read -r a b fill <"$BATS_TEST_TMPDIR/found"
        [ -n "$a" ] && [ "$a" = "$b" ] && [ "$a" = "$fill" ]
        [ "$a" -ge "$last" ] && [ "$a" -le $((have + 1)) ] # it may not have noted the last
        last=$a
    done
    govc snapshot.remove '*'
}
