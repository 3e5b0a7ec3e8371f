#!/usr/bin/env bats
# Data sets: REST, govc, the guest's commands and inguest, on one VM, running, off and suspended.
load lib

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

setup() {
    need govc test -x "$GOVC"
    need jq jq --version
    BODY=$BATS_TEST_TMPDIR/body
    login # some tests start the host anew
}

# request METHOD URL [curl option...]: the body is in $BODY, the status in $code.
request() {
    local method=$1 url=$2
    shift 2
    : >"$BODY"
    code=$(curl -sk --path-as-is -X "$method" -o "$BODY" -w '%{http_code}' -H "vmware-api-session-id: $TOKEN" \
        -H 'Content-Type: application/json' "$@" "$url")
}

# expect CODE [error_type]: of the last request
expect() {
    local type
    type=$(jq -r '.error_type? // empty' "$BODY" 2>/dev/null || true)
    [ "$code $type" = "$1 ${2:-}" ] || {
        echo "got $code $type, not $1 ${2:-}: $(head -c 600 "$BODY")" >&2
        return 1
    }
}

# create NAME HOST GUEST [omit]
create() {
    request POST "$SETS" -d "$(jq -nc --arg n "$1" --arg h "$2" --arg g "$3" --argjson o "${4:-false}" \
        '{name: $n, description: ("about " + $n), host: $h, guest: $g, omit_from_snapshot_and_clone: $o}')"
}

# in_guest COMMAND [USER:PASSWORD]: a shell command line in the guest, as it stands.
in_guest() {
    printf '%s\n' "$1" >"$BATS_TEST_TMPDIR/command"
    govc guest.upload -f "$BATS_TEST_TMPDIR/command" /tmp/command >/dev/null
    govc guest.run ${2:+-l "$2"} /bin/sh /tmp/command
}

# tools COMMAND ARGUMENTS: what vmtoolsd --cmd prints
tools() {
    in_guest "vmtoolsd --cmd '$1${2:+ $2}'"
}

login() {
    TOKEN=$(curl -sk -X POST -u "tester:$HOST_PASSWORD_DEFAULT" "$BASE/api/session" | jq -r .)
}

host_stop() {
    kill -TERM "$(host_pid)"
    timeout 20 tail --pid="$(host_pid)" -f /dev/null
}

# host_stop_start [option...]: hostd anew, and a session on it
host_stop_start() {
    host_stop
    host_start "$@"
    login
}

wipe() {
    local name
    for name in $(curl -sk -H "vmware-api-session-id: $TOKEN" "$SETS" | jq -r '.[].name | @uri'); do
        request DELETE "$SETS/$name?force=true"
        expect 204
    done
}

