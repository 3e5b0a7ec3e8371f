#!/usr/bin/env bats
# inguest exec, cp and forward on a real host: streams, terminal, signals, ends, and what happens when one
# of the processes in between goes away.

bats_require_minimum_version 1.5.0

setup_file() {
    load lib.bash
    host_up
    vm_new web
    inguest vm create two --guest-user root --guest-password-file "$HOST_DIR/guest-password"
    inguest vm start two
}

teardown_file() {
    load lib.bash
    host_down
}

setup() {
    load lib.bash
    export INGUEST_GUEST_LOGIN=root:guest-pw
}

# The program's own command, so that a test can end it or give it to a terminal.
inguest_words() {
    echo "$INGUEST" --state "$HOST_DIR/state" --run "$HOST_DIR/run"
}

gexec() {
    timeout 60 "$INGUEST" --state "$HOST_DIR/state" --run "$HOST_DIR/run" exec "$@"
}

guest_pids() {
    gexec -n web -- pgrep -f "$1"
}

@test "output, errors and exit code are the program's" {
    run -7 --separate-stderr gexec web -- sh -c 'echo out; echo err >&2; exit 7'
    [ "$output" = out ]
    [ "$stderr" = err ]
    run -0 gexec web -- true
    run -137 gexec web -- sh -c 'kill -KILL $$'
    run -127 gexec web -- no-such-program
    [[ "$output" == *"no-such-program: No such file"* ]]
    run -126 gexec web -- /etc/passwd
    run -126 gexec -w /no/such/folder web -- true
}

@test "arguments, folder, environment and user arrive as they are" {
    run -0 gexec -w /usr -e 'A=x y' web -- sh -c 'pwd; echo "$A|$1|$2|$USER"' sh 'a  b' '"$(c)'
    [ "${lines[0]}" = /usr ]
    [ "${lines[1]}" = 'x y|a  b|"$(c)|root' ]
}

@test "our own failures are 125 and say why" {
    run -125 gexec no-such-vm -- true
    [[ "$output" == *"there is no VM named no-such-vm"* ]]
    INGUEST_GUEST_LOGIN=root:wrong run -125 gexec web -- true
    [[ "$output" == *"InvalidGuestLogin"* ]]
    run -125 gexec
    run -125 gexec web ''
    run -0 gexec -h
}

@test "input reaches the program, up to its end" {
    run -0 bash -c "printf 'b\na\n' | $(inguest_words) exec web -- sort"
    [ "$output" = $'a\nb' ]
    run -0 gexec -n web -- cat
    [ -z "$output" ]
    run -0 bash -c "echo 'echo from the shell; exit 3' | $(inguest_words) exec web || echo code \$?"
    [ "${lines[0]}" = "from the shell" ]
    [ "${lines[1]}" = "code 3" ]
}

@test "binary data, both ways" {
    head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    gexec web -- cat <"$BATS_TEST_TMPDIR/data" >"$BATS_TEST_TMPDIR/back"
    cmp "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/back"
}

@test "a quarter of a gigabyte of output is whole and in order" {
    expected=$(seq 1 28000000 | head -c 268435456 | md5sum)
    [ "$(gexec -n web -- sh -c 'seq 1 28000000 | head -c 268435456' | md5sum)" = "$expected" ]
}

@test "a client that does not read stops the program, not the memory" {
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    gexec -n web -- sh -c 'head -c 100000000 /dev/zero; echo end >&2' >"$BATS_TEST_TMPDIR/fifo" \
        2>"$BATS_TEST_TMPDIR/err" 3>&- &
    local client=$!
    exec 7<"$BATS_TEST_TMPDIR/fifo"
    wait_until guest_pids 'head -c 100000000'
    local worker
    worker=$(gexec -n web -- pgrep -of toolbox-worker)
    [ "$(gexec -n web -- sh -c "grep VmRSS /proc/$worker/status | tr -dc 0-9")" -lt 30000 ]
    [ ! -s "$BATS_TEST_TMPDIR/err" ]
    [ "$(wc -c <&7)" = 100000000 ]
    wait "$client"
    grep -q end "$BATS_TEST_TMPDIR/err"
    exec 7<&-
}

@test "signals of the client reach the program" {
    # shellcheck disable=SC2046
    $(inguest_words) exec -n web -- sh -c 'trap "exit 42" TERM; echo ready; while :; do sleep 0.05; done' \
        >"$BATS_TEST_TMPDIR/out" 3>&- &
    local job=$! code=0
    wait_until grep -q ready "$BATS_TEST_TMPDIR/out"
    kill -TERM "$job"
    wait "$job" || code=$?
    [ "$code" -eq 42 ]
}

