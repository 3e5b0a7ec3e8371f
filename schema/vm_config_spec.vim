data VirtualMachineConfigSpec {
    changeVersion?: string;
    name?: string;
    version?: string;
    createDate?: dateTime since 6.7;
    uuid?: string;
    instanceUuid?: string since 4.0;
    npivNodeWorldWideName?: long[] since 2.5;
    npivPortWorldWideName?: long[] since 2.5;
    npivWorldWideNameType?: string since 2.5;
    npivDesiredNodeWwns?: short since 4.0;
    npivDesiredPortWwns?: short since 4.0;
    npivTemporaryDisabled?: boolean since 4.0;
    npivOnNonRdmDisks?: boolean since 4.0;
    npivWorldWideNameOp?: string since 2.5;
    locationId?: string;
    guestId?: string;
    alternateGuestName?: string since 2.5;
    annotation?: string;
    files?: VirtualMachineFileInfo;
    tools?: ToolsConfigInfo;
    flags?: VirtualMachineFlagInfo;
    consolePreferences?: VirtualMachineConsolePreferences;
    powerOpInfo?: VirtualMachineDefaultPowerOpInfo;
    rebootPowerOff?: boolean since 8.0.0.1;
    numCPUs?: int;
    vcpuConfig?: VirtualMachineVcpuConfig[] since 7.0.0.0;
    numCoresPerSocket?: int since 5.0;
    memoryMB?: long;
    memoryHotAddEnabled?: boolean since 2.5u2server;
    cpuHotAddEnabled?: boolean since 2.5u2server;
    cpuHotRemoveEnabled?: boolean since 2.5u2server;
    virtualICH7MPresent?: boolean since 5.0;
    virtualSMCPresent?: boolean since 5.0;
    deviceChange?: VirtualDeviceConfigSpec[];
    cpuAllocation?: ResourceAllocationInfo;
    memoryAllocation?: ResourceAllocationInfo;
    latencySensitivity?: LatencySensitivity since 5.1;
    cpuAffinity?: VirtualMachineAffinityInfo;
    memoryAffinity?: VirtualMachineAffinityInfo;
    networkShaper?: VirtualMachineNetworkShaperInfo;
    cpuFeatureMask?: VirtualMachineCpuIdInfoSpec[];
    extraConfig?: OptionValue[];
    swapPlacement?: string since 2.5;
    bootOptions?: VirtualMachineBootOptions since 2.5;
    vAppConfig?: VmConfigSpec since 4.0;
    ftInfo?: FaultToleranceConfigInfo since 4.0;
    repConfig?: ReplicationConfigSpec since 6.0;
    vAppConfigRemoved?: boolean since 4.0;
    vAssertsEnabled?: boolean since 4.0;
    changeTrackingEnabled?: boolean since 4.0;
    firmware?: string since 5.0;
    maxMksConnections?: int since 5.0;
    guestAutoLockEnabled?: boolean since 5.0;
    managedBy?: ManagedByInfo since 5.0;
    memoryReservationLockedToMax?: boolean since 5.0;
    nestedHVEnabled?: boolean since 5.1;
    vPMCEnabled?: boolean since 5.1;
    scheduledHardwareUpgradeInfo?: ScheduledHardwareUpgradeInfo since 5.1;
    vmProfile?: VirtualMachineProfileSpec[] since 5.5;
    messageBusTunnelEnabled?: boolean since 6.0;
    crypto?: CryptoSpec since 6.5;
    migrateEncryption?: string since 6.5;
    sgxInfo?: VirtualMachineSgxInfo since 7.0.0.0;
    ftEncryptionMode?: string since 7.0.2.0;
    guestMonitoringModeInfo?: VirtualMachineGuestMonitoringModeInfo since 7.0.0.0;
    sevEnabled?: boolean since 7.0.1.0;
    virtualNuma?: VirtualMachineVirtualNuma since 8.0.0.1;
    motherboardLayout?: string since 8.0.0.1;
    pmemFailoverEnabled?: boolean since 7.0.2.0;
    vmxStatsCollectionEnabled?: boolean since 7.0.3.1;
    vmOpNotificationToAppEnabled?: boolean since 7.0.3.0;
    vmOpNotificationTimeout?: long since 8.0.0.1;
    deviceSwap?: VirtualMachineVirtualDeviceSwap since 8.0.0.1;
    simultaneousThreads?: int since 8.0.0.1;
    pmem?: VirtualMachineVirtualPMem since 7.0.3.0;
    deviceGroups?: VirtualMachineVirtualDeviceGroups since 8.0.0.1;
    fixedPassthruHotPlugEnabled?: boolean since 8.0.1.0;
    metroFtEnabled?: boolean since 8.0.3.0;
    metroFtHostGroup?: string since 8.0.3.0;
    tdxEnabled?: boolean since 9.0.0.0;
    sevSnpEnabled?: boolean since 9.0.0.0;
}

data VirtualDeviceConfigSpec {
    operation?: VirtualDeviceConfigSpecOperation;
    fileOperation?: VirtualDeviceConfigSpecFileOperation;
    device: VirtualDevice;
    profile?: VirtualMachineProfileSpec[] since 5.5;
    backing?: VirtualDeviceConfigSpecBackingSpec since 6.5;
    filterSpec?: VirtualMachineBaseIndependentFilterSpec[] since 7.0.2.1;
    changeMode?: string since 8.0.0.1;
}

data VirtualMachineCloneSpec {
    location: VirtualMachineRelocateSpec;
    template: boolean;
    config?: VirtualMachineConfigSpec;
    customization?: CustomizationSpec;
    powerOn: boolean;
    snapshot?: ref VirtualMachineSnapshot since 4.0;
    memory?: boolean since 5.5;
    tpmProvisionPolicy?: string since 8.0.0.1;
}

data VirtualMachineRelocateSpec {
    service?: ServiceLocator since 6.0;
    folder?: ref Folder since 6.0;
    datastore?: ref Datastore;
    diskMoveType?: string since 4.0;
    pool?: ref ResourcePool;
    host?: ref HostSystem;
    disk?: VirtualMachineRelocateSpecDiskLocator[];
    transform?: VirtualMachineRelocateTransformation;
    deviceChange?: VirtualDeviceConfigSpec[] since 5.5;
    profile?: VirtualMachineProfileSpec[] since 5.5;
    cryptoSpec?: CryptoSpec since 7.0.0.0;
}

data SnapshotSelectionSpec since 8.0.3.0 { retentionDays?: int; }
data VirtualMachineGuestQuiesceSpec since 6.5 { timeout?: int; }
