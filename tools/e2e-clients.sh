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

# Go as new as the clients need it. One since 1.21 fetches that by itself; an older one, as Debian's, is told
# to: it is a module like any other, checked against the checksum database.
find_go() {
    local version module dir
    command -v go >/dev/null || tools/install-deps.sh go || return 0
    version=$(go env GOVERSION)
    dpkg --compare-versions "${version#go}" lt 1.21 || return 0
    version=$(awk '$1 == "go" {print $2; exit}' tests/e2e/govc/go.mod)
    module=golang.org/toolchain@v0.0.1-go$version.$(go env GOOS)-$(go env GOARCH)
    dir=$(go mod download -json "$module" | jq -er .Dir) || return 0
    chmod a+x "$dir"/bin/* && find "$dir/pkg/tool" -type f -exec chmod a+x {} +
    export PATH=$dir/bin:$PATH
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

# Ansible, with the VMware collections out of the community bundle (they alone: the bundle is half a gigabyte).
ANSIBLE_BUNDLE=11.13.0

make_ansible() {
    local stamp wheel
    stamp=$out/ansible-$ANSIBLE_BUNDLE-$(sha256sum <tests/e2e/ansible-requirements.txt | cut -c1-16)
    [ -e "$stamp" ] && return 0
    rm -rf "$out/ansible" "$out/ansible-wheel"
    /usr/bin/python3 -m venv "$out/ansible" &&
        "$out/ansible/bin/pip" install -q --disable-pip-version-check -r tests/e2e/ansible-requirements.txt &&
        "$out/ansible/bin/pip" download -q --disable-pip-version-check --no-deps -d "$out/ansible-wheel" \
            "ansible==$ANSIBLE_BUNDLE" &&
        wheel=$(echo "$out/ansible-wheel"/*.whl) &&
        "$out/ansible/bin/python3" - "$wheel" "$out/ansible/collections" <<'EOF' &&
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [n for n in wheel.namelist() if n.startswith(
        ("ansible_collections/community/vmware/plugins", "ansible_collections/community/vmware/meta",
         "ansible_collections/community/vmware/MANIFEST", "ansible_collections/vmware/vmware/plugins",
         "ansible_collections/vmware/vmware/meta", "ansible_collections/vmware/vmware/MANIFEST"))])
EOF
        rm -rf "$out/ansible-wheel" &&
        touch "$stamp" || missing "Ansible cannot be installed: its tests are skipped"
}

# An S3 server that checks signatures.
VERSITYGW=v1.0.14

make_s3() {
    [ -x "$out/versitygw-$VERSITYGW" ] || {
        command -v go >/dev/null || return 0 # has been told
        GOBIN=$out/go-bin GOFLAGS=-mod=mod go install "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW" &&
            mv "$out/go-bin/versitygw" "$out/versitygw-$VERSITYGW" || {
            missing "versitygw does not build: the S3 test is skipped"
            return 0
        }
    }
    ln -sf "versitygw-$VERSITYGW" "$out/versitygw"
}

find_go
make_govc
make_toolbox
make_s3
make_python
make_ansible
