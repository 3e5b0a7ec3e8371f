#!/usr/bin/env bats
# Many clients at once, and transfers far larger than any memory.
load lib

setup_file() {
    host_up
    vm_new demo
}

teardown_file() {
    host_down
}

# Highest resident size, in KiB, that any process of this host ever had.
peak_kib() {
    local pid
    for pid in $(host_processes); do
        awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true
    done | sort -n | tail -n 1
}

@test "64 clients at once, 20 programs each, every exit code right" {
    run python3 "$BATS_TEST_DIRNAME/many_clients.py" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" demo root guest-pw 64 20
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "4 GiB up and down keep every process under 32 MiB" {
    [ -z "${INGUEST_SANITIZED:-}" ] || skip "sanitizers have memory of their own"
    size=$((4 << 30))
    truncate -s $size "$BATS_TEST_TMPDIR/big"
    # Marks that a shift or a loss would move: at the start, beyond 2 GiB, at the very end.
    for at in 0 $((2 << 30)) $((size - 9)); do
        printf 'mark%05d' $((at % 99991)) | dd of="$BATS_TEST_TMPDIR/big" bs=1 seek=$at conv=notrunc status=none
    done
    curl -sk --fail -T "$BATS_TEST_TMPDIR/big" "$(soap url /root/big $size)"
    curl -sk --fail -o "$BATS_TEST_TMPDIR/back" "$(soap url /root/big)"
    cmp "$BATS_TEST_TMPDIR/big" "$BATS_TEST_TMPDIR/back"
    rm -f "$BATS_TEST_TMPDIR/big" "$BATS_TEST_TMPDIR/back"
    peak=$(peak_kib)
    echo "peak resident: $peak KiB"
    [ "$peak" -gt 0 ]
    [ "$peak" -lt $((32 * 1024)) ]
}