@test "the walk-through: a data set from the host, its entries from both sides" {
    # Create a DataSet
    request POST "$SETS/" -d '{"name":"dataset-1","description":"Sample dataset for demo.","host":"READ_WRITE","guest":"READ_ONLY"}'
    expect 201
    [ "$(cat "$BODY")" = '"dataset-1"' ]
    # List DataSets
    request GET "$SETS/"
    expect 200
    [ "$(jq -c . "$BODY")" = '[{"data_set":"dataset-1","name":"dataset-1","description":"Sample dataset for demo."}]' ]
    # Set a DataSet Entry
    request PUT "$SETS/dataset-1/entries/key-1" -d '"value for key-1"'
    expect 204
    [ ! -s "$BODY" ]
    # More about one DataSet
    request GET "$SETS/dataset-1"
    expect 200
    [ "$(jq -Sc . "$BODY")" = '{"description":"Sample dataset for demo.","guest":"READ_ONLY","host":"READ_WRITE","name":"dataset-1","omit_from_snapshot_and_clone":false,"used":20}' ]
    # Get Entries in a DataSet, Get Values of an Entry
    request GET "$SETS/dataset-1/entries"
    [ "$code $(jq -c . "$BODY")" = '200 ["key-1"]' ]
    request GET "$SETS/dataset-1/entries/key-1"
    [ "$code $(cat "$BODY")" = '200 "value for key-1"' ]
    # Delete a DataSet that contains entries
    request DELETE "$SETS/dataset-1/"
    expect 400 RESOURCE_IN_USE
    uuid=$(jq -r '.messages[0].params.vm.s' "$BODY")
    [[ "$uuid" =~ ^$ID:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]]
    text="Data set 'dataset-1' in Virtual Machine '$uuid' is not empty."
    jq -e --arg t "$text" --arg v "$uuid" '.messages == [{
        "id": "com.vmware.api.vcenter.vm.data_sets.dataset_not_empty", "default_message": $t, "localized": $t,
        "args": [], "params": {"dataset": {"s": "dataset-1"}, "vm": {"s": $v}}}]' "$BODY"
    # The file and its key
    [ -s "$HOST_DIR/state/vms/demo/demo.dsd" ]
    grep -q '^dataSetsMgr.diskStoreFile = "demo.dsd"' "$HOST_DIR/state/vms/demo/demo.vmx"
    [ ! -e "$HOST_DIR/state/vms/demo/demo.dsv" ]

    # In the guest: list, query, keys, values
    request POST "$SETS" -d '{"name":"dataset-2","description":"description of dataset2","host":"READ_WRITE","guest":"READ_WRITE"}'
    expect 201
    request PUT "$SETS/dataset-2/entries/entry-1" -d '"value 1"'
    request PUT "$SETS/dataset-2/entries/entry-2" -d '"value 2"'
    run in_guest "vmtoolsd --cmd 'datasets-list' | jq -c ."
    [ "$output" = '{"result":true,"datasets":[{"name":"dataset-1","description":"Sample dataset for demo."},{"name":"dataset-2","description":"description of dataset2"}]}' ]
    run in_guest "vmtoolsd --cmd datasets-list | jq -r '.datasets[].name'"
    [ "$output" = "$(printf 'dataset-1\ndataset-2')" ]
    run in_guest "vmtoolsd --cmd 'datasets-query {\"dataset\": \"dataset-2\"}' | jq -Sc ."
    [ "$output" = '{"info":{"description":"description of dataset2","guest-access":"READ_WRITE","host-access":"READ_WRITE","name":"dataset-2","omit-from-snapshot-and-clone":false,"used":28},"result":true}' ]
    run in_guest "vmtoolsd --cmd 'datasets-list-keys {\"dataset\": \"dataset-2\"}' | jq -c ."
    [ "$output" = '{"result":true,"keys":["entry-1","entry-2"]}' ]
    run in_guest "vmtoolsd --cmd 'datasets-get-entry {\"keys\": [\"entry-1\",\"entry-2\"], \"dataset\": \"dataset-2\"}' | jq -c ."
    [ "$output" = '{"result":true,"entries":[{"entry-1":"value 1"},{"entry-2":"value 2"}]}' ]
    # Set: two new values and a new entry; the host sees them
    run in_guest "vmtoolsd --cmd 'datasets-set-entry { \"dataset\" : \"dataset-2\", \"entries\": [{\"key\": \"entry-1\", \"value\": \"new value 1\" }, {\"key\": \"entry-2\", \"value\": \"new value 2\" }, {\"key\": \"new-entry-3\", \"value\": \"new value 3\" } ] }'"
    [ "$output" = '{"result":true}' ]
    run in_guest "vmtoolsd --cmd 'datasets-get-entry {\"keys\": [\"entry-1\",\"entry-2\",\"new-entry-3\"], \"dataset\": \"dataset-2\"}' | jq -c .entries"
    [ "$output" = '[{"entry-1":"new value 1"},{"entry-2":"new value 2"},{"new-entry-3":"new value 3"}]' ]
    request GET "$SETS/dataset-2/entries"
    [ "$code $(jq -c . "$BODY")" = '200 ["entry-1","entry-2","new-entry-3"]' ]
    for n in 1 2; do
        request GET "$SETS/dataset-2/entries/entry-$n"
        [ "$code $(cat "$BODY")" = "200 \"new value $n\"" ]
    done
    request GET "$SETS/dataset-2/entries/new-entry-3"
    [ "$(cat "$BODY")" = '"new value 3"' ]
    # Append
    run in_guest "vmtoolsd --cmd 'datasets-set-entry { \"dataset\" : \"dataset-2\", \"entries\": [{\"key\": \"new-entry-3\", \"value\": \". We added more data\", \"append\": true } ] }'"
    [ "$output" = '{"result":true}' ]
    run in_guest "vmtoolsd --cmd 'datasets-get-entry {\"keys\": [\"entry-1\",\"entry-2\",\"new-entry-3\"], \"dataset\": \"dataset-2\"}' | jq"
    [ "$output" = '{
  "result": true,
  "entries": [
    {
      "entry-1": "new value 1"
    },
    {
      "entry-2": "new value 2"
    },
    {
      "new-entry-3": "new value 3. We added more data"
    }
  ]
}' ]
    request GET "$SETS/dataset-2/entries/new-entry-3"
    [ "$(cat "$BODY")" = '"new value 3. We added more data"' ]
    # What the guest may only read it cannot change.
    run in_guest "vmtoolsd --cmd 'datasets-set-entry {\"dataset\":\"dataset-1\",\"entries\":[{\"key\":\"key-1\",\"value\":\"x\"}]}' | jq -r '.\"error-id\"'"
    [ "$output" = access-denied ]
    # Delete entries
    run in_guest "vmtoolsd --cmd 'datasets-delete-entry {\"keys\": [\"entry-1\",\"entry-2\"], \"dataset\": \"dataset-2\"}'"
    [ "$output" = '{"result":true}' ]
    request GET "$SETS/dataset-2/entries"
    [ "$(cat "$BODY")" = '["new-entry-3"]' ]
    # JSON in a file
    run in_guest "printf '%s\n\n' 'datasets-get-entry {\"keys\": [\"new-entry-3\"], \"dataset\": \"dataset-2\"}' >/tmp/mycmd.json; vmtoolsd --cmdfile /tmp/mycmd.json"
    [ "$output" = '{"result":true,"entries":[{"new-entry-3":"new value 3. We added more data"}]}' ]
    # Omitted from clones, with the words of the walk-through
    request POST "$SETS/" -d '{"name":"dataset-3","description":"","host":"READ_WRITE","guest":"READ_ONLY","omit_from_snapshot_and_clone": true}'
    expect 201
    request GET "$SETS/dataset-3/"
    [ "$(jq .omit_from_snapshot_and_clone "$BODY")" = true ]
    inguest vm clone demo copy
    copy=$(curl -sk -H "vmware-api-session-id: $TOKEN" "$BASE/api/vcenter/vm?names=copy" | jq -r '.[0].vm')
    request GET "$BASE/api/vcenter/vm/$copy/data-sets/"
    [ "$(jq -c 'map(.name)' "$BODY")" = '["dataset-1","dataset-2"]' ]
    inguest vm delete copy
    request DELETE "$SETS/dataset-3/"
    expect 204

    # Delete entries, then the empty set; or all at once
    request DELETE "$SETS/dataset-2/entries/new-entry-3"
    expect 204
    request DELETE "$SETS/dataset-2"
    expect 204
    request DELETE "$SETS/dataset-1/?force=true"
    expect 204
    request GET "$SETS"
    [ "$code $(cat "$BODY")" = '200 []' ]
}

