#!/usr/bin/env bats
# VI JSON and REST with curl and jq, and govc over VI JSON: the same host, the same handlers.
load lib

setup_file() {
    host_up
    vm_new demo
    BASE=https://$HOST_ADDRESS
    TOKEN=$(curl -sk -X POST -u "tester:$HOST_PASSWORD_DEFAULT" "$BASE/api/session" | jq -r .)
    ID=$(curl -sk -H "vmware-api-session-id: $TOKEN" "$BASE/api/vcenter/vm?names=demo" | jq -r '.[0].vm')
    export ID BASE TOKEN
    VIM=$BASE/sdk/vim25/8.0.3.0
    AUTH='{"_typeName":"NamePasswordAuthentication","username":"root","password":"guest-pw","interactiveSession":false}'
    REF="{\"_typeName\":\"ManagedObjectReference\",\"type\":\"VirtualMachine\",\"value\":\"$ID\"}"
    CRED='"credentials":{"type":"USERNAME_PASSWORD","user_name":"root","password":"guest-pw","interactive_session":false}'
    export VIM AUTH REF CRED
}

teardown_file() {
    host_down
}

setup() {
    need jq jq --version
    BODY=$BATS_TEST_TMPDIR/body
}

# request METHOD URL [curl option...]: the body is in $BODY, the status in $code.
request() {
    local method=$1 url=$2
    shift 2
    code=$(curl -sk -X "$method" -o "$BODY" -w '%{http_code}' -H "vmware-api-session-id: $TOKEN" "$@" "$url")
}

# vim PATH [body]: a VI JSON call
vim() {
    request POST "$VIM/$1" -H 'Content-Type: application/json' -d "${2-}"
}

# guest PATH [members]: a REST operation with the guest user's credentials
guest() {
    request POST "$BASE/api/vcenter/vm/$ID/guest/$1" -H 'Content-Type: application/json' -d "{$CRED${2:+,$2}}"
}

# ready: waits until the guest takes operations again
ready() {
    wait_until answers "$BASE/api/vcenter/vm/$ID/guest/operations" '.guest_operations_ready == true'
}

# answers URL FILTER: does the answer of a GET fit a filter of jq's?
answers() {
    request GET "$1" && jq -e "$2" "$BODY" >/dev/null
}

