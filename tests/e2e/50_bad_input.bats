#!/usr/bin/env bats
# Bad input gets an answer that a vSphere client understands, a log line with its source, and ends
# no process.
load lib

setup_file() {
    host_up
    vm_new demo
}

teardown_file() {
    host_down
}

post() { # body -> "STATUS BODY"
    curl -sk -w '%{http_code} ' -o "$BATS_TEST_TMPDIR/body" -H 'Content-Type: text/xml' \
        -H 'SOAPAction: "urn:vim25/8.0.1.0"' --data-binary @- "https://$HOST_ADDRESS/sdk"
    cat "$BATS_TEST_TMPDIR/body"
}

envelope() {
    printf '<?xml version="1.0"?>%s<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>%s</e:Body></e:Envelope>' "${2:-}" "$1"
}

still_serves() {
    curl -sk "https://$HOST_ADDRESS/sdk/vimServiceVersions.xml" | grep -q 'urn:vim25'
    [ -d "/proc/$(host_pid)" ]
}

setup() {
    log_lines=$(wc -l <"$HOST_DIR/hostd.log")
}

logged_with_source() {
    tail -n +$((log_lines + 1)) "$HOST_DIR/hostd.log" | grep -q '127\.0\.0\.1'
}

@test "malformed XML" {
    run post <<<'<a><b></a>'
    [[ "$output" == "500 "*Fault* ]]
    logged_with_source
    still_serves
}

@test "a DOCTYPE and its entities" {
    run post <<<"$(envelope '<x>&a;</x>' '<!DOCTYPE x [<!ENTITY a "aaaa">]>')"
    [[ "$output" == "400 "*"document type"* ]]
    logged_with_source
    still_serves
}

@test "nesting without end" {
    run post <<<"$(envelope "$(printf '<a>%.0s' {1..20000})")"
    [[ "$output" == "500 "*Fault* ]]
    still_serves
}

@test "an unknown method, an unknown object, a wrong type" {
    run post <<<"$(envelope '<NoSuchMethod xmlns="urn:vim25"><_this type="X">y</_this></NoSuchMethod>')"
    [[ "$output" == "500 "*Fault* ]]
    run post <<<"$(envelope '<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">nobody</_this></CurrentTime>')"
    [[ "$output" == "500 "*Fault* ]]
    run post <<<"$(envelope '<Login xmlns="urn:vim25"><_this type="SessionManager">ha-sessionmgr</_this><userName xsi:type="NoType">a</userName></Login>')"
    [[ "$output" == "500 "*Fault* ]]
    still_serves
}

@test "without a session" {
    run post <<<"$(envelope '<CreateContainerView xmlns="urn:vim25"><_this type="ViewManager">ViewManager</_this><container type="Folder">ha-folder-root</container><recursive>true</recursive></CreateContainerView>')"
    [[ "$output" == "500 "*NotAuthenticated* ]]
    still_serves
}

@test "a body and headers beyond any measure" {
    run bash -c "head -c 100000000 /dev/zero | tr '\0' a | curl -sk -o /dev/null -w '%{http_code}' --data-binary @- https://$HOST_ADDRESS/sdk"
    [[ "$output" == 413* || "$output" == 400* || "$output" == 000* ]]
    run curl -sk -o /dev/null -w '%{http_code}' -H "X-Long: $(head -c 100000 /dev/zero | tr '\0' a)" "https://$HOST_ADDRESS/sdk"
    [[ "$output" == 431* || "$output" == 413* || "$output" == 000* ]]
    still_serves
}

@test "transfer URLs that nobody gave out" {
    for query in '' 'id=1' 'id=1&token=x' 'id=99999999999999999999&token=abc' 'id=-1&token=%00%ff'; do
        run curl -sk -o /dev/null -w '%{http_code}' "https://$HOST_ADDRESS/guestFile?$query"
        [[ "$output" == 40[034] ]]
    done
    run curl -sk -o /dev/null -w '%{http_code}' -X DELETE "https://$HOST_ADDRESS/guestFile?id=1&token=x"
    [[ "$output" == 405 || "$output" == 404 ]]
    logged_with_source
    still_serves
}

@test "bytes that are not HTTP, and TLS that is not TLS" {
    head -c 100000 /dev/urandom | timeout 10 bash -c "cat >/dev/tcp/${HOST_ADDRESS/://}" || true
    head -c 100000 /dev/urandom | timeout 10 openssl s_client -quiet -connect "$HOST_ADDRESS" >/dev/null 2>&1 || true
    still_serves
}

@test "old TLS is refused" {
    run timeout 10 openssl s_client -tls1_1 -cipher 'ALL:@SECLEVEL=0' -connect "$HOST_ADDRESS" </dev/null
    [ "$status" -ne 0 ]
    run timeout 10 openssl s_client -tls1_2 -connect "$HOST_ADDRESS" </dev/null
    [ "$status" -eq 0 ]
}

@test "a hostile guest: garbage on its RPC sockets, unknown and oversized commands" {
    need govc test -x "$GOVC"
    cp "$BATS_TEST_DIRNAME/hostile_guest.py" "$BATS_TEST_TMPDIR/"
    url=$(python3 "$BATS_TEST_DIRNAME/../../bench/soap.py" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" demo root guest-pw \
        url /root/hostile.py "$(stat -c %s "$BATS_TEST_DIRNAME/hostile_guest.py")")
    curl -sk --fail -T "$BATS_TEST_DIRNAME/hostile_guest.py" "$url"
    vmx=$(host_processes | while read -r p; do [ "$(cat "/proc/$p/comm")" != inguest-vmx ] || echo "$p"; done)
    run govc guest.run /usr/bin/python3 /root/hostile.py
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"the host is still there"* ]]
    for p in $vmx; do [ -d "/proc/$p" ]; done
    still_serves
    [ "$(govc guest.run echo fine)" = fine ]
}
