#!/usr/bin/env bats
# GuestStore under random faults; see gueststore_faults.py.
load lib

setup_file() {
    host_up
    # The cache on a disk of its own, which can be full.
    mkdir -p "$HOST_DIR/state/gstored"
    mount -t tmpfs -o size=24m,mode=0700 tmpfs "$HOST_DIR/state/gstored" || true
    for vm in f1 f2; do
        vm_new $vm
    done
}

teardown_file() {
    umount -l "$HOST_DIR/state/gstored" 2>/dev/null || true
    host_down
}

bats_require_minimum_version 1.5.0

@test "random faults: whole files or errors, and the next request works" {
    need govc test -x "$GOVC"
    seed=${SEED:-$RANDOM}
    echo "seed $seed"
    export INGUEST GOVC_GUEST_LOGIN=root:guest-pw
    run env PYTHONPATH=$BATS_TEST_DIRNAME timeout "$(soak 480 1800)" python3 "$BATS_TEST_DIRNAME/gueststore_faults.py" \
        "${FAULTS:-$(soak 40 200)}" "$seed" "$HOST_DIR" "$GOVC"
    echo "$output" | tail -${LINES_MAX:-30} | sed "s/^/# /" >&3
    [ "$status" -eq 0 ]
}