@test "the guest: who may, and what fails how" {
    create d READ_WRITE READ_WRITE
    expect 201
    run in_guest "vmtoolsd --cmdfile /no/such/file"
    [ "$status" -ne 0 ]
    [[ "$output" == *"Unable to read command from file /no/such/file."* ]]
    # A false result is a reply like any other.
    run tools datasets-query '{"dataset":"none"}'
    [ "$status" = 0 ]
    [ "$(jq -c '[.result, ."error-id"]' <<<"$output")" = '[false,"no-such-dataset"]' ]
    run tools datasets-nonsense '{}'
    [ "$status" -ne 0 ]
    [[ "$output" == *"Unknown command"* ]]
    # Somebody else than root is refused by the host, whatever client it takes.
    run in_guest "setpriv --reuid 12345 --regid 12345 --clear-groups vmtoolsd --cmd datasets-list"
    [ "$status" -ne 0 ]
    [[ "$output" == *"Permission denied"* ]]
    run in_guest "setpriv --reuid 12345 --regid 12345 --clear-groups vmtoolsd --cmd 'info-set guestinfo.x 1' && echo reached"
    [[ "$output" == *reached ]]
    wipe
}

@test "access modes: every operation of both sides in every mode" {
    local mode side host guest
    for mode in NONE READ_ONLY READ_WRITE; do
        for side in host guest; do
            if [ $side = host ]; then host=$mode guest=NONE; else host=NONE guest=$mode; fi
            create m READ_WRITE NONE
            expect 201
            request PUT "$SETS/m/entries/k" -d '"v"'
            expect 204
            request PATCH "$SETS/m" -d "{\"host\":\"$host\",\"guest\":\"$guest\"}"
            expect 204
            # Attributes are no matter of access.
            request GET "$SETS/m"
            [ "$(jq -r '.host + " " + .guest' "$BODY")" = "$host $guest" ]
            read -r list get set delete <<<"$(case $mode in
                NONE) echo no no no no ;; READ_ONLY) echo yes yes no no ;; *) echo yes yes yes yes ;; esac)"
            if [ $side = host ]; then
                for op in "list GET $SETS/m/entries 200" "get GET $SETS/m/entries/k 200" \
                    "set PUT $SETS/m/entries/k 204" "delete DELETE $SETS/m/entries/k 204"; do
                    read -r name verb url good <<<"$op"
                    request "$verb" "$url" ${good:+-d '"w"'}
                    if [ "${!name}" = yes ]; then expect "$good"; else expect 403 UNAUTHORIZED; fi
                done
            else
                run in_guest 'for c in "list-keys {\"dataset\":\"m\"}" "get-entry {\"dataset\":\"m\",\"keys\":[\"k\"]}" \
                    "set-entry {\"dataset\":\"m\",\"entries\":[{\"key\":\"k\",\"value\":\"w\"}]}" \
                    "delete-entry {\"dataset\":\"m\",\"keys\":[\"k\"]}" "query {\"dataset\":\"m\"}"; do
                    vmtoolsd --cmd "datasets-$c" | jq -r "if .result then \"yes\" else .\"error-id\" end"; done'
                expected=$(for x in $list $get $set $delete yes; do [ $x = yes ] && echo yes || echo access-denied; done)
                [ "$output" = "$expected" ]
            fi
            # Force deletes, whatever the mode.
            request DELETE "$SETS/m?force=TRUE"
            expect 204
        done
    done
}

