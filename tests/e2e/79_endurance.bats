#!/usr/bin/env bats
# Many operations, file systems that hang, process ids that come again, many VMs at once.
load lib

setup_file() {
    host_up
    vm_new demo
}

teardown_file() {
    host_down
}

setup() {
    export GOVC_VM=demo GOVC_GUEST_LOGIN=root:guest-pw
}

endurance() {
    timeout 200 python3 "$BATS_TEST_DIRNAME/endurance.py" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" root guest-pw "$@"
}

# What only this process has in memory, KiB.
private_kib() {
    awk '/^Private_/ { sum += $2 } END { print sum }' "/proc/$1/smaps_rollup"
}

descriptors() {
    local pid
    for pid in $(pids_of toolboxd) $(pids_of toolbox-worker) $(pids_of inguest-vmx); do
        # Shell patterns, not a process of its own: /proc/PID/fd of this very moment.
        set -- /proc/"$pid"/fd/*
        echo "$(cat "/proc/$pid/comm") $#"
    done
}

zombies() {
    local pid
    for pid in $(host_processes); do
        grep -s '^State:.*zombie' "/proc/$pid/status" || true
    done | wc -l
}

@test "10,000 operations: right exit codes, small agent, nothing left behind" {
    endurance ops demo 100
    before=$(descriptors)
    run endurance ops demo 10000
    echo "$output"
    [ "$status" -eq 0 ]
    echo "descriptors before: $before, after: $(descriptors)"
    [ "$(descriptors)" = "$before" ]
    [ "$(zombies)" -eq 0 ]
    [ -z "${INGUEST_SANITIZED:-}" ] || return 0
    agent=$(private_kib "$(pids_of toolboxd)")
    echo "# agent: $agent KiB private; worker: $(private_kib "$(pids_of toolbox-worker)") KiB" >&3
    [ "$agent" -le 2048 ]
}

@test "a process id that comes again does not get another program's exit code" {
    need govc test -x "$GOVC"
    pid=$(govc guest.start /bin/sh -c "'exit 41'")
    agent=$(pids_of toolboxd)
    # The next process of the guest's would get that id.
    nsenter -t "$agent" -p sh -c "echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid"
    next=$(govc guest.start /bin/sh -c "'exit 42'")
    echo "first $pid, then $next"
    [ "$next" -gt "$pid" ]
    [ "$next" -lt "$((pid + 50))" ]
    run govc guest.ps -p "$pid" -X -json
    [ "$(jq -r '.processInfo[0].exitCode' <<<"$output")" = 41 ]
    run govc guest.ps -p "$next" -X -json
    [ "$(jq -r '.processInfo[0].exitCode' <<<"$output")" = 42 ]
}

@test "a program that ignores SIGTERM is killed" {
    need govc test -x "$GOVC"
    pid=$(govc guest.start /bin/sh -c "'trap \"\" TERM; while :; do sleep 0.1; done'")
    govc guest.kill -p "$pid"
    run govc guest.ps -p "$pid" -X -json
    [ "$(jq -r '.processInfo[0].exitCode' <<<"$output")" = 137 ]
}

@test "a mount that never answers holds up nobody else" {
    need FUSE test -c /dev/fuse
    need govc test -x "$GOVC"
    usual=$(endurance listing demo 300)
    agent=$(pids_of toolboxd)
    mkfifo "$BATS_TEST_TMPDIR/hold" "$BATS_TEST_TMPDIR/word"
    python3 "$BATS_TEST_DIRNAME/dead_mount.py" "$agent" /mnt/dead <"$BATS_TEST_TMPDIR/hold" \
        >"$BATS_TEST_TMPDIR/word" 3>&- &
    exec 8>"$BATS_TEST_TMPDIR/hold"
    read -r word <"$BATS_TEST_TMPDIR/word"
    [ "$word" = mounted ]
    # More than there would be threads for in a pool of fixed size.
    start=$SECONDS
    for i in $(seq 40); do
        timeout 100 "$GOVC" guest.ls "/mnt/dead/$i" >"$BATS_TEST_TMPDIR/dead-$i" 2>&1 3>&- 8>&- &
    done
    meanwhile=$(endurance listing demo 300)
    echo "300 listings: $usual ms, with 40 operations on the dead mount: $meanwhile ms"
    # Far from the deadline that an operation behind one of those would run into.
    awk -v meanwhile="$meanwhile" -v usual="$usual" 'BEGIN { exit !(meanwhile < 10 * usual + 3000) }'
    run govc guest.run /bin/echo fine
    [ "$output" = fine ]
    until [ "$(find "$BATS_TEST_TMPDIR" -name "dead-*" -size +0 | wc -l)" -eq 40 ]; do
        [ $((SECONDS - start)) -lt 90 ]
        endurance listing demo 50 >/dev/null
    done
    exec 8>&-
    wait
    cat "$BATS_TEST_TMPDIR"/dead-* | sort | uniq -c
    [ "$(grep -lE "within 6[01] s" "$BATS_TEST_TMPDIR"/dead-* | wc -l)" -eq 40 ]
    # No ping was late: the channel is the first one.
    [ "$(pids_of toolboxd)" = "$agent" ]
    ! grep -qi "ping.*late\|no answer to ping\|channel.*closed" "$HOST_DIR/state/vms/demo/vmware.log" || false
    run govc guest.ls /usr
    [ "$status" -eq 0 ]
}

@test "100 clients on 10 VMs: no VM and no client starves" {
    for i in $(seq 10); do
        vm_new "many-$i"
    done
    run endurance fair $(seq -f many-%g 10) 10
    echo "$output"
    [ "$status" -eq 0 ]
}
