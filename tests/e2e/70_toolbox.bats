#!/usr/bin/env bats
# What clients of the Go toolbox do, with govmomi's guest/toolbox client unmodified: programs without
# temporary files, folders as archives, HTTP to the guest's loopback.
bats_require_minimum_version 1.5.0
load lib

TOOLBOX=${INGUEST_E2E_TOOLBOX:-$BUILD/e2e/toolbox}

setup_file() {
    host_up
    vm_new demo
}

teardown_file() {
    host_down
}

setup() {
    need govc test -x "$GOVC"
    need "the toolbox client" test -x "$TOOLBOX"
    export GOVC_VM=demo GOVC_GUEST_LOGIN=root:guest-pw
}

@test "a command runs with its streams in temporary files" {
    run bash -c "echo from-stdin | $TOOLBOX run cat"
    [ "$status" -eq 0 ]
    [ "$output" = from-stdin ]
    run "$TOOLBOX" run /bin/sh -c '"echo out; echo err >&2; exit 9"' </dev/null
    [ "$status" -eq 9 ]
    [[ "$output" == *out* && "$output" == *err* ]]
}

@test "a program has standard streams without files" {
    run --separate-stderr bash -c "echo to-the-program | $TOOLBOX pipe sh -c \"'cat; echo problem >&2; exit 5'\""
    [ "$status" -eq 5 ]
    [ "$output" = to-the-program ]
    [ "$stderr" = problem ]
    run "$TOOLBOX" pipe no-such-program </dev/null
    [ "$status" -ne 0 ]
    [[ "$output" == *"not found"* ]]
}

@test "output of any length arrives whole and in order, and costs the agent no memory" {
    [ "$("$TOOLBOX" pipe seq 10000000 </dev/null | sha256sum)" = "$(seq 10000000 | sha256sum)" ]
    workers=0
    for pid in $(host_processes); do
        [ "$(cat "/proc/$pid/comm")" = toolbox-worker ] || continue
        workers=$((workers + 1))
        [ -n "${INGUEST_SANITIZED:-}" ] || # sanitizers have memory of their own
            [ "$(awk '/^RssAnon/ {print $2}' "/proc/$pid/status")" -lt 4096 ]
    done
    [ "$workers" -gt 0 ]
}

@test "input that the program takes its time for arrives in order" {
    seq 600000 >"$BATS_TEST_TMPDIR/in"
    run bash -c "$TOOLBOX pipe sh -c \"'sleep 5; sha256sum'\" <$BATS_TEST_TMPDIR/in"
    [ "$status" -eq 0 ]
    [ "$output" = "$(sha256sum <"$BATS_TEST_TMPDIR/in")" ]
}

@test "files that the guest's kernel makes up come whole" {
    run "$TOOLBOX" get /proc/self/status
    [ "$status" -eq 0 ]
    [[ "$output" == Name:* && "$output" == *nonvoluntary_ctxt_switches* ]]
    govc guest.download /proc/cpuinfo "$BATS_TEST_TMPDIR/cpuinfo"
    [ "$(grep -c ^processor "$BATS_TEST_TMPDIR/cpuinfo")" = "$(grep -c ^processor /proc/cpuinfo)" ]
    # More than one packet's worth.
    govc guest.download /proc/kallsyms "$BATS_TEST_TMPDIR/kallsyms"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/kallsyms")" = "$(wc -l </proc/kallsyms)" ]
}

@test "a folder comes down as an archive" {
    govc guest.mkdir -p /root/down/sub
    printf one | "$TOOLBOX" put /root/down/sub/one
    printf log | "$TOOLBOX" put /root/down/a.log
    run bash -c "$TOOLBOX get /archive:/root/down | tar -tf -"
    [ "$output" = $'a.log\nsub/\nsub/one' ]
    run bash -c "$TOOLBOX get /root/down/ | tar -tf -"
    [ "$output" = $'a.log\nsub/\nsub/one' ]
    run bash -c "$TOOLBOX get '/archive:/root/down?format=tgz&prefix=p%2F&skip=*.log' | tar -tzf -"
    [ "$output" = $'p/sub/\np/sub/one' ]
    run "$TOOLBOX" get "/archive:/root/down?format=zip"
    [ "$status" -ne 0 ]
    run "$TOOLBOX" get /archive:/root/missing
    [ "$status" -ne 0 ]
    [[ "$output" == *"not found"* ]]
}

@test "an archive goes up into a folder and not out of it" {
    cd "$BATS_TEST_TMPDIR"
    mkdir -p up/sub
    head -c 3000000 /dev/urandom >up/sub/data
    ln -s /root/outside up/link
    tar -C up -czf up.tgz .
    "$TOOLBOX" put /archive:/root/up <up.tgz
    "$TOOLBOX" get /root/up/sub/data | cmp - up/sub/data
    printf untouched | "$TOOLBOX" put /root/outside
    mkdir evil
    echo overwritten >evil/outside
    # A file by way of a link, and one by way of its name.
    tar -cf evil.tar --transform 's,evil,link,' evil/outside
    ln -s /root evil/l
    tar -rf evil.tar --transform 's,^evil/l,linked,' evil/l
    tar -rf evil.tar --transform 's,^evil,linked,' evil/outside
    run "$TOOLBOX" put /archive:/root/up <evil.tar
    [ "$status" -ne 0 ]
    tar -cPf evil.tar --transform 's,^evil,../../root,' evil/outside
    "$TOOLBOX" put /archive:/root/up <evil.tar
    [ "$("$TOOLBOX" get /root/outside)" = untouched ]
    head -c 100000 /dev/urandom >noise
    run "$TOOLBOX" put /archive:/root/up <noise
    [ "$status" -ne 0 ]
}

@test "HTTP reaches a server on the guest's loopback" {
    need python3 test -x /usr/bin/python3
    printf 'served in the guest' | "$TOOLBOX" put /root/page
    pid=$(govc guest.start /usr/bin/python3 -m http.server --bind 127.0.0.1 --directory /root 8080)
    wait_until "$TOOLBOX" http 127.0.0.1:8080 http://guest/page
    [ "$("$TOOLBOX" http 127.0.0.1:8080 http://guest/page)" = "served in the guest" ]
    run "$TOOLBOX" http 127.0.0.1:8080 http://guest/missing
    [[ "$output" == *404* ]]
    govc guest.kill -p "$pid"
    run "$TOOLBOX" pipe http.RoundTrip 127.0.0.1:1 </dev/null
    [ "$status" -eq 1 ]
    [[ "$output" == *refused* ]]
}