@test "errors: identifiers, statuses, and which comes first" {
    create d READ_WRITE NONE
    expect 201
    create d READ_WRITE NONE
    expect 400 ALREADY_EXISTS
    [ "$(jq -r '.messages[0].id' "$BODY")" = com.vmware.api.vcenter.vm.data_sets.dataset_already_exists ]
    create "" READ_WRITE NONE
    expect 400 INVALID_ARGUMENT
    create e SOME NONE
    expect 400 INVALID_ARGUMENT
    request POST "$SETS" -d '{"name":"e","description":"","host":"NONE"}'
    expect 400 INVALID_ARGUMENT
    request POST "$SETS" -d '{"name":"e","host":"NONE","guest":"NONE","more":1}'
    expect 400 INVALID_ARGUMENT
    request POST "$SETS" -d '{"name":'
    expect 400 INVALID_ARGUMENT
    request POST "$SETS" -d '{"name":"e","host":"NONE","guest":"NONE"}' # no description is an empty one
    expect 201
    request PATCH "$SETS/none" -d '{"name":'
    expect 404 NOT_FOUND
    request PATCH "$SETS/d" -d '{"name":"x"}'
    expect 400 INVALID_ARGUMENT
    request PATCH "$SETS/d" -d '{"guest":"SOME"}'
    expect 400 INVALID_ARGUMENT
    request PATCH "$SETS/d" -d '{}'
    expect 204
    request GET "$SETS/none"
    expect 404 NOT_FOUND
    [ "$(jq -r '.messages[0].id' "$BODY")" = com.vmware.api.vcenter.vm.data_sets.dataset_not_found ]
    request DELETE "$SETS/none?force=true"
    expect 404 NOT_FOUND
    request GET "$SETS/d/entries/none"
    expect 404 NOT_FOUND
    [ "$(jq -r '.messages[0].id' "$BODY")" = com.vmware.api.vcenter.vm.data_sets.entry_not_found ]
    request DELETE "$SETS/d/entries/none"
    expect 404 NOT_FOUND
    request PUT "$SETS/d/entries/k" -d '{"a":1}'
    expect 400 INVALID_ARGUMENT
    request PUT "$SETS/d/entries/k" -d '"\u0000"'
    expect 400 INVALID_ARGUMENT
    request PUT "$SETS/d/entries/%ff" -d '"x"'
    expect 400 INVALID_ARGUMENT
    request GET "$BASE/api/vcenter/vm/vm-none/data-sets"
    expect 404 NOT_FOUND
    request PUT "$SETS" -d '{}'
    [ "$code" = 405 ]
    request POST "$SETS/d/entries/k" -d '""'
    [ "$code" = 405 ]
    request GET "$BASE/rest/vcenter/vm/$ID/data-sets"
    [ "$code" = 404 ]
    good=$TOKEN
    TOKEN=none
    request GET "$SETS"
    expect 401 UNAUTHENTICATED
    TOKEN=$good
    wipe
}

@test "limits: keys, values and descriptions to the byte" {
    head -c 1048577 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/x"
    x() { head -c "$1" "$BATS_TEST_TMPDIR/x"; }
    create d READ_WRITE READ_WRITE
    expect 201
    for over in -1 0 1; do
        [ $over = 1 ] && bad="400 INVALID_ARGUMENT" || bad=204
        request PATCH "$SETS/d" -d "{\"description\":\"$(x $((1024 + over)))\"}"
        expect $bad
        request PUT "$SETS/d/entries/$(x $((4096 + over)))" -d '"v"'
        expect $bad
        { printf '"'; x $((1048576 + over)); printf '"'; } >"$BATS_TEST_TMPDIR/value"
        request PUT "$SETS/d/entries/k" --data-binary "@$BATS_TEST_TMPDIR/value"
        expect $bad
    done
    request GET "$SETS/d/entries/$(x 4097)"
    expect 404 NOT_FOUND
    request GET "$SETS/d/entries/k"
    [ "$(wc -c <"$BODY")" = 1048578 ]
    # The guest gets the largest value whole, and two of them in two replies.
    run in_guest "vmtoolsd --cmd 'datasets-get-entry {\"dataset\":\"d\",\"keys\":[\"k\",\"k\"]}' | jq -c '[.context, (.entries[0].k | length), (.entries | length)]'"
    [ "$output" = '["1",1048576,1]' ]
    wipe
}

@test "keys and names are what they are, decoded once" {
    create 'a/b c%2F"ä' READ_WRITE READ_WRITE
    expect 201
    name=$(jq -rn '"a/b c%2F\"ä" | @uri')
    for key in 'a/b' 'a%2Fb' '100%' 'q"uote' 'ä ö' '..' '.' 'a+b' '?x=1&y#z' ' '; do
        enc=$(jq -rn --arg k "$key" '$k | @uri' | sed 's/^\./%2E/; s/\./%2E/g')
        request PUT "$SETS/$name/entries/$enc" -d "$(jq -n --arg k "$key" '"is " + $k')"
        expect 204
        request GET "$SETS/$name/entries/$enc"
        [ "$code $(jq -r . "$BODY")" = "200 is $key" ]
    done
    request GET "$SETS/$name/entries"
    [ "$(jq length "$BODY")" = 10 ]
    run tools datasets-list-keys '{"dataset":"a/b c%2F\"ä"}'
    [ "$(jq -c '.keys' <<<"$output")" = "$(jq -c . "$BODY")" ]
    wipe
}

@test "privileges: one for each operation" {
    create d READ_WRITE READ_WRITE
    expect 201
    request PUT "$SETS/d/entries/k" -d '"v"'
    printf 'Look-0nly-pw' >"$BATS_TEST_TMPDIR/password"
    inguest user add looker --role ReadOnly --password-file "$BATS_TEST_TMPDIR/password"
    admin=$TOKEN
    TOKEN=$(curl -sk -X POST -u looker:Look-0nly-pw "$BASE/api/session" | jq -r .)
    for op in "GET $SETS" "POST $SETS" "GET $SETS/d" "PATCH $SETS/d" "DELETE $SETS/d?force=true" "GET $SETS/d/entries" \
        "GET $SETS/d/entries/k" "PUT $SETS/d/entries/k" "DELETE $SETS/d/entries/k"; do
        read -r verb url <<<"$op"
        request "$verb" "$url" -d '{}'
        expect 403 UNAUTHORIZED
    done
    TOKEN=$admin
    wipe
}

