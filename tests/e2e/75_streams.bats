#!/usr/bin/env bats
# Raw streams between hostd and the guest: what transfers and programs' output need them for, and what
# happens when something is in their way.
bats_require_minimum_version 1.5.0
load lib

TOOLBOX=${INGUEST_E2E_TOOLBOX:-$BUILD/e2e/toolbox}

setup_file() {
    host_up
    printf 'guest-pw' >"$HOST_DIR/guest-password"
    printf 'alice-pw' >"$HOST_DIR/alice-password"
    inguest vm create demo --guest-user root --guest-password-file "$HOST_DIR/guest-password" \
        --guest-user alice --guest-password-file "$HOST_DIR/alice-password"
    inguest vm start demo
}

teardown_file() {
    host_down
}

# put FILE PATH: HTTP status and text of an upload.
put() {
    curl -sk -w ' %{http_code}' -T "$1" "$(soap url "$2" "$(stat -c %s "$1")")"
}

get() {
    curl -sk --fail "$(soap url "$1")"
}

in_guest() {
    nsenter -t "$(agent)" -m -- "$@"
}

agent() {
    pids_of toolboxd | head -n1
}

log() {
    cat "$HOST_DIR/state/vms/demo/vmware.log"
}

@test "files go both ways over streams" {
    head -c 50000001 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    : >"$BATS_TEST_TMPDIR/empty"
    [ "$(put "$BATS_TEST_TMPDIR/data" /root/data)" = " 200" ]
    get /root/data | cmp - "$BATS_TEST_TMPDIR/data"
    [ "$(put "$BATS_TEST_TMPDIR/empty" /root/empty)" = " 200" ]
    [ "$(get /root/empty | wc -c)" -eq 0 ]
    log | grep -q 'transfer to "/root/data" by tester .*: ok, 50000001 bytes'
    log | grep -q 'transfer from "/root/data" by tester .*: ok, 50000001 bytes'
    # What a stream that was refused, and so packets, would say first.
    run ! grep -q 'transfer .*: not supported' <(log)
}

@test "a transfer lasts across a change of the password and the end of its ticket" {
    need pyVmomi "$PYTHON" -c 'import pyVmomi'
    PYTHONPATH=$BATS_TEST_DIRNAME run timeout 120 "$PYTHON" "$BATS_TEST_DIRNAME/long_transfers.py" \
        "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" demo guest-pw alice alice-pw
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(log | grep -c 'transfer to "/tmp/by-.*: ok, 3000000 bytes')" -eq 2 ]
    [ "$(log | grep -c 'transfer from "/tmp/by-password".*: ok, 3000000 bytes')" -eq 1 ]
}

@test "one gigabyte of a program's output arrives whole and in order, in constant memory" {
    need "the toolbox client" test -x "$TOOLBOX"
    export GOVC_VM=demo GOVC_GUEST_LOGIN=root:guest-pw
    hostd=$(pids_of hostd-worker)
    before=$(awk '/^VmHWM/ {print $2}' "/proc/$hostd/status")
    # Ten bytes a line.
    last=207374183
    [ -z "${INGUEST_SANITIZED:-}" ] || last=110000000
    "$TOOLBOX" pipe seq 100000001 $last </dev/null |
        tee >(wc -c >"$BATS_TEST_TMPDIR/size") | cksum >"$BATS_TEST_TMPDIR/sum"
    seq 100000001 $last | cksum | cmp - "$BATS_TEST_TMPDIR/sum"
    [ "$(cut -d' ' -f2 "$BATS_TEST_TMPDIR/sum")" -eq $(((last - 100000000) * 10)) ]
    # Sanitizers have memory of their own.
    [ -z "${INGUEST_SANITIZED:-}" ] || return 0
    after=$(awk '/^VmHWM/ {print $2}' "/proc/$hostd/status")
    echo "hostd's peak: $before to $after KiB"
    [ $((after - before)) -lt 20480 ]
    for pid in $(pids_of toolbox-worker) $(pids_of toolboxd) $(pids_of inguest-vmx); do
        [ "$(awk '/^RssAnon/ {print $2}' "/proc/$pid/status")" -lt 6144 ]
    done
}

@test "files of more than 4 GiB, with holes that stay holes" {
    file=$BATS_TEST_TMPDIR/sparse
    printf begin >"$file"
    truncate -s $(((4 << 30) + 12345)) "$file"
    printf end >>"$file"
    [ "$(put "$file" /root/sparse)" = " 200" ]
    run in_guest stat -c '%s' /root/sparse
    [ "$output" -eq $(((4 << 30) + 12348)) ]
    # Of 4 GiB less than 64 MiB is there.
    in_guest stat -c "%b blocks" /root/sparse
    [ "$(in_guest stat -c %b /root/sparse)" -lt 131072 ]
    get /root/sparse | cmp - "$file"
    in_guest rm /root/sparse
}

