#!/usr/bin/env bats
# libvix: programs written for it, the table of equivalents, handles, threads, memory.
load lib

VM='[datastore1] demo/demo.vmx'

setup_file() {
    host_up
    vm_new demo
    export HOME=$HOST_DIR/home # where keys of trusted hosts are kept
    mkdir "$HOME"
}

teardown_file() {
    host_down
}

setup() {
    VIX=$BUILD/tests/e2e/vix
    ADDRESS=$HOST_ADDRESS
    export INGUEST_STATE=$HOST_DIR/state INGUEST_RUN=$HOST_DIR/run
    LOGIN=("$ADDRESS" tester "$HOST_PASSWORD_DEFAULT" "$VM" root guest-pw)
}

stress() {
    timeout "${LIMIT:-120}" "$@"
}

@test "each row of the table: libvix, vmrun and the vSphere API give the same result" {
    need pyVmomi "$PYTHON" -c 'import pyVmomi'
    "$BUILD/src/client/vmrun" -h "$ADDRESS" -u tester -p "$HOST_PASSWORD_DEFAULT" --accept-new list
    run timeout 200 "$PYTHON" "$BATS_TEST_DIRNAME/vix/vix_table.py" "$ADDRESS" tester "$HOST_PASSWORD_DEFAULT" \
        "$VM" demo root guest-pw "$VIX/vixcall" "$BUILD/src/client/vmrun"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"rows agree"* ]]
}

@test "a program written for VIX 1.x compiles unchanged and runs" {
    # From an installed tree, as a user would: headers, library and pkg-config file.
    DESTDIR=$BATS_TEST_TMPDIR/root meson install -C "$BUILD" --no-rebuild --quiet
    local pc
    pc=$(find "$BATS_TEST_TMPDIR/root" -name vix.pc)
    export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$BATS_TEST_TMPDIR/root
    # A library with sanitizers wants a program with them.
    # shellcheck disable=SC2046 # flags are words
    cc -std=c99 -Wall -Wextra -Werror ${INGUEST_SANITIZED:+-fsanitize=address,undefined} "$BATS_TEST_DIRNAME/vix/vix1x.c" \
        $(pkg-config --cflags --libs vix) -o "$BATS_TEST_TMPDIR/vix1x"
    readelf -d "$BATS_TEST_TMPDIR/vix1x" | grep -q 'NEEDED.*libvix.so.1'
    printf 'echo customised >/root/full; printf "ten bytes\\n" >/root/log; exit 3\n' >"$BATS_TEST_TMPDIR/installer"
    inguest vm stop demo
    LD_LIBRARY_PATH=$(dirname "$(find "$BATS_TEST_TMPDIR/root" -name libvix.so.1)") run timeout 120 \
        "$BATS_TEST_TMPDIR/vix1x" "https://$ADDRESS/sdk" "${LOGIN[@]:1}" "$BATS_TEST_TMPDIR"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *done ]]
    [ "$(cat "$BATS_TEST_TMPDIR/log")" = "ten bytes" ]
    inguest vm start demo
}

@test "the library shows the published functions and nothing else" {
    run bash -c "nm -D --defined-only '$BUILD'/src/client/libvix.so.1 | awk '\$2 == \"T\" { print \$3 }' | sed 's/@.*//'"
    [ "$(grep -cvE '^Vix(Host|VM|Job|Snapshot|PropertyList)?_' <<<"$output")" -eq 0 ]
    local published
    published=$(grep -oE '\bVix[A-Za-z]*_[A-Za-z]+\(' "$BATS_TEST_DIRNAME/../../include/inguest/vix.h" | tr -d '(' | sort -u)
    diff <(sort -u <<<"$output") - <<<"$published"
}

@test "wrong, dead and foreign handles are errors" {
    stress "$VIX/vixstress" "${LOGIN[@]}" handles
}

@test "jobs: queued, released, with callbacks, cut off by a disconnect" {
    stress "$VIX/vixstress" "${LOGIN[@]}" jobs
}

@test "32 threads on one host handle" {
    stress "$VIX/vixstress" "${LOGIN[@]}" threads 32
}

@test "logins again and again: memory stays flat" {
    # A sanitizer's memory grows by itself, but it finds what is lost; below 100 logins are not measured.
    if [ -n "${INGUEST_SANITIZED:-}" ]; then
        ASAN_OPTIONS=detect_leaks=1 stress "$VIX/vixstress" "${LOGIN[@]}" logins 50
        return
    fi
    LIMIT=600 stress "$VIX/vixstress" "${LOGIN[@]}" logins "$(soak 250 1000)"
}

@test "valgrind finds nothing in handles, jobs and a login" {
    need valgrind valgrind --version
    [ -z "${INGUEST_SANITIZED:-}" ] || skip "the sanitizers look already"
    for mode in handles jobs "logins 2"; do
        # shellcheck disable=SC2086 # two words
        run timeout 200 valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect \
            "$VIX/vixstress" "${LOGIN[@]}" $mode
        echo "$output"
        [ "$status" -eq 0 ]
    done
}

@test "the examples customise every VM of the host" {
    vm_new second
    mkdir -p "$BATS_TEST_TMPDIR/kit/data" "$BATS_TEST_TMPDIR/logs"
    echo 'value=42' >"$BATS_TEST_TMPDIR/kit/data/settings"
    printf 'cp /tmp/customize/data/settings /root/settings && (hostname; cat /root/settings) >/tmp/customize/log\n' \
        >"$BATS_TEST_TMPDIR/kit/setup.sh"
    inguest vm stop second
    HOST_PASSWORD=$HOST_PASSWORD_DEFAULT GUEST_PASSWORD=guest-pw timeout 100 "$BUILD/examples/example-customize" \
        "$ADDRESS" tester root "$BATS_TEST_TMPDIR/kit" setup.sh "$BATS_TEST_TMPDIR/logs"
    grep -q value=42 "$BATS_TEST_TMPDIR/logs/demo.vmx.log"
    grep -q value=42 "$BATS_TEST_TMPDIR/logs/second.vmx.log"
    inguest vm stop second
    VMRUN=$BUILD/src/client/vmrun VMRUN_FLAGS="-h $ADDRESS -u tester" VMRUN_PASSWORD=$HOST_PASSWORD_DEFAULT \
        GUEST_USER=root VMRUN_GUEST_PASSWORD=guest-pw timeout 100 "$BATS_TEST_DIRNAME/../../examples/customize.sh" \
        "$BATS_TEST_TMPDIR/kit" setup.sh "$BATS_TEST_TMPDIR/logs" "$VM" '[datastore1] second/second.vmx'
    grep -q value=42 "$BATS_TEST_TMPDIR/logs/demo.log"
    [ "$(head -1 "$BATS_TEST_TMPDIR/logs/second.log")" = second ]
}