@test "suspended: reading works, changing does not" {
    create d READ_WRITE READ_WRITE
    expect 201
    request PUT "$SETS/d/entries/k" -d '"v"'
    govc vm.power -suspend demo
    request GET "$SETS"
    expect 200
    request GET "$SETS/d"
    expect 200
    request GET "$SETS/d/entries"
    expect 200
    request GET "$SETS/d/entries/k"
    expect 200
    create e NONE NONE
    expect 400 NOT_ALLOWED_IN_CURRENT_STATE
    request PATCH "$SETS/d" -d '{"guest":"NONE"}'
    expect 400 NOT_ALLOWED_IN_CURRENT_STATE
    request PATCH "$SETS/d" -d '{' # the state comes before the body
    expect 400 NOT_ALLOWED_IN_CURRENT_STATE
    request DELETE "$SETS/d?force=true"
    expect 400 NOT_ALLOWED_IN_CURRENT_STATE
    request PUT "$SETS/d/entries/k" -d '"w"'
    expect 400 NOT_ALLOWED_IN_CURRENT_STATE
    request DELETE "$SETS/d/entries/k"
    expect 400 NOT_ALLOWED_IN_CURRENT_STATE
    govc vm.power -on demo
    request PUT "$SETS/d/entries/k" -d '"w"'
    expect 204
    wipe
}

@test "govc: its data set commands, unmodified" {
    run govc vm.dataset.create -d "a description" -guest-access READ_ONLY com.example.one
    [ "$status" = 0 ]
    [ "$output" = com.example.one ]
    run govc vm.dataset.create -omit-from-snapshot com.example.two
    [ "$status" = 0 ]
    run govc vm.dataset.ls
    [[ "$output" == *com.example.one*com.example.two* ]]
    run govc vm.dataset.info com.example.one
    [[ "$output" == *"Description:"*"a description"*"Guest:"*READ_ONLY*"Used:"*0* ]]
    govc vm.dataset.entry.set -dataset com.example.one key "a value"
    run govc vm.dataset.entry.get -dataset com.example.one key
    [ "$output" = "a value" ]
    run govc vm.dataset.entry.ls -dataset com.example.one
    [ "$output" = key ]
    govc vm.dataset.update -d other -host-access READ_ONLY com.example.one
    run govc vm.dataset.entry.set -dataset com.example.one key "no"
    [ "$status" -ne 0 ]
    [[ "$output" == *403* ]]
    govc vm.dataset.update -host-access READ_WRITE com.example.one
    run govc vm.dataset.rm com.example.one
    [ "$status" -ne 0 ]
    [[ "$output" == *RESOURCE_IN_USE* ]]
    govc vm.dataset.entry.rm -dataset com.example.one key
    govc vm.dataset.rm com.example.one
    govc vm.dataset.rm -force com.example.two
    run govc vm.dataset.ls
    [ -z "$output" ]
}

@test "off: the same; on again, the guest finds what the host wrote, and the other way" {
    create d READ_WRITE READ_WRITE
    expect 201
    run in_guest "vmtoolsd --cmd 'datasets-set-entry {\"dataset\":\"d\",\"entries\":[{\"key\":\"g\",\"value\":\"guest\"}]}'"
    [ "$output" = '{"result":true}' ]
    inguest vm stop demo
    request GET "$SETS/d/entries/g"
    [ "$code $(cat "$BODY")" = '200 "guest"' ]
    request PUT "$SETS/d/entries/h" -d '"host"'
    expect 204
    create omitted READ_WRITE READ_WRITE true
    expect 201
    [ -s "$HOST_DIR/state/vms/demo/demo.dsv" ]
    grep -q '^dataSetsMgr.vmStoreFile = "demo.dsv"' "$HOST_DIR/state/vms/demo/demo.vmx"
    # Both files are the VM's, and are seen as what they are.
    govc object.collect -json -s "VirtualMachine:$ID" layoutEx.file | jq -e 'map(.type) | contains(["dataSetsDiskModeStore", "dataSetsVmModeStore"])'
    # The flag decides in which file a data set is.
    request PATCH "$SETS/omitted" -d '{"omit_from_snapshot_and_clone":false}'
    expect 204
    request GET "$SETS/omitted"
    [ "$(jq .omit_from_snapshot_and_clone "$BODY")" = false ]
    inguest vm start demo
    run in_guest "vmtoolsd --cmd 'datasets-get-entry {\"dataset\":\"d\",\"keys\":[\"h\",\"g\"]}'"
    [ "$output" = '{"result":true,"entries":[{"h":"host"},{"g":"guest"}]}' ]
    wipe
}

