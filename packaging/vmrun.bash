# bash completion for vmrun
_vmrun() {
    local commands="start stop reset suspend pause unpause listNetworkAdapters addNetworkAdapter setNetworkAdapter
 deleteNetworkAdapter listHostNetworks listPortForwardings setPortForwarding deletePortForwarding listSnapshots
 snapshot deleteSnapshot revertToSnapshot runProgramInGuest fileExistsInGuest directoryExistsInGuest
 setSharedFolderState addSharedFolder removeSharedFolder enableSharedFolders disableSharedFolders
 listProcessesInGuest killProcessInGuest runScriptInGuest deleteFileInGuest createDirectoryInGuest
 deleteDirectoryInGuest createTempfileInGuest listDirectoryInGuest copyFileFromHostToGuest copyFileFromGuestToHost
 renameFileInGuest typeKeystrokesInGuest connectNamedDevice disconnectNamedDevice captureScreen writeVariable
 readVariable getGuestIPAddress list listRegisteredVM upgradevm installTools checkToolsState register unregister
 deleteVM clone downloadPhotonVM"
    local flags="-T -h -P -u -p -vp -gu -gp --password-file --guest-password-file --cacert --fingerprint --accept-new
 --timeout --keep-login --help --version"
    local word=${COMP_WORDS[COMP_CWORD]} i command=
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --accept-new | --help | --version) ;;
        -*) i=$((i + 1)) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done
    COMPREPLY=()
    if [ -n "$command" ]; then
        case $command:$((COMP_CWORD - i)) in
        start:2) mapfile -t COMPREPLY < <(compgen -W "gui nogui" -- "$word") ;;
        stop:2 | reset:2 | suspend:2) mapfile -t COMPREPLY < <(compgen -W "hard soft" -- "$word") ;;
        runProgramInGuest:[2-4] | runScriptInGuest:[2-4])
            mapfile -t COMPREPLY < <(compgen -W "-noWait -activeWindow -interactive" -- "$word")
            ;;
        enableSharedFolders:2 | disableSharedFolders:2) mapfile -t COMPREPLY < <(compgen -W "runtime" -- "$word") ;;
        setSharedFolderState:4) mapfile -t COMPREPLY < <(compgen -W "writable readonly" -- "$word") ;;
        deleteSnapshot:3) mapfile -t COMPREPLY < <(compgen -W "andDeleteChildren" -- "$word") ;;
        listSnapshots:2) mapfile -t COMPREPLY < <(compgen -W "showTree" -- "$word") ;;
        clone:3) mapfile -t COMPREPLY < <(compgen -W "full linked" -- "$word") ;;
        clone:[45])
            mapfile -t COMPREPLY < <(compgen -W "-snapshot= -cloneName=" -- "$word")
            compopt -o nospace 2>/dev/null
            ;;
        getGuestIPAddress:2) mapfile -t COMPREPLY < <(compgen -W "-wait" -- "$word") ;;
        readVariable:2 | writeVariable:2)
            mapfile -t COMPREPLY < <(compgen -W "runtimeConfig guestEnv guestVar" -- "$word")
            ;;
        *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        esac
        return
    fi
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    -T) mapfile -t COMPREPLY < <(compgen -W "ws ws-shared player fusion server server1 esx vc" -- "$word") ;;
    --password-file | --guest-password-file | --cacert) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    -h | -P | -u | -p | -vp | -gu | -gp | --fingerprint | --timeout | --keep-login) ;;
    *)
        if [[ $word == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
        else
            mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
        fi
        ;;
    esac
}
complete -F _vmrun vmrun
