#!/usr/bin/env bats
# GuestStore, the host's side: gstored by itself against folders, web servers and an S3 server, then
# under hostd with the administrator's commands.
load lib

setup_file() {
    export GSTORED=$BUILD/src/gstored/inguest-gstored
    host_up
    mkdir "$HOST_DIR/repository"
    chmod 755 "$HOST_DIR/repository"
    export REPOSITORY=$HOST_DIR/repository
}

teardown_file() {
    host_down
}

gstored_case() {
    export TMPDIR=$BATS_TEST_TMPDIR
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR" 2>/dev/null || true
    timeout 120 python3 "$BATS_TEST_DIRNAME/gstored_cases.py" "$1"
}

@test "a folder: its files, and nothing else in any spelling" {
    gstored_case folder
}

@test "rules decide, per VM, at once, and never for long" {
    gstored_case rules
}

@test "nonsense, too many requests, cancelled requests" {
    gstored_case nonsense
}

@test "http: names, redirects, limits, versions" {
    gstored_case http
}

@test "https: only a good certificate will do" {
    gstored_case tls
}

@test "64 VMs, one file: one download, which all follow; small memory" {
    gstored_case single_flight
}

@test "an origin that breaks off or changes on the way" {
    gstored_case broken
}

@test "the cache: limit, order, damage, restart" {
    gstored_case cache
}

@test "a full disk" {
    gstored_case disk_full
}

@test "settings, restarts, a folder that is mounted later" {
    gstored_case life
}

@test "strangers stay out; nothing of root is left" {
    gstored_case stranger
}

@test "S3: signed requests to a real server" {
    need versitygw test -x "$BUILD/e2e/versitygw"
    VERSITYGW=$BUILD/e2e/versitygw gstored_case s3
}

# ---- under hostd ----

gstored_runs() {
    inguest --json gueststore status | jq -e '.running'
}

@test "repository: set, get, clear; gstored runs while there is one" {
    run inguest gueststore repository get
    [ "$status" -eq 1 ]
    [[ $output == *"There is no repository"* ]]
    [ -z "$(pids_of inguest-gstored)" ]
    run inguest gueststore repository set ftp://x
    [ "$status" -eq 1 ]
    run inguest gueststore repository set
    [ "$status" -eq 2 ]
    run inguest gueststore repository set "$REPOSITORY" --size-max many
    [ "$status" -eq 1 ]
    inguest gueststore repository set "$REPOSITORY" --size-max 1000000
    inguest gueststore repository get | grep -x "repository  $REPOSITORY"
    inguest --json gueststore repository get | jq -e '.size_max == 1000000'
    wait_until gstored_runs
    [ "$(pids_of inguest-gstored | wc -l)" -eq 1 ]
    inguest gueststore repository clear
    no_gstored() { [ -z "$(pids_of inguest-gstored)" ]; }
    wait_until no_gstored
    inguest gueststore status | grep -x 'repository  none'
}

@test "gstored comes back when it is killed, and after hostd was" {
    inguest gueststore repository set "$REPOSITORY"
    wait_until gstored_runs
    for _ in 1 2 3; do
        old=$(pids_of inguest-gstored)
        kill -KILL "$old"
        another() { [ -n "$(pids_of inguest-gstored)" ] && [ "$(pids_of inguest-gstored)" != "$old" ] && gstored_runs; }
        wait_until another
    done
    # The worker is killed: gstored goes on.
    old=$(pids_of inguest-gstored)
    kill -KILL "$(pgrep -P "$(host_pid)" -x hostd-worker)"
    wait_until gstored_runs
    [ "$(pids_of inguest-gstored)" = "$old" ]
}

