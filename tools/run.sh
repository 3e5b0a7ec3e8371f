#!/usr/bin/env bash
# Builds inguest and runs a host with a demo VM in the foreground.
# Usage: run.sh BUILD [--once]      (make run, make run ARGS=--once)
set -eu
cd "$(dirname "$0")/.."
build=$1
shift
tools/install-deps.sh build
[ -f "$build/build.ninja" ] || meson setup "$build" -Dtests=false
meson compile -C "$build"

# The host needs root for namespaces, user ids of its own and confinement.
sudo=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "inguest needs root, and there is no sudo: run this as root" >&2
        exit 1
    }
    sudo=sudo
fi
# Sandbox guests run under user ids of their own, which must reach the programs and the state.
state=${INGUEST_STATE:-/var/tmp/inguest-demo}
run=${INGUEST_RUN:-/run/inguest-demo}
listen=${INGUEST_LISTEN:-127.0.0.1:8989}
$sudo "$build/src/admin/inguest" --state "$state" --run "$run" up --listen "$listen" --demo "$@"
