#!/usr/bin/env bats
# Whoever is killed while snapshots are taken, gone back to and removed: the VM is as before or as
# after, its list names what is there, and nothing else is left.
load lib

KILLS=${KILLS:-$(soak 12 40)}

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

folder() {
    echo "$HOST_DIR/state/vms/demo"
}

quietly() {
    "$@" >/dev/null 2>&1
}

# All that the host can do about it, it has done: it serves, and the VM runs.
recover() {
    kill -0 "$(host_pid)" 2>/dev/null || host_start
    wait_until quietly inguest vm list
    wait_until quietly inguest vm start demo
}

# The disks of snapshots that lie in the folder, and those that the list names.
disks_there() {
    find "$(folder)" -maxdepth 1 -name 'demo-Snapshot*.root' -printf '%f\n' | sed 's/.*Snapshot\([0-9]*\).root/\1/' | sort -n | xargs
}
listed() {
    inguest --json vm snapshot list demo | jq -r '[.[].id] | sort | .[]' | xargs
}

nothing_left() {
    [ -z "$(find "$(folder)" -maxdepth 1 \( -name '*-Revert.*' -o -name '*-Trash*' -o -name '*.links' -o -name '*.tmp' \))" ] &&
        [ "$(disks_there)" = "$(listed)" ]
}

consistent() {
    local now
    wait_until nothing_left || { # leftovers are removed in the background
        echo "disks: $(disks_there); listed: $(listed)"
        ls -la "$(folder)"
        return 1
    }
    for id in $(listed); do
        [ -s "$(folder)/demo-Snapshot$id.vmsn" ]
        name=$(inguest --json vm snapshot list demo | jq -r ".[] | select(.id == $id) | .name")
        [ "$(cat "$(folder)/demo-Snapshot$id.root/root/state")" = "$name" ]
    done
    now=$(govc guest.run cat /root/state)
    [ "$now" = "$1" ] || [ "$now" = "$2" ] || {
        echo "the guest says $now, neither $1 nor $2"
        return 1
    }
    STATE=$now
}

@test "$KILLS kills at random moments" {
    local victims=(inguest-vmx inguest-launche inguest-disk hostd-worker inguest-hostd) after operations=0
    RANDOM=${SNAPSHOT_SEED:-$$}
    echo "seed ${SNAPSHOT_SEED:-$$}"
    govc guest.run /bin/sh -c "'echo s0 >/root/state; head -c 30000000 /dev/urandom >/root/ballast'"
    inguest vm snapshot create demo s0
    STATE=s0
    for i in $(seq "$KILLS"); do
        after=$STATE
        case $((RANDOM % 3)) in
        0)
            govc guest.run /bin/sh -c "'echo s$i >/root/state'"
            STATE=s$i after=s$i
            inguest vm snapshot create demo "s$i" 3>&- & ;;
        1)
            after=s0
            inguest vm snapshot revert demo s0 3>&- & ;;
        *)
            last=$(inguest --json vm snapshot list demo | jq -r '.[-1].name')
            if [ "$last" = s0 ]; then
                inguest vm snapshot create demo "$STATE" 3>&- &
            else
                inguest vm snapshot rm demo "$last" 3>&- &
            fi ;;
        esac
        operation=$!
        sleep "0.$(printf '%03d' $((RANDOM % 400)))"
        kill -0 $operation 2>/dev/null && operations=$((operations + 1))
        victim=${victims[RANDOM % 5]}
        echo "kill $i: $victim"
        kill -KILL $(pids_of "$victim") 2>/dev/null || true
        wait $operation || true
        recover
        consistent "$STATE" "$after"
    done
    echo "$operations of $KILLS kills met an operation under way"
    [ "$operations" -ge $((KILLS / 4)) ]
}
