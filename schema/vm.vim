enum VirtualMachineMovePriority { lowPriority; highPriority; defaultPriority; }
enum VirtualMachineRelocateTransformation { flat; sparse; }
enum VirtualMachineConfigInfoSwapPlacementType { inherit; vmDirectory; hostLocal; }

enum VirtualMachineRelocateDiskMoveOptions {
    moveAllDiskBackingsAndAllowSharing; moveAllDiskBackingsAndDisallowSharing;
    moveChildMostDiskBacking; createNewChildDiskBacking; moveAllDiskBackingsAndConsolidate;
}

enum UpgradePolicy { manual; upgradeAtPowerCycle; }
enum VirtualMachineStandbyActionType { checkpoint; powerOnSuspend; }
enum VirtualMachinePowerOpType { soft; hard; preset; }
enum VirtualMachinePowerOffBehavior { powerOff; revert; prompt; take; }
enum VirtualMachineFlagInfoMonitorType { release; debug; stats; }
enum VirtualMachineHtSharing { any; none; internal; }
enum VirtualMachineRecordReplayState { recording; replaying; inactive; }

enum VirtualMachineFaultToleranceState {
    notConfigured; disabled; enabled; needSecondary; starting; running;
}

enum VirtualMachineTicketType {
    mks; device; guestControl; dnd; webmks; guestIntegrity; webRemoteDevice;
}

enum VirtualMachineAppHeartbeatStatusType { appStatusGray; appStatusGreen; appStatusRed; }

enum VirtualMachineGuestOsFamily {
    windowsGuest; linuxGuest; netwareGuest; solarisGuest; darwinGuestFamily; otherGuestFamily;
}

enum VirtualMachineGuestState {
    running; shuttingDown; resetting; standby; notRunning; unknown;
}

enum VirtualMachineToolsInstallType {
    guestToolsTypeUnknown; guestToolsTypeMSI; guestToolsTypeTar; guestToolsTypeOSP;
    guestToolsTypeOpenVMTools;
}

enum VirtualMachineToolsRunningStatus {
    guestToolsNotRunning; guestToolsRunning; guestToolsExecutingScripts;
}

enum VirtualMachineToolsVersionStatus {
    guestToolsNotInstalled; guestToolsNeedUpgrade; guestToolsCurrent; guestToolsUnmanaged;
    guestToolsTooOld; guestToolsSupportedOld; guestToolsSupportedNew; guestToolsTooNew;
    guestToolsBlacklisted;
}

enum VirtualMachineToolsStatus { toolsNotInstalled; toolsNotRunning; toolsOld; toolsOk; }
enum VirtualMachineConnectionState { connected; disconnected; orphaned; inaccessible; invalid; }
enum VirtualMachinePowerState { poweredOff; poweredOn; suspended; }

object VirtualMachine extends ManagedEntity needs System.Read {
    capability: VirtualMachineCapability;
    config?: VirtualMachineConfigInfo;
    layout?: VirtualMachineFileLayout;
    layoutEx?: VirtualMachineFileLayoutEx since 4.0;
    storage?: VirtualMachineStorageInfo since 4.0;
    environmentBrowser: ref EnvironmentBrowser;
    resourcePool?: ref ResourcePool;
    parentVApp?: ref ManagedEntity since 4.1;
    resourceConfig?: ResourceConfigSpec;
    runtime: VirtualMachineRuntimeInfo;
    guest?: GuestInfo;
    summary: VirtualMachineSummary;
    datastore?: ref Datastore[] needs System.View;
    network?: ref Network[] needs System.View;
    snapshot?: VirtualMachineSnapshotInfo;
    rootSnapshot?: ref VirtualMachineSnapshot[] since 4.1;
    guestHeartbeatStatus: ManagedEntityStatus;

    PowerOnVM_Task(host?: ref HostSystem) -> task
        needs VirtualMachine.Interact.PowerOn
        faults TaskInProgress, InvalidState, InsufficientResourcesFault, VmConfigFault, FileFault;

    PowerOffVM_Task() -> task
        needs VirtualMachine.Interact.PowerOff
        faults TaskInProgress, InvalidState;

    SuspendVM_Task() -> task
        needs VirtualMachine.Interact.Suspend
        faults TaskInProgress, InvalidState;