@test "a full disk fails the upload, and nothing of it stays" {
    in_guest mkdir -p /mnt/small
    in_guest mount -t tmpfs -o size=8m small /mnt/small
    head -c $((4 << 20)) /dev/urandom >"$BATS_TEST_TMPDIR/fits"
    head -c $((16 << 20)) /dev/urandom >"$BATS_TEST_TMPDIR/large"
    [ "$(put "$BATS_TEST_TMPDIR/fits" /mnt/small/old)" = " 200" ]
    for name in new old; do
        run put "$BATS_TEST_TMPDIR/large" "/mnt/small/$name"
        echo "$output"
        [ "$output" = "worker: no space left 507" ]
    done
    [ "$(in_guest ls -A /mnt/small)" = old ]
    get /mnt/small/old | cmp - "$BATS_TEST_TMPDIR/fits"
    # Space comes back when the last descriptor is closed.
    has_come_back() { [ "$(in_guest df --output=used -k /mnt/small | tail -n1)" -le 4200 ]; }
    wait_until has_come_back
    in_guest umount /mnt/small
}

@test "a quota that is used up fails the upload, and nothing of it stays" {
    need FUSE test -c /dev/fuse
    mkfifo "$BATS_TEST_TMPDIR/hold" "$BATS_TEST_TMPDIR/word"
    python3 "$BATS_TEST_DIRNAME/quota_mount.py" "$(agent)" /mnt/quota <"$BATS_TEST_TMPDIR/hold" \
        >"$BATS_TEST_TMPDIR/word" 3>&- &
    exec 8>"$BATS_TEST_TMPDIR/hold" 9<"$BATS_TEST_TMPDIR/word"
    read -r -u 9 word
    [ "$word" = mounted ]
    head -c 500000 /dev/urandom >"$BATS_TEST_TMPDIR/fits"
    head -c 5000000 /dev/urandom >"$BATS_TEST_TMPDIR/large"
    run put "$BATS_TEST_TMPDIR/large" /mnt/quota/new
    echo "$output"
    [ "$output" = "worker: no space left 507" ]
    run put "$BATS_TEST_TMPDIR/fits" /mnt/quota/fits
    echo "$output"
    [ "$output" = " 200" ]
    exec 8>&-
    read -r -u 9 left
    exec 9<&-
    [ "$left" -eq 1 ]
}

@test "transfers that clients cut off leave no file, no thread and no descriptor" {
    head -c 50000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    put "$BATS_TEST_TMPDIR/data" /root/whole
    # That of the guest's root, who is the agent's user; an earlier test may have left alice's.
    worker=$(for pid in $(pids_of toolbox-worker); do
        [ "$(awk '/^Uid/ { print $2 }' "/proc/$pid/status")" != "$(stat -c %u "/proc/$(agent)")" ] || echo "$pid"
    done)
    hostd=$(pids_of hostd-worker)
    files() { find "/proc/$1/fd" -lname '*' 2>/dev/null | wc -l; }
    state() { echo "$(files "$worker") $(files "$hostd") $(files "$(pids_of inguest-vmx)")"; }
    # An upload that is under way has a file without a name open.
    open_in_worker() { [ -n "$(find "/proc/$worker/fd" -lname "$1" 2>/dev/null)" ]; }
    both_run() { open_in_worker '*/root/#*(deleted)' && open_in_worker '*/root/whole'; }
    both_ended() { ! open_in_worker '*/root/#*(deleted)' && ! open_in_worker '*/root/whole'; }
    # So that every pool has what it will have.
    get /root/whole >/dev/null
    before=$(state)
    for _ in 1 2 3 4 5; do
        curl -sk --limit-rate 100k -T "$BATS_TEST_TMPDIR/data" "$(soap url /root/cut 50000000)" 3>&- >/dev/null 2>&1 &
        up=$!
        curl -sk --limit-rate 100k -o /dev/null "$(soap url /root/whole)" 3>&- &
        down=$!
        wait_until both_run
        kill -KILL $up $down
        wait $up $down || true
        wait_until both_ended
    done
    as_before() { [ "$(state)" = "$before" ] || { echo "before: $before, now: $(state)" && false; }; }
    wait_until as_before
    [[ "$(in_guest ls -A /root)" != *cut* ]]
}

@test "an archive that breaks off is not taken for a whole one" {
    in_guest mkdir -p /root/many
    in_guest sh -c 'head -c 300000000 /dev/urandom >/root/many/big'
    url=$(soap url /root/many/)
    curl -sk --limit-rate 20M -o "$BATS_TEST_TMPDIR/tar" "$url" 3>&- &
    client=$!
    wait_until test -s "$BATS_TEST_TMPDIR/tar"
    # It is started by its descriptor, so only its arguments name it.
    kill -KILL $(comm -12 <(host_processes | sort) <(pgrep -f '^[^ ]*toolbox-archive' | sort))
    run wait $client
    echo "curl: $status"
    [ "$status" -ne 0 ]
    in_guest rm -r /root/many
}

@test "a way to the guest without streams keeps the packets" {
    mv "$HOST_DIR"/run/vm/*/link/974 "$BATS_TEST_TMPDIR/974"
    head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    [ "$(put "$BATS_TEST_TMPDIR/data" /root/packets)" = " 200" ]
    get /root/packets | cmp - "$BATS_TEST_TMPDIR/data"
    log | grep -q 'transfer to "/root/packets" by tester .*: not supported'
    log | grep -q 'transfer to "/root/packets" by tester .*: ok, 3000000 bytes'
    mv "$BATS_TEST_TMPDIR/974" "$(dirname "$HOST_DIR"/run/vm/*/link/976)/974"
}
