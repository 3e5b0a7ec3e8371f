# What the end-to-end tests share. A test file calls host_up in setup_file and host_down in
# teardown_file; everything lives in a folder of its own and listens on a free loopback port.
# shellcheck shell=bash

BUILD=${INGUEST_BUILDDIR:-$BATS_TEST_DIRNAME/../../build}
export INGUEST_BIN_DIR=$BUILD
INGUEST=$BUILD/src/admin/inguest
HOSTD=$BUILD/src/hostd/inguest-hostd
GOVC=${INGUEST_GOVC:-$BUILD/e2e/govc}
# shellcheck disable=SC2034 # for the tests
PYTHON=${INGUEST_PYTHON:-$BUILD/e2e/venv/bin/python3}
# shellcheck disable=SC2034 # for the tests
ANSIBLE=$BUILD/e2e/ansible

# soak SHORT LONG: how often something random is tried: SHORT in `make test`, LONG in `make soak`.
soak() {
    if [ -n "${INGUEST_SOAK:-}" ]; then echo "$2"; else echo "$1"; fi
}

# need NAME COMMAND...: skips the test when COMMAND fails; with CI=true that is a failure.
need() {
    local name=$1
    shift
    "$@" >/dev/null 2>&1 && return 0
    if [ "${CI:-}" = true ]; then
        echo "$name is missing, and CI=true allows no skip" >&2
        return 1
    fi
    skip "$name is missing"
}

# host_up [hostd option...]: starts hostd and waits for its word that it serves.
host_up() {
    HOST_DIR=$(mktemp -d /tmp/ig-e2e-XXXXXX)
    chmod 755 "$HOST_DIR"
    export HOST_DIR
    printf '%s' "$HOST_PASSWORD_DEFAULT" >"$HOST_DIR/password"
    host_start "$@"
    export GOVC_URL="https://$HOST_ADDRESS/sdk" GOVC_USERNAME=tester GOVC_PASSWORD=$HOST_PASSWORD_DEFAULT
    export GOVC_INSECURE=1 GOVC_PERSIST_SESSION=false
    "$INGUEST" --state "$HOST_DIR/state" --run "$HOST_DIR/run" \
        user add tester --role Admin --password-file "$HOST_DIR/password"
}

HOST_PASSWORD_DEFAULT='Test-passw0rd!'

# host_start [option...]: (re)starts hostd on the folders of host_up; keeps the port once chosen.
host_start() {
    rm -f "$HOST_DIR/ready"
    mkfifo "$HOST_DIR/ready"
    # Descriptor 3 is bats' own: whoever keeps it open keeps bats waiting.
    "$HOSTD" --state "$HOST_DIR/state" --run "$HOST_DIR/run" --stop-vms \
        --listen "${HOST_ADDRESS:-127.0.0.1:0}" --password-file "$HOST_DIR/password" --print-ready 4 "$@" \
        >>"$HOST_DIR/hostd.log" 2>&1 4>"$HOST_DIR/ready" 3>&- &
    echo $! >"$HOST_DIR/hostd.pid"
    timeout 20 head -n1 "$HOST_DIR/ready" | grep -q ^ready || {
        cat "$HOST_DIR/hostd.log" >&2
        return 1
    }
    HOST_ADDRESS=$(cat "$HOST_DIR/run/address")
    export HOST_ADDRESS
}

host_pid() {
    cat "$HOST_DIR/hostd.pid"
}

# Every process that belongs to this host: those that carry its folder in their arguments, and all
# their descendants (the guest's processes among them).
host_processes() {
    ps -eo pid=,ppid=,args= | awk -v dir="$HOST_DIR" '
        { parent[$1] = $2; if (index($0, dir) && $0 !~ /bats|awk/) mine[$1] = 1; all[$1] = 1 }
        END {
            do { grew = 0; for (p in all) if (!(p in mine) && parent[p] in mine) { mine[p] = 1; grew = 1 } } while (grew)
            for (p in mine) print p
        }'
}

# pids_of NAME: those of the host's processes that call themselves so (15 characters at most).
pids_of() {
    local pid
    for pid in $(host_processes); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$1" ] || echo "$pid"
    done
}

# wait_until COMMAND...: tries again until it succeeds, for a minute at most. For what no event tells.
wait_until() {
    local end=$((SECONDS + 60))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || {
            echo "not within a minute: $*" >&2
            return 1
        }
        sleep 0.1
    done
}

# soap REQUEST...: bench/soap.py on the VM "demo".
soap() {
    python3 "$BATS_TEST_DIRNAME/../../bench/soap.py" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" demo root guest-pw "$@"
}

host_down() {
    [ -n "${HOST_DIR:-}" ] || return 0
    local pid
    pid=$(host_pid)
    kill -TERM "$pid" 2>/dev/null || true
    timeout 20 tail --pid="$pid" -f /dev/null || kill -KILL "$pid"
    local findings
    findings=$(sanitizer_findings)
    if [ -n "${E2E_KEEP:-}" ]; then
        echo "kept $HOST_DIR" >&2
    else
        rm -rf "$HOST_DIR"
    fi
    [ -z "$findings" ] || {
        echo "a sanitizer found something in one of the processes:" >&2
        echo "$findings" >&2
        return 1
    }
}

# What AddressSanitizer and UBSan said in the logs of hostd, the vmx and the guests' agents.
sanitizer_findings() {
    grep -rhsE -A8 'ERROR: (Address|Leak)Sanitizer: [a-z]|runtime error:' "$HOST_DIR/hostd.log" \
        "$HOST_DIR"/state/vms/*/vmware.log "$HOST_DIR"/state/vms/*/*.root/var/log/toolboxd.log |
        grep -v 'LeakSanitizer has encountered a fatal error' | head -40 || true
}

inguest() {
    "$INGUEST" --state "$HOST_DIR/state" --run "$HOST_DIR/run" "$@"
}

# vm_new NAME: makes a sandbox VM whose guest user root has the password "guest-pw" and starts it.
vm_new() {
    printf 'guest-pw' >"$HOST_DIR/guest-password"
    inguest vm create "$1" --guest-user root --guest-password-file "$HOST_DIR/guest-password"
    inguest vm start "$1"
    export GOVC_VM=$1 GOVC_GUEST_LOGIN=root:guest-pw
}

govc() {
    timeout 60 "$GOVC" "$@"
}
