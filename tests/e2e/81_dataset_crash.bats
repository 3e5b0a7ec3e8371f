#!/usr/bin/env bats
# Writers on the host and in the guest while vmx and hostd are killed, again and again: what was
# acknowledged is there, whole, and nothing is left locked.
load lib

KILLS=${KILLS:-$(soak 40 200)}

setup_file() {
    host_up
    vm_new demo
    BASE=https://$HOST_ADDRESS
    login
    ID=$(curl -sk -H "vmware-api-session-id: $TOKEN" "$BASE/api/vcenter/vm?names=demo" | jq -r '.[0].vm')
    export ID BASE SETS=$BASE/api/vcenter/vm/$ID/data-sets
}

teardown_file() {
    host_down
}

teardown() {
    [ -z "${writer:-}" ] || kill "$writer" 2>/dev/null || true
}

login() {
    TOKEN=$(curl -sk -m 20 -X POST -u "tester:$HOST_PASSWORD_DEFAULT" "https://$HOST_ADDRESS/api/session" | jq -r .)
}

rest() {
    curl -sk -m 20 -H "vmware-api-session-id: $TOKEN" -H 'Content-Type: application/json' "$@"
}

hostd_pids() {
    pids_of inguest-hostd
    pids_of hostd-worker
}

hostd_is_gone() {
    [ -z "$(hostd_pids)" ]
}

# ready: logged in, and the guest takes operations
ready() {
    login
    wait_until operations_ready
}

operations_ready() {
    rest "$BASE/api/vcenter/vm/$ID/guest/operations" | jq -e '.guest_operations_ready == true' >/dev/null
}

# check LOG SET: for every key, the value is one that was begun, no older than the last acknowledged
# one, and whole.
check() {
    rest "$SETS/$2/entries" >"$BATS_TEST_TMPDIR/keys"
    jq -r '.[]' "$BATS_TEST_TMPDIR/keys" | while read -r key; do
        rest "$SETS/$2/entries/$key" | jq -r --arg k "$key" '$k + " " + .'
    done >"$BATS_TEST_TMPDIR/values"
    awk -v values="$BATS_TEST_TMPDIR/values" '
        $1 == "done" { done[$2] = $3 }
        $1 == "begun" { begun[$2, $3] = 1 }
        END {
            while ((getline line <values) > 0) {
                split(line, w, " ")
                if (split(w[2], p, "-") != 3 || p[3] != "end" || length(p[2]) != p[1] * 37 % 5000) {
                    print "half an entry: " w[1]; bad = 1
                }
                if (!((w[1], p[1]) in begun)) { print "nobody wrote " w[1] " " p[1]; bad = 1 }
                if (w[1] in done && p[1] < done[w[1]]) { print "lost: " w[1] " has " p[1] ", not " done[w[1]]; bad = 1 }
                there[w[1]] = 1
            }
            for (k in done) { n++; if (!(k in there)) { print "lost: " k; bad = 1 } }
            if (n < 10) { print "only " n " keys were written"; bad = 1 }
            exit bad
        }' "$1"
}

