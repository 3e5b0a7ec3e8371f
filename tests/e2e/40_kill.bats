#!/usr/bin/env bats
# Whoever is killed in the middle of work: nothing stays behind and the next request works.
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

works_again() {
    timeout 60 "$GOVC" object.collect -s vm/demo -guest.guestOperationsReady true
    [ "$(govc guest.run echo fine)" = fine ]
}

# A transfer that cannot end by itself: the client reads one byte and then waits for good.
slow_upload() {
    truncate -s 1G "$BATS_TEST_TMPDIR/slow"
    curl -sk --limit-rate 100k -T "$BATS_TEST_TMPDIR/slow" "$1" 3>&- >/dev/null 2>&1 &
    SLOW=$!
    wait_until upload_is_open # only what is under way can be cut off
}

upload_is_open() {
    ls -l $(printf '/proc/%s/fd ' $(pids_of toolbox-worker)) 2>/dev/null | grep -q ' /root/'
}

# another PROGRAM PID: there is one, and it is not this one.
another() {
    local now
    now=$(pids_of "$1")
    [ -n "$now" ]
    [ "$now" != "$2" ]
}

no_partial_files() {
    run govc guest.run ls -A /root
    echo "$output"
    [[ "$output" != *partial* && "$output" != *slow* ]]
}

@test "the agent is killed during a program and an upload" {
    govc guest.start /bin/sleep 77.7
    slow_upload "$(soap url /root/slow $((1 << 30)))"
    old=$(pids_of toolboxd)
    [ -n "$old" ]
    kill -KILL $old
    works_again
    another toolboxd "$old"
    ! wait "$SLOW" || false
    no_partial_files
}

@test "the vmx is killed: the VM comes back by itself" {
    govc guest.run /bin/sh -c "'echo kept >/root/kept'"
    slow_upload "$(soap url /root/slow $((1 << 30)))"
    old=$(pids_of inguest-vmx)
    [ -n "$old" ]
    kill -KILL $old
    works_again
    another inguest-vmx "$old"
    [ "$(govc guest.run cat /root/kept)" = kept ]
    ! wait "$SLOW" || false
    no_partial_files
    # What the killed vmx ran is gone: exactly one agent is left.
    [ "$(pids_of toolboxd | wc -l)" -eq 1 ]
}

@test "the client is killed during an upload and a download" {
    slow_upload "$(soap url /root/slow $((1 << 30)))"
    kill -KILL $SLOW
    wait $SLOW || true
    works_again
    no_partial_files
    govc guest.run /bin/sh -c "'head -c 100000000 /dev/zero >/root/zeros'"
    curl -sk --limit-rate 100k -o /dev/null "$(soap url /root/zeros)" 3>&- &
    slow=$!
    kill -KILL $slow
    wait $slow || true
    works_again
}

@test "hostd is killed and comes back: the VM never noticed" {
    boot=$(govc object.collect -s vm/demo runtime.bootTime)
    agent=$(pids_of toolboxd)
    pid=$(govc guest.start /bin/sleep 1000)
    kill -KILL $(pids_of inguest-hostd)
    host_start
    works_again
    [ "$(pids_of toolboxd)" = "$agent" ]
    [ "$(govc object.collect -s vm/demo runtime.bootTime)" = "$boot" ]
    run govc guest.ps -p "$pid"
    [[ "$output" == *sleep* ]]
    govc guest.kill -p "$pid"
}

@test "the worker of hostd is killed: its supervisor starts it anew" {
    agent=$(pids_of toolboxd)
    old=$(pids_of hostd-worker)
    [ -n "$old" ]
    kill -KILL $old
    wait_until curl -sk --fail -o /dev/null "https://$HOST_ADDRESS/sdk/vimServiceVersions.xml"
    works_again
    another hostd-worker "$old"
    [ "$(pids_of toolboxd)" = "$agent" ]
}

@test "repeated kills leave no process, mount or descriptor behind" {
    works_again
    before=$(host_processes | wc -l)
    for _ in 1 2 3 4 5; do
        kill -KILL $(pids_of inguest-vmx)
        works_again
    done
    after=$(host_processes | wc -l)
    echo "processes before $before, after $after"
    [ "$after" -le $((before + 1)) ]
    [ "$(grep -c "$HOST_DIR" /proc/self/mounts)" -eq 0 ]
}
