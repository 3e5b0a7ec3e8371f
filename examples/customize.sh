#!/bin/sh
# Customises guests: powers VMs on, copies a folder into each guest, runs a program of it there, and
# fetches the log.
#
# usage: customize.sh FOLDER PROGRAM LOG-FOLDER VM...
#
# FOLDER goes to /tmp/customize in the guest; PROGRAM is a file in it and writes
# /tmp/customize/log. The logs come to LOG-FOLDER. The login in the guest is GUEST_USER with the
# password in VMRUN_GUEST_PASSWORD; which host, and the login there, is in VMRUN_FLAGS
# (for example "-h https://host/sdk -u root", with the password in VMRUN_PASSWORD).
set -eu

[ $# -ge 4 ] || { sed -n '5,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1 program=$2 logs=$3
shift 3
vmrun=${VMRUN:-vmrun}

# shellcheck disable=SC2086 # flags are words
host() { "$vmrun" ${VMRUN_FLAGS:-} "$@"; }
# shellcheck disable=SC2086
guest() { "$vmrun" ${VMRUN_FLAGS:-} -gu "$GUEST_USER" "$@"; }

failed=0
for vm; do
    name=$(basename "$vm" .vmx)
    host start "$vm"
    host getGuestIPAddress "$vm" -wait >/dev/null # the agent is up when it has told an address
    guest copyFileFromHostToGuest "$vm" "$folder" /tmp/customize
    if ! guest runProgramInGuest "$vm" /bin/sh "/tmp/customize/$program"; then
        failed=1
        echo "$name: the program failed" >&2
    fi
    guest copyFileFromGuestToHost "$vm" /tmp/customize/log "$logs/$name.log"
    guest deleteDirectoryInGuest "$vm" /tmp/customize
    echo "$name: $logs/$name.log"
done
exit "$failed"