    ResetVM_Task() -> task
        needs VirtualMachine.Interact.Reset
        faults TaskInProgress, InvalidState;

    ShutdownGuest() -> void
        needs VirtualMachine.Interact.PowerOff
        faults ToolsUnavailable, TaskInProgress, InvalidState;

    RebootGuest() -> void
        needs VirtualMachine.Interact.Reset
        faults ToolsUnavailable, TaskInProgress, InvalidState;

    StandbyGuest() -> void
        needs VirtualMachine.Interact.Suspend
        faults ToolsUnavailable, TaskInProgress, InvalidState;

    TerminateVM() -> void
        needs VirtualMachine.Interact.PowerOff since 5.0
        faults InvalidState, TaskInProgress;

    AnswerVM(questionId: string, answerChoice: string) -> void
        needs VirtualMachine.Interact.AnswerQuestion
        faults ConcurrentAccess;

    CreateSnapshot_Task(name: string, description?: string, memory: boolean, quiesce: boolean) -> task of ref VirtualMachineSnapshot
        needs VirtualMachine.State.CreateSnapshot
        faults TaskInProgress, SnapshotFault, VmConfigFault, FileFault, InvalidName, InvalidState;

    CreateSnapshotEx_Task(name: string, description?: string, memory: boolean,
            quiesceSpec?: VirtualMachineGuestQuiesceSpec) -> task of ref VirtualMachineSnapshot
        needs VirtualMachine.State.CreateSnapshot since 6.5
        faults TaskInProgress, SnapshotFault, VmConfigFault, FileFault, InvalidName, InvalidState;

    RevertToCurrentSnapshot_Task(host?: ref HostSystem,
            suppressPowerOn?: boolean since 2.5u2server) -> task
        needs VirtualMachine.State.RevertToSnapshot
        faults TaskInProgress, SnapshotFault, InsufficientResourcesFault, InvalidState,
            VmConfigFault, NotFound;

    RemoveAllSnapshots_Task(consolidate?: boolean since 5.0,
            spec?: SnapshotSelectionSpec since 8.0.3.0) -> task
        needs VirtualMachine.State.RemoveSnapshot
        faults TaskInProgress, InvalidState, SnapshotFault;

    ConsolidateVMDisks_Task() -> task
        needs VirtualMachine.State.RemoveSnapshot since 5.0
        faults TaskInProgress, InvalidState, FileFault, VmConfigFault;

    ReconfigVM_Task(spec: VirtualMachineConfigSpec) -> task
        faults TaskInProgress, VmConfigFault, ConcurrentAccess, FileFault, InvalidName,
            DuplicateName, InvalidState, InsufficientResourcesFault, InvalidDatastore;

    UpgradeVM_Task(version?: string) -> task
        needs VirtualMachine.Config.UpgradeVirtualHardware
        faults InvalidState, TaskInProgress, AlreadyUpgraded, NoDiskFound;

    CloneVM_Task(folder: ref Folder needs VirtualMachine.Inventory.CreateFromExisting,
            name: string, spec: VirtualMachineCloneSpec) -> task of ref VirtualMachine
        faults CustomizationFault, InvalidState, InvalidDatastore, TaskInProgress, VmConfigFault,
            FileFault, MigrationFault, InsufficientResourcesFault;

    UnregisterVM() -> void
        needs VirtualMachine.Inventory.Unregister
        faults TaskInProgress, InvalidPowerState;

    ResetGuestInformation() -> void
        needs VirtualMachine.Config.ResetGuestInfo
        faults InvalidState;

    MountToolsInstaller() -> void
        needs VirtualMachine.Interact.ToolsInstall
        faults InvalidState, VmConfigFault, VmToolsUpgradeFault;

    UnmountToolsInstaller() -> void
        needs VirtualMachine.Interact.ToolsInstall
        faults InvalidState, VmConfigFault;

    UpgradeTools_Task(installerOptions?: string) -> task
        needs VirtualMachine.Interact.ToolsInstall
        faults InvalidState, TaskInProgress, VmToolsUpgradeFault, ToolsUnavailable, VmConfigFault;

    AcquireTicket(ticketType: string) -> VirtualMachineTicket
        since 4.1
        faults InvalidState;

