#!/usr/bin/env bats
# Ansible's community.vmware modules, unmodified.
load lib

setup_file() {
    host_up
    vm_new demo
}

teardown_file() {
    host_down
}

@test "a playbook: facts, a program, files, a snapshot, power, a new VM" {
    need Ansible test -x "$ANSIBLE/bin/ansible-playbook"
    export ADDRESS=$HOST_ADDRESS DEST=$BATS_TEST_TMPDIR ANSIBLE_COLLECTIONS_PATH=$ANSIBLE/collections
    export ANSIBLE_HOME=$BATS_TEST_TMPDIR/home ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_NOCOLOR=1
    run timeout 240 "$ANSIBLE/bin/ansible-playbook" -i localhost, -c local \
        -e ansible_python_interpreter="$ANSIBLE/bin/python3" "$BATS_TEST_DIRNAME/ansible.yml"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(cat "$BATS_TEST_TMPDIR/fetched")" = "hello from ansible" ]
    run govc guest.run cat /root/passwd.copy
    [ "$output" = "$(cat /etc/passwd)" ]
}
