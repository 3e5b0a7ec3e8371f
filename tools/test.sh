#!/usr/bin/env bash
# The whole test run: unit tests and corpus replay, plain and under AddressSanitizer and UBSan, then the
# end-to-end tests with real clients. `soak`: those that try something at random, many times. Usage:
# test.sh [unit|e2e|soak]
set -eu
cd "$(dirname "$0")/.."
what=${1:-all}
tools/install-deps.sh test

build() { # folder, meson options...
    local build=$1
    shift
    [ -f "$build/build.ninja" ] || meson setup "$build" "$@"
    meson compile -C "$build"
}

unit() {
    meson test -C "$1" --print-errorlogs --no-rebuild --suite unit --suite fuzz -t 4
}

build build
if [ "$what" = all ] || [ "$what" = unit ]; then
    build build-asan -Db_sanitize=address,undefined -Db_lundef=false
    unit build
    unit build-asan
fi
if [ "$what" != unit ]; then
    if [ "$(id -u)" -ne 0 ]; then
        [ "${CI:-}" != true ] || { echo "the end-to-end tests need root" >&2; exit 1; }
        echo "The end-to-end tests are skipped: sandbox VMs need root."
        exit 0
    fi
    tools/e2e-clients.sh build
    if [ "$what" = soak ]; then
        INGUEST_SOAK=1 INGUEST_BUILDDIR=$PWD/build bats --print-output-on-failure tests/e2e/79_endurance.bats \
            tests/e2e/81_dataset_crash.bats tests/e2e/83_snapshot_kills.bats \
            tests/e2e/87_gueststore_faults.bats tests/e2e/91_libvix.bats
        exit
    fi
    INGUEST_BUILDDIR=$PWD/build bats --print-output-on-failure tests/e2e
    if [ "$what" = all ]; then
        # The main job and the bad input once more, every process under the sanitizers. Leaks are the
        # unit tests' matter: the confined processes do not let LeakSanitizer look.
        ln -sfn ../build/e2e build-asan/e2e
        ASAN_OPTIONS=detect_leaks=0 INGUEST_SANITIZED=1 INGUEST_BUILDDIR=$PWD/build-asan \
            bats --print-output-on-failure tests/e2e/10_govc.bats tests/e2e/20_vmomi.bats \
            tests/e2e/50_bad_input.bats
    fi
fi