    AcquireMksTicket() -> VirtualMachineMksTicket
        needs VirtualMachine.Interact.ConsoleInteract;

    SetScreenResolution(width: int, height: int) -> void
        needs VirtualMachine.Interact.ConsoleInteract
        faults InvalidState, ToolsUnavailable;

    CreateScreenshot_Task() -> task of string
        needs VirtualMachine.Interact.CreateScreenshot since 4.0
        faults TaskInProgress, FileFault, InvalidState;

    MarkAsTemplate() -> void
        needs VirtualMachine.Provisioning.MarkAsTemplate
        faults InvalidState, VmConfigFault, FileFault;

    MarkAsVirtualMachine(pool: ref ResourcePool needs Resource.AssignVMToPool,
            host?: ref HostSystem) -> void
        needs VirtualMachine.Provisioning.MarkAsVM
        faults InvalidState, InvalidDatastore, VmConfigFault, FileFault;

    RefreshStorageInfo() -> void
        needs System.Read since 4.0;
}

data VirtualMachineSummary {
    vm?: ref VirtualMachine;
    runtime: VirtualMachineRuntimeInfo;
    guest?: VirtualMachineGuestSummary;
    config: VirtualMachineConfigSummary;
    storage?: VirtualMachineStorageSummary since 4.0;
    quickStats: VirtualMachineQuickStats;
    overallStatus: ManagedEntityStatus;
    customValue?: CustomFieldValue[];
}

data VirtualMachineConfigSummary {
    name: string;
    template: boolean;
    vmPathName: string;
    memorySizeMB?: int;
    cpuReservation?: int;
    memoryReservation?: int;
    numCpu?: int;
    numEthernetCards?: int;
    numVirtualDisks?: int;
    uuid?: string;
    instanceUuid?: string since 4.0;
    guestId?: string;
    guestFullName?: string;
    annotation?: string;
    product?: VAppProductInfo since 4.0;
    installBootRequired?: boolean since 4.0;
    ftInfo?: FaultToleranceConfigInfo since 4.0;
    managedBy?: ManagedByInfo since 5.0;
    tpmPresent?: boolean since 6.7;
    numVmiopBackings?: int since 6.7;
    hwVersion?: string since 6.9.1;
}

data VirtualMachineGuestSummary {
    guestId?: string;
    guestFullName?: string;
    toolsStatus?: VirtualMachineToolsStatus;
    toolsVersionStatus?: string since 4.0;
    toolsVersionStatus2?: string since 5.0;
    toolsRunningStatus?: string since 4.0;
    hostName?: string;
    ipAddress?: string;
    hwVersion?: string since 6.9.1;
}

data VirtualMachineStorageSummary since 4.0 {
    committed: long;
    uncommitted: long;
    unshared: long;
    timestamp: dateTime;
}

data VirtualMachineQuickStats {
    overallCpuUsage?: int;
    overallCpuDemand?: int since 4.0;
    overallCpuReadiness?: int since 7.0.0.0;
    guestMemoryUsage?: int;
    hostMemoryUsage?: int;
    guestHeartbeatStatus: ManagedEntityStatus;
    distributedCpuEntitlement?: int;
    distributedMemoryEntitlement?: int;
    staticCpuEntitlement?: int since 4.0;
    staticMemoryEntitlement?: int since 4.0;
    grantedMemory?: int since 7.0.0.0;
    privateMemory?: int since 4.0;
    sharedMemory?: int since 4.0;
    swappedMemory?: int since 4.0;
    balloonedMemory?: int since 4.0;
    consumedOverheadMemory?: int since 4.0;
    ftLogBandwidth?: int since 4.0;
    ftSecondaryLatency?: int since 4.0;
    ftLatencyStatus?: ManagedEntityStatus since 4.0;
    compressedMemory?: long since 4.1;
    uptimeSeconds?: int since 4.1;
    ssdSwappedMemory?: long since 5.0;
    activeMemory?: int since 7.0.3.0;
    memoryTierStats?: VirtualMachineQuickStatsMemoryTierStats[] since 7.0.3.0;
}