@test "put, ls, rm: whole files only, below the root only" {
    printf 'one' >"$BATS_TEST_TMPDIR/f"
    inguest gueststore put "$BATS_TEST_TMPDIR/f" /new/folder/file
    [ "$(cat "$REPOSITORY/new/folder/file")" = one ]
    [ "$(stat -c %a "$REPOSITORY/new/folder/file")" = 644 ]
    inode=$(stat -c %i "$REPOSITORY/new/folder/file")
    printf 'two' >"$BATS_TEST_TMPDIR/f"
    inguest gueststore put "$BATS_TEST_TMPDIR/f" /new/folder/file
    [ "$(cat "$REPOSITORY/new/folder/file")" = two ]
    [ "$(stat -c %i "$REPOSITORY/new/folder/file")" != "$inode" ] # another file, not a rewritten one
    inguest gueststore ls /new | grep -q 'folder/'
    inguest --json gueststore ls /new/folder | jq -e '.[0] == {name: "file", folder: false, size: 3}'
    [ "$(ls -A "$REPOSITORY/new/folder")" = file ]
    for path in / '' /new/folder/ /../out /new/../../out; do
        run inguest gueststore put "$BATS_TEST_TMPDIR/f" "$path"
        [ "$status" -eq 1 ]
    done
    [ ! -e "$HOST_DIR/out" ]
    ln -s /tmp "$REPOSITORY/link"
    run inguest gueststore put "$BATS_TEST_TMPDIR/f" /link/gstored-out
    [ "$status" -eq 1 ]
    [ ! -e /tmp/gstored-out ]
    inguest gueststore rm /new/folder/file
    [ ! -e "$REPOSITORY/new/folder/file" ]
    run inguest gueststore rm /new/folder/file
    [ "$status" -eq 1 ]
}

@test "rules: through inguest and ReconfigVM, on a running VM; a broken one is told" {
    inguest gueststore repository set "$REPOSITORY"
    vm_new rules
    inguest gueststore rules rules deny '/secret/.*'
    inguest --json gueststore rules rules | jq -e '.deny == "/secret/.*" and .grant == null'
    inguest gueststore rules rules grant '('
    told() { inguest gueststore rules rules | grep -q 'everything is denied'; }
    wait_until gstored_runs
    wait_until told
    inguest gueststore rules rules clear
    inguest --json gueststore rules rules | jq -e '.deny == null and .grant == null'
    if [ -x "$GOVC" ]; then
        govc vm.change -vm rules -e guestStore.access.deny=/x
        inguest --json gueststore rules rules | jq -e '.deny == "/x"'
    fi
    # The VM's file does not overrule what was set.
    inguest vm stop rules
    host_restart_with_edited_rules
    inguest --json gueststore rules rules | jq -e '.deny != "/edited"'
    run inguest gueststore rules nobody
    [ "$status" -eq 1 ]
}

host_restart_with_edited_rules() {
    kill -TERM "$(host_pid)"
    timeout 20 tail --pid="$(host_pid)" -f /dev/null
    sed -i '/^guestStore/d' "$HOST_DIR"/state/vms/rules/*.vmx
    echo 'guestStore.access.deny = "/edited"' >>"$(echo "$HOST_DIR"/state/vms/rules/*.vmx)"
    host_start
}

@test "/metrics: for Prometheus, without a login only on this machine" {
    inguest gueststore repository set "$REPOSITORY"
    wait_until gstored_runs
    curl -sk "https://$HOST_ADDRESS/metrics" >"$BATS_TEST_TMPDIR/metrics"
    grep -x 'inguest_gueststore_configured 1' "$BATS_TEST_TMPDIR/metrics"
    grep -x 'inguest_gueststore_up 1' "$BATS_TEST_TMPDIR/metrics"
    grep -x 'inguest_gueststore_requests_total 0' "$BATS_TEST_TMPDIR/metrics"
    grep -E '^inguest_virtual_machines.power="poweredOff". [0-9]+$' "$BATS_TEST_TMPDIR/metrics"
    # Every sample belongs to a family that was declared, and none is there twice.
    awk '/^# TYPE/ { type[$3] = 1; next } /^#/ { next }
        { n = $1; sub(/\{.*/, "", n); if (!(n in type) || seen[$1]++) exit 1 }' "$BATS_TEST_TMPDIR/metrics"
    [ "$(curl -sk -o /dev/null -w '%{http_code}' -H 'X-Forwarded-For: 192.0.2.1' "https://$HOST_ADDRESS/metrics")" = 401 ]
}

@test "who may not configure the host may not set a repository" {
    printf 'Reader-passw0rd' >"$HOST_DIR/reader"
    inguest user add reader --role ReadOnly --password-file "$HOST_DIR/reader"
    run inguest --user reader --password-file "$HOST_DIR/reader" gueststore repository set /tmp
    [ "$status" -eq 1 ]
    [[ $output == *Host.Config.GuestStore* ]]
    run inguest --user reader --password-file "$HOST_DIR/reader" gueststore status
    [ "$status" -eq 1 ]
}
