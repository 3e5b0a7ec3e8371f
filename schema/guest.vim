enum GuestOsDescriptorFirmwareType { bios; efi; csm; }
enum GuestRegKeyWowSpec { WOWNative; WOW32; WOW64; }
enum GuestFileType { file; directory; symlink; }

enum NetIpConfigInfoIpAddressStatus {
    preferred; deprecated; invalid; inaccessible; unknown; tentative; duplicate;
}

enum NetIpConfigInfoIpAddressOrigin { other; manual; dhcp; linklayer; random; }

enum GuestInfoCustomizationStatus {
    TOOLSDEPLOYPKG_IDLE; TOOLSDEPLOYPKG_PENDING; TOOLSDEPLOYPKG_RUNNING;
    TOOLSDEPLOYPKG_SUCCEEDED; TOOLSDEPLOYPKG_FAILED;
}

enum GuestInfoAppStateType { none; appStateOk; appStateNeedReset; }

data GuestInfo {
    toolsStatus?: VirtualMachineToolsStatus;
    toolsVersionStatus?: string since 4.0;
    toolsVersionStatus2?: string since 5.0;
    toolsRunningStatus?: string since 4.0;
    toolsVersion?: string;
    toolsInstallType?: string since 6.5;
    guestId?: string;
    guestFamily?: string;
    guestFullName?: string;
    guestDetailedData?: string since 8.0.2.0;
    hostName?: string;
    ipAddress?: string;
    net?: GuestNicInfo[];
    ipStack?: GuestStackInfo[] since 4.1;
    disk?: GuestDiskInfo[];
    screen?: GuestScreenInfo;
    guestState: string;
    appHeartbeatStatus?: string since 4.1;
    guestKernelCrashed?: boolean since 6.0;
    appState?: string since 5.5;
    guestOperationsReady?: boolean since 5.0;
    interactiveGuestOperationsReady?: boolean since 5.0;
    guestStateChangeSupported?: boolean since 6.0;
    generationInfo?: GuestInfoNamespaceGenerationInfo[] since 5.1;
    hwVersion?: string since 6.9.1;
    customizationInfo?: GuestInfoCustomizationInfo since 7.0.2.0;
}

data GuestNicInfo {
    network?: string;
    ipAddress?: string[];
    macAddress?: string;
    connected: boolean;
    deviceConfigId: int;
    dnsConfig?: NetDnsConfigInfo since 4.1;
    ipConfig?: NetIpConfigInfo since 4.1;
    netBIOSConfig?: NetBIOSConfigInfo since 4.1;
}

data GuestStackInfo since 4.1 {
    dnsConfig?: NetDnsConfigInfo;
    ipRouteConfig?: NetIpRouteConfigInfo;
    ipStackConfig?: KeyValue[];
    dhcpConfig?: NetDhcpConfigInfo;
}

data GuestDiskInfo {
    diskPath?: string;
    capacity?: long;
    freeSpace?: long;
    filesystemType?: string since 7.0.0.0;
    mappings?: GuestInfoVirtualDiskMapping[] since 7.0.0.0;
}

data GuestInfoVirtualDiskMapping since 7.0.0.0 { key: int; }

data GuestScreenInfo {
    width: int;
    height: int;
}

data GuestInfoNamespaceGenerationInfo since 5.1 {
    key: string;
    generationNo: int;
}

data GuestInfoCustomizationInfo since 7.0.2.0 {
    customizationStatus: string;
    startTime?: dateTime;
    endTime?: dateTime;
    errorMsg?: string;
}

data NetIpConfigInfo since 4.1 {
    ipAddress?: NetIpConfigInfoIpAddress[];
    dhcp?: NetDhcpConfigInfo;
    autoConfigurationEnabled?: boolean;
}

data NetIpConfigInfoIpAddress since 4.1 {
    ipAddress: string;
    prefixLength: int;
    origin?: string;
    state?: string;
    lifetime?: dateTime;
}

data NetDhcpConfigInfo since 4.1 {
    ipv6?: NetDhcpConfigInfoDhcpOptions;
    ipv4?: NetDhcpConfigInfoDhcpOptions;
}

data NetDhcpConfigInfoDhcpOptions since 4.1 {
    enable: boolean;
    config?: KeyValue[];
}

data NetDnsConfigInfo since 4.1 {
    dhcp: boolean;
    hostName: string;
    domainName: string;
    ipAddress?: string[];
    searchDomain?: string[];
}

data NetIpRouteConfigInfo since 4.1 { ipRoute?: NetIpRouteConfigInfoIpRoute[]; }

data NetIpRouteConfigInfoIpRoute since 4.1 {
    network: string;
    prefixLength: int;
    gateway: NetIpRouteConfigInfoGateway;
}

data NetIpRouteConfigInfoGateway since 4.1 {
    ipAddress?: string;
    device?: string;
}