data VirtualMachineRuntimeInfo {
    device?: VirtualMachineDeviceRuntimeInfo[] since 4.1;
    host?: ref HostSystem;
    connectionState: VirtualMachineConnectionState;
    powerState: VirtualMachinePowerState;
    vmFailoverInProgress?: boolean since 7.0.2.0;
    faultToleranceState: VirtualMachineFaultToleranceState since 4.0;
    dasVmProtection?: VirtualMachineRuntimeInfoDasProtectionState since 5.0;
    toolsInstallerMounted: boolean;
    suspendTime?: dateTime;
    bootTime?: dateTime;
    suspendInterval?: long;
    question?: VirtualMachineQuestionInfo;
    memoryOverhead?: long;
    maxCpuUsage?: int;
    maxMemoryUsage?: int;
    numMksConnections: int;
    recordReplayState: VirtualMachineRecordReplayState since 4.0;
    cleanPowerOff?: boolean since 4.0;
    needSecondaryReason?: string since 4.0;
    onlineStandby: boolean since 5.1;
    minRequiredEVCModeKey?: string since 4.1;
    consolidationNeeded: boolean since 5.0;
    offlineFeatureRequirement?: VirtualMachineFeatureRequirement[] since 5.1;
    featureRequirement?: VirtualMachineFeatureRequirement[] since 5.1;
    featureMask?: HostFeatureMask[] since 5.1;
    vFlashCacheAllocation?: long since 5.5;
    paused?: boolean since 6.0;
    snapshotInBackground?: boolean since 6.0;
    quiescedForkParent?: boolean since 6.0;
    instantCloneFrozen?: boolean since 6.7;
    cryptoState?: string since 6.7;
    suspendedToMemory?: boolean since 7.0.2.0;
    opNotificationTimeout?: long since 8.0.0.1;
    iommuActive?: boolean since 8.0.1.0;
}

