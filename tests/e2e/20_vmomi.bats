#!/usr/bin/env bats
# pyVmomi, unmodified, against both personas.
load lib

teardown() {
    host_down
}

@test "pyVmomi does guest operations on the ESXi persona" {
    need pyVmomi "$PYTHON" -c 'import pyVmomi'
    host_up
    vm_new demo
    run "$PYTHON" "$BATS_TEST_DIRNAME/vmomi.py" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" demo root guest-pw
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "pyVmomi does guest operations on the vCenter persona" {
    need pyVmomi "$PYTHON" -c 'import pyVmomi'
    host_up --persona center
    vm_new demo
    run "$PYTHON" "$BATS_TEST_DIRNAME/vmomi.py" "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" demo root guest-pw
    echo "$output"
    [ "$status" -eq 0 ]
}