@test "VI JSON: login, properties, methods, logout" {
    run curl -sk "$VIM/ServiceInstance/ServiceInstance/content"
    [ "$(jq -r ._typeName <<<"$output")" = ServiceContent ]
    mgr=$(jq -r .sessionManager.value <<<"$output")
    headers=$BATS_TEST_TMPDIR/headers
    curl -sk -D "$headers" -o "$BODY" -H 'Content-Type: application/json' \
        -d "{\"userName\":\"tester\",\"password\":\"$HOST_PASSWORD_DEFAULT\"}" "$VIM/SessionManager/$mgr/Login"
    [ "$(jq -r '._typeName + " " + .userName' "$BODY")" = "UserSession tester" ]
    own=$(tr -d '\r' <"$headers" | awk -F': ' 'tolower($1) == "vmware-api-session-id" {print $2}')
    [ ${#own} -ge 32 ]
    ! grep -qi '^set-cookie' "$headers" || false
    code=$(curl -sk -o "$BODY" -w '%{http_code}' -X POST -H "vmware-api-session-id: $own" \
        "$VIM/ServiceInstance/ServiceInstance/CurrentTime")
    [ "$code" = 200 ]
    [[ "$(jq -r . "$BODY")" == 20*T*Z ]]
    code=$(curl -sk -o "$BODY" -w '%{http_code}' -X POST -H "vmware-api-session-id: $own" "$VIM/SessionManager/$mgr/Logout")
    [ "$code" = 204 ]
    code=$(curl -sk -o "$BODY" -w '%{http_code}' -X POST -H "vmware-api-session-id: $own" \
        "$VIM/ServiceInstance/ServiceInstance/CurrentTime")
    [ "$code" = 500 ]
    [ "$(jq -r ._typeName "$BODY")" = NotAuthenticated ]
}

@test "VI JSON: a session of REST or SOAP is one of VI JSON" {
    vim ServiceInstance/ServiceInstance/CurrentTime
    [ "$code" = 200 ]
}

@test "VI JSON: properties come bare, unset ones as 204, old releases get old fields" {
    request GET "$VIM/VirtualMachine/$ID/name"
    [ "$code" = 200 ]
    [ "$(cat "$BODY")" = '"demo"' ]
    request GET "$VIM/ManagedEntity/$ID/name"
    [ "$code" = 200 ]
    request GET "$VIM/VirtualMachine/$ID/rootSnapshot"
    [ "$code" = 204 ] || [ "$(cat "$BODY")" = '[]' ]
    request GET "$VIM/VirtualMachine/$ID/nonsense"
    [ "$code" = 500 ]
    [ "$(jq -r ._typeName "$BODY")" = InvalidProperty ]
    request GET "$VIM/VirtualMachine/$ID/guest"
    [ "$(jq -r '.guestOperationsReady' "$BODY")" = true ]
    request GET "$BASE/sdk/vim25/4.1/VirtualMachine/$ID/guest"
    [ "$(jq -r '.guestOperationsReady' "$BODY")" = null ]
}

@test "VI JSON: wrong requests get faults, not crashes" {
    vim "VirtualMachine/none-99/PowerOnVM_Task"
    [ "$code $(jq -r ._typeName "$BODY")" = "500 ManagedObjectNotFound" ]
    vim "Folder/$ID/PowerOnVM_Task"
    [ "$code $(jq -r ._typeName "$BODY")" = "500 ManagedObjectNotFound" ]
    vim "VirtualMachine/$ID/Frobnicate"
    [ "$code $(jq -r ._typeName "$BODY")" = "500 MethodNotFound" ]
    vim "VirtualMachine/$ID/Rename_Task" '{"newName":'
    [ "$code $(jq -r ._typeName "$BODY")" = "500 InvalidRequest" ]
    vim "VirtualMachine/$ID/Rename_Task" '{}'
    [ "$code $(jq -r ._typeName "$BODY")" = "500 InvalidRequest" ]
    vim "NoSuchType/$ID/Rename_Task" '{}'
    [ "$code" = 404 ]
    request POST "$VIM/VirtualMachine/$ID/Rename_Task" -H 'Content-Type: text/xml' -d '<x/>'
    [ "$code" = 415 ]
    # Deep and long texts end before anything is built.
    head -c 200000 /dev/zero | tr '\0' '[' >"$BATS_TEST_TMPDIR/deep"
    request POST "$VIM/VirtualMachine/$ID/Rename_Task" -H 'Content-Type: application/json' \
        --data-binary "@$BATS_TEST_TMPDIR/deep"
    [ "$code $(jq -r ._typeName "$BODY")" = "500 InvalidRequest" ]
}

@test "VI JSON: a program runs in the guest and a missing file is named in the fault" {
    guests=$(curl -sk -H "vmware-api-session-id: $TOKEN" "$VIM/ServiceInstance/ServiceInstance/content" |
        jq -r .guestOperationsManager.value)
    request GET "$VIM/GuestOperationsManager/$guests/processManager"
    pm=$(jq -r .value "$BODY")
    request GET "$VIM/GuestOperationsManager/$guests/fileManager"
    fm=$(jq -r .value "$BODY")
    vim "GuestProcessManager/$pm/StartProgramInGuest" \
        "{\"vm\":$REF,\"auth\":$AUTH,\"spec\":{\"_typeName\":\"GuestProgramSpec\",\"programPath\":\"/bin/sh\",\"arguments\":\"-c 'exit 5'\"}}"
    [ "$code" = 200 ]
    pid=$(cat "$BODY")
    has_ended() {
        vim "GuestProcessManager/$pm/ListProcessesInGuest" "{\"vm\":$REF,\"auth\":$AUTH,\"pids\":[$pid]}"
        jq -e '.[0].exitCode != null' "$BODY" >/dev/null
    }
    wait_until has_ended
    [ "$(jq -r '.[0].exitCode' "$BODY")" = 5 ]
    vim "GuestFileManager/$fm/DeleteFileInGuest" "{\"vm\":$REF,\"auth\":$AUTH,\"filePath\":\"/no/such\"}"
    [ "$code $(jq -r '._typeName + " " + .file' "$BODY")" = "500 FileNotFound /no/such" ]
}

@test "VI JSON: govc works" {
    need govc test -x "$GOVC"
    export GOVC_VI_JSON=true
    run govc find / -type m
    [ "$output" = "/ha-datacenter/vm/demo" ]
    run govc guest.run uname -s
    [ "$output" = Linux ]
    run govc guest.rm /no/such
    [ "$status" -ne 0 ]
    [[ "$output" == *"/no/such was not found"* ]]
    echo hello >"$BATS_TEST_TMPDIR/up"
    govc guest.upload -f "$BATS_TEST_TMPDIR/up" /tmp/json-up
    run govc guest.download /tmp/json-up -
    [ "$output" = hello ]
}

@test "REST: sessions in both dialects" {
    request GET "$BASE/api/session"
    [ "$code $(jq -r .user "$BODY")" = "200 tester" ]
    code=$(curl -sk -o "$BODY" -w '%{http_code}' "$BASE/api/session")
    [ "$code $(jq -r .error_type "$BODY")" = "401 UNAUTHENTICATED" ]
    code=$(curl -sk -o "$BODY" -w '%{http_code}' -X POST -u tester:wrong "$BASE/api/session")
    [ "$code $(jq -r .error_type "$BODY")" = "401 UNAUTHENTICATED" ]
    code=$(curl -sk -o "$BODY" -w '%{http_code}' -X POST "$BASE/api/session")
    [ "$code" = 401 ]
    jar=$BATS_TEST_TMPDIR/jar
    curl -sk -c "$jar" -o "$BODY" -X POST -u "tester:$HOST_PASSWORD_DEFAULT" "$BASE/rest/com/vmware/cis/session"
    old=$(jq -r .value "$BODY")
    [ ${#old} -ge 32 ]
    grep -q "vmware-api-session-id.*$old" "$jar"
    run curl -sk -b "$jar" -X POST "$BASE/rest/com/vmware/cis/session?~action=get"
    [ "$(jq -r .value.user <<<"$output")" = tester ]
    run curl -sk -H "vmware-api-session-id: $old" "$BASE/rest/vcenter/vm?filter.names.1=demo"
    [ "$(jq -r '.value[0].vm' <<<"$output")" = "$ID" ]
    code=$(curl -sk -o /dev/null -w '%{http_code}' -X DELETE -b "$jar" "$BASE/rest/com/vmware/cis/session")
    [ "$code" = 200 ]
    run curl -sk -H "vmware-api-session-id: $old" "$BASE/rest/vcenter/vm"
    [ "$(jq -r .type <<<"$output")" = com.vmware.vapi.std.errors.unauthenticated ]
}

@test "REST: virtual machines are listed, filtered and shown" {
    request GET "$BASE/api/vcenter/vm?names=demo&names=other&power_states=POWERED_ON"
    [ "$(jq -r '.[0].name' "$BODY")" = demo ]
    request GET "$BASE/api/vcenter/vm?power_states=POWERED_OFF"
    [ "$(jq -c . "$BODY")" = "[]" ]
    request GET "$BASE/api/vcenter/vm?power_states=SIDEWAYS"
    [ "$code $(jq -r .error_type "$BODY")" = "400 INVALID_ARGUMENT" ]
    request GET "$BASE/api/vcenter/vm/$ID"
    [ "$(jq -r '.name + " " + .power_state' "$BODY")" = "demo POWERED_ON" ]
    [ "$(jq -r '.memory.size_MiB' "$BODY")" -gt 0 ]
    request GET "$BASE/api/vcenter/vm/none"
    [ "$code $(jq -r '.error_type + " " + .messages[0].args[0]' "$BODY")" = "404 NOT_FOUND none" ]
    request GET "$BASE/api/vcenter/nothing"
    [ "$code" = 404 ]
}

@test "REST: the guest describes itself" {
    request GET "$BASE/api/vcenter/vm/$ID/guest/identity"
    [ "$(jq -r '.family + " " + .host_name' "$BODY")" = "LINUX demo" ]
    request GET "$BASE/api/vcenter/vm/$ID/guest/local-filesystem"
    [ "$(jq -r '.["/"].capacity' "$BODY")" -gt 0 ]
    request GET "$BASE/api/vcenter/vm/$ID/guest/networking/interfaces"
    [ "$(jq -r '.[0].ip.ip_addresses | length' "$BODY")" -gt 0 ]
    request GET "$BASE/api/vcenter/vm/$ID/guest/networking"
    [ "$(jq -r '.dns_values.host_name' "$BODY")" = demo ]
    request GET "$BASE/api/vcenter/vm/$ID/guest/networking/routes"
    [ "$code" = 200 ]
    request GET "$BASE/api/vcenter/vm/$ID/guest/power"
    [ "$(jq -r '.state' "$BODY")" = RUNNING ]
    request GET "$BASE/api/vcenter/vm/$ID/tools"
    [ "$(jq -r '.run_state' "$BODY")" = RUNNING ]
}

@test "REST: processes and environment" {
    guest 'processes?action=create' '"spec":{"path":"/bin/sh","arguments":"-c \"exit $CODE\"","environment_variables":{"CODE":"9"}}'
    [ "$code" = 201 ]
    pid=$(cat "$BODY")
    has_ended() { guest "processes/$pid?action=get" && jq -e '.exit_code != null' "$BODY" >/dev/null; }
    wait_until has_ended
    [ "$(jq -r .exit_code "$BODY")" = 9 ]
    guest 'processes?action=create' '"spec":{"path":"/bin/sleep","arguments":"1000"}'
    pid=$(cat "$BODY")
    guest 'processes?action=list'
    [ "$(jq "map(select(.pid == $pid)) | length" "$BODY")" = 1 ]
    guest "processes/$pid?action=delete"
    [ "$code" = 204 ]
    guest "processes/999999?action=delete"
    [ "$code $(jq -r .error_type "$BODY")" = "404 NOT_FOUND" ]
    guest 'environment/HOME?action=get'
    [ "$(jq -r . "$BODY")" = /root ]
    guest 'environment?action=list' '"names":["HOME"]'
    [ "$(jq -c . "$BODY")" = '{"HOME":"/root"}' ]
}

@test "REST: files and directories" {
    guest 'filesystem/directories?action=create' '"path":"/tmp/rest/a","create_parents":true'
    [ "$code" = 204 ]
    guest 'filesystem/directories?action=create' '"path":"/tmp/rest/a"'
    [ "$code $(jq -r .error_type "$BODY")" = "400 ALREADY_EXISTS" ]
    guest 'filesystem/files?action=createTemporary' '"prefix":"p","suffix":".s","parent_path":"/tmp/rest"'
    f=$(jq -r . "$BODY")
    [[ "$f" == /tmp/rest/p*.s ]]
    guest 'filesystem/files?action=update' "\"path\":\"$f\",\"file_attributes\":{\"posix\":{\"permissions\":\"640\"}}"
    [ "$code" = 204 ]
    guest "filesystem/files/$(jq -rn --arg f "$f" '$f|@uri')?action=get"
    [ "$(jq -r '.type + " " + .attributes.posix_attributes.permissions' "$BODY")" = "FILE 640" ]
    guest 'filesystem/files?action=move' "\"path\":\"$f\",\"new_path\":\"/tmp/rest/moved\""
    [ "$code" = 204 ]
    guest 'filesystem/files?action=list' '"path":"/tmp/rest","iteration":{"size":2}'
    [ "$(jq -r '(.total|tostring) + " " + .status + " " + (.files|length|tostring)' "$BODY")" = "4 READY 2" ]
    guest 'filesystem/files?action=list' '"path":"/tmp/rest","iteration":{"size":2,"index":2}'
    [ "$(jq -r .status "$BODY")" = END_OF_DATA ]
    guest 'filesystem/files/%2Ftmp%2Frest%2Fmoved?action=delete'
    [ "$code" = 204 ]
    guest 'filesystem/files/%2Ftmp%2Frest%2Fmoved?action=delete'
    [ "$code $(jq -r .error_type "$BODY")" = "404 NOT_FOUND" ]
    guest 'filesystem/directories?action=delete' '"path":"/tmp/rest","recursive":true'
    [ "$code" = 204 ]
}

@test "REST: transfers go up and come down" {
    head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/up"
    guest 'filesystem?action=create' '"spec":{"path":"/tmp/rest-up","attributes":{"size":300000,"overwrite":true}}'
    [ "$code" = 201 ]
    curl -sk -f -T "$BATS_TEST_TMPDIR/up" "$(jq -r . "$BODY")"
    guest 'filesystem?action=create' '"spec":{"path":"/tmp/rest-up"}'
    [ "$code" = 201 ]
    curl -sk -f -o "$BATS_TEST_TMPDIR/down" "$(jq -r . "$BODY")"
    cmp "$BATS_TEST_TMPDIR/up" "$BATS_TEST_TMPDIR/down"
}

@test "REST: guest credentials that are wrong are 401 without a host challenge" {
    request POST "$BASE/api/vcenter/vm/$ID/guest/filesystem/files?action=list" -H 'Content-Type: application/json' \
        -d '{"credentials":{"type":"USERNAME_PASSWORD","user_name":"root","password":"bad"},"path":"/"}'
    [ "$code $(jq -r '.error_type + " " + (.challenge|tostring)' "$BODY")" = "401 UNAUTHENTICATED null" ]
    request POST "$BASE/api/vcenter/vm/$ID/guest/filesystem/files?action=list" -H 'Content-Type: application/json' \
        -d '{"credentials":{"type":"USERNAME_PASSWORD"},"path":"/"}'
    [ "$code $(jq -r .error_type "$BODY")" = "400 INVALID_ARGUMENT" ]
}

@test "REST: whoever may only look gets 403 for guest operations and power" {
    printf 'Look-0nly-pw' >"$BATS_TEST_TMPDIR/password"
    inguest user add looker --role ReadOnly --password-file "$BATS_TEST_TMPDIR/password"
    TOKEN=$(curl -sk -X POST -u looker:Look-0nly-pw "$BASE/api/session" | jq -r .)
    request GET "$BASE/api/vcenter/vm"
    [ "$(jq -r '.[0].name' "$BODY")" = demo ]
    guest 'processes?action=list'
    [ "$code $(jq -r .error_type "$BODY")" = "403 UNAUTHORIZED" ]
    request POST "$BASE/api/vcenter/vm/$ID/power?action=stop"
    [ "$code $(jq -r .error_type "$BODY")" = "403 UNAUTHORIZED" ]
    vim "VirtualMachine/$ID/PowerOffVM_Task"
    [ "$code $(jq -r '._typeName + " " + .privilegeId' "$BODY")" = "500 NoPermission VirtualMachine.Interact.PowerOff" ]
}

@test "REST: a machine that is off is deleted, a client that leaves harms nothing" {
    inguest vm create passing --guest-user root --guest-password-file "$HOST_DIR/guest-password"
    request GET "$BASE/api/vcenter/vm?names=passing"
    other=$(jq -r '.[0].vm' "$BODY")
    # A client that is too hasty for a busy machine has not even asked: the next one has more patience.
    for patience in 0.05 0.1 0.3 1 3 10; do
        run curl -sk -m "$patience" -X POST -H "vmware-api-session-id: $TOKEN" "$BASE/api/vcenter/vm/$other/power?action=start"
        for _ in $(seq 40); do
            answers "$BASE/api/vcenter/vm/$other/power" '.state == "POWERED_ON"' && break 2
            sleep 0.1
        done
    done
    request DELETE "$BASE/api/vcenter/vm/$other"
    [ "$code $(jq -r .error_type "$BODY")" = "400 NOT_ALLOWED_IN_CURRENT_STATE" ]
    request POST "$BASE/api/vcenter/vm/$other/power?action=stop"
    [ "$code" = 204 ]
    request DELETE "$BASE/api/vcenter/vm/$other"
    [ "$code" = 204 ]
    request GET "$BASE/api/vcenter/vm?names=passing"
    [ "$(jq -c . "$BODY")" = "[]" ]
}

@test "REST: the OpenAPI document is served and says what is served" {
    run curl -sk "$BASE/api/openapi.json"
    [ "$(jq -r .openapi <<<"$output")" = 3.0.3 ]
    jq -e '.paths["/api/vcenter/vm/{vm}/guest/processes?action=create"].post' <<<"$output" >/dev/null
    # Nothing refers to a schema that is not there.
    missing=$(jq -r '.components.schemas as $s | [.. | objects | .["$ref"]? // empty | sub(".*/"; "")] | unique
        | map(select($s[.] == null)) | join(" ")' <<<"$output")
    [ -z "$missing" ]
}

@test "REST: power operations are answered when they are done" {
    request POST "$BASE/api/vcenter/vm/$ID/power?action=start"
    [ "$code $(jq -r .error_type "$BODY")" = "400 ALREADY_IN_DESIRED_STATE" ]
    request POST "$BASE/api/vcenter/vm/$ID/power?action=stop"
    [ "$code" = 204 ]
    request GET "$BASE/api/vcenter/vm/$ID/power"
    [ "$(jq -r .state "$BODY")" = POWERED_OFF ]
    request POST "$BASE/api/vcenter/vm/$ID/power?action=reset"
    [ "$code $(jq -r .error_type "$BODY")" = "400 NOT_ALLOWED_IN_CURRENT_STATE" ]
    request GET "$BASE/api/vcenter/vm/$ID/guest/identity"
    [ "$code $(jq -r .error_type "$BODY")" = "503 SERVICE_UNAVAILABLE" ]
    guest 'filesystem/files?action=list' '"path":"/"'
    [ "$code $(jq -r .error_type "$BODY")" = "400 NOT_ALLOWED_IN_CURRENT_STATE" ]
    request POST "$BASE/api/vcenter/vm/$ID/power?action=start"
    [ "$code" = 204 ]
    request GET "$BASE/api/vcenter/vm/$ID/power"
    [ "$(jq -r .state "$BODY")" = POWERED_ON ]
    ready
    request POST "$BASE/api/vcenter/vm/$ID/guest/power?action=shutdown"
    [ "$code" = 204 ]
}