@test "hardware below version 20 has no data sets" {
    inguest vm stop demo
    govc vm.change -vm demo -e virtualHW.version=19 || true
    sed -i 's/^virtualHW.version = .*/virtualHW.version = "19"/' "$HOST_DIR/state/vms/demo/demo.vmx"
    host_stop_start
    for op in "GET $SETS" "POST $SETS" "GET $SETS/d" "PUT $SETS/d/entries/k"; do
        read -r verb url <<<"$op"
        request "$verb" "$url" -d '{}'
        expect 400 UNSUPPORTED
    done
    inguest vm start demo
    run tools datasets-list
    [ "$status" -ne 0 ]
    [[ "$output" == *"Unknown command"* ]]
    inguest vm stop demo
    sed -i 's/^virtualHW.version = .*/virtualHW.version = "20"/' "$HOST_DIR/state/vms/demo/demo.vmx"
    host_stop_start
    request GET "$SETS"
    expect 200
}

@test "the simulator's answers, with the switch" {
    host_stop_start --rest-compat vcsim
    create d READ_WRITE NONE
    [ "$code $(cat "$BODY")" = '200 "d"' ]
    request PUT "$SETS/d/entries/k" -d '"v"'
    [ "$code $(cat "$BODY")" = "200 " ]
    request GET "$SETS/d/"
    [ "$code" = 404 ]
    request GET "$BASE/rest/vcenter/vm/$ID/data-sets"
    [ "$code $(jq -c . "$BODY")" = '200 [{"data_set":"d","name":"d","description":"about d"}]' ]
    request PATCH "$SETS/d" -d '{"host":"READ_ONLY"}'
    [ "$code" = 200 ]
    request PUT "$SETS/d/entries/k" -d '"w"'
    [ "$code $(cat "$BODY")" = '400 {"error_type":"UNAUTHORIZED", "messages":[]}' ]
    request POST "$SETS" -d '{'
    [ "$code $(cat "$BODY")" = "400 " ]
    request POST "$SETS" -d '{"name":"e","host":"X","guest":"NONE"}'
    [ "$code $(cat "$BODY")" = '400 {"error_type":"INVALID_ARGUMENT", "messages":[]}' ]
    request DELETE "$SETS/d"
    [ "$code $(cat "$BODY")" = '400 {"error_type":"RESOURCE_IN_USE", "messages":[]}' ]
    request DELETE "$SETS/d?force=true"
    [ "$code $(cat "$BODY")" = "200 " ]
    host_stop_start
}

@test "a damaged store is reported and kept" {
    create d READ_WRITE NONE
    expect 201
    inguest vm stop demo
    host_stop
    cp "$HOST_DIR/state/vms/demo/demo.dsd" "$BATS_TEST_TMPDIR/good"
    printf 'no database' | dd of="$HOST_DIR/state/vms/demo/demo.dsd" conv=notrunc status=none
    cp "$HOST_DIR/state/vms/demo/demo.dsd" "$BATS_TEST_TMPDIR/bad"
    host_start
    login
    request GET "$SETS"
    expect 500 ERROR
    [[ "$(jq -r '.messages[0].default_message' "$BODY")" == *demo.dsd*damaged* ]]
    create e NONE NONE
    expect 500 ERROR
    grep -q 'data sets: the store demo.dsd is damaged' "$HOST_DIR/state/vms/demo/vmware.log"
    cmp "$HOST_DIR/state/vms/demo/demo.dsd" "$BATS_TEST_TMPDIR/bad"
    # Put back, it is there again.
    cat "$BATS_TEST_TMPDIR/good" >"$HOST_DIR/state/vms/demo/demo.dsd"
    sleep 1.1
    request GET "$SETS/d"
    expect 200
    wipe
    inguest vm start demo
}

@test "inguest dataset: every command" {
    inguest dataset create demo 'a set/1' --description "from the command line" --guest READ_ONLY
    inguest dataset create demo other --omit
    run inguest dataset list demo
    [ "$output" = "$(printf 'a set/1\tfrom the command line\nother\t')" ]
    inguest dataset set demo 'a set/1' 'k/1' "a value"
    head -c 200000 /dev/zero | tr '\0' 'v' >"$BATS_TEST_TMPDIR/big"
    inguest dataset set demo 'a set/1' big --file "$BATS_TEST_TMPDIR/big"
    printf 'from stdin' | inguest dataset set demo 'a set/1' stdin --file -
    run inguest dataset get demo 'a set/1' 'k/1'
    [ "$output" = "a value" ]
    inguest dataset get demo 'a set/1' big | cmp - "$BATS_TEST_TMPDIR/big"
    long=$(head -c 4000 /dev/zero | tr '\0' '/')
    inguest dataset set demo 'a set/1' "$long" x
    run inguest dataset get demo 'a set/1' "$long"
    [ "$output" = x ]
    run inguest dataset show demo 'a set/1'
    [[ "$output" == *"Guest access: READ_ONLY"*"Key:          big"*"Key:          k/1"* ]]
    run inguest --json dataset show demo 'a set/1'
    [ "$(jq '.keys | length' <<<"$output")" = 4 ]
    inguest dataset rm demo 'a set/1' 'k/1' big
    run inguest dataset get demo 'a set/1' 'k/1'
    [ "$status" = 1 ]
    [[ "$output" == *"Entry 'k/1' was not found in Data set 'a set/1'"* ]]
    run inguest dataset delete demo 'a set/1'
    [ "$status" = 1 ]
    [[ "$output" == *"is not empty"* ]]
    inguest dataset delete demo 'a set/1' --force
    inguest dataset delete demo other
    run inguest dataset list demo
    [ -z "$output" ]
    run inguest dataset set demo x y
    [ "$status" = 2 ]
}

