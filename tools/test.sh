#!/usr/bin/env bash
# The whole test run: builds plain and with sanitizers, unit tests and corpus replay in both.
set -eu
cd "$(dirname "$0")/.."
tools/install-deps.sh test

run() { # build folder, meson options...
    local build=$1
    shift
    [ -f "$build/build.ninja" ] || meson setup "$build" "$@"
    meson compile -C "$build"
    meson test -C "$build" --print-errorlogs
}
run build
run build-asan -Db_sanitize=address,undefined -Db_lundef=false