data VirtualMachineConfigInfo {
    changeVersion: string;
    modified: dateTime;
    name: string;
    guestFullName: string;
    version: string;
    uuid: string;
    createDate?: dateTime since 6.7;
    instanceUuid?: string since 4.0;
    npivNodeWorldWideName?: long[] since 2.5;
    npivPortWorldWideName?: long[] since 2.5;
    npivWorldWideNameType?: string since 2.5;
    npivDesiredNodeWwns?: short since 4.0;
    npivDesiredPortWwns?: short since 4.0;
    npivTemporaryDisabled?: boolean since 4.0;
    npivOnNonRdmDisks?: boolean since 4.0;
    locationId?: string;
    template: boolean;
    guestId: string;
    alternateGuestName: string since 2.5;
    annotation?: string;
    files: VirtualMachineFileInfo;
    tools?: ToolsConfigInfo;
    flags: VirtualMachineFlagInfo;
    consolePreferences?: VirtualMachineConsolePreferences;
    defaultPowerOps: VirtualMachineDefaultPowerOpInfo;
    rebootPowerOff?: boolean since 8.0.0.1;
    hardware: VirtualHardware;
    vcpuConfig?: VirtualMachineVcpuConfig[] since 7.0.0.0;
    cpuAllocation?: ResourceAllocationInfo;
    memoryAllocation?: ResourceAllocationInfo;
    latencySensitivity?: LatencySensitivity since 5.1;
    memoryHotAddEnabled?: boolean since 2.5u2server;
    cpuHotAddEnabled?: boolean since 2.5u2server;
    cpuHotRemoveEnabled?: boolean since 2.5u2server;
    hotPlugMemoryLimit?: long since 2.5u2server;
    hotPlugMemoryIncrementSize?: long since 2.5u2server;
    cpuAffinity?: VirtualMachineAffinityInfo;
    memoryAffinity?: VirtualMachineAffinityInfo;
    networkShaper?: VirtualMachineNetworkShaperInfo;
    extraConfig?: OptionValue[];
    cpuFeatureMask?: HostCpuIdInfo[];
    datastoreUrl?: VirtualMachineConfigInfoDatastoreUrlPair[];
    swapPlacement?: string since 2.5;
    bootOptions?: VirtualMachineBootOptions since 2.5;
    ftInfo?: FaultToleranceConfigInfo since 4.0;
    repConfig?: ReplicationConfigSpec since 6.0;
    vAppConfig?: VmConfigInfo since 4.0;
    vAssertsEnabled?: boolean since 4.0;
    changeTrackingEnabled?: boolean since 4.0;
    firmware?: string since 5.0;
    maxMksConnections?: int since 5.0;
    guestAutoLockEnabled?: boolean since 5.0;
    managedBy?: ManagedByInfo since 5.0;
    memoryReservationLockedToMax?: boolean since 5.0;
    initialOverhead?: VirtualMachineConfigInfoOverheadInfo since 5.0;
    nestedHVEnabled?: boolean since 5.1;
    vPMCEnabled?: boolean since 5.1;
    scheduledHardwareUpgradeInfo?: ScheduledHardwareUpgradeInfo since 5.1;
    forkConfigInfo?: VirtualMachineForkConfigInfo since 6.0;
    vFlashCacheReservation?: long since 5.5;
    vmxConfigChecksum?: base64Binary since 6.0;
    messageBusTunnelEnabled?: boolean since 6.0;
    vmStorageObjectId?: string since 6.0;
    swapStorageObjectId?: string since 6.0;
    keyId?: CryptoKeyId since 6.5;
    guestIntegrityInfo?: VirtualMachineGuestIntegrityInfo since 6.5;
    migrateEncryption?: string since 6.5;
    sgxInfo?: VirtualMachineSgxInfo since 7.0.0.0;
    contentLibItemInfo?: VirtualMachineContentLibraryItemInfo since 7.0.0.0;
    ftEncryptionMode?: string since 7.0.2.0;
    guestMonitoringModeInfo?: VirtualMachineGuestMonitoringModeInfo since 7.0.0.0;
    sevEnabled?: boolean since 7.0.1.0;
    numaInfo?: VirtualMachineVirtualNumaInfo since 8.0.0.1;
    pmemFailoverEnabled?: boolean since 7.0.2.0;
    vmxStatsCollectionEnabled?: boolean since 7.0.3.1;
    vmOpNotificationToAppEnabled?: boolean since 7.0.3.0;
    vmOpNotificationTimeout?: long since 8.0.0.1;
    deviceSwap?: VirtualMachineVirtualDeviceSwap since 8.0.0.1;
    pmem?: VirtualMachineVirtualPMem since 7.0.3.0;
    deviceGroups?: VirtualMachineVirtualDeviceGroups since 8.0.0.1;
    fixedPassthruHotPlugEnabled?: boolean since 8.0.1.0;
    metroFtEnabled?: boolean since 8.0.3.0;
    vmxRuntimeConfig?: OptionValue[] since 9.0.0.0;
    metroFtHostGroup?: string since 8.0.3.0;
    tdxEnabled?: boolean since 9.0.0.0;
    sevSnpEnabled?: boolean since 9.0.0.0;
}

data VirtualMachineCapability {
    snapshotOperationsSupported: boolean;
    multipleSnapshotsSupported: boolean;
    snapshotConfigSupported: boolean;
    poweredOffSnapshotsSupported: boolean;
    memorySnapshotsSupported: boolean;
    revertToSnapshotSupported: boolean;
    quiescedSnapshotsSupported: boolean;
    disableSnapshotsSupported: boolean since 2.5;
    lockSnapshotsSupported: boolean since 2.5;
    consolePreferencesSupported: boolean;
    cpuFeatureMaskSupported: boolean;
    s1AcpiManagementSupported: boolean;
    settingScreenResolutionSupported: boolean;
    toolsAutoUpdateSupported: boolean;
    vmNpivWwnSupported: boolean since 2.5;
    npivWwnOnNonRdmVmSupported: boolean since 2.5;
    vmNpivWwnDisableSupported: boolean since 4.0;
    vmNpivWwnUpdateSupported: boolean since 4.0;
    swapPlacementSupported: boolean since 2.5;
    toolsSyncTimeSupported: boolean since 2.5;
    virtualMmuUsageSupported: boolean since 2.5;
    diskSharesSupported: boolean since 2.5;
    bootOptionsSupported: boolean since 2.5;
    bootRetryOptionsSupported: boolean since 4.1;
    settingVideoRamSizeSupported: boolean since 2.5;
    settingDisplayTopologySupported: boolean since 2.5u2server;
    recordReplaySupported: boolean since 4.0;
    changeTrackingSupported: boolean since 4.0;
    multipleCoresPerSocketSupported: boolean since 5.0;
    hostBasedReplicationSupported: boolean since 5.0;
    guestAutoLockSupported: boolean since 5.0;
    memoryReservationLockSupported: boolean since 5.0;
    featureRequirementSupported: boolean since 5.1;
    poweredOnMonitorTypeChangeSupported: boolean since 5.1;
    seSparseDiskSupported: boolean since 5.1;
    nestedHVSupported: boolean since 5.1;
    vPMCSupported: boolean since 5.1;
    secureBootSupported?: boolean since 6.5;
    perVmEvcSupported?: boolean since 6.7;
    virtualMmuUsageIgnored?: boolean since 6.7;
    virtualExecUsageIgnored?: boolean since 6.7;
    diskOnlySnapshotOnSuspendedVMSupported?: boolean since 6.7;
    suspendToMemorySupported?: boolean since 7.0.2.0;
    toolsSyncTimeAllowSupported?: boolean since 7.0.1.0;
    sevSupported?: boolean since 7.0.1.0;
    pmemFailoverSupported?: boolean since 7.0.2.0;
    requireSgxAttestationSupported?: boolean since 8.0.0.1;
    changeModeDisksSupported?: boolean since 8.0.0.1;
    vendorDeviceGroupSupported?: boolean since 8.0.1.0;
    sevSnpSupported?: boolean since 9.0.0.0;
    tdxSupported?: boolean since 9.0.0.0;
}