@test "a terminal: size, Ctrl-C, resizing, and the mode given back" {
    # shellcheck disable=SC2046
    run -0 timeout 100 python3 "$BATS_TEST_DIRNAME/exec_terminal.py" $(inguest_words)
}

@test "a client that is killed ends its terminal's program" {
    # shellcheck disable=SC2046
    setsid script -qec "$(inguest_words) exec -t web -- sleep 4321" /dev/null >/dev/null 2>&1 </dev/null 3>&- &
    wait_until guest_pids 'sleep 4321'
    pkill -KILL -f "$HOST_DIR/run exec -t web -- sleep 4321"
    gone() { ! guest_pids '^sleep 4321'; }
    wait_until gone
}

@test "the program is in the list of processes, with its exit code" {
    need govc test -x "$GOVC"
    run -5 gexec -n web -- sh -c 'exit 5'
    run -0 govc guest.ps -vm web -l "$GOVC_GUEST_LOGIN" -x -json
    jq -e 'any(.processInfo[]; .exitCode == 5 and (.cmdLine | contains("exit 5")))' <<<"$output"
}

@test "an agent that is killed on the way: a clear word, and the next one works" {
    gexec -n two -- sh -c 'echo ready; sleep 300' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    local job=$!
    wait_until grep -q ready "$BATS_TEST_TMPDIR/out"
    gexec -n two -- sh -c 'kill -KILL $(pgrep toolboxd) $(pgrep toolbox-worker)' || true
    local code=0
    wait "$job" || code=$?
    [ "$code" -eq 125 ]
    grep -q 'connection to the guest broke' "$BATS_TEST_TMPDIR/err"
    alive() { gexec -n two -- true 2>/dev/null; }
    wait_until alive
}