@test "no acknowledged entry is lost, none is half, nothing stays locked" {
    need govc test -x "$GOVC"
    need jq jq --version
    login
    for name in host guest; do
        code=$(rest -o /dev/null -w '%{http_code}' -X POST "$SETS" \
            -d "{\"name\":\"$name\",\"description\":\"\",\"host\":\"READ_WRITE\",\"guest\":\"READ_WRITE\"}")
        [ "$code" = 201 ]
    done
    log=$BATS_TEST_TMPDIR/host.log
    python3 "$BATS_TEST_DIRNAME/datasets_writer.py" "$BASE" "$ID" host "$HOST_PASSWORD_DEFAULT" "$log" 3>&- &
    writer=$!
    # A machine ends with its vmx, so the guest's writer begins anew with each: its log is in the
    # guest's own disk, which stays.
    cat >"$BATS_TEST_TMPDIR/guest-writer" <<'END'
#!/bin/sh
mkdir -p /var/tmp; n=$(cut -d' ' -f3 /var/tmp/log 2>/dev/null | sort -n | tail -n 1); n=$((${n:-0} + 1))
while :; do
    key=k$((n % 50)); x=$(head -c $((n * 37 % 5000)) /dev/zero | tr '\0' x)
    echo "begun $key $n" >>/var/tmp/log
    printf '%s' "datasets-set-entry {\"dataset\":\"guest\",\"entries\":[{\"key\":\"$key\",\"value\":\"$n-$x-end\"}]}" >/tmp/c
    [ "$(vmtoolsd --cmdfile /tmp/c)" = '{"result":true}' ] && echo "done $key $n" >>/var/tmp/log
    n=$((n + 1))
done
END
    ready
    govc guest.upload -f -perm 0755 "$BATS_TEST_TMPDIR/guest-writer" /var/tmp/writer >/dev/null
    kills=0 vmx_kills=0
    while [ "$kills" -lt "$KILLS" ]; do
        ready
        govc guest.start /var/tmp/writer >/dev/null
        # Kills of hostd, which leave the machine and the guest's writer running; then one of vmx,
        # which ends both.
        for _ in 1 2 3; do
            sleep "0.$((RANDOM % 2))$((RANDOM % 10))"
            for p in $(hostd_pids); do kill -KILL "$p" 2>/dev/null || true; done
            disown -a
            wait_until hostd_is_gone # it holds the port until then
            host_start
            kills=$((kills + 1))
        done
        sleep "0.$((RANDOM % 2))$((RANDOM % 10))"
        for p in $(pids_of inguest-vmx); do
            kill -KILL "$p" 2>/dev/null || continue
            kills=$((kills + 1)) vmx_kills=$((vmx_kills + 1))
        done
    done
    [ "$vmx_kills" -ge $((KILLS / 5)) ]
    kill "$writer"
    ready
    check "$log" host
    govc guest.download /var/tmp/log "$BATS_TEST_TMPDIR/guest.log"
    echo "$(grep -c ^done "$log") entries from the host, $(grep -c ^done "$BATS_TEST_TMPDIR/guest.log") from the guest, $kills kills" >&3
    check "$BATS_TEST_TMPDIR/guest.log" guest
    # Both sides can still write, nothing is left beside the stores, and the database is sound.
    run govc guest.run toolbox dataset set guest last x
    [ "$status" = 0 ]
    inguest vm stop demo
    # (A write of the guest's that was under way when it ended is over when this one is.)
    code=$(rest -o /dev/null -w '%{http_code}' -X PUT "$SETS/host/entries/last" -d '"x"')
    [ "$code" = 204 ]
    run ls "$HOST_DIR/state/vms/demo"
    [[ "$output" != *journal* ]]
    [[ "$output" != *.new* ]]
    for name in host guest; do
        rest "$SETS/$name" | jq -r '"\(.name) \(.used)"'
    done >"$BATS_TEST_TMPDIR/used"
    python3 - "$HOST_DIR/state/vms/demo/demo.dsd" "$BATS_TEST_TMPDIR/used" <<'END'
import sqlite3, sys
db = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)
assert db.execute('PRAGMA integrity_check').fetchall() == [('ok',)]
assert db.execute('PRAGMA foreign_key_check').fetchall() == []
rows = db.execute('SELECT d.name, sum(length(CAST(e.key AS BLOB)) + length(CAST(e.value AS BLOB)))'
                  ' FROM dataset d JOIN entry e ON e.dataset = d.id GROUP BY d.name').fetchall()
told = dict(line.rsplit(' ', 1) for line in open(sys.argv[2]).read().splitlines())
assert len(rows) == 2 and {n: str(u) for n, u in rows} == told, (rows, told)
END
}