data NetBIOSConfigInfo since 4.1 { mode: string; }

data WinNetBIOSConfigInfo extends NetBIOSConfigInfo since 4.1 {
    primaryWINS: string;
    secondaryWINS?: string;
}

data KeyValue since 2.5 {
    key: string;
    value: string;
}

object GuestOperationsManager since 5.0 needs System.Anonymous {
    authManager?: ref GuestAuthManager;
    fileManager?: ref GuestFileManager;
    processManager?: ref GuestProcessManager;
    guestWindowsRegistryManager?: ref GuestWindowsRegistryManager since 6.0;
    aliasManager?: ref GuestAliasManager since 6.0;
}

abstract data GuestAuthentication since 5.0 { interactiveSession: boolean default; }

data NamePasswordAuthentication extends GuestAuthentication since 5.0 {
    username: string;
    password: string secret;
}

data SSPIAuthentication extends GuestAuthentication since 5.0 { sspiToken: string secret; }

data SAMLTokenAuthentication extends GuestAuthentication since 6.0 {
    token: string secret;
    username?: string;
}

data TicketedSessionAuthentication extends GuestAuthentication since 5.0 {
    ticket: string secret;
}

object GuestAuthManager since 5.0 {
    ValidateCredentialsInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Query,
            auth: GuestAuthentication) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    AcquireCredentialsInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Query,
            requestedAuth: GuestAuthentication, sessionID?: long) -> GuestAuthentication
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    ReleaseCredentialsInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Query,
            auth: GuestAuthentication) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;
}

object GuestFileManager since 5.0 {
    MakeDirectoryInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, directoryPath: string,
            createParentDirectories: boolean) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    DeleteFileInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, filePath: string) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    DeleteDirectoryInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, directoryPath: string, recursive: boolean) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    MoveDirectoryInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, srcDirectoryPath: string, dstDirectoryPath: string) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    MoveFileInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, srcFilePath: string, dstFilePath: string,
            overwrite: boolean) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    CreateTemporaryFileInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, prefix: string default, suffix: string default,
            directoryPath?: string) -> string
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    CreateTemporaryDirectoryInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, prefix: string default, suffix: string default,
            directoryPath?: string) -> string
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    ListFilesInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Query,
            auth: GuestAuthentication, filePath: string, index?: int, maxResults?: int,
            matchPattern?: string) -> GuestListFileInfo
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    ChangeFileAttributesInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, guestFilePath: string,
            fileAttributes: GuestFileAttributes) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    InitiateFileTransferFromGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Query,
            auth: GuestAuthentication, guestFilePath: string) -> FileTransferInformation
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    InitiateFileTransferToGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Modify,
            auth: GuestAuthentication, guestFilePath: string,
            fileAttributes: GuestFileAttributes default, fileSize: long, overwrite: boolean) -> string
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;
}

data GuestFileAttributes since 5.0 {
    modificationTime?: dateTime;
    accessTime?: dateTime;
    symlinkTarget?: string;
}

data GuestPosixFileAttributes extends GuestFileAttributes since 5.0 {
    ownerId?: int;
    groupId?: int;
    permissions?: long;
}

data GuestWindowsFileAttributes extends GuestFileAttributes since 5.0 {
    hidden?: boolean;
    readOnly?: boolean;
    createTime?: dateTime;
}

data GuestFileInfo since 5.0 {
    path: string;
    type: string;
    size: long;
    attributes: GuestFileAttributes;
}

data GuestListFileInfo since 5.0 {
    files?: GuestFileInfo[];
    remaining: int;
}

data FileTransferInformation since 5.0 {
    attributes: GuestFileAttributes;
    size: long;
    url: string;
}

object GuestProcessManager since 5.0 {
    StartProgramInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Execute,
            auth: GuestAuthentication, spec: GuestProgramSpec) -> long
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied,
            FileFault;

    ListProcessesInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Query,
            auth: GuestAuthentication, pids?: long[]) -> GuestProcessInfo[]?
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    TerminateProcessInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Execute,
            auth: GuestAuthentication, pid: long) -> void
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;

    ReadEnvironmentVariableInGuest(vm: ref VirtualMachine needs VirtualMachine.GuestOperations.Query,
            auth: GuestAuthentication, names?: string[]) -> string[]?
        faults GuestOperationsFault, InvalidState, TaskInProgress, GuestPermissionDenied;
}

data GuestProgramSpec since 5.0 {
    programPath: string;
    arguments: string default;
    workingDirectory?: string;
    envVariables?: string[];
}

data GuestWindowsProgramSpec extends GuestProgramSpec since 5.0 { startMinimized: boolean; }

data GuestProcessInfo since 5.0 {
    name: string;
    pid: long;
    owner: string;
    cmdLine: string;
    startTime: dateTime;
    endTime?: dateTime;
    exitCode?: int;
}
