#!/usr/bin/env bash
# Installs the Debian packages that are missing. Usage: install-deps.sh build|test|go|lint|fuzz|bench
# Says what it installs; does nothing, and needs no rights, when all is there.
set -eu

build="gcc libc6-dev make meson ninja-build pkg-config python3 ca-certificates
 libuv1-dev libmicrohttpd-dev libgnutls28-dev libexpat1-dev libjansson-dev libsqlite3-dev
 libcurl4-gnutls-dev nettle-dev libpcre2-dev libpam0g-dev libcrypt-dev libseccomp-dev
 libcap-dev uthash-dev libarchive-dev"
tests="$build libcmocka-dev bats curl jq openssl iproute2 procps util-linux valgrind binutils xz-utils"
case "${1:-build}" in
build) want=$build ;;
test) want="$tests python3-venv python3-pip git" ;;
go) want="golang-go" ;; # for the real clients, where there is no other Go
lint) want="$tests clang-format clang-tidy shellcheck mandoc" ;;
fuzz) want="$tests clang libclang-rt-14-dev" ;;
bench) want="$tests python3-venv python3-pip git nginx-light wrk" ;;
*)
    echo "usage: $0 build|test|go|lint|fuzz|bench" >&2
    exit 2
    ;;
esac

missing=
for package in $want; do
    state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
    [ "$state" = "ii " ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
    command -v sudo >/dev/null || {
        echo "These Debian packages are missing and installing them needs root:$missing" >&2
        exit 1
    }
fi
echo "Installing missing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of package names
$sudo apt-get install -y -q --no-install-recommends $missing ||
    { $sudo apt-get update -q && $sudo apt-get install -y -q --no-install-recommends $missing; }