data VirtualMachineFileInfo {
    vmPathName?: string;
    snapshotDirectory?: string;
    suspendDirectory?: string;
    logDirectory?: string;
    ftMetadataDirectory?: string since 6.0;
}

data ToolsConfigInfo {
    toolsVersion?: int;
    toolsInstallType?: string since 6.5;
    afterPowerOn?: boolean;
    afterResume?: boolean;
    beforeGuestStandby?: boolean;
    beforeGuestShutdown?: boolean;
    beforeGuestReboot?: boolean;
    toolsUpgradePolicy?: string since 2.5;
    pendingCustomization?: string since 2.5;
    customizationKeyId?: CryptoKeyId since 6.5;
    syncTimeWithHostAllowed?: boolean since 7.0.1.0;
    syncTimeWithHost?: boolean since 2.5;
    lastInstallInfo?: ToolsConfigInfoToolsLastInstallInfo since 5.0;
}

data ToolsConfigInfoToolsLastInstallInfo since 5.0 {
    counter: int;
    fault?: LocalizedMethodFault;
}

data VirtualMachineFlagInfo {
    disableAcceleration?: boolean;
    enableLogging?: boolean;
    useToe?: boolean;
    runWithDebugInfo?: boolean;
    monitorType?: string since 2.5;
    htSharing?: string;
    snapshotDisabled?: boolean since 2.5;
    snapshotLocked?: boolean since 2.5;
    diskUuidEnabled?: boolean since 2.5;
    virtualMmuUsage?: string since 2.5;
    virtualExecUsage?: string since 4.0;
    snapshotPowerOffBehavior?: string since 2.5;
    recordReplayEnabled?: boolean since 4.0;
    faultToleranceType?: string since 6.0;
    cbrcCacheEnabled?: boolean since 6.5;
    vvtdEnabled?: boolean since 6.7;
    vbsEnabled?: boolean since 6.7;
}

data VirtualMachineDefaultPowerOpInfo {
    powerOffType?: string;
    suspendType?: string;
    resetType?: string;
    defaultPowerOffType?: string;
    defaultSuspendType?: string;
    defaultResetType?: string;
    standbyAction?: string;
}

data VirtualMachineBootOptions since 2.5 {
    bootDelay?: long;
    enterBIOSSetup?: boolean;
    efiSecureBootEnabled?: boolean since 6.5;
    bootRetryEnabled?: boolean since 4.1;
    bootRetryDelay?: long since 4.1;
    bootOrder?: VirtualMachineBootOptionsBootableDevice[] since 5.0;
    networkBootProtocol?: string since 6.0;
}

data VirtualMachineConfigInfoDatastoreUrlPair {
    name: string;
    url: string;
}

