#!/usr/bin/env bash
# Makes the real clients for the end-to-end tests: govc (built from the module cache or proxy) and a
# Python environment with pyVmomi. Usage: e2e-clients.sh BUILD. Says what it cannot make; only with
# CI=true is that a failure.
set -eu
cd "$(dirname "$0")/.."
out=$PWD/$1/e2e
mkdir -p "$out"

missing() {
    echo "e2e: $1" >&2
    [ "${CI:-}" != true ] || exit 1
}

make_govc() {
    local version
    version=$(awk '/govmomi v/ {print $NF; exit}' tests/e2e/govc/go.mod)
    [ -x "$out/govc-$version" ] || {
        command -v go >/dev/null || {
            missing "there is no Go toolchain: the govc tests are skipped"
            return 0
        }
        (cd tests/e2e/govc && go build -o "$out/govc-$version" \
            -ldflags "-X github.com/vmware/govmomi/cli/flags.BuildVersion=$version" .) || {
            missing "govc does not build: the govc tests are skipped"
            return 0
        }
    }
    ln -sf "govc-$version" "$out/govc"
}

# A command line over govmomi's guest/toolbox client.
make_toolbox() {
    local program
    program=toolbox-$(cat tests/e2e/govc/go.mod tests/e2e/govc/toolbox/main.go | sha256sum | cut -c1-16)
    [ -x "$out/$program" ] || {
        command -v go >/dev/null || return 0 # has been told
        (cd tests/e2e/govc && go build -o "$out/$program" ./toolbox) || {
            missing "the toolbox client does not build: its tests are skipped"
            return 0
        }
    }
    ln -sf "$program" "$out/toolbox"
}

make_python() {
    local stamp
    stamp=$out/venv-$(sha256sum <tests/e2e/requirements.txt | cut -c1-16)
    [ -e "$stamp" ] && return 0
    rm -rf "$out/venv"
    /usr/bin/python3 -m venv "$out/venv" &&
        "$out/venv/bin/pip" install -q --disable-pip-version-check -r tests/e2e/requirements.txt &&
        touch "$stamp" || missing "pyVmomi cannot be installed: its tests are skipped"
}

make_govc
make_toolbox
make_python
