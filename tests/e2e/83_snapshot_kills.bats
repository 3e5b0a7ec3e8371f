#!/usr/bin/env bats
# Whoever is killed while snapshots are taken, gone back to and removed: the VM is as before or as
# after, its list names what is there, disk and data sets are of the same moment, what was said to be
# done is done, and nothing else is left.
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
        [ "$(python3 -c 'import sqlite3, sys
print(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute("SELECT value FROM entry").fetchall())' \
            "$(folder)/demo-Snapshot$id.dsd")" = "[('$name',)]" ]
    done
    now=$(govc guest.run cat /root/state)
    [ "$now" = "$1" ] || [ "$now" = "$2" ] || {
        echo "the guest says $now, neither $1 nor $2"
        return 1
    }
    entry=$(inguest dataset get demo life state)
    [ "$entry" = "$now" ] || {
        echo "the guest says $now, its data set $entry"
        return 1
    }
    STATE=$now
}

# say STATE: in a file of the guest, and in a data set
say() {
    govc guest.run /bin/sh -c "'echo $1 >/root/state'"
    inguest dataset set demo life state "$1"
}

# done_as_said: what the operation that ended well has promised
done_as_said() {
    case $OPERATION in
    create) inguest --json vm snapshot list demo | jq -e --arg n "$NAME" '.[-1].name == $n' >/dev/null ;;
    revert) [ "$STATE" = "$NAME" ] ;;
    rm) inguest --json vm snapshot list demo | jq -e --arg n "$NAME" 'all(.name != $n)' >/dev/null ;;
    esac || {
        echo "$OPERATION $NAME was said to be done and is not"
        inguest vm snapshot list demo
        return 1
    }
}

@test "$KILLS kills at random moments" {
    local victims=(inguest-vmx inguest-launche inguest-disk hostd-worker inguest-hostd) after operations=0 finished=0
    RANDOM=${SNAPSHOT_SEED:-$$}
    echo "seed ${SNAPSHOT_SEED:-$$}"
    govc guest.run /bin/sh -c "'head -c 30000000 /dev/urandom >/root/ballast'"
    inguest dataset create demo life
    say s0
    # The moments lie within what an operation takes on this machine, in milliseconds.
    begun=$(date +%s%N)
    inguest vm snapshot create demo s0
    span=$((($(date +%s%N) - begun) / 1000000))
    STATE=s0
    for i in $(seq "$KILLS"); do
        after=$STATE
        case $((RANDOM % 3)) in
        0)
            say "s$i"
            STATE=s$i after=s$i OPERATION=create NAME=s$i ;;
        1)
            after=s0 OPERATION=revert NAME=s0 ;;
        *)
            NAME=$(inguest --json vm snapshot list demo | jq -r '.[-1].name') OPERATION=rm
            if [ "$NAME" = s0 ]; then
                say "s$i"
                STATE=s$i after=s$i OPERATION=create NAME=s$i
            fi ;;
        esac
        inguest vm snapshot "$OPERATION" demo "$NAME" 3>&- &
        operation=$!
        delay=$((RANDOM % span))
        sleep "$((delay / 1000)).$(printf '%03d' $((delay % 1000)))"
        kill -0 $operation 2>/dev/null && operations=$((operations + 1))
        victim=${victims[RANDOM % 5]}
        echo "kill $i: $victim"
        kill -KILL $(pids_of "$victim") 2>/dev/null || true
        said=0
        wait $operation || said=$?
        recover
        consistent "$STATE" "$after"
        if [ "$said" = 0 ]; then
            done_as_said
            finished=$((finished + 1))
        fi
    done
    echo "$finished operations ended well"
    echo "$operations of $KILLS kills met an operation under way, of $span ms"
    [ "$operations" -ge $((KILLS / 4)) ]
}