@test "toolbox dataset: every command in the guest" {
    create d READ_WRITE READ_WRITE
    expect 201
    create hidden READ_WRITE NONE
    expect 201
    run in_guest 'toolbox dataset list'
    echo "$output"
    [ "$output" = "$(printf 'd\tabout d\nhidden\tabout hidden')" ]
    # A value over a megabyte's worth of requests, with characters that are cut nowhere.
    run in_guest 'set -e
        for i in $(seq 30000); do printf "äöü\"\\ %s\n" $i; done >/tmp/big
        toolbox dataset set d big -f /tmp/big
        toolbox dataset get d big | cmp - /tmp/big
        toolbox dataset set d "k 1" "a value"
        printf " and more" | toolbox dataset append d "k 1" -f -
        toolbox dataset get d "k 1"; echo
        toolbox dataset show d'
    [ "$status" = 0 ]
    [[ "$output" == "a value and more"*"Guest access: READ_WRITE"*"Key:          big"*"Key:          k 1"* ]]
    request GET "$SETS/d/entries/big"
    [ "$(jq -r . "$BODY" | grep -c .)" = 30000 ]
    run in_guest 'toolbox dataset rm d "k 1" none'
    [ "$status" -ne 0 ]
    [[ "$output" == *"'none'"* ]]
    run in_guest 'toolbox dataset rm d "k 1" big && toolbox dataset show d'
    [[ "$output" != *Key:* ]]
    run in_guest 'toolbox dataset get hidden x'
    [ "$status" -ne 0 ]
    [[ "$output" == *"NONE"* ]]
    run in_guest 'setpriv --reuid 12345 --regid 12345 --clear-groups toolbox dataset list'
    [ "$status" -ne 0 ]
    [[ "$output" == *"root only"* ]]
    wipe
}

@test "snapshots keep data sets as they are, but not those that are omitted" {
    create kept READ_WRITE READ_ONLY
    expect 201
    create omitted READ_WRITE READ_WRITE true
    expect 201
    request PUT "$SETS/kept/entries/k" -d '"before"'
    expect 204
    govc snapshot.create before
    request PUT "$SETS/kept/entries/k" -d '"after"'
    expect 204
    request PUT "$SETS/kept/entries/more" -d '"x"'
    expect 204
    request PATCH "$SETS/kept" -d '{"guest":"NONE","description":"changed"}'
    expect 204
    create later READ_WRITE READ_WRITE
    expect 201
    # The machine runs; a revert ends it.
    govc snapshot.revert before
    request GET "$SETS"
    [ "$(jq -c 'map(.name)' "$BODY")" = '["kept"]' ]
    request GET "$SETS/kept"
    [ "$(jq -c '[.description, .guest, .used]' "$BODY")" = '["about kept","READ_ONLY",7]' ]
    request GET "$SETS/kept/entries/k"
    [ "$code $(cat "$BODY")" = '200 "before"' ]
    [ ! -e "$HOST_DIR/state/vms/demo/demo.dsv" ]
    # They are changed and go on; the snapshot stays what it was, and its end changes nothing.
    request PUT "$SETS/kept/entries/k" -d '"again"'
    expect 204
    create omitted READ_WRITE READ_WRITE true
    expect 201
    govc snapshot.remove before
    request GET "$SETS/kept/entries/k"
    [ "$(cat "$BODY")" = '"again"' ]
    request GET "$SETS/omitted"
    expect 200
    inguest vm start demo
    run in_guest 'toolbox dataset get kept k'
    [ "$output" = again ]
    wipe
}

@test "a snapshot from before the first data set brings none back" {
    inguest vm create bare --guest-user root --guest-password-file "$HOST_DIR/guest-password"
    bare=$BASE/api/vcenter/vm/$(curl -sk -H "vmware-api-session-id: $TOKEN" "$BASE/api/vcenter/vm?names=bare" | jq -r '.[0].vm')/data-sets
    govc snapshot.create -vm bare empty
    request POST "$bare" -d '{"name":"d","host":"READ_WRITE","guest":"NONE"}'
    expect 201
    govc snapshot.revert -vm bare empty
    request GET "$bare"
    [ "$code $(cat "$BODY")" = '200 []' ]
    request POST "$bare" -d '{"name":"d","host":"READ_WRITE","guest":"NONE"}'
    expect 201
    inguest vm delete bare
}

