#!/usr/bin/env bats
# The calls of the Java guest operation samples (JAX-WS), envelope by envelope: a temporary file, its
# download, a program and its output, an upload.
load lib

setup_file() {
    host_up
    vm_new demo
}

teardown_file() {
    host_down
}

# call BODY: the answer, without line ends; the session's cookie is kept.
call() {
    printf '<?xml version="1.0" ?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>%s</S:Body></S:Envelope>' "$1" |
        curl -sk -b "$BATS_TEST_TMPDIR/cookies" -c "$BATS_TEST_TMPDIR/cookies" -H 'Content-Type: text/xml; charset=utf-8' \
            -H 'SOAPAction: "urn:vim25/8.0.2.0"' --data-binary @- "https://$HOST_ADDRESS/sdk" | tr -d '\n'
}

# text ELEMENT ANSWER: what is in the first element of this name.
text() {
    sed -n "s/.*<$1\( [^>]*\)\{0,1\}>\([^<]*\)<\/$1>.*/\2/p" <<<"$2" | sed 's/&amp;/\&/g'
}

url() {
    sed "s|\*:[0-9]*|$HOST_ADDRESS|" <<<"$1"
}

@test "create a temporary file, download, run a program and fetch its output, upload" {
    ns='xmlns="urn:vim25"'
    content=$(call "<RetrieveServiceContent $ns><_this type=\"ServiceInstance\">ServiceInstance</_this></RetrieveServiceContent>")
    root=$(text rootFolder "$content")
    collector=$(text propertyCollector "$content")
    call "<Login $ns><_this type=\"SessionManager\">$(text sessionManager "$content")</_this><userName>tester</userName><password>$HOST_PASSWORD_DEFAULT</password></Login>" | grep -q LoginResponse
    view=$(text returnval "$(call "<CreateContainerView $ns><_this type=\"ViewManager\">$(text viewManager "$content")</_this><container type=\"Folder\">$root</container><type>VirtualMachine</type><recursive>true</recursive></CreateContainerView>")")
    found=$(call "<RetrievePropertiesEx $ns><_this type=\"PropertyCollector\">$collector</_this><specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet><obj type=\"ContainerView\">$view</obj><skip>true</skip><selectSet xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"TraversalSpec\"><name>traverseEntities</name><type>ContainerView</type><path>view</path><skip>false</skip></selectSet></objectSet></specSet><options></options></RetrievePropertiesEx>")
    [[ "$found" == *">demo<"* ]]
    vm=$(text obj "$found")
    filter=$(text returnval "$(call "<CreateFilter $ns><_this type=\"PropertyCollector\">$collector</_this><spec><propSet><type>VirtualMachine</type><pathSet>guest.guestOperationsReady</pathSet></propSet><objectSet><obj type=\"VirtualMachine\">$vm</obj></objectSet></spec><partialUpdates>true</partialUpdates></CreateFilter>")")
    call "<WaitForUpdatesEx $ns><_this type=\"PropertyCollector\">$collector</_this><version></version><options><maxWaitSeconds>20</maxWaitSeconds></options></WaitForUpdatesEx>" | grep -q '>true</val>'
    call "<DestroyPropertyFilter $ns><_this type=\"PropertyFilter\">$filter</_this></DestroyPropertyFilter>" | grep -q DestroyPropertyFilterResponse
    managers=$(call "<RetrievePropertiesEx $ns><_this type=\"PropertyCollector\">$collector</_this><specSet><propSet><type>GuestOperationsManager</type><pathSet>fileManager</pathSet><pathSet>processManager</pathSet></propSet><objectSet><obj type=\"GuestOperationsManager\">$(text guestOperationsManager "$content")</obj></objectSet></specSet><options></options></RetrievePropertiesEx>")
    files=$(sed 's/.*type="GuestFileManager"[^>]*>\([^<]*\)<.*/\1/' <<<"$managers")
    processes=$(sed 's/.*type="GuestProcessManager"[^>]*>\([^<]*\)<.*/\1/' <<<"$managers")
    guest="<vm type=\"VirtualMachine\">$vm</vm><auth xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"NamePasswordAuthentication\"><interactiveSession>false</interactiveSession><username>root</username><password>guest-pw</password></auth>"
    fm="<_this type=\"GuestFileManager\">$files</_this>$guest"
    pm="<_this type=\"GuestProcessManager\">$processes</_this>$guest"

    temp=$(text returnval "$(call "<CreateTemporaryFileInGuest $ns>$fm<prefix></prefix><suffix></suffix><directoryPath></directoryPath></CreateTemporaryFileInGuest>")")
    [[ "$temp" == /tmp/* ]]
    pid=$(text returnval "$(call "<StartProgramInGuest $ns>$pm<spec><programPath>/bin/echo</programPath><arguments>from Java &gt; $temp 2&gt;&amp;1</arguments></spec></StartProgramInGuest>")")
    [ "$pid" -gt 0 ]
    until list=$(call "<ListProcessesInGuest $ns>$pm<pids>$pid</pids></ListProcessesInGuest>") && [[ "$list" == *"<endTime>"* ]]; do
        [[ "$list" == *"<pid>$pid</pid>"* ]]
    done
    [ "$(text exitCode "$list")" = 0 ]
    download=$(text url "$(call "<InitiateFileTransferFromGuest $ns>$fm<guestFilePath>$temp</guestFilePath></InitiateFileTransferFromGuest>")")
    [[ "$download" == https://\** ]]
    [ "$(curl -sk -w ' %{http_code}' "$(url "$download")")" = $'from Java\n 200' ]

    upload=$(text returnval "$(call "<InitiateFileTransferToGuest $ns>$fm<guestFilePath>$temp.up</guestFilePath><fileAttributes><modificationTime>2026-01-02T03:04:05.000Z</modificationTime><accessTime>2026-01-02T03:04:05.000Z</accessTime></fileAttributes><fileSize>5</fileSize><overwrite>true</overwrite></InitiateFileTransferToGuest>")")
    [ "$(printf hello | curl -sk -o /dev/null -w '%{http_code}' -X PUT -H 'Content-Type: application/octet-stream' --data-binary @- "$(url "$upload")")" = 200 ]
    info=$(call "<ListFilesInGuest $ns>$fm<filePath>$temp.up</filePath></ListFilesInGuest>")
    [ "$(text size "$info")" = 5 ]
    [[ "$(text modificationTime "$info")" == 2026-01-02T03:04:05* ]]
}