@test "a port of the guest's loopback" {
    gexec -n web -- sh -c 'mkdir -p /tmp/www; seq 1 200000 >/tmp/www/data; echo index >/tmp/www/index.html'
    gexec -n web -- sh -c 'cd /tmp/www && exec python3 -m http.server 8181 --bind 127.0.0.1' >/dev/null 2>&1 3>&- &
    local server=$!
    # shellcheck disable=SC2046
    $(inguest_words) forward web 0:8181 >"$BATS_TEST_TMPDIR/ports" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    local forward=$!
    wait_until grep -q 'guest port 8181' "$BATS_TEST_TMPDIR/ports"
    local at
    at=$(cut -d' ' -f1 "$BATS_TEST_TMPDIR/ports")
    answers() { curl -sf -o /dev/null "http://$at/"; }
    wait_until answers
    [ "$(curl -sf "http://$at/data" | md5sum)" = "$(seq 1 200000 | md5sum)" ]
    # Many at once.
    for i in $(seq 20); do
        curl -sf "http://$at/data" -o "$BATS_TEST_TMPDIR/part$i" 3>&- &
    done
    wait $(jobs -p | grep -v -e "^$server\$" -e "^$forward\$")
    [ "$(md5sum <"$BATS_TEST_TMPDIR/part20")" = "$(seq 1 200000 | md5sum)" ]
    [ "$(ls "$BATS_TEST_TMPDIR"/part* | wc -l)" -eq 20 ]
    kill -INT "$forward"
    wait "$forward"
    run ! curl -sf "http://$at/"
    kill "$server" || true
}

@test "a port where nobody listens is said" {
    # shellcheck disable=SC2046
    $(inguest_words) forward web 0:9 >"$BATS_TEST_TMPDIR/ports" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    local forward=$!
    wait_until grep -q 'guest port 9' "$BATS_TEST_TMPDIR/ports"
    run ! curl -sf "http://$(cut -d' ' -f1 "$BATS_TEST_TMPDIR/ports")/"
    grep -qi 'refused' "$BATS_TEST_TMPDIR/err"
    kill -INT "$forward"
    wait "$forward"
}

@test "cp: files keep content, mode and time, both ways, and pipes" {
    cd "$BATS_TEST_TMPDIR"
    head -c 3000000 /dev/urandom >file
    chmod 640 file
    touch -d '2020-02-03 04:05:06' file
    inguest cp file web:/tmp/
    [ "$(gexec -n web -- stat -c '%a %Y' /tmp/file)" = "640 $(stat -c %Y file)" ]
    inguest cp web:/tmp/file back
    cmp file back
    [ "$(stat -c '%a %Y' back)" = "640 $(stat -c %Y file)" ]
    seq 1000 | inguest cp - web:/tmp/seq
    [ "$(inguest cp web:/tmp/seq - | md5sum)" = "$(seq 1000 | md5sum)" ]
    run ! inguest cp web:/tmp/no-such-file x
    [ ! -e x ]
    run ! inguest cp . web:/tmp/
    [[ "$output" == *"use -r"* ]]
    run -2 inguest cp file file2
}

@test "cp -r: folders, both ways" {
    cd "$BATS_TEST_TMPDIR"
    mkdir -p tree/sub
    seq 100 >tree/sub/numbers
    ln -s sub/numbers tree/link
    chmod 750 tree/sub
    inguest cp -r tree web:/tmp/newtree
    run -0 gexec -n web -- sh -c 'cd /tmp/newtree && readlink link && stat -c %a sub && tail -1 link'
    [ "$output" = $'sub/numbers\n750\n100' ]
    inguest cp -r tree web:/tmp/newtree
    gexec -n web -- test -d /tmp/newtree/tree/sub
    inguest cp -r web:/tmp/newtree/tree copy
    diff -r tree copy
    [ "$(readlink copy/link)" = sub/numbers ]
}

# rest PATH BODY-AFTER-CREDENTIALS: a POST with the guest's credentials.
rest() {
    curl -sk --max-time 30 -H "vmware-api-session-id: $REST_SESSION" -H 'content-type: application/json' \
        -d "{\"credentials\":{\"type\":\"USERNAME_PASSWORD\",\"user_name\":\"root\",\"password\":\"guest-pw\",\"interactive_session\":false}$2}" \
        "https://$HOST_ADDRESS/api/$1"
}

@test "REST: the end of a program is told at once; a stream's URL is good once" {
    REST_SESSION=$(curl -sk -X POST -u "tester:$HOST_PASSWORD_DEFAULT" "https://$HOST_ADDRESS/api/session" | tr -d '"')
    local vm pid begin
    vm=$(curl -sk -H "vmware-api-session-id: $REST_SESSION" "https://$HOST_ADDRESS/api/vcenter/vm?names=web" |
        grep -oE '"vm":"[^"]*"' | cut -d'"' -f4)
    pid=$(rest "vcenter/vm/$vm/guest/processes?action=create" \
        ",\"spec\":{\"path\":\"/bin/sh\",\"arguments\":\"-c 'sleep 1; exit 3'\"}")
    echo "vm $vm, pid $pid"
    [[ "$pid" =~ ^[0-9]+$ ]]
    begin=$(date +%s%N)
    run -0 rest "inguest/vm/$vm/guest/processes/$pid?action=wait&seconds=20"
    [[ "$output" == *'"exit_code":3'* ]]
    # Asking again without a notice would take five seconds.
    [ $((($(date +%s%N) - begin) / 1000000)) -lt 4500 ]
    run -0 rest "inguest/vm/$vm/guest/processes/$pid?action=wait&seconds=601"
    [[ "$output" == *INVALID_ARGUMENT* ]]
    run -0 rest "inguest/vm/$vm/guest/processes/999999?action=wait"
    [[ "$output" == *NOT_FOUND* ]]

    run -0 rest "inguest/vm/$vm/guest/streams" ',"program":{"arguments":["echo","hello"]}'
    local path
    path=$(grep -oE '/guestStream[^"]*' <<<"$output")
    run -0 curl -sk -o /dev/null -w '%{http_code}' "https://$HOST_ADDRESS$path"
    [ "$output" = 426 ]
    local upgrade=(-H 'Connection: Upgrade' -H 'Upgrade: inguest-stream')
    run curl -sk --http1.1 --max-time 10 -i "${upgrade[@]}" "https://$HOST_ADDRESS$path" -o "$BATS_TEST_TMPDIR/answer"
    grep -aq '^HTTP/1.1 101' "$BATS_TEST_TMPDIR/answer"
    run -0 curl -sk -o /dev/null -w '%{http_code}' "${upgrade[@]}" "https://$HOST_ADDRESS$path"
    [ "$output" = 404 ]
    run -0 rest "inguest/vm/$vm/guest/streams" ''
    [[ "$output" == *INVALID_ARGUMENT* ]]
    run -0 rest "inguest/vm/$vm/guest/streams" ',"connection":{"port":70000}'
    [[ "$output" == *INVALID_ARGUMENT* ]]
}