@test "a listing of keys that cannot be finished does not look like one" {
    local lister rc
    create big READ_WRITE READ_WRITE
    expect 201
    # 18 MB of keys, more than all buffers on the way hold.
    run in_guest 'x=$(head -c 3990 /dev/zero | tr "\0" x); cd /tmp
        for i in $(seq 300); do
            { printf "datasets-set-entry {\"dataset\":\"big\",\"entries\":["
            for k in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do printf "{\"key\":\"%04d-%02d-$x\",\"value\":\"\"}," $i $k; done
            printf "{\"key\":\"%04d-15-$x\",\"value\":\"\"}]}" $i; } >c; vmtoolsd --cmdfile c; done | sort | uniq -c'
    [[ "$output" == *300*'{"result":true}' ]]
    request GET "$SETS/big/entries" # curl's own exit code counts here
    [ "$code" = 200 ]
    [ "$(jq 'unique | length' "$BODY")" = 4500 ]
    rm "$BODY"
    curl -sk --limit-rate 1M -o "$BODY" -w '%{http_code}' -H "vmware-api-session-id: $TOKEN" "$SETS/big/entries" \
        >"$BATS_TEST_TMPDIR/code" 3>&- &
    lister=$!
    wait_until test -s "$BODY"
    curl -sk -X DELETE -H "vmware-api-session-id: $TOKEN" "$SETS/big?force=true"
    rc=0
    wait $lister || rc=$?
    # 18: the transfer is not complete; 56: the connection ended.
    echo "curl: $rc, status $(cat "$BATS_TEST_TMPDIR/code"), $(wc -c <"$BODY") bytes"
    [ "$(cat "$BATS_TEST_TMPDIR/code")" = 200 ]
    [ "$rc" = 18 ] || [ "$rc" = 56 ] || {
        echo "curl: $rc, $(wc -c <"$BODY") bytes" >&2
        return 1
    }
    # The host has not lost anything over it.
    create big READ_WRITE READ_WRITE
    expect 201
    request GET "$SETS/big/entries"
    [ "$code $(cat "$BODY")" = '200 []' ]
    wipe
}

@test "1,000 data sets and 100,000 entries are listed, and nobody else waits" {
    # The guest makes the entries: 64 KB a request.
    create big READ_WRITE READ_WRITE
    expect 201
    python3 - "$HOST_ADDRESS" "$ID" "$TOKEN" <<'END'
import http.client, json, ssl, sys
address, vm, token = sys.argv[1:]
c = http.client.HTTPSConnection(address, context=ssl._create_unverified_context())
for i in range(1, 1000):
    spec = {'name': f'set-{i:04}', 'description': 'd' * 100, 'host': 'NONE', 'guest': 'NONE'}
    c.request('POST', f'/api/vcenter/vm/{vm}/data-sets', json.dumps(spec),
              {'vmware-api-session-id': token, 'Content-Type': 'application/json'})
    r = c.getresponse()
    assert (r.status, r.read()) == (201, json.dumps(spec['name']).encode())
END
    run in_guest 'cd /tmp; for i in $(seq 0 199); do
            seq $((i * 500)) $((i * 500 + 499)) | awk "
                { e = e sep \"{\\\"key\\\":\\\"key-\" \$0 \"\\\",\\\"value\\\":\\\"\" \$0 \"\\\"}\"; sep = \",\" }
                END { print \"datasets-set-entry {\\\"dataset\\\":\\\"big\\\",\\\"entries\\\":[\" e \"]}\" }" >c
            vmtoolsd --cmdfile c; done | sort | uniq -c'
    [[ "$output" == *200*'{"result":true}' ]]
    request GET "$SETS"
    [ "$(jq length "$BODY")" = 1000 ]
    request GET "$SETS/big"
    [ "$(jq .used "$BODY")" = "$(seq 0 99999 | awk '{ n += 4 + 2 * length($0) } END { print n }')" ]
    # Listings again and again, from both sides; meanwhile other calls are answered.
    (for _ in $(seq 15); do curl -sk -o /dev/null -H "vmware-api-session-id: $TOKEN" "$SETS/big/entries"; done) 3>&- &
    listers=$!
    (in_guest 'for i in $(seq 10); do toolbox dataset show big >/tmp/keys; done' >/dev/null) 3>&- &
    guest=$!
    worst=0
    while kill -0 $listers 2>/dev/null; do
        for url in "$BASE/api/vcenter/vm/$ID/guest/operations" "$SETS/big/entries/key-77" "$SETS/set-0500"; do
            ms=$(curl -sk -o "$BODY" -w '%{time_total}\n' -H "vmware-api-session-id: $TOKEN" "$url" | awk '{ print int($1 * 1000) }')
            [ "$ms" -le "$worst" ] || worst=$ms
        done
    done
    wait $guest
    echo "the slowest other call took $worst ms" >&3
    # Sanitizers make each page of a listing several times slower.
    [ "$worst" -lt "$([ -z "${INGUEST_SANITIZED:-}" ] && echo 500 || echo 2500)" ]
    request GET "$SETS/big/entries"
    [ "$(jq length "$BODY")" = 100000 ]
    [ "$(jq -r 'unique | length' "$BODY")" = 100000 ]
    run in_guest 'toolbox dataset show big | grep -c ^Key:'
    [ "$output" = 100000 ]
    # A client that leaves in the middle harms nothing.
    curl -sk -m 0.02 -o /dev/null -H "vmware-api-session-id: $TOKEN" "$SETS/big/entries" || true
    request DELETE "$SETS/big?force=true"
    expect 204
    request DELETE "$SETS/set-0001"
    expect 204
}