data VirtualHardware {
    numCPU: int;
    numCoresPerSocket?: int since 5.0;
    autoCoresPerSocket?: boolean since 8.0.0.1;
    memoryMB: int;
    virtualICH7MPresent?: boolean since 5.0;
    virtualSMCPresent?: boolean since 5.0;
    device?: VirtualDevice[];
    motherboardLayout?: string since 8.0.0.1;
    simultaneousThreads?: int since 8.0.0.1;
}

data VirtualMachineFileLayout {
    configFile?: string[];
    logFile?: string[];
    disk?: VirtualMachineFileLayoutDiskLayout[];
    snapshot?: VirtualMachineFileLayoutSnapshotLayout[];
    swapFile?: string;
}

data VirtualMachineFileLayoutDiskLayout {
    key: int;
    diskFile: string[];
}

data VirtualMachineFileLayoutSnapshotLayout {
    key: ref VirtualMachineSnapshot;
    snapshotFile: string[];
}

data VirtualMachineFileLayoutEx since 4.0 {
    file?: VirtualMachineFileLayoutExFileInfo[];
    disk?: VirtualMachineFileLayoutExDiskLayout[];
    snapshot?: VirtualMachineFileLayoutExSnapshotLayout[];
    timestamp: dateTime;
}

data VirtualMachineFileLayoutExFileInfo since 4.0 {
    key: int;
    name: string;
    type: string;
    size: long;
    uniqueSize?: long since 5.1;
    backingObjectId?: string since 6.0;
    accessible?: boolean since 6.0;
}

data VirtualMachineFileLayoutExDiskLayout since 4.0 {
    key: int;
    virtualDiskFormat?: string since 9.0.0.0;
    chain?: VirtualMachineFileLayoutExDiskUnit[];
}

data VirtualMachineFileLayoutExDiskUnit since 4.0 { fileKey: int[]; }

data VirtualMachineFileLayoutExSnapshotLayout since 4.0 {
    key: ref VirtualMachineSnapshot;
    dataKey: int;
    memoryKey: int since 6.0;
    disk?: VirtualMachineFileLayoutExDiskLayout[];
}

data VirtualMachineStorageInfo since 4.0 {
    perDatastoreUsage?: VirtualMachineUsageOnDatastore[];
    timestamp: dateTime;
}

data VirtualMachineUsageOnDatastore since 4.0 {
    datastore: ref Datastore;
    committed: long;
    uncommitted: long;
    unshared: long;
}

data VirtualMachineSnapshotInfo {
    currentSnapshot?: ref VirtualMachineSnapshot;
    rootSnapshotList: VirtualMachineSnapshotTree[];
}

data VirtualMachineSnapshotTree {
    snapshot: ref VirtualMachineSnapshot;
    vm: ref VirtualMachine;
    name: string;
    description: string;
    id: int since 4.0;
    createTime: dateTime;
    state: VirtualMachinePowerState;
    quiesced: boolean;
    backupManifest?: string since 2.5u2server;
    childSnapshotList?: VirtualMachineSnapshotTree[];
    replaySupported?: boolean since 4.0;
}

data VirtualMachineQuestionInfo {
    id: string;
    text: string;
    choice: ChoiceOption;
    message?: VirtualMachineMessage[] since 2.5;
}

data VirtualMachineMessage since 2.5 {
    id: string;
    argument?: anyType[];
    text?: string since 4.0;
}

data ChoiceOption extends OptionType {
    choiceInfo: ElementDescription[];
    defaultIndex?: int;
}

data VirtualMachineTicket since 4.1 {
    ticket: string;
    cfgFile: string;
    host?: string;
    port?: int;
    sslThumbprint?: string;
    certThumbprintList?: VirtualMachineCertThumbprint[] since 7.0.3.1;
    sslCertificate?: string since 9.0.0.0;
    url?: string since 7.0.0.0;
}

data VirtualMachineMksTicket {
    ticket: string;
    cfgFile: string;
    host?: string;
    port?: int;
    sslThumbprint?: string since 2.5;
}

data VirtualMachineDeviceRuntimeInfo since 4.1 {
    runtimeState: VirtualMachineDeviceRuntimeInfoDeviceRuntimeState;
    key: int;
}

data VirtualMachineConfigOption {
    version: string;
    description: string;
    guestOSDescriptor: GuestOsDescriptor[];
    guestOSDefaultIndex: int;
    hardwareOptions: VirtualHardwareOption;
    capabilities: VirtualMachineCapability;
    datastore: DatastoreOption;
    defaultDevice?: VirtualDevice[];
    supportedMonitorType: string[] since 2.5;
    supportedOvfEnvironmentTransport?: string[] since 4.0;
    supportedOvfInstallTransport?: string[] since 4.0;
    propertyRelations?: VirtualMachinePropertyRelation[] since 6.7;
}

data VirtualMachineConfigOptionDescriptor {
    key: string;
    description?: string;
    host?: ref HostSystem[];
    createSupported: boolean since 2.5u2server;
    defaultConfigOption: boolean since 2.5u2server;
    runSupported: boolean since 5.1;
    upgradeSupported: boolean since 5.1;
}

data GuestOsDescriptor {
    id: string;
    family: string;
    fullName: string;
    supportedMaxCPUs: int;
    numSupportedPhysicalSockets: int since 5.0;
    numSupportedCoresPerSocket: int since 5.0;
    supportedMinMemMB: int;
    supportedMaxMemMB: int;
    recommendedMemMB: int;
    recommendedColorDepth: int;
    supportedDiskControllerList: typeName[];
    recommendedSCSIController?: typeName;
    recommendedDiskController: typeName;
    supportedNumDisks: int;
    recommendedDiskSizeMB: int;
    recommendedCdromController: typeName since 5.5;
    supportedEthernetCard: typeName[];
    recommendedEthernetCard?: typeName;
    supportsSlaveDisk?: boolean;
    cpuFeatureMask?: HostCpuIdInfo[];
    smcRequired: boolean since 5.0;
    supportsWakeOnLan: boolean;
    supportsVMI: boolean since 2.5u2server;
    supportsMemoryHotAdd: boolean since 2.5u2server;
    supportsCpuHotAdd: boolean since 2.5u2server;
    supportsCpuHotRemove: boolean since 2.5u2server;
    supportedFirmware: string[] since 5.0;
    recommendedFirmware: string since 5.0;
    supportedUSBControllerList?: typeName[] since 5.0;
    recommendedUSBController?: typeName since 5.0;
    supports3D: boolean since 5.0;
    recommended3D: boolean since 5.1;
    smcRecommended: boolean since 5.0;
    ich7mRecommended: boolean since 5.0;
    usbRecommended: boolean since 5.0;
    supportLevel: string since 5.0;
    supportedForCreate: boolean since 5.0;
    vRAMSizeInKB: IntOption since 5.0;
    numSupportedFloppyDevices: int since 6.0;
    wakeOnLanEthernetCard?: typeName[] since 6.0;
    supportsPvscsiControllerForBoot: boolean since 6.0;
    diskUuidEnabled: boolean since 6.0;
    supportsHotPlugPCI: boolean since 6.0;
    supportsSecureBoot?: boolean since 6.5;
    defaultSecureBoot?: boolean since 6.5;
    persistentMemorySupported?: boolean since 6.7;
    supportedMinPersistentMemoryMB?: long since 6.7;
    supportedMaxPersistentMemoryMB?: long since 6.7;
    recommendedPersistentMemoryMB?: long since 6.7;
    persistentMemoryHotAddSupported?: boolean since 6.7;
    persistentMemoryHotRemoveSupported?: boolean since 6.7;
    persistentMemoryColdGrowthSupported?: boolean since 6.7;
    persistentMemoryColdGrowthGranularityMB?: long since 6.7;
    persistentMemoryHotGrowthSupported?: boolean since 6.7;
    persistentMemoryHotGrowthGranularityMB?: long since 6.7;
    numRecommendedPhysicalSockets?: int since 6.7;
    numRecommendedCoresPerSocket?: int since 6.7;
    vvtdSupported?: BoolOption since 6.7;
    vbsSupported?: BoolOption since 6.7;
    vsgxSupported?: BoolOption since 7.0.0.0;
    vsgxRemoteAttestationSupported?: boolean since 8.0.0.1;
    supportsTPM20?: boolean since 6.7;
    recommendedTPM20?: boolean since 8.0.0.1;
    vwdtSupported?: boolean since 7.0.0.0;
}
